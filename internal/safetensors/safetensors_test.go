package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// build makes a file from a literal header and data.
func build(header string, data []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	b = append(b, header...)
	return append(b, data...)
}

var malformed = []struct {
	name   string
	file   []byte
	kind   error
	detail string // must be part of the message
}{
	{"nothing", nil, ErrTruncated, "0 bytes"},
	{"half a length", []byte{1, 0, 0}, ErrTruncated, "3 bytes"},
	{"header longer than file", binary.LittleEndian.AppendUint64(nil, 100), ErrTruncated, "header of 100 bytes in a file of 8"},
	{"header beyond the cap", append(binary.LittleEndian.AppendUint64(nil, MaxHeader+1), "{}"...), ErrHeader, "at most 100000000"},
	{"header length 2^64-1", append(binary.LittleEndian.AppendUint64(nil, 1<<64-1), "{}"...), ErrHeader, "18446744073709551615"},
	{"empty header", build("", nil), ErrHeader, "0 bytes"},
	{"leading space", build(" {}", nil), ErrHeader, "0x20"},
	{"a list", build("[]", nil), ErrHeader, "0x5b"},
	{"not UTF-8", build("{\"\xff\":1}", nil), ErrHeader, "UTF-8"},
	{"cut JSON", build(`{"a":{"dtype":"F32","shape":[1]`, nil), ErrHeader, "JSON"},
	{"text after", build(`{} {}`, nil), ErrHeader, "after the closing brace"},
	{"entry is a list", build(`{"a":[]}`, nil), ErrHeader, "not an object"},
	{"entry is null", build(`{"a":null}`, nil), ErrHeader, "null"},
	{"metadata number", build(`{"__metadata__":{"k":1}}`, nil), ErrHeader, "not a string"},
	{"metadata list", build(`{"__metadata__":[]}`, nil), ErrHeader, "not an object"},
	{"metadata key twice", build(`{"__metadata__":{"k":"1","k":"1"}}`, nil), ErrDuplicate, `"k"`},
	{"metadata twice", build(`{"__metadata__":{},"__metadata__":{}}`, nil), ErrDuplicate, "__metadata__"},
	{"name twice", build(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, make([]byte, 2)), ErrDuplicate, `"a"`},
	{"name twice by escape", build(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, make([]byte, 2)), ErrDuplicate, `"a"`},
	{"field twice", build(`{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, make([]byte, 1)), ErrDuplicate, "dtype"},
	{"unknown field", build(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}`, make([]byte, 1)), ErrHeader, `"x"`},
	{"field in capitals", build(`{"a":{"DType":"U8","shape":[1],"data_offsets":[0,1]}}`, make([]byte, 1)), ErrHeader, `"DType"`},
	{"missing field", build(`{"a":{"dtype":"U8","shape":[1]}}`, nil), ErrHeader, "lacks"},
	{"unknown dtype", build(`{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}`, make([]byte, 1)), ErrDType, "F8_E4M3"},
	{"dtype in small letters", build(`{"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}}`, make([]byte, 4)), ErrDType, "f32"},
	{"dtype is a number", build(`{"a":{"dtype":4,"shape":[1],"data_offsets":[0,4]}}`, make([]byte, 4)), ErrHeader, "not a string"},
	{"negative axis", build(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, make([]byte, 1)), ErrShape, "-1"},
	{"fractional axis", build(`{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}`, make([]byte, 1)), ErrShape, "1.0"},
	{"axis as text", build(`{"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}`, make([]byte, 1)), ErrHeader, "not a number"},
	{"axis 2^64", build(`{"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,1]}}`, make([]byte, 1)), ErrShape, "18446744073709551616"},
	{"axis 2^63-1", build(`{"a":{"dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,4]}}`, make([]byte, 4)), ErrShape, "2^59"},
	{"product wraps to 1", build(`{"a":{"dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}`, nil), ErrShape, "2^59"},
	{"product wraps behind a zero", build(`{"a":{"dtype":"U8","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}}`, nil), ErrShape, "2^59"},
	{"65 axes", build(`{"a":{"dtype":"U8","shape":[1`+strings.Repeat(",1", 64)+`],"data_offsets":[0,1]}}`, make([]byte, 1)), ErrShape, "64"},
	{"shape disagrees with bytes", build(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, make([]byte, 4)), ErrShape, "8 bytes"},
	{"one offset", build(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}`, make([]byte, 1)), ErrOffsets, "1 numbers"},
	{"three offsets", build(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}}`, make([]byte, 1)), ErrOffsets, "more than 2"},
	{"reversed offsets", build(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, make([]byte, 1)), ErrOffsets, "after end"},
	{"negative offset", build(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}`, make([]byte, 1)), ErrOffsets, "-1"},
	{"offset 2^63", build(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,9223372036854775808]}}`, make([]byte, 1)), ErrOffsets, "9223372036854775808"},
	{"data cut short", build(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, make([]byte, 7)), ErrTruncated, "buffer of 7"},
	{"hole at the start", build(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, make([]byte, 2)), ErrOffsets, "hole"},
	{"hole between", build(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, make([]byte, 3)), ErrOffsets, "hole"},
	{"overlap", build(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, make([]byte, 3)), ErrOffsets, "overlaps"},
	{"the same bytes twice", build(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, make([]byte, 2)), ErrOffsets, "overlaps"},
	{"empty tensor inside another", build(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}`, make([]byte, 2)), ErrOffsets, "overlaps"},
	{"trailing byte", build(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, make([]byte, 2)), ErrTrailing, "1 of 2"},
	{"data without tensors", build(`{}`, make([]byte, 1)), ErrTrailing, "1 of 1"},
}

func TestMalformedFilesAreRefused(t *testing.T) {
	for _, c := range malformed {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.file)
			if !errors.Is(err, c.kind) || !strings.Contains(fmt.Sprint(err), c.detail) {
				t.Fatalf("Parse: %v; want %q naming %q", err, c.kind, c.detail)
			}
			var e *Error
			if !errors.As(err, &e) || e.Remedy == "" {
				t.Errorf("%v has no remedy", err)
			}
			path := filepath.Join(t.TempDir(), "bad.safetensors")
			if err := os.WriteFile(path, c.file, 0o666); err != nil {
				t.Fatal(err)
			}
			_, err = Open(path)
			if !errors.Is(err, c.kind) || !strings.Contains(fmt.Sprint(err), path) {
				t.Errorf("Open: %v; want %q naming %s", err, c.kind, path)
			}
		})
	}
}

func TestEveryTruncationIsRefused(t *testing.T) {
	whole, err := os.ReadFile("testdata/python.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if _, err := Parse(whole[:n:n]); err == nil {
			t.Fatalf("the first %d of %d bytes are taken for a file", n, len(whole))
		}
	}
	if _, err := Parse(append(whole, 0)); !errors.Is(err, ErrTrailing) {
		t.Errorf("a byte too many: %v", err)
	}
}

// The file comes from the Python package (testdata/make_python_file.py), which is the format's reference.
func TestReadsPythonFile(t *testing.T) {
	f, err := Open("testdata/python.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if want := map[string]string{"format": "np", "made": "by <safetensors> & numpy"}; !reflect.DeepEqual(f.Metadata(), want) {
		t.Errorf("metadata %v, want %v", f.Metadata(), want)
	}
	names := []string{"bf16", "bool", "empty", "f16", "f32", "f64", "int16", "int32", "int64", "int8", "naïve \"name\"\n", "scalar", "uint16", "uint32", "uint64", "uint8"}
	if !slices.Equal(f.Names(), names) {
		t.Errorf("names %q, want %q", f.Names(), names)
	}
	floats := []float32{0, 1, -2.5, 65504, 0x1p-24, -0.333251953125}
	signed, unsigned := []int64{0, 1, -1, 127, -128, 5}, []int64{0, 1, 2, 100, 127, 3}
	for name, want := range map[string][]float32{"f16": floats, "f32": floats, "f64": floats, "bf16": {1, -2.5, 0x1.c2p127}, "scalar": {4.6052}, "empty": {}} {
		x, _ := f.Lookup(name)
		if got, err := x.Float32(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, want)
		}
		wide, err := x.Float64()
		if err != nil || len(wide) != len(want) {
			t.Errorf("%s: Float64 gives %v, %v", name, wide, err)
		}
		for i := range wide {
			if wide[i] != float64(want[i]) {
				t.Errorf("%s[%d] = %v, want %v", name, i, wide[i], want[i])
			}
		}
		if _, err := x.Int64(); !errors.Is(err, ErrDType) {
			t.Errorf("%s: Int64 of floats: %v", name, err)
		}
	}
	for name, want := range map[string][]int64{"int8": signed, "int16": signed, "int32": signed, "int64": signed,
		"uint8": unsigned, "uint16": unsigned, "uint32": unsigned, "uint64": unsigned, "bool": {1, 0, 1, 1, 0, 0}, "naïve \"name\"\n": {42}} {
		x, _ := f.Lookup(name)
		if got, err := x.Int64(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, want)
		}
		if _, err := x.Float32(); !errors.Is(err, ErrDType) {
			t.Errorf("%s: Float32 of integers: %v", name, err)
		}
		if err := x.CheckFinite(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, shape := range map[string][]int{"scalar": {}, "empty": {0, 7}, "f64": {2, 3}} {
		if x, ok := f.Lookup(name); !ok || !slices.Equal(x.Shape, shape) {
			t.Errorf("%s: shape %v, want %v", name, x.Shape, shape)
		}
	}
	if _, ok := f.Lookup("absent"); ok {
		t.Error("Lookup finds a tensor that is not there")
	}
}

// randomTensors draws a set of tensors whose bytes are arbitrary, NaN patterns included.
func randomTensors(r *rand.Rand) ([]Tensor, map[string]string) {
	dtypes := []string{F16, BF16, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64, BOOL}
	alphabet := []string{"a", "b", ".", "weight", "é", "\"", "\\", "\n", "<", "\u2028", "日", "\x00"}
	word := func() string {
		var s string
		for range 1 + r.IntN(4) {
			s += alphabet[r.IntN(len(alphabet))]
		}
		return s
	}
	var tensors []Tensor
	seen := map[string]bool{}
	for range r.IntN(9) {
		x := Tensor{Name: word(), DType: dtypes[r.IntN(len(dtypes))], Shape: []int{}}
		for range r.IntN(4) {
			x.Shape = append(x.Shape, r.IntN(5))
		}
		x.Data = make([]byte, x.Len()*ItemSize(x.DType))
		for i := range x.Data {
			x.Data[i] = byte(r.Uint32())
		}
		if !seen[x.Name] {
			seen[x.Name] = true
			tensors = append(tensors, x)
		}
	}
	meta := map[string]string{}
	for range r.IntN(3) {
		meta[word()] = word()
	}
	return tensors, meta
}

func TestRoundTripLaw(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		tensors, meta := randomTensors(r)
		var a, b bytes.Buffer
		if err := Write(&a, tensors, meta); err != nil {
			t.Fatal(err)
		}
		r.Shuffle(len(tensors), func(i, j int) { tensors[i], tensors[j] = tensors[j], tensors[i] })
		if err := Write(&b, tensors, meta); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Fatal("the order of the arguments changes the bytes")
		}
		f, err := Parse(a.Bytes())
		if err != nil {
			t.Fatalf("%v\n%q", err, a.Bytes())
		}
		if !reflect.DeepEqual(f.Metadata(), meta) {
			t.Fatalf("metadata %q, want %q", f.Metadata(), meta)
		}
		if len(f.Names()) != len(tensors) || !slices.IsSorted(f.Names()) {
			t.Fatalf("names %q of %d tensors", f.Names(), len(tensors))
		}
		header := 8 + int(binary.LittleEndian.Uint64(a.Bytes()))
		if header%8 != 0 {
			t.Fatalf("data starts at %d", header)
		}
		for _, want := range tensors {
			got, ok := f.Lookup(want.Name)
			if !ok || !reflect.DeepEqual(got, Tensor{want.Name, want.DType, want.Shape, got.Data}) || !bytes.Equal(got.Data, want.Data) {
				t.Fatalf("got %v, want %v", got, want)
			}
			if len(want.Data) > 0 {
				if at := uintptr(unsafe.Pointer(&got.Data[0])) - uintptr(unsafe.Pointer(&a.Bytes()[0])); int(at)%ItemSize(want.DType) != 0 {
					t.Fatalf("%s data of %q starts at byte %d", want.DType, want.Name, at)
				}
			}
		}
	}
}

func TestWriteRefusesInconsistentTensors(t *testing.T) {
	ok := Tensor{"a", U8, []int{2}, []byte{1, 2}}
	for _, c := range []struct {
		name    string
		tensors []Tensor
		meta    map[string]string
		kind    error
	}{
		{"name twice", []Tensor{ok, ok}, nil, ErrDuplicate},
		{"empty name", []Tensor{{"", U8, []int{1}, []byte{1}}}, nil, ErrHeader},
		{"reserved name", []Tensor{{"__metadata__", U8, []int{1}, []byte{1}}}, nil, ErrHeader},
		{"name not UTF-8", []Tensor{{"\xff", U8, []int{1}, []byte{1}}}, nil, ErrHeader},
		{"metadata not UTF-8", []Tensor{ok}, map[string]string{"k": "\xff"}, ErrHeader},
		{"unknown dtype", []Tensor{{"a", "F8_E5M2", []int{1}, []byte{1}}}, nil, ErrDType},
		{"too few bytes", []Tensor{{"a", F32, []int{2}, []byte{1, 2, 3, 4}}}, nil, ErrShape},
		{"negative axis", []Tensor{{"a", F32, []int{-1}, nil}}, nil, ErrShape},
	} {
		var b bytes.Buffer
		if err := Write(&b, c.tensors, c.meta); !errors.Is(err, c.kind) {
			t.Errorf("%s: %v, want %v", c.name, err, c.kind)
		}
		if b.Len() != 0 {
			t.Errorf("%s: %d bytes were written", c.name, b.Len())
		}
	}
}

func TestWriteFileReplacesWholeFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "w.safetensors")
	write := func(v byte, n int) error {
		return WriteFile(path, []Tensor{{"a", U8, []int{n}, bytes.Repeat([]byte{v}, n)}}, nil)
	}
	if err := write(1, 10000); err != nil {
		t.Fatal(err)
	}
	old, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if err := write(2, 10); err != nil {
		t.Fatal(err)
	}
	// A mapped file keeps its content when its name is given to another one.
	if x, _ := old.Lookup("a"); len(x.Data) != 10000 || x.Data[9999] != 1 {
		t.Error("the open file changed under its reader")
	}
	if err := WriteFile(path, []Tensor{{"a", "?", nil, nil}}, nil); !errors.Is(err, ErrDType) {
		t.Errorf("bad tensor: %v", err)
	}
	now, err := Open(path)
	if err != nil {
		t.Fatalf("a failed write damaged the file: %v", err)
	}
	defer now.Close()
	if x, _ := now.Lookup("a"); len(x.Data) != 10 || x.Data[9] != 2 {
		t.Errorf("the new file holds %v", x.Data)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v; want the file alone", left, err)
	}
	if err := WriteFile(filepath.Join(dir, "absent", "w.safetensors"), nil, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent folder: %v", err)
	}
}

func TestOpenRefusesWhatIsNoFile(t *testing.T) {
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a folder opens")
	}
	if _, err := Open(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
}

func TestReadWithoutMap(t *testing.T) {
	f, err := os.Open("testdata/python.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, err := os.ReadFile("testdata/python.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	got, release, err := read(f, int64(len(want)))
	if err != nil || !bytes.Equal(got, want) || release() != nil {
		t.Errorf("read gives %d bytes, %v", len(got), err)
	}
	if _, _, err := read(f, int64(len(want))+1); err == nil {
		t.Error("a file shorter than its size is read")
	}
}

func TestCloseTwice(t *testing.T) {
	f, err := Open("testdata/python.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Close(), f.Close()); err != nil {
		t.Error(err)
	}
	if _, ok := f.Lookup("f32"); ok {
		t.Error("a closed file hands out tensors")
	}
}

// failing accepts n bytes and then is full.
type failing struct{ n int }

var errFull = errors.New("no space left")

func (f *failing) Write(p []byte) (int, error) {
	if len(p) > f.n {
		n := f.n
		f.n = 0
		return n, errFull
	}
	f.n -= len(p)
	return len(p), nil
}

func TestWriteReportsEveryFailure(t *testing.T) {
	tensors := []Tensor{{"a", U8, []int{3}, []byte{1, 2, 3}}, {"b", F32, []int{1}, []byte{1, 2, 3, 4}}}
	var whole bytes.Buffer
	if err := Write(&whole, tensors, nil); err != nil {
		t.Fatal(err)
	}
	for n := range whole.Len() {
		if err := Write(&failing{n}, tensors, nil); !errors.Is(err, errFull) {
			t.Fatalf("a disk with room for %d of %d bytes: %v", n, whole.Len(), err)
		}
	}
}
