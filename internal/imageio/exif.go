package imageio

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/draw"
)

// orientation returns the EXIF orientation of a picture, 1 to 8; 1, as it is stored, where nothing else is said.
func orientation(format string, data []byte) int {
	var exif []byte
	switch format {
	case "jpeg":
		exif = jpegExif(data)
	case "png":
		exif = pngChunk(data, "eXIf")
	case "webp":
		exif = riffChunk(data, "EXIF")
	}
	exif = bytes.TrimPrefix(exif, []byte("Exif\x00\x00"))
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case bytes.HasPrefix(exif, []byte("MM\x00*")):
		order = binary.BigEndian
	case !bytes.HasPrefix(exif, []byte("II*\x00")):
		return 1
	}
	found := 1
	_ = tiffEntries(exif, order, func(tag, kind uint16, _ uint32, value []byte) error {
		if v := int(order.Uint16(value)); tag == 0x0112 && kind == 3 && v >= 1 && v <= 8 {
			found = v
		}
		return nil
	}) // the function never fails
	return found
}

// jpegExif returns the body of the first APP1 segment with EXIF data.
func jpegExif(data []byte) []byte {
	for at := 2; at+4 <= len(data) && data[at] == 0xff; {
		marker := data[at+1]
		if marker == 0xda || marker == 0xd9 { // the picture begins, or ends
			return nil
		}
		if marker == 0xff {
			at++
			continue
		}
		n := int(binary.BigEndian.Uint16(data[at+2:]))
		if n < 2 || at+2+n > len(data) {
			return nil
		}
		if body := data[at+4 : at+2+n]; marker == 0xe1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")) {
			return body
		}
		at += 2 + n
	}
	return nil
}

// pngChunk returns the body of the first chunk of that type.
func pngChunk(data []byte, name string) []byte {
	for at := 8; at+12 <= len(data); {
		n := int64(binary.BigEndian.Uint32(data[at:]))
		if n > int64(len(data)-at-12) {
			return nil
		}
		if string(data[at+4:at+8]) == name {
			return data[at+8 : at+8+int(n)]
		}
		at += 12 + int(n)
	}
	return nil
}

// oriented turns a picture upright. EXIF 2.3, 4.6.4: the orientation says which sides of the scene the first row and the
// first column are.
func oriented(im image.Image, orientation int) image.Image {
	if orientation <= 1 || orientation > 8 {
		return im
	}
	b := im.Bounds()
	w, h := b.Dx(), b.Dy()
	ow, oh := w, h
	if orientation >= 5 {
		ow, oh = h, w
	}
	out := blank(im, ow, oh)
	for y := range oh {
		for x := range ow {
			sx, sy := x, y
			switch orientation {
			case 2:
				sx = w - 1 - x
			case 3:
				sx, sy = w-1-x, h-1-y
			case 4:
				sy = h - 1 - y
			case 5:
				sx, sy = y, x
			case 6:
				sx, sy = y, h-1-x
			case 7:
				sx, sy = w-1-y, h-1-x
			case 8:
				sx, sy = w-1-y, x
			}
			if p, ok := im.(*image.Paletted); ok { // by index: two indices may have one colour
				out.(*image.Paletted).SetColorIndex(x, y, p.ColorIndexAt(b.Min.X+sx, b.Min.Y+sy))
				continue
			}
			out.Set(x, y, im.At(b.Min.X+sx, b.Min.Y+sy))
		}
	}
	return out
}

// blank makes an empty picture of the same kind, so that turning keeps every value.
func blank(im image.Image, w, h int) draw.Image {
	r := image.Rect(0, 0, w, h)
	switch v := im.(type) {
	case *image.Gray:
		return image.NewGray(r)
	case *image.Gray16:
		return image.NewGray16(r)
	case *image.Paletted:
		return image.NewPaletted(r, v.Palette)
	case *image.CMYK:
		return image.NewCMYK(r)
	case *image.RGBA:
		return image.NewRGBA(r)
	case *image.RGBA64:
		return image.NewRGBA64(r)
	case *image.NRGBA64:
		return image.NewNRGBA64(r)
	default:
		return image.NewNRGBA(r)
	}
}
