package decode_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/decode"
)

// population makes n stimuli on a screen of 100 x 100 pixels and units with Gaussian fields over it, whose gain grows with
// the stimulus's size, with noise of the given deviation.
func population(seed uint64, n, units int, noise float64) (responses []float64, t decode.Targets) {
	r := rng.New(seed, "decode/test")
	place := func() float64 { return 100 * r.Float64() }
	for range n {
		t.X, t.Y, t.Diameter = append(t.X, place()), append(t.Y, place()), append(t.Diameter, 10+10*r.Float64())
	}
	responses = make([]float64, n*units)
	for u := range units {
		cx, cy := place(), place()
		for i := range n {
			d2 := (t.X[i]-cx)*(t.X[i]-cx) + (t.Y[i]-cy)*(t.Y[i]-cy)
			responses[i*units+u] = t.Diameter[i]/15*math.Exp(-d2/(2*30*30)) + noise*r.NormFloat64() + 3*float64(u)
		}
	}
	return responses, t
}

// A linear code is read to its noise: with z = x + e in many units, ridge regression is nearly the mean of them.
func TestRidgeReadsALinearCode(t *testing.T) {
	const n, units = 300, 20
	r := rng.New(1, "decode/test/linear")
	var targets decode.Targets
	responses := make([]float64, n*units)
	for i := range n {
		targets.X, targets.Y = append(targets.X, 100*r.Float64()), append(targets.Y, 100*r.Float64())
		for u := range units {
			responses[i*units+u] = []float64{targets.X[i], targets.Y[i]}[u%2] + 20*r.NormFloat64()
		}
	}
	res, err := decode.Decode(responses, n, units, targets, decode.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	// Ten copies with noise of 20 on a target of variance 10000/12: the best linear reading has this R2, and errors whose
	// distance is Rayleigh's, with median sqrt(2 ln 2) of the deviation.
	left := 400. / 10
	want := 1 - left/(left+10000./12)
	for name, s := range map[string]decode.Score{"x": res.X, "y": res.Y} {
		if math.Abs(s.R2-want) > .02 || s.Interval.Low > want || s.Interval.High < want {
			t.Errorf("%s: R2 %.3f %v, want %.3f", name, s.R2, s.Interval, want)
		}
	}
	// Fitted to 240 stimuli, 20 weights add 20/220 to the squared error.
	if m := math.Sqrt(2 * math.Ln2 * left * want * (1 + 20./220)); math.Abs(res.MedianError-m) > .8 || res.Interval.Low > m || res.Interval.High < m {
		t.Errorf("median error %.2f %v, want %.2f", res.MedianError, res.Interval, m)
	}
	if res.Diameter != nil || !math.IsNaN(res.P) || !math.IsNaN(res.X.ChanceR2) || len(res.Predicted) != 2*n || res.Units != units {
		t.Errorf("%+v", res)
	}
}

// Both decoders read a population of fields, above chance; of noise they read nothing, at the rate chance allows.
func TestFieldsAreReadAndNoiseIsNot(t *testing.T) {
	const n, units = 240, 40
	responses, targets := population(2, n, units, .1)
	for _, method := range []decode.Method{decode.Ridge, decode.KNN} {
		opt := decode.Options{Method: method, Shuffles: 39, Resamples: 200, Neighbors: []int{2, 5, 10}, Seed: 3}
		res, err := decode.Decode(responses, n, units, targets, opt)
		if err != nil {
			t.Fatal(err)
		}
		if res.X.R2 < .85 || res.Y.R2 < .85 || res.MedianError > 12 || res.Diameter.R2 < .1 {
			t.Errorf("%s: R2 %.2f %.2f, size %.2f, median error %.1f", method, res.X.R2, res.Y.R2, res.Diameter.R2, res.MedianError)
		}
		if res.P > 1./40 || res.X.P > 1./40 || res.Diameter.P > 1./40 || res.Chance < 30 || res.Chance > 50 || res.X.ChanceR2 > .01 {
			t.Errorf("%s: p %.3f %.3f %.3f, chance %.1f px, R2 %.3f", method, res.P, res.X.P, res.Diameter.P, res.Chance, res.X.ChanceR2)
		}
	}
	low := map[decode.Method]int{}
	const rounds = 60
	for k := range rounds {
		noise, where := population(uint64(100+k), 60, 3, 0)
		r := rand.New(rand.NewPCG(uint64(k), 1))
		for i := range noise {
			noise[i] = r.NormFloat64()
		}
		for _, method := range []decode.Method{decode.Ridge, decode.KNN} {
			res, err := decode.Decode(noise, 60, 3, where, decode.Options{Method: method, Shuffles: 19, Resamples: 1, Alphas: []float64{1e-3, 1}, Seed: uint64(k)})
			if err != nil {
				t.Fatal(err)
			}
			if res.X.P <= .05 {
				low[method]++
			}
		}
	}
	for method, hits := range low {
		if hits > 9 { // 3 expected, a binomial deviation of 1.7
			t.Errorf("%s finds position in %d of %d noise populations", method, hits, rounds)
		}
	}
}

// More units say more; all units take one subset, and every subset is remembered.
func TestCurve(t *testing.T) {
	const n, units = 200, 30
	responses, targets := population(6, n, units, .3)
	responses[7*units+4] = math.NaN()
	curve, err := decode.Curve(responses, n, units, targets, []int{2, 8, 29}, 4, decode.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for k := range curve[1:] {
		if !(curve[k+1].MedianError.Mean < curve[k].MedianError.Mean) || !(curve[k+1].X.Mean > curve[k].X.Mean) {
			t.Errorf("%d units: %+v, %d units: %+v", curve[k].Units, curve[k].MedianError, curve[k+1].Units, curve[k+1].MedianError)
		}
	}
	if curve[0].Subsets != 4 || curve[2].Subsets != 1 || curve[2].X.SD != 0 || curve[0].MedianError.SD <= 0 {
		t.Errorf("%+v", curve)
	}
	all, _ := decode.Decode(responses, n, units, targets, decode.Options{Seed: 1, Resamples: 1})
	if !slices.Equal(all.Left, []int{4}) || math.Abs(all.MedianError-curve[2].MedianError.Mean) > 1e-6 {
		t.Errorf("units left out %v, error %g, on the curve %g", all.Left, all.MedianError, curve[2].MedianError.Mean)
	}
	for _, p := range curve {
		for _, index := range p.SubsetIndexes {
			if len(index) != p.Units || slices.Contains(index, 4) || slices.Max(index) >= units {
				t.Errorf("subset %v", index)
			}
		}
	}
	if _, err := decode.Curve(responses, n, units, targets, []int{30}, 1, decode.Options{}); err == nil {
		t.Error("more units than are usable are no error")
	}
}

func TestThreadsDoNotMatter(t *testing.T) {
	const n, units = 150, 12
	responses, targets := population(7, n, units, .3)
	run := func(procs int) []float64 {
		old := runtime.GOMAXPROCS(procs)
		defer runtime.GOMAXPROCS(old)
		var out []float64
		for _, m := range []decode.Method{decode.Ridge, decode.KNN} {
			r, err := decode.Decode(responses, n, units, targets, decode.Options{Method: m, Shuffles: 9, Resamples: 50, Seed: 2})
			if err != nil {
				t.Fatal(err)
			}
			out = append(append(out, r.Predicted...), r.X.R2, r.X.ChanceR2, r.Interval.Low, r.P)
		}
		g, err := decode.Geometry(responses, n, units, targets.X, targets.Y, decode.GeometryOptions{Shuffles: 19, Stimuli: 80})
		if err != nil {
			t.Fatal(err)
		}
		return append(out, g.Spearman, g.P, g.Slope, g.Between[3])
	}
	if one, five := run(1), run(5); !slices.Equal(one, five) {
		t.Error("results depend on the number of threads")
	}
}

// Representations of a map-like population lie apart as places do; the slope is that of the line; noise has none.
func TestGeometry(t *testing.T) {
	const n, units = 150, 60
	responses, targets := population(8, n, units, .05)
	noise := make([]float64, len(responses))
	r := rng.New(9, "decode/test/geometry")
	for i := range noise {
		noise[i] = r.NormFloat64()
	}
	for _, metric := range []decode.Metric{decode.Correlation, decode.Euclidean} {
		opt := decode.GeometryOptions{Metric: metric, Shuffles: 99, Seed: 1, Bins: 5}
		g, err := decode.Geometry(responses, n, units, targets.X, targets.Y, opt)
		if err != nil {
			t.Fatal(err)
		}
		if g.Spearman < .6 || g.P > .01 || g.SlopeP > .01 || g.Slope <= 0 || g.Pairs != n*(n-1)/2 || !slices.IsSorted(g.Screen) || g.Between[4] < g.Between[0] {
			t.Errorf("%s: %+v", metric, g)
		}
		low := 0
		for k := range 40 {
			opt.Seed, opt.Shuffles, opt.Stimuli = uint64(k), 19, 40
			z, err := decode.Geometry(noise, n, units, targets.X, targets.Y, opt)
			if err != nil {
				t.Fatal(err)
			}
			if z.P <= .05 {
				low++
			}
		}
		if low > 7 { // 2 expected, a binomial deviation of 1.4
			t.Errorf("%s: %d of 40 noise populations follow the screen", metric, low)
		}
	}
	// Where responses are the places themselves, Euclidean distance is proportional to distance on a square screen.
	own := make([]float64, 2*n)
	for i := range n {
		own[2*i], own[2*i+1] = targets.X[i], targets.Y[i]
	}
	g, err := decode.Geometry(own, n, 2, targets.X, targets.Y, decode.GeometryOptions{Metric: decode.Euclidean, Shuffles: 9})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(g.Slope-1/(math.Sqrt2*100/math.Sqrt(12))) > .003 || g.Spearman < .99 {
		t.Errorf("slope %.4f, Spearman %.4f of the places themselves", g.Slope, g.Spearman)
	}
}

func TestBadInput(t *testing.T) {
	const n, units = 60, 3
	responses, targets := population(10, n, units, .1)
	flat := slices.Repeat([]float64{2}, n*units)
	res, err := decode.Decode(flat, n, units, targets, decode.Options{Shuffles: 9, Resamples: 20})
	if err != nil || res.X.R2 > 0 || res.X.R2 < -.5 || res.P < .05 {
		t.Errorf("units that never vary: %+v, %v", res, err)
	}
	if res, err = decode.Decode(flat, n, units, targets, decode.Options{Method: decode.KNN, Resamples: 20}); err != nil || math.IsNaN(res.MedianError) {
		t.Errorf("neighbours among equals: %+v, %v", res, err)
	}
	g, err := decode.Geometry(flat, n, units, targets.X, targets.Y, decode.GeometryOptions{Shuffles: 9})
	if err != nil || !math.IsNaN(g.Spearman) || g.P != 1 || g.SlopeP != 1 {
		t.Errorf("geometry of units that never vary: %+v, %v", g, err)
	}
	still := decode.Targets{X: make([]float64, n), Y: targets.Y}
	if res, err = decode.Decode(responses, n, units, still, decode.Options{Shuffles: 9, Resamples: 20}); err != nil || !math.IsNaN(res.X.R2) || res.X.P != 1 {
		t.Errorf("a target that does not vary: %+v, %v", res, err)
	}
	nan := slices.Repeat([]float64{math.NaN()}, n*units)
	for name, f := range map[string]func() error{
		"all NaN":  func() error { _, e := decode.Decode(nan, n, units, targets, decode.Options{}); return e },
		"shape":    func() error { _, e := decode.Decode(responses[1:], n, units, targets, decode.Options{}); return e },
		"no units": func() error { _, e := decode.Decode(nil, n, 0, targets, decode.Options{}); return e },
		"few":      func() error { _, e := decode.Decode(responses[:9], 3, units, targets, decode.Options{}); return e },
		"target": func() error {
			_, e := decode.Decode(responses, n, units, decode.Targets{X: targets.X}, decode.Options{})
			return e
		},
		"NaN target": func() error {
			_, e := decode.Decode(responses, n, units, decode.Targets{X: nan[:n], Y: targets.Y}, decode.Options{})
			return e
		},
		"method": func() error {
			_, e := decode.Decode(responses, n, units, targets, decode.Options{Method: "svm"})
			return e
		},
		"alpha": func() error {
			_, e := decode.Decode(responses, n, units, targets, decode.Options{Alphas: []float64{0}})
			return e
		},
		"neighbours": func() error {
			_, e := decode.Decode(responses, n, units, targets, decode.Options{Method: decode.KNN, Neighbors: []int{48}})
			return e
		},
		"metric": func() error {
			_, e := decode.Geometry(responses, n, units, targets.X, targets.Y, decode.GeometryOptions{Metric: "cosine"})
			return e
		},
		"position": func() error {
			_, e := decode.Geometry(responses, n, units, nan[:n], targets.Y, decode.GeometryOptions{})
			return e
		},
	} {
		if f() == nil {
			t.Errorf("%s is no error", name)
		}
	}
}

func ExampleDecode() {
	responses, targets := population(1, 300, 50, .1)
	res, err := decode.Decode(responses, 300, 50, targets, decode.Options{Shuffles: 49, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("median error %.0f of 100 pixels, by chance %.0f (p = %.2f); R2 of x %.2f, of the diameter %.2f\n",
		res.MedianError, res.Chance, res.P, res.X.R2, res.Diameter.R2)
	// Output: median error 9 of 100 pixels, by chance 41 (p = 0.02); R2 of x 0.90, of the diameter 0.72
}

func BenchmarkDecode(b *testing.B) {
	responses, targets := population(1, 1500, 128, .2)
	for _, m := range []decode.Method{decode.Ridge, decode.KNN} {
		b.Run(string(m), func(b *testing.B) {
			for b.Loop() {
				if _, err := decode.Decode(responses, 1500, 128, targets, decode.Options{Method: m, Shuffles: 100}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
