package clip

import (
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models/clip/tokenizer"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// Encoder embeds pictures and texts with both towers of one model.
type Encoder struct {
	Config Config
	Tok    *tokenizer.Tokenizer
	Batch  int // pictures at a time; the last batch is padded

	params       *program.Params
	image, texts *program.Program
}

// NewEncoder prepares both towers on be. params are in OpenAI's layout, as Load and Random make them.
func NewEncoder(be *backend.Backend, c Config, params *program.Params, tok *tokenizer.Tokenizer, batch int) (*Encoder, error) {
	e := &Encoder{Config: c, Tok: tok, Batch: batch, params: params}
	var err error
	if e.image, err = program.New(be, "clip image", params, func(_ *Graph, p *program.Params, in []*Node) []*Node {
		return []*Node{c.Image(p, in[0])}
	}); err != nil {
		return nil, err
	}
	e.texts, err = program.New(be, "clip text", params, func(_ *Graph, p *program.Params, in []*Node) []*Node {
		return []*Node{c.Text(p, in[0])}
	})
	return e, err
}

// Close frees the compiled towers.
func (e *Encoder) Close() {
	e.image.Close()
	e.texts.Close()
}

// Images embeds n preprocessed pictures, [n, 3, size, size] row-major, and returns [n, EmbedDim], each of length 1.
func (e *Encoder) Images(pictures []float32, n int) ([]float64, error) {
	s, d := e.Config.ImageSize, e.Config.EmbedDim
	px := 3 * s * s
	if len(pictures) != n*px {
		return nil, fmt.Errorf("clip: %d values for %d pictures of 3x%dx%d", len(pictures), n, s, s)
	}
	out := make([]float64, 0, n*d)
	buf := make([]float32, e.Batch*px)
	for i := 0; i < n; i += e.Batch {
		k := min(e.Batch, n-i)
		clear(buf)
		copy(buf, pictures[i*px:(i+k)*px])
		v, err := e.image.Run(program.F32(buf, e.Batch, 3, s, s))
		if err != nil {
			return nil, err
		}
		out = append(out, Unit(v[0].F32[:k*d], d)...)
	}
	return out, nil
}

// Texts embeds texts and returns [len(texts), EmbedDim], each of length 1.
func (e *Encoder) Texts(texts []string) ([]float64, error) {
	d := e.Config.EmbedDim
	out := make([]float64, 0, len(texts)*d)
	for _, t := range texts {
		ids, err := e.Tok.EncodePadded(t, e.Config.Context)
		if err != nil {
			return nil, fmt.Errorf("clip: text %q: %w", t, err)
		}
		v, err := e.texts.Run(program.I32(ids, 1, e.Config.Context))
		if err != nil {
			return nil, err
		}
		out = append(out, Unit(v[0].F32, d)...)
	}
	return out, nil
}

// LogitScale is exp of the learned logit scale: 100 in OpenAI's trained models.
func (e *Encoder) LogitScale() (float64, error) {
	v, _, err := e.params.Get("logit_scale")
	if err != nil {
		return 0, err
	}
	return math.Exp(float64(v[0])), nil
}

// Head is a zero-shot classifier: one unit vector a class.
type Head struct {
	Classes []string
	Scale   float64   // logits are Scale·cosine
	Vectors []float64 // [class, EmbedDim]
}

// Head embeds the prompts of every class, averages them and normalises again (prompt ensembling, Radford et al. 2021,
// section 3.1.4).
func (e *Encoder) Head(classes []string, prompts [][]string) (*Head, error) {
	if len(classes) != len(prompts) || len(classes) == 0 {
		return nil, fmt.Errorf("clip: %d classes and prompts for %d: want as many, and at least one", len(classes), len(prompts))
	}
	scale, err := e.LogitScale()
	if err != nil {
		return nil, err
	}
	d := e.Config.EmbedDim
	h := &Head{Classes: classes, Scale: scale}
	for i, ps := range prompts {
		if len(ps) == 0 {
			return nil, fmt.Errorf("clip: class %q has no prompt", classes[i])
		}
		v, err := e.Texts(ps)
		if err != nil {
			return nil, err
		}
		mean := make([]float32, d)
		for j, x := range v {
			mean[j%d] += float32(x / float64(len(ps)))
		}
		h.Vectors = append(h.Vectors, Unit(mean, d)...)
	}
	return h, nil
}

// Probabilities are the softmax over classes for every picture: images [n, EmbedDim] of length 1 -> [n, class].
func (h *Head) Probabilities(images []float64) []float64 {
	c := len(h.Classes)
	d := len(h.Vectors) / c
	n := len(images) / d
	out := make([]float64, n*c)
	for i := range n {
		row := out[i*c : (i+1)*c]
		top := math.Inf(-1)
		for k := range c {
			for j := range d {
				row[k] += images[i*d+j] * h.Vectors[k*d+j]
			}
			row[k] *= h.Scale
			top = max(top, row[k])
		}
		sum := 0.0
		for k := range row {
			row[k] = math.Exp(row[k] - top)
			sum += row[k]
		}
		for k := range row {
			row[k] /= sum
		}
	}
	return out
}

// LogOdds is the logit of class 0 minus that of class 1 for every picture: what Probabilities of two classes is the
// logistic of, without its saturation.
func (h *Head) LogOdds(images []float64) []float64 {
	d := len(h.Vectors) / len(h.Classes)
	out := make([]float64, len(images)/d)
	for i := range out {
		for j := range d {
			out[i] += images[i*d+j] * (h.Vectors[j] - h.Vectors[d+j])
		}
		out[i] *= h.Scale
	}
	return out
}

// Predict is the most probable class of every row of Probabilities, the first of equals.
func (h *Head) Predict(images []float64) []int {
	c := len(h.Classes)
	p := h.Probabilities(images)
	out := make([]int, len(p)/c)
	for i := range out {
		for k := 1; k < c; k++ {
			if p[i*c+k] > p[i*c+out[i]] {
				out[i] = k
			}
		}
	}
	return out
}

// Unit divides every row of v, d values each, by its length; a row of zeros stays zero, and so is equally far from every
// class.
func Unit(v []float32, d int) []float64 {
	out := make([]float64, len(v))
	for i := 0; i < len(v); i += d {
		sum := 0.0
		for _, x := range v[i : i+d] {
			sum += float64(x) * float64(x)
		}
		inv := 0.0
		if sum > 0 {
			inv = 1 / math.Sqrt(sum)
		}
		for j, x := range v[i : i+d] {
			out[i+j] = float64(x) * inv
		}
	}
	return out
}
