package onnx

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// agreement bounds the difference from the reference as a share of a tensor's largest value. float32 networks of this depth
// differ by about 1e-6 between implementations.
const agreement = 2e-5

// compare opens an ONNX file and compares every site with the reference's values, which were computed one stimulus at a
// time. It returns how many values were compared.
func compare(t *testing.T, be *backend.Backend, path, ref string, o Options) (*Model, int) {
	t.Helper()
	m, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	want, err := safetensors.Open(ref)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { want.Close() })
	in, _ := want.Lookup("in")
	x, err := in.Float32()
	if err != nil {
		t.Fatal(err)
	}
	sites, values, out := capture(t, be, m, x, in.Shape[0])
	raw := map[string]string{}
	for tensor, name := range m.Network.file.names {
		raw[name] = tensor
	}
	n := 0
	for i, s := range sites {
		tensor := raw[s.Name]
		for b := range in.Shape[0] {
			r, ok := want.Lookup(fmt.Sprintf("%d:%s", b, tensor))
			if !ok {
				t.Errorf("site %s: the reference has no %q", s.Name, tensor)
				break
			}
			if d := differ(t, m.Network.places[tensor], r, slice1(values[i], b, in.Shape[0])); d != "" {
				t.Errorf("site %s %v %v, stimulus %d: %s", s.Name, s.Axes, s.Shape, b, d)
				break
			}
			n++
		}
	}
	for b := range in.Shape[0] {
		if r, ok := want.Lookup(fmt.Sprintf("%d:%s", b, m.Network.file.output)); ok {
			if d := differ(t, m.Network.out, r, slice1(out, b, in.Shape[0])); d != "" {
				t.Errorf("output, stimulus %d: %s", b, d)
			}
		}
	}
	return m, n
}

func slice1(v []float32, i, n int) []float32 { return v[i*len(v)/n : (i+1)*len(v)/n] }

// differ compares a site's value for one stimulus with the reference's tensor, brought into the site's form.
func differ(t *testing.T, p place, r safetensors.Tensor, got []float32) string {
	v, err := r.Float32()
	if err != nil {
		t.Fatal(err)
	}
	a := &array{kind: floating, dims: slices.Clone(r.Shape), v: make([]float64, len(v))}
	for i, x := range v {
		a.v[i] = float64(x)
	}
	split := slices.Clone(p.split)
	for i, d := range split {
		if d == 0 {
			split[i] = 1
		}
	}
	if product(split) != len(v) {
		return fmt.Sprintf("%d values, the reference has %v", len(got), r.Shape)
	}
	a = a.reshape(split).transpose(p.order)
	if len(a.v) != len(got) {
		return fmt.Sprintf("%d values, want %d", len(got), len(a.v))
	}
	peak, worst, at := 0.0, 0.0, 0
	for i, w := range a.v {
		peak = max(peak, math.Abs(w))
		if d := math.Abs(w - float64(got[i])); d > worst || math.IsNaN(d) {
			worst, at = d, i
		}
	}
	if !(worst <= agreement*peak) {
		return fmt.Sprintf("%v instead of %v at %d, %.1e of the peak", got[at], a.v[at], at, worst/peak)
	}
	return ""
}

// capture runs a network on n stimuli and returns all sites' values and the output.
func capture(t *testing.T, be *backend.Backend, m *Model, x []float32, n int) ([]site.Info, [][]float32, []float32) {
	t.Helper()
	sites, _, err := models.Trace(m.Network)
	if err != nil {
		t.Fatal(err)
	}
	p := program.NewParams()
	for _, name := range m.Params.Names() {
		data, dims, err := m.Params.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Set(name, data, dims...); err != nil {
			t.Fatal(err)
		}
	}
	prog, err := program.New(be, "onnx", p, func(g *Graph, p *program.Params, in []*Node) []*Node {
		var out *Node
		infos, node := site.List(g, func() { out = m.Network.Forward(p, in[0]) })
		var all []*Node
		for _, s := range infos {
			all = append(all, node(s.Name))
		}
		return append(all, out)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Close()
	out, err := prog.Run(program.F32(x, append([]int{n}, m.Network.Input()...)...))
	if err != nil {
		t.Fatal(err)
	}
	var values [][]float32
	for _, o := range out {
		values = append(values, o.F32)
	}
	return sites, values[:len(sites)], values[len(sites)]
}

// listing is one line a site, for messages.
func listing(sites []site.Info) string {
	var b strings.Builder
	for _, s := range sites {
		fmt.Fprintf(&b, "%s %v %v\n", s.Name, s.Axes, s.Shape)
	}
	return b.String()
}
