package clip

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models"
)

var _ models.Config = Config{}

// Family is "clip".
func (c Config) Family() string { return "clip" }

// Network is the image tower for pictures of height x width pixels, 0 x 0 for ImageSize.
func (c Config) Network(height, width int) (models.Network, error) {
	if height == 0 && width == 0 {
		height, width = c.ImageSize, c.ImageSize
	}
	if c.ResNet() {
		if gh, gw := resNetGrid(height, width); gh < 1 || gw < 1 {
			return nil, fmt.Errorf("clip: nothing is left of a picture of %dx%d after a ResNet's five halvings; the least is %d a side", height, width, reduction-1)
		}
		return ImageTower{Config: c, Height: height, Width: width}, nil
	}
	if height < c.Patch || width < c.Patch {
		return nil, fmt.Errorf("clip: a picture of %dx%d is smaller than a patch of %d", height, width, c.Patch)
	}
	return ImageTower{Config: c, Height: height, Width: width}, nil
}

// ImageTower is the image tower of a configuration as a models.Network: pictures to embeddings.
type ImageTower struct {
	Config
	Height, Width int // of the pictures in pixels, 0 for ImageSize
}

// Forward builds the tower for x [batch, 3, height, width].
func (t ImageTower) Forward(p *program.Params, x *graph.Node) *graph.Node { return t.Image(p, x) }

// Input is 3, height, width.
func (t ImageTower) Input() []int {
	if t.Height == 0 {
		return []int{3, t.ImageSize, t.ImageSize}
	}
	return []int{3, t.Height, t.Width}
}

// TextTower is the text tower of a configuration as a models.Network. Its input are token ids as float32, [batch,
// tokens], which hold every id of a vocabulary exactly.
type TextTower struct {
	Config
	// Tokens is the length of its input, 0 for Context. No token sees a later one, so what follows the end token of the
	// longest text can be left out.
	Tokens int
}

// Forward builds the tower for ids [batch, tokens].
func (t TextTower) Forward(p *program.Params, x *graph.Node) *graph.Node {
	return t.Text(p, graph.ConvertDType(x, dtypes.Int32))
}

// Input is Tokens.
func (t TextTower) Input() []int {
	if t.Tokens > 0 {
		return []int{t.Tokens}
	}
	return []int{t.Context}
}
