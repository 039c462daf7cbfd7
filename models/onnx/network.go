package onnx

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// Network is the graph of an ONNX file as a models.Network, for pictures of one size.
type Network struct {
	file   *file
	size   [3]int // channels, height, width
	places map[string]place
	hidden []string // values that no site shows
	out    place
	shapes map[string][]int // of the weights that the network asks for
	// stretchedAt is, for a file of a fixed number of stimuli, the dimension that holds them by the number of the node
	// that reshapes.
	stretchedAt map[int]int
}

// file is what is kept of a file: its nodes in order and its weights, of which the large ones are in Params.
type file struct {
	opset     int64
	batch     int // the number of stimuli the file is written for, 0 for any
	input     string
	inputAxes []site.Axis
	size      [3]int // channels, height, width; -1 where the file leaves it open
	output    string
	nodes     []*nodeProto
	weights   []*weight
	names     map[string]string // of sites, by tensor
}

// picture finds the picture among the graph's inputs and its size, and says what was assumed.
func (f *file) picture(g *graphProto) (warnings []string, err error) {
	if len(g.inputs) != 1 {
		var names []string
		for _, v := range g.inputs {
			names = append(names, v.name)
		}
		return nil, fmt.Errorf("the graph has %d inputs (%s): a network for pictures has one; store the others as initializers", len(g.inputs), some(names))
	}
	v := g.inputs[0]
	f.input = v.name
	if t, err := typeOf(v.dtype); err != nil || t.kind != floating {
		return nil, fmt.Errorf("the input %q holds no floating-point numbers: export the network so that it takes preprocessed pictures", v.name)
	}
	if len(v.dims) != 4 {
		return nil, fmt.Errorf("the input %q has dimensions %v: want pictures, [stimuli, channels, height, width]", v.name, v.dims)
	}
	f.batch = max(v.dims[0], 0)
	colours := func(d int) bool { return d == 1 || d == 3 }
	f.inputAxes = []site.Axis{site.Stimulus, site.Channel, site.Y, site.X}
	f.size = [3]int{v.dims[1], v.dims[2], v.dims[3]}
	switch {
	case colours(v.dims[1]):
	case colours(v.dims[3]):
		f.inputAxes = []site.Axis{site.Stimulus, site.Y, site.X, site.Channel}
		f.size = [3]int{v.dims[3], v.dims[1], v.dims[2]}
		warnings = append(warnings, "the input has its channels last")
	case v.dims[1] < 0:
		f.size[0] = 3
		warnings = append(warnings, "the file leaves the number of channels open; 3 were assumed")
	default:
		return nil, fmt.Errorf("the input %q has dimensions %v: want 1 or 3 channels", v.name, v.dims)
	}
	return warnings, nil
}

// network is the graph for pictures of height x width pixels, 0 for what the file says.
func (f *file) network(height, width int) (*Network, error) {
	n := &Network{file: f, size: f.size, places: map[string]place{}, stretchedAt: map[int]int{}}
	for i, want := range []int{height, width} {
		have := f.size[i+1]
		switch {
		case want < 0 || max(want, have) > maxSide:
			return nil, fmt.Errorf("pictures of %d x %d are not between 1 and %d pixels", max(height, f.size[1]), max(width, f.size[2]), maxSide)
		case have < 0 && want == 0:
			return nil, errors.New("the file takes pictures of any size: say which, with ?size=PIXELS")
		case have > 0 && want > 0 && want != have:
			return nil, fmt.Errorf("the file is for pictures of %d x %d, not %d x %d", f.size[1], f.size[2], height, width)
		case have < 0:
			n.size[i+1] = want
		}
	}
	return n, n.learn()
}

// nameSites gives every value a name that selectors can spell.
func (f *file) nameSites(g *graphProto) {
	f.names = map[string]string{}
	taken := map[string]bool{}
	for _, node := range g.nodes {
		for _, out := range node.outputs {
			if out == "" {
				continue
			}
			name := strings.Map(func(r rune) rune {
				if r <= ' ' || r == 0x7f || r == 0xfffd || strings.ContainsRune("*{}:,?", r) {
					return '_'
				}
				return r
			}, out)
			for base, i := name, 2; taken[name]; i++ {
				name = fmt.Sprintf("%s_%d", base, i)
			}
			taken[name] = true
			f.names[out] = name
		}
	}
}

// probe is the number of stimuli with which a network is first built, to find which dimension of every value holds them.
// It is a prime number that no network has as a size of its own, so that it cannot be mistaken.
const probe = 1009

// learn builds the network once, without weights or running it, and works out what every value's dimensions are.
func (n *Network) learn() (err error) {
	be, err := backend.Open("go")
	if err != nil {
		return err
	}
	defer be.Finalize()
	g := NewGraph(be.Backend, "onnx")
	defer g.Finalize()
	defer func() {
		if r := recover(); r != nil {
			if f, ok := r.(failure); ok {
				r = f.err
			}
			if e, ok := r.(error); ok {
				err = e
				return
			}
			err = fmt.Errorf("%v", r)
		}
	}()
	x := Parameter(g, "x", shapes.Make(dtypes.Float32, append([]int{probe}, n.Input()...)...))
	w := &walk{n: n, g: g, p: program.Declare(), batch: probe, learn: true}
	w.run(n.arranged(x))
	n.shapes = w.p.Shapes()
	return nil
}

// arranged brings pictures into the order that the file wants.
func (n *Network) arranged(x *Node) *Node {
	if n.file.inputAxes[3] == site.Channel {
		return TransposeAllAxes(x, 0, 2, 3, 1)
	}
	return x
}

// Input is channels, height, width.
func (n *Network) Input() []int { return n.size[:] }

// Forward builds the graph for x [stimulus, channel, height, width] and taps every value that depends on it.
func (n *Network) Forward(p *models.Params, x *Node) *Node {
	w := &walk{n: n, g: x.Graph(), p: p, batch: x.Shape().Dimensions[0]}
	defer func() {
		if r := recover(); r != nil {
			if f, ok := r.(failure); ok {
				panic(fmt.Errorf("onnx: %w", f.err))
			}
			panic(r)
		}
	}()
	return w.run(n.arranged(x))
}
