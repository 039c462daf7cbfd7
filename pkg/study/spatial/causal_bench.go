package spatial

import (
	"context"
	"math"
	"time"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/rig/record"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// LesionCost is what the lesions of a targeted sweep cost as the study runs them, beside as many whole forward passes with
// the same lesions, in one process, one after the other.
type LesionCost struct {
	Model      string  `json:"model"`
	Site       string  `json:"site"`
	Block      string  `json:"block"` // whose output is changed in place of the site's; "" where the lesion is an edit in the graph
	Stimuli    int     `json:"stimuli"`
	Lesions    int     `json:"lesions"` // of each stimulus: orders times levels
	StudyWall  float64 `json:"study_wall_s"`
	StudyCPU   float64 `json:"study_cpu_s"`
	WholeWall  float64 `json:"whole_wall_s"`
	WholeCPU   float64 `json:"whole_cpu_s"`
	RatioWall  Float   `json:"ratio_wall"` // study over whole
	RatioCPU   Float   `json:"ratio_cpu"`
	Difference float64 `json:"difference"` // largest, of the log-odds of the two ways, over their largest value
}

// LesionCost measures orders x levels lesions of the first n stimuli, n being rounded up to whole batches. cpu gives
// the processor seconds of the process so far. Everything is compiled and run once before the clocks start.
func (s *Study) LesionCost(ctx context.Context, at string, n, orders, levels int, cpu func() float64) (*LesionCost, error) {
	b := s.Options.Batch
	n = min((n+b-1)/b*b, s.set.Len()/b*b)
	r, err := s.newRig(ctx, at, []site.Axis{site.Channel})
	if err != nil {
		return nil, err
	}
	defer r.close()
	whole, err := record.NewStaged(s.Backend, s.Model.Model, nil, s.anatomy.output, []site.Edit{{Name: "units", Site: at, Mul: site.Vary{site.Stimulus, site.Channel}}}, b)
	if err != nil {
		return nil, err
	}
	defer whole.Close()
	list := s.firstOf(n)
	share := make([]float64, levels)
	for i := range share {
		share[i] = float64(i) / float64(max(levels-1, 1))
	}
	order := func(o, i int) []int {
		return rng.New(s.Options.Seed, "spatial/cost", uint64(o), uint64(i)).Perm(r.gains)
	}
	c := &LesionCost{Model: s.Model.Name, Site: at, Block: r.block, Stimuli: n, Lesions: orders * levels}
	study := make([][][]float64, orders)
	sweep := func() error {
		for o := range study {
			study[o] = make([][]float64, n)
		}
		return r.batches(ctx, list, nil, func(st *state) error {
			ends, err := r.run(st, make([]float32, b*r.gains), nil)
			for o := 0; o < orders && err == nil; o++ {
				err = r.curve(ctx, st, share, func(i int) []int { return order(o, i) }, nil, ends, study[o])
			}
			return err
		})
	}
	peak := 0.0
	full := func(levels []float64, check bool) error {
		for lo := 0; lo < n; lo += b {
			px, err := s.listed(list[lo : lo+b])
			if err != nil {
				return err
			}
			for o := range orders {
				for level, sh := range levels {
					if err := ctx.Err(); err != nil {
						return err
					}
					gain := r.ones()
					for i := range b {
						for _, u := range order(o, lo+i)[:int(math.Round(sh*float64(r.gains)))] {
							gain[i*r.gains+u] = 0
						}
					}
					out, err := whole.Run(0, px, map[string][]float32{"units.mul@" + at: gain})
					if err != nil {
						return err
					}
					for i, v := range r.judge.LogOdds(out, b) {
						if check {
							peak = max(peak, math.Abs(v))
							c.Difference = max(c.Difference, math.Abs(v-study[o][lo+i][level]))
						}
					}
				}
			}
		}
		return nil
	}
	timed := func(warm, run func() error) (wall, used float64, err error) {
		if err := warm(); err != nil {
			return 0, 0, err
		}
		start, before := time.Now(), cpu()
		err = run()
		return time.Since(start).Seconds(), cpu() - before, err
	}
	warmStudy := func() error {
		px, err := s.listed(list[:b])
		if err != nil {
			return err
		}
		st, err := r.prepare(px, 0, b)
		if err != nil {
			return err
		}
		_, err = r.run(st, r.ones(), nil)
		return err
	}
	warmWhole := func() error {
		px, err := s.listed(list[:b])
		if err == nil {
			_, err = whole.Run(0, px, nil)
		}
		return err
	}
	if c.StudyWall, c.StudyCPU, err = timed(warmStudy, sweep); err != nil {
		return nil, err
	}
	if c.WholeWall, c.WholeCPU, err = timed(warmWhole, func() error { return full(share, true) }); err != nil {
		return nil, err
	}
	c.RatioWall, c.RatioCPU = Float(c.StudyWall/c.WholeWall), Float(c.StudyCPU/c.WholeCPU)
	if peak > 0 {
		c.Difference /= peak
	}
	return c, nil
}
