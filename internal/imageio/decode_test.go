package imageio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"strings"
	"testing"
)

type fileCase struct {
	Mode   string
	Levels int
	Size   [2]int
}

func readCases(t testing.TB) map[string]fileCase {
	t.Helper()
	b, err := os.ReadFile("testdata/decode.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ Cases map[string]fileCase }
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Cases) < 50 {
		t.Fatalf("only %d cases", len(v.Cases))
	}
	return v.Cases
}

func readPNG(t testing.TB, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	im, err := png.Decode(f)
	if err != nil {
		t.Fatal(path, err)
	}
	return im
}

// nrgba reads a pixel without the premultiplication that color.Color goes through.
func nrgba(im image.Image, x, y int) color.NRGBA {
	switch v := im.(type) {
	case *image.NRGBA:
		return v.NRGBAAt(x, y)
	case *image.Paletted:
		return color.NRGBAModel.Convert(v.Palette[v.ColorIndexAt(x, y)]).(color.NRGBA)
	case *image.CMYK: // Pillow's conversion, which the preprocessing does itself
		c := v.CMYKAt(x, y)
		k := 255 - int(c.K)
		f := func(ink uint8) uint8 { return uint8(k - (int(ink)*k+127)/255) }
		return color.NRGBA{f(c.C), f(c.M), f(c.Y), 255}
	}
	return color.NRGBAModel.Convert(im.At(x, y)).(color.NRGBA)
}

// worst is the largest and the mean difference in levels. Without alpha in the reference, alpha is not compared.
func worst(got, want image.Image, withAlpha bool) (int, float64) {
	b := want.Bounds()
	top, sum, n := 0, 0, 0
	for y := range b.Dy() {
		for x := range b.Dx() {
			g, w := nrgba(got, x, y), nrgba(want, x, y)
			d := []int{int(g.R) - int(w.R), int(g.G) - int(w.G), int(g.B) - int(w.B)}
			if withAlpha {
				d = append(d, int(g.A)-int(w.A))
			}
			for _, v := range d {
				v = max(v, -v)
				top, sum, n = max(top, v), sum+v, n+1
			}
		}
	}
	return top, float64(sum) / float64(n)
}

// TestEqualsPillow decodes every file and compares it with what Pillow made of it, in kind, size and level.
func TestEqualsPillow(t *testing.T) {
	kinds := map[string]string{"L": "*image.Gray", "P": "*image.Paletted", "1": "*image.Paletted", "CMYK": "*image.CMYK", "RGBA": "*image.NRGBA", "LA": "*image.NRGBA"}
	for name, c := range readCases(t) {
		t.Run(name, func(t *testing.T) {
			im, err := DecodeFile("testdata/" + name)
			if err != nil {
				t.Fatal(err)
			}
			if s := im.Bounds().Size(); s != image.Pt(c.Size[0], c.Size[1]) {
				t.Fatalf("size %v, Pillow's is %v", s, c.Size)
			}
			if kind, ok := kinds[c.Mode]; ok && fmt.Sprintf("%T", im) != kind {
				t.Errorf("mode %s came back as %T", c.Mode, im)
			}
			want := readPNG(t, "testdata/"+name+".png")
			_, hasAlpha := want.(*image.NRGBA)
			top, mean := worst(im, want, hasAlpha)
			if top > c.Levels {
				t.Errorf("%d levels from Pillow (mean %.3f): at most %d", top, mean, c.Levels)
			}
			if mean > 0.25 {
				t.Errorf("mean difference %.3f levels: at most 0.25", mean)
			}
		})
	}
}

func TestOrientation(t *testing.T) {
	for o := 1; o <= 8; o++ {
		path := fmt.Sprintf("testdata/exif_%d.jpg", o)
		im, err := DecodeFileWith(path, Options{Orient: true})
		if err != nil {
			t.Fatal(err)
		}
		want := readPNG(t, strings.TrimSuffix(path, ".jpg")+".upright.png")
		if im.Bounds() != want.Bounds() {
			t.Fatalf("orientation %d: %v, want %v", o, im.Bounds(), want.Bounds())
		}
		if top, _ := worst(im, want, false); top > 3 {
			t.Errorf("orientation %d: %d levels from the upright picture", o, top)
		}
	}
	want := readPNG(t, "testdata/exif_6.png.upright.png")
	for _, path := range []string{"testdata/exif_6.png", "testdata/exif_6.webp"} {
		im, err := DecodeFileWith(path, Options{Orient: true})
		if err != nil {
			t.Fatal(err)
		}
		if top, _ := worst(im, want, false); top != 0 || im.Bounds() != want.Bounds() {
			t.Errorf("%s is not upright", path)
		}
	}
	p := image.NewPaletted(image.Rect(0, 0, 2, 1), color.Palette{color.Black, color.Black})
	p.Pix[1] = 1
	if q := oriented(p, 3).(*image.Paletted); q.Pix[0] != 1 || q.Pix[1] != 0 {
		t.Error("turning a palette picture changes indices of equal colour")
	}
}

func TestDamagedFiles(t *testing.T) {
	png1 := func(w, h uint32) []byte { // a header alone, of any size
		var b bytes.Buffer
		if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
			t.Fatal(err)
		}
		d := b.Bytes()
		d[16], d[17], d[18], d[19] = byte(w>>24), byte(w>>16), byte(w>>8), byte(w)
		d[20], d[21], d[22], d[23] = byte(h>>24), byte(h>>16), byte(h>>8), byte(h)
		// the checksum is computed by the table-free definition of ISO 3309
		crc := ^uint32(0)
		for _, v := range d[12:29] {
			crc ^= uint32(v)
			for range 8 {
				crc = crc>>1 ^ 0xedb88320&-(crc&1)
			}
		}
		crc = ^crc
		d[29], d[30], d[31], d[32] = byte(crc>>24), byte(crc>>16), byte(crc>>8), byte(crc)
		return d
	}
	jpg, err := os.ReadFile("testdata/jpeg_420.jpg")
	if err != nil {
		t.Fatal(err)
	}
	wide := bytes.Clone(jpg)
	if i := bytes.Index(wide, []byte{0xff, 0xc0}); i > 0 {
		copy(wide[i+5:], []byte{0x80, 0, 0x80, 0}) // 32768 x 32768
	}
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"empty":               {nil, "not a picture"},
		"text":                {[]byte("hello, world"), "not a picture"},
		"cut jpeg":            {jpg[:len(jpg)/2], "jpeg"},
		"many scans":          {append(bytes.Clone(jpg), bytes.Repeat([]byte{0xff, 0xda}, 1001)...), "scans"},
		"jpeg header":         {jpg[:20], "jpeg header"},
		"jpeg of 32768x32768": {wide, "limit"},
		"png beyond limits":   {png1(60000, 60000), "limit"},
		"png beyond file":     {png1(8000, 8000), "cannot hold"},
		"png long side":       {png1(70000, 10), "limit"},
		"gif header":          {[]byte("GIF89a"), "gif header"},
		"gif without frame":   {[]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"), "gif"},
		"webp header":         {[]byte("RIFF\x00\x00\x00\x00WEBPVP8 "), "webp"},
		"tiff header":         {[]byte("II*\x00\xff\xff\xff\xff"), "tiff"},
		"bmp header":          {[]byte("BM"), "bmp"},
	} {
		im, _, err := Decode(bytes.NewReader(c.data))
		if err == nil {
			t.Errorf("%s: decoded to %v", name, im.Bounds())
		} else if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v: it should say %q", name, err, c.says)
		}
	}
	if _, err := DecodeFile("testdata/nowhere.png"); err == nil || !strings.Contains(err.Error(), "nowhere.png") {
		t.Errorf("a missing file: %v", err)
	}
	w, h, format, err := Config(jpg)
	if err != nil || w != 61 || h != 47 || format != "jpeg" {
		t.Errorf("Config: %d %d %s %v", w, h, format, err)
	}
	if _, _, _, err := Config(png1(60000, 60000)); err == nil {
		t.Error("Config lets a picture beyond the limits pass")
	}
}

// TestWebPTwoSizes: the size in the extended header and in the frame must agree before anything of it is allocated.
func TestWebPTwoSizes(t *testing.T) {
	data, err := os.ReadFile("testdata/webp_alpha.webp")
	if err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(data, []byte("VP8X"))
	if i < 0 {
		t.Fatal("the test file has no extended header")
	}
	data[i+12]++ // canvas width
	if _, _, err := Decode(bytes.NewReader(data)); err == nil || !strings.Contains(err.Error(), "frame") {
		t.Errorf("two sizes: %v", err)
	}
}

func TestTIFFTileBomb(t *testing.T) {
	le := func(v uint32) []byte { return []byte{byte(v), byte(v >> 8), byte(v >> 16), byte(v >> 24)} }
	var b bytes.Buffer
	b.WriteString("II*\x00\x08\x00\x00\x00\x09\x00")
	for _, e := range [][2]uint32{{256, 8}, {257, 8}, {258, 8}, {259, 8}, {262, 1}, {322, 1 << 30}, {323, 1 << 30}, {324, 8}, {325, 8}} {
		b.Write([]byte{byte(e[0]), byte(e[0] >> 8), 4, 0, 1, 0, 0, 0})
		b.Write(le(e[1]))
	}
	b.Write(make([]byte, 16))
	if _, _, err := Decode(&b); err == nil || !strings.Contains(err.Error(), "tile") {
		t.Errorf("a tile of 2^30 pixels: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for name := range readCases(f) {
		if b, err := os.ReadFile("testdata/" + name); err == nil && len(b) < 2500 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		im, format, err := DecodeBytes(data, Options{Orient: true})
		if !bytes.Equal(before, data) {
			t.Fatal("the input was changed")
		}
		if (im == nil) == (err == nil) {
			t.Fatalf("picture %v and error %v", im, err)
		}
		if err != nil {
			return
		}
		b := im.Bounds()
		if b.Empty() || b.Dx() > MaxSide || b.Dy() > MaxSide || format == "" {
			t.Fatalf("%s: bounds %v", format, b)
		}
		for _, p := range []image.Point{b.Min, b.Max.Sub(image.Pt(1, 1))} { // both corners can be read
			im.At(p.X, p.Y)
		}
	})
}

func TestGreyRamp(t *testing.T) {
	p := image.NewPaletted(image.Rect(0, 0, 4, 1), nil)
	for i := range 16 {
		p.Palette = append(p.Palette, color.NRGBA{uint8(i), uint8(i), uint8(i), 255})
	}
	copy(p.Pix, []uint8{3, 1, 15, 0})
	g, ok := unramped(p).(*image.Gray)
	if !ok || !bytes.Equal(g.Pix, p.Pix) {
		t.Errorf("a grey ramp came back as %T", unramped(p))
	}
	p.Palette[7] = color.NRGBA{7, 7, 8, 255}
	if _, ok := unramped(p).(*image.Paletted); !ok {
		t.Error("a palette with a colour is taken for grey")
	}
}

// TestGIFTransparentColour: the colour behind the transparent index is the one in the file.
func TestGIFTransparentColour(t *testing.T) {
	im, err := DecodeFile("testdata/gif_offset_transparent.gif")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("testdata/gif_offset_transparent.gif")
	if err != nil {
		t.Fatal(err)
	}
	p := im.(*image.Paletted)
	want := color.NRGBA{data[13+12], data[13+13], data[13+14], 0} // entry 4 of the global table
	if p.Palette[4] != color.Color(want) || p.ColorIndexAt(0, 0) != 4 {
		t.Errorf("index %d, colour %v: want 4, %v", p.ColorIndexAt(0, 0), p.Palette[4], want)
	}
}

// TestSubImage: chroma of a part of a picture starts where the part does.
func TestSubImage(t *testing.T) {
	m := image.NewYCbCr(image.Rect(0, 0, 32, 24), image.YCbCrSubsampleRatio420)
	for i := range m.Y {
		m.Y[i] = uint8(i * 7)
	}
	for i := range m.Cb {
		m.Cb[i], m.Cr[i] = uint8(i*5), uint8(200-i*3)
	}
	all := FromYCbCr(m)
	for _, r := range []image.Rectangle{image.Rect(4, 6, 20, 18), image.Rect(5, 7, 21, 17)} {
		part := FromYCbCr(m.SubImage(r).(*image.YCbCr))
		for y := 2; y < r.Dy()-2; y++ { // away from the edges, whose neighbours the part does not have
			for x := 2; x < r.Dx()-2; x++ {
				if part.RGBAAt(x, y) != all.RGBAAt(r.Min.X+x, r.Min.Y+y) {
					t.Fatalf("%v: pixel %d,%d differs", r, x, y)
				}
			}
		}
	}
}

func ExampleDecodeFile() {
	im, err := DecodeFile("testdata/jpeg_420.jpg")
	fmt.Println(im.Bounds().Size(), err)
	_, _, err = Decode(strings.NewReader("hello, world"))
	fmt.Println(err)
	// Output:
	// (61,47) <nil>
	// imageio: not a picture that can be read (jpeg, png, gif, bmp, tiff, webp): 12 bytes starting with 68 65 6c 6c 6f 2c 20 77
}
