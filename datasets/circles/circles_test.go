package circles

import (
	"crypto/sha256"
	"fmt"
	"image"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/ventral-lab/ventral/datasets"
)

func mustNew(t testing.TB, cfg Config) *Set {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func at(t testing.TB, s datasets.Set, i int) datasets.Stimulus {
	t.Helper()
	st, err := s.At(i)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// The document's numbers: 3000 stimuli, diameters 20..80, some 40 % of them clipped, .667 of a disc visible within 14
// pixels of an edge.
func TestDocumentStimuli(t *testing.T) {
	s := mustNew(t, Config{Seed: 1})
	if s.Len() != 3000 || s.Spec() != "circles?n=3000&seed=1" {
		t.Errorf("the default set is %s with %d stimuli", s.Spec(), s.Len())
	}
	clipped, rim, rimN := 0, 0.0, 0
	var mx, my, md float64
	for i := range s.Len() {
		f, err := s.Figure(i)
		if err != nil {
			t.Fatal(err)
		}
		if f.Shape != "circle" || f.Diameter < 20 || f.Diameter > 80 || f.X < 0 || f.X > 224 || f.Y < 0 || f.Y > 224 {
			t.Fatalf("stimulus %d: %+v", i, f)
		}
		mx, my, md = mx+f.X/3000, my+f.Y/3000, md+f.Diameter/3000
		v := f.VisibleArea(224, 224) / f.Area()
		if v < 1-1e-9 {
			clipped++
		}
		if e := min(f.X, f.Y, 224-f.X, 224-f.Y); e < 14 {
			rim, rimN = rim+v, rimN+1
		}
	}
	// Standard errors: 224/sqrt(12*3000) = 1.2 for a coordinate, 0.32 for the diameter, 0.009 for the share clipped.
	if math.Abs(mx-112) > 5 || math.Abs(my-112) > 5 || math.Abs(md-50) > 1.3 {
		t.Errorf("means: x %.1f, y %.1f, diameter %.2f; want 112, 112, 50", mx, my, md)
	}
	if share := float64(clipped) / 3000; math.Abs(share-0.40) > 0.03 {
		t.Errorf("%.3f of the circles are clipped, want 0.40", share)
	}
	if v := rim / float64(rimN); math.Abs(v-0.667) > 0.02 {
		t.Errorf("near an edge %.3f of a circle is visible, want 0.667", v)
	}
}

func TestAreaOfPictures(t *testing.T) {
	for _, shape := range Shapes {
		s := mustNew(t, Config{N: 15, Seed: 5, Frame: 96, MinDiameter: 6, MaxDiameter: 70, Shape: shape, Masks: true})
		for i := range s.Len() {
			st := at(t, s, i)
			full := math.Pi * st.Labels["diameter"].(float64) * st.Labels["diameter"].(float64) / 4
			area := st.Labels["area"].(float64)
			if v := st.Labels["visible_area"].(float64); math.Abs(v*full-area) > 1e-9 || v < 0 || v > 1 {
				t.Errorf("%s %d: visible share %v of %v is not %v", shape, i, v, full, area)
			}
			f, _ := s.Figure(i)
			// Oracle: membership of 8 x 8 points a pixel, from the shape's definition.
			const k = 5
			n := 0
			for y := range 96 * k {
				for x := range 96 * k {
					if f.has((float64(x)+0.5)/k, (float64(y)+0.5)/k) {
						n++
					}
				}
			}
			// Each of the border's pixels is misjudged by about 1/k; errors mostly cancel.
			if got := float64(n) / (k * k); math.Abs(got-area) > 0.02*full+1 {
				t.Errorf("%s %d: area %.2f, samples give %.2f (%+v)", shape, i, area, got, f)
			}
			// What is in the picture: mask and darkness, each rounded to 8 bits a pixel.
			mask, dark := 0.0, 0.0
			img := st.Image.(*image.RGBA)
			for p, m := range st.Masks["figure"].Pix {
				mask += float64(m) / 255
				dark += float64(255-img.Pix[4*p]) / 255
			}
			border := 4*math.Sqrt(full*math.Pi) + 4 // about as many pixels are partly covered
			if tol := border * 0.5 / 255; math.Abs(mask-area) > tol || math.Abs(dark-area) > tol {
				t.Errorf("%s %d: area %.3f, mask %.3f, darkness %.3f (tolerance %.3f)", shape, i, area, mask, dark, tol)
			}
			if l := 1 - area/(96*96); math.Abs(st.Labels["luminance"].(float64)-l) > 1e-12 {
				t.Errorf("%s %d: luminance %v, want %v", shape, i, st.Labels["luminance"], l)
			}
		}
	}
}

// has tells from the definition of each shape whether a point lies in the figure.
func (f Figure) has(x, y float64) bool {
	dx, dy, area := math.Abs(x-f.X), y-f.Y, f.Area()
	switch f.Shape {
	case "square":
		return max(dx, math.Abs(dy)) < math.Sqrt(area)/2
	case "rectangle":
		h := math.Sqrt(area / 2)
		return dx < h && math.Abs(dy) < h/2
	case "triangle":
		side := math.Sqrt(4 * area / math.Sqrt(3))
		height := side * math.Sqrt(3) / 2
		down := dy + 2*height/3 // from the upper corner
		return down > 0 && down < height && dx < down/math.Sqrt(3)
	}
	return math.Hypot(dx, dy) < f.Diameter/2
}

func TestGridVisitsEveryBin(t *testing.T) {
	s := mustNew(t, Config{Design: "grid"})
	if s.Len() != 28*28*4 || s.Spec() != "circles?design=grid" {
		t.Errorf("%s has %d stimuli, want %d", s.Spec(), s.Len(), 28*28*4)
	}
	mixed := mustNew(t, Config{Design: "grid", Frame: 48, Bin: 12, Diameters: 3, MinDiameter: 6, MaxDiameter: 12, Shape: "mixed"})
	seen, ids := map[Figure]bool{}, map[string]bool{}
	for i := range mixed.Len() {
		f, err := mixed.Figure(i)
		if err != nil {
			t.Fatal(err)
		}
		seen[f] = true
		ids[at(t, mixed, i).ID] = true
	}
	for _, shape := range Shapes {
		for _, d := range []float64{6, 9, 12} {
			for y := 6.0; y < 48; y += 12 {
				for x := 6.0; x < 48; x += 12 {
					if f := (Figure{shape, x, y, d}); !seen[f] {
						t.Errorf("the grid leaves out %+v", f)
					}
				}
			}
		}
	}
	if n := 4 * 4 * 3 * 4; len(seen) != n || mixed.Len() != n || len(ids) != n {
		t.Errorf("%d stimuli, %d different ones, %d ids; want %d of each", mixed.Len(), len(seen), len(ids), n)
	}
}

func hash(t testing.TB, st datasets.Stimulus) string {
	t.Helper()
	h := sha256.New()
	h.Write(st.Image.(*image.RGBA).Pix)
	for _, k := range []string{"x", "y", "diameter", "shape", "visible_area", "area", "luminance"} {
		fmt.Fprint(h, st.Labels[k])
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

func TestSameBytesInAnyOrder(t *testing.T) {
	cfg := Config{N: 48, Seed: 9, Frame: 64, Shape: "mixed", Colour: "blue", Background: "ffe0c0"}
	want := make([]string, 48)
	s := mustNew(t, cfg)
	for i := range want {
		want[i] = hash(t, at(t, s, i))
	}
	again := mustNew(t, cfg)
	got := make([]string, 48)
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			for i := 47 - w; i >= 0; i -= 6 {
				st, err := again.At(i)
				if err == nil {
					got[i] = hash(t, st)
				}
			}
		})
	}
	wg.Wait()
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("stimulus %d: %s alone, %s among goroutines", i, want[i], got[i])
		}
	}
	// A longer set begins with the same stimuli; another seed has others.
	cfg.N = 100
	if hash(t, at(t, mustNew(t, cfg), 7)) != want[7] {
		t.Error("stimulus 7 depends on the number of stimuli")
	}
	cfg.Seed = 10
	if hash(t, at(t, mustNew(t, cfg), 7)) == want[7] {
		t.Error("stimulus 7 does not depend on the seed")
	}
}

// The bytes of published stimulus sets stay what they are.
func TestGolden(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		i    int
		want string
	}{
		{Config{Seed: 1}, 0, "7d822c695542"},
		{Config{Seed: 1}, 2999, "96f6e92d0ebf"},
		{Config{Seed: 1, Shape: "mixed", Frame: 64}, 5, "16a1e5b988e6"},
		{Config{Design: "grid"}, 1234, "4083f3dd3e3b"},
	} {
		s := mustNew(t, c.cfg)
		sum := sha256.Sum256(at(t, s, c.i).Image.(*image.RGBA).Pix)
		if got := fmt.Sprintf("%x", sum[:6]); got != c.want {
			t.Errorf("%s stimulus %d: %s, want %s", s.Spec(), c.i, got, c.want)
		}
	}
}

func TestMean(t *testing.T) {
	s := mustNew(t, Config{N: 400, Seed: 2, Frame: 56})
	mean, w, h, err := Mean(s)
	if err != nil || w != 56 || h != 56 {
		t.Fatal(w, h, err)
	}
	total, lum := 0.0, 0.0
	for _, v := range mean {
		total += v / (56 * 56)
	}
	for i := range s.Len() {
		lum += at(t, s, i).Labels["luminance"].(float64) / 400
	}
	if math.Abs(total-lum) > 1e-4 { // rounding to 8 bits
		t.Errorf("mean of the mean picture %v, mean of the luminance labels %v", total, lum)
	}
	if centre, corner := mean[28*56+28], mean[0]; centre >= corner {
		t.Errorf("the centre (%.3f) is not darker than the corner (%.3f)", centre, corner)
	}
	if _, _, _, err := Mean(faulty{s, 33}); err == nil || !strings.Contains(err.Error(), "stimulus 33") {
		t.Errorf("a broken stimulus: %v", err)
	}
}

// faulty is a set in which one stimulus cannot be made.
type faulty struct {
	*Set
	bad int
}

func (f faulty) At(i int) (datasets.Stimulus, error) {
	if i == f.bad {
		return datasets.Stimulus{}, fmt.Errorf("broken")
	}
	return f.Set.At(i)
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{N: -1}, "n = -1"},
		{Config{Frame: 4}, "frame = 4"},
		{Config{Frame: 100000}, "frame = 100000"},
		{Config{MinDiameter: 30, MaxDiameter: 20}, "from 30 to 20"},
		{Config{MinDiameter: math.NaN(), MaxDiameter: 20}, "NaN"},
		{Config{MaxDiameter: math.Inf(1), MinDiameter: 1}, "Inf"},
		{Config{MaxDiameter: 10}, "from 20 to 10"},
		{Config{Shape: "blob"}, "circle, square, triangle, rectangle, mixed"},
		{Config{Colour: "blak"}, "black, blue"},
		{Config{Background: "12345"}, "RRGGBB"},
		{Config{Design: "spiral"}, "random, grid"},
		{Config{Bin: 4}, "design=grid"},
		{Config{Design: "grid", N: 5}, "leave out n"},
		{Config{Design: "grid", Bin: 9}, "does not divide"},
		{Config{Design: "grid", Diameters: -2}, "diameters = -2"},
	} {
		if _, err := New(c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v does not say %q", c.cfg, err, c.want)
		}
	}
	s := mustNew(t, Config{N: 3})
	for _, i := range []int{-1, 3} {
		if _, err := s.At(i); err == nil {
			t.Errorf("stimulus %d of 3 was drawn", i)
		}
	}
}

func TestColumnsMatchLabels(t *testing.T) {
	s := mustNew(t, Config{N: 5, Shape: "mixed", Seed: 4})
	for i := range 5 {
		l := at(t, s, i).Labels
		if len(l) != len(s.Columns()) {
			t.Errorf("%d labels, %d columns", len(l), len(s.Columns()))
		}
		for _, c := range s.Columns() {
			ok := false
			switch c.Kind {
			case datasets.Float:
				_, ok = l[c.Name].(float64)
			case datasets.String:
				_, ok = l[c.Name].(string)
			}
			if !ok {
				t.Errorf("label %s is %T, the column says %s", c.Name, l[c.Name], c.Kind)
			}
		}
	}
}

func BenchmarkAt(b *testing.B) {
	s := mustNew(b, Config{Seed: 1})
	i := 0
	for b.Loop() {
		at(b, s, i%s.Len())
		i++
	}
}
