package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/vgg"
)

// TestVGGTables: every full-size table is recognised and mapped to exactly the weights of its configuration, and the
// configuration is found from them.
func TestVGGTables(t *testing.T) {
	for name, c := range map[string]vgg.Config{
		"torchvision_vgg11": vgg.VGG11(false), "torchvision_vgg11_bn": vgg.VGG11(true), "torchvision_vgg13": vgg.VGG13(false), "torchvision_vgg13_bn": vgg.VGG13(true),
		"torchvision_vgg16": vgg.VGG16(false), "torchvision_vgg16_bn": vgg.VGG16(true), "torchvision_vgg19": vgg.VGG19(false), "torchvision_vgg19_bn": vgg.VGG19(true),
		"timm_vgg16": vgg.VGG16(false), "timm_vgg16_bn": vgg.VGG16(true), "timm_vgg19": vgg.VGG19(false),
	} {
		keys := keyTable(t, name)
		layout, _, _ := strings.Cut(name, "_")
		found, err := Detect(slices.Collect(maps.Keys(keys)))
		if want := (Found{"vgg", Layout(layout)}); err != nil || found != want {
			t.Errorf("%s: found %v, %v, want %v", name, found, err, want)
			continue
		}
		got, err := canonicalShapes(found, keys)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(got, c.Shapes()) {
			t.Errorf("%s: the mapped names or shapes differ from the configuration's", name)
		}
		counters := 0 // of batches, one number each
		for name := range keys {
			if strings.HasSuffix(name, ".num_batches_tracked") {
				counters++
			}
		}
		statistics := 0
		for name, dims := range got {
			if strings.Contains(name, ".running_") {
				statistics += dims[0]
			}
		}
		if n := count(keys) - counters - statistics; n != models.Parameters(c) {
			t.Errorf("%s: %d parameters, want %d", name, n, models.Parameters(c))
		}
		if back, err := vgg.Infer(got); err != nil || !reflect.DeepEqual(back, c) {
			t.Errorf("%s: inferred %+v, %v", name, back, err)
		}
		for _, to := range []Layout{Timm, Keras} {
			there, err := exportShapes("vgg", to, got)
			if to == Keras && c.BatchNorm {
				if !errors.Is(err, ErrLayout) {
					t.Errorf("%s: to Keras: %v", name, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: to %s: %v", name, to, err)
				continue
			}
			again, err := canonicalShapes(Found{"vgg", to}, there)
			if err != nil || !reflect.DeepEqual(again, got) {
				t.Errorf("%s: to %s and back: other shapes (%v)", name, to, err)
			}
		}
	}
}

// kerasShapes are the shapes of keras.applications.VGG19's variables, as its summary lists them.
func kerasShapes() map[string][]int {
	s := map[string][]int{"fc1/kernel": {25088, 4096}, "fc1/bias": {4096}, "fc2/kernel": {4096, 4096}, "fc2/bias": {4096}, "predictions/kernel": {4096, 1000}, "predictions/bias": {1000}}
	in := 3
	for block, convs := range []int{2, 2, 4, 4, 4} {
		for conv := range convs {
			layer, out := "block"+strconv.Itoa(block+1)+"_conv"+strconv.Itoa(conv+1), min(64<<block, 512)
			s[layer+"/kernel"], s[layer+"/bias"] = []int{3, 3, in, out}, []int{out}
			in = out
		}
	}
	return s
}

// TestKerasSpellings: what conversions of Keras' files call its tensors.
func TestKerasSpellings(t *testing.T) {
	want := vgg.VGG19(false).Shapes()
	for spelling, change := range map[string]func(layer, part string) string{
		"Keras 3's paths": func(layer, part string) string { return layer + "/" + part },
		"tf.keras' names": func(layer, part string) string { return layer + "/" + part + ":0" },
		"with dots":       func(layer, part string) string { return layer + "." + part },
		"HDF5 groups":     func(layer, part string) string { return layer + "/" + layer + "/" + part + ":0" },
		"HDF5 of a model": func(layer, part string) string { return "model_weights/" + layer + "/" + layer + "/" + part + ":0" },
		"the first files": func(layer, part string) string {
			return layer + "/" + layer + "_" + map[string]string{"kernel": "W", "bias": "b"}[part] + "_1:0"
		},
		"Keras 3's weights.h5": func(layer, part string) string {
			return "layers/" + layer + "/vars/" + map[string]string{"kernel": "0", "bias": "1"}[part]
		},
		"dots for groups, as well": func(layer, part string) string { return layer + "." + layer + "." + part },
	} {
		in := map[string][]int{}
		for name, dims := range kerasShapes() {
			layer, part, _ := strings.Cut(name, "/")
			in[change(layer, part)] = dims
		}
		found, err := Detect(slices.Collect(maps.Keys(in)))
		if err != nil || found != (Found{"vgg", Keras}) {
			t.Errorf("%s: found %v, %v", spelling, found, err)
			continue
		}
		got, err := canonicalShapes(found, in)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d names, %v", spelling, len(got), err)
		}
	}
	for _, name := range []string{"block1_conv1/block1_conv2/kernel", "block1_conv1", "block1_conv1/gamma", "xblock1_conv1/kernel", "fc3/kernel"} {
		if layer, _ := kerasTensor(name); layer != "" {
			t.Errorf("%q is taken for a tensor of %s", name, layer)
		}
	}
}

// numbered is a set whose float32 elements count on through all tensors.
func numbered(t testing.TB, shapes map[string][]int) *Set {
	t.Helper()
	var tensors []safetensors.Tensor
	n := uint32(0)
	for _, name := range sortedNames(shapes) {
		data := make([]byte, 0, 4*product(shapes[name]))
		for range product(shapes[name]) {
			data = binary.LittleEndian.AppendUint32(data, n)
			n++
		}
		tensors = append(tensors, safetensors.Tensor{Name: name, DType: safetensors.F32, Shape: shapes[name], Data: data})
	}
	s, err := FromTensors("numbered", tensors)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestKerasOrder follows single elements from Keras' order into torchvision's.
func TestKerasOrder(t *testing.T) {
	const side, in, out, hidden = 7, 5, 6, 4
	s := numbered(t, map[string][]int{"block1_conv1/kernel": {3, 3, 3, in}, "block1_conv1/bias": {in}, "block2_conv1/kernel": {3, 3, in, out}, "block2_conv1/bias": {out},
		"fc1/kernel": {side * side * out, hidden}, "fc1/bias": {hidden}, "fc2/kernel": {hidden, hidden}, "fc2/bias": {hidden}, "predictions/kernel": {hidden, 2}, "predictions/bias": {2}})
	c, found, err := Canonical(s)
	if err != nil || found.Layout != Keras {
		t.Fatal(found, err)
	}
	at := func(s *Set, name string, i int) uint32 {
		x, ok := s.Tensor(name)
		if !ok {
			t.Fatalf("no tensor %s", name)
		}
		return binary.LittleEndian.Uint32(x.Data[4*i:])
	}
	for o := range out {
		for i := range in {
			for y := range 3 {
				for x := range 3 {
					if got, want := at(c, "features.3.weight", ((o*in+i)*3+y)*3+x), at(s, "block2_conv1/kernel", ((y*3+x)*in+i)*out+o); got != want {
						t.Fatalf("kernel %d %d %d %d is element %d, want %d", o, i, y, x, got, want)
					}
				}
			}
		}
	}
	for h := range hidden {
		for ch := range out {
			for y := range side {
				for x := range side {
					if got, want := at(c, "classifier.0.weight", ((h*out+ch)*side+y)*side+x), at(s, "fc1/kernel", ((y*side+x)*out+ch)*hidden+h); got != want {
						t.Fatalf("fc1 %d, channel %d, row %d, column %d is element %d, want %d", h, ch, y, x, got, want)
					}
				}
			}
		}
		for i := range hidden {
			if at(c, "classifier.3.weight", h*hidden+i) != at(s, "fc2/kernel", i*hidden+h) {
				t.Fatalf("fc2 %d %d", h, i)
			}
		}
	}
	back, err := Export(c, "vgg", Keras)
	if err != nil || back.Hash() != s.Hash() {
		t.Errorf("back to Keras: other bytes (%v)", err)
	}
}

// TestVGGLayoutsAgree: the two files of the reference cases hold one network.
func TestVGGLayoutsAgree(t *testing.T) {
	for _, name := range []string{"vgg16_tiny", "vgg11_bn_tiny"} {
		var canonical []*Set
		for _, layout := range []Layout{Torchvision, Timm} {
			s, err := Open("../golden/testdata/"+name+"/weights_"+string(layout)+".safetensors", Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			c, found, err := Canonical(s)
			if err != nil || found != (Found{"vgg", layout}) {
				t.Fatal(found, err)
			}
			canonical = append(canonical, c)
			if layout == Timm {
				back, err := Export(c, "vgg", Timm)
				if err != nil {
					t.Fatal(err)
				}
				for _, n := range back.Names() {
					a, _ := back.Tensor(n)
					if b, ok := s.Tensor(n); !ok || !slices.Equal(a.Shape, b.Shape) || !bytes.Equal(a.Data, b.Data) {
						t.Errorf("%s: %s differs after the way to torchvision and back", name, n)
					}
				}
			}
		}
		if canonical[0].Hash() != canonical[1].Hash() {
			t.Errorf("%s: the layouts hold different weights", name)
		}
	}
}

func TestVGGMappingErrors(t *testing.T) {
	tv, timm, keras := vgg.VGG11(false).Shapes(), keyTable(t, "timm_vgg16"), kerasShapes()
	for _, c := range []struct {
		name   string
		from   map[string][]int
		change func(map[string][]int)
		kind   error
		says   string
	}{
		{"a tensor too many", timm, func(s map[string][]int) { s["head.extra"] = []int{1} }, ErrLayout, `"head.extra"`},
		{"a tensor too few", timm, func(s map[string][]int) { delete(s, "pre_logits.fc2.bias") }, ErrMissing, "pre_logits.fc2.bias"},
		{"Keras, too many", keras, func(s map[string][]int) { s["block6_pool/x"] = []int{1} }, ErrLayout, `"block6_pool/x"`},
		{"Keras, a layer too few", keras, func(s map[string][]int) { delete(s, "block3_conv2/kernel") }, ErrMissing, "block3_conv2/kernel"},
		{"Keras, twice", keras, func(s map[string][]int) { s["fc1.kernel"] = []int{25088, 4096} }, ErrLayout, "fc1"},
		{"Keras, fc1 of another size", keras, func(s map[string][]int) { s["fc1/kernel"] = []int{25000, 4096} }, ErrShape, "25000"},
		{"Keras, kernel of another rank", keras, func(s map[string][]int) { s["block1_conv1/kernel"] = []int{27, 64} }, ErrShape, "block1_conv1/kernel"},
	} {
		s := maps.Clone(c.from)
		c.change(s)
		found, err := Detect(slices.Collect(maps.Keys(s)))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if _, err = canonicalShapes(found, s); !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v naming %s", c.name, err, c.kind, c.says)
		}
	}
	for name, change := range map[string]func(map[string][]int){
		"AlexNet": func(s map[string][]int) { s["classifier.1.weight"] = []int{4096, 9216} },
		"MobileNet": func(s map[string][]int) {
			delete(s, "features.0.weight")
			s["features.0.0.weight"] = []int{32, 3, 3, 3}
		},
	} {
		s := maps.Clone(tv)
		change(s)
		if found, err := Detect(slices.Collect(maps.Keys(s))); err == nil {
			t.Errorf("%s is taken for %v", name, found)
		}
	}
}

// FuzzVGG: lines of a name and dimensions. Whatever they are there is no panic, and a set that is mapped to torchvision's
// names and from there to another layout is the same after the way back.
func FuzzVGG(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		shapes := map[string][]int{}
		total := 0
		for _, line := range strings.Split(text, "\n") {
			name, rest, _ := strings.Cut(line, " ")
			var dims []int
			n := 1
			for _, word := range strings.Fields(rest) {
				d, err := strconv.ParseUint(word, 10, 7)
				if err != nil || len(dims) == 5 {
					return
				}
				dims = append(dims, int(d))
				n *= int(d)
			}
			if total += n; total > 1<<16 {
				return
			}
			shapes[name] = dims
		}
		c, found, err := Canonical(numbered(t, shapes))
		if err != nil || found.Architecture != "vgg" {
			return
		}
		hash := c.Hash()
		if config, err := vgg.Infer(c.Shapes()); err != nil || config.Validate() != nil || !reflect.DeepEqual(config.Shapes(), c.Shapes()) {
			return
		}
		for _, to := range []Layout{Timm, Keras} {
			there, err := Export(c, "vgg", to)
			if err != nil {
				continue
			}
			back, found, err := Canonical(there)
			if err != nil {
				t.Fatalf("%s: %v", to, err)
			}
			if found.Layout == to && back.Hash() != hash {
				t.Fatalf("to %s and back: other weights: %v became %v", to, c.Shapes(), back.Shapes())
			}
		}
	})
}
