package parallel_test

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/ventral-lab/ventral/internal/parallel"
)

func TestForRunsEveryPieceOnce(t *testing.T) {
	for _, procs := range []int{1, 2, 7} {
		old := runtime.GOMAXPROCS(procs)
		for _, n := range []int{-1, 0, 1, 2, 1000} {
			got := make([]int, max(n, 0))
			parallel.For(n, func(i int) { got[i]++ })
			for i, g := range got {
				if g != 1 {
					t.Errorf("%d processors: piece %d of %d ran %d times", procs, i, n, g)
				}
			}
		}
		runtime.GOMAXPROCS(old)
	}
}

func TestChunksCoverTheRangeWithFixedCuts(t *testing.T) {
	for _, c := range []struct{ n, size, count int }{{0, 4, 0}, {1, 4, 1}, {4, 4, 1}, {5, 4, 2}, {10, 3, 4}, {3, 0, 3}} {
		if got := parallel.Count(c.n, c.size); got != c.count {
			t.Errorf("Count(%d, %d) = %d, want %d", c.n, c.size, got, c.count)
		}
		seen := make([]int, c.n)
		parallel.Chunks(c.n, c.size, func(lo, hi int) {
			if lo%max(c.size, 1) != 0 || hi <= lo || hi-lo > max(c.size, 1) {
				t.Errorf("chunk [%d, %d) of n=%d size=%d is not on the fixed cuts", lo, hi, c.n, c.size)
			}
			for i := lo; i < hi; i++ {
				seen[i]++
			}
		})
		for i, s := range seen {
			if s != 1 {
				t.Errorf("n=%d size=%d: item %d in %d chunks", c.n, c.size, i, s)
			}
		}
	}
}

// A sum made by chunks has the same bits whatever the number of processors; that is what the package is for.
func TestChunkedSumHasTheSameBits(t *testing.T) {
	const n, size = 100_003, 1000
	var want uint64
	for k, procs := range []int{1, 2, 3, 8} {
		old := runtime.GOMAXPROCS(procs)
		part := make([]float64, parallel.Count(n, size))
		parallel.Chunks(n, size, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				part[lo/size] += math.Sin(float64(i))
			}
		})
		runtime.GOMAXPROCS(old)
		sum := 0.0
		for _, p := range part {
			sum += p
		}
		if k == 0 {
			want = math.Float64bits(sum)
		} else if math.Float64bits(sum) != want {
			t.Errorf("%d processors: sum %v has other bits than on one", procs, sum)
		}
	}
}

func TestPanicReachesTheCaller(t *testing.T) {
	for _, procs := range []int{1, 4} {
		old := runtime.GOMAXPROCS(procs)
		func() {
			defer func() {
				if r := recover(); r != "piece 17" {
					t.Errorf("%d processors: recovered %v, want the panic of piece 17", procs, r)
				}
			}()
			parallel.For(100, func(i int) {
				if i == 17 {
					panic("piece 17")
				}
			})
		}()
		runtime.GOMAXPROCS(old)
	}
}

func ExampleChunks() {
	part := make([]int, parallel.Count(10, 4))
	parallel.Chunks(10, 4, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			part[lo/4] += i
		}
	})
	fmt.Println(part)
	// Output: [6 22 17]
}
