package ratemap

import (
	"fmt"
	"math"

	"github.com/ventral-lab/ventral/internal/parallel"
	"github.com/ventral-lab/ventral/internal/rng"
)

// ReliabilityOptions says how SplitHalf cuts.
type ReliabilityOptions struct {
	Splits   int     // 0 = 20
	Smooth   float64 // standard deviation in bins of the Gaussian that smooths each half's map; 0 = none
	Shuffles int     // permutations for P; 0 = none, P stays nil
	Seed     uint64
	Stream   string // "" = "ratemap/split"
}

// Reliability says how well the map of one half of the stimuli predicts that of the other.
type Reliability struct {
	Half          []float64 // [unit] correlation of the two halves' maps, mean over splits
	SpearmanBrown []float64 // [unit] 2r/(1+r): what two maps of all stimuli each would correlate with; NaN for r <= -1/3
	Splits        int
	Bins          int       // bins that both halves have, least over splits
	P             []float64 // [unit] (1 + #permuted >= Half)/(1 + shuffles), 1 where Half is NaN; nil without shuffles
}

// SplitHalf cuts the stimuli of every bin at random into halves, an odd one falling to either side in turns, and correlates
// the two maps over the bins that both halves have, weighted by n1 n2/(n1 + n2), the precision of the difference of two
// means. It needs no conversion. The mean over splits is stepped up to the full number of stimuli by the formula of
// Spearman (1910) and Brown.
//
// A permutation moves the positions, and the same splits are made of it, so that P is right for smoothed maps too.
// Half is NaN for units that never vary or have a NaN or infinite response, and where fewer than three bins hold two
// stimuli.
func SplitHalf(r *Responses, bins []int, g Grid, opt ReliabilityOptions) (*Reliability, error) {
	p, err := newPlan(r, bins, g)
	if err != nil {
		return nil, err
	}
	if opt.Splits == 0 {
		opt.Splits = 20
	}
	if opt.Stream == "" {
		opt.Stream = "ratemap/split"
	}
	if opt.Splits < 0 || opt.Shuffles < 0 || opt.Shuffles > maxShuffles || opt.Smooth < 0 || math.IsNaN(opt.Smooth) {
		return nil, fmt.Errorf("ratemap: %d splits, %d shuffles, smoothing of %g bins: want none of them negative", opt.Splits, opt.Shuffles, opt.Smooth)
	}
	out := &Reliability{Half: make([]float64, r.Units), SpearmanBrown: make([]float64, r.Units), Splits: opt.Splits, Bins: g.Len()}
	splits := make([]*halves, opt.Splits)
	for k := range splits {
		splits[k] = p.halve(opt, k)
		out.Bins = min(out.Bins, splits[k].common)
	}
	orders := [][]int32{p.order}
	for k := range opt.Shuffles {
		o := append([]int32(nil), p.order...)
		rng.Fast(opt.Seed, opt.Stream+"/null", uint64(k)).Shuffle(len(o), func(i, j int) { o[i], o[j] = o[j], o[i] })
		orders = append(orders, o)
	}
	if opt.Shuffles > 0 {
		out.P = make([]float64, r.Units)
	}
	parallel.ForScratch(r.Units, func() *halfMaps { return newHalfMaps(g, opt.Smooth) }, func(u int, w *halfMaps) {
		w.load(p, u)
		reach := 0
		for k, order := range orders {
			sum := 0.0
			for _, h := range splits {
				sum += w.correlate(p, order, h)
			}
			if sum /= float64(len(splits)); k == 0 {
				out.Half[u] = sum
			} else if sum >= out.Half[u]-1e-12 {
				reach++
			}
		}
		out.SpearmanBrown[u] = SpearmanBrown(out.Half[u])
		if out.P != nil {
			if out.P[u] = 1; !math.IsNaN(out.Half[u]) {
				out.P[u] = float64(1+reach) / float64(1+opt.Shuffles)
			}
		}
	})
	return out, nil
}

// SpearmanBrown steps the correlation of two halves up to the whole: 2r/(1+r). Below -1/3, where it is -1, halves
// disagree more than any noise explains, and it is NaN.
func SpearmanBrown(half float64) float64 {
	if !(half >= -1./3) {
		return math.NaN()
	}
	return 2 * half / (1 + half)
}

// halves is one split: which places of an order belong to the first half.
type halves struct {
	first  []bool
	n1, n2 []float64 // [occupied bin]
	common int       // bins with both
}

func (p *plan) halve(opt ReliabilityOptions, k int) *halves {
	r := rng.Fast(opt.Seed, opt.Stream, uint64(k))
	h := &halves{first: make([]bool, len(p.order)), n1: make([]float64, len(p.bin)), n2: make([]float64, len(p.bin))}
	odd := r.IntN(2) // who takes the odd one
	for b := range p.bin {
		lo, n := p.start[b], p.start[b+1]-p.start[b]
		take := n / 2
		if n%2 == 1 {
			take += odd
			odd = 1 - odd
		}
		for i, place := range r.Perm(n) {
			h.first[lo+place] = i < take
		}
		if h.n1[b], h.n2[b] = float64(take), float64(n-take); take > 0 && take < n {
			h.common++
		}
	}
	return h
}

// halfMaps is the work space of one thread.
type halfMaps struct {
	smooth float64
	a, b   Map
	value  []float64 // [stimulus] of the unit
	ok     bool
	weight []float64
}

func newHalfMaps(g Grid, smooth float64) *halfMaps {
	return &halfMaps{smooth: smooth, a: Map{g.Rows, g.Cols, make([]float64, g.Len()), nil}, b: Map{g.Rows, g.Cols, make([]float64, g.Len()), nil}, weight: make([]float64, g.Len())}
}

func (w *halfMaps) load(p *plan, u int) {
	w.value = p.r.Unit(u)
	w.ok = false
	for _, s := range p.order {
		if !finite(w.value[s]) {
			w.ok = false
			return
		}
		w.ok = w.ok || w.value[s] != w.value[p.order[0]]
	}
}

func (w *halfMaps) correlate(p *plan, order []int32, h *halves) float64 {
	if !w.ok || h.common < 3 {
		return math.NaN()
	}
	fillWith(w.a.Rate, math.NaN())
	fillWith(w.b.Rate, math.NaN())
	clear(w.weight)
	for k, bin := range p.bin {
		s1, s2 := 0.0, 0.0
		for at := p.start[k]; at < p.start[k+1]; at++ {
			if h.first[at] {
				s1 += w.value[order[at]]
			} else {
				s2 += w.value[order[at]]
			}
		}
		n1, n2 := h.n1[k], h.n2[k]
		if n1 > 0 {
			w.a.Rate[bin] = s1 / n1
		}
		if n2 > 0 {
			w.b.Rate[bin] = s2 / n2
		}
		w.weight[bin] = n1 * n2 / (n1 + n2)
	}
	a, b := w.a, w.b
	if w.smooth > 0 {
		a, b = a.Smooth(w.smooth), b.Smooth(w.smooth)
	}
	return weightedCorrelation(a.Rate, b.Rate, w.weight)
}

// weightedCorrelation is Pearson's r under weights, over what has one; 0 where either side does not vary, which in a mean
// over splits is what such a split says.
func weightedCorrelation(x, y, weight []float64) float64 {
	var n, mx, my float64
	for i, w := range weight {
		if w > 0 {
			n += w
			mx += w * x[i]
			my += w * y[i]
		}
	}
	mx, my = mx/n, my/n
	var sxx, syy, sxy float64
	for i, w := range weight {
		if w > 0 {
			dx, dy := x[i]-mx, y[i]-my
			sxx += w * dx * dx
			syy += w * dy * dy
			sxy += w * dx * dy
		}
	}
	if !(sxx > 0) || !(syy > 0) {
		return 0
	}
	return min(max(sxy/math.Sqrt(sxx*syy), -1), 1)
}

// PairedCorrelation correlates the maps of two sets unit by unit, over the bins that both have, each bin weighted by
// n1 n2/(n1 + n2) of its occupancies (1 where a set has none). NaN where fewer than three bins are common, a map does not
// vary there, or holds an infinite rate.
func PairedCorrelation(a, b *Set) ([]float64, error) {
	for _, s := range []*Set{a, b} {
		if err := s.check(); err != nil {
			return nil, err
		}
	}
	if a.Units != b.Units || a.Grid.Rows != b.Grid.Rows || a.Grid.Cols != b.Grid.Cols {
		return nil, fmt.Errorf("ratemap: %d maps of %d x %d and %d of %d x %d do not pair", a.Units, a.Grid.Rows, a.Grid.Cols, b.Units, b.Grid.Rows, b.Grid.Cols)
	}
	out := make([]float64, a.Units)
	parallel.For(a.Units, func(u int) { out[u] = pairedCorrelation(a.Map(u), b.Map(u)) })
	return out, nil
}

func pairedCorrelation(a, b Map) float64 {
	weight, n := make([]float64, len(a.Rate)), 0
	var first [2]float64
	varies := [2]bool{}
	for k := range weight {
		wa, wb := a.weight(k), b.weight(k)
		if wa == 0 || wb == 0 {
			continue
		}
		weight[k] = wa * wb / (wa + wb)
		if n == 0 {
			first = [2]float64{a.Rate[k], b.Rate[k]}
		}
		varies[0] = varies[0] || a.Rate[k] != first[0]
		varies[1] = varies[1] || b.Rate[k] != first[1]
		n++
	}
	if n < 3 || !varies[0] || !varies[1] || a.broken() || b.broken() {
		return math.NaN()
	}
	return weightedCorrelation(a.Rate, b.Rate, weight)
}
