package decode

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/ventral-lab/ventral/internal/parallel"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// Metric names a distance between the responses of a population to two stimuli.
type Metric string

const (
	// Correlation is 1 - Pearson's r over units: 0 to 2, blind to a common gain and offset (Kriegeskorte et al. 2008).
	// Units with a large mean dominate it unless responses are centred over stimuli first, which Geometry does.
	Correlation Metric = "correlation"
	// Euclidean is the root of the mean over units of the squared difference of standardised responses.
	Euclidean Metric = "euclidean"
)

// GeometryOptions of Geometry.
type GeometryOptions struct {
	Metric   Metric // "" = Correlation
	Stimuli  int    // how many to compare, drawn at random from those there are; 0 = 500. Pairs grow with its square.
	Shuffles int    // permutations for P; 0 = 999
	Bins     int    // of the curve; 0 = 20
	Seed     uint64
	Stream   string // "" = "decode/geometry"
}

// Space says how distance between representations goes with distance on the screen.
type Space struct {
	Metric          Metric
	Stimuli, Pairs  int
	Units           int
	Left            []int   // units with a NaN or infinite response
	Spearman        float64 // of the two distances over pairs
	P               float64 // (1 + #permuted >= Spearman)/(1 + shuffles) (Mantel 1967); 1 where Spearman is NaN
	Slope           float64 // of representational distance on screen distance by least squares, per pixel
	SlopeP          float64 // of Slope, two-sided, by the same permutations
	Intercept       float64
	Screen, Between []float64 // means of both distances in bins with equally many pairs, by growing screen distance
	Shuffles        int
	Seed            uint64
	Stream          string
}

// Geometry compares all pairs of stimuli: do responses [stimulus, unit] differ more the further apart the stimuli lie on
// the screen, at (x, y) in pixels? Each unit is standardised over stimuli first; units that never vary carry nothing.
//
// Pairs are not independent, so p comes from permuting the positions over the stimuli, all pairs of a stimulus together.
func Geometry(responses []float64, n, units int, x, y []float64, opt GeometryOptions) (*Space, error) {
	if opt.Metric == "" {
		opt.Metric = Correlation
	}
	if opt.Stimuli == 0 {
		opt.Stimuli = 500
	}
	if opt.Shuffles == 0 {
		opt.Shuffles = 999
	}
	if opt.Bins == 0 {
		opt.Bins = 20
	}
	if opt.Stream == "" {
		opt.Stream = "decode/geometry"
	}
	if opt.Metric != Correlation && opt.Metric != Euclidean {
		return nil, fmt.Errorf("decode: no metric is called %q: use %q or %q", opt.Metric, Correlation, Euclidean)
	}
	if opt.Stimuli < 4 || opt.Stimuli > maxCompared || opt.Shuffles < 1 || opt.Bins < 1 {
		return nil, fmt.Errorf("decode: %d stimuli, %d shuffles, %d bins: want 4 to %d stimuli, and one of the others or more", opt.Stimuli, opt.Shuffles, opt.Bins, maxCompared)
	}
	z, left, err := usable(responses, n, units)
	if err != nil {
		return nil, err
	}
	if _, _, err := (Targets{X: x, Y: y}).columns(n); err != nil {
		return nil, err
	}
	if n < 4 {
		return nil, fmt.Errorf("decode: %d stimuli have no geometry to speak of: want 4 or more", n)
	}
	pick := make([]int, n)
	for i := range pick {
		pick[i] = i
	}
	if opt.Stimuli < n {
		pick = rng.Fast(opt.Seed, opt.Stream+"/stimuli").Perm(n)[:opt.Stimuli]
		slices.Sort(pick)
	}
	d := &problem{x: z, n: n, p: units - len(left)}
	a := d.standardised(pick)(pick)
	out := &Space{Metric: opt.Metric, Stimuli: len(pick), Units: d.p, Left: left, Shuffles: opt.Shuffles, Seed: opt.Seed, Stream: opt.Stream}
	between := distances(a, opt.Metric)
	screen := make([]float64, 0, len(between))
	for i := range pick {
		for j := range i {
			screen = append(screen, math.Hypot(x[pick[i]]-x[pick[j]], y[pick[i]]-y[pick[j]]))
		}
	}
	out.Pairs = len(screen)
	out.relate(between, screen, len(pick), opt)
	return out, nil
}

// maxCompared bounds the stimuli of Geometry: their pairs take 8 bytes four times over, 1.6 GB at this number.
const maxCompared = 10000

// distances of all pairs (i, j < i), row after row.
func distances(a *mat.Dense, metric Metric) []float64 {
	n, p := a.Dims()
	if metric == Correlation {
		// Centred over units and of length 1, rows have their correlation as their product.
		for i := range n {
			row := a.RawRowView(i)
			mean, ss := stats.Mean(row), 0.0
			for u := range row {
				row[u] -= mean
				ss += row[u] * row[u]
			}
			for u := range row {
				row[u] /= math.Sqrt(ss) // 0/0: a stimulus that all units answer alike has no correlation
			}
		}
	}
	out := make([]float64, n*(n-1)/2)
	parallel.For(n, func(i int) {
		ri := a.RawRowView(i)
		for j := range i {
			s := 0.0
			for u, v := range a.RawRowView(j) {
				if metric == Correlation {
					s += v * ri[u]
				} else {
					s += (v - ri[u]) * (v - ri[u])
				}
			}
			if metric == Correlation {
				s = 1 - min(max(s, -1), 1)
			} else {
				s = math.Sqrt(s / float64(p))
			}
			out[i*(i-1)/2+j] = s
		}
	})
	return out
}

// relate fills in the numbers from the distances of n stimuli.
func (s *Space) relate(between, screen []float64, n int, opt GeometryOptions) {
	s.Spearman, s.Slope, s.Intercept, s.P, s.SlopeP = math.NaN(), math.NaN(), math.NaN(), 1, 1
	if slices.ContainsFunc(between, math.IsNaN) {
		return
	}
	s.Screen, s.Between = binned(screen, between, opt.Bins)
	s.Spearman = stats.Spearman(between, screen)
	if math.IsNaN(s.Spearman) {
		return
	}
	ranks, screenRanks := standard(stats.Ranks(between)), standard(stats.Ranks(screen))
	values, screenValues := standard(slices.Clone(between)), standard(slices.Clone(screen))
	pearson := stats.Pearson(between, screen)
	s.Slope = pearson * stats.PopulationSD(between) / stats.PopulationSD(screen)
	s.Intercept = stats.Mean(between) - s.Slope*stats.Mean(screen)
	reach, reachSlope := make([]bool, opt.Shuffles), make([]bool, opt.Shuffles)
	parallel.For(opt.Shuffles, func(k int) {
		order := rng.Fast(opt.Seed, opt.Stream+"/shuffle", uint64(k)).Perm(n)
		sum, sumValues := 0.0, 0.0
		for i := range n {
			at := i * (i - 1) / 2
			for j := range i {
				a, b := order[i], order[j]
				if a < b {
					a, b = b, a
				}
				from := a*(a-1)/2 + b
				sum += ranks[at+j] * screenRanks[from]
				sumValues += values[at+j] * screenValues[from]
			}
		}
		reach[k] = sum >= s.Spearman-1e-12
		reachSlope[k] = math.Abs(sumValues) >= math.Abs(pearson)-1e-12
	})
	count := func(b []bool) float64 {
		c := 1
		for _, v := range b {
			if v {
				c++
			}
		}
		return float64(c) / float64(1+len(b))
	}
	s.P, s.SlopeP = count(reach), count(reachSlope)
}

// standard centres v and gives it length 1, in place.
func standard(v []float64) []float64 {
	mean, ss := stats.Mean(v), 0.0
	for i := range v {
		v[i] -= mean
		ss += v[i] * v[i]
	}
	for i := range v {
		v[i] /= math.Sqrt(ss)
	}
	return v
}

// binned gives the means of x and y in bins of equally many pairs by growing x.
func binned(x, y []float64, bins int) (mx, my []float64) {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case x[a] < x[b]:
			return -1
		case x[a] > x[b]:
			return 1
		}
		return 0
	})
	bins = min(bins, len(x))
	for k := range bins {
		lo, hi := k*len(x)/bins, (k+1)*len(x)/bins
		sx, sy := 0.0, 0.0
		for _, i := range order[lo:hi] {
			sx += x[i]
			sy += y[i]
		}
		mx, my = append(mx, sx/float64(hi-lo)), append(my, sy/float64(hi-lo))
	}
	return mx, my
}
