package weights

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/dinov2"
	"github.com/ventral-lab/ventral/models/mae"
)

// keyTable reads a full-size table of names and shapes.
func keyTable(t *testing.T, name string) map[string][]int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "keys", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Keys map[string][]int `json:"keys"`
	}
	if err := json.Unmarshal(b, &table); err != nil {
		t.Fatal(err)
	}
	return table.Keys
}

// count is the number of elements of all tensors.
func count(shapes map[string][]int) int {
	n := 0
	for _, dims := range shapes {
		size := 1
		for _, d := range dims {
			size *= d
		}
		n += size
	}
	return n
}

// vitTables are all tables of the two families, what they are, and the configuration whose weights they hold. timm has no
// mask token, and with registers no row for the class token.
func vitTables() map[string]struct {
	found  Found
	config models.Config
	absent int // scalars of the configuration that the table has not, and which are zeros
} {
	type entry = struct {
		found  Found
		config models.Config
		absent int
	}
	tables := map[string]entry{}
	for letter, m := range map[string]struct {
		name string
		c    dinov2.Config
	}{"s": {"small", dinov2.ViTS14()}, "b": {"base", dinov2.ViTB14()}, "l": {"large", dinov2.ViTL14()}, "g": {"giant", dinov2.ViTG14()}} {
		unmasked, reg := m.c, m.c.WithRegisters(4)
		unmasked.MaskToken = false
		unmaskedReg := unmasked.WithRegisters(4)
		tables["original_dinov2_vit"+letter+"14"] = entry{Found{Architecture: "dinov2", Layout: Original}, m.c, 0}
		tables["original_dinov2_vit"+letter+"14_reg4"] = entry{Found{Architecture: "dinov2", Layout: Original}, reg, 0}
		tables["timm_vit_"+m.name+"_patch14_dinov2"] = entry{Found{Architecture: "dinov2", Layout: Timm}, unmasked, 0}
		tables["timm_vit_"+m.name+"_patch14_reg4_dinov2"] = entry{Found{Architecture: "dinov2", Layout: Timm}, unmaskedReg, m.c.Width}
		tables["hf_dinov2_"+m.name] = entry{Found{Architecture: "dinov2", Layout: HuggingFace}, m.c, 0}
		tables["hf_dinov2_with_registers_"+m.name] = entry{Found{Architecture: "dinov2", Layout: HuggingFace}, reg, 0}
	}
	for _, name := range []string{"hf_dinov2_base", "hf_dinov2_giant", "hf_dinov2_with_registers_base", "hf_dinov2_with_registers_giant"} {
		tables[name+"_inmemory_transformers5"] = tables[name]
	}
	hf := Found{Architecture: "mae", Layout: HuggingFace}
	for _, name := range []string{"", "_inmemory_transformers5"} {
		tables["hf_vit_mae_base_encoder"+name] = entry{hf, mae.ViTB16().Encoder(), 0}
		tables["hf_vit_mae_base_pretraining"+name] = entry{hf, mae.ViTB16(), 0}
	}
	tables["hf_vit_mae_base_pretraining_saved_transformers5"] = entry{hf, mae.ViTB16(), 0}
	tables["original_mae_vit_base_patch16"] = entry{Found{Architecture: "mae", Layout: Original}, mae.ViTB16(), 0}
	tables["timm_vit_base_patch16_224_mae"] = entry{Found{Architecture: "mae", Layout: Timm}, mae.ViTB16().Encoder(), 0}
	return tables
}

// TestVisionTransformerTables: every full-size checkpoint is recognised, and mapped to exactly the weights of its
// configuration.
func TestVisionTransformerTables(t *testing.T) {
	b, err := os.ReadFile("testdata/keys/index.json")
	if err != nil {
		t.Fatal(err)
	}
	var index map[string]struct{ Parameters int }
	if err := json.Unmarshal(b, &index); err != nil {
		t.Fatal(err)
	}
	tables := vitTables()
	for name := range index {
		if _, ok := tables[name]; !ok && (strings.Contains(name, "dinov2") || strings.Contains(name, "mae")) {
			t.Errorf("the table %s is not tested", name)
		}
	}
	for name, want := range tables {
		t.Run(name, func(t *testing.T) {
			keys := keyTable(t, name)
			if n := count(keys); n != index[name].Parameters || n+want.absent != models.Parameters(want.config) {
				t.Errorf("%d parameters, the index says %d and the configuration %d", n, index[name].Parameters, models.Parameters(want.config))
			}
			found, err := Detect(slices.Collect(maps.Keys(keys)))
			if err != nil || found != want.found {
				t.Fatalf("found %v, %v", found, err)
			}
			got, err := canonicalShapes(found, keys)
			if err != nil {
				t.Fatal(err)
			}
			if d := differ(got, want.config.Shapes()); d != "" {
				t.Error(d)
			}
			inferred, err := infer(found.Architecture, got)
			if err != nil || inferred != want.config {
				t.Errorf("inferred %+v, %v, want %+v", inferred, err, want.config)
			}
		})
	}
}

func canonicalShapes(found Found, shapes map[string][]int) (map[string][]int, error) {
	m, err := familyOf(found.Architecture).toCanonical(found.Layout, shapes)
	if err != nil {
		return nil, err
	}
	return m.Shapes(shapes)
}

func exportShapes(architecture string, to Layout, shapes map[string][]int) (map[string][]int, error) {
	m, err := familyOf(architecture).fromCanonical(to, shapes)
	if err != nil {
		return nil, err
	}
	return m.Shapes(shapes)
}

// infer reads a configuration off canonical shapes.
func infer(architecture string, shapes map[string][]int) (models.Config, error) {
	if architecture == "mae" {
		return mae.Infer(shapes)
	}
	c, err := dinov2.Infer(shapes, 0)
	return c, err
}

func differ(got, want map[string][]int) string {
	for name, dims := range want {
		if have, ok := got[name]; !ok {
			return name + " is missing"
		} else if !slices.Equal(have, dims) {
			return name + " has another shape"
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			return name + " has no place"
		}
	}
	return ""
}

// TestVisionTransformerExport: canonical names to a library's and back give the same names and shapes, and those of the
// library's own tables.
func TestVisionTransformerExport(t *testing.T) {
	for _, c := range []struct {
		architecture string
		to           Layout
		config       models.Config
		table        string
	}{
		{"dinov2", HuggingFace, dinov2.ViTB14(), "hf_dinov2_base"},
		{"dinov2", HuggingFace, dinov2.ViTG14().WithRegisters(4), "hf_dinov2_with_registers_giant"},
		{"mae", HuggingFace, mae.ViTB16(), "hf_vit_mae_base_pretraining"},
		{"mae", HuggingFace, mae.ViTB16().Encoder(), "hf_vit_mae_base_encoder"},
		{"mae", Timm, mae.ViTB16(), "timm_vit_base_patch16_224_mae"},
	} {
		t.Run(c.table, func(t *testing.T) {
			out, err := exportShapes(c.architecture, c.to, c.config.Shapes())
			if err != nil {
				t.Fatal(err)
			}
			if d := differ(out, keyTable(t, c.table)); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestVisionTransformerRefused: what is not whole, or is another network, says so.
func TestVisionTransformerRefused(t *testing.T) {
	for _, c := range []struct {
		name, table string
		spoil       func(keys map[string][]int)
		want        error
		says        string
	}{
		{"a missing tensor", "original_dinov2_vitb14", func(k map[string][]int) { delete(k, "blocks.7.mlp.fc2.bias") }, ErrMissing, "blocks.7.mlp.fc2.bias"},
		{"a missing third of attention", "hf_dinov2_base", func(k map[string][]int) { delete(k, "encoder.layer.3.attention.attention.key.weight") }, ErrMissing, "key.weight"},
		{"a tensor too many", "timm_vit_base_patch14_reg4_dinov2", func(k map[string][]int) { k["blocks.0.attn.q_norm.weight"] = []int{64} }, ErrLayout, "q_norm"},
		{"a decoder tensor too many", "hf_vit_mae_base_pretraining", func(k map[string][]int) { k["decoder.cls"] = []int{512} }, ErrLayout, "decoder.cls"},
		{"parts that do not fit", "hf_vit_mae_base_encoder", func(k map[string][]int) { k["encoder.layer.0.attention.attention.key.weight"] = []int{768, 700} }, ErrShape, "joined"},
		{"a block left out", "original_mae_vit_base_patch16", func(k map[string][]int) {
			for name := range k {
				if strings.HasPrefix(name, "decoder_blocks.2.") {
					delete(k, name)
				}
			}
		}, ErrMissing, "decoder_blocks.2."},
		{"a classifier", "timm_vit_base_patch16_224_mae", func(k map[string][]int) { k["head.weight"], k["head.bias"] = []int{1000, 768}, []int{1000} }, ErrLayout, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			keys := keyTable(t, c.table)
			c.spoil(keys)
			found, err := Detect(slices.Collect(maps.Keys(keys)))
			if err == nil {
				_, err = canonicalShapes(found, keys)
			}
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %v that names %q", err, c.want, c.says)
			}
		})
	}
}

// TestVisionTransformerValues: the three layouts of one small network hold the same numbers under the canonical names, and
// what goes to Hugging Face's layout and back is unchanged.
func TestVisionTransformerValues(t *testing.T) {
	open := func(file string) (*Set, *Set) {
		set, err := Open(filepath.Join("..", "golden", "testdata", filepath.FromSlash(file)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { set.Close() })
		canonical, _, err := Canonical(set)
		if err != nil {
			t.Fatal(err)
		}
		return set, canonical
	}
	values := func(s *Set, name string) []float32 {
		tensor, ok := s.Tensor(name)
		if !ok {
			t.Fatalf("%s is missing", name)
		}
		v, err := tensor.Float32()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct{ hf, original, timm, architecture string }{
		{"dinov2reg_tiny/weights_hf.safetensors", "dinov2reg_tiny/weights_dinov2hub.safetensors", "dinov2reg_tiny/weights_timm.safetensors", "dinov2"},
		{"dinov2reg_swiglu_tiny/weights_hf.safetensors", "dinov2reg_swiglu_tiny/weights_original.safetensors", "dinov2reg_swiglu_tiny/weights_timm.safetensors", "dinov2"},
		{"vitmae_tiny/weights.safetensors", "", "mae_timm_tiny/weights.safetensors", "mae"},
		{"mae_tiny/weights_hf.safetensors", "mae_tiny/weights_original.safetensors", "", "mae"},
	} {
		hf, canonical := open(c.hf)
		back, err := Export(canonical, c.architecture, HuggingFace)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range hf.Names() {
			if !slices.Equal(values(back, name), values(hf, name)) {
				t.Errorf("%s: %s changed on its way to the canonical layout and back", c.hf, name)
			}
		}
		if c.original != "" {
			_, original := open(c.original)
			for _, name := range canonical.Names() {
				if !slices.Equal(values(original, name), values(canonical, name)) {
					t.Errorf("%s: %s is another in the authors' layout", c.hf, name)
				}
			}
		}
		if c.timm == "" {
			continue
		}
		_, timm := open(c.timm)
		for _, name := range timm.Names() {
			got, want := values(timm, name), values(canonical, name)
			if c.architecture == "dinov2" && name == "pos_embed" {
				// timm adds the class token's position to the token: the same sum of the two first rows.
				width := len(values(canonical, "cls_token"))
				for i := range width {
					sum := values(canonical, "cls_token")[i] + want[i]
					if got[i] != 0 || values(timm, "cls_token")[i] != sum {
						t.Fatalf("%s: class token %g at %g, want 0 at %g", c.timm, values(timm, "cls_token")[i], got[i], sum)
					}
				}
				got, want = got[width:], want[width:]
			}
			if name != "cls_token" || c.architecture == "mae" {
				if !slices.Equal(got, want) {
					t.Errorf("%s: %s is another in timm's layout", c.timm, name)
				}
			}
		}
	}
}
