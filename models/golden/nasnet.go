package golden

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models/nasnet"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// nasnetConfig is what a case says beside the shapes of its weights.
type nasnetConfig struct {
	F   int     `json:"F"`
	Eps float64 `json:"bn_eps"`
}

// nasnetSession runs a case with timm's average pools (act*, out*, grad*) and with TensorFlow's (tfavg*), on each of its
// inputs: act67.SITE belongs to in.image67.
type nasnetSession struct {
	*base
	timm, tf  nasnet.Config
	gradients map[string]nasnetGradient
	values    map[string]map[string]program.Value // by rule and input
}

// nasnetGradient is the gradient of one unit of a site with respect to an input.
type nasnetGradient struct {
	Of    string `json:"of"`
	Index []int  `json:"index"` // picture, channel, y, x
	Input string `json:"input"` // "in.image67"
}

func openNASNet(m manifest, b *base) (session, error) {
	var said nasnetConfig
	if err := decodeConfig(m, &said); err != nil {
		return nil, err
	}
	c, err := nasnet.Infer(b.set.Shapes())
	if err != nil {
		return nil, err
	}
	if said.F != 0 && said.F != c.Filters {
		return nil, fmt.Errorf("the case says F = %d, its weights %d", said.F, c.Filters)
	}
	s := &nasnetSession{base: b, values: map[string]map[string]program.Value{}}
	// An older case does not describe its gradient: offset 3 of the piece c3 of cell_0 at y = 2, x = 5.
	s.gradients = map[string]nasnetGradient{"grad67.cell_0_unit.image": {"cell_0", []int{0, 4*c.Filters + 3, 2, 5}, "in.image67"}}
	if m.Gradients != nil {
		if err := json.Unmarshal(m.Gradients, &s.gradients); err != nil {
			return nil, fmt.Errorf("gradients: %w", err)
		}
	}
	c.Eps = said.Eps
	s.timm, s.tf = c, c
	s.timm.Pool, s.tf.Pool = nasnet.PoolTimm, nasnet.PoolTF
	return s, b.load(s.timm)
}

var nasnetKey = regexp.MustCompile(`^(act|out|tfavg)([0-9x]*)\.(.+)$`)

func (s *nasnetSession) compute(key string) (program.Value, string, error) {
	if g, ok := s.gradients[key]; ok {
		return s.unitGradient(g)
	}
	k := nasnetKey.FindStringSubmatch(key)
	if k == nil {
		return program.Value{}, "", fmt.Errorf("no rule says what %s is", key)
	}
	c, rule := s.timm, nasnet.PoolTimm
	if k[1] == "tfavg" {
		c, rule = s.tf, nasnet.PoolTF
	}
	values, ok := s.values[rule+k[2]]
	if !ok {
		var err error
		if values, err = s.run(c, rule, k[2]); err != nil {
			return program.Value{}, "", err
		}
		s.values[rule+k[2]] = values
	}
	at := s.siteName(k[3])
	v, ok := values[at]
	if !ok {
		return v, "", fmt.Errorf("the model has no site %s", at)
	}
	return v, at, nil
}

// run computes the sites that the case has of one input under one rule. There are a thousand more, with all of which as
// outputs XLA would take a minute to compile.
func (s *nasnetSession) run(c nasnet.Config, rule, input string) (map[string]program.Value, error) {
	x, err := s.input("image" + input)
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, key := range s.ref.Names() {
		if k := nasnetKey.FindStringSubmatch(key); k != nil && k[2] == input && (k[1] == "tfavg") == (rule == nasnet.PoolTF) {
			wanted[s.siteName(k[3])] = true
		}
	}
	var names []string
	p, err := program.New(s.be, "golden", s.params, func(g *Graph, p *program.Params, in []*Node) []*Node {
		infos, nodeOf := site.List(g, func() { graphOf(c)(p, in) })
		var nodes []*Node
		for _, i := range infos {
			if wanted[i.Name] {
				names, nodes = append(names, i.Name), append(nodes, nodeOf(i.Name))
			}
		}
		return nodes
	})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	out, err := p.Run(x)
	if err != nil {
		return nil, err
	}
	values := map[string]program.Value{}
	for i, name := range names {
		values[name] = out[i]
	}
	return values, nil
}

func graphOf(c nasnet.Config) graphFunc {
	return func(p *program.Params, in []*Node) *Node { return nasnet.Classifier{Config: c}.Forward(p, in[0]) }
}

func (s *nasnetSession) unitGradient(g nasnetGradient) (program.Value, string, error) {
	x, err := s.input(strings.TrimPrefix(g.Input, "in."))
	if err != nil {
		return x, "", err
	}
	if len(g.Index) != 4 {
		return x, "", fmt.Errorf("the unit %v of %s has not the four indices picture, channel, y, x", g.Index, g.Of)
	}
	cell := s.siteName(g.Of)
	v, err := s.gradient(func(p *program.Params, in []*Node) *Node {
		i := g.Index
		return Reshape(Slice(at(cell, graphOf(s.timm))(p, in), AxisElem(i[0]), AxisElem(i[1]), AxisElem(i[2]), AxisElem(i[3])))
	}, x)
	return v, cell, err
}
