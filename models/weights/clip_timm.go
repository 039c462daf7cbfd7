package weights

import (
	"fmt"
	"strconv"
)

// timmBlock are the tensors of a block in timm's vision transformer, behind blocks.N., and OpenAI's names for them. Both
// keep q, k and v of attention as one, in this order.
var timmBlock = [][2]string{
	{"norm1.weight", "ln_1.weight"}, {"norm1.bias", "ln_1.bias"},
	{"attn.qkv.weight", "attn.in_proj_weight"}, {"attn.qkv.bias", "attn.in_proj_bias"},
	{"attn.proj.weight", "attn.out_proj.weight"}, {"attn.proj.bias", "attn.out_proj.bias"},
	{"norm2.weight", "ln_2.weight"}, {"norm2.bias", "ln_2.bias"},
	{"mlp.fc1.weight", "mlp.c_fc.weight"}, {"mlp.fc1.bias", "mlp.c_fc.bias"},
	{"mlp.fc2.weight", "mlp.c_proj.weight"}, {"mlp.fc2.bias", "mlp.c_proj.bias"},
}

// timmToCLIP maps timm's vit_*_clip_*, an image tower alone. Its class token and positions have leading axes of 1, and
// its head is the projection transposed with a bias of zeros that CLIP has not. A head whose bias is not zero was trained
// to classify.
func timmToCLIP(names []string, shapes map[string][]int) (Mapping, error) {
	m := Mapping{From: Timm, To: OpenAI}
	for _, x := range []struct {
		from, to string
		rank     int
	}{{"cls_token", "visual.class_embedding", 1}, {"pos_embed", "visual.positional_embedding", 2}} {
		shape := shapes[x.from]
		if len(shape) != 3 {
			return Mapping{}, fmt.Errorf("weights: from layout %s: tensor %q: %w: %v, want three axes, the first of them 1", Timm, x.from, ErrShape, shape)
		}
		m.Rules = append(m.Rules, Rule{Name: x.to, From: []string{x.from}, Operation: View, Shape: shape[3-x.rank:]})
	}
	for _, x := range [][2]string{{"patch_embed.proj.weight", "visual.conv1.weight"},
		{"norm_pre.weight", "visual.ln_pre.weight"}, {"norm_pre.bias", "visual.ln_pre.bias"},
		{"norm.weight", "visual.ln_post.weight"}, {"norm.bias", "visual.ln_post.bias"}} {
		m.Rules = append(m.Rules, Rule{Name: x[1], From: []string{x[0]}})
	}
	layers, err := countLayers(names, "blocks.")
	if err != nil {
		return Mapping{}, err
	}
	for l := range layers {
		n := strconv.Itoa(l) + "."
		for _, x := range timmBlock {
			m.Rules = append(m.Rules, Rule{Name: "visual.transformer.resblocks." + n + x[1], From: []string{"blocks." + n + x[0]}})
		}
	}
	m.Rules = append(m.Rules, Rule{Name: "visual.proj", From: []string{"head.weight"}, Operation: Transpose, Optional: true})
	if _, ok := shapes["head.bias"]; ok {
		m.Zero = append(m.Zero, "head.bias")
	}
	return m, nil
}

// checkZeros returns an error if one of the tensors in Zero holds anything else.
func (m Mapping) checkZeros(s *Set) error {
	for _, name := range m.Zero {
		t, ok := s.Tensor(name)
		if !ok {
			continue
		}
		values, err := t.Float32()
		if err != nil {
			return fmt.Errorf("weights: %s: %w", s.ref, err)
		}
		for i, v := range values {
			if v != 0 {
				return fmt.Errorf("weights: %s: %w: tensor %q holds %v at %d; this architecture has no such tensor and takes it only where it is zero: the checkpoint was trained for something else", s.ref, ErrLayout, name, v, i)
			}
		}
	}
	return nil
}
