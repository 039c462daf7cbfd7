package npy

import (
	"fmt"
	"math"
)

// Float64s gives the elements as float64. Integers that float64 cannot hold, complex numbers and text are errors.
// The result is a.Data itself where that is []float64.
func (a *Array) Float64s() ([]float64, error) {
	switch s := a.Data.(type) {
	case []float64:
		return s, nil
	case []float32:
		return widen(s), nil
	case []Float16:
		out := make([]float64, len(s))
		for i, x := range s {
			out[i] = float64(x.Float32())
		}
		return out, nil
	case []bool:
		out := make([]float64, len(s))
		for i, x := range s {
			if x {
				out[i] = 1
			}
		}
		return out, nil
	case []int8:
		return widen(s), nil
	case []int16:
		return widen(s), nil
	case []int32:
		return widen(s), nil
	case []uint8:
		return widen(s), nil
	case []uint16:
		return widen(s), nil
	case []uint32:
		return widen(s), nil
	case []int64:
		out := widen(s)
		for i, x := range s {
			if out[i] >= 1<<63 || int64(out[i]) != x {
				return nil, fmt.Errorf("npy: element %d is %d, which float64 cannot hold exactly", i, x)
			}
		}
		return out, nil
	case []uint64:
		out := widen(s)
		for i, x := range s {
			if out[i] >= 1<<64 || uint64(out[i]) != x {
				return nil, fmt.Errorf("npy: element %d is %d, which float64 cannot hold exactly", i, x)
			}
		}
		return out, nil
	}
	return nil, fmt.Errorf("npy: array of %s, want real numbers", a.DType())
}

func widen[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32](s []T) []float64 {
	out := make([]float64, len(s))
	for i, x := range s {
		out[i] = float64(x)
	}
	return out
}

// Float32s gives the elements as float32, rounded to nearest where they have more digits. The result is a.Data
// itself where that is []float32.
func (a *Array) Float32s() ([]float32, error) {
	if s, ok := a.Data.([]float32); ok {
		return s, nil
	}
	wide, err := a.Float64s()
	if err != nil {
		return nil, err
	}
	out := make([]float32, len(wide))
	for i, x := range wide {
		out[i] = float32(x)
	}
	return out, nil
}

// Int64s gives the elements as int64. Floats must be whole numbers. The result is a.Data itself where that is
// []int64.
func (a *Array) Int64s() ([]int64, error) {
	switch s := a.Data.(type) {
	case []int64:
		return s, nil
	case []uint64:
		out := make([]int64, len(s))
		for i, x := range s {
			if x > math.MaxInt64 {
				return nil, fmt.Errorf("npy: element %d is %d, which int64 cannot hold", i, x)
			}
			out[i] = int64(x)
		}
		return out, nil
	}
	wide, err := a.Float64s()
	if err != nil {
		return nil, err
	}
	out := make([]int64, len(wide))
	for i, x := range wide {
		if x != math.Trunc(x) || x < -1<<63 || x >= 1<<63 {
			return nil, fmt.Errorf("npy: element %d is %g, want whole numbers", i, x)
		}
		out[i] = int64(x)
	}
	return out, nil
}

// Strings gives the elements of an array of text.
func (a *Array) Strings() ([]string, error) {
	if s, ok := a.Data.([]string); ok {
		return s, nil
	}
	return nil, fmt.Errorf("npy: array of %s, want text", a.DType())
}
