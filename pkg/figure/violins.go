package figure

import (
	"fmt"
	"image/color"
	"math"
	"slices"
)

// NullBand is what chance gives for a group: the range of values and their middle.
type NullBand struct {
	Group       string
	Lo, Mid, Hi float64
}

// ViolinsOptions are the parts of a violin plot.
type ViolinsOptions struct {
	Meta
	X, Y       Axis
	Samples    []Sample
	Null       []NullBand // drawn as a gray band behind each group
	NullLabel  string     // what the band is: "95 % of shuffles"
	References []Reference
	Colors     map[string]string // hue -> colour
	Legend     Legend
}

// Violins draws the distribution of every group as a Gaussian kernel density (Silverman's width) between the least and
// the greatest value, with quartiles as a bar and the median as a dot. Two hues share a violin, a half each; more
// stand side by side. All violins have the same greatest width.
func Violins(o ViolinsOptions) (*Figure, error) {
	fail := func(err error) (*Figure, error) { return nil, fmt.Errorf("figure %s: %w", o.Name, err) }
	var g groups
	var ys [][]float64
	type violin struct {
		Sample
		sorted []float64
	}
	var vs []violin
	for _, s := range o.Samples {
		g.see(s.Group, s.Hue)
		v := violin{s, finite(s.Values)}
		ys = append(ys, v.sorted)
		vs = append(vs, v)
	}
	if len(g.names) == 0 {
		return fail(fmt.Errorf("Samples is empty: there is nothing to draw"))
	}
	nulls := slices.Clone(o.Null)
	for i, n := range nulls {
		if g.group(n.Group) < 0 {
			return fail(fmt.Errorf("Null[%d]: group %q has no sample; groups are %q", i, n.Group, g.names))
		}
		ys = append(ys, []float64{n.Lo, n.Hi})
	}
	if err := g.paint(o.Colors); err != nil {
		return fail(err)
	}
	_, refs, err := checkRefs(o.References)
	if err != nil {
		return fail(err)
	}
	sy, err := scaleOf(o.Y, 0.35, append(ys, refs)...)
	if err != nil {
		return fail(err)
	}
	wide := wideFor(len(g.names))
	if len(g.hues) > 2 {
		wide = wideFor(len(g.names) * len(g.hues))
	}
	p := &plot{ax: axes{x: newNames(o.X, g.names), y: sy, refs: slices.Clone(o.References), keys: g.legend(o.Legend, 0.5, true)}, wide: wide, high: 62}
	if len(nulls) > 0 && o.NullLabel != "" && o.Legend != LegendNone {
		p.ax.keys.keys = append(p.ax.keys.keys, key{label: o.NullLabel, color: light, patch: true})
	}
	p.under = func(k *ink, a *axes, d box) {
		for _, n := range nulls {
			c := float64(g.group(n.Group))
			lo, hi := a.at(c-0.47, n.Lo), a.at(c+0.47, n.Hi)
			k.fillBox(light, box{lo.x, math.Max(lo.y, d.y0), hi.x, math.Min(hi.y, d.y1)})
			k.lineIn(d, pen{color: soft, width: 0.6}, []point{a.at(c-0.47, n.Mid), a.at(c+0.47, n.Mid)})
		}
	}
	p.over = func(k *ink, a *axes, d box) {
		for _, v := range vs {
			side, c, half := 0.0, float64(g.group(v.Group)), 0.42
			switch len(g.hues) {
			case 1:
			case 2:
				side = float64(g.hue(v.Hue)*2 - 1)
			default:
				c, half = g.slot(v.Group, v.Hue)
			}
			drawViolin(k, a, d, c, half, side, v.sorted, g.colors[g.hue(v.Hue)])
		}
	}
	p.busy = func(a *axes, d box) []point {
		var out []point
		for _, v := range vs {
			n := len(v.sorted)
			if n == 0 {
				continue
			}
			c, half := float64(g.group(v.Group)), 0.42
			if len(g.hues) > 2 {
				c, half = g.slot(v.Group, v.Hue)
			}
			for _, x := range []float64{c - half/2, c, c + half/2} {
				out = append(out, along([]point{a.at(x, v.sorted[0]), a.at(x, v.sorted[n-1])})...)
			}
		}
		return out
	}
	p.tabs = []Table{sampleTable("", o.Samples)}
	if len(nulls) > 0 {
		p.tabs[0].Part = "values"
		t := Table{Part: "null", Header: []string{"group", "lo", "mid", "hi"}}
		for _, n := range nulls {
			t.Rows = append(t.Rows, []string{n.Group, cell(n.Lo), cell(n.Mid), cell(n.Hi)})
		}
		p.tabs = append(p.tabs, t)
	}
	return newFigure("violins", o.Meta, p)
}

// drawViolin draws a density. side is 0 for both sides, -1 for the left, 1 for the right.
func drawViolin(k *ink, a *axes, d box, c, half, side float64, v []float64, col color.NRGBA) {
	n := len(v)
	if n == 0 {
		return
	}
	const steps = 80
	// Steps are even on the page, so that a logarithmic axis is as smooth as another; the density is that of the
	// values as the axis shows them.
	at := func(x float64) float64 {
		if a.y.Log {
			return math.Log(x)
		}
		return x
	}
	var u []float64
	for _, x := range v {
		if t := at(x); !math.IsNaN(t) && !math.IsInf(t, 0) {
			u = append(u, t)
		}
	}
	if len(u) == 0 {
		return
	}
	lo, hi := u[0], u[len(u)-1]
	grid := make([]float64, steps+1)
	for i := range grid {
		grid[i] = lo + (hi-lo)*float64(i)/steps
	}
	den := density(u, grid)
	peak := slices.Max(den)
	back := func(t float64) float64 {
		if a.y.Log {
			return math.Exp(t)
		}
		return t
	}
	var left, right []point
	if peak > 0 {
		for i, t := range grid {
			w := half * den[i] / peak
			l, r := w, w
			if side > 0 {
				l = 0
			}
			if side < 0 {
				r = 0
			}
			left = append(left, clamp(d, a.at(c-l, back(t))))
			right = append(right, clamp(d, a.at(c+r, back(t))))
		}
		slices.Reverse(right)
		shape := append(left, right...)
		k.fill(tint(col, 0.5), shape...)
		k.outline(pen{color: shade(col, 0.1), width: 0.5}, shape...)
	}
	// A half violin carries its summary just inside its own half.
	x := a.x.at(c) + side*2.2
	y := func(q float64) float64 { return clamp(d, a.at(c, back(quantile(u, q)))).y }
	k.line(pen{color: shade(col, 0.45), width: 2}, point{x, y(0.25)}, point{x, y(0.75)})
	k.marker(MarkerCircle, point{x, y(0.5)}, 1.4, shade(col, 0.45), true)
}
