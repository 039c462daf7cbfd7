// Package models defines what a network is to the rest of the rig: a graph function whose inner values are sites, the
// weights it reads and the preprocessing of its pictures. The architectures live in the packages below it; models/zoo
// opens them by name.
//
// # Invariants
//
//   - Forward taps every site once, in the order in which they are computed, whatever the plan.
//   - The sites of a model depend only on its architecture and input size, so a plan can be checked without weights.
package models

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// Network is an architecture.
type Network interface {
	// Forward builds the graph for x [batch, channel, height, width], taps its sites and returns the network's output.
	// It panics on misuse, as graph building does.
	Forward(p *program.Params, x *graph.Node) *graph.Node
	// Input is the shape of one preprocessed picture: channel, height, width.
	Input() []int
}

// Model is a network with weights.
type Model struct {
	Name         string // "mini/clip-vit"
	Config       Config // nil for a foreign network
	Architecture string // "clip-vit"
	WeightsHash  string // of names, shapes and values; "" without weights
	Network      Network
	Preprocess   preprocess.Spec
	Params       *program.Params // held on at most one backend

	once  sync.Once
	sites []site.Info
	err   error
}

// Identity names all that decides what the model makes of a picture: the weights, the configuration with its rules (two
// networks with the same weights differ by their activation, their epsilons, their pools, their way of resampling
// positions), the input size and the preprocessing. The name is no part of it.
func (m *Model) Identity() (string, error) {
	b, err := json.Marshal(struct {
		Weights, Architecture string
		Config                Config
		Input                 []int
		Preprocess            string
	}{m.WeightsHash, m.Architecture, m.Config, m.Network.Input(), m.Preprocess.Hash()})
	if err != nil {
		return "", fmt.Errorf("%s: %w", m.Name, err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// Sites lists the inner values of the model in the order in which they are computed. Nothing is run.
func (m *Model) Sites() ([]site.Info, error) {
	m.once.Do(func() {
		if m.sites, _, m.err = Trace(m.Network); m.err == nil && m.Config != nil {
			name(m.sites, m.Config.Aliases())
		}
	})
	return m.sites, m.err
}

// name adds to sites the names they have elsewhere.
func name(sites []site.Info, aliases []Alias) {
	at := map[string]int{}
	for i, s := range sites {
		at[s.Name] = i
	}
	for _, a := range aliases {
		if i, ok := at[a.Site]; ok && a.Name != a.Site && !slices.Contains(sites[i].Aliases, a.Name) {
			sites[i].Aliases = append(sites[i].Aliases, a.Name)
		}
	}
}

// Trace builds a network without weights and returns its sites and the shapes of the weights it asks for.
func Trace(n Network) (sites []site.Info, weights map[string][]int, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("tracing the network: %v", r)
		}
	}()
	be, err := backend.Open("go")
	if err != nil {
		return nil, nil, err
	}
	defer be.Finalize()
	g := graph.NewGraph(be.Backend, "trace")
	defer g.Finalize()
	p := program.Declare()
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, append([]int{1}, n.Input()...)...))
	sites, _ = site.List(g, func() { n.Forward(p, x) })
	return sites, p.Shapes(), nil
}
