package record_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/record"
	"github.com/ventral-lab/ventral/pkg/rig/recording"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// tiny is a CLIP of two blocks with its initial weights.
func tiny(t testing.TB) *models.Model {
	t.Helper()
	c := clip.Config{EmbedDim: 8, ImageSize: 16, Patch: 8, Width: 16, Layers: 2, Heads: 2, Context: 8, Vocab: 600, TextWidth: 16, TextLayers: 1, TextHeads: 2}
	p, err := models.Random(c, 3)
	if err != nil {
		t.Fatal(err)
	}
	return &models.Model{Name: "tiny", Architecture: "clip-vit", WeightsHash: "seed-3", Network: clip.ImageTower{Config: c}, Preprocess: preprocess.Plain(16), Params: p}
}

// pictures are n coloured squares; those in bad cannot be made.
type pictures struct {
	n     int
	bad   map[int]bool
	delay time.Duration
}

func (p pictures) Spec() string { return fmt.Sprintf("pictures?n=%d&bad=%d", p.n, len(p.bad)) }
func (p pictures) Len() int     { return p.n }
func (p pictures) Columns() []datasets.Column {
	return []datasets.Column{{Name: "level", Kind: datasets.Float, Unit: "1"}, {Name: "name", Kind: datasets.String}}
}

func (p pictures) At(i int) (datasets.Stimulus, error) {
	time.Sleep(p.delay)
	s := datasets.Stimulus{ID: fmt.Sprintf("picture-%d", i)}
	if p.bad[i] {
		return s, errors.New("the file is cut off")
	}
	r := rng.New(1, "pictures", uint64(i))
	im := image.NewRGBA(image.Rect(0, 0, 16, 16))
	for y := range 16 {
		for x := range 16 {
			im.SetRGBA(x, y, color.RGBA{uint8(r.IntN(256)), uint8(r.IntN(256)), uint8(r.IntN(256)), 255})
		}
	}
	s.Image = im
	s.Labels = map[string]any{"level": float64(i) / 10, "name": fmt.Sprint("p", i)}
	return s, nil
}

func goBackend(t testing.TB) *backend.Backend {
	t.Helper()
	be, err := backend.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(be.Finalize)
	return be
}

var plan = site.Plan{}.Capture("visual.transformer.resblocks.*.attn:class", "visual.conv1:moments", "visual")

func TestRun(t *testing.T) {
	m, be := tiny(t), goBackend(t)
	dir := filepath.Join(t.TempDir(), "r")
	set := pictures{n: 11, bad: map[int]bool{4: true}}
	r, err := record.Run(context.Background(), record.Config{Model: m, Stimuli: set, Plan: plan, Backend: be, Dir: dir, Batch: 4})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Complete() || r.Len() != 11 || len(r.Arrays()) != 4 {
		t.Fatalf("complete %v, %d rows, %d arrays", r.Complete(), r.Len(), len(r.Arrays()))
	}
	rows, err := r.Rows(0, 11)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		want := recording.OK
		if i == 4 {
			want = recording.Corrupt
		}
		if row.Status != want || row.ID != fmt.Sprintf("picture-%d", i) {
			t.Errorf("row %d: %+v", i, row)
		}
	}
	if !strings.Contains(rows[4].Message, "cut off") {
		t.Errorf("message of the bad row: %q", rows[4].Message)
	}
	arr, err := r.Array("visual")
	if err != nil {
		t.Fatal(err)
	}
	all, err := arr.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 11 {
		got := all[i*8 : (i+1)*8]
		if i == 4 {
			if !math.IsNaN(float64(got[0])) {
				t.Errorf("the bad row has a value: %v", got)
			}
			continue
		}
		// A picture on its own, in a batch of one, gives the same but for the last bits.
		s, _ := set.At(i)
		one, err := record.Once(context.Background(), be, m, site.Plan{}.Capture("visual"), s.Image)
		if err != nil {
			t.Fatal(err)
		}
		for j := range got {
			if d := math.Abs(float64(got[j] - one[0][j])); d > 2e-5*math.Max(1, math.Abs(float64(got[j]))) {
				t.Errorf("stimulus %d, value %d: %g in a batch, %g alone", i, j, got[j], one[0][j])
			}
		}
	}
	if rep, err := r.Verify(context.Background()); err != nil || !rep.OK() {
		t.Errorf("verify: %+v, %v", rep, err)
	}
}

// TestBadPicturesLeaveTheirNeighboursAlone compares a run with a bad picture to one without.
func TestBadPicturesLeaveTheirNeighboursAlone(t *testing.T) {
	m, be := tiny(t), goBackend(t)
	read := func(bad map[int]bool) []float32 {
		r, err := record.Run(context.Background(), record.Config{Model: m, Stimuli: pictures{n: 9, bad: bad}, Plan: plan, Backend: be, Dir: filepath.Join(t.TempDir(), "r"), Batch: 4})
		if err != nil {
			t.Fatal(err)
		}
		arr, err := r.Array("visual")
		if err != nil {
			t.Fatal(err)
		}
		v, err := arr.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	good, bad := read(nil), read(map[int]bool{5: true})
	for i := range good {
		if i/8 != 5 && good[i] != bad[i] {
			t.Fatalf("value %d: %g with a bad neighbour, %g without", i, bad[i], good[i])
		}
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	m, be := tiny(t), goBackend(t)
	dir := filepath.Join(t.TempDir(), "r")
	slow := pictures{n: 2000, delay: 20 * time.Millisecond}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		_, err := record.Run(ctx, record.Config{Model: m, Stimuli: slow, Plan: plan, Backend: be, Dir: dir, Batch: 4})
		done <- err
	}()
	for range 500 {
		if _, err := os.Stat(dir); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond)
	be2 := goBackend(t)
	_, err := record.Run(context.Background(), record.Config{Model: tiny(t), Stimuli: slow, Plan: plan, Backend: be2, Dir: dir, Batch: 4})
	if !errors.Is(err, recording.ErrLocked) {
		t.Errorf("second run on the same folder: %v, want ErrLocked", err)
	}
	cancel()
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("first run: %v", err)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	m, be := tiny(t), goBackend(t)
	for _, c := range []struct {
		name string
		cfg  record.Config
		want string
	}{
		{"nothing to capture", record.Config{Model: m, Stimuli: pictures{n: 2}, Backend: be}, "captures nothing"},
		{"no such site", record.Config{Model: m, Stimuli: pictures{n: 2}, Backend: be, Plan: site.Plan{}.Capture("visual.transformer.resblocks.7.attn")}, "nearest are visual.transformer.resblocks."},
		{"too little memory", record.Config{Model: m, Stimuli: pictures{n: 2}, Backend: be, Plan: plan, Budget: 1000}, "raise the budget"},
		{"no model", record.Config{Stimuli: pictures{n: 2}, Backend: be}, "want a model"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Dir = filepath.Join(t.TempDir(), "r")
			if _, err := record.Run(context.Background(), c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// TestKilled kills a recording process at random moments, finishes it, and compares every byte with a run that was left
// alone.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("VENTRAL_TEST_RECORD"); dir != "" {
		be := backend.MustOpen("go")
		_, err := record.Run(context.Background(), record.Config{Model: tiny(t), Stimuli: pictures{n: 300, bad: map[int]bool{7: true}, delay: time.Millisecond}, Plan: heavy, Backend: be, Dir: dir, Batch: 4})
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	base := t.TempDir()
	quiet, killed := filepath.Join(base, "quiet"), filepath.Join(base, "killed")
	start := func(dir string) *exec.Cmd {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), "VENTRAL_TEST_RECORD="+dir)
		return cmd
	}
	began := time.Now()
	if out, err := start(quiet).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	whole := time.Since(began)
	r := rng.New(1, "kill")
	kills := 0
	for range 8 {
		cmd := start(killed)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(r.Float64() * 0.6 * float64(whole)))
		if cmd.Process.Kill() == nil {
			kills++
		}
		_ = cmd.Wait()
	}
	if out, err := start(killed).CombinedOutput(); err != nil {
		t.Fatalf("the last run: %v\n%s", err, out)
	}
	a, b := tree(t, quiet), tree(t, killed)
	if len(a) < 5 {
		t.Fatalf("only %d files", len(a))
	}
	for name, want := range a {
		if got, ok := b[name]; !ok || !bytes.Equal(got, want) {
			t.Errorf("%s: differs after %d kills (there: %v)", name, kills, ok)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			t.Errorf("%s is left over", name)
		}
	}
}

// heavy keeps whole activations, so that a chunk is one batch and there are many.
var heavy = site.Plan{}.Capture("**.mlp.c_fc", "**.attn.probs", "visual")

// tree reads all files below dir but locks.
func tree(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	m := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(d.Name(), "lock") {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		m[rel] = b
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestShared records in two processes' worth of parts and compares with one.
func TestShared(t *testing.T) {
	m, be := tiny(t), goBackend(t)
	base := t.TempDir()
	one, two := filepath.Join(base, "one"), filepath.Join(base, "two")
	cfg := record.Config{Model: m, Stimuli: pictures{n: 30}, Plan: heavy, Backend: be, Batch: 4}
	cfg.Dir = one
	if _, err := record.Run(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
	cfg.Dir, cfg.Of = two, 2
	_, err := record.Run(context.Background(), cfg)
	if err != nil && !errors.Is(err, record.ErrPartial) {
		t.Fatal(err)
	}
	cfg.Index = 1
	if _, err := record.Run(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
	a, b := tree(t, one), tree(t, two)
	for name, want := range a {
		if !bytes.Equal(b[name], want) {
			t.Errorf("%s differs", name)
		}
	}
}
