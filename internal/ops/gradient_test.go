package ops_test

import (
	"fmt"
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// backends opens every backend there is.
func backends(t *testing.T, fn func(t *testing.T, be *backend.Backend)) {
	for _, config := range []string{"go", "xla"} {
		t.Run(config, func(t *testing.T) {
			be, err := backend.Open(config)
			if err != nil {
				t.Skipf("no XLA on this machine: %v", err)
			}
			defer be.Finalize()
			fn(t, be)
		})
	}
}

func random(name string, dims ...int) program.Value {
	n := 1
	for _, d := range dims {
		n *= d
	}
	r := rng.New(1, "ops/test/"+name)
	v := make([]float64, n)
	for i := range v {
		v[i] = r.NormFloat64()
	}
	return program.F64(v, dims...)
}

// TestGradients compares the gradient of a weighted sum of each operation's output, with respect to each input, with
// central differences in float64. The step is 1e-5; the differences are good to about 1e-9 of the value.
func TestGradients(t *testing.T) {
	img := func() program.Value { return random("image", 2, 5, 6, 3) }
	cases := []struct {
		name string
		in   []program.Value
		fn   func(in []*Node) *Node
	}{
		{"identity", []program.Value{random("v", 4)}, func(in []*Node) *Node { return Identity(in[0]) }},
		{"rsqrt", []program.Value{random("v", 4)}, func(in []*Node) *Node { return Rsqrt(AddScalar(Square(in[0]), 0.5)) }},
		{"expm1", []program.Value{random("v", 4)}, func(in []*Node) *Node { return Expm1(in[0]) }},
		{"clamp", []program.Value{random("v", 9)}, func(in []*Node) *Node {
			g := in[0].Graph()
			return Clip(in[0], Scalar(g, in[0].DType(), -0.5), Scalar(g, in[0].DType(), 0.5))
		}},
		{"rows of a table", []program.Value{random("table", 7, 3)}, func(in []*Node) *Node {
			return Gather(in[0], Const(in[0].Graph(), [][]int32{{2}, {0}, {2}, {6}}))
		}},
		{"dense", []program.Value{random("x", 2, 3, 4), random("w", 5, 4), random("b", 5)}, func(in []*Node) *Node { return ops.Dense(in[0], in[1], in[2]) }},
		{"layer norm", []program.Value{random("x", 2, 3, 4), random("g", 4), random("b", 4)}, func(in []*Node) *Node { return ops.LayerNorm(in[0], in[1], in[2], 1e-5) }},
		{"quick-GELU", []program.Value{random("x", 8)}, func(in []*Node) *Node { return ops.QuickGELU(in[0]) }},
		{"GELU", []program.Value{random("x", 8)}, func(in []*Node) *Node { return ops.GELU(in[0]) }},
		{"unit vectors", []program.Value{random("x", 3, 4)}, func(in []*Node) *Node { return ops.Unit(in[0]) }},
		{"sum", []program.Value{random("x", 3, 4)}, func(in []*Node) *Node { return ops.SumAll(Square(in[0])) }},
		{"mean", []program.Value{random("x", 3, 4)}, func(in []*Node) *Node { return ops.MeanAll(Square(in[0])) }},
		{"patch convolution", []program.Value{random("x", 2, 3, 5, 4), random("w", 6, 3, 2, 2)}, func(in []*Node) *Node { return ops.PatchConv(in[0], in[1]) }},
		{"attention", []program.Value{random("x", 2, 3, 4), random("wi", 12, 4), random("bi", 12), random("wo", 4, 4), random("bo", 4)},
			func(in []*Node) *Node {
				return ops.Attention(in[0], in[1], in[2], in[3], in[4], nil, 2, nil, nil)
			}},
		{"convolution 3x3", []program.Value{img(), random("k3", 4, 3, 3, 3), random("b4", 4)}, func(in []*Node) *Node { return ops.Conv(in[0], in[1], in[2], 1, ops.Even(1)) }},
		{"convolution 3x3 stride 2", []program.Value{img(), random("k3", 4, 3, 3, 3)}, func(in []*Node) *Node { return ops.Conv(in[0], in[1], nil, 2, ops.Even(1)) }},
		{"convolution same", []program.Value{img(), random("k5", 2, 3, 5, 5)}, func(in []*Node) *Node { return ops.Conv(in[0], in[1], nil, 2, ops.Same(5, 6, 5, 2)) }},
		{"depthwise", []program.Value{img(), random("kd", 3, 1, 3, 3)}, func(in []*Node) *Node { return ops.Depthwise(in[0], in[1], 1, ops.Even(1)) }},
		{"depthwise stride 2", []program.Value{img(), random("kd5", 3, 1, 5, 5)}, func(in []*Node) *Node { return ops.Depthwise(in[0], in[1], 2, ops.Same(5, 6, 5, 2)) }},
		{"max pool", []program.Value{img()}, func(in []*Node) *Node { return ops.PoolMax(in[0], 3, 2, ops.Even(1)) }},
		{"mean pool", []program.Value{img()}, func(in []*Node) *Node { return ops.PoolMean(in[0], 3, 2, ops.Even(1), true) }},
		{"mean pool, inside only", []program.Value{img()}, func(in []*Node) *Node { return ops.PoolMean(in[0], 3, 2, ops.Same(5, 6, 3, 2), false) }},
		{"resize bilinear", []program.Value{img()}, func(in []*Node) *Node { return ops.Resize(in[0], 8, 4, ops.Bilinear) }},
		{"resize bicubic", []program.Value{img()}, func(in []*Node) *Node { return ops.Resize(in[0], 3, 9, ops.Bicubic) }},
		{"resize bicubic offset", []program.Value{img()}, func(in []*Node) *Node { return ops.Resize(in[0], 4, 6, ops.BicubicOffset) }},
		{"SiLU", []program.Value{random("x", 8)}, func(in []*Node) *Node { return ops.SiLU(in[0]) }},
		{"resize bicubic antialias", []program.Value{img()}, func(in []*Node) *Node { return ops.Resize(in[0], 3, 4, ops.BicubicAntialias) }},
	}
	backends(t, func(t *testing.T, be *backend.Backend) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) { checkGradient(t, be, c.in, c.fn) })
		}
	})
}

// checkGradient uses a fixed weighting of the output, so that no symmetric error cancels.
func checkGradient(t *testing.T, be *backend.Backend, in []program.Value, fn func([]*Node) *Node) {
	t.Helper()
	scalar := func(nodes []*Node) *Node {
		y := fn(nodes)
		flat := Reshape(y, y.Shape().Size())
		w := make([]float64, y.Shape().Size())
		for i := range w {
			w[i] = math.Sin(1.7*float64(i) + 0.3)
		}
		return ops.SumAll(Mul(flat, ConstAsDType(y.Graph(), y.DType(), w)))
	}
	value, err := program.New(be, "value", nil, func(_ *Graph, _ *program.Params, nodes []*Node) []*Node {
		return []*Node{Reshape(scalar(nodes), 1)}
	})
	if err != nil {
		t.Fatal(err)
	}
	grad, err := program.New(be, "gradient", nil, func(_ *Graph, _ *program.Params, nodes []*Node) []*Node {
		return Gradient(scalar(nodes), nodes...)
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := grad.Run(in...)
	if err != nil {
		t.Fatal(err)
	}
	at := func() float64 {
		v, err := value.Run(in...)
		if err != nil {
			t.Fatal(err)
		}
		return v[0].F64[0]
	}
	const h = 1e-5
	for k := range in {
		peak := 0.0
		for _, v := range got[k].F64 {
			peak = max(peak, math.Abs(v))
		}
		if peak == 0 {
			t.Errorf("the gradient with respect to input %d is all zeros", k)
		}
		for i := range in[k].F64 {
			x := in[k].F64[i]
			in[k].F64[i] = x + h
			up := at()
			in[k].F64[i] = x - h
			down := at()
			in[k].F64[i] = x
			if want := (up - down) / (2 * h); math.Abs(got[k].F64[i]-want) > 2e-8*max(peak, 1) {
				t.Fatalf("input %d, element %d: gradient %.10g, differences %.10g", k, i, got[k].F64[i], want)
			}
		}
	}
}

// TestConvAgainstLoops checks convolution, depthwise convolution and pooling against plain loops.
func TestConvAgainstLoops(t *testing.T) {
	x, k, kd := random("image", 2, 5, 6, 3), random("k3", 4, 3, 3, 3), random("kd", 3, 1, 3, 3)
	at := func(b, i, j, c int) (float64, bool) {
		if i < 0 || j < 0 || i >= 5 || j >= 6 {
			return 0, false
		}
		return x.F64[((b*5+i)*6+j)*3+c], true
	}
	for _, stride := range []int{1, 2} {
		pad := ops.Even(1)
		oh, ow := (5+2-3)/stride+1, (6+2-3)/stride+1
		var conv, deep, top, mean []float64
		for b := range 2 {
			for i := range oh {
				for j := range ow {
					for o := range 4 {
						sum := 0.0
						for c := range 3 {
							for u := range 3 {
								for v := range 3 {
									p, _ := at(b, i*stride+u-1, j*stride+v-1, c)
									sum += p * k.F64[((o*3+c)*3+u)*3+v]
								}
							}
						}
						conv = append(conv, sum)
					}
					for c := range 3 {
						sum, best, total, n := 0.0, math.Inf(-1), 0.0, 0.0
						for u := range 3 {
							for v := range 3 {
								p, ok := at(b, i*stride+u-1, j*stride+v-1, c)
								sum += p * kd.F64[(c*3+u)*3+v]
								if ok {
									best, total, n = max(best, p), total+p, n+1
								}
							}
						}
						deep, top, mean = append(deep, sum), append(top, best), append(mean, total/n)
					}
				}
			}
		}
		backends(t, func(t *testing.T, be *backend.Backend) {
			p, err := program.New(be, "conv", nil, func(_ *Graph, _ *program.Params, in []*Node) []*Node {
				return []*Node{ops.Conv(in[0], in[1], nil, stride, pad), ops.Depthwise(in[0], in[2], stride, pad),
					ops.PoolMax(in[0], 3, stride, pad), ops.PoolMean(in[0], 3, stride, pad, false)}
			})
			if err != nil {
				t.Fatal(err)
			}
			out, err := p.Run(x, k, kd)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range [][]float64{conv, deep, top, mean} {
				if len(out[i].F64) != len(want) {
					t.Fatalf("output %d has %d values, want %d", i, len(out[i].F64), len(want))
				}
				for j := range want {
					if math.Abs(out[i].F64[j]-want[j]) > 1e-12 {
						t.Fatalf("stride %d, output %d, element %d: %g, want %g", stride, i, j, out[i].F64[j], want[j])
					}
				}
			}
		})
	}
}

// TestResizeMatrix checks weights against torch's: bicubic with a = -0.75 at a shift of one quarter.
func TestResizeMatrix(t *testing.T) {
	m := ops.Bicubic.Matrix(4, 8, 0)
	// Destination 4 has its centre at source 1.75: taps 0..3 at distances 1.75, .75, .25, 1.25.
	want := []float64{-0.03515625, 0.26171875, 0.87890625, -0.10546875}
	for j, w := range want {
		if math.Abs(m[4][j]-w) > 1e-12 {
			t.Errorf("tap %d is %g, want %g", j, m[4][j], w)
		}
	}
	// By the scale factor (8+0.1)/4 destination 4 has its centre at 4.5*4/8.1-0.5 = 1.7222: the nearest tap is 2 at 0.2778.
	if got, x := ops.BicubicOffset.Matrix(4, 8, 0)[4][2], 2-(4.5*4/8.1-0.5); math.Abs(got-((1.25*x-2.25)*x*x+1)) > 1e-12 {
		t.Errorf("by scale factor tap 2 is %g", got)
	}
	for _, k := range []ops.Kernel{ops.Bilinear, ops.BilinearAntialias, ops.Bicubic, ops.BicubicAntialias} {
		for _, to := range []int{1, 3, 7, 20} {
			for i, row := range k.Matrix(7, to, 0) {
				sum := 0.0
				for _, w := range row {
					sum += w
				}
				if math.Abs(sum-1) > 1e-12 {
					t.Errorf("%s 7 -> %d: row %d sums to %g", k.Name, to, i, sum)
				}
				if to == 7 && math.Abs(row[i]-1) > 1e-12 {
					t.Errorf("%s 7 -> 7 is not the identity: %v", k.Name, row)
				}
			}
		}
	}
}

// TestSumAll: the Go backend's own sum of a million small float32 is off by 1e-3.
func TestSumAll(t *testing.T) {
	n := 1 << 20
	v := make([]float32, n)
	for i := range v {
		v[i] = 0.1
	}
	backends(t, func(t *testing.T, be *backend.Backend) {
		p, err := program.New(be, "sum", nil, func(_ *Graph, _ *program.Params, in []*Node) []*Node {
			return []*Node{Reshape(ops.SumAll(in[0]), 1)}
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := p.Run(program.F32(v, 1024, 1024))
		if err != nil {
			t.Fatal(err)
		}
		want := 0.1 * float64(n)
		if e := math.Abs(float64(out[0].F32[0])-want) / want; e > 1e-5 {
			t.Errorf("sum %g, want %g (relative error %.2g)", out[0].F32[0], want, e)
		}
	})
}

// TestResizeFloat32 compares with the same matrices applied by loops, for sizes that are no multiples of anything.
func TestResizeFloat32(t *testing.T) {
	backends(t, func(t *testing.T, be *backend.Backend) {
		for _, c := range []struct{ b, h, w, ch, toH, toW int }{{1, 4, 4, 64, 5, 5}, {1, 7, 7, 33, 5, 9}, {2, 3, 5, 17, 8, 2}, {3, 16, 16, 8, 14, 14}} {
			x := random("resize", c.b, c.h, c.w, c.ch)
			f := make([]float32, len(x.F64))
			for i, v := range x.F64 {
				f[i] = float32(v)
			}
			p, err := program.New(be, "resize", nil, func(_ *Graph, _ *program.Params, in []*Node) []*Node {
				return []*Node{ops.Resize(in[0], c.toH, c.toW, ops.Bicubic)}
			})
			if err != nil {
				t.Fatal(err)
			}
			out, err := p.Run(program.F32(f, x.Dims...))
			if err != nil {
				t.Fatal(err)
			}
			mh, mw := ops.Bicubic.Matrix(c.h, c.toH, 0), ops.Bicubic.Matrix(c.w, c.toW, 0)
			for b := range c.b {
				for i := range c.toH {
					for j := range c.toW {
						for k := range c.ch {
							want := 0.0
							for u := range c.h {
								for v := range c.w {
									want += mh[i][u] * mw[j][v] * x.F64[((b*c.h+u)*c.w+v)*c.ch+k]
								}
							}
							got := float64(out[0].F32[((b*c.toH+i)*c.toW+j)*c.ch+k])
							if math.Abs(got-want) > 1e-5 {
								t.Fatalf("%+v at %d %d %d %d: %g, want %g", c, b, i, j, k, got, want)
							}
						}
					}
				}
			}
		}
	})
}

func ExampleSame() {
	fmt.Println(ops.Same(7, 8, 3, 2))
	// Output: {1 1 0 1}
}

// TestReLUAtZero checks the one point where finite differences say nothing: PyTorch's gradient there is 0.
func TestReLUAtZero(t *testing.T) {
	backends(t, func(t *testing.T, be *backend.Backend) {
		p, err := program.New(be, "relu", nil, func(_ *Graph, _ *program.Params, in []*Node) []*Node {
			return Gradient(ReduceAllSum(ops.ReLU(in[0])), in[0])
		})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		out, err := p.Run(program.F32([]float32{-1, 0, 2}, 3))
		if err != nil {
			t.Fatal(err)
		}
		if g := out[0].F32; g[0] != 0 || g[1] != 0 || g[2] != 1 {
			t.Errorf("gradients %v at -1, 0, 2; want 0, 0, 1", g)
		}
	})
}
