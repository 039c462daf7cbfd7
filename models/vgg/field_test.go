package vgg_test

import (
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models/vgg"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// TestReceptiveFieldOfBlock3 holds the numbers that the V4 document's pictures need.
func TestReceptiveFieldOfBlock3(t *testing.T) {
	f, err := vgg.VGG19(false).ReceptiveField("features.18")
	if err != nil || f != (vgg.Field{Size: 52, Stride: 8, Offset: -22}) {
		t.Fatalf("%+v, %v", f, err)
	}
	if from, to := f.Pixels(10); from != 58 || to != 110 {
		t.Errorf("unit 10 sees [%d, %d)", from, to)
	}
	for _, site := range []string{"avgpool", "classifier.0", "features.99"} {
		if _, err := vgg.VGG19(false).ReceptiveField(site); err == nil {
			t.Errorf("%s has a receptive field", site)
		}
	}
}

// TestReceptiveFieldBySupport lights one pixel after another of a black picture and looks which units change. With positive
// weights and biases nothing is rectified and nothing cancels, so those are all units that see the pixel.
func TestReceptiveFieldBySupport(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	c := vgg.Config{Blocks: [][]int{{1}, {1, 1}, {1}}}
	const side = 40
	n, err := c.Network(side, side)
	if err != nil {
		t.Fatal(err)
	}
	p := program.NewParams()
	defer p.Close()
	for name, dims := range c.Shapes() {
		v := make([]float32, 1)
		for _, d := range dims {
			v = append(v, make([]float32, len(v)*(d-1))...)
		}
		for i := range v {
			v[i] = 1
		}
		if err := p.Set(name, v, dims...); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range c.Layers() {
		f, err := c.ReceptiveField(l.Site)
		if err != nil {
			t.Fatal(err)
		}
		prog, err := program.New(be, "support", p, func(g *Graph, p *program.Params, in []*Node) []*Node {
			_, at := site.List(g, func() { n.Forward(p, in[0]) })
			return []*Node{at(l.Site)}
		})
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float32, (side+1)*3*side*side) // the last picture is black
		for i := range side {
			x[i*3*side*side+i*side+i] = 1 // pixel (i, i): rows and columns are alike
		}
		out, err := prog.Run(program.F32(x, side+1, 3, side, side))
		if err != nil {
			t.Fatal(err)
		}
		m := out[0].Dims[2]
		v := out[0].F32
		for u := range m {
			from, to := f.Pixels(u)
			for i := range side {
				sees := v[(i*m+u)*m+u] != v[(side*m+u)*m+u]
				if want := i >= from && i < to; sees != want {
					t.Errorf("%s unit %d, pixel %d: seen %v, want [%d, %d)", l.Site, u, i, sees, from, to)
				}
			}
		}
		prog.Close()
	}
}
