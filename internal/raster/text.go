package raster

import (
	"fmt"
	"math"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// Font holds the outlines of the printable ASCII characters of a TrueType or OpenType font, in units of the em (the font
// size), baseline at y = 0, y down. It never changes after ParseFont and is safe for concurrent use.
type Font struct {
	glyphs  [128]glyph
	capital float64 // height of H
	xHeight float64 // height of x
}

type glyph struct {
	segs    []sfnt.Segment // coordinates in 26.6 fixed point at one em = unitsPerEm pixels
	advance float64        // em
	scale   float64        // fixed point to em
	ok      bool
}

// ParseFont reads the outlines of the printable ASCII characters. Curves of the third degree are refused: TrueType
// outlines are quadratic.
func ParseFont(ttf []byte) (*Font, error) {
	f, err := sfnt.Parse(ttf)
	if err != nil {
		return nil, fmt.Errorf("raster: font: %w", err)
	}
	var buf sfnt.Buffer
	em := f.UnitsPerEm()
	ppem := fixed.I(int(em))
	scale := 1 / (64 * float64(em))
	out := &Font{}
	for r := rune(' '); r < 127; r++ {
		gi, err := f.GlyphIndex(&buf, r)
		if err != nil || gi == 0 {
			continue
		}
		segs, err := f.LoadGlyph(&buf, gi, ppem, nil)
		if err != nil {
			return nil, fmt.Errorf("raster: font: outline of %q: %w", r, err)
		}
		for _, s := range segs {
			if s.Op == sfnt.SegmentOpCubeTo {
				return nil, fmt.Errorf("raster: font: %q has cubic curves; use a TrueType font", r)
			}
		}
		adv, err := f.GlyphAdvance(&buf, gi, ppem, 0)
		if err != nil {
			return nil, fmt.Errorf("raster: font: width of %q: %w", r, err)
		}
		out.glyphs[r] = glyph{segs: append([]sfnt.Segment(nil), segs...), advance: float64(adv) * scale, scale: scale, ok: true}
	}
	out.capital, out.xHeight = out.height('H'), out.height('x')
	if out.capital <= 0 || out.xHeight <= 0 {
		return nil, fmt.Errorf("raster: font: no outline for H or x; it has no Latin letters")
	}
	return out, nil
}

func (f *Font) height(r rune) float64 {
	h := 0.0
	for _, s := range f.glyphs[r].segs {
		h = max(h, -float64(s.Args[0].Y)*f.glyphs[r].scale)
	}
	return h
}

// CapHeight is the height of H in em.
func (f *Font) CapHeight() float64 { return f.capital }

// XHeight is the height of x in em.
func (f *Font) XHeight() float64 { return f.xHeight }

// Width is the length of the text's advances in em. Characters the font lacks are an error.
func (f *Font) Width(text string) (float64, error) {
	w := 0.0
	for i := range len(text) {
		c := text[i]
		if c >= 128 || !f.glyphs[c].ok {
			return 0, fmt.Errorf("raster: font has no character %q (in %q); printable ASCII only", c, text)
		}
		w += f.glyphs[c].advance
	}
	return w, nil
}

// Extent is the vertical extent of the text's ink in em: top < 0 is above the baseline, bottom > 0 below it.
// Characters the font lacks are left out.
func (f *Font) Extent(text string) (top, bottom float64) {
	top, bottom = math.Inf(1), math.Inf(-1)
	for i := range len(text) {
		g := f.glyph(text[i])
		for _, s := range g.segs {
			n := 1
			if s.Op == sfnt.SegmentOpQuadTo {
				n = 2
			}
			for _, p := range s.Args[:n] {
				y := float64(p.Y) * g.scale
				top, bottom = min(top, y), max(bottom, y)
			}
		}
	}
	if top > bottom {
		return 0, 0
	}
	return top, bottom
}

func (f *Font) glyph(c byte) *glyph {
	if c >= 128 {
		return &glyph{}
	}
	return &f.glyphs[c]
}

// Text adds the outline of a text to the figure; m maps em units, with the pen at (0, 0) on the baseline, to pixels.
// Characters the font lacks are left out.
func (z *Raster) Text(f *Font, text string, m Affine) {
	pen := 0.0
	for i := range len(text) {
		g := f.glyph(text[i])
		at := func(p fixed.Point26_6) (float64, float64) {
			return m.Apply(pen+float64(float64(p.X)*g.scale), float64(p.Y)*g.scale)
		}
		for _, s := range g.segs {
			switch s.Op {
			case sfnt.SegmentOpMoveTo:
				z.MoveTo(at(s.Args[0]))
			case sfnt.SegmentOpLineTo:
				z.LineTo(at(s.Args[0]))
			case sfnt.SegmentOpQuadTo:
				bx, by := at(s.Args[0])
				x, y := at(s.Args[1])
				z.QuadTo(bx, by, x, y)
			}
		}
		z.Close()
		pen += g.advance
	}
}
