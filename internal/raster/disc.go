package raster

import "math"

// DiscArea is the exact area that the disc of radius r about (cx, cy) shares with the rectangle [x0, x1] x [y0, y1].
//
// With the disc at the origin and s(x) = sqrt(r^2 - x^2), the part of it between the x axis and a line at height
// y >= 0 over [x0, x1] is the integral of min(s(x), y): a rectangle where the line is inside the disc,
// |x| < sqrt(r^2 - y^2), and a circular area elsewhere, whose antiderivative is (x s(x) + r^2 asin(x/r)) / 2. The part
// below the axis follows by symmetry.
func DiscArea(cx, cy, r, x0, y0, x1, y1 float64) float64 {
	if !(r > 0) || x1 <= x0 || y1 <= y0 {
		return 0
	}
	x0, x1 = max(x0-cx, -r), min(x1-cx, r)
	if x1 <= x0 {
		return 0
	}
	top, bottom := max(y0-cy, -r), min(y1-cy, r)
	if bottom <= top {
		return 0
	}
	a := 0.0
	switch {
	case top >= 0:
		a = under(r, x0, x1, bottom) - under(r, x0, x1, top)
	case bottom <= 0:
		a = under(r, x0, x1, -top) - under(r, x0, x1, -bottom)
	default:
		a = under(r, x0, x1, bottom) + under(r, x0, x1, -top)
	}
	return max(a, 0)
}

// under is the integral of min(s(x), y) over [x0, x1], -r <= x0 <= x1 <= r, 0 <= y <= r.
func under(r, x0, x1, y float64) float64 {
	if y <= 0 {
		return 0
	}
	c := 0.0
	if y < r {
		c = math.Sqrt((r - y) * (r + y))
	}
	a := 0.0
	if l, h := max(x0, -c), min(x1, c); h > l {
		a = float64(y * (h - l))
	}
	if x0 < -c {
		a += arc(r, min(x1, -c)) - arc(r, x0)
	}
	if x1 > c {
		a += arc(r, x1) - arc(r, max(x0, c))
	}
	return a
}

// arc is the antiderivative of sqrt(r^2 - x^2).
func arc(r, x float64) float64 {
	q := min(max(x/r, -1), 1)
	return (float64(x*math.Sqrt(max((r-x)*(r+x), 0))) + float64(r*r*math.Asin(q))) / 2
}

// DiscCoverage writes the exact coverage of every pixel of a w x h frame by the disc, 0..1, row by row into dst
// (w*h values, all of them written).
func DiscCoverage(dst []float64, w, h int, cx, cy, r float64) {
	clear(dst[:w*h])
	discRows(w, h, cx, cy, r, func(y, x0, x1, in0, in1 int) {
		row := dst[y*w : (y+1)*w]
		for x := x0; x < x1; x++ {
			if x >= in0 && x < in1 {
				row[x] = 1
				continue
			}
			row[x] = min(DiscArea(cx, cy, r, float64(x), float64(y), float64(x+1), float64(y+1)), 1)
		}
	})
}

// DiscMask is DiscCoverage rounded to 0..255. Only rows y0 <= y < y1 of dst (w*h bytes) are written.
func DiscMask(dst []uint8, w, h int, cx, cy, r float64) (y0, y1 int) {
	y0, y1 = h, 0
	discRows(w, h, cx, cy, r, func(y, x0, x1, in0, in1 int) {
		y0, y1 = min(y0, y), max(y1, y+1)
		row := dst[y*w : (y+1)*w]
		clear(row[:x0])
		clear(row[x1:])
		for x := x0; x < x1; x++ {
			if x >= in0 && x < in1 {
				row[x] = 255
				continue
			}
			row[x] = Byte(DiscArea(cx, cy, r, float64(x), float64(y), float64(x+1), float64(y+1)))
		}
	})
	return y0, max(y0, y1)
}

// discRows calls f for every row the disc may touch, with the columns [x0, x1) it may touch and those, [in0, in1), that
// lie wholly inside it.
func discRows(w, h int, cx, cy, r float64, f func(y, x0, x1, in0, in1 int)) {
	if !(r > 0) || w <= 0 || h <= 0 {
		return
	}
	clampInt := func(v float64, hi int) int { return int(min(max(v, 0), float64(hi))) }
	top, bottom := clampInt(math.Floor(cy-r), h), clampInt(math.Ceil(cy+r), h)
	for y := top; y < bottom; y++ {
		near, far := 0.0, max(math.Abs(float64(y)-cy), math.Abs(float64(y+1)-cy))
		if cy < float64(y) {
			near = float64(y) - cy
		} else if cy > float64(y+1) {
			near = cy - float64(y+1)
		}
		outer := math.Sqrt(max((r-near)*(r+near), 0))
		x0, x1 := clampInt(math.Floor(cx-outer), w), clampInt(math.Ceil(cx+outer), w)
		in0, in1 := 0, 0
		if far < r {
			inner := math.Sqrt((r - far) * (r + far))
			in0, in1 = clampInt(math.Ceil(cx-inner), w), clampInt(math.Floor(cx+inner), w)
		}
		f(y, x0, max(x0, x1), in0, in1)
	}
}
