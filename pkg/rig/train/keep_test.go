package train

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"testing"

	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/models/mini"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// TestKeep: what a training keeps on the way are the weights a shorter run ends with, opens as the image network of a CLIP
// without a text, is the same bytes after a stop, and leaves the training as it is.
func TestKeep(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	c := tinyConfig()
	train := func(dir string, keep Keep, stops ...int) {
		t.Helper()
		for _, stop := range append(stops, 0) {
			o := testOptions(dir, 8, 12)
			o.Every, o.StopAfter, o.Keep = 4, stop, keep
			p, _, err := Run(context.Background(), be, o, contrastive(c))
			if err != nil {
				t.Fatal(err)
			}
			p.Close()
		}
	}
	none, whole, parts := t.TempDir(), t.TempDir(), t.TempDir()
	keep := Keep{Steps: []int{2, 4, 7}, Network: c.VisualOnly()}
	train(none, Keep{})
	train(whole, keep)
	train(parts, keep, 4)
	same := func(a, b string) {
		t.Helper()
		x, err := os.ReadFile(a)
		if err != nil {
			t.Fatal(err)
		}
		y, err := os.ReadFile(b)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(x, y) {
			t.Errorf("%s and %s differ", a, b)
		}
	}
	for _, s := range keep.Steps {
		same(Snapshot(whole, s), Snapshot(parts, s))
	}
	with, _, err := load(Checkpoint(whole))
	if err != nil {
		t.Fatal(err)
	}
	without, _, err := load(Checkpoint(none))
	if err != nil {
		t.Fatal(err)
	}
	equalWeights(t, "without keeping", without, "with", with)

	four := t.TempDir()
	o := testOptions(four, 8, 12)
	o.Every, o.StopAfter = 4, 4
	if _, _, err := Run(context.Background(), be, o, contrastive(c)); err != nil {
		t.Fatal(err)
	}
	short, _, err := load(Checkpoint(four))
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(Snapshot(whole, 4))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n, want := len(f.Names()), len(c.VisualOnly().Shapes()); n != want {
		t.Errorf("%d tensors kept, want the %d of the image tower", n, want)
	}
	for _, name := range f.Names() {
		kept, _ := f.Lookup(name)
		x, err := kept.Float32()
		if err != nil {
			t.Fatal(err)
		}
		y, _, err := short.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range x {
			if want := safetensors.Float16ToFloat32(safetensors.Float32ToFloat16(y[i])); x[i] != want {
				t.Fatalf("%s[%d]: %g kept, %g in the checkpoint of that step", name, i, x[i], want)
			}
		}
	}
	for key, want := range map[string]string{mini.StepKey: "4", mini.PicturesKey: "32", mini.SeedKey: "1"} {
		if got := f.Metadata()[key]; got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}

	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	card := mini.Card{Name: "mini/tiny", Architecture: "clip-vit", Config: raw, Preprocess: preprocess.Plain(c.ImageSize, half, half)}
	m, err := zoo.OpenTrained(card.At(4, 32), Snapshot(whole, 4))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.Name != "mini/tiny@4" || m.Text != nil || m.CLIP == nil || m.CLIP.HasText() {
		t.Errorf("opened as %s with text tower %v, want mini/tiny@4 without one", m.Name, m.Text)
	}
}

// TestRecipeKeeps: the steps that clip-vit keeps lie before its end, evenly on a logarithmic axis.
func TestRecipeKeeps(t *testing.T) {
	for steps, want := range map[int]int{0: 6, 40: 2, 5: 0} {
		r, err := NewRecipe("clip-vit", steps, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(r.Options.Keep.Steps); got != want {
			t.Errorf("of %d steps %d are kept, want %d", steps, got, want)
		}
	}
}
