package program_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

func TestRun(t *testing.T) {
	be := backend.MustOpen("go")
	params := program.NewParams()
	if err := params.Set("w.a", []float32{1, 2, 3, 4}, 2, 2); err != nil {
		t.Fatal(err)
	}
	p, err := program.New(be, "test", params, func(g *graph.Graph, ps *program.Params, in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.MatMul(in[0], ps.Node(g, "w.a", 2, 2))}
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Run(program.F32([]float32{1, 1}, 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	if got := out[0].F32; got[0] != 4 || got[1] != 6 {
		t.Errorf("got %v, want [4 6]", got)
	}
	if _, err := p.Run(program.F32([]float32{1}, 1, 2)); err == nil || !strings.Contains(err.Error(), "input 0") {
		t.Errorf("wrong input: got error %v", err)
	}
}

func TestMissingWeight(t *testing.T) {
	be := backend.MustOpen("go")
	params := program.NewParams()
	if err := params.Set("b", []float32{1, 2}, 2); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		dims []int
		want any
	}{
		{"a", []int{2}, new(*program.MissingError)},
		{"b", []int{3}, new(*program.ShapeError)},
	} {
		p, err := program.New(be, "test", params, func(g *graph.Graph, ps *program.Params, in []*graph.Node) []*graph.Node {
			return []*graph.Node{ps.Node(g, c.name, c.dims...)}
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = p.Run(program.F32([]float32{1}, 1)); err == nil || !errors.As(err, c.want) {
			t.Errorf("%s %v: got error %v, want a %T", c.name, c.dims, err, c.want)
		}
	}
}
