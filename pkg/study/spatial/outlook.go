package spatial

import (
	"context"
	"fmt"
	"image"
	"math"
	"slices"

	"github.com/ventral-lab/ventral/internal/cache"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/decode"
	"github.com/ventral-lab/ventral/pkg/method/ratemap"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// OutlookOptions are those of the questions that the document leaves open: BorderAccount, Development, and the table of units
// that Run makes for its verdicts. The zero value of every field is the default that is named.
type OutlookOptions struct {
	Seeds      int     // untrained networks; 3
	Shuffles   int     // permutations of places for every test of a survey; 199
	Surrogates int     // smooth maps that grid and border scores are compared with at most; 99
	Stages     []Stage // networks of Development; nil = StagesOf the study's
}

func (o OutlookOptions) filled() OutlookOptions {
	for _, d := range []struct {
		v *int
		n int
	}{{&o.Seeds, 3}, {&o.Shuffles, 199}, {&o.Surrogates, 99}} {
		if *d.v == 0 {
			*d.v = d.n
		}
	}
	return o
}

// SiteSurvey is what the units of one site know of a stimulus's place, and how much that looks like a border cell's map.
// Intervals are over units, or over stimuli for what is decoded; units of one network are not independent of one another,
// so they say what other stimuli or other units would give, and nothing of another training.
type SiteSurvey struct {
	Site  string         `json:"site"`
	Block int            `json:"block"`
	Units int            `json:"units"`
	Tuned stats.Interval `json:"tuned"` // share of units with q <= .05 of eta squared, over all units of all sites of the network
	Place Estimate       `json:"place"` // median eta squared less its mean under permuted places
	// Borders is how border-like the maps look: as they are, and with the visible area taken out of the responses.
	Borders []BorderLook `json:"borders"`
	X       Bounds       `json:"x"` // R2 of the stimulus's place decoded from all units together, on held-out stimuli
	Y       Bounds       `json:"y"`
}

// Decoded is the mean R2 of x and y. Its limits are the means of theirs, which is too wide where errors of x and y are
// independent, and never too narrow.
func (s SiteSurvey) Decoded() Bounds {
	return Bounds{(s.X.Estimate + s.Y.Estimate) / 2, (s.X.Low + s.Y.Low) / 2, (s.X.High + s.Y.High) / 2}
}

// The controls of a BorderLook: what is taken out of the responses before they are binned.
const (
	Uncontrolled = "nothing"
	AreaControl  = "visible area"         // the visible share of the disc and its visible area, by straight lines
	CurveControl = "visible area, curved" // the same with their squares and product
)

// BorderLook says how border-like the maps of some units look under one control. Nearness is the correlation of a map with
// nearness to a wall; its sign is dropped, for a unit may as well fall silent at the border as respond there.
type BorderLook struct {
	Control string `json:"control"`
	// Like is the share of units whose |nearness| is above that of 95 % of permutations of the places (p <= .05,
	// uncorrected): .05 where there is nothing.
	Like     stats.Interval `json:"like"`
	Nearness Estimate       `json:"nearness"` // mean |nearness|
	Chance   Float          `json:"chance"`   // its mean under permuted places
	// Score is the mean border score of what is above the mean in the smoothed map, and ScoreChance that under permuted places:
	// the score of maps without structure is not 0.
	Score       Estimate `json:"score"`
	ScoreChance Float    `json:"score_chance"`
	Taken       Float    `json:"taken"`   // mean share of the responses' variance that the control took
	Unit        Floats   `json:"unit"`    // |nearness| of every unit; NaN for those without a map
	Hit         []bool   `json:"hit"`     // p <= .05
	Example     int      `json:"example"` // the unit with the largest |nearness| when uncontrolled
	Map         Floats   `json:"map"`     // of it, under this control
}

// scoreShuffles is the number of permutations of places behind BorderLook.ScoreChance, a mean over units as well: few will do.
const scoreShuffles = 5

// survey is what a network's sites are surveyed for.
type survey struct {
	Shuffles int
	Decode   bool
	Seed     uint64
}

const surveyVersion = "survey 1"

// survey looks at the units of every site that the study records.
func (s *Study) survey(ctx context.Context, v survey) ([]SiteSurvey, error) {
	key := []any{surveyVersion, s.identity, s.Backend.Kind, s.set.Spec(), s.Sites(), s.Options.Token, s.Options.Bins, s.Options.Batch, v}
	out, _, err := cache.Do("spatial/survey", key, func() ([]SiteSurvey, error) {
		rec, _, arrays, err := s.recordSites(ctx)
		if err != nil {
			return nil, err
		}
		layout, err := s.layout()
		if err != nil {
			return nil, err
		}
		meter := s.meter("surveying "+s.Model.Name, len(arrays))
		var out []SiteSurvey
		var p [][]float64
		for b, name := range arrays {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			arr, err := rec.Array(name)
			if err != nil {
				return nil, err
			}
			values, err := arr.ReadAll()
			if err != nil {
				return nil, err
			}
			raw, err := ratemap.FromStimuli(values, s.set.Len(), len(values)/s.set.Len())
			if err != nil {
				return nil, err
			}
			one, tests, err := surveyed(raw, layout, s.Options.Bins, v)
			if err != nil {
				return nil, fmt.Errorf("spatial: survey of %s: %w", name, err)
			}
			one.Site, one.Block = s.Sites()[b], b
			out, p = append(out, *one), append(p, tests)
			meter.Add(1)
		}
		meter.Done()
		tunedOver(out, p)
		return out, nil
	})
	return out, err
}

// tunedOver fills Tuned from the p values of eta squared of all sites together.
func tunedOver(sites []SiteSurvey, p [][]float64) {
	q := stats.QValues(slices.Concat(p...))
	for i := range sites {
		n := 0
		for _, v := range q[:sites[i].Units] {
			if v <= .05 {
				n++
			}
		}
		sites[i].Tuned, q = stats.Wilson(n, sites[i].Units, .95), q[sites[i].Units:]
	}
}

// surveyed surveys the units of one site, and gives the p values of eta squared.
func surveyed(raw *ratemap.Responses, l Layout, side int, v survey) (*SiteSurvey, []float64, error) {
	grid := ratemap.Screen(side, side, l.Frame, l.Frame)
	bins, err := grid.Bins(l.X, l.Y)
	if err != nil {
		return nil, nil, err
	}
	null := ratemap.NullOptions{Shuffles: v.Shuffles, Seed: v.Seed, Stream: "spatial/survey/eta2"}
	tuning, err := ratemap.Null(raw, bins, grid, ratemap.EtaSquared(), null)
	if err != nil {
		return nil, nil, err
	}
	place := stats.Finite(tuning.Excess)
	out := &SiteSurvey{Units: raw.Units, Place: medianOf(place, v.Seed)}
	share, area, err := grid.VisibleDiscs(l.X, l.Y, l.Diameter)
	if err != nil {
		return nil, nil, err
	}
	product := func(a, b []float64) []float64 {
		c := make([]float64, len(a))
		for i := range c {
			c[i] = a[i] * b[i]
		}
		return c
	}
	scaled := make([]float64, len(area)) // so that squares and products are of one size
	for i, a := range area {
		scaled[i] = a / slices.Max(area)
	}
	for _, c := range []struct {
		name string
		out  [][]float64
	}{{Uncontrolled, nil}, {AreaControl, [][]float64{share, scaled}},
		{CurveControl, [][]float64{share, scaled, product(share, share), product(scaled, scaled), product(share, scaled)}}} {
		look, err := lookAt(raw, bins, grid, c.name, c.out, out.Borders, v)
		if err != nil {
			return nil, nil, err
		}
		out.Borders = append(out.Borders, *look)
	}
	nan := Float(math.NaN())
	out.X, out.Y = Bounds{nan, nan, nan}, Bounds{nan, nan, nan}
	if !v.Decode {
		return out, tuning.P, nil
	}
	responses := make([]float64, len(raw.Values))
	for i, x := range raw.Values {
		responses[i] = float64(x)
	}
	d, err := decode.Decode(responses, raw.Stimuli, raw.Units, decode.Targets{X: l.X, Y: l.Y}, decode.Options{Resamples: 500, Seed: v.Seed, Stream: "spatial/survey/decode"})
	if err != nil {
		return nil, nil, err
	}
	out.X, out.Y = bounds(d.X.Interval), bounds(d.Y.Interval)
	return out, tuning.P, nil
}

// lookAt makes one BorderLook; before holds the ones that were made, the uncontrolled first.
func lookAt(raw *ratemap.Responses, bins []int, grid ratemap.Grid, name string, regressors [][]float64, before []BorderLook, v survey) (*BorderLook, error) {
	look, left := &BorderLook{Control: name}, raw
	if len(regressors) > 0 {
		var taken []float64
		var err error
		if left, taken, err = ratemap.PartialResponses(raw, regressors...); err != nil {
			return nil, err
		}
		look.Taken = Float(stats.Mean(stats.Finite(taken)))
	}
	near := ratemap.OfMap("nearness to a wall", func(m ratemap.Map) float64 { return math.Abs(ratemap.Nearness(m)) })
	// The same permutations for every control, so that what differs is the control.
	test, err := ratemap.Null(left, bins, grid, near, ratemap.NullOptions{Shuffles: v.Shuffles, Seed: v.Seed, Stream: "spatial/survey/nearness"})
	if err != nil {
		return nil, err
	}
	maps, err := ratemap.Maps(left, bins, grid)
	if err != nil {
		return nil, err
	}
	filled := maps.FillNearest()
	border := ratemap.OfMap("border score", func(m ratemap.Map) float64 {
		b, _, err := ratemap.ControlledBorder(m.FillNearest().Smooth(smoothBins)) // with no regressor: what is above the mean
		if err != nil {
			return math.NaN()
		}
		return b.Score
	})
	scores, err := ratemap.Null(left, bins, grid, border, ratemap.NullOptions{Shuffles: scoreShuffles, Seed: v.Seed, Stream: "spatial/survey/score"})
	if err != nil {
		return nil, err
	}
	hits := 0
	for u, p := range test.P {
		look.Unit, look.Hit = append(look.Unit, Float(test.Observed[u])), append(look.Hit, p <= .05)
		if p <= .05 {
			hits++
		}
	}
	look.Like = stats.Wilson(hits, raw.Units, .95)
	look.Nearness = meanOf(stats.Finite(test.Observed), v.Seed, "spatial/survey/near/"+name)
	look.Chance = Float(stats.Mean(stats.Finite(test.Mean)))
	look.Score = meanOf(stats.Finite(scores.Observed), v.Seed, "spatial/survey/border/"+name)
	look.ScoreChance = Float(stats.Mean(stats.Finite(scores.Mean)))
	if len(before) > 0 {
		look.Example = before[0].Example
	} else {
		look.Example = ratemap.Top(test.Observed, 1)[0]
	}
	look.Map = floats(filled.Map(look.Example).Rate)
	return look, nil
}

// medianOf is the median with its 95 % bootstrap interval.
func medianOf(x []float64, seed uint64) Estimate {
	if len(x) == 0 {
		return missing()
	}
	return estimate(stats.Bootstrap(len(x), func(rows []int) float64 {
		v := make([]float64, len(rows))
		for i, r := range rows {
			v[i] = x[r]
		}
		return stats.Quantile(v, .5)
	}, stats.Options{Resamples: 500, Level: .95, Method: stats.Percentile, Seed: seed, Stream: "spatial/median"}))
}

// BorderAccount answers the document's question why the maps of untrained networks look border-like: with the same tests on
// the trained network, on untrained ones and on units that are no network at all, before and after what of the disc is
// visible was taken out of the responses.
type BorderAccount struct {
	Trained   []SiteSurvey   `json:"trained"`
	Untrained [][]SiteSurvey `json:"untrained"` // [seed][site]
	Seeds     []uint64       `json:"seeds"`
	// Dark are units that respond to the number of dark pixels of the picture, in either direction, with noise: no network.
	// Planted are border cells with as much noise, which a control must leave.
	Dark    SiteSurvey    `json:"dark"`
	Planted SiteSurvey    `json:"planted"`
	Groups  []BorderGroup `json:"groups"` // trained, untrained, dark area, planted
}

// BorderGroup pools the units of a group of networks.
type BorderGroup struct {
	Name    string       `json:"name"`
	Units   int          `json:"units"`
	Borders []BorderLook `json:"borders"` // without Unit, Hit, Example and Map
	// Dropped is the mean of |nearness| uncontrolled less that under the last control, paired by unit; Left what is still
	// above its mean under permuted places.
	Dropped Estimate `json:"dropped"`
	Left    Estimate `json:"left"`
}

// The groups of a BorderAccount.
const (
	Trained     = "trained"
	Untrained   = "untrained"
	DarkArea    = "dark area"
	BorderCells = "planted border cells"
)

// stimulusUnits is the number of units of Dark and of Planted.
const stimulusUnits = 128

// BorderAccount surveys the trained network, Options.Outlook.Seeds untrained ones, and units made of the pictures alone.
func (s *Study) BorderAccount(ctx context.Context) (*BorderAccount, error) {
	o := s.Options.Outlook.filled()
	v := survey{Shuffles: o.Shuffles, Decode: true, Seed: s.Options.Seed}
	a := &BorderAccount{}
	var err error
	if a.Trained, err = s.survey(ctx, v); err != nil {
		return nil, err
	}
	if a.Seeds, a.Untrained, err = eachUntrained(s, o.Seeds, func(u *Study) ([]SiteSurvey, error) { return u.survey(ctx, v) }); err != nil {
		return nil, err
	}
	v.Decode = false
	key := []any{surveyVersion, s.set.Spec(), s.Options.Bins, stimulusUnits, v}
	both, _, err := cache.Do("spatial/stimulus-units", key, func() ([]SiteSurvey, error) { return s.stimulusUnits(v) })
	if err != nil {
		return nil, err
	}
	a.Dark, a.Planted = both[0], both[1]
	a.Groups = []BorderGroup{pool(Trained, a.Trained, v.Seed), pool(Untrained, slices.Concat(a.Untrained...), v.Seed),
		pool(DarkArea, both[:1], v.Seed), pool(BorderCells, both[1:], v.Seed)}
	return a, nil
}

// stimulusUnits surveys units that are made of the pictures: signal, in either direction, and as much noise.
func (s *Study) stimulusUnits(v survey) ([]SiteSurvey, error) {
	layout, err := s.layout()
	if err != nil {
		return nil, err
	}
	dark := make([]float64, s.set.Len())
	if err := each(len(dark), func(i int) error {
		st, err := s.set.At(i)
		if err == nil {
			dark[i] = darkness(st.Image)
		}
		return err
	}); err != nil {
		return nil, err
	}
	wall := make([]float64, len(dark))
	for i := range wall {
		// A border cell of all walls: falls off with the distance of the disc's centre from the nearest one.
		d := min(layout.X[i], layout.Frame-layout.X[i], layout.Y[i], layout.Frame-layout.Y[i])
		wall[i] = math.Exp(-d / (layout.Frame / 16))
	}
	var out []SiteSurvey
	for k, signal := range [][]float64{dark, wall} {
		mean, sd := stats.Mean(signal), stats.SD(signal)
		draw := rng.New(v.Seed, "spatial/survey/stimulus", uint64(k))
		values := make([]float32, len(signal)*stimulusUnits)
		for u := range stimulusUnits {
			gain := 1 - 2*float64(u%2)
			for i, x := range signal {
				if sd > 0 {
					x = (x - mean) / sd
				}
				values[i*stimulusUnits+u] = float32(gain*x + draw.NormFloat64())
			}
		}
		raw, err := ratemap.FromStimuli(values, len(signal), stimulusUnits)
		if err != nil {
			return nil, err
		}
		one, p, err := surveyed(raw, layout, s.Options.Bins, v)
		if err != nil {
			return nil, err
		}
		sites := []SiteSurvey{*one}
		tunedOver(sites, [][]float64{p})
		sites[0].Site = []string{DarkArea, BorderCells}[k]
		out = append(out, sites[0])
	}
	return out, nil
}

// darkness is the sum of a picture's darkness over its pixels, a black one counting 1.
func darkness(im image.Image) float64 {
	sum := 0.0
	b := im.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, bl, _ := im.At(x, y).RGBA()
			sum += 1 - float64(r+g+bl)/(3*0xffff)
		}
	}
	return sum
}

// pool puts the units of all sites together.
func pool(name string, sites []SiteSurvey, seed uint64) BorderGroup {
	g := BorderGroup{Name: name}
	var all [][]float64 // [control][unit]
	for _, s := range sites {
		g.Units += s.Units
	}
	for c := range controls(sites) {
		look := BorderLook{Control: sites[0].Borders[c].Control}
		var near []float64
		hits := 0
		var chance, taken, score, none float64
		for _, s := range sites {
			b, w := s.Borders[c], float64(s.Units)/float64(g.Units)
			for u, v := range b.Unit {
				near = append(near, float64(v))
				if b.Hit[u] {
					hits++
				}
			}
			chance, taken, score = chance+w*float64(b.Chance), taken+w*float64(b.Taken), score+w*float64(b.Score.Mean)
			none += w * float64(b.ScoreChance)
		}
		nan := Float(math.NaN())
		look.Like, look.Chance, look.Taken, look.Score = stats.Wilson(hits, g.Units, .95), Float(chance), Float(taken), Estimate{Float(score), nan, nan}
		look.ScoreChance = Float(none)
		look.Nearness = meanOf(stats.Finite(near), seed, "spatial/pool/"+look.Control)
		g.Borders, all = append(g.Borders, look), append(all, near)
	}
	if len(all) > 0 {
		last := len(all) - 1
		var drop, left []float64
		for u, v := range all[last] {
			drop, left = append(drop, all[0][u]-v), append(left, v-float64(g.Borders[last].Chance))
		}
		g.Dropped, g.Left = meanOf(stats.Finite(drop), seed, "spatial/pool/drop"), meanOf(stats.Finite(left), seed, "spatial/pool/left")
	}
	return g
}

// controls is the number of controls that sites were looked at under.
func controls(sites []SiteSurvey) int {
	if len(sites) == 0 {
		return 0
	}
	return len(sites[0].Borders)
}
