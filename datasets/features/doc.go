// Package features reads features that other programs computed: a row a picture, a column a dimension, from .npy, .npz or safetensors files.
//
//	f, err := features.Open("dino.npz", features.Options{IDs: features.SetIDs(set)})
//	row := f.Row(3) // of stimulus 3 of the set
//
// Which row is which picture is the one thing that goes wrong unseen, so a file says it, and Open checks it:
//
//	.npz          an array "ids" of text beside the one matrix (or the array that Options.Array names)
//	safetensors   metadata "ids", a JSON list of text, beside the one matrix
//	.npy          a text file beside it with a line a row: FILE.ids.txt
//
// # Invariants
//
//   - There are as many ids as rows, each once.
//   - With Options.IDs, every one of them has a row, and the rows come in their order, whatever the file's was. A file without ids then needs
//     as many rows as there are IDs, and is taken to be in their order only if Options.Ordered says so.
//   - With Options.SHA256 the file's bytes have that sum.
//   - Every value is finite; the first that is not is named by row, id and column.
//
// # Limits
//
//   - Matrices of numbers with two dimensions. Three or more are flattened to a row each only if Options.Flatten says so.
//   - The matrix is held in memory, in float32.
package features
