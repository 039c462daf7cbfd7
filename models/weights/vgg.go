package weights

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// vggFamily are the VGGs. Canonical are torchvision's names.
//
// timm's features have torchvision's names; its first two fully connected layers are convolutions of 7x7 and 1x1, and its
// third is called head.fc. Keras' tensors go by layers, block1_conv1 to predictions, in the spellings that conversions of
// its HDF5 files and of its variables' names leave (see kerasTensor). Its kernels are [height, width, in, out], its fully
// connected ones [in, out], and what fc1 reads is in the order row, column, channel, where torchvision's is channel, row,
// column.
var vggFamily = family{
	architecture: "vgg",
	detect: func(n names) (Layout, bool) {
		switch {
		case n.has("features.0.weight") && (n.has("pre_logits.fc1.") || n.has("head.fc.")):
			return Timm, true
		case n.has("features.0.weight") && n.has("features.0.bias") && !n.has("classifier.1."):
			return Torchvision, true // AlexNet, MobileNet and SqueezeNet have a classifier.1
		case slices.ContainsFunc(n, func(name string) bool { layer, _ := kerasTensor(name); return layer == "block1_conv1" }):
			return Keras, true
		}
		return "", false
	},
	toCanonical:   vggMapping,
	fromCanonical: vggExport,
	layouts:       []Layout{Timm, Keras},
}

var (
	// kerasName is a layer, once or twice (files have a group a layer, whose tensors repeat its name), and a tensor of it.
	kerasName  = regexp.MustCompile(`^(?:model_weights/|layers/|_layer_checkpoint_dependencies/)?(block\d_conv\d|fc1|fc2|predictions)[/._](?:(block\d_conv\d|fc1|fc2|predictions)[/._])?(kernel|bias|W|b|W_1|b_1|vars/[01])(?::0)?$`)
	kerasBlock = regexp.MustCompile(`^block(\d)_conv(\d)$`)
)

// kerasTensor splits the name of a tensor of Keras' VGG into its layer and "weight" or "bias"; the layer is empty for
// other names. It takes block1_conv1/kernel and block1_conv1.kernel, both with :0 behind, a layer's name twice
// (block1_conv1/block1_conv1/kernel:0), the names of the first files (block1_conv1/block1_conv1_W_1:0), and those of
// Keras 3 (layers/block1_conv1/vars/0).
func kerasTensor(name string) (layer, part string) {
	m := kerasName.FindStringSubmatch(name)
	if m == nil || m[2] != "" && m[2] != m[1] {
		return "", ""
	}
	switch m[3] {
	case "kernel", "W", "W_1", "vars/0":
		return m[1], "weight"
	}
	return m[1], "bias"
}

var vggClassifier = []struct{ torchvision, timm, keras string }{
	{"classifier.0", "pre_logits.fc1", "fc1"}, {"classifier.3", "pre_logits.fc2", "fc2"}, {"classifier.6", "head.fc", "predictions"},
}

func counter(name string) bool { return strings.HasSuffix(name, ".num_batches_tracked") }

func vggMapping(from Layout, shapes map[string][]int) (Mapping, error) {
	switch from {
	case Torchvision:
		return identity(Torchvision, shapes, counter), nil
	case Keras:
		return vggFromKeras(shapes)
	}
	m := Mapping{From: Timm, To: Torchvision}
	for _, name := range sortedNames(shapes) {
		switch {
		case counter(name):
			m.Ignored = append(m.Ignored, name)
		case strings.HasPrefix(name, "features."):
			m.Rules = append(m.Rules, Rule{Name: name, From: []string{name}})
		}
	}
	for _, c := range vggClassifier {
		weight := Rule{Name: c.torchvision + ".weight", From: []string{c.timm + ".weight"}}
		if w := shapes[c.timm+".weight"]; len(w) == 4 { // a matrix [out, in·height·width]
			weight.Operation, weight.Shape = View, []int{w[0], w[1] * w[2] * w[3]}
		}
		m.Rules = append(m.Rules, weight, Rule{Name: c.torchvision + ".bias", From: []string{c.timm + ".bias"}})
	}
	return m, nil
}

// vggFromKeras numbers Keras' layers as torchvision does: from 0, a rectification behind each convolution, a pool behind
// each block.
func vggFromKeras(shapes map[string][]int) (Mapping, error) {
	m := Mapping{From: Keras, To: Torchvision}
	spelled := map[string]string{} // "fc1.weight" -> name in the file
	var blocks []int
	for _, name := range sortedNames(shapes) {
		layer, part := kerasTensor(name)
		if layer == "" {
			continue // said by Shapes
		}
		key := layer + "." + part
		if spelled[key] != "" {
			return Mapping{}, fmt.Errorf("weights: %w: %q and %q are both the %s of %s", ErrLayout, spelled[key], name, part, layer)
		}
		spelled[key] = name
		if b := kerasBlock.FindStringSubmatch(layer); b != nil {
			block, _ := strconv.Atoi(b[1])
			conv, _ := strconv.Atoi(b[2])
			for len(blocks) < block {
				blocks = append(blocks, 0)
			}
			if block > 0 {
				blocks[block-1] = max(blocks[block-1], conv)
			}
		}
	}
	rule := func(to, layer, part string, r Rule) {
		key := layer + "." + part
		if r.Name, r.From = to+"."+part, []string{spelled[key]}; spelled[key] == "" {
			r.From[0] = strings.Replace(strings.Replace(key, ".weight", "/kernel", 1), ".bias", "/bias", 1) // the name of the error
		}
		m.Rules = append(m.Rules, r)
	}
	n, channels := 0, 0
	for b, convs := range blocks {
		for i := range convs {
			layer, to := fmt.Sprintf("block%d_conv%d", b+1, i+1), fmt.Sprintf("features.%d", n)
			rule(to, layer, "weight", Rule{Operation: Permute, Axes: []int{3, 2, 0, 1}})
			rule(to, layer, "bias", Rule{})
			if w := shapes[spelled[layer+".weight"]]; len(w) == 4 {
				channels = w[3]
			}
			n += 2
		}
		n++
	}
	if spelled["fc1.weight"] == "" && spelled["fc2.weight"] == "" && spelled["predictions.weight"] == "" {
		return m, nil // include_top=False
	}
	for i, c := range vggClassifier {
		weight := Rule{Operation: Transpose}
		if w := shapes[spelled["fc1.weight"]]; i == 0 && len(w) == 2 {
			side, err := squareSide(w[0], channels)
			if err != nil {
				return Mapping{}, fmt.Errorf("weights: tensor %q %v: %w", spelled["fc1.weight"], w, err)
			}
			weight = Rule{Operation: Permute, As: []int{side, side, channels, w[1]}, Axes: []int{3, 2, 0, 1}, Shape: []int{w[1], w[0]}}
		}
		rule(c.torchvision, c.keras, "weight", weight)
		rule(c.torchvision, c.keras, "bias", Rule{})
	}
	return m, nil
}

// squareSide is the side of the square map of that many channels that has in elements.
func squareSide(in, channels int) (int, error) {
	for s := 1; channels > 0 && s*s*channels <= in; s++ {
		if s*s*channels == in {
			return s, nil
		}
	}
	return 0, fmt.Errorf("%w: %d inputs are no square map of the last convolution's %d channels", ErrShape, in, channels)
}

// vggExport maps torchvision's names to timm's or Keras'.
func vggExport(to Layout, shapes map[string][]int) (Mapping, error) {
	m := Mapping{From: Torchvision, To: to}
	place, channels, err := kerasPlaces(shapes)
	if err != nil {
		return Mapping{}, err
	}
	for _, name := range sortedNames(shapes) {
		layer, part := name[:strings.LastIndexByte(name, '.')+1], name[strings.LastIndexByte(name, '.')+1:]
		r := Rule{Name: name, From: []string{name}}
		for _, c := range vggClassifier {
			if c.torchvision+"." != layer {
				continue
			}
			w := shapes[name]
			switch {
			case to == Timm:
				r.Name = c.timm + "." + part
				if len(w) == 2 && c.timm != "head.fc" {
					side := 1
					if c.timm == "pre_logits.fc1" {
						if side, err = squareSide(w[1], channels); err != nil {
							return Mapping{}, fmt.Errorf("weights: tensor %q %v: %w", name, w, err)
						}
					}
					r.Operation, r.Shape = View, []int{w[0], w[1] / side / side, side, side}
				}
			case part == "weight" && c.keras == "fc1" && len(w) == 2:
				side, err := squareSide(w[1], channels)
				if err != nil {
					return Mapping{}, fmt.Errorf("weights: tensor %q %v: %w", name, w, err)
				}
				r.Name, r.Operation = "fc1/kernel", Permute
				r.As, r.Axes, r.Shape = []int{w[0], channels, side, side}, []int{2, 3, 1, 0}, []int{w[1], w[0]}
			case part == "weight":
				r.Name, r.Operation = c.keras+"/kernel", Transpose
			default:
				r.Name = c.keras + "/bias"
			}
		}
		if keras := place[layer]; to == Keras && strings.HasPrefix(name, "features.") {
			switch {
			case keras == "" || part != "weight" && part != "bias":
				return Mapping{}, fmt.Errorf("weights: %w: Keras has no VGG with batch normalisation, which %q is of", ErrLayout, name)
			case part == "weight":
				r.Name, r.Operation, r.Axes = keras+"/kernel", Permute, []int{2, 3, 1, 0}
			default:
				r.Name = keras + "/bias"
			}
		}
		m.Rules = append(m.Rules, r)
	}
	return m, nil
}

// kerasPlaces are Keras' names of torchvision's convolutions, "features.2." -> "block1_conv2", and the channels of the
// last. A gap of one more than a rectification is a pool.
func kerasPlaces(shapes map[string][]int) (place map[string]string, channels int, err error) {
	var numbers []int
	for name, dims := range shapes {
		if rest, ok := strings.CutPrefix(name, "features."); ok && strings.HasSuffix(name, ".weight") && len(dims) == 4 {
			n, err := strconv.Atoi(strings.TrimSuffix(rest, ".weight"))
			if err != nil {
				return nil, 0, fmt.Errorf("weights: %w: tensor %q: want a number after features.", ErrLayout, name)
			}
			numbers = append(numbers, n)
			channels = 0
		}
	}
	slices.Sort(numbers)
	place = map[string]string{}
	block, conv := 1, 0
	for i, n := range numbers {
		if conv++; i > 0 && n-numbers[i-1] > 2 {
			block, conv = block+1, 1
		}
		layer := fmt.Sprintf("features.%d.", n)
		place[layer] = fmt.Sprintf("block%d_conv%d", block, conv)
		channels = shapes[layer+"weight"][0]
	}
	return place, channels, nil
}
