//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package recording

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/internal/zarr"
)

// pythonReport is what scripts/zarr_check.py --json prints.
type pythonReport struct {
	Zarr   string `json:"zarr"`
	Arrays map[string]struct {
		Shape      []int          `json:"shape"`
		DType      string         `json:"dtype"`
		Dimensions []*string      `json:"dimensions"`
		Attributes map[string]any `json:"attributes"`
		SHA256     string         `json:"sha256"`
	} `json:"arrays"`
	Wrong []string `json:"wrong"`
}

// zarrCheck runs scripts/zarr_check.py in the Python that VENTRAL_PYTHON_ZARR names.
func zarrCheck(t *testing.T, dir string) (pythonReport, int) {
	t.Helper()
	python := os.Getenv("VENTRAL_PYTHON_ZARR")
	if python == "" {
		t.Skip("set VENTRAL_PYTHON_ZARR to a Python that has zarr 3.1 or later to compare with zarr-python")
	}
	c := exec.Command(python, filepath.Join("..", "..", "..", "scripts", "zarr_check.py"), dir, "--json")
	var out, stderr bytes.Buffer
	c.Stdout, c.Stderr = &out, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var rep pythonReport
	if err := json.Unmarshal(out.Bytes(), &rep); err != nil {
		t.Fatalf("%v\n%s%s", err, out.String(), stderr.String())
	}
	return rep, c.ProcessState.ExitCode()
}

// TestPythonReadsIt: zarr-python opens recordings as they are, without a warning, complete or not, and reads the
// same values.
func TestPythonReadsIt(t *testing.T) {
	for _, c := range []struct {
		name   string
		level  int
		chunks []int // nil: all
	}{{"plain", 0, nil}, {"zstd", 3, nil}, {"incomplete", 0, []int{1}}, {"begun", 0, []int{}}} {
		f := every()
		f.opts = []Option{Zstd(c.level)}
		dir := filepath.Join(tempDir(t), "r")
		if c.chunks == nil {
			if err := f.finish(dir); err != nil {
				t.Fatal(err)
			}
		} else {
			w, err := f.create(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close() // open while Python reads: the lock is there
			for _, k := range c.chunks {
				if err := f.writeChunk(w, k); err != nil {
					t.Fatal(err)
				}
			}
		}
		rep, exit := zarrCheck(t, dir)
		if exit != 0 || len(rep.Wrong) > 0 {
			t.Errorf("%s: zarr %s: exit status %d, %q", c.name, rep.Zarr, exit, rep.Wrong)
		}
		comparePython(t, c.name, dir, rep)
	}
}

// comparePython compares every array as Python read it with what this package's own reader reads.
func comparePython(t *testing.T, what, dir string, rep pythonReport) {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := r.layout.all()
	if len(rep.Arrays) != len(all) {
		t.Errorf("%s: Python sees %d arrays, want %d", what, len(rep.Arrays), len(all))
	}
	for _, a := range all {
		rel, err := filepath.Rel(dir, a.Dir)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := rep.Arrays[filepath.ToSlash(rel)]
		if !ok {
			t.Errorf("%s: Python does not see %s", what, rel)
			continue
		}
		h := sha256.New()
		if a.Meta.DType == zarr.String {
			s, err := a.ReadAllStrings()
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range s {
				h.Write(append([]byte(x), 0))
			}
		} else {
			raw, err := a.ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			h.Write(raw)
		}
		var dims []string
		for _, d := range got.Dimensions {
			if d == nil {
				dims = append(dims, "")
			} else {
				dims = append(dims, *d)
			}
		}
		var attrs map[string]any
		if err := json.Unmarshal(a.Meta.Attributes, &attrs); err != nil {
			t.Fatal(err)
		}
		if sum := hex.EncodeToString(h.Sum(nil)); got.SHA256 != sum || got.DType != string(a.Meta.DType) ||
			!reflect.DeepEqual(got.Shape, a.Meta.Shape) || !reflect.DeepEqual(dims, a.Meta.Dimensions) || !reflect.DeepEqual(got.Attributes, attrs) {
			t.Errorf("%s: %s: Python has %+v %q, want %s %s %v %q", what, rel, got, dims, sum, a.Meta.DType, a.Meta.Shape, a.Meta.Dimensions)
		}
	}
}

// TestPythonSeesDamage: the checksums mean the same to zarr-python, and zarr_check.py is able to fail.
func TestPythonSeesDamage(t *testing.T) {
	f := small()
	dir := filepath.Join(tempDir(t), "r")
	if err := f.finish(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "stimuli/status/c/2")); err != nil {
		t.Fatal(err)
	}
	// A value where there should be none, with a good checksum.
	path := filepath.Join(dir, "argmax/c/1")
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.layout.arrays[2].Meta.EncodeChunk(bytes.Repeat([]byte{1, 0, 0, 0}, 3))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	rep, exit := zarrCheck(t, dir)
	all := fmt.Sprint(rep.Wrong)
	if exit != 1 || !strings.Contains(all, "3 of 4 chunks") || !strings.Contains(all, "3 rows are missing") || !strings.Contains(all, "argmax: rows that are not ok have values") {
		t.Errorf("exit status %d, %s", exit, all)
	}
}
