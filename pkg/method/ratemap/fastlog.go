package ratemap

import "math"

// The information of a thousand shuffles takes half a billion logarithms, most of the time of the whole test. A
// table of 128 reciprocals and a polynomial on what is left give them at a third of math.Log2's cost. The polynomial
// is log2(1+t) to t^6 for |t| < 1/255: its first omitted term is t^7/(7 ln 2) < 2^-58.

const logBits = 7

var logTable = func() (t [1 << logBits]struct{ inv, log float64 }) {
	for i := range t {
		c := 1 + (float64(i)+.5)/float64(len(t)) // middle of the interval of mantissas
		t[i].inv = 1 / c
		t[i].log = -math.Log2(t[i].inv) // of the rounded reciprocal: then log2(m) = log + log2(m*inv) holds for it
	}
	return t
}()

// The coefficients of log2(1+t) = t (c1 + t (c2 + ...)): (-1)^(k+1) / (k ln 2).
const (
	c1 = math.Log2E
	c2 = -math.Log2E / 2
	c3 = math.Log2E / 3
	c4 = -math.Log2E / 4
	c5 = math.Log2E / 5
	c6 = -math.Log2E / 6
)

// fastLog2 is log2(x) for normal positive x to an absolute error below 5e-16 times max(1, |log2 x|). For 0 it is
// -1023, so that 0*fastLog2(0) is 0 as the limit is.
func fastLog2(x float64) float64 {
	b := math.Float64bits(x)
	e := &logTable[b>>(52-logBits)&(1<<logBits-1)]
	t := math.Float64frombits(b&(1<<52-1)|1023<<52)*e.inv - 1
	t2 := t * t
	return float64(int(b>>52)-1023) + e.log + ((c1*t + c2*t2) + t2*((c3*t+c4*t2)+t2*(c5*t+c6*t2)))
}
