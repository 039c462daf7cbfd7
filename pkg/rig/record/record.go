package record

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/internal/progress"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/recording"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// Config says what to record. Model, Stimuli and Plan are required.
type Config struct {
	Model   *models.Model
	Stimuli datasets.Set
	Plan    site.Plan
	Backend *backend.Backend // required

	// Inputs are the values of the plan's runtime inputs that all stimuli share, by site.Input.Key. Those that are left
	// out keep their defaults.
	Inputs map[string][]float32

	Dir    string // where to record; "" = the cache folder, under the recording's hash
	Batch  int    // stimuli at a time; 0 = 32
	Budget int64  // bytes for pictures and values on their way; 0 = 1 GiB
	Index  int    // this process's part, 0 <= Index < Of
	Of     int    // processes that share the recording; 0 = 1
	Zstd   bool   // compress chunks

	Progress *progress.Progress // may be nil
}

// DefaultBudget is the memory for pictures and values on their way.
const DefaultBudget = 1 << 30

// DefaultBatch is the batch size of recordings.
const DefaultBatch = 32

// targetChunk is the size a chunk aims at: large enough that a file is worth its seek and sync, small enough that
// little is lost when a run is killed.
const targetChunk = 8 << 20

// ErrPartial says that this process has done its part of a shared recording and others have not.
var ErrPartial = errors.New("other parts of the recording are still missing")

// Manifest is the identity of the recording that Run would make.
func (c Config) Manifest() (recording.Manifest, error) {
	pre, err := json.Marshal(c.Model.Preprocess)
	if err != nil {
		return recording.Manifest{}, err
	}
	plan, err := json.Marshal(c.Plan)
	if err != nil {
		return recording.Manifest{}, err
	}
	m := recording.Manifest{
		Model: c.Model.Name, WeightsHash: c.Model.WeightsHash, Architecture: c.Model.Architecture,
		Stimuli: c.Stimuli.Spec(), Preprocess: pre, Plan: plan, DType: "float32",
		Backend: string(c.Backend.Kind), BackendVersion: gomlxVersion(), CodeVersion: Version, Batch: c.batch(),
	}
	m.Extra = map[string]string{}
	if c.Model.Config != nil {
		// Weights do not tell the rules of their network: the activation, epsilons, the resampling of positions.
		config, err := json.Marshal(c.Model.Config)
		if err != nil {
			return recording.Manifest{}, err
		}
		m.Extra["config"] = string(config)
	}
	if len(c.Inputs) > 0 {
		m.Extra["inputs"] = hashInputs(c.Inputs)
	}
	if h, ok := c.Stimuli.(interface{ Hash() (string, error) }); ok {
		if m.StimuliHash, err = h.Hash(); err != nil {
			return m, fmt.Errorf("stimuli %s: %w", c.Stimuli.Spec(), err)
		}
	}
	return m, nil
}

// Version is part of every recording's identity. It changes when the same plan on the same model would give other
// values.
const Version = "1"

// Run records what is missing and returns the finished recording. It may be called again after any failure, and
// returns ctx's error when it is cancelled, with all finished chunks kept.
func Run(ctx context.Context, c Config) (*recording.Recording, error) {
	if c.Model == nil || c.Stimuli == nil || c.Backend == nil {
		return nil, errors.New("record: want a model, stimuli and a backend")
	}
	sites, err := c.Model.Sites()
	if err != nil {
		return nil, fmt.Errorf("record: %s: %w", c.Model.Name, err)
	}
	bound, err := c.Plan.Check(sites)
	if err != nil {
		return nil, fmt.Errorf("record: %s: %w", c.Model.Name, err)
	}
	if len(bound.Outputs) == 0 {
		return nil, errors.New("record: the plan captures nothing; add a capture such as visual.transformer.resblocks.9.attn:class")
	}
	m, err := c.Manifest()
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	dir := c.Dir
	if dir == "" {
		dir = recording.CachePath(m)
	}
	if r, err := recording.Open(dir); err == nil && r.Complete() && r.Manifest().Hash() == m.Hash() {
		c.Progress.Note("already recorded")
		c.Progress.Done()
		return r, nil
	}
	r := &runner{Config: c, bound: bound}
	if err := r.run(ctx, dir, m); err != nil {
		return nil, err
	}
	return recording.Open(dir)
}

func (c Config) batch() int {
	if c.Batch > 0 {
		return c.Batch
	}
	return DefaultBatch
}

// chunk is the number of stimuli of a chunk: a multiple of the batch that depends on the plan only, so that a rerun
// with another budget continues the same files.
func (c Config) chunk(b *site.Bound) int {
	per := max(b.Bytes(), 1)
	batches := min(max(targetChunk/(per*c.batch()), 1), 64)
	return c.batch() * batches
}

type runner struct {
	Config
	bound *site.Bound
}

func (r *runner) run(ctx context.Context, dir string, m recording.Manifest) (err error) {
	n, chunk := r.Stimuli.Len(), r.chunk(r.bound)
	if err := r.checkBudget(chunk); err != nil {
		return err
	}
	var arrays []recording.ArraySpec
	for _, o := range r.bound.Outputs {
		a := recording.ArraySpec{Name: o.Name, Site: o.Site, Reduction: o.Reduction, Shape: o.Shape}
		for _, ax := range o.Axes {
			a.Axes = append(a.Axes, string(ax))
		}
		arrays = append(arrays, a)
	}
	var columns []recording.Column
	for _, col := range r.Stimuli.Columns() {
		columns = append(columns, recording.Column{Name: col.Name, Kind: string(col.Kind), Unit: col.Unit, Doc: col.Doc})
	}
	var opts []recording.Option
	if r.Of > 1 {
		opts = append(opts, recording.Shard(r.Index, r.Of))
	}
	if r.Zstd {
		opts = append(opts, recording.Zstd(3))
	}
	w, err := recording.Create(dir, m, arrays, columns, n, chunk, opts...)
	if err != nil {
		return err
	}
	defer func() {
		if e := w.Close(); err == nil {
			err = e
		}
	}()
	exec, err := newExecutor(r.Backend, r.Model, r.bound, r.batch())
	if err != nil {
		return err
	}
	defer exec.Close()
	missing := w.Missing()
	done := n
	for _, k := range missing {
		lo, hi := w.Rows(k)
		done -= hi - lo
	}
	r.Progress.Skip(done)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches := r.decode(ctx, w, missing)
	for _, k := range missing {
		if err := r.chunkOf(ctx, w, k, exec, batches); err != nil {
			return err
		}
	}
	if err := w.Finish(); err != nil {
		if errors.Is(err, recording.ErrIncomplete) && r.Of > 1 {
			return fmt.Errorf("%w: %w", ErrPartial, err)
		}
		return err
	}
	r.Progress.Done()
	return nil
}

// checkBudget refuses a plan whose smallest unit of work does not fit.
func (r *runner) checkBudget(chunk int) error {
	budget := r.Budget
	if budget == 0 {
		budget = DefaultBudget
	}
	px := int64(4)
	for _, d := range r.Model.Network.Input() {
		px *= int64(d)
	}
	b := int64(r.batch())
	// A chunk of values being filled, one batch of values in transfer, and the batches of pictures that are being decoded,
	// waiting and computed.
	need := int64(r.bound.Bytes())*(int64(chunk)+b) + px*b*(ahead+2)
	if need > budget {
		return fmt.Errorf("record: the plan keeps %s for each stimulus; a chunk of %d and its pictures need %s, the budget is %s: "+
			"add reductions (such as :class or :mean), record fewer sites, or raise the budget",
			Bytes(int64(r.bound.Bytes())), chunk, Bytes(need), Bytes(budget))
	}
	return nil
}

// ahead is the number of decoded batches that may wait for the network.
const ahead = 2

// pictures is one decoded batch.
type pictures struct {
	lo, n  int
	data   []float32
	rows   []recording.Row
	failed error
}

// decode draws or reads, preprocesses and hashes the stimuli of the missing chunks, a batch at a time, in order.
func (r *runner) decode(ctx context.Context, w *recording.Writer, missing []int) <-chan pictures {
	out := make(chan pictures, ahead)
	px := 1
	for _, d := range r.Model.Network.Input() {
		px *= d
	}
	go func() {
		defer close(out)
		for _, k := range missing {
			lo, hi := w.Rows(k)
			for at := lo; at < hi; at += r.batch() {
				start := time.Now()
				b := r.decodeBatch(at, min(r.batch(), hi-at), px)
				r.Progress.Spent(progress.Decode, time.Since(start))
				select {
				case out <- b:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out
}

func (r *runner) decodeBatch(lo, n, px int) pictures {
	b := pictures{lo: lo, n: n, data: make([]float32, r.batch()*px), rows: make([]recording.Row, n)}
	workers := min(runtime.GOMAXPROCS(0), n)
	done := make(chan struct{})
	for w := range workers {
		go func() {
			for i := w; i < n; i += workers {
				b.rows[i] = r.stimulus(lo+i, b.data[i*px:(i+1)*px])
			}
			done <- struct{}{}
		}()
	}
	for range workers {
		<-done
	}
	return b
}

// stimulus prepares one picture. Whatever is wrong with it ends up in its row.
func (r *runner) stimulus(i int, dst []float32) (row recording.Row) {
	defer func() {
		if p := recover(); p != nil {
			clear(dst)
			row = recording.Row{ID: rowID(row.ID, i), Status: recording.Corrupt, Message: fmt.Sprint(p), Labels: row.Labels}
		}
	}()
	s, err := r.Stimuli.At(i)
	row = recording.Row{ID: rowID(s.ID, i), Status: recording.OK, Labels: s.Labels}
	if err == nil {
		err = r.Model.Preprocess.Apply(dst, s.Image)
	}
	if err != nil {
		clear(dst)
		row.Status, row.Message = recording.Corrupt, err.Error()
		return row
	}
	row.ContentHash = hashFloats(dst)
	return row
}

func rowID(id string, i int) string {
	if id == "" {
		return fmt.Sprintf("stimulus-%d", i)
	}
	return id
}

func (r *runner) chunkOf(ctx context.Context, w *recording.Writer, k int, exec *executor, batches <-chan pictures) error {
	lo, hi := w.Rows(k)
	data := map[string]any{}
	values := make([][]float32, len(r.bound.Outputs))
	for i, o := range r.bound.Outputs {
		values[i] = make([]float32, (hi-lo)*o.Bytes()/4)
		data[o.Name] = values[i]
	}
	var rows []recording.Row
	for at := lo; at < hi; {
		var b pictures
		select {
		case <-ctx.Done():
			return ctx.Err()
		case got, ok := <-batches:
			if !ok {
				return ctx.Err()
			}
			b = got
		}
		start := time.Now()
		var copying time.Duration
		err := exec.run(b.data, r.Inputs, func(i int, got []float32) {
			t := time.Now()
			size := r.bound.Outputs[i].Bytes() / 4
			copy(values[i][(at-lo)*size:], got[:b.n*size])
			copying += time.Since(t)
		})
		if err != nil {
			return err
		}
		r.Progress.Spent(progress.Compute, time.Since(start)-copying)
		r.Progress.Spent(progress.Transfer, copying)
		r.Progress.Add(b.n)
		rows = append(rows, b.rows...)
		at += b.n
	}
	start := time.Now()
	err := w.WriteChunk(k, rows, data)
	r.Progress.Spent(progress.Write, time.Since(start))
	return err
}

func hashFloats(v []float32) string {
	h := sha256.New()
	buf := make([]byte, 0, 4096)
	for i, x := range v {
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(x))
		if len(buf) == cap(buf) || i == len(v)-1 {
			h.Write(buf)
			buf = buf[:0]
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func hashInputs(in map[string][]float32) string {
	h := sha256.New()
	for _, k := range slices.Sorted(maps.Keys(in)) {
		fmt.Fprintf(h, "%q:%d:%s;", k, len(in[k]), hashFloats(in[k]))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// gomlxVersion is the version of the library that builds the graphs, read from the build information.
func gomlxVersion() string {
	if bi, ok := debug.ReadBuildInfo(); ok {
		for _, d := range bi.Deps {
			if d.Path == "github.com/gomlx/gomlx" {
				return "gomlx " + d.Version
			}
		}
	}
	return "gomlx"
}

// Bytes prints a number of bytes for people.
func Bytes(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	v, names := float64(n), []string{"KiB", "MiB", "GiB", "TiB"}
	i := -1
	for v >= unit && i < len(names)-1 {
		v /= unit
		i++
	}
	return fmt.Sprintf("%.1f %s", v, names[i])
}
