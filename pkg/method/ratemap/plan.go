package ratemap

import (
	"fmt"
)

// A plan is the part of binned sums that all units and shuffles share: which stimuli count, and how many of them
// each occupied bin takes. A permutation of positions is another order of the same stimuli over the same places.
type plan struct {
	r     *Responses
	grid  Grid
	occ   []float64 // [bin]
	start []int     // place start[k] to start[k+1] of an order belong to the k-th occupied bin
	bin   []int     // number of the k-th occupied bin
	order []int32   // stimuli sorted by their own bin, in stimulus order within a bin
}

func newPlan(r *Responses, bins []int, g Grid) (*plan, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	if len(bins) != r.Stimuli {
		return nil, fmt.Errorf("ratemap: %d bins for %d stimuli: give one per stimulus", len(bins), r.Stimuli)
	}
	if r.Stimuli > 1<<31-1 {
		return nil, fmt.Errorf("ratemap: %d stimuli are more than a permutation of 32-bit numbers holds", r.Stimuli)
	}
	occ, err := Occupancy(bins, g)
	if err != nil {
		return nil, err
	}
	p := &plan{r: r, grid: g, occ: occ, start: []int{0}}
	next := make([]int, g.Len())
	n := 0
	for b, o := range occ {
		next[b] = n
		if o > 0 {
			n += int(o)
			p.start = append(p.start, n)
			p.bin = append(p.bin, b)
		}
	}
	p.order = make([]int32, n)
	for s, b := range bins {
		if b >= 0 {
			p.order[next[b]] = int32(s)
			next[b]++
		}
	}
	return p, nil
}

// unitBlock is how many units are worked on together: with 3000 stimuli a block of float64 responses is 1.5 MB,
// which stays in the second and third cache while a thousand shuffles go over it, and a row of it is 512
// contiguous bytes.
const unitBlock = 64

// scaling says what load does to the responses of a unit.
type scaling int

const (
	byMean  scaling = iota // divided by the unit's mean: the ratios that information, sparsity and selectivity need
	centred                // less the unit's mean: what sums of squares need for not to cancel
)

// A block is the responses of some units as float64, scaled, [stimulus, unit], with what is the same in every
// permutation. Only stimuli that have a bin are filled in and counted.
type block struct {
	w      int
	v      []float64
	mean   []float64 // before scaling
	ss     []float64 // sum of squares about the mean, before scaling
	bad    []bool    // a response is NaN or infinite
	neg    []bool    // a response is negative
	varies []bool    // not all responses are equal
}

func (p *plan) load(lo, hi int, how scaling) *block {
	w := hi - lo
	b := &block{w: w, v: make([]float64, p.r.Stimuli*w), mean: make([]float64, w), ss: make([]float64, w),
		bad: make([]bool, w), neg: make([]bool, w), varies: make([]bool, w)}
	if len(p.order) == 0 {
		return b
	}
	first := p.r.Values[int(p.order[0])*p.r.Units+lo:][:w]
	for _, s := range p.order {
		row := p.r.Values[int(s)*p.r.Units+lo:][:w]
		for i, x := range row {
			v := float64(x)
			b.v[int(s)*w+i] = v
			b.mean[i] += v
			b.bad[i] = b.bad[i] || !finite(v)
			b.neg[i] = b.neg[i] || v < 0
			b.varies[i] = b.varies[i] || x != first[i]
		}
	}
	for i := range b.mean {
		b.mean[i] /= float64(len(p.order))
	}
	for _, s := range p.order {
		row := b.v[int(s)*w:][:w]
		for i, v := range row {
			d := v - b.mean[i]
			b.ss[i] += d * d
			switch {
			case b.bad[i]:
				row[i] = 0
			case how == centred:
				row[i] = d
			case b.mean[i] != 0:
				row[i] = v / b.mean[i]
			}
		}
	}
	return b
}

// run adds one statistic's terms, bin by bin, for one order of the stimuli. acc and sum hold one number per unit of
// the block; acc must come in cleared. Rows are added four at a time, always in the order of places, so that the
// rounding depends on the order alone.
func (p *plan) run(b *block, order []int32, acc, sum []float64, stat Statistic) {
	w := b.w
	if vectors && stat.of != noKernel && w%8 == 0 {
		p.runVector(b, order, acc, stat.of)
		return
	}
	row := func(place int) []float64 { return b.v[int(order[place])*w:][:w] }
	sum = sum[:w]
	for k := range len(p.start) - 1 {
		at, end := p.start[k], p.start[k+1]
		n := float64(end - at)
		if end-at < 4 {
			copy(sum, row(at))
			at++
		} else {
			r0, r1, r2, r3 := row(at)[:len(sum)], row(at + 1)[:len(sum)], row(at + 2)[:len(sum)], row(at + 3)[:len(sum)]
			for i := range sum {
				sum[i] = (r0[i] + r1[i]) + (r2[i] + r3[i])
			}
			at += 4
		}
		for ; at+1 < end; at += 2 {
			r0, r1 := row(at)[:len(sum)], row(at + 1)[:len(sum)]
			for i := range sum {
				sum[i] += r0[i] + r1[i]
			}
		}
		if at < end {
			r0 := row(at)[:len(sum)]
			for i := range sum {
				sum[i] += r0[i]
			}
		}
		stat.bin(acc, sum, n)
	}
}
