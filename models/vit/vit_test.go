package vit_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/models/vit"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

func random(name string, scale float64, dims ...int) []float32 {
	n := 1
	for _, d := range dims {
		n *= d
	}
	r := rng.New(5, "vit/test/"+name)
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64() * scale)
	}
	return v
}

// eval runs a graph with one output on the Go backend.
func eval(t *testing.T, p *program.Params, fn func(p *program.Params, in []*Node) *Node, in ...program.Value) program.Value {
	t.Helper()
	be := backend.MustOpen("go")
	defer be.Finalize()
	prog, err := program.New(be, "test", p, func(_ *Graph, p *program.Params, in []*Node) []*Node { return []*Node{fn(p, in)} })
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Close()
	out, err := prog.Run(in...)
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}

// TestResample compares with the kernels' matrices applied by loops, and checks that the class token's row stays.
func TestResample(t *testing.T) {
	const side, c = 5, 3
	table := random("table", 1, 1, 1+side*side, c)
	kernels := map[vit.Positions]ops.Kernel{vit.Antialias: ops.BicubicAntialias, vit.Plain: ops.Bicubic, vit.Offset: ops.BicubicOffset}
	for how, kernel := range kernels {
		for _, size := range [][2]int{{4, 4}, {7, 9}, {5, 8}, {3, 5}, {1, 2}} {
			got := eval(t, nil, func(_ *program.Params, in []*Node) *Node { return how.Resample(in[0], size[0], size[1]) }, program.F32(table, 1, 1+side*side, c))
			if !slices.Equal(got.Dims, []int{1, 1 + size[0]*size[1], c}) || !slices.Equal(got.F32[:c], table[:c]) {
				t.Fatalf("%s to %v: shape %v, first row %v", how, size, got.Dims, got.F32[:c])
			}
			rows, columns := kernel.Matrix(side, size[0], 0), kernel.Matrix(side, size[1], 0)
			for i := range size[0] {
				for j := range size[1] {
					for k := range c {
						want := 0.0
						for u := range side {
							for v := range side {
								want += rows[i][u] * columns[j][v] * float64(table[(1+u*side+v)*c+k])
							}
						}
						if g := float64(got.F32[(1+i*size[1]+j)*c+k]); math.Abs(g-want) > 1e-5 {
							t.Fatalf("%s to %v at %d %d %d: %g, want %g", how, size, i, j, k, g, want)
						}
					}
				}
			}
		}
	}
}

// TestResampleKeeps: at its own size every way leaves a table alone, and by size an axis that keeps its size is not moved.
// By scale factor it is: (5+0.1)/5 is not 1.
func TestResampleKeeps(t *testing.T) {
	const side, c = 5, 2
	table := program.F32(random("table", 1, 1, 1+side*side, c), 1, 1+side*side, c)
	for _, how := range []vit.Positions{vit.Antialias, vit.Plain, vit.Offset} {
		same := eval(t, nil, func(_ *program.Params, in []*Node) *Node { return how.Resample(in[0], side, side) }, table)
		if !slices.Equal(same.F32, table.F32) {
			t.Errorf("%s changes a table at its own size", how)
		}
	}
	matrix := ops.BicubicOffset.Matrix(side, side, 0)
	if math.Abs(matrix[4][4]-1) < 1e-3 {
		t.Error("the scale factor (5+0.1)/5 gives the identity")
	}
	if err := vit.Positions("bilinear").Validate(); err == nil {
		t.Error("bilinear positions are accepted")
	}
}

// TestResampleList: along a list of positions rows do not count.
func TestResampleList(t *testing.T) {
	table := random("list", 1, 1, 10, 2)
	got := eval(t, nil, func(_ *program.Params, in []*Node) *Node { return vit.Plain.ResampleList(in[0], 6) }, program.F32(table, 1, 10, 2))
	m := ops.Bicubic.Matrix(9, 6, 0)
	for i := range 6 {
		for k := range 2 {
			want := 0.0
			for j := range 9 {
				want += m[i][j] * float64(table[(1+j)*2+k])
			}
			if g := float64(got.F32[(1+i)*2+k]); math.Abs(g-want) > 1e-5 {
				t.Fatalf("place %d channel %d: %g, want %g", i, k, g, want)
			}
		}
	}
}

func TestGrid(t *testing.T) {
	for _, c := range []struct {
		h, w    int
		partial bool
		rows    int
		columns int
		fails   bool
	}{{84, 56, false, 6, 4, false}, {27, 33, true, 1, 2, false}, {27, 33, false, 0, 0, true}, {28, 13, true, 0, 0, true}, {0, 14, true, 0, 0, true}} {
		rows, columns, err := vit.Grid(c.h, c.w, 14, c.partial)
		if (err != nil) != c.fails || rows != c.rows || columns != c.columns {
			t.Errorf("%dx%d partial %v: %d x %d, %v", c.h, c.w, c.partial, rows, columns, err)
		}
	}
	_, _, err := vit.Grid(225, 224, 14, false)
	if err == nil || !strings.Contains(err.Error(), "use 224x224") {
		t.Errorf("%v names no size to use", err)
	}
	for n, want := range map[int]int{0: 0, 1: 1, 2: 0, 25: 5, 26: 0, 1369: 37, -1: 0} {
		if got := vit.Side(n); got != want {
			t.Errorf("side of %d patches: %d, want %d", n, got, want)
		}
	}
}

// weights draws the weights of a block.
func weights(t *testing.T, b vit.Block) *program.Params {
	t.Helper()
	dimensions := map[string][]int{}
	b.Shapes(dimensions, "b")
	p := program.NewParams()
	for name, dims := range dimensions {
		if err := p.Set(name, random(name, 0.5, dims...), dims...); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(p.Close)
	return p
}

// TestBlockAgainstLoops computes a block from its definition in float64, plain and gated, with LayerScale and without.
func TestBlockAgainstLoops(t *testing.T) {
	for _, b := range []vit.Block{
		{Width: 6, Heads: 2, Hidden: 10, Eps: 1e-6},
		{Width: 6, Heads: 3, Hidden: 5, Eps: 1e-3, LayerScale: true, Gated: true},
		{Width: 4, Heads: 1, Hidden: 7, Eps: 1e-6, LayerScale: true, Activation: ops.QuickGELU},
	} {
		p, values := weights(t, b), weights(t, b) // those of a graph live on its backend
		x := random("x", 1, 2, 3, b.Width)
		got := eval(t, p, func(p *program.Params, in []*Node) *Node { return b.Apply(p, "b", in[0]) }, program.F32(x, 2, 3, b.Width))
		for n := range 2 {
			want := blockByLoops(values, b, x[n*3*b.Width:(n+1)*3*b.Width])
			for i, w := range want {
				if g := float64(got.F32[n*3*b.Width+i]); math.Abs(g-w) > 2e-5*math.Max(1, math.Abs(w)) {
					t.Fatalf("%+v: stimulus %d value %d is %g, want %g", b, n, i, g, w)
				}
			}
		}
	}
}

// blockByLoops is the block for one stimulus [token, channel].
func blockByLoops(p *program.Params, b vit.Block, x []float32) []float64 {
	c := b.Width
	tokens := len(x) / c
	w := func(name string) []float64 {
		data, _, err := p.Get("b." + name)
		if err != nil {
			panic(err)
		}
		out := make([]float64, len(data))
		for i, v := range data {
			out[i] = float64(v)
		}
		return out
	}
	linear := func(name string, v []float64, in, out int) []float64 {
		weight, bias, y := w(name+".weight"), w(name+".bias"), []float64{}
		for t := range len(v) / in {
			for o := range out {
				sum := bias[o]
				for i := range in {
					sum += weight[o*in+i] * v[t*in+i]
				}
				y = append(y, sum)
			}
		}
		return y
	}
	norm := func(name string, v []float64) []float64 {
		gamma, beta, y := w(name+".weight"), w(name+".bias"), make([]float64, len(v))
		for t := range tokens {
			mean, variance := 0.0, 0.0
			for i := range c {
				mean += v[t*c+i] / float64(c)
			}
			for i := range c {
				variance += (v[t*c+i] - mean) * (v[t*c+i] - mean) / float64(c)
			}
			for i := range c {
				y[t*c+i] = (v[t*c+i]-mean)/math.Sqrt(variance+b.Eps)*gamma[i] + beta[i]
			}
		}
		return y
	}
	add := func(v, branch []float64, scale string) {
		gamma := slices.Repeat([]float64{1}, c)
		if b.LayerScale {
			gamma = w(scale + ".gamma")
		}
		for i := range v {
			v[i] += branch[i] * gamma[i%c]
		}
	}
	v := make([]float64, len(x))
	for i := range x {
		v[i] = float64(x[i])
	}
	qkv := linear("attn.qkv", norm("norm1", v), c, 3*c)
	hd, z := c/b.Heads, make([]float64, len(v))
	for h := range b.Heads {
		for q := range tokens {
			probs, sum := make([]float64, tokens), 0.0
			for k := range tokens {
				dot := 0.0
				for i := range hd {
					dot += qkv[q*3*c+h*hd+i] * qkv[k*3*c+c+h*hd+i]
				}
				probs[k] = math.Exp(dot / math.Sqrt(float64(hd)))
				sum += probs[k]
			}
			for k := range tokens {
				for i := range hd {
					z[q*c+h*hd+i] += probs[k] / sum * qkv[k*3*c+2*c+h*hd+i]
				}
			}
		}
	}
	add(v, linear("attn.proj", z, c, c), "ls1")
	h := norm("norm2", v)
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	if b.Gated {
		both, hidden := linear("mlp.w12", h, c, 2*b.Hidden), []float64{}
		for t := range tokens {
			for i := range b.Hidden {
				gate := both[t*2*b.Hidden+i]
				hidden = append(hidden, gate*sigmoid(gate)*both[t*2*b.Hidden+b.Hidden+i])
			}
		}
		h = linear("mlp.w3", hidden, b.Hidden, c)
	} else {
		h = linear("mlp.fc1", h, c, b.Hidden)
		for i, x := range h {
			if b.Activation != nil {
				h[i] = x * sigmoid(1.702*x)
			} else {
				h[i] = x / 2 * (1 + math.Erf(x/math.Sqrt2))
			}
		}
		h = linear("mlp.fc2", h, b.Hidden, c)
	}
	add(v, h, "ls2")
	return v
}

func TestValidate(t *testing.T) {
	good := vit.Block{Width: 8, Heads: 2, Hidden: 16, Eps: 1e-6}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, spoil := range []func(*vit.Block){
		func(b *vit.Block) { b.Heads = 3 }, func(b *vit.Block) { b.Heads = 0 }, func(b *vit.Block) { b.Width = 0 },
		func(b *vit.Block) { b.Hidden = -1 }, func(b *vit.Block) { b.Eps = 0 }, func(b *vit.Block) { b.Eps = math.NaN() }} {
		b := good
		spoil(&b)
		if b.Validate() == nil {
			t.Errorf("%+v is accepted", b)
		}
	}
}

// The sites of a gated block with LayerScale, in the order in which they are computed.
func ExampleBlock() {
	be := backend.MustOpen("go")
	defer be.Finalize()
	b := vit.Block{Width: 8, Heads: 2, Hidden: 16, Eps: 1e-6, LayerScale: true, Gated: true}
	g := NewGraph(be.Backend, "example")
	x := Ones(g, shapes.Make(dtypes.Float32, 1, 3, 8))
	sites, _ := site.List(g, func() { b.Apply(program.Declare(), "blocks.0", x) })
	for _, s := range sites {
		fmt.Println(s.Name, s.Shape)
	}
	// Output:
	// blocks.0.norm1 [3 8]
	// blocks.0.attn.qkv [3 24]
	// blocks.0.attn.probs [2 3 3]
	// blocks.0.attn.z [3 8]
	// blocks.0.attn.proj [3 8]
	// blocks.0.attn [3 8]
	// blocks.0.ls1 [3 8]
	// blocks.0.norm2 [3 8]
	// blocks.0.mlp.w12 [3 32]
	// blocks.0.mlp.act [3 16]
	// blocks.0.mlp.gated [3 16]
	// blocks.0.mlp.w3 [3 8]
	// blocks.0.mlp [3 8]
	// blocks.0.ls2 [3 8]
	// blocks.0 [3 8]
}
