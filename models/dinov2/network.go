package dinov2

import (
	"fmt"
	"strconv"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/vit"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

var _ models.Config = Config{}

// Network is a configuration for one size of pictures, as a models.Network: pictures to class tokens.
type Network struct {
	Config
	Height, Width int // of the pictures in pixels
}

// Input is 3, height, width.
func (n Network) Input() []int { return []int{3, n.Height, n.Width} }

// Forward builds the network for x [batch, 3, height, width], preprocessed, and returns the class token behind the final
// layer norm, [batch, width].
func (n Network) Forward(p *program.Params, x *Node) *Node {
	v := n.Features(p, x, nil)
	d := v.Shape().Dimensions
	return site.Tap("head", Reshape(Slice(v, AxisRange(), AxisElem(0)), d[0], d[2]), site.Channel)
}

// Features builds the network for x [batch, 3, height, width] of any size that Network takes, and returns all tokens
// behind the final layer norm, [batch, 1+Registers+patches, Width]. masked [batch, patches] is 1 where the mask token
// stands in for a patch, as masked training (iBOT) has it, and 0 elsewhere; nil masks nothing. A graph that is not
// recorded from may call it more than once, for crops of several sizes.
func (c Config) Features(p *program.Params, x, masked *Node) *Node {
	v := c.Tokens(p, x, masked)
	for l := range c.Layers {
		v = c.block().Apply(p, "blocks."+strconv.Itoa(l), v)
	}
	return site.Tap("norm", vit.Norm(p, "norm", v, c.Eps), site.Token, site.Channel)
}

// Tokens builds what enters block 0, [batch, 1+Registers+patches, Width]. See Features.
func (c Config) Tokens(p *program.Params, x, masked *Node) *Node {
	g, d := x.Graph(), x.Shape().Dimensions
	rows, columns, err := vit.Grid(d[2], d[3], c.Patch, c.PartialPatches)
	if err != nil {
		panic(fmt.Errorf("dinov2: %w", err))
	}
	v := vit.Patches(p, x, c.Width, c.Patch)
	if masked != nil {
		m := BroadcastToShape(Reshape(masked, d[0], rows*columns, 1), v.Shape())
		token := BroadcastToShape(Reshape(p.Node(g, "mask_token", 1, c.Width), 1, 1, c.Width), v.Shape())
		v = Add(Mul(v, OneMinus(m)), Mul(token, m))
	}
	class := vit.Repeat(p.Node(g, "cls_token", 1, 1, c.Width), d[0])
	pos := c.Positions.Resample(p.Node(g, "pos_embed", 1, 1+c.Grid()*c.Grid(), c.Width), rows, columns)
	v = Concatenate([]*Node{class, v}, 1)
	v = Add(v, BroadcastToShape(pos, v.Shape()))
	if c.Registers > 0 {
		registers := vit.Repeat(p.Node(g, "register_tokens", 1, c.Registers, c.Width), d[0])
		v = Concatenate([]*Node{Slice(v, AxisRange(), AxisRange(0, 1)), registers, Slice(v, AxisRange(), AxisRange(1))}, 1)
	}
	return site.Tap("tokens", v, site.Token, site.Channel)
}
