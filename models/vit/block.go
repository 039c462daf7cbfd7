package vit

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// Block is the shape of a transformer block.
type Block struct {
	Width      int               // channels of a token
	Heads      int               // they divide Width
	Hidden     int               // channels inside the feed-forward layer; of each half, gated
	Eps        float64           // of both layer norms
	LayerScale bool              // whether the branches are scaled channel by channel
	Gated      bool              // SwiGLU instead of an activation
	Activation func(*Node) *Node // nil for GELU with the error function; not used by gated blocks
}

// Validate says what is wrong with the sizes.
func (b Block) Validate() error {
	switch {
	case b.Width <= 0 || b.Heads <= 0 || b.Hidden <= 0:
		return fmt.Errorf("width %d, %d heads, hidden %d: want positive numbers", b.Width, b.Heads, b.Hidden)
	case b.Width%b.Heads != 0:
		return fmt.Errorf("width %d is no multiple of %d heads", b.Width, b.Heads)
	case !(b.Eps > 0 && b.Eps < 1):
		return fmt.Errorf("layer_norm_eps %g: want a small positive number", b.Eps)
	}
	return nil
}

// Shapes adds the weights of the block called prefix to s.
func (b Block) Shapes(s map[string][]int, prefix string) {
	linear := func(name string, out, in int) {
		s[prefix+"."+name+".weight"], s[prefix+"."+name+".bias"] = []int{out, in}, []int{out}
	}
	for i, norm := range []string{"norm1", "norm2"} {
		NormShapes(s, prefix+"."+norm, b.Width)
		if b.LayerScale {
			s[fmt.Sprintf("%s.ls%d.gamma", prefix, i+1)] = []int{b.Width}
		}
	}
	linear("attn.qkv", 3*b.Width, b.Width)
	linear("attn.proj", b.Width, b.Width)
	if b.Gated {
		linear("mlp.w12", 2*b.Hidden, b.Width)
		linear("mlp.w3", b.Width, b.Hidden)
	} else {
		linear("mlp.fc1", b.Hidden, b.Width)
		linear("mlp.fc2", b.Width, b.Hidden)
	}
}

// Apply builds the block called prefix on x [batch, token, Width].
func (b Block) Apply(p *program.Params, prefix string, x *Node) *Node {
	tap := func(name string, v *Node) *Node { return site.Tap(prefix+"."+name, v, site.Token, site.Channel) }
	linear := func(name string, v *Node, out int) *Node { return tap(name, Linear(p, prefix+"."+name, v, out)) }
	scale := func(name string, v *Node) *Node {
		if !b.LayerScale {
			return v
		}
		gamma := p.Node(v.Graph(), prefix+"."+name+".gamma", b.Width)
		return tap(name, Mul(v, BroadcastToShape(Reshape(gamma, 1, 1, b.Width), v.Shape())))
	}

	h := tap("norm1", Norm(p, prefix+".norm1", x, b.Eps))
	h = ops.Attend(linear("attn.qkv", h, 3*b.Width), nil, b.Heads,
		func(v *Node) *Node { return site.Tap(prefix+".attn.probs", v, site.Head, site.Query, site.Key) },
		func(v *Node) *Node { return tap("attn.z", v) })
	h = tap("attn", linear("attn.proj", h, b.Width))
	x = Add(x, scale("ls1", h))

	h = tap("norm2", Norm(p, prefix+".norm2", x, b.Eps))
	if b.Gated {
		h = linear("mlp.w12", h, 2*b.Hidden)
		gate := tap("mlp.act", ops.SiLU(Slice(h, AxisRange(), AxisRange(), AxisRange(0, b.Hidden))))
		h = tap("mlp.gated", Mul(gate, Slice(h, AxisRange(), AxisRange(), AxisRange(b.Hidden))))
		h = linear("mlp.w3", h, b.Width)
	} else {
		act := b.Activation
		if act == nil {
			act = ops.GELU
		}
		h = tap("mlp.act", act(linear("mlp.fc1", h, b.Hidden)))
		h = linear("mlp.fc2", h, b.Width)
	}
	x = Add(x, scale("ls2", tap("mlp", h)))
	return site.Tap(prefix, x, site.Token, site.Channel)
}

// Linear is the linear layer called name: NAME.weight [out, in] and NAME.bias [out], for x [..., in].
func Linear(p *program.Params, name string, x *Node, out int) *Node {
	in := x.Shape().Dimensions[x.Rank()-1]
	return ops.Dense(x, p.Node(x.Graph(), name+".weight", out, in), p.Node(x.Graph(), name+".bias", out))
}

// Norm is the layer norm called name over the last axis of x.
func Norm(p *program.Params, name string, x *Node, eps float64) *Node {
	c := x.Shape().Dimensions[x.Rank()-1]
	return ops.LayerNorm(x, p.Node(x.Graph(), name+".weight", c), p.Node(x.Graph(), name+".bias", c), eps)
}

// NormShapes adds the weights of the layer norm called name to s.
func NormShapes(s map[string][]int, name string, channels int) {
	s[name+".weight"], s[name+".bias"] = []int{channels}, []int{channels}
}
