package vgg

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/batchnorm"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

var _ models.Config = Config{}

func normShapes(s map[string][]int, l Layer) { batchnorm.Shapes(s, l.Site, l.Channels) }

// Family is "vgg".
func (c Config) Family() string { return "vgg" }

// Network is the network for pictures of height x width pixels, 0 x 0 for ImageSize. A side must be at least 2 to the
// number of pools, 32 for the published models.
func (c Config) Network(height, width int) (models.Network, error) {
	if height == 0 && width == 0 {
		height, width = ImageSize, ImageSize
	}
	if least := 1 << len(c.Blocks); height < least || width < least {
		return nil, fmt.Errorf("vgg: a picture of %dx%d is smaller than the %d pixels a side that %d pools leave one pixel of", height, width, least, len(c.Blocks))
	}
	return Network{Config: c, Height: height, Width: width}, nil
}

// Network is a configuration for one size of pictures.
type Network struct {
	Config
	Height, Width int // in pixels
}

// Input is 3, height, width.
func (n Network) Input() []int { return []int{3, n.Height, n.Width} }

// Forward builds the network for x [batch, 3, height, width] and returns the logits [batch, classes], or, without a
// classifier, the last pool [batch, channel, y, x].
func (n Network) Forward(p *program.Params, x *Node) *Node {
	g := x.Graph()
	x = TransposeAllAxes(x, 0, 2, 3, 1)
	for _, l := range n.Layers() {
		switch l.Kind {
		case Conv:
			x = ops.Conv(x, p.Kernel(g, l.Site+".weight", l.Channels, l.In, 3, 3), p.Node(g, l.Site+".bias", l.Channels), 1, ops.Even(1))
		case Norm:
			x = batchnorm.Apply(p, l.Site, x, Eps)
		case ReLU:
			x = ops.ReLU(x)
		case Pool:
			x = ops.PoolMax(x, 2, 2, ops.Even(0))
		}
		x = site.TapImage(l.Site, x)
	}
	if n.Hidden == 0 {
		return TransposeAllAxes(x, 0, 3, 1, 2)
	}
	if d := x.Shape().Dimensions; n.Sliding {
		return n.sliding(p, site.TapImage("avgpool", adaptiveMean(x, max(d[1], Side), max(d[2], Side))))
	}
	x = site.TapImage("avgpool", adaptiveMean(x, Side, Side))
	x = Reshape(TransposeAllAxes(x, 0, 3, 1, 2), x.Shape().Dimensions[0], -1)
	for _, d := range n.dense() {
		x = site.Tap(d.site, ops.Dense(x, p.Node(g, d.site+".weight", d.out, d.in), p.Node(g, d.site+".bias", d.out)), site.Channel)
		if d.relu != "" {
			x = site.Tap(d.relu, ops.ReLU(x), site.Channel)
		}
	}
	return x
}

// sliding is timm's classifier for x [batch, h, w, channel] of at least 7x7 places.
func (n Network) sliding(p *program.Params, x *Node) *Node {
	g := x.Graph()
	for i, d := range n.dense() {
		w, b := p.Node(g, d.site+".weight", d.out, d.in), p.Node(g, d.site+".bias", d.out)
		if d.relu == "" {
			return site.Tap(d.site, ops.Dense(ReduceMean(x, 1, 2), w, b), site.Channel)
		}
		switch s := x.Shape().Dimensions; {
		case i > 0:
			x = ops.Dense(x, w, b)
		case s[1] == Side && s[2] == Side: // one place; the convolution would turn 400 MB of weights in every call
			x = Reshape(ops.Dense(Reshape(TransposeAllAxes(x, 0, 3, 1, 2), s[0], d.in), w, b), s[0], 1, 1, d.out)
		default:
			x = ops.Conv(x, Reshape(w, d.out, -1, Side, Side), b, 1, ops.Even(0))
		}
		x = site.TapImage(d.site, x)
		x = site.TapImage(d.relu, ops.ReLU(x))
	}
	return x
}

// adaptiveMean averages x [batch, h, w, channel] to toH x toW: place i of n becomes the mean of places floor(i·n/to) to
// ceil((i+1)·n/to), torch's AdaptiveAvgPool2d. Windows overlap where n is no multiple of to, and repeat where it is smaller.
func adaptiveMean(x *Node, toH, toW int) *Node {
	d := x.Shape().Dimensions
	g := x.Graph()
	if d[1] != toH {
		x = Einsum("ah,bhwc->bawc", ConstAsDType(g, x.DType(), adaptiveWeights(d[1], toH)), x)
	}
	if d[2] != toW {
		x = Einsum("dw,bawc->badc", ConstAsDType(g, x.DType(), adaptiveWeights(d[2], toW)), x)
	}
	return x
}

// adaptiveWeights is the [to, from] matrix that averages one axis.
func adaptiveWeights(from, to int) [][]float64 {
	m := make([][]float64, to)
	for i := range m {
		m[i] = make([]float64, from)
		lo, hi := i*from/to, ((i+1)*from+to-1)/to
		for j := lo; j < hi; j++ {
			m[i][j] = 1 / float64(hi-lo)
		}
	}
	return m
}
