package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/models/clip/tokenizer"
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
		Example: "  ventral train mini-clip --out out/mini-clip",
	}
	c.AddCommand(newTrainMiniCLIP())
	return c
}

func newTrainMiniCLIP() *cobra.Command {
	var out, be string
	var steps, stopAfter int
	var seed uint64
	var quick bool
	c := &cobra.Command{
		Use:   "mini-clip",
		Short: "Train mini/clip-vit on scenes",
		Long: `Train mini/clip-vit, a vision transformer and a text tower that meet in one space, on
procedural scenes. A checkpoint is written every 250 steps; the same command goes on from
the checkpoint in --out, with the bits an uninterrupted run would have on that backend.

At the end --out holds, besides the checkpoint and the training curve, clip-vit.safetensors
(float16, OpenAI's key layout) and clip-vit.json, the card with zero-shot accuracy by factor on
held-out pictures. Copied to models/mini they are what ships.`,
		Example: `  ventral train mini-clip --out out/mini-clip
  ventral train mini-clip --out out/try --quick`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := backend.Open(be)
			if err != nil {
				return err
			}
			defer b.Finalize()
			fmt.Fprintln(cmd.OutOrStdout(), "backend:", b)
			if quick {
				steps = 60
			}
			tok, err := tokenizer.Small(train.MiniCLIPConfig().Vocab)
			if err != nil {
				return err
			}
			o, task, err := train.MiniCLIP(steps, seed, tok)
			if err != nil {
				return err
			}
			if quick {
				o.Every = 20
			}
			o.Out, o.StopAfter = out, stopAfter
			o.Log = func(format string, args ...any) {
				fmt.Fprintln(cmd.OutOrStdout(), time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
			}
			factors := []string{"shape4", "circle", "colour", "shape", "size", "word"}
			if o.Eval, err = train.Evaluator(b, task.Config, tok, factors, 300, seed); err != nil {
				return err
			}
			p, st, err := train.Run(cmd.Context(), b, o, task)
			if err != nil {
				return err
			}
			p.Close()
			if err := saveCurve(st, out); err != nil {
				return err
			}
			if st.Step < steps {
				return nil
			}
			return finish(cmd, b, out)
		},
	}
	c.Flags().StringVar(&out, "out", "out/mini-clip", "folder of the checkpoint")
	c.Flags().StringVar(&be, "backend", "", "backend (default: the best there is)")
	c.Flags().IntVar(&steps, "steps", 4000, "steps of 128 pictures; the learning-rate schedule ends there")
	c.Flags().IntVar(&stopAfter, "stop-after", 0, "stop at this step as if interrupted (0: run to the end)")
	c.Flags().Uint64Var(&seed, "seed", 1, "seed of weights, pictures and augmentation")
	c.Flags().BoolVar(&quick, "quick", false, "a recipe of two minutes, to see that everything works")
	return c
}

// finish writes the weights and the evaluated card of a finished training.
func finish(cmd *cobra.Command, b *backend.Backend, out string) error {
	const name = "clip-vit"
	card, err := train.ExportCLIP(train.Checkpoint(out), out, name, string(b.Kind))
	if err != nil {
		return err
	}
	m, err := zoo.OpenTrained(card, filepath.Join(out, name+".safetensors"))
	if err != nil {
		return err
	}
	defer m.Close()
	if card.Factors, err = train.Evaluate(b, m, 600, 7); err != nil {
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
	o := figure.TrainingOptions{Meta: figure.Meta{Name: "training", Caption: "Contrastive loss and zero-shot accuracy on 300 held-out pictures a factor."},
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
