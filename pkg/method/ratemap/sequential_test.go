package ratemap

import (
	"math"
	"slices"
	"testing"

	"github.com/ventral-lab/ventral/internal/rng"
)

// noiseMaps are smoothed white noise.
func noiseMaps(t testing.TB, units, side int) *Set {
	t.Helper()
	g := Screen(side, side, 1, 1)
	rate := make([]float64, units*g.Len())
	for u := range units {
		r := rng.New(1, "ratemap/sequential", uint64(u))
		for b := range g.Len() {
			rate[u*g.Len()+b] = r.NormFloat64()
		}
	}
	s, err := NewSet(g, rate, nil, Raw)
	if err != nil {
		t.Fatal(err)
	}
	return s.Smooth(1)
}

// TestSequentialSurrogates holds tests that stop early against the same surrogates counted by hand, after the definition
// of Besag and Clifford, and wants every unit's numbers whatever set it is scored in.
func TestSequentialSurrogates(t *testing.T) {
	set := noiseMaps(t, 24, 9)
	score := func(m Map) float64 { return m.Rate[0] - m.Rate[40] }
	for _, kind := range []Surrogate{IsotropicField, PhaseRandomised} {
		opt := SurrogateOptions{Kind: kind, Maps: 60, Seed: 2, Keep: true}
		all, err := set.SurrogateNull("x", score, opt)
		if err != nil {
			t.Fatal(err)
		}
		opt.Stop, opt.Least = 3, 7
		some, err := set.SurrogateNull("x", score, opt)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(some.Max, all.Max[:7]) {
			t.Errorf("%s: largest of the first 7 are %v, and %v where nobody stops", kind, some.Max, all.Max[:7])
		}
		stopped := 0
		for u := range set.Units {
			reached, at := 0, 0
			for k := range 60 {
				if all.Values[k*set.Units+u] >= all.Observed[u] {
					if reached++; reached == 3 && at == 0 {
						at = k + 1
					}
				}
			}
			p, draws := float64(1+reached)/61, 60
			if at > 0 {
				p, draws = 3/float64(at), max(at, 7)
				stopped++
			}
			if math.Abs(some.P[u]-p) > 1e-15 || some.Draws[u] != draws || all.Draws[u] != 60 || some.Observed[u] != all.Observed[u] {
				t.Errorf("%s, unit %d: p %g after %d draws, by hand %g after %d", kind, u, some.P[u], some.Draws[u], p, draws)
			}
		}
		if stopped == 0 || stopped == set.Units {
			t.Errorf("%s: %d of %d units stopped: the test sees one kind only", kind, stopped, set.Units)
		}
		n := set.Grid.Len()
		half, err := NewSet(set.Grid, set.Rate[12*n:], nil, Raw)
		if err != nil {
			t.Fatal(err)
		}
		opt.First = 12
		part, err := half.SurrogateNull("x", score, opt)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(part.P, some.P[12:]) || !slices.Equal(part.Mean, some.Mean[12:]) {
			t.Errorf("%s: units 12 and on have other numbers in a set of their own", kind)
		}
	}
	for name, opt := range map[string]SurrogateOptions{"stop": {Stop: -1}, "least": {Least: -1}, "first": {First: -1}} {
		if _, err := set.SurrogateNull("x", score, opt); err == nil {
			t.Errorf("%s below 0 is no error", name)
		}
	}
}

// TestSequentialIsValid: where there is nothing, p <= alpha in a share alpha of units at most, for every alpha.
func TestSequentialIsValid(t *testing.T) {
	const units = 600
	set := noiseMaps(t, units, 6)
	// White noise is used as its own surrogate, so that the null hypothesis holds exactly.
	score := func(m Map) float64 { return m.Rate[0]*m.Rate[20] + m.Rate[7] }
	for u := range units { // make every map a surrogate of one
		m, err := SurrogateOf(set.Map(0), IsotropicField, uint64(u), "ratemap/sequential/valid")
		if err != nil {
			t.Fatal(err)
		}
		copy(set.Map(u).Rate, m.Rate)
	}
	first := set.Map(0)
	r := rng.New(3, "ratemap/sequential/u")
	var null []float64
	for k := range 4000 {
		m, err := SurrogateOf(first, IsotropicField, uint64(k)+1e6, "ratemap/sequential/valid")
		if err != nil {
			t.Fatal(err)
		}
		null = append(null, score(m))
	}
	tl := newTally(units, 99, false, NullResult{})
	tl.stopAfter(4, 99)
	for u := range units {
		tl.observe(u, score(set.Map(u)), 0, false)
		for k := range 99 {
			tl.add(u, k, null[r.IntN(len(null))])
		}
	}
	tl.finish()
	for _, alpha := range []float64{.05, .1, .2, .5} {
		n := 0
		for _, p := range tl.res.P {
			if p <= alpha {
				n++
			}
		}
		if high := units*alpha + 4.5*math.Sqrt(units*alpha*(1-alpha)); float64(n) > high {
			t.Errorf("p <= %g in %d of %d, at most %.0f expected", alpha, n, units, high)
		}
	}
}
