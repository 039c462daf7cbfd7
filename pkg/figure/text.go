package figure

import (
	"fmt"
	"image/color"
	"math"
	"strings"
	"sync"

	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// The type sizes of every figure, in points. Journals ask for 5 to 9 points at the printed size.
const (
	sizeTitle  = 9.0
	sizeLetter = 10.0
	sizeLabel  = 8.0
	sizeTick   = 7.0
	sizeSmall  = 6.5
	lineHeight = 1.22 // of the type size
)

// fonts holds the two faces that figures use, Liberation Sans regular and bold: metrically the same as Arial, which
// the SVG falls back to.
var fonts = sync.OnceValue(func() [2]*opentype.Font {
	var out [2]*opentype.Font
	for i, ttf := range [][]byte{liberationsansregular.TTF, liberationsansbold.TTF} {
		f, err := opentype.Parse(ttf)
		if err != nil {
			panic(fmt.Sprintf("figure: the font built into this program does not parse: %v", err))
		}
		out[i] = f
	}
	return out
})

func face(size float64, bold bool) font.Face {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Length(size)}
	i := 0
	if bold {
		f.Weight, i = xfont.WeightBold, 1
	}
	return font.Face{Font: f, Face: fonts()[i]}
}

// align says which part of a text lies on the point given.
type align int

const (
	start  align = iota // left, or the baseline of the last line
	middle              // centred; vertically the middle of the capitals
	end                 // right, or the top of the capitals
)

// textStyle is how a text is set. rot is in quarter turns counter-clockwise.
type textStyle struct {
	size  float64
	bold  bool
	color color.NRGBA
	h, v  align
	rot   float64 // degrees, counter-clockwise
}

// run is a piece of one line with one size and one baseline.
type run struct {
	text  string
	scale float64
	rise  float64 // of the type size
}

// capHeight is the height of capitals in Liberation Sans, as a fraction of the type size (1409/2048).
const capHeight = 0.688

// raised are the raised and lowered characters with the markup they stand for, and a few that the font lacks with
// ones that look alike. The font has some of the digits and
// no signs; setting all by markup keeps 10⁻³ in one style.
var raised = map[rune]string{
	'⁰': "^{0}", '¹': "^{1}", '²': "^{2}", '³': "^{3}", '⁴': "^{4}", '⁵': "^{5}", '⁶': "^{6}", '⁷': "^{7}", '⁸': "^{8}", '⁹': "^{9}", '⁻': "^{−}", '⁺': "^{+}",
	'₀': "_{0}", '₁': "_{1}", '₂': "_{2}", '₃': "_{3}", '₄': "_{4}", '₅': "_{5}", '₆': "_{6}", '₇': "_{7}", '₈': "_{8}", '₉': "_{9}",
	'₋': "_{−}", '₊': "_{+}",
	'⋅': "·", '\u2010': "-", '\u2011': "-", '∼': "~",
}

// hasGlyph reports whether the regular face can draw r.
func hasGlyph(r rune) bool {
	var b sfnt.Buffer
	i, err := fonts()[0].GlyphIndex(&b, r)
	return err == nil && i != 0
}

// drawable replaces what the font cannot draw: by markup where there is one, else by a visible box. gonum/plot would
// leave such a character out without a word.
func drawable(s string) string {
	plain := true
	for _, r := range s {
		if r >= 0x7f || r < 0x20 {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case raised[r] != "":
			b.WriteString(raised[r])
		case r == '\t':
			b.WriteByte(' ')
		case r == '\n' || r >= 0x20 && r != 0x7f && hasGlyph(r):
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f:
		default:
			b.WriteRune('□')
		}
	}
	return b.String()
}

// runs splits one line at ^{...} and _{...}. Anything else, and an unclosed brace, is text.
func runs(s string) []run {
	var out []run
	plain := 0
	for i := 0; i+1 < len(s); i++ {
		if (s[i] != '^' && s[i] != '_') || s[i+1] != '{' {
			continue
		}
		n := strings.IndexByte(s[i:], '}')
		if n < 0 {
			break
		}
		if plain < i {
			out = append(out, run{s[plain:i], 1, 0})
		}
		rise := 0.36
		if s[i] == '_' {
			rise = -0.16
		}
		if n > 2 {
			out = append(out, run{s[i+2 : i+n], 0.72, rise})
		}
		i += n
		plain = i + 1
	}
	if plain < len(s) {
		out = append(out, run{s[plain:], 1, 0})
	}
	return unkern(out)
}

// unkern cuts runs between two ones. The font kerns that pair alone of all digits, by a seventh of their width, so
// that 11 would be narrower than 10 on an axis and the ones touch on a screen.
func unkern(rs []run) []run {
	var out []run
	for _, r := range rs {
		for {
			i := strings.Index(r.text, "11")
			if i < 0 {
				break
			}
			out = append(out, run{r.text[:i+1], r.scale, r.rise})
			r.text = r.text[i+1:]
		}
		out = append(out, r)
	}
	return out
}

// lineWidth is the width of one line in points.
func lineWidth(s string, st textStyle) float64 {
	var w float64
	for _, r := range runs(drawable(s)) {
		f := face(st.size*r.scale, st.bold)
		w += float64(f.Width(r.text))
	}
	return w
}

// textSize is the width and height of s in points before any rotation: the height of n lines is n-1 line heights and
// one capital.
func textSize(s string, st textStyle) (w, h float64) {
	lines := strings.Split(s, "\n")
	for _, l := range lines {
		w = math.Max(w, lineWidth(l, st))
	}
	return w, float64(len(lines)-1)*lineHeight*st.size + capHeight*st.size
}

// text sets s at p.
func (k *ink) text(p point, s string, st textStyle) {
	if s == "" {
		return
	}
	set := k.c.FillString
	if st.rot != 0 {
		k.c.Push()
		defer k.c.Pop()
		k.c.Translate(vg.Point{X: vg.Length(p.x), Y: vg.Length(p.y)})
		k.c.Rotate(st.rot * math.Pi / 180)
		p = point{}
		if k.outlines {
			set = k.fillOutlines
		}
	}
	k.c.SetColor(st.color)
	lines := strings.Split(drawable(s), "\n")
	_, h := textSize(s, st)
	y := p.y + float64(len(lines)-1)*lineHeight*st.size
	switch st.v {
	case middle:
		y -= h / 2
	case end:
		y -= h
	}
	for _, l := range lines {
		x := p.x
		switch st.h {
		case middle:
			x -= lineWidth(l, st) / 2
		case end:
			x -= lineWidth(l, st)
		}
		for _, r := range runs(l) {
			f := face(st.size*r.scale, st.bold)
			set(f, vg.Point{X: vg.Length(x), Y: vg.Length(y + r.rise*st.size)}, r.text)
			x += float64(f.Width(r.text))
		}
		y -= lineHeight * st.size
	}
}

// fillOutlines draws s as filled shapes, with the font's kerning.
func (k *ink) fillOutlines(f font.Face, at vg.Point, s string) {
	var buf sfnt.Buffer
	em := fixed.Int26_6(f.Face.UnitsPerEm())
	unit := f.Font.Size / vg.Length(em)
	var prev sfnt.GlyphIndex
	for i, r := range s {
		g, err := f.Face.GlyphIndex(&buf, r)
		if err != nil {
			continue // drawable has replaced what the font lacks
		}
		if i > 0 {
			if kern, err := f.Face.Kern(&buf, prev, g, em, xfont.HintingNone); err == nil {
				at.X += vg.Length(kern) * unit
			}
		}
		segments, err := f.Face.LoadGlyph(&buf, g, em, nil)
		if err != nil {
			continue
		}
		on := func(q fixed.Point26_6) vg.Point {
			return vg.Point{X: at.X + vg.Length(q.X)*unit, Y: at.Y - vg.Length(q.Y)*unit}
		}
		var p vg.Path
		for _, e := range segments {
			switch e.Op {
			case sfnt.SegmentOpMoveTo:
				if len(p) > 0 {
					p.Close()
				}
				p.Move(on(e.Args[0]))
			case sfnt.SegmentOpLineTo:
				p.Line(on(e.Args[0]))
			case sfnt.SegmentOpQuadTo:
				p.QuadTo(on(e.Args[0]), on(e.Args[1]))
			case sfnt.SegmentOpCubeTo:
				p.CubeTo(on(e.Args[0]), on(e.Args[1]), on(e.Args[2]))
			}
		}
		if len(p) > 0 {
			p.Close()
			k.c.Fill(p)
		}
		if adv, err := f.Face.GlyphAdvance(&buf, g, em, xfont.HintingNone); err == nil {
			at.X += vg.Length(adv) * unit
		}
		prev = g
	}
}

// shorten cuts s so that it is at most w points wide, with an ellipsis.
func shorten(s string, w float64, st textStyle) string {
	if lineWidth(s, st) <= w {
		return s
	}
	r := []rune(s)
	for len(r) > 1 && lineWidth(string(r)+"…", st) > w {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

// wrap breaks s at spaces so that no line is wider than w points, where that is possible.
func wrap(s string, w float64, st textStyle) string {
	var out []string
	for _, para := range strings.Split(s, "\n") {
		line := ""
		for _, word := range strings.Fields(para) {
			switch {
			case line == "":
				line = word
			case lineWidth(line+" "+word, st) <= w:
				line += " " + word
			default:
				out = append(out, line)
				line = word
			}
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}
