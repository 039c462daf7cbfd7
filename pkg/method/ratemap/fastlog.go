package ratemap

import "math"

// The information of a thousand shuffles takes half a billion logarithms, most of the time of the whole test. A table of
// 16 reciprocals and a polynomial on what is left give them at a third of math.Log2's cost, and eight at a time where the
// processor has vectors of eight (vector_amd64.go), whose registers hold the table. The polynomial is log2(1+t) to t^10
// for |t| < 1/32: its first omitted term is t^11/(11 ln 2) < 2^-57.

const logBits = 4

// logInv and logOf are, for each of 16 equal intervals of mantissas, the reciprocal of its middle and the logarithm of
// that (of the rounded reciprocal: then log2(m) = logOf + log2(m*logInv) holds for it).
var logInv, logOf = func() (inv, log [1 << logBits]float64) {
	for i := range inv {
		inv[i] = 1 / (1 + (float64(i)+.5)/float64(len(inv)))
		log[i] = -math.Log2(inv[i])
	}
	return inv, log
}()

// The coefficients of log2(1+t) = t (c1 + t (c2 + ...)): (-1)^(k+1) / (k ln 2).
const (
	c1  = math.Log2E
	c2  = -math.Log2E / 2
	c3  = math.Log2E / 3
	c4  = -math.Log2E / 4
	c5  = math.Log2E / 5
	c6  = -math.Log2E / 6
	c7  = math.Log2E / 7
	c8  = -math.Log2E / 8
	c9  = math.Log2E / 9
	c10 = -math.Log2E / 10
)

// fastLog2 is log2(x) for normal positive x to an absolute error below 5e-16 times max(1, |log2 x|). For 0 it is
// about -1023, so that 0*fastLog2(0) is 0 as the limit is. The order of its operations is that of vectorLog2, which has
// the same bits.
func fastLog2(x float64) float64 {
	b := math.Float64bits(x)
	i := b >> (52 - logBits) & (1<<logBits - 1)
	t := math.Float64frombits(b&(1<<52-1)|1023<<52)*logInv[i] - 1
	t2 := t * t
	p := (c7 + c8*t) + t2*(c9+c10*t)
	p = (c1 + c2*t) + t2*((c3+c4*t)+t2*((c5+c6*t)+t2*p))
	return (float64(int(b>>52)-1023) + logOf[i]) + t*p
}
