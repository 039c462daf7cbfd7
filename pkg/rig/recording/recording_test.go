//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package recording

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestRoundTrip: everything written is read back, by whole, by parts and by value type, with and without zstd, for
// chunks of every size.
func TestRoundTrip(t *testing.T) {
	for _, level := range []int{0, 3} {
		for _, chunk := range []int{1, 2, 3, 5, 10, 11, 500} {
			f := every()
			f.chunk = chunk
			f.opts = []Option{Zstd(level)}
			dir := filepath.Join(tempDir(t), "r")
			if err := f.finish(dir); err != nil {
				t.Fatal(err)
			}
			r, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			checkContents(t, f, r)
			rep, err := r.Verify(context.Background())
			if err != nil || !rep.OK() {
				t.Errorf("chunk %d: %+v, %v", chunk, rep, err)
			}
			if want := map[Status]int{OK: 9, Corrupt: 1, Skipped: 1}; !reflect.DeepEqual(rep.Statuses, want) {
				t.Errorf("statuses %v, want %v", rep.Statuses, want)
			}
		}
	}
}

// checkContents compares a recording with what its fixture says, rows that are not recorded included.
func checkContents(t *testing.T, f fixture, r *Recording) {
	t.Helper()
	if r.Len() != f.n || !r.Complete() || r.Manifest().Hash() != f.manifest.Hash() || !reflect.DeepEqual(r.Columns(), f.columns) {
		t.Fatalf("length %d, complete %v, manifest %+v, columns %v", r.Len(), r.Complete(), r.Manifest(), r.Columns())
	}
	rows, err := r.Rows(0, f.n)
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range rows {
		want := f.row(i)
		if want.Labels == nil {
			want.Labels = map[string]any{"x": got.Labels["x"], "count": int64(0), "word": "", "clipped": false}
			if x := got.Labels["x"].(float64); !math.IsNaN(x) {
				t.Errorf("row %d: a missing label is %g", i, x)
			}
			delete(want.Labels, "x")
			delete(got.Labels, "x")
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("row %d: %+v, want %+v", i, got, want)
		}
	}
	part, err := r.Rows(2, 7)
	if err != nil || len(part) != 5 || part[0].ID != rows[2].ID || part[4].Status != Skipped {
		t.Errorf("rows 2 to 7: %+v, %v", part, err)
	}
	for a, spec := range f.arrays {
		arr, err := r.Array(spec.Name)
		if err != nil {
			t.Fatal(err)
		}
		all, err := arr.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		wide, err := arr.ReadFloat64(0, f.n, nil)
		if err != nil {
			t.Fatal(err)
		}
		size := spec.Size()
		for i := range f.n {
			for j := range size {
				want := f.value(a, i, j)
				if f.row(i).Status != OK {
					want = math.NaN()
				}
				if got := wide[i*size+j]; !sameValue(got, want) {
					t.Fatalf("%s[%d,%d] is %v, want %v", spec.Name, i, j, got, want)
				}
				if got := float64(all[i*size+j]); !sameValue(got, float64(float32(want))) {
					t.Fatalf("%s[%d,%d] as float32 is %v, want %v", spec.Name, i, j, got, want)
				}
			}
		}
		buf := make([]float32, 0, f.n*size)
		for lo := range f.n {
			for hi := lo; hi <= f.n; hi += 3 {
				got, err := arr.Read(lo, hi, buf)
				if err != nil {
					t.Fatal(err)
				}
				if len(got) > 0 && &got[0] != &buf[:1][0] {
					t.Fatal("Read did not use the slice it was given")
				}
				for i, x := range got {
					if !sameValue(float64(x), float64(all[lo*size+i])) {
						t.Fatalf("%s rows %d to %d differ from ReadAll", spec.Name, lo, hi)
					}
				}
			}
		}
	}
}

func TestColumns(t *testing.T) {
	f := small()
	dir := filepath.Join(tempDir(t), "r")
	if err := f.finish(dir); err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	count, err := r.Column("count")
	if err != nil || len(count.([]int64)) != 11 || count.([]int64)[10] != 10<<40 || count.([]int64)[4] != 0 {
		t.Errorf("%v, %v", count, err)
	}
	x, err := r.Column("x")
	if err != nil || !math.IsNaN(x.([]float64)[4]) || x.([]float64)[3] != 1 {
		t.Errorf("%v, %v", x, err)
	}
	word, err := r.ColumnRange("word", 2, 4)
	if err != nil || !reflect.DeepEqual(word, []string{"éé", "ééé"}) {
		t.Errorf("%v, %v", word, err)
	}
	clipped, err := r.ColumnRange("clipped", 0, 2)
	if err != nil || !reflect.DeepEqual(clipped, []bool{true, false}) {
		t.Errorf("%v, %v", clipped, err)
	}
	status, err := r.ColumnRange("status", 3, 7)
	if err != nil || !reflect.DeepEqual(status, []string{"ok", "corrupt", "ok", "skipped"}) {
		t.Errorf("%v, %v", status, err)
	}
	id, err := r.ColumnRange("id", 9, 11)
	if err != nil || !reflect.DeepEqual(id, []string{"stim-0009", "stim-0010"}) {
		t.Errorf("%v, %v", id, err)
	}
	if _, err := r.Column("cuont"); err == nil || !strings.Contains(err.Error(), `nearest: ["count"`) {
		t.Error(err)
	}
	if _, err := r.Array("visual.conv2"); err == nil || !strings.Contains(err.Error(), `nearest: ["visual.conv1"`) {
		t.Error(err)
	}
	for _, rng := range [][2]int{{-1, 2}, {3, 2}, {0, 12}} {
		if _, err := r.Rows(rng[0], rng[1]); err == nil {
			t.Errorf("rows %v were read", rng)
		}
	}
}

// TestSameBytes: order, concurrency and division into shards leave no trace.
func TestSameBytes(t *testing.T) {
	for _, level := range []int{0, 5} {
		f := small()
		f.opts = []Option{Zstd(level)}
		want := reference(t, f)
		for _, shards := range []int{1, 2, 3, 7} {
			dir := filepath.Join(tempDir(t), "r")
			var ws []*Writer
			for i := range shards {
				w, err := f.create(dir, Shard(i, shards))
				if err != nil {
					t.Fatal(err)
				}
				ws = append(ws, w)
			}
			for i := range ws {
				w := ws[(i+1)%shards]
				missing := w.Missing()
				rand.Shuffle(len(missing), func(i, j int) { missing[i], missing[j] = missing[j], missing[i] })
				if err := parallel(len(missing), func(i int) error { return f.writeChunk(w, missing[i]) }); err != nil {
					t.Fatal(err)
				}
				err := w.Finish()
				if last := i == shards-1; last && err != nil || !last && !errors.Is(err, ErrIncomplete) {
					t.Errorf("%d shards, writer %d: Finish: %v", shards, i, err)
				}
			}
			for _, w := range ws {
				if err := w.Close(); err != nil {
					t.Error(err)
				}
			}
			sameTree(t, fmt.Sprint(shards, " shards"), tree(t, dir), want)
		}
	}
}

func TestIncomplete(t *testing.T) {
	f := small()
	dir := filepath.Join(tempDir(t), "r")
	w, err := f.create(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir) // beside the writer
	if err != nil {
		t.Fatal(err)
	}
	if err := f.writeChunk(w, 1); err != nil {
		t.Fatal(err)
	}
	if got := w.Missing(); !reflect.DeepEqual(got, []int{0, 2, 3}) {
		t.Errorf("missing %v", got)
	}
	var inc *IncompleteError
	if err := w.Finish(); !errors.As(err, &inc) || !reflect.DeepEqual(inc.Chunks, []int{0, 2, 3}) || inc.Total != 4 {
		t.Errorf("Finish: %v", err)
	}
	if r.Complete() {
		t.Error("complete")
	}
	s, err := r.Statuses(2, 7)
	if want := []Status{Missing, OK, Corrupt, OK, Missing}; err != nil || !reflect.DeepEqual(s, want) {
		t.Errorf("statuses %v, %v", s, err)
	}
	a, err := r.Array("visual.ln_post:cls")
	if err != nil {
		t.Fatal(err)
	}
	v, err := a.Read(2, 4, nil)
	if err != nil || !math.IsNaN(float64(v[0])) || float64(v[3]) != f.value(0, 3, 0) {
		t.Errorf("%v, %v", v, err)
	}
	rows, err := r.Rows(0, 4)
	if err != nil || rows[0].Status != Missing || rows[3].ID != "stim-0003" {
		t.Errorf("%+v, %v", rows, err)
	}
	ids, err := r.Column("id")
	if err != nil || ids.([]string)[0] != "" || ids.([]string)[3] != "stim-0003" {
		t.Errorf("%v, %v", ids, err)
	}
	rep, err := r.Verify(context.Background())
	if err != nil || rep.OK() || len(rep.Problems) > 0 || !reflect.DeepEqual(rep.MissingChunks, []int{0, 2, 3}) || rep.Statuses[Missing] != 8 {
		t.Errorf("%+v, %v", rep, err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error("closing twice:", err)
	}
	if err := f.writeChunk(w, 0); err == nil {
		t.Error("a closed writer wrote")
	}
	if err := w.Finish(); err == nil {
		t.Error("a closed writer finished")
	}
}

func TestMismatch(t *testing.T) {
	f := small()
	dir := filepath.Join(tempDir(t), "r")
	if err := f.finish(dir); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	for name, c := range map[string]struct {
		change func(*fixture)
		want   string
	}{
		"weights": {func(f *fixture) { f.manifest.WeightsHash = "other" }, `weights_hash: there "abc", asked "other"`},
		"plan":    {func(f *fixture) { f.manifest.Plan = []byte(`[]`) }, `plan: there {"captures":["visual.**"]}, asked []`},
		"chunk":   {func(f *fixture) { f.chunk = 4 }, "chunk: there 3, asked 4"},
		"length":  {func(f *fixture) { f.n = 12 }, "length: there 11, asked 12"},
		"zstd":    {func(f *fixture) { f.opts = []Option{Zstd(1)} }, "zstd: there 0, asked 1"},
		"arrays":  {func(f *fixture) { f.arrays = f.arrays[:2] }, "arrays: there"},
		"columns": {func(f *fixture) { f.columns = nil }, "columns: there"},
	} {
		g := small()
		c.change(&g)
		_, err := g.create(dir)
		if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want ErrMismatch with %q", name, err, c.want)
		}
	}
	same := small()
	same.manifest.Plan = []byte(" {\"captures\" : [\"visual.**\"]}\n")
	w, err := same.create(dir)
	if err != nil {
		t.Fatal(err)
	}
	if m := w.Missing(); len(m) > 0 {
		t.Errorf("missing in a complete recording: %v", m)
	}
	if err := w.Finish(); err != nil {
		t.Error(err)
	}
	sameTree(t, "after all that", tree(t, dir), before)
}

func TestForeignFolders(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"pictures":      {"cat.png": "x"},
		"another group": {"zarr.json": `{"zarr_format":3,"node_type":"group","attributes":{}}`},
		"an array":      {"zarr.json": `{"zarr_format":3,"node_type":"array"}`},
		"not JSON":      {"zarr.json": `{`},
		"newer":         {"zarr.json": `{"zarr_format":3,"node_type":"group","attributes":{"ventral":{"kind":"recording","format":2}}}`},
	} {
		dir := t.TempDir()
		for f, s := range files {
			if err := os.WriteFile(filepath.Join(dir, f), []byte(s), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		before := tree(t, dir)
		if _, err := small().create(dir); err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Open(dir); err == nil {
			t.Errorf("%s: opened", name)
		}
		sameTree(t, name, tree(t, dir), before)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestBadSpecs(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*fixture)
		want   string
	}{
		"no stimuli":      {func(f *fixture) { f.n = 0 }, "0 stimuli"},
		"no chunk":        {func(f *fixture) { f.chunk = 0 }, "chunks of 0"},
		"slash":           {func(f *fixture) { f.arrays[0].Name = "a/b" }, "not allowed"},
		"dots":            {func(f *fixture) { f.arrays[0].Name = ".." }, "begin with"},
		"underscores":     {func(f *fixture) { f.arrays[0].Name = "__x" }, "begin with"},
		"empty":           {func(f *fixture) { f.arrays[0].Name = "" }, "empty"},
		"long":            {func(f *fixture) { f.arrays[0].Name = strings.Repeat("x", 300) }, "300 bytes"},
		"reserved":        {func(f *fixture) { f.arrays[0].Name = "stimuli" }, "taken"},
		"metadata name":   {func(f *fixture) { f.arrays[0].Name = "zarr.json" }, "reserves"},
		"case":            {func(f *fixture) { f.arrays[0].Name = "ARGMAX" }, "taken"},
		"dtype":           {func(f *fixture) { f.arrays[0].DType = "bfloat16" }, "bfloat16"},
		"axes":            {func(f *fixture) { f.arrays[0].Axes = []string{"a", "b"} }, "axes"},
		"extent":          {func(f *fixture) { f.arrays[0].Shape = []int{0} }, "extent"},
		"too large":       {func(f *fixture) { f.arrays[0].Shape = []int{1 << 31} }, "limits"},
		"column kind":     {func(f *fixture) { f.columns[0].Kind = "date" }, "date"},
		"column twice":    {func(f *fixture) { f.columns[1].Name = "X" }, "taken"},
		"plan is no JSON": {func(f *fixture) { f.manifest.Plan = []byte("{") }, "plan"},
		"two plans":       {func(f *fixture) { f.manifest.Plan = []byte("{} {}") }, "more than one"},
		"zstd":            {func(f *fixture) { f.opts = []Option{Zstd(99)} }, "zstd"},
		"shard":           {func(f *fixture) { f.opts = []Option{Shard(2, 2)} }, "shard 2 of 2"},
	} {
		f := small()
		f.arrays[0].Axes = nil
		c.change(&f)
		dir := filepath.Join(tempDir(t), "r")
		if _, err := f.create(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: something was made", name)
		}
	}
}

func TestBadChunks(t *testing.T) {
	f := small()
	dir := filepath.Join(tempDir(t), "r")
	w, err := f.create(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	before := tree(t, dir)
	for name, c := range map[string]struct {
		change func(rows []Row, data map[string]any) []Row
		want   string
	}{
		"a row short":    {func(r []Row, _ map[string]any) []Row { return r[:2] }, "2 rows, want 3"},
		"no ID":          {func(r []Row, _ map[string]any) []Row { r[1].ID = ""; return r }, "stimulus 1 has no ID"},
		"ID twice":       {func(r []Row, _ map[string]any) []Row { r[1].ID = r[0].ID; return r }, "same ID"},
		"ID not UTF-8":   {func(r []Row, _ map[string]any) []Row { r[1].ID = "\xff"; return r }, "UTF-8"},
		"no status":      {func(r []Row, _ map[string]any) []Row { r[2].Status = ""; return r }, "status"},
		"missing status": {func(r []Row, _ map[string]any) []Row { r[2].Status = Missing; return r }, `status "missing"`},
		"label missing":  {func(r []Row, _ map[string]any) []Row { delete(r[0].Labels, "x"); return r }, `label "x" is missing`},
		"label type":     {func(r []Row, _ map[string]any) []Row { r[0].Labels["count"] = 1.5; return r }, "float64, its column is of kind int"},
		"label text":     {func(r []Row, _ map[string]any) []Row { r[0].Labels["word"] = 1; return r }, "kind string"},
		"no array":       {func(r []Row, d map[string]any) []Row { delete(d, "argmax"); return r }, `array "argmax": no values`},
		"array too many": {func(r []Row, d map[string]any) []Row { d["extra"] = []float32{1}; return r }, `"extra"`},
		"array type":     {func(r []Row, d map[string]any) []Row { d["argmax"] = []float32{1, 2, 3}; return r }, "[]float32 do not fit"},
		"array length":   {func(r []Row, d map[string]any) []Row { d["argmax"] = []int32{1, 2}; return r }, "2 values, want 3"},
		"half overflow":  {func(r []Row, d map[string]any) []Row { d["visual.conv1"].([]float32)[13] = 65520; return r }, "stim-0001: 65520 does not fit float16"},
	} {
		rows := []Row{f.row(0), f.row(1), f.row(2)}
		data := f.data(0, 3)
		rows = c.change(rows, data)
		if err := w.WriteChunk(0, rows, data); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "chunk 0") {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
	for _, k := range []int{-1, 4} {
		if err := w.WriteChunk(k, nil, nil); err == nil {
			t.Errorf("chunk %d was written", k)
		}
	}
	after := tree(t, dir)
	for name := range after {
		if _, ok := before[name]; !ok && !strings.HasSuffix(name, "/") {
			t.Errorf("a refused chunk left %s", name)
		}
	}
	if len(w.Missing()) != 4 {
		t.Errorf("missing: %v", w.Missing())
	}
	// Infinity is a value of float16, and bits are taken as they are.
	data := f.data(0, 3)
	data["visual.conv1"].([]float32)[0] = float32(math.Inf(1))
	if err := w.WriteChunk(0, []Row{f.row(0), f.row(1), f.row(2)}, data); err != nil {
		t.Error(err)
	}
}

func TestIDTwiceAcrossChunks(t *testing.T) {
	f := small()
	dir := filepath.Join(tempDir(t), "r")
	w, err := f.create(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := f.write(w); err != nil {
		t.Fatal(err)
	}
	rows := []Row{f.row(3), f.row(4), f.row(5)}
	rows[2].ID = "stim-0000"
	if err := w.WriteChunk(1, rows, f.data(3, 6)); err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(); err == nil || !strings.Contains(err.Error(), `stimuli 0 and 5 have the same ID "stim-0000"`) {
		t.Error(err)
	}
}

func TestManifestHash(t *testing.T) {
	m := small().manifest
	// Fixed for ever: recordings are found by it. The hash is that of the canonical form by another program.
	const canonical = `{"model":"test/model","weights_hash":"abc","architecture":"","stimuli":"fake?n=11","stimuli_hash":"","preprocess":{"size":8},"plan":{"captures":["visual.**"]},"dtype":"float32","backend":"none","backend_version":"","code_version":"","seed":9223372036854775808,"batch":2,"extra":{"note":"<ö>"}}`
	if got, err := m.canonical(); err != nil || string(got) != canonical {
		t.Errorf("canonical form %s (%v), want %s", got, err, canonical)
	}
	const want = "a6eb3f30516122bda0f4df47834b2bd5ccafb606d832cbce876afb080670db7d"
	if got := m.Hash(); got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
	same := m
	same.Preprocess = []byte("{\n  \"size\":8}")
	if same.Hash() != m.Hash() {
		t.Error("spaces change the hash")
	}
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	var back Manifest
	if err := json.Unmarshal(b, &back); err != nil || back.Hash() != m.Hash() {
		t.Errorf("by way of JSON: %v", err)
	}
	v := reflect.TypeOf(m)
	seen := map[string]string{m.Hash(): "nothing"}
	for i := range v.NumField() {
		c := m
		switch p := reflect.ValueOf(&c).Elem().Field(i).Addr().Interface().(type) {
		case *string:
			*p += "x"
		case *json.RawMessage:
			*p = []byte(`"x"`)
		case *uint64:
			*p++
		case *int:
			*p++
		case *map[string]string:
			*p = map[string]string{"x": "y"}
		default:
			t.Fatalf("field %s has a new type", v.Field(i).Name)
		}
		if other, ok := seen[c.Hash()]; ok {
			t.Errorf("changing %s gives the hash of changing %s", v.Field(i).Name, other)
		}
		seen[c.Hash()] = v.Field(i).Name
	}
	bad := m
	bad.Plan = []byte("{")
	if bad.Validate() == nil || bad.Hash() == m.Hash() {
		t.Error("a plan that is no JSON")
	}
}

func TestCache(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("VENTRAL_CACHE", dir)
	f := small()
	path := CachePath(f.manifest)
	if path != filepath.Join(dir, "recordings", f.manifest.Hash()) {
		t.Errorf("path %s", path)
	}
	if r, err := Cached(f.manifest); r != nil || err != nil {
		t.Errorf("before: %v, %v", r, err)
	}
	w, err := f.create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.write(w); err != nil {
		t.Fatal(err)
	}
	if r, err := Cached(f.manifest); r != nil || err != nil {
		t.Errorf("incomplete: %v, %v", r, err)
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	if r, err := Cached(f.manifest); r == nil || err != nil {
		t.Errorf("complete: %v, %v", r, err)
	}
	t.Setenv("VENTRAL_CACHE", "")
	t.Setenv("HOME", "/home/someone")
	t.Setenv("XDG_CACHE_HOME", "")
	if d, err := CacheDir(); err != nil || !strings.HasSuffix(d, "/ventral") || !strings.HasPrefix(d, "/home/someone/") {
		t.Errorf("%s, %v", d, err)
	}
	t.Setenv("HOME", "")
	if d, err := CacheDir(); err == nil || !strings.Contains(err.Error(), "VENTRAL_CACHE") {
		t.Errorf("%s, %v", d, err)
	}
	if p := CachePath(f.manifest); p != filepath.Join(os.TempDir(), "ventral", "recordings", f.manifest.Hash()) {
		t.Errorf("without a cache folder: %s", p)
	}
}
