package ratemap

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// With as many stimuli in every bin, maps of all stimuli correlate by signal/(signal + noise/count): Spearman and Brown's
// formula must find it from the halves, whatever their own correlation.
func TestSplitHalfFindsReliability(t *testing.T) {
	const units, count, signal, noise = 60, 6, .5, 1.2
	g := Screen(8, 8, 1, 1)
	r := rng.New(1, "ratemap/test/reliability")
	bins := make([]int, count*g.Len())
	for s := range bins {
		bins[s] = s % g.Len()
	}
	act := make([][]float64, units)
	for u := range act {
		m := noiseMap(9, 8, u).affine(signal, 2)
		act[u] = make([]float64, len(bins))
		for s, b := range bins {
			act[u][s] = m.Rate[b] + noise*r.NormFloat64()
		}
	}
	resp, _ := FromUnits(act)
	rel, err := SplitHalf(resp, bins, g, ReliabilityOptions{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := signal * signal / (signal*signal + noise*noise/count)
	half := signal * signal / (signal*signal + 2*noise*noise/count)
	near(t, "correlation of halves", stats.Mean(rel.Half), half, .03)
	near(t, "stepped up", stats.Mean(rel.SpearmanBrown), want, .03)
	if rel.Bins != g.Len() || rel.Splits != 20 || rel.P != nil {
		t.Errorf("%d bins, %d splits, p %v", rel.Bins, rel.Splits, rel.P)
	}
	for in, out := range map[float64]float64{0: 0, .5: 2. / 3, 1: 1, -1. / 3: -1, -.5: math.NaN(), math.NaN(): math.NaN()} {
		near(t, fmt.Sprintf("formula at %g", in), SpearmanBrown(in), out, 1e-15)
	}
}

func TestSplitHalfSmoothedAndRepeated(t *testing.T) {
	g := Screen(7, 7, 1, 1)
	r, bins, _ := counting(6, 12, 150, g, true)
	for s := range r.Stimuli {
		r.Values[s*r.Units] = 4
	}
	r.Values[9*r.Units+1] = float32(math.NaN())
	opt := ReliabilityOptions{Splits: 5, Smooth: 1, Shuffles: 39, Seed: 2}
	old := runtime.GOMAXPROCS(1)
	one, err := SplitHalf(r, bins, g, opt)
	runtime.GOMAXPROCS(4)
	four, _ := SplitHalf(r, bins, g, opt)
	runtime.GOMAXPROCS(old)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(bitsOf(one.Half), bitsOf(four.Half)) || !slices.Equal(one.P, four.P) {
		t.Error("depends on the number of threads")
	}
	for u := range 2 {
		near(t, "bad unit", one.Half[u], math.NaN(), 0)
		near(t, "p of a bad unit", one.P[u], 1, 0)
	}
	if n := countBelow(one.P[2:], .05); n < 9 {
		t.Errorf("%d of 10 units with fields are reliable: %v %v", n, one.Half, one.P)
	}
	few := slices.Repeat([]int{-1}, len(bins))
	few[0], few[1] = 3, 3
	none, err := SplitHalf(r, few, g, opt)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "one bin", none.Half[4], math.NaN(), 0)
	near(t, "p of one bin", none.P[4], 1, 0)
	if _, err := SplitHalf(r, bins, g, ReliabilityOptions{Smooth: -1}); err == nil {
		t.Error("smoothing by -1 is no error")
	}
}

// Units whose field moves with size are told from units whose field stays, and from units that answer to size alone.
func TestBySize(t *testing.T) {
	const each, stimuli = 8, 900
	g := Screen(7, 7, 7, 7)
	r := rng.New(2, "ratemap/test/size")
	bins, size := make([]int, stimuli), make([]float64, stimuli)
	for s := range bins {
		bins[s], size[s] = r.IntN(g.Len()), 20+60*r.Float64()
	}
	bins[8] = -1
	act := make([][]float64, 4*each)
	for u := range act {
		act[u] = make([]float64, stimuli)
		for s, b := range bins {
			row, col := 3., 1.
			if u/each == 1 {
				col = (size[s] - 20) / 10
			}
			if u/each < 2 && b >= 0 {
				act[u][s] = 2 * placeAt(float64(b/7), float64(b%7), row, col, 4)
			}
			if u/each == 2 || u/each == 0 && u%2 == 1 {
				act[u][s] += size[s] / 10
			}
			act[u][s] += .5 * r.NormFloat64()
		}
	}
	resp, _ := FromUnits(act)
	for s := range stimuli {
		resp.Values[s*resp.Units+4*each-1] = 1
	}
	m, err := BySize(resp, bins, g, size, SizeOptions{Seed: 1, Shuffles: 99})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "first cut", m.Cuts[0], 40, 3) // three standard errors of a quantile of 900
	near(t, "second cut", m.Cuts[1], 60, 3)
	total := 0.0
	for _, set := range m.Maps {
		n := stats.Sum(set.Occupancy)
		near(t, "stimuli of a part", n, (stimuli-1)/3., 1)
		total += n
	}
	near(t, "stimuli", total, stimuli-1, 0)
	for kind, ok := range []func(same, differ int) bool{
		func(same, differ int) bool { return same == each && differ <= 2 }, // the field stays
		func(_, differ int) bool { return differ == each },                 // it moves
		func(same, differ int) bool { return same <= 2 && differ <= 2 },    // there is none
	} {
		same, differ := countBelow(m.PSame[kind*each:(kind+1)*each], .05), countBelow(m.PDiffer[kind*each:(kind+1)*each], .05)
		if !ok(same, differ) {
			t.Errorf("units of kind %d: %d have one map, %d different ones", kind, same, differ)
		}
	}
	last := 4*each - 1
	near(t, "constant unit", m.Correlation[last], math.NaN(), 0)
	near(t, "p of a constant unit", m.PSame[last]+m.PDiffer[last], 2, 0)
	pair, err := PairedCorrelation(m.Maps[0], m.Maps[2])
	if err != nil {
		t.Fatal(err)
	}
	if pair[0] < .7 || !math.IsNaN(pair[last]) {
		t.Errorf("small against large: %.2f, of a constant unit %.2f", pair[0], pair[last])
	}
	size[3] = math.NaN()
	if _, err := BySize(resp, bins, g, size, SizeOptions{}); err == nil {
		t.Error("a size of NaN is no error")
	}
	if _, err := BySize(resp, bins, g, size[:9], SizeOptions{}); err == nil {
		t.Error("too few sizes are no error")
	}
}

// Under the null every test rejects 5 % of units, within a band of one in a thousand, and hardly any after correction.
func TestFalsePositives(t *testing.T) {
	const units, stimuli, shuffles = 200, 180, 59
	g := Screen(6, 6, 224, 224)
	x, y, d := drawnDiscs(7, stimuli)
	bins, _ := g.Bins(x, y)
	r := rng.New(3, "ratemap/test/false positives")
	act := make([][]float64, units)
	for u := range act {
		act[u] = make([]float64, stimuli)
		for s := range act[u] { // skewed, and driven by size
			act[u][s] = math.Exp(r.NormFloat64()) + d[s]/60
		}
	}
	resp, _ := FromUnits(act)
	resp.Conversion = ReLU
	tests := map[string][]float64{}
	for _, stat := range []Statistic{EtaSquared(), BitsPerSample(), Sparseness(), MutualInformation(4), MutualInformationMM(4), OfMap("nearness", Nearness),
		OfMap("border score", func(m Map) float64 { return BorderScore(m, FindFields(m, .5, 2), AllWalls).Score })} {
		n, err := Null(resp, bins, g, stat, NullOptions{Shuffles: shuffles, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		tests[stat.Name] = n.P
	}
	rel, err := SplitHalf(resp, bins, g, ReliabilityOptions{Splits: 4, Shuffles: shuffles, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	tests["split half"] = rel.P
	sizes, err := BySize(resp, bins, g, d, SizeOptions{Shuffles: shuffles, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	tests["same at all sizes"], tests["different by size"] = sizes.PSame, sizes.PDiffer
	for name, p := range tests {
		// 200 tests at 3 of 60: 10 with a binomial deviation of 3.1. The distribution function at 1 is .0005, at 20 .9989.
		if n := countBelow(p, .05+1e-9); n < 2 || n > 20 {
			t.Errorf("%s: %d of %d null units", name, n, units)
		}
		if n := stats.Discoveries(stats.QValues(p), .05); n > 0 {
			t.Errorf("%s: %d discoveries among null units", name, n)
		}
	}
}

func BenchmarkUnbias(b *testing.B) {
	g := Screen(14, 14, 224, 224)
	r, bins := population(256, 3000, g)
	for b.Loop() {
		if _, err := Unbias(r, bins, g, BitsPerSample(), UnbiasOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMutualInformation(b *testing.B) {
	g := Screen(14, 14, 224, 224)
	r, bins := population(256, 3000, g)
	for b.Loop() {
		if _, err := Null(r, bins, g, MutualInformation(4), NullOptions{Shuffles: 100}); err != nil {
			b.Fatal(err)
		}
	}
}
