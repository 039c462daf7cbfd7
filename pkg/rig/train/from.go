package train

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/models/mini"
)

// From are the weights that a training starts from instead of initial ones: those of an earlier training of the same
// recipe's network. The optimiser's moments start from zero, and what the earlier training had besides the network, a
// teacher or a projection head, is drawn anew; a teacher starts as the student does.
type From struct {
	SHA256 string     // of the file
	Card   *mini.Card `json:"-"` // that stood beside it, or nil

	path   string
	shapes []tensorName // of the file, sorted by name
}

type tensorName struct {
	name  string
	shape []int
}

// from reads what a training of r is to start from: NAME.safetensors as WriteWeights writes it, and NAME.json beside it where
// there is one.
func (r *Recipe) from(path string) (*From, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("weights to start from: %w", err)
	}
	sum := sha256.Sum256(data)
	f := &From{SHA256: hex.EncodeToString(sum[:]), path: path}
	t, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	want := r.Config.Shapes()
	for name, shape := range want {
		got, ok := t.Lookup(name)
		if !ok {
			return nil, fmt.Errorf("%s has no %s: a training of %s starts from weights of the same network, as `ventral train` writes them", path, name, r.Name)
		}
		if !slices.Equal(got.Shape, shape) {
			return nil, fmt.Errorf("%s: %s is %v, the network of %s has %v", path, name, got.Shape, r.Name, shape)
		}
		f.shapes = append(f.shapes, tensorName{name, shape})
	}
	slices.SortFunc(f.shapes, func(a, b tensorName) int { return strings.Compare(a.name, b.name) })
	j, err := os.ReadFile(strings.TrimSuffix(path, ".safetensors") + ".json")
	if os.IsNotExist(err) {
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	f.Card = &mini.Card{}
	if err := json.Unmarshal(j, f.Card); err != nil {
		return nil, fmt.Errorf("the card of %s: %w", path, err)
	}
	return f, nil
}

// into puts the weights into p, and into the teacher's where p has one.
func (f *From) into(p *program.Params) error {
	t, err := safetensors.Open(f.path)
	if err != nil {
		return err
	}
	defer t.Close()
	for _, s := range f.shapes {
		entry, ok := t.Lookup(s.name)
		if !ok {
			return fmt.Errorf("%s has no %s any more", f.path, s.name)
		}
		v, err := entry.Float32()
		if err != nil {
			return fmt.Errorf("%s: %w", f.path, err)
		}
		for _, name := range []string{s.name, teacherPrefix + s.name} {
			if p.Has(name) {
				if err := p.Set(name, v, s.shape...); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// earlier are the trainings behind the weights that a training starts from, the first one first; nil without.
func (f *From) earlier() []mini.Training {
	if f == nil || f.Card == nil {
		return nil
	}
	return f.Card.Training.All()
}
