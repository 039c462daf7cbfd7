package figure

import (
	"fmt"
	"math"
	"slices"
	"sort"
)

// ECDFOptions are the parts of a plot of cumulative distributions.
type ECDFOptions struct {
	Meta
	X, Y       Axis
	Samples    []Sample // a curve each, named by Group; Hue is not used
	Null       []Sample // what chance gives: the envelope of their curves is drawn gray
	NullLabel  string
	Ordered    bool // the samples are in an order (layers): colours run along a sequential map
	Complement bool // draws the share above x, 1 - F
	References []Reference
	Legend     Legend
}

// ECDF draws empirical cumulative distribution functions.
func ECDF(o ECDFOptions) (*Figure, error) {
	fail := func(err error) (*Figure, error) { return nil, fmt.Errorf("figure %s: %w", o.Name, err) }
	var series []Series
	for i, s := range o.Samples {
		v := finite(s.Values)
		if len(v) == 0 {
			return fail(fmt.Errorf("Samples[%d] (%q) has no finite value", i, s.Group))
		}
		x, y := steps(v, o.Complement)
		c := ""
		if o.Ordered {
			t := 0.0
			if len(o.Samples) > 1 {
				t = 0.9 * float64(i) / float64(len(o.Samples)-1)
			}
			q := Sequential.At(t)
			c = fmt.Sprintf("#%02x%02x%02x", q.R, q.G, q.B)
		}
		series = append(series, Series{Name: s.Group, X: x, Y: y, Step: true, Color: c})
	}
	if o.Y.Label == "" {
		o.Y.Label = "share of units ≤ x"
		if o.Complement {
			o.Y.Label = "share of units > x"
		}
	}
	if o.Y.Min == 0 && o.Y.Max == 0 && !o.Y.Log {
		o.Y.Max = 1
	}
	place := o.Legend
	if place == LegendAuto {
		place = LegendTop // curves all end at one height
		if o.Ordered && len(series) > 4 {
			place = LegendRight
		}
	}
	p, _, err := linePlot("line", o.X, o.Y, series, nil, o.References, nil, place)
	if err != nil {
		return fail(err)
	}
	if len(o.Null) > 0 {
		grid, lo, hi := envelope(o.Null, o.Complement)
		band := curve{Series: Series{X: grid, Lo: lo, Hi: hi, Step: true}, color: alpha(soft, 1)}
		p.under = func(k *ink, a *axes, d box) { drawBand(k, a, d, band) }
		if o.NullLabel != "" && place != LegendNone {
			p.ax.keys.keys = append(p.ax.keys.keys, key{label: o.NullLabel, color: tint(soft, 0.75), patch: true})
		}
		t := Table{Part: "null", Header: []string{"x", "lo", "hi"}}
		for i := range grid {
			t.Rows = append(t.Rows, []string{cell(grid[i]), cell(lo[i]), cell(hi[i])})
		}
		p.tabs[0].Part = "curves"
		p.tabs = append(p.tabs, t)
	}
	return newFigure("ecdf", o.Meta, p)
}

// steps is the distribution function of sorted values at each of them, with the step's foot before the first.
func steps(sorted []float64, complement bool) (x, y []float64) {
	n := float64(len(sorted))
	x, y = append(x, sorted[0]), append(y, 0)
	for i, v := range sorted {
		if i+1 < len(sorted) && sorted[i+1] == v {
			continue
		}
		x, y = append(x, v), append(y, float64(i+1)/n)
	}
	if complement {
		for i := range y {
			y[i] = 1 - y[i]
		}
	}
	return x, y
}

// envelope is the least and the greatest distribution function of the samples over a common grid.
func envelope(samples []Sample, complement bool) (grid, lo, hi []float64) {
	var sorted [][]float64
	for _, s := range samples {
		if v := finite(s.Values); len(v) > 0 {
			sorted = append(sorted, v)
		}
	}
	a, b := extent(sorted...)
	if math.IsNaN(a) {
		return nil, nil, nil
	}
	const n = 256
	for i := range n {
		x := a + (b-a)*float64(i)/(n-1)
		l, h := math.Inf(1), math.Inf(-1)
		for _, v := range sorted {
			f := float64(sort.Search(len(v), func(j int) bool { return v[j] > x })) / float64(len(v))
			if complement {
				f = 1 - f
			}
			l, h = math.Min(l, f), math.Max(h, f)
		}
		grid, lo, hi = append(grid, x), append(lo, l), append(hi, h)
	}
	return grid, lo, hi
}

// HistogramOptions are the parts of a histogram.
type HistogramOptions struct {
	Meta
	X, Y       Axis
	Samples    []Sample // outlined in the colour of their Hue, or of their Group where no hue is given
	Bins       int      // 0 = by the rule of Freedman and Diaconis (1981), at most 80
	Density    bool     // the area of each is one; else counts
	References []Reference
	Colors     map[string]string
	Legend     Legend
}

// Histogram draws counts in bins of equal width, the same for all samples: a null distribution with the observed value
// as a vertical Reference, say.
func Histogram(o HistogramOptions) (*Figure, error) {
	fail := func(err error) (*Figure, error) { return nil, fmt.Errorf("figure %s: %w", o.Name, err) }
	var g groups
	var all [][]float64
	for _, s := range o.Samples {
		name := s.Hue
		if name == "" {
			name = s.Group
		}
		g.see(s.Group, name)
		all = append(all, finite(s.Values))
	}
	if err := g.paint(o.Colors); err != nil {
		return fail(err)
	}
	lo, hi := extent(all...)
	if math.IsNaN(lo) {
		return fail(fmt.Errorf("Samples hold no finite value: there is nothing to draw"))
	}
	if o.Bins < 0 || o.Bins > 10000 {
		return fail(fmt.Errorf("Bins is %d: use 1 to 10000, or 0 for automatic", o.Bins))
	}
	if lo == hi {
		lo, hi = lo-0.5, hi+0.5
	}
	n := o.Bins
	if n == 0 {
		n = 10
		for _, v := range all {
			w := 2 * (quantile(v, 0.75) - quantile(v, 0.25)) / math.Cbrt(float64(len(v)))
			if w > 0 {
				n = max(n, min(80, int(math.Ceil((hi-lo)/w))))
			}
		}
	}
	width := (hi - lo) / float64(n)
	heights := make([][]float64, len(all))
	ys := []float64{0}
	t := Table{Header: []string{"sample", "from", "to", "height"}}
	for i, v := range all {
		heights[i] = make([]float64, n)
		for _, x := range v {
			heights[i][min(n-1, int((x-lo)/width))]++
		}
		for b := range heights[i] {
			if o.Density {
				heights[i][b] /= float64(len(v)) * width
			}
			t.Rows = append(t.Rows, []string{g.hues[min(i, len(g.hues)-1)], cell(lo + float64(b)*width), cell(lo + float64(b+1)*width), cell(heights[i][b])})
		}
		ys = append(ys, heights[i]...)
	}
	xr, yr, err := checkRefs(o.References)
	if err != nil {
		return fail(err)
	}
	sx, err := scaleOf(o.X, 0, []float64{lo, hi}, xr)
	if err != nil {
		return fail(err)
	}
	if o.Y.Label == "" {
		o.Y.Label = "count"
		if o.Density {
			o.Y.Label = "density"
		}
	}
	sy, err := scaleOf(o.Y, 1, ys, yr)
	if err != nil {
		return fail(err)
	}
	p := &plot{ax: axes{x: sx, y: sy, refs: slices.Clone(o.References), keys: g.legend(o.Legend, 0.72, true)}, wide: SingleColumn, high: 55}
	outline := func(a *axes, h []float64) []point {
		ps := []point{a.at(lo, 0)}
		for b, v := range h {
			ps = append(ps, a.at(lo+float64(b)*width, v), a.at(lo+float64(b+1)*width, v))
		}
		return append(ps, a.at(hi, 0))
	}
	hue := func(i int) int {
		name := o.Samples[i].Hue
		if name == "" {
			name = o.Samples[i].Group
		}
		return g.hue(name)
	}
	p.under = func(k *ink, a *axes, d box) {
		for i, h := range heights {
			c := g.colors[hue(i)]
			ps := outline(a, h)
			for j := range ps {
				ps[j] = clamp(d, ps[j])
			}
			k.fill(alpha(c, 0.28), ps...)
			k.lineIn(d, pen{color: c, width: 0.9}, ps)
		}
	}
	p.busy = func(a *axes, d box) []point {
		var out []point
		for _, h := range heights {
			ps := outline(a, h)
			out = append(out, along(ps)...)
			for _, q := range ps {
				out = append(out, along([]point{q, {q.x, d.y0}})...)
			}
		}
		return out
	}
	for i := range t.Rows {
		t.Rows[i][0] = g.hues[hue(i/n)]
	}
	p.tabs = []Table{t}
	return newFigure("histogram", o.Meta, p)
}
