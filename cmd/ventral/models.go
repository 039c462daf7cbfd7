package main

import (
	"fmt"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/models/golden"
	"github.com/ventral-lab/ventral/models/mini"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/record"
	"github.com/ventral-lab/ventral/pkg/rig/site"
	"github.com/ventral-lab/ventral/pkg/rig/train"
)

func init() { register(newModels) }

func newModels() *cobra.Command {
	c := &cobra.Command{
		Use:     "models",
		Short:   "List, describe, verify and evaluate models",
		GroupID: groupModels,
		Long: `Models have names: mini/clip-vit (shipped), openai/clip-vit-b-32 (from a local folder or the
Hugging Face cache), random:NAME?seed=N (initial weights) and file:PATH (a checkpoint).`,
		Example: "  ventral models list\n  ventral models sites openai/clip-vit-b-32 --match '**.attn'",
	}
	c.AddCommand(newModelsList(), newModelsShow(), newModelsSites(), newModelsVerify(), newModelsEvaluate())
	return c
}

func newModelsList() *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List the models that have names",
		Long: `List the models that have names, with their architecture, number of parameters and where their
weights come from. random:NAME?seed=N and file:PATH work besides.`,
		Example: "  ventral models list --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cards := zoo.Cards()
			var rows [][]string
			for _, m := range cards {
				rows = append(rows, []string{m.Name, m.Architecture, fmt.Sprint(m.Parameters), m.Source})
			}
			return emit(cmd, cards, []string{"NAME", "ARCHITECTURE", "PARAMETERS", "SOURCE"}, rows)
		},
	}
	addJSON(c)
	return c
}

func newModelsShow() *cobra.Command {
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Print what is known of a model: source, licence, preprocessing, training, accuracy",
		Long: `Print a model's card. For a shipped network it holds the recipe of its training and its zero-shot
accuracy by factor, with 95 % intervals, beside the same network untrained.`,
		Example: "  ventral models show mini/clip-vit",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			card, err := zoo.Find(args[0])
			if err != nil {
				return err
			}
			rows := [][]string{{"name", card.Name}, {"architecture", card.Architecture}, {"parameters", fmt.Sprint(card.Parameters)},
				{"source", strings.TrimSpace(card.Source + " " + card.File)}, {"licence", card.Licence}, {"preprocessing", card.Preprocess.String()}}
			if card.Note != "" {
				rows = append(rows, []string{"note", card.Note})
			}
			var value any = card
			if card.Shipped {
				m, err := mini.Describe(card.Name)
				if err != nil {
					return err
				}
				value = m
				rows = append(rows, []string{"training", fmt.Sprintf("%d pictures of %s, seed %d, %.0f s on %s", m.Training.Pictures, m.Training.Data, m.Training.Seed, m.Training.Seconds, m.Training.Backend)},
					[]string{"recipe", m.Training.Recipe})
				rows = append(rows, factorRows(m.Factors)...)
			}
			return emit(cmd, value, nil, rows)
		},
	}
	addJSON(c)
	return c
}

func factorRows(factors []mini.Factor) [][]string {
	var rows [][]string
	for _, f := range factors {
		rows = append(rows, []string{f.Name + " (" + f.Split + ")", fmt.Sprintf("%.1f %% [%.1f, %.1f] of %d classes, untrained %.1f %%",
			100*f.Accuracy, 100*f.Interval[0], 100*f.Interval[1], f.Classes, 100*f.Untrained)})
	}
	return rows
}

func newModelsSites() *cobra.Command {
	var match, tower string
	c := &cobra.Command{
		Use:   "sites NAME",
		Short: "List a model's sites with axes, shape and bytes for one stimulus",
		Long: `List the inner values of a model that can be recorded or edited: names (the module paths of the
reference implementation), axes, shape and bytes for one stimulus. No weights are read.`,
		Example: "  ventral models sites openai/clip-vit-b-32 --match '**.mlp.c_proj'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			infos, err := zoo.Sites(args[0], tower)
			if err != nil {
				return err
			}
			if infos, err = site.Match(match, infos); err != nil {
				return err
			}
			var rows [][]string
			for _, i := range infos {
				rows = append(rows, []string{i.Name, fmt.Sprint(i.Axes), fmt.Sprint(i.Shape), record.Bytes(int64(i.Bytes()))})
			}
			return emit(cmd, infos, []string{"SITE", "AXES", "SHAPE", "BYTES"}, rows)
		},
	}
	c.Flags().StringVar(&match, "match", "**", "only sites that match this selector")
	c.Flags().StringVar(&tower, "tower", "visual", "visual or text")
	addJSON(c)
	return c
}

func newModelsVerify() *cobra.Command {
	var dir, be string
	var tolerance float64
	c := &cobra.Command{
		Use:   "verify",
		Short: "Run reference cases and print the worst error of every tensor",
		Long: `Run reference cases: small networks whose every inner value was computed by the reference
library. Each tensor's largest error is printed as a share of its largest value. The exit
status is 1 if one is beyond tolerance, or nothing was compared.`,
		Example: "  ventral models verify --golden models/golden/testdata --backend xla",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := backend.Open(be)
			if err != nil {
				return err
			}
			defer b.Finalize()
			reports, err := golden.Verify(dir, b, golden.Options{Tolerance: tolerance})
			if err != nil {
				return err
			}
			compared, failed := 0, 0
			var rows [][]string
			for _, r := range reports {
				sort.SliceStable(r.Rows, func(i, j int) bool { return r.Rows[i].Error > r.Rows[j].Error })
				for _, row := range r.Rows {
					verdict := "ok"
					if !row.OK {
						verdict = "FAILED " + row.Reason
					}
					rows = append(rows, []string{r.Case, row.Tensor, fmt.Sprint(row.Shape), fmt.Sprintf("%.2g", row.Error), verdict})
				}
				for _, row := range r.NotComparable {
					rows = append(rows, []string{r.Case, row.Tensor, fmt.Sprint(row.Shape), "-", "not comparable: " + row.Reason})
				}
				compared, failed = compared+len(r.Rows), failed+r.Failed()
			}
			for _, r := range reports {
				rows = append(rows, []string{r.Case, "SUMMARY", r.Layout, r.Backend, fmt.Sprintf("%d compared, %d failed, %d not comparable", len(r.Rows), r.Failed(), len(r.NotComparable))})
			}
			if err := emit(cmd, reports, []string{"CASE", "TENSOR", "SHAPE", "ERROR", ""}, rows); err != nil {
				return err
			}
			if failed > 0 || compared == 0 {
				return errSaid
			}
			return nil
		},
	}
	c.Flags().StringVar(&dir, "golden", "models/golden/testdata", "a reference case, or a folder of them")
	c.Flags().StringVar(&be, "backend", "", "backend (default: the best there is)")
	c.Flags().Float64Var(&tolerance, "tolerance", 0, "relative tolerance (default: 5e-5, gradients 1e-4)")
	addJSON(c)
	return c
}

func newModelsEvaluate() *cobra.Command {
	var be string
	var n int
	var seed uint64
	c := &cobra.Command{
		Use:   "evaluate NAME",
		Short: "Measure zero-shot accuracy by factor on held-out scenes, with intervals, beside the untrained model",
		Long: `Measure zero-shot accuracy on held-out procedural pictures, factor by factor: shapes, colours,
sizes, counts, positions, textures and written words, also in combinations that training never
saw. Each has a 95 % Wilson interval and stands beside the same network untrained. This is where
the numbers of a shipped network's card come from.`,
		Example: "  ventral models evaluate mini/clip-vit",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := backend.Open(be)
			if err != nil {
				return err
			}
			defer b.Finalize()
			m, err := zoo.Open(args[0])
			if err != nil {
				return err
			}
			defer m.Close()
			factors, err := train.Evaluate(b, m, n, seed)
			if err != nil {
				return err
			}
			return emit(cmd, factors, nil, factorRows(factors))
		},
	}
	c.Flags().StringVar(&be, "backend", "", "backend (default: the best there is)")
	c.Flags().IntVar(&n, "n", 600, "pictures a factor")
	c.Flags().Uint64Var(&seed, "seed", 7, "seed of the pictures")
	addJSON(c)
	return c
}
