//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package recording

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/ventral-lab/ventral/internal/npy"
	"github.com/ventral-lab/ventral/internal/safetensors"
)

func recorded(t testing.TB, f fixture) *Recording {
	t.Helper()
	dir := filepath.Join(tempDir(t), "r")
	if err := f.finish(dir); err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sameNumbers compares exported values of an array with the fixture's. Integers of rows that are not ok are 0.
func sameNumbers(t *testing.T, what string, f fixture, a int, got []float64) {
	t.Helper()
	spec := f.arrays[a]
	if len(got) != f.n*spec.Size() {
		t.Errorf("%s: %d values, want %d", what, len(got), f.n*spec.Size())
		return
	}
	for i := range f.n {
		for j := range spec.Size() {
			want := f.value(a, i, j)
			if f.row(i).Status != OK {
				want = math.NaN()
				if strings.HasPrefix(spec.DType, "int") {
					want = 0
				}
			}
			if x := got[i*spec.Size()+j]; !sameValue(x, want) {
				t.Fatalf("%s[%d,%d] is %v, want %v", what, i, j, x, want)
			}
		}
	}
}

func TestExportNPZ(t *testing.T) {
	f := every()
	r := recorded(t, f)
	path := filepath.Join(tempDir(t), "out.npz")
	if err := Export(r, path); err != nil {
		t.Fatal(err)
	}
	z, err := npy.OpenNPZ(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if want := len(f.arrays) + 4 + len(f.columns); len(z.Names()) != want {
		t.Errorf("%d arrays %q, want %d", len(z.Names()), z.Names(), want)
	}
	for i, spec := range f.arrays {
		a, err := z.Read(spec.Name)
		if err != nil {
			t.Fatal(err)
		}
		want := append([]int{f.n}, spec.Shape...)
		if !reflect.DeepEqual(a.Shape, want) || spec.DType != "" && a.DType() != spec.DType {
			t.Errorf("%s: %s %v, want %s %v", spec.Name, a.DType(), a.Shape, spec.DType, want)
		}
		v, err := a.Float64s()
		if err != nil {
			t.Fatal(err)
		}
		sameNumbers(t, "npz "+spec.Name, f, i, v)
	}
	for name, want := range map[string]any{"stimuli/id": "stim-0006", "stimuli/status": "skipped", "stimuli/message": "too small",
		"labels/word": "éé", "labels/x": 2.0, "labels/count": int64(6) << 40, "labels/clipped": true} {
		a, err := z.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := reflect.ValueOf(a.Data).Index(6).Interface(); got != want {
			t.Errorf("%s[6] is %v, want %v", name, got, want)
		}
	}
	if err := Export(r, path, "argmax"); err != nil {
		t.Fatal(err)
	}
	some, err := npy.Load(path)
	if err != nil || some[0].Name != "argmax" || len(some) != 9 {
		t.Errorf("%d arrays, %v", len(some), err)
	}
}

func TestExportSafetensors(t *testing.T) {
	f := every()
	r := recorded(t, f)
	path := filepath.Join(tempDir(t), "out.safetensors")
	if err := Export(r, path); err != nil {
		t.Fatal(err)
	}
	s, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, spec := range f.arrays {
		ts, ok := s.Lookup(spec.Name)
		if !ok {
			t.Fatalf("no tensor %s", spec.Name)
		}
		dtype := spec.DType
		if dtype == "" {
			dtype = "float32"
		}
		wide := make([]float64, ts.Len())
		toFloat(wide, dtype, ts.Data)
		sameNumbers(t, "safetensors "+spec.Name, f, i, wide)
	}
	meta := s.Metadata()
	var ids []string
	if err := json.Unmarshal([]byte(meta["stimuli/id"]), &ids); err != nil || ids[10] != "stim-0010" {
		t.Errorf("ids %v, %v", ids, err)
	}
	var m Manifest
	if err := json.Unmarshal([]byte(meta["manifest"]), &m); err != nil || m.Hash() != f.manifest.Hash() {
		t.Errorf("manifest %v, %v", m, err)
	}
}

func TestExportTables(t *testing.T) {
	f := every()
	f.columns = append(f.columns, Column{Name: "id", Kind: KindInt})
	f.arrays = append(f.arrays, ArraySpec{Name: "x", Shape: []int{1}})
	r := recordedWith(t, f, func(row *Row, i int) {
		if row.Labels != nil {
			row.Labels["id"] = int64(-i)
		}
	})
	type row struct { // all columns in the order of the file
		ID      string    `parquet:"id"`
		Hash    string    `parquet:"content_hash"`
		Status  string    `parquet:"status"`
		Message string    `parquet:"message"`
		X       float64   `parquet:"x"`
		Count   int64     `parquet:"count"`
		Word    string    `parquet:"word"`
		Clipped bool      `parquet:"clipped"`
		LabelID int64     `parquet:"label.id"`
		Cls     []float32 `parquet:"visual.ln_post:cls,list"`
		Conv    []float32 `parquet:"visual.conv1,list"`
		Argmax  int32     `parquet:"argmax"`
		Double  []float64 `parquet:"double,list"`
		Long    []int64   `parquet:"long,list"`
		ArrayX  []float32 `parquet:"array.x,list"`
	}
	dir := tempDir(t)
	path := filepath.Join(dir, "out.parquet")
	if err := Export(r, path); err != nil {
		t.Fatal(err)
	}
	rows, err := parquet.ReadFile[row](path)
	if err != nil {
		t.Fatal(err)
	}
	var cls, conv, argmax []float64
	for i, p := range rows {
		want := f.row(i)
		if p.ID != want.ID || p.Hash != want.ContentHash || p.Message != want.Message || p.Status != string(want.Status) || want.Labels != nil && (p.X != want.Labels["x"] || p.Count != want.Labels["count"] || p.Word != want.Labels["word"] ||
			p.Clipped != want.Labels["clipped"] || p.LabelID != int64(-i)) || len(p.ArrayX) != 1 {
			t.Errorf("row %d: %+v, want %+v", i, p, want)
		}
		for _, x := range p.Cls {
			cls = append(cls, float64(x))
		}
		for _, x := range p.Conv {
			conv = append(conv, float64(x))
		}
		argmax = append(argmax, float64(p.Argmax))
	}
	sameNumbers(t, "parquet cls", f, 0, cls)
	sameNumbers(t, "parquet conv", f, 1, conv)
	sameNumbers(t, "parquet argmax", f, 2, argmax)

	path = filepath.Join(dir, "out.csv")
	if err := Export(r, path, "visual.conv1"); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil || len(records) != f.n+1 {
		t.Fatalf("%d lines, %v", len(records), err)
	}
	conv = nil
	for _, rec := range records[1:] {
		for _, s := range rec[len(rec)-12:] {
			var x float64
			if _, err := fmt.Sscan(s, &x); err != nil {
				t.Fatal(err)
			}
			conv = append(conv, x)
		}
	}
	sameNumbers(t, "csv conv", f, 1, conv)
	if head := strings.Join(records[0][:10], " "); head != "id content_hash status message x count word clipped label.id visual.conv1[0,0,0]" {
		t.Errorf("header %s", head)
	}
}

// recordedWith is recorded with the rows changed.
func recordedWith(t testing.TB, f fixture, change func(*Row, int)) *Recording {
	t.Helper()
	w, err := f.create(filepath.Join(tempDir(t), "r"))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range w.Missing() {
		lo, hi := w.Rows(k)
		var rows []Row
		for i := lo; i < hi; i++ {
			row := f.row(i)
			change(&row, i)
			rows = append(rows, row)
		}
		if err := w.WriteChunk(k, rows, f.data(lo, hi)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	r, err := Open(w.Dir())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestExportRefuses(t *testing.T) {
	f := small()
	dir := tempDir(t)
	w, err := f.create(filepath.Join(dir, "r"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.writeChunk(w, 2); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	part, err := Open(w.Dir())
	if err != nil {
		t.Fatal(err)
	}
	whole := recorded(t, f)
	for _, ext := range []string{"npz", "safetensors", "parquet", "csv"} {
		path := filepath.Join(dir, "out."+ext)
		var inc *IncompleteError
		if err := Export(part, path); !errors.As(err, &inc) || len(inc.Chunks) != 3 {
			t.Errorf("%s of an incomplete recording: %v", ext, err)
		}
		if err := Export(whole, path, "argmix"); err == nil || !strings.Contains(err.Error(), `nearest: ["argmax"`) {
			t.Errorf("%s of an unknown array: %v", ext, err)
		}
		if err := Export(whole, path, "argmax", "argmax"); err == nil || !strings.Contains(err.Error(), "twice") {
			t.Errorf("%s of an array twice: %v", ext, err)
		}
	}
	if err := Export(whole, filepath.Join(dir, "out.h5")); err == nil || !strings.Contains(err.Error(), ".safetensors") {
		t.Error(err)
	}
	wide := small()
	wide.arrays[0].Shape, wide.arrays[0].Axes = []int{1 << 15}, nil
	if err := Export(recorded(t, wide), filepath.Join(dir, "out.csv")); err == nil || !strings.Contains(err.Error(), "values a row") {
		t.Error(err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("failed exports left something: %v, %v", names, err)
	}
}

// TestPythonReadsExports: numpy and, where the Python has it, pyarrow read what Export writes.
func TestPythonReadsExports(t *testing.T) {
	python := os.Getenv("VENTRAL_PYTHON_ZARR")
	if python == "" {
		t.Skip("set VENTRAL_PYTHON_ZARR to a Python that has zarr 3.1 or later to compare with numpy and pyarrow")
	}
	f := every()
	r := recorded(t, f)
	dir := tempDir(t)
	for _, ext := range []string{"npz", "parquet"} {
		if err := Export(r, filepath.Join(dir, "out."+ext)); err != nil {
			t.Fatal(err)
		}
	}
	const script = `
import sys, json, importlib.util
import numpy as np, zarr
d, rec = sys.argv[1:]
g = zarr.open(rec, mode="r")
z = np.load(d + "/out.npz", allow_pickle=False)
n = 0
for name in z.files:
    if name == "stimuli/status":
        continue
    np.testing.assert_array_equal(z[name], g[name][...])
    n += 1
words = ["missing", "ok", "corrupt", "skipped"]
assert list(z["stimuli/status"]) == [words[s] for s in g["stimuli/status"][...]]
tables = 0
if importlib.util.find_spec("pyarrow"):
    import pyarrow.parquet as pq
    t = pq.read_table(d + "/out.parquet")
    for spec in g.attrs["ventral"]["arrays"]:
        got = np.array(t[spec["name"]].to_pylist(), dtype=g[spec["name"]].dtype).reshape(g[spec["name"]].shape)
        np.testing.assert_array_equal(got, g[spec["name"]][...])
        tables += 1
    assert t["id"].to_pylist() == list(g["stimuli/id"][...])
    for name in ["x", "count", "clipped"]:
        np.testing.assert_array_equal(np.array(t[name].to_pylist()), g["labels/" + name][...])
    assert t["word"].to_pylist() == list(g["labels/word"][...])
    assert json.loads(t.schema.metadata[b"shape:visual.conv1"]) == [2, 3, 2]
print(n, tables)
`
	out, err := exec.Command(python, "-c", script, dir, r.Dir()).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var n, tables int
	if _, err := fmt.Sscan(string(out), &n, &tables); err != nil || n != 12 {
		t.Errorf("compared %d arrays: %s (%v)", n, out, err)
	}
	if tables == 0 {
		t.Log("this Python has no pyarrow: the Parquet export was read by Go only")
	}
}
