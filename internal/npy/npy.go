// Package npy reads and writes NumPy's .npy and .npz files.
//
// Source: NumPy Enhancement Proposal 1 and numpy.lib.format, format versions 1.0 (16-bit header length), 2.0
// (32-bit) and 3.0 (UTF-8). Read are bool, integers of 8 to 64 bits, float16 to float64, complex64 and complex128,
// fixed-width text (U) and bytes (S), little- or big-endian, in C or Fortran order. Written is format 1.0 (2.0 where
// the header needs it), little-endian, C order, with the bytes numpy.save writes.
//
// # Invariants
//
//   - An Array is in C order in memory, whatever its file was.
//   - No more is allocated than bytes were really read, however large a shape a header claims.
//   - Objects are never unpickled: a dtype of Python objects is ErrPickle.
//   - Read(Write(a)) is a, bit by bit.
//
// # Limits
//
// No structured dtypes, no datetime64, no long double, no void (which is also how ml_dtypes' bfloat16 is saved). A
// deflated .npz member can unpack to about 1030 times its size (the bound of the deflate format) before its end
// shows that it is damaged.
package npy

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ventral-lab/ventral/internal/atomicfile"
)

// Errors to test for with errors.Is.
var (
	ErrFormat = errors.New("not a sound .npy file")
	ErrPickle = errors.New("array of pickled Python objects: refused, because unpickling runs code from the file; save it with a plain dtype (arr.astype(float), arr.astype(str))")
	ErrDType  = errors.New("dtype is not supported")
)

// Array is an n-dimensional array in C order.
type Array struct {
	Shape []int // nil or empty for a single number
	// Data is a slice of the elements: []bool, []int8 ... []int64, []uint8 ... []uint64, []Float16, []float32,
	// []float64, []complex64, []complex128 or []string.
	Data any
}

// New makes an Array after checking that the data has the length of the shape and a type from the list at
// Array.Data. It keeps both slices. A nil shape means one dimension.
func New(data any, shape ...int) (*Array, error) {
	n, _, err := describe(data)
	if err != nil {
		return nil, err
	}
	if shape == nil {
		shape = []int{n}
	}
	want, err := count(shape)
	if err != nil {
		return nil, err
	}
	if n != want {
		return nil, fmt.Errorf("npy: %d elements for shape %v, want %d", n, shape, want)
	}
	return &Array{Shape: shape, Data: data}, nil
}

// Len is the number of elements.
func (a *Array) Len() int {
	n, _, err := describe(a.Data)
	if err != nil {
		return 0
	}
	return n
}

// DType is the element type by NumPy's name ("float32", "str", ...).
func (a *Array) DType() string {
	_, d, err := describe(a.Data)
	if err != nil {
		return ""
	}
	if d.kind == 'U' {
		return "str"
	}
	name := map[byte]string{'b': "bool", 'i': "int", 'u': "uint", 'f': "float", 'c': "complex"}[d.kind]
	if d.kind == 'b' {
		return name
	}
	return fmt.Sprint(name, 8*d.size)
}

// dtype is an element type: NumPy's kind letter and the bytes of an element.
type dtype struct {
	kind byte
	size int
	big  bool
}

// descr spells the type as headers do.
func (d dtype) descr() string {
	order := "<"
	if d.size == 1 && d.kind != 'U' {
		order = "|"
	}
	if d.kind == 'U' {
		return fmt.Sprintf("<U%d", d.size/4)
	}
	return fmt.Sprintf("%s%c%d", order, d.kind, d.size)
}

// describe gives length and type of a data slice.
func describe(data any) (int, dtype, error) {
	switch s := data.(type) {
	case []bool:
		return len(s), dtype{kind: 'b', size: 1}, nil
	case []int8:
		return len(s), dtype{kind: 'i', size: 1}, nil
	case []int16:
		return len(s), dtype{kind: 'i', size: 2}, nil
	case []int32:
		return len(s), dtype{kind: 'i', size: 4}, nil
	case []int64:
		return len(s), dtype{kind: 'i', size: 8}, nil
	case []uint8:
		return len(s), dtype{kind: 'u', size: 1}, nil
	case []uint16:
		return len(s), dtype{kind: 'u', size: 2}, nil
	case []uint32:
		return len(s), dtype{kind: 'u', size: 4}, nil
	case []uint64:
		return len(s), dtype{kind: 'u', size: 8}, nil
	case []Float16:
		return len(s), dtype{kind: 'f', size: 2}, nil
	case []float32:
		return len(s), dtype{kind: 'f', size: 4}, nil
	case []float64:
		return len(s), dtype{kind: 'f', size: 8}, nil
	case []complex64:
		return len(s), dtype{kind: 'c', size: 8}, nil
	case []complex128:
		return len(s), dtype{kind: 'c', size: 16}, nil
	case []string:
		width := 1 // NumPy has no text of width 0 in files
		for _, x := range s {
			width = max(width, utf8.RuneCountInString(x))
		}
		return len(s), dtype{kind: 'U', size: 4 * width}, nil
	}
	return 0, dtype{}, fmt.Errorf("npy: %w: Go type %T", ErrDType, data)
}

// count multiplies a shape out.
func count(shape []int) (int, error) {
	if len(shape) > MaxRank {
		return 0, fmt.Errorf("%w: %d dimensions, at most %d", ErrFormat, len(shape), MaxRank)
	}
	n := 1
	for _, s := range shape {
		if s < 0 {
			return 0, fmt.Errorf("%w: shape %v has a negative extent", ErrFormat, shape)
		}
		if s > 0 && n > math.MaxInt/MaxItemBytes/s {
			return 0, fmt.Errorf("%w: shape %v is too large", ErrFormat, shape)
		}
		n *= s
	}
	return n, nil
}

// Read reads one array. The reader is left behind its last byte.
func Read(r io.Reader) (*Array, error) {
	h, err := ReadHeader(r)
	if err != nil {
		return nil, err
	}
	n, err := count(h.Shape)
	if err != nil {
		return nil, err
	}
	raw, err := readExactly(r, n*h.dtype.size)
	if err != nil {
		return nil, fmt.Errorf("%w: %d elements of %s: %v", ErrFormat, n, h.Descr, err)
	}
	data, err := decode(h.dtype, raw, n)
	if err != nil {
		return nil, err
	}
	a := &Array{Shape: h.Shape, Data: data}
	if h.Fortran && len(h.Shape) > 1 {
		a.Data = reorder(a.Data, h.Shape)
	}
	return a, nil
}

// ReadFile reads a .npy file that holds one array and nothing else.
func ReadFile(path string) (*Array, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	a, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if n, _ := io.CopyN(io.Discard, f, 1); n > 0 {
		return nil, fmt.Errorf("read %s: %w: there are bytes after the array", path, ErrFormat)
	}
	return a, nil
}

// readExactly reads n bytes into a buffer that grows with what is really there.
func readExactly(r io.Reader, n int) ([]byte, error) {
	buf := make([]byte, 0, min(n, firstAlloc))
	for len(buf) < n {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, min(len(buf), n-len(buf)))
		}
		m := min(cap(buf), n)
		k, err := io.ReadFull(r, buf[len(buf):m])
		buf = buf[:len(buf)+k]
		if err != nil {
			return nil, fmt.Errorf("the file ends after %d of %d bytes", len(buf), n)
		}
	}
	return buf, nil
}

// check makes sure that length and shape agree.
func (a *Array) check() (dtype, error) {
	n, d, err := describe(a.Data)
	if err != nil {
		return d, err
	}
	want, err := count(a.Shape)
	if err != nil {
		return d, err
	}
	if n != want {
		return d, fmt.Errorf("npy: %d elements for shape %v, want %d", n, a.Shape, want)
	}
	return d, nil
}

// Write writes the array as numpy.save would.
func (a *Array) Write(w io.Writer) error {
	d, err := a.check()
	if err != nil {
		return err
	}
	h := Header{Descr: d.descr(), Shape: a.Shape}
	if err := h.Write(w); err != nil {
		return err
	}
	return encode(w, a.Data, d)
}

// WriteFile writes a .npy file, whole or not at all.
func (a *Array) WriteFile(path string) error {
	f, err := atomicfile.Create(path, "")
	if err != nil {
		return err
	}
	defer f.Abort()
	buf := bufio.NewWriterSize(f, 1<<16)
	if err := a.Write(buf); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := buf.Flush(); err != nil {
		return err
	}
	return f.Commit()
}

// decode turns raw elements into a typed slice.
func decode(d dtype, raw []byte, n int) (any, error) {
	var order binary.ByteOrder = binary.LittleEndian
	if d.big {
		order = binary.BigEndian
	}
	switch d.kind {
	case 'b':
		out := make([]bool, n)
		for i, b := range raw {
			if b > 1 {
				return nil, fmt.Errorf("%w: element %d of a bool array is %d", ErrFormat, i, b)
			}
			out[i] = b == 1
		}
		return out, nil
	case 'U', 'S':
		return decodeText(d, raw, n, order)
	case 'i':
		switch d.size {
		case 1:
			return each(raw, 1, func(b []byte) int8 { return int8(b[0]) }), nil
		case 2:
			return each(raw, 2, func(b []byte) int16 { return int16(order.Uint16(b)) }), nil
		case 4:
			return each(raw, 4, func(b []byte) int32 { return int32(order.Uint32(b)) }), nil
		case 8:
			return each(raw, 8, func(b []byte) int64 { return int64(order.Uint64(b)) }), nil
		}
	case 'u':
		switch d.size {
		case 1:
			return raw, nil
		case 2:
			return each(raw, 2, order.Uint16), nil
		case 4:
			return each(raw, 4, order.Uint32), nil
		case 8:
			return each(raw, 8, order.Uint64), nil
		}
	case 'f':
		switch d.size {
		case 2:
			return each(raw, 2, func(b []byte) Float16 { return Float16(order.Uint16(b)) }), nil
		case 4:
			return each(raw, 4, func(b []byte) float32 { return math.Float32frombits(order.Uint32(b)) }), nil
		case 8:
			return each(raw, 8, func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) }), nil
		}
	case 'c':
		switch d.size {
		case 8:
			return each(raw, 8, func(b []byte) complex64 {
				return complex(math.Float32frombits(order.Uint32(b)), math.Float32frombits(order.Uint32(b[4:])))
			}), nil
		case 16:
			return each(raw, 16, func(b []byte) complex128 {
				return complex(math.Float64frombits(order.Uint64(b)), math.Float64frombits(order.Uint64(b[8:])))
			}), nil
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrDType, d.descr())
}

func each[T any](raw []byte, size int, f func([]byte) T) []T {
	out := make([]T, len(raw)/size)
	for i := range out {
		out[i] = f(raw[i*size : (i+1)*size])
	}
	return out
}

// decodeText reads fixed-width text: UTF-32 code points (U) or bytes (S), padded with zeros.
func decodeText(d dtype, raw []byte, n int, order binary.ByteOrder) (any, error) {
	if d.size == 0 {
		// n strings of no bytes: only as many as a header could list are made from nothing.
		if n > firstAlloc {
			return nil, fmt.Errorf("%w: %d strings of width 0", ErrFormat, n)
		}
		return make([]string, n), nil
	}
	out := make([]string, n)
	for i := range out {
		b := raw[i*d.size : (i+1)*d.size]
		if d.kind == 'S' {
			out[i] = strings.TrimRight(string(b), "\x00")
			continue
		}
		var s strings.Builder
		for j := 0; j < len(b); j += 4 {
			r := order.Uint32(b[j:])
			if r > utf8.MaxRune || !utf8.ValidRune(rune(r)) {
				return nil, fmt.Errorf("%w: string %d holds code point %#x", ErrFormat, i, r)
			}
			s.WriteRune(rune(r))
		}
		out[i] = strings.TrimRight(s.String(), "\x00")
	}
	return out, nil
}

// encode writes a data slice little-endian.
func encode(w io.Writer, data any, d dtype) error {
	if s, ok := data.([]string); ok {
		buf := make([]byte, d.size)
		for _, x := range s {
			if !utf8.ValidString(x) || strings.HasSuffix(x, "\x00") {
				return fmt.Errorf("npy: string %.40q is not UTF-8 or ends in NUL, which the format cannot tell from padding", x)
			}
			clear(buf)
			at := 0
			for _, r := range x {
				binary.LittleEndian.PutUint32(buf[at:], uint32(r))
				at += 4
			}
			if _, err := w.Write(buf); err != nil {
				return err
			}
		}
		return nil
	}
	return binary.Write(w, binary.LittleEndian, data)
}

// reorder turns elements stored first-index-fastest into C order.
func reorder(data any, shape []int) any {
	switch s := data.(type) {
	case []bool:
		return fromFortran(s, shape)
	case []int8:
		return fromFortran(s, shape)
	case []int16:
		return fromFortran(s, shape)
	case []int32:
		return fromFortran(s, shape)
	case []int64:
		return fromFortran(s, shape)
	case []uint8:
		return fromFortran(s, shape)
	case []uint16:
		return fromFortran(s, shape)
	case []uint32:
		return fromFortran(s, shape)
	case []uint64:
		return fromFortran(s, shape)
	case []Float16:
		return fromFortran(s, shape)
	case []float32:
		return fromFortran(s, shape)
	case []float64:
		return fromFortran(s, shape)
	case []complex64:
		return fromFortran(s, shape)
	case []complex128:
		return fromFortran(s, shape)
	case []string:
		return fromFortran(s, shape)
	}
	return data
}

func fromFortran[T any](src []T, shape []int) []T {
	stride := make([]int, len(shape))
	step := 1
	for d, s := range shape {
		stride[d] = step
		step *= s
	}
	dst := make([]T, len(src))
	idx := make([]int, len(shape))
	at := 0
	for i := range dst {
		dst[i] = src[at]
		for d := len(shape) - 1; d >= 0; d-- {
			idx[d]++
			at += stride[d]
			if idx[d] < shape[d] {
				break
			}
			at -= stride[d] * shape[d]
			idx[d] = 0
		}
	}
	return dst
}
