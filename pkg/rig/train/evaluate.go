package train

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ventral-lab/ventral/models/mini"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/method/stats"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// FirstWorld are the questions of the cards of networks that were trained on the first world.
func FirstWorld() []Question {
	var out []Question
	for _, q := range []Question{
		{Factor: "shape4"}, {Factor: "circle"}, {Factor: "colour"}, {Factor: "colour", Split: "heldout"}, {Factor: "shape"}, {Factor: "shape", Split: "heldout"},
		{Factor: "size"}, {Factor: "count"}, {Factor: "position"}, {Factor: "texture"}, {Factor: "word"}, {Factor: "word", Split: "heldout"},
	} {
		q.Measure, q.World = ZeroShot, 1
		if q.Split == "" {
			q.Split = "test"
		}
		out = append(out, q)
	}
	return out
}

// Questions are those of the card of a network trained on the second world.
func Questions(architecture string) []Question {
	switch architecture {
	case "clip-vit", "clip-resnet":
		out := ask(ZeroShot, "object", "object-art", "object-silhouette", "object-line", "object-word", "style", "word", "ink", "expression", "region", "map", "character",
			"background", "attack", "attack-read", "stroop", "stroop-read", "shape4", "circle", "shape", "colour", "size", "count", "position", "texture")
		for _, f := range []string{"object-art", "object-silhouette", "object-line", "word", "shape", "colour"} {
			out = append(out, Question{Measure: ZeroShot, Factor: f, Split: "heldout"})
		}
		for _, n := range []string{"noise", "blur", "contrast", "shadow"} {
			out = append(out, Question{Measure: ZeroShot, Factor: "object-art", Split: "test", Nuisance: n})
		}
		return append(out, ask(LinearProbe, "object", "colour", "word", "expression")...)
	case "dinov2", "mae":
		return ask(LinearProbe, "object", "object-art", "object-silhouette", "object-line", "colour", "word", "expression", "shape", groundFactor)
	}
	out := ask(Classify, "object", "object-art", "object-silhouette", "object-line", "colour", "word", "expression", "shape")
	for _, n := range []string{"noise", "blur", "contrast", "shadow"} {
		out = append(out, Question{Measure: Classify, Factor: "object-art", Split: "test", Nuisance: n})
	}
	return append(out, ask(LinearProbe, "object", "colour", "word", "expression")...)
}

// Ask returns what a model is asked: a shipped network the questions of its card, any other those of its architecture that
// need no head of classes.
func Ask(m *zoo.Model) (heads []mini.Head, questions []Question, err error) {
	if !m.Card.Shipped {
		return nil, slices.DeleteFunc(Questions(m.Architecture), func(q Question) bool {
			return q.Measure == Classify || q.Measure == ZeroShot && m.Text == nil
		}), nil
	}
	card, err := mini.Describe(m.Card.Name)
	if err != nil {
		return nil, nil, err
	}
	if !strings.Contains(card.Training.Data, "world=2") {
		return nil, FirstWorld(), nil
	}
	return card.Heads, Questions(m.Architecture), nil
}

// Evaluate answers questions about m on n held-out pictures each, with Wilson intervals, beside the same architecture
// untrained. heads are those of a classifier.
func Evaluate(be *backend.Backend, m *zoo.Model, heads []mini.Head, questions []Question, n int, seed uint64) ([]mini.Factor, error) {
	blank, err := m.Untrained(seed)
	if err != nil {
		return nil, err
	}
	defer blank.Close()
	var askers []*asker
	for _, z := range []*zoo.Model{m, blank} {
		a, err := newAsker(be, z.Config, z.Params, heads, m.Preprocess)
		if err != nil {
			return nil, err
		}
		defer a.close()
		askers = append(askers, a)
	}
	var out []mini.Factor
	for _, q := range questions {
		e, err := q.draw(n, seed, m.Preprocess)
		if err != nil {
			return nil, err
		}
		f := mini.Factor{Name: q.Factor, Measure: string(q.Measure), Split: q.Split, Nuisance: q.Nuisance, Classes: len(e.classes), Pictures: n}
		if q.Factor == groundFactor {
			f.Classes = 2
		}
		for k, a := range askers {
			ok, err := a.answer(q, e)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", q.Factor, err)
			}
			if k == 1 {
				f.Untrained = share(ok)
				continue
			}
			// Patches of one picture are not independent: the interval counts pictures.
			w := stats.Wilson(int(share(ok)*float64(n)+0.5), n, 0.95)
			f.Accuracy, f.Interval = share(ok), [2]float64{w.Low, w.High}
		}
		out = append(out, f)
	}
	return out, nil
}
