package weights

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ventral-lab/ventral/internal/safetensors"
)

// Layout is a family of tensor names.
type Layout string

// The layouts that are told apart.
const (
	// OpenAI is the layout of OpenAI's CLIP and of open_clip: visual.transformer.resblocks.0.attn.in_proj_weight.
	OpenAI Layout = "openai"
	// HuggingFace is transformers' CLIPModel: vision_model.encoder.layers.0.self_attn.q_proj.weight.
	HuggingFace Layout = "huggingface"
	// Timm is timm's image tower of a CLIP, which has no text tower: blocks.0.attn.qkv.weight.
	Timm Layout = "timm"
)

// Operation says how a tensor of one layout is made of those of another.
type Operation int

// The operations. Each is exact: bytes are moved, never computed with.
const (
	Copy      Operation = iota // the same tensor
	Transpose                  // a matrix, rows and columns exchanged
	Join                       // several tensors one after the other along the first axis
	Part                       // one of Of equal parts along the first axis
)

// Rule makes the tensor Name.
type Rule struct {
	Name      string
	From      []string
	Operation Operation
	Index, Of int  // of Part
	Optional  bool // left out, instead of an error, where From is not there
}

// Mapping presents a set of one layout under the names of another.
type Mapping struct {
	From, To Layout
	Rules    []Rule
	// Ignored are names of the set that hold no weights, such as stored position numbers.
	Ignored []string
}

// Shapes returns the shapes of the result for the shapes of a set. It is an error if a tensor that a rule needs is not
// there or has a shape the rule cannot take, and if a tensor is there that no rule uses.
func (m Mapping) Shapes(in map[string][]int) (map[string][]int, error) {
	used := map[string]bool{}
	for _, name := range m.Ignored {
		used[name] = true
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
			return nil, fmt.Errorf("weights: from layout %s to %s: %w: tensor %q %v has no place; the checkpoint is of another model, or has more parts than a CLIP", m.From, m.To, ErrLayout, name, in[name])
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
	}
	return shape, true, nil
}

// Apply returns s under the names of m.To. The result reads from s and ends when s is closed; joined and transposed
// tensors are made anew at each reading.
func (m Mapping) Apply(s *Set) (*Set, error) {
	in := make(map[string][]int, len(s.sources))
	for name, src := range s.sources {
		in[name] = src.shape
	}
	shapes, err := m.Shapes(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.ref, err)
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
		sources[r.Name] = source{file: first.file, dtype: first.dtype, shape: shape, data: r.data(from)}
	}
	return newSet(s.ref, sources, nil), nil
}

func (r Rule) data(from []source) func() []byte {
	first := from[0]
	switch r.Operation {
	case Transpose:
		rows, columns, size := first.shape[0], first.shape[1], safetensors.ItemSize(first.dtype)
		return func() []byte { return transposed(first.data(), rows, columns, size) }
	case Join:
		return func() []byte {
			var out []byte
			for _, f := range from {
				out = append(out, f.data()...)
			}
			return out
		}
	case Part:
		return func() []byte {
			all := first.data()
			n := len(all) / r.Of
			return all[r.Index*n : (r.Index+1)*n : (r.Index+1)*n]
		}
	}
	return first.data
}

// transposed returns the transpose of a rows x columns matrix of elements of size bytes.
func transposed(in []byte, rows, columns, size int) []byte {
	out := make([]byte, len(in))
	for i := range rows {
		for j := range columns {
			copy(out[(j*rows+i)*size:][:size], in[(i*columns+j)*size:][:size])
		}
	}
	return out
}

// Detect tells which CLIP layout a set of names is in.
func Detect(names []string) (Layout, error) {
	has := func(prefix string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, prefix) })
	}
	switch {
	case has("vision_model.embeddings.") || has("text_model.embeddings."):
		return HuggingFace, nil
	case has("visual.conv1.") || has("token_embedding.weight") && has("transformer.resblocks."):
		return OpenAI, nil
	case has("patch_embed.proj.") && has("blocks.0."):
		return Timm, nil
	}
	var some []string
	for _, name := range slices.Sorted(slices.Values(names)) {
		if len(some) < 5 {
			some = append(some, name)
		}
	}
	return "", fmt.Errorf("weights: %w: neither OpenAI's names (visual.conv1.weight) nor Hugging Face's (vision_model.embeddings...) among %d tensors, which begin with %s; this is not a CLIP checkpoint, or one under a common prefix that has to be removed", ErrLayout, len(names), strings.Join(some, ", "))
}

// Canonical returns s under OpenAI's names, and the layout that s has. A set that has them already loses only what
// OpenAI's checkpoints store beside weights.
func Canonical(s *Set) (*Set, Layout, error) {
	layout, err := Detect(s.names)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", s.ref, err)
	}
	var m Mapping
	switch layout {
	case OpenAI:
		m = openAIToItself(s.names)
	case HuggingFace:
		m, err = HuggingFaceToOpenAI(s.names)
	default:
		err = fmt.Errorf("weights: %w: timm's layout holds an image tower without projection names for the text tower; open the repository's open_clip_model.safetensors instead", ErrLayout)
	}
	if err != nil {
		return nil, layout, fmt.Errorf("%s: %w", s.ref, err)
	}
	mapped, err := m.Apply(s)
	return mapped, layout, err
}
