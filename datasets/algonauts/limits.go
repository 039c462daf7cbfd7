package algonauts

const (
	// maxImages bounds the pictures of a split: the largest has 9,841; running numbers have four digits, or more.
	maxImages = 1 << 20
	// maxPictureBytes bounds a picture, as internal/imageio does.
	maxPictureBytes = 256 << 20
	// maxMaskBytes bounds a mask file: 163,842 labels of 8 bytes and a header.
	maxMaskBytes = 2 << 20
	// maxResponseBytes bounds a file of responses on systems without memory maps, where it is read: the largest has 809 MB.
	maxResponseBytes = 4 << 30
)
