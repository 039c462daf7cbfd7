package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/models/mini"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/figure"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/train"
)

// finish writes the weights and the evaluated card of a finished training; with --check it judges the training instead, by one
// question.
func finish(cmd *cobra.Command, b *backend.Backend, r *train.Recipe, out string) error {
	card, err := r.Export(out, string(b.Kind))
	if err != nil {
		return err
	}
	m, err := zoo.OpenTrained(card, filepath.Join(out, r.Name+".safetensors"))
	if err != nil {
		return err
	}
	defer m.Close()
	if on, err := cmd.Flags().GetBool("check"); err == nil && on {
		return check(cmd, b, r, m, card)
	}
	if card.Factors, card.Effects, err = train.Evaluate(b, m, train.Examine(card), train.CardSeed); err != nil {
		return err
	}
	if err := train.WriteCard(card, out); err != nil {
		return err
	}
	return emit(cmd, card, nil, cardRows(card))
}

// check fails unless a training has learned something: the loss has fallen, where it says how much is learned, and a question is
// answered better than by the untrained network, beyond chance.
func check(cmd *cobra.Command, b *backend.Backend, r *train.Recipe, m *zoo.Model, card mini.Card) error {
	v, err := r.Check(b, m, card.Training.Curve, train.CardSeed)
	if err != nil {
		return err
	}
	loss := fmt.Sprintf("%.4f at step %d, %.4f at step %d", v.First, card.Training.Curve[0].Step, v.Last, card.Training.Steps)
	if !v.LossCounts {
		loss += " (says nothing of what is learned: the teacher moves too)"
	}
	f := v.Factor
	if err := emit(cmd, v, nil, [][]string{{"loss", loss},
		{f.Name + ", " + f.Measure, fmt.Sprintf("%.1f %% [%.1f, %.1f], untrained %.1f %% [%.1f, %.1f]", 100*f.Accuracy, 100*f.Interval[0], 100*f.Interval[1],
			100*f.Untrained, 100*f.UntrainedInterval[0], 100*f.UntrainedInterval[1])},
		{"gain, paired", fmt.Sprintf("%+.1f points [%+.1f, %+.1f]", 100*v.Gain.Estimate, 100*v.Gain.Low, 100*v.Gain.High)}}); err != nil {
		return err
	}
	return v.Err()
}

// saveCurve draws the loss and the accuracies of a training into out.
func saveCurve(st train.State, out string) error {
	var curve []mini.Point
	var pictures []float64
	for _, p := range st.Curve {
		curve = append(curve, mini.Point{Step: p.Step, Loss: p.Loss, Metrics: p.Metrics})
		pictures = append(pictures, float64(p.Pictures))
	}
	f, err := trainingCurve("Loss and accuracy on held-out pictures.", curve, pictures)
	if err != nil {
		return err
	}
	_, err = f.Save(out)
	return err
}

// cardCurve is the curve on a card.
func cardCurve(c mini.Card) (*figure.Figure, error) {
	var curve []mini.Point
	var pictures []float64
	before := 0
	for _, t := range c.Training.All() {
		for _, p := range t.Curve {
			curve = append(curve, p)
			pictures = append(pictures, float64(before)+float64(p.Step)*float64(t.Pictures)/float64(t.Steps))
		}
		before += t.Pictures
	}
	return trainingCurve("The training of "+c.Name+": loss, and accuracy on held-out pictures.", curve, pictures)
}

// trainingCurve draws the loss and the accuracies of a training over the number of pictures it has seen.
func trainingCurve(caption string, curve []mini.Point, pictures []float64) (*figure.Figure, error) {
	loss := figure.Series{Name: "loss"}
	metrics := map[string]*figure.Series{}
	for i, p := range curve {
		loss.X, loss.Y = append(loss.X, pictures[i]), append(loss.Y, p.Loss)
		for k, v := range p.Metrics {
			if metrics[k] == nil {
				metrics[k] = &figure.Series{Name: k}
			}
			metrics[k].X, metrics[k].Y = append(metrics[k].X, pictures[i]), append(metrics[k].Y, v)
		}
	}
	o := figure.TrainingOptions{Meta: figure.Meta{Name: "training", Caption: caption}, XLabel: "pictures", LossLabel: "loss", MetricLabel: "accuracy", Loss: []figure.Series{loss}}
	if metrics["spread"] != nil { // of self-distillation, train.Distilled.Measures
		o.MetricLabel = "accuracy; spread, width"
	}
	for i, k := range slices.Sorted(maps.Keys(metrics)) {
		metrics[k].Dashed = i >= 8 || k == "spread" || k == "width" // after eight the colours begin again
		o.Metrics = append(o.Metrics, *metrics[k])
	}
	return figure.TrainingCurve(o)
}
