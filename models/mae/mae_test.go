package mae_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/mae"
	"github.com/ventral-lab/ventral/models/modeltest"
	"github.com/ventral-lab/ventral/models/vit"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// tiny is a small autoencoder: 5x5 patches, of which 10 are kept.
func tiny() mae.Config {
	return mae.Config{ImageSize: 20, Patch: 4, Width: 12, Layers: 1, Heads: 3, Hidden: 20, DecoderWidth: 8, DecoderLayers: 1, DecoderHeads: 2, DecoderHidden: 12,
		MaskRatio: 0.6, Positions: vit.Plain, Eps: 1e-6}
}

func params(t *testing.T, c mae.Config) *program.Params {
	t.Helper()
	p, err := models.Random(c, 3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func random(name string, dims ...int) program.Value {
	n := 1
	for _, d := range dims {
		n *= d
	}
	r := rng.New(1, "mae/test/"+name)
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

// TestConformance: what the rest of the rig relies on, for the encoder and for the whole autoencoder under a fixed mask.
func TestConformance(t *testing.T) {
	pretraining := mae.Pretraining{Config: tiny(), Height: 20, Width: 20, Noise: random("noise", 1, 25).F32}
	strong := params(t, tiny()) // the initial class token is so small that a layer norm is not linear over any step
	if err := strong.Set("cls_token", random("class", 1, 1, 12).F32, 1, 1, 12); err != nil {
		t.Fatal(err)
	}
	encoder, err := tiny().Network(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("encoder", func(t *testing.T) {
		modeltest.Run(t, modeltest.Case{Config: tiny(), Params: strong, Others: []models.Network{pretraining}, Sizes: [][2]int{{24, 16}}, Refused: [][2]int{{22, 20}, {3, 20}}})
	})
	t.Run("pretraining", func(t *testing.T) {
		modeltest.Run(t, modeltest.Case{Network: pretraining, Params: params(t, tiny()), Others: []models.Network{encoder}, Backends: []string{"go"}})
	})
}

// TestPublished: the published sizes build, ask for exactly the weights of their tables, and have as many parameters as the
// authors' models.
func TestPublished(t *testing.T) {
	for _, c := range []struct {
		config            mae.Config
		both, encoderOnly int
	}{{mae.ViTB16(), 111_907_840, 85_798_656}, {mae.ViTL16(), 329_541_888, 303_301_632}, {mae.ViTH14(), 657_074_508, 630_764_800}} {
		if n, e := models.Parameters(c.config), models.Parameters(c.config.Encoder()); n != c.both || e != c.encoderOnly {
			t.Errorf("width %d: %d and %d parameters, want %d and %d", c.config.Width, n, e, c.both, c.encoderOnly)
		}
		for _, config := range []mae.Config{c.config, c.config.Encoder()} {
			inferred, err := mae.Infer(config.Shapes())
			if err != nil || inferred != config {
				t.Errorf("width %d: Infer gives %+v, %v", config.Width, inferred, err)
			}
		}
		encoder, err := c.config.Encoder().Network(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []struct {
			network models.Network
			want    map[string][]int
		}{{mae.Pretraining{Config: c.config}, c.config.Shapes()}, {encoder, c.config.Encoder().Shapes()}} {
			if _, asked, err := models.Trace(n.network); err != nil || fmt.Sprint(asked) != fmt.Sprint(n.want) {
				t.Errorf("width %d: the graph asks for other weights than the table has (%v)", c.config.Width, err)
			}
		}
	}
}

// TestSitesOfViTB16 are the module paths of the authors' code, in the order in which their hooks fire.
func TestSitesOfViTB16(t *testing.T) {
	sites, _, err := models.Trace(mae.Pretraining{Config: mae.ViTB16()})
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	blocks := func(prefix string, layers int) {
		for l := range layers {
			for _, m := range []string{"norm1", "attn.qkv", "attn.probs", "attn.z", "attn.proj", "attn", "norm2", "mlp.fc1", "mlp.act", "mlp.fc2", "mlp", ""} {
				want = append(want, strings.TrimSuffix(fmt.Sprintf("%s.%d.%s", prefix, l, m), "."))
			}
		}
	}
	want = append(want, "patch_embed.proj", "patch_embed", "tokens")
	blocks("blocks", 12)
	want = append(want, "norm", "decoder_embed", "decoder_tokens")
	blocks("decoder_blocks", 8)
	want = append(want, "decoder_norm", "decoder_pred", "pred")
	for _, s := range sites {
		got = append(got, s.Name)
		for name, shape := range map[string][]int{"tokens": {50, 768}, "decoder_tokens": {197, 512}, "pred": {196, 768}, "decoder_blocks.3.attn.probs": {16, 197, 197}} {
			if s.Name == name && !slices.Equal(s.Shape, shape) {
				t.Errorf("%s is %v, want %v", name, s.Shape, shape)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("sites %v, want %v", got, want)
	}
}

// TestMasking compares ranks, mask and kept patches with a stable sort of the noise, which has equal numbers in it.
func TestMasking(t *testing.T) {
	c := tiny()
	const n = 25
	noise := random("noise", 3, n)
	for i := range noise.F32 { // coarse, so that many are equal
		noise.F32[i] = float32(math.Round(float64(noise.F32[i]) * 2))
	}
	x := random("pictures", 3, 3, 20, 20)
	out := run(t, params(t, c), func(p *program.Params, in []*Node) []*Node {
		r := c.Reconstruct(p, in[0], in[1])
		return []*Node{r.Restore, r.Mask, r.Latent, r.Pred}
	}, x, noise)
	if !slices.Equal(out[2].Dims, []int{3, 1 + 10, 12}) || !slices.Equal(out[3].Dims, []int{3, n, 48}) {
		t.Fatalf("latent %v, pred %v", out[2].Dims, out[3].Dims)
	}
	for b := range 3 {
		row := noise.F32[b*n : (b+1)*n]
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(i, j int) int {
			if row[i] < row[j] {
				return -1
			} else if row[i] > row[j] {
				return 1
			}
			return 0
		})
		for rank, i := range order {
			if got := out[0].F32[b*n+i]; got != float32(rank) {
				t.Errorf("picture %d patch %d: rank %g, want %d", b, i, got, rank)
			}
			if removed := out[1].F32[b*n+i] == 1; removed != (rank >= 10) {
				t.Errorf("picture %d patch %d of rank %d: mask %g", b, i, rank, out[1].F32[b*n+i])
			}
		}
	}
}

// TestLatentSeesKeptOnly: pixels of removed patches change nothing, pixels of kept ones do, and the order of the kept
// patches in the latent is that of their noise.
func TestLatentSeesKeptOnly(t *testing.T) {
	c := tiny()
	noise := random("noise", 1, 25)
	x := random("picture", 1, 3, 20, 20)
	latent := func(x, noise program.Value) []program.Value {
		return run(t, params(t, c), func(p *program.Params, in []*Node) []*Node {
			r := c.Reconstruct(p, in[0], in[1])
			return []*Node{r.Latent, r.Restore, r.Mask, r.Pred}
		}, x, noise)
	}
	plain := latent(x, noise)
	change := func(removed float32) program.Value {
		patch := slices.Index(plain[2].F32, removed)
		y := slices.Clone(x.F32)
		for row := range 4 {
			y[(patch/5*4+row)*20+patch%5*4]++
		}
		return program.F32(y, x.Dims...)
	}
	if other := latent(change(1), noise); !slices.Equal(other[0].F32, plain[0].F32) || !slices.Equal(other[3].F32, plain[3].F32) {
		t.Error("the pixels of a removed patch count")
	}
	if other := latent(change(0), noise); slices.Equal(other[0].F32, plain[0].F32) {
		t.Error("the pixels of a kept patch do not count")
	}
	// Exchanging the noise of the first two kept patches exchanges their tokens, and no other.
	first, second := slices.Index(plain[1].F32, 0), slices.Index(plain[1].F32, 1)
	swapped := slices.Clone(noise.F32)
	swapped[first], swapped[second] = swapped[second], swapped[first]
	other := latent(x, program.F32(swapped, 1, 25))
	for token, from := range []int{0, 2, 1, 3, 4} {
		for i := range 12 {
			if a, b := other[0].F32[token*12+i], plain[0].F32[from*12+i]; math.Abs(float64(a-b)) > 1e-5 {
				t.Fatalf("token %d channel %d: %g, want %g of token %d", token, i, a, b, from)
			}
		}
	}
	for i := range other[3].F32 {
		if math.Abs(float64(other[3].F32[i]-plain[3].F32[i])) > 1e-5 {
			t.Fatal("the order of the kept patches changes the reconstruction")
		}
	}
}

// TestNothingMasked: with a ratio of 0 and noise in order, the masked encoder is the encoder.
func TestNothingMasked(t *testing.T) {
	c := tiny()
	c.MaskRatio = 0
	noise := make([]float32, 25)
	for i := range noise {
		noise[i] = float32(i)
	}
	out := run(t, params(t, c), func(p *program.Params, in []*Node) []*Node {
		return []*Node{c.Encode(p, in[0]), c.Reconstruct(p, in[0], in[1]).Latent}
	}, random("picture", 1, 3, 20, 20), program.F32(noise, 1, 25))
	for i := range out[0].F32 {
		if math.Abs(float64(out[0].F32[i]-out[1].F32[i])) > 1e-5 {
			t.Fatalf("value %d: %g masked, %g plain", i, out[1].F32[i], out[0].F32[i])
		}
	}
}

// TestLoss computes both losses from their definitions in float64.
func TestLoss(t *testing.T) {
	for _, normalised := range []bool{false, true} {
		c := tiny()
		c.NormPixels = normalised
		x, noise := random("pictures", 2, 3, 20, 20), random("noise", 2, 25)
		out := run(t, params(t, c), func(p *program.Params, in []*Node) []*Node {
			r := c.Reconstruct(p, in[0], in[1])
			return []*Node{r.Pred, r.Mask, Reshape(c.Loss(in[0], r), 1)}
		}, x, noise)
		sum, removed := 0.0, 0.0
		for b := range 2 {
			for patch := range 25 {
				var pixels []float64
				for row := range 4 {
					for column := range 4 {
						for ch := range 3 {
							pixels = append(pixels, float64(x.F32[((b*3+ch)*20+patch/5*4+row)*20+patch%5*4+column]))
						}
					}
				}
				if normalised {
					mean, variance := 0.0, 0.0
					for _, v := range pixels {
						mean += v / 48
					}
					for _, v := range pixels {
						variance += (v - mean) * (v - mean) / 47
					}
					for i := range pixels {
						pixels[i] = (pixels[i] - mean) / math.Sqrt(variance+1e-6)
					}
				}
				square := 0.0
				for i, v := range pixels {
					d := float64(out[0].F32[(b*25+patch)*48+i]) - v
					square += d * d / 48
				}
				m := float64(out[1].F32[b*25+patch])
				sum, removed = sum+square*m, removed+m
			}
		}
		if got, want := float64(out[2].F32[0]), sum/removed; math.Abs(got-want) > 1e-5*want {
			t.Errorf("normalised %v: loss %g, want %g", normalised, got, want)
		}
	}
}

// TestPatchify: patches are (row, column, channel), and Unpatchify undoes it, for pictures that are no square.
func TestPatchify(t *testing.T) {
	c := tiny()
	x := program.F32(nil, 2, 3, 8, 12)
	for i := range 2 * 3 * 8 * 12 {
		x.F32 = append(x.F32, float32(i))
	}
	out := run(t, nil, func(_ *program.Params, in []*Node) []*Node {
		patches := c.Patchify(in[0])
		return []*Node{patches, c.Unpatchify(patches, 2, 3)}
	}, x)
	if !slices.Equal(out[1].F32, x.F32) || !slices.Equal(out[1].Dims, x.Dims) {
		t.Error("Unpatchify does not undo Patchify")
	}
	// Picture 1, patch 4 (row 1, column 1), its row 2, column 3, channel 2.
	if got, want := out[0].F32[(6+4)*48+(2*4+3)*3+2], x.F32[((3+2)*8+4+2)*12+4+3]; got != want {
		t.Errorf("%g, want %g", got, want)
	}
}

// TestSineCosine checks the table of a grid of 3 with 8 channels: halves from column and row, each sines and cosines at
// frequencies 1 and 1/100.
func TestSineCosine(t *testing.T) {
	table := mae.SineCosine(8, 3)
	if len(table) != 10*8 || slices.ContainsFunc(table[:8], func(v float32) bool { return v != 0 }) {
		t.Fatal("the class token has a position, or the table another size")
	}
	for row := range 3 {
		for column := range 3 {
			x, y := float64(column), float64(row)
			want := []float64{math.Sin(x), math.Sin(x / 100), math.Cos(x), math.Cos(x / 100), math.Sin(y), math.Sin(y / 100), math.Cos(y), math.Cos(y / 100)}
			for i, w := range want {
				if got := float64(table[(1+row*3+column)*8+i]); math.Abs(got-w) > 1e-7 {
					t.Errorf("row %d column %d channel %d: %g, want %g", row, column, i, got, w)
				}
			}
		}
	}
}

// TestGradients: the losses reach every weight, the positions included, through the encoder and through the decoder.
func TestGradients(t *testing.T) {
	for _, normalised := range []bool{false, true} {
		c := tiny()
		c.NormPixels = normalised
		p := params(t, c)
		names := p.Names()
		out := run(t, p, func(p *program.Params, in []*Node) []*Node {
			loss := c.Loss(in[0], c.Reconstruct(p, in[0], in[1]))
			var weights []*Node
			shapes := c.Shapes()
			for _, n := range names {
				weights = append(weights, p.Node(in[0].Graph(), n, shapes[n]...))
			}
			return Gradient(loss, weights...)
		}, random("pictures", 2, 3, 20, 20), random("noise", 2, 25))
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
	}
}

// TestInitialisation checks the moments of the authors' initialisation, and its position tables.
func TestInitialisation(t *testing.T) {
	c := mae.Config{ImageSize: 32, Patch: 4, Width: 64, Layers: 1, Heads: 2, Hidden: 256, DecoderWidth: 32, DecoderLayers: 1, DecoderHeads: 2, DecoderHidden: 128,
		MaskRatio: 0.75, Positions: vit.Plain, Eps: 1e-6}
	p := params(t, c)
	uniform := func(fans int) float64 { return math.Sqrt(6/float64(fans)) / math.Sqrt(3) }
	for name, sd := range map[string]float64{"cls_token": 0.02, "mask_token": 0.02, "patch_embed.proj.weight": uniform(48 + 64),
		"patch_embed.proj.bias": 1 / math.Sqrt(48) / math.Sqrt(3), "blocks.0.attn.qkv.weight": uniform(64 + 192), "blocks.0.mlp.fc1.weight": uniform(64 + 256),
		"decoder_embed.weight": uniform(64 + 32), "decoder_pred.weight": uniform(32 + 48), "decoder_blocks.0.attn.proj.weight": uniform(64)} {
		data, _, err := p.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		sum, squares, n := 0.0, 0.0, float64(len(data))
		for _, v := range data {
			sum, squares = sum+float64(v), squares+float64(v)*float64(v)
		}
		if got := math.Sqrt(squares/n - sum/n*sum/n); math.Abs(got-sd) > 5*sd/math.Sqrt(2*n) {
			t.Errorf("%s: deviation %.4g, want %.4g", name, got, sd)
		}
	}
	for name, want := range map[string]float32{"norm.weight": 1, "decoder_norm.weight": 1, "blocks.0.norm2.weight": 1, "norm.bias": 0,
		"decoder_pred.bias": 0, "decoder_embed.bias": 0, "blocks.0.attn.qkv.bias": 0} {
		data, _, err := p.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		if data[0] != want || slices.Min(data) != slices.Max(data) {
			t.Errorf("%s begins with %g, want %g everywhere", name, data[0], want)
		}
	}
	for name, width := range map[string]int{"pos_embed": 64, "decoder_pos_embed": 32} {
		if data, _, _ := p.Get(name); !slices.Equal(data, mae.SineCosine(width, 8)) {
			t.Errorf("%s is not the table of sines and cosines", name)
		}
	}
}

// TestStoredPositions: the decoder's positions are those of the checkpoint, zeros included.
func TestStoredPositions(t *testing.T) {
	c := tiny()
	pred := func(zero bool) []float32 {
		p := params(t, c)
		if zero {
			if err := p.Set("decoder_pos_embed", make([]float32, 26*8), 1, 26, 8); err != nil {
				t.Fatal(err)
			}
		}
		return run(t, p, func(p *program.Params, in []*Node) []*Node { return []*Node{c.Reconstruct(p, in[0], in[1]).Pred} },
			random("picture", 1, 3, 20, 20), random("noise", 1, 25))[0].F32
	}
	if slices.Equal(pred(false), pred(true)) {
		t.Error("the stored positions of the decoder do not count")
	}
}

func TestValidate(t *testing.T) {
	for _, spoil := range []func(*mae.Config){
		func(c *mae.Config) { c.ImageSize = 21 }, func(c *mae.Config) { c.Patch = 0 }, func(c *mae.Config) { c.Layers = 0 }, func(c *mae.Config) { c.Width = 6; c.Heads = 1 },
		func(c *mae.Config) { c.MaskRatio = 1 }, func(c *mae.Config) { c.MaskRatio = 0.99 }, func(c *mae.Config) { c.MaskRatio = math.NaN() }, func(c *mae.Config) { c.DecoderHeads = 0 },
		func(c *mae.Config) { c.Eps = 0 }, func(c *mae.Config) { c.Positions = "?" }, func(c *mae.Config) { c.DecoderLayers = -1 }} {
		c := tiny()
		spoil(&c)
		if c.Validate() == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	if _, err := tiny().Network(22, 20); err == nil {
		t.Error("22x20 is accepted")
	}
}

// Of 25 patches a ratio of 0.8 keeps 4 and not 5, as in Python: 25*(1-0.8) is 4.999999999999999 in float64.
func ExampleConfig_Kept() {
	fmt.Println(mae.ViTB16().Kept(196), mae.Config{MaskRatio: 0.8}.Kept(25))
	// Output: 49 4
}
