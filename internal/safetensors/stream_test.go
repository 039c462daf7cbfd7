package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// inPieces yields data in pieces of n bytes and then err, where it is not nil.
func inPieces(data []byte, n int, err error) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for rest := data; len(rest) > 0; {
			k := min(n, len(rest))
			if !yield(rest[:k], nil) {
				return
			}
			rest = rest[k:]
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func TestWriteStreamIsWrite(t *testing.T) {
	a, b := Float32Bytes([]float32{1, 2, 3, 4, 5, 6}), Int64Bytes([]int64{7})
	var want, got bytes.Buffer
	meta := map[string]string{"format": "pt"}
	if err := Write(&want, []Tensor{{"b", I64, nil, b}, {"a", F32, []int{2, 3}, a}, {"c", F16, []int{0}, nil}}, meta); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{4, 8, 12, 100} {
		got.Reset()
		if err := WriteStream(&got, []Entry{{"c", F16, []int{0}, inPieces(nil, n, nil)}, {"a", F32, []int{2, 3}, inPieces(a, n, nil)}, {"b", I64, nil, inPieces(b, n, nil)}}, meta); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("pieces of %d bytes: other file", n)
		}
	}
}

func TestWriteStreamErrors(t *testing.T) {
	data := Float32Bytes([]float32{1, 2})
	gone := errors.New("the disk is gone")
	for name, c := range map[string]struct {
		entries []Entry
		kind    error
		says    string
	}{
		"too few bytes":  {[]Entry{{"a", F32, []int{3}, inPieces(data, 4, nil)}}, ErrShape, `"a"`},
		"too many bytes": {[]Entry{{"a", F32, []int{1}, inPieces(data, 4, nil)}}, ErrShape, `"a"`},
		"none":           {[]Entry{{"a", F32, []int{1}, inPieces(nil, 4, nil)}}, ErrShape, "0 came"},
		"fails":          {[]Entry{{"a", F32, []int{3}, inPieces(data, 4, gone)}}, gone, `"a"`},
		"twice":          {[]Entry{{"a", F32, []int{2}, inPieces(data, 4, nil)}, {"a", F32, []int{2}, inPieces(data, 4, nil)}}, ErrDuplicate, `"a"`},
		"dtype":          {[]Entry{{"a", "F8", []int{2}, inPieces(data, 4, nil)}}, ErrDType, "F8"},
		"huge": {[]Entry{{"a", F64, []int{1 << 59}, inPieces(nil, 4, nil)}, {"b", F64, []int{1 << 59}, inPieces(nil, 4, nil)},
			{"c", F64, []int{1 << 59}, inPieces(nil, 4, nil)}}, ErrShape, "2^63"},
	} {
		if err := WriteStream(io.Discard, c.entries, nil); !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A file is not left half written.
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := WriteStreamFile(path, []Entry{{"a", F32, []int{3}, inPieces(data, 4, gone)}}, nil); !errors.Is(err, gone) {
		t.Error(err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestFiniteCheckInPieces puts bad numbers at known places of each dtype and reads the tensor whole and in pieces.
func TestFiniteCheckInPieces(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	encode := map[string]func(v []float64) []byte{
		F64: func(v []float64) (b []byte) {
			for _, x := range v {
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
			}
			return b
		},
		F32: func(v []float64) (b []byte) {
			for _, x := range v {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(x)))
			}
			return b
		},
		BF16: func(v []float64) (b []byte) {
			for _, x := range v {
				b = binary.LittleEndian.AppendUint16(b, uint16(math.Float32bits(float32(x))>>16))
			}
			return b
		},
		F16: func(v []float64) (b []byte) {
			for _, x := range v {
				b = binary.LittleEndian.AppendUint16(b, Float32ToFloat16(float32(x)))
			}
			return b
		},
	}
	for dtype, bytesOf := range encode {
		for _, c := range []struct {
			values []float64
			says   string
		}{
			{[]float64{0, -1, 1e-8, 60000}, ""},
			{[]float64{0, nan, 1, inf, -inf}, "of 5 elements 1 are NaN, 2 infinite, 0 beyond the range of float32; the first is element 1"},
			{[]float64{1, 2, 3, 4, -inf}, "of 5 elements 0 are NaN, 1 infinite, 0 beyond the range of float32; the first is element 4"},
		} {
			data := bytesOf(c.values)
			for _, n := range []int{1, 2, 3, 100} {
				check := FiniteCheck{DType: dtype}
				for p := range inPieces(data, n*ItemSize(dtype), nil) {
					check.Add(p)
				}
				err := check.Err()
				whole := Tensor{Name: "w", DType: dtype, Shape: []int{len(c.values)}, Data: data}.CheckFinite()
				if c.says == "" {
					if err != nil || whole != nil {
						t.Errorf("%s %v: %v, %v", dtype, c.values, err, whole)
					}
					continue
				}
				for _, e := range []error{err, whole} {
					if !errors.Is(e, ErrValue) || !strings.Contains(e.Error(), c.says) {
						t.Errorf("%s %v in pieces of %d: %v", dtype, c.values, n, e)
					}
				}
				if !strings.Contains(whole.Error(), `"w"`) {
					t.Errorf("no name in %v", whole)
				}
				if overflow := dtype == F16 && !strings.Contains(c.says, "1 are NaN"); overflow != strings.Contains(whole.Error(), "65504") {
					t.Errorf("%s: remedy of %v", dtype, whole)
				}
			}
		}
	}
	over := FiniteCheck{DType: F64}
	over.Add(encode[F64]([]float64{1, 1e39}))
	if err := over.Err(); err == nil || !strings.Contains(err.Error(), "1 beyond the range") {
		t.Error(err)
	}
	whole := FiniteCheck{DType: I64}
	whole.Add(Int64Bytes([]int64{-1}))
	if err := whole.Err(); err != nil {
		t.Error(err)
	}
}

// TestReleasedBytesComeBack gives parts of a mapped file back and reads them again.
func TestReleasedBytesComeBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	x := make([]float32, 50_000)
	for i := range x {
		x[i] = float32(i)
	}
	data := Float32Bytes(x)
	if err := WriteFile(path, []Tensor{{"a", F32, []int{len(x)}, data}, {"b", U8, []int{3}, []byte{1, 2, 3}}}, nil); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, _ := f.Lookup("a")
	b, _ := f.Lookup("b")
	own := []byte("memory of the caller, which must stay as it is")
	for _, part := range [][]byte{a.Data, a.Data[5:17], a.Data[4000:20000], a.Data[:0], b.Data, own, nil} {
		f.Release(part)
	}
	if !bytes.Equal(a.Data, data) || string(own) != "memory of the caller, which must stay as it is" {
		t.Error("bytes changed")
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	unmapped, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	c, _ := unmapped.Lookup("a")
	unmapped.Release(c.Data) // of no map: nothing happens
	if !bytes.Equal(c.Data, data) {
		t.Error("bytes that are no map changed")
	}
}
