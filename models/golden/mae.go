package golden

import (
	"encoding/json"
	"fmt"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models/mae"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// maeConfig is what a manifest says of a masked autoencoder, in either library's words.
type maeConfig struct {
	vitCase
	TimmHeads    int     `json:"num_heads"`
	DecoderHeads int     `json:"decoder_num_attention_heads"`
	MaskRatio    float64 `json:"mask_ratio"`
}

type maeSession struct {
	*base
	c         mae.Config
	said      maeConfig
	ratios    map[string]float64 // other mask ratios of the case, by the name of its tensors: "masked50"
	gradients map[string]pointGradient
	underMask map[string]map[string]program.Value // of all sites under a mask, by "masked" and the input
}

func openMAE(m manifest, b *base) (session, error) {
	s := &maeSession{base: b, ratios: map[string]float64{}, gradients: map[string]pointGradient{}, underMask: map[string]map[string]program.Value{}}
	if err := decodeConfig(m, &s.said); err != nil {
		return nil, err
	}
	if m.Gradients != nil {
		if err := json.Unmarshal(m.Gradients, &s.gradients); err != nil {
			return nil, fmt.Errorf("gradients: %w", err)
		}
	}
	var all map[string]json.RawMessage
	if err := decodeConfig(m, &all); err != nil {
		return nil, err
	}
	for name, raw := range all {
		var other struct {
			MaskRatio float64 `json:"mask_ratio"`
		}
		if strings.HasPrefix(name, "masked") && json.Unmarshal(raw, &other) == nil {
			s.ratios[name] = other.MaskRatio
		}
	}
	var err error
	if s.c, err = mae.Infer(b.set.Shapes()); err != nil {
		return nil, err
	}
	s.c = s.c.In(b.library)
	s.c.Heads, s.c.Eps = max(s.said.Heads, s.said.TimmHeads), s.said.Eps
	if s.c.DecoderLayers > 0 {
		s.c.DecoderHeads, s.c.MaskRatio = s.said.DecoderHeads, s.said.MaskRatio
	}
	return s, b.load(s.c)
}

func (s *maeSession) compute(key string) (program.Value, string, error) {
	if g, ok := s.gradients[key]; ok {
		v, err := s.gradientOf(g)
		return v, "norm", err
	}
	kind, name, _ := strings.Cut(key, ".")
	switch {
	case key == "grad.patch_token_feature.image":
		zero, seven, eleven := 0, 7, 11
		v, err := s.gradientOf(pointGradient{"out.forward_features", []*int{&zero, &seven, &eleven}, "in.image"})
		return v, "norm", err
	case kind == "probe_eps" && (name == "last_hidden_state" || name == "forward_features"):
		names, input := s.said.Probe.Multiply, strings.TrimPrefix(s.said.Probe.Input, "in.")
		if s.said.Probe.Original != nil {
			names = s.said.Probe.Original
		}
		if input == "" {
			input = s.firstImage()
		}
		v, err := s.scaledSite("norm", input, s.network, names, s.said.Probe.Factor)
		return v, "norm", err
	case name == "last_hidden_state_shuffled_noise":
		return s.shuffled()
	case strings.HasPrefix(name, "last_hidden_state_") && strings.HasSuffix(name, "_interpolated"):
		size := strings.TrimSuffix(strings.TrimPrefix(name, "last_hidden_state_"), "_interpolated")
		return s.site("image"+size, "norm")
	case strings.HasPrefix(kind, "masked"):
		return s.masked(kind, name)
	case strings.HasPrefix(kind, "act"):
		return s.site("image"+strings.TrimPrefix(kind, "act"), name)
	case strings.HasPrefix(kind, "out") && (name == "last_hidden_state" || name == "forward_features"):
		return s.site("image"+strings.TrimPrefix(kind, "out"), "norm")
	case strings.HasPrefix(kind, "out") && (name == "pooled" || name == "pooler_output"):
		return s.site("image"+strings.TrimPrefix(kind, "out"), "head")
	}
	return program.Value{}, "", fmt.Errorf("no rule says what %s is", key)
}

// site is the value of a site of the encoder for an input of the case.
func (s *maeSession) site(input, name string) (program.Value, string, error) {
	at := s.siteName(name)
	return s.value(input, at)
}

func (s *maeSession) gradientOf(g pointGradient) (program.Value, error) {
	switch _, what, _ := strings.Cut(g.Of, "."); what {
	case "last_hidden_state", "forward_features":
	default:
		return program.Value{}, fmt.Errorf("no rule says what %s is", g.Of)
	}
	x, err := s.input(strings.TrimPrefix(g.Input, "in."))
	if err != nil {
		return x, err
	}
	return s.gradient(func(p *program.Params, in []*Node) *Node { return point(at("norm", s.network)(p, in), g.Index) }, x)
}

// shuffled is the encoder's output where Hugging Face masks nothing and still orders the patches by their noise.
func (s *maeSession) shuffled() (program.Value, string, error) {
	if s.c.DecoderLayers == 0 {
		return program.Value{}, "", fmt.Errorf("an encoder alone knows no noise")
	}
	x, noise, err := s.pair("")
	if err != nil {
		return x, "", err
	}
	c := s.c
	c.MaskRatio = 0
	v, err := s.eval(s.params, func(p *program.Params, in []*Node) *Node { return c.Reconstruct(p, in[0], in[1]).Latent }, x, noise)
	return v, "norm", err
}

// pair is a picture and its noise.
func (s *maeSession) pair(input string) (x, noise program.Value, err error) {
	if x, err = s.input("image" + input); err == nil {
		noise, err = s.input("noise" + input)
	}
	return x, noise, err
}

// masked is a value of the whole autoencoder, for an input ("masked24x36") or another mask ratio ("masked50").
func (s *maeSession) masked(kind, name string) (program.Value, string, error) {
	if s.c.DecoderLayers == 0 {
		return program.Value{}, "", fmt.Errorf("an encoder alone has no decoder")
	}
	c, input := s.c, strings.TrimPrefix(kind, "masked")
	if ratio, ok := s.ratios[kind]; ok {
		c.MaskRatio, input = ratio, ""
	}
	x, noise, err := s.pair(input)
	if err != nil {
		return x, "", err
	}
	if s.underMask[kind] == nil {
		build := func(p *program.Params, in []*Node) *Node { return everything(c, p, in[0], in[1]) }
		if s.underMask[kind], err = s.sites(build, x, noise); err != nil {
			return x, "", err
		}
	}
	if v, ok := s.underMask[kind]["result."+name]; ok {
		return v, "", nil
	}
	at := name
	for _, a := range c.Aliases() { // the cases have Hugging Face's names for the decoder, whatever the layout
		if a.Name == name {
			at = a.Site
		}
	}
	v, ok := s.underMask[kind][at]
	if !ok {
		return v, "", fmt.Errorf("the model has no site %s", at)
	}
	return v, at, nil
}

// everything builds the autoencoder and its losses, and taps what no site of the network is as "result.NAME".
func everything(c mae.Config, p *program.Params, x, noise *Node) *Node {
	r := c.Reconstruct(p, x, noise)
	d := x.Shape().Dimensions
	plain, normalised := c, c
	plain.NormPixels, normalised.NormPixels = false, true
	for name, v := range map[string]*Node{
		"logits": r.Pred, "mask": r.Mask, "ids_restore": r.Restore, "latent": r.Latent,
		"target_patches": c.Patchify(x), "reconstruction": c.Unpatchify(r.Pred, d[2]/c.Patch, d[3]/c.Patch),
		"loss": Reshape(plain.Loss(x, r), 1), "loss_norm_pix": Reshape(normalised.Loss(x, r), 1),
	} {
		axes := []site.Axis{site.Channel, site.Y, site.X}
		site.Tap("result."+name, v, axes[:v.Rank()-1]...)
	}
	return r.Pred
}
