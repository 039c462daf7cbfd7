package ratemap

import (
	"fmt"
	"math"
)

// WallTuning says without fields and thresholds how far a map follows the border.
type WallTuning struct {
	// Nearness is the correlation, weighted by occupancy, of the map with nearness to the nearest wall (minus the
	// distance in bins): 1 for a map that grows towards all walls, -1 for one that grows towards the middle.
	Nearness float64
	// Partial is the same correlation after the regressors were taken out of both; Nearness where there are none.
	Partial float64
	// Walls are the weights of the four walls in one regression on exp(-d/length), d the distance from each wall, with
	// the regressors beside them; map and predictors have weighted variance 1. First row, last row, first column, last column.
	Walls [4]float64
	R2    float64 // of that regression, the part of the walls beyond the regressors
}

// WallLength is the length over which the nearness to one wall falls off in the regression of TuneWalls: a tenth of the
// smaller side, at least one bin.
func WallLength(rows, cols int) float64 { return max(float64(min(rows, cols))/10, 1) }

// TuneWalls measures the map against the walls, with regressors [row, col] (as Grid.VisibleMaps gives) held fixed. It
// takes signed maps as they are. Correlations of smooth maps with anything smooth are far from 0 by chance: test with
// Null(OfMap) on responses, which knows nothing of smoothness, or with SurrogateNull and PhaseRandomised or
// GaussianField, which knows.
//
// All numbers are NaN for constant maps, fewer than three visited bins and infinite rates, Partial also where the
// regressors leave nothing of the map or of the nearness, and Walls and R2 where the four walls cannot be told apart
// (fewer than 3 rows or columns visited).
func TuneWalls(m Map, regressors ...[]float64) (WallTuning, error) {
	nan := math.NaN()
	out := WallTuning{nan, nan, [4]float64{nan, nan, nan, nan}, nan}
	var at []int
	var weight, y, near []float64
	var wall [4][]float64
	length := WallLength(m.Rows, m.Cols)
	for b := range m.Rate {
		w := m.weight(b)
		if !(w > 0) {
			continue
		}
		i, j := b/m.Cols, b%m.Cols
		d := [4]int{i, m.Rows - 1 - i, j, m.Cols - 1 - j}
		at, weight, y = append(at, b), append(weight, w), append(y, m.Rate[b])
		near = append(near, -float64(min(d[0], d[1], d[2], d[3])))
		for k := range wall {
			wall[k] = append(wall[k], math.Exp(-float64(d[k])/length))
		}
	}
	full, err := newBasis(weight, at, len(m.Rate), regressors)
	if err != nil {
		return out, err
	}
	if m.broken() || len(at) < 3 {
		return out, nil
	}
	none, _ := newBasis(weight, at, len(m.Rate), nil)
	out.Nearness = none.correlation(y, near)
	out.Partial = full.correlation(y, near)
	out.Walls, out.R2 = full.regress(y, wall)
	return out, nil
}

// Nearness is WallTuning.Nearness alone, a hundred times faster: for nulls.
func Nearness(m Map) float64 {
	near := make([]float64, len(m.Rate))
	weight, n, varies, first := make([]float64, len(m.Rate)), 0, false, math.NaN()
	for b := range near {
		i, j := b/m.Cols, b%m.Cols
		near[b] = -float64(min(i, m.Rows-1-i, j, m.Cols-1-j))
		if weight[b] = m.weight(b); weight[b] > 0 {
			if n == 0 {
				first = m.Rate[b]
			}
			n++
			varies = varies || m.Rate[b] != first
		}
	}
	if n < 3 || !varies || m.broken() || !spreads(near, weight) {
		return math.NaN()
	}
	return weightedCorrelation(m.Rate, near, weight)
}

// spreads says whether v takes two values where there is weight.
func spreads(v, weight []float64) bool {
	first := math.NaN()
	for b, w := range weight {
		if w > 0 {
			if v[b] != first && !math.IsNaN(first) {
				return true
			}
			first = v[b]
		}
	}
	return false
}

// correlation of what is left of x and y outside the basis; NaN where nothing is.
func (b *basis) correlation(x, y []float64) float64 {
	x, y = append([]float64(nil), x...), append([]float64(nil), y...)
	rx, ry := b.residual(x), b.residual(y)
	if !(rx > lostPart) || !(ry > lostPart) {
		return math.NaN()
	}
	return min(max(b.dot(x, y)/math.Sqrt(b.dot(x, x)*b.dot(y, y)), -1), 1)
}

// lostPart: a share of variance below this, left over by a regression, is rounding (1e-12 of the deviation).
const lostPart = 1e-24

// regress gives the standardised weights of four predictors beyond the basis, and the share of what the basis leaves of y
// that they explain.
func (b *basis) regress(y []float64, x [4][]float64) (beta [4]float64, r2 float64) {
	nan := math.NaN()
	beta, r2 = [4]float64{nan, nan, nan, nan}, nan
	wide := &basis{weight: b.weight, column: append([][]float64(nil), b.column...)}
	left := append([]float64(nil), y...)
	if !(b.residual(left) > lostPart) {
		return beta, r2
	}
	// Each weight is the slope on what its predictor has beyond the basis and the other three (Frisch & Waugh 1933).
	sd := func(v []float64) float64 {
		c := append([]float64(nil), v...)
		(&basis{weight: b.weight, column: b.column[:1]}).residual(c)
		return math.Sqrt(b.dot(c, c))
	}
	for k := range x {
		other := &basis{weight: b.weight, column: append([][]float64(nil), b.column...)}
		for q := range x {
			if q != k {
				other.add(append([]float64(nil), x[q]...))
			}
		}
		own := append([]float64(nil), x[k]...)
		if !(other.residual(own) > dependent) {
			return [4]float64{nan, nan, nan, nan}, nan
		}
		beta[k] = b.dot(own, y) / b.dot(own, own) * sd(x[k]) / sd(y)
		wide.add(append([]float64(nil), x[k]...))
	}
	before := b.dot(left, left)
	wide.residual(left)
	return beta, min(max(1-b.dot(left, left)/before, 0), 1)
}

// ControlledBorder is the border score of a map less what regressors explain of it: PartialMap, the positive part, which
// is response above what they predict, and BorderScore over the fields that Describe takes. R2 is what they explained.
func ControlledBorder(m Map, regressors ...[]float64) (b Border, r2 float64, err error) {
	p, err := PartialMap(m, regressors...)
	if err != nil {
		return Border{Score: math.NaN(), Coverage: math.NaN(), Distance: math.NaN()}, math.NaN(), fmt.Errorf("border score: %w", err)
	}
	if p.R2 == 1 { // rounding alone is left
		clear(p.Map.Rate)
	}
	for k, r := range p.Map.Rate {
		if r < 0 {
			p.Map.Rate[k] = 0
		}
	}
	return BorderScore(p.Map, FindFields(p.Map, BorderShare, BorderBins), AllWalls), p.R2, nil
}
