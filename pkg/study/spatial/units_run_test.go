package spatial

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/datasets/circles"
	"github.com/ventral-lab/ventral/internal/progress"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

func unitStudy(t *testing.T) *Study {
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
	s, err := New(be, m, Options{Stimuli: circles.Config{N: 40, Seed: 1}, Batch: 8, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// quickUnits are options under which a block takes little time.
func quickUnits(dir string) UnitOptions {
	return UnitOptions{Bins: 7, Shuffles: 9, Surrogates: 3, Stop: 1, Least: 2, Splits: 2, SizeBins: 2, SizeShuffles: 2, NoFields: true, Dir: dir}
}

// text is the table as a file has it.
func text(t *testing.T, tab *UnitTable) string {
	t.Helper()
	var b bytes.Buffer
	if err := tab.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestUnitsResume kills a run after its first blocks, damages one of them, and goes on under another budget and with
// sites recorded in turns: the table is that of a run in one go.
func TestUnitsResume(t *testing.T) {
	s := unitStudy(t)
	o := quickUnits(t.TempDir())
	o.Sites, o.Tokens = []string{"visual.transformer.resblocks.{0,3}.attn", "visual"}, "patches"
	// One block: 64 tokens x 128 channels would be 16 of them a site; a token is a quarter of one.
	o.Tokens = "token=5"
	whole, err := s.Units(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if whole.Len() != 3*128 || len(whole.Sites) != 3 || whole.Sites[2].Site != "visual" || whole.Token[0] != 5 || whole.Token[300] != -1 || whole.Channel[130] != 2 {
		t.Fatalf("%d units of %+v", whole.Len(), whole.Sites)
	}
	o.Dir = t.TempDir()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	scored := 0
	s.Options.Progress = func(title string, _ int) *progress.Progress {
		if strings.HasPrefix(title, "recording") {
			scored++
		}
		if scored == 2 {
			stop() // before the second group is scored
		}
		return nil
	}
	o.Disk = 128 * 40 * 4 // a site at a time
	if _, err := s.Units(ctx, o); err == nil {
		t.Fatal("a cancelled run gave a table")
	}
	s.Options.Progress = nil
	kept, err := filepath.Glob(filepath.Join(o.Dir, "*", "block-*.npz"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("blocks %v of a run that was cancelled after the first: %v", kept, err)
	}
	o.Budget, o.Disk = 1<<30, 0
	again, err := s.Units(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if text(t, again) != text(t, whole) {
		t.Error("a run that was killed and went on differs from one in one go")
	}
	b, err := os.ReadFile(kept[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kept[0], b[:len(b)/2], 0o666); err != nil {
		t.Fatal(err)
	}
	if again, err = s.Units(context.Background(), o); err != nil || text(t, again) != text(t, whole) {
		t.Errorf("a damaged block was not made again: %v", err)
	}
	for k := range whole.Tests {
		for i, v := range whole.Tests[k].Most {
			if w := again.Tests[k].Most[i]; v != w && !(math.IsNaN(float64(v)) && math.IsNaN(float64(w))) {
				t.Errorf("%s: largest of draw %d is %g and %g", whole.Tests[k].Name, i, float64(v), float64(w))
			}
		}
	}
	if left, _ := filepath.Glob(filepath.Join(o.Dir, "*", "recording-*")); len(left) > 0 {
		t.Errorf("recordings left behind: %v", left)
	}
	o.Budget = 1 << 20
	if _, err := s.Units(context.Background(), o); err == nil || !strings.Contains(err.Error(), "give at least") {
		t.Errorf("a budget of 1 MiB: %v", err)
	}
}

// TestUnitsDoNotDependOnBlocks scores units alone and among others, on one thread and several.
func TestUnitsDoNotDependOnBlocks(t *testing.T) {
	l := plantedStimuli(200, 1)
	units := make([]func(int) float64, unitBlock+20)
	for u := range units {
		units[u] = func(i int) float64 { return math.Sin(float64(u) + l.X[i]/40) }
	}
	r := responses(l, 1, .5, units)
	o := UnitOptions{Bins: 8, Shuffles: 9, Surrogates: 5, Stop: 1, Least: 2, Splits: 2, SizeBins: 3, SizeShuffles: 2, FieldBins: 5, Seed: 2}
	whole := tableOf(t, l, r, o)
	sc, err := newUnitScorer(l, o.filled(Options{}))
	if err != nil {
		t.Fatal(err)
	}
	const at = unitBlock - 3 // over the border of two blocks
	part := responses(l, 1, .5, units)
	values := make([]float32, 200*6)
	for i := range 200 {
		copy(values[i*6:(i+1)*6], part.Values[i*len(units)+at:])
	}
	part.Values, part.Units = values, 6
	b, err := sc.score(part, make([]float32, 6), at)
	if err != nil {
		t.Fatal(err)
	}
	for u := range 6 {
		for c := range unitColumns {
			if got, want := b.score[u*unitScores+c], whole.score[c][at+u]; !strings.HasPrefix(unitColumns[c], "q_") && math.Float64bits(got) != math.Float64bits(want) {
				t.Errorf("%s of unit %d: %v in a block of its own, %v in the table", unitColumns[c], at+u, got, want)
			}
		}
	}
}

// TestCaptures chooses sites and reductions and puts units at their tokens, rows, columns and channels.
func TestCaptures(t *testing.T) {
	sites := []site.Info{
		{Name: "conv", Axes: []site.Axis{site.Channel, site.Y, site.X}, Shape: []int{3, 2, 4}},
		{Name: "block.attn", Axes: []site.Axis{site.Token, site.Channel}, Shape: []int{5, 6}},
		{Name: "block.probs", Axes: []site.Axis{site.Head, site.Query, site.Key}, Shape: []int{2, 5, 5}},
		{Name: "out", Axes: []site.Axis{site.Channel}, Shape: []int{7}},
	}
	type at [4]int // token, y, x, channel
	for _, c := range []struct {
		o     UnitOptions
		names []string
		units []int
		last  []at
	}{
		{UnitOptions{}, []string{"conv", "block.attn:class", "out"}, []int{24, 6, 7}, []at{{-1, 1, 3, 2}, {0, -1, -1, 5}, {-1, -1, -1, 6}}},
		{UnitOptions{Tokens: "patches", Places: "max"}, []string{"conv:max", "block.attn:tokens=1:", "out"}, []int{3, 24, 7}, []at{{-1, -1, -1, 2}, {4, -1, -1, 5}, {-1, -1, -1, 6}}},
		{UnitOptions{Tokens: "all", Sites: []string{"block.*"}}, []string{"block.attn"}, []int{30}, []at{{4, -1, -1, 5}}},
		{UnitOptions{Tokens: "token=3", Sites: []string{"block.attn"}}, []string{"block.attn:token=3"}, []int{6}, []at{{3, -1, -1, 5}}},
		{UnitOptions{Tokens: "mean", Sites: []string{"out", "block.attn"}}, []string{"block.attn:mean", "out"}, []int{6, 7}, []at{{-1, -1, -1, 5}, {-1, -1, -1, 6}}},
	} {
		got, err := c.o.filled(Options{}).captures(sites)
		if err != nil {
			t.Errorf("%+v: %v", c.o, err)
			continue
		}
		var names []string
		for k, g := range got {
			names = append(names, g.name())
			if k >= len(c.units) || g.units() != c.units[k] {
				t.Errorf("%s has %d units", g.name(), g.units())
				continue
			}
			token, y, x, channel := g.place(g.units() - 1)
			if (at{token, y, x, channel}) != c.last[k] {
				t.Errorf("last unit of %s is at token %d, y %d, x %d, channel %d", g.name(), token, y, x, channel)
			}
		}
		if !slices.Equal(names, c.names) {
			t.Errorf("%+v chooses %v, want %v", c.o, names, c.names)
		}
	}
	for name, o := range map[string]UnitOptions{
		"no such site": {Sites: []string{"nose"}}, "no channels": {Sites: []string{"block.probs"}}, "token beyond": {Tokens: "token=5"}, "token": {Tokens: "token=x"},
		"tokens": {Tokens: "some"}, "places": {Places: "centre"},
	} {
		if _, err := o.filled(Options{}).captures(sites); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestUnitComparison holds a model against untrained ones.
func TestUnitComparison(t *testing.T) {
	s := unitStudy(t)
	o := quickUnits("")
	o.Sites = []string{"visual.transformer.resblocks.2.attn"}
	c, err := s.UnitsAgainstUntrained(context.Background(), o, 2, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Sites) != len(unitTests) || len(c.Untrained) != 2 || c.Seeds[0] != 2 || c.Seeds[1] != 3 {
		t.Fatalf("%d rows, seeds %v", len(c.Sites), c.Seeds)
	}
	for _, r := range c.Sites {
		m := (r.Untrained[0].Estimate + r.Untrained[1].Estimate) / 2
		if math.Abs(r.UntrainedMean.Estimate-m) > 1e-12 || r.UntrainedMean.Low > m || r.UntrainedMean.High < m || !(r.Chance > .05 && r.Chance < .15) {
			t.Errorf("%+v", r)
		}
	}
	if text(t, c.Trained) == text(t, c.Untrained[0]) || text(t, c.Untrained[1]) == text(t, c.Untrained[0]) {
		t.Error("two models have one table")
	}
	dir := t.TempDir()
	if err := c.Trained.Save(dir, "units"); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"units.csv", "units.parquet", "units.json"} {
		if st, err := os.Stat(filepath.Join(dir, f)); err != nil || st.Size() == 0 {
			t.Errorf("%s: %v", f, err)
		}
	}
	d, err := s.Decoding(context.Background(), DecodingOptions{Sites: o.Sites, MaxUnits: 20, Folds: 2, Shuffles: 2, Counts: []int{4}, Subsets: 1, Pairs: 20})
	if err != nil || len(d) != 1 || d[0].Units != 128 || d[0].Used != 20 || len(d[0].Curve) != 1 {
		t.Errorf("decoding: %+v, %v", d, err)
	}
}

// TestChanceShare is the 95th percentile of binomials, against their sums by hand.
func TestChanceShare(t *testing.T) {
	for _, c := range []struct {
		n    int
		a, w float64
	}{{1, .05, 0}, {2, .5, 1}, {10, .5, .8}, {20, .05, .15}, {1000, .05, .062}} {
		if got := chanceShare(c.n, c.a); math.Abs(got-c.w) > 1e-9 {
			t.Errorf("%d units at %g: %g, want %g", c.n, c.a, got, c.w)
		}
	}
}
