package vgg_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/modeltest"
	"github.com/ventral-lab/ventral/models/vgg"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// published are torchvision's models and their numbers of parameters, from its documentation.
var published = []struct {
	name       string
	config     vgg.Config
	parameters int
}{
	{"vgg11", vgg.VGG11(false), 132_863_336}, {"vgg11_bn", vgg.VGG11(true), 132_868_840},
	{"vgg13", vgg.VGG13(false), 133_047_848}, {"vgg13_bn", vgg.VGG13(true), 133_053_736},
	{"vgg16", vgg.VGG16(false), 138_357_544}, {"vgg16_bn", vgg.VGG16(true), 138_365_992},
	{"vgg19", vgg.VGG19(false), 143_667_240}, {"vgg19_bn", vgg.VGG19(true), 143_678_248},
}

func TestPublishedSizes(t *testing.T) {
	for _, m := range published {
		if n := models.Parameters(m.config); n != m.parameters {
			t.Errorf("%s: %d parameters, want %d", m.name, n, m.parameters)
		}
		back, err := vgg.Infer(m.config.Shapes())
		if err != nil || !reflect.DeepEqual(back, m.config) {
			t.Errorf("%s: Infer gives %+v (%v)", m.name, back, err)
		}
		raw, err := json.Marshal(m.config)
		if err != nil {
			t.Fatal(err)
		}
		var again vgg.Config
		if err := json.Unmarshal(raw, &again); err != nil || !reflect.DeepEqual(again, m.config) {
			t.Errorf("%s: JSON %s gives %+v (%v)", m.name, raw, again, err)
		}
		n, err := m.config.Network(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, weights, err := models.Trace(n)
		if err != nil {
			t.Fatal(err)
		}
		want := m.config.Shapes()
		if !maps.EqualFunc(weights, want, slices.Equal[[]int]) {
			t.Errorf("%s: the graph asks for %d weights, the table has %d, or shapes differ", m.name, len(weights), len(want))
		}
	}
}

// TestSites: the modules of torchvision's Sequential by name, and the shapes that V4 studies rely on.
func TestSites(t *testing.T) {
	pools := map[string][]int{"vgg11": {2, 5, 10, 15, 20}, "vgg13": {4, 9, 14, 19, 24}, "vgg16": {4, 9, 16, 23, 30}, "vgg19": {4, 9, 18, 27, 36},
		"vgg11_bn": {3, 7, 14, 21, 28}, "vgg13_bn": {6, 13, 20, 27, 34}, "vgg16_bn": {6, 13, 23, 33, 43}, "vgg19_bn": {6, 13, 26, 39, 52}}
	for _, m := range published {
		n, err := m.config.Network(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		sites, _, err := models.Trace(n)
		if err != nil {
			t.Fatal(err)
		}
		last := pools[m.name][4]
		var names []string
		for i := range last + 1 {
			names = append(names, fmt.Sprintf("features.%d", i))
		}
		names = append(names, "avgpool", "classifier.0", "classifier.1", "classifier.3", "classifier.4", "classifier.6")
		for i, s := range sites {
			if i >= len(names) || s.Name != names[i] {
				t.Fatalf("%s: site %d is %s", m.name, i, s.Name)
			}
		}
		if len(sites) != len(names) {
			t.Errorf("%s: %d sites, want %d", m.name, len(sites), len(names))
		}
		for b, p := range pools[m.name] {
			side := 112 >> b
			if want := []int{min(64<<b, 512), side, side}; !slices.Equal(sites[p].Shape, want) {
				t.Errorf("%s: features.%d is %v, want %v", m.name, p, sites[p].Shape, want)
			}
		}
	}
}

func small(batchNorm, sliding bool) vgg.Config {
	return vgg.Config{Blocks: [][]int{{3}, {4, 5}, {6}}, BatchNorm: batchNorm, Hidden: 8, Classes: 5, Sliding: sliding}
}

func TestConformance(t *testing.T) {
	for name, c := range map[string]struct {
		config        vgg.Config
		height, width int
		backends      []string
	}{
		"two blocks":  {vgg.Config{Blocks: [][]int{{2}, {3}}, Hidden: 5, Classes: 4}, 10, 9, nil},
		"plain":       {small(false, false), 19, 26, []string{"go"}},
		"batch norm":  {small(true, false), 17, 16, []string{"go"}},
		"sliding":     {small(false, true), 16, 70, []string{"go"}},
		"no classes":  {vgg.Config{Blocks: [][]int{{3, 4}, {5}}}, 9, 14, []string{"go"}},
		"as in Keras": {vgg.Config{Blocks: [][]int{{2, 2}, {2, 2}, {3, 3, 3}, {3, 3, 3}, {4, 4, 4}}, Hidden: 6, Classes: 4}, 33, 40, []string{"go"}},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := c.config.Network(c.height, c.width)
			if err != nil {
				t.Fatal(err)
			}
			least := 1 << len(c.config.Blocks)
			modeltest.Run(t, modeltest.Case{Config: c.config, Network: n, Seed: 2, Backends: c.backends, Sweep: 6,
				Sizes: [][2]int{{least, least}, {least + 5, 2 * least}}, Refused: [][2]int{{least - 1, least}, {least, least - 1}, {-3, 5}}})
		})
	}
}

// TestAdaptivePool compares with the definition, window by window, on maps smaller, larger and no multiple of 7.
func TestAdaptivePool(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	c := vgg.Config{Blocks: [][]int{{2}}, Hidden: 1, Classes: 1}
	for _, size := range [][2]int{{1, 1}, {2, 3}, {6, 8}, {7, 7}, {14, 13}, {20, 5}, {32, 49}} {
		h, w := size[0], size[1]
		p, err := models.Random(c, 1)
		if err != nil {
			t.Fatal(err)
		}
		n, err := c.Network(2*h, 2*w)
		if err != nil {
			t.Fatal(err)
		}
		prog, err := program.New(be, "pool", p, func(g *Graph, p *program.Params, in []*Node) []*Node {
			_, at := site.List(g, func() { n.Forward(p, in[0]) })
			return []*Node{at("features.2"), at("avgpool")}
		})
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float32, 3*4*h*w)
		r := rng.New(1, "vgg/test/pool")
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		out, err := prog.Run(program.F32(x, 1, 3, 2*h, 2*w))
		if err != nil {
			t.Fatal(err)
		}
		in, got := out[0].F32, out[1].F32
		for ch := range 2 {
			for i := range 7 {
				for j := range 7 {
					sum, count := 0.0, 0
					for y := int(math.Floor(float64(i) * float64(h) / 7)); y < int(math.Ceil(float64(i+1)*float64(h)/7)); y++ {
						for x := int(math.Floor(float64(j) * float64(w) / 7)); x < int(math.Ceil(float64(j+1)*float64(w)/7)); x++ {
							sum += float64(in[(ch*h+y)*w+x])
							count++
						}
					}
					if want := sum / float64(count); math.Abs(float64(got[(ch*7+i)*7+j])-want) > 1e-6 {
						t.Errorf("%dx%d: place %d,%d of channel %d is %v, want %v", h, w, i, j, ch, got[(ch*7+i)*7+j], want)
					}
				}
			}
		}
		prog.Close()
		p.Close()
	}
}

// TestInitialisation checks the moments of torchvision's initialisation.
func TestInitialisation(t *testing.T) {
	c := vgg.Config{Blocks: [][]int{{16, 24}, {40}}, BatchNorm: true, Hidden: 60, Classes: 30}
	p, err := models.Random(c, 5)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for name, want := range map[string][2]float64{ // mean and deviation
		"features.0.weight":       {0, math.Sqrt(2.0 / (9 * 16))},
		"features.3.weight":       {0, math.Sqrt(2.0 / (9 * 24))},
		"features.7.weight":       {0, math.Sqrt(2.0 / (9 * 40))},
		"features.7.bias":         {0, 0},
		"features.8.weight":       {1, 0},
		"features.8.bias":         {0, 0},
		"features.8.running_mean": {0, 0},
		"features.8.running_var":  {1, 0},
		"classifier.0.weight":     {0, 0.01},
		"classifier.6.weight":     {0, 0.01},
		"classifier.3.bias":       {0, 0},
	} {
		v, _, err := p.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		var sum, sq float64
		for _, x := range v {
			sum += float64(x)
			sq += float64(x) * float64(x)
		}
		n := float64(len(v))
		mean := sum / n
		sd := math.Sqrt(max(sq/n-mean*mean, 0))
		// Five standard errors of a mean and of a deviation.
		if math.Abs(mean-want[0]) > 5*want[1]/math.Sqrt(n) || math.Abs(sd-want[1]) > 5*want[1]/math.Sqrt(2*n)+1e-12 {
			t.Errorf("%s: mean %.5f and deviation %.5f, want %v", name, mean, sd, want)
		}
	}
}

// TestGradientAtZero: a unit at 0 exactly has no gradient, as in PyTorch, and of equal values in a pool's window the first
// has all of it.
func TestGradientAtZero(t *testing.T) {
	c := vgg.Config{Blocks: [][]int{{1}}}
	for _, config := range []string{"go", "xla"} {
		be, err := backend.Open(config)
		if err != nil {
			t.Skipf("no XLA on this machine: %v", err)
		}
		for _, bias := range []float32{0, 1} {
			p := program.NewParams()
			kernel := make([]float32, 27)
			kernel[4] = 1 // the pixel itself, in the first channel
			for name, v := range map[string][]float32{"features.0.weight": kernel, "features.0.bias": {bias}} {
				if err := p.Set(name, v, c.Shapes()[name]...); err != nil {
					t.Fatal(err)
				}
			}
			n, err := c.Network(2, 2)
			if err != nil {
				t.Fatal(err)
			}
			prog, err := program.New(be, "gradient", p, func(_ *Graph, p *program.Params, in []*Node) []*Node {
				return Gradient(ReduceAllSum(n.Forward(p, in[0])), in[0])
			})
			if err != nil {
				t.Fatal(err)
			}
			out, err := prog.Run(program.F32(make([]float32, 12), 1, 3, 2, 2))
			if err != nil {
				t.Fatal(err)
			}
			if want := []float32{bias, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}; !slices.Equal(out[0].F32, want) {
				t.Errorf("%s, bias %v: gradient %v, want %v", config, bias, out[0].F32, want)
			}
			prog.Close()
			p.Close()
		}
		be.Finalize()
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []vgg.Config{{}, {Blocks: [][]int{{}}}, {Blocks: [][]int{{3, 0}}}, {Blocks: [][]int{{3}}, Hidden: 4}, {Blocks: [][]int{{3}}, Classes: 4},
		{Blocks: [][]int{{3}}, Hidden: -1, Classes: 2}, {Blocks: slices.Repeat([][]int{{1}}, 40)}} {
		if c.Validate() == nil {
			t.Errorf("%+v is valid", c)
		}
	}
	base := vgg.VGG11(true).Shapes()
	for name, change := range map[string]func(map[string][]int){
		"want one at":   func(s map[string][]int) { s["features.99.weight"] = []int{512, 512, 3, 3} },
		"want a number": func(s map[string][]int) { s["features.x.weight"] = []int{512, 512, 3, 3} },
		"0 blocks":      func(s map[string][]int) { clear(s) },
		"hidden 4096":   func(s map[string][]int) { delete(s, "classifier.6.weight") },
	} {
		s := maps.Clone(base)
		change(s)
		if _, err := vgg.Infer(s); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want one with %q", err, name)
		}
	}
	if _, err := vgg.VGG19(false).Network(31, 224); err == nil || !strings.Contains(err.Error(), "32") {
		t.Errorf("31 pixels: %v", err)
	}
}
