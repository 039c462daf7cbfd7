package modeltest_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/initial"
	"github.com/ventral-lab/ventral/models/modeltest"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// small is an honest network, a convolution, a residual branch and a readout, with places at which a test breaks it.
type small struct {
	h, w int

	tap     func(name string, x *Node, axes ...site.Axis) *Node // of the branch
	conv    func(x *Node) *Node                                 // after the convolution, [batch, y, x, channel]
	image   func(x *Node) *Node                                 // taps the convolution
	join    func(before, stem, branch *Node) *Node              // before is what the stem's tap was given
	out     func(x *Node) *Node
	weights func(p *models.Params, x *Node) // asks for more
	extra   func(x *Node)                   // taps more, on [batch, y, x, channel]
}

func (n small) Input() []int { return []int{3, n.h, n.w} }

func (n small) Forward(p *models.Params, x *Node) *Node {
	g := x.Graph()
	if n.weights != nil {
		n.weights(p, x)
	}
	x = TransposeAllAxes(x, 0, 2, 3, 1)
	x = ops.Conv(x, p.Node(g, "conv.weight", 5, 3, 3, 3), p.Node(g, "conv.bias", 5), 2, ops.Even(1))
	if n.conv != nil {
		x = n.conv(x)
	}
	before := x
	image := n.image
	if image == nil {
		image = func(x *Node) *Node { return site.TapImage("conv", x) }
	}
	x = image(x)
	if n.extra != nil {
		n.extra(x)
	}
	tap := n.tap
	if tap == nil {
		tap = site.Tap
	}
	d := x.Shape().Dimensions
	branch := Tanh(Reshape(x, d[0], d[1]*d[2], d[3]))
	branch = ops.Dense(branch, p.Node(g, "branch.weight", 5, 5), p.Node(g, "branch.bias", 5))
	branch = Reshape(tap("branch", branch, site.Token, site.Channel), d...)
	if n.join == nil {
		x = Add(x, branch)
	} else {
		x = n.join(before, x, branch)
	}
	x = ReduceMean(Square(site.TapImage("sum", x)), 1, 2)
	x = site.Tap("head", ops.Dense(x, p.Node(g, "head.weight", 4, 5), p.Node(g, "head.bias", 4)), site.Channel)
	if n.out != nil {
		x = n.out(x)
	}
	return x
}

// config is the configuration of small.
type config struct {
	small   small
	shapes  func(s map[string][]int)
	law     func(name string) initial.Law
	aliases []models.Alias
	network func(h, w int) (models.Network, error)
}

func (c config) Family() string  { return "small" }
func (c config) Validate() error { return nil }
func (c config) Shapes() map[string][]int {
	s := map[string][]int{"conv.weight": {5, 3, 3, 3}, "conv.bias": {5}, "branch.weight": {5, 5}, "branch.bias": {5}, "head.weight": {4, 5}, "head.bias": {4}}
	if c.shapes != nil {
		c.shapes(s)
	}
	return s
}
func (c config) Law(name string, _ []int) initial.Law {
	if c.law != nil {
		return c.law(name)
	}
	return initial.Law{Normal: 0.3}
}
func (c config) Network(h, w int) (models.Network, error) {
	if c.network != nil {
		return c.network(h, w)
	}
	if h == 0 && w == 0 {
		h, w = 12, 12
	}
	if h < 3 || w < 3 {
		return nil, errors.New("too small")
	}
	n := c.small
	n.h, n.w = h, w
	return n, nil
}
func (c config) Aliases() []models.Alias {
	return append([]models.Alias{{Site: "conv", Library: "other", Name: "stem"}}, c.aliases...)
}

// TestHonest is the other half of the tests below: what they break is right to begin with, on all backends.
func TestHonest(t *testing.T) {
	modeltest.Run(t, modeltest.Case{Config: config{}})
	report := modeltest.Check(modeltest.Case{Config: config{}, Backends: []string{"go"}})
	var cuts []string
	for _, s := range report.Sites {
		if s.Cut {
			cuts = append(cuts, s.Name)
		}
		if s.Live != 1 {
			t.Errorf("%s: %v of the values have a gradient, want all", s.Name, s.Live)
		}
	}
	if want := []string{"conv", "sum", "head"}; !slices.Equal(cuts, want) {
		t.Errorf("the whole network passes through %v, want %v", cuts, want)
	}
}

// TestBroken breaks one rule after the other. The check of the rule has to say so.
func TestBroken(t *testing.T) {
	builds := 0
	for _, test := range []struct {
		name  string
		check string // that has to fail
		says  string // in its problems
		broke func(c *config, k *modeltest.Case)
	}{
		{"graph does not build", "trace", "no such luck", func(c *config, _ *modeltest.Case) {
			c.small.out = func(*Node) *Node { panic(errors.New("no such luck")) }
		}},
		{"site tapped twice", "trace", "tapped twice", func(c *config, _ *modeltest.Case) {
			c.small.out = func(x *Node) *Node { return site.Tap("head", x, site.Channel) }
		}},
		{"name that selectors cannot spell", "trace", "cannot spell", func(c *config, _ *modeltest.Case) {
			c.small.out = func(x *Node) *Node { return site.Tap("head:0", x, site.Channel) }
		}},
		{"unknown axis", "trace", "none of", func(c *config, _ *modeltest.Case) {
			c.small.out = func(x *Node) *Node { return site.Tap("out", x, "depth") }
		}},
		{"axis stated twice", "trace", "two axes", func(c *config, _ *modeltest.Case) {
			c.small.image = func(x *Node) *Node { return site.Tap("conv", x, site.Y, site.Y, site.Channel) }
		}},
		{"site of integers", "trace", "Int32", func(c *config, _ *modeltest.Case) {
			c.small.extra = func(x *Node) { site.Tap("argmax", ArgMax(x, -1, dtypes.Int32), site.Y, site.X) }
		}},
		{"statement about no site", "trace", "not there", func(_ *config, k *modeltest.Case) { k.Dead = []string{"nowhere"} }},

		{"sites depend on the batch", "sites", "for a batch of 3", func(c *config, _ *modeltest.Case) {
			c.small.tap = func(name string, x *Node, axes ...site.Axis) *Node {
				if x.Shape().Dimensions[0] > 1 {
					name += "s"
				}
				return site.Tap(name, x, axes...)
			}
		}},
		{"one more site while training", "sites", "while training", func(c *config, _ *modeltest.Case) {
			c.small.weights = func(p *models.Params, x *Node) {
				if p.Training() {
					site.TapImage("noise", x)
				}
			}
		}},
		{"site lost with weights", "sites", "with weights", func(c *config, _ *modeltest.Case) {
			loaded := false
			c.small.weights = func(p *models.Params, _ *Node) { loaded = p.Has("head.bias") }
			c.small.tap = func(name string, x *Node, axes ...site.Axis) *Node {
				if loaded {
					return x
				}
				return site.Tap(name, x, axes...)
			}
		}},
		{"stimulus not the first axis", "sites", "want the 1 stimuli", func(c *config, _ *modeltest.Case) {
			c.small.tap = func(name string, x *Node, axes ...site.Axis) *Node {
				return TransposeAllAxes(site.Tap(name, TransposeAllAxes(x, 1, 0, 2), axes...), 1, 0, 2)
			}
		}},
		{"stimulus not the first axis", "axes", "values for 3 stimuli", func(c *config, _ *modeltest.Case) {
			c.small.tap = func(name string, x *Node, axes ...site.Axis) *Node {
				return TransposeAllAxes(site.Tap(name, TransposeAllAxes(x, 1, 0, 2), axes...), 1, 0, 2)
			}
		}},
		{"output without the stimuli", "sites", "output has shape", func(c *config, _ *modeltest.Case) {
			c.small.out = func(x *Node) *Node { return ReduceMean(x, 0) }
		}},

		{"weight that is not listed", "weights", "does not list", func(c *config, _ *modeltest.Case) {
			c.shapes = func(s map[string][]int) { delete(s, "head.bias") }
		}},
		{"weight of another shape", "weights", "Config.Shapes says [5 6]", func(c *config, _ *modeltest.Case) {
			c.shapes = func(s map[string][]int) { s["branch.weight"] = []int{5, 6} }
		}},
		{"weight that nobody reads", "weights", "does not ask", func(c *config, _ *modeltest.Case) {
			c.shapes = func(s map[string][]int) { s["spare"] = []int{2} }
		}},
		{"read weight stated to be unread", "weights", "Forward asks for it", func(_ *config, k *modeltest.Case) { k.Unread = []string{"head.bias"} }},

		{"weights that are not drawn", "random", "draws nothing", func(c *config, _ *modeltest.Case) {
			c.law = func(string) initial.Law { return initial.Law{Constant: 0.1} }
		}},
		{"infinite weight", "random", "+Inf", func(c *config, _ *modeltest.Case) {
			c.law = func(string) initial.Law { return initial.Law{Uniform: math.Inf(1)} }
		}},
		{"law with a memory", "random", "same seed", func(c *config, _ *modeltest.Case) {
			calls := 0.0
			c.law = func(string) initial.Law { calls++; return initial.Law{Normal: calls} }
		}},

		{"alias of no site", "aliases", "no site", func(c *config, _ *modeltest.Case) {
			c.aliases = []models.Alias{{Site: "cone", Library: "other", Name: "x"}}
		}},
		{"alias of two sites", "aliases", "both conv and sum", func(c *config, _ *modeltest.Case) {
			c.aliases = []models.Alias{{Site: "sum", Library: "other", Name: "stem"}}
		}},
		{"alias that is a site", "aliases", "another site", func(c *config, _ *modeltest.Case) {
			c.aliases = []models.Alias{{Site: "sum", Library: "other", Name: "head"}}
		}},

		{"rows and columns exchanged", "size", "not in the order stated", func(c *config, _ *modeltest.Case) { c.small.image = exchanged }},
		{"channels taken for rows", "size", "not in the order stated", func(c *config, _ *modeltest.Case) {
			c.small.image = func(x *Node) *Node { return site.Tap("conv", x, site.Channel, site.Y, site.X) }
		}},
		{"any size is taken", "size", "Network(-1, 12) is no error", func(c *config, _ *modeltest.Case) {
			c.network = func(h, w int) (models.Network, error) {
				n := c.small
				n.h, n.w = 12, 12
				return n, nil
			}
		}},
		{"another size is not followed", "size", "wants an input of", func(c *config, _ *modeltest.Case) {
			c.network = func(h, w int) (models.Network, error) {
				n := c.small
				n.h, n.w = 12, 12
				return n, nil
			}
		}},
		{"refused size that has to work", "size", "too small", func(_ *config, k *modeltest.Case) { k.Sizes = [][2]int{{2, 2}} }},

		{"residual path around a tap", "around", "site conv is also read by Add", func(c *config, _ *modeltest.Case) {
			c.small.join = func(before, _, branch *Node) *Node { return Add(before, branch) }
		}},
		{"value of a tap not used", "around", "site branch is also read by Reshape", func(c *config, _ *modeltest.Case) {
			c.small.tap = func(name string, x *Node, axes ...site.Axis) *Node { site.Tap(name, x, axes...); return x }
		}},

		{"infinite value", "finite", "Inf", func(c *config, _ *modeltest.Case) {
			c.small.conv = func(x *Node) *Node { return Div(x, ZerosLike(x)) }
		}},
		{"value that no picture changes", "finite", "same for all stimuli", func(c *config, _ *modeltest.Case) {
			c.small.extra = func(x *Node) { site.TapImage("position", OnesLike(x)) }
		}},
		{"changing value stated to be constant", "finite", "differs between stimuli", func(_ *config, k *modeltest.Case) { k.Constant = []string{"sum"} }},

		{"rows and columns exchanged", "image", "wrong order", func(c *config, _ *modeltest.Case) { c.small.image = exchanged }},
		{"map upside down", "image", "upside down", func(c *config, _ *modeltest.Case) {
			c.small.image = func(x *Node) *Node { return Reverse(site.TapImage("conv", Reverse(x, 1)), 1) }
		}},

		{"values drawn anew in every graph", "captures", "captured value of site conv", func(c *config, _ *modeltest.Case) {
			c.small.conv = func(x *Node) *Node { builds++; return AddScalar(x, float64(builds)) }
		}},
		{"output drawn anew in every graph", "taps", "changes the output", func(c *config, _ *modeltest.Case) {
			c.small.out = func(x *Node) *Node { builds++; return AddScalar(x, float64(builds)) }
		}},

		{"statistics of the batch", "batch", "beside other stimuli", func(c *config, _ *modeltest.Case) { c.small.conv = centred }},
		{"place in the batch", "batch", "in reverse order", func(c *config, _ *modeltest.Case) {
			c.small.conv = func(x *Node) *Node { return Add(x, Iota(x.Graph(), x.Shape(), 0)) }
		}},
		{"statistics of the batch", "masks", "for the others", func(c *config, _ *modeltest.Case) {
			c.small.out = centred
		}},

		{"edit without effect", "edits", "does not change what comes after it", func(c *config, _ *modeltest.Case) {
			c.small.tap = func(name string, x *Node, axes ...site.Axis) *Node { site.Tap(name, x, axes...); return x }
		}},
		{"dead branch not stated", "edits", "does not change what comes after it", func(c *config, _ *modeltest.Case) { c.small.join = deadBranch }},
		{"live site stated to be dead", "edits", "stated to be dead", func(_ *config, k *modeltest.Case) { k.Dead = []string{"sum"} }},
		{"neutral edit that is not", "edits", "times 1 plus 0", func(c *config, _ *modeltest.Case) {
			c.small.tap = func(name string, x *Node, axes ...site.Axis) *Node {
				if y := site.Tap(name, x, axes...); y != x {
					return AddScalar(y, 1)
				}
				return x
			}
		}},
		{"start that is not gone on from", "start", "starting at site sum gives another output", func(c *config, _ *modeltest.Case) {
			c.small.join = func(_, stem, branch *Node) *Node {
				if branch.Type() != NodeTypeReshape || branch.Inputs()[0].Type() == NodeTypeParameter {
					return stem
				}
				return Add(stem, branch)
			}
			c.small.out = func(x *Node) *Node {
				for _, n := range x.Graph().Nodes() {
					if n.Type() == NodeTypeParameter && n.Shape().Equal(shapeOfSum) {
						return AddScalar(x, 1)
					}
				}
				return x
			}
		}},

		{"gradient stopped", "gradients", "no gradient reaches site conv", func(c *config, _ *modeltest.Case) {
			c.small.join = func(_, stem, branch *Node) *Node { return StopGradient(Add(stem, branch)) }
		}},
		{"gradient stopped before a weight", "gradients", "no gradient reaches weight conv.weight", func(c *config, _ *modeltest.Case) { c.small.conv = StopGradient }},
		{"gradient of twice the size", "gradients", "site branch differs", func(c *config, _ *modeltest.Case) {
			c.small.out = func(x *Node) *Node { return x }
			c.small.join = func(_, stem, branch *Node) *Node {
				return Add(stem, IdentityWithCustomGradient(branch, func(_, v *Node) *Node { return MulScalar(v, 2) }))
			}
		}},
		{"gradient that is no number", "gradients", "NaN", func(c *config, _ *modeltest.Case) {
			c.small.join = func(_, stem, branch *Node) *Node {
				zero := Sub(branch, branch)
				return Add(Add(stem, branch), Sqrt(Square(zero)))
			}
		}},
		{"dead branch not stated", "gradients", "no gradient reaches site branch", func(c *config, _ *modeltest.Case) { c.small.join = deadBranch }},
		{"live weight stated to be dead", "gradients", "weight head.bias is stated to be dead", func(_ *config, k *modeltest.Case) { k.DeadWeights = []string{"head.bias"} }},

		{"backends that differ", "backends", "site conv on", func(c *config, k *modeltest.Case) {
			k.Backends = []string{"go", "go:parallelism=1"}
			var p *models.Params
			seen := map[compute.Backend]bool{}
			c.small.weights = func(with *models.Params, _ *Node) { p = with }
			c.small.conv = func(x *Node) *Node {
				if p.Has("head.bias") && x.Shape().Dimensions[0] == 3 {
					seen[x.Graph().Backend()] = true
				}
				return MulScalar(x, float64(max(len(seen), 1)))
			}
		}},
		{"backend that is not there", "backends", "unknown", func(_ *config, k *modeltest.Case) { k.Backends = []string{"abacus"} }},
	} {
		t.Run(test.check+"/"+test.name, func(t *testing.T) {
			builds = 0
			c := config{}
			k := modeltest.Case{Backends: []string{"go"}}
			test.broke(&c, &k)
			k.Config = c
			report := modeltest.Check(k)
			for _, r := range report.Results {
				if r.Check == test.check && strings.Contains(strings.Join(r.Problems, "\n"), test.says) {
					return
				}
			}
			t.Errorf("check %s does not say %q:\n%s", test.check, test.says, report)
		})
	}
}

// exchanged taps a map with rows for columns.
func exchanged(x *Node) *Node {
	x = site.Tap("conv", TransposeAllAxes(x, 0, 3, 2, 1), site.Channel, site.Y, site.X)
	return TransposeAllAxes(x, 0, 3, 2, 1)
}

// centred takes the mean of the batch off.
func centred(x *Node) *Node {
	return Sub(x, BroadcastToShape(ReduceAndKeep(x, ReduceMean, 0), x.Shape()))
}

func deadBranch(_, stem, _ *Node) *Node { return stem }

// TestStated is a network with a dead branch, a constant and a spare weight, all of them stated.
func TestStated(t *testing.T) {
	c := config{
		small:  small{join: deadBranch, extra: func(x *Node) { site.TapImage("position", OnesLike(x)) }},
		shapes: func(s map[string][]int) { s["spare"] = []int{2} },
	}
	modeltest.Run(t, modeltest.Case{Config: c, Backends: []string{"go"}, Dead: []string{"branch", "position"}, Constant: []string{"position"},
		Unread: []string{"spare"}, DeadWeights: []string{"branch.weight", "branch.bias"}})
}

// TestForeign is a network without a configuration.
func TestForeign(t *testing.T) {
	p, err := models.Random(config{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	modeltest.Run(t, modeltest.Case{Network: small{h: 10, w: 14}, Params: p, Backends: []string{"go"}})
	report := modeltest.Check(modeltest.Case{Network: small{h: 10, w: 14}, Backends: []string{"go"}})
	if !slices.Contains(report.Failed(), "axes") || !strings.Contains(report.String(), "missing") {
		t.Errorf("a network whose weights were not given:\n%s", report)
	}
	if r := modeltest.Check(modeltest.Case{}); !slices.Equal(r.Failed(), []string{"trace"}) {
		t.Errorf("an empty case:\n%s", r)
	}
}

// shapeOfSum is that of a batch of 3 at site sum, for pictures of 12 x 12.
var shapeOfSum = shapes.Make(dtypes.Float32, 3, 5, 6, 6)
