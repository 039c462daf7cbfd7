package figure

import (
	"fmt"
	"slices"
)

// TrainingOptions are the parts of a training curve. X of every series is the step (or the number of pictures seen).
type TrainingOptions struct {
	Meta
	XLabel      string // "" = "step"
	Loss        []Series
	LossLabel   string // "" = "loss"
	LossLog     bool
	Metrics     []Series
	MetricLabel string // "" = "accuracy"
	// References are drawn on the panel of the metrics (chance), vertical ones on both (the end of warm-up).
	References []Reference
}

// TrainingCurve draws the loss above the metrics over the same steps; either panel may be missing. Mark the raw loss
// of every step as Muted and give a smoothed copy of it.
func TrainingCurve(o TrainingOptions) (*Figure, error) {
	fail := func(err error) (*Figure, error) { return nil, fmt.Errorf("figure %s: %w", o.Name, err) }
	if len(o.Loss)+len(o.Metrics) == 0 {
		return fail(fmt.Errorf("Loss and Metrics are empty: there is nothing to draw"))
	}
	text := func(s, standard string) string {
		if s == "" {
			return standard
		}
		return s
	}
	var both [][]float64
	var vertical []Reference
	for _, s := range slices.Concat(o.Loss, o.Metrics) {
		both = append(both, s.X)
	}
	for _, r := range o.References {
		if r.Vertical {
			vertical = append(vertical, r)
			both = append(both, []float64{r.Value})
		}
	}
	x := Axis{Label: text(o.XLabel, "step")}
	if lo, hi := extent(both...); hi > lo {
		x.Min, x.Max = lo-0.015*(hi-lo), hi+0.015*(hi-lo)
	}
	var panels []*plot
	if len(o.Loss) > 0 {
		top := x
		if len(o.Metrics) > 0 {
			top.Label = ""
		}
		p, _, err := linePlot("loss", top, Axis{Label: text(o.LossLabel, "loss"), Log: o.LossLog}, o.Loss, nil, vertical, nil, LegendAuto)
		if err != nil {
			return fail(fmt.Errorf("Loss: %w", err))
		}
		p.high = 44
		panels = append(panels, p)
	}
	if len(o.Metrics) > 0 {
		refs := o.References
		if len(o.Loss) > 0 {
			refs = nil
			for _, r := range o.References {
				if r.Vertical {
					r.Label = "" // named once, above
				}
				refs = append(refs, r)
			}
		}
		p, _, err := linePlot("metrics", x, Axis{Label: text(o.MetricLabel, "accuracy")}, o.Metrics, nil, refs, nil, LegendAuto)
		if err != nil {
			return fail(fmt.Errorf("Metrics: %w", err))
		}
		p.high = 48
		panels = append(panels, p)
	}
	c := &stack{gap: 6}
	for _, p := range panels {
		c.rows = append(c.rows, []panel{{content: p}})
		c.weights = append(c.weights, []float64{1})
	}
	return newFigure("training", o.Meta, c)
}
