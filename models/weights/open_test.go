package weights

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/internal/safetensors"
)

func f32(name string, shape []int, x ...float32) safetensors.Tensor {
	return safetensors.Tensor{Name: name, DType: safetensors.F32, Shape: shape, Data: safetensors.Float32Bytes(x)}
}

var sample = []safetensors.Tensor{
	f32("fc.weight", []int{2, 3}, 1, 2, 3, 4, 5, 6), f32("fc.bias", []int{2}, 0.5, -0.5), f32("scale", []int{}, 4.6), f32("one", []int{1}, 7),
	{Name: "steps", DType: safetensors.I64, Shape: []int{}, Data: safetensors.Int64Bytes([]int64{9})},
}

func write(t testing.TB, path string, tensors ...safetensors.Tensor) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := safetensors.WriteFile(path, tensors, map[string]string{"made": "by a test"}); err != nil {
		t.Fatal(err)
	}
}

func writeText(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// sharded writes sample as two files and an index, after edit has changed the index.
func sharded(t testing.TB, dir string, edit func(index map[string]any, files map[string]string)) string {
	t.Helper()
	write(t, filepath.Join(dir, "model-00001-of-00002.safetensors"), sample[:2]...)
	write(t, filepath.Join(dir, "model-00002-of-00002.safetensors"), sample[2:]...)
	files := map[string]string{}
	for i, x := range sample {
		files[x.Name] = fmt.Sprintf("model-0000%d-of-00002.safetensors", 1+min(i/2, 1))
	}
	index := map[string]any{"metadata": map[string]any{"total_size": 24 + 8 + 4 + 4 + 8}, "weight_map": files}
	if edit != nil {
		edit(index, files)
	}
	data, err := json.Marshal(index)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "model.safetensors.index.json")
	writeText(t, path, string(data))
	return path
}

func TestHashIsOfTheContent(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "one", "model.safetensors"), sample...)
	index := sharded(t, filepath.Join(dir, "two"), nil)
	memory, err := FromTensors("memory", sample)
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{filepath.Join(dir, "one"), filepath.Join(dir, "one", "model.safetensors"), filepath.Join(dir, "two"), index, "file:" + index} {
		s, err := Open(ref, Options{})
		if err != nil {
			t.Errorf("%s: %v", ref, err)
			continue
		}
		if s.Hash() != memory.Hash() || len(s.Hash()) != 64 {
			t.Errorf("%s: hash %s, want %s", ref, s.Hash(), memory.Hash())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	seen := map[string]string{memory.Hash(): "the sample"}
	for what, change := range map[string]func(x []safetensors.Tensor) []safetensors.Tensor{
		"a value": func(x []safetensors.Tensor) []safetensors.Tensor {
			x[1] = f32("fc.bias", []int{2}, 0.5, -0.25)
			return x
		},
		"a name":  func(x []safetensors.Tensor) []safetensors.Tensor { x[1].Name = "fc.bia"; return x },
		"a shape": func(x []safetensors.Tensor) []safetensors.Tensor { x[0].Shape = []int{3, 2}; return x },
		"a rank":  func(x []safetensors.Tensor) []safetensors.Tensor { x[2].Shape = []int{1}; return x },
		"a dtype": func(x []safetensors.Tensor) []safetensors.Tensor { x[4].DType = safetensors.U64; return x },
		"a loss":  func(x []safetensors.Tensor) []safetensors.Tensor { return x[:4] },
	} {
		s, err := FromTensors("changed", change(slices.Clone(sample)))
		if err != nil {
			t.Fatal(err)
		}
		if other, dup := seen[s.Hash()]; dup {
			t.Errorf("%s has the hash of %s", what, other)
		}
		seen[s.Hash()] = what
	}
	// The definition is fixed, because recordings name this hash. The value was computed in Python, by hashlib and struct.
	if want := "cc39f702c9d86a4c8850f216357340bf2f22a424dd77e5477927f49d83bd30d6"; memory.Hash() != want {
		t.Errorf("the sample's hash is %s, want %s", memory.Hash(), want)
	}
}

func TestFloat32ChecksShapes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.safetensors")
	write(t, path, sample...)
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, c := range []struct {
		name  string
		shape []int
		want  []float32
		kind  error
		says  []string
	}{
		{"fc.weight", []int{2, 3}, []float32{1, 2, 3, 4, 5, 6}, nil, nil},
		{"scale", nil, []float32{4.6}, nil, nil},
		{"one", nil, []float32{7}, nil, nil},
		{"one", []int{1}, []float32{7}, nil, nil},
		{"fc.weight", []int{3, 2}, nil, ErrShape, []string{path, "fc.weight", "want [3 2]", "found [2 3]"}},
		{"fc.weight", nil, nil, ErrShape, []string{"want []", "found [2 3]"}},
		{"scale", []int{1}, nil, ErrShape, []string{"found []"}},
		{"fc.weigth", []int{2, 3}, nil, ErrMissing, []string{path, `"fc.weigth"`, "nearest names: fc.weight, fc.bias"}},
		{"steps", nil, nil, safetensors.ErrDType, []string{path, "steps", "I64"}},
	} {
		got, err := s.Float32(c.name, c.shape...)
		if !errors.Is(err, c.kind) || !slices.Equal(got, c.want) {
			t.Errorf("Float32(%s, %v) = %v, %v", c.name, c.shape, got, err)
		}
		for _, part := range c.says {
			if !strings.Contains(fmt.Sprint(err), part) {
				t.Errorf("Float32(%s, %v): %v does not say %q", c.name, c.shape, err, part)
			}
		}
	}
	if shape, ok := s.Shape("fc.weight"); !ok || !slices.Equal(shape, []int{2, 3}) {
		t.Errorf("Shape: %v, %v", shape, ok)
	}
	if _, ok := s.Tensor("absent"); ok {
		t.Error("Tensor finds what is not there")
	}
}

func TestCheckFinite(t *testing.T) {
	nan := float32(math.NaN())
	path := filepath.Join(t.TempDir(), "w.safetensors")
	write(t, path, f32("good", []int{1}, 1), f32("bad", []int{2}, 0, nan), f32("worse", []int{1}, float32(math.Inf(1))))
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	_, err = Open(path, Options{CheckFinite: true})
	if !errors.Is(err, safetensors.ErrValue) || !strings.Contains(err.Error(), `"bad"`) || !strings.Contains(err.Error(), `"worse"`) || strings.Contains(err.Error(), `"good"`) {
		t.Errorf("CheckFinite: %v", err)
	}
	var many []safetensors.Tensor
	for i := range 30 {
		many = append(many, f32(fmt.Sprintf("t%02d", i), []int{1}, nan))
	}
	all, err := FromTensors("memory", many)
	if err != nil {
		t.Fatal(err)
	}
	if err := all.CheckFinite(); strings.Count(err.Error(), "\n") != 10 || !strings.Contains(err.Error(), "more tensors") {
		t.Errorf("30 bad tensors: %v", err)
	}
}

func TestFolderChoice(t *testing.T) {
	for _, c := range []struct {
		files []string
		want  string // chosen file, or part of the error
		kind  error
	}{
		{[]string{"model.safetensors", "model.safetensors.index.json", "open_clip_model.safetensors"}, "model.safetensors", nil},
		{[]string{"model.safetensors.index.json", "model-00001-of-00002.safetensors"}, "model.safetensors.index.json", nil},
		{[]string{"open_clip_model.safetensors", "extra.safetensors"}, "open_clip_model.safetensors", nil},
		{[]string{"weights.safetensors", "config.json"}, "weights.safetensors", nil},
		{[]string{"b.safetensors", "a.safetensors"}, "a.safetensors, b.safetensors", ErrNotFound},
		{[]string{"config.json", "sub/model.safetensors"}, "no .safetensors", ErrNotFound},
		{nil, "no .safetensors", ErrNotFound},
	} {
		got, err := choose(c.files)
		if !errors.Is(err, c.kind) || c.kind == nil && got != c.want || c.kind != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %q, %v, want %q", c.files, got, err, c.want)
		}
	}
}

func TestIndexIsChecked(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(index map[string]any, files map[string]string)
		says string
	}{
		"wrong total":        {func(x map[string]any, _ map[string]string) { x["metadata"] = map[string]any{"total_size": 47} }, "total_size is 47, the tensors of 2 files have 48 bytes"},
		"fractional total":   {func(x map[string]any, _ map[string]string) { x["metadata"] = map[string]any{"total_size": 47.5} }, "47.5"},
		"negative total":     {func(x map[string]any, _ map[string]string) { x["metadata"] = map[string]any{"total_size": -1} }, "-1"},
		"absent tensor":      {func(_ map[string]any, f map[string]string) { f["ghost"] = f["fc.bias"] }, `"ghost"`},
		"unlisted tensor":    {func(_ map[string]any, f map[string]string) { delete(f, "fc.bias") }, `"fc.bias"`},
		"tensor elsewhere":   {func(_ map[string]any, f map[string]string) { f["fc.bias"] = f["scale"] }, `"fc.bias"`},
		"file above":         {func(_ map[string]any, f map[string]string) { f["fc.bias"] = "../secret.safetensors" }, "../secret"},
		"absolute file":      {func(_ map[string]any, f map[string]string) { f["fc.bias"] = "/etc/x.safetensors" }, "/etc/x"},
		"file of other kind": {func(_ map[string]any, f map[string]string) { f["fc.bias"] = "model.bin" }, "model.bin"},
		"no map":             {func(x map[string]any, _ map[string]string) { delete(x, "weight_map") }, "no tensors"},
		"map of numbers":     {func(x map[string]any, _ map[string]string) { x["weight_map"] = map[string]int{"a": 1} }, "not in a file"},
		"map is a list":      {func(x map[string]any, _ map[string]string) { x["weight_map"] = []string{"a"} }, "not an object"},
	} {
		path := sharded(t, t.TempDir(), c.edit)
		_, err := Open(path, Options{})
		if !errors.Is(err, ErrIndex) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v; want %q", name, err, c.says)
		}
	}
	for name, edit := range map[string]func(index map[string]any, files map[string]string){
		"no total": func(x map[string]any, _ map[string]string) { delete(x, "metadata") },
	} {
		s, err := Open(sharded(t, t.TempDir(), edit), Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s.Close()
	}
	if _, err := parseIndex([]byte(`{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}`)); !errors.Is(err, ErrIndex) || !strings.Contains(err.Error(), "twice") {
		t.Errorf("a key twice: %v", err)
	}
	path := sharded(t, t.TempDir(), nil)
	if err := os.Remove(filepath.Join(filepath.Dir(path), "model-00002-of-00002.safetensors")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "00002-of-00002") {
		t.Errorf("absent shard: %v", err)
	}
}

func TestOtherFormatsAreRefused(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "ViT-B-32.pt")
	f, err := os.Create(script)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for _, name := range []string{"ViT-B-32/constants.pkl", "ViT-B-32/code/model.py"} {
		if _, err := z.Create(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	archive, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ content, says string }{
		"a.pt":                        {"\x80\x02}q", "torch.load"},
		"pytorch_model.bin":           {"PK\x03\x04", "weights_only=True"},
		"it's.pth":                    {"", `'\''s.pth'`},
		"x.pkl":                       {"", "torch.load"},
		"x.h5":                        {"\x89HDF\r\n\x1a\n", "h5py"},
		"x.npz":                       {"PK\x03\x04", "numpy"},
		"x.onnx":                      {"", "ONNX"},
		"script.pth":                  {string(archive), "torch.jit.load"},
		"hidden.safetensors":          {"PK\x03\x04rest", "zip archive"},
		"hiddenscript.safetensors":    {string(archive), "torch.jit.load"},
		"pickled.safetensors":         {"\x80\x04\x95", "a Python pickle"},
		"pointer.safetensors":         {"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git lfs pull"},
		"page.safetensors":            {"\n<!DOCTYPE html><html>", "web page"},
		"hdf.safetensors":             {"\x89HDF\r\n\x1a\n....", "h5py"},
		"sub/folder/x.safetensors":    {"\x80\x02", "pickle"},
		"only/bin/pytorch_model.bin":  {"PK\x03\x04", "torch.load"},
		"shard/00/model.safetensors ": {"\x80\x02", "pickle"},
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		writeText(t, path, c.content)
		if _, err := Open(path, Options{}); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want %q", name, err, c.says)
		}
	}
	if _, err := Open(filepath.Join(dir, "only", "bin"), Options{}); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "torch.load") {
		t.Errorf("a folder with a pickle: %v", err)
	}
}

func TestBadReferences(t *testing.T) {
	t.Setenv("HF_HUB_OFFLINE", "1")
	t.Setenv("HF_HUB_CACHE", t.TempDir())
	for ref, kind := range map[string]error{
		"": ErrNotFound, "no/such/folder/at/all": ErrNotFound, "./no/such": ErrNotFound, "file:owner/name": ErrNotFound, "hf:a/b/c": ErrNotFound, "hf:../x": ErrNotFound, "hf:a--b/c": ErrNotFound,
		"hf:owner/name@../../x": ErrNotFound, "hf:owner/name:../x": ErrNotFound, "hf:owner/name:/etc/passwd": ErrNotFound, "hf:owner/name": ErrOffline, "owner/name": ErrOffline,
	} {
		if _, err := Open(ref, Options{}); !errors.Is(err, kind) && !(kind == ErrNotFound && errors.Is(err, fs.ErrNotExist)) {
			t.Errorf("%q: %v, want %v", ref, err, kind)
		}
	}
}

func TestFromTensorsRefuses(t *testing.T) {
	for name, tensors := range map[string][]safetensors.Tensor{
		"twice": {sample[0], sample[0]}, "short": {{Name: "a", DType: "F32", Shape: []int{2}, Data: make([]byte, 4)}},
		"dtype": {{Name: "a", DType: "F8"}}, "negative": {{Name: "a", DType: "F32", Shape: []int{-1, -1}, Data: make([]byte, 4)}},
	} {
		if _, err := FromTensors("memory", tensors); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestNearest(t *testing.T) {
	all := []string{"visual.proj", "text_projection", "visual.conv1.weight", "visual.ln_pre.weight"}
	if got := nearest("visual.ln_pre.weigth", all, 2); !slices.Equal(got, []string{"visual.ln_pre.weight", "visual.conv1.weight"}) {
		t.Errorf("%v", got)
	}
	if got := nearest("x", nil, 3); got != nil {
		t.Errorf("%v", got)
	}
}
