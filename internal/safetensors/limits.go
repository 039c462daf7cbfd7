package safetensors

const (
	// MaxHeader is the largest JSON header accepted, in bytes. It is the limit of the reference implementation (100
	// million): a header costs about 100 bytes a tensor, so this is room for a million tensors, and parsing one stays
	// within seconds and a few hundred megabytes.
	MaxHeader = 100_000_000

	// MaxRank is the largest number of axes of a tensor. Networks use at most 5 or 6 and NumPy stops at 64; the limit
	// keeps a hostile header from being one shape of fifty million axes.
	MaxRank = 64

	// MaxElements bounds a shape's product, so that elements times eight bytes is still an int64.
	MaxElements = 1 << 59
)
