package zoo

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/mini"
)

// Untrained is the same architecture with the weights that its authors' code starts from.
func (m *Model) Untrained(seed uint64) (*Model, error) { return untrained(m.Card, seed, 0) }

func untrained(card Card, seed uint64, size int) (*Model, error) {
	separator := "?"
	if strings.Contains(card.Name, "?") { // a size
		separator = "&"
	}
	card.Name = fmt.Sprintf("random:%s%sseed=%d", card.Name, separator, seed)
	card.Shipped = false
	return drawn(card, seed, size)
}

// beginning is a shipped network as its training began: with the weights that the seed on its card gives.
func beginning(card Card, size int) (*Model, error) {
	m, err := mini.Describe(card.Name)
	if err != nil {
		return nil, err
	}
	return drawn(card, m.Training.Seed, size)
}

// drawn is the network of a card with initial weights.
func drawn(card Card, seed uint64, size int) (*Model, error) {
	params, err := models.Random(card.Config, seed)
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(card.Config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", card.Name, err)
	}
	return build(card, params, fmt.Sprintf("random-%s-%d", config, seed), size)
}
