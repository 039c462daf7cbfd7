package onnx

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

func init() {
	operations["MatMul"] = operation{convert: matMul}
	operations["Gemm"] = operation{convert: gemm}
	operations["Einsum"] = operation{convert: einsum}
	operations["Softmax"] = operation{convert: func(c *call) []*value {
		x := c.float32At(0)
		return c.result(Softmax(x, c.softmaxAxes(x.Rank())...), c.same(0))
	}}
	operations["LogSoftmax"] = operation{convert: func(c *call) []*value {
		x := c.float32At(0)
		return c.result(LogSoftmax(x, c.softmaxAxes(x.Rank())...), c.same(0))
	}}
	operations["LayerNormalization"] = operation{convert: layerNorm}
	operations["BatchNormalization"] = operation{convert: batchNorm}
	operations["InstanceNormalization"] = operation{convert: func(c *call) []*value {
		x := c.float32At(0)
		return c.result(c.normalised(x, x.Shape().Dimensions[1], seq(x.Rank())[2:], c.float("epsilon", 1e-5)), c.same(0))
	}}
	operations["GroupNormalization"] = operation{convert: groupNorm}
	operations["LpNormalization"] = operation{convert: func(c *call) []*value {
		x := c.float32At(0)
		d := axisIn(c.int("axis", -1), x.Rank())
		norm := ReduceAndKeep(Abs(x), ReduceSum, d)
		if c.int("p", 2) == 2 {
			norm = Sqrt(ReduceAndKeep(Square(x), ReduceSum, d))
		}
		return c.result(Div(x, stretch(norm, x.Shape().Dimensions)), c.same(0))
	}}
	operations["LRN"] = operation{convert: localResponse}

	reduce := func(name string, node func(x *Node, axes ...int) *Node, start float64, f func(sum, v float64) float64, last func(float64, int) float64) {
		operations[name] = operation{
			func(c *call) []*value {
				x := c.float32At(0)
				axes := c.reduced(x.Rank())
				if len(axes) == 0 {
					return c.result(x, c.same(0))
				}
				return c.smaller(node(x, axes...), axes)
			},
			func(c *call) *array {
				a := c.known(0)
				return a.reduce(c.reduced(len(a.dims)), c.int("keepdims", 1) != 0, start, f, last)
			},
		}
	}
	sum := func(sum, v float64) float64 { return sum + v }
	as := func(sum float64, _ int) float64 { return sum }
	reduce("ReduceSum", ReduceSum, 0, sum, as)
	reduce("ReduceMean", ReduceMean, 0, sum, func(s float64, n int) float64 { return s / float64(n) })
	reduce("ReduceMax", ReduceMax, math.Inf(-1), math.Max, as)
	reduce("ReduceMin", func(x *Node, a ...int) *Node { return Neg(ReduceMax(Neg(x), a...)) }, math.Inf(1), math.Min, as)
	reduce("ReduceL1", func(x *Node, a ...int) *Node { return ReduceSum(Abs(x), a...) }, 0, func(s, v float64) float64 { return s + math.Abs(v) }, as)
	reduce("ReduceSumSquare", func(x *Node, a ...int) *Node { return ReduceSum(Square(x), a...) }, 0, func(s, v float64) float64 { return s + v*v }, as)
	reduce("ReduceL2", func(x *Node, a ...int) *Node { return Sqrt(ReduceSum(Square(x), a...)) }, 0, func(s, v float64) float64 { return s + v*v },
		func(s float64, _ int) float64 { return math.Sqrt(s) })
	reduce("ReduceLogSumExp", logSumExp, 0, func(s, v float64) float64 { return s + math.Exp(v) }, func(s float64, _ int) float64 { return math.Log(s) })
	reduce("ReduceProd", func(*Node, ...int) *Node { fail("ReduceProd of activations is not supported"); return nil }, 1,
		func(p, v float64) float64 { return p * v }, as)
	operations["ArgMax"] = operation{convert: func(c *call) []*value {
		x := c.float32At(0)
		d := axisIn(c.int("axis", 0), x.Rank())
		if c.int("select_last_index", 0) != 0 {
			fail("select_last_index is not supported")
		}
		return c.smaller(ArgMax(StopGradient(x), d, dtypes.Int32), []int{d})
	}}
}

// logSumExp is ln Σ exp x, with the largest value taken out first.
func logSumExp(x *Node, axes ...int) *Node {
	top := StopGradient(ReduceAndKeep(x, ReduceMax, axes...))
	sum := ReduceSum(Exp(Sub(x, stretch(top, x.Shape().Dimensions))), axes...)
	return Add(Log(sum), Reshape(top, sum.Shape().Dimensions...))
}

// reduced are the dimensions that a reduction folds, all where none are given.
func (c *call) reduced(rank int) []int {
	axes := slices.Clone(c.ints(1, "axes"))
	if len(axes) == 0 {
		if c.int("noop_with_empty_axes", 0) != 0 {
			return nil
		}
		return seq(rank)
	}
	for i, a := range axes {
		axes[i] = axisIn(a, rank)
	}
	slices.Sort(axes)
	return slices.Compact(axes)
}

// smaller is the result of a reduction of input 0 over axes, which are gone from y.
func (c *call) smaller(y *Node, axes []int) []*value {
	keep := c.int("keepdims", 1) != 0
	if keep {
		dims := slices.Clone(c.w.dims(c.in[0]))
		for _, d := range axes {
			dims[d] = 1
		}
		y = Reshape(y, dims...)
	}
	return c.result(y, func() []axis {
		var out []axis
		for d, a := range c.in[0].axes {
			switch {
			case !slices.Contains(axes, d):
				out = append(out, a)
			case keep:
				out = append(out, a.resized(1))
			}
		}
		for i, a := range out {
			if len(a) == 1 && a[0].label == site.Stimulus && a[0].size == 1 {
				out[i] = one("", 1) // the stimuli were averaged
			}
		}
		return out
	})
}

// softmaxAxes are the dimensions that Softmax normalises together: before version 13 all from axis on.
func (c *call) softmaxAxes(rank int) []int {
	if c.w.n.file.opset >= 13 {
		return []int{axisIn(c.int("axis", -1), rank)}
	}
	return seq(rank)[axisIn(c.int("axis", 1), rank):]
}

func matMul(c *call) []*value {
	a, b := c.float32At(0), c.float32At(1)
	ar, br := a.Rank(), b.Rank()
	if ar < 1 || br < 1 {
		fail("a product with a scalar")
	}
	ad, bd := a.Shape().Dimensions, b.Shape().Dimensions
	if inner := bd[max(br-2, 0)]; ad[ar-1] != inner {
		fail("dimensions %v and %v do not fit together", ad, bd)
	}
	return c.result(MatMul(a, b), func() []axis {
		if ar < 2 || br < 2 {
			return nil
		}
		av, bv := c.in[0].axes, c.in[1].axes
		dims := MatMul(a, b).Shape().Dimensions
		out := make([]axis, len(dims))
		rank := len(dims)
		for d := range out {
			out[d] = one("", dims[d])
			for _, v := range [][]axis{bv, av} {
				if from := d - rank + len(v); d < rank-2 && len(v) > 0 && from >= 0 && tells(v[from]) >= tells(out[d]) && tells(v[from]) > 0 {
					out[d] = v[from]
				}
			}
		}
		rows, cols := one("", dims[rank-2]), one(site.Channel, dims[rank-1])
		if len(av) > 0 {
			rows = av[ar-2]
		}
		if len(bv) > 0 {
			cols = bv[br-1]
		}
		// Attention: queries times keys are weights of keys for each query, and these times values are tokens again.
		switch r, k := rows.label(), cols.label(); {
		case len(av) > 0 && len(bv) > 0 && r == site.Token && k == site.Token:
			rows, cols = one(site.Query, dims[rank-2]), one(site.Key, dims[rank-1])
		case r == site.Query && k == site.Channel:
			rows = one(site.Token, dims[rank-2])
		}
		out[rank-2], out[rank-1] = rows, cols
		return out
	})
}

func gemm(c *call) []*value {
	a, b := c.float32At(0), c.float32At(1)
	if a.Rank() != 2 || b.Rank() != 2 {
		fail("matrices of %d and %d dimensions", a.Rank(), b.Rank())
	}
	rows := 0
	if c.int("transA", 0) != 0 {
		a, rows = TransposeAllAxes(a, 1, 0), 1
	}
	// Weights as PyTorch stores them, [out, in], are multiplied without being transposed first.
	var y *Node
	if c.int("transB", 0) != 0 {
		if a.Shape().Dimensions[1] != b.Shape().Dimensions[1] {
			fail("dimensions %v and %v do not fit together", a.Shape().Dimensions, b.Shape().Dimensions)
		}
		y = ops.Dense(a, b, nil)
	} else {
		if a.Shape().Dimensions[1] != b.Shape().Dimensions[0] {
			fail("dimensions %v and %v do not fit together", a.Shape().Dimensions, b.Shape().Dimensions)
		}
		y = MatMul(a, b)
	}
	if f := c.float("alpha", 1); f != 1 {
		y = MulScalar(y, f)
	}
	if c.has(2) {
		bias := c.float32At(2)
		if f := c.float("beta", 1); f != 1 {
			bias = MulScalar(bias, f)
		}
		y = Add(y, stretch(bias, y.Shape().Dimensions))
	}
	return c.result(y, func() []axis {
		d := y.Shape().Dimensions
		out := []axis{one("", d[0]), one(site.Channel, d[1])}
		if v := c.in[0].axes; len(v) == 2 {
			out[0] = v[rows]
		}
		return out
	})
}

func einsum(c *call) []*value {
	equation := strings.ReplaceAll(c.text("equation", ""), " ", "")
	left, right, ok := strings.Cut(equation, "->")
	terms := strings.Split(left, ",")
	if !ok || len(terms) != 2 || len(c.in) != 2 || strings.Contains(equation, ".") {
		fail("equation %q: two operands, letters and -> are supported", equation)
	}
	y := Einsum(equation, c.float32At(0), c.float32At(1))
	return c.result(y, func() []axis {
		var out []axis
		for i, letter := range right {
			a := one("", y.Shape().Dimensions[i])
			for k, term := range terms {
				if at := strings.IndexRune(term, letter); at >= 0 && at < len(c.in[k].axes) && tells(c.in[k].axes[at]) > tells(a) {
					a = c.in[k].axes[at]
				}
			}
			out = append(out, a)
		}
		return out
	})
}

// alongChannels brings a [channels] parameter into the dimensions of x, whose second is the channel.
func alongChannels(v, x *Node) *Node {
	if v.Rank() != 1 || x.Rank() < 2 || v.Shape().Dimensions[0] != x.Shape().Dimensions[1] {
		fail("a parameter of dimensions %v for a value of dimensions %v", v.Shape().Dimensions, x.Shape().Dimensions)
	}
	dims := slices.Repeat([]int{1}, x.Rank())
	dims[1] = x.Shape().Dimensions[1]
	return stretch(Reshape(v, dims...), x.Shape().Dimensions)
}

func batchNorm(c *call) []*value {
	if c.int("training_mode", 0) != 0 {
		fail("it is in training mode: export the network for inference (model.eval())")
	}
	x := c.float32At(0)
	scale := Mul(c.x(1), Inverse(Sqrt(AddScalar(c.x(4), c.float("epsilon", 1e-5)))))
	shift := Sub(c.x(2), Mul(c.x(3), scale))
	return c.result(Add(Mul(x, alongChannels(scale, x)), alongChannels(shift, x)), c.same(0))
}

// standard takes the mean of some dimensions off and divides by their standard deviation.
func standard(x *Node, axes []int, eps float64) *Node {
	dims := x.Shape().Dimensions
	x = Sub(x, stretch(ReduceAndKeep(x, ReduceMean, axes...), dims))
	variance := ReduceAndKeep(Square(x), ReduceMean, axes...)
	return Mul(x, stretch(Inverse(Sqrt(AddScalar(variance, eps))), dims))
}

// normalised standardises x and applies the scale and shift of inputs 1 and 2, which are per channel.
func (c *call) normalised(x *Node, channels int, axes []int, eps float64) *Node {
	if len(axes) == 0 {
		fail("a value of dimensions %v has no positions to normalise over", x.Shape().Dimensions)
	}
	x = standard(x, axes, eps)
	return Add(Mul(x, alongChannels(c.perChannel(1, channels), x)), alongChannels(c.perChannel(2, channels), x))
}

// perChannel is parameter i, repeated where it is one number a group.
func (c *call) perChannel(i, channels int) *Node {
	v := c.float32At(i)
	n := v.Shape().Size()
	if n < channels && n > 0 && channels%n == 0 {
		v = Reshape(BroadcastToDims(Reshape(v, n, 1), n, channels/n), channels)
	}
	return v
}

func groupNorm(c *call) []*value {
	x := c.float32At(0)
	d := x.Shape().Dimensions
	groups := c.int("num_groups", 0)
	if len(d) < 2 || groups < 1 || d[1]%groups != 0 {
		fail("%d groups of a value of dimensions %v", groups, d)
	}
	y := standard(Reshape(x, d[0], groups, product(d[1:])/groups), []int{2}, c.float("epsilon", 1e-5))
	y = Reshape(y, d...)
	y = Add(Mul(y, alongChannels(c.perChannel(1, d[1]), y)), alongChannels(c.perChannel(2, d[1]), y))
	return c.result(y, c.same(0))
}

func layerNorm(c *call) []*value {
	x := c.float32At(0)
	d := x.Shape().Dimensions
	at := axisIn(c.int("axis", -1), len(d))
	eps := c.float("epsilon", 1e-5)
	var y *Node
	if at == len(d)-1 && c.has(2) && c.x(1).Rank() == 1 && c.x(2).Rank() == 1 {
		y = ops.LayerNorm(x, c.float32At(1), c.float32At(2), eps)
	} else {
		y = Mul(standard(x, seq(len(d))[at:], eps), stretch(c.float32At(1), d))
		if c.has(2) {
			y = Add(y, stretch(c.float32At(2), d))
		}
	}
	return c.result(y, c.same(0))
}

// localResponse is local response normalisation over neighbouring channels (Krizhevsky et al. 2012).
func localResponse(c *call) []*value {
	x := c.float32At(0)
	d := x.Shape().Dimensions
	size := c.int("size", 0)
	if size < 1 || len(d) < 2 || size > MaxWindow {
		fail("size %d for a value of dimensions %v", size, d)
	}
	squares := padAxis(Square(x), 1, (size-1)/2, size/2, "constant", 0)
	var sum *Node
	for i := range size {
		spec := slices.Repeat([]SliceAxisSpec{AxisRange()}, len(d))
		spec[1] = AxisRange(i, i+d[1])
		if part := Slice(squares, spec...); sum == nil {
			sum = part
		} else {
			sum = Add(sum, part)
		}
	}
	base := AddScalar(MulScalar(sum, c.float("alpha", 1e-4)/float64(size)), c.float("bias", 1))
	beta := Scalar(x.Graph(), x.DType(), c.float("beta", 0.75))
	return c.result(Div(x, Pow(base, stretch(beta, d))), c.same(0))
}

// describeDims is for messages about windows.
func describeDims(d []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(d), "[]"), " ", "x")
}
