package ratemap

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

func TestFastLog2(t *testing.T) {
	r := rng.New(1, "ratemap/test/log")
	worst := 0.0
	check := func(x float64) {
		want := math.Log2(x)
		worst = max(worst, math.Abs(fastLog2(x)-want)/max(1, math.Abs(want)))
	}
	for range 200_000 {
		check(math.Exp(r.NormFloat64() * 3))
		check(1 + r.NormFloat64()*1e-3)
		check(math.Exp2(float64(r.IntN(2000) - 1000)))
	}
	for _, x := range []float64{1, 2, .5, math.Nextafter(1, 0), math.Nextafter(1, 2), math.MaxFloat64, 0x1p-1022} {
		check(x)
	}
	if worst > 5e-16 {
		t.Errorf("fastLog2 is off by %g of max(1, |log|), promised is 5e-16", worst)
	}
	if v := 0 * fastLog2(0); v != 0 {
		t.Errorf("0 log 0 = %g", v)
	}
}

// The block sums and the plain map must give the same score of every permutation.
func TestNullAgainstScoresOfMaps(t *testing.T) {
	g := Screen(6, 5, 1, 1)
	r, bins := population(70, 110, g)
	bins[3], bins[50] = -1, -1
	for s := range 90 {
		bins[s%7+10] = bins[10] // one bin with many stimuli
	}
	for s := range r.Stimuli {
		r.Values[s*r.Units+1] = 0                      // silent
		r.Values[s*r.Units+2] = .7                     // constant
		r.Values[s*r.Units+4] = float32(s % 2)         // many ties
		r.Values[s*r.Units+5] = 1000 + float32(s%3)/10 // large mean, small variation
	}
	r.Values[20*r.Units+3] = float32(math.NaN())
	r.Values[20*r.Units+6] = -1
	opt := NullOptions{Shuffles: 25, Seed: 9, Keep: true}
	eta := func(u int) func(m Map) float64 { // from the map: the total sum of squares is the same in all permutations
		var all []float64
		for s, b := range bins {
			if b >= 0 {
				all = append(all, float64(r.Values[s*r.Units+u]))
			}
		}
		mean, total := stats.Mean(all), stats.PopulationSD(all)
		return func(m Map) float64 {
			between := 0.0
			for b, v := range m.Rate {
				if !math.IsNaN(v) {
					between += m.Occupancy[b] * (v - mean) * (v - mean)
				}
			}
			return between / (total * total * float64(len(all)))
		}
	}
	for _, c := range []struct {
		fast Statistic
		slow func(u int) func(Map) float64
		tol  float64
	}{
		{BitsPerSample(), func(int) func(Map) float64 { return func(m Map) float64 { return Skaggs(m).BitsPerSample } }, 1e-11},
		{BitsPerEvent(), func(int) func(Map) float64 { return func(m Map) float64 { return Skaggs(m).BitsPerEvent } }, 1e-12},
		{OpexeboBitsPerEvent(), func(int) func(Map) float64 { return func(m Map) float64 { return OpexeboInformation(m).BitsPerEvent } }, 1e-12},
		{Sparseness(), func(int) func(Map) float64 { return func(m Map) float64 { return 1 - Sparsity(m) } }, 1e-12},
		{PeakRatio(), func(int) func(Map) float64 { return Selectivity }, 1e-12},
		{EtaSquared(), eta, 1e-8},
	} {
		fast, err := Null(r, bins, g, c.fast, opt)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range []int{0, 1, 2, 3, 4, 5, 6, 64, 69} {
			one, _ := FromUnits([][]float64{r.Unit(u)})
			slow, err := Null(one, bins, g, OfMap(c.fast.Name, c.slow(u)), opt)
			if err != nil {
				t.Fatal(err)
			}
			what := fmt.Sprintf("%s of unit %d", c.fast.Name, u)
			if u == 3 || u == 6 && c.fast.rates || u == 2 && c.fast.Name == "eta squared" || u == 1 && c.fast.Name == "eta squared" {
				near(t, what, fast.Observed[u], math.NaN(), 0)
				near(t, what+": p", fast.P[u], 1, 0)
				continue
			}
			near(t, what, fast.Observed[u], slow.Observed[0], c.tol)
			for s := range opt.Shuffles {
				near(t, fmt.Sprintf("%s, shuffle %d", what, s), fast.Values[s*r.Units+u], slow.Values[s], c.tol)
			}
			near(t, what+": p", fast.P[u], slow.P[0], 0)
			if u != 1 && u != 2 {
				near(t, what+": mean", fast.Mean[u], stats.Mean(slow.Values), c.tol)
				near(t, what+": sd", fast.SD[u], stats.SD(slow.Values), c.tol)
				near(t, what+": z", fast.Z[u], (fast.Observed[u]-stats.Mean(slow.Values))/stats.SD(slow.Values), 1e-5)
			}
		}
		for s, top := range fast.Max {
			want := math.Inf(-1)
			for u := range r.Units {
				if v := fast.Values[s*r.Units+u]; v > want {
					want = v
				}
			}
			near(t, c.fast.Name+": max over units", top, want, 0)
		}
	}
}

func TestTuningsAgainstPlainSums(t *testing.T) {
	g := Screen(3, 3, 1, 1)
	r, bins := population(66, 60, g)
	bins[0] = -1
	got, err := Tunings(r, bins, g)
	if err != nil {
		t.Fatal(err)
	}
	for u := range r.Units {
		act := r.Unit(u)
		groups := map[int][]float64{}
		var all []float64
		for s, b := range bins {
			if b >= 0 {
				groups[b] = append(groups[b], act[s])
				all = append(all, act[s])
			}
		}
		within, total := 0.0, 0.0
		m := stats.Mean(all)
		for _, v := range all {
			total += (v - m) * (v - m)
		}
		for _, x := range groups {
			gm := stats.Mean(x)
			for _, v := range x {
				within += (v - gm) * (v - gm)
			}
		}
		k, n := len(groups), len(all)
		f := ((total - within) / float64(k-1)) / (within / float64(n-k))
		near(t, "eta squared", got[u].Eta2, (total-within)/total, 1e-12)
		near(t, "F", got[u].F, f, 1e-10)
		near(t, "p", got[u].P, stats.FUpper(f, k-1, n-k), 1e-12)
		msw := within / float64(n-k)
		near(t, "omega squared", got[u].Omega2, (total-within-float64(k-1)*msw)/(total+msw), 1e-12)
	}
	// scipy.stats.f_oneway([1, 2, 3], [2, 4, 9], [7, 8, 8]): F = 5.046511627906975, p = .05182518183207003
	one, _ := FromUnits([][]float64{{1, 2, 3, 2, 4, 9, 7, 8, 8}})
	v, _ := Tunings(one, []int{0, 0, 0, 1, 1, 1, 2, 2, 2}, Screen(1, 3, 1, 1))
	near(t, "F of scipy", v[0].F, 5.046511627906975, 1e-12)
	near(t, "p of scipy", v[0].P, .05182518183207003, 1e-12)
}

func TestTuningEdgeCases(t *testing.T) {
	g := Screen(1, 3, 1, 1)
	nan := math.NaN()
	for _, c := range []struct {
		name   string
		act    []float64
		bins   []int
		eta, f float64
		p      float64
	}{
		{"never varies", []float64{2, 2, 2, 2}, []int{0, 0, 1, 1}, nan, nan, 1},
		{"one bin", []float64{1, 2, 3, 4}, []int{1, 1, 1, 1}, nan, nan, 1},
		{"no bin", []float64{1, 2, 3, 4}, []int{-1, -1, -1, -1}, nan, nan, 1},
		{"no replicates", []float64{1, 2, 4}, []int{0, 1, 2}, 1, nan, 1},
		{"bins only", []float64{1, 1, 5, 5}, []int{0, 0, 1, 1}, 1, math.Inf(1), 0},
		{"infinite", []float64{1, math.Inf(1), 5, 5}, []int{0, 0, 1, 1}, nan, nan, 1},
	} {
		r, _ := FromUnits([][]float64{c.act})
		v, err := Tunings(r, c.bins, g)
		if err != nil {
			t.Fatal(err)
		}
		near(t, c.name+": eta squared", v[0].Eta2, c.eta, 1e-15)
		if !(math.IsInf(c.f, 1) && math.IsInf(v[0].F, 1)) {
			near(t, c.name+": F", v[0].F, c.f, 0)
		}
		near(t, c.name+": p", v[0].P, c.p, 0)
		n, err := Null(r, c.bins, g, EtaSquared(), NullOptions{Shuffles: 5})
		if err != nil {
			t.Fatal(err)
		}
		if !(n.P[0] > 0 && n.P[0] <= 1) || !(n.PMax[0] > 0 && n.PMax[0] <= 1) {
			t.Errorf("%s: p = %g, corrected %g", c.name, n.P[0], n.PMax[0])
		}
	}
}

func TestNullHasTheSameBitsOnAnyNumberOfThreads(t *testing.T) {
	g := Screen(8, 8, 1, 1)
	r, bins := population(150, 300, g)
	for _, stat := range []Statistic{BitsPerSample(), EtaSquared(), OfMap("peak", func(m Map) float64 { return Selectivity(m.FillNearest()) })} {
		var want []float64
		for _, procs := range []int{1, 2, 5} {
			old := runtime.GOMAXPROCS(procs)
			n, err := Null(r, bins, g, stat, NullOptions{Shuffles: 20, Seed: 4})
			runtime.GOMAXPROCS(old)
			if err != nil {
				t.Fatal(err)
			}
			var got []float64
			for _, a := range [][]float64{n.Observed, n.Mean, n.SD, n.Z, n.P, n.PMax, n.Max} {
				got = append(got, a...)
			}
			if want == nil {
				want = got
			}
			for k := range got {
				if math.Float64bits(got[k]) != math.Float64bits(want[k]) {
					t.Fatalf("%s, %d threads: number %d is %v, was %v", stat.Name, procs, k, got[k], want[k])
				}
			}
		}
	}
}

// More shuffles than one batch holds must be the same shuffles: the first ones of a long run are those of a short run.
func TestNullBatches(t *testing.T) {
	const stimuli, shuffles = 40_000, 450
	if stimuli*shuffles <= permutationBudget {
		t.Fatal("this run fits into one batch")
	}
	g := Screen(2, 2, 1, 1)
	r, bins := population(1, stimuli, g)
	long, err := Null(r, bins, g, EtaSquared(), NullOptions{Shuffles: shuffles, Keep: true})
	if err != nil {
		t.Fatal(err)
	}
	short, err := Null(r, bins, g, EtaSquared(), NullOptions{Shuffles: 5, Keep: true})
	if err != nil {
		t.Fatal(err)
	}
	for s, v := range short.Values {
		near(t, "first shuffles", long.Values[s], v, 0)
	}
	near(t, "mean over batches", long.Mean[0], stats.Mean(long.Values), 1e-15)
	near(t, "sd over batches", long.SD[0], stats.SD(long.Values), 1e-15)
	seen := map[float64]bool{}
	for _, v := range long.Values {
		if math.IsNaN(v) || seen[v] {
			t.Fatalf("score %g comes twice, or is none: a batch was repeated or left out", v)
		}
		seen[v] = true
	}
}

// Where position does not matter p must be uniform, for both statistics, whatever the distribution of the responses.
func TestPUniformUnderTheNull(t *testing.T) {
	const units, shuffles = 600, 199
	g := Screen(7, 7, 1, 1)
	r, bins := population(units, 150, g)
	heavy := rng.New(8, "ratemap/test/heavy")
	for i := range r.Values {
		if i%r.Units >= units/2 {
			r.Values[i] = float32(math.Exp(2 * heavy.NormFloat64())) // half of the units: rare large responses
		}
	}
	for _, stat := range []Statistic{BitsPerSample(), EtaSquared()} {
		n, err := Null(r, bins, g, stat, NullOptions{Shuffles: shuffles, Seed: 5})
		if err != nil {
			t.Fatal(err)
		}
		for _, alpha := range []float64{.05, .1, .25, .5, .75} {
			count := 0
			for _, p := range n.P {
				if p <= alpha {
					count++
				}
			}
			// p <= alpha has probability alpha exactly, as 200 alpha is whole; 4 standard deviations of the binomial.
			if d := math.Abs(float64(count) - alpha*units); d > 4*math.Sqrt(alpha*(1-alpha)*units) {
				t.Errorf("%s: %d of %d units have p <= %g, expected %g", stat.Name, count, units, alpha, alpha*units)
			}
		}
		if d := stats.Discoveries(stats.QValues(n.P), .05); d > 3 {
			t.Errorf("%s: %d of %d untuned units at q = .05", stat.Name, d, units)
		}
	}
}

// planted makes units with a field at a place of their own on top of noise, then as many without.
func planted(units, stimuli int) (r *Responses, x, y []float64) {
	s := rng.New(2, "ratemap/test/planted")
	x, y = make([]float64, stimuli), make([]float64, stimuli)
	for i := range x {
		x[i], y[i] = s.Float64()*224, s.Float64()*224
	}
	act := make([][]float64, 2*units)
	for u := range act {
		act[u] = make([]float64, stimuli)
		cx, cy := 30+s.Float64()*164, 30+s.Float64()*164
		for i := range act[u] {
			act[u][i] = s.NormFloat64() - .5
			if u < units {
				act[u][i] += 2.5 * math.Exp(-((x[i]-cx)*(x[i]-cx)+(y[i]-cy)*(y[i]-cy))/(2*25*25))
			}
		}
	}
	r, err := FromUnits(act)
	if err != nil {
		panic(err)
	}
	return r, x, y
}

func TestPlantedFieldsAreFound(t *testing.T) {
	const units = 60
	raw, x, y := planted(units, 1200)
	g := Screen(14, 14, 224, 224)
	bins, err := g.Bins(x, y)
	if err != nil {
		t.Fatal(err)
	}
	rates, err := Convert(raw, ReLU, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		r    *Responses
		stat Statistic
	}{{raw, EtaSquared()}, {rates, BitsPerSample()}} {
		n, err := Null(c.r, bins, g, c.stat, NullOptions{Shuffles: 999, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		q := stats.QValues(n.P)
		if found := stats.Discoveries(q[:units], .05); found != units {
			t.Errorf("%s: %d of %d planted fields found", c.stat.Name, found, units)
		}
		// Of 60 found, q = .05 allows 3.2 false ones on average; 9 is beyond 3 standard deviations.
		if false_ := stats.Discoveries(q[units:], .05); false_ > 9 {
			t.Errorf("%s: %d of %d noise units pass", c.stat.Name, false_, units)
		}
		for u := range units {
			if n.PMax[u] > .05 {
				t.Errorf("%s: planted unit %d has corrected p %g", c.stat.Name, u, n.PMax[u])
			}
		}
		// The bias of few stimuli per bin is gone from Excess, on average over the noise units.
		noise := stats.Mean(n.Excess[units:])
		if se := stats.SEM(n.Excess[units:]); math.Abs(noise) > 4*se {
			t.Errorf("%s: mean excess of noise units is %g +- %g", c.stat.Name, noise, se)
		}
	}
}

// The same map, rectified after averaging instead of before, hides a tuned unit from the information per event: the
// permuted means cross zero in more bins than the real ones do, and each crossing adds information.
func TestRectifyingAfterAveragingLosesTunedUnits(t *testing.T) {
	s := rng.New(12, "ratemap/test/rectify")
	const stimuli = 1500
	g := Screen(20, 20, 1, 1)
	act, bins := make([]float64, stimuli), make([]int, stimuli)
	for i := range act {
		x, y := s.Float64(), s.Float64()
		bins[i] = g.Bin(x, y)
		act[i] = s.NormFloat64()*.5 + .4*math.Sin(2*math.Pi*x) - .35
	}
	r, _ := FromUnits([][]float64{act})
	after := OfMap("relu of the map, bits/event", func(m Map) float64 {
		rect := m
		rect.Rate = make([]float64, len(m.Rate))
		for b, v := range m.Rate {
			rect.Rate[b] = max(v, 0)
		}
		return Skaggs(rect).BitsPerEvent
	})
	before, _ := Convert(r, ReLU, nil)
	opt := NullOptions{Shuffles: 299, Seed: 3}
	late, err := Null(r, bins, g, after, opt)
	if err != nil {
		t.Fatal(err)
	}
	early, err := Null(before, bins, g, BitsPerSample(), opt)
	if err != nil {
		t.Fatal(err)
	}
	eta, err := Null(r, bins, g, EtaSquared(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if late.P[0] < .3 {
		t.Errorf("rectified after averaging: p = %g, expected a miss", late.P[0])
	}
	if early.P[0] > 1./300 || eta.P[0] > 1./300 {
		t.Errorf("rectified before averaging p = %g, eta squared p = %g: a tuned unit must pass", early.P[0], eta.P[0])
	}
}

func TestNullErrors(t *testing.T) {
	g := Screen(2, 2, 1, 1)
	r, bins := population(2, 10, g)
	if _, err := Null(r, bins, g, Statistic{Name: "mine"}, NullOptions{}); err == nil {
		t.Error("a statistic without a function passed")
	}
	if _, err := Null(r, bins, g, EtaSquared(), NullOptions{Shuffles: -1}); err == nil {
		t.Error("-1 shuffles passed")
	}
	if _, err := Null(r, bins[:3], g, EtaSquared(), NullOptions{}); err == nil {
		t.Error("too few bins passed")
	}
	n, err := Null(r, make([]int, 10), Grid{1, 1, 0, 0, 1, 1}, BitsPerSample(), NullOptions{Shuffles: 3})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "information of one bin", n.Observed[0], 0, 1e-12)
	near(t, "p of one bin", n.P[0], 1, 0)
}
