package pdf

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"

	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

func testFace(t testing.TB) font.Face {
	t.Helper()
	f, err := opentype.Parse(liberationsansregular.TTF)
	if err != nil {
		t.Fatal(err)
	}
	return font.Face{Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: 10}, Face: f}
}

// streams are the uncompressed streams of a file, by the number of their object.
func streams(t *testing.T, b []byte) map[string]string {
	t.Helper()
	out := map[string]string{}
	re := regexp.MustCompile(`(?s)(\d+) 0 obj\n<< ([^\n]*) /Filter /FlateDecode /Length (\d+) >>\nstream\n`)
	for _, m := range re.FindAllSubmatchIndex(b, -1) {
		var n int
		if _, err := fmt.Sscan(string(b[m[6]:m[7]]), &n); err != nil {
			t.Fatal(err)
		}
		r, err := zlib.NewReader(bytes.NewReader(b[m[1] : m[1]+n]))
		if err != nil {
			t.Fatal(err)
		}
		s, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(b[m[1]+n:], []byte("\nendstream")) {
			t.Errorf("object %s: wrong length", b[m[2]:m[3]])
		}
		out[string(b[m[2]:m[3]])] = string(s)
	}
	return out
}

func write(t *testing.T, c *Canvas) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := c.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("wrote %d of %d bytes: %v", n, b.Len(), err)
	}
	return b.Bytes()
}

// The page's operators are those of the calls, each state set once.
func TestOperators(t *testing.T) {
	c := New(100, 50, "T σ")
	var p vg.Path
	p.Move(vg.Point{X: 1, Y: 2})
	p.Line(vg.Point{X: 3, Y: 4.5})
	p.Close()
	c.SetColor(color.NRGBA{255, 0, 0, 255})
	c.SetLineWidth(0.5)
	c.Stroke(p)
	c.Stroke(p)
	c.SetColor(color.NRGBA{0, 0, 255, 128})
	c.Fill(p)
	c.Push()
	c.Rotate(math.Pi / 2)
	c.Translate(vg.Point{X: 5})
	c.Scale(2, 3)
	c.SetColor(nil)
	c.SetLineDash([]vg.Length{3, 1}, 0)
	c.Stroke(p)
	c.Pop()
	c.Stroke(nil)
	b := write(t, c)
	const want = `1 0 0 RG
0.5 w
1 2 m
3 4.5 l
h
S
1 2 m
3 4.5 l
h
S
/A128 gs
0 0 1 rg
1 2 m
3 4.5 l
h
f
q
0 1 -1 0 0 0 cm
1 0 0 1 5 0 cm
2 0 0 3 0 0 cm
/A255 gs
0 0 0 RG
[3 1] 0 d
1 2 m
3 4.5 l
h
S
Q
0 0 1 RG
S
`
	if got := streams(t, b)["4"]; got != want {
		t.Errorf("the page is\n%s", got)
	}
	for _, s := range []string{"/MediaBox [0 0 100 50]", "/A128 << /ca 0.502 /CA 0.502 >>", "/Title <feff0054002003c3>"} {
		if !bytes.Contains(b, []byte(s)) {
			t.Errorf("the file lacks %s", s)
		}
	}
}

// A circle of four cubic curves is round to 0.03 % (the error of the 4/3·tan approximation).
func TestArcIsRound(t *testing.T) {
	c := New(100, 100, "")
	var p vg.Path
	p.Move(vg.Point{X: 60, Y: 50})
	p.Arc(vg.Point{X: 50, Y: 50}, 10, 0, 2*math.Pi)
	c.Fill(p)
	var x, y float64
	n := 0
	for _, line := range strings.Split(c.body.String(), "\n") {
		var v [6]float64
		if m, _ := fmt.Sscanf(line, "%f %f m", &v[0], &v[1]); m == 2 && strings.HasSuffix(line, "m") {
			x, y = v[0], v[1]
		}
		if m, _ := fmt.Sscanf(line, "%f %f %f %f %f %f c", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]); m != 6 {
			continue
		}
		n++
		for i := range 11 {
			f := float64(i) / 10
			g := 1 - f
			bx := g*g*g*x + 3*g*g*f*v[0] + 3*g*f*f*v[2] + f*f*f*v[4]
			by := g*g*g*y + 3*g*g*f*v[1] + 3*g*f*f*v[3] + f*f*f*v[5]
			if r := math.Hypot(bx-50, by-50); math.Abs(r-10) > 0.004 {
				t.Errorf("radius %g", r)
			}
		}
		x, y = v[4], v[5]
	}
	if n != 4 {
		t.Errorf("%d curves", n)
	}
}

// The text in the file is the text drawn, by its own ToUnicode map, and its font holds the same outlines and widths
// as the whole font, in a fraction of its size.
func TestTextAndFont(t *testing.T) {
	const text = "Wave σ ± 10−³ é fi"
	f := testFace(t)
	c := New(200, 50, "")
	c.FillString(f, vg.Point{X: 10, Y: 20}, text)
	b := write(t, c)
	s := streams(t, b)
	unicode := map[string]string{}
	for _, v := range s {
		if strings.Contains(v, "begincmap") {
			for _, m := range regexp.MustCompile(`<([0-9a-f]{4})> <([0-9a-f]{4})>\n`).FindAllStringSubmatch(v, -1) {
				var r rune
				if _, err := fmt.Sscanf(m[2], "%x", &r); err != nil {
					t.Fatal(err)
				}
				unicode[m[1]] = string(r)
			}
		}
	}
	page := s["4"]
	got := ""
	for _, run := range regexp.MustCompile(`<([0-9a-f]+)>`).FindAllStringSubmatch(page, -1) {
		for i := 0; i < len(run[1]); i += 4 {
			got += unicode[run[1][i:i+4]]
		}
	}
	if got != text {
		t.Errorf("the file says %q", got)
	}
	if !regexp.MustCompile(`> [1-9][0-9.]* <`).MatchString(page) {
		t.Errorf("no kerning between W and a: %s", page)
	}
	m := regexp.MustCompile(`/FontFile2 (\d+) 0 R`).FindSubmatch(b)
	cut := s[string(m[1])]
	if len(cut) > len(liberationsansregular.TTF)/10 {
		t.Errorf("the font inside has %d of %d bytes", len(cut), len(liberationsansregular.TTF))
	}
	checkSubset(t, f.Face, []byte(cut), text)
}

// checkSubset compares the outlines and widths of a cut font with the whole one's. The cut has no character map, so it
// gets the whole font's tables that a parser insists on.
func checkSubset(t *testing.T, whole *opentype.Font, cut []byte, text string) {
	t.Helper()
	all, err := directory(liberationsansregular.TTF)
	if err != nil {
		t.Fatal(err)
	}
	mine, err := directory(cut)
	if err != nil {
		t.Fatal(err)
	}
	var ts []table
	for _, tag := range []string{"OS/2", "cmap", "glyf", "head", "hhea", "hmtx", "loca", "maxp", "name", "post"} {
		d := mine[tag]
		if d == nil {
			d = all[tag]
		}
		if tag == "post" {
			d = append([]byte{0, 3, 0, 0}, d[4:32]...) // version 3: no glyph names
		}
		ts = append(ts, table{tag, d})
	}
	small, err := opentype.Parse(assemble(ts))
	if err != nil {
		t.Fatal(err)
	}
	var buf sfnt.Buffer
	em := fixed.Int26_6(whole.UnitsPerEm())
	for _, r := range text {
		g, err := whole.GlyphIndex(&buf, r)
		if err != nil {
			t.Fatal(err)
		}
		a, err := whole.GlyphAdvance(&buf, g, em, 0)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := small.GlyphAdvance(&buf, g, em, 0); err != nil || a != b {
			t.Errorf("%q is %d wide, not %d (%v)", r, b, a, err)
		}
		one, err := whole.LoadGlyph(&buf, g, em, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprint(one)
		two, err := small.LoadGlyph(&buf, g, em, nil)
		if err != nil || fmt.Sprint(two) != want {
			t.Errorf("%q has another outline (%v)", r, err)
		}
	}
}

// Palettes stay palettes, transparency becomes a mask, and pixels come back.
func TestImages(t *testing.T) {
	p := image.NewPaletted(image.Rect(0, 0, 2, 1), color.Palette{color.White, color.NRGBA{1, 2, 3, 255}})
	p.Pix[1] = 1
	n := image.NewNRGBA(image.Rect(0, 0, 1, 2))
	n.SetNRGBA(0, 0, color.NRGBA{10, 20, 30, 255})
	n.SetNRGBA(0, 1, color.NRGBA{40, 50, 60, 7})
	c := New(10, 10, "")
	r := vg.Rectangle{Min: vg.Point{X: 1, Y: 2}, Max: vg.Point{X: 5, Y: 4}}
	c.DrawImage(r, p)
	c.DrawImage(r, n)
	c.DrawImage(r, image.NewGray(image.Rectangle{}))
	b := write(t, c)
	var data []string
	for _, s := range streams(t, b) {
		data = append(data, fmt.Sprintf("%x", s))
	}
	all := strings.Join(data, " ")
	for _, want := range []string{"0001", "0a141e28323c", "ff07"} {
		if !strings.Contains(" "+all+" ", " "+want+" ") {
			t.Errorf("no stream %s in %s", want, all)
		}
	}
	if !bytes.Contains(b, []byte("[/Indexed /DeviceRGB 1 <ffffff010203>]")) || !regexp.MustCompile(`/SMask \d+ 0 R`).Match(b) {
		t.Error("no palette or no mask")
	}
}

func TestSubsetErrors(t *testing.T) {
	ttf := liberationsansregular.TTF
	for _, c := range []struct {
		name string
		font []byte
		g    uint16
	}{{"empty", nil, 1}, {"directory cut", ttf[:40], 1}, {"tables cut", ttf[:5000], 1}, {"no such glyph", ttf, 65535}, {"no tables", assemble([]table{{"glyf", nil}, {"head", nil}}), 1}} {
		if _, err := subset(c.font, []uint16{c.g}); err == nil {
			t.Errorf("%s: no error", c.name)
		}
	}
}

// No font file, however broken, makes the cutter panic or invent bytes: what it makes is no larger than its source
// but for padding and tables it writes itself.
func FuzzSubset(f *testing.F) {
	small, err := subset(liberationsansregular.TTF, []uint16{36, 68, 200})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(small, uint16(36))
	f.Add(small[:len(small)/2], uint16(68))
	f.Add([]byte("\x00\x01\x00\x00\x00\x01"), uint16(0))
	f.Fuzz(func(t *testing.T, b []byte, g uint16) {
		out, err := subset(b, []uint16{g})
		if err != nil {
			return
		}
		if _, err := directory(out); err != nil {
			t.Errorf("the cut font cannot be read: %v", err)
		}
		again, err := subset(out, []uint16{g})
		if err != nil {
			t.Errorf("the cut font cannot be cut again: %v", err)
		} else if !bytes.Equal(again, out) {
			t.Error("cutting twice is not cutting once")
		}
	})
}
