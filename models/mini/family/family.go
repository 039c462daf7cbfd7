// Package family writes the page about the shipped networks, docs/family.md, from their cards.
//
// # Invariants
//
//   - Every number on the page is a card's, or a difference of two.
//   - A bar is met or missed by the accuracy that the card has, whatever its interval.
//
// # Limits
//
// A card of the first world has no bars: they are about the second.
package family

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ventral-lab/ventral/models/mini"
)

// Bar is an accuracy that a network was to reach.
type Bar struct {
	What  string
	Found float64 // accuracy, or the gain over the untrained twin
	Want  float64 // 0: as far as it gets
	Gain  bool    // in points above the untrained twin
	There bool    // the card has the number
}

// Met tells whether the network reaches the bar.
func (b Bar) Met() bool { return b.There && b.Found >= b.Want }

// Bars are those of a card of the second world.
func Bars(c mini.Card) []Bar {
	if !second(c) {
		return nil
	}
	bar := func(factor, measure string, want float64) Bar {
		b := Bar{What: title(factor), Want: want}
		if f := find(c, factor, measure); f != nil {
			b.Found, b.There = f.Accuracy, true
		}
		return b
	}
	switch c.Architecture {
	case "clip-vit", "clip-resnet":
		words := 0.9
		if c.Architecture == "clip-vit" {
			words = 0
		}
		return []Bar{bar("shape4", "zero-shot", 0.95), bar("shape", "zero-shot", 0.95), bar("colour", "zero-shot", 0.95), bar("object", "zero-shot", 0.85), bar("object-art", "zero-shot", 0.85),
			bar("object-silhouette", "zero-shot", 0.85), bar("object-line", "zero-shot", 0.85), bar("expression", "zero-shot", 0.85), bar("word", "zero-shot", words)}
	case "dinov2", "mae":
		gain := Bar{What: title("object") + ", linear probe", Want: 0.2, Gain: true}
		if f := find(c, "object", "probe"); f != nil {
			gain.Found, gain.There = f.Accuracy-f.Untrained, true
		}
		return []Bar{gain, bar("ground", "probe", 0.85)}
	}
	return []Bar{bar("object", "head", 0.9), bar("object-art", "head", 0.9), bar("object-silhouette", "head", 0.9), bar("object-line", "head", 0.9)}
}

func second(c mini.Card) bool { return strings.Contains(c.Training.Data, "world=2") }

func find(c mini.Card, factor, measure string) *mini.Factor {
	for i, f := range c.Factors {
		if f.Name == factor && f.Measure == measure && f.Split == "test" && f.Nuisance == "" {
			return &c.Factors[i]
		}
	}
	return nil
}

// titles are what the factors are called on the page, where their names do not say it.
var titles = map[string]string{
	"object": "objects, as shown by turns", "object-art": "objects in colour", "object-silhouette": "objects as silhouette", "object-line": "objects as line drawing", "object-word": "objects as written name",
	"style": "way of being shown", "word": "written words", "ink": "ink of words", "expression": "facial expressions", "region": "regions by flag", "map": "regions on a map",
	"character": "cartoon characters", "background": "places", "ground": "figure or ground, a patch", "attack": "objects under another's name", "attack-read": "that name",
	"stroop": "ink of another colour's name", "stroop-read": "that name", "shape4": "four shapes", "shape": "eight shapes", "colour": "colours", "circle": "circle or nothing",
	"size": "sizes", "count": "counts", "position": "positions", "texture": "textures"}

func title(factor string) string {
	if t, ok := titles[factor]; ok {
		return t
	}
	return factor
}

// Figure is where the training curve of a network is, from the page.
func Figure(c mini.Card) string {
	return "figures/" + strings.ReplaceAll(c.Name, "/", "-") + "-training.png"
}

// WritePage writes the page for these cards.
func WritePage(w io.Writer, cards []mini.Card) error {
	p := &page{w: w}
	p.line("# The networks that ship")
	p.line("")
	p.line("Made by `ventral models cards --write` from the cards in models/mini; do not edit. `ventral models evaluate NAME` computes a card's accuracies again, `ventral train mini-NAME` the network.")
	p.line("")
	p.line("Accuracies are shares of right answers about pictures that training never showed, in per cent, with 95 %% Wilson intervals. Chance is the share of the commonest answer. The untrained twin has the same architecture, preprocessing and way of being asked, and initial weights; where nothing is fitted it can only guess, and is asked about fewer pictures, which its interval shows. Linear probes are linear discriminants of the output (CLIP), the class token (DINO), the mean of the patch tokens (MAE) or the averaged last features (VGG, NASNet), learned from other pictures than they are asked about. Held out are combinations, of an object and a place, of an object, word or shape and a colour, that training leaves out.")
	p.line("")
	p.line("| network | architecture | pictures | hours | bars met |")
	p.line("|---|---|--:|--:|---|")
	for _, c := range cards {
		met, of := 0, 0
		for _, b := range Bars(c) {
			if b.Want == 0 {
				continue
			}
			of++
			if b.Met() {
				met++
			}
		}
		bars := fmt.Sprintf("%d of %d", met, of)
		if of == 0 {
			bars = "none set (first world)"
		}
		pictures, seconds := c.Training.Total()
		p.line("| [%s](#%s) | %s | %d | %.1f | %s |", c.Name, strings.ReplaceAll(c.Name, "/", ""), c.Architecture, pictures, seconds/3600, bars)
	}
	p.line("")
	for _, c := range cards {
		p.card(c)
	}
	return p.err
}

type page struct {
	w   io.Writer
	err error
}

func (p *page) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *page) card(c mini.Card) {
	p.line("## %s\n", c.Name)
	p.line("%s.\n", c.Summary)
	for i, t := range c.Training.All() {
		if i > 0 {
			p.line("\nThen, from those weights:\n")
		}
		p.line("- Data: `%s`", t.Data)
		p.line("- Recipe: %s", t.Recipe)
		p.line("- Training: %d steps, %d pictures, seed %d, %.1f hours on %s", t.Steps, t.Pictures, t.Seed, t.Seconds/3600, t.Backend)
	}
	p.line("")
	if bars := Bars(c); len(bars) > 0 {
		p.line("| bar | wanted | found | |")
		p.line("|---|--:|--:|---|")
		for _, b := range bars {
			p.line("| %s | %s | %s | %s |", b.What, b.wanted(), b.found(), b.verdict())
		}
		p.line("")
	}
	if len(c.Training.Curve) > 1 {
		p.line("![Training curve of %s](%s)\n", c.Name, Figure(c))
		for _, t := range c.Training.All() {
			p.curve(t)
		}
	}
	p.factors(c)
	p.effects(c)
}

func (b Bar) wanted() string {
	switch {
	case b.Want == 0:
		return "as far as it gets"
	case b.Gain:
		return fmt.Sprintf("%.0f points above untrained", 100*b.Want)
	}
	return fmt.Sprintf("%.0f", 100*b.Want)
}

func (b Bar) found() string {
	switch {
	case !b.There:
		return "not measured"
	case b.Gain:
		return fmt.Sprintf("%+.1f points", 100*b.Found)
	}
	return fmt.Sprintf("%.1f", 100*b.Found)
}

func (b Bar) verdict() string {
	switch {
	case b.Want == 0:
		return ""
	case b.Met():
		return "met"
	}
	return "**missed**"
}

// curvePoints is how many points of a curve the page prints.
const curvePoints = 8

func (p *page) curve(t mini.Training) {
	var names []string
	for _, pt := range t.Curve {
		for k := range pt.Metrics {
			if !slices.Contains(names, k) {
				names = append(names, k)
			}
		}
	}
	slices.Sort(names)
	p.line("| step | loss | %s |", strings.Join(names, " | "))
	p.line("|--:|--:|%s", strings.Repeat("--:|", max(len(names), 1)))
	n := len(t.Curve)
	shown := min(n, curvePoints)
	for k := range shown {
		pt := t.Curve[(k+1)*n/shown-1]
		row := fmt.Sprintf("| %d | %.3f |", pt.Step, pt.Loss)
		for _, name := range names {
			if v, ok := pt.Metrics[name]; ok {
				row += fmt.Sprintf(" %.1f |", 100*v)
			} else {
				row += " |"
			}
		}
		if len(names) == 0 {
			row += " |"
		}
		p.line("%s", row)
	}
	p.line("")
}

// measures are what the ways of asking are called on the page.
var measures = map[string]string{"zero-shot": "zero-shot, by prompts", "head": "by its heads", "probe": "by linear probes"}

func (p *page) factors(c mini.Card) {
	for _, measure := range []string{"zero-shot", "head", "probe"} {
		of := slices.DeleteFunc(slices.Clone(c.Factors), func(f mini.Factor) bool { return f.Measure != measure })
		if len(of) == 0 {
			continue
		}
		p.line("Accuracy %s:\n", measures[measure])
		p.line("| factor | pictures | accuracy | untrained | classes | chance | asked |")
		p.line("|---|---|--:|--:|--:|--:|--:|")
		for _, f := range of {
			kind := "plain"
			if f.Split == "heldout" {
				kind = "held-out combinations"
			}
			if f.Nuisance != "" {
				kind = f.Nuisance
			}
			chance := "" // cards of the first world do not say
			if f.Chance > 0 {
				chance = fmt.Sprintf("%.1f", 100*f.Chance)
			}
			p.line("| %s | %s | %.1f [%.1f, %.1f] | %.1f%s | %d | %s | %d |", title(f.Name), kind, 100*f.Accuracy, 100*f.Interval[0], 100*f.Interval[1], 100*f.Untrained, interval(f.UntrainedInterval),
				f.Classes, chance, f.Pictures)
		}
		p.line("")
	}
}

func interval(v [2]float64) string {
	if v == [2]float64{} {
		return ""
	}
	return fmt.Sprintf(" [%.1f, %.1f]", 100*v[0], 100*v[1])
}

func (p *page) effects(c mini.Card) {
	for _, e := range c.Effects {
		p.line("Effect: %s (%s, %d pictures of %d classes, the same in every condition).\n", e.Name, measures[e.Measure], e.Pictures, e.Classes)
		p.line("| | share | untrained |")
		p.line("|---|--:|--:|")
		for _, d := range e.Conditions {
			p.line("| %s | %.1f [%.1f, %.1f] | %.1f |", d.Name, 100*d.Share, 100*d.Interval[0], 100*d.Interval[1], 100*d.Untrained)
		}
		for _, d := range e.Contrasts {
			p.line("| %s | %+.1f points [%+.1f, %+.1f] | %+.1f |", d.Name, 100*d.Difference, 100*d.Interval[0], 100*d.Interval[1], 100*d.Untrained)
		}
		p.line("")
	}
}
