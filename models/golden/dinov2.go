package golden

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models/dinov2"
	"github.com/ventral-lab/ventral/models/vit"
)

// pointGradient is the gradient of one number of a result, or of a mean over an axis, with respect to an input.
type pointGradient struct {
	Of    string `json:"of"`
	Index []*int `json:"index"` // null for the mean over that axis
	Input string `json:"input"`
}

// vitCase is what the manifests of both vision transformers have.
type vitCase struct {
	Heads int     `json:"num_attention_heads"`
	Eps   float64 `json:"layer_norm_eps"`
	Probe struct {
		Factor   float64  `json:"factor"`
		Input    string   `json:"input"`
		Multiply []string `json:"multiply"`
		Hub      []string `json:"multiply_dinov2hub"` // where the case has several layouts
		Original []string `json:"multiply_original"`  // likewise
	} `json:"eps_probe"`
}

type dinov2Session struct {
	*base
	c         dinov2.Config
	probe     vitCase
	gradients map[string]pointGradient
}

func openDINOv2(m manifest, b *base) (session, error) {
	s := &dinov2Session{base: b, gradients: map[string]pointGradient{}}
	if err := decodeConfig(m, &s.probe); err != nil {
		return nil, err
	}
	if m.Gradients != nil {
		if err := json.Unmarshal(m.Gradients, &s.gradients); err != nil {
			return nil, fmt.Errorf("gradients: %w", err)
		}
	}
	var err error
	if s.c, err = dinov2.Infer(b.set.Shapes(), 1); err != nil {
		return nil, err
	}
	s.c = s.c.In(b.library)
	s.c.Heads, s.c.Eps = s.probe.Heads, s.probe.Eps
	return s, b.load(s.c)
}

func (s *dinov2Session) compute(key string) (program.Value, string, error) {
	if g, ok := s.gradients[key]; ok {
		v, err := s.gradientOf(g)
		return v, "norm", err
	}
	kind, name, _ := strings.Cut(key, ".")
	switch {
	case key == "probe_eps.last_hidden_state":
		return s.probeEps()
	case strings.HasPrefix(kind, "grad") && strings.HasPrefix(name, "cls_feature"):
		zero, feature, input := 0, 0, strings.TrimPrefix(kind, "grad")
		if _, err := fmt.Sscanf(name, "cls_feature%d.image", &feature); err != nil {
			return program.Value{}, "", fmt.Errorf("no rule says what %s is: %w", key, err)
		}
		v, err := s.gradientOf(pointGradient{"out" + input + ".last_hidden_state", []*int{&zero, &zero, &feature}, "in.image" + input})
		return v, "norm", err
	case kind == "pos":
		return s.positions(name)
	case strings.HasPrefix(kind, "act"):
		return s.site("image"+strings.TrimPrefix(kind, "act"), name)
	case strings.HasPrefix(kind, "out") && name == "last_hidden_state":
		return s.site("image"+strings.TrimPrefix(kind, "out"), "norm")
	case strings.HasPrefix(kind, "out") && (name == "pooler_output" || name == "pooled"):
		return s.site("image"+strings.TrimPrefix(kind, "out"), "head")
	}
	return program.Value{}, "", fmt.Errorf("no rule says what %s is", key)
}

// site is the value of a site for an input of the case.
func (s *dinov2Session) site(input, name string) (program.Value, string, error) {
	at := s.siteName(name)
	if s.c.SwiGLU {
		at = gatedName(at)
	}
	return s.value(input, at)
}

// gatedName is the site of a gated feed-forward layer by the name that the cases give it in all layouts: fc1 and fc2 are
// the two linear layers, act is what the second of them reads.
func gatedName(name string) string {
	for _, end := range [][2]string{{".mlp.fc1", ".mlp.w12"}, {".mlp.act", ".mlp.gated"}, {".mlp.fc2", ".mlp.w3"}} {
		if block, ok := strings.CutSuffix(name, end[0]); ok {
			return block + end[1]
		}
	}
	return name
}

// gradientOf is the gradient of a number of the last hidden state.
func (s *dinov2Session) gradientOf(g pointGradient) (program.Value, error) {
	if _, what, _ := strings.Cut(g.Of, "."); what != "last_hidden_state" {
		return program.Value{}, fmt.Errorf("no rule says what %s is", g.Of)
	}
	x, err := s.input(strings.TrimPrefix(g.Input, "in."))
	if err != nil {
		return x, err
	}
	return s.gradient(func(p *program.Params, in []*Node) *Node { return point(at("norm", s.network)(p, in), g.Index) }, x)
}

// point is one number of v, or its mean over the axes whose index is nil.
func point(v *Node, index []*int) *Node {
	spec := make([]SliceAxisSpec, len(index))
	for i, at := range index {
		if spec[i] = AxisRange(); at != nil {
			spec[i] = AxisElem(*at)
		}
	}
	return ops.MeanAll(Slice(v, spec...))
}

func (s *dinov2Session) probeEps() (program.Value, string, error) {
	names, input := s.probe.Probe.Multiply, strings.TrimPrefix(s.probe.Probe.Input, "in.")
	if s.probe.Probe.Hub != nil {
		names = s.probe.Probe.Hub
	}
	if input == "" {
		input = s.firstImage()
	}
	v, err := s.scaledSite("norm", input, s.network, names, s.probe.Probe.Factor)
	return v, "norm", err
}

// firstImage is the first of the case's pictures by name, which a probe is made with where the case does not say.
func (b *base) firstImage() string {
	for _, name := range slices.Sorted(slices.Values(b.ref.Names())) {
		if strings.HasPrefix(name, "in.image") {
			return strings.TrimPrefix(name, "in.")
		}
	}
	return "image"
}

// scaledSite is the value of a site after the weights that the case names in its own layout were multiplied.
func (b *base) scaledSite(site, input string, build graphFunc, names []string, factor float64) (program.Value, error) {
	x, err := b.input(input)
	if err != nil {
		return x, err
	}
	canonical := map[string]string{"embeddings.cls_token": "cls_token", "embeddings.position_embeddings": "pos_embed", "reg_token": "register_tokens",
		"embeddings.register_tokens": "register_tokens", "embeddings.patch_embeddings.projection.weight": "patch_embed.proj.weight",
		"embeddings.patch_embeddings.projection.bias": "patch_embed.proj.bias"}
	names = slices.Clone(names)
	for i, n := range names {
		if c, ok := canonical[strings.TrimPrefix(n, "vit.")]; ok {
			names[i] = c
		}
		if !slices.Contains(b.params.Names(), names[i]) {
			return x, fmt.Errorf("eps_probe: there is no weight %s", n)
		}
	}
	scaled, err := b.scaled(names, factor)
	if err != nil {
		return x, err
	}
	defer scaled.Close()
	return b.eval(scaled, at(site, build), x)
}

// positions are the resampled position tables of a case. "interpolated_84x56" is the model's own for that input, the
// others are grids [1, channel, row, column], "5to6x4.bicubic_size" made of "grid5" in one of the three ways.
func (s *dinov2Session) positions(name string) (program.Value, string, error) {
	if size, ok := strings.CutPrefix(name, "interpolated_"); ok {
		if s.library == "timm" && s.c.Registers > 0 {
			return program.Value{}, "", fmt.Errorf("timm's layout has no row for the class token in this table: it is added to the token")
		}
		x, err := s.input("image" + size)
		if err != nil {
			return x, "", err
		}
		v, err := s.eval(s.params, func(p *program.Params, in []*Node) *Node {
			d, n := in[0].Shape().Dimensions, s.c.Grid()
			return s.c.Positions.Resample(p.Node(in[0].Graph(), "pos_embed", 1, 1+n*n, s.c.Width), d[2]/s.c.Patch, d[3]/s.c.Patch)
		}, x)
		return v, "", err
	}
	if name == fmt.Sprintf("grid%d", s.c.Grid()) { // the table of the case itself
		v, err := s.eval(s.params, func(p *program.Params, in []*Node) *Node {
			n := s.c.Grid()
			table := p.Node(in[0].Graph(), "pos_embed", 1, 1+n*n, s.c.Width)
			return TransposeAllAxes(Reshape(Slice(table, AxisRange(), AxisRange(1)), 1, n, n, s.c.Width), 0, 3, 1, 2)
		}, program.F32([]float32{0}, 1))
		return v, "", err
	}
	var side, rows, columns int
	var how string
	if _, err := fmt.Sscanf(name, "%dto%dx%d.%s", &side, &rows, &columns, &how); err != nil {
		return program.Value{}, "", fmt.Errorf("an input of the other pos tensors")
	}
	ways := map[string]vit.Positions{"bicubic_antialias_size": vit.Antialias, "bicubic_size": vit.Plain, "bicubic_scale_offset0.1": vit.Offset}
	way, ok := ways[how]
	grid, has := s.ref.Lookup(fmt.Sprintf("pos.grid%d", side))
	if !ok || !has {
		return program.Value{}, "", fmt.Errorf("no rule says what pos.%s is", name)
	}
	data, err := grid.Float32()
	if err != nil {
		return program.Value{}, "", err
	}
	v, err := s.eval(nil, func(_ *program.Params, in []*Node) *Node {
		c := grid.Shape[1]
		list := Reshape(TransposeAllAxes(in[0], 0, 2, 3, 1), 1, side*side, c)
		table := Concatenate([]*Node{Zeros(in[0].Graph(), Slice(list, AxisRange(), AxisRange(0, 1)).Shape()), list}, 1)
		out := Slice(way.Resample(table, rows, columns), AxisRange(), AxisRange(1))
		return TransposeAllAxes(Reshape(out, 1, rows, columns, c), 0, 3, 1, 2)
	}, program.F32(data, grid.Shape...))
	return v, "", err
}
