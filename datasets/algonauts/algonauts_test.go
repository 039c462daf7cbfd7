package algonauts_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/datasets/algonauts"
	"github.com/ventral-lab/ventral/datasets/subject"
	"github.com/ventral-lab/ventral/internal/npy"
	"github.com/ventral-lab/ventral/internal/pickle"
)

var _ datasets.Set = (*algonauts.Images)(nil)

var (
	once sync.Once
	base string
)

func TestMain(m *testing.M) {
	code := m.Run()
	if base != "" {
		os.RemoveAll(base)
	}
	os.Exit(code)
}

// simulated is a small subject in the challenge's layout, without its sums, so that tests may change it; linked, so that a copy costs little.
func simulated(t *testing.T) string {
	t.Helper()
	once.Do(func() {
		dir, err := os.MkdirTemp("", "algonauts")
		if err != nil {
			t.Fatal(err)
		}
		base = dir
		s, err := subject.New(subject.Config{Seed: 1, Training: 8, Test: 3, Size: 16, Vertices: 60})
		if err == nil {
			err = s.Write(dir, nil)
		}
		if err == nil {
			err = os.Remove(filepath.Join(dir, "subj01", "SHA256SUMS"))
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	dir := t.TempDir()
	err := filepath.WalkDir(base, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(base, path)
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(dir, rel), 0o755)
		}
		return os.Link(path, filepath.Join(dir, rel))
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// replace puts another file where a link was.
func replace(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	path := filepath.Join(dir, "subj01", filepath.FromSlash(name))
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if data != nil {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func array(t *testing.T, data any, shape ...int) []byte {
	t.Helper()
	a, err := npy.New(data, shape...)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := a.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOpen(t *testing.T) {
	dir := simulated(t)
	for _, root := range []string{dir, filepath.Join(dir, "subj01")} {
		s, err := algonauts.Open(root, 1)
		if err != nil {
			t.Fatal(err)
		}
		m := s.Images(algonauts.Test)
		if want := "algonauts:" + filepath.ToSlash(root) + "?subject=1&split=test"; m.Spec() != want || m.Len() != 3 {
			t.Errorf("%s, %d pictures", m.Spec(), m.Len())
		}
		st, err := m.At(2)
		if err != nil || st.ID != "test-0003_nsd-00010" || st.Labels["nsd"] != int64(10) || st.Labels["number"] != int64(2) {
			t.Errorf("%v, %v", st, err)
		}
		if _, err := m.At(3); err == nil {
			t.Error("picture 3 of 3")
		}
		v1, err := s.Region(algonauts.Left, "V1v")
		if err != nil || len(v1) == 0 {
			t.Errorf("V1v: %v, %v", v1, err)
		}
		labels, names := s.Labels(algonauts.Left, "prf-visualrois")
		for _, v := range v1 {
			if names[labels[v]] != "V1v" {
				t.Errorf("vertex %d is %s", v, names[labels[v]])
			}
		}
		if empty, err := s.Region(algonauts.Left, "mTL-faces"); err != nil || len(empty) != 0 {
			t.Errorf("an empty region: %v, %v", empty, err)
		}
		if _, err := s.Region(algonauts.Left, "V9"); err == nil || !strings.Contains(err.Error(), "V1v") {
			t.Errorf("an unknown region: %v", err)
		}
		y, err := s.Responses(algonauts.Left, algonauts.Training)
		if err != nil {
			t.Fatal(err)
		}
		columns := y.Columns(v1)
		for i := range y.Images {
			for j, v := range v1 {
				if columns[i*len(v1)+j] != float64(y.At(i, v)) {
					t.Fatalf("columns differ at (%d, %d)", i, v)
				}
			}
		}
		values := make([]float64, y.Vertices)
		for i := range values {
			values[i] = float64(i + 1)
		}
		full, err := s.Scatter(algonauts.Left, values, -1)
		if err != nil || len(full) != algonauts.FsaverageVertices {
			t.Fatal(err)
		}
		at := 0
		for v, x := range full {
			if at < y.Vertices && s.Vertices(algonauts.Left)[at] == v {
				at++
				if x != float64(at) {
					t.Fatalf("vertex %d is %g, want %d", v, x, at)
				}
			} else if x != -1 {
				t.Fatalf("vertex %d is %g", v, x)
			}
		}
		if _, err := s.Scatter(algonauts.Left, values[1:], 0); err == nil {
			t.Error("too few values were scattered")
		}
		if _, err := s.Responses("left", algonauts.Training); err == nil {
			t.Error("hemisphere left")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Responses in every form in which NumPy writes a matrix; the files are of scripts/loaders_check.py and hold 0, 1, 2, ... row by row.
func TestResponseFormats(t *testing.T) {
	dir := simulated(t)
	// A subject of five pictures and seven vertices: all masks are made to fit.
	for n := 6; n <= 8; n++ {
		replace(t, dir, fmt.Sprintf("training_split/training_images/train-%04d_nsd-%05d.png", n, n-1), nil)
	}
	replace(t, dir, "test_split/test_fmri/lh_test_fmri.npy", nil)
	replace(t, dir, "test_split/noise_ceiling/lh_noise_ceiling.npy", nil)
	all := make([]int64, algonauts.FsaverageVertices)
	for v := range 7 {
		all[1000*v+5] = 1
	}
	replace(t, dir, "roi_masks/lh.all-vertices_fsaverage_space.npy", array(t, all))
	for _, class := range algonauts.Classes {
		replace(t, dir, "roi_masks/lh."+class+"_fsaverage_space.npy", nil)
		replace(t, dir, "roi_masks/lh."+class+"_challenge_space.npy", nil)
	}
	right, err := os.ReadFile(filepath.Join(dir, "subj01", "training_split/training_fmri/rh_training_fmri.npy"))
	if err != nil {
		t.Fatal(err)
	}
	h, err := npy.Read(bytes.NewReader(right))
	if err != nil {
		t.Fatal(err)
	}
	replace(t, dir, "training_split/training_fmri/rh_training_fmri.npy", array(t, h.Data.([]float32)[:5*h.Shape[1]], 5, h.Shape[1]))
	const name = "training_split/training_fmri/lh_training_fmri.npy"
	for _, f := range []string{"c4", "fortran4", "big8", "fortran8", "half", "version2"} {
		b, err := os.ReadFile(filepath.Join("testdata", f+".npy"))
		if err != nil {
			t.Fatal(err)
		}
		replace(t, dir, name, b)
		s, err := algonauts.Open(dir, 1)
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		y, err := s.Responses(algonauts.Left, algonauts.Training)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			for v := range 7 {
				if y.At(i, v) != float32(7*i+v) || y.Row(i)[v] != float32(7*i+v) {
					t.Errorf("%s: (%d, %d) is %g", f, i, v, y.At(i, v))
				}
			}
		}
		if s.NoiseCeiling(algonauts.Left) != nil || len(s.Regions(algonauts.Left)) != 0 {
			t.Errorf("%s: a ceiling or regions without files", f)
		}
		s.Close()
		for n := 0; n < len(b); n += 7 {
			replace(t, dir, name, b[:n])
			if _, err := algonauts.Open(dir, 1); err == nil {
				t.Fatalf("%s cut off at %d of %d was opened", f, n, len(b))
			}
		}
	}
	for f, want := range map[string]string{"integers": "want floats", "vector": "images x vertices"} {
		b, err := os.ReadFile(filepath.Join("testdata", f+".npy"))
		if err != nil {
			t.Fatal(err)
		}
		replace(t, dir, name, b)
		if _, err := algonauts.Open(dir, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v does not say %q", f, err, want)
		}
	}
}

func TestDamage(t *testing.T) {
	good := simulated(t)
	s, err := algonauts.Open(good, 1)
	if err != nil {
		t.Fatal(err)
	}
	vertices := s.Vertices(algonauts.Left)
	labels, _ := s.Labels(algonauts.Left, "floc-faces")
	s.Close()
	v := len(vertices)
	other := slices.Clone(labels)
	other[0] = 5 - other[0]
	unknown := make([]int32, algonauts.FsaverageVertices)
	unknown[vertices[0]] = 9
	outside := make([]int32, algonauts.FsaverageVertices)
	outside[slices.Index(make([]bool, v), false)] = 2
	calls, err := os.ReadFile("../../internal/pickle/testdata/call_system_4.npy")
	if err != nil {
		t.Fatal(err)
	}
	few, err := pickle.Encode(map[int64]string{0: "Unknown"})
	if err != nil {
		t.Fatal(err)
	}
	nan := make([]float32, v)
	nan[3] = float32(math.NaN())
	cut := binary.LittleEndian.AppendUint64([]byte("\x93NUMPY\x01\x00"), 1<<40)
	picture := []byte("no picture")
	for _, c := range []struct {
		name, file, want string
		data             []byte
	}{
		{"a picture too few", "training_split/training_images/train-0008_nsd-00007.png", "8 rows for 7 pictures", nil},
		{"a number is missing", "training_split/training_images/train-0003_nsd-00002.png", "none has number 3", nil},
		{"a number twice", "training_split/training_images/train-0003_nsd-00077.png", "number 3 comes twice", picture},
		{"an NSD number twice", "test_split/test_images/test-0004_nsd-00002.png", "00002 of NSD comes twice", picture},
		{"another name", "training_split/training_images/picture.png", "train-NUMBER_nsd-NUMBER", picture},
		{"a test picture among them", "training_split/training_images/test-0009_nsd-00055.png", "train-NUMBER", picture},
		{"no responses", "training_split/training_fmri/rh_training_fmri.npy", "rh_training_fmri", nil},
		{"too few columns", "training_split/training_fmri/lh_training_fmri.npy", "columns, but the mask", array(t, make([]float32, 8*(v-1)), 8, v-1)},
		{"too few rows", "test_split/test_fmri/lh_test_fmri.npy", "2 rows for 3", array(t, make([]float32, 2*v), 2, v)},
		{"no .npy", "training_split/training_fmri/lh_training_fmri.npy", "not a sound .npy", cut},
		{"an object array", "training_split/training_fmri/lh_training_fmri.npy", "pickled", calls},
		{"no mask", "roi_masks/lh.all-vertices_fsaverage_space.npy", "all-vertices", nil},
		{"a mask of 2", "roi_masks/lh.all-vertices_fsaverage_space.npy", "want 0 or 1", array(t, slices.Repeat([]int32{2}, algonauts.FsaverageVertices))},
		{"a short mask", "roi_masks/lh.all-vertices_fsaverage_space.npy", "want (163842)", array(t, make([]int32, 100))},
		{"an empty mask", "roi_masks/lh.all-vertices_fsaverage_space.npy", "no vertex", array(t, make([]int32, algonauts.FsaverageVertices))},
		{"labels of another length", "roi_masks/lh.floc-faces_challenge_space.npy", "want (", array(t, labels[1:])},
		{"labels that differ", "roi_masks/lh.floc-faces_challenge_space.npy", "_fsaverage_space.npy has", array(t, other)},
		{"half of the labels", "roi_masks/lh.floc-faces_challenge_space.npy", "is there but not", nil},
		{"a label without name", "roi_masks/mapping_floc-faces.npy", "does not name", few},
		{"no mapping", "roi_masks/mapping_floc-faces.npy", "mapping_floc-faces", nil},
		{"a mapping that calls", "roi_masks/mapping_floc-faces.npy", "refused", calls},
		{"a ceiling of NaN", "test_split/noise_ceiling/lh_noise_ceiling.npy", "vertex 3 has NaN", array(t, nan)},
		{"a short ceiling", "test_split/noise_ceiling/lh_noise_ceiling.npy", "shape [3]", array(t, make([]float32, 3))},
		{"sums that are none", "SHA256SUMS", "line 1", []byte("no sum\n")},
		{"a sum for a file that is not there", "SHA256SUMS", "gone.npy", []byte(strings.Repeat("0", 64) + "  gone.npy\n")},
	} {
		dir := simulated(t)
		replace(t, dir, c.file, c.data)
		if _, err := algonauts.Open(dir, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not say %q", c.name, err, c.want)
		}
	}
	dir := simulated(t)
	replace(t, dir, "training_split/training_images/train-0002_nsd-00001.png", picture)
	if s, err = algonauts.Open(dir, 1); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Images(algonauts.Training).At(1); err == nil || !strings.Contains(err.Error(), "train-0002") {
		t.Errorf("a picture that is none: %v", err)
	}
	for _, c := range []struct {
		root   string
		number int
	}{{"", 1}, {good, 2}, {good, 0}, {filepath.Join(good, "subj01"), 2}} {
		if _, err := algonauts.Open(c.root, c.number); err == nil {
			t.Errorf("%q, subject %d was opened", c.root, c.number)
		}
	}
}
