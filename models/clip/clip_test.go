package clip_test

import (
	"encoding/json"
	"fmt"
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

// TestKeysOfViTB32 compares names and shapes with those of open_clip's model, at full size.
func TestKeysOfViTB32(t *testing.T) {
	b, err := os.ReadFile("../weights/testdata/openclip_vit_b_32.json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Tensors map[string][]int `json:"keys"`
	}
	if err := json.Unmarshal(b, &table); err != nil {
		t.Fatal(err)
	}
	have := clip.ViTB32().Shapes()
	if len(table.Tensors) != len(have) || len(have) < 300 {
		t.Errorf("%d weights, the table has %d", len(have), len(table.Tensors))
	}
	for name, dims := range table.Tensors {
		if got, ok := have[name]; !ok || fmt.Sprint(got) != fmt.Sprint(dims) {
			t.Errorf("%s: %v, the table says %v", name, got, dims)
		}
	}
}
