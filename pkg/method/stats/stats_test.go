package stats

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"testing"

	"github.com/ventral-lab/ventral/internal/rng"
)

// near fails unless got is want to the given tolerance relative to max(1, |want|), NaN only to NaN.
func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if got == want {
		return
	}
	if math.IsNaN(want) != math.IsNaN(got) || math.Abs(got-want) > tol*max(1, math.Abs(want)) {
		t.Errorf("%s = %.17g, want %.17g", what, got, want)
	}
}

// reference holds the numbers of scipy and numpy (testdata/generate.py).
type reference struct {
	X, Y, Ties, Other, Skew, P []float64
	Mean, SD, SEM              float64
	PopulationSD               float64 `json:"population_sd"`
	Probs, Quantiles           []float64
	QuantilesTies              []float64 `json:"quantiles_ties"`
	Pearson, Spearman          float64
	SpearmanTies               float64 `json:"spearman_ties"`
	Ranks, Q                   []float64
	F                          [][4]float64
	Wilson                     [][5]float64
	Boot, BCa                  []float64
	Trapezoid                  float64
	Pairs                      []float64
	PairsP                     float64 `json:"pairs_p"`
	PairsGreater               float64 `json:"pairs_greater"`
}

func load(t *testing.T) (r reference) {
	t.Helper()
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAgainstScipy(t *testing.T) {
	r := load(t)
	near(t, "mean", Mean(r.X), r.Mean, 1e-15)
	near(t, "sd", SD(r.X), r.SD, 1e-14)
	near(t, "population sd", PopulationSD(r.X), r.PopulationSD, 1e-14)
	near(t, "sem", SEM(r.X), r.SEM, 1e-14)
	for k, q := range Quantiles(r.X, r.Probs...) {
		near(t, fmt.Sprintf("quantile %g", r.Probs[k]), q, r.Quantiles[k], 1e-14)
		near(t, fmt.Sprintf("one quantile %g", r.Probs[k]), Quantile(r.X, r.Probs[k]), r.Quantiles[k], 1e-14)
		near(t, fmt.Sprintf("quantile %g with ties", r.Probs[k]), Quantile(r.Ties, r.Probs[k]), r.QuantilesTies[k], 1e-14)
	}
	near(t, "Pearson", Pearson(r.X, r.Y), r.Pearson, 1e-14)
	near(t, "Spearman", Spearman(r.X, r.Y), r.Spearman, 1e-14)
	near(t, "Spearman with ties", Spearman(r.Ties, r.Other), r.SpearmanTies, 1e-14)
	for i, v := range Ranks(r.Ties) {
		near(t, fmt.Sprintf("rank %d", i), v, r.Ranks[i], 0)
	}
	for i, v := range QValues(r.P) {
		near(t, fmt.Sprintf("q of p = %g", r.P[i]), v, r.Q[i], 1e-14)
	}
	for _, f := range r.F {
		p := FUpper(f[0], int(f[1]), int(f[2]))
		if math.Abs(p-f[3]) > 1e-11*f[3] {
			t.Errorf("FUpper(%g, %g, %g) = %g, want %g", f[0], f[1], f[2], p, f[3])
		}
	}
	for _, w := range r.Wilson {
		in := Wilson(int(w[0]), int(w[1]), w[2])
		near(t, fmt.Sprintf("Wilson(%g, %g) low", w[0], w[1]), in.Low, w[3], 1e-12)
		near(t, fmt.Sprintf("Wilson(%g, %g) high", w[0], w[1]), in.High, w[4], 1e-12)
	}
	low, high := accelerated(r.Boot, Mean(r.Skew), .025, .975, len(r.Skew), func(rows []int) float64 { return meanOf(r.Skew, rows) })
	near(t, "BCa low", low, r.BCa[0], 1e-10)
	near(t, "BCa high", high, r.BCa[1], 1e-10)
	sorted := slices.Sorted(slices.Values(r.X))
	near(t, "AUC", AUC(sorted, r.Y), r.Trapezoid, 1e-13)
	zero := make([]float64, len(r.Pairs))
	if p := PairedPermutation(r.Pairs, zero, 0, 0, ""); !p.Exact || p.Flips != 4096 {
		t.Errorf("12 pairs: %+v, want all 4096 sign patterns", p)
	} else {
		near(t, "exact p", p.P, r.PairsP, 1e-15)
		near(t, "exact one-sided p", p.PGreater, r.PairsGreater, 1e-15)
	}
}

func TestClosedForms(t *testing.T) {
	// F with 2 and m degrees of freedom has the tail (1 + 2f/m)^(-m/2).
	for _, m := range []int{1, 2, 7, 100, 3000} {
		for _, f := range []float64{1e-6, .3, 1, 4, 30} {
			want := math.Exp(-float64(m) / 2 * math.Log1p(2*f/float64(m)))
			if p := FUpper(f, 2, m); math.Abs(p-want) > 1e-10*want {
				t.Errorf("FUpper(%g, 2, %d) = %g, want %g", f, m, p, want)
			}
		}
	}
	// Sums that a plain loop gets wrong.
	near(t, "compensated sum", Sum([]float64{1, 1e100, 1, -1e100}), 2, 0)
	near(t, "sum of infinities", Sum([]float64{math.Inf(1), 1}), math.Inf(1), 0)
	near(t, "variance far from zero", Variance([]float64{1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}), 30, 1e-15)
	near(t, "sd of equal values", PopulationSD([]float64{.1, .1, .1}), 0, 0)
	near(t, "AUC of a line", AUC([]float64{0, 1, 4}, []float64{0, 1, 4}), 8, 1e-15)
	near(t, "softmax", Softmax([]float64{1000, 1000 + math.Log(3)})[1], .75, 1e-12)
	for _, p := range []float64{1e-300, 1e-9, .2, .5, .999} {
		near(t, "logistic of logit", Logistic(Logit(p)), p, 1e-13)
	}
	near(t, "logistic far left", Logistic(-800), 0, 0)
	near(t, "logistic far right", Logistic(800), 1, 0)
	near(t, "logit 0", Logit(0), math.Inf(-1), 0)
	near(t, "logit 1", Logit(1), math.Inf(1), 0)
	near(t, "Spearman of a monotone curve", Spearman([]float64{1, 2, 3, 4}, []float64{-8, 0, 1e9, math.Inf(1)}), 1, 0)
}

func TestMissingValues(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, got := range map[string]float64{
		"mean of none": Mean(nil), "mean with NaN": Mean([]float64{1, nan}), "sd of one": SD([]float64{1}), "sem of none": SEM(nil),
		"population sd of none": PopulationSD(nil), "population sd with NaN": PopulationSD([]float64{nan, nan}), "population sd of infinities": PopulationSD([]float64{inf, inf}),
		"quantile of none": Quantile(nil, .5), "quantile with NaN": Quantile([]float64{1, nan, 3}, .5), "quantile 1.1": Quantile([]float64{1, 2}, 1.1), "quantile NaN": Quantile([]float64{1, 2}, nan),
		"median of none": Box(nil).Median, "low with NaN": Box([]float64{nan, 1}).Low,
		"Pearson of constants": Pearson([]float64{1, 1, 1}, []float64{1, 2, 3}), "Pearson of one": Pearson([]float64{1}, []float64{1}), "Pearson with NaN": Pearson([]float64{1, 2, nan}, []float64{1, 2, 3}),
		"Pearson with Inf": Pearson([]float64{1, 2, inf}, []float64{1, 2, 3}), "Spearman with NaN": Spearman([]float64{1, nan, 2}, []float64{3, 4, 5}),
		"AUC of none": AUC(nil, nil), "softmax with NaN": Softmax([]float64{1, nan})[0], "softmax of Inf": Softmax([]float64{1, inf})[1], "softmax of -Inf": Softmax([]float64{-inf})[0],
		"logit 2": Logit(2), "FUpper NaN": FUpper(nan, 1, 1), "FUpper no freedom": FUpper(1, 0, 3), "Wilson 4 of 3": Wilson(4, 3, .95).Low, "Wilson level 1": Wilson(1, 3, 1).Low,
		"interval of one value": MeanInterval([]float64{1}, Options{}).Low, "interval with NaN": MeanInterval([]float64{1, nan}, Options{}).High, "permutation of none": PairedPermutation(nil, nil, 10, 1, "").P,
		"permutation with NaN": PairedPermutation([]float64{nan}, []float64{1}, 10, 1, "").P, "interval of none": MeanInterval(nil, Options{}).Estimate, "AUC interval of one point": AUCInterval([]float64{1}, [][]float64{{2}, {3}}, Options{}).Low,
	} {
		if !math.IsNaN(got) {
			t.Errorf("%s is %g, want NaN", name, got)
		}
	}
	near(t, "FUpper 0", FUpper(0, 3, 3), 1, 0)
	near(t, "FUpper Inf", FUpper(inf, 3, 3), 0, 0)
	near(t, "softmax of a -Inf", Softmax([]float64{-inf, 3})[0], 0, 0)
	if in := Wilson(0, 0, .95); in.Low != 0 || in.High != 1 || !math.IsNaN(in.Estimate) {
		t.Errorf("Wilson of no trials: %+v", in)
	}
	if got := Finite([]float64{1, nan, inf, -inf, 2}); !slices.Equal(got, []float64{1, 2}) {
		t.Errorf("Finite = %v", got)
	}
	q := QValues([]float64{.01, nan, .04, .03})
	for i, want := range []float64{.03, nan, .04, .04} {
		near(t, fmt.Sprintf("q %d beside NaN", i), q[i], want, 1e-15)
	}
	if Discoveries(q, .04) != 3 || Discoveries(q, .03) != 1 {
		t.Errorf("discoveries of %v", q)
	}
	v, s := ECDF([]float64{3, nan, 1, 3, 2})
	if !slices.Equal(v, []float64{1, 2, 3}) || !slices.Equal(s, []float64{.25, .5, 1}) {
		t.Errorf("ECDF = %v, %v", v, s)
	}
	for name, f := range map[string]func(){"Pearson": func() { Pearson([]float64{1}, nil) }, "AUC": func() { AUC([]float64{1}, nil) }, "pairs": func() { PairedDifference([]float64{1}, nil, Options{}) }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s of unequal lengths did not panic", name)
				}
			}()
			f()
		}()
	}
}

// Arguments stay as they are: sorting is done on copies.
func TestArgumentsAreNotChanged(t *testing.T) {
	x := []float64{3, 1, 2, 9, -4}
	y := slices.Clone(x)
	Quantiles(x, .5)
	Box(x)
	ECDF(x)
	Ranks(x)
	QValues(x)
	MeanInterval(x, Options{Resamples: 10})
	if !slices.Equal(x, y) {
		t.Errorf("argument became %v", x)
	}
}

func TestBox(t *testing.T) {
	b := Box([]float64{1, 2, 3, 4, 5, 6, 7, 100, -50})
	if b.Q1 != 2 || b.Median != 4 || b.Q3 != 6 || b.Low != 1 || b.High != 7 || !slices.Equal(b.Outliers, []float64{-50, 100}) {
		t.Errorf("%+v", b)
	}
	if b := Box([]float64{5}); b.Low != 5 || b.High != 5 || b.Q1 != 5 || b.Outliers != nil {
		t.Errorf("box of one value: %+v", b)
	}
}

// q values keep the order of p, are no smaller than p, at most 1, and do not depend on the order of the tests.
func TestQValuesAreMonotone(t *testing.T) {
	r := rng.New(1, "stats/test/q")
	for range 100 {
		n := 1 + r.IntN(60)
		p := make([]float64, n)
		for i := range p {
			p[i] = math.Pow(r.Float64(), 3)
			if r.IntN(4) == 0 {
				p[i] = math.Round(p[i]*10) / 10
			}
		}
		q := QValues(p)
		for i := range p {
			if q[i] < p[i] || q[i] > 1 {
				t.Fatalf("q = %g of p = %g", q[i], p[i])
			}
			for j := range p {
				if p[i] < p[j] && q[i] > q[j] || p[i] == p[j] && q[i] != q[j] {
					t.Fatalf("p %g, %g but q %g, %g", p[i], p[j], q[i], q[j])
				}
			}
		}
		perm := r.Perm(n)
		shuffled := make([]float64, n)
		for i, k := range perm {
			shuffled[i] = p[k]
		}
		for i, v := range QValues(shuffled) {
			if v != q[perm[i]] {
				t.Fatalf("order of tests changes q: %g, %g", v, q[perm[i]])
			}
		}
	}
}

// With 90 % true nulls the share of false ones among the rejected averages .9 * alpha; a thousand families pin it down.
func TestFalseDiscoveryRate(t *testing.T) {
	r := rng.New(2, "stats/test/fdr")
	const families, tests, alpha = 1000, 100, .1
	share := make([]float64, families)
	for k := range share {
		p := make([]float64, tests)
		for i := range p {
			if p[i] = r.Float64(); i >= 90 {
				p[i] *= 1e-4
			}
		}
		q := QValues(p)
		if found := Discoveries(q, alpha); found > 0 {
			share[k] = float64(Discoveries(q[:90], alpha)) / float64(found)
		}
	}
	if m, se := Mean(share), SEM(share); math.Abs(m-.9*alpha) > 4*se {
		t.Errorf("false discovery rate %g +- %g, expected %g", m, se, .9*alpha)
	}
}

// Nominal 90 % intervals must hold the true value in about 90 % of samples; for a skewed population BCa comes closer.
func TestBootstrapCoverage(t *testing.T) {
	r := rng.New(3, "stats/test/coverage")
	const samples, n = 400, 40
	miss := map[Method]int{}
	for k := range samples {
		x := make([]float64, n)
		for i := range x {
			x[i] = r.ExpFloat64()
		}
		for _, m := range []Method{Percentile, BCa} {
			in := MeanInterval(x, Options{Resamples: 400, Level: .9, Method: m, Seed: uint64(k)})
			if !(in.Low <= in.Estimate && in.Estimate <= in.High) || in.Method != string(m) {
				t.Fatalf("%s interval %v", m, in)
			}
			if in.Low > 1 || in.High < 1 {
				miss[m]++
			}
		}
	}
	// Bootstrap intervals of 40 exponentials cover some 2 % too little; then 4 binomial deviations (6 %).
	for m, k := range miss {
		if rate := float64(k) / samples; rate < .05 || rate > .18 {
			t.Errorf("%s misses %g of the time, expected about .12", m, rate)
		}
	}
}

// The percentile interval of a mean tends to mean +- z sd/sqrt(n) (sd with divisor n).
func TestBootstrapAgainstNormalTheory(t *testing.T) {
	r := rng.New(4, "stats/test/normal")
	x := make([]float64, 300)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	half := 1.959963984540054 * PopulationSD(x) / math.Sqrt(300)
	for _, m := range []Method{Percentile, BCa} {
		in := MeanInterval(x, Options{Resamples: 20000, Method: m})
		near(t, string(m)+" low", in.Low, Mean(x)-half, .05*half)
		near(t, string(m)+" high", in.High, Mean(x)+half, .05*half)
	}
}

func TestPairedIntervalsUseThePairs(t *testing.T) {
	r := rng.New(5, "stats/test/pairs")
	a, b := make([]float64, 100), make([]float64, 100)
	y := make([][]float64, 100)
	for i := range a {
		stimulus := 10 * r.NormFloat64() // large differences between stimuli, none between conditions
		a[i], b[i] = stimulus+.1+.1*r.NormFloat64(), stimulus+.1*r.NormFloat64()
		y[i] = []float64{a[i] - b[i], a[i] - b[i] + 1, a[i] - b[i]}
	}
	in := PairedDifference(a, b, Options{Resamples: 2000})
	if in.Low < .05 || in.High > .15 {
		t.Errorf("paired interval %v must be within .05 of .1", in)
	}
	p := PairedPermutation(a, b, 999, 1, "test")
	if p.Exact || p.P != .001 || p.PGreater != .001 {
		t.Errorf("paired permutation %+v", p)
	}
	near(t, "reversed one-sided p", PairedPermutation(b, a, 999, 1, "test").PGreater, 1, 0)
	near(t, "difference", p.Difference, in.Estimate, 1e-13)
	auc := AUCInterval([]float64{0, 1, 4}, y, Options{Resamples: 2000})
	near(t, "mean height", auc.Estimate, in.Estimate+.5, 1e-12)
	near(t, "its low limit", auc.Low, in.Low+.5, 1e-12)
	same := PairedPermutation(a, a, 99, 1, "test")
	near(t, "p of no difference", same.P, 1, 0)
	const10 := MeanInterval([]float64{2, 2, 2}, Options{Resamples: 100})
	if const10.Low != 2 || const10.High != 2 {
		t.Errorf("interval of equal values: %v", const10)
	}
}

// Under the null the permutation p is uniform: of 500 tests, those at or below .05 stay in the binomial band.
func TestPairedPermutationIsUniform(t *testing.T) {
	r := rng.New(6, "stats/test/uniform")
	const tests = 500
	low, zero := 0, make([]float64, 30)
	for k := range tests {
		d := make([]float64, 30)
		for i := range d {
			d[i] = r.NormFloat64() * r.ExpFloat64()
		}
		if PairedPermutation(d, zero, 199, uint64(k), "test").P <= .05 {
			low++
		}
	}
	if d := math.Abs(float64(low) - .05*tests); d > 4*math.Sqrt(.05*.95*tests) {
		t.Errorf("%d of %d tests have p <= .05", low, tests)
	}
}

func TestSameBitsOnAnyNumberOfThreads(t *testing.T) {
	x := load(t).X
	var want Interval
	var p PermutationTest
	for k, procs := range []int{1, 2, 5} {
		old := runtime.GOMAXPROCS(procs)
		in := MeanInterval(x, Options{Resamples: 500, Seed: 3})
		q := PairedPermutation(x, load(t).Y, 500, 3, "threads")
		runtime.GOMAXPROCS(old)
		if k == 0 {
			want, p = in, q
		}
		if in != want || q != p {
			t.Errorf("%d threads: %v and %v, want %v and %v", procs, in, q, want, p)
		}
	}
	if other := MeanInterval(x, Options{Resamples: 500, Seed: 4}); other.Low == want.Low {
		t.Error("another seed gives the same limits")
	}
	if other := MeanInterval(x, Options{Resamples: 500, Seed: 3, Stream: "other"}); other.Low == want.Low {
		t.Error("another stream gives the same limits")
	}
}

// Wilson's limits solve (p - k/n)^2 = z^2 p (1-p) / n.
func TestWilsonSolvesItsEquation(t *testing.T) {
	const z = 1.959963984540054
	for _, n := range []int{1, 5, 40, 1000} {
		for k := 0; k <= n; k += max(1, n/7) {
			in := Wilson(k, n, .95)
			for _, p := range []float64{in.Low, in.High} {
				d := p - float64(k)/float64(n)
				near(t, fmt.Sprintf("%d of %d", k, n), d*d, z*z*p*(1-p)/float64(n), 1e-12)
			}
			if in.Low < 0 || in.High > 1 || in.Low > in.Estimate || in.High < in.Estimate {
				t.Errorf("%d of %d: %v", k, n, in)
			}
		}
	}
}

func BenchmarkBootstrapBCa(b *testing.B) {
	x := make([]float64, 3000)
	r := rng.New(1, "stats/bench")
	for i := range x {
		x[i] = r.NormFloat64()
	}
	for b.Loop() {
		MeanInterval(x, Options{Resamples: 2000})
	}
}

func TestPearsonFarFromOne(t *testing.T) {
	x, y := []float64{1, 2, 4}, []float64{1, 3, 2}
	want := Pearson(x, y)
	for _, scale := range []float64{1e150, 1e-150} {
		a, b := make([]float64, 3), make([]float64, 3)
		for i := range x {
			a[i], b[i] = x[i]*scale, y[i]*scale
		}
		near(t, fmt.Sprintf("Pearson of values of size %g", scale), Pearson(a, b), want, 1e-14)
	}
}
