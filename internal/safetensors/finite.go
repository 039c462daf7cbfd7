package safetensors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// CheckFinite returns an ErrValue if an element is NaN, infinite, or finite but beyond the range of float32, and says
// how many there are of each and where the first one is. Integer tensors pass.
func (t Tensor) CheckFinite() error {
	if err := t.check(); err != nil {
		return err
	}
	c := FiniteCheck{DType: t.DType}
	c.Add(t.Data)
	err := c.Err()
	var e *Error
	if errors.As(err, &e) {
		e.Tensor = t.Name
	}
	return err
}

// FiniteCheck is CheckFinite for a tensor that is read piece by piece.
type FiniteCheck struct {
	DType string

	seen, first         int // elements so far; the first bad one, where there is one
	nan, infinite, over int
}

// Add looks at the next elements.
func (c *FiniteCheck) Add(data []byte) {
	le := binary.LittleEndian
	size := ItemSize(c.DType)
	if size == 0 {
		return
	}
	n := len(data) / size
	switch c.DType {
	case F32: // the exponents of NaN and infinity are all ones, and of nothing else
		for i := range n {
			if b := le.Uint32(data[4*i:]); b&0x7f800000 == 0x7f800000 {
				c.count(i, float64(math.Float32frombits(b)))
			}
		}
	case F16:
		for i := range n {
			if b := le.Uint16(data[2*i:]); b&0x7c00 == 0x7c00 {
				c.count(i, float64(Float16ToFloat32(b)))
			}
		}
	case BF16:
		for i := range n {
			if b := le.Uint16(data[2*i:]); b&0x7f80 == 0x7f80 {
				c.count(i, float64(math.Float32frombits(uint32(b)<<16)))
			}
		}
	case F64:
		for i := range n {
			if v := math.Float64frombits(le.Uint64(data[8*i:])); v != v || math.IsInf(float64(float32(v)), 0) {
				c.count(i, v)
			}
		}
	}
	c.seen += n
}

func (c *FiniteCheck) count(i int, v float64) {
	if c.nan+c.infinite+c.over == 0 {
		c.first = c.seen + i
	}
	switch {
	case v != v:
		c.nan++
	case math.IsInf(v, 0):
		c.infinite++
	default:
		c.over++
	}
}

// Err says what was found, nil for nothing.
func (c *FiniteCheck) Err() error {
	if c.nan+c.infinite+c.over == 0 {
		return nil
	}
	remedy := "the weights are damaged or their training diverged: fetch or train them again"
	if c.DType == F16 && c.infinite > 0 && c.nan == 0 {
		remedy = "numbers above 65504 become infinite when they are saved as F16: use the F32 or BF16 checkpoint"
	}
	return &Error{Kind: ErrValue, Remedy: remedy,
		Detail: fmt.Sprintf("of %d elements %d are NaN, %d infinite, %d beyond the range of float32; the first is element %d", c.seen, c.nan, c.infinite, c.over, c.first)}
}
