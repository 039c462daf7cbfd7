package nasnet

import (
	"strconv"
	"strings"

	"github.com/ventral-lab/ventral/models"
)

// Aliases are the sites' names elsewhere:
//
//   - timm: modules whose output another site already is (NAME.bn, NAME.pointwise_conv2d, NAME.bn_sep_2), and the short
//     names h and p of a cell's two projected inputs;
//   - cadene: the modules of pretrained-models.pytorch that timm renamed;
//   - keras: the layers of keras.applications' NASNetLarge, which counts its blocks on through the reduction cells;
//   - tf-slim: the end points of nets/nasnet, and Cell_Stem_0 and Cell_Stem_1 for the scopes of the stem cells.
func (c Config) Aliases() []models.Alias {
	a := aliases{}
	a.add("conv0", "timm", "conv0.bn")
	a.add("conv0.conv", "keras", "stem_conv1")
	a.add("conv0", "keras", "stem_bn1")
	for i, l := range c.cells() {
		a.cell(l, c.kerasBlock(i), c.slimName(i, l))
	}
	a.add("cell_stem_1", "tf-slim", "Stem")
	a.add("global_pool", "cadene", "avg_pool")
	a.add("last_linear", "timm", "logits")
	a.add("last_linear", "tf-slim", "Logits")
	return a.list
}

// kerasBlock is the block_id of Keras' code for the i-th cell.
func (c Config) kerasBlock(i int) string {
	n := c.Cells
	switch {
	case i < 2:
		return "stem_" + strconv.Itoa(i+1)
	case i == 2+n:
		return "reduce_" + strconv.Itoa(n)
	case i == 3+2*n:
		return "reduce_" + strconv.Itoa(2*n)
	case i > 3+2*n: // a number is left out after each reduction cell but the last, whose own is that of the block before it
		return strconv.Itoa(i - 3)
	}
	return strconv.Itoa(i - 2)
}

type aliases struct{ list []models.Alias }

func (a *aliases) add(site, library, name string) {
	a.list = append(a.list, models.Alias{Site: site, Library: library, Name: name})
}

func (a *aliases) cell(l cell, block, slim string) {
	site := func(part string) string { return l.name + "." + part }
	kind := "normal"
	if l.reduction {
		kind = "reduction"
	}
	keras := func(part, name string) { a.add(site(part), "keras", name+"_"+block) }

	a.add(l.name, "tf-slim", slim)
	a.add(l.name, "keras", kind+"_concat_"+block)
	a.project(site("conv_1x1"))
	a.add(site("conv_1x1"), "timm", site("h"))
	keras("conv_1x1.conv", kind+"_conv_1")
	keras("conv_1x1", kind+"_bn_1")
	switch {
	case l.factorised:
		a.add(site("act"), "cadene", site("relu"))
		for _, path := range []string{"1", "2"} {
			a.add(site("path_"+path), "timm", site("path_"+path+".conv"))
			keras("path_"+path+".avgpool", "adjust_avg_pool_"+path)
			keras("path_"+path, "adjust_conv_"+path)
		}
		a.add(site("final_path_bn"), "timm", site("p"))
		keras("act", "adjust_relu_1")
		keras("final_path_bn", "adjust_bn")
	case l.prev > 0:
		a.project(site("conv_prev_1x1"))
		a.add(site("conv_prev_1x1"), "timm", site("p"))
		keras("conv_prev_1x1.conv", "adjust_conv_projection")
		keras("conv_prev_1x1", "adjust_bn")
	}
	for _, b := range l.branches() {
		br := site(b.name)
		a.add(br+".act_1", "cadene", br+".relu")
		a.add(br+".act_2", "cadene", br+".relu1")
		a.add(br+".separable_1", "timm", br+".separable_1.pointwise_conv2d")
		a.add(br+".separable_2", "timm", br+".separable_2.pointwise_conv2d")
		a.add(br, "timm", br+".bn_sep_2")
		name := kind + "_" + b.keras
		keras(b.name+".separable_1", "separable_conv_1_"+name)
		keras(b.name+".bn_sep_1", "separable_conv_1_bn_"+name)
		keras(b.name+".separable_2", "separable_conv_2_"+name)
		keras(b.name, "separable_conv_2_bn_"+name)
	}
	layers := normalKeras
	if l.reduction {
		layers = reductionKeras
	}
	for _, k := range layers {
		keras(k[0], k[1])
	}
}

// project names the modules of a ReLU, 1x1 convolution and batch normalisation.
func (a *aliases) project(site string) {
	a.add(site, "timm", site+".bn")
	a.add(site+".act", "cadene", site+".relu")
}

// The layers of Keras' cells that have no weights, behind them _ and the block.
var (
	normalKeras = [][2]string{{"comb_iter_2_left", "normal_left3"}, {"comb_iter_3_left", "normal_left4"}, {"comb_iter_3_right", "normal_right4"},
		{"piece_c0", "normal_add_1"}, {"piece_c1", "normal_add_2"}, {"piece_c2", "normal_add_3"}, {"piece_c3", "normal_add_4"}, {"piece_c4", "normal_add_5"}}
	reductionKeras = [][2]string{{"comb_iter_1_left", "reduction_left2"}, {"comb_iter_2_left", "reduction_left3"}, {"comb_iter_3_right", "reduction_left4"},
		{"comb_iter_4_right", "reduction_right5"}, {"comb_iter_0", "reduction_add_1"}, {"piece_c1", "reduction_add_2"}, {"piece_c2", "reduction_add3"}, {"piece_c4", "reduction_add4"}}
)

// slimName is TF-slim's end point for the i-th cell, Cell_0 for cell_0. It numbers the normal cells without a gap.
func (c Config) slimName(i int, l cell) string {
	if !l.reduction {
		return "Cell_" + strconv.Itoa(i-2-(i-2)/(c.Cells+1))
	}
	words := strings.Split(l.name, "_")
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "_")
}
