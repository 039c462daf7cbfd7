package clip

import (
	"math"
	"strings"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/rng"
)

// Random sets every weight as OpenAI's code initialises an untrained model, the control of the spatial-cells document.
//
// The text tower is drawn from normal distributions of the scales in CLIP.initialize_parameters. The visual blocks are
// not touched there and keep PyTorch's defaults: Xavier-uniform for the attention's in-projection, U(±1/√fan_in) for
// linear and convolution weights and for linear biases (zero for the attention's). Layer norms are 1 and 0, the logit
// scale is ln(1/0.07). Every weight has its own random stream, named after it, so that a change of one does not move
// the others.
func (c Config) Random(seed uint64) (*program.Params, error) {
	p := program.NewParams()
	for _, name := range c.Names() {
		dims := c.Shapes()[name]
		n := 1
		for _, d := range dims {
			n *= d
		}
		data := make([]float32, n)
		law := c.initial(name, dims)
		r := rng.New(seed, "clip/init/"+name)
		for i := range data {
			switch {
			case law.normal > 0:
				data[i] = float32(r.NormFloat64() * law.normal)
			case law.uniform > 0:
				data[i] = float32((2*r.Float64() - 1) * law.uniform)
			default:
				data[i] = float32(law.constant)
			}
		}
		if err := p.Set(name, data, dims...); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// law is the distribution a weight is drawn from: normal with that deviation, uniform in ± that bound, or constant.
type law struct{ normal, uniform, constant float64 }

func (c Config) initial(name string, dims []int) law {
	visual := strings.HasPrefix(name, "visual.")
	tw := float64(c.TextWidth)
	vs := 1 / math.Sqrt(float64(c.Width))
	attn, proj, fc := 1/math.Sqrt(tw), 1/math.Sqrt(tw)/math.Sqrt(2*float64(c.TextLayers)), 1/math.Sqrt(2*tw)
	has := func(s string) bool { return strings.HasSuffix(name, s) }
	switch {
	case name == "logit_scale":
		return law{constant: math.Log(1 / 0.07)}
	case name == "token_embedding.weight":
		return law{normal: 0.02}
	case name == "positional_embedding":
		return law{normal: 0.01}
	case name == "text_projection":
		return law{normal: attn}
	case name == "visual.class_embedding", name == "visual.positional_embedding", name == "visual.proj":
		return law{normal: vs}
	case strings.Contains(name, "ln_") && has(".weight"):
		return law{constant: 1}
	case strings.Contains(name, "ln_"), has("attn.in_proj_bias"), has("attn.out_proj.bias"):
		return law{}
	case name == "visual.conv1.weight":
		return law{uniform: 1 / math.Sqrt(float64(dims[1]*dims[2]*dims[3]))}
	case has("attn.in_proj_weight"):
		if visual {
			return law{uniform: math.Sqrt(6 / float64(dims[0]+dims[1]))}
		}
		return law{normal: attn}
	case has("mlp.c_fc.bias"):
		return law{uniform: 1 / math.Sqrt(float64(dims[0]/4))}
	case has("mlp.c_proj.bias"):
		return law{uniform: 1 / math.Sqrt(float64(4*dims[0]))}
	case visual: // out_proj, c_fc and c_proj weights
		return law{uniform: 1 / math.Sqrt(float64(dims[1]))}
	case has("mlp.c_fc.weight"):
		return law{normal: fc}
	default: // out_proj and c_proj weights
		return law{normal: proj}
	}
}
