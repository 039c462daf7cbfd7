package spatial

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// between is an interval.
func between(low, mid, high float64) stats.Interval {
	return stats.Interval{Estimate: mid, Low: low, High: high, Level: .95}
}

// claimed is a made-up result of which every claim holds.
func claimed() *Result {
	var layers []Layer
	for range 2 {
		layer := Layer{Site: "a", Bins: 2}
		for u := range 40 {
			x := float64(u)
			layer.Units = append(layer.Units, Unit{InfoRaw: Float(x), Info: Float(x), Place: Float(x + .5*float64(u%3)), Mean: Float(1 + x), SD: 1})
			layer.Maps = append(layer.Maps, 1, 2, 3, 4)
		}
		layers = append(layers, layer)
	}
	group := func(name string, like, drop, left stats.Interval) BorderGroup {
		return BorderGroup{Name: name, Units: 100, Borders: []BorderLook{{Control: Uncontrolled, Like: like}, {Control: CurveControl, Like: between(.01, .03, .06)}},
			Dropped: estimate(drop), Left: estimate(left)}
	}
	stage := func(step int, r stats.Interval) DevelopmentStage {
		d := DevelopmentStage{Step: step, Decoded: bounds(r), Tuned: between(.2, .3, .4)}
		for k := range 5 {
			d.Sites = append(d.Sites, SiteSurvey{Place: only(.1 + .001*float64(step*(k+1)))})
		}
		return d
	}
	m := func(name string, i stats.Interval) Module {
		return Module{Site: name, Tower: "visual", Block: "1", LogOdds: i}
	}
	down, zero := between(.1, .15, .2), between(-.01, 0, .01)
	return &Result{
		ZeroShot: []PromptSet{{Texts: []string{"a circle", "a square"}, P: []float64{.9, .1, .8, .2}, Accuracy: between(.95, .97, .99)}},
		Layers:   layers,
		Modules:  &LayerLesions{LogOdds: between(3, 4, 5), Modules: []Module{m("p", between(2, 3, 4)), m("q", between(-3, -2, -1))}},
		Targeted: &TargetedLesions{Arms: []Arm{{Name: Targeted, VsRandom: between(.1, .2, .3), VsElsewhere: between(-1, 0, 1)}}},
		Deficits: []DeficitMatrix{{Ablation: "zero", Side: 1, Specificity: estimate(between(.1, .2, .3)), P: .01}, {Ablation: "mean", Side: 1, Specificity: estimate(between(.1, .2, .3)), P: .01}},
		Border:   &BorderAccount{Groups: []BorderGroup{group(Trained, down, down, zero), group(Untrained, between(.5, .6, .7), down, zero), group(DarkArea, between(.9, 1, 1), down, zero)}},
		Tests: []TestShare{{Test: "grid", Alpha: .05, Trained: between(.1, .2, .3)}, {Test: "border", Alpha: .05, Trained: between(.1, .2, .3)},
			{Test: "border_area", Alpha: .05, Trained: between(.1, .2, .3)}},
		Development: &Development{Stages: []DevelopmentStage{stage(0, between(.1, .2, .3)), stage(100, between(.4, .5, .6))}},
	}
}

func word(t *testing.T, r *Result, claim string) string {
	t.Helper()
	for _, v := range Verdicts(r) {
		if strings.Contains(v.Claim, claim) {
			return v.Word
		}
	}
	t.Fatalf("no row says %q", claim)
	return ""
}

// TestVerdictsFlip: every row's word follows the numbers.
func TestVerdictsFlip(t *testing.T) {
	for _, v := range Verdicts(claimed()) {
		if v.Word != Holds {
			t.Errorf("%s: %s where everything holds", v.Claim, v.Word)
		}
		if v.Rule == "" || v.Document == "" || v.Needs == "" || v.Source == "" || len(v.Evidence) == 0 {
			t.Errorf("a row with gaps: %+v", v)
		}
	}
	for _, v := range Verdicts(&Result{}) {
		if v.Word != NotMeasured || len(v.Evidence) > 0 {
			t.Errorf("%s: %s, %v of an empty result", v.Claim, v.Word, v.Evidence)
		}
	}
	border := func(r *Result, name string) *BorderGroup {
		for i := range r.Border.Groups {
			if r.Border.Groups[i].Name == name {
				return &r.Border.Groups[i]
			}
		}
		return nil
	}
	for _, c := range []struct {
		claim, want string
		change      func(r *Result)
	}{
		{"Spatial information", Contradicted, func(r *Result) {
			for _, l := range r.Layers {
				for u := range l.Units {
					l.Units[u].InfoRaw = -l.Units[u].InfoRaw
				}
			}
		}},
		{"Spatial information", NotShown, func(r *Result) {
			// The five leaders are two of the most tuned, two of the least, and one from the middle.
			for _, l := range r.Layers {
				for u := range l.Units {
					l.Units[u].InfoRaw = 0
				}
				for _, u := range []int{0, 1, 20, 38, 39} {
					l.Units[u].InfoRaw = 10
				}
			}
		}},
		{"grid-like", NotShown, func(r *Result) { r.Tests[0].Trained = between(.03, .05, .07) }},
		{"grid-like", NotShown, func(r *Result) { r.Tests[0].Trained = between(.01, .02, .03) }},
		{"border-like units", NotShown, func(r *Result) { r.Tests[2].Trained = between(.03, .05, .07) }},
		{"border-like units", Holds, func(r *Result) { r.Tests[1].Trained = between(.03, .05, .07) }},
		{"Untrained networks look", NotShown, func(r *Result) { border(r, Untrained).Borders[0].Like = between(.03, .05, .08) }},
		{"cut off", Partly, func(r *Result) { border(r, Untrained).Left = estimate(between(.01, .02, .03)) }},
		{"cut off", NotShown, func(r *Result) { border(r, Untrained).Dropped = estimate(between(-.01, .02, .03)) }},
		{"cut off", Contradicted, func(r *Result) { border(r, Untrained).Dropped = estimate(between(-.03, -.02, -.01)) }},
		{"cut off", NotShown, func(r *Result) { border(r, DarkArea).Borders[0].Like = between(.03, .05, .08) }},
		{"88 %", Contradicted, func(r *Result) { r.ZeroShot[0].Accuracy = between(.5, .6, .7) }},
		{"88 %", NotShown, func(r *Result) { r.ZeroShot[0].Accuracy = between(.8, .88, .9) }},
		{"critical", Contradicted, func(r *Result) { r.Modules.Modules[1].LogOdds = between(1, 2, 3) }},
		{"critical", NotShown, func(r *Result) { r.Modules.Modules[1].LogOdds = between(-1, 0, 1) }},
		{"critical", NotMeasured, func(r *Result) { r.Modules.LogOdds = between(-1, 1, 2) }},
		{"suspected", Contradicted, func(r *Result) { r.Targeted.Arms[0].VsRandom = between(-3, -2, -1) }},
		{"suspected", NotShown, func(r *Result) { r.Targeted.Arms[0].VsRandom = between(-1, 0, 1) }},
		{"location", Partly, func(r *Result) { r.Deficits[0].Specificity = estimate(between(-.1, 0, .1)) }},
		{"location", Partly, func(r *Result) { r.Deficits[0].P = .2 }},
		{"location", NotShown, func(r *Result) {
			for i := range r.Deficits {
				r.Deficits[i].Specificity = estimate(between(-.1, 0, .1))
			}
		}},
		{"location", Contradicted, func(r *Result) {
			for i := range r.Deficits {
				r.Deficits[i].Specificity = estimate(between(-.3, -.2, -.1))
			}
		}},
		{"training", Partly, func(r *Result) { r.Development.Stages[1].Decoded = bounds(between(.25, .35, .45)) }},
		{"training", Partly, func(r *Result) { r.Development.Stages[1].Decoded = bounds(between(0, .01, .05)) }},
		{"training", Partly, func(r *Result) { r.Development.Stages[1].Sites = r.Development.Stages[0].Sites }},
		{"training", NotShown, func(r *Result) {
			r.Development.Stages[1].Sites, r.Development.Stages[1].Decoded = r.Development.Stages[0].Sites, r.Development.Stages[0].Decoded
		}},
		{"training", Contradicted, func(r *Result) {
			st := r.Development.Stages
			st[0], st[1] = st[1], st[0]
		}},
		{"training", NotMeasured, func(r *Result) { r.Development.Stages[1].Decoded.Low = Float(math.NaN()) }},
	} {
		r := claimed()
		c.change(r)
		if got := word(t, r, c.claim); got != c.want {
			t.Errorf("%s: %s, want %s", c.claim, got, c.want)
		}
	}
}

// TestVerdictTable: the table has what the rows say, the Markdown all cells on one line each, and JSON survives NaN.
func TestVerdictTable(t *testing.T) {
	r := claimed()
	r.Deficits[0].Specificity.Low = Float(math.NaN())
	v := Verdicts(r)
	header, rows := VerdictTable("m|x", v)
	if len(rows) != len(v) {
		t.Fatalf("%d rows of %d verdicts", len(rows), len(v))
	}
	md := VerdictMarkdown("m|x", v)
	lines := strings.Split(md, "\n")
	for i, row := range rows {
		if len(row) != len(header) {
			t.Errorf("row %d has %d cells", i, len(row))
		}
		if got := lines[i+2]; !strings.Contains(got, v[i].Claim) || !strings.Contains(got, v[i].Word) || !strings.HasSuffix(got, " |") {
			t.Errorf("line %q", got)
		}
	}
	if !strings.Contains(lines[0], `m\|x`) || strings.Count(lines[1], "---") != len(header) {
		t.Errorf("header %q %q", lines[0], lines[1])
	}
	if _, err := json.Marshal(v); err != nil {
		t.Error(err)
	}
}

// TestPublishedArea checks the areas that the targeted row cites against a sum by hand of the published curves: trapezia of
// width .025.
func TestPublishedArea(t *testing.T) {
	for _, name := range []string{Targeted, Absolute} {
		want := 0.0
		var y, z []float64
		for _, c := range publishedTargeted() {
			switch c.Name {
			case name:
				y = c.Y
			case Random:
				z = c.Y
			}
		}
		for i := range y[1:] {
			want += .025 * ((y[i] - z[i]) + (y[i+1] - z[i+1])) / 2
		}
		if got := publishedArea(name, Random); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %g, by hand %g", name, got, want)
		}
	}
}
