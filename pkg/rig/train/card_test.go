package train

import (
	"math"
	"testing"

	"github.com/ventral-lab/ventral/models/mini"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// shippedCard opens a shipped network and says what it is asked.
func shippedCard(t *testing.T, name string) (*zoo.Model, mini.Card, Exam) {
	t.Helper()
	m, err := zoo.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	card, err := mini.Describe(name)
	if err != nil {
		t.Fatal(err)
	}
	x, err := Ask(m)
	if err != nil {
		t.Fatal(err)
	}
	return m, card, x
}

// on finds the entry of a card that answers a question.
func on(card mini.Card, q Question) *mini.Factor {
	for i, f := range card.Factors {
		if f.Name == q.Factor && f.Measure == string(q.Measure) && f.Split == q.Split && f.Nuisance == q.Nuisance {
			return &card.Factors[i]
		}
	}
	return nil
}

// TestCardsAreRecomputed evaluates every shipped network on one factor, colour, as its card was: on the same pictures and
// beside the same untrained network. Backends differ in the last bits, so that one answer in a hundred may.
func TestCardsAreRecomputed(t *testing.T) {
	be := backend.MustOpen("")
	defer be.Finalize()
	for _, name := range mini.Names() {
		t.Run(name, func(t *testing.T) {
			m, card, x := shippedCard(t, name)
			defer m.Close()
			if len(x.Questions) != len(card.Factors) || len(x.Effects) != len(card.Effects) {
				t.Errorf("%d questions and %d effects, the card has %d and %d: evaluate it again", len(x.Questions), len(x.Effects), len(card.Factors), len(card.Effects))
			}
			for _, q := range x.Questions {
				if on(card, q) == nil {
					t.Errorf("the card has no %+v", q)
				}
			}
			var one []Question
			for _, q := range x.Questions {
				if q.Factor == "colour" && q.Split == "test" && len(one) == 0 {
					one = append(one, q)
				}
			}
			want := on(card, one[0])
			if want == nil {
				t.FailNow()
			}
			x.Questions, x.Effects = one, nil
			got, _, err := Evaluate(be, m, x, CardSeed)
			if err != nil {
				t.Fatal(err)
			}
			f := got[0]
			if f.Pictures != want.Pictures || f.Classes != want.Classes || f.Rows != want.Rows || math.Abs(f.Accuracy-want.Accuracy) > 0.01 {
				t.Errorf("%+v, the card says %+v", f, *want)
			}
			if seen := f.UntrainedPictures; seen == want.UntrainedPictures && math.Abs(f.Untrained-want.Untrained) > 0.01 {
				t.Errorf("untrained %+v, the card says %+v", f, *want)
			}
		})
	}
}

// TestCardHolds measures the network that the spatial study runs on with pictures that its card was not measured on, and
// compares.
func TestCardHolds(t *testing.T) {
	be := backend.MustOpen("")
	defer be.Finalize()
	m, card, x := shippedCard(t, "mini/clip-vit")
	defer m.Close()
	a, err := newAsker(be, m.Config, m.Params, "", nil, m.Preprocess, 99)
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	// What the study needs of the network: circles against nothing and against other shapes, and colours.
	need := map[string]float64{"shape4": 0.95, "circle": 0.98, "colour": 0.95}
	const n = 200
	found := 0
	for _, q := range x.Questions {
		bar, ok := need[q.Factor]
		if !ok || q.Split != "test" || q.Measure != ZeroShot {
			continue
		}
		found++
		f := on(card, q)
		if f == nil {
			t.Fatalf("%s is not on the card", q.Factor)
		}
		if f.Accuracy < bar {
			t.Errorf("%s: the card says %.3f, the study needs %.2f", f.Name, f.Accuracy, bar)
		}
		e, err := q.draw(n, 99, m.Preprocess, nil)
		if err != nil {
			t.Fatal(err)
		}
		right, err := a.answer(q, e, n)
		if err != nil {
			t.Fatal(err)
		}
		// Four standard errors of a difference of two shares, of the card's pictures and of these.
		p := math.Min(f.Accuracy, 1-1.0/n)
		se := math.Sqrt(p * (1 - p) * (1.0/n + 1/float64(f.Pictures)))
		if math.Abs(share(right)-f.Accuracy) > 4*se {
			t.Errorf("%s: %.3f on %d other pictures, the card says %.3f", f.Name, share(right), n, f.Accuracy)
		}
	}
	if found != len(need) {
		t.Errorf("%d of the %d factors that matter are asked for", found, len(need))
	}
}
