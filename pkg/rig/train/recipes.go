package train

import (
	"fmt"
	"strings"

	"github.com/ventral-lab/ventral/datasets/scenes"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/clip/tokenizer"
	"github.com/ventral-lab/ventral/models/dinov2"
	"github.com/ventral-lab/ventral/models/mae"
	"github.com/ventral-lab/ventral/models/nasnet"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/vgg"
)

// Recipe is how one of the small networks that ship is trained: an architecture in the key layout of its large sibling, at
// a size that two cores can train on scenes of 64 pixels.
type Recipe struct {
	Name         string // "clip-rn"
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

// size is the side of all pictures in pixels.
const size = 64

// half is the preprocessing constant of the small networks: values in -1..1.
var half = [3]float64{.5, .5, .5}

var crops = Crops{Global: 2, Local: 4, GlobalSize: size, LocalSize: size / 2, GlobalScale: [2]float64{0.4, 1}, LocalScale: [2]float64{0.08, 0.4},
	Jitter: 0.25, Grey: 0.1, Mean: half, Std: half}

// NewRecipe is the recipe of a network for that many steps; 0 is what shipped.
func NewRecipe(name string, steps int, seed uint64) (*Recipe, error) {
	r := &Recipe{Name: name, Preprocess: preprocess.Plain(size, half, half),
		Options: Options{Seed: seed, Every: 250, AdamW: AdamW{Beta1: 0.9, Beta2: 0.98, Eps: 1e-6, Decay: 0.05, Clip: 1}}}
	o := &r.Options
	peak := 1e-3
	var task func(*scenes.World) (Task, error)
	switch name {
	case "clip-vit", "clip-rn":
		o.Batch = 256
		c := clip.Config{EmbedDim: 128, ImageSize: size, Context: 24, Vocab: 8192, TextWidth: 96, TextLayers: 3, TextHeads: 4}
		if name == "clip-vit" {
			r.Architecture, r.Summary = "clip-vit", "CLIP with a ViT of width 128 and 6 blocks"
			c.Patch, c.Width, c.Layers, c.Heads = 8, 128, 6, 4
		} else {
			r.Architecture, r.Summary = "clip-resnet", "CLIP with a modified ResNet of width 24 and 1-2-2-1 blocks"
			c.Width, c.Stages, c.Heads = 24, [4]int{1, 2, 2, 1}, 12
		}
		r.Config = c
		steps = orDefault(steps, 3000)
		task = func(w *scenes.World) (Task, error) { return contrast(c, w) }
		r.Watch = ask(ZeroShot, "object-art", "object-silhouette", "object-line", "colour", "shape4", "circle", "word", "expression", "stroop", "stroop-read", "attack", "attack-read")
	case "dino":
		c := dinov2.ViTS14().WithRegisters(4)
		c.ImageSize, c.Patch, c.Width, c.Layers, c.Heads, c.Hidden, c.LayerScale = size, 8, 128, 6, 4, 512, 0.1
		r.Architecture, r.Summary, r.Config = "dinov2", "DINOv2 ViT of width 128 and 6 blocks with 4 registers", c
		o.Batch, peak = 64, 5e-4
		steps = orDefault(steps, 4000)
		task = func(w *scenes.World) (Task, error) {
			return Distilled{Config: c, Data: w.Spec(), Crops: crops, Hidden: 256, Bottleneck: 64, Prototypes: 1024,
				StudentTemperature: 0.1, FirstTemperature: 0.04, TeacherTemperature: 0.06, TemperatureWarmup: steps / 4,
				Momentum: 0.99, Steps: steps, CentreMomentum: 0.9, Train: w}, nil
		}
		r.Watch = ask(LinearProbe, "object-art", "colour", "ground")
	case "mae":
		c := mae.ViTB16()
		c.ImageSize, c.Patch, c.Width, c.Layers, c.Heads, c.Hidden = size, 8, 128, 6, 4, 512
		c.DecoderWidth, c.DecoderLayers, c.DecoderHeads, c.DecoderHidden = 64, 2, 4, 256
		c.NormPixels = true
		r.Architecture, r.Summary, r.Config = "mae", "masked autoencoder with an encoder of width 128 and 6 blocks", c
		o.Batch = 256
		steps = orDefault(steps, 3000)
		task = func(w *scenes.World) (Task, error) {
			return Masked{Config: c, Data: w.Spec(), Crops: crops, Train: w}, nil
		}
		r.Watch = ask(LinearProbe, "object-art", "colour", "ground")
	case "vgg":
		r.Heads = worldHeads()
		c := vgg.VGG11(true)
		c.Blocks, c.Hidden, c.Classes = [][]int{{16}, {32}, {64, 64}, {96, 96}, {128, 128}}, 256, 0
		for _, h := range r.Heads {
			c.Classes += len(h.Classes)
		}
		r.Architecture, r.Summary, r.Config = "vgg", "VGG-11 with batch normalisation, 16 to 128 channels", c
		o.Batch = 128
		steps = orDefault(steps, 4000)
		task = func(w *scenes.World) (Task, error) { return supervise(c, r.Heads, w) }
		r.Watch = ask(Classify, "object-art", "object-silhouette", "object-line", "colour", "expression", "word")
	case "nasnet":
		r.Heads = worldHeads()
		c := nasnet.Config{Filters: 16, Stem: 16, Multiplier: 2, Cells: 1, ImageSize: size, Pool: nasnet.PoolTF}
		for _, h := range r.Heads {
			c.Classes += len(h.Classes)
		}
		r.Architecture, r.Summary, r.Config = "nasnet-a", "NASNet-A with 16 filters and one cell a stage", c
		o.Batch = 128
		steps = orDefault(steps, 4000)
		task = func(w *scenes.World) (Task, error) { return supervise(c, r.Heads, w) }
		r.Watch = ask(Classify, "object-art", "object-silhouette", "object-line", "colour", "expression", "word")
	default:
		return nil, fmt.Errorf("no recipe for %q; there are %s", name, strings.Join(Names(), ", "))
	}
	o.Schedule = Schedule{Peak: peak, Warmup: min(100, steps/10+1), Steps: steps, Floor: 0.02}
	w, err := scenes.NewWorld(scenes.WorldConfig{N: steps * o.Batch, Seed: seed, Size: size, Split: "train"})
	if err != nil {
		return nil, err
	}
	r.Data = w.Spec()
	r.Task, err = task(w)
	return r, err
}

func orDefault(steps, usual int) int {
	if steps == 0 {
		return usual
	}
	return steps
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
func supervise(c models.Config, heads []Head, w *scenes.World) (Task, error) {
	return NewSupervised(Supervised{Config: c, Size: size, Heads: heads, Data: w.Spec(), Augment: Augment{Mean: half, Std: half},
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
