package zoo

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/weights"
)

// family is what opening a network takes that differs between architectures.
type family struct {
	architecture string // as weights.Detect names it
	// infer reads a configuration off the canonical shapes of a checkpoint that came in a layout. side are the JSON files
	// beside it, one member each (see weights.Set.Side), or nil. What the shapes do not tell and had to be assumed is returned as warnings.
	infer func(shapes map[string][]int, layout weights.Layout, side json.RawMessage) (models.Config, []string, error)
	// decode reads a configuration of a shipped network.
	decode func(raw json.RawMessage) (models.Config, error)
	// preprocess is the usual preprocessing for a configuration.
	preprocess func(c models.Config) preprocess.Spec
	cards      []Card
}

// families are the architectures that Open knows.
var families = []family{clipViT, dinoV2, maeFamily, clipResNet, nasnetA, vggFamily}

func familyOf(architecture string) (family, error) {
	var known []string
	for _, f := range families {
		if f.architecture == architecture {
			return f, nil
		}
		known = append(known, f.architecture)
	}
	return family{}, fmt.Errorf("no architecture %q; there are %s", architecture, strings.Join(known, ", "))
}

// decode reads a configuration of type C.
func decode[C models.Config](raw json.RawMessage) (models.Config, error) {
	var c C
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return c, c.Validate()
}
