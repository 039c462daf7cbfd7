// Package program is the one place where graphs are run.
//
// A Program is a graph function compiled for one backend, with the weights it reads (Params) held there. Run takes and
// returns plain Go slices and finalizes every tensor it made: on XLA an output that is dropped without it keeps its
// device memory until Go's collector happens to run, which does not see that memory (a thousand calls with a 4 MB
// output held 4 GB).
//
// # Invariants
//
//   - No tensor made by Run outlives it, except the weights.
//   - Panics of graph building become errors that name the program.
//   - Nothing else in this module calls an Exec; a test of the import rules says so.
package program

import (
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// Value is a host array given to or returned by a program: one of F32, F64, I32 or Bool is set.
type Value struct {
	Dims []int
	F32  []float32
	F64  []float64
	I32  []int32
}

// F32 wraps data, row-major with the given dimensions, without copying.
func F32(data []float32, dims ...int) Value { return Value{Dims: dims, F32: data} }

// F64 is F32 for float64.
func F64(data []float64, dims ...int) Value { return Value{Dims: dims, F64: data} }

// I32 is F32 for int32.
func I32(data []int32, dims ...int) Value { return Value{Dims: dims, I32: data} }

func (v Value) size() int { return max(len(v.F32), len(v.F64), len(v.I32)) }

func (v Value) tensor() (*tensors.Tensor, error) {
	want := 1
	for _, d := range v.Dims {
		want *= d
	}
	if want != v.size() {
		return nil, fmt.Errorf("%d values for dimensions %v, which hold %d", v.size(), v.Dims, want)
	}
	switch {
	case v.F64 != nil:
		return tensors.FromFlatDataAndDimensions(v.F64, v.Dims...), nil
	case v.I32 != nil:
		return tensors.FromFlatDataAndDimensions(v.I32, v.Dims...), nil
	default:
		return tensors.FromFlatDataAndDimensions(v.F32, v.Dims...), nil
	}
}

func fromTensor(t *tensors.Tensor) (Value, error) {
	v := Value{Dims: append([]int(nil), t.Shape().Dimensions...)}
	var err error
	switch t.DType() {
	case dtypes.Float32:
		v.F32, err = tensors.CopyFlatData[float32](t)
	case dtypes.Float64:
		v.F64, err = tensors.CopyFlatData[float64](t)
	case dtypes.Int32:
		v.I32, err = tensors.CopyFlatData[int32](t)
	default:
		err = fmt.Errorf("output of type %s: convert it in the graph", t.DType())
	}
	return v, err
}

// Func builds a graph: params gives the weights, in are the inputs in the order of Run's arguments. It may panic, as
// graph building does.
type Func func(g *graph.Graph, params *Params, in []*graph.Node) []*graph.Node

// Program is a compiled graph function. It is safe for concurrent use; on one device calls do not run faster side by side.
type Program struct {
	name   string
	be     *backend.Backend
	params *Params
	exec   *model.Exec

	ready sync.Map // input shapes for which the graph is compiled and its weights are there

	// Compiles counts the graphs built so far, one for each set of input shapes.
	compiles int
	compile  time.Duration
}

// New makes a program. Nothing is compiled until Compile or the first Run. params may be nil for a function without weights.
func New(be *backend.Backend, name string, params *Params, fn Func) (*Program, error) {
	if params == nil {
		params = NewParams()
	}
	p := &Program{name: name, be: be, params: params}
	exec, err := model.NewExec(be.Backend, params.store, func(_ *model.Scope, in []*graph.Node) []*graph.Node {
		p.compiles++
		out := fn(in[0].Graph(), params, in)
		if be.Kind == backend.Go && len(out) > 0 {
			// The Go backend panics on a parameter that was made after the last output, such as a weight of a layer that no
			// output needs. An identity puts the last output behind them all.
			out[len(out)-1] = graph.Identity(out[len(out)-1])
		}
		return out
	})
	if err != nil {
		return nil, fmt.Errorf("program %s: %w", name, err)
	}
	p.exec = exec.WithName(name)
	p.exec.SetMaxCache(-1)
	return p, nil
}

// Compiles is the number of graphs that were built and compiled so far: one for each tuple of input shapes.
func (p *Program) Compiles() int { return p.compiles }

// Compile builds and compiles the graph for inputs of these dtypes and dimensions, and returns the time that took. Weights
// that the graph wants and that were not made yet are made then.
func (p *Program) Compile(like ...Value) (d time.Duration, err error) {
	defer p.recover(&err)
	var in []shapes.Shape
	for _, v := range like {
		dt := dtypes.Float32
		switch {
		case v.F64 != nil:
			dt = dtypes.Float64
		case v.I32 != nil:
			dt = dtypes.Int32
		}
		in = append(in, shapes.Make(dt, v.Dims...))
	}
	if d, err = p.enter(in); err != nil {
		return 0, fmt.Errorf("program %s: %w", p.name, err)
	}
	p.leave()
	return d, nil
}

// enter readies the program for inputs of these shapes and holds its weights on its backend until leave is called: the graph
// is compiled, if that was not done, and then the weights that it wants are made. It returns the time that compiling took.
func (p *Program) enter(in []shapes.Shape) (compiled time.Duration, err error) {
	key := fmt.Sprint(in)
	for {
		p.params.use.RLock()
		if _, ready := p.ready.Load(key); ready && p.params.isOn(p.be.Backend) {
			return compiled, nil
		}
		p.params.use.RUnlock()
		d, err := p.prepare(key, in)
		if compiled += d; err != nil {
			return compiled, err
		}
		// Another program may have taken the weights to its backend before they are held here: then again.
	}
}

func (p *Program) leave() { p.params.use.RUnlock() }

// run executes the graph after enter, and leaves.
func (p *Program) run(args []any) ([]*tensors.Tensor, error) {
	defer p.leave()
	outs, _, err := p.exec.CallWithGraph(args...)
	return outs, err
}

// prepare does what enter waits for. Nothing that uses the same weights runs meanwhile.
func (p *Program) prepare(key string, in []shapes.Shape) (time.Duration, error) {
	p.params.use.Lock()
	defer p.params.use.Unlock()
	if err := p.params.bind(p.be.Backend); err != nil {
		return 0, err
	}
	if _, ready := p.ready.Load(key); ready {
		return 0, nil
	}
	start := time.Now()
	if _, err := p.exec.Compile(in...); err != nil {
		return 0, err
	}
	d := time.Since(start)
	if p.be.IsXLA() && d > long {
		debug.FreeOSMemory() // what building the graph left behind
		trim()               // what compiling it left behind
	}
	if err := p.params.make(p.be.Backend); err != nil {
		return 0, err
	}
	p.ready.Store(key, true)
	return d, nil
}

// long is a compilation that takes memory worth giving back.
const long = time.Second

// Run executes the program and copies its outputs to the host. Inputs are copied before it returns.
func (p *Program) Run(inputs ...Value) (out []Value, err error) {
	err = p.call(inputs, func(_ int, t *tensors.Tensor) error {
		v, err := fromTensor(t)
		out = append(out, v)
		return err
	})
	return out, err
}

// RunInto is Run for float32 outputs that are read in place: see is called once for each output with a slice that is
// valid only during the call.
func (p *Program) RunInto(see func(i int, dims []int, data []float32) error, inputs ...Value) error {
	return p.call(inputs, func(i int, t *tensors.Tensor) (err error) {
		if t.DType() != dtypes.Float32 {
			return fmt.Errorf("output %d is %s, want float32", i, t.DType())
		}
		if e := tensors.ConstFlatData(t, func(data []float32) { err = see(i, t.Shape().Dimensions, data) }); e != nil {
			return e
		}
		return err
	})
}

func (p *Program) call(inputs []Value, see func(int, *tensors.Tensor) error) (err error) {
	defer p.recover(&err)
	args, in := make([]any, len(inputs)), make([]shapes.Shape, len(inputs))
	defer func() {
		for _, a := range args {
			if t, ok := a.(*tensors.Tensor); ok {
				t.MustFinalizeAll()
			}
		}
	}()
	for i, v := range inputs {
		t, err := v.tensor()
		if err != nil {
			return fmt.Errorf("program %s: input %d: %w", p.name, i, err)
		}
		args[i], in[i] = t, t.Shape()
	}
	if _, err := p.enter(in); err != nil {
		return fmt.Errorf("program %s: %w", p.name, err)
	}
	outs, err := p.run(args)
	if err != nil {
		return fmt.Errorf("program %s: %w", p.name, err)
	}
	defer func() {
		for _, t := range outs {
			t.MustFinalizeAll()
		}
	}()
	for i, t := range outs {
		if err := see(i, t); err != nil {
			return fmt.Errorf("program %s: output %d: %w", p.name, i, err)
		}
	}
	return nil
}

func (p *Program) recover(err *error) {
	if r := recover(); r != nil {
		if e, ok := r.(error); ok {
			*err = fmt.Errorf("program %s: %w", p.name, e)
			return
		}
		*err = fmt.Errorf("program %s: %v", p.name, r)
	}
}

// Close frees the compiled graphs, not the weights.
func (p *Program) Close() { p.exec.Finalize() }
