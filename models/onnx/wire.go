package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// errTruncated says that a message ends inside a field.
var errTruncated = errors.New("the file ends, or a part of it ends, inside a field")

// message reads the fields of one protocol-buffers message in place; nothing is copied. Parts are slices of the file with the
// capacity that is left behind them, so that cap tells where in the file they are.
type message struct{ b []byte }

// field is one field: a number, and its value by its wire type.
type field struct {
	number int
	wire   int    // 0 varint, 1 eight bytes, 2 bytes, 5 four bytes
	value  uint64 // of wire types 0, 1 and 5
	bytes  []byte // of wire type 2, a part of the file
}

// next returns the next field, or false at the end.
func (m *message) next() (field, bool, error) {
	if len(m.b) == 0 {
		return field{}, false, nil
	}
	tag, err := m.varint()
	if err != nil {
		return field{}, false, err
	}
	f := field{number: int(tag >> 3), wire: int(tag & 7)}
	if tag>>3 == 0 || tag>>3 > 1<<29-1 {
		return f, false, fmt.Errorf("field number %d: this is not a protocol-buffers message", tag>>3)
	}
	switch f.wire {
	case 0:
		f.value, err = m.varint()
	case 1:
		if len(m.b) < 8 {
			return f, false, errTruncated
		}
		f.value, m.b = binary.LittleEndian.Uint64(m.b), m.b[8:]
	case 2:
		var n uint64
		if n, err = m.varint(); err == nil {
			if n > uint64(len(m.b)) {
				return f, false, errTruncated
			}
			f.bytes, m.b = m.b[:n], m.b[n:]
		}
	case 5:
		if len(m.b) < 4 {
			return f, false, errTruncated
		}
		f.value, m.b = uint64(binary.LittleEndian.Uint32(m.b)), m.b[4:]
	default:
		return f, false, fmt.Errorf("field %d has wire type %d: this is not a protocol-buffers message of today", f.number, f.wire)
	}
	return f, err == nil, err
}

func (m *message) varint() (uint64, error) {
	v, n := binary.Uvarint(m.b)
	if n == 0 {
		return 0, errTruncated
	}
	if n < 0 {
		return 0, errors.New("a number of more than 64 bits")
	}
	m.b = m.b[n:]
	return v, nil
}

// each calls f for every field of a message.
func each(b []byte, f func(field) error) error {
	m := message{b}
	for {
		x, ok, err := m.next()
		if err != nil {
			return err
		}
		if !ok {
			return nil
		}
		if err := f(x); err != nil {
			return err
		}
	}
}

// int is the field as a signed number.
func (f field) int() (int64, error) {
	if f.wire != 0 {
		return 0, fmt.Errorf("field %d is no whole number", f.number)
	}
	return int64(f.value), nil
}

// text is the field as a string.
func (f field) text() (string, error) {
	b, err := f.sub()
	return string(b), err
}

// sub is the field as bytes or as a message.
func (f field) sub() ([]byte, error) {
	if f.wire != 2 {
		return nil, fmt.Errorf("field %d is no string or message", f.number)
	}
	return f.bytes, nil
}

// ints appends the numbers of a repeated field, packed or not.
func (f field) ints(to []int64) ([]int64, error) {
	switch f.wire {
	case 0:
		return append(to, int64(f.value)), nil
	case 2:
		m := message{f.bytes}
		for len(m.b) > 0 {
			v, err := m.varint()
			if err != nil {
				return nil, err
			}
			to = append(to, int64(v))
		}
		return to, nil
	}
	return nil, fmt.Errorf("field %d is no list of whole numbers", f.number)
}

// floats appends the numbers of a repeated float field, packed or not.
func (f field) floats(to []float32) ([]float32, error) {
	switch {
	case f.wire == 5:
		return append(to, math.Float32frombits(uint32(f.value))), nil
	case f.wire == 2 && len(f.bytes)%4 == 0:
		for b := f.bytes; len(b) > 0; b = b[4:] {
			to = append(to, math.Float32frombits(binary.LittleEndian.Uint32(b)))
		}
		return to, nil
	}
	return nil, fmt.Errorf("field %d is no list of float32 numbers", f.number)
}

// doubles is floats for float64.
func (f field) doubles(to []float64) ([]float64, error) {
	switch {
	case f.wire == 1:
		return append(to, math.Float64frombits(f.value)), nil
	case f.wire == 2 && len(f.bytes)%8 == 0:
		for b := f.bytes; len(b) > 0; b = b[8:] {
			to = append(to, math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
		return to, nil
	}
	return nil, fmt.Errorf("field %d is no list of float64 numbers", f.number)
}
