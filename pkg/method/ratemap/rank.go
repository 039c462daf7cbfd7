package ratemap

import (
	"math"
	"slices"
)

// Top returns the numbers of the k units with the largest scores, best first. Equal scores keep the order of their
// numbers; NaN comes after every number, also after -Inf. k beyond the number of units, or negative, means all.
func Top(score []float64, k int) []int {
	order := make([]int, len(score))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := score[a], score[b]
		switch {
		case math.IsNaN(x) && math.IsNaN(y):
			return 0
		case math.IsNaN(x):
			return 1
		case math.IsNaN(y):
			return -1
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	if k < 0 || k > len(order) {
		k = len(order)
	}
	return order[:k]
}
