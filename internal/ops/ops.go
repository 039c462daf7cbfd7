package ops

import (
	"math"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/nn"
)

// onGo tells whether x's graph is built for the Go backend.
func onGo(x *Node) bool { return x.Graph().Backend().String() == "go" }

// Dense is x·wᵀ + b for x [..., in] and w [out, in], PyTorch's Linear. b [out] may be nil.
func Dense(x, w, b *Node) *Node { return nn.Dense(x, w, b, compute.DenseLayoutOutputsInput) }

// LayerNorm normalises the last axis of x with the biased variance, then scales and shifts it (Ba et al. 2016).
// gamma and beta are [channels].
func LayerNorm(x, gamma, beta *Node, eps float64) *Node {
	return nn.LayerNorm(x, []int{-1}, eps, gamma, beta, nil)
}

// QuickGELU is x·σ(1.702 x), the activation of OpenAI's CLIP.
func QuickGELU(x *Node) *Node { return Mul(x, Sigmoid(MulScalar(x, 1.702))) }

// GELU is x·Φ(x) with the error function (Hendrycks and Gimpel 2016), PyTorch's default.
func GELU(x *Node) *Node {
	return Mul(MulScalar(x, 0.5), OnePlus(Erf(MulScalar(x, math.Sqrt2/2))))
}

// ReLU is max(0, x). The constant comes first so that the gradient at 0 is 0, as in PyTorch: of equal sides the first has
// it in GoMLX.
func ReLU(x *Node) *Node { return Max(ScalarZero(x.Graph(), x.DType()), x) }

// Unit divides the last axis of x by its Euclidean norm.
func Unit(x *Node) *Node {
	return Div(x, Sqrt(ReduceAndKeep(Square(x), ReduceSum, -1)))
}

// SumAll is the sum of all elements of x. On the Go backend it is taken in stages of at most 64 addends, so that the
// rounding error of a float32 sum grows with the number of stages and not with the number of elements.
func SumAll(x *Node) *Node {
	if !onGo(x) {
		return ReduceAllSum(x)
	}
	n := x.Shape().Size()
	for n > 1 {
		f := n // a prime number of addends is added in one go
		for k := min(64, n); k > 1; k-- {
			if n%k == 0 {
				f = k
				break
			}
		}
		n /= f
		x = ReduceSum(Reshape(x, n, f), -1)
	}
	return Reshape(x)
}

// MeanAll is SumAll over the number of elements.
func MeanAll(x *Node) *Node { return DivScalar(SumAll(x), float64(x.Shape().Size())) }

// PatchConv is a convolution whose stride equals its kernel, without bias: x [batch, 3, h, w] in PyTorch's order,
// w [out, 3, p, p]; the result is [batch, h/p * w/p, out], patches row by row. Rows and columns beyond the last whole
// patch are dropped, as a convolution without padding drops them.
func PatchConv(x, w *Node) *Node {
	xd, wd := x.Shape().Dimensions, w.Shape().Dimensions
	b, c, p, out := xd[0], xd[1], wd[2], wd[0]
	gh, gw := xd[2]/p, xd[3]/p
	if gh*p != xd[2] || gw*p != xd[3] {
		x = Slice(x, AxisRange(), AxisRange(), AxisRange(0, gh*p), AxisRange(0, gw*p))
	}
	x = TransposeAllAxes(Reshape(x, b, c, gh, p, gw, p), 0, 2, 4, 1, 3, 5)
	return Dense(Reshape(x, b, gh*gw, c*p*p), Reshape(w, out, c*p*p), nil)
}

// Attention is multi-head self-attention over x [batch, tokens, channels], as torch.nn.MultiheadAttention computes it
// from its fused in-projection: q, k and v are thirds of wIn [3c, c]. mask [tokens, tokens], added to the logits, may be
// nil. onProbs sees the attention weights [batch, head, query, key] and onHeads the concatenated head outputs
// [batch, tokens, channels] before the output projection, and each may replace what it sees; both may be nil.
func Attention(x, wIn, bIn, wOut, bOut, mask *Node, heads int, onProbs, onHeads func(*Node) *Node) *Node {
	return Dense(Attend(Dense(x, wIn, bIn), mask, heads, onProbs, onHeads), wOut, bOut)
}

// Attend is the part of Attention between its two projections: qkv [batch, tokens, 3c] holds the queries, keys and
// values of all heads, each third head by head. The result are the heads' outputs [batch, tokens, c].
func Attend(qkv, mask *Node, heads int, onProbs, onHeads func(*Node) *Node) *Node {
	d := qkv.Shape().Dimensions
	b, t, c := d[0], d[1], d[2]/3
	hd := c / heads
	qkv = Reshape(qkv, b, t, 3, heads, hd)
	part := func(i int) *Node {
		return Reshape(Slice(qkv, AxisRange(), AxisRange(), AxisElem(i)), b, t, heads, hd)
	}
	logits := Einsum("bqhd,bkhd->bhqk", MulScalar(part(0), 1/math.Sqrt(float64(hd))), part(1))
	if mask != nil {
		logits = Add(logits, BroadcastToShape(Reshape(mask, 1, 1, t, t), logits.Shape()))
	}
	probs := Softmax(logits, -1)
	if onProbs != nil {
		probs = onProbs(probs)
	}
	z := Reshape(Einsum("bhqk,bkhd->bqhd", probs, part(2)), b, t, c)
	if onHeads != nil {
		z = onHeads(z)
	}
	return z
}

// SiLU is x·σ(x) (Elfwing et al. 2018), the gate of SwiGLU.
func SiLU(x *Node) *Node { return Mul(x, Sigmoid(x)) }

// CausalMask is [t, t]: 0 where a query may look (its own and earlier positions), a large negative number elsewhere.
func CausalMask(g *Graph, t int) *Node {
	m := make([][]float32, t)
	for i := range m {
		m[i] = make([]float32, t)
		for j := i + 1; j < t; j++ {
			m[i][j] = -1e9
		}
	}
	return Const(g, m)
}
