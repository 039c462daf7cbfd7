package figure

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Picture is one picture of a grid.
type Picture struct {
	Image  image.Image // must not change afterwards; nil leaves the place empty
	Title  string      // above it; "\n" begins a second line
	Border string      // colour of a frame; "" = a hairline
}

// ImagesOptions are the parts of a grid of pictures.
type ImagesOptions struct {
	Meta
	Pictures             [][]Picture // rows; may differ in length
	RowLabels, ColLabels []string
	Pixelated            bool // keeps pixels as squares, for label maps and very small pictures
}

type pictures struct {
	o     ImagesOptions
	cols  int
	lines int
}

// Images draws a grid of pictures.
func Images(o ImagesOptions) (*Figure, error) {
	g := &pictures{o: o}
	g.o.Pictures = nil
	for r, row := range o.Pictures {
		g.o.Pictures = append(g.o.Pictures, slices.Clone(row))
		g.cols = max(g.cols, len(row))
		for c, p := range row {
			if p.Image != nil && p.Image.Bounds().Empty() {
				return nil, fmt.Errorf("figure %s: Pictures[%d][%d] has no pixels", o.Name, r, c)
			}
			if _, err := parseColor(p.Border, 0); err != nil {
				return nil, fmt.Errorf("figure %s: Pictures[%d][%d].Border: %w", o.Name, r, c, err)
			}
			if p.Title != "" {
				g.lines = max(g.lines, 1+strings.Count(p.Title, "\n"))
			}
		}
	}
	if g.cols == 0 {
		return nil, fmt.Errorf("figure %s: Pictures is empty: there is nothing to draw", o.Name)
	}
	return newFigure("images", o.Meta, g)
}

func (g *pictures) width() float64 {
	switch {
	case g.cols <= 5:
		return SingleColumn
	case g.cols <= 7:
		return MiddleColumn
	}
	return DoubleColumn
}

const pictureGap = 4.0

func (g *pictures) layout(w float64) layout {
	var l layout
	if len(g.o.RowLabels) > 0 {
		l.left = sizeLabel*lineHeight + 4
	}
	if len(g.o.ColLabels) > 0 {
		l.top = sizeLabel*lineHeight + 2
	}
	if g.lines > 0 {
		l.title = float64(g.lines)*sizeSmall*lineHeight + 1
	}
	l.panel = (w - l.left - float64(g.cols-1)*pictureGap) / float64(g.cols)
	for _, row := range g.o.Pictures {
		h := 0.0
		for _, p := range row {
			if p.Image != nil {
				b := p.Image.Bounds()
				h = math.Max(h, l.panel*float64(b.Dy())/float64(b.Dx()))
			}
		}
		l.rows = append(l.rows, h)
	}
	return l
}

func (g *pictures) height(w float64) float64 {
	l := g.layout(w)
	return l.top + stacked(l.rows, l.title, pictureGap)
}

func (g *pictures) measure(w, h float64) (margins, bool) { return margins{}, false }

func (g *pictures) room(w, h float64) float64 { return g.layout(w).panel }

func (g *pictures) draw(k *ink, r box, _ margins) {
	l := g.layout(r.w())
	shrink := shrinkage(l.rows, g.height(r.w()), r.h())
	for c, s := range g.o.ColLabels {
		if c < g.cols {
			x := r.x0 + l.left + (float64(c)+0.5)*l.panel + float64(c)*pictureGap
			k.text(point{x, r.y1}, shorten(s, l.panel+pictureGap, labelStyle()), textStyle{size: sizeLabel, color: dark, h: middle, v: end})
		}
	}
	y := r.y1 - l.top
	for i, row := range g.o.Pictures {
		if i > 0 {
			y -= pictureGap
		}
		y -= l.title
		h := l.rows[i] * shrink
		for c, p := range row {
			if p.Image == nil {
				continue
			}
			b := p.Image.Bounds()
			ratio := float64(b.Dy()) / float64(b.Dx())
			pw := math.Min(l.panel*shrink, h/ratio)
			x := r.x0 + l.left + float64(c)*(l.panel+pictureGap) + (l.panel-pw)/2
			at := box{x, y - pw*ratio, x + pw, y}
			k.picture(at, opaque(p.Image), !g.o.Pixelated)
			frame := pen{color: light, width: 0.4}
			if p.Border != "" {
				col, _ := parseColor(p.Border, 0)
				frame = pen{color: col, width: 1.4}
			}
			k.outlineBox(frame, at)
			n := float64(strings.Count(p.Title, "\n"))
			s := textStyle{size: sizeSmall, color: dark, h: middle}
			for j, line := range strings.Split(p.Title, "\n") {
				k.text(point{x + pw/2, y + 2.5 + (n-float64(j))*sizeSmall*lineHeight}, shorten(line, l.panel+pictureGap-1, s), s)
			}
		}
		if i < len(g.o.RowLabels) {
			k.text(point{r.x0, y - h/2}, g.o.RowLabels[i], textStyle{size: sizeLabel, color: dark, h: middle, v: end, rot: 90})
		}
		y -= h
	}
}

// opaque lays a picture over white, so that transparency looks the same in all three formats.
func opaque(m image.Image) image.Image {
	if o, ok := m.(interface{ Opaque() bool }); ok && o.Opaque() {
		return m
	}
	out := image.NewRGBA(m.Bounds())
	draw.Draw(out, out.Rect, image.NewUniform(white), image.Point{}, draw.Src)
	draw.Draw(out, out.Rect, m, m.Bounds().Min, draw.Over)
	return out
}

// tables lists the pictures with the SHA-256 of their pixels (rows of 8-bit RGBA, not premultiplied).
func (g *pictures) tables() []Table {
	t := Table{Header: []string{"row", "col", "title", "width", "height", "sha256_rgba"}}
	for i, row := range g.o.Pictures {
		for j, p := range row {
			r := []string{strconv.Itoa(i), strconv.Itoa(j), strings.ReplaceAll(p.Title, "\n", " "), "", "", ""}
			if p.Image != nil {
				b := p.Image.Bounds()
				h := sha256.New()
				line := make([]byte, 0, 4*b.Dx())
				for y := b.Min.Y; y < b.Max.Y; y++ {
					line = line[:0]
					for x := b.Min.X; x < b.Max.X; x++ {
						c := color.NRGBAModel.Convert(p.Image.At(x, y)).(color.NRGBA)
						line = append(line, c.R, c.G, c.B, c.A)
					}
					h.Write(line)
				}
				r[3], r[4], r[5] = strconv.Itoa(b.Dx()), strconv.Itoa(b.Dy()), hex.EncodeToString(h.Sum(nil))
			}
			t.Rows = append(t.Rows, r)
		}
	}
	return []Table{t}
}
