package train

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"time"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/atomicfile"
	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// Pictures are captioned pictures made by index.
type Pictures interface {
	// Draw fills dst with picture i, RGB by rows, and returns its caption.
	Draw(i int, dst []uint8) (caption string, err error)
}

// CLIPOptions are a recipe. All but Out, StopAfter and the functions decide the bits of the
// result; Every does, since a checkpoint rounds the moments.
type CLIPOptions struct {
	Config   clip.Config
	Seed     uint64
	Batch    int
	Tokens   int // tokens of a caption, start and end included
	AdamW    AdamW
	Schedule Schedule
	Data     string     // the set's name, for the record
	Mean     [3]float64 // of the preprocessing
	Std      [3]float64

	Out       string // folder of checkpoint.safetensors
	Every     int    // steps between checkpoints and evaluations
	StopAfter int    // stop at this step, as if interrupted; 0 = run to the end

	Train    Pictures                                          `json:"-"`
	Encode   func(caption string) ([]int32, error)             `json:"-"` // Tokens ids
	Eval     func(*program.Params) (map[string]float64, error) `json:"-"` // may be nil
	Log      func(format string, args ...any)                  `json:"-"` // may be nil
	Progress func(step int)                                    `json:"-"` // may be nil
}

func (o CLIPOptions) recipe() json.RawMessage {
	o.Out, o.StopAfter = "", 0
	j, err := json.Marshal(o)
	if err != nil {
		panic(err) // a struct of numbers and strings
	}
	return j
}

// Checkpoint is the path of a run's checkpoint.
func Checkpoint(out string) string { return filepath.Join(out, "checkpoint.safetensors") }

// CLIP trains from scratch, or goes on from the checkpoint in o.Out. It returns the weights and the state at the end.
// When ctx is done it stops at the next checkpoint boundary that was already written and returns ctx's error.
func CLIP(ctx context.Context, be *backend.Backend, o CLIPOptions) (*program.Params, State, error) {
	st := State{Recipe: o.recipe()}
	if err := atomicfile.MkdirAll(o.Out); err != nil {
		return nil, st, err
	}
	var params *program.Params
	var err error
	if path := Checkpoint(o.Out); exists(path) {
		if params, st, err = load(path); err != nil {
			return nil, st, err
		}
		if string(st.Recipe) != string(o.recipe()) {
			return nil, st, fmt.Errorf("%s was made by another recipe: %s; now: %s; choose another folder or the same options", path, st.Recipe, o.recipe())
		}
		o.log("going on from step %d of %s", st.Step, path)
	} else {
		if params, err = models.Random(o.Config, o.Seed); err != nil {
			return nil, st, err
		}
		if err := params.Set("logit_scale", []float32{float32(math.Log(14))}); err != nil {
			return nil, st, err
		}
	}
	names := params.Trainable(momentPrefix)
	if err := o.AdamW.allocate(params, names); err != nil {
		return nil, st, err
	}
	step, err := program.New(be, "train-clip", params, func(g *Graph, p *program.Params, in []*Node) []*Node {
		loss := o.loss(p, in[0], in[1], in[2])
		norm := o.AdamW.update(p, names, loss, in[3])
		return []*Node{Reshape(loss, 1), Reshape(norm, 1)}
	})
	if err != nil {
		return nil, st, err
	}
	defer step.Close()

	end := o.Schedule.Steps
	if o.StopAfter > 0 {
		end = min(end, o.StopAfter)
	}
	feed, stop := o.feed(st.Step, end)
	defer stop()
	start, before := time.Now(), st.Seconds
	var lossSum float64
	var lossN int
	for t := st.Step; t < end; t++ {
		if err := ctx.Err(); err != nil {
			return params, st, err
		}
		b := <-feed
		if b.err != nil {
			return nil, st, b.err
		}
		out, err := step.Run(b.images, b.ids, b.targets, o.AdamW.schedule(o.Schedule, t))
		if err != nil {
			return nil, st, err
		}
		loss := float64(out[0].F32[0])
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return nil, st, fmt.Errorf("the loss is %g at step %d: lower the learning rate", loss, t)
		}
		lossSum, lossN = lossSum+loss, lossN+1
		if err := o.clampScale(params); err != nil {
			return nil, st, err
		}
		if o.Progress != nil {
			o.Progress(t + 1)
		}
		if (t+1)%o.Every == 0 || t+1 == end {
			st.Step = t + 1
			st.Seconds = before + time.Since(start).Seconds()
			pt := Point{Step: t + 1, Pictures: (t + 1) * o.Batch, Loss: lossSum / float64(lossN)}
			if o.Eval != nil {
				if pt.Metrics, err = o.Eval(params); err != nil {
					return nil, st, err
				}
			}
			st.Curve = append(st.Curve, pt)
			lossSum, lossN = 0, 0
			if err := save(Checkpoint(o.Out), params, st); err != nil {
				return nil, st, err
			}
			o.log("step %d (%d pictures, %.0f/s): loss %.4f, gradient %.3f %s", t+1, pt.Pictures,
				float64((t+1)*o.Batch)/st.Seconds, pt.Loss, out[1].F32[0], metrics(pt.Metrics))
		}
	}
	return params, st, nil
}

// loss is the symmetric cross-entropy of the batch's logits against targets [batch, batch], rows summing to 1.
func (o CLIPOptions) loss(p *program.Params, images, ids, targets *Node) *Node {
	c := o.Config
	logits := c.Logits(p, c.Image(p, images), c.Text(p, ids))
	one := func(l *Node) *Node {
		return DivScalar(Neg(ops.SumAll(Mul(targets, LogSoftmax(l, -1)))), float64(o.Batch))
	}
	return MulScalar(Add(one(logits), one(Transpose(logits, 0, 1))), 0.5)
}

// clampScale keeps the temperature at or below 100, as CLIP's authors did, to keep the training stable.
func (o CLIPOptions) clampScale(p *program.Params) error {
	v, _, err := p.Get("logit_scale")
	if err != nil || v[0] <= float32(math.Log(100)) {
		return err
	}
	return p.Set("logit_scale", []float32{float32(math.Log(100))})
}

func (o CLIPOptions) log(format string, args ...any) {
	if o.Log != nil {
		o.Log(format, args...)
	}
}

type batch struct {
	images, ids, targets program.Value
	err                  error
}

// feed draws batches from..to ahead of the training, one at a time.
func (o CLIPOptions) feed(from, to int) (<-chan batch, func()) {
	ch := make(chan batch, 2)
	quit := make(chan struct{})
	go func() {
		for k := from; k < to; k++ {
			select {
			case ch <- o.batch(k):
			case <-quit:
				return
			}
		}
	}()
	return ch, func() { close(quit) }
}

func (o CLIPOptions) batch(k int) batch {
	s := o.Config.ImageSize
	images := make([]float32, o.Batch*3*s*s)
	ids := make([]int32, 0, o.Batch*o.Tokens)
	captions := make([]string, o.Batch)
	rgb := make([]uint8, 3*s*s)
	for j := range o.Batch {
		i := k*o.Batch + j
		caption, err := o.Train.Draw(i, rgb)
		if err != nil {
			return batch{err: fmt.Errorf("picture %d: %w", i, err)}
		}
		id, err := o.Encode(caption)
		if err != nil {
			return batch{err: fmt.Errorf("caption %q: %w", caption, err)}
		}
		captions[j] = caption
		ids = append(ids, id...)
		o.augment(images[j*3*s*s:(j+1)*3*s*s], rgb, uint64(i))
	}
	return batch{images: program.F32(images, o.Batch, 3, s, s), ids: program.I32(ids, o.Batch, o.Tokens),
		targets: program.F32(sharedTargets(captions), o.Batch, o.Batch)}
}

// augment turns a picture into preprocessed planes with a random gain, offset and, for half of them, pixel noise.
func (o CLIPOptions) augment(dst []float32, rgb []uint8, i uint64) {
	r := rng.Fast(o.Seed, "train/augment", i)
	gain := 0.85 + 0.3*r.Float64()
	offset := 0.1 * (r.Float64() - 0.5)
	noise := 0.0
	if r.IntN(2) == 0 {
		noise = 0.04 * r.Float64()
	}
	n := len(rgb) / 3
	for c := range 3 {
		mean, std := o.Mean[c], o.Std[c]
		for px := range n {
			v := (float64(rgb[3*px+c])/255-0.5)*gain + 0.5 + offset
			if noise > 0 {
				// A sum of two uniforms: a triangular distribution, cheap and bounded.
				v += noise * 2.45 * (r.Float64() + r.Float64() - 1)
			}
			dst[c*n+px] = float32((min(max(v, 0), 1) - mean) / std)
		}
	}
}

// sharedTargets is [n, n]: row i spreads weight 1 over the columns whose caption equals caption i.
func sharedTargets(captions []string) []float32 {
	n := len(captions)
	count := map[string]int{}
	for _, c := range captions {
		count[c]++
	}
	t := make([]float32, n*n)
	for i, a := range captions {
		for j, b := range captions {
			if a == b {
				t[i*n+j] = 1 / float32(count[a])
			}
		}
	}
	return t
}

func metrics(m map[string]float64) string {
	s := ""
	for _, k := range slices.Sorted(maps.Keys(m)) {
		s += fmt.Sprintf(" %s %.3f", k, m[k])
	}
	return s
}
