package zarr

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// DType is the name of an element type, as the specification spells it.
type DType string

// The data types of the core specification that are read and written, and the registered extension "string".
const (
	Bool    DType = "bool" // one byte, 0 or 1
	Int8    DType = "int8"
	Int16   DType = "int16"
	Int32   DType = "int32"
	Int64   DType = "int64"
	Uint8   DType = "uint8"
	Uint16  DType = "uint16"
	Uint32  DType = "uint32"
	Uint64  DType = "uint64"
	Float16 DType = "float16" // IEEE 754 binary16, handled as its raw bits
	Float32 DType = "float32"
	Float64 DType = "float64"
	String  DType = "string" // UTF-8 of any length; codec vlen-utf8
)

// Size is the number of bytes of an element, 0 for String and for a type that is not known.
func (d DType) Size() int {
	switch d {
	case Bool, Int8, Uint8:
		return 1
	case Int16, Uint16, Float16:
		return 2
	case Int32, Uint32, Float32:
		return 4
	case Int64, Uint64, Float64:
		return 8
	}
	return 0
}

// Known says whether the type can be read and written.
func (d DType) Known() bool { return d == String || d.Size() > 0 }

func (d DType) float() bool { return d == Float16 || d == Float32 || d == Float64 }

// NaN is the fill value that floats are given here.
var NaN = json.RawMessage(`"NaN"`)

// ZeroFill is the fill value that stands for "nothing" of a type: NaN for floats, 0, false or "".
func ZeroFill(d DType) json.RawMessage {
	switch {
	case d.float():
		return NaN
	case d == Bool:
		return json.RawMessage("false")
	case d == String:
		return json.RawMessage(`""`)
	}
	return json.RawMessage("0")
}

// fillBytes turns a fill value into the bytes of one element, little-endian (core specification, "fill value").
func fillBytes(d DType, raw json.RawMessage) ([]byte, error) {
	bad := func() error { return fmt.Errorf("fill_value %.40s does not fit data type %s", raw, d) }
	text := strings.TrimSpace(string(raw))
	var quoted string
	isString := json.Unmarshal(raw, &quoted) == nil && strings.HasPrefix(text, `"`)
	switch {
	case d == Bool:
		switch text {
		case "true":
			return []byte{1}, nil
		case "false":
			return []byte{0}, nil
		}
		return nil, bad()
	case d == String:
		if !isString {
			return nil, bad()
		}
		return []byte(quoted), nil
	case d.float():
		return fillFloat(d, text, quoted, isString, bad)
	}
	size := d.Size()
	if size == 0 || isString {
		return nil, bad()
	}
	b := make([]byte, 8)
	if strings.HasPrefix(string(d), "u") {
		u, err := strconv.ParseUint(text, 10, size*8)
		if err != nil {
			return nil, bad()
		}
		binary.LittleEndian.PutUint64(b, u)
	} else {
		i, err := strconv.ParseInt(text, 10, size*8)
		if err != nil {
			return nil, bad()
		}
		binary.LittleEndian.PutUint64(b, uint64(i))
	}
	return b[:size], nil
}

func fillFloat(d DType, text, quoted string, isString bool, bad func() error) ([]byte, error) {
	size := d.Size()
	var v float64
	switch {
	case isString && strings.HasPrefix(quoted, "0x"):
		// The raw bits as a hexadecimal number, most significant digit first.
		if len(quoted) != 2+2*size {
			return nil, bad()
		}
		u, err := strconv.ParseUint(quoted[2:], 16, 8*size)
		if err != nil {
			return nil, bad()
		}
		b := make([]byte, 8)
		binary.LittleEndian.PutUint64(b, u)
		return b[:size], nil
	case isString && quoted == "NaN":
		v = math.NaN()
	case isString && quoted == "Infinity":
		v = math.Inf(1)
	case isString && quoted == "-Infinity":
		v = math.Inf(-1)
	case isString:
		return nil, bad()
	default:
		var err error
		if v, err = strconv.ParseFloat(text, 64); err != nil {
			return nil, bad()
		}
	}
	switch d {
	case Float64:
		// The specification fixes the NaN that "NaN" stands for: sign 0, the top mantissa bit alone.
		if math.IsNaN(v) {
			return binary.LittleEndian.AppendUint64(nil, 0x7ff8000000000000), nil
		}
		return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)), nil
	case Float32:
		if math.IsNaN(v) {
			return binary.LittleEndian.AppendUint32(nil, 0x7fc00000), nil
		}
		return binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(v))), nil
	}
	switch {
	case math.IsNaN(v):
		return []byte{0x00, 0x7e}, nil
	case math.IsInf(v, 1):
		return []byte{0x00, 0x7c}, nil
	case math.IsInf(v, -1):
		return []byte{0x00, 0xfc}, nil
	case v == 0:
		if math.Signbit(v) {
			return []byte{0x00, 0x80}, nil
		}
		return []byte{0x00, 0x00}, nil
	}
	return nil, fmt.Errorf("fill_value %s of a float16 array: only 0, NaN, the infinities and hexadecimal bits are read", text)
}
