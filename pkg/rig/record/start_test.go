package record

import (
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// TestStartNeedsEverything: a start inside a branch leaves a path from the picture beside it, and no picture is there.
func TestStartNeedsEverything(t *testing.T) {
	c := clip.Config{EmbedDim: 8, ImageSize: 16, Patch: 8, Width: 16, Layers: 2, Heads: 2, Context: 8, Vocab: 600, TextWidth: 16, TextLayers: 1, TextHeads: 2}
	p, err := models.Random(c, 3)
	if err != nil {
		t.Fatal(err)
	}
	m := &models.Model{Name: "tiny", Network: clip.ImageTower{Config: c}, Preprocess: preprocess.Plain(16), Params: p}
	sites, err := m.Sites()
	if err != nil {
		t.Fatal(err)
	}
	be := backend.MustOpen("go")
	defer be.Finalize()
	for start, want := range map[string]string{
		"visual.transformer.resblocks.0":      "",
		"visual.ln_pre":                       "",
		"visual.transformer.resblocks.1.attn": "start from a site that everything passes through",
	} {
		b, err := site.Plan{}.Capture("visual").StartAt(start).Check(sites)
		if err != nil {
			t.Fatal(err)
		}
		e, err := newExecutor(be, m, b, 1)
		if err != nil {
			t.Fatal(err)
		}
		in := map[string][]float32{"start": make([]float32, 5*16)}
		err = e.run(nil, in, func(int, []float32) {})
		e.Close()
		if got := err != nil; got != (want != "") || got && !strings.Contains(err.Error(), want) {
			t.Errorf("start at %s: error %v, want %q", start, err, want)
		}
	}
}
