package dinov2_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/dinov2"
	"github.com/ventral-lab/ventral/models/modeltest"
	"github.com/ventral-lab/ventral/models/vit"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// tiny is a small network; scales of 1 make every branch count.
func tiny() dinov2.Config {
	return dinov2.Config{ImageSize: 20, Patch: 4, Width: 12, Layers: 2, Heads: 3, Hidden: 20, Registers: 2, MaskToken: true,
		Positions: vit.Antialias, Eps: 1e-6, LayerScale: 1}
}

func params(t *testing.T, c dinov2.Config) *program.Params {
	t.Helper()
	p, err := models.Random(c, 3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func picture(name string, dims ...int) program.Value {
	n := 1
	for _, d := range dims {
		n *= d
	}
	r := rng.New(1, "dinov2/test/"+name)
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return program.F32(v, dims...)
}

// run builds a graph with several outputs on the Go backend.
func run(t *testing.T, p *program.Params, fn func(p *program.Params, in []*Node) []*Node, in ...program.Value) []program.Value {
	t.Helper()
	be := backend.MustOpen("go")
	defer be.Finalize()
	prog, err := program.New(be, "test", p, func(_ *Graph, p *program.Params, in []*Node) []*Node { return fn(p, in) })
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Close()
	out, err := prog.Run(in...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestConformance: what the rest of the rig relies on, for a network with registers, one without, and a gated one.
func TestConformance(t *testing.T) {
	plain := tiny()
	plain.Registers, plain.Positions, plain.PartialPatches, plain.Layers = 0, vit.Plain, true, 1
	gated := tiny()
	gated.SwiGLU, gated.Hidden, gated.MaskToken, gated.Layers = true, 8, false, 1
	for name, c := range map[string]modeltest.Case{
		"registers": {Config: tiny(), Unread: []string{"mask_token"}, Sizes: [][2]int{{24, 16}, {4, 8}}, Refused: [][2]int{{22, 20}, {20, 3}}},
		"plain":     {Config: plain, Unread: []string{"mask_token"}, Sizes: [][2]int{{22, 27}}, Refused: [][2]int{{3, 20}}, Backends: []string{"go"}},
		"gated":     {Config: gated},
	} {
		t.Run(name, func(t *testing.T) {
			// The initial class and register tokens are so small that a layer norm is not linear over any step.
			c.Params = params(t, c.Config.(dinov2.Config))
			for _, name := range []string{"cls_token", "register_tokens"} {
				if dims, ok := c.Config.Shapes()[name]; ok {
					if err := c.Params.Set(name, picture(name, dims...).F32, dims...); err != nil {
						t.Fatal(err)
					}
				}
			}
			modeltest.Run(t, c)
		})
	}
}

// TestPublished: the published sizes build, ask for exactly the weights of their tables but for the mask token, and have
// as many parameters as the published files.
func TestPublished(t *testing.T) {
	for _, c := range []struct {
		config     dinov2.Config
		parameters int
	}{
		{dinov2.ViTS14(), 22_056_576}, {dinov2.ViTB14(), 86_580_480}, {dinov2.ViTL14(), 304_368_640}, {dinov2.ViTG14(), 1_136_480_768},
		{dinov2.ViTB14().WithRegisters(4), 86_583_552}, {dinov2.ViTG14().WithRegisters(4), 1_136_486_912},
	} {
		if n := models.Parameters(c.config); n != c.parameters {
			t.Errorf("width %d: %d parameters, want %d", c.config.Width, n, c.parameters)
		}
		inferred, err := dinov2.Infer(c.config.Shapes(), 0)
		if err != nil || inferred != c.config {
			t.Errorf("width %d: Infer gives %+v, %v", c.config.Width, inferred, err)
		}
		network, err := c.config.Network(224, 224)
		if err != nil {
			t.Fatal(err)
		}
		sites, asked, err := models.Trace(network)
		if err != nil {
			t.Fatal(err)
		}
		want := c.config.Shapes()
		delete(want, "mask_token")
		if fmt.Sprint(asked) != fmt.Sprint(want) {
			t.Errorf("width %d: the graph asks for other weights than the table has", c.config.Width)
		}
		if tokens := 1 + c.config.Registers + 256; sites[2].Name != "tokens" || !slices.Equal(sites[2].Shape, []int{tokens, c.config.Width}) {
			t.Errorf("width %d: third site %v, want %d tokens", c.config.Width, sites[2], tokens)
		}
	}
}

// TestSitesOfViTB14 are the module paths of the authors' code, in the order in which their hooks fire.
func TestSitesOfViTB14(t *testing.T) {
	network, err := dinov2.ViTB14().WithRegisters(4).Network(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	sites, _, err := models.Trace(network)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"patch_embed.proj", "patch_embed", "tokens"}
	for l := range 12 {
		for _, m := range []string{"norm1", "attn.qkv", "attn.probs", "attn.z", "attn.proj", "attn", "ls1", "norm2", "mlp.fc1", "mlp.act", "mlp.fc2", "mlp", "ls2", ""} {
			want = append(want, strings.TrimSuffix(fmt.Sprintf("blocks.%d.%s", l, m), "."))
		}
	}
	want = append(want, "norm", "head")
	var got []string
	for _, s := range sites {
		got = append(got, s.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("sites %v, want %v", got, want)
	}
}

// TestSizes: a picture of no whole number of patches is refused, or cut as Hugging Face cuts it.
func TestSizes(t *testing.T) {
	c := tiny()
	for _, size := range [][2]int{{21, 20}, {20, 22}, {3, 20}} {
		if _, err := c.Network(size[0], size[1]); err == nil {
			t.Errorf("%v is accepted", size)
		}
	}
	c.PartialPatches = true
	whole := picture("whole", 1, 3, 23, 18)
	cut := program.F32(nil, 1, 3, 20, 16)
	for row := range 3 * 23 {
		if row%23 < 20 {
			cut.F32 = append(cut.F32, whole.F32[row*18:row*18+16]...)
		}
	}
	features := func(p *program.Params, in []*Node) []*Node { return []*Node{c.Features(p, in[0], nil)} }
	a, b := run(t, params(t, c), features, whole), run(t, params(t, c), features, cut)
	if !slices.Equal(a[0].F32, b[0].F32) || !slices.Equal(a[0].Dims, []int{1, 1 + 2 + 5*4, 12}) {
		t.Error("the rest of the picture counts")
	}
}

// TestMaskedPatches: no mask and a mask of zeros are the same; a masked patch's pixels do not count, and the others' do.
func TestMaskedPatches(t *testing.T) {
	c := tiny()
	x := picture("masked", 1, 3, 20, 20)
	other := program.F32(slices.Clone(x.F32), x.Dims...)
	for ch := range 3 {
		for row := 4; row < 8; row++ { // patch 1 of row 1, which is patch 6
			for column := 4; column < 8; column++ {
				other.F32[(ch*20+row)*20+column] += 3
			}
		}
	}
	mask := func(on ...int) program.Value {
		v := make([]float32, 25)
		for _, i := range on {
			v[i] = 1
		}
		return program.F32(v, 1, 25)
	}
	tokens := func(p *program.Params, in []*Node) []*Node {
		if len(in) == 1 {
			return []*Node{c.Tokens(p, in[0], nil)}
		}
		return []*Node{c.Tokens(p, in[0], in[1])}
	}
	at := func(in ...program.Value) []float32 {
		p := params(t, c)
		if err := p.Set("mask_token", slices.Repeat([]float32{0.25}, 12), 1, 12); err != nil {
			t.Fatal(err)
		}
		return run(t, p, tokens, in...)[0].F32
	}
	plain := at(x)
	if !slices.Equal(plain, at(x, mask())) {
		t.Error("a mask of zeros changes the tokens")
	}
	if slices.Equal(plain, at(other)) {
		t.Error("the changed patch does not count")
	}
	hidden := at(x, mask(6))
	if !slices.Equal(hidden, at(other, mask(6))) {
		t.Error("the pixels of a masked patch count")
	}
	token := (1 + c.Registers + 6) * c.Width
	if slices.Equal(hidden[token:token+c.Width], plain[token:token+c.Width]) || !slices.Equal(hidden[:token], plain[:token]) {
		t.Error("the mask token is not where the patch was, or elsewhere too")
	}
}

// TestTokenOrder: class token, registers, patches, and positions on all but the registers.
func TestTokenOrder(t *testing.T) {
	c := tiny()
	p := params(t, c)
	for _, name := range []string{"patch_embed.proj.weight", "patch_embed.proj.bias"} {
		dims := c.Shapes()[name]
		n := 1
		for _, d := range dims {
			n *= d
		}
		if err := p.Set(name, make([]float32, n), dims...); err != nil {
			t.Fatal(err)
		}
	}
	values := map[string][]float32{}
	for _, name := range []string{"cls_token", "register_tokens", "pos_embed"} {
		values[name], _, _ = p.Get(name)
	}
	want := slices.Clone(values["cls_token"])
	for i := range want {
		want[i] += values["pos_embed"][i]
	}
	want = append(append(want, values["register_tokens"]...), values["pos_embed"][12:]...)
	got := run(t, p, func(p *program.Params, in []*Node) []*Node { return []*Node{c.Tokens(p, in[0], nil)} }, picture("order", 1, 3, 20, 20))
	if !slices.Equal(got[0].F32, want) {
		t.Error("the tokens are not class + position, registers, patches + positions")
	}
	for i, name := range map[int]string{0: "class", 1: "register 0", 2: "register 1", 3: "patch 0", 27: "patch 24"} {
		if c.Token(i) != name {
			t.Errorf("token %d is called %s, want %s", i, c.Token(i), name)
		}
	}
}

// TestGradients: a loss over crops of two sizes in one graph, one of them masked, reaches every weight.
func TestGradients(t *testing.T) {
	gated := tiny()
	gated.SwiGLU, gated.Hidden = true, 8
	for name, c := range map[string]dinov2.Config{"plain": tiny(), "gated": gated} {
		t.Run(name, func(t *testing.T) {
			p := params(t, c)
			names := p.Names()
			mask := program.F32(slices.Repeat([]float32{0, 1, 0, 0, 0}, 5), 1, 25)
			out := run(t, p, func(p *program.Params, in []*Node) []*Node {
				loss := Add(ops.MeanAll(Square(AddScalar(c.Features(p, in[0], in[2]), 0.3))), ops.MeanAll(Square(AddScalar(c.Features(p, in[1], nil), 0.2))))
				var weights []*Node
				shapes := c.Shapes()
				for _, n := range names {
					weights = append(weights, p.Node(in[0].Graph(), n, shapes[n]...))
				}
				return Gradient(loss, weights...)
			}, picture("global", 1, 3, 20, 20), picture("local", 1, 3, 12, 8), mask)
			for i, n := range names {
				peak := 0.0
				for _, v := range out[i].F32 {
					if peak = max(peak, math.Abs(float64(v))); math.IsNaN(float64(v)) {
						t.Fatalf("%s: the gradient is not a number", n)
					}
				}
				if peak == 0 {
					t.Errorf("no gradient reaches %s", n)
				}
			}
		})
	}
}

// TestInitialisation checks the moments of the training code's initialisation.
func TestInitialisation(t *testing.T) {
	c := dinov2.Config{ImageSize: 32, Patch: 4, Width: 64, Layers: 1, Heads: 2, Hidden: 256, Registers: 4, MaskToken: true,
		Positions: vit.Antialias, Eps: 1e-6, LayerScale: 1e-5}
	p := params(t, c)
	patch := 1 / math.Sqrt(3*16) / math.Sqrt(3)
	for name, sd := range map[string]float64{"pos_embed": 0.02, "blocks.0.attn.qkv.weight": 0.02, "blocks.0.mlp.fc2.weight": 0.02,
		"cls_token": 1e-6, "register_tokens": 1e-6, "patch_embed.proj.weight": patch, "patch_embed.proj.bias": patch} {
		data, _, err := p.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		sum, squares, n := 0.0, 0.0, float64(len(data))
		for _, v := range data {
			sum, squares = sum+float64(v), squares+float64(v)*float64(v)
		}
		if got := math.Sqrt(squares/n - sum/n*sum/n); math.Abs(got-sd) > 5*sd/math.Sqrt(2*n) {
			t.Errorf("%s: deviation %.3g, want %.3g", name, got, sd)
		}
	}
	for name, want := range map[string]float32{"mask_token": 0, "blocks.0.ls1.gamma": 1e-5, "blocks.0.ls2.gamma": 1e-5, "blocks.0.norm1.weight": 1,
		"norm.weight": 1, "norm.bias": 0, "blocks.0.attn.proj.bias": 0, "blocks.0.mlp.fc1.bias": 0} {
		data, _, err := p.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		if data[0] != want || slices.Min(data) != slices.Max(data) {
			t.Errorf("%s begins with %g, want %g everywhere", name, data[0], want)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, spoil := range []func(*dinov2.Config){
		func(c *dinov2.Config) { c.ImageSize = 21 }, func(c *dinov2.Config) { c.Patch = 0 }, func(c *dinov2.Config) { c.Layers = 0 },
		func(c *dinov2.Config) { c.Registers = -1 }, func(c *dinov2.Config) { c.Positions = "" }, func(c *dinov2.Config) { c.Heads = 5 }} {
		c := tiny()
		spoil(&c)
		if c.Validate() == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	if _, err := dinov2.Infer(map[string][]int{"pos_embed": {1, 6, 4}}, 0); err == nil {
		t.Error("a table of 5 positions is accepted")
	}
	for plain, want := range map[int]int{6144: 4096, 112: 80, 3072: 2048, 8: 8} {
		if got := dinov2.SwiGLUHidden(plain); got != want {
			t.Errorf("hidden %d gated: %d, want %d", plain, got, want)
		}
	}
}

// ViT-B/14 with registers at 224 pixels: 1 + 4 + 16*16 tokens.
func ExampleConfig_Network() {
	c := dinov2.ViTB14().WithRegisters(4)
	network, err := c.Network(224, 224)
	if err != nil {
		fmt.Println(err)
		return
	}
	sites, _, err := models.Trace(network)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range sites {
		if !strings.Contains(s.Name, "blocks") {
			fmt.Println(s.Name, s.Axes, s.Shape)
		}
	}
	fmt.Println(c.Token(0), "|", c.Token(4), "|", c.Token(5))
	// Output:
	// patch_embed.proj [channel y x] [768 16 16]
	// patch_embed [token channel] [256 768]
	// tokens [token channel] [261 768]
	// norm [token channel] [261 768]
	// head [channel] [768]
	// class | register 3 | patch 0
}
