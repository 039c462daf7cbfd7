package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/models/clip/tokenizer"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/train"
)

func init() { register(newTrain) }

func newTrain() *cobra.Command {
	c := &cobra.Command{
		Use:     "train",
		Short:   "Train the small networks that ship with Ventral",
		GroupID: groupTraining,
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
the checkpoint in --out, with the bits an uninterrupted run would have on that backend.`,
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
			o, err := train.MiniCLIP(steps, seed, tok)
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
			if o.Eval, err = train.Evaluator(b, o.Config, tok, factors, 300, seed); err != nil {
				return err
			}
			_, _, err = train.CLIP(cmd.Context(), b, o)
			return err
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
