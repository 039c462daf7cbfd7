package models

import (
	"fmt"
	"sort"
	"strings"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models/batchnorm"
	"github.com/ventral-lab/ventral/models/initial"
)

// Config is an architecture with all its sizes and without weights. Every family of networks has one.
type Config interface {
	// Family names the package, "dinov2". It is part of the names of random streams.
	Family() string
	// Validate says what is wrong with the sizes.
	Validate() error
	// Shapes maps every tensor of a checkpoint in the canonical layout to its dimensions, empty for a scalar.
	Shapes() map[string][]int
	// Law says how the reference's code draws a tensor of an untrained network.
	Law(name string, dims []int) initial.Law
	// Network is the graph that is recorded from, for pictures of height x width pixels; 0 x 0 is the size of the
	// configuration. A size that the reference refuses is an error.
	Network(height, width int) (Network, error)
	// Aliases are the names of the network's sites in other libraries.
	Aliases() []Alias
}

// Alias is a site's name in another library.
type Alias struct {
	Site    string `json:"site"`
	Library string `json:"library"` // "huggingface", "timm", "torchvision", "keras", "tf-slim", ...
	Name    string `json:"name"`
}

// Parameters is the number of scalars that training changes: all but the running statistics of batch normalisation.
func Parameters(c Config) int {
	n := 0
	for name, dims := range c.Shapes() {
		if strings.HasSuffix(name, ".running_mean") || strings.HasSuffix(name, ".running_var") {
			continue
		}
		size := 1
		for _, d := range dims {
			size *= d
		}
		n += size
	}
	return n
}

// Tensors is where weights come from: a checkpoint under the canonical names.
type Tensors interface {
	// Float32 returns the tensor called name, which must have this shape.
	Float32(name string, shape ...int) ([]float32, error)
}

// Random draws the weights that the reference's code starts an untrained network from.
func Random(c Config, seed uint64) (*program.Params, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return initial.Draw(c.Family(), seed, c.Shapes(), c.Law)
}

// normalised is a configuration with batch normalisation.
type normalised interface{ BatchNormEps() float64 }

// Load reads all weights of c. The layers of batch normalisation, which a configuration has that states their epsilon by
// a method BatchNormEps, are folded into a scale and a shift a channel (see models/batchnorm).
func Load(t Tensors, c Config) (*program.Params, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	eps := -1.0
	if n, ok := c.(normalised); ok {
		eps = n.BatchNormEps()
	}
	p := program.NewParams()
	if err := load(p, t, c.Shapes(), eps); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// load sets the weights one by one. eps < 0 folds nothing.
func load(p *program.Params, t Tensors, shapes map[string][]int, eps float64) error {
	names := make([]string, 0, len(shapes))
	for name := range shapes {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		layer := name[:strings.LastIndexByte(name, '.')+1]
		if _, ok := shapes[layer+"running_var"]; ok && layer != "" && eps >= 0 {
			if name != layer+"running_var" {
				continue // with its variance
			}
			if err := loadFolded(p, t, strings.TrimSuffix(layer, "."), shapes[name][0], eps); err != nil {
				return err
			}
			continue
		}
		data, err := t.Float32(name, shapes[name]...)
		if err != nil {
			return err
		}
		if err := p.Set(name, data, shapes[name]...); err != nil {
			return err
		}
	}
	return nil
}

func loadFolded(p *program.Params, t Tensors, layer string, channels int, eps float64) error {
	var parts [4][]float32
	for i, part := range batchnorm.Parts {
		var err error
		if parts[i], err = t.Float32(layer+"."+part, channels); err != nil {
			return err
		}
	}
	scale, shift, err := batchnorm.Fold(parts[0], parts[1], parts[2], parts[3], eps)
	if err != nil {
		return fmt.Errorf("%s: %w", layer, err)
	}
	if err := p.Set(layer+".scale", scale, channels); err != nil {
		return err
	}
	return p.Set(layer+".shift", shift, channels)
}
