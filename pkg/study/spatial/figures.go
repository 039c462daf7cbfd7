package spatial

import (
	"fmt"
	"strings"

	"github.com/ventral-lab/ventral/datasets/circles"
	"github.com/ventral-lab/ventral/pkg/figure"
	"github.com/ventral-lab/ventral/pkg/method/ratemap"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// Gallery scores: the name of the score, and how it is written above a map.
var galleryScores = []struct{ name, label string }{
	{"info", "spatial information"}, {"grid", "grid score"}, {"border", "border score"}, {"place", "variance by place"},
}

// meta fills what all figures of the study share.
func (s *Study) meta(name, title, caption string, sources ...string) figure.Meta {
	return figure.Meta{Name: "spatial_" + name, Title: title, Caption: caption, Sources: sources,
		Params: map[string]any{"model": s.Model.Name, "weights": s.Model.WeightsHash, "backend": s.Backend.String(), "stimuli": s.set.Spec(),
			"token": s.Options.Token, "bins": s.Options.Bins, "conversion": string(s.Options.Conversion), "shuffles": s.Options.Shuffles, "seed": s.Options.Seed}}
}

// StimuliFigure shows eight stimuli, the centres of all, and their mean picture.
func (s *Study) StimuliFigure() (*figure.Figure, error) {
	var rows [][]figure.Picture
	step := max(s.set.Len()/8, 1)
	for r := range 2 {
		var row []figure.Picture
		for c := range 4 {
			st, err := s.set.At(min((r*4+c)*step, s.set.Len()-1))
			if err != nil {
				return nil, err
			}
			row = append(row, figure.Picture{Image: st.Image})
		}
		rows = append(rows, row)
	}
	examples, err := figure.Images(figure.ImagesOptions{Meta: figure.Meta{Name: "examples", Title: "stimuli"}, Pictures: rows})
	if err != nil {
		return nil, err
	}
	flipped := make([]float64, len(s.y))
	for i, y := range s.y {
		flipped[i] = 1 - y
	}
	centres, err := figure.Scatter(figure.ScatterOptions{Meta: figure.Meta{Name: "centres", Title: "centres"}, Equal: true,
		X: figure.Axis{Label: "x (frame)", Min: 0, Max: 1}, Y: figure.Axis{Label: "y (frame)", Min: 0, Max: 1},
		Points: []figure.PointSet{{Name: "centre", X: s.x, Y: flipped, Radius: 0.5, Alpha: 0.5}}, Legend: figure.LegendNone})
	if err != nil {
		return nil, err
	}
	mean, w, h, err := circles.Mean(s.set)
	if err != nil {
		return nil, err
	}
	composite, err := figure.Images(figure.ImagesOptions{Meta: figure.Meta{Name: "mean", Title: "mean of all"},
		Pictures: [][]figure.Picture{{{Image: composite(mean, w, h)}}}})
	if err != nil {
		return nil, err
	}
	return figure.Compose(figure.ComposeOptions{Meta: s.meta("stimuli", "",
		fmt.Sprintf("%d stimuli of the study. (a) Eight of them. (b) Where their centres lie. (c) Their mean, stretched to full contrast: circles are cut off at the border, so it is paler there.", s.set.Len()),
		source), Rows: [][]*figure.Figure{{examples, centres, composite}}, Weights: [][]float64{{2, 1.2, 1}}})
}

// ZeroShotFigure shows the probability of every text for the three sets of prompts.
func (s *Study) ZeroShotFigure(sets []PromptSet) (*figure.Figure, error) {
	o := figure.BoxesOptions{Meta: s.meta("zero_shot", "", "Softmax probability of each text over stimuli. Boxes are quartiles, whiskers reach 1.5 interquartile ranges.", source),
		Y: figure.Axis{Label: "probability", Min: 0, Max: 1}}
	for _, ps := range sets {
		for k, t := range ps.Texts {
			o.Samples = append(o.Samples, figure.Sample{Group: ps.Name, Hue: hue(t), Values: ps.Column(k)})
		}
	}
	if s.published() {
		o.Published, o.Source = publishedZeroShot, source
	}
	return figure.Boxes(o)
}

// hue is the class a text names, whatever its wording.
func hue(text string) string {
	for _, c := range []string{"circle", "square", "triangle", "empty"} {
		if strings.Contains(text, c) {
			return c
		}
	}
	return text
}

// GalleryFigure shows the maps of the top units of a layer for each score.
func (s *Study) GalleryFigure(l Layer, top int) (*figure.Figure, error) {
	o := figure.HeatmapsOptions{Meta: s.meta(fmt.Sprintf("ratemaps_block%d", l.Block), fmt.Sprintf("block %d, %s", l.Block, s.Options.Token),
		fmt.Sprintf("Rate maps of the %d units of %s with the highest scores: mean activation by the stimulus's place, each map from its own minimum to its own maximum (above it: score, minimum, maximum). Variance by place is η² less its mean over permuted places.", top, l.Site), source)}
	for _, sc := range galleryScores {
		v, err := l.Score(sc.name)
		if err != nil {
			return nil, err
		}
		var row []figure.Map
		for _, u := range ratemap.Top(v, top) {
			m := l.Map(u)
			row = append(row, figure.Map{Values: m, Cols: l.Bins, Title: figure.MapTitle(fmt.Sprintf("unit %d", u), v[u], m)})
		}
		o.Maps = append(o.Maps, row)
		o.RowLabels = append(o.RowLabels, sc.label)
	}
	return figure.Heatmaps(o)
}

// ScoresFigure compares a score's distribution over units, layer by layer, with the untrained model's.
func (s *Study) ScoresFigure(score string, layers, control []Layer) (*figure.Figure, error) {
	label := score
	for _, sc := range galleryScores {
		if sc.name == score {
			label = sc.label
		}
	}
	o := figure.ViolinsOptions{Meta: s.meta("scores_"+score, "", "Distribution of the "+label+" over the units of each block's attention output, in the trained network and in the same network with its initial weights.", source),
		X: figure.Axis{Label: "block"}, Y: figure.Axis{Label: label}}
	for i, l := range layers {
		v, err := l.Score(score)
		if err != nil {
			return nil, err
		}
		o.Samples = append(o.Samples, figure.Sample{Group: fmt.Sprint(l.Block), Hue: "trained", Values: stats.Finite(v)})
		if i < len(control) {
			if v, err = control[i].Score(score); err != nil {
				return nil, err
			}
			o.Samples = append(o.Samples, figure.Sample{Group: fmt.Sprint(l.Block), Hue: "untrained", Values: stats.Finite(v)})
		}
	}
	return figure.Violins(o)
}

// TunedFigure shows the share of units of each layer that know where the stimulus is.
func (s *Study) TunedFigure(layers, control []Layer) (*figure.Figure, error) {
	const alpha = 0.05
	o := figure.BarsOptions{Meta: s.meta("tuned", "", fmt.Sprintf("Share of units whose activation depends on the stimulus's place (η² against %d permutations of places, false discovery rate %g over all units of all blocks), with 95 %% Wilson intervals.", s.Options.Shuffles, alpha), source),
		X: figure.Axis{Label: "block"}, Y: figure.Axis{Label: "tuned units (%)", Min: 0, Max: 1, Percent: true}}
	for i, l := range layers {
		w := l.Tuned(alpha)
		o.Bars = append(o.Bars, figure.Bar{Group: fmt.Sprint(l.Block), Hue: "trained", Value: w.Estimate, Lo: w.Low, Hi: w.High})
		if i < len(control) {
			w = control[i].Tuned(alpha)
			o.Bars = append(o.Bars, figure.Bar{Group: fmt.Sprint(l.Block), Hue: "untrained", Value: w.Estimate, Lo: w.Low, Hi: w.High})
		}
	}
	return figure.Bars(o)
}

// LayerLesionFigure shows the effect of every module's lesion.
func (s *Study) LayerLesionFigure(l *LayerLesions) (*figure.Figure, error) {
	o := figure.LesionBarsOptions{Meta: s.meta("layer_lesions", "", fmt.Sprintf("Mean probability of %q against %q when one module is lesioned (%s ablation), %d stimuli, with 95 %% bootstrap intervals; dashed: the intact network.", l.Judge.Positive, l.Judge.Negative, l.Ablation, l.Stimuli), source),
		Y:        figure.Axis{Min: 0, Max: 1, Label: "p(" + bare(l.Judge.Positive) + ")", LowLabel: bare(l.Judge.Negative), HighLabel: bare(l.Judge.Positive)},
		Baseline: l.Baseline.Estimate, BaselineLo: l.Baseline.Low, BaselineHi: l.Baseline.High, BaselineLabel: "intact", Chance: figure.Ptr(0.5),
		TowerNames: map[string]string{"visual": "image tower", "text": "text tower"}}
	for _, m := range l.Modules {
		o.Modules = append(o.Modules, figure.Module{Name: m.Site, Tower: m.Tower, Block: m.Block, Kind: m.Kind, Value: m.Mean.Estimate, Lo: m.Mean.Low, Hi: m.Mean.High})
	}
	if w, ok := l.Worst("visual", "mlp.c_proj"); ok {
		o.Notes = append(o.Notes, figure.ModuleNote{Module: w.Site, Text: "block " + w.Block + " c_proj"})
	}
	if s.published() {
		all, here := publishedLesions(), map[string]float64{}
		for _, m := range l.Modules {
			if v, ok := all[m.Site]; ok {
				here[m.Site] = v
			}
		}
		o.Published = &figure.PublishedModules{Source: source, Values: here}
	}
	return figure.LesionBars(o)
}

// bare is a description without its article.
func bare(text string) string {
	return strings.TrimPrefix(strings.TrimPrefix(text, "a "), "an ")
}

// LogOddsFigure is LayerLesionFigure in log-odds, which do not saturate.
func (s *Study) LogOddsFigure(l *LayerLesions) (*figure.Figure, error) {
	o := figure.LesionBarsOptions{Meta: s.meta("layer_lesions_logodds", "", fmt.Sprintf("Mean log-odds of %q against %q when one module is lesioned (%s ablation), %d stimuli, with 95 %% bootstrap intervals; dashed: the intact network. Below zero the network answers %q.", l.Judge.Positive, l.Judge.Negative, l.Ablation, l.Stimuli, l.Judge.Negative), source),
		Y:        figure.Axis{Label: "log-odds (" + bare(l.Judge.Positive) + ")"},
		Baseline: l.LogOdds.Estimate, BaselineLo: l.LogOdds.Low, BaselineHi: l.LogOdds.High, BaselineLabel: "intact", Chance: figure.Ptr(0.0),
		TowerNames: map[string]string{"visual": "image tower", "text": "text tower"}}
	for _, m := range l.Modules {
		o.Modules = append(o.Modules, figure.Module{Name: m.Site, Tower: m.Tower, Block: m.Block, Kind: m.Kind, Value: m.LogOdds.Estimate, Lo: m.LogOdds.Low, Hi: m.LogOdds.High})
	}
	if w, ok := l.Worst("visual", "mlp.c_proj"); ok {
		o.Notes = append(o.Notes, figure.ModuleNote{Module: w.Site, Text: "block " + w.Block + " c_proj"})
	}
	return figure.LesionBars(o)
}

// TargetedLogOddsFigure is TargetedFigure in log-odds, which do not saturate.
func (s *Study) TargetedLogOddsFigure(t *TargetedLesions) (*figure.Figure, error) {
	o := figure.LinesOptions{Meta: s.meta("targeted_lesions_logodds", "", fmt.Sprintf("The same lesions in log-odds of %q against %q.", t.Judge.Positive, t.Judge.Negative), source),
		X: figure.Axis{Label: "share of units removed", Min: 0, Max: 1}, Y: figure.Axis{Label: "log-odds (" + bare(t.Judge.Positive) + ")"}}
	for _, a := range t.Arms {
		o.Series = append(o.Series, series(a, t.Share, a.LogOdds))
	}
	return figure.Lines(o)
}

func series(a Arm, x []float64, y []stats.Interval) figure.Series {
	se := figure.Series{Name: a.Name, X: x, Dashed: a.Name == Elsewhere}
	for _, m := range y {
		se.Y, se.Lo, se.Hi = append(se.Y, m.Estimate), append(se.Lo, m.Low), append(se.Hi, m.High)
	}
	return se
}

// TargetedFigure shows the curves of the targeted lesions.
func (s *Study) TargetedFigure(t *TargetedLesions) (*figure.Figure, error) {
	o := figure.LinesOptions{Meta: s.meta("targeted_lesions", "", fmt.Sprintf("Mean probability of %q against %q when growing shares of the %d units of %s are removed for each of %d stimuli, with 95 %% bootstrap intervals. Targeted: highest map value at the stimulus first. Absolute: largest absolute value first. Elsewhere: highest value at another stimulus's place first.", t.Judge.Positive, t.Judge.Negative, t.Units, t.Site, t.Stimuli), source),
		X: figure.Axis{Label: "share of units removed", Min: 0, Max: 1}, Y: figure.Axis{Label: "p(" + bare(t.Judge.Positive) + ")", Min: 0, Max: 1}}
	for _, a := range t.Arms {
		o.Series = append(o.Series, series(a, t.Share, a.Mean))
	}
	if s.published() {
		o.Published = publishedTargeted()
	}
	return figure.Lines(o)
}

// Figures makes all figures of a result.
func (s *Study) Figures(r *Result) ([]*figure.Figure, error) {
	var figs []*figure.Figure
	add := func(f *figure.Figure, err error) error {
		if err == nil {
			figs = append(figs, f)
		}
		return err
	}
	makers := []func() (*figure.Figure, error){
		s.StimuliFigure,
		func() (*figure.Figure, error) { return s.TunedFigure(r.Layers, r.Control) },
		func() (*figure.Figure, error) { return s.ScoresFigure("place", r.Layers, r.Control) },
		func() (*figure.Figure, error) { return s.ScoresFigure("grid", r.Layers, r.Control) },
		func() (*figure.Figure, error) { return s.ScoresFigure("border", r.Layers, r.Control) },
		func() (*figure.Figure, error) { return s.LayerLesionFigure(r.Modules) },
		func() (*figure.Figure, error) { return s.LogOddsFigure(r.Modules) },
		func() (*figure.Figure, error) { return s.TargetedFigure(r.Targeted) },
		func() (*figure.Figure, error) { return s.TargetedLogOddsFigure(r.Targeted) },
	}
	for _, l := range r.Layers {
		makers = append(makers, func() (*figure.Figure, error) { return s.GalleryFigure(l, 5) })
	}
	if len(r.ZeroShot) > 0 {
		makers = append(makers, func() (*figure.Figure, error) { return s.ZeroShotFigure(r.ZeroShot) })
	}
	makers = append(makers, s.causalFigures(r)...)
	makers = append(makers, s.outlookFigures(r)...)
	makers = append(makers, s.galleryFigures(r)...)
	for _, make := range makers {
		if err := add(make()); err != nil {
			return nil, err
		}
	}
	return figs, nil
}
