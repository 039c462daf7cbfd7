package train

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/atomicfile"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// Task is what is learned: weights, batches and a loss. Its exported fields decide the bits and are part of the recipe.
type Task interface {
	// Start draws the initial weights.
	Start(seed uint64) (*program.Params, error)
	// Batch makes the inputs of step k of n pictures. It is called on another goroutine, ahead of the training.
	Batch(seed uint64, k, n int) ([]program.Value, error)
	// Loss builds the loss of a batch, a scalar. It may give weights that no gradient moves new values by p.Update.
	Loss(p *program.Params, in []*Node) *Node
	// Moved tells whether gradients move the weight called name.
	Moved(name string) bool
	// After is called after every step.
	After(p *program.Params) error
}

// Measured is a task that tells more of its training than the loss.
type Measured interface {
	// Measures gives what is noted on the curve beside the accuracies, each in 0 to 1.
	Measures(p *program.Params) (map[string]float64, error)
}

// Options are what all trainings have. All but Keep, Out, StopAfter and the functions decide the bits of the result; Every
// does, since a checkpoint rounds the moments.
type Options struct {
	Seed     uint64
	Batch    int // pictures a step
	AdamW    AdamW
	Muon     *Muon `json:",omitempty"` // moves the matrices; nil: AdamW moves all
	Schedule Schedule
	From     *From `json:",omitempty"` // weights to start from; nil: the initial ones
	Every    int   // steps between checkpoints and evaluations

	Keep      Keep   `json:"-"`
	Out       string // folder of checkpoint.safetensors
	StopAfter int    // stop at this step, as if interrupted; 0 = run to the end

	Eval     func(*program.Params) (map[string]float64, error) `json:"-"` // may be nil
	Log      func(format string, args ...any)                  `json:"-"` // may be nil
	Progress func(step int, loss float64)                      `json:"-"` // called after every step; may be nil
}

// recipe is what decides the bits of a training, as JSON.
func recipe(o Options, t Task) (json.RawMessage, error) {
	o.Out, o.StopAfter = "", 0
	return json.Marshal(struct {
		Options
		Task Task
	}{o, t})
}

// Checkpoint is the path of a run's checkpoint.
func Checkpoint(out string) string { return filepath.Join(out, "checkpoint.safetensors") }

// Run trains from scratch, or goes on from the checkpoint in o.Out. It returns the weights and the state at the end. When
// ctx is done it stops at the next step and returns ctx's error; the last checkpoint stays.
func Run(ctx context.Context, be *backend.Backend, o Options, task Task) (*program.Params, State, error) {
	params, st, err := begin(o, task)
	if err != nil {
		return nil, st, err
	}
	names := moved(params, task)
	if err := o.allocate(params, names); err != nil {
		return nil, st, err
	}
	step, err := program.New(be, "train", params, func(_ *Graph, p *program.Params, in []*Node) []*Node {
		loss := task.Loss(p, in[1:])
		norm := o.update(p, names, loss, in[0])
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
	feed, stop := ahead(o, task, st.Step, end)
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
		params.SetTraining(true)
		out, err := step.Run(append([]program.Value{o.AdamW.schedule(o.Schedule, t)}, b.inputs...)...)
		params.SetTraining(false)
		if err != nil {
			return nil, st, err
		}
		loss := float64(out[0].F32[0])
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return nil, st, fmt.Errorf("the loss is %g at step %d: lower the learning rate", loss, t)
		}
		lossSum, lossN = lossSum+loss, lossN+1
		if err := task.After(params); err != nil {
			return nil, st, err
		}
		if err := o.keep(params, t+1, st.Recipe); err != nil {
			return nil, st, err
		}
		if o.Progress != nil {
			o.Progress(t+1, loss)
		}
		if (t+1)%o.Every == 0 || t+1 == end {
			st.Step = t + 1
			st.Seconds = before + time.Since(start).Seconds()
			pt := Point{Step: t + 1, Pictures: (t + 1) * o.Batch, Loss: lossSum / float64(lossN)}
			if pt.Metrics, err = o.measure(task, params); err != nil {
				return nil, st, err
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

// measure asks the task and o.Eval.
func (o Options) measure(task Task, p *program.Params) (map[string]float64, error) {
	m := map[string]float64{}
	if t, ok := task.(Measured); ok {
		said, err := t.Measures(p)
		if err != nil {
			return nil, err
		}
		maps.Copy(m, said)
	}
	if o.Eval != nil {
		said, err := o.Eval(p)
		if err != nil {
			return nil, err
		}
		maps.Copy(m, said)
	}
	return m, nil
}

// begin draws the initial weights, or reads those of the checkpoint in o.Out.
func begin(o Options, task Task) (*program.Params, State, error) {
	r, err := recipe(o, task)
	st := State{Recipe: r}
	if err != nil {
		return nil, st, fmt.Errorf("recipe: %w", err)
	}
	if err := atomicfile.MkdirAll(o.Out); err != nil {
		return nil, st, err
	}
	path := Checkpoint(o.Out)
	if !exists(path) {
		params, err := task.Start(o.Seed)
		if err == nil && o.From != nil {
			err = o.From.into(params)
		}
		return params, st, err
	}
	params, st, err := load(path)
	if err != nil {
		return nil, st, err
	}
	if string(st.Recipe) != string(r) {
		return nil, st, fmt.Errorf("%s was made by another recipe: %s; now: %s; choose another folder or the same options", path, st.Recipe, r)
	}
	o.log("going on from step %d of %s", st.Step, path)
	return params, st, nil
}

// moved lists the weights that gradients move, sorted: neither moments nor the running statistics of batch normalisation.
func moved(p *program.Params, task Task) []string {
	return slices.DeleteFunc(p.Trainable(momentPrefix), func(name string) bool {
		return strings.HasSuffix(name, ".running_mean") || strings.HasSuffix(name, ".running_var") || !task.Moved(name)
	})
}

func (o Options) log(format string, args ...any) {
	if o.Log != nil {
		o.Log(format, args...)
	}
}

type batch struct {
	inputs []program.Value
	err    error
}

// ahead draws batches from..to ahead of the training, one at a time.
func ahead(o Options, task Task, from, to int) (<-chan batch, func()) {
	ch := make(chan batch, 2)
	quit := make(chan struct{})
	go func() {
		for k := from; k < to; k++ {
			in, err := task.Batch(o.Seed, k, o.Batch)
			select {
			case ch <- batch{in, err}:
			case <-quit:
				return
			}
		}
	}()
	return ch, func() { close(quit) }
}

func metrics(m map[string]float64) string {
	s := ""
	for _, k := range slices.Sorted(maps.Keys(m)) {
		s += fmt.Sprintf(" %s %.3f", k, m[k])
	}
	return s
}
