package gtseg

import (
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/datasets/scenes"
	"github.com/ventral-lab/ventral/datasets/scenes/export"
	"github.com/ventral-lab/ventral/internal/checksum"
)

var _ datasets.Set = (*Set)(nil)

// A file of h5py, made by scripts/loaders_check.py.
func TestH5py(t *testing.T) {
	for _, path := range []string{"testdata", "testdata/gtsegs_ijcv.mat"} {
		s, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if s.Len() != 3 || s.Spec() != "gtseg:"+path || s.ID(2) != "gtseg_000002" {
			t.Fatal(s.Len(), s.Spec())
		}
		for i := range 3 {
			st, err := s.At(i)
			if err != nil {
				t.Fatal(err)
			}
			w, h := 5+i, 4
			if st.Image.Bounds() != image.Rect(0, 0, w, h) {
				t.Fatal(st.Image.Bounds())
			}
			figure := 0
			for x := range w {
				for y := range h {
					r, g, b, _ := st.Image.At(x, y).RGBA()
					at := x*h + y // in HDF5 the arrays are 3 x w x h and w x h
					if int(r>>8) != at%128 || int(g>>8) != (w*h+at)%128 || int(b>>8) != (2*w*h+at)%128 {
						t.Fatalf("picture %d, (%d, %d): %d %d %d", i, x, y, r>>8, g>>8, b>>8)
					}
					want := at%(2+i) == 0
					if (st.Masks["figure"].GrayAt(x, y).Y == 255) != want {
						t.Fatalf("label %d, (%d, %d)", i, x, y)
					}
					if want {
						figure++
					}
				}
			}
			if st.Labels["figure"] != float64(figure)/float64(w*h) {
				t.Errorf("figure %v, want %d of %d", st.Labels["figure"], figure, w*h)
			}
		}
		for _, i := range []int{-1, 3} {
			if _, err := s.At(i); err == nil {
				t.Errorf("picture %d of 3", i)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestDamage(t *testing.T) {
	if _, err := Open("testdata/missing.mat"); err == nil || !strings.Contains(err.Error(), "3 pictures and 2 labels") {
		t.Errorf("labels are missing: %v", err)
	}
	for _, c := range []struct {
		file string
		i    int
		want string
	}{{"loop.mat", 1, "circle"}, {"range.mat", 0, "label 2 in row 0, column 2"}, {"size.mat", 0, "shape [4 5] for a picture of 5 x 4"}} {
		s, err := Open(filepath.Join("testdata", c.file))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.At(c.i); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not say %q", c.file, err, c.want)
		}
		if c.file == "loop.mat" {
			if _, err := s.At(0); err != nil {
				t.Errorf("another picture: %v", err)
			}
		}
		s.Close()
	}
	b, err := os.ReadFile("testdata/gtsegs_ijcv.mat")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cut.mat")
	for n := 0; n < len(b); n += 97 {
		if err := os.WriteFile(path, b[:n], 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil {
			t.Fatalf("cut off at %d of %d it was opened", n, len(b))
		}
	}
	// A file that is whole, but not the one that was pinned.
	if err := errors.Join(os.WriteFile(path, b, 0o644), os.WriteFile(filepath.Join(filepath.Dir(path), "SHA256SUMS"), []byte(strings.Repeat("0", 64)+"  cut.mat\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, checksum.ErrMismatch) {
		t.Errorf("another file than the pinned one: %v", err)
	}
	for _, path := range []string{"", "testdata/none.mat", "../voc/testdata"} {
		if _, err := Open(path); err == nil {
			t.Errorf("%q was opened", path)
		}
	}
}

// What scenes exports comes back, pixel by pixel.
func TestExportRoundTrip(t *testing.T) {
	world, err := scenes.NewWorld(scenes.WorldConfig{N: 40, Seed: 4, Size: 24, Split: "test"})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := export.GTSeg(world, dir, nil); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Len() != 40 || s.ID(39) != "test_4_000039" {
		t.Fatal(s.Len(), s.ID(39))
	}
	for i := range s.Len() {
		p, err := world.Render(i)
		if err != nil {
			t.Fatal(err)
		}
		st, err := s.At(i)
		if err != nil {
			t.Fatal(err)
		}
		for j, k := range p.Instance {
			r, g, b, _ := st.Image.At(j%24, j/24).RGBA()
			if uint8(r>>8) != p.RGB[3*j] || uint8(g>>8) != p.RGB[3*j+1] || uint8(b>>8) != p.RGB[3*j+2] || (st.Masks["figure"].Pix[j] == 255) != (k > 0) {
				t.Fatalf("picture %d differs at pixel %d", i, j)
			}
		}
	}
}

func ExampleOpen() {
	s, err := Open("testdata")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	st, err := s.At(1)
	fmt.Println(s.Len(), st.ID, st.Image.Bounds().Size(), st.Labels["figure"], err)
	// Output:
	// 3 gtseg_000001 (6,4) 0.3333333333333333 <nil>
}
