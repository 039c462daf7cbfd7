package models

import (
	"fmt"
	"io"
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
// a method BatchNormEps, are folded into a scale and a shift a channel (see models/batchnorm). t may be closed afterwards.
func Load(t Tensors, c Config) (*program.Params, error) {
	return params(t, c, func(p *program.Params, name string, dims []int) error {
		data, err := t.Float32(name, dims...)
		if err != nil {
			return err
		}
		return p.Set(name, data, dims...)
	})
}

// Stored is Tensors that stay where they are until they are wanted.
type Stored interface {
	Tensors
	// Check is the error that Float32 would return for a tensor that is not there or has another shape.
	Check(name string, shape ...int) error
	// Fill is Float32 into a slice of the tensor's size.
	Fill(name string, into []float32) error
}

// Stream is Load for a checkpoint that stays open: names and shapes are checked now, and a weight is read when a graph
// first wants it, straight into the memory of the graph's backend. So no copy is held beside the one that computes, and a
// tower that is not run is not read. Closing the result closes owner, which t is read from.
func Stream(t Stored, c Config, owner io.Closer) (*program.Params, error) {
	p, err := params(t, c, func(p *program.Params, name string, dims []int) error {
		if err := t.Check(name, dims...); err != nil {
			return err
		}
		return p.Defer(name, func(into []float32) error { return t.Fill(name, into) }, dims...)
	})
	if err != nil {
		return nil, err
	}
	p.Own(owner)
	return p, nil
}

// params sets the weights of c one by one. Layers of batch normalisation are folded, the other tensors are left to set.
func params(t Tensors, c Config, set func(p *program.Params, name string, dims []int) error) (*program.Params, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	eps := -1.0
	if n, ok := c.(normalised); ok {
		eps = n.BatchNormEps()
	}
	p := program.NewParams()
	if err := each(p, t, c.Shapes(), eps, set); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// each calls set for all tensors that are no part of a batch normalisation. eps < 0 folds nothing.
func each(p *program.Params, t Tensors, shapes map[string][]int, eps float64, set func(p *program.Params, name string, dims []int) error) error {
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
		if err := set(p, name, shapes[name]); err != nil {
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
	held := func(values []float32) program.Fill {
		return func(into []float32) error {
			copy(into, values)
			return nil
		}
	}
	if err := p.Defer(layer+".scale", held(scale), channels); err != nil {
		return err
	}
	return p.Defer(layer+".shift", held(shift), channels)
}
