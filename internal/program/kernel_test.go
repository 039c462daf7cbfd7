package program_test

import (
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// TestKernel: a weight that is kept in the order of convolutions computes, differentiates, reads and changes as one that
// is kept in its own.
func TestKernel(t *testing.T) {
	r := rng.New(3, "program/test/kernel")
	draw := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		return v
	}
	dims := []int{33, 5, 3, 2} // more outputs than are turned at once, and not square
	w, other := draw(33*5*3*2), draw(33*5*3*2)
	x := program.F32(draw(2*6*7*5), 2, 6, 7, 5)
	for _, config := range []string{"go", "xla"} {
		t.Run(config, func(t *testing.T) {
			be, err := backend.Open(config)
			if err != nil {
				t.Skipf("no XLA on this machine: %v", err)
			}
			defer be.Finalize()
			plain, late := program.NewParams(), program.NewParams()
			if err := plain.Set("k", w, dims...); err != nil {
				t.Fatal(err)
			}
			if err := late.Defer("k", func(into []float32) error { copy(into, w); return nil }, dims...); err != nil {
				t.Fatal(err)
			}
			defer plain.Close()
			defer late.Close()
			conv := func(g *graph.Graph, p *program.Params, in []*graph.Node) []*graph.Node {
				y := ops.Conv(in[0], p.Under("").Kernel(g, "k", dims...), nil, 1, ops.Padding{Top: 1, Bottom: 1})
				return []*graph.Node{y, graph.Gradient(graph.ReduceAllSum(graph.Square(y)), p.Node(g, "k", dims...))[0]}
			}
			both := func() (*program.Program, *program.Program) {
				var out []*program.Program
				for _, p := range []*program.Params{plain, late} {
					prog, err := program.New(be, "kernel", p, conv)
					if err != nil {
						t.Fatal(err)
					}
					out = append(out, prog)
				}
				return out[0], out[1]
			}
			same := func(when string, a, b *program.Program) {
				t.Helper()
				want, err := a.Run(x)
				if err != nil {
					t.Fatal(err)
				}
				got, err := b.Run(x)
				if err != nil {
					t.Fatal(err)
				}
				for i, what := range []string{"convolution", "gradient"} {
					if !slices.Equal(got[i].F32, want[i].F32) {
						t.Errorf("%s: the %s differs", when, what)
					}
				}
				held, _, err := late.Get("k")
				wanted, _, _ := plain.Get("k")
				if err != nil || !slices.Equal(held, wanted) {
					t.Errorf("%s: Get gives other values (%v)", when, err)
				}
			}
			a, b := both()
			same("at first", a, b)
			if n := late.Names(); !slices.Equal(n, []string{"k"}) || late.Count() != len(w) {
				t.Errorf("weights %v, %d numbers", n, late.Count())
			}
			for _, p := range []*program.Params{plain, late} {
				step, err := program.New(be, "step", p, func(g *graph.Graph, p *program.Params, in []*graph.Node) []*graph.Node {
					k := p.Node(g, "k", dims...)
					p.Update("k", graph.Add(k, in[0]))
					return []*graph.Node{graph.ReduceAllSum(k)}
				})
				if err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if _, err := step.Run(program.F32(other, dims...)); err != nil {
						t.Fatal(err)
					}
				}
			}
			same("after two steps", a, b)
			c, d := both()
			same("in programs made then", c, d)
			for _, p := range []*program.Params{plain, late} {
				if err := p.Set("k", other, dims...); err != nil {
					t.Fatal(err)
				}
			}
			same("after Set", a, b)
			same("after Set, in later programs", c, d)
		})
	}
}
