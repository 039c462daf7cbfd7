package record_test

import (
	"fmt"
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/record"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

var cuts = []string{"visual.ln_pre", "visual.transformer.resblocks.0"}

func batchOf(t *testing.T, m *models.Model, n int) []float32 {
	t.Helper()
	out := make([]float32, n*3*16*16)
	for i := range n {
		s, err := (pictures{n: n}).At(i)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Preprocess.Apply(out[i*768:(i+1)*768], s.Image); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestStagesEqualTheWhole compares stages with the network in one graph.
func TestStagesEqualTheWhole(t *testing.T) {
	m, be := tiny(t), goBackend(t)
	s, err := record.NewStaged(be, m, cuts, "visual", nil, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x := batchOf(t, m, 4)
	_, got, err := s.Trail(x)
	if err != nil {
		t.Fatal(err)
	}
	want := whole(t, be, m, m.Params, x)
	near(t, "stages", got, want)
}

func whole(t *testing.T, be *backend.Backend, m *models.Model, p *program.Params, x []float32) []float32 {
	t.Helper()
	prog, err := program.New(be, "whole", p, func(_ *Graph, p *program.Params, in []*Node) []*Node {
		return []*Node{m.Network.Forward(p, in[0])}
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := prog.Run(program.F32(x, 4, 3, 16, 16))
	if err != nil {
		t.Fatal(err)
	}
	return out[0].F32
}

func near(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	peak := 0.0
	for _, v := range want {
		peak = max(peak, math.Abs(float64(v)))
	}
	for i := range got {
		if math.Abs(float64(got[i]-want[i])) > 1e-5*max(peak, 1e-3) {
			t.Fatalf("%s: value %d is %g, want %g", what, i, got[i], want[i])
		}
	}
}

// TestLesionEqualsZeroedWeights checks every module lesion, a runtime edit in a later stage, against a network whose
// weights and biases of that module are zero: what the document did.
func TestLesionEqualsZeroedWeights(t *testing.T) {
	m, be := tiny(t), goBackend(t)
	modules := map[string][]string{"visual.conv1": {"visual.conv1.weight"}, "visual.ln_pre": {"visual.ln_pre.weight", "visual.ln_pre.bias"}}
	for l := range 2 {
		p := fmt.Sprintf("visual.transformer.resblocks.%d.", l)
		for _, k := range []string{"ln_1", "ln_2", "mlp.c_fc", "mlp.c_proj"} {
			modules[p+k] = []string{p + k + ".weight", p + k + ".bias"}
		}
		modules[p+"attn"] = []string{p + "attn.in_proj_weight", p + "attn.in_proj_bias", p + "attn.out_proj.weight", p + "attn.out_proj.bias"}
		modules[p+"attn.out_proj"] = []string{p + "attn.out_proj.weight", p + "attn.out_proj.bias"}
	}
	var edits []site.Edit
	for name := range modules {
		edits = append(edits, site.Edit{Name: "lesion", Site: name, Mul: site.Vary{}})
	}
	s, err := record.NewStaged(be, m, cuts, "visual", edits, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x := batchOf(t, m, 4)
	trail, intact, err := s.Trail(x)
	if err != nil {
		t.Fatal(err)
	}
	compiled := s.Compiles()
	for name, weights := range modules {
		stage, err := s.StageOf(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.From(stage, trail[stage], map[string][]float32{"lesion.mul@" + name: {0}})
		if err != nil {
			t.Fatal(err)
		}
		zeroed := program.NewParams()
		for _, n := range m.Params.Names() {
			data, dims, err := m.Params.Get(n)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range weights {
				if w == n {
					clear(data)
				}
			}
			if err := zeroed.Set(n, data, dims...); err != nil {
				t.Fatal(err)
			}
		}
		near(t, name, got, whole(t, be, m, zeroed, x))
		same := true
		for i := range got {
			same = same && got[i] == intact[i]
		}
		if same {
			t.Errorf("the lesion of %s changes nothing", name)
		}
	}
	if s.Compiles() != compiled {
		t.Errorf("%d graphs were compiled during the sweep", s.Compiles()-compiled)
	}
	if compiled != s.Stages() {
		t.Errorf("%d graphs for %d stages", compiled, s.Stages())
	}
}

// TestTextTower runs the text tower as a network of token ids.
func TestTextTower(t *testing.T) {
	m := tiny(t)
	c := m.Network.(clip.ImageTower).Config
	text := &models.Model{Name: "text", Network: clip.TextTower{Config: c}, Params: m.Params}
	be := goBackend(t)
	s, err := record.NewStaged(be, text, nil, "text_projection", []site.Edit{{Name: "lesion", Site: "token_embedding", Mul: site.Vary{}}}, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ids := []float32{598, 5, 6, 599, 0, 0, 0, 0, 598, 7, 599, 0, 0, 0, 0, 0}
	intact, err := s.From(0, ids, nil)
	if err != nil {
		t.Fatal(err)
	}
	// What follows the end token of the longest text does not matter.
	cut := &models.Model{Name: "cut", Network: clip.TextTower{Config: c, Tokens: 4}, Params: m.Params}
	sc, err := record.NewStaged(be, cut, nil, "text_projection", nil, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer sc.Close()
	short, err := sc.From(0, append(append([]float32{}, ids[:4]...), ids[8:12]...), nil)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "a cut context", short, intact)
	// Without embeddings only the position of the end token tells the texts apart.
	lesioned, err := s.From(0, ids, map[string][]float32{"lesion.mul@token_embedding": {0}})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(intact) == fmt.Sprint(lesioned) {
		t.Error("lesioning the token embedding changes nothing")
	}
}
