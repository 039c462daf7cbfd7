package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/datasets/circles"
	"github.com/ventral-lab/ventral/internal/atomicfile"
	"github.com/ventral-lab/ventral/internal/progress"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/study/spatial"
)

func init() { register(newStudy) }

func newStudy() *cobra.Command {
	c := &cobra.Command{
		Use:     "study",
		GroupID: groupDocuments,
		Short:   "Run a whole study on a model and print its figures",
		Long: `A study is the protocol of one published document, from stimuli to figures with their data and
provenance. It runs the same on any model that has what it needs.`,
		Example: "  ventral study spatial --model mini/clip-vit --out out/spatial --quick",
	}
	c.AddCommand(newStudySpatial())
	return c
}

func newStudySpatial() *cobra.Command {
	var model, out, be string
	var n int
	var quick bool
	var o spatial.Options
	c := &cobra.Command{
		Use:   "spatial",
		Short: "Which units know where a stimulus is, and what lesioning them does",
		Long: `Run the spatial-cells study: zero-shot table, rate maps of every unit with a permutation
null, the untrained control, lesions of every module of both towers and lesions of chosen units.
Figures (PNG, SVG, PDF, with data and provenance beside them) and result.json go to --out.`,
		Example: "  ventral study spatial --model mini/clip-vit --out out/spatial --quick",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := backend.Open(be)
			if err != nil {
				return err
			}
			defer b.Finalize()
			m, err := openModel(cmd, model)
			if err != nil {
				return err
			}
			defer m.Close()
			o.Stimuli = circles.Config{N: n, Seed: 1}
			if quick {
				o = o.Quick()
			}
			o.Progress = func(title string, total int) *progress.Progress {
				return progress.New(title, total, progress.Writer(cmd.ErrOrStderr()))
			}
			fmt.Fprintln(cmd.ErrOrStderr(), "backend:", b)
			s, err := spatial.New(b, m, o)
			if err != nil {
				return err
			}
			r, err := s.Run(cmd.Context())
			if err != nil {
				return err
			}
			figs, err := s.Figures(r)
			if err != nil {
				return err
			}
			for _, f := range figs {
				if _, err := f.Save(out); err != nil {
					return err
				}
			}
			j, err := json.Marshal(r)
			if err != nil {
				return err
			}
			if err := atomicfile.WriteFile(filepath.Join(out, "result.json"), j, "study"); err != nil {
				return err
			}
			for _, ps := range r.ZeroShot {
				fmt.Fprintf(cmd.OutOrStdout(), "%-12s accuracy %s\n", ps.Name, ps.Accuracy)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d figures and result.json: %s\n", len(figs), out)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&model, "model", "mini/clip-vit", "model name (ventral models list)")
	f.StringVar(&out, "out", "out/spatial", "folder of figures and result.json")
	f.StringVar(&be, "backend", "", "backend (default: the best there is)")
	f.IntVar(&n, "n", 3000, "stimuli")
	f.BoolVar(&quick, "quick", false, "fewer stimuli and levels in the lesions: about a minute for the shipped model")
	f.StringVar(&o.Token, "token", "class", "which token's units: class, mean, token=I or all")
	f.IntVar(&o.Shuffles, "shuffles", 1000, "permutations of the null")
	f.StringVar(&o.Ablation, "ablation", "zero", "zero, mean or resample")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of shuffles, controls and intervals")
	return c
}
