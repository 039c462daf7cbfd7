// Package layer has the parts that vision networks are made of, for one's own architectures.
//
// They are the operations that this module's own networks use: right and fast on every backend, with gradients that were
// compared with finite differences. GoMLX's package graph has all other operations and may be used beside it; of what this
// package has, the versions there are slow or wrong on one backend or the other.
//
// # Invariants
//
//   - Feature maps are [batch, y, x, channel], the order that convolutions are fastest in; site.TapImage shows them to users
//     as [channel, y, x]. Tokens are [batch, token, channel].
//   - Weights have PyTorch's order of dimensions.
//   - A function panics on shapes that do not fit, as graph building does.
//
// # Limits
//
// Convolutions move by the same step along rows and columns, and their kernels have no holes.
package layer

import (
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
)

// Padding is the padding of a map: rows above and below, columns left and right.
type Padding = ops.Padding

// Kernel is a resampling filter for Resize.
type Kernel = ops.Kernel

// The filters of Resize, as torch's interpolate has them.
var (
	Bilinear          = ops.Bilinear
	BilinearAntialias = ops.BilinearAntialias
	Bicubic           = ops.Bicubic
	BicubicAntialias  = ops.BicubicAntialias
)

// Image brings pictures [batch, channel, y, x], as a network gets them, into the order of feature maps.
func Image(x *Node) *Node { return TransposeAllAxes(x, 0, 2, 3, 1) }

// Even is the same padding on all four sides, PyTorch's padding=n.
func Even(n int) Padding { return ops.Even(n) }

// Same is the padding that TensorFlow calls SAME for a map of h x w.
func Same(h, w, kernel, stride int) Padding { return ops.Same(h, w, kernel, stride) }

// Conv is a convolution of x [batch, y, x, in] with w [out, in, ky, kx]; b [out] may be nil.
func Conv(x, w, b *Node, stride int, pad Padding) *Node { return ops.Conv(x, w, b, stride, pad) }

// Depthwise convolves every channel of x [batch, y, x, c] with its own kernel, w [c, 1, ky, kx].
func Depthwise(x, w *Node, stride int, pad Padding) *Node { return ops.Depthwise(x, w, stride, pad) }

// PatchConv is a convolution without overlap or bias, of x [batch, channel, y, x] as a network gets it with
// w [out, channel, p, p]; the result are tokens [batch, patch, out], row by row.
func PatchConv(x, w *Node) *Node { return ops.PatchConv(x, w) }

// PoolMax takes the maximum of k x k windows of a map; padded places never win.
func PoolMax(x *Node, k, stride int, pad Padding) *Node { return ops.PoolMax(x, k, stride, pad) }

// PoolMean averages k x k windows of a map, with (PyTorch) or without (TensorFlow) the padded places where countPad says so.
func PoolMean(x *Node, k, stride int, pad Padding, countPad bool) *Node {
	return ops.PoolMean(x, k, stride, pad, countPad)
}

// Resize scales a map to h x w.
func Resize(x *Node, h, w int, k Kernel) *Node { return ops.Resize(x, h, w, k) }

// Dense is x·wᵀ + b for x [..., in] and w [out, in]; b [out] may be nil.
func Dense(x, w, b *Node) *Node { return ops.Dense(x, w, b) }

// LayerNorm normalises the last axis (Ba et al. 2016); gamma and beta are [channels].
func LayerNorm(x, gamma, beta *Node, eps float64) *Node { return ops.LayerNorm(x, gamma, beta, eps) }

// Attention is multi-head self-attention over tokens with a fused in-projection wIn [3c, c], as torch.nn.MultiheadAttention
// computes it. mask [tokens, tokens] is added to the logits. onProbs sees the attention weights [batch, head, query, key]
// and onHeads the heads' outputs [batch, token, channel], and each may replace what it sees, which is where to tap them.
// mask, onProbs and onHeads may be nil.
func Attention(x, wIn, bIn, wOut, bOut, mask *Node, heads int, onProbs, onHeads func(*Node) *Node) *Node {
	return ops.Attention(x, wIn, bIn, wOut, bOut, mask, heads, onProbs, onHeads)
}

// ReLU is max(x, 0).
func ReLU(x *Node) *Node { return MaxScalar(x, 0) }

// GELU is x·Φ(x) (Hendrycks and Gimpel 2016), and QuickGELU OpenAI's x·σ(1.702 x).
func GELU(x *Node) *Node { return ops.GELU(x) }

// QuickGELU is x·σ(1.702 x).
func QuickGELU(x *Node) *Node { return ops.QuickGELU(x) }

// SiLU is x·σ(x).
func SiLU(x *Node) *Node { return ops.SiLU(x) }

// Over brings v, which has one number a channel or a last axis of 1, to the shape of x, so that both can be added,
// multiplied or divided.
func Over(v, x *Node) *Node {
	d := x.Shape().Dimensions
	if v.Rank() == len(d) {
		return BroadcastToDims(v, d...)
	}
	wide := make([]int, len(d))
	for i := range wide {
		wide[i] = 1
	}
	wide[len(wide)-1] = v.Shape().Size()
	return BroadcastToDims(Reshape(v, wide...), d...)
}
