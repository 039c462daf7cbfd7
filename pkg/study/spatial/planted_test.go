package spatial

import (
	"context"
	"fmt"
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/datasets/circles"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/initial"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// plantedNet has units of known truth: two for each place of a 4 x 4 grid, which answer to the ink there and nowhere else,
// and as many that answer to all ink alike. Its output adds them up.
type plantedNet struct{}

const (
	plantedSide = 4
	plantedEach = 2
	plantedN    = plantedSide * plantedSide * plantedEach
	inkUnits    = plantedN
	plantedPx   = 32
)

func (plantedNet) Family() string                           { return "planted" }
func (plantedNet) Validate() error                          { return nil }
func (plantedNet) Shapes() map[string][]int                 { return map[string][]int{"gain": {1}} }
func (plantedNet) Law(name string, d []int) initial.Law     { return initial.Law{Constant: 1} }
func (plantedNet) Aliases() []models.Alias                  { return nil }
func (plantedNet) Network(int, int) (models.Network, error) { return plantedNet{}, nil }
func (plantedNet) Input() []int                             { return []int{3, plantedPx, plantedPx} }

func (plantedNet) Forward(p *models.Params, x *Node) *Node {
	g := x.Graph()
	b, cell := x.Shape().Dimensions[0], plantedPx/plantedSide
	ink := MulScalar(OneMinus(ReduceMean(x, 1)), 0.5) // 0 for white, 1 for black
	ink = ReduceMean(Reshape(ink, b, plantedSide, cell, plantedSide, cell), 2, 4)
	ink = Reshape(ink, b, plantedSide*plantedSide)
	place := Reshape(BroadcastToDims(InsertAxes(ink, -1), b, plantedSide*plantedSide, plantedEach), b, plantedN)
	all := BroadcastToDims(InsertAxes(ReduceSum(ink, 1), -1), b, inkUnits)
	units := Mul(Concatenate([]*Node{place, all}, 1), BroadcastToDims(Reshape(p.Node(g, "gain", 1), 1, 1), b, plantedN+inkUnits))
	units = site.Tap("units", units, site.Channel)
	planted := ReduceSum(Slice(units, AxisRange(), AxisRange(0, plantedN)), 1)
	rest := ReduceSum(Slice(units, AxisRange(), AxisRange(plantedN)), 1)
	return site.Tap("out", Reshape(Add(planted, MulScalar(rest, 0.1)), b, 1), site.Channel)
}

func planted(t *testing.T, o Options) *Study {
	t.Helper()
	t.Setenv("VENTRAL_CACHE", t.TempDir())
	be, err := backend.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(be.Finalize)
	m, err := models.New("test/planted", plantedNet{}, nil, preprocess.Plain(plantedPx, preprocess.HalfMean, preprocess.HalfStd))
	if err != nil {
		t.Fatal(err)
	}
	o.Stimuli = circles.Config{N: 600, Seed: 5, Frame: plantedPx, MinDiameter: 2, MaxDiameter: 4}
	o.TargetSite, o.PlaceShare, o.Batch, o.Seed = "units", float64(plantedEach)/(plantedN+inkUnits), 50, 2
	o.JudgeStimuli, o.TargetedStimuli, o.Bins, o.Levels = 120, 100, 8, 9
	s, err := New(be, &zoo.Model{Card: zoo.Card{Name: "test/planted"}, Model: m}, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestPlantedUnits: lesions of planted units hit their own location only, in every kind of ablation; matched controls hit
// no place more than others.
func TestPlantedUnits(t *testing.T) {
	s := planted(t, Options{})
	ctx := context.Background()
	values, units, _, err := s.recorded(ctx, "units")
	if err != nil {
		t.Fatal(err)
	}
	choose, _ := s.halves()
	for p, set := range s.tune(values, units, choose, plantedSide).sets(plantedEach) {
		if fmt.Sprint(set) != fmt.Sprint([]int{p * plantedEach, p*plantedEach + 1}) {
			t.Errorf("place %d: units %v", p, set)
		}
	}
	all, err := s.DeficitMatrices(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		t.Run(m.Ablation, func(t *testing.T) {
			if m.Specificity.Low <= 0 || m.P > 0.001 {
				t.Errorf("specificity %s, p %g", m.Specificity, float64(m.P))
			}
			for i, row := range m.Deficit {
				own := float64(row[i])
				for j, v := range row {
					dx, dy := i%plantedSide-j%plantedSide, i/plantedSide-j/plantedSide
					far := dx*dx > 1 || dy*dy > 1
					// A mean or another stimulus's value brings ink where none is, so the far deficit is negative there, but small.
					if i != j && float64(v) > own/3 || m.Ablation == "zero" && far && math.Abs(float64(v)) > 1e-5*own {
						t.Errorf("lesion of place %d: %g at place %d, %g at its own", i, float64(v), j, own)
					}
				}
			}
			for _, v := range m.Null {
				if math.Abs(float64(v)) > 0.5*float64(m.Specificity.Mean) {
					t.Errorf("other units are specific to a location: %g of %g", float64(v), float64(m.Specificity.Mean))
				}
			}
		})
	}
	near := all[0].Distance
	if len(near) < 3 || !(near[0].Deficit.Low > near[len(near)-1].Deficit.High) {
		t.Errorf("deficit by distance: %v", near)
	}
}

// TestPlantedTargets: the targeted arm harms more than lesions of units of another place and than random ones.
func TestPlantedTargets(t *testing.T) {
	s := planted(t, Options{})
	r, err := s.TargetedLesions(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range r.Arms {
		if a.Name == Targeted && (a.VsElsewhere.High >= 0 || a.VsRandom.High >= 0) {
			t.Errorf("targeted: %s against elsewhere, %s against random", a.VsElsewhere, a.VsRandom)
		}
	}
	if len(r.RandomSeeds) != 20 {
		t.Fatalf("%d random orders", len(r.RandomSeeds))
	}
	for _, c := range r.RandomSeeds {
		if c.Stimuli != 20 { // 100 stimuli of four orders each
			t.Errorf("order %d on %d stimuli", c.Seed, c.Stimuli)
		}
		if c.TargetedLess.High >= 0 {
			t.Errorf("order %d: targeted lesions differ by %s", c.Seed, c.TargetedLess)
		}
	}
}

// TestPlantedBias: scaling a region's units changes the answer there; driving them makes the network see a circle in an
// empty picture, more than driving matched units does.
func TestPlantedBias(t *testing.T) {
	s := planted(t, Options{})
	r, err := s.Bias(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	at := func(arm, mode string, dose float64) (BiasCurve, int) {
		for _, c := range r.Curves {
			for i, d := range c.Dose {
				if c.Arm == arm && c.Mode == mode && d == dose {
					return c, i
				}
			}
		}
		t.Fatalf("no %s %s %g", arm, mode, dose)
		return BiasCurve{}, 0
	}
	if c, i := at(Selective, Gain, 0); c.Bias[i].High >= 0 || c.Inside[i].High >= 0 {
		t.Errorf("lesion: inside %s, bias %s", c.Inside[i], c.Bias[i])
	}
	if c, i := at(Selective, Gain, 4); c.Bias[i].Low <= 0 {
		t.Errorf("fourfold gain: bias %s", c.Bias[i])
	}
	if c, i := at(Matched, Gain, 4); c.Bias[i].Low > 0 || c.Bias[i].High < 0 {
		t.Errorf("matched units, fourfold gain: bias %s", c.Bias[i])
	}
	sel, i := at(Selective, Drive, 4)
	own, _ := at(Matched, Drive, 4)
	if !(sel.EmptyChange[i].Low > own.EmptyChange[i].High && sel.EmptyChange[i].Low > 0) {
		t.Errorf("driven empty pictures change by %s, with matched units by %s", sel.EmptyChange[i], own.EmptyChange[i])
	}
	// The network is linear: a drive adds the same everywhere.
	if math.Abs(float64(sel.Bias[i].Mean)) > 1e-3*math.Abs(float64(sel.Inside[i].Mean)) {
		t.Errorf("a drive biases a linear network by %s of %s", sel.Bias[i], sel.Inside[i])
	}
	if zero, i := at(Selective, Drive, 0); math.Abs(float64(zero.Empty[i].Mean-r.IntactEmpty.Mean)) > 1e-9 || zero.EmptyChange[i].Mean != 0 || zero.Inside[i].Mean != 0 {
		t.Errorf("no drive: %s on empty pictures (intact %s), change %s", zero.Empty[i], r.IntactEmpty, zero.Inside[i])
	}
}

// TestPlantedPatches: painting over the patch of the circle harms, painting over others does not.
func TestPlantedPatches(t *testing.T) {
	s := planted(t, Options{})
	r, err := s.PatchLesions(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Sites) != 1 || r.Sites[0].Site != "picture" {
		t.Fatalf("sites %v", r.Sites)
	}
	p := r.Sites[0]
	last := p.Deficit[len(p.Deficit)-1]
	if p.NearLess.Low <= 0 || math.Abs(float64(last.Mean)) > 1e-5*float64(p.Near.Mean) {
		t.Errorf("near %s, less the rest %s, farthest %s", p.Near, p.NearLess, last)
	}
}
