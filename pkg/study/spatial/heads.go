package spatial

import (
	"context"
	"fmt"

	"github.com/ventral-lab/ventral/internal/cache"
	"github.com/ventral-lab/ventral/pkg/method/stats"
	"github.com/ventral-lab/ventral/pkg/rig/record"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// HeadLesions is the effect of lesioning every attention head of every block.
type HeadLesions struct {
	Ablation string       `json:"ablation"`
	Judge    JudgeInfo    `json:"judge"`
	Stimuli  int          `json:"stimuli"`
	Side     int          `json:"side"`     // the frame is cut into Side x Side places
	LogOdds  Estimate     `json:"log_odds"` // intact
	Heads    []HeadLesion `json:"heads"`
	Compiled int          `json:"compiled"` // graphs compiled for the sweep
}

// HeadLesion is the effect of one head.
type HeadLesion struct {
	Site    string   `json:"site"` // where the heads' outputs lie side by side
	Block   string   `json:"block"`
	Head    int      `json:"head"`
	Deficit Estimate `json:"deficit"` // mean of intact less lesioned log-odds
	Place   []Float  `json:"place"`   // the same for the stimuli of every place; NaN where there are none
	// P is of the F test that the deficit is the same at all places, Q the same over all heads (Benjamini & Hochberg).
	P Float `json:"p"`
	Q Float `json:"q"`
}

// HeadLesions lesions every attention head: its part of the block's concatenated head outputs is removed at every token, as
// Options.Ablation says. It returns nil for a network without attention blocks.
func (s *Study) HeadLesions(ctx context.Context) (*HeadLesions, error) {
	if len(s.anatomy.heads) == 0 {
		return nil, nil
	}
	o := s.Options
	judge, err := s.Judge(ctx)
	if err != nil {
		return nil, err
	}
	key := []any{version, s.identity, s.Backend.Kind, s.set.Spec(), judge.Info(), o.Ablation, o.Places, o.HeadStimuli, o.Batch, o.Seed, LesionPrompts}
	out, _, err := cache.Do("spatial/heads", key, func() (*HeadLesions, error) { return s.headLesions(ctx, judge) })
	return out, err
}

func (s *Study) headLesions(ctx context.Context, judge Judge) (*HeadLesions, error) {
	o := s.Options
	_, measure := s.halves()
	list := s.balanced(measure, o.HeadStimuli, o.Places)
	if len(list) < 2 {
		return nil, fmt.Errorf("spatial: %d stimuli are too few for lesions of heads", s.set.Len())
	}
	var edits []site.Edit
	for _, a := range s.anatomy.heads {
		e := site.Edit{Name: "head", Site: a.Z, Mul: site.Vary{site.Channel}}
		switch axes := s.anatomy.info(a.Z).Axes; o.Ablation {
		case "mean":
			e.Add = append(site.Vary{}, axes...)
		case "resample":
			e.Add = append(site.Vary{site.Stimulus}, axes...)
		}
		edits = append(edits, e)
	}
	staged, err := record.NewStaged(s.Backend, s.Model.Model, s.anatomy.cuts, s.anatomy.output, edits, o.Batch)
	if err != nil {
		return nil, err
	}
	defer staged.Close()
	means, err := s.headMeans(ctx, staged, list)
	if err != nil {
		return nil, err
	}
	r := &HeadLesions{Ablation: o.Ablation, Judge: judge.Info(), Stimuli: len(list), Side: o.Places}
	for _, a := range s.anatomy.heads {
		for h := range a.Heads {
			r.Heads = append(r.Heads, HeadLesion{Site: a.Z, Block: a.Block, Head: h})
		}
	}
	var base []float64
	harm := make([][]float64, len(r.Heads))
	meter := s.meter("lesions of heads ("+o.Ablation+")", len(list))
	err = s.batches(ctx, list, func(px []float32, lo, k int) error {
		trail, out, err := staged.Trail(px)
		if err != nil {
			return err
		}
		intact := judge.LogOdds(out, k)
		base = append(base, intact...)
		at := 0
		for _, a := range s.anatomy.heads {
			stage, err := staged.StageOf(a.Z)
			if err != nil {
				return err
			}
			fill := means[a.Z]
			if o.Ablation == "resample" {
				values, err := staged.Values(stage, trail[stage])
				if err != nil {
					return err
				}
				fill = shift(values[a.Z], o.Batch, k, o.Seed, lo)
			}
			for h := range a.Heads {
				if err := ctx.Err(); err != nil {
					return err
				}
				out, err := staged.From(stage, trail[stage], s.headInputs(a, h, fill))
				if err != nil {
					return fmt.Errorf("lesion of head %d of %s: %w", h, a.Z, err)
				}
				for i, v := range judge.LogOdds(out, k) {
					harm[at] = append(harm[at], intact[i]-v)
				}
				at++
			}
		}
		meter.Add(k)
		return nil
	})
	if err != nil {
		return nil, err
	}
	meter.Done()
	r.Compiled = staged.Compiles()
	r.LogOdds = meanOf(base, o.Seed, "spatial/heads")
	where := make([]int, len(list))
	for i, n := range list {
		where[i] = s.placeOf(n, o.Places)
	}
	p := make([]float64, len(r.Heads))
	for i := range r.Heads {
		h := &r.Heads[i]
		h.Deficit = meanOf(harm[i], o.Seed, fmt.Sprintf("spatial/head/%s/%d", h.Site, h.Head))
		h.Place, p[i] = byPlace(harm[i], where, o.Places*o.Places)
		h.P = Float(p[i])
	}
	for i, q := range stats.QValues(p) {
		r.Heads[i].Q = Float(q)
	}
	return r, nil
}

// headInputs are the runtime inputs that remove head h: its channels are multiplied by 0 and get the values of fill.
func (s *Study) headInputs(a attention, h int, fill []float32) map[string][]float32 {
	channels := s.anatomy.info(a.Z).Shape[1]
	lo, hi := h*channels/a.Heads, (h+1)*channels/a.Heads
	mul := make([]float32, channels)
	for c := range mul {
		if c < lo || c >= hi {
			mul[c] = 1
		}
	}
	in := map[string][]float32{"head.mul@" + a.Z: mul}
	if fill != nil {
		add := make([]float32, len(fill))
		for e, v := range fill {
			if c := e % channels; c >= lo && c < hi {
				add[e] = v
			}
		}
		in["head.add@"+a.Z] = add
	}
	return in
}

// headMeans is the mean of every block's head outputs over the stimuli, where mean ablation wants it.
func (s *Study) headMeans(ctx context.Context, staged *record.Staged, list []int) (map[string][]float32, error) {
	if s.Options.Ablation != "mean" {
		return nil, nil
	}
	sums := map[string]*rowSum{}
	for _, a := range s.anatomy.heads {
		sums[a.Z] = &rowSum{}
	}
	err := s.batches(ctx, list, func(px []float32, _, k int) error {
		trail, _, err := staged.Trail(px)
		if err != nil {
			return err
		}
		for stage, x := range trail {
			values, err := staged.Values(stage, x)
			if err != nil {
				return err
			}
			for name, sum := range sums {
				if v, ok := values[name]; ok {
					size := len(v) / s.Options.Batch
					sum.add(v[:k*size], size)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	means := map[string][]float32{}
	for name, sum := range sums {
		means[name] = sum.mean()
	}
	return means, nil
}

// byPlace is the mean of v for the stimuli of every place, and the p value of the one-way analysis of variance over places.
func byPlace(v []float64, where []int, places int) (means []Float, p float64) {
	sum, count := make([]float64, places), make([]float64, places)
	for i, x := range v {
		sum[where[i]] += x
		count[where[i]]++
	}
	all := stats.Mean(v)
	between, within, groups := 0.0, 0.0, 0
	for k := range sum {
		m := sum[k] / count[k]
		means = append(means, Float(m))
		if count[k] > 0 {
			groups++
			between += count[k] * (m - all) * (m - all)
		}
	}
	for i, x := range v {
		d := x - float64(means[where[i]])
		within += d * d
	}
	d1, d2 := groups-1, len(v)-groups
	return means, stats.FUpper(between/float64(d1)/(within/float64(d2)), d1, d2)
}
