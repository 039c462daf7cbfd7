package pillow

import (
	"image"
	"math"
)

// resample16 resizes 16-bit grey: both passes in doubles, each rounded half up and clipped to 16 bits.
func (m *Image) resample16(w, h int, f Filter, crop image.Rectangle) []uint16 {
	if f == Nearest || w == m.w && h == m.h {
		cw := crop.Dx()
		out := make([]uint16, cw*crop.Dy())
		cols := nearest16(m.w, w, crop.Min.X, crop.Max.X)
		for y, sy := range nearest16(m.h, h, crop.Min.Y, crop.Max.Y) {
			for x, sx := range cols {
				out[y*cw+x] = m.pix16[sy*m.w+sx]
			}
		}
		return out
	}
	cols, rows := axis16(f, m.w, w, crop.Min.X, crop.Max.X), axis16(f, m.h, h, crop.Min.Y, crop.Max.Y)
	span, lines := cols.hi-cols.lo, rows.hi-rows.lo
	part := make([]uint16, span*lines)
	for y := range lines {
		copy(part[y*span:][:span], m.pix16[(rows.lo+y)*m.w+cols.lo:])
	}
	cw := crop.Dx()
	if verticalFirst(m.w, m.h, w, h) {
		part = rows.pass16(part, span, span, 1)
		return cols.pass16(part, crop.Dy(), 1, span)
	}
	part = cols.pass16(part, lines, 1, span)
	return rows.pass16(part, cw, cw, 1)
}

// axis16 is the table of one pass; of an axis that keeps its length it only says which pixels are wanted.
func axis16(f Filter, in, out, o0, o1 int) *table {
	t := &table{lo: o0, hi: o1}
	if in != out {
		t.build(f, in, out, o0, o1)
	}
	return t
}

// pass16 resamples count lines: pixel i of line l is in[l*across + i*step]. The result is laid out in the same way:
// lines that are rows (step 1) come out as rows, lines that are columns as columns.
func (t *table) pass16(in []uint16, count, step, across int) []uint16 {
	if t.windows == nil {
		return in
	}
	outAcross := across
	if step == 1 {
		outAcross = len(t.windows)
	}
	out := make([]uint16, len(t.windows)*count)
	for l := range count {
		for o, win := range t.windows {
			s := 0.0
			for i, k := range t.weights[win.at:][:win.n] {
				s += float64(float64(in[l*across+(win.lo-t.lo+i)*step]) * k)
			}
			out[l*outAcross+o*step] = uint16(min(max(math.Floor(s+0.5), 0), 65535))
		}
	}
	return out
}
