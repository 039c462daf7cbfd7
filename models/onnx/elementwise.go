package onnx

import (
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// operation converts nodes of one kind.
type operation struct {
	// convert makes a node's outputs in the graph.
	convert func(c *call) []*value
	// evaluate computes the only output of a node whose inputs are known; nil where that is never asked for.
	evaluate func(c *call) *array
}

// operations are those of ONNX that are supported, by name, with the domain before a dot where it is not ONNX's own.
// They are filled in by the init functions of this package, each beside its conversions.
var operations = map[string]operation{}

func init() {
	unary := func(name string, node func(*Node) *Node, number func(float64) float64) {
		operations[name] = operation{
			func(c *call) []*value { return c.result(node(c.float32At(0)), c.same(0)) },
			func(c *call) *array {
				return combine(c.known(0).kind, func(v []float64) float64 { return number(v[0]) }, c.known(0))
			},
		}
	}
	unary("Abs", Abs, math.Abs)
	unary("Neg", Neg, func(v float64) float64 { return -v })
	unary("Exp", Exp, math.Exp)
	unary("Log", Log, math.Log)
	unary("Sqrt", Sqrt, math.Sqrt)
	unary("Reciprocal", Inverse, func(v float64) float64 { return 1 / v })
	unary("Sin", Sin, math.Sin)
	unary("Cos", Cos, math.Cos)
	unary("Tanh", Tanh, math.Tanh)
	unary("Sigmoid", Sigmoid, func(v float64) float64 { return 1 / (1 + math.Exp(-v)) })
	unary("Erf", Erf, math.Erf)
	unary("Identity", func(x *Node) *Node { return x }, func(v float64) float64 { return v })
	unary("Relu", ops.ReLU, func(v float64) float64 { return max(v, 0) })
	// Steps have a gradient of 0, which the backends do not know.
	step := func(f func(*Node) *Node) func(*Node) *Node {
		return func(x *Node) *Node { return f(StopGradient(x)) }
	}
	unary("Floor", step(Floor), math.Floor)
	unary("Ceil", step(Ceil), math.Ceil)
	unary("Round", step(Round), math.RoundToEven)
	unary("Sign", step(Sign), func(v float64) float64 {
		switch {
		case v > 0:
			return 1
		case v < 0:
			return -1
		}
		return 0
	})

	binary := func(name string, node func(a, b *Node) *Node, number func(a, b float64) float64) {
		operations[name] = operation{
			func(c *call) []*value {
				x := c.operands(0, 1)
				return c.result(node(x[0], x[1]), c.stretched(0, 1))
			},
			func(c *call) *array {
				a, b := c.known(0), c.known(1)
				return combine(max0(a.kind, b.kind), func(v []float64) float64 { return number(v[0], v[1]) }, a, b)
			},
		}
	}
	binary("Add", Add, func(a, b float64) float64 { return a + b })
	binary("Sub", Sub, func(a, b float64) float64 { return a - b })
	binary("Mul", Mul, func(a, b float64) float64 { return a * b })
	operations["Div"] = operation{
		func(c *call) []*value {
			x := c.operands(0, 1)
			return c.result(Div(x[0], x[1]), c.stretched(0, 1))
		},
		func(c *call) *array {
			a, b := c.known(0), c.known(1)
			k := max0(a.kind, b.kind)
			return combine(k, func(v []float64) float64 {
				if k == integer {
					if v[1] == 0 {
						fail("a division by 0")
					}
					return math.Trunc(v[0] / v[1]) // as in C
				}
				return v[0] / v[1]
			}, a, b)
		},
	}
	operations["Mod"] = operation{
		func(c *call) []*value { fail("Mod of activations is not supported"); return nil },
		func(c *call) *array {
			a, b := c.known(0), c.known(1)
			return combine(a.kind, func(v []float64) float64 {
				m := math.Mod(v[0], v[1]) // fmod has the sign of the dividend, mod that of the divisor
				if c.int("fmod", 0) == 0 && m != 0 && (m < 0) != (v[1] < 0) {
					m += v[1]
				}
				return m
			}, a, b)
		},
	}
	operations["Pow"] = operation{power, func(c *call) *array {
		return combine(c.known(0).kind, func(v []float64) float64 { return math.Pow(v[0], v[1]) }, c.known(0), c.known(1))
	}}

	several := func(name string, node func(a, b *Node) *Node, number func(a, b float64) float64, mean bool) {
		operations[name] = operation{
			func(c *call) []*value {
				all := c.all()
				x := c.operands(all...)
				sum := x[0]
				for _, y := range x[1:] {
					sum = node(sum, y)
				}
				if mean {
					sum = DivScalar(sum, float64(len(x)))
				}
				return c.result(sum, c.stretched(all...))
			},
			func(c *call) *array {
				var in []*array
				for i := range c.in {
					in = append(in, c.known(i))
				}
				n := len(in)
				if n == 0 {
					fail("there are no inputs")
				}
				return combine(in[0].kind, func(v []float64) float64 {
					sum := v[0]
					for _, x := range v[1:] {
						sum = number(sum, x)
					}
					if mean {
						sum /= float64(n)
					}
					return sum
				}, in...)
			},
		}
	}
	several("Min", Min, math.Min, false)
	several("Max", Max, math.Max, false)
	several("Sum", Add, func(a, b float64) float64 { return a + b }, false)
	several("Mean", Add, func(a, b float64) float64 { return a + b }, true)

	compare := func(name string, node func(a, b *Node) *Node, number func(a, b float64) bool) {
		operations[name] = operation{
			func(c *call) []*value {
				x := c.operands(0, 1)
				return c.result(node(x[0], x[1]), c.stretched(0, 1))
			},
			func(c *call) *array {
				return combine(boolean, func(v []float64) float64 {
					if number(v[0], v[1]) {
						return 1
					}
					return 0
				}, c.known(0), c.known(1))
			},
		}
	}
	compare("Equal", Equal, func(a, b float64) bool { return a == b })
	compare("Less", LessThan, func(a, b float64) bool { return a < b })
	compare("LessOrEqual", LessOrEqual, func(a, b float64) bool { return a <= b })
	compare("Greater", GreaterThan, func(a, b float64) bool { return a > b })
	compare("GreaterOrEqual", GreaterOrEqual, func(a, b float64) bool { return a >= b })
	compare("And", LogicalAnd, func(a, b float64) bool { return a != 0 && b != 0 })
	compare("Or", LogicalOr, func(a, b float64) bool { return a != 0 || b != 0 })
	compare("Xor", LogicalXor, func(a, b float64) bool { return (a != 0) != (b != 0) })
	operations["Not"] = operation{
		func(c *call) []*value { return c.result(LogicalNot(c.x(0)), c.same(0)) },
		func(c *call) *array {
			return combine(boolean, func(v []float64) float64 { return 1 - v[0] }, c.known(0))
		},
	}
	operations["Where"] = operation{
		func(c *call) []*value {
			x := c.operands(1, 2)
			dims := broadcastDims(c.w.dims(c.input(0)), x[0].Shape().Dimensions)
			return c.result(Where(stretch(c.x(0), dims), stretch(x[0], dims), stretch(x[1], dims)), c.stretched(0, 1, 2))
		},
		func(c *call) *array {
			return combine(c.known(1).kind, func(v []float64) float64 {
				if v[0] != 0 {
					return v[1]
				}
				return v[2]
			}, c.known(0), c.known(1), c.known(2))
		},
	}
	operations["Clip"] = operation{clip, func(c *call) *array {
		lo, hi := c.bounds()
		return combine(c.known(0).kind, func(v []float64) float64 { return min(max(v[0], lo), hi) }, c.known(0))
	}}
	operations["Cast"] = operation{cast, func(c *call) *array {
		t, err := typeOf(int64(c.int("to", 1)))
		if err != nil {
			fail("%v", err)
		}
		return c.known(0).cast(t.kind)
	}}
	operations["CastLike"] = operation{func(c *call) []*value { return c.result(c.float32At(0), c.same(0)) },
		func(c *call) *array { return c.known(0).cast(c.known(1).kind) }}
	operations["Dropout"] = operation{convert: func(c *call) []*value { return c.result(c.x(0), c.same(0)) }}
	activations()
}

// activations are functions of one value with parameters, as the ONNX operators define them.
func activations() {
	activation := func(name string, f func(c *call, x *Node) *Node) {
		operations[name] = operation{convert: func(c *call) []*value { return c.result(f(c, c.x(0)), c.same(0)) }}
	}
	positive := func(x *Node) *Node { return MaxScalar(x, 0) }
	negative := func(x *Node) *Node { return MinScalar(x, 0) }
	expm1 := func(x *Node) *Node { return AddScalar(Exp(negative(x)), -1) }
	softplus := func(x *Node) *Node { return Add(positive(x), Log1P(Exp(Neg(Abs(x))))) }
	activation("LeakyRelu", func(c *call, x *Node) *Node { return Add(positive(x), MulScalar(negative(x), c.float("alpha", 0.01))) })
	activation("Elu", func(c *call, x *Node) *Node { return Add(positive(x), MulScalar(expm1(x), c.float("alpha", 1))) })
	activation("Celu", func(c *call, x *Node) *Node {
		a := c.float("alpha", 1)
		return Add(positive(x), MulScalar(expm1(DivScalar(x, a)), a))
	})
	activation("Selu", func(c *call, x *Node) *Node {
		alpha, gamma := c.float("alpha", 1.67326319217681884765625), c.float("gamma", 1.05070102214813232421875)
		return MulScalar(Add(positive(x), MulScalar(expm1(x), alpha)), gamma)
	})
	activation("ThresholdedRelu", func(c *call, x *Node) *Node {
		return Where(GreaterThan(x, Scalar(x.Graph(), x.DType(), c.float("alpha", 1))), x, ZerosLike(x))
	})
	activation("HardSigmoid", func(c *call, x *Node) *Node {
		return MinScalar(MaxScalar(AddScalar(MulScalar(x, c.float("alpha", 0.2)), c.float("beta", 0.5)), 0), 1)
	})
	activation("HardSwish", func(_ *call, x *Node) *Node {
		return Mul(x, MinScalar(MaxScalar(AddScalar(DivScalar(x, 6), 0.5), 0), 1))
	})
	activation("Softplus", func(_ *call, x *Node) *Node { return softplus(x) })
	activation("Softsign", func(_ *call, x *Node) *Node { return Div(x, OnePlus(Abs(x))) })
	activation("Mish", func(_ *call, x *Node) *Node { return Mul(x, Tanh(softplus(x))) })
	activation("Swish", func(c *call, x *Node) *Node { return Mul(x, Sigmoid(MulScalar(x, c.float("alpha", 1)))) })
	activation("com.microsoft.QuickGelu", func(c *call, x *Node) *Node { return Mul(x, Sigmoid(MulScalar(x, c.float("alpha", 1.702)))) })
	gelu := func(c *call, x *Node) *Node {
		switch a := c.text("approximate", "none"); a {
		case "none":
			return ops.GELU(x)
		case "tanh":
			return geluTanh(x)
		default:
			fail("approximate is %q, want none or tanh", a)
			return nil
		}
	}
	activation("Gelu", gelu)
	activation("com.microsoft.Gelu", gelu)
	activation("com.microsoft.FastGelu", func(c *call, x *Node) *Node {
		if c.has(1) {
			x = Add(x, stretch(c.x(1), x.Shape().Dimensions))
		}
		return geluTanh(x)
	})
	operations["PRelu"] = operation{convert: func(c *call) []*value {
		x := c.operands(0, 1)
		return c.result(Add(positive(x[0]), Mul(x[1], negative(x[0]))), c.stretched(0, 1))
	}}
}

// geluTanh is the approximation of GELU by Hendrycks and Gimpel (2016): x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))).
func geluTanh(x *Node) *Node {
	inner := MulScalar(Add(x, MulScalar(Mul(x, Square(x)), 0.044715)), math.Sqrt(2/math.Pi))
	return Mul(MulScalar(x, 0.5), OnePlus(Tanh(inner)))
}

// max0 is the kind of a sum: floating where one of both is.
func max0(a, b kind) kind {
	if a == floating || b == floating {
		return floating
	}
	return min(a, b)
}

// float32At is input i as a node of floating-point numbers.
func (c *call) float32At(i int) *Node {
	x := c.x(i)
	if x.DType() != dtypes.Float32 {
		x = ConvertDType(x, dtypes.Float32)
	}
	return x
}

// all numbers the inputs.
func (c *call) all() []int {
	if len(c.in) == 0 {
		fail("there are no inputs")
	}
	out := make([]int, len(c.in))
	for i := range out {
		out[i] = i
	}
	return out
}

// operands are inputs stretched to each other, of one type.
func (c *call) operands(which ...int) []*Node {
	var x []*Node
	var dims [][]int
	float := false
	for _, i := range which {
		n := c.x(i)
		float = float || n.DType() == dtypes.Float32
		x, dims = append(x, n), append(dims, n.Shape().Dimensions)
	}
	shape := broadcastDims(dims...)
	for i, n := range x {
		if float && n.DType() != dtypes.Float32 {
			n = ConvertDType(n, dtypes.Float32)
		}
		x[i] = stretch(n, shape)
	}
	return x
}

// stretch brings x to these dimensions by numpy's rule.
func stretch(x *Node, dims []int) *Node {
	have := x.Shape().Dimensions
	if slices.Equal(have, dims) {
		return x
	}
	fits(dims)
	wide := make([]int, len(dims))
	for i := range wide {
		wide[i] = 1
		if k := i - len(dims) + len(have); k >= 0 {
			wide[i] = have[k]
		}
	}
	return BroadcastToDims(Reshape(x, wide...), dims...)
}

// fits refuses dimensions that no machine holds.
func fits(dims []int) {
	if len(dims) > MaxRank {
		fail("a value of %d dimensions, at most %d are supported", len(dims), MaxRank)
	}
	n := 1
	for _, d := range dims {
		if d < 1 {
			fail("a value of dimensions %v", dims)
		}
		if n > MaxSize/d {
			fail("a value of dimensions %v, which hold more than %d numbers", dims, int64(MaxSize))
		}
		n *= d
	}
}

// stretched are the axes of inputs stretched to each other: of each dimension that which tells most.
func (c *call) stretched(which ...int) func() []axis {
	return func() []axis {
		var dims [][]int
		for _, i := range which {
			dims = append(dims, c.w.dims(c.in[i]))
		}
		shape := broadcastDims(dims...)
		axes := make([]axis, len(shape))
		for d, size := range shape {
			axes[d] = one("", size)
			best := -1
			for k, i := range which {
				from := d - len(shape) + len(dims[k])
				if v := c.in[i]; from >= 0 && len(v.axes) > from && dims[k][from] == size {
					if w := tells(v.axes[from]); w > best {
						axes[d], best = v.axes[from], w
					}
				}
			}
		}
		return axes
	}
}

// tells ranks what is known of a dimension.
func tells(a axis) int {
	switch {
	case slices.ContainsFunc(a, func(f factor) bool { return f.label == site.Stimulus }):
		return 2
	case a.label() != "":
		return 1
	}
	return 0
}

// power raises to a known power by products where that is exact and has a gradient for negative numbers, too.
func power(c *call) []*value {
	if e := c.input(1).numbers(); e != nil && len(e.v) == 1 {
		x := c.float32At(0)
		var y *Node
		switch e.v[0] {
		case 1:
			y = x
		case 2:
			y = Square(x)
		case 3:
			y = Mul(x, Square(x))
		case 4:
			y = Square(Square(x))
		case 0.5:
			y = Sqrt(x)
		case -0.5:
			y = Inverse(Sqrt(x))
		case -1:
			y = Inverse(x)
		}
		if y != nil {
			return c.result(y, c.same(0))
		}
	}
	x := c.operands(0, 1)
	return c.result(Pow(x[0], x[1]), c.stretched(0, 1))
}

// bounds are the bounds of Clip, infinite where they are left out.
func (c *call) bounds() (lo, hi float64) {
	lo, hi = c.float("min", math.Inf(-1)), c.float("max", math.Inf(1))
	for i, to := range []*float64{&lo, &hi} {
		if c.has(i + 1) {
			a := c.known(i + 1)
			if len(a.v) != 1 {
				fail("a bound of %d values", len(a.v))
			}
			*to = a.v[0]
		}
	}
	return lo, hi
}

func clip(c *call) []*value {
	x := c.float32At(0)
	lo, hi := c.bounds()
	if !math.IsInf(lo, -1) {
		x = MaxScalar(x, lo)
	}
	if !math.IsInf(hi, 1) {
		x = MinScalar(x, hi)
	}
	return c.result(x, c.same(0))
}

func cast(c *call) []*value {
	t, err := typeOf(int64(c.int("to", 1)))
	if err != nil {
		fail("%v", err)
	}
	x := c.x(0)
	switch {
	case t.kind == floating && x.DType() != dtypes.Float32:
		x = ConvertDType(x, dtypes.Float32)
	case t.kind == integer && x.DType() != dtypes.Int32:
		x = ConvertDType(x, dtypes.Int32)
	case t.kind == boolean && x.DType() != dtypes.Bool:
		x = NotEqual(x, ZerosLike(x))
	}
	return c.result(x, c.same(0))
}
