package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/datasets/circles"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/study/spatial"
)

func newBenchLesions() *cobra.Command {
	var be, model, at string
	var n, orders, levels, batch int
	c := &cobra.Command{
		Use:   "lesions",
		Short: "Compare targeted lesions as the study runs them with whole forward passes",
		Long: `Lesion growing numbers of units of one site, in several orders, for a few stimuli: first as
"ventral study spatial" does it, from the block after the site on, then with a whole forward pass
for every lesion. Seconds are of both ways in one run, without compilation; RATIO is the first over
the second. DIFFERENCE is the largest of the log-odds of the two ways, over their largest value.`,
		Example: "  ventral bench lesions --stimuli 4 --levels 11",
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
			s, err := spatial.New(b, m, spatial.Options{Stimuli: circles.Config{N: max(n, batch, 2), Seed: 1}, Batch: batch, Seed: 1})
			if err != nil {
				return err
			}
			r, err := s.LesionCost(cmd.Context(), at, n, orders, levels, processorSeconds)
			if err != nil {
				return err
			}
			row := []string{r.Model, r.Site, fmt.Sprint(r.Stimuli), fmt.Sprint(r.Lesions), fmt.Sprintf("%.2f", r.StudyWall), fmt.Sprintf("%.2f", r.StudyCPU),
				fmt.Sprintf("%.2f", r.WholeWall), fmt.Sprintf("%.2f", r.WholeCPU), fmt.Sprintf("%.3f", float64(r.RatioWall)), fmt.Sprintf("%.3f", float64(r.RatioCPU)), fmt.Sprintf("%.1e", r.Difference)}
			return emit(cmd, r, []string{"MODEL", "SITE", "STIMULI", "LESIONS", "WALL", "CPU", "WHOLE WALL", "WHOLE CPU", "RATIO WALL", "RATIO CPU", "DIFFERENCE"}, [][]string{row})
		},
	}
	f := c.Flags()
	f.StringVar(&model, "model", "random:openai/clip-vit-b-32?seed=1", "model name")
	f.StringVar(&at, "site", "visual.transformer.resblocks.9.mlp.c_proj", "site whose units are lesioned")
	f.IntVar(&n, "stimuli", 4, "stimuli, in whole batches")
	f.IntVar(&batch, "batch", 4, "stimuli at a time")
	f.IntVar(&orders, "orders", 3, "orders of units (the document has three arms)")
	f.IntVar(&levels, "levels", 41, "lesion sizes from none to all units")
	f.StringVar(&be, "backend", "", "backend (default: the best there is)")
	addJSON(c)
	return c
}
