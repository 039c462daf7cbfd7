package site

import (
	"fmt"
	"sort"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"
)

// Tracer carries a bound plan through the building of one graph.
type Tracer struct {
	b       *Bound
	inputs  map[string]*Node
	outputs []*Node
	fired   map[string]bool
	seen    map[string]bool
	nodes   map[string]*Node
}

// Attach puts the plan into g, with the nodes of its runtime inputs in the order of b.Inputs. Build the model after it,
// then ask for Outputs.
func (b *Bound) Attach(g *Graph, inputs []*Node) *Tracer {
	if len(inputs) != len(b.Inputs) {
		panic(fmt.Errorf("the plan takes %d runtime inputs, got %d", len(b.Inputs), len(inputs)))
	}
	t := &Tracer{b: b, inputs: map[string]*Node{}, outputs: make([]*Node, len(b.Outputs)),
		fired: map[string]bool{}, seen: map[string]bool{}, nodes: map[string]*Node{}}
	for i, in := range b.Inputs {
		key := in.Key
		if in.Kind == ProjectInput {
			key = strings.TrimPrefix(key, "project.")
		}
		t.inputs[key] = inputs[i]
	}
	g.AttachState(stateKey{}, t)
	return t
}

func (t *Tracer) tap(name string, x *Node, axes []Axis) *Node {
	if t.seen[name] {
		panic(fmt.Errorf("site %s is tapped twice", name))
	}
	t.seen[name] = true
	if t.b.start != nil && t.b.start.Name == name {
		x = t.inputs["start"]
		t.fired["start"] = true
	}
	for _, e := range t.b.edits[name] {
		if e.Mul != nil {
			x = Mul(x, t.spread(e.Name+".mul@"+name, x, axes))
		}
		if e.Add != nil {
			x = Add(x, t.spread(e.Name+".add@"+name, x, axes))
		}
	}
	t.nodes[name] = x
	for _, c := range t.b.captures[name] {
		v := view{x: x, axes: axes, shape: append([]int(nil), x.Shape().Dimensions[1:]...)}
		for _, st := range c.steps {
			var err error
			if v, err = st.apply(v, t.inputs); err != nil {
				panic(fmt.Errorf("site %s: %s: %w", name, st.text, err))
			}
		}
		t.outputs[c.output] = v.x
	}
	return x
}

func (t *Tracer) uses(name string) bool {
	return t.b.start != nil && t.b.start.Name == name || len(t.b.edits[name]) > 0 || len(t.b.captures[name]) > 0
}

// spread broadcasts the runtime input called key to the shape of x.
func (t *Tracer) spread(key string, x *Node, axes []Axis) *Node {
	t.fired[key] = true
	in := t.inputs[key]
	var spec Input
	for _, s := range t.b.Inputs {
		if s.Key == key {
			spec = s
		}
	}
	dims := make([]int, x.Rank())
	for i := range dims {
		dims[i] = 1
	}
	for _, a := range spec.Axes {
		if a == Stimulus {
			dims[0] = x.Shape().Dimensions[0]
			continue
		}
		for k, b := range axes {
			if a == b {
				dims[k+1] = x.Shape().Dimensions[k+1]
			}
		}
	}
	return BroadcastToShape(Reshape(in, dims...), x.Shape())
}

// Node is the value of a site, after its edits, for gradients with respect to it; nil where the plan neither captures nor
// edits the site nor starts from it, because then the graph may go on from another form of the value.
func (t *Tracer) Node(name string) *Node {
	if !t.uses(name) {
		return nil
	}
	return t.nodes[name]
}

// Outputs are the captured nodes in the order of Bound.Outputs. It panics if any part of the plan did not fire: the
// model did not tap a site it had listed.
func (t *Tracer) Outputs() []*Node {
	var missing []string
	for i, o := range t.outputs {
		if o == nil {
			missing = append(missing, t.b.Outputs[i].Name)
		}
	}
	for _, in := range t.b.Inputs {
		if in.Kind != ProjectInput && !t.fired[in.Key] {
			missing = append(missing, in.Key)
		}
	}
	if len(missing) > 0 {
		sort.Strings(missing)
		panic(fmt.Errorf("parts of the plan did not fire: %s", strings.Join(missing, ", ")))
	}
	return t.outputs
}
