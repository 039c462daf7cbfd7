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

// CardPictures and CardSeed are how the shipped networks of the second world are evaluated.
const (
	CardPictures        = 400
	CardSeed     uint64 = 7
)

// twinPictures is how many pictures the untrained twin of a network is asked about where nothing of it is fitted, so that it
// can only guess.
const twinPictures = 100

// Exam is what a network is asked.
type Exam struct {
	Heads     []Head // of a classifier
	Questions []Question
	Effects   []Effect
	Pictures  int // for each question; half of them where it says so
}

// Effect compares a network's answers to the same pictures in several conditions.
type Effect struct {
	Name       string
	Conditions []Condition
	Contrasts  [][2]int // of which condition's share which other's is subtracted
}

// Condition is a question with a name.
type Condition struct {
	Name string
	Question
}

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

// onHalf has questions asked on half as many pictures.
func onHalf(qs []Question) []Question {
	for i := range qs {
		qs[i].Half = true
	}
	return qs
}

// Questions are those of the card of a network trained on the second world: first what it is trained to answer, by way of
// being shown, then combinations that training never showed, spoiled pictures, and linear probes.
func Questions(architecture string) []Question {
	spoiled := func(m Measure) []Question {
		var out []Question
		for _, n := range []string{"noise", "blur", "contrast", "shadow"} {
			out = append(out, Question{Measure: m, Factor: "object-art", Split: "test", Nuisance: n, Half: true})
		}
		return out
	}
	heldout := func(m Measure, factors ...string) []Question {
		out := onHalf(ask(m, factors...))
		for i := range out {
			out[i].Split = "heldout"
		}
		return out
	}
	probes := ask(LinearProbe, "object", "colour", "word", "expression", groundFactor)
	switch architecture {
	case "clip-vit", "clip-resnet":
		return slices.Concat(
			ask(ZeroShot, "object", "object-art", "object-silhouette", "object-line", "word", "expression", "shape4", "shape", "colour"),
			onHalf(ask(ZeroShot, "object-word", "style", "ink", "region", "map", "character", "background", "circle", "size", "count", "position", "texture",
				"stroop", "stroop-read")),
			ask(ZeroShot, "attack", "attack-read"),
			heldout(ZeroShot, "object-art", "object-silhouette", "object-line", "word", "shape", "colour"),
			spoiled(ZeroShot), probes)
	case "dinov2", "mae":
		return slices.Concat(
			ask(LinearProbe, "object", "object-art", "object-silhouette", "object-line", "word", "expression", "shape", "colour", groundFactor),
			heldout(LinearProbe, "object-art", "object-silhouette", "object-line", "word", "shape", "colour"),
			spoiled(LinearProbe))
	}
	return slices.Concat(
		ask(Classify, "object", "object-art", "object-silhouette", "object-line", "word", "expression", "shape", "colour"),
		heldout(Classify, "object-art", "object-silhouette", "object-line", "word", "shape", "colour"),
		spoiled(Classify), probes)
}

// Effects are those of the card of a network trained on the second world: what a written word does to the answers of a network
// that is asked for something else.
func Effects(architecture string) []Effect {
	m := Classify
	switch architecture {
	case "clip-vit", "clip-resnet":
		m = ZeroShot
	case "dinov2", "mae":
		m = LinearProbe
	}
	q := func(factor, answer string, half bool) Question {
		return Question{Measure: m, Factor: factor, Answer: answer, Split: "test", Half: half}
	}
	word := Effect{Name: "misleading word", Contrasts: [][2]int{{2, 0}, {1, 0}}, Conditions: []Condition{
		{"the object, no word", q("attack-none", "", false)},
		{"the object, under its own name", q("attack-own", "", false)},
		{"the object, under another's name", q("attack", "", false)},
		{"the other whose name it is", q("attack", "attack-read", false)},
	}}
	if m != ZeroShot {
		return []Effect{word}
	}
	return []Effect{word, {Name: "Stroop", Contrasts: [][2]int{{0, 1}}, Conditions: []Condition{
		{"asked for the ink: the ink", q("stroop", "", true)},
		{"asked for the ink: the colour that is written", q("stroop", "stroop-read", true)},
	}}}
}

// Ask returns what a model is asked: a shipped network the questions of its card, any other those of its architecture, as far
// as it has a text tower or heads to answer with.
func Ask(m *zoo.Model) (Exam, error) {
	x := Exam{Pictures: CardPictures, Questions: Questions(m.Architecture), Effects: Effects(m.Architecture)}
	if m.Card.Shipped {
		card, err := mini.Describe(m.Card.Name)
		if err != nil {
			return Exam{}, err
		}
		x = Examine(card)
	}
	cannot := func(q Question) bool {
		return q.Measure == Classify && len(x.Heads) == 0 || q.Measure == ZeroShot && m.Text == nil
	}
	x.Questions = slices.DeleteFunc(x.Questions, cannot)
	x.Effects = slices.DeleteFunc(x.Effects, func(e Effect) bool { return cannot(e.Conditions[0].Question) })
	return x, nil
}

// Examine is what the network of a card is asked for it.
func Examine(card mini.Card) Exam {
	x := Exam{Heads: card.Heads, Pictures: CardPictures, Questions: FirstWorld()}
	if strings.Contains(card.Training.Data, "world=2") {
		x.Questions, x.Effects = Questions(card.Architecture), Effects(card.Architecture)
	}
	for _, f := range card.Factors { // as it was evaluated
		x.Pictures = max(x.Pictures, f.Pictures)
	}
	return x
}

// asked is a question, with the answers of a network and of its untrained twin.
type asked struct {
	Question
	classes, pictures int
	rows              int
	chance            float64
	right             [2][]bool
	seen              [2]int // pictures
}

// Evaluate asks m, and the same architecture untrained, about held-out pictures: shares of right answers with their 95 % Wilson
// intervals, and the differences that conditions make, with bootstrap intervals over pictures. The same seed gives the same
// numbers on a backend.
func Evaluate(be *backend.Backend, m *zoo.Model, x Exam, seed uint64) ([]mini.Factor, []mini.Effect, error) {
	if x.Pictures < 2 {
		return nil, nil, fmt.Errorf("evaluate on %d pictures: want at least 2", x.Pictures)
	}
	askers, done, err := withTwin(be, m, x.Heads, seed)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	all := make([]*asked, 0, len(x.Questions))
	for _, q := range x.Questions {
		all = append(all, &asked{Question: q})
	}
	for _, e := range x.Effects {
		for _, c := range e.Conditions {
			all = append(all, &asked{Question: c.Question})
		}
	}
	if err := answerAll(askers, all, x.Pictures, twinPictures, seed); err != nil {
		return nil, nil, err
	}
	var factors []mini.Factor
	for _, q := range all[:len(x.Questions)] {
		factors = append(factors, q.factor())
	}
	var effects []mini.Effect
	rest := all[len(x.Questions):]
	for _, e := range x.Effects {
		effects = append(effects, e.measured(rest[:len(e.Conditions)], seed))
		rest = rest[len(e.Conditions):]
	}
	return factors, effects, nil
}

// withTwin prepares to ask m and its untrained twin.
func withTwin(be *backend.Backend, m *zoo.Model, heads []Head, seed uint64) (askers []*asker, done func(), err error) {
	blank, err := m.Untrained(seed)
	if err != nil {
		return nil, nil, err
	}
	done = func() {
		for _, a := range askers {
			a.close()
		}
		blank.Close()
	}
	for _, z := range []*zoo.Model{m, blank} {
		a, err := newAsker(be, z.Config, z.Params, "", heads, m.Preprocess, seed)
		if err != nil {
			done()
			return nil, nil, err
		}
		askers = append(askers, a)
	}
	return askers, done, nil
}

// answerAll asks all questions about n pictures each, those about the same pictures one after another, and then lets go of the
// pictures. Where nothing is fitted, the untrained twin is asked about no more than guess of them.
func answerAll(askers []*asker, all []*asked, n, guess int, seed uint64) error {
	groups := map[string][]*asked{}
	var order []string
	for _, q := range all {
		k := q.shown()
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], q)
	}
	for _, k := range order {
		group := groups[k]
		shared := gallery{}
		pictures, twin := n, min(n, guess)
		if group[0].Half {
			pictures = (n + 1) / 2
			twin = min(pictures, twin)
		}
		for _, q := range group {
			if q.Measure == LinearProbe {
				twin = pictures
			}
		}
		for _, q := range group {
			e, err := shared.draw(q.Question, pictures, seed, askers[0].pre)
			if err != nil {
				return err
			}
			q.classes, q.pictures = len(e.classes), pictures
			if q.Measure == LinearProbe {
				if askers[0].probes[space(q.Factor)] == nil {
					if err := fit(q.Question, askers...); err != nil {
						return fmt.Errorf("probe of %s: %w", q.Factor, err)
					}
				}
				q.rows = askers[0].probes[space(q.Factor)].rows
			}
			q.chance = commonest(e.answer)
			if q.Factor == groundFactor {
				q.classes, q.chance = 2, commonest(askers[0].patches.figures(e.masks))
			}
			for i, a := range askers {
				q.seen[i] = pictures
				if i > 0 {
					q.seen[i] = twin
				}
				if q.right[i], err = a.answer(q.Question, e, q.seen[i]); err != nil {
					return fmt.Errorf("%s: %w", q.Factor, err)
				}
			}
		}
	}
	return nil
}

// commonest is the share of the commonest answer.
func commonest(answer []int) float64 {
	count := map[int]int{}
	most := 0
	for _, k := range answer {
		count[k]++
		most = max(most, count[k])
	}
	return float64(most) / float64(len(answer))
}

// interval is Wilson's. Patches of one picture are not independent: it counts pictures.
func (q *asked) interval(i int) [2]float64 {
	w := stats.Wilson(int(share(q.right[i])*float64(q.seen[i])+0.5), q.seen[i], 0.95)
	return [2]float64{w.Low, w.High}
}

func (q *asked) factor() mini.Factor {
	f := mini.Factor{Name: q.Factor, Measure: string(q.Measure), Split: q.Split, Nuisance: q.Nuisance, Classes: q.classes, Chance: q.chance, Rows: q.rows, Pictures: q.pictures,
		Accuracy: share(q.right[0]), Interval: q.interval(0), Untrained: share(q.right[1]), UntrainedInterval: q.interval(1)}
	if q.seen[1] < q.pictures {
		f.UntrainedPictures = q.seen[1]
	}
	return f
}

func (e Effect) measured(conditions []*asked, seed uint64) mini.Effect {
	out := mini.Effect{Name: e.Name, Measure: string(conditions[0].Measure), Classes: conditions[0].classes, Pictures: conditions[0].pictures}
	for i, c := range conditions {
		out.Conditions = append(out.Conditions, mini.Condition{Name: e.Conditions[i].Name, Share: share(c.right[0]), Interval: c.interval(0), Untrained: share(c.right[1])})
	}
	for _, k := range e.Contrasts {
		d := stats.PairedDifference(numbers(conditions[k[0]].right[0]), numbers(conditions[k[1]].right[0]), stats.Options{Seed: seed})
		out.Contrasts = append(out.Contrasts, mini.Contrast{Name: e.Conditions[k[0]].Name + " less " + e.Conditions[k[1]].Name, Difference: d.Estimate,
			Interval: [2]float64{d.Low, d.High}, Untrained: share(conditions[k[0]].right[1]) - share(conditions[k[1]].right[1])})
	}
	return out
}

func numbers(ok []bool) []float64 {
	out := make([]float64, len(ok))
	for i, o := range ok {
		if o {
			out[i] = 1
		}
	}
	return out
}
