package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

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
stopped goes on from its checkpoint as if it had not been.

` + mallocHelp,
		Example: "  ventral train mini-clip-rn --out out/clip-rn",
		Args:    cobra.NoArgs, // another network is an error, not a request for help
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, name := range train.Names() {
		c.AddCommand(newTrainNetwork(name))
	}
	return c
}

// trainFlags are the options of a training.
type trainFlags struct {
	out, backend, preset    string
	steps, batch, stopAfter int
	seed                    uint64
	from, optimiser         string
	peak                    float64
	quick                   bool
}

func newTrainNetwork(name string) *cobra.Command {
	var f trainFlags
	c := &cobra.Command{
		Use:   "mini-" + name,
		Short: "Train mini/" + name + " on scenes",
		Long: `Train mini/` + name + ` on procedural scenes. Checkpoints are written on the way; the same command goes on
from the checkpoint in --out, with the bits an uninterrupted run would have on that backend.

At the end --out holds, besides the checkpoint and the training curve, ` + name + `.safetensors
(float16, in the key layout of its large sibling) and ` + name + `.json, the card with accuracy by factor
on held-out pictures, beside the same network untrained. Copied to models/mini they are what
ships.

There are three presets: small is what ships (hours on two cores), large is for one GPU of 80 GB
(pictures of 128 pixels, a larger network, ` + largeSize(name) + `),
quick takes two minutes on two cores and shows that everything works. Without --preset it is large
where the backend is a GPU, otherwise small. Where memory is short, --batch makes the steps smaller.

` + mallocHelp,
		Example: "  ventral train mini-" + name + " --out out/" + name + "\n  ventral train mini-" + name + " --out out/try --quick --check\n  ventral train mini-" + name + " --out out/large --preset large --batch 256",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runTrain(cmd, name, f) },
	}
	c.Flags().StringVar(&f.out, "out", "", "folder of the checkpoint (default: out/"+name+")")
	c.Flags().StringVar(&f.backend, "backend", "", "backend (default: the best there is)")
	c.Flags().StringVar(&f.preset, "preset", "", "small, large or quick (default: large on a GPU, otherwise small)")
	c.Flags().BoolVar(&f.quick, "quick", false, "the same as --preset quick")
	c.Flags().IntVar(&f.steps, "steps", 0, "steps; the learning-rate schedule ends there (default: the preset's)")
	c.Flags().IntVar(&f.batch, "batch", 0, "pictures a step (default: the preset's)")
	c.Flags().IntVar(&f.stopAfter, "stop-after", 0, "stop at this step as if interrupted (0: run to the end)")
	c.Flags().StringVar(&f.from, "from", "", "file of weights to start from, as an earlier training of this network wrote it (default: initial weights)")
	c.Flags().Float64Var(&f.peak, "peak", 0, "largest learning rate (default: the preset's)")
	c.Flags().StringVar(&f.optimiser, "optimiser", "", "what moves matrices, "+strings.Join(train.Optimisers(), " or ")+" (default: the recipe's)")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "seed of weights, pictures and augmentation")
	c.Flags().Bool("check", false, "at the end ask one question instead of all of the card's, and fail unless the network has learned")
	c.MarkFlagsMutuallyExclusive("preset", "quick")
	return c
}

// largeSize says how large a network the large preset trains.
func largeSize(name string) string {
	r, err := train.Outline(name, train.Large)
	if err != nil {
		return err.Error()
	}
	return r.Size()
}

func runTrain(cmd *cobra.Command, name string, f trainFlags) error {
	say := func(format string, args ...any) { fmt.Fprintf(cmd.OutOrStdout(), format+"\n", args...) }
	if err := keepMemory(f.backend); err != nil {
		say("memory: as the C library has it (%v)", err)
	}
	b, err := backend.Open(f.backend)
	if err != nil {
		return err
	}
	defer b.Finalize()
	say("backend: %s", b)
	preset := train.Preset(f.preset)
	switch {
	case f.quick:
		preset = train.Quick
	case preset == "":
		preset = train.PresetFor(b.Kind)
	}
	r, err := train.New(name, train.Settings{Preset: preset, Steps: f.steps, Batch: f.batch, Seed: f.seed, Peak: f.peak, From: f.from, Optimiser: f.optimiser})
	if err != nil {
		return err
	}
	o := r.Options
	say("preset: %s, %s, %s; %d steps of %d pictures of %d pixels", preset, r.Summary, r.Size(), o.Schedule.Steps, o.Batch, r.Preprocess.Size)
	if o.Out, o.StopAfter = f.out, f.stopAfter; o.Out == "" {
		o.Out = filepath.Join("out", name)
	}
	o.Log = func(format string, args ...any) {
		say("%s %s", time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
	}
	if o.Eval, err = r.Watcher(b, 300, f.seed); err != nil {
		return err
	}
	p, st, err := train.Run(cmd.Context(), b, o, r.Task)
	if err != nil {
		return err
	}
	p.Close()
	if err := saveCurve(st, o.Out); err != nil {
		return err
	}
	if st.Step < o.Schedule.Steps {
		return nil
	}
	return finish(cmd, b, r, o.Out)
}
