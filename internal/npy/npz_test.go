package npy

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestReadNPZ(t *testing.T) {
	want := []float32{0, 1, 2, 3, 4, 5}
	for _, path := range []string{"testdata/plain.npz", "testdata/packed.npz"} {
		all, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != 2 || all[0].Name != "a" || !reflect.DeepEqual(all[0].Data, want) || !reflect.DeepEqual(all[0].Shape, []int{2, 3}) {
			t.Errorf("%s: %+v", path, all)
		}
	}
	one, err := Load("testdata/vector.npy")
	if err != nil || len(one) != 1 || one[0].Name != "vector" || one[0].Len() != 5 {
		t.Errorf("%+v, %v", one, err)
	}
	z, err := OpenNPZ("testdata/plain.npz")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if _, err := z.Read("c"); err == nil || !strings.Contains(err.Error(), `["a" "b"]`) {
		t.Errorf("unknown name: %v", err)
	}
}

func TestWriteNPZ(t *testing.T) {
	dir := t.TempDir()
	a, err := New([]float64{1, 2, 3, 4}, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	b, err := New([]string{"x", "yé"})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "out.npz")
	if err := WriteNPZ(path, Named{"a", a}, Named{"b", b}); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, []Named{{"a", a}, {"b", b}}) {
		t.Errorf("%+v", got)
	}
	first, _ := os.ReadFile(path)
	if err := WriteNPZ(path, Named{"a", a}, Named{"b", b}); err != nil {
		t.Fatal(err)
	}
	if second, _ := os.ReadFile(path); !bytes.Equal(first, second) {
		t.Error("the same arrays gave other bytes")
	}
	if err := WriteNPZ(path, Named{"a", a}, Named{"a", a}); err == nil {
		t.Error("a name twice was written")
	}
	bad := &Array{Shape: []int{5}, Data: []float32{1}}
	if err := WriteNPZ(path, Named{"a", bad}); err == nil {
		t.Error("a wrong shape was written")
	}
	if now, _ := os.ReadFile(path); !bytes.Equal(first, now) {
		t.Error("a failed write changed the file")
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestBadNPZ(t *testing.T) {
	good, err := os.ReadFile("testdata/plain.npz")
	if err != nil {
		t.Fatal(err)
	}
	read := func(b []byte) error {
		z, err := NewNPZ(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return err
		}
		for _, n := range z.Names() {
			if _, err := z.Read(n); err != nil {
				return err
			}
		}
		return nil
	}
	if err := read(good); err != nil {
		t.Fatal(err)
	}
	if err := read(good[:len(good)-30]); err == nil {
		t.Error("a cut file was read")
	}
	flipped := bytes.Clone(good)
	i := bytes.Index(flipped, []byte("\x00\x00\x80?")) // 1.0 in array a
	if i < 0 {
		t.Fatal("element not found")
	}
	flipped[i] ^= 1
	if err := read(flipped); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("a flipped bit: %v", err)
	}
	zipped := func(names ...string) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, n := range names {
			if _, err := z.Create(n); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	if err := read(zipped("a.npy", "a.npy")); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("a member twice: %v", err)
	}
	if err := read(zipped("a.txt")); err == nil || !strings.Contains(err.Error(), "no .npy") {
		t.Errorf("a foreign member: %v", err)
	}
}

func FuzzNPZ(f *testing.F) {
	for _, name := range []string{"plain", "packed"} {
		b, err := os.ReadFile("testdata/" + name + ".npz")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		z, err := NewNPZ(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		for _, n := range z.Names() {
			a, err := z.Read(n)
			if err == nil && a.Len() > 0 && len(a.Shape) > MaxRank {
				t.Fatal("too many dimensions")
			}
		}
	})
}
