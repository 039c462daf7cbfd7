package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/ventral-lab/ventral/internal/parallel"
	"github.com/ventral-lab/ventral/internal/rng"
)

// Method names how limits are taken from bootstrap values.
type Method string

// The two methods. Percentile takes the quantiles of the bootstrap values. BCa (bias-corrected and accelerated, Efron
// 1987) shifts them for the bias of the estimate and for the change of its spread with its size; it is the better one
// for skewed estimates, and costs a jackknife.
const (
	Percentile Method = "percentile"
	BCa        Method = "bca"
)

// Options of the bootstrap.
type Options struct {
	Resamples int     // 0 = 10,000
	Level     float64 // 0 = .95
	Method    Method  // "" = BCa
	Seed      uint64
	Stream    string // "" = "stats/bootstrap"; resample k of a seed and stream draws the same rows for every statistic
}

func (o Options) filled() Options {
	if o.Resamples <= 0 {
		o.Resamples = 10000
	}
	if !(o.Level > 0 && o.Level < 1) {
		o.Level = .95
	}
	if o.Method == "" {
		o.Method = BCa
	}
	if o.Stream == "" {
		o.Stream = "stats/bootstrap"
	}
	return o
}

// Bootstrap gives an interval for any statistic of n rows (stimuli, say). statistic computes it from a list of row
// numbers, 0 to n-1 with repeats; it is called from several goroutines and must not keep or change the list. Because
// whole rows are drawn, a statistic of two conditions measured on the same rows (a difference, an AUC of a curve over
// conditions) gets a paired interval.
//
// Limits are NaN for n < 2, and where the statistic is NaN on the data or on any resample. Where all resamples agree,
// the limits are the estimate.
func Bootstrap(n int, statistic func(rows []int) float64, opt Options) Interval {
	opt = opt.filled()
	in := Interval{Estimate: math.NaN(), Low: math.NaN(), High: math.NaN(), Level: opt.Level, Method: string(opt.Method)}
	all := make([]int, max(n, 0))
	for i := range all {
		all[i] = i
	}
	if n < 1 {
		return in
	}
	in.Estimate = statistic(all)
	if n < 2 || math.IsNaN(in.Estimate) {
		return in
	}
	boot := make([]float64, opt.Resamples)
	parallel.ForScratch(parallel.Count(opt.Resamples, 64), func() []int { return make([]int, n) }, func(c int, rows []int) {
		for k := c * 64; k < min(c*64+64, opt.Resamples); k++ {
			r := rng.Fast(opt.Seed, opt.Stream, uint64(k))
			for i := range rows {
				rows[i] = r.IntN(n)
			}
			boot[k] = statistic(rows)
		}
	})
	if slices.ContainsFunc(boot, math.IsNaN) {
		return in
	}
	slices.Sort(boot)
	low, high := (1-opt.Level)/2, (1+opt.Level)/2
	if opt.Method == BCa {
		low, high = accelerated(boot, in.Estimate, low, high, n, statistic)
	}
	in.Low, in.High = sortedQuantile(boot, low), sortedQuantile(boot, high)
	return in
}

// accelerated moves the two probabilities as BCa does (Efron & Tibshirani 1993, eq. 14.9-14.15).
func accelerated(sorted []float64, estimate, low, high float64, n int, statistic func([]int) float64) (float64, float64) {
	// Share below the estimate, ties by half; kept off 0 and 1, where its normal quantile is infinite.
	first, _ := slices.BinarySearch(sorted, estimate)
	past, _ := slices.BinarySearchFunc(sorted, estimate, func(v, e float64) int {
		if v <= e {
			return -1
		}
		return 1
	})
	b := float64(len(sorted))
	share := min(max(float64(first+past)/2/b, .5/b), 1-.5/b)
	z0 := distuv.UnitNormal.Quantile(share)
	jack := make([]float64, n)
	parallel.ForScratch(n, func() []int { return make([]int, n-1) }, func(i int, rows []int) {
		for k := range rows {
			rows[k] = k
			if k >= i {
				rows[k]++
			}
		}
		jack[i] = statistic(rows)
	})
	m := Mean(jack)
	s2, s3 := 0.0, 0.0
	for _, v := range jack {
		d := m - v
		s2 += d * d
		s3 += d * d * d
	}
	a := 0.0
	if s2 > 0 {
		a = s3 / (6 * math.Pow(s2, 1.5))
	}
	adjust := func(p float64) float64 {
		z := z0 + distuv.UnitNormal.Quantile(p)
		return distuv.UnitNormal.CDF(z0 + z/(1-a*z))
	}
	return adjust(low), adjust(high)
}

// MeanInterval is the bootstrap interval of the mean of x.
func MeanInterval(x []float64, opt Options) Interval {
	return Bootstrap(len(x), func(rows []int) float64 { return meanOf(x, rows) }, opt)
}

// PairedDifference is the bootstrap interval of the mean of a - b, the two measured on the same rows. It panics where
// the lengths differ.
func PairedDifference(a, b []float64, opt Options) Interval {
	return MeanInterval(differences(a, b), opt)
}

// AUCInterval is the bootstrap interval of the area under the mean curve: y[row][k] is the value of one stimulus at
// x[k], and the area is that of AUC divided by the width of x, so the mean height. Rows must be as long as x; it
// panics where one is not. All NaN for fewer than two abscissae.
func AUCInterval(x []float64, y [][]float64, opt Options) Interval {
	if len(x) < 2 {
		return Bootstrap(0, nil, opt)
	}
	area := make([]float64, len(y)) // the area of the mean is the mean of the areas
	for i, row := range y {
		area[i] = AUC(x, row) / (x[len(x)-1] - x[0])
	}
	return MeanInterval(area, opt)
}

func meanOf(x []float64, rows []int) float64 {
	sum := 0.0
	for _, i := range rows {
		sum += x[i]
	}
	return sum / float64(len(rows))
}
