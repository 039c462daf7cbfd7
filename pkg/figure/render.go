package figure

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"strconv"
	"strings"

	xdraw "golang.org/x/image/draw"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/ventral-lab/ventral/pkg/figure/internal/pdf"
)

// Limits of PNG: below 20 dpi nothing can be read, and beyond 2^28 pixels (1 GiB of RGBA) a picture does not fit
// beside a model in the memory of a small machine.
const (
	minDPI    = 20
	maxPixels = 1 << 28
)

// PNG draws the figure at dpi dots per inch: 110 to 144 for screens, 300 and more for print. The file states its
// resolution, so that a page layout program places it at its size on paper.
func (f *Figure) PNG(dpi int) (_ []byte, err error) {
	defer f.recover(&err)
	w, h := f.width/72*float64(dpi), f.height/72*float64(dpi)
	if dpi < minDPI || w*h > maxPixels {
		return nil, fmt.Errorf("figure %s: %d dpi gives %.0f x %.0f pixels: use at least %d dpi and at most %d pixels", f.Name, dpi, w, h, minDPI, maxPixels)
	}
	c := vgimg.NewWith(vgimg.UseWH(vg.Length(f.width), vg.Length(f.height)), vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(color.White))
	dst := c.Image()
	k := &ink{c: c, outlines: true, picture: func(r box, m image.Image, smooth bool) {
		// Drawn onto the pixels directly: gonum would resample bilinearly and blur the cells of a map.
		s := float64(dpi) / 72
		height := dst.Bounds().Dy()
		to := image.Rect(int(math.Round(r.x0*s)), height-int(math.Round(r.y1*s)), int(math.Round(r.x1*s)), height-int(math.Round(r.y0*s)))
		if to.Empty() {
			return
		}
		if smooth {
			xdraw.CatmullRom.Scale(dst, to, m, m.Bounds(), draw.Over, nil)
			return
		}
		xdraw.NearestNeighbor.Scale(dst, to, m, m.Bounds(), draw.Over, nil)
	}}
	f.render(k)
	var b bytes.Buffer
	if err := png.Encode(&b, dst); err != nil {
		return nil, fmt.Errorf("figure %s: encoding PNG: %w", f.Name, err)
	}
	return withResolution(b.Bytes(), dpi), nil
}

// withResolution adds a pHYs chunk (PNG specification, 11.3.4.3) behind the header chunk.
func withResolution(b []byte, dpi int) []byte {
	const header = 8 + 4 + 4 + 13 + 4
	perMetre := uint32(math.Round(float64(dpi) / 0.0254))
	chunk := []byte("pHYs")
	chunk = binary.BigEndian.AppendUint32(chunk, perMetre)
	chunk = binary.BigEndian.AppendUint32(chunk, perMetre)
	chunk = append(chunk, 1)
	out := append([]byte(nil), b[:header]...)
	out = binary.BigEndian.AppendUint32(out, uint32(len(chunk)-4))
	out = append(out, chunk...)
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(chunk))
	return append(out, b[header:]...)
}

// SVG draws the figure as vectors, with maps and pictures as rasters inside. Text stays text, in a family that every
// machine has a metric equal of.
func (f *Figure) SVG() (_ []byte, err error) {
	defer f.recover(&err)
	c := &svgCanvas{Canvas: vgsvg.New(vg.Length(f.width), vg.Length(f.height))}
	var rendering []string
	k := &ink{c: c, vector: true, picture: func(r box, m image.Image, smooth bool) {
		style := ""
		if !smooth {
			style = ` style="image-rendering:pixelated"`
			m = enlarge(m)
		}
		rendering = append(rendering, style)
		c.DrawImage(rectangle(r), m)
	}}
	f.render(k)
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("figure %s: encoding SVG: %w", f.Name, err)
	}
	// What gonum leaves out: images must fill their rectangle, PNG data must say so, a font family needs alternatives
	// and a text its length, for else an alternative font that runs wider moves right-aligned labels into the plot.
	// Text in the file is escaped, so none of these strings can come from a label.
	parts := strings.Split(b.String(), "<image ")
	var s strings.Builder
	s.WriteString(parts[0])
	for i, p := range parts[1:] {
		s.WriteString(`<image preserveAspectRatio="none"` + rendering[i] + " " + p)
	}
	parts = strings.Split(s.String(), "<text ")
	s.Reset()
	s.WriteString(parts[0])
	for i, p := range parts[1:] {
		s.WriteString(`<text textLength="` + strconv.FormatFloat(c.lengths[i], 'f', 2, 64) + `" lengthAdjust="spacingAndGlyphs" ` + p)
	}
	out := strings.NewReplacer(
		"data:image/jpg;", "data:image/png;",
		"font-family:Liberation Sans;font-variant:normal;font-weight:normal;font-style:normal", "font-family:Liberation Sans,Arial,Helvetica,sans-serif",
		"font-family:Liberation Sans;font-variant:normal;font-weight:bold;font-style:normal", "font-family:Liberation Sans,Arial,Helvetica,sans-serif;font-weight:bold",
	).Replace(s.String())
	return []byte(out), nil
}

// svgCanvas notes the length of every text.
type svgCanvas struct {
	*vgsvg.Canvas
	lengths []float64
}

// FillString implements vg.Canvas.
func (c *svgCanvas) FillString(f font.Face, p vg.Point, s string) {
	c.lengths = append(c.lengths, float64(f.Width(s)))
	c.Canvas.FillString(f, p, s)
}

// PDF draws the figure as a one-page PDF with its fonts cut down to what is used and no date in it.
func (f *Figure) PDF() (_ []byte, err error) {
	defer f.recover(&err)
	title := f.Title
	if title == "" {
		title = f.Name
	}
	c := pdf.New(vg.Length(f.width), vg.Length(f.height), title)
	k := &ink{c: c, vector: true, picture: func(r box, m image.Image, smooth bool) {
		if !smooth {
			m = enlarge(m)
		}
		c.DrawImage(rectangle(r), m)
	}}
	f.render(k)
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("figure %s: encoding PDF: %w", f.Name, err)
	}
	return b.Bytes(), nil
}

// recover turns a panic of the drawing libraries into an error that names the figure.
func (f *Figure) recover(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("figure %s (%s): drawing failed: %v", f.Name, f.kind, r)
	}
}

func rectangle(r box) vg.Rectangle {
	return vg.Rectangle{Min: vg.Point{X: vg.Length(r.x0), Y: vg.Length(r.y0)}, Max: vg.Point{X: vg.Length(r.x1), Y: vg.Length(r.y1)}}
}

// raster draws what draw draws within b, as pixels inside a vector file: thousands of symbols would make it large and
// slow to open. On a PNG it draws directly.
func (k *ink) raster(b box, draw func(*ink)) {
	if !k.vector || b.w() <= 0 || b.h() <= 0 {
		draw(k)
		return
	}
	c := vgimg.NewWith(vgimg.UseWH(vg.Length(b.w()), vg.Length(b.h())), vgimg.UseDPI(printDPI), vgimg.UseBackgroundColor(color.Transparent))
	c.Translate(vg.Point{X: vg.Length(-b.x0), Y: vg.Length(-b.y0)})
	draw(&ink{c: c, outlines: true, picture: func(box, image.Image, bool) {}})
	k.picture(b, c.Image(), true)
}

// sharpSide is the least number of pixels of a map's longer side in vector files. Viewers that smooth pictures
// whatever the file says then smooth only over a small part of a cell.
const sharpSide = 160

// enlarge repeats the pixels of a small map a whole number of times.
func enlarge(m image.Image) image.Image {
	b := m.Bounds()
	n := (sharpSide + max(b.Dx(), b.Dy()) - 1) / max(b.Dx(), b.Dy(), 1)
	p, ok := m.(*image.Paletted)
	if n <= 1 || !ok {
		return m
	}
	out := image.NewPaletted(image.Rect(0, 0, b.Dx()*n, b.Dy()*n), p.Palette)
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			out.Pix[y*out.Stride+x] = p.Pix[(y/n)*p.Stride+x/n]
		}
	}
	return out
}
