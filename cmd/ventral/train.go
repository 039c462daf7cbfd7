package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/figure"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/train"
)

func init() { register(newTrain) }

func newTrain() *cobra.Command {
	c := &cobra.Command{
		Use:     "train",
		Short:   "Train the small networks that ship with Ventral",
		GroupID: groupTraining,
		Long: `Train the small networks that ship with Ventral, on procedural pictures whose every latent is
known. Trainings are exact: the same seed gives the same bits on one backend, and a run that was
stopped goes on from its checkpoint as if it had not been.`,
		Example: "  ventral train mini-clip-rn --out out/clip-rn",
	}
	for _, name := range train.Names() {
		c.AddCommand(newTrainNetwork(name))
	}
	return c
}

// quickSteps is a recipe of about two minutes on two cores.
var quickSteps = map[string]int{"clip-vit": 30, "clip-rn": 40, "dino": 40, "mae": 60, "vgg": 120, "nasnet": 100}

func newTrainNetwork(name string) *cobra.Command {
	var out, be string
	var steps, stopAfter int
	var seed uint64
	var quick bool
	c := &cobra.Command{
		Use:   "mini-" + name,
		Short: "Train mini/" + name + " on scenes",
		Long: `Train mini/` + name + ` on procedural scenes. A checkpoint is written every 250 steps; the same command
goes on from the checkpoint in --out, with the bits an uninterrupted run would have on that
backend.

At the end --out holds, besides the checkpoint and the training curve, ` + name + `.safetensors
(float16, in the key layout of its large sibling) and ` + name + `.json, the card with accuracy by factor
on held-out pictures, beside the same network untrained. Copied to models/mini they are what
ships.`,
		Example: "  ventral train mini-" + name + " --out out/" + name + "\n  ventral train mini-" + name + " --out out/try --quick",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := backend.Open(be)
			if err != nil {
				return err
			}
			defer b.Finalize()
			fmt.Fprintln(cmd.OutOrStdout(), "backend:", b)
			if quick {
				steps = quickSteps[name]
			}
			r, err := train.NewRecipe(name, steps, seed)
			if err != nil {
				return err
			}
			o := r.Options
			if quick {
				o.Every = max(o.Schedule.Steps/3, 1)
			}
			if out == "" {
				out = filepath.Join("out", name)
			}
			o.Out, o.StopAfter = out, stopAfter
			o.Log = func(format string, args ...any) {
				fmt.Fprintln(cmd.OutOrStdout(), time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
			}
			if o.Eval, err = r.Watcher(b, 300, seed); err != nil {
				return err
			}
			p, st, err := train.Run(cmd.Context(), b, o, r.Task)
			if err != nil {
				return err
			}
			p.Close()
			if err := saveCurve(st, out); err != nil {
				return err
			}
			if st.Step < o.Schedule.Steps {
				return nil
			}
			return finish(cmd, b, r, out)
		},
	}
	c.Flags().StringVar(&out, "out", "", "folder of the checkpoint (default: out/"+name+")")
	c.Flags().StringVar(&be, "backend", "", "backend (default: the best there is)")
	c.Flags().IntVar(&steps, "steps", 0, "steps; the learning-rate schedule ends there (default: the recipe's)")
	c.Flags().IntVar(&stopAfter, "stop-after", 0, "stop at this step as if interrupted (0: run to the end)")
	c.Flags().Uint64Var(&seed, "seed", 1, "seed of weights, pictures and augmentation")
	c.Flags().BoolVar(&quick, "quick", false, "a recipe of two minutes, to see that everything works")
	return c
}

// finish writes the weights and the evaluated card of a finished training.
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
	if card.Factors, err = train.Evaluate(b, m, r.Heads, train.Questions(r.Architecture), 600, 7); err != nil {
		return err
	}
	if err := train.WriteCard(card, out); err != nil {
		return err
	}
	return emit(cmd, card, nil, factorRows(card.Factors))
}

// saveCurve draws the loss and the accuracies of a training into out.
func saveCurve(st train.State, out string) error {
	loss := figure.Series{Name: "loss"}
	metrics := map[string]*figure.Series{}
	for _, p := range st.Curve {
		loss.X, loss.Y = append(loss.X, float64(p.Pictures)), append(loss.Y, p.Loss)
		for k, v := range p.Metrics {
			if metrics[k] == nil {
				metrics[k] = &figure.Series{Name: k}
			}
			metrics[k].X, metrics[k].Y = append(metrics[k].X, float64(p.Pictures)), append(metrics[k].Y, v)
		}
	}
	o := figure.TrainingOptions{Meta: figure.Meta{Name: "training", Caption: "Loss and accuracy on 300 held-out pictures a factor."},
		XLabel: "pictures", LossLabel: "loss", MetricLabel: "accuracy", Loss: []figure.Series{loss}}
	for _, k := range slices.Sorted(maps.Keys(metrics)) {
		o.Metrics = append(o.Metrics, *metrics[k])
	}
	f, err := figure.TrainingCurve(o)
	if err != nil {
		return err
	}
	_, err = f.Save(out)
	return err
}
