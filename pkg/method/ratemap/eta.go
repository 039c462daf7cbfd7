package ratemap

import (
	"math"

	"github.com/ventral-lab/ventral/internal/parallel"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// Tuning is the one-way analysis of variance of one unit's responses by position bin. It needs no conversion: it is
// the same for a and for c*a + d, so signed activations may be used as they are.
type Tuning struct {
	Eta2     float64 // between-bin / total sum of squares: the share of variance that position explains in this sample
	Omega2   float64 // the same corrected for the number of bins (Hays): about 0 for an untuned unit, possibly negative
	F        float64 // mean square between / mean square within
	DF1, DF2 int     // occupied bins - 1, stimuli - occupied bins
	P        float64 // upper tail of the F distribution: exact for normal noise; use Null for a test without that
}

// Tunings does the analysis of variance of every unit over the stimuli that have a bin (-1 = left out). Bins may
// hold different numbers of stimuli; those that hold one add to the between sum only.
//
// Units that never vary have Eta2 = Omega2 = F = NaN and P = 1, and so do units with a NaN or infinite response, and
// all units where fewer than two bins are occupied. Where no bin has a second stimulus (DF2 = 0) Eta2 is 1, F, Omega2
// NaN and P 1. A unit that varies between bins only has F = +Inf and P = 0.
func Tunings(r *Responses, bins []int, g Grid) ([]Tuning, error) {
	p, err := newPlan(r, bins, g)
	if err != nil {
		return nil, err
	}
	out := make([]Tuning, r.Units)
	parallel.Chunks(r.Units, unitBlock, func(lo, hi int) {
		blk := p.load(lo, hi, centred)
		acc := make([]float64, hi-lo)
		p.run(blk, p.order, acc, make([]float64, hi-lo), EtaSquared())
		for i := range acc {
			out[lo+i] = p.tuning(acc[i], blk.ss[i], blk.bad[i] || !blk.varies[i])
		}
	})
	return out, nil
}

func (p *plan) tuning(between, total float64, undefined bool) Tuning {
	k, n := len(p.start)-1, len(p.order)
	t := Tuning{Eta2: math.NaN(), Omega2: math.NaN(), F: math.NaN(), DF1: max(k-1, 0), DF2: n - k, P: 1}
	if undefined || k < 2 {
		return t
	}
	between = min(between, total)
	t.Eta2 = between / total
	if t.DF2 > 0 {
		msw := (total - between) / float64(t.DF2)
		t.F = between / float64(t.DF1) / msw
		t.Omega2 = (between - float64(t.DF1)*msw) / (total + msw)
		t.P = stats.FUpper(t.F, t.DF1, t.DF2)
	}
	return t
}
