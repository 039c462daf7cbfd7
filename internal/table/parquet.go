package table

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"sort"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// NewParquet begins a Parquet file, packed with zstd, with the metadata as key-value pairs of the file.
func NewParquet(w io.Writer, columns []Column, meta map[string]string) (Writer, error) {
	if err := check(columns, MaxParquetValues); err != nil {
		return nil, err
	}
	root := ordered{Group: parquet.Group{}}
	width := 0
	for _, c := range columns {
		var node parquet.Node
		switch c.Kind {
		case String:
			node = parquet.String()
		case Bool:
			node = parquet.Leaf(parquet.BooleanType)
		case Int32:
			node = parquet.Int(32)
		case Int64:
			node = parquet.Int(64)
		case Float32:
			node = parquet.Leaf(parquet.FloatType)
		case Float64:
			node = parquet.Leaf(parquet.DoubleType)
		}
		if c.Shape != nil {
			node = parquet.List(node)
		}
		root.Group[c.Name] = node
		root.fields = append(root.fields, field{node, c.Name})
		width += 8 * c.Width()
	}
	opts := []parquet.WriterOption{
		parquet.NewSchema("table", root),
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault}),
		parquet.CreatedBy("ventral", "", ""),
		parquet.MaxRowsPerRowGroup(int64(max(1, rowGroupBytes/width))),
	}
	keys := make([]string, 0, len(meta))
	for k := range meta {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		opts = append(opts, parquet.KeyValueMetadata(k, meta[k]))
	}
	return &parquetWriter{parquet.NewWriter(w, opts...), slices.Clone(columns)}, nil
}

type parquetWriter struct {
	w       *parquet.Writer
	columns []Column
}

func (p *parquetWriter) Write(batch []any) error {
	n, err := rows(p.columns, batch)
	if err != nil {
		return err
	}
	var row parquet.Row
	for i := range n {
		row = row[:0]
		for c, col := range p.columns {
			w := col.Width()
			for j := i * w; j < (i+1)*w; j++ {
				v := value(batch[c], j)
				if col.Shape == nil {
					row = append(row, v.Level(0, 0, c))
					continue
				}
				// A list's element is at definition level 1; all but the first of a row repeat at level 1.
				row = append(row, v.Level(min(1, j-i*w), 1, c))
			}
		}
		if _, err := p.w.WriteRows([]parquet.Row{row}); err != nil {
			return fmt.Errorf("write Parquet: %w", err)
		}
	}
	return nil
}

func (p *parquetWriter) Close() error {
	if err := p.w.Close(); err != nil {
		return fmt.Errorf("write Parquet: %w", err)
	}
	return nil
}

func value(slice any, i int) parquet.Value {
	switch s := slice.(type) {
	case []string:
		return parquet.ByteArrayValue([]byte(s[i]))
	case []bool:
		return parquet.BooleanValue(s[i])
	case []int32:
		return parquet.Int32Value(s[i])
	case []int64:
		return parquet.Int64Value(s[i])
	case []float32:
		return parquet.FloatValue(s[i])
	}
	return parquet.DoubleValue(slice.([]float64)[i])
}

// ordered is a group whose fields keep their order; parquet.Group sorts them by name.
type ordered struct {
	parquet.Group
	fields []parquet.Field
}

type field struct {
	parquet.Node
	name string
}

func (f field) Name() string { return f.name }

func (f field) Value(base reflect.Value) reflect.Value { return base.MapIndex(reflect.ValueOf(f.name)) }

func (o ordered) Fields() []parquet.Field { return o.fields }

// GoType is a map: rows are written as values, and column names are not always Go names.
func (o ordered) GoType() reflect.Type { return reflect.TypeFor[map[string]any]() }
