package figure

import (
	"fmt"
	"image/color"
	"math"
	"slices"
)

// Series is one curve. NaN values are gaps.
type Series struct {
	Name   string
	X, Y   []float64 // same length; in the order of X
	Lo, Hi []float64 // the band around Y, such as a 95 % interval; both nil = none
	Color  string    // "" = from the palette
	Marker Marker
	Dashed bool
	Step   bool // horizontal up to the next x
	NoLine bool // markers only
	// ErrorBars draws Lo and Hi as bars at each point rather than as a band.
	ErrorBars bool
	// Muted draws a thin pale line behind the others and leaves the name out of the legend.
	Muted bool
}

// Published is a curve of numbers that someone else published, drawn with open markers and thin dashes so that it is
// never taken for a result of this program.
type Published struct {
	Name   string // the same as a Series' name: that curve's colour
	X, Y   []float64
	Lo, Hi []float64
	Source string // who published it and where (required); goes to the legend and to the JSON
	Color  string
}

// LinesOptions are the parts of a line plot.
type LinesOptions struct {
	Meta
	X, Y       Axis
	Series     []Series
	Published  []Published
	References []Reference
	Notes      []Note
	Legend     Legend
}

// Lines plots curves with bands or error bars.
func Lines(o LinesOptions) (*Figure, error) {
	p, sources, err := linePlot("line", o.X, o.Y, o.Series, o.Published, o.References, o.Notes, o.Legend)
	if err != nil {
		return nil, fmt.Errorf("figure %s: %w", o.Name, err)
	}
	o.Sources = append(slices.Clone(o.Sources), sources...)
	return newFigure("lines", o.Meta, p)
}

// curve is a checked series on its way to the page.
type curve struct {
	Series
	color     color.NRGBA
	published bool
	source    string
}

func linePlot(part string, ax, ay Axis, series []Series, published []Published, refs []Reference, notes []Note, place Legend) (*plot, []string, error) {
	if len(series)+len(published) == 0 {
		return nil, nil, fmt.Errorf("Series is empty: there is nothing to draw")
	}
	xs, ys, err := checkRefs(refs)
	if err != nil {
		return nil, nil, err
	}
	var curves []curve
	var sources []string
	auto := 0
	colors := map[string]color.NRGBA{}
	add := func(where string, s Series, source string) error {
		if len(s.X) != len(s.Y) || (s.Lo != nil && len(s.Lo) != len(s.X)) || (s.Hi != nil && len(s.Hi) != len(s.X)) || (s.Lo == nil) != (s.Hi == nil) {
			return fmt.Errorf("%s (%q): X has %d values, Y %d, Lo %d, Hi %d: all must be as many, Lo and Hi both or neither", where, s.Name, len(s.X), len(s.Y), len(s.Lo), len(s.Hi))
		}
		c, err := parseColor(s.Color, auto)
		if err != nil {
			return fmt.Errorf("%s (%q): %w", where, s.Name, err)
		}
		if s.Color == "" {
			if old, ok := colors[s.Name]; ok {
				c = old
			} else if !s.Muted {
				auto++
			}
		}
		if _, ok := colors[s.Name]; !ok {
			colors[s.Name] = c
		}
		s.X, s.Y, s.Lo, s.Hi = slices.Clone(s.X), slices.Clone(s.Y), slices.Clone(s.Lo), slices.Clone(s.Hi)
		curves = append(curves, curve{s, c, source != "", source})
		return nil
	}
	for i, s := range series {
		if err := add(fmt.Sprintf("Series[%d]", i), s, ""); err != nil {
			return nil, nil, err
		}
	}
	for i, s := range published {
		where := fmt.Sprintf("Published[%d]", i)
		if s.Source == "" {
			return nil, nil, fmt.Errorf("%s (%q): Source is empty: say who published these numbers", where, s.Name)
		}
		if err := add(where, Series{Name: s.Name, X: s.X, Y: s.Y, Lo: s.Lo, Hi: s.Hi, Color: s.Color, Marker: MarkerCircle, ErrorBars: true}, s.Source); err != nil {
			return nil, nil, err
		}
		if !slices.Contains(sources, s.Source) {
			sources = append(sources, s.Source)
		}
	}
	xr, yr := [][]float64{xs}, [][]float64{ys}
	for _, c := range curves {
		xr, yr = append(xr, c.X), append(yr, c.Y, c.Lo, c.Hi)
	}
	sx, err := scaleOf(ax, 0, xr...)
	if err != nil {
		return nil, nil, err
	}
	// Curves run the whole width: no room is left at the ends of x.
	if ax.Min == 0 && ax.Max == 0 && !ax.Log {
		if lo, hi := extent(xr...); hi > lo {
			pad := 0.015 * (hi - lo)
			sx.lo, sx.hi = lo-pad, hi+pad
		}
	}
	sy, err := scaleOf(ay, 0.35, yr...)
	if err != nil {
		return nil, nil, err
	}
	p := &plot{ax: axes{x: sx, y: sy, refs: slices.Clone(refs), notes: slices.Clone(notes)}, wide: SingleColumn, high: 62}
	p.ax.keys = lineLegend(curves, place, sy)
	p.over = func(k *ink, a *axes, d box) { drawCurves(k, a, d, curves) }
	p.busy = func(a *axes, d box) []point {
		var out []point
		for _, c := range curves {
			out = append(out, along(c.points(a))...)
			for i := range c.Lo {
				out = append(out, a.at(c.X[i], c.Lo[i]), a.at(c.X[i], c.Hi[i]))
			}
		}
		return out
	}
	p.tabs = []Table{curveTable(part, curves)}
	return p, sources, nil
}

// scaleOf is newScale over the extent of values; a logarithmic axis looks at the positive ones only.
func scaleOf(a Axis, zero float64, values ...[]float64) (*scale, error) {
	if a.Log {
		var pos []float64
		for _, vs := range values {
			for _, v := range vs {
				if v > 0 {
					pos = append(pos, v)
				}
			}
		}
		values = [][]float64{pos}
	}
	lo, hi := extent(values...)
	return newScale(a, lo, hi, zero)
}

// points are the page points of the curve, with corners added for steps.
func (c curve) points(a *axes) []point {
	out := make([]point, 0, len(c.X))
	for i := range c.X {
		if c.Step && i > 0 {
			out = append(out, a.at(c.X[i], c.Y[i-1]))
		}
		out = append(out, a.at(c.X[i], c.Y[i]))
	}
	return out
}

func drawCurves(k *ink, a *axes, d box, curves []curve) {
	for _, c := range curves {
		if c.Lo != nil && !c.ErrorBars {
			drawBand(k, a, d, c)
		}
	}
	for _, muted := range []bool{true, false} {
		for _, c := range curves {
			if c.Muted == muted {
				drawCurve(k, a, d, c)
			}
		}
	}
}

// drawBand fills between Lo and Hi, one polygon for each stretch without a NaN.
func drawBand(k *ink, a *axes, d box, c curve) {
	var up, down []point
	flush := func() {
		slices.Reverse(down)
		k.fill(alpha(c.color, 0.18), append(up, down...)...)
		up, down = nil, nil
	}
	for i := range c.X {
		lo, hi := a.at(c.X[i], c.Lo[i]), a.at(c.X[i], c.Hi[i])
		if math.IsNaN(lo.x+lo.y+hi.y) || lo.x < d.x0-0.5 || lo.x > d.x1+0.5 {
			flush()
			continue
		}
		if c.Step && len(up) > 0 {
			up = append(up, point{hi.x, up[len(up)-1].y})
			down = append(down, point{lo.x, down[len(down)-1].y})
		}
		up, down = append(up, clamp(d, hi)), append(down, clamp(d, lo))
	}
	flush()
}

func drawCurve(k *ink, a *axes, d box, c curve) {
	ps := c.points(a)
	p := pen{color: c.color, width: 1.3}
	switch {
	case c.published:
		p.width, p.dash = 0.7, []float64{2, 1.6}
	case c.Muted:
		p = pen{color: alpha(c.color, 0.35), width: 0.6}
	case c.Dashed:
		p.dash = []float64{4, 2}
	}
	if !c.NoLine {
		k.lineIn(d, p, ps)
	}
	if c.Lo != nil && c.ErrorBars {
		for i := range c.X {
			k.lineIn(d, pen{color: c.color, width: 0.7}, []point{a.at(c.X[i], c.Lo[i]), a.at(c.X[i], c.Hi[i])})
		}
	}
	r := 2.1
	if c.published {
		r = 1.5
	}
	grown := box{d.x0 - 0.5, d.y0 - 0.5, d.x1 + 0.5, d.y1 + 0.5}
	for i := range c.X {
		q := a.at(c.X[i], c.Y[i])
		if q.x >= grown.x0 && q.x <= grown.x1 && q.y >= grown.y0 && q.y <= grown.y1 {
			k.marker(c.Marker, q, r, c.color, c.published)
		}
	}
}

// lineLegend chooses between names at the curves' ends and names above the plot.
func lineLegend(curves []curve, place Legend, y *scale) legend {
	l := legend{place: place}
	if place == LegendNone {
		return l
	}
	var named []key
	for _, c := range curves {
		if c.Muted || c.Name == "" && !c.published {
			continue
		}
		e := key{label: c.Name, color: c.color, line: !c.NoLine, marker: c.Marker, at: math.NaN()}
		if c.Dashed {
			e.dash = []float64{4, 2}
		}
		for i := range c.Y {
			if !math.IsNaN(c.Y[i]) {
				e.at = c.Y[i]
			}
		}
		if c.published {
			e.dash, e.open, e.thin = []float64{2, 1.6}, true, true
			e.label = publishedLabel(c.Name, c.source)
			l.keys = append(l.keys, e)
			continue
		}
		named = append(named, e)
	}
	direct := place == LegendDirect
	if place == LegendAuto && len(named) > 1 && len(named) <= 6 {
		// Direct if no name would have to move by more than about a line to find its place, on a plot 45 mm high.
		at := make([]float64, len(named))
		s := *y
		s.a, s.b = 0, points(45)
		direct = true
		for i, e := range named {
			at[i] = s.at(e.at)
			direct = direct && !math.IsNaN(at[i])
			n, _ := textSize(e.label, keyStyle())
			direct = direct && n < 70
		}
		moved := slices.Clone(at)
		spread(moved, sizeTick*1.15)
		for i := range at {
			direct = direct && math.Abs(moved[i]-at[i]) < 5
		}
	}
	if direct {
		l.direct = named
		return l
	}
	if len(named) > 1 || len(l.keys) > 0 || place != LegendAuto {
		l.keys = append(named, l.keys...)
	}
	return l
}

func publishedLabel(name, source string) string {
	if name == "" {
		return "published: " + source
	}
	return name + ", published: " + source
}

func curveTable(part string, curves []curve) Table {
	t := Table{Header: []string{"series", "source", "x", "y", "lo", "hi"}}
	if part != "line" {
		t.Part = part
	}
	for _, c := range curves {
		for i := range c.X {
			lo, hi := math.NaN(), math.NaN()
			if c.Lo != nil {
				lo, hi = c.Lo[i], c.Hi[i]
			}
			t.Rows = append(t.Rows, []string{c.Name, c.source, cell(c.X[i]), cell(c.Y[i]), cell(lo), cell(hi)})
		}
	}
	return t
}
