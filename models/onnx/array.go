package onnx

import (
	"math"
	"slices"
)

// remap makes an array of these dimensions whose value at each index is that of a at the place from(index).
func (a *array) remap(dims []int, from func(ix []int) int) *array {
	out := newArray(a.kind, dims)
	ix := make([]int, len(dims))
	for i := range out.v {
		out.v[i] = a.v[from(ix)]
		next(ix, dims)
	}
	return out
}

// newArray makes room for known values, of which there may not be more than MaxKnown.
func newArray(k kind, dims []int) *array {
	n := 1
	for _, d := range dims {
		if d < 0 || d > MaxKnown || d > 0 && n > MaxKnown/d {
			fail("a table of dimensions %v: at most %d values are followed while the network is built", dims, MaxKnown)
		}
		n *= d
	}
	if len(dims) > MaxRank {
		fail("a table of %d dimensions, at most %d are supported", len(dims), MaxRank)
	}
	return &array{kind: k, dims: slices.Clone(dims), v: make([]float64, n)}
}

// next counts an index up.
func next(ix, dims []int) {
	for d := len(dims) - 1; d >= 0; d-- {
		if ix[d]++; ix[d] < dims[d] {
			return
		}
		ix[d] = 0
	}
}

// strides are the distances of neighbours along each dimension.
func strides(dims []int) []int {
	s := make([]int, len(dims))
	n := 1
	for d := len(dims) - 1; d >= 0; d-- {
		s[d] = n
		n *= dims[d]
	}
	return s
}

func dot(ix, strides []int) int {
	n := 0
	for d, i := range ix {
		n += i * strides[d]
	}
	return n
}

// broadcastDims are the dimensions of several tensors stretched to each other (numpy's rule).
func broadcastDims(dims ...[]int) []int {
	rank := 0
	for _, d := range dims {
		rank = max(rank, len(d))
	}
	out := make([]int, rank)
	for i := range out {
		out[i] = 1
		for _, d := range dims {
			k := i - rank + len(d)
			if k < 0 || d[k] == 1 {
				continue
			}
			if out[i] != 1 && out[i] != d[k] {
				fail("dimensions %v do not fit together", dims)
			}
			out[i] = d[k]
		}
	}
	return out
}

// broadcast stretches a.
func (a *array) broadcast(dims []int) *array {
	s := strides(a.dims)
	skip := len(dims) - len(a.dims)
	if skip < 0 || !slices.Equal(broadcastDims(a.dims, dims), dims) {
		fail("dimensions %v cannot be stretched to %v", a.dims, dims)
	}
	return a.remap(dims, func(ix []int) int {
		n := 0
		for d, size := range a.dims {
			if size > 1 {
				n += ix[d+skip] * s[d]
			}
		}
		return n
	})
}

// combine applies f to the values of several arrays, stretched to each other.
func combine(k kind, f func(v []float64) float64, in ...*array) *array {
	var all [][]int
	for _, a := range in {
		all = append(all, a.dims)
	}
	dims := broadcastDims(all...)
	for i, a := range in {
		in[i] = a.broadcast(dims)
	}
	out := newArray(k, dims)
	v := make([]float64, len(in))
	for i := range out.v {
		for j, a := range in {
			v[j] = a.v[i]
		}
		out.v[i] = f(v)
	}
	return out
}

func (a *array) reshape(dims []int) *array {
	if product(dims) != len(a.v) {
		fail("%v values cannot have dimensions %v", a.dims, dims)
	}
	return &array{kind: a.kind, dims: slices.Clone(dims), v: a.v}
}

func (a *array) transpose(perm []int) *array {
	s := strides(a.dims)
	dims, from := make([]int, len(perm)), make([]int, len(perm))
	for to, d := range perm {
		dims[to], from[to] = a.dims[d], s[d]
	}
	return a.remap(dims, func(ix []int) int { return dot(ix, from) })
}

// take picks values along one dimension.
func (a *array) take(axis int, at []int) *array {
	dims := slices.Clone(a.dims)
	dims[axis] = len(at)
	s := strides(a.dims)
	return a.remap(dims, func(ix []int) int { return dot(ix, s) + (at[ix[axis]]-ix[axis])*s[axis] })
}

func concatArrays(axis int, in ...*array) *array {
	dims := slices.Clone(in[0].dims)
	dims[axis] = 0
	type place struct{ array, at int }
	var places []place
	for i, a := range in {
		if len(a.dims) != len(dims) {
			fail("tensors of %d and %d dimensions are joined", len(dims), len(a.dims))
		}
		for d := range dims {
			if d != axis && a.dims[d] != dims[d] {
				fail("tensors of dimensions %v and %v are joined along %d", in[0].dims, a.dims, axis)
			}
		}
		dims[axis] += a.dims[axis]
		for k := range a.dims[axis] {
			places = append(places, place{i, k})
		}
	}
	out := newArray(in[0].kind, dims)
	ix := make([]int, len(dims))
	for i := range out.v {
		p := places[ix[axis]]
		at := slices.Clone(ix)
		at[axis] = p.at
		out.v[i] = in[p.array].v[dot(at, strides(in[p.array].dims))]
		next(ix, dims)
	}
	return out
}

// reduce folds dimensions away; keep leaves them with size 1.
func (a *array) reduce(axes []int, keep bool, start float64, f func(sum, v float64) float64, last func(sum float64, n int) float64) *array {
	kept := slices.Clone(a.dims)
	n := 1
	for _, d := range axes {
		n *= kept[d]
		kept[d] = 1
	}
	out := newArray(a.kind, kept)
	for i := range out.v {
		out.v[i] = start
	}
	s := strides(kept)
	ix := make([]int, len(a.dims))
	for i := range a.v {
		at := 0
		for d, k := range ix {
			if kept[d] > 1 {
				at += k * s[d]
			}
		}
		out.v[at] = f(out.v[at], a.v[i])
		next(ix, a.dims)
	}
	for i, v := range out.v {
		out.v[i] = last(v, n)
	}
	if keep {
		return out
	}
	return out.reshape(without(a.dims, axes))
}

// without leaves dimensions out.
func without(dims, axes []int) []int {
	out := []int{}
	for d, n := range dims {
		if !slices.Contains(axes, d) {
			out = append(out, n)
		}
	}
	return out
}

// cast gives numbers another kind. Fractions are cut off, as in C.
func (a *array) cast(k kind) *array {
	out := newArray(k, a.dims)
	for i, v := range a.v {
		switch k {
		case integer:
			v = math.Trunc(v)
		case boolean:
			if v != 0 {
				v = 1
			}
		case floating:
			v = float64(float32(v))
		}
		out.v[i] = v
	}
	return out
}
