package figure

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// MatrixOptions are the parts of a picture of one matrix.
type MatrixOptions struct {
	Meta
	Values             [][]float64 // rows of equal length; NaN is gray
	RowNames, ColNames []string
	RowTitle, ColTitle string
	ColorMap           ColorMap
	Center             *float64
	Min, Max           float64 // both 0 = from the data
	Print              int     // decimals of the numbers in the cells; -1 = no numbers
	ColorBar           string
}

type matrix struct {
	o    MatrixOptions
	flat []float64
	rows int
	cols int
	norm norm
}

// Matrix draws a matrix as coloured cells with names along its sides: a confusion matrix, the deficit at each place
// after a lesion for each other place.
func Matrix(o MatrixOptions) (*Figure, error) {
	m := &matrix{o: o, rows: len(o.Values)}
	if m.rows == 0 || len(o.Values[0]) == 0 {
		return nil, fmt.Errorf("figure %s: Values is empty: there is nothing to draw", o.Name)
	}
	m.cols = len(o.Values[0])
	for i, r := range o.Values {
		if len(r) != m.cols {
			return nil, fmt.Errorf("figure %s: row %d of Values has %d numbers, row 0 has %d", o.Name, i, len(r), m.cols)
		}
		m.flat = append(m.flat, r...)
	}
	if (o.RowNames != nil && len(o.RowNames) != m.rows) || (o.ColNames != nil && len(o.ColNames) != m.cols) {
		return nil, fmt.Errorf("figure %s: %d RowNames and %d ColNames for a matrix of %d x %d", o.Name, len(o.RowNames), len(o.ColNames), m.rows, m.cols)
	}
	m.o.RowNames, m.o.ColNames = slices.Clone(o.RowNames), slices.Clone(o.ColNames)
	m.norm = newNorm(m.flat, o.Min, o.Max, o.Center)
	return newFigure("matrix", o.Meta, m)
}

func (m *matrix) width() float64 {
	return math.Min(SingleColumn, 35+9*float64(m.cols))
}

// frame is the room for names, titles and the colour bar, and whether the column names must be turned.
func (m *matrix) frame(w float64) (f margins, turned bool) {
	st := tickStyle(end, middle)
	for _, s := range m.o.RowNames {
		n, _ := textSize(s, st)
		f.left = math.Max(f.left, n+3)
	}
	if m.o.RowTitle != "" {
		f.left += sizeLabel*lineHeight + 2
	}
	f.right = 6 + barThick + tickLength + tickGap + barLabels(m.norm, 80)
	if m.o.ColorBar != "" {
		f.right += barGap + sizeLabel*lineHeight
	}
	cell := (w - f.left - f.right) / float64(m.cols)
	wide, high := 0.0, 0.0
	for _, s := range m.o.ColNames {
		n, h := textSize(s, st)
		wide, high = math.Max(wide, n), math.Max(high, h)
	}
	turned = wide > cell-2
	switch {
	case turned:
		f.bottom = wide + 3
	case wide > 0:
		f.bottom = high + 4
	}
	if m.o.ColTitle != "" {
		f.bottom += sizeLabel*lineHeight + 3
	}
	return f, turned
}

func (m *matrix) height(w float64) float64 {
	f, _ := m.frame(w)
	cell := (w - f.left - f.right) / float64(m.cols)
	return cell*float64(m.rows) + f.top + f.bottom
}

func (m *matrix) measure(w, h float64) (margins, bool) { return margins{}, false }

func (m *matrix) room(w, h float64) float64 {
	f, _ := m.frame(w)
	return math.Min(w-f.left-f.right, h-f.top-f.bottom)
}

func (m *matrix) draw(k *ink, r box, _ margins) {
	f, turned := m.frame(r.w())
	d := r.inset(f)
	cell := math.Min(d.w()/float64(m.cols), d.h()/float64(m.rows))
	d.x1, d.y0 = d.x0+cell*float64(m.cols), d.y1-cell*float64(m.rows)
	k.picture(d, mapImage(m.flat, m.cols, m.norm, m.o.ColorMap, false), false)
	k.outlineBox(pen{color: soft, width: 0.5}, d)
	if m.o.Print >= 0 {
		size := math.Min(sizeTick, cell*0.36)
		for i, v := range m.flat {
			if math.IsNaN(v) || size < 3 {
				continue
			}
			c := dark
			if luminance(m.o.ColorMap.At(m.norm.at(v))) < 0.3 {
				c = white
			}
			x, y := d.x0+(float64(i%m.cols)+0.5)*cell, d.y1-(float64(i/m.cols)+0.5)*cell
			k.text(point{x, y}, decimal(v, m.o.Print), textStyle{size: size, color: c, h: middle, v: middle})
		}
	}
	for i, s := range m.o.RowNames {
		k.text(point{d.x0 - 3, d.y1 - (float64(i)+0.5)*cell}, s, tickStyle(end, middle))
	}
	low := d.y0 - 3
	for i, s := range m.o.ColNames {
		st := tickStyle(middle, end)
		n, h := textSize(s, st)
		if turned {
			st.rot, st.h, st.v = 90, end, middle
			h = n
		}
		k.text(point{d.x0 + (float64(i)+0.5)*cell, d.y0 - 3}, s, st)
		low = math.Min(low, d.y0-3-h)
	}
	if m.o.ColTitle != "" {
		k.text(point{(d.x0 + d.x1) / 2, low - 4}, m.o.ColTitle, textStyle{size: sizeLabel, color: dark, h: middle, v: end})
	}
	if m.o.RowTitle != "" {
		k.text(point{r.x0, (d.y0 + d.y1) / 2}, m.o.RowTitle, textStyle{size: sizeLabel, color: dark, h: middle, v: end, rot: 90})
	}
	b := box{d.x1 + 6, d.y0, d.x1 + 6 + barThick, d.y1}
	if over := b.h() - points(45); over > 0 {
		b.y0, b.y1 = b.y0+over/2, b.y1-over/2
	}
	verticalBar(k, b, m.norm, m.o.ColorMap, m.o.ColorBar)
}

func (m *matrix) tables() []Table {
	t := Table{Header: []string{"row", "col", "row_name", "col_name", "value"}}
	name := func(s []string, i int) string {
		if s == nil {
			return ""
		}
		return s[i]
	}
	for i, v := range m.flat {
		r, c := i/m.cols, i%m.cols
		t.Rows = append(t.Rows, []string{strconv.Itoa(r), strconv.Itoa(c), name(m.o.RowNames, r), name(m.o.ColNames, c), cell(v)})
	}
	return []Table{t}
}
