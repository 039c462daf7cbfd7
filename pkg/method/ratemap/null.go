package ratemap

import (
	"fmt"
	"math"

	"github.com/ventral-lab/ventral/internal/parallel"
	"github.com/ventral-lab/ventral/internal/rng"
)

// A Statistic is a score of one unit that Null can compute for a thousand permutations: either one of the fast ones
// below, which are sums over bins, or any function of the map made with OfMap. Larger means more spatial.
type Statistic struct {
	Name  string
	scale scaling
	rates bool // needs rates: NaN for a unit with a negative response
	bin   func(acc, sum []float64, n float64)
	of    kernel // what bin adds, where plan.runVector knows it too
	// finish turns the sum over bins into the score of unit i of a block, for n stimuli.
	finish func(acc, n float64, b *block, i int) float64
	// size is the natural size of the score, against which rounding is judged when two values are compared.
	size func(b *block, i int) float64
	fn   func(Map) float64
	// levels and madow are of a mutual information, which has none of the functions above.
	levels int
	madow  bool
}

// A kernel is a term of a sum over bins that is computed for eight units at a time.
type kernel int

const (
	noKernel  kernel = iota
	logKernel        // logBin
	etaKernel        // etaBin
)

// check says what is wrong with a statistic, or nil.
func (s Statistic) check() error {
	switch {
	case s.bin == nil && s.fn == nil && s.levels == 0:
		return fmt.Errorf("ratemap: statistic %q has no function: make it with OfMap, or use BitsPerSample, EtaSquared, ...", s.Name)
	case s.bin == nil && s.fn == nil && (s.levels < 2 || s.levels > 256):
		return fmt.Errorf("ratemap: %s: give 2 to 256 levels", s.Name)
	}
	return nil
}

// BitsPerSample is the information of Skaggs per stimulus. It is the default statistic for rates.
func BitsPerSample() Statistic {
	return Statistic{Name: "skaggs bits/sample", scale: byMean, rates: true, bin: logBin, of: logKernel,
		finish: func(acc, n float64, b *block, i int) float64 { return max(acc/n, 0) * b.mean[i] },
		size:   func(b *block, i int) float64 { return b.mean[i] }}
}

// BitsPerEvent is the information of Skaggs per unit of response. As a permutation leaves the mean as it is, its p
// values are those of BitsPerSample.
func BitsPerEvent() Statistic {
	return Statistic{Name: "skaggs bits/event", scale: byMean, rates: true, bin: logBin, of: logKernel,
		finish: func(acc, n float64, b *block, i int) float64 {
			if b.mean[i] == 0 {
				return math.NaN()
			}
			return max(acc/n, 0)
		}, size: unitSize}
}

// OpexeboBitsPerEvent is the information of OpexeboInformation per unit of response, for rates.
func OpexeboBitsPerEvent() Statistic {
	return Statistic{Name: "opexebo bits/event", scale: byMean, rates: true,
		bin: func(acc, sum []float64, n float64) {
			sum = sum[:len(acc)]
			for i, s := range sum {
				if x := s / n; x > 1 {
					acc[i] += s * fastLog2(x)
				}
			}
		},
		finish: func(acc, n float64, b *block, i int) float64 {
			if b.mean[i] == 0 {
				return math.NaN()
			}
			return acc / n
		}, size: unitSize}
}

// EtaSquared is the share of variance between bins (see Tunings). It needs no rates and is the default test.
func EtaSquared() Statistic {
	return Statistic{Name: "eta squared", scale: centred, bin: etaBin, of: etaKernel,
		finish: func(acc, _ float64, b *block, i int) float64 {
			if !b.varies[i] {
				return math.NaN()
			}
			return min(acc/b.ss[i], 1)
		}, size: unitSize}
}

// Sparseness is 1 - Sparsity, so that larger is more spatial.
func Sparseness() Statistic {
	return Statistic{Name: "1 - sparsity", scale: byMean, rates: true, bin: etaBin, of: etaKernel,
		finish: func(acc, n float64, b *block, i int) float64 {
			if b.mean[i] == 0 {
				return math.NaN()
			}
			return 1 - n/acc
		}, size: unitSize}
}

// PeakRatio is the statistic of Selectivity: largest rate over mean rate.
func PeakRatio() Statistic {
	return Statistic{Name: "selectivity", scale: byMean, rates: true,
		bin: func(acc, sum []float64, n float64) {
			for i, s := range sum[:len(acc)] {
				acc[i] = max(acc[i], s/n)
			}
		},
		finish: func(acc, _ float64, b *block, i int) float64 {
			if b.mean[i] == 0 {
				return math.NaN()
			}
			return acc
		}, size: unitSize}
}

// OfMap is any score of a rate map as a statistic. It is called once per unit and shuffle, so a score of a
// millisecond takes 768 units x 1000 shuffles = 13 minutes of one processor: prefer fewer units, or fewer shuffles.
// fn must be safe for concurrent use, and must not keep or change the map. Bins nobody visited are NaN in it:
// fill or smooth inside fn where the score needs that.
func OfMap(name string, fn func(Map) float64) Statistic { return Statistic{Name: name, fn: fn} }

func unitSize(*block, int) float64 { return 1 }

// logBin adds sum log2(sum/n): with responses divided by their mean, n times the bin's term of the information.
func logBin(acc, sum []float64, n float64) {
	inv := 1 / n
	sum = sum[:len(acc)]
	for i, s := range sum {
		acc[i] += s * fastLog2(s*inv)
	}
}

// etaBin adds sum^2/n, the bin's part of the sum of squares.
func etaBin(acc, sum []float64, n float64) {
	inv := 1 / n
	sum = sum[:len(acc)]
	for i, s := range sum {
		acc[i] += s * s * inv
	}
}

// NullOptions says how many permutations to make, and from which random stream.
type NullOptions struct {
	Shuffles int    // 0 = 1000
	Seed     uint64 // shuffle k of a seed and stream is the same for all units, statistics and numbers of threads
	Stream   string // "" = "ratemap/null"
	Keep     bool   // keep every value of every unit in NullResult.Values: 8 bytes x shuffles x units
}

// NullResult compares every unit with its own scores under permuted positions.
type NullResult struct {
	Statistic  string
	Conversion Conversion
	Shuffles   int
	Seed       uint64
	Stream     string
	Observed   []float64 // [unit]
	Mean, SD   []float64 // [unit] of the permuted scores, SD with divisor shuffles-1
	Excess     []float64 // [unit] Observed - Mean: the score less its bias from few stimuli per bin
	Z          []float64 // [unit] Excess / SD; NaN where the permuted scores do not vary
	P          []float64 // [unit] (1 + #permuted >= observed) / (1 + shuffles); 1 where Observed is NaN
	Max        []float64 // [shuffle] largest score of any unit; NaN where no unit has one
	PMax       []float64 // [unit] (1 + #Max >= observed) / (1 + len(Max)): corrected for having looked at all units
	Values     []float64 // [shuffle, unit] permuted scores, with NullOptions.Keep; NaN where a unit had stopped
	Draws      []int     // [unit] how many were made, fewer than Shuffles where a unit stopped (SurrogateOptions.Stop)
}

// Null scores every unit with its stimuli where they were, and again with the positions permuted over the stimuli
// (which are independent draws, so that any permutation is as likely as any other where position does not matter).
// Occupancy is the same in all permutations. All units see the same permutations, which makes Max the distribution
// of the largest of dependent units.
//
// A permuted score counts as reaching the observed one if it is smaller by no more than rounding (1e-12 of it, and
// 1e-14 of the natural size of the statistic): sums of the same numbers in another order must count as equal.
// Responses are float32; all sums are float64. Units for which the statistic is undefined have Observed NaN and
// P = PMax = 1: they are tests that were made and found nothing. So have units that never vary, whatever their score.
func Null(r *Responses, bins []int, g Grid, stat Statistic, opt NullOptions) (*NullResult, error) {
	p, err := newPlan(r, bins, g)
	if err != nil {
		return nil, err
	}
	if opt.Shuffles == 0 {
		opt.Shuffles = 1000
	}
	if opt.Stream == "" {
		opt.Stream = "ratemap/null"
	}
	if opt.Shuffles < 0 || opt.Shuffles > maxShuffles {
		return nil, fmt.Errorf("ratemap: %d shuffles: give 1 to %d, or 0 for 1000", opt.Shuffles, maxShuffles)
	}
	if err := stat.check(); err != nil {
		return nil, err
	}
	t := newTally(r.Units, opt.Shuffles, opt.Keep, NullResult{Statistic: stat.Name, Conversion: r.Conversion, Seed: opt.Seed, Stream: opt.Stream})
	// Permutations are made and used in batches, so that their memory is bounded for any number of shuffles.
	batch := max(1, min(opt.Shuffles, permutationBudget/max(len(p.order), 1)))
	orders := make([]int32, batch*len(p.order))
	for from := 0; from < opt.Shuffles; from += batch {
		to := min(from+batch, opt.Shuffles)
		parallel.For(to-from, func(k int) {
			o := orders[k*len(p.order) : (k+1)*len(p.order)]
			copy(o, p.order)
			rng.Fast(opt.Seed, opt.Stream, uint64(from+k)).Shuffle(len(o), func(i, j int) { o[i], o[j] = o[j], o[i] })
		})
		switch {
		case stat.fn != nil:
			p.mapBatch(stat, orders, from, to, t)
		case stat.levels > 0:
			p.levelBatch(stat, orders, from, to, t)
		default:
			p.sumBatch(stat, orders, from, to, t)
		}
	}
	t.finish()
	return t.res, nil
}

const (
	maxShuffles       = 1 << 24 // p values below 1e-7 are not what permutations are for
	permutationBudget = 1 << 24 // numbers of one batch of permutations: 64 MiB
)

// sumBatch does the shuffles [from, to) of a statistic that is a sum over bins, a block of units at a time.
func (p *plan) sumBatch(stat Statistic, orders []int32, from, to int, t *tally) {
	blocks := parallel.Count(p.r.Units, unitBlock)
	maxima := make([][]float64, blocks)
	parallel.For(blocks, func(k int) {
		lo := k * unitBlock
		hi := min(lo+unitBlock, p.r.Units)
		b := p.load(lo, hi, stat.scale)
		acc, sum := make([]float64, b.w), make([]float64, b.w)
		n := float64(len(p.order))
		score := func(i int) float64 {
			if b.bad[i] || stat.rates && b.neg[i] || n == 0 {
				return math.NaN()
			}
			return stat.finish(acc[i], n, b, i)
		}
		if from == 0 {
			p.run(b, p.order, acc, sum, stat)
			for i := range acc {
				t.observe(lo+i, score(i), 1e-14*stat.size(b, i), !b.varies[i])
			}
		}
		top := make([]float64, to-from)
		fillWith(top, math.Inf(-1))
		for s := range top {
			order := orders[s*len(p.order) : (s+1)*len(p.order)]
			clear(acc)
			p.run(b, order, acc, sum, stat)
			for i := range acc {
				v := score(i)
				t.add(lo+i, from+s, v)
				if v > top[s] {
					top[s] = v
				}
			}
		}
		maxima[k] = top
	})
	t.maxima(from, maxima)
}

// mapBatch does the shuffles [from, to) of a function of the map, a unit at a time.
func (p *plan) mapBatch(stat Statistic, orders []int32, from, to int, t *tally) {
	maxima := make([][]float64, p.r.Units)
	parallel.ForScratch(p.r.Units, func() []float64 { return make([]float64, p.grid.Len()) }, func(u int, rate []float64) {
		b := p.load(u, u+1, centred)
		m := Map{p.grid.Rows, p.grid.Cols, rate, p.occ}
		score := func(order []int32) float64 {
			if b.bad[0] || len(order) == 0 {
				return math.NaN()
			}
			fillWith(rate, math.NaN())
			for k, bin := range p.bin {
				sum := 0.0
				for _, s := range order[p.start[k]:p.start[k+1]] {
					sum += float64(p.r.Values[int(s)*p.r.Units+u])
				}
				rate[bin] = sum / p.occ[bin]
			}
			return stat.fn(m)
		}
		if from == 0 {
			t.observe(u, score(p.order), 0, !b.varies[0])
		}
		top := make([]float64, to-from)
		for s := range top {
			v := score(orders[s*len(p.order) : (s+1)*len(p.order)])
			t.add(u, from+s, v)
			if top[s] = v; math.IsNaN(v) {
				top[s] = math.Inf(-1)
			}
		}
		maxima[u] = top
	})
	t.maxima(from, maxima)
}

// A tally counts and averages the permuted scores of each unit as they come, in the order of the shuffles.
type tally struct {
	res   *NullResult
	n     []int     // permuted scores that are numbers
	reach []int     // those that reach the observed one
	tol   []float64 // how far below still counts as reaching
	flat  []bool    // the unit never varies
	m2    []float64 // sum of squares about the running mean
	stop  int       // permuted scores that reach the observed one after which a unit stops; 0 = never
	hit   []int     // [unit] number of the draw with which it stopped; 0 = not yet
}

// newTally begins a result of the given number of shuffles; about holds what else the result says of itself.
func newTally(units, shuffles int, keep bool, about NullResult) *tally {
	nan := func(n int) []float64 {
		a := make([]float64, n)
		fillWith(a, math.NaN())
		return a
	}
	res := &about
	res.Shuffles = shuffles
	res.Observed, res.Mean, res.SD, res.Excess, res.Z = nan(units), nan(units), nan(units), nan(units), nan(units)
	res.P, res.Max, res.PMax, res.Draws = make([]float64, units), nan(shuffles), make([]float64, units), make([]int, units)
	if keep {
		res.Values = nan(shuffles * units)
	}
	return &tally{res: res, n: make([]int, units), reach: make([]int, units), tol: make([]float64, units), flat: make([]bool, units),
		m2: make([]float64, units), hit: make([]int, units)}
}

// stopAfter makes the test sequential: SurrogateOptions.Stop and Least.
func (t *tally) stopAfter(stop, least int) {
	t.stop = stop
	t.res.Max = t.res.Max[:least]
}

// stopped says that a unit's p value is known, and what is drawn from now on counts for Max only.
func (t *tally) stopped(u int) bool { return t.hit[u] > 0 }

func (t *tally) observe(u int, v, rounding float64, flat bool) {
	t.res.Observed[u] = v
	t.tol[u] = 1e-12*math.Abs(v) + rounding
	t.flat[u] = flat
	t.res.Mean[u] = 0
}

// add takes one permuted score (Welford's update). NaN, which only functions of maps give for some permutations and
// not for others, is counted as not defined and not reaching.
func (t *tally) add(u, shuffle int, v float64) {
	if t.res.Values != nil {
		t.res.Values[shuffle*len(t.n)+u] = v
	}
	t.res.Draws[u] = shuffle + 1
	if math.IsNaN(v) {
		return
	}
	t.n[u]++
	d := v - t.res.Mean[u]
	t.res.Mean[u] += d / float64(t.n[u])
	t.m2[u] += d * (v - t.res.Mean[u])
	if v >= t.res.Observed[u]-t.tol[u] {
		if t.reach[u]++; t.stop > 0 && t.reach[u] == t.stop {
			t.hit[u] = shuffle + 1
		}
	}
}

func (t *tally) maxima(from int, parts [][]float64) {
	for _, top := range parts {
		for s, v := range top {
			if m := &t.res.Max[from+s]; v > *m || math.IsNaN(*m) && !math.IsInf(v, -1) {
				*m = v
			}
		}
	}
}

func (t *tally) finish() {
	r := t.res
	for u, obs := range r.Observed {
		r.P[u], r.PMax[u] = 1, 1
		switch {
		case t.n[u] == 0:
			r.Mean[u] = math.NaN()
		case t.flat[u]:
			r.Mean[u], r.SD[u], r.Excess[u] = obs, 0, 0
		default:
			if r.Excess[u] = obs - r.Mean[u]; t.n[u] > 1 {
				r.SD[u] = math.Sqrt(t.m2[u] / float64(t.n[u]-1))
			}
			if r.SD[u] > 0 {
				r.Z[u] = r.Excess[u] / r.SD[u]
			}
		}
		if math.IsNaN(obs) || t.flat[u] {
			continue
		}
		r.P[u] = float64(1+t.reach[u]) / float64(1+r.Shuffles)
		if t.hit[u] > 0 { // Besag and Clifford: the draw that made it the Stop-th is the last that counts
			r.P[u] = min(float64(t.stop)/float64(t.hit[u]), 1)
		}
		reach := 0
		for _, m := range r.Max {
			if m >= obs-t.tol[u] {
				reach++
			}
		}
		r.PMax[u] = float64(1+reach) / float64(1+len(r.Max))
	}
}
