package ratemap

import (
	"math"
	"slices"
)

// boundedAsymptote is a of the least-squares curve a + b/(1+ct) with a, b, c >= 0, and the curve's R2 (NaN for a curve
// that does not vary). For a given c the best a and b are a straight line's, so one number is searched for: c times the
// largest t from 1e-4 (a straight line) to 1e6 (a step), first on a logarithmic grid and then by golden sections around
// the best of it. NaN in gives NaN.
func boundedAsymptote(t, y []float64) (a, r2 float64) {
	sum, total := 0.0, 0.0
	for _, v := range y {
		sum += v / float64(len(y))
	}
	for _, v := range y {
		total += (v - sum) * (v - sum)
	}
	if math.IsNaN(total) {
		return math.NaN(), math.NaN()
	}
	last := t[len(t)-1]
	fit := func(logc float64) (sse, a float64) {
		c := math.Exp(logc) / last
		return boundedLine(t, y, c)
	}
	const from, to, steps = -9.2, 13.8, 92
	best, at := math.Inf(1), 0.0
	for k := range steps + 1 {
		x := from + (to-from)*float64(k)/steps
		if sse, _ := fit(x); sse < best {
			best, at = sse, x
		}
	}
	lo, hi := at-(to-from)/steps, at+(to-from)/steps
	const golden = .6180339887498949
	x1, x2 := hi-golden*(hi-lo), lo+golden*(hi-lo)
	f1, _ := fit(x1)
	f2, _ := fit(x2)
	for range 40 {
		if f1 <= f2 {
			hi, x2, f2 = x2, x1, f1
			x1 = hi - golden*(hi-lo)
			f1, _ = fit(x1)
		} else {
			lo, x1, f1 = x1, x2, f2
			x2 = lo + golden*(hi-lo)
			f2, _ = fit(x2)
		}
	}
	sse, a := fit((lo + hi) / 2)
	if best < sse {
		sse, a = fit(at)
	}
	if slices.Min(y) == slices.Max(y) {
		return a, math.NaN()
	}
	return a, 1 - sse/total
}

// boundedLine fits y = a + b x, x = 1/(1+ct), with a and b not negative: the free line if it is, else the better of the
// two on the bounds.
func boundedLine(t, y []float64, c float64) (sse, a float64) {
	n := float64(len(t))
	var sx, sy, sxx, sxy, syy float64
	for k, v := range t {
		x := 1 / (1 + c*v)
		sx += x
		sy += y[k]
		sxx += x * x
		sxy += x * y[k]
		syy += y[k] * y[k]
	}
	b := 0.0
	if det := n*sxx - sx*sx; det > 1e-14*n*sxx {
		b = (n*sxy - sx*sy) / det
	}
	a = (sy - b*sx) / n
	error := func(a, b float64) float64 {
		s := 0.0
		for k, v := range t {
			d := y[k] - a - b/(1+c*v)
			s += d * d
		}
		return s
	}
	if a >= 0 && b >= 0 {
		return error(a, b), a
	}
	flat, through := max(sy/n, 0), max(sxy/sxx, 0)
	if e, z := error(flat, 0), error(0, through); e <= z {
		return e, flat
	} else {
		return z, 0
	}
}

// quadraticAsymptote is a of the least-squares curve a + b/t + c/t^2 over three sizes or more: the slope of y on what a
// constant has beyond the other two columns.
func quadraticAsymptote(t, y []float64) float64 {
	last := t[len(t)-1]
	weight, near, square := make([]float64, len(t)), make([]float64, len(t)), make([]float64, len(t))
	one, rest := make([]float64, len(t)), append([]float64(nil), y...)
	for k, v := range t {
		weight[k], one[k], near[k], square[k] = 1, 1, last/v, last/v*(last/v)
	}
	b := &basis{weight: weight}
	b.add(near)
	b.add(square)
	for _, v := range [][]float64{one, rest} {
		for _, q := range b.column {
			c := b.dot(q, v)
			for i := range v {
				v[i] -= c * q[i]
			}
		}
	}
	return b.dot(one, rest) / b.dot(one, one)
}
