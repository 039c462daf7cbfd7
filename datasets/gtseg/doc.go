// Package gtseg reads ImageNet-Segmentation, the pictures with figure and ground of Guillaumin, Küttel and Ferrari (IJCV 110, 2014), from their one
// file gtsegs_ijcv.mat.
//
// The file is MATLAB 7.3, that is HDF5. /value/img is a column of references to pictures (uint8; MATLAB's height x width x 3 arrays are 3 x width x height
// in HDF5), /value/gt one of references to cells whose first element refers to the labels (width x height, 0 ground, 1 figure), and /value/id,
// where there is one, one of references to names.
//
// # Invariants
//
//   - Open checks that there are as many label cells as pictures (and names), and that every reference points somewhere.
//   - Where a file SHA256SUMS lies beside it that names it, the whole file is checked against it first.
//   - Labels are 0 and 1, in a picture's own size; another value or size is an error of At for that picture.
//   - Cells that refer to one another in a circle are an error.
//   - IDs are the names in the file where it has them, each once, else gtseg_000000, gtseg_000001, ...
//
// # Limits
//
//   - The labels of a picture are the first element of its cell: other annotators' are left out, as the published evaluations do.
//   - What internal/hdf5 does not read.
package gtseg
