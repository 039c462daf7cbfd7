package zoo

import (
	"encoding/json"
	"fmt"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/dinov2"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/weights"
)

var dinoV2 = family{
	architecture: "dinov2",
	infer: func(shapes map[string][]int, layout weights.Layout, side json.RawMessage) (models.Config, []string, error) {
		c, err := dinov2.Infer(shapes, 0)
		if err != nil {
			return nil, nil, err
		}
		c = c.In(string(layout))
		warnings, err := vitSide(readSide(side), !c.SwiGLU, &c.Heads, &c.Eps)
		if err != nil {
			return nil, nil, err
		}
		return c, warnings, c.Validate()
	},
	decode:     decode[dinov2.Config],
	preprocess: func(c models.Config) preprocess.Spec { return dinoV2Preprocess(c.(dinov2.Config)) },
	cards:      dinoV2Cards(),
}

// dinoV2Preprocess is the published models' evaluation at 224 pixels, though their positions are for 518; other models
// get pictures of the size of their positions.
func dinoV2Preprocess(c dinov2.Config) preprocess.Spec {
	if c.ImageSize == dinov2.ViTB14().ImageSize && preprocess.ImageNet224Bicubic.Size%c.Patch == 0 {
		return preprocess.ImageNet224Bicubic
	}
	return imageNetBicubic(c.ImageSize)
}

// imageNetBicubic is the bicubic recipe of ImageNet for pictures of that size.
func imageNetBicubic(size int) preprocess.Spec {
	if size == preprocess.ImageNet224Bicubic.Size {
		return preprocess.ImageNet224Bicubic
	}
	return preprocess.ImageNet224Bicubic.WithSize(size)
}

func dinoV2Cards() []Card {
	var cards []Card
	for _, m := range []struct {
		letter, size string
		config       dinov2.Config
	}{{"s", "small", dinov2.ViTS14()}, {"b", "base", dinov2.ViTB14()}, {"l", "large", dinov2.ViTL14()}, {"g", "giant", dinov2.ViTG14()}} {
		for _, registers := range []bool{true, false} {
			card := Card{Name: "facebook/dinov2-vit-" + m.letter + "-14", Architecture: "dinov2", Source: "facebook/dinov2-" + m.size,
				File: "model.safetensors", Licence: "Apache-2.0", Config: m.config.In("huggingface"),
				Note: "224 pixels by resampling the positions of 518 as Hugging Face's code does (plain bicubic to the size); the authors' code takes a scale factor instead, positions offset-0.1, and timm smooths, positions antialias, and their numbers differ"}
			if registers {
				card.Name, card.Source = "facebook/dinov2-reg-vit-"+m.letter+"-14", "facebook/dinov2-with-registers-"+m.size
				card.Config = m.config.WithRegisters(4).In("huggingface")
				card.Note = "4 register tokens behind the class token; 224 pixels by resampling the positions of 518, bicubic with antialiasing, as all libraries do for it; 196 pixels give 14x14 patches"
				if m.letter == "b" {
					card.Note = "the DINOv2 of the AlignedCut document. " + card.Note
				}
			}
			card.Preprocess = dinoV2Preprocess(m.config)
			cards = append(cards, card)
		}
	}
	return cards
}

// vitSide reads heads and layer-norm epsilon from the files beside a vision transformer's checkpoint, Hugging Face's
// config.json or timm's, and returns as warnings what had to be assumed. With gelu set, another activation is an error.
func vitSide(s sides, gelu bool, heads *int, eps *float64) (warnings []string, err error) {
	found := false
	for _, path := range []string{"config.num_attention_heads", "config.model_args.num_heads"} {
		if n, ok := s.integer(path); ok {
			*heads, found = n, true
		}
	}
	if x, ok := s.number("config.layer_norm_eps"); ok {
		*eps = x
	}
	if act, ok := s.text("config.hidden_act"); ok && gelu && act != "gelu" {
		return nil, fmt.Errorf("config.hidden_act is %q: only gelu is computed", act)
	}
	if bias, ok := s.flag("config.qkv_bias"); ok && !bias {
		return nil, fmt.Errorf("config.qkv_bias is false: only attention with biases is computed")
	}
	if _, ok := s.text("config.architecture"); !found && !ok { // timm's names stand for heads of the usual width
		warnings = append(warnings, fmt.Sprintf("no configuration beside the weights: taken to have %d heads and layer_norm_eps %g, as the published models of that size", *heads, *eps))
	}
	return warnings, nil
}
