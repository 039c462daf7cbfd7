package spatial

import (
	"fmt"
	"math"
	"slices"

	"github.com/ventral-lab/ventral/pkg/method/ratemap"
	"github.com/ventral-lab/ventral/pkg/method/stats"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// The scores of a unit, in the order of the table. A score that a unit has not is NaN; p and q are then 1.
const (
	cMean = iota
	cSD
	cMin
	cMax
	cSign
	cEta2
	cPlace
	cPEta2
	cQEta2
	cInfo
	cInfoPerRate
	cInfoExcess
	cPInfo
	cQInfo
	cInfoRaw
	cSparsity
	cSelectivity
	cCoherence
	cHalf
	cReliability
	cGrid
	cGridSpacing
	cGridOrientation
	cPGrid
	cQGrid
	cGridDraws
	cBorder
	cPBorder
	cQBorder
	cBorderDraws
	cArea
	cBorderArea
	cPBorderArea
	cQBorderArea
	cBorderAreaDraws
	cNearness
	cNearnessArea
	cFields
	cFieldShare
	cSizeR
	cSizeExpected
	cPSize
	cQSize
	cRFX
	cRFY
	cRFSigma1
	cRFSigma2
	cRFTheta
	cRFAmplitude
	cRFR2
	cRFCV
	unitScores
)

// unitColumns names them in files.
var unitColumns = [unitScores]string{"mean", "sd", "min", "max", "sign", "eta2", "place", "p_eta2", "q_eta2", "info", "info_per_event",
	"info_excess", "p_info", "q_info", "info_raw", "sparsity", "selectivity", "coherence", "split_half", "reliability", "grid", "grid_spacing", "grid_orientation",
	"p_grid", "q_grid", "grid_draws", "border", "p_border", "q_border", "border_draws", "area_r2", "border_area", "p_border_area", "q_border_area",
	"border_area_draws", "nearness", "nearness_area", "fields", "field_share", "size_r", "size_expected", "p_size", "q_size", "rf_x", "rf_y", "rf_sigma1", "rf_sigma2",
	"rf_theta", "rf_amplitude", "rf_r2", "rf_cv"}

// unitTest is one test of the table: name, the columns of score, p and q, and whether the largest score over units is followed.
type unitTest struct {
	name        string
	score, p, q int
	max         bool
}

var unitTests = []unitTest{
	{"eta2", cEta2, cPEta2, cQEta2, true}, {"info", cInfo, cPInfo, cQInfo, true}, {"grid", cGrid, cPGrid, cQGrid, true}, {"border", cBorder, cPBorder, cQBorder, true},
	{"border_area", cBorderArea, cPBorderArea, cQBorderArea, true}, {"size", cSizeR, cPSize, cQSize, false},
}

// Layout says where and how large the stimuli were, in pixels of a square frame.
type Layout struct {
	X, Y, Diameter []float64
	Frame          float64
	Left           []bool // stimuli to leave out, such as those without a recorded value; nil = none
}

func (l Layout) check(stimuli int) error {
	if len(l.X) != stimuli || len(l.Y) != stimuli || len(l.Diameter) != stimuli || l.Left != nil && len(l.Left) != stimuli {
		return fmt.Errorf("spatial: units: %d stimuli, but %d x, %d y, %d diameters, %d marks: give one of each per stimulus", stimuli, len(l.X), len(l.Y), len(l.Diameter), len(l.Left))
	}
	if !(l.Frame > 0) || math.IsInf(l.Frame, 0) {
		return fmt.Errorf("spatial: units: a frame of %g pixels", l.Frame)
	}
	return nil
}

// unitScorer scores units block by block. What all blocks share is made once.
type unitScorer struct {
	o        UnitOptions
	stimuli  int
	diameter []float64
	screen   float64 // side of the frame

	grid, coarse, field        ratemap.Grid
	bins, coarseBins, fieldBin []int
	share, area                []float64 // of a disc visible, and its visible area, expected in every bin
}

// newUnitScorer prepares for stimuli at given places.
func newUnitScorer(l Layout, o UnitOptions) (*unitScorer, error) {
	n := len(l.X)
	if err := l.check(n); err != nil {
		return nil, err
	}
	sc := &unitScorer{o: o, stimuli: n, diameter: l.Diameter, screen: l.Frame}
	in := func(g ratemap.Grid) ([]int, error) {
		bins, err := g.Bins(l.X, l.Y)
		for i := range bins {
			if l.Left != nil && l.Left[i] {
				bins[i] = -1
			}
		}
		return bins, err
	}
	var err error
	for _, g := range []struct {
		side int
		grid *ratemap.Grid
		bins *[]int
	}{{o.Bins, &sc.grid, &sc.bins}, {o.SizeBins, &sc.coarse, &sc.coarseBins}, {o.FieldBins, &sc.field, &sc.fieldBin}} {
		*g.grid = ratemap.Screen(g.side, g.side, l.Frame, l.Frame)
		if *g.bins, err = in(*g.grid); err != nil {
			return nil, err
		}
	}
	low, high := math.Inf(1), math.Inf(-1)
	for i, d := range l.Diameter {
		if sc.bins[i] >= 0 {
			low, high = min(low, d), max(high, d)
		}
	}
	if !(low > 0) || math.IsInf(high, 0) {
		return nil, fmt.Errorf("spatial: units: diameters from %g to %g pixels: want positive ones, and a stimulus inside the frame", low, high)
	}
	sc.share, sc.area, err = sc.grid.VisibleMaps(low, high)
	return sc, err
}

// blockScores is what is known of a block of units.
type blockScores struct {
	score []float64   // [unit, unitScores]; q columns are NaN until the table is whole
	most  [][]float64 // [test with max] largest score over the units of the block, a number a draw
}

// score makes every score of the units of raw; blank is their response to a blank picture and first the number of the
// first one in the whole table, which picks its random stream.
func (sc *unitScorer) score(raw *ratemap.Responses, blank []float32, first int) (*blockScores, error) {
	o, n := sc.o, raw.Units
	out := &blockScores{score: make([]float64, n*unitScores)}
	for i := range out.score {
		out.score[i] = math.NaN()
	}
	put := func(u, c int, v float64) {
		if math.IsInf(v, 0) {
			v = math.NaN() // a unit whose score is infinite has none: it must not lead a ranking
		}
		out.score[u*unitScores+c] = v
	}
	rates, signs, err := sc.convert(raw, blank)
	if err != nil {
		return nil, err
	}
	signed, err := ratemap.Maps(raw, sc.bins, sc.grid)
	if err != nil {
		return nil, err
	}
	converted, err := ratemap.Maps(rates, sc.bins, sc.grid)
	if err != nil {
		return nil, err
	}
	for u := range n {
		act := stats.Finite(sc.counted(raw, u))
		put(u, cSign, signs[u])
		if len(act) == 0 {
			continue
		}
		put(u, cMean, stats.Mean(act))
		put(u, cSD, stats.SD(act))
		put(u, cMin, slices.Min(act))
		put(u, cMax, slices.Max(act))
	}
	tuning, err := ratemap.Null(raw, sc.bins, sc.grid, ratemap.EtaSquared(), ratemap.NullOptions{Shuffles: o.Shuffles, Seed: o.Seed, Stream: "spatial/units/eta2"})
	if err != nil {
		return nil, err
	}
	info, err := ratemap.Null(rates, sc.bins, sc.grid, ratemap.BitsPerSample(), ratemap.NullOptions{Shuffles: o.Shuffles, Seed: o.Seed, Stream: "spatial/units/info"})
	if err != nil {
		return nil, err
	}
	half, err := ratemap.SplitHalf(raw, sc.bins, sc.grid, ratemap.ReliabilityOptions{Splits: o.Splits, Smooth: smoothBins, Seed: o.Seed, Stream: "spatial/units/half"})
	if err != nil {
		return nil, err
	}
	sizes, err := ratemap.BySize(raw, sc.coarseBins, sc.coarse, sc.diameter, ratemap.SizeOptions{Shuffles: o.SizeShuffles, Seed: o.Seed, Stream: "spatial/units/size"})
	if err != nil {
		return nil, err
	}
	for u := range n {
		cm := converted.Map(u)
		sk := ratemap.Skaggs(cm)
		put(u, cEta2, tuning.Observed[u])
		put(u, cPlace, tuning.Excess[u])
		put(u, cPEta2, tuning.P[u])
		put(u, cInfo, sk.BitsPerSample)
		put(u, cInfoPerRate, sk.BitsPerEvent)
		put(u, cInfoExcess, info.Excess[u])
		put(u, cPInfo, info.P[u])
		put(u, cInfoRaw, ratemap.RawInformation(signed.Map(u)).BitsPerEvent)
		put(u, cSparsity, ratemap.Sparsity(cm))
		put(u, cSelectivity, ratemap.Selectivity(cm))
		put(u, cHalf, half.Half[u])
		put(u, cReliability, half.SpearmanBrown[u])
		put(u, cSizeR, sizes.Correlation[u])
		put(u, cSizeExpected, sizes.Expected[u])
		put(u, cPSize, sizes.PDiffer[u])
	}
	if out.most, err = sc.shapes(signed, converted, put, first); err != nil {
		return nil, err
	}
	out.most = append([][]float64{tuning.Max, info.Max}, out.most...)
	if !o.NoFields {
		err = sc.fields(raw, tuning.P, put)
	}
	return out, err
}

// smoothBins is the width of the Gaussian that maps are smoothed with before their shape is scored, in bins.
const smoothBins = 1

// shapes scores what is seen in smoothed maps: lattices in the signed map, borders and fields in that of the rates.
func (sc *unitScorer) shapes(signed, converted *ratemap.Set, put func(u, c int, v float64), first int) (most [][]float64, err error) {
	o := sc.o
	options := func(kind ratemap.Surrogate, stream string) ratemap.SurrogateOptions {
		return ratemap.SurrogateOptions{Kind: kind, Maps: o.Surrogates, Stop: o.Stop, Least: o.Least, First: first, Seed: o.Seed, Stream: "spatial/units/" + stream}
	}
	keep := func(r *ratemap.NullResult, err error, cScore, cP, cDraws int) error {
		if err != nil {
			return err
		}
		for u := range r.P {
			put(u, cScore, r.Observed[u])
			put(u, cP, r.P[u])
			put(u, cDraws, float64(r.Draws[u]))
		}
		most = append(most, r.Max)
		return nil
	}
	filled := signed.FillNearest()
	smooth := filled.Smooth(smoothBins)
	rates := converted.FillNearest().Smooth(smoothBins)
	residual := &ratemap.Set{Grid: sc.grid, Units: converted.Units, Rate: make([]float64, len(converted.Rate)), Occupancy: converted.Occupancy,
		Conversion: converted.Conversion, Fill: converted.Fill}
	bad := make([]error, converted.Units)
	converted.Each(func(u int, m ratemap.Map) {
		p, err := ratemap.PartialMap(m, sc.share, sc.area)
		if bad[u] = err; err != nil {
			return
		}
		copy(residual.Map(u).Rate, p.Map.Rate)
		put(u, cArea, p.R2)
		put(u, cNearness, ratemap.Nearness(m))
		put(u, cNearnessArea, ratemap.Nearness(p.Map))
		put(u, cCoherence, ratemap.Coherence(filled.Map(u)))
		g := ratemap.GridScore(smooth.Map(u))
		put(u, cGridSpacing, g.Spacing)
		put(u, cGridOrientation, g.Orientation)
		f := ratemap.FindFields(rates.Map(u), ratemap.BorderShare, ratemap.BorderBins)
		bins := 0
		for _, field := range f.Field {
			bins += field.Bins
		}
		if !math.IsNaN(m.Rate[0]) || slices.ContainsFunc(m.Rate, func(v float64) bool { return !math.IsNaN(v) }) {
			put(u, cFields, float64(len(f.Field)))
			put(u, cFieldShare, float64(bins)/float64(len(m.Rate)))
		}
	})
	for _, err := range bad {
		if err != nil {
			return nil, err
		}
	}
	r, err := smooth.GridNull(options(ratemap.IsotropicField, "grid"))
	if err := keep(r, err, cGrid, cPGrid, cGridDraws); err != nil {
		return nil, err
	}
	// Surrogates are made of the maps before they are smoothed, and smoothed like them: smoothing leaves more variance at
	// the walls, where it has fewer bins to average, and surrogates of smooth maps would not.
	border := func(m ratemap.Map) float64 {
		m = m.Smooth(smoothBins)
		return ratemap.BorderScore(m, ratemap.FindFields(m, ratemap.BorderShare, ratemap.BorderBins), ratemap.AllWalls).Score
	}
	r, err = converted.FillNearest().SurrogateNull("border", border, options(ratemap.PhaseRandomised, "border"))
	if err := keep(r, err, cBorder, cPBorder, cBorderDraws); err != nil {
		return nil, err
	}
	r, err = residual.FillNearest().SurrogateNull("border beyond visible area", border, options(ratemap.PhaseRandomised, "border_area"))
	return most, keep(r, err, cBorderArea, cPBorderArea, cBorderAreaDraws)
}

// counted is the responses of a unit to the stimuli that count.
func (sc *unitScorer) counted(r *ratemap.Responses, u int) []float64 {
	var out []float64
	for i, b := range sc.bins {
		if b >= 0 {
			out = append(out, float64(r.Values[i*r.Units+u]))
		}
	}
	return out
}

// convert turns activations into rates, each unit under the conversion that its own activations choose. sign is 1 for
// on, -1 for off, NaN where the conversion has no halves or the unit has no activations.
func (sc *unitScorer) convert(raw *ratemap.Responses, blank []float32) (*ratemap.Responses, []float64, error) {
	sign := make([]float64, raw.Units)
	for u := range sign {
		sign[u] = math.NaN()
	}
	on, off, split := halves(sc.o.Conversion)
	if !split {
		r, err := ratemap.Convert(raw, ratemap.Conversion(sc.o.Conversion), blank)
		return r, sign, err
	}
	a, err := ratemap.Convert(raw, on, blank)
	if err != nil {
		return nil, nil, err
	}
	b, err := ratemap.Convert(raw, off, blank)
	if err != nil {
		return nil, nil, err
	}
	up, down := make([]float64, raw.Units), make([]float64, raw.Units)
	for i, bin := range sc.bins {
		if bin < 0 {
			continue
		}
		for u := range up {
			x, y := float64(a.Values[i*raw.Units+u]), float64(b.Values[i*raw.Units+u])
			up[u] += x * x
			down[u] += y * y
		}
	}
	for u := range sign {
		switch {
		case math.IsNaN(up[u] + down[u]):
		case up[u] >= down[u]:
			sign[u] = 1
		default:
			sign[u] = -1
			for i := range raw.Stimuli {
				a.Values[i*raw.Units+u] = b.Values[i*raw.Units+u]
			}
		}
	}
	a.Conversion = ratemap.Conversion(sc.o.Conversion)
	return a, sign, nil
}

// ScoreUnits makes the table of activations that came from elsewhere, such as neurons: raw holds them [stimulus, unit],
// blank the response of every unit to no stimulus (nil = 0), and l where the stimuli were. The numbers are those that
// Study.Units gives for the same activations. Units are rows without a site's coordinates, of a site called "responses".
func ScoreUnits(raw *ratemap.Responses, blank []float32, l Layout, o UnitOptions) (*UnitTable, error) {
	o = o.filled(Options{})
	if err := o.check(); err != nil {
		return nil, err
	}
	if raw == nil || raw.Stimuli != len(l.X) || raw.Units < 1 || len(raw.Values) != raw.Stimuli*raw.Units {
		return nil, fmt.Errorf("spatial: units: want activations [stimulus, unit] of the %d stimuli", len(l.X))
	}
	if blank == nil {
		blank = make([]float32, raw.Units)
	}
	if len(blank) != raw.Units {
		return nil, fmt.Errorf("spatial: units: %d responses to a blank for %d units", len(blank), raw.Units)
	}
	sc, err := newUnitScorer(l, o)
	if err != nil {
		return nil, err
	}
	var blocks []*blockScores
	for at := 0; at < raw.Units; at += unitBlock {
		w := min(unitBlock, raw.Units-at)
		values := make([]float32, raw.Stimuli*w)
		for i := range raw.Stimuli {
			copy(values[i*w:(i+1)*w], raw.Values[i*raw.Units+at:])
		}
		part, err := ratemap.FromStimuli(values, raw.Stimuli, w)
		if err != nil {
			return nil, err
		}
		b, err := sc.score(part, blank[at:at+w], at)
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, b)
	}
	return newUnitTable([]capture{{site: "responses", shape: []int{raw.Units}, axes: []site.Axis{""}}}, blocks, o), nil
}
