package ratemap

import (
	"fmt"
	"math"
	"testing"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// A population with planted place cells, lattices and border cells among untuned units, all of them also driven by dark
// area and seen through noise: each plant is found by its own test, after correction for the number of units, and the rest
// is not.
func TestPlantsAreFound(t *testing.T) {
	const n, stimuli, each = 18, 2200, 6
	g := Screen(n, n, 224, 224)
	x, y, d := drawnDiscs(11, stimuli)
	bins, _ := g.Bins(x, y)
	share, area, err := g.VisibleDiscs(x, y, d)
	if err != nil {
		t.Fatal(err)
	}
	const place, lattice, border, nothing = 0, 1, 2, 3
	r := rng.New(10, "ratemap/test/plants")
	act := make([][]float64, 5*each) // the last two kinds are untuned
	var at [each][2]float64
	for u := range act {
		kind, k := min(u/each, nothing), u%each
		fields := hexagons(n, 6+float64(k)/4, float64(10*k))
		if kind == place {
			at[k] = [2]float64{3 + 12*r.Float64(), 3 + 12*r.Float64()}
		}
		act[u] = make([]float64, stimuli)
		for s, b := range bins {
			v := 0.0
			switch kind {
			case place:
				v = 1.5 * placeAt(float64(b/n), float64(b%n), at[k][0], at[k][1], 8)
			case lattice:
				v = fields.Rate[b]
			case border:
				v = 1.5 * math.Exp(-min(x[s], y[s], 224-x[s], 224-y[s])/10)
			}
			act[u][s] = v + area[s]/3000 + .6*r.NormFloat64()
		}
	}
	raw, _ := FromUnits(act)
	clean, _, err := PartialResponses(raw, area)
	if err != nil {
		t.Fatal(err)
	}
	count := func(name string, p []float64, want ...int) {
		t.Helper()
		q := stats.QValues(p)
		for kind := range 4 {
			last := (kind + 1) * each
			if kind == nothing {
				last = len(q)
			}
			got := stats.Discoveries(q[kind*each:last], .05)
			if want[kind] >= 0 && (got < want[kind] || want[kind] == 0 && got > 1) {
				t.Errorf("%s: %d of kind %d found, want %d", name, got, kind, want[kind])
			}
		}
	}
	eta, err := Null(clean, bins, g, EtaSquared(), NullOptions{Shuffles: 199, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	count("eta squared", eta.P, each, each, each, 0)
	near, err := Null(clean, bins, g, OfMap("nearness", Nearness), NullOptions{Shuffles: 199, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	count("nearness", near.P, -1, -1, each, 0)
	// The visible share is too much of a border cell's own shape: with it held fixed as well, these are lost.
	bare, _, err := PartialResponses(raw, area, share)
	if err != nil {
		t.Fatal(err)
	}
	lost, err := Null(bare, bins, g, OfMap("nearness", Nearness), NullOptions{Shuffles: 99, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if kept := stats.Discoveries(stats.QValues(lost.P)[border*each:nothing*each], .05); kept > each/2 {
		t.Errorf("%d border cells are left when the visible share is held fixed: the documentation says few", kept)
	}
	maps, _ := Maps(clean, bins, g)
	grids, err := maps.FillNearest().Smooth(1).GridNull(SurrogateOptions{Maps: 159, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	count("grid score", grids.P, 0, each-1, 0, 0)
	fits, err := maps.FitGaussians(FitOptions{Folds: 3, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for k, f := range fits[:each] {
		if math.Hypot(f.Row-at[k][0], f.Col-at[k][1]) > .7 || f.CV < .3 || f.Amplitude < 0 {
			t.Errorf("place cell at %.1f is fitted at (%.1f, %.1f), held-out R2 %.2f", at[k], f.Row, f.Col, f.CV)
		}
	}
	for u, f := range fits[nothing*each:] {
		if f.CV > .05 {
			t.Errorf("untuned unit %d has a field with held-out R2 %.2f", u, f.CV)
		}
	}
	info, err := Unbias(clean, bins, Screen(6, 6, 224, 224), MutualInformation(4), UnbiasOptions{})
	if err == nil {
		t.Error(fmt.Sprint("bins of one grid count for another: ", info.Plain.Value))
	}
	coarse, _ := Screen(6, 6, 224, 224).Bins(x, y)
	info, err = Unbias(clean, coarse, Screen(6, 6, 224, 224), MutualInformation(4), UnbiasOptions{Repeats: 5})
	if err != nil {
		t.Fatal(err)
	}
	tuned, untuned := stats.Mean(info.SSR.Value[:each]), stats.Mean(info.SSR.Value[nothing*each:])
	if tuned < .05 || math.Abs(untuned) > .01 || stats.Mean(info.Plain.Value[nothing*each:]) < .02 {
		t.Errorf("information of place cells %.3f, of untuned units %.3f, uncorrected %.3f", tuned, untuned, stats.Mean(info.Plain.Value[nothing*each:]))
	}
}

// BenchmarkGridNullRates is no measure of time but of the test: how often null fields and lattices in noise reject, for maps
// of 28 x 28 bins.
func BenchmarkGridNullRates(b *testing.B) {
	const n, units = 28, 200
	sets := map[string]*Set{}
	for _, sigma := range []float64{1, 1.5, 2.5} {
		sets[fmt.Sprint("field-", sigma)] = setOf(n, units, func(u int) Map {
			r := rng.New(4, "ratemap/bench/field", uint64(u))
			big := analytic(n+20, n+20, func(i, j float64) float64 { return r.NormFloat64() }).Smooth(sigma)
			return analytic(n, n, func(i, j float64) float64 { return big.At(int(i)+10, int(j)+10) })
		})
	}
	for _, noise := range []float64{.5, 1} {
		sets[fmt.Sprint("lattice-8-noise-", noise)] = setOf(n, units/4, func(u int) Map {
			h, w := hexagons(n, 8, float64(u)), noiseMap(6, n, u)
			return analytic(n, n, func(i, j float64) float64 { return h.At(int(i), int(j)) + noise*w.At(int(i), int(j)) }).Smooth(1)
		})
	}
	sets["stripes-8"] = setOf(n, units/4, func(u int) Map {
		w := noiseMap(7, n, u)
		return analytic(n, n, func(i, j float64) float64 { return math.Cos(2*math.Pi*(j+.3*i)/8) + .5*w.At(int(i), int(j)) }).Smooth(1)
	})
	for name, s := range sets {
		for _, kind := range Surrogates() {
			b.Run(name+"/"+string(kind), func(b *testing.B) {
				for b.Loop() {
					r, err := s.GridNull(SurrogateOptions{Kind: kind, Maps: 99, Seed: 1})
					if err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(float64(countBelow(r.P, .05))/float64(s.Units), "rejected")
					b.ReportMetric(stats.Mean(r.Mean), "null-mean")
				}
			})
		}
	}
}
