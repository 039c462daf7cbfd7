package train

import (
	"github.com/ventral-lab/ventral/datasets/scenes"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/dinov2"
	"github.com/ventral-lab/ventral/models/mae"
	"github.com/ventral-lab/ventral/models/nasnet"
	"github.com/ventral-lab/ventral/models/vgg"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// Preset is the size of a recipe.
type Preset string

// The presets. All of a network's have one architecture in different sizes and one task.
const (
	Small Preset = "small" // what ships: hours on two cores, at most 12 MB in float16
	Large Preset = "large" // for one GPU of 80 GB: pictures of 128 pixels, a network ten times as large
	Quick Preset = "quick" // two minutes on two cores, to see that all of it works
)

// Presets lists them.
func Presets() []Preset { return []Preset{Small, Large, Quick} }

// PresetFor is the preset that suits a backend.
func PresetFor(k backend.Kind) Preset {
	if k == backend.XLACUDA {
		return Large
	}
	return Small
}

// draft is what differs between recipes; r has the rest.
type draft struct {
	side         int // of the pictures, pixels
	batch, steps int
	every        int // steps between checkpoints
	warmup       int
	peak         float64
	optimiser    string // of matrices; "" for Muon
	mix          scenes.WorldMix
	task         func(w *scenes.World, steps int) (Task, error)
}

// quickMix is mostly coloured figures, whose colours are what a network learns first: of the world's usual mixture they are a
// tenth, and it takes some 60,000 pictures until it knows them.
var quickMix = scenes.WorldMix{Figure: 70, Object: 25, Empty: 5, Plain: 0.5}

// seeingMix is the mixture for networks that see more than they read: kinds of picture that no head asks about, such as maps,
// are left out, and more than half are single objects.
var seeingMix = scenes.WorldMix{Object: 58, Word: 14, ObjectWord: 8, Face: 8, Figure: 10, Empty: 2, Plain: 0.5, Spoiled: 0.25}

// readingMix has a third more written words than the world's usual mixture: words are learned last, and by many examples.
var readingMix = scenes.WorldMix{Object: 32, Objects: 5, Word: 30, ObjectWord: 10, Face: 6, Region: 4, Character: 3, Figure: 7, Figures: 1, Empty: 2, Plain: 0.5, Spoiled: 0.25}

// formMix has more objects, faces and figures than the usual mixture, and fewer words: the small transformer learns form late,
// and hardly read with readingMix either.
var formMix = scenes.WorldMix{Object: 46, Objects: 4, Word: 14, ObjectWord: 6, Face: 8, Region: 3, Character: 2, Figure: 13, Figures: 2, Empty: 2, Plain: 0.5, Spoiled: 0.25}

// named is the mixture for networks that learn names.
func named(p Preset, usual scenes.WorldMix) scenes.WorldMix {
	if p == Quick {
		return quickMix
	}
	return usual
}

// draftOf has what most recipes of a preset share.
func draftOf(p Preset) draft {
	switch p {
	case Large:
		return draft{side: 128, batch: 512, steps: 20000, every: 1000, warmup: 1000, peak: 1e-3, mix: scenes.DefaultWorldMix}
	case Quick:
		return draft{side: 32, batch: 128, every: 50, warmup: 20, peak: 2e-3, mix: scenes.DefaultWorldMix}
	}
	return draft{side: 64, batch: 128, every: 250, warmup: 100, peak: 2e-3, mix: scenes.DefaultWorldMix}
}

// builders fill in what a recipe says of its network and return the rest.
var builders = map[string]func(*Recipe, Preset) draft{
	"clip-vit": clipViTRecipe, "clip-rn": clipResNetRecipe, "dino": dinoRecipe, "mae": maeRecipe, "vgg": vggRecipe, "nasnet": nasnetRecipe,
}

// text adds the text tower: two blocks of width 96, or four of width 256.
func text(c clip.Config, p Preset) clip.Config {
	c.EmbedDim, c.Context, c.Vocab, c.TextWidth, c.TextLayers, c.TextHeads = 128, 24, 8192, 96, 2, 4
	if p == Large {
		c.EmbedDim, c.TextWidth, c.TextLayers = 256, 256, 4
	}
	return c
}

// clip fills in what both CLIPs share; mix is that of all presets but the quick one.
func (r *Recipe) clip(d draft, c clip.Config, mix scenes.WorldMix) draft {
	r.Config, d.mix = c, named(r.Preset, mix)
	d.task = func(w *scenes.World, _ int) (Task, error) { return contrast(c, w) }
	r.Watch = ask(ZeroShot, "object-art", "object-silhouette", "object-line", "colour", "shape4", "circle", "word", "expression", "stroop", "stroop-read", "attack", "attack-read")
	return d
}

func clipViTRecipe(r *Recipe, p Preset) draft {
	d := draftOf(p)
	c := text(clip.Config{ImageSize: d.side, Patch: 8, Width: 128, Layers: 6, Heads: 4}, p)
	r.Architecture, r.Summary = "clip-vit", "CLIP with a ViT of width 128 and 6 blocks"
	switch p {
	case Small:
		d.steps = 6000
	case Quick:
		d.steps = 120
	case Large:
		c.Patch, c.Width, c.Layers, c.Heads = 16, 384, 12, 6
		r.Summary = "CLIP with a ViT of width 384 and 12 blocks"
		d.batch = 1024
	}
	return r.clip(d, c, formMix)
}

func clipResNetRecipe(r *Recipe, p Preset) draft {
	d := draftOf(p)
	c := text(clip.Config{ImageSize: d.side, Width: 24, Stages: [4]int{1, 2, 2, 1}, Heads: 12}, p)
	r.Architecture, r.Summary = "clip-resnet", "CLIP with a modified ResNet of width 24 and 1-2-2-1 blocks"
	switch p {
	case Small:
		d.batch, d.steps = 256, 2400
	case Quick:
		d.steps = 100
	case Large:
		c.Width, c.Stages, c.Heads = 48, [4]int{2, 2, 3, 2}, 24
		r.Summary = "CLIP with a modified ResNet of width 48 and 2-2-3-2 blocks"
		d.batch = 1024
	}
	return r.clip(d, c, readingMix)
}

// cropsOf are crops of 48 of 64 pixels and local ones of 24, or as much of other sizes: whole patches of both. Colours change
// as in Caron et al. (2021), lest crops be told by the colour of their ground.
func cropsOf(side, local int) Crops {
	return Crops{Global: 2, Local: local, GlobalSize: side * 3 / 4, LocalSize: side * 3 / 8, GlobalScale: [2]float64{0.4, 1}, LocalScale: [2]float64{0.08, 0.4},
		Jitter: 0.4, Hue: 0.1, Grey: 0.2, Mean: half, Std: half}
}

// objectCropsOf are crops meant to share an object rather than a ground: a scene has one object, small crops often miss it,
// and what they share with others is then the ground and its colour. So they are larger, and all hues turn.
func objectCropsOf(side, local int) Crops {
	c := cropsOf(side, local)
	c.GlobalScale, c.LocalScale = [2]float64{0.5, 1}, [2]float64{0.25, 0.6}
	c.Jitter, c.Hue, c.Grey = 0.5, 0.5, 0.3
	return c
}

func dinoRecipe(r *Recipe, p Preset) draft {
	d := draftOf(p)
	c := dinov2.ViTS14().WithRegisters(4)
	c.ImageSize, c.Patch, c.Width, c.Layers, c.Heads, c.Hidden, c.LayerScale = d.side, 8, 128, 6, 4, 512, 0.1
	c.MaskToken = false // no patch is hidden
	r.Architecture, r.Summary = "dinov2", "DINOv2 ViT of width 128 and 6 blocks with 4 registers"
	t := Distilled{Crops: objectCropsOf(d.side, 2), Hidden: 256, Bottleneck: 64, Prototypes: 8192,
		StudentTemperature: 0.1, FirstTemperature: 0.04, TeacherTemperature: 0.04, Momentum: 0.99, CentreMomentum: 0.9}
	switch p {
	case Small:
		d.batch, d.steps, d.every, d.peak = 64, 4000, 500, 1e-3
	case Quick:
		d.steps, d.peak = 110, 1e-3
		d.optimiser = "adamw" // a probe of colours gains 7 points, with Muon 2
		// In so few steps the teacher has to follow fast, and crops that keep their colours are told apart by them first.
		t.Prototypes, t.Momentum = 256, 0.9
		t.Crops = cropsOf(d.side, 2)
		t.Crops.GlobalSize, t.Crops.LocalSize, t.Crops.Jitter, t.Crops.Hue, t.Crops.Grey = d.side, d.side/2, 0.1, 0, 0
	case Large:
		c.Patch, c.Width, c.Layers, c.Heads, c.Hidden = 16, 384, 12, 6, 1536
		r.Summary = "DINOv2 ViT of width 384 and 12 blocks with 4 registers"
		t.Crops = objectCropsOf(d.side, 6)
		t.Hidden, t.Bottleneck, t.Momentum = 1024, 256, 0.996
		t.TeacherTemperature = 0.06
	}
	r.Config = c
	if p != Quick {
		d.mix = seeingMix
	}
	d.task = func(w *scenes.World, steps int) (Task, error) {
		t.Config, t.Data, t.Steps, t.TemperatureWarmup, t.Train = c, w.Spec(), steps, steps/4, w
		return t, nil
	}
	r.Watch = ask(LinearProbe, "object-art", "object-line", "object", "colour", groundFactor)
	return d
}

func maeRecipe(r *Recipe, p Preset) draft {
	d := draftOf(p)
	c := mae.ViTB16()
	c.ImageSize, c.Patch, c.Width, c.Layers, c.Heads, c.Hidden = d.side, 8, 128, 6, 4, 512
	c.DecoderWidth, c.DecoderLayers, c.DecoderHeads, c.DecoderHidden = 64, 4, 4, 256
	// Pixels as they are: normalised by patch, the grain of an empty ground weighs as much as an object, and colour is lost.
	c.NormPixels = false
	r.Architecture, r.Summary = "mae", "masked autoencoder with an encoder of width 128 and 6 blocks"
	switch p {
	case Small:
		d.steps, d.every = 5000, 500
	case Quick:
		d.steps = 400
	case Large:
		c.Width, c.Layers, c.Heads, c.Hidden = 384, 12, 6, 1536
		c.DecoderWidth, c.DecoderLayers, c.DecoderHeads, c.DecoderHidden = 192, 4, 6, 768
		r.Summary = "masked autoencoder with an encoder of width 384 and 12 blocks"
	}
	r.Config, d.mix = c, seeingMix
	crops := cropsOf(d.side, 0)
	crops.Global, crops.GlobalSize, crops.LocalSize = 1, d.side, 0
	crops.GlobalScale, crops.Jitter, crops.Hue, crops.Grey = [2]float64{0.6, 1}, 0, 0, 0 // what is hidden follows from what is seen, not from chance
	d.task = func(w *scenes.World, _ int) (Task, error) {
		return Masked{Config: c, Data: w.Spec(), Crops: crops, Train: w}, nil
	}
	r.Watch = ask(LinearProbe, "object-art", "colour", groundFactor)
	return d
}

func vggRecipe(r *Recipe, p Preset) draft {
	d := draftOf(p)
	c := vgg.VGG11(true)
	c.Blocks, c.Hidden, c.Classes = [][]int{{24}, {48}, {64, 64}, {128, 128}, {192, 192}}, 256, 0
	r.Architecture, r.Summary = "vgg", "VGG-11 with batch normalisation, 24 to 192 channels"
	switch p {
	case Small:
		d.steps = 3000
	case Quick:
		d.steps = 120
	case Large:
		c.Blocks, c.Hidden = [][]int{{64}, {128}, {256, 256}, {512, 512}, {512, 512}}, 1024
		r.Summary = "VGG-11 with batch normalisation, 64 to 512 channels"
	}
	r.classifier()
	d.mix = named(p, seeingMix)
	c.Classes = classes(r.Heads)
	r.Config = c
	d.task = func(w *scenes.World, _ int) (Task, error) { return supervise(c, d.side, r.Heads, w) }
	return d
}

func nasnetRecipe(r *Recipe, p Preset) draft {
	d := draftOf(p)
	c := nasnet.Config{Filters: 32, Stem: 32, Multiplier: 2, Cells: 1, ImageSize: d.side, Pool: nasnet.PoolTF}
	r.Architecture, r.Summary = "nasnet-a", "NASNet-A with 32 filters and one cell a stage"
	switch p {
	case Small:
		d.steps = 2500
	case Quick:
		d.steps = 150
	case Large:
		c.Filters, c.Cells = 44, 4
		r.Summary = "NASNet-A with 44 filters and four cells a stage"
		d.batch = 256
	}
	r.classifier()
	d.mix = named(p, seeingMix)
	c.Classes = classes(r.Heads)
	r.Config = c
	d.task = func(w *scenes.World, _ int) (Task, error) { return supervise(c, d.side, r.Heads, w) }
	return d
}

// classifier gives r the heads of the world.
func (r *Recipe) classifier() {
	r.Heads = worldHeads()
	r.Watch = ask(Classify, "object-art", "object-silhouette", "object-line", "colour", "expression", "word")
}

func classes(heads []Head) int {
	n := 0
	for _, h := range heads {
		n += len(h.Classes)
	}
	return n
}
