package dinov2

import (
	"strings"

	"github.com/ventral-lab/ventral/models/initial"
)

// Law draws every weight as the authors' training code starts a network (DinoVisionTransformer.init_weights): linear
// weights and the position table normal with deviation 0.02 (truncated at 2, which is a hundred deviations away), linear
// biases and the mask token 0, the class and register tokens normal with 1e-6, layer norms 1 and 0, LayerScale its
// initial value (1e-5 in the recipe). The patch convolution is not touched there and keeps PyTorch's U(±1/√fan_in).
func (c Config) Law(name string, dims []int) initial.Law {
	switch {
	case name == "cls_token", name == "register_tokens":
		return initial.Law{Normal: 1e-6}
	case name == "mask_token":
		return initial.Law{}
	case name == "pos_embed":
		return initial.Law{Normal: 0.02}
	case strings.HasPrefix(name, "patch_embed.proj."):
		return initial.FanIn([]int{c.Width, 3, c.Patch, c.Patch})
	case strings.HasSuffix(name, ".gamma"):
		return initial.Law{Constant: c.LayerScale}
	case isNorm(name) && strings.HasSuffix(name, ".weight"):
		return initial.Law{Constant: 1}
	case strings.HasSuffix(name, ".bias"):
		return initial.Law{}
	}
	return initial.Law{Normal: 0.02}
}
