package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
)

// TestCLIPTables: every full-size table of a CLIP is recognised and maps to exactly the weights of its configuration.
func TestCLIPTables(t *testing.T) {
	openAI, hf, timm := Found{"clip-vit", OpenAI}, Found{"clip-vit", HuggingFace}, Found{"clip-vit", Timm}
	resNet, timmResNet := Found{"clip-resnet", OpenAI}, Found{"clip-resnet", Timm}
	tables := map[string]struct {
		found  Found
		config clip.Config
	}{
		"openclip_vit_b_32": {openAI, clip.ViTB32()}, "openclip_vit_b_16": {openAI, clip.ViTB16()}, "openclip_vit_l_14": {openAI, clip.ViTL14()},
		"openclip_rn50": {resNet, clip.RN50()}, "openclip_rn101": {resNet, clip.RN101()}, "openclip_rn50x4": {resNet, clip.RN50x4()},
		"openclip_rn50x16": {resNet, clip.RN50x16()}, "openclip_rn50x64": {resNet, clip.RN50x64()},
		"hf_clip_vit_b32": {hf, clip.ViTB32()}, "hf_clip_vit_b32_inmemory_transformers5": {hf, clip.ViTB32()},
		"hf_clip_vit_b16": {hf, clip.ViTB16()}, "hf_clip_vit_l14": {hf, clip.ViTL14()},
		"timm_vit_base_patch32_clip_224_openai":  {timm, clip.ViTB32().VisualOnly()},
		"timm_vit_base_patch16_clip_224_openai":  {timm, clip.ViTB16().VisualOnly()},
		"timm_vit_large_patch14_clip_224_openai": {timm, clip.ViTL14().VisualOnly()},
		"timm_resnet50_clip_openai":              {timmResNet, clip.RN50().VisualOnly()},
		"timm_resnet50x4_clip_openai":            {timmResNet, clip.RN50x4().VisualOnly()},
	}
	paths, err := filepath.Glob("testdata/keys/*.json")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		want, listed := tables[name]
		if name == "index" {
			continue
		}
		table, err := ReadTable(path)
		if err != nil {
			t.Fatal(err)
		}
		shapes, found, err := CanonicalShapes(table.Keys)
		if listed {
			compared++
		} else {
			if strings.Contains(name, "clip") || strings.HasPrefix(found.Architecture, "clip") {
				t.Errorf("%s is taken for %s (%v) and not in this test's list", name, found, err)
			}
			continue
		}
		if err != nil || found != want.found {
			t.Errorf("%s: %s, %v", name, found, err)
			continue
		}
		if !maps.EqualFunc(shapes, want.config.Shapes(), slices.Equal[[]int]) {
			t.Errorf("%s: %d tensors, the configuration has %d", name, len(shapes), len(want.config.Shapes()))
		}
		inferred, err := clip.Infer(shapes, 0)
		if err != nil || inferred != want.config {
			t.Errorf("%s: inferred %+v, %v", name, inferred, err)
		}
		headBias := 0 // timm's, of zeros, which the architecture has not
		if want.found == timm {
			headBias = want.config.EmbedDim
		}
		if got := models.Parameters(inferred) + headBias; got != table.Parameters {
			t.Errorf("%s: %d parameters, the table says %d", name, got, table.Parameters)
		}
	}
	if compared != len(tables) {
		t.Errorf("%d of %d tables are there", compared, len(tables))
	}
}

// TestCLIPVariants: names as open_clip's CustomTextCLIP has them, and towers that were saved alone, lead to the same
// canonical names.
func TestCLIPVariants(t *testing.T) {
	prefixed := func(c clip.Config, to func(name string) string) map[string][]int {
		out := map[string][]int{}
		for name, dims := range c.Shapes() {
			out[to(name)] = dims
			if layer, ok := strings.CutSuffix(name, "running_var"); ok {
				out[to(layer+"num_batches_tracked")] = nil
			}
		}
		return out
	}
	custom := func(name string) string {
		if strings.HasPrefix(name, "visual.") || name == "logit_scale" {
			return name
		}
		return "text." + name
	}
	bare := func(name string) string { return strings.TrimPrefix(name, "visual.") }
	for _, c := range []clip.Config{clip.ViTB32(), clip.RN50()} {
		architecture := "clip-vit"
		if c.ResNet() {
			architecture = "clip-resnet"
		}
		noProjection := c.VisualOnly()
		noProjection.EmbedDim = 0
		for what, x := range map[string]struct {
			in, want map[string][]int
		}{
			"canonical":        {prefixed(c, strings.Clone), c.Shapes()},
			"CustomText":       {prefixed(c, custom), c.Shapes()},
			"visual alone":     {prefixed(c.VisualOnly(), bare), c.VisualOnly().Shapes()},
			"visual, prefixed": {prefixed(c.VisualOnly(), strings.Clone), c.VisualOnly().Shapes()},
			"no projection":    {prefixed(noProjection, bare), noProjection.Shapes()},
		} {
			if what == "no projection" && c.ResNet() {
				continue // OpenAI's ResNet always has one
			}
			got, found, err := CanonicalShapes(x.in)
			if err != nil || found != (Found{architecture, OpenAI}) {
				t.Errorf("%s %s: %s, %v", architecture, what, found, err)
				continue
			}
			if !maps.EqualFunc(got, x.want, slices.Equal[[]int]) {
				t.Errorf("%s %s: %d tensors, want %d", architecture, what, len(got), len(x.want))
			}
		}
		for name, change := range map[string]func(map[string][]int){
			"visual.extra":                func(m map[string][]int) { m["visual.extra"] = []int{3} },
			"logit_bias":                  func(m map[string][]int) { m["logit_bias"] = nil },
			"transformer.resblocks.0.ls":  func(m map[string][]int) { m["transformer.resblocks.0.ls"] = []int{3} },
			"text.positional_embedding":   func(m map[string][]int) { m["text.positional_embedding"] = []int{3} },
			"visual.layer5.0.conv1":       func(m map[string][]int) { m["visual.layer5.0.conv1.weight"] = []int{3} },
			"visual.layer1.01.bn1.weight": func(m map[string][]int) { m["visual.layer1.01.bn1.weight"] = []int{3} },
		} {
			in := c.Shapes()
			change(in)
			if _, _, err := CanonicalShapes(in); !errors.Is(err, ErrLayout) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s with %s: %v", architecture, name, err)
			}
		}
	}
}

// TestTimmFusedPool: an attention pool that keeps q, k and v as one is cut in three.
func TestTimmFusedPool(t *testing.T) {
	table, err := ReadTable("testdata/keys/timm_resnet50_clip_openai.json")
	if err != nil {
		t.Fatal(err)
	}
	in := maps.Clone(table.Keys)
	for _, part := range []string{"q", "k", "v"} {
		delete(in, "head."+part+".weight")
		delete(in, "head."+part+".bias")
	}
	in["head.qkv.weight"], in["head.qkv.bias"] = []int{3 * 2048, 2048}, []int{3 * 2048}
	got, found, err := CanonicalShapes(in)
	if err != nil || !maps.EqualFunc(got, clip.RN50().VisualOnly().Shapes(), slices.Equal[[]int]) {
		t.Errorf("%s: %d tensors, %v", found, len(got), err)
	}
}

// TestTimmHeadBias: a bias that is zero everywhere is left out; one that is not is refused.
func TestTimmHeadBias(t *testing.T) {
	s, err := Open(filepath.Join("..", "golden", "testdata", "clip_vit_timm_tiny", "weights_timm.safetensors"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	with := func(bias ...float32) *Set {
		var out []safetensors.Tensor
		for _, x := range s.Tensors() {
			if x.Name != "head.bias" {
				out = append(out, x)
			} else if bias == nil {
				continue
			} else {
				x.Data = make([]byte, len(x.Data))
				for i, v := range bias {
					binary.LittleEndian.PutUint32(x.Data[4*(len(x.Data)/4-1-i):], math.Float32bits(v))
				}
				out = append(out, x)
			}
		}
		set, err := FromTensors("changed", out)
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	var hashes []string
	for _, set := range []*Set{s, with(), with(float32(math.Copysign(0, -1)))} {
		m, found, err := Canonical(set)
		if err != nil || found != (Found{"clip-vit", Timm}) || slices.Contains(m.Names(), "head.bias") {
			t.Fatalf("%s: %v", found, err)
		}
		hashes = append(hashes, m.Hash())
	}
	if len(slices.Compact(hashes)) != 1 {
		t.Errorf("a bias of zeros changes the weights: %v", hashes)
	}
	for _, v := range []float32{1e-30, float32(math.NaN())} {
		if _, _, err := Canonical(with(v)); !errors.Is(err, ErrLayout) || !strings.Contains(err.Error(), "head.bias") {
			t.Errorf("a bias with %v: %v", v, err)
		}
	}
}

// TestLayoutsOfOneTower: the same weights in timm's and in OpenAI's layout have one hash.
func TestLayoutsOfOneTower(t *testing.T) {
	for _, name := range []string{"clip_vit_timm_tiny", "clip_rn_timm_tiny"} {
		var hashes []string
		for _, layout := range []string{"timm", "openai"} {
			s, err := Open(filepath.Join("..", "golden", "testdata", name, "weights_"+layout+".safetensors"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			m, _, err := Canonical(s)
			if err != nil {
				t.Fatal(err)
			}
			hashes = append(hashes, m.Hash())
		}
		if hashes[0] != hashes[1] {
			t.Errorf("%s: timm's has hash %s, OpenAI's %s", name, hashes[0], hashes[1])
		}
	}
}

// TestNotCLIP: names that look like a CLIP's in part are not taken for one.
func TestNotCLIP(t *testing.T) {
	for what, list := range map[string][]string{
		"a plain vision transformer of timm's": {"cls_token", "pos_embed", "patch_embed.proj.weight", "blocks.0.attn.qkv.weight", "norm.weight", "head.weight"},
		"torchvision's ResNet":                 {"conv1.weight", "bn1.weight", "layer1.0.conv1.weight", "layer4.2.bn3.weight", "fc.weight"},
		"timm's CLIP ResNet, pool taken off":   {"stem.conv1.conv.weight", "stages.0.0.conv1_1x1.conv.weight", "head.fc.weight"},
	} {
		if found, err := Detect(list); err == nil && strings.HasPrefix(found.Architecture, "clip") {
			t.Errorf("%s is taken for %s", what, found)
		}
	}
	in := clip.RN50().Shapes()
	in["visual.attnpool.q_proj.weight"] = []int{7}
	got, _, err := CanonicalShapes(in)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got["visual.attnpool.q_proj.weight"]) != "[7]" {
		t.Error("a mapping hides a wrong shape")
	}
}
