package imageio

import "fmt"

// The limits of the reader.
const (
	// MaxBytes bounds one file: larger pictures than 256 MiB are scans for which this is not the tool, and the whole
	// file is held in memory while its header is checked.
	MaxBytes = 256 << 20
	// MaxSide is the largest side a JPEG can have, and bounds the others alike.
	MaxSide = 65535
	// MaxPixels is Pillow's own warning line against decompression bombs (Image.MAX_IMAGE_PIXELS): a quarter of a
	// gigabyte of RGB.
	MaxPixels = 1024 * 1024 * 1024 / 4 / 3
	// freePixels may be asked for by a file of any length: 16 MiB of RGBA hurts nobody, and blank pictures compress
	// without bound in some formats.
	freePixels = 1 << 22
	// maxScans bounds the passes over a progressive JPEG, each of which visits every block for as little as 20 bytes of
	// file. Encoders write about ten.
	maxScans = 1000
)

// pixelsPerByte is how many pixels a byte of each format can hold at most. Above freePixels a header that claims
// more is refused before its pixels are allocated.
var pixelsPerByte = map[string]int64{
	"jpeg": 512,      // one bit a block of 64 pixels, in the first scan of a progressive grey picture
	"png":  8 * 1032, // deflate makes at most 1032 bytes of one; 8 pixels a byte
	"gif":  4096,     // a 12-bit code stands for at most 4096 pixels
	"bmp":  8,        // uncompressed
	"tiff": 8 * 1032, // as PNG; a blank fax page may have more, and is refused above freePixels
	"webp": 4096,     // no bound in the format; photographs have 1 to 100
}

// checkSize says why a picture of this format, size and file length is not decoded, if so.
func checkSize(format string, w, h, bytes int) error {
	if w <= 0 || h <= 0 {
		return fmt.Errorf("imageio: %s: the header says %dx%d pixels: there is no picture in the file", format, w, h)
	}
	if w > MaxSide || h > MaxSide || int64(w)*int64(h) > MaxPixels {
		return fmt.Errorf("imageio: %s: %dx%d pixels are more than the limit of %d a side and %d in all: reduce the picture first", format, w, h, MaxSide, MaxPixels)
	}
	if n := int64(w) * int64(h); n > freePixels && n > pixelsPerByte[format]*int64(bytes) {
		return fmt.Errorf("imageio: %s: the header says %dx%d pixels, which %d bytes cannot hold: the file is damaged or cut off", format, w, h, bytes)
	}
	return nil
}
