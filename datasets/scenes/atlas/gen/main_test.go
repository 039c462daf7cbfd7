package main

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/ventral-lab/ventral/datasets/scenes/atlas"
)

// The committed sheets are what this program draws from the modules in go.mod: the same index, and pixels that differ by no more than rounding.
func TestSheetsAreUpToDate(t *testing.T) {
	dir := t.TempDir()
	if err := run(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range atlas.SheetNames {
		got, want := open(t, filepath.Join(dir, name+".png")), open(t, filepath.Join("..", "sheets", name+".png"))
		if got.Bounds() != want.Bounds() {
			t.Fatalf("%s: %v, committed %v", name, got.Bounds(), want.Bounds())
		}
		for y := range got.Bounds().Dy() {
			for x := range got.Bounds().Dx() {
				a, b := color.NRGBAModel.Convert(got.At(x, y)).(color.NRGBA), color.NRGBAModel.Convert(want.At(x, y)).(color.NRGBA)
				for _, d := range []int{int(a.R) - int(b.R), int(a.G) - int(b.G), int(a.B) - int(b.B), int(a.A) - int(b.A)} {
					if d > 1 || d < -1 {
						t.Fatalf("%s: pixel %d, %d is %v, committed %v", name, x, y, a, b)
					}
				}
			}
		}
	}
	got, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../sheets/index.json")
	if err != nil || string(got) != string(want) {
		t.Errorf("index.json is another: %v", err)
	}
}

func open(t *testing.T, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// A disc with a dark spot: its silhouette is the disc without the spot's edge, its line drawing both circles.
func TestTrace(t *testing.T) {
	const n = atlas.Cell
	src := image.NewNRGBA(image.Rect(0, 0, n, n))
	for y := range n {
		for x := range n {
			dx, dy := x-n/2, y-n/2
			switch r := dx*dx + dy*dy; {
			case r < 15*15:
				src.SetNRGBA(x, y, color.NRGBA{20, 20, 20, 255})
			case r < 60*60:
				src.SetNRGBA(x, y, color.NRGBA{240, 200, 40, 255})
			}
		}
	}
	stencil, line := trace(src)
	for _, c := range []struct{ x, stencil, line int }{{0, 255, 0}, {15, 0, 255}, {30, 255, 0}, {45, 255, 0}, {60, -1, 255}, {66, 0, 0}} {
		s, l := int(stencil.GrayAt(n/2+c.x, n/2).Y), int(line.GrayAt(n/2+c.x, n/2).Y)
		if c.stencil >= 0 && s != c.stencil || l != c.line {
			t.Errorf("%d pixels from the middle: silhouette %d, line %d, want %d, %d", c.x, s, l, c.stencil, c.line)
		}
	}
}
