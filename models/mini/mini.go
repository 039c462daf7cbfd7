// Package mini holds the small trained networks that ship with this module, as float16 safetensors in the key layout of
// their large siblings, each with a card that says how it was trained and what it can do.
//
// # Invariants
//
//   - A card's numbers come from `ventral models evaluate NAME`, which recomputes them; nothing in it is written by hand.
//   - The weights that are evaluated are the float16 ones that ship.
package mini

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"

	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/weights"
)

//go:embed *.json *.safetensors
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
}

// Point is one entry of a training curve.
type Point struct {
	Step    int                `json:"step"`
	Loss    float64            `json:"loss"`
	Metrics map[string]float64 `json:"metrics,omitempty"`
}

// Factor is the accuracy for one factor on held-out pictures, with its 95 % Wilson interval, beside the same network
// untrained.
type Factor struct {
	Name      string     `json:"name"`
	Measure   string     `json:"measure"`            // "zero-shot", "head" of a classifier, or linear "probe"
	Split     string     `json:"split"`              // "test", or "heldout" for combinations that training never saw
	Nuisance  string     `json:"nuisance,omitempty"` // what the pictures are spoiled by
	Classes   int        `json:"classes"`
	Pictures  int        `json:"pictures"`
	Accuracy  float64    `json:"accuracy"`
	Interval  [2]float64 `json:"interval"`
	Untrained float64    `json:"untrained"`
}

// Names lists the shipped networks.
func Names() []string {
	m, err := fs.Glob(files, "*.safetensors")
	if err != nil {
		return nil
	}
	var names []string
	for _, f := range m {
		names = append(names, "mini/"+strings.TrimSuffix(f, ".safetensors"))
	}
	return names
}

// Describe reads the card of a shipped network.
func Describe(name string) (Card, error) {
	var c Card
	b, err := files.ReadFile(file(name, ".json"))
	if err != nil {
		return c, fmt.Errorf("no shipped network %q; there are %s", name, strings.Join(Names(), ", "))
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("card of %s: %w", name, err)
	}
	return c, nil
}

// Open reads the weights of a shipped network.
func Open(name string) (*weights.Set, error) {
	b, err := files.ReadFile(file(name, ".safetensors"))
	if err != nil {
		return nil, fmt.Errorf("no shipped network %q; there are %s", name, strings.Join(Names(), ", "))
	}
	f, err := safetensors.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var ts []safetensors.Tensor
	for _, n := range f.Names() {
		t, _ := f.Lookup(n)
		ts = append(ts, t)
	}
	return weights.FromTensors(name, ts)
}

func file(name, ext string) string { return strings.TrimPrefix(name, "mini/") + ext }
