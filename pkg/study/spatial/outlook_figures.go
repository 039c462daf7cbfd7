package spatial

import (
	"fmt"
	"math"
	"slices"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/figure"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// outlookFigures are the makers of the figures of what a result has beyond the document.
func (s *Study) outlookFigures(r *Result) []func() (*figure.Figure, error) {
	var makers []func() (*figure.Figure, error)
	if r.Border != nil {
		makers = append(makers, func() (*figure.Figure, error) { return s.BorderAccountFigure(r.Border) })
	}
	if r.Units != nil {
		for _, test := range []string{"eta2", "grid", "border", "border_area"} {
			if !r.Units.scored(test) {
				continue // maps too coarse for a grid score, say
			}
			makers = append(makers, func() (*figure.Figure, error) { return s.DistributionFigure(r.Units, test) })
		}
	}
	if r.Development != nil {
		makers = append(makers, func() (*figure.Figure, error) { return s.DevelopmentFigure(r.Development) })
	}
	return makers
}

// scored tells whether any unit has the score of a test.
func (c *UnitComparison) scored(test string) bool {
	for _, t := range unitTests {
		if t.name == test {
			return len(stats.Finite(c.Trained.score[t.score])) > 0
		}
	}
	return false
}

// BorderAccountFigure shows why untrained maps look border-like: an untrained unit's map beside that of dark area alone and
// of a planted border cell, before and after the control, and |nearness| to the walls of all units.
func (s *Study) BorderAccountFigure(a *BorderAccount) (*figure.Figure, error) {
	most := func(sites []SiteSurvey) SiteSurvey {
		return slices.MaxFunc(sites, func(x, y SiteSurvey) int {
			v := func(s SiteSurvey) float64 {
				if b := s.Borders[0]; b.Example < len(b.Unit) && !math.IsNaN(float64(b.Unit[b.Example])) {
					return float64(b.Unit[b.Example])
				}
				return -1
			}
			switch d := v(x) - v(y); {
			case d < 0:
				return -1
			case d > 0:
				return 1
			}
			return 0
		})
	}
	examples := []struct {
		name string
		at   SiteSurvey
	}{{Trained, most(a.Trained)}, {DarkArea, a.Dark}, {"planted", a.Planted}}
	if len(a.Untrained) > 0 {
		examples = slices.Insert(examples, 1, struct {
			name string
			at   SiteSurvey
		}{Untrained, most(slices.Concat(a.Untrained...))})
	}
	o := figure.HeatmapsOptions{Meta: figure.Meta{Name: "maps", Title: "the map most like a border's"}, NoColorBar: true}
	for _, e := range examples {
		o.ColLabels = append(o.ColLabels, e.name)
	}
	for c, b := range examples[0].at.Borders {
		if b.Control == AreaControl {
			continue // between the other two
		}
		var row []figure.Map
		for _, e := range examples {
			x := e.at.Borders[c]
			var v []float64
			for _, f := range x.Map {
				v = append(v, float64(f))
			}
			row = append(row, figure.Map{Values: v, Cols: s.Options.Bins, Title: fmt.Sprintf("|r| = %.2f", float64(x.Unit[x.Example]))})
		}
		o.Maps, o.RowLabels = append(o.Maps, row), append(o.RowLabels, "less "+b.Control)
	}
	o.RowLabels[0] = "as recorded"
	maps, err := figure.Heatmaps(o)
	if err != nil {
		return nil, err
	}
	boxes := figure.BoxesOptions{Meta: figure.Meta{Name: "nearness", Title: "how border-like"}, X: figure.Axis{}, Y: figure.Axis{Label: "|correlation with nearness to a wall|", Min: 0, Max: 1}, Legend: figure.LegendTop}
	shares := figure.BarsOptions{Meta: figure.Meta{Name: "share", Title: "units beyond permuted places"}, Y: figure.Axis{Label: "p <= .05 (%)", Min: 0, Max: 1, Percent: true}, References: []figure.Reference{{Value: .05, Label: "chance"}}, Legend: figure.LegendNone}
	chance := 0.0
	for _, g := range a.Groups {
		if g.Units == 0 {
			continue
		}
		name := g.Name
		if name == BorderCells {
			name = "planted"
		}
		for c, b := range g.Borders {
			boxes.Samples = append(boxes.Samples, figure.Sample{Group: name, Hue: hueOf(b.Control), Values: a.nearness(g.Name, c)})
			shares.Bars = append(shares.Bars, figure.Bar{Group: name, Hue: hueOf(b.Control), Value: b.Like.Estimate, Lo: b.Like.Low, Hi: b.Like.High})
			chance = max(chance, float64(b.Chance))
		}
	}
	boxes.References = []figure.Reference{{Value: chance, Label: "permuted places"}}
	near, err := figure.Boxes(boxes)
	if err != nil {
		return nil, err
	}
	bars, err := figure.Bars(shares)
	if err != nil {
		return nil, err
	}
	untrained, _ := a.group(Untrained)
	return figure.Compose(figure.ComposeOptions{Meta: s.meta("border_account", "",
		fmt.Sprintf("Why maps of untrained networks look border-like. Circles are cut off at the frame's border, so fewer of a picture's pixels are dark there. (a) The map with the largest |correlation| with nearness to a wall of the trained network, of %d untrained ones, of units that are dark area and noise without any network, and of planted border cells with as much noise: as recorded, and with the visible share of the disc and its visible area, their squares and product taken out of the responses by regression before binning. (b) |Correlation| of all units, also with share and area taken out by straight lines alone. Dashed: its mean under permuted places. (c) Share of units whose |correlation| exceeds that of 95 %% of permutations. In the untrained networks it falls by %s.", len(a.Seeds), untrained.Dropped), source),
		Rows: [][]*figure.Figure{{maps}, {near, bars}}, Weights: [][]float64{{1}, {1, 1}}})
}

// hueOf is a control in few words.
func hueOf(control string) string {
	switch control {
	case Uncontrolled:
		return "as recorded"
	case AreaControl:
		return "less area"
	}
	return "less area, curved"
}

// nearness is |nearness| of all units of a group under one control.
func (a *BorderAccount) nearness(group string, control int) []float64 {
	sites := map[string][]SiteSurvey{Trained: a.Trained, Untrained: slices.Concat(a.Untrained...), DarkArea: {a.Dark}, BorderCells: {a.Planted}}[group]
	var out []float64
	for _, s := range sites {
		for _, v := range s.Borders[control].Unit {
			if x := float64(v); !math.IsNaN(x) {
				out = append(out, x)
			}
		}
	}
	return out
}

// chanceCurves is the number of curves of chance behind those of p values: a range that one curve in twenty leaves.
const chanceCurves = 39

// DistributionFigure shows a test's score over the units of every site of a table, trained and untrained, beside the largest
// that chance gives, and how its p values are distributed: along the diagonal where chance alone is at work.
func (s *Study) DistributionFigure(c *UnitComparison, test string) (*figure.Figure, error) {
	k := slices.IndexFunc(unitTests, func(t unitTest) bool { return t.name == test })
	if k < 0 {
		return nil, fmt.Errorf("spatial: no test %q of units: there are eta2, info, grid, border, border_area and size", test)
	}
	columns := unitTests[k]
	label := map[string]string{"eta2": "variance by place (η²)", "info": "information (bits)", "grid": "grid score", "border": "border score",
		"border_area": "border score less area", "size": "correlation over sizes"}[test]
	violins := figure.ViolinsOptions{Meta: figure.Meta{Name: "scores", Title: label}, X: figure.Axis{Label: "block"}, Y: figure.Axis{Label: label}}
	curves := figure.ECDFOptions{Meta: figure.Meta{Name: "p", Title: "p values"}, X: figure.Axis{Label: "p", Min: 0, Max: 1}, Y: figure.Axis{Label: "share of units with at most this p", Min: 0, Max: 1}, Ordered: true, Legend: figure.LegendRight}
	tables := []*UnitTable{c.Trained}
	if len(c.Untrained) > 0 {
		tables = append(tables, c.Untrained[0])
	}
	for b, at := range c.Trained.Sites {
		for n, t := range tables {
			if v := stats.Finite(t.score[columns.score][at.First : at.First+at.Units]); len(v) > 0 {
				violins.Samples = append(violins.Samples, figure.Sample{Group: fmt.Sprint(b), Hue: []string{Trained, Untrained}[n], Values: v})
			}
		}
		curves.Samples = append(curves.Samples, figure.Sample{Group: "block " + fmt.Sprint(b), Values: c.Trained.score[columns.p][at.First : at.First+at.Units]})
	}
	// What as many independent tests of true nulls as the smallest site has units give: p is even from 0 to 1.
	fewest := slices.MinFunc(c.Trained.Sites, func(a, b UnitSite) int { return a.Units - b.Units }).Units
	for k := range chanceCurves {
		draw, even := rng.New(s.Options.Seed, "spatial/distribution", uint64(k)), make([]float64, fewest)
		for i := range even {
			even[i] = draw.Float64()
		}
		curves.Null = append(curves.Null, figure.Sample{Group: fmt.Sprint("chance ", k), Values: even})
	}
	curves.NullLabel = "chance"
	var most []float64
	for _, v := range c.Trained.Tests[k].Most {
		most = append(most, float64(v))
	}
	limit := ""
	if most = stats.Finite(most); len(most) > 0 {
		q := stats.Quantile(most, .5)
		violins.References = []figure.Reference{{Value: q}}
		limit = fmt.Sprintf(" Dashed: the largest score of all %d units in the median of %d draws of chance, %.3g.", c.Trained.Len(), len(most), q)
	}
	left, err := figure.Violins(violins)
	if err != nil {
		return nil, err
	}
	right, err := figure.ECDF(curves)
	if err != nil {
		return nil, err
	}
	return figure.Compose(figure.ComposeOptions{Meta: s.meta("distribution_"+test, "",
		fmt.Sprintf("(a) Distribution of the score over the units of each recorded site, trained and untrained.%s (b) Trained: cumulative distribution of p (%d draws at most); grey, %d such curves of independent units without tuning. What lies above is more than chance finds, what lies below is less.", limit, c.Trained.Tests[k].Draws, chanceCurves), source),
		Rows: [][]*figure.Figure{{left, right}}, Weights: [][]float64{{1.4, 1}}})
}

// DevelopmentFigure shows how place selectivity arises over the steps of training.
func (s *Study) DevelopmentFigure(d *Development) (*figure.Figure, error) {
	at := func(step int) float64 { return math.Log10(1 + float64(step)) }
	var ticks []figure.Tick
	next := math.Inf(1)
	for _, st := range slices.Backward(d.Stages) { // the last is labelled, and of the others those whose labels do not touch
		if x := at(st.Step); next-x > .4 {
			ticks, next = append(ticks, figure.Tick{Value: x, Label: fmt.Sprint(st.Step)}), x
		}
	}
	slices.Reverse(ticks)
	x := figure.Axis{Label: "training steps", Ticks: ticks}
	line := func(name string, of func(DevelopmentStage) (y, lo, hi float64)) figure.Series {
		se := figure.Series{Name: name, Marker: figure.MarkerCircle}
		for _, st := range d.Stages {
			y, lo, hi := of(st)
			se.X, se.Y, se.Lo, se.Hi = append(se.X, at(st.Step)), append(se.Y, y), append(se.Lo, lo), append(se.Hi, hi)
		}
		return se
	}
	sites := func(of func(SiteSurvey) float64) []figure.Series {
		var out []figure.Series
		for k, site := range d.Stages[0].Sites {
			se := figure.Series{Name: fmt.Sprintf("block %d", site.Block), Muted: true}
			for _, st := range d.Stages {
				se.X, se.Y = append(se.X, at(st.Step)), append(se.Y, of(st.Sites[k]))
			}
			out = append(out, se)
		}
		return out
	}
	panels := []figure.LinesOptions{
		{Meta: figure.Meta{Name: "tuned", Title: "units tuned to place"}, Y: figure.Axis{Label: "q <= .05 (%)", Min: 0, Max: 1, Percent: true},
			Series: append(sites(func(x SiteSurvey) float64 { return x.Tuned.Estimate }), line("all units", func(s DevelopmentStage) (float64, float64, float64) {
				return s.Tuned.Estimate, s.Tuned.Low, s.Tuned.High
			}))},
		{Meta: figure.Meta{Name: "place", Title: "variance by place"}, Y: figure.Axis{Label: "η² less chance, median"},
			Series: append(sites(func(x SiteSurvey) float64 { return float64(x.Place.Mean) }), line("median block", func(s DevelopmentStage) (float64, float64, float64) {
				return float64(s.Place.Mean), float64(s.Place.Low), float64(s.Place.High)
			}))},
		{Meta: figure.Meta{Name: "decoded", Title: "place decoded"}, Y: figure.Axis{Label: "R² on held-out stimuli"}, References: []figure.Reference{{Value: 0}},
			Series: append(sites(func(x SiteSurvey) float64 { return float64(x.Decoded().Estimate) }), line("best block", func(s DevelopmentStage) (float64, float64, float64) {
				return float64(s.Decoded.Estimate), float64(s.Decoded.Low), float64(s.Decoded.High)
			}))},
		{Meta: figure.Meta{Name: "border", Title: "border-like units"}, Y: figure.Axis{Label: "p <= .05 (%)", Min: 0, Max: 1, Percent: true}, References: []figure.Reference{{Value: .05, Label: "chance"}}},
	}
	for c, b := range d.Stages[0].Border.Borders {
		if b.Control == AreaControl {
			continue
		}
		panels[3].Series = append(panels[3].Series, line(hueOf(b.Control), func(s DevelopmentStage) (float64, float64, float64) {
			l := s.Border.Borders[c].Like
			return l.Estimate, l.Low, l.High
		}))
	}
	var figs []*figure.Figure
	for _, p := range panels {
		p.X = x
		f, err := figure.Lines(p)
		if err != nil {
			return nil, err
		}
		figs = append(figs, f)
	}
	caption := fmt.Sprintf("How place selectivity arises: %d networks on the way through training, the same stimuli. (a) Units with q <= .05 of η² against permuted places, 95 %% Wilson intervals; grey, each block. (b) η² less its mean under permuted places: the median unit of the median block, and the range over blocks. (c) R² of the place, mean of x and y, decoded by ridge regression from all units of the block that has most, 95 %% bootstrap intervals over stimuli. (d) Units whose map goes with nearness to a wall, as recorded and with visible area taken out. Steps are on a scale of log(1 + step).", len(d.Stages))
	if d.Note != "" {
		caption += " " + d.Note
	}
	return figure.Compose(figure.ComposeOptions{Meta: s.meta("development", "", caption, source), Rows: [][]*figure.Figure{figs[:2], figs[2:]}, Weights: [][]float64{{1, 1}, {1, 1}}})
}
