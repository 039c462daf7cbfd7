package zoo

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/dinov2"
	"github.com/ventral-lab/ventral/models/mae"
	"github.com/ventral-lab/ventral/models/vit"
	"github.com/ventral-lab/ventral/models/weights"
)

// TestVisionTransformerCards: what a checkpoint of each card's source and the config.json beside it say is what the card
// says, so that opening it gives no warning.
func TestVisionTransformerCards(t *testing.T) {
	for _, f := range []family{dinoV2, maeFamily} {
		for _, card := range f.cards {
			layout, side := weights.HuggingFace, ""
			switch c := card.Config.(type) {
			case dinov2.Config:
				side = fmt.Sprintf(`{"config": {"model_type": "dinov2", "num_attention_heads": %d, "layer_norm_eps": 1e-06, "hidden_act": "gelu", "qkv_bias": true, "use_swiglu_ffn": %v, "layerscale_value": 1.0}}`, c.Heads, c.SwiGLU)
			case mae.Config:
				side = fmt.Sprintf(`{"config": {"model_type": "vit_mae", "num_attention_heads": %d, "decoder_num_attention_heads": 16, "layer_norm_eps": 1e-12, "hidden_act": "gelu", "mask_ratio": 0.75, "norm_pix_loss": false}}`, c.Heads)
				if strings.HasPrefix(card.Source, "timm/") {
					layout, side = weights.Timm, `{"config": {"architecture": "vit_base_patch16_224", "num_classes": 0, "pretrained_cfg": {"tag": "mae"}}}`
				}
			}
			got, warnings, err := f.infer(card.Config.Shapes(), layout, json.RawMessage(side))
			if err != nil || got != card.Config || len(warnings) > 0 {
				t.Errorf("%s: the files say %+v (%v, %v), the card %+v", card.Name, got, warnings, err, card.Config)
			}
			if err := card.Preprocess.Validate(); err != nil {
				t.Errorf("%s: %v", card.Name, err)
			}
			network, err := card.Config.Network(card.Preprocess.Size, card.Preprocess.Size)
			if err != nil || network.Input()[1] != 224 {
				t.Errorf("%s: network %v, %v", card.Name, network, err)
			}
			if f.preprocess(card.Config) != card.Preprocess {
				t.Errorf("%s: usual preprocessing %v, the card's %v", card.Name, f.preprocess(card.Config), card.Preprocess)
			}
		}
	}
}

// TestVisionTransformerSides: the files beside a checkpoint decide what shapes do not tell.
func TestVisionTransformerSides(t *testing.T) {
	small := dinov2.Config{ImageSize: 30, Patch: 6, Width: 30, Layers: 3, Heads: 3, Hidden: 90, MaskToken: true, Positions: vit.Plain, PartialPatches: true, Eps: 1e-5, LayerScale: 1e-5}
	autoencoder := mae.Config{ImageSize: 30, Patch: 6, Width: 28, Layers: 3, Heads: 2, Hidden: 76, DecoderWidth: 20, DecoderLayers: 2, DecoderHeads: 5, DecoderHidden: 52,
		MaskRatio: 0.6, NormPixels: true, Positions: vit.Plain, PartialPatches: true, Eps: 1e-7}
	for _, c := range []struct {
		name   string
		family family
		config models.Config // whose shapes are read, and which is expected
		layout weights.Layout
		side   string
		warns  string
		fails  string
	}{
		{"heads and epsilon", dinoV2, small, weights.HuggingFace, `{"config": {"num_attention_heads": 3, "layer_norm_eps": 1e-5}}`, "", ""},
		{"an autoencoder", maeFamily, autoencoder, weights.HuggingFace,
			`{"config": {"num_attention_heads": 2, "decoder_num_attention_heads": 5, "layer_norm_eps": 1e-7, "mask_ratio": 0.6, "norm_pix_loss": true}}`, "", ""},
		{"nothing", dinoV2, dinov2.ViTS14().In("huggingface"), weights.HuggingFace, ``, "6 heads", ""},
		{"no files of the authors' encoder", maeFamily, mae.ViTH14().In("original"), weights.Original, ``, "16 heads", ""},
		{"another activation", dinoV2, small, weights.HuggingFace, `{"config": {"num_attention_heads": 3, "hidden_act": "gelu_new"}}`, "", "gelu_new"},
		{"no biases", maeFamily, autoencoder, weights.HuggingFace, `{"config": {"num_attention_heads": 2, "qkv_bias": false}}`, "", "qkv_bias"},
		{"heads that do not divide", dinoV2, small, weights.HuggingFace, `{"config": {"num_attention_heads": 7}}`, "", "7 heads"},
		{"a ratio that keeps none", maeFamily, autoencoder, weights.HuggingFace, `{"config": {"num_attention_heads": 2, "decoder_num_attention_heads": 5, "mask_ratio": 0.99}}`, "", "keeps none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, warnings, err := c.family.infer(c.config.Shapes(), c.layout, json.RawMessage(c.side))
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("error %v, want one that names %s", err, c.fails)
				}
				return
			}
			if err != nil || got != c.config {
				t.Errorf("%+v, %v, want %+v", got, err, c.config)
			}
			if text := strings.Join(warnings, "; "); (c.warns == "") != (text == "") || !strings.Contains(text, c.warns) {
				t.Errorf("warnings %q, want %q", text, c.warns)
			}
		})
	}
}

// TestVisionTransformersOpen: untrained networks of all sizes that fit in a test open by name; another input size resamples
// the positions; a network without a decoder does not reconstruct.
func TestVisionTransformersOpen(t *testing.T) {
	for name, tokens := range map[string]int{"facebook/dinov2-reg-vit-b-14": 1 + 4 + 256, "facebook/dinov2-reg-vit-b-14?size=196": 1 + 4 + 196, "facebook/mae-vit-b-16": 197} {
		sites, err := Sites(name, "visual")
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sites {
			if s.Name == "norm" && s.Shape[0] != tokens {
				t.Errorf("%s: %d tokens, want %d", name, s.Shape[0], tokens)
			}
		}
	}
	for _, name := range []string{"facebook/dinov2-reg-vit-b-14?size=200", "facebook/mae-vit-b-16?size=100"} {
		if _, err := Sites(name, "visual"); (err == nil) != strings.Contains(name, "dinov2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := &Model{Model: &models.Model{Name: "facebook/mae-vit-b-16", Config: mae.ViTB16().Encoder()}}
	if _, err := m.Reconstructor(nil, 1); err == nil || !strings.Contains(err.Error(), "pretraining") {
		t.Errorf("an encoder reconstructs: %v", err)
	}
}
