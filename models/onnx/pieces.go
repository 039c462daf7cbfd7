package onnx

import (
	"slices"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/pkg/rig/site"
)

func concat(c *call) []*value {
	var in []*Node
	lead := -1 // the input that says what the dimensions are
	for _, i := range c.all() {
		in = append(in, c.float32At(i))
		if !c.in[i].fixed && lead < 0 {
			lead = i
		}
	}
	d := axisIn(c.int("axis", 0), in[0].Rank())
	if lead >= 0 {
		// A class token in a file for a fixed number of stimuli is stored once for each.
		shape := in[lead].Shape().Dimensions
		for i, x := range in {
			dims := slices.Clone(x.Shape().Dimensions)
			if len(dims) != len(shape) || !c.in[i].fixed {
				continue
			}
			for k := range dims {
				if k != d && dims[k] == 1 {
					dims[k] = shape[k]
				}
			}
			in[i] = stretch(x, dims)
		}
	}
	return c.result(Concatenate(in, d), func() []axis {
		axes := slices.Clone(c.in[max(lead, 0)].axes)
		n := 0
		for _, x := range in {
			n += x.Shape().Dimensions[d]
		}
		if d < len(axes) {
			axes[d] = axes[d].resized(n)
		}
		return axes
	})
}

func split(c *call) []*value {
	dims := c.w.dims(c.input(0))
	d := axisIn(c.int("axis", 0), len(dims))
	parts := c.ints(1, "split")
	if parts == nil {
		n := c.int("num_outputs", len(c.outputs))
		if n < 1 || n > dims[d] || n > len(c.outputs) {
			fail("%d parts of dimension %d of %v for %d outputs", n, d, dims, len(c.outputs))
		}
		size := (dims[d] + n - 1) / n
		for left := dims[d]; left > 0; left -= size {
			parts = append(parts, min(size, left))
		}
	}
	var out []*value
	from := 0
	for _, n := range parts {
		if n < 1 || from+n > dims[d] {
			fail("parts %v of dimension %d of %v", parts, d, dims)
		}
		r := span{from, from + n, 1}
		if k := c.in[0]; k.fixed && k.numbers() != nil {
			out = append(out, &value{fixed: true, known: k.known.take(d, r.places())})
		} else {
			out = append(out, c.sliced(c.x(0), map[int]span{d: r})...)
		}
		from += n
	}
	return out
}

// span is a range of places along a dimension: from, up to but without to, by step.
type span struct{ from, to, step int }

func (s span) count() int {
	if s.step > 0 {
		return max((s.to-s.from+s.step-1)/s.step, 0)
	}
	return max((s.from-s.to-s.step-1)/-s.step, 0)
}

func (s span) places() []int {
	out := make([]int, s.count())
	for i := range out {
		out[i] = s.from + i*s.step
	}
	return out
}

// ranges are what Slice takes of each dimension.
func (c *call) ranges(dims []int) map[int]span {
	starts, ends := c.ints(1, "starts"), c.ints(2, "ends")
	axes := c.ints(3, "axes")
	if axes == nil {
		for d := range starts {
			axes = append(axes, d)
		}
	}
	var steps []int
	if c.has(4) {
		steps = c.ints(4, "steps")
	} else {
		steps = slices.Repeat([]int{1}, len(starts))
	}
	if len(ends) != len(starts) || len(axes) != len(starts) || len(steps) != len(starts) {
		fail("starts %v, ends %v, axes %v and steps %v are not of one length", starts, ends, axes, steps)
	}
	out := map[int]span{}
	for i, a := range axes {
		d := axisIn(a, len(dims))
		n := dims[d]
		at := func(v, lo, hi int) int {
			if v < 0 {
				v += n
			}
			return min(max(v, lo), hi)
		}
		switch step := steps[i]; {
		case step > 0:
			out[d] = span{at(starts[i], 0, n), at(ends[i], 0, n), step}
		case step < 0:
			out[d] = span{at(starts[i], 0, n-1), at(ends[i], -1, n-1), step}
		default:
			fail("a step of 0")
		}
	}
	return out
}

func slice(c *call) []*value {
	x := c.x(0)
	return c.sliced(x, c.ranges(x.Shape().Dimensions))
}

// sliced takes a part of x, which is input 0.
func (c *call) sliced(x *Node, ranges map[int]span) []*value {
	spec := make([]SliceAxisSpec, x.Rank())
	back := []int{}
	dims := slices.Clone(x.Shape().Dimensions)
	for d := range spec {
		spec[d] = AxisRange()
		r, ok := ranges[d]
		if !ok {
			continue
		}
		n := r.count()
		if n < 1 {
			fail("nothing is taken of dimension %d of %v", d, dims)
		}
		if r.step < 0 {
			back = append(back, d)
			r = span{r.from + (n-1)*r.step, r.from + 1, -r.step}
		}
		spec[d] = AxisRange(r.from, r.to).Stride(r.step)
		dims[d] = n
	}
	y := Slice(x, spec...)
	if len(back) > 0 {
		y = Reverse(y, back...)
	}
	return c.result(y, func() []axis { return c.widened(dims) })
}

// indices are the values of an index array, from the front.
func (c *call) indices(ix *array, n int) []int {
	at := ix.ints()
	for i, k := range at {
		if k < 0 {
			at[i] += n
		}
		if at[i] < 0 || at[i] >= n {
			fail("index %d of %d", k, n)
		}
	}
	return at
}

func gather(c *call) []*value {
	x := c.x(0)
	dims := x.Shape().Dimensions
	d := axisIn(c.int("axis", 0), len(dims))
	ix := c.known(1)
	at := ix.ints()
	if len(at) == 0 {
		fail("no indices")
	}
	if b := c.w.batch; c.perStimulus(ix) {
		n := x.Shape().Size() / b
		y := pick(Reshape(x, b, n), 1, c.indices(ix, n))
		shape := append([]int{b}, ix.dims[1:]...)
		return c.result(Reshape(y, shape...), func() []axis {
			axes := []axis{one(site.Stimulus, b)}
			for _, size := range ix.dims[1:] {
				axes = append(axes, one("", size))
			}
			return axes
		})
	}
	at = c.indices(ix, dims[d])
	shape := slices.Concat(dims[:d], ix.dims, dims[d+1:])
	return c.result(Reshape(pick(x, d, at), shape...), func() []axis {
		if consecutive(at) && len(at) == dims[d] { // it only gives the dimension another shape
			if axes, ok := regroup(c.in[0].axes, shape); ok {
				return axes
			}
		}
		axes := slices.Clone(c.in[0].axes[:d])
		for _, n := range ix.dims {
			axes = append(axes, c.in[0].axes[d].resized(n))
		}
		return append(axes, c.in[0].axes[d+1:]...)
	})
}

// perStimulus tells whether a table of places in a flat tensor, written for one stimulus, is meant for each: PyTorch's
// exporter writes strided views so.
func (c *call) perStimulus(ix *array) bool {
	w := c.w
	if !w.learn {
		_, ok := w.n.stretchedAt[c.index]
		return ok
	}
	if w.n.file.batch != 1 || c.in[0].fixed || !c.in[1].written || len(c.in[0].axes) != 1 || len(ix.dims) == 0 || ix.dims[0] != 1 {
		return false
	}
	first := c.in[0].axes[0]
	if len(first) == 0 || first[0].label != site.Stimulus || slices.Max(ix.ints()) >= w.dims(c.in[0])[0]/w.batch {
		return false
	}
	w.n.stretchedAt[c.index] = 0
	return true
}

func consecutive(at []int) bool {
	for i := range at {
		if at[i] != at[0]+i {
			return false
		}
	}
	return true
}

// pick takes places along dimension d of x.
func pick(x *Node, d int, at []int) *Node {
	dims := x.Shape().Dimensions
	if consecutive(at) {
		spec := slices.Repeat([]SliceAxisSpec{AxisRange()}, len(dims))
		spec[d] = AxisRange(at[0], at[0]+len(at))
		return Slice(x, spec...)
	}
	// Rows of a matrix: the one form of Gather whose gradient is right on every backend.
	front := append([]int{d}, without(seq(len(dims)), []int{d})...)
	rows := make([]int32, len(at))
	for i, k := range at {
		rows[i] = int32(k)
	}
	rest := without(dims, []int{d})
	y := Gather(Reshape(TransposeAllAxes(x, front...), dims[d], product(rest)), Reshape(Const(x.Graph(), rows), len(rows), 1))
	back := make([]int, len(dims))
	for to, from := range front {
		back[from] = to
	}
	return TransposeAllAxes(Reshape(y, append([]int{len(at)}, rest...)...), back...)
}

func seq(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func pad(c *call) []*value {
	x := c.float32At(0)
	dims := x.Shape().Dimensions
	pads := c.ints(1, "pads")
	axes := seq(len(dims))
	if c.has(3) {
		axes = c.ints(3, "axes")
	}
	if len(pads) != 2*len(axes) {
		fail("%d numbers for %d dimensions, want two for each", len(pads), len(axes))
	}
	value := c.float("value", 0)
	if c.has(2) {
		if a := c.known(2); len(a.v) == 1 {
			value = a.v[0]
		}
	}
	mode := c.text("mode", "constant")
	for i, a := range axes {
		x = padAxis(x, axisIn(a, len(dims)), pads[i], pads[i+len(axes)], mode, value)
	}
	return c.result(x, func() []axis { return c.widened(x.Shape().Dimensions) })
}

// padAxis pads one dimension, by pieces put together, which has a gradient on every backend. Negative numbers cut off.
func padAxis(x *Node, d, before, after int, mode string, value float64) *Node {
	part := func(from, to int) *Node {
		spec := make([]SliceAxisSpec, x.Rank())
		for k := range spec {
			spec[k] = AxisRange()
		}
		spec[d] = AxisRange(from, to)
		return Slice(x, spec...)
	}
	n := x.Shape().Dimensions[d]
	if cut := max(-before, 0) + max(-after, 0); cut > 0 {
		if cut >= n {
			fail("%d and %d places are cut off %d", -before, -after, n)
		}
		x = part(max(-before, 0), n-max(-after, 0))
		before, after = max(before, 0), max(after, 0)
		n -= cut
	}
	if before == 0 && after == 0 {
		return x
	}
	if max(before, after) > maxSide {
		fail("a padding of %d and %d, at most %d are supported", before, after, maxSide)
	}
	whole := slices.Clone(x.Shape().Dimensions)
	whole[d] += before + after
	fits(whole)
	fill := func(size int, first bool) []*Node {
		switch {
		case size == 0:
			return nil
		case mode == "constant":
			sh := x.Shape().Clone()
			sh.Dimensions[d] = size
			return []*Node{BroadcastToShape(Scalar(x.Graph(), x.DType(), value), sh)}
		case mode == "edge" && size <= MaxWindow:
			edge := part(0, 1)
			if !first {
				edge = part(n-1, n)
			}
			return slices.Repeat([]*Node{edge}, size)
		case mode == "reflect" && size < n:
			if first {
				return []*Node{Reverse(part(1, size+1), d)}
			}
			return []*Node{Reverse(part(n-1-size, n-1), d)}
		}
		fail("a padding of %d in mode %q of %d places is not supported", size, mode, n)
		return nil
	}
	return Concatenate(slices.Concat(fill(before, true), []*Node{x}, fill(after, false)), d)
}
