package ratemap

import "math"

// Walls says which borders of the map count, as a set.
type Walls uint8

// The walls. On a screen whose rows grow downwards FirstRow is the top; tools that draw rows upwards call it the bottom.
const (
	FirstRow Walls = 1 << iota
	LastRow
	FirstCol
	LastCol
	AllWalls = FirstRow | LastRow | FirstCol | LastCol
)

// Border is how much a map responds along the border.
type Border struct {
	Score    float64 // (Coverage - Distance) / (Coverage + Distance), -1 to nearly 1
	Coverage float64 // largest share of one wall that one field covers
	Distance float64 // mean distance of the rates inside fields from the nearest wall, as a share of half the smaller side
	Fields   int
}

// BorderScore is the border score of Solstad et al. (2008) over given fields, as opexebo 0.7 computes it from a field
// mask. Coverage: for every field and wall, the share of the bins along the wall that belong to the field; where the
// bin at the wall was not visited, the first visited one within 8 bins inwards stands in for it, and if there is none the
// place does not count. Distance: sum over all bins of all fields of (steps to the nearest wall, 1 at the wall) times
// rate, over the sum of rates, times 2 over the smaller side of the map. On 40 x 40 bins the largest possible score is
// (1 - 2/40)/(1 + 2/40) = .9048.
//
// No field, or none that touches a wall, scores -1. NaN where the rates inside fields do not sum to a positive number
// (convert signed activations first), or the map has an infinite rate. An untuned, uniform map scores .47: test against
// a null.
func BorderScore(m Map, f Fields, walls Walls) Border {
	out := Border{Score: -1, Fields: len(f.Field), Distance: math.NaN()}
	if m.broken() {
		out.Score, out.Coverage = math.NaN(), math.NaN()
		return out
	}
	if len(f.Field) == 0 {
		return out
	}
	sum, far := 0.0, 0.0
	for b, l := range f.Label {
		if r := m.Rate[b]; l > 0 && !math.IsNaN(r) {
			i, j := b/m.Cols, b%m.Cols
			sum += r
			far += r * float64(1+min(i, j, m.Rows-1-i, m.Cols-1-j))
		}
	}
	for _, w := range []Walls{FirstRow, LastRow, FirstCol, LastCol} {
		if walls&w != 0 {
			out.Coverage = max(out.Coverage, wallCoverage(m, f, w))
		}
	}
	if !(sum > 0) {
		out.Score = math.NaN()
		return out
	}
	out.Distance = 2 * far / sum / float64(min(m.Rows, m.Cols))
	out.Score = (out.Coverage - out.Distance) / (out.Coverage + out.Distance)
	return out
}

// wallSearch is how many bins inwards a visited bin may stand in for the one at the wall (opexebo's search_width).
const wallSearch = 8

func wallCoverage(m Map, f Fields, wall Walls) float64 {
	along, deep := m.Cols, m.Rows
	if wall == FirstCol || wall == LastCol {
		along, deep = m.Rows, m.Cols
	}
	covered, places := make([]float64, len(f.Field)), 0.0
	for k := range along {
		for d := range min(deep, wallSearch) {
			var b int
			switch wall {
			case FirstRow:
				b = d*m.Cols + k
			case LastRow:
				b = (m.Rows-1-d)*m.Cols + k
			case FirstCol:
				b = k*m.Cols + d
			default:
				b = k*m.Cols + m.Cols - 1 - d
			}
			if math.IsNaN(m.Rate[b]) {
				continue
			}
			places++
			if l := f.Label[b]; l > 0 {
				covered[l-1]++
			}
			break
		}
	}
	best := 0.0
	for _, c := range covered {
		best = max(best, c)
	}
	if places == 0 {
		return 0
	}
	return best / places
}
