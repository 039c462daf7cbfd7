package ratemap

import (
	"fmt"
	"math"
)

// Responses holds the response of every unit to every stimulus, stimulus after stimulus, as a recording of a
// network has it: Values[stimulus*Units+unit]. Activations are float32 because networks compute them so; every
// sum over them is float64.
type Responses struct {
	Stimuli, Units int
	Values         []float32  // [stimulus, unit]
	Conversion     Conversion // how the values became rates; Raw for activations as recorded
}

// FromStimuli wraps values [stimulus, unit] without copying them.
func FromStimuli(values []float32, stimuli, units int) (*Responses, error) {
	if stimuli < 0 || units < 1 || len(values)/units != stimuli || len(values)%units != 0 {
		return nil, fmt.Errorf("ratemap: %d values cannot be %d stimuli x %d units", len(values), stimuli, units)
	}
	return &Responses{Stimuli: stimuli, Units: units, Values: values, Conversion: Raw}, nil
}

// FromUnits copies act [unit][stimulus], which may be float32 or float64 (rounded to float32, that is to 6e-8 of
// the value: spike counts up to 16,777,216 stay exact).
func FromUnits[T float32 | float64](act [][]T) (*Responses, error) {
	if len(act) == 0 {
		return nil, fmt.Errorf("ratemap: no units: give at least one row of activations")
	}
	n := len(act[0])
	r := &Responses{Stimuli: n, Units: len(act), Values: make([]float32, n*len(act)), Conversion: Raw}
	for u, row := range act {
		if len(row) != n {
			return nil, fmt.Errorf("ratemap: unit %d has %d activations, unit 0 has %d: every unit needs one per stimulus", u, len(row), n)
		}
		for s, v := range row {
			r.Values[s*r.Units+u] = float32(v)
		}
	}
	return r, nil
}

// Unit copies the responses of unit u, one per stimulus.
func (r *Responses) Unit(u int) []float64 {
	out := make([]float64, r.Stimuli)
	for s := range out {
		out[s] = float64(r.Values[s*r.Units+u])
	}
	return out
}

func (r *Responses) check() error {
	if r == nil || r.Units < 1 || r.Stimuli < 0 || len(r.Values)/r.Units != r.Stimuli || len(r.Values)%r.Units != 0 {
		return fmt.Errorf("ratemap: responses are not a full stimuli x units array: make them with FromStimuli or FromUnits")
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
