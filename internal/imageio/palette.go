package imageio

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/gif"

	"golang.org/x/image/bmp"
)

// oneBit marks a black and white picture as such: resizing libraries treat it as a palette.
func oneBit(g *image.Gray) *image.Paletted {
	p := image.NewPaletted(g.Rect, color.Palette{color.NRGBA{A: 255}, color.NRGBA{255, 255, 255, 255}})
	for i, v := range g.Pix {
		p.Pix[i] = v >> 7
	}
	return p
}

// unramped returns a palette picture whose palette is the grey ramp 0, 1, 2, ... as the grey picture that it is. Pillow
// opens such GIF and BMP files in mode L.
func unramped(p *image.Paletted) image.Image {
	if len(p.Palette) <= 2 {
		return p
	}
	for i, c := range p.Palette {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		if v := uint8(i); n != (color.NRGBA{v, v, v, 255}) {
			return p
		}
	}
	return &image.Gray{Pix: p.Pix, Stride: p.Stride, Rect: p.Rect}
}

func decodeBMP(data []byte, _ image.Config) (image.Image, error) {
	im, err := bmp.Decode(bytes.NewReader(data))
	if p, ok := im.(*image.Paletted); ok && err == nil {
		return unramped(p), nil
	}
	return im, err
}

func decodeGIF(data []byte, c image.Config) (image.Image, error) {
	im, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	p, ok := im.(*image.Paletted)
	if !ok {
		return nil, fmt.Errorf("the frame is a %T", im)
	}
	transparent := gifColours(data, p.Palette)
	if all := image.Rect(0, 0, c.Width, c.Height); p.Rect != all {
		canvas := image.NewPaletted(all, p.Palette)
		if transparent > 0 {
			for i := range canvas.Pix {
				canvas.Pix[i] = uint8(transparent)
			}
		}
		for y := p.Rect.Min.Y; y < p.Rect.Max.Y; y++ {
			copy(canvas.Pix[canvas.PixOffset(p.Rect.Min.X, y):], p.Pix[p.PixOffset(p.Rect.Min.X, y):][:p.Rect.Dx()])
		}
		p = canvas
	}
	return unramped(p), nil
}

// gifColours puts back the colour behind the transparent index of the first frame, which image/gif blanks, and returns
// that index, or -1. The data have been decoded once, so their structure is sound up to the first frame; if they end
// early all the same, the palette stays as it is.
func gifColours(data []byte, palette color.Palette) (transparent int) {
	transparent = -1
	defer func() {
		if recover() != nil {
			transparent = -1
		}
	}()
	table := data[13:]
	at := 13
	if flags := data[10]; flags&0x80 != 0 {
		at += 3 << (flags&7 + 1)
	}
	for {
		switch data[at] {
		case 0x21: // extension: label, then sub-blocks
			if data[at+1] == 0xf9 && data[at+2] == 4 {
				transparent = -1
				if data[at+3]&1 != 0 {
					transparent = int(data[at+6])
				}
			}
			for at += 2; data[at] != 0; {
				at += int(data[at]) + 1
			}
			at++
		case 0x2c: // image descriptor
			if data[at+9]&0x80 != 0 {
				table = data[at+10:]
			}
			if transparent < 0 || transparent >= len(palette) {
				return -1
			}
			t := table[3*transparent:][:3]
			palette[transparent] = color.NRGBA{t[0], t[1], t[2], 0}
			return transparent
		default:
			return transparent
		}
	}
}
