package spatial_test

import (
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/study/spatial"
)

// TestTowers: a model that the study cannot record is an error that says why.
func TestTowers(t *testing.T) {
	resNet, vit := clip.RN50(), clip.ViTB32().VisualOnly()
	text := &models.Model{Name: "text"}
	for says, m := range map[string]*zoo.Model{
		"is a ResNet":   {Model: &models.Model{Name: "m"}, CLIP: &resNet, Text: text},
		"no text tower": {Model: &models.Model{Name: "m"}, CLIP: &vit},
		"wants a CLIP":  {Model: &models.Model{Name: "m"}},
	} {
		if _, err := spatial.New(new(backend.Backend), m, spatial.Options{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want one with %q", err, says)
		}
	}
}
