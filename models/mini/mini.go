// Package mini holds the small trained networks that ship with this module, as float16 safetensors in the key layout of
// their large siblings, each with a card that says how it was trained and what it can do.
//
// # Invariants
//
//   - A card's numbers come from `ventral models evaluate NAME`, which recomputes them; nothing in it is written by hand.
//   - The weights that are evaluated are the float16 ones that ship.
//   - NAME@STEP is the image network of NAME as it was after that many steps of the same training.
//
// # Limits
//
// Of the steps on the way only image networks are kept, at a few steps: no text tower, and no evaluation.
package mini

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/weights"
)

//go:embed *.json *.safetensors steps
var files embed.FS

// Card says what a shipped network is, how it was trained and what it can do.
type Card struct {
	Name         string          `json:"name"`
	Summary      string          `json:"summary"`
	Architecture string          `json:"architecture"` // "clip-vit"
	Config       json.RawMessage `json:"config"`       // of that architecture
	Preprocess   preprocess.Spec `json:"preprocess"`
	Heads        []Head          `json:"heads,omitempty"` // of a classifier: its outputs, in this order
	Training     Training        `json:"training"`
	Factors      []Factor        `json:"factors"`
	Effects      []Effect        `json:"effects,omitempty"`
}

// Head is one question that a classifier answers.
type Head struct {
	Name    string   `json:"name"`
	Classes []string `json:"classes"`
}

// Training is how a network came to be.
type Training struct {
	Data     string  `json:"data"`
	Recipe   string  `json:"recipe"`
	Steps    int     `json:"steps"`
	Pictures int     `json:"pictures"`
	Seed     uint64  `json:"seed"`
	Seconds  float64 `json:"seconds"`
	Backend  string  `json:"backend"`
	Curve    []Point `json:"curve"`
	// Earlier are the trainings whose weights this one started from, the first one first: each with a schedule of its own.
	Earlier []Training `json:"earlier,omitempty"`
}

// All are a training and the earlier ones behind it, the first one first.
func (t Training) All() []Training {
	earlier := t.Earlier
	t.Earlier = nil
	return append(slices.Clone(earlier), t)
}

// Total is the number of pictures and of seconds of all trainings of a network.
func (t Training) Total() (pictures int, seconds float64) {
	for _, a := range t.All() {
		pictures, seconds = pictures+a.Pictures, seconds+a.Seconds
	}
	return pictures, seconds
}

// Point is one entry of a training curve.
type Point struct {
	Step    int                `json:"step"`
	Loss    float64            `json:"loss"`
	Metrics map[string]float64 `json:"metrics,omitempty"`
}

// Factor is the accuracy for one factor on held-out pictures, with its 95 % Wilson interval, beside the same network
// untrained, asked in the same way.
type Factor struct {
	Name     string     `json:"name"`
	Measure  string     `json:"measure"`            // "zero-shot", "head" of a classifier, or linear "probe"
	Split    string     `json:"split"`              // "test", or "heldout" for combinations that training never saw
	Nuisance string     `json:"nuisance,omitempty"` // what the pictures are spoiled by
	Classes  int        `json:"classes"`
	Chance   float64    `json:"chance"`         // share of the commonest answer
	Rows     int        `json:"rows,omitempty"` // pictures that the linear probe learned from, none of them among Pictures
	Pictures int        `json:"pictures"`
	Accuracy float64    `json:"accuracy"`
	Interval [2]float64 `json:"interval"`

	Untrained         float64    `json:"untrained"`
	UntrainedPictures int        `json:"untrained_pictures,omitempty"` // where the untrained twin saw fewer: the first of them
	UntrainedInterval [2]float64 `json:"untrained_interval"`
}

// Effect is what one change to the pictures does to a network's answers: the same pictures, once in each condition, and what is
// asked is the same.
type Effect struct {
	Name       string      `json:"name"` // "misleading word"
	Measure    string      `json:"measure"`
	Classes    int         `json:"classes"`
	Pictures   int         `json:"pictures"` // in every condition
	Conditions []Condition `json:"conditions"`
	Contrasts  []Contrast  `json:"contrasts"`
}

// Condition is the share of an effect's pictures, in one condition, that a network answers in some way, with its 95 % Wilson
// interval, beside the same network untrained.
type Condition struct {
	Name      string     `json:"name"`
	Share     float64    `json:"share"`
	Interval  [2]float64 `json:"interval"`
	Untrained float64    `json:"untrained"`
}

// Contrast is the difference of two conditions' shares, with the 95 % bootstrap interval over pictures, paired.
type Contrast struct {
	Name       string     `json:"name"`
	Difference float64    `json:"difference"`
	Interval   [2]float64 `json:"interval"`
	Untrained  float64    `json:"untrained"`
}

// The metadata of kept weights: after how many steps and pictures of which training they are.
const (
	StepKey     = "ventral.step"
	PicturesKey = "ventral.pictures"
	SeedKey     = "ventral.seed"
	RecipeKey   = "ventral.recipe" // SHA-256 of the recipe as the training's checkpoint states it
)

// shelf is a folder of networks: NAME.json, NAME.safetensors, and steps/NAME-000030.safetensors for what is kept of the way.
type shelf struct{ fs.FS }

var shipped = shelf{files}

// Names lists the shipped networks.
func Names() []string { return shipped.names() }

// Steps lists after how many steps of training the image network of a shipped one can be opened, as NAME@STEP, ascending:
// 0, before the first, and those that were kept. The end of the training is NAME itself.
func Steps(name string) []int { return shipped.steps(name) }

// Split parts NAME@STEP; step is -1 where name has none.
func Split(name string) (base string, step int, err error) {
	base, at, found := strings.Cut(name, "@")
	if !found {
		return name, -1, nil
	}
	if step, err = strconv.Atoi(at); err != nil || step < 0 {
		return base, -1, fmt.Errorf("%s: %q is not a number of training steps", name, at)
	}
	return base, step, nil
}

// Describe reads the card of a shipped network. That of NAME@STEP says what is known of the training up to there; accuracies
// it has none.
func Describe(name string) (Card, error) { return shipped.describe(name) }

// Open reads the weights of a shipped network. Those of NAME@0 are in no file: the seed on the card gives them.
func Open(name string) (*weights.Set, error) { return shipped.open(name) }

func (s shelf) names() []string {
	m, err := fs.Glob(s, "*.safetensors")
	if err != nil {
		return nil
	}
	var names []string
	for _, f := range m {
		names = append(names, "mini/"+strings.TrimSuffix(f, ".safetensors"))
	}
	return names
}

func (s shelf) steps(name string) []int {
	if _, err := fs.Stat(s, file(name, ".json")); err != nil {
		return nil
	}
	m, err := fs.Glob(s, "steps/"+file(name, "-*.safetensors"))
	if err != nil {
		return nil
	}
	steps := []int{0}
	for _, f := range m {
		number := strings.TrimSuffix(strings.TrimPrefix(f, "steps/"+file(name, "-")), ".safetensors")
		if step, err := strconv.Atoi(number); err == nil && step > 0 {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	return steps
}

func (s shelf) describe(name string) (Card, error) {
	var c Card
	base, step, err := Split(name)
	if err != nil {
		return c, err
	}
	b, err := fs.ReadFile(s, file(base, ".json"))
	if err != nil {
		return c, s.unknown(base)
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("card of %s: %w", base, err)
	}
	switch {
	case step < 0:
		return c, nil
	case step == 0:
		return c.At(0, 0), nil
	}
	f, err := s.read(name)
	if err != nil {
		return c, err
	}
	pictures, err := strconv.Atoi(f.Metadata()[PicturesKey])
	if err != nil {
		return c, fmt.Errorf("%s: its file does not say how many pictures it has seen: %w", name, err)
	}
	return c.At(step, pictures), nil
}

// At is the card of the same training after that many steps and pictures.
func (c Card) At(step, pictures int) Card {
	c.Name = fmt.Sprintf("%s@%d", c.Name, step)
	c.Summary = fmt.Sprintf("%s: the image network after %d of %d steps, %d pictures", c.Summary, step, c.Training.Steps, pictures)
	c.Training.Steps, c.Training.Pictures, c.Training.Seconds = step, pictures, 0
	var curve []Point
	for _, p := range c.Training.Curve {
		if p.Step <= step {
			curve = append(curve, p)
		}
	}
	c.Training.Curve, c.Factors, c.Effects = curve, nil, nil
	return c
}

func (s shelf) open(name string) (*weights.Set, error) {
	f, err := s.read(name)
	if err != nil {
		return nil, err
	}
	var ts []safetensors.Tensor
	for _, n := range f.Names() {
		t, _ := f.Lookup(n)
		ts = append(ts, t)
	}
	return weights.FromTensors(name, ts)
}

// read parses the file of NAME or NAME@STEP.
func (s shelf) read(name string) (*safetensors.File, error) {
	base, step, err := Split(name)
	if err != nil {
		return nil, err
	}
	path := file(base, ".safetensors")
	if step >= 0 {
		path = "steps/" + file(base, fmt.Sprintf("-%06d.safetensors", step))
	}
	b, err := fs.ReadFile(s, path)
	if err != nil && step >= 0 && slices.Contains(s.names(), "mini/"+file(base, "")) {
		return nil, fmt.Errorf("%s: nothing is kept of step %d; of %s there are the steps %v", name, step, base, s.steps(base))
	}
	if err != nil {
		return nil, s.unknown(base)
	}
	f, err := safetensors.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

func (s shelf) unknown(name string) error {
	return fmt.Errorf("no shipped network %q; there are %s", name, strings.Join(s.names(), ", "))
}

func file(name, ext string) string { return strings.TrimPrefix(name, "mini/") + ext }
