package family_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/models/mini"
	"github.com/ventral-lab/ventral/models/mini/family"
)

func shipped(t *testing.T) []mini.Card {
	t.Helper()
	var cards []mini.Card
	for _, n := range mini.Names() {
		c, err := mini.Describe(n)
		if err != nil {
			t.Fatal(err)
		}
		cards = append(cards, c)
	}
	return cards
}

// TestPageIsInStep renders docs/family.md from the cards and wants the page and the figures that are there.
func TestPageIsInStep(t *testing.T) {
	cards := shipped(t)
	var b strings.Builder
	if err := family.WritePage(&b, cards); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../../docs/family.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != b.String() {
		t.Error("docs/family.md is not what the cards say: run `go run ./cmd/ventral models cards --write` in the root of the repository")
	}
	for _, c := range cards {
		if _, err := os.Stat(filepath.Join("../../../docs", family.Figure(c))); len(c.Training.Curve) > 1 && err != nil {
			t.Error(err)
		}
	}
}

// made is a card of the second world.
func made(architecture string, factors ...mini.Factor) mini.Card {
	for i := range factors {
		factors[i].Split = "test"
	}
	return mini.Card{Name: "mini/made", Architecture: architecture, Training: mini.Training{Data: "scenes?world=2&n=5"}, Factors: factors}
}

func TestBars(t *testing.T) {
	for _, c := range []struct {
		card        mini.Card
		met, missed int
	}{
		{made("clip-resnet", mini.Factor{Name: "word", Measure: "zero-shot", Accuracy: 0.9}, mini.Factor{Name: "shape4", Measure: "zero-shot", Accuracy: 0.94}), 1, 8},
		{made("clip-vit", mini.Factor{Name: "word", Measure: "zero-shot", Accuracy: 0.1}), 1, 8}, // as far as it gets
		{made("mae", mini.Factor{Name: "object", Measure: "probe", Accuracy: 0.4, Untrained: 0.21}, mini.Factor{Name: "ground", Measure: "probe", Accuracy: 0.86}), 1, 1},
		{made("dinov2", mini.Factor{Name: "object", Measure: "probe", Accuracy: 0.4, Untrained: 0.19}), 1, 1},
		{made("vgg", mini.Factor{Name: "object", Measure: "probe", Accuracy: 0.99}, mini.Factor{Name: "object-art", Measure: "head", Accuracy: 0.91}), 1, 3},
		{mini.Card{Architecture: "clip-vit", Training: mini.Training{Data: "scenes?n=5"}}, 0, 0},
	} {
		met, missed := 0, 0
		for _, b := range family.Bars(c.card) {
			if b.Met() {
				met++
			} else {
				missed++
			}
		}
		if met != c.met || missed != c.missed {
			t.Errorf("%s: %d bars met and %d missed, want %d and %d: %+v", c.card.Architecture, met, missed, c.met, c.missed, family.Bars(c.card))
		}
	}
}

// TestPageSaysAll: every number of a card is on the page.
func TestPageSaysAll(t *testing.T) {
	c := made("clip-resnet", mini.Factor{Name: "object-art", Measure: "zero-shot", Classes: 134, Chance: 0.0123, Pictures: 411, Accuracy: 0.7654, Interval: [2]float64{0.7211, 0.8022}, Untrained: 0.0321, UntrainedInterval: [2]float64{0.0112, 0.0445}},
		mini.Factor{Name: "shape", Measure: "probe", Nuisance: "blur", Accuracy: 0.5432})
	c.Training.Curve = []mini.Point{{Step: 10, Loss: 4.5678, Metrics: map[string]float64{"word": 0.0987}}, {Step: 20, Loss: 3.2109}}
	c.Training.Recipe = "AdamW of some kind"
	c.Effects = []mini.Effect{{Name: "misleading word", Measure: "zero-shot", Pictures: 417, Conditions: []mini.Condition{{Name: "no word", Share: 0.6789, Interval: [2]float64{0.6111, 0.7222}, Untrained: 0.0555}},
		Contrasts: []mini.Contrast{{Name: "a less b", Difference: -0.3456, Interval: [2]float64{-0.4012, -0.3001}, Untrained: 0.0044}}}}
	var b strings.Builder
	if err := family.WritePage(&b, []mini.Card{c}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"76.5 [72.1, 80.2]", "3.2 [1.1, 4.5]", "134", "1.2", "411", "| blur |", "54.3", "4.568", "3.211", "9.9", "AdamW of some kind", "scenes?world=2", "67.9 [61.1, 72.2]", "5.5",
		"-34.6 points [-40.1, -30.0]", "+0.4", "**missed**", "417", "mini-made-training.png"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page does not say %q:\n%s", want, b.String())
		}
	}
}
