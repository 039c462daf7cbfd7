package clip_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/batchnorm"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// tinyResNet has an odd number of blocks in a stage, a stage of one, and a head count that is no power of two.
func tinyResNet() clip.Config {
	return clip.Config{EmbedDim: 12, ImageSize: 64, Width: 6, Heads: 3, Stages: [4]int{2, 1, 3, 1}}
}

// resNetModules are the modules of OpenAI's ModifiedResNet in the order in which they run, with the inner values that no
// module has.
func resNetModules(stages [4]int) []string {
	s := strings.Fields("conv1 bn1 relu1 conv2 bn2 relu2 conv3 bn3 relu3 avgpool")
	for i, n := range stages {
		for b := range n {
			block := strings.Fields("conv1 bn1 relu1 conv2 bn2 relu2 avgpool conv3 bn3 downsample.-1 downsample.0 downsample pre_relu")
			block = slices.DeleteFunc(block, func(m string) bool {
				halves := i > 0 && b == 0
				return !halves && (m == "avgpool" || m == "downsample.-1") || b > 0 && strings.HasPrefix(m, "downsample")
			})
			name := fmt.Sprintf("layer%d.%d", i+1, b)
			for _, m := range block {
				s = append(s, name+"."+m)
			}
			s = append(s, name)
		}
		s = append(s, fmt.Sprintf("layer%d", i+1))
	}
	s = append(s, "attnpool.tokens", "attnpool.probs", "attnpool.z", "attnpool")
	for i := range s {
		s[i] = "visual." + s[i]
	}
	return append(s, "visual")
}

func TestSitesOfResNets(t *testing.T) {
	for name, c := range map[string]clip.Config{"RN50": clip.RN50(), "RN101": clip.RN101(), "RN50x4": clip.RN50x4(), "RN50x16": clip.RN50x16(), "RN50x64": clip.RN50x64()} {
		network, err := c.Network(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		sites, weights, err := models.Trace(network)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		shapes := map[string]string{}
		for _, s := range sites {
			names = append(names, s.Name)
			shapes[s.Name] = fmt.Sprint(s.Axes, s.Shape)
		}
		if want := resNetModules(c.Stages); !slices.Equal(names, want) {
			t.Errorf("%s: sites %v, want %v", name, names, want)
		}
		if want := c.VisualOnly().Shapes(); !maps.EqualFunc(weights, want, slices.Equal[[]int]) {
			t.Errorf("%s: the graph asks for %d weights, the table has %d", name, len(weights), len(want))
		}
		side := c.ImageSize / 32
		for at, want := range map[string]string{
			"visual.avgpool":         fmt.Sprintf("[channel y x] [%d %d %d]", c.Width, 8*side, 8*side),
			"visual.layer4":          fmt.Sprintf("[channel y x] [%d %d %d]", 32*c.Width, side, side),
			"visual.attnpool.tokens": fmt.Sprintf("[token channel] [%d %d]", side*side+1, 32*c.Width),
			"visual.attnpool.probs":  fmt.Sprintf("[head key] [%d %d]", c.Width/2, side*side+1),
			"visual":                 fmt.Sprintf("[channel] [%d]", c.EmbedDim),
		} {
			if shapes[at] != want {
				t.Errorf("%s: %s is %s, want %s", name, at, shapes[at], want)
			}
		}
	}
}

// TestAliases: every alias names a site that is there, no library calls two sites the same, and no alias is the
// name of another site.
func TestAliases(t *testing.T) {
	for _, c := range []clip.Config{clip.RN50(), tinyResNet(), clip.ViTB32()} {
		network, err := c.Network(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		have := map[string]bool{}
		list := func(n models.Network) {
			sites, _, err := models.Trace(n)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range sites {
				have[s.Name] = true
			}
		}
		list(network)
		if c.HasText() {
			list(clip.TextTower{Config: c})
		}
		seen := map[string]string{}
		for _, a := range c.Aliases() {
			if !have[a.Site] {
				t.Errorf("alias %s of %s, which is no site", a.Name, a.Site)
			}
			if have[a.Name] && a.Name != a.Site {
				t.Errorf("alias %s of %s is another site's name", a.Name, a.Site)
			}
			if other, ok := seen[a.Library+" "+a.Name]; ok && other != a.Site {
				t.Errorf("%s calls %s and %s both %s", a.Library, other, a.Site, a.Name)
			}
			seen[a.Library+" "+a.Name] = a.Site
		}
		if len(seen) < 100 && c.HasText() {
			t.Errorf("%d aliases", len(seen))
		}
	}
}

func TestResNetSizes(t *testing.T) {
	c := tinyResNet()
	for _, side := range [][2]int{{30, 64}, {64, 30}, {1, 1}} {
		if _, err := c.Network(side[0], side[1]); err == nil || !strings.Contains(err.Error(), "the least is 31") {
			t.Errorf("%v: error %v, want one with the least size", side, err)
		}
	}
	for _, x := range []struct{ h, w, tokens int }{{31, 31, 2}, {64, 64, 5}, {72, 79, 5}, {96, 40, 4}} {
		n, err := c.Network(x.h, x.w)
		if err != nil {
			t.Fatal(err)
		}
		sites, _, err := models.Trace(n)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(sites, func(s site.Info) bool { return s.Name == "visual.attnpool.tokens" })
		if got := sites[i].Shape[0]; got != x.tokens {
			t.Errorf("%dx%d: %d tokens, want %d", x.h, x.w, got, x.tokens)
		}
	}
}

func TestResNetInitialisation(t *testing.T) {
	c := tinyResNet()
	c.Width, c.Heads = 16, 8
	p, err := models.Random(c, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	sqrt := math.Sqrt
	for name, sd := range map[string]float64{
		"visual.conv2.weight":                  1 / sqrt(3*8*9),
		"visual.layer1.0.conv1.weight":         1 / sqrt(3*16),
		"visual.layer3.2.conv2.weight":         1 / sqrt(3*64*9),
		"visual.layer4.0.downsample.0.weight":  1 / sqrt(3*256),
		"visual.attnpool.q_proj.weight":        1 / sqrt(512),
		"visual.attnpool.c_proj.weight":        1 / sqrt(512),
		"visual.attnpool.v_proj.bias":          1 / sqrt(3*512),
		"visual.attnpool.c_proj.bias":          1 / sqrt(3*512),
		"visual.attnpool.positional_embedding": 1 / sqrt(512),
	} {
		v, _, err := p.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		mean, dev := moments(v)
		n := float64(len(v))
		if math.Abs(dev-sd) > 5*sd/sqrt(2*n) || math.Abs(mean) > 5*sd/sqrt(n) {
			t.Errorf("%s: %d values of mean %.5f and deviation %.5f, want 0 and %.5f", name, len(v), mean, dev, sd)
		}
	}
	for name, want := range map[string]float32{
		"visual.bn3.weight": 1, "visual.bn3.bias": 0, "visual.layer2.0.bn3.weight": 0, "visual.layer2.0.bn2.weight": 1,
		"visual.layer2.0.downsample.1.weight": 1, "visual.layer2.0.bn3.running_mean": 0, "visual.layer2.0.bn3.running_var": 1,
	} {
		v, _, err := p.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range v {
			if x != want {
				t.Errorf("%s holds %v, want %v", name, x, want)
				break
			}
		}
	}
}

func moments(v []float32) (mean, deviation float64) {
	var sum, sq float64
	for _, x := range v {
		sum += float64(x)
		sq += float64(x) * float64(x)
	}
	n := float64(len(v))
	return sum / n, math.Sqrt(max(0, sq/n-sum/n*sum/n))
}

// onBackends runs a test on every backend there is.
func onBackends(t *testing.T, fn func(t *testing.T, be *backend.Backend)) {
	for _, name := range []string{"go", "xla"} {
		t.Run(name, func(t *testing.T) {
			be, err := backend.Open(name)
			if err != nil {
				t.Skipf("no XLA on this machine: %v", err)
			}
			defer be.Finalize()
			fn(t, be)
		})
	}
}

func pictures(n, side int) program.Value {
	r := rng.New(5, "clip/test/pictures")
	v := make([]float32, n*3*side*side)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return program.F32(v, n, 3, side, side)
}

// TestResNetTrains: in training every weight gets a finite gradient, and the running statistics go a tenth of the way to
// the batch's, the variance to the unbiased one.
func TestResNetTrains(t *testing.T) {
	onBackends(t, func(t *testing.T, be *backend.Backend) {
		c := tinyResNet()
		c.Stages = [4]int{1, 2, 1, 1} // XLA takes a second to compile the gradient of each block
		p, err := models.Random(c, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		// A block of an untrained ResNet begins as its shortcut: its convolutions get no gradient before bn3.weight has left 0.
		var names []string
		for name, dims := range c.Shapes() {
			if strings.HasSuffix(name, ".bn3.weight") {
				if err := p.Set(name, slices.Repeat([]float32{0.5}, dims[0]), dims...); err != nil {
					t.Fatal(err)
				}
			}
			if !strings.Contains(name, ".running_") {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		network, err := c.Network(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		p.SetTraining(true)
		step, err := program.New(be, "step", p, func(g *Graph, p *program.Params, in []*Node) []*Node {
			var nodes []*Node
			for _, name := range names {
				nodes = append(nodes, p.Node(g, name, c.Shapes()[name]...))
			}
			var conv *Node
			_, at := site.List(g, func() {
				y := network.Forward(p, in[0])
				conv = ops.SumAll(Mul(y, in[1]))
			})
			return append(Gradient(conv, nodes...), at("visual.conv1"))
		})
		if err != nil {
			t.Fatal(err)
		}
		defer step.Close()
		const batch = 3
		weights := make([]float32, batch*c.EmbedDim)
		for i := range weights {
			weights[i] = float32(math.Sin(float64(3*i + 1)))
		}
		out, err := step.Run(pictures(batch, c.ImageSize), program.F32(weights, batch, c.EmbedDim))
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range names {
			peak := float32(0)
			for _, v := range out[i].F32 {
				if v != v || math.IsInf(float64(v), 0) {
					t.Fatalf("%s: gradient %v", name, v)
				}
				peak = max(peak, v, -v)
			}
			// A bias of the keys adds the same number to every logit of a head, so the softmax does not see it.
			if exempt := strings.HasSuffix(name, "k_proj.bias"); peak == 0 || exempt != (peak < 1e-6) {
				t.Errorf("%s: the gradient's peak is %g", name, peak)
			}
		}
		conv := out[len(names)]
		ch, px := conv.Dims[1], conv.Dims[2]*conv.Dims[3]
		mean, _, err := p.Get("visual.bn1.running_mean")
		if err != nil {
			t.Fatal(err)
		}
		variance, _, err := p.Get("visual.bn1.running_var")
		if err != nil {
			t.Fatal(err)
		}
		for k := range ch {
			var x []float32
			for b := range batch {
				x = append(x, conv.F32[(b*ch+k)*px:(b*ch+k+1)*px]...)
			}
			m, sd := moments(x)
			n := float64(len(x))
			if want := 0.1 * m; math.Abs(float64(mean[k])-want) > 1e-6 {
				t.Errorf("channel %d: running mean %g, want %g", k, mean[k], want)
			}
			if want := 0.9 + 0.1*sd*sd*n/(n-1); math.Abs(float64(variance[k])-want) > 1e-5 {
				t.Errorf("channel %d: running variance %g, want %g", k, variance[k], want)
			}
		}
		for name := range c.Shapes() {
			if !strings.HasSuffix(name, ".running_mean") {
				continue
			}
			if v, _, err := p.Get(name); err != nil || slices.Max(v) == 0 && slices.Min(v) == 0 {
				t.Errorf("%s has not moved (%v)", name, err)
			}
		}
	})
}

// TestFoldingChangesNothing: the sites of a folded network have the values of the stored one.
func TestFoldingChangesNothing(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	c := tinyResNet()
	p, err := models.Random(c, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r := rng.New(2, "clip/test/norms")
	for name, dims := range c.Shapes() {
		if i := strings.LastIndexByte(name, '.'); slices.Contains(batchnorm.Parts, name[i+1:]) && len(dims) == 1 {
			v := make([]float32, dims[0])
			for k := range v {
				v[k] = float32(0.3*r.NormFloat64() + 0.1)
				if strings.HasSuffix(name, "_var") {
					v[k] = 0.2 + v[k]*v[k]
				}
			}
			if err := p.Set(name, v, dims...); err != nil {
				t.Fatal(err)
			}
		}
	}
	folded, err := models.Load(stored{p}, c)
	if err != nil {
		t.Fatal(err)
	}
	defer folded.Close()
	if folded.Has("visual.bn1.weight") || !folded.Has("visual.bn1.scale") {
		t.Fatal("loading does not fold")
	}
	network, err := c.Network(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var infos []site.Info
	all := func(p *program.Params) []program.Value {
		prog, err := program.New(be, "sites", p, func(g *Graph, p *program.Params, in []*Node) (out []*Node) {
			var at func(string) *Node
			infos, at = site.List(g, func() { network.Forward(p, in[0]) })
			for _, s := range infos {
				out = append(out, at(s.Name))
			}
			return out
		})
		if err != nil {
			t.Fatal(err)
		}
		defer prog.Close()
		out, err := prog.Run(pictures(2, c.ImageSize))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	want, got := all(p), all(folded)
	for i, s := range infos {
		var peak, diff float64
		for k, v := range want[i].F32 {
			peak, diff = max(peak, math.Abs(float64(v))), max(diff, math.Abs(float64(v-got[i].F32[k])))
		}
		if !(diff <= 5e-6*peak) || peak == 0 {
			t.Errorf("%s: folded differs by %g of a peak of %g", s.Name, diff, peak)
		}
	}
}

// stored gives weights as a checkpoint does.
type stored struct{ *program.Params }

func (s stored) Float32(name string, _ ...int) ([]float32, error) {
	v, _, err := s.Get(name)
	return v, err
}
