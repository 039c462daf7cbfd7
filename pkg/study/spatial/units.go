package spatial

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ventral-lab/ventral/pkg/method/ratemap"
	"github.com/ventral-lab/ventral/pkg/rig/record"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// UnitOptions says which units a table has and how they are scored. The zero value of every field is the default that is
// named. Budget, Disk and Dir do not change a number.
type UnitOptions struct {
	Sites  []string // globs over the sites of the image tower; every site that has a channel axis
	Tokens string   // of sites with tokens: "class" (default), "mean", "token=I", "patches" (all but the class token) or "all"
	Places string   // of feature maps: "all" (default: every position of a channel is a unit), "mean" or "max" over positions

	Bins int // on a side of a map; those of the study
	// Conversion is one of ratemap.Conversions, or "baseline" (default), "relu" or "z": then every unit is taken as an on-
	// or an off-cell, by which half of its activations (relative to a blank picture, to 0, to the mean) has the larger
	// sum of squares. Places have no part in the choice, so that it cannot make a test pass.
	Conversion string
	Shuffles   int // permutations of places for eta squared and information; 1000

	// Surrogates is the number of smoothness-matched maps that grid and border scores are compared with at most; 199. A
	// unit stops when Stop (5) of them have reached its score; every unit gets Least (19), over which the distribution of
	// the largest score of all units is made. See ratemap.SurrogateOptions.
	Surrogates, Stop, Least int

	Splits       int // of split-half reliability; 20
	SizeBins     int // on a side of the maps for small, middle and large stimuli; 8
	SizeShuffles int // permutations of sizes; 99
	FieldBins    int // on a side of the maps that receptive fields are fitted to; 14
	FieldFolds   int // of their cross-validation over stimuli; 3
	NoFields     bool
	// FieldAlpha is the largest p of eta squared of a unit that is fitted; .05. The others have NaN.
	FieldAlpha float64

	Budget int64  // bytes for activations, maps and work space of the scoring; 512 MiB
	Disk   int64  // bytes of activations recorded at a time; 8 GiB. More sites than that are recorded in turns
	Dir    string // where to keep what is finished; "" = the cache, under a hash of everything that changes a number
	Seed   uint64 // 0 = the study's
}

func (o UnitOptions) filled(s Options) UnitOptions {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	if o.Tokens == "" {
		o.Tokens = "class"
	}
	if o.Places == "" {
		o.Places = "all"
	}
	if o.Conversion == "" {
		o.Conversion = "baseline"
	}
	if o.FieldAlpha == 0 {
		o.FieldAlpha = .05
	}
	if o.Budget == 0 {
		o.Budget = 512 << 20
	}
	if o.Disk == 0 {
		o.Disk = 8 << 30
	}
	if o.Seed == 0 {
		o.Seed = s.Seed
	}
	def(&o.Bins, s.Bins)
	def(&o.Bins, 28)
	def(&o.Shuffles, 1000)
	def(&o.Surrogates, 199)
	def(&o.Stop, 5)
	def(&o.Least, 19)
	def(&o.Splits, 20)
	def(&o.SizeBins, 8)
	def(&o.SizeShuffles, 99)
	def(&o.FieldBins, 14)
	def(&o.FieldFolds, 3)
	return o
}

// check says what is wrong with options that are filled.
func (o UnitOptions) check() error {
	for _, n := range []struct {
		name  string
		v, lo int
	}{{"bins", o.Bins, 1}, {"shuffles", o.Shuffles, 1}, {"surrogates", o.Surrogates, 1}, {"stop", o.Stop, 1}, {"least", o.Least, 1}, {"splits", o.Splits, 1},
		{"size bins", o.SizeBins, 1}, {"size shuffles", o.SizeShuffles, 1}, {"field bins", o.FieldBins, 1}, {"field folds", o.FieldFolds, 2}} {
		if n.v < n.lo {
			return fmt.Errorf("spatial: units: %d %s: want at least %d", n.v, n.name, n.lo)
		}
	}
	if o.Bins > maxUnitBins || o.SizeBins > maxUnitBins || o.FieldBins > maxUnitBins {
		return fmt.Errorf("spatial: units: maps of %d bins a side: want at most %d", max(o.Bins, o.SizeBins, o.FieldBins), maxUnitBins)
	}
	if !(o.FieldAlpha > 0 && o.FieldAlpha <= 1) {
		return fmt.Errorf("spatial: units: receptive fields of units with p up to %g: want a number above 0, at most 1", o.FieldAlpha)
	}
	if _, _, ok := halves(o.Conversion); !ok && !slices.Contains(ratemap.Conversions(), ratemap.Conversion(o.Conversion)) {
		return fmt.Errorf("spatial: units: no conversion %q: want baseline, relu, z or one of %v", o.Conversion, ratemap.Conversions())
	}
	if o.Budget < 0 || o.Disk < 0 {
		return errors.New("spatial: units: a budget below 0")
	}
	return nil
}

// maxUnitBins keeps a map, of which several are held for every unit of a block, within half a MiB.
const maxUnitBins = 256

// halves are the two conversions that a unit is an on-cell or an off-cell under.
func halves(conversion string) (on, off ratemap.Conversion, ok bool) {
	switch conversion {
	case "baseline":
		return ratemap.BaselineOn, ratemap.BaselineOff, true
	case "relu":
		return ratemap.ReLU, ratemap.Off, true
	case "z":
		return ratemap.ZOn, ratemap.ZOff, true
	}
	return "", "", false
}

// capture is one array of a recording whose values are units.
type capture struct {
	site      string
	reduction string // "" or what stands behind the colon
	axes      []site.Axis
	shape     []int
	firstTok  int // number of the first token in the site
}

func (c capture) name() string {
	if c.reduction == "" {
		return c.site
	}
	return c.site + ":" + c.reduction
}

func (c capture) units() int {
	n := 1
	for _, d := range c.shape {
		n *= d
	}
	return n
}

// place is where unit u of the capture is: its token, row, column and channel, -1 for what it has not.
func (c capture) place(u int) (token, y, x, channel int) {
	token, y, x, channel = -1, -1, -1, -1
	for k := len(c.shape) - 1; k >= 0; k-- {
		at := u % c.shape[k]
		u /= c.shape[k]
		switch c.axes[k] {
		case site.Token:
			token = at + c.firstTok
		case site.Y:
			y = at
		case site.X:
			x = at
		case site.Channel:
			channel = at
		}
	}
	if token < 0 && strings.HasPrefix(c.reduction, "token=") || c.reduction == "class" {
		token = c.firstTok
	}
	return token, y, x, channel
}

// captures finds the sites that o chooses among those of a network, and what to record of each.
func (o UnitOptions) captures(sites []site.Info) ([]capture, error) {
	chosen := sites
	if len(o.Sites) > 0 {
		in := map[string]bool{}
		for _, glob := range o.Sites {
			got, err := site.Match(glob, sites)
			if err != nil {
				return nil, fmt.Errorf("spatial: units: %w", err)
			}
			for _, s := range got {
				if !slices.Contains(s.Axes, site.Channel) {
					if !strings.ContainsAny(glob, "*{") {
						return nil, fmt.Errorf("spatial: units: %s has axes %v and no channels, so it has no units", s.Name, s.Axes)
					}
					continue
				}
				in[s.Name] = true
			}
		}
		chosen = slices.DeleteFunc(slices.Clone(sites), func(s site.Info) bool { return !in[s.Name] })
	}
	var out []capture
	var plan site.Plan
	for _, s := range chosen {
		c := capture{site: s.Name}
		switch {
		case !slices.Contains(s.Axes, site.Channel):
			continue
		case slices.Contains(s.Axes, site.Token):
			switch t := o.Tokens; {
			case t == "class", t == "mean":
				c.reduction = t
			case strings.HasPrefix(t, "token="):
				if _, err := fmt.Sscanf(t, "token=%d", &c.firstTok); err != nil {
					return nil, fmt.Errorf("spatial: units: token %q: want token=I", t)
				}
				c.reduction = t
			case t == "patches":
				c.reduction, c.firstTok = "tokens=1:", 1
			case t != "all":
				return nil, fmt.Errorf("spatial: units: tokens %q: want class, mean, token=I, patches or all", t)
			}
		case slices.Contains(s.Axes, site.Y):
			switch o.Places {
			case "mean", "max":
				c.reduction = o.Places
			case "all":
			default:
				return nil, fmt.Errorf("spatial: units: places %q: want all, mean or max", o.Places)
			}
		}
		plan = plan.Capture(c.name())
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, errors.New("spatial: units: no site chosen has channels; ventral models sites NAME lists them with their axes")
	}
	bound, err := plan.Check(sites)
	if err != nil {
		return nil, fmt.Errorf("spatial: units: %w", err)
	}
	for k, b := range bound.Outputs {
		out[k].axes, out[k].shape = b.Axes, b.Shape
	}
	return out, nil
}

// groups cuts captures into runs of sites whose activations fit on the disk together; one that does not fit alone is an
// error.
func (o UnitOptions) groups(captures []capture, stimuli int) ([][]capture, error) {
	var out [][]capture
	var held int64
	for _, c := range captures {
		size := 4 * int64(c.units()) * int64(stimuli)
		if size > o.Disk {
			return nil, fmt.Errorf("spatial: units: %s of %d stimuli takes %s on disk, more than the %s allowed: choose fewer tokens, or reduce its positions", c.name(), stimuli, record.Bytes(size), record.Bytes(o.Disk))
		}
		if len(out) == 0 || held+size > o.Disk {
			out, held = append(out, nil), 0
		}
		out[len(out)-1] = append(out[len(out)-1], c)
		held += size
	}
	return out, nil
}

// unitBlock is how many units are scored together and kept in one file: enough that reading and permuting are shared,
// few enough that a killed run loses seconds. It is fixed, so that a run can go on under another budget.
const unitBlock = 512

// blockBytes bounds what scoring one block takes beside the activations as recorded: three more copies of those and two
// in float64 a thread (of 64 units), and a dozen maps a unit.
func (o UnitOptions) blockBytes(stimuli int) int64 {
	maps := int64(o.Bins*o.Bins)*8*12 + int64(o.FieldBins*o.FieldBins)*8*4 + int64(o.SizeBins*o.SizeBins)*8*6
	return unitBlock*(int64(stimuli)*12+maps) + workThreads*64*int64(stimuli)*16 + permutationBytes(o, stimuli)
}

// permutationBytes is what the permutations of places, which are made once for all units of a block, take.
func permutationBytes(o UnitOptions, stimuli int) int64 {
	return int64(min(o.Shuffles*stimuli, 1<<24))*4 + int64(o.SizeShuffles+o.Splits)*int64(stimuli)*16
}

// workThreads is the number of threads that the budget counts with; each further one takes the work space of 64 units.
const workThreads = 4

// slab is the number of units whose activations are held at once: whole blocks, within the budget.
func (o UnitOptions) slab(stimuli int) (int, error) {
	rest := o.Budget - o.blockBytes(stimuli)
	blocks := rest / (unitBlock * int64(stimuli) * 4)
	if blocks < 1 {
		need := o.blockBytes(stimuli) + unitBlock*int64(stimuli)*4
		return 0, fmt.Errorf("spatial: units: a budget of %s is too small to score %d units at a time on %d stimuli: give at least %s", record.Bytes(o.Budget), unitBlock, stimuli, record.Bytes(need))
	}
	return int(min(blocks, math.MaxInt32/unitBlock)) * unitBlock, nil
}
