package clip

import (
	"github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
)

// ImageTower is the image tower of a configuration as a models.Network: pictures to embeddings.
type ImageTower struct{ Config }

// Forward builds the tower for x [batch, 3, height, width].
func (t ImageTower) Forward(p *program.Params, x *graph.Node) *graph.Node { return t.Image(p, x) }

// Input is 3, ImageSize, ImageSize.
func (t ImageTower) Input() []int { return []int{3, t.ImageSize, t.ImageSize} }
