package stats

import (
	"math"
	"slices"
)

// QValues adjusts p values for the number of tests by the step-up procedure of Benjamini & Hochberg (1995):
// rejecting every test with q <= alpha keeps the expected share of false ones among the rejected at alpha, for
// independent or positively dependent tests. q of the i-th smallest p of m is min over j >= i of m p_j / j, at most 1.
// Give all p values of one question together, over all units and layers. NaN (a test not made) stays NaN and does not
// count in m.
func QValues(p []float64) []float64 {
	q := make([]float64, len(p))
	order := make([]int, 0, len(p))
	for i, v := range p {
		if math.IsNaN(v) {
			q[i] = math.NaN()
		} else {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p[a] < p[b]:
			return -1
		case p[a] > p[b]:
			return 1
		}
		return 0
	})
	least, m := 1.0, float64(len(order))
	for k := len(order) - 1; k >= 0; k-- {
		least = min(least, p[order[k]]*(m/float64(k+1)))
		q[order[k]] = least
	}
	return q
}

// Discoveries counts the q values at or below alpha; NaN is none.
func Discoveries(q []float64, alpha float64) int {
	n := 0
	for _, v := range q {
		if v <= alpha {
			n++
		}
	}
	return n
}
