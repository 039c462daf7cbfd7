package ops

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Padding is the padding of an image: rows above and below, columns left and right.
type Padding struct{ Top, Bottom, Left, Right int }

// Same is the padding that TensorFlow calls SAME for an h x w image: the output is ceil(size/stride), and an odd
// row or column goes to the bottom or right.
func Same(h, w, kernel, stride int) Padding {
	one := func(n int) (int, int) {
		total := max((ceilDiv(n, stride)-1)*stride+kernel-n, 0)
		return total / 2, total - total/2
	}
	var p Padding
	p.Top, p.Bottom = one(h)
	p.Left, p.Right = one(w)
	return p
}

// Even is the same padding on all four sides, PyTorch's padding=n.
func Even(n int) Padding { return Padding{n, n, n, n} }

// Conv is a convolution (cross-correlation, as everywhere in this field) of x [batch, h, w, in] with
// w [out, in, kh, kw] in PyTorch's order; b [out] may be nil.
func Conv(x, w, b *Node, stride int, pad Padding) *Node {
	kernel := TransposeAllAxes(w, 2, 3, 1, 0)
	var y *Node
	if onGo(x) {
		y = convAsMatMul(x, kernel, stride, pad)
	} else {
		y = Convolve(x, kernel).Strides(stride).
			PaddingPerDim([][2]int{{pad.Top, pad.Bottom}, {pad.Left, pad.Right}}).Done()
	}
	if b != nil {
		y = Add(y, BroadcastToShape(Reshape(b, 1, 1, 1, b.Shape().Size()), y.Shape()))
	}
	return y
}

// convAsMatMul gathers the kernel's shifted views side by side and multiplies once.
func convAsMatMul(x, k *Node, stride int, pad Padding) *Node {
	kd := k.Shape().Dimensions
	views, oh, ow := shifted(padConst(x, pad, 0), kd[0], kd[1], stride)
	cols := Concatenate(views, -1)
	b := x.Shape().Dimensions[0]
	in := kd[0] * kd[1] * kd[2]
	return Reshape(MatMul(Reshape(cols, b*oh*ow, in), Reshape(k, in, kd[3])), b, oh, ow, kd[3])
}

// Depthwise convolves every channel of x [batch, h, w, c] with its own kernel w [c, 1, kh, kw] (PyTorch, groups = c).
func Depthwise(x, w *Node, stride int, pad Padding) *Node {
	wd := w.Shape().Dimensions
	views, _, _ := shifted(padConst(x, pad, 0), wd[2], wd[3], stride)
	taps := Reshape(TransposeAllAxes(Reshape(w, wd[0], wd[2], wd[3]), 1, 2, 0), wd[2]*wd[3], wd[0])
	var sum *Node
	for i, v := range views {
		tap := Reshape(Slice(taps, AxisElem(i)), 1, 1, 1, wd[0])
		term := Mul(v, BroadcastToShape(tap, v.Shape()))
		if sum == nil {
			sum = term
		} else {
			sum = Add(sum, term)
		}
	}
	return sum
}

// PoolMax takes the maximum of k x k windows of x [batch, h, w, c]; padded places never win.
func PoolMax(x *Node, k, stride int, pad Padding) *Node {
	views, _, _ := shifted(padConst(x, pad, lowest(x.DType())), k, k, stride)
	m := views[0]
	for _, v := range views[1:] {
		m = Max(m, v)
	}
	return m
}

// PoolMean averages k x k windows of x [batch, h, w, c]. Where countPad is false a window that hangs over the border is
// averaged over the places inside the image only (TensorFlow; PyTorch's count_include_pad=False).
func PoolMean(x *Node, k, stride int, pad Padding, countPad bool) *Node {
	views, oh, ow := shifted(padConst(x, pad, 0), k, k, stride)
	sum := views[0]
	for _, v := range views[1:] {
		sum = Add(sum, v)
	}
	if countPad {
		return DivScalar(sum, float64(k*k))
	}
	d := x.Shape().Dimensions
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
	rows, cols := inside(d[1], pad.Top, oh), inside(d[2], pad.Left, ow)
	inv := make([]float64, oh*ow)
	for i := range oh {
		for j := range ow {
			inv[i*ow+j] = 1 / (rows[i] * cols[j])
		}
	}
	scale := Reshape(ConstAsDType(x.Graph(), x.DType(), inv), 1, oh, ow, 1)
	return Mul(sum, BroadcastToShape(scale, sum.Shape()))
}

// shifted returns the kh*kw views of a padded image that a sliding window sees, and their height and width.
func shifted(x *Node, kh, kw, stride int) (views []*Node, oh, ow int) {
	d := x.Shape().Dimensions
	if d[1] < kh || d[2] < kw {
		panic(fmt.Errorf("a %dx%d window does not fit into a padded image of %dx%d", kh, kw, d[1], d[2]))
	}
	oh, ow = (d[1]-kh)/stride+1, (d[2]-kw)/stride+1
	for i := range kh {
		for j := range kw {
			views = append(views, Slice(x, AxisRange(),
				AxisRange(i, i+(oh-1)*stride+1).Stride(stride),
				AxisRange(j, j+(ow-1)*stride+1).Stride(stride), AxisRange()))
		}
	}
	return views, oh, ow
}

// padConst pads by concatenation, which has a gradient on every backend.
func padConst(x *Node, pad Padding, value float64) *Node {
	x = padAxis(x, 1, pad.Top, pad.Bottom, value)
	return padAxis(x, 2, pad.Left, pad.Right, value)
}

func padAxis(x *Node, axis, before, after int, value float64) *Node {
	if before == 0 && after == 0 {
		return x
	}
	fill := func(n int) *Node {
		sh := x.Shape().Clone()
		sh.Dimensions[axis] = n
		return BroadcastToShape(Scalar(x.Graph(), x.DType(), value), sh)
	}
	var parts []*Node
	if before > 0 {
		parts = append(parts, fill(before))
	}
	parts = append(parts, x)
	if after > 0 {
		parts = append(parts, fill(after))
	}
	return Concatenate(parts, axis)
}

func lowest(dt dtypes.DType) float64 {
	if dt == dtypes.Float64 {
		return -1e300
	}
	return -3e38
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
