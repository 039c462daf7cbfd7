package spatial_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/ventral-lab/ventral/datasets/circles"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/study/spatial"
)

// study runs on the shipped model with a few stimuli, on the Go backend: the numbers mean little, the machinery is whole.
func study(t *testing.T, o spatial.Options) *spatial.Study {
	t.Helper()
	t.Setenv("VENTRAL_CACHE", t.TempDir())
	be, err := backend.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	m, err := zoo.Open("mini/clip-vit")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close(); be.Finalize() })
	if o.Stimuli.N == 0 {
		o.Stimuli = circles.Config{N: 60, Seed: 1}
	}
	o.Bins, o.Shuffles, o.LesionStimuli, o.TargetedStimuli, o.Levels, o.RandomSeeds, o.Batch, o.Seed = 6, 50, 12, 8, 5, 1, 6, 1
	o.Places, o.MatrixNulls, o.Ablations, o.MatrixStimuli, o.HeadStimuli, o.PatchStimuli, o.PatchDraws, o.BiasStimuli = 2, 1, []string{"zero"}, 8, 4, 4, 2, 4
	o.Outlook = spatial.OutlookOptions{Seeds: 1, Shuffles: 9, Surrogates: 5}
	s, err := spatial.New(be, m, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRun(t *testing.T) {
	s := study(t, spatial.Options{})
	r, err := s.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, ps := range r.ZeroShot {
		sum := 0.0
		for _, m := range ps.Mean {
			sum += m
		}
		if math.Abs(sum-1) > 1e-9 || ps.Accuracy.Low > ps.Accuracy.Estimate {
			t.Errorf("%s: means sum to %g, accuracy %v", ps.Name, sum, ps.Accuracy)
		}
	}
	if len(r.Layers) != s.Model.CLIP.Layers || len(r.Control) != len(r.Layers) {
		t.Fatalf("%d layers and %d of the control", len(r.Layers), len(r.Control))
	}
	for _, l := range r.Layers {
		if len(l.Units) != s.Model.CLIP.Width || len(l.Maps) != len(l.Units)*36 {
			t.Errorf("%s: %d units, %d map values", l.Site, len(l.Units), len(l.Maps))
		}
		for u, x := range l.Units {
			if p := float64(x.P); !(p > 0 && p <= 1) || float64(x.Q) < p-1e-12 {
				t.Errorf("%s unit %d: p %g, q %g", l.Site, u, p, float64(x.Q))
			}
		}
	}
	want := 2 + 6*s.Model.CLIP.Layers + 1 + 6*s.Model.CLIP.TextLayers + 2
	if len(r.Modules.Modules) != want {
		t.Errorf("%d modules, want %d", len(r.Modules.Modules), want)
	}
	for _, m := range r.Modules.Modules {
		if m.Kind == "attn" {
			// The same output, so the same effect.
			for _, o := range r.Modules.Modules {
				if o.Site == m.Site+".out_proj" && o.LogOdds.Estimate != m.LogOdds.Estimate {
					t.Errorf("%s and its out_proj: %g and %g", m.Site, m.LogOdds.Estimate, o.LogOdds.Estimate)
				}
			}
		}
		// Both texts become equal, or the picture's embedding zero: no preference.
		if (m.Site == "token_embedding" || m.Site == "visual.ln_post") && math.Abs(m.Mean.Estimate-0.5) > 0.05 {
			t.Errorf("%s: probability %g, want about one half", m.Site, m.Mean.Estimate)
		}
	}
	tl := r.Targeted
	for _, a := range tl.Arms {
		first, last := a.LogOdds[0].Estimate, a.LogOdds[len(a.LogOdds)-1].Estimate
		// None and all units removed are the same lesion in every arm.
		if math.Abs(first-tl.Arms[0].LogOdds[0].Estimate) > 1e-3 || math.Abs(last-tl.Arms[0].LogOdds[len(a.LogOdds)-1].Estimate) > 1e-3 {
			t.Errorf("arm %s begins at %g and ends at %g, the first arm at %g and %g", a.Name, first, last,
				tl.Arms[0].LogOdds[0].Estimate, tl.Arms[0].LogOdds[len(a.LogOdds)-1].Estimate)
		}
	}
	if len(r.Deficits) != 1 || len(r.Heads.Heads) != 24 || len(r.Patches.Sites) != 1+s.Model.CLIP.Layers || len(r.Bias.Curves) != 4 {
		t.Errorf("%d matrices, %d heads, %d sites of patches, %d curves", len(r.Deficits), len(r.Heads.Heads), len(r.Patches.Sites), len(r.Bias.Curves))
	}
	if r.Judge.Kind != spatial.ByText {
		t.Errorf("judged by %+v", r.Judge)
	}
	if len(r.Border.Groups) != 4 || len(r.Border.Untrained) != 1 || len(r.Tests) != 6 || len(r.Development.Stages) < 2 || len(r.Verdicts) < 8 {
		t.Errorf("%d groups, %d untrained, %d tests, %d stages, %d verdicts", len(r.Border.Groups), len(r.Border.Untrained), len(r.Tests), len(r.Development.Stages), len(r.Verdicts))
	}
	for _, v := range r.Verdicts {
		if v.Word == spatial.NotMeasured {
			t.Errorf("%s: %s", v.Claim, v.Word)
		}
	}
	figs, err := s.Figures(r)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range figs {
		if seen[f.Name] {
			t.Errorf("two figures called %s", f.Name)
		}
		seen[f.Name] = true
		if _, err := f.SVG(); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	again, err := s.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(r)
	b, _ := json.Marshal(again)
	if string(a) != string(b) {
		t.Error("a result from the cache differs from the one that was computed")
	}
}

// TestSeesTheStimuli checks that the shipped network is fit for the study: of 200 stimuli it names nearly all rightly, with
// each set of prompts.
func TestSeesTheStimuli(t *testing.T) {
	s := study(t, spatial.Options{Stimuli: circles.Config{N: 200, Seed: 99}})
	sets, err := s.ZeroShot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(sets) != len(spatial.Prompts) {
		t.Fatalf("%d sets of prompts, want %d", len(sets), len(spatial.Prompts))
	}
	for _, ps := range sets {
		if ps.Accuracy.Estimate < .95 {
			t.Errorf("%s: %.3f of the stimuli are named rightly, the study needs .95", ps.Name, ps.Accuracy.Estimate)
		}
	}
}

// TestAblations checks that the three ways of removing a module differ and compile as many graphs.
func TestAblations(t *testing.T) {
	seen := map[string]string{}
	for _, a := range []string{"zero", "mean", "resample"} {
		s := study(t, spatial.Options{Ablation: a})
		l, err := s.LayerLesions(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if want := s.Model.CLIP.Layers + 2; l.Compiled != want {
			t.Errorf("%s: %d graphs compiled, want %d: one for each stage of the image tower and one for the text tower", a, l.Compiled, want)
		}
		var v []float64
		for _, m := range l.Modules {
			v = append(v, m.LogOdds.Estimate)
		}
		key := fmt.Sprint(v)
		if other, ok := seen[key]; ok {
			t.Errorf("%s and %s ablation give the same numbers", a, other)
		}
		seen[key] = a
	}
}

// TestTokens records other tokens than the class token.
func TestTokens(t *testing.T) {
	for token, units := range map[string]int{"mean": 1, "token=5": 1, "all": 65} {
		s := study(t, spatial.Options{Token: token, Shuffles: 10})
		layers, err := s.Ratemaps(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if len(layers[0].Units) != units*s.Model.CLIP.Width {
			t.Errorf("%s: %d units", token, len(layers[0].Units))
		}
	}
	s := study(t, spatial.Options{Token: "nose"})
	if _, err := s.Ratemaps(context.Background()); err == nil {
		t.Error("an unknown token is no error")
	}
}

// TestPublishedOverlay draws the document's numbers beside a result of its own model, and beside no other.
func TestPublishedOverlay(t *testing.T) {
	s := study(t, spatial.Options{})
	l, err := s.LayerLesions(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	data := func() string {
		f, err := s.LayerLesionFigure(l)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(f.Data())
	}
	plain := data()
	s.Model.Model.Name = "openai/clip-vit-b-32"
	if data() == plain {
		t.Error("the figure of the document's own model shows nothing of the document")
	}
}
