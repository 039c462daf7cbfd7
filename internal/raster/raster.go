package raster

import "math"

// Raster accumulates the outline of one figure over a frame of W x H pixels and gives its coverage. It is not safe
// for concurrent use; keep one a goroutine and reuse it.
//
// The method is the signed-area accumulation of font rasterisers: every edge adds, to each cell it crosses, the area
// to its right within the cell and hands the rest of its height on to the next cell; a running sum along the row then is
// the winding number averaged over each pixel. It is exact for polygons, at a cost proportional to the length of the edges.
type Raster struct {
	w, h   int
	stride int // w+2: an edge on the right border writes up to column w+1
	acc    []float64
	y0, y1 int // rows with something in acc; y0 >= y1 when empty

	sx, sy float64 // start of the contour
	px, py float64 // pen
}

// New returns an empty Raster for a frame of w x h pixels.
func New(w, h int) *Raster {
	z := &Raster{}
	z.Reset(w, h)
	return z
}

// Reset drops everything and sets the frame's size in pixels.
func (z *Raster) Reset(w, h int) {
	z.w, z.h, z.stride = max(w, 0), max(h, 0), max(w, 0)+2
	n := z.stride * z.h
	if cap(z.acc) < n {
		z.acc = make([]float64, n)
	} else {
		z.acc = z.acc[:n]
		clear(z.acc)
	}
	z.y0, z.y1 = z.h, 0
	z.sx, z.sy, z.px, z.py = 0, 0, 0, 0
}

// Size is the frame's width and height in pixels.
func (z *Raster) Size() (w, h int) { return z.w, z.h }

// MoveTo closes the contour under way and begins another at (x, y).
func (z *Raster) MoveTo(x, y float64) {
	z.Close()
	z.sx, z.sy, z.px, z.py = x, y, x, y
}

// LineTo draws a straight edge to (x, y).
func (z *Raster) LineTo(x, y float64) {
	z.edge(z.px, z.py, x, y)
	z.px, z.py = x, y
}

// QuadTo draws a quadratic Bezier curve with control point (bx, by) to (x, y), flattened so that no point is more
// than 1/100 pixel from the curve: n equal steps of the parameter deviate by at most |P0 - 2 P1 + P2| / (4 n^2).
func (z *Raster) QuadTo(bx, by, x, y float64) {
	ax, ay := z.px, z.py
	dx, dy := ax-2*bx+x, ay-2*by+y
	d := math.Sqrt(float64(dx*dx) + float64(dy*dy))
	n := 1
	if d > 0.04 {
		n = min(int(math.Ceil(math.Sqrt(d*25))), 256)
	}
	for i := 1; i < n; i++ {
		t := float64(i) / float64(n)
		u := 1 - t
		c0, c1, c2 := float64(u*u), float64(2*u*t), float64(t*t)
		z.LineTo(float64(c0*ax)+float64(c1*bx)+float64(c2*x), float64(c0*ay)+float64(c1*by)+float64(c2*y))
	}
	z.LineTo(x, y)
}

// Polygon adds a closed contour through the points.
func (z *Raster) Polygon(pts []Point) {
	if len(pts) == 0 {
		return
	}
	z.MoveTo(pts[0].X, pts[0].Y)
	for _, p := range pts[1:] {
		z.LineTo(p.X, p.Y)
	}
	z.Close()
}

// Close draws the edge back to where the contour began.
func (z *Raster) Close() {
	if z.px != z.sx || z.py != z.sy {
		z.edge(z.px, z.py, z.sx, z.sy)
		z.px, z.py = z.sx, z.sy
	}
}

// edge cuts an edge to the frame. What lies above or below counts for nothing; what lies to the left is moved onto the left
// border, because everything to its right is in the frame; what lies to the right is moved onto the right border.
func (z *Raster) edge(ax, ay, bx, by float64) {
	if ay == by || math.IsNaN(ax+ay+bx+by) {
		return
	}
	dir := 1.0
	if ay > by {
		ax, ay, bx, by, dir = bx, by, ax, ay, -1
	}
	w, h := float64(z.w), float64(z.h)
	if by <= 0 || ay >= h {
		return
	}
	slope := (bx - ax) / (by - ay)
	if ay < 0 {
		ax, ay = ax+float64(slope*(0-ay)), 0
	}
	if by > h {
		bx, by = ax+float64(slope*(h-ay)), h
	}
	z.y0, z.y1 = min(z.y0, int(ay)), max(z.y1, int(math.Ceil(by)))
	for _, border := range [2]float64{0, w} {
		if (ax < border) == (bx < border) || ax == border || bx == border {
			continue
		}
		// The part on a's side goes first, the rest is left for the next border.
		t := (border - ax) / (bx - ax)
		m := min(max(ay+float64(t*(by-ay)), ay), by)
		if border == 0 == (ax < border) {
			z.inside(dir, ax, ay, border, m)
			ax, ay = border, m
		} else {
			z.inside(dir, border, m, bx, by)
			bx, by = border, m
		}
	}
	z.inside(dir, ax, ay, bx, by)
}

// inside accumulates an edge that runs down from (ax, ay) to (bx, by) on one side of either border.
func (z *Raster) inside(dir, ax, ay, bx, by float64) {
	if ay >= by {
		return
	}
	w := float64(z.w)
	ax, bx = min(max(ax, 0), w), min(max(bx, 0), w)
	slope := (bx - ax) / (by - ay)
	x := ax
	last := int(math.Ceil(by)) - 1
	for row := int(ay); row <= last; row++ {
		ya, yb := max(ay, float64(row)), min(by, float64(row+1))
		next := bx
		if row < last {
			next = min(max(ax+float64(slope*(yb-ay)), 0), w)
		}
		z.row(row, float64(dir*(yb-ya)), min(x, next), max(x, next))
		x = next
	}
}

// row accumulates the piece of an edge within one row, of signed height d, from xa to xb >= xa.
func (z *Raster) row(row int, d, xa, xb float64) {
	acc := z.acc[row*z.stride : (row+1)*z.stride]
	c := int(xa)
	if xb <= float64(c+1) {
		m := float64((xa+xb)*0.5) - float64(c)
		dm := float64(d * m)
		acc[c] += d - dm
		acc[c+1] += dm
		return
	}
	per := d / (xb - xa)
	for left := xa; left < xb; c++ {
		right := min(xb, float64(c+1))
		dc := float64(per * (right - left))
		dm := float64(dc * (float64((left+right)*0.5) - float64(c)))
		acc[c] += dc - dm
		acc[c+1] += dm
		left = right
	}
}

// Coverage writes the figure's coverage, 0..1, row by row into dst (W*H values, all of them written) and clears
// the Raster for the next figure.
func (z *Raster) Coverage(dst []float64) {
	z.Close()
	clear(dst[:z.w*z.h])
	for y := z.y0; y < z.y1; y++ {
		acc := z.acc[y*z.stride : (y+1)*z.stride]
		out := dst[y*z.w : (y+1)*z.w]
		sum := 0.0
		for x := range out {
			sum += acc[x]
			if v := math.Abs(sum); v > 1e-12 { // below that it is what rounding left over
				out[x] = min(v, 1)
			}
		}
		clear(acc)
	}
	z.y0, z.y1 = z.h, 0
}

// Mask is Coverage rounded to 0..255. Only rows y0 <= y < y1 of dst (W*H bytes) are written; the figure is
// nowhere else.
func (z *Raster) Mask(dst []uint8) (y0, y1 int) {
	z.Close()
	y0, y1 = z.y0, z.y1
	for y := y0; y < y1; y++ {
		acc := z.acc[y*z.stride : (y+1)*z.stride]
		out := dst[y*z.w : (y+1)*z.w]
		sum := 0.0
		for x := range out {
			sum += acc[x]
			out[x] = Byte(math.Abs(sum))
		}
		clear(acc)
	}
	z.y0, z.y1 = z.h, 0
	return y0, max(y0, y1)
}

// Byte rounds a coverage to 0..255.
func Byte(v float64) uint8 {
	if !(v > 0) {
		return 0
	}
	if v >= 1 {
		return 255
	}
	return uint8(float64(v*255) + 0.5)
}
