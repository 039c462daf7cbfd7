package site

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// view is a value on its way through a reduction: a node (nil while a plan is only being checked), its axes and its
// shape for one stimulus.
type view struct {
	x     *Node
	axes  []Axis
	shape []int
}

// moment and rank are axes that reductions make.
const (
	Moment Axis = "moment" // mean, variance
	Rank   Axis = "rank"   // largest first
)

// step is one part of a reduction. apply works on the shape alone where v.x is nil.
type step struct {
	text  string
	apply func(v view, inputs map[string]*Node) (view, error)
	// project names the runtime matrix of a projection, and its columns.
	project string
	columns int
}

// parseReduction reads steps joined by commas; the empty string is no reduction.
func parseReduction(s string) ([]step, error) {
	if s == "" {
		return nil, nil
	}
	var steps []step
	for _, text := range strings.Split(s, ",") {
		st, err := parseStep(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("reduction %q: %w", s, err)
		}
		steps = append(steps, st)
	}
	return steps, nil
}

func parseStep(text string) (step, error) {
	name, arg, hasArg := strings.Cut(text, "=")
	st := step{text: text}
	number := func() (int, error) {
		n, err := strconv.Atoi(arg)
		if err != nil || n < 0 {
			return 0, fmt.Errorf("%q wants a whole number after =", text)
		}
		return n, nil
	}
	switch name {
	case "class":
		st.apply = func(v view, _ map[string]*Node) (view, error) { return v.elem(Token, 0) }
	case "token":
		n, err := number()
		if err != nil {
			return st, err
		}
		st.apply = func(v view, _ map[string]*Node) (view, error) { return v.elem(Token, n) }
	case "tokens", "channels":
		lo, hi, err := parseRange(arg)
		if err != nil {
			return st, fmt.Errorf("%q: %w", text, err)
		}
		axis := map[string]Axis{"tokens": Token, "channels": Channel}[name]
		st.apply = func(v view, _ map[string]*Node) (view, error) { return v.slice(axis, lo, hi) }
	case "mean":
		st.apply = func(v view, _ map[string]*Node) (view, error) { return v.over(ReduceMean) }
	case "max":
		st.apply = func(v view, _ map[string]*Node) (view, error) { return v.over(ReduceMax) }
	case "argmax":
		st.apply = func(v view, _ map[string]*Node) (view, error) { return v.argmax() }
	case "moments":
		st.apply = func(v view, _ map[string]*Node) (view, error) { return v.moments() }
	case "top":
		n, err := number()
		if err != nil {
			return st, err
		}
		st.apply = func(v view, _ map[string]*Node) (view, error) { return v.top(n) }
	case "project":
		key, cols, ok := strings.Cut(arg, ":")
		k, err := strconv.Atoi(cols)
		if !ok || err != nil || k < 1 || key == "" {
			return st, fmt.Errorf("%q: want project=NAME:COLUMNS", text)
		}
		st.project, st.columns = key, k
		st.apply = func(v view, in map[string]*Node) (view, error) { return v.project(key, k, in) }
	default:
		return st, fmt.Errorf("unknown step %q: want class, token=I, tokens=LO:HI, channels=LO:HI, mean, max, argmax, moments, top=K or project=NAME:K", text)
	}
	if hasArg && (name == "class" || name == "mean" || name == "max" || name == "argmax" || name == "moments") {
		return st, fmt.Errorf("%q takes no argument", name)
	}
	return st, nil
}

func parseRange(s string) (lo, hi int, err error) {
	a, b, ok := strings.Cut(s, ":")
	if !ok {
		return 0, 0, fmt.Errorf("want LO:HI, with either left out")
	}
	hi = -1
	if a != "" {
		if lo, err = strconv.Atoi(a); err != nil || lo < 0 {
			return 0, 0, fmt.Errorf("bad lower bound %q", a)
		}
	}
	if b != "" {
		if hi, err = strconv.Atoi(b); err != nil || hi <= lo {
			return 0, 0, fmt.Errorf("bad upper bound %q", b)
		}
	}
	return lo, hi, nil
}

func (v view) axis(a Axis) (int, error) {
	for k, b := range v.axes {
		if a == b {
			return k, nil
		}
	}
	return 0, fmt.Errorf("the value has no %s axis; its axes are %v", a, v.axes)
}

func (v view) without(k int) view {
	return view{x: v.x, axes: append(append([]Axis(nil), v.axes[:k]...), v.axes[k+1:]...),
		shape: append(append([]int(nil), v.shape[:k]...), v.shape[k+1:]...)}
}

func (v view) slice(a Axis, lo, hi int) (view, error) {
	k, err := v.axis(a)
	if err != nil {
		return v, err
	}
	if hi < 0 {
		hi = v.shape[k]
	}
	if lo >= hi || hi > v.shape[k] {
		return v, fmt.Errorf("%s range %d:%d of an axis of %d", a, lo, hi, v.shape[k])
	}
	w := view{axes: v.axes, shape: append([]int(nil), v.shape...)}
	w.shape[k] = hi - lo
	if v.x != nil {
		spec := make([]SliceAxisSpec, v.x.Rank())
		for i := range spec {
			spec[i] = AxisRange()
		}
		spec[k+1] = AxisRange(lo, hi)
		w.x = Slice(v.x, spec...)
	}
	return w, nil
}

func (v view) elem(a Axis, i int) (view, error) {
	w, err := v.slice(a, i, i+1)
	if err != nil {
		return v, err
	}
	k, _ := v.axis(a)
	x := w.x
	w = w.without(k)
	if x != nil {
		w.x = Squeeze(x, k+1)
	}
	return w, nil
}

// positions splits the axes into those that say where and those that say which unit.
func (v view) positions() (where []int, err error) {
	for k, a := range v.axes {
		if a.position() {
			where = append(where, k)
		}
	}
	if len(where) == 0 {
		return nil, fmt.Errorf("there is nothing to reduce: the axes %v have no positions", v.axes)
	}
	return where, nil
}

func (v view) over(reduce func(*Node, ...int) *Node) (view, error) {
	where, err := v.positions()
	if err != nil {
		return v, err
	}
	w, x := v, v.x
	for i := len(where) - 1; i >= 0; i-- {
		if x != nil {
			x = reduce(x, where[i]+1)
		}
		w = w.without(where[i])
	}
	w.x = x
	return w, nil
}

// flat brings all positions into one last axis: [batch, units..., positions].
func (v view) flat() (x *Node, units view, positions int, err error) {
	where, err := v.positions()
	if err != nil {
		return nil, v, 0, err
	}
	units, positions = v, 1
	isPos := map[int]bool{}
	for i := len(where) - 1; i >= 0; i-- {
		positions *= v.shape[where[i]]
		isPos[where[i]] = true
		units = units.without(where[i])
	}
	units.x = nil
	if v.x == nil {
		return nil, units, positions, nil
	}
	perm, dims := []int{0}, []int{v.x.Shape().Dimensions[0]}
	for k := range v.axes {
		if !isPos[k] {
			perm, dims = append(perm, k+1), append(dims, v.shape[k])
		}
	}
	for k := range v.axes {
		if isPos[k] {
			perm = append(perm, k+1)
		}
	}
	return Reshape(TransposeAllAxes(v.x, perm...), append(dims, positions)...), units, positions, nil
}

func (v view) argmax() (view, error) {
	x, w, _, err := v.flat()
	if err == nil && x != nil {
		w.x = ConvertDType(ArgMax(x, -1, dtypes.Int32), dtypes.Float32)
	}
	return w, err
}

func (v view) moments() (view, error) {
	x, w, _, err := v.flat()
	if err != nil {
		return v, err
	}
	w.axes, w.shape = append([]Axis{Moment}, w.axes...), append([]int{2}, w.shape...)
	if x != nil {
		mean := ReduceMean(x, -1)
		dev := Sub(x, BroadcastToShape(InsertAxes(mean, -1), x.Shape()))
		w.x = Stack([]*Node{mean, ReduceMean(Square(dev), -1)}, 1)
	}
	return w, nil
}

// top takes the maximum n times, masking the place it was found at: sorting is thousands of times slower on the Go
// backend.
func (v view) top(n int) (view, error) {
	x, w, positions, err := v.flat()
	if err != nil {
		return v, err
	}
	if n < 1 || n > positions {
		return v, fmt.Errorf("top=%d of %d positions", n, positions)
	}
	w.axes, w.shape = append([]Axis{Rank}, w.axes...), append([]int{n}, w.shape...)
	if x == nil {
		return w, nil
	}
	var best []*Node
	for range n {
		best = append(best, ReduceMax(x, -1))
		at := OneHot(ArgMax(x, -1, dtypes.Int32), positions, x.DType())
		x = Where(GreaterThan(at, ScalarZero(x.Graph(), x.DType())), BroadcastToShape(Scalar(x.Graph(), x.DType(), -3e38), x.Shape()), x)
	}
	w.x = Stack(best, 1)
	return w, nil
}

func (v view) project(name string, cols int, in map[string]*Node) (view, error) {
	k, err := v.axis(Channel)
	if err != nil {
		return v, err
	}
	if k != len(v.axes)-1 {
		return v, fmt.Errorf("project wants the channel axis last; the axes are %v", v.axes)
	}
	w := view{axes: v.axes, shape: append([]int(nil), v.shape...)}
	w.shape[k] = cols
	if v.x != nil {
		m := in[name]
		dims := v.x.Shape().Dimensions
		flat := Reshape(v.x, v.x.Shape().Size()/v.shape[k], v.shape[k])
		out := append(append([]int(nil), dims[:len(dims)-1]...), cols)
		w.x = Reshape(MatMul(flat, m), out...)
	}
	return w, nil
}
