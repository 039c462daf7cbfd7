package figure_test

import (
	"fmt"
	"image"
	"log"
	"math"
	"os"
	"path/filepath"

	"github.com/ventral-lab/ventral/pkg/figure"
)

func Example() {
	f, err := figure.Lines(figure.LinesOptions{
		Meta: figure.Meta{Name: "silenced", Title: "Silencing units", Params: map[string]any{"layer": 9}},
		X:    figure.Axis{Label: "units silenced (%)", Percent: true},
		Y:    figure.Axis{Label: "p(circle)", Min: 0, Max: 1},
		Series: []figure.Series{
			{Name: "targeted", X: []float64{0, 0.5, 1}, Y: []float64{0.78, 0.5, 0.05}, Lo: []float64{0.75, 0.46, 0.03}, Hi: []float64{0.81, 0.54, 0.07}},
			{Name: "random", X: []float64{0, 0.5, 1}, Y: []float64{0.78, 0.45, 0.05}},
		},
		References: []figure.Reference{{Value: 0.5, Label: "chance"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "figures")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	paths, err := f.Save(dir)
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range paths {
		fmt.Println(filepath.Base(p))
	}
	// Output:
	// silenced.png
	// silenced.svg
	// silenced.pdf
	// silenced.csv
	// silenced.json
}

func ExampleLines() {
	f, err := figure.Lines(figure.LinesOptions{
		Meta:      figure.Meta{Name: "replication"},
		Series:    []figure.Series{{Name: "ours", X: []float64{0, 1}, Y: []float64{0.79, 0.06}}},
		Published: []figure.Published{{Name: "theirs", X: []float64{0, 1}, Y: []float64{0.781, 0.046}, Source: "Frey 2023, fig. 4"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, row := range f.Data()[0].Rows {
		fmt.Printf("%q\n", row)
	}
	// Output:
	// ["ours" "" "0" "0.79" "" ""]
	// ["ours" "" "1" "0.06" "" ""]
	// ["theirs" "Frey 2023, fig. 4" "0" "0.781" "" ""]
	// ["theirs" "Frey 2023, fig. 4" "1" "0.046" "" ""]
}

func ExampleHeatmaps() {
	a, b := []float64{0.1, 0.4, math.NaN(), 0.2}, []float64{-1, 0, 2, 1}
	f, err := figure.Heatmaps(figure.HeatmapsOptions{
		Meta:   figure.Meta{Name: "maps"},
		Maps:   [][]figure.Map{{{Values: a, Cols: 2, Title: figure.MapTitle("unit 12", 0.83, a)}, {Values: b, Cols: 2, Title: figure.MapTitle("unit 7", 0.51, b)}}},
		Center: figure.Ptr(0.0),
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, row := range f.Data()[0].Rows {
		fmt.Println(row)
	}
	// Output:
	// [0 0 unit 12 0.83 [0.10, 0.40] -0.4 0.4]
	// [0 1 unit 7 0.51 [−1.00, 2.00] -2 2]
}

func ExampleMapTitle() {
	fmt.Println(figure.MapTitle("unit 402", 1.108, []float64{-0.5, 0.25, math.NaN(), 1}))
	// Output:
	// unit 402
	// 1.11 [−0.50, 1.00]
}

func ExampleMatrix() {
	f, err := figure.Matrix(figure.MatrixOptions{
		Meta:   figure.Meta{Name: "confusion"},
		Values: [][]float64{{0.97, 0.03}, {0.1, 0.9}}, RowNames: []string{"circle", "square"}, ColNames: []string{"circle", "square"}, Print: 2,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(f.Data()[0].Rows[1])
	// Output: [0 1 circle square 0.03]
}

func ExampleBoxes() {
	f, err := figure.Boxes(figure.BoxesOptions{Meta: figure.Meta{Name: "boxes"},
		Samples: []figure.Sample{{Group: "circle", Values: []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 40}}}})
	if err != nil {
		log.Fatal(err)
	}
	t := f.Data()[0]
	fmt.Println(t.Header[3:], t.Rows[0][3:])
	// Output: [n low q1 median q3 high] [10 1 3.25 5.5 7.75 9]
}

func ExampleViolins() {
	f, err := figure.Violins(figure.ViolinsOptions{Meta: figure.Meta{Name: "scores"},
		Samples: []figure.Sample{{Group: "layer 0", Values: []float64{0.1, 0.2, 0.2}}, {Group: "layer 1", Values: []float64{0.3, 0.5, 0.4}}},
		Null:    []figure.NullBand{{Group: "layer 0", Lo: 0, Mid: 0.1, Hi: 0.2}}, NullLabel: "95 % of shuffles"})
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range f.Data() {
		fmt.Println(t.Part, len(t.Rows))
	}
	// Output:
	// values 6
	// null 1
}

func ExampleECDF() {
	f, err := figure.ECDF(figure.ECDFOptions{Meta: figure.Meta{Name: "ecdf"}, Samples: []figure.Sample{{Group: "layer 3", Values: []float64{0.2, 0.1}}}})
	if err != nil {
		log.Fatal(err)
	}
	for _, row := range f.Data()[0].Rows {
		fmt.Println(row[0], row[2], row[3])
	}
	// Output:
	// layer 3 0.1 0
	// layer 3 0.1 0.5
	// layer 3 0.2 1
}

func ExampleHistogram() {
	f, err := figure.Histogram(figure.HistogramOptions{Meta: figure.Meta{Name: "null"}, Samples: []figure.Sample{{Group: "shuffled", Values: []float64{0, 1, 1, 2}}}, Bins: 2,
		References: []figure.Reference{{Value: 2.5, Label: "observed", Vertical: true}}})
	if err != nil {
		log.Fatal(err)
	}
	for _, row := range f.Data()[0].Rows {
		fmt.Println(row)
	}
	// Output:
	// [shuffled 0 1 1]
	// [shuffled 1 2 3]
}

func ExampleScatter() {
	f, err := figure.Scatter(figure.ScatterOptions{Meta: figure.Meta{Name: "centres"}, Equal: true,
		X: figure.Axis{Label: "x (px)", Min: 0, Max: 224}, Y: figure.Axis{Label: "y (px)", Min: 0, Max: 224, Reverse: true},
		Points: []figure.PointSet{{Name: "circles", X: []float64{12, 200}, Y: []float64{40, 100}, Value: []float64{20, 80}}}, ColorBar: "diameter (px)"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(f.Data()[0].Rows)
	// Output: [[circles 12 40  20 ] [circles 200 100  80 ]]
}

func ExampleImages() {
	f, err := figure.Images(figure.ImagesOptions{Meta: figure.Meta{Name: "stimuli"},
		Pictures: [][]figure.Picture{{{Image: image.NewGray(image.Rect(0, 0, 32, 24)), Title: "black"}, {Title: "left out"}}}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(f.Data()[0].Rows[0][:5])
	// Output: [0 0 black 32 24]
}

func ExampleBars() {
	f, err := figure.Bars(figure.BarsOptions{Meta: figure.Meta{Name: "accuracy"}, Y: figure.Axis{Label: "accuracy (%)", Percent: true, Min: 0, Max: 1},
		Bars: []figure.Bar{{Group: "shape", Hue: "trained", Value: 0.97, Lo: 0.95, Hi: 0.98}, {Group: "shape", Hue: "untrained", Value: 0.24}}})
	if err != nil {
		log.Fatal(err)
	}
	for _, row := range f.Data()[0].Rows {
		fmt.Printf("%q\n", row)
	}
	// Output:
	// ["shape" "trained" "" "0.97" "0.95" "0.98"]
	// ["shape" "untrained" "" "0.24" "" ""]
}

func ExampleLesionBars() {
	f, err := figure.LesionBars(figure.LesionBarsOptions{Meta: figure.Meta{Name: "lesions"}, Baseline: 0.774,
		Modules: []figure.Module{
			{Name: "visual.conv1", Tower: "visual", Kind: "conv1", Value: 0.02},
			{Name: "visual.transformer.resblocks.0.attn", Tower: "visual", Block: "0", Kind: "attn", Value: 0.602, Lo: 0.58, Hi: 0.62},
			{Name: "ln_final", Tower: "text", Kind: "ln_final", Value: math.NaN()},
		},
		Notes: []figure.ModuleNote{{Module: "visual.conv1", Text: "conv1"}}})
	if err != nil {
		log.Fatal(err)
	}
	for _, row := range f.Data()[0].Rows {
		fmt.Println(row[1], row[5])
	}
	// Output:
	// visual.conv1 0.02
	// visual.transformer.resblocks.0.attn 0.602
	// ln_final
}

func ExampleTrainingCurve() {
	steps := []float64{0, 100, 200}
	f, err := figure.TrainingCurve(figure.TrainingOptions{Meta: figure.Meta{Name: "training"}, LossLog: true,
		Loss:       []figure.Series{{Name: "loss", X: steps, Y: []float64{5, 1, 0.4}}},
		Metrics:    []figure.Series{{Name: "shape", X: steps, Y: []float64{0.25, 0.7, 0.9}}},
		References: []figure.Reference{{Value: 0.25, Label: "chance"}}})
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range f.Data() {
		fmt.Println(t.Part, len(t.Rows))
	}
	// Output:
	// loss 3
	// metrics 3
}

func ExampleCompose() {
	panel := func(name string) *figure.Figure {
		f, err := figure.Lines(figure.LinesOptions{Meta: figure.Meta{Name: name, Title: name}, Series: []figure.Series{{X: []float64{0, 1}, Y: []float64{0, 1}}}})
		if err != nil {
			log.Fatal(err)
		}
		return f
	}
	f, err := figure.Compose(figure.ComposeOptions{Meta: figure.Meta{Name: "figure1"},
		Rows: [][]*figure.Figure{{panel("left"), panel("right")}, {panel("below")}}, Weights: [][]float64{{2, 1}}})
	if err != nil {
		log.Fatal(err)
	}
	w, _ := f.Size()
	fmt.Printf("%.0f mm\n", w)
	for _, t := range f.Data() {
		fmt.Println("panel", t.Part)
	}
	// Output:
	// 183 mm
	// panel a
	// panel b
	// panel c
}

func ExampleFigure_With() {
	f, err := figure.Bars(figure.BarsOptions{Meta: figure.Meta{Name: "b"}, Bars: []figure.Bar{{Group: "g", Value: 1}}})
	if err != nil {
		log.Fatal(err)
	}
	g := f.With("seed", 1).With("model", "mini/clip-vit")
	fmt.Println(g.Name, g != f)
	// Output: b true
}

func ExampleColorMap_At() {
	fmt.Println(figure.Diverging.At(0.5), figure.Diverging.At(math.NaN()))
	// Output: {255 255 255 255} {190 190 190 255}
}
