// Package table writes tables, batch by batch, as Parquet or CSV.
//
// A column is of text, booleans, integers or floats, and holds one value a row or a fixed number of them. In Parquet
// such a vector is a LIST (the three-level layout of the Parquet format's LogicalTypes.md), which pandas, polars,
// DuckDB and R's arrow read as a list column; in CSV it is a column a value.
//
// # Invariants
//
//   - Columns keep their order and rows theirs; every row has a value in every column.
//   - Floats are written so that reading gives the same bits: CSV uses the shortest decimal that does
//     (strconv, format 'g', precision -1), and NaN is the word NaN.
//   - The same table gives the same bytes.
//
// # Limits
//
// The file limits.go bounds how wide a table may be. There are no missing values: NaN, 0, false or "" stand for them.
package table

import (
	"fmt"
	"slices"
)

// Kind is the type of a column's values.
type Kind string

// The kinds, with the slice type that Write wants.
const (
	String  Kind = "string"  // []string
	Bool    Kind = "bool"    // []bool
	Int32   Kind = "int32"   // []int32
	Int64   Kind = "int64"   // []int64
	Float32 Kind = "float32" // []float32
	Float64 Kind = "float64" // []float64
)

// Column describes a column.
type Column struct {
	Name  string
	Kind  Kind
	Shape []int // of a vector, nil for one value a row
}

// Width is the number of values a row.
func (c Column) Width() int {
	n := 1
	for _, d := range c.Shape {
		n *= d
	}
	return n
}

// Writer takes a table in batches of rows.
type Writer interface {
	// Write adds rows: one slice a column, of the type of its kind, rows*Width values long, row after row.
	Write(columns []any) error
	// Close ends the file. It does not close what is written to.
	Close() error
}

// check validates the columns of a table.
func check(columns []Column, maxValues int) error {
	if len(columns) == 0 {
		return fmt.Errorf("table: no columns")
	}
	seen := map[string]bool{}
	total := 0
	for _, c := range columns {
		if c.Name == "" || seen[c.Name] {
			return fmt.Errorf("table: column name %q is empty or comes twice", c.Name)
		}
		seen[c.Name] = true
		if !slices.Contains([]Kind{String, Bool, Int32, Int64, Float32, Float64}, c.Kind) {
			return fmt.Errorf("table: column %q: kind %q", c.Name, c.Kind)
		}
		w := 1
		for _, d := range c.Shape {
			if d < 1 || w > maxValues/d {
				return fmt.Errorf("table: column %q: shape %v is empty or has more than %d values a row; tables are for small vectors, export arrays as npz", c.Name, c.Shape, maxValues)
			}
			w *= d
		}
		if total += w; total > maxValues {
			return fmt.Errorf("table: more than %d values a row (column %q is one too many); choose fewer arrays or export them as npz", maxValues, c.Name)
		}
	}
	return nil
}

// rows checks a batch against the columns and gives its number of rows.
func rows(columns []Column, batch []any) (int, error) {
	if len(batch) != len(columns) {
		return 0, fmt.Errorf("table: %d slices for %d columns", len(batch), len(columns))
	}
	n := -1
	for i, c := range columns {
		var l int
		var kind Kind
		switch v := batch[i].(type) {
		case []string:
			l, kind = len(v), String
		case []bool:
			l, kind = len(v), Bool
		case []int32:
			l, kind = len(v), Int32
		case []int64:
			l, kind = len(v), Int64
		case []float32:
			l, kind = len(v), Float32
		case []float64:
			l, kind = len(v), Float64
		}
		if kind != c.Kind {
			return 0, fmt.Errorf("table: column %q is %s, the values are %T", c.Name, c.Kind, batch[i])
		}
		w := c.Width()
		if l%w != 0 || n >= 0 && l/w != n {
			return 0, fmt.Errorf("table: column %q: %d values for %d rows of %d", c.Name, l, max(n, 0), w)
		}
		n = l / w
	}
	return n, nil
}
