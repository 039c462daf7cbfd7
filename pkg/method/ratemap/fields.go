package ratemap

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// Fields are the firing fields of one map.
type Fields struct {
	Rows, Cols int
	Label      []int // [row, col]: 0 = in no field, 1 = in Field[0], ...
	Field      []Field
	Method     string // how they were found
}

// Field is one of them.
type Field struct {
	Bins                                 int
	PeakRow, PeakCol                     int // of the bin with the largest rate, the first of equal ones
	Peak, Mean                           float64
	CenterRow, CenterCol                 float64 // mean position of its bins
	FirstRow, FirstCol, LastRow, LastCol int     // the box that holds it
}

// add appends a field of the given bins (ascending, at least one) with the rates of m; bins without a rate belong to
// the field but not to its peak and mean.
func (f *Fields) add(m Map, bins []int) {
	d := Field{Bins: len(bins), Peak: math.Inf(-1), FirstRow: m.Rows, FirstCol: m.Cols}
	sum, n := 0.0, 0.0
	for _, b := range bins {
		i, j := b/m.Cols, b%m.Cols
		f.Label[b] = len(f.Field) + 1
		d.CenterRow += float64(i) / float64(len(bins))
		d.CenterCol += float64(j) / float64(len(bins))
		d.FirstRow, d.FirstCol, d.LastRow, d.LastCol = min(d.FirstRow, i), min(d.FirstCol, j), max(d.LastRow, i), max(d.LastCol, j)
		if r := m.Rate[b]; !math.IsNaN(r) {
			sum += r
			n++
			if r > d.Peak {
				d.Peak, d.PeakRow, d.PeakCol = r, i, j
			}
		}
	}
	d.Mean = sum / n
	f.Field = append(f.Field, d)
}

// FindFields takes as fields the connected sets of at least minBins bins with a rate of share (such as .3 or .5) of the
// map's peak or more, bins touching by an edge (Solstad et al. 2008 use .3). A peak that is not positive gives none: the
// map must hold rates. Fields are numbered by their first bin in reading order.
func FindFields(m Map, share float64, minBins int) Fields {
	out := Fields{Rows: m.Rows, Cols: m.Cols, Label: make([]int, len(m.Rate)), Method: "threshold"}
	peak := math.Inf(-1)
	for _, r := range m.Rate {
		if !math.IsNaN(r) {
			peak = max(peak, r)
		}
	}
	if !(peak > 0) || m.broken() || !(share > 0 && share <= 1) {
		return out
	}
	above := make([]bool, len(m.Rate))
	for b, r := range m.Rate {
		above[b] = r >= share*peak
	}
	for _, bins := range components(above, m.Rows, m.Cols) {
		if len(bins) >= minBins {
			out.add(m, bins)
		}
	}
	return out
}

// MaskFields makes fields of explicit masks: label [row, col] is 0 (or less) outside fields, and the same positive
// number in all bins of a field. Fields are numbered from 1 in the order of their labels.
func MaskFields(m Map, label []int) (Fields, error) {
	out := Fields{Rows: m.Rows, Cols: m.Cols, Label: make([]int, len(m.Rate)), Method: "mask"}
	if len(label) != len(m.Rate) {
		return out, fmt.Errorf("ratemap: %d field labels for a map of %d bins: give one per bin", len(label), len(m.Rate))
	}
	bins := map[int][]int{}
	for b, l := range label {
		if l > 0 {
			bins[l] = append(bins[l], b)
		}
	}
	for _, l := range slices.Sorted(maps.Keys(bins)) {
		out.add(m, bins[l])
	}
	return out, nil
}

// components are the sets of true bins connected by edges, each ascending, in the order of their first bins.
func components(in []bool, rows, cols int) [][]int {
	root := make([]int, len(in)) // bin -> number of its component + 1
	var out [][]int
	var stack []int
	for b, v := range in {
		if !v || root[b] != 0 {
			continue
		}
		out = append(out, nil)
		root[b] = len(out)
		stack = append(stack[:0], b)
		for len(stack) > 0 {
			p := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			i, j := p/cols, p%cols
			for _, d := range [4][2]int{{-1, 0}, {1, 0}, {0, -1}, {0, 1}} {
				y, x := i+d[0], j+d[1]
				if y < 0 || y >= rows || x < 0 || x >= cols {
					continue
				}
				if q := y*cols + x; in[q] && root[q] == 0 {
					root[q] = len(out)
					stack = append(stack, q)
				}
			}
		}
	}
	for b, r := range root {
		if r > 0 {
			out[r-1] = append(out[r-1], b)
		}
	}
	return out
}
