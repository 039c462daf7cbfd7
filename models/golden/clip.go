package golden

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/weights"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// open makes the session of one weights file.
func open(m manifest, path, layout string, ref *safetensors.File, be *backend.Backend) (session, error) {
	switch layout {
	case "clip-vit/openai", "clip-vit/huggingface":
		return openCLIP(m, path, layout, ref, be)
	}
	return nil, fmt.Errorf("architecture %q is not one of clip-vit/openai, clip-vit/huggingface", layout)
}

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
	c      clip.Config
	be     *backend.Backend
	ref    *safetensors.File
	set    *weights.Set
	params *program.Params
	probe  clipConfig
	hf     bool
	values map[string]program.Value
}

func openCLIP(m manifest, path, layout string, ref *safetensors.File, be *backend.Backend) (session, error) {
	var cfg clipConfig
	if err := json.Unmarshal(m.Config, &cfg); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	set, err := weights.Open(path, weights.Options{})
	if err != nil {
		return nil, err
	}
	s := &clipSession{be: be, ref: ref, probe: cfg, hf: strings.HasSuffix(layout, "huggingface"), values: map[string]program.Value{}}
	if s.set, _, err = weights.Canonical(set); err != nil {
		return nil, err
	}
	shapes := map[string][]int{}
	for _, n := range s.set.Names() {
		shapes[n], _ = s.set.Shape(n)
	}
	if s.c, err = clip.Infer(shapes, 1); err != nil {
		return nil, err
	}
	if s.hf {
		s.c.Heads, s.c.TextHeads = cfg.HFVision.Heads, cfg.HFText.Heads
		s.c.ExactGELU = cfg.HFVision.Act != "quick_gelu"
	} else {
		s.c.Heads, s.c.TextHeads = s.c.Width/cfg.Vision.HeadWidth, cfg.Text.Heads
		s.c.ExactGELU = !cfg.QuickGELU
	}
	if s.params, err = clip.Load(s.set, s.c); err != nil {
		return nil, err
	}
	return s, s.run()
}

func (s *clipSession) input(name string) (program.Value, error) {
	t, ok := s.ref.Lookup("in." + name)
	if !ok {
		return program.Value{}, fmt.Errorf("the case has no input in.%s", name)
	}
	if strings.HasPrefix(t.DType, "I") {
		ids, err := t.Int64()
		if err != nil {
			return program.Value{}, err
		}
		v := make([]int32, len(ids))
		for i, id := range ids {
			v[i] = int32(id)
		}
		return program.I32(v, t.Shape...), nil
	}
	data, err := t.Float32()
	return program.F32(data, t.Shape...), err
}

// run computes everything the two towers can give: all sites, embeddings, logits and gradients.
func (s *clipSession) run() error {
	image, err := s.input("image")
	if err != nil {
		return err
	}
	text, err := s.input("text")
	if err != nil {
		return err
	}
	for _, tower := range []struct {
		in    program.Value
		build func(p *program.Params, x *Node) *Node
	}{{image, s.c.Image}, {text, s.c.Text}} {
		var infos []site.Info
		p, err := program.New(s.be, "golden", s.params, func(g *Graph, p *program.Params, in []*Node) []*Node {
			var nodeOf func(string) *Node
			infos, nodeOf = site.List(g, func() { tower.build(p, in[0]) })
			var nodes []*Node
			for _, i := range infos {
				nodes = append(nodes, nodeOf(i.Name))
			}
			return nodes
		})
		if err != nil {
			return err
		}
		out, err := p.Run(tower.in)
		p.Close()
		if err != nil {
			return err
		}
		for i, info := range infos {
			s.values[info.Name] = out[i]
		}
	}
	return nil
}

// hfSites turns Hugging Face's module names into OpenAI's.
var hfSites = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`^vision_model\.encoder\.layers\.(\d+)(.*)$`), "visual.transformer.resblocks.$1$2"},
	{regexp.MustCompile(`^text_model\.encoder\.layers\.(\d+)(.*)$`), "transformer.resblocks.$1$2"},
	{regexp.MustCompile(`\.self_attn(\.probs)?$`), ".attn$1"},
	{regexp.MustCompile(`\.layer_norm([12])$`), ".ln_$1"},
	{regexp.MustCompile(`\.mlp\.fc1$`), ".mlp.c_fc"},
	{regexp.MustCompile(`\.mlp\.fc2$`), ".mlp.c_proj"},
	{regexp.MustCompile(`\.mlp\.activation_fn$`), ".mlp.gelu"},
}

func (s *clipSession) siteName(name string) string {
	if s.hf {
		for _, r := range hfSites {
			name = r.re.ReplaceAllString(name, r.to)
		}
	}
	return name
}

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
	if s.hf {
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
		v, err := s.eval(s.params, s.c.Text, program.I32(padded, text.Dims...))
		return v, "text_projection", err
	case "out.gelu_variant.image_features", "out.gelu_variant.text_features":
		c := s.c
		c.ExactGELU = !c.ExactGELU
		return s.feature(s.params, c, strings.TrimPrefix(key, "out.gelu_variant."))
	case "grad.logit00.image":
		return s.gradient(func(p *program.Params, images, texts *Node) *Node {
			l := s.c.Logits(p, s.c.Image(p, images), s.c.Text(p, texts))
			return Reshape(Slice(l, AxisElem(0), AxisElem(0)))
		})
	case "grad.block1_c_fc_unit7_cls.image":
		return s.gradient(func(p *program.Params, images, _ *Node) *Node {
			_, nodeOf := site.List(images.Graph(), func() { s.c.Image(p, images) })
			v := nodeOf("visual.transformer.resblocks.1.mlp.c_fc")
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
		v, err := s.eval(s.params, func(p *program.Params, x *Node) *Node {
			_, nodeOf := site.List(x.Graph(), func() { s.c.Image(p, x) })
			return nodeOf("visual.ln_post")
		}, image)
		if err != nil {
			return v, "", err
		}
		return firstTokens(v), "visual.ln_post", nil
	}
	return program.Value{}, "", fmt.Errorf("no rule says what %s is", key)
}

func (s *clipSession) probeEps(name string) (program.Value, string, error) {
	scaled := program.NewParams()
	mul := map[string]bool{}
	for _, n := range s.probe.EpsProbe.Multiply {
		mul[n] = true
	}
	for _, n := range s.c.Names() {
		data, dims, err := s.params.Get(n)
		if err != nil {
			return program.Value{}, "", err
		}
		if mul[n] {
			for i := range data {
				data[i] *= float32(s.probe.EpsProbe.Factor)
			}
		}
		if err := scaled.Set(n, data, dims...); err != nil {
			return program.Value{}, "", err
		}
	}
	defer scaled.Close()
	return s.feature(scaled, s.c, name)
}

func (s *clipSession) feature(p *program.Params, c clip.Config, name string) (program.Value, string, error) {
	in, build, at := "image", c.Image, "visual"
	if name == "text_features" {
		in, build, at = "text", c.Text, "text_projection"
	}
	x, err := s.input(in)
	if err != nil {
		return x, "", err
	}
	v, err := s.eval(p, build, x)
	return v, at, err
}

func (s *clipSession) eval(p *program.Params, build func(*program.Params, *Node) *Node, x program.Value) (program.Value, error) {
	prog, err := program.New(s.be, "golden", p, func(_ *Graph, p *program.Params, in []*Node) []*Node {
		return []*Node{build(p, in[0])}
	})
	if err != nil {
		return program.Value{}, err
	}
	defer prog.Close()
	out, err := prog.Run(x)
	if err != nil {
		return program.Value{}, err
	}
	return out[0], nil
}

func (s *clipSession) logits() (program.Value, error) {
	prog, err := program.New(s.be, "golden", s.params, func(_ *Graph, p *program.Params, in []*Node) []*Node {
		return []*Node{s.c.Logits(p, in[0], in[1])}
	})
	if err != nil {
		return program.Value{}, err
	}
	defer prog.Close()
	out, err := prog.Run(s.values["visual"], s.values["text_projection"])
	if err != nil {
		return program.Value{}, err
	}
	return out[0], nil
}

func (s *clipSession) gradient(scalar func(p *program.Params, images, texts *Node) *Node) (program.Value, string, error) {
	image, err := s.input("image")
	if err != nil {
		return image, "", err
	}
	text, err := s.input("text")
	if err != nil {
		return text, "", err
	}
	prog, err := program.New(s.be, "golden", s.params, func(_ *Graph, p *program.Params, in []*Node) []*Node {
		return []*Node{Gradient(scalar(p, in[0], in[1]), in[0])[0]}
	})
	if err != nil {
		return program.Value{}, "", err
	}
	defer prog.Close()
	out, err := prog.Run(image, text)
	if err != nil {
		return program.Value{}, "", err
	}
	return out[0], "", nil
}

func (s *clipSession) unit(name string) program.Value {
	prog, err := program.New(s.be, "golden", nil, func(_ *Graph, _ *program.Params, in []*Node) []*Node {
		return []*Node{ops.Unit(in[0])}
	})
	if err != nil {
		return program.Value{}
	}
	defer prog.Close()
	out, err := prog.Run(s.values[name])
	if err != nil {
		return program.Value{}
	}
	return out[0]
}

// firstTokens takes token 0 of [batch, token, channel].
func firstTokens(v program.Value) program.Value {
	b, t, c := v.Dims[0], v.Dims[1], v.Dims[2]
	out := make([]float32, 0, b*c)
	for i := range b {
		out = append(out, v.F32[i*t*c:i*t*c+c]...)
	}
	return program.F32(out, b, c)
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
