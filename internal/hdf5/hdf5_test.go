package hdf5

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func open(t testing.TB, name string) *File {
	t.Helper()
	f, err := Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func lookup(t testing.TB, f *File, path string) *Object {
	t.Helper()
	o, err := f.Lookup(path)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// counted checks elements 0, 1, 2, ... less by.
func counted(t *testing.T, o *Object, shape []int, less float64) {
	t.Helper()
	v, err := o.Float64s()
	if err != nil {
		t.Error(err)
		return
	}
	n := 1
	for _, s := range shape {
		n *= s
	}
	if fmt.Sprint(o.Shape()) != fmt.Sprint(shape) || len(v) != n {
		t.Errorf("%s: shape %v with %d elements, want %v", o.Path(), o.Shape(), len(v), shape)
		return
	}
	for i, x := range v {
		if want := float64(i) - less; x != want {
			t.Errorf("%s: element %d is %g, want %g", o.Path(), i, x, want)
			return
		}
	}
	// Row by row it is the same.
	all, _ := o.Bytes()
	var rows []byte
	for r := 0; r < shape[0]; r += 2 {
		b, err := o.Rows(r, min(2, shape[0]-r))
		if err != nil {
			t.Error(err)
			return
		}
		rows = append(rows, b...)
	}
	if !bytes.Equal(all, rows) {
		t.Errorf("%s: read in rows it differs", o.Path())
	}
}

// Files of h5py, made by scripts/loaders_check.py.
func TestTypes(t *testing.T) {
	f := open(t, "plain.h5")
	group := lookup(t, f, "/types")
	names, err := group.Members()
	if err != nil || len(names) != 11 || !group.IsGroup() {
		t.Fatalf("%q, %v", names, err)
	}
	for _, n := range names {
		less := 5.0
		if strings.Contains(n, "u") {
			less = 0
		}
		counted(t, lookup(t, f, "types/"+n), []int{3, 4}, less)
	}
	if v, err := lookup(t, f, "scalar").Float64s(); err != nil || len(v) != 1 || v[0] != 2.5 {
		t.Errorf("scalar: %v, %v", v, err)
	}
	if v, err := lookup(t, f, "bool").Float64s(); err != nil || fmt.Sprint(v) != "[1 0 1]" {
		t.Errorf("bool: %v, %v", v, err)
	}
	if s, err := lookup(t, f, "text").Text(); err != nil || s != "hello" {
		t.Errorf("text: %q, %v", s, err)
	}
	if s, err := lookup(t, f, "wide").Text(); err != nil || s != "Zürich" {
		t.Errorf("wide: %q, %v", s, err)
	}
	if v, err := lookup(t, f, "empty").Bytes(); err != nil || len(v) != 0 {
		t.Errorf("empty: %v, %v", v, err)
	}
	if v, err := lookup(t, f, "unwritten").Float64s(); err != nil || fmt.Sprint(v) != "[7 7 7 7 7 7 7 7]" {
		t.Errorf("unwritten: %v, %v", v, err)
	}
	counted(t, lookup(t, f, "compact"), []int{2, 2}, 0)
	many, err := lookup(t, f, "many").Members()
	if err != nil || len(many) != 100 || many[42] != "member042" {
		t.Errorf("many: %d, %v", len(many), err)
	}
	if v, err := lookup(t, f, "many/member077").Float64s(); err != nil || v[0] != 77 {
		t.Errorf("member077: %v, %v", v, err)
	}
}

func TestReferences(t *testing.T) {
	f := open(t, "plain.h5")
	refs, err := lookup(t, f, "refs").References()
	if err != nil || len(refs) != 2 {
		t.Fatalf("%v, %v", refs, err)
	}
	o, err := f.Deref(refs[0])
	if err != nil {
		t.Fatal(err)
	}
	if v, err := o.Float64s(); err != nil || v[0] != 2.5 {
		t.Errorf("%v, %v", v, err)
	}
	if o, err = f.Deref(refs[1]); err != nil || !o.IsGroup() {
		t.Errorf("the second is no group: %v", err)
	}
	null, err := lookup(t, f, "null_ref").References()
	if err != nil || len(null) != 1 || null[0] != 0 {
		t.Fatalf("%v, %v", null, err)
	}
	if _, err := f.Deref(null[0]); !errors.Is(err, ErrNotFound) {
		t.Errorf("a reference to nowhere: %v", err)
	}
	if _, err := f.Deref(1 << 40); !errors.Is(err, ErrFormat) {
		t.Errorf("a reference beyond the end: %v", err)
	}
	if _, err := lookup(t, f, "scalar").References(); !errors.Is(err, ErrType) {
		t.Errorf("references of a number: %v", err)
	}
}

func TestChunks(t *testing.T) {
	f := open(t, "chunked.h5")
	counted(t, lookup(t, f, "gzip"), []int{13, 7}, 0)
	counted(t, lookup(t, f, "all"), []int{11, 5, 3}, 0)
	counted(t, lookup(t, f, "sum"), []int{50}, 0)
	counted(t, lookup(t, f, "plain"), []int{9, 9}, 0)
	v, err := lookup(t, f, "part").Float64s()
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range v {
		want := -1.0
		if r, c := i/10, i%10; r >= 4 && r < 6 && c >= 2 && c < 7 {
			want = 5
		}
		if x != want {
			t.Errorf("part (%d, %d) is %g, want %g", i/10, i%10, x, want)
		}
	}
}

func TestNewerVersions(t *testing.T) {
	f := open(t, "latest.h5")
	counted(t, lookup(t, f, "group/contiguous"), []int{4, 3}, 0)
	counted(t, lookup(t, f, "single"), []int{6, 2}, 0)
	if _, err := f.Lookup("indexed"); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "h5repack") {
		t.Errorf("indexed: %v", err)
	}
	if _, err := f.Lookup("dense/m3"); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "fractal heap") {
		t.Errorf("dense: %v", err)
	}
	f = open(t, "v18.h5")
	counted(t, lookup(t, f, "group/contiguous"), []int{4, 3}, 0)
	counted(t, lookup(t, f, "gzip"), []int{13, 7}, 0)
}

func TestRefused(t *testing.T) {
	f := open(t, "plain.h5")
	for path, want := range map[string]string{"compound": "compound", "variable": "variable-length", "lzf": "filter 32000"} {
		if _, err := f.Lookup(path); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{"nothing", "types/nothing", "scalar/x"} {
		if _, err := f.Lookup(path); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := lookup(t, f, "types").Bytes(); !errors.Is(err, ErrFormat) {
		t.Errorf("the bytes of a group: %v", err)
	}
	if _, err := lookup(t, f, "text").Float64s(); !errors.Is(err, ErrType) {
		t.Errorf("numbers of text: %v", err)
	}
	if _, err := lookup(t, f, "compact").Rows(1, 2); err == nil {
		t.Error("rows beyond the end")
	}
	if _, err := New(strings.NewReader("MATLAB 5.0 MAT-file"), 19); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "-v7.3") {
		t.Errorf("an older .mat file: %v", err)
	}
}

// walk reads everything that can be reached.
func walk(f *File) error {
	root, err := f.Lookup("/")
	if err != nil {
		return err
	}
	seen := map[uint64]bool{}
	var first error
	var visit func(o *Object, depth int)
	note := func(err error) {
		if first == nil {
			first = err
		}
	}
	visit = func(o *Object, depth int) {
		if seen[o.addr] || depth > 8 || len(seen) > 500 {
			return
		}
		seen[o.addr] = true
		if o.IsGroup() {
			names, err := o.Members()
			note(err)
			for _, n := range names {
				c, err := o.Child(n)
				note(err)
				if err == nil {
					visit(c, depth+1)
				}
			}
			return
		}
		if o.dtype.Class == Reference {
			refs, err := o.References()
			note(err)
			for _, r := range refs {
				if c, err := f.Deref(r); err == nil {
					visit(c, depth+1)
				}
			}
			return
		}
		_, err := o.Bytes()
		note(err)
	}
	visit(root, 0)
	return first
}

// A file cut off anywhere is found: its last byte belongs to something. No cut makes the reader allocate much.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"chunked.h5", "v18.h5"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		f, err := New(bytes.NewReader(b), int64(len(b)))
		if err != nil || walk(f) != nil {
			t.Fatalf("%s: %v, %v", name, err, walk(f))
		}
		for n := 0; n < len(b); n += 1 + n/64 {
			f, err := New(bytes.NewReader(b[:n]), int64(n))
			if err == nil {
				err = walk(f)
			}
			if !errors.Is(err, ErrFormat) {
				t.Errorf("%s cut off at %d of %d: %v", name, n, len(b), err)
			}
		}
	}
}

// mutate changes the only place where a pattern stands.
func mutate(t *testing.T, b []byte, old, new string) []byte {
	t.Helper()
	if n := bytes.Count(b, []byte(old)); n != 1 {
		t.Fatalf("%q stands %d times", old, n)
	}
	return bytes.Replace(b, []byte(old), []byte(new), 1)
}

// Damage that a careless reader loops on, overruns or allocates for.
func TestDamage(t *testing.T) {
	plain, err := os.ReadFile("testdata/plain.h5")
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, "plain.h5")
	many := lookup(t, f, "many")
	at := int(many.group.tree)
	u64 := func(b []byte, at int, v uint64) []byte {
		b = bytes.Clone(b)
		binary.LittleEndian.PutUint64(b[at:], v)
		return b
	}
	level := bytes.Clone(plain)
	level[at+5] = 1
	// The first child of a tree of level 1 is the tree itself.
	loop := u64(level, at+24+8, uint64(at))
	for _, c := range []struct {
		name, want string
		b          []byte
	}{
		{"a tree that is its own child", "comes back", loop},
		{"a symbol node elsewhere", "symbol node", u64(plain, at+24+8, uint64(at))},
		{"a heap elsewhere", "heap", u64(plain, int(many.addr)+16+8+8, uint64(at))},
		{"two nodes with the same members", "two members", u64(plain, at+24+8+16, binary.LittleEndian.Uint64(plain[at+24+8:]))},
	} {
		g, err := New(bytes.NewReader(c.b), int64(len(c.b)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = g.Lookup("many/member001")
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	// A header that continues in itself. The continuation message of a version 1 header: type 0x10, 16 bytes, address, length.
	chunked, err := os.ReadFile("testdata/chunked.h5")
	if err != nil {
		t.Fatal(err)
	}
	cf := open(t, "chunked.h5")
	g := lookup(t, cf, "gzip")
	// Claimed extents: the dataspace message begins the header.
	base := int(cf.base)
	dims := base + int(g.addr) + 16 + 8 + 8
	if binary.LittleEndian.Uint64(chunked[dims:]) != 13 {
		t.Fatal("the extents are not where they were")
	}
	for _, v := range []uint64{1 << 20, 1 << 40, math.MaxUint64, 1 << 62} {
		b := u64(chunked, dims, v)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		h, err := New(bytes.NewReader(b), int64(len(b)))
		if err == nil {
			var o *Object
			if o, err = h.Lookup("gzip"); err == nil {
				_, err = o.Bytes()
			}
		}
		runtime.ReadMemStats(&after)
		if v > 1<<20 && !errors.Is(err, ErrFormat) {
			t.Errorf("%d rows: %v", v, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 2*maxInflation*uint64(len(b)) {
			t.Errorf("%d rows: %d bytes were allocated", v, used)
		}
	}
	// One bit of packed data.
	bits := bytes.Clone(chunked)
	o := lookup(t, cf, "sum")
	var first uint64
	if err := cf.tree(o.layout.addr, 1, 8+16, func(_ []byte, addr uint64) error {
		if first == 0 {
			first = addr
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	bits[base+int(first)] ^= 4
	h, err := New(bytes.NewReader(bits), int64(len(bits)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lookup(t, h, "sum").Bytes(); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("a changed bit: %v", err)
	}
	// A version 2 header with a changed byte.
	latest, err := os.ReadFile("testdata/v18.h5")
	if err != nil {
		t.Fatal(err)
	}
	h, err = New(bytes.NewReader(latest), int64(len(latest)))
	if err != nil {
		t.Fatal(err)
	}
	c := lookup(t, h, "gzip")
	broken := bytes.Clone(latest)
	broken[int(c.addr)+12] ^= 1
	if h, err = New(bytes.NewReader(broken), int64(len(broken))); err == nil {
		_, err = h.Lookup("gzip")
	}
	if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("a changed header: %v", err)
	}
	if b := mutate(t, latest, "\x89HDF\r\n\x1a\n\x02", "\x89HDF\r\n\x1a\n\x09"); b != nil {
		if _, err := New(bytes.NewReader(b), int64(len(b))); !errors.Is(err, ErrUnsupported) {
			t.Errorf("superblock version 9: %v", err)
		}
	}
}

// A header whose continuation is the header itself.
func TestContinuationLoop(t *testing.T) {
	var b []byte
	put := func(v ...any) {
		for _, x := range v {
			b, _ = binary.Append(b, binary.LittleEndian, x)
		}
	}
	put([]byte("\x89HDF\r\n\x1a\n"), [8]byte{5: 8, 6: 8}, uint16(4), uint16(16), uint32(0))
	put(uint64(0), uint64(undefined), uint64(300), uint64(undefined))
	put(uint64(0), uint64(96), uint64(0), [16]byte{})
	b = append(b, make([]byte, 96-len(b))...)
	put(uint8(1), uint8(0), uint16(200), uint32(1), uint32(24), uint32(0)) // the header: 200 messages, 24 bytes
	put(uint16(0x10), uint16(16), uint32(0), uint64(96+16), uint64(24))    // continues where it begins
	b = append(b, make([]byte, 300-len(b))...)
	if _, err := New(bytes.NewReader(b), int64(len(b))); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "continues in itself") {
		t.Errorf("%v", err)
	}
}

// The checksum's published value: Jenkins's own driver gives 17770551 for this text and initial values 0.
func TestLookup3(t *testing.T) {
	if got := lookup3([]byte("Four score and seven years ago")); got != 0x17770551 {
		t.Errorf("%08x", got)
	}
}

func FuzzWalk(f *testing.F) {
	for _, name := range []string{"chunked.h5", "v18.h5", "latest.h5"} {
		if b, err := os.ReadFile(filepath.Join("testdata", name)); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := New(bytes.NewReader(b), int64(len(b))); err == nil {
			if err := walk(h); err != nil && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrNotFound) {
				t.Fatal(err)
			}
		}
	})
}

func ExampleOpen() {
	f, err := Open("testdata/chunked.h5")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	o, err := f.Lookup("/gzip")
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := o.Float64s()
	fmt.Println(o.Shape(), o.Type(), v[:4], err)
	// Output:
	// [13 7] integer of 4 bytes [0 1 2 3] <nil>
}
