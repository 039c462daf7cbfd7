//go:build !goexperiment.simd || !amd64

package ratemap

// vectors says that this processor adds eight float64 at a time, and that the compiler can make it.
var vectors = false

// runVector is never called where there are no vectors.
func (p *plan) runVector(*block, []int32, []float64, kernel) {}
