package spatial

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"math"
	"strconv"

	"github.com/ventral-lab/ventral/internal/cache"
	"github.com/ventral-lab/ventral/pkg/method/ratemap"
	"github.com/ventral-lab/ventral/pkg/method/stats"
	"github.com/ventral-lab/ventral/pkg/rig/record"
	"github.com/ventral-lab/ventral/pkg/rig/recording"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// Layer holds the rate maps and scores of every unit of one site.
type Layer struct {
	Site  string `json:"site"`
	Block int    `json:"block"`
	Bins  int    `json:"bins"`
	Units []Unit `json:"units"`
	// Maps are the mean activations by place, [unit, row, column], unconverted, empty bins filled from their nearest
	// neighbours; Filled counts those bins.
	Maps   []float32 `json:"maps"`
	Filled int       `json:"filled"`
}

// Map is the rate map of a unit, row by row from the top.
func (l Layer) Map(u int) []float64 {
	n := l.Bins * l.Bins
	out := make([]float64, n)
	for i := range out {
		out[i] = float64(l.Maps[u*n+i])
	}
	return out
}

// Unit is the scores of one unit. Scores that do not exist for a map are NaN.
type Unit struct {
	Info        Float `json:"info"` // Skaggs information of the converted rates, bits per sample
	InfoPerRate Float `json:"info_per_event"`
	InfoRaw     Float `json:"info_raw"` // the document's: signed activations, bits per event; see ratemap.RawInformation
	Grid        Float `json:"grid"`
	Border      Float `json:"border"`
	Sparsity    Float `json:"sparsity"`
	Selectivity Float `json:"selectivity"`
	Coherence   Float `json:"coherence"`
	Eta2        Float `json:"eta2"`  // share of the activation's variance that place explains; needs no conversion
	Place       Float `json:"place"` // Eta2 less its mean over permuted places: what few stimuli a bin explain by chance is gone
	P           Float `json:"p"`     // of Eta2, against permuted places
	Q           Float `json:"q"`     // Benjamini-Hochberg over all units of all layers
	PInfo       Float `json:"p_info"`
	QInfo       Float `json:"q_info"`
	Mean        Float `json:"mean"`
	SD          Float `json:"sd"`
}

// Float is a number that may be NaN, which JSON writes as null.
type Float float64

// MarshalJSON writes NaN and infinities as null.
func (f Float) MarshalJSON() ([]byte, error) {
	if v := float64(f); math.IsNaN(v) || math.IsInf(v, 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(f), 'g', -1, 64), nil
}

// UnmarshalJSON reads null as NaN.
func (f *Float) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*f = Float(math.NaN())
		return nil
	}
	v, err := strconv.ParseFloat(string(b), 64)
	*f = Float(v)
	return err
}

// Sites are where the study records: the attention output of every block of a transformer (the document's), the output of
// every block of a ResNet or cell of a NASNet, and of other networks the last feature map of every size, or every layer
// where there are no maps.
func (s *Study) Sites() []string { return append([]string(nil), s.anatomy.record...) }

// Ratemaps records Sites and scores every unit's map. What a unit of a site is, Options.Token says.
func (s *Study) Ratemaps(ctx context.Context) ([]Layer, error) {
	o := s.Options
	key := []any{version, s.identity, s.Backend.Kind, s.set.Spec(), s.Sites(), o.Token, o.Bins, o.Conversion, o.Shuffles, o.Seed, o.Batch}
	layers, _, err := cache.Do("spatial/ratemaps", key, func() ([]Layer, error) { return s.ratemaps(ctx) })
	return layers, err
}

// recordSites records the units of Sites; arrays are the recording's names of them, in that order.
func (s *Study) recordSites(ctx context.Context) (rec *recording.Recording, plan site.Plan, arrays []string, err error) {
	for _, name := range s.Sites() {
		red, _, err := s.unitsOf(name)
		if err != nil {
			return nil, plan, nil, err
		}
		plan, arrays = plan.Capture(name+red), append(arrays, name+red)
	}
	rec, err = record.Run(ctx, record.Config{Model: s.Model.Model, Stimuli: s.set, Plan: plan, Backend: s.Backend,
		Batch: s.Options.Batch, Progress: s.meter("recording "+s.Model.Name, s.set.Len())})
	return rec, plan, arrays, err
}

func (s *Study) ratemaps(ctx context.Context) ([]Layer, error) {
	o := s.Options
	rec, plan, arrays, err := s.recordSites(ctx)
	if err != nil {
		return nil, err
	}
	blank, err := s.blank(ctx, plan)
	if err != nil {
		return nil, err
	}
	grid := ratemap.Screen(o.Bins, o.Bins, 1, 1)
	clip01 := func(v []float64) []float64 {
		out := make([]float64, len(v))
		for i, x := range v {
			out[i] = min(max(x, 0), 1-1e-9)
		}
		return out
	}
	bins, err := grid.Bins(clip01(s.x), clip01(s.y))
	if err != nil {
		return nil, err
	}
	var layers []Layer
	meter := s.meter("scoring "+s.Model.Name, len(s.Sites()))
	for b, name := range s.Sites() {
		arr, err := rec.Array(arrays[b])
		if err != nil {
			return nil, err
		}
		values, err := arr.ReadAll()
		if err != nil {
			return nil, err
		}
		layer, err := s.score(values, blank[b], bins, grid)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		layer.Site, layer.Block = name, b
		layers = append(layers, *layer)
		meter.Add(1)
	}
	meter.Done()
	correct(layers)
	return layers, nil
}

// blank is every site's activation on a plain white picture.
func (s *Study) blank(ctx context.Context, plan site.Plan) ([][]float32, error) {
	return record.Once(ctx, s.Backend, s.Model.Model, plan, s.blankPicture(255))
}

// blankPicture is an empty frame of one grey level.
func (s *Study) blankPicture(level uint8) image.Image {
	im := image.NewRGBA(image.Rect(0, 0, s.set.Config().Frame, s.set.Config().Frame))
	for i := range im.Pix {
		im.Pix[i] = level
		if i%4 == 3 {
			im.Pix[i] = 255
		}
	}
	return im
}

// score makes the maps of one layer's units and everything that is said of them.
func (s *Study) score(values []float32, blank []float32, bins []int, grid ratemap.Grid) (*Layer, error) {
	o := s.Options
	n := s.set.Len()
	units := len(values) / n
	raw, err := ratemap.FromStimuli(values, n, units)
	if err != nil {
		return nil, err
	}
	rates, err := ratemap.Convert(raw, o.Conversion, blank)
	if err != nil {
		return nil, err
	}
	signed, err := ratemap.Maps(raw, bins, grid)
	if err != nil {
		return nil, err
	}
	converted, err := ratemap.Maps(rates, bins, grid)
	if err != nil {
		return nil, err
	}
	tuning, err := ratemap.Null(raw, bins, grid, ratemap.EtaSquared(), ratemap.NullOptions{Shuffles: o.Shuffles, Seed: o.Seed, Stream: "spatial/eta2"})
	if err != nil {
		return nil, err
	}
	info, err := ratemap.Null(rates, bins, grid, ratemap.BitsPerSample(), ratemap.NullOptions{Shuffles: o.Shuffles, Seed: o.Seed, Stream: "spatial/info"})
	if err != nil {
		return nil, err
	}
	filled := signed.FillNearest()
	l := &Layer{Bins: o.Bins, Units: make([]Unit, units)}
	for _, occ := range signed.Occupancy {
		if occ == 0 {
			l.Filled++
		}
	}
	smooth := filled.Smooth(1)
	grids := smooth.Scores(func(m ratemap.Map) float64 { return ratemap.GridScore(m).Score })
	borders := converted.FillNearest().Smooth(1).Scores(func(m ratemap.Map) float64 {
		return ratemap.BorderScore(m, ratemap.FindFields(m, 0.3, 9), ratemap.AllWalls).Score
	})
	for u := range l.Units {
		cm, sm := converted.Map(u), signed.Map(u)
		sk := ratemap.Skaggs(cm)
		act := raw.Unit(u)
		l.Units[u] = Unit{
			Info: Float(sk.BitsPerSample), InfoPerRate: Float(sk.BitsPerEvent), InfoRaw: Float(ratemap.RawInformation(sm).BitsPerEvent),
			Grid: Float(grids[u]), Border: Float(borders[u]), Sparsity: Float(ratemap.Sparsity(cm)),
			Selectivity: Float(ratemap.Selectivity(cm)), Coherence: Float(ratemap.Coherence(filled.Map(u))),
			Eta2: Float(tuning.Observed[u]), Place: Float(tuning.Excess[u]), P: Float(tuning.P[u]), PInfo: Float(info.P[u]),
			Mean: Float(stats.Mean(act)), SD: Float(stats.SD(act)),
		}
	}
	for _, v := range filled.Rate {
		l.Maps = append(l.Maps, float32(v))
	}
	return l, nil
}

// correct fills the q values over all units of all layers.
func correct(layers []Layer) {
	var p, pi []float64
	for _, l := range layers {
		for _, u := range l.Units {
			p, pi = append(p, float64(u.P)), append(pi, float64(u.PInfo))
		}
	}
	q, qi := stats.QValues(p), stats.QValues(pi)
	i := 0
	for _, l := range layers {
		for u := range l.Units {
			l.Units[u].Q, l.Units[u].QInfo = Float(q[i]), Float(qi[i])
			i++
		}
	}
}

// Tuned is the share of a layer's units whose q value is below alpha, with its interval.
func (l Layer) Tuned(alpha float64) stats.Interval {
	n := 0
	for _, u := range l.Units {
		if float64(u.Q) < alpha {
			n++
		}
	}
	return stats.Wilson(n, len(l.Units), 0.95)
}

// Score returns one score of every unit by name: info, info_raw, grid, border, sparsity, selectivity, coherence, eta2 or
// place.
func (l Layer) Score(name string) ([]float64, error) {
	get, ok := map[string]func(Unit) Float{
		"info": func(u Unit) Float { return u.Info }, "info_raw": func(u Unit) Float { return u.InfoRaw },
		"grid": func(u Unit) Float { return u.Grid }, "border": func(u Unit) Float { return u.Border },
		"sparsity": func(u Unit) Float { return u.Sparsity }, "selectivity": func(u Unit) Float { return u.Selectivity },
		"coherence": func(u Unit) Float { return u.Coherence }, "eta2": func(u Unit) Float { return u.Eta2 },
		"place": func(u Unit) Float { return u.Place },
	}[name]
	if !ok {
		return nil, fmt.Errorf("spatial: no score %q: want info, info_raw, grid, border, sparsity, selectivity, coherence, eta2 or place", name)
	}
	out := make([]float64, len(l.Units))
	for i, u := range l.Units {
		out[i] = float64(get(u))
	}
	return out, nil
}

// composite is the mean picture of the stimuli as an image, for the stimulus figure.
func composite(mean []float64, w, h int) image.Image {
	lo, hi := mean[0], mean[0]
	for _, v := range mean {
		lo, hi = min(lo, v), max(hi, v)
	}
	im := image.NewGray(image.Rect(0, 0, w, h))
	for i, v := range mean {
		g := 255.0
		if hi > lo {
			g = 255 * (v - lo) / (hi - lo)
		}
		im.SetGray(i%w, i/w, color.Gray{Y: uint8(math.Round(g))})
	}
	return im
}
