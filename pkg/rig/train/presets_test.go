package train

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// TestPresetsTrace builds every network of every preset and compares the weights that its graph asks for with those of its
// configuration; a text tower is traced too.
func TestPresetsTrace(t *testing.T) {
	for _, name := range Names() {
		var parameters []int
		for _, p := range Presets() {
			r, err := Outline(name, p)
			if err != nil {
				t.Fatal(err)
			}
			if r.Preset != p || r.Summary == "" {
				t.Errorf("%s %s: preset %q, summary %q", name, p, r.Preset, r.Summary)
			}
			side := r.Preprocess.Size
			net, err := r.Config.Network(side, side)
			if err != nil {
				t.Fatal(err)
			}
			sites, want, err := models.Trace(net)
			if err != nil {
				t.Fatalf("%s %s: %v", name, p, err)
			}
			if len(sites) == 0 {
				t.Errorf("%s %s: no sites", name, p)
			}
			if c, ok := r.Config.(clip.Config); ok {
				_, text, err := models.Trace(clip.TextTower{Config: c})
				if err != nil {
					t.Fatalf("%s %s: text: %v", name, p, err)
				}
				maps.Copy(want, text)
			}
			have := r.Config.Shapes()
			for n, dims := range want {
				if !slices.Equal(have[n], dims) {
					t.Errorf("%s %s: the graph wants %s %v, the configuration has %v", name, p, n, dims, have[n])
				}
			}
			for n := range have {
				if _, ok := want[n]; !ok && !unused(n) {
					t.Errorf("%s %s: the graph does not use %s", name, p, n)
				}
			}
			parameters = append(parameters, models.Parameters(r.Config))
		}
		if small, large := parameters[0], parameters[1]; large < 4*small || small > 6_000_000 {
			t.Errorf("%s: %d parameters, large %d", name, small, large)
		}
	}
}

// unused are the weights of a network that the graph recorded from has no need of: a masked autoencoder's decoder and the
// temperature between a CLIP's towers.
func unused(name string) bool {
	return strings.HasPrefix(name, "decoder_") || name == "mask_token" || name == "logit_scale"
}

// TestPresetsDraw: all presets' pictures, crops and labels fit their networks.
func TestPresetsDraw(t *testing.T) {
	for _, name := range Names() {
		for _, p := range Presets() {
			r, err := New(name, Settings{Preset: p, Steps: 3, Batch: 2, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			in, err := r.Task.Batch(1, 2, 2)
			if err != nil {
				t.Fatalf("%s %s: %v", name, p, err)
			}
			if d, ok := r.Task.(Distilled); ok {
				for _, side := range []int{d.Crops.GlobalSize, d.Crops.LocalSize} {
					if side%d.Config.Patch != 0 {
						t.Errorf("%s %s: crops of %d pixels are no whole patches of %d", name, p, side, d.Config.Patch)
					}
				}
				continue
			}
			if got, want := fmt.Sprint(in[0].Dims), fmt.Sprint([]int{2, 3, r.Preprocess.Size, r.Preprocess.Size}); got != want {
				t.Errorf("%s %s: a batch of %s, want %s", name, p, got, want)
			}
		}
	}
}

func TestPresetFor(t *testing.T) {
	for kind, want := range map[backend.Kind]Preset{backend.Go: Small, backend.XLACPU: Small, backend.XLACUDA: Large} {
		if got := PresetFor(kind); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
}

func TestBadSettings(t *testing.T) {
	for name, c := range map[string]struct {
		network string
		s       Settings
		want    string
	}{
		"network": {"resnet", Settings{}, "no recipe"},
		"preset":  {"vgg", Settings{Preset: "huge"}, "no preset"},
		"steps":   {"vgg", Settings{Steps: -1}, "positive"},
		"batch":   {"vgg", Settings{Batch: -8}, "positive"},
		"rate":    {"vgg", Settings{Peak: -1}, "positive"},
		"muon":    {"vgg", Settings{Optimiser: "sgd"}, "no optimiser"},
	} {
		if _, err := New(c.network, c.s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
