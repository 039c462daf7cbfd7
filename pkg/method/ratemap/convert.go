package ratemap

import (
	"fmt"
	"math"
	"slices"

	"github.com/ventral-lab/ventral/internal/parallel"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// Conversion names the way in which signed activations were turned into rates. Spatial information, sparsity and
// selectivity are defined for rates, which are not negative; which conversion was used decides what they mean, so
// the name travels with every result.
type Conversion string

// The conversions. a is an activation; mean, sd and q01 are of the same unit over all stimuli.
const (
	Raw         Conversion = "raw"          // a itself: signed, so that scores that divide by the mean blow up; results are flagged
	ReLU        Conversion = "relu"         // max(a, 0): the unit as an on-cell
	Off         Conversion = "relu-off"     // max(-a, 0): the same unit as an off-cell
	Baseline    Conversion = "baseline"     // a - a(blank), signed: the evoked response
	BaselineOn  Conversion = "baseline-on"  // max(a - a(blank), 0)
	BaselineOff Conversion = "baseline-off" // max(a(blank) - a, 0)
	MinShift    Conversion = "min-shift"    // max(a - q01, 0), q01 the 1st percentile (type 7): one noisy minimum does not set the zero
	Abs         Conversion = "abs"          // |a|
	ZOn         Conversion = "z-on"         // max((a-mean)/sd, 0), sd with divisor n
	ZOff        Conversion = "z-off"        // max((mean-a)/sd, 0)
	Softplus    Conversion = "softplus"     // log(1 + exp((a-mean)/sd))
)

// Conversions lists all conversions in the order of their documentation.
func Conversions() []Conversion {
	return []Conversion{Raw, ReLU, Off, Baseline, BaselineOn, BaselineOff, MinShift, Abs, ZOn, ZOff, Softplus}
}

// Signed says whether rates made this way can be negative. Scores that need rates are NaN for units that then
// are, except in their raw variants, which say so.
func (c Conversion) Signed() bool { return c == Raw || c == Baseline || c == Residual }

// NeedsBlank says whether Convert needs the responses to a blank stimulus.
func (c Conversion) NeedsBlank() bool { return c == Baseline || c == BaselineOn || c == BaselineOff }

// Convert turns activations into rates, each activation by itself and so before any binning: a rectified mean is
// not a mean of rectified values, and with the former (ReLU after averaging) clearly tuned units fail the shuffle
// test of spatial information. blank holds one response per unit to the blank stimulus and is needed by the
// baseline conversions only.
//
// A NaN or infinite activation becomes NaN, never a number, so that a broken unit cannot pass for a silent one.
// Units that never vary get z = 0.
func Convert(r *Responses, c Conversion, blank []float32) (*Responses, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	if !slices.Contains(Conversions(), c) {
		return nil, fmt.Errorf("ratemap: no conversion is called %q: use one of %v", c, Conversions())
	}
	if r.Conversion != Raw {
		return nil, fmt.Errorf("ratemap: responses are already converted (%s): convert the raw activations", r.Conversion)
	}
	if c.NeedsBlank() && len(blank) != r.Units {
		return nil, fmt.Errorf("ratemap: conversion %s needs the response of each of the %d units to the blank stimulus, got %d", c, r.Units, len(blank))
	}
	out := &Responses{Stimuli: r.Stimuli, Units: r.Units, Values: make([]float32, len(r.Values)), Conversion: c}
	parallel.Chunks(r.Units, 16, func(lo, hi int) {
		col := make([]float64, r.Stimuli)
		for u := lo; u < hi; u++ {
			ok := true
			for s := range col {
				col[s] = float64(r.Values[s*r.Units+u])
				ok = ok && finite(col[s])
			}
			b := 0.0
			if c.NeedsBlank() {
				if b = float64(blank[u]); !finite(b) {
					b = math.NaN()
				}
			}
			f := converter(c, col, b, ok)
			for s, a := range col {
				v := math.NaN()
				if finite(a) {
					v = f(a)
				}
				out.Values[s*r.Units+u] = float32(v)
			}
		}
	})
	return out, nil
}

// converter is the function of one activation for a unit with activations col. allFinite is false where the unit
// has no mean, deviation or percentile; the conversions that need one then give NaN throughout.
func converter(c Conversion, col []float64, blank float64, allFinite bool) func(float64) float64 {
	z := func(float64) float64 { return math.NaN() }
	q := math.NaN()
	if allFinite {
		switch c {
		case ZOn, ZOff, Softplus:
			mean := stats.Mean(col)
			sd := stats.PopulationSD(col)
			z = func(a float64) float64 {
				if sd == 0 {
					return 0
				}
				return (a - mean) / sd
			}
		case MinShift:
			q = stats.Quantile(col, .01)
		}
	}
	switch c {
	case ReLU:
		return func(a float64) float64 { return max(a, 0) }
	case Off:
		return func(a float64) float64 { return max(-a, 0) }
	case Abs:
		return math.Abs
	case Baseline:
		return func(a float64) float64 { return a - blank }
	case BaselineOn:
		return func(a float64) float64 { return max(a-blank, 0) }
	case BaselineOff:
		return func(a float64) float64 { return max(blank-a, 0) }
	case MinShift:
		return func(a float64) float64 { return max(a-q, 0) }
	case ZOn:
		return func(a float64) float64 { return max(z(a), 0) }
	case ZOff:
		return func(a float64) float64 { return max(-z(a), 0) }
	case Softplus:
		return func(a float64) float64 {
			v := z(a)
			return max(v, 0) + math.Log1p(math.Exp(-math.Abs(v)))
		}
	default:
		return func(a float64) float64 { return a }
	}
}
