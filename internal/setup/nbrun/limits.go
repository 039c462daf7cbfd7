package nbrun

const (
	// MaxStored is the largest notebook the repository takes. A code host shows notebooks of this size, and each
	// new execution adds one to the history for good.
	MaxStored = 2 << 20

	// maxRead is the largest notebook that is read: an executed one with tens of pictures is far below it.
	maxRead = 256 << 20

	// maxDepth bounds nesting; nbformat needs about eight levels, widget state a few more.
	maxDepth = 64
)
