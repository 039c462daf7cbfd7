package nasnet_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/nasnet"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// small is a network that the Go backend runs in a moment.
func small() nasnet.Config {
	return nasnet.Config{Filters: 8, Stem: 6, Multiplier: 2, Cells: 1, Classes: 5, ImageSize: 33, Pool: nasnet.PoolTF}
}

// goBackend is open for all tests: weights stay on the backend that they were first used on.
var goBackend = sync.OnceValue(func() *backend.Backend { return backend.MustOpen("go") })

func network(t *testing.T, c nasnet.Config, height, width int) models.Network {
	t.Helper()
	n, err := c.Network(height, width)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestKeysOfLarge compares names and shapes with those of timm's model, at full size, and with what the graph asks for.
func TestKeysOfLarge(t *testing.T) {
	b, err := os.ReadFile("../weights/testdata/keys/timm_nasnetalarge.json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Parameters int              `json:"parameters"`
		Keys       map[string][]int `json:"keys"`
	}
	if err := json.Unmarshal(b, &table); err != nil {
		t.Fatal(err)
	}
	for name := range table.Keys {
		if strings.HasSuffix(name, ".num_batches_tracked") {
			delete(table.Keys, name)
		}
	}
	c := nasnet.Large()
	have := c.Shapes()
	if len(have) != 1546 || !reflect.DeepEqual(have, table.Keys) {
		t.Errorf("%d weights, the table has %d", len(have), len(table.Keys))
		for name, dims := range table.Keys {
			if !slices.Equal(have[name], dims) {
				t.Errorf("%s: %v, the table says %v", name, have[name], dims)
			}
		}
	}
	if n := models.Parameters(c); n != table.Parameters || n != 88_753_150 {
		t.Errorf("%d parameters, the table says %d", n, table.Parameters)
	}
	_, weights, err := models.Trace(network(t, c, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(weights, have) {
		t.Errorf("the graph asks for %d weights, the table has %d", len(weights), len(have))
	}
}

// TestSizesOfLarge checks channels and sides of cells at the published picture size and at that of a picture turned by 45
// degrees; the numbers are those of the original implementation.
func TestSizesOfLarge(t *testing.T) {
	for _, c := range []struct {
		size  int
		sites map[string][]int
	}{
		{331, map[string][]int{"conv0": {96, 165, 165}, "cell_stem_0": {168, 83, 83}, "cell_stem_1": {336, 42, 42}, "cell_0": {1008, 42, 42},
			"cell_0.piece_c3": {168, 42, 42}, "cell_0.path_2": {84, 42, 42}, "cell_5": {1008, 42, 42}, "reduction_cell_0": {1344, 21, 21},
			"cell_6": {2016, 21, 21}, "reduction_cell_1": {2688, 11, 11}, "cell_17": {4032, 11, 11}, "global_pool": {4032}, "last_linear": {1000}}},
		{468, map[string][]int{"conv0": {96, 233, 233}, "cell_stem_0": {168, 117, 117}, "cell_0": {1008, 59, 59}}},
	} {
		sites, _, err := models.Trace(network(t, nasnet.Large(), c.size, c.size))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sites {
			if want, ok := c.sites[s.Name]; ok {
				if !slices.Equal(s.Shape, want) {
					t.Errorf("%d pixels: %s is %v, want %v", c.size, s.Name, s.Shape, want)
				}
				delete(c.sites, s.Name)
			}
		}
		if len(c.sites) > 0 {
			t.Errorf("%d pixels: no sites %v", c.size, c.sites)
		}
	}
}

// TestSitesOfACell lists a normal cell's sites in order.
func TestSitesOfACell(t *testing.T) {
	sites, _, err := models.Trace(network(t, nasnet.Large(), 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range sites {
		if name, ok := strings.CutPrefix(s.Name, "cell_9."); ok && !strings.Contains(name, "comb_iter_0") && !strings.Contains(name, "comb_iter_1") && !strings.Contains(name, "_4_left.") {
			got = append(got, name)
		}
		if s.Name == "cell_9.comb_iter_0_left" && fmt.Sprint(s.Axes) != "[channel y x]" {
			t.Errorf("%s has the axes %v", s.Name, s.Axes)
		}
	}
	want := []string{"conv_1x1.act", "conv_1x1.conv", "conv_1x1", "conv_prev_1x1.act", "conv_prev_1x1.conv", "conv_prev_1x1",
		"piece_c0", "piece_c1", "comb_iter_2_left", "comb_iter_2_right", "piece_c2", "comb_iter_3_left", "comb_iter_3_right", "piece_c3",
		"comb_iter_4_left", "comb_iter_4_right", "piece_c4", "piece_p"}
	if !slices.Equal(got, want) {
		t.Errorf("sites of cell_9: %v, want %v", got, want)
	}
	if len(sites) != 1286 {
		t.Errorf("%d sites, want 1286", len(sites))
	}
}

// TestAliases: other libraries' names belong to sites that exist and are unambiguous, and the names of the V4 document's
// units are there.
func TestAliases(t *testing.T) {
	for _, c := range []nasnet.Config{nasnet.Large(), small()} {
		sites, _, err := models.Trace(network(t, c, 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		exists := map[string]bool{}
		for _, s := range sites {
			exists[s.Name] = true
		}
		at := map[string]string{}
		for _, a := range c.Aliases() {
			if !exists[a.Site] {
				t.Errorf("%s %s: no site %s", a.Library, a.Name, a.Site)
			}
			if other, twice := at[a.Name]; twice || exists[a.Name] {
				t.Errorf("%s %s belongs to %s and %s", a.Library, a.Name, a.Site, other)
			}
			at[a.Name] = a.Site
		}
		if c.Cells != 6 {
			continue
		}
		for name, want := range map[string]string{"Cell_0": "cell_0", "Cell_17": "cell_17", "Reduction_Cell_1": "reduction_cell_1", "Cell_Stem_0": "cell_stem_0", "Stem": "cell_stem_1",
			"normal_concat_0": "cell_0", "normal_concat_5": "cell_5", "normal_concat_7": "cell_6", "normal_concat_12": "cell_11", "normal_concat_13": "cell_12",
			"normal_concat_18": "cell_17", "reduction_concat_stem_2": "cell_stem_1", "reduction_concat_reduce_6": "reduction_cell_0", "reduction_concat_reduce_12": "reduction_cell_1",
			"adjust_bn_0": "cell_0.final_path_bn", "adjust_bn_1": "cell_1.conv_prev_1x1", "normal_add_4_0": "cell_0.piece_c3", "separable_conv_1_bn_normal_left1_7": "cell_6.comb_iter_0_left.bn_sep_1",
			"cell_0.h": "cell_0.conv_1x1", "cell_0.p": "cell_0.final_path_bn", "conv0.bn": "conv0", "cell_3.comb_iter_0_left.relu1": "cell_3.comb_iter_0_left.act_2"} {
			if at[name] != want {
				t.Errorf("%s is %q, want %s", name, at[name], want)
			}
		}
	}
}

func TestInfer(t *testing.T) {
	wide := nasnet.Config{Filters: 12, Stem: 5, Multiplier: 2, Cells: 7, Classes: 3, ImageSize: 331, Pool: nasnet.PoolTF}
	three := nasnet.Config{Filters: 18, Stem: 4, Multiplier: 3, Cells: 3, Classes: 1001, ImageSize: 331, Pool: nasnet.PoolTF}
	if n := models.Parameters(nasnet.Mobile()); n != 5_289_978 { // keras.applications' NASNetMobile, trainable
		t.Errorf("the mobile network has %d parameters", n)
	}
	for _, c := range []nasnet.Config{nasnet.Large(), nasnet.Mobile(), wide, three} {
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		back, err := nasnet.Infer(c.Shapes())
		if err != nil || back != c {
			t.Errorf("Infer gives %+v (%v), want %+v", back, err, c)
		}
		raw, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var again nasnet.Config
		if err := json.Unmarshal(raw, &again); err != nil || again != c {
			t.Errorf("JSON %s gives %+v (%v)", raw, again, err)
		}
		sites, weights, err := models.Trace(network(t, c, 0, 0))
		if err != nil || !reflect.DeepEqual(weights, c.Shapes()) || len(sites) == 0 {
			t.Errorf("%+v: the graph asks for %d weights, Shapes has %d (%v)", c, len(weights), len(c.Shapes()), err)
		}
	}
	broken := nasnet.Large().Shapes()
	for name := range broken {
		if strings.HasPrefix(name, "cell_17.") {
			delete(broken, name)
		}
	}
	for name, shapes := range map[string]map[string][]int{"nothing": {}, "17 cells": broken} {
		if c, err := nasnet.Infer(shapes); err == nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestNumbers(t *testing.T) {
	c := small()
	c.Cells = 3
	for name, want := range map[string]int{"cell_0": 0, "cell_2": 2, "cell_6": 3, "cell_14": 8, "cell_3": -1, "cell_15": -1, "cell_stem_0": -1, "": -1} {
		if i, ok := c.NormalCell(name); ok != (want >= 0) || ok && i != want {
			t.Errorf("%q is the normal cell %d, %v; want %d", name, i, ok, want)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		change func(*nasnet.Config)
		want   string
	}{
		{func(c *nasnet.Config) { c.Filters = 6 }, "multiple of 4"},
		{func(c *nasnet.Config) { c.Cells = 0 }, "cells_per_stage is 0"},
		{func(c *nasnet.Config) { c.Cells = 1000 }, "at most"},
		{func(c *nasnet.Config) { c.ImageSize = 2 }, "image_size is 2"},
		{func(c *nasnet.Config) { c.Pool = "max" }, `average_pool is "max"`},
		{func(c *nasnet.Config) { c.Eps = math.NaN() }, "bn_eps"},
		{func(c *nasnet.Config) { c.Classes = -1 }, "num_classes is -1"},
	} {
		bad := small()
		c.change(&bad)
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got error %v, want %q", err, c.want)
		}
	}
	if n, err := small().Network(2, 40); err == nil {
		t.Errorf("a picture of 2x40 gives %+v", n)
	}
}

// TestLaw checks the deviations of drawn weights against PyTorch's defaults, for tensors large enough to tell.
func TestLaw(t *testing.T) {
	c := nasnet.Config{Filters: 24, Stem: 16, Multiplier: 2, Cells: 1, Classes: 50, ImageSize: 33}
	p, err := models.Random(c, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	uniform := func(fanIn int) float64 { return 1 / math.Sqrt(3*float64(fanIn)) }
	for name, sd := range map[string]float64{
		"conv0.conv.weight": uniform(27),
		"cell_0.comb_iter_0_left.separable_1.depthwise_conv2d.weight": uniform(25),
		"cell_0.comb_iter_0_left.separable_1.pointwise_conv2d.weight": uniform(24),
		"cell_12.conv_1x1.conv.weight":                                uniform(16 * 24),
		"last_linear.weight":                                          uniform(24 * 24),
		"last_linear.bias":                                            uniform(24 * 24),
	} {
		data, _, err := p.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		var sum, sq, peak float64
		for _, v := range data {
			sum, sq, peak = sum+float64(v), sq+float64(v)*float64(v), max(peak, math.Abs(float64(v)))
		}
		n := float64(len(data))
		// Five standard errors of a uniform law's deviation, which are below sd/sqrt(2n) each.
		if got := math.Sqrt(sq/n - sum/n*sum/n); math.Abs(got-sd) > 5*sd/math.Sqrt(2*n) {
			t.Errorf("%s: deviation %.5f, want %.5f", name, got, sd)
		}
		if peak > sd*math.Sqrt(3)*1.0001 {
			t.Errorf("%s: %.5f lies outside of ±%.5f", name, peak, sd*math.Sqrt(3))
		}
	}
	for name, want := range map[string]float32{"conv0.bn.weight": 1, "conv0.bn.bias": 0, "cell_0.final_path_bn.running_mean": 0, "cell_0.final_path_bn.running_var": 1} {
		if data, _, _ := p.Get(name); data[0] != want || data[len(data)-1] != want {
			t.Errorf("%s is %v, want %v", name, data[0], want)
		}
	}
}

// pictures are n standard normal pictures.
func pictures(n, height, width int) program.Value {
	r := rng.New(7, "nasnet/test/pictures")
	v := make([]float32, n*3*height*width)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return program.F32(v, n, 3, height, width)
}

// values runs a network on the Go backend and returns the values of its sites.
func values(t *testing.T, n models.Network, p *program.Params, x program.Value) map[string]program.Value {
	t.Helper()
	var sites []site.Info
	prog, err := program.New(goBackend(), "nasnet", p, func(g *Graph, p *program.Params, in []*Node) []*Node {
		var nodeOf func(string) *Node
		sites, nodeOf = site.List(g, func() { n.Forward(p, in[0]) })
		var out []*Node
		for _, s := range sites {
			out = append(out, nodeOf(s.Name))
		}
		return out
	})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Close()
	out, err := prog.Run(x)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]program.Value{}
	for i, s := range sites {
		all[s.Name] = out[i]
	}
	return all
}

// TestFolding: folded batch normalisation changes no site.
func TestFolding(t *testing.T) {
	c := small()
	p := trained(t, c)
	defer p.Close()
	folded, err := models.Load(tensors{p}, c)
	if err != nil {
		t.Fatal(err)
	}
	defer folded.Close()
	if folded.Has("conv0.bn.running_var") || !folded.Has("conv0.bn.scale") {
		t.Fatal("batch normalisation is not folded")
	}
	x := pictures(2, 35, 32)
	n := network(t, c, 35, 32)
	want := values(t, n, p, x)
	for name, got := range values(t, n, folded, x) {
		diff, peak := 0.0, 0.0
		for i, v := range want[name].F32 {
			diff, peak = max(diff, math.Abs(float64(v)-float64(got.F32[i]))), max(peak, math.Abs(float64(v)))
		}
		if !(diff <= 1e-5*peak) || peak == 0 {
			t.Errorf("%s: differs by %g of %g", name, diff, peak)
		}
	}
}

// tensors presents weights as a checkpoint.
type tensors struct{ p *program.Params }

func (t tensors) Float32(name string, _ ...int) ([]float32, error) {
	data, _, err := t.p.Get(name)
	return data, err
}

// trained are random weights with batch statistics that are not those of an untrained network.
func trained(t *testing.T, c nasnet.Config) *program.Params {
	t.Helper()
	p, err := models.Random(c, 11)
	if err != nil {
		t.Fatal(err)
	}
	r := rng.New(11, "nasnet/test/statistics")
	for _, name := range p.Names() {
		data, dims, err := p.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(name, "bn") {
			continue
		}
		for i := range data {
			switch {
			case strings.HasSuffix(name, ".running_var"):
				data[i] = 0.3 + float32(r.Float64())
			default:
				data[i] += 0.3 * float32(r.NormFloat64())
			}
		}
		if err := p.Set(name, data, dims...); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// TestSmallPictures runs pictures down to 3x3, whose maps are single pixels, and checks the factorised reduction on them.
func TestSmallPictures(t *testing.T) {
	c := small()
	p := trained(t, c)
	defer p.Close()
	for _, size := range [][2]int{{3, 3}, {4, 3}, {3, 9}, {5, 8}, {17, 18}} {
		all := values(t, network(t, c, size[0], size[1]), p, pictures(1, size[0], size[1]))
		for name, v := range all {
			for _, f := range v.F32 {
				if f != f || math.IsInf(float64(f), 0) {
					t.Fatalf("%v: %s holds %v", size, name, f)
				}
			}
		}
		checkFactorised(t, fmt.Sprint(size, " stem"), all["cell_stem_1.act"], all["cell_stem_1.path_1.avgpool"], all["cell_stem_1.path_2.avgpool"])
		checkFactorised(t, fmt.Sprint(size, " cell_0"), all["cell_0.act"], all["cell_0.path_1.avgpool"], all["cell_0.path_2.avgpool"])
	}
}

// checkFactorised: path_1 sees the pixels 0, 2, 4, ..., path_2 the pixels 1, 3, 5, ... and zeros outside.
func checkFactorised(t *testing.T, name string, x, one, two program.Value) {
	t.Helper()
	c, h, w := x.Dims[1], x.Dims[2], x.Dims[3]
	oh, ow := (h+1)/2, (w+1)/2
	if fmt.Sprint(one.Dims) != fmt.Sprint([]int{1, c, oh, ow}) || fmt.Sprint(two.Dims) != fmt.Sprint(one.Dims) {
		t.Fatalf("%s: paths of shapes %v and %v for %v", name, one.Dims, two.Dims, x.Dims)
	}
	for k := range c {
		for i := range oh {
			for j := range ow {
				at := (k*oh+i)*ow + j
				if got, want := one.F32[at], x.F32[(k*h+2*i)*w+2*j]; got != want {
					t.Fatalf("%s: path_1 at %d %d %d is %v, want %v", name, k, i, j, got, want)
				}
				want := float32(0)
				if 2*i+1 < h && 2*j+1 < w {
					want = x.F32[(k*h+2*i+1)*w+2*j+1]
				}
				if got := two.F32[at]; got != want {
					t.Fatalf("%s: path_2 at %d %d %d is %v, want %v", name, k, i, j, got, want)
				}
			}
		}
	}
}

// TestPoolsDiffer: the two rules differ in the stride-2 average pools only, and there at the border only.
func TestPoolsDiffer(t *testing.T) {
	c := small()
	p := trained(t, c)
	defer p.Close()
	x := pictures(1, 33, 33)
	tf := values(t, network(t, c, 33, 33), p, x)
	c.Pool = nasnet.PoolTimm
	timm := values(t, network(t, c, 33, 33), p, x)
	a, b := tf["cell_stem_0.comb_iter_2_left"], timm["cell_stem_0.comb_iter_2_left"]
	n, side := a.Dims[1], a.Dims[2] // conv0 is 16x16, padded at the bottom and right only
	for k := range n {
		for i := range side {
			for j := range side {
				ratio := 1.0
				if i == side-1 {
					ratio *= 2.0 / 3
				}
				if j == side-1 {
					ratio *= 2.0 / 3
				}
				at := (k*side+i)*side + j
				if got, want := float64(b.F32[at]), ratio*float64(a.F32[at]); math.Abs(got-want) > 1e-6*math.Abs(want)+1e-7 {
					t.Fatalf("channel %d at %d, %d: timm %v, TensorFlow %v, ratio should be %v", k, i, j, b.F32[at], a.F32[at], ratio)
				}
			}
		}
	}
	if slices.Equal(tf["last_linear"].F32, timm["last_linear"].F32) {
		t.Error("the rule changes nothing")
	}
}

// TestMobile: the wirings differ behind the first reduction cell and not before it.
func TestMobile(t *testing.T) {
	c := small()
	c.Cells = 2
	p := trained(t, c)
	defer p.Close()
	x := pictures(1, 33, 33)
	large := values(t, network(t, c, 33, 33), p, x)
	c.Mobile = true
	mobile := values(t, network(t, c, 33, 33), p, x)
	for name, same := range map[string]bool{"cell_1": true, "reduction_cell_0": true, "cell_6.conv_1x1": true, "cell_6": false, "last_linear": false} {
		if slices.Equal(large[name].F32, mobile[name].F32) != same {
			t.Errorf("%s: the same in both wirings %v, want %v", name, !same, same)
		}
	}
	// In both, cell_6 begins its farther input with a ReLU of an earlier cell's output.
	for _, k := range []struct {
		values map[string]program.Value
		from   string
	}{{large, "cell_0"}, {mobile, "cell_1"}} {
		for i, v := range k.values[k.from].F32 {
			if got := k.values["cell_6.act"].F32[i]; got != max(v, 0) {
				t.Fatalf("cell_6 reads %v at %d, and %s is %v", got, i, k.from, v)
			}
		}
	}
}

// TestTraining: in training mode gradients reach every weight, and the running statistics move towards those of the batch
// with PyTorch's momentum of 0.1.
func TestTraining(t *testing.T) {
	c := small()
	p := trained(t, c)
	defer p.Close()
	old, _, _ := p.Get("conv0.bn.running_mean")
	x := pictures(4, 33, 33)
	conv := values(t, network(t, c, 33, 33), p, x)["conv0.conv"]
	p.SetTraining(true)
	var names []string
	for _, name := range p.Trainable() {
		if !strings.Contains(name, ".running_") {
			names = append(names, name)
		}
	}
	prog, err := program.New(goBackend(), "train", p, func(g *Graph, p *program.Params, in []*Node) []*Node {
		y := network(t, c, 33, 33).Forward(p, in[0])
		loss := ReduceAllMean(Square(AddScalar(y, -1)))
		var weights []*Node
		for _, name := range names {
			weights = append(weights, p.Node(g, name, p.Shapes()[name]...))
		}
		return Gradient(loss, weights...)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Close()
	gradients, err := prog.Run(x)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		peak := 0.0
		for _, v := range gradients[i].F32 {
			peak = max(peak, math.Abs(float64(v)))
		}
		if !(peak > 0) || math.IsInf(peak, 0) {
			t.Errorf("the gradient of %s is at most %v", name, peak)
		}
	}
	now, _, _ := p.Get("conv0.bn.running_mean")
	b, ch, hw := conv.Dims[0], conv.Dims[1], conv.Dims[2]*conv.Dims[3]
	for k := range ch {
		mean := 0.0
		for n := range b {
			for _, v := range conv.F32[(n*ch+k)*hw : (n*ch+k+1)*hw] {
				mean += float64(v)
			}
		}
		mean /= float64(b * hw)
		if want := 0.9*float64(old[k]) + 0.1*mean; math.Abs(float64(now[k])-want) > 1e-5 {
			t.Errorf("running mean of channel %d is %v, want %v", k, now[k], want)
		}
	}
}
