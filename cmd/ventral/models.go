package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/models/mini"
	"github.com/ventral-lab/ventral/models/weights"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/rig/record"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

func init() { register(newModels) }

func newModels() *cobra.Command {
	c := &cobra.Command{
		Use:     "models",
		Short:   "List, describe, fetch, convert, verify and evaluate models",
		GroupID: groupModels,
		Long: `Models have names: mini/clip-vit (shipped), openai/clip-vit-b-32 (from a local folder or the
Hugging Face cache), random:NAME?seed=N (initial weights), file:PATH (a checkpoint) and
hf:OWNER/NAME (one on the Hugging Face hub).`,
		Example: "  ventral models list\n  ventral models fetch openai/clip-vit-b-32\n  ventral models sites openai/clip-vit-b-32 --match '**.attn'",
	}
	c.AddCommand(newModelsList(), newModelsShow(), newModelsSites(), newModelsUnit(), newModelsFetch(), newModelsConvert(), newModelsVerify(), newModelsEvaluate(), newModelsCards())
	return c
}

// listed is a card and where its weights are.
type listed struct {
	zoo.Card
	Where string `json:"where"` // shipped, here, cached or not here
	Path  string `json:"path,omitempty"`
}

func newModelsList() *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List the models that have names, and which are on this machine",
		Long: `List the models that have names, with their architecture, number of parameters, where their weights
are and where they come from: shipped (in this program), here (in $VENTRAL_MODELS, by default the
folder models in ventral's cache), cached (by the Hugging Face libraries or "ventral models fetch")
or not here. random:NAME?seed=N, file:PATH and hf:OWNER/NAME work besides.`,
		Example: "  ventral models list --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var all []listed
			var rows [][]string
			for _, m := range zoo.Cards() {
				l := listed{Card: m}
				l.Where, l.Path = zoo.Locate(m)
				all = append(all, l)
				rows = append(rows, []string{m.Name, m.Architecture, fmt.Sprint(m.Parameters), l.Where, m.Source})
			}
			return emit(cmd, all, []string{"NAME", "ARCHITECTURE", "PARAMETERS", "WHERE", "SOURCE"}, rows)
		},
	}
	addJSON(c)
	return c
}

func newModelsShow() *cobra.Command {
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Print what is known of a model: source, licence, layouts, preprocessing, training, accuracy",
		Long: `Print a model's card, or what is recognised of file:PATH: architecture, parameters, where the weights
are, licence, the layouts that its checkpoints are read and written in, preprocessing and what had
to be assumed. For a shipped network it holds the recipe of its training and its zero-shot
accuracy by factor, with 95 % intervals, beside the same network untrained.`,
		Example: "  ventral models show mini/clip-vit",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			card, warnings, err := zoo.Describe(args[0])
			if err != nil {
				return err
			}
			where, path := zoo.Locate(card)
			read, write := weights.Layouts(card.Architecture)
			rows := [][]string{{"name", card.Name}, {"architecture", card.Architecture}, {"parameters", fmt.Sprint(card.Parameters)},
				{"source", strings.TrimSpace(card.Source + " " + card.File)}, {"weights", strings.TrimSpace(where + " " + path)}, {"licence", card.Licence},
				{"layouts read", join(read)}, {"layouts written", join(write)}, {"preprocessing", card.Preprocess.String()}}
			if card.SHA256 != "" {
				rows = append(rows, []string{"sha-256", card.SHA256})
			}
			if card.Verified != "" {
				rows = append(rows, []string{"verified", card.Verified})
			}
			if card.Note != "" {
				rows = append(rows, []string{"note", card.Note})
			}
			for _, w := range warnings {
				rows = append(rows, []string{"warning", w})
			}
			var value any = struct {
				zoo.Card
				Where    string           `json:"where"`
				Path     string           `json:"path,omitempty"`
				Read     []weights.Layout `json:"layouts_read"`
				Write    []weights.Layout `json:"layouts_written"`
				Warnings []string         `json:"warnings,omitempty"`
			}{card, where, path, read, write, warnings}
			if card.Shipped {
				m, err := mini.Describe(card.Name)
				if err != nil {
					return err
				}
				value = m
				for _, t := range m.Training.All() {
					rows = append(rows, []string{"training", fmt.Sprintf("%d pictures of %s, seed %d, %.0f s on %s", t.Pictures, t.Data, t.Seed, t.Seconds, t.Backend)},
						[]string{"recipe", t.Recipe})
				}
				rows = append(rows, cardRows(m)...)
				if steps := mini.Steps(card.Name); len(steps) > 0 {
					rows = append(rows, []string{"on the way", onTheWay(card.Name, steps)})
				}
			}
			return emit(cmd, value, nil, rows)
		},
	}
	addJSON(c)
	return c
}

func join(layouts []weights.Layout) string {
	var s []string
	for _, l := range layouts {
		s = append(s, string(l))
	}
	return strings.Join(s, " ")
}

// onTheWay says under which names the image network opens as it was during its training.
func onTheWay(name string, steps []int) string {
	var names []string
	for _, s := range steps {
		names = append(names, fmt.Sprintf("%s@%d", name, s))
	}
	return strings.Join(names, " ") + " (image network after so many steps; @0 is untrained)"
}

func newModelsSites() *cobra.Command {
	var match, tower string
	var aliases bool
	c := &cobra.Command{
		Use:   "sites NAME",
		Short: "List a model's sites with axes, shape and bytes for one stimulus",
		Long: `List the inner values of a model that can be recorded or edited: names (the module paths of the
reference implementation), axes, shape and bytes for one stimulus. --aliases adds the names that
other libraries have for the same values; they work wherever a site's name does. No weights are read.`,
		Example: "  ventral models sites openai/clip-vit-b-32 --match '**.mlp.c_proj' --aliases",
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
				row := []string{i.Name, fmt.Sprint(i.Axes), fmt.Sprint(i.Shape), record.Bytes(int64(i.Bytes()))}
				if aliases {
					row = append(row, strings.Join(i.Aliases, " "))
				}
				rows = append(rows, row)
			}
			header := []string{"SITE", "AXES", "SHAPE", "BYTES"}
			if aliases {
				header = append(header, "ALIASES")
			}
			return emit(cmd, infos, header, rows)
		},
	}
	c.Flags().StringVar(&match, "match", "**", "only sites that match this selector")
	c.Flags().StringVar(&tower, "tower", "visual", "visual or text")
	c.Flags().BoolVar(&aliases, "aliases", false, "print the names in other libraries as well (--json always does)")
	addJSON(c)
	return c
}
