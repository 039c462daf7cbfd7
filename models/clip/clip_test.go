package clip_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
)

// moduleSites are the image tower's sites as PyTorch's named_modules gives them for open_clip and OpenAI's CLIP, with the
// inner values of attention that no module has.
func moduleSites(layers int) []string {
	s := []string{"visual.conv1", "visual.ln_pre"}
	for l := range layers {
		for _, m := range []string{"ln_1", "attn.probs", "attn.z", "attn.out_proj", "attn", "ln_2", "mlp.c_fc", "mlp.gelu", "mlp.c_proj", "mlp", ""} {
			s = append(s, strings.TrimSuffix(fmt.Sprintf("visual.transformer.resblocks.%d.%s", l, m), "."))
		}
	}
	return append(s, "visual.transformer", "visual.ln_post", "visual")
}

func TestSitesOfViTB32(t *testing.T) {
	c := clip.ViTB32()
	sites, weights, err := models.Trace(clip.ImageTower{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	want := moduleSites(12)
	if len(sites) != len(want) {
		t.Fatalf("%d sites, want %d", len(sites), len(want))
	}
	for i, s := range sites {
		if s.Name != want[i] {
			t.Errorf("site %d is %s, want %s", i, s.Name, want[i])
		}
	}
	for name, dims := range weights {
		if fmt.Sprint(dims) != fmt.Sprint(c.Shapes()[name]) {
			t.Errorf("the graph asks for %s %v, the table says %v", name, dims, c.Shapes()[name])
		}
	}
	n := 0
	for name := range c.Shapes() {
		if strings.HasPrefix(name, "visual.") {
			n++
		}
	}
	if len(weights) != n {
		t.Errorf("the graph asks for %d weights, the table has %d", len(weights), n)
	}
}

func TestParameterCounts(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  clip.Config
		want int
	}{
		{"ViT-B/32", clip.ViTB32(), 151_277_313},
		{"ViT-B/16", clip.ViTB16(), 149_620_737},
		{"ViT-L/14", clip.ViTL14(), 427_616_513},
		{"ViT-L/14@336", clip.ViTL14At336(), 427_944_193},
		{"RN50", clip.RN50(), 102_007_137},
		{"RN101", clip.RN101(), 119_688_033},
		{"RN50x4", clip.RN50x4(), 178_300_601},
		{"RN50x16", clip.RN50x16(), 290_979_217},
		{"RN50x64", clip.RN50x64(), 623_258_305},
		// The image towers of open_clip's model profile, in millions of parameters to two places.
		{"image tower of RN50", clip.RN50().VisualOnly(), 38_316_896},
		{"image tower of RN50x4", clip.RN50x4().VisualOnly(), 87_137_080},
		{"image tower of ViT-B/32", clip.ViTB32().VisualOnly(), 87_849_216},
	} {
		if got := models.Parameters(c.cfg); got != c.want {
			t.Errorf("%s: %d parameters, want %d", c.name, got, c.want)
		}
		inferred, err := clip.Infer(c.cfg.Shapes(), 0)
		if err != nil || inferred != c.cfg {
			t.Errorf("%s: Infer gives %+v, %v", c.name, inferred, err)
		}
	}
}

// TestInitialisation checks the moments of OpenAI's initialisation on a small model.
func TestInitialisation(t *testing.T) {
	c := clip.Config{EmbedDim: 64, ImageSize: 32, Patch: 8, Width: 128, Layers: 2, Heads: 2,
		Context: 16, Vocab: 1000, TextWidth: 96, TextLayers: 3, TextHeads: 3}
	p, err := models.Random(c, 7)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	uniform := func(bound float64) float64 { return bound / math.Sqrt(3) }
	for name, sd := range map[string]float64{
		"token_embedding.weight": 0.02,
		"positional_embedding":   0.01,
		"visual.proj":            1 / math.Sqrt(128),
		"visual.conv1.weight":    uniform(1 / math.Sqrt(3*64)),
		"visual.transformer.resblocks.0.attn.in_proj_weight": uniform(math.Sqrt(6.0 / (128 + 3*128))),
		"visual.transformer.resblocks.1.mlp.c_fc.weight":     uniform(1 / math.Sqrt(128)),
		"visual.transformer.resblocks.1.mlp.c_proj.weight":   uniform(1 / math.Sqrt(4*128)),
		"visual.transformer.resblocks.1.mlp.c_proj.bias":     uniform(1 / math.Sqrt(4*128)),
		"visual.transformer.resblocks.1.attn.out_proj.bias":  0,
		"transformer.resblocks.2.attn.in_proj_weight":        1 / math.Sqrt(96),
		"transformer.resblocks.2.attn.out_proj.weight":       1 / math.Sqrt(96) / math.Sqrt(6),
		"transformer.resblocks.2.mlp.c_fc.weight":            1 / math.Sqrt(2*96),
		"transformer.resblocks.2.mlp.c_proj.weight":          1 / math.Sqrt(96) / math.Sqrt(6),
		"transformer.resblocks.2.mlp.c_fc.bias":              uniform(1 / math.Sqrt(96)),
		"visual.transformer.resblocks.0.attn.in_proj_bias":   0,
		"transformer.resblocks.0.ln_1.bias":                  0,
	} {
		data, _, err := p.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		var sum, sq float64
		for _, v := range data {
			sum += float64(v)
			sq += float64(v) * float64(v)
		}
		n := float64(len(data))
		got := math.Sqrt(sq/n - sum/n*sum/n)
		// The standard error of a deviation from n values is at most sd/sqrt(2n); five of them.
		if math.Abs(got-sd) > 5*sd/math.Sqrt(2*n) {
			t.Errorf("%s: deviation %.5f, want %.5f", name, got, sd)
		}
		if math.Abs(sum/n) > 5*sd/math.Sqrt(n) {
			t.Errorf("%s: mean %.5f, want 0", name, sum/n)
		}
	}
	scale, _, _ := p.Get("logit_scale")
	if math.Abs(math.Exp(float64(scale[0]))-1/0.07) > 1e-4 {
		t.Errorf("logit scale %g, want ln(1/0.07)", scale[0])
	}
}

// TestProfile compares the parameters of whole models and image towers with open_clip's docs/model_profile.csv, in
// millions to two places.
func TestProfile(t *testing.T) {
	for _, x := range []struct {
		name        string
		c           clip.Config
		all, visual float64
	}{
		{"RN50", clip.RN50(), 102.01, 38.32}, {"RN101", clip.RN101(), 119.69, 56.26}, {"RN50x4", clip.RN50x4(), 178.3, 87.14},
		{"RN50x16", clip.RN50x16(), 290.98, 167.33}, {"RN50x64", clip.RN50x64(), 623.26, 420.38},
		{"ViT-B-32", clip.ViTB32(), 151.28, 87.85}, {"ViT-B-16", clip.ViTB16(), 149.62, 86.19},
		{"ViT-L-14", clip.ViTL14(), 427.62, 303.97}, {"ViT-L-14-336", clip.ViTL14At336(), 427.94, 304.29},
	} {
		for _, got := range [][2]float64{{float64(models.Parameters(x.c)), x.all}, {float64(models.Parameters(x.c.VisualOnly())), x.visual}} {
			if math.Abs(got[0]/1e6-got[1]) > 0.005001 {
				t.Errorf("%s: %.0f parameters, want %.2f million", x.name, got[0], got[1])
			}
		}
	}
}

// TestKeys compares names and shapes with those of open_clip's models, at full size. The counters of batch normalisation
// are no weights.
func TestKeys(t *testing.T) {
	for file, c := range map[string]clip.Config{"openclip_vit_b_32": clip.ViTB32(), "openclip_vit_b_16": clip.ViTB16(),
		"openclip_rn50": clip.RN50(), "openclip_rn101": clip.RN101(), "openclip_rn50x4": clip.RN50x4()} {
		b, err := os.ReadFile("../weights/testdata/keys/" + file + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var table struct {
			Tensors map[string][]int `json:"keys"`
		}
		if err := json.Unmarshal(b, &table); err != nil {
			t.Fatal(err)
		}
		maps.DeleteFunc(table.Tensors, func(name string, _ []int) bool { return strings.HasSuffix(name, ".num_batches_tracked") })
		have := c.Shapes()
		if len(table.Tensors) != len(have) || len(have) < 300 {
			t.Errorf("%s: %d weights, the table has %d", file, len(have), len(table.Tensors))
		}
		for name, dims := range table.Tensors {
			if got, ok := have[name]; !ok || fmt.Sprint(got) != fmt.Sprint(dims) {
				t.Errorf("%s: %s: %v, the table says %v", file, name, got, dims)
			}
		}
	}
}

// TestJSON: the configuration of a vision transformer with a text is written as it always was, because the names of
// untrained models' weights and the cards of shipped ones are made of it; every configuration survives the way there and
// back.
func TestJSON(t *testing.T) {
	b, err := json.Marshal(clip.ViTB32())
	const want = `{"embed_dim":512,"image_size":224,"patch_size":32,"width":768,"layers":12,"heads":12,` +
		`"context_length":77,"vocab_size":49408,"text_width":512,"text_layers":12,"text_heads":8}`
	if err != nil || string(b) != want {
		t.Errorf("ViT-B/32 is %s (%v), want %s", b, err, want)
	}
	for _, c := range []clip.Config{clip.ViTL14At336(), clip.RN50x4(), clip.RN50x4().VisualOnly(), tinyResNet()} {
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var back clip.Config
		if err := json.Unmarshal(b, &back); err != nil || back != c {
			t.Errorf("%s became %+v (%v)", b, back, err)
		}
		if inferred, err := clip.Infer(c.Shapes(), 0); err != nil || inferred.VisualOnly().Stages != c.Stages {
			t.Errorf("%s: inferred %+v (%v)", b, inferred, err)
		}
	}
}

func TestValidate(t *testing.T) {
	for says, change := range map[string]func(c *clip.Config){
		"width is 0":                         func(c *clip.Config) { c.Width = 0 },
		"layers is -1":                       func(c *clip.Config) { c.Layers = -1 },
		"heads 5":                            func(c *clip.Config) { c.Heads = 5 },
		"embed_dim":                          func(c *clip.Config) { c.EmbedDim = 0 },
		"smaller than a patch":               func(c *clip.Config) { c.ImageSize = 31 },
		"text_heads without text_layers is":  nil,
		"vocab_size is 0":                    func(c *clip.Config) { c.Vocab = 0 },
		"text_heads 7":                       func(c *clip.Config) { c.TextHeads = 7 },
		"text_mlp_width is -2":               func(c *clip.Config) { c.TextMLP = -2 },
		"patch_size of a ResNet is 32":       func(c *clip.Config) { c.Stages = [4]int{1, 1, 1, 1}; c.Layers = 0 },
		"stages[2] is 0":                     func(c *clip.Config) { *c = clip.RN50(); c.Stages[2] = 0 },
		"stem width 63":                      func(c *clip.Config) { *c = clip.RN50(); c.Width = 63 },
		"multiple of heads 31":               func(c *clip.Config) { *c = clip.RN50(); c.Heads = 31 },
		"image_size 31 is smaller than 32":   func(c *clip.Config) { *c = clip.RN50(); c.ImageSize = 31 },
		"mlp_width of a ResNet is 9, want 0": func(c *clip.Config) { *c = clip.RN50(); c.MLP = 9 },
	} {
		c := clip.ViTB32()
		if change == nil {
			c.Context, c.Vocab, c.TextWidth, c.TextLayers = 0, 0, 0, 0
		} else {
			change(&c)
		}
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: error %v, want one with %q", c, err, says)
		}
	}
	tower := clip.ViTB32().VisualOnly()
	tower.EmbedDim = 0
	if err := tower.Validate(); err != nil {
		t.Errorf("an image tower without projection: %v", err)
	}
}

// TestInferErrors: shapes that are no CLIP's are errors, not panics.
func TestInferErrors(t *testing.T) {
	for _, c := range []clip.Config{clip.ViTB32(), clip.RN50()} {
		for name := range c.Shapes() {
			for _, dims := range [][]int{nil, {}, {0}, {1, 2, 3, 4, 5}} {
				shapes := c.Shapes()
				if shapes[name] = dims; dims == nil {
					delete(shapes, name)
				}
				if got, err := clip.Infer(shapes, 0); err == nil && got.Validate() != nil {
					t.Errorf("%s %v gives %+v", name, dims, got)
				}
			}
		}
	}
	if _, err := clip.Infer(map[string][]int{"visual.conv3.weight": {64, 32, 3, 3}}, 0); err == nil || !strings.Contains(err.Error(), "ResNet") {
		t.Errorf("a stem alone: %v", err)
	}
}
