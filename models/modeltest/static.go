package modeltest

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// tapped is a site as it was tapped in one graph.
type tapped struct {
	site.Info
	batch int // the first dimension
	dtype dtypes.DType
}

// list builds a network for a batch and returns what it taps, in order, and its output's dimensions.
func list(n models.Network, p *program.Params, batch int) (taps []tapped, out []int, err error) {
	err = building(func(g *graph.Graph) {
		x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, append([]int{batch}, n.Input()...)...))
		infos, node := site.List(g, func() { out = n.Forward(p, x).Shape().Dimensions })
		for _, i := range infos {
			v := node(i.Name)
			taps = append(taps, tapped{i, v.Shape().Dimensions[0], v.DType()})
		}
	})
	return taps, out, err
}

// building calls f on a graph of the Go backend that is not run, and turns a panic into an error.
func building(f func(g *graph.Graph)) (err error) {
	be, err := backend.Open("go")
	if err != nil {
		return err
	}
	defer be.Finalize()
	g := graph.NewGraph(be.Backend, "modeltest")
	defer g.Finalize()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("building the network: %v", r)
		}
	}()
	f(g)
	return nil
}

// axes lists the axes that a site of a network may have.
var axes = []site.Axis{site.Token, site.Channel, site.Y, site.X, site.Head, site.Query, site.Key}

// generic are the names of axes that are none of these, or of which nobody knows what they are.
var generic = regexp.MustCompile(`^axis[1-9][0-9]*$`)

func (k *checker) trace(fail problems) {
	if err := k.complete(); err != nil {
		fail("%v", err)
		return
	}
	declared := program.Declare()
	taps, _, err := list(k.c.Network, declared, 1)
	if err != nil {
		fail("%v", err)
		return
	}
	k.asked = declared.Shapes()
	if len(taps) == 0 {
		fail("the network taps no site: call site.Tap for every value worth recording")
	}
	for _, t := range taps {
		k.sites = append(k.sites, t.Info)
		if t.Name == "" || strings.ContainsAny(t.Name, "*{}:, \t\n") {
			fail("site %q: selectors and captures cannot spell this name: leave out blanks, commas, colons, stars and braces", t.Name)
		}
		if i := slices.IndexFunc(t.Axes, func(a site.Axis) bool { return !slices.Contains(axes, a) && !generic.MatchString(string(a)) }); i >= 0 {
			fail("site %s: axis %q is none of %v, nor axis1, axis2, ..., for what is none of these", t.Name, t.Axes[i], axes)
		}
		for i, a := range t.Axes {
			if slices.Contains(t.Axes[:i], a) {
				fail("site %s: two axes are called %s", t.Name, a)
			}
		}
		if t.dtype != dtypes.Float32 {
			fail("site %s holds %s: recordings and edits are float32; convert it, or do not tap it", t.Name, t.dtype)
		}
	}
	for _, s := range [][]string{k.c.Dead, k.c.Constant, k.c.Moved} {
		if _, err := k.matches(s); err != nil {
			fail("the case states something about a site that is not there: %v", err)
		}
	}
	for _, s := range k.sites {
		k.report.Sites = append(k.report.Sites, Site{Info: s})
	}
}

func (k *checker) sameSites(fail problems) {
	training := program.Declare()
	training.SetTraining(true)
	weights, err := k.copies()
	if err != nil {
		fail("%v", err)
		return
	}
	for _, other := range []struct {
		what  string
		p     *program.Params
		batch int
	}{{"the second time", program.Declare(), 1}, {"with weights", weights, 1}, {fmt.Sprintf("for a batch of %d", k.c.Batch), program.Declare(), k.c.Batch},
		{"while training", training, k.c.Batch}} {
		taps, out, err := list(k.c.Network, other.p, other.batch)
		if err != nil {
			fail("%s: %v", other.what, err)
			continue
		}
		if len(out) == 0 || out[0] != other.batch {
			fail("%s: the output has shape %v, want the %d stimuli first", other.what, out, other.batch)
		}
		for i, s := range k.sites {
			if i >= len(taps) {
				fail("%s: site %s is not tapped", other.what, s.Name)
			} else if t := taps[i]; t.Name != s.Name || !slices.Equal(t.Axes, s.Axes) || !slices.Equal(t.Shape, s.Shape) {
				fail("%s: site %d is %s %v %v, and was %s %v %v", other.what, i, t.Name, t.Axes, t.Shape, s.Name, s.Axes, s.Shape)
			} else if t.batch != other.batch {
				fail("%s: the first axis of site %s is %d long, want the %d stimuli", other.what, s.Name, t.batch, other.batch)
			}
		}
		if len(taps) > len(k.sites) {
			fail("%s: there are %d sites, and were %d; the first new one is %s", other.what, len(taps), len(k.sites), taps[len(k.sites)].Name)
		}
	}
}

func (k *checker) weights(fail problems) {
	want := k.c.Config.Shapes()
	asked := maps.Clone(k.asked)
	for i, n := range k.c.Others {
		p := program.Declare()
		if _, _, err := list(n, p, 1); err != nil {
			fail("network %d of Others: %v", i, err)
		}
		maps.Copy(asked, p.Shapes())
	}
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		if dims, ok := want[name]; !ok {
			fail("Forward asks for weight %s %v, which Config.Shapes does not list", name, asked[name])
		} else if !slices.Equal(dims, asked[name]) {
			fail("Forward asks for weight %s %v, Config.Shapes says %v", name, asked[name], dims)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		stated := slices.Contains(k.c.Unread, name)
		if _, ok := asked[name]; !ok && !stated {
			fail("Config.Shapes lists weight %s %v, for which Forward does not ask", name, want[name])
		} else if ok && stated {
			fail("weight %s is stated to be unread, but Forward asks for it", name)
		}
	}
	for _, name := range k.c.Unread {
		if _, ok := want[name]; !ok {
			fail("weight %s is stated to be unread, but Config.Shapes does not list it", name)
		}
	}
}

func (k *checker) random(fail problems) {
	var draws [3]*program.Params
	for i, seed := range []uint64{k.c.Seed, k.c.Seed, k.c.Seed + 1} {
		p, err := models.Random(k.c.Config, seed)
		if err != nil {
			fail("seed %d: %v", seed, err)
			return
		}
		defer p.Close()
		draws[i] = p
	}
	differ := false
	for _, name := range slices.Sorted(maps.Keys(k.c.Config.Shapes())) {
		var v [3][]float32
		for i, p := range draws {
			data, _, err := p.Get(name)
			if err != nil {
				fail("%v", err)
				return
			}
			v[i] = data
		}
		if i := firstDifference(v[0], v[1]); i >= 0 {
			fail("weight %s: the same seed gives %v and %v at %d", name, v[0][i], v[1][i], i)
		}
		differ = differ || firstDifference(v[0], v[2]) >= 0
		for i, x := range v[0] {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				fail("weight %s is %v at %d", name, x, i)
				break
			}
		}
	}
	if !differ {
		fail("seeds %d and %d give the same weights: Config.Law draws nothing", k.c.Seed, k.c.Seed+1)
	}
}

func (k *checker) aliases(fail problems) {
	canonical := map[string]bool{}
	for _, s := range k.sites {
		canonical[s.Name] = true
	}
	for i, n := range k.c.Others {
		taps, _, err := list(n, program.Declare(), 1)
		if err != nil {
			fail("network %d of Others: %v", i, err)
		}
		for _, t := range taps {
			canonical[t.Name] = true
		}
	}
	type name struct{ library, name string }
	target := map[name]string{}
	for _, a := range k.c.Config.Aliases() {
		switch old, twice := target[name{a.Library, a.Name}]; {
		case a.Library == "" || a.Name == "":
			fail("an alias of %s has library %q and name %q: both are wanted", a.Site, a.Library, a.Name)
		case !canonical[a.Site]:
			fail("alias %s (%s) points to %s, which is no site", a.Name, a.Library, a.Site)
		case canonical[a.Name] && a.Name != a.Site:
			fail("alias %s (%s) of %s is the name of another site", a.Name, a.Library, a.Site)
		case twice && old != a.Site:
			fail("alias %s (%s) points to both %s and %s", a.Name, a.Library, old, a.Site)
		case twice:
			fail("alias %s (%s) of %s is listed twice", a.Name, a.Library, a.Site)
		}
		target[name{a.Library, a.Name}] = a.Site
	}
}

// size checks the network for other pictures.
func (k *checker) size(fail problems) {
	in := k.c.Network.Input()
	if len(in) != 3 {
		return // no picture: text has no height
	}
	h, w := in[1], in[2]
	for _, bad := range append([][2]int{{-1, w}, {h, -1}}, k.c.Refused...) {
		if _, err := k.c.Config.Network(bad[0], bad[1]); err == nil {
			fail("Network(%d, %d) is no error", bad[0], bad[1])
		}
	}
	own, err := k.c.Config.Network(0, 0)
	if err != nil {
		fail("Network(0, 0): %v", err)
	} else if i := own.Input(); len(i) != 3 || i[1] < 1 || i[2] < 1 {
		fail("Network(0, 0) wants an input of %v", i)
	}
	var base []tapped // of the configuration's network, which Case.Network may not be
	for i, s := range append([][2]int{{h, w}, {h, 2 * w}, {2 * h, w}}, k.c.Sizes...) {
		n, err := k.c.Config.Network(s[0], s[1])
		if err != nil {
			if i == 0 || i > 2 {
				fail("Network(%d, %d): %v", s[0], s[1], err)
			}
			continue
		}
		if got := n.Input(); len(got) != 3 || got[0] != in[0] || got[1] != s[0] || got[2] != s[1] {
			fail("Network(%d, %d) wants an input of %v", s[0], s[1], got)
			continue
		}
		taps, _, err := list(n, program.Declare(), 1)
		if err != nil {
			fail("Network(%d, %d): %v", s[0], s[1], err)
			continue
		}
		if i == 0 {
			base = taps
		} else if base != nil {
			sized(fail, base, taps, s, [2]int{h, w})
		}
	}
}

// sized compares the sites of a network for another size with those for its own.
func sized(fail problems, base, taps []tapped, size, own [2]int) {
	what := fmt.Sprintf("pictures of %dx%d", size[0], size[1])
	if len(taps) != len(base) {
		fail("%s: %d sites, want %d", what, len(taps), len(base))
		return
	}
	for i, t := range taps {
		s := base[i]
		if t.Name != s.Name || !slices.Equal(t.Axes, s.Axes) {
			fail("%s: site %d is %s %v, want %s %v", what, i, t.Name, t.Axes, s.Name, s.Axes)
			continue
		}
		for a, axis := range s.Axes {
			was, is := s.Shape[a], t.Shape[a]
			same, grown := false, 0
			switch axis {
			case site.Channel, site.Head:
				same = true
			case site.Y:
				same, grown = size[0] == own[0], sign(size[0]-own[0])
			case site.X:
				same, grown = size[1] == own[1], sign(size[1]-own[1])
			default:
				grown = sign(size[0]*size[1] - own[0]*own[1])
			}
			if same && is != was || !same && sign(is-was)*grown < 0 {
				fail("%s: axis %s of site %s is %d long, and %d for %dx%d: its axes are not in the order stated, or do not follow the picture",
					what, axis, s.Name, is, was, own[0], own[1])
			}
		}
	}
}

func sign(n int) int { return min(1, max(-1, n)) }

// firstDifference is the first index at which a and b differ, -1 for none. NaN equals NaN, and -0 equals 0.
func firstDifference(a, b []float32) int {
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	for i := range a {
		if a[i] != b[i] && (a[i] == a[i] || b[i] == b[i]) {
			return i
		}
	}
	return -1
}
