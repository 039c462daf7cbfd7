package table

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// NewCSV begins a CSV file (RFC 4180, lines ending in LF) with a header line. A vector is a column a value, named
// "name[0]", or "name[0,1]" by the indices of its shape.
func NewCSV(w io.Writer, columns []Column) (Writer, error) {
	if err := check(columns, MaxCSVValues); err != nil {
		return nil, err
	}
	c := &csvWriter{csv.NewWriter(w), slices.Clone(columns), nil}
	for _, col := range columns {
		if col.Shape == nil {
			c.record = append(c.record, col.Name)
			continue
		}
		for j := range col.Width() {
			c.record = append(c.record, col.Name+"["+indices(j, col.Shape)+"]")
		}
	}
	return c, c.w.Write(c.record)
}

type csvWriter struct {
	w       *csv.Writer
	columns []Column
	record  []string
}

func (c *csvWriter) Write(batch []any) error {
	n, err := rows(c.columns, batch)
	if err != nil {
		return err
	}
	for i := range n {
		c.record = c.record[:0]
		for k, col := range c.columns {
			w := col.Width()
			for j := i * w; j < (i+1)*w; j++ {
				c.record = append(c.record, text(batch[k], j))
			}
		}
		if err := c.w.Write(c.record); err != nil {
			return fmt.Errorf("write CSV: %w", err)
		}
	}
	return nil
}

func (c *csvWriter) Close() error {
	c.w.Flush()
	if err := c.w.Error(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

func text(slice any, i int) string {
	switch s := slice.(type) {
	case []string:
		return s[i]
	case []bool:
		return strconv.FormatBool(s[i])
	case []int32:
		return strconv.FormatInt(int64(s[i]), 10)
	case []int64:
		return strconv.FormatInt(s[i], 10)
	case []float32:
		return strconv.FormatFloat(float64(s[i]), 'g', -1, 32)
	}
	return strconv.FormatFloat(slice.([]float64)[i], 'g', -1, 64)
}

// indices spells a flat index of a shape, the last dimension running fastest.
func indices(j int, shape []int) string {
	out := make([]string, len(shape))
	for d := len(shape) - 1; d >= 0; d-- {
		out[d] = strconv.Itoa(j % shape[d])
		j /= shape[d]
	}
	return strings.Join(out, ",")
}
