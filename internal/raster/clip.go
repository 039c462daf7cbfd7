package raster

import "math"

// Point is a position in pixels (or in any other unit, where a function says so).
type Point struct{ X, Y float64 }

// Affine maps (x, y) to (A x + B y + C, D x + E y + F).
type Affine struct{ A, B, C, D, E, F float64 }

// Apply maps one point.
func (m Affine) Apply(x, y float64) (float64, float64) {
	return float64(m.A*x) + float64(m.B*y) + m.C, float64(m.D*x) + float64(m.E*y) + m.F
}

// Area is the area of a simple polygon, whatever its direction (shoelace formula).
func Area(p []Point) float64 {
	if s := signedArea(p); s < 0 {
		return -s
	} else {
		return s
	}
}

func signedArea(p []Point) float64 {
	s := 0.0
	for i, a := range p {
		b := p[(i+1)%len(p)]
		s += float64(a.X*b.Y) - float64(b.X*a.Y)
	}
	return s / 2
}

// ClipArea is the area of a simple polygon, convex or not, inside the rectangle [x0, x1] x [y0, y1]: Sutherland and
// Hodgman's clipping (Comm. ACM 17, 1974), whose doubled-back edges on the border enclose no area.
func ClipArea(p []Point, x0, y0, x1, y1 float64) float64 {
	buf := append(make([]Point, 0, 2*len(p)+8), p...)
	for side := range 4 {
		in := func(q Point) float64 {
			switch side {
			case 0:
				return q.X - x0
			case 1:
				return x1 - q.X
			case 2:
				return q.Y - y0
			}
			return y1 - q.Y
		}
		out := make([]Point, 0, 2*len(buf)+4)
		for i, b := range buf {
			a := buf[(i+len(buf)-1)%len(buf)]
			da, db := in(a), in(b)
			if (da < 0) != (db < 0) {
				t := da / (da - db)
				out = append(out, Point{a.X + float64(t*(b.X-a.X)), a.Y + float64(t*(b.Y-a.Y))})
			}
			if db >= 0 {
				out = append(out, b)
			}
		}
		buf = out
	}
	return Area(buf)
}

// Inset moves every edge of a simple polygon inwards by t and joins neighbouring edges at their intersection. It is
// meant for strokes that are thin against the polygon: edges that would vanish are not removed.
func Inset(p []Point, t float64) []Point {
	n := len(p)
	dir := 1.0
	if signedArea(p) < 0 {
		dir = -1
	}
	// Edge i runs from p[i] to p[i+1]; its inward normal is (-dy, dx) for positive area with y down.
	type line struct{ x, y, dx, dy float64 }
	lines := make([]line, n)
	for i, a := range p {
		b := p[(i+1)%n]
		dx, dy := b.X-a.X, b.Y-a.Y
		l := hypot(dx, dy)
		if l == 0 {
			l = 1
		}
		dx, dy = dx/l, dy/l
		lines[i] = line{a.X - float64(dir*t*dy), a.Y + float64(dir*t*dx), dx, dy}
	}
	out := make([]Point, n)
	for i := range p {
		a, b := lines[(i+n-1)%n], lines[i]
		den := float64(a.dx*b.dy) - float64(a.dy*b.dx)
		if den > -1e-9 && den < 1e-9 { // straight on
			out[i] = Point{b.x, b.y}
			continue
		}
		s := (float64((b.x-a.x)*b.dy) - float64((b.y-a.y)*b.dx)) / den
		out[i] = Point{a.x + float64(s*a.dx), a.y + float64(s*a.dy)}
	}
	return out
}

func hypot(x, y float64) float64 { return math.Sqrt(float64(x*x) + float64(y*y)) }
