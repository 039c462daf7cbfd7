package clip

import (
	"math"
	"strings"

	"github.com/ventral-lab/ventral/models/initial"
)

// Law draws every weight as OpenAI's code initialises an untrained model, the control of the spatial-cells document.
//
// The text tower is drawn from normal distributions of the scales in CLIP.initialize_parameters. The visual blocks are
// not touched there and keep PyTorch's defaults: Xavier-uniform for the attention's in-projection, U(±1/√fan_in) for
// linear and convolution weights and for linear biases (zero for the attention's). Layer norms are 1 and 0, the logit
// scale is ln(1/0.07).
//
// Of a ResNet tower the projections of the attention pool are drawn from a normal distribution of deviation 1/√channels,
// and its position table as well; the weight of every block's last batch normalisation is 0, so that all blocks begin as
// their shortcut. The rest keeps PyTorch's defaults: convolutions U(±1/√fan_in), batch normalisation 1 and 0 with running
// statistics 0 and 1, biases of linear layers U(±1/√fan_in).
func (c Config) Law(name string, dims []int) initial.Law {
	if c.ResNet() && strings.HasPrefix(name, "visual.") {
		return c.resNetLaw(name, dims)
	}
	visual := strings.HasPrefix(name, "visual.")
	tw := float64(c.TextWidth)
	vs := 1 / math.Sqrt(float64(c.Width))
	attn, proj, fc := 1/math.Sqrt(tw), 1/math.Sqrt(tw)/math.Sqrt(2*float64(c.TextLayers)), 1/math.Sqrt(2*tw)
	has := func(s string) bool { return strings.HasSuffix(name, s) }
	switch {
	case name == "logit_scale":
		return initial.Law{Constant: math.Log(1 / 0.07)}
	case name == "token_embedding.weight":
		return initial.Law{Normal: 0.02}
	case name == "positional_embedding":
		return initial.Law{Normal: 0.01}
	case name == "text_projection":
		return initial.Law{Normal: attn}
	case name == "visual.class_embedding", name == "visual.positional_embedding", name == "visual.proj":
		return initial.Law{Normal: vs}
	case strings.Contains(name, "ln_") && has(".weight"):
		return initial.Law{Constant: 1}
	case strings.Contains(name, "ln_"), has("attn.in_proj_bias"), has("attn.out_proj.bias"):
		return initial.Law{}
	case name == "visual.conv1.weight":
		return initial.Law{Uniform: 1 / math.Sqrt(float64(dims[1]*dims[2]*dims[3]))}
	case has("attn.in_proj_weight"):
		if visual {
			return initial.Law{Uniform: math.Sqrt(6 / float64(dims[0]+dims[1]))}
		}
		return initial.Law{Normal: attn}
	case has("mlp.c_fc.bias"): // the layer's inputs are the channels
		if visual {
			return initial.Law{Uniform: 1 / math.Sqrt(float64(c.Width))}
		}
		return initial.Law{Uniform: 1 / math.Sqrt(float64(c.TextWidth))}
	case has("mlp.c_proj.bias"):
		if visual {
			return initial.Law{Uniform: 1 / math.Sqrt(float64(c.mlp()))}
		}
		return initial.Law{Uniform: 1 / math.Sqrt(float64(c.textMLP()))}
	case visual: // out_proj, c_fc and c_proj weights
		return initial.Law{Uniform: 1 / math.Sqrt(float64(dims[1]))}
	case has("mlp.c_fc.weight"):
		return initial.Law{Normal: fc}
	default: // out_proj and c_proj weights
		return initial.Law{Normal: proj}
	}
}

func (c Config) resNetLaw(name string, dims []int) initial.Law {
	has := func(s string) bool { return strings.HasSuffix(name, s) }
	f := float64(c.Features())
	switch {
	case strings.Contains(name, ".attnpool."):
		if has(".bias") {
			return initial.Law{Uniform: 1 / math.Sqrt(f)}
		}
		return initial.Law{Normal: 1 / math.Sqrt(f)}
	case strings.HasPrefix(name, "visual.layer") && has(".bn3.weight"):
		return initial.Law{}
	case len(dims) == 4:
		return initial.FanIn(dims)
	case has(".weight"), has(".running_var"):
		return initial.Law{Constant: 1}
	}
	return initial.Law{}
}
