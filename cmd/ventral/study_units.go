package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/datasets/circles"
	"github.com/ventral-lab/ventral/internal/atomicfile"
	"github.com/ventral-lab/ventral/pkg/study/spatial"
)

func newStudyUnits() *cobra.Command {
	var model, out, be, budget, disk string
	var n, seeds int
	var decoding bool
	var o spatial.Options
	var u spatial.UnitOptions
	c := &cobra.Command{
		Use:   "units",
		Short: "Score every unit of every site: one table with all spatial scores, p and q values",
		Long: `Record the circles of the spatial-cells study and score every unit of the chosen sites: information,
grid and border scores, border scores beyond what the visible area explains, place fields, receptive
fields, reliability, dependence on size; each test with p, and q over all units of all sites.
The same for untrained models of the same architecture (--seeds, 0 for none).

units.csv, units.parquet (a row a unit) and units.json go to --out, untrained-SEED.* beside them, and
comparison.json with the share of significant units by site. With --decoding, decoding.json says how well
the units of every site tell place and size together. Activations are recorded on the disk and read in
blocks; a run that was killed goes on where it was.`,
		Example: `  ventral study units --model mini/clip-vit --out out/units
  ventral study units --model mini/clip-rn --sites 'visual.layer{1..4}' --places max --shuffles 200 --seeds 0`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if u.Budget, err = parseBytes(budget); err != nil {
				return err
			}
			if u.Disk, err = parseBytes(disk); err != nil {
				return err
			}
			o.Stimuli = circles.Config{N: n, Seed: 1}
			if seeds == 0 {
				seeds = -1 // none, where the package's 0 is its default
			}
			s, done, err := openSpatial(cmd, be, model, o)
			if err != nil {
				return err
			}
			defer done()
			cmp, err := saveUnits(cmd, s, u, seeds, out)
			if err != nil {
				return err
			}
			if decoding {
				d, err := s.DecodingAgainstUntrained(cmd.Context(), spatial.DecodingOptions{Sites: u.Sites, Tokens: u.Tokens, Places: u.Places}, seeds)
				if err != nil {
					return err
				}
				if err := saveJSON(filepath.Join(out, "decoding.json"), d); err != nil {
					return err
				}
			}
			var rows [][]string
			for _, r := range cmp.Sites {
				chance := "-"
				if len(r.Untrained) > 0 {
					chance = fmt.Sprintf("%.2f", r.UntrainedMean.Estimate)
				}
				rows = append(rows, []string{r.Site, r.Test, r.Trained.String(), chance, fmt.Sprintf("%.2f", r.TrainedP.Estimate), fmt.Sprintf("%.2f", r.Chance)})
			}
			if err := emit(cmd, cmp, []string{"SITE", "TEST", "q <= .05", "UNTRAINED", "p <= .05", "BY CHANCE"}, rows); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.ErrOrStderr(), "%d units: %s\n", cmp.Trained.Len(), out)
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&model, "model", "mini/clip-vit", "model name (ventral models list)")
	f.StringSliceVar(&u.Sites, "sites", nil, "globs over sites (default: every site with channels)")
	f.StringVar(&u.Tokens, "tokens", "class", "units of sites with tokens: class, mean, token=I, patches or all")
	f.StringVar(&u.Places, "places", "all", "units of feature maps: all positions, or the mean or max over them")
	f.StringVar(&u.Conversion, "conversion", "baseline", "activations to rates: baseline, relu or z (each unit on or off), or one of ratemap's")
	f.IntVar(&u.Shuffles, "shuffles", 1000, "permutations of places")
	f.IntVar(&u.Surrogates, "surrogates", 199, "smooth surrogates of a map at most, for grid and border scores")
	f.BoolVar(&u.NoFields, "no-fields", false, "fit no receptive fields")
	f.StringVar(&budget, "budget", "512MiB", "memory for activations and maps while scoring")
	f.StringVar(&disk, "disk", "8GiB", "activations recorded at a time")
	f.StringVar(&u.Dir, "work", "", "folder of finished blocks (default: the cache)")
	f.IntVar(&seeds, "seeds", spatial.UntrainedSeeds, "untrained models to compare with")
	f.BoolVar(&decoding, "decoding", false, "decode place and size from the units of every site")
	f.StringVar(&out, "out", "out/units", "folder of the tables")
	f.StringVar(&be, "backend", "", "backend (default: the best there is)")
	f.IntVar(&n, "n", 3000, "stimuli")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of permutations, surrogates and untrained weights")
	addJSON(c)
	return c
}

// saveUnits scores the units of a study, and of untrained models, and writes the tables.
func saveUnits(cmd *cobra.Command, s *spatial.Study, o spatial.UnitOptions, seeds int, out string) (*spatial.UnitComparison, error) {
	cmp, err := s.UnitsAgainstUntrained(cmd.Context(), o, seeds, .05)
	if err != nil {
		return nil, err
	}
	if err := cmp.Trained.Save(out, "units"); err != nil {
		return nil, err
	}
	for k, t := range cmp.Untrained {
		if err := t.Save(out, fmt.Sprintf("untrained-%d", cmp.Seeds[k])); err != nil {
			return nil, err
		}
	}
	return cmp, saveJSON(filepath.Join(out, "comparison.json"), cmp)
}

func saveJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(path, append(b, '\n'), "study")
}
