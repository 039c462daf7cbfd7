package pillow

import (
	"image"
	"sync"
)

// scratch is the working memory of one resize.
type scratch struct {
	cols, rows table
	a, b       []uint64 // one source row, two channels a word
	ring       []uint64 // the last rows.taps rows after the horizontal pass, two bytes a word
	line       []uint8  // one row after the horizontal pass
}

var pool = sync.Pool{New: func() any { return new(scratch) }}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// verticalFirst says whether Pillow 13 resamples the columns before the rows: where the height shrinks by more than
// twice as many pixels as the width (python-pillow/Pillow#9549). Pillow 12 and earlier never do. The two orders round
// differently.
func verticalFirst(w, h, ow, oh int) bool {
	return h > oh && h-oh > 2*(w-ow)
}

// resample8 writes the pixels crop of src resized to w x h into dst, whose size is crop's and whose rows are
// dense (Step = C).
//
// Two 8-bit channels are carried in one 64-bit word, 32 bits apart, so that one multiplication serves both. The
// sum of products of each lies within 32 signed bits: at most 255 * 2^22 * (the sum of a filter's absolute
// weights, below 1.5 for all of them) + 2^21.
func resample8(dst, src raster, w, h int, f Filter, crop image.Rectangle) {
	s := pool.Get().(*scratch)
	defer pool.Put(s)
	sameW := w == src.w
	if sameW {
		s.cols.lo, s.cols.hi = crop.Min.X, crop.Max.X
	} else {
		s.cols.build(f, src.w, w, crop.Min.X, crop.Max.X)
	}
	span := s.cols.hi - s.cols.lo
	s.a, s.b = grow(s.a, span), grow(s.b, span)
	horizontal := func(to []uint8, from raster, y, x0 int) {
		from.load(s.a, s.b, y, x0)
		switch from.c {
		case 1:
			row1(to, &s.cols, s.a)
		case 3:
			row3(to, &s.cols, s.a, s.b)
		default:
			row4(to, &s.cols, s.a, s.b)
		}
	}
	n := crop.Dx() * src.c
	if h == src.h {
		for y := range dst.h {
			if sameW {
				src.copyRow(dst.pix[y*dst.stride:][:n], crop.Min.Y+y, crop.Min.X)
			} else {
				horizontal(dst.pix[y*dst.stride:][:n], src, crop.Min.Y+y, s.cols.lo)
			}
		}
		return
	}
	s.rows.build(f, src.h, h, crop.Min.Y, crop.Max.Y)
	if !sameW && verticalFirst(src.w, src.h, w, h) {
		line := raster{w: span, h: 1, c: src.c, step: src.c, stride: span * src.c}
		s.vertical(span*src.c, func(to []uint8, y int) { src.copyRow(to, y, s.cols.lo) }, func(y int, row []uint8) {
			line.pix = row
			horizontal(dst.pix[y*dst.stride:][:n], line, 0, 0)
		})
		return
	}
	s.vertical(n, func(to []uint8, y int) {
		if sameW {
			src.copyRow(to, y, crop.Min.X)
		} else {
			horizontal(to, src, y, s.cols.lo)
		}
	}, func(y int, row []uint8) { copy(dst.pix[y*dst.stride:], row) })
}

// vertical is the pass over columns. fetch gives a source row of n bytes, in ascending order and each once; emit takes
// the rows that come out. No more source rows are held than the widest window needs.
func (s *scratch) vertical(n int, fetch func(to []uint8, y int), emit func(y int, row []uint8)) {
	half := (n + 1) / 2
	s.line = grow(s.line, 2*half)
	s.line[2*half-1] = 0
	taps := s.rows.taps
	s.ring = grow(s.ring, taps*half)
	next := s.rows.windows[0].lo // windows only move forwards
	for y, win := range s.rows.windows {
		for next = max(next, win.lo); next < win.lo+win.n; next++ {
			fetch(s.line[:n], next)
			to := s.ring[next%taps*half:][:half]
			line := s.line[:2*len(to)]
			for i := range to {
				to[i] = uint64(line[2*i]) | uint64(line[2*i+1])<<32
			}
		}
		column(s.line[:2*half], s.ring, half, taps, win, s.rows.fixed[win.at:][:win.n])
		emit(y, s.line[:n])
	}
}

// bias is one half in each of the two fixed-point sums of a word.
const bias = 1<<(precisionBits-1) | 1<<(precisionBits-1+32)

// clip8 drops the fraction bits of a fixed-point sum and clips it to a byte.
func clip8(v int32) uint8 {
	v >>= precisionBits
	if uint32(v) > 255 {
		if v < 0 {
			return 0
		}
		return 255
	}
	return uint8(v)
}

// split takes the two signed 32-bit sums out of a word.
func split(s int64) (lo, hi int32) {
	lo = int32(s)
	return lo, int32((s - int64(lo)) >> 32)
}

func row1(dst []uint8, t *table, a []uint64) {
	for x, win := range t.windows {
		p := a[win.lo-t.lo:][:win.n]
		k := t.fixed[win.at:][:len(p)]
		s := int64(1) << (precisionBits - 1)
		for i, v := range p {
			s += k[i] * int64(v)
		}
		dst[x] = clip8(int32(s))
	}
}

func row3(dst []uint8, t *table, a, b []uint64) {
	dst = dst[:3*len(t.windows)]
	for _, win := range t.windows {
		pa := a[win.lo-t.lo:][:win.n]
		pb := b[win.lo-t.lo:][:len(pa)]
		k := t.fixed[win.at:][:len(pa)]
		s, u := int64(bias), int64(1)<<(precisionBits-1)
		for i, w := range k {
			s += w * int64(pa[i])
			u += w * int64(pb[i])
		}
		lo, hi := split(s)
		dst[0], dst[1], dst[2] = clip8(lo), clip8(hi), clip8(int32(u))
		dst = dst[3:]
	}
}

func row4(dst []uint8, t *table, a, b []uint64) {
	dst = dst[:4*len(t.windows)]
	for _, win := range t.windows {
		pa := a[win.lo-t.lo:][:win.n]
		pb := b[win.lo-t.lo:][:len(pa)]
		k := t.fixed[win.at:][:len(pa)]
		s, u := int64(bias), int64(bias)
		for i, w := range k {
			s += w * int64(pa[i])
			u += w * int64(pb[i])
		}
		lo, hi := split(s)
		lo2, hi2 := split(u)
		dst[0], dst[1], dst[2], dst[3] = clip8(lo), clip8(hi), clip8(lo2), clip8(hi2)
		dst = dst[4:]
	}
}

// column is the vertical pass for one output row: the weighted sum of the rows of win, each half words long, in
// the ring. Four rows are summed at a time, so that the sums stay in registers.
func column(dst []uint8, ring []uint64, half, taps int, win window, k []int64) {
	row := func(i int) []uint64 { return ring[(win.lo+i)%taps*half:][:half] }
	if win.n <= 8 {
		columnUpTo8(dst, row, win.n, k)
		return
	}
	var acc [256]int64
	for x0 := 0; x0 < half; x0 += len(acc) {
		m := min(len(acc), half-x0)
		sum := acc[:m]
		for i := range sum {
			sum[i] = bias
		}
		i := 0
		for ; i+4 <= win.n; i += 4 {
			r0, r1, r2, r3 := row(i)[x0:][:m], row(i + 1)[x0:][:m], row(i + 2)[x0:][:m], row(i + 3)[x0:][:m]
			k0, k1, k2, k3 := k[i], k[i+1], k[i+2], k[i+3]
			for j := range sum {
				sum[j] += k0*int64(r0[j]) + k1*int64(r1[j]) + k2*int64(r2[j]) + k3*int64(r3[j])
			}
		}
		for ; i < win.n; i++ {
			r0, k0 := row(i)[x0:][:m], k[i]
			for j := range sum {
				sum[j] += k0 * int64(r0[j])
			}
		}
		out := dst[2*x0:][:2*m]
		for j, s := range sum {
			lo, hi := split(s)
			out[2*j], out[2*j+1] = clip8(lo), clip8(hi)
		}
	}
}

// columnUpTo8 is column for at most eight rows: missing ones get weight 0.
func columnUpTo8(dst []uint8, row func(int) []uint64, n int, k []int64) {
	var w [8]int64
	var r [8][]uint64
	for i := range r {
		if i < n {
			w[i], r[i] = k[i], row(i)
		} else {
			r[i] = r[0]
		}
	}
	m := len(r[0])
	r0, r1, r2, r3 := r[0], r[1][:m], r[2][:m], r[3][:m]
	r4, r5, r6, r7 := r[4][:m], r[5][:m], r[6][:m], r[7][:m]
	dst = dst[:2*m]
	if n <= 4 {
		for j, v := range r0 {
			lo, hi := split(bias + w[0]*int64(v) + w[1]*int64(r1[j]) + w[2]*int64(r2[j]) + w[3]*int64(r3[j]))
			dst[2*j], dst[2*j+1] = clip8(lo), clip8(hi)
		}
		return
	}
	for j, v := range r0 {
		s := bias + w[0]*int64(v) + w[1]*int64(r1[j]) + w[2]*int64(r2[j]) + w[3]*int64(r3[j])
		s += w[4]*int64(r4[j]) + w[5]*int64(r5[j]) + w[6]*int64(r6[j]) + w[7]*int64(r7[j])
		lo, hi := split(s)
		dst[2*j], dst[2*j+1] = clip8(lo), clip8(hi)
	}
}
