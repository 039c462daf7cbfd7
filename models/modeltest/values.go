package modeltest

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// axes runs the network, keeps all values, and checks their sizes. On the first backend it does so without a plan.
func (r *rig) axes(fail problems) {
	base, err := r.plain()
	if err != nil {
		fail("%v", err)
		return
	}
	r.base = base
	for i, s := range r.sites {
		if len(base[i]) != r.c.Batch*s.Size() {
			fail("site %s holds %d values for %d stimuli, want %v for each", s.Name, len(base[i]), r.c.Batch, s.Shape)
		}
	}
}

// plain are all values, and the output.
func (r *rig) plain() ([][]float32, error) {
	if !r.first {
		return r.captured(r.x)
	}
	return r.once(r.c.Batch, r.x, func(g *graph.Graph, p *program.Params, x *graph.Node) []*graph.Node {
		var out *graph.Node
		infos, node := site.List(g, func() { out = r.c.Network.Forward(p, x) })
		var v []*graph.Node
		for _, i := range infos {
			v = append(v, node(i.Name))
		}
		return append(v, out)
	})
}

func (r *rig) finite(fail problems) {
	still, _ := r.matches(r.c.Constant)
	for i, v := range r.base {
		for j, x := range v {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				fail("%s is %v at %d", r.name(i), x, j)
				break
			}
		}
		same := true
		for j := 1; j < r.c.Batch; j++ {
			same = same && firstDifference(row(v, 0, r.c.Batch), row(v, j, r.c.Batch)) < 0
		}
		stated := i < len(still) && still[i]
		if same && !stated {
			fail("%s is the same for all stimuli: state it in Case.Constant if that is meant", r.name(i))
		} else if !same && stated {
			fail("%s is stated to be constant, but differs between stimuli", r.name(i))
		}
	}
}

// image changes a quarter of the picture at one edge after the other and compares where the changes lie in the maps.
func (r *rig) image(fail problems) {
	in := r.c.Network.Input()
	if len(in) != 3 || in[1] < 4 || in[2] < 4 {
		return
	}
	h, w := in[1], in[2]
	n := r.pixels()
	base := make([]float32, n)
	noise := make([]float32, n)
	r.c.Stimulus(0, base)
	r.c.Stimulus(1, noise)
	edges := map[string]func(y, x int) bool{
		"top": func(y, _ int) bool { return y < h/4 }, "bottom": func(y, _ int) bool { return y >= h-h/4 },
		"left": func(_, x int) bool { return x < w/4 }, "right": func(_, x int) bool { return x >= w-w/4 },
	}
	centre := map[string][][2]float64{}
	for edge, inside := range edges {
		x := make([]float32, r.c.Batch*n)
		copy(x, base)
		for i := 1; i < r.c.Batch; i++ {
			copy(x[i*n:], base)
		}
		for i := range n {
			if inside(i/w%h, i%w) {
				x[n+i] = noise[i]
			}
		}
		v, err := r.captured(x)
		if err != nil {
			fail("%v", err)
			return
		}
		for i, s := range r.sites {
			centre[edge] = append(centre[edge], centreOfChange(s, row(v[i], 0, r.c.Batch), row(v[i], 1, r.c.Batch)))
		}
	}
	moved, _ := r.matches(r.c.Moved)
	for i, s := range r.sites {
		if moved[i] || !slices.Contains(s.Axes, site.Y) || !slices.Contains(s.Axes, site.X) {
			continue
		}
		c := func(edge string, axis int) float64 { return centre[edge][i][axis] }
		// How far the change moves along rows and along columns, as a share of the map's height or width.
		rowsY, rowsX := c("bottom", 0)-c("top", 0), c("bottom", 1)-c("top", 1)
		colsX, colsY := c("right", 1)-c("left", 1), c("right", 0)-c("left", 0)
		const clear = 0.3
		if rowsY < -clear || colsX < -clear {
			fail("site %s is upside down or mirrored: a change at the top of the picture lies %.2f of its height below one at the bottom, one at the left %.2f of its width right of one at the right",
				s.Name, -rowsY, -colsX)
		}
		if math.Abs(rowsX) > clear+math.Abs(rowsY) && math.Abs(colsY) > clear+math.Abs(colsX) {
			fail("site %s has its rows and columns in the wrong order: a change that moves down the picture moves by %.2f along %s and by %.2f along %s",
				s.Name, math.Abs(rowsY), site.Y, math.Abs(rowsX), site.X)
		}
	}
}

// centreOfChange is the centre of the absolute difference of two values, in rows and columns, each from 0 to 1.
func centreOfChange(s site.Info, a, b []float32) (c [2]float64) {
	strides := make([]int, len(s.Shape))
	for k, n := len(s.Shape)-1, 1; k >= 0; k-- {
		strides[k] = n
		n *= s.Shape[k]
	}
	for k, axis := range []site.Axis{site.Y, site.X} {
		at := slices.Index(s.Axes, axis)
		if at < 0 {
			continue
		}
		sum, total := 0.0, 0.0
		for i := range a {
			d := math.Abs(float64(a[i]) - float64(b[i]))
			pos := (float64(i/strides[at]%s.Shape[at]) + 0.5) / float64(s.Shape[at])
			sum, total = sum+d*pos, total+d
		}
		c[k] = 0.5
		if total > 0 {
			c[k] = sum / total
		}
	}
	return c
}

func (r *rig) captures(fail problems) {
	v, err := r.captured(r.x)
	if err != nil {
		fail("%v", err)
		return
	}
	for i := range r.sites {
		if d, ok := near(v[i], r.base[i], r.eps); !ok {
			fail("captured value of %s: %s", r.name(i), d)
		}
	}
}

func (r *rig) taps(fail problems) {
	plain, err := r.once(r.c.Batch, r.x, func(_ *graph.Graph, p *program.Params, x *graph.Node) []*graph.Node {
		return []*graph.Node{r.c.Network.Forward(p, x)}
	})
	if err != nil {
		fail("%v", err)
		return
	}
	v, err := r.captured(r.x)
	if err != nil {
		fail("%v", err)
		return
	}
	if d, ok := near(v[len(r.sites)], plain[0], r.eps); !ok {
		fail("capturing all sites changes the output: %s", d)
	}
}

// batches checks that the stimuli of a batch do not see each other.
func (r *rig) batches(fail problems) {
	n, px := r.c.Batch, r.pixels()
	want, err := r.captured(r.x)
	if err != nil {
		fail("%v", err)
		return
	}
	type variant struct {
		what string
		x    []float32
		from []int // for each stimulus of x its number in the first batch, -1 for another one
		eps  float64
	}
	reversed := variant{what: "in reverse order", x: make([]float32, n*px), eps: r.c.Tolerance}
	for i := range n {
		copy(row(reversed.x, i, n), row(r.x, n-1-i, n))
		reversed.from = append(reversed.from, n-1-i)
	}
	padded := variant{what: "beside padding of zeros", x: slices.Concat(r.x[:px], make([]float32, (n-1)*px)), from: []int{0}}
	company := variant{what: "beside other stimuli", x: r.stimuli(0, 100), from: []int{0}}
	alone := variant{what: "alone", x: r.x[:px], from: []int{0}, eps: r.c.Tolerance}
	variants := []variant{reversed, padded, company}
	if r.first { // another size of the batch is another graph to compile
		variants = append(variants, alone)
	}
	for _, v := range variants {
		got, err := r.captured(v.x)
		if err != nil {
			fail("%s: %v", v.what, err)
			continue
		}
		for i := range got {
			for j, k := range v.from {
				if len(got[i]) != len(want[i])*len(v.x)/len(r.x) {
					fail("%s: %s has %d values", v.what, r.name(i), len(got[i]))
				} else if d, ok := near(row(got[i], j, len(v.x)/px), row(want[i], k, n), v.eps); !ok {
					fail("a stimulus %s has another value at %s: %s", v.what, r.name(i), d)
				}
			}
		}
	}
}

// compare checks that another backend gives the same values.
func (r *rig) compare(fail problems, other *rig) {
	for i := range r.base {
		if d, ok := near(r.base[i], other.base[i], r.c.Tolerance); !ok {
			fail("%s on %s and %s: %s", r.name(i), r.be.Kind, other.be.Kind, d)
		}
	}
}

// isZero tells whether all values are 0.
func isZero(v []float32) bool { return !slices.ContainsFunc(v, func(x float32) bool { return x != 0 }) }

// rms is the root of the mean square.
func rms(v []float32) float64 {
	s := 0.0
	for _, x := range v {
		s += float64(x) * float64(x)
	}
	return math.Sqrt(s / float64(max(len(v), 1)))
}

// stream names a random stream of the case.
func stream(parts ...any) string { return "modeltest/" + fmt.Sprint(parts...) }
