package modeltest

import (
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// Case is a network to be tested. Config or Network has to be there; what is left out takes the value that is said.
type Case struct {
	// Network is what is tested: Config.Network(0, 0).
	Network models.Network
	// Config is the network's configuration. Without one, what only a configuration has is not checked: random weights,
	// aliases and other sizes.
	Config models.Config
	// Params are the weights: those of models.Random(Config, Seed), with noise on the tensors that start from a constant,
	// because many a residual branch starts from 0; or none where there is no Config.
	Params *models.Params
	// Others are further networks of the same configuration, such as a text tower: their sites count as targets of
	// aliases, and the weights they ask for as read.
	Others []models.Network
	// Dead are selectors of sites that the output does not depend on.
	Dead []string
	// Constant are selectors of sites whose values are the same for every picture.
	Constant []string
	// Moved are selectors of sites whose rows and columns are not in the order of the picture's, such as maps that were
	// rolled for shifted windows.
	Moved []string
	// Unread are weights of the configuration that no network asks for, and DeadWeights such as are asked for without
	// having a gradient.
	Unread, DeadWeights []string
	// Sizes are heights and widths of pictures that Config.Network takes beside its own, and Refused such that are errors.
	// Twice the own width and twice the own height are always tried, and may be either.
	Sizes, Refused [][2]int
	// Stimulus fills x, of Network.Input's shape, with stimulus i: standard normal noise.
	Stimulus func(i int, x []float32)
	// Backends are configurations for backend.Open: "go", and "xla" where its plugin is found.
	Backends []string
	Batch    int    // stimuli in a batch, at least 2: 3
	Seed     uint64 // of everything that is drawn
	// Rounding bounds the difference between two graphs of the network on one backend, as a share of the largest value
	// of a site: 0 on the Go backend and 3e-6 on XLA, which fuses differently.
	Rounding float64
	// Tolerance bounds the difference between backends and between batch sizes, likewise: 5e-5.
	Tolerance float64
	// Sweep is the largest number of sites that are edited, started from and compared with finite differences, spread
	// evenly: 48.
	Sweep int
}

// Result is the verdict of one check on one backend.
type Result struct {
	Check    string   `json:"check"`
	Backend  string   `json:"backend,omitempty"` // "" for what is checked without running anything
	Problems []string `json:"problems,omitempty"`
	Seconds  float64  `json:"seconds"`
}

// Site is what was found out about a site.
type Site struct {
	site.Info
	// Live is the share of the site's values that the output depends on, for noise: the share with a gradient.
	Live float64 `json:"live"`
	// Cut tells whether the whole network passes through the site: a plan may start from it without a picture.
	Cut bool `json:"cut"`
}

// Report is what Check found.
type Report struct {
	Results []Result `json:"results"`
	Sites   []Site   `json:"sites"`
	Notes   []string `json:"notes,omitempty"` // what was not checked, and why
}

// Failed lists the names of the checks that found problems, each once, in the order in which they are done.
func (r Report) Failed() []string {
	var names []string
	seen := map[string]bool{}
	for _, x := range r.Results {
		if len(x.Problems) > 0 && !seen[x.Check] {
			seen[x.Check] = true
			names = append(names, x.Check)
		}
	}
	return names
}

// String is a line for each check, and its problems below it.
func (r Report) String() string {
	var b strings.Builder
	for _, x := range r.Results {
		verdict := "ok"
		if n := len(x.Problems); n == 1 {
			verdict = "1 problem"
		} else if n > 1 {
			verdict = fmt.Sprintf("%d problems", n)
		}
		fmt.Fprintf(&b, "%-10s %-4s %s\n", x.Check, x.Backend, verdict)
		for _, p := range x.Problems {
			fmt.Fprintf(&b, "    %s\n", p)
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "%s\n", n)
	}
	return b.String()
}

// Run checks the network as a test: a subtest for each check on each backend.
func Run(t *testing.T, c Case) {
	t.Helper()
	report := Check(c)
	for _, r := range report.Results {
		name := r.Check
		if r.Backend != "" {
			name += "/" + r.Backend
		}
		t.Run(name, func(t *testing.T) {
			t.Logf("%.2f s", r.Seconds)
			for _, p := range r.Problems {
				t.Error(p)
			}
		})
	}
	for _, n := range report.Notes {
		t.Log(n)
	}
}

// maxProblems is how many problems of one check are told: the first few say what is wrong, a thousand would hide it.
const maxProblems = 8

// Check does all checks and returns what they found. A check that fails does not stop the others, except the first:
// nothing can be said about a network that does not build.
func Check(c Case) Report {
	k := &checker{c: c}
	if !k.do("trace", "", k.trace) {
		return k.report
	}
	k.do("sites", "", k.sameSites)
	if k.c.Config != nil {
		k.do("weights", "", k.weights)
		k.do("random", "", k.random)
		k.do("aliases", "", k.aliases)
		k.do("size", "", k.size)
	}
	k.do("around", "", k.around)
	var first *rig
	for _, config := range k.c.Backends {
		r, err := k.open(config, first == nil)
		if err != nil {
			k.add(Result{Check: "backends", Backend: config, Problems: []string{err.Error()}})
			continue
		}
		ok := k.do("axes", config, r.axes)
		for _, check := range []struct {
			name string
			f    func(problems)
			all  bool // on all backends
		}{{"finite", r.finite, true}, {"image", r.image, false}, {"captures", r.captures, false}, {"taps", r.taps, true}, {"batch", r.batches, true},
			{"edits", r.edits, true}, {"masks", r.masks, false}, {"start", r.start, true}, {"gradients", r.gradients, true}} {
			if ok && (check.all || r.first) {
				k.do(check.name, config, check.f)
			}
		}
		if ok && !r.first {
			k.do("backends", config, func(fail problems) { r.compare(fail, first) })
		}
		if ok && r.first {
			first = r
		}
		r.close()
	}
	return k.report
}

// problems takes what a check finds wrong.
type problems func(format string, args ...any)

// checker is a case being checked.
type checker struct {
	c      Case
	sites  []site.Info
	asked  map[string][]int // weights that the network asks for
	graph  *dependence
	report Report
}

func (k *checker) add(r Result) { k.report.Results = append(k.report.Results, r) }

// do runs a check; a panic in it is a problem too. It tells whether there was none.
func (k *checker) do(name, config string, check func(problems)) bool {
	r := Result{Check: name, Backend: config}
	start := time.Now()
	more := 0
	fail := func(format string, args ...any) {
		if len(r.Problems) == maxProblems {
			more++
			return
		}
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
	func() {
		defer func() {
			if e := recover(); e != nil {
				fail("panic: %v\n%s", e, debug.Stack())
			}
		}()
		check(fail)
	}()
	if more > 0 {
		r.Problems = append(r.Problems, fmt.Sprintf("and %d more", more))
	}
	r.Seconds = time.Since(start).Seconds()
	k.add(r)
	return len(r.Problems) == 0
}

// complete gives the fields that were left out their values.
func (k *checker) complete() error {
	c := &k.c
	if c.Config != nil {
		if err := c.Config.Validate(); err != nil {
			return err
		}
	}
	if c.Network == nil {
		if c.Config == nil {
			return fmt.Errorf("the case has neither a Network nor a Config")
		}
		n, err := c.Config.Network(0, 0)
		if err != nil {
			return err
		}
		c.Network = n
	}
	if c.Params == nil {
		c.Params = program.NewParams()
		if c.Config != nil {
			p, err := alive(c.Config, c.Seed)
			if err != nil {
				return err
			}
			c.Params = p
		}
	}
	if c.Stimulus == nil {
		c.Stimulus = func(i int, x []float32) {
			r := rng.New(c.Seed, fmt.Sprintf("modeltest/stimulus/%d", i))
			for j := range x {
				x[j] = float32(r.NormFloat64())
			}
		}
	}
	if len(c.Backends) == 0 {
		c.Backends = []string{"go"}
		if _, err := backend.Choose("xla"); err == nil {
			c.Backends = append(c.Backends, "xla")
		} else {
			k.report.Notes = append(k.report.Notes, fmt.Sprintf("not checked on XLA: %v", err))
		}
	}
	for _, f := range []struct {
		v       *int
		least   int
		regular int
	}{{&c.Batch, 2, 3}, {&c.Sweep, 1, 48}} {
		if *f.v == 0 {
			*f.v = f.regular
		}
		*f.v = max(*f.v, f.least)
	}
	if c.Tolerance == 0 {
		c.Tolerance = 5e-5
	}
	return nil
}

// alive draws the initial weights of a network and moves those that start from a constant.
func alive(c models.Config, seed uint64) (*models.Params, error) {
	p, err := models.Random(c, seed)
	if err != nil {
		return nil, err
	}
	for _, name := range p.Names() {
		v, dims, err := p.Get(name)
		if err != nil {
			return nil, err
		}
		if len(v) == 0 || slices.ContainsFunc(v, func(x float32) bool { return x != v[0] }) {
			continue
		}
		// Upwards, and running means downwards, so that more rectifiers open than close.
		size := 1 + math.Abs(float64(v[0]))
		if strings.HasSuffix(name, ".running_mean") {
			size = -size
		}
		r := rng.New(seed, stream("constant/", name))
		for i := range v {
			v[i] += float32(size * (0.05 + 0.3*r.Float64()))
		}
		if err := p.Set(name, v, dims...); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// rounding is the difference allowed between two graphs on a backend.
func (c *Case) rounding(be *backend.Backend) float64 {
	if c.Rounding == 0 && be.IsXLA() {
		return 3e-6
	}
	return c.Rounding
}

// matches tells for each site whether one of the selectors matches it. A selector that matches none is an error: the
// statement is about a site that is not there.
func (k *checker) matches(selectors []string) ([]bool, error) {
	on := map[string]bool{}
	for _, s := range selectors {
		m, err := site.Match(s, k.sites)
		if err != nil {
			return nil, err
		}
		for _, i := range m {
			on[i.Name] = true
		}
	}
	out := make([]bool, len(k.sites))
	for i, s := range k.sites {
		out[i] = on[s.Name]
	}
	return out, nil
}
