package weights

import "slices"

// maeFamily are masked autoencoders, and encoders of such. The canonical names are those of the authors' code.
var maeFamily = family{
	architecture: "mae",
	detect: func(n names) (Layout, bool) {
		for _, prefix := range []string{"", "vit."} {
			if n.has(prefix+"embeddings.patch_embeddings.") && n.has(prefix+"embeddings.position_embeddings") &&
				(n.has(prefix+"encoder.layer.0.layernorm_before.") || n.has(prefix+"layers.0.layernorm_before.")) &&
				!n.has("pooler.") && !n.has("vit.pooler.") && !n.has("classifier.") {
				return HuggingFace, true
			}
		}
		switch {
		case !n.has("patch_embed.proj.weight") || !n.has("cls_token") || !n.has("pos_embed") || !n.has("blocks.0.attn.qkv.weight") || n.has("blocks.0.ls1."):
			return "", false
		case n.has("decoder_blocks.") && n.has("decoder_embed."):
			return Original, true
		case n.has("norm_pre.") || n.has("head") || n.has("fc_norm.") || n.has("reg_token") || n.has("register_tokens") || n.has("mask_token"):
			return "", false // another vision transformer, or a classifier
		}
		return Timm, true // the authors' encoder checkpoints have the same names
	},
	toCanonical: func(from Layout, shapes map[string][]int) (Mapping, error) {
		m := Mapping{From: from, To: Original}
		names := sortedNames(shapes)
		if from != HuggingFace {
			return m, m.maeOwn(names, from == Original)
		}
		vit := firstOf(names, "vit.")
		for _, p := range maeHF {
			m.Rules = append(m.Rules, Rule{Name: p[0], From: []string{vit + p[1]}})
		}
		prefix := vit + firstOf(trimmed(names, vit), "encoder.layer.", "layers.")
		if err := m.blocks(names, vitTimm, hfMAE(names, prefix+"0."), "blocks.", prefix); err != nil {
			return m, err
		}
		prefix = firstOf(names, "decoder.decoder_layers.", "decoder.decoder_encoder.layer.")
		if prefix == "" {
			return m, nil
		}
		for _, name := range maeDecoder {
			m.Rules = append(m.Rules, Rule{Name: name, From: []string{"decoder." + name}})
		}
		return m, m.blocks(names, vitTimm, hfMAE(names, prefix+"0."), "decoder_blocks.", prefix)
	},
	fromCanonical: func(to Layout, shapes map[string][]int) (Mapping, error) {
		m := Mapping{From: Original, To: to}
		names := sortedNames(shapes)
		hasDecoder := slices.Contains(names, "decoder_embed.weight")
		if to == Timm {
			for _, name := range names {
				if len(firstOf([]string{name}, "decoder_", "mask_token")) > 0 {
					m.Ignored = append(m.Ignored, name) // timm has the encoder only
				}
			}
			return m, m.maeOwn(names, false)
		}
		vit := ""
		if hasDecoder {
			vit = "vit."
		}
		for _, p := range maeHF {
			m.Rules = append(m.Rules, Rule{Name: vit + p[1], From: []string{p[0]}})
		}
		hf := hfMAE(nil, "")
		if err := m.blocks(names, hf, vitTimm, vit+"encoder.layer.", "blocks."); err != nil || !hasDecoder {
			return m, err
		}
		for _, name := range maeDecoder {
			m.Rules = append(m.Rules, Rule{Name: "decoder." + name, From: []string{name}})
		}
		return m, m.blocks(names, hf, vitTimm, "decoder.decoder_layers.", "decoder_blocks.")
	},
	layouts: []Layout{HuggingFace, Timm},
}

// maeHF are canonical names of the encoder and those of Hugging Face's ViTMAEModel, of what is not a block.
var maeHF = dinoV2HF

// maeDecoder are the decoder's weights that are in no block; Hugging Face puts "decoder." before them.
var maeDecoder = []string{"mask_token", "decoder_pos_embed", "decoder_embed.weight", "decoder_embed.bias",
	"decoder_norm.weight", "decoder_norm.bias", "decoder_pred.weight", "decoder_pred.bias"}

// maeOwn adds the rules for a checkpoint under the canonical names.
func (m *Mapping) maeOwn(names []string, decoder bool) error {
	for _, p := range maeHF {
		m.Rules = append(m.Rules, Rule{Name: p[0], From: []string{p[0]}})
	}
	if err := m.blocks(names, vitTimm, vitTimm, "blocks.", "blocks."); err != nil || !decoder {
		return err
	}
	for _, name := range maeDecoder {
		m.Rules = append(m.Rules, Rule{Name: name, From: []string{name}})
	}
	return m.blocks(names, vitTimm, vitTimm, "decoder_blocks.", "decoder_blocks.")
}

// hfMAE are the names of a block in Hugging Face's layout: those of the files, or those that transformers 5 has in memory
// where names has them behind first, the prefix of block 0.
func hfMAE(names []string, first string) vitBlock {
	b := vitBlock{norm1: "layernorm_before", norm2: "layernorm_after", in: []string{"intermediate.dense"}, out: "output.dense"}
	if slices.Contains(names, first+"mlp.fc1.weight") {
		b.in, b.out = vitTimm.in, vitTimm.out
	}
	return b.hfAttention(names, first)
}

// trimmed are the names behind prefix.
func trimmed(n names, prefix string) names {
	var out names
	for _, name := range n {
		if len(name) >= len(prefix) && name[:len(prefix)] == prefix {
			out = append(out, name[len(prefix):])
		}
	}
	return out
}
