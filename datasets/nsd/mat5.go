package nsd

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// ErrMat is wrapped by every error about the content of a .mat file.
var ErrMat = errors.New("not a sound MATLAB 5 file")

// Matrix is a numeric array of a .mat file. Data runs down the columns (first index fastest), as in MATLAB.
type Matrix struct {
	Dims []int
	Data []float64
}

// ReadMat reads the real numeric arrays of a MATLAB 5 to 7 file (.mat as scipy.io.savemat and MATLAB's save -v7 write it; version 7.3 is
// HDF5) by name. Other variables (text, cells, structs, sparse arrays) are left out.
//
// Source: MathWorks, "MAT-File Format", level 5: a header of 128 bytes, then elements of type, size and data, each at a
// multiple of 8 bytes; zlib-packed elements hold one element.
func ReadMat(path string) (map[string]Matrix, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxMatBytes+1))
	if err != nil {
		return nil, err
	}
	m, err := parseMat(b)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return m, nil
}

func badMat(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMat, fmt.Sprintf(format, args...))
}

// The types of elements (mi...) that matter here.
const (
	miInt8       = 1
	miInt32      = 5
	miUint32     = 6
	miMatrix     = 14
	miCompressed = 15
)

// itemSize is the bytes of a number of an element type, 0 for what is no number.
var itemSize = map[uint32]int{1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}

func parseMat(b []byte) (map[string]Matrix, error) {
	switch {
	case len(b) > maxMatBytes:
		return nil, badMat("more than %d bytes", maxMatBytes)
	case len(b) >= 8 && string(b[:4]) == "\x89HDF", len(b) >= 520 && string(b[512:516]) == "\x89HDF":
		return nil, badMat("it is version 7.3, that is HDF5: save it with -v7")
	case len(b) < 128:
		return nil, badMat("%d bytes, the header alone has 128", len(b))
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(b[126:128]) {
	case "IM":
	case "MI":
		order = binary.BigEndian
	default:
		return nil, badMat("no byte order mark at byte 126 (MATLAB 4 files are not read)")
	}
	if v := order.Uint16(b[124:]); v != 0x0100 {
		return nil, badMat("version %#04x, want 0x0100", v)
	}
	out := map[string]Matrix{}
	budget := maxMatBytes
	err := elements(b[128:], order, func(kind uint32, data []byte) error {
		if kind == miCompressed {
			z, err := zlib.NewReader(bytes.NewReader(data))
			if err != nil {
				return badMat("a packed variable: %v", err)
			}
			inner, err := io.ReadAll(io.LimitReader(z, int64(budget)+1))
			if err != nil {
				return badMat("a packed variable: %v", err)
			}
			if budget -= len(inner); budget < 0 {
				return badMat("it unpacks to more than %d bytes", maxMatBytes)
			}
			return elements(inner, order, func(kind uint32, data []byte) error { return variable(out, kind, data, order) })
		}
		return variable(out, kind, data, order)
	})
	return out, err
}

// elements calls f for every element of b.
func elements(b []byte, order binary.ByteOrder, f func(kind uint32, data []byte) error) error {
	for len(b) > 0 {
		kind, data, rest, err := element(b, order)
		if err != nil {
			return err
		}
		if err := f(kind, data); err != nil {
			return err
		}
		b = rest
	}
	return nil
}

// element splits the first element off: a tag of type and size, or a small one with up to 4 bytes in the tag.
func element(b []byte, order binary.ByteOrder) (kind uint32, data, rest []byte, err error) {
	if len(b) < 8 {
		return 0, nil, nil, badMat("it ends within a tag")
	}
	kind = order.Uint32(b)
	if small := kind >> 16; small != 0 {
		if small > 4 {
			return 0, nil, nil, badMat("a small element of %d bytes", small)
		}
		return kind & 0xffff, b[4 : 4+small], b[8:], nil
	}
	n := uint64(order.Uint32(b[4:]))
	b = b[8:]
	if n > uint64(len(b)) {
		return 0, nil, nil, badMat("an element of %d bytes where %d are left", n, len(b))
	}
	padded := n
	if kind != miCompressed {
		padded = min((n+7)/8*8, uint64(len(b)))
	}
	return kind, b[:n], b[padded:], nil
}

// variable adds a numeric array to out.
func variable(out map[string]Matrix, kind uint32, b []byte, order binary.ByteOrder) error {
	if kind != miMatrix {
		return nil
	}
	kind, flags, b, err := element(b, order)
	if err != nil {
		return err
	}
	if kind != miUint32 || len(flags) != 8 {
		return badMat("an array without flags")
	}
	word := order.Uint32(flags)
	class, complexBit := word&0xff, word&0x800
	if class < 6 || class > 15 || complexBit != 0 {
		return nil // text, cell, struct, object, sparse, function, complex
	}
	kind, dims, b, err := element(b, order)
	if err != nil {
		return err
	}
	if kind != miInt32 || len(dims)%4 != 0 || len(dims) < 8 || len(dims) > 4*maxMatRank {
		return badMat("an array with dimensions of %d bytes", len(dims))
	}
	m := Matrix{}
	n := 1
	for ; len(dims) > 0; dims = dims[4:] {
		d := int(int32(order.Uint32(dims)))
		if d < 0 || d > 0 && n > maxMatBytes/d {
			return badMat("an array of %v x %d elements", m.Dims, d)
		}
		n *= d
		m.Dims = append(m.Dims, d)
	}
	kind, name, b, err := element(b, order)
	if err != nil {
		return err
	}
	if kind != miInt8 || len(name) == 0 {
		return badMat("an array without a name")
	}
	kind, data, _, err := element(b, order)
	if err != nil {
		return err
	}
	size := itemSize[kind]
	if size == 0 || len(data) != n*size {
		return badMat("array %.80q: %d bytes of type %d for shape %v", name, len(data), kind, m.Dims)
	}
	if _, twice := out[string(name)]; twice {
		return badMat("array %.80q comes twice", name)
	}
	m.Data = make([]float64, n)
	for i := range m.Data {
		m.Data[i] = number(kind, data[i*size:], order)
	}
	out[string(name)] = m
	return nil
}

func number(kind uint32, b []byte, order binary.ByteOrder) float64 {
	switch kind {
	case 1:
		return float64(int8(b[0]))
	case 2:
		return float64(b[0])
	case 3:
		return float64(int16(order.Uint16(b)))
	case 4:
		return float64(order.Uint16(b))
	case 5:
		return float64(int32(order.Uint32(b)))
	case 6:
		return float64(order.Uint32(b))
	case 7:
		return float64(math.Float32frombits(order.Uint32(b)))
	case 9:
		return math.Float64frombits(order.Uint64(b))
	case 12:
		return float64(int64(order.Uint64(b)))
	}
	return float64(order.Uint64(b))
}
