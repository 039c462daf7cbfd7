package spatial

import (
	"context"
	"fmt"
	"image"
	"math"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/datasets/circles"
	"github.com/ventral-lab/ventral/internal/cache"
	"github.com/ventral-lab/ventral/internal/parallel"
	"github.com/ventral-lab/ventral/pkg/method/encode"
	"github.com/ventral-lab/ventral/pkg/method/stats"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// readOut is a linear read-out: a ridge regression from the network's output, averaged over positions, to circle or not,
// whose prediction is turned into log-odds by Platt's logistic fit to held-out predictions (Platt 1999, "Probabilistic
// outputs for support vector machines").
type readOut struct {
	Coef      []float64 `json:"coef"` // of the standardised features
	Intercept float64   `json:"intercept"`
	Mean      []float64 `json:"mean"`
	Scale     []float64 `json:"scale"`
	A, B      float64   // log-odds = A·prediction + B
	Right     int       `json:"right"` // of Pictures, held out
	Pictures  int       `json:"pictures"`

	info site.Info
}

// readOutFolds is the number of folds of the cross-validation.
const readOutFolds = 5

// readOutPenalties are what the ridge regression of a read-out chooses from, times the number of its pictures.
var readOutPenalties = []float64{1e-4, 1e-3, 1e-2, 1e-1, 1, 10}

// fitPictures are what a read-out is fitted to: circles, other figures and blank pictures, one half being circles. Their
// seed is not the study's, so none of them is judged.
type fitPictures struct {
	s              *Study
	circle, others *circles.Set
	blank          image.Image
}

func (s *Study) fitPictures() (*fitPictures, error) {
	c := s.set.Config()
	c.N, c.Seed, c.Design, c.Bin, c.Diameters, c.Masks = s.Options.JudgeStimuli, c.Seed+readOutSeed, "", 0, 0, false
	f := &fitPictures{s: s, blank: s.blankPicture(255)}
	var err error
	c.Shape = "circle"
	if f.circle, err = circles.New(c); err != nil {
		return nil, err
	}
	c.Shape = "mixed"
	f.others, err = circles.New(c)
	return f, err
}

// readOutSeed is added to the seed of the study's stimuli for those that a read-out is fitted to.
const readOutSeed = 0x5ead

// at draws picture i: even ones are circles; of the odd ones two of three show another figure and the third is blank.
func (f *fitPictures) at(i int, dst []float32) (circle bool, err error) {
	var st datasets.Stimulus
	switch {
	case i%2 == 0:
		st, err = f.circle.At(i)
		circle = true
	case i%6 == 5:
		st.Image = f.blank
	default:
		for k := i; ; k = (k + 1) % f.others.Len() { // the nearest one ahead that is no circle
			fig, e := f.others.Figure(k)
			if e != nil {
				return false, e
			}
			if fig.Shape != "circle" {
				st, err = f.others.At(k)
				break
			}
		}
	}
	if err != nil {
		return circle, err
	}
	return circle, f.s.Model.Preprocess.Apply(dst, st.Image)
}

func (s *Study) readOut(ctx context.Context) (Judge, error) {
	o := s.Options
	if o.JudgeStimuli < 20 {
		return nil, fmt.Errorf("a read-out is fitted to %d pictures: want at least 20 (JudgeStimuli)", o.JudgeStimuli)
	}
	key := []any{version, s.identity, s.Backend.Kind, s.set.Config(), o.JudgeStimuli, o.Batch, o.Seed}
	r, _, err := cache.Do("spatial/read-out", key, func() (*readOut, error) { return s.fitReadOut(ctx) })
	if err != nil {
		return nil, err
	}
	r.info = s.anatomy.info(s.anatomy.output)
	return r, nil
}

func (s *Study) fitReadOut(ctx context.Context) (*readOut, error) {
	n := s.Options.JudgeStimuli
	f, err := s.fitPictures()
	if err != nil {
		return nil, err
	}
	info := s.anatomy.info(s.anatomy.output)
	d := info.Units()
	x, y := make([]float64, 0, n*d), make([]float64, n)
	meter := s.meter("fitting the judge", n)
	err = s.outputs(ctx, n, func(i int, dst []float32) error {
		circle, err := f.at(i, dst)
		if circle {
			y[i] = 1
		}
		return err
	}, func(out []float32, lo, k int) {
		x = append(x, pooled(out, info, k)...)
		meter.Add(k)
	})
	meter.Done()
	if err != nil {
		return nil, err
	}
	return fitLinear(x, y, n, d)
}

// fitLinear fits the read-out to n rows of d features x, y being 1 for a circle and 0 otherwise.
func fitLinear(x, y []float64, n, d int) (*readOut, error) {
	r := &readOut{Mean: make([]float64, d), Scale: make([]float64, d), Pictures: n}
	for j := range d {
		col := make([]float64, n)
		for i := range n {
			col[i] = x[i*d+j]
		}
		r.Mean[j], r.Scale[j] = stats.Mean(col), stats.PopulationSD(col)
		if !(r.Scale[j] > 1e-12*(1+math.Abs(r.Mean[j]))) {
			r.Scale[j] = 1
		}
	}
	z := r.standardised(x)
	folds := make([]int, n)
	for i := range folds {
		folds[i] = i / 6 % readOutFolds // six pictures in turn hold every kind once or more
	}
	alphas := make([]float64, len(readOutPenalties))
	for i, a := range readOutPenalties {
		alphas[i] = a * float64(n)
	}
	m, err := encode.Ridge(z, y, n, d, 1, alphas, folds)
	if err != nil {
		return nil, err
	}
	alpha := alphas[m.AlphaIndex[0]]
	r.Coef, r.Intercept = m.Coef, m.Intercept[0]
	held := make([]float64, n)
	errs := make([]error, readOutFolds)
	parallel.For(readOutFolds, func(f int) { errs[f] = predictFold(z, y, n, d, alpha, folds, f, held) })
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	r.A, r.B = platt(held, y)
	for i, v := range held {
		if (r.A*v+r.B > 0) == (y[i] == 1) {
			r.Right++
		}
	}
	return r, nil
}

// predictFold fits all other folds and predicts fold f into held.
func predictFold(z, y []float64, n, d int, alpha float64, folds []int, f int, held []float64) error {
	var xt, yt, xv []float64
	var rows []int
	for i := range n {
		if folds[i] == f {
			xv, rows = append(xv, z[i*d:(i+1)*d]...), append(rows, i)
		} else {
			xt, yt = append(xt, z[i*d:(i+1)*d]...), append(yt, y[i])
		}
	}
	m, err := encode.Ridge(xt, yt, len(yt), d, 1, []float64{alpha}, nil)
	if err != nil {
		return err
	}
	p, err := m.Predict(xv, len(rows))
	if err != nil {
		return err
	}
	for k, i := range rows {
		held[i] = p[k]
	}
	return nil
}

// platt fits log-odds A·v + B of y = 1 by Newton's method, with Platt's targets (N+1)/(N+2) and 1/(N+2) in place of 1 and
// 0, so that the fit is finite where v separates the two.
func platt(v, y []float64) (a, b float64) {
	pos := stats.Sum(y)
	hi, lo := (pos+1)/(pos+2), 1/(float64(len(y))-pos+2)
	b = math.Log((pos + 1) / (float64(len(y)) - pos + 1))
	loss := func(a, b float64) float64 {
		sum := 0.0
		for i, x := range v {
			t, z := lo, a*x+b
			if y[i] == 1 {
				t = hi
			}
			sum += math.Max(z, 0) - z*t + math.Log1p(math.Exp(-math.Abs(z)))
		}
		return sum
	}
	now := loss(a, b)
	for range 100 {
		var ga, gb, haa, hab, hbb float64
		for i, x := range v {
			t, p := lo, stats.Logistic(a*x+b)
			if y[i] == 1 {
				t = hi
			}
			w := p * (1 - p)
			ga, gb = ga+(p-t)*x, gb+(p-t)
			haa, hab, hbb = haa+w*x*x, hab+w*x, hbb+w
		}
		haa, hbb = haa+1e-9, hbb+1e-9
		det := haa*hbb - hab*hab
		da, db := (hbb*ga-hab*gb)/det, (haa*gb-hab*ga)/det
		step, better := 1.0, false
		for ; step > 1e-6; step /= 2 {
			if l := loss(a-step*da, b-step*db); l < now {
				better = now-l > 1e-12*(1+now)
				a, b, now = a-step*da, b-step*db, l
				break
			}
		}
		if !better {
			break
		}
	}
	return a, b
}

func (r *readOut) standardised(x []float64) []float64 {
	d := len(r.Mean)
	z := make([]float64, len(x))
	for i, v := range x {
		z[i] = (v - r.Mean[i%d]) / r.Scale[i%d]
	}
	return z
}

func (r *readOut) LogOdds(out []float32, n int) []float64 {
	d := len(r.Mean)
	z := r.standardised(pooled(out, r.info, n))
	odds := make([]float64, n)
	for i := range odds {
		p := r.Intercept
		for j := range d {
			p += z[i*d+j] * r.Coef[j]
		}
		odds[i] = r.A*p + r.B
	}
	return odds
}

func (r *readOut) Info() JudgeInfo {
	return JudgeInfo{Kind: ByReadOut, Positive: "a circle", Negative: "another figure or a blank picture", Fitted: r.Pictures,
		Accuracy: estimate(stats.Wilson(r.Right, r.Pictures, 0.95)),
		Doc:      fmt.Sprintf("ridge regression from the intact network's output %s, calibrated by a logistic fit to held-out predictions (%d folds)", r.info.Name, readOutFolds)}
}

// pooled is the mean over positions of every channel of the first n rows of a value: [n, channel].
func pooled(v []float32, info site.Info, n int) []float64 {
	size, d := info.Size(), info.Units()
	channelOf := channelIndex(info)
	out := make([]float64, n*d)
	for i := range n {
		for e, x := range v[i*size : (i+1)*size] {
			out[i*d+channelOf[e]] += float64(x)
		}
		for j := range d {
			out[i*d+j] *= float64(d) / float64(size)
		}
	}
	return out
}

// channelIndex is the unit of every element of a site's value: the index along the axes that are no positions.
func channelIndex(info site.Info) []int {
	return indexAlong(info, func(a site.Axis) bool { return a == site.Channel || a == site.Head })
}

// indexAlong is the flat index, along the axes that keep holds for, of every element of a site's value.
func indexAlong(info site.Info, keep func(site.Axis) bool) []int {
	out := make([]int, info.Size())
	rest := info.Size()
	for k, a := range info.Axes {
		rest /= info.Shape[k]
		if !keep(a) {
			continue
		}
		for e := range out {
			out[e] = out[e]*info.Shape[k] + e/rest%info.Shape[k]
		}
	}
	return out
}
