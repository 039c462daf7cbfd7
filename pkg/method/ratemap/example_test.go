package ratemap_test

import (
	"fmt"
	"math"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/ratemap"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// experiment makes 2000 stimuli on a screen of 224 x 224 pixels and three units: one with a field, one with a field that
// is an absence of response, and one of noise.
func experiment() (r *ratemap.Responses, x, y []float64) {
	s := rng.New(2, "ratemap/example")
	act := [][]float64{make([]float64, 2000), make([]float64, 2000), make([]float64, 2000)}
	for i := range 2000 {
		px, py := 224*s.Float64(), 224*s.Float64()
		x, y = append(x, px), append(y, py)
		field := math.Exp(-((px-60)*(px-60) + (py-150)*(py-150)) / (2 * 30 * 30))
		act[0][i] = 2*field + .3*s.NormFloat64()
		act[1][i] = .2 - 2*field + .3*s.NormFloat64()
		act[2][i] = .3 * s.NormFloat64()
	}
	r, _ = ratemap.FromUnits(act)
	return r, x, y
}

func Example() {
	responses, x, y := experiment()
	grid := ratemap.Screen(14, 14, 224, 224)
	bins, _ := grid.Bins(x, y)

	rates, _ := ratemap.Convert(responses, ratemap.ReLU, nil)
	maps, _ := ratemap.Maps(rates, bins, grid)
	info := maps.Scores(func(m ratemap.Map) float64 { return ratemap.Skaggs(m).BitsPerSample })
	for _, u := range ratemap.Top(info, -1) {
		m := maps.Map(u)
		fmt.Printf("unit %d: %.3f bits/sample, sparsity %.2f (%s)\n", u, info[u], ratemap.Sparsity(m), maps.Conversion)
	}
	// Output:
	// unit 0: 0.246 bits/sample, sparsity 0.38 (relu)
	// unit 1: 0.068 bits/sample, sparsity 0.72 (relu)
	// unit 2: 0.018 bits/sample, sparsity 0.84 (relu)
}

// The test needs no conversion: eta squared sees units that fire and units that fall silent alike.
func ExampleNull() {
	responses, x, y := experiment()
	grid := ratemap.Screen(14, 14, 224, 224)
	bins, _ := grid.Bins(x, y)
	n, _ := ratemap.Null(responses, bins, grid, ratemap.EtaSquared(), ratemap.NullOptions{Shuffles: 999, Seed: 7})
	q := stats.QValues(n.P)
	for u := range q {
		fmt.Printf("unit %d: %s %.2f, by chance %.2f, p = %.3f, q = %.4f\n", u, n.Statistic, n.Observed[u], n.Mean[u], n.P[u], q[u])
	}
	// Output:
	// unit 0: eta squared 0.70, by chance 0.10, p = 0.001, q = 0.0015
	// unit 1: eta squared 0.68, by chance 0.10, p = 0.001, q = 0.0015
	// unit 2: eta squared 0.10, by chance 0.10, p = 0.355, q = 0.3550
}

func ExampleGridScore() {
	const n, spacing = 28, 9.0
	rate := make([]float64, n*n)
	for b := range rate {
		u, v := float64(b%n)-13.5, float64(b/n)-13.5
		for _, t := range []float64{0, math.Pi / 3, 2 * math.Pi / 3} {
			sin, cos := math.Sincos(t)
			rate[b] += math.Cos(4 * math.Pi / (math.Sqrt(3) * spacing) * (u*cos + v*sin))
		}
	}
	m, _ := ratemap.NewMap(n, n, rate, nil)
	g := ratemap.GridScore(m)
	fmt.Printf("score %.2f, fields %.2f bins apart, turned %.1f degrees\n", g.Score, g.Spacing, g.Orientation)
	// Output: score 1.33, fields 8.99 bins apart, turned 30.0 degrees
}

func ExampleBorderScore() {
	rate := make([]float64, 20*20)
	for b := range rate {
		rate[b] = math.Exp(-float64(b%20) / 2) // falls off from the left wall
	}
	m, _ := ratemap.NewMap(20, 20, rate, nil)
	fields := ratemap.FindFields(m, .3, 9)
	b := ratemap.BorderScore(m, fields, ratemap.AllWalls)
	fmt.Printf("%d field, coverage %.1f, score %.2f\n", b.Fields, b.Coverage, b.Score)
	// Output: 1 field, coverage 1.0, score 0.73
}
