package ratemap

import (
	"cmp"
	"math"
	"slices"
)

// lattice measures the spacing (bins) and orientation (degrees, [0, 60)) of the lattice whose autocorrelogram is a: the
// nearest three peaks of one half-plane, outside the central field, that differ by at least 15 degrees. NaN where
// there are fewer.
func lattice(a Autocorrelogram, center int) (spacing, orientation float64) {
	type peak struct{ d, angle float64 }
	var peaks []peak
	cy, cx := a.Rows/2, a.Cols/2
	for i := cy; i < a.Rows-1; i++ {
		for j := 1; j < a.Cols-1; j++ {
			y, x := i-cy, j-cx
			if y == 0 && x <= 0 || y*y+x*x <= center*center || !summit(a, i, j) {
				continue
			}
			dy, dx := subBin(a, i, j)
			py, px := float64(y)+dy, float64(x)+dx
			peaks = append(peaks, peak{math.Hypot(py, px), math.Atan2(py, px)})
		}
	}
	slices.SortStableFunc(peaks, func(p, q peak) int { return cmp.Compare(p.d, q.d) })
	var axes []peak
	for _, p := range peaks {
		near := func(q peak) bool { // as axes: angles that differ by 180 degrees are the same
			d := math.Abs(math.Remainder(p.angle-q.angle, math.Pi))
			return d < axisSeparation
		}
		if !slices.ContainsFunc(axes, near) {
			if axes = append(axes, p); len(axes) == 3 {
				break
			}
		}
	}
	if len(axes) < 3 {
		return math.NaN(), math.NaN()
	}
	var sin, cos float64
	for _, p := range axes {
		spacing += p.d / 3
		s, c := math.Sincos(6 * p.angle) // the axes of a hexagonal lattice repeat every 60 degrees
		sin, cos = sin+s, cos+c
	}
	orientation = math.Atan2(sin, cos) / 6 * 180 / math.Pi
	if orientation < 0 {
		orientation += 60
	}
	if orientation >= 60 { // -1e-17 + 60
		orientation = 0
	}
	return spacing, orientation
}

// axisSeparation: peaks closer in angle than 15 degrees are taken as one axis, of which the nearest counts (opexebo's
// min_orientation).
const axisSeparation = 15 * math.Pi / 180

// summit says that no neighbour is higher, and the neighbours before it in reading order are lower, so that of equal
// neighbours one counts.
func summit(a Autocorrelogram, i, j int) bool {
	v := a.R[i*a.Cols+j]
	for y := i - 1; y <= i+1; y++ {
		for x := j - 1; x <= j+1; x++ {
			w := a.R[y*a.Cols+x]
			if first := y < i || y == i && x < j; w > v || first && w == v {
				return false
			}
		}
	}
	return true
}

// subBin is the offset of the maximum of the least-squares quadratic through the nine bins around a summit, within one
// bin of it; (0, 0) where the quadratic has no maximum there.
func subBin(a Autocorrelogram, i, j int) (dy, dx float64) {
	at := func(y, x int) float64 { return a.R[(i+y)*a.Cols+j+x] }
	var gy, gx, hyy, hxx, hxy float64
	for y := -1; y <= 1; y++ {
		for x := -1; x <= 1; x++ {
			v := at(y, x)
			gy += float64(y) * v / 6
			gx += float64(x) * v / 6
			hyy += (float64(y*y) - 2./3) * v
			hxx += (float64(x*x) - 2./3) * v
			hxy += float64(x*y) * v / 4
		}
	}
	det := hyy*hxx - hxy*hxy
	if !(hyy < 0) || !(det > 0) {
		return 0, 0
	}
	dy, dx = -(hxx*gy-hxy*gx)/det, -(hyy*gx-hxy*gy)/det
	if math.Abs(dy) > 1 || math.Abs(dx) > 1 {
		return 0, 0
	}
	return dy, dx
}
