package nsd

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ventral-lab/ventral/datasets"
)

var _ datasets.Set = (*Set)(nil)

// Files of scipy, nibabel and h5py, made by scripts/loaders_check.py: trial t, from 0, shows picture 7 t modulo 250 of the subject.
func TestDesign(t *testing.T) {
	for _, path := range []string{"testdata", "testdata/plain.mat"} {
		d, err := ReadDesign(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Order) != 750 || len(d.Pictures) != 2 || len(d.Pictures[1]) != 250 {
			t.Fatalf("%s: %d trials, %d subjects", path, len(d.Order), len(d.Pictures))
		}
		for _, trial := range []int{1, 2, 300, 750} {
			for subject := 1; subject <= 2; subject++ {
				id, err := d.Image(subject, 1, trial)
				if want := 7*(trial-1)%250*3 + subject - 1; err != nil || id != want {
					t.Errorf("subject %d, trial %d: picture %d, want %d (%v)", subject, trial, id, want, err)
				}
			}
		}
		trials, err := d.Trials(2, 1)
		if err != nil || len(trials) != 250 || fmt.Sprint(trials[1]) != "[0 250 500]" {
			t.Errorf("%d pictures, picture 1 in trials %v, %v", len(trials), trials[1], err)
		}
		for _, bad := range [][3]int{{0, 1, 1}, {3, 1, 1}, {1, 0, 1}, {1, 2, 1}, {1, 1, 0}, {1, 1, 751}} {
			if _, err := d.Image(bad[0], bad[1], bad[2]); err == nil {
				t.Errorf("%v was found", bad)
			}
		}
	}
	m, err := ReadMat("testdata/plain.mat")
	if err != nil {
		t.Fatal(err)
	}
	if x := m["x"]; fmt.Sprint(x.Dims, x.Data) != "[2 2] [1.5 3 2 4]" {
		t.Errorf("x is %v", x)
	}
	if x := m["one"]; fmt.Sprint(x.Dims, x.Data) != "[1 1] [7]" {
		t.Errorf("one is %v", x)
	}
	if _, there := m["imaginary"]; there {
		t.Error("a complex array was read as a real one")
	}
}

func TestBadDesigns(t *testing.T) {
	good := func() (Matrix, Matrix) {
		order, pictures := Matrix{Dims: []int{1, 750}}, Matrix{Dims: []int{2, 250}}
		for i := range 750 {
			order.Data = append(order.Data, float64(i%250+1))
		}
		for i := range 500 {
			pictures.Data = append(pictures.Data, float64(i+1))
		}
		return order, pictures
	}
	order, pictures := good()
	if err := new(Design).fill(order, pictures); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(o, p *Matrix){
		"out of range":        func(o, p *Matrix) { o.Data[5] = 251 },
		"zero":                func(o, p *Matrix) { o.Data[5] = 0 },
		"a fraction":          func(o, p *Matrix) { o.Data[5] = 1.5 },
		"four times":          func(o, p *Matrix) { o.Data[5] = 1 },
		"a trial is missing":  func(o, p *Matrix) { o.Data = o.Data[1:] },
		"a picture twice":     func(o, p *Matrix) { p.Data[2] = p.Data[0] },
		"a picture of number": func(o, p *Matrix) { p.Data[2] = math.NaN() },
		"three dimensions":    func(o, p *Matrix) { p.Dims = []int{2, 125, 2} },
	} {
		order, pictures := good()
		change(&order, &pictures)
		if err := new(Design).fill(order, pictures); !errors.Is(err, ErrMat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBetas(t *testing.T) {
	b, err := OpenBetas("testdata", 1, "fsaverage", "lh")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if b.Sessions() != 2 || b.Units() != 6 {
		t.Fatal(b.Sessions(), b.Units())
	}
	for _, c := range [][2]int{{1, 1}, {2, 750}, {2, 3}} {
		y, err := b.Trial(c[0], c[1])
		if err != nil {
			t.Fatal(err)
		}
		for v, x := range y {
			if want := float32(1000*v + c[1] - 1 + 10000*c[0]); x != want {
				t.Errorf("session %d, trial %d, vertex %d: %g, want %g", c[0], c[1], v, x, want)
			}
		}
	}
	ncsnr, err := b.NCSNR()
	if err != nil || len(ncsnr) != 6 || ncsnr[5] != 1 {
		t.Errorf("%v, %v", ncsnr, err)
	}
	for _, c := range [][2]int{{0, 1}, {3, 1}, {1, 0}, {1, 751}} {
		if _, err := b.Trial(c[0], c[1]); err == nil {
			t.Errorf("session %d, trial %d was read", c[0], c[1])
		}
	}
	// The volume is the same in NIfTI and HDF5: voxel (x, y, z) is 100 (4 x + 2 y + z) + trial, in 1/300 percent.
	for _, space := range []string{"func1pt8mm", "func1mm"} {
		v, err := OpenBetas("testdata", 1, space, "")
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(v.Dims()) != "[3 2 2]" || v.Sessions() != 1 {
			t.Errorf("%s: %v, %d sessions", space, v.Dims(), v.Sessions())
		}
		y, err := v.Trial(1, 11)
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range y {
			x, yy, z := i%3, i/3%2, i/6
			if want := float64(100*(4*x+2*yy+z)+10) / 300; math.Abs(float64(got)-want) > 1e-6 {
				t.Errorf("%s: voxel %d is %g, want %g", space, i, got, want)
			}
		}
		if _, err := v.NCSNR(); err == nil {
			t.Errorf("%s has no noise ceiling, but one was read", space)
		}
		v.Close()
	}
}

func TestBetasDamage(t *testing.T) {
	const sub = "nsddata_betas/ppdata/subj01/fsaverage/betas_fithrf_GLMdenoise_RR"
	for _, c := range []struct {
		name, want string
		change     func(dir string) error
	}{
		{"none", "holds no lh.betas_session01.mgh", func(dir string) error {
			return errors.Join(os.Remove(dir+"/lh.betas_session01.mgh"), os.Remove(dir+"/lh.betas_session02.mgh"))
		}},
		{"a gap", "session 2 but not 1", func(dir string) error { return os.Remove(dir + "/lh.betas_session01.mgh") }},
		{"another size", "session 2", func(dir string) error {
			b, err := os.ReadFile("../../internal/nifti/testdata/surface.mgz")
			return errors.Join(err, os.WriteFile(dir+"/lh.betas_session02.mgh", b, 0o644))
		}},
		{"text", "neither MGH", func(dir string) error { return os.WriteFile(dir+"/lh.betas_session02.mgh", []byte("text"), 0o644) }},
	} {
		root := t.TempDir()
		dir := filepath.Join(root, filepath.FromSlash(sub))
		if err := os.CopyFS(dir, os.DirFS("testdata/"+sub)); err != nil {
			t.Fatal(err)
		}
		if err := c.change(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenBetas(root, 1, "fsaverage", "lh"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not say %q", c.name, err, c.want)
		}
	}
}

func TestStimuli(t *testing.T) {
	for _, path := range []string{"testdata", "testdata/nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5"} {
		s, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if s.Len() != 4 || s.Spec() != "nsd:"+path {
			t.Fatal(s.Len(), s.Spec())
		}
		st, err := s.At(2)
		if err != nil || st.ID != "nsd-00002" || st.Labels["nsd"] != int64(2) || st.Image.Bounds().Dx() != 5 || st.Image.Bounds().Dy() != 6 {
			t.Fatalf("%+v, %v", st, err)
		}
		for y := range 6 {
			for x := range 5 {
				_, g, _, _ := st.Image.At(x, y).RGBA()
				if want := (((2*6+y)*5+x)*3 + 1) % 128; int(g>>8) != want {
					t.Fatalf("(%d, %d): green is %d, want %d", x, y, g>>8, want)
				}
			}
		}
		// The file is read from many goroutines at once.
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				if st, err := s.At(i % 4); err != nil || st.Labels["nsd"] != int64(i%4) {
					t.Errorf("picture %d: %v", i%4, err)
				}
			})
		}
		wg.Wait()
		if _, err := s.At(4); err == nil {
			t.Error("picture 4 of 4")
		}
		s.Close()
	}
	for _, path := range []string{"testdata/none", "../gtseg/testdata/gtsegs_ijcv.mat", "testdata/plain.mat"} {
		if _, err := Open(path); err == nil {
			t.Errorf("%s was opened", path)
		}
	}
}

// The manual's formula, and its special case of three repeats throughout.
func TestNoiseCeiling(t *testing.T) {
	if got, want := NoiseCeiling(0.7, 100, 0, 0), 0.49/(0.49+1.0/3); math.Abs(got-want) > 1e-15 {
		t.Errorf("%g, want %g", got, want)
	}
	if got, want := NoiseCeiling(1, 1, 1, 1), 1/(1+(1.0/3+0.5+1)/3); math.Abs(got-want) > 1e-15 {
		t.Errorf("%g, want %g", got, want)
	}
	for _, x := range []float64{0, -1, math.NaN()} {
		if got := NoiseCeiling(x, 1, 0, 0); got != 0 {
			t.Errorf("NoiseCeiling(%g) = %g", x, got)
		}
	}
}

func TestMatDamage(t *testing.T) {
	for _, name := range []string{"testdata/plain.mat", "testdata/nsddata/experiments/nsd/nsd_expdesign.mat"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := parseMat(b)
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; n < len(b); n += 1 + n/50 {
			// A cut between two variables is a sound file with fewer of them.
			if m, err := parseMat(b[:n]); err == nil && len(m) >= len(whole) || err != nil && !errors.Is(err, ErrMat) {
				t.Fatalf("%s cut off at %d of %d: %d variables, %v", name, n, len(b), len(m), err)
			}
		}
	}
	b, err := os.ReadFile("../../datasets/gtseg/testdata/gtsegs_ijcv.mat")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseMat(b); !errors.Is(err, ErrMat) || !strings.Contains(err.Error(), "-v7") {
		t.Errorf("version 7.3: %v", err)
	}
	b, err = os.ReadFile("testdata/plain.mat")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(b []byte){
		"no byte order":   func(b []byte) { b[126] = 'X' },
		"version":         func(b []byte) { b[124], b[125] = 7, 7 },
		"size":            func(b []byte) { b[135] = 0xff },
		"negative extent": func(b []byte) { i := bytes.Index(b, []byte{1, 0, 0, 0, 0xee, 2, 0, 0}); b[i+3] = 0x80 },
		"other extent":    func(b []byte) { i := bytes.Index(b, []byte{1, 0, 0, 0, 0xee, 2, 0, 0}); b[i] = 9 },
	} {
		c := bytes.Clone(b)
		change(c)
		if _, err := parseMat(c); !errors.Is(err, ErrMat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzMat(f *testing.F) {
	for _, name := range []string{"testdata/plain.mat", "testdata/nsddata/experiments/nsd/nsd_expdesign.mat"} {
		if b, err := os.ReadFile(name); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMat(b)
		if err != nil && !errors.Is(err, ErrMat) {
			t.Fatal(err)
		}
		for name, x := range m {
			n := 1
			for _, d := range x.Dims {
				n *= d
			}
			if n != len(x.Data) {
				t.Fatalf("%s: %v with %d values", name, x.Dims, len(x.Data))
			}
		}
	})
}

func ExampleReadDesign() {
	d, err := ReadDesign("testdata")
	if err != nil {
		fmt.Println(err)
		return
	}
	id, err := d.Image(1, 1, 2)
	fmt.Println("subject 1 saw picture", id, "second", err)
	// Output:
	// subject 1 saw picture 21 second <nil>
}
