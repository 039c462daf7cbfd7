package ratemap

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/integrate/quad"

	"github.com/ventral-lab/ventral/internal/parallel"
	"github.com/ventral-lab/ventral/internal/raster"
)

// VisibleShare is the share of a disc that lies inside the rectangle of the grid, exact; 0 for a diameter that is not
// positive. A stimulus near the border of a screen is cut off by it, so a unit that answers to dark area, or to light,
// has a map like a border's before it knows any place.
func (g Grid) VisibleShare(x, y, diameter float64) float64 {
	r := diameter / 2
	if !(r > 0) {
		return 0
	}
	return min(raster.DiscArea(x, y, r, g.X0, g.Y0, g.X1, g.Y1)/(math.Pi*r*r), 1)
}

// VisibleDiscs is, for every disc, the share of it inside the grid and the area of that, in squared units of the grid:
// the regressors that PartialResponses takes out. x, y and diameter hold one number per stimulus.
func (g Grid) VisibleDiscs(x, y, diameter []float64) (share, area []float64, err error) {
	if err := g.Check(); err != nil {
		return nil, nil, err
	}
	if len(x) != len(y) || len(x) != len(diameter) {
		return nil, nil, fmt.Errorf("ratemap: %d x, %d y and %d diameters: give one of each per stimulus", len(x), len(y), len(diameter))
	}
	share, area = make([]float64, len(x)), make([]float64, len(x))
	for i, d := range diameter {
		if !finite(x[i]) || !finite(y[i]) || !finite(d) || d < 0 {
			return nil, nil, fmt.Errorf("ratemap: disc %d of diameter %g at (%g, %g): want finite numbers and a diameter from 0 on", i, d, x[i], y[i])
		}
		share[i] = g.VisibleShare(x[i], y[i], d)
		area[i] = share[i] * math.Pi * d * d / 4
	}
	return share, area, nil
}

// VisibleMaps are the expectations of the same two numbers in every bin [row, col], for discs whose centre is uniform in
// the bin and whose diameter is uniform from low to high: the regressors that PartialMap takes out where only maps are at
// hand.
//
// The integral over the diameter is cut where the circle begins to cross a wall or to hold a corner, between which the
// integrand is smooth, and each part is done by an 8-point Gauss-Legendre rule; that over the bin by a 4 x 4 one.
func (g Grid) VisibleMaps(low, high float64) (share, area []float64, err error) {
	if err := g.Check(); err != nil {
		return nil, nil, err
	}
	if !(low >= 0) || !(high >= low) || !(high > 0) || math.IsInf(high, 0) {
		return nil, nil, fmt.Errorf("ratemap: diameters from %g to %g: want 0 <= low <= high, high positive and finite", low, high)
	}
	share, area = make([]float64, g.Len()), make([]float64, g.Len())
	var at, weight [4]float64
	quad.Legendre{}.FixedLocations(at[:], weight[:], -.5, .5)
	w, h := (g.X1-g.X0)/float64(g.Cols), (g.Y1-g.Y0)/float64(g.Rows)
	parallel.For(g.Rows, func(row int) {
		for col := range g.Cols {
			b := row*g.Cols + col
			x, y := g.Center(b)
			for i := range at {
				for j := range at {
					s, a := g.overDiameters(x+at[j]*w, y+at[i]*h, low, high)
					share[b] += weight[i] * weight[j] * s
					area[b] += weight[i] * weight[j] * a
				}
			}
		}
	})
	return share, area, nil
}

// overDiameters averages the visible share and area of discs about one point.
func (g Grid) overDiameters(x, y, low, high float64) (share, area float64) {
	if low == high {
		s := g.VisibleShare(x, y, low)
		return s, s * math.Pi * low * low / 4
	}
	cut := []float64{low, high}
	sides := [4]float64{x - g.X0, g.X1 - x, y - g.Y0, g.Y1 - y}
	for k, d := range sides {
		cut = append(cut, 2*d)
		if k < 2 {
			cut = append(cut, 2*math.Hypot(d, sides[2]), 2*math.Hypot(d, sides[3]))
		}
	}
	slices.Sort(cut)
	var at, weight [8]float64
	for k := range len(cut) - 1 {
		from, to := max(cut[k], low), min(cut[k+1], high)
		if !(to > from) {
			continue
		}
		quad.Legendre{}.FixedLocations(at[:], weight[:], from, to)
		for i, d := range at {
			s := g.VisibleShare(x, y, d)
			share += weight[i] * s
			area += weight[i] * s * math.Pi * d * d / 4
		}
	}
	return share / (high - low), area / (high - low)
}
