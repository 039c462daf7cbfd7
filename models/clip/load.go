package clip

import (
	"fmt"

	"github.com/ventral-lab/ventral/internal/program"
)

// Tensors is where weights come from: a checkpoint under OpenAI's names.
type Tensors interface {
	// Float32 returns the tensor called name, which must have this shape.
	Float32(name string, shape ...int) ([]float32, error)
}

// Load reads all weights of c from a checkpoint in OpenAI's layout.
func Load(t Tensors, c Config) (*program.Params, error) {
	p := program.NewParams()
	shapes := c.Shapes()
	for _, name := range c.Names() {
		data, err := t.Float32(name, shapes[name]...)
		if err != nil {
			return nil, fmt.Errorf("clip: %w", err)
		}
		if err := p.Set(name, data, shapes[name]...); err != nil {
			return nil, fmt.Errorf("clip: %w", err)
		}
	}
	return p, nil
}
