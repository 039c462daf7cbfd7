package gtseg

const (
	// maxPictures bounds the file; the published one has 4,276.
	maxPictures = 1 << 22
	// maxPixels bounds a picture, as internal/imageio bounds files.
	maxPixels = 1024 * 1024 * 1024 / 4 / 3
	// maxCells bounds cells within cells: the published file has one level.
	maxCells = 4
	// maxNameBytes bounds a name.
	maxNameBytes = 1 << 10
)
