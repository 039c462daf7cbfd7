package export

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/internal/parallel"
)

// SheetOptions says how a contact sheet is laid out. The zero value is 64 stimuli in rows of 8, as large as they are.
type SheetOptions struct {
	Start    int  // first stimulus
	N        int  // how many; 0 = 64, or as many as there are
	Columns  int  // in a row; 0 = 8
	Zoom     int  // pixels of the sheet for one of a stimulus, 1 to 16; 0 = 1
	Captions bool // the caption below each, where the set has them
}

const (
	gap      = 4  // pixels between stimuli
	lineStep = 13 // height of a line of text
	maxLines = 3
	glyph    = 7 // width of a letter
)

// maxSheet bounds the sides of a sheet: 32768 pixels are 4 GB as a square, and more than viewers open.
const maxSheet = 1 << 14

// Sheet draws stimuli Start to Start+N-1 into one picture. Stimuli of different sizes stand in cells of the largest size. A stimulus that
// cannot be read is a crossed-out cell, not an error.
func Sheet(set datasets.Set, o SheetOptions) (*image.RGBA, error) {
	if o.N == 0 {
		o.N = min(64, set.Len()-o.Start)
	}
	if o.Columns == 0 {
		o.Columns = 8
	}
	if o.Zoom == 0 {
		o.Zoom = 1
	}
	if o.Start < 0 || o.N < 1 || o.Start+o.N > set.Len() {
		return nil, fmt.Errorf("contact sheet: stimuli %d to %d: %s has %d", o.Start, o.Start+o.N-1, set.Spec(), set.Len())
	}
	if o.Columns < 1 || o.Zoom < 1 || o.Zoom > 16 {
		return nil, fmt.Errorf("contact sheet: %d columns, zoom %d: at least one column, and a zoom of 1 to 16", o.Columns, o.Zoom)
	}
	o.Columns = min(o.Columns, o.N)
	stimuli := make([]datasets.Stimulus, o.N)
	parallel.For(o.N, func(i int) {
		if s, err := set.At(o.Start + i); err == nil {
			stimuli[i] = s
		}
	})
	w, h := 1, 1
	for _, s := range stimuli {
		if s.Image != nil {
			w, h = max(w, s.Image.Bounds().Dx()), max(h, s.Image.Bounds().Dy())
		}
	}
	w, h = w*o.Zoom, h*o.Zoom
	text := 0
	if o.Captions {
		text = maxLines*lineStep + 2
	}
	rows := (o.N + o.Columns - 1) / o.Columns
	W, H := o.Columns*(w+gap)+gap, rows*(h+text+gap)+gap
	if W > maxSheet || H > maxSheet {
		return nil, fmt.Errorf("contact sheet of %d x %d pixels: at most %d a side; ask for fewer stimuli, other columns or a smaller zoom", W, H, maxSheet)
	}
	sheet := image.NewRGBA(image.Rect(0, 0, W, H))
	draw.Draw(sheet, sheet.Rect, image.White, image.Point{}, draw.Src)
	for i, s := range stimuli {
		at := image.Pt(gap+i%o.Columns*(w+gap), gap+i/o.Columns*(h+text+gap))
		if s.Image == nil {
			cross(sheet, image.Rectangle{at, at.Add(image.Pt(w, h))})
			continue
		}
		b := s.Image.Bounds()
		for y := range b.Dy() * o.Zoom {
			for x := range b.Dx() * o.Zoom {
				sheet.Set(at.X+x, at.Y+y, s.Image.At(b.Min.X+x/o.Zoom, b.Min.Y+y/o.Zoom))
			}
		}
		if o.Captions {
			write(sheet, at.Add(image.Pt(0, h)), w, s.Caption)
		}
	}
	return sheet, nil
}

// cross marks a cell whose stimulus could not be read.
func cross(dst *image.RGBA, r image.Rectangle) {
	red := color.RGBA{200, 0, 0, 255}
	for k := range max(r.Dx(), r.Dy()) {
		x, y := k*r.Dx()/max(r.Dx(), r.Dy()), k*r.Dy()/max(r.Dx(), r.Dy())
		dst.Set(r.Min.X+x, r.Min.Y+y, red)
		dst.Set(r.Max.X-1-x, r.Min.Y+y, red)
	}
}

// write sets a caption in lines of at most w pixels; what does not fit is cut off.
func write(dst *image.RGBA, at image.Point, w int, caption string) {
	var lines []string
	room := max(w/glyph, 1)
	line := ""
	for _, word := range strings.Fields(caption) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) <= room:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	lines = append(lines, line)
	for i, l := range lines[:min(len(lines), maxLines)] {
		d := font.Drawer{Dst: dst, Src: image.Black, Face: basicfont.Face7x13, Dot: fixed.P(at.X, at.Y+(i+1)*lineStep-2)}
		d.DrawString(l[:min(len(l), room)])
	}
}
