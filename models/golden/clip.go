package golden

import (
	"fmt"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models/clip"
)

// clipConfig covers both spellings of a configuration.
type clipConfig struct {
	QuickGELU bool `json:"quick_gelu"`
	Vision    struct {
		HeadWidth int `json:"head_width"`
	} `json:"vision_cfg"`
	Text struct {
		Heads int `json:"heads"`
	} `json:"text_cfg"`
	HFVision struct {
		Heads int    `json:"num_attention_heads"`
		Act   string `json:"hidden_act"`
	} `json:"vision_config"`
	HFText struct {
		Heads int `json:"num_attention_heads"`
	} `json:"text_config"`
	EpsProbe struct {
		Multiply []string `json:"multiply"`
		Factor   float64  `json:"factor"`
	} `json:"eps_probe"`
}

type clipSession struct {
	*base
	c      clip.Config
	probe  clipConfig
	values map[string]program.Value
}

func openCLIP(m manifest, b *base) (session, error) {
	s := &clipSession{base: b}
	if err := decodeConfig(m, &s.probe); err != nil {
		return nil, err
	}
	var err error
	if s.c, err = clip.Infer(b.set.Shapes(), 1); err != nil {
		return nil, err
	}
	if b.library == "huggingface" {
		s.c.Heads, s.c.TextHeads = s.probe.HFVision.Heads, s.probe.HFText.Heads
		s.c.ExactGELU = s.probe.HFVision.Act != "quick_gelu"
	} else {
		s.c.Heads, s.c.TextHeads = s.c.Width/s.probe.Vision.HeadWidth, s.probe.Text.Heads
		s.c.ExactGELU = !s.probe.QuickGELU
	}
	if err := b.load(s.c); err != nil {
		return nil, err
	}
	return s, s.run()
}

// run computes all sites of both towers.
func (s *clipSession) run() error {
	s.values = map[string]program.Value{}
	for name, build := range map[string]graphFunc{"image": s.image, "text": s.text} {
		in, err := s.input(name)
		if err != nil {
			return err
		}
		values, err := s.sites(build, in)
		if err != nil {
			return err
		}
		for site, v := range values {
			s.values[site] = v
		}
	}
	return nil
}

func (s *clipSession) image(p *program.Params, in []*Node) *Node { return s.c.Image(p, in[0]) }

func (s *clipSession) text(p *program.Params, in []*Node) *Node { return s.c.Text(p, in[0]) }

func (s *clipSession) compute(key string) (program.Value, string, error) {
	if name, ok := strings.CutPrefix(key, "act."); ok {
		at := s.siteName(name)
		v, ok := s.values[at]
		if !ok {
			return v, "", fmt.Errorf("the model has no site %s", at)
		}
		return v, at, nil
	}
	if name, ok := strings.CutPrefix(key, "probe_eps."); ok {
		return s.probeEps(name)
	}
	if s.library == "huggingface" {
		return s.hfOutput(key)
	}
	return s.openAIOutput(key)
}

func (s *clipSession) openAIOutput(key string) (program.Value, string, error) {
	switch key {
	case "out.image_features":
		return s.values["visual"], "visual", nil
	case "out.text_features":
		return s.values["text_projection"], "text_projection", nil
	case "out.image_features_normalized":
		return s.unit("visual"), "visual", nil
	case "out.text_features_normalized":
		return s.unit("text_projection"), "text_projection", nil
	case "out.logits_per_image":
		v, err := s.logits()
		return v, "", err
	case "out.text_features_eot_padded":
		// The same texts with the end token repeated to the end: the first largest id must be the one that counts.
		text, err := s.input("text")
		if err != nil {
			return text, "", err
		}
		padded := append([]int32(nil), text.I32...)
		n, end := text.Dims[1], int32(s.c.Vocab-1)
		for r := range text.Dims[0] {
			seen := false
			for i := range n {
				if seen {
					padded[r*n+i] = end
				}
				seen = seen || padded[r*n+i] == end
			}
		}
		v, err := s.eval(s.params, s.text, program.I32(padded, text.Dims...))
		return v, "text_projection", err
	case "out.gelu_variant.image_features", "out.gelu_variant.text_features":
		c := s.c
		c.ExactGELU = !c.ExactGELU
		return s.feature(s.params, c, strings.TrimPrefix(key, "out.gelu_variant."))
	case "grad.logit00.image":
		return s.imageGradient(func(p *program.Params, in []*Node) *Node {
			l := s.c.Logits(p, s.c.Image(p, in[0]), s.c.Text(p, in[1]))
			return Reshape(Slice(l, AxisElem(0), AxisElem(0)))
		})
	case "grad.block1_c_fc_unit7_cls.image":
		return s.imageGradient(func(p *program.Params, in []*Node) *Node {
			v := at("visual.transformer.resblocks.1.mlp.c_fc", s.image)(p, in)
			return Reshape(Slice(v, AxisElem(0), AxisElem(0), AxisElem(7)))
		})
	}
	return program.Value{}, "", fmt.Errorf("no rule says what %s is", key)
}

func (s *clipSession) hfOutput(key string) (program.Value, string, error) {
	switch key {
	case "out.image_embeds":
		return s.unit("visual"), "visual", nil
	case "out.text_embeds":
		return s.unit("text_projection"), "text_projection", nil
	case "out.logits_per_image":
		v, err := s.logits()
		return v, "", err
	case "out.vision_model.last_hidden_state":
		return s.values["visual.transformer"], "visual.transformer", nil
	case "out.text_model.last_hidden_state":
		return s.values["ln_final"], "ln_final", nil
	case "out.vision_model.hidden_states_0":
		return s.values["visual.ln_pre"], "visual.ln_pre", nil
	case "out.text_model.hidden_states_0":
		return s.values["transformer.input"], "transformer.input", nil
	case "out.vision_model.pooler_output":
		return firstTokens(s.values["visual.ln_post"]), "visual.ln_post", nil
	case "out.text_model.pooler_output":
		text, err := s.input("text")
		if err != nil {
			return text, "", err
		}
		return endTokens(s.values["ln_final"], text.I32, int32(s.c.Vocab-1)), "ln_final", nil
	case "out.interpolated_40.pooler_output":
		image, err := s.input("image40")
		if err != nil {
			return image, "", err
		}
		v, err := s.eval(s.params, at("visual.ln_post", s.image), image)
		if err != nil {
			return v, "", err
		}
		return firstTokens(v), "visual.ln_post", nil
	}
	return program.Value{}, "", fmt.Errorf("no rule says what %s is", key)
}

func (s *clipSession) probeEps(name string) (program.Value, string, error) {
	scaled, err := s.scaled(s.probe.EpsProbe.Multiply, s.probe.EpsProbe.Factor)
	if err != nil {
		return program.Value{}, "", err
	}
	defer scaled.Close()
	return s.feature(scaled, s.c, name)
}

func (s *clipSession) feature(p *program.Params, c clip.Config, name string) (program.Value, string, error) {
	at, in := "visual", "image"
	if name == "text_features" {
		at, in = "text_projection", "text"
	}
	x, err := s.input(in)
	if err != nil {
		return x, "", err
	}
	v, err := s.eval(p, func(p *program.Params, x []*Node) *Node {
		if in == "text" {
			return c.Text(p, x[0])
		}
		return c.Image(p, x[0])
	}, x)
	return v, at, err
}

func (s *clipSession) logits() (program.Value, error) {
	return s.eval(s.params, func(p *program.Params, in []*Node) *Node { return s.c.Logits(p, in[0], in[1]) },
		s.values["visual"], s.values["text_projection"])
}

// imageGradient is the gradient of a scalar of image and text with respect to the image.
func (s *clipSession) imageGradient(scalar graphFunc) (program.Value, string, error) {
	image, err := s.input("image")
	if err != nil {
		return image, "", err
	}
	text, err := s.input("text")
	if err != nil {
		return text, "", err
	}
	v, err := s.gradient(scalar, image, text)
	return v, "", err
}

// unit is a site's value with rows of length 1.
func (s *clipSession) unit(name string) program.Value {
	v, err := s.eval(nil, func(_ *program.Params, in []*Node) *Node { return ops.Unit(in[0]) }, s.values[name])
	if err != nil {
		return program.Value{}
	}
	return v
}

// endTokens takes the token of the first id end of every row.
func endTokens(v program.Value, ids []int32, end int32) program.Value {
	b, t, c := v.Dims[0], v.Dims[1], v.Dims[2]
	out := make([]float32, 0, b*c)
	for i := range b {
		k := 0
		for k < t-1 && ids[i*t+k] != end {
			k++
		}
		out = append(out, v.F32[(i*t+k)*c:(i*t+k+1)*c]...)
	}
	return program.F32(out, b, c)
}
