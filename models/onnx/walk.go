package onnx

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// value is what a name of the file stands for while a graph is built. Values that do not depend on the picture may be
// known, and become nodes of the graph only where an operation needs one; the weights are such values.
type value struct {
	fixed   bool   // it does not depend on the picture
	written bool   // nor on the number of stimuli: it follows from the file alone
	known   *array // its numbers, where they are known
	node    *Node
	make    func() *Node  // makes node when it is first asked for
	find    func() *array // finds known when it is first asked for
	axes    []axis        // of a node that depends on the picture
}

// walk is the building of one graph.
type walk struct {
	n      *Network
	g      *Graph
	p      *models.Params
	batch  int
	values map[string]*value
	// learn is set while the network is opened: the walk then works out what the dimensions of every value are made of.
	learn bool
}

// failure is why a node cannot be converted; building panics with it.
type failure struct{ err error }

func fail(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

// call is one node being converted.
type call struct {
	*nodeProto
	w     *walk
	index int
	in    []*value // nil for an input that is left out
}

// input is input i, which must be there.
func (c *call) input(i int) *value {
	if i >= len(c.in) || c.in[i] == nil {
		fail("input %d is missing", i)
	}
	return c.in[i]
}

func (c *call) has(i int) bool { return i < len(c.in) && c.in[i] != nil }

// x is input i as a node.
func (c *call) x(i int) *Node { return c.w.nodeOf(c.input(i)) }

// known is input i as numbers.
func (c *call) known(i int) *array {
	a := c.input(i).numbers()
	if a == nil {
		fail("input %d (%q) has to be known before the network runs, and is not: only shapes and constants may decide about it", i, c.inputs[i])
	}
	return a
}

// ints is input i as a list of whole numbers, or the attribute of that name, or nil. Newer versions of many operations
// take as an input what older ones have as an attribute.
func (c *call) ints(i int, attr string) []int {
	if a, ok := c.attrs[attr]; ok {
		return toInts(a.ints)
	}
	if i >= 0 && c.has(i) {
		return c.known(i).ints()
	}
	return nil
}

func toInts(v []int64) []int {
	out := make([]int, len(v))
	for i, x := range v {
		out[i] = int(min(max(x, -MaxSize), MaxSize))
	}
	return out
}

// ints are the values of a list of whole numbers; those far out of range, which mean "to the end", come near to it.
func (a *array) ints() []int {
	out := make([]int, len(a.v))
	for i, x := range a.v {
		out[i] = int(min(max(x, -MaxSize), MaxSize))
	}
	return out
}

func (c *call) int(attr string, otherwise int) int {
	if a, ok := c.attrs[attr]; ok {
		return int(min(max(a.i, -MaxSize), MaxSize))
	}
	return otherwise
}

func (c *call) float(attr string, otherwise float64) float64 {
	if a, ok := c.attrs[attr]; ok {
		return float64(a.f)
	}
	return otherwise
}

func (c *call) text(attr, otherwise string) string {
	if a, ok := c.attrs[attr]; ok {
		return a.s
	}
	return otherwise
}

// axis brings a possibly negative axis into 0..rank-1.
func axisIn(a, rank int) int {
	if a < 0 {
		a += rank
	}
	if a < 0 || a >= rank {
		fail("axis %d of %d dimensions", a, rank)
	}
	return a
}

func (v *value) numbers() *array {
	if v.known == nil && v.find != nil {
		v.known, v.find = v.find(), nil
	}
	return v.known
}

// nodeOf is the value as a node of the graph.
func (w *walk) nodeOf(v *value) *Node {
	if v.node == nil && v.make != nil {
		v.node, v.make = v.make(), nil
	}
	if v.node == nil && v.known != nil {
		v.node = w.constant(v.known)
	}
	if v.node == nil {
		fail("a value that could not be computed is used")
	}
	return v.node
}

// constant puts known numbers into the graph.
func (w *walk) constant(a *array) *Node {
	switch a.kind {
	case integer:
		v := make([]int32, len(a.v))
		for i, x := range a.v {
			v[i] = int32(min(max(x, -1<<31), 1<<31-1))
		}
		return constantOf(w.g, v, a.dims)
	case boolean:
		v := make([]bool, len(a.v))
		for i, x := range a.v {
			v[i] = x != 0
		}
		return constantOf(w.g, v, a.dims)
	}
	v := make([]float32, len(a.v))
	for i, x := range a.v {
		v[i] = float32(x)
	}
	return constantOf(w.g, v, a.dims)
}

func constantOf[T float32 | int32 | bool](g *Graph, v []T, dims []int) *Node {
	if len(v) == 0 {
		fail("a tensor without values, of dimensions %v, reaches the network", dims)
	}
	return Reshape(Const(g, v), dims...)
}

// dims are the dimensions of a value.
func (w *walk) dims(v *value) []int {
	if v.known != nil {
		return v.known.dims
	}
	return w.nodeOf(v).Shape().Dimensions
}

// run builds the whole network on x, which is as the file wants it.
func (w *walk) run(x *Node) *Node {
	f := w.n.file
	w.values = map[string]*value{}
	in := &value{node: x}
	if w.learn {
		for d, label := range f.inputAxes {
			in.axes = append(in.axes, one(label, x.Shape().Dimensions[d]))
		}
	}
	w.values[f.input] = in
	for _, t := range f.weights {
		w.values[t.name] = w.weight(t)
	}
	for i, n := range f.nodes {
		w.node(i, n)
	}
	out, ok := w.values[f.output]
	if !ok || out.fixed {
		fail("the output %q does not depend on the picture", f.output)
	}
	if w.learn {
		p, ok := newPlace(out.node.Shape().Dimensions, out.axes)
		if !ok {
			fail("the output %q has no axis of stimuli: its shape is %v", f.output, out.node.Shape().Dimensions)
		}
		w.n.out = p
	}
	y := w.n.out.show(out.node, w.batch)
	if y.DType() != dtypes.Float32 {
		y = ConvertDType(y, dtypes.Float32)
	}
	return y
}

// weight is a stored tensor: a weight of the network where it holds floating-point numbers along an axis.
func (w *walk) weight(t *weight) *value {
	v := &value{fixed: true, written: true, known: t.known}
	if t.param != "" {
		v.make = func() *Node { return w.p.Node(w.g, t.param, t.dims...) }
	}
	return v
}

// node converts one node and taps what it makes.
func (w *walk) node(index int, n *nodeProto) {
	defer func() {
		if r := recover(); r != nil {
			err, ok := r.(error)
			if f, is := r.(failure); is {
				err, ok = f.err, true
			}
			if !ok {
				err = fmt.Errorf("%v", r)
			}
			panic(fmt.Errorf("%s: %w", n.describe(index), err))
		}
	}()
	c := &call{nodeProto: n, w: w, index: index}
	fixed := true
	for _, name := range n.inputs {
		if name == "" {
			c.in = append(c.in, nil)
			continue
		}
		v, ok := w.values[name]
		if !ok {
			fail("input %q was not computed", name)
		}
		c.in = append(c.in, v)
		fixed = fixed && v.fixed
	}
	name := n.op
	if n.domain != "" {
		name = n.domain + "." + n.op
	}
	op := operations[name]
	var out []*value
	if fixed {
		out = w.fixedCall(c, op)
		for _, v := range out {
			v.written = !slices.ContainsFunc(c.in, func(in *value) bool { return in != nil && !in.written })
		}
	} else {
		out = op.convert(c)
	}
	if len(out) < len(n.outputs) && slices.ContainsFunc(n.outputs[len(out):], func(s string) bool { return s != "" }) {
		fail("its output %q is not supported", n.outputs[len(out)])
	}
	for i, name := range n.outputs {
		if name == "" {
			continue
		}
		v := out[i]
		if v.node != nil {
			w.check(v.node)
		}
		if !v.fixed {
			w.tap(name, v)
		}
		w.values[name] = v
	}
}

// fixedCall evaluates a node that does not depend on the picture: on numbers where they are asked for, and in the graph
// where a node is. Neither is done before it is needed.
func (w *walk) fixedCall(c *call, op operation) []*value {
	if op.evaluate == nil || len(c.outputs) != 1 {
		out := op.convert(c)
		for _, v := range out {
			v.fixed = true
		}
		return out
	}
	v := &value{fixed: true}
	small := true
	for _, in := range c.in {
		small = small && (in == nil || in.known != nil || in.find != nil)
	}
	if small {
		v.find = func() *array { return op.evaluate(c) }
	}
	if a := w.shapeOnly(c, v); a {
		return []*value{v}
	}
	v.make = func() *Node {
		out := op.convert(c)
		if out[0].node == nil {
			return w.nodeOf(out[0])
		}
		w.check(out[0].node)
		return out[0].node
	}
	return []*value{v}
}

// shapeOnly evaluates at once what holds whole numbers or truth values: sizes, indices and masks. They are no weights.
func (w *walk) shapeOnly(c *call, v *value) bool {
	for _, in := range c.in {
		if in != nil && (in.known == nil || in.known.kind == floating) {
			return false
		}
	}
	v.known, v.find = v.find(), nil
	return true
}

// check refuses values and graphs that no machine holds.
func (w *walk) check(x *Node) {
	fits(x.Shape().Dimensions)
	if n := len(w.g.Nodes()); n > MaxGraph {
		fail("the graph has more than %d nodes", MaxGraph)
	}
}

// tap makes a site of a value that depends on the picture.
func (w *walk) tap(name string, v *value) {
	if v.node == nil || v.node.DType() != dtypes.Float32 {
		return // sizes and truth values are no activations
	}
	if w.learn {
		p, ok := newPlace(v.node.Shape().Dimensions, v.axes)
		if !ok {
			w.n.hidden = append(w.n.hidden, name)
			return
		}
		w.n.places[name] = p
	}
	if p, ok := w.n.places[name]; ok {
		v.node = p.tap(w.n.file.names[name], v.node, w.batch)
	}
}

// result is a value that depends on the picture, made of dimensions of these axes; axes are only worked out while
// learning.
func (c *call) result(x *Node, axes func() []axis) []*value {
	v := &value{node: x}
	if c.w.learn && axes != nil {
		v.axes = axes()
		if len(v.axes) != x.Rank() {
			v.axes = c.guess(x)
		}
	}
	return []*value{v}
}

// guess is for operations that do not say what their dimensions are: the stimuli stay first if they were, and if the
// number fits.
func (c *call) guess(x *Node) []axis {
	axes := make([]axis, x.Rank())
	for d := range axes {
		axes[d] = one("", x.Shape().Dimensions[d])
	}
	for _, in := range c.in {
		if in == nil || in.fixed || len(in.axes) == 0 || len(axes) == 0 {
			continue
		}
		if d, k := stimulus(in.axes); d == 0 && k == 0 && len(in.axes[0]) == 1 && x.Shape().Dimensions[0] == c.w.batch {
			axes[0] = one(site.Stimulus, c.w.batch)
		}
		break
	}
	return axes
}

// same are the axes of input i, for operations that keep them.
func (c *call) same(i int) func() []axis {
	return func() []axis { return c.in[i].axes }
}
