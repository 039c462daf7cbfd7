package weights

import (
	"fmt"
	"slices"
	"strings"
)

// family knows the layouts in which checkpoints of one architecture come.
type family struct {
	architecture string
	// detect tells which of the family's layouts a set of names is in.
	detect func(n names) (Layout, bool)
	// toCanonical maps a set of that layout to the canonical names.
	toCanonical func(from Layout, shapes map[string][]int) (Mapping, error)
	// fromCanonical maps the canonical names to those of a layout, for export; nil where there is nothing to export to.
	fromCanonical func(to Layout, shapes map[string][]int) (Mapping, error)
	// layouts are those that fromCanonical takes.
	layouts []Layout
}

// families are tried in this order.
var families = []family{clipViT, dinoV2, maeFamily, clipResNet, nasnetA, vggFamily}

// Found says what a checkpoint is.
type Found struct {
	Architecture string `json:"architecture"` // "clip-vit"
	Layout       Layout `json:"layout"`
}

// String is "clip-vit/openai".
func (f Found) String() string { return f.Architecture + "/" + string(f.Layout) }

// names is a set of tensor names.
type names []string

// has tells whether a name begins with prefix.
func (n names) has(prefix string) bool {
	return slices.ContainsFunc(n, func(name string) bool { return strings.HasPrefix(name, prefix) })
}

// Detect tells the architecture and the layout of a checkpoint from the names of its tensors.
func Detect(tensors []string) (Found, error) {
	for _, f := range families {
		if layout, ok := f.detect(tensors); ok {
			return Found{f.architecture, layout}, nil
		}
	}
	var known, some []string
	for _, f := range families {
		known = append(known, f.architecture)
	}
	for _, name := range slices.Sorted(slices.Values(tensors)) {
		if len(some) < 5 {
			some = append(some, name)
		}
	}
	return Found{}, fmt.Errorf("weights: %w: the names of %d tensors, which begin with %s, are those of none of %s; this is another architecture, or names under a common prefix that has to be removed",
		ErrLayout, len(tensors), strings.Join(some, ", "), strings.Join(known, ", "))
}

// Canonical returns s under the canonical names of its architecture, and what s is. Which names are canonical is said in
// the package of the architecture; tensors that hold no weights, such as stored position numbers, are left out.
func Canonical(s *Set) (*Set, Found, error) {
	found, err := Detect(s.names)
	if err != nil {
		return nil, found, fmt.Errorf("%s: %w", s.ref, err)
	}
	m, err := familyOf(found.Architecture).toCanonical(found.Layout, s.shapes())
	if err != nil {
		return nil, found, fmt.Errorf("%s: %w", s.ref, err)
	}
	mapped, err := m.Apply(s)
	return mapped, found, err
}

// Export returns a canonical set of an architecture under the names of a layout.
func Export(s *Set, architecture string, to Layout) (*Set, error) {
	f := familyOf(architecture)
	if f == nil || f.fromCanonical == nil || !slices.Contains(f.layouts, to) {
		var can []string
		if f != nil {
			for _, l := range f.layouts {
				can = append(can, string(l))
			}
		}
		return nil, fmt.Errorf("weights: %w: %s cannot be written in layout %q; it can in: %s", ErrLayout, architecture, to, strings.Join(can, ", "))
	}
	m, err := f.fromCanonical(to, s.shapes())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.ref, err)
	}
	return m.Apply(s)
}

func familyOf(architecture string) *family {
	for i := range families {
		if families[i].architecture == architecture {
			return &families[i]
		}
	}
	return nil
}

func (s *Set) shapes() map[string][]int {
	out := make(map[string][]int, len(s.sources))
	for name, src := range s.sources {
		out[name] = src.shape
	}
	return out
}

// Shapes maps every tensor to its dimensions.
func (s *Set) Shapes() map[string][]int {
	out := s.shapes()
	for name, shape := range out {
		out[name] = slices.Clone(shape)
	}
	return out
}

// identity copies every tensor but those that hold no weights.
func identity(layout Layout, shapes map[string][]int, ignore func(name string) bool) Mapping {
	m := Mapping{From: layout, To: layout}
	for _, name := range sortedNames(shapes) {
		if ignore != nil && ignore(name) {
			m.Ignored = append(m.Ignored, name)
			continue
		}
		m.Rules = append(m.Rules, Rule{Name: name, From: []string{name}})
	}
	return m
}

func sortedNames(shapes map[string][]int) []string {
	out := make([]string, 0, len(shapes))
	for name := range shapes {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
