package layer_test

import (
	"fmt"
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models/layer"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// run computes a graph of one input on the Go backend.
func run(x []float32, dims []int, f func(x *Node) *Node) program.Value {
	be := backend.MustOpen("go")
	defer be.Finalize()
	p, err := program.New(be, "layer", nil, func(_ *Graph, _ *program.Params, in []*Node) []*Node { return []*Node{f(in[0])} })
	if err != nil {
		panic(err)
	}
	defer p.Close()
	out, err := p.Run(program.F32(x, dims...))
	if err != nil {
		panic(err)
	}
	return out[0]
}

// A picture of 4 x 4 in one colour, a filter that takes the difference of neighbours, and the mean of 2 x 2 places.
func Example() {
	picture := []float32{0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1}
	edges := run(picture, []int{1, 1, 4, 4}, func(x *Node) *Node {
		w := Reshape(Const(x.Graph(), []float32{-1, 1}), 1, 1, 1, 2)
		x = layer.ReLU(layer.Conv(layer.Image(x), w, nil, 1, layer.Padding{Right: 1}))
		return layer.PoolMean(x, 2, 2, layer.Padding{}, true)
	})
	fmt.Println(edges.Dims, edges.F32)
	// Output: [1 2 2 1] [0.5 0 0.5 0]
}

// TestActivations compares with the formulas in float64.
func TestActivations(t *testing.T) {
	x := []float32{-3, -1, -0.1, 0, 0.2, 1, 4}
	sigmoid := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	for name, c := range map[string]struct {
		f    func(*Node) *Node
		want func(float64) float64
	}{
		"ReLU":      {layer.ReLU, func(v float64) float64 { return max(v, 0) }},
		"GELU":      {layer.GELU, func(v float64) float64 { return v / 2 * (1 + math.Erf(v/math.Sqrt2)) }},
		"QuickGELU": {layer.QuickGELU, func(v float64) float64 { return v * sigmoid(1.702*v) }},
		"SiLU":      {layer.SiLU, func(v float64) float64 { return v * sigmoid(v) }},
	} {
		got := run(x, []int{len(x)}, c.f).F32
		for i, v := range x {
			if want := c.want(float64(v)); math.Abs(float64(got[i])-want) > 2e-6 {
				t.Errorf("%s(%v) = %v, want %v", name, v, got[i], want)
			}
		}
	}
}

// TestOver widens numbers a channel and numbers a place.
func TestOver(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6}
	byChannel := run(x, []int{1, 2, 1, 3}, func(x *Node) *Node { return Mul(x, layer.Over(Const(x.Graph(), []float32{1, 0, 2}), x)) })
	byPlace := run(x, []int{1, 2, 1, 3}, func(x *Node) *Node { return Sub(x, layer.Over(ReduceAndKeep(x, ReduceMean, -1), x)) })
	if got := fmt.Sprint(byChannel.F32, byPlace.F32); got != "[1 0 6 4 0 12] [-1 0 1 -1 0 1]" {
		t.Error(got)
	}
}

// TestShapes runs the other parts once: their values are tested in internal/ops.
func TestShapes(t *testing.T) {
	x := make([]float32, 2*3*8*8)
	for i := range x {
		x[i] = float32(math.Sin(float64(i)))
	}
	ones := func(x *Node, dims ...int) *Node {
		return MulScalar(OnesLike(BroadcastToDims(ScalarZero(x.Graph(), x.DType()), dims...)), 0.1)
	}
	got := run(x, []int{2, 3, 8, 8}, func(x *Node) *Node {
		m := layer.Depthwise(layer.Image(x), ones(x, 3, 1, 3, 3), 1, layer.Even(1))
		m = layer.PoolMax(m, 2, 2, layer.Same(8, 8, 2, 2))
		m = layer.Resize(m, 8, 8, layer.Bilinear)
		tokens := layer.PatchConv(TransposeAllAxes(m, 0, 3, 1, 2), ones(x, 4, 3, 2, 2))
		tokens = layer.LayerNorm(tokens, ones(x, 4), ones(x, 4), 1e-5)
		seen := ""
		tokens = layer.Attention(tokens, ones(x, 12, 4), ones(x, 12), ones(x, 4, 4), ones(x, 4), nil, 2,
			func(p *Node) *Node { seen += fmt.Sprint(p.Shape().Dimensions); return p },
			func(z *Node) *Node { seen += fmt.Sprint(z.Shape().Dimensions); return z })
		if seen != "[2 2 16 16][2 16 4]" {
			t.Error(seen)
		}
		return layer.Dense(tokens, ones(x, 5, 4), nil)
	})
	if fmt.Sprint(got.Dims) != "[2 16 5]" {
		t.Error(got.Dims)
	}
}
