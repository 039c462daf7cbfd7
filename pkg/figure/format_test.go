package figure

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// An SVG is XML with no reference outside itself; its rasters fill their rectangles; its text has a length and a font
// with alternatives.
func TestSVGIsWellFormed(t *testing.T) {
	for _, s := range samples {
		b, err := mustSample(t, s.name).SVG()
		if err != nil {
			t.Fatal(err)
		}
		d := xml.NewDecoder(bytes.NewReader(b))
		d.Strict = true
		depth, texts, images := 0, 0, 0
		for {
			tok, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", s.name, err)
			}
			switch e := tok.(type) {
			case xml.EndElement:
				depth--
			case xml.StartElement:
				depth++
				attr := map[string]string{}
				for _, a := range e.Attr {
					attr[a.Name.Local] = a.Value
				}
				switch e.Name.Local {
				case "image":
					images++
					if attr["preserveAspectRatio"] != "none" || !strings.HasPrefix(attr["href"], "data:image/png;base64,") {
						t.Errorf("%s: an image keeps its ratio or is not inside: %.60s", s.name, attr["href"])
					}
				case "text":
					texts++
					if !strings.Contains(attr["style"], "Liberation Sans,Arial,Helvetica,sans-serif") {
						t.Errorf("%s: text style %q", s.name, attr["style"])
					}
					if v, err := strconv.ParseFloat(attr["textLength"], 64); err != nil || v <= 0 {
						t.Errorf("%s: text length %q", s.name, attr["textLength"])
					}
				}
			}
		}
		if depth != 0 || texts == 0 {
			t.Errorf("%s: depth %d, %d texts", s.name, depth, texts)
		}
		if s.name == "heatmaps" && images != 16 {
			t.Errorf("15 maps and a colour bar are %d images", images)
		}
	}
}

// Labels with marks of XML come out as they went in.
func TestSVGEscapes(t *testing.T) {
	const label = `p < 0.05 & "r" > 0 <image <text`
	f, err := Lines(LinesOptions{Meta: meta("n"), Series: []Series{{X: []float64{1, 2}, Y: []float64{1, 2}}}, X: Axis{Label: label}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.SVG()
	if err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(bytes.NewReader(b))
	found := false
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if c, ok := tok.(xml.CharData); ok && string(c) == label {
			found = true
		}
	}
	if !found {
		t.Errorf("the label %q is not in the SVG", label)
	}
}

// A PDF's cross-reference table points at its objects; it holds no date and is small although its fonts are inside.
func TestPDFStructure(t *testing.T) {
	for _, s := range samples {
		b, err := mustSample(t, s.name).PDF()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(b, []byte("%PDF-1.5\n")) || !bytes.HasSuffix(b, []byte("\n%%EOF\n")) {
			t.Fatalf("%s: begins %q, ends %q", s.name, b[:12], b[len(b)-12:])
		}
		m := regexp.MustCompile(`startxref\n(\d+)\n%%EOF`).FindSubmatch(b)
		at, err := strconv.Atoi(string(m[1]))
		if err != nil || !bytes.HasPrefix(b[at:], []byte("xref\n0 ")) {
			t.Fatalf("%s: startxref does not point at the table", s.name)
		}
		var n int
		if _, err := fmt.Sscanf(string(b[at:]), "xref\n0 %d", &n); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(b[at:]), "\n")[2:]
		for i := 1; i < n; i++ {
			off, err := strconv.Atoi(lines[i][:10])
			if err != nil || !bytes.HasPrefix(b[off:], fmt.Appendf(nil, "%d 0 obj\n", i)) {
				t.Fatalf("%s: object %d is not at %q", s.name, i, lines[i])
			}
		}
		for _, bad := range []string{"Date", "/ID"} {
			if bytes.Contains(b, []byte(bad)) {
				t.Errorf("%s: the file holds %q", s.name, bad)
			}
		}
		if len(b) > 120<<10 {
			t.Errorf("%s: %d bytes", s.name, len(b))
		}
	}
}

// pixels draws a gallery of one bare map and returns a function that reads the middle of a cell.
func pixels(t *testing.T, o HeatmapsOptions) func(row, col int) color.NRGBA {
	t.Helper()
	o.Meta, o.NoColorBar = Meta{Name: "n", Width: 40}, true
	f, err := Heatmaps(o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.PNG(200)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	cols := o.Maps[0][0].Cols
	rows := len(o.Maps[0][0].Values) / cols
	pad := pageMargin / 72 * 200
	return func(row, col int) color.NRGBA {
		r := m.Bounds()
		x := pad + (float64(r.Dx())-2*pad)*(float64(col)+0.5)/float64(cols)
		y := pad + (float64(r.Dy())-2*pad)*(float64(row)+0.5)/float64(rows)
		return color.NRGBAModel.Convert(m.At(int(x), int(y))).(color.NRGBA)
	}
}

// The colours on the page are those of the map: least, middle, greatest and missing, and the first row is on top.
func TestMapColours(t *testing.T) {
	one := [][]Map{{{Values: []float64{0, 5, 10, math.NaN()}, Cols: 2}}}
	at := pixels(t, HeatmapsOptions{Maps: one})
	for _, c := range []struct {
		row, col int
		want     color.NRGBA
	}{{0, 0, Diverging.At(0)}, {0, 1, white}, {1, 0, Diverging.At(1)}, {1, 1, missing}} {
		if got := at(c.row, c.col); got != c.want {
			t.Errorf("cell %d,%d is %v, not %v", c.row, c.col, got, c.want)
		}
	}
	flipped := pixels(t, HeatmapsOptions{Maps: one, FlipY: true})
	for _, c := range [][2]int{{0, 0}, {0, 1}, {1, 0}, {1, 1}} {
		if flipped(1-c[0], c[1]) != at(c[0], c[1]) {
			t.Errorf("FlipY: cell %v is not mirrored", c)
		}
	}
	// With a centre at zero, 5 of -10..10 lies at three quarters.
	if got, want := pixels(t, HeatmapsOptions{Maps: one, Center: Ptr(0.0)})(0, 1), Diverging.At(0.75); distance(got, want) > 3 {
		t.Errorf("centred at zero, 5 of 10 is %v, not %v", got, want)
	}
	// A constant map is drawn in the middle colour, not left out.
	flat := pixels(t, HeatmapsOptions{Maps: [][]Map{{{Values: []float64{3, 3, 3, 3}, Cols: 2}}}})
	if got := flat(0, 0); got != white {
		t.Errorf("a constant map is %v", got)
	}
}

func distance(a, b color.NRGBA) float64 {
	d := func(x, y uint8) float64 { return math.Abs(float64(x) - float64(y)) }
	return math.Max(d(a.R, b.R), math.Max(d(a.G, b.G), d(a.B, b.B)))
}

// Shared scales give equal values equal colours across panels, own scales do not.
func TestSharedScale(t *testing.T) {
	rows := [][]Map{{{Values: []float64{0, 1}, Cols: 2}, {Values: []float64{0, 4}, Cols: 2}}, {{Values: []float64{0, 8}, Cols: 2}}}
	for scale, want := range map[Scale][3]float64{PerPanel: {1, 4, 8}, PerRow: {4, 4, 8}, Shared: {8, 8, 8}} {
		f, err := Heatmaps(HeatmapsOptions{Meta: meta("n"), Maps: rows, Scale: scale})
		if err != nil {
			t.Fatal(err)
		}
		n := f.content.(*gallery).norms
		if got := [3]float64{n[0][0].hi, n[0][1].hi, n[1][0].hi}; got != want {
			t.Errorf("scale %d: the ranges end at %v, not %v", scale, got, want)
		}
	}
}

// More than 2000 points become a raster in vector files, which stay small; fewer stay vectors.
func TestManyPoints(t *testing.T) {
	make := func(n int) []byte {
		x, y := draws(1, n, 0, 1, func(v float64) float64 { return v }), draws(2, n, 0, 1, func(v float64) float64 { return v })
		f, err := Scatter(ScatterOptions{Meta: meta("n"), Points: []PointSet{{X: x, Y: y}}})
		if err != nil {
			t.Fatal(err)
		}
		b, err := f.SVG()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if b := make(2000); bytes.Contains(b, []byte("<image")) {
		t.Error("2000 points are a raster")
	}
	if b := make(20000); bytes.Count(b, []byte("<image")) != 1 || len(b) > 600<<10 {
		t.Errorf("20000 points: %d rasters, %d bytes", bytes.Count(b, []byte("<image")), len(b))
	}
}

// A transparent picture is laid over white in every format.
func TestOpaque(t *testing.T) {
	m := image.NewNRGBA(image.Rect(3, 4, 5, 6))
	m.SetNRGBA(3, 4, color.NRGBA{255, 0, 0, 128})
	o := opaque(m)
	if got := color.NRGBAModel.Convert(o.At(3, 4)).(color.NRGBA); distance(got, color.NRGBA{255, 127, 127, 255}) > 1 || got.A != 255 {
		t.Errorf("half red over white is %v", got)
	}
	if got := color.NRGBAModel.Convert(o.At(4, 5)).(color.NRGBA); got != white {
		t.Errorf("nothing over white is %v", got)
	}
}
