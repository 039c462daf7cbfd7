package mae

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

// Network is the encoder for one size of pictures, as a models.Network: pictures to class tokens.
type Network struct {
	Config
	Height, Width int // of the pictures in pixels
}

// Input is 3, height, width.
func (n Network) Input() []int { return []int{3, n.Height, n.Width} }

// Forward builds the encoder for x [batch, 3, height, width], preprocessed, without a mask, and returns the class token
// behind the final layer norm, [batch, width].
func (n Network) Forward(p *program.Params, x *Node) *Node {
	v := n.Encode(p, x)
	d := v.Shape().Dimensions
	return site.Tap("head", Reshape(Slice(v, AxisRange(), AxisElem(0)), d[0], d[2]), site.Channel)
}

// Encode builds the encoder on all patches of x [batch, 3, height, width] and returns all tokens behind the final layer
// norm, [batch, 1+patches, Width].
func (c Config) Encode(p *program.Params, x *Node) *Node {
	patches, class := c.embed(p, x)
	return c.encode(p, class, patches)
}

// embed returns the patches [batch, patch, Width] and the class token [batch, 1, Width], both with their positions.
func (c Config) embed(p *program.Params, x *Node) (patches, class *Node) {
	g, d := x.Graph(), x.Shape().Dimensions
	rows, columns, err := vit.Grid(d[2], d[3], c.Patch, c.PartialPatches)
	if err != nil {
		panic(fmt.Errorf("mae: %w", err))
	}
	pos := c.Positions.Resample(p.Node(g, "pos_embed", 1, 1+c.Grid()*c.Grid(), c.Width), rows, columns)
	patches = vit.Patches(p, x, c.Width, c.Patch)
	patches = Add(patches, BroadcastToShape(Slice(pos, AxisRange(), AxisRange(1)), patches.Shape()))
	class = Add(p.Node(g, "cls_token", 1, 1, c.Width), Slice(pos, AxisRange(), AxisRange(0, 1)))
	return patches, vit.Repeat(class, d[0])
}

func (c Config) encode(p *program.Params, class, patches *Node) *Node {
	v := site.Tap("tokens", Concatenate([]*Node{class, patches}, 1), site.Token, site.Channel)
	for l := range c.Layers {
		v = c.block().Apply(p, "blocks."+strconv.Itoa(l), v)
	}
	return site.Tap("norm", vit.Norm(p, "norm", v, c.Eps), site.Token, site.Channel)
}
