package vgg

import (
	"math"
	"strings"

	"github.com/ventral-lab/ventral/models/initial"
)

// Law draws every weight as torchvision's VGG does (init_weights=True): convolutions from a normal distribution of variance
// 2/fan_out (He et al. 2015, mode fan_out), the fully connected layers from one of deviation 0.01, biases 0, batch
// normalisation 1 and 0 with running statistics 0 and 1.
func (c Config) Law(name string, dims []int) initial.Law {
	weight := strings.HasSuffix(name, ".weight")
	switch {
	case weight && len(dims) == 4:
		return initial.Law{Normal: math.Sqrt(2 / float64(dims[0]*dims[2]*dims[3]))}
	case weight && len(dims) == 2:
		return initial.Law{Normal: 0.01}
	case weight, strings.HasSuffix(name, ".running_var"):
		return initial.Law{Constant: 1}
	}
	return initial.Law{}
}
