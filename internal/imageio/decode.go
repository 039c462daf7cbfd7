package imageio

import (
	"bytes"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// Options change what Decode does.
type Options struct {
	// Orient turns and mirrors the picture as its EXIF orientation says (JPEG, PNG and WebP). The preprocessing of
	// the published models does not.
	Orient bool
}

// Decode reads one picture from r, to its end, and returns it with the name of its format: jpeg, png, gif, bmp, tiff or
// webp. The format is told by the first bytes.
func Decode(r io.Reader) (image.Image, string, error) { return DecodeWith(r, Options{}) }

// DecodeFile is Decode for a file; the error names it.
func DecodeFile(path string) (image.Image, error) { return DecodeFileWith(path, Options{}) }

// DecodeFileWith is DecodeWith for a file; the error names it.
func DecodeFileWith(path string, o Options) (image.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("imageio: %w", err)
	}
	defer f.Close()
	im, _, err := DecodeWith(f, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return im, nil
}

// DecodeWith is Decode with options.
func DecodeWith(r io.Reader, o Options) (image.Image, string, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, "", fmt.Errorf("imageio: reading the picture: %w", err)
	}
	if len(data) > MaxBytes {
		return nil, "", fmt.Errorf("imageio: the file is larger than the limit of %d bytes: reduce the picture first", MaxBytes)
	}
	return DecodeBytes(data, o)
}

// DecodeBytes is DecodeWith for a picture in memory.
func DecodeBytes(data []byte, o Options) (im image.Image, format string, err error) {
	if len(data) > MaxBytes {
		return nil, "", fmt.Errorf("imageio: the picture is larger than the limit of %d bytes: reduce it first", MaxBytes)
	}
	format = Sniff(data)
	if format == "" {
		return nil, "", fmt.Errorf("imageio: not a picture that can be read (jpeg, png, gif, bmp, tiff, webp): %d bytes starting with % x", len(data), data[:min(len(data), 8)])
	}
	defer func() {
		if p := recover(); p != nil {
			im, err = nil, fmt.Errorf("imageio: %s: the decoder failed on damaged data: %v", format, p)
		}
	}()
	d := decoders[format]
	c, err := d.config(bytes.NewReader(data))
	if err != nil {
		return nil, format, fmt.Errorf("imageio: %s header: %w", format, err)
	}
	if err := checkSize(format, c.Width, c.Height, len(data)); err != nil {
		return nil, format, err
	}
	if im, err = d.decode(data, c); err != nil {
		return nil, format, fmt.Errorf("imageio: %s: %w", format, err)
	}
	if s := im.Bounds().Size(); s != image.Pt(c.Width, c.Height) {
		return nil, format, fmt.Errorf("imageio: %s: the header says %dx%d pixels and the data hold %dx%d", format, c.Width, c.Height, s.X, s.Y)
	}
	if o.Orient {
		im = oriented(im, orientation(format, data))
	}
	return im, format, nil
}

// Config returns the size of the picture in data and its format, without decoding it. The size has passed the limits.
func Config(data []byte) (w, h int, format string, err error) {
	format = Sniff(data)
	if format == "" {
		return 0, 0, "", fmt.Errorf("imageio: not a picture that can be read (jpeg, png, gif, bmp, tiff, webp)")
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("imageio: %s: the decoder failed on a damaged header: %v", format, p)
		}
	}()
	c, err := decoders[format].config(bytes.NewReader(data))
	if err != nil {
		return 0, 0, format, fmt.Errorf("imageio: %s header: %w", format, err)
	}
	return c.Width, c.Height, format, checkSize(format, c.Width, c.Height, len(data))
}

// Sniff returns the format that the first bytes of data announce, or "".
func Sniff(data []byte) string {
	has := func(s string) bool { return bytes.HasPrefix(data, []byte(s)) }
	switch {
	case has("\xff\xd8\xff"):
		return "jpeg"
	case has("\x89PNG\r\n\x1a\n"):
		return "png"
	case has("GIF87a"), has("GIF89a"):
		return "gif"
	case has("BM"):
		return "bmp"
	case has("II*\x00"), has("MM\x00*"):
		return "tiff"
	case len(data) >= 12 && has("RIFF") && string(data[8:12]) == "WEBP":
		return "webp"
	}
	return ""
}

type decoder struct {
	config func(io.Reader) (image.Config, error)
	decode func(data []byte, c image.Config) (image.Image, error)
}

var decoders = map[string]decoder{
	"jpeg": {jpeg.DecodeConfig, decodeJPEG},
	"png":  {png.DecodeConfig, decodePNG},
	"gif":  {gif.DecodeConfig, decodeGIF},
	"bmp":  {bmp.DecodeConfig, decodeBMP},
	"tiff": {tiff.DecodeConfig, decodeTIFF},
	"webp": {webp.DecodeConfig, decodeWebP},
}

func decodeJPEG(data []byte, _ image.Config) (image.Image, error) {
	if n := bytes.Count(data, []byte{0xff, 0xda}); n > maxScans {
		return nil, fmt.Errorf("%d scans are more than the limit of %d", n, maxScans)
	}
	im, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return Packed(im), nil
}

func decodePNG(data []byte, _ image.Config) (image.Image, error) {
	im, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	// IHDR is always first: bit depth at byte 24, colour type at 25.
	if g, ok := im.(*image.Gray); ok && data[24] == 1 && data[25] == 0 {
		return oneBit(g), nil
	}
	return im, nil
}
