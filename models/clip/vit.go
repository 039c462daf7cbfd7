package clip

import (
	"strconv"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// Image builds the image tower: x is [batch, 3, height, width], preprocessed; the result is [batch, EmbedDim], or
// [batch, Width] where EmbedDim is 0.
func (c Config) Image(p *program.Params, x *Node) *Node {
	if c.ResNet() {
		return c.resNet(p, x)
	}
	return c.transformer(p, x)
}

func (c Config) transformer(p *program.Params, x *Node) *Node {
	g := x.Graph()
	w := func(name string, dims ...int) *Node { return p.Node(g, "visual."+name, dims...) }
	d := x.Shape().Dimensions
	b, gh, gw := d[0], d[2]/c.Patch, d[3]/c.Patch

	x = ops.PatchConv(x, w("conv1.weight", c.Width, 3, c.Patch, c.Patch))
	x = TransposeAllAxes(Reshape(x, b, gh, gw, c.Width), 0, 3, 1, 2)
	x = site.Tap("visual.conv1", x, site.Channel, site.Y, site.X)
	x = Reshape(TransposeAllAxes(x, 0, 2, 3, 1), b, gh*gw, c.Width)

	class := BroadcastToDims(Reshape(w("class_embedding", c.Width), 1, 1, c.Width), b, 1, c.Width)
	x = Concatenate([]*Node{class, x}, 1)
	kernel := ops.Bicubic
	if c.Antialias {
		kernel = ops.BicubicAntialias
	}
	pos := resample(w("positional_embedding", c.Tokens(), c.Width), c.Grid(), gh, gw, kernel)
	x = Add(x, BroadcastToShape(Reshape(pos, 1, 1+gh*gw, c.Width), x.Shape()))
	x = layerNorm(p, "visual.ln_pre", x)
	x = site.Tap("visual.ln_pre", x, site.Token, site.Channel)
	for l := range c.Layers {
		x = c.block(p, "visual.transformer.resblocks."+strconv.Itoa(l), x, c.Heads, c.mlp(), nil)
	}
	x = site.Tap("visual.transformer", x, site.Token, site.Channel)
	x = layerNorm(p, "visual.ln_post", x)
	x = site.Tap("visual.ln_post", x, site.Token, site.Channel)
	x = Reshape(Slice(x, AxisRange(), AxisElem(0)), b, c.Width)
	if c.EmbedDim > 0 {
		x = MatMul(x, w("proj", c.Width, c.EmbedDim))
	}
	return site.Tap("visual", x, site.Channel)
}

// resample fits a position table [1+side², channels], its first row not of the grid, to a grid of h x w.
func resample(table *Node, side, h, w int, k ops.Kernel) *Node {
	if h == side && w == side {
		return table
	}
	ch := table.Shape().Dimensions[1]
	first := Slice(table, AxisRange(0, 1))
	grid := ops.Resize(Reshape(Slice(table, AxisRange(1)), 1, side, side, ch), h, w, k)
	return Concatenate([]*Node{first, Reshape(grid, h*w, ch)}, 0)
}

// Text builds the text tower: ids are int32 [batch, tokens], padded with zeros after the end token, which is the largest
// id of the vocabulary; tokens may be fewer than Context. The result is [batch, EmbedDim].
func (c Config) Text(p *program.Params, ids *Node) *Node {
	g := ids.Graph()
	d := ids.Shape().Dimensions
	b, t := d[0], d[1]
	x := Gather(p.Node(g, "token_embedding.weight", c.Vocab, c.TextWidth), Reshape(ids, b, t, 1))
	x = site.Tap("token_embedding", x, site.Token, site.Channel)
	pos := p.Node(g, "positional_embedding", c.Context, c.TextWidth)
	if t < c.Context {
		pos = Slice(pos, AxisRange(0, t))
	}
	x = Add(x, BroadcastToShape(Reshape(pos, 1, t, c.TextWidth), x.Shape()))
	x = site.Tap("transformer.input", x, site.Token, site.Channel)
	mask := ops.CausalMask(g, t)
	for l := range c.TextLayers {
		x = c.block(p, "transformer.resblocks."+strconv.Itoa(l), x, c.TextHeads, c.textMLP(), mask)
	}
	x = site.Tap("transformer", x, site.Token, site.Channel)
	x = layerNorm(p, "ln_final", x)
	x = site.Tap("ln_final", x, site.Token, site.Channel)
	// The feature is read at the end token, the first largest id (OpenAI's argmax).
	end := OneHot(ArgMax(ids, -1, dtypes.Int32), t, x.DType())
	x = Einsum("bt,btc->bc", end, x)
	x = MatMul(x, p.Node(g, "text_projection", c.TextWidth, c.EmbedDim))
	return site.Tap("text_projection", x, site.Channel)
}

// block is one pre-layer-norm residual block with a feed-forward layer of width mlp.
func (c Config) block(p *program.Params, name string, x *Node, heads, mlp int, mask *Node) *Node {
	g := x.Graph()
	ch := x.Shape().Dimensions[2]
	w := func(n string, dims ...int) *Node { return p.Node(g, name+"."+n, dims...) }
	tap := func(n string, v *Node) *Node { return site.Tap(name+"."+n, v, site.Token, site.Channel) }

	h := tap("ln_1", layerNorm(p, name+".ln_1", x))
	h = ops.Attention(h, w("attn.in_proj_weight", 3*ch, ch), w("attn.in_proj_bias", 3*ch),
		w("attn.out_proj.weight", ch, ch), w("attn.out_proj.bias", ch), mask, heads,
		func(v *Node) *Node { return site.Tap(name+".attn.probs", v, site.Head, site.Query, site.Key) },
		func(v *Node) *Node { return tap("attn.z", v) })
	h = tap("attn", tap("attn.out_proj", h))
	x = Add(x, h)

	h = tap("ln_2", layerNorm(p, name+".ln_2", x))
	h = tap("mlp.c_fc", ops.Dense(h, w("mlp.c_fc.weight", mlp, ch), w("mlp.c_fc.bias", mlp)))
	if c.ExactGELU {
		h = ops.GELU(h)
	} else {
		h = ops.QuickGELU(h)
	}
	h = tap("mlp.gelu", h)
	h = tap("mlp.c_proj", ops.Dense(h, w("mlp.c_proj.weight", ch, mlp), w("mlp.c_proj.bias", ch)))
	h = tap("mlp", h)
	return site.Tap(name, Add(x, h), site.Token, site.Channel)
}

func layerNorm(p *program.Params, name string, x *Node) *Node {
	ch := x.Shape().Dimensions[x.Rank()-1]
	return ops.LayerNorm(x, p.Node(x.Graph(), name+".weight", ch), p.Node(x.Graph(), name+".bias", ch), LayerNormEps)
}

// Logits are exp(logit_scale) times the cosine of every image with every text: images [m, e], texts [n, e] -> [m, n].
func (c Config) Logits(p *program.Params, images, texts *Node) *Node {
	scale := Exp(p.Node(images.Graph(), "logit_scale"))
	cos := Einsum("me,ne->mn", ops.Unit(images), ops.Unit(texts))
	return Mul(cos, BroadcastToShape(Reshape(scale, 1, 1), cos.Shape()))
}
