package ratemap

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/ventral-lab/ventral/internal/parallel"
	"github.com/ventral-lab/ventral/internal/rng"
)

// FitOptions says how receptive fields are fitted.
type FitOptions struct {
	Folds  int     // of the cross-validation; 0 = 5, negative = none
	Level  float64 // of the intervals; 0 = .95
	Seed   uint64
	Stream string // "" = "ratemap/fit"; folds of a seed and stream are the same for all units
}

func (o FitOptions) filled() (FitOptions, error) {
	if o.Folds == 0 {
		o.Folds = 5
	}
	if o.Level == 0 {
		o.Level = .95
	}
	if o.Stream == "" {
		o.Stream = "ratemap/fit"
	}
	if o.Folds == 1 || !(o.Level > 0 && o.Level < 1) {
		return o, fmt.Errorf("ratemap: %d folds, intervals of level %g: want two folds or more, or a negative number for none, and a level between 0 and 1", o.Folds, o.Level)
	}
	return o, nil
}

// Fit is how well a model of a receptive field describes a map.
type Fit struct {
	R2 float64 // share of the variance of the map over bins, weighted by occupancy, in the fit
	// CV is the same on what was held out, 1 - sum (y - fit)^2 / sum (y - mean)^2 with the mean of the rest; about 0, or
	// below, for a map without such a field. Over bins in the functions that take maps; over stimuli, where it cannot
	// exceed the share of variance that position explains, in those that take responses. NaN without folds.
	CV        float64
	AtBound   bool // a width, the centre or the surround is as far as it may go
	Converged bool
	Level     float64 // of the intervals
}

// GaussianFit is a fitted Gaussian with intervals.
type GaussianFit struct {
	Gaussian
	Fit
	SE, Low, High Gaussian // of each parameter
}

// DoGFit is a fitted difference of Gaussians with intervals.
type DoGFit struct {
	DoG
	Fit
	SE, Low, High DoG
}

// FitGaussian fits a turned Gaussian to a map by least squares weighted by occupancy: Levenberg-Marquardt with the
// analytic Jacobian, from four starts (the highest and the lowest bin of the smoothed map, with a small and a large width),
// the best of which goes on. Signed maps are fine. The centre stays inside the map, widths between .3 bins and its larger
// side. Do not smooth the map: that widens fields and makes held-out bins depend on the others.
//
// Low and High come from the Hessian in Gauss and Newton's approximation, s^2 (J'WJ)^-1 and Student's t, widths on a
// logarithmic scale: right where the noise is independent between stimuli and of one size, as the weights assume. A
// parameter at its bound has NaN.
//
// A constant map has Base at its constant, Amplitude 0, and NaN for the rest; a map with an infinite rate or no more than 7
// visited bins is NaN throughout. CV is NaN where a fold leaves no more than 7.
func FitGaussian(m Map, opt FitOptions) (GaussianFit, error) {
	opt, err := opt.filled()
	if err != nil {
		return GaussianFit{}, err
	}
	return gaussianFit(m, opt, nil), nil
}

// FitDoG is FitGaussian with a round difference of Gaussians, from eight starts: also from the middle of the map's
// variance, with either sign. The surround is 1.2 to 8 times as wide as the centre and up
// to 3 times as strong. Where there is none (Surround 0) its width is not in the data: NaN intervals.
func FitDoG(m Map, opt FitOptions) (DoGFit, error) {
	opt, err := opt.filled()
	if err != nil {
		return DoGFit{}, err
	}
	return dogFit(m, opt, nil), nil
}

// FitGaussians fits every map of the set.
func (s *Set) FitGaussians(opt FitOptions) ([]GaussianFit, error) {
	opt, err := opt.filled()
	if err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	out := make([]GaussianFit, s.Units)
	s.Each(func(u int, m Map) { out[u] = gaussianFit(m, opt, nil) })
	return out, nil
}

// FitDoGs fits every map of the set.
func (s *Set) FitDoGs(opt FitOptions) ([]DoGFit, error) {
	opt, err := opt.filled()
	if err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	out := make([]DoGFit, s.Units)
	s.Each(func(u int, m Map) { out[u] = dogFit(m, opt, nil) })
	return out, nil
}

// FitGaussianFields fits the maps of every unit and cross-validates over stimuli: each fold's stimuli are predicted from a
// fit to the map of the others.
func FitGaussianFields(r *Responses, bins []int, g Grid, opt FitOptions) ([]GaussianFit, error) {
	return fitFields(r, bins, g, opt, gaussianFit)
}

// FitDoGFields is FitGaussianFields with differences of Gaussians.
func FitDoGFields(r *Responses, bins []int, g Grid, opt FitOptions) ([]DoGFit, error) {
	return fitFields(r, bins, g, opt, dogFit)
}

func fitFields[F any](r *Responses, bins []int, g Grid, opt FitOptions, fit func(Map, FitOptions, *heldOut) F) ([]F, error) {
	opt, err := opt.filled()
	if err != nil {
		return nil, err
	}
	set, err := Maps(r, bins, g)
	if err != nil {
		return nil, err
	}
	h := &heldOut{bins: bins, fold: make([]int, r.Stimuli)}
	for k, s := range rng.Fast(opt.Seed, opt.Stream).Perm(r.Stimuli) {
		h.fold[s] = k % max(opt.Folds, 1)
	}
	out := make([]F, r.Units)
	parallel.For(r.Units, func(u int) {
		own := *h
		own.value = r.Unit(u)
		out[u] = fit(set.Map(u), opt, &own)
	})
	return out, nil
}

func gaussianFit(m Map, opt FitOptions, h *heldOut) GaussianFit {
	s, fit := fitField(func() fieldModel { return new(gaussianModel) }, m, opt, h)
	out := GaussianFit{Gaussian: gaussian(s.q), Fit: fit.Fit, SE: gaussian(fit.se)}
	low, high := fit.limits(s.q)
	out.Low, out.High = gaussian(low), gaussian(high)
	// gaussian() orders axes and reduces angles of places, not of errors and limits: do that by the place's order.
	first, second, turn := 4, 5, out.Theta-s.q[6]
	if s.q[5] > s.q[4] {
		first, second = 5, 4
	}
	out.SE.Sigma1, out.SE.Sigma2, out.SE.Theta = out.Sigma1*fit.se[first], out.Sigma2*fit.se[second], fit.se[6]
	out.Low.Sigma1, out.Low.Sigma2, out.Low.Theta = math.Exp(low[first]), math.Exp(low[second]), low[6]+turn
	out.High.Sigma1, out.High.Sigma2, out.High.Theta = math.Exp(high[first]), math.Exp(high[second]), high[6]+turn
	return out
}

func dogFit(m Map, opt FitOptions, h *heldOut) DoGFit {
	s, fit := fitField(func() fieldModel { return new(dogModel) }, m, opt, h)
	out := DoGFit{DoG: dog(s.q), Fit: fit.Fit}
	low, high := fit.limits(s.q)
	out.Low, out.High, out.SE = dog(low), dog(high), DoG{fit.se[0], fit.se[1], fit.se[2], fit.se[3], out.Center * fit.se[4], math.NaN(), fit.se[5]}
	// The logarithm of the width is the sum of two parameters.
	se := math.Sqrt(fit.cov[4][4] + fit.cov[6][6] + 2*fit.cov[4][6])
	out.SE.Width = out.Width * se
	out.Low.Width, out.High.Width = out.Width*math.Exp(-fit.t*se), out.Width*math.Exp(fit.t*se)
	return out
}

// fitted is what fitField says beside the parameters.
type fitted struct {
	Fit
	cov [fieldParams][fieldParams]float64
	se  vector7
	t   float64
}

func (f *fitted) limits(q vector7) (low, high vector7) {
	for i := range q {
		low[i], high[i] = q[i]-f.t*f.se[i], q[i]+f.t*f.se[i]
	}
	return low, high
}

// heldOut is the stimuli of one unit for cross-validation over stimuli.
type heldOut struct {
	bins, fold []int
	value      []float64
}

// fitField fits a model to a map.
func fitField(model func() fieldModel, m Map, opt FitOptions, h *heldOut) (*search, *fitted) {
	nan := math.NaN()
	out := &fitted{Fit: Fit{R2: nan, CV: nan, Level: opt.Level}, t: nan}
	none := &search{q: vector7{nan, nan, nan, nan, nan, nan, nan}}
	out.se = none.q
	out.cov[4][4] = nan
	d := sampleOf(m, nil)
	if m.broken() || len(d.rate) <= fieldParams {
		return none, out
	}
	total, mean, varies := d.spread()
	if !varies {
		none.q[0], none.q[1] = mean, 0
		return none, out
	}
	s := fitSample(model(), m, d)
	low, high := model().bounds(m.Rows, m.Cols)
	var dof int
	if out.cov, dof = s.covariance(len(d.rate), &low, &high); dof > 0 {
		out.t = distuv.StudentsT{Sigma: 1, Nu: float64(dof)}.Quantile(.5 + opt.Level/2)
	}
	for i := range out.se {
		out.se[i] = math.Sqrt(out.cov[i][i])
	}
	out.R2, out.Converged = 1-s.sse/total, s.converged
	for i, v := range s.q {
		out.AtBound = out.AtBound || v <= low[i] || v >= high[i]
	}
	if opt.Folds > 1 {
		if h == nil {
			out.CV = overBins(model, m, opt)
		} else {
			out.CV = h.overStimuli(model, m, opt.Folds)
		}
	}
	return s, out
}

// sampleOf takes the bins with a weight, but for those of skip.
func sampleOf(m Map, skip func(bin int) bool) *sample {
	d := &sample{}
	for b, r := range m.Rate {
		if w := m.weight(b); w > 0 && (skip == nil || !skip(b)) {
			d.row, d.col = append(d.row, float64(b/m.Cols)), append(d.col, float64(b%m.Cols))
			d.rate, d.weight = append(d.rate, r), append(d.weight, w)
		}
	}
	return d
}

// spread is the weighted sum of squares about the mean, and the mean.
func (d *sample) spread() (total, mean float64, varies bool) {
	n := 0.0
	for k, w := range d.weight {
		mean += w * d.rate[k]
		n += w
		varies = varies || d.rate[k] != d.rate[0]
	}
	if mean /= n; !varies {
		return 0, d.rate[0], false
	}
	for k, w := range d.weight {
		total += w * (d.rate[k] - mean) * (d.rate[k] - mean)
	}
	return total, mean, total > 0
}

// fitSample descends from each start for a few steps and goes on with the best. m says where the bins of the sample
// lie; only bins of the sample count.
func fitSample(model fieldModel, m Map, d *sample) *search {
	low, high := model.bounds(m.Rows, m.Cols)
	seen := Map{m.Rows, m.Cols, make([]float64, len(m.Rate)), nil}
	fillWith(seen.Rate, math.NaN())
	for k, r := range d.rate {
		seen.Rate[int(d.row[k])*m.Cols+int(d.col[k])] = r
	}
	_, mean, _ := d.spread()
	top, bottom, smooth := -1, -1, seen.Smooth(1)
	for b, r := range smooth.Rate {
		if math.IsNaN(r) {
			continue
		}
		if top < 0 || r > smooth.Rate[top] {
			top = b
		}
		if bottom < 0 || r < smooth.Rate[bottom] {
			bottom = b
		}
	}
	type start struct{ row, col, amplitude float64 }
	place := func(b int) start { return start{float64(b / m.Cols), float64(b % m.Cols), smooth.Rate[b] - mean} }
	starts, steps := []start{place(top), place(bottom)}, 6
	if _, round := model.(*dogModel); round {
		// A strong surround is a ring, whose extremes lie beside its centre: start from the middle of the variance too,
		// with either sign. Which start was the better shows late.
		c, sum := start{}, 0.0
		for b, r := range smooth.Rate {
			if w := (r - mean) * (r - mean); w > 0 {
				sum += w
				c.row += w * float64(b/m.Cols)
				c.col += w * float64(b%m.Cols)
			}
		}
		if sum > 0 {
			c.row, c.col = c.row/sum, c.col/sum
			starts, steps = append(starts, start{c.row, c.col, starts[0].amplitude}, start{c.row, c.col, starts[1].amplitude}), 15
		}
	}
	side := float64(max(m.Rows, m.Cols))
	var best *search
	for _, from := range starts {
		for _, width := range []float64{side / 14, side / 5} {
			s := &search{damping: .01}
			logWidth := math.Log(max(width, 2*narrowest))
			s.q = vector7{mean, from.amplitude, from.row, from.col, logWidth, logWidth - .1, .4}
			if _, round := model.(*dogModel); round {
				s.q[5], s.q[6] = .4, math.Log(2)
			}
			s.evaluate(model, d)
			s.descend(model, d, &low, &high, steps)
			if best == nil || s.sse < best.sse {
				best = s
			}
		}
	}
	best.descend(model, d, &low, &high, 80)
	return best
}

// overBins is the cross-validated R2 with bins dealt to folds at random.
func overBins(model func() fieldModel, m Map, opt FitOptions) float64 {
	fold := make([]int, len(m.Rate))
	for k, b := range rng.Fast(opt.Seed, opt.Stream).Perm(len(fold)) {
		fold[b] = k % opt.Folds
	}
	sse, sst := 0.0, 0.0
	var grad vector7
	for k := range opt.Folds {
		train := sampleOf(m, func(b int) bool { return fold[b] == k })
		if len(train.rate) <= fieldParams {
			return math.NaN()
		}
		test := sampleOf(m, func(b int) bool { return fold[b] != k })
		_, mean, varies := train.spread()
		f := model()
		if varies {
			s := fitSample(f, m, train)
			f.set(&s.q)
		}
		for i, y := range test.rate {
			p := mean
			if varies {
				p = f.at(test.row[i], test.col[i], &grad)
			}
			sse += test.weight[i] * (y - p) * (y - p)
			sst += test.weight[i] * (y - mean) * (y - mean)
		}
	}
	if !(sst > 0) {
		return math.NaN()
	}
	return 1 - sse/sst
}

// overStimuli is the cross-validated R2 with stimuli dealt to folds.
func (h *heldOut) overStimuli(model func() fieldModel, m Map, folds int) float64 {
	sse, sst := 0.0, 0.0
	var grad vector7
	for k := range folds {
		train := Map{m.Rows, m.Cols, make([]float64, len(m.Rate)), make([]float64, len(m.Rate))}
		sum, n := 0.0, 0.0
		for s, b := range h.bins {
			if b >= 0 && h.fold[s] != k {
				train.Rate[b] += h.value[s]
				train.Occupancy[b]++
				sum += h.value[s]
				n++
			}
		}
		for b, o := range train.Occupancy {
			train.Rate[b] /= o // 0/0 = NaN, not visited
		}
		d := sampleOf(train, nil)
		if len(d.rate) <= fieldParams {
			return math.NaN()
		}
		f := model()
		_, _, varies := d.spread()
		if varies {
			s := fitSample(f, train, d)
			f.set(&s.q)
		}
		for s, b := range h.bins {
			if b < 0 || h.fold[s] != k {
				continue
			}
			p := sum / n
			if varies {
				p = f.at(float64(b/m.Cols), float64(b%m.Cols), &grad)
			}
			sse += (h.value[s] - p) * (h.value[s] - p)
			sst += (h.value[s] - sum/n) * (h.value[s] - sum/n)
		}
	}
	if !(sst > 0) {
		return math.NaN()
	}
	return 1 - sse/sst
}
