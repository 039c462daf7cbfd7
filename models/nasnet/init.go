package nasnet

import (
	"math"
	"strings"

	"github.com/ventral-lab/ventral/models/initial"
)

// Law draws every weight as timm's code leaves an untrained network, with PyTorch's defaults: U(±1/√fan_in) for the
// convolutions (nn.Conv2d: Kaiming-uniform with a = √5) and for the classifier's weight and bias, 1 and 0 for the scales
// and shifts of batch normalisation.
//
// The TensorFlow code that the published weights were trained with draws convolutions from a normal distribution cut off
// at two deviations, of variance 2/fan_out (TF-slim's nasnet_large_arg_scope); Keras draws them from He's normal law.
func (c Config) Law(name string, dims []int) initial.Law {
	part := name[strings.LastIndexByte(name, '.')+1:]
	switch {
	case name == "last_linear.bias":
		return initial.Law{Uniform: 1 / math.Sqrt(float64(c.Features()))}
	case len(dims) > 1:
		return initial.FanIn(dims)
	case part == "weight", part == "running_var":
		return initial.Law{Constant: 1}
	}
	return initial.Law{}
}
