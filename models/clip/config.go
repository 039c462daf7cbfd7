package clip

import (
	"fmt"
	"strconv"
)

// Config is the architecture of a CLIP, or of its image tower alone: then all fields of the text are 0. The image tower is
// a vision transformer or, where Stages is given, OpenAI's modified ResNet. All fields follow from a checkpoint's tensor
// shapes (see Infer) except the head counts, which are width/64 in nearly every published model, and the activation.
//
// It is comparable, and the JSON of a model with a vision transformer and a text has the same fields as ever.
type Config struct {
	// EmbedDim is the length of the embeddings; 0 for a vision transformer alone whose projection was taken off, as
	// Hugging Face's CLIPVisionModel: its output is the class token after the last layer norm.
	EmbedDim int `json:"embed_dim"`

	ImageSize int `json:"image_size"`           // pixels on a side
	Patch     int `json:"patch_size,omitempty"` // pixels on a side; 0 for a ResNet
	Width     int `json:"width"`                // of the transformer, or of the ResNet's stem: 64 for RN50, 80 for RN50x4
	Layers    int `json:"layers,omitempty"`     // blocks of the vision transformer; 0 for a ResNet
	Heads     int `json:"heads"`                // of a block's attention, or of the ResNet's attention pool

	// Stages are the bottleneck blocks in each stage of a ResNet, {3, 4, 6, 3} for RN50; all 0 for a vision transformer.
	Stages [4]int `json:"stages,omitzero"`

	Context    int `json:"context_length,omitempty"` // tokens, start and end included
	Vocab      int `json:"vocab_size,omitempty"`
	TextWidth  int `json:"text_width,omitempty"`
	TextLayers int `json:"text_layers,omitempty"` // 0 where there is no text tower
	TextHeads  int `json:"text_heads,omitempty"`

	// MLP and TextMLP are the widths inside the feed-forward layers of the vision transformer and of the text; 0 stands for
	// four times the width, which all of OpenAI's models have.
	MLP     int `json:"mlp_width,omitempty"`
	TextMLP int `json:"text_mlp_width,omitempty"`

	// Antialias resamples a vision transformer's position grid for other picture sizes with antialiasing, as timm and
	// open_clip do; Hugging Face's CLIP does without. A ResNet's attention pool is always resampled with it, because only
	// timm resamples it at all.
	Antialias bool `json:"antialias,omitempty"`

	// ExactGELU is GELU with the error function; OpenAI's models use quick-GELU. A ResNet has it in its text tower only.
	ExactGELU bool `json:"exact_gelu,omitempty"`
}

// LayerNormEps is the epsilon of every layer norm in CLIP.
const LayerNormEps = 1e-5

// ViTB32 is OpenAI's ViT-B/32 at 224 pixels, 151,277,313 parameters.
func ViTB32() Config {
	return Config{EmbedDim: 512, ImageSize: 224, Patch: 32, Width: 768, Layers: 12, Heads: 12,
		Context: 77, Vocab: 49408, TextWidth: 512, TextLayers: 12, TextHeads: 8}
}

// ViTB16 is OpenAI's ViT-B/16 at 224 pixels, 149,620,737 parameters.
func ViTB16() Config {
	c := ViTB32()
	c.Patch = 16
	return c
}

// ViTL14 is OpenAI's ViT-L/14 at 224 pixels, 427,616,513 parameters.
func ViTL14() Config {
	return Config{EmbedDim: 768, ImageSize: 224, Patch: 14, Width: 1024, Layers: 24, Heads: 16,
		Context: 77, Vocab: 49408, TextWidth: 768, TextLayers: 12, TextHeads: 12}
}

// ViTL14At336 is OpenAI's ViT-L/14 trained on at 336 pixels, 427,944,193 parameters.
func ViTL14At336() Config {
	c := ViTL14()
	c.ImageSize = 336
	return c
}

// resNet is OpenAI's ResNet of a stem width; its heads are 64 channels wide.
func resNet(width int, stages [4]int, size, embed, text int) Config {
	return Config{EmbedDim: embed, ImageSize: size, Width: width, Heads: width / 2, Stages: stages,
		Context: 77, Vocab: 49408, TextWidth: text, TextLayers: 12, TextHeads: text / 64}
}

// RN50 is OpenAI's RN50 at 224 pixels, 102,007,137 parameters.
func RN50() Config { return resNet(64, [4]int{3, 4, 6, 3}, 224, 1024, 512) }

// RN101 is OpenAI's RN101 at 224 pixels, 119,688,033 parameters.
func RN101() Config { return resNet(64, [4]int{3, 4, 23, 3}, 224, 512, 512) }

// RN50x4 is OpenAI's RN50x4 at 288 pixels, 178,300,601 parameters: the model of Goh et al. (2021).
func RN50x4() Config { return resNet(80, [4]int{4, 6, 10, 6}, 288, 640, 640) }

// RN50x16 is OpenAI's RN50x16 at 384 pixels, 290,979,217 parameters.
func RN50x16() Config { return resNet(96, [4]int{6, 8, 18, 8}, 384, 768, 768) }

// RN50x64 is OpenAI's RN50x64 at 448 pixels, 623,258,305 parameters.
func RN50x64() Config { return resNet(128, [4]int{3, 15, 36, 10}, 448, 1024, 1024) }

// ResNet tells whether the image tower is a ResNet.
func (c Config) ResNet() bool { return c.Stages != [4]int{} }

// HasText tells whether there is a text tower.
func (c Config) HasText() bool { return c.TextLayers > 0 }

// VisualOnly is the image tower of c alone.
func (c Config) VisualOnly() Config {
	c.Context, c.Vocab, c.TextWidth, c.TextLayers, c.TextHeads, c.TextMLP = 0, 0, 0, 0, 0, 0
	return c
}

// mlp and textMLP are the widths inside the feed-forward layers.
func (c Config) mlp() int     { return orFourTimes(c.MLP, c.Width) }
func (c Config) textMLP() int { return orFourTimes(c.TextMLP, c.TextWidth) }

func orFourTimes(n, width int) int {
	if n == 0 {
		return 4 * width
	}
	return n
}

// Grid is the number of positions on a side that the image tower has position vectors for: the patches of a vision
// transformer, or the last map of a ResNet, which is 32 times smaller than the picture.
func (c Config) Grid() int {
	if c.ResNet() {
		return c.ImageSize / reduction
	}
	return c.ImageSize / c.Patch
}

// Tokens is the number of tokens: one (the class token, or the mean over the last map of a ResNet) and the positions.
func (c Config) Tokens() int { return 1 + c.Grid()*c.Grid() }

// Validate says what is wrong with a configuration.
func (c Config) Validate() error {
	type field struct {
		name string
		v    int
	}
	want := []field{{"image_size", c.ImageSize}, {"width", c.Width}, {"heads", c.Heads}}
	zero := []field{}
	switch {
	case c.ResNet():
		for i, n := range c.Stages {
			want = append(want, field{fmt.Sprintf("stages[%d]", i), n})
		}
		zero = append(zero, field{"patch_size of a ResNet", c.Patch}, field{"layers of a ResNet", c.Layers}, field{"mlp_width of a ResNet", c.MLP})
	default:
		want = append(want, field{"patch_size", c.Patch}, field{"layers", c.Layers})
	}
	if c.ResNet() || c.TextLayers != 0 || c.EmbedDim != 0 {
		want = append(want, field{"embed_dim", c.EmbedDim})
	}
	text := []field{{"context_length", c.Context}, {"vocab_size", c.Vocab}, {"text_width", c.TextWidth}, {"text_heads", c.TextHeads}}
	optional := []field{{"mlp_width", c.MLP}, {"text_mlp_width", c.TextMLP}}
	if c.TextLayers != 0 {
		want = append(append(want, field{"text_layers", c.TextLayers}), text...)
	} else {
		for _, f := range append(text, field{"text_mlp_width", c.TextMLP}) {
			zero = append(zero, field{f.name + " without text_layers", f.v})
		}
	}
	for _, f := range want {
		if f.v <= 0 {
			return fmt.Errorf("clip: %s is %d, want a positive number", f.name, f.v)
		}
	}
	for _, f := range optional {
		if f.v < 0 {
			return fmt.Errorf("clip: %s is %d, want 0 or a positive number", f.name, f.v)
		}
	}
	for _, f := range zero {
		if f.v != 0 {
			return fmt.Errorf("clip: %s is %d, want 0", f.name, f.v)
		}
	}
	if c.TextLayers != 0 && c.TextWidth%c.TextHeads != 0 {
		return fmt.Errorf("clip: text_width %d must be a multiple of text_heads %d", c.TextWidth, c.TextHeads)
	}
	if c.ResNet() {
		return c.validateResNet()
	}
	if c.ImageSize < c.Patch {
		return fmt.Errorf("clip: image_size %d is smaller than a patch of %d", c.ImageSize, c.Patch)
	}
	if c.Width%c.Heads != 0 {
		return fmt.Errorf("clip: width %d must be a multiple of heads %d", c.Width, c.Heads)
	}
	return nil
}

// Shapes maps the name of every weight to its dimensions, as in OpenAI's state dict. The counters num_batches_tracked of
// batch normalisation are no weights and are left out.
func (c Config) Shapes() map[string][]int {
	s := map[string][]int{}
	if c.ResNet() {
		c.resNetShapes(s)
	} else {
		c.transformerShapes(s)
	}
	if c.HasText() {
		s["logit_scale"] = []int{}
		s["positional_embedding"] = []int{c.Context, c.TextWidth}
		s["text_projection"] = []int{c.TextWidth, c.EmbedDim}
		s["token_embedding.weight"] = []int{c.Vocab, c.TextWidth}
		s["ln_final.weight"], s["ln_final.bias"] = []int{c.TextWidth}, []int{c.TextWidth}
		blockShapes(s, "", c.TextLayers, c.TextWidth, c.textMLP())
	}
	return s
}

func (c Config) transformerShapes(s map[string][]int) {
	s["visual.class_embedding"] = []int{c.Width}
	s["visual.conv1.weight"] = []int{c.Width, 3, c.Patch, c.Patch}
	s["visual.positional_embedding"] = []int{c.Tokens(), c.Width}
	if c.EmbedDim > 0 {
		s["visual.proj"] = []int{c.Width, c.EmbedDim}
	}
	for _, ln := range []string{"visual.ln_pre", "visual.ln_post"} {
		s[ln+".weight"], s[ln+".bias"] = []int{c.Width}, []int{c.Width}
	}
	blockShapes(s, "visual.", c.Layers, c.Width, c.mlp())
}

// blockShapes adds the weights of a transformer's blocks of width w with feed-forward layers of width m.
func blockShapes(s map[string][]int, prefix string, layers, w, m int) {
	for l := range layers {
		p := prefix + "transformer.resblocks." + strconv.Itoa(l) + "."
		s[p+"attn.in_proj_weight"], s[p+"attn.in_proj_bias"] = []int{3 * w, w}, []int{3 * w}
		s[p+"attn.out_proj.weight"], s[p+"attn.out_proj.bias"] = []int{w, w}, []int{w}
		s[p+"mlp.c_fc.weight"], s[p+"mlp.c_fc.bias"] = []int{m, w}, []int{m}
		s[p+"mlp.c_proj.weight"], s[p+"mlp.c_proj.bias"] = []int{w, m}, []int{w}
		for _, ln := range []string{"ln_1", "ln_2"} {
			s[p+ln+".weight"], s[p+ln+".bias"] = []int{w}, []int{w}
		}
	}
}
