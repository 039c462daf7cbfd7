package weights

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// dinoV2 is DINOv2, with and without registers. The canonical names are those of the authors' published files.
var dinoV2 = family{
	architecture: "dinov2",
	detect: func(n names) (Layout, bool) {
		switch {
		case n.has("embeddings.patch_embeddings.") && n.has("encoder.layer.0.layer_scale1.lambda1"):
			return HuggingFace, true
		case !n.has("patch_embed.proj.weight") || !n.has("cls_token") || !n.has("pos_embed") || !n.has("blocks.0.ls1.gamma") || n.has("head.") || n.has("fc_norm."):
			return "", false
		case n.has("mask_token") || n.has("register_tokens") || n.has("blocks.0.mlp.w12."):
			return Original, true
		}
		return Timm, true // where the mask token is left out and registers are called reg_token
	},
	toCanonical: func(from Layout, shapes map[string][]int) (Mapping, error) {
		m := Mapping{From: from, To: Original}
		names := sortedNames(shapes)
		switch from {
		case HuggingFace:
			m.copyAll(dinoV2HF)
			m.Rules = append(m.Rules, Rule{Name: "register_tokens", From: []string{"embeddings.register_tokens"}, Optional: true},
				Rule{Name: "mask_token", From: []string{"embeddings.mask_token"}, Optional: true})
			gated := firstOf(names, "encoder.layer.0.mlp.weights_in.", "encoder.layer.0.mlp.gate_proj.") != ""
			return m, m.blocks(names, canonicalDINOv2(gated), hfDINOv2(names, "encoder.layer.0.", gated), "blocks.", "encoder.layer.")
		case Timm:
			m.copyAll([][2]string{{"cls_token", "cls_token"}, {"patch_embed.proj.weight", "patch_embed.proj.weight"},
				{"patch_embed.proj.bias", "patch_embed.proj.bias"}, {"norm.weight", "norm.weight"}, {"norm.bias", "norm.bias"}})
			m.Rules = append(m.Rules, timmPositions(shapes["pos_embed"]),
				Rule{Name: "register_tokens", From: []string{"reg_token"}, Optional: true})
			return m, m.blocks(names, canonicalDINOv2(isPacked(shapes)), scaledTimm, "blocks.", "blocks.")
		}
		for _, name := range []string{"cls_token", "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias", "norm.weight", "norm.bias"} {
			m.Rules = append(m.Rules, Rule{Name: name, From: []string{name}})
		}
		for _, name := range []string{"register_tokens", "mask_token"} {
			m.Rules = append(m.Rules, Rule{Name: name, From: []string{name}, Optional: true})
		}
		own := canonicalDINOv2(slices.Contains(names, "blocks.0.mlp.w12.weight"))
		return m, m.blocks(names, own, own, "blocks.", "blocks.")
	},
	fromCanonical: func(_ Layout, shapes map[string][]int) (Mapping, error) {
		m := Mapping{From: Original, To: HuggingFace}
		names := sortedNames(shapes)
		for _, p := range dinoV2HF {
			m.Rules = append(m.Rules, Rule{Name: p[1], From: []string{p[0]}})
		}
		m.Rules = append(m.Rules, Rule{Name: "embeddings.register_tokens", From: []string{"register_tokens"}, Optional: true},
			Rule{Name: "embeddings.mask_token", From: []string{"mask_token"}, Optional: true})
		gated := slices.Contains(names, "blocks.0.mlp.w12.weight")
		return m, m.blocks(names, hfDINOv2(nil, "", gated), canonicalDINOv2(gated), "encoder.layer.", "blocks.")
	},
	layouts: []Layout{HuggingFace},
}

// dinoV2HF are canonical names and those of Hugging Face, of what is not a block and in every file.
var dinoV2HF = [][2]string{
	{"cls_token", "embeddings.cls_token"}, {"pos_embed", "embeddings.position_embeddings"},
	{"patch_embed.proj.weight", "embeddings.patch_embeddings.projection.weight"},
	{"patch_embed.proj.bias", "embeddings.patch_embeddings.projection.bias"},
	{"norm.weight", "layernorm.weight"}, {"norm.bias", "layernorm.bias"},
}

// timmPositions makes the canonical position table of timm's. A model with registers has no row for the class token in
// timm, which has added that row to the token itself: a row of zeros gives the same sum.
func timmPositions(shape []int) Rule {
	r := Rule{Name: "pos_embed", From: []string{"pos_embed"}}
	if len(shape) == 3 && isSquare(shape[1]) {
		r.Operation, r.Shape = Behind, []int{shape[0], 1 + shape[1], shape[2]}
	}
	return r
}

func isSquare(n int) bool {
	i := int(math.Round(math.Sqrt(float64(n))))
	return i*i == n
}

// isPacked tells whether a timm checkpoint's feed-forward layers are gated: fc1 then gives both halves.
func isPacked(shapes map[string][]int) bool {
	in, out := shapes["blocks.0.mlp.fc1.weight"], shapes["blocks.0.mlp.fc2.weight"]
	return len(in) == 2 && len(out) == 2 && in[0] == 2*out[1]
}

// vitBlock are the names of a vision transformer block's layers in one layout, without .weight and .bias.
type vitBlock struct {
	norm1, norm2 string
	qkv          []string // one, or three for q, k and v
	proj         string
	in           []string // of the feed-forward layer: one, or two for the halves of a gated one
	out          string
	scale        [2]string // with their ending; empty without LayerScale
}

// vitTimm is timm's block, which the authors of DINOv2 and MAE use; scaledTimm has LayerScale, and gatedTimm the gated
// feed-forward layer as DINOv2's authors call it. timm calls it fc1 and fc2.
var (
	vitTimm    = vitBlock{norm1: "norm1", norm2: "norm2", qkv: []string{"attn.qkv"}, proj: "attn.proj", in: []string{"mlp.fc1"}, out: "mlp.fc2"}
	scaledTimm = vitTimm.scaled("mlp.fc1", "mlp.fc2")
	gatedTimm  = vitTimm.scaled("mlp.w12", "mlp.w3")
)

func (b vitBlock) scaled(in, out string) vitBlock {
	b.in, b.out, b.scale = []string{in}, out, [2]string{"ls1.gamma", "ls2.gamma"}
	return b
}

// canonicalDINOv2 is the block under the canonical names.
func canonicalDINOv2(gated bool) vitBlock {
	if gated {
		return gatedTimm
	}
	return scaledTimm
}

// hfAttention sets the names of attention as transformers 4 and the files on the hub have them, or, where names holds
// those behind prefix, as transformers 5 has them in memory.
func (b vitBlock) hfAttention(names []string, prefix string) vitBlock {
	b.qkv, b.proj = []string{"attention.attention.query", "attention.attention.key", "attention.attention.value"}, "attention.output.dense"
	if slices.Contains(names, prefix+"attention.q_proj.weight") {
		b.qkv, b.proj = []string{"attention.q_proj", "attention.k_proj", "attention.v_proj"}, "attention.o_proj"
	}
	return b
}

// hfDINOv2 are the names of a block in Hugging Face's layout; see hfAttention.
func hfDINOv2(names []string, first string, gated bool) vitBlock {
	b := vitBlock{norm1: "norm1", norm2: "norm2", in: []string{"mlp.fc1"}, out: "mlp.fc2", scale: [2]string{"layer_scale1.lambda1", "layer_scale2.lambda1"}}
	switch {
	case gated && slices.Contains(names, first+"mlp.gate_proj.weight"): // transformers 5
		b.in, b.out = []string{"mlp.gate_proj", "mlp.up_proj"}, "mlp.down_proj"
	case gated:
		b.in, b.out = []string{"mlp.weights_in"}, "mlp.weights_out"
	}
	return b.hfAttention(names, first)
}

// copyAll adds a rule for every pair of a name and the one it has in the set.
func (m *Mapping) copyAll(pairs [][2]string) {
	for _, p := range pairs {
		m.Rules = append(m.Rules, Rule{Name: p[0], From: []string{p[1]}})
	}
}

// blocks adds the rules that make the blocks whose tensors are called to, behind toPrefix and a number, of those called
// from behind fromPrefix.
func (m *Mapping) blocks(names []string, to, from vitBlock, toPrefix, fromPrefix string) error {
	layers, err := countLayers(names, fromPrefix)
	if err != nil {
		return err
	}
	if layers == 0 {
		return fmt.Errorf("weights: from layout %s: %w: there is no block %s0", m.From, ErrLayout, fromPrefix)
	}
	for l := range layers {
		n := strconv.Itoa(l) + "."
		for _, end := range []string{".weight", ".bias"} {
			m.copyAll([][2]string{
				{toPrefix + n + to.norm1 + end, fromPrefix + n + from.norm1 + end},
				{toPrefix + n + to.norm2 + end, fromPrefix + n + from.norm2 + end},
				{toPrefix + n + to.proj + end, fromPrefix + n + from.proj + end},
				{toPrefix + n + to.out + end, fromPrefix + n + from.out + end},
			})
			m.Rules = append(m.Rules, joined(to.qkv, from.qkv, toPrefix+n, fromPrefix+n, end)...)
			m.Rules = append(m.Rules, joined(to.in, from.in, toPrefix+n, fromPrefix+n, end)...)
		}
		if to.scale[0] != "" {
			m.copyAll([][2]string{{toPrefix + n + to.scale[0], fromPrefix + n + from.scale[0]}, {toPrefix + n + to.scale[1], fromPrefix + n + from.scale[1]}})
		}
	}
	return nil
}

// joined joins or cuts layers that one layout has as one tensor: queries, keys and values, or the halves of a gate.
func joined(to, from []string, toPrefix, fromPrefix, end string) []Rule {
	whole := make([]string, len(from))
	for i, f := range from {
		whole[i] = fromPrefix + f + end
	}
	switch {
	case len(to) == len(from):
		var out []Rule
		for i, t := range to {
			out = append(out, Rule{Name: toPrefix + t + end, From: whole[i : i+1]})
		}
		return out
	case len(to) == 1:
		return []Rule{{Name: toPrefix + to[0] + end, From: whole, Operation: Join}}
	}
	var out []Rule
	for i, t := range to {
		out = append(out, Rule{Name: toPrefix + t + end, From: whole, Operation: Part, Index: i, Of: len(to)})
	}
	return out
}

// firstOf is the first of prefixes that a name begins with, "" if none is.
func firstOf(n names, prefixes ...string) string {
	for _, p := range prefixes {
		if n.has(p) {
			return p
		}
	}
	return ""
}
