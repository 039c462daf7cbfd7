package clip

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Config is the architecture of a CLIP with a vision transformer. All fields follow from a checkpoint's tensor shapes
// (see Infer) except the head counts, which are width/64 in every published model, and the activation.
type Config struct {
	EmbedDim int `json:"embed_dim"`

	ImageSize int `json:"image_size"` // pixels on a side
	Patch     int `json:"patch_size"` // pixels on a side
	Width     int `json:"width"`
	Layers    int `json:"layers"`
	Heads     int `json:"heads"`

	Context    int `json:"context_length"` // tokens, start and end included
	Vocab      int `json:"vocab_size"`
	TextWidth  int `json:"text_width"`
	TextLayers int `json:"text_layers"`
	TextHeads  int `json:"text_heads"`

	ExactGELU bool `json:"exact_gelu,omitempty"` // GELU with the error function; OpenAI's models use quick-GELU
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

// Grid is the number of patches on a side.
func (c Config) Grid() int { return c.ImageSize / c.Patch }

// Tokens is the number of image tokens: the class token and the patches.
func (c Config) Tokens() int { return 1 + c.Grid()*c.Grid() }

// Validate says what is wrong with a configuration.
func (c Config) Validate() error {
	for _, f := range []struct {
		name string
		v    int
	}{{"embed_dim", c.EmbedDim}, {"image_size", c.ImageSize}, {"patch_size", c.Patch}, {"width", c.Width}, {"layers", c.Layers},
		{"heads", c.Heads}, {"context_length", c.Context}, {"vocab_size", c.Vocab}, {"text_width", c.TextWidth},
		{"text_layers", c.TextLayers}, {"text_heads", c.TextHeads}} {
		if f.v <= 0 {
			return fmt.Errorf("clip: %s is %d, want a positive number", f.name, f.v)
		}
	}
	if c.ImageSize < c.Patch {
		return fmt.Errorf("clip: image_size %d is smaller than a patch of %d", c.ImageSize, c.Patch)
	}
	if c.Width%c.Heads != 0 || c.TextWidth%c.TextHeads != 0 {
		return fmt.Errorf("clip: widths %d and %d must be multiples of their head counts %d and %d", c.Width, c.TextWidth, c.Heads, c.TextHeads)
	}
	return nil
}

// Shapes maps the name of every weight to its dimensions, as in OpenAI's state dict.
func (c Config) Shapes() map[string][]int {
	s := map[string][]int{
		"logit_scale":                 {},
		"positional_embedding":        {c.Context, c.TextWidth},
		"text_projection":             {c.TextWidth, c.EmbedDim},
		"token_embedding.weight":      {c.Vocab, c.TextWidth},
		"ln_final.weight":             {c.TextWidth},
		"ln_final.bias":               {c.TextWidth},
		"visual.class_embedding":      {c.Width},
		"visual.conv1.weight":         {c.Width, 3, c.Patch, c.Patch},
		"visual.positional_embedding": {c.Tokens(), c.Width},
		"visual.proj":                 {c.Width, c.EmbedDim},
	}
	for _, ln := range []string{"visual.ln_pre", "visual.ln_post"} {
		s[ln+".weight"], s[ln+".bias"] = []int{c.Width}, []int{c.Width}
	}
	blocks := func(prefix string, layers, w int) {
		for l := range layers {
			p := prefix + "transformer.resblocks." + strconv.Itoa(l) + "."
			s[p+"attn.in_proj_weight"], s[p+"attn.in_proj_bias"] = []int{3 * w, w}, []int{3 * w}
			s[p+"attn.out_proj.weight"], s[p+"attn.out_proj.bias"] = []int{w, w}, []int{w}
			s[p+"mlp.c_fc.weight"], s[p+"mlp.c_fc.bias"] = []int{4 * w, w}, []int{4 * w}
			s[p+"mlp.c_proj.weight"], s[p+"mlp.c_proj.bias"] = []int{w, 4 * w}, []int{w}
			for _, ln := range []string{"ln_1", "ln_2"} {
				s[p+ln+".weight"], s[p+ln+".bias"] = []int{w}, []int{w}
			}
		}
	}
	blocks("visual.", c.Layers, c.Width)
	blocks("", c.TextLayers, c.TextWidth)
	return s
}

// Infer reads a configuration off the shapes of a checkpoint in OpenAI's layout. Heads are taken to be 64 channels wide,
// or headWidth where it is not 0 (the shapes do not tell).
func Infer(shapes map[string][]int, headWidth int) (Config, error) {
	if headWidth == 0 {
		headWidth = 64
	}
	var c Config
	dims := func(name string, rank int) []int {
		d := shapes[name]
		if len(d) != rank {
			return make([]int, rank)
		}
		return d
	}
	conv := dims("visual.conv1.weight", 4)
	c.Width, c.Patch = conv[0], conv[2]
	tokens := dims("visual.positional_embedding", 2)[0]
	grid := int(math.Round(math.Sqrt(float64(max(tokens-1, 0)))))
	c.ImageSize = grid * c.Patch
	c.EmbedDim = dims("visual.proj", 2)[1]
	c.Context = dims("positional_embedding", 2)[0]
	te := dims("token_embedding.weight", 2)
	c.Vocab, c.TextWidth = te[0], te[1]
	for name := range shapes {
		var to *int
		rest, ok := strings.CutPrefix(name, "visual.transformer.resblocks.")
		to = &c.Layers
		if !ok {
			if rest, ok = strings.CutPrefix(name, "transformer.resblocks."); !ok {
				continue
			}
			to = &c.TextLayers
		}
		num, _, _ := strings.Cut(rest, ".")
		if n, err := strconv.Atoi(num); err == nil && n < 1000 {
			*to = max(*to, n+1)
		}
	}
	c.Heads, c.TextHeads = max(c.Width/headWidth, 1), max(c.TextWidth/headWidth, 1)
	if err := c.Validate(); err != nil {
		return Config{}, fmt.Errorf("not a CLIP with a vision transformer in OpenAI's layout: %w", err)
	}
	return c, nil
}
