package ratemap

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// poisson draws a count by multiplying uniforms (Knuth), for small means.
func poisson(r *rand.Rand, mean float64) float64 {
	limit, p, k := math.Exp(-mean), 1.0, 0.0
	for p *= r.Float64(); p > limit; p *= r.Float64() {
		k++
	}
	return k
}

// counting is a population of counting units on a grid: unit u has a field of its own, untuned ones none, and responses are
// Poisson. truth is the information of Skaggs of the rates themselves, in bits/sample.
func counting(seed uint64, units, stimuli int, g Grid, tuned bool) (resp *Responses, bins []int, truth []float64) {
	r := rng.New(seed, "ratemap/test/counting")
	bins = make([]int, stimuli)
	for s := range bins {
		bins[s] = r.IntN(g.Len())
	}
	act := make([][]float64, units)
	for u := range act {
		row, col := float64(g.Rows)*r.Float64(), float64(g.Cols)*r.Float64()
		m := analytic(g.Rows, g.Cols, func(i, j float64) float64 {
			if !tuned {
				return .5
			}
			return .1 + 1.5*math.Exp(-((i-row)*(i-row)+(j-col)*(j-col))/4)
		})
		truth = append(truth, Skaggs(m).BitsPerSample)
		act[u] = make([]float64, stimuli)
		for s, b := range bins {
			act[u][s] = poisson(r, m.Rate[b])
		}
	}
	resp, err := FromUnits(act)
	if err != nil {
		panic(err)
	}
	resp.Conversion = ReLU
	return resp, bins, truth
}

// With a known truth, every correction takes most of the bias off, for tuned units and for untuned ones; the scaled shuffle
// is nearer than the plain one, which takes off too much of tuned units.
func TestUnbiasFindsTheTruth(t *testing.T) {
	g := Screen(5, 5, 1, 1)
	for _, c := range []struct {
		stimuli int
		tuned   bool
	}{{120, true}, {120, false}, {400, true}, {400, false}} {
		r, bins, truth := counting(1, 120, c.stimuli, g, c.tuned)
		u, err := Unbias(r, bins, g, BitsPerSample(), UnbiasOptions{Seed: 1, Repeats: 10})
		if err != nil {
			t.Fatal(err)
		}
		want := stats.Mean(truth)
		plain, sub, ssr, bae, quad := u.Average(nil)
		bias := plain - want
		t.Logf("%+v: truth %.3f, plain %.3f, shuffle %.3f, scaled %.3f, bounded %.3f, quadratic %.3f", c, want, plain, sub, ssr, bae, quad)
		if bias < 8/float64(c.stimuli) {
			t.Fatalf("%+v: the plain estimate is %.4f of %.4f: nothing to correct", c, plain, want)
		}
		near(t, fmt.Sprintf("%+v: scaled shuffle", c), ssr, want, .25*bias)
		near(t, fmt.Sprintf("%+v: quadratic", c), quad, want, .25*bias)
		near(t, fmt.Sprintf("%+v: bounded asymptote", c), bae, want, .55*bias)
		near(t, fmt.Sprintf("%+v: shuffle", c), sub, want, .5*bias)
		if c.tuned && !(sub < want && math.Abs(ssr-want) < math.Abs(sub-want)) {
			t.Errorf("%+v: of %.4f, shuffle %.4f, scaled %.4f: want the first too small and the second nearer", c, want, sub, ssr)
		}
		// The mean of the units' own estimates agrees where the estimate is linear in the curves.
		near(t, "mean of the units' estimates", stats.Mean(u.Subtracted.Value), sub, 1e-12)
		near(t, "mean of the units' estimates", stats.Mean(u.Quadratic.Value), quad, 1e-12)
		if len(u.Sizes) != 8 || u.Sizes[7] != c.stimuli || !slices.Equal(u.Plain.Value, u.Curve[7]) {
			t.Errorf("sizes %v", u.Sizes)
		}
	}
}

// The jackknife's error is that of repeated experiments, and intervals of corrected estimates hold the truth.
func TestUnbiasIntervals(t *testing.T) {
	const units = 100
	g := Screen(5, 5, 1, 1)
	r, bins, truth := counting(2, units, 200, g, true)
	u, err := Unbias(r, bins, g, BitsPerSample(), UnbiasOptions{Seed: 1, Repeats: 8, Groups: 20})
	if err != nil {
		t.Fatal(err)
	}
	// 95 of 100 units, with a binomial deviation of 2.2; the same stimuli serve all, so that they are not quite independent.
	for _, c := range []struct {
		name  string
		v     Corrected
		least int
	}{{"shuffle", u.Subtracted, 87}, {"scaled shuffle", u.SSR, 87}, {"quadratic", u.Quadratic, 87}, {"bounded asymptote", u.BAE, 70}} {
		hit, wrong := 0, []float64{}
		for i, v := range truth {
			if c.v.Low[i] <= v && v <= c.v.High[i] {
				hit++
			}
			wrong = append(wrong, c.v.Value[i]-v)
		}
		t.Logf("%s: %d of %d intervals hold the truth, standard error %.3f", c.name, hit, units, stats.Mean(c.v.SE))
		if hit < c.least {
			t.Errorf("%s: %d of %d intervals hold the truth", c.name, hit, units)
		}
		if ratio := stats.Mean(c.v.SE) / stats.SD(wrong); ratio < .8 || ratio > 1.3 {
			t.Errorf("%s: the standard error is %.2f of the spread of errors", c.name, ratio)
		}
	}
}

func TestUnbiasIsRepeatable(t *testing.T) {
	g := Screen(4, 4, 1, 1)
	r, bins, _ := counting(3, 70, 90, g, true)
	bins[5] = -1
	opt := UnbiasOptions{Seed: 4, Repeats: 3, Groups: 3, Shares: []float64{.5, .75}}
	old := runtime.GOMAXPROCS(1)
	one, err := Unbias(r, bins, g, MutualInformation(3), opt)
	runtime.GOMAXPROCS(5)
	five, _ := Unbias(r, bins, g, MutualInformation(3), opt)
	runtime.GOMAXPROCS(old)
	if err != nil {
		t.Fatal(err)
	}
	for k, pair := range [][2]Corrected{{one.SSR, five.SSR}, {one.BAE, five.BAE}, {one.Quadratic, five.Quadratic}} {
		if !slices.Equal(bitsOf(pair[0].Value), bitsOf(pair[1].Value)) || !slices.Equal(bitsOf(pair[0].SE), bitsOf(pair[1].SE)) {
			t.Errorf("estimate %d depends on the number of threads", k)
		}
	}
	opt.Seed++
	if other, _ := Unbias(r, bins, g, MutualInformation(3), opt); slices.Equal(other.SSR.Value, one.SSR.Value) {
		t.Error("another seed gives the same estimates")
	}
}

func bitsOf(v []float64) []uint64 {
	out := make([]uint64, len(v))
	for i, x := range v {
		out[i] = math.Float64bits(x)
	}
	return out
}

func TestUnbiasOfBadInput(t *testing.T) {
	g := Screen(3, 3, 1, 1)
	r, bins, _ := counting(5, 4, 60, g, true)
	for s := range r.Stimuli {
		r.Values[s*r.Units] = 0
		r.Values[s*r.Units+1] = 2
	}
	r.Values[7*r.Units+2] = float32(math.Inf(1))
	u, err := Unbias(r, bins, g, BitsPerSample(), UnbiasOptions{Groups: 2})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{0, 0, math.NaN()} {
		near(t, fmt.Sprintf("unit %d", i), u.Plain.Value[i], want, 1e-15)
		near(t, fmt.Sprintf("unit %d, shuffle", i), u.Subtracted.Value[i], want, 1e-15)
		if !(u.SSR.Value[i] != u.SSR.Value[i]) {
			t.Errorf("unit %d: scaled shuffle %g where nothing falls", i, u.SSR.Value[i])
		}
		if v := u.BAE.Value[i]; !(math.Abs(v) < 1e-12 || i == 2 && math.IsNaN(v)) {
			t.Errorf("unit %d: bounded asymptote %g", i, v)
		}
	}
	for name, f := range map[string]func() error{
		"shares": func() error {
			_, e := Unbias(r, bins, g, EtaSquared(), UnbiasOptions{Shares: []float64{.5, .4}})
			return e
		},
		"one share": func() error { _, e := Unbias(r, bins, g, EtaSquared(), UnbiasOptions{Shares: []float64{.5}}); return e },
		"one group": func() error { _, e := Unbias(r, bins, g, EtaSquared(), UnbiasOptions{Groups: 1}); return e },
		"statistic": func() error { _, e := Unbias(r, bins, g, Statistic{Name: "none"}, UnbiasOptions{}); return e },
		"levels":    func() error { _, e := Unbias(r, bins, g, MutualInformation(1), UnbiasOptions{}); return e },
		"no stimulus": func() error {
			_, e := Unbias(r, slices.Repeat([]int{-1}, len(bins)), g, EtaSquared(), UnbiasOptions{})
			return e
		},
	} {
		if f() == nil {
			t.Errorf("%s is no error", name)
		}
	}
}

// The extrapolations find the asymptote of their own curves, and stay at their bounds on others.
func TestAsymptotes(t *testing.T) {
	sizes := []float64{100, 150, 200, 300, 400, 600}
	curve := func(f func(t float64) float64) (y []float64) {
		for _, v := range sizes {
			y = append(y, f(v))
		}
		return y
	}
	for _, c := range []struct{ a, b, c float64 }{{.3, 2, .01}, {0, 5, .02}, {1, .5, .001}, {2, 100, .5}} {
		a, r2 := boundedAsymptote(sizes, curve(func(t float64) float64 { return c.a + c.b/(1+c.c*t) }))
		near(t, fmt.Sprintf("asymptote of %+v", c), a, c.a, 2e-4*(c.a+c.b))
		near(t, "R2", r2, 1, 1e-6)
	}
	a, _ := boundedAsymptote(sizes, curve(func(t float64) float64 { return .5 + t/1000 }))
	near(t, "asymptote of a curve that grows", a, stats.Mean(curve(func(t float64) float64 { return .5 + t/1000 })), 1e-9)
	a, r2 := boundedAsymptote(sizes, curve(func(float64) float64 { return .25 }))
	near(t, "asymptote of a level", a, .25, 1e-9)
	near(t, "R2 of a level", r2, math.NaN(), 0)
	near(t, "quadratic", quadraticAsymptote(sizes, curve(func(t float64) float64 { return .7 + 20/t - 300/t/t })), .7, 1e-10)
	near(t, "scaled shuffle", scaledShuffle(3, 2, 4, 2), 1, 1e-15) // half of the permuted unit's bias
	near(t, "scaled shuffle of a level", scaledShuffle(3, 2, 2, 2), math.NaN(), 0)
}

// Mutual information against the definition, on a table of counts.
func TestMutualInformationByDefinition(t *testing.T) {
	const n, levels = 97, 4
	r := rng.New(6, "ratemap/test/mutual")
	g := Screen(3, 3, 1, 1)
	act, bins := [][]float64{make([]float64, n), make([]float64, n)}, make([]int, n)
	for s := range bins {
		bins[s] = r.IntN(9)
		act[0][s] = float64(r.IntN(6)) // many ties
		act[1][s] = r.NormFloat64() + float64(bins[s])/3
	}
	bins[4] = -1
	resp, _ := FromUnits(act)
	plain, err := Null(resp, bins, g, MutualInformation(levels), NullOptions{Shuffles: 40, Seed: 2, Keep: true})
	if err != nil {
		t.Fatal(err)
	}
	madow, _ := Null(resp, bins, g, MutualInformationMM(levels), NullOptions{Shuffles: 40, Seed: 2, Keep: true})
	for u := range act {
		level := func(s int) int {
			share := 0.0
			for q := range act[u] {
				if bins[q] >= 0 && act[u][q] < act[u][s] {
					share += 1 / float64(n-1)
				}
				if bins[q] >= 0 && act[u][q] == act[u][s] {
					share += .5 / float64(n-1)
				}
			}
			return int(share*levels + 1e-9)
		}
		joint, pb, pl := map[[2]int]float64{}, map[int]float64{}, map[int]float64{}
		for s, b := range bins {
			if b >= 0 {
				joint[[2]int{b, level(s)}]++
				pb[b]++
				pl[level(s)]++
			}
		}
		want, total := 0.0, float64(n-1)
		for k, c := range joint {
			want += c / total * math.Log2(c*total/(pb[k[0]]*pl[k[1]]))
		}
		near(t, "mutual information", plain.Observed[u], want, 1e-12)
		near(t, "Miller-Madow", madow.Observed[u], want+float64(len(pb)+len(pl)-len(joint)-1)/(2*total*math.Ln2), 1e-12)
	}
	if plain.P[1] > .03 || plain.Excess[1] < .1 || madow.Observed[1] > plain.Observed[1] {
		t.Errorf("tuned unit: p %.3f, excess %.3f, %.3f with Miller-Madow of %.3f", plain.P[1], plain.Excess[1], madow.Observed[1], plain.Observed[1])
	}
	// It asks for the order of the responses only.
	for s := range act[1] {
		act[1][s] = math.Exp(3 * act[1][s])
	}
	other, _ := FromUnits(act)
	same, _ := Null(other, bins, g, MutualInformation(levels), NullOptions{Shuffles: 40, Seed: 2, Keep: true})
	if !slices.Equal(same.Values, plain.Values) {
		t.Error("a growing function of the responses changes the information")
	}
}

// Known information: position in one of 4 bins decides the response but for a share of errors, as in a channel. The
// corrections come near it, and of an untuned unit nothing is left.
func TestMutualInformationOfAChannel(t *testing.T) {
	const n, units, errors = 160, 60, .2
	r := rng.New(7, "ratemap/test/channel")
	g := Screen(2, 2, 1, 1)
	act, bins := make([][]float64, 2*units), make([]int, n)
	for s := range bins {
		bins[s] = s % 4
	}
	for u := range act {
		act[u] = make([]float64, n)
		for s, b := range bins {
			if act[u][s] = float64(b); u >= units || r.Float64() < errors {
				act[u][s] = float64(r.IntN(4))
			}
		}
	}
	// Errors are uniform over the four symbols: the right one has 1 - 3/4 of the error share.
	wrong := errors / 4
	want := 2 + (1-3*wrong)*math.Log2(1-3*wrong) + 3*wrong*math.Log2(wrong)
	resp, _ := FromUnits(act)
	mean := func(v []float64, from int) float64 { return stats.Mean(v[from : from+units]) }
	plain, err := Null(resp, bins, g, MutualInformation(4), NullOptions{Shuffles: 60, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	madow, _ := Null(resp, bins, g, MutualInformationMM(4), NullOptions{Shuffles: 60, Seed: 1})
	bias := mean(plain.Observed, 0) - want
	if bias < .02 {
		t.Fatalf("plug-in %.4f of %.4f: nothing to correct", mean(plain.Observed, 0), want)
	}
	near(t, "Miller-Madow of a channel", mean(madow.Observed, 0), want, .4*bias)
	near(t, "Miller-Madow of nothing", mean(madow.Observed, units), 0, .003)
	near(t, "shuffle of nothing", mean(plain.Excess, units), 0, .003)
	if e := mean(plain.Excess, 0); math.Abs(e-want) > bias {
		t.Errorf("shuffle of a channel: %.4f of %.4f", e, want)
	}
}
