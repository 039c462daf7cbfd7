package weights

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// clipViT are the CLIPs with a vision transformer, or one of their towers. Canonical are OpenAI's names.
var clipViT = family{
	architecture: "clip-vit",
	detect: func(n names) (Layout, bool) {
		switch {
		case n.has("vision_model.embeddings.class_embedding") || n.has("text_model.embeddings."):
			return HuggingFace, true
		case n.has("visual.class_embedding"),
			n.has("class_embedding") && n.has("conv1.weight") && n.has("ln_pre.weight"), // the image tower alone
			n.has("token_embedding.weight") && n.has("transformer.resblocks.") && !n.has("visual."),
			n.has("text.token_embedding.weight") && n.has("text.transformer.resblocks.") && !n.has("visual."):
			return OpenAI, true
		case n.has("patch_embed.proj.weight") && n.has("norm_pre.weight") && n.has("cls_token") && n.has("blocks.0.attn.qkv.weight"):
			return Timm, true // of timm's vision transformers only CLIP's normalise in front of the blocks
		}
		return "", false
	},
	toCanonical: func(from Layout, shapes map[string][]int) (Mapping, error) {
		switch from {
		case OpenAI:
			return openAIToCanonical(shapes, "class_embedding", clipTransformerName), nil
		case Timm:
			return timmToCLIP(sortedNames(shapes), shapes)
		}
		return HuggingFaceToOpenAI(sortedNames(shapes))
	},
	fromCanonical: func(_ Layout, shapes map[string][]int) (Mapping, error) {
		return OpenAIToHuggingFace(sortedNames(shapes))
	},
	layouts: []Layout{HuggingFace},
}

const (
	blockNumber     = `(?:0|[1-9]\d{0,2})` // below maxLayers
	blockTensor     = `transformer\.resblocks\.` + blockNumber + `\.(?:attn\.(?:in_proj_|out_proj\.)|ln_[12]\.|mlp\.c_fc\.|mlp\.c_proj\.)(?:weight|bias)`
	normTensor      = `(?:weight|bias|running_mean|running_var)`
	counterOfNorm   = ".num_batches_tracked" // how many batches batch normalisation has seen: not used
	clipVisualAlone = "visual."
)

var (
	clipTextName        = regexp.MustCompile(`^(?:logit_scale|positional_embedding|text_projection|token_embedding\.weight|ln_final\.(?:weight|bias)|` + blockTensor + `)$`)
	clipTransformerName = regexp.MustCompile(`^visual\.(?:class_embedding|positional_embedding|proj|conv1\.weight|ln_(?:pre|post)\.(?:weight|bias)|` + blockTensor + `)$`)
)

// openAIToCanonical maps the layout of OpenAI and open_clip, whose names are the canonical ones but for two variants:
// open_clip's CustomTextCLIP has the text tower under "text.", and a tower that was saved alone, of which visualOnly is a
// tensor, has no "visual." in front. A name that neither tower has gets no rule, and so is an error.
func openAIToCanonical(shapes map[string][]int, visualOnly string, visual *regexp.Regexp) Mapping {
	m := Mapping{From: OpenAI, To: OpenAI}
	_, alone := shapes[visualOnly]
	_, custom := shapes["text.token_embedding.weight"]
	for _, name := range sortedNames(shapes) {
		to := name
		if rest, ok := strings.CutPrefix(name, "text."); ok && custom {
			to = rest
		}
		if alone {
			to = clipVisualAlone + name
		}
		switch {
		case notWeights[name] || strings.HasSuffix(name, counterOfNorm):
			m.Ignored = append(m.Ignored, name)
		case visual.MatchString(to), !alone && clipTextName.MatchString(to) && (to != name || !custom || name == "logit_scale"):
			m.Rules = append(m.Rules, Rule{Name: to, From: []string{name}})
		}
	}
	return m
}

// pair names one tensor, or q, k and v of one, in both layouts.
type pair struct {
	openAI, hf string
	operation  Operation // from Hugging Face to OpenAI: Copy, Transpose or Join (of q, k, v)
	optional   bool
}

// blockPairs are the tensors of a transformer block, behind resblocks.N. and layers.N. In both libraries a linear
// layer's weight is [out, in]; OpenAI keeps the three input projections of attention as one, in the order q, k, v.
var blockPairs = []pair{
	{"attn.in_proj_weight", "self_attn.?_proj.weight", Join, false},
	{"attn.in_proj_bias", "self_attn.?_proj.bias", Join, false},
	{"attn.out_proj.weight", "self_attn.out_proj.weight", Copy, false},
	{"attn.out_proj.bias", "self_attn.out_proj.bias", Copy, false},
	{"ln_1.weight", "layer_norm1.weight", Copy, false},
	{"ln_1.bias", "layer_norm1.bias", Copy, false},
	{"ln_2.weight", "layer_norm2.weight", Copy, false},
	{"ln_2.bias", "layer_norm2.bias", Copy, false},
	{"mlp.c_fc.weight", "mlp.fc1.weight", Copy, false},
	{"mlp.c_fc.bias", "mlp.fc1.bias", Copy, false},
	{"mlp.c_proj.weight", "mlp.fc2.weight", Copy, false},
	{"mlp.c_proj.bias", "mlp.fc2.bias", Copy, false},
}

// tower is one of the two transformers of a CLIP.
type tower struct {
	openAI, hf string // prefixes of the blocks, up to the number
	pairs      []pair // what is not a block
}

// towers are the two CLIP towers. A projection is a matrix [width, out] that is multiplied from the right in OpenAI's code
// and a linear layer's [out, width] in Hugging Face's. "pre_layrnorm" is spelled so there.
var towers = []tower{
	{"visual.transformer.resblocks.", "vision_model.encoder.layers.", []pair{
		{"visual.class_embedding", "vision_model.embeddings.class_embedding", Copy, false},
		{"visual.conv1.weight", "vision_model.embeddings.patch_embedding.weight", Copy, false},
		{"visual.positional_embedding", "vision_model.embeddings.position_embedding.weight", Copy, false},
		{"visual.ln_pre.weight", "vision_model.pre_layrnorm.weight", Copy, false},
		{"visual.ln_pre.bias", "vision_model.pre_layrnorm.bias", Copy, false},
		{"visual.ln_post.weight", "vision_model.post_layernorm.weight", Copy, false},
		{"visual.ln_post.bias", "vision_model.post_layernorm.bias", Copy, false},
		{"visual.proj", "visual_projection.weight", Transpose, true},
	}},
	{"transformer.resblocks.", "text_model.encoder.layers.", []pair{
		{"token_embedding.weight", "text_model.embeddings.token_embedding.weight", Copy, false},
		{"positional_embedding", "text_model.embeddings.position_embedding.weight", Copy, false},
		{"ln_final.weight", "text_model.final_layer_norm.weight", Copy, false},
		{"ln_final.bias", "text_model.final_layer_norm.bias", Copy, false},
		{"text_projection", "text_projection.weight", Transpose, true},
	}},
}

var scalePair = pair{"logit_scale", "logit_scale", Copy, true}

// notWeights are stored by some exporters beside the weights: OpenAI's TorchScript archives hold three numbers, old
// Hugging Face checkpoints count positions.
var notWeights = map[string]bool{
	"input_resolution": true, "context_length": true, "vocab_size": true,
	"vision_model.embeddings.position_ids": true, "text_model.embeddings.position_ids": true,
}

func ignored(names []string) []string {
	var out []string
	for _, name := range names {
		if notWeights[name] {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// HuggingFaceToOpenAI returns the mapping for a checkpoint of transformers' CLIPModel, or of one of its towers, whose
// tensors have these names.
func HuggingFaceToOpenAI(names []string) (Mapping, error) { return clipMapping(names, HuggingFace) }

// OpenAIToHuggingFace returns the mapping back, for export. It is for vision transformers: Hugging Face's CLIPModel has
// no ResNet tower.
func OpenAIToHuggingFace(names []string) (Mapping, error) {
	if slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "visual.layer1.") }) {
		return Mapping{}, fmt.Errorf("weights: %w: a CLIP ResNet has no Hugging Face layout", ErrLayout)
	}
	return clipMapping(names, OpenAI)
}

func clipMapping(names []string, from Layout) (Mapping, error) {
	m := Mapping{From: from, To: OpenAI, Ignored: ignored(names)}
	if from == OpenAI {
		m.To = HuggingFace
	}
	for _, t := range towers {
		prefix := t.hf
		if from == OpenAI {
			prefix = t.openAI
		}
		layers, err := countLayers(names, prefix)
		if err != nil {
			return Mapping{}, err
		}
		if layers == 0 && !slices.ContainsFunc(t.pairs, func(p pair) bool { return slices.Contains(names, p.name(from)) }) {
			continue // a checkpoint of the other tower alone
		}
		for _, p := range t.pairs {
			m.Rules = append(m.Rules, p.rules(from, "", "")...)
		}
		for n := range layers {
			block := strconv.Itoa(n) + "."
			for _, p := range blockPairs {
				m.Rules = append(m.Rules, p.rules(from, t.openAI+block, t.hf+block)...)
			}
		}
	}
	m.Rules = append(m.Rules, scalePair.rules(from, "", "")...)
	return m, nil
}

func (p pair) name(layout Layout) string {
	if layout == OpenAI {
		return p.openAI
	}
	return p.hf
}

func (p pair) rules(from Layout, openAIPrefix, hfPrefix string) []Rule {
	openAI, hf := openAIPrefix+p.openAI, hfPrefix+p.hf
	if p.operation == Join {
		var parts []string
		for _, x := range []string{"q", "k", "v"} {
			parts = append(parts, strings.Replace(hf, "?", x, 1))
		}
		if from == HuggingFace {
			return []Rule{{Name: openAI, From: parts, Operation: Join, Optional: p.optional}}
		}
		var out []Rule
		for i, part := range parts {
			out = append(out, Rule{Name: part, From: []string{openAI}, Operation: Part, Index: i, Of: len(parts), Optional: p.optional})
		}
		return out
	}
	if from == HuggingFace {
		return []Rule{{Name: openAI, From: []string{hf}, Operation: p.operation, Optional: p.optional}}
	}
	return []Rule{{Name: hf, From: []string{openAI}, Operation: p.operation, Optional: p.optional}}
}

// countLayers returns one more than the largest block number behind prefix. A number that is left out shows as a
// missing tensor later.
func countLayers(names []string, prefix string) (int, error) {
	n := 0
	for _, name := range names {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(rest, ".")
		i, err := strconv.Atoi(number)
		if err != nil || i < 0 || i >= maxLayers || strconv.Itoa(i) != number {
			return 0, fmt.Errorf("weights: %w: tensor %q: want a block number from 0 to %d after %s", ErrLayout, name, maxLayers-1, prefix)
		}
		n = max(n, i+1)
	}
	return n, nil
}
