package mae

import (
	"fmt"
	"strconv"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models/vit"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// Reconstruction is what the autoencoder makes of masked pictures of N patches each.
type Reconstruction struct {
	Latent  *Node // the encoder's output, [batch, 1+kept, Width]: class token and kept patches, by ascending noise
	Pred    *Node // [batch, N, Patch*Patch*3], for all patches, kept ones included
	Mask    *Node // [batch, N], 1 where a patch was removed
	Restore *Node // [batch, N], the rank of each patch's noise: ids_restore in the authors' code
}

// Reconstruct builds encoder and decoder for x [batch, 3, height, width] under noise [batch, patches]. The noise decides
// which patches are kept (see the package comment).
func (c Config) Reconstruct(p *program.Params, x, noise *Node) Reconstruction {
	if c.DecoderLayers == 0 {
		panic(fmt.Errorf("mae: this network has no decoder; use a checkpoint of pretraining"))
	}
	patches, class := c.embed(p, x)
	d := patches.Shape().Dimensions
	n, kept := d[1], c.Kept(d[1])
	if kept < 1 {
		panic(fmt.Errorf("mae: mask_ratio %g keeps none of %d patches", c.MaskRatio, n))
	}
	if nd := noise.Shape().Dimensions; len(nd) != 2 || nd[0] != d[0] || nd[1] != n {
		panic(fmt.Errorf("mae: noise of shape %v for %d pictures of %d patches", nd, d[0], n))
	}
	r := Reconstruction{Restore: ranks(noise)}
	g, dt := x.Graph(), x.DType()
	r.Mask = ConvertDType(GreaterOrEqual(r.Restore, Scalar(g, dt, kept)), dt)
	// pick[b, k, i] is 1 where patch i has rank k.
	dims := []int{d[0], kept, n}
	k := Iota(g, shapes.Make(dt, kept), 0)
	pick := ConvertDType(Equal(BroadcastToDims(Reshape(r.Restore, d[0], 1, n), dims...), BroadcastToDims(Reshape(k, 1, kept, 1), dims...)), dt)
	r.Latent = c.encode(p, class, Einsum("bki,bic->bkc", pick, patches))
	r.Pred = c.decode(p, r.Latent, pick, r.Mask)
	return r
}

// decode paints all patches from the latent of the kept ones.
func (c Config) decode(p *program.Params, latent, pick, mask *Node) *Node {
	g, d := latent.Graph(), pick.Shape().Dimensions
	batch, n, w := d[0], d[2], c.DecoderWidth
	v := vit.Linear(p, "decoder_embed", latent, w)
	v = site.Tap("decoder_embed", v, site.Token, site.Channel)
	class, seen := Slice(v, AxisRange(), AxisRange(0, 1)), Slice(v, AxisRange(), AxisRange(1))
	all := []int{batch, n, w}
	painted := Mul(BroadcastToDims(Reshape(mask, batch, n, 1), all...), BroadcastToDims(p.Node(g, "mask_token", 1, 1, w), all...))
	v = Concatenate([]*Node{class, Add(Einsum("bki,bkc->bic", pick, seen), painted)}, 1)
	pos := c.Positions.ResampleList(p.Node(g, "decoder_pos_embed", 1, 1+c.Grid()*c.Grid(), w), n)
	v = site.Tap("decoder_tokens", Add(v, BroadcastToShape(pos, v.Shape())), site.Token, site.Channel)
	for l := range c.DecoderLayers {
		v = c.decoderBlock().Apply(p, "decoder_blocks."+strconv.Itoa(l), v)
	}
	v = site.Tap("decoder_norm", vit.Norm(p, "decoder_norm", v, c.Eps), site.Token, site.Channel)
	v = site.Tap("decoder_pred", vit.Linear(p, "decoder_pred", v, 3*c.Patch*c.Patch), site.Token, site.Channel)
	return site.Tap("pred", Slice(v, AxisRange(), AxisRange(1)), site.Token, site.Channel)
}

// ranks numbers the elements of every row of v [batch, n] by ascending value, equal ones by their place.
func ranks(v *Node) *Node {
	g, d := v.Graph(), v.Shape().Dimensions
	n := d[1]
	cube := []int{d[0], n, n}
	other := BroadcastToDims(Reshape(v, d[0], n, 1), cube...)
	own := BroadcastToDims(Reshape(v, d[0], 1, n), cube...)
	earlier := make([]bool, n*n)
	for i := range n {
		for j := i + 1; j < n; j++ {
			earlier[i*n+j] = true
		}
	}
	first := BroadcastToDims(Reshape(Const(g, earlier), 1, n, n), cube...)
	before := LogicalOr(LessThan(other, own), LogicalAnd(Equal(other, own), first))
	return ReduceSum(ConvertDType(before, v.DType()), 1)
}

// Loss is the mean over removed patches of the mean squared error of a patch, a scalar. x are the pictures that r was made
// of. With NormPixels the pixels of each patch are compared after their mean is taken away and they are divided by the
// root of their variance (with N-1) plus 1e-6.
func (c Config) Loss(x *Node, r Reconstruction) *Node {
	d := r.Pred.Shape().Dimensions
	if c.Kept(d[1]) == d[1] {
		panic(fmt.Errorf("mae: mask_ratio %g removes none of %d patches: there is nothing to compare", c.MaskRatio, d[1]))
	}
	target := c.Patchify(x)
	if c.NormPixels {
		mean, deviation := patchMoments(target)
		target = Div(Sub(target, mean), deviation)
	}
	perPatch := ReduceMean(Square(Sub(r.Pred, target)), -1)
	return Div(ops.SumAll(Mul(perPatch, r.Mask)), ops.SumAll(r.Mask))
}

// patchMoments are the mean and the deviation that NormPixels normalises patches [batch, N, pixels] with, as wide as they.
func patchMoments(patches *Node) (mean, deviation *Node) {
	n := patches.Shape().Dimensions[2]
	mean = BroadcastToShape(ReduceAndKeep(patches, ReduceMean, -1), patches.Shape())
	variance := DivScalar(ReduceAndKeep(Square(Sub(patches, mean)), ReduceSum, -1), float64(n-1))
	return mean, BroadcastToShape(Sqrt(AddScalar(variance, 1e-6)), patches.Shape())
}

// Patchify cuts x [batch, 3, h, w] into patches [batch, patch, Patch*Patch*3], row by row, each as (row, column, channel).
func (c Config) Patchify(x *Node) *Node {
	d, k := x.Shape().Dimensions, c.Patch
	rows, columns := d[2]/k, d[3]/k
	if rows*k != d[2] || columns*k != d[3] {
		x = Slice(x, AxisRange(), AxisRange(), AxisRange(0, rows*k), AxisRange(0, columns*k))
	}
	x = TransposeAllAxes(Reshape(x, d[0], d[1], rows, k, columns, k), 0, 2, 4, 3, 5, 1)
	return Reshape(x, d[0], rows*columns, k*k*d[1])
}

// Unpatchify is the picture [batch, 3, rows*Patch, columns*Patch] of patches [batch, rows*columns, Patch*Patch*3].
func (c Config) Unpatchify(patches *Node, rows, columns int) *Node {
	d, k := patches.Shape().Dimensions, c.Patch
	v := TransposeAllAxes(Reshape(patches, d[0], rows, columns, k, k, 3), 0, 5, 1, 3, 2, 4)
	return Reshape(v, d[0], 3, rows*k, columns*k)
}

// Pretraining is the whole autoencoder under one mask for all pictures, as a models.Network: pictures to predicted patches.
type Pretraining struct {
	Config
	Height, Width int // of the pictures in pixels, 0 for ImageSize
	// Noise is one number a patch; the patches of the smallest are kept. nil keeps the first ones, row by row.
	Noise []float32
}

// Input is 3, height, width.
func (n Pretraining) Input() []int {
	if n.Height == 0 && n.Width == 0 {
		return []int{3, n.ImageSize, n.ImageSize}
	}
	return []int{3, n.Height, n.Width}
}

// Forward builds the autoencoder for x [batch, 3, height, width] and returns the predicted patches, [batch, patch,
// Patch*Patch*3].
func (n Pretraining) Forward(p *program.Params, x *Node) *Node {
	d := x.Shape().Dimensions
	patches := (d[2] / n.Patch) * (d[3] / n.Patch)
	noise := n.Noise
	if noise == nil {
		for i := range patches {
			noise = append(noise, float32(i))
		}
	}
	if len(noise) != patches {
		panic(fmt.Errorf("mae: %d numbers of noise for %d patches", len(noise), patches))
	}
	row := ConvertDType(Const(x.Graph(), [][]float32{noise}), x.DType())
	return n.Reconstruct(p, x, BroadcastToDims(row, d[0], patches)).Pred
}
