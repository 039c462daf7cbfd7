package onnx

import (
	"math"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

func init() {
	operations["Conv"] = operation{convert: conv}
	operations["MaxPool"] = operation{convert: func(c *call) []*value { return c.pool(true) }}
	operations["AveragePool"] = operation{convert: func(c *call) []*value { return c.pool(false) }}
	global := func(reduce func(*Node, ...int) *Node) operation {
		return operation{convert: func(c *call) []*value {
			x := c.float32At(0)
			if x.Rank() < 3 {
				fail("a value of %d dimensions has no positions", x.Rank())
			}
			d := slices.Clone(x.Shape().Dimensions)
			y := reduce(x, seq(len(d))[2:]...)
			for k := range d[2:] {
				d[k+2] = 1
			}
			return c.result(Reshape(y, d...), func() []axis { return c.widened(d) })
		}}
	}
	operations["GlobalAveragePool"] = global(ReduceMean)
	operations["GlobalMaxPool"] = global(ReduceMax)
	operations["Resize"] = operation{convert: resize}
	operations["Upsample"] = operation{convert: resize}
}

// window is a sliding window over rows and columns, after padding.
type window struct {
	kernel, stride, dilation [2]int
	pad                      ops.Padding
	// more is how far the last windows reach beyond the padded image where their number is rounded up.
	more [2]int
	out  [2]int
}

// window reads the attributes that convolutions and poolings share, for a map of h x w.
func (c *call) window(kernel []int, size [2]int) window {
	pair := func(attr string, otherwise []int) [2]int {
		v := otherwise
		if a, ok := c.attrs[attr]; ok && len(a.ints) > 0 {
			v = toInts(a.ints)
		}
		if len(v) == 1 && c.rank() == 3 {
			v = []int{1, v[0]} // a row of positions is an image of one row
		}
		if len(v) != 2 || v[0] < 1 || v[1] < 1 || max(v[0], v[1]) > maxSide {
			fail("%s %v", attr, v)
		}
		return [2]int{v[0], v[1]}
	}
	w := window{kernel: pair("kernel_shape", kernel), stride: pair("strides", []int{1, 1}[:c.rank()-2]), dilation: pair("dilations", []int{1, 1}[:c.rank()-2])}
	if w.kernel[0] > MaxWindow/w.kernel[1] {
		fail("a window of %s", describeDims(w.kernel[:]))
	}
	var reach [2]int // of a window, holes included
	for i := range reach {
		reach[i] = (w.kernel[i]-1)*w.dilation[i] + 1
	}
	pads := []int{0, 0, 0, 0}
	switch auto := c.text("auto_pad", "NOTSET"); auto {
	case "NOTSET", "":
		if a, ok := c.attrs["pads"]; ok && len(a.ints) > 0 {
			pads = toInts(a.ints)
		}
		if len(pads) == 2 && c.rank() == 3 {
			pads = []int{0, pads[0], 0, pads[1]}
		}
		if len(pads) != 4 || slices.Min(pads) < 0 || slices.Max(pads) > maxSide {
			fail("pads %v", pads)
		}
	case "VALID":
	case "SAME_UPPER", "SAME_LOWER":
		for i := range 2 {
			total := max((ceil(size[i], w.stride[i])-1)*w.stride[i]+reach[i]-size[i], 0)
			pads[i], pads[i+2] = total/2, total-total/2
			if auto == "SAME_LOWER" {
				pads[i], pads[i+2] = pads[i+2], pads[i]
			}
		}
	default:
		fail("auto_pad %q", auto)
	}
	w.pad = ops.Padding{Top: pads[0], Left: pads[1], Bottom: pads[2], Right: pads[3]}
	for i := range 2 {
		room := size[i] + pads[i] + pads[i+2] - reach[i]
		if room < 0 {
			fail("a window of %s does not fit into a map of %s with pads %v", describeDims(reach[:]), describeDims(size[:]), pads)
		}
		w.out[i] = room/w.stride[i] + 1
		if c.int("ceil_mode", 0) != 0 && room%w.stride[i] != 0 {
			// One window more, unless it would begin in the padding behind the image (ONNX since version 22, as PyTorch).
			if start := w.out[i] * w.stride[i]; start < size[i]+pads[i] {
				w.more[i] = start + reach[i] - (size[i] + pads[i] + pads[i+2])
				w.out[i]++
			}
		}
	}
	return w
}

func ceil(a, b int) int { return (a + b - 1) / b }

// rank is the number of dimensions of input 0.
func (c *call) rank() int { return len(c.w.dims(c.in[0])) }

// rows is input 0 as [stimulus, y, x, channel], the order in which windows are fastest, and what brings a result back.
func (c *call) rows() (x *Node, back func(*Node) []*value) {
	x = c.float32At(0)
	d := x.Shape().Dimensions
	switch len(d) {
	case 4:
		return TransposeAllAxes(x, 0, 2, 3, 1), func(y *Node) []*value { return c.maps(TransposeAllAxes(y, 0, 3, 1, 2)) }
	case 3:
		x = TransposeAllAxes(Reshape(x, d[0], d[1], 1, d[2]), 0, 2, 3, 1)
		return x, func(y *Node) []*value {
			y = TransposeAllAxes(y, 0, 3, 1, 2)
			s := y.Shape().Dimensions
			y = Reshape(y, s[0], s[1], s[3])
			return c.result(y, func() []axis {
				return []axis{c.in[0].axes[0], one(site.Channel, s[1]), one(site.Token, s[3])}
			})
		}
	}
	fail("a value of %d dimensions: images and rows of positions are supported", len(d))
	return nil, nil
}

func conv(c *call) []*value {
	x, back := c.rows()
	d := x.Shape().Dimensions // stimulus, y, x, channel
	k := c.float32At(1)
	if k.Rank() != c.rank() {
		fail("a kernel of dimensions %v for a value of dimensions %v", k.Shape().Dimensions, c.w.dims(c.in[0]))
	}
	w := c.window(k.Shape().Dimensions[2:], [2]int{d[1], d[2]})
	kd := k.Shape().Dimensions
	if k.Rank() == 3 {
		kd = []int{kd[0], kd[1], 1, kd[2]}
		k = Reshape(k, kd...)
	}
	groups := c.int("group", 1)
	if kd[2] != w.kernel[0] || kd[3] != w.kernel[1] || groups < 1 || kd[1]*groups != d[3] || kd[0]%groups != 0 {
		fail("a kernel of dimensions %v in %d groups for %d channels", kd, groups, d[3])
	}
	k = spread(k, w.dilation)
	// Kernels that are not moved equally far down and right are moved by 1, and what lies between is left out.
	stride := w.stride[0]
	if w.stride[1] != stride {
		stride = 1
	}
	var y *Node
	switch {
	case groups == 1:
		y = ops.Conv(x, k, nil, stride, w.pad)
	case kd[1] == 1 && kd[0] == groups:
		y = ops.Depthwise(x, k, stride, w.pad)
	default:
		if groups > MaxGroups {
			fail("%d groups, at most %d are supported", groups, MaxGroups)
		}
		var parts []*Node
		in, out := kd[1], kd[0]/groups
		for g := range groups {
			part := Slice(x, AxisRange(), AxisRange(), AxisRange(), AxisRange(g*in, (g+1)*in))
			parts = append(parts, ops.Conv(part, Slice(k, AxisRange(g*out, (g+1)*out)), nil, stride, w.pad))
		}
		y = Concatenate(parts, -1)
	}
	if w.stride[1] != w.stride[0] {
		y = Slice(y, AxisRange(), AxisRange().Stride(w.stride[0]), AxisRange().Stride(w.stride[1]))
	}
	if c.has(2) {
		y = Add(y, stretch(c.float32At(2), y.Shape().Dimensions))
	}
	return back(y)
}

// spread puts zeros between the places of a kernel [out, in, y, x].
func spread(k *Node, dilation [2]int) *Node {
	for i, step := range dilation {
		d := k.Shape().Dimensions
		n := d[2+i]
		if step == 1 || n == 1 {
			continue
		}
		if n > MaxWindow/step {
			fail("dilations %v of a kernel of %s", dilation, describeDims(d[2:]))
		}
		// Each place becomes a group of step places, and the zeros after the last are cut off.
		wide := append(slices.Clone(d[:3+i]), 1)
		wide = append(wide, d[3+i:]...)
		k = Reshape(k, wide...)
		zeros := slices.Clone(wide)
		zeros[3+i] = step - 1
		k = Concatenate([]*Node{k, BroadcastToDims(ScalarZero(k.Graph(), k.DType()), zeros...)}, 3+i)
		full := slices.Clone(d)
		full[2+i] = n * step
		spec := slices.Repeat([]SliceAxisSpec{AxisRange()}, 4)
		spec[2+i] = AxisRange(0, (n-1)*step+1)
		k = Slice(Reshape(k, full...), spec...)
	}
	return k
}

// pool takes the largest or the mean value of every window.
func (c *call) pool(largest bool) []*value {
	x, back := c.rows()
	d := x.Shape().Dimensions
	if c.int("storage_order", 0) != 0 {
		fail("storage_order is not supported")
	}
	if _, ok := c.attrs["kernel_shape"]; !ok {
		fail("kernel_shape is missing")
	}
	w := c.window(nil, [2]int{d[1], d[2]})
	lowest := 0.0
	if largest {
		lowest = -math.MaxFloat32
	}
	for i, p := range [2][2]int{{w.pad.Top, w.pad.Bottom + w.more[0]}, {w.pad.Left, w.pad.Right + w.more[1]}} {
		x = padAxis(x, i+1, p[0], p[1], "constant", lowest)
	}
	var y *Node
	for i := range w.kernel[0] {
		for j := range w.kernel[1] {
			from := [2]int{i * w.dilation[0], j * w.dilation[1]}
			view := Slice(x, AxisRange(),
				AxisRange(from[0], from[0]+(w.out[0]-1)*w.stride[0]+1).Stride(w.stride[0]),
				AxisRange(from[1], from[1]+(w.out[1]-1)*w.stride[1]+1).Stride(w.stride[1]), AxisRange())
			switch {
			case y == nil:
				y = view
			case largest:
				y = Max(y, view)
			default:
				y = Add(y, view)
			}
		}
	}
	if !largest {
		counts := w.counts([2]int{d[1], d[2]}, c.int("count_include_pad", 0) != 0)
		y = Mul(y, stretch(Reshape(Const(x.Graph(), counts), 1, w.out[0], w.out[1], 1), y.Shape().Dimensions))
	}
	return back(y)
}

// counts is one over the number of places of every window that count: those in the image, and those in its stated padding
// where padded is set. What was added to round the number of windows up never counts.
func (w window) counts(size [2]int, padded bool) []float32 {
	var n [2][]float64
	before, after := [2]int{w.pad.Top, w.pad.Left}, [2]int{w.pad.Bottom, w.pad.Right}
	for i := range n {
		for o := range w.out[i] {
			places := 0.0
			for k := range w.kernel[i] {
				at := o*w.stride[i] + k*w.dilation[i] - before[i]
				if at >= 0 && at < size[i] || padded && at < size[i]+after[i] {
					places++
				}
			}
			n[i] = append(n[i], places)
		}
	}
	out := make([]float32, 0, w.out[0]*w.out[1])
	for _, rows := range n[0] {
		for _, cols := range n[1] {
			out = append(out, float32(1/(rows*cols)))
		}
	}
	return out
}

// resize scales dimensions by interpolation along one after the other.
func resize(c *call) []*value {
	x := c.float32At(0)
	d := x.Shape().Dimensions
	axes := seq(len(d))
	if a, ok := c.attrs["axes"]; ok {
		axes = toInts(a.ints)
	}
	// Inputs are x, roi, scales and sizes since version 11; x and scales before.
	at := 2
	if c.op == "Upsample" || c.w.n.file.opset < 11 {
		at = 1
	}
	var scales []float64
	var sizes []int
	if a, ok := c.attrs["scales"]; ok {
		for _, v := range a.floats {
			scales = append(scales, float64(v))
		}
	} else if c.has(at) {
		scales = c.known(at).v
	}
	if len(scales) == 0 {
		sizes = c.counts(3)
	}
	if n := max(len(scales), len(sizes)); n != len(axes) {
		fail("%d scales or sizes for %d dimensions", n, len(axes))
	}
	if p := c.text("keep_aspect_ratio_policy", "stretch"); p != "stretch" {
		fail("keep_aspect_ratio_policy %q is not supported", p)
	}
	for i, a := range axes {
		a = axisIn(a, len(d))
		n := d[a]
		to, scale := 0, 0.0
		if len(scales) > 0 {
			scale = scales[i]
			if !(scale > 0) || float64(n)*scale > MaxSize {
				fail("scale %v", scale)
			}
			to = int(math.Floor(float64(n) * scale))
		} else {
			to = sizes[i]
			scale = float64(to) / float64(n)
		}
		if to == n && scale == 1 {
			continue
		}
		if to < 1 || to > MaxKnown/n {
			fail("dimension %d of %v becomes %d", a, d, to)
		}
		x = along(x, a, c.weights(n, to, scale))
	}
	return c.result(x, func() []axis { return c.widened(x.Shape().Dimensions) })
}

// along multiplies dimension a of x with a matrix [to, from].
func along(x *Node, a int, m [][]float32) *Node {
	order := append(without(seq(x.Rank()), []int{a}), a)
	back := make([]int, len(order))
	for to, from := range order {
		back[from] = to
	}
	x = TransposeAllAxes(x, order...)
	d := slices.Clone(x.Shape().Dimensions)
	x = ops.Dense(Reshape(x, x.Shape().Size()/d[len(d)-1], d[len(d)-1]), Const(x.Graph(), m), nil)
	d[len(d)-1] = len(m)
	return TransposeAllAxes(Reshape(x, d...), back...)
}

// weights is the matrix [to, from] of an interpolation, by the formulas of the ONNX operator Resize.
func (c *call) weights(from, to int, scale float64) [][]float32 {
	mode := c.text("mode", "nearest")
	place := c.text("coordinate_transformation_mode", "half_pixel")
	if c.op == "Upsample" || c.w.n.file.opset < 11 {
		place = "asymmetric"
	}
	if c.int("antialias", 0) != 0 {
		fail("antialias is not supported")
	}
	m := make([][]float32, to)
	for i := range m {
		m[i] = make([]float32, from)
		var at float64
		switch place {
		case "half_pixel":
			at = (float64(i)+0.5)/scale - 0.5
		case "pytorch_half_pixel":
			if to > 1 {
				at = (float64(i)+0.5)/scale - 0.5
			}
		case "half_pixel_symmetric":
			adjust := float64(to) / (scale * float64(from))
			centre := float64(from) / 2
			at = centre*(1-adjust) + (float64(i)+0.5)/scale - 0.5
		case "align_corners":
			if to > 1 {
				at = float64(i) * float64(from-1) / float64(to-1)
			}
		case "asymmetric":
			at = float64(i) / scale
		default:
			fail("coordinate_transformation_mode %q is not supported", place)
		}
		add := func(j int, w float64) { m[i][min(max(j, 0), from-1)] += float32(w) }
		floor := int(math.Floor(at))
		t := at - float64(floor)
		switch mode {
		case "nearest":
			add(c.nearest(at), 1)
		case "linear", "bilinear":
			add(floor, 1-t)
			add(floor+1, t)
		case "cubic":
			c.cubic(add, floor, t, from)
		default:
			fail("mode %q is not supported", mode)
		}
	}
	return m
}

// nearest rounds a place as nearest_mode says.
func (c *call) nearest(at float64) int {
	mode := c.text("nearest_mode", "round_prefer_floor")
	if c.op == "Upsample" || c.w.n.file.opset < 11 {
		mode = "floor"
	}
	switch mode {
	case "round_prefer_floor":
		return int(math.Ceil(at - 0.5))
	case "round_prefer_ceil":
		return int(math.Floor(at + 0.5))
	case "floor":
		return int(math.Floor(at))
	case "ceil":
		return int(math.Ceil(at))
	}
	fail("nearest_mode %q is not supported", mode)
	return 0
}

// cubic adds the four weights of a cubic convolution (Keys 1981) at a fraction t behind a place.
func (c *call) cubic(add func(j int, w float64), floor int, t float64, from int) {
	a := c.float("cubic_coeff_a", -0.75)
	var w [4]float64
	for k := range w {
		switch x := math.Abs(t - float64(k-1)); {
		case x <= 1:
			w[k] = ((a+2)*x-(a+3))*x*x + 1
		case x < 2:
			w[k] = ((a*x-5*a)*x+8*a)*x - 4*a
		}
	}
	sum := 1.0
	if c.int("exclude_outside", 0) != 0 {
		sum = 0
		for k := range w {
			if j := floor + k - 1; j < 0 || j >= from {
				w[k] = 0
			}
			sum += w[k]
		}
	}
	for k := range w {
		add(floor+k-1, w[k]/sum)
	}
}
