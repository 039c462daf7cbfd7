package zoo

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/verified"
	"github.com/ventral-lab/ventral/models/weights"
)

// MatchTables reads every table of names and shapes in a folder and finds the models of the zoo whose tensors are exactly
// these. A table whose shapes are those of no configuration of its architecture is an error.
func MatchTables(dir string) ([]verified.Table, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var tables []verified.Table
	for _, path := range paths {
		if filepath.Base(path) == "index.json" {
			continue
		}
		t, err := weights.ReadTable(path)
		if err != nil {
			return nil, err
		}
		row, err := matchTable(t)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		row.Table = strings.TrimSuffix(filepath.Base(path), ".json")
		tables = append(tables, row)
	}
	if len(tables) == 0 {
		return nil, fmt.Errorf("%s holds no tables of names and shapes", dir)
	}
	return tables, nil
}

func matchTable(t weights.Table) (verified.Table, error) {
	row := verified.Table{Source: t.Source, Tensors: len(t.Keys), Parameters: t.Parameters}
	shapes, found, err := weights.CanonicalShapes(t.Keys)
	if err != nil {
		return row, err
	}
	row.Architecture, row.Layout = found.Architecture, string(found.Layout)
	f, err := familyOf(found.Architecture)
	if err != nil {
		return row, err
	}
	c, _, err := f.infer(shapes, found.Layout, nil)
	if err != nil {
		return row, err
	}
	if name := firstDifference(shapes, c.Shapes()); name != "" {
		return row, fmt.Errorf("tensor %q has shape %v in the table and %v in the configuration that was read off it", name, shapes[name], c.Shapes()[name])
	}
	for _, card := range Cards() {
		if card.Architecture == found.Architecture && firstDifference(shapes, card.Config.Shapes()) == "" {
			row.Models = append(row.Models, card.Name)
		}
	}
	return row, nil
}

// firstDifference names a tensor that is not in both or has two shapes, "" if there is none.
func firstDifference(a, b map[string][]int) string {
	for _, m := range []map[string][]int{a, b} {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			x, inA := a[name]
			if y, inB := b[name]; inA != inB || !slices.Equal(x, y) {
				return name
			}
		}
	}
	return ""
}

// WritePage renders docs/verified-models.md: the models of the zoo, what was verified of each and by which cases.
func WritePage(w io.Writer, r verified.Record) error {
	b := &strings.Builder{}
	line := func(format string, a ...any) { fmt.Fprintf(b, format+"\n", a...) }
	line("# Verified models")
	line("")
	line("Written by `ventral models verify --write` on %s; do not edit. Every architecture was run on small networks with random weights whose", r.Date)
	line("every inner value another library had computed (`models/golden/testdata`), on both backends. An error is the largest")
	line("difference of a tensor over the largest value of the reference; beyond 5e-5 (gradients 1e-4) a case fails and this page is not written.")
	line("That the published files fit is shown by the names and shapes that the libraries give for the full-size models (`models/weights/testdata/keys`).")
	line("The published weights themselves were not run.")
	line("")
	line("## Models")
	line("")
	line("| model | parameters | architecture | names and shapes equal those of | source | SHA-256 | licence |")
	line("| --- | ---: | --- | --- | --- | --- | --- |")
	for _, c := range Cards() {
		if c.Shipped {
			continue
		}
		var tables []string
		for _, t := range r.Matched(c.Name) {
			tables = append(tables, t.Table)
		}
		proof := strings.Join(tables, ", ")
		if proof == "" {
			proof = "none"
		}
		hash := c.SHA256
		if hash == "" {
			hash = "not known"
		}
		source := c.Source
		if c.File != "" {
			source += ", " + c.File
		}
		line("| %s | %d | [%s](#%s) | %s | %s | %s | %s |", c.Name, models.Parameters(c.Config), c.Architecture, c.Architecture, proof, cell(source), hash, cell(c.Licence))
	}
	for _, f := range families {
		page(line, r, f)
	}
	line("## Names and shapes at full size")
	line("")
	line("| table | tensors | parameters | recognised as | library |")
	line("| --- | ---: | ---: | --- | --- |")
	for _, t := range r.Tables {
		line("| %s | %d | %d | %s/%s | %s |", t.Table, t.Tensors, t.Parameters, t.Architecture, t.Layout, cell(t.Source))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// page is the part of the page for one architecture.
func page(line func(format string, a ...any), r verified.Record, f family) {
	cases := r.Of(f.architecture)
	line("")
	line("## %s", f.architecture)
	line("")
	read, write := weights.Layouts(f.architecture)
	line("Read in the layouts %s; written in %s.", list(read), list(write))
	line("")
	if len(cases) == 0 {
		line("No case proves it.")
		line("")
		return
	}
	var backends []string
	for _, c := range cases {
		for b := range c.Worst {
			backends = append(backends, b)
		}
	}
	sort.Strings(backends)
	backends = slices.Compact(backends)
	line("| case | weights | layout | tensors compared | worst error on %s |", strings.Join(backends, " | on "))
	line("| --- | --- | --- | ---: | %s|", strings.Repeat("---: | ", len(backends)-1)+"---: ")
	about := map[string]verified.Case{}
	for _, c := range cases {
		var errs []string
		for _, b := range backends {
			if e, ok := c.Worst[b]; ok {
				errs = append(errs, fmt.Sprintf("%.1e", e))
			} else {
				errs = append(errs, "not run")
			}
		}
		line("| %s | %s | %s | %d | %s |", c.Case, c.Weights, cell(c.Layout), c.Compared, strings.Join(errs, " | "))
		about[c.Case] = c
	}
	line("")
	for _, name := range slices.Sorted(maps.Keys(about)) {
		line("- %s: %s (%s)", name, about[name].About, about[name].Libraries)
	}
	for _, c := range cases {
		for _, n := range c.NotComparable {
			line("- not comparable in %s, %s: %s", c.Case, c.Weights, n)
		}
	}
	line("")
}

func list(layouts []weights.Layout) string {
	var s []string
	for _, l := range layouts {
		s = append(s, string(l))
	}
	return strings.Join(s, ", ")
}

// cell makes text fit into a cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }
