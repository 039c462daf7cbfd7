package figure

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"sort"
)

// PointSet is a cloud of points of one kind.
type PointSet struct {
	Name   string
	X, Y   []float64
	Size   []float64 // relative area of each symbol; nil = all alike
	Value  []float64 // coloured through the colour map; nil = Color
	Labels []string  // written beside the points; nil or "" = none
	Color  string
	Marker Marker  // MarkerNone = circle
	Radius float64 // points (1/72 inch); 0 = 1.6
	Alpha  float64 // opacity; 0 = 0.8
}

// ScatterOptions are the parts of a scatter plot.
type ScatterOptions struct {
	Meta
	X, Y       Axis
	Points     []PointSet
	ColorMap   ColorMap // for Value
	Center     *float64
	ColorBar   string // what Value is
	Equal      bool   // one unit of x is as long as one of y
	Identity   bool   // draws y = x
	References []Reference
	Notes      []Note
	Legend     Legend
}

// rasterPoints is how many symbols a vector file holds as vectors: beyond it they become pixels at print resolution
// (a symbol is 130 bytes of SVG).
const rasterPoints = 2000

type cloud struct {
	PointSet
	color color.NRGBA
}

// Scatter plots points, with size and colour as further dimensions.
func Scatter(o ScatterOptions) (*Figure, error) {
	fail := func(err error) (*Figure, error) { return nil, fmt.Errorf("figure %s: %w", o.Name, err) }
	if len(o.Points) == 0 {
		return fail(fmt.Errorf("Points is empty: there is nothing to draw"))
	}
	xs, ys, err := checkRefs(o.References)
	if err != nil {
		return fail(err)
	}
	xr, yr := [][]float64{xs}, [][]float64{ys}
	var values []float64
	var clouds []cloud
	valued, total := false, 0
	for i, s := range o.Points {
		n := len(s.X)
		if len(s.Y) != n || (s.Size != nil && len(s.Size) != n) || (s.Value != nil && len(s.Value) != n) || (s.Labels != nil && len(s.Labels) != n) {
			return fail(fmt.Errorf("Points[%d] (%q): X has %d values, Y %d, Size %d, Value %d, Labels %d: all that are given must be as many", i, s.Name, n, len(s.Y), len(s.Size), len(s.Value), len(s.Labels)))
		}
		c, err := parseColor(s.Color, i)
		if err != nil {
			return fail(fmt.Errorf("Points[%d] (%q): %w", i, s.Name, err))
		}
		s.X, s.Y, s.Size, s.Value, s.Labels = slices.Clone(s.X), slices.Clone(s.Y), slices.Clone(s.Size), slices.Clone(s.Value), slices.Clone(s.Labels)
		if s.Marker == MarkerNone {
			s.Marker = MarkerCircle
		}
		if s.Radius == 0 {
			s.Radius = 1.6
		}
		if s.Alpha == 0 {
			s.Alpha = 0.8
		}
		total += n
		valued = valued || s.Value != nil
		values = append(values, s.Value...)
		xr, yr = append(xr, s.X), append(yr, s.Y)
		clouds = append(clouds, cloud{s, c})
	}
	sx, err := scaleOf(o.X, 0, xr...)
	if err != nil {
		return fail(err)
	}
	sy, err := scaleOf(o.Y, 0, yr...)
	if err != nil {
		return fail(err)
	}
	l := legend{place: o.Legend}
	if len(clouds) > 1 && o.Legend != LegendNone {
		for _, c := range clouds {
			if c.Name != "" {
				l.keys = append(l.keys, key{label: c.Name, color: c.color, marker: c.Marker})
			}
		}
	}
	n := newNorm(values, 0, 0, o.Center)
	p := &plot{ax: axes{x: sx, y: sy, refs: slices.Clone(o.References), notes: slices.Clone(o.Notes), keys: l, equal: o.Equal}, wide: SingleColumn, high: 70}
	if valued {
		p.ax.extra.right = 10 + barThick + tickLength + tickGap + barLabels(n, 80)
		if o.ColorBar != "" {
			p.ax.extra.right += sizeLabel * lineHeight
		}
		p.ax.keys.shift = p.ax.extra.right
	}
	p.under = func(k *ink, a *axes, d box) {
		if o.Identity {
			k.lineIn(d, pen{color: soft, width: 0.6, dash: []float64{3, 2}}, diagonal(a))
		}
	}
	p.over = func(k *ink, a *axes, d box) {
		all := func(k *ink) {
			for _, c := range clouds {
				drawCloud(k, a, d, c, n, o.ColorMap)
			}
		}
		if total > rasterPoints {
			k.raster(box{d.x0 - 4, d.y0 - 4, d.x1 + 4, d.y1 + 4}, all)
		} else {
			all(k)
		}
		for _, c := range clouds {
			for i, s := range c.Labels {
				if q := a.at(c.X[i], c.Y[i]); s != "" && q.x >= d.x0 && q.x <= d.x1 && q.y >= d.y0 && q.y <= d.y1 {
					k.text(point{q.x + c.Radius + 2, q.y}, s, textStyle{size: sizeSmall, color: dark, v: middle})
				}
			}
		}
		if valued {
			b := box{d.x1 + 8, d.y0, d.x1 + 8 + barThick, d.y1}
			if over := b.h() - points(45); over > 0 {
				b.y0 += over
			}
			verticalBar(k, b, n, o.ColorMap, o.ColorBar)
		}
	}
	p.busy = func(a *axes, d box) []point {
		var out []point
		for _, c := range clouds {
			for i := range c.X {
				out = append(out, a.at(c.X[i], c.Y[i]))
			}
		}
		return out
	}
	t := Table{Header: []string{"set", "x", "y", "size", "value", "label"}}
	for _, c := range clouds {
		for i := range c.X {
			row := []string{c.Name, cell(c.X[i]), cell(c.Y[i]), "", "", ""}
			if c.Size != nil {
				row[3] = cell(c.Size[i])
			}
			if c.Value != nil {
				row[4] = cell(c.Value[i])
			}
			if c.Labels != nil {
				row[5] = c.Labels[i]
			}
			t.Rows = append(t.Rows, row)
		}
	}
	p.tabs = []Table{t}
	return newFigure("scatter", o.Meta, p)
}

// diagonal is the line y = x over the part of the axes where both have it, finely cut so that it is right on
// logarithmic axes too.
func diagonal(a *axes) []point {
	lo, hi := math.Max(a.x.lo, a.y.lo), math.Min(a.x.hi, a.y.hi)
	if !(hi > lo) {
		return nil
	}
	var out []point
	for i := range 65 {
		v := lo + (hi-lo)*float64(i)/64
		out = append(out, a.at(v, v))
	}
	return out
}

func drawCloud(k *ink, a *axes, d box, c cloud, n norm, m ColorMap) {
	order := make([]int, len(c.X))
	for i := range order {
		order[i] = i
	}
	if c.Size != nil {
		// Large symbols first, so that small ones lie on top.
		sort.SliceStable(order, func(i, j int) bool { return c.Size[order[i]] > c.Size[order[j]] })
	}
	_, most := extent(c.Size)
	for _, i := range order {
		q := a.at(c.X[i], c.Y[i])
		if !(q.x >= d.x0-0.5 && q.x <= d.x1+0.5 && q.y >= d.y0-0.5 && q.y <= d.y1+0.5) {
			continue
		}
		r, col := c.Radius, c.color
		if c.Size != nil {
			r *= 2 * math.Sqrt(math.Max(c.Size[i], 0)/most)
		}
		if c.Value != nil {
			col = m.At(n.at(c.Value[i]))
		}
		if r > 0 && !math.IsNaN(r) {
			k.marker(c.Marker, q, r, alpha(col, c.Alpha), false)
		}
	}
}
