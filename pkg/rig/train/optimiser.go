package train

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
)

// AdamW are the optimiser's constants (Loshchilov and Hutter 2019).
type AdamW struct {
	Beta1, Beta2, Eps float64
	Decay             float64 // of matrices and tables; biases, norms and the logit scale are not decayed
	Clip              float64 // largest global norm of the gradient
}

const momentPrefix = "adam/"

// moments are the kinds of moment that the optimiser keeps of a weight: matrices that Muon moves have only the first.
func (o Options) moments(name string, dims []int) []string {
	if o.Muon.moves(name, dims) {
		return []string{"m/"}
	}
	return []string{"m/", "v/"}
}

// allocate adds zero moments for every weight of names that has none yet.
func (o Options) allocate(p *program.Params, names []string) error {
	have := map[string]bool{}
	for _, n := range p.Names() {
		have[n] = true
	}
	for _, n := range names {
		dims := p.Shapes()[n]
		size := 1
		for _, d := range dims {
			size *= d
		}
		for _, m := range o.moments(n, dims) {
			if !have[momentPrefix+m+n] {
				if err := p.Set(momentPrefix+m+n, make([]float32, size), dims...); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// update adds one step to the graph and returns the gradient's global norm before clipping. schedule is [3]: the
// learning rate and the two bias corrections 1-β₁ᵗ and 1-β₂ᵗ.
func (o Options) update(p *program.Params, names []string, loss, schedule *Node) (norm *Node) {
	g := loss.Graph()
	var weights []*Node
	for _, n := range names {
		weights = append(weights, p.Node(g, n, p.Shapes()[n]...))
	}
	grads := Gradient(loss, weights...)
	sum := ScalarZero(g, loss.DType())
	for _, d := range grads {
		sum = Add(sum, ops.SumAll(Square(d)))
	}
	norm = Sqrt(sum)
	scale := MinScalar(Div(Scalar(g, loss.DType(), o.AdamW.Clip), AddScalar(norm, 1e-6)), 1)
	at := func(i int) *Node { return Reshape(Slice(schedule, AxisElem(i))) }
	lr, c1, c2 := at(0), at(1), at(2)
	for i, n := range names {
		w := weights[i]
		like := func(s *Node) *Node { return BroadcastToShape(s, w.Shape()) }
		d := Mul(grads[i], like(scale))
		var step *Node
		if o.Muon.moves(n, p.Shapes()[n]) {
			step = o.Muon.step(p, n, d)
		} else {
			step = o.AdamW.step(p, n, d, like(c1), like(c2))
		}
		if len(p.Shapes()[n]) >= 2 {
			step = Add(step, MulScalar(w, o.AdamW.Decay))
		}
		p.Update(n, Sub(w, Mul(step, like(lr))))
	}
	return norm
}

// step is the direction of one weight for its gradient d and the bias corrections c1 and c2, and moves its moments.
func (a AdamW) step(p *program.Params, name string, d, c1, c2 *Node) *Node {
	m := p.Node(d.Graph(), momentPrefix+"m/"+name, p.Shapes()[name]...)
	v := p.Node(d.Graph(), momentPrefix+"v/"+name, p.Shapes()[name]...)
	m = Add(MulScalar(m, a.Beta1), MulScalar(d, 1-a.Beta1))
	v = Add(MulScalar(v, a.Beta2), MulScalar(Square(d), 1-a.Beta2))
	p.Update(momentPrefix+"m/"+name, m)
	p.Update(momentPrefix+"v/"+name, v)
	return Div(Div(m, c1), AddScalar(Sqrt(Div(v, c2)), a.Eps))
}

// Schedule is a linear warm-up to a peak and a cosine down to Floor·Peak at the last step.
type Schedule struct {
	Peak   float64
	Warmup int
	Steps  int
	Floor  float64
}

// At is the learning rate of step t, counted from 0.
func (s Schedule) At(t int) float64 {
	if t < s.Warmup {
		return s.Peak * float64(t+1) / float64(s.Warmup)
	}
	x := float64(t-s.Warmup) / float64(max(s.Steps-s.Warmup, 1))
	return s.Peak * (s.Floor + (1-s.Floor)*0.5*(1+math.Cos(math.Pi*min(x, 1))))
}

func (a AdamW) schedule(s Schedule, t int) program.Value {
	return program.F32([]float32{float32(s.At(t)),
		float32(1 - math.Pow(a.Beta1, float64(t+1))), float32(1 - math.Pow(a.Beta2, float64(t+1)))}, 3)
}
