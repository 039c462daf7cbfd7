package ratemap

import (
	"math"

	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// Coherence is the correlation between the rate of a bin and the mean rate of its neighbours (Muller & Kubie 1989),
// over the visited bins that have a visited neighbour. Neighbours are the up to eight visited bins around; at the
// border there are fewer and the mean is over those. It is meant for maps that were not smoothed. NaN for constant
// maps, fewer than three such bins, and infinite rates.
func Coherence(m Map) float64 {
	if m.broken() {
		return math.NaN()
	}
	var own, around []float64
	for b, r := range m.Rate {
		if math.IsNaN(r) {
			continue
		}
		if sum, n := m.neighbours(b/m.Cols, b%m.Cols); n > 0 {
			own, around = append(own, r), append(around, sum/n)
		}
	}
	if len(own) < 3 {
		return math.NaN()
	}
	return stats.Pearson(own, around)
}

// OpexeboCoherence is the coherence of opexebo 0.7: the sum over the neighbours is always divided by 8, with zeros
// beyond the border; an unvisited bin counts 0 as a bin, and as a neighbour is replaced by what the visited ones
// give. NaN as Coherence.
func OpexeboCoherence(m Map) float64 {
	if m.broken() {
		return math.NaN()
	}
	own, around := make([]float64, len(m.Rate)), make([]float64, len(m.Rate))
	seen := 0
	for b, r := range m.Rate {
		if !math.IsNaN(r) {
			own[b] = r
			seen++
		}
		sum, n := m.neighbours(b/m.Cols, b%m.Cols)
		// astropy renormalises by the kernel weight over bins that are not NaN; zeros beyond the border are not NaN.
		if valid := n + float64(m.beyond(b/m.Cols, b%m.Cols)); valid > 0 {
			around[b] = sum / valid
		}
	}
	if seen < 3 {
		return math.NaN()
	}
	return stats.Pearson(own, around)
}

// neighbours sums the rates of the visited bins among the eight around (row, col).
func (m Map) neighbours(row, col int) (sum, n float64) {
	for i := max(row-1, 0); i <= min(row+1, m.Rows-1); i++ {
		for j := max(col-1, 0); j <= min(col+1, m.Cols-1); j++ {
			if r := m.At(i, j); (i != row || j != col) && !math.IsNaN(r) {
				sum += r
				n++
			}
		}
	}
	return sum, n
}

// beyond counts the places among the eight around (row, col) that lie beyond the border.
func (m Map) beyond(row, col int) int {
	h := min(row+1, m.Rows-1) - max(row-1, 0) + 1
	w := min(col+1, m.Cols-1) - max(col-1, 0) + 1
	return 9 - h*w
}
