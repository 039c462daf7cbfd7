package zoo

import (
	"fmt"

	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/weights"
)

// preprocessing reads from the files beside a checkpoint how its pictures are prepared. from names the file, "" where none
// says it and usual is returned; warnings say what a file wants that cannot be done. Where several say it, the one of
// the checkpoint's own library counts.
func preprocessing(s sides, layout weights.Layout, usual preprocess.Spec) (spec preprocess.Spec, from string, warnings []string) {
	type reader struct {
		file string
		has  bool
		read func(sides, preprocess.Spec) (preprocess.Spec, error)
	}
	hf := reader{"preprocessor_config.json", s.has("preprocessor_config"), fromProcessor}
	timm := reader{"config.json", s.has("config.pretrained_cfg"), fromTimm}
	openCLIP := reader{"open_clip_config.json", s.has("open_clip_config.preprocess_cfg"), fromOpenCLIP}
	order := []reader{hf, timm, openCLIP}
	switch layout {
	case weights.OpenAI:
		order = []reader{openCLIP, hf, timm}
	case weights.Timm, weights.Torchvision:
		order = []reader{timm, openCLIP, hf}
	}
	for _, r := range order {
		if !r.has {
			continue
		}
		spec, err := r.read(s, usual)
		if err == nil {
			spec.Name = fmt.Sprintf("%s %d", r.file, spec.Size)
			err = spec.Validate()
		}
		if err == nil {
			return spec, r.file, warnings
		}
		warnings = append(warnings, fmt.Sprintf("the preprocessing in %s is not used: %v", r.file, err))
	}
	return usual, "", warnings
}

// fromTimm reads pretrained_cfg as timm's data config does (timm.data.resolve_data_config, transforms_factory).
func fromTimm(s sides, spec preprocess.Spec) (preprocess.Spec, error) {
	const at = "config.pretrained_cfg."
	out := preprocess.Spec{Size: spec.Size, Interpolation: "bicubic", Order: preprocess.RGBFirst, CropRounding: preprocess.HalfEven,
		CropPct: 0.875, Mean: preprocess.ImageNetMean, Std: preprocess.ImageNetStd} // timm's defaults
	if size, ok := s.integers(at + "input_size"); ok {
		if len(size) != 3 || size[0] != 3 || size[1] != size[2] {
			return spec, fmt.Errorf("input_size %v: want [3, n, n]", size)
		}
		out.Size = size[1]
	}
	if x, ok := s.number(at + "crop_pct"); ok {
		out.CropPct = x
	}
	if x, ok := s.text(at + "interpolation"); ok {
		out.Interpolation = x
	}
	switch mode, _ := s.text(at + "crop_mode"); mode {
	case "", "center":
	case "squash":
		out.Squash = true
	default:
		return spec, fmt.Errorf("crop_mode %q: only center and squash are done", mode)
	}
	return constants(s, out, at+"mean", at+"std")
}

// fromOpenCLIP reads preprocess_cfg (open_clip.transform.PreprocessCfg and its defaults).
func fromOpenCLIP(s sides, spec preprocess.Spec) (preprocess.Spec, error) {
	const at = "open_clip_config.preprocess_cfg."
	out := preprocess.Spec{Size: spec.Size, Interpolation: "bicubic", Order: preprocess.ResizeFirst, CropRounding: preprocess.HalfEven,
		Mean: preprocess.CLIPMean, Std: preprocess.CLIPStd}
	if size, ok := s.integers(at + "size"); ok {
		if len(size) > 2 || len(size) == 0 || size[0] != size[len(size)-1] {
			return spec, fmt.Errorf("size %v: want one number or two equal ones", size)
		}
		out.Size = size[0]
	}
	if x, ok := s.text(at + "interpolation"); ok {
		out.Interpolation = x
	}
	switch mode, _ := s.text(at + "resize_mode"); mode {
	case "", "shortest":
	case "squash":
		out.Squash = true
	default:
		return spec, fmt.Errorf("resize_mode %q: only shortest and squash are done", mode)
	}
	return constants(s, out, at+"mean", at+"std")
}

// resample are Pillow's numbers of its filters, which Hugging Face's files use.
var resample = map[int]string{0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box"}

// fromProcessor reads Hugging Face's preprocessor_config.json. Whether a plain "size" is the short side or both depends on
// the processor's class: ViT and DeiT processors change the shape, those of CLIP and DINOv2 (Bit) do not.
func fromProcessor(s sides, spec preprocess.Spec) (preprocess.Spec, error) {
	const at = "preprocessor_config."
	out := preprocess.Spec{Size: spec.Size, Interpolation: spec.Interpolation, Order: preprocess.RGBFirst, CropRounding: preprocess.Floor}
	if n, ok := s.integer(at + "resample"); ok {
		if out.Interpolation, ok = resample[n]; !ok {
			return spec, fmt.Errorf("resample %d: no filter of that number is known", n)
		}
	}
	class, _ := s.text(at + "image_processor_type")
	if class == "" {
		class, _ = s.text(at + "feature_extractor_type")
	}
	edge, squash, err := processorSize(s, at+"size", square[class])
	if err != nil {
		return spec, err
	}
	crop, _, err := processorSize(s, at+"crop_size", true)
	if err != nil {
		return spec, err
	}
	if do, ok := s.flag(at + "do_resize"); ok && !do {
		return spec, fmt.Errorf("do_resize is false: pictures of any size cannot be taken as they are")
	}
	if do, ok := s.flag(at + "do_center_crop"); ok && !do || !s.has(at+"crop_size") {
		crop = 0
	}
	switch {
	case edge == 0 && crop == 0:
		return spec, fmt.Errorf("it names no size")
	case crop == 0 && !squash:
		return spec, fmt.Errorf("the short side becomes %d pixels and nothing is cut: the network's input would differ from picture to picture", edge)
	case crop == 0:
		out.Size, out.Squash = edge, true
	case edge == 0:
		out.Size = crop
	default:
		out.Size, out.Resize, out.Squash = crop, edge, squash
	}
	if out, err = constants(s, out, at+"image_mean", at+"image_std"); err != nil {
		return spec, err
	}
	if do, ok := s.flag(at + "do_normalize"); ok && !do {
		out.Mean, out.Std = [3]float64{}, [3]float64{1, 1, 1}
	}
	factor := 1.0 / 255
	if f, ok := s.number(at + "rescale_factor"); ok && f > 0 {
		factor = f
	}
	if do, ok := s.flag(at + "do_rescale"); ok && !do {
		factor = 1
	}
	if unit := 255 * factor; unit < 0.999999 || unit > 1.000001 { // (v·factor - mean)/std in terms of v/255
		for c := range 3 {
			out.Mean[c] /= unit
			out.Std[c] /= unit
		}
	}
	return out, nil
}

// square are the processors whose plain "size" is both sides.
var square = map[string]bool{"ViTImageProcessor": true, "ViTFeatureExtractor": true, "ViTImageProcessorFast": true,
	"DeiTImageProcessor": true, "DeiTFeatureExtractor": true, "DeiTImageProcessorFast": true}

// processorSize reads a size: a number, {"shortest_edge": n} or {"height": n, "width": n}; 0 where there is none.
func processorSize(s sides, path string, plainIsSquare bool) (n int, squash bool, err error) {
	if n, ok := s.integer(path); ok {
		return n, plainIsSquare, nil
	}
	if n, ok := s.integer(path + ".shortest_edge"); ok {
		return n, false, nil
	}
	h, ok := s.integer(path + ".height")
	w, ok2 := s.integer(path + ".width")
	switch {
	case !ok && !ok2 && !s.has(path):
		return 0, false, nil
	case ok && h == w && ok2:
		return h, true, nil
	}
	return 0, false, fmt.Errorf("%s is no number, no shortest_edge and no square", path)
}

// constants reads mean and std over those of out; one number counts for all channels.
func constants(s sides, out preprocess.Spec, mean, std string) (preprocess.Spec, error) {
	for _, c := range []struct {
		path string
		to   *[3]float64
	}{{mean, &out.Mean}, {std, &out.Std}} {
		v, ok := s.triple(c.path)
		switch {
		case ok:
			*c.to = v
		case s.has(c.path):
			return out, fmt.Errorf("%s is not three numbers", c.path)
		case *c.to == [3]float64{}:
			return out, fmt.Errorf("%s is missing", c.path)
		}
	}
	return out, nil
}
