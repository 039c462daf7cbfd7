package program_test

import (
	"errors"
	"os"
	"strconv"
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

// TestMemoryIsFlat runs a program with a 4 MB output 300 times on every backend: with outputs that are not finalized XLA
// held 4 MB for each.
func TestMemoryIsFlat(t *testing.T) {
	rss := func() int {
		b, err := os.ReadFile("/proc/self/statm")
		if err != nil {
			t.Skipf("no /proc: %v", err)
		}
		pages, _ := strconv.Atoi(strings.Fields(string(b))[1])
		return pages * os.Getpagesize() >> 20
	}
	for _, config := range []string{"go", "xla"} {
		t.Run(config, func(t *testing.T) {
			be, err := backend.Open(config)
			if err != nil {
				t.Skipf("no XLA on this machine: %v", err)
			}
			defer be.Finalize()
			p, err := program.New(be, "flat", nil, func(_ *graph.Graph, _ *program.Params, in []*graph.Node) []*graph.Node {
				return []*graph.Node{graph.AddScalar(graph.BroadcastToDims(graph.Reshape(in[0], 1, 1), 1024, 1024), 1)}
			})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			run := func(n int) {
				for range n {
					if err := p.RunInto(func(int, []int, []float32) error { return nil }, program.F32([]float32{1}, 1)); err != nil {
						t.Fatal(err)
					}
				}
			}
			run(50)
			before := rss()
			run(300)
			if grown := rss() - before; grown > 300 {
				t.Errorf("memory grew by %d MiB in 300 calls with an output of 4 MiB", grown)
			}
		})
	}
}
