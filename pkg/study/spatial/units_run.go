package spatial

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"os"
	"path/filepath"

	"github.com/ventral-lab/ventral/internal/atomicfile"
	"github.com/ventral-lab/ventral/internal/cache"
	"github.com/ventral-lab/ventral/internal/npy"
	"github.com/ventral-lab/ventral/internal/progress"
	"github.com/ventral-lab/ventral/pkg/method/ratemap"
	"github.com/ventral-lab/ventral/pkg/rig/record"
	"github.com/ventral-lab/ventral/pkg/rig/recording"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// unitsVersion is part of the key that finished blocks are kept under. It changes with every change that gives other
// numbers.
const unitsVersion = "units 1"

// Units scores every unit of every site that o chooses. Activations are recorded on the disk, o.Disk at a time, and read
// back in blocks of units that fit o.Budget, so that neither all activations nor all maps are ever in memory; what stays
// is a row a unit (some 400 bytes). Finished blocks are kept: a run that was killed goes on from there, and a table that
// was made before is there at once. The numbers depend on the model, the stimuli, the backend and the options, and not
// on budgets, threads or where a run was cut.
func (s *Study) Units(ctx context.Context, o UnitOptions) (*UnitTable, error) {
	o = o.filled(s.Options)
	if err := o.check(); err != nil {
		return nil, err
	}
	sites, err := s.Model.Sites()
	if err != nil {
		return nil, fmt.Errorf("spatial: units: %w", err)
	}
	captures, err := o.captures(sites)
	if err != nil {
		return nil, err
	}
	groups, err := o.groups(captures, s.set.Len())
	if err != nil {
		return nil, err
	}
	layout, err := s.layout()
	if err != nil {
		return nil, err
	}
	run := &unitRun{study: s, o: o, layout: layout}
	if run.slab, err = o.slab(s.set.Len()); err != nil {
		return nil, err
	}
	if err := run.open(captures); err != nil {
		return nil, err
	}
	total := 0
	for _, c := range captures {
		total += c.units()
	}
	run.meter = s.meter("scoring units of "+s.Model.Name, total)
	first := 0
	for _, g := range groups {
		if err := run.group(ctx, g, first); err != nil {
			return nil, err
		}
		for _, c := range g {
			first += c.units()
		}
	}
	run.meter.Done()
	if err := run.clean(); err != nil {
		return nil, err
	}
	t := newUnitTable(captures, run.blocks, o)
	t.Model, t.Backend, t.Stimuli = s.Model.Name, s.Backend.String(), s.set.Spec()
	t.Provenance = map[string]string{"key": run.key, "identity": s.identity, "version": unitsVersion, "recording": record.Version}
	return t, nil
}

// layout is where and how large the study's stimuli are.
func (s *Study) layout() (Layout, error) {
	l := Layout{Frame: float64(s.set.Config().Frame)}
	for i := range s.set.Len() {
		f, err := s.set.Figure(i)
		if err != nil {
			return l, fmt.Errorf("spatial: units: %w", err)
		}
		l.X, l.Y, l.Diameter = append(l.X, min(max(f.X, 0), l.Frame)), append(l.Y, min(max(f.Y, 0), l.Frame)), append(l.Diameter, f.Diameter)
	}
	return l, nil
}

// unitRun is one table in the making.
type unitRun struct {
	study  *Study
	o      UnitOptions
	layout Layout
	slab   int // units whose activations are held at once
	dir    string
	key    string
	meter  *progress.Progress
	blocks []*blockScores // in the order of the table
}

// open makes the folder of the run.
func (r *unitRun) open(captures []capture) error {
	s, o := r.study, r.o
	o.Budget, o.Disk, o.Dir, o.Sites = 0, 0, "", nil // which change no number; the sites are in the captures
	var names []string
	for _, c := range captures {
		names = append(names, c.name())
	}
	k, err := json.Marshal([]any{unitsVersion, s.identity, s.Backend.Kind, s.set.Spec(), names, o, s.Options.Batch, record.Version})
	if err != nil {
		return err
	}
	sum := sha256.Sum256(k)
	r.key = hex.EncodeToString(sum[:16])
	dir := r.o.Dir
	if dir == "" {
		if dir, err = cache.Dir(); err != nil {
			return fmt.Errorf("spatial: units: %w", err)
		}
		dir = filepath.Join(dir, "units")
	}
	r.dir = filepath.Join(dir, r.key)
	return atomicfile.MkdirAll(r.dir)
}

// blockFile is where the block that begins with a row of the table is kept.
func (r *unitRun) blockFile(first int) string {
	return filepath.Join(r.dir, fmt.Sprintf("block-%09d.npz", first))
}

// group scores the sites that are recorded together; first is their first row.
func (r *unitRun) group(ctx context.Context, captures []capture, first int) error {
	done := true
	at := first
	var found [][]*blockScores
	for _, c := range captures {
		blocks := make([]*blockScores, (c.units()+unitBlock-1)/unitBlock)
		for k := range blocks {
			n := min(unitBlock, c.units()-k*unitBlock)
			if blocks[k] = readBlock(r.blockFile(at+k*unitBlock), n, r.o); blocks[k] == nil {
				done = false
				continue
			}
			r.meter.Skip(n)
		}
		found = append(found, blocks)
		at += c.units()
	}
	if !done {
		if err := r.fill(ctx, captures, found, first); err != nil {
			return err
		}
	}
	for _, blocks := range found {
		r.blocks = append(r.blocks, blocks...)
	}
	return nil
}

// fill records a group and scores the blocks that are nil. The recording goes when it is no longer needed.
func (r *unitRun) fill(ctx context.Context, captures []capture, found [][]*blockScores, first int) error {
	s := r.study
	plan := site.Plan{}
	for _, c := range captures {
		plan = plan.Capture(c.name())
	}
	dir := filepath.Join(r.dir, fmt.Sprintf("recording-%09d", first))
	rec, err := record.Run(ctx, record.Config{Model: s.Model.Model, Stimuli: s.set, Plan: plan, Backend: s.Backend, Batch: s.Options.Batch,
		Dir: dir, Budget: max(r.o.Budget, record.DefaultBudget), Progress: s.meter("recording "+s.Model.Name, s.set.Len())})
	if err != nil {
		return fmt.Errorf("spatial: units: %w", err)
	}
	blank, err := record.Once(ctx, s.Backend, s.Model.Model, plan, whitePicture(s.set.Config().Frame))
	if err != nil {
		return fmt.Errorf("spatial: units: %w", err)
	}
	status, err := rec.Statuses(0, rec.Len())
	if err != nil {
		return err
	}
	layout := r.layout
	layout.Left = make([]bool, rec.Len())
	for i, st := range status {
		layout.Left[i] = st != recording.OK
	}
	scorer, err := newUnitScorer(layout, r.o)
	if err != nil {
		return err
	}
	for k, c := range captures {
		arr, err := rec.Array(c.name())
		if err != nil {
			return err
		}
		if err := r.site(ctx, scorer, arr, blank[k], c, found[k], first); err != nil {
			return fmt.Errorf("%s: %w", c.name(), err)
		}
		first += c.units()
	}
	return os.RemoveAll(dir)
}

// clean removes what a killed run under another disk budget, which recorded other groups, left behind.
func (r *unitRun) clean() error {
	left, err := filepath.Glob(filepath.Join(r.dir, "recording-*"))
	for _, dir := range left {
		if e := os.RemoveAll(dir); err == nil {
			err = e
		}
	}
	return err
}

// site scores the missing blocks of one array, whose first unit is row first of the table.
func (r *unitRun) site(ctx context.Context, scorer *unitScorer, arr *recording.Array, blank []float32, c capture, found []*blockScores, first int) error {
	n := scorer.stimuli
	for lo := 0; lo < c.units(); lo += r.slab {
		hi := min(lo+r.slab, c.units())
		var columns []float32 // [stimulus, unit lo to hi], read when the first missing block needs it
		for at := lo; at < hi; at += unitBlock {
			if found[at/unitBlock] != nil {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if columns == nil {
				var err error
				if columns, err = readColumns(arr, n, c.units(), lo, hi); err != nil {
					return err
				}
			}
			w := min(unitBlock, hi-at)
			values := make([]float32, n*w)
			for i := range n {
				copy(values[i*w:(i+1)*w], columns[i*(hi-lo)+at-lo:])
			}
			raw, err := ratemap.FromStimuli(values, n, w)
			if err != nil {
				return err
			}
			b, err := scorer.score(raw, blank[at:at+w], first+at)
			if err != nil {
				return err
			}
			if err := b.write(r.blockFile(first + at)); err != nil {
				return err
			}
			found[at/unitBlock] = b
			r.meter.Add(w)
		}
	}
	return nil
}

// readColumns reads units lo to hi of all stimuli, a chunk of the recording at a time.
func readColumns(arr *recording.Array, n, units, lo, hi int) ([]float32, error) {
	out := make([]float32, n*(hi-lo))
	rows := max(1, readBytes/(4*units))
	var buf []float32
	for i := 0; i < n; i += rows {
		end := min(i+rows, n)
		got, err := arr.Read(i, end, buf)
		if err != nil {
			return nil, err
		}
		for k := range end - i {
			copy(out[(i+k)*(hi-lo):(i+k+1)*(hi-lo)], got[k*units+lo:])
		}
		buf = got
	}
	return out, nil
}

// readBytes is how much is read of a recording at a time, about a chunk of it.
const readBytes = 8 << 20

func whitePicture(side int) image.Image {
	im := image.NewRGBA(image.Rect(0, 0, side, side))
	draw.Draw(im, im.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	return im
}

// write keeps a finished block.
func (b *blockScores) write(path string) error {
	score, err := npy.New(b.score, len(b.score)/unitScores, unitScores)
	if err != nil {
		return err
	}
	arrays := []npy.Named{{Name: "score", Array: score}}
	for k, m := range b.most {
		a, err := npy.New(m, len(m))
		if err != nil {
			return err
		}
		arrays = append(arrays, npy.Named{Name: fmt.Sprintf("most%d", k), Array: a})
	}
	return npy.WriteNPZ(path, arrays...)
}

// readBlock reads a finished block, nil where there is none, or one that is damaged or of another shape: it is then
// made again.
func readBlock(path string, units int, o UnitOptions) *blockScores {
	arrays, err := npy.Load(path)
	if err != nil {
		return nil
	}
	b := &blockScores{}
	for _, a := range arrays {
		v, ok := a.Array.Data.([]float64)
		if !ok {
			return nil
		}
		if a.Name == "score" {
			b.score = v
		} else {
			b.most = append(b.most, v)
		}
	}
	k := 0
	for _, t := range unitTests {
		if !t.max {
			continue
		}
		want := o.draws(t.name)
		if t.name != "eta2" && t.name != "info" {
			want = min(o.Least, o.Surrogates)
		}
		if k >= len(b.most) || len(b.most[k]) != want {
			return nil
		}
		k++
	}
	if len(b.score) != units*unitScores || len(b.most) != k {
		return nil
	}
	return b
}
