package onnx

import (
	"math"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/pkg/rig/site"
)

func init() {
	operations["Constant"] = operation{func(c *call) []*value { return []*value{{fixed: true, known: c.constant()}} }, (*call).constant}
	operations["Shape"] = operation{func(c *call) []*value { return []*value{{fixed: true, known: c.shape()}} }, (*call).shape}
	operations["Size"] = operation{func(c *call) []*value { return []*value{{fixed: true, known: c.size()}} }, (*call).size}
	operations["Reshape"] = operation{reshape, func(c *call) *array {
		a := c.known(0)
		return a.reshape(c.target(a.dims))
	}}
	operations["Flatten"] = operation{
		func(c *call) []*value { return c.reshaped(c.flat(c.x(0).Shape().Dimensions)) },
		func(c *call) *array { a := c.known(0); return a.reshape(c.flat(a.dims)) },
	}
	operations["Squeeze"] = operation{
		func(c *call) []*value { return c.reshaped(c.squeezed(c.x(0).Shape().Dimensions)) },
		func(c *call) *array { a := c.known(0); return a.reshape(c.squeezed(a.dims)) },
	}
	operations["Unsqueeze"] = operation{
		func(c *call) []*value { return c.reshaped(c.unsqueezed(c.x(0).Shape().Dimensions)) },
		func(c *call) *array { a := c.known(0); return a.reshape(c.unsqueezed(a.dims)) },
	}
	operations["Transpose"] = operation{
		func(c *call) []*value {
			x := c.x(0)
			perm := c.perm(x.Rank())
			return c.result(TransposeAllAxes(x, perm...), func() []axis {
				var out []axis
				for _, d := range perm {
					out = append(out, c.in[0].axes[d])
				}
				return out
			})
		},
		func(c *call) *array { a := c.known(0); return a.transpose(c.perm(len(a.dims))) },
	}
	operations["Concat"] = operation{concat, func(c *call) *array {
		var in []*array
		for _, i := range c.all() {
			in = append(in, c.known(i))
		}
		return concatArrays(axisIn(c.int("axis", 0), len(in[0].dims)), in...)
	}}
	operations["Split"] = operation{convert: split}
	operations["Slice"] = operation{slice, func(c *call) *array {
		a := c.known(0)
		for d, r := range c.ranges(a.dims) {
			a = a.take(d, r.places())
		}
		return a
	}}
	operations["Gather"] = operation{gather, func(c *call) *array {
		a, ix := c.known(0), c.known(1)
		d := axisIn(c.int("axis", 0), len(a.dims))
		dims := slices.Concat(a.dims[:d], ix.dims, a.dims[d+1:])
		return a.take(d, c.indices(ix, a.dims[d])).reshape(dims)
	}}
	operations["Expand"] = operation{
		func(c *call) []*value {
			x := c.x(0)
			dims := broadcastDims(x.Shape().Dimensions, c.counts(1))
			return c.result(stretch(x, dims), func() []axis { return c.widened(dims) })
		},
		func(c *call) *array { a := c.known(0); return a.broadcast(broadcastDims(a.dims, c.counts(1))) },
	}
	operations["Tile"] = operation{
		func(c *call) []*value {
			x := c.x(0)
			for d, n := range c.repeats(x.Rank()) {
				dims := slices.Clone(x.Shape().Dimensions)
				whole := slices.Clone(dims)
				if n > MaxSize/dims[d] {
					fail("%d repeats of %d", n, dims[d])
				}
				whole[d] *= n
				fits(whole)
				x = Reshape(BroadcastToDims(Reshape(x, slices.Insert(slices.Clone(dims), d, 1)...), slices.Insert(dims, d, n)...), whole...)
			}
			return c.result(x, func() []axis { return c.widened(x.Shape().Dimensions) })
		},
		func(c *call) *array {
			a := c.known(0)
			for d, n := range c.repeats(len(a.dims)) {
				if n > MaxKnown {
					fail("%d repeats", n)
				}
				at := make([]int, 0, min(a.dims[d]*n, MaxKnown))
				for i := 0; i < a.dims[d]*n && len(at) < MaxKnown; i++ {
					at = append(at, i%a.dims[d])
				}
				a = a.take(d, at)
			}
			return a
		},
	}
	operations["Pad"] = operation{convert: pad}
	operations["ConstantOfShape"] = operation{nil, func(c *call) *array {
		value := &array{kind: floating, v: []float64{0}}
		if a, ok := c.attrs["value"]; ok && a.t != nil {
			var err error
			if value, err = a.t.known(&source{}); err != nil || len(value.v) != 1 {
				fail("its value: %v", err)
			}
		}
		out := newArray(value.kind, c.counts(0))
		for i := range out.v {
			out.v[i] = value.v[0]
		}
		return out
	}}
	operations["Range"] = operation{nil, func(c *call) *array {
		var v [3]float64
		for i := range v {
			a := c.known(i)
			if len(a.v) != 1 {
				fail("input %d has %d values, want one", i, len(a.v))
			}
			v[i] = a.v[0]
		}
		n := math.Ceil((v[1] - v[0]) / v[2])
		if math.IsNaN(n) || n > MaxKnown {
			fail("a range from %v to %v by %v", v[0], v[1], v[2])
		}
		out := newArray(c.known(0).kind, []int{int(max(n, 0))})
		for i := range out.v {
			out.v[i] = v[0] + float64(i)*v[2]
		}
		return out
	}}
	operations["Trilu"] = operation{trilu, nil}
	operations["DepthToSpace"] = operation{convert: depthToSpace}
	operations["SpaceToDepth"] = operation{convert: spaceToDepth}
	// What is only evaluated has a conversion that takes the known value.
	for name, op := range operations {
		if op.convert == nil {
			evaluate := op.evaluate
			operations[name] = operation{func(c *call) []*value { return []*value{{fixed: true, known: evaluate(c)}} }, evaluate}
		}
	}
}

// constant is the value of a Constant node, which stands in one of several attributes.
func (c *call) constant() *array {
	for _, a := range c.attrs {
		switch {
		case a.t != nil:
			k, err := a.t.known(&source{})
			if err != nil {
				fail("its value: %v", err)
			}
			return k
		case a.name == "value_int":
			return &array{kind: integer, v: []float64{float64(a.i)}}
		case a.name == "value_float":
			return &array{kind: floating, v: []float64{float64(a.f)}}
		case a.name == "value_ints":
			out := newArray(integer, []int{len(a.ints)})
			for i, v := range a.ints {
				out.v[i] = float64(v)
			}
			return out
		case a.name == "value_floats":
			out := newArray(floating, []int{len(a.floats)})
			for i, v := range a.floats {
				out.v[i] = float64(v)
			}
			return out
		}
	}
	fail("it has no value that is supported")
	return nil
}

func intArray(v []int) *array {
	out := newArray(integer, []int{len(v)})
	for i, n := range v {
		out.v[i] = float64(n)
	}
	return out
}

func (c *call) shape() *array {
	dims := c.w.dims(c.input(0))
	n := len(dims)
	bound := func(attr string, otherwise int) int {
		v := c.int(attr, otherwise)
		if v < 0 {
			v += n
		}
		return min(max(v, 0), n)
	}
	from, to := bound("start", 0), bound("end", n)
	return intArray(dims[from:max(from, to)])
}

func (c *call) size() *array {
	return &array{kind: integer, v: []float64{float64(product(c.w.dims(c.input(0))))}}
}

// counts are the values of input i as sizes.
func (c *call) counts(i int) []int {
	dims := c.known(i).ints()
	if len(dims) > MaxRank {
		fail("%d dimensions, at most %d are supported", len(dims), MaxRank)
	}
	for _, d := range dims {
		if d < 0 {
			fail("dimensions %v", dims)
		}
	}
	return dims
}

func (c *call) repeats(rank int) []int {
	n := c.counts(1)
	if len(n) != rank {
		fail("%d repeats of %d dimensions", len(n), rank)
	}
	return n
}

// widened are the axes of input 0 at other sizes, with new ones in front.
func (c *call) widened(dims []int) []axis {
	axes := make([]axis, len(dims))
	for d, size := range dims {
		axes[d] = one("", size)
		from := d - len(dims) + len(c.in[0].axes)
		if from < 0 {
			continue
		}
		if a := c.in[0].axes[from]; c.w.dims(c.in[0])[from] == size {
			axes[d] = a
		} else {
			axes[d] = a.resized(size)
		}
	}
	return axes
}

// target are the dimensions that Reshape asks for.
func (c *call) target(have []int) []int {
	dims := slices.Clone(c.ints(1, "shape"))
	if len(dims) > MaxRank {
		fail("%d dimensions, at most %d are supported", len(dims), MaxRank)
	}
	open, n := -1, 1
	for d, size := range dims {
		switch {
		case size == 0 && c.int("allowzero", 0) == 0:
			if d >= len(have) {
				fail("dimension %d of %v stays as it is, but there is none", d, dims)
			}
			dims[d] = have[d]
		case size == -1 && open < 0:
			open = d
			continue
		case size < 0:
			fail("dimensions %v", dims)
		}
		if dims[d] > 0 && n > MaxSize/dims[d] {
			fail("dimensions %v", dims)
		}
		n *= dims[d]
	}
	if open >= 0 {
		if n == 0 || product(have)%n != 0 {
			fail("%v cannot become %v", have, dims)
		}
		dims[open] = product(have) / n
	}
	return dims
}

// reshape also undoes what exporters do for a fixed number of stimuli: they write it into the dimensions, and the network
// is built for another.
func reshape(c *call) []*value {
	x := c.x(0)
	have := x.Shape().Dimensions
	w := c.w
	if stored := w.n.file.batch; stored > 0 && !c.in[0].fixed && c.asWritten(have) {
		if !w.learn {
			if d, ok := w.n.stretchedAt[c.index]; ok {
				return c.reshaped(c.replaced(have, d))
			}
		} else if d := c.stimulusIn(have); d >= 0 {
			w.n.stretchedAt[c.index] = d
			return c.reshaped(c.replaced(have, d))
		}
	}
	return c.reshaped(c.target(have))
}

// asWritten tells whether the dimensions may name the number of stimuli that the file is for: they are numbers of the file,
// or do not fit.
func (c *call) asWritten(have []int) bool {
	if _, ok := c.attrs["shape"]; ok || c.has(1) && c.in[1].written {
		return true
	}
	return product(c.replaced(have, -1)) != product(have)
}

// replaced are the dimensions of Reshape with the stimuli of this graph at dimension d.
func (c *call) replaced(have []int, d int) []int {
	dims := slices.Clone(c.ints(1, "shape"))
	open, n := -1, 1
	for k, size := range dims {
		if size == 0 {
			dims[k] = have[k]
		}
		if size == -1 {
			open = k
			continue
		}
		if k == d {
			dims[k] = dims[k] / c.w.n.file.batch * c.w.batch
		}
		n *= dims[k]
	}
	if open >= 0 && n > 0 {
		dims[open] = product(have) / n
	}
	return dims
}

// stimulusIn finds the dimension among those written into the file that holds the stimuli, -1 where none has to change.
// Of several readings the one is taken that leaves the stimuli a dimension to themselves, then one in which they come
// first in theirs, as in stimuli times heads, then one in which they share it with positions, not with channels, and among
// equals the one that changes nothing.
func (c *call) stimulusIn(have []int) int {
	dims := c.ints(1, "shape")
	stored := c.w.n.file.batch
	if len(dims) > MaxRank {
		return -1
	}
	best, found := 0, -1
	try := func(d int, dims []int) {
		if product(dims) != product(have) {
			return
		}
		axes, ok := regroup(c.in[0].axes, dims)
		if !ok {
			return
		}
		at, k := stimulus(axes)
		if at < 0 || d >= 0 && at != d {
			return
		}
		score := 2
		switch {
		case len(axes[at]) == 1:
			score = 4
		case slices.ContainsFunc(axes[at], func(f factor) bool { return f.label == site.Channel }):
			score = 1
		case k == 0:
			score = 3
		}
		if score > best {
			best, found = score, d
		}
	}
	try(-1, c.replaced(have, -1))
	for d, size := range dims {
		if size > 0 && size%stored == 0 {
			try(d, c.replaced(have, d))
		}
	}
	return found
}

// reshaped gives input 0 other dimensions.
func (c *call) reshaped(dims []int) []*value {
	x := c.x(0)
	if product(dims) != x.Shape().Size() {
		hint := ""
		if c.w.n.file.batch > 0 && !c.in[0].fixed {
			hint = "; the file is for a fixed number of stimuli: export it with a dynamic first axis"
		}
		fail("%v cannot become %v%s", x.Shape().Dimensions, dims, hint)
	}
	return c.result(Reshape(x, dims...), func() []axis {
		axes, ok := regroup(c.in[0].axes, dims)
		if !ok {
			return nil
		}
		for d, a := range axes {
			if len(a) == 0 {
				axes[d] = one("", dims[d])
			}
		}
		return axes
	})
}

func (c *call) flat(dims []int) []int {
	at := c.int("axis", 1)
	if at < 0 {
		at += len(dims)
	}
	if at < 0 || at > len(dims) {
		fail("axis %d of %d dimensions", at, len(dims))
	}
	return []int{product(dims[:at]), product(dims[at:])}
}

func (c *call) squeezed(dims []int) []int {
	axes := slices.Clone(c.ints(1, "axes"))
	if axes == nil {
		for d, n := range dims {
			if n == 1 {
				axes = append(axes, d)
			}
		}
	}
	for i, a := range axes {
		axes[i] = axisIn(a, len(dims))
		if dims[axes[i]] != 1 {
			fail("dimension %d of %v is not 1", a, dims)
		}
	}
	return without(dims, axes)
}

func (c *call) unsqueezed(dims []int) []int {
	axes := slices.Clone(c.ints(1, "axes"))
	rank := len(dims) + len(axes)
	if rank > MaxRank {
		fail("%d dimensions, at most %d are supported", rank, MaxRank)
	}
	for i, a := range axes {
		axes[i] = axisIn(a, rank)
	}
	out := []int{}
	for d, k := 0, 0; d < rank; d++ {
		if slices.Contains(axes, d) {
			out = append(out, 1)
			continue
		}
		if k == len(dims) {
			fail("axes %v are not all different", axes)
		}
		out = append(out, dims[k])
		k++
	}
	return out
}

func (c *call) perm(rank int) []int {
	var perm []int
	if a, ok := c.attrs["perm"]; ok {
		perm = toInts(a.ints)
	} else {
		for d := range rank {
			perm = append(perm, rank-1-d)
		}
	}
	if sorted := slices.Sorted(slices.Values(perm)); len(perm) != rank {
		fail("%d dimensions in the order %v", rank, perm)
	} else {
		for d, p := range sorted {
			if d != p {
				fail("%d dimensions in the order %v", rank, perm)
			}
		}
	}
	return perm
}

func trilu(c *call) []*value {
	x := c.float32At(0)
	d := x.Shape().Dimensions
	if len(d) < 2 || d[len(d)-1] > MaxKnown/d[len(d)-2] {
		fail("a triangle of %v", d)
	}
	k := 0
	if c.has(1) {
		k = c.ints(1, "k")[0]
	}
	rows, cols := d[len(d)-2], d[len(d)-1]
	mask := newArray(boolean, []int{rows, cols})
	for i := range mask.v {
		row, col := i/cols, i%cols
		if upper := c.int("upper", 1) != 0; upper && col >= row+k || !upper && col <= row+k {
			mask.v[i] = 1
		}
	}
	return c.result(Where(stretch(c.w.constant(mask), d), x, ZerosLike(x)), c.same(0))
}

// image checks that input 0 is a batch of feature maps [stimulus, channel, y, x].
func (c *call) image() (x *Node, dims []int) {
	x = c.float32At(0)
	if x.Rank() != 4 {
		fail("a value of %d dimensions: only images, of 4, are supported here", x.Rank())
	}
	return x, x.Shape().Dimensions
}

func (c *call) block() int {
	b := c.int("blocksize", 0)
	if b < 1 || b > 1024 {
		fail("blocksize %d", b)
	}
	return b
}

func depthToSpace(c *call) []*value {
	x, d := c.image()
	b := c.block()
	if d[1]%(b*b) != 0 {
		fail("%d channels in blocks of %dx%d", d[1], b, b)
	}
	if c.text("mode", "DCR") == "CRD" {
		x = TransposeAllAxes(Reshape(x, d[0], d[1]/(b*b), b, b, d[2], d[3]), 0, 1, 4, 2, 5, 3)
	} else {
		x = TransposeAllAxes(Reshape(x, d[0], b, b, d[1]/(b*b), d[2], d[3]), 0, 3, 4, 1, 5, 2)
	}
	return c.maps(Reshape(x, d[0], d[1]/(b*b), d[2]*b, d[3]*b))
}

func spaceToDepth(c *call) []*value {
	x, d := c.image()
	b := c.block()
	if d[2]%b != 0 || d[3]%b != 0 {
		fail("%dx%d in blocks of %d", d[2], d[3], b)
	}
	x = TransposeAllAxes(Reshape(x, d[0], d[1], d[2]/b, b, d[3]/b, b), 0, 3, 5, 1, 2, 4)
	return c.maps(Reshape(x, d[0], d[1]*b*b, d[2]/b, d[3]/b))
}

// maps is a result whose dimensions are stimuli, channels, rows and columns.
func (c *call) maps(x *Node) []*value {
	return c.result(x, func() []axis {
		d := x.Shape().Dimensions
		first := one("", d[0])
		if len(c.in[0].axes) > 0 {
			first = c.in[0].axes[0]
		}
		return []axis{first, one(site.Channel, d[1]), one(site.Y, d[2]), one(site.X, d[3])}
	})
}
