package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/internal/atomicfile"
	"github.com/ventral-lab/ventral/models/mini"
	"github.com/ventral-lab/ventral/models/mini/family"
)

// familyPage is the page about the shipped networks.
const familyPage = "docs/family.md"

// pageDPI is the resolution of figures on pages that are read on screens.
const pageDPI = 200

func newModelsCards() *cobra.Command {
	var write bool
	c := &cobra.Command{
		Use:   "cards",
		Short: "Print the cards of the shipped networks as one page; --write puts it into docs",
		Long: `Print the cards of the networks that ship with Ventral as one page of Markdown: data, recipe, time,
training curve, accuracies with intervals beside the untrained twin, effects, and which of the set bars
are met. With --write, in the root of a clone, the page goes to ` + familyPage + ` and the training curves to
docs/figures.`,
		Example: "  ventral models cards\n  ventral models cards --write",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var cards []mini.Card
			for _, n := range mini.Names() {
				card, err := mini.Describe(n)
				if err != nil {
					return err
				}
				cards = append(cards, card)
			}
			if asJSON, _ := cmd.Flags().GetBool("json"); asJSON && !write {
				return emit(cmd, cards, nil, nil)
			}
			var text strings.Builder
			if err := family.WritePage(&text, cards); err != nil {
				return err
			}
			if !write {
				_, err := fmt.Fprint(cmd.OutOrStdout(), text.String())
				return err
			}
			if _, err := os.Stat("docs"); err != nil {
				return fmt.Errorf("%w: --write belongs into the root of a clone, where docs is", err)
			}
			for _, card := range cards {
				if len(card.Training.Curve) < 2 {
					continue
				}
				f, err := cardCurve(card)
				if err != nil {
					return err
				}
				b, err := f.PNG(pageDPI)
				if err != nil {
					return err
				}
				if err := atomicfile.WriteFile(filepath.Join("docs", filepath.FromSlash(family.Figure(card))), b, "cards"); err != nil {
					return err
				}
			}
			return atomicfile.WriteFile(filepath.FromSlash(familyPage), []byte(text.String()), "cards")
		},
	}
	c.Flags().BoolVar(&write, "write", false, "write "+familyPage+" and the training curves in docs/figures")
	addJSON(c)
	return c
}
