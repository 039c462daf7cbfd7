package record

import (
	"context"
	"fmt"
	"image"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// executor is a model compiled with one bound plan for one batch size.
type executor struct {
	bound *site.Bound
	batch int
	input []int
	start bool
	prog  *program.Program
}

func newExecutor(be *backend.Backend, m *models.Model, b *site.Bound, batch int) (*executor, error) {
	e := &executor{bound: b, batch: batch, input: m.Network.Input(), start: b.Plan.Start() != ""}
	var err error
	e.prog, err = program.New(be, m.Name, m.Params, func(g *Graph, p *program.Params, in []*Node) []*Node {
		var x *Node
		if e.start {
			// Everything before the start is dead code; the network is only built on a picture to give it shapes.
			x = Zeros(g, shapes.Make(dtypes.Float32, e.dims()...))
		} else {
			x, in = in[0], in[1:]
		}
		t := b.Attach(g, in)
		m.Network.Forward(p, x)
		out := t.Outputs()
		for i, o := range out {
			if e.start && computedFrom(o, x, map[*Node]bool{}) {
				panic(fmt.Errorf("record: the plan starts at %s, but %s is also computed from the picture by another way; start from a site that everything passes through, such as a block's output",
					b.Plan.Start(), b.Outputs[i].Name))
			}
		}
		return out
	})
	return e, err
}

// computedFrom tells whether any edge of the graph leads from x to v.
func computedFrom(v, x *Node, seen map[*Node]bool) bool {
	if v == x {
		return true
	}
	if seen[v] {
		return false
	}
	seen[v] = true
	for _, in := range v.Inputs() {
		if computedFrom(in, x, seen) {
			return true
		}
	}
	return false
}

func (e *executor) dims() []int { return append([]int{e.batch}, e.input...) }

// run computes one batch. x are the pictures, or, for a plan with a start, unused. inputs are looked up by key; those
// that are missing take their defaults. see gets every output, padded rows included, valid during the call.
func (e *executor) run(x []float32, inputs map[string][]float32, see func(i int, data []float32)) error {
	var in []program.Value
	if !e.start {
		in = append(in, program.F32(x, e.dims()...))
	}
	for _, spec := range e.bound.Inputs {
		v, ok := inputs[spec.Key]
		if !ok {
			if v, ok = spec.Default(e.batch); !ok {
				return fmt.Errorf("record: the plan needs a value for its runtime input %q of shape %v", spec.Key, spec.Dims(e.batch))
			}
		}
		in = append(in, program.F32(v, spec.Dims(e.batch)...))
	}
	return e.prog.RunInto(func(i int, _ []int, data []float32) error {
		see(i, data)
		return nil
	}, in...)
}

// Close frees the compiled graph.
func (e *executor) Close() { e.prog.Close() }

// Once runs a model on one picture and returns every capture of the plan, in the order of Bound.Outputs.
func Once(ctx context.Context, be *backend.Backend, m *models.Model, plan site.Plan, im image.Image) ([][]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	sites, err := m.Sites()
	if err != nil {
		return nil, err
	}
	b, err := plan.Check(sites)
	if err != nil {
		return nil, err
	}
	e, err := newExecutor(be, m, b, 1)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	px := 1
	for _, d := range e.input {
		px *= d
	}
	x := make([]float32, px)
	if err := m.Preprocess.Apply(x, im); err != nil {
		return nil, err
	}
	out := make([][]float32, len(b.Outputs))
	err = e.run(x, nil, func(i int, data []float32) { out[i] = append([]float32(nil), data...) })
	return out, err
}
