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
	c.AddCommand(newStudySpatial(), newStudyUnits())
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
		Long: `Run the spatial-cells study on any network: zero-shot table (where there is a text tower), rate
maps of every unit with a permutation null, the untrained control, lesions of every module, of
chosen units, of attention heads and single patches, the location x location deficit matrix and
the bias experiment; why untrained maps look border-like, scores of all recorded units against their
nulls, how selectivity arises in training (over the snapshots there are), and a verdict on every claim
of the document. Lesions are judged by the text tower, by a classifier's own head with a
class "circle", or else by a linear read-out fitted to the intact network.
Figures (PNG, SVG, PDF, with data and provenance beside them), result.json and verdicts.md go to --out.`,
		Example: "  ventral study spatial --model mini/clip-vit --out out/spatial --quick\n  ventral study spatial --model random:torchvision/vgg11?size=64 --out out/vgg --quick",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Stimuli = circles.Config{N: n, Seed: 1}
			if quick {
				o = o.Quick()
			}
			s, done, err := openSpatial(cmd, be, model, o)
			if err != nil {
				return err
			}
			defer done()
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
			w := cmd.OutOrStdout()
			for _, ps := range r.ZeroShot {
				fmt.Fprintf(w, "%-12s accuracy %s\n", ps.Name, ps.Accuracy)
			}
			fmt.Fprintf(w, "judge        %s: %s against %s", r.Judge.Kind, r.Judge.Positive, r.Judge.Negative)
			if r.Judge.Fitted > 0 {
				fmt.Fprintf(w, ", right on %s of held-out pictures", r.Judge.Accuracy)
			}
			fmt.Fprintln(w)
			for _, m := range r.Deficits {
				fmt.Fprintf(w, "deficits     %s, %s ablation: diagonal less the rest %s, p = %.2g\n", m.Site, m.Ablation, m.Specificity, float64(m.P))
			}
			if err := atomicfile.WriteFile(filepath.Join(out, "verdicts.md"), []byte(spatial.VerdictMarkdown(r.Model, r.Verdicts)), "study"); err != nil {
				return err
			}
			for _, v := range r.Verdicts {
				fmt.Fprintf(w, "%-13s %s\n", v.Word, v.Claim)
				for _, e := range v.Evidence {
					fmt.Fprintf(w, "              %s\n", e)
				}
			}
			fmt.Fprintf(w, "%d figures, result.json and verdicts.md: %s\n", len(figs), out)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&model, "model", "mini/clip-vit", "model name (ventral models list)")
	f.StringVar(&out, "out", "out/spatial", "folder of figures and result.json")
	f.StringVar(&be, "backend", "", "backend (default: the best there is)")
	f.IntVar(&n, "n", 3000, "stimuli")
	f.BoolVar(&quick, "quick", false, "fewer stimuli, levels and draws: about two minutes of two cores for mini/clip-vit")
	f.StringVar(&o.Token, "token", "", "what a unit is: a channel at the class token (class) or token=I, its mean or max over positions, or\nall: a channel at one position (default class where there are tokens, else mean)")
	f.IntVar(&o.Shuffles, "shuffles", 1000, "permutations of the null")
	f.StringVar(&o.Ablation, "ablation", "zero", "what takes the place of what is lesioned: zero, mean or resample")
	f.StringVar(&o.TargetSite, "site", "", "site of the targeted lesions, the deficit matrix and the bias experiment\n(default: what adds to a block's output and hurts most when it is lesioned)")
	f.IntVar(&o.Places, "places", 4, "places on a side of the deficit matrix")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of shuffles, controls and intervals")
	return c
}

// openSpatial sets up the spatial study of a model, with progress on the error output.
func openSpatial(cmd *cobra.Command, be, model string, o spatial.Options) (s *spatial.Study, done func(), err error) {
	b, err := backend.Open(be)
	if err != nil {
		return nil, nil, err
	}
	m, err := openModel(cmd, model)
	if err != nil {
		b.Finalize()
		return nil, nil, err
	}
	done = func() {
		m.Close()
		b.Finalize()
	}
	o.Progress = func(title string, total int) *progress.Progress {
		return progress.New(title, total, progress.Writer(cmd.ErrOrStderr()))
	}
	fmt.Fprintln(cmd.ErrOrStderr(), "backend:", b)
	if s, err = spatial.New(b, m, o); err != nil {
		done()
		return nil, nil, err
	}
	return s, done, nil
}
