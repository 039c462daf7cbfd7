package figure

import (
	"fmt"
	"math"
	"slices"
)

// Bar is one bar: a value and its interval. Lo and Hi both 0 mean that there is no interval.
type Bar struct {
	Group, Hue    string
	Value, Lo, Hi float64
}

func (b Bar) interval() bool { return b.Lo != 0 || b.Hi != 0 }

// BarsOptions are the parts of a bar plot.
type BarsOptions struct {
	Meta
	X, Y       Axis // of the page: with Horizontal, values run along X and Y holds the groups
	Bars       []Bar
	Published  []Bar  // drawn as open diamonds beside our bars
	Source     string // who published them (required with Published)
	References []Reference
	Print      int // decimals of the numbers at the bars' ends; 0 = no numbers. On a percent axis two are moved before the point
	Horizontal bool
	Colors     map[string]string // hue -> colour
	Legend     Legend
}

// Bars draws bars from zero by group and hue, with intervals as thin lines.
func Bars(o BarsOptions) (*Figure, error) {
	fail := func(err error) (*Figure, error) { return nil, fmt.Errorf("figure %s: %w", o.Name, err) }
	var g groups
	ys := []float64{0}
	for _, list := range [][]Bar{o.Bars, o.Published} {
		for _, b := range list {
			g.see(b.Group, b.Hue)
			ys = append(ys, b.Value)
			if b.interval() {
				ys = append(ys, b.Lo, b.Hi)
			}
		}
	}
	if len(g.names) == 0 {
		return fail(fmt.Errorf("Bars is empty: there is nothing to draw"))
	}
	if len(o.Published) > 0 && o.Source == "" {
		return fail(fmt.Errorf("Published without Source: say who published these numbers"))
	}
	if err := g.paint(o.Colors); err != nil {
		return fail(err)
	}
	xr, yr, err := checkRefs(o.References)
	if err != nil {
		return fail(err)
	}
	value, names := o.Y, o.X
	if o.Horizontal {
		value, names = o.X, o.Y
		yr = xr
		names.Reverse = !names.Reverse // the first group on top
	}
	if value.Log {
		return fail(fmt.Errorf("a logarithmic axis has no zero for bars to begin at: use Scatter or Lines with NoLine"))
	}
	sv, err := scaleOf(value, 1, ys, yr)
	if err != nil {
		return fail(err)
	}
	sn := newNames(names, g.names)
	p := &plot{ax: axes{x: sn, y: sv, refs: slices.Clone(o.References), keys: g.legend(o.Legend, 0.25, false)}, wide: wideFor(len(g.names) * len(g.hues)), high: 58}
	if o.Horizontal {
		p.ax.x, p.ax.y = sv, sn
		p.wide = SingleColumn
		p.high = 14 + math.Max(5, 4*float64(len(g.hues)))*float64(len(g.names))
	}
	if len(o.Published) > 0 {
		p.ax.keys.keys = append(p.ax.keys.keys, key{label: "published: " + o.Source, color: dark, marker: MarkerDiamond, open: true})
		o.Sources = append(slices.Clone(o.Sources), o.Source)
	}
	at := func(a *axes, slot, v float64) point {
		if o.Horizontal {
			return a.at(v, slot)
		}
		return a.at(slot, v)
	}
	bars := slices.Clone(o.Bars)
	p.over = func(k *ink, a *axes, d box) {
		for _, b := range bars {
			c, half := g.slot(b.Group, b.Hue)
			col := g.colors[g.hue(b.Hue)]
			p0, p1 := clamp(d, at(a, c-half, 0)), clamp(d, at(a, c+half, b.Value))
			k.fillBox(tint(col, 0.25), box{math.Min(p0.x, p1.x), math.Min(p0.y, p1.y), math.Max(p0.x, p1.x), math.Max(p0.y, p1.y)})
			tip := b.Value
			if b.interval() {
				k.lineIn(d, pen{color: dark, width: 0.8}, []point{at(a, c, b.Lo), at(a, c, b.Hi)})
				tip = b.Hi
				if b.Value < 0 {
					tip = b.Lo
				}
			}
			if o.Print > 0 && !math.IsNaN(b.Value) {
				q := at(a, c, tip)
				s := textStyle{size: sizeSmall, color: dark, h: middle, v: start}
				switch {
				case o.Horizontal:
					s.h, s.v = start, middle
					q.x += 2.5
				case b.Value < 0:
					s.v = end
					q.y -= 2.5
				default:
					q.y += 2.5
				}
				label := decimal(b.Value, o.Print)
				if value.Percent {
					label = decimal(100*b.Value, max(0, o.Print-2))
				}
				w, h := textSize(label, s)
				back := box{q.x - w/2 - 1, q.y - 1, q.x + w/2 + 1, q.y + h + 1}
				switch {
				case o.Horizontal:
					back = box{q.x - 1, q.y - h/2 - 1, q.x + w + 1, q.y + h/2 + 1}
				case b.Value < 0:
					back.y0, back.y1 = q.y-h-1, q.y+1
				}
				k.fillBox(alpha(white, 0.8), back) // keeps reference lines out of the digits
				k.text(q, label, s)
			}
		}
		for _, b := range o.Published {
			c, half := g.slot(b.Group, b.Hue)
			if b.interval() {
				k.lineIn(d, pen{color: dark, width: 0.6, dash: []float64{2, 1.6}}, []point{at(a, c+half*0.5, b.Lo), at(a, c+half*0.5, b.Hi)})
			}
			k.marker(MarkerDiamond, at(a, c+half*0.5, b.Value), 2, dark, true)
		}
		if sv.lo < 0 {
			k.lineIn(d, pen{color: dark, width: 0.5}, []point{at(a, sn.lo, 0), at(a, sn.hi, 0)})
		}
	}
	p.busy = func(a *axes, d box) []point {
		var out []point
		for _, b := range bars {
			c, half := g.slot(b.Group, b.Hue)
			for _, x := range []float64{c - half, c, c + half} {
				out = append(out, along([]point{at(a, x, 0), at(a, x, math.Max(b.Value, b.Hi))})...)
			}
		}
		return out
	}
	t := Table{Header: []string{"group", "hue", "source", "value", "lo", "hi"}}
	for i, list := range [][]Bar{o.Bars, o.Published} {
		src := ""
		if i == 1 {
			src = o.Source
		}
		for _, b := range list {
			lo, hi := math.NaN(), math.NaN()
			if b.interval() {
				lo, hi = b.Lo, b.Hi
			}
			t.Rows = append(t.Rows, []string{b.Group, b.Hue, src, cell(b.Value), cell(lo), cell(hi)})
		}
	}
	p.tabs = []Table{t}
	return newFigure("bars", o.Meta, p)
}
