package ratemap

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/ventral-lab/ventral/internal/parallel"
	"github.com/ventral-lab/ventral/internal/rng"
)

// UnbiasOptions says how Unbias samples.
type UnbiasOptions struct {
	// Shares are the sizes of the subsamples as shares of the stimuli, growing, below 1; all stimuli come last by
	// themselves. nil = .3, .4, ..., .9.
	Shares  []float64
	Repeats int // subsamples of each size, each also with permuted positions; 0 = 20
	// Groups is the number of groups of the jackknife that gives standard errors and intervals, each group left out
	// once: it makes the work Groups+1 times longer. 0 = no intervals; 20 is enough.
	Groups int
	Level  float64 // of the intervals; 0 = .95
	Seed   uint64
	Stream string // "" = "ratemap/unbias"
}

// Corrected is one estimate of every unit.
type Corrected struct {
	Value         []float64 // [unit]
	SE, Low, High []float64 // [unit] by the jackknife; nil without groups
}

// Unbiased is a statistic of every unit and four estimates of what it would be with endless stimuli.
type Unbiased struct {
	Statistic  string
	Conversion Conversion
	Seed       uint64
	Stream     string
	Groups     int
	Level      float64
	Sizes      []int       // stimuli in each subsample, all of them last
	Curve      [][]float64 // [size][unit] statistic of the subsamples, mean over repeats
	Shuffled   [][]float64 // [size][unit] the same with permuted positions

	Plain      Corrected // the statistic itself: biased upwards
	Subtracted Corrected // less its mean under permuted positions
	SSR        Corrected // less that mean, scaled
	BAE        Corrected // bounded asymptotic extrapolation
	Quadratic  Corrected // quadratic extrapolation
	R2         []float64 // [unit] of the curve of BAE
}

// Unbias estimates a statistic that few stimuli a bin make too large (information, mutual information, eta squared: any
// that tends to 0 for an untuned unit) as it would be with endless stimuli. With I(t) its value on t stimuli of N, S(t)
// with positions permuted, both means over random subsamples:
//
//   - Subtracted: I(N) - S(N). Too small for tuned units, whose own bias is less than that of the permuted ones.
//   - SSR, scaled shuffle reduction: I(N) - S(N) (I(t1) - I(N)) / (S(t1) - S(N)), with t1 the smallest subsample; it takes
//     the bias of the unit to be a constant multiple of the permuted unit's.
//   - BAE, bounded asymptotic extrapolation: a of the least-squares curve a + b/(1 + c t), with a, b, c >= 0.
//   - Quadratic: a of the least-squares curve a + b/t + c/t^2 (Strong et al. 1998).
//
// SSR and BAE are those of Sheintuch, Rubin & Ziv (PLoS Comput Biol 2022, 10.1371/journal.pcbi.1009832). SSR is NaN where
// S does not fall. All are noisy for one unit; Average makes them of the mean curves of many, as the paper does for
// populations.
//
// The smallest subsample should still have some stimuli in every bin: a grid of 784 bins and 3000 stimuli has not, so take
// a coarser one for this.
//
// Intervals are Value -+ t SE with the standard error of the grouped jackknife (Efron & Tibshirani 1993, ch. 11) and
// Student's t with Groups-1 degrees of freedom. They say how much the estimate varies between samples, and not the
// bias it may still have. Subsamples and permutations are the same in all groups, so that their chance does not enter.
func Unbias(r *Responses, bins []int, g Grid, stat Statistic, opt UnbiasOptions) (*Unbiased, error) {
	whole, err := newPlan(r, bins, g)
	if err != nil {
		return nil, err
	}
	if err := stat.check(); err != nil {
		return nil, err
	}
	if opt.Shares == nil {
		opt.Shares = []float64{.3, .4, .5, .6, .7, .8, .9}
	}
	if opt.Repeats == 0 {
		opt.Repeats = 20
	}
	if opt.Level == 0 {
		opt.Level = .95
	}
	if opt.Stream == "" {
		opt.Stream = "ratemap/unbias"
	}
	last := 0.0
	for _, s := range opt.Shares {
		if !(s > last && s < 1) {
			return nil, fmt.Errorf("ratemap: shares of stimuli %v: want growing numbers between 0 and 1", opt.Shares)
		}
		last = s
	}
	if len(opt.Shares) < 2 || opt.Repeats < 1 || opt.Groups < 0 || opt.Groups == 1 || !(opt.Level > 0 && opt.Level < 1) {
		return nil, fmt.Errorf("ratemap: %d sizes of subsamples, %d repeats, %d groups, level %g: want two sizes or more, a repeat, no group or two, and a level between 0 and 1", len(opt.Shares), opt.Repeats, opt.Groups, opt.Level)
	}
	if least := int(opt.Shares[0] * float64(len(whole.order))); least < 2 {
		return nil, fmt.Errorf("ratemap: %d stimuli have a bin, of which the smallest subsample takes %d: want 2 at least", len(whole.order), least)
	}
	u := &unbias{whole: whole, bins: bins, stat: stat, opt: opt, group: make([]int, r.Stimuli)}
	out := &Unbiased{Statistic: stat.Name, Conversion: r.Conversion, Seed: opt.Seed, Stream: opt.Stream, Groups: opt.Groups, Level: opt.Level}
	var est [5][]float64
	out.Sizes, out.Curve, out.Shuffled, err = u.curves(-1)
	if err != nil {
		return nil, err
	}
	est, out.R2 = estimates(out.Sizes, out.Curve, out.Shuffled)
	all := [5]*Corrected{&out.Plain, &out.Subtracted, &out.SSR, &out.BAE, &out.Quadratic}
	for k, c := range all {
		c.Value = est[k]
	}
	if opt.Groups > 0 {
		if err := u.jackknife(all); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// unbias is what one call works with.
type unbias struct {
	whole *plan
	bins  []int
	stat  Statistic
	opt   UnbiasOptions
	group []int // of every stimulus that has a bin
}

// curves are the mean statistic and its mean under permuted positions for every size, without the stimuli of one group
// (-1 = with all).
func (u *unbias) curves(without int) (sizes []int, curve, shuffled [][]float64, err error) {
	counted := u.whole.order // sorted by bin, then by number: the same for any set of responses
	p := u.whole
	own, other := make([]int, len(u.bins)), make([]int, len(u.bins))
	for k := range len(u.opt.Shares) + 1 {
		share := 1.0
		if k < len(u.opt.Shares) {
			share = u.opt.Shares[k]
		}
		take := int(share*float64(len(counted)) + .5)
		real, perm := newMean(p.r.Units), newMean(p.r.Units)
		size := 0
		for rep := range u.opt.Repeats {
			r := rng.Fast(u.opt.Seed, u.opt.Stream, uint64(k), uint64(rep))
			chosen, partner := r.Perm(len(counted)), r.Perm(len(counted))
			fillInts(own, -1)
			fillInts(other, -1)
			for i, c := range chosen[:take] {
				s := counted[c]
				if without >= 0 && u.group[s] == without {
					continue
				}
				own[s], other[s] = u.bins[s], u.bins[counted[partner[i]]]
				size++
			}
			if share < 1 || rep == 0 {
				if err := u.add(real, own); err != nil {
					return nil, nil, nil, err
				}
			}
			if err := u.add(perm, other); err != nil {
				return nil, nil, nil, err
			}
		}
		sizes = append(sizes, (size+u.opt.Repeats/2)/u.opt.Repeats)
		curve, shuffled = append(curve, real.values()), append(shuffled, perm.values())
	}
	return sizes, curve, shuffled, nil
}

func fillInts(a []int, v int) {
	for i := range a {
		a[i] = v
	}
}

func (u *unbias) add(m *mean, bins []int) error {
	p, err := newPlan(u.whole.r, bins, u.whole.grid)
	if err != nil {
		return err
	}
	m.add(p.scores(u.stat))
	return nil
}

// A mean averages what is a number of each unit's values.
type mean struct{ sum, n []float64 }

func newMean(units int) *mean { return &mean{make([]float64, units), make([]float64, units)} }

func (m *mean) add(v []float64) {
	for i, x := range v {
		if !math.IsNaN(x) {
			m.sum[i] += x
			m.n[i]++
		}
	}
}

func (m *mean) values() []float64 {
	out := make([]float64, len(m.sum))
	for i := range out {
		out[i] = m.sum[i] / m.n[i]
	}
	return out
}

// scores is the statistic of every unit with the stimuli where they are.
func (p *plan) scores(stat Statistic) []float64 {
	out := make([]float64, p.r.Units)
	t := &tally{res: &NullResult{Observed: out, Mean: make([]float64, len(out))}, tol: make([]float64, len(out)), flat: make([]bool, len(out))}
	switch {
	case stat.fn != nil:
		p.mapBatch(stat, nil, 0, 0, t)
	case stat.levels > 0:
		p.levelBatch(stat, nil, 0, 0, t)
	default:
		p.sumBatch(stat, nil, 0, 0, t)
	}
	return out
}

// jackknife fills in standard errors and intervals.
func (u *unbias) jackknife(all [5]*Corrected) error {
	order := rng.Fast(u.opt.Seed, u.opt.Stream+"/groups").Perm(len(u.whole.order))
	for k, c := range order {
		u.group[u.whole.order[c]] = k % u.opt.Groups
	}
	g := float64(u.opt.Groups)
	units := u.whole.r.Units
	var values [5][][]float64
	for k := range u.opt.Groups {
		sizes, curve, shuffled, err := u.curves(k)
		if err != nil {
			return err
		}
		est, _ := estimates(sizes, curve, shuffled)
		for e := range est {
			values[e] = append(values[e], est[e])
		}
	}
	t := distuv.StudentsT{Sigma: 1, Nu: g - 1}.Quantile(.5 + u.opt.Level/2)
	for e, c := range all {
		c.SE, c.Low, c.High = make([]float64, units), make([]float64, units), make([]float64, units)
		for i := range units {
			m, ss := 0.0, 0.0
			for _, v := range values[e] {
				m += v[i] / g
			}
			for _, v := range values[e] {
				ss += (v[i] - m) * (v[i] - m)
			}
			c.SE[i] = math.Sqrt((g - 1) / g * ss)
			c.Low[i], c.High[i] = c.Value[i]-t*c.SE[i], c.Value[i]+t*c.SE[i]
		}
	}
	return nil
}

// estimates are Plain, Subtracted, SSR, BAE and Quadratic of every unit, and the R2 of BAE's curve.
func estimates(sizes []int, curve, shuffled [][]float64) (est [5][]float64, r2 []float64) {
	units, last := len(curve[0]), len(curve)-1
	for e := range est {
		est[e] = make([]float64, units)
	}
	r2 = make([]float64, units)
	t := make([]float64, len(sizes))
	for k, s := range sizes {
		t[k] = float64(s)
	}
	parallel.Chunks(units, 16, func(lo, hi int) {
		y := make([]float64, len(sizes))
		for i := lo; i < hi; i++ {
			for k := range y {
				y[k] = curve[k][i]
			}
			est[0][i] = y[last]
			est[1][i] = y[last] - shuffled[last][i]
			est[2][i] = scaledShuffle(y[0], y[last], shuffled[0][i], shuffled[last][i])
			est[3][i], r2[i] = boundedAsymptote(t, y)
			est[4][i] = quadraticAsymptote(t, y)
		}
	})
	return est, r2
}

func scaledShuffle(first, last, firstShuffled, lastShuffled float64) float64 {
	fall := firstShuffled - lastShuffled
	if !(fall > 0) {
		return math.NaN()
	}
	return last - lastShuffled*(first-last)/fall
}

// Average makes the estimates of the mean curves of some units (nil = all those whose curves are numbers throughout): the
// population's, with much less noise than the mean of the units' own.
func (u *Unbiased) Average(units []int) (plain, subtracted, ssr, bae, quadratic float64) {
	if units == nil {
		for i := range u.Curve[0] {
			units = append(units, i)
		}
	}
	curve, shuffled := make([][]float64, len(u.Sizes)), make([][]float64, len(u.Sizes))
	for k := range curve {
		curve[k], shuffled[k] = make([]float64, 1), make([]float64, 1)
	}
	n := 0.0
	for _, i := range units {
		sum := 0.0
		for k := range curve {
			sum += u.Curve[k][i] + u.Shuffled[k][i]
		}
		if math.IsNaN(sum) {
			continue
		}
		n++
		for k := range curve {
			curve[k][0] += u.Curve[k][i]
			shuffled[k][0] += u.Shuffled[k][i]
		}
	}
	for k := range curve {
		curve[k][0] /= n
		shuffled[k][0] /= n
	}
	est, _ := estimates(u.Sizes, curve, shuffled)
	return est[0][0], est[1][0], est[2][0], est[3][0], est[4][0]
}
