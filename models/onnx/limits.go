package onnx

const (
	// MaxFile is the largest model file read, in bytes: protocol buffers end at 2 GiB, and larger networks keep their
	// weights in files beside it, which MaxFile does not bound.
	MaxFile = 2 << 30

	// MaxNodes bounds the number of nodes. Large exported networks have some ten thousand; building a graph of this many
	// takes seconds.
	MaxNodes = 200_000

	// MaxRank is the largest number of axes of a tensor. Window attention uses six.
	MaxRank = 12

	// MaxSize bounds a dimension and the number of values of one tensor, so that products of a few of them stay far from
	// the end of an int64. It is 32 GiB of float32, more than any one value of a network that fits a machine.
	MaxSize = 1 << 33

	// MaxKnown is the largest tensor whose values are followed while the graph is built: shapes, indices, sizes, the
	// position and mask tables that some exporters compute from them. Every value takes 8 bytes, so this is 32 MiB.
	MaxKnown = 1 << 22

	// MaxWindow bounds the places of a pooling window or convolution kernel, because each becomes some nodes of the graph.
	// The largest kernels in use are 51 x 51.
	MaxWindow = 4096

	// MaxGroups bounds the groups of a convolution that is neither dense nor depthwise: each becomes a convolution.
	MaxGroups = 512

	// MaxGraph bounds the nodes of the graph that is built, so that a small file cannot ask for one that no memory holds.
	// Window attention and NASNet-like cells of full size come to some tens of thousands.
	MaxGraph = 100_000

	// maxSide bounds the sides of pictures, paddings and strides: no published network reads more than 1024 pixels.
	maxSide = 16384
)
