package ratemap

import (
	"math"
	"testing"
)

// analytic makes a map from a function of row and column.
func analytic(rows, cols int, f func(i, j float64) float64) Map {
	m := Map{Rows: rows, Cols: cols, Rate: make([]float64, rows*cols)}
	for b := range m.Rate {
		m.Rate[b] = f(float64(b/cols), float64(b%cols))
	}
	return m
}

// hexagons is a lattice of fields lambda bins apart on n x n bins, its wave vectors turned by turn degrees.
func hexagons(n int, lambda, turn float64) Map {
	c := float64(n-1) / 2
	return analytic(n, n, func(i, j float64) float64 {
		s := 0.0
		for _, t := range []float64{0, 60, 120} {
			sin, cos := math.Sincos((t + turn) * math.Pi / 180)
			s += math.Cos(4 * math.Pi / (math.Sqrt(3) * lambda) * ((j-c)*cos + (i-c)*sin))
		}
		return (s + 1.5) / 4.5
	})
}

func placeField() Map {
	return analytic(40, 40, func(i, j float64) float64 { return math.Exp(-((i-10)*(i-10) + (j-27)*(j-27)) / 32) })
}

func wallField() Map {
	return analytic(40, 40, func(_, j float64) float64 { return math.Exp(-j / 2.5) })
}

func ramp() Map { return analytic(40, 40, func(_, j float64) float64 { return j / 39 }) }

func squares() Map {
	return analytic(40, 40, func(i, j float64) float64 {
		return (math.Cos(2*math.Pi*(j-19.5)/12) + math.Cos(2*math.Pi*(i-19.5)/12) + 2) / 4
	})
}

func (m Map) affine(scale, offset float64) Map {
	return analytic(m.Rows, m.Cols, func(i, j float64) float64 { return scale*m.At(int(i), int(j)) + offset })
}

// near fails unless got is want to the given absolute tolerance, NaN only to NaN.
func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if math.IsNaN(want) != math.IsNaN(got) || math.Abs(got-want) > tol {
		t.Errorf("%s = %.10g, want %.10g (off by %.3g, allowed %.3g)", what, got, want, got-want, tol)
	}
}

func placeAt(i, j, row, col, spread float64) float64 {
	return math.Exp(-((i-row)*(i-row) + (j-col)*(j-col)) / spread)
}
