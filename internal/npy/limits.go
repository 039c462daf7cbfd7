package npy

// Bounds on what is read.
const (
	// MaxHeaderBytes bounds the text header. numpy.load itself stops at 10,000 characters by default; headers
	// longer than some hundred bytes come from structured dtypes, which are refused anyway.
	MaxHeaderBytes = 1 << 16
	// MaxRank is NumPy 2's own bound on dimensions.
	MaxRank = 64
	// MaxItemBytes bounds one element: a text of 16 million characters. It keeps element count times size from
	// overflowing.
	MaxItemBytes = 1 << 26
	// MaxMembers bounds the arrays of an .npz file, an order above one array a unit of the largest network.
	MaxMembers = 1 << 20
	// firstAlloc is what is allocated before any element has been read.
	firstAlloc = 1 << 20
)
