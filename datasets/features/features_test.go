package features

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/datasets/circles"
)

var inFile = []string{"im3", "im1", "im2", "im0"}

// Files of numpy and safetensors, made by scripts/loaders_check.py: row r, column c of the file is 5 r + c.
func TestFormats(t *testing.T) {
	wanted := []string{"im0", "im1", "im3"}
	for _, name := range []string{"features.npz", "named.npy", "features.safetensors"} {
		f, err := Open(filepath.Join("testdata", name), Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if f.Rows != 4 || f.Dims != 5 || !slices.Equal(f.IDs, inFile) || f.Row(2)[3] != 13 {
			t.Errorf("%s: %d x %d, %q, %v", name, f.Rows, f.Dims, f.IDs, f.Row(2))
		}
		if f, err = Open(filepath.Join("testdata", name), Options{IDs: wanted, SHA256: strings.ToUpper(f.SHA256)}); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if f.Rows != 3 || !slices.Equal(f.IDs, wanted) || f.Row(0)[0] != 15 || f.Row(1)[0] != 5 || f.Row(2)[4] != 4 {
			t.Errorf("%s: %q, %v", name, f.IDs, f.Values)
		}
	}
	f, err := Open("testdata/two.npz", Options{Array: "b"})
	if err != nil || f.Row(1)[2] != 8 {
		t.Errorf("array b: %v", err)
	}
	if f, err = Open("testdata/plain.npy", Options{IDs: []string{"a", "b", "c", "d"}, Ordered: true}); err != nil || f.Row(3)[1] != 16 || f.IDs[3] != "d" {
		t.Errorf("Fortran order: %v", err)
	}
	if f, err = Open("testdata/tensor.npy", Options{Flatten: true}); err != nil || f.Dims != 6 || f.Row(1)[5] != 11 || f.IDs != nil {
		t.Errorf("flattened: %v", err)
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		file string
		o    Options
		want string
	}{
		{"two.npz", Options{}, "2 arrays"},
		{"two.npz", Options{Array: "c"}, `no array "c"`},
		{"plain.npy", Options{IDs: inFile}, "which row is which"},
		{"plain.npy", Options{IDs: inFile[:3], Ordered: true}, "4 rows for 3"},
		{"features.npz", Options{IDs: []string{"im0", "im9", "im8"}}, `2 of 3 pictures have no row, the first is "im9"`},
		{"features.npz", Options{SHA256: strings.Repeat("0", 64)}, "another file"},
		{"features.npz", Options{SHA256: "12"}, "another file"},
		{"tensor.npy", Options{}, "[4 2 3]"},
		{"nan.npz", Options{}, "row 2 (im2), column 3 is NaN"},
		{"twice.npz", Options{}, `"a" of row 2`},
		{"short.npz", Options{}, "3 ids for 4 rows"},
		{"none.npz", Options{}, "none.npz"},
		{"features.safetensors", Options{Array: "x"}, `no array "x"`},
	} {
		if _, err := Open(filepath.Join("testdata", c.file), c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %+v: error %v does not say %q", c.file, c.o, err, c.want)
		}
	}
	for _, name := range []string{"features.npz", "plain.npy", "features.safetensors"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name)
		for n := range b {
			if err := os.WriteFile(path, b[:n], 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(path, Options{}); err == nil {
				t.Fatalf("%s cut off at %d of %d was read", name, n, len(b))
			}
		}
	}
}

func TestSetIDs(t *testing.T) {
	s, err := circles.New(circles.Config{N: 5, Frame: 32})
	if err != nil {
		t.Fatal(err)
	}
	ids, err := SetIDs(s)
	if err != nil || len(ids) != 5 {
		t.Fatal(ids, err)
	}
	for i, id := range ids {
		if st, _ := s.At(i); st.ID != id {
			t.Errorf("id %d is %s, want %s", i, id, st.ID)
		}
	}
}

func ExampleOpen() {
	f, err := Open("testdata/features.npz", Options{IDs: []string{"im0", "im1"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.Rows, f.Dims, f.Row(0))
	_, err = Open("testdata/features.npz", Options{IDs: []string{"im0", "im7"}})
	fmt.Println(err)
	// Output:
	// 2 5 [15 16 17 18 19]
	// features: testdata/features.npz: 1 of 2 pictures have no row, the first is "im7"; the file's first row is "im3"
}
