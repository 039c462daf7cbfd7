// Package pickle reads one form of Python pickle, the dictionary from whole numbers to names that the Algonauts 2023
// data set keeps in its files mapping_CLASS.npy, and executes nothing.
//
// numpy.save(path, {0: "Unknown", 1: "V1v"}) wraps the dictionary in an array of one Python object and pickles
// that. A pickle is a program for a stack machine (CPython's Lib/pickletools.py describes every instruction), two of
// whose instructions name and call any function. This reader knows the few instructions that such a dictionary needs and recognises,
// by name and by the form of their arguments, the few callables by which NumPy rebuilds an array, a dtype and a
// number. Everything else is an error before anything happens, and nothing is ever called or imported: a value is data or it is refused.
//
// # Invariants
//
//   - Labels either returns a dictionary with whole numbers for keys and text for values, or an error; no
//     instruction of the file has an effect outside this reader.
//   - A pickle that names a callable outside the list of numpyNames is ErrCall, and the error says which.
//   - A key that comes twice, bytes after the end, and an unfinished program are errors.
//   - Labels(Encode(m)) is m, and numpy.load(..., allow_pickle=True).item() reads what Encode writes.
//
// # Limits
//
//   - Protocols 0 to 5, but of their instructions only those that whole numbers, text, tuples, lists and dictionaries
//     are made of.
//   - Keys that are NumPy integers are read; values that are NumPy strings are not.
//   - limits.go bounds the size of a file.
package pickle
