package decode

import (
	"fmt"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// Point is one size of population on a learning curve: means and standard deviations over random subsets of units.
type Point struct {
	Units         int
	Subsets       int // 1 where the subset is all units
	X, Y          Moments
	Diameter      Moments // NaN where it was not decoded
	MedianError   Moments // pixels
	MedianErrors  []float64
	SubsetIndexes [][]int // the units of each subset, by their number in the responses
}

// Moments are a mean and a standard deviation (divisor n-1; 0 for one value).
type Moments struct{ Mean, SD float64 }

// Curve decodes from random subsets of units: for every count, subsets of them (0 = 5), each with Decode's protocol and no
// permutations. The folds are the same for all, so that points differ by their units alone. Counts beyond the number of
// usable units are an error; the count of all units takes one subset.
func Curve(responses []float64, n, units int, targets Targets, counts []int, subsets int, opt Options) ([]Point, error) {
	if subsets == 0 {
		subsets = 5
	}
	if subsets < 1 || len(counts) == 0 {
		return nil, fmt.Errorf("decode: a curve of %d points with %d subsets each: want one of both or more", len(counts), subsets)
	}
	opt.Shuffles, opt.Resamples = 0, 1
	opt, err := opt.filled(n)
	if err != nil {
		return nil, err
	}
	x, left, err := usable(responses, n, units)
	if err != nil {
		return nil, err
	}
	p := units - len(left)
	number := make([]int, 0, p) // of the usable units
	for u, k := 0, 0; u < units; u++ {
		if k < len(left) && left[k] == u {
			k++
			continue
		}
		number = append(number, u)
	}
	var out []Point
	for _, c := range counts {
		if c < 1 || c > p {
			return nil, fmt.Errorf("decode: a subset of %d of %d usable units", c, p)
		}
		pt := Point{Units: c, Subsets: subsets}
		if c == p {
			pt.Subsets = 1
		}
		var scores [3][]float64
		for k := range pt.Subsets {
			pick := rng.Fast(opt.Seed, opt.Stream+"/units", uint64(c), uint64(k)).Perm(p)[:c]
			sub, index := make([]float64, n*c), make([]int, c)
			for j, u := range pick {
				index[j] = number[u]
				for i := range n {
					sub[i*c+j] = x[i*p+u]
				}
			}
			r, err := Decode(sub, n, c, targets, opt)
			if err != nil {
				return nil, err
			}
			scores[0], scores[1] = append(scores[0], r.X.R2), append(scores[1], r.Y.R2)
			if r.Diameter != nil {
				scores[2] = append(scores[2], r.Diameter.R2)
			}
			pt.MedianErrors = append(pt.MedianErrors, r.MedianError)
			pt.SubsetIndexes = append(pt.SubsetIndexes, index)
		}
		pt.X, pt.Y, pt.Diameter, pt.MedianError = moments(scores[0]), moments(scores[1]), moments(scores[2]), moments(pt.MedianErrors)
		out = append(out, pt)
	}
	return out, nil
}

func moments(v []float64) Moments {
	m := Moments{Mean: stats.Mean(v)}
	if len(v) > 1 {
		m.SD = stats.SD(v)
	}
	return m
}
