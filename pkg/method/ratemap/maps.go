package ratemap

import (
	"fmt"
	"math"

	"github.com/ventral-lab/ventral/internal/parallel"
)

// Map is the rate map of one unit: the mean rate in every bin.
type Map struct {
	Rows, Cols int
	Rate       []float64 // [row, col]; NaN = unvisited
	Occupancy  []float64 // [row, col], stimuli or time in the bin; nil = the same in every bin that has a rate
}

// NewMap wraps rate [row, col] and occupancy (nil = uniform), and checks their sizes.
func NewMap(rows, cols int, rate, occupancy []float64) (Map, error) {
	m := Map{rows, cols, rate, occupancy}
	if err := (Grid{Rows: rows, Cols: cols, X1: 1, Y1: 1}).Check(); err != nil {
		return m, err
	}
	if len(rate) != rows*cols || occupancy != nil && len(occupancy) != rows*cols {
		return m, fmt.Errorf("ratemap: a %d x %d map needs %d rates and as many occupancies (or none), got %d and %d", rows, cols, rows*cols, len(rate), len(occupancy))
	}
	for b, o := range occupancy {
		if !(o >= 0) || math.IsInf(o, 0) {
			return m, fmt.Errorf("ratemap: occupancy of bin %d (row %d, column %d) is %g: it must be finite and not negative", b, b/cols, b%cols, o)
		}
	}
	return m, nil
}

// At is the rate in a bin.
func (m Map) At(row, col int) float64 { return m.Rate[row*m.Cols+col] }

// weight is the occupancy of bin b for weighted sums: 0 where the bin has no rate.
func (m Map) weight(b int) float64 {
	if math.IsNaN(m.Rate[b]) {
		return 0
	}
	if m.Occupancy == nil {
		return 1
	}
	return m.Occupancy[b]
}

// broken says that the map holds an infinite rate, for which no score is defined.
func (m Map) broken() bool {
	for _, r := range m.Rate {
		if math.IsInf(r, 0) {
			return true
		}
	}
	return false
}

// Set is the rate maps of many units over the same stimuli.
type Set struct {
	Grid       Grid
	Units      int
	Rate       []float64 // [unit, row, col]; NaN = unvisited
	Occupancy  []float64 // [row, col], number of stimuli
	Conversion Conversion
	Fill       string // what was done to the maps after binning: "none", "nearest", "gaussian sigma=1.5 bins"
}

// Maps averages the responses of every unit over the stimuli of each bin. bins holds the bin of each stimulus,
// -1 = leave it out. Sums are float64, in an order that depends on the
// bins alone. A bin without stimuli is NaN in every map. A unit with
// a NaN or infinite response to any stimulus that counts has a map of NaN throughout: its scores are then NaN and
// rank last.
func Maps(r *Responses, bins []int, g Grid) (*Set, error) {
	p, err := newPlan(r, bins, g)
	if err != nil {
		return nil, err
	}
	n := g.Len()
	set := &Set{Grid: g, Units: r.Units, Rate: make([]float64, r.Units*n), Occupancy: p.occ, Conversion: r.Conversion, Fill: "none"}
	fillWith(set.Rate, math.NaN())
	// Bin after bin, so that the sums of a chunk of units and the lines of the maps being written stay in the first
	// cache; stimuli of a bin are added two by two, in their own order.
	parallel.Chunks(r.Units, 128, func(lo, hi int) {
		sum, bad := make([]float64, hi-lo), make([]bool, hi-lo)
		for k, b := range p.bin {
			clear(sum)
			places := p.order[p.start[k]:p.start[k+1]]
			row := func(at int) []float32 { return r.Values[int(places[at])*r.Units+lo:][:len(sum)] }
			at := 0
			for ; at+1 < len(places); at += 2 {
				r0, r1 := row(at), row(at+1)
				for i := range sum {
					sum[i] += float64(r0[i]) + float64(r1[i])
				}
			}
			if at < len(places) {
				for i, v := range row(at) {
					sum[i] += float64(v)
				}
			}
			count := float64(len(places))
			for i, v := range sum {
				set.Rate[(lo+i)*n+b] = v / count
				bad[i] = bad[i] || v-v != 0 // infinite or NaN
			}
		}
		for i, b := range bad {
			if b {
				fillWith(set.Rate[(lo+i)*n:(lo+i+1)*n], math.NaN())
			}
		}
	})
	return set, nil
}

// Map is the map of unit u; it shares the memory of the set.
func (s *Set) Map(u int) Map {
	n := s.Grid.Len()
	return Map{s.Grid.Rows, s.Grid.Cols, s.Rate[u*n : (u+1)*n : (u+1)*n], s.Occupancy}
}

// Scores applies fn to the map of every unit, in parallel.
func (s *Set) Scores(fn func(Map) float64) []float64 {
	out := make([]float64, s.Units)
	parallel.For(s.Units, func(u int) { out[u] = fn(s.Map(u)) })
	return out
}

// Each calls fn with the number and map of every unit, in parallel: fn may only write what belongs to its unit.
func (s *Set) Each(fn func(u int, m Map)) {
	parallel.For(s.Units, func(u int) { fn(u, s.Map(u)) })
}

// FillNearest is the set with Map.FillNearest applied to every map.
func (s *Set) FillNearest() *Set { return s.mapped("nearest", Map.FillNearest) }

// Smooth is the set with Map.Smooth applied to every map.
func (s *Set) Smooth(sigma float64) *Set {
	return s.mapped(fmt.Sprintf("gaussian sigma=%g bins", sigma), func(m Map) Map { return m.Smooth(sigma) })
}

func (s *Set) mapped(name string, fn func(Map) Map) *Set {
	out := *s
	out.Rate = make([]float64, len(s.Rate))
	if s.Fill != "none" && s.Fill != "" {
		name = s.Fill + ", " + name
	}
	out.Fill = name
	n := s.Grid.Len()
	s.Each(func(u int, m Map) { copy(out.Rate[u*n:(u+1)*n], fn(m).Rate) })
	return &out
}

func fillWith(a []float64, v float64) {
	for i := range a {
		a[i] = v
	}
}
