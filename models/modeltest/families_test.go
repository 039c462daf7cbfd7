package modeltest_test

import (
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/dinov2"
	"github.com/ventral-lab/ventral/models/mae"
	"github.com/ventral-lab/ventral/models/modeltest"
	"github.com/ventral-lab/ventral/models/nasnet"
	"github.com/ventral-lab/ventral/models/vgg"
	"github.com/ventral-lab/ventral/models/vit"
)

func TestCLIPViT(t *testing.T) {
	c := clip.Config{EmbedDim: 12, ImageSize: 24, Patch: 8, Width: 16, Layers: 2, Heads: 2, Context: 7, Vocab: 50, TextWidth: 16, TextLayers: 2, TextHeads: 4}
	modeltest.Run(t, modeltest.Case{Config: c, Seed: 1, Others: []models.Network{clip.TextTower{Config: c}}, Unread: []string{"logit_scale"},
		Refused: [][2]int{{7, 24}}, Sizes: [][2]int{{32, 16}}})
}

// TestCLIPText is the text tower: its stimuli are token ids, and it has no pictures.
func TestCLIPText(t *testing.T) {
	c := clip.Config{EmbedDim: 12, ImageSize: 24, Patch: 8, Width: 16, Layers: 1, Heads: 2, Context: 7, Vocab: 50, TextWidth: 16, TextLayers: 2, TextHeads: 4}
	image, err := c.Network(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	modeltest.Run(t, modeltest.Case{Config: c, Seed: 1, Network: clip.TextTower{Config: c}, Others: []models.Network{image}, Unread: []string{"logit_scale"},
		Backends: []string{"go"}, Stimulus: func(i int, x []float32) {
			for k := range x {
				x[k] = float32((7*i + 3*k) % 48)
			}
			x[len(x)-1] = float32(c.Vocab - 1)
		}})
}

func TestCLIPResNet(t *testing.T) {
	c := clip.Config{EmbedDim: 6, ImageSize: 64, Width: 4, Stages: [4]int{1, 1, 1, 1}, Heads: 2}
	modeltest.Run(t, modeltest.Case{Config: c, Seed: 1})
}

func TestDINOv2(t *testing.T) {
	c := dinov2.Config{ImageSize: 24, Patch: 6, Width: 12, Layers: 2, Heads: 2, Hidden: 24, Registers: 2, Positions: vit.Antialias, Eps: 1e-6, LayerScale: 0.5}
	modeltest.Run(t, modeltest.Case{Config: c, Seed: 1})
}

func TestDINOv2Gated(t *testing.T) {
	c := dinov2.Config{ImageSize: 24, Patch: 6, Width: 12, Layers: 1, Heads: 2, Hidden: 24, SwiGLU: true, MaskToken: true, Positions: vit.Offset, Eps: 1e-6, LayerScale: 0.5}
	modeltest.Run(t, modeltest.Case{Config: c, Seed: 1, Unread: []string{"mask_token"}, Backends: []string{"go"}})
}

func TestMAE(t *testing.T) {
	c := mae.Config{ImageSize: 24, Patch: 6, Width: 12, Layers: 2, Heads: 2, Hidden: 24, Positions: vit.Plain, Eps: 1e-6}
	modeltest.Run(t, modeltest.Case{Config: c, Seed: 1})
}

// painter is a masked autoencoder in whole: the same patches of every picture are removed.
type painter struct {
	c    mae.Config
	side int
}

func (n painter) Input() []int { return []int{3, n.side, n.side} }

func (n painter) Forward(p *models.Params, x *graph.Node) *graph.Node {
	patches := n.side / n.c.Patch * (n.side / n.c.Patch)
	noise := make([]float32, patches)
	for i := range noise {
		noise[i] = float32(i*7%patches) / float32(patches)
	}
	b := x.Shape().Dimensions[0]
	return n.c.Reconstruct(p, x, graph.BroadcastToDims(graph.Reshape(graph.Const(x.Graph(), noise), 1, patches), b, patches)).Pred
}

func TestMAEDecoder(t *testing.T) {
	c := mae.Config{ImageSize: 24, Patch: 6, Width: 12, Layers: 1, Heads: 2, Hidden: 24, DecoderWidth: 8, DecoderLayers: 1, DecoderHeads: 2, DecoderHidden: 16,
		MaskRatio: 0.5, Positions: vit.Plain, Eps: 1e-6}
	encoder, err := c.Network(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	modeltest.Run(t, modeltest.Case{Config: c, Network: painter{c, 24}, Others: []models.Network{encoder}, Seed: 1, Backends: []string{"go"}})
}

func TestVGG(t *testing.T) {
	c := vgg.Config{Blocks: [][]int{{4}, {6, 5}}, BatchNorm: true, Hidden: 10, Classes: 4}
	n, err := c.Network(28, 28)
	if err != nil {
		t.Fatal(err)
	}
	modeltest.Run(t, modeltest.Case{Config: c, Network: n, Seed: 1})
}

// TestNASNet leaves XLA out: compiling the gradient of its 416 sites takes a minute. That its values and gradients are those
// of the reference on XLA, too, is tested in models/golden.
func TestNASNet(t *testing.T) {
	c := nasnet.Config{Filters: 8, Stem: 4, Multiplier: 1, Cells: 1, Classes: 4, ImageSize: 33, Pool: nasnet.PoolTF}
	modeltest.Run(t, modeltest.Case{Config: c, Seed: 1, Sweep: 10, Backends: []string{"go"}})
}
