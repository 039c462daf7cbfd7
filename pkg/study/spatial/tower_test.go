package spatial

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/datasets/circles"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/dinov2"
	"github.com/ventral-lab/ventral/models/mae"
	"github.com/ventral-lab/ventral/models/nasnet"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/vgg"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// families are small networks of every architecture.
func families() map[string]models.Config {
	d := dinov2.ViTS14().WithRegisters(2)
	d.ImageSize, d.Patch, d.Width, d.Layers, d.Heads, d.Hidden = 32, 8, 32, 2, 2, 64
	m := mae.ViTB16()
	m.ImageSize, m.Patch, m.Width, m.Layers, m.Heads, m.Hidden = 32, 8, 32, 2, 2, 64
	v := vgg.VGG11(true)
	v.Blocks, v.Hidden, v.Classes = [][]int{{8}, {8, 12}}, 16, 10
	rn := clip.Config{EmbedDim: 16, ImageSize: 32, Width: 8, Stages: [4]int{1, 1, 1, 1}, Heads: 2}
	return map[string]models.Config{"dinov2": d, "mae": m, "vgg": v, "clip-resnet": rn,
		"nasnet-a": nasnet.Config{Filters: 4, Stem: 4, Multiplier: 2, Cells: 1, Classes: 7, ImageSize: 32, Pool: nasnet.PoolTF}}
}

func openSmall(t *testing.T, name string, c models.Config) *zoo.Model {
	t.Helper()
	params, err := models.Random(c, 3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(params.Close)
	network, err := c.Network(32, 32)
	if err != nil {
		t.Fatal(err)
	}
	spec := preprocess.Plain(32)
	return &zoo.Model{Card: zoo.Card{Name: "test/" + name, Architecture: name, Config: c, Preprocess: spec},
		Model: &models.Model{Name: "test/" + name, Architecture: name, Config: c, Network: network, Preprocess: spec, Params: params, WeightsHash: name}}
}

// TestAnyNetwork runs the whole study on every architecture, with random weights and a read-out.
func TestAnyNetwork(t *testing.T) {
	be, err := backend.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(be.Finalize)
	for name, c := range families() {
		t.Run(name, func(t *testing.T) {
			t.Setenv("VENTRAL_CACHE", t.TempDir())
			m := openSmall(t, name, c)
			s, err := New(be, m, Options{Stimuli: circles.Config{N: 40, Seed: 1, Frame: 32}, Bins: 4, Shuffles: 20, LesionStimuli: 6, TargetedStimuli: 6, Levels: 4,
				RandomSeeds: 3, RandomEach: 2, JudgeStimuli: 60, Places: 2, MatrixStimuli: 8, MatrixNulls: 1, PatchDraws: 2, BiasStimuli: 4, Batch: 6, Seed: 1,
				Outlook: OutlookOptions{Seeds: 1, Shuffles: 9, Surrogates: 5}})
			if err != nil {
				t.Fatal(err)
			}
			r, err := s.Run(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if r.Judge.Kind != ByReadOut || r.Judge.Fitted != 60 {
				t.Errorf("judged by %+v", r.Judge)
			}
			if want := name == "dinov2" || name == "mae"; (r.Heads != nil) != want {
				t.Errorf("lesions of heads: %v, want %v", r.Heads != nil, want)
			}
			if len(r.ZeroShot) > 0 {
				t.Error("prompts without a text tower")
			}
			if len(r.Layers) != len(s.Sites()) || len(r.Layers) < 2 || len(r.Deficits) != 3 || len(r.Patches.Sites) < 2 {
				t.Errorf("%d layers of %d sites, %d matrices, %d sites of patches", len(r.Layers), len(s.Sites()), len(r.Deficits), len(r.Patches.Sites))
			}
			if _, err := json.Marshal(r); err != nil {
				t.Error(err)
			}
			figs, err := s.Figures(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range figs {
				if _, err := f.SVG(); err != nil {
					t.Errorf("%s: %v", f.Name, err)
				}
			}
		})
	}
}

// TestRefused: a network without sites, and options that make no sense, are errors that say why.
func TestRefused(t *testing.T) {
	m := openSmall(t, "vgg", families()["vgg"])
	for says, o := range map[string]Options{
		"PlaceShare":  {PlaceShare: 2},
		"at least 2":  {Places: 1},
		`"burn"`:      {Ablation: "burn"},
		`"lightning"`: {Ablations: []string{"zero", "lightning"}},
	} {
		if _, err := New(new(backend.Backend), m, o); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want one with %q", err, says)
		}
	}
	bare := &zoo.Model{Model: &models.Model{Name: "m", Params: program.NewParams()}}
	if _, err := New(new(backend.Backend), bare, Options{}); err == nil {
		t.Error("a model without network is no error")
	}
	be, err := backend.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	defer be.Finalize()
	s, err := New(be, m, Options{Token: "class"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Ratemaps(context.Background()); err == nil || !strings.Contains(err.Error(), "no tokens") {
		t.Errorf("class token of a VGG: error %v", err)
	}
	s, err = New(be, m, Options{TargetSite: "features.99"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.TargetedLesions(context.Background(), nil); err == nil || !strings.Contains(err.Error(), "TargetSite") {
		t.Errorf("a site that is not there: error %v", err)
	}
}
