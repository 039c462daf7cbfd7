package vgg

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Config is the architecture of a VGG. All of it follows from the shapes of a checkpoint's tensors (see Infer).
type Config struct {
	Blocks    [][]int `json:"blocks"` // output channels of the convolutions of each block; a pool ends each
	BatchNorm bool    `json:"batch_norm,omitempty"`
	Hidden    int     `json:"hidden,omitempty"`  // width of the two hidden layers of the classifier; 0 for no classifier
	Classes   int     `json:"classes,omitempty"` // logits; 0 with Hidden
	// Sliding is timm's classifier: its first layer slides over a map larger than 7x7 as a convolution, and the last reads
	// the mean over places. In torchvision larger maps are averaged to 7x7 first.
	Sliding bool `json:"sliding,omitempty"`
	// Caffe says that the weights want what Caffe's want: channels B, G, R, of levels 0 to 255 less their means. It changes
	// the usual preprocessing and nothing in the network.
	Caffe bool `json:"caffe,omitempty"`
}

// ImageSize is the side in pixels of the pictures that the published models were trained on.
const ImageSize = 224

// Side is the side of the map that the classifier reads.
const Side = 7

// Eps is the epsilon of batch normalisation, PyTorch's default.
const Eps = 1e-5

// imageNet is a published model: blocks of these numbers of convolutions, 1000 classes.
func imageNet(batchNorm bool, convs ...int) Config {
	c := Config{BatchNorm: batchNorm, Hidden: 4096, Classes: 1000}
	for i, n := range convs {
		c.Blocks = append(c.Blocks, slices.Repeat([]int{min(64<<i, 512)}, n))
	}
	return c
}

// VGG11 is configuration A, 132,863,336 parameters (132,868,840 with batch normalisation).
func VGG11(batchNorm bool) Config { return imageNet(batchNorm, 1, 1, 2, 2, 2) }

// VGG13 is configuration B, 133,047,848 parameters (133,053,736 with batch normalisation).
func VGG13(batchNorm bool) Config { return imageNet(batchNorm, 2, 2, 2, 2, 2) }

// VGG16 is configuration D, 138,357,544 parameters (138,365,992 with batch normalisation).
func VGG16(batchNorm bool) Config { return imageNet(batchNorm, 2, 2, 3, 3, 3) }

// VGG19 is configuration E, 143,667,240 parameters (143,678,248 with batch normalisation).
func VGG19(batchNorm bool) Config { return imageNet(batchNorm, 2, 2, 4, 4, 4) }

// maxBlocks bounds the pools: a 64th would leave nothing of any picture.
const maxBlocks = 31

// Validate says what is wrong with a configuration.
func (c Config) Validate() error {
	if len(c.Blocks) == 0 || len(c.Blocks) > maxBlocks {
		return fmt.Errorf("vgg: %d blocks, want 1 to %d", len(c.Blocks), maxBlocks)
	}
	for i, b := range c.Blocks {
		if len(b) == 0 || slices.Min(b) <= 0 {
			return fmt.Errorf("vgg: block %d has channels %v, want at least one convolution and positive numbers", i+1, b)
		}
	}
	if c.Hidden < 0 || c.Classes < 0 || (c.Hidden == 0) != (c.Classes == 0) {
		return fmt.Errorf("vgg: hidden %d and classes %d: both must be positive, or both 0 for a network without classifier", c.Hidden, c.Classes)
	}
	return nil
}

// BatchNormEps is Eps.
func (c Config) BatchNormEps() float64 { return Eps }

// Kind says what a layer of the features does.
type Kind string

// The kinds of layers.
const (
	Conv Kind = "conv" // 3x3, padding 1
	Norm Kind = "norm" // batch normalisation
	ReLU Kind = "relu"
	Pool Kind = "pool" // maximum of 2x2, stride 2
)

// Layer is one module of the features.
type Layer struct {
	Site         string // "features.10"
	Kind         Kind
	Block, Index int // from 1, of the convolution that the layer is or follows: block3_conv1 is 3, 1; Index 0 for a pool
	In, Channels int // of its input and its output
}

// Layers are the modules of the features in torchvision's order and numbering.
func (c Config) Layers() []Layer {
	var out []Layer
	in := 3
	add := func(k Kind, block, index, channels int) {
		out = append(out, Layer{"features." + strconv.Itoa(len(out)), k, block, index, in, channels})
		in = channels
	}
	for b, widths := range c.Blocks {
		for i, w := range widths {
			add(Conv, b+1, i+1, w)
			if c.BatchNorm {
				add(Norm, b+1, i+1, w)
			}
			add(ReLU, b+1, i+1, w)
		}
		add(Pool, b+1, 0, in)
	}
	return out
}

// channels are those of the last pool.
func (c Config) channels() int {
	last := c.Blocks[len(c.Blocks)-1]
	return last[len(last)-1]
}

// Shapes maps the name of every weight to its dimensions, as in torchvision's state dict without num_batches_tracked.
func (c Config) Shapes() map[string][]int {
	s := map[string][]int{}
	for _, l := range c.Layers() {
		switch l.Kind {
		case Conv:
			s[l.Site+".weight"], s[l.Site+".bias"] = []int{l.Channels, l.In, 3, 3}, []int{l.Channels}
		case Norm:
			normShapes(s, l)
		}
	}
	if c.Hidden > 0 {
		for _, d := range c.dense() {
			s[d.site+".weight"], s[d.site+".bias"] = []int{d.out, d.in}, []int{d.out}
		}
	}
	return s
}

// dense is a fully connected layer of the classifier.
type dense struct {
	site, relu string // relu is the site of the rectification behind it, "" behind the last
	in, out    int
}

func (c Config) dense() []dense {
	return []dense{{"classifier.0", "classifier.1", c.channels() * Side * Side, c.Hidden}, {"classifier.3", "classifier.4", c.Hidden, c.Hidden},
		{"classifier.6", "", c.Hidden, c.Classes}}
}

// Infer reads a configuration off the shapes of a checkpoint under torchvision's names. A layer's number tells where the
// pools lie; whether the widths fit together is checked when the weights are read.
func Infer(shapes map[string][]int) (Config, error) {
	var c Config
	convs := map[int]int{} // channels by number
	for name, dims := range shapes {
		rest, ok := strings.CutPrefix(name, "features.")
		if !ok {
			continue
		}
		number, part, _ := strings.Cut(rest, ".")
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 || strconv.Itoa(n) != number {
			return Config{}, fmt.Errorf("not a VGG in torchvision's layout: tensor %q: want a number after features.", name)
		}
		switch {
		case part == "running_var":
			c.BatchNorm = true
		case part == "weight" && len(dims) == 4:
			convs[n] = dims[0]
		}
	}
	numbers := make([]int, 0, len(convs))
	for n := range convs {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	step := 2 // a convolution and its rectification
	if c.BatchNorm {
		step = 3
	}
	next := 0
	for _, n := range numbers {
		switch {
		case n == next && len(c.Blocks) == 0:
			c.Blocks = append(c.Blocks, nil)
		case n == next+1 && n > 1: // behind a pool
			c.Blocks = append(c.Blocks, nil)
		case n != next:
			return Config{}, fmt.Errorf("not a VGG in torchvision's layout: features.%d is a convolution, want one at features.%d, or at features.%d behind a pool", n, next, next+1)
		}
		last := len(c.Blocks) - 1
		c.Blocks[last] = append(c.Blocks[last], convs[n])
		next = n + step
	}
	if w := shapes["classifier.0.weight"]; len(w) == 2 {
		c.Hidden = w[0]
		if w = shapes["classifier.6.weight"]; len(w) == 2 {
			c.Classes = w[0]
		}
	}
	if err := c.Validate(); err != nil {
		return Config{}, fmt.Errorf("not a VGG in torchvision's layout: %w", err)
	}
	return c, nil
}
