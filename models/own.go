package models

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// Params are the weights of a network, under the names they have in its checkpoint. Forward asks for each by name and
// expected shape, p.Node(g, "conv1.weight", 64, 3, 7, 7); a weight that is missing or of another shape stops the
// building of the graph with an error that says so.
type Params = program.Params

// NewParams returns an empty set of weights, for networks whose weights do not come from a checkpoint; Set adds one.
func NewParams() *Params { return program.NewParams() }

// New makes a model of an architecture of one's own, for pictures of spec's size. nil stands for the weights of Random with
// seed 0.
//
// Recordings are found again by what was recorded: the model's Architecture ends in a hash of the graph that Forward
// builds, so that changed code does not get old recordings, and WeightsHash is of the weights' names, shapes and values.
func New(name string, c Config, p *Params, spec preprocess.Spec) (*Model, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	n, err := c.Network(spec.Size, spec.Size)
	if err != nil {
		return nil, err
	}
	code, err := hashGraph(n)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if p == nil {
		if p, err = Random(c, 0); err != nil {
			return nil, err
		}
	}
	values, err := hashWeights(p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &Model{Name: name, Config: c, Architecture: c.Family() + "-" + code[:12], WeightsHash: values, Network: n, Preprocess: spec, Params: p}, nil
}

// hashGraph is of all operations of a network with their shapes and constants.
func hashGraph(n Network) (hash string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("building the network: %v", r)
		}
	}()
	be, err := backend.Open("go")
	if err != nil {
		return "", err
	}
	defer be.Finalize()
	g := graph.NewGraph(be.Backend, "hash")
	defer g.Finalize()
	n.Forward(program.Declare(), graph.Parameter(g, "x", shapes.Make(dtypes.Float32, append([]int{1}, n.Input()...)...)))
	h := sha256.Sum256([]byte(g.String()))
	return hex.EncodeToString(h[:]), nil
}

func hashWeights(p *Params) (string, error) {
	h := sha256.New()
	names := p.Names()
	slices.Sort(names)
	for _, name := range names {
		data, dims, err := p.Get(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%q %v\n", name, dims)
		var buf []byte
		for _, v := range data {
			if buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v)); len(buf) >= 1<<16 {
				h.Write(buf)
				buf = buf[:0]
			}
		}
		h.Write(buf)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
