package pillow

import (
	"fmt"
	"image"
	"image/color"
	"math"
)

// Mode is a picture's mode, by Pillow's names.
type Mode string

// The modes. A one-bit picture (Pillow's "1") is a palette of black and white here; grey with alpha ("LA") is
// RGBA with three equal colours: both give the same pixels.
const (
	L    Mode = "L"    // 8-bit grey
	P    Mode = "P"    // palette
	RGB  Mode = "RGB"  // 8-bit red, green, blue
	RGBA Mode = "RGBA" // the same with alpha, colours not premultiplied
	RGBa Mode = "RGBa" // the same with alpha, colours premultiplied
	CMYK Mode = "CMYK" // 255 = full ink
	I16  Mode = "I;16" // 16-bit grey
)

// Image is a picture in one of Pillow's modes. It may share its pixels with the image it was made from, and
// never changes them.
type Image struct {
	mode    Mode
	raster                   // every mode but I16
	palette [256]color.NRGBA // P
	pix16   []uint16         // I16, dense
}

// Mode returns the picture's mode.
func (m *Image) Mode() Mode { return m.mode }

// Size returns the picture's width and height in pixels.
func (m *Image) Size() (w, h int) { return m.w, m.h }

// New wraps an image of the standard library in the mode in which Pillow opens such a file. 16-bit colour is
// read by its high byte, as Pillow reads it. *image.YCbCr has no fixed meaning (JPEG and WebP differ) and is
// taken as the standard library converts it; decode through internal/imageio to get what libjpeg makes of it.
func New(im image.Image) (*Image, error) {
	b := im.Bounds()
	w, h := b.Dx(), b.Dy()
	if w <= 0 || h <= 0 {
		return nil, fmt.Errorf("pillow: the picture has no pixels (%dx%d)", w, h)
	}
	switch v := im.(type) {
	case *image.Gray:
		return &Image{mode: L, raster: raster{w, h, 1, 1, v.Stride, v.Pix[v.PixOffset(b.Min.X, b.Min.Y):]}}, nil
	case *image.RGBA:
		r := raster{w, h, 4, 4, v.Stride, v.Pix[v.PixOffset(b.Min.X, b.Min.Y):]}
		if opaque(r) {
			r.c = 3
			return &Image{mode: RGB, raster: r}, nil
		}
		return &Image{mode: RGBa, raster: r}, nil
	case *image.NRGBA:
		r := raster{w, h, 4, 4, v.Stride, v.Pix[v.PixOffset(b.Min.X, b.Min.Y):]}
		if opaque(r) {
			r.c = 3
			return &Image{mode: RGB, raster: r}, nil
		}
		return &Image{mode: RGBA, raster: r}, nil
	case *image.CMYK:
		return &Image{mode: CMYK, raster: raster{w, h, 4, 4, v.Stride, v.Pix[v.PixOffset(b.Min.X, b.Min.Y):]}}, nil
	case *image.Paletted:
		m := &Image{mode: P, raster: raster{w, h, 1, 1, v.Stride, v.Pix[v.PixOffset(b.Min.X, b.Min.Y):]}}
		for i := range m.palette { // an index beyond the palette is black, as in Pillow's zero-filled table
			m.palette[i].A = 255
			if i < len(v.Palette) {
				m.palette[i] = color.NRGBAModel.Convert(v.Palette[i]).(color.NRGBA)
			}
		}
		return m, nil
	case *image.Gray16:
		m := &Image{mode: I16, raster: raster{w: w, h: h}, pix16: make([]uint16, w*h)}
		for y := range h {
			p := v.Pix[v.PixOffset(b.Min.X, b.Min.Y+y):]
			for x := range w {
				m.pix16[y*w+x] = uint16(p[2*x])<<8 | uint16(p[2*x+1])
			}
		}
		return m, nil
	default:
		return convert(im), nil
	}
}

// convert reads any image pixel by pixel.
func convert(im image.Image) *Image {
	b := im.Bounds()
	r := newRaster(b.Dx(), b.Dy(), 4)
	i := 0
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			var c color.NRGBA64
			switch v := im.(type) {
			case *image.NRGBA64:
				c = v.NRGBA64At(x, y)
			default:
				c = color.NRGBA64Model.Convert(im.At(x, y)).(color.NRGBA64)
			}
			r.pix[i], r.pix[i+1], r.pix[i+2], r.pix[i+3] = uint8(c.R>>8), uint8(c.G>>8), uint8(c.B>>8), uint8(c.A>>8)
			i += 4
		}
	}
	if opaque(r) {
		r.c = 3
		return &Image{mode: RGB, raster: r}
	}
	return &Image{mode: RGBA, raster: r}
}

func opaque(r raster) bool {
	for y := range r.h {
		row := r.pix[y*r.stride:][:4*r.w]
		all := uint8(255)
		for i := 3; i < len(row); i += 4 {
			all &= row[i]
		}
		if all != 255 {
			return false
		}
	}
	return true
}

// Resize returns the pixels crop of the picture resized to w x h. The crop must lie within the resized picture.
// Palette pictures are resized by nearest neighbour and RGBA with premultiplied colours, as Pillow's
// Image.resize does it; with Nearest every mode is left as it is.
func (m *Image) Resize(w, h int, f Filter, crop image.Rectangle) (*Image, error) {
	if w <= 0 || h <= 0 || w > math.MaxInt32 || h > math.MaxInt32 {
		return nil, fmt.Errorf("pillow: cannot resize a %dx%d picture to %dx%d", m.w, m.h, w, h)
	}
	if crop.Empty() || !crop.In(image.Rect(0, 0, w, h)) {
		return nil, fmt.Errorf("pillow: the crop %v is not within the resized picture of %dx%d", crop, w, h)
	}
	if int(f) >= len(filterNames) {
		return nil, fmt.Errorf("pillow: no filter %v", f)
	}
	same := w == m.w && h == m.h
	out := &Image{mode: m.mode, palette: m.palette, raster: raster{w: crop.Dx(), h: crop.Dy()}}
	if m.mode == I16 {
		out.pix16 = m.resample16(w, h, f, crop)
		return out, nil
	}
	out.raster = newRaster(crop.Dx(), crop.Dy(), m.c)
	switch {
	case f == Nearest || m.mode == P || same:
		cols, rows := nearest(m.w, w, crop.Min.X, crop.Max.X), nearest(m.h, h, crop.Min.Y, crop.Max.Y)
		for y, sy := range rows {
			from, to := m.pix[sy*m.stride:], out.pix[y*out.stride:]
			for x, sx := range cols {
				copy(to[x*m.c:][:m.c], from[sx*m.step:][:m.c])
			}
		}
	case m.mode == RGBA:
		resample8(out.raster, premultiply(m.raster), w, h, f, crop)
		unpremultiply(out.raster)
	default:
		resample8(out.raster, m.raster, w, h, f, crop)
	}
	return out, nil
}
