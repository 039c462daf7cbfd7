package nifti

const (
	// maxExtent bounds one dimension: fsaverage has 163,842 vertices, the finest volumes some thousand voxels a side.
	maxExtent = 1 << 26
	// maxFrameBytes bounds one frame: half a gigabyte of float32 is a volume of 500^3.
	maxFrameBytes = 1 << 29
	// maxOffset bounds where NIfTI's data may begin: extensions of the header take kilobytes; and what may follow it.
	maxOffset = 1 << 26
	// firstAlloc is what is allocated before any element has been read.
	firstAlloc = 1 << 20
)
