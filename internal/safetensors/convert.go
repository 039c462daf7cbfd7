package safetensors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Float32 returns the elements of an F16, BF16, F32 or F64 tensor. F16 and BF16 are exact; F64 is rounded to nearest
// even, and beyond the range of float32 becomes an infinity, which CheckFinite finds. Other dtypes are an ErrDType.
func (t Tensor) Float32() ([]float32, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	out := make([]float32, t.Len())
	if err := DecodeFloat32(out, t.DType, t.Data); err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.Tensor = t.Name
		}
		return nil, err
	}
	return out, nil
}

// DecodeFloat32 is Tensor.Float32 for a run of elements of one dtype: it fills dst from the first bytes of data, of which
// there must be enough. Other dtypes than the four are an ErrDType.
func DecodeFloat32(dst []float32, dtype string, data []byte) error {
	le := binary.LittleEndian
	switch dtype {
	case F32:
		data = data[:4*len(dst)]
		for i := range dst {
			dst[i] = math.Float32frombits(le.Uint32(data[4*i:]))
		}
	case F16:
		for i := range dst {
			dst[i] = Float16ToFloat32(le.Uint16(data[2*i:]))
		}
	case BF16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(le.Uint16(data[2*i:])) << 16)
		}
	case F64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(le.Uint64(data[8*i:])))
		}
	default:
		return &Error{Kind: ErrDType, Detail: dtype + " holds no floats", Remedy: "read it with Int64"}
	}
	return nil
}

// Float64 returns the elements of an F16, BF16, F32 or F64 tensor, all exact.
func (t Tensor) Float64() ([]float64, error) {
	if t.DType == F64 {
		if err := t.check(); err != nil {
			return nil, err
		}
		out := make([]float64, t.Len())
		for i := range out {
			out[i] = math.Float64frombits(binary.LittleEndian.Uint64(t.Data[8*i:]))
		}
		return out, nil
	}
	narrow, err := t.Float32()
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(narrow))
	for i, v := range narrow {
		out[i] = float64(v)
	}
	return out, nil
}

// Int64 returns the elements of an integer or BOOL tensor; true is 1. A U64 above the range of int64 is an ErrValue,
// other dtypes are an ErrDType.
func (t Tensor) Int64() ([]int64, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	var at func(i int) int64
	switch t.DType {
	case I8:
		at = func(i int) int64 { return int64(int8(t.Data[i])) }
	case U8:
		at = func(i int) int64 { return int64(t.Data[i]) }
	case BOOL:
		at = func(i int) int64 { return int64(min(t.Data[i], 1)) }
	case I16:
		at = func(i int) int64 { return int64(int16(le.Uint16(t.Data[2*i:]))) }
	case U16:
		at = func(i int) int64 { return int64(le.Uint16(t.Data[2*i:])) }
	case I32:
		at = func(i int) int64 { return int64(int32(le.Uint32(t.Data[4*i:]))) }
	case U32:
		at = func(i int) int64 { return int64(le.Uint32(t.Data[4*i:])) }
	case I64, U64:
		at = func(i int) int64 { return int64(le.Uint64(t.Data[8*i:])) }
	default:
		return nil, &Error{Tensor: t.Name, Kind: ErrDType, Detail: t.DType + " holds floats", Remedy: "read it with Float32"}
	}
	out := make([]int64, t.Len())
	for i := range out {
		out[i] = at(i)
		if t.DType == U64 && out[i] < 0 {
			return nil, &Error{Tensor: t.Name, Kind: ErrValue, Detail: fmt.Sprintf("element %d is %d, above the range of int64", i, uint64(out[i])), Remedy: "store it as U32 or I64"}
		}
	}
	return out, nil
}

// check guards the conversions against a Tensor that was put together by hand.
func (t Tensor) check() error {
	want, err := byteLen(t.DType, t.Shape)
	if err == nil && want != int64(len(t.Data)) {
		err = &Error{Kind: ErrShape, Detail: fmt.Sprintf("%s %v is %d bytes, Data has %d", t.DType, t.Shape, want, len(t.Data)), Remedy: "give the shape and dtype of the data"}
	}
	if err == nil {
		return nil
	}
	err.Tensor = t.Name
	return err
}

// Float32Bytes returns the little-endian F32 bytes of x.
func Float32Bytes(x []float32) []byte {
	out := make([]byte, 4*len(x))
	for i, v := range x {
		binary.LittleEndian.PutUint32(out[4*i:], math.Float32bits(v))
	}
	return out
}

// Int64Bytes returns the little-endian I64 bytes of x.
func Int64Bytes(x []int64) []byte {
	out := make([]byte, 8*len(x))
	for i, v := range x {
		binary.LittleEndian.PutUint64(out[8*i:], uint64(v))
	}
	return out
}

// Float16Bytes returns the little-endian F16 bytes of x, each rounded to nearest, ties to even (IEEE 754-2019,
// 4.3.1). A finite value that would round to infinity (magnitude 65520 and more) is an ErrValue that names it;
// infinities and NaN pass as themselves.
func Float16Bytes(x []float32) ([]byte, error) {
	out := make([]byte, 2*len(x))
	for i, v := range x {
		h := Float32ToFloat16(v)
		if h&0x7fff == 0x7c00 && !math.IsInf(float64(v), 0) {
			return nil, &Error{Kind: ErrValue, Detail: fmt.Sprintf("element %d is %g, beyond the range of F16 (65504)", i, v), Remedy: "store the tensor as F32"}
		}
		binary.LittleEndian.PutUint16(out[2*i:], h)
	}
	return out, nil
}

// Float16ToFloat32 returns the value of an IEEE 754 half-precision number; every one is exact in float32.
func Float16ToFloat32(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	magnitude := uint32(h&0x7fff) << 13
	if h&0x7c00 == 0x7c00 { // infinity and NaN keep their payload
		return math.Float32frombits(sign | magnitude | 0x7f800000)
	}
	// The exponent's bias is 15 here and 127 there. Read with the wrong bias the number is 2^112 too small, for
	// subnormals too, and a product with a power of two is exact.
	return math.Float32frombits(sign | math.Float32bits(math.Float32frombits(magnitude)*0x1p112))
}

// Float32ToFloat16 rounds to nearest, ties to even. Too large values become infinities; NaN stays NaN (quiet).
func Float32ToFloat16(v float32) uint16 {
	b := math.Float32bits(v)
	sign, a := uint16(b>>16)&0x8000, b&0x7fffffff
	switch {
	case a > 0x7f800000:
		return sign | 0x7e00 | uint16(a>>13)&0x01ff
	case a >= 0x47800000: // 2^16
		return sign | 0x7c00
	case a >= 0x38800000: // 2^-14, the smallest normal half
		a -= (127 - 15) << 23
		a += 0xfff + a>>13&1 // may carry into the exponent, and from 65520 on into infinity
		return sign | uint16(a>>13)
	}
	// Subnormal: adding 0.5 puts the unit of the sum's last place at 2^-24, the unit of a subnormal half, so the
	// addition itself rounds to nearest even and the low bits of the sum are the half's.
	return sign | uint16(math.Float32bits(math.Float32frombits(a)+0.5)-math.Float32bits(0.5))
}
