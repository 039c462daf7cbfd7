package weights

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/internal/safetensors"
)

const goldenDir = "../golden/testdata/"

// TestConvertThereAndBack writes checkpoints in every layout they can have and back, and wants the same bytes.
func TestConvertThereAndBack(t *testing.T) {
	for _, file := range []string{"clip_vit_openai_tiny/weights.safetensors", "hf_clip_tiny/weights.safetensors", "vgg_tiny/weights.safetensors",
		"clip_rn_full_tiny/weights.safetensors", "nasnet_tiny/weights.safetensors", "dinov2reg_tiny/weights_dinov2hub.safetensors", "mae_tiny/weights_original.safetensors"} {
		t.Run(file, func(t *testing.T) {
			dir := t.TempDir()
			s, err := Open(goldenDir+file, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			canonical, found, err := Canonical(s)
			if err != nil {
				t.Fatal(err)
			}
			read, write := Layouts(found.Architecture)
			if !slices.Contains(read, found.Layout) || len(write) == 0 || !slices.Contains(read, write[0]) {
				t.Errorf("%s: read %v, written %v", found, read, write)
			}
			first := filepath.Join(dir, "canonical.safetensors")
			c, err := Convert(t.Context(), goldenDir+file, first, ConvertOptions{To: write[0]})
			if err != nil || !c.Same || c.Tensors != len(canonical.names) || c.Found != found {
				t.Fatalf("%+v, %v", c, err)
			}
			want, err := os.ReadFile(first)
			if err != nil {
				t.Fatal(err)
			}
			for _, to := range write[1:] {
				there, back := filepath.Join(dir, string(to)+".safetensors"), filepath.Join(dir, "back.safetensors")
				c, err := Convert(t.Context(), first, there, ConvertOptions{To: to})
				if err != nil || !c.Same {
					t.Errorf("to %s: %+v, %v", to, c, err)
					continue
				}
				if len(c.LeftOut) > 0 { // timm's masked autoencoder is its encoder alone
					if found.Architecture != "mae" || to != Timm || !strings.HasPrefix(c.LeftOut[0], "decoder") {
						t.Errorf("to %s: left out %v", to, c.LeftOut)
					}
					continue
				}
				if c, err := Convert(t.Context(), there, back, ConvertOptions{To: write[0]}); err != nil || !c.Same || c.Found.Layout != to {
					t.Errorf("back from %s: %+v, %v", to, c, err)
				}
				if got, err := os.ReadFile(back); err != nil || string(got) != string(want) {
					t.Errorf("by way of %s: other bytes, %v", to, err)
				}
			}
		})
	}
}

// TestLayoutsKnowTheirNames holds the table of layouts to the mappings: the canonical layout is where they lead.
func TestLayoutsKnowTheirNames(t *testing.T) {
	for _, f := range families {
		read, write := Layouts(f.architecture)
		if len(read) == 0 || len(write) == 0 {
			t.Errorf("%s has no layouts", f.architecture)
		}
	}
	paths, err := filepath.Glob("testdata/keys/*.json")
	if err != nil {
		t.Fatal(err)
	}
	tables := 0
	for _, path := range paths {
		if filepath.Base(path) == "index.json" {
			continue
		}
		table, err := ReadTable(path)
		if err != nil {
			t.Fatal(err)
		}
		shapes, found, err := CanonicalShapes(table.Keys)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		read, write := Layouts(found.Architecture)
		if !slices.Contains(read, found.Layout) {
			t.Errorf("%s: %s is not among the layouts that are read, %v", path, found, read)
		}
		// Some names are those of two libraries, so canonical names may be taken for the other's; they lead to themselves.
		again, as, err := CanonicalShapes(shapes)
		if err != nil || !reflect.DeepEqual(again, shapes) || as.Architecture != found.Architecture || !slices.Contains(read, as.Layout) {
			t.Errorf("%s: the canonical names are taken for %s, %v", path, as, err)
		}
		if found.Layout == write[0] && as != found {
			t.Errorf("%s: the canonical names are those of %s, the table says %s", path, as, found)
		}
		tables++
	}
	if tables < 20 {
		t.Errorf("%d tables", tables)
	}
	if read, write := Layouts("perceptron"); read != nil || write != nil {
		t.Errorf("layouts of nothing: %v, %v", read, write)
	}
}

// tiny is a checkpoint of a small CLIP on disk, with one tensor changed.
func tiny(t *testing.T, change func(x *safetensors.Tensor) (keep bool)) string {
	t.Helper()
	var out []safetensors.Tensor
	for _, x := range openTest(t, "clip_vit_openai_tiny").Tensors() {
		x.Data = slices.Clone(x.Data)
		if change(&x) {
			out = append(out, x)
		}
	}
	path := filepath.Join(t.TempDir(), "tiny.safetensors")
	if err := safetensors.WriteFile(path, out, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

// setTo makes an element of a float32 tensor another number.
func setTo(name string, at int, v float32) func(*safetensors.Tensor) bool {
	return func(x *safetensors.Tensor) bool {
		if x.Name == name {
			copy(x.Data[4*at:], safetensors.Float32Bytes([]float32{v}))
		}
		return true
	}
}

// TestConvertRounds checks float16 against the rounding of single numbers, and that integers stay.
func TestConvertRounds(t *testing.T) {
	half, full := filepath.Join(t.TempDir(), "half.safetensors"), filepath.Join(t.TempDir(), "full.safetensors")
	path := tiny(t, func(*safetensors.Tensor) bool { return true })
	if c, err := Convert(t.Context(), path, half, ConvertOptions{To: HuggingFace, DType: safetensors.F16}); err != nil || c.Same {
		t.Fatalf("%+v, %v", c, err)
	}
	if c, err := Convert(t.Context(), half, full, ConvertOptions{To: OpenAI, DType: safetensors.F32}); err != nil {
		t.Fatalf("%+v, %v", c, err)
	}
	a, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := Open(full, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, name := range a.Names() {
		x, _ := a.Tensor(name)
		y, ok := b.Tensor(name)
		if !ok || y.DType != safetensors.F32 {
			t.Fatalf("%s: %v %s", name, ok, y.DType)
		}
		u, err := x.Float32()
		v, err2 := y.Float32()
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		for i := range u {
			if want := safetensors.Float16ToFloat32(safetensors.Float32ToFloat16(u[i])); v[i] != want {
				t.Fatalf("%s[%d]: %v became %v, want %v", name, i, u[i], v[i], want)
			}
		}
	}
}

func TestConvertErrors(t *testing.T) {
	const key = "visual.transformer.resblocks.1.mlp.c_fc.weight"
	keep := func(*safetensors.Tensor) bool { return true }
	for name, c := range map[string]struct {
		path string
		o    ConvertOptions
		kind error
		says string
	}{
		"too large for float16": {tiny(t, setTo(key, 7, 70000)), ConvertOptions{To: OpenAI, DType: safetensors.F16}, safetensors.ErrValue, key},
		"NaN":                   {tiny(t, setTo(key, 7, float32(math.NaN()))), ConvertOptions{To: OpenAI}, safetensors.ErrValue, key},
		"infinite":              {tiny(t, setTo(key, 7, float32(math.Inf(-1)))), ConvertOptions{To: HuggingFace}, safetensors.ErrValue, key},
		"no such layout":        {tiny(t, keep), ConvertOptions{To: Torchvision}, ErrLayout, "huggingface"},
		"no such dtype":         {tiny(t, keep), ConvertOptions{To: OpenAI, DType: "BF16"}, nil, "f32 or f16"},
		"missing tensor": {tiny(t, func(x *safetensors.Tensor) bool { return x.Name != key }), ConvertOptions{To: HuggingFace},
			ErrMissing, "c_fc.weight"},
		"extra tensor": {tiny(t, func(x *safetensors.Tensor) bool {
			if x.Name == "logit_scale" {
				x.Name = "visual.extra"
			}
			return true
		}), ConvertOptions{To: HuggingFace}, ErrLayout, "visual.extra"},
	} {
		out := filepath.Join(t.TempDir(), "out.safetensors")
		_, err := Convert(t.Context(), c.path, out, c.o)
		if err == nil || c.kind != nil && !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want %v naming %s", name, err, c.kind, c.says)
		}
		if left, _ := os.ReadDir(filepath.Dir(out)); len(left) > 0 {
			t.Errorf("%s: left behind %v", name, left)
		}
	}
	if _, err := Convert(t.Context(), tiny(t, keep), "x.bin", ConvertOptions{To: OpenAI}); err == nil {
		t.Error("a name that is no safetensors")
	}
}

// TestMappedTensorsAreCalledByBothNames: an error about a tensor that a mapping made says what it is called in the file.
func TestMappedTensorsAreCalledByBothNames(t *testing.T) {
	const q = "vision_model.encoder.layers.0.self_attn.q_proj.weight"
	all := openTest(t, "hf_clip_tiny").Tensors()
	for i := range all {
		if all[i].Name == q {
			all[i].Data = slices.Clone(all[i].Data)
			copy(all[i].Data, safetensors.Float32Bytes([]float32{float32(math.NaN())}))
		}
	}
	s, err := FromTensors("test", all)
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := Canonical(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckFinite(); err == nil || !strings.Contains(err.Error(), "visual.transformer.resblocks.0.attn.in_proj_weight") || !strings.Contains(err.Error(), q) {
		t.Error(err)
	}
	if err := c.Check("visual.conv1.weight", 5, 5); err == nil || !strings.Contains(err.Error(), "vision_model.embeddings.patch_embedding.weight") {
		t.Error(err)
	}
	if err := c.Check("text_projection", 3, 3); !errors.Is(err, ErrShape) {
		t.Error(err)
	}
}

// TestTransposedIsRecognised: a shape whose axes are in another order is said to be one.
func TestTransposedIsRecognised(t *testing.T) {
	s, err := FromTensors("test", []safetensors.Tensor{f32("w", []int{2, 3}, 1, 2, 3, 4, 5, 6)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check("w", 3, 2); !errors.Is(err, ErrShape) || !strings.Contains(err.Error(), "transposed") {
		t.Error(err)
	}
	if err := s.Check("w", 2, 4); !errors.Is(err, ErrShape) || strings.Contains(err.Error(), "transposed") || !strings.Contains(err.Error(), "another size") {
		t.Error(err)
	}
	if err := s.Check("w", 2, 3); err != nil {
		t.Error(err)
	}
}
