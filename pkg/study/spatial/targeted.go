package spatial

import (
	"context"
	"fmt"
	"math"
	"sort"

	"github.com/ventral-lab/ventral/internal/cache"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/pkg/method/ratemap"
	"github.com/ventral-lab/ventral/pkg/method/stats"
	"github.com/ventral-lab/ventral/pkg/rig/record"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// TargetedLesions is the effect of removing growing numbers of one layer's units, chosen for each stimulus.
type TargetedLesions struct {
	Site    string    `json:"site"`
	Units   int       `json:"units"`
	Stimuli int       `json:"stimuli"`
	Share   []float64 `json:"share"` // of units removed, one a level
	Arms    []Arm     `json:"arms"`
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
}

// Arms of the targeted lesions, in the order of results.
const (
	Random    = "random"    // a random order of units for each stimulus, averaged over seeds
	Targeted  = "targeted"  // units with the highest map value at the stimulus first
	Absolute  = "absolute"  // units with the largest map value either way at the stimulus first
	Elsewhere = "elsewhere" // units with the highest map value at another stimulus's place: the control
)

// TargetedLesions removes units of one c_proj for each stimulus in the order of their rate maps at its place, in the
// three arms of the document and a control that uses another stimulus's place: only what the control does not do is
// specific to the location. The map a stimulus is judged by leaves that stimulus out.
//
// lesions choose the site where Options.TargetSite does not; they may be nil where it does.
func (s *Study) TargetedLesions(ctx context.Context, lesions *LayerLesions) (*TargetedLesions, error) {
	o := s.Options
	at := o.TargetSite
	if at == "" {
		if lesions == nil {
			return nil, fmt.Errorf("spatial: targeted lesions want a TargetSite or the result of LayerLesions to choose one by")
		}
		m, ok := lesions.Worst("visual", "mlp.c_proj")
		if !ok {
			return nil, fmt.Errorf("spatial: the layer lesions have no mlp.c_proj")
		}
		at = m.Site
	}
	key := []any{version, s.identity, s.Backend.Kind, s.set.Spec(), at, o.Bins, o.TargetedStimuli, o.Levels, o.RandomSeeds, o.Batch, o.Seed, LesionPrompts}
	out, _, err := cache.Do("spatial/targeted", key, func() (*TargetedLesions, error) { return s.targeted(ctx, at) })
	return out, err
}

func (s *Study) targeted(ctx context.Context, at string) (*TargetedLesions, error) {
	o := s.Options
	n := min(o.TargetedStimuli, s.set.Len())
	rates, units, err := s.ratesAtStimuli(ctx, at, n)
	if err != nil {
		return nil, err
	}
	staged, err := record.NewStaged(s.Backend, s.Model.Model, s.cuts(), "visual",
		[]site.Edit{{Name: "units", Site: at, Mul: site.Vary{site.Stimulus, site.Channel}}}, o.Batch)
	if err != nil {
		return nil, err
	}
	defer staged.Close()
	stage, err := staged.StageOf(at)
	if err != nil {
		return nil, err
	}
	enc, err := s.Model.Encoder(s.Backend, o.Batch)
	if err != nil {
		return nil, err
	}
	defer enc.Close()
	var single [][]string
	for _, t := range LesionPrompts {
		single = append(single, []string{t})
	}
	head, err := enc.Head(LesionPrompts, single)
	if err != nil {
		return nil, err
	}
	r := &TargetedLesions{Site: at, Units: units, Stimuli: n}
	for i := range o.Levels {
		r.Share = append(r.Share, float64(i)/float64(max(o.Levels-1, 1)))
	}
	type run struct {
		arm   string
		order func(i int) []int
	}
	runs := []run{
		{Targeted, func(i int) []int { return descending(rates[i], false) }},
		{Absolute, func(i int) []int { return descending(rates[i], true) }},
		{Elsewhere, func(i int) []int { return descending(rates[elsewhere(s, i, n)], false) }},
	}
	for k := range o.RandomSeeds {
		runs = append(runs, run{Random, func(i int) []int { return rng.New(o.Seed, "spatial/random-lesion", uint64(k), uint64(i)).Perm(units) }})
	}
	odds := map[string][][]float64{} // arm -> [stimulus][level], summed over runs
	count := map[string]float64{}
	for _, ru := range runs {
		count[ru.arm]++
		if odds[ru.arm] == nil {
			odds[ru.arm] = make([][]float64, n)
			for i := range n {
				odds[ru.arm][i] = make([]float64, o.Levels)
			}
		}
	}
	meter := s.meter("targeted lesions", n)
	d := s.Model.CLIP.EmbedDim
	for lo := 0; lo < n; lo += o.Batch {
		k := min(o.Batch, n-lo)
		px, err := pictures(s.Model, s.set, lo, k, o.Batch)
		if err != nil {
			return nil, err
		}
		trail, _, err := staged.Trail(px)
		if err != nil {
			return nil, err
		}
		for _, ru := range runs {
			mask := make([]float32, o.Batch*units)
			for i := range mask {
				mask[i] = 1
			}
			var orders [][]int
			for i := range k {
				orders = append(orders, ru.order(lo+i))
			}
			removed := 0
			for level := range o.Levels {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				upto := int(math.Round(r.Share[level] * float64(units)))
				for i, order := range orders {
					for _, u := range order[removed:upto] {
						mask[i*units+u] = 0
					}
				}
				removed = upto
				emb, err := staged.From(stage, trail[stage], map[string][]float32{"units.mul@" + at: mask})
				if err != nil {
					return nil, err
				}
				for i, v := range head.LogOdds(clip.Unit(emb[:k*d], d)) {
					odds[ru.arm][lo+i][level] += v
				}
			}
		}
		meter.Add(k)
	}
	meter.Done()
	for arm, rows := range odds {
		for _, row := range rows {
			for level := range row {
				row[level] /= count[arm]
			}
		}
	}
	for _, name := range []string{Random, Targeted, Absolute, Elsewhere} {
		r.Arms = append(r.Arms, summarise(name, r.Share, odds[name], odds[Random], o.Seed))
	}
	return r, nil
}

func summarise(name string, share []float64, rows, random [][]float64, seed uint64) Arm {
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
	own, other := make([]float64, len(rows)), make([]float64, len(rows))
	for i := range rows {
		own[i], other[i] = stats.AUC(share, rows[i]), stats.AUC(share, random[i])
	}
	opt := stats.Options{Resamples: 2000, Level: 0.95, Seed: seed, Stream: "spatial/auc/" + name}
	a.AUC, a.VsRandom = stats.MeanInterval(own, opt), stats.PairedDifference(own, other, opt)
	return a
}

// ratesAtStimuli records the class token at a site and returns, for each of the first n stimuli, every unit's map at
// that stimulus's place, [stimulus][unit]. The stimulus itself does not count in the map it is judged by; where it is
// alone in its bin the map's nearest other bin stands in.
func (s *Study) ratesAtStimuli(ctx context.Context, at string, n int) ([][]float64, int, error) {
	o := s.Options
	rec, err := record.Run(ctx, record.Config{Model: s.Model.Model, Stimuli: s.set, Plan: site.Plan{}.Capture(at + ":class"),
		Backend: s.Backend, Batch: o.Batch, Progress: s.meter("recording "+at, s.set.Len())})
	if err != nil {
		return nil, 0, err
	}
	arr, err := rec.Array(at + ":class")
	if err != nil {
		return nil, 0, err
	}
	values, err := arr.ReadAll()
	if err != nil {
		return nil, 0, err
	}
	units := len(values) / s.set.Len()
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
	return out, units, nil
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
