package mae

import (
	"math"
	"strings"

	"github.com/ventral-lab/ventral/models/initial"
)

// Law draws every weight as the authors' code starts a network (MaskedAutoencoderViT.initialize_weights): the position
// tables are sines and cosines, linear weights and the patch convolution, taken as a matrix, Xavier-uniform, class and mask
// token normal with deviation 0.02, biases 0, layer norms 1 and 0. The bias of the patch convolution is not touched there
// and keeps PyTorch's U(±1/√fan_in).
func (c Config) Law(name string, dims []int) initial.Law {
	switch {
	case name == "pos_embed", name == "decoder_pos_embed":
		return initial.Law{Values: SineCosine(dims[2], c.Grid())}
	case name == "cls_token", name == "mask_token":
		return initial.Law{Normal: 0.02}
	case name == "patch_embed.proj.bias":
		return initial.FanIn([]int{c.Width, 3, c.Patch, c.Patch})
	case strings.HasSuffix(name, ".bias"):
		return initial.Law{}
	case strings.Contains(name, "norm"): // norm, norm1, norm2 and decoder_norm
		return initial.Law{Constant: 1}
	}
	return initial.Xavier(dims)
}

// SineCosine is the fixed position table of a square of side patches, [1 + side*side, channels] row by row, the class
// token's row of zeros first. The first half of the channels tells the column, the second the row; each half is the
// sines and then the cosines of the position over 10000^(i/n), for the n = channels/4 frequencies i (util/pos_embed.py of
// the authors' code, after Vaswani et al. 2017). channels is a multiple of 4.
func SineCosine(channels, side int) []float32 {
	n := channels / 4
	out := make([]float32, (1+side*side)*channels)
	for row := range side {
		for column := range side {
			at := out[(1+row*side+column)*channels:]
			for half, position := range []int{column, row} {
				for i := range n {
					sin, cos := math.Sincos(float64(position) / math.Pow(10000, float64(i)/float64(n)))
					at[half*2*n+i], at[half*2*n+n+i] = float32(sin), float32(cos)
				}
			}
		}
	}
	return out
}
