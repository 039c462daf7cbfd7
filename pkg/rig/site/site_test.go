package site_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// toy is a network of two linear maps over tokens: in [b, 3, 2], hidden [b, 3, 4], out [b, 3, 4].
func toy(x *graph.Node) *graph.Node {
	x = site.Tap("in", x, site.Token, site.Channel)
	h := graph.Concatenate([]*graph.Node{x, graph.MulScalar(x, 10)}, -1)
	h = site.Tap("block.0.hidden", h, site.Token, site.Channel)
	h = graph.AddScalar(h, 100)
	return site.Tap("block.1.out", h, site.Token, site.Channel)
}

func toySites(t *testing.T) []site.Info {
	t.Helper()
	var infos []site.Info
	run(t, func(x *graph.Node, _ []*graph.Node) []*graph.Node {
		var y *graph.Node
		infos, _ = site.List(x.Graph(), func() { y = toy(x) })
		return []*graph.Node{y}
	})
	return infos
}

var picture = []float32{1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6} // two stimuli of three tokens of two channels

func run(t *testing.T, fn func(x *graph.Node, in []*graph.Node) []*graph.Node, inputs ...program.Value) [][]float32 {
	t.Helper()
	p, err := program.New(backend.MustOpen("go"), "toy", nil, func(_ *graph.Graph, _ *program.Params, in []*graph.Node) []*graph.Node {
		return fn(in[0], in[1:])
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Run(append([]program.Value{program.F32(picture, 2, 3, 2)}, inputs...)...)
	if err != nil {
		t.Fatal(err)
	}
	var v [][]float32
	for _, o := range out {
		v = append(v, o.F32)
	}
	return v
}

// with runs the toy under a plan, the runtime inputs given by key.
func with(t *testing.T, p site.Plan, inputs map[string][]float32) map[string][]float32 {
	t.Helper()
	b, err := p.Check(toySites(t))
	if err != nil {
		t.Fatal(err)
	}
	var in []program.Value
	for _, spec := range b.Inputs {
		v, ok := inputs[spec.Key]
		if !ok {
			if v, ok = spec.Default(2); !ok {
				t.Fatalf("no value for %s", spec.Key)
			}
		}
		in = append(in, program.F32(v, spec.Dims(2)...))
	}
	out := run(t, func(x *graph.Node, in []*graph.Node) []*graph.Node {
		tr := b.Attach(x.Graph(), in)
		toy(x)
		return tr.Outputs()
	}, in...)
	m := map[string][]float32{}
	for i, o := range b.Outputs {
		m[o.Name] = out[i]
		size := 2
		for _, d := range o.Shape {
			size *= d
		}
		if len(out[i]) != size {
			t.Errorf("%s: %d values, the plan says %v for one stimulus", o.Name, len(out[i]), o.Shape)
		}
	}
	return m
}

func TestList(t *testing.T) {
	infos := toySites(t)
	want := []site.Info{
		{Name: "in", Axes: []site.Axis{site.Token, site.Channel}, Shape: []int{3, 2}},
		{Name: "block.0.hidden", Axes: []site.Axis{site.Token, site.Channel}, Shape: []int{3, 4}},
		{Name: "block.1.out", Axes: []site.Axis{site.Token, site.Channel}, Shape: []int{3, 4}},
	}
	if !reflect.DeepEqual(infos, want) {
		t.Errorf("got %+v", infos)
	}
	if infos[1].Bytes() != 48 || infos[1].Units() != 4 {
		t.Errorf("bytes %d, units %d", infos[1].Bytes(), infos[1].Units())
	}
}

func TestReductions(t *testing.T) {
	for _, c := range []struct {
		reduce string
		want   []float32
	}{
		{"class", []float32{1, 2, -1, -2}},
		{"token=2", []float32{5, 6, -5, -6}},
		{"tokens=1:", []float32{3, 4, 5, 6, -3, -4, -5, -6}},
		{"tokens=:1", []float32{1, 2, -1, -2}},
		{"channels=1:2", []float32{2, 4, 6, -2, -4, -6}},
		{"mean", []float32{3, 4, -3, -4}},
		{"max", []float32{5, 6, -1, -2}},
		{"argmax", []float32{2, 2, 0, 0}},
		{"tokens=1:,mean", []float32{4, 5, -4, -5}},
		{"moments", []float32{3, 4, 8. / 3, 8. / 3, -3, -4, 8. / 3, 8. / 3}},
		{"top=2", []float32{5, 6, 3, 4, -1, -2, -3, -4}},
		{"project=w:1", []float32{3, 7, 11, -3, -7, -11}},
	} {
		t.Run(c.reduce, func(t *testing.T) {
			out := with(t, site.Plan{}.Capture("in:"+c.reduce), map[string][]float32{"project.w": {1, 1}})
			got := out["in:"+c.reduce]
			if len(got) != len(c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
			for i := range got {
				if d := got[i] - c.want[i]; d > 1e-5 || d < -1e-5 {
					t.Fatalf("got %v, want %v", got, c.want)
				}
			}
		})
	}
}

func TestEdits(t *testing.T) {
	hidden := []float32{1, 2, 10, 20, 3, 4, 30, 40, 5, 6, 50, 60, -1, -2, -10, -20, -3, -4, -30, -40, -5, -6, -50, -60}
	at := func(b, tok, c int) int { return (b*3+tok)*4 + c }
	for _, c := range []struct {
		name   string
		edit   site.Edit
		inputs map[string][]float32
		want   func(b, tok, c int, x float32) float32
	}{
		{"defaults change nothing", site.Edit{Name: "e", Site: "**.hidden", Mul: site.Vary{site.Channel}, Add: site.Vary{}}, nil,
			func(_, _, _ int, x float32) float32 { return x }},
		{"a unit", site.Edit{Name: "e", Site: "**.hidden", Mul: site.Vary{site.Channel}},
			map[string][]float32{"e.mul@block.0.hidden": {1, 0, 1, 1}},
			func(_, _, c int, x float32) float32 {
				if c == 1 {
					return 0
				}
				return x
			}},
		{"a unit of one stimulus", site.Edit{Name: "e", Site: "**.hidden", Mul: site.Vary{site.Stimulus, site.Channel}},
			map[string][]float32{"e.mul@block.0.hidden": {1, 1, 1, 1, 1, 1, 0, 1}},
			func(b, _, c int, x float32) float32 {
				if b == 1 && c == 2 {
					return 0
				}
				return x
			}},
		{"a token", site.Edit{Name: "e", Site: "**.hidden", Mul: site.Vary{site.Token}},
			map[string][]float32{"e.mul@block.0.hidden": {1, 1, 0}},
			func(_, tok, _ int, x float32) float32 {
				if tok == 2 {
					return 0
				}
				return x
			}},
		{"everything, to a mean", site.Edit{Name: "e", Site: "**.hidden", Mul: site.Vary{}, Add: site.Vary{site.Channel}},
			map[string][]float32{"e.mul@block.0.hidden": {0}, "e.add@block.0.hidden": {7, 8, 9, 10}},
			func(_, _, c int, _ float32) float32 { return float32(7 + c) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := with(t, site.Plan{}.Capture("block.0.hidden", "block.1.out").Edit(c.edit), c.inputs)
			for b := range 2 {
				for tok := range 3 {
					for ch := range 4 {
						i := at(b, tok, ch)
						want := c.want(b, tok, ch, hidden[i])
						if got := out["block.0.hidden"][i]; got != want {
							t.Errorf("stimulus %d token %d channel %d: %g, want %g", b, tok, ch, got, want)
						}
						if got := out["block.1.out"][i]; got != want+100 {
							t.Errorf("downstream of stimulus %d token %d channel %d: %g, want %g", b, tok, ch, got, want+100)
						}
					}
				}
			}
		})
	}
}

func TestStart(t *testing.T) {
	value := make([]float32, 24)
	for i := range value {
		value[i] = float32(i)
	}
	out := with(t, site.Plan{}.Capture("block.1.out").StartAt("block.0.hidden"), map[string][]float32{"start": value})
	for i, v := range out["block.1.out"] {
		if v != float32(i)+100 {
			t.Fatalf("value %d is %g, want %g", i, v, float32(i)+100)
		}
	}
	if _, err := (site.Plan{}).Capture("in").StartAt("block.0.hidden").Check(toySites(t)); err == nil || !strings.Contains(err.Error(), "before") {
		t.Errorf("a capture upstream of the start: error %v", err)
	}
}

func TestNoMatch(t *testing.T) {
	_, err := site.Plan{}.Capture("block.1.uot").Check(toySites(t))
	var none *site.NoMatchError
	if !errors.As(err, &none) || none.Nearest[0] != "block.1.out" {
		t.Errorf("got %v, want a NoMatchError whose nearest name is block.1.out", err)
	}
	for _, bad := range []site.Plan{
		site.Plan{}.Capture("in:class,class"),
		site.Plan{}.Capture("in:token=3"),
		site.Plan{}.Capture("in:nonsense"),
		site.Plan{}.Capture("in:top=9"),
		site.Plan{}.Capture("{in"),
		site.Plan{}.Capture("block.{1..0}.out"),
		site.Plan{}.Lesion("l", "in", site.Head),
		site.Plan{}.Lesion("l", "in").Lesion("l", "in"),
		site.Plan{}.Edit(site.Edit{Name: "e", Site: "in"}),
		site.Plan{}.StartAt("block"),
	} {
		if _, err := bad.Check(toySites(t)); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}

func TestMatch(t *testing.T) {
	var infos []site.Info
	for i := range 12 {
		for _, m := range []string{"attn", "mlp.c_proj"} {
			infos = append(infos, site.Info{Name: fmt.Sprintf("visual.transformer.resblocks.%d.%s", i, m)})
		}
	}
	for sel, want := range map[string]int{
		"visual.transformer.resblocks.{0..11}.attn": 12,
		"**.mlp.c_proj":                       12,
		"**.attn":                             12,
		"visual.transformer.resblocks.*.attn": 12,
		"visual.*.attn":                       0,
		"**":                                  24,
		"visual.transformer.resblocks.{3,5,10}.*":  3,
		"visual.transformer.resblocks.1.attn":      1,
		"visual.transformer.resblocks.1{0..1}.**":  4,
		"visual.transformer.resblocks.{0..2,7}.**": 8,
	} {
		m, err := site.Match(sel, infos)
		if len(m) != want || (want == 0) != (err != nil) {
			t.Errorf("%s: %d matches, %v; want %d", sel, len(m), err, want)
		}
	}
}

// TestPlanIsAValue checks that a plan shares nothing with the one it was made from, and survives JSON.
func TestPlanIsAValue(t *testing.T) {
	base := site.Plan{}.Capture("a:class").Lesion("l", "b", site.Channel)
	one, two := base.Capture("c"), base.Capture("d")
	if fmt.Sprint(one.Captures()) != "[a:class c]" || fmt.Sprint(two.Captures()) != "[a:class d]" {
		t.Errorf("plans share captures: %v, %v", one.Captures(), two.Captures())
	}
	p := two.StartAt("x").Edit(site.Edit{Name: "e", Site: "f", Add: site.Vary{}})
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var q site.Plan
	if err := json.Unmarshal(b, &q); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(p, q) {
		t.Errorf("after JSON: %v, want %v", q, p)
	}
}

func FuzzCapture(f *testing.F) {
	for _, s := range []string{"in:class", "**.out:tokens=1:,mean", "block.{0..1}.*:top=2", "a:project=w:3", "{,}:moments"} {
		f.Add(s)
	}
	infos := []site.Info{{Name: "in", Axes: []site.Axis{site.Token, site.Channel}, Shape: []int{3, 2}},
		{Name: "block.0.hidden", Axes: []site.Axis{site.Channel, site.Y, site.X}, Shape: []int{4, 5, 6}}}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := site.ParseCapture(s)
		if err != nil {
			return
		}
		b, err := site.Plan{}.Capture(c.String()).Check(infos)
		if err != nil {
			return
		}
		for _, o := range b.Outputs {
			if o.Bytes() <= 0 || len(o.Axes) != len(o.Shape) {
				t.Errorf("%q gives an output of axes %v and shape %v", s, o.Axes, o.Shape)
			}
		}
	})
}

func ExamplePlan() {
	p := site.Plan{}.
		Capture("visual.transformer.resblocks.{0..11}.attn:class").
		Lesion("off", "visual.transformer.resblocks.9.mlp.c_proj", site.Channel)
	fmt.Print(p)
	// Output:
	// edit    off at visual.transformer.resblocks.9.mlp.c_proj: x[channel]
	// capture visual.transformer.resblocks.{0..11}.attn:class
}
