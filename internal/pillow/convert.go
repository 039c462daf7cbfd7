package pillow

// muldiv255 is round(a*b/255) for bytes.
func muldiv255(a, b uint8) uint8 {
	t := uint32(a)*uint32(b) + 128
	return uint8((t>>8 + t) >> 8)
}

// premultiply returns RGBA with its colours multiplied by alpha.
func premultiply(r raster) raster {
	out := newRaster(r.w, r.h, 4)
	for y := range r.h {
		from, to := r.pix[y*r.stride:][:4*r.w], out.pix[y*out.stride:][:4*r.w]
		for i := 0; i+3 < len(to); i += 4 {
			a := from[i+3]
			to[i], to[i+1], to[i+2], to[i+3] = muldiv255(from[i], a), muldiv255(from[i+1], a), muldiv255(from[i+2], a), a
		}
	}
	return out
}

// unpremultiply divides a dense raster's colours by alpha in place, rounding down and clipping.
func unpremultiply(r raster) {
	for i := 0; i+3 < len(r.pix); i += 4 {
		a := int(r.pix[i+3])
		if a == 0 || a == 255 {
			continue
		}
		for j := i; j < i+3; j++ {
			r.pix[j] = uint8(min(255*int(r.pix[j])/a, 255))
		}
	}
}

// Grey16 says what becomes of 16-bit grey when it is converted to 8-bit RGB.
type Grey16 uint8

// HighByte keeps the upper eight bits, which is what a picture looks like. Clip is what Pillow does: values
// above 255 become 255, so that nearly every 16-bit picture comes out white.
const (
	HighByte Grey16 = iota
	Clip
)

func (g Grey16) byte(v uint16) uint8 {
	if g == Clip {
		return uint8(min(v, 255))
	}
	return uint8(v >> 8)
}

// HighByte returns 16-bit grey as 8-bit grey by its high byte, and any other picture as it is.
func (m *Image) HighByte() *Image {
	if m.mode != I16 {
		return m
	}
	out := &Image{mode: L, raster: newRaster(m.w, m.h, 1)}
	for i, v := range m.pix16 {
		out.pix[i] = HighByte.byte(v)
	}
	return out
}

// RGB converts the picture to mode RGB as Pillow's convert("RGB") does it: alpha is dropped, not composited;
// g says how 16-bit grey is read.
func (m *Image) RGB(g Grey16) *Image {
	if m.mode == RGB {
		return m
	}
	if m.mode == RGBA {
		r := m.raster
		r.c = 3
		return &Image{mode: RGB, raster: r}
	}
	out := &Image{mode: RGB, raster: newRaster(m.w, m.h, 3)}
	for y := range m.h {
		to := out.pix[y*out.stride:][:out.stride]
		if m.mode == I16 {
			for x, v := range m.pix16[y*m.w:][:m.w] {
				b := g.byte(v)
				to[3*x], to[3*x+1], to[3*x+2] = b, b, b
			}
			continue
		}
		from := m.pix[y*m.stride:]
		switch m.mode {
		case L:
			for x, v := range from[:m.w] {
				to[3*x], to[3*x+1], to[3*x+2] = v, v, v
			}
		case P:
			for x, v := range from[:m.w] {
				c := m.palette[v]
				to[3*x], to[3*x+1], to[3*x+2] = c.R, c.G, c.B
			}
		case RGBa:
			for x := range m.w {
				p := from[4*x:][:4]
				for i, v := range p[:3] {
					if a := int(p[3]); a != 0 && a != 255 {
						v = uint8(min(255*int(v)/a, 255))
					}
					to[3*x+i] = v
				}
			}
		case CMYK:
			for x := range m.w {
				p := from[4*x:][:4]
				white := 255 - p[3]
				for i, v := range p[:3] {
					to[3*x+i] = white - muldiv255(v, white)
				}
			}
		}
	}
	return out
}

// OnWhite converts the picture to mode RGB after laying it over a white ground, as Pillow's alpha_composite
// does it. Pictures without alpha are converted as RGB converts them.
func (m *Image) OnWhite(g Grey16) *Image {
	alpha := m.mode == RGBA || m.mode == RGBa
	if m.mode == P {
		for _, c := range m.palette {
			alpha = alpha || c.A != 255
		}
	}
	if !alpha {
		return m.RGB(g)
	}
	out := &Image{mode: RGB, raster: newRaster(m.w, m.h, 3)}
	for y := range m.h {
		from, to := m.pix[y*m.stride:], out.pix[y*out.stride:][:out.stride]
		for x := range m.w {
			var p [4]uint8
			if m.mode == P {
				c := m.palette[from[x]]
				p = [4]uint8{c.R, c.G, c.B, c.A}
			} else {
				p = [4]uint8(from[4*x:][:4])
			}
			a := uint32(p[3])
			for i, v := range p[:3] {
				if m.mode == RGBa {
					to[3*x+i] = uint8(min(uint32(v)+255-a, 255))
					continue
				}
				// Pillow's integer blend with 7 extra bits; over an opaque ground it is the rounded mean.
				t := (uint32(v)*a+255*(255-a))<<7 + 0x80<<7
				to[3*x+i] = uint8((t>>8 + t) >> 8 >> 7)
			}
		}
	}
	return out
}

// HWC writes the picture's RGB bytes, row by row, into dst, which must hold 3*w*h. The mode must be RGB.
func (m *Image) HWC(dst []uint8) {
	for y := range m.h {
		m.copyRow(dst[y*3*m.w:][:3*m.w], y, 0)
	}
}
