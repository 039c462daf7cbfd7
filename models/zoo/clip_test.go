package zoo

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/weights"
)

// TestCLIPSide: heads and activation come from the files beside a checkpoint, by the rules of the library that wrote them.
func TestCLIPSide(t *testing.T) {
	vit, resNet := clip.ViTB32(), clip.RN50x4()
	plain := func(c clip.Config) clip.Config { c.ExactGELU = true; return c }
	heads := func(c clip.Config, image, text int) clip.Config { c.Heads, c.TextHeads = image, text; return c }
	timm := func(c clip.Config) clip.Config { c = c.VisualOnly(); c.Antialias = !c.ResNet(); return c }
	const mismatch = "quick-GELU mismatch"
	for _, x := range []struct {
		name   string
		shapes clip.Config
		layout weights.Layout
		side   string
		want   clip.Config
		warns  string // "" for no warning
	}{
		{"nothing", vit, weights.OpenAI, ``, vit, "activation quick-GELU as in OpenAI's"},
		{"nothing, ResNet alone", timm(resNet), weights.Timm, ``, timm(resNet), "heads taken to be 64"},
		{"other files", vit, weights.OpenAI, `{"metadata": {"format": "pt"}, "config": {"model_type": "dinov2"}}`, vit, "no configuration"},

		{"open_clip, OpenAI's", resNet, weights.OpenAI, `{"open_clip_config": {"model_cfg": {"embed_dim": 640, "quick_gelu": true,
			"vision_cfg": {"width": 80}, "text_cfg": {"heads": 10}}}}`, resNet, ""},
		{"open_clip, plain, from elsewhere", vit, weights.OpenAI, `{"ref": "hf:laion/CLIP-ViT-B-32-laion2B-s34B-b79K@main",
			"open_clip_config": {"model_cfg": {"vision_cfg": {"width": 768}, "text_cfg": {"heads": 8}}}}`, plain(vit), ""},
		{"open_clip's RN50x4 with OpenAI's weights", resNet, weights.OpenAI, `{"ref": "hf:timm/resnet50x4_clip.openai@0123",
			"open_clip_config": {"model_cfg": {"vision_cfg": {"width": 80}, "text_cfg": {"heads": 10}}}}`, resNet, mismatch},
		{"the same in the cache", resNet, weights.OpenAI, `{"ref": "/home/x/hub/models--timm--resnet50x4_clip.openai/snapshots/0123/open_clip_model.safetensors",
			"open_clip_config": {"model_cfg": {"quick_gelu": false, "text_cfg": {"heads": 10}}}}`, resNet, mismatch},
		{"open_clip's heads", vit, weights.OpenAI, `{"open_clip_config": {"model_cfg": {"quick_gelu": true, "vision_cfg": {"head_width": 96}, "text_cfg": {"heads": 16}}}}`,
			heads(vit, 8, 16), ""},
		{"open_clip's default heads", clip.ViTL14(), weights.OpenAI, `{"open_clip_config": {"model_cfg": {"quick_gelu": true}}}`, heads(clip.ViTL14(), 16, 8), ""},

		{"Hugging Face", clip.ViTL14(), weights.HuggingFace, `{"config": {"model_type": "clip", "vision_config": {"num_attention_heads": 16, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-05},
			"text_config": {"num_attention_heads": 12, "hidden_act": "quick_gelu"}}}`, clip.ViTL14(), ""},
		{"Hugging Face's defaults", vit, weights.HuggingFace, `{"config": {"model_type": "clip"}}`, vit, ""},
		{"Hugging Face, plain", vit, weights.HuggingFace, `{"config": {"model_type": "clip", "_name_or_path": "laion/CLIP-ViT-H-14", "vision_config": {"hidden_act": "gelu", "num_attention_heads": 16},
			"text_config": {"hidden_act": "gelu", "num_attention_heads": 4}}}`, heads(plain(vit), 16, 4), ""},
		{"Hugging Face, plain, OpenAI's", vit, weights.HuggingFace, `{"config": {"model_type": "clip", "_name_or_path": "openai/clip-vit-base-patch32",
			"vision_config": {"hidden_act": "gelu"}, "text_config": {"hidden_act": "gelu"}}}`, vit, mismatch},
		{"Hugging Face's vision model", vit.VisualOnly(), weights.HuggingFace, `{"config": {"model_type": "clip_vision_model", "num_attention_heads": 6, "hidden_act": "gelu"}}`,
			plain(heads(vit.VisualOnly(), 6, 0)), ""},

		{"timm, quick-GELU", vit.VisualOnly(), weights.Timm, `{"config": {"architecture": "vit_base_patch32_clip_quickgelu_224", "pretrained_cfg": {"tag": "openai"}}}`, timm(vit), ""},
		{"timm's trap", vit.VisualOnly(), weights.Timm, `{"config": {"architecture": "vit_base_patch32_clip_224", "pretrained_cfg": {"tag": "openai"}}}`, timm(vit), mismatch},
		{"timm, laion's", vit.VisualOnly(), weights.Timm, `{"config": {"architecture": "vit_base_patch32_clip_224", "pretrained_cfg": {"tag": "laion2b"}}}`, plain(timm(vit)), ""},
		{"timm, trained further", vit.VisualOnly(), weights.Timm, `{"config": {"architecture": "vit_base_patch32_clip_224", "pretrained_cfg": {"tag": "openai_ft_in1k"}}}`, plain(timm(vit)), ""},
		{"timm's ResNet has no GELU", resNet.VisualOnly(), weights.Timm, `{"config": {"architecture": "resnet50x4_clip", "pretrained_cfg": {"tag": "openai"}}}`, timm(resNet), ""},
		{"both libraries, OpenAI's names", vit, weights.OpenAI, `{"config": {"architecture": "vit_base_patch32_clip_224", "pretrained_cfg": {"tag": "openai"}},
			"open_clip_config": {"model_cfg": {"quick_gelu": true, "text_cfg": {"heads": 8}}}}`, vit, ""},
	} {
		got, warnings, err := inferCLIP(x.shapes.Shapes(), x.layout, json.RawMessage(x.side))
		if err != nil || got != models.Config(x.want) {
			t.Errorf("%s: %+v (%v), want %+v", x.name, got, err, x.want)
		}
		said := strings.Join(warnings, "; ")
		if (x.warns == "") != (said == "") || !strings.Contains(said, x.warns) {
			t.Errorf("%s: warnings %q, want %q", x.name, said, x.warns)
		}
	}
}

func TestCLIPSideErrors(t *testing.T) {
	for says, side := range map[string]string{
		"gelu_new":             `{"config": {"model_type": "clip", "vision_config": {"hidden_act": "gelu_new"}}}`,
		"text tower's gelu":    `{"config": {"model_type": "clip", "text_config": {"hidden_act": "gelu"}}}`,
		"layer_norm_eps":       `{"config": {"model_type": "clip", "vision_config": {"layer_norm_eps": 1e-6}}}`,
		"head_width 0":         `{"open_clip_config": {"model_cfg": {"vision_cfg": {"head_width": 0}}}}`,
		"multiple of heads 7":  `{"config": {"model_type": "clip", "vision_config": {"num_attention_heads": 7}}}`,
		"text_heads 9":         `{"open_clip_config": {"model_cfg": {"text_cfg": {"heads": 9}}}}`,
		"multiple of heads 13": `{"config": {"architecture": "vit_x_clip", "model_args": {"num_heads": 13}}}`,
	} {
		if c, _, err := inferCLIP(clip.ViTB32().Shapes(), weights.OpenAI, json.RawMessage(side)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s gives %+v, %v; want an error with %q", side, c, err, says)
		}
	}
	// What is no CLIP configuration at all is as if it were not there.
	for _, side := range []string{`null`, `[]`, `{"config": 3}`, `{"open_clip_config": {"model_cfg": []}}`, `{"config": {"model_type": 7, "architecture": {}}}`} {
		if _, _, err := inferCLIP(clip.ViTB32().Shapes(), weights.OpenAI, json.RawMessage(side)); err != nil && !strings.Contains(side, "model_cfg") {
			t.Errorf("%s: %v", side, err)
		}
	}
}

func TestNamesOpenAI(t *testing.T) {
	for name, want := range map[string]bool{"openai": true, "timm/resnet50x4_clip.openai": true, "hf:openai/clip-vit-base-patch32@main": true,
		"ViT-B-32-openai.safetensors": true, "a/models--openai--clip-vit-large-patch14/snapshots/1/model.safetensors": true,
		"openai_ft_in1k": false, "/data/openai/another": false, "OpenAI/clip-vit-base-patch16": true, "laion/CLIP-ViT-B-32": false, "notopenai": false, "": false, "timm/vit_base_patch16_clip_224.openai_ft_in12k": false} {
		if namesOpenAI(name) != want {
			t.Errorf("%q: %t, want %t", name, !want, want)
		}
	}
}

// TestCLIPCards: names, sizes and preprocessing of OpenAI's nine models.
func TestCLIPCards(t *testing.T) {
	sizes := map[string]int{"rn50": 224, "rn101": 224, "rn50x4": 288, "rn50x16": 384, "rn50x64": 448, "vit-b-32": 224, "vit-b-16": 224, "vit-l-14": 224, "vit-l-14-336": 336}
	for name, size := range sizes {
		card, err := Find("openai/clip-" + name)
		if err != nil {
			t.Error(err)
			continue
		}
		c := card.Config.(clip.Config)
		if want := "clip-resnet"; c.ResNet() != (card.Architecture == want) {
			t.Errorf("%s is a %s", name, card.Architecture)
		}
		spec := preprocess.CLIP224
		spec.Size = size
		err = errors.Join(c.Validate(), card.Preprocess.Validate())
		if err != nil || c.ImageSize != size || card.Preprocess.Hash() != spec.Hash() || card.Parameters != models.Parameters(c) {
			t.Errorf("%s: %v, %d pixels, %s, %d parameters", name, err, c.ImageSize, card.Preprocess, card.Parameters)
		}
		if !strings.HasSuffix(card.Source, ".openai") || card.File == "" || card.SHA256 != "" || !strings.Contains(card.Note, "SHA-256") {
			t.Errorf("%s: %s %s %q", name, card.Source, card.File, card.Note)
		}
	}
}
