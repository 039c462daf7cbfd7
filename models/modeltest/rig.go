package modeltest

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// sweepAgain is the largest number of sites that are edited on backends other than the first. What an edit does is a
// property of the graph; there it is only checked that the backend does it.
const sweepAgain = 12

// rig runs the network of a case on one backend.
type rig struct {
	*checker
	config string
	be     *backend.Backend
	p      *program.Params
	x      []float32 // a batch of stimuli
	eps    float64   // the rounding allowed between graphs
	first  bool      // the backend on which everything is checked
	swept  []int     // the sites that are edited and differentiated

	base  [][]float32 // the sites' values and the output, without a plan, for x
	all   *program.Program
	sweep *program.Program
}

func (k *checker) open(config string, first bool) (*rig, error) {
	be, err := backend.Open(config)
	if err != nil {
		return nil, err
	}
	p, err := k.copies()
	if err != nil {
		be.Finalize()
		return nil, err
	}
	r := &rig{checker: k, config: config, be: be, p: p, eps: k.c.rounding(be), first: first}
	if r.swept = r.chosen(k.c.Sweep); !first {
		r.swept = r.chosen(min(k.c.Sweep, sweepAgain))
	}
	r.x = r.stimuli(0, 1, 2)
	return r, nil
}

// copies are the weights of the case once more: those that a graph was built with live on its backend.
func (k *checker) copies() (*program.Params, error) {
	p := program.NewParams()
	for _, name := range k.c.Params.Names() {
		data, dims, err := k.c.Params.Get(name)
		if err == nil {
			err = p.Set(name, data, dims...)
		}
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (r *rig) close() {
	for _, p := range []*program.Program{r.all, r.sweep} {
		if p != nil {
			p.Close()
		}
	}
	r.p.Close()
	r.be.Finalize()
}

// pixels is the number of values of one stimulus.
func (r *rig) pixels() int {
	n := 1
	for _, d := range r.c.Network.Input() {
		n *= d
	}
	return n
}

// stimuli makes a batch: the stimuli with these numbers, and then those that follow the last.
func (r *rig) stimuli(numbers ...int) []float32 {
	n := r.pixels()
	x := make([]float32, r.c.Batch*n)
	last := 0
	for i := range r.c.Batch {
		if i < len(numbers) {
			last = numbers[i]
		} else {
			last++
		}
		r.c.Stimulus(last, x[i*n:(i+1)*n])
	}
	return x
}

// dims are the dimensions of a batch of n.
func (r *rig) dims(n int) []int { return append([]int{n}, r.c.Network.Input()...) }

// build makes a program from a graph of the network; x is its first input.
func (r *rig) build(f func(g *graph.Graph, p *program.Params, x *graph.Node, in []*graph.Node) []*graph.Node) (*program.Program, error) {
	return program.New(r.be, "modeltest", r.p, func(g *graph.Graph, p *program.Params, in []*graph.Node) []*graph.Node {
		out := f(g, p, in[0], in[1:])
		for i, o := range out {
			if o.DType() != dtypes.Float32 {
				out[i] = graph.ConvertDType(o, dtypes.Float32)
			}
		}
		return out
	})
}

// planned makes the program of a plan: the picture and the plan's runtime inputs to its captures and the output.
func (r *rig) planned(b *site.Bound) (*program.Program, error) {
	return r.build(func(g *graph.Graph, p *program.Params, x *graph.Node, in []*graph.Node) []*graph.Node {
		t := b.Attach(g, in)
		out := r.c.Network.Forward(p, x)
		return append(slices.Clone(t.Outputs()), out)
	})
}

// run runs a program for a batch of n stimuli.
func run(p *program.Program, in ...program.Value) ([][]float32, error) {
	out, err := p.Run(in...)
	if err != nil {
		return nil, err
	}
	values := make([][]float32, len(out))
	for i, o := range out {
		values[i] = o.F32
	}
	return values, nil
}

// once builds, runs and frees a graph.
func (r *rig) once(batch int, x []float32, f func(g *graph.Graph, p *program.Params, x *graph.Node) []*graph.Node) ([][]float32, error) {
	p, err := r.build(func(g *graph.Graph, ps *program.Params, x *graph.Node, _ []*graph.Node) []*graph.Node {
		return f(g, ps, x)
	})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	return run(p, program.F32(x, r.dims(batch)...))
}

// captured runs the network with a plan that captures all sites, in its one compiled form.
func (r *rig) captured(x []float32) ([][]float32, error) {
	if r.all == nil {
		b, err := r.captureAll()
		if err != nil {
			return nil, err
		}
		if r.all, err = r.planned(b); err != nil {
			return nil, err
		}
	}
	return run(r.all, program.F32(x, r.dims(len(x)/r.pixels())...))
}

func (r *rig) captureAll() (*site.Bound, error) {
	var p site.Plan
	for _, s := range r.sites {
		p = p.Capture(s.Name)
	}
	return p.Check(r.sites)
}

// edit is a change at one site: values times mul plus add, nil for none.
type edit struct {
	site     int
	mul, add []float32
}

// seen are the sites whose values the sweep compares: all on the first backend, the swept ones on others.
func (r *rig) seen() []int {
	if r.first {
		return r.chosen(len(r.sites))
	}
	return r.swept
}

// edited runs the network with an edit at every swept site, of which all but these leave the values as they are. The
// values are nil where seen does not list the site.
func (r *rig) edited(edits ...edit) ([][]float32, error) {
	if r.sweep == nil {
		var infos []site.Info
		for _, i := range r.swept {
			infos = append(infos, r.sites[i])
		}
		plan := editAll(infos)
		for _, i := range r.seen() {
			plan = plan.Capture(r.sites[i].Name)
		}
		b, err := plan.Check(r.sites)
		if err != nil {
			return nil, err
		}
		if r.sweep, err = r.planned(b); err != nil {
			return nil, err
		}
	}
	in := []program.Value{program.F32(r.x, r.dims(r.c.Batch)...)}
	for _, i := range r.swept {
		s := r.sites[i]
		mul, add := constant(1, r.c.Batch*s.Size()), constant(0, r.c.Batch*s.Size())
		for _, e := range edits {
			if e.site == i && e.mul != nil {
				mul = e.mul
			}
			if e.site == i && e.add != nil {
				add = e.add
			}
		}
		dims := append([]int{r.c.Batch}, s.Shape...)
		in = append(in, program.F32(mul, dims...), program.F32(add, dims...))
	}
	v, err := run(r.sweep, in...)
	if err != nil {
		return nil, err
	}
	all := make([][]float32, len(r.sites)+1)
	for k, i := range r.seen() {
		all[i] = v[k]
	}
	all[len(r.sites)] = v[len(v)-1]
	return all, nil
}

func constant(v float32, n int) []float32 {
	out := make([]float32, n)
	if v != 0 {
		for i := range out {
			out[i] = v
		}
	}
	return out
}

// chosen spreads at most n sites evenly over all, the first and the last among them.
func (r *rig) chosen(n int) []int {
	all := len(r.sites)
	if all <= n {
		n = all
	}
	var out []int
	for i := range n {
		k := 0
		if n > 1 {
			k = i * (all - 1) / (n - 1)
		}
		out = append(out, k)
	}
	return out
}

// name is the name of value i: a site, or the output.
func (r *rig) name(i int) string {
	if i == len(r.sites) {
		return "the output"
	}
	return "site " + r.sites[i].Name
}

// near tells whether two values agree within eps of the largest, and says by how much they do not.
func near(got, want []float32, eps float64) (string, bool) {
	if len(got) != len(want) {
		return fmt.Sprintf("%d values, want %d", len(got), len(want)), false
	}
	peak, worst, at := 0.0, 0.0, -1
	for i, w := range want {
		peak = max(peak, math.Abs(float64(w)))
		d := math.Abs(float64(got[i]) - float64(w))
		if math.IsNaN(d) && math.IsNaN(float64(w)) && math.IsNaN(float64(got[i])) {
			d = 0
		}
		if d > worst || math.IsNaN(d) || math.IsInf(d, 0) {
			worst, at = d, i
			if math.IsNaN(d) {
				break
			}
		}
	}
	if at < 0 || worst <= eps*peak {
		return "", true
	}
	return fmt.Sprintf("%v instead of %v at %d, %.1e of the peak", got[at], want[at], at, worst/peak), false
}

// row is stimulus i's part of a value of a batch of n.
func row(v []float32, i, n int) []float32 { return v[i*len(v)/n : (i+1)*len(v)/n] }
