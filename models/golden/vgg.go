package golden

import (
	"encoding/json"
	"fmt"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models/vgg"
)

// vggGradient is the gradient of one number at a site, or of a mean over positions, with respect to an input.
type vggGradient struct {
	Of    string
	Index []*int // stimulus, channel, y, x; null for the mean over that axis
	Input string
}

type vggSession struct {
	*base
	c         vgg.Config
	gradients map[string]vggGradient
}

func openVGG(m manifest, b *base) (session, error) {
	var config struct {
		Unit struct {
			Layer   string
			F, Y, X int
		} `json:"unit_gradient"`
	}
	if err := decodeConfig(m, &config); err != nil {
		return nil, err
	}
	s := &vggSession{base: b, gradients: map[string]vggGradient{}}
	if m.Gradients != nil {
		if err := json.Unmarshal(m.Gradients, &s.gradients); err != nil {
			return nil, fmt.Errorf("gradients: %w", err)
		}
	}
	if u := config.Unit; u.Layer != "" {
		zero := 0
		s.gradients["grad.block3_pool_unit.image"] = vggGradient{u.Layer, []*int{&zero, &u.F, &u.Y, &u.X}, "in.image"}
		s.gradients["grad.block3_pool_channel_mean.image"] = vggGradient{u.Layer, []*int{&zero, &u.F, nil, nil}, "in.image"}
	}
	var err error
	if s.c, err = vgg.Infer(b.set.Shapes()); err != nil {
		return nil, err
	}
	s.c.Sliding = b.library == vgg.Timm
	return s, b.load(s.c)
}

func (s *vggSession) compute(key string) (program.Value, string, error) {
	if g, ok := s.gradients[key]; ok {
		v, err := s.gradientOf(g)
		return v, s.siteName(g.Of), err
	}
	kind, name, ok := strings.Cut(key, ".")
	input := strings.TrimPrefix(strings.TrimPrefix(kind, "act"), "out")
	if !ok || len(input) == len(kind) {
		return program.Value{}, "", fmt.Errorf("no rule says what %s is", key)
	}
	input = "image" + input
	at := s.siteName(name)
	if name == "logits" {
		at = "classifier.6"
	}
	return s.value(input, at)
}

func (s *vggSession) gradientOf(g vggGradient) (program.Value, error) {
	in, err := s.input(strings.TrimPrefix(g.Input, "in."))
	if err != nil {
		return in, err
	}
	return s.gradient(func(p *program.Params, in []*Node) *Node {
		v := at(s.siteName(g.Of), s.network)(p, in)
		axes := make([]SliceAxisSpec, len(g.Index))
		for i, k := range g.Index {
			if axes[i] = AxisRange(); k != nil {
				axes[i] = AxisElem(*k)
			}
		}
		return ops.MeanAll(Slice(v, axes...))
	}, in)
}
