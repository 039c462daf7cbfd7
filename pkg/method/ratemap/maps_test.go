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

func TestBinEdges(t *testing.T) {
	g := Grid{Rows: 2, Cols: 4, X0: -1, Y0: 10, X1: 3, Y1: 20}
	for _, c := range []struct {
		x, y float64
		want int
	}{
		{-1, 10, 0}, {-.001, 10, 0}, {0, 10, 1}, {3, 10, 3}, {3, 20, 7}, {-1, 15, 4}, {2.999, 14.999, 3},
		{-1.001, 12, -1}, {3.001, 12, -1}, {0, 9.9, -1}, {0, 20.1, -1}, {math.NaN(), 12, -1}, {0, math.NaN(), -1}, {math.Inf(1), 12, -1},
	} {
		if got := g.Bin(c.x, c.y); got != c.want {
			t.Errorf("Bin(%g, %g) = %d, want %d", c.x, c.y, got, c.want)
		}
	}
	for b := range g.Len() {
		if x, y := g.Center(b); g.Bin(x, y) != b {
			t.Errorf("centre (%g, %g) of bin %d falls into bin %d", x, y, b, g.Bin(x, y))
		}
	}
}

func TestGridErrors(t *testing.T) {
	for _, g := range []Grid{{}, {Rows: 2, Cols: 0, X1: 1, Y1: 1}, {Rows: 1, Cols: 1, X0: 1, X1: 1, Y1: 1}, {Rows: 1, Cols: 1, X1: math.NaN(), Y1: 1},
		{Rows: 1, Cols: 1, X0: math.Inf(-1), X1: 1, Y1: 1}, {Rows: 1 << 40, Cols: 1 << 40, X1: 1, Y1: 1}} {
		if g.Check() == nil {
			t.Errorf("%+v passed", g)
		}
	}
	g := Screen(2, 2, 1, 1)
	if _, err := g.Bins([]float64{0}, nil); err == nil {
		t.Error("unequal numbers of coordinates passed")
	}
	for _, b := range []int{-2, 4} {
		if _, err := Occupancy([]int{b}, g); err == nil {
			t.Errorf("bin %d of 4 passed", b)
		}
	}
	r, _ := FromUnits([][]float64{{1, 2, 3}})
	if _, err := Maps(r, []int{0}, g); err == nil {
		t.Error("one bin for three stimuli passed")
	}
	if _, err := Maps(&Responses{Stimuli: 2, Units: 2, Values: make([]float32, 3)}, []int{0, 0}, g); err == nil {
		t.Error("a ragged array passed")
	}
	if _, err := FromUnits([][]float64{{1, 2}, {1}}); err == nil {
		t.Error("ragged units passed")
	}
	if _, err := FromStimuli(make([]float32, 7), 2, 3); err == nil {
		t.Error("7 values as 2 x 3 passed")
	}
}

func TestMapsAgainstPlainLoops(t *testing.T) {
	g := Screen(5, 7, 1, 1)
	r := rng.New(3, "ratemap/test/maps")
	const units, stimuli = 70, 90
	act := make([][]float64, units)
	for u := range act {
		act[u] = make([]float64, stimuli)
		for s := range act[u] {
			act[u][s] = float64(float32(r.NormFloat64() * 10))
		}
	}
	act[5][17] = math.Inf(1)
	act[6][17] = math.NaN()
	act[7][18] = math.Inf(-1) // stimulus 18 has no bin: it must not matter
	bins := make([]int, stimuli)
	for s := range bins {
		bins[s] = r.IntN(g.Len())
	}
	bins[18] = -1
	resp, err := FromUnits(act)
	if err != nil {
		t.Fatal(err)
	}
	set, err := Maps(resp, bins, g)
	if err != nil {
		t.Fatal(err)
	}
	for u := range act {
		sum, n := make([]float64, g.Len()), make([]float64, g.Len())
		for s, b := range bins {
			if b >= 0 {
				sum[b] += act[u][s]
				n[b]++
			}
		}
		for b := range sum {
			want := sum[b] / n[b]
			if u == 5 || u == 6 {
				want = math.NaN()
			}
			near(t, fmt.Sprintf("unit %d bin %d", u, b), set.Map(u).Rate[b], want, 1e-12)
			near(t, "occupancy", set.Occupancy[b], n[b], 0)
		}
	}
	if set.Conversion != Raw || set.Fill != "none" || set.FillNearest().Smooth(2).Fill != "nearest, gaussian sigma=2 bins" {
		t.Errorf("names: conversion %q, fill %q, then %q", set.Conversion, set.Fill, set.FillNearest().Smooth(2).Fill)
	}
}

func TestFillNearestAgainstAllPairs(t *testing.T) {
	r := rng.New(4, "ratemap/test/fill")
	for range 50 {
		m := withGaps(r, 1+r.IntN(9), 1+r.IntN(9), r.Float64())
		f := m.FillNearest()
		for b := range m.Rate {
			best, sum, n := math.Inf(1), 0.0, 0.0
			for q, v := range m.Rate {
				if math.IsNaN(v) {
					continue
				}
				dy, dx := float64(q/m.Cols-b/m.Cols), float64(q%m.Cols-b%m.Cols)
				if d := dy*dy + dx*dx; d < best {
					best, sum, n = d, v, 1
				} else if d == best {
					sum += v
					n++
				}
			}
			near(t, fmt.Sprintf("%d x %d, bin %d", m.Rows, m.Cols, b), f.Rate[b], sum/n, 1e-12)
		}
	}
}

func TestSmoothAgainstTheFullKernel(t *testing.T) {
	r := rng.New(5, "ratemap/test/smooth")
	for _, sigma := range []float64{.4, 1, 1.7} {
		m := withGaps(r, 6, 9, .2)
		got := m.Smooth(sigma)
		half := int(math.Ceil(8*sigma)) / 2
		for i := range m.Rows {
			for j := range m.Cols {
				num, den := 0.0, 0.0
				for y := -half; y <= half; y++ {
					for x := -half; x <= half; x++ {
						v := m.At(mirror(i+y, m.Rows), mirror(j+x, m.Cols))
						if w := math.Exp(-float64(y*y+x*x) / (2 * sigma * sigma)); !math.IsNaN(v) {
							num += w * v
							den += w
						}
					}
				}
				near(t, fmt.Sprintf("sigma %g (%d, %d)", sigma, i, j), got.At(i, j), num/den, 1e-12)
			}
		}
	}
	wide := withGaps(r, 6, 9, .2)
	mean := stats.Mean(stats.Finite(wide.Rate))
	for _, v := range wide.Smooth(math.Inf(1)).Rate {
		near(t, "smoothed without end", v, mean, 1e-3)
	}
	for b, v := range wide.Smooth(math.NaN()).Rate {
		near(t, "smoothed by NaN", v, wide.Rate[b], 0)
	}
	for i, want := range map[int]int{-1: 0, -3: 2, 3: 2, 4: 1, 5: 0, 6: 0, 7: 1, -4: 2, -6: 0} {
		if got := mirror(i, 3); got != want {
			t.Errorf("mirror(%d, 3) = %d, want %d", i, got, want)
		}
	}
}

// withGaps is a map of noise in which each bin is empty with the given probability.
func withGaps(r *rand.Rand, rows, cols int, empty float64) Map {
	return analytic(rows, cols, func(_, _ float64) float64 {
		if v := r.NormFloat64(); r.Float64() >= empty {
			return v
		}
		return math.NaN()
	})
}

func TestConversions(t *testing.T) {
	a := []float64{-2, 0, 1, 5, -4}
	mean, sd := 0.0, math.Sqrt((4+0+1+25+16)/5.)
	blank := []float32{1}
	q01 := -4 + .04*2 // type 7: position .01*4 between the two smallest
	for _, c := range []struct {
		c    Conversion
		want func(a float64) float64
	}{
		{Raw, func(a float64) float64 { return a }},
		{ReLU, func(a float64) float64 { return max(a, 0) }},
		{Off, func(a float64) float64 { return max(-a, 0) }},
		{Baseline, func(a float64) float64 { return a - 1 }},
		{BaselineOn, func(a float64) float64 { return max(a-1, 0) }},
		{BaselineOff, func(a float64) float64 { return max(1-a, 0) }},
		{MinShift, func(a float64) float64 { return max(a-q01, 0) }},
		{Abs, math.Abs},
		{ZOn, func(a float64) float64 { return max((a-mean)/sd, 0) }},
		{ZOff, func(a float64) float64 { return max((mean-a)/sd, 0) }},
		{Softplus, func(a float64) float64 { return math.Log(1 + math.Exp((a-mean)/sd)) }},
	} {
		r, _ := FromUnits([][]float64{a})
		got, err := Convert(r, c.c, blank)
		if err != nil {
			t.Fatal(err)
		}
		for s, v := range a {
			near(t, fmt.Sprintf("%s(%g)", c.c, v), float64(got.Values[s]), c.want(v), 1e-6)
			if !c.c.Signed() && got.Values[s] < 0 {
				t.Errorf("%s(%g) = %g is negative", c.c, v, got.Values[s])
			}
		}
		if got.Conversion != c.c {
			t.Errorf("result of %s is named %s", c.c, got.Conversion)
		}
		if c.c.NeedsBlank() {
			if _, err := Convert(r, c.c, nil); err == nil {
				t.Errorf("%s without a blank passed", c.c)
			}
		}
		if _, err := Convert(got, ReLU, nil); err == nil && c.c != Raw {
			t.Errorf("converting %s again passed", c.c)
		}
		// A unit with a broken response never gets a number for it.
		broken, _ := FromUnits([][]float64{{1, math.Inf(-1), math.NaN(), 2}})
		got, err = Convert(broken, c.c, blank)
		if err != nil {
			t.Fatal(err)
		}
		if !math.IsNaN(float64(got.Values[1])) || !math.IsNaN(float64(got.Values[2])) {
			t.Errorf("%s makes %v of a unit with infinite and NaN responses", c.c, got.Values)
		}
	}
	if len(Conversions()) != 11 {
		t.Errorf("%d conversions are listed, 11 are tested", len(Conversions()))
	}
	r, _ := FromUnits([][]float64{a})
	if _, err := Convert(r, "no such", nil); err == nil {
		t.Error("an unknown conversion passed")
	}
	flat, _ := FromUnits([][]float64{{.1, .1, .1}})
	if got, _ := Convert(flat, ZOn, nil); !slices.Equal(got.Values, []float32{0, 0, 0}) {
		t.Errorf("z of a constant unit is %v, want zeros", got.Values)
	}
}

func TestInformationEdgeCases(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name                             string
		rate, occ                        []float64
		event, sample, sparsity, select_ float64
	}{
		{"constant", []float64{3, 3, 3, 3}, nil, 0, 0, 1, 1},
		{"silent", []float64{0, 0, 0, 0}, nil, nan, 0, nan, nan},
		{"all unvisited", []float64{nan, nan, nan, nan}, nil, nan, nan, nan, nan},
		{"no occupancy", []float64{1, 2, 3, 4}, []float64{0, 0, 0, 0}, nan, nan, nan, nan},
		{"one bin", []float64{nan, 7, nan, nan}, nil, 0, 0, 1, 1},
		{"half silent", []float64{0, 2, 0, 2}, nil, 1, 1, .5, 2},
		{"one of four", []float64{0, 0, 0, 4}, nil, 2, 2, .25, 4},
		{"weighted", []float64{0, 8, nan, 0}, []float64{4, 1, 0, 3}, 3, 3, .125, 8},
		{"filled bins weigh nothing", []float64{0, 8, 99, 0}, []float64{4, 1, 0, 3}, 3, 3, .125, 8},
		{"negative", []float64{-1, 2, 3, 4}, nil, nan, nan, 64. / 120, 2},
		{"negative mean", []float64{-1, -2, -3, -4}, nil, nan, nan, 100. / 120, nan},
		{"infinite", []float64{1, 2, inf, 4}, nil, nan, nan, nan, nan},
		{"infinite where nobody was", []float64{1, 2, -inf, 4}, []float64{1, 1, 0, 1}, nan, nan, nan, nan},
	} {
		m, err := NewMap(2, 2, c.rate, c.occ)
		if err != nil {
			t.Fatal(err)
		}
		in := Skaggs(m)
		near(t, c.name+": bits/event", in.BitsPerEvent, c.event, 1e-14)
		near(t, c.name+": bits/sample", in.BitsPerSample, c.sample, 1e-14)
		near(t, c.name+": sparsity", Sparsity(m), c.sparsity, 1e-14)
		near(t, c.name+": selectivity", Selectivity(m), c.select_, 1e-14)
	}
	// mean crossing zero: the raw variants blow up and say so
	m, _ := NewMap(1, 2, []float64{1, -.999}, nil)
	if in := RawInformation(m); !in.Flagged || in.BitsPerEvent < 1000 {
		t.Errorf("raw information of a map with mean .0005 is %+v, want a flagged blow-up", in)
	}
	m, _ = NewMap(1, 2, []float64{1, -1}, nil)
	if in := RawInformation(m); !math.IsNaN(in.BitsPerEvent) || !in.Flagged {
		t.Errorf("raw information of a map with mean 0 is %+v, want NaN, flagged", in)
	}
}

// Occupancy counts relative to its sum only, and a bin of occupancy 2 is two bins of occupancy 1.
func TestOccupancyScaling(t *testing.T) {
	r := rng.New(6, "ratemap/test/occupancy")
	for range 20 {
		const n = 30
		rate, occ, twice := make([]float64, n), make([]float64, n), make([]float64, n)
		var apart []float64
		for b := range rate {
			rate[b], occ[b] = r.ExpFloat64(), float64(r.IntN(4))
			twice[b] = 2.5 * occ[b]
			for range int(occ[b]) {
				apart = append(apart, rate[b])
			}
		}
		m, _ := NewMap(5, 6, rate, occ)
		scaled, _ := NewMap(5, 6, rate, twice)
		single, _ := NewMap(1, len(apart), apart, nil)
		for name, f := range map[string]func(Map) float64{"bits/event": func(m Map) float64 { return Skaggs(m).BitsPerEvent }, "bits/sample": func(m Map) float64 { return Skaggs(m).BitsPerSample },
			"opexebo": func(m Map) float64 { return OpexeboInformation(m).BitsPerEvent }, "sparsity": Sparsity, "selectivity": Selectivity} {
			near(t, name+", occupancy x 2.5", f(scaled), f(m), 1e-12)
			near(t, name+", bins apart", f(single), f(m), 1e-12)
		}
	}
}

func TestTop(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	score := []float64{nan, 1, 3, nan, 3, -inf, inf}
	if got, want := Top(score, -1), []int{6, 2, 4, 1, 5, 0, 3}; !slices.Equal(got, want) {
		t.Errorf("Top = %v, want %v", got, want)
	}
	if got := Top(score, 3); !slices.Equal(got, []int{6, 2, 4}) {
		t.Errorf("Top 3 = %v", got)
	}
	if got := Top(nil, 3); len(got) != 0 {
		t.Errorf("Top of nothing = %v", got)
	}
}

func TestCoherence(t *testing.T) {
	// Neighbours of a ramp in the interior have its own mean: coherence 1 but for the border.
	near(t, "coherence of a ramp", Coherence(ramp()), 1, 1e-4)
	near(t, "coherence of a constant map", Coherence(analytic(5, 5, func(_, _ float64) float64 { return 2 })), math.NaN(), 0)
	// White noise: over 40 x 40 bins the correlation has a standard deviation of about 1/40.
	if c := Coherence(withGaps(rng.New(7, "ratemap/test/coherence"), 40, 40, 0)); math.Abs(c) > 4./40 {
		t.Errorf("coherence of white noise is %g", c)
	}
	near(t, "coherence of a single bin", Coherence(analytic(1, 1, func(_, _ float64) float64 { return 2 })), math.NaN(), 0)
}

func TestMapsHaveTheSameBitsOnAnyNumberOfThreads(t *testing.T) {
	g := Screen(9, 9, 1, 1)
	r, bins := population(130, 400, g)
	var want *Set
	for _, procs := range []int{1, 2, 5} {
		old := runtime.GOMAXPROCS(procs)
		set, err := Maps(r, bins, g)
		runtime.GOMAXPROCS(old)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = set
		}
		for k := range set.Rate {
			if math.Float64bits(set.Rate[k]) != math.Float64bits(want.Rate[k]) {
				t.Fatalf("%d threads: value %d differs", procs, k)
			}
		}
	}
}
