package train

import (
	"context"
	"fmt"
	"image"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/datasets/scenes"
	"github.com/ventral-lab/ventral/models/mini"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/method/stats"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// shortRun trains a recipe for two steps of a few pictures and opens what it exports.
func shortRun(t *testing.T, be *backend.Backend, name string) (*Recipe, mini.Card, *zoo.Model) {
	t.Helper()
	r, err := New(name, Settings{Preset: Quick, Steps: 2, Batch: 4, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	o := r.Options
	o.Out, o.Every = t.TempDir(), 1
	p, _, err := Run(context.Background(), be, o, r.Task)
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	card, err := r.Export(o.Out, string(be.Kind))
	if err != nil {
		t.Fatal(err)
	}
	m, err := zoo.OpenTrained(card, filepath.Join(o.Out, name+".safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return r, card, m
}

// TestFamily takes every recipe from its training to its card: the weights open as a model with sites, heads and
// preprocessing, and answer every kind of question that cards have, the same again.
func TestFamily(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			r, card, m := shortRun(t, be, name)
			defer m.Close()
			if m.Card.Name != "mini/"+name || m.Preprocess.Hash() != r.Preprocess.Hash() || len(card.Heads) != len(r.Heads) {
				t.Errorf("opened as %+v", m.Card)
			}
			sites, err := m.Sites()
			if err != nil || len(sites) < 10 {
				t.Errorf("%d sites, %v", len(sites), err)
			}
			if len(card.Training.Curve) != 2 || card.Training.Pictures != 8 {
				t.Errorf("training: %+v", card.Training)
			}
			x := Examine(card)
			if len(x.Questions) < 10 || len(x.Effects) == 0 {
				t.Fatalf("%d questions and %d effects", len(x.Questions), len(x.Effects))
			}
			x.Pictures = 20
			var few []Question // the probe of figure and ground learns from the fewest pictures
			for _, q := range x.Questions {
				if q.Factor == groundFactor || q.Factor == "expression" && q.Measure != LinearProbe {
					few = append(few, q)
				}
			}
			x.Questions = few
			if x.Effects[0].Conditions[0].Measure == LinearProbe {
				x.Effects = nil // the probe of objects learns from many pictures
			}
			factors, effects, err := Evaluate(be, m, x, 3)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range factors {
				if f.Pictures != 20 || f.Classes < 2 || !(f.Interval[0] <= f.Accuracy && f.Accuracy <= f.Interval[1]) || !(f.Chance > 0) ||
					!(f.UntrainedInterval[0] <= f.Untrained && f.Untrained <= f.UntrainedInterval[1]) || (f.Measure == string(LinearProbe)) != (f.Rows > 0) {
					t.Errorf("%+v", f)
				}
			}
			for _, e := range effects {
				if e.Pictures != 20 && e.Pictures != 10 || len(e.Contrasts) == 0 {
					t.Errorf("%+v", e)
				}
			}
			if name != "vgg" { // the cheapest of them
				return
			}
			again, _, err := Evaluate(be, m, x, 3)
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(again) != fmt.Sprint(factors) {
				t.Errorf("again: %+v, at first %+v", again, factors)
			}
			v, err := r.Check(be, m, card.Training.Curve, 3)
			if err != nil {
				t.Fatal(err)
			}
			if v.Err() == nil {
				t.Errorf("two steps are judged to have learned something: %+v", v)
			}
		})
	}
}

// TestProbePicturesAreOthers: linear probes learn from pictures of which none is in a question.
func TestProbePicturesAreOthers(t *testing.T) {
	r, err := Outline("mae", Quick)
	if err != nil {
		t.Fatal(err)
	}
	px := 3 * r.Preprocess.Size * r.Preprocess.Size
	for _, f := range []string{"object", "colour"} {
		seen := map[string]bool{}
		for _, seed := range []uint64{7, 7 + probeOffset} {
			e, err := ask(LinearProbe, f)[0].draw(150, seed, r.Preprocess, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 150 {
				k := fmt.Sprint(e.data[i*px : (i+1)*px])
				if seen[k] {
					t.Fatalf("%s: picture %d is there twice", f, i)
				}
				seen[k] = true
			}
		}
	}
}

// TestEffect measures an effect on answers that are known.
func TestEffect(t *testing.T) {
	answers := func(right ...bool) *asked {
		return &asked{right: [2][]bool{right, right[:2]}, seen: [2]int{len(right), 2}, pictures: len(right), classes: 3}
	}
	e := Effect{Name: "e", Conditions: []Condition{{Name: "a"}, {Name: "b"}}, Contrasts: [][2]int{{1, 0}}}
	m := e.measured([]*asked{answers(true, true, true, false), answers(false, true, false, false)}, 1)
	if m.Conditions[0].Share != 0.75 || m.Conditions[1].Share != 0.25 || m.Conditions[1].Untrained != 0.5 || m.Pictures != 4 || m.Classes != 3 {
		t.Errorf("%+v", m)
	}
	c := m.Contrasts[0]
	if c.Name != "b less a" || c.Difference != -0.5 || c.Untrained != -0.5 || !(c.Interval[0] < -0.5 && c.Interval[1] > -0.5 && c.Interval[1] <= 0) {
		t.Errorf("%+v", c)
	}
}

// TestEffectsAskAboutTheSamePictures: the conditions of an effect have as many pictures, and where a written word is what
// counts, never the answer that counts otherwise.
func TestEffectsAskAboutTheSamePictures(t *testing.T) {
	r, err := Outline("clip-rn", Quick)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range Effects("clip-resnet") {
		objects := map[string][]int{}
		for _, c := range e.Conditions {
			x, err := c.draw(40, 3, r.Preprocess, nil)
			if err != nil {
				t.Fatal(err)
			}
			objects[c.Answer] = append(objects[c.Answer], x.answer...)
		}
		plain, written := objects[""], objects[e.Conditions[len(e.Conditions)-1].Answer]
		for i, k := range plain {
			if k != plain[i%40] {
				t.Errorf("%s: picture %d has %d in one condition and %d in another", e.Name, i%40, plain[i%40], k)
			}
		}
		for i, k := range written {
			if k == plain[i] {
				t.Errorf("%s: picture %d: what is written is what it shows", e.Name, i)
			}
		}
	}
}

// TestFigures counts cells against masks drawn by hand.
func TestFigures(t *testing.T) {
	w, err := scenes.NewWorldProbe(scenes.WorldProbeConfig{Factor: groundFactor, N: 3, Seed: 1, Size: 32, Masks: true})
	if err != nil {
		t.Fatal(err)
	}
	for i := range w.Len() {
		s, err := w.At(i)
		if err != nil {
			t.Fatal(err)
		}
		mask := s.Masks["figure"]
		got := patches{grid: 4}.figures([]*image.Gray{mask})
		for gy := range 4 {
			for gx := range 4 {
				mean := 0.0
				for y := gy * 8; y < gy*8+8; y++ {
					for x := gx * 8; x < gx*8+8; x++ {
						mean += float64(mask.GrayAt(x, y).Y) / 64
					}
				}
				if math.Abs(mean-127.5) > 1e-9 && (got[gy*4+gx] == 1) != (mean > 127.5) {
					t.Errorf("picture %d, cell %d %d: coverage %.1f, but %d", i, gy, gx, mean, got[gy*4+gx])
				}
			}
		}
	}
}

// TestVerdict: a training has learned something where the loss falls, if it counts, and the gain is clearly above 0.
func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		v    Verdict
		want string // "" for none
	}{
		{Verdict{First: 2, Last: 1, LossCounts: true, Gain: stats.Interval{Low: 0.01}}, ""},
		{Verdict{First: 1, Last: 1, LossCounts: true, Gain: stats.Interval{Low: 0.01}}, "does not fall"},
		{Verdict{First: 1, Last: math.NaN(), LossCounts: true, Gain: stats.Interval{Low: 0.01}}, "does not fall"},
		{Verdict{First: 1, Last: 2, Gain: stats.Interval{Low: 0.01}}, ""},
		{Verdict{First: 2, Last: 1, LossCounts: true, Gain: stats.Interval{Estimate: 0.1, Low: 0}}, "not clearly above 0"},
		{Verdict{First: 2, Last: 1, LossCounts: true, Gain: stats.Interval{Low: math.NaN()}}, "not clearly above 0"},
	} {
		err := c.v.Err()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.v, err, c.want)
		}
	}
}
