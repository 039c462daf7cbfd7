package pillow

// raster is a rectangle of c interleaved 8-bit channels; a pixel starts every step bytes and a row every stride.
type raster struct {
	w, h, c      int
	step, stride int
	pix          []uint8
}

func newRaster(w, h, c int) raster {
	return raster{w, h, c, c, w * c, make([]uint8, w*h*c)}
}

// load spreads pixels [x0, x0+len(a)) of row y into words: channels 0 and 1 into a, 2 and 3 into b.
func (r raster) load(a, b []uint64, y, x0 int) {
	p := r.pix[y*r.stride+x0*r.step:]
	b = b[:len(a)]
	switch {
	case r.c == 1 && r.step == 1:
		for i, v := range p[:len(a)] {
			a[i] = uint64(v)
		}
	case r.c == 1:
		for i := range a {
			a[i] = uint64(p[i*r.step])
		}
	case r.c == 3 && r.step == 3:
		for i := range a {
			q := p[3*i:][:3]
			a[i], b[i] = uint64(q[0])|uint64(q[1])<<32, uint64(q[2])
		}
	case r.c == 3:
		for i := range a {
			q := p[4*i:][:3]
			a[i], b[i] = uint64(q[0])|uint64(q[1])<<32, uint64(q[2])
		}
	default:
		for i := range a {
			q := p[4*i:][:4]
			a[i], b[i] = uint64(q[0])|uint64(q[1])<<32, uint64(q[2])|uint64(q[3])<<32
		}
	}
}

// copyRow copies len(dst)/c pixels of row y from column x0 on.
func (r raster) copyRow(dst []uint8, y, x0 int) {
	p := r.pix[y*r.stride+x0*r.step:]
	if r.step == r.c {
		copy(dst, p[:len(dst)])
		return
	}
	for i, j := 0, 0; i < len(dst); i, j = i+r.c, j+r.step {
		copy(dst[i:i+r.c], p[j:j+r.c])
	}
}
