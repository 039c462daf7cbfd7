package program

import (
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Params are named float32 weights, held on one backend once a program has run with them. Set gives a weight's values at
// once; Defer says how they are made, and they are made when a graph first wants them, in the memory of its backend, so
// that a network is never in memory twice. A program on another backend moves all of them there.
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

	use sync.RWMutex // held for writing while a graph is built and its weights are made, for reading while one runs

	mu      sync.Mutex
	late    map[string]Fill
	wanted  []string        // weights that a graph asked for and that are still to be made
	changed map[string]bool // weights that some program changes
	on      compute.Backend // where the weights are, nil before the first program
	owned   []io.Closer

	root   *Params // of a view
	prefix string
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
func NewParams() *Params {
	return &Params{store: model.NewStore(), dims: map[string][]int{}, late: map[string]Fill{}, changed: map[string]bool{}}
}

// Declare returns Params without values, which note every weight that a graph asks for.
func Declare() *Params {
	p := NewParams()
	p.declare = true
	return p
}

// Under is a view of the weights whose names begin with prefix, without it: for a second network of the same architecture
// in one graph. Graph building asks it as it asks p; its weights are set, read and closed through p.
func (p *Params) Under(prefix string) *Params { return &Params{root: p, prefix: prefix} }

// Has tells whether there is a weight called name. Params made by Declare have what a graph already asked for.
func (p *Params) Has(name string) bool {
	if p.root != nil {
		return p.root.Has(p.prefix + name)
	}
	_, ok := p.dims[name]
	return ok
}

// Training tells whether graphs are built to be trained: batch normalisation then uses the statistics of the batch.
func (p *Params) Training() bool {
	if p.root != nil {
		return p.root.Training()
	}
	return p.train
}

// SetTraining says whether the graphs that are built from now on are to be trained.
func (p *Params) SetTraining(on bool) { p.train = on }

// Set adds or replaces the weight called name. The data is copied.
func (p *Params) Set(name string, data []float32, dims ...int) error {
	if size(dims) != len(data) {
		return fmt.Errorf("weight %q: %d values for shape %v", name, len(data), dims)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t := tensors.FromFlatDataAndDimensions(data, dims...)
	delete(p.late, name)
	if err := p.setTurned(name, data, dims); err != nil {
		return err
	}
	if v := p.store.GetVariable("/" + name); v != nil {
		return v.SetValue(t)
	}
	if _, err := p.store.CreateVariable("/"+name, t); err != nil {
		return fmt.Errorf("weight %q: %w", name, err)
	}
	if !p.Has(name) {
		p.note(name, dims)
	}
	p.dims[name] = append([]int(nil), dims...)
	return nil
}

// Get copies the weight called name to the host.
func (p *Params) Get(name string) (data []float32, dims []int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.store.GetVariable("/" + name)
	if fill := p.late[name]; fill != nil && (v == nil || !v.HasValue()) {
		dims = append([]int(nil), p.dims[name]...)
		data = make([]float32, size(dims))
		return data, dims, fill(data)
	}
	if v == nil || !v.HasValue() {
		return nil, nil, fmt.Errorf("weight %q has no value", name)
	}
	t, err := v.Value()
	if err != nil {
		return nil, nil, fmt.Errorf("weight %q: %w", name, err)
	}
	if data, err = tensors.CopyFlatData[float32](t); err == nil && t.HasLocal() && t.IsOnAnyDevice() {
		t.FinalizeLocal() // reading a device's memory left a copy on the host
	}
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
		n += size(dims)
	}
	return n
}

func size(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// Node is the weight called name in graph g; dims are what the caller expects.
func (p *Params) Node(g *graph.Graph, name string, dims ...int) *graph.Node {
	if p.root != nil {
		return p.root.Node(g, p.prefix+name, dims...)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if have, ok := p.dims[name]; ok && !equalDims(have, dims) {
		panic(&ShapeError{Name: name, Want: dims, Have: have})
	}
	if n, ok := g.State(kernelKey{p, name}).(*graph.Node); ok {
		return n // so that a gradient with respect to it sees what the graph made of its turned copy
	}
	v := p.store.GetVariable("/" + name)
	if fill := p.late[name]; v == nil && fill != nil {
		v = p.store.VariableWithShape("/"+name, shapes.Make(dtypes.Float32, dims...), unmade)
		p.wanted = append(p.wanted, name)
	}
	if v == nil {
		if !p.declare {
			panic(&MissingError{Name: name, Dims: dims})
		}
		v = p.store.VariableWithShape("/"+name, shapes.Make(dtypes.Float32, dims...), graph.Zeros)
		p.note(name, dims)
	}
	return v.NodeValue(g)
}

// Update sets the value that weight name will have after the program has run.
func (p *Params) Update(name string, value *graph.Node) {
	if p.root != nil {
		p.root.Update(p.prefix+name, value)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.store.GetVariable("/" + name)
	if err := errors.Join(p.change(name, v), p.updateTurned(name, value)); err != nil {
		panic(fmt.Errorf("weight %q: %w", name, err))
	}
	v.SetNodeValue(value)
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

// Close frees the weights' memory on the host and the device, and what they were made from.
func (p *Params) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.store.Finalize()
	for _, c := range p.owned {
		c.Close() // of files that were only read
	}
	p.owned, p.late = nil, map[string]Fill{}
}

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
