package spatial

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ventral-lab/ventral/internal/cache"
)

// BiasExperiment drives or scales the units of one region of the frame and asks whether the answer is biased towards a
// circle there (the outlook's "lesions to add or remove a bias").
type BiasExperiment struct {
	Site    string    `json:"site"`
	Judge   JudgeInfo `json:"judge"`
	Units   int       `json:"units"`
	Chosen  int       `json:"chosen"`  // units of a region
	Regions int       `json:"regions"` // the quadrants of the frame, each in turn
	Stimuli int       `json:"stimuli"`
	Empty   int       `json:"empty"` // empty pictures, of as many levels of grey
	// Intact is the mean log-odds for stimuli and for empty pictures without any change.
	Intact      Estimate    `json:"intact"`
	IntactEmpty Estimate    `json:"intact_empty"`
	Curves      []BiasCurve `json:"curves"`
}

// BiasCurve is a dose-response curve.
type BiasCurve struct {
	Arm  string    `json:"arm"`  // Selective or Matched
	Mode string    `json:"mode"` // Gain or Drive
	Dose []float64 `json:"dose"`
	// Empty is the mean log-odds of a circle for empty pictures, averaged over regions, EmptyChange its paired change; Answers
	// the share of pictures and regions for which it is above 0: a circle is seen where none is.
	Empty       []Estimate `json:"empty"`
	EmptyChange []Estimate `json:"empty_change"`
	Answers     []Float    `json:"answers"`
	// Inside and Outside are the change of the log-odds for stimuli inside the region and outside of it; Bias is the paired
	// difference of the two, which is 0 for a change that is the same everywhere.
	Inside  []Estimate `json:"inside"`
	Outside []Estimate `json:"outside"`
	Bias    []Estimate `json:"bias"`
}

// Arms and modes of the bias experiment.
const (
	Selective = "selective" // the units that tell the region apart best
	Matched   = "matched"   // as many units that belong to no region, with the nearest standard deviations
	Gain      = "gain"      // activations are multiplied by the dose; 1 changes nothing, 0 is a lesion
	Drive     = "drive"     // the dose times the mean change that a circle in the region makes is added; 0 changes nothing
)

// biasDoses are the doses of either mode; the ones that change nothing are taken from the intact network.
var biasDoses = map[string][]float64{Gain: {0, 0.5, 1, 2, 4}, Drive: {-2, -1, 0, 1, 2, 4}}

// emptyLevels is the number of empty pictures, from white down in steps of emptyStep levels of grey.
const (
	emptyLevels = 16
	emptyStep   = 4
)

// Bias drives the units of each quadrant of the frame: it scales them, or adds to them what a circle there does on the
// average, in units of that (as one would stimulate a cortical map). The units of a quadrant are chosen on one half of the
// stimuli, as in DeficitMatrices; the answers are measured for empty pictures and for stimuli of the other half. The
// control drives as many units without a preference for any quadrant, just as strongly: its drive has the same length.
//
// lesions choose the site where Options.TargetSite does not; they may be nil where it does.
func (s *Study) Bias(ctx context.Context, lesions *LayerLesions) (*BiasExperiment, error) {
	o := s.Options
	at, err := s.target(lesions)
	if err != nil {
		return nil, err
	}
	judge, err := s.Judge(ctx)
	if err != nil {
		return nil, err
	}
	key := []any{version, s.identity, s.Backend.Kind, s.set.Spec(), at, judge.Info(), o.Token, o.PlaceShare, o.BiasStimuli, biasDoses, emptyLevels, emptyStep, o.Batch, o.Seed, LesionPrompts}
	out, _, err := cache.Do("spatial/bias", key, func() (*BiasExperiment, error) { return s.bias(ctx, at) })
	return out, err
}

// quadrants is the side of the grid of regions.
const quadrants = 2

func (s *Study) bias(ctx context.Context, at string) (*BiasExperiment, error) {
	o := s.Options
	values, units, axes, err := s.recorded(ctx, at)
	if err != nil {
		return nil, err
	}
	choose, measure := s.halves()
	list := s.balanced(measure, o.BiasStimuli, quadrants)
	if len(list) < 2 {
		return nil, fmt.Errorf("spatial: %d stimuli are too few for the bias experiment", s.set.Len())
	}
	rig, err := s.newRig(ctx, at, axes)
	if err != nil {
		return nil, err
	}
	defer rig.close()
	t := s.tune(values, units, choose, quadrants)
	k := shareOf(o.PlaceShare, units)
	sets := map[string][][]int{Selective: t.sets(k)}
	sets[Matched] = t.matched(sets[Selective])
	toward, err := s.evoked(ctx, rig, s.balanced(choose, 2*o.BiasStimuli, quadrants))
	if err != nil {
		return nil, err
	}
	r := &BiasExperiment{Site: at, Judge: rig.judge.Info(), Units: units, Chosen: k, Regions: quadrants * quadrants, Stimuli: len(list), Empty: emptyLevels}
	var treatments []*treatment
	for _, mode := range []string{Gain, Drive} {
		for _, arm := range []string{Selective, Matched} {
			for _, dose := range biasDoses[mode] {
				treatments = append(treatments, &treatment{arm: arm, mode: mode, dose: dose, odds: make([][]float64, r.Regions)})
			}
		}
	}
	shown := append([]int(nil), list...)
	for k := range emptyLevels {
		shown = append(shown, -1-k)
	}
	meter := s.meter("bias", len(shown))
	var intact []float64
	err = rig.batches(ctx, shown, meter.Add, func(st *state) error {
		intact = append(intact, st.odds...)
		for _, tr := range treatments {
			for region := range r.Regions {
				odds, err := tr.run(ctx, rig, st, sets, toward, region)
				if err != nil {
					return err
				}
				tr.odds[region] = append(tr.odds[region], odds...)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	meter.Done()
	where := make([]int, len(list))
	for i, n := range list {
		where[i] = s.placeOf(n, quadrants)
	}
	r.Intact, r.IntactEmpty = meanOf(intact[:len(list)], o.Seed, "spatial/bias"), meanOf(intact[len(list):], o.Seed, "spatial/bias-empty")
	for _, tr := range treatments {
		n := len(r.Curves)
		if n == 0 || r.Curves[n-1].Arm != tr.arm || r.Curves[n-1].Mode != tr.mode {
			r.Curves = append(r.Curves, BiasCurve{Arm: tr.arm, Mode: tr.mode})
			n++
		}
		tr.summarise(&r.Curves[n-1], intact, where, o.Seed)
	}
	return r, nil
}

// treatment is one dose of one arm and mode.
type treatment struct {
	arm, mode string
	dose      float64
	odds      [][]float64 // [region][picture], the stimuli first and then the empty pictures
}

func (tr *treatment) run(ctx context.Context, r *rig, st *state, sets map[string][][]int, toward [][]float64, region int) ([]float64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if tr.mode == Gain && tr.dose == 1 || tr.mode == Drive && tr.dose == 0 {
		return st.odds, nil
	}
	gain := r.ones()
	if tr.mode == Gain {
		for row := range r.s.Options.Batch {
			for _, u := range sets[tr.arm][region] {
				gain[row*r.gains+u] = float32(tr.dose)
			}
		}
		return r.run(st, gain, nil)
	}
	one := r.push(sets[tr.arm][region], toward[region])
	scale := tr.dose
	if tr.arm == Matched { // as long as the drive of the selective units
		if own := length(one); own > 0 {
			scale *= length(r.push(sets[Selective][region], toward[region])) / own
		}
	}
	size := len(one)
	add := make([]float32, r.s.Options.Batch*size)
	for e := range add {
		add[e] = float32(scale * one[e%size])
	}
	return r.run(st, gain, add)
}

// push is toward on the units of a set and 0 elsewhere.
func (r *rig) push(set []int, toward []float64) []float64 {
	in := make([]bool, r.gains)
	for _, u := range set {
		in[u] = true
	}
	out := make([]float64, len(toward))
	for e, v := range toward {
		if in[r.gainOf[e]] {
			out[e] = v
		}
	}
	return out
}

func length(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x * x
	}
	return math.Sqrt(sum)
}

// summarise appends the dose to a curve. where are the regions of the stimuli, which are the first of the pictures.
func (tr *treatment) summarise(c *BiasCurve, intact []float64, where []int, seed uint64) {
	regions, n := len(tr.odds), len(where)
	inside, outside := make([]float64, n), make([]float64, n)
	for i, own := range where {
		for region, odds := range tr.odds {
			if change := odds[i] - intact[i]; region == own {
				inside[i] = change
			} else {
				outside[i] += change / float64(regions-1)
			}
		}
	}
	empty := make([]float64, len(intact)-n)
	seen := 0
	for _, odds := range tr.odds {
		for i, v := range odds[n:] {
			empty[i] += v / float64(regions)
			if v > 0 {
				seen++
			}
		}
	}
	stream := fmt.Sprintf("spatial/bias/%s/%s/%g", tr.arm, tr.mode, tr.dose)
	c.Dose = append(c.Dose, tr.dose)
	c.Empty, c.EmptyChange = append(c.Empty, meanOf(empty, seed, stream)), append(c.EmptyChange, pairedOf(empty, intact[n:], seed, stream))
	c.Answers = append(c.Answers, Float(float64(seen)/float64(regions*len(empty))))
	c.Inside, c.Outside = append(c.Inside, meanOf(inside, seed, stream)), append(c.Outside, meanOf(outside, seed, stream))
	c.Bias = append(c.Bias, pairedOf(inside, outside, seed, stream))
}

// matched gives every set as many units that are in none of the sets, each the one with the nearest standard deviation
// that is left; fewer where none is left.
func (t tuning) matched(sets [][]int) [][]int {
	taken := map[int]bool{}
	for _, set := range sets {
		for _, u := range set {
			taken[u] = true
		}
	}
	out := make([][]int, len(sets))
	for p, set := range sets {
		used := map[int]bool{}
		for _, u := range set {
			best := -1
			for v, sd := range t.sd {
				if !taken[v] && !used[v] && (best < 0 || math.Abs(sd-t.sd[u]) < math.Abs(t.sd[best]-t.sd[u])) {
					best = v
				}
			}
			if best >= 0 {
				used[best] = true
				out[p] = append(out[p], best)
			}
		}
		slices.Sort(out[p])
	}
	return out
}

// evoked is, for every region, the mean of the site's value over stimuli there less its value for an empty picture.
func (s *Study) evoked(ctx context.Context, r *rig, list []int) ([][]float64, error) {
	size := r.at.Size()
	out, count := make([][]float64, quadrants*quadrants), make([]float64, quadrants*quadrants)
	for region := range out {
		out[region] = make([]float64, size)
	}
	var blank []float32
	err := r.batches(ctx, append(slices.Clone(list), -1), nil, func(st *state) error {
		for i := range st.k {
			row := st.value[i*size : (i+1)*size]
			if st.lo+i == len(list) {
				blank = slices.Clone(row)
				continue
			}
			region := s.placeOf(list[st.lo+i], quadrants)
			count[region]++
			for e, v := range row {
				out[region][e] += float64(v)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for region := range out {
		for e := range out[region] {
			if count[region] > 0 {
				out[region][e] = out[region][e]/count[region] - float64(blank[e])
			}
		}
	}
	return out, nil
}
