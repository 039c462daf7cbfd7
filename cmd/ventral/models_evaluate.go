package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/models/mini"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/train"
)

func newModelsEvaluate() *cobra.Command {
	var be string
	var n int
	var seed uint64
	var write bool
	c := &cobra.Command{
		Use:   "evaluate NAME",
		Short: "Measure accuracy by factor on held-out scenes, with intervals, beside the untrained model",
		Long: `Measure accuracy on held-out procedural pictures, factor by factor: objects by way of being shown,
shapes, colours, expressions, written words and more, also in combinations that training never saw
and in spoiled pictures; by prompts (zero-shot), by the heads of a classifier, and by linear probes,
which learn from other pictures. Each accuracy has a 95 % Wilson interval and stands beside the same
network untrained. Effects follow: what a misleading written word does to the answers about the same
pictures, with paired bootstrap intervals. This is where the numbers of a shipped network's card come
from; without --n and --seed they are computed again.

NAME may be the path of a card, NAME.json as "ventral train" writes it, with the weights beside it;
--write then puts what was measured into the card.`,
		Example: "  ventral models evaluate mini/clip-vit\n  ventral models evaluate out/clip-rn/clip-rn.json --write",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := backend.Open(be)
			if err != nil {
				return err
			}
			defer b.Finalize()
			m, card, x, err := examinee(cmd, args[0], write)
			if err != nil {
				return err
			}
			defer m.Close()
			if n > 0 {
				x.Pictures = n
			}
			if card.Factors, card.Effects, err = train.Evaluate(b, m, x, seed); err != nil {
				return err
			}
			if write {
				if err := train.WriteCard(card, filepath.Dir(args[0])); err != nil {
					return err
				}
			}
			return emit(cmd, struct {
				Factors []mini.Factor `json:"factors"`
				Effects []mini.Effect `json:"effects,omitempty"`
			}{card.Factors, card.Effects}, nil, cardRows(card))
		},
	}
	c.Flags().StringVar(&be, "backend", "", "backend (default: the best there is)")
	c.Flags().IntVar(&n, "n", 0, "pictures a factor (default: as on the card)")
	c.Flags().Uint64Var(&seed, "seed", train.CardSeed, "seed of the pictures")
	c.Flags().BoolVar(&write, "write", false, "put the numbers into the card whose path is given")
	addJSON(c)
	return c
}

// examinee opens a model by name, or by the path of a card with the weights beside it, and says what it is asked.
func examinee(cmd *cobra.Command, name string, write bool) (*zoo.Model, mini.Card, train.Exam, error) {
	var card mini.Card
	base, isCard := strings.CutSuffix(name, ".json")
	if !isCard {
		if write {
			return nil, card, train.Exam{}, fmt.Errorf("--write %s: want the path of a card, NAME.json with NAME.safetensors beside it", name)
		}
		m, err := openModel(cmd, name)
		if err != nil {
			return nil, card, train.Exam{}, err
		}
		x, err := train.Ask(m)
		if err != nil {
			m.Close()
		}
		return m, card, x, err
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, card, train.Exam{}, err
	}
	if err := json.Unmarshal(b, &card); err != nil {
		return nil, card, train.Exam{}, fmt.Errorf("card %s: %w", name, err)
	}
	if want := strings.TrimPrefix(card.Name, "mini/"); want != filepath.Base(base) {
		return nil, card, train.Exam{}, fmt.Errorf("card %s is that of %s: call it %s.json", name, card.Name, want)
	}
	m, err := zoo.OpenTrained(card, base+".safetensors")
	return m, card, train.Examine(card), err
}

// cardRows are the accuracies and effects of a card, a row each.
func cardRows(c mini.Card) [][]string {
	var rows [][]string
	for _, f := range c.Factors {
		rows = append(rows, []string{strings.TrimSpace(f.Name+" ("+f.Split+") "+f.Nuisance) + ", " + f.Measure, fmt.Sprintf("%.1f %% [%.1f, %.1f] of %d classes, untrained %.1f %%",
			100*f.Accuracy, 100*f.Interval[0], 100*f.Interval[1], f.Classes, 100*f.Untrained)})
	}
	for _, e := range c.Effects {
		for _, d := range e.Conditions {
			rows = append(rows, []string{e.Name + ": " + d.Name, fmt.Sprintf("%.1f %% [%.1f, %.1f] of %d pictures, untrained %.1f %%", 100*d.Share, 100*d.Interval[0], 100*d.Interval[1], e.Pictures, 100*d.Untrained)})
		}
		for _, d := range e.Contrasts {
			rows = append(rows, []string{e.Name + ": " + d.Name, fmt.Sprintf("%+.1f points [%+.1f, %+.1f], untrained %+.1f", 100*d.Difference, 100*d.Interval[0], 100*d.Interval[1], 100*d.Untrained)})
		}
	}
	return rows
}
