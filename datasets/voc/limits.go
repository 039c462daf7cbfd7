package voc

const (
	// maxListBytes bounds a list of IDs: trainval has 2,913 of 12 bytes; this is room for a million.
	maxListBytes = 16 << 20
	// maxLabelBytes bounds a label picture: VOC's have 500 x 375 pixels and some kilobytes.
	maxLabelBytes = 64 << 20
	// maxPictureBytes bounds a JPEG, as internal/imageio does.
	maxPictureBytes = 256 << 20
	// maxClasses is what a byte holds beside background and void.
	maxClasses = 254
)
