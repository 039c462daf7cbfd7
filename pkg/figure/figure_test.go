package figure

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

func meta(name string) Meta { return Meta{Name: name} }

// Every wrong option is an error that names the figure and the field.
func TestWrongOptions(t *testing.T) {
	xy := []Series{{Name: "a", X: []float64{1, 2}, Y: []float64{1, 2}}}
	f := mustSample(t, "lines")
	for _, c := range []struct {
		name string
		make func() (*Figure, error)
		want []string
	}{
		{"no name", func() (*Figure, error) { return Lines(LinesOptions{Series: xy}) }, []string{"Meta.Name", "empty"}},
		{"path in name", func() (*Figure, error) { return Lines(LinesOptions{Meta: meta("a/b"), Series: xy}) }, []string{`"a/b"`, "file name"}},
		{"hidden name", func() (*Figure, error) { return Lines(LinesOptions{Meta: meta(".a"), Series: xy}) }, []string{"dot"}},
		{"negative width", func() (*Figure, error) { return Lines(LinesOptions{Meta: Meta{Name: "n", Width: -3}, Series: xy}) }, []string{"figure n", "-3"}},
		{"too small", func() (*Figure, error) {
			return Lines(LinesOptions{Meta: Meta{Name: "n", Width: 8, Height: 8}, Series: xy, Y: Axis{Label: "y"}})
		}, []string{"figure n", "leave", "mm"}},
		{"too small in a panel", func() (*Figure, error) {
			return Compose(ComposeOptions{Meta: Meta{Name: "n", Width: 30}, Rows: [][]*Figure{{f, f, f}}})
		}, []string{"figure n", "leave"}},
		{"no series", func() (*Figure, error) { return Lines(LinesOptions{Meta: meta("n")}) }, []string{"Series", "nothing"}},
		{"ragged series", func() (*Figure, error) {
			return Lines(LinesOptions{Meta: meta("n"), Series: []Series{{Name: "s", X: []float64{1}, Y: []float64{1, 2}}}})
		}, []string{"Series[0]", `"s"`, "X has 1", "Y 2"}},
		{"half a band", func() (*Figure, error) {
			return Lines(LinesOptions{Meta: meta("n"), Series: []Series{{X: []float64{1}, Y: []float64{1}, Lo: []float64{0}}}})
		}, []string{"Lo and Hi both"}},
		{"colour", func() (*Figure, error) {
			return Lines(LinesOptions{Meta: meta("n"), Series: []Series{{X: []float64{1}, Y: []float64{1}, Color: "mauve"}}})
		}, []string{"mauve", "#rrggbb"}},
		{"reference colour", func() (*Figure, error) {
			return Lines(LinesOptions{Meta: meta("n"), Series: xy, References: []Reference{{Color: "#12"}}})
		}, []string{"References[0]", "#12"}},
		{"published without source", func() (*Figure, error) {
			return Lines(LinesOptions{Meta: meta("n"), Series: xy, Published: []Published{{Name: "a", X: []float64{1}, Y: []float64{1}}}})
		}, []string{"Published[0]", "Source"}},
		{"axis range", func() (*Figure, error) {
			return Lines(LinesOptions{Meta: meta("n"), Series: xy, X: Axis{Label: "t", Min: 2, Max: 1}})
		}, []string{`axis "t"`, "Min must be below Max"}},
		{"log axis from zero", func() (*Figure, error) {
			return Lines(LinesOptions{Meta: meta("n"), Series: xy, X: Axis{Log: true, Min: 0, Max: 1}})
		}, []string{"logarithmic", "above 0"}},
		{"ragged map", func() (*Figure, error) {
			return Heatmaps(HeatmapsOptions{Meta: meta("n"), Maps: [][]Map{{{Values: []float64{1, 2, 3}, Cols: 2}}}})
		}, []string{"Maps[0][0]", "3 values in 2 columns"}},
		{"no maps", func() (*Figure, error) { return Heatmaps(HeatmapsOptions{Meta: meta("n")}) }, []string{"Maps is empty"}},
		{"ragged matrix", func() (*Figure, error) {
			return Matrix(MatrixOptions{Meta: meta("n"), Values: [][]float64{{1, 2}, {3}}})
		}, []string{"row 1", "has 1 numbers, row 0 has 2"}},
		{"matrix names", func() (*Figure, error) {
			return Matrix(MatrixOptions{Meta: meta("n"), Values: [][]float64{{1, 2}}, ColNames: []string{"a"}})
		}, []string{"1 ColNames", "1 x 2"}},
		{"no boxes", func() (*Figure, error) { return Boxes(BoxesOptions{Meta: meta("n")}) }, []string{"Samples and Summaries"}},
		{"unknown hue", func() (*Figure, error) {
			return Boxes(BoxesOptions{Meta: meta("n"), Samples: []Sample{{"g", "h", []float64{1}}}, Colors: map[string]string{"x": "C1"}})
		}, []string{`Colors["x"]`, `"h"`}},
		{"null of no group", func() (*Figure, error) {
			return Violins(ViolinsOptions{Meta: meta("n"), Samples: []Sample{{"g", "h", []float64{1}}}, Null: []NullBand{{Group: "x"}}})
		}, []string{"Null[0]", `"x"`}},
		{"empty distribution", func() (*Figure, error) {
			return ECDF(ECDFOptions{Meta: meta("n"), Samples: []Sample{{Group: "g", Values: []float64{math.NaN()}}}})
		}, []string{"Samples[0]", "finite"}},
		{"empty histogram", func() (*Figure, error) {
			return Histogram(HistogramOptions{Meta: meta("n"), Samples: []Sample{{Group: "g"}}})
		}, []string{"finite"}},
		{"ragged points", func() (*Figure, error) {
			return Scatter(ScatterOptions{Meta: meta("n"), Points: []PointSet{{X: []float64{1}, Y: []float64{1}, Size: []float64{1, 2}}}})
		}, []string{"Points[0]", "Size 2"}},
		{"picture without pixels", func() (*Figure, error) {
			return Images(ImagesOptions{Meta: meta("n"), Pictures: [][]Picture{{{Image: image.NewGray(image.Rect(0, 0, 0, 4))}}}})
		}, []string{"Pictures[0][0]", "no pixels"}},
		{"log bars", func() (*Figure, error) {
			return Bars(BarsOptions{Meta: meta("n"), Bars: []Bar{{Group: "g", Value: 1}}, Y: Axis{Log: true}})
		}, []string{"logarithmic", "Scatter"}},
		{"module twice", func() (*Figure, error) {
			return LesionBars(LesionBarsOptions{Meta: meta("n"), Modules: []Module{{Name: "m", Tower: "a"}, {Name: "m", Tower: "a"}}})
		}, []string{"Modules[0] and [1]", `"m"`}},
		{"tower twice", func() (*Figure, error) {
			return LesionBars(LesionBarsOptions{Meta: meta("n"), Modules: []Module{{Name: "m", Tower: "a"}, {Name: "n", Tower: "b"}, {Name: "o", Tower: "a"}}})
		}, []string{"Modules[2]", "twice"}},
		{"note on no module", func() (*Figure, error) {
			return LesionBars(LesionBarsOptions{Meta: meta("n"), Modules: []Module{{Name: "m", Tower: "a"}}, Notes: []ModuleNote{{"x", "y"}}})
		}, []string{"Notes[0]", `"x"`}},
		{"published of no module", func() (*Figure, error) {
			return LesionBars(LesionBarsOptions{Meta: meta("n"), Modules: []Module{{Name: "m", Tower: "a"}}, Published: &PublishedModules{Source: "s", Values: map[string]float64{"x": 1}}})
		}, []string{"Published.Values", `"x"`}},
		{"no training", func() (*Figure, error) { return TrainingCurve(TrainingOptions{Meta: meta("n")}) }, []string{"Loss and Metrics"}},
		{"no panels", func() (*Figure, error) { return Compose(ComposeOptions{Meta: meta("n")}) }, []string{"Rows is empty"}},
		{"nil panel", func() (*Figure, error) { return Compose(ComposeOptions{Meta: meta("n"), Rows: [][]*Figure{{nil}}}) }, []string{"Rows[0][0] is nil"}},
		{"weights", func() (*Figure, error) {
			return Compose(ComposeOptions{Meta: meta("n"), Rows: [][]*Figure{{f, f}}, Weights: [][]float64{{1}}})
		}, []string{"Weights[0]", "1 numbers for 2 panels"}},
		{"zero weight", func() (*Figure, error) {
			return Compose(ComposeOptions{Meta: meta("n"), Rows: [][]*Figure{{f, f}}, Weights: [][]float64{{1, 0}}})
		}, []string{"Weights[0][1]", "above 0"}},
	} {
		f, err := c.make()
		if err == nil || f != nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: the error %q does not say %q", c.name, err, w)
			}
		}
	}
}

func TestPNGLimits(t *testing.T) {
	f := mustSample(t, "lines")
	for _, dpi := range []int{-1, 0, 19, 100000} {
		if _, err := f.PNG(dpi); err == nil || !strings.Contains(err.Error(), "dpi") {
			t.Errorf("PNG(%d): error %v", dpi, err)
		}
	}
	b, err := f.PNG(254) // 10 pixels a millimetre
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	w, h := f.Size()
	if math.Abs(float64(m.Bounds().Dx())-10*w) > 1 || math.Abs(float64(m.Bounds().Dy())-10*h) > 1 {
		t.Errorf("%v pixels for %.1f x %.1f mm at 254 dpi", m.Bounds(), w, h)
	}
	if w != SingleColumn {
		t.Errorf("a line plot is %g mm wide, not one column", w)
	}
	// The resolution chunk says 10000 pixels a metre.
	i := bytes.Index(b, []byte("pHYs"))
	if i < 0 || !bytes.Equal(b[i+4:i+13], []byte{0, 0, 0x27, 0x10, 0, 0, 0x27, 0x10, 1}) {
		t.Errorf("no pHYs chunk with 10000 per metre")
	}
}

// Equal figures give equal bytes, whoever else is drawing.
func TestSameBytes(t *testing.T) {
	type result struct{ png, svg, pdf [32]byte }
	draw := func(f *Figure) (r result, err error) {
		a, e1 := f.PNG(60)
		b, e2 := f.SVG()
		c, e3 := f.PDF()
		return result{sha256.Sum256(a), sha256.Sum256(b), sha256.Sum256(c)}, errors.Join(e1, e2, e3)
	}
	var figs, again []*Figure
	for _, s := range samples {
		figs, again = append(figs, mustSample(t, s.name)), append(again, mustSample(t, s.name))
	}
	// The panels of a composed figure are drawn at the same time as the figure.
	for i, f := range figs {
		want, err := draw(again[i])
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 2 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				if got, err := draw(f); err != nil || got != want {
					t.Errorf("%s: other bytes in a goroutine (error %v)", f.Name, err)
				}
			}()
		}
		wg.Wait()
	}
}

func TestSave(t *testing.T) {
	for _, s := range samples {
		switch s.name {
		case "heatmaps", "boxes", "images", "training", "compose": // one, two and many tables; rasters; panels
		default:
			continue
		}
		f := mustSample(t, s.name).With("seed", 7)
		dir := filepath.Join(t.TempDir(), "new", "folder")
		paths, err := f.Save(dir)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) != len(paths) {
			t.Errorf("%s: %d files for %d paths", s.name, len(entries), len(paths))
		}
		if last := filepath.Base(paths[len(paths)-1]); last != s.name+".json" {
			t.Errorf("%s: the last file is %s, not the JSON", s.name, last)
		}
		b, err := os.ReadFile(filepath.Join(dir, s.name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var p Provenance
		if err := json.Unmarshal(b, &p); err != nil {
			t.Fatal(err)
		}
		if p.Name != s.name || p.Kind == "" || p.Code.Module != module || p.Code.Go == "" || p.Parameters["seed"] != 7.0 {
			t.Errorf("%s: provenance %+v", s.name, p)
		}
		if len(p.Pictures) != 3 || len(p.Data) == 0 || len(p.Pictures)+len(p.Data)+1 != len(paths) {
			t.Errorf("%s: the JSON names %d pictures and %d tables of %d files", s.name, len(p.Pictures), len(p.Data), len(paths))
		}
		for _, e := range append(p.Pictures, p.Data...) {
			b, err := os.ReadFile(filepath.Join(dir, e.Name))
			if err != nil {
				t.Fatal(err)
			}
			if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != e.SHA256 {
				t.Errorf("%s: %s has another SHA-256 than the JSON says", s.name, e.Name)
			}
			if strings.HasSuffix(e.Name, ".csv") {
				rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
				if err != nil || len(rows) != e.Rows+1 {
					t.Errorf("%s: %s has %d rows, the JSON says %d (error %v)", s.name, e.Name, len(rows)-1, e.Rows, err)
				}
			}
		}
	}
}

func TestSaveErrors(t *testing.T) {
	f := mustSample(t, "lines_log")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Save(file); err == nil || !strings.Contains(err.Error(), "lines_log") {
		t.Errorf("saving into a file: error %v", err)
	}
	dir := t.TempDir()
	if paths, err := f.With("loss", math.NaN()).Save(dir); err == nil || !strings.Contains(err.Error(), "JSON") || paths != nil {
		t.Errorf("a parameter that is no JSON: %v, %v", paths, err)
	}
	// A folder in the way of a file: the error says so and no temporary file is left.
	if err := os.Mkdir(filepath.Join(dir, "lines_log.svg"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Save(dir); err == nil {
		t.Error("saved over a folder")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			t.Errorf("%s was left behind", e.Name())
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "lines_log.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a figure that was not saved whole has a JSON")
	}
}

// The CSV gives back the numbers that were drawn, to the last bit.
func TestDataIsWhatWasGiven(t *testing.T) {
	x := []float64{0, 1.0 / 3, 2e-17, math.NaN()}
	y := []float64{math.Pi, -0.1, 1e300, 4}
	f, err := Lines(LinesOptions{Meta: meta("n"), Series: []Series{{Name: "a, \"b\"", X: x, Y: y, Lo: y, Hi: y}}})
	if err != nil {
		t.Fatal(err)
	}
	x[0], y[0] = 9, 9 // the figure has copies
	b, err := f.Data()[0].csv()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	wantX, wantY := []float64{0, 1.0 / 3, 2e-17, math.NaN()}, []float64{math.Pi, -0.1, 1e300, 4}
	for i, r := range rows[1:] {
		if r[0] != `a, "b"` {
			t.Errorf("name %q", r[0])
		}
		for c, want := range map[int]float64{2: wantX[i], 3: wantY[i]} {
			if math.IsNaN(want) {
				if r[c] != "" {
					t.Errorf("NaN is written %q", r[c])
				}
				continue
			}
			if got, err := strconv.ParseFloat(r[c], 64); err != nil || got != want {
				t.Errorf("row %d column %d: %q is not %v", i, c, r[c], want)
			}
		}
	}
}

func TestWithLeavesTheOriginal(t *testing.T) {
	f := mustSample(t, "bars")
	g := f.With("a", 1).With("b", 2)
	if len(f.params) != 0 || len(g.params) != 2 {
		t.Errorf("parameters %v and %v", f.params, g.params)
	}
}

// Panels that share an edge share their axes' margin, and no panel's data area is empty.
func TestComposeLinesUp(t *testing.T) {
	s := mustSample(t, "compose").content.(*stack)
	boxes, ms := s.place(box{0, 0, 500, 620})
	same := func(what string, a, b float64) {
		if math.Abs(a-b) > 1e-9 {
			t.Errorf("%s: %g and %g", what, a, b)
		}
	}
	same("left axes of c and e", boxes[1][0].x0+ms[1][0].left, boxes[2][0].x0+ms[2][0].left)
	same("right ends of b and d", boxes[0][1].x1-ms[0][1].right, boxes[1][1].x1-ms[1][1].right)
	same("x axes of c and d", boxes[1][0].y0+ms[1][0].bottom, boxes[1][1].y0+ms[1][1].bottom)
	var parts []string
	for _, tab := range s.tables() {
		parts = append(parts, tab.Part)
	}
	if got := strings.Join(parts, " "); got != "a b c d_values d_null e" {
		t.Errorf("tables %q", got)
	}
}

func TestPanelLetters(t *testing.T) {
	for n, want := range map[int]string{0: "a", 25: "z", 26: "aa", 27: "ab", 701: "zz", 702: "aaa"} {
		if got := panelLetter(n); got != want {
			t.Errorf("panel %d is %q, not %q", n, got, want)
		}
	}
}

// Published numbers are named in the JSON of the figure and of a figure composed of it.
func TestPublishedSourceTravels(t *testing.T) {
	f := mustSample(t, "lines_published")
	if len(f.sources) != 1 || f.sources[0] != "Frey 2023" {
		t.Errorf("sources %q", f.sources)
	}
	g, err := Compose(ComposeOptions{Meta: meta("n"), Rows: [][]*Figure{{f}, {mustSample(t, "boxes")}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(g.sources) != 1 {
		t.Errorf("sources of the composed figure: %q", g.sources)
	}
	svg, err := f.SVG()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(svg, []byte("published: Frey 2023")) {
		t.Error("the legend does not name the source")
	}
}
