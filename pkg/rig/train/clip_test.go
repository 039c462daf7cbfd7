package train

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// stripes are pictures whose caption says how bright they are.
type stripes struct{}

func (stripes) Draw(i int, dst []uint8) (string, error) {
	k := i % 4
	for j := range dst {
		dst[j] = uint8(k*60 + (j/3)%7)
	}
	return fmt.Sprint(k), nil
}

func testOptions(out string, batch, steps int) Options {
	return Options{Seed: 1, Batch: batch,
		AdamW:    AdamW{Beta1: 0.9, Beta2: 0.98, Eps: 1e-6, Decay: 0.05, Clip: 1},
		Schedule: Schedule{Peak: 1e-3, Warmup: 5, Steps: steps, Floor: 0.05},
		Out:      out, Every: max(steps/2, 1)}
}

func contrastive(c clip.Config) Contrastive {
	return Contrastive{Config: c, Tokens: c.Context,
		Data: "stripes", Augment: Augment{Mean: [3]float64{.5, .5, .5}, Std: [3]float64{.5, .5, .5}},
		Train: stripes{},
		Encode: func(s string) ([]int32, error) {
			ids := make([]int32, c.Context)
			ids[0], ids[1], ids[2] = int32(c.Vocab-2), int32(s[0]), int32(c.Vocab-1)
			return ids, nil
		},
	}
}

func tinyConfig() clip.Config {
	return clip.Config{EmbedDim: 16, ImageSize: 16, Patch: 8, Width: 32, Layers: 1, Heads: 2, Context: 6, Vocab: 600, TextWidth: 32, TextLayers: 1, TextHeads: 2}
}

// TestLossFalls trains on four kinds of picture: the loss of guessing is the entropy of the shared targets' batch, ln 8
// less the ln 2 that equal captions share.
func TestLossFalls(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	o := testOptions(t.TempDir(), 8, 40)
	o.Every = 10
	_, st, err := Run(context.Background(), be, o, contrastive(tinyConfig()))
	if err != nil {
		t.Fatal(err)
	}
	first, last := st.Curve[0].Loss, st.Curve[len(st.Curve)-1].Loss
	// The smallest possible loss is ln 2: every caption occurs twice in a batch of eight.
	if last > first-0.3 || last < math.Ln2-1e-3 {
		t.Errorf("the loss goes from %.3f to %.3f; want a fall of at least 0.3, not below ln 2", first, last)
	}
}

// onBackends opens every backend there is.
func onBackends(t *testing.T, fn func(t *testing.T, be *backend.Backend)) {
	for _, config := range []string{"go", "xla"} {
		t.Run(config, func(t *testing.T) {
			be, err := backend.Open(config)
			if err != nil {
				t.Skipf("no XLA on this machine: %v", err)
			}
			defer be.Finalize()
			fn(t, be)
		})
	}
}

// TestResumeIsExact compares a run that was stopped at a checkpoint and went on with one that was not, of the same seed.
func TestResumeIsExact(t *testing.T) {
	onBackends(t, func(t *testing.T, be *backend.Backend) {
		for name, muon := range map[string]*Muon{"adamw": nil, "muon": usualMuon()} {
			t.Run(name, func(t *testing.T) { resumes(t, be, muon) })
		}
	})
}

func resumes(t *testing.T, be *backend.Backend, muon *Muon) {
	train := func(dir string, stop int) {
		o := testOptions(dir, 8, 20)
		o.Every, o.StopAfter, o.Muon = 5, stop, muon
		if _, _, err := Run(context.Background(), be, o, contrastive(tinyConfig())); err != nil {
			t.Fatal(err)
		}
	}
	whole, parts := t.TempDir(), t.TempDir()
	train(whole, 0)
	train(parts, 5)
	train(parts, 0)
	a, sa, err := load(Checkpoint(whole))
	if err != nil {
		t.Fatal(err)
	}
	b, sb, err := load(Checkpoint(parts))
	if err != nil {
		t.Fatal(err)
	}
	equalWeights(t, "without a stop", a, "with", b)
	if len(sa.Curve) != 4 || len(sb.Curve) != 4 {
		t.Fatalf("curves of %d and %d points, want 4", len(sa.Curve), len(sb.Curve))
	}
	for i := range sa.Curve {
		if sa.Curve[i].Loss != sb.Curve[i].Loss {
			t.Errorf("point %d: loss %g without a stop, %g with", i, sa.Curve[i].Loss, sb.Curve[i].Loss)
		}
	}
}

// TestAnotherRecipeIsRefused: a checkpoint does not go on under other options.
func TestAnotherRecipeIsRefused(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	o := testOptions(t.TempDir(), 8, 4)
	if _, _, err := Run(context.Background(), be, o, contrastive(tinyConfig())); err != nil {
		t.Fatal(err)
	}
	o.Seed = 2
	if _, _, err := Run(context.Background(), be, o, contrastive(tinyConfig())); err == nil || !strings.Contains(err.Error(), "another recipe") {
		t.Errorf("error %v, want one about another recipe", err)
	}
}

func TestSharedTargets(t *testing.T) {
	got := sharedTargets([]string{"a", "b", "a"})
	want := []float32{.5, 0, .5, 0, 1, 0, .5, 0, .5}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

func TestSchedule(t *testing.T) {
	s := Schedule{Peak: 1, Warmup: 10, Steps: 110, Floor: 0.1}
	for _, c := range []struct {
		t    int
		want float64
	}{{0, .1}, {9, 1}, {10, 1}, {60, .55}, {110, .1}, {200, .1}} {
		if got := s.At(c.t); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("step %d: %g, want %g", c.t, got, c.want)
		}
	}
}

func TestBFloat16(t *testing.T) {
	for _, c := range []struct{ in, want float32 }{{1, 1}, {1.00390625, 1}, {1.01171875, 1.015625}, {-2.5, -2.5}, {0, 0}} {
		if got := math.Float32frombits(uint32(bfloat16(c.in)) << 16); got != c.want {
			t.Errorf("%g rounds to %g, want %g", c.in, got, c.want)
		}
	}
}

func BenchmarkCLIPStep(b *testing.B) {
	for _, name := range []string{"clip-vit", "clip-rn"} {
		r, err := NewRecipe(name, 1, 1)
		if err != nil {
			b.Fatal(err)
		}
		c := r.Config.(clip.Config)
		b.Run(name, func(b *testing.B) {
			be := backend.MustOpen("")
			defer be.Finalize()
			o := testOptions(b.TempDir(), 128, b.N)
			o.Every = b.N + 1
			o.Log = b.Logf
			if _, _, err := Run(context.Background(), be, o, contrastive(c)); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(128*b.N)/b.Elapsed().Seconds(), "pictures/s")
		})
	}
}
