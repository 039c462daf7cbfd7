package decode

import (
	"fmt"
	"math"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// Method names a decoder.
type Method string

const (
	// Ridge is linear regression with a penalty on the squared weights (package encode).
	Ridge Method = "ridge"
	// KNN is the mean over the nearest training stimuli by Euclidean distance of the standardised responses.
	KNN Method = "knn"
)

// Targets are what is decoded, one number per stimulus each.
type Targets struct {
	X, Y     []float64 // positions, in pixels
	Diameter []float64 // sizes; nil = not decoded
}

// Options of Decode. The zero value is ridge regression over five folds without permutations.
type Options struct {
	Method    Method    // "" = Ridge
	Folds     int       // 0 = 5
	Alphas    []float64 // penalties to choose from, times the number of training stimuli; nil = 1e-4, 1e-3, ..., 100
	Inner     int       // folds within the training stimuli that the penalty is chosen over; 0 = 3
	Neighbors []int     // numbers of neighbours to choose from; nil = 10
	Shuffles  int       // permutations of the targets for chance; 0 = none
	Resamples int       // bootstrap of the intervals; 0 = 2000
	Level     float64   // of the intervals; 0 = .95
	Seed      uint64
	Stream    string // "" = "decode"
}

// Score is how well one target is decoded.
type Score struct {
	R2          float64        // on held-out stimuli
	Interval    stats.Interval // of R2, percentile bootstrap over stimuli, the decoders held fixed
	MedianError float64        // median of |y - prediction|
	ChanceR2    float64        // mean over permutations; NaN without
	P           float64        // of R2; NaN without permutations
}

// Result is what a population says about its stimuli.
type Result struct {
	Method      Method
	Stimuli     int
	Units       int   // that were used
	Left        []int // units with a NaN or infinite response, which were left out
	X, Y        Score
	Diameter    *Score         // nil where it was not decoded
	MedianError float64        // median distance of the decoded place from the true one, in pixels
	Interval    stats.Interval // of MedianError, as Score.Interval
	Chance      float64        // mean MedianError over permutations; NaN without
	P           float64        // of MedianError; NaN without permutations
	Shuffles    int
	Predicted   []float64 // [stimulus, target]: x, y and, if decoded, the diameter, each predicted while it was held out
	Seed        uint64
	Stream      string
}

// Decode reads the targets from responses [stimulus, unit] of n stimuli.
func Decode(responses []float64, n, units int, targets Targets, opt Options) (*Result, error) {
	opt, err := opt.filled(n)
	if err != nil {
		return nil, err
	}
	x, left, err := usable(responses, n, units)
	if err != nil {
		return nil, err
	}
	y, t, err := targets.columns(n)
	if err != nil {
		return nil, err
	}
	d := &problem{x: x, n: n, p: units - len(left), t: t, opt: opt, orders: orders(n, opt)}
	d.y = y
	d.fold = deal(n, opt.Folds, opt.Seed, opt.Stream+"/folds")
	pred, base, err := d.predict()
	if err != nil {
		return nil, err
	}
	res := &Result{Method: opt.Method, Stimuli: n, Units: d.p, Left: left, Shuffles: opt.Shuffles, Predicted: pred[0], Seed: opt.Seed, Stream: opt.Stream}
	scores := []*Score{&res.X, &res.Y}
	if t == 3 {
		res.Diameter = new(Score)
		scores = append(scores, res.Diameter)
	}
	for j, s := range scores {
		d.score(s, j, pred, base)
	}
	d.place(res, pred)
	return res, nil
}

func (o Options) filled(n int) (Options, error) {
	if o.Method == "" {
		o.Method = Ridge
	}
	if o.Folds == 0 {
		o.Folds = 5
	}
	if o.Alphas == nil {
		o.Alphas = []float64{1e-4, 1e-3, 1e-2, .1, 1, 10, 100}
	}
	if o.Inner == 0 {
		o.Inner = 3
	}
	if o.Neighbors == nil {
		o.Neighbors = []int{10}
	}
	if o.Resamples == 0 {
		o.Resamples = 2000
	}
	if o.Level == 0 {
		o.Level = .95
	}
	if o.Stream == "" {
		o.Stream = "decode"
	}
	switch {
	case o.Method != Ridge && o.Method != KNN:
		return o, fmt.Errorf("decode: no method is called %q: use %q or %q", o.Method, Ridge, KNN)
	case o.Folds < 2 || o.Inner < 2 || o.Shuffles < 0 || o.Resamples < 1 || !(o.Level > 0 && o.Level < 1):
		return o, fmt.Errorf("decode: %d folds, %d inner folds, %d shuffles, %d resamples, level %g: want two folds or more, no negative number, and a level between 0 and 1", o.Folds, o.Inner, o.Shuffles, o.Resamples, o.Level)
	case n < o.Folds*o.Inner*2:
		return o, fmt.Errorf("decode: %d stimuli for %d folds with %d inside: want %d or more", n, o.Folds, o.Inner, o.Folds*o.Inner*2)
	case len(o.Alphas) == 0 || len(o.Neighbors) == 0:
		return o, fmt.Errorf("decode: nothing to choose a penalty or a number of neighbours from")
	}
	for _, a := range o.Alphas {
		if !(a > 0) || math.IsInf(a, 0) {
			return o, fmt.Errorf("decode: penalty %g: want a positive number", a)
		}
	}
	for _, k := range o.Neighbors {
		if least := n - (n+o.Folds-1)/o.Folds - 1; k < 1 || k > least {
			return o, fmt.Errorf("decode: %d neighbours of %d training stimuli: want 1 to %d", k, least+1, least)
		}
	}
	return o, nil
}

// usable copies the units whose responses are all numbers.
func usable(responses []float64, n, units int) (x []float64, left []int, err error) {
	if n < 1 || units < 1 || len(responses)/units != n || len(responses)%units != 0 {
		return nil, nil, fmt.Errorf("decode: %d responses are not %d stimuli x %d units", len(responses), n, units)
	}
	bad := make([]bool, units)
	for i, v := range responses {
		if v-v != 0 {
			bad[i%units] = true
		}
	}
	for u, b := range bad {
		if b {
			left = append(left, u)
		}
	}
	if len(left) == units {
		return nil, nil, fmt.Errorf("decode: every one of the %d units has a NaN or infinite response", units)
	}
	x = make([]float64, 0, n*(units-len(left)))
	for i, v := range responses {
		if !bad[i%units] {
			x = append(x, v)
		}
	}
	return x, left, nil
}

// columns puts the targets side by side, [stimulus, target].
func (t Targets) columns(n int) (y []float64, count int, err error) {
	all := [][]float64{t.X, t.Y}
	if t.Diameter != nil {
		all = append(all, t.Diameter)
	}
	y = make([]float64, n*len(all))
	for j, v := range all {
		if len(v) != n {
			return nil, 0, fmt.Errorf("decode: %d values of target %d for %d stimuli", len(v), j, n)
		}
		for i, a := range v {
			if a-a != 0 {
				return nil, 0, fmt.Errorf("decode: stimulus %d has %g as target %d: want a finite number", i, a, j)
			}
			y[i*len(all)+j] = a
		}
	}
	return y, len(all), nil
}

// deal gives every one of n rows a fold, folds of equal size but for one.
func deal(n, folds int, seed uint64, stream string, index ...uint64) []int {
	out := make([]int, n)
	for k, i := range rng.Fast(seed, stream, index...).Perm(n) {
		out[i] = k % folds
	}
	return out
}

// orders are the stimuli in their order, and permuted.
func orders(n int, opt Options) [][]int {
	own := make([]int, n)
	for i := range own {
		own[i] = i
	}
	out := [][]int{own}
	for k := range opt.Shuffles {
		out = append(out, rng.Fast(opt.Seed, opt.Stream+"/shuffle", uint64(k)).Perm(n))
	}
	return out
}

// score fills in the numbers of target j. pred holds the predictions of every order, base the mean of the training
// stimuli that a fold's predictions are compared with, [order][stimulus*targets+target].
func (d *problem) score(s *Score, j int, pred, base [][]float64) {
	sse, sst, size := make([]float64, d.n), make([]float64, d.n), make([]float64, d.n)
	r2 := func(k int) float64 {
		for i, from := range d.orders[k] {
			y, at := d.y[from*d.t+j], i*d.t+j
			e, z := y-pred[k][at], y-base[k][at]
			sse[i], sst[i], size[i] = e*e, z*z, math.Abs(e)
		}
		return share(stats.Sum(sse), stats.Sum(sst))
	}
	s.ChanceR2, s.P = math.NaN(), math.NaN()
	own, reach, chance := r2(0), 0, 0.0
	for k := 1; k < len(d.orders); k++ {
		v := r2(k)
		chance += v / float64(d.opt.Shuffles)
		if v >= own-1e-12 {
			reach++
		}
	}
	if d.opt.Shuffles > 0 {
		s.ChanceR2, s.P = chance, 1
		if !math.IsNaN(own) {
			s.P = float64(1+reach) / float64(1+d.opt.Shuffles)
		}
	}
	s.R2 = r2(0) // also fills the errors of the data as they are, for what follows
	s.MedianError = stats.Quantile(size, .5)
	s.Interval = stats.Bootstrap(d.n, func(rows []int) float64 {
		e, z := 0.0, 0.0
		for _, i := range rows {
			e += sse[i]
			z += sst[i]
		}
		return share(e, z)
	}, d.bootstrap())
}

// share is 1 - e/z, NaN for a target that does not vary.
func share(e, z float64) float64 {
	if !(z > 0) {
		return math.NaN()
	}
	return 1 - e/z
}

// place fills in the error of the position.
func (d *problem) place(res *Result, pred [][]float64) {
	dist := make([]float64, d.n)
	median := func(k int) float64 {
		for i, from := range d.orders[k] {
			dist[i] = math.Hypot(d.y[from*d.t]-pred[k][i*d.t], d.y[from*d.t+1]-pred[k][i*d.t+1])
		}
		return stats.Quantile(dist, .5)
	}
	own, reach, chance := median(0), 0, 0.0
	for k := 1; k < len(d.orders); k++ {
		v := median(k)
		chance += v / float64(d.opt.Shuffles)
		if v <= own+1e-12 {
			reach++
		}
	}
	res.MedianError, res.Chance, res.P = median(0), math.NaN(), math.NaN()
	if d.opt.Shuffles > 0 {
		res.Chance, res.P = chance, float64(1+reach)/float64(1+d.opt.Shuffles)
	}
	res.Interval = stats.Bootstrap(d.n, func(rows []int) float64 {
		v := make([]float64, len(rows))
		for k, i := range rows {
			v[k] = dist[i]
		}
		return stats.Quantile(v, .5)
	}, d.bootstrap())
}

func (d *problem) bootstrap() stats.Options {
	return stats.Options{Resamples: d.opt.Resamples, Level: d.opt.Level, Method: stats.Percentile, Seed: d.opt.Seed, Stream: d.opt.Stream + "/bootstrap"}
}
