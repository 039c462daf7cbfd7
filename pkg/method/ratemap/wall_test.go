package ratemap

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// The visible share by counting points, and where it is known.
func TestVisibleShare(t *testing.T) {
	g := Screen(28, 28, 224, 224)
	for _, c := range []struct{ x, y, d, want float64 }{
		{112, 112, 60, 1}, {0, 112, 50, .5}, {0, 0, 50, .25}, {224, 224, 30, .25}, {112, 224, 9, .5}, {-30, 112, 50, 0}, {112, 112, 0, 0}, {112, 112, 1000, 224 * 224 / (math.Pi * 250000)},
	} {
		near(t, fmt.Sprintf("disc of %g at (%g, %g)", c.d, c.x, c.y), g.VisibleShare(c.x, c.y, c.d), c.want, 1e-12)
	}
	r := rng.New(1, "ratemap/test/visible")
	for range 6 {
		x, y, d := 60*r.Float64(), 60*r.Float64(), 20+60*r.Float64()
		in, all := 0, 0
		for range 40000 {
			u, v := (2*r.Float64()-1)*d/2, (2*r.Float64()-1)*d/2
			if u*u+v*v <= d*d/4 {
				all++
				if x+u >= 0 && y+v >= 0 {
					in++
				}
			}
		}
		near(t, "points inside", g.VisibleShare(x, y, d), float64(in)/float64(all), .02)
	}
	share, area, err := g.VisibleDiscs([]float64{0, 112}, []float64{112, 112}, []float64{50, 40})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "area of half a disc", area[0], math.Pi*625/2, 1e-9)
	near(t, "share of a whole one", share[1], 1, 1e-12)
	if _, _, err := g.VisibleDiscs([]float64{0}, []float64{math.NaN()}, []float64{5}); err == nil {
		t.Error("a disc at NaN is no error")
	}
}

// The expected maps are the means over many drawn discs; the document's stimuli show two thirds of a disc near the border.
func TestVisibleMaps(t *testing.T) {
	g := Screen(4, 7, 224, 224)
	share, area, err := g.VisibleMaps(20, 80)
	if err != nil {
		t.Fatal(err)
	}
	r := rng.New(2, "ratemap/test/visible maps")
	n, sumShare, sumArea := make([]float64, g.Len()), make([]float64, g.Len()), make([]float64, g.Len())
	for range 150000 {
		x, y, d := 224*r.Float64(), 224*r.Float64(), 20+60*r.Float64()
		b := g.Bin(x, y)
		s := g.VisibleShare(x, y, d)
		n[b]++
		sumShare[b] += s
		sumArea[b] += s * math.Pi * d * d / 4
	}
	for b := range n {
		near(t, fmt.Sprintf("share in bin %d", b), share[b], sumShare[b]/n[b], .01)
		near(t, fmt.Sprintf("area in bin %d", b), area[b]/2200, sumArea[b]/n[b]/2200, .04)
		mirror := (g.Rows-1-b/g.Cols)*g.Cols + g.Cols - 1 - b%g.Cols
		near(t, "the same in the opposite bin", share[b], share[mirror], 1e-12)
	}
	fine := Screen(16, 16, 224, 224)
	share, _, _ = fine.VisibleMaps(20, 80)
	rim, count := 0.0, 0.0
	for b, v := range share {
		if i, j := b/16, b%16; min(i, j, 15-i, 15-j) == 0 {
			rim += v
			count++
		}
	}
	near(t, "share within 14 pixels of an edge", rim/count, .667, .01)
	near(t, "share in the middle", share[8*16+8], 1, 1e-9)
	one, _, _ := fine.VisibleMaps(50, 50)
	two, _, _ := fine.VisibleMaps(50, 50+1e-9)
	near(t, "one diameter", one[0], two[0], 1e-6)
	for _, d := range [][2]float64{{-1, 3}, {5, 4}, {0, 0}, {1, math.Inf(1)}, {math.NaN(), 3}} {
		if _, _, err := g.VisibleMaps(d[0], d[1]); err == nil {
			t.Errorf("diameters %v are no error", d)
		}
	}
}

// Taking regressors out leaves what no straight line in them explains.
func TestPartialMap(t *testing.T) {
	r := rng.New(3, "ratemap/test/partial")
	m := withGaps(r, 9, 8, .2)
	m.Occupancy = make([]float64, len(m.Rate))
	x, y := make([]float64, len(m.Rate)), make([]float64, len(m.Rate))
	for b := range m.Rate {
		m.Occupancy[b] = 1 + float64(r.IntN(5))
		x[b], y[b] = r.NormFloat64(), r.NormFloat64()
		m.Rate[b] += 3*x[b] - 2*y[b] + 7
	}
	p, err := PartialMap(m, x, y, x)
	if err != nil {
		t.Fatal(err)
	}
	if p.Rank != 2 || p.R2 < .5 || p.R2 > 1 {
		t.Errorf("rank %d, R2 %g", p.Rank, p.R2)
	}
	for name, v := range map[string][]float64{"a constant": slices.Repeat([]float64{1}, len(x)), "x": x, "y": y} {
		sum := 0.0
		for b, e := range p.Map.Rate {
			if !math.IsNaN(e) {
				sum += m.Occupancy[b] * e * v[b]
			}
			if math.IsNaN(e) != math.IsNaN(m.Rate[b]) {
				t.Fatal("other bins are empty")
			}
		}
		near(t, "residual along "+name, sum, 0, 1e-9)
	}
	again, _ := PartialMap(p.Map, x, y)
	for b := range again.Map.Rate {
		near(t, "residual of the residual", again.Map.Rate[b], p.Map.Rate[b], 1e-12)
	}
	near(t, "R2 of the residual", again.R2, 0, 1e-12)
	if _, err := PartialMap(m, x[:5]); err == nil {
		t.Error("a short regressor is no error")
	}
	x[slices.IndexFunc(m.Rate, finite)] = math.Inf(1)
	if _, err := PartialMap(m, x); err == nil {
		t.Error("an infinite regressor is no error")
	}
}

func TestTuneWallsByDefinition(t *testing.T) {
	tune := func(m Map, x ...[]float64) WallTuning {
		w, err := TuneWalls(m, x...)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	distance := analytic(10, 14, func(i, j float64) float64 { return min(i, 9-i, j, 13-j) })
	near(t, "distance", tune(distance).Nearness, -1, 1e-12)
	near(t, "nearness", tune(distance.affine(-2, 5)).Nearness, 1, 1e-12)
	near(t, "nearness less itself", tune(distance, distance.Rate).Partial, math.NaN(), 0)
	if v := tune(ramp()).Nearness; math.Abs(v) > 1e-9 {
		t.Errorf("a ramp is near %g to the walls", v)
	}
	for k, f := range []func(i, j float64) float64{
		func(i, _ float64) float64 { return math.Exp(-i) }, func(i, _ float64) float64 { return math.Exp(i - 9) },
		func(_, j float64) float64 { return math.Exp(-j) }, func(_, j float64) float64 { return math.Exp(j - 13) },
	} {
		w := tune(analytic(10, 14, f)) // WallLength is 1
		for q, v := range w.Walls {
			want := 0.0
			if q == k {
				want = 1
			}
			near(t, fmt.Sprintf("wall %d of a map of wall %d", q, k), v, want, 1e-9)
		}
		near(t, "R2", w.R2, 1, 1e-9)
	}
	r := rng.New(4, "ratemap/test/walls")
	m := withGaps(r, 11, 12, .1)
	var y, d []float64
	for b, v := range m.Rate {
		if !math.IsNaN(v) {
			y, d = append(y, v), append(d, -float64(min(b/12, 10-b/12, b%12, 11-b%12)))
		}
	}
	near(t, "correlation", tune(m).Nearness, stats.Pearson(y, d), 1e-12)
	near(t, "correlation", Nearness(m), stats.Pearson(y, d), 1e-12)
	for name, bad := range map[string]Map{
		"constant": analytic(8, 8, func(i, j float64) float64 { return 3 }), "empty": analytic(8, 8, func(i, j float64) float64 { return math.NaN() }),
		"infinite": analytic(8, 8, func(i, j float64) float64 { return 1 / (i * j) }), "two bins": {1, 2, []float64{1, 2}, nil},
	} {
		w := tune(bad)
		for _, v := range append(w.Walls[:], w.Nearness, w.Partial, w.R2, Nearness(bad)) {
			near(t, name, v, math.NaN(), 0)
		}
	}
	w := tune(analytic(1, 9, func(_, j float64) float64 { return j * j }))
	near(t, "walls of one row", w.Walls[0], math.NaN(), 0)
}

// drawnDiscs draws stimuli as the document does: centres anywhere, so that many are cut off by the border.
func drawnDiscs(seed uint64, n int) (x, y, d []float64) {
	r := rng.New(seed, "ratemap/test/discs")
	for range n {
		x, y, d = append(x, 224*r.Float64()), append(y, 224*r.Float64()), append(d, 20+60*r.Float64())
	}
	return x, y, d
}

// A unit that is driven by nothing but dark area looks like an anti-border cell, one driven by light like a border cell.
// With the area held fixed both are nothing, and a planted border cell stays what it is.
func TestAreaControl(t *testing.T) {
	const stimuli, each = 900, 30
	g := Screen(14, 14, 224, 224)
	x, y, d := drawnDiscs(1, stimuli)
	bins, _ := g.Bins(x, y)
	share, area, err := g.VisibleDiscs(x, y, d)
	if err != nil {
		t.Fatal(err)
	}
	r := rng.New(5, "ratemap/test/area")
	act := make([][]float64, 3*each)
	for u := range act {
		act[u] = make([]float64, stimuli)
		for s := range act[u] {
			e := .3 * r.NormFloat64()
			switch u / each {
			case 0:
				act[u][s] = area[s]/1500 + e
			case 1:
				act[u][s] = 3 - area[s]/1500 + e
			default:
				wall := min(x[s], y[s], 224-x[s], 224-y[s])
				act[u][s] = math.Exp(-wall/12) + e
			}
		}
	}
	raw, _ := FromUnits(act)
	clean, took, err := PartialResponses(raw, area, share)
	if err != nil {
		t.Fatal(err)
	}
	if clean.Conversion != Residual || !clean.Conversion.Signed() || took[0] < .7 {
		t.Errorf("conversion %s, the area took %.2f of an area unit", clean.Conversion, took[0])
	}
	nearness := OfMap("nearness", Nearness)
	away := OfMap("distance", func(m Map) float64 { return -Nearness(m) })
	opt := NullOptions{Shuffles: 99, Seed: 1}
	rate := func(r *Responses, stat Statistic, kind int) (hits int, mean float64) {
		n, err := Null(r, bins, g, stat, opt)
		if err != nil {
			t.Fatal(err)
		}
		for u := kind * each; u < (kind+1)*each; u++ {
			mean += n.Observed[u] / each
			if n.P[u] <= .05 {
				hits++
			}
		}
		return hits, mean
	}
	if hits, mean := rate(raw, away, 0); hits < each || mean < .2 {
		t.Errorf("raw dark units: %d of %d anti-border, mean %.2f", hits, each, mean)
	}
	if hits, mean := rate(raw, nearness, 1); hits < each || mean < .2 {
		t.Errorf("raw light units: %d of %d border, mean %.2f", hits, each, mean)
	}
	// 30 tests at .05: 1.5 with a binomial deviation of 1.2; more than 6 has a chance of 1 in 1000.
	for kind := range 2 {
		for _, stat := range []Statistic{nearness, away} {
			if hits, mean := rate(clean, stat, kind); hits > 6 || math.Abs(mean) > .05 {
				t.Errorf("controlled units of kind %d: %d of %d by %s, mean %.3f", kind, hits, each, stat.Name, mean)
			}
		}
	}
	if hits, mean := rate(clean, nearness, 2); hits < each || mean < .1 {
		t.Errorf("controlled border units: %d of %d, mean %.2f", hits, each, mean)
	}

	// The same on maps alone, with the expected visible share and area as regressors.
	shareMap, areaMap, err := g.VisibleMaps(20, 80)
	if err != nil {
		t.Fatal(err)
	}
	maps, _ := Maps(raw, bins, g)
	var before, after [3]float64
	for u := range 3 * each {
		w, err := TuneWalls(maps.Map(u), shareMap, areaMap)
		if err != nil {
			t.Fatal(err)
		}
		before[u/each] += w.Nearness / each
		after[u/each] += w.Partial / each
	}
	if before[0] > -.2 || before[1] < .2 || math.Abs(after[0]) > .06 || math.Abs(after[1]) > .06 || after[2] < .1 {
		t.Errorf("nearness of maps %.2f, after control %.2f: want -, +, and nothing, nothing, +", before, after)
	}
}

// The border score of maps of light: high before, nothing after; a cell of one wall keeps its own, also on top of light.
func TestControlledBorder(t *testing.T) {
	g := Screen(28, 28, 224, 224)
	share, area, err := g.VisibleMaps(20, 80)
	if err != nil {
		t.Fatal(err)
	}
	r := rng.New(8, "ratemap/test/controlled")
	make := func(light, wall float64) Map {
		return analytic(28, 28, func(i, j float64) float64 {
			return light*(1-share[int(i)*28+int(j)]) + wall*math.Exp(-j/2) + .05*r.NormFloat64()
		})
	}
	for name, c := range map[string]struct {
		m         Map
		high, low float64 // least score before, and after; -2 = at most -.5
	}{"light": {make(2, 0), .5, -2}, "wall": {make(0, 2), .5, .5}, "wall and light": {make(1, 2), 0, .5}} {
		before := BorderScore(c.m, FindFields(c.m, BorderShare, BorderBins), AllWalls)
		after, r2, err := ControlledBorder(c.m, share, area)
		if err != nil {
			t.Fatal(err)
		}
		if before.Score < c.high || c.low > -1 && after.Score < c.low || c.low < -1 && after.Score > -.5 {
			t.Errorf("%s: border score %.2f, after control %.2f (R2 %.2f)", name, before.Score, after.Score, r2)
		}
	}
	exact := Map{28, 28, share, nil}
	if b, r2, _ := ControlledBorder(exact, share, area); b.Score != -1 || b.Fields != 0 || r2 < 1-1e-12 {
		t.Errorf("the regressor itself: %+v, R2 %g", b, r2)
	}
	if b, _, err := ControlledBorder(exact, share[:7]); err == nil || !math.IsNaN(b.Score) {
		t.Error("a short regressor is no error")
	}
}

func TestPartialResponsesOfBadInput(t *testing.T) {
	r, _ := FromUnits([][]float64{{1, 2, 3, 4}, {5, 5, 5, 5}, {1, math.NaN(), 2, 3}})
	res, share, err := PartialResponses(r, []float64{1, 2, 3, 4})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "share of a straight line", share[0], 1, 1e-15)
	near(t, "share of a constant", share[1], math.NaN(), 0)
	near(t, "share of NaN", share[2], math.NaN(), 0)
	near(t, "residual of a constant", res.Unit(1)[2], 0, 0)
	near(t, "residual of NaN", res.Unit(2)[0], math.NaN(), 0)
	if _, _, err := PartialResponses(r, []float64{1, 2, math.NaN(), 4}); err == nil {
		t.Error("a NaN regressor is no error")
	}
	if _, err := Convert(res, ReLU, nil); err == nil {
		t.Error("residuals are converted as if they were activations")
	}
}

func FuzzWalls(f *testing.F) {
	f.Add([]byte{4, 5, 0, 10, 200, 3, 9, 255, 17, 40, 40, 40, 41, 7, 99, 1, 0, 0, 5, 6, 80, 12})
	f.Add([]byte{0, 3, 9, 9, 254, 9})
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, ok := fuzzMap(raw)
		if !ok {
			return
		}
		share, area, err := Screen(m.Rows, m.Cols, 224, 224).VisibleMaps(20, 80)
		if err != nil {
			t.Fatal(err)
		}
		w, err := TuneWalls(m, share, area)
		if err != nil {
			t.Fatal(err)
		}
		b, _, err := ControlledBorder(m, share, area)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []float64{w.Nearness, w.Partial, b.Score} {
			if v < -1 || v > 1 {
				t.Fatalf("%+v %+v", w, b)
			}
		}
		if w.R2 < 0 || w.R2 > 1 || math.IsInf(w.Walls[0], 0) {
			t.Fatalf("%+v", w)
		}
	})
}
