// Package safetensors reads and writes safetensors files: a JSON header that names tensors, then their bytes.
//
// The format is that of https://huggingface.co/docs/safetensors: eight bytes little-endian header length, a JSON
// object {"name": {"dtype", "shape", "data_offsets": [begin, end]}, ..., "__metadata__": {string: string}}, possibly
// padded with spaces, then one buffer of little-endian values in row-major order that the offsets cover exactly.
// It holds no code and no compression, so a file is safe to map into memory once its header has been checked; all of
// the checking is here, before the first tensor is handed out.
//
// Open maps a file, Parse reads bytes that are already in memory, Write and WriteFile make files. A Tensor is a view:
// a name, an element type, a shape and the bytes. Float32, Int64 and CheckFinite turn the bytes into numbers.
//
// # Invariants
//
//   - A *File that Open or Parse returned is consistent: names are unique (also as JSON keys), every dtype is one of
//     the known ones, every shape times its element size equals the bytes given to it, and the tensors cover the data
//     buffer without overlap, without holes and without bytes left over. Nothing has to be checked again.
//   - Nothing is allocated for a number that the header merely claims: lengths are compared with the bytes that are
//     really there first.
//   - Write is a function of the set of tensors and the metadata: the order of its arguments does not matter and the
//     same content gives the same bytes on every machine. Write then Parse gives back what went in.
//   - WriteFile leaves either the old file or the whole new one.
//
// # Limits
//
//   - Limits on header size and rank are in limits.go, each with its reason.
//   - Eight-bit floats, sub-byte and complex types, which newer writers know, are refused by name (ErrDType).
//   - Where the reference implementation (safetensors 0.8 for Python) is more lenient, this one refuses: a header that
//     does not begin with a brace, metadata keys that occur twice, fields of a tensor's entry that the format does not
//     define, more than 64 axes, and empty tensors whose other axes overflow. On everything else the two agree.
//   - The format has no checksum. A flipped bit in a weight is not seen here; package weights compares content hashes.
//   - A mapped file that another program shortens while it is open makes the operating system stop this process on
//     access, as with every memory map. Writers that rename, as WriteFile does, are harmless.
package safetensors
