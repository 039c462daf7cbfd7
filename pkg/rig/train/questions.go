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

// Measure is the way in which a network is asked.
type Measure string

// The measures.
const (
	ZeroShot    Measure = "zero-shot" // a CLIP, by prompts
	Classify    Measure = "head"      // a classifier, by the head that has the factor's classes
	LinearProbe Measure = "probe"     // any network, by a linear probe on a read-out site
)

// Question is one entry of a card: which pictures, and how the network is asked.
type Question struct {
	Measure  Measure
	Factor   string // one of scenes.WorldFactors, or of scenes.Factors for World 1
	Split    string // "test" or "heldout"
	Nuisance string // one of scenes.Nuisances, or "": none
	World    int    // 1 for the first world, otherwise the second
}

// examples are pictures with one right answer each.
type examples struct {
	set      datasets.Set
	classes  []string
	prompts  [][]string
	answer   []int
	pictures []float32 // preprocessed, [n, 3, size, size]
}

// draw makes n pictures of a question.
func (q Question) draw(n int, seed uint64, pre preprocess.Spec) (*examples, error) {
	e := &examples{}
	if q.World == 1 {
		set, err := scenes.NewProbe(scenes.ProbeConfig{Factor: q.Factor, N: n, Seed: seed, Size: pre.Size, Split: q.Split})
		if err != nil {
			return nil, err
		}
		e.set, e.classes = set, set.Classes()
		for _, s := range set.Prompts() {
			e.prompts = append(e.prompts, []string{s})
		}
	} else {
		set, err := scenes.NewWorldProbe(scenes.WorldProbeConfig{Factor: q.Factor, N: n, Seed: seed, Size: pre.Size, Split: q.Split, Nuisance: q.Nuisance, Masks: q.Factor == groundFactor})
		if err != nil {
			return nil, err
		}
		e.set, e.classes, e.prompts = set, set.Classes(), set.Ensemble()
	}
	px := 3 * pre.Size * pre.Size
	e.pictures = make([]float32, n*px)
	for i := range n {
		s, err := e.set.At(i)
		if err != nil {
			return nil, err
		}
		if err := pre.Apply(e.pictures[i*px:(i+1)*px], s.Image); err != nil {
			return nil, fmt.Errorf("%s: %w", s.ID, err)
		}
		k := -1
		for j, c := range e.classes {
			if s.Labels["class"] == c {
				k = j
			}
		}
		if k < 0 {
			return nil, fmt.Errorf("%s: class %v is not one of %v", s.ID, s.Labels["class"], e.classes)
		}
		e.answer = append(e.answer, k)
	}
	return e, nil
}

// zeroShot tells for every picture whether the most probable prompt is the right one.
func (e *examples) zeroShot(enc *clip.Encoder) ([]bool, error) {
	head, err := enc.Head(e.classes, e.prompts)
	if err != nil {
		return nil, err
	}
	emb, err := enc.Images(e.pictures, len(e.answer))
	if err != nil {
		return nil, err
	}
	return e.right(head.Predict(emb)), nil
}

func (e *examples) right(class []int) []bool {
	ok := make([]bool, len(e.answer))
	for i, k := range class {
		ok[i] = k == e.answer[i]
	}
	return ok
}

func share(ok []bool) float64 {
	hits := 0
	for _, o := range ok {
		if o {
			hits++
		}
	}
	return float64(hits) / float64(len(ok))
}

// Watcher returns an Options.Eval that answers the questions of r.Watch on n pictures each.
func (r *Recipe) Watcher(be *backend.Backend, n int, seed uint64) (func(*program.Params) (map[string]float64, error), error) {
	asked := make([]*examples, len(r.Watch))
	for i, q := range r.Watch {
		var err error
		if asked[i], err = q.draw(n, seed, r.Preprocess); err != nil {
			return nil, err
		}
	}
	var a *asker
	return func(params *program.Params) (map[string]float64, error) {
		if a == nil {
			var err error
			if a, err = newAsker(be, r.Config, params, r.Heads, r.Preprocess); err != nil {
				return nil, err
			}
		}
		m := map[string]float64{}
		for i, q := range r.Watch {
			ok, err := a.answer(q, asked[i])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", q.Factor, err)
			}
			m[q.Factor] = share(ok)
		}
		return m, nil
	}, nil
}

// tokenizerOf is the tokenizer of a CLIP's vocabulary.
func tokenizerOf(c clip.Config) (*tokenizer.Tokenizer, error) {
	if t := tokenizer.Default(); c.Vocab == t.Vocabulary().Len() {
		return t, nil
	}
	return tokenizer.Small(c.Vocab)
}
