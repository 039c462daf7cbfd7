// Package parallel spreads independent pieces of work over the processors, in a way that cannot change the result.
//
// The pieces are fixed by the caller (an index, or a chunk of a stated size), never by the number of processors:
// a sum that is made chunk by chunk and added up in chunk order has the same bits on one thread and on sixty-four.
//
// # Invariants
//
//   - Every piece runs exactly once, and all have finished when the call returns.
//   - Which thread runs a piece, and in what order, is not defined: a piece writes only what no other piece touches.
//   - A panic in a piece is raised again on the caller's goroutine, after the other threads have stopped.
//
// # Limits
//
// There is no cancellation: pieces are meant to be short. Nested calls work, and use more goroutines than processors.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// For runs fn(i) for every i in [0, n) and returns when all are done. n <= 0 does nothing.
func For(n int, fn func(i int)) {
	ForScratch(n, func() struct{} { return struct{}{} }, func(i int, _ struct{}) { fn(i) })
}

// Chunks cuts [0, n) into consecutive chunks of size items (the last may be shorter) and runs fn(lo, hi) on each.
// The cuts depend on n and size alone. A size below 1 is taken as 1.
func Chunks(n, size int, fn func(lo, hi int)) {
	size = max(size, 1)
	For(Count(n, size), func(c int) {
		lo := c * size
		fn(lo, min(lo+size, n))
	})
}

// Count is the number of chunks that Chunks makes of n items: n/size rounded up, 0 for n <= 0.
func Count(n, size int) int {
	if n <= 0 {
		return 0
	}
	return (n-1)/max(size, 1) + 1
}

// ForScratch is For with a scratch value for each thread, made by scratch when the thread starts. What a piece
// leaves in its scratch must not matter to the next.
func ForScratch[S any](n int, scratch func() S, fn func(i int, s S)) {
	if n <= 0 {
		return
	}
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers == 1 {
		s := scratch()
		for i := range n {
			fn(i, s)
		}
		return
	}
	var (
		next   atomic.Int64
		wg     sync.WaitGroup
		once   sync.Once
		caught any
	)
	for range workers {
		wg.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					next.Store(int64(n)) // no thread starts another piece
					once.Do(func() { caught = r })
				}
			}()
			s := scratch()
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				fn(i, s)
			}
		})
	}
	wg.Wait()
	if caught != nil {
		panic(caught)
	}
}
