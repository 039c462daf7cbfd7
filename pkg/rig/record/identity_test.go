package record_test

import (
	"testing"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/pkg/rig/record"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// TestRulesAreIdentity: the same weights run by another rule are another network, whose recording must not be taken for the
// first one's.
func TestRulesAreIdentity(t *testing.T) {
	be := goBackend(t)
	seen := map[string]bool{}
	identities := map[string]bool{}
	for _, exact := range []bool{false, true} {
		m := tiny(t)
		c := m.Network.(clip.ImageTower).Config
		c.ExactGELU = exact
		m.Config, m.Network = c, clip.ImageTower{Config: c}
		f, err := record.Config{Model: m, Stimuli: pictures{n: 3}, Backend: be, Plan: site.Plan{}.Capture("visual")}.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		id, err := m.Identity()
		if err != nil {
			t.Fatal(err)
		}
		seen[f.Hash()], identities[id] = true, true
	}
	if len(seen) != 2 || len(identities) != 2 {
		t.Errorf("quick-GELU and GELU: %d recordings, %d identities; want 2 of each", len(seen), len(identities))
	}
	// The name is no part of a model's identity, its input size is.
	a, b, c := tiny(t), tiny(t), tiny(t)
	b.Name = "another name"
	c.Network = clip.ImageTower{Config: c.Network.(clip.ImageTower).Config, Height: 24, Width: 24}
	id := func(m *models.Model) string {
		s, err := m.Identity()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if id(a) != id(b) || id(a) == id(c) {
		t.Errorf("identities %s, %s by another name, %s at another size", id(a), id(b), id(c))
	}
}
