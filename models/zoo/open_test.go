package zoo_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/models/weights"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

const goldenDir = "../golden/testdata/"

// alone hides this machine's caches.
func alone(t *testing.T) {
	t.Helper()
	for _, v := range []string{"HF_HOME", "VENTRAL_CACHE"} {
		t.Setenv(v, t.TempDir())
	}
	for _, v := range []string{"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "VENTRAL_MODELS"} {
		t.Setenv(v, "")
	}
	t.Setenv("HF_HUB_OFFLINE", "1")
}

// changed copies a reference checkpoint to a folder of its own, with files beside it, after change has seen every tensor;
// those for which it returns false are left out.
func changed(t *testing.T, file string, change func(x *safetensors.Tensor) bool, beside ...string) string {
	t.Helper()
	f, err := safetensors.Open(goldenDir + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []safetensors.Tensor
	for _, name := range f.Names() {
		x, _ := f.Lookup(name)
		x.Data = slices.Clone(x.Data)
		if change(&x) {
			out = append(out, x)
		}
	}
	dir := t.TempDir()
	if err := safetensors.WriteFile(filepath.Join(dir, "model.safetensors"), out, f.Metadata()); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(beside); i += 2 {
		if err := os.WriteFile(filepath.Join(dir, beside[i]), []byte(beside[i+1]), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func same(*safetensors.Tensor) bool { return true }

const (
	openAI = "clip_vit_openai_tiny/weights.safetensors"
	hf     = "hf_clip_tiny/weights.safetensors"
	block  = "visual.transformer.resblocks.1.mlp.c_fc.weight"
)

// TestBadCheckpoints: each error says what is wrong, in which tensor of which file, and what to do.
func TestBadCheckpoints(t *testing.T) {
	edit := func(name string, f func(x *safetensors.Tensor)) func(x *safetensors.Tensor) bool {
		return func(x *safetensors.Tensor) bool {
			if x.Name == name {
				f(x)
			}
			return true
		}
	}
	put := func(x *safetensors.Tensor, v float32) { copy(x.Data, safetensors.Float32Bytes([]float32{v})) }
	for name, c := range map[string]struct {
		dir  string
		kind error
		says []string
	}{
		"missing tensor": {changed(t, openAI, func(x *safetensors.Tensor) bool { return x.Name != block }), weights.ErrMissing, []string{block, "nearest names"}},
		"extra tensor": {changed(t, openAI, edit("visual.ln_post.bias", func(x *safetensors.Tensor) { x.Name = "visual.ln_extra.bias" })), nil,
			[]string{"visual.ln_"}},
		"transposed": {changed(t, openAI, edit(block, func(x *safetensors.Tensor) { slices.Reverse(x.Shape) })), weights.ErrShape, []string{block, "transposed"}},
		"cut": {changed(t, openAI, edit(block, func(x *safetensors.Tensor) {
			x.Shape, x.Data = []int{x.Shape[0] - 1, x.Shape[1]}, x.Data[4*x.Shape[1]:]
		})), weights.ErrShape, []string{block, "another size"}},
		"NaN": {changed(t, openAI, edit(block, func(x *safetensors.Tensor) { put(x, float32(math.NaN())) })), safetensors.ErrValue, []string{block, "1 are NaN", "fetch or train them again"}},
		"float16 overflow": {changed(t, openAI, func(x *safetensors.Tensor) bool {
			v, err := x.Float32()
			if err != nil {
				t.Fatal(err)
			}
			x.DType, x.Data = safetensors.F16, nil
			for _, f := range v {
				h := safetensors.Float32ToFloat16(f)
				if x.Name == block && x.Data == nil {
					h = safetensors.Float32ToFloat16(1e6)
				}
				x.Data = append(x.Data, byte(h), byte(h>>8))
			}
			return true
		}), safetensors.ErrValue, []string{block, "1 infinite", "65504"}},
		"other names": {changed(t, openAI, func(x *safetensors.Tensor) bool { x.Name = "module." + x.Name; return true }), weights.ErrLayout,
			[]string{"module.", "prefix"}},
		"bad file beside": {changed(t, openAI, same, "config.json", "{"), weights.ErrFormat, []string{"config.json", "move it away"}},
	} {
		m, err := zoo.Open("file:" + c.dir)
		if err == nil {
			m.Close()
			t.Errorf("%s: it opens", name)
			continue
		}
		if c.kind != nil && !errors.Is(err, c.kind) {
			t.Errorf("%s: %v, want %v", name, err, c.kind)
		}
		for _, s := range append(c.says, filepath.Base(c.dir)) {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: %v\nsays nothing of %q", name, err, s)
			}
		}
	}
	// A file that ends too early, as after a download that was cut.
	dir := changed(t, openAI, same)
	path := filepath.Join(dir, "model.safetensors")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 7, 100, len(whole) / 2, len(whole) - 1} {
		if err := os.WriteFile(path, whole[:n], 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := zoo.Open("file:" + dir); !errors.Is(err, safetensors.ErrTruncated) || !strings.Contains(err.Error(), path) {
			t.Errorf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
}

// value runs a model's image network on one picture.
func value(t *testing.T, m *zoo.Model) []float32 {
	t.Helper()
	be := backend.MustOpen("go")
	t.Cleanup(be.Finalize)
	p, err := program.New(be, "test", m.Params, func(_ *graph.Graph, p *program.Params, in []*graph.Node) []*graph.Node {
		return []*graph.Node{m.Network.Forward(p, in[0])}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	dims := append([]int{1}, m.Network.Input()...)
	x := make([]float32, dims[1]*dims[2]*dims[3])
	for i := range x {
		x[i] = float32(i%17)/8 - 1
	}
	out, err := p.Run(program.F32(x, dims...))
	if err != nil {
		t.Fatal(err)
	}
	return out[0].F32
}

// TestFileOpens opens one network in two libraries' layouts: the same values and the same hash come out.
func TestFileOpens(t *testing.T) {
	var values [][]float32
	var hashes []string
	for _, file := range []string{openAI, hf} {
		m, err := zoo.Open("file:" + goldenDir + file)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		values, hashes = append(values, value(t, m)), append(hashes, m.WeightsHash)
		if m.Card.Licence != "unknown" || len(m.Warnings) == 0 || m.Card.Parameters == 0 {
			t.Errorf("%+v, warnings %v", m.Card, m.Warnings)
		}
	}
	if !slices.Equal(values[0], values[1]) || hashes[0] != hashes[1] || hashes[0] == "" {
		t.Errorf("%v and %v, %s and %s", values[0][:3], values[1][:3], hashes[0], hashes[1])
	}
}

// TestWeightsComeWhenTheyAreWanted: after opening no weight has been made, and the file may go once the model is closed.
func TestWeightsComeWhenTheyAreWanted(t *testing.T) {
	dir := changed(t, openAI, same)
	m, err := zoo.Open("file:" + dir)
	if err != nil {
		t.Fatal(err)
	}
	first := value(t, m)
	again := value(t, m) // on another backend: the weights move
	if !slices.Equal(first, again) {
		t.Error("other values on a second backend")
	}
	m.Close()
	if err := os.RemoveAll(dir); err != nil {
		t.Error(err)
	}
}

// TestFilesBesideAreUsed: heads, activation and preprocessing come from the files, and then nothing is assumed of them.
func TestFilesBesideAreUsed(t *testing.T) {
	dir := changed(t, hf, same, "preprocessor_config.json",
		`{"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 64}, "crop_size": 64, "resample": 2, "image_mean": 0.25, "image_std": 0.5}`)
	plain, err := zoo.Open("file:" + goldenDir + hf)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	m, err := zoo.Open("file:" + dir)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if p := m.Preprocess; p.Interpolation != "bilinear" || p.Size != 64 || p.Mean[0] != 0.25 || p.Hash() == plain.Preprocess.Hash() {
		t.Errorf("preprocessing %v", p)
	}
	if in := m.Network.Input(); !slices.Equal(in, []int{3, 64, 64}) {
		t.Errorf("the network takes %v", in)
	}
	says := func(m *zoo.Model) bool {
		return strings.Contains(strings.Join(m.Warnings, "\n"), "nothing beside the weights says")
	}
	if says(m) || !says(plain) {
		t.Errorf("warnings %v and %v", m.Warnings, plain.Warnings)
	}
	if m.WeightsHash != plain.WeightsHash {
		t.Error("the hash depends on the files beside")
	}
	sites, err := zoo.Sites("file:"+dir, "visual")
	if err != nil {
		t.Fatal(err)
	}
	own, err := m.Sites()
	if err != nil {
		t.Fatal(err)
	}
	a, err := json.Marshal(sites)
	b, err2 := json.Marshal(own)
	if err := errors.Join(err, err2); err != nil || !bytes.Equal(a, b) {
		t.Errorf("Sites and the model's own differ, %v", err)
	}
	// Another size, by name.
	small, err := zoo.Open("file:" + dir + "?size=48")
	if err != nil {
		t.Fatal(err)
	}
	defer small.Close()
	if in := small.Network.Input(); !slices.Equal(in, []int{3, 48, 48}) || small.Preprocess.Size != 48 || !strings.HasSuffix(small.Name, "?size=48") {
		t.Errorf("%s takes %v", small.Name, in)
	}
}

func activation(act string) string {
	return fmt.Sprintf(`{"model_type": "clip", "vision_config": {"hidden_act": %q, "num_attention_heads": 1}, "text_config": {"hidden_act": %q, "num_attention_heads": 1}}`, act, act)
}

// TestUntrainedOfAnotherSize: the untrained twin of a model for another size is for that size, and its name opens it.
func TestUntrainedOfAnotherSize(t *testing.T) {
	m, err := zoo.Open("mini/clip-vit?size=48")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	twin, err := m.Untrained(3)
	if err != nil {
		t.Fatal(err)
	}
	defer twin.Close()
	again, err := zoo.Open(twin.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if in := twin.Network.Input(); !slices.Equal(in, []int{3, 48, 48}) || !slices.Equal(again.Network.Input(), in) || again.WeightsHash != twin.WeightsHash ||
		again.Preprocess.Hash() != twin.Preprocess.Hash() {
		t.Errorf("%s takes %v, opened by that name %v", twin.Name, in, again.Network.Input())
	}
}

// TestActivationIsSaid: a file that names the activation is believed or, where it cannot be, quoted in a warning.
func TestActivationIsSaid(t *testing.T) {
	for act, exact := range map[string]bool{"quick_gelu": false, "gelu": true} {
		m, err := zoo.Open("file:" + changed(t, hf, same, "config.json", activation(act)))
		if err != nil {
			t.Fatal(err)
		}
		if m.CLIP.ExactGELU != exact {
			t.Errorf("%s: exact GELU %v", act, m.CLIP.ExactGELU)
		}
		m.Close()
	}
	m, err := zoo.Open("file:" + changed(t, hf, same, "config.json", activation("tanh_shrink")))
	if err == nil {
		err = errors.New(strings.Join(m.Warnings, "; "))
		m.Close()
	}
	if !strings.Contains(err.Error(), "tanh_shrink") {
		t.Errorf("an unknown activation: %v", err)
	}
}

// TestModelsByHand puts a checkpoint where the error says it belongs.
func TestModelsByHand(t *testing.T) {
	alone(t)
	const name = "openai/clip-vit-b-32"
	card, err := zoo.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	if where, path := zoo.Locate(card); where != zoo.NotHere || path != "" {
		t.Errorf("%s %s", where, path)
	}
	_, err = zoo.Open(name)
	if !errors.Is(err, weights.ErrOffline) {
		t.Fatal(err)
	}
	_, path, ok := strings.Cut(err.Error(), "put it at ")
	if !ok || !strings.Contains(err.Error(), "models fetch "+name) || !strings.Contains(err.Error(), weights.Address(card.Source, card.File)) {
		t.Fatalf("the error says nowhere: %v", err)
	}
	raw, err := os.ReadFile(goldenDir + openAI)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, raw, 0o666)); err != nil {
		t.Fatal(err)
	}
	if where, at := zoo.Locate(card); where != zoo.Here || at != path {
		t.Errorf("%s %s, want %s", where, at, path)
	}
	// It is read: what lies there is another size.
	if _, err := zoo.Open(name); !errors.Is(err, weights.ErrShape) || !strings.Contains(err.Error(), path) {
		t.Error(err)
	}
	// Another file name in the folder is found as well, and a pickle is refused with the way to convert it.
	other := filepath.Join(filepath.Dir(path), "model.safetensors")
	if err := os.Rename(path, other); err != nil {
		t.Fatal(err)
	}
	if where, at := zoo.Locate(card); where != zoo.Here || at != other {
		t.Errorf("%s %s, want %s", where, at, other)
	}
	if err := os.Rename(other, filepath.Join(filepath.Dir(path), "ViT-B-32.pt")); err != nil {
		t.Fatal(err)
	}
	if _, err := zoo.Open(name); !errors.Is(err, weights.ErrFormat) || !strings.Contains(err.Error(), "torch") {
		t.Error(err)
	}
	if where, _ := zoo.Locate(card); where != zoo.NotHere {
		t.Errorf("a pickle is %s", where)
	}
	// Another model's weights under this name.
	if err := errors.Join(os.RemoveAll(filepath.Dir(path)), os.MkdirAll(filepath.Dir(path), 0o777)); err != nil {
		t.Fatal(err)
	}
	if raw, err = os.ReadFile(goldenDir + "vgg_tiny/weights.safetensors"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := zoo.Open(name); err == nil || !strings.Contains(err.Error(), "holds a vgg/torchvision, not a clip-vit") {
		t.Error(err)
	}
}

// TestHubModels opens hf:OWNER/NAME from a cache as the Python libraries lay it out.
func TestHubModels(t *testing.T) {
	alone(t)
	const commit = "0123456789abcdef0123456789abcdef01234567"
	root := filepath.Join(os.Getenv("HF_HOME"), "hub", "models--lab--tiny")
	raw, err := os.ReadFile(goldenDir + hf)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, "snapshots", commit)
	if err := errors.Join(os.MkdirAll(dir, 0o777), os.MkdirAll(filepath.Join(root, "refs"), 0o777), os.WriteFile(filepath.Join(root, "refs", "main"), []byte(commit), 0o666),
		os.WriteFile(filepath.Join(dir, "model.safetensors"), raw, 0o666)); err != nil {
		t.Fatal(err)
	}
	m, err := zoo.Open("hf:lab/tiny")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.Name != "hf:lab/tiny" || m.Card.Source != "hf:lab/tiny@"+commit {
		t.Errorf("%s from %s", m.Name, m.Card.Source)
	}
	if _, err := zoo.Open("hf:lab/other"); !errors.Is(err, weights.ErrOffline) {
		t.Error(err)
	}
	card, warnings, err := zoo.Describe("hf:lab/tiny")
	if err != nil || card.Parameters != m.Card.Parameters || len(warnings) == 0 {
		t.Errorf("%+v, %v, %v", card, warnings, err)
	}
}
