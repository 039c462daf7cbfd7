package train

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/dinov2"
	"github.com/ventral-lab/ventral/models/mae"
	"github.com/ventral-lab/ventral/models/vgg"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// Label gives the stripes' brightness as a class of the first head, and nothing for the second but in every other picture.
func (stripes) Label(i int, dst []uint8, labels []int32) error {
	if _, err := (stripes{}).Draw(i, dst); err != nil {
		return err
	}
	labels[0], labels[1] = int32(i%4), -1
	if i%2 == 0 {
		labels[1] = int32(i / 2 % 2)
	}
	return nil
}

var plain = Augment{Mean: [3]float64{.5, .5, .5}, Std: [3]float64{.5, .5, .5}}

func tinyCrops() Crops {
	return Crops{Global: 2, Local: 2, GlobalSize: 16, LocalSize: 8, GlobalScale: [2]float64{0.5, 1}, LocalScale: [2]float64{0.1, 0.4},
		Jitter: 0.1, Mean: plain.Mean, Std: plain.Std}
}

func tinyDistilled(steps int) Distilled {
	c := dinov2.ViTS14().WithRegisters(2)
	c.ImageSize, c.Patch, c.Width, c.Layers, c.Heads, c.Hidden = 16, 4, 32, 1, 2, 64
	return Distilled{Config: c, Data: "stripes", Crops: tinyCrops(), Hidden: 32, Bottleneck: 16, Prototypes: 24,
		StudentTemperature: 0.1, TeacherTemperature: 0.05, FirstTemperature: 0.05, Momentum: 0.9, Steps: steps, CentreMomentum: 0.9, Train: stripes{}}
}

func tinyMasked() Masked {
	c := mae.ViTB16()
	c.ImageSize, c.Patch, c.Width, c.Layers, c.Heads, c.Hidden = 16, 4, 32, 1, 2, 64
	c.DecoderWidth, c.DecoderLayers, c.DecoderHeads, c.DecoderHidden = 16, 1, 2, 32
	return Masked{Config: c, Data: "stripes", Crops: tinyCrops(), Train: stripes{}}
}

func tinySupervised(t *testing.T) *Supervised {
	t.Helper()
	c := vgg.VGG11(true)
	c.Blocks, c.Hidden, c.Classes = [][]int{{4}, {8}}, 16, 6
	s, err := NewSupervised(Supervised{Config: c, Size: 16, Heads: []Head{{Name: "bright", Classes: []string{"a", "b", "c", "d"}}, {Name: "odd", Classes: []string{"no", "yes"}}},
		Data: "stripes", Augment: plain, Train: stripes{}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run trains a task in dir and returns its checkpoint's weights and curve.
func run(t *testing.T, be *backend.Backend, dir string, task Task, steps int, stops ...int) (*program.Params, State) {
	t.Helper()
	for _, stop := range append(stops, 0) {
		o := testOptions(dir, 8, steps)
		o.Every, o.StopAfter = 5, stop
		p, _, err := Run(context.Background(), be, o, task)
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
	}
	p, st, err := load(Checkpoint(dir))
	if err != nil {
		t.Fatal(err)
	}
	return p, st
}

// equalWeights fails where two trainings differ in a bit.
func equalWeights(t *testing.T, aName string, a *program.Params, bName string, b *program.Params) {
	t.Helper()
	for _, n := range a.Names() {
		x, _, err := a.Get(n)
		if err != nil {
			t.Fatal(err)
		}
		y, _, err := b.Get(n)
		if err != nil {
			t.Fatal(err)
		}
		for i := range x {
			if math.Float32bits(x[i]) != math.Float32bits(y[i]) {
				t.Fatalf("%s[%d]: %g %s, %g %s", n, i, x[i], aName, y[i], bName)
			}
		}
	}
}

// TestTasks trains every task for a few steps: the loss falls, and a run that was stopped and went on has the bits of one
// that was not. The loss of self-distillation falls to 0 where the network collapses and rises again while the centre pulls
// it out, so that it says nothing here; that it learns is measured by a probe, on the recipe itself.
func TestTasks(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	const steps = 60
	for name, c := range map[string]struct {
		task Task
		fall float64
	}{
		"supervised": {tinySupervised(t), 0.2},
		"masked":     {tinyMasked(), 0.02},
		"distilled":  {tinyDistilled(steps), math.Inf(-1)},
	} {
		t.Run(name, func(t *testing.T) {
			whole, st := run(t, be, t.TempDir(), c.task, steps)
			first, last := st.Curve[0].Loss, st.Curve[len(st.Curve)-1].Loss
			if last > first-c.fall {
				t.Errorf("the loss goes from %.4f to %.4f; want a fall of at least %g", first, last, c.fall)
			}
			parts, _ := run(t, be, t.TempDir(), c.task, steps, 10)
			equalWeights(t, "without a stop", whole, "with", parts)
		})
	}
}

// TestTeacherFollows checks the teacher against the mean it is defined as: t·m + s·(1-m), s the student before the step.
func TestTeacherFollows(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	d := tinyDistilled(2)
	p, _ := run(t, be, t.TempDir(), d, 1)
	fresh, err := d.Start(1)
	if err != nil {
		t.Fatal(err)
	}
	movedStudent := false
	for _, n := range fresh.Names() {
		base, isTeacher := strings.CutPrefix(n, teacherPrefix)
		before, _, err := fresh.Get(n)
		if err != nil {
			t.Fatal(err)
		}
		after, _, err := p.Get(n)
		if err != nil {
			t.Fatal(err)
		}
		for i := range before {
			switch {
			case isTeacher && math.Abs(float64(before[i]-after[i])) > 1e-6:
				t.Fatalf("teacher %s[%d] moved from %g to %g, though the student began where it is", base, i, before[i], after[i])
			case !isTeacher && !slices.Contains([]string{centreName, meanName, entropyName}, n) && before[i] != after[i]:
				movedStudent = true
			}
		}
	}
	if !movedStudent {
		t.Error("the student did not move")
	}
	centre, _, err := p.Get(centreName)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, v := range centre {
		sum += math.Abs(float64(v))
	}
	if sum == 0 {
		t.Error("the centre did not move")
	}
}

// TestMeasures holds the two signs of a collapse against distributions that have it and such that do not.
func TestMeasures(t *testing.T) {
	d := tinyDistilled(1)
	k := d.Prototypes
	largest := math.Log(float64(k))
	for name, c := range map[string]struct {
		mean          func(i int) float64 // of all pictures' distributions
		entropy       float64             // mean of each one's
		spread, width float64
	}{
		"all pictures to one prototype": {func(i int) float64 { return float64(1 - min(i, 1)) }, 0, 0, 0},
		"every picture to all":          {func(int) float64 { return 1 / float64(k) }, largest, 1, 1},
		"each picture to its own":       {func(int) float64 { return 1 / float64(k) }, 0, 1, 0},
		"half of the prototypes":        {func(i int) float64 { return float64(i%2) * 2 / float64(k) }, 0, 1 - math.Ln2/largest, 0},
	} {
		p, err := d.Start(1)
		if err != nil {
			t.Fatal(err)
		}
		const done = 0.4 // of the running mean, which starts at 0
		mean := make([]float32, k)
		for i := range mean {
			mean[i] = float32(done * c.mean(i))
		}
		if err := p.Set(meanName, mean, k); err != nil {
			t.Fatal(err)
		}
		if err := p.Set(entropyName, []float32{float32(done * c.entropy)}, 1); err != nil {
			t.Fatal(err)
		}
		got, err := d.Measures(p)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got["spread"]-c.spread) > 1e-6 || math.Abs(got["width"]-c.width) > 1e-6 {
			t.Errorf("%s: %v, want spread %g and width %g", name, got, c.spread, c.width)
		}
		p.Close()
	}
}

// TestMeasuresInTraining: the graph's running mean is one of distributions, and the curve has what it tells.
func TestMeasuresInTraining(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	p, st := run(t, be, t.TempDir(), tinyDistilled(5), 5)
	mean, _, err := p.Get(meanName)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, v := range mean {
		sum += float64(v)
	}
	if want := 1 - math.Pow(measureMomentum, 5); math.Abs(sum-want) > 1e-5 {
		t.Errorf("after five steps the mean sums to %g, want %g", sum, want)
	}
	m := st.Curve[len(st.Curve)-1].Metrics
	if len(m) != 2 || m["width"] <= 0 || m["spread"] < m["width"] || m["spread"] > 1 {
		t.Errorf("measures %v: want 0 < width <= spread <= 1, as entropy is concave", m)
	}
}

// TestFixedTablesStay: a masked autoencoder's sine and cosine tables are no weights.
func TestFixedTablesStay(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	m := tinyMasked()
	p, _ := run(t, be, t.TempDir(), m, 2)
	fresh, err := models.Random(m.Config, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range m.Config.Fixed() {
		x, _, err := p.Get(n)
		if err != nil {
			t.Fatal(err)
		}
		y, _, err := fresh.Get(n)
		if err != nil {
			t.Fatal(err)
		}
		for i := range x {
			if x[i] != y[i] {
				t.Fatalf("%s[%d] moved from %g to %g", n, i, y[i], x[i])
			}
		}
	}
}

// TestHeadsWithoutLabels: pictures that a head does not apply to have no part in its loss.
func TestHeadsWithoutLabels(t *testing.T) {
	s := tinySupervised(t)
	in, err := s.Batch(1, 0, 8)
	if err != nil {
		t.Fatal(err)
	}
	targets := in[1].F32
	for j := range 8 {
		row := targets[j*6 : (j+1)*6]
		var bright, odd float32
		for _, v := range row[:4] {
			bright += v
		}
		for _, v := range row[4:] {
			odd += v
		}
		if bright != 1 || odd != float32((j+1)%2) {
			t.Errorf("picture %d: targets %v", j, row)
		}
	}
}

// TestHeadOf: names of objects and shapes are written words too, so that classes alone do not tell which head is meant.
func TestHeadOf(t *testing.T) {
	a := &asker{heads: []Head{{Name: "object", Classes: []string{"cat", "dog"}}, {Name: "word", Classes: []string{"dog", "cat", "ring", "star"}},
		{Name: "shape", Classes: []string{"star", "ring", "disc"}}}}
	for _, c := range []struct {
		factor  string
		classes []string
		want    string
		at      int
	}{
		{"object", []string{"cat"}, "object", 0},
		{"object-line", []string{"dog", "cat"}, "object", 0},
		{"word", []string{"dog", "cat"}, "word", 2},
		{"word", []string{"star"}, "word", 2},
		{"shape", []string{"star", "ring"}, "shape", 6},
		{"shape4", []string{"star"}, "shape", 6},
		{"shape", []string{"square"}, "", 0},
		{"attack", []string{"cat", "dog"}, "object", 0},
		{"texture", []string{"wood"}, "", 0},
	} {
		h, at := a.headOf(c.factor, c.classes)
		switch {
		case h == nil && c.want == "":
		case h == nil || h.Name != c.want || at != c.at:
			t.Errorf("%s %v: %v at %d, want %q at %d", c.factor, c.classes, h, at, c.want, c.at)
		}
	}
}
