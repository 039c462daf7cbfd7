package spatial

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/ratemap"
)

// plantedStimuli are discs as the study shows them.
func plantedStimuli(n int, seed uint64) Layout {
	r := rng.New(seed, "spatial/units/planted")
	l := Layout{Frame: 224}
	for range n {
		l.X, l.Y, l.Diameter = append(l.X, 224*r.Float64()), append(l.Y, 224*r.Float64()), append(l.Diameter, 20+60*r.Float64())
	}
	return l
}

// visibleArea is what of disc i lies in the frame, in units of a disc of 50 pixels.
func visibleArea(l Layout, i int) float64 {
	g := ratemap.Screen(1, 1, l.Frame, l.Frame)
	d := l.Diameter[i]
	return g.VisibleShare(l.X[i], l.Y[i], d) * d * d / 2500
}

// responses makes the activations [stimulus, unit] of units that are functions of a stimulus, with noise.
func responses(l Layout, seed uint64, noise float64, units []func(i int) float64) *ratemap.Responses {
	v := make([]float32, len(l.X)*len(units))
	for u, f := range units {
		r := rng.New(seed, "spatial/units/noise", uint64(u))
		for i := range l.X {
			v[i*len(units)+u] = float32(f(i) + noise*r.NormFloat64())
		}
	}
	out, err := ratemap.FromStimuli(v, len(l.X), len(units))
	if err != nil {
		panic(err)
	}
	return out
}

// tableOf scores activations whose blank response is 0.
func tableOf(t testing.TB, l Layout, r *ratemap.Responses, o UnitOptions) *UnitTable {
	t.Helper()
	tab, err := ScoreUnits(r, make([]float32, r.Units), l, o)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func column(t testing.TB, tab *UnitTable, name string) []float64 {
	t.Helper()
	v, err := tab.Column(name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// binomialBand is the range that holds a count of n trials of probability p in all but a millionth of cases (normal
// approximation with continuity correction, at least 5 expected).
func binomialBand(n int, p float64) (low, high float64) {
	m, s := float64(n)*p, math.Sqrt(float64(n)*p*(1-p))
	return m - 4.9*s - .5, m + 4.9*s + .5
}

// TestUnitsPlanted plants units of every kind among others that know nothing, and wants each found for what it is.
func TestUnitsPlanted(t *testing.T) {
	l := plantedStimuli(2000, 1)
	at := rand.New(rand.NewPCG(1, 2))
	var units []func(int) float64
	var cx, cy []float64
	const each = 12
	for u := range 2 * each { // 0 to 11 on-cells with a place, 12 to 23 off-cells
		x, y, sign := 40+144*at.Float64(), 40+144*at.Float64(), 1.0
		if u >= each {
			sign = -1
		}
		cx, cy = append(cx, x), append(cy, y)
		units = append(units, func(i int) float64 {
			return sign * 2 * math.Exp(-((l.X[i]-x)*(l.X[i]-x)+(l.Y[i]-y)*(l.Y[i]-y))/(2*25*25))
		})
	}
	for range each { // lattices
		px, py, turn := 70*at.Float64(), 70*at.Float64(), math.Pi*at.Float64()/3
		units = append(units, func(i int) float64 {
			s := 1.5
			for k := range 3 {
				a := turn + float64(k)*math.Pi/3
				s += math.Cos(4 * math.Pi / (math.Sqrt(3) * 70) * ((l.X[i]-px)*math.Cos(a) + (l.Y[i]-py)*math.Sin(a)))
			}
			return s
		})
	}
	for k := range each { // border cells of one wall each
		units = append(units, func(i int) float64 {
			d := []float64{l.X[i], l.Frame - l.X[i], l.Y[i], l.Frame - l.Y[i]}[k%4]
			return 2 * math.Exp(-d/14)
		})
	}
	for range each { // light meters: dark area takes away from them, so that their map is bright along all walls
		units = append(units, func(i int) float64 { return 8 - 3*visibleArea(l, i) })
	}
	for range each { // nothing
		units = append(units, func(int) float64 { return 0 })
	}
	tab := tableOf(t, l, responses(l, 1, .5, units), UnitOptions{Shuffles: 199, Surrogates: 199, Seed: 3, SizeShuffles: 19})
	p, cv, grid, border := column(t, tab, "p_eta2"), column(t, tab, "rf_cv"), column(t, tab, "p_grid"), column(t, tab, "p_border")
	rest, sign := column(t, tab, "p_border_area"), column(t, tab, "sign")
	x, y, sd := column(t, tab, "rf_x"), column(t, tab, "rf_y"), column(t, tab, "rf_sigma1")
	near, nearArea := column(t, tab, "nearness"), column(t, tab, "nearness_area")
	count := func(lo int, hit func(u int) bool) (n int) {
		for u := lo; u < lo+each; u++ {
			if hit(u) {
				n++
			}
		}
		return n
	}
	for u := range 2 * each {
		if want := 1 - 2*float64(u/each); sign[u] != want {
			t.Errorf("unit %d: sign %g, planted %g", u, sign[u], want)
		}
		if d := math.Hypot(x[u]-cx[u], y[u]-cy[u]); !(d < 5) || !(math.Abs(sd[u]-25) < 5) || !(cv[u] > .3) {
			t.Errorf("unit %d: field %.1f pixels from where it was planted, width %.1f of 25, R2 %.2f on held-out stimuli", u, d, sd[u], cv[u])
		}
	}
	found := func(v []float64) func(int) bool { return func(u int) bool { return v[u] <= .05 } }
	if n := count(2*each, found(grid)); n < each-1 {
		t.Errorf("%d of %d lattices found", n, each)
	}
	if n := count(3*each, found(border)); n < each-1 {
		t.Errorf("%d of %d border cells found", n, each)
	}
	if n := count(3*each, found(rest)); n < each-2 {
		t.Errorf("%d of %d border cells left without the visible area", n, each)
	}
	for u := 4 * each; u < 5*each; u++ {
		if near[u] < .3 || math.Abs(nearArea[u]) > .2 {
			t.Errorf("light meter %d: nearness %.2f, and %.2f without the visible area: want it gone", u, near[u], nearArea[u])
		}
	}
	if n := count(4*each, found(rest)); n > 4 {
		t.Errorf("%d of %d light meters are border cells beyond the visible area", n, each)
	}
	for u := range 5 * each {
		if p[u] > .05 {
			t.Errorf("unit %d: p %.3f of eta squared", u, p[u])
		}
	}
	if n := count(5*each, found(p)); n > 4 {
		t.Errorf("%d of %d units without tuning found", n, each)
	}
}

// TestUnitsFalsePositives puts units that know nothing of places to every test of the table: the share with p <= .05 is
// within the band of a binomial of .05, and q finds hardly any.
func TestUnitsFalsePositives(t *testing.T) {
	l := plantedStimuli(1200, 2)
	units := make([]func(int) float64, 400)
	for u := range units {
		switch u % 3 {
		case 0: // noise
			units[u] = func(int) float64 { return 0 }
		case 1: // size matters, place does not
			units[u] = func(i int) float64 { return l.Diameter[i] / 40 }
		default: // never far from its large mean
			units[u] = func(int) float64 { return -20 }
		}
	}
	tab := tableOf(t, l, responses(l, 2, .5, units), UnitOptions{Bins: 14, Shuffles: 199, Surrogates: 199, Seed: 5, SizeShuffles: 99, NoFields: true})
	for _, name := range []string{"eta2", "info", "grid", "border", "border_area", "size"} {
		p, q := column(t, tab, "p_"+name), column(t, tab, "q_"+name)
		n, discoveries := 0, 0
		for u := range p {
			if !(p[u] > 0 && p[u] <= 1) || !(q[u] >= p[u]-1e-12 && q[u] <= 1) {
				t.Fatalf("%s of unit %d: p %g, q %g", name, u, p[u], q[u])
			}
			if p[u] <= .05 {
				n++
			}
			if q[u] <= .05 {
				discoveries++
			}
		}
		_, high := binomialBand(len(p), .05)
		t.Logf("%s: p <= .05 in %d of %d, q <= .05 in %d", name, n, len(p), discoveries)
		if float64(n) > high {
			t.Errorf("%s: p <= .05 in %d of %d units without tuning, more than the %.0f of a binomial", name, n, len(p), high)
		}
		if discoveries > 5 {
			t.Errorf("%s: q <= .05 in %d of %d units without tuning", name, discoveries, len(p))
		}
	}
}
