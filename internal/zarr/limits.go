package zarr

// Bounds on what is read. Each is far above any recording and low enough that a hostile file cannot take the
// machine's memory or time before it is found out.
const (
	// MaxMetadataBytes bounds one zarr.json. A recording of 10,000 sites has about 5 MB of it; parsed JSON takes
	// some ten times its size in memory.
	MaxMetadataBytes = 64 << 20
	// MaxRank bounds the number of dimensions; NumPy 2 stops at 64, activations at 5 or 6.
	MaxRank = 32
	// MaxChunkBytes bounds one decoded chunk. 2 GiB is also the largest chunk zarr-python's blosc takes, and
	// below it every offset fits a 32-bit int.
	MaxChunkBytes = 1<<31 - 1
	// MaxChunks bounds the number of chunks of one array: a file each, and more than 2^28 of them is beyond what
	// file systems list in any useful time.
	MaxChunks = 1 << 28
	// MaxElements bounds a whole array so that element counts times 8 bytes stay far from overflowing int64.
	MaxElements = 1 << 52
	// MaxCodecs bounds the codec chain; real ones have at most 4.
	MaxCodecs = 16
)
