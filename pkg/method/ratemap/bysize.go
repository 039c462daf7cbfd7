package ratemap

import (
	"fmt"
	"math"
	"slices"

	"github.com/ventral-lab/ventral/internal/parallel"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// SizeOptions says how BySize cuts and tests.
type SizeOptions struct {
	Parts    int // 0 = 3, terciles
	Shuffles int // for the two p values; 0 = 200
	Seed     uint64
	Stream   string // "" = "ratemap/size"
}

// SizeMaps are maps of the same units from stimuli of different sizes.
type SizeMaps struct {
	Cuts []float64 // sizes between the parts, Parts-1 of them: part k holds Cuts[k-1] < size <= Cuts[k]
	Maps []*Set    // [part]
	// Correlation is the mean over pairs of parts of the correlation of the two maps (see PairedCorrelation). Even a
	// unit whose place does not depend on size has less than 1, as each map has noise: compare with Expected.
	Correlation []float64 // [unit]
	Expected    []float64 // [unit] mean of the same where sizes were dealt out to the stimuli at random
	// PSame is the chance of a correlation this large where position means nothing (positions permuted within parts);
	// PDiffer that of one this small where size means nothing to the map (sizes permuted).
	PSame, PDiffer []float64 // [unit]; 1 where Correlation is NaN
	Shuffles       int
}

// BySize makes the maps of each unit for stimuli of small, middle and large size, cut at the quantiles of the sizes
// (equal sizes stay together), and asks whether they are one map. size holds one number per stimulus, such as a diameter.
// Before the maps are made every response is centred on the mean of its part, so that a unit that answers more to large
// stimuli everywhere does not count as one whose place changes; the maps of Maps are not centred.
//
// A bin needs stimuli of all sizes to count: with 784 bins and 3000 stimuli take a coarser grid.
func BySize(r *Responses, bins []int, g Grid, size []float64, opt SizeOptions) (*SizeMaps, error) {
	if opt.Parts == 0 {
		opt.Parts = 3
	}
	if opt.Shuffles == 0 {
		opt.Shuffles = 200
	}
	if opt.Stream == "" {
		opt.Stream = "ratemap/size"
	}
	whole, err := newPlan(r, bins, g)
	if err != nil {
		return nil, err
	}
	if len(size) != r.Stimuli || opt.Parts < 2 || opt.Shuffles < 1 || opt.Shuffles > maxShuffles {
		return nil, fmt.Errorf("ratemap: %d sizes for %d stimuli, %d parts, %d shuffles: want a size for each, two parts and a shuffle or more", len(size), r.Stimuli, opt.Parts, opt.Shuffles)
	}
	out := &SizeMaps{Shuffles: opt.Shuffles}
	var counted []float64
	for _, s := range whole.order {
		if !finite(size[s]) {
			return nil, fmt.Errorf("ratemap: stimulus %d has size %g: want a finite number", s, size[s])
		}
		counted = append(counted, size[s])
	}
	for k := 1; k < opt.Parts; k++ {
		out.Cuts = append(out.Cuts, stats.Quantile(counted, float64(k)/float64(opt.Parts)))
	}
	part := make([]int, r.Stimuli)
	for s, v := range size {
		if part[s] = -1; bins[s] >= 0 {
			part[s], _ = slices.BinarySearch(out.Cuts, v)
		}
	}
	for k := range opt.Parts {
		own := append([]int(nil), bins...)
		for s := range own {
			if part[s] != k {
				own[s] = -1
			}
		}
		set, err := Maps(r, own, g)
		if err != nil {
			return nil, err
		}
		out.Maps = append(out.Maps, set)
	}
	// For each shuffle a way to deal out bins within parts, and one to deal out parts.
	b := &bySize{p: whole, parts: opt.Parts, bins: [][]int{bins}, part: [][]int{part}}
	for k := range opt.Shuffles {
		b.deal(rng.Fast(opt.Seed, opt.Stream, uint64(k)).Shuffle)
	}
	n := r.Units
	out.Correlation, out.Expected, out.PSame, out.PDiffer = make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	parallel.ForScratch(n, func() *sizeSums { return newSizeSums(opt.Parts, g.Len()) }, func(u int, w *sizeSums) {
		value := r.Unit(u)
		w.centre(value, b.part[0]) // so that permuted sizes do not turn an answer to size into noise
		out.Correlation[u] = w.correlation(value, b.bins[0], b.part[0])
		same, differ, sum, count := 0, 0, 0.0, 0.0
		for k := 1; k <= opt.Shuffles; k++ {
			if w.correlation(value, b.bins[k], b.part[0]) >= out.Correlation[u]-1e-12 {
				same++
			}
			v := w.correlation(value, b.bins[0], b.part[k])
			if v <= out.Correlation[u]+1e-12 {
				differ++
			}
			if !math.IsNaN(v) {
				sum += v
				count++
			}
		}
		out.Expected[u] = sum / count
		if out.PSame[u], out.PDiffer[u] = 1, 1; !math.IsNaN(out.Correlation[u]) {
			out.PSame[u] = float64(1+same) / float64(1+opt.Shuffles)
			out.PDiffer[u] = float64(1+differ) / float64(1+opt.Shuffles)
		}
	})
	return out, nil
}

// bySize holds the data as it is, [0], and dealt out at random.
type bySize struct {
	p          *plan
	parts      int
	bins, part [][]int
}

func (b *bySize) deal(shuffle func(n int, swap func(i, j int))) {
	bins := append([]int(nil), b.bins[0]...)
	for k := range b.parts {
		var at []int
		for _, s := range b.p.order {
			if b.part[0][s] == k {
				at = append(at, int(s))
			}
		}
		shuffle(len(at), func(i, j int) { bins[at[i]], bins[at[j]] = bins[at[j]], bins[at[i]] })
	}
	part := append([]int(nil), b.part[0]...)
	at := b.p.order
	shuffle(len(at), func(i, j int) { part[at[i]], part[at[j]] = part[at[j]], part[at[i]] })
	b.bins, b.part = append(b.bins, bins), append(b.part, part)
}

// sizeSums is the work space of one thread.
type sizeSums struct {
	parts  int
	sum, n [][]float64 // [part][bin]
	weight []float64
}

func newSizeSums(parts, bins int) *sizeSums {
	w := &sizeSums{parts: parts, weight: make([]float64, bins)}
	for range parts {
		w.sum, w.n = append(w.sum, make([]float64, bins)), append(w.n, make([]float64, bins))
	}
	return w
}

// centre takes the mean of its part off every value. Values that are all equal become exactly 0.
func (w *sizeSums) centre(value []float64, part []int) {
	sum, n, low, high := make([]float64, w.parts), make([]float64, w.parts), make([]float64, w.parts), make([]float64, w.parts)
	for s, k := range part {
		if k < 0 {
			continue
		}
		if n[k] == 0 {
			low[k], high[k] = value[s], value[s]
		}
		sum[k] += value[s]
		n[k]++
		low[k], high[k] = min(low[k], value[s]), max(high[k], value[s])
	}
	for s, k := range part {
		switch {
		case k < 0:
		case low[k] == high[k]:
			value[s] -= low[k]
		default:
			value[s] -= sum[k] / n[k]
		}
	}
}

// correlation is the mean over pairs of parts of values that are centred; NaN where a pair has fewer than three common
// bins, where a part does not vary, and where a value is NaN or infinite.
func (w *sizeSums) correlation(value []float64, bins, part []int) float64 {
	for k := range w.parts {
		clear(w.sum[k])
		clear(w.n[k])
	}
	for s, k := range part {
		if k >= 0 {
			w.sum[k][bins[s]] += value[s]
			w.n[k][bins[s]]++
		}
	}
	for k := range w.sum {
		for b, n := range w.n[k] {
			if n > 0 {
				w.sum[k][b] /= n
			}
		}
	}
	total := 0.0
	for a := range w.parts {
		for b := range a {
			common := 0
			for i := range w.weight {
				if w.weight[i] = 0; w.n[a][i] > 0 && w.n[b][i] > 0 {
					w.weight[i] = w.n[a][i] * w.n[b][i] / (w.n[a][i] + w.n[b][i])
					common++
				}
			}
			r := weightedCorrelation(w.sum[a], w.sum[b], w.weight)
			if common < 3 || r == 0 {
				return math.NaN()
			}
			total += r
		}
	}
	return total / float64(w.parts*(w.parts-1)/2)
}
