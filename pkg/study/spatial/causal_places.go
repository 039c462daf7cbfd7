package spatial

import (
	"math"
	"sort"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// placeOf is the place of stimulus i in a grid of side x side over the frame, row by row from the top left. Centres
// outside the frame count to the nearest place.
func (s *Study) placeOf(i, side int) int {
	at := func(v float64) int { return min(max(int(v*float64(side)), 0), side-1) }
	return at(s.y[i])*side + at(s.x[i])
}

// placeCentre is the centre of a place, in fractions of the frame.
func placeCentre(p, side int) (x, y float64) {
	return (float64(p%side) + 0.5) / float64(side), (float64(p/side) + 0.5) / float64(side)
}

// halves deals the stimuli into two halves at random: one to choose units by, one to measure lesions with.
func (s *Study) halves() (choose, measure []int) {
	order := rng.New(s.Options.Seed, "spatial/halves").Perm(s.set.Len())
	n := (len(order) + 1) / 2
	return order[:n], order[n:]
}

// balanced takes up to n stimuli of a list, the same number of every place as far as there are, in the order of the list.
func (s *Study) balanced(list []int, n, side int) []int {
	each := max(n/(side*side), 1)
	count := make([]int, side*side)
	var out []int
	for _, i := range list {
		if p := s.placeOf(i, side); count[p] < each {
			count[p]++
			out = append(out, i)
		}
	}
	return out
}

// tuning is how much every unit prefers every place.
type tuning struct {
	// z is [place][unit]: the mean activation for stimuli there less the mean for all others, in standard deviations over
	// stimuli; 0 where a place has no stimuli or a unit never varies.
	z  [][]float64
	sd []float64 // of every unit, over stimuli
}

// tune measures the preference on the stimuli of a list. values is [stimulus, unit].
func (s *Study) tune(values []float32, units int, list []int, side int) tuning {
	places := side * side
	t := tuning{sd: make([]float64, units)}
	count := make([]float64, places)
	sums := make([][]float64, places)
	for p := range sums {
		sums[p] = make([]float64, units)
		t.z = append(t.z, make([]float64, units))
	}
	for _, i := range list {
		p := s.placeOf(i, side)
		count[p]++
		for u := range units {
			sums[p][u] += float64(values[i*units+u])
		}
	}
	n := float64(len(list))
	for u := range units {
		total, col := 0.0, make([]float64, len(list))
		for p := range places {
			total += sums[p][u]
		}
		for k, i := range list {
			col[k] = float64(values[i*units+u])
		}
		t.sd[u] = stats.PopulationSD(col)
		if !(t.sd[u] > 0) {
			continue
		}
		for p := range places {
			if count[p] > 0 && count[p] < n {
				t.z[p][u] = (sums[p][u]/count[p] - (total-sums[p][u])/(n-count[p])) / t.sd[u]
			}
		}
	}
	return t
}

// sets are, for every place, the k units that prefer it most or avoid it most: those whose activation there differs most
// from that elsewhere, either way, as a unit's sign means nothing to the layers after it.
func (t tuning) sets(k int) [][]int {
	out := make([][]int, len(t.z))
	for p, z := range t.z {
		order := descending(z, true)
		out[p] = append([]int(nil), order[:min(k, len(order))]...)
		sort.Ints(out[p])
	}
	return out
}

// shareOf is the number of units that a share is, at least one.
func shareOf(share float64, units int) int { return max(int(math.Round(share*float64(units))), 1) }
