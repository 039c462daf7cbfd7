package spatial

import (
	"context"
	"fmt"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/internal/cache"
	"github.com/ventral-lab/ventral/internal/parallel"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// version is part of every cache key; it changes when the same options give other numbers.
const version = "5"

// Prompts are the document's three sets of class descriptions. The right answer is always the first.
var Prompts = []PromptSet{
	{Name: "shape only", Texts: []string{"a circle", "a square", "a triangle"}},
	{Name: "+ empty", Texts: []string{"a circle", "a square", "a triangle", "an empty image"}},
	{Name: "+ colour", Texts: []string{"a black circle", "a black square", "a black triangle", "an empty image"}},
}

// PromptSet is one set of descriptions and how the stimuli were classified with it.
type PromptSet struct {
	Name  string   `json:"name"`
	Texts []string `json:"texts"`

	// Mean and SD are of the softmax probability of each text over stimuli, as the document reports them.
	Mean []float64 `json:"mean"`
	SD   []float64 `json:"sd"`
	// Accuracy is the share of stimuli for which the first text is the most probable: what the document's "gets right 88 %"
	// seems to say and does not.
	Accuracy stats.Interval `json:"accuracy"`
	// P is [stimulus, text].
	P []float64 `json:"p"`
}

// Column is the probability of text k for every stimulus.
func (p PromptSet) Column(k int) []float64 {
	c := len(p.Texts)
	out := make([]float64, len(p.P)/c)
	for i := range out {
		out[i] = p.P[i*c+k]
	}
	return out
}

// ZeroShot classifies every stimulus with each of Prompts; a network without a text tower has none.
func (s *Study) ZeroShot(ctx context.Context) ([]PromptSet, error) {
	if s.Model.Text == nil {
		return nil, nil
	}
	key := []any{version, s.identity, s.Backend.Kind, s.set.Spec(), Prompts, s.Options.Batch}
	out, _, err := cache.Do("spatial/zeroshot", key, func() ([]PromptSet, error) {
		enc, err := s.Model.Encoder(s.Backend, s.Options.Batch)
		if err != nil {
			return nil, err
		}
		defer enc.Close()
		p := s.meter("zero-shot", s.set.Len())
		emb, err := embed(ctx, s.Model, enc, s.set, s.set.Len(), p.Add)
		if err != nil {
			return nil, err
		}
		p.Done()
		var sets []PromptSet
		for _, ps := range Prompts {
			var single [][]string
			for _, t := range ps.Texts {
				single = append(single, []string{t})
			}
			head, err := enc.Head(ps.Texts, single)
			if err != nil {
				return nil, err
			}
			ps.P = head.Probabilities(emb)
			right := 0
			for _, k := range head.Predict(emb) {
				if k == 0 {
					right++
				}
			}
			for k := range ps.Texts {
				col := ps.Column(k)
				ps.Mean, ps.SD = append(ps.Mean, stats.Mean(col)), append(ps.SD, stats.SD(col))
			}
			ps.Accuracy = stats.Wilson(right, s.set.Len(), 0.95)
			sets = append(sets, ps)
		}
		return sets, nil
	})
	return out, err
}

// embed preprocesses and embeds the first n stimuli of a set: [n, EmbedDim], each of length 1.
func embed(ctx context.Context, m *zoo.Model, enc *clip.Encoder, set datasets.Set, n int, done func(int)) ([]float64, error) {
	var out []float64
	for lo := 0; lo < n; lo += enc.Batch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		k := min(enc.Batch, n-lo)
		px, err := pictures(m, set, lo, k, k)
		if err != nil {
			return nil, err
		}
		e, err := enc.Images(px, k)
		if err != nil {
			return nil, err
		}
		out = append(out, e...)
		done(k)
	}
	return out, nil
}

// pictures preprocesses stimuli lo to lo+n of set into a batch of size pictures, the rest zeros.
func pictures(m *zoo.Model, set datasets.Set, lo, n, size int) ([]float32, error) {
	px := 1
	for _, d := range m.Network.Input() {
		px *= d
	}
	out := make([]float32, size*px)
	err := each(n, func(i int) error {
		st, err := set.At(lo + i)
		if err == nil {
			err = m.Preprocess.Apply(out[i*px:(i+1)*px], st.Image)
		}
		if err != nil {
			return fmt.Errorf("stimulus %d of %s: %w", lo+i, set.Spec(), err)
		}
		return nil
	})
	return out, err
}

// each calls fn for 0 to n-1 on all cores and returns the error of the lowest number that failed.
func each(n int, fn func(i int) error) error {
	errs := make([]error, n)
	parallel.For(n, func(i int) { errs[i] = fn(i) })
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
