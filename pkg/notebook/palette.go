package notebook

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"slices"
)

// lightFrom is the size from which a picture is stored with a palette, if that makes it smaller. Pictures below it do not
// decide whether a notebook is too large.
const lightFrom = 40 << 10

// light is a PNG with at most 256 colours in its place: a colour map, its grays and the edges of text need no more, and
// maps of many small cells take a third of the bytes. Colours are the means of the commonest cells of a 5-bit cube, and
// every pixel takes that of its own cell or the nearest one. What is not smaller, or cannot be read, is returned as it is.
func light(raster []byte) []byte {
	if len(raster) < lightFrom {
		return raster
	}
	im, err := png.Decode(bytes.NewReader(raster))
	if err != nil {
		return raster
	}
	type cell struct {
		key        int
		n, r, g, b int
	}
	cells := make([]cell, 1<<15)
	key := func(c color.NRGBA) int { return int(c.R)>>3<<10 | int(c.G)>>3<<5 | int(c.B)>>3 }
	b := im.Bounds()
	at := func(x, y int) color.NRGBA { return color.NRGBAModel.Convert(im.At(x, y)).(color.NRGBA) }
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := at(x, y)
			if c.A != 0xff {
				return raster
			}
			k := &cells[key(c)]
			k.n, k.r, k.g, k.b = k.n+1, k.r+int(c.R), k.g+int(c.G), k.b+int(c.B)
		}
	}
	for k := range cells {
		cells[k].key = k
	}
	slices.SortStableFunc(cells, func(x, y cell) int { return y.n - x.n })
	var p color.Palette
	index := make([]int, len(cells)) // 1 + the entry of a cell
	for _, c := range cells[:256] {
		if c.n > 0 {
			p = append(p, color.NRGBA{uint8(c.r / c.n), uint8(c.g / c.n), uint8(c.b / c.n), 0xff})
			index[c.key] = len(p)
		}
	}
	out := image.NewPaletted(b, p)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := at(x, y)
			k := key(c)
			if index[k] == 0 {
				index[k] = 1 + p.Index(c)
			}
			out.SetColorIndex(x, y, uint8(index[k]-1))
		}
	}
	var w bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&w, out); err != nil || w.Len() >= len(raster) {
		return raster
	}
	return w.Bytes()
}
