package onnx

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
)

// kind says what the numbers of a tensor are. All floating-point types are computed in float32.
type kind int

const (
	floating kind = iota
	integer
	boolean
)

func (k kind) String() string { return [...]string{"float", "int", "bool"}[k] }

// dataType is a row of TensorProto.DataType.
type dataType struct {
	name string
	kind kind
	size int // bytes in raw data
	read func(b []byte) float64
}

func half(b []byte) float64 {
	v := binary.LittleEndian.Uint16(b)
	sign, exp, man := uint32(v>>15)<<31, uint32(v>>10&31), uint32(v&1023)
	switch {
	case exp == 31:
		return float64(math.Float32frombits(sign | 255<<23 | man<<13))
	case exp > 0:
		return float64(math.Float32frombits(sign | (exp+112)<<23 | man<<13))
	}
	f := float64(man) * (1.0 / (1 << 24)) // subnormal
	if sign != 0 {
		f = math.Copysign(f, -1)
	}
	return f
}

// dataTypes by their numbers in TensorProto.
var dataTypes = map[int64]dataType{
	1:  {"float32", floating, 4, func(b []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) }},
	2:  {"uint8", integer, 1, func(b []byte) float64 { return float64(b[0]) }},
	3:  {"int8", integer, 1, func(b []byte) float64 { return float64(int8(b[0])) }},
	4:  {"uint16", integer, 2, func(b []byte) float64 { return float64(binary.LittleEndian.Uint16(b)) }},
	5:  {"int16", integer, 2, func(b []byte) float64 { return float64(int16(binary.LittleEndian.Uint16(b))) }},
	6:  {"int32", integer, 4, func(b []byte) float64 { return float64(int32(binary.LittleEndian.Uint32(b))) }},
	7:  {"int64", integer, 8, func(b []byte) float64 { return float64(int64(binary.LittleEndian.Uint64(b))) }},
	9:  {"bool", boolean, 1, func(b []byte) float64 { return float64(min(b[0], 1)) }},
	10: {"float16", floating, 2, half},
	11: {"float64", floating, 8, func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }},
	12: {"uint32", integer, 4, func(b []byte) float64 { return float64(binary.LittleEndian.Uint32(b)) }},
	16: {"bfloat16", floating, 2, func(b []byte) float64 {
		return float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16))
	}},
}

func typeOf(number int64) (dataType, error) {
	t, ok := dataTypes[number]
	if !ok {
		return t, fmt.Errorf("data type %d of TensorProto is not supported: quantised, complex, string and 64-bit unsigned tensors are not; export the network in float32", number)
	}
	return t, nil
}

// array is a tensor whose values are known while the graph is built. float64 holds every number of the types above but
// whole ones beyond 2^53, of which only the ends of the range of int64 are in use, as "to the end".
type array struct {
	kind kind
	dims []int
	v    []float64
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// source is where the bytes of a model are read from once its graph is known: a file beside them and the folder for
// further ones, or memory.
type source struct {
	b    []byte      // the whole model while it is parsed, and afterwards where file is nil
	file io.ReaderAt // the model on disk
	dir  string      // where external data are looked for, "" for nowhere
}

// bytes are the raw data of a tensor, which take size bytes.
func (s *source) bytes(t *tensorProto, size int) ([]byte, error) {
	switch {
	case t.external != nil:
		return t.readExternal(s.dir, size)
	case len(t.raw) > 0 || t.rawSize == 0:
		return t.raw, nil
	}
	b := make([]byte, t.rawSize)
	if _, err := s.file.ReadAt(b, t.rawAt); err != nil {
		return nil, fmt.Errorf("reading its data: %w", err)
	}
	return b, nil
}

// forget leaves raw data where they are on disk.
func (s *source) forget(t *tensorProto) {
	if s.file == nil {
		return
	}
	t.rawAt, t.rawSize = int64(cap(s.b)-cap(t.raw)), len(t.raw)
	t.raw = nil
}

// data returns the number of values and how to read them one after the other.
func (t *tensorProto) data(s *source) (n int, k kind, at func(i int) float64, err error) {
	dt, err := typeOf(t.dtype)
	if err != nil {
		return 0, 0, nil, err
	}
	n = product(t.dims)
	count, what := 0, "list"
	switch {
	case t.hasRaw || t.external != nil:
		raw, err := s.bytes(t, n*dt.size)
		if err != nil {
			return 0, 0, nil, err
		}
		if len(raw) != n*dt.size {
			return 0, 0, nil, fmt.Errorf("%d bytes for %v values of %s, which take %d", len(raw), t.dims, dt.name, n*dt.size)
		}
		return n, dt.kind, func(i int) float64 { return dt.read(raw[i*dt.size:]) }, nil
	case dt.name == "float64":
		count, what = len(t.doubles), "double_data"
		at = func(i int) float64 { return t.doubles[i] }
	case dt.name == "float32":
		count, what = len(t.floats), "float_data"
		at = func(i int) float64 { return float64(t.floats[i]) }
	case dt.kind == floating: // half types hold their bits in int32_data
		count, what = len(t.ints), "int32_data"
		at = func(i int) float64 { return dt.read([]byte{byte(t.ints[i]), byte(t.ints[i] >> 8)}) }
	default:
		count, what = len(t.ints), "int data"
		at = func(i int) float64 { return float64(t.ints[i]) }
		if dt.kind == boolean {
			at = func(i int) float64 { return float64(min(uint64(t.ints[i]), 1)) }
		}
	}
	if count != n {
		return 0, 0, nil, fmt.Errorf("%d values in %s for dimensions %v, which hold %d", count, what, t.dims, n)
	}
	return n, dt.kind, at, nil
}

// known reads the tensor as an array, if it is not too large for one.
func (t *tensorProto) known(s *source) (*array, error) {
	n, k, at, err := t.data(s)
	if err != nil {
		return nil, err
	}
	if n > MaxKnown {
		return nil, fmt.Errorf("%d values: indices, shapes and constants inside nodes hold at most %d", n, MaxKnown)
	}
	a := &array{kind: k, dims: t.dims, v: make([]float64, n)}
	for i := range a.v {
		a.v[i] = at(i)
	}
	return a, nil
}

// each calls see for the values of a tensor, in order, as float32.
func (t *tensorProto) each(s *source, see func(i int, v float32) error) error {
	n, _, at, err := t.data(s)
	if err != nil {
		return err
	}
	for i := range n {
		v := at(i)
		if w := float32(v); math.IsNaN(v) || math.IsInf(float64(w), 0) {
			return fmt.Errorf("value %d is %v, which is no finite float32", i, v)
		} else if err := see(i, w); err != nil {
			return err
		}
	}
	return nil
}

// readExternal reads the tensor's part of a file beside the model. The place is a plain path below the model's folder.
func (t *tensorProto) readExternal(dir string, size int) ([]byte, error) {
	location := t.external["location"]
	if dir == "" || !filepath.IsLocal(location) {
		return nil, fmt.Errorf("its data are in the file %q, which is not below the folder of the model", location)
	}
	number := func(key string, otherwise int64) (int64, error) {
		s, ok := t.external[key]
		if !ok || s == "" {
			return otherwise, nil
		}
		v, err := strconv.ParseInt(s, 10, 64)
		if err != nil || v < 0 {
			return 0, fmt.Errorf("its data are in %s at %s %q", location, key, s)
		}
		return v, nil
	}
	offset, err := number("offset", 0)
	if err != nil {
		return nil, err
	}
	length, err := number("length", int64(size))
	if err != nil {
		return nil, err
	}
	if length != int64(size) {
		return nil, fmt.Errorf("its data are %d bytes in %s, and its dimensions %v take %d", length, location, t.dims, size)
	}
	root, err := os.OpenRoot(dir) // links out of the folder are refused
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.Open(location)
	if err != nil {
		return nil, fmt.Errorf("its data: %w; put that file beside the model", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() || offset > st.Size() || length > st.Size()-offset {
		return nil, fmt.Errorf("its data are %d bytes at %d of %s, which has %d: the file is cut off or another one", length, offset, location, st.Size())
	}
	b := make([]byte, length)
	if _, err := io.ReadFull(io.NewSectionReader(f, offset, length), b); err != nil {
		return nil, fmt.Errorf("its data in %s: %w", location, err)
	}
	return b, nil
}
