package npy

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// reference is what NumPy said about a file of testdata (made by testdata/make.py).
type reference struct {
	Shape     []int           `json:"shape"`
	DType     string          `json:"dtype"`
	Values    json.RawMessage `json:"values"`
	SameBytes bool            `json:"same_bytes"`
}

func references(t *testing.T) map[string]reference {
	t.Helper()
	b, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var refs map[string]reference
	if err := json.Unmarshal(b, &refs); err != nil {
		t.Fatal(err)
	}
	if len(refs) < 50 {
		t.Fatalf("only %d reference cases", len(refs))
	}
	return refs
}

// payload is the array's elements as NumPy's tobytes gives them: little-endian, C order.
func payload(t *testing.T, a *Array) []byte {
	t.Helper()
	_, d, err := describe(a.Data)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := encode(&b, a.Data, d); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadWhatNumPyWrote(t *testing.T) {
	for name, ref := range references(t) {
		path := filepath.Join("testdata", name+".npy")
		a, err := ReadFile(path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if a.DType() != ref.DType || fmt.Sprint(a.Shape) != fmt.Sprint(ref.Shape) {
			t.Errorf("%s: %s %v, want %s %v", name, a.DType(), a.Shape, ref.DType, ref.Shape)
		}
		if ref.DType == "str" {
			var want []string
			if err := json.Unmarshal(ref.Values, &want); err != nil {
				t.Fatal(err)
			}
			if name == "bytes" {
				want[2] = "x\xe9" // bytes stay bytes, Latin-1 in the reference
			}
			if got, err := a.Strings(); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %q (%v), want %q", name, got, err, want)
			}
		} else {
			var want string
			if err := json.Unmarshal(ref.Values, &want); err != nil {
				t.Fatal(err)
			}
			if got := hex.EncodeToString(payload(t, a)); got != want {
				t.Errorf("%s: elements\n%s, want\n%s", name, got, want)
			}
		}
		if ref.SameBytes {
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := a.Write(&got); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%s: written again it differs from numpy.save:\n%q\n%q", name, got.Bytes(), want)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for name, want := range map[string]error{"objects": ErrPickle, "structured": ErrDType, "dates": ErrDType, "void": ErrDType} {
		if _, err := ReadFile("testdata/" + name + ".npy"); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}

func TestBadFiles(t *testing.T) {
	header := func(text string) string { return magic + "\x01\x00" + string([]byte{byte(len(text)), 0}) + text }
	good := header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n")
	for name, c := range map[string]struct{ data, want string }{
		"empty":         {"", "magic"},
		"magic":         {"\x93NUMPX\x01\x00", "begin"},
		"version":       {magic + "\x04\x00aaaa", "version 4.0"},
		"length cut":    {magic + "\x01\x00a", "length is cut off"},
		"header cut":    {good[:20], "header is cut off"},
		"header long":   {magic + "\x02\x00\xff\xff\xff\x7f", "at most"},
		"no elements":   {good, "0 of 8 bytes"},
		"half":          {good + "aaaa", "4 of 8 bytes"},
		"bomb":          {header("{'descr': '<f8', 'fortran_order': False, 'shape': (68719476736,)}"), "ends after 0"},
		"overflow":      {header("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}"), "too large"},
		"negative":      {header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}"), "extent"},
		"huge extent":   {header("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,)}"), "extent"},
		"no tuple":      {header("{'descr': '<f8', 'fortran_order': False, 'shape': (1)}"), "want ,"},
		"twice":         {header("{'descr': '<f8', 'descr': '<f8', 'shape': (1,)}"), "twice"},
		"key missing":   {header("{'descr': '<f8', 'shape': (1,)}"), "want the keys"},
		"unknown key":   {header("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'x': 1}"), "unknown key"},
		"code":          {header("__import__('os').system('x')"), "want '{'"},
		"text after":    {header("{'descr': '<f8', 'fortran_order': False, 'shape': ()} x"), "text after"},
		"bool value":    {header("{'descr': '|b1', 'fortran_order': False, 'shape': (2,)}") + "\x00\x02", "bool"},
		"surrogate":     {header("{'descr': '<U1', 'fortran_order': False, 'shape': (1,)}") + "\x00\xd8\x00\x00", "code point"},
		"no width":      {header("{'descr': '|S0', 'fortran_order': False, 'shape': (9999999,)}"), "width 0"},
		"odd type":      {header("{'descr': '<f3', 'fortran_order': False, 'shape': (1,)}"), "no reader"},
		"wide text":     {header("{'descr': '<U99999999', 'fortran_order': False, 'shape': (1,)}"), "no reader"},
		"no type":       {header("{'descr': '<', 'fortran_order': False, 'shape': (1,)}"), "no type"},
		"python object": {header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"), "unpickling"},
	} {
		_, err := Read(strings.NewReader(c.data))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
	path := filepath.Join(t.TempDir(), "a.npy")
	if err := os.WriteFile(path, []byte(good+"aaaabbbbc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), "after the array") {
		t.Errorf("a byte too many: %v", err)
	}
}

// TestBombCostsNothing measures what a header that claims 512 GiB makes the reader allocate.
func TestBombCostsNothing(t *testing.T) {
	h := Header{Descr: "<f8", Shape: []int{1 << 36}}
	var b bytes.Buffer
	if err := h.Write(&b); err != nil {
		t.Fatal(err)
	}
	b.Write(make([]byte, 3<<20))
	data := b.Bytes()
	r := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Read(bytes.NewReader(data)); err == nil {
				b.Fatal("read a bomb")
			}
		}
	})
	if got := r.AllocedBytesPerOp(); got > 16<<20 {
		t.Errorf("%d bytes allocated for a file of %d", got, len(data))
	}
}

func TestWriteRefuses(t *testing.T) {
	var b bytes.Buffer
	for name, a := range map[string]*Array{
		"length": {Shape: []int{3}, Data: []float32{1}},
		"type":   {Shape: []int{1}, Data: []int{1}},
		"nul":    {Shape: []int{1}, Data: []string{"a\x00"}},
		"utf8":   {Shape: []int{1}, Data: []string{"\xff"}},
		"nil":    {},
	} {
		if err := a.Write(&b); err == nil {
			t.Errorf("%s: written", name)
		}
	}
	if _, err := New([]float32{1, 2}, 3); err == nil {
		t.Error("New took 2 elements for shape 3")
	}
}

func TestConversions(t *testing.T) {
	for _, c := range []struct {
		data any
		want []float64 // nil: an error
	}{
		{[]bool{true, false}, []float64{1, 0}},
		{[]int8{-3}, []float64{-3}},
		{[]uint64{1 << 53}, []float64{1 << 53}},
		{[]uint64{1<<53 + 1}, nil},
		{[]uint64{math.MaxUint64}, nil},
		{[]int64{math.MaxInt64}, nil},
		{[]int64{math.MinInt64}, []float64{math.MinInt64}},
		{[]Float16{0x3c00, 0xc000}, []float64{1, -2}},
		{[]complex64{1}, nil},
		{[]string{"1"}, nil},
	} {
		a := &Array{Data: c.data}
		got, err := a.Float64s()
		if (c.want == nil) != (err != nil) || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%T %v: %v, %v", c.data, c.data, got, err)
		}
	}
	if got, err := (&Array{Data: []float64{2, -3}}).Int64s(); err != nil || !reflect.DeepEqual(got, []int64{2, -3}) {
		t.Error(got, err)
	}
	for _, x := range []float64{0.5, math.NaN(), math.Inf(1), 0x1p63} {
		if got, err := (&Array{Data: []float64{x}}).Int64s(); err == nil {
			t.Errorf("%g as int64: %v", x, got)
		}
	}
	if _, err := (&Array{Data: []uint64{1 << 63}}).Int64s(); err == nil {
		t.Error("2^63 as int64")
	}
}

func TestHalf(t *testing.T) {
	z, err := OpenNPZ("testdata/single_to_half.npz")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	single, err := z.Read("single")
	if err != nil {
		t.Fatal(err)
	}
	half, err := z.Read("half")
	if err != nil {
		t.Fatal(err)
	}
	want := half.Data.([]Float16)
	for i, f := range single.Data.([]float32) {
		if got := NewFloat16(f); got != want[i] {
			t.Fatalf("NewFloat16(%g = %08x) = %04x, NumPy has %04x", f, math.Float32bits(f), got, want[i])
		}
	}
	for i := range 1 << 16 {
		h := Float16(i)
		e, m := i>>10&31, i&1023
		sign := math.Copysign(1, float64(0x7fff-i))
		var exact float64 // IEEE 754-2019, section 3.4
		switch {
		case e == 31 && m == 0:
			exact = math.Inf(1)
		case e == 31:
			if f := h.Float32(); f == f || NewFloat16(f)&0x7e00 != 0x7e00 {
				t.Fatalf("%04x: not a NaN, or back to %04x", i, NewFloat16(f))
			}
			continue
		case e == 0:
			exact = math.Ldexp(float64(m), -24)
		default:
			exact = math.Ldexp(float64(1024+m), e-25)
		}
		exact = math.Copysign(exact, sign)
		f := h.Float32()
		if float64(f) != exact || math.Signbit(float64(f)) != math.Signbit(exact) {
			t.Fatalf("%04x: %g, want %g", i, f, exact)
		}
		if back := NewFloat16(f); back != h {
			t.Fatalf("%04x: %g goes back to %04x", i, f, back)
		}
	}
}

// FuzzRead: nothing panics, and what is read can be written and read again to the same thing.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"float32", "int16_big", "rank4_fortran", "text", "bytes", "version3", "objects", "structured", "scalar", "empty", "bool"} {
		b, err := os.ReadFile("testdata/" + name + ".npy")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		var first bytes.Buffer
		if err := a.Write(&first); err != nil {
			if _, isText := a.Data.([]string); isText {
				return // bytes that are no UTF-8 can be read, not written
			}
			t.Fatal(err)
		}
		again, err := Read(bytes.NewReader(first.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(payload(t, a), payload(t, again)) || fmt.Sprint(a.Shape) != fmt.Sprint(again.Shape) {
			t.Fatal("written and read again it differs")
		}
	})
}
