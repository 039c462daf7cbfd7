package figure

import (
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
)

// point is a place on the page in points (1/72 inch), y upwards, origin at the lower left corner.
type point struct{ x, y float64 }

// box is a rectangle on the page in points.
type box struct{ x0, y0, x1, y1 float64 }

func (b box) w() float64 { return b.x1 - b.x0 }
func (b box) h() float64 { return b.y1 - b.y0 }

// inset shrinks b by the margins m.
func (b box) inset(m margins) box {
	return box{b.x0 + m.left, b.y0 + m.bottom, b.x1 - m.right, b.y1 - m.top}
}

// margins is the room that axes, labels and legends take around a data area, in points.
type margins struct{ left, right, top, bottom float64 }

// max is the larger of each of the four margins.
func (m margins) max(o margins) margins {
	return margins{math.Max(m.left, o.left), math.Max(m.right, o.right), math.Max(m.top, o.top), math.Max(m.bottom, o.bottom)}
}

// points converts millimetres to points.
func points(mm float64) float64 { return mm * 72 / 25.4 }

// millimetres converts points to millimetres.
func millimetres(pt float64) float64 { return pt * 25.4 / 72 }

// pen is how a line is drawn. A nil dash is a solid line.
type pen struct {
	color color.NRGBA
	width float64
	dash  []float64
}

// ink draws on one of the three canvases. It holds no state between calls: every call sets colour, width and dash.
type ink struct {
	c vg.Canvas
	// picture draws m into r. A smooth picture is resampled, another keeps its pixels as flat rectangles.
	picture func(r box, m image.Image, smooth bool)
	// outlines says that turned text must be drawn as filled outlines: the PNG canvas would turn the pixels of
	// horizontal letters and blur them.
	outlines bool
	vector   bool // the canvas is an SVG or a PDF
}

func (k *ink) setPen(p pen) {
	k.c.SetColor(p.color)
	k.c.SetLineWidth(vg.Length(p.width))
	dash := make([]vg.Length, len(p.dash))
	for i, d := range p.dash {
		dash[i] = vg.Length(d)
	}
	k.c.SetLineDash(dash, 0)
}

func path(ps []point, closed bool) vg.Path {
	var p vg.Path
	for i, q := range ps {
		v := vg.Point{X: vg.Length(q.x), Y: vg.Length(q.y)}
		if i == 0 {
			p.Move(v)
		} else {
			p.Line(v)
		}
	}
	if closed {
		p.Close()
	}
	return p
}

// line strokes the polyline ps.
func (k *ink) line(p pen, ps ...point) {
	if len(ps) < 2 || p.width <= 0 {
		return
	}
	k.setPen(p)
	k.c.Stroke(path(ps, false))
}

// lineIn strokes the parts of the polyline that lie inside b. Points with a NaN break the line.
func (k *ink) lineIn(b box, p pen, ps []point) {
	for _, run := range clipLine(b, thin(ps)) {
		k.line(p, run...)
	}
}

// thin leaves out points of a very long line that nobody could see: of those in a row within a tenth of a point of x
// (1/720 inch) it keeps the first, the lowest, the highest and the last. A loss of a million steps becomes a drawing
// of a few thousand points that looks the same.
func thin(ps []point) []point {
	const enough, column = 3000, 0.1
	if len(ps) <= enough {
		return ps
	}
	var out []point
	for i := 0; i < len(ps); {
		j, lo, hi := i, i, i
		for j < len(ps) && math.Abs(ps[j].x-ps[i].x) < column && !math.IsNaN(ps[j].y) {
			if ps[j].y < ps[lo].y {
				lo = j
			}
			if ps[j].y > ps[hi].y {
				hi = j
			}
			j++
		}
		if j == i {
			out = append(out, ps[i]) // a NaN, which breaks the line
			i++
			continue
		}
		keep := []int{i, min(lo, hi), max(lo, hi), j - 1}
		for n, q := range keep {
			if n == 0 || q != keep[n-1] {
				out = append(out, ps[q])
			}
		}
		i = j
	}
	return out
}

// fill fills the polygon ps.
func (k *ink) fill(c color.NRGBA, ps ...point) {
	if len(ps) < 3 || c.A == 0 {
		return
	}
	k.c.SetColor(c)
	k.c.Fill(path(ps, true))
}

// outline strokes the closed polygon ps.
func (k *ink) outline(p pen, ps ...point) {
	if len(ps) < 2 || p.width <= 0 {
		return
	}
	k.setPen(p)
	k.c.Stroke(path(ps, true))
}

func corners(b box) []point {
	return []point{{b.x0, b.y0}, {b.x1, b.y0}, {b.x1, b.y1}, {b.x0, b.y1}}
}

func (k *ink) fillBox(c color.NRGBA, b box) { k.fill(c, corners(b)...) }
func (k *ink) outlineBox(p pen, b box)      { k.outline(p, corners(b)...) }

// marker draws one plotting symbol of radius r. An open symbol is white inside.
func (k *ink) marker(m Marker, at point, r float64, c color.NRGBA, open bool) {
	if m == MarkerNone || math.IsNaN(at.x) || math.IsNaN(at.y) {
		return
	}
	edge := pen{color: c, width: math.Max(0.6, r*0.4)}
	if m == MarkerCircle {
		var p vg.Path
		p.Move(vg.Point{X: vg.Length(at.x + r), Y: vg.Length(at.y)})
		p.Arc(vg.Point{X: vg.Length(at.x), Y: vg.Length(at.y)}, vg.Length(r), 0, 2*math.Pi)
		p.Close()
		if !open {
			k.c.SetColor(c)
			k.c.Fill(p)
			return
		}
		k.c.SetColor(white)
		k.c.Fill(p)
		k.setPen(edge)
		k.c.Stroke(p)
		return
	}
	// The polygons have about the area of the circle, so that no symbol looks heavier than another.
	var ps []point
	switch m {
	case MarkerSquare:
		s := r * 0.9
		ps = corners(box{at.x - s, at.y - s, at.x + s, at.y + s})
	case MarkerTriangle:
		s := r * 1.3
		ps = []point{{at.x, at.y + s}, {at.x - s*0.87, at.y - s*0.5}, {at.x + s*0.87, at.y - s*0.5}}
	default:
		s := r * 1.25
		ps = []point{{at.x, at.y + s}, {at.x - s, at.y}, {at.x, at.y - s}, {at.x + s, at.y}}
	}
	if !open {
		k.fill(c, ps...)
		return
	}
	k.fill(white, ps...)
	k.outline(edge, ps...)
}

// arrow draws a thin line from a to b with a small filled head at b.
func (k *ink) arrow(c color.NRGBA, a, b point) {
	dx, dy := b.x-a.x, b.y-a.y
	n := math.Hypot(dx, dy)
	if n < 1 {
		return
	}
	ux, uy := dx/n, dy/n
	const head, half = 4.2, 1.5
	foot := point{b.x - ux*head, b.y - uy*head}
	k.line(pen{color: c, width: 0.6}, a, point{b.x - ux*head*0.8, b.y - uy*head*0.8})
	k.fill(c, b, point{foot.x - uy*half, foot.y + ux*half}, point{foot.x + uy*half, foot.y - ux*half})
}

// clipLine cuts the polyline ps at the edges of b (Liang and Barsky 1984, segment by segment) and at NaNs, and
// returns the runs that are inside.
func clipLine(b box, ps []point) [][]point {
	var runs [][]point
	var run []point
	flush := func() {
		if len(run) > 1 {
			runs = append(runs, run)
		}
		run = nil
	}
	for i := 1; i < len(ps); i++ {
		p, q := ps[i-1], ps[i]
		a, c, ok := clipSegment(b, p, q)
		if !ok {
			flush()
			continue
		}
		if len(run) == 0 || run[len(run)-1] != a {
			flush()
			run = []point{a}
		}
		run = append(run, c)
		if c != q {
			flush()
		}
	}
	flush()
	return runs
}

func clipSegment(b box, p, q point) (point, point, bool) {
	if math.IsNaN(p.x+p.y+q.x+q.y) || math.IsInf(p.x+p.y+q.x+q.y, 0) {
		return p, q, false
	}
	t0, t1 := 0.0, 1.0
	dx, dy := q.x-p.x, q.y-p.y
	for _, e := range [4][2]float64{{-dx, p.x - b.x0}, {dx, b.x1 - p.x}, {-dy, p.y - b.y0}, {dy, b.y1 - p.y}} {
		switch {
		case e[0] == 0 && e[1] < 0:
			return p, q, false
		case e[0] < 0:
			t0 = math.Max(t0, e[1]/e[0])
		case e[0] > 0:
			t1 = math.Min(t1, e[1]/e[0])
		}
	}
	if t0 > t1 {
		return p, q, false
	}
	a, c := p, q
	if t0 > 0 {
		a = point{p.x + t0*dx, p.y + t0*dy}
	}
	if t1 < 1 {
		c = point{p.x + t1*dx, p.y + t1*dy}
	}
	return a, c, true
}

// clamp keeps p inside b; used for filled bands, whose outline may leave the data area.
func clamp(b box, p point) point {
	return point{math.Min(math.Max(p.x, b.x0), b.x1), math.Min(math.Max(p.y, b.y0), b.y1)}
}
