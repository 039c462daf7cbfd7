package mae

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/models/vit"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// Reconstructor paints the removed patches of pictures.
type Reconstructor struct {
	Config        Config
	Height, Width int // of the pictures in pixels
	Rows, Columns int // of patches
	Batch         int // pictures at a time; the last batch is padded

	program *program.Program
}

// Painted is what a Reconstructor makes of n pictures. Pictures are in preprocessed values.
type Painted struct {
	// Pictures [n, 3, Rows*Patch, Columns*Patch] are all prediction, kept patches included. Of a network that paints
	// normalised pixels, each patch has the mean and deviation of the true one, without which there is no picture.
	Pictures []float32
	Mask     []float32 // [n, Rows*Columns], 1 where a patch was removed
	Loss     []float64 // the loss of each picture
}

// NewReconstructor prepares the autoencoder on be for pictures of height x width pixels, 0 x 0 for ImageSize.
func NewReconstructor(be *backend.Backend, c Config, params *program.Params, height, width, batch int) (*Reconstructor, error) {
	if c.DecoderLayers == 0 {
		return nil, fmt.Errorf("mae: this network has no decoder; use a checkpoint of pretraining")
	}
	height, width, err := c.size(height, width)
	if err != nil {
		return nil, err
	}
	r := &Reconstructor{Config: c, Height: height, Width: width, Batch: batch}
	if r.Rows, r.Columns, err = vit.Grid(height, width, c.Patch, c.PartialPatches); err != nil {
		return nil, fmt.Errorf("mae: %w", err)
	}
	if kept := c.Kept(r.Rows * r.Columns); batch < 1 || kept < 1 || kept == r.Rows*r.Columns {
		return nil, fmt.Errorf("mae: batch %d, and a mask ratio of %g keeps %d of %d patches: want at least one picture, one patch kept and one removed",
			batch, c.MaskRatio, kept, r.Rows*r.Columns)
	}
	r.program, err = program.New(be, "mae reconstruction", params, func(_ *Graph, p *program.Params, in []*Node) []*Node {
		out := c.Reconstruct(p, in[0], in[1])
		target, painted := c.Patchify(in[0]), out.Pred
		compared := target
		if c.NormPixels {
			mean, deviation := patchMoments(target)
			compared = Div(Sub(target, mean), deviation)
			painted = Add(Mul(painted, deviation), mean)
		}
		return []*Node{c.Unpatchify(painted, r.Rows, r.Columns), out.Mask, ReduceMean(Square(Sub(out.Pred, compared)), -1)}
	})
	return r, err
}

// Close frees the compiled graph.
func (r *Reconstructor) Close() { r.program.Close() }

// Noise draws the noise of n pictures from a stream of seed, [n, Rows*Columns], uniform in [0, 1).
func (r *Reconstructor) Noise(seed uint64, n int) []float32 {
	stream := rng.New(seed, "mae/noise")
	out := make([]float32, n*r.Rows*r.Columns)
	for i := range out {
		out[i] = float32(stream.Float64())
	}
	return out
}

// Run paints n preprocessed pictures, [n, 3, Height, Width] row-major, under noise [n, Rows*Columns]: of each picture the
// patches of the smallest noise are kept.
func (r *Reconstructor) Run(pictures, noise []float32, n int) (Painted, error) {
	pixels, patches, k := 3*r.Height*r.Width, r.Rows*r.Columns, r.Config.Patch
	if len(pictures) != n*pixels || len(noise) != n*patches {
		return Painted{}, fmt.Errorf("mae: %d values and %d numbers of noise for %d pictures of 3x%dx%d with %d patches", len(pictures), len(noise), n, r.Height, r.Width, patches)
	}
	var out Painted
	x, z := make([]float32, r.Batch*pixels), make([]float32, r.Batch*patches)
	for i := 0; i < n; i += r.Batch {
		m := min(r.Batch, n-i)
		clear(x)
		clear(z)
		copy(x, pictures[i*pixels:(i+m)*pixels])
		copy(z, noise[i*patches:(i+m)*patches])
		v, err := r.program.Run(program.F32(x, r.Batch, 3, r.Height, r.Width), program.F32(z, r.Batch, patches))
		if err != nil {
			return Painted{}, err
		}
		out.Pictures = append(out.Pictures, v[0].F32[:m*3*patches*k*k]...)
		out.Mask = append(out.Mask, v[1].F32[:m*patches]...)
		for b := range m {
			sum, removed := 0.0, 0.0
			for j := range patches {
				sum += float64(v[1].F32[b*patches+j]) * float64(v[2].F32[b*patches+j])
				removed += float64(v[1].F32[b*patches+j])
			}
			out.Loss = append(out.Loss, sum/removed)
		}
	}
	return out, nil
}

// Blend puts the kept patches of the true pictures [n, 3, Height, Width] into the painted ones, which is how
// reconstructions are shown. Sizes are those of Run; the result is as large as p.Pictures.
func (r *Reconstructor) Blend(pictures []float32, p Painted) []float32 {
	h, w, k := r.Rows*r.Config.Patch, r.Columns*r.Config.Patch, r.Config.Patch
	out := append([]float32(nil), p.Pictures...)
	for i := range out {
		column, row, plane := i%w, i/w%h, i/w/h
		if p.Mask[plane/3*r.Rows*r.Columns+row/k*r.Columns+column/k] == 0 {
			out[i] = pictures[(plane*r.Height+row)*r.Width+column]
		}
	}
	return out
}
