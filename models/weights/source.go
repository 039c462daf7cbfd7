package weights

import (
	"iter"
	"slices"

	"github.com/ventral-lab/ventral/internal/safetensors"
)

// source is one tensor: what it is, and how to read its bytes. Tensors of a file are views of it; those that a mapping
// joins, cuts or turns are made piece by piece while they are read, so that reading a whole checkpoint needs memory for
// one piece only.
type source struct {
	file  string
	from  string // its name in the file where a mapping renamed it, or its names
	dtype string
	shape []int

	view    func() []byte    // all bytes, where they lie in one place
	release func([]byte)     // where not nil: these bytes of view are not needed for now
	stream  iter.Seq[[]byte] // where view is nil: the bytes in order, in whole elements; a piece is valid until the next
}

// pieceSize is how many bytes are read at a time: enough that the cost of a step does not count, little beside a
// checkpoint. It is a multiple of every element size.
const pieceSize = 4 << 20

func view(file string, t safetensors.Tensor, release func([]byte)) source {
	return source{file: file, dtype: t.DType, shape: t.Shape, view: func() []byte { return t.Data }, release: release}
}

// size is the number of bytes.
func (s source) size() int { return product(s.shape) * safetensors.ItemSize(s.dtype) }

// pieces yields all bytes in order, in whole elements. A piece is valid until the next one.
func (s source) pieces() iter.Seq[[]byte] {
	if s.view == nil {
		return s.stream
	}
	return func(yield func([]byte) bool) {
		for piece := range slices.Chunk(s.view(), pieceSize) {
			more := yield(piece)
			s.done(piece)
			if !more {
				return
			}
		}
	}
}

func (s source) done(b []byte) {
	if s.release != nil {
		s.release(b)
	}
}

// bytes returns all bytes: a view where they lie in one place, otherwise made for this call.
func (s source) bytes() []byte {
	if s.view != nil {
		return s.view()
	}
	out := make([]byte, 0, s.size())
	for piece := range s.stream {
		out = append(out, piece...)
	}
	return out
}

// make returns the tensor that the rule makes of others; shape is its shape.
func (r Rule) make(from []source, shape []int) source {
	first := from[0]
	s := source{file: first.file, from: origin(from, r.From), dtype: first.dtype, shape: shape}
	size := safetensors.ItemSize(first.dtype)
	switch r.Operation {
	case Transpose:
		s.stream = turned(first, first.shape, []int{1, 0}, size)
	case Permute:
		seen := first.shape
		if r.As != nil {
			seen = r.As
		}
		s.stream = turned(first, seen, r.Axes, size)
	case Join:
		s.stream = func(yield func([]byte) bool) {
			for _, f := range from {
				for piece := range f.pieces() {
					if !yield(piece) {
						return
					}
				}
			}
		}
	case Part, Tail:
		at, n := r.Index*s.size(), s.size()
		if r.Operation == Tail {
			at = first.size() - n
		}
		if first.view != nil {
			s.view, s.release = func() []byte { return first.view()[at : at+n : at+n] }, first.release
		} else {
			s.stream = section(first.stream, at, n)
		}
	case Zeros:
		s.stream = zeros(s.size())
	case Behind:
		s.stream = func(yield func([]byte) bool) {
			for _, part := range []iter.Seq[[]byte]{zeros(s.size() - first.size()), first.pieces()} {
				for piece := range part {
					if !yield(piece) {
						return
					}
				}
			}
		}
	default: // Copy and View
		s.view, s.release, s.stream = first.view, first.release, first.stream
	}
	return s
}

// zeros yields n bytes of zero.
func zeros(n int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		piece := make([]byte, min(n, pieceSize))
		for left := n; left > 0; left -= len(piece) {
			if !yield(piece[:min(left, len(piece))]) {
				return
			}
		}
	}
}

// origin names the tensors of the file that a tensor is made of.
func origin(from []source, names []string) string {
	text := ""
	for i, f := range from {
		if i > 0 {
			text += " + "
		}
		if f.from != "" {
			text += f.from
		} else {
			text += names[i]
		}
	}
	return text
}

// section yields n bytes of all from position at on.
func section(all iter.Seq[[]byte], at, n int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		skip, left := at, n
		for piece := range all {
			if skip >= len(piece) {
				skip -= len(piece)
				continue
			}
			piece = piece[skip:]
			skip = 0
			piece = piece[:min(len(piece), left)]
			left -= len(piece)
			if len(piece) > 0 && !yield(piece) || left == 0 {
				return
			}
		}
	}
}

// turned yields a tensor that is seen in a shape with its axes exchanged: axis i of the result is axis axes[i].
func turned(s source, shape, axes []int, size int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		in := s.bytes()
		defer s.done(in)
		if len(in) == 0 {
			return
		}
		stride := make([]int, len(shape)) // of the tensor, in bytes
		for i, n := len(shape)-1, size; i >= 0; i-- {
			stride[i] = n
			n *= shape[i]
		}
		// A row is the result's last axis. Rows that follow each other begin step apart in the tensor, so a block of
		// them is read along the tensor and not across it.
		last := axes[len(axes)-1]
		columns, across := shape[last], stride[last]
		rows := len(in) / size / columns
		block := max(1, min(rows, pieceSize/(columns*size)))
		starts := make([]int, 0, block)
		out := make([]byte, block*columns*size)
		index := make([]int, len(axes)-1)
		at := 0
		for done := 0; done < rows; done += len(starts) {
			starts = starts[:0]
			for len(starts) < min(block, rows-done) {
				starts = append(starts, at)
				for a := len(index) - 1; a >= 0; a-- {
					index[a]++
					at += stride[axes[a]]
					if index[a] < shape[axes[a]] {
						break
					}
					at -= index[a] * stride[axes[a]]
					index[a] = 0
				}
			}
			gather(out, in, starts, columns, across, size)
			if !yield(out[:len(starts)*columns*size]) {
				return
			}
		}
	}
}

// gather writes rows of columns elements: row r, column c comes from in[starts[r]+c*across:]. It goes tile by tile, so
// that both sides stay in the cache.
func gather(out, in []byte, starts []int, columns, across, size int) {
	const tile = 32
	for r0 := 0; r0 < len(starts); r0 += tile {
		rows := starts[r0:min(r0+tile, len(starts))]
		for c0 := 0; c0 < columns; c0 += tile {
			c1 := min(c0+tile, columns)
			for i, start := range rows {
				to := out[((r0+i)*columns+c0)*size:]
				for c := c0; c < c1; c++ {
					from := in[start+c*across:]
					if size == 4 { // float32, the usual case, without a call
						to[0], to[1], to[2], to[3] = from[0], from[1], from[2], from[3]
					} else {
						copy(to[:size], from)
					}
					to = to[size:]
				}
			}
		}
	}
}
