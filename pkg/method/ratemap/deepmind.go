package ratemap

import (
	"fmt"
	"math"
	"sync"
)

// DeepMindGridness is the scores of the grid scorer published with Banino et al. (Nature 2018).
type DeepMindGridness struct {
	Score60       float64 // hexagonal: mean(r60, r120) - mean(r30, r90, r150), largest over the rings
	Score60MinMax float64 // the same with min(r60, r120) - max(r30, r90, r150)
	Score90       float64 // square: r90 - mean(r45, r135)
	Ring60        float64 // outer radius of the best ring of Score60, in sides of the map
	Ring90        float64
}

// DeepMindRings are the rings to look at, as shares of the side of the map (N of N x N bins).
type DeepMindRings struct {
	Inner float64
	Outer []float64 // growing
}

// DefaultDeepMindRings are an inner radius of .2 and ten outer ones from .4 to 1.
func DefaultDeepMindRings() DeepMindRings {
	r := DeepMindRings{Inner: .2}
	for k := range 10 {
		r.Outer = append(r.Outer, linspace(.4, 1, 10, k))
	}
	return r
}

// DeepMindGridScore scores the full autocorrelogram (all shifts) by rings Inner*N < radius <= Outer*N, rotated with
// cubic splines, correlating with 1e-5 added to the variance. Bins without a rate count as 0, as there.
//
// It differs in one point, on purpose: at shifts where the variance of an overlapping part is lost in the rounding of
// its mean square, the correlation is 0 before the rotation. In the published scorer it is 0/0, the root of a negative
// rounding error, or anything, and one NaN spreads through the spline to all scores (a wall field, or a place field
// less a constant). All scores are NaN for constant maps, maps with an infinite rate or none, sides below 7, and maps
// that are not square.
func DeepMindGridScore(m Map, rings DeepMindRings) (DeepMindGridness, error) {
	nan := math.NaN()
	g := DeepMindGridness{nan, nan, nan, nan, nan}
	if err := rings.check(); err != nil {
		return g, err
	}
	if m.Rows != m.Cols || m.Rows < smallestGrid {
		return g, nil
	}
	a, ok := deepMindAutocorrelation(m)
	if !ok {
		return g, nil
	}
	coef := append([]float64(nil), a.R...)
	splineCoefficients(coef, a.Rows, a.Cols)
	d := discFor(m.Rows, rings)
	// Per ring: the pixels that no smaller ring has; the sums over a ring are then running sums over rings.
	var n, s, ss float64
	var sr, ssr [7]float64
	best60, bestMM, best90 := math.Inf(-1), math.Inf(-1), math.Inf(-1)
	for k, outer := range rings.Outer {
		for p := d.start[k]; p < d.start[k+1]; p++ {
			v := a.R[d.pixel[p]]
			n++
			s += v
			ss += v * v
			for t := range sr {
				r := d.tap[p][t].read(coef, a.Cols)
				sr[t] += r
				ssr[t] += v * r
			}
		}
		if n == 0 {
			continue
		}
		mean := s / n
		variance := ss/n - mean*mean + 1e-5
		var c [7]float64
		for t := range c {
			c[t] = (ssr[t] - mean*sr[t]) / n / variance
		}
		if v := (c[2]+c[4])/2 - (c[0]+c[3]+c[6])/3; v > best60 {
			best60, g.Ring60 = v, outer
		}
		bestMM = max(bestMM, min(c[2], c[4])-max(c[0], c[3], c[6]))
		if v := c[3] - (c[1]+c[5])/2; v > best90 {
			best90, g.Ring90 = v, outer
		}
	}
	if !math.IsInf(best60, -1) {
		g.Score60, g.Score60MinMax, g.Score90 = best60, bestMM, best90
	}
	return g, nil
}

// deepMindAutocorrelation correlates at all 2N-1 shifts of each axis, with every sum made of the overlapping bins only
// and nothing taken off before: in the far tails of a field, rates of 1e-9 then still correlate to full precision, as
// they do in the published scorer, whose scores depend on them. ok is false where nothing varies.
func deepMindAutocorrelation(m Map) (a Autocorrelogram, ok bool) {
	rate, low, high := make([]float64, len(m.Rate)), math.Inf(1), math.Inf(-1)
	for b, r := range m.Rate {
		if !math.IsNaN(r) {
			rate[b] = r
			low, high = min(low, r), max(high, r)
		}
	}
	if !(high > low) || math.IsInf(low, 0) || math.IsInf(high, 0) {
		return a, false
	}
	a = Autocorrelogram{Rows: 2*m.Rows - 1, Cols: 2*m.Cols - 1, R: make([]float64, (2*m.Rows-1)*(2*m.Cols-1))}
	part := cornerSums(rate, m.Rows, m.Cols)
	for dy := 0; dy < m.Rows; dy++ {
		for dx := 1 - m.Cols; dx < m.Cols; dx++ {
			n, s1, q1 := part(dy, dx)
			_, s2, q2 := part(-dy, -dx)
			m1, m2 := s1/n, s2/n
			v1, v2 := q1/n-m1*m1, q2/n-m2*m2
			if !(v1 > lostVariance*q1/n && v2 > lostVariance*q2/n) {
				continue
			}
			xy := 0.0
			for i := dy; i < m.Rows; i++ {
				j0, j1 := max(dx, 0), m.Cols+min(dx, 0)
				x, y := rate[i*m.Cols+j0:i*m.Cols+j1], rate[(i-dy)*m.Cols+j0-dx:(i-dy)*m.Cols+j1-dx]
				for k, v := range x {
					xy += v * y[k]
				}
			}
			r := (xy/n - m1*m2) / math.Sqrt(v1*v2)
			k := (m.Rows-1+dy)*a.Cols + m.Cols - 1 + dx
			a.R[k], a.R[len(a.R)-1-k] = r, r
		}
	}
	return a, true
}

// lostVariance: a variance below this share of the mean square is rounding (a sum of 1600 squares is good to 1e-14).
const lostVariance = 1e-13

// cornerSums are the sums and sums of squares over the overlaps, which are rectangles in the corners of the map; every
// sum is an addition of parts, never a difference.
func cornerSums(rate []float64, rows, cols int) moments {
	var corner [4][][2]float64
	for c := range corner {
		t := make([][2]float64, rows*cols)
		for i := range rows {
			sum, square := 0.0, 0.0
			for j := range cols {
				y, x := i, j
				if c&2 != 0 {
					y = rows - 1 - i
				}
				if c&1 != 0 {
					x = cols - 1 - j
				}
				v := rate[y*cols+x]
				sum += v
				square += v * v
				if t[i*cols+j] = [2]float64{sum, square}; i > 0 {
					up := t[(i-1)*cols+j]
					t[i*cols+j] = [2]float64{up[0] + sum, up[1] + square}
				}
			}
		}
		corner[c] = t
	}
	return func(dy, dx int) (n, sum, square float64) {
		c, h, w := overlapCorner(rows, cols, dy, dx)
		t := corner[c][(h-1)*cols+w-1]
		return float64(h * w), t[0], t[1]
	}
}

func (r DeepMindRings) check() error {
	last := r.Inner
	if !(last >= 0) || len(r.Outer) == 0 {
		return fmt.Errorf("ratemap: rings from %g to %v: give a radius from 0 on and at least one larger one", r.Inner, r.Outer)
	}
	for _, o := range r.Outer {
		if !(o > last) || o > 1.5 {
			return fmt.Errorf("ratemap: rings from %g to %v: radii must grow and end by 1.5 sides of the map", r.Inner, r.Outer)
		}
		last = o
	}
	return nil
}

var deepMindAngles = [7]float64{30, 45, 60, 90, 120, 135, 150}

// A disc holds the pixels of all rings for one side of the map, ring by ring, and where each rotation reads. By the
// point symmetry of the correlogram half of the pixels are enough.
type disc struct {
	start []int // pixels start[k] to start[k+1] are in ring k and in no smaller one
	pixel []int32
	tap   [][7]splineTap
}

var discs sync.Map // string -> *disc

func discFor(side int, rings DeepMindRings) *disc {
	key := fmt.Sprint(side, rings)
	if d, ok := discs.Load(key); ok {
		return d.(*disc)
	}
	d := &disc{start: []int{0}}
	c, w := side-1, 2*side-1
	inner := rings.Inner * float64(side)
	for _, o := range rings.Outer {
		outer := o * float64(side)
		for y := 0; y <= c; y++ {
			for x := -c; x <= c; x++ {
				r := math.Sqrt(float64(y*y + x*x))
				if (y == 0 && x < 0) || !(r > inner && r <= outer) {
					continue
				}
				d.pixel = append(d.pixel, int32((c+y)*w+c+x))
				var taps [7]splineTap
				for t, angle := range deepMindAngles {
					sin, cos := math.Sincos(angle * math.Pi / 180)
					if angle == 90 {
						sin, cos = 1, 0 // exactly: an edge pixel must not fall outside by rounding
					}
					taps[t] = newSplineTap(float64(c)+cos*float64(y)+sin*float64(x), float64(c)-sin*float64(y)+cos*float64(x), w, w)
				}
				d.tap = append(d.tap, taps)
			}
		}
		d.start = append(d.start, len(d.pixel))
		inner = outer
	}
	got, _ := discs.LoadOrStore(key, d)
	return got.(*disc)
}
