package models_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/initial"
	"github.com/ventral-lab/ventral/models/layer"
	"github.com/ventral-lab/ventral/models/modeltest"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// V1 is a model of primary visual cortex: simple cells, which are pairs of filters, complex cells, which add their
// energies, and divisive normalisation by their neighbourhood.
type V1 struct {
	Cells  int // complex cells at each place
	Kernel int // pixels on a side of a filter, odd
	Size   int // pixels on a side of a picture
}

func (c V1) Family() string { return "v1" }

func (c V1) Validate() error {
	if c.Cells < 1 || c.Kernel%2 != 1 || c.Size < c.Kernel {
		return fmt.Errorf("v1: %+v: want some cells, and an odd kernel that fits into the picture", c)
	}
	return nil
}

// Shapes are the weights, by name.
func (c V1) Shapes() map[string][]int {
	return map[string][]int{"simple.weight": {2 * c.Cells, 3, c.Kernel, c.Kernel}, "half.weight": {c.Cells}}
}

// Law says what an untrained network starts from.
func (c V1) Law(name string, dims []int) initial.Law {
	if name == "half.weight" {
		return initial.Law{Constant: 0.5}
	}
	return initial.FanIn(dims)
}

// Aliases are names of sites elsewhere.
func (c V1) Aliases() []models.Alias {
	return []models.Alias{{Site: "normalised", Library: "heeger1992", Name: "complex_cell"}}
}

// Network is the network for pictures of that size, 0 x 0 for the usual one.
func (c V1) Network(height, width int) (models.Network, error) {
	if height == 0 && width == 0 {
		height, width = c.Size, c.Size
	}
	if height < c.Kernel || width < c.Kernel {
		return nil, errors.New("v1: the picture is smaller than a filter")
	}
	return network{c, height, width}, nil
}

type network struct {
	V1
	height, width int
}

// Input is channels, height, width.
func (n network) Input() []int { return []int{3, n.height, n.width} }

// Forward builds the graph; x is [batch, 3, height, width]. Every value worth recording goes through a tap.
func (n network) Forward(p *models.Params, x *Node) *Node {
	g := x.Graph()
	w := p.Node(g, "simple.weight", 2*n.Cells, 3, n.Kernel, n.Kernel)
	simple := layer.Conv(layer.Image(x), w, nil, 2, layer.Even(n.Kernel/2))
	simple = site.TapImage("simple", simple)

	part := func(from, to int) *Node { return Slice(simple, AxisRange().Spacer(), AxisRange(from, to)) }
	energy := Add(Square(part(0, n.Cells)), Square(part(n.Cells, 2*n.Cells)))
	energy = site.TapImage("complex", Sqrt(AddScalar(energy, 1e-6)))

	// A cell's energy over that of all cells around it (Heeger 1992).
	around := layer.PoolMean(ReduceAndKeep(energy, ReduceMean, -1), 5, 1, layer.Even(2), false)
	half := layer.Over(p.Node(g, "half.weight", n.Cells), energy)
	normal := site.TapImage("normalised", Div(energy, Add(half, layer.Over(around, energy))))
	return site.Tap("mean", ReduceMean(normal, 1, 2), site.Channel)
}

// Example writes an architecture of one's own, lists its sites and runs the conformance test on it.
func Example() {
	c := V1{Cells: 6, Kernel: 7, Size: 24}
	n, err := c.Network(0, 0)
	if err != nil {
		log.Fatal(err)
	}
	sites, weights, err := models.Trace(n)
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range sites {
		fmt.Println(s.Name, s.Axes, s.Shape)
	}
	fmt.Println(len(weights), "weights")
	report := modeltest.Check(modeltest.Case{Config: c, Backends: []string{"go"}})
	fmt.Print(report)
	// Output:
	// simple [channel y x] [12 12 12]
	// complex [channel y x] [6 12 12]
	// normalised [channel y x] [6 12 12]
	// mean [channel] [6]
	// 2 weights
	// trace           ok
	// sites           ok
	// weights         ok
	// random          ok
	// aliases         ok
	// size            ok
	// around          ok
	// axes       go   ok
	// finite     go   ok
	// image      go   ok
	// captures   go   ok
	// taps       go   ok
	// batch      go   ok
	// edits      go   ok
	// masks      go   ok
	// start      go   ok
	// gradients  go   ok
}

// TestV1 is the conformance test as one would write it for one's own architecture.
func TestV1(t *testing.T) {
	modeltest.Run(t, modeltest.Case{Config: V1{Cells: 6, Kernel: 7, Size: 24}, Refused: [][2]int{{6, 24}}})
}

// TestDocument keeps the page on own models, and the notebook, at the code above.
func TestDocument(t *testing.T) {
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(source), "// V1 is a model")
	code, _, _ = strings.Cut("// V1 is a model"+code, "\n// Example writes")
	page, err := os.ReadFile("../docs/own-model.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), strings.TrimSpace(code)+"\n```") {
		t.Error("docs/own-model.md does not have the code of the example")
	}
	raw, err := os.ReadFile("../notebooks/02_bring_your_own_model.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	var book struct {
		Cells []struct {
			Source json.RawMessage `json:"source"`
		} `json:"cells"`
	}
	if err := json.Unmarshal(raw, &book); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, c := range book.Cells {
		var lines []string
		if json.Unmarshal(c.Source, &lines) == nil {
			found = found || strings.Contains(strings.Join(lines, ""), strings.TrimSpace(code))
		}
	}
	if !found {
		t.Error("the notebook does not have the code of the example")
	}
}
