package recording

// Bounds on what a recording may hold, beside those of package zarr.
const (
	// maxArrays bounds the arrays of a recording. Every chunk is a file per array, and every site of the largest
	// network here with ten reductions each stays below it.
	maxArrays = 20000
	// maxColumns bounds the label columns, for the same reason.
	maxColumns = 2000
	// maxNameBytes bounds an array's or column's name: file systems take 255 bytes, and a temporary file in the
	// same folder needs none of them, as the name is a folder.
	maxNameBytes = 240
	// maxMissingBytes bounds the NaN that a read makes for rows nobody recorded. An incomplete recording may say
	// it has any number of rows; those there are files for are not counted.
	maxMissingBytes = 1 << 30
	// zstdExpansion bounds how much a zstd frame can grow: a block of 128 KiB takes at least 4 bytes (RFC 8878,
	// section 3.1.1.2: 3 bytes of header and, for a run, one byte), so 2^15; one bit to spare.
	zstdExpansion = 1 << 16
)
