package vit

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// Positions says how a position table is resampled for pictures of another size than it was made for. Every library does
// it by torch's bicubic interpolation with align_corners=False, and each differently; at the table's own size all leave
// the table as it is.
type Positions string

// The ways of the libraries.
const (
	// Antialias is bicubic with antialias=True to a given size: a = -0.5, weights renormalised at the edges, also where
	// the table is enlarged. DINOv2 with registers in its own code and in Hugging Face's, and everything in timm.
	Antialias Positions = "antialias"
	// Plain is bicubic to a given size: a = -0.75, indices clamped at the edges. DINOv2 without registers and MAE in
	// Hugging Face's code; MAE's own code where a checkpoint is fine-tuned at another size.
	Plain Positions = "plain"
	// Offset is bicubic by the scale factor (n+0.1)/side, which torch uses as it is for the coordinates. DINOv2 without
	// registers in its own code.
	Offset Positions = "offset-0.1"
)

// Validate says whether p is one of the three.
func (p Positions) Validate() error {
	switch p {
	case Antialias, Plain, Offset:
		return nil
	}
	return fmt.Errorf("positions %q: want %q, %q or %q", string(p), Antialias, Plain, Offset)
}

func (p Positions) kernel() ops.Kernel {
	switch p {
	case Antialias:
		return ops.BicubicAntialias
	case Offset:
		return ops.BicubicOffset
	}
	return ops.Bicubic
}

// Resample makes a table [1, 1 + rows*columns, channel] from one of [1, 1 + side*side, channel].
func (p Positions) Resample(table *Node, rows, columns int) *Node {
	d := table.Shape().Dimensions
	side := Side(d[1] - 1)
	if rows == side && columns == side {
		return table
	}
	class := Slice(table, AxisRange(), AxisRange(0, 1))
	grid := Reshape(Slice(table, AxisRange(), AxisRange(1)), 1, side, side, d[2])
	grid = ops.Resize(grid, rows, columns, p.kernel())
	return Concatenate([]*Node{class, Reshape(grid, 1, rows*columns, d[2])}, 1)
}

// ResampleList makes a table [1, 1 + n, channel] from one of [1, 1 + m, channel], along the list of positions, whatever
// its rows. This is what Hugging Face's decoder of MAE does.
func (p Positions) ResampleList(table *Node, n int) *Node {
	d := table.Shape().Dimensions
	if d[1]-1 == n {
		return table
	}
	class := Slice(table, AxisRange(), AxisRange(0, 1))
	list := Reshape(Slice(table, AxisRange(), AxisRange(1)), 1, 1, d[1]-1, d[2])
	list = ops.Resize(list, 1, n, p.kernel())
	return Concatenate([]*Node{class, Reshape(list, 1, n, d[2])}, 1)
}

// Side is the side of a square of n patches, 0 where n is no square.
func Side(n int) int {
	side := int(math.Round(math.Sqrt(float64(max(n, 0)))))
	if side*side != n {
		return 0
	}
	return side
}

// Grid is the number of rows and columns of patches of a picture of height x width pixels. A picture that is no whole
// number of patches is an error, or loses its last rows and columns where partial says so.
func Grid(height, width, patch int, partial bool) (rows, columns int, err error) {
	rows, columns = height/patch, width/patch
	switch {
	case height < patch || width < patch:
		return 0, 0, fmt.Errorf("a picture of %dx%d is smaller than a patch of %d", height, width, patch)
	case !partial && (rows*patch != height || columns*patch != width):
		return 0, 0, fmt.Errorf("a picture of %dx%d is no whole number of patches of %d: the reference refuses it; use %dx%d",
			height, width, patch, rows*patch, columns*patch)
	}
	return rows, columns, nil
}

// PatchShapes adds the weights of patch_embed.proj to s.
func PatchShapes(s map[string][]int, width, patch int) {
	s["patch_embed.proj.weight"], s["patch_embed.proj.bias"] = []int{width, 3, patch, patch}, []int{width}
}

// Patches embeds the patches of x [batch, 3, h, w]: [batch, patch, width], patches row by row. What is beyond the last
// whole patch is dropped.
func Patches(p *program.Params, x *Node, width, patch int) *Node {
	g, d := x.Graph(), x.Shape().Dimensions
	rows, columns := d[2]/patch, d[3]/patch
	v := ops.PatchConv(x, p.Node(g, "patch_embed.proj.weight", width, 3, patch, patch))
	v = Add(v, BroadcastToShape(Reshape(p.Node(g, "patch_embed.proj.bias", width), 1, 1, width), v.Shape()))
	v = site.TapImage("patch_embed.proj", Reshape(v, d[0], rows, columns, width))
	return site.Tap("patch_embed", Reshape(v, d[0], rows*columns, width), site.Token, site.Channel)
}

// Repeat makes [batch, n, c] of a learned [1, n, c].
func Repeat(token *Node, batch int) *Node {
	d := token.Shape().Dimensions
	return BroadcastToDims(token, batch, d[1], d[2])
}

// Count is one more than the largest block number behind prefix in the names of weights, below 1000. A number that is
// left out shows as a missing weight later.
func Count(shapes map[string][]int, prefix string) int {
	n := 0
	for name := range shapes {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(rest, ".")
		if i, err := strconv.Atoi(number); err == nil && i >= 0 && i < 1000 {
			n = max(n, i+1)
		}
	}
	return n
}
