package onnx

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// opCase is a graph of one operation, a batch of pictures and the reference's output.
type opCase struct {
	name  string
	model []byte
	x, y  safetensors.Tensor
}

func opCases(t testing.TB) []opCase {
	t.Helper()
	f, err := safetensors.Open("testdata/ops.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	var cases []opCase
	for _, name := range f.Names() {
		if name, ok := strings.CutPrefix(name, "model/"); ok {
			m, _ := f.Lookup("model/" + name)
			x, _ := f.Lookup("in/" + name)
			y, _ := f.Lookup("out/" + name)
			cases = append(cases, opCase{name, slices.Clone(m.Data), x, y})
		}
	}
	return cases
}

// TestOperations compares every operation with ONNX's reference implementation.
func TestOperations(t *testing.T) {
	tested := map[string]bool{}
	for _, config := range backends() {
		be := backend.MustOpen(config)
		defer be.Finalize()
		for _, c := range opCases(t) {
			t.Run(config+"/"+c.name, func(t *testing.T) {
				m, err := Parse(c.model, Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer m.Close()
				for _, n := range m.Network.file.nodes {
					tested[n.op] = true
				}
				x, err := c.x.Float32()
				if err != nil {
					t.Fatal(err)
				}
				_, _, out := capture(t, be, m, x, c.x.Shape[0])
				if d := differ(t, whole(m.Network.out, c.x.Shape[0]), c.y, out); d != "" {
					t.Error(d)
				}
			})
		}
	}
	// Operations of Microsoft's domain are not known to the reference; what they are other names of is tested.
	for _, name := range slices.Sorted(maps.Keys(operations)) {
		if !tested[name] && !slices.Contains([]string{"com.microsoft.FastGelu", "com.microsoft.Gelu", "com.microsoft.QuickGelu", "CastLike", "Constant", "Dropout", "Mod",
			"ReduceProd", "Size", "Swish", "Upsample"}, name) {
			t.Errorf("no case has the operation %s", name)
		}
	}
}

// whole is a place for a batch of n instead of one stimulus.
func whole(p place, n int) place {
	p.split = slices.Clone(p.split)
	for i, d := range p.split {
		if d == 0 {
			p.split[i] = n
		}
	}
	return p
}

// backends are the Go backend, and XLA where it is.
func backends() []string {
	if _, err := backend.Choose("xla"); err == nil {
		return []string{"go", "xla"}
	}
	return []string{"go"}
}

// TestGradients compares the gradient of every operation with finite differences along a random direction.
func TestGradients(t *testing.T) {
	// The gradient of steps is 0; ArgMax and comparisons have none.
	steps := []string{"Floor", "Ceil", "Round", "Sign", "ArgMax", "And", "Or", "Xor", "CastInt"}
	be := backend.MustOpen("go")
	defer be.Finalize()
	for _, c := range opCases(t) {
		t.Run(c.name, func(t *testing.T) {
			m, err := Parse(c.model, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			x, err := c.x.Float32()
			if err != nil {
				t.Fatal(err)
			}
			// A ramp keeps ties and kinks away from each other.
			project := make([]float32, c.y.Len())
			direction := make([]float32, len(x))
			for i := range project {
				project[i] = float32(math.Sin(float64(3*i + 1)))
			}
			for i := range direction {
				direction[i] = float32(math.Cos(float64(5*i + 2)))
			}
			prog, err := program.New(be, "gradient", m.Params, func(g *Graph, p *program.Params, in []*Node) []*Node {
				y := m.Network.Forward(p, in[0])
				loss := ReduceAllSum(Mul(Reshape(y, len(project)), in[1]))
				return []*Node{Gradient(loss, in[0])[0], y}
			})
			if err != nil {
				t.Fatal(err)
			}
			defer prog.Close()
			run := func(eps float64) (grad, y []float32) {
				moved := slices.Clone(x)
				for i := range moved {
					moved[i] += float32(eps) * direction[i]
				}
				out, err := prog.Run(program.F32(moved, c.x.Shape...), program.F32(project, len(project)))
				if err != nil {
					t.Fatal(err)
				}
				return out[0].F32, out[1].F32
			}
			grad, _ := run(0)
			want, size := 0.0, 0.0
			for i, g := range grad {
				want += float64(g) * float64(direction[i])
			}
			const eps = 1e-3
			_, plus := run(eps)
			_, minus := run(-eps)
			got := 0.0
			for i := range plus {
				d := (float64(plus[i]) - float64(minus[i])) / (2 * eps) * float64(project[i])
				got += d
				size += d * d
			}
			if slices.Contains(steps, c.name) {
				if want != 0 {
					t.Errorf("the gradient of a step is %v", want)
				}
				return
			}
			if d := math.Abs(got-want) / math.Sqrt(size); !(d < 0.02) {
				t.Errorf("the gradient along a direction is %v, finite differences say %v: %.3g of the change", want, got, d)
			}
		})
	}
}

// TestConstantsAndNames covers what the reference's cases do not: other names of operations, and values that exporters
// compute from constants.
func TestConstantsAndNames(t *testing.T) {
	x := []float32{-2, -0.5, 0.25, 3}
	quick := func(v float64) float64 { return v / (1 + math.Exp(-1.702*v)) }
	exact := func(v float64) float64 { return v / 2 * (1 + math.Erf(v/math.Sqrt2)) }
	tanh := func(v float64) float64 { return v / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v))) }
	for _, c := range []struct {
		name  string
		nodes []*nodeProto
		want  func(v float64) float64
	}{
		{"com.microsoft.QuickGelu", []*nodeProto{{op: "QuickGelu", domain: "com.microsoft", inputs: []string{"x"}, outputs: []string{"y"}}}, quick},
		{"com.microsoft.Gelu", []*nodeProto{{op: "Gelu", domain: "com.microsoft", inputs: []string{"x"}, outputs: []string{"y"}}}, exact},
		{"com.microsoft.FastGelu", []*nodeProto{{op: "FastGelu", domain: "com.microsoft", inputs: []string{"x"}, outputs: []string{"y"}}}, tanh},
		{"Swish", []*nodeProto{{op: "Swish", inputs: []string{"x"}, outputs: []string{"y"}}}, func(v float64) float64 { return v / (1 + math.Exp(-v)) }},
		{"Dropout", []*nodeProto{{op: "Dropout", inputs: []string{"x"}, outputs: []string{"d"}}, {op: "Neg", inputs: []string{"d"}, outputs: []string{"y"}}},
			func(v float64) float64 { return -v }},
		{"CastLike", []*nodeProto{{op: "Constant", outputs: []string{"c"}, attrs: ints("value_ints", 1)}, {op: "Greater", inputs: []string{"x", "x"}, outputs: []string{"g"}},
			{op: "CastLike", inputs: []string{"g", "x"}, outputs: []string{"f"}}, {op: "Add", inputs: []string{"x", "f"}, outputs: []string{"y"}}},
			func(v float64) float64 { return v }},
		{"ReduceProd", []*nodeProto{{op: "Shape", inputs: []string{"x"}, outputs: []string{"s"}, attrs: oneInt("start", 1)},
			{op: "ReduceProd", inputs: []string{"s"}, outputs: []string{"n"}, attrs: oneInt("keepdims", 0)}, {op: "Cast", inputs: []string{"n"}, outputs: []string{"f"}, attrs: oneInt("to", 1)},
			{op: "Mul", inputs: []string{"x", "f"}, outputs: []string{"y"}}}, func(v float64) float64 { return 4 * v }},
		{"Size", []*nodeProto{{op: "Size", inputs: []string{"x"}, outputs: []string{"n"}}, {op: "Constant", outputs: []string{"three"}, attrs: oneInt("value_int", 3)},
			{op: "Mod", inputs: []string{"n", "three"}, outputs: []string{"r"}}, {op: "Cast", inputs: []string{"r"}, outputs: []string{"f"}, attrs: oneInt("to", 1)},
			{op: "Mul", inputs: []string{"x", "f"}, outputs: []string{"y"}}}, func(v float64) float64 { return v }},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, n := range c.nodes {
				if n.attrs == nil {
					n.attrs = map[string]*attribute{}
				}
			}
			m := &Model{}
			g := &graphProto{nodes: c.nodes, inputs: []valueInfo{{name: "x", dtype: 1, dims: []int{-1, 1, 2, 2}}}, outputs: []valueInfo{{name: "y"}}}
			if err := m.read(&modelProto{opsets: map[string]int64{"": 21}, graph: g}, &source{}, Options{}); err != nil {
				t.Fatal(err)
			}
			be := backend.MustOpen("go")
			defer be.Finalize()
			_, _, y := capture(t, be, m, x, 1)
			for i, v := range x {
				if want := c.want(float64(v)); math.Abs(float64(y[i])-want) > 1e-6*(1+math.Abs(want)) {
					t.Errorf("%s of %v is %v, want %v", c.name, v, y[i], want)
				}
			}
		})
	}
}

func oneInt(name string, v int64) map[string]*attribute {
	return map[string]*attribute{name: {name: name, i: v}}
}

func ints(name string, v ...int64) map[string]*attribute {
	return map[string]*attribute{name: {name: name, ints: v}}
}
