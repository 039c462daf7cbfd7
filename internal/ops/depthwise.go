package ops

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Depthwise convolves every channel of x [batch, h, w, c] with its own kernel w [c, 1, kh, kw] (PyTorch, groups = c).
func Depthwise(x, w *Node, stride int, pad Padding) *Node {
	wd := w.Shape().Dimensions
	kh, kw := wd[2], wd[3]
	// The reshape behind the transposition makes XLA lay the kernels out tap by tap, channels side by side, as they are
	// read; a transposition alone it only notes, and then reads them one by one.
	taps := Reshape(TransposeAllAxes(Reshape(w, wd[0], kh, kw), 1, 2, 0), kh*kw, wd[0])
	padded := padConst(x, pad, 0)
	y := windowSum(padded, taps, kh, kw, stride, false)
	return withGradient(y, []*Node{x, w}, func(v *Node) []*Node {
		return []*Node{spread(v, taps, x, kh, kw, stride, pad), kernelGradient(v, padded, kh, kw, stride)}
	})
}

// PoolMean averages k x k windows of x [batch, h, w, c]. Where countPad is false a window that hangs over the border is
// averaged over the places inside the image only (TensorFlow; PyTorch's count_include_pad=False).
func PoolMean(x *Node, k, stride int, pad Padding, countPad bool) *Node {
	sum := windowSum(padConst(x, pad, 0), nil, k, k, stride, false)
	sum = withGradient(sum, []*Node{x}, func(v *Node) []*Node {
		return []*Node{spread(v, nil, x, k, k, stride, pad)}
	})
	if countPad {
		return DivScalar(sum, float64(k*k))
	}
	d, out := x.Shape().Dimensions, sum.Shape().Dimensions
	inside := func(n, before, out int) []float64 {
		c := make([]float64, out)
		for o := range c {
			for i := range k {
				if at := o*stride + i - before; at >= 0 && at < n {
					c[o]++
				}
			}
		}
		return c
	}
	rows, cols := inside(d[1], pad.Top, out[1]), inside(d[2], pad.Left, out[2])
	inv := make([]float64, len(rows)*len(cols))
	for i, r := range rows {
		for j, c := range cols {
			inv[i*len(cols)+j] = 1 / (r * c)
		}
	}
	scale := Reshape(ConstAsDType(x.Graph(), x.DType(), inv), 1, len(rows), len(cols), 1)
	return Mul(sum, BroadcastToShape(scale, sum.Shape()))
}

// windowSum adds the kh*kw shifted views of a padded image, each channel times its tap of taps [kh*kw, c], or as it is
// where taps is nil. flip takes the taps from the last to the first.
func windowSum(padded, taps *Node, kh, kw, stride int, flip bool) *Node {
	views, _, _ := shifted(padded, kh, kw, stride)
	var sum *Node
	for i, v := range views {
		if taps != nil {
			if flip {
				i = kh*kw - 1 - i
			}
			d := v.Shape().Dimensions
			v = Mul(v, BroadcastPrefix(Reshape(Slice(taps, AxisElem(i)), d[3]), d[0], d[1], d[2]))
		}
		if sum == nil {
			sum = v
		} else {
			sum = Add(sum, v)
		}
	}
	return sum
}

// spread is the transpose of windowSum with its padding: v, the gradient of the sums, becomes that of the image x. It is a
// sum over windows of v, too, whose places are drawn apart by the stride, with the taps the other way round.
func spread(v, taps, x *Node, kh, kw, stride int, pad Padding) *Node {
	vd, xd := v.Shape().Dimensions, x.Shape().Dimensions
	axis := func(out, in, k, before int) compute.PadAxis {
		a := compute.PadAxis{Start: k - 1 - before, End: in + before - (out-1)*stride - 1, Interior: stride - 1}
		if a.Start < 0 || a.End < 0 {
			panic(fmt.Errorf("padding %+v is wider than a kernel of %dx%d reaches: some windows would see nothing of the image", pad, kh, kw))
		}
		return a
	}
	apart := Pad(v, ScalarZero(v.Graph(), v.DType()), compute.PadAxis{}, axis(vd[1], xd[1], kh, pad.Top),
		axis(vd[2], xd[2], kw, pad.Left), compute.PadAxis{})
	return windowSum(apart, taps, kh, kw, 1, true)
}

// kernelGradient is the gradient [c, 1, kh, kw] of a depthwise convolution's kernels: for each tap the sum of v times the
// view that it saw. The taps are taken in a loop of the graph, whose body XLA compiles once, instead of one kernel for
// each tap of each layer. In the loop the sum is a product with ones: go-xla has no reductions in closures.
func kernelGradient(v, padded *Node, kh, kw, stride int) *Node {
	d := v.Shape().Dimensions
	size := []int{d[0], (d[1]-1)*stride + 1, (d[2]-1)*stride + 1, d[3]}
	sums := shapes.Make(v.DType(), kh*kw, d[3])
	state := func(g *Graph) (tap, dv, image, taps *Node) {
		return Parameter(g, "tap", shapes.Make(dtypes.Int32)), Parameter(g, "v", v.Shape()),
			Parameter(g, "padded", padded.Shape()), Parameter(g, "taps", sums)
	}
	g := v.Graph()
	more := NewClosure(g, func(g *Graph) []*Node {
		tap, _, _, _ := state(g)
		return []*Node{LessThan(tap, Const(g, int32(kh*kw)))}
	})
	body := NewClosure(g, func(g *Graph) []*Node {
		tap, dv, image, taps := state(g)
		zero, width := Const(g, int32(0)), Const(g, int32(kw))
		row := Div(tap, width)
		view := DynamicSlice(image, []*Node{zero, row, Sub(tap, Mul(row, width)), zero}, size)
		if stride > 1 {
			view = Slice(view, AxisRange(), AxisRange().Stride(stride), AxisRange().Stride(stride), AxisRange())
		}
		places := d[0] * d[1] * d[2]
		sum := MatMul(Ones(g, shapes.Make(dv.DType(), 1, places)), Reshape(Mul(dv, view), places, d[3]))
		return []*Node{Add(tap, Const(g, int32(1))), dv, image, DynamicUpdateSlice(taps, sum, []*Node{tap, zero})}
	})
	taps := While(more, body, Const(g, int32(0)), v, padded, Zeros(g, sums))[3]
	return Reshape(TransposeAllAxes(Reshape(taps, kh, kw, d[3]), 2, 0, 1), d[3], 1, kh, kw)
}

// withGradient returns y, whose gradient with respect to inputs is what gradient makes of the gradient of y, and not what
// follows from the operations that y was made with: for sums over shifted views these are as many paddings as views,
// with which XLA takes twice as long, to compile and to run, as with a sum over views of the gradient.
//
// GoMLX knows gradients of one's own for functions of one value and of its shape only. So y and the inputs are laid side
// by side, as one value, and y is cut out again; XLA removes both. The Go backend would not, and keeps the gradient of the
// operations.
func withGradient(y *Node, inputs []*Node, gradient func(v *Node) []*Node) *Node {
	if onGo(y) {
		return y
	}
	flat := func(x *Node) *Node { return Reshape(x, x.Shape().Size()) }
	all := []*Node{flat(StopGradient(y))}
	for _, x := range inputs {
		all = append(all, flat(x))
	}
	n, dims := y.Shape().Size(), y.Shape().Dimensions
	joined := IdentityWithCustomGradient(Concatenate(all, 0), func(_, v *Node) *Node {
		out := []*Node{ZerosLike(all[0])}
		for _, g := range gradient(Reshape(Slice(v, AxisRange(0, n)), dims...)) {
			out = append(out, flat(g))
		}
		return Concatenate(out, 0)
	})
	return Reshape(Slice(joined, AxisRange(0, n)), dims...)
}
