package mae

import (
	"fmt"
	"strconv"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/vit"
)

// Config is the architecture. The decoder's sizes are 0 where there is none.
type Config struct {
	ImageSize int `json:"image_size"` // pixels on a side that the position tables are for
	Patch     int `json:"patch_size"` // pixels on a side
	Width     int `json:"width"`
	Layers    int `json:"layers"`
	Heads     int `json:"heads"`
	Hidden    int `json:"hidden"`

	DecoderWidth  int `json:"decoder_width,omitempty"`
	DecoderLayers int `json:"decoder_layers,omitempty"`
	DecoderHeads  int `json:"decoder_heads,omitempty"`
	DecoderHidden int `json:"decoder_hidden,omitempty"`

	MaskRatio  float64 `json:"mask_ratio,omitempty"`    // share of patches that the decoder has to paint
	NormPixels bool    `json:"norm_pix_loss,omitempty"` // whether it paints them normalised

	Positions      vit.Positions `json:"positions"`
	PartialPatches bool          `json:"partial_patches,omitempty"` // drop what is beyond the last whole patch instead of refusing it
	Eps            float64       `json:"layer_norm_eps"`
}

// published is a published encoder with its decoder, as the authors' code runs it.
func published(width, layers, heads, patch int) Config {
	return Config{ImageSize: 224, Patch: patch, Width: width, Layers: layers, Heads: heads, Hidden: 4 * width,
		DecoderWidth: 512, DecoderLayers: 8, DecoderHeads: 16, DecoderHidden: 2048,
		MaskRatio: 0.75, Positions: vit.Plain, Eps: 1e-6}
}

// ViTB16 is the ViT-B/16 with its decoder, 111,907,840 parameters.
func ViTB16() Config { return published(768, 12, 12, 16) }

// ViTL16 is the ViT-L/16 with its decoder, 329,541,888 parameters.
func ViTL16() Config { return published(1024, 24, 16, 16) }

// ViTH14 is the ViT-H/14 with its decoder, 657,074,508 parameters.
func ViTH14() Config { return published(1280, 32, 16, 14) }

// Encoder is the configuration without its decoder; ViTB16's has 85,798,656 parameters.
func (c Config) Encoder() Config {
	c.DecoderWidth, c.DecoderLayers, c.DecoderHeads, c.DecoderHidden = 0, 0, 0, 0
	c.MaskRatio, c.NormPixels = 0, false
	return c
}

// In is the configuration as a library runs the weights: "original", "huggingface" or "timm". It sets Positions,
// PartialPatches and the epsilon of the layer norms.
func (c Config) In(library string) Config {
	c.Positions, c.PartialPatches, c.Eps = vit.Plain, library == "huggingface", 1e-6
	switch library {
	case "timm":
		c.Positions = vit.Antialias
	case "huggingface":
		c.Eps = 1e-12
	}
	return c
}

// Family is "mae".
func (c Config) Family() string { return "mae" }

// Grid is the number of patches on a side that the position tables are for.
func (c Config) Grid() int { return c.ImageSize / c.Patch }

// Kept is how many of n patches the encoder sees.
func (c Config) Kept(n int) int { return int(float64(n) * (1 - c.MaskRatio)) }

func (c Config) block() vit.Block {
	return vit.Block{Width: c.Width, Heads: c.Heads, Hidden: c.Hidden, Eps: c.Eps}
}

func (c Config) decoderBlock() vit.Block {
	return vit.Block{Width: c.DecoderWidth, Heads: c.DecoderHeads, Hidden: c.DecoderHidden, Eps: c.Eps}
}

// Validate says what is wrong with a configuration.
func (c Config) Validate() error {
	fail := func(err error) error { return fmt.Errorf("mae: %w", err) }
	if c.Patch <= 0 || c.Layers <= 0 || c.DecoderLayers < 0 {
		return fmt.Errorf("mae: patch_size %d, layers %d, decoder_layers %d: want positive numbers, and decoder_layers 0 or more", c.Patch, c.Layers, c.DecoderLayers)
	}
	if c.ImageSize < c.Patch || c.ImageSize%c.Patch != 0 {
		return fmt.Errorf("mae: image_size %d is no whole number of patches of %d", c.ImageSize, c.Patch)
	}
	if c.Width%4 != 0 || c.DecoderWidth%4 != 0 {
		return fmt.Errorf("mae: widths %d and %d: the sine-cosine positions need multiples of 4", c.Width, c.DecoderWidth)
	}
	if err := c.Positions.Validate(); err != nil {
		return fail(err)
	}
	if err := c.block().Validate(); err != nil {
		return fail(err)
	}
	if c.DecoderLayers == 0 {
		return nil
	}
	if err := c.decoderBlock().Validate(); err != nil {
		return fmt.Errorf("mae: decoder: %w", err)
	}
	if n := c.Grid() * c.Grid(); !(c.MaskRatio >= 0 && c.MaskRatio < 1) || c.Kept(n) < 1 {
		return fmt.Errorf("mae: mask_ratio %g keeps none of %d patches: want a number from 0 to below 1 that keeps one", c.MaskRatio, n)
	}
	return nil
}

// Shapes maps the name of every weight to its dimensions, as in the authors' code.
func (c Config) Shapes() map[string][]int {
	positions := 1 + c.Grid()*c.Grid()
	s := map[string][]int{
		"cls_token": {1, 1, c.Width},
		"pos_embed": {1, positions, c.Width},
	}
	vit.PatchShapes(s, c.Width, c.Patch)
	for l := range c.Layers {
		c.block().Shapes(s, "blocks."+strconv.Itoa(l))
	}
	vit.NormShapes(s, "norm", c.Width)
	if c.DecoderLayers == 0 {
		return s
	}
	s["mask_token"] = []int{1, 1, c.DecoderWidth}
	s["decoder_pos_embed"] = []int{1, positions, c.DecoderWidth}
	s["decoder_embed.weight"], s["decoder_embed.bias"] = []int{c.DecoderWidth, c.Width}, []int{c.DecoderWidth}
	pixels := 3 * c.Patch * c.Patch
	s["decoder_pred.weight"], s["decoder_pred.bias"] = []int{pixels, c.DecoderWidth}, []int{pixels}
	for l := range c.DecoderLayers {
		c.decoderBlock().Shapes(s, "decoder_blocks."+strconv.Itoa(l))
	}
	vit.NormShapes(s, "decoder_norm", c.DecoderWidth)
	return s
}

// Fixed are the weights that training leaves as they are.
func (c Config) Fixed() []string { return []string{"pos_embed", "decoder_pos_embed"} }

// Infer reads a configuration off the shapes of a checkpoint under the canonical names. What shapes do not tell is taken
// from the published models: heads of 64 channels (80 at width 1280) and, in the decoder, of 32, a mask ratio of 0.75, and
// what In("original") sets.
func Infer(shapes map[string][]int) (Config, error) {
	dim := func(name string, rank, axis int) int {
		if d := shapes[name]; len(d) == rank {
			return d[axis]
		}
		return 0
	}
	c := Config{}.In("original")
	c.Width, c.Patch = dim("patch_embed.proj.weight", 4, 0), dim("patch_embed.proj.weight", 4, 2)
	c.ImageSize = vit.Side(dim("pos_embed", 3, 1)-1) * c.Patch
	c.Hidden = dim("blocks.0.mlp.fc1.weight", 2, 0)
	c.Layers = vit.Count(shapes, "blocks.")
	c.Heads = max(c.Width/64, 1)
	if c.Width == 1280 {
		c.Heads = 16
	}
	if c.DecoderLayers = vit.Count(shapes, "decoder_blocks."); c.DecoderLayers > 0 {
		c.DecoderWidth, c.DecoderHidden = dim("decoder_embed.weight", 2, 0), dim("decoder_blocks.0.mlp.fc1.weight", 2, 0)
		c.DecoderHeads, c.MaskRatio = max(c.DecoderWidth/32, 1), 0.75
	}
	if err := c.Validate(); err != nil {
		return Config{}, fmt.Errorf("not an MAE in the authors' layout: %w", err)
	}
	return c, nil
}

// Network is the encoder on all patches, for pictures of height x width pixels, 0 x 0 for ImageSize.
func (c Config) Network(height, width int) (models.Network, error) {
	height, width, err := c.size(height, width)
	if err != nil {
		return nil, err
	}
	return Network{Config: c, Height: height, Width: width}, nil
}

func (c Config) size(height, width int) (int, int, error) {
	if height == 0 && width == 0 {
		height, width = c.ImageSize, c.ImageSize
	}
	if _, _, err := vit.Grid(height, width, c.Patch, c.PartialPatches); err != nil {
		return 0, 0, fmt.Errorf("mae: %w", err)
	}
	return height, width, nil
}

// hf4 and hf5 are the endings of a block's sites in transformers 4 and 5.
var (
	hf4 = [][2]string{{"", ""}, {"", ".output"}, {".norm1", ".layernorm_before"}, {".attn.z", ".attention.attention"},
		{".attn.proj", ".attention.output.dense"}, {".attn", ".attention"}, {".norm2", ".layernorm_after"}, {".mlp.fc1", ".intermediate.dense"},
		{".mlp.act", ".intermediate.intermediate_act_fn"}, {".mlp.act", ".intermediate"}, {".mlp.fc2", ".output.dense"}}
	hf5 = [][2]string{{"", ""}, {".norm1", ".layernorm_before"}, {".attn.proj", ".attention.o_proj"}, {".attn", ".attention"},
		{".norm2", ".layernorm_after"}, {".mlp.fc1", ".mlp.fc1"}, {".mlp.fc2", ".mlp.fc2"}, {".mlp", ".mlp"}}
)

// Aliases are the sites' names in Hugging Face's ViTMAEModel, in its ViTMAEForPreTraining, where the encoder is called vit,
// and in timm.
func (c Config) Aliases() []models.Alias {
	var a vit.Aliases
	a.Add("tokens", "timm", "norm_pre")
	a.Add("head", "timm", "fc_norm")
	for _, vit := range []string{"", "vit."} {
		a.Add("patch_embed.proj", "huggingface", vit+"embeddings.patch_embeddings.projection")
		a.Add("patch_embed", "huggingface", vit+"embeddings.patch_embeddings")
		a.Add("tokens", "huggingface", vit+"embeddings")
		for l := range c.Layers {
			n := strconv.Itoa(l)
			a.Block("blocks."+n, "huggingface", vit+"encoder.layer."+n, hf4)
			a.Block("blocks."+n, "huggingface", vit+"layers."+n, hf5)
		}
		a.Add("norm", "huggingface", vit+"layernorm")
	}
	for l := range c.Layers {
		n := "blocks." + strconv.Itoa(l)
		a.Add(n+".attn.probs", "timm", n+".attn.attn_drop")
	}
	if c.DecoderLayers > 0 {
		for _, name := range []string{"decoder_embed", "decoder_norm", "decoder_pred"} {
			a.Add(name, "huggingface", "decoder."+name)
		}
		for l := range c.DecoderLayers {
			n := strconv.Itoa(l)
			a.Block("decoder_blocks."+n, "huggingface", "decoder.decoder_layers."+n, append(hf4[:len(hf4):len(hf4)], hf5[2], hf5[5], hf5[6], hf5[7]))
		}
		a.Add("pred", "huggingface", "decoder")
	}
	return a
}
