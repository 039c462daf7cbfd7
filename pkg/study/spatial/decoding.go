package spatial

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/ventral-lab/ventral/internal/cache"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/decode"
	"github.com/ventral-lab/ventral/pkg/method/stats"
	"github.com/ventral-lab/ventral/pkg/rig/record"
	"github.com/ventral-lab/ventral/pkg/rig/recording"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// DecodingOptions says what is decoded from which units. The zero value of every field is the default that is named.
type DecodingOptions struct {
	Sites  []string // globs; every site with channels
	Tokens string   // as in UnitOptions; "class"
	Places string   // as in UnitOptions; "all"

	Methods  []decode.Method // decode.Ridge and decode.KNN
	MaxUnits int             // of a site, drawn at random where it has more: ridge regression grows with their cube; 512
	Folds    int             // 5
	Shuffles int             // permutations of the stimuli for chance; 20
	Counts   []int           // sizes of population on the learning curve of the first method; 1, 4, 16, 64, 256, as far as there are units
	Subsets  int             // of each size; 3
	Pairs    int             // stimuli whose distances are compared with those on the screen; 500
	Seed     uint64          // 0 = the study's
}

func (o DecodingOptions) filled(s Options) DecodingOptions {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	if o.Methods == nil {
		o.Methods = []decode.Method{decode.Ridge, decode.KNN}
	}
	if o.Counts == nil {
		o.Counts = []int{1, 4, 16, 64, 256}
	}
	if o.Seed == 0 {
		o.Seed = s.Seed
	}
	def(&o.MaxUnits, 512)
	def(&o.Folds, 5)
	def(&o.Shuffles, 20)
	def(&o.Subsets, 3)
	def(&o.Pairs, 500)
	return o
}

// SiteDecoding is what the units of one site say together about a stimulus.
type SiteDecoding struct {
	Site      string         `json:"site"`
	Reduction string         `json:"reduction,omitempty"`
	Units     int            `json:"units"` // of the site
	Used      int            `json:"used"`  // with numbers for every stimulus, of those drawn
	Methods   []Decoded      `json:"methods"`
	Curve     []CurvePoint   `json:"curve"`
	Distance  DistanceRelate `json:"distance"`
}

// Decoded is one decoder's account of held-out stimuli. Errors are medians, in pixels of the frame.
type Decoded struct {
	Method      decode.Method `json:"method"`
	X           DecodedAxis   `json:"x"`
	Y           DecodedAxis   `json:"y"`
	Diameter    DecodedAxis   `json:"diameter"`
	Error       Bounds        `json:"error"`        // of the place
	ChanceError Float         `json:"chance_error"` // with stimuli permuted
	P           Float         `json:"p"`
}

// DecodedAxis is one number decoded.
type DecodedAxis struct {
	R2       Bounds `json:"r2"`
	Error    Float  `json:"error"`
	ChanceR2 Float  `json:"chance_r2"`
	P        Float  `json:"p"`
}

// Bounds is an estimate with its 95 % interval, any of which may be NaN.
type Bounds struct {
	Estimate Float `json:"estimate"`
	Low      Float `json:"low"`
	High     Float `json:"high"`
}

func bounds(i stats.Interval) Bounds { return Bounds{Float(i.Estimate), Float(i.Low), Float(i.High)} }

// CurvePoint is one size of population: means and standard deviations over random subsets.
type CurvePoint struct {
	Units      int   `json:"units"`
	Subsets    int   `json:"subsets"`
	Error      Float `json:"error"`
	ErrorSD    Float `json:"error_sd"`
	X          Float `json:"r2_x"`
	Y          Float `json:"r2_y"`
	Diameter   Float `json:"r2_diameter"`
	PlaceSD    Float `json:"r2_sd"` // the larger of those of x and y
	DiameterSD Float `json:"r2_diameter_sd"`
}

// DistanceRelate says how the distance between two stimuli's responses (1 - correlation over standardised units) goes
// with their distance on the screen.
type DistanceRelate struct {
	Spearman Float  `json:"spearman"`
	P        Float  `json:"p"`
	Slope    Float  `json:"slope"` // per pixel
	SlopeP   Float  `json:"slope_p"`
	Screen   Floats `json:"screen"`  // the curve: mean distances in bins with equally many pairs
	Between  Floats `json:"between"` // of responses
}

// Decoding reads place and diameter of the stimuli from the units of every site that o chooses: ridge regression and
// nearest neighbours on held-out stimuli, with chance by permutation, a learning curve over numbers of units, and
// representational against screen distance. Sites that were decoded before come from the cache.
func (s *Study) Decoding(ctx context.Context, o DecodingOptions) ([]SiteDecoding, error) {
	o = o.filled(s.Options)
	u := UnitOptions{Sites: o.Sites, Tokens: o.Tokens, Places: o.Places, Seed: o.Seed}.filled(s.Options)
	o.Tokens, o.Places = u.Tokens, u.Places
	sites, err := s.Model.Sites()
	if err != nil {
		return nil, fmt.Errorf("spatial: decoding: %w", err)
	}
	captures, err := u.captures(sites)
	if err != nil {
		return nil, err
	}
	groups, err := u.groups(captures, s.set.Len())
	if err != nil {
		return nil, err
	}
	layout, err := s.layout()
	if err != nil {
		return nil, err
	}
	meter := s.meter("decoding "+s.Model.Name, len(captures))
	var out []SiteDecoding
	for _, g := range groups {
		rec := &groupRecording{study: s, captures: g}
		for _, c := range g {
			if err := ctx.Err(); err != nil {
				return nil, rec.close(err)
			}
			key := []any{decodingVersion, s.identity, s.Backend.Kind, s.set.Spec(), c.name(), o.Methods, o.MaxUnits, o.Folds, o.Shuffles, o.Counts, o.Subsets, o.Pairs, o.Seed, s.Options.Batch}
			d, _, err := cache.Do("spatial/decoding", key, func() (SiteDecoding, error) {
				arr, err := rec.array(ctx, c)
				if err != nil {
					return SiteDecoding{}, err
				}
				return decodeSite(arr, c, layout, o)
			})
			if err != nil {
				return nil, rec.close(fmt.Errorf("spatial: decoding %s: %w", c.name(), err))
			}
			out = append(out, d)
			meter.Add(1)
		}
		if err := rec.close(nil); err != nil {
			return nil, err
		}
	}
	meter.Done()
	return out, nil
}

const decodingVersion = "decoding 1"

// groupRecording records some sites when the first of them is asked for, and deletes the recording in the end.
type groupRecording struct {
	study    *Study
	captures []capture
	rec      *recording.Recording
}

func (g *groupRecording) array(ctx context.Context, c capture) (*recording.Array, error) {
	if g.rec == nil {
		plan := site.Plan{}
		for _, c := range g.captures {
			plan = plan.Capture(c.name())
		}
		s := g.study
		config := record.Config{Model: s.Model.Model, Stimuli: s.set, Plan: plan, Backend: s.Backend, Batch: s.Options.Batch,
			Progress: s.meter("recording "+s.Model.Name, s.set.Len())}
		m, err := config.Manifest()
		if err != nil {
			return nil, err
		}
		dir, err := cache.Dir()
		if err != nil {
			return nil, err
		}
		config.Dir = filepath.Join(dir, "decoding", m.Hash())
		if g.rec, err = record.Run(ctx, config); err != nil {
			return nil, err
		}
	}
	return g.rec.Array(c.name())
}

func (g *groupRecording) close(err error) error {
	if g.rec == nil || err != nil {
		return err // kept, so that a later run need not record again
	}
	return os.RemoveAll(g.rec.Dir())
}

// decodeSite reads the units of one array, as many as may be used, and decodes.
func decodeSite(arr *recording.Array, c capture, l Layout, o DecodingOptions) (SiteDecoding, error) {
	n, units := len(l.X), c.units()
	chosen := make([]int, units)
	for u := range chosen {
		chosen[u] = u
	}
	if units > o.MaxUnits {
		rng.New(o.Seed, "spatial/decoding/units").Shuffle(units, func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
		chosen = chosen[:o.MaxUnits]
		slices.Sort(chosen)
	}
	responses := make([]float64, n*len(chosen))
	rows := max(1, readBytes/(4*units))
	var buf []float32
	for lo := 0; lo < n; lo += rows {
		hi := min(lo+rows, n)
		got, err := arr.Read(lo, hi, buf)
		if err != nil {
			return SiteDecoding{}, err
		}
		for i := range hi - lo {
			for k, u := range chosen {
				responses[(lo+i)*len(chosen)+k] = float64(got[i*units+u])
			}
		}
		buf = got
	}
	d, err := DecodeResponses(responses, len(chosen), l, o)
	d.Site, d.Reduction, d.Units = c.site, c.reduction, units
	return d, err
}

// DecodeResponses decodes place and diameter from responses [stimulus, unit], however they came about. Stimuli that the
// layout leaves out are left out. Where no unit can be used everything is NaN.
func DecodeResponses(responses []float64, units int, l Layout, o DecodingOptions) (SiteDecoding, error) {
	d := SiteDecoding{Units: units}
	if units < 1 || len(responses) != len(l.X)*units {
		return d, fmt.Errorf("spatial: decoding: %d responses are not %d stimuli of %d units", len(responses), len(l.X), units)
	}
	if err := l.check(len(l.X)); err != nil {
		return d, err
	}
	o = o.filled(Options{})
	var x, y, size, kept []float64
	for i := range l.X {
		if l.Left != nil && l.Left[i] {
			continue
		}
		x, y, size = append(x, l.X[i]), append(y, l.Y[i]), append(size, l.Diameter[i])
		kept = append(kept, responses[i*units:(i+1)*units]...)
	}
	n := len(x)
	targets := decode.Targets{X: x, Y: y, Diameter: size}
	var usable []int
	for k, m := range o.Methods {
		opt := decode.Options{Method: m, Folds: o.Folds, Shuffles: o.Shuffles, Seed: o.Seed, Stream: "spatial/decoding"}
		r, err := decode.Decode(kept, n, units, targets, opt)
		if err != nil {
			return d, err
		}
		d.Used = r.Units
		axis := func(s decode.Score) DecodedAxis {
			return DecodedAxis{R2: bounds(s.Interval), Error: Float(s.MedianError), ChanceR2: Float(s.ChanceR2), P: Float(s.P)}
		}
		d.Methods = append(d.Methods, Decoded{Method: m, X: axis(r.X), Y: axis(r.Y), Diameter: axis(*r.Diameter), Error: bounds(r.Interval), ChanceError: Float(r.Chance), P: Float(r.P)})
		if k > 0 {
			continue
		}
		for u := range units {
			if !slices.Contains(r.Left, u) {
				usable = append(usable, u)
			}
		}
	}
	if len(o.Methods) > 0 {
		if err := d.curve(kept, n, units, len(usable), targets, o); err != nil {
			return d, err
		}
	}
	g, err := decode.Geometry(kept, n, units, x, y, decode.GeometryOptions{Stimuli: o.Pairs, Seed: o.Seed, Stream: "spatial/decoding/distance"})
	if err != nil {
		return d, err
	}
	d.Distance = DistanceRelate{Spearman: Float(g.Spearman), P: Float(g.P), Slope: Float(g.Slope), SlopeP: Float(g.SlopeP), Screen: floats(g.Screen), Between: floats(g.Between)}
	return d, nil
}

func (d *SiteDecoding) curve(responses []float64, n, units, usable int, targets decode.Targets, o DecodingOptions) error {
	counts := slices.DeleteFunc(slices.Clone(o.Counts), func(c int) bool { return c < 1 || c > usable })
	if len(counts) == 0 {
		return nil
	}
	points, err := decode.Curve(responses, n, units, targets, counts, o.Subsets, decode.Options{Method: o.Methods[0], Folds: o.Folds, Seed: o.Seed, Stream: "spatial/decoding"})
	if err != nil {
		return err
	}
	for _, p := range points {
		d.Curve = append(d.Curve, CurvePoint{Units: p.Units, Subsets: p.Subsets, Error: Float(p.MedianError.Mean), ErrorSD: Float(p.MedianError.SD), X: Float(p.X.Mean), Y: Float(p.Y.Mean),
			PlaceSD: Float(max(p.X.SD, p.Y.SD)), Diameter: Float(p.Diameter.Mean), DiameterSD: Float(p.Diameter.SD)})
	}
	return nil
}

func floats(v []float64) Floats {
	out := make(Floats, len(v))
	for i, x := range v {
		out[i] = Float(x)
	}
	return out
}

// DecodingComparison is what is decoded from a trained model and from untrained ones.
type DecodingComparison struct {
	Trained   []SiteDecoding   `json:"trained"`
	Untrained [][]SiteDecoding `json:"untrained"` // [seed][site]
	Seeds     []uint64         `json:"seeds"`
}

// DecodingAgainstUntrained decodes from the model and from untrained ones, seeds as in UnitsAgainstUntrained.
func (s *Study) DecodingAgainstUntrained(ctx context.Context, o DecodingOptions, seeds int) (*DecodingComparison, error) {
	if seeds == 0 {
		seeds = UntrainedSeeds
	}
	c := &DecodingComparison{}
	var err error
	if c.Trained, err = s.Decoding(ctx, o); err != nil {
		return nil, err
	}
	c.Seeds, c.Untrained, err = eachUntrained(s, seeds, func(u *Study) ([]SiteDecoding, error) { return u.Decoding(ctx, o) })
	if err != nil {
		return nil, err
	}
	return c, nil
}
