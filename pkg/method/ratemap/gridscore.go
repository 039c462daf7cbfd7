package ratemap

import (
	"cmp"
	"math"
	"slices"
	"sync"
)

// Gridness is how hexagonal a map is, with the geometry of its lattice.
type Gridness struct {
	Variant     string  // "opexebo" rings on a gap-aware autocorrelogram ("ventral"), or opexebo throughout ("opexebo")
	Score       float64 // -2 to 2; about 1.3 and more for clean grids, NaN where it is not defined
	Center      int     // radius of the central field of the autocorrelogram in bins; 0 = none found
	BestRadius  int     // outer radius of the ring with the largest single-ring score; 0 = none
	Spacing     float64 // mean distance of the six nearest fields in bins; NaN where three axes were not found
	Orientation float64 // degrees from the direction of growing columns towards growing rows; see the functions
}

// GridScore scores the autocorrelogram of a map by the rings of opexebo 0.7 (after Sargolini et al. 2006; Langston et
// al. 2010). With c the radius of the central field, each ring c < radius < R is correlated with itself rotated by 30,
// 60, 90, 120 and 150 degrees (bilinear), and scores min(r60, r120) - max(r30, r90, r150). The result is the largest
// mean over three neighbouring R. It does not change when the map is scaled, shifted or turned upside down in value: a
// lattice of holes scores as a lattice of bumps.
//
// Bins without a rate are left out of the autocorrelogram. Spacing and Orientation come from the three nearest pairs of
// peaks of the autocorrelogram outside the central field, each placed within its bin by a quadratic fit; Orientation is
// in [0, 60).
//
// Score is NaN for constant maps, maps below 7 bins on a side, maps without rates or with an infinite one, and where
// the central field leaves no room for a ring. The maximum over rings is biased upwards on smooth noise: judge it
// against a null of maps equally smooth, not against 0.
func GridScore(m Map) Gridness {
	g := Gridness{Variant: "ventral", Score: math.NaN(), Spacing: math.NaN(), Orientation: math.NaN()}
	if min(m.Rows, m.Cols) < smallestGrid {
		return g
	}
	a := Autocorrelation(m)
	if !g.rings(a, false) {
		return g
	}
	g.Spacing, g.Orientation = lattice(a, g.Center)
	return g
}

// gridScoreOnly is GridScore(m).Score without the geometry of the lattice.
func gridScoreOnly(m Map) float64 {
	g := Gridness{Score: math.NaN()}
	if min(m.Rows, m.Cols) >= smallestGrid {
		g.rings(Autocorrelation(m), false)
	}
	return g.Score
}

// smallestGrid is the least number of bins on a side: below it the rings from radius 3 on have no room.
const smallestGrid = 7

// OpexeboGridScore is the whole of opexebo 0.7's grid score: bins without a rate are 0, and Spacing and Orientation
// come from its peak search, which loses peaks near the mask and is then wrong on clean lattices. Use it for parity.
func OpexeboGridScore(m Map) Gridness {
	g := Gridness{Variant: "opexebo", Score: math.NaN(), Spacing: math.NaN(), Orientation: math.NaN()}
	if min(m.Rows, m.Cols) < smallestGrid {
		return g
	}
	a := opexeboAutocorrelation(m)
	if !g.rings(a, true) {
		return g
	}
	g.Spacing, g.Orientation = opexeboLattice(a, g.Center, g.BestRadius)
	return g
}

// rings fills in Score, Center and BestRadius. It divides a by its maximum, as the tool does. whole says that a is not
// symmetric to the last digit. false: no score.
func (g *Gridness) rings(a Autocorrelogram, whole bool) bool {
	top := slices.Max(a.R) // NaN where any is
	if !(top > 0) {
		return false
	}
	for k := range a.R {
		a.R[k] /= top
	}
	g.Center = centralRadius(a)
	n := min(a.Rows, a.Cols)/2 - g.Center
	if g.Center == 0 || n < 1 {
		return false
	}
	radii := make([]int, n)
	for k := range radii {
		radii[k] = int(linspace(float64(max(3, g.Center+1)), float64(g.Center+n), n, k))
	}
	score := ringScores(rotorFor(a.Rows, a.Cols, whole), a, g.Center, radii)
	best, at := math.Inf(-1), 0
	for k, s := range score {
		if math.IsNaN(s) { // as numpy's argmax, which stops at NaN
			at = k
			break
		}
		if s > best {
			best, at = s, k
		}
	}
	g.BestRadius = radii[at]
	g.Score = slidingMax(score)
	return true
}

// slidingMax is the largest mean over three neighbours, NaN left out of a mean; of four rings or fewer, the mean of all.
func slidingMax(score []float64) float64 {
	mean := func(s []float64, skip bool) float64 {
		sum, n := 0.0, 0.0
		for _, v := range s {
			if !skip || !math.IsNaN(v) {
				sum += v
				n++
			}
		}
		return sum / n
	}
	if len(score)-3 <= 1 {
		return mean(score, false)
	}
	best := math.Inf(-1)
	for k := range len(score) - 3 {
		best = max(best, mean(score[k:k+3], true)) // NaN wins, as in numpy
	}
	return best
}

// centralRadius is floor(sqrt(area/pi)) of the field that the adaptive search finds around the middle, with an initial
// threshold of .95; 0 where it finds none of at least 5 bins.
func centralRadius(a Autocorrelogram) int {
	s := newAdaptive(a.Rows, a.Cols, a.R, nil)
	area := len(s.field(a.Rows/2*a.Cols+a.Cols/2, .95, nil))
	if area < 5 {
		return 0
	}
	return int(math.Sqrt(float64(area) / math.Pi))
}

// A rotor holds, for one size of autocorrelogram, the places that the pixels of its largest disc come from under the
// five rotations. Where the correlogram is symmetric about its middle, half the disc is enough: the other half has the
// same values and partners.
type rotor struct {
	pixel  []int32   // by growing distance from the middle
	dist   []float64 // of each pixel
	corner [][5]int32
	fy, fx [][5]float64
}

type rotorSize struct {
	rows, cols int
	whole      bool
}

var rotors sync.Map // rotorSize -> *rotor

func rotorFor(rows, cols int, whole bool) *rotor {
	size := rotorSize{rows, cols, whole}
	if r, ok := rotors.Load(size); ok {
		return r.(*rotor)
	}
	type place struct {
		d    float64
		y, x int
	}
	var places []place
	reach := float64(min(rows, cols) / 2)
	for y := -(rows / 2); y <= rows/2; y++ {
		for x := -(cols / 2); x <= cols/2; x++ {
			d := math.Sqrt(float64(y*y + x*x))
			if half := y > 0 || y == 0 && x > 0; d < reach && (half || whole) {
				places = append(places, place{d, y, x})
			}
		}
	}
	slices.SortStableFunc(places, func(p, q place) int { return cmp.Compare(p.d, q.d) })
	r := &rotor{}
	for _, p := range places {
		var corner [5]int32
		var fy, fx [5]float64
		for k := range 5 {
			sin, cos := math.Sincos(float64(30*(k+1)) * math.Pi / 180)
			y := float64(rows/2) + cos*float64(p.y) - sin*float64(p.x)
			x := float64(cols/2) + sin*float64(p.y) + cos*float64(p.x)
			// d < reach keeps y and x inside by construction; rounding may still leave them 1e-15 beyond the last
			// bin, and the corner must have a neighbour.
			i, j := min(max(int(y), 0), rows-2), min(max(int(x), 0), cols-2)
			corner[k], fy[k], fx[k] = int32(i*cols+j), y-float64(i), x-float64(j)
		}
		r.pixel = append(r.pixel, int32((rows/2+p.y)*cols+cols/2+p.x))
		r.dist = append(r.dist, p.d)
		r.corner, r.fy, r.fx = append(r.corner, corner), append(r.fy, fy), append(r.fx, fx)
	}
	got, _ := rotors.LoadOrStore(size, r)
	return got.(*rotor)
}

// ringScores is min(r60, r120) - max(r30, r90, r150) for the rings from inner (exclusive) to each of radii
// (exclusive), which must not decrease. All rings start at the same radius, so one pass of running sums serves all.
func ringScores(r *rotor, a Autocorrelogram, inner int, radii []int) []float64 {
	var n, sx, sxx float64
	var sy, syy, sxy [5]float64
	out := make([]float64, len(radii))
	k, _ := slices.BinarySearch(r.dist, math.Nextafter(float64(inner), math.Inf(1)))
	for ring, radius := range radii {
		for ; k < len(r.pixel) && r.dist[k] < float64(radius); k++ {
			x := a.R[r.pixel[k]]
			n++
			sx += x
			sxx += x * x
			corner, fy, fx := &r.corner[k], &r.fy[k], &r.fx[k]
			for t := range 5 {
				c := int(corner[t])
				top := a.R[c] + fx[t]*(a.R[c+1]-a.R[c])
				low := a.R[c+a.Cols] + fx[t]*(a.R[c+a.Cols+1]-a.R[c+a.Cols])
				y := top + fy[t]*(low-top)
				sy[t] += y
				syy[t] += y * y
				sxy[t] += x * y
			}
		}
		var c [5]float64
		for t := range c {
			c[t] = (n*sxy[t] - sx*sy[t]) / math.Sqrt(max(n*sxx-sx*sx, 0)*max(n*syy[t]-sy[t]*sy[t], 0))
			if math.IsInf(c[t], 0) {
				c[t] = math.NaN()
			}
		}
		out[ring] = min(c[1], c[3]) - max(c[0], c[2], c[4])
	}
	return out
}
