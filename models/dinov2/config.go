package dinov2

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/vit"
)

// Config is the architecture.
type Config struct {
	ImageSize int `json:"image_size"` // pixels on a side that the position table is for
	Patch     int `json:"patch_size"` // pixels on a side
	Width     int `json:"width"`
	Layers    int `json:"layers"`
	Heads     int `json:"heads"`
	Hidden    int `json:"hidden"` // channels inside the feed-forward layer; of each half, gated
	Registers int `json:"registers,omitempty"`

	SwiGLU    bool `json:"swiglu,omitempty"`     // the gated feed-forward layer of ViT-g
	MaskToken bool `json:"mask_token,omitempty"` // whether the checkpoint has the token of masked training

	Positions      vit.Positions `json:"positions"`
	PartialPatches bool          `json:"partial_patches,omitempty"` // drop what is beyond the last whole patch instead of refusing it
	Eps            float64       `json:"layer_norm_eps"`
	// LayerScale is the value that the scales of an untrained network start from: 1e-5 in the training recipe.
	LayerScale float64 `json:"layer_scale_init"`
}

// published is a published model of a width and depth, without registers, as the authors' code runs it.
func published(width, layers int) Config {
	return Config{ImageSize: 518, Patch: 14, Width: width, Layers: layers, Heads: width / 64, Hidden: 4 * width,
		MaskToken: true, Positions: vit.Offset, Eps: 1e-6, LayerScale: 1e-5}
}

// ViTS14 is the ViT-S/14 without registers, 22,056,576 parameters.
func ViTS14() Config { return published(384, 12) }

// ViTB14 is the ViT-B/14 without registers, 86,580,480 parameters.
func ViTB14() Config { return published(768, 12) }

// ViTL14 is the ViT-L/14 without registers, 304,368,640 parameters.
func ViTL14() Config { return published(1024, 24) }

// ViTG14 is the ViT-g/14 without registers, 1,136,480,768 parameters, with a gated feed-forward layer.
func ViTG14() Config {
	c := published(1536, 40)
	c.SwiGLU, c.Hidden = true, SwiGLUHidden(4*c.Width)
	return c
}

// WithRegisters is the model with n register tokens; the published ones have 4.
func (c Config) WithRegisters(n int) Config {
	c.Registers, c.Positions = n, vit.Antialias
	return c
}

// In is the configuration as a library runs the weights: "original", "huggingface" or "timm". It sets Positions and
// PartialPatches.
func (c Config) In(library string) Config {
	c.PartialPatches = library == "huggingface"
	switch {
	case library == "timm" || c.Registers > 0:
		c.Positions = vit.Antialias
	case library == "huggingface":
		c.Positions = vit.Plain
	default:
		c.Positions = vit.Offset
	}
	return c
}

// SwiGLUHidden is the hidden width of a gated layer that stands for a plain one of that hidden width: two thirds, so that
// it has as many weights, rounded up to a multiple of 8.
func SwiGLUHidden(plain int) int { return (plain*2/3 + 7) / 8 * 8 }

// Family is "dinov2".
func (c Config) Family() string { return "dinov2" }

// Grid is the number of patches on a side that the position table is for.
func (c Config) Grid() int { return c.ImageSize / c.Patch }

func (c Config) block() vit.Block {
	return vit.Block{Width: c.Width, Heads: c.Heads, Hidden: c.Hidden, Eps: c.Eps, LayerScale: true, Gated: c.SwiGLU}
}

// Validate says what is wrong with a configuration.
func (c Config) Validate() error {
	fail := func(err error) error { return fmt.Errorf("dinov2: %w", err) }
	if c.Patch <= 0 || c.Layers <= 0 || c.Registers < 0 {
		return fmt.Errorf("dinov2: patch_size %d, layers %d, registers %d: want positive numbers, and registers 0 or more", c.Patch, c.Layers, c.Registers)
	}
	if c.ImageSize < c.Patch || c.ImageSize%c.Patch != 0 {
		return fmt.Errorf("dinov2: image_size %d is no whole number of patches of %d", c.ImageSize, c.Patch)
	}
	if err := c.Positions.Validate(); err != nil {
		return fail(err)
	}
	if err := c.block().Validate(); err != nil {
		return fail(err)
	}
	return nil
}

// Shapes maps the name of every weight to its dimensions, as in the published .pth files.
func (c Config) Shapes() map[string][]int {
	s := map[string][]int{
		"cls_token": {1, 1, c.Width},
		"pos_embed": {1, 1 + c.Grid()*c.Grid(), c.Width},
	}
	if c.Registers > 0 {
		s["register_tokens"] = []int{1, c.Registers, c.Width}
	}
	if c.MaskToken {
		s["mask_token"] = []int{1, c.Width}
	}
	vit.PatchShapes(s, c.Width, c.Patch)
	for l := range c.Layers {
		c.block().Shapes(s, "blocks."+strconv.Itoa(l))
	}
	vit.NormShapes(s, "norm", c.Width)
	return s
}

// Infer reads a configuration off the shapes of a checkpoint under the canonical names. What shapes do not tell is taken
// from the published models: heads of 64 channels, or of headWidth where it is not 0, layer_norm_eps 1e-6; positions are
// resampled as in the authors' code (see In).
func Infer(shapes map[string][]int, headWidth int) (Config, error) {
	if headWidth == 0 {
		headWidth = 64
	}
	dim := func(name string, rank, axis int) int {
		if d := shapes[name]; len(d) == rank {
			return d[axis]
		}
		return 0
	}
	c := Config{Eps: 1e-6, LayerScale: 1e-5}
	c.Width, c.Patch = dim("patch_embed.proj.weight", 4, 0), dim("patch_embed.proj.weight", 4, 2)
	c.ImageSize = vit.Side(dim("pos_embed", 3, 1)-1) * c.Patch
	c.Registers = dim("register_tokens", 3, 1)
	_, c.MaskToken = shapes["mask_token"]
	if c.Hidden = dim("blocks.0.mlp.w3.weight", 2, 1); c.Hidden > 0 {
		c.SwiGLU = true
	} else {
		c.Hidden = dim("blocks.0.mlp.fc2.weight", 2, 1)
	}
	c.Layers = vit.Count(shapes, "blocks.")
	c.Heads = max(c.Width/headWidth, 1)
	c = c.In("original")
	if err := c.Validate(); err != nil {
		return Config{}, fmt.Errorf("not a DINOv2 in the authors' layout: %w", err)
	}
	return c, nil
}

// Network is the graph that is recorded from, for pictures of height x width pixels, 0 x 0 for ImageSize.
func (c Config) Network(height, width int) (models.Network, error) {
	if height == 0 && width == 0 {
		height, width = c.ImageSize, c.ImageSize
	}
	if _, _, err := vit.Grid(height, width, c.Patch, c.PartialPatches); err != nil {
		return nil, fmt.Errorf("dinov2: %w", err)
	}
	return Network{Config: c, Height: height, Width: width}, nil
}

// hf are the endings of a block's sites in Hugging Face's DINOv2. The attention module's inner one, which gives the heads'
// outputs, is there in transformers 4 only, where the output projection is output.dense; 5 calls it o_proj.
var hf = [][2]string{{"", ""}, {".norm1", ".norm1"}, {".attn.z", ".attention.attention"}, {".attn.proj", ".attention.output.dense"},
	{".attn.proj", ".attention.o_proj"}, {".attn", ".attention"}, {".ls1", ".layer_scale1"}, {".norm2", ".norm2"},
	{".mlp", ".mlp"}, {".ls2", ".layer_scale2"}}

var (
	hfPlain   = [][2]string{{".mlp.fc1", ".mlp.fc1"}, {".mlp.act", ".mlp.activation"}, {".mlp.fc2", ".mlp.fc2"}}
	hfGated   = [][2]string{{".mlp.w12", ".mlp.weights_in"}, {".mlp.w3", ".mlp.weights_out"}, {".mlp.w3", ".mlp.down_proj"}}
	timm      = [][2]string{{".attn.probs", ".attn.attn_drop"}}
	timmGated = [][2]string{{".mlp.w12", ".mlp.fc1"}, {".mlp.gated", ".mlp.drop1"}, {".mlp.w3", ".mlp.fc2"}}
)

// Aliases are the sites' names in Hugging Face's DINOv2 and in timm.
func (c Config) Aliases() []models.Alias {
	var a vit.Aliases
	ends, timmEnds := append(hf[:len(hf):len(hf)], hfPlain...), timm
	if c.SwiGLU {
		ends, timmEnds = append(hf[:len(hf):len(hf)], hfGated...), append(timm[:len(timm):len(timm)], timmGated...)
	}
	a.Add("patch_embed.proj", "huggingface", "embeddings.patch_embeddings.projection")
	a.Add("patch_embed", "huggingface", "embeddings.patch_embeddings")
	a.Add("tokens", "huggingface", "embeddings")
	a.Add("tokens", "timm", "norm_pre")
	for l := range c.Layers {
		n := strconv.Itoa(l)
		a.Block("blocks."+n, "huggingface", "encoder.layer."+n, ends)
		a.Block("blocks."+n, "timm", "blocks."+n, timmEnds)
	}
	a.Add("norm", "huggingface", "layernorm")
	a.Add("norm", "original", "x_norm")
	a.Add("head", "huggingface", "pooler_output")
	a.Add("head", "original", "x_norm_clstoken")
	a.Add("head", "timm", "fc_norm")
	return a
}

// Token says what token i is: "class", "register 0", "patch 0".
func (c Config) Token(i int) string {
	switch {
	case i == 0:
		return "class"
	case i <= c.Registers:
		return "register " + strconv.Itoa(i-1)
	}
	return "patch " + strconv.Itoa(i-1-c.Registers)
}

// isNorm tells whether a weight is of a layer norm.
func isNorm(name string) bool {
	return strings.Contains(name, ".norm1.") || strings.Contains(name, ".norm2.") || strings.HasPrefix(name, "norm.")
}
