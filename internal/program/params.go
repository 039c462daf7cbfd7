package program

import (
	"fmt"
	"sort"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Params are named float32 weights, held on one backend once a program has run with them.
//
// Model code asks for a weight by the name it has in its checkpoint, and says the shape it expects: a missing or
// mis-shaped tensor is a MissingError or ShapeError panic while the graph is built, which Program turns into an error.
// Params made by Declare have no values: a graph built on them only says which weights it wants.
type Params struct {
	store   *model.Store
	declare bool
	train   bool
	order   []string
	dims    map[string][]int
}

// MissingError says that a graph wants a weight that the checkpoint does not have.
type MissingError struct {
	Name string
	Dims []int
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("weight %q %v is missing: the checkpoint is of another architecture or configuration", e.Name, e.Dims)
}

// ShapeError says that a weight has another shape than the graph wants.
type ShapeError struct {
	Name       string
	Want, Have []int
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("weight %q has shape %v, want %v: the checkpoint is of another configuration", e.Name, e.Have, e.Want)
}

// NewParams returns an empty set of weights.
func NewParams() *Params { return &Params{store: model.NewStore(), dims: map[string][]int{}} }

// Declare returns Params without values, which note every weight that a graph asks for.
func Declare() *Params {
	p := NewParams()
	p.declare = true
	return p
}

// Has tells whether there is a weight called name. Params made by Declare have what a graph already asked for.
func (p *Params) Has(name string) bool { _, ok := p.dims[name]; return ok }

// Training tells whether graphs are built to be trained: batch normalisation then uses the statistics of the batch.
func (p *Params) Training() bool { return p.train }

// SetTraining says whether the graphs that are built from now on are to be trained.
func (p *Params) SetTraining(on bool) { p.train = on }

// Set adds or replaces the weight called name. The data is copied.
func (p *Params) Set(name string, data []float32, dims ...int) error {
	size := 1
	for _, d := range dims {
		size *= d
	}
	if size != len(data) {
		return fmt.Errorf("weight %q: %d values for shape %v", name, len(data), dims)
	}
	t := tensors.FromFlatDataAndDimensions(data, dims...)
	if v := p.store.GetVariable("/" + name); v != nil {
		return v.SetValue(t)
	}
	if _, err := p.store.CreateVariable("/"+name, t); err != nil {
		return fmt.Errorf("weight %q: %w", name, err)
	}
	p.note(name, dims)
	return nil
}

// Get copies the weight called name to the host.
func (p *Params) Get(name string) (data []float32, dims []int, err error) {
	v := p.store.GetVariable("/" + name)
	if v == nil || !v.HasValue() {
		return nil, nil, fmt.Errorf("weight %q has no value", name)
	}
	t, err := v.Value()
	if err != nil {
		return nil, nil, fmt.Errorf("weight %q: %w", name, err)
	}
	data, err = tensors.CopyFlatData[float32](t)
	return data, t.Shape().Dimensions, err
}

// Names lists the weights in the order they were set or first asked for.
func (p *Params) Names() []string { return append([]string(nil), p.order...) }

// Shapes maps every weight to its dimensions.
func (p *Params) Shapes() map[string][]int { return p.dims }

// Count is the number of scalars in all weights.
func (p *Params) Count() int {
	n := 0
	for _, dims := range p.dims {
		size := 1
		for _, d := range dims {
			size *= d
		}
		n += size
	}
	return n
}

// Node is the weight called name in graph g; dims are what the caller expects.
func (p *Params) Node(g *graph.Graph, name string, dims ...int) *graph.Node {
	v := p.store.GetVariable("/" + name)
	if v == nil {
		if !p.declare {
			panic(&MissingError{Name: name, Dims: dims})
		}
		v = p.store.VariableWithShape("/"+name, shapes.Make(dtypes.Float32, dims...), graph.Zeros)
		p.note(name, dims)
	}
	if have := v.Shape().Dimensions; !equalDims(have, dims) {
		panic(&ShapeError{Name: name, Want: dims, Have: have})
	}
	return v.NodeValue(g)
}

// Update sets the value that weight name will have after the program has run.
func (p *Params) Update(name string, value *graph.Node) {
	p.store.GetVariable("/" + name).SetNodeValue(value)
}

// Trainable lists the weights a training step may change, in sorted order: all but those whose name begins with one of
// the given prefixes.
func (p *Params) Trainable(except ...string) []string {
	var names []string
next:
	for _, n := range p.order {
		for _, e := range except {
			if strings.HasPrefix(n, e) {
				continue next
			}
		}
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// Close frees the weights' memory on the host and the device.
func (p *Params) Close() { p.store.Finalize() }

func (p *Params) note(name string, dims []int) {
	p.order = append(p.order, name)
	p.dims[name] = append([]int(nil), dims...)
}

func equalDims(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
