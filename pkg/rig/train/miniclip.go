package train

import (
	"fmt"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/datasets/scenes"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/clip/tokenizer"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// MiniCLIPConfig is the architecture of mini/clip-vit: the shape of a ViT-B at a size that two cores can train.
func MiniCLIPConfig() clip.Config {
	return clip.Config{EmbedDim: 128, ImageSize: 64, Patch: 8, Width: 128, Layers: 6, Heads: 4,
		Context: 24, Vocab: 8192, TextWidth: 128, TextLayers: 3, TextHeads: 4}
}

// MiniPreprocess is what the small networks see: the picture at their size, values in -1..1.
func MiniPreprocess(size int) preprocess.Spec {
	return preprocess.Plain(size, [3]float64{.5, .5, .5}, [3]float64{.5, .5, .5})
}

// MiniCLIP is the recipe of mini/clip-vit: steps of 128 scenes each. tok is tokenizer.Small of the configuration's vocabulary.
func MiniCLIP(steps int, seed uint64, tok *tokenizer.Tokenizer) (Options, Contrastive, error) {
	const batch = 128
	c := MiniCLIPConfig()
	data, err := scenes.New(scenes.Config{N: steps * batch, Seed: seed, Size: c.ImageSize, Split: "train"})
	if err != nil {
		return Options{}, Contrastive{}, err
	}
	pre := MiniPreprocess(c.ImageSize)
	o := Options{
		Seed: seed, Batch: batch, Every: 250,
		AdamW:    AdamW{Beta1: 0.9, Beta2: 0.98, Eps: 1e-6, Decay: 0.05, Clip: 1},
		Schedule: Schedule{Peak: 1e-3, Warmup: min(100, steps/10+1), Steps: steps, Floor: 0.02},
	}
	return o, Contrastive{
		Config: c, Tokens: c.Context, Data: data.Spec(), Augment: Augment{Mean: pre.Mean, Std: pre.Std}, Train: data,
		Encode: func(s string) ([]int32, error) { return tok.EncodePadded(s, c.Context, tokenizer.NoTruncation()) },
	}, nil
}

// Probe is a zero-shot test: balanced pictures, the classes to choose from, and the prompts of each class.
type Probe struct {
	Name    string
	Set     datasets.Set
	Classes []string
	Prompts [][]string
	Answer  []int // the right class of every picture

	pictures []float32
}

// NewProbe draws n pictures of a scenes factor and preprocesses them once. split is "test" or "heldout".
func NewProbe(factor, split string, n int, seed uint64, pre preprocess.Spec) (*Probe, error) {
	set, err := scenes.NewProbe(scenes.ProbeConfig{Factor: factor, N: n, Seed: seed, Size: pre.Size, Split: split})
	if err != nil {
		return nil, err
	}
	p := &Probe{Name: factor, Set: set, Classes: set.Classes()}
	for _, s := range set.Prompts() {
		p.Prompts = append(p.Prompts, []string{s})
	}
	px := 3 * pre.Size * pre.Size
	p.pictures = make([]float32, n*px)
	for i := range n {
		s, err := set.At(i)
		if err != nil {
			return nil, err
		}
		if err := pre.Apply(p.pictures[i*px:(i+1)*px], s.Image); err != nil {
			return nil, fmt.Errorf("%s: %w", s.ID, err)
		}
		k := -1
		for j, c := range p.Classes {
			if s.Labels["class"] == c {
				k = j
			}
		}
		if k < 0 {
			return nil, fmt.Errorf("%s: class %v is not one of %v", s.ID, s.Labels["class"], p.Classes)
		}
		p.Answer = append(p.Answer, k)
	}
	return p, nil
}

// Correct runs the probe and tells for every picture whether the most probable class is the right one.
func (p *Probe) Correct(e *clip.Encoder) ([]bool, error) {
	head, err := e.Head(p.Classes, p.Prompts)
	if err != nil {
		return nil, err
	}
	emb, err := e.Images(p.pictures, len(p.Answer))
	if err != nil {
		return nil, err
	}
	ok := make([]bool, len(p.Answer))
	for i, k := range head.Predict(emb) {
		ok[i] = k == p.Answer[i]
	}
	return ok, nil
}

// Evaluator returns an Options.Eval that reports the accuracy of each factor on n pictures.
func Evaluator(be *backend.Backend, c clip.Config, tok *tokenizer.Tokenizer, factors []string, n int, seed uint64) (func(*program.Params) (map[string]float64, error), error) {
	var probes []*Probe
	for _, f := range factors {
		p, err := NewProbe(f, "test", n, seed, MiniPreprocess(c.ImageSize))
		if err != nil {
			return nil, err
		}
		probes = append(probes, p)
	}
	var enc *clip.Encoder
	var err error
	return func(params *program.Params) (map[string]float64, error) {
		if enc == nil {
			if enc, err = clip.NewEncoder(be, c, params, tok, 50); err != nil {
				return nil, err
			}
		}
		m := map[string]float64{}
		for _, p := range probes {
			ok, err := p.Correct(enc)
			if err != nil {
				return nil, err
			}
			hits := 0
			for _, o := range ok {
				if o {
					hits++
				}
			}
			m[p.Name] = float64(hits) / float64(len(ok))
		}
		return m, nil
	}, nil
}
