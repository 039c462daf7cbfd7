package models_test

import (
	"errors"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/preprocess"
)

// louder is V1 with other code: its output is doubled.
type louder struct{ V1 }

func (c louder) Network(h, w int) (models.Network, error) {
	n, err := c.V1.Network(h, w)
	if err != nil {
		return nil, err
	}
	return loudNetwork{n.(network)}, nil
}

type loudNetwork struct{ network }

func (n loudNetwork) Forward(p *models.Params, x *Node) *Node {
	return MulScalar(n.network.Forward(p, x), 2)
}

// broken has a graph that cannot be built.
type broken struct{ V1 }

func (c broken) Network(h, w int) (models.Network, error) {
	return brokenNetwork{network{c.V1, h, w}}, nil
}

type brokenNetwork struct{ network }

func (brokenNetwork) Forward(*models.Params, *Node) *Node { panic(errors.New("no graph")) }

// TestNew tells models apart by their code and their weights.
func TestNew(t *testing.T) {
	c := V1{Cells: 2, Kernel: 3, Size: 16}
	spec := preprocess.Plain(16)
	open := func(c models.Config, seed uint64) *models.Model {
		p, err := models.Random(c, seed)
		if err != nil {
			t.Fatal(err)
		}
		m, err := models.New("own/v1", c, p, spec)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m, again, loud, other := open(c, 0), open(c, 0), open(louder{c}, 0), open(c, 1)
	if m.Architecture != again.Architecture || m.WeightsHash != again.WeightsHash {
		t.Errorf("the same model is %s %s and %s %s", m.Architecture, m.WeightsHash, again.Architecture, again.WeightsHash)
	}
	if loud.Architecture == m.Architecture || loud.WeightsHash != m.WeightsHash {
		t.Errorf("other code: %s %s", loud.Architecture, loud.WeightsHash)
	}
	if other.WeightsHash == m.WeightsHash || other.Architecture != m.Architecture {
		t.Errorf("other weights: %s %s", other.Architecture, other.WeightsHash)
	}
	if !strings.HasPrefix(m.Architecture, "v1-") {
		t.Errorf("architecture %s", m.Architecture)
	}
	random, err := models.New("own/v1", c, nil, spec)
	if err != nil || random.WeightsHash != m.WeightsHash {
		t.Errorf("without weights: %v", err)
	}
	sites, err := m.Sites()
	if err != nil || len(sites) != 4 || sites[2].Aliases[0] != "complex_cell" {
		t.Errorf("sites %v, %v", sites, err)
	}
	for _, x := range []struct {
		c    models.Config
		spec preprocess.Spec
		says string
	}{{V1{}, spec, "want some cells"}, {c, preprocess.Spec{}, "size"}, {c, preprocess.Plain(2), "smaller than a filter"}, {broken{c}, spec, "no graph"}} {
		if _, err := models.New("x", x.c, nil, x.spec); err == nil || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%+v: error %v, want one with %q", x.c, err, x.says)
		}
	}
}
