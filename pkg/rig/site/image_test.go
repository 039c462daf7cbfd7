package site_test

import (
	"slices"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// maps doubles a feature map that the graph holds as [stimulus, y, x, channel], after a site.
func maps(x *Node) *Node { return MulScalar(site.TapImage("map", x), 2) }

// TestTapImage checks that a feature map is shown as channel, y, x, and that an edit of it reaches what follows.
func TestTapImage(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	infos := []site.Info{{Name: "map", Axes: []site.Axis{site.Channel, site.Y, site.X}, Shape: []int{2, 1, 3}}}
	x := []float32{1, 10, 2, 20, 3, 30} // one picture of 1 row, 3 columns, 2 channels
	for _, c := range []struct {
		name     string
		plan     site.Plan
		captured []float32
		result   []float32
	}{
		{"nothing", site.Plan{}, nil, []float32{2, 20, 4, 40, 6, 60}},
		{"capture", site.Plan{}.Capture("map"), []float32{1, 2, 3, 10, 20, 30}, []float32{2, 20, 4, 40, 6, 60}},
		{"lesion", site.Plan{}.Capture("map").Lesion("off", "map", site.Channel), []float32{0, 0, 0, 10, 20, 30}, []float32{0, 20, 0, 40, 0, 60}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := c.plan.Check(infos)
			if err != nil {
				t.Fatal(err)
			}
			in := []program.Value{program.F32(x, 1, 1, 3, 2)}
			for range b.Inputs {
				in = append(in, program.F32([]float32{0, 1}, 2))
			}
			p, err := program.New(be, "maps", nil, func(g *Graph, _ *program.Params, in []*Node) []*Node {
				tr := b.Attach(g, in[1:])
				y := maps(in[0])
				if got := tr.Node("map") != nil; got != (len(c.captured) > 0) {
					t.Errorf("Node gives a value: %v", got)
				}
				return append(append([]*Node{}, tr.Outputs()...), y)
			})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			out, err := p.Run(in...)
			if err != nil {
				t.Fatal(err)
			}
			if c.captured != nil && !slices.Equal(out[0].F32, c.captured) {
				t.Errorf("captured %v, want %v", out[0].F32, c.captured)
			}
			if got := out[len(out)-1].F32; !slices.Equal(got, c.result) {
				t.Errorf("result %v, want %v", got, c.result)
			}
		})
	}
}

// TestTapImageGradient checks that the listed value of a feature map lies on the path to the result.
func TestTapImageGradient(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	p, err := program.New(be, "gradient", nil, func(g *Graph, _ *program.Params, in []*Node) []*Node {
		var y *Node
		_, nodeOf := site.List(g, func() { y = maps(in[0]) })
		return []*Node{Gradient(ReduceAllSum(y), nodeOf("map"))[0]}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	out, err := p.Run(program.F32([]float32{1, 2, 3, 4}, 1, 2, 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(out[0].F32, []float32{2, 2, 2, 2}) {
		t.Errorf("gradient %v, want 2 everywhere", out[0].F32)
	}
}

// TestAliases checks that other libraries' names are accepted, and only where no name matches.
func TestAliases(t *testing.T) {
	infos := []site.Info{
		{Name: "blocks.0.attn", Aliases: []string{"encoder.layer.0.attention"}},
		{Name: "blocks.1.attn", Aliases: []string{"encoder.layer.1.attention", "cell.attn"}},
	}
	for selector, want := range map[string]int{"encoder.layer.*.attention": 2, "encoder.layer.1.attention": 1, "**.attn": 2, "cell.attn": 1} {
		got, err := site.Match(selector, infos)
		if err != nil || len(got) != want {
			t.Errorf("%s: %d sites, %v, want %d", selector, len(got), err, want)
		}
	}
	b, err := site.Plan{}.Capture("cell.attn").Check([]site.Info{
		{Name: "x", Axes: []site.Axis{site.Channel}, Shape: []int{2}, Aliases: []string{"cell.attn"}}})
	if err == nil {
		_, err = site.Plan{}.StartAt("encoder.layer.0.attention").Check(infos)
	}
	if err != nil || b.Outputs[0].Name != "x" {
		t.Errorf("a capture by an alias is %+v, %v: want the canonical name", b, err)
	}
}
