package golden

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/weights"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// session is one weights file ready to be run.
type session interface {
	// compute returns the value for a reference key, or an error that says why it cannot.
	compute(key string) (value program.Value, site string, err error)
}

// openers make the session of a weights file, by the family that the manifest names before the slash.
var openers = map[string]func(m manifest, b *base) (session, error){
	"clip-vit":    openCLIP,
	"clip-resnet": openCLIP,
	"dinov2":      openDINOv2, "dinov2-reg": openDINOv2,
	"mae":      openMAE,
	"nasnet-a": openNASNet,
	"vgg":      openVGG,
}

// open makes the session of one weights file. architecture is "FAMILY/LAYOUT", perhaps with a remark behind a space.
func open(m manifest, path, architecture string, ref *safetensors.File, be *backend.Backend) (session, error) {
	name, _, _ := strings.Cut(architecture, " ")
	family, library, _ := strings.Cut(name, "/")
	opener, ok := openers[family]
	if !ok {
		var known []string
		for k := range openers {
			known = append(known, k)
		}
		sort.Strings(known)
		return nil, fmt.Errorf("architecture %q is none of %s", family, strings.Join(known, ", "))
	}
	set, err := weights.Open(path, weights.Options{})
	if err != nil {
		return nil, err
	}
	b := &base{be: be, ref: ref, family: family, library: library}
	if b.set, b.found, err = weights.Canonical(set); err != nil {
		return nil, err
	}
	return opener(m, b)
}

// base is what the sessions of all families share: the case's inputs, the weights under canonical names, and ways to run
// graphs on them.
type base struct {
	be              *backend.Backend
	ref             *safetensors.File
	family, library string // as the manifest says
	found           weights.Found
	set             *weights.Set
	config          models.Config // set by load
	params          *program.Params
	values          map[string]map[string]program.Value // of all sites, by the name of the input: "image56"
}

// graphFunc builds a graph on the inputs of a case.
type graphFunc func(p *program.Params, in []*Node) *Node

// load reads the weights of c.
func (b *base) load(c models.Config) (err error) {
	b.config = c
	b.params, err = models.Load(b.set, c)
	return err
}

// input is in.NAME of the case.
func (b *base) input(name string) (program.Value, error) {
	t, ok := b.ref.Lookup("in." + name)
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

// sites runs a graph and returns the values of all its sites by name.
func (b *base) sites(build graphFunc, in ...program.Value) (map[string]program.Value, error) {
	var infos []site.Info
	p, err := program.New(b.be, "golden", b.params, func(g *Graph, p *program.Params, in []*Node) []*Node {
		var nodeOf func(string) *Node
		infos, nodeOf = site.List(g, func() { build(p, in) })
		var nodes []*Node
		for _, i := range infos {
			nodes = append(nodes, nodeOf(i.Name))
		}
		return nodes
	})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	out, err := p.Run(in...)
	if err != nil {
		return nil, err
	}
	values := map[string]program.Value{}
	for i, info := range infos {
		values[info.Name] = out[i]
	}
	return values, nil
}

// network builds the recorded network of the configuration for the size of its input.
func (b *base) network(p *program.Params, in []*Node) *Node {
	d := in[0].Shape().Dimensions
	n, err := b.config.Network(d[2], d[3])
	if err != nil {
		panic(err)
	}
	return n.Forward(p, in[0])
}

// value is that of the site of the network called name, canonically, for an input of the case. The network runs once an
// input.
func (b *base) value(input, name string) (program.Value, string, error) {
	if b.values[input] == nil {
		x, err := b.input(input)
		if err != nil {
			return x, "", err
		}
		values, err := b.sites(b.network, x)
		if err != nil {
			return x, "", err
		}
		if b.values == nil {
			b.values = map[string]map[string]program.Value{}
		}
		b.values[input] = values
	}
	v, ok := b.values[input][name]
	if !ok {
		return v, "", fmt.Errorf("the model has no site %s", name)
	}
	return v, name, nil
}

// eval runs a graph with one output on the given weights.
func (b *base) eval(p *program.Params, build graphFunc, in ...program.Value) (program.Value, error) {
	prog, err := program.New(b.be, "golden", p, func(_ *Graph, p *program.Params, in []*Node) []*Node {
		return []*Node{build(p, in)}
	})
	if err != nil {
		return program.Value{}, err
	}
	defer prog.Close()
	out, err := prog.Run(in...)
	if err != nil {
		return program.Value{}, err
	}
	return out[0], nil
}

// gradient is the gradient of a scalar with respect to the first input.
func (b *base) gradient(scalar graphFunc, in ...program.Value) (program.Value, error) {
	return b.eval(b.params, func(p *program.Params, in []*Node) *Node { return Gradient(scalar(p, in), in[0])[0] }, in...)
}

// at builds a graph and returns the value of one of its sites.
func at(name string, build graphFunc) graphFunc {
	return func(p *program.Params, in []*Node) *Node {
		_, nodeOf := site.List(in[0].Graph(), func() { build(p, in) })
		return nodeOf(name)
	}
}

// scaled is a copy of the weights in which those called names are multiplied by factor. They are canonical names.
func (b *base) scaled(names []string, factor float64) (*program.Params, error) {
	out := program.NewParams()
	for _, n := range b.params.Names() {
		data, dims, err := b.params.Get(n)
		if err != nil {
			return nil, err
		}
		if slices.Contains(names, n) {
			for i := range data {
				data[i] *= float32(factor)
			}
		}
		if err := out.Set(n, data, dims...); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// siteName is the canonical name of a site that the case names in its own layout.
func (b *base) siteName(name string) string {
	for _, a := range b.config.Aliases() {
		if a.Name == name && a.Library == b.library {
			return a.Site
		}
	}
	return name
}

// decodeConfig reads the case's configuration into c.
func decodeConfig(m manifest, c any) error {
	if err := json.Unmarshal(m.Config, c); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return nil
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
