package imageio

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"

	"golang.org/x/image/tiff"
)

// decodeTIFF decodes the first page. The decoder of x/image believes the sizes of tiles and strips, which bound how much
// it unpacks of each; here they are first bounded by the picture itself.
func decodeTIFF(data []byte, c image.Config) (image.Image, error) {
	var order binary.ByteOrder = binary.LittleEndian
	if data[0] == 'M' {
		order = binary.BigEndian
	}
	data = bytes.Clone(data) // the caller's bytes stay as they are
	err := tiffEntries(data, order, func(tag, kind uint16, count uint32, value []byte) error {
		var v int64
		switch kind {
		case 3:
			v = int64(order.Uint16(value))
		case 4:
			v = int64(order.Uint32(value))
		default:
			return nil
		}
		switch tag {
		case 278: // RowsPerStrip: anything above the height means one strip
			if v > int64(c.Height) && kind == 4 {
				order.PutUint32(value, uint32(c.Height))
			} else if v > int64(c.Height) {
				order.PutUint16(value, uint16(c.Height))
			}
		case 322, 323: // TileWidth, TileLength
			if side := max(c.Width, c.Height, 1024); v > int64(side) {
				return fmt.Errorf("a tile of %d pixels in a picture of %dx%d: the file is damaged", v, c.Width, c.Height)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return tiff.Decode(bytes.NewReader(data))
}

// tiffEntries calls f with every entry of the first directory of a TIFF structure (a TIFF file or EXIF data). value is
// the four bytes in the entry. A directory that runs past the end is cut off there.
func tiffEntries(data []byte, order binary.ByteOrder, f func(tag, kind uint16, count uint32, value []byte) error) error {
	if len(data) < 8 {
		return nil
	}
	at := int64(order.Uint32(data[4:]))
	if at+2 > int64(len(data)) {
		return nil
	}
	n := int(order.Uint16(data[at:]))
	entries := data[at+2:]
	for i := 0; i < n && 12*i+12 <= len(entries); i++ {
		e := entries[12*i:][:12]
		if err := f(order.Uint16(e), order.Uint16(e[2:]), order.Uint32(e[4:]), e[8:12]); err != nil {
			return err
		}
	}
	return nil
}
