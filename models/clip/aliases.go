package clip

import (
	"strconv"

	"github.com/ventral-lab/ventral/models"
)

// blockAliases are the endings of sites below a transformer block, and their names in Hugging Face's CLIP and in timm's
// image tower.
var blockAliases = []struct{ site, hf, timm string }{
	{"", "", ""}, {".ln_1", ".layer_norm1", ".norm1"}, {".attn", ".self_attn", ".attn"}, {".attn.out_proj", ".self_attn.out_proj", ".attn.proj"},
	{".attn.probs", ".self_attn.probs", ".attn.attn_drop"}, {".ln_2", ".layer_norm2", ".norm2"}, {".mlp", ".mlp", ".mlp"},
	{".mlp.c_fc", ".mlp.fc1", ".mlp.fc1"}, {".mlp.gelu", ".mlp.activation_fn", ".mlp.act"}, {".mlp.c_proj", ".mlp.fc2", ".mlp.fc2"},
}

type aliasList []models.Alias

func (a *aliasList) add(site, library, name string) {
	*a = append(*a, models.Alias{Site: site, Library: library, Name: name})
}

// Aliases are the sites' names in Hugging Face's CLIP, in timm and, where it differs, in open_clip.
func (c Config) Aliases() []models.Alias {
	var a aliasList
	if c.ResNet() {
		c.resNetAliases(&a)
	} else {
		c.transformerAliases(&a)
	}
	if c.HasText() {
		c.textAliases(&a)
	}
	return a
}

func (c Config) transformerAliases(a *aliasList) {
	both := func(site, hf, timm string) {
		a.add(site, "huggingface", hf)
		a.add(site, "timm", timm)
	}
	both("visual.conv1", "vision_model.embeddings.patch_embedding", "patch_embed.proj")
	both("visual.ln_pre", "vision_model.pre_layrnorm", "norm_pre")
	for l := range c.Layers {
		n := strconv.Itoa(l)
		for _, x := range blockAliases {
			both("visual.transformer.resblocks."+n+x.site, "vision_model.encoder.layers."+n+x.hf, "blocks."+n+x.timm)
		}
	}
	both("visual.transformer", "vision_model.encoder", "blocks")
	both("visual.ln_post", "vision_model.post_layernorm", "norm")
	both("visual", "visual_projection", "head")
}

// textAliases: open_clip's CustomTextCLIP keeps the text tower under "text.".
func (c Config) textAliases(a *aliasList) {
	both := func(site, hf string) {
		a.add(site, "huggingface", hf)
		a.add(site, "open_clip", "text."+site)
	}
	both("token_embedding", "text_model.embeddings.token_embedding")
	for l := range c.TextLayers {
		n := strconv.Itoa(l)
		for _, x := range blockAliases {
			both("transformer.resblocks."+n+x.site, "text_model.encoder.layers."+n+x.hf)
		}
	}
	both("transformer", "text_model.encoder")
	both("ln_final", "text_model.final_layer_norm")
	a.add("text_projection", "huggingface", "text_projection")
}

// resNetAliases: open_clip calls the activations act1 to act3. In timm's ByobNet a convolution module ends with its
// activation and its pool, so that there conv1_1x1 is what relu1 is here and conv2_kxk what the pooled relu2 is; conv3_1x1
// and the shortcut have no activation.
func (c Config) resNetAliases(a *aliasList) {
	for i := 1; i <= 3; i++ {
		n := strconv.Itoa(i)
		a.add("visual.relu"+n, "open_clip", "visual.act"+n)
		a.add("visual.conv"+n, "timm", "stem.conv"+n+".conv")
		a.add("visual.relu"+n, "timm", "stem.conv"+n)
		a.add("visual.relu"+n, "timm", "stem.conv"+n+".bn")
	}
	a.add("visual.avgpool", "open_clip", "visual.stem")
	a.add("visual.avgpool", "timm", "stem")
	a.add("visual.avgpool", "timm", "stem.pool")
	stage, block := 0, 0
	for _, b := range c.bottlenecks() {
		if b.shortcut {
			if stage > 0 {
				a.add("visual.layer"+strconv.Itoa(stage), "timm", "stages."+strconv.Itoa(stage-1))
			}
			stage, block = stage+1, 0
		}
		b.aliases(a, "stages."+strconv.Itoa(stage-1)+"."+strconv.Itoa(block))
		block++
	}
	a.add("visual.layer4", "timm", "stages.3")
	a.add("visual.attnpool", "openai", "visual.attnpool.c_proj")
	a.add("visual.attnpool", "timm", "head")
	a.add("visual.attnpool", "timm", "head.proj")
}

func (b bottleneck) aliases(a *aliasList, timm string) {
	for i := 1; i <= 2; i++ {
		n := strconv.Itoa(i)
		module := timm + map[int]string{1: ".conv1_1x1", 2: ".conv2_kxk"}[i]
		a.add(b.name+".relu"+n, "open_clip", b.name+".act"+n)
		a.add(b.name+".conv"+n, "timm", module+".conv")
		a.add(b.name+".relu"+n, "timm", module+".bn")
		switch {
		case i == 2 && b.stride > 1:
			a.add(b.name+".avgpool", "timm", module)
			a.add(b.name+".avgpool", "timm", module+".aa")
		default:
			a.add(b.name+".relu"+n, "timm", module)
		}
	}
	if b.stride == 1 { // the module is there and does nothing
		a.add(b.name+".relu2", "openai", b.name+".avgpool")
	}
	a.add(b.name+".conv3", "timm", timm+".conv3_1x1.conv")
	a.add(b.name+".bn3", "timm", timm+".conv3_1x1")
	a.add(b.name+".bn3", "timm", timm+".conv3_1x1.bn")
	if b.shortcut {
		if b.stride > 1 {
			a.add(b.name+".downsample.-1", "timm", timm+".shortcut.pool")
		}
		a.add(b.name+".downsample.0", "timm", timm+".shortcut.conv.conv")
		a.add(b.name+".downsample", "openai", b.name+".downsample.1")
		for _, n := range []string{"", ".conv", ".conv.bn"} {
			a.add(b.name+".downsample", "timm", timm+".shortcut"+n)
		}
	}
	a.add(b.name, "openai", b.name+".relu3")
	a.add(b.name, "open_clip", b.name+".act3")
	a.add(b.name, "timm", timm)
	a.add(b.name, "timm", timm+".act")
}
