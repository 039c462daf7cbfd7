package train

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ventral-lab/ventral/datasets/scenes"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/clip/tokenizer"
	"github.com/ventral-lab/ventral/models/preprocess"
)

// Recipe is how one of the small networks that ship is trained: an architecture in the key layout of its large sibling, at
// a size that two cores can train on scenes of 64 pixels, or at one of the other presets.
type Recipe struct {
	Name         string // "clip-rn"
	Preset       Preset
	Architecture string // "clip-resnet", as models/zoo names it
	Summary      string
	Config       models.Config
	Options      Options
	Task         Task
	Heads        []Head // of a classifier
	Preprocess   preprocess.Spec
	Data         string // the set of pictures
	Watch        []Question
}

// Names lists the networks there are recipes for.
func Names() []string { return []string{"clip-vit", "clip-rn", "dino", "mae", "vgg", "nasnet"} }

// half is the preprocessing constant of the small networks: values in -1..1.
var half = [3]float64{.5, .5, .5}

// Settings choose among the recipes of a network. The zero value is what shipped.
type Settings struct {
	Preset Preset // "" for Small
	Steps  int    // the learning-rate schedule ends there; 0 for the preset's
	Batch  int    // pictures a step, 0 for the preset's; fewer where memory is short
	Seed   uint64
	Peak   float64 // largest learning rate; 0 for the preset's
	From   string  // file of weights to start from, as an earlier training wrote it; "" for initial weights
	// Optimiser moves the matrices, as Optimisers lists them; "" for the recipe's. AdamW moves all other weights.
	Optimiser string
}

// Optimisers lists what can move matrices.
func Optimisers() []string { return []string{"muon", "adamw"} }

// NewRecipe is the recipe of a network that ships, for that many steps; 0 is what shipped.
func NewRecipe(name string, steps int, seed uint64) (*Recipe, error) {
	return New(name, Settings{Steps: steps, Seed: seed})
}

// New is the recipe of a network with these settings. The error lists the names or presets there are.
func New(name string, s Settings) (*Recipe, error) {
	r, d, err := outline(name, s.Preset)
	if err != nil {
		return nil, err
	}
	if s.Steps < 0 || s.Batch < 0 {
		return nil, fmt.Errorf("%d steps of %d pictures: want positive numbers, or 0 for those of the preset", s.Steps, s.Batch)
	}
	if s.Steps > 0 {
		d.steps = s.Steps
	}
	if s.Batch > 0 {
		d.batch = s.Batch
	}
	if s.Peak < 0 {
		return nil, fmt.Errorf("a learning rate of %g: want a positive number, or 0 for that of the preset", s.Peak)
	}
	if s.Peak > 0 {
		d.peak = s.Peak
	}
	if s.Optimiser != "" && !slices.Contains(Optimisers(), s.Optimiser) {
		return nil, fmt.Errorf("no optimiser %q; there are %s", s.Optimiser, strings.Join(Optimisers(), ", "))
	}
	if s.Preset == Quick {
		d.every = max(1, min(d.every, d.steps/3)) // a curve of some points, however short
	}
	r.Options = Options{Seed: s.Seed, Batch: d.batch, Every: d.every,
		AdamW:    AdamW{Beta1: 0.9, Beta2: 0.98, Eps: 1e-6, Decay: 0.05, Clip: 1},
		Schedule: Schedule{Peak: d.peak, Warmup: min(d.warmup, d.steps/10+1), Steps: d.steps, Floor: 0.02}}
	if s.Optimiser == "" {
		s.Optimiser = d.optimiser
	}
	if s.Optimiser != "adamw" {
		r.Options.Muon = usualMuon()
	}
	if c, ok := r.Config.(clip.Config); ok && name == "clip-vit" {
		r.Options.Keep = keepTower(c, d.steps)
	}
	if s.From != "" {
		if r.Options.From, err = r.from(s.From); err != nil {
			return nil, err
		}
	}
	w, err := scenes.NewWorld(scenes.WorldConfig{N: d.steps * d.batch, Seed: s.Seed, Size: d.side, Split: "train", Mix: d.mix})
	if err != nil {
		return nil, err
	}
	r.Data = w.Spec()
	r.Task, err = d.task(w, d.steps)
	return r, err
}

// Outline is what a preset makes of a network, without what it is trained on: no Options, Task or Data.
func Outline(name string, p Preset) (*Recipe, error) {
	r, _, err := outline(name, p)
	return r, err
}

func outline(name string, p Preset) (*Recipe, draft, error) {
	if p == "" {
		p = Small
	}
	if !slices.Contains(Presets(), p) {
		return nil, draft{}, fmt.Errorf("no preset %q; there are %v", p, Presets())
	}
	build := builders[name]
	if build == nil {
		return nil, draft{}, fmt.Errorf("no recipe for %q; there are %s", name, strings.Join(Names(), ", "))
	}
	r := &Recipe{Name: name, Preset: p}
	d := build(r, p)
	r.Preprocess = preprocess.Plain(d.side, half, half)
	return r, d, nil
}

// Size says how large the network is.
func (r *Recipe) Size() string {
	n := models.Parameters(r.Config)
	return fmt.Sprintf("%d parameters, %.1f MB in float16", n, 2*float64(n)/1e6)
}

// contrast is the task of a CLIP on the captions of w.
func contrast(c clip.Config, w *scenes.World) (Task, error) {
	tok, err := tokenizer.Small(c.Vocab)
	if err != nil {
		return nil, err
	}
	return Contrastive{Config: c, Tokens: c.Context, Data: w.Spec(), Augment: Augment{Mean: half, Std: half}, Train: w,
		Encode: func(s string) ([]int32, error) { return tok.EncodePadded(s, c.Context, tokenizer.NoTruncation()) }}, nil
}

// supervise is the task of a classifier of the world.
func supervise(c models.Config, side int, heads []Head, w *scenes.World) (Task, error) {
	return NewSupervised(Supervised{Config: c, Size: side, Heads: heads, Data: w.Spec(), Augment: Augment{Mean: half, Std: half},
		Smooth: 0.05, Train: labelled{w, heads}})
}

// ask is one question a factor, of pictures whose combinations training may show.
func ask(measure Measure, factors ...string) []Question {
	var out []Question
	for _, f := range factors {
		out = append(out, Question{Measure: measure, Factor: f, Split: "test"})
	}
	return out
}

// worldHeads are what a classifier of the world answers.
func worldHeads() []Head {
	return []Head{{Name: "object", Classes: scenes.ThingNames()}, {Name: "colour", Classes: scenes.Colours()}, {Name: "word", Classes: scenes.WrittenWords()}, {Name: "expression", Classes: scenes.Expressions()},
		{Name: "style", Classes: scenes.Styles()}, {Name: "shape", Classes: scenes.Shapes()}}
}

// labelled gives the world's pictures the classes of heads.
type labelled struct {
	w     *scenes.World
	heads []Head
}

// Label draws picture i and looks up its latents.
func (l labelled) Label(i int, dst []uint8, labels []int32) error {
	if _, err := l.w.Draw(i, dst); err != nil {
		return err
	}
	p, err := l.w.Latents(i)
	if err != nil {
		return err
	}
	for h, head := range l.heads {
		labels[h] = class(head, answer(p, head.Name))
	}
	return nil
}

func class(h Head, name string) int32 {
	for i, c := range h.Classes {
		if c == name {
			return int32(i)
		}
	}
	return -1
}

// answer is the class of a head that a picture's latents give: that of its one thing of the kind; "" for none or several.
func answer(p scenes.Latents, head string) string {
	var found []string
	for _, it := range p.Items {
		switch {
		case head == it.Category: // object, word, shape
			found = append(found, it.Name)
		case head == "colour" && len(p.Items) == 1:
			found = append(found, it.Colour)
		case head == "style" && len(p.Items) == 1:
			found = append(found, it.Style)
		case head == "expression" && it.Expression != "":
			found = append(found, it.Expression)
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}
