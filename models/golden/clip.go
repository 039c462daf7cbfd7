package golden

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/weights"
)

// clipConfig covers all spellings of a configuration: open_clip's, transformers', and the flat one of an image tower alone.
type clipConfig struct {
	QuickGELU *bool `json:"quick_gelu"`
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
	Heads    int `json:"heads"` // of a ResNet's attention pool
	EpsProbe struct {
		Multiply []string `json:"multiply"`
		Factor   float64  `json:"factor"`
	} `json:"eps_probe"`
	Layer3 int `json:"grad_layer3_channel"`
	Layer4 int `json:"grad_layer4_channel"`
}

// clipGradient is the gradient of one number of a site or result, or of a mean over positions, with respect to an input.
type clipGradient struct {
	Of    string // "visual.layer3.2", "out.image_features"
	Index []*int // null for the mean over that axis
	Input string // "in.image40x57"
}

type clipSession struct {
	*base
	c         clip.Config
	probe     clipConfig
	gradients map[string]clipGradient
	values    map[string]map[string]program.Value // of all sites of a tower, by the name of the input: "image", "text", "image72"
}

func openCLIP(m manifest, b *base) (session, error) {
	s := &clipSession{base: b, gradients: map[string]clipGradient{}, values: map[string]map[string]program.Value{}}
	if err := decodeConfig(m, &s.probe); err != nil {
		return nil, err
	}
	if m.Gradients != nil {
		if err := json.Unmarshal(m.Gradients, &s.gradients); err != nil {
			return nil, fmt.Errorf("gradients: %w", err)
		}
	}
	var err error
	if s.c, err = clip.Infer(b.set.Shapes(), 1); err != nil {
		return nil, err
	}
	s.setHeads()
	s.c.Antialias = b.found.Layout == weights.Timm
	return s, b.load(s.c)
}

// setHeads takes from the case's configuration what shapes do not tell.
func (s *clipSession) setHeads() {
	p := s.probe
	channels := s.c.Width
	if s.c.ResNet() {
		channels = s.c.Features()
	}
	switch {
	case p.Heads > 0:
		s.c.Heads = p.Heads
	case p.Vision.HeadWidth > 0:
		s.c.Heads = channels / p.Vision.HeadWidth
	case p.HFVision.Heads > 0:
		s.c.Heads = p.HFVision.Heads
	}
	if s.c.HasText() {
		s.c.TextHeads = max(p.Text.Heads, p.HFText.Heads)
	}
	if p.QuickGELU != nil {
		s.c.ExactGELU = !*p.QuickGELU
	} else if p.HFVision.Act != "" {
		s.c.ExactGELU = p.HFVision.Act != "quick_gelu"
	}
}

// image is the image tower for pictures of the size of the input.
func (s *clipSession) image(p *program.Params, in []*Node) *Node { return imageTower(s.c, p, in[0]) }

func imageTower(c clip.Config, p *program.Params, x *Node) *Node {
	d := x.Shape().Dimensions
	n, err := c.Network(d[2], d[3])
	if err != nil {
		panic(err)
	}
	return n.Forward(p, x)
}

func (s *clipSession) text(p *program.Params, in []*Node) *Node { return s.c.Text(p, in[0]) }

// tower is the graph of the tower that an input is for.
func (s *clipSession) tower(input string) graphFunc {
	if strings.HasPrefix(input, "text") {
		return s.text
	}
	return s.image
}

// sitesOf are the values of all sites of the tower that reads an input.
func (s *clipSession) sitesOf(input string) (map[string]program.Value, error) {
	if v := s.values[input]; v != nil {
		return v, nil
	}
	in, err := s.input(input)
	if err != nil {
		return nil, err
	}
	s.values[input], err = s.sites(s.tower(input), in)
	return s.values[input], err
}

// value is the value of a site by any of its names, for the inputs whose names end so: "", "72", "40x57".
func (s *clipSession) value(name, suffix string) (program.Value, string, error) {
	var failed error
	for _, at := range s.names(name) {
		for _, input := range []string{"image" + suffix, "text" + suffix} {
			if _, ok := s.ref.Lookup("in." + input); !ok {
				continue
			}
			values, err := s.sitesOf(input)
			if err != nil {
				failed = err
			} else if v, ok := values[at]; ok {
				return v, at, nil
			}
		}
	}
	if failed != nil {
		return program.Value{}, "", failed
	}
	return program.Value{}, "", fmt.Errorf("the model has no site %s", name)
}

// names are the canonical names that a case's name of a site can mean: in the case's own layout, in another library's, and
// without "visual." where the case has the image tower alone.
func (s *clipSession) names(name string) []string {
	out := []string{s.siteName(name)}
	given := []string{name}
	if !s.c.HasText() {
		out, given = append(out, "visual."+name), append(given, "visual."+name)
	}
	for _, a := range s.c.Aliases() {
		if slices.Contains(given, a.Name) {
			out = append(out, a.Site)
		}
	}
	if name == "stem_before_avgpool" {
		out = append(out, "visual.relu3")
	}
	return out
}

func (s *clipSession) compute(key string) (program.Value, string, error) {
	if g, ok := s.gradients[key]; ok {
		return s.gradientOf(g)
	}
	kind, name, _ := strings.Cut(key, ".")
	if suffix, ok := strings.CutPrefix(kind, "act"); ok {
		return s.value(name, suffix)
	}
	if name == "features72" {
		kind, name = kind+"72", "features"
	}
	if suffix, ok := strings.CutPrefix(kind, "out"); ok && (name == "features" || name == "image_features") {
		return s.value("visual", suffix)
	} else if ok && name == "text_features" {
		return s.value("text_projection", suffix)
	}
	switch kind {
	case "probe_eps":
		return s.probeEps(name)
	case "grad":
		return s.namedGradient(name)
	case "out":
		return s.output(name)
	}
	return program.Value{}, "", fmt.Errorf("no rule says what %s is", key)
}

// output is a result that is not the value of one site.
func (s *clipSession) output(name string) (program.Value, string, error) {
	switch name {
	case "image_features_normalized", "image_embeds":
		return s.unit("visual")
	case "text_features_normalized", "text_embeds":
		return s.unit("text_projection")
	case "logits_per_image":
		v, err := s.logits()
		return v, "", err
	case "text_features_eot_padded":
		return s.padded()
	case "gelu_variant.image_features", "gelu_variant.text_features":
		c := s.c
		c.ExactGELU = !c.ExactGELU
		return s.feature(s.params, c, strings.TrimPrefix(name, "gelu_variant."))
	case "vision_model.last_hidden_state":
		return s.value("visual.transformer", "")
	case "text_model.last_hidden_state":
		return s.value("ln_final", "")
	case "vision_model.hidden_states_0":
		return s.value("visual.ln_pre", "")
	case "text_model.hidden_states_0":
		return s.value("transformer.input", "")
	case "vision_model.pooler_output":
		return s.pooled("visual.ln_post", "")
	case "interpolated_40.pooler_output":
		return s.pooled("visual.ln_post", "40")
	case "text_model.pooler_output":
		v, at, err := s.value("ln_final", "")
		if err != nil {
			return v, at, err
		}
		text, err := s.input("text")
		return endTokens(v, text.I32, int32(s.c.Vocab-1)), at, err
	}
	return program.Value{}, "", fmt.Errorf("no rule says what out.%s is", name)
}

// pooled is the class token of a site.
func (s *clipSession) pooled(site, suffix string) (program.Value, string, error) {
	v, at, err := s.value(site, suffix)
	if err != nil {
		return v, at, err
	}
	return firstTokens(v), at, nil
}

// padded are the features of the same texts with the end token repeated to the end: the first largest id must be the one
// that counts.
func (s *clipSession) padded() (program.Value, string, error) {
	text, err := s.input("text")
	if err != nil {
		return text, "", err
	}
	ids := append([]int32(nil), text.I32...)
	n, end := text.Dims[1], int32(s.c.Vocab-1)
	for r := range text.Dims[0] {
		seen := false
		for i := range n {
			if seen {
				ids[r*n+i] = end
			}
			seen = seen || ids[r*n+i] == end
		}
	}
	v, err := s.eval(s.params, s.text, program.I32(ids, text.Dims...))
	return v, "text_projection", err
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
		return imageTower(c, p, x[0])
	}, x)
	return v, at, err
}

func (s *clipSession) logits() (program.Value, error) {
	images, _, err := s.value("visual", "")
	if err != nil {
		return images, err
	}
	texts, _, err := s.value("text_projection", "")
	if err != nil {
		return texts, err
	}
	return s.eval(s.params, func(p *program.Params, in []*Node) *Node { return s.c.Logits(p, in[0], in[1]) }, images, texts)
}

// unit is a site's value with rows of length 1.
func (s *clipSession) unit(name string) (program.Value, string, error) {
	v, at, err := s.value(name, "")
	if err != nil {
		return v, at, err
	}
	v, err = s.eval(nil, func(_ *program.Params, in []*Node) *Node { return ops.Unit(in[0]) }, v)
	return v, at, err
}

// namedGradient is a gradient that older cases do not describe in their manifest.
func (s *clipSession) namedGradient(name string) (program.Value, string, error) {
	zero := 0
	index := func(i ...int) (out []*int) {
		for k := range i {
			if out = append(out, &i[k]); i[k] < 0 {
				out[k] = nil
			}
		}
		return out
	}
	last := fmt.Sprintf("visual.layer4.%d", s.c.Stages[3]-1)
	switch name {
	case "logit00.image":
		return s.logitGradient()
	case "block1_c_fc_unit7_cls.image":
		return s.gradientOf(clipGradient{"visual.transformer.resblocks.1.mlp.c_fc", index(zero, zero, 7), "in.image"})
	case "layer4_channel_mean_postrelu.image":
		return s.gradientOf(clipGradient{last, index(zero, s.probe.Layer4, -1, -1), "in.image"})
	case "layer4_channel_mean_prerelu.image":
		return s.gradientOf(clipGradient{last + ".pre_relu", index(zero, s.probe.Layer4, -1, -1), "in.image"})
	case "layer3_unit_y2x2.image":
		return s.gradientOf(clipGradient{"visual.layer3", index(zero, s.probe.Layer3, 2, 2), "in.image"})
	case "feature4.image":
		return s.gradientOf(clipGradient{"visual", index(zero, 4), "in.image"})
	}
	return program.Value{}, "", fmt.Errorf("no rule says what grad.%s is", name)
}

func (s *clipSession) gradientOf(g clipGradient) (program.Value, string, error) {
	input := strings.TrimPrefix(g.Input, "in.")
	x, err := s.input(input)
	if err != nil {
		return x, "", err
	}
	of := g.Of
	if result, ok := strings.CutPrefix(of, "out."); ok {
		of = map[string]string{"image_features": "visual", "features": "visual", "text_features": "text_projection"}[result]
	}
	_, name, err := s.value(of, strings.TrimPrefix(input, "image"))
	if err != nil {
		return x, name, err
	}
	v, err := s.gradient(func(p *program.Params, in []*Node) *Node {
		v := at(name, s.tower(input))(p, in)
		axes := make([]SliceAxisSpec, v.Rank())
		for i := range axes {
			if axes[i] = AxisRange(); i < len(g.Index) && g.Index[i] != nil {
				axes[i] = AxisElem(*g.Index[i])
			}
		}
		return ops.MeanAll(Slice(v, axes...))
	}, x)
	return v, name, err
}

// logitGradient is the gradient of the logit of the first picture and the first text with respect to the pictures.
func (s *clipSession) logitGradient() (program.Value, string, error) {
	image, err := s.input("image")
	if err != nil {
		return image, "", err
	}
	text, err := s.input("text")
	if err != nil {
		return text, "", err
	}
	v, err := s.gradient(func(p *program.Params, in []*Node) *Node {
		l := s.c.Logits(p, imageTower(s.c, p, in[0]), s.c.Text(p, in[1]))
		return Reshape(Slice(l, AxisElem(0), AxisElem(0)))
	}, image, text)
	return v, "", err
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
