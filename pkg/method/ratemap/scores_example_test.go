package ratemap_test

import (
	"fmt"
	"math"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/ratemap"
)

// Sixty units answer at random, wherever the stimulus is: all the information in their maps is bias.
func ExampleUnbias() {
	s := rng.New(4, "ratemap/example/unbias")
	act, bins := make([][]float64, 60), make([]int, 300)
	for i := range bins {
		bins[i] = s.IntN(25)
	}
	for u := range act {
		act[u] = make([]float64, len(bins))
		for i := range act[u] {
			act[u][i] = s.ExpFloat64()
		}
	}
	r, _ := ratemap.FromUnits(act)
	u, _ := ratemap.Unbias(r, bins, ratemap.Screen(5, 5, 224, 224), ratemap.BitsPerSample(), ratemap.UnbiasOptions{Seed: 1})
	plain, subtracted, ssr, _, _ := u.Average(nil)
	fmt.Printf("%.3f bits/sample, %+.3f less the shuffled, %+.3f by scaled shuffle reduction\n", plain, subtracted, ssr)
	// Output:
	// 0.059 bits/sample, +0.002 less the shuffled, +0.001 by scaled shuffle reduction
}

// A unit that fires for white: its map is the area that no stimulus covers, and looks like a border cell's.
func ExampleTuneWalls() {
	g := ratemap.Screen(14, 14, 224, 224)
	visible, _, _ := g.VisibleMaps(20, 80)
	s := rng.New(1, "ratemap/example/walls")
	rate := make([]float64, g.Len())
	for b, v := range visible {
		rate[b] = 1 - v + .02*s.NormFloat64()
	}
	m, _ := ratemap.NewMap(14, 14, rate, nil)
	w, _ := ratemap.TuneWalls(m, visible)
	fmt.Printf("nearness to walls %.2f, with the visible share held fixed %.2f\n", w.Nearness, w.Partial)
	// Output:
	// nearness to walls 0.73, with the visible share held fixed -0.01
}

func ExampleFitGaussian() {
	truth := ratemap.Gaussian{Base: .2, Amplitude: -1, Row: 9.5, Col: 6, Sigma1: 3, Sigma2: 1.5, Theta: math.Pi / 4}
	s := rng.New(1, "ratemap/example/fit")
	rate := make([]float64, 20*20)
	for b := range rate {
		rate[b] = truth.At(float64(b/20), float64(b%20)) + .1*s.NormFloat64()
	}
	m, _ := ratemap.NewMap(20, 20, rate, nil)
	f, _ := ratemap.FitGaussian(m, ratemap.FitOptions{})
	fmt.Printf("row %.1f [%.1f, %.1f], column %.1f, widths %.1f and %.1f, amplitude %.2f, R2 %.2f, held out %.2f\n",
		f.Row, f.Low.Row, f.High.Row, f.Col, f.Sigma1, f.Sigma2, f.Amplitude, f.R2, f.CV)
	// Output:
	// row 9.6 [9.4, 9.7], column 6.2, widths 3.1 and 1.5, amplitude -1.02, R2 0.77, held out 0.75
}

// A lattice in noise is no chance of smooth maps.
func ExampleSet_GridNull() {
	const n = 20
	s := rng.New(5, "ratemap/example/grid")
	rate := make([]float64, 2*n*n)
	for b := range rate {
		u, v := float64(b%n), float64(b/n%n)
		rate[b] = .5 * s.NormFloat64()
		for k := range 3 {
			sin, cos := math.Sincos(float64(k) * math.Pi / 3)
			if b < n*n { // unit 0 only
				rate[b] += math.Cos(4 * math.Pi / (math.Sqrt(3) * 7) * (u*cos + v*sin))
			}
		}
	}
	set, _ := ratemap.NewSet(ratemap.Screen(n, n, 224, 224), rate, nil, ratemap.Raw)
	null, _ := set.Smooth(1).GridNull(ratemap.SurrogateOptions{Maps: 99, Seed: 1})
	for u, p := range null.P {
		fmt.Printf("unit %d: %.2f, by chance %.2f, p = %.2f, as the best of all p = %.2f\n", u, null.Observed[u], null.Mean[u], p, null.PMax[u])
	}
	// Output:
	// unit 0: 1.31, by chance 0.05, p = 0.01, as the best of all p = 0.01
	// unit 1: 0.05, by chance 0.01, p = 0.29, as the best of all p = 0.59
}
