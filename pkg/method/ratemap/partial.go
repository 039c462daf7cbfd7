package ratemap

import (
	"fmt"
	"math"

	"github.com/ventral-lab/ventral/internal/parallel"
)

// Residual is the conversion of responses that regressors were taken out of, by PartialResponses: signed.
const Residual Conversion = "residual"

// Partial is a map that regressors were taken out of.
type Partial struct {
	Map  Map     // residuals: their mean, weighted by occupancy, is 0
	R2   float64 // share of the weighted variance that the regressors took; NaN for a constant map
	Rank int     // of the regressors: fewer than given where some repeat others or do not vary
}

// PartialMap takes regressors [row, col] out of a map by least squares, weighted by occupancy, with an intercept. Bins
// without a rate take no part and stay so. A regressor that is a combination of the ones before it changes nothing.
// With as many independent regressors as visited bins nothing is left: the residuals are 0.
//
// A map with an infinite rate, or without a visited bin, is NaN throughout. A regressor that is not finite where the map
// has a rate is an error.
func PartialMap(m Map, regressors ...[]float64) (Partial, error) {
	out := Partial{Map: Map{m.Rows, m.Cols, make([]float64, len(m.Rate)), m.Occupancy}, R2: math.NaN()}
	fillWith(out.Map.Rate, math.NaN())
	var at []int
	var weight, y []float64
	for b := range m.Rate {
		if w := m.weight(b); w > 0 {
			at, weight, y = append(at, b), append(weight, w), append(y, m.Rate[b])
		}
	}
	basis, err := newBasis(weight, at, len(m.Rate), regressors)
	if err != nil {
		return out, err
	}
	if m.broken() || len(at) == 0 {
		return out, nil
	}
	out.Rank = len(basis.column) - 1
	out.R2 = 1 - basis.residual(y)
	for k, b := range at {
		out.Map.Rate[b] = y[k]
	}
	// A bin with a rate but no occupancy has no part in the fit, and no residual.
	return out, nil
}

// PartialResponses takes regressors, one number per stimulus each, out of the responses of every unit by least squares
// with an intercept: what is left is independent of them as far as straight lines go. A unit that depends on a regressor
// in a curved way needs more of it (its square, its product with another). share is what they took of each unit's
// variance; NaN for units that never vary or have a NaN or infinite response, whose residuals are 0 or NaN.
//
// Take out what the unit may be driven by and no more: the visible share alone falls off towards the walls much as a border
// cell does, and takes most of one with it, while the visible area varies with size as well and leaves it.
//
// With permuted positions (Null) the residuals give the test of Freedman & Lane (1983).
func PartialResponses(r *Responses, regressors ...[]float64) (res *Responses, share []float64, err error) {
	if err := r.check(); err != nil {
		return nil, nil, err
	}
	at, weight := make([]int, r.Stimuli), make([]float64, r.Stimuli)
	for s := range at {
		at[s], weight[s] = s, 1
	}
	basis, err := newBasis(weight, at, r.Stimuli, regressors)
	if err != nil {
		return nil, nil, err
	}
	res = &Responses{Stimuli: r.Stimuli, Units: r.Units, Values: make([]float32, len(r.Values)), Conversion: Residual}
	share = make([]float64, r.Units)
	parallel.Chunks(r.Units, 16, func(lo, hi int) {
		for u := lo; u < hi; u++ {
			y := r.Unit(u)
			share[u] = 1 - basis.residual(y)
			for s, v := range y {
				res.Values[s*r.Units+u] = float32(v)
			}
		}
	})
	return res, share, nil
}

// A basis is an orthonormal basis, under the weights, of the space of an intercept and regressors.
type basis struct {
	weight []float64
	column [][]float64
}

// newBasis orthogonalises by Gram-Schmidt, twice, which is as good as Householder (Giraud et al. 2005). at are the places
// of each regressor that count.
func newBasis(weight []float64, at []int, n int, regressors [][]float64) (*basis, error) {
	b := &basis{weight: weight}
	one := make([]float64, len(at))
	fillWith(one, 1)
	b.add(one)
	for k, x := range regressors {
		if len(x) != n {
			return nil, fmt.Errorf("ratemap: regressor %d has %d values, want %d: one for each bin of the map, or stimulus", k, len(x), n)
		}
		v := make([]float64, len(at))
		for i, p := range at {
			if v[i] = x[p]; !finite(v[i]) {
				return nil, fmt.Errorf("ratemap: regressor %d is %g at %d: it must be finite where there are responses", k, v[i], p)
			}
		}
		b.add(v)
	}
	return b, nil
}

func (b *basis) dot(x, y []float64) float64 {
	s := 0.0
	for i, w := range b.weight {
		s += w * x[i] * y[i]
	}
	return s
}

// dependent: what is left of a regressor below this share of it is rounding.
const dependent = 1e-10

func (b *basis) add(v []float64) {
	size := math.Sqrt(b.dot(v, v))
	for range 2 {
		for _, q := range b.column {
			c := b.dot(q, v)
			for i := range v {
				v[i] -= c * q[i]
			}
		}
	}
	left := math.Sqrt(b.dot(v, v))
	if !(left > dependent*size) || size == 0 {
		return
	}
	for i := range v {
		v[i] /= left
	}
	b.column = append(b.column, v)
}

// residual takes the space out of y and returns the share of y's variance about its mean that is left: NaN where y does
// not vary.
func (b *basis) residual(y []float64) float64 {
	varies, total := false, 0.0
	for i := range y {
		varies = varies || y[i] != y[0]
	}
	for k, q := range b.column {
		c := b.dot(q, y)
		for i := range y {
			y[i] -= c * q[i]
		}
		if k == 0 {
			total = b.dot(y, y)
		}
	}
	if !varies || !(total > 0) {
		if !varies && len(y) > 0 && finite(y[0]) {
			clear(y)
		}
		return math.NaN()
	}
	return min(b.dot(y, y)/total, 1)
}
