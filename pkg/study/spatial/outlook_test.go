package spatial

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/datasets/circles"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/method/ratemap"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// TestSurveyPlanted plants units that measure the visible area, border cells, and units that know nothing: all but the last
// look border-like, and without the area only the border cells do, unless they are as sharp as the area's own edge.
func TestSurveyPlanted(t *testing.T) {
	l := plantedStimuli(1500, 3)
	const each = 40
	kinds := map[string]func(i int) float64{
		"area":    func(i int) float64 { return 3 * visibleArea(l, i) },
		"curve":   func(i int) float64 { a := visibleArea(l, i); return 2 * a * a },
		"border":  func(i int) float64 { return 2 * pastWall(l, i) },
		"nothing": func(int) float64 { return 0 },
		// A step at the walls is what the curved control cannot tell from the visible share: a limit of it.
		"step": func(i int) float64 {
			if min(l.X[i], l.Frame-l.X[i], l.Y[i], l.Frame-l.Y[i]) < 14 {
				return 2
			}
			return 0
		},
	}
	for name, f := range kinds {
		var units []func(int) float64
		for range each {
			units = append(units, f)
		}
		got, p, err := surveyed(responses(l, 5, .7, units), l, 14, survey{Shuffles: 99, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		sites := []SiteSurvey{*got}
		tunedOver(sites, [][]float64{p})
		like := func(c int) float64 { return sites[0].Borders[c].Like.Estimate }
		_, chance := binomialBand(each, .05) // no more than this many by chance
		known := map[string][3]bool{"area": {true, false, false}, "curve": {true, true, false}, "border": {true, true, true}, "step": {true, true, false}, "nothing": {false, false, false}}[name]
		for c, want := range known {
			if name == "curve" && c == 1 {
				continue // straight lines take some of a curve: how much is not said
			}
			if found := like(c)*each > chance; found != want {
				t.Errorf("%s less %s: %.2f of units look border-like, want it %v", name, sites[0].Borders[c].Control, like(c), want)
			}
		}
		if tuned := sites[0].Tuned.Estimate; (name == "nothing") != (tuned < .5) {
			t.Errorf("%s: %.2f of units tuned", name, tuned)
		}
		if got := float64(sites[0].Borders[1].Taken); name == "area" && got < .4 || name == "nothing" && got > .05 {
			t.Errorf("%s: the visible area takes %.2f of the variance", name, got)
		}
	}
}

// pastWall is 1 at the walls and falls off over 14 pixels.
func pastWall(l Layout, i int) float64 {
	return math.Exp(-min(l.X[i], l.Frame-l.X[i], l.Y[i], l.Frame-l.Y[i]) / 14)
}

// TestSurveyDecodes decodes place from units that hold it, and not from those that do not.
func TestSurveyDecodes(t *testing.T) {
	l := plantedStimuli(300, 4)
	know := responses(l, 1, 5, []func(int) float64{func(i int) float64 { return l.X[i] }, func(i int) float64 { return l.Y[i] }})
	draw := rng.New(9, "spatial/survey/test")
	noise := responses(l, 2, 5, []func(int) float64{func(int) float64 { return draw.NormFloat64() }, func(int) float64 { return 0 }})
	for k, raw := range []*ratemap.Responses{know, noise} {
		got, _, err := surveyed(raw, l, 7, survey{Shuffles: 19, Decode: true, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if r := float64(got.Decoded().Estimate); k == 0 && r < .98 || k == 1 && r > .1 {
			t.Errorf("population %d: R2 of place %.3f", k, r)
		}
	}
}

// TestDevelopment runs over three small networks that stand for steps of a training.
func TestDevelopment(t *testing.T) {
	t.Setenv("VENTRAL_CACHE", t.TempDir())
	be, err := backend.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(be.Finalize)
	c := families()["dinov2"]
	base := openSmall(t, "dev", c)
	step := func(n int) Stage {
		return Stage{Step: n, Name: base.Name, Open: func() (*zoo.Model, error) { return base.Untrained(uint64(n) + 5) }}
	}
	o := Options{Stimuli: circles.Config{N: 60, Seed: 1, Frame: 32}, Bins: 5, Batch: 20, Seed: 1, Outlook: OutlookOptions{Shuffles: 19, Seeds: 1, Surrogates: 9}}
	run := func(stages ...Stage) (*Development, error) {
		o.Outlook.Stages = stages
		s, err := New(be, base, o)
		if err != nil {
			t.Fatal(err)
		}
		return s.Development(context.Background())
	}
	d, err := run(step(30), step(0), step(7))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Stages) != 3 || d.Stages[0].Step != 0 || d.Stages[1].Step != 7 || d.Stages[2].Step != 30 || d.Note != "" {
		t.Fatalf("stages %+v", d.Stages)
	}
	for _, st := range d.Stages {
		units := 0
		for _, x := range st.Sites {
			units += x.Units
			if x.Decoded().Estimate > st.Decoded.Estimate {
				t.Errorf("step %d: %s is decoded better than the best", st.Step, x.Site)
			}
		}
		if units != st.Units || st.Border.Units != units || len(st.Border.Borders) != 3 {
			t.Errorf("step %d: %d units of %d", st.Step, st.Units, units)
		}
	}
	if a, b := d.Stages[0].Place, d.Stages[1].Place; a == b {
		t.Error("two networks with other weights have the same place scores")
	}
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	again, err := run(step(0), step(7), step(30))
	if err != nil {
		t.Fatal(err)
	}
	if c, _ := json.Marshal(again); string(b) != string(c) {
		t.Error("another order of the stages gives another result")
	}
	s, err := New(be, base, o)
	if err != nil {
		t.Fatal(err)
	}
	if f, err := s.DevelopmentFigure(d); err != nil {
		t.Error(err)
	} else if _, err := f.SVG(); err != nil {
		t.Error(err)
	}
	for says, stages := range map[string][]Stage{"at least two": {step(1)}, "both claim": {step(3), step(3)}} {
		if _, err := run(stages...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want one with %q", err, says)
		}
	}
	other := openSmall(t, "vgg", families()["vgg"])
	if _, err := run(step(0), Stage{Step: 1, Name: "other", Open: func() (*zoo.Model, error) { return other, nil }}); err == nil {
		t.Error("networks of two architectures are no error")
	}
	stages, note := StagesOf(base, 1)
	if len(stages) != 2 || note == "" {
		t.Errorf("a model without snapshots: %d stages, note %q", len(stages), note)
	}
	if stages, _ := StagesOf(&zoo.Model{Model: base.Model}, 1); len(stages) != 2 {
		t.Error("want the untrained network and the model itself")
	}
}

// TestStagesOfShipped: the first stage of a shipped network is its weights before training, the last the network itself.
func TestStagesOfShipped(t *testing.T) {
	m, err := zoo.Open("mini/clip-vit")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	stages, _ := StagesOf(m, 1)
	if stages[0].Step != 0 || stages[0].Name != "mini/clip-vit@0" || stages[len(stages)-1].Step < 1 || stages[len(stages)-1].Name != "mini/clip-vit" {
		t.Fatalf("stages %+v", stages)
	}
	first, err := stages[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	a, _ := first.Identity()
	b, _ := m.Identity()
	if a == b || first.Architecture != m.Architecture {
		t.Error("the first stage is not the untrained network")
	}
}
