package weights

import (
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/nasnet"
)

// TestNASNetTable: the full-size table is recognised and mapped to exactly the weights of the configuration, which is found
// from them; and so is the table of Cadene's checkpoint, which has a background class before the thousand.
func TestNASNetTable(t *testing.T) {
	timm := keyTable(t, "timm_nasnetalarge")
	cadene := maps.Clone(timm)
	cadene["last_linear.weight"], cadene["last_linear.bias"] = []int{1001, 4032}, []int{1001}
	for name, keys := range map[string]map[string][]int{"timm": timm, "cadene": cadene} {
		found, err := Detect(slices.Collect(maps.Keys(keys)))
		if want := (Found{"nasnet-a", Timm}); err != nil || found != want {
			t.Fatalf("%s: found %v, %v", name, found, err)
		}
		got, err := canonicalShapes(found, keys)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got, nasnet.Large().Shapes()) {
			t.Errorf("%s: the mapped names or shapes differ from the configuration's", name)
		}
		if c, err := nasnet.Infer(got); err != nil || c != nasnet.Large() || models.Parameters(c) != 88_753_150 {
			t.Errorf("%s: inferred %+v, %v", name, c, err)
		}
	}
}

// TestNASNetBackground: of 1001 classes the first is left out, with its values; other numbers of classes stay.
func TestNASNetBackground(t *testing.T) {
	for _, classes := range []int{1001, 1000, 10} {
		c := nasnet.Config{Filters: 4, Stem: 2, Multiplier: 2, Cells: 1, Classes: classes, ImageSize: 33}
		var in []safetensors.Tensor
		for name, dims := range c.Shapes() {
			data := make([]byte, 0, 4*product(dims))
			for i := range product(dims) {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(i)))
			}
			in = append(in, safetensors.Tensor{Name: name, DType: safetensors.F32, Shape: dims, Data: data})
		}
		s, err := FromTensors("nasnet", in)
		if err != nil {
			t.Fatal(err)
		}
		m, _, err := Canonical(s)
		if err != nil {
			t.Fatal(err)
		}
		skip := 0
		if classes == 1001 {
			skip = 1
		}
		bias, err := m.Float32("last_linear.bias", classes-skip)
		if err != nil || bias[0] != float32(skip) || bias[len(bias)-1] != float32(classes-1) {
			t.Errorf("%d classes: the biases are those of %v to %v (%v)", classes, bias[0], bias[len(bias)-1], err)
		}
		weight, err := m.Float32("last_linear.weight", classes-skip, c.Features())
		if err != nil || weight[0] != float32(skip*c.Features()) {
			t.Errorf("%d classes: the first weight is number %v (%v)", classes, weight[0], err)
		}
		if depthwise, err := m.Float32("cell_0.comb_iter_0_left.separable_1.depthwise_conv2d.weight", 4, 1, 5, 5); err != nil || depthwise[99] != 99 {
			t.Errorf("%d classes: %v, %v", classes, depthwise, err)
		}
	}
}

// TestNASNetRefused: checkpoints that are damaged or another network's.
func TestNASNetRefused(t *testing.T) {
	good := nasnet.Config{Filters: 4, Stem: 2, Multiplier: 2, Cells: 1, Classes: 3, ImageSize: 33}
	if _, err := nasnet.Infer(good.Shapes()); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(map[string][]int){
		"no first cell": func(s map[string][]int) { delete(s, "cell_0.conv_1x1.conv.weight") },
		"no classifier": func(s map[string][]int) { delete(s, "last_linear.bias") },
		"a stage too short": func(s map[string][]int) {
			maps.DeleteFunc(s, func(n string, _ []int) bool { return strings.HasPrefix(n, "cell_12.") })
		},
		"scalar": func(s map[string][]int) { s["conv0.conv.weight"] = nil },
	} {
		s := good.Shapes()
		change(s)
		if c, err := nasnet.Infer(s); err == nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
	// PNASNet and NASNet-A-Mobile in Cadene's code share some names.
	for _, names := range [][]string{{"conv_0.conv.weight", "cell_stem_0.comb_iter_0_left.separable_1.depthwise_conv2d.weight"}, {"conv0.conv.weight", "cell_0.conv_1x1.conv.weight"}} {
		if found, err := Detect(names); !errors.Is(err, ErrLayout) {
			t.Errorf("%v is taken for %v (%v)", names, found, err)
		}
	}
}
