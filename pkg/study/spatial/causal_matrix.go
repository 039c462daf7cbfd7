package spatial

import (
	"context"
	"fmt"
	"math"
	"sort"

	"github.com/ventral-lab/ventral/internal/cache"
	"github.com/ventral-lab/ventral/internal/parallel"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// DeficitMatrix says how much the lesion of the units of each location harms the answer to stimuli at each location.
type DeficitMatrix struct {
	Site     string    `json:"site"`
	Judge    JudgeInfo `json:"judge"`
	Ablation string    `json:"ablation"`
	Side     int       `json:"side"`  // the frame is cut into Side x Side places, numbered row by row from the top left
	Units    int       `json:"units"` // of the site
	Removed  int       `json:"removed"`
	Stimuli  int       `json:"stimuli"`   // that were judged; others chose the units
	PerPlace []int     `json:"per_place"` // of them
	// Deficit is [place whose units are lesioned][place of the stimulus]: the mean of intact less lesioned log-odds. NaN where
	// no stimulus is.
	Deficit [][]Float `json:"deficit"`
	// Low and High are the limits of its 95 % bootstrap intervals over the stimuli of the place.
	Low  [][]Float `json:"low"`
	High [][]Float `json:"high"`
	// Specificity is the mean deficit at the lesioned place less the mean at the same place under the lesions of all other
	// places, averaged over places: the diagonal less the rest. What makes one set of units or one place more vulnerable than
	// others cancels. The interval is over stimuli.
	Specificity Estimate `json:"specificity"`
	// P is the share of permutations of the lesions' labels with at least that specificity, one-sided.
	P            Float `json:"p"`
	Permutations int   `json:"permutations"`
	// Null are the specificities of matrices that were measured in the same way with other units: the sets have the same sizes
	// and overlaps, but every unit's preferences were given to another unit. NullDeficit is their mean matrix.
	Null        []Float   `json:"null"`
	NullDeficit [][]Float `json:"null_deficit"`
	// Distance is the deficit by the distance between the lesioned place and the stimulus's place.
	Distance []DistanceDeficit `json:"distance"`
}

// DistanceDeficit is the mean deficit at one distance, in widths of the frame.
type DistanceDeficit struct {
	Distance Float    `json:"distance"`
	Deficit  Estimate `json:"deficit"`
}

// labelPermutations is the number of permutations of the lesions' labels.
const labelPermutations = 5000

// DeficitMatrices measures the location x location deficit for each of Options.Ablations. The units of a place are
// the share Options.PlaceShare of the site's whose activation for stimuli there differs most from that elsewhere; they are
// chosen on one half of the stimuli and lesioned for stimuli of the other.
//
// lesions choose the site where Options.TargetSite does not; they may be nil where it does.
func (s *Study) DeficitMatrices(ctx context.Context, lesions *LayerLesions) ([]DeficitMatrix, error) {
	o := s.Options
	at, err := s.target(lesions)
	if err != nil {
		return nil, err
	}
	judge, err := s.Judge(ctx)
	if err != nil {
		return nil, err
	}
	var out []DeficitMatrix
	for _, a := range o.Ablations {
		key := []any{version, s.identity, s.Backend.Kind, s.set.Spec(), at, judge.Info(), o.Token, a, o.Places, o.PlaceShare, o.MatrixStimuli, o.MatrixNulls,
			o.Batch, o.Seed, LesionPrompts}
		m, _, err := cache.Do("spatial/deficits", key, func() (*DeficitMatrix, error) { return s.deficits(ctx, at, a) })
		if err != nil {
			return nil, err
		}
		out = append(out, *m)
	}
	return out, nil
}

func (s *Study) deficits(ctx context.Context, at, ablation string) (*DeficitMatrix, error) {
	o := s.Options
	values, units, axes, err := s.recorded(ctx, at)
	if err != nil {
		return nil, err
	}
	choose, measure := s.halves()
	list := s.balanced(measure, o.MatrixStimuli, o.Places)
	if len(list) < 2 {
		return nil, fmt.Errorf("spatial: %d stimuli are too few to choose units by and to measure a deficit matrix with", s.set.Len())
	}
	rig, err := s.newRig(ctx, at, axes)
	if err != nil {
		return nil, err
	}
	defer rig.close()
	fill, err := rig.filler(ctx, ablation, list)
	if err != nil {
		return nil, err
	}
	k := shareOf(o.PlaceShare, units)
	sets := s.tune(values, units, choose, o.Places).sets(k)
	places := len(sets)
	for null := range o.MatrixNulls {
		other := rng.New(o.Seed, "spatial/matrix-null", uint64(null)).Perm(units)
		for p := range places {
			swapped := make([]int, len(sets[p]))
			for i, u := range sets[p] {
				swapped[i] = other[u]
			}
			sets = append(sets, swapped)
		}
	}
	harm := make([][]float64, len(sets)) // [set][stimulus of the list]
	for i := range harm {
		harm[i] = make([]float64, len(list))
	}
	meter := s.meter("deficit matrix ("+ablation+")", len(list))
	err = rig.batches(ctx, list, meter.Add, func(st *state) error {
		with := fill(st)
		for i, set := range sets {
			gain := rig.ones()
			for row := range o.Batch {
				for _, u := range set {
					gain[row*rig.gains+u] = 0
				}
			}
			odds, err := rig.run(st, gain, rig.filled(gain, with))
			if err != nil {
				return err
			}
			for row, v := range odds {
				harm[i][st.lo+row] = st.odds[row] - v
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	meter.Done()
	where := make([]int, len(list))
	for i, n := range list {
		where[i] = s.placeOf(n, o.Places)
	}
	m := &DeficitMatrix{Site: at, Judge: rig.judge.Info(), Ablation: ablation, Side: o.Places, Units: units, Removed: k, Stimuli: len(list)}
	m.fill(harm, where, o.Seed)
	return m, nil
}

// fill computes everything from the harm of every set, the places' own first and then those of the nulls, to every
// stimulus, which is at where.
func (m *DeficitMatrix) fill(harm [][]float64, where []int, seed uint64) {
	places := m.Side * m.Side
	m.PerPlace = make([]int, places)
	for _, p := range where {
		m.PerPlace[p]++
	}
	own := harm[:places]
	d := deficitMatrix(own, where)
	m.Deficit = maybeMissing(d)
	m.intervals(own, where, seed)
	rows := make([]int, len(where))
	for i := range rows {
		rows[i] = i
	}
	m.Specificity = estimate(stats.Bootstrap(len(rows), func(rows []int) float64 { return specificity(own, where, rows) },
		stats.Options{Resamples: 2000, Level: 0.95, Method: stats.Percentile, Seed: seed, Stream: "spatial/specificity"}))
	m.Specificity.Mean = Float(specificity(own, where, rows))
	m.P, m.Permutations = Float(labelTest(d, labelPermutations, seed)), labelPermutations
	sum := make([][]float64, places)
	for i := range sum {
		sum[i] = make([]float64, places)
	}
	nulls := len(harm)/places - 1
	for k := range nulls {
		h := harm[(k+1)*places : (k+2)*places]
		m.Null = append(m.Null, Float(specificity(h, where, rows)))
		for i, row := range deficitMatrix(h, where) {
			for j, v := range row {
				sum[i][j] += v / float64(nulls)
			}
		}
	}
	if nulls > 0 {
		m.NullDeficit = maybeMissing(sum)
	}
	m.Distance = byDistance(own, where, m.Side, seed)
}

// intervals fills the limits of every cell.
func (m *DeficitMatrix) intervals(harm [][]float64, where []int, seed uint64) {
	for _, h := range harm {
		cells := make([][]float64, len(harm))
		for k, v := range h {
			cells[where[k]] = append(cells[where[k]], v)
		}
		low, high := make([]Float, len(harm)), make([]Float, len(harm))
		parallel.For(len(cells), func(j int) {
			e := missing()
			if len(cells[j]) > 1 {
				e = estimate(stats.MeanInterval(cells[j], stats.Options{Resamples: 1000, Method: stats.Percentile, Seed: seed, Stream: "spatial/cell"}))
			}
			low[j], high[j] = e.Low, e.High
		})
		m.Low, m.High = append(m.Low, low), append(m.High, high)
	}
}

// maybeMissing is a matrix whose NaN JSON writes as null.
func maybeMissing(m [][]float64) [][]Float {
	out := make([][]Float, len(m))
	for i, row := range m {
		for _, v := range row {
			out[i] = append(out[i], Float(v))
		}
	}
	return out
}

// deficitMatrix is the mean harm of every set to the stimuli of every place; NaN where there are none.
func deficitMatrix(harm [][]float64, where []int) [][]float64 {
	d := make([][]float64, len(harm))
	for i, h := range harm {
		sum, count := make([]float64, len(harm)), make([]float64, len(harm))
		for k, v := range h {
			sum[where[k]] += v
			count[where[k]]++
		}
		for p := range sum {
			d[i] = append(d[i], sum[p]/count[p])
		}
	}
	return d
}

// specificity is the diagonal less the rest, from some of the stimuli: for each place, the mean over its stimuli of the
// harm by its own set less the mean harm by the others, averaged over the places that have stimuli.
func specificity(harm [][]float64, where, rows []int) float64 {
	places := len(harm)
	sum, count := make([]float64, places), make([]float64, places)
	for _, k := range rows {
		p, all := where[k], 0.0
		for i := range harm {
			all += harm[i][k]
		}
		own := harm[p][k]
		sum[p] += own - (all-own)/float64(places-1)
		count[p]++
	}
	total, n := 0.0, 0.0
	for p := range sum {
		if count[p] > 0 {
			total, n = total+sum[p]/count[p], n+1
		}
	}
	return total / n
}

// labelTest is the one-sided p value of the diagonal of d being larger than the rest, if the sets' labels meant nothing:
// the share of random relabellings, the true one among them, whose diagonal sums to as much. The rest needs no look: for a
// given place it is what the sum over all sets leaves. Places without stimuli (NaN columns) are left out.
func labelTest(d [][]float64, permutations int, seed uint64) float64 {
	n := len(d)
	diagonal := func(label []int) float64 {
		sum, count := 0.0, 0
		for j, i := range label {
			if v := d[i][j]; !math.IsNaN(v) {
				sum += v
				count++
			}
		}
		if count == 0 {
			return math.NaN()
		}
		return sum
	}
	label := make([]int, n)
	for i := range label {
		label[i] = i
	}
	seen := diagonal(label)
	if math.IsNaN(seen) {
		return math.NaN()
	}
	tolerance := 1e-12 * (1 + math.Abs(seen))
	draw, hits := rng.New(seed, "spatial/labels"), 1
	for range permutations {
		if diagonal(draw.Perm(n)) >= seen-tolerance {
			hits++
		}
	}
	return float64(hits) / float64(permutations+1)
}

// byDistance is the mean harm by the distance between the set's and the stimulus's place. A stimulus counts once a
// distance, with the mean over the sets at that distance.
func byDistance(harm [][]float64, where []int, side int, seed uint64) []DistanceDeficit {
	groups := map[int][]float64{} // by squared distance in places
	for k, p := range where {
		sum, count := map[int]float64{}, map[int]float64{}
		for i := range harm {
			dx, dy := i%side-p%side, i/side-p/side
			sum[dx*dx+dy*dy] += harm[i][k]
			count[dx*dx+dy*dy]++
		}
		for d := range sum {
			groups[d] = append(groups[d], sum[d]/count[d])
		}
	}
	var order []int
	for d := range groups {
		order = append(order, d)
	}
	sort.Ints(order)
	var out []DistanceDeficit
	for _, d := range order {
		out = append(out, DistanceDeficit{Distance: Float(math.Sqrt(float64(d)) / float64(side)), Deficit: meanOf(groups[d], seed, fmt.Sprintf("spatial/distance/%d", d))})
	}
	return out
}
