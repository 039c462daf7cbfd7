package clip

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
)

// ImageTower is the image tower of a configuration as a models.Network: pictures to embeddings.
type ImageTower struct{ Config }

// Forward builds the tower for x [batch, 3, height, width].
func (t ImageTower) Forward(p *program.Params, x *graph.Node) *graph.Node { return t.Image(p, x) }

// Input is 3, ImageSize, ImageSize.
func (t ImageTower) Input() []int { return []int{3, t.ImageSize, t.ImageSize} }

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
