package nasnet

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ventral-lab/ventral/models/batchnorm"
)

// The rules by which the four stride-2 average pools, one in each stem cell and each reduction cell, treat windows that
// hang over the border.
const (
	// PoolTF averages over the places inside the picture, as TensorFlow does, where the published weights were trained.
	PoolTF = "tf"
	// PoolTimm counts the padded zeros, as timm does.
	PoolTimm = "timm"
)

// Config is the architecture of a NASNet-A: how many normal cells there are in each of its three stages, and how wide
// they are. All fields follow from a checkpoint's tensor shapes (see Infer) except the input size, the epsilon and the
// rule for average pools.
type Config struct {
	Filters    int     `json:"filters"`                // channels of a piece in the first stage, "F"; timm's num_features / 24
	Stem       int     `json:"stem_size"`              // channels of the first convolution
	Multiplier int     `json:"channel_multiplier"`     // from one stage to the next
	Cells      int     `json:"cells_per_stage"`        // normal cells in each of the three stages
	Classes    int     `json:"num_classes"`            // of the classifier
	ImageSize  int     `json:"image_size"`             // pixels on a side
	Pool       string  `json:"average_pool,omitempty"` // PoolTF, the default, or PoolTimm
	Eps        float64 `json:"bn_eps,omitempty"`       // of batch normalisation, 0 for 1e-3
	// Mobile wires the network as NASNet-A-Mobile is: the first normal cell behind a reduction cell reads the cell before the
	// reduction cell, and not the one before that (TF-slim's skip_reduction_layer_input = 0, Keras' skip_reduction = False).
	// Weights are the same in number and shape.
	Mobile bool `json:"mobile,omitempty"`
}

// Large is NASNet-A (6 @ 4032) of Zoph et al. (2018) at 331 pixels: 88,753,150 parameters without the auxiliary head.
func Large() Config {
	return Config{Filters: 168, Stem: 96, Multiplier: 2, Cells: 6, Classes: 1000, ImageSize: 331, Pool: PoolTF}
}

// Mobile is NASNet-A (4 @ 1056) at 224 pixels: 5,289,978 parameters without the auxiliary head.
func Mobile() Config {
	return Config{Filters: 44, Stem: 32, Multiplier: 2, Cells: 4, Classes: 1000, ImageSize: 224, Pool: PoolTF, Mobile: true}
}

// BatchNormEps is added to every variance.
func (c Config) BatchNormEps() float64 {
	if c.Eps == 0 {
		return 1e-3
	}
	return c.Eps
}

// Features is the number of channels that the classifier sees, 4032 in the large network.
func (c Config) Features() int { return 6 * c.Filters * c.Multiplier * c.Multiplier }

// maxCells bounds the normal cells of a stage. The published networks have 4 to 7.
const maxCells = 100

// Validate says what is wrong with a configuration.
func (c Config) Validate() error {
	for _, f := range []struct {
		name string
		v    int
	}{{"filters", c.Filters}, {"stem_size", c.Stem}, {"channel_multiplier", c.Multiplier}, {"cells_per_stage", c.Cells},
		{"num_classes", c.Classes}, {"image_size", c.ImageSize}} {
		if f.v <= 0 {
			return fmt.Errorf("nasnet: %s is %d, want a positive number", f.name, f.v)
		}
	}
	m := c.Multiplier
	switch {
	case c.Cells > maxCells:
		return fmt.Errorf("nasnet: cells_per_stage is %d, want at most %d", c.Cells, maxCells)
	case c.Filters%(m*m) != 0 || c.Filters%(2*m) != 0:
		return fmt.Errorf("nasnet: filters is %d: it must be a multiple of %d and of %d, so that the stem cells and the two paths of a factorised reduction have whole channels", c.Filters, m*m, 2*m)
	case c.ImageSize < minSize:
		return fmt.Errorf("nasnet: image_size is %d, want at least %d", c.ImageSize, minSize)
	case c.Pool != "" && c.Pool != PoolTF && c.Pool != PoolTimm:
		return fmt.Errorf("nasnet: average_pool is %q, want %q or %q", c.Pool, PoolTF, PoolTimm)
	case !(c.BatchNormEps() > 0):
		return fmt.Errorf("nasnet: bn_eps is %v, want a positive number", c.Eps)
	}
	return nil
}

// minSize is the smallest side of a picture: the first convolution is 3x3 and not padded.
const minSize = 3

// cell is what a cell's shape depends on.
type cell struct {
	name       string
	reduction  bool // a reduction cell, which halves the picture, or a normal one
	filters    int  // channels of each of its pieces
	in         int  // channels of the cell before
	prev       int  // channels of the one before that, 0 where the cell takes its input instead (the first stem cell)
	factorised bool // the one before that is twice as large
}

// out is the number of channels of a cell's output: six pieces of a normal cell, four of a reduction cell.
func (c cell) out() int {
	if c.reduction {
		return 4 * c.filters
	}
	return 6 * c.filters
}

// cells lists the cells in the order in which they are computed. The inputs of each are the outputs of the cell before it
// and of the one before that; but the first normal cell behind a reduction cell takes, in the place of the latter, what the
// reduction cell itself took there: cell_6(reduction_cell_0, cell_4). A mobile network makes no exception:
// cell_6(reduction_cell_0, cell_3).
func (c Config) cells() []cell {
	m := c.Multiplier
	stem0 := cell{name: "cell_stem_0", reduction: true, filters: c.Filters / (m * m), in: c.Stem}
	stem1 := cell{name: "cell_stem_1", reduction: true, filters: c.Filters / m, in: stem0.out(), prev: c.Stem, factorised: true}
	out := []cell{stem0, stem1}
	prev, cur := stem0.out(), stem1.out()
	factorised := true // the stem cells' outputs differ in size
	f := c.Filters
	for i := range 3 * c.Cells {
		if i == c.Cells || i == 2*c.Cells {
			f *= m
			r := cell{name: "reduction_cell_" + strconv.Itoa(i/c.Cells-1), reduction: true, filters: f, in: cur, prev: prev}
			out = append(out, r)
			if c.Mobile {
				prev = cur
			}
			cur, factorised = r.out(), true
		}
		n := cell{name: "cell_" + strconv.Itoa(c.number(i)), filters: f, in: cur, prev: prev, factorised: factorised}
		out = append(out, n)
		prev, cur, factorised = cur, n.out(), false
	}
	return out
}

// number is the number in the name of the i-th normal cell. The stages begin at 0, 6 and 12 in networks of up to six cells
// a stage, as in Cadene's NASNet-A-Mobile, and follow one another without a gap in larger ones.
func (c Config) number(i int) int { return i/c.Cells*max(c.Cells, Large().Cells) + i%c.Cells }

// NormalCell is the place, counted from 0 through all stages, of the normal cell called name ("cell_6"), or false where it
// is none of c's. Its stage is the place divided by Cells.
func (c Config) NormalCell(name string) (int, bool) {
	for i := range 3 * c.Cells {
		if name == "cell_"+strconv.Itoa(c.number(i)) {
			return i, true
		}
	}
	return 0, false
}

// separable is a branch of two separable convolutions; stride is that of the first.
type separable struct {
	name   string // "comb_iter_0_left"
	kernel int
	stride int
	prev   bool   // it reads p, the cell's second input; or else h, or the sum of the first pair (the fifth branch of a reduction cell)
	keras  string // "left1"
}

// The separable branches of the cells (Zoph et al. 2018, figure 4).
var (
	normalBranches = []separable{{"comb_iter_0_left", 5, 1, false, "left1"}, {"comb_iter_0_right", 3, 1, true, "right1"},
		{"comb_iter_1_left", 5, 1, true, "left2"}, {"comb_iter_1_right", 3, 1, true, "right2"}, {"comb_iter_4_left", 3, 1, false, "left5"}}
	reductionBranches = []separable{{"comb_iter_0_left", 5, 2, false, "left1"}, {"comb_iter_0_right", 7, 2, true, "right1"},
		{"comb_iter_1_right", 7, 2, true, "right2"}, {"comb_iter_2_right", 5, 2, true, "right3"}, {"comb_iter_4_left", 3, 1, false, "left4"}}
)

func (c cell) branches() []separable {
	if c.reduction {
		return reductionBranches
	}
	return normalBranches
}

// Shapes maps the name of every weight to its dimensions, as in timm's state dict.
func (c Config) Shapes() map[string][]int {
	s := map[string][]int{
		"conv0.conv.weight":  {c.Stem, 3, 3, 3},
		"last_linear.weight": {c.Classes, c.Features()},
		"last_linear.bias":   {c.Classes},
	}
	batchnorm.Shapes(s, "conv0.bn", c.Stem)
	for _, l := range c.cells() {
		name := func(part string) string { return l.name + "." + part }
		project := func(part string, in int) {
			s[name(part+".conv.weight")] = []int{l.filters, in, 1, 1}
			batchnorm.Shapes(s, name(part+".bn"), l.filters)
		}
		project("conv_1x1", l.in)
		p := l.filters // channels of the second input once it is projected
		switch {
		case l.prev == 0:
			p = l.in
		case l.factorised:
			s[name("path_1.conv.weight")] = []int{l.filters / 2, l.prev, 1, 1}
			s[name("path_2.conv.weight")] = []int{l.filters / 2, l.prev, 1, 1}
			batchnorm.Shapes(s, name("final_path_bn"), l.filters)
		default:
			project("conv_prev_1x1", l.prev)
		}
		for _, b := range l.branches() {
			in := l.filters
			if b.prev {
				in = p
			}
			for i := 1; i <= 2; i++ {
				unit := name(fmt.Sprintf("%s.separable_%d.", b.name, i))
				s[unit+"depthwise_conv2d.weight"] = []int{in, 1, b.kernel, b.kernel}
				s[unit+"pointwise_conv2d.weight"] = []int{l.filters, in, 1, 1}
				batchnorm.Shapes(s, name(fmt.Sprintf("%s.bn_sep_%d", b.name, i)), l.filters)
				in = l.filters
			}
		}
	}
	return s
}

// Infer reads a configuration off the shapes of a checkpoint under timm's names. The shapes do not tell the picture size,
// which is taken to be the published 331 pixels, the rule for average pools, TensorFlow's, nor the wiring, which is that of
// the large network, except where stem, filters and cells are those of the published mobile one.
func Infer(shapes map[string][]int) (Config, error) {
	c := Config{ImageSize: Large().ImageSize, Pool: PoolTF}
	first := func(name string) int {
		if d := shapes[name]; len(d) > 0 {
			return d[0]
		}
		return 0
	}
	c.Stem = first("conv0.conv.weight")
	c.Filters = first("cell_0.conv_1x1.conv.weight")
	c.Classes = first("last_linear.bias")
	if half := first("cell_stem_1.conv_1x1.conv.weight"); half > 0 && c.Filters%half == 0 {
		c.Multiplier = c.Filters / half
	}
	cells := map[int]bool{}
	for name := range shapes {
		rest, ok := strings.CutPrefix(name, "cell_")
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(rest, ".")
		if n, err := strconv.Atoi(number); err == nil {
			cells[n] = true
		}
	}
	if len(cells)%3 != 0 {
		return Config{}, fmt.Errorf("nasnet: the checkpoint has %d normal cells, which are not three stages of equally many", len(cells))
	}
	c.Cells = len(cells) / 3
	if m := Mobile(); c.Stem == m.Stem && c.Filters == m.Filters && c.Cells == m.Cells {
		c.Mobile, c.ImageSize = true, m.ImageSize
	}
	if err := c.Validate(); err != nil {
		return Config{}, fmt.Errorf("not a NASNet-A in timm's layout: %w", err)
	}
	return c, nil
}
