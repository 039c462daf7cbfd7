// Package recording is the store of recorded activations: a folder that is one Zarr version 3 group, written chunk
// by chunk by a Writer that can be killed at any moment, and read by Recording or, as it is, by zarr.open in Python.
//
// # Layout
//
//	DIR/zarr.json                      group; attribute "ventral": manifest, specs, length, complete, fingerprint
//	DIR/NAME/zarr.json, c/K/0/...      an array per ArraySpec, shape [stimuli, ...], NaN where there is no value
//	DIR/stimuli/{id,content_hash,message,status}/...   the table; status is a code with CF flag attributes
//	DIR/labels/COLUMN/...              an array per label column
//
// Every array is chunked along the stimulus axis only, all with the same number of rows. Chunk K of the recording is
// the set of files number K: one of every array. It is the unit of work (a shard): it is written, checked and
// redone as a whole. Its files are placed one by one with package atomicfile, the one of stimuli/status last; as
// long as that file is not there the chunk is missing. A CRC-32C ends every file (Zarr codec crc32c).
//
// Text columns are Zarr arrays of data type "string" with codec "vlen-utf8", which zarr-python 3.1 and later read
// without a warning into NumPy's variable-width strings. The lock files of writers lie in DIR/stimuli/status, inside
// an array, because zarr-python warns of foreign names between the members of a group but not there. They exist only
// while a writer is open, or until the next one after a kill.
//
// # Invariants
//
//   - Rows equal stimuli: a picture that cannot be read is a row with a status and NaN values.
//   - The same manifest, specs, rows and values give the same bytes in every file, in whatever order chunks are
//     written, however many writers share them and however often they are killed. Nothing of the machine or the
//     hour is stored. (With Zstd: for the same version of the compressor.)
//   - A chunk that counts as there was whole when it was written, and damage since then is an error on reading,
//     not a number.
//   - Manifest.Hash is the content address; two recordings with the same one are of the same thing.
//   - A complete recording has unique IDs.
//
// # Limits
//
// Writing needs flock(2): Linux, macOS and BSD, and a file system that has it. Values are kept for whole stimuli in
// the order of the set; there is no appending beyond the length given to Create. A chunk is at most 2 GiB per array
// and is held in memory while it is written, once as values and once as bytes for up to 16 arrays at a time. Integer
// arrays have no NaN: on the disk rows without values are 0 there, and only the status tells; Read gives NaN.
package recording
