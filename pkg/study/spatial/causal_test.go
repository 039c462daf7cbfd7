package spatial

import (
	"context"
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/ventral-lab/ventral/datasets/circles"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/models/mini"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/record"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// noTruth is a study of 200 stimuli and units that answer to each at random, and a linear network behind them.
func noTruth(t *testing.T, seed uint64) (m *DeficitMatrix) {
	t.Helper()
	const n, units, side, k = 200, 40, 3, 4
	s := &Study{Options: Options{Seed: seed, Places: side}}
	draw := rng.New(seed, "test/no-truth")
	values, weight := make([]float32, n*units), make([]float64, units)
	for range n {
		s.x, s.y = append(s.x, draw.Float64()), append(s.y, draw.Float64())
	}
	for i := range values {
		values[i] = float32(draw.NormFloat64())
	}
	for u := range weight {
		weight[u] = draw.NormFloat64()
	}
	var choose, measure []int
	for i := range n {
		if i%2 == 0 {
			choose = append(choose, i)
		} else {
			measure = append(measure, i)
		}
	}
	sets := s.tune(values, units, choose, side).sets(k)
	harm, where := make([][]float64, len(sets)), make([]int, len(measure))
	for r, i := range measure {
		where[r] = s.placeOf(i, side)
		for p, set := range sets {
			sum := 0.0
			for _, u := range set {
				sum += weight[u] * float64(values[i*units+u])
			}
			harm[p] = append(harm[p], sum)
		}
	}
	m = &DeficitMatrix{Side: side}
	m.fill(harm, where, seed)
	return m
}

// TestNoTruth: without tuned units the matrix test rejects as often as it says, and its interval holds 0 as often.
func TestNoTruth(t *testing.T) {
	const runs, alpha = 200, 0.05
	rejected, missed := 0.0, 0.0
	for r := range runs {
		m := noTruth(t, uint64(r))
		if float64(m.P) <= alpha {
			rejected++
		}
		if m.Specificity.Low > 0 || m.Specificity.High < 0 {
			missed++
		}
	}
	// The central 99.9 % of the binomial distribution, by its normal form with continuity correction.
	half := distuv.UnitNormal.Quantile(0.9995)*math.Sqrt(runs*alpha*(1-alpha)) + 0.5
	for what, k := range map[string]float64{"p <= 0.05": rejected, "intervals without 0": missed} {
		t.Logf("%s: %g of %d", what, k, runs)
		if what == "p <= 0.05" && math.Abs(k-runs*alpha) > half {
			t.Errorf("%s in %g of %d runs, want %g +- %g", what, k, runs, runs*alpha, half)
		}
		// The bootstrap knows the stimuli's spread only, not that the units were a sample, and is a little too narrow.
		if k > 3*runs*alpha {
			t.Errorf("%s in %g of %d runs", what, k, runs)
		}
	}
}

// TestSpecificity compares the closed forms with counts by hand.
func TestSpecificity(t *testing.T) {
	where := []int{0, 0, 1, 1, 2, 3}
	harm := [][]float64{{5, 7, 1, 1, 0, 2}, {1, 1, 4, 6, 1, 1}, {0, 0, 0, 0, 9, 0}, {2, 2, 1, 3, 0, 1}}
	d := deficitMatrix(harm, where)
	want := [][]float64{{6, 1, 0, 2}, {1, 5, 1, 1}, {0, 0, 9, 0}, {2, 2, 0, 1}}
	diagonal, rest := 0.0, 0.0
	for i := range d {
		for j := range d[i] {
			if d[i][j] != want[i][j] {
				t.Errorf("deficit %d %d is %g, want %g", i, j, d[i][j], want[i][j])
			}
			if i == j {
				diagonal += want[i][j] / 4
			} else {
				rest += want[i][j] / 12
			}
		}
	}
	if got := specificity(harm, where, []int{0, 1, 2, 3, 4, 5}); math.Abs(got-(diagonal-rest)) > 1e-12 {
		t.Errorf("specificity %g, want %g", got, diagonal-rest)
	}
	// Sets that harm more and places that are harmed more change nothing.
	for i := range harm {
		for k := range harm[i] {
			harm[i][k] += float64(10*i) + float64(where[k])
		}
	}
	if got := specificity(harm, where, []int{0, 1, 2, 3, 4, 5}); math.Abs(got-(diagonal-rest)) > 1e-12 {
		t.Errorf("with effects of sets and places: specificity %g, want %g", got, diagonal-rest)
	}
	// Of the 24 labels only the true one has this diagonal: p is about 1/24.
	if p := labelTest(want, 20000, 1); math.Abs(p-1.0/24) > 0.006 {
		t.Errorf("p %g, want about %g", p, 1.0/24)
	}
	nan := math.NaN()
	if p := labelTest([][]float64{{nan, nan}, {nan, nan}}, 10, 1); !math.IsNaN(p) {
		t.Errorf("no stimuli: p %g", p)
	}
	if p := labelTest([][]float64{{1, 1}, {1, 1}}, 50, 1); p != 1 {
		t.Errorf("all alike: p %g, want 1", p)
	}
}

// TestByPlace compares the F test with one by hand.
func TestByPlace(t *testing.T) {
	// Means 2, 5, 5 of groups of 2, 2, 1; total mean 3.8. Between: 2*3.24+2*1.44+1.44 = 10.8 on 2 degrees of freedom; within
	// 2+2 = 4 on 2. F = 2.7, and for two and two degrees of freedom p = 1/(1+F).
	means, p := byPlace([]float64{1, 3, 4, 6, 5}, []int{0, 0, 1, 1, 3}, 4)
	if float64(means[0]) != 2 || float64(means[1]) != 5 || !math.IsNaN(float64(means[2])) || float64(means[3]) != 5 || math.Abs(p-1/3.7) > 1e-12 {
		t.Errorf("means %v, p %g, want %g", means, p, 1/3.7)
	}
}

func shippedStudy(t *testing.T, o Options) *Study {
	t.Helper()
	t.Setenv("VENTRAL_CACHE", t.TempDir())
	be, err := backend.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	m, err := zoo.Open("mini/clip-vit")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close(); be.Finalize() })
	o.Stimuli = circles.Config{N: 6, Seed: 1}
	o.Batch, o.Seed, o.TargetedStimuli, o.Levels, o.RandomSeeds, o.RandomEach, o.Bins = 3, 1, 3, 4, 1, 1, 2
	s, err := New(be, m, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRigEqualsEdits: a lesion that changes the block's output outside the graph is the edit at the site itself.
func TestRigEqualsEdits(t *testing.T) {
	ctx := context.Background()
	for _, ablation := range []string{"zero", "mean", "resample"} {
		var odds [2][]float64
		for way, inGraph := range []bool{false, true} {
			s := shippedStudy(t, Options{Ablation: ablation, TargetSite: "visual.transformer.resblocks.4.mlp.c_proj", inGraph: inGraph})
			r, err := s.newRig(ctx, s.Options.TargetSite, []site.Axis{site.Channel})
			if err != nil {
				t.Fatal(err)
			}
			if (r.block == "") != inGraph {
				t.Errorf("in the graph: %v, want %v", r.block == "", inGraph)
			}
			r.close()
			got, err := s.TargetedLesions(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range got.Arms {
				for _, v := range a.LogOdds {
					odds[way] = append(odds[way], v.Estimate)
				}
			}
		}
		for i, v := range odds[0] {
			if math.Abs(v-odds[1][i]) > 1e-3*(1+math.Abs(v)) {
				t.Errorf("%s: log-odds %d are %g and %g in the graph", ablation, i, v, odds[1][i])
			}
		}
	}
}

// TestRigChecksNames: what a site's name suggests is not believed where it is wrong. With layer scale the last linear layer
// is scaled before it is added.
func TestRigChecksNames(t *testing.T) {
	be, err := backend.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	defer be.Finalize()
	for name, want := range map[string]map[string]string{
		"dinov2":      {"blocks.0.mlp.fc2": "", "blocks.0.ls2": "blocks.0", "blocks.0.attn": "", "blocks.0": "blocks.0"},
		"mae":         {"blocks.0.mlp.fc2": "blocks.0", "blocks.0.mlp.fc1": ""},
		"clip-resnet": {"visual.layer2.0.bn3": "", "visual.layer2.0": "visual.layer2.0"}, // a ReLU follows the sum
	} {
		s, err := New(be, openSmall(t, name, families()[name]), Options{Stimuli: circles.Config{N: 20, Seed: 1, Frame: 32}, Batch: 4, JudgeStimuli: 30, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("VENTRAL_CACHE", t.TempDir())
		for at, block := range want {
			r, err := s.newRig(context.Background(), at, []site.Axis{site.Channel})
			if err != nil {
				t.Fatal(err)
			}
			if r.block != block {
				t.Errorf("%s of %s: block %q, want %q", at, name, r.block, block)
			}
			r.close()
		}
	}
}

// TestHeadsAreChannels: removing a head's channels of the concatenated outputs is removing its attention.
func TestHeadsAreChannels(t *testing.T) {
	s := shippedStudy(t, Options{})
	a := s.anatomy.heads[3]
	probs := a.Z[:len(a.Z)-1] + "probs"
	if a.Heads != 4 || len(s.anatomy.heads) != 6 {
		t.Fatalf("%d blocks with %d heads", len(s.anatomy.heads), a.Heads)
	}
	staged, err := record.NewStaged(s.Backend, s.Model.Model, nil, s.anatomy.output,
		[]site.Edit{{Name: "head", Site: a.Z, Mul: site.Vary{site.Channel}}, {Name: "probs", Site: probs, Mul: site.Vary{site.Head}}}, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer staged.Close()
	px, err := s.listed([]int{0, 1, 2})
	if err != nil {
		t.Fatal(err)
	}
	intact, err := staged.Run(0, px, nil)
	if err != nil {
		t.Fatal(err)
	}
	for h := range a.Heads {
		mask := []float32{1, 1, 1, 1}
		mask[h] = 0
		byProbs, err := staged.Run(0, px, map[string][]float32{"probs.mul@" + probs: mask})
		if err != nil {
			t.Fatal(err)
		}
		byChannels, err := staged.Run(0, px, s.headInputs(a, h, nil))
		if err != nil {
			t.Fatal(err)
		}
		apart, moved := 0.0, 0.0
		for i := range intact {
			apart, moved = max(apart, math.Abs(float64(byProbs[i]-byChannels[i]))), max(moved, math.Abs(float64(byProbs[i]-intact[i])))
		}
		if apart > 1e-3*moved || moved == 0 {
			t.Errorf("head %d: the two ways differ by %g, the lesion changes %g", h, apart, moved)
		}
	}
}

// TestHeadJudge checks the log-odds against the definition, log p/(1-p) of a softmax over the head's classes.
func TestHeadJudge(t *testing.T) {
	heads := []mini.Head{{Name: "word", Classes: []string{"circle", "cat"}}, {Name: "shape", Classes: []string{"square", "circle", "star"}}}
	info := site.Info{Name: "out", Axes: []site.Axis{site.Channel}, Shape: []int{5}}
	j := findHead(heads, info)
	if j == nil {
		t.Fatal("no judge")
	}
	out := []float32{9, 9, 1, 2, 0, -3, 1, 0, -50, 3}
	for i, v := range j.LogOdds(out, 2) {
		row := out[i*5+2 : i*5+5]
		sum := 0.0
		for _, x := range row {
			sum += math.Exp(float64(x))
		}
		p := math.Exp(float64(row[1])) / sum
		if want := math.Log(p / (1 - p)); math.Abs(v-want) > 1e-9*math.Abs(want) {
			t.Errorf("row %d: %g, want %g", i, v, want)
		}
	}
	if findHead([]mini.Head{{Name: "colour", Classes: []string{"red", "green", "blue", "white", "black"}}}, info) != nil {
		t.Error("a judge without a class circle")
	}
	info.Shape = []int{6}
	if findHead(heads, info) != nil {
		t.Error("a judge whose heads do not fill the output")
	}
	if got := j.Info(); got.Kind != ByHead || got.Negative != "every other shape" {
		t.Errorf("%+v", got)
	}
}

// TestReadOut: a read-out of separable classes judges all held-out pictures rightly with finite log-odds, and one of noise
// about half of them.
func TestReadOut(t *testing.T) {
	const n, d = 120, 5
	draw := rng.New(1, "test/read-out")
	x, noise, y := make([]float64, n*d), make([]float64, n*d), make([]float64, n)
	for i := range n {
		y[i] = float64(1 - i%2)
		for j := range d {
			noise[i*d+j] = draw.NormFloat64()
			x[i*d+j] = noise[i*d+j]
		}
		x[i*d+2] = 8*y[i] + 0.1*x[i*d+2]
	}
	r, err := fitLinear(x, y, n, d)
	if err != nil {
		t.Fatal(err)
	}
	if r.Right != n || !(r.A > 0) || math.IsInf(r.A, 0) {
		t.Errorf("separable: %d of %d right, slope %g", r.Right, n, r.A)
	}
	if r, err = fitLinear(noise, y, n, d); err != nil {
		t.Fatal(err)
	}
	if r.Right < n*3/10 || r.Right > n*7/10 {
		t.Errorf("noise: %d of %d right", r.Right, n)
	}
}

// TestPlatt: at the fit, the expected and the target sums agree, which is where the gradient vanishes.
func TestPlatt(t *testing.T) {
	v := []float64{-1, -0.5, 0.1, 0.2, 0.4, 0.9, 1.3}
	y := []float64{0, 0, 1, 0, 1, 1, 1}
	a, b := platt(v, y)
	ga, gb := 0.0, 0.0
	for i := range v {
		target := 1.0 / (3 + 2)
		if y[i] == 1 {
			target = (4.0 + 1) / (4 + 2)
		}
		p := 1 / (1 + math.Exp(-a*v[i]-b))
		ga, gb = ga+(p-target)*v[i], gb+p-target
	}
	if math.Abs(ga) > 1e-6 || math.Abs(gb) > 1e-6 {
		t.Errorf("gradient %g, %g at %g, %g", ga, gb, a, b)
	}
}

// TestNext: batches cover the list, and no batch is a single stimulus where that can be helped.
func TestNext(t *testing.T) {
	for _, b := range []int{1, 2, 3, 50} {
		s := &Study{Options: Options{Batch: b}}
		for n := 1; n < 160; n++ {
			left := n
			for left > 0 {
				k := s.next(left)
				if k < 1 || k > b || k == 1 && n > 1 && b > 2 {
					t.Fatalf("batch %d, %d stimuli: %d of the last %d", b, n, k, left)
				}
				left -= k
			}
		}
	}
}

func TestShortSite(t *testing.T) {
	for name, want := range map[string]string{"picture": "picture", "visual.ln_pre": "ln_pre", "visual.transformer.resblocks.3": "resblocks.3", "features.10": "features.10", "visual.layer1.0": "layer1.0"} {
		if got := shortSite(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
