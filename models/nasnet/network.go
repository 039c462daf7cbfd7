package nasnet

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

// Family is "nasnet".
func (c Config) Family() string { return "nasnet" }

// Network is the classifier for pictures of height x width pixels, 0 x 0 for ImageSize.
func (c Config) Network(height, width int) (models.Network, error) {
	if height == 0 && width == 0 {
		height, width = c.ImageSize, c.ImageSize
	}
	if height < minSize || width < minSize {
		return nil, fmt.Errorf("nasnet: a picture of %dx%d is smaller than the first convolution, which is %dx%d and not padded", height, width, minSize, minSize)
	}
	return Classifier{Config: c, Height: height, Width: width}, nil
}

// Classifier is a configuration as a models.Network: pictures to logits.
type Classifier struct {
	Config
	Height, Width int // of the pictures in pixels, 0 for ImageSize
}

// Input is 3, height, width.
func (n Classifier) Input() []int {
	if n.Height == 0 {
		return []int{3, n.ImageSize, n.ImageSize}
	}
	return []int{3, n.Height, n.Width}
}

// Forward builds the network for x [batch, 3, height, width], preprocessed; the result is [batch, Classes].
func (n Classifier) Forward(p *program.Params, x *Node) *Node {
	b := builder{c: n.Config, p: p, g: x.Graph()}
	x = TransposeAllAxes(x, 0, 2, 3, 1)
	x = site.TapImage("conv0.conv", ops.Conv(x, b.weight("conv0.conv.weight", n.Stem, 3, 3, 3), nil, 2, ops.Padding{}))
	x = site.TapImage("conv0", b.norm("conv0.bn", x))
	stem := x
	var prev, cur *Node
	for i, l := range n.cells() {
		switch {
		case i == 0:
			prev, cur = stem, b.reductionCell(l, stem, nil)
		case l.reduction && i > 1 && !n.Mobile:
			cur = b.reductionCell(l, cur, prev) // prev stays what it is for the next cell
		case l.reduction:
			prev, cur = cur, b.reductionCell(l, cur, prev)
		default:
			prev, cur = cur, b.normalCell(l, cur, prev)
		}
	}
	cur = site.TapImage("act", relu(cur))
	d := cur.Shape().Dimensions
	v := ReduceMean(Reshape(cur, d[0], d[1]*d[2], d[3]), 1)
	v = site.Tap("global_pool", v, site.Channel)
	v = ops.Dense(v, b.weight("last_linear.weight", n.Classes, n.Features()), b.weight("last_linear.bias", n.Classes))
	return site.Tap("last_linear", v, site.Channel)
}

// builder builds the parts of one graph. Feature maps are [batch, y, x, channel].
type builder struct {
	c Config
	p *program.Params
	g *Graph
}

func (b builder) weight(name string, dims ...int) *Node { return b.p.Node(b.g, name, dims...) }

func (b builder) norm(name string, x *Node) *Node {
	return batchnorm.Apply(b.p, name, x, b.c.BatchNormEps())
}

func relu(x *Node) *Node { return ops.ReLU(x) }

// pointwise is a 1x1 convolution without bias.
func (b builder) pointwise(name string, x *Node, out int) *Node {
	d := x.Shape().Dimensions
	w := Reshape(b.weight(name+".weight", out, d[3], 1, 1), out, d[3])
	return Reshape(ops.Dense(Reshape(x, d[0]*d[1]*d[2], d[3]), w, nil), d[0], d[1], d[2], out)
}

// project is ReLU, a 1x1 convolution and batch normalisation.
func (b builder) project(name string, x *Node, out int) *Node {
	x = site.TapImage(name+".act", relu(x))
	x = site.TapImage(name+".conv", b.pointwise(name+".conv", x, out))
	return site.TapImage(name, b.norm(name+".bn", x))
}

// factorised halves a picture with two 1x1 convolutions of half the channels each: path_1 on the pixels 0, 2, 4, ...,
// path_2 on the pixels 1, 3, 5, ... of both axes, where a zero stands for what lies outside.
func (b builder) factorised(l cell, x *Node) *Node {
	x = site.TapImage(l.name+".act", relu(x))
	d := x.Shape().Dimensions
	every2nd := func(from int) *Node {
		return Slice(x, AxisRange(), AxisRange(from).Stride(2), AxisRange(from).Stride(2), AxisRange())
	}
	one := site.TapImage(l.name+".path_1.avgpool", every2nd(0))
	var two *Node
	od := one.Shape().Dimensions
	if d[1] > 1 && d[2] > 1 {
		two = ops.ZeroPad(every2nd(1), ops.Padding{Bottom: od[1] - d[1]/2, Right: od[2] - d[2]/2})
	} else {
		two = ZerosLike(one)
	}
	two = site.TapImage(l.name+".path_2.avgpool", two)
	one = site.TapImage(l.name+".path_1", b.pointwise(l.name+".path_1.conv", one, l.filters/2))
	two = site.TapImage(l.name+".path_2", b.pointwise(l.name+".path_2.conv", two, l.filters/2))
	return site.TapImage(l.name+".final_path_bn", b.norm(l.name+".final_path_bn", Concatenate([]*Node{one, two}, -1)))
}

// inputs are the projected inputs of a cell: h of the cell before, p of the one before that.
func (b builder) inputs(l cell, x, prev *Node) (h, p *Node) {
	h = b.project(l.name+".conv_1x1", x, l.filters)
	switch {
	case l.prev == 0:
		p = x
	case l.factorised:
		p = b.factorised(l, prev)
	default:
		p = b.project(l.name+".conv_prev_1x1", prev, l.filters)
	}
	return h, p
}

// normalCell is the normal cell of NASNet-A. It does not end in a ReLU: what reads it begins with one.
func (b builder) normalCell(l cell, x, prev *Node) *Node {
	h, p := b.inputs(l, x, prev)
	branch := func(i int, in *Node) *Node { return b.branch(l, normalBranches[i], in) }
	c0 := b.sum(l, "piece_c0", branch(0, h), branch(1, p))
	c1 := b.sum(l, "piece_c1", branch(2, p), branch(3, p))
	c2 := b.sum(l, "piece_c2", b.mean(l, "comb_iter_2_left", h, 1), b.operand(l, "comb_iter_2_right", p))
	c3 := b.sum(l, "piece_c3", b.mean(l, "comb_iter_3_left", p, 1), b.mean(l, "comb_iter_3_right", p, 1))
	c4 := b.sum(l, "piece_c4", branch(4, h), b.operand(l, "comb_iter_4_right", h))
	return site.TapImage(l.name, Concatenate([]*Node{b.operand(l, "piece_p", p), c0, c1, c2, c3, c4}, -1))
}

// reductionCell is the reduction cell of NASNet-A, of which the stem has two.
func (b builder) reductionCell(l cell, x, prev *Node) *Node {
	h, p := b.inputs(l, x, prev)
	branch := func(i int, in *Node) *Node { return b.branch(l, reductionBranches[i], in) }
	c0 := b.sum(l, "comb_iter_0", branch(0, h), branch(1, p))
	c1 := b.sum(l, "piece_c1", b.max(l, "comb_iter_1_left", h), branch(2, p))
	c2 := b.sum(l, "piece_c2", b.mean(l, "comb_iter_2_left", h, 2), branch(3, p))
	c3 := b.sum(l, "piece_c3", b.operand(l, "comb_iter_3_left", c1), b.mean(l, "comb_iter_3_right", c0, 1))
	c4 := b.sum(l, "piece_c4", branch(4, c0), b.max(l, "comb_iter_4_right", h))
	return site.TapImage(l.name, Concatenate([]*Node{c1, c2, c3, c4}, -1))
}

// branch is a branch of two separable convolutions.
func (b builder) branch(l cell, s separable, x *Node) *Node {
	name, stride := l.name+"."+s.name, s.stride
	for i := 1; i <= 2; i++ {
		x = site.TapImage(fmt.Sprintf("%s.act_%d", name, i), relu(x))
		unit := fmt.Sprintf("%s.separable_%d", name, i)
		d := x.Shape().Dimensions
		w := b.weight(unit+".depthwise_conv2d.weight", d[3], 1, s.kernel, s.kernel)
		x = site.TapImage(unit+".depthwise_conv2d", ops.Depthwise(x, w, stride, ops.Same(d[1], d[2], s.kernel, stride)))
		x = site.TapImage(unit, b.pointwise(unit+".pointwise_conv2d", x, l.filters))
		norm := fmt.Sprintf("bn_sep_%d", i)
		x = b.norm(name+"."+norm, x)
		if i == 1 {
			x = site.TapImage(name+"."+norm, x)
		}
		stride = 1
	}
	return site.TapImage(name, x)
}

// mean is a 3x3 average pool, max a 3x3 maximum pool of stride 2. Padding never counts at stride 1, nor in a maximum.
func (b builder) mean(l cell, name string, x *Node, stride int) *Node {
	d := x.Shape().Dimensions
	count := stride == 2 && b.c.Pool == PoolTimm
	return b.operand(l, name, ops.PoolMean(x, 3, stride, ops.Same(d[1], d[2], 3, stride), count))
}

func (b builder) max(l cell, name string, x *Node) *Node {
	d := x.Shape().Dimensions
	return b.operand(l, name, ops.PoolMax(x, 3, 2, ops.Same(d[1], d[2], 3, 2)))
}

// operand taps one side of a pairwise sum.
func (b builder) operand(l cell, name string, x *Node) *Node {
	return site.TapImage(l.name+"."+name, x)
}

// sum taps the sum of a pair.
func (b builder) sum(l cell, name string, left, right *Node) *Node {
	return b.operand(l, name, Add(left, right))
}
