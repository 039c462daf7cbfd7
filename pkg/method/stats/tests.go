package stats

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/ventral-lab/ventral/internal/parallel"
	"github.com/ventral-lab/ventral/internal/rng"
)

// FUpper is the probability that an F variable with d1 and d2 degrees of freedom exceeds f: the regularised
// incomplete beta function I_x(d2/2, d1/2) at x = d2/(d2 + d1 f). 1 for f <= 0, 0 for +Inf, NaN for NaN or
// degrees of freedom below 1.
func FUpper(f float64, d1, d2 int) float64 {
	switch {
	case math.IsNaN(f) || d1 < 1 || d2 < 1:
		return math.NaN()
	case f <= 0:
		return 1
	case math.IsInf(f, 1):
		return 0
	}
	a, b := float64(d1), float64(d2)
	return mathext.RegIncBeta(b/2, a/2, b/(b+a*f))
}

// Interval is an estimate with the limits that hold it with probability Level.
type Interval struct {
	Estimate, Low, High float64
	Level               float64
	Method              string // "wilson", "percentile", "bca", ...
}

// String prints the interval as "0.88 [0.86, 0.9]".
func (i Interval) String() string { return fmt.Sprintf("%.3g [%.3g, %.3g]", i.Estimate, i.Low, i.High) }

// Wilson is the score interval of Wilson (1927) for a proportion of successes among n trials, without continuity
// correction. It stays inside [0, 1] and is right near 0 and 1, where mean +- 2 standard errors is not. n = 0 gives
// the whole range with estimate NaN. level is such as .95; a level not strictly between 0 and 1, or successes not
// in [0, n], give NaN.
func Wilson(successes, n int, level float64) Interval {
	in := Interval{Estimate: math.NaN(), Low: math.NaN(), High: math.NaN(), Level: level, Method: "wilson"}
	if n < 0 || successes < 0 || successes > n || !(level > 0 && level < 1) {
		return in
	}
	if n == 0 {
		in.Low, in.High = 0, 1
		return in
	}
	z, m := distuv.UnitNormal.Quantile(.5+level/2), float64(n)
	p := float64(successes) / m
	mid := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	in.Estimate, in.Low, in.High = p, max(mid-half, 0), min(mid+half, 1)
	if successes == 0 {
		in.Low = 0
	}
	if successes == n {
		in.High = 1
	}
	return in
}

// PermutationTest is the outcome of PairedPermutation.
type PermutationTest struct {
	Difference float64 // mean of a - b
	P          float64 // two-sided
	PGreater   float64 // that a is larger by chance
	Flips      int     // sign patterns looked at
	Exact      bool    // all 2^n of them
}

// PairedPermutation tests whether a and b, measured on the same stimuli, have the same mean: under that hypothesis
// each difference is as likely to have the other sign. Up to exactPairs pairs all sign patterns are counted and p is
// exact; above it flips random ones are drawn and p = (1 + #)/(1 + flips). Sums that differ by rounding only count as
// equal. p is NaN for no pairs or any NaN, 1 where all differences are 0. It panics where the lengths differ.
func PairedPermutation(a, b []float64, flips int, seed uint64, stream string) PermutationTest {
	d := differences(a, b)
	t := PermutationTest{Difference: Mean(d), P: math.NaN(), PGreater: math.NaN()}
	if len(d) == 0 || math.IsNaN(t.Difference) || math.IsInf(t.Difference, 0) {
		return t
	}
	obs, size := 0.0, 0.0
	for _, v := range d {
		obs += v
		size += math.Abs(v)
	}
	tol := 1e-12 * size
	two, greater := 0, 0
	count := func(sum float64) {
		if math.Abs(sum) >= math.Abs(obs)-tol {
			two++
		}
		if sum >= obs-tol {
			greater++
		}
	}
	if len(d) <= exactPairs {
		t.Exact, t.Flips = true, 1<<len(d)
		for pattern := range t.Flips {
			sum := 0.0
			for i, v := range d {
				if pattern>>i&1 == 1 {
					v = -v
				}
				sum += v
			}
			count(sum)
		}
		t.P, t.PGreater = float64(two)/float64(t.Flips), float64(greater)/float64(t.Flips)
		return t
	}
	t.Flips = max(flips, 1)
	sums := make([]float64, t.Flips)
	parallel.Chunks(t.Flips, 64, func(lo, hi int) {
		for k := lo; k < hi; k++ {
			r := rng.Fast(seed, stream, uint64(k))
			var bits uint64
			for i, v := range d {
				if i%64 == 0 {
					bits = r.Uint64()
				}
				if bits&1 == 1 {
					v = -v
				}
				bits >>= 1
				sums[k] += v
			}
		}
	})
	for _, s := range sums {
		count(s)
	}
	t.P, t.PGreater = float64(1+two)/float64(1+t.Flips), float64(1+greater)/float64(1+t.Flips)
	return t
}

// exactPairs is the largest number of pairs whose 2^n sign patterns are all counted: 65,536 of them.
const exactPairs = 16

func differences(a, b []float64) []float64 {
	if len(a) != len(b) {
		panic(fmt.Sprintf("stats: %d and %d values are not pairs", len(a), len(b)))
	}
	d := make([]float64, len(a))
	for i := range d {
		d[i] = a[i] - b[i]
	}
	return d
}
