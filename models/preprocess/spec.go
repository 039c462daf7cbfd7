package preprocess

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"math"

	"github.com/ventral-lab/ventral/internal/pillow"
)

// When a picture becomes RGB.
const (
	// ResizeFirst resizes the picture as it was opened: palette and one-bit pictures by nearest neighbour,
	// RGBA with premultiplied colours, CMYK as four channels. OpenAI's CLIP and open_clip.
	ResizeFirst = "resize-first"
	// RGBFirst converts first and drops alpha. torchvision's recipes, timm, Hugging Face 4.57.
	RGBFirst = "rgb-first"
	// RGBFirstWhite converts first and lays transparent pictures over white. Hugging Face 5.23.
	RGBFirstWhite = "rgb-first-white"
)

// How the corner of the crop, (side - Size) / 2, is rounded.
const (
	HalfEven = "half-even" // torchvision: Python's round
	Floor    = "floor"     // Hugging Face: integer division
)

// How 16-bit grey is read.
const (
	HighByte = "high-byte" // v >> 8
	Clip     = "clip"      // min(v, 255), as Pillow does it
)

// Spec states how a picture becomes a model's input. The zero values of the fields marked optional are the usual
// choice.
type Spec struct {
	Name          string     `json:"name,omitempty"`     // for people; not part of Hash
	Size          int        `json:"size"`               // side of the network's square input, in pixels
	CropPct       float64    `json:"crop_pct,omitempty"` // optional: short side = floor(Size/CropPct); 0 = Size
	Resize        int        `json:"resize,omitempty"`   // optional: the short side in pixels, instead of CropPct
	Interpolation string     `json:"interpolation"`      // nearest, box, bilinear, bicubic or lanczos
	Order         string     `json:"order"`              // ResizeFirst, RGBFirst or RGBFirstWhite
	CropRounding  string     `json:"crop_rounding"`      // HalfEven or Floor
	Grey16        string     `json:"grey16,omitempty"`   // optional: HighByte (default) or Clip
	Squash        bool       `json:"squash,omitempty"`   // resize both sides to the target, changing the shape
	Mean          [3]float64 `json:"mean"`               // of values in [0, White], for R, G, B
	Std           [3]float64 `json:"std"`                // likewise
	White         float64    `json:"white,omitempty"`    // optional: the value of level 255 before Mean and Std: 1 (default) or 255
	BGR           bool       `json:"bgr,omitempty"`      // the tensor's channels are B, G, R
}

// The constants the models were trained with.
var (
	CLIPMean     = [3]float64{0.48145466, 0.4578275, 0.40821073} // openai/CLIP, clip.py
	CLIPStd      = [3]float64{0.26862954, 0.26130258, 0.27577711}
	ImageNetMean = [3]float64{0.485, 0.456, 0.406} // torchvision
	ImageNetStd  = [3]float64{0.229, 0.224, 0.225}
	HalfMean     = [3]float64{0.5, 0.5, 0.5} // TensorFlow's inception preprocessing: values in [-1, 1]
	HalfStd      = [3]float64{0.5, 0.5, 0.5}
	CaffeMean    = [3]float64{123.68, 116.779, 103.939} // Caffe's VGG (Simonyan and Zisserman), of levels 0 to 255, for R, G, B
)

// The presets.
var (
	// CLIP224 is OpenAI's and open_clip's preprocessing of the 224-pixel CLIP models.
	CLIP224 = Spec{Name: "clip224", Size: 224, Interpolation: "bicubic", Order: ResizeFirst, CropRounding: HalfEven, Mean: CLIPMean, Std: CLIPStd}
	// HFCLIP224 is Hugging Face's CLIPImageProcessor (transformers 4.57).
	HFCLIP224 = Spec{Name: "hf-clip224", Size: 224, Interpolation: "bicubic", Order: RGBFirst, CropRounding: Floor, Mean: CLIPMean, Std: CLIPStd}
	// ImageNet224 is torchvision's recipe for its classifiers, VGG-19 among them: 256 bilinear, crop 224.
	ImageNet224 = Spec{Name: "imagenet224", Size: 224, Resize: 256, Interpolation: "bilinear", Order: RGBFirst, CropRounding: HalfEven, Mean: ImageNetMean, Std: ImageNetStd}
	// ImageNet224Bicubic is the evaluation of DINOv2 and MAE: 256 bicubic, crop 224.
	ImageNet224Bicubic = Spec{Name: "imagenet224-bicubic", Size: 224, Resize: 256, Interpolation: "bicubic", Order: RGBFirst, CropRounding: HalfEven, Mean: ImageNetMean, Std: ImageNetStd}
	// NASNet331 is timm's for nasnetalarge: floor(331/.911) = 363 bicubic, crop 331.
	NASNet331 = Spec{Name: "nasnet331", Size: 331, CropPct: 0.911, Interpolation: "bicubic", Order: RGBFirst, CropRounding: HalfEven, Mean: HalfMean, Std: HalfStd}
	// Caffe224 is Keras' for its VGGs: load_img to 224x224, by nearest neighbour and without keeping the shape as it does
	// unless told otherwise, then preprocess_input in mode "caffe": B, G, R, Caffe's means subtracted, no scaling.
	Caffe224 = Spec{Name: "caffe224", Size: 224, Interpolation: "nearest", Order: RGBFirst, CropRounding: HalfEven, Squash: true,
		Mean: CaffeMean, Std: [3]float64{1, 1, 1}, White: 255, BGR: true}
)

// Plain is the preprocessing of the small networks: the short side goes to size by bicubic resize, the middle
// square is cut out, transparent pictures stand on white. Without constants the values lie in [-1, 1]; two
// triples, such as CLIPMean and CLIPStd, are used as mean and standard deviation.
func Plain(size int, constants ...[3]float64) Spec {
	s := Spec{Name: fmt.Sprintf("plain%d", size), Size: size, Interpolation: "bicubic", Order: RGBFirstWhite, CropRounding: HalfEven, Mean: HalfMean, Std: HalfStd}
	if len(constants) >= 2 {
		s.Mean, s.Std = constants[0], constants[1]
	}
	return s
}

// Presets lists the presets by name.
func Presets() []Spec {
	return []Spec{CLIP224, HFCLIP224, ImageNet224, ImageNet224Bicubic, NASNet331, Caffe224}
}

// Named returns the preset of that name; "plainN" is Plain(N).
func Named(name string) (Spec, error) {
	names := ""
	for _, s := range Presets() {
		if s.Name == name {
			return s, nil
		}
		names += s.Name + ", "
	}
	var size int
	if n, _ := fmt.Sscanf(name, "plain%d", &size); n == 1 && name == fmt.Sprintf("plain%d", size) {
		s := Plain(size)
		return s, s.Validate()
	}
	return Spec{}, fmt.Errorf("preprocess: no preset %q: use one of %splainN", name, names)
}

// WithSize returns the spec for another input size, keeping the ratio of the resized side to the crop.
func (s Spec) WithSize(size int) Spec {
	if s.Resize != 0 && s.Size != 0 {
		s.Resize = int(math.Floor(float64(s.Resize) * float64(size) / float64(s.Size)))
	}
	s.Name = fmt.Sprintf("%s@%d", s.Name, size)
	s.Size = size
	return s
}

// maxSize bounds the input side: no published vision model reads more than 1024 pixels, and 4096 keeps the tensor
// of one picture at 200 MB.
const maxSize = 4096

// Validate says what is wrong with the spec, if anything.
func (s Spec) Validate() error {
	fail := func(format string, a ...any) error {
		return fmt.Errorf("preprocess: spec %q: %s", s.Name, fmt.Sprintf(format, a...))
	}
	if s.Size < 1 || s.Size > maxSize {
		return fail("size %d: it must lie between 1 and %d", s.Size, maxSize)
	}
	if !(s.CropPct >= 0 && s.CropPct <= 1) {
		return fail("crop_pct %v: it must lie in (0, 1], or be 0 for a resize to size itself", s.CropPct)
	}
	if s.Resize != 0 && s.CropPct != 0 {
		return fail("both resize (%d) and crop_pct (%v) are given: keep one", s.Resize, s.CropPct)
	}
	if t := s.target(); t < s.Size || t > 4*maxSize {
		return fail("the picture is resized to %d pixels for a crop of %d: it must lie between the crop and %d", t, s.Size, 4*maxSize)
	}
	if _, err := pillow.ParseFilter(s.Interpolation); err != nil {
		return fail("interpolation: %v", err)
	}
	switch s.Order {
	case ResizeFirst, RGBFirst, RGBFirstWhite:
	default:
		return fail("order %q: use %s, %s or %s", s.Order, ResizeFirst, RGBFirst, RGBFirstWhite)
	}
	switch s.CropRounding {
	case HalfEven, Floor:
	default:
		return fail("crop_rounding %q: use %s or %s", s.CropRounding, HalfEven, Floor)
	}
	switch s.Grey16 {
	case "", HighByte, Clip:
	default:
		return fail("grey16 %q: use %s or %s", s.Grey16, HighByte, Clip)
	}
	if s.White != 0 && s.White != 1 && s.White != 255 {
		return fail("white %v: level 255 becomes 1 or 255", s.White)
	}
	for c := range 3 {
		if math.IsNaN(s.Mean[c]) || math.IsInf(s.Mean[c], 0) {
			return fail("mean %v is not finite", s.Mean)
		}
		if f := float32(s.Std[c]); !(f > 0) || math.IsInf(float64(f), 0) {
			return fail("std %v: every value must be positive and finite", s.Std)
		}
	}
	return nil
}

// hashVersion changes when the same fields come to mean other pixels.
const hashVersion = "ventral preprocess 1\n"

// Hash identifies what the spec does: SHA-256, in hexadecimal, of its fields without the name and with the optional
// ones filled in. It is what a recording keeps of its preprocessing.
func (s Spec) Hash() string {
	s.Name, s.Resize, s.CropPct = "", s.target(), 0
	if s.Grey16 == "" {
		s.Grey16 = HighByte
	}
	if s.White == 1 {
		s.White = 0 // the default has no field, so that specs from before there was one keep their hash
	}
	b, err := json.Marshal(s)
	if err != nil { // NaN or infinite constants: still one string a value
		b = fmt.Appendf(nil, "%#v", s)
	}
	sum := sha256.Sum256(append([]byte(hashVersion), b...))
	return hex.EncodeToString(sum[:])
}

// String is the spec in one line.
func (s Spec) String() string {
	fit := "short side"
	if s.Squash {
		fit = "both sides"
	}
	text := fmt.Sprintf("%s: %s to %d %s, crop %d (%s), %s, mean %v, std %v", s.Name, fit, s.target(), s.Interpolation, s.Size, s.CropRounding, s.Order, s.Mean, s.Std)
	if s.White == 255 {
		text += ", white 255"
	}
	if s.BGR {
		text += ", channels B, G, R"
	}
	return text
}

// white is the value of level 255 before the normalisation.
func (s Spec) white() float64 {
	if s.White == 0 {
		return 1
	}
	return s.White
}

// channel is the place in the tensor of colour c, 0 for R to 2 for B.
func (s Spec) channel(c int) int {
	if s.BGR {
		return 2 - c
	}
	return c
}

// target is the length of the resized short side (or of both, squashed).
func (s Spec) target() int {
	switch {
	case s.Resize != 0:
		return s.Resize
	case s.CropPct > 0:
		return int(math.Floor(float64(s.Size) / s.CropPct)) // timm.data.transforms_factory
	default:
		return s.Size
	}
}

// Geometry returns the size to which a w x h picture is resized and the crop taken from it.
func (s Spec) Geometry(w, h int) (rw, rh int, crop image.Rectangle) {
	t := s.target()
	switch {
	case s.Squash:
		rw, rh = t, t
	case w <= h:
		rw, rh = t, int(int64(t)*int64(h)/int64(w))
	default:
		rw, rh = int(int64(t)*int64(w)/int64(h)), t
	}
	x, y := s.offset(rw), s.offset(rh)
	return rw, rh, image.Rect(x, y, x+s.Size, y+s.Size)
}

func (s Spec) offset(side int) int {
	d := side - s.Size
	if s.CropRounding == Floor || d%2 == 0 {
		return d / 2
	}
	return (d/2 + 1) &^ 1 // half to even: 0.5 -> 0, 1.5 -> 2, 2.5 -> 2, 3.5 -> 4
}
