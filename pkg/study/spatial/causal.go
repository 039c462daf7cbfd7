package spatial

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/rig/record"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// rig is the network compiled for many lesions of units of one site. It computes what comes before the site once for
// every batch of stimuli, and only the rest for every lesion.
//
// Where the value v of the site is what a block P adds last to its input (the last layer of a transformer's feed-forward
// part, the site of the document's targeted lesions), the block's output with v·g + a in place of v is P + (g-1)·v + a:
// a lesion costs only the blocks after P, and no work of P itself. The site's name suggests that this holds; it is checked
// on real stimuli before it is used, and where it does not hold the lesion is an edit inside the graph.
type rig struct {
	s      *Study
	judge  Judge
	at     site.Info
	gainOf []int // which gain applies to each element of the site's value
	gains  int
	staged *record.Staged
	stage  int    // that a lesion runs from
	block  string // P; "" where lesions are edits
}

// state is one batch of stimuli on its way: everything that its lesions have in common.
type state struct {
	lo, k int       // the first stimulus' number in the list of the experiment, and how many there are
	base  []float32 // what the stage of the lesions starts from
	value []float32 // of the site, intact, [batch, size]
	odds  []float64 // intact
}

// newRig compiles for lesions whose gains vary along axes of the site called at, from stimulus to stimulus.
func (s *Study) newRig(ctx context.Context, at string, axes []site.Axis) (*rig, error) {
	judge, err := s.Judge(ctx)
	if err != nil {
		return nil, err
	}
	r := &rig{s: s, judge: judge, at: s.anatomy.info(at), gains: 1}
	r.gainOf = indexAlong(r.at, func(a site.Axis) bool { return slices.Contains(axes, a) })
	for k, a := range r.at.Axes {
		if slices.Contains(axes, a) {
			r.gains *= r.at.Shape[k]
		}
	}
	block := s.anatomy.residual(at)
	if slices.Contains(s.anatomy.cuts, at) {
		block = at
	}
	edit := site.Edit{Name: "units", Site: at, Mul: append(site.Vary{site.Stimulus}, axes...)}
	if block != "" && !s.Options.inGraph {
		r.block, r.stage = block, 1
		if r.staged, err = record.NewStaged(s.Backend, s.Model.Model, []string{block}, s.anatomy.output, []site.Edit{edit}, s.Options.Batch); err != nil {
			return nil, err
		}
		adds, err := r.adds()
		if err != nil {
			r.close()
			return nil, err
		}
		if adds {
			return r, nil
		}
		r.close()
		r.block, r.stage = "", 0
	}
	edit.Add = append(site.Vary{site.Stimulus}, r.at.Axes...)
	var cuts []string
	if c := s.anatomy.before(at); c != "" {
		cuts, r.stage = []string{c}, 1
	}
	r.staged, err = record.NewStaged(s.Backend, s.Model.Model, cuts, s.anatomy.output, []site.Edit{edit}, s.Options.Batch)
	return r, err
}

// adds checks on the study's first stimuli, with some units silenced, that the block's output is what the rig takes it
// for, to a hundred thousandth of its largest value.
func (r *rig) adds() (bool, error) {
	b := r.s.Options.Batch
	k := min(b, r.s.set.Len())
	px, err := pictures(r.s.Model, r.s.set, 0, k, b)
	if err != nil {
		return false, err
	}
	intact, err := r.staged.Values(0, px)
	if err != nil {
		return false, err
	}
	gain := make([]float32, b*r.gains)
	draw := rng.New(r.s.Options.Seed, "spatial/adds")
	for i := range gain {
		gain[i] = float32(draw.IntN(3)) / 2
	}
	edited, err := r.staged.Run(0, px, map[string][]float32{"units.mul@" + r.at.Name: gain})
	if err != nil {
		return false, err
	}
	st := &state{k: k, base: intact[r.block], value: intact[r.at.Name]}
	if len(st.base) != len(st.value) {
		return false, nil
	}
	peak, worst, moved := 0.0, 0.0, 0.0
	for i, v := range r.changed(st, gain, nil) {
		peak, worst = max(peak, math.Abs(float64(edited[i]))), max(worst, math.Abs(float64(v)-float64(edited[i])))
		moved = max(moved, math.Abs(float64(v)-float64(st.base[i])))
	}
	return worst <= 1e-5*peak && moved > 0, nil // where nothing moved, nothing was checked
}

// changed is the block's output with the site's value v replaced by v·gain + add.
func (r *rig) changed(st *state, gain, add []float32) []float32 {
	size := r.at.Size()
	out := append([]float32(nil), st.base...)
	for i := range len(out) / size {
		row, v, g := out[i*size:(i+1)*size], st.value[i*size:(i+1)*size], gain[i*r.gains:(i+1)*r.gains]
		for e, u := range r.gainOf {
			if g[u] != 1 {
				row[e] += (g[u] - 1) * v[e]
			}
		}
	}
	for i, a := range add {
		out[i] += a
	}
	return out
}

func (r *rig) close() { r.staged.Close() }

// prepare runs one batch of preprocessed pictures intact: px holds a whole batch, of which the first k count.
func (r *rig) prepare(px []float32, lo, k int) (*state, error) {
	st := &state{lo: lo, k: k, base: px}
	var err error
	if r.block == "" && r.stage > 0 {
		if st.base, err = r.staged.Run(0, px, nil); err != nil {
			return nil, err
		}
	}
	stage := r.stage
	if r.block != "" {
		stage = 0
	}
	values, err := r.staged.Values(stage, st.base)
	if err != nil {
		return nil, err
	}
	st.value = values[r.at.Name]
	out := values[r.s.anatomy.output]
	if r.block != "" {
		st.base = values[r.block]
		if out, err = r.staged.Run(1, st.base, nil); err != nil {
			return nil, err
		}
	}
	st.odds = r.judge.LogOdds(out, k)
	return st, nil
}

// run gives the log-odds of the batch with the site's value v replaced by v·gain + add. gain is [batch, gains], add
// [batch, size] or nil.
func (r *rig) run(st *state, gain, add []float32) ([]float64, error) {
	var out []float32
	var err error
	if r.block != "" {
		out, err = r.staged.Run(r.stage, r.changed(st, gain, add), nil)
	} else {
		in := map[string][]float32{"units.mul@" + r.at.Name: gain}
		if add != nil {
			in["units.add@"+r.at.Name] = add
		}
		out, err = r.staged.Run(r.stage, st.base, in)
	}
	if err != nil {
		return nil, err
	}
	return r.judge.LogOdds(out, st.k), nil
}

// ones are the gains that change nothing.
func (r *rig) ones() []float32 {
	g := make([]float32, r.s.Options.Batch*r.gains)
	for i := range g {
		g[i] = 1
	}
	return g
}

// filler returns what an ablation puts in the place of removed units: for a batch, [batch, size], nil for zeros. The mean
// is taken over the stimuli of the experiment; a resampled value is that of another stimulus of the batch.
func (r *rig) filler(ctx context.Context, ablation string, list []int) (func(*state) []float32, error) {
	b, size := r.s.Options.Batch, r.at.Size()
	switch ablation {
	case "mean":
		var sum rowSum
		err := r.batches(ctx, list, nil, func(st *state) error {
			sum.add(st.value[:st.k*size], size)
			return nil
		})
		if err != nil {
			return nil, err
		}
		mean := sum.mean()
		all := make([]float32, 0, b*size)
		for range b {
			all = append(all, mean...)
		}
		return func(*state) []float32 { return all }, nil
	case "resample":
		if len(list) < 2 || b < 2 {
			return nil, fmt.Errorf("spatial: resample ablation needs at least two stimuli, and a batch of two")
		}
		return func(st *state) []float32 { return shift(st.value, b, st.k, r.s.Options.Seed, st.lo) }, nil
	}
	return func(*state) []float32 { return nil }, nil
}

// filled is the add that puts with in the place of what gain removes.
func (r *rig) filled(gain, with []float32) []float32 {
	if with == nil {
		return nil
	}
	size := r.at.Size()
	add := make([]float32, len(with))
	for i := range len(with) / size {
		g := gain[i*r.gains : (i+1)*r.gains]
		for e, u := range r.gainOf {
			if g[u] != 1 {
				add[i*size+e] = (1 - g[u]) * with[i*size+e]
			}
		}
	}
	return add
}

// batches prepares the study's stimuli of a list, a batch at a time, for do.
func (r *rig) batches(ctx context.Context, list []int, done func(int), do func(*state) error) error {
	return r.s.batches(ctx, list, func(px []float32, lo, k int) error {
		st, err := r.prepare(px, lo, k)
		if err != nil {
			return err
		}
		if err := do(st); err != nil {
			return err
		}
		if done != nil {
			done(k)
		}
		return nil
	})
}

// batches preprocesses the study's stimuli of a list, a batch at a time, for do: k of them, from number lo of the list on.
func (s *Study) batches(ctx context.Context, list []int, do func(px []float32, lo, k int) error) error {
	k := 0
	for lo := 0; lo < len(list); lo += k {
		if err := ctx.Err(); err != nil {
			return err
		}
		k = s.next(len(list) - lo)
		px, err := s.listed(list[lo : lo+k])
		if err != nil {
			return err
		}
		if err := do(px, lo, k); err != nil {
			return err
		}
	}
	return nil
}

// rowSum sums rows of equal size.
type rowSum struct {
	sum  []float64
	rows int
}

func (m *rowSum) add(v []float32, size int) {
	if m.sum == nil {
		m.sum = make([]float64, size)
	}
	for e, x := range v {
		m.sum[e%size] += float64(x)
	}
	m.rows += len(v) / size
}

func (m *rowSum) mean() []float32 {
	out := make([]float32, len(m.sum))
	for e, v := range m.sum {
		out[e] = float32(v / float64(m.rows))
	}
	return out
}

// next is the number of stimuli of the next batch when left are left: a whole batch, unless that leaves a single one, for
// which resample ablation would find no other stimulus.
func (s *Study) next(left int) int {
	b := s.Options.Batch
	if left == b+1 && b > 2 {
		return b - 1
	}
	return min(b, left)
}

// listed preprocesses stimuli by number into a batch, the rest zeros. Number -k is the k-th empty picture: -1 is white, and
// each further one is emptyStep levels of grey darker.
func (s *Study) listed(list []int) ([]float32, error) {
	size := s.pixels()
	px := make([]float32, s.Options.Batch*size)
	err := each(len(list), func(i int) error {
		dst := px[i*size : (i+1)*size]
		if k := list[i]; k < 0 {
			return s.Model.Preprocess.Apply(dst, s.blankPicture(uint8(255-emptyStep*(-k-1))))
		}
		st, err := s.set.At(list[i])
		if err == nil {
			err = s.Model.Preprocess.Apply(dst, st.Image)
		}
		if err != nil {
			return fmt.Errorf("stimulus %d of %s: %w", list[i], s.set.Spec(), err)
		}
		return nil
	})
	return px, err
}

// firstOf lists the stimuli 0 to n-1, as many as there are.
func (s *Study) firstOf(n int) []int {
	list := make([]int, min(n, s.set.Len()))
	for i := range list {
		list[i] = i
	}
	return list
}

// recorded records the units of one site for all stimuli, [stimulus, unit], and says along which axes they are lesioned.
func (s *Study) recorded(ctx context.Context, at string) (values []float32, units int, axes []site.Axis, err error) {
	red, axes, err := s.unitsOf(at)
	if err != nil {
		return nil, 0, nil, err
	}
	rec, err := record.Run(ctx, record.Config{Model: s.Model.Model, Stimuli: s.set, Plan: site.Plan{}.Capture(at + red),
		Backend: s.Backend, Batch: s.Options.Batch, Progress: s.meter("recording "+at, s.set.Len())})
	if err != nil {
		return nil, 0, nil, err
	}
	arr, err := rec.Array(at + red)
	if err != nil {
		return nil, 0, nil, err
	}
	values, err = arr.ReadAll()
	return values, len(values) / s.set.Len(), axes, err
}
