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

// allocate adds zero moments for every weight of names that has none yet.
func (a AdamW) allocate(p *program.Params, names []string) error {
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
		for _, m := range []string{"m/", "v/"} {
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
func (a AdamW) update(p *program.Params, names []string, loss, schedule *Node) (norm *Node) {
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
	scale := MinScalar(Div(Scalar(g, loss.DType(), a.Clip), AddScalar(norm, 1e-6)), 1)
	at := func(i int) *Node { return Reshape(Slice(schedule, AxisElem(i))) }
	lr, c1, c2 := at(0), at(1), at(2)
	for i, n := range names {
		w, d := weights[i], grads[i]
		like := func(s *Node) *Node { return BroadcastToShape(s, w.Shape()) }
		d = Mul(d, like(scale))
		m := p.Node(g, momentPrefix+"m/"+n, p.Shapes()[n]...)
		v := p.Node(g, momentPrefix+"v/"+n, p.Shapes()[n]...)
		m = Add(MulScalar(m, a.Beta1), MulScalar(d, 1-a.Beta1))
		v = Add(MulScalar(v, a.Beta2), MulScalar(Square(d), 1-a.Beta2))
		step := Div(Div(m, like(c1)), AddScalar(Sqrt(Div(v, like(c2))), a.Eps))
		if len(p.Shapes()[n]) >= 2 {
			step = Add(step, MulScalar(w, a.Decay))
		}
		p.Update(momentPrefix+"m/"+n, m)
		p.Update(momentPrefix+"v/"+n, v)
		p.Update(n, Sub(w, Mul(step, like(lr))))
	}
	return norm
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
