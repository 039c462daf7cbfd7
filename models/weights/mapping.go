package weights

import (
	"fmt"
	"slices"
)

// Layout says by whose names the tensors of a checkpoint go.
type Layout string

// The layouts that are told apart.
const (
	// OpenAI is the layout of OpenAI's CLIP and of open_clip: visual.transformer.resblocks.0.attn.in_proj_weight.
	OpenAI Layout = "openai"
	// HuggingFace is that of transformers: vision_model.encoder.layers.0.self_attn.q_proj.weight.
	HuggingFace Layout = "huggingface"
	// Timm is timm's: blocks.0.attn.qkv.weight.
	Timm Layout = "timm"
	// Torchvision is torchvision's: features.0.weight.
	Torchvision Layout = "torchvision"
	// Keras is that of Keras' applications, kernels as [height, width, in, out].
	Keras Layout = "keras"
	// Original is that of the authors' own code where none of the others has their name: DINOv2, MAE.
	Original Layout = "original"
)

// Operation says how a tensor of one layout is made of those of another.
type Operation int

// The operations. Each is exact: bytes are moved, never computed with.
const (
	Copy      Operation = iota // the same tensor
	Transpose                  // a matrix, rows and columns exchanged
	Join                       // several tensors one after the other along the first axis
	Part                       // one of Of equal parts along the first axis
	View                       // the same elements in the shape Shape
	Permute                    // axes exchanged: axis i of the result is axis Axes[i] of the tensor
	Tail                       // all but the first Index rows
	Zeros                      // zeros of the shape Shape, in the dtype of From, which is not read otherwise
	Behind                     // zeros and then the tensor's elements, which fill the end of the shape Shape
)

// Rule makes the tensor Name.
type Rule struct {
	Name      string
	From      []string
	Operation Operation
	Index, Of int   // of Part; Index of Tail, too
	Shape     []int // of View, Zeros and Behind; of Permute, where it is not nil, in which the result is seen
	As        []int // of Permute: where it is not nil, the shape in which the tensor is seen before its axes are exchanged
	Axes      []int // of Permute
	Optional  bool  // left out, instead of an error, where From is not there
}

// Mapping presents a set of one layout under the names of another.
type Mapping struct {
	From, To Layout
	Rules    []Rule
	// Ignored are names of the set that hold no weights, such as stored position numbers.
	Ignored []string
	// Zero are names of the set whose place the architecture has not, and which must hold nothing but zeros.
	Zero []string
}

// Shapes returns the shapes of the result for the shapes of a set. It is an error if a tensor that a rule needs is not
// there or has a shape the rule cannot take, and if a tensor is there that no rule uses.
func (m Mapping) Shapes(in map[string][]int) (map[string][]int, error) {
	used := map[string]bool{}
	for _, list := range [][]string{m.Ignored, m.Zero} {
		for _, name := range list {
			used[name] = true
		}
	}
	names := make([]string, 0, len(in))
	for name := range in {
		names = append(names, name)
	}
	slices.Sort(names)
	out := make(map[string][]int, len(m.Rules))
	for _, r := range m.Rules {
		shape, present, err := r.shape(in, names)
		if err != nil {
			return nil, fmt.Errorf("weights: from layout %s to %s: %w", m.From, m.To, err)
		}
		if !present {
			continue
		}
		if _, dup := out[r.Name]; dup {
			return nil, fmt.Errorf("weights: from layout %s to %s: %w: two rules make %q", m.From, m.To, ErrLayout, r.Name)
		}
		out[r.Name] = shape
		for _, from := range r.From {
			used[from] = true
		}
	}
	for _, name := range names {
		if !used[name] {
			return nil, fmt.Errorf("weights: from layout %s to %s: %w: tensor %q %v has no place; the checkpoint is of another model, or has more parts than the network", m.From, m.To, ErrLayout, name, in[name])
		}
	}
	return out, nil
}

func (r Rule) shape(in map[string][]int, names []string) (shape []int, present bool, err error) {
	for i, from := range r.From {
		s, ok := in[from]
		if !ok {
			if r.Optional && i == 0 {
				return nil, false, nil
			}
			return nil, false, missing(r.Name, from, names)
		}
		switch {
		case i == 0:
			shape = slices.Clone(s)
		case len(s) == 0 || len(s) != len(shape) || !slices.Equal(s[1:], shape[1:]):
			return nil, false, fmt.Errorf("tensor %q: %w: %v cannot be joined to %v", from, ErrShape, s, shape)
		default:
			shape[0] += s[0]
		}
	}
	switch {
	case r.Operation == Transpose:
		if len(shape) != 2 {
			return nil, false, fmt.Errorf("tensor %q: %w: %v is no matrix", r.From[0], ErrShape, shape)
		}
		shape[0], shape[1] = shape[1], shape[0]
	case r.Operation == Join && len(shape) == 0:
		return nil, false, fmt.Errorf("tensor %q: %w: a scalar cannot be joined", r.From[0], ErrShape)
	case r.Operation == Part:
		if len(shape) == 0 || shape[0]%r.Of != 0 {
			return nil, false, fmt.Errorf("tensor %q: %w: %v cannot be cut into %d parts", r.From[0], ErrShape, shape, r.Of)
		}
		shape[0] /= r.Of
	case r.Operation == Tail:
		if len(shape) == 0 || shape[0] <= r.Index {
			return nil, false, fmt.Errorf("tensor %q: %w: %v has no rows behind the first %d", r.From[0], ErrShape, shape, r.Index)
		}
		shape[0] -= r.Index
	case r.Operation == View:
		if product(shape) != product(r.Shape) {
			return nil, false, fmt.Errorf("tensor %q: %w: %v cannot be seen as %v", r.From[0], ErrShape, shape, r.Shape)
		}
		shape = slices.Clone(r.Shape)
	case r.Operation == Zeros:
		shape = slices.Clone(r.Shape)
	case r.Operation == Behind:
		if product(shape) > product(r.Shape) {
			return nil, false, fmt.Errorf("tensor %q: %w: %v does not fit into %v", r.From[0], ErrShape, shape, r.Shape)
		}
		shape = slices.Clone(r.Shape)
	case r.Operation == Permute:
		for _, other := range [][]int{r.As, r.Shape} {
			if other != nil && product(shape) != product(other) {
				return nil, false, fmt.Errorf("tensor %q: %w: %v cannot be seen as %v", r.From[0], ErrShape, shape, other)
			}
		}
		if r.As != nil {
			shape = slices.Clone(r.As)
		}
		if len(shape) != len(r.Axes) {
			return nil, false, fmt.Errorf("tensor %q: %w: %v has not %d axes", r.From[0], ErrShape, shape, len(r.Axes))
		}
		old := slices.Clone(shape)
		for i, a := range r.Axes {
			shape[i] = old[a]
		}
		if r.Shape != nil {
			shape = slices.Clone(r.Shape)
		}
	}
	return shape, true, nil
}

// Apply returns s under the names of m.To. The result reads from s and ends when s is closed; joined and turned tensors
// are made anew, piece by piece, at each reading.
func (m Mapping) Apply(s *Set) (*Set, error) {
	in := make(map[string][]int, len(s.sources))
	for name, src := range s.sources {
		in[name] = src.shape
	}
	shapes, err := m.Shapes(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.ref, err)
	}
	if err := m.checkZeros(s); err != nil {
		return nil, err
	}
	sources := make(map[string]source, len(shapes))
	for _, r := range m.Rules {
		shape, ok := shapes[r.Name]
		if !ok {
			continue
		}
		first := s.sources[r.From[0]]
		from := make([]source, len(r.From))
		for i, name := range r.From {
			from[i] = s.sources[name]
			if from[i].dtype != first.dtype {
				return nil, fmt.Errorf("weights: %s: %s is %s and %s is %s: they cannot be joined; convert the checkpoint to one dtype", s.ref, r.From[0], first.dtype, name, from[i].dtype)
			}
		}
		sources[r.Name] = r.make(from, shape)
	}
	out := newSet(s.ref, sources, nil)
	out.dir, out.meta = s.dir, s.meta
	return out, nil
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}
