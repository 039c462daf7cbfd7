package ratemap

import (
	"fmt"
	"math"
	"slices"

	"github.com/ventral-lab/ventral/internal/parallel"
)

// MutualInformation is the mutual information, in bits, between the bin of a stimulus and the response cut into the
// given number of levels, each of about the same number of stimuli; plug-in estimate
//
//	I = sum_bl n_bl/N log2(n_bl N / (n_b n_l)).
//
// It asks for no conversion: only the order of a unit's responses counts. A response's level is levels times the share of
// smaller ones and half of the equal ones, so that equal responses are one level, whatever their number; no more different
// values than levels, such as counts, are a level each. With few stimuli a
// bin the plug-in estimate is far too large (log2(levels) for one stimulus a bin); subtract what permuted positions give
// (NullResult.Excess, Unbias), and take fewer, larger bins. levels is 2 to 256.
func MutualInformation(levels int) Statistic {
	return Statistic{Name: fmt.Sprintf("mutual information of %d levels", levels), levels: levels}
}

// MutualInformationMM is MutualInformation with the correction of Miller (1955) and Madow in each of the three entropies,
// (cells that occur - 1) / (2 N ln 2). It takes off most of the bias while cells hold several stimuli each; where many
// hold one it takes off too little, and it can be negative.
func MutualInformationMM(levels int) Statistic {
	s := MutualInformation(levels)
	s.Name += ", Miller-Madow"
	s.madow = true
	return s
}

// levelsOf cuts the responses of unit u to the stimuli that count into levels (see MutualInformation). ok is false where a response is NaN or infinite.
func (p *plan) levelsOf(u, levels int, into []uint8) (varies, ok bool) {
	type response struct {
		v float32
		s int32
	}
	sorted := make([]response, len(p.order))
	for k, s := range p.order {
		v := p.r.Values[int(s)*p.r.Units+u]
		if v-v != 0 {
			return false, false
		}
		sorted[k] = response{v, s}
	}
	slices.SortFunc(sorted, func(a, b response) int {
		switch {
		case a.v < b.v:
			return -1
		case a.v > b.v:
			return 1
		}
		return 0
	})
	distinct := 0
	for k, x := range sorted {
		if k == 0 || x.v != sorted[k-1].v {
			distinct++
		}
	}
	number := -1
	for k := 0; k < len(sorted); {
		end := k + 1
		for end < len(sorted) && sorted[end].v == sorted[k].v {
			end++
		}
		number++
		level := number
		if distinct > levels {
			level = (k + end) * levels / (2 * len(sorted))
		}
		for _, x := range sorted[k:end] {
			into[x.s] = uint8(level)
		}
		k = end
	}
	return distinct > 1, true
}

// A counter computes the information of one order after another for one unit.
type counter struct {
	p      *plan
	stat   Statistic
	level  []uint8 // [stimulus]
	count  []int32 // [level] of one bin
	nlogn  []float64
	fixed  float64 // N log N - sum over bins - sum over levels of n log n: what no permutation changes
	cells  float64 // bins and levels that occur: the part of Miller and Madow's correction that none changes
	varies bool
	ok     bool
}

func newCounter(p *plan, stat Statistic) *counter {
	c := &counter{p: p, stat: stat, level: make([]uint8, p.r.Stimuli), count: make([]int32, stat.levels), nlogn: make([]float64, len(p.order)+1)}
	for n := 2; n < len(c.nlogn); n++ {
		c.nlogn[n] = float64(n) * math.Log2(float64(n))
	}
	return c
}

func (c *counter) load(u int) {
	c.varies, c.ok = c.p.levelsOf(u, c.stat.levels, c.level)
	if c.ok = c.ok && len(c.p.order) > 0; !c.ok {
		return
	}
	c.fixed, c.cells = c.nlogn[len(c.p.order)], 0
	for k := range c.p.bin {
		c.fixed -= c.nlogn[c.p.start[k+1]-c.p.start[k]]
		c.cells++
	}
	all := make([]int, c.stat.levels)
	for _, s := range c.p.order {
		all[c.level[s]]++
	}
	for _, n := range all {
		c.fixed -= c.nlogn[n]
		if n > 0 {
			c.cells++
		}
	}
}

func (c *counter) score(order []int32) float64 {
	if !c.ok {
		return math.NaN()
	}
	sum, joint := c.fixed, 0
	for k := range c.p.bin {
		places := order[c.p.start[k]:c.p.start[k+1]]
		if len(places) == 1 {
			joint++
			continue
		}
		clear(c.count)
		for _, s := range places {
			c.count[c.level[s]]++
		}
		for _, n := range c.count {
			if n > 0 {
				sum += c.nlogn[n]
				joint++
			}
		}
	}
	n := float64(len(c.p.order))
	bits := max(sum/n, 0) // rounding
	if c.stat.madow {
		bits += (c.cells - float64(joint) - 1) / (2 * n * math.Ln2)
	}
	return bits
}

// levelBatch does the shuffles [from, to) of a mutual information, a unit at a time.
func (p *plan) levelBatch(stat Statistic, orders []int32, from, to int, t *tally) {
	maxima := make([][]float64, p.r.Units)
	parallel.ForScratch(p.r.Units, func() *counter { return newCounter(p, stat) }, func(u int, c *counter) {
		c.load(u)
		if from == 0 {
			t.observe(u, c.score(p.order), 1e-12, !c.varies)
		}
		top := make([]float64, to-from)
		for s := range top {
			v := c.score(orders[s*len(p.order) : (s+1)*len(p.order)])
			t.add(u, from+s, v)
			if top[s] = v; math.IsNaN(v) {
				top[s] = math.Inf(-1)
			}
		}
		maxima[u] = top
	})
	t.maxima(from, maxima)
}
