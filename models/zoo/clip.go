package zoo

import (
	"encoding/json"
	"fmt"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/weights"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

const openAILicence = "code MIT (OpenAI); weights published by OpenAI with the code"

var clipViT = family{
	architecture: "clip-vit",
	infer: func(shapes map[string][]int, _ weights.Layout, _ json.RawMessage) (models.Config, []string, error) {
		c, err := clip.Infer(shapes, 0)
		return c, []string{"heads taken to be 64 channels wide, activation quick-GELU, preprocessing OpenAI's"}, err
	},
	decode:     decode[clip.Config],
	preprocess: func(c models.Config) preprocess.Spec { return preprocess.CLIP224.WithSize(c.(clip.Config).ImageSize) },
	cards: []Card{
		{Name: "openai/clip-vit-b-32", Architecture: "clip-vit", Source: "timm/vit_base_patch32_clip_224.openai", File: "open_clip_model.safetensors",
			Licence: openAILicence, Preprocess: preprocess.CLIP224, Config: clip.ViTB32(), Note: "the model of the spatial-cells document"},
		{Name: "openai/clip-vit-b-16", Architecture: "clip-vit", Source: "timm/vit_base_patch16_clip_224.openai", File: "open_clip_model.safetensors",
			Licence: openAILicence, Preprocess: preprocess.CLIP224, Config: clip.ViTB16()},
	},
}

// Encoder embeds pictures and texts with both towers.
func (m *Model) Encoder(be *backend.Backend, batch int) (*clip.Encoder, error) {
	if m.Text == nil {
		return nil, fmt.Errorf("%s has no text tower: it cannot compare pictures with texts; use a CLIP with both towers", m.Name)
	}
	return clip.NewEncoder(be, *m.CLIP, m.Params, m.Tok, batch)
}
