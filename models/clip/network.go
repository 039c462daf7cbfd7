package clip

import (
	"fmt"
	"strconv"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models"
)

var _ models.Config = Config{}

// Family is "clip".
func (c Config) Family() string { return "clip" }

// Network is the image tower for pictures of height x width pixels, 0 x 0 for ImageSize.
func (c Config) Network(height, width int) (models.Network, error) {
	if height == 0 && width == 0 {
		height, width = c.ImageSize, c.ImageSize
	}
	if height < c.Patch || width < c.Patch {
		return nil, fmt.Errorf("clip: a picture of %dx%d is smaller than a patch of %d", height, width, c.Patch)
	}
	return ImageTower{Config: c, Height: height, Width: width}, nil
}

// ImageTower is the image tower of a configuration as a models.Network: pictures to embeddings.
type ImageTower struct {
	Config
	Height, Width int // of the pictures in pixels, 0 for ImageSize
}

// Forward builds the tower for x [batch, 3, height, width].
func (t ImageTower) Forward(p *program.Params, x *graph.Node) *graph.Node { return t.Image(p, x) }

// Input is 3, height, width.
func (t ImageTower) Input() []int {
	if t.Height == 0 {
		return []int{3, t.ImageSize, t.ImageSize}
	}
	return []int{3, t.Height, t.Width}
}

// aliases are the endings of sites below a block, and their names in Hugging Face's CLIP and in timm's image tower.
var aliases = []struct{ site, hf, timm string }{
	{"", "", ""}, {".ln_1", ".layer_norm1", ".norm1"}, {".attn", ".self_attn", ".attn"}, {".attn.out_proj", ".self_attn.out_proj", ".attn.proj"},
	{".attn.probs", ".self_attn.probs", ".attn.attn_drop"}, {".ln_2", ".layer_norm2", ".norm2"}, {".mlp", ".mlp", ".mlp"},
	{".mlp.c_fc", ".mlp.fc1", ".mlp.fc1"}, {".mlp.gelu", ".mlp.activation_fn", ".mlp.act"}, {".mlp.c_proj", ".mlp.fc2", ".mlp.fc2"},
}

// Aliases are the sites' names in Hugging Face's CLIP and in timm.
func (c Config) Aliases() []models.Alias {
	var out []models.Alias
	add := func(site, hf, timm string) {
		if hf != "" {
			out = append(out, models.Alias{Site: site, Library: "huggingface", Name: hf})
		}
		if timm != "" {
			out = append(out, models.Alias{Site: site, Library: "timm", Name: timm})
		}
	}
	add("visual.conv1", "vision_model.embeddings.patch_embedding", "patch_embed.proj")
	add("visual.ln_pre", "vision_model.pre_layrnorm", "norm_pre")
	for l := range c.Layers {
		n := strconv.Itoa(l)
		for _, a := range aliases {
			add("visual.transformer.resblocks."+n+a.site, "vision_model.encoder.layers."+n+a.hf, "blocks."+n+a.timm)
		}
	}
	add("visual.ln_post", "vision_model.post_layernorm", "norm")
	add("visual", "visual_projection", "head")
	add("token_embedding", "text_model.embeddings.token_embedding", "")
	for l := range c.TextLayers {
		n := strconv.Itoa(l)
		for _, a := range aliases {
			add("transformer.resblocks."+n+a.site, "text_model.encoder.layers."+n+a.hf, "")
		}
	}
	add("ln_final", "text_model.final_layer_norm", "")
	return out
}

// TextTower is the text tower of a configuration as a models.Network. Its input are token ids as float32, [batch,
// tokens], which hold every id of a vocabulary exactly.
type TextTower struct {
	Config
	// Tokens is the length of its input, 0 for Context. No token sees a later one, so what follows the end token of the
	// longest text can be left out.
	Tokens int
}

// Forward builds the tower for ids [batch, tokens].
func (t TextTower) Forward(p *program.Params, x *graph.Node) *graph.Node {
	return t.Text(p, graph.ConvertDType(x, dtypes.Int32))
}

// Input is Tokens.
func (t TextTower) Input() []int {
	if t.Tokens > 0 {
		return []int{t.Tokens}
	}
	return []int{t.Context}
}
