package notebook

import (
	"bytes"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ventral-lab/ventral/pkg/figure"
)

// TestLight: a picture of maps becomes much smaller and hardly another; small pictures stay as they are.
func TestLight(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var maps [][]figure.Map
	for range 3 {
		var row []figure.Map
		for range 4 {
			v := make([]float64, 28*28)
			for i := range v {
				v[i] = r.NormFloat64()
			}
			row = append(row, figure.Map{Values: v, Cols: 28, Title: "unit"})
		}
		maps = append(maps, row)
	}
	f, err := figure.Heatmaps(figure.HeatmapsOptions{Meta: figure.Meta{Name: "m"}, Maps: maps})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := f.PNG(110)
	if err != nil {
		t.Fatal(err)
	}
	got := light(raw)
	if len(raw) < lightFrom || 2*len(got) > len(raw) {
		t.Errorf("%d bytes became %d", len(raw), len(got))
	}
	a, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	b, err := png.Decode(bytes.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	if a.Bounds() != b.Bounds() {
		t.Fatalf("%v became %v", a.Bounds(), b.Bounds())
	}
	sum, worst, n := 0.0, 0.0, 0.0
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			p, q := color.NRGBAModel.Convert(a.At(x, y)).(color.NRGBA), color.NRGBAModel.Convert(b.At(x, y)).(color.NRGBA)
			d := math.Abs(float64(p.R)-float64(q.R)) + math.Abs(float64(p.G)-float64(q.G)) + math.Abs(float64(p.B)-float64(q.B))
			sum, worst, n = sum+d/3, max(worst, d/3), n+1
		}
	}
	if sum/n > 2 || worst > 40 {
		t.Errorf("levels differ by %.2f on the average and %.0f at most", sum/n, worst)
	}
	if again := light(raw); !bytes.Equal(again, got) {
		t.Error("not the same bytes twice")
	}
	small := []byte("no picture, and small")
	if !bytes.Equal(light(small), small) || !bytes.Equal(light(bytes.Repeat(small, lightFrom)), bytes.Repeat(small, lightFrom)) {
		t.Error("what is no picture, or small, was changed")
	}
}
