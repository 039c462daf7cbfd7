// Package hdf5 reads the part of HDF5 in which data sets of pictures and responses come: MATLAB's version 7.3 files, and what h5py
// and PyTables write by default.
//
//	f, err := hdf5.Open("gtsegs_ijcv.mat")
//	cells, err := f.Lookup("/value/img")   // an object
//	refs, err := cells.References()        // object references, in row-major order
//	img, err := f.Deref(refs[0])
//	pixels, err := img.Bytes()             // the elements as they are stored
//
// Source: HDF5 File Format Specification 3.0, sections II (superblock), III (trees, heaps, symbol nodes) and IV (object
// headers and their messages).
//
// Read are superblocks 0 to 3 behind a user block of any allowed length, object headers 1 and 2, groups as symbol tables and as compact
// links, contiguous, compact and chunked (version 1 B-tree) data sets, the filters deflate, shuffle and fletcher32, fill values, and
// integers, floats, fixed-length strings, enumerations and object references of either byte order.
//
// # Invariants
//
//   - Every address and length is checked against the file before it is used, and every product for overflow.
//   - No more is allocated for a data set than a file of this size can hold after the strongest deflation (see limits.go).
//   - Trees and continuations that point back into themselves are errors: every node is visited once.
//   - Checksums that the file has (version 2 headers and superblocks, fletcher32) are compared.
//   - A *File may be used from many goroutines.
//
// # Limits
//
//   - Not read, and said so by name: groups with dense (fractal heap) links, version 4 chunk indexes other than a single chunk (libver="latest"),
//     compound, variable-length, array, opaque and bitfield types, region references, external and virtual data sets, soft links across
//     files, other filters (LZF, SZIP, Blosc).
//   - Attributes are not read.
package hdf5
