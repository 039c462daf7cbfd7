package scenes

import (
	"math"

	"github.com/ventral-lab/ventral/internal/raster"
)

// pen draws what is made of strokes and fills: faces, characters, maps. Its plane has the middle of the item at (0, 0), y down;
// 1 is half the item's scale. Everything drawn is added to the item's coverage.
type pen struct {
	c     *worldCanvas
	dst   []uint8
	m     raster.Affine
	unit  float64 // pixels of 1
	line  bool    // outlines in ink on paper, instead of fills
	ink   [3]uint8
	paper [3]uint8
}

func (c *worldCanvas) pen(dst []uint8, it *item) *pen {
	s, co := sincos(it.angle)
	n := float64(c.size)
	k := float64(it.scale * n / 2)
	f := k
	if it.flip {
		f = -k
	}
	p := &pen{c: c, dst: dst, unit: k, line: it.style == styleLine, ink: it.paint.rgb, paper: [3]uint8{250, 250, 246}}
	p.m = raster.Affine{A: float64(f * co), B: -float64(k * s), C: float64(it.x * n), D: float64(f * s), E: float64(k * co), F: float64(it.y * n)}
	return p
}

// lay blends what the raster holds in one colour.
func (p *pen) lay(rgb [3]uint8) {
	c := p.c
	y0, y1 := c.z.Mask(c.mask)
	blend(p.dst, c.mask, c.size, y0, y1, rgb)
	c.add(c.mask, y0, y1)
}

func (p *pen) at(x, y float64) raster.Point {
	X, Y := p.m.Apply(x, y)
	return raster.Point{X: X, Y: Y}
}

// fill paints a polygon; in line style, its outline on paper.
func (p *pen) fill(rgb [3]uint8, xy ...float64) {
	pts := p.c.pts[:0]
	for i := 0; i < len(xy); i += 2 {
		pts = append(pts, p.at(xy[i], xy[i+1]))
	}
	p.c.pts = pts
	p.c.z.Polygon(pts)
	p.outlined(rgb, pts)
}

// ellipse paints an ellipse.
func (p *pen) ellipse(rgb [3]uint8, x, y, rx, ry float64) {
	pts := p.c.pts[:0]
	for _, q := range unitCircle {
		pts = append(pts, p.at(x+float64(rx*q.X), y+float64(ry*q.Y)))
	}
	p.c.pts = pts
	p.c.z.Polygon(pts)
	p.outlined(rgb, pts)
}

var unitCircle = func() (u [28]raster.Point) {
	for i := range u {
		s, c := sincos(2 * math.Pi * float64(i) / float64(len(u)))
		u[i] = raster.Point{X: c, Y: s}
	}
	return u
}()

func (p *pen) outlined(rgb [3]uint8, pts []raster.Point) {
	if !p.line {
		p.lay(rgb)
		return
	}
	p.lay(p.paper)
	p.strokePoints(pts, true, max(float64(0.035*p.unit), 0.7))
	p.lay(p.ink)
}

// stroke draws a line through points, w wide.
func (p *pen) stroke(rgb [3]uint8, w float64, xy ...float64) {
	pts := p.c.pts[:0]
	for i := 0; i < len(xy); i += 2 {
		pts = append(pts, p.at(xy[i], xy[i+1]))
	}
	p.c.pts = pts
	p.strokePoints(pts, false, float64(w/2*p.unit))
	if p.line {
		rgb = p.ink
	}
	p.lay(rgb)
}

// strokePoints adds the outline of a thick line: a quadrangle a segment and an octagon a joint, all turning the same way, so that
// where they overlap they only add up.
func (p *pen) strokePoints(pts []raster.Point, closed bool, r float64) {
	z := p.c.z
	n := len(pts)
	for i, a := range pts {
		z.MoveTo(a.X+r, a.Y)
		for k := 1; k < 8; k++ {
			s, c := octagon[k][1], octagon[k][0]
			z.LineTo(a.X+float64(r*c), a.Y+float64(r*s))
		}
		z.Close()
		if i == n-1 && !closed {
			break
		}
		b := pts[(i+1)%n]
		dx, dy := b.X-a.X, b.Y-a.Y
		l := math.Sqrt(float64(dx*dx) + float64(dy*dy))
		if l < 1e-6 {
			continue
		}
		nx, ny := float64(-dy/l*r), float64(dx/l*r)
		z.MoveTo(a.X-nx, a.Y-ny)
		z.LineTo(b.X-nx, b.Y-ny)
		z.LineTo(b.X+nx, b.Y+ny)
		z.LineTo(a.X+nx, a.Y+ny)
		z.Close()
	}
}

var octagon = [8][2]float64{{1, 0}, {0.70710678, 0.70710678}, {0, 1}, {-0.70710678, 0.70710678}, {-1, 0}, {-0.70710678, -0.70710678}, {0, -1}, {0.70710678, -0.70710678}}

// arc draws a piece of a parabola from (x-w, y) to (x+w, y) with its middle d lower: a smile for d > 0.
func (p *pen) arc(rgb [3]uint8, width, x, y, w, d float64) {
	var xy [14]float64
	for i := range 7 {
		t := float64(i-3) / 3
		xy[2*i], xy[2*i+1] = x+float64(w*t), y+float64(d*(1-float64(t*t)))
	}
	p.stroke(rgb, width, xy[:]...)
}

// heart paints a small heart of radius r.
func (p *pen) heart(rgb [3]uint8, x, y, r float64) {
	var xy [88]float64
	for i, q := range unitOutline[heart] {
		xy[2*i], xy[2*i+1] = x+float64(r*q.X), y+float64(r*q.Y)
	}
	p.fill(rgb, xy[:]...)
}
