package zoo

import (
	"encoding/json"
	"fmt"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/mae"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/weights"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

const maeLicence = "CC-BY-NC-4.0: not for commercial use"

var maeFamily = family{
	architecture: "mae",
	infer: func(shapes map[string][]int, layout weights.Layout, side json.RawMessage) (models.Config, []string, error) {
		c, err := mae.Infer(shapes)
		if err != nil {
			return nil, nil, err
		}
		c = c.In(string(layout))
		s := readSide(side)
		warnings, err := vitSide(s, true, &c.Heads, &c.Eps)
		switch {
		case err != nil:
			return nil, nil, err
		case c.DecoderLayers == 0:
			return c, warnings, c.Validate()
		}
		if n, ok := s.integer("config.decoder_num_attention_heads"); ok {
			c.DecoderHeads = n
		}
		if x, ok := s.number("config.mask_ratio"); ok {
			c.MaskRatio = x
		}
		c.NormPixels, _ = s.flag("config.norm_pix_loss")
		return c, warnings, c.Validate()
	},
	decode:     decode[mae.Config],
	preprocess: func(c models.Config) preprocess.Spec { return imageNetBicubic(c.(mae.Config).ImageSize) },
	cards:      maeCards(),
}

func maeCards() []Card {
	var cards []Card
	for _, m := range []struct {
		name, source, hf string
		config           mae.Config
	}{
		{"b-16", "vit_base_patch16_224", "base", mae.ViTB16()},
		{"l-16", "vit_large_patch16_224", "large", mae.ViTL16()},
		{"h-14", "vit_huge_patch14_224", "huge", mae.ViTH14()},
	} {
		encoder := Card{Name: "facebook/mae-vit-" + m.name, Architecture: "mae", Source: "timm/" + m.source + ".mae", File: "model.safetensors",
			Licence: maeLicence, Preprocess: preprocess.ImageNet224Bicubic, Config: m.config.Encoder().In("timm"),
			Note: "the encoder of the authors' mae_pretrain checkpoint, on all patches in their order"}
		if m.name == "b-16" {
			encoder.Note = "the MAE of the AlignedCut document: " + encoder.Note
		}
		cards = append(cards, encoder, Card{Name: encoder.Name + "-pretraining", Architecture: "mae", Source: "facebook/vit-mae-" + m.hf, File: "model.safetensors",
			Licence: maeLicence + " (the authors'; the card of this repository says Apache-2.0)", Preprocess: preprocess.ImageNet224Bicubic, Config: m.config.In("huggingface"),
			Note: "with the decoder. Perhaps another checkpoint than " + encoder.Name + ": Hugging Face's conversion script starts from mae_visualize, which was trained on plain pixels for its pictures, so take that one for features; layer_norm_eps is 1e-12 here, as in the file's configuration, and 1e-6 in the authors' code"})
	}
	return cards
}

// Reconstructor paints the hidden patches of pictures. It is for masked autoencoders with their decoder.
func (m *Model) Reconstructor(be *backend.Backend, batch int) (*mae.Reconstructor, error) {
	c, ok := m.Config.(mae.Config)
	if !ok || c.DecoderLayers == 0 {
		return nil, fmt.Errorf("%s is no masked autoencoder with a decoder: it cannot reconstruct pictures; use facebook/mae-vit-b-16-pretraining", m.Name)
	}
	in := m.Network.Input()
	return mae.NewReconstructor(be, c, m.Params, in[1], in[2], batch)
}
