package weights

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/internal/safetensors"
)

func table(t testing.TB, file string) map[string][]int {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var x struct {
		Keys       map[string][]int
		Parameters int
	}
	if err := json.Unmarshal(data, &x); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, shape := range x.Keys {
		n := 1
		for _, d := range shape {
			n *= d
		}
		total += n
	}
	if total != x.Parameters || total != 151_277_313 {
		t.Fatalf("%s: %d elements, %d parameters", file, total, x.Parameters)
	}
	return x.Keys
}

func nameList(m map[string][]int) []string { return slices.Collect(maps.Keys(m)) }

// The tables are the state dicts of open_clip's ViT-B-32 and of transformers' CLIPModel at full size.
func TestFullSizeMappingIsABijection(t *testing.T) {
	openAI, hf := table(t, "openclip_vit_b_32.json"), table(t, "hf_clip_vit_b32.json")
	for _, c := range []struct {
		in, want map[string][]int
		layout   Layout
		mapping  func([]string) (Mapping, error)
	}{{hf, openAI, HuggingFace, HuggingFaceToOpenAI}, {openAI, hf, OpenAI, OpenAIToHuggingFace}} {
		if got, err := Detect(nameList(c.in)); err != nil || got.Layout != c.layout {
			t.Errorf("Detect: %q, %v, want %q", got, err, c.layout)
		}
		m, err := c.mapping(nameList(c.in))
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Shapes(c.in)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, c.want) {
			for name, shape := range c.want {
				if !slices.Equal(got[name], shape) {
					t.Errorf("to %s: %s is %v, want %v", m.To, name, got[name], shape)
				}
			}
			t.Errorf("to %s: %d names, want %d", m.To, len(got), len(c.want))
		}
	}
}

// openTest opens the weights of a reference case, which package golden keeps.
func openTest(t testing.TB, name string) *Set {
	t.Helper()
	s, err := Open(filepath.Join("..", "golden", "testdata", name, "weights.safetensors"), Options{CheckFinite: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Both files hold the same random weights, written by open_clip and by transformers.
func TestGoldenModelsMapOntoEachOther(t *testing.T) {
	openAI, hf := openTest(t, "clip_vit_openai_tiny"), openTest(t, "hf_clip_tiny")
	toOpenAI, layout, err := Canonical(hf)
	if err != nil || layout.Layout != HuggingFace {
		t.Fatal(layout, err)
	}
	m, err := OpenAIToHuggingFace(openAI.Names())
	if err != nil {
		t.Fatal(err)
	}
	toHF, err := m.Apply(openAI)
	if err != nil {
		t.Fatal(err)
	}
	same, layout, err := Canonical(openAI)
	if err != nil || layout.Layout != OpenAI {
		t.Fatal(layout, err)
	}
	for _, c := range []struct {
		what      string
		got, want *Set
	}{{"Hugging Face to OpenAI", toOpenAI, openAI}, {"OpenAI to Hugging Face", toHF, hf}, {"OpenAI to itself", same, openAI}} {
		if !slices.Equal(c.got.Names(), c.want.Names()) {
			t.Errorf("%s: names %v, want %v", c.what, c.got.Names(), c.want.Names())
			continue
		}
		for _, name := range c.want.Names() {
			got, _ := c.got.Tensor(name)
			want, _ := c.want.Tensor(name)
			if !slices.Equal(got.Shape, want.Shape) || got.DType != want.DType || !bytes.Equal(got.Data, want.Data) {
				t.Errorf("%s: %s %v differs from %v", c.what, name, got.Shape, want.Shape)
			}
		}
		if c.got.Hash() != c.want.Hash() {
			t.Errorf("%s: equal tensors, hashes %s and %s", c.what, c.got.Hash(), c.want.Hash())
		}
	}
	if openAI.Hash() == hf.Hash() {
		t.Error("two layouts have one hash")
	}
}

func TestMappedSetIsWritable(t *testing.T) {
	hf := openTest(t, "hf_clip_tiny")
	mapped, _, err := Canonical(hf)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "w.safetensors")
	if err := safetensors.WriteFile(path, mapped.Tensors(), map[string]string{"format": "pt"}); err != nil {
		t.Fatal(err)
	}
	again, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.Hash() != mapped.Hash() {
		t.Error("writing changes the content")
	}
}

// part returns the named tensors of a set, or all but the named ones.
func pick(t *testing.T, s *Set, keep func(string) bool) *Set {
	t.Helper()
	var out []safetensors.Tensor
	for _, x := range s.Tensors() {
		if keep(x.Name) {
			out = append(out, x)
		}
	}
	set, err := FromTensors("part of "+s.Ref(), out)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestPartsOfAModel(t *testing.T) {
	hf := openTest(t, "hf_clip_tiny")
	vision := pick(t, hf, func(n string) bool { return strings.HasPrefix(n, "vision_model.") })
	got, _, err := Canonical(vision)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range got.Names() {
		if !strings.HasPrefix(name, "visual.") || name == "visual.proj" {
			t.Errorf("an image tower without projection has %s", name)
		}
	}
	if _, err := got.Float32("visual.proj", 64, 48); !errors.Is(err, ErrMissing) {
		t.Errorf("absent projection: %v", err)
	}
	withIDs, err := FromTensors("old", append(hf.Tensors(), safetensors.Tensor{Name: "text_model.embeddings.position_ids", DType: "I64", Shape: []int{1, 2}, Data: make([]byte, 16)}))
	if err != nil {
		t.Fatal(err)
	}
	mapped, _, err := Canonical(withIDs)
	if err != nil {
		t.Fatal(err)
	}
	if want := openTest(t, "clip_vit_openai_tiny"); mapped.Hash() != want.Hash() {
		t.Error("stored position numbers change the weights")
	}
	archive, err := FromTensors("archive", append(openTest(t, "clip_vit_openai_tiny").Tensors(), safetensors.Tensor{Name: "context_length", DType: "I64", Data: make([]byte, 8)}))
	if err != nil {
		t.Fatal(err)
	}
	if mapped, _, err := Canonical(archive); err != nil || slices.Contains(mapped.Names(), "context_length") {
		t.Errorf("OpenAI's numbers stay: %v", err)
	}
}

func TestMappingErrors(t *testing.T) {
	hf, openAI := openTest(t, "hf_clip_tiny"), openTest(t, "clip_vit_openai_tiny")
	rename := func(s *Set, old, new string) *Set {
		all := s.Tensors()
		for i := range all {
			if all[i].Name == old {
				all[i].Name = new
			}
		}
		out, err := FromTensors("renamed", all)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	const key = "vision_model.encoder.layers.1.self_attn.k_proj.weight"
	for _, c := range []struct {
		name string
		set  *Set
		kind error
		says string
	}{
		{"lost tensor", pick(t, hf, func(n string) bool { return n != key }), ErrMissing, key},
		{"lost layer", pick(t, hf, func(n string) bool { return !strings.HasPrefix(n, "text_model.encoder.layers.1.") }), ErrMissing, "layers.1."},
		{"renamed tensor", rename(hf, key, key+"s"), ErrMissing, key + "s"},
		{"extra tensor", rename(hf, "logit_scale", "logit_bias"), ErrLayout, `"logit_bias"`},
		{"layer number", rename(hf, key, strings.Replace(key, ".1.", ".99999999999.", 1)), ErrLayout, "block number"},
		{"layer number with zero", rename(hf, key, strings.Replace(key, ".1.", ".01.", 1)), ErrLayout, "block number"},
		{"other names", rename(pick(t, openAI, func(n string) bool { return n == "logit_scale" }), "logit_scale", "fc.weight"), ErrLayout, "fc.weight"},
		{"two layouts in one", rename(rename(openAI, "visual.conv1.weight", "patch_embed.proj.weight"), "token_embedding.weight", "blocks.0.x"), ErrLayout, `"blocks.0.x"`},
	} {
		_, _, err := Canonical(c.set)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want %v naming %s", c.name, err, c.kind, c.says)
		}
	}
	if _, err := OpenAIToHuggingFace([]string{"visual.conv1.weight", "visual.layer1.0.conv1.weight"}); !errors.Is(err, ErrLayout) {
		t.Errorf("ResNet to Hugging Face: %v", err)
	}
	all := hf.Tensors()
	for i := range all {
		if all[i].Name == key {
			half, err := all[i].Float32()
			if err != nil {
				t.Fatal(err)
			}
			if all[i].Data, err = safetensors.Float16Bytes(half); err != nil {
				t.Fatal(err)
			}
			all[i].DType = safetensors.F16
		}
	}
	mixed, err := FromTensors("mixed", all)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Canonical(mixed); err == nil || !strings.Contains(err.Error(), "F16") {
		t.Errorf("q in F32 joined with k in F16: %v", err)
	}
}

func TestRuleShapes(t *testing.T) {
	in := map[string][]int{"a": {2, 3}, "b": {4, 3}, "c": {2, 5}, "s": {}, "v": {3}}
	for _, c := range []struct {
		rule Rule
		want []int // nil for an error
	}{
		{Rule{From: []string{"a", "b"}, Operation: Join}, []int{6, 3}},
		{Rule{From: []string{"a", "c"}, Operation: Join}, nil},
		{Rule{From: []string{"a", "v"}, Operation: Join}, nil},
		{Rule{From: []string{"s"}, Operation: Join}, nil},
		{Rule{From: []string{"a"}, Operation: Transpose}, []int{3, 2}},
		{Rule{From: []string{"v"}, Operation: Transpose}, nil},
		{Rule{From: []string{"b"}, Operation: Part, Of: 2}, []int{2, 3}},
		{Rule{From: []string{"v"}, Operation: Part, Of: 2}, nil},
		{Rule{From: []string{"s"}, Operation: Part, Of: 2}, nil},
	} {
		got, _, err := c.rule.shape(in, nil)
		if (err == nil) != (c.want != nil) || err == nil && !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, %v, want %v", c.rule, got, err, c.want)
		}
	}
	if !reflect.DeepEqual(in, map[string][]int{"a": {2, 3}, "b": {4, 3}, "c": {2, 5}, "s": {}, "v": {3}}) {
		t.Error("a rule changes the shapes it reads")
	}
	m := Mapping{Rules: []Rule{{Name: "x", From: []string{"a"}}, {Name: "x", From: []string{"b"}}}}
	if _, err := m.Shapes(map[string][]int{"a": {1}, "b": {1}}); !errors.Is(err, ErrLayout) {
		t.Errorf("two rules for one name: %v", err)
	}
}

func BenchmarkHash(b *testing.B) {
	s := openTest(b, "clip_vit_openai_tiny")
	n := 0
	for _, x := range s.Tensors() {
		n += len(x.Data)
	}
	b.SetBytes(int64(n))
	for b.Loop() {
		s.read()
	}
}
