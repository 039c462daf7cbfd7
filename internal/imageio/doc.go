// Package imageio decodes picture files to what the Python libraries that vision models were trained with see.
//
// The standard library's decoders and golang.org/x/image do the work. This package adds what lies between them and
// Pillow: chroma of JPEG and WebP enlarged and converted as libjpeg and libwebp do it, one-bit and palette pictures
// recognisable as such, the colour behind a GIF's transparent index, a GIF's first frame on its whole canvas; and
// what a long recording needs: limits checked before anything is allocated, and no panic whatever the bytes are.
//
// The picture types that come back say how Pillow would have opened the file:
//
//	*image.Gray       grey (mode L)
//	*image.Paletted   palette (P), and one-bit pictures (1) with the palette black, white
//	*image.Gray16     16-bit grey (I;16)
//	*image.CMYK       CMYK
//	*image.NRGBA      colour with alpha
//	*image.RGBA and the rest: colour
//
// # Invariants
//
//   - Decode returns a picture with at least one pixel, or an error that names the format and what is wrong with the
//     file. It never panics.
//   - Nothing of a picture's size is allocated before its size has passed the checks of limits.go, among them that
//     so many pixels can come out of a file of so many bytes.
//   - The pixels do not depend on EXIF data unless Options.Orient asks for it: Pillow, and every preprocessing built
//     on it, leaves a picture as it is stored.
//
// # Limits
//
//   - JPEG: the inverse cosine transform is the standard library's; levels differ by at most 3 from libjpeg's (mean
//     0.25). Arithmetic coding, 12 bits and CMYK without an Adobe marker are refused. YCCK and subsampled RGB files
//     have their chroma repeated, not interpolated.
//   - PNG: a grey or RGB file with a transparent key colour comes back with alpha, where Pillow has none.
//   - GIF: the first frame. WebP: still pictures. BMP: uncompressed. TIFF: the first page, of 1 (as grey), 8 or 16 bits.
//   - Colour profiles and gamma are ignored, as Pillow ignores them.
package imageio
