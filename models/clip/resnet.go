package clip

import (
	"fmt"
	"math"
	"strconv"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models/batchnorm"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// The modified ResNet of Radford et al. (2021), section 2.4: three stem convolutions instead of one, an average pool in
// front of every strided convolution (Zhang 2019) and attention instead of the last average pool.

// batchNormEps is the epsilon of every batch normalisation in CLIP's ResNets, PyTorch's default.
const batchNormEps = 1e-5

// expansion is how many times wider a bottleneck's output is than its middle.
const expansion = 4

// reduction is how many times smaller a ResNet's last map is than the picture.
const reduction = 32

// BatchNormEps is the epsilon by which models.Load folds the batch normalisations of a ResNet. A vision transformer has none.
func (c Config) BatchNormEps() float64 { return batchNormEps }

// Features is the number of channels of a ResNet's last map, which are the units of its last layer: 2560 in RN50x4.
func (c Config) Features() int { return c.Width * 8 * expansion }

func (c Config) validateResNet() error {
	if c.Width%2 != 0 {
		return fmt.Errorf("clip: the stem width %d of a ResNet must be even: its first convolutions have half of it", c.Width)
	}
	if c.Features()%c.Heads != 0 {
		return fmt.Errorf("clip: the %d channels of a ResNet of width %d must be a multiple of heads %d", c.Features(), c.Width, c.Heads)
	}
	if c.Grid() < 1 {
		return fmt.Errorf("clip: image_size %d is smaller than %d, the least a ResNet's five halvings leave something of", c.ImageSize, reduction)
	}
	return nil
}

// resNetGrid is the size of the last map for a picture of height x width: the first convolution rounds up, every pool down.
func resNetGrid(height, width int) (int, int) {
	one := func(n int) int { return (n + 1) / 2 / 16 }
	return one(height), one(width)
}

// bottleneck is one residual block.
type bottleneck struct {
	name               string
	in, planes, stride int
	shortcut           bool // with a convolution
}

func (c Config) bottlenecks() []bottleneck {
	var out []bottleneck
	in := c.Width
	for s, n := range c.Stages {
		planes := c.Width << s
		for b := range n {
			stride := 1
			if s > 0 && b == 0 {
				stride = 2
			}
			out = append(out, bottleneck{name: fmt.Sprintf("visual.layer%d.%d", s+1, b), in: in, planes: planes, stride: stride, shortcut: b == 0})
			in = planes * expansion
		}
	}
	return out
}

func (c Config) resNetShapes(s map[string][]int) {
	half := c.Width / 2
	for i, d := range [][2]int{{half, 3}, {half, half}, {c.Width, half}} {
		n := strconv.Itoa(i + 1)
		s["visual.conv"+n+".weight"] = []int{d[0], d[1], 3, 3}
		batchnorm.Shapes(s, "visual.bn"+n, d[0])
	}
	for _, b := range c.bottlenecks() {
		out := b.planes * expansion
		s[b.name+".conv1.weight"] = []int{b.planes, b.in, 1, 1}
		s[b.name+".conv2.weight"] = []int{b.planes, b.planes, 3, 3}
		s[b.name+".conv3.weight"] = []int{out, b.planes, 1, 1}
		batchnorm.Shapes(s, b.name+".bn1", b.planes)
		batchnorm.Shapes(s, b.name+".bn2", b.planes)
		batchnorm.Shapes(s, b.name+".bn3", out)
		if b.shortcut {
			s[b.name+".downsample.0.weight"] = []int{out, b.in, 1, 1}
			batchnorm.Shapes(s, b.name+".downsample.1", out)
		}
	}
	f := c.Features()
	pool := "visual.attnpool."
	s[pool+"positional_embedding"] = []int{c.Tokens(), f}
	for _, n := range []string{"q_proj", "k_proj", "v_proj"} {
		s[pool+n+".weight"], s[pool+n+".bias"] = []int{f, f}, []int{f}
	}
	s[pool+"c_proj.weight"], s[pool+"c_proj.bias"] = []int{c.EmbedDim, f}, []int{c.EmbedDim}
}

// resNet builds the ResNet tower: x is [batch, 3, height, width]; the result is [batch, EmbedDim]. Maps are held as
// [batch, y, x, channel].
func (c Config) resNet(p *program.Params, x *Node) *Node {
	half := c.Width / 2
	x = TransposeAllAxes(x, 0, 2, 3, 1)
	for i, d := range []struct{ in, out, stride int }{{3, half, 2}, {half, half, 1}, {half, c.Width, 1}} {
		n := strconv.Itoa(i + 1)
		x = convolve(p, "visual.conv"+n, x, d.out, 3, d.stride)
		x = relu("visual.relu"+n, normalise(p, "visual.bn"+n, x))
	}
	x = site.TapImage("visual.avgpool", halve(x))
	blocks := c.bottlenecks()
	for i, b := range blocks {
		x = b.forward(p, x)
		if i+1 == len(blocks) || blocks[i+1].stride > 1 {
			x = site.TapImage(b.name[:len("visual.layer1")], x)
		}
	}
	return site.Tap("visual", c.attentionPool(p, x), site.Channel)
}

// forward is relu(bn3(conv3(pool(relu(bn2(conv2(relu(bn1(conv1 x)))))))) + shortcut x).
func (b bottleneck) forward(p *program.Params, x *Node) *Node {
	out := b.planes * expansion
	name := func(n string) string { return b.name + "." + n }
	h := relu(name("relu1"), normalise(p, name("bn1"), convolve(p, name("conv1"), x, b.planes, 1, 1)))
	h = relu(name("relu2"), normalise(p, name("bn2"), convolve(p, name("conv2"), h, b.planes, 3, 1)))
	if b.stride > 1 {
		h = site.TapImage(name("avgpool"), halve(h))
	}
	h = normalise(p, name("bn3"), convolve(p, name("conv3"), h, out, 1, 1))
	if b.shortcut {
		if b.stride > 1 {
			x = site.TapImage(name("downsample.-1"), halve(x))
		}
		x = batchnorm.Apply(p, name("downsample.1"), convolve(p, name("downsample.0"), x, out, 1, 1), batchNormEps)
		x = site.TapImage(name("downsample"), x)
	}
	return relu(b.name, site.TapImage(name("pre_relu"), Add(h, x)))
}

// convolve is the convolution called name, without bias; a kernel of 3 pads by 1.
func convolve(p *program.Params, name string, x *Node, out, kernel, stride int) *Node {
	in := x.Shape().Dimensions[3]
	if kernel == 1 {
		w := p.Node(x.Graph(), name+".weight", out, in, 1, 1)
		return site.TapImage(name, ops.Dense(x, Reshape(w, out, in), nil))
	}
	w := p.Kernel(x.Graph(), name+".weight", out, in, kernel, kernel)
	return site.TapImage(name, ops.Conv(x, w, nil, stride, ops.Even(kernel/2)))
}

func normalise(p *program.Params, name string, x *Node) *Node {
	return site.TapImage(name, batchnorm.Apply(p, name, x, batchNormEps))
}

func relu(name string, x *Node) *Node { return site.TapImage(name, ops.ReLU(x)) }

// halve averages 2 x 2 windows; an odd last row or column is dropped.
func halve(x *Node) *Node { return ops.PoolMean(x, 2, 2, ops.Padding{}, true) }

// attentionPool is the query of the mean over positions on the mean and all positions of x [batch, y, x, channel], by
// torch's multi-head attention; the result is [batch, EmbedDim].
func (c Config) attentionPool(p *program.Params, x *Node) *Node {
	const name = "visual.attnpool"
	g := x.Graph()
	d := x.Shape().Dimensions
	b, gh, gw, f := d[0], d[1], d[2], d[3]
	n, hd := gh*gw+1, f/c.Heads
	x = Reshape(x, b, gh*gw, f)
	x = Concatenate([]*Node{ReduceAndKeep(x, ReduceMean, 1), x}, 1)
	table := resample(p.Node(g, name+".positional_embedding", c.Tokens(), f), c.Grid(), gh, gw, ops.BicubicAntialias)
	x = Add(x, BroadcastToShape(Reshape(table, 1, n, f), x.Shape()))
	x = site.Tap(name+".tokens", x, site.Token, site.Channel)
	project := func(part string, x *Node, out int) *Node {
		return ops.Dense(x, p.Node(g, name+"."+part+".weight", out, f), p.Node(g, name+"."+part+".bias", out))
	}
	q := Reshape(project("q_proj", Reshape(Slice(x, AxisRange(), AxisElem(0)), b, f), f), b, c.Heads, hd)
	k := Reshape(project("k_proj", x, f), b, n, c.Heads, hd)
	v := Reshape(project("v_proj", x, f), b, n, c.Heads, hd)
	probs := Softmax(Einsum("bhd,bnhd->bhn", MulScalar(q, 1/math.Sqrt(float64(hd))), k), -1)
	probs = site.Tap(name+".probs", probs, site.Head, site.Key)
	z := site.Tap(name+".z", Reshape(Einsum("bhn,bnhd->bhd", probs, v), b, f), site.Channel)
	return site.Tap(name, project("c_proj", z, c.EmbedDim), site.Channel)
}
