package figure

import (
	"fmt"
	"image/color"
	"math"
)

// Axis describes one axis of a plot. The zero value is a linear axis that takes its range from the data.
type Axis struct {
	Label     string
	Min, Max  float64 // the range; both 0 = from the data
	Log       bool    // base-10 logarithmic; values that are not positive are left out
	Reverse   bool    // runs down or leftwards, as pixel rows do
	Percent   bool    // prints 0.25 as 25; say "(%)" in the label
	Ticks     []Tick  // nil = chosen
	LowLabel  string  // words at the low end, such as "empty image"
	HighLabel string  // words at the high end, such as "black circle"
}

// Reference is a dashed straight line across a plot: a baseline, a chance level, an observed value.
type Reference struct {
	Value    float64
	Label    string // set along the line, where it hides least
	Vertical bool   // at an x value rather than a y value
	Color    string // "" = gray
}

// Note is a remark with an arrow to a place in the plot.
type Note struct {
	X, Y   float64 // data units
	Text   string
	DX, DY float64 // the text's place relative to the arrow's head, mm; both 0 = chosen
}

const (
	tickLength = 2.6
	tickGap    = 2.4 // between tick and its label
	labelGap   = 4.0 // between tick labels and axis label
	axisWidth  = 0.6
)

// scale maps data to points along one axis.
type scale struct {
	Axis
	lo, hi float64 // the range, lo < hi
	a, b   float64 // where lo and hi lie, points
	names  []string
	// names, when set, makes a categorical axis: name i is centred at i, the range is -0.5..n-0.5
}

// newScale takes the range of an axis from its options or from the data range lo..hi. The range begins at zero where
// the data's nearer end is within the fraction zero of its farther one: 1 for bars, whose length is the value, 0 for
// never.
func newScale(a Axis, lo, hi, zero float64) (*scale, error) {
	s := &scale{Axis: a}
	if a.Min != 0 || a.Max != 0 {
		if !(a.Max > a.Min) || math.IsInf(a.Max-a.Min, 0) {
			return nil, fmt.Errorf("axis %q: the range %g to %g is empty: Min must be below Max", a.Label, a.Min, a.Max)
		}
		if a.Log && a.Min <= 0 {
			return nil, fmt.Errorf("axis %q: a logarithmic axis cannot begin at %g: set Min above 0", a.Label, a.Min)
		}
		s.lo, s.hi = a.Min, a.Max
		return s, nil
	}
	switch {
	case a.Log && !(hi > 0):
		s.lo, s.hi = 0.1, 1
	case a.Log:
		if !(lo > 0) {
			lo = hi / 1e3
		}
		pad := math.Pow(hi/lo, 0.03)
		if hi/lo < 1.5 {
			pad = 1.25
		}
		s.lo, s.hi = lo/pad, hi*pad
	case math.IsNaN(lo):
		s.lo, s.hi = 0, 1
	default:
		switch {
		case lo > 0 && lo <= zero*hi:
			lo = 0
		case hi < 0 && hi >= zero*lo:
			hi = 0
		}
		if lo == hi {
			d := math.Max(math.Abs(lo)*0.1, 0.5)
			lo, hi = lo-d, hi+d
		}
		pad := 0.04 * (hi - lo)
		s.lo, s.hi = roundOut(lo-pad, hi+pad)
		if zero > 0 && lo == 0 {
			s.lo = 0
		}
		if zero > 0 && hi == 0 {
			s.hi = 0
		}
	}
	return s, nil
}

// roundOut moves the ends of a range to the next round number where that is near, so that the axis ends at a tick.
func roundOut(lo, hi float64) (float64, float64) {
	t := linearTicks(lo, hi, 5, false)
	if len(t) < 2 {
		return lo, hi
	}
	step := t[1].Value - t[0].Value
	if below := t[0].Value - step; lo-below < 0.3*step {
		lo = below
	}
	if above := t[len(t)-1].Value + step; above-hi < 0.3*step {
		hi = above
	}
	return lo, hi
}

// newNames is a categorical axis.
func newNames(a Axis, names []string) *scale {
	return &scale{Axis: a, names: names, lo: -0.5, hi: float64(len(names)) - 0.5}
}

// at is where v lies between a and b, in points.
func (s *scale) at(v float64) float64 {
	var t float64
	if s.Log {
		if !(v > 0) {
			return math.NaN()
		}
		t = math.Log(v/s.lo) / math.Log(s.hi/s.lo)
	} else {
		t = (v - s.lo) / (s.hi - s.lo)
	}
	if s.Reverse {
		t = 1 - t
	}
	return s.a + t*(s.b-s.a)
}

// ticks are the axis's marks when it is length points long and a label takes room points of it.
func (s *scale) ticks(length, room float64) []Tick {
	if s.names != nil {
		out := make([]Tick, len(s.names))
		for i, n := range s.names {
			out[i] = Tick{float64(i), n}
		}
		return out
	}
	if s.Ticks != nil {
		var out []Tick
		for _, t := range s.Ticks {
			if t.Value >= s.lo && t.Value <= s.hi {
				out = append(out, t)
			}
		}
		return out
	}
	want := math.Max(2, math.Min(7, length/room))
	if s.Log {
		return logTicks(s.lo, s.hi, want)
	}
	return linearTicks(s.lo, s.hi, want, s.Percent)
}

func tickStyle(h, v align) textStyle { return textStyle{size: sizeTick, color: dark, h: h, v: v} }
func labelStyle() textStyle {
	return textStyle{size: sizeLabel, color: dark, h: middle, v: start}
}

// axes is the pair of scales of a plot with what is drawn around it.
type axes struct {
	x, y  *scale
	refs  []Reference
	notes []Note
	keys  legend
	equal bool // one unit of x is as long as one of y
	// extra is further room around the data area, for colour bars and for labels that the content draws itself.
	extra margins
	// least is the left edge of the page or panel, which the label of y does not cross.
	least float64
}

// endsApart reports whether the words at the two ends of an axis need a line of their own, being too long to share one
// with the label on an axis of that length.
func (s *scale) endsApart(length float64) bool {
	if s.LowLabel == "" && s.HighLabel == "" {
		return false
	}
	lo, _ := textSize(s.LowLabel, tickStyle(start, start))
	hi, _ := textSize(s.HighLabel, tickStyle(start, start))
	mid, _ := textSize(s.Label, labelStyle())
	return s.Label == "" || 2*math.Max(lo, hi)+mid+24 > length
}

const (
	roomX = 34 // points of axis per label wanted
	roomY = 24
)

// xTicks are the x axis's ticks for a data area w wide, and whether names must be turned.
func (a *axes) xTicks(w float64) ([]Tick, bool) {
	t := a.x.ticks(w, roomX)
	if a.x.names == nil || len(t) == 0 {
		return t, false
	}
	per := w / float64(len(t))
	for _, k := range t {
		if n, _ := textSize(k.Label, tickStyle(middle, end)); n > per-3 {
			return t, true
		}
	}
	return t, false
}

// measure is the room needed around the data area inside a rectangle of w by h points. The ticks of one axis depend on
// the room that the other leaves it, so it is found in two rounds.
func (a *axes) measure(w, h float64) margins {
	m := a.measureOnce(w, h, 30+a.extra.bottom)
	return a.measureOnce(w, h, m.bottom)
}

// measureOnce is measure where the bottom margin is about bottom.
func (a *axes) measureOnce(w, h, bottom float64) margins {
	var m margins
	m.top = a.keys.topHeight(w) + a.extra.top
	if m.top == 0 {
		m.top = 0.5 * sizeTick // the upper half of the highest tick label
	}
	inner := h - m.top - bottom
	for _, t := range a.y.ticks(inner, roomY) {
		n, _ := textSize(t.Label, tickStyle(end, middle))
		m.left = math.Max(m.left, n)
	}
	m.left += tickLength + tickGap
	if a.y.Label != "" {
		_, lh := textSize(a.y.Label, labelStyle())
		m.left += labelGap + lh
	}
	if a.y.endsApart(inner) {
		m.left += labelGap + capHeight*sizeTick
	}
	m.right = a.keys.rightWidth() + a.extra.right
	ticks, turn := a.xTicks(w - m.left - m.right)
	th := 0.0
	for i, t := range ticks {
		n, k := textSize(t.Label, tickStyle(middle, end))
		if turn {
			th = math.Max(th, n)
			continue
		}
		th = math.Max(th, k)
		if i == len(ticks)-1 && a.x.names == nil {
			m.right = math.Max(m.right, n/2)
		}
	}
	m.right = math.Max(m.right, 3)
	m.bottom = tickLength + tickGap + th
	if a.x.names != nil {
		m.bottom -= tickLength - 1
	}
	if a.x.endsApart(w - m.left - m.right) {
		m.bottom += sizeTick * lineHeight
	}
	if a.x.Label != "" {
		_, lh := textSize(a.x.Label, labelStyle())
		m.bottom += labelGap + lh + 0.2*sizeLabel // descenders
	}
	m.bottom += a.extra.bottom
	m.left += a.extra.left
	return m
}

// place is a copy of a with its scales laid over the data area d, and d, narrowed to equal units where that was asked.
// A figure's own axes never change, so that it can be drawn from many goroutines.
func (a *axes) place(d box) (*axes, box) {
	n, x, y := *a, *a.x, *a.y
	n.x, n.y = &x, &y
	if a.equal {
		u := math.Min(d.w()/(a.x.hi-a.x.lo), d.h()/(a.y.hi-a.y.lo))
		w, h := u*(a.x.hi-a.x.lo), u*(a.y.hi-a.y.lo)
		d = box{d.x0, d.y1 - h, d.x0 + w, d.y1}
	}
	x.a, x.b, y.a, y.b = d.x0, d.x1, d.y0, d.y1
	return &n, d
}

// at is the page point of a data point.
func (a *axes) at(x, y float64) point { return point{a.x.at(x), a.y.at(y)} }

// drawFrame draws axis lines, ticks and labels around d.
func (a *axes) drawFrame(k *ink, d box) {
	p := pen{color: dark, width: axisWidth}
	yt := a.y.ticks(d.h(), roomY)
	wide := 0.0
	for _, t := range yt {
		y := a.y.at(t.Value)
		if t.Label == "" {
			k.line(p, point{d.x0 - tickLength*0.55, y}, point{d.x0, y})
			continue
		}
		if a.y.names == nil {
			k.line(p, point{d.x0 - tickLength, y}, point{d.x0, y})
		}
		k.text(point{d.x0 - tickLength - tickGap, y}, t.Label, tickStyle(end, middle))
		n, _ := textSize(t.Label, tickStyle(end, middle))
		wide = math.Max(wide, n)
	}
	k.line(p, point{d.x0, d.y0}, point{d.x0, d.y1})
	left := d.x0 - tickLength - tickGap - wide - labelGap
	for _, e := range []struct {
		s string
		y float64
		h align
	}{{a.y.LowLabel, d.y0, start}, {a.y.HighLabel, d.y1, end}} {
		k.text(point{left, e.y}, e.s, textStyle{size: sizeTick, color: soft, h: e.h, rot: 90})
	}
	if a.y.endsApart(d.h()) {
		left -= labelGap + capHeight*sizeTick
	}
	if a.y.Label != "" {
		s := labelStyle()
		s.rot = 90
		left = math.Max(left, a.least+capHeight*sizeLabel)
		k.text(point{left, (d.y0 + d.y1) / 2}, a.y.Label, s)
	}

	ticks, turn := a.xTicks(d.w())
	base := d.y0 - tickLength - tickGap
	if a.x.names != nil {
		base = d.y0 - tickGap - 1
	}
	low := 0.0
	for _, t := range ticks {
		x := a.x.at(t.Value)
		if a.x.names == nil {
			l := tickLength
			if t.Label == "" {
				l *= 0.55
			}
			k.line(p, point{x, d.y0 - l}, point{x, d.y0})
		}
		s := tickStyle(middle, end)
		n, h := textSize(t.Label, s)
		if turn {
			s.rot, s.h, s.v = 90, end, middle
			h = n
		}
		k.text(point{x, base}, t.Label, s)
		low = math.Max(low, h)
	}
	k.line(p, point{d.x0, d.y0}, point{d.x1, d.y0})
	y := base - low
	s := tickStyle(start, end)
	s.color = soft
	k.text(point{d.x0, y - labelGap}, a.x.LowLabel, s)
	s.h = end
	k.text(point{d.x1, y - labelGap}, a.x.HighLabel, s)
	if a.x.endsApart(d.w()) {
		y -= sizeTick * lineHeight
	}
	if a.x.Label != "" {
		s := labelStyle()
		s.v = end
		k.text(point{(d.x0 + d.x1) / 2, y - labelGap}, a.x.Label, s)
	}
}

// drawRefs draws the reference lines.
func (a *axes) drawRefs(k *ink, d box) {
	for _, r := range a.refs {
		p := pen{color: r.color(), width: 0.75, dash: []float64{3, 2}}
		if r.Vertical {
			k.lineIn(d, p, []point{{a.x.at(r.Value), d.y0}, {a.x.at(r.Value), d.y1}})
		} else {
			k.lineIn(d, p, []point{{d.x0, a.y.at(r.Value)}, {d.x1, a.y.at(r.Value)}})
		}
	}
}

func (r Reference) color() color.NRGBA {
	if r.Color == "" {
		return soft
	}
	c, _ := parseColor(r.Color, 0) // checked by the constructor
	return c
}

// drawRefLabels sets the names of the reference lines where they cover the fewest busy points.
func (a *axes) drawRefLabels(k *ink, d box, busy []point) {
	for _, r := range a.refs {
		at := a.at(r.Value, r.Value)
		if r.Label == "" || r.Vertical && !(at.x >= d.x0-0.5 && at.x <= d.x1+0.5) || !r.Vertical && !(at.y >= d.y0-0.5 && at.y <= d.y1+0.5) {
			continue
		}
		s := textStyle{size: sizeSmall, color: r.color()}
		w, h := textSize(r.Label, s)
		var places []box
		if r.Vertical {
			for _, y := range []float64{d.y1 - h - 1, d.y0 + 3, (d.y0 + d.y1) / 2} {
				places = append(places, box{at.x + 3, y, at.x + 3 + w, y + h}, box{at.x - 3 - w, y, at.x - 3, y + h})
			}
		} else {
			for _, t := range []float64{1, 0, 0.5, 0.25, 0.75} {
				x := d.x0 + 4 + t*(d.w()-w-5)
				places = append(places, box{x, at.y + 2.5, x + w, at.y + 2.5 + h}, box{x, at.y - 2.5 - h, x + w, at.y - 2.5})
			}
		}
		b := freest(places, d, busy)
		k.text(point{b.x0, b.y0}, r.Label, s)
	}
}

// freest is the first of the places with the fewest points in it; places that leave d count as full.
func freest(places []box, d box, busy []point) box {
	best, least := places[0], math.Inf(1)
	for _, b := range places {
		n := 0.0
		if b.x0 < d.x0-0.5 || b.x1 > d.x1+0.5 || b.y0 < d.y0-0.5 || b.y1 > d.y1+0.5 {
			n = 1e6
		}
		for _, q := range busy {
			if q.x > b.x0-3 && q.x < b.x1+3 && q.y > b.y0-2 && q.y < b.y1+2 {
				n++
			}
		}
		if n < least {
			best, least = b, n
		}
	}
	return best
}

// drawNotes draws the remarks and their arrows. A text without a place of its own is put where it covers the fewest
// busy points.
func (a *axes) drawNotes(k *ink, d box, busy []point) {
	for _, n := range a.notes {
		to := a.at(n.X, n.Y)
		if math.IsNaN(to.x) || math.IsNaN(to.y) {
			continue
		}
		drawNote(k, d, to, n.Text, points(n.DX), points(n.DY), busy)
	}
}

// notePlace finds the offset of a text of w by h points about the place to: the nearest of a ring of places whose text
// and arrow cross the fewest busy points.
func notePlace(d box, to point, w, h float64, busy []point) (dx, dy float64) {
	least := math.Inf(1)
	for _, r := range []float64{14, 20, 28, 38, 50} {
		for _, v := range [12][2]float64{{1, 0.7}, {-1, 0.7}, {1, -0.7}, {-1, -0.7}, {0, 1}, {0, -1}, {1, 0.3}, {-1, 0.3}, {1, -0.3}, {-1, -0.3}, {1, 0}, {-1, 0}} {
			x, y := v[0]*(r+w/2), v[1]*r
			if math.Abs(v[1]) < 0.5 {
				x = v[0] * (0.8*r + w/2)
			}
			b := box{to.x + x - w/2 - 2, to.y + y - h/2 - 2, to.x + x + w/2 + 2, to.y + y + h/2 + 2}
			cost := r / 20
			if b.x0 < d.x0-0.5 || b.x1 > d.x1+0.5 || b.y0 < d.y0-0.5 || b.y1 > d.y1+0.5 {
				cost += 1e6
			}
			from, _, _ := clipSegment(b, to, point{to.x + x, to.y + y})
			for _, q := range busy {
				if q.x > b.x0-2 && q.x < b.x1+2 && q.y > b.y0-2 && q.y < b.y1+2 {
					cost++
				} else if math.Hypot(q.x-to.x, q.y-to.y) > 5 && nearSegment(q, from, to) < 2 {
					cost += 0.5
				}
			}
			if cost < least {
				least, dx, dy = cost, x, y
			}
		}
	}
	return dx, dy
}

// nearSegment is the distance of q from the segment a b.
func nearSegment(q, a, b point) float64 {
	dx, dy := b.x-a.x, b.y-a.y
	t := 0.0
	if n := dx*dx + dy*dy; n > 0 {
		t = math.Min(math.Max(((q.x-a.x)*dx+(q.y-a.y)*dy)/n, 0), 1)
	}
	return math.Hypot(a.x+t*dx-q.x, a.y+t*dy-q.y)
}

// drawNote puts s beside the place to with an arrow; dx = dy = 0 lets it choose the side.
func drawNote(k *ink, d box, to point, s string, dx, dy float64, busy []point) box {
	st := textStyle{size: sizeTick, color: dark, h: middle, v: middle}
	w, h := textSize(s, st)
	if dx == 0 && dy == 0 {
		dx, dy = notePlace(d, to, w, h, busy)
	}
	c := point{to.x + dx, to.y + dy}
	b := box{c.x - w/2, c.y - h/2, c.x + w/2, c.y + h/2}
	// The arrow leaves the text's edge and stops short of the symbol it points to.
	grown := box{b.x0 - 2, b.y0 - 2, b.x1 + 2, b.y1 + 2}
	from := c
	if _, q, ok := clipSegment(grown, c, to); ok {
		from = q
	}
	l := math.Hypot(to.x-from.x, to.y-from.y)
	if l > 5 {
		k.arrow(dark, from, point{to.x - (to.x-from.x)/l*2.6, to.y - (to.y-from.y)/l*2.6})
	}
	k.text(c, s, st)
	return b
}
