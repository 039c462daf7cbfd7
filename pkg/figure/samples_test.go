package figure

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"testing"

	"github.com/ventral-lab/ventral/internal/rng"
)

// sample makes one figure of every kind from fixed data; golden_test.go compares them with their pictures.
type sample struct {
	name string
	make func() (*Figure, error)
}

var samples = []sample{
	{"heatmaps", sampleHeatmaps},
	{"heatmaps_shared", sampleShared},
	{"matrix", sampleMatrix},
	{"lines", sampleLines},
	{"lines_published", samplePublished},
	{"lines_log", sampleLog},
	{"boxes", sampleBoxes},
	{"violins", sampleViolins},
	{"ecdf", sampleECDF},
	{"histogram", sampleHistogram},
	{"scatter", sampleScatter},
	{"images", sampleImages},
	{"bars", sampleBars},
	{"bars_horizontal", sampleHorizontal},
	{"lesion", sampleLesion},
	{"training", sampleTraining},
	{"compose", sampleCompose},
}

func mustSample(t testing.TB, name string) *Figure {
	t.Helper()
	for _, s := range samples {
		if s.name == name {
			f, err := s.make()
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
	}
	t.Fatalf("no sample %q", name)
	return nil
}

// bump is a Gaussian field on an n x n map with noise.
func bump(n int, cx, cy, s float64, seed uint64) []float64 {
	r := rng.New(seed, "figure/test/bump")
	out := make([]float64, n*n)
	for i := range out {
		x, y := float64(i%n), float64(i/n)
		out[i] = math.Exp(-((x-cx)*(x-cx)+(y-cy)*(y-cy))/(2*s*s)) + 0.06*r.NormFloat64()
	}
	return out
}

// hexagons is an ideal grid cell: three cosine waves at 60 degrees.
func hexagons(n int, spacing, turn float64) []float64 {
	out := make([]float64, n*n)
	for i := range out {
		x, y := float64(i%n), float64(i/n)
		for w := range 3 {
			s, c := math.Sincos(turn + float64(w)*math.Pi/3)
			out[i] += math.Cos(4*math.Pi/math.Sqrt(3)/spacing*(c*x+s*y)) / 3
		}
	}
	return out
}

func sampleHeatmaps() (*Figure, error) {
	const n = 28
	rows := [][]Map{nil, nil, nil}
	for i := range 5 {
		f := float64(i)
		place := bump(n, 6+4*f, 20-3*f, 3+f/2, uint64(i))
		if i == 2 {
			for j := range 40 {
				place[(j*37)%len(place)] = math.NaN()
			}
		}
		grid := hexagons(n, 9+f, f*0.2)
		border := make([]float64, n*n)
		for j := range border {
			d := []int{j % n, j / n, n - 1 - j%n, n - 1 - j/n}[i%4]
			border[j] = math.Exp(-float64(d)/3) - 0.2
		}
		rows[0] = append(rows[0], Map{Values: place, Cols: n, Title: MapTitle(fmt.Sprintf("unit %d", 31+i*97), 1.42-0.2*f, place)})
		rows[1] = append(rows[1], Map{Values: grid, Cols: n, Title: MapTitle(fmt.Sprintf("unit %d", 402-i*53), 1.11-0.13*f, grid)})
		rows[2] = append(rows[2], Map{Values: border, Cols: n, Title: MapTitle(fmt.Sprintf("unit %d", 7+i*29), 0.71-0.1*f, border)})
	}
	return Heatmaps(HeatmapsOptions{Meta: Meta{Name: "heatmaps", Title: "Layer 9, class token: units with the highest scores", Width: MiddleColumn},
		Maps: rows, RowLabels: []string{"spatial information", "grid score", "border score"}})
}

func sampleShared() (*Figure, error) {
	const n = 14
	var row []Map
	for i := range 4 {
		row = append(row, Map{Values: bump(n, float64(3+3*i), 7, 2, uint64(10+i)), Cols: n, Title: fmt.Sprintf("layer %d", 3*i)})
	}
	return Heatmaps(HeatmapsOptions{Meta: Meta{Name: "heatmaps_shared"}, Maps: [][]Map{row}, Scale: Shared, ColorMap: Sequential, ColorBar: "mean activation"})
}

func sampleMatrix() (*Figure, error) {
	names := []string{"circle", "square", "triangle", "empty"}
	return Matrix(MatrixOptions{Meta: Meta{Name: "matrix", Title: "Zero-shot confusions"},
		Values:   [][]float64{{0.96, 0.03, 0.01, 0}, {0.05, 0.93, 0.02, 0}, {0.02, 0.04, 0.94, 0}, {0, 0.01, 0, 0.99}},
		RowNames: names, ColNames: names, RowTitle: "shown", ColTitle: "named", ColorMap: Blues, Min: 0, Max: 1, Print: 2, ColorBar: "share of pictures"})
}

// published41 are the targeted-lesion curves of the first document (Frey 2023, figure 4): the score with 0, 2.5, ...
// 100 % of 768 units silenced.
var published41 = map[string][]float64{
	"random":   {.7808, .7725, .7617, .7505, .7422, .7310, .7197, .7051, .6938, .6797, .6670, .6509, .6353, .6187, .6001, .5815, .5615, .5396, .5249, .4944, .4678, .4456, .4229, .3906, .3650, .3379, .3105, .2847, .2581, .2285, .2096, .1805, .1571, .1356, .1105, .0923, .0787, .0681, .0585, .0523, .0460},
	"targeted": {.7808, .7622, .7080, .6709, .6421, .6294, .6240, .6250, .6250, .6230, .6187, .6108, .6001, .5869, .5747, .5640, .5562, .5498, .5400, .5317, .5234, .5146, .5039, .4934, .4761, .4521, .4321, .4058, .3760, .3540, .3210, .2886, .2610, .2317, .2096, .1835, .1604, .1505, .1504, .1295, .0460},
	"absolute": {.7808, .8096, .7832, .7427, .7109, .6997, .6895, .6807, .6685, .6504, .6304, .6040, .5771, .5527, .5264, .5039, .4766, .4502, .4199, .3867, .3530, .3145, .2803, .2588, .2264, .1935, .1654, .1455, .1226, .1084, .0945, .0856, .0753, .0681, .0645, .0588, .0551, .0526, .0502, .0475, .0460},
}

func lesionCurves() (series []Series, published []Published) {
	for i, name := range []string{"random", "targeted", "absolute"} {
		var x, y, lo, hi []float64
		for j, v := range published41[name] {
			t := float64(j) / 40
			m := v*0.9 + 0.05 + 0.02*math.Sin(float64(j+7*i)/3)
			x, y, lo, hi = append(x, t), append(y, m), append(lo, m-0.03), append(hi, m+0.03)
		}
		series = append(series, Series{Name: name, X: x, Y: y, Lo: lo, Hi: hi})
		published = append(published, Published{Name: name, X: x, Y: published41[name], Source: "Frey 2023"})
	}
	return series, published
}

func sampleLines() (*Figure, error) {
	s, _ := lesionCurves()
	return Lines(LinesOptions{Meta: Meta{Name: "lines", Title: "Units silenced in block 9, mlp.c_proj"}, Series: s,
		X: Axis{Label: "units silenced (%)", Percent: true}, Y: Axis{Label: "p(“a black circle”)", Min: 0, Max: 1},
		References: []Reference{{Value: 0.5, Label: "chance"}, {Value: 0.4, Label: "crossover", Vertical: true}}})
}

func samplePublished() (*Figure, error) {
	s, p := lesionCurves()
	return Lines(LinesOptions{Meta: Meta{Name: "lines_published", Width: MiddleColumn}, Series: s[:2], Published: p[:2],
		X: Axis{Label: "units silenced (%)", Percent: true}, Y: Axis{Label: "p(circle)", LowLabel: "empty", HighLabel: "circle"},
		Notes: []Note{{X: 0.4, Y: 0.6, Text: "curves cross"}}})
}

func sampleLog() (*Figure, error) {
	var x, a, b []float64
	for i := range 9 {
		n := math.Pow(10, 1+float64(i)/2)
		x, a, b = append(x, n), append(a, 3/math.Sqrt(n)), append(b, 0.4/n)
	}
	return Lines(LinesOptions{Meta: Meta{Name: "lines_log"}, Series: []Series{{Name: "sampled", X: x, Y: a, Marker: MarkerCircle}, {Name: "grid design", X: x, Y: b, Marker: MarkerSquare, Dashed: true}},
		X: Axis{Label: "stimuli", Log: true}, Y: Axis{Label: "bias of information (bits)", Log: true}})
}

func draws(seed uint64, n int, mean, sd float64, f func(float64) float64) []float64 {
	r := rng.New(seed, "figure/test/draws")
	out := make([]float64, n)
	for i := range out {
		out[i] = f(mean + sd*r.NormFloat64())
	}
	return out
}

func logistic(v float64) float64 { return 1 / (1 + math.Exp(-v)) }

func sampleBoxes() (*Figure, error) {
	var s []Sample
	for i, g := range []string{"shape", "+ empty", "+ colour"} {
		for j, h := range []string{"circle", "square", "triangle", "empty"} {
			if i == 0 && j == 3 {
				continue
			}
			s = append(s, Sample{g, h, draws(uint64(10*i+j), 120, []float64{2.1, -3, -2.7, 1.2}[j]-float64(i)*0.7, 0.6, logistic)})
		}
	}
	return Boxes(BoxesOptions{Meta: Meta{Name: "boxes", Title: "Zero-shot probabilities of circles"}, Samples: s,
		X: Axis{Label: "prompts"}, Y: Axis{Label: "probability", Min: 0, Max: 1}, References: []Reference{{Value: 0.25, Label: "chance"}},
		Published: []Summary{{"shape", "circle", .770, .863, .904, .926, .967}, {"shape", "square", .012, .032, .042, .058, .098}, {"+ empty", "circle", .003, .042, .079, .126, .248}, {"+ empty", "empty", .731, .863, .913, .951, .994}}, Source: "Frey 2023"})
}

func sampleViolins() (*Figure, error) {
	var s []Sample
	var null []NullBand
	for l := range 8 {
		g := fmt.Sprint(l)
		s = append(s, Sample{g, "trained", draws(uint64(l), 200, 0.15+0.06*float64(l), 0.12+0.01*float64(l), math.Abs)},
			Sample{g, "untrained", draws(uint64(100+l), 200, 0.1, 0.07, math.Abs)})
		null = append(null, NullBand{g, 0.02, 0.08, 0.17})
	}
	return Violins(ViolinsOptions{Meta: Meta{Name: "violins", Title: "Spatial information by layer"}, Samples: s, Null: null, NullLabel: "95 % of shuffles",
		X: Axis{Label: "layer"}, Y: Axis{Label: "information (bits/event)"}, Colors: map[string]string{"untrained": "gray"}})
}

func sampleECDF() (*Figure, error) {
	var s []Sample
	for l := range 6 {
		s = append(s, Sample{Group: fmt.Sprintf("layer %d", 2*l), Values: draws(uint64(l), 150, 0.1+0.1*float64(l), 0.15, math.Abs)})
	}
	return ECDF(ECDFOptions{Meta: Meta{Name: "ecdf"}, Samples: s, Ordered: true, X: Axis{Label: "grid score"},
		Null: []Sample{{Values: draws(50, 150, 0, 0.12, math.Abs)}, {Values: draws(51, 150, 0, 0.14, math.Abs)}}, NullLabel: "shuffles"})
}

func sampleHistogram() (*Figure, error) {
	return Histogram(HistogramOptions{Meta: Meta{Name: "histogram"}, Samples: []Sample{{Group: "shuffled positions", Values: draws(1, 1000, 0.11, 0.03, math.Abs)}},
		X: Axis{Label: "information (bits/event)"}, References: []Reference{{Value: 0.26, Label: "observed, p = 0.001", Vertical: true, Color: "C1"}}, Colors: map[string]string{"shuffled positions": "gray"}})
}

func sampleScatter() (*Figure, error) {
	x, y := draws(1, 400, 112, 50, func(v float64) float64 { return math.Abs(math.Mod(v, 224)) }), draws(2, 400, 112, 50, func(v float64) float64 { return math.Abs(math.Mod(v, 224)) })
	v := make([]float64, len(x))
	for i := range v {
		v[i] = math.Hypot(x[i]-112, y[i]-112)
	}
	return Scatter(ScatterOptions{Meta: Meta{Name: "scatter", Title: "Stimulus centres"}, Points: []PointSet{{X: x, Y: y, Value: v}}, Equal: true, ColorMap: Sequential,
		X: Axis{Label: "x (px)", Min: 0, Max: 224}, Y: Axis{Label: "y (px)", Min: 0, Max: 224, Reverse: true}, ColorBar: "eccentricity (px)"})
}

// disc is a black circle on white.
func disc(n int, cx, cy, r float64) image.Image {
	m := image.NewGray(image.Rect(0, 0, n, n))
	for y := range n {
		for x := range n {
			d := math.Hypot(float64(x)+0.5-cx, float64(y)+0.5-cy) - r
			m.SetGray(x, y, color.Gray{Y: uint8(255 * math.Min(math.Max(d+0.5, 0), 1))})
		}
	}
	return m
}

func sampleImages() (*Figure, error) {
	var rows [][]Picture
	for r := range 2 {
		var row []Picture
		for c := range 4 {
			i := float64(r*4 + c)
			row = append(row, Picture{Image: disc(112, 20+i*11, 90-i*9, 8+i*2), Title: fmt.Sprintf("circle %d", r*4+c)})
		}
		rows = append(rows, row)
	}
	rows[1][3].Border = "C1"
	return Images(ImagesOptions{Meta: Meta{Name: "images"}, Pictures: rows})
}

func sampleBars() (*Figure, error) {
	var b []Bar
	for i, g := range []string{"shape", "colour", "size", "word"} {
		v := []float64{0.97, 0.96, 0.81, 0.42}[i]
		b = append(b, Bar{g, "trained", v, v - 0.03, math.Min(1, v+0.02)}, Bar{g, "untrained", 0.24 - 0.04*float64(i), 0.2 - 0.04*float64(i), 0.29 - 0.04*float64(i)})
	}
	return Bars(BarsOptions{Meta: Meta{Name: "bars", Title: "Zero-shot accuracy, held-out pictures"}, Bars: b, Y: Axis{Label: "accuracy (%)", Percent: true, Min: 0, Max: 1.05},
		References: []Reference{{Value: 0.25, Label: "chance"}}, Colors: map[string]string{"untrained": "gray"}, Print: 2})
}

func sampleHorizontal() (*Figure, error) {
	var b []Bar
	for i, g := range []string{"random", "white", "gray", "all colours", "red", "green", "blue"} {
		v := []float64{-2.10, -5.0, 2.65, 13.64, 6.42, 6.48, 2.53}[i]
		b = append(b, Bar{Group: g, Value: v, Lo: v - 0.7, Hi: v + 0.7})
	}
	return Bars(BarsOptions{Meta: Meta{Name: "bars_horizontal"}, Bars: b, Horizontal: true, X: Axis{Label: "largest response"}})
}

// lesionTable is the first document's figure 3 (Frey 2023): the score without each module of a block, visual tower
// then text tower.
var lesionTable = [12][12]float64{
	{.602, .602, .694, .365, .624, .223, .249, .249, .497, .299, .379, .718},
	{.535, .535, .671, .091, .382, .661, .704, .704, .825, .740, .420, .626},
	{.621, .621, .724, .606, .529, .769, .883, .883, .827, .759, .834, .879},
	{.394, .394, .631, .588, .555, .545, .887, .887, .891, .855, .511, .720},
	{.352, .352, .352, .731, .656, .850, .862, .862, .806, .942, .670, .859},
	{.658, .658, .811, .773, .700, .335, .732, .732, .693, .975, .849, .948},
	{.706, .706, .783, .193, .361, .179, .766, .766, .802, .753, .818, .938},
	{.449, .449, .557, .261, .435, .149, .696, .696, .751, .865, .665, .649},
	{.671, .671, .658, .348, .523, .525, .814, .814, .809, .814, .571, .701},
	{.686, .686, .465, .169, .047, .112, .930, .930, .935, .802, .786, .712},
	{.857, .857, .789, .780, .893, .690, .595, .595, .692, .837, .836, .850},
	{.166, .166, .225, .957, .932, .713, .688, .688, .765, .799, .795, .814},
}

func lesionModules() []Module {
	kinds := []string{"attn", "attn.out_proj", "ln_1", "mlp.c_fc", "mlp.c_proj", "ln_2"}
	mods := []Module{{Name: "visual.conv1", Tower: "visual", Kind: "conv1", Value: 0.02}, {Name: "visual.ln_pre", Tower: "visual", Kind: "ln_pre", Value: 0.173}}
	for t, tower := range []string{"visual", "text"} {
		for b, row := range lesionTable {
			for k, kind := range kinds {
				v := row[6*t+k]
				mods = append(mods, Module{Name: fmt.Sprintf("%s.resblocks.%d.%s", tower, b, kind), Tower: tower, Block: fmt.Sprint(b), Kind: kind, Value: v, Lo: v - 0.02, Hi: v + 0.02})
			}
		}
		if t == 0 {
			mods = append(mods, Module{Name: "visual.ln_post", Tower: "visual", Kind: "ln_post", Value: math.NaN()})
		}
	}
	return append(mods, Module{Name: "token_embedding", Tower: "text", Kind: "token_embedding", Value: 0.5}, Module{Name: "ln_final", Tower: "text", Kind: "ln_final", Value: math.NaN()})
}

func sampleLesion() (*Figure, error) {
	pub := &PublishedModules{Source: "Frey 2023", Values: map[string]float64{}}
	for b := range 12 {
		pub.Values[fmt.Sprintf("visual.resblocks.%d.attn", b)] = lesionTable[b][0] + 0.03
	}
	return LesionBars(LesionBarsOptions{Meta: Meta{Name: "lesion", Title: "Every module silenced once"}, Modules: lesionModules(), Baseline: 0.7739, BaselineLo: 0.76, BaselineHi: 0.79,
		Y:      Axis{Label: "p(“a black circle”)", Min: 0, Max: 1, LowLabel: "empty image", HighLabel: "black circle"},
		Chance: Ptr(0.5), TowerNames: map[string]string{"visual": "vision tower", "text": "text tower"}, Published: pub,
		Notes: []ModuleNote{{"visual.conv1", "conv1"}, {"visual.resblocks.9.mlp.c_proj", "block 9, mlp.c_proj"}, {"visual.resblocks.11.mlp.c_fc", "block 11, mlp.c_fc"}}})
}

func sampleTraining() (*Figure, error) {
	var x, raw, smooth, ex, acc, val []float64
	noise := draws(3, 300, 0, 0.12, func(v float64) float64 { return v })
	for i := range 300 {
		s := float64(i) * 1000
		l := 0.25 + 5*math.Exp(-float64(i)/50)
		x, raw, smooth = append(x, s), append(raw, l*math.Exp(noise[i])), append(smooth, l)
		if i%15 == 0 {
			ex, acc, val = append(ex, s), append(acc, 0.97-0.72*math.Exp(-float64(i)/70)), append(val, 0.93-0.68*math.Exp(-float64(i)/80))
		}
	}
	return TrainingCurve(TrainingOptions{Meta: Meta{Name: "training", Title: "mini-CLIP"}, XLabel: "pictures seen", LossLog: true,
		Loss:       []Series{{Name: "batch", X: x, Y: raw, Muted: true, Color: "C0"}, {Name: "training", X: x, Y: smooth, Color: "C0"}},
		Metrics:    []Series{{Name: "shape", X: ex, Y: acc, Marker: MarkerCircle}, {Name: "colour", X: ex, Y: val, Marker: MarkerSquare}},
		References: []Reference{{Value: 0.25, Label: "chance"}, {Value: 20000, Label: "warm-up ends", Vertical: true}}})
}

func sampleCompose() (*Figure, error) {
	var panels []*Figure
	for _, m := range []func() (*Figure, error){sampleImages, sampleScatter, sampleLines, sampleViolins, sampleLesion} {
		f, err := m()
		if err != nil {
			return nil, err
		}
		panels = append(panels, f)
	}
	return Compose(ComposeOptions{Meta: Meta{Name: "compose"}, Rows: [][]*Figure{panels[:2], panels[2:4], panels[4:]}})
}
