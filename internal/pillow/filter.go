package pillow

import (
	"fmt"
	"math"
	"strings"
)

// Filter names one of Pillow's resampling filters.
type Filter uint8

// The filters, with Pillow's names. Bicubic is Keys' cubic with a = -0.5; Lanczos has three lobes. Unlike the
// filters of an image viewer they widen with the reduction, so that every source pixel counts.
const (
	Nearest Filter = iota
	Box
	Bilinear
	Bicubic
	Lanczos
)

var filterNames = [...]string{"nearest", "box", "bilinear", "bicubic", "lanczos"}

// String returns the filter's name in lower case.
func (f Filter) String() string {
	if int(f) < len(filterNames) {
		return filterNames[f]
	}
	return fmt.Sprintf("Filter(%d)", uint8(f))
}

// ParseFilter returns the filter of that name, in either case.
func ParseFilter(name string) (Filter, error) {
	for i, n := range filterNames {
		if strings.EqualFold(n, name) {
			return Filter(i), nil
		}
	}
	return 0, fmt.Errorf("pillow: no filter %q: use one of %s", name, strings.Join(filterNames[:], ", "))
}

// support is half the filter's width in source pixels at scale 1.
func (f Filter) support() float64 {
	switch f {
	case Box:
		return 0.5
	case Bilinear:
		return 1
	case Bicubic:
		return 2
	default:
		return 3
	}
}

// at is the filter's weight at distance x. The float64 conversions forbid fused multiply-adds, which some
// platforms would otherwise use and which round differently.
func (f Filter) at(x float64) float64 {
	switch f {
	case Box:
		if x > -0.5 && x <= 0.5 {
			return 1
		}
		return 0
	case Bilinear:
		if x = math.Abs(x); x < 1 {
			return 1 - x
		}
		return 0
	case Bicubic: // Keys 1981, eq. 4, a = -1/2
		const a = -0.5
		x = math.Abs(x)
		if x < 1 {
			return float64(float64(float64(float64((a+2)*x)-(a+3))*x)*x) + 1
		}
		if x < 2 {
			return (float64((float64((x-5)*x)+8)*x) - 4) * a
		}
		return 0
	default:
		if x >= -3 && x < 3 {
			return sinc(x) * sinc(x/3)
		}
		return 0
	}
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}

// window is the part of a source line that one output pixel is made of: source pixels [lo, lo+n) with the
// weights [at, at+n) of the table it belongs to.
type window struct{ lo, n, at int }

// table holds the windows and normalised weights of output pixels [o0, o1) of one pass.
type table struct {
	windows []window
	weights []float64
	fixed   []int64 // weights with 22 fractional bits, rounded half away from zero
	taps    int     // the widest window
	lo, hi  int     // source pixels [lo, hi) that any window touches
}

// precisionBits leaves, in 32 bits, 8 for the value and 2 for overshoots.
const precisionBits = 32 - 8 - 2

// build fills t for a line of in pixels that becomes out pixels, for output pixels [o0, o1) only.
func (t *table) build(f Filter, in, out, o0, o1 int) {
	t.windows, t.weights, t.fixed = t.windows[:0], t.weights[:0], t.fixed[:0]
	t.taps, t.lo, t.hi = 0, in, 0
	scale := float64(in) / float64(out)
	stretch := max(scale, 1)
	support := f.support() * stretch
	inverse := 1 / stretch
	for o := o0; o < o1; o++ {
		centre := (float64(o) + 0.5) * scale
		lo := max(int(centre-support+0.5), 0)
		hi := min(int(centre+support+0.5), in)
		at, sum := len(t.weights), 0.0
		for i := lo; i < hi; i++ {
			w := f.at((float64(i) - centre + 0.5) * inverse)
			t.weights = append(t.weights, w)
			sum += w
		}
		for i := at; i < len(t.weights); i++ {
			if sum != 0 {
				t.weights[i] /= sum
			}
			w := float64(t.weights[i] * (1 << precisionBits))
			if w < 0 {
				w -= 0.5
			} else {
				w += 0.5
			}
			t.fixed = append(t.fixed, int64(w))
		}
		t.windows = append(t.windows, window{lo, hi - lo, at})
		t.taps = max(t.taps, hi-lo)
		t.lo, t.hi = min(t.lo, lo), max(t.hi, hi)
	}
}
