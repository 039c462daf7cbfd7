package figure

import (
	"fmt"
	"image/color"
	"math"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/internal/rng"
)

// number reads a tick label as a reader does.
func number(t *testing.T, s string) float64 {
	t.Helper()
	unit := 1.0
	if n := strings.TrimSuffix(s, "k"); n != s {
		s, unit = n, 1e3
	}
	if n := strings.TrimSuffix(s, "M"); n != s {
		s, unit = n, 1e6
	}
	s = strings.ReplaceAll(s, "−", "-")
	if i := strings.Index(s, "10^{"); i >= 0 {
		e := strings.TrimSuffix(s[i+4:], "}")
		m := strings.TrimSuffix(s[:i], "×")
		if m == "" || m == "-" {
			m += "1"
		}
		s = m + "e" + e
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatalf("label %q is no number", s)
	}
	return v * unit
}

// Ticks lie in the range at equal steps, and their labels say where they are.
func TestLinearTicks(t *testing.T) {
	r := rng.New(1, "figure/test/ticks")
	for range 5000 {
		lo := math.Pow(10, r.Float64()*16-8) * (r.Float64()*4 - 2)
		hi := lo + math.Pow(10, r.Float64()*10-5)*math.Max(math.Abs(lo), 1e-6)
		percent := r.IntN(2) == 0
		ts := linearTicks(lo, hi, 2+5*r.Float64(), percent)
		if len(ts) < 1 || len(ts) > 16 {
			t.Fatalf("%d ticks in %g..%g", len(ts), lo, hi)
		}
		for i, k := range ts {
			slack := (hi - lo) * 1e-6
			if k.Value < lo-slack || k.Value > hi+slack {
				t.Fatalf("tick %g outside %g..%g", k.Value, lo, hi)
			}
			want := k.Value
			if percent {
				want *= 100
			}
			// A label in scientific form has three digits.
			tol := (hi - lo) * 1e-6
			if percent {
				tol *= 100
			}
			if strings.Contains(k.Label, "10^") {
				tol = math.Max(tol, math.Abs(want)*0.006)
			}
			if got := number(t, k.Label); math.Abs(got-want) > tol {
				t.Fatalf("tick at %v is labelled %q in %g..%g", want, k.Label, lo, hi)
			}
			if i > 1 && math.Abs((ts[i].Value-ts[i-1].Value)-(ts[1].Value-ts[0].Value)) > 1e-6*(hi-lo) {
				t.Fatalf("steps differ in %v", ts)
			}
		}
	}
}

func TestTickLabels(t *testing.T) {
	for _, c := range []struct {
		lo, hi, want float64
		percent      bool
		labels       string
	}{
		{0, 1, 5, false, "0 0.2 0.4 0.6 0.8 1.0"},
		{0, 1, 5, true, "0 20 40 60 80 100"},
		{0, 50, 2, false, "0 25 50"},
		{-5, 15, 4, false, "−5 0 5 10 15"},
		{0, 300000, 4, false, "0 100k 200k 300k"},
		{0, 2.5e6, 5, false, "0 0.5M 1.0M 1.5M 2.0M 2.5M"},
		{0, 9000, 3, false, "0 5000"},
		{0, 4e-4, 4, false, "0 10^{−4} 2×10^{−4} 3×10^{−4} 4×10^{−4}"},
	} {
		var got []string
		for _, k := range linearTicks(c.lo, c.hi, c.want, c.percent) {
			got = append(got, k.Label)
		}
		if s := strings.Join(got, " "); s != c.labels {
			t.Errorf("%g..%g: %q, not %q", c.lo, c.hi, s, c.labels)
		}
	}
	for _, c := range []struct {
		lo, hi float64
		labels string
	}{{1, 1000, "1 10 100 1000"}, {0.2, 5, "0.2 0.5 1 2 5"}, {1e-5, 1, "10^{−5} 10^{−4} 10^{−3} 10^{−2} 10^{−1} 1"}, {10, 1e5, "10 10^{2} 10^{3} 10^{4} 10^{5}"}} {
		var got []string
		for _, k := range logTicks(c.lo, c.hi, 6) {
			if k.Label != "" {
				got = append(got, k.Label)
			}
		}
		if s := strings.Join(got, " "); s != c.labels {
			t.Errorf("log %g..%g: %q, not %q", c.lo, c.hi, s, c.labels)
		}
	}
	for v, want := range map[float64]string{0: "0", 1.416: "1.42", -0.204: "−0.20", 12.34: "12.3", 185.43: "185", 15944.94: "15945", 0.012: "0.012", 1e-5: "10^{−5}", math.Inf(1): "∞", -123456: "−1.23×10^{5}"} {
		if got := short(v); got != want {
			t.Errorf("short(%v) is %q, not %q", v, got, want)
		}
	}
}

// An axis holds its data, whatever they are.
func TestScaleHoldsData(t *testing.T) {
	r := rng.New(2, "figure/test/scale")
	for range 2000 {
		lo := math.Exp(r.NormFloat64()*5) * float64(r.IntN(3)-1)
		hi := lo + math.Exp(r.NormFloat64()*5)*float64(r.IntN(2))
		for _, zero := range []float64{0, 0.35, 1} {
			s, err := newScale(Axis{}, lo, hi, zero)
			if err != nil {
				t.Fatal(err)
			}
			if !(s.lo <= lo && s.hi >= hi && s.lo < s.hi) {
				t.Fatalf("data %g..%g on an axis %g..%g", lo, hi, s.lo, s.hi)
			}
			if zero == 1 && (s.lo > 0 || s.hi < 0) {
				t.Fatalf("an axis for bars, %g..%g, without zero", s.lo, s.hi)
			}
			s.a, s.b = 10, 20
			if s.at(lo) < 10 || s.at(hi) > 20 || s.at(lo) > s.at(hi) {
				t.Fatalf("%g and %g lie at %g and %g", lo, hi, s.at(lo), s.at(hi))
			}
		}
	}
	s := &scale{Axis: Axis{Log: true, Reverse: true}, lo: 1, hi: 100, a: 0, b: 1}
	if got := s.at(10); math.Abs(got-0.5) > 1e-12 {
		t.Errorf("10 of 1..100 lies at %g of a logarithmic axis", got)
	}
	if got := s.at(1); got != 1 {
		t.Errorf("the low end of a reversed axis lies at %g", got)
	}
	if !math.IsNaN(s.at(0)) || !math.IsNaN(s.at(-1)) {
		t.Error("zero has a place on a logarithmic axis")
	}
}

// Lightness rises along the sequential maps, falls from the centre of the diverging one, and no map holds the gray of
// missing values.
func TestColorMaps(t *testing.T) {
	for _, m := range []ColorMap{Sequential, Grays} {
		for i := 1; i < 256; i++ {
			if luminance(m.At(float64(i)/255)) < luminance(m.At(float64(i-1)/255)) {
				t.Errorf("%v: lightness falls at %d", m, i)
			}
		}
	}
	for _, m := range []ColorMap{Blues, Oranges} {
		for i := 1; i < 256; i++ {
			if luminance(m.At(float64(i)/255)) > luminance(m.At(float64(i-1)/255)) {
				t.Errorf("%v: lightness rises at %d", m, i)
			}
		}
	}
	for i := 1; i <= 127; i++ {
		d := float64(i) / 255
		if luminance(Diverging.At(0.5+d)) > luminance(Diverging.At(0.5+d-1.0/255)) || luminance(Diverging.At(0.5-d)) > luminance(Diverging.At(0.5-d+1.0/255)) {
			t.Errorf("diverging: lightness rises away from the centre at %d", i)
		}
	}
	if Diverging.At(0.5) != white {
		t.Errorf("the centre is %v", Diverging.At(0.5))
	}
	for _, m := range []ColorMap{Diverging, Sequential, Blues, Oranges} {
		for i := range 256 {
			if distance(m.At(float64(i)/255), missing) < 10 {
				t.Errorf("%v holds the gray of missing values at %d", m, i)
			}
		}
		if m.At(-1) != m.At(0) || m.At(2) != m.At(1) || m.At(math.NaN()) != missing {
			t.Errorf("%v: ends", m)
		}
	}
}

func TestParseColor(t *testing.T) {
	for s, want := range map[string]color.NRGBA{"": palette[2], "C1": palette[1], "c7": palette[7], "#0a0B0c": {10, 11, 12, 255}, "black": dark, "Gray": palette[6]} {
		if got, err := parseColor(s, 2); err != nil || got != want {
			t.Errorf("%q is %v (error %v), not %v", s, got, err, want)
		}
	}
	for _, s := range []string{"C8", "#12345", "#gggggg", "red"} {
		if _, err := parseColor(s, 0); err == nil {
			t.Errorf("%q is a colour", s)
		}
	}
}

// Quartiles of 1..9 and whiskers that stop at the last value within 1.5 box heights.
func TestSummarise(t *testing.T) {
	b, far := summarise(Sample{Values: []float64{9, 2, 3, 4, 5, 6, 7, 8, 1, 30, math.NaN(), math.Inf(1)}})
	// Type-7 quartiles of {1..9, 30}: positions 2.25, 4.5 and 6.75 counted from zero.
	if b.Q1 != 3.25 || b.Median != 5.5 || b.Q3 != 7.75 || b.Low != 1 || b.High != 9 || len(far) != 1 || far[0] != 30 {
		t.Errorf("%+v, far %v", b, far)
	}
}

// A density has area one and follows shifts and stretches of the data.
func TestDensity(t *testing.T) {
	v := finite(draws(3, 400, 2, 1.5, func(x float64) float64 { return x }))
	grid := make([]float64, 2001)
	for i := range grid {
		grid[i] = -10 + float64(i)*0.012
	}
	d := density(v, grid)
	sum := 0.0
	for _, x := range d {
		sum += x * 0.012
	}
	if math.Abs(sum-1) > 1e-5 {
		t.Errorf("area %g", sum)
	}
	w, g := make([]float64, len(v)), make([]float64, len(grid))
	for i := range v {
		w[i] = 3*v[i] + 1
	}
	for i := range grid {
		g[i] = 3*grid[i] + 1
	}
	for i, x := range density(w, g) {
		if math.Abs(3*x-d[i]) > 1e-9 {
			t.Fatalf("stretched by three, the density at %g is %g, not %g", g[i], x, d[i]/3)
		}
	}
}

func TestSteps(t *testing.T) {
	x, y := steps([]float64{1, 1, 2, 4}, false)
	if fmt.Sprint(x, y) != "[1 1 2 4] [0 0.5 0.75 1]" {
		t.Errorf("%v %v", x, y)
	}
	_, y = steps([]float64{1, 1, 2, 4}, true)
	if fmt.Sprint(y) != "[1 0.5 0.25 0]" {
		t.Errorf("complement %v", y)
	}
}

// All values are counted once, the greatest in the last bin.
func TestHistogramCounts(t *testing.T) {
	v := draws(4, 1000, 0, 1, func(x float64) float64 { return x })
	for _, bins := range []int{0, 1, 7} {
		f, err := Histogram(HistogramOptions{Meta: meta("n"), Samples: []Sample{{Group: "g", Values: v}}, Bins: bins})
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, r := range f.Data()[0].Rows {
			sum += number(t, r[3])
		}
		if sum != 1000 {
			t.Errorf("%d bins hold %g values", bins, sum)
		}
	}
}

// Spread labels keep their order, stand apart and move no more than they must.
func TestSpread(t *testing.T) {
	r := rng.New(5, "figure/test/spread")
	for range 500 {
		n := 1 + r.IntN(8)
		ys, old := make([]float64, n), make([]float64, n)
		mean := 0.0
		for i := range ys {
			ys[i] = r.Float64() * 40
			old[i] = ys[i]
			mean += ys[i]
		}
		spread(ys, 8)
		idx := make([]int, n)
		for i := range idx {
			idx[i] = i
			mean -= ys[i]
		}
		if math.Abs(mean) > 1e-9 {
			t.Fatalf("the labels moved by %g together", mean)
		}
		sort.Slice(idx, func(a, b int) bool { return old[idx[a]] < old[idx[b]] })
		for i := 1; i < n; i++ {
			if ys[idx[i]]-ys[idx[i-1]] < 8-1e-9 {
				t.Fatalf("labels %v became %v", old, ys)
			}
		}
	}
	apart := []float64{0, 10, 30}
	spread(apart, 8)
	if fmt.Sprint(apart) != "[0 10 30]" {
		t.Errorf("labels that stand apart moved to %v", apart)
	}
}

// Clipped lines lie inside the box, on the old line, and lose nothing that was inside.
func TestClipLine(t *testing.T) {
	b := box{0, 0, 10, 10}
	r := rng.New(6, "figure/test/clip")
	for range 2000 {
		p, q := point{r.Float64()*30 - 10, r.Float64()*30 - 10}, point{r.Float64()*30 - 10, r.Float64()*30 - 10}
		runs := clipLine(b, []point{p, q})
		inside := 0.0
		const n = 2000
		for i := range n {
			f := (float64(i) + 0.5) / n
			x, y := p.x+f*(q.x-p.x), p.y+f*(q.y-p.y)
			if x >= 0 && x <= 10 && y >= 0 && y <= 10 {
				inside += math.Hypot(q.x-p.x, q.y-p.y) / n
			}
		}
		length := 0.0
		for _, run := range runs {
			for i := 1; i < len(run); i++ {
				length += math.Hypot(run[i].x-run[i-1].x, run[i].y-run[i-1].y)
				if nearSegment(run[i], p, q) > 1e-9 {
					t.Fatalf("%v is not on the line", run[i])
				}
			}
		}
		if math.Abs(length-inside) > 0.1 {
			t.Fatalf("%v to %v: %g of %g is drawn", p, q, length, inside)
		}
	}
	nan := math.NaN()
	if runs := clipLine(b, []point{{1, 1}, {2, 2}, {nan, 3}, {4, 4}, {5, 5}, {6, 4}}); len(runs) != 2 || len(runs[0]) != 2 || len(runs[1]) != 3 {
		t.Errorf("a NaN cuts into %v", runs)
	}
}

// A thinned line has the same ends and the same least and greatest value in every column, breaks where the whole line
// breaks, and is much shorter; a short line is left alone.
func TestThin(t *testing.T) {
	r := rng.New(7, "figure/test/thin")
	var ps []point
	for i := range 100000 {
		y := r.NormFloat64()
		if i == 40000 {
			y = math.NaN()
		}
		ps = append(ps, point{float64(i) * 0.002, y})
	}
	got := thin(ps)
	if len(got) > 4*2001+2 || got[0] != ps[0] || got[len(got)-1] != ps[len(ps)-1] {
		t.Errorf("%d points from %v to %v", len(got), got[0], got[len(got)-1])
	}
	box := box{-1, -10, 300, 10}
	if a, b := len(clipLine(box, ps)), len(clipLine(box, got)); a != 2 || b != 2 {
		t.Errorf("%d pieces became %d", a, b)
	}
	for x := 0.0; x < 199; x += 10 {
		part := func(ps []point) (v []float64) {
			for _, p := range ps {
				if p.x >= x && p.x < x+10-0.2 {
					v = append(v, p.y)
				}
			}
			return v
		}
		lo, hi := extent(part(ps))
		gotLo, gotHi := extent(part(got))
		if lo != gotLo || hi != gotHi {
			t.Errorf("from x = %g: %g..%g became %g..%g", x, lo, hi, gotLo, gotHi)
		}
	}
	if short := thin(ps[:3000]); len(short) != 3000 {
		t.Errorf("3000 points became %d", len(short))
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{"plain": "plain", "σ ± µ ≤ −1 “q” é Ω": "σ ± µ ≤ −1 “q” é Ω", "10⁻³": "10^{−}^{3}", "x₀ m²": "x_{0} m^{2}", "字": "□", "a\x00b\tc": "ab c"} {
		if got := drawable(in); got != want {
			t.Errorf("drawable(%q) is %q, not %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"a^{2}b_{i}": "[{a 1 0} {2 0.72 0.36} {b 1 0} {i 0.72 -0.16}]", "mlp.c_fc": "[{mlp.c_fc 1 0}]", "a^{": "[{a^{ 1 0}]", "^{}x": "[{x 1 0}]"} {
		if got := fmt.Sprint(runs(in)); got != want {
			t.Errorf("runs(%q) is %s, not %s", in, got, want)
		}
	}
	st := textStyle{size: 10}
	one, h := textSize("units", st)
	two, hh := textSize("units\nunits units", st)
	if !(two > 2*one) || math.Abs(hh-h-12.2) > 1e-9 {
		t.Errorf("sizes %g x %g and %g x %g", one, h, two, hh)
	}
	// Digits are of one width, side by side too.
	if a, b := lineWidth("111", st), lineWidth("000", st); math.Abs(a-b) > 1e-9 {
		t.Errorf("111 is %g points wide, 000 is %g", a, b)
	}
	// "H" in Liberation Sans is 1479 of 2048 units wide, as in Arial.
	if w := lineWidth("H", st); math.Abs(w-14790.0/2048) > 1e-3 {
		t.Errorf("H is %g points wide", w)
	}
	if got := shorten("a long title indeed", 40, st); lineWidth(got, st) > 40 || !strings.HasSuffix(got, "…") {
		t.Errorf("shortened to %q", got)
	}
}

// Any text can be measured: no input panics, and what drawable returns the font can draw.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a^{2}", "_{", "^{_{}}", "10⁻³ 字\n\x00", "\xff\xfe", "p(“a black circle”)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if w, h := textSize(s, textStyle{size: 7}); !(w >= 0) || !(h > 0) {
			t.Errorf("%q is %g x %g", s, w, h)
		}
		for _, r := range drawable(s) {
			if r != '\n' && !hasGlyph(r) {
				t.Errorf("%q keeps %q, which the font lacks", s, r)
			}
		}
	})
}
