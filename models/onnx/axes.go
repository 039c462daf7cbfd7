package onnx

import (
	"fmt"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// factor is a part of a dimension whose meaning is known. A dimension of heads times stimuli has two factors, the slower
// one first; a dimension of 1 that means nothing has none.
type factor struct {
	label site.Axis // "" where it is not known
	size  int
}

// axis is what one dimension of a tensor is made of.
type axis []factor

func one(label site.Axis, size int) axis { return axis{{label, size}} }

// relabel is a dimension of another size with the meaning of a.
func (a axis) resized(size int) axis { return one(a.label(), size) }

// label is what a dimension is called as a whole: channels where it holds channels, tokens where it holds several
// positions.
func (a axis) label() site.Axis {
	switch {
	case len(a) == 0:
		return ""
	case len(a) == 1:
		return a[0].label
	}
	all := site.Axis("")
	for _, f := range a {
		switch f.label {
		case site.Stimulus:
			return ""
		case site.Channel:
			all = site.Channel
		default:
			if all == "" {
				all = site.Token
			}
		}
	}
	return all
}

// stimulus finds the stimuli among the dimensions: dimension and factor, or -1.
func stimulus(axes []axis) (dim, at int) {
	for d, a := range axes {
		for i, f := range a {
			if f.label == site.Stimulus {
				return d, i
			}
		}
	}
	return -1, -1
}

// regroup says what the dimensions of a reshaped tensor are made of: the factors in their order, split where a new
// dimension ends inside one. It fails where the stimuli would have to be split.
func regroup(axes []axis, dims []int) ([]axis, bool) {
	var queue []factor
	for _, a := range axes {
		for _, f := range a {
			if f.size != 1 || f.label == site.Stimulus {
				queue = append(queue, f)
			}
		}
	}
	out := make([]axis, len(dims))
	heads := false
	for d, size := range dims {
		for got := 1; got < size; {
			if len(queue) == 0 {
				return nil, false
			}
			f := queue[0]
			switch {
			case size%(got*f.size) == 0:
				out[d] = append(out[d], f)
				got *= f.size
				queue = queue[1:]
			case f.label != site.Stimulus && size%got == 0 && f.size%(size/got) == 0:
				part := size / got
				first := f.label
				if f.label == site.Channel {
					// Channels are split into heads and the channels of a head, and by some into query, key and value first.
					if first = site.Head; heads {
						relabel(out, site.Head, "")
					}
					heads = true
				}
				out[d] = append(out[d], factor{first, part})
				queue[0].size /= part
				got = size
			default:
				return nil, false
			}
		}
	}
	return out, len(queue) == 0
}

func relabel(axes []axis, from, to site.Axis) {
	for _, a := range axes {
		for i := range a {
			if a[i].label == from {
				a[i].label = to
			}
		}
	}
}

// place says how a tensor is shown as the value of a site: split is its shape with the stimuli as an axis of their own,
// a dimension of 0 standing for them, and order brings them to the front.
type place struct {
	axes  []site.Axis
	split []int
	order []int
	plain bool // the tensor is shown as it is
}

// newPlace works a place out from what the dimensions are made of; ok is false where no dimension holds the stimuli.
func newPlace(dims []int, axes []axis) (p place, ok bool) {
	at, k := stimulus(axes)
	if at < 0 {
		return p, false
	}
	front := -1
	var labels []site.Axis
	for d := range dims {
		if d != at {
			p.split, labels = append(p.split, dims[d]), append(labels, axes[d].label())
			continue
		}
		for _, part := range []axis{axes[d][:k], axes[d][k : k+1], axes[d][k+1:]} {
			size := 1
			for _, f := range part {
				size *= f.size
			}
			if len(part) == 1 && part[0].label == site.Stimulus {
				front = len(p.split)
				size = 0
			} else if len(part) == 0 {
				continue
			}
			p.split, labels = append(p.split, size), append(labels, part.label())
		}
	}
	p.order = []int{front}
	seen := map[site.Axis]bool{}
	for d := range p.split {
		if d == front {
			continue
		}
		p.order = append(p.order, d)
		label := labels[d]
		if label == "" || label == site.Stimulus || seen[label] {
			label = site.Axis(fmt.Sprintf("axis%d", len(p.axes)+1))
		}
		seen[label] = true
		p.axes = append(p.axes, label)
	}
	p.plain = front == 0 && len(p.split) == len(dims)
	return p, true
}

// tap shows x as the site called name and returns what to go on with.
func (p place) tap(name string, x *Node, batch int) *Node {
	if p.plain {
		return site.Tap(name, x, p.axes...)
	}
	back := make([]int, len(p.order))
	for to, from := range p.order {
		back[from] = to
	}
	dims := x.Shape().Dimensions
	return site.TapView(name, x,
		func(x *Node) *Node { return p.show(x, batch) },
		func(y *Node) *Node { return Reshape(TransposeAllAxes(y, back...), dims...) },
		p.axes...)
}

// show brings the stimuli of x to the front.
func (p place) show(x *Node, batch int) *Node {
	if p.plain {
		return x
	}
	split := slices.Clone(p.split)
	for i, d := range split {
		if d == 0 {
			split[i] = batch
		}
	}
	return TransposeAllAxes(Reshape(x, split...), p.order...)
}
