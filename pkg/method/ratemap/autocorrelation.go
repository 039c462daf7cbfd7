package ratemap

import (
	"math"
	"sync"

	"gonum.org/v1/gonum/dsp/fourier"
)

// Autocorrelogram is the correlation of a map with itself at every shift. It is symmetric about its middle, where the
// shift is zero and the correlation 1.
type Autocorrelogram struct {
	Rows, Cols int       // both odd
	R          []float64 // [row, col]; the shift is (row - Rows/2, col - Cols/2) bins
}

// At is the correlation at a shift of (dy, dx) bins.
func (a Autocorrelogram) At(dy, dx int) float64 {
	return a.R[(a.Rows/2+dy)*a.Cols+a.Cols/2+dx]
}

// Autocorrelation correlates the map with itself: at each shift, Pearson's r over the bins where the shifted map and
// the map overlap and both have a rate, with the means and deviations of just these bins. The result is cropped to
// round(1.8 N) rows (columns), made odd by taking one off: at the outermost shifts too few bins are left. 40 bins give
// 71 shifts, 28 give 49. On a map without gaps this is the definition of opexebo 0.7, which puts 0 into gaps.
//
// Shifts where one of the overlapping parts does not vary (its deviation is below 1e-9 of the largest, or 1e-6 in a map
// with gaps) get 0. A map that is constant, has no rate or an infinite one gives NaN throughout.
func Autocorrelation(m Map) Autocorrelogram {
	ly, lx := croppedLags(m.Rows), croppedLags(m.Cols)
	a := Autocorrelogram{Rows: 2*ly + 1, Cols: 2*lx + 1}
	a.R = make([]float64, a.Rows*a.Cols)
	rate, seen, gaps, ok := m.centredRates()
	if !ok {
		fillWith(a.R, math.NaN())
		return a
	}
	f := correlatorFor(m.Rows, m.Cols, ly, lx)
	defer f.done()
	xy := f.correlate(rate, nil)
	// At each shift: the bins that overlap, and the sum and the sum of squares about the mean of the map over them.
	// The shifted copy overlaps in the bins that the map has at the opposite shift.
	part := cornerMoments(rate, m.Rows, m.Cols)
	flat := flatParts
	if gaps {
		part, flat = maskedMoments(f, rate, seen), flatMasked
	}
	ss := make([]float64, len(a.R)) // sums of squares about the mean, of the map
	largest := 0.0
	num := make([]float64, len(a.R))
	for dy := -ly; dy <= ly; dy++ {
		for dx := -lx; dx <= lx; dx++ {
			k := (ly+dy)*a.Cols + lx + dx
			n, sum, square := part(dy, dx)
			if n < 2 {
				continue
			}
			ss[k] = square
			largest = max(largest, square)
			if dy < 0 || dy == 0 && dx < 0 {
				continue // the correlogram is symmetric: half of it is enough
			}
			_, other, _ := part(-dy, -dx)
			num[k] = xy.at(dy, dx) - sum*other/n
		}
	}
	for k := len(ss) / 2; k < len(ss); k++ {
		back := len(ss) - 1 - k
		if ss[k] > flat*largest && ss[back] > flat*largest {
			r := min(max(num[k]/math.Sqrt(ss[k]*ss[back]), -1), 1)
			a.R[k], a.R[back] = r, r
		}
	}
	a.R[len(ss)/2] = 1 // not 1 - 1e-16
	return a
}

// croppedLags is the largest shift kept of n bins: round(1.8 n), less 1 if even, is an odd side.
func croppedLags(n int) int {
	side := int(math.RoundToEven(float64(n) + float64(n)*.8))
	return (side - 1) / 2
}

// A part of the map counts as flat where its sum of squares is below this share of the largest: 1e-9 of the deviation
// is beyond what a rate is known to, and still well above the rounding of the numerator (about 1e-15 of the largest
// sum of squares). With gaps the sums of squares come from differences of transforms and are known to 1e-15 only.
const (
	flatParts  = 1e-18
	flatMasked = 1e-12
)

// moments gives, for the bins where the map and its copy shifted by (dy, dx) overlap, their number and the sum and
// the sum of squares about the mean of the map.
type moments func(dy, dx int) (n, sum, square float64)

// cornerMoments: without gaps every overlap is a rectangle in one of the four corners. Its moments are merged from those
// of the rectangle without its last row and of that row (Chan, Golub & LeVeque 1983), so that nothing cancels even
// where a corner is a millionth as variable as the whole.
func cornerMoments(rate []float64, rows, cols int) moments {
	type moment struct{ sum, square float64 }
	merge := func(a, b moment, na, nb float64) moment {
		if na == 0 {
			return b
		}
		d := b.sum/nb - a.sum/na
		return moment{a.sum + b.sum, a.square + b.square + d*d*na*nb/(na+nb)}
	}
	var corner [4][]moment // [flip rows*2 + flip columns][height-1, width-1]
	for c := range corner {
		t := make([]moment, rows*cols)
		for i := range rows {
			line := moment{}
			for j := range cols {
				y, x := i, j
				if c&2 != 0 {
					y = rows - 1 - i
				}
				if c&1 != 0 {
					x = cols - 1 - j
				}
				line = merge(line, moment{rate[y*cols+x], 0}, float64(j), 1)
				if t[i*cols+j] = line; i > 0 {
					t[i*cols+j] = merge(t[(i-1)*cols+j], line, float64(i*(j+1)), float64(j+1))
				}
			}
		}
		corner[c] = t
	}
	return func(dy, dx int) (n, sum, square float64) {
		c, h, w := overlapCorner(rows, cols, dy, dx)
		m := corner[c][(h-1)*cols+w-1]
		return float64(h * w), m.sum, m.square
	}
}

// overlapCorner says which bins of a map without gaps overlap with its copy shifted by (dy, dx): h x w bins in the
// corner c, whose bit 1 is set for the last rows and bit 0 for the last columns.
func overlapCorner(rows, cols, dy, dx int) (c, h, w int) {
	if dy > 0 {
		c |= 2
	}
	if dx > 0 {
		c |= 1
	}
	return c, rows - abs(dy), cols - abs(dx)
}

// maskedMoments are the same with gaps, from correlations with the indicator of a rate.
func maskedMoments(f *correlator, rate, seen []float64) moments {
	sq := make([]float64, len(rate))
	for b, r := range rate {
		sq[b] = r * r
	}
	nn, ss, qq := f.correlate(seen, nil), f.correlate(rate, seen), f.correlate(sq, seen)
	return func(dy, dx int) (n, sum, square float64) {
		n, sum = math.Round(nn.at(dy, dx)), ss.at(dy, dx)
		return n, sum, qq.at(dy, dx) - sum*sum/n
	}
}

func abs(i int) int { return max(i, -i) }

// centredRates are the rates less their mean, 0 in bins without one; seen is 1 or 0. Correlations do not depend on
// the offset, and without it the sums of squares lose nothing by cancellation. ok is false where nothing varies.
func (m Map) centredRates() (rate, seen []float64, gaps, ok bool) {
	rate, seen = make([]float64, len(m.Rate)), make([]float64, len(m.Rate))
	sum, n, lo, hi := 0.0, 0.0, math.Inf(1), math.Inf(-1)
	for _, r := range m.Rate {
		if math.IsNaN(r) {
			gaps = true
			continue
		}
		sum += r
		n++
		lo, hi = min(lo, r), max(hi, r)
	}
	if n == 0 || !(hi > lo) || math.IsInf(lo, 0) || math.IsInf(hi, 0) {
		return rate, seen, gaps, false
	}
	mean := sum / n
	for b, r := range m.Rate {
		if !math.IsNaN(r) {
			rate[b], seen[b] = r-mean, 1
		}
	}
	return rate, seen, gaps, true
}

// A correlator makes cross-correlations c(dy, dx) = sum_ij a(i, j) b(i-dy, j-dx) by FFT on a torus large enough that
// the shifts asked for do not wrap.
type correlator struct {
	rows, cols, ly, lx int
	h, w               int // of the torus
	row                *fourier.FFT
	col                *fourier.CmplxFFT
	line               []float64
	coef               []complex128
	spectrum           [2][]complex128 // of the two maps
}

// correlators keeps those that nobody uses, by size: their plans, tables of sines, cost as much as a transform.
var correlators sync.Map // [4]int -> *sync.Pool

func correlatorFor(rows, cols, ly, lx int) *correlator {
	pool, ok := correlators.Load([4]int{rows, cols, ly, lx})
	if !ok {
		return newCorrelator(rows, cols, ly, lx)
	}
	if c, ok := pool.(*sync.Pool).Get().(*correlator); ok {
		return c
	}
	return newCorrelator(rows, cols, ly, lx)
}

// done gives a correlator back.
func (c *correlator) done() {
	pool, _ := correlators.LoadOrStore([4]int{c.rows, c.cols, c.ly, c.lx}, new(sync.Pool))
	pool.(*sync.Pool).Put(c)
}

func newCorrelator(rows, cols, ly, lx int) *correlator {
	c := &correlator{rows: rows, cols: cols, ly: ly, lx: lx, h: smooth235(rows + ly), w: smooth235(cols + lx)}
	c.row, c.col = fourier.NewFFT(c.w), fourier.NewCmplxFFT(c.h)
	half := c.w/2 + 1
	c.line, c.coef = make([]float64, c.w), make([]complex128, half)
	c.spectrum = [2][]complex128{make([]complex128, half*c.h), make([]complex128, half*c.h)}
	return c
}

// smooth235 is the smallest number from n on whose only prime factors are 2, 3 and 5.
func smooth235(n int) int {
	for ; ; n++ {
		k := n
		for _, p := range []int{2, 3, 5} {
			for k%p == 0 {
				k /= p
			}
		}
		if k == 1 {
			return n
		}
	}
}

// lags holds the correlations of one pair at all shifts of the torus.
type lags struct {
	h, w int
	v    []float64
}

func (l lags) at(dy, dx int) float64 {
	if dy < 0 {
		dy += l.h
	}
	if dx < 0 {
		dx += l.w
	}
	return l.v[dy*l.w+dx]
}

// correlate returns the correlations of a with b, or with itself where b is nil.
func (c *correlator) correlate(a, b []float64) lags {
	fa := c.forward(a, c.spectrum[0])
	if b == nil {
		for k, z := range fa {
			fa[k] = complex(real(z)*real(z)+imag(z)*imag(z), 0)
		}
	} else {
		for k, z := range c.forward(b, c.spectrum[1]) {
			fa[k] *= complex(real(z), -imag(z))
		}
	}
	return c.inverse(fa)
}

// forward is the transform [freq of column, freq of row]: real along rows, then complex along columns, stored column
// by column, written into out.
func (c *correlator) forward(a []float64, out []complex128) []complex128 {
	half := c.w/2 + 1
	line, coef := c.line, c.coef
	clear(line[c.cols:])
	for i := range c.rows {
		copy(line, a[i*c.cols:(i+1)*c.cols])
		c.row.Coefficients(coef, line)
		for k, z := range coef {
			out[k*c.h+i] = z
		}
	}
	for k := range half {
		s := out[k*c.h : (k+1)*c.h]
		clear(s[c.rows:])
		c.col.Coefficients(s, s)
	}
	return out
}

func (c *correlator) inverse(f []complex128) lags {
	half := c.w/2 + 1
	l := lags{c.h, c.w, make([]float64, c.h*c.w)}
	for k := range half {
		s := f[k*c.h : (k+1)*c.h]
		c.col.Sequence(s, s)
	}
	coef := c.coef
	scale := 1 / float64(c.h*c.w)
	for i := range c.h {
		if i > c.ly && i < c.h-c.ly {
			continue // not a shift that is asked for
		}
		for k := range coef {
			coef[k] = f[k*c.h+i]
		}
		row := l.v[i*c.w : (i+1)*c.w]
		c.row.Sequence(row, coef)
		for j := range row {
			row[j] *= scale
		}
	}
	return l
}
