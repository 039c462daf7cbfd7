package figure

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Map is one small map of a gallery.
type Map struct {
	Values []float64 // row-major, row 0 on top; NaN (never visited) is gray
	Cols   int
	Title  string // above the map; "\n" begins a second line
}

// MapTitle is the usual title of a rate map in two lines: its name, then its score and the least and greatest value.
func MapTitle(name string, score float64, values []float64) string {
	lo, hi := extent(values)
	return name + "\n" + short(score) + " [" + short(lo) + ", " + short(hi) + "]"
}

// Scale says which maps share a range of colours.
type Scale int

// The sharings of a colour range.
const (
	PerPanel Scale = iota // each map from its own least to its greatest value
	PerRow
	Shared
)

// HeatmapsOptions are the parts of a gallery of maps.
type HeatmapsOptions struct {
	Meta
	Maps      [][]Map // rows of panels; rows may differ in length
	RowLabels []string
	ColLabels []string
	ColorMap  ColorMap
	Scale     Scale
	// Center is the value in the middle of the colour map; the range is then symmetric about it. Nil: the middle of
	// the range, as the first document draws its maps.
	Center     *float64
	Min, Max   float64 // a fixed range for all; both 0 = from the data
	ColorBar   string  // what the colours mean
	NoColorBar bool
	FlipY      bool // row 0 at the bottom
}

// gallery is the content of Heatmaps.
type gallery struct {
	o     HeatmapsOptions
	cols  int
	norms [][]norm
	lines int // of the longest title
}

// Heatmaps draws rows of small maps, each with its title.
func Heatmaps(o HeatmapsOptions) (*Figure, error) {
	g := &gallery{o: o}
	g.o.Maps = nil
	for r, row := range o.Maps {
		var rowValues []float64
		g.o.Maps = append(g.o.Maps, slices.Clone(row))
		for c := range row {
			m := &g.o.Maps[r][c]
			if m.Cols <= 0 || len(m.Values) == 0 || len(m.Values)%m.Cols != 0 {
				return nil, fmt.Errorf("figure %s: Maps[%d][%d] has %d values in %d columns: the values must be whole rows", o.Name, r, c, len(m.Values), m.Cols)
			}
			m.Values = slices.Clone(m.Values)
			rowValues = append(rowValues, m.Values...)
			if m.Title != "" {
				g.lines = max(g.lines, 1+strings.Count(m.Title, "\n"))
			}
		}
		g.cols = max(g.cols, len(row))
	}
	if g.cols == 0 {
		return nil, fmt.Errorf("figure %s: Maps is empty: there is nothing to draw", o.Name)
	}
	if o.Min > o.Max {
		return nil, fmt.Errorf("figure %s: Min %g is above Max %g", o.Name, o.Min, o.Max)
	}
	g.setNorms()
	f, err := newFigure("heatmaps", o.Meta, g)
	return f, err
}

func (g *gallery) setNorms() {
	var all []float64
	for _, row := range g.o.Maps {
		for _, m := range row {
			all = append(all, m.Values...)
		}
	}
	for _, row := range g.o.Maps {
		var vs []float64
		for _, m := range row {
			vs = append(vs, m.Values...)
		}
		var ns []norm
		for _, m := range row {
			use := m.Values
			switch g.o.Scale {
			case PerRow:
				use = vs
			case Shared:
				use = all
			}
			ns = append(ns, newNorm(use, g.o.Min, g.o.Max, g.o.Center))
		}
		g.norms = append(g.norms, ns)
	}
}

func (g *gallery) width() float64 {
	switch {
	case g.cols <= 2:
		return SingleColumn * float64(g.cols) / 2
	case g.cols <= 4:
		return SingleColumn
	case g.cols <= 6:
		return MiddleColumn
	}
	return DoubleColumn
}

const (
	panelGapX = 7.0
	panelGapY = 6.0
)

// layout is the geometry at a width: side margins, the width of a panel, the height of each row's panels.
type layout struct {
	left, right, top, bottom, panel float64
	rows                            []float64
	title                           float64
}

func (g *gallery) titleStyle() textStyle {
	return textStyle{size: sizeSmall, color: dark, h: middle}
}

func (g *gallery) layout(w float64) layout {
	var l layout
	if len(g.o.RowLabels) > 0 {
		l.left = sizeLabel*lineHeight + 4
	}
	if len(g.o.ColLabels) > 0 {
		l.top = sizeLabel*lineHeight + 2
	}
	l.title = float64(g.lines) * sizeSmall * lineHeight
	if g.lines > 0 {
		l.title += 1
	}
	if !g.o.NoColorBar {
		switch {
		case g.common():
			l.bottom = 26 // one bar below, with ticks
		case g.o.Scale == PerPanel:
			l.bottom = 20 // one bar below, from min to max
		default:
			l.right = g.barWidth()
		}
	}
	l.panel = (w - l.left - l.right - float64(g.cols-1)*panelGapX) / float64(g.cols)
	for _, row := range g.o.Maps {
		h := 0.0
		for _, m := range row {
			h = math.Max(h, l.panel*float64(len(m.Values)/m.Cols)/float64(m.Cols))
		}
		l.rows = append(l.rows, h)
	}
	return l
}

// common reports whether all panels have one range of colours.
func (g *gallery) common() bool { return g.o.Scale == Shared || g.o.Min != 0 || g.o.Max != 0 }

// barWidth is the room for vertical colour bars on the right with the widest of their labels.
func (g *gallery) barWidth() float64 {
	w := 0.0
	for _, ns := range g.norms {
		if len(ns) > 0 {
			w = math.Max(w, barLabels(ns[0], 60))
		}
	}
	w += 6 + barThick + tickLength + tickGap
	if g.o.ColorBar != "" {
		w += barGap + sizeLabel*lineHeight
	}
	return w
}

func (g *gallery) height(w float64) float64 {
	l := g.layout(w)
	return l.top + l.bottom + stacked(l.rows, l.title, panelGapY)
}

func (g *gallery) measure(w, h float64) (margins, bool) { return margins{}, false }

func (g *gallery) room(w, h float64) float64 { return g.layout(w).panel }

// stacked is the height of rows of pictures, each below its title, with gaps between.
func stacked(rows []float64, title, gap float64) float64 {
	h := 0.0
	for i, r := range rows {
		h += title + r
		if i > 0 {
			h += gap
		}
	}
	return h
}

// shrinkage is the share of their heights that rows of pictures keep where the height that is had is less than what is
// wanted; the pictures stay centred in their columns.
func shrinkage(rows []float64, want, had float64) float64 {
	if want <= had+0.5 {
		return 1
	}
	sum := 0.0
	for _, r := range rows {
		sum += r
	}
	return math.Max(0.05, (had-want+sum)/sum)
}

func (g *gallery) draw(k *ink, r box, _ margins) {
	l := g.layout(r.w())
	shrink := shrinkage(l.rows, g.height(r.w()), r.h())
	for c, s := range g.o.ColLabels {
		if c < g.cols {
			x := r.x0 + l.left + (float64(c)+0.5)*l.panel + float64(c)*panelGapX
			k.text(point{x, r.y1}, s, textStyle{size: sizeLabel, color: dark, h: middle, v: end})
		}
	}
	y := r.y1 - l.top
	for i, row := range g.o.Maps {
		if i > 0 {
			y -= panelGapY
		}
		y -= l.title
		h := l.rows[i] * shrink
		var last box
		for c, m := range row {
			x := r.x0 + l.left + float64(c)*(l.panel+panelGapX)
			rows := float64(len(m.Values) / m.Cols)
			pw := math.Min(l.panel*shrink, h*float64(m.Cols)/rows)
			ph := pw * rows / float64(m.Cols)
			b := box{x + (l.panel-pw)/2, y - ph, x + (l.panel+pw)/2, y}
			k.picture(b, mapImage(m.Values, m.Cols, g.norms[i][c], g.o.ColorMap, g.o.FlipY), false)
			k.outlineBox(pen{color: soft, width: 0.35}, b)
			if m.Title != "" {
				n := float64(strings.Count(m.Title, "\n"))
				s := g.titleStyle()
				for j, line := range strings.Split(m.Title, "\n") {
					k.text(point{x + l.panel/2, y + 2.5 + (n-float64(j))*sizeSmall*lineHeight}, shorten(line, l.panel+panelGapX-1, s), s)
				}
			}
			last = b
		}
		if i < len(g.o.RowLabels) {
			k.text(point{r.x0, y - h/2}, g.o.RowLabels[i], textStyle{size: sizeLabel, color: dark, h: middle, v: end, rot: 90})
		}
		if l.right > 0 && len(row) > 0 {
			verticalBar(k, box{r.x1 - l.right + 6, last.y0, r.x1 - l.right + 6 + barThick, last.y1}, g.norms[i][0], g.o.ColorMap, g.o.ColorBar)
		}
		y -= h
	}
	switch {
	case l.bottom > 0 && g.common():
		g.sharedBar(k, box{r.x0 + l.left, r.y0, r.x1, y})
	case l.bottom > 0:
		g.minMaxBar(k, box{r.x0 + l.left, r.y0, r.x1, y})
	}
}

// minMaxBar is the colour bar of maps with ranges of their own: it can only say "min" and "max".
func (g *gallery) minMaxBar(k *ink, r box) {
	w := math.Min(r.w()*0.4, 70)
	cx := (r.x0 + r.x1) / 2
	y := r.y1 - 13
	b := box{cx - w/2, y, cx + w/2, y + 5}
	k.picture(b, ramp(g.o.ColorMap, true), true)
	k.outlineBox(pen{color: soft, width: 0.35}, b)
	s := tickStyle(end, middle)
	k.text(point{b.x0 - 4, y + 2.5}, "min", s)
	s.h = start
	label := "max"
	if g.o.ColorBar != "" {
		label += "   " + g.o.ColorBar
	}
	k.text(point{b.x1 + 4, y + 2.5}, label, s)
}

// sharedBar is the colour bar of maps with one range, below them.
func (g *gallery) sharedBar(k *ink, r box) {
	w := math.Min(r.w()*0.5, 120)
	cx := (r.x0 + r.x1) / 2
	y := r.y1 - 13
	b := box{cx - w/2, y, cx + w/2, y + 5}
	k.picture(b, ramp(g.o.ColorMap, true), true)
	k.outlineBox(pen{color: soft, width: 0.35}, b)
	var n norm
	for _, ns := range g.norms {
		for _, v := range ns {
			n = v
		}
	}
	s := &scale{lo: n.lo, hi: n.hi, a: b.x0, b: b.x1}
	for _, t := range linearTicks(n.lo, n.hi, math.Max(3, w/roomX), false) {
		x := s.at(t.Value)
		k.line(pen{color: dark, width: axisWidth}, point{x, b.y0}, point{x, b.y0 - tickLength*0.7})
		k.text(point{x, b.y0 - tickLength - 1}, t.Label, tickStyle(middle, end))
	}
	k.text(point{b.x1 + 7, y + 2.5}, shorten(g.o.ColorBar, r.x1-b.x1-7, tickStyle(start, middle)), tickStyle(start, middle))
}

const (
	barThick = 6.0
	barGap   = 2.0 // between the tick labels of a vertical bar and its own label
)

// barLabels is the width of the widest label of a vertical bar of that height.
func barLabels(n norm, h float64) float64 {
	w := 0.0
	for _, t := range linearTicks(n.lo, n.hi, math.Max(2, math.Min(5, h/roomY)), false) {
		v, _ := textSize(t.Label, tickStyle(start, middle))
		w = math.Max(w, v)
	}
	return w
}

// verticalBar draws a colour bar in b with ticks and a label on its right.
func verticalBar(k *ink, b box, n norm, m ColorMap, label string) {
	k.picture(b, ramp(m, false), true)
	k.outlineBox(pen{color: soft, width: 0.35}, b)
	s := &scale{lo: n.lo, hi: n.hi, a: b.y0, b: b.y1}
	w := 0.0
	for _, t := range linearTicks(n.lo, n.hi, math.Max(2, math.Min(5, b.h()/roomY)), false) {
		y := s.at(t.Value)
		k.line(pen{color: dark, width: axisWidth}, point{b.x1, y}, point{b.x1 + tickLength*0.7, y})
		k.text(point{b.x1 + tickLength + 1, y}, t.Label, tickStyle(start, middle))
		v, _ := textSize(t.Label, tickStyle(start, middle))
		w = math.Max(w, v)
	}
	if label != "" {
		st := textStyle{size: sizeLabel, color: dark, h: middle, v: end, rot: 90}
		if n, _ := textSize(label, st); n > b.h() {
			st.size = math.Max(5, st.size*b.h()/n)
		}
		k.text(point{b.x1 + tickLength + tickGap + w + barGap, (b.y0 + b.y1) / 2}, label, st)
	}
}

// ramp is a colour map as a picture.
func ramp(m ColorMap, horizontal bool) image.Image {
	const n = 256
	r := image.Rect(0, 0, 1, n)
	if horizontal {
		r = image.Rect(0, 0, n, 1)
	}
	out := image.NewNRGBA(r)
	for i := range n {
		c := m.At(float64(i) / (n - 1))
		if horizontal {
			out.SetNRGBA(i, 0, c)
		} else {
			out.SetNRGBA(0, n-1-i, c)
		}
	}
	return out
}

// mapImage colours values through 255 steps of the map; entry 255 of the palette is the gray of NaN.
func mapImage(values []float64, cols int, n norm, m ColorMap, flip bool) *image.Paletted {
	pal := make(color.Palette, 256)
	for i := range 255 {
		pal[i] = m.At(float64(i) / 254)
	}
	pal[255] = missing
	rows := len(values) / cols
	out := image.NewPaletted(image.Rect(0, 0, cols, rows), pal)
	for i, v := range values {
		y := i / cols
		if flip {
			y = rows - 1 - y
		}
		p := uint8(255)
		if !math.IsNaN(v) {
			p = uint8(math.Round(254 * math.Min(math.Max(n.at(v), 0), 1)))
		}
		out.Pix[y*out.Stride+i%cols] = p
	}
	return out
}

func (g *gallery) tables() []Table {
	panels := Table{Part: "panels", Header: []string{"panel_row", "panel_col", "title", "color_min", "color_max"}}
	values := Table{Part: "values", Header: []string{"panel_row", "panel_col", "row", "col", "value"}}
	for i, row := range g.o.Maps {
		for j, m := range row {
			pi, pj := strconv.Itoa(i), strconv.Itoa(j)
			n := g.norms[i][j]
			panels.Rows = append(panels.Rows, []string{pi, pj, strings.ReplaceAll(m.Title, "\n", " "), cell(n.lo), cell(n.hi)})
			for q, v := range m.Values {
				values.Rows = append(values.Rows, []string{pi, pj, strconv.Itoa(q / m.Cols), strconv.Itoa(q % m.Cols), cell(v)})
			}
		}
	}
	return []Table{panels, values}
}
