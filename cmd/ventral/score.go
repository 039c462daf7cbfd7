package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/internal/atomicfile"
	"github.com/ventral-lab/ventral/internal/npy"
	"github.com/ventral-lab/ventral/internal/parallel"
	"github.com/ventral-lab/ventral/internal/table"
	"github.com/ventral-lab/ventral/pkg/method/ratemap"
)

func init() { register(newScore) }

func newScore() *cobra.Command {
	c := &cobra.Command{
		Use:     "score",
		GroupID: groupMethods,
		Short:   "Score arrays from files: rate maps",
		Long: `Score arrays that other programs wrote, without a network: the methods that the studies use, on plain
files. docs/scores.md says what every number means and where tools differ.`,
		Example: "  ventral score ratemaps maps.npy --out scores.csv",
	}
	c.AddCommand(newScoreRatemaps())
	return c
}

func newScoreRatemaps() *cobra.Command {
	var occupancy, out string
	var variants []string
	c := &cobra.Command{
		Use:   "ratemaps MAPS.npy|MAPS.npz",
		Short: "Score rate maps: spatial information, sparsity, coherence, grid and border scores",
		Long: `Score rate maps of neurons or units. The maps are one array [unit, row, col], one map [row, col],
or a .npz file with one named array a map (an array [unit, row, col] in it is as many maps). NaN is
a bin that was not visited. --occupancy gives the time or the number of stimuli in every bin, for all maps or one
for each: the same shapes, and in a .npz file the same names. Without it every visited bin counts the same.

--out takes a row a map: .csv, or .parquet by its ending. Columns are name, info_bits_per_event,
info_bits_per_sample, sparsity, selectivity, coherence, grid_score, grid_score_deepmind, grid_spacing and
grid_orientation (bins, degrees), border_score, and opexebo_NAME where opexebo 0.7 computes NAME in another way.
--variant keeps some of them: skaggs (the definitions recommended here), deepmind, opexebo. NaN in the table is a
score that is not defined for that map.`,
		Example: `  ventral score ratemaps maps.npy --out scores.csv
  ventral score ratemaps cells.npz --occupancy seconds.npy --variant skaggs --variant opexebo --out scores.parquet`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ending := strings.ToLower(filepath.Ext(out))
			if ending != ".csv" && ending != ".parquet" {
				return errors.New("score ratemaps wants --out FILE.csv or FILE.parquet")
			}
			columns, keep, err := scoreColumns(variants)
			if err != nil {
				return err
			}
			names, maps, err := readMaps(args[0], occupancy)
			if err != nil {
				return err
			}
			batch := make([]any, len(columns))
			for k := range columns {
				batch[k] = make([]float64, len(maps))
			}
			batch[0] = names
			parallel.For(len(maps), func(u int) {
				values := ratemap.Describe(maps[u]).Values()
				for k, from := range keep {
					batch[k+1].([]float64)[u] = values[from]
				}
			})
			if err := writeTable(out, ending, columns, batch); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d maps, %d scores each: %s\n", len(maps), len(keep), out)
			return err
		},
	}
	c.Flags().StringVar(&occupancy, "occupancy", "", "occupancy of the bins, .npy or .npz (default: the same everywhere)")
	c.Flags().StringVar(&out, "out", "", "table to write, .csv or .parquet")
	c.Flags().StringSliceVar(&variants, "variant", nil, "skaggs, deepmind or opexebo; may be repeated (default: all)")
	return c
}

// scoreColumns are the columns of the table, and for each after the name its place among the scores of a map.
func scoreColumns(variants []string) (columns []table.Column, keep []int, err error) {
	for _, v := range variants {
		if !slices.Contains(ratemap.DescriptionVariants(), v) {
			return nil, nil, fmt.Errorf("no variant %q: there are %s", v, strings.Join(ratemap.DescriptionVariants(), ", "))
		}
	}
	columns = []table.Column{{Name: "name", Kind: table.String}}
	for k, name := range ratemap.DescriptionColumns() {
		if len(variants) == 0 || slices.Contains(variants, ratemap.DescriptionVariant(name)) {
			columns, keep = append(columns, table.Column{Name: name, Kind: table.Float64}), append(keep, k)
		}
	}
	return columns, keep, nil
}

// plane is one array [row, col] of a file.
type plane struct {
	name       string
	rows, cols int
	values     []float64
}

// planes takes the arrays of a .npy or .npz file apart into maps.
func planes(path string) (out []plane, single bool, err error) {
	arrays, err := npy.Load(path)
	if err != nil {
		return nil, false, err
	}
	for _, a := range arrays {
		v, err := a.Float64s()
		if err != nil {
			return nil, false, fmt.Errorf("%s: array %q: %w", path, a.Name, err)
		}
		switch s := a.Shape; len(s) {
		case 2:
			out = append(out, plane{a.Name, s[0], s[1], v})
		case 3:
			n := s[1] * s[2]
			for u := range s[0] {
				name := fmt.Sprint(u)
				if len(arrays) > 1 {
					name = a.Name + "/" + name
				}
				out = append(out, plane{name, s[1], s[2], v[u*n : (u+1)*n]})
			}
		default:
			return nil, false, fmt.Errorf("%s: array %q has shape %v: want [unit, row, col], or [row, col] for one map", path, a.Name, s)
		}
	}
	return out, len(arrays) == 1 && len(arrays[0].Shape) == 2, nil
}

// readMaps reads maps and gives each its occupancy: the one array for all, or the one of the same name.
func readMaps(path, occupancy string) (names []string, maps []ratemap.Map, err error) {
	rates, _, err := planes(path)
	if err != nil {
		return nil, nil, err
	}
	if len(rates) == 0 {
		return nil, nil, fmt.Errorf("%s holds no map", path)
	}
	weight := func(plane) (*plane, error) { return nil, nil }
	if occupancy != "" {
		occ, single, err := planes(occupancy)
		if err != nil {
			return nil, nil, err
		}
		byName := map[string]*plane{}
		for i := range occ {
			byName[occ[i].name] = &occ[i]
		}
		weight = func(m plane) (*plane, error) {
			if single {
				return &occ[0], nil
			}
			if o := byName[m.name]; o != nil {
				return o, nil
			}
			return nil, fmt.Errorf("%s has no occupancy for map %q: give one array for all maps, or one of the same name for each", occupancy, m.name)
		}
	}
	for _, m := range rates {
		o, err := weight(m)
		if err != nil {
			return nil, nil, err
		}
		var w []float64
		if o != nil {
			if w = o.values; o.rows != m.rows || o.cols != m.cols {
				return nil, nil, fmt.Errorf("map %q of %s is %d x %d, its occupancy in %s %d x %d", m.name, path, m.rows, m.cols, occupancy, o.rows, o.cols)
			}
		}
		one, err := ratemap.NewMap(m.rows, m.cols, m.values, w)
		if err != nil {
			return nil, nil, fmt.Errorf("map %q of %s: %w", m.name, path, err)
		}
		names, maps = append(names, m.name), append(maps, one)
	}
	return names, maps, nil
}

// writeTable writes one batch as a whole file.
func writeTable(path, ending string, columns []table.Column, batch []any) error {
	f, err := atomicfile.Create(path, "")
	if err != nil {
		return err
	}
	defer f.Abort()
	var w table.Writer
	if ending == ".parquet" {
		w, err = table.NewParquet(f, columns, nil)
	} else {
		w, err = table.NewCSV(f, columns)
	}
	if err != nil {
		return err
	}
	if err := w.Write(batch); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return f.Commit()
}
