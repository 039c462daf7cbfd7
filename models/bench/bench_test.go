package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/models/weights"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// TestRandomCheckpoint reads one back: names, shapes, types, finite values within their bounds, and the same bytes again.
func TestRandomCheckpoint(t *testing.T) {
	keys := map[string][]int{"a.weight": {3, 5}, "bn.running_var": {700_000}, "bn.num_batches_tracked": {}, "b.bias": {0}, "scale": {}}
	path := filepath.Join(t.TempDir(), "x.safetensors")
	var files [][]byte
	for _, seed := range []uint64{1, 1, 2} {
		if err := WriteRandom(path, keys, seed); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, b)
	}
	if !bytes.Equal(files[0], files[1]) || bytes.Equal(files[0], files[2]) {
		t.Error("the seed does not decide the bytes")
	}
	s, err := weights.Open(path, weights.Options{CheckFinite: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	shapes := s.Shapes()
	if len(shapes) != len(keys) {
		t.Errorf("tensors %v", s.Names())
	}
	for name, want := range keys {
		if !slices.Equal(shapes[name], want) {
			t.Errorf("%s has shape %v, want %v", name, shapes[name], want)
		}
	}
	if x, _ := s.Tensor("bn.num_batches_tracked"); x.DType != "I64" {
		t.Errorf("a counter is %s", x.DType)
	}
	for name, bounds := range map[string][2]float32{"a.weight": {-0.02, 0.02}, "bn.running_var": {0.5, 1.5}} {
		v, err := s.Float32(name, keys[name]...)
		if err != nil {
			t.Fatal(err)
		}
		if lo, hi := slices.Min(v), slices.Max(v); lo < bounds[0] || hi > bounds[1] || hi-lo < (bounds[1]-bounds[0])/2 {
			t.Errorf("%s lies in [%v, %v], want most of %v", name, lo, hi, bounds)
		}
	}
}

func TestRun(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	f, err := Run("mini/clip-vit", be, []int{1, 3}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if f.Architecture != "clip-vit" || f.Backend != "go" || f.Parameters == 0 || f.Scalars < f.Parameters || f.OpenSeconds <= 0 || len(f.Batches) != 2 {
		t.Errorf("%+v", f)
	}
	for i, b := range f.Batches {
		if b.Size != []int{1, 3}[i] || b.Repeats != 2 || b.OutputDims[0] != b.Size || b.OutputMagnitude <= 0 ||
			!(b.CompileSeconds > 0 && b.BestSeconds > 0 && b.BestSeconds <= b.MedianSeconds) {
			t.Errorf("%+v", b)
		}
		if runtime.GOOS == "linux" && b.CPUSeconds <= 0 {
			t.Errorf("no processor time: %+v", b)
		}
	}
	if m := f.Memory; runtime.GOOS == "linux" && !(m.Start > 0 && m.Start <= m.PeakAnonymous && m.PeakAnonymous <= m.Peak && f.Loaded.PeakAnonymous <= m.PeakAnonymous) {
		t.Errorf("memory %+v, loaded %+v", m, f.Loaded)
	}
	if _, err := Run("mini/clip-vti", be, []int{1}, 1); err == nil || !strings.Contains(err.Error(), "mini/clip-vit") {
		t.Error(err)
	}
	if _, err := Run("mini/clip-vit", be, []int{0}, 1); err == nil {
		t.Error("a batch of no pictures")
	}
}

// TestWatchSeesAPeak allocates and frees: the peak stays.
func TestWatchSeesAPeak(t *testing.T) {
	if runtime.GOOS != "linux" { // there is nothing to read
		return
	}
	debug.FreeOSMemory()
	w := Watch()
	block := make([]byte, 64<<20)
	for i := range block {
		block[i] = 1
	}
	during := w.Now()
	runtime.KeepAlive(block)
	after := w.Stop()
	if grown := during.PeakAnonymous - during.Start; grown < 60<<20 || after.PeakAnonymous < during.PeakAnonymous {
		t.Errorf("grew by %d, %+v then %+v", grown, during, after)
	}
	if status("NoSuchLine:") != 0 {
		t.Error("a line that is not there has a value")
	}
}
