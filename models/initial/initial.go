// Package initial draws the weights of untrained networks as the code of their authors does.
//
// # Invariants
//
//   - Every tensor has its own random stream, named after it, so that a change of one does not move the others.
//   - The same seed gives the same bits on every machine and for any number of threads.
//
// # Limits
//
// Values follow the laws of the reference's initialisation, not the bits of its generator.
package initial

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/rng"
)

// Law is the distribution that the elements of a tensor are drawn from: normal around 0 with that standard deviation,
// uniform in ± that bound, given values, or a constant. The first field that is not zero counts.
type Law struct {
	Normal, Uniform float64
	Values          []float32 // row-major, as many as the tensor has
	Constant        float64
}

// FanIn is PyTorch's default for the weights and biases of linear and convolution layers, U(±1/√fan_in); dims are those of
// the layer's weight, [out, in, ...].
func FanIn(dims []int) Law { return Law{Uniform: 1 / math.Sqrt(float64(product(dims[1:])))} }

// Xavier is the uniform law of Glorot and Bengio (2010) for a weight [out, in, ...] taken as a matrix of out rows:
// U(±√(6/(fan_in+fan_out))).
func Xavier(dims []int) Law {
	return Law{Uniform: math.Sqrt(6 / float64(product(dims[1:])+dims[0]))}
}

// Draw gives all tensors of shapes their laws. stream and a tensor's name together name its random stream. The numbers of
// a tensor are drawn when a graph first wants it.
func Draw(stream string, seed uint64, shapes map[string][]int, law func(name string, dims []int) Law) (*program.Params, error) {
	names := make([]string, 0, len(shapes))
	for name := range shapes {
		names = append(names, name)
	}
	sort.Strings(names)
	p := program.NewParams()
	for _, name := range names {
		dims := shapes[name]
		l := law(name, dims)
		if n := product(dims); l.Normal == 0 && l.Uniform == 0 && l.Values != nil && len(l.Values) != n {
			return nil, fmt.Errorf("initial value of %s: %d values for shape %v", name, len(l.Values), dims)
		}
		if err := p.Defer(name, func(into []float32) error {
			l.draw(rng.New(seed, stream+"/init/"+name), into)
			return nil
		}, dims...); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// draw fills data by the law, in row-major order.
func (l Law) draw(r *rand.Rand, data []float32) {
	for i := range data {
		switch {
		case l.Normal > 0:
			data[i] = float32(r.NormFloat64() * l.Normal)
		case l.Uniform > 0:
			data[i] = float32((2*r.Float64() - 1) * l.Uniform)
		case l.Values != nil:
			data[i] = l.Values[i]
		default:
			data[i] = float32(l.Constant)
		}
	}
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}
