package ops

import (
	"fmt"

	"github.com/gomlx/compute"
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

// PoolMax takes the maximum of k x k windows of x [batch, h, w, c]; padded places never win.
func PoolMax(x *Node, k, stride int, pad Padding) *Node {
	views, _, _ := shifted(padConst(x, pad, lowest(x.DType())), k, k, stride)
	m := views[0]
	for _, v := range views[1:] {
		m = Max(m, v)
	}
	return m
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

// ZeroPad lays zeros around x [batch, h, w, c].
func ZeroPad(x *Node, pad Padding) *Node { return padConst(x, pad, 0) }

// padConst pads in one operation, which XLA computes in one pass together with what is padded. Concatenation with constants
// it takes apart into three.
func padConst(x *Node, pad Padding, value float64) *Node {
	if pad == (Padding{}) {
		return x
	}
	return Pad(x, Scalar(x.Graph(), x.DType(), value), compute.PadAxis{}, compute.PadAxis{Start: pad.Top, End: pad.Bottom},
		compute.PadAxis{Start: pad.Left, End: pad.Right}, compute.PadAxis{})
}

func lowest(dt dtypes.DType) float64 {
	if dt == dtypes.Float64 {
		return -1e300
	}
	return -3e38
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
