package spatial

import (
	"context"
	"fmt"
	"math"
	"sort"

	"github.com/ventral-lab/ventral/internal/cache"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/ratemap"
	"github.com/ventral-lab/ventral/pkg/method/stats"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// TargetedLesions is the effect of removing growing numbers of one layer's units, chosen for each stimulus.
type TargetedLesions struct {
	Site     string    `json:"site"`
	Units    int       `json:"units"`
	Stimuli  int       `json:"stimuli"`
	Ablation string    `json:"ablation"`
	Judge    JudgeInfo `json:"judge"`
	Share    []float64 `json:"share"` // of units removed, one a level
	Arms     []Arm     `json:"arms"`
	// RandomSeeds are the random orders one by one, each on the stimuli that had it.
	RandomSeeds []SeedCurve `json:"random_seeds"`
}

// SeedCurve is one seed of the random lesions.
type SeedCurve struct {
	Seed    int      `json:"seed"`
	Stimuli int      `json:"stimuli"`
	AUC     Estimate `json:"auc"`
	// TargetedLess is the paired difference of the targeted lesions' area from this one's; below 0 they harm more.
	TargetedLess Estimate `json:"targeted_less"`
}

// Arm is one way of choosing units.
type Arm struct {
	Name string `json:"name"`
	Doc  string `json:"doc"`
	// Mean is the mean probability of "a black circle" at every level, LogOdds the mean of its log-odds.
	Mean    []stats.Interval `json:"mean"`
	LogOdds []stats.Interval `json:"log_odds"`
	// AUC is the area under each stimulus's curve of log-odds, over shares 0 to 1; lower is more harm.
	AUC stats.Interval `json:"auc"`
	// VsRandom is the paired difference of each stimulus's own area from its area under random lesions.
	VsRandom stats.Interval `json:"vs_random"`
	// VsElsewhere is that from the area under lesions of units of another place: below 0, the harm is specific to the place.
	VsElsewhere stats.Interval `json:"vs_elsewhere"`
}

// Arms of the targeted lesions, in the order of results.
const (
	Random    = "random"    // a random order of units for each stimulus, averaged over seeds
	Targeted  = "targeted"  // units with the highest map value at the stimulus first
	Absolute  = "absolute"  // units with the largest map value either way at the stimulus first
	Elsewhere = "elsewhere" // units with the highest map value at another stimulus's place: the control
)

// TargetedLesions removes units of one site for each stimulus in the order of their rate maps at its place, in the
// three arms of the document and a control that uses another stimulus's place: only what the control does not do is
// specific to the location. The map a stimulus is judged by leaves that stimulus out.
//
// The random arm takes Options.RandomSeeds orders in turn, RandomEach of them for every stimulus, so that many seeds cost
// no more than few; RandomSeeds of the result has each of them alone.
//
// lesions choose the site where Options.TargetSite does not; they may be nil where it does.
func (s *Study) TargetedLesions(ctx context.Context, lesions *LayerLesions) (*TargetedLesions, error) {
	o := s.Options
	at, err := s.target(lesions)
	if err != nil {
		return nil, err
	}
	judge, err := s.Judge(ctx)
	if err != nil {
		return nil, err
	}
	key := []any{version, s.identity, s.Backend.Kind, s.set.Spec(), at, judge.Info(), o.Token, o.Ablation, o.Bins, o.TargetedStimuli, o.Levels, o.RandomSeeds, o.RandomEach,
		o.Batch, o.Seed, LesionPrompts}
	out, _, err := cache.Do("spatial/targeted", key, func() (*TargetedLesions, error) { return s.targeted(ctx, at) })
	return out, err
}

// lesionOrder is one way of ordering the units for stimulus i of the list.
type lesionOrder struct {
	arm   string
	order func(i int) []int
	seed  func(i int) int // which of the random orders it is
}

func (s *Study) targeted(ctx context.Context, at string) (*TargetedLesions, error) {
	o := s.Options
	list := s.firstOf(o.TargetedStimuli)
	n := len(list)
	rates, units, axes, err := s.ratesAtStimuli(ctx, at, n)
	if err != nil {
		return nil, err
	}
	rig, err := s.newRig(ctx, at, axes)
	if err != nil {
		return nil, err
	}
	defer rig.close()
	fill, err := rig.filler(ctx, o.Ablation, list)
	if err != nil {
		return nil, err
	}
	r := &TargetedLesions{Site: at, Units: units, Stimuli: n, Ablation: o.Ablation, Judge: rig.judge.Info()}
	for i := range o.Levels {
		r.Share = append(r.Share, float64(i)/float64(max(o.Levels-1, 1)))
	}
	orders := []lesionOrder{
		{arm: Targeted, order: func(i int) []int { return descending(rates[i], false) }},
		{arm: Absolute, order: func(i int) []int { return descending(rates[i], true) }},
		{arm: Elsewhere, order: func(i int) []int { return descending(rates[elsewhere(s, i, n)], false) }},
	}
	for k := range o.RandomEach {
		seed := func(i int) int { return (i*o.RandomEach + k) % o.RandomSeeds }
		orders = append(orders, lesionOrder{arm: Random, seed: seed, order: func(i int) []int {
			return rng.New(o.Seed, "spatial/random-lesion", uint64(seed(i)), uint64(i)).Perm(units)
		}})
	}
	odds := make([][][]float64, len(orders)) // [order][stimulus][level]
	for k := range odds {
		odds[k] = make([][]float64, n)
	}
	meter := s.meter("targeted lesions", n)
	err = rig.batches(ctx, list, meter.Add, func(st *state) error {
		with := fill(st)
		all := make([]float32, o.Batch*rig.gains)
		ends, err := rig.run(st, all, rig.filled(all, with))
		if err != nil {
			return err
		}
		for k, way := range orders {
			if err := rig.curve(ctx, st, r.Share, way.order, with, ends, odds[k]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	meter.Done()
	rows := map[string][][]float64{}
	for k, way := range orders {
		if way.arm != Random {
			rows[way.arm] = odds[k]
		}
	}
	rows[Random] = make([][]float64, n)
	for i := range n {
		rows[Random][i] = make([]float64, o.Levels)
		for k, way := range orders {
			if way.arm == Random {
				for level, v := range odds[k][i] {
					rows[Random][i][level] += v / float64(o.RandomEach)
				}
			}
		}
	}
	for _, name := range []string{Random, Targeted, Absolute, Elsewhere} {
		r.Arms = append(r.Arms, summarise(name, r.Share, rows[name], rows[Random], rows[Elsewhere], o.Seed))
	}
	r.RandomSeeds = seedCurves(r.Share, orders, odds, rows[Targeted], o)
	return r, nil
}

// curve measures one batch at every level of one order. The levels without and with all units are the same for every
// order: the intact network and ends.
func (r *rig) curve(ctx context.Context, st *state, share []float64, order func(i int) []int, with []float32, ends []float64, odds [][]float64) error {
	gain := r.ones()
	orders := make([][]int, st.k)
	for i := range orders {
		orders[i] = order(st.lo + i)
		odds[st.lo+i] = make([]float64, len(share))
	}
	removed := 0
	for level, sh := range share {
		if err := ctx.Err(); err != nil {
			return err
		}
		upto := int(math.Round(sh * float64(r.gains)))
		for i, order := range orders {
			for _, u := range order[removed:upto] {
				gain[i*r.gains+u] = 0
			}
		}
		removed = upto
		got := ends
		switch upto {
		case 0:
			got = st.odds
		case r.gains:
		default:
			var err error
			if got, err = r.run(st, gain, r.filled(gain, with)); err != nil {
				return err
			}
		}
		for i, v := range got {
			odds[st.lo+i][level] = v
		}
	}
	return nil
}

// seedCurves compares the targeted lesions with every random order alone, on the stimuli that had it.
func seedCurves(share []float64, orders []lesionOrder, odds [][][]float64, targeted [][]float64, o Options) []SeedCurve {
	own, other := make([][]float64, o.RandomSeeds), make([][]float64, o.RandomSeeds)
	for k, way := range orders {
		if way.arm != Random {
			continue
		}
		for i, row := range odds[k] {
			s := way.seed(i)
			own[s], other[s] = append(own[s], stats.AUC(share, row)), append(other[s], stats.AUC(share, targeted[i]))
		}
	}
	var out []SeedCurve
	for s := range own {
		stream := fmt.Sprintf("spatial/seed/%d", s)
		out = append(out, SeedCurve{Seed: s, Stimuli: len(own[s]), AUC: meanOf(own[s], o.Seed, stream), TargetedLess: pairedOf(other[s], own[s], o.Seed, stream)})
	}
	return out
}

func summarise(name string, share []float64, rows, random, away [][]float64, seed uint64) Arm {
	a := Arm{Name: name, Doc: map[string]string{
		Random:    "units in random order",
		Targeted:  "units with the highest map value at the stimulus first",
		Absolute:  "units with the largest absolute map value at the stimulus first",
		Elsewhere: "units with the highest map value at another stimulus's place first",
	}[name]}
	for level := range share {
		col := make([]float64, len(rows))
		for i, row := range rows {
			col[i] = row[level]
		}
		stream := fmt.Sprintf("spatial/targeted/%s/%d", name, level)
		a.Mean, a.LogOdds = append(a.Mean, interval(logistic(col), seed, stream)), append(a.LogOdds, interval(col, seed, stream))
	}
	own, other, there := make([]float64, len(rows)), make([]float64, len(rows)), make([]float64, len(rows))
	for i := range rows {
		own[i], other[i], there[i] = stats.AUC(share, rows[i]), stats.AUC(share, random[i]), stats.AUC(share, away[i])
	}
	opt := stats.Options{Resamples: 2000, Level: 0.95, Seed: seed, Stream: "spatial/auc/" + name}
	a.AUC, a.VsRandom, a.VsElsewhere = stats.MeanInterval(own, opt), stats.PairedDifference(own, other, opt), stats.PairedDifference(own, there, opt)
	return a
}

// ratesAtStimuli records the units of a site and returns, for each of the first n stimuli, every unit's map at
// that stimulus's place, [stimulus][unit], and the axes along which units are lesioned. The stimulus itself does not count
// in the map it is judged by; where it is alone in its bin the map's nearest other bin stands in.
func (s *Study) ratesAtStimuli(ctx context.Context, at string, n int) ([][]float64, int, []site.Axis, error) {
	o := s.Options
	values, units, axes, err := s.recorded(ctx, at)
	if err != nil {
		return nil, 0, nil, err
	}
	grid := ratemap.Screen(o.Bins, o.Bins, 1, 1)
	sum, count := make([]float64, grid.Len()*units), make([]float64, grid.Len())
	bin := make([]int, s.set.Len())
	for i := range s.set.Len() {
		b := grid.Bin(min(max(s.x[i], 0), 1-1e-9), min(max(s.y[i], 0), 1-1e-9))
		bin[i] = b
		count[b]++
		for u := range units {
			sum[b*units+u] += float64(values[i*units+u])
		}
	}
	out := make([][]float64, n)
	for i := range n {
		b, less := bin[i], 1.0
		if count[b] < 2 {
			b, less = nearestVisited(grid, count, b), 0
		}
		out[i] = make([]float64, units)
		for u := range units {
			own := 0.0
			if less > 0 {
				own = float64(values[i*units+u])
			}
			out[i][u] = (sum[b*units+u] - own) / (count[b] - less)
		}
	}
	return out, units, axes, nil
}

// nearestVisited is the bin with stimuli in it, other than b, whose centre is nearest to b's.
func nearestVisited(g ratemap.Grid, count []float64, b int) int {
	x, y := g.Center(b)
	best, dist := b, math.Inf(1)
	for c := range count {
		if c == b || count[c] == 0 {
			continue
		}
		cx, cy := g.Center(c)
		if d := (cx-x)*(cx-x) + (cy-y)*(cy-y); d < dist {
			best, dist = c, d
		}
	}
	return best
}

// elsewhere picks another stimulus at least a third of the frame away from stimulus i.
func elsewhere(s *Study, i, n int) int {
	r := rng.New(s.Options.Seed, "spatial/elsewhere", uint64(i))
	best, dist := i, 0.0
	for range 1000 {
		j := r.IntN(n)
		d := math.Hypot(s.x[i]-s.x[j], s.y[i]-s.y[j])
		if d >= 1.0/3 {
			return j
		}
		if d > dist {
			best, dist = j, d
		}
	}
	return best
}

// descending orders units by value, or by absolute value, largest first; equal values keep their order.
func descending(v []float64, absolute bool) []int {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	key := func(i int) float64 {
		if absolute {
			return math.Abs(v[i])
		}
		return v[i]
	}
	sort.SliceStable(order, func(a, b int) bool { return key(order[a]) > key(order[b]) })
	return order
}
