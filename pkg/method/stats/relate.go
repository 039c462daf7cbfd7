package stats

import (
	"fmt"
	"math"
	"slices"
)

// Pearson is the product-moment correlation, centred before multiplying and kept within [-1, 1]. NaN where either
// sample is constant, has NaN or infinite values, or where there are fewer than two pairs. It panics where the
// lengths differ.
func Pearson(x, y []float64) float64 {
	if len(x) != len(y) {
		panic(fmt.Sprintf("stats: %d and %d values are not pairs", len(x), len(y)))
	}
	mx, my := Mean(x), Mean(y)
	if len(x) < 2 || constant(x) || constant(y) {
		return math.NaN()
	}
	sxx, syy, sxy := 0.0, 0.0, 0.0
	for i := range x {
		dx, dy := x[i]-mx, y[i]-my
		sxx += dx * dx
		syy += dy * dy
		sxy += dx * dy
	}
	d := math.Sqrt(sxx * syy)
	if d == 0 || math.IsInf(d, 1) { // the product leaves the range of float64, its factors do not
		d = math.Sqrt(sxx) * math.Sqrt(syy)
	}
	return min(max(sxy/d, -1), 1)
}

func constant(x []float64) bool {
	return !slices.ContainsFunc(x, func(v float64) bool { return v != x[0] })
}

// Ranks gives every value its rank from 1, ties their mean rank; NaN gets rank NaN and does not count.
func Ranks(x []float64) []float64 {
	order := make([]int, 0, len(x))
	out := make([]float64, len(x))
	for i, v := range x {
		if out[i] = v; !math.IsNaN(v) {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case x[a] < x[b]:
			return -1
		case x[a] > x[b]:
			return 1
		}
		return 0
	})
	for lo := 0; lo < len(order); {
		hi := lo + 1
		for hi < len(order) && x[order[hi]] == x[order[lo]] {
			hi++
		}
		for _, i := range order[lo:hi] {
			out[i] = float64(lo+hi+1) / 2
		}
		lo = hi
	}
	return out
}

// Spearman is the Pearson correlation of the ranks, ties by mean rank. NaN as Pearson; any NaN value gives NaN.
// Infinite values are ordinary ones here.
func Spearman(x, y []float64) float64 { return Pearson(Ranks(x), Ranks(y)) }

// AUC is the area under y over x by the trapezoid rule. x must not decrease; a decreasing pair counts negative, as
// the integral does. 0 for one point, NaN for none. It panics where the lengths differ.
func AUC(x, y []float64) float64 {
	if len(x) != len(y) {
		panic(fmt.Sprintf("stats: %d abscissae but %d values", len(x), len(y)))
	}
	if len(x) == 0 {
		return math.NaN()
	}
	sum := 0.0
	for i := 1; i < len(x); i++ {
		sum += (x[i] - x[i-1]) * (y[i] + y[i-1]) / 2
	}
	return sum
}

// Softmax is exp(x_i) / sum exp(x_j), computed from the differences to the largest x so that it cannot overflow.
// -Inf gets 0. All NaN where any x is NaN, where one is +Inf, or all are -Inf.
func Softmax(x []float64) []float64 {
	out := make([]float64, len(x))
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, v)
	}
	sum := 0.0
	for i, v := range x {
		out[i] = math.Exp(v - top)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// Logit is log(p/(1-p)), -Inf and +Inf at 0 and 1, NaN outside.
func Logit(p float64) float64 { return math.Log(p) - math.Log1p(-p) }

// Logistic is 1/(1+exp(-x)), the inverse of Logit, without overflow at either end.
func Logistic(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}
