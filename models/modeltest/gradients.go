package modeltest

import (
	"maps"
	"math"
	"slices"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// differenced is how many sites' gradients are compared with finite differences.
const differenced = 8

// steps are the sizes of finite differences, as shares of a site's root mean square: small ones drown in rounding, large
// ones cross kinks, and which is best differs between networks. A wrong gradient agrees with none of them.
var steps = []float64{0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4}

// smallStep is the step below which a disagreement counts: larger ones cross so many kinks of a deep rectified network that
// they say nothing.
const smallStep = 0.01

// disagreement is the largest difference between gradient and finite difference, as a share of the change's size.
const disagreement = 0.02

// kinked is the largest disagreement that kinks are taken to explain, where it falls with the size of the step.
const kinked = 0.15

// gradients differentiates a random projection of the output with respect to every site and weight, on backends other than
// the first with respect to the swept sites.
func (r *rig) gradients(fail problems) {
	projection := make([]float32, len(r.base[len(r.sites)]))
	s := rng.New(r.c.Seed, stream("projection"))
	for i := range projection {
		projection[i] = float32(s.NormFloat64())
	}
	sites, weights := r.seen(), []string(nil)
	if r.first {
		weights = slices.Sorted(maps.Keys(r.asked))
	}
	v, err := r.gradient(sites, weights, projection)
	if err != nil {
		fail("%v", err)
		return
	}
	dead, _ := r.matches(r.c.Dead)
	grads := make([][]float32, len(r.sites)) // by site
	for k, i := range sites {
		grads[i] = v[k]
		reached(fail, r.name(i), v[k], dead[i])
		if r.first {
			r.report.Sites[i].Live = live(v[k])
		}
	}
	for k, w := range weights {
		reached(fail, "weight "+w, v[len(sites)+k], slices.Contains(r.c.DeadWeights, w))
	}
	var alive []int
	for _, i := range r.swept {
		if !isZero(grads[i]) {
			alive = append(alive, i)
		}
	}
	r.differences(fail, alive, grads, projection)
}

// gradient differentiates a projection of the output with respect to sites and then weights.
func (r *rig) gradient(sites []int, weights []string, projection []float32) ([][]float32, error) {
	prog, err := r.build(func(g *graph.Graph, p *program.Params, x *graph.Node, in []*graph.Node) []*graph.Node {
		var y *graph.Node
		_, node := site.List(g, func() { y = r.c.Network.Forward(p, x) })
		var of []*graph.Node
		for _, i := range sites {
			of = append(of, node(r.sites[i].Name))
		}
		for _, w := range weights {
			of = append(of, p.Node(g, w, r.asked[w]...))
		}
		return graph.Gradient(graph.ReduceAllSum(graph.Mul(y, graph.Reshape(in[0], y.Shape().Dimensions...))), of...)
	})
	if err != nil {
		return nil, err
	}
	defer prog.Close()
	return run(prog, program.F32(r.x, r.dims(r.c.Batch)...), program.F32(projection, len(projection)))
}

// live is the share of values that are not 0.
func live(v []float32) float64 {
	n := 0
	for _, x := range v {
		if x != 0 {
			n++
		}
	}
	return float64(n) / float64(max(len(v), 1))
}

// reached checks a gradient: finite, and 0 only where that is stated.
func reached(fail problems, name string, g []float32, stated bool) {
	if j := slices.IndexFunc(g, func(v float32) bool { return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) }); j >= 0 {
		fail("the gradient with respect to %s is %v at %d", name, g[j], j)
	} else if isZero(g) && !stated {
		fail("no gradient reaches %s: something on the way to the output stops it, or the output does not depend on it; if that is meant, state it in the Case", name)
	} else if !isZero(g) && stated {
		fail("%s is stated to be dead, but a gradient reaches it", name)
	}
}

// tries is how many random directions are tried: kinks differ between them, and a wrong gradient is wrong along all.
const tries = 3

// differences compares the gradient with respect to some sites with finite differences along random directions.
func (r *rig) differences(fail problems, live []int, grads [][]float32, projection []float32) {
	verdicts := 0
	sites := min(differenced, len(live))
	for k := range sites {
		i := live[k*(len(live)-1)/max(sites-1, 1)]
		best := math.Inf(1)
		for try := range tries {
			off, clear, err := r.difference(i, try, grads[i], projection)
			if err != nil {
				fail("%s: %v", r.name(i), err)
				return
			}
			if clear {
				best = min(best, off)
			}
			if best <= disagreement {
				break
			}
		}
		if math.IsInf(best, 1) {
			continue
		}
		verdicts++
		if !(best <= disagreement) {
			fail("the gradient with respect to %s differs from finite differences along a random direction by %.3g of the change", r.name(i), best)
		}
	}
	if verdicts == 0 && sites > 0 {
		fail("at none of %d sites could the gradient be compared with finite differences: no change of up to %g of their size shows clearly in the output", sites, steps[0])
	}
}

// difference is how far the gradient with respect to site i is off along one direction, as a share of the change that a
// step along it makes; clear is false where no step says so.
func (r *rig) difference(i, try int, grad, projection []float32) (off float64, clear bool, err error) {
	out := len(r.sites)
	scale := rms(r.base[i])
	if scale == 0 {
		scale = 1
	}
	// What is exactly 0 is where a rectifier ends, and often a tie in the pooling after it: there is no derivative there.
	direction := r.noise(i, try, scale)
	want := 0.0
	for j, d := range direction {
		if r.base[i][j] == 0 {
			direction[j] = 0
			continue
		}
		want += float64(d) * float64(grad[j])
	}
	best, first, last, small := math.Inf(1), -1.0, 0.0, false
	for _, eps := range steps {
		plus, err := r.edited(edit{site: i, add: scaled(direction, eps)})
		if err != nil {
			return 0, false, err
		}
		minus, err := r.edited(edit{site: i, add: scaled(direction, -eps)})
		if err != nil {
			return 0, false, err
		}
		// The sum of many changes may be near 0, so it is measured against their size, and so is float32's rounding.
		var change, size, rounding float64
		for j, p := range projection {
			d := float64(p) * (float64(plus[out][j]) - float64(minus[out][j]))
			change, size = change+d, size+d*d
			q := float64(p) * float64(plus[out][j]) * 1e-6
			rounding += q * q
		}
		size, rounding = math.Sqrt(size)/(2*eps), math.Sqrt(rounding)/(2*eps)
		if size < 50*rounding {
			continue
		}
		last = math.Abs(change/(2*eps)-want) / size
		if first < 0 {
			first = last
		}
		best = min(best, last)
		small = small || eps <= smallStep
		if best <= disagreement {
			return best, true, nil
		}
	}
	if best <= kinked && last < first/3 {
		return 0, true, nil // the smaller the step the nearer: these are kinks, and a wrong gradient would stay as far off
	}
	return best, small, nil
}

func scaled(v []float32, f float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(float64(x) * f)
	}
	return out
}
