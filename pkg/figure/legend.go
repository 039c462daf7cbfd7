package figure

import (
	"image/color"
	"math"
	"sort"
)

// Legend says where the names of curves and hues stand.
type Legend int

// The places of a legend.
const (
	// LegendAuto writes names at the ends of the curves where there are few and they are apart, else above the plot.
	LegendAuto Legend = iota
	LegendTop
	LegendRight
	// LegendDirect writes each name at the right end of its curve.
	LegendDirect
	LegendNone
)

// Marker is a plotting symbol.
type Marker int

// The plotting symbols.
const (
	MarkerNone Marker = iota
	MarkerCircle
	MarkerSquare
	MarkerTriangle
	MarkerDiamond
)

// key is one entry of a legend with its sample.
type key struct {
	label  string
	color  color.NRGBA
	dash   []float64
	line   bool // a stretch of line
	patch  bool // a filled rectangle
	marker Marker
	open   bool
	thin   bool          // a thin line
	edge   *color.NRGBA  // outline of a patch
	dots   []color.NRGBA // a dot of each colour, instead of any other sample
	at     float64       // for direct labels: the y of the curve's end, data units
}

// legend is the entries of a figure and where they go.
type legend struct {
	place  Legend
	keys   []key   // above or to the right
	direct []key   // at the ends of the curves
	shift  float64 // room that a colour bar takes between the data area and a legend on the right
}

const (
	keyWidth = 12.0
	keyGap   = 3.5
	keyApart = 11.0
	keyLine  = 10.5
)

func keyStyle() textStyle { return textStyle{size: sizeTick, color: dark, v: middle} }

// rows breaks the entries into lines no wider than w.
func (l *legend) rows(w float64) [][]key {
	var out [][]key
	x := 0.0
	for _, e := range l.keys {
		n, _ := textSize(e.label, keyStyle())
		n += keyWidth + keyGap
		if len(out) == 0 || x+n > w {
			out, x = append(out, nil), 0
		}
		out[len(out)-1] = append(out[len(out)-1], e)
		x += n + keyApart
	}
	return out
}

func (l *legend) onTop() bool {
	return len(l.keys) > 0 && l.place != LegendRight && l.place != LegendNone
}

// topHeight is the room the legend needs above the data area of a figure w wide.
func (l *legend) topHeight(w float64) float64 {
	if !l.onTop() {
		return 0
	}
	return float64(len(l.rows(w-30)))*keyLine + 3
}

// rightWidth is the room needed to the right of the data area.
func (l *legend) rightWidth() float64 {
	w := 0.0
	for _, e := range l.direct {
		n, _ := textSize(e.label, keyStyle())
		w = math.Max(w, n+5)
	}
	if l.place == LegendRight {
		for _, e := range l.keys {
			n, _ := textSize(e.label, keyStyle())
			w = math.Max(w, n+keyWidth+keyGap+8)
		}
	}
	return w
}

// draw sets the legend around the data area d of the rectangle r; y places a data value.
func (l *legend) draw(k *ink, r, d box, y func(float64) float64) {
	if l.onTop() {
		top := d.y1 + l.topHeight(r.w()) - 2
		for i, row := range l.rows(r.w() - 30) {
			x := d.x0
			cy := top - (float64(i)+0.5)*keyLine + 2
			for _, e := range row {
				e.draw(k, x, cy)
				n, _ := textSize(e.label, keyStyle())
				x += keyWidth + keyGap + n + keyApart
			}
		}
	}
	if l.place == LegendRight {
		for i, e := range l.keys {
			e.draw(k, d.x1+8+l.shift, d.y1-(float64(i)+0.5)*keyLine)
		}
	}
	if len(l.direct) == 0 {
		return
	}
	ys := make([]float64, len(l.direct))
	for i, e := range l.direct {
		ys[i] = math.Min(math.Max(y(e.at), d.y0), d.y1)
	}
	spread(ys, sizeTick*1.15)
	for i, e := range l.direct {
		s := keyStyle()
		s.color = legible(e.color)
		k.text(point{d.x1 + 5, ys[i]}, e.label, s)
	}
}

// legible darkens a colour that is too light for text on white.
func legible(c color.NRGBA) color.NRGBA {
	for luminance(c) > 0.3 {
		c = shade(c, 0.1)
	}
	return c
}

func (e key) draw(k *ink, x, y float64) {
	b := box{x + 2, y - 3, x + keyWidth - 2, y + 3}
	p := pen{color: e.color, width: 1.4, dash: e.dash}
	if e.thin {
		p.width = 0.7
	}
	switch {
	case e.dots != nil:
		n := float64(len(e.dots))
		for i, c := range e.dots {
			k.marker(MarkerCircle, point{x + keyWidth/2 + (float64(i)-(n-1)/2)*5.2, y}, 2.2, c, false)
		}
	case e.patch:
		k.fillBox(e.color, b)
		if e.edge != nil {
			k.outlineBox(pen{color: *e.edge, width: 0.7}, b)
		}
	case e.line:
		k.line(p, point{x, y}, point{x + keyWidth, y})
	}
	r := 2.2
	if e.open {
		r = 1.7
	}
	k.marker(e.marker, point{x + keyWidth/2, y}, r, e.color, e.open)
	k.text(point{x + keyWidth + keyGap, y}, e.label, keyStyle())
}

// spread moves the values apart until neighbours are at least gap from each other, moving them as little as it can
// (isotonic regression of the values less their rank times the gap; Barlow et al. 1972).
func spread(ys []float64, gap float64) {
	idx := make([]int, len(ys))
	for i := range idx {
		idx[i] = i
	}
	sort.SliceStable(idx, func(a, b int) bool { return ys[idx[a]] < ys[idx[b]] })
	type pool struct{ sum, n float64 }
	var pools []pool
	for r, i := range idx {
		pools = append(pools, pool{ys[i] - float64(r)*gap, 1})
		for n := len(pools); n > 1 && pools[n-2].sum/pools[n-2].n > pools[n-1].sum/pools[n-1].n; n = len(pools) {
			pools[n-2].sum += pools[n-1].sum
			pools[n-2].n += pools[n-1].n
			pools = pools[:n-1]
		}
	}
	r := 0
	for _, p := range pools {
		for j := 0.0; j < p.n; j++ {
			ys[idx[r]] = p.sum/p.n + float64(r)*gap
			r++
		}
	}
}
