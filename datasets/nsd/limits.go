package nsd

const (
	// maxMatBytes bounds a .mat file, packed and unpacked: nsd_expdesign.mat unpacks to some megabytes.
	maxMatBytes = 256 << 20
	// maxMatRank bounds the dimensions of a MATLAB array.
	maxMatRank = 32
	// maxSessions bounds the sessions of a subject: the longest had 40.
	maxSessions = 99
	// maxStimuli bounds the pictures of a stimulus file; NSD has 73,000.
	maxStimuli = 1 << 24
	// maxPixels bounds a picture of it, as internal/imageio bounds files; NSD's have 425 x 425 pixels.
	maxPixels = 1024 * 1024 * 1024 / 4 / 3
)
