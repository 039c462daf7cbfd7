package stats

import (
	"math"
	"slices"
)

// Sum is the sum with Neumaier's compensation, so that its error does not grow with the number of values.
func Sum(x []float64) float64 {
	sum, c := 0.0, 0.0
	for _, v := range x {
		t := sum + v
		if math.Abs(sum) >= math.Abs(v) {
			c += (sum - t) + v
		} else {
			c += (v - t) + sum
		}
		sum = t
	}
	if math.IsInf(sum, 0) || math.IsNaN(sum) {
		return sum // the compensation of an infinite sum is NaN
	}
	return sum + c
}

// Mean is the arithmetic mean; NaN for no values.
func Mean(x []float64) float64 { return Sum(x) / float64(len(x)) }

// Variance is the unbiased variance, divisor n-1, by the two-pass formula; NaN for fewer than two values.
func Variance(x []float64) float64 {
	if len(x) < 2 {
		return math.NaN()
	}
	return squares(x) / float64(len(x)-1)
}

// SD is the square root of Variance.
func SD(x []float64) float64 { return math.Sqrt(Variance(x)) }

// PopulationSD is the standard deviation with divisor n; exactly 0 where all values are equal, NaN for none.
func PopulationSD(x []float64) float64 { return math.Sqrt(squares(x) / float64(len(x))) }

// SEM is the standard error of the mean, SD/sqrt(n); NaN for fewer than two values.
func SEM(x []float64) float64 { return SD(x) / math.Sqrt(float64(len(x))) }

// squares is the sum of squares about the mean, with the correction that removes the mean's own rounding.
func squares(x []float64) float64 {
	if len(x) > 0 && !slices.ContainsFunc(x, func(v float64) bool { return v != x[0] }) {
		return x[0] - x[0] // equal values: 0, or NaN for equal infinities
	}
	m := Mean(x)
	ss, s := 0.0, 0.0
	for _, v := range x {
		d := v - m
		ss += d * d
		s += d
	}
	return max(ss-s*s/float64(len(x)), 0)
}

// Finite returns the values of x that are numbers (not NaN, not infinite), in order.
func Finite(x []float64) []float64 {
	out := make([]float64, 0, len(x))
	for _, v := range x {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			out = append(out, v)
		}
	}
	return out
}

// Quantile is the p-quantile by linear interpolation between order statistics: type 7 of Hyndman & Fan (1996), the
// default of numpy and R. p outside [0, 1], no values, or any NaN give NaN.
func Quantile(x []float64, p float64) float64 { return Quantiles(x, p)[0] }

// Quantiles is Quantile for several p, with one sort.
func Quantiles(x []float64, p ...float64) []float64 {
	out := make([]float64, len(p))
	s := slices.Clone(x)
	slices.Sort(s) // NaN first
	for i, q := range p {
		if len(s) == 0 || math.IsNaN(s[0]) {
			out[i] = math.NaN()
		} else {
			out[i] = sortedQuantile(s, q)
		}
	}
	return out
}

func sortedQuantile(s []float64, p float64) float64 {
	if !(p >= 0 && p <= 1) {
		return math.NaN()
	}
	h := p * float64(len(s)-1)
	i := int(h)
	if i+1 >= len(s) || s[i] == s[i+1] {
		return s[i]
	}
	return s[i] + (h-float64(i))*(s[i+1]-s[i])
}

// BoxPlot is what a box plot of Tukey draws.
type BoxPlot struct {
	Low, Q1, Median, Q3, High float64   // Low and High: the most extreme values within 1.5 (Q3-Q1) of the box
	Outliers                  []float64 // the values beyond Low and High, ascending
}

// Box computes the five numbers of a box plot, quartiles by Quantile; all NaN for no values or any NaN.
func Box(x []float64) BoxPlot {
	q := Quantiles(x, .25, .5, .75)
	b := BoxPlot{Low: math.NaN(), Q1: q[0], Median: q[1], Q3: q[2], High: math.NaN()}
	if math.IsNaN(b.Median) {
		return b
	}
	reach := 1.5 * (b.Q3 - b.Q1)
	s := slices.Clone(x)
	slices.Sort(s)
	for _, v := range s {
		if v < b.Q1-reach || v > b.Q3+reach {
			b.Outliers = append(b.Outliers, v)
			continue
		}
		if math.IsNaN(b.Low) {
			b.Low = v
		}
		b.High = v
	}
	return b
}

// ECDF is the empirical distribution: the different values in ascending order, and the share of the sample that is
// smaller than or equal to each. NaN is left out of both.
func ECDF(x []float64) (value, share []float64) {
	s := slices.DeleteFunc(slices.Clone(x), math.IsNaN)
	slices.Sort(s)
	for i, v := range s {
		if i+1 < len(s) && s[i+1] == v {
			continue
		}
		value = append(value, v)
		share = append(share, float64(i+1)/float64(len(s)))
	}
	return value, share
}
