package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/models/bridge"
	"github.com/ventral-lab/ventral/models/zoo"
)

func newModelsUnit() *cobra.Command {
	c := &cobra.Command{
		Use:   "unit MODEL SITE[:CHANNEL[,Y,X]]",
		Short: "Say what a site or unit is called in every library, and what it reads",
		Long: `Translate the name of a site or unit between libraries: torchvision, timm, Cadene, Keras and TF-slim
for VGG and NASNet, and the aliases of the others. SITE is the name in any of them. For a channel of
a NASNet cell the piece of the concatenation is named that it lies in, and its number there; for a
site of VGG the receptive field. No weights are read.

Places are the same in all libraries. Filters are where the weights are: Keras' and TF-slim's VGGs
have other filters than torchvision's.`,
		Example: "  ventral models unit timm/nasnetalarge Cell_0:804,21,19\n  ventral models unit torchvision/vgg19 block3_pool:57",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			unit, err := bridge.ParseUnit(args[1])
			if err != nil {
				return err
			}
			card, _, err := zoo.Describe(args[0])
			if err != nil {
				return err
			}
			sites, err := zoo.Sites(args[0], "visual")
			if err != nil {
				return err
			}
			d, err := bridge.Describe(card.Config, sites, unit)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return emit(cmd, d, nil, unitRows(d))
		},
	}
	addJSON(c)
	return c
}

func unitRows(d bridge.Description) [][]string {
	rows := [][]string{{"unit", d.Unit.String()}, {"axes", fmt.Sprint(d.Axes)}, {"shape", fmt.Sprint(d.Shape)}}
	add := func(name, format string, args ...any) {
		rows = append(rows, []string{name, fmt.Sprintf(format, args...)})
	}
	if p := d.Part; p != nil {
		add("piece", "%s = %s: %s", p.Piece, p.Sum, p.Unit)
		if p.Path != nil {
			add("reads", "%s, channel by channel", p.Path)
		}
	}
	if d.Whole != nil {
		add("part of", "%s", d.Whole)
	}
	if f := d.Field; f != nil {
		add("field", "%dx%d pixels, stride %d, the first unit's from pixel %d", f.Size, f.Size, f.Stride, f.Offset)
	}
	if d.Rows != nil {
		add("sees", "rows %d to %d, columns %d to %d", d.Rows[0], d.Rows[1]-1, d.Cols[0], d.Cols[1]-1)
	}
	for _, n := range d.Names {
		text := n.Name
		if strings.Contains(n.Order, ",") {
			text += " [" + n.Order + "]"
		}
		if n.Note != "" {
			text += ", " + n.Note
		}
		if !n.Filters {
			text += "; other filters"
		}
		rows = append(rows, []string{n.Library, text})
	}
	return rows
}
