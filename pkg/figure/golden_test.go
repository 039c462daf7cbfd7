package figure

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden.png from what is drawn now; look at them before committing")

var look = flag.String("look", "", "folder to draw every sample into at 200 dpi, to be looked at")

// goldenDPI keeps the golden pictures small enough to live in the repository and large enough to read.
const goldenDPI = 100

// A drawing matches its golden picture when no more than goldenShare of the pixels differ by more than goldenStep.
// The step is a distance in the YIQ space weighted as the eye weighs it (Kotsarenko and Ramos 2010), where black to
// white is 1: 0.1 is the rounding of one anti-aliased edge. Fused multiply-adds on other processors move edges by
// that much and no more; the share leaves room for a handful of edges that round to the next pixel.
const (
	goldenStep  = 0.1
	goldenShare = 0.0005
)

func TestGolden(t *testing.T) {
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			f, err := s.make()
			if err != nil {
				t.Fatal(err)
			}
			if *look != "" {
				big, err := f.PNG(200)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(*look, s.name+".png"), big, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			b, err := f.PNG(goldenDPI)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", s.name+".golden.png")
			if *update {
				if err := os.WriteFile(file, b, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v (go test ./pkg/figure -update makes it)", err)
			}
			share, err := difference(b, want)
			if err != nil {
				t.Fatal(err)
			}
			if share > goldenShare {
				got := filepath.Join(t.TempDir(), s.name+".png")
				t.Errorf("%.3f %% of the pixels differ from %s, at most %.3f %% may; drawn: %s", 100*share, file, 100*goldenShare, got)
				_ = os.WriteFile(got, b, 0o644)
			}
		})
	}
}

// difference is the share of pixels that differ visibly.
func difference(a, b []byte) (float64, error) {
	p, err := png.Decode(bytes.NewReader(a))
	if err != nil {
		return 0, err
	}
	q, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return 0, err
	}
	if p.Bounds() != q.Bounds() {
		return 1, fmt.Errorf("the sizes differ: %v and %v", p.Bounds(), q.Bounds())
	}
	n := 0
	for y := range p.Bounds().Dy() {
		for x := range p.Bounds().Dx() {
			if yiq(p, q, x, y) > goldenStep {
				n++
			}
		}
	}
	return float64(n) / float64(p.Bounds().Dx()*p.Bounds().Dy()), nil
}

// yiq is the weighted YIQ distance of two pixels, black to white being 1.
func yiq(p, q image.Image, x, y int) float64 {
	var d [3]float64
	r0, g0, b0, _ := p.At(x, y).RGBA()
	r1, g1, b1, _ := q.At(x, y).RGBA()
	for i, v := range [3][2]uint32{{r0, r1}, {g0, g1}, {b0, b1}} {
		d[i] = (float64(v[0]) - float64(v[1])) / 65535
	}
	Y := 0.29889531*d[0] + 0.58662247*d[1] + 0.11448223*d[2]
	I := 0.59597799*d[0] - 0.27417610*d[1] - 0.32180189*d[2]
	Q := 0.21147017*d[0] - 0.52261711*d[1] + 0.31114694*d[2]
	return math.Sqrt((0.5053*Y*Y + 0.299*I*I + 0.1957*Q*Q) / 0.5053)
}

// A golden test that cannot fail is none: a shifted drawing must not pass.
func TestGoldenNoticesChange(t *testing.T) {
	a, err := mustSample(t, "lines").PNG(goldenDPI)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := lesionCurves()
	s[1].Y[20] += 0.02
	f, err := Lines(LinesOptions{Meta: Meta{Name: "lines", Title: "Units silenced in block 9, mlp.c_proj"}, Series: s,
		X: Axis{Label: "units silenced (%)", Percent: true}, Y: Axis{Label: "p(“a black circle”)", Min: 0, Max: 1},
		References: []Reference{{Value: 0.5, Label: "chance"}, {Value: 0.4, Label: "crossover", Vertical: true}}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.PNG(goldenDPI)
	if err != nil {
		t.Fatal(err)
	}
	share, err := difference(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if share <= goldenShare/5 {
		t.Errorf("one point of one curve moved by 2 %% of the axis and only %.4f %% of the pixels differ", 100*share)
	}
}
