package spatial

import (
	"fmt"

	"github.com/ventral-lab/ventral/pkg/figure"
)

// causalFigures are the makers of the figures of the causal maps that a result has.
func (s *Study) causalFigures(r *Result) []func() (*figure.Figure, error) {
	var makers []func() (*figure.Figure, error)
	for _, m := range r.Deficits {
		makers = append(makers, func() (*figure.Figure, error) { return s.DeficitMatrixFigure(m) })
	}
	if len(r.Deficits) > 0 {
		makers = append(makers, func() (*figure.Figure, error) { return s.DeficitDistanceFigure(r.Deficits) })
	}
	if r.Heads != nil {
		makers = append(makers, func() (*figure.Figure, error) { return s.HeadFigure(r.Heads) },
			func() (*figure.Figure, error) { return s.HeadPlacesFigure(r.Heads, 8) })
	}
	if r.Patches != nil {
		makers = append(makers, func() (*figure.Figure, error) { return s.PatchFigure(r.Patches) })
	}
	if r.Bias != nil {
		makers = append(makers, func() (*figure.Figure, error) { return s.BiasFigure(r.Bias) })
	}
	if r.Targeted != nil && len(r.Targeted.RandomSeeds) > 0 {
		makers = append(makers, func() (*figure.Figure, error) { return s.RandomSeedsFigure(r.Targeted) })
	}
	return makers
}

// plain turns numbers that may be NaN into floats.
func plain(m [][]Float) [][]float64 {
	out := make([][]float64, len(m))
	for i, row := range m {
		for _, v := range row {
			out[i] = append(out[i], float64(v))
		}
	}
	return out
}

// placeNames name the places of a grid by row and column from the top left.
func placeNames(side int) []string {
	var out []string
	for p := range side * side {
		out = append(out, fmt.Sprintf("%c%d", 'a'+p/side%26, p%side+1))
	}
	return out
}

// banded appends estimates to a series.
func banded(se figure.Series, v []Estimate) figure.Series {
	for _, e := range v {
		se.Y, se.Lo, se.Hi = append(se.Y, float64(e.Mean)), append(se.Lo, float64(e.Low)), append(se.Hi, float64(e.High))
	}
	return se
}

// DeficitMatrixFigure shows the location x location deficit beside that of lesions of other units.
func (s *Study) DeficitMatrixFigure(m DeficitMatrix) (*figure.Figure, error) {
	zero := 0.0
	names := placeNames(m.Side)
	matrix := func(name, title string, v [][]Float, lo, hi float64) (*figure.Figure, error) {
		return figure.Matrix(figure.MatrixOptions{Meta: figure.Meta{Name: name, Title: title}, Values: plain(v), RowNames: names, ColNames: names,
			RowTitle: "units of this place lesioned", ColTitle: "stimulus at this place", Center: &zero, Min: lo, Max: hi, Print: -1, ColorBar: "deficit (log-odds)"})
	}
	peak := 0.0
	for _, row := range append(plain(m.Deficit), plain(m.NullDeficit)...) {
		for _, v := range row {
			peak = max(peak, v, -v)
		}
	}
	own, err := matrix("own", "units of the place", m.Deficit, -peak, peak)
	if err != nil {
		return nil, err
	}
	panels, weights := []*figure.Figure{own}, []float64{1}
	if m.NullDeficit != nil {
		null, err := matrix("null", "other units, same overlaps", m.NullDeficit, -peak, peak)
		if err != nil {
			return nil, err
		}
		panels, weights = append(panels, null), append(weights, 1)
	}
	return figure.Compose(figure.ComposeOptions{Meta: s.meta("deficit_matrix_"+m.Ablation, "",
		fmt.Sprintf("Deficit, intact less lesioned log-odds of a circle, when the %d of %d units of %s that tell one place of a %d x %d grid apart best are lesioned (%s ablation), for stimuli at every place (rows of places a to %c from the top, columns 1 to %d from the left; %d stimuli, others than those that chose the units). (a) Specificity, the diagonal less the rest: %s, permutation p = %.2g. (b) Mean of %d matrices of other units with the same numbers and overlaps: specificity %s.",
			m.Removed, m.Units, m.Site, m.Side, m.Side, m.Ablation, 'a'+m.Side-1, m.Side, m.Stimuli, m.Specificity, float64(m.P), len(m.Null), rangeOf(m.Null)), source),
		Rows: [][]*figure.Figure{panels}, Weights: [][]float64{weights}})
}

func rangeOf(v []Float) string {
	if len(v) == 0 {
		return "not measured"
	}
	lo, hi := v[0], v[0]
	for _, x := range v {
		lo, hi = min(lo, x), max(hi, x)
	}
	return fmt.Sprintf("%.3g to %.3g", float64(lo), float64(hi))
}

// DeficitDistanceFigure shows the deficit by the distance between the lesioned place and the stimulus, for every ablation.
func (s *Study) DeficitDistanceFigure(m []DeficitMatrix) (*figure.Figure, error) {
	o := figure.LinesOptions{Meta: s.meta("deficit_distance", "", "Deficit, intact less lesioned log-odds of a circle, by the distance between the place whose units are lesioned and the stimulus, with 95 % bootstrap intervals over stimuli.", source),
		X: figure.Axis{Label: "distance (frame)"}, Y: figure.Axis{Label: "deficit (log-odds)"}, References: []figure.Reference{{Value: 0}}}
	for _, d := range m {
		se := figure.Series{Name: d.Ablation, Marker: figure.MarkerCircle}
		var v []Estimate
		for _, b := range d.Distance {
			se.X, v = append(se.X, float64(b.Distance)), append(v, b.Deficit)
		}
		o.Series = append(o.Series, banded(se, v))
	}
	return figure.Lines(o)
}

// HeadFigure shows the deficit by every head of every block.
func (s *Study) HeadFigure(h *HeadLesions) (*figure.Figure, error) {
	var values [][]float64
	var blocks []string
	heads := 0
	for _, l := range h.Heads {
		if len(blocks) == 0 || blocks[len(blocks)-1] != l.Block {
			blocks, values = append(blocks, l.Block), append(values, nil)
		}
		values[len(values)-1] = append(values[len(values)-1], float64(l.Deficit.Mean))
		heads = max(heads, len(values[len(values)-1]))
	}
	var names []string
	for i := range heads {
		names = append(names, fmt.Sprint(i))
	}
	zero := 0.0
	return figure.Matrix(figure.MatrixOptions{Meta: s.meta("heads", "", fmt.Sprintf("Deficit, intact less lesioned log-odds of a circle, when one attention head is lesioned (%s ablation), mean over %d stimuli; intact %s.", h.Ablation, h.Stimuli, h.LogOdds), source),
		Values: values, RowNames: blocks, ColNames: names, RowTitle: "block", ColTitle: "head", Center: &zero, Print: 2, ColorBar: "deficit (log-odds)"})
}

// HeadPlacesFigure shows where on the screen the most location-dependent heads matter.
func (s *Study) HeadPlacesFigure(h *HeadLesions, top int) (*figure.Figure, error) {
	order := make([]float64, len(h.Heads))
	for i, l := range h.Heads {
		order[i] = -float64(l.P)
	}
	zero := 0.0
	o := figure.HeatmapsOptions{Meta: s.meta("head_places", "", fmt.Sprintf("The %d heads whose deficit depends most on the place of the stimulus (F test over %d x %d places; q over all heads): mean deficit in log-odds by place, each map from minus to plus its largest value.", min(top, len(h.Heads)), h.Side, h.Side), source),
		Center: &zero}
	var row []figure.Map
	for _, i := range descending(order, false)[:min(top, len(order))] {
		l := h.Heads[i]
		var v []float64
		for _, x := range l.Place {
			v = append(v, float64(x))
		}
		row = append(row, figure.Map{Values: v, Cols: h.Side, Title: fmt.Sprintf("block %s head %d\nq = %.2g", l.Block, l.Head, float64(l.Q))})
		if len(row) == 4 {
			o.Maps, row = append(o.Maps, row), nil
		}
	}
	if len(row) > 0 {
		o.Maps = append(o.Maps, row)
	}
	return figure.Heatmaps(o)
}

// PatchFigure shows the deficit by the distance between the lesioned position and the stimulus, site by site.
func (s *Study) PatchFigure(p *PatchLesions) (*figure.Figure, error) {
	o := figure.LinesOptions{Meta: s.meta("patches", "", fmt.Sprintf("Deficit, intact less lesioned log-odds of a circle, when what the network holds at one position is removed (%s ablation; in the picture: painted white), by the distance of the position from the stimulus's centre, with 95 %% bootstrap intervals over %d stimuli.", p.Ablation, p.Stimuli), source),
		X: figure.Axis{Label: "distance (frame)"}, Y: figure.Axis{Label: "deficit (log-odds)"}, References: []figure.Reference{{Value: 0}}}
	for _, l := range p.Sites {
		se := figure.Series{Name: shortSite(l.Site), Marker: figure.MarkerCircle}
		for b := range l.Deficit {
			se.X = append(se.X, (p.Edges[b]+min(p.Edges[b+1], 1))/2)
		}
		o.Series = append(o.Series, banded(se, l.Deficit))
	}
	return figure.Lines(o)
}

// shortSite is the last part of a site's name, with the part before it where it is only a number.
func shortSite(name string) string {
	cut := len(name)
	for range 2 {
		k := cut - 1
		for k >= 0 && name[k] != '.' {
			k--
		}
		if k < 0 {
			return name
		}
		if last := name[k+1]; last < '0' || last > '9' {
			return name[k+1:]
		}
		cut = k
	}
	return name[cut+1:]
}

// BiasFigure shows the dose-response curves of the bias experiment.
func (s *Study) BiasFigure(b *BiasExperiment) (*figure.Figure, error) {
	panel := func(mode, name, title, label string, of func(BiasCurve) []Estimate) (*figure.Figure, error) {
		o := figure.LinesOptions{Meta: figure.Meta{Name: mode + "_" + name, Title: title}, X: figure.Axis{Label: mode}, Y: figure.Axis{Label: label}}
		if name == "answers" {
			o.Y.Max = 1
		} else {
			o.References = []figure.Reference{{Value: 0}}
		}
		for _, c := range b.Curves {
			if c.Mode == mode {
				o.Series = append(o.Series, banded(figure.Series{Name: c.Arm, X: c.Dose, Dashed: c.Arm == Matched, Marker: figure.MarkerCircle}, of(c)))
			}
		}
		return figure.Lines(o)
	}
	var rows [][]*figure.Figure
	for _, mode := range []string{Gain, Drive} {
		empty, err := panel(mode, "empty", "empty pictures", "change of log-odds", func(c BiasCurve) []Estimate { return c.EmptyChange })
		if err != nil {
			return nil, err
		}
		answers, err := panel(mode, "answers", "a circle is seen", "share of empty pictures", func(c BiasCurve) []Estimate {
			var v []Estimate
			for _, a := range c.Answers {
				v = append(v, Estimate{a, a, a})
			}
			return v
		})
		if err != nil {
			return nil, err
		}
		bias, err := panel(mode, "bias", "inside less outside", "change of log-odds", func(c BiasCurve) []Estimate { return c.Bias })
		if err != nil {
			return nil, err
		}
		rows = append(rows, []*figure.Figure{empty, answers, bias})
	}
	return figure.Compose(figure.ComposeOptions{Meta: s.meta("bias", "",
		fmt.Sprintf("Driving the %d of %d units of %s that tell a quadrant of the frame apart best, and as many matched units of no quadrant; averages over the four quadrants with 95 %% bootstrap intervals. Gain multiplies the units' activations (0: lesion, 1: intact); drive adds multiples of the mean change that a circle in the quadrant makes (0: intact), the same length for the matched units. Left: change of the log-odds of a circle for %d empty pictures (intact %s; stimuli %s); middle: share of them for which they are above 0. Right: change for stimuli in the quadrant less that for stimuli elsewhere (%d stimuli).",
			b.Chosen, b.Units, b.Site, b.Empty, b.IntactEmpty, b.Intact, b.Stimuli), source),
		Rows: rows, Weights: [][]float64{{1, 1, 1}, {1, 1, 1}}})
}

// RandomSeedsFigure compares the targeted lesions with each random order.
func (s *Study) RandomSeedsFigure(t *TargetedLesions) (*figure.Figure, error) {
	se := figure.Series{Name: "targeted less random", NoLine: true, Marker: figure.MarkerCircle, ErrorBars: true}
	var v []Estimate
	for _, c := range t.RandomSeeds {
		se.X, v = append(se.X, float64(c.Seed)), append(v, c.TargetedLess)
	}
	return figure.Lines(figure.LinesOptions{Meta: s.meta("targeted_seeds", "", fmt.Sprintf("Area under the targeted lesions' curve of log-odds at %s less that under each random order of the same units, on the stimuli that had that order, with 95 %% bootstrap intervals; below zero targeted lesions harm more.", t.Site), source),
		X: figure.Axis{Label: "random order"}, Y: figure.Axis{Label: "difference of areas (log-odds)"}, Series: []figure.Series{banded(se, v)}, References: []figure.Reference{{Value: 0}}})
}
