package ratemap

import "math"

// splineCoefficients are the coefficients of the cubic B-spline through a [row, col], mirrored at the middle of the
// edge bins: the recursive filter of Unser, Aldroubi & Eden (1993) along rows, then columns. It overwrites a.
func splineCoefficients(a []float64, rows, cols int) {
	line := make([]float64, max(rows, cols))
	for i := range rows {
		splineFilter(a[i*cols : (i+1)*cols])
	}
	for j := range cols {
		s := line[:rows]
		for i := range s {
			s[i] = a[i*cols+j]
		}
		splineFilter(s)
		for i := range s {
			a[i*cols+j] = s[i]
		}
	}
}

func splineFilter(c []float64) {
	n := len(c)
	if n < 2 {
		return
	}
	pole := math.Sqrt(3) - 2
	for i := range c {
		c[i] *= 6 // (1 - pole)(1 - 1/pole)
	}
	// The first causal coefficient is the sum over the endlessly mirrored line, in closed form for its period 2n-2.
	zn := math.Pow(pole, float64(n-1))
	sum := c[0] + zn*c[n-1]
	up, down := pole, zn*zn/pole
	for i := 1; i < n-1; i++ {
		sum += (up + down) * c[i]
		up *= pole
		down /= pole
	}
	c[0] = sum / (1 - zn*zn)
	for i := 1; i < n; i++ {
		c[i] += pole * c[i-1]
	}
	c[n-1] = pole / (pole*pole - 1) * (pole*c[n-2] + c[n-1])
	for i := n - 2; i >= 0; i-- {
		c[i] = pole * (c[i+1] - c[i])
	}
}

// splineTap is where a rotated point reads the spline: four rows and four columns (mirrored at the edges) with their
// weights. ok is false for a point outside, which reads 0.
type splineTap struct {
	row, col [4]int32
	wy, wx   [4]float64
	ok       bool
}

func newSplineTap(y, x float64, rows, cols int) (t splineTap) {
	if t.ok = y >= 0 && x >= 0 && y <= float64(rows-1) && x <= float64(cols-1); t.ok {
		t.row, t.wy = cubicTaps(y, rows)
		t.col, t.wx = cubicTaps(x, cols)
	}
	return t
}

func cubicTaps(v float64, n int) (at [4]int32, w [4]float64) {
	i := math.Floor(v)
	f := v - i
	g := 1 - f
	w[0] = g * g * g / 6
	w[1] = (4 - 6*f*f + 3*f*f*f) / 6
	w[2] = (4 - 6*g*g + 3*g*g*g) / 6
	w[3] = f * f * f / 6
	for k := range at {
		q := int(i) - 1 + k
		if q < 0 {
			q = -q
		}
		if q > n-1 {
			q = 2*(n-1) - q
		}
		at[k] = int32(min(max(q, 0), n-1)) // a line of one or two bins mirrors more than once
	}
	return at, w
}

func (t *splineTap) read(c []float64, cols int) float64 {
	if !t.ok {
		return 0
	}
	sum := 0.0
	for k, i := range t.row {
		r := c[int(i)*cols : int(i)*cols+cols]
		sum += t.wy[k] * (t.wx[0]*r[t.col[0]] + t.wx[1]*r[t.col[1]] + t.wx[2]*r[t.col[2]] + t.wx[3]*r[t.col[3]])
	}
	return sum
}
