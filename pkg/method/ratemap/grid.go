package ratemap

import (
	"fmt"
	"math"
)

// Grid cuts the rectangle from (X0, Y0) to (X1, Y1) into Rows x Cols equal bins. Row 0 touches Y0 and column 0
// touches X0, so on a screen whose y grows downwards row 0 is the top of the picture. Bins are numbered row by
// row: bin = row*Cols + col.
type Grid struct {
	Rows, Cols     int
	X0, Y0, X1, Y1 float64
}

// Screen is the grid over a picture of width x height pixels whose origin is its corner.
func Screen(rows, cols int, width, height float64) Grid {
	return Grid{Rows: rows, Cols: cols, X1: width, Y1: height}
}

// Len is the number of bins.
func (g Grid) Len() int { return g.Rows * g.Cols }

// Check says what is wrong with the grid, or nil.
func (g Grid) Check() error {
	if g.Rows < 1 || g.Cols < 1 {
		return fmt.Errorf("ratemap: grid of %d x %d bins: rows and columns must be at least 1", g.Rows, g.Cols)
	}
	if g.Rows > maxBins/g.Cols {
		return fmt.Errorf("ratemap: grid of %d x %d bins is more than the %d this package handles", g.Rows, g.Cols, maxBins)
	}
	w, h := g.X1-g.X0, g.Y1-g.Y0
	if !(w > 0) || !(h > 0) || math.IsInf(w, 0) || math.IsInf(h, 0) {
		return fmt.Errorf("ratemap: grid from (%g, %g) to (%g, %g): the second corner must lie beyond the first, both finite", g.X0, g.Y0, g.X1, g.Y1)
	}
	return nil
}

// maxBins bounds a grid: with more bins than this a map of one unit takes over 128 MiB, and the bin of a
// position no longer means anything a stimulus set could fill.
const maxBins = 1 << 24

// Bin is the number of the bin that holds (x, y), or -1 where the point lies outside the grid or is NaN. A bin
// holds its lower edges; the last row and column also hold their upper edge, so that every point of the closed
// rectangle has a bin.
func (g Grid) Bin(x, y float64) int {
	col, row := slot(x, g.X0, g.X1, g.Cols), slot(y, g.Y0, g.Y1, g.Rows)
	if col < 0 || row < 0 {
		return -1
	}
	return row*g.Cols + col
}

func slot(v, lo, hi float64, n int) int {
	if !(v >= lo && v <= hi) {
		return -1
	}
	return min(int((v-lo)/(hi-lo)*float64(n)), n-1)
}

// Center is the middle of a bin.
func (g Grid) Center(bin int) (x, y float64) {
	row, col := bin/g.Cols, bin%g.Cols
	x = g.X0 + (float64(col)+.5)*(g.X1-g.X0)/float64(g.Cols)
	y = g.Y0 + (float64(row)+.5)*(g.Y1-g.Y0)/float64(g.Rows)
	return x, y
}

// Bins assigns every position to its bin (see Bin). x and y hold one coordinate per stimulus.
func (g Grid) Bins(x, y []float64) ([]int, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	if len(x) != len(y) {
		return nil, fmt.Errorf("ratemap: %d x coordinates but %d y coordinates: give one of each per stimulus", len(x), len(y))
	}
	bins := make([]int, len(x))
	for i := range x {
		bins[i] = g.Bin(x[i], y[i])
	}
	return bins, nil
}

// Occupancy counts the stimuli of every bin [row, col]. Bins of -1 (outside the grid) count nowhere.
func Occupancy(bins []int, g Grid) ([]float64, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	occ := make([]float64, g.Len())
	for s, b := range bins {
		if b < -1 || b >= len(occ) {
			return nil, fmt.Errorf("ratemap: stimulus %d is in bin %d, but the %d x %d grid has bins 0 to %d (-1 = outside)", s, b, g.Rows, g.Cols, len(occ)-1)
		}
		if b >= 0 {
			occ[b]++
		}
	}
	return occ, nil
}
