// Package batchnorm is batch normalisation (Ioffe and Szegedy 2015) as trained networks use it: one scale and one shift a
// channel.
//
// A checkpoint holds four tensors a layer: weight, bias, running_mean, running_var. Fold joins them at load into
// scale = weight/√(running_var+eps) and shift = bias - running_mean·scale, in float64. A convolution in front of it is left
// as it is, so that its own value can still be recorded; the scale and shift cost nothing beside the activation that
// follows, with which XLA computes them in one pass.
//
// # Invariants
//
//   - Sites before and after a folded layer have the names and values of the unfolded network, to float32 rounding.
//   - While training, the statistics of the batch are used and the running ones follow with momentum 0.1, PyTorch's
//     default; the variance they follow is the unbiased one.
package batchnorm

import (
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
)

// Momentum is the weight of a new batch in the running statistics.
const Momentum = 0.1

// Parts are the names of a layer's tensors in a checkpoint, after the layer's name and a dot.
var Parts = []string{"weight", "bias", "running_mean", "running_var"}

// Shapes adds the four tensors of the layer called name, for c channels, to shapes.
func Shapes(shapes map[string][]int, name string, c int) {
	for _, part := range Parts {
		shapes[name+"."+part] = []int{c}
	}
}

// Apply normalises x, whose last axis are the channels, by the layer called name: folded where p holds its scale, with the
// batch's statistics where p is being trained, with the running ones otherwise.
func Apply(p *program.Params, name string, x *Node, eps float64) *Node {
	g := x.Graph()
	c := x.Shape().Dimensions[x.Rank()-1]
	w := func(part string) *Node { return p.Node(g, name+"."+part, c) }
	if p.Has(name + ".scale") {
		return affine(x, w("scale"), w("shift"))
	}
	gamma, beta, mean, variance := w("weight"), w("bias"), w("running_mean"), w("running_var")
	if p.Training() {
		n := x.Shape().Size() / c
		flat := Reshape(x, n, c)
		batchMean := ReduceMean(flat, 0)
		batchVar := ReduceMean(Square(Sub(flat, BroadcastToShape(Reshape(batchMean, 1, c), flat.Shape()))), 0)
		follow := func(part string, old, now *Node) {
			p.Update(name+"."+part, StopGradient(Add(MulScalar(old, 1-Momentum), MulScalar(now, Momentum))))
		}
		follow("running_mean", mean, batchMean)
		follow("running_var", variance, MulScalar(batchVar, float64(n)/float64(max(n-1, 1))))
		mean, variance = batchMean, batchVar
	}
	scale := Mul(gamma, Inverse(Sqrt(AddScalar(variance, eps))))
	return affine(x, scale, Sub(beta, Mul(mean, scale)))
}

func affine(x, scale, shift *Node) *Node {
	d := x.Shape().Dimensions
	wide := func(v *Node) *Node { return BroadcastPrefix(v, d[:len(d)-1]...) }
	return Add(Mul(x, wide(scale)), wide(shift))
}

// Fold joins the four tensors of a layer into its scale and shift. A variance that is negative beyond eps, or NaN, is an
// error: the checkpoint is damaged.
func Fold(gamma, beta, mean, variance []float32, eps float64) (scale, shift []float32, err error) {
	scale, shift = make([]float32, len(gamma)), make([]float32, len(gamma))
	for i := range gamma {
		v := float64(variance[i]) + eps
		if !(v > 0) {
			return nil, nil, fmt.Errorf("running_var[%d] is %v: a variance cannot be negative or NaN; the checkpoint is damaged", i, variance[i])
		}
		s := float64(gamma[i]) / math.Sqrt(v)
		scale[i] = float32(s)
		shift[i] = float32(float64(beta[i]) - float64(mean[i])*s)
	}
	return scale, shift, nil
}
