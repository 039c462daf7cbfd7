// Package pdf draws gonum/plot's vector graphics into a one-page PDF 1.5 file.
//
// It stands in for gonum's vgpdf, which embeds whole fonts (220 kB each), encodes text as Windows-1252 (a σ or a true
// minus sign is lost) and stamps the time into the file. Here fonts are cut down to the glyphs used, text is Unicode
// and can be searched and copied, and equal drawings give equal bytes.
//
// # Invariants
//
//   - The bytes depend on the drawing calls alone: no date, no random identifier, no map order.
//   - Every character drawn is in the embedded font and in its ToUnicode map.
//
// # Limits
//
// One page, TrueType fonts with a glyf table, colours in device RGB, no clipping, no links.
package pdf

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// Canvas is one page. It implements vg.Canvas; errors met while drawing come out of WriteTo.
type Canvas struct {
	w, h   vg.Length
	title  string
	body   bytes.Buffer
	stack  []state
	fonts  []*embedded
	images [][]byte // finished XObject bodies without the object header
	masks  map[int][]byte
	alphas []uint8
	err    error
}

type state struct {
	color    color.NRGBA
	alpha    int // the alpha set in the page so far
	fill     string
	stroke   string
	setWidth string
	setDash  string
	width    vg.Length
	dash     []vg.Length
	offset   vg.Length
}

type embedded struct {
	face *opentype.Font
	used map[sfnt.GlyphIndex]rune
}

// New is an empty page of the given size. The title goes into the document's information.
func New(w, h vg.Length, title string) *Canvas {
	return &Canvas{w: w, h: h, title: title, stack: []state{{color: color.NRGBA{A: 255}, alpha: 255, width: 1}}, masks: map[int][]byte{}}
}

var _ vg.Canvas = (*Canvas)(nil)

func (c *Canvas) top() *state { return &c.stack[len(c.stack)-1] }

// num prints a coordinate with 1/1000 point resolution and no trailing zeros.
func num(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "0"
	}
	s := strconv.FormatFloat(v, 'f', 3, 64)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" || s == "" {
		return "0"
	}
	return s
}

func (c *Canvas) op(name string, args ...float64) {
	for _, a := range args {
		c.body.WriteString(num(a))
		c.body.WriteByte(' ')
	}
	c.body.WriteString(name)
	c.body.WriteByte('\n')
}

// SetLineWidth implements vg.Canvas.
func (c *Canvas) SetLineWidth(w vg.Length) { c.top().width = w }

// SetLineDash implements vg.Canvas.
func (c *Canvas) SetLineDash(d []vg.Length, offset vg.Length) {
	c.top().dash, c.top().offset = slices.Clone(d), offset
}

// SetColor implements vg.Canvas; nil is black.
func (c *Canvas) SetColor(col color.Color) {
	if col == nil {
		col = color.Black
	}
	c.top().color = color.NRGBAModel.Convert(col).(color.NRGBA)
}

// Rotate implements vg.Canvas.
func (c *Canvas) Rotate(rad float64) {
	s, co := math.Sincos(rad)
	c.op("cm", co, s, -s, co, 0, 0)
}

// Translate implements vg.Canvas.
func (c *Canvas) Translate(p vg.Point) { c.op("cm", 1, 0, 0, 1, p.X.Points(), p.Y.Points()) }

// Scale implements vg.Canvas.
func (c *Canvas) Scale(x, y float64) { c.op("cm", x, 0, 0, y, 0, 0) }

// Push implements vg.Canvas.
func (c *Canvas) Push() {
	c.stack = append(c.stack, *c.top())
	c.body.WriteString("q\n")
}

// Pop implements vg.Canvas.
func (c *Canvas) Pop() {
	c.stack = c.stack[:len(c.stack)-1]
	c.body.WriteString("Q\n")
}

// Stroke implements vg.Canvas.
func (c *Canvas) Stroke(p vg.Path) {
	s := c.top()
	if s.width <= 0 {
		return
	}
	c.setAlpha()
	if v := rgb(s.color) + " RG\n"; v != s.stroke {
		s.stroke = v
		c.body.WriteString(v)
	}
	if v := num(s.width.Points()) + " w\n"; v != s.setWidth {
		s.setWidth = v
		c.body.WriteString(v)
	}
	var d []string
	for _, l := range s.dash {
		d = append(d, num(l.Points()))
	}
	if v := "[" + strings.Join(d, " ") + "] " + num(s.offset.Points()) + " d\n"; v != s.setDash && (v != "[] 0 d\n" || s.setDash != "") {
		s.setDash = v
		c.body.WriteString(v)
	}
	c.path(p)
	c.body.WriteString("S\n")
}

// Fill implements vg.Canvas.
func (c *Canvas) Fill(p vg.Path) {
	c.setFill()
	c.path(p)
	c.body.WriteString("f\n")
}

func (c *Canvas) setFill() {
	c.setAlpha()
	s := c.top()
	if v := rgb(s.color) + " rg\n"; v != s.fill {
		s.fill = v
		c.body.WriteString(v)
	}
}

func (c *Canvas) setAlpha() {
	s := c.top()
	if int(s.color.A) == s.alpha {
		return
	}
	s.alpha = int(s.color.A)
	if !slices.Contains(c.alphas, s.color.A) {
		c.alphas = append(c.alphas, s.color.A)
	}
	fmt.Fprintf(&c.body, "/A%d gs\n", s.color.A)
}

func rgb(c color.NRGBA) string {
	return num(float64(c.R)/255) + " " + num(float64(c.G)/255) + " " + num(float64(c.B)/255)
}

func (c *Canvas) path(p vg.Path) {
	var at vg.Point
	for _, e := range p {
		switch e.Type {
		case vg.MoveComp:
			c.op("m", e.Pos.X.Points(), e.Pos.Y.Points())
			at = e.Pos
		case vg.LineComp:
			c.op("l", e.Pos.X.Points(), e.Pos.Y.Points())
			at = e.Pos
		case vg.ArcComp:
			at = c.arc(e, at)
		case vg.CurveComp:
			a := e.Control[0]
			b := a
			if len(e.Control) == 2 {
				b = e.Control[1]
			} else {
				// A quadratic curve as a cubic one: control points two thirds of the way to the single one.
				a = vg.Point{X: at.X + (e.Control[0].X-at.X)*2/3, Y: at.Y + (e.Control[0].Y-at.Y)*2/3}
				b = vg.Point{X: e.Pos.X + (e.Control[0].X-e.Pos.X)*2/3, Y: e.Pos.Y + (e.Control[0].Y-e.Pos.Y)*2/3}
			}
			c.op("c", a.X.Points(), a.Y.Points(), b.X.Points(), b.Y.Points(), e.Pos.X.Points(), e.Pos.Y.Points())
			at = e.Pos
		case vg.CloseComp:
			c.body.WriteString("h\n")
		}
	}
}

// arc draws a circular arc as cubic curves of at most a quarter turn, control points at 4/3·tan(angle/4) radii.
func (c *Canvas) arc(e vg.PathComp, at vg.Point) vg.Point {
	on := func(t float64) (float64, float64) {
		s, co := math.Sincos(t)
		return e.Pos.X.Points() + e.Radius.Points()*co, e.Pos.Y.Points() + e.Radius.Points()*s
	}
	x, y := on(e.Start)
	if math.Hypot(x-at.X.Points(), y-at.Y.Points()) > 1e-6 {
		c.op("l", x, y)
	}
	n := max(1, int(math.Ceil(math.Abs(e.Angle)/(math.Pi/2)-1e-9)))
	step := e.Angle / float64(n)
	d := 4.0 / 3 * math.Tan(step/4) * e.Radius.Points()
	for i := range n {
		t0, t1 := e.Start+float64(i)*step, e.Start+float64(i+1)*step
		x0, y0 := on(t0)
		x1, y1 := on(t1)
		s0, c0 := math.Sincos(t0)
		s1, c1 := math.Sincos(t1)
		c.op("c", x0-d*s0, y0+d*c0, x1+d*s1, y1-d*c1, x1, y1)
		x, y = x1, y1
	}
	return vg.Point{X: vg.Points(x), Y: vg.Points(y)}
}

// FillString implements vg.Canvas, with the font's kerning.
func (c *Canvas) FillString(f font.Face, p vg.Point, s string) {
	if s == "" || f.Font.Size == 0 {
		return
	}
	n := slices.IndexFunc(c.fonts, func(e *embedded) bool { return e.face == f.Face })
	if n < 0 {
		n = len(c.fonts)
		c.fonts = append(c.fonts, &embedded{face: f.Face, used: map[sfnt.GlyphIndex]rune{}})
	}
	c.setFill()
	var buf sfnt.Buffer
	em := fixed.Int26_6(f.Face.UnitsPerEm())
	var prev sfnt.GlyphIndex
	var t strings.Builder
	t.WriteString("<")
	for i, r := range s {
		g, err := f.Face.GlyphIndex(&buf, r)
		if err != nil {
			c.fail(fmt.Errorf("pdf: character %q: %w", r, err))
			return
		}
		if i > 0 {
			if kern, err := f.Face.Kern(&buf, prev, g, em, 0); err == nil && kern != 0 {
				t.WriteString("> " + num(-float64(kern)*1000/float64(em)) + " <")
			}
		}
		if _, ok := c.fonts[n].used[g]; !ok {
			c.fonts[n].used[g] = r
		}
		fmt.Fprintf(&t, "%04x", uint16(g))
		prev = g
	}
	t.WriteString(">")
	fmt.Fprintf(&c.body, "BT /F%d %s Tf %s %s Td [%s] TJ ET\n", n, num(f.Font.Size.Points()), num(p.X.Points()), num(p.Y.Points()), t.String())
}

// DrawImage implements vg.Canvas. Pixels are stored as they are, palettes as palettes, transparency as a soft mask.
func (c *Canvas) DrawImage(r vg.Rectangle, m image.Image) {
	b := m.Bounds()
	if b.Empty() {
		return
	}
	var pix []byte
	space := "/DeviceRGB"
	var opacity []byte
	if p, ok := m.(*image.Paletted); ok && p.Opaque() {
		for y := b.Min.Y; y < b.Max.Y; y++ {
			o := p.PixOffset(b.Min.X, y)
			pix = append(pix, p.Pix[o:o+b.Dx()]...)
		}
		var hex strings.Builder
		for _, q := range p.Palette {
			n := color.NRGBAModel.Convert(q).(color.NRGBA)
			fmt.Fprintf(&hex, "%02x%02x%02x", n.R, n.G, n.B)
		}
		space = fmt.Sprintf("[/Indexed /DeviceRGB %d <%s>]", len(p.Palette)-1, hex.String())
	} else {
		clear := false
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				n := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
				pix = append(pix, n.R, n.G, n.B)
				opacity = append(opacity, n.A)
				clear = clear || n.A != 255
			}
		}
		if !clear {
			opacity = nil
		}
	}
	head := fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent 8", b.Dx(), b.Dy())
	n := len(c.images)
	mask := ""
	if opacity != nil {
		c.masks[n] = stream(head+" /ColorSpace /DeviceGray", opacity)
		mask = " /SMask MASK"
	}
	c.images = append(c.images, stream(head+" /ColorSpace "+space+mask, pix))
	// The alpha of earlier lines and fills must not reach into pictures.
	keep := c.top().color
	c.top().color.A = 255
	c.setAlpha()
	c.top().color = keep
	c.body.WriteString("q\n")
	c.op("cm", r.Size().X.Points(), 0, 0, r.Size().Y.Points(), r.Min.X.Points(), r.Min.Y.Points())
	fmt.Fprintf(&c.body, "/I%d Do\nQ\n", n)
}

func (c *Canvas) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// stream is a compressed stream object's dictionary and data.
func stream(dict string, data []byte) []byte {
	var z bytes.Buffer
	w, _ := zlib.NewWriterLevel(&z, zlib.BestCompression)
	_, _ = w.Write(data) // a bytes.Buffer does not fail
	_ = w.Close()
	var out bytes.Buffer
	fmt.Fprintf(&out, "<< %s /Filter /FlateDecode /Length %d >>\nstream\n", dict, z.Len())
	out.Write(z.Bytes())
	out.WriteString("\nendstream")
	return out.Bytes()
}

// WriteTo writes the document (ISO 32000-1, 7.5: header, objects, cross-reference table, trailer).
func (c *Canvas) WriteTo(w io.Writer) (int64, error) {
	var objs [][]byte
	add := func(b []byte) int {
		objs = append(objs, b)
		return len(objs)
	}
	const catalog, pages, page = 1, 2, 3
	add([]byte("<< /Type /Catalog /Pages 2 0 R >>"))
	add([]byte("<< /Type /Pages /Kids [3 0 R] /Count 1 >>"))
	add(nil) // the page, once its resources have numbers
	content := add(stream("", c.body.Bytes()))
	var res strings.Builder
	res.WriteString("<< /Font <<")
	for i, f := range c.fonts {
		n, err := f.write(add)
		if err != nil {
			c.fail(err)
			break
		}
		fmt.Fprintf(&res, " /F%d %d 0 R", i, n)
	}
	res.WriteString(" >> /XObject <<")
	for i, m := range c.images {
		if mask, ok := c.masks[i]; ok {
			m = bytes.Replace(m, []byte("/SMask MASK"), fmt.Appendf(nil, "/SMask %d 0 R", add(mask)), 1)
		}
		fmt.Fprintf(&res, " /I%d %d 0 R", i, add(m))
	}
	res.WriteString(" >> /ExtGState <<")
	for _, a := range c.alphas {
		v := num(float64(a) / 255)
		fmt.Fprintf(&res, " /A%d << /ca %s /CA %s >>", a, v, v)
	}
	res.WriteString(" >> >>")
	if c.err != nil {
		return 0, c.err
	}
	objs[page-1] = fmt.Appendf(nil, "<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %s %s] /Contents %d 0 R /Resources %s >>",
		pages, num(c.w.Points()), num(c.h.Points()), content, res.String())
	info := add(fmt.Appendf(nil, "<< /Title %s /Producer (Ventral) >>", unicodeString(c.title)))

	var out bytes.Buffer
	out.WriteString("%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
	at := make([]int, len(objs))
	for i, o := range objs {
		at[i] = out.Len()
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(objs)+1)
	for _, o := range at {
		fmt.Fprintf(&out, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&out, "trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objs)+1, catalog, info, xref)
	n, err := w.Write(out.Bytes())
	return int64(n), err
}

// unicodeString is a text string in UTF-16 with its byte order mark (ISO 32000-1, 7.9.2.2).
func unicodeString(s string) string {
	var b strings.Builder
	b.WriteString("<feff")
	for _, u := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, "%04x", u)
	}
	return b.String() + ">"
}

// write adds the objects of a composite font (ISO 32000-1, 9.7) and returns the number of the font's own.
func (f *embedded) write(add func([]byte) int) (int, error) {
	glyphs := make([]uint16, 0, len(f.used))
	for g := range f.used {
		glyphs = append(glyphs, uint16(g))
	}
	slices.Sort(glyphs)
	var src bytes.Buffer
	if _, err := f.face.WriteSourceTo(nil, &src); err != nil {
		return 0, fmt.Errorf("pdf: reading the font: %w", err)
	}
	cut, err := subset(src.Bytes(), glyphs)
	if err != nil {
		return 0, fmt.Errorf("pdf: cutting the font down: %w", err)
	}
	var buf sfnt.Buffer
	em := fixed.Int26_6(f.face.UnitsPerEm())
	unit := 1000 / float64(em)
	name, err := f.face.Name(&buf, sfnt.NameIDPostScript)
	if err != nil {
		return 0, fmt.Errorf("pdf: the font has no PostScript name: %w", err)
	}
	name = "VENTRL+" + name
	met, err := f.face.Metrics(&buf, em, 0)
	if err != nil {
		return 0, fmt.Errorf("pdf: the font's metrics: %w", err)
	}
	box, err := f.face.Bounds(&buf, em, 0)
	if err != nil {
		return 0, fmt.Errorf("pdf: the font's bounds: %w", err)
	}
	var widths, unicode strings.Builder
	for i := 0; i < len(glyphs); i += 100 { // a bfchar section holds at most 100 entries
		part := glyphs[i:min(i+100, len(glyphs))]
		fmt.Fprintf(&unicode, "%d beginbfchar\n", len(part))
		for _, g := range part {
			adv, err := f.face.GlyphAdvance(&buf, sfnt.GlyphIndex(g), em, 0)
			if err != nil {
				return 0, fmt.Errorf("pdf: the width of glyph %d: %w", g, err)
			}
			fmt.Fprintf(&widths, "%d [%s] ", g, num(float64(adv)*unit))
			fmt.Fprintf(&unicode, "<%04x> <", g)
			for _, u := range utf16.Encode([]rune{f.used[sfnt.GlyphIndex(g)]}) {
				fmt.Fprintf(&unicode, "%04x", u)
			}
			unicode.WriteString(">\n")
		}
		unicode.WriteString("endbfchar\n")
	}
	file := add(stream(fmt.Sprintf("/Length1 %d", len(cut)), cut))
	desc := add(fmt.Appendf(nil, "<< /Type /FontDescriptor /FontName /%s /Flags 4 /FontBBox [%s %s %s %s] /ItalicAngle 0 /Ascent %s /Descent %s /CapHeight %s /StemV 80 /FontFile2 %d 0 R >>",
		name, num(float64(box.Min.X)*unit), num(-float64(box.Max.Y)*unit), num(float64(box.Max.X)*unit), num(-float64(box.Min.Y)*unit),
		num(float64(met.Ascent)*unit), num(-float64(met.Descent)*unit), num(float64(met.CapHeight)*unit), file))
	cid := add(fmt.Appendf(nil, "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /%s /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor %d 0 R /CIDToGIDMap /Identity /DW 1000 /W [%s] >>",
		name, desc, widths.String()))
	cmap := add(stream("", []byte("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"+
		"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n"+unicode.String()+
		"endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend")))
	return add(fmt.Appendf(nil, "<< /Type /Font /Subtype /Type0 /BaseFont /%s /Encoding /Identity-H /DescendantFonts [%d 0 R] /ToUnicode %d 0 R >>", name, cid, cmap)), nil
}
