//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package recording

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/internal/zarr"
)

// TestDamage harms every file of a complete recording in several ways. Whatever it is: Verify names the file,
// nobody gets a wrong number, and recording again brings back the same bytes.
func TestDamage(t *testing.T) {
	f := tiny()
	f.arrays = small().arrays
	want := reference(t, f)
	harms := map[string]func(path string, b []byte) error{
		"bit":    func(path string, b []byte) error { b[len(b)/3] ^= 4; return os.WriteFile(path, b, 0o644) },
		"end":    func(path string, b []byte) error { b[len(b)-1] ^= 1; return os.WriteFile(path, b, 0o644) },
		"cut":    func(path string, b []byte) error { return os.WriteFile(path, b[:len(b)-1], 0o644) },
		"longer": func(path string, b []byte) error { return os.WriteFile(path, append(b, 0), 0o644) },
		"empty":  func(path string, b []byte) error { return os.WriteFile(path, nil, 0o644) },
		"gone":   func(path string, b []byte) error { return os.Remove(path) },
	}
	for harm, do := range harms {
		for name := range want {
			if strings.HasSuffix(name, "/") || name == zarr.MetadataName {
				continue
			}
			what := harm + " " + name
			dir := filepath.Join(tempDir(t), "r")
			if err := f.finish(dir); err != nil {
				t.Fatal(err)
			}
			if err := do(filepath.Join(dir, name), []byte(want[name])); err != nil {
				t.Fatal(err)
			}
			checkDamage(t, what, dir, name, f, want)
		}
	}
}

func checkDamage(t *testing.T, what, dir, name string, f fixture, want map[string]string) {
	t.Helper()
	metadata := strings.HasSuffix(name, zarr.MetadataName)
	r, err := Open(dir)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	rep, err := r.Verify(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	named := slices.ContainsFunc(rep.Problems, func(p Problem) bool { return p.Path == filepath.Join(dir, name) })
	lost := len(rep.MissingChunks) > 0 // a status file that is gone makes the chunk missing
	if rep.OK() || !named && !lost {
		t.Errorf("%s: Verify does not see it: %+v", what, rep)
	}
	for a, spec := range f.arrays {
		arr, err := r.Array(spec.Name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := arr.ReadFloat64(0, f.n, nil)
		if err != nil {
			if !errors.Is(err, zarr.ErrCorrupt) && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: %v", what, err)
			}
			continue
		}
		for i := range f.n {
			for j := range spec.Size() {
				if v := got[i*spec.Size()+j]; v == v && v != f.value(a, i, j) {
					t.Fatalf("%s: %s[%d,%d] reads as %g without an error", what, spec.Name, i, j, v)
				}
			}
		}
	}
	if _, err := r.Rows(0, f.n); err != nil && !strings.Contains(err.Error(), dir) {
		t.Errorf("%s: %v", what, err)
	}
	w, err := f.create(dir)
	if err != nil {
		t.Fatal(err)
	}
	missing := w.Missing()
	if !metadata {
		k, err := strconv.Atoi(strings.Split(strings.Split(name, "/c/")[1], "/")[0])
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(missing, []int{k}) {
			t.Errorf("%s: missing %v, want chunk %d", what, missing, k)
		}
	}
	if err := f.write(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	sameTree(t, what, tree(t, dir), want)
}

// TestRepairIsNotComplete: while a damaged chunk of a complete recording is being replaced, it is incomplete.
func TestRepairIsNotComplete(t *testing.T) {
	f := small()
	dir := filepath.Join(tempDir(t), "r")
	if err := f.finish(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "argmax", "c", "1")); err != nil {
		t.Fatal(err)
	}
	w, err := f.create(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.WriteChunk(1, []Row{f.row(3), f.row(4), f.row(5)}, nil); err == nil {
		t.Fatal("a chunk without values was written")
	}
	if r, err := Open(dir); err != nil || r.Complete() {
		t.Errorf("complete beside a half-written repair (%v)", err)
	}
	if err := f.write(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	sameTree(t, "repaired", tree(t, dir), reference(t, f))
}

// TestSwappedChunks: files that are sound but not where they belong are found by the fingerprint.
func TestSwappedChunks(t *testing.T) {
	f := small()
	dir := filepath.Join(tempDir(t), "r")
	if err := f.finish(dir); err != nil {
		t.Fatal(err)
	}
	a, b := filepath.Join(dir, "argmax/c/0"), filepath.Join(dir, "argmax/c/1")
	for _, mv := range [][2]string{{a, a + "x"}, {b, a}, {a + "x", b}} {
		if err := os.Rename(mv[0], mv[1]); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := r.Verify(context.Background())
	if err != nil || len(rep.Problems) != 1 || !strings.Contains(rep.Problems[0].Message, "fingerprint") {
		t.Errorf("%+v, %v", rep, err)
	}
}

func TestVerifyFindsWhatIsWrongAsAWhole(t *testing.T) {
	for name, c := range map[string]struct {
		old, new string
		open     string // what Open says, "" if it opens
		verify   string
	}{
		"manifest":    {`"weights_hash": "abc"`, `"weights_hash": "abd"`, "manifest was changed", ""},
		"fingerprint": {`"fingerprint": "`, `"fingerprint": "0`, "", "fingerprint"},
		"incomplete":  {`"complete": true`, `"complete": false`, "", ""},
		"format":      {`"format": 1`, `"format": 9`, "format 9", ""},
		"length":      {`"length": 11`, `"length": 12`, "", "zarr.json"},
		"chunk":       {`"chunk": 3`, `"chunk": 0`, "chunks of 0", ""},
		"dtype":       {`"dtype": "int32"`, `"dtype": "int64"`, "", "zarr.json"},
		"name":        {`"name": "argmax"`, `"name": "../argmax"`, "reserves", ""},
		"kind":        {`"kind": "recording"`, `"kind": "fit"`, "not a recording", ""},
	} {
		f := small()
		dir := filepath.Join(tempDir(t), "r")
		if err := f.finish(dir); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, zarr.MetadataName)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := bytes.Replace(b, []byte(c.old), []byte(c.new), 1)
		if bytes.Equal(b, changed) {
			t.Fatalf("%s: %s is not in the metadata", name, c.old)
		}
		if err := os.WriteFile(path, changed, 0o644); err != nil {
			t.Fatal(err)
		}
		r, err := Open(dir)
		if c.open != "" {
			if err == nil || !strings.Contains(err.Error(), c.open) {
				t.Errorf("%s: Open: %v, want %q", name, err, c.open)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		rep, err := r.Verify(context.Background())
		if err != nil || rep.OK() || !strings.Contains(fmt.Sprint(rep.Problems), c.verify) {
			t.Errorf("%s: %+v, %v", name, rep, err)
		}
	}
}

func TestVerifyStops(t *testing.T) {
	f := small()
	dir := filepath.Join(tempDir(t), "r")
	if err := f.finish(dir); err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := r.Verify(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestClaims: a description that claims gigabytes without files to back them does not get the memory.
func TestClaims(t *testing.T) {
	f := small()
	f.arrays[0].Shape = []int{1 << 20}
	f.n, f.chunk = 1<<20, 64 // 4 TiB of float32
	for _, level := range []int{0, 3} {
		f.opts = []Option{Zstd(level)}
		dir := filepath.Join(tempDir(t), "r")
		w, err := f.create(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		a, err := r.Array(f.arrays[0].Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.ReadAll(); err == nil || !strings.Contains(err.Error(), "not recorded") {
			t.Error(err)
		}
		if v, err := a.Read(0, 2, nil); err != nil || len(v) != 2<<20 || v[0] == v[0] {
			t.Error(len(v), err)
		}
		// A forged status file says that a chunk is there; its values are not.
		b, err := w.layout.status.Meta.EncodeChunk(bytes.Repeat([]byte{1}, 64))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(dir, "stimuli/status/c"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "stimuli/status/c/0"), b, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(dir, f.arrays[0].Name, "c/0"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, f.arrays[0].Name, "c/0/0"), make([]byte, 100), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Read(0, 64, nil); !errors.Is(err, zarr.ErrCorrupt) {
			t.Error(err)
		}
	}
}

func TestProblemString(t *testing.T) {
	for _, c := range []struct {
		p    Problem
		want string
	}{
		{Problem{"r/zarr.json", -1, "differs"}, "r/zarr.json: differs"},
		{Problem{"r/a/c/0", 0, "read r/a/c/0: zarr chunk is damaged"}, "read r/a/c/0: zarr chunk is damaged"},
	} {
		if got := c.p.String(); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}
