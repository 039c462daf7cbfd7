package figure

import (
	"math"
	"strconv"
	"strings"
)

// Tick is one labelled mark of an axis.
type Tick struct {
	Value float64
	Label string
}

// linearTicks marks the range lo..hi at about want round places: multiples of 1, 2, 2.5 or 5 times a power of ten.
// Labels have the same number of decimals, no more than the step needs, and a true minus sign.
func linearTicks(lo, hi float64, want float64, percent bool) []Tick {
	if !(hi > lo) || math.IsInf(hi-lo, 0) {
		return nil
	}
	unit := 1.0
	suffix := ""
	if percent {
		unit, suffix = 0.01, ""
	}
	raw := (hi - lo) / math.Max(want, 1) / unit
	mag := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * mag
	for _, s := range []float64{1, 2, 2.5, 5} {
		if s*mag >= raw*(1-1e-9) {
			step = s * mag
			break
		}
	}
	largest := math.Max(math.Abs(lo), math.Abs(hi)) / unit
	// Thousands and millions are written k and M: training steps are read in those.
	div := 1.0
	switch {
	case percent:
	case largest >= 1e6 && largest < 1e9:
		div, suffix = 1e6, "M"
	case largest >= 1e4 && largest < 1e6:
		div, suffix = 1e3, "k"
	}
	decimals := 0
	for d := step / div; decimals < 12 && math.Abs(d-math.Round(d)) > 1e-9*math.Max(1, d); decimals++ {
		d *= 10
	}
	scientific := largest >= 1e9 || largest < 1e-3
	var out []Tick
	first := math.Ceil(lo/unit/step - 1e-9)
	for i := 0; i < 100; i++ {
		v := (first + float64(i)) * step
		if v > hi/unit+1e-9*step {
			break
		}
		if math.Abs(v) < step*1e-9 {
			v = 0
		}
		label := ""
		switch {
		case v == 0:
			label = "0"
		case scientific:
			label = powerLabel(v)
		default:
			label = decimal(v/div, decimals) + suffix
		}
		out = append(out, Tick{v * unit, label})
	}
	return out
}

// decimal prints v with the given decimals and a true minus sign.
func decimal(v float64, decimals int) string {
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.HasPrefix(s, "-") {
		if strings.Trim(s, "-0.") == "" {
			return s[1:]
		}
		return "−" + s[1:]
	}
	return s
}

// short prints v with about three significant digits for titles and cells: no exponent between 0.001 and 99999.
func short(v float64) string {
	a := math.Abs(v)
	switch {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 1):
		return "∞"
	case math.IsInf(v, -1):
		return "−∞"
	case v == 0:
		return "0"
	case a >= 1e5 || a < 1e-3:
		return powerLabel(v)
	case a >= 100:
		return decimal(v, 0)
	case a >= 10:
		return decimal(v, 1)
	case a >= 0.095:
		return decimal(v, 2)
	default:
		return decimal(v, 3)
	}
}

// powerLabel prints v as a mantissa times a power of ten, in markup.
func powerLabel(v float64) string {
	e := math.Floor(math.Log10(math.Abs(v)) + 1e-12)
	m := v / math.Pow(10, e)
	mant := strconv.FormatFloat(math.Round(m*100)/100, 'g', -1, 64)
	mant = strings.Replace(mant, "-", "−", 1)
	p := "10^{" + strings.Replace(strconv.Itoa(int(e)), "-", "−", 1) + "}"
	switch mant {
	case "1":
		return p
	case "−1":
		return "−" + p
	}
	return mant + "×" + p
}

// logTicks marks a logarithmic axis: powers of ten, thinned to about want, with 2 and 5 added where the range is less
// than two decades. Unlabelled ticks stand at the other multiples where there is room.
func logTicks(lo, hi float64, want float64) []Tick {
	if !(lo > 0) || !(hi > lo) || math.IsInf(hi, 0) {
		return nil
	}
	first, last := math.Floor(math.Log10(lo)-1e-9), math.Ceil(math.Log10(hi)+1e-9)
	decades := math.Log10(hi / lo)
	every := math.Max(1, math.Ceil(decades/math.Max(want, 1)))
	powers := lo < 0.9e-3 || hi > 2e4 // one way of writing along the whole axis
	var out []Tick
	for e := first; e <= last; e++ {
		for m := 1.0; m < 10; m++ {
			v := m * math.Pow(10, e)
			if v < lo*(1-1e-9) || v > hi*(1+1e-9) {
				continue
			}
			label := ""
			switch {
			case m == 1 && math.Mod(e, every) == 0, decades < 2 && (m == 2 || m == 5):
				label = decimal(v, int(math.Max(0, -e)))
				if powers && (e < 0 || e > 1) {
					label = powerLabel(v)
				}
			case every > 1:
				continue
			}
			out = append(out, Tick{v, label})
		}
	}
	return out
}
