package spatial

import (
	"context"
	"fmt"
	"math"
	"sort"

	"github.com/ventral-lab/ventral/internal/cache"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/rig/record"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// PatchLesions is the effect of removing what a network holds at one position, by the position's distance from the
// stimulus.
type PatchLesions struct {
	Ablation string        `json:"ablation"`
	Judge    JudgeInfo     `json:"judge"`
	Stimuli  int           `json:"stimuli"`
	Draws    int           `json:"draws"` // positions lesioned for each stimulus
	Edges    []float64     `json:"edges"` // of the distance bins, in widths of the frame
	Sites    []PatchLesion `json:"sites"` // in the order of the network, the picture first
}

// PatchLesion is the effect at one site.
type PatchLesion struct {
	Site string `json:"site"` // "picture": the patch of the picture is painted as in an empty one
	Rows int    `json:"rows"` // of positions
	Cols int    `json:"cols"`
	// Deficit is intact less lesioned log-odds in every bin of distance between the position's and the stimulus's centre. A
	// stimulus counts once a bin, with its mean there. NaN where there was none.
	Deficit []Estimate `json:"deficit"`
	// Near is the deficit of the nearest of a stimulus's lesioned positions, NearLess the paired difference from the mean of
	// its others: what is specific to the stimulus's own place.
	Near     Estimate `json:"near"`
	NearLess Estimate `json:"near_less"`
}

// patchEdges are the bins of distance, in widths of the frame.
var patchEdges = []float64{0, 0.0625, 0.125, 0.25, 0.375, 0.5, 0.75, math.Sqrt2}

// pictureSite names lesions of the picture itself.
const pictureSite = "picture"

// PatchLesions removes the network's state at one position: one token of the residual stream of a transformer, or one
// position of a feature map, before the first block and after every block but the last, and the same patch of the picture.
// Each stimulus is lesioned at Options.PatchDraws positions, one drawn at random from each of as many classes of distance.
// Sites that not everything passes through, such as the cells of a NASNet, are left out: removing one of two ways past
// a position says little.
func (s *Study) PatchLesions(ctx context.Context) (*PatchLesions, error) {
	o := s.Options
	judge, err := s.Judge(ctx)
	if err != nil {
		return nil, err
	}
	key := []any{version, s.identity, s.Backend.Kind, s.set.Spec(), judge.Info(), o.Ablation, patchEdges, o.PatchStimuli, o.PatchDraws, o.Batch, o.Seed, LesionPrompts}
	out, _, err := cache.Do("spatial/patches", key, func() (*PatchLesions, error) { return s.patchLesions(ctx, judge) })
	return out, err
}

// lattice is the grid of positions of a site: rows x cols of them behind the first ones (class token and registers).
type lattice struct {
	rows, cols, first int
	of                []int // the position of every element of the site's value; -1 before the first
}

// latticeOf finds the grid of a site; ok is false where it has none.
func (s *Study) latticeOf(name string) (l lattice, ok bool) {
	info := s.anatomy.info(name)
	along := func(keep func(site.Axis) bool) []int { return indexAlong(info, keep) }
	switch {
	case hasAxis(info, site.Y) && hasAxis(info, site.X):
		for k, a := range info.Axes {
			switch a {
			case site.Y:
				l.rows = info.Shape[k]
			case site.X:
				l.cols = info.Shape[k]
			}
		}
		l.of = along(func(a site.Axis) bool { return a == site.Y || a == site.X })
		return l, true
	case hasAxis(info, site.Token):
		for _, i := range s.anatomy.infos { // the patches before they are tokens
			if hasAxis(i, site.Y) && positions(i) <= positions(info) {
				g, found := s.latticeOf(i.Name)
				if !found {
					continue
				}
				l.rows, l.cols, l.first = g.rows, g.cols, positions(info)-positions(i)
				l.of = along(func(a site.Axis) bool { return a == site.Token })
				for e := range l.of {
					l.of[e] = max(l.of[e]-l.first, -1)
				}
				return l, true
			}
		}
	}
	return l, false
}

// seen is the side of the part of the frame that the network sees: preprocessing may crop the middle.
func (s *Study) seen() float64 {
	p := s.Model.Preprocess
	switch {
	case p.Resize > p.Size:
		return float64(p.Size) / float64(p.Resize)
	case p.CropPct > 0 && p.CropPct < 1:
		return p.CropPct
	}
	return 1
}

// draws are the positions at which stimulus i is lesioned, nearest class first, and their distances.
func (l lattice) draws(s *Study, i, n int) (at []int, distance []float64) {
	count := l.rows * l.cols
	order, far := make([]int, count), make([]float64, count)
	seen := s.seen()
	for p := range order {
		order[p] = p
		x, y := (float64(p%l.cols)+0.5)/float64(l.cols), (float64(p/l.cols)+0.5)/float64(l.rows)
		far[p] = math.Hypot(0.5+seen*(x-0.5)-s.x[i], 0.5+seen*(y-0.5)-s.y[i])
	}
	sort.SliceStable(order, func(a, b int) bool { return far[order[a]] < far[order[b]] })
	n = min(n, count)
	draw := rng.New(s.Options.Seed, "spatial/patch", uint64(i), uint64(l.rows), uint64(l.cols))
	for k := range n {
		lo, hi := k*count/n, (k+1)*count/n
		p := order[lo+draw.IntN(hi-lo)]
		if k == 0 {
			p = order[0] // the patch of the stimulus's centre is always among them
		}
		at, distance = append(at, p), append(distance, far[p])
	}
	return at, distance
}

func (s *Study) patchLesions(ctx context.Context, judge Judge) (*PatchLesions, error) {
	o := s.Options
	_, measure := s.halves()
	list := s.balanced(measure, o.PatchStimuli, o.Places)
	if len(list) < 2 {
		return nil, fmt.Errorf("spatial: %d stimuli are too few for lesions of patches", s.set.Len())
	}
	staged, err := record.NewStaged(s.Backend, s.Model.Model, s.anatomy.cuts, s.anatomy.output, nil, o.Batch)
	if err != nil {
		return nil, err
	}
	defer staged.Close()
	type place struct {
		lattice
		name  string
		stage int
		harm  [][]float64 // [stimulus][draw]
		far   [][]float64
	}
	input := s.Model.Network.Input()
	var places []*place
	for k, c := range s.anatomy.cuts {
		if l, ok := s.latticeOf(c); ok && l.rows*l.cols > 1 {
			places = append(places, &place{lattice: l, name: c, stage: k + 1})
		}
	}
	whole := lattice{rows: 8, cols: 8} // where no site has a grid, the picture is cut into 8 x 8
	if len(places) > 0 {
		whole = lattice{rows: places[0].rows, cols: places[0].cols}
	}
	whole.rows, whole.cols = min(whole.rows, input[1]), min(whole.cols, input[2])
	for e := range s.pixels() {
		y, x := e/input[2]%input[1], e%input[2]
		whole.of = append(whole.of, y*whole.rows/input[1]*whole.cols+x*whole.cols/input[2])
	}
	places = append([]*place{{lattice: whole, name: pictureSite}}, places...)
	for _, p := range places {
		p.harm, p.far = make([][]float64, len(list)), make([][]float64, len(list))
	}
	means, err := s.patchMeans(ctx, staged, list)
	if err != nil {
		return nil, err
	}
	empty := make([]float32, s.pixels())
	if err := s.Model.Preprocess.Apply(empty, s.blankPicture(255)); err != nil {
		return nil, err
	}
	meter := s.meter("lesions of patches ("+o.Ablation+")", len(list))
	err = s.batches(ctx, list, func(px []float32, lo, k int) error {
		trail, out, err := staged.Trail(px)
		if err != nil {
			return err
		}
		intact := judge.LogOdds(out, k)
		for _, p := range places {
			value := trail[p.stage]
			size := len(value) / o.Batch
			fill := func(int) float32 { return 0 }
			switch {
			case p.name == pictureSite:
				fill = func(e int) float32 { return empty[e%size] }
			case o.Ablation == "mean":
				fill = func(e int) float32 { return means[p.stage][e%size] }
			case o.Ablation == "resample":
				other := shift(value, o.Batch, k, o.Seed, lo)
				fill = func(e int) float32 { return other[e] }
			}
			chosen := make([][]int, k)
			for i := range k {
				chosen[i], p.far[lo+i] = p.draws(s, list[lo+i], o.PatchDraws)
			}
			for d := range chosen[0] {
				if err := ctx.Err(); err != nil {
					return err
				}
				x := append([]float32(nil), value...)
				for i := range k {
					for e, at := range p.of {
						if at == chosen[i][d] {
							x[i*size+e] = fill(i*size + e)
						}
					}
				}
				out, err := staged.From(p.stage, x, nil)
				if err != nil {
					return err
				}
				for i, v := range judge.LogOdds(out, k) {
					p.harm[lo+i] = append(p.harm[lo+i], intact[i]-v)
				}
			}
		}
		meter.Add(k)
		return nil
	})
	if err != nil {
		return nil, err
	}
	meter.Done()
	r := &PatchLesions{Ablation: o.Ablation, Judge: judge.Info(), Stimuli: len(list), Draws: o.PatchDraws, Edges: patchEdges}
	for _, p := range places {
		r.Sites = append(r.Sites, summarisePatches(p.name, p.rows, p.cols, p.harm, p.far, o.Seed))
	}
	return r, nil
}

// patchMeans is the mean of every stage's input over the stimuli, where mean ablation wants it.
func (s *Study) patchMeans(ctx context.Context, staged *record.Staged, list []int) ([][]float32, error) {
	if s.Options.Ablation != "mean" {
		return nil, nil
	}
	sums := make([]rowSum, staged.Stages())
	err := s.batches(ctx, list, func(px []float32, _, k int) error {
		trail, _, err := staged.Trail(px)
		if err != nil {
			return err
		}
		for stage, v := range trail {
			size := len(v) / s.Options.Batch
			sums[stage].add(v[:k*size], size)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([][]float32, len(sums))
	for stage := range sums {
		out[stage] = sums[stage].mean()
	}
	return out, nil
}

// summarisePatches averages the harm [stimulus][draw] in bins of distance.
func summarisePatches(name string, rows, cols int, harm, far [][]float64, seed uint64) PatchLesion {
	r := PatchLesion{Site: name, Rows: rows, Cols: cols}
	for b := range len(patchEdges) - 1 {
		var bin []float64
		for i, row := range harm {
			sum, n := 0.0, 0.0
			for d, v := range row {
				if far[i][d] >= patchEdges[b] && far[i][d] < patchEdges[b+1] {
					sum, n = sum+v, n+1
				}
			}
			if n > 0 {
				bin = append(bin, sum/n)
			}
		}
		r.Deficit = append(r.Deficit, meanOf(bin, seed, fmt.Sprintf("spatial/patch/%s/%d", name, b)))
	}
	var near, rest []float64
	for _, row := range harm {
		near = append(near, row[0])
		sum := 0.0
		for _, v := range row[1:] {
			sum += v
		}
		rest = append(rest, sum/float64(len(row)-1))
	}
	r.Near = meanOf(near, seed, "spatial/patch-near/"+name)
	r.NearLess = pairedOf(near, rest, seed, "spatial/patch-near/"+name)
	return r
}
