// Package zarr reads and writes the part of Zarr version 3 that recordings need: groups and arrays in plain
// folders, regular chunks, and the codecs bytes, vlen-utf8, gzip, zstd and crc32c.
//
// Source: the Zarr core specification, version 3.0 (zarr-specs.readthedocs.io/en/latest/v3/core), its codec pages,
// and for strings the registered extensions "string" and "vlen-utf8" (github.com/zarr-developers/zarr-extensions).
//
// The unit is the chunk. Inside this package an array's elements are bytes: little-endian, in C order, exactly
// DType.Size each; a chunk of strings is a []string. Whoever calls turns them into numbers. Chunks are whole also
// at the edge of an array, filled up with the fill value, as the specification asks.
//
// # Invariants
//
//   - Metadata is written with fixed key order and indentation: the same array gives the same bytes.
//   - Decode(Encode(chunk)) is the chunk, bit by bit, NaN payloads included.
//   - A chunk whose checksum, length or inner structure is wrong is ErrCorrupt, never wrong numbers.
//   - What a reader does not understand (a codec, a data type, a required extension) is an error that names it.
//
// # Limits
//
// No sharding codec, no transpose, no blosc, no Zarr version 2, no consolidated metadata (it is an index over
// what the folders already say and is ignored where found). Sizes are bounded in limits.go.
package zarr
