package train

import (
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/datasets/scenes"
	"github.com/ventral-lab/ventral/internal/parallel"
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
	Classify    Measure = "head"      // a classifier, by the head that the factor is named after
	LinearProbe Measure = "probe"     // any network, by a linear probe on a read-out site
)

// Question is one entry of a card: which pictures, and how the network is asked.
type Question struct {
	Measure  Measure
	Factor   string // one of scenes.WorldFactors, or of scenes.Factors for World 1
	Split    string // "test" or "heldout"
	Nuisance string // one of scenes.Nuisances, or "": none
	World    int    // 1 for the first world, otherwise the second
	Half     bool   // asked on half as many pictures as the others
	// Answer is the factor whose right answers count, for the same pictures: "attack-read" for whether the written name is what
	// a picture of "attack" is taken for. "" for Factor's own.
	Answer string
}

// pictures are preprocessed pictures and what networks have read of them.
type pictures struct {
	data   []float32     // [n, 3, size, size]
	masks  []*image.Gray // of the figures, for figure and ground
	values map[*asker]map[string][]float32
	rows   map[*asker]int // how many of the pictures those are of: the first
}

// examples are pictures with one right answer each.
type examples struct {
	*pictures
	classes []string
	prompts [][]string
	answer  []int // [n]
}

// probing is a set of pictures for one factor.
type probing interface {
	datasets.Set
	Classes() []string
}

// open makes the set of a question's pictures, and its prompts.
func (q Question) open(n int, seed uint64, size int) (probing, [][]string, error) {
	if q.World != 1 {
		w, err := scenes.NewWorldProbe(scenes.WorldProbeConfig{Factor: q.Factor, N: n, Seed: seed, Size: size, Split: q.Split, Nuisance: q.Nuisance, Masks: q.Factor == groundFactor})
		if err != nil {
			return nil, nil, err
		}
		return w, w.Ensemble(), nil
	}
	s, err := scenes.NewProbe(scenes.ProbeConfig{Factor: q.Factor, N: n, Seed: seed, Size: size, Split: q.Split})
	if err != nil {
		return nil, nil, err
	}
	var prompts [][]string
	for _, p := range s.Prompts() {
		prompts = append(prompts, []string{p})
	}
	return s, prompts, nil
}

// classes is how many there are to choose from.
func (q Question) classes() (int, error) {
	s, _, err := q.open(1, 1, 64)
	if err != nil {
		return 0, err
	}
	return len(s.Classes()), nil
}

// shown names the pictures of a question: those of factors that only ask otherwise are the same.
func (q Question) shown() string {
	return fmt.Sprint(q.World, " ", strings.TrimSuffix(q.Factor, "-read"), " ", q.Split, " ", q.Nuisance, " ", q.Half)
}

// draw makes n pictures of a question, or takes those that are there.
func (q Question) draw(n int, seed uint64, pre preprocess.Spec, there *pictures) (*examples, error) {
	set, prompts, err := q.open(n, seed, pre.Size)
	if err != nil {
		return nil, err
	}
	answers := set
	if q.Answer != "" {
		of := q
		of.Factor = q.Answer
		if answers, _, err = of.open(n, seed, pre.Size); err != nil {
			return nil, err
		}
	}
	e := &examples{pictures: there, classes: set.Classes(), prompts: prompts, answer: make([]int, n)}
	px := 3 * pre.Size * pre.Size
	if there == nil {
		e.pictures = &pictures{data: make([]float32, n*px), values: map[*asker]map[string][]float32{}, rows: map[*asker]int{}}
	}
	if there == nil && q.Factor == groundFactor {
		e.masks = make([]*image.Gray, n)
	}
	errs := make([]error, n)
	one := func(i int) error {
		s, err := answers.At(i)
		if err != nil {
			return err
		}
		if e.answer[i] = slices.Index(e.classes, fmt.Sprint(s.Labels["class"])); e.answer[i] < 0 {
			return fmt.Errorf("%s: class %v is not one of %v", s.ID, s.Labels["class"], e.classes)
		}
		if there != nil {
			return nil
		}
		if q.Factor == groundFactor {
			if e.masks[i] = s.Masks["figure"]; e.masks[i] == nil {
				return fmt.Errorf("%s has no mask of figures", s.ID)
			}
		}
		if err := pre.Apply(e.data[i*px:(i+1)*px], s.Image); err != nil {
			return fmt.Errorf("%s: %w", s.ID, err)
		}
		return nil
	}
	parallel.For(n, func(i int) { errs[i] = one(i) })
	return e, errors.Join(errs...)
}

// gallery draws the pictures that several questions share once.
type gallery map[string]*pictures

func (g gallery) draw(q Question, n int, seed uint64, pre preprocess.Spec) (*examples, error) {
	e, err := q.draw(n, seed, pre, g[q.shown()])
	if err == nil {
		g[q.shown()] = e.pictures
	}
	return e, err
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
	shared := gallery{}
	for i, q := range r.Watch {
		var err error
		if asked[i], err = shared.draw(q, n, seed, r.Preprocess); err != nil {
			return nil, err
		}
	}
	var a *asker
	return func(params *program.Params) (map[string]float64, error) {
		if a == nil {
			prefix := ""
			if _, ok := r.Task.(Distilled); ok { // the network that ships is the teacher
				prefix = teacherPrefix
			}
			var err error
			if a, err = newAsker(be, r.Config, params, prefix, r.Heads, r.Preprocess, seed); err != nil {
				return nil, err
			}
		}
		a.forget()
		for _, e := range asked {
			clear(e.values)
		}
		m := map[string]float64{}
		for i, q := range r.Watch {
			ok, err := a.answer(q, asked[i], n)
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
