package imagefolder

const (
	// maxDepth bounds the folders within folders: no dataset is nested deeper, and a link that points upwards by a
	// way that is not recognised ends here.
	maxDepth = 32
	// maxFiles bounds the list: ImageNet-21k has 14 million pictures; a list of 64 million names takes some gigabytes.
	maxFiles = 1 << 26
	// maxPixels bounds a picture from a decoder that was plugged in, as internal/imageio bounds its own: Pillow's warning line
	// against decompression bombs.
	maxPixels = 1024 * 1024 * 1024 / 4 / 3
)
