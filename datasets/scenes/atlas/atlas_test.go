package atlas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Everything that is listed has its sprites, and nothing of them is empty or cut off.
func TestComplete(t *testing.T) {
	check := func(sheet, cell int, name string, coloured bool) {
		t.Helper()
		s := Get(sheet, cell)
		if s.Coloured() != coloured {
			t.Errorf("%s: cell %d of %s: in colour %v", name, cell, SheetNames[sheet], s.Coloured())
		}
		if s.Area < 400 || s.Box.Dx() < 30 && s.Box.Dy() < 60 || !s.Box.In(image.Rect(0, 0, Cell, Cell)) {
			t.Errorf("%s: cell %d of %s: area %.0f, box %v", name, cell, SheetNames[sheet], s.Area, s.Box)
		}
	}
	seen := map[string]bool{}
	for kind, list := range map[string][]Entry{"object": Objects, "face": Faces, "flag": Flags} {
		for _, e := range list {
			s, ok := Find(kind, e.Name)
			if !ok || len(s.Art) != len(e.Emoji) || len(s.Icon) != len(e.Icons) || seen[e.Name] {
				t.Errorf("%s %s: %+v for %+v", kind, e.Name, s, e)
				continue
			}
			seen[e.Name] = true
			for k := range s.Art {
				check(Art, s.Art[k], e.Name, true)
				if kind != "flag" {
					check(Stencil, s.Stencil[k], e.Name, false)
					check(Line, s.Line[k], e.Name, false)
				}
			}
			for _, c := range s.Icon {
				check(Icon, c, e.Name, false)
			}
		}
	}
	if len(Objects) < 100 || len(Faces) < 10 || len(Flags) < 20 {
		t.Errorf("%d objects, %d faces, %d flags", len(Objects), len(Faces), len(Flags))
	}
	if _, ok := Find("object", "quokka"); ok {
		t.Error("there is a quokka")
	}
}

// A silhouette lies within the art's opacity, and covers most of it.
func TestStencilsAreTheArt(t *testing.T) {
	art, stencil := make([]uint8, 4*Cell*Cell), make([]uint8, Cell*Cell)
	for _, e := range Objects {
		s, _ := Find("object", e.Name)
		for k := range s.Art {
			a, b := Get(Art, s.Art[k]), Get(Stencil, s.Stencil[k])
			y0, y1 := draw(art, a, Cell, a.Box)
			clear(art[:4*Cell*y0])
			clear(art[4*Cell*y1:])
			y0, y1 = draw(stencil, b, Cell, b.Box)
			clear(stencil[:Cell*y0])
			clear(stencil[Cell*y1:])
			outside := 0
			for i, v := range stencil {
				if int(v) > int(art[4*i+3])+2 {
					outside++
				}
			}
			if outside > 0 || b.Area < 0.2*a.Area {
				t.Errorf("%s %d: %d pixels of the silhouette lie outside the art; area %.0f of %.0f", e.Name, k, outside, b.Area, a.Area)
			}
		}
	}
}

// draw puts a sprite where it lies in its cell.
func draw(dst []uint8, s *Sprite, n int, box image.Rectangle) (y0, y1 int) {
	return s.Draw(dst, n, Pose{X: float64(box.Min.X+box.Max.X) / 2, Y: float64(box.Min.Y+box.Max.Y) / 2, Scale: 1, Cos: 1})
}

// planted is a sheet of one cell with a known picture: a gradient with an opaque middle.
func planted(t testing.TB, gray bool) *Sheet {
	t.Helper()
	r := image.Rect(0, 0, Columns*Cell, Cell)
	var img interface {
		image.Image
		Set(x, y int, c color.Color)
	} = image.NewNRGBA(r)
	if gray {
		img = image.NewGray(r)
	}
	for y := 20; y < 100; y++ {
		for x := 30; x < 120; x++ {
			if gray {
				img.Set(x, y, color.Gray{uint8(2 * x)})
			} else {
				img.Set(x, y, color.NRGBA{uint8(2 * x), uint8(2 * y), 100, 255})
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	s, err := ReadSheet(&b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// At scale 1, upright, every pixel is the cell's. Flipped it is its mirror image; a quarter turn turns it.
func TestDrawExactPoses(t *testing.T) {
	s := planted(t, false).Sprite(0)
	if s.Box != image.Rect(30, 20, 120, 100) || math.Abs(s.Area-90*80) > 0.01 {
		t.Fatalf("box %v, area %g", s.Box, s.Area)
	}
	for _, c := range []struct {
		name string
		pose Pose
		at   func(x, y int) (int, int) // the cell's pixel that is seen at x, y
	}{
		{"as it is", Pose{Cos: 1}, func(x, y int) (int, int) { return x, y }},
		{"flipped", Pose{Cos: 1, Flip: true}, func(x, y int) (int, int) { return 149 - x, y }},
		{"upside down", Pose{Cos: -1}, func(x, y int) (int, int) { return 149 - x, 119 - y }},
		{"a quarter turn", Pose{Sin: 1}, func(x, y int) (int, int) { return 15 + y, 134 - x }},
	} {
		c.pose.X, c.pose.Y, c.pose.Scale = 75, 60, 1
		layer := make([]uint8, 4*160*160)
		y0, y1 := s.Draw(layer, 160, c.pose)
		for y := y0; y < y1; y++ {
			for x := range 160 {
				u, v := c.at(x, y)
				want := [4]uint8{}
				if image.Pt(u, v).In(s.Box) {
					want = [4]uint8{uint8(2 * u), uint8(2 * v), 100, 255}
				}
				if got := [4]uint8(layer[4*(160*y+x):]); got != want {
					t.Fatalf("%s: pixel %d, %d is %v, want %v", c.name, x, y, got, want)
				}
			}
		}
	}
}

// The area that is painted is the sprite's, at every scale, turn and place inside the picture.
func TestDrawKeepsArea(t *testing.T) {
	for _, gray := range []bool{true, false} {
		s := planted(t, gray).Sprite(0)
		k := 4
		if gray {
			k = 1
		}
		layer := make([]uint8, k*300*300)
		for i := range 60 {
			scale := 0.08 * math.Pow(1.05, float64(i))
			sin, cos := math.Sincos(float64(i))
			y0, y1 := s.Draw(layer, 300, Pose{X: 150 + 3*sin, Y: 150.3, Scale: scale, Sin: sin, Cos: cos, Flip: i%2 == 0})
			sum := 0.0
			for p := 300 * y0; p < 300*y1; p++ {
				sum += float64(layer[p*k+k-1]) / 255
			}
			if want := s.Area * scale * scale; math.Abs(sum-want) > 0.02*want+1 {
				t.Errorf("gray %v, scale %.3f: area %.1f, want %.1f", gray, scale, sum, want)
			}
		}
	}
}

// Poses that make no sense paint nothing, and nothing is written outside the picture.
func TestDrawOddPoses(t *testing.T) {
	s := planted(t, true).Sprite(0)
	for _, p := range []Pose{{}, {Scale: -1, Cos: 1}, {Scale: math.NaN(), Cos: 1}, {Scale: math.Inf(1), Cos: 1}, {Scale: 1e9, Cos: 1}, {Scale: 1e-9, Cos: 1},
		{X: -1e9, Scale: 1, Cos: 1}, {Y: 1e9, Scale: 1, Cos: 1}, {X: math.NaN(), Scale: 1, Cos: 1}, {X: 5, Y: 5, Scale: 40, Cos: 0.6, Sin: 0.8}} {
		y0, y1 := s.Draw(make([]uint8, 32*32), 32, p)
		if y0 < 0 || y1 > 32 {
			t.Errorf("%+v: rows %d to %d", p, y0, y1)
		}
	}
}

// Sprites are decoded once, whoever asks first.
func TestConcurrentGet(t *testing.T) {
	s := planted(t, false)
	var wg sync.WaitGroup
	got := make([]*Sprite, 8)
	for i := range got {
		wg.Go(func() { got[i] = s.Sprite(0) })
	}
	wg.Wait()
	for _, p := range got {
		if p != got[0] {
			t.Fatal("two goroutines got different sprites")
		}
	}
}

func TestReadSheetErrors(t *testing.T) {
	encode := func(img image.Image) []byte {
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	good := encode(image.NewGray(image.Rect(0, 0, Columns*Cell, Cell)))
	for name, data := range map[string][]byte{
		"empty":        nil,
		"text":         []byte("no picture"),
		"narrow":       encode(image.NewGray(image.Rect(0, 0, Cell, Cell))),
		"half a row":   encode(image.NewGray(image.Rect(0, 0, Columns*Cell, Cell/2))),
		"16 bits":      encode(image.NewGray16(image.Rect(0, 0, Columns*Cell, Cell))),
		"cut off":      good[:len(good)/2],
		"claimed size": bytes.Replace(good, []byte{0, 0, 0, Cell}, []byte{0x7f, 0, 0, Cell}, 1),
	} {
		if _, err := ReadSheet(bytes.NewReader(data)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	s, err := ReadSheet(bytes.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	if p := s.Sprite(3); !p.Box.Empty() || p.Area != 0 {
		t.Errorf("an empty cell has box %v", p.Box)
	}
}

func FuzzReadIndex(f *testing.F) {
	for _, s := range corpus {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := ReadIndex(b)
		if err != nil {
			return
		}
		again, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadIndex(again); err != nil {
			t.Fatalf("%s became %s: %v", b, again, err)
		}
	})
}

var corpus = []string{`{"sprites":[{"kind":"object","name":"cat","art":[0,1],"stencil":[0,1],"line":[0,1]}]}`, `{"sprites":[{"art":[-1]}]}`, `{"sprites":[{"icon":[99999999999999999999]}]}`, `{"sprites":null}`, `[`}

// A sheet is a PNG with a fixed width; whatever else is given is an error.
func FuzzReadSheet(f *testing.F) {
	for _, data := range sheetCorpus(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ReadSheet(bytes.NewReader(data))
		if err == nil {
			s.Sprite(0).Draw(make([]uint8, 4*64*64), 64, Pose{X: 30, Y: 30, Scale: 0.5, Cos: 1})
		}
	})
}

// sheetCorpus is an empty sheet in gray, half of it, one that claims to be enormous, and a picture of another size.
func sheetCorpus(t testing.TB) [][]byte {
	encode := func(w, h int) []byte {
		var b bytes.Buffer
		if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	good := encode(Columns*Cell, Cell)
	return [][]byte{good, good[:len(good)/2], bytes.Replace(good, []byte{0, 0, 0, Cell}, []byte{0x7f, 0, 0, Cell}, 1), encode(3, 2)}
}

func TestCorpus(t *testing.T) {
	for i, s := range corpus {
		checkSeed(t, "FuzzReadIndex", i, []byte(s))
	}
	for i, data := range sheetCorpus(t) {
		checkSeed(t, "FuzzReadSheet", i, data)
	}
}

// checkSeed compares a committed seed; UPDATE_CORPUS=1 writes it. A PNG only has to be there: the encoder may change.
func checkSeed(t *testing.T, target string, i int, data []byte) {
	want := fmt.Sprintf("go test fuzz v1\n[]byte(%q)\n", data)
	path := filepath.Join("testdata", "fuzz", target, fmt.Sprintf("seed%d", i))
	if os.Getenv("UPDATE_CORPUS") != "" {
		os.MkdirAll(filepath.Dir(path), 0o755)
		os.WriteFile(path, []byte(want), 0o644)
	}
	if got, err := os.ReadFile(path); err != nil || target == "FuzzReadIndex" && string(got) != want {
		t.Errorf("%s is not what the test has (UPDATE_CORPUS=1 writes it): %v", path, err)
	}
}

func ExampleSprite_Draw() {
	cells, _ := Find("object", "cat")
	cat := Get(Art, cells.Art[0])
	// A cat whose longer side is 48 of 64 pixels.
	long := float64(max(cat.Box.Dx(), cat.Box.Dy()))
	layer := make([]uint8, 4*64*64)
	y0, y1 := cat.Draw(layer, 64, Pose{X: 32, Y: 32, Scale: 48 / long, Cos: 1})
	fmt.Println("in colour:", cat.Coloured(), "rows:", y0, y1)
	// Output:
	// in colour: true rows: 8 56
}
