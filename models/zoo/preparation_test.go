package zoo

import (
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/weights"
)

// The files are those that the publishers lay beside their weights, shortened to what is read.
const (
	hfCLIP = `"preprocessor_config": {"crop_size": 224, "do_center_crop": true, "do_normalize": true, "do_resize": true, "feature_extractor_type": "CLIPFeatureExtractor",
		"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "size": 224}`
	hfDINO = `"preprocessor_config": {"crop_size": {"height": 224, "width": 224}, "do_center_crop": true, "do_convert_rgb": true, "do_normalize": true, "do_rescale": true, "do_resize": true,
		"image_mean": [0.485, 0.456, 0.406], "image_processor_type": "BitImageProcessor", "image_std": [0.229, 0.224, 0.225], "resample": 3, "rescale_factor": 0.00392156862745098, "size": {"shortest_edge": 256}}`
	hfMAE = `"preprocessor_config": {"do_normalize": true, "do_resize": true, "feature_extractor_type": "ViTFeatureExtractor",
		"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "resample": 2, "size": 224}`
	timmNASNet = `"config": {"architecture": "nasnetalarge", "pretrained_cfg": {"input_size": [3, 331, 331], "fixed_input_size": false, "interpolation": "bicubic", "crop_pct": 0.911,
		"crop_mode": "center", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "num_classes": 1000}}`
	openCLIP = `"open_clip_config": {"model_cfg": {"embed_dim": 512}, "preprocess_cfg": {"mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]}}`
)

func TestPreprocessingFromFiles(t *testing.T) {
	usual := preprocess.CLIP224
	squashed := preprocess.Spec{Size: 224, Interpolation: "bilinear", Order: preprocess.RGBFirst, CropRounding: preprocess.Floor, Squash: true,
		Mean: preprocess.ImageNetMean, Std: preprocess.ImageNetStd}
	dino := preprocess.ImageNet224Bicubic
	dino.CropRounding = preprocess.Floor
	for _, c := range []struct {
		name, side string
		layout     weights.Layout
		want       preprocess.Spec
		from       string
	}{
		{"nothing", ``, weights.OpenAI, usual, ""},
		{"other files", `"metadata": {"format": "pt"}, "config": {"model_type": "clip"}`, weights.HuggingFace, usual, ""},
		{"Hugging Face's CLIP", hfCLIP, weights.HuggingFace, preprocess.HFCLIP224, "preprocessor_config.json"},
		{"Hugging Face's DINOv2", hfDINO, weights.HuggingFace, dino, "preprocessor_config.json"},
		{"Hugging Face's MAE", hfMAE, weights.HuggingFace, squashed, "preprocessor_config.json"},
		{"timm's NASNet", timmNASNet, weights.Timm, preprocess.NASNet331, "config.json"},
		{"open_clip", openCLIP, weights.OpenAI, preprocess.CLIP224, "open_clip_config.json"},
		{"both, in open_clip's layout", openCLIP + "," + hfCLIP, weights.OpenAI, preprocess.CLIP224, "open_clip_config.json"},
		{"both, in Hugging Face's layout", openCLIP + "," + hfCLIP, weights.HuggingFace, preprocess.HFCLIP224, "preprocessor_config.json"},
		{"timm's beside open_clip's, timm's layout", openCLIP + "," + timmNASNet, weights.Timm, preprocess.NASNet331, "config.json"},
	} {
		got, from, warnings := preprocessing(readSide([]byte("{"+c.side+"}")), c.layout, usual)
		if got.Hash() != c.want.Hash() || from != c.from || len(warnings) > 0 {
			t.Errorf("%s: from %q\n%v, want\n%v\nwarnings %v", c.name, from, got, c.want, warnings)
		}
	}
}

// TestPreprocessingVariants checks single fields against what they are documented to mean.
func TestPreprocessingVariants(t *testing.T) {
	hf := func(fields string) string {
		return `{"preprocessor_config": {"image_mean": 0.5, "image_std": [0.5, 0.5, 0.5], "resample": 3` + fields + `}}`
	}
	for _, c := range []struct {
		name, side string
		check      func(preprocess.Spec) bool
	}{
		{"short side and crop", hf(`, "size": {"shortest_edge": 300}, "crop_size": 200`), func(s preprocess.Spec) bool { return s.Resize == 300 && s.Size == 200 && !s.Squash }},
		{"crop without resize's size", hf(`, "crop_size": 200`), func(s preprocess.Spec) bool { return s.Size == 200 }},
		{"a crop that is not done", hf(`, "size": {"height": 96, "width": 96}, "crop_size": 90, "do_center_crop": false`), func(s preprocess.Spec) bool { return s.Size == 96 && s.Squash }},
		{"not normalised", hf(`, "size": {"height": 96, "width": 96}, "do_normalize": false`), func(s preprocess.Spec) bool { return s.Mean == [3]float64{} && s.Std == [3]float64{1, 1, 1} }},
		{"not rescaled", hf(`, "size": {"height": 96, "width": 96}, "do_rescale": false`), func(s preprocess.Spec) bool { return near(s.Mean[1], 0.5/255) && near(s.Std[2], 0.5/255) }},
		{"rescaled to [0, 2]", hf(`, "size": {"height": 96, "width": 96}, "rescale_factor": 0.00784313725490196`), func(s preprocess.Spec) bool { return near(s.Mean[0], 0.25) && near(s.Std[0], 0.25) }},
		{"lanczos", strings.Replace(hf(`, "crop_size": 200`), `"resample": 3`, `"resample": 1`, 1), func(s preprocess.Spec) bool { return s.Interpolation == "lanczos" }},
		{"timm squashed", `{"config": {"pretrained_cfg": {"input_size": [3, 64, 64], "crop_mode": "squash", "crop_pct": 1.0}}}`, func(s preprocess.Spec) bool { return s.Squash && s.Size == 64 && s.CropPct == 1 }},
		{"timm's defaults", `{"config": {"pretrained_cfg": {}}}`, func(s preprocess.Spec) bool { return s.CropPct == 0.875 && s.Mean == preprocess.ImageNetMean }},
		{"open_clip squashed", `{"open_clip_config": {"preprocess_cfg": {"size": [64, 64], "resize_mode": "squash", "interpolation": "bilinear"}}}`,
			func(s preprocess.Spec) bool { return s.Squash && s.Size == 64 && s.Interpolation == "bilinear" }},
	} {
		got, from, warnings := preprocessing(readSide([]byte(c.side)), weights.HuggingFace, preprocess.CLIP224)
		if from == "" || len(warnings) > 0 || !c.check(got) {
			t.Errorf("%s: from %q, %v, warnings %v", c.name, from, got, warnings)
		}
	}
}

func near(a, b float64) bool { return a-b < 1e-12 && b-a < 1e-12 }

// TestPreprocessingThatCannotBeDone: the usual one is used, and a warning says why and from which file.
func TestPreprocessingThatCannotBeDone(t *testing.T) {
	for name, side := range map[string]string{
		"not cut to a square":  `"preprocessor_config": {"size": {"shortest_edge": 224}, "image_mean": 0.5, "image_std": 0.5}`,
		"no size":              `"preprocessor_config": {"image_mean": 0.5, "image_std": 0.5}`,
		"not square":           `"preprocessor_config": {"size": {"height": 200, "width": 224}, "image_mean": 0.5, "image_std": 0.5}`,
		"no resize":            `"preprocessor_config": {"size": 224, "do_resize": false, "crop_size": 224, "image_mean": 0.5, "image_std": 0.5}`,
		"unknown filter":       `"preprocessor_config": {"size": 224, "crop_size": 224, "resample": 5, "image_mean": 0.5, "image_std": 0.5}`,
		"no mean":              `"preprocessor_config": {"size": 224, "crop_size": 224, "image_std": 0.5}`,
		"a mean of two":        `"preprocessor_config": {"size": 224, "crop_size": 224, "image_mean": [1, 2], "image_std": 0.5}`,
		"a deviation of 0":     `"preprocessor_config": {"size": 224, "crop_size": 224, "image_mean": 0.5, "image_std": 0}`,
		"a crop of nothing":    `"preprocessor_config": {"size": 224, "crop_size": -3, "image_mean": 0.5, "image_std": 0.5}`,
		"timm not square":      `"config": {"pretrained_cfg": {"input_size": [3, 200, 224]}}`,
		"timm grey":            `"config": {"pretrained_cfg": {"input_size": [1, 28, 28]}}`,
		"timm border":          `"config": {"pretrained_cfg": {"crop_mode": "border"}}`,
		"timm unknown filter":  `"config": {"pretrained_cfg": {"interpolation": "random"}}`,
		"open_clip longest":    `"open_clip_config": {"preprocess_cfg": {"resize_mode": "longest"}}`,
		"open_clip not square": `"open_clip_config": {"preprocess_cfg": {"size": [224, 200]}}`,
		"open_clip huge":       `"open_clip_config": {"preprocess_cfg": {"size": 1000000}}`,
	} {
		got, from, warnings := preprocessing(readSide([]byte("{"+side+"}")), weights.HuggingFace, preprocess.CLIP224)
		file, _, _ := strings.Cut(strings.TrimPrefix(side, `"`), `"`)
		if from != "" || got.Hash() != preprocess.CLIP224.Hash() || len(warnings) != 1 || !strings.Contains(warnings[0], file+".json is not used") {
			t.Errorf("%s: from %q, %v, warnings %v", name, from, got, warnings)
		}
	}
}

// FuzzPreprocessing reads files of any content: nothing panics, and what comes out can be used.
func FuzzPreprocessing(f *testing.F) {
	for _, side := range []string{hfCLIP, hfDINO, hfMAE, timmNASNet, openCLIP, openCLIP + "," + hfCLIP + "," + timmNASNet} {
		f.Add([]byte("{" + side + "}"))
	}
	f.Fuzz(func(t *testing.T, side []byte) {
		for _, layout := range []weights.Layout{weights.HuggingFace, weights.Timm, weights.OpenAI} {
			spec, from, _ := preprocessing(readSide(side), layout, preprocess.ImageNet224)
			if err := spec.Validate(); err != nil || from == "" && spec.Hash() != preprocess.ImageNet224.Hash() {
				t.Errorf("from %q: %v, %v", from, spec, err)
			}
		}
	})
}
