package decode

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ventral-lab/ventral/internal/rng"
)

// Neighbours against sorting all distances, with many that are equal.
func TestNeighboursBySorting(t *testing.T) {
	r := rng.New(1, "decode/test/neighbours")
	for _, c := range []struct{ n, m, p, k int }{{7, 9, 2, 3}, {150, 40, 3, 40}, {5, 5, 1, 1}} {
		grid := func(rows int) *mat.Dense {
			d := mat.NewDense(rows, c.p, nil)
			for i := range rows {
				for j := range c.p {
					d.Set(i, j, float64(r.IntN(4)))
				}
			}
			return d
		}
		a, b := grid(c.n), grid(c.m)
		for i, got := range neighbours(a, b, c.k, false) {
			if want := bySorting(a, b, i, -1)[:c.k]; !slices.Equal(got, want) {
				t.Fatalf("%+v: row %d has neighbours %v, want %v", c, i, got, want)
			}
		}
		k := min(c.k, c.m-1)
		for i, got := range neighbours(b, b, k, true) {
			if want := bySorting(b, b, i, i)[:k]; !slices.Equal(got, want) {
				t.Fatalf("%+v: row %d has neighbours %v among its own, want %v", c, i, got, want)
			}
		}
	}
}

func bySorting(a, b *mat.Dense, i, skip int) []int32 {
	m, p := b.Dims()
	var order []int32
	dist := make([]float64, m)
	for k := range m {
		for j := range p {
			dist[k] += math.Pow(a.At(i, j)-b.At(k, j), 2)
		}
		if k != skip {
			order = append(order, int32(k))
		}
	}
	slices.SortStableFunc(order, func(x, y int32) int { return int(dist[x] - dist[y]) })
	return order
}

// Predictions of the whole protocol by hand: two folds, one neighbour, and the training stimuli's own scale.
func TestNearestByHand(t *testing.T) {
	const n = 40
	r := rng.New(2, "decode/test/hand")
	x, target := make([]float64, n), Targets{}
	for i := range x {
		x[i] = r.NormFloat64()
		target.X, target.Y = append(target.X, r.Float64()), append(target.Y, r.Float64())
	}
	opt := Options{Method: KNN, Folds: 2, Inner: 2, Neighbors: []int{1}, Resamples: 1, Seed: 3}
	res, err := Decode(x, n, 1, target, opt)
	if err != nil {
		t.Fatal(err)
	}
	fold := deal(n, 2, 3, "decode/folds")
	for i := range n {
		best := -1
		for k := range n {
			if fold[k] != fold[i] && (best < 0 || math.Abs(x[k]-x[i]) < math.Abs(x[best]-x[i])) {
				best = k
			}
		}
		if res.Predicted[2*i] != target.X[best] || res.Predicted[2*i+1] != target.Y[best] {
			t.Errorf("stimulus %d is read as (%g, %g), its neighbour %d lies at (%g, %g)", i, res.Predicted[2*i], res.Predicted[2*i+1], best, target.X[best], target.Y[best])
		}
	}
}
