package pillow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"os"
	"testing"
)

// noise is the generator of testdata/gen_resize.py.
func noise(n int, hard bool) []byte {
	out, x := make([]byte, n), uint32(12345)
	for i := range out {
		x = (1103515245*x + 12345) & 0x7fffffff
		out[i] = uint8(x >> 16)
		if hard {
			out[i] = uint8(int8(out[i]) >> 7)
		}
	}
	return out
}

func testImage(t testing.TB, mode Mode, w, h int, data []byte) *Image {
	t.Helper()
	var im image.Image
	r := image.Rect(0, 0, w, h)
	switch mode {
	case L:
		im = &image.Gray{Pix: data, Stride: w, Rect: r}
	case RGB:
		v := image.NewRGBA(r)
		for i := range w * h {
			copy(v.Pix[4*i:], append(data[3*i:3*i+3:3*i+3], 255))
		}
		im = v
	case RGBA:
		im = &image.NRGBA{Pix: data, Stride: 4 * w, Rect: r}
	case CMYK:
		im = &image.CMYK{Pix: data, Stride: 4 * w, Rect: r}
	case P:
		v := &image.Paletted{Pix: data, Stride: w, Rect: r}
		for i := range 256 {
			v.Palette = append(v.Palette, color.NRGBA{uint8(i), 0, uint8(255 - i), 255})
		}
		im = v
	case I16:
		v := image.NewGray16(r)
		for i := range w * h {
			v.Pix[2*i], v.Pix[2*i+1] = data[2*i+1], data[2*i]
		}
		im = v
	}
	m, err := New(im)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// raw is the picture's bytes as Pillow's tobytes orders them.
func raw(m *Image) []byte {
	if m.mode == I16 {
		var out []byte
		for _, v := range m.pix16 {
			out = append(out, uint8(v), uint8(v>>8))
		}
		return out
	}
	out := make([]byte, m.w*m.h*m.c)
	for y := range m.h {
		m.copyRow(out[y*m.w*m.c:][:m.w*m.c], y, 0)
	}
	return out
}

func withAlpha(m *Image) (out []byte) {
	for p := raw(m); len(p) > 0; p = p[3:] {
		out = append(out, p[0], p[1], p[2], 255)
	}
	return out
}

type reference struct {
	Cases   [][8]any
	Convert map[string]uint32
}

func readReference(t *testing.T) (ref reference) {
	t.Helper()
	b, err := os.ReadFile("testdata/resize.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &ref); err != nil {
		t.Fatal(err)
	}
	return ref
}

var channels = map[Mode]int{L: 1, RGB: 3, RGBA: 4, CMYK: 4, P: 1, I16: 2}

// TestEqualsPillow compares every mode, filter and size of the reference with what Pillow 13 made.
func TestEqualsPillow(t *testing.T) {
	ref := readReference(t)
	if len(ref.Cases) < 1000 {
		t.Fatalf("only %d cases in the reference", len(ref.Cases))
	}
	n := func(v any) int { return int(v.(float64)) }
	bad := map[string]int{}
	for _, c := range ref.Cases {
		mode, w, h, ow, oh, hard := Mode(c[0].(string)), n(c[1]), n(c[2]), n(c[3]), n(c[4]), n(c[5]) == 1
		f, err := ParseFilter(c[6].(string))
		if err != nil {
			t.Fatal(err)
		}
		data := noise(w*h*channels[mode], hard)
		m := testImage(t, mode, w, h, data)
		out, err := m.Resize(ow, oh, f, image.Rect(0, 0, ow, oh))
		if err != nil {
			t.Fatal(err)
		}
		if mode == RGBA && out.mode == RGB { // every pixel opaque: the same bytes with alpha put back
			out.raster = raster{ow, oh, 4, 4, 4 * ow, withAlpha(out)}
		}
		if got, want := crc32.ChecksumIEEE(raw(out)), uint32(c[7].(float64)); got != want {
			t.Errorf("%s %dx%d -> %dx%d %s (hard edges: %v) differs from Pillow", mode, w, h, ow, oh, f, hard)
			bad[string(mode)+" "+f.String()]++
		}
	}
	if len(bad) > 0 {
		t.Log(bad)
	}
}

func TestConvertEqualsPillow(t *testing.T) {
	ref := readReference(t)
	check := func(name string, m *Image) {
		t.Helper()
		if want, ok := ref.Convert[name]; !ok || crc32.ChecksumIEEE(raw(m)) != want {
			t.Errorf("%s to RGB differs from Pillow", name)
		}
	}
	for _, mode := range []Mode{RGBA, CMYK, L, I16} {
		m := testImage(t, mode, 64, 48, noise(64*48*channels[mode], false))
		check(string(mode), m.RGB(Clip))
		if mode == RGBA {
			check("RGBA on white", m.OnWhite(HighByte))
			pm := premultiply(m.raster)
			check("RGBA to RGBa", &Image{mode: RGBa, raster: pm})
		}
	}
}

// TestCrop: computing a crop alone gives the same bytes as cutting it out of the whole.
func TestCrop(t *testing.T) {
	for _, mode := range []Mode{L, RGB, RGBA, CMYK, P, I16} {
		for _, size := range [][4]int{{97, 61, 60, 40}, {40, 30, 90, 70}, {50, 160, 40, 60}, {64, 48, 64, 30}, {64, 48, 30, 48}, {30, 20, 30, 20}} {
			w, h, ow, oh := size[0], size[1], size[2], size[3]
			m := testImage(t, mode, w, h, noise(w*h*channels[mode], false))
			for f := Nearest; f <= Lanczos; f++ {
				all, err := m.Resize(ow, oh, f, image.Rect(0, 0, ow, oh))
				if err != nil {
					t.Fatal(err)
				}
				crop := image.Rect(7, 5, 26, 17)
				part, err := m.Resize(ow, oh, f, crop)
				if err != nil {
					t.Fatal(err)
				}
				cut, err := all.Resize(ow, oh, Nearest, crop)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(raw(part), raw(cut)) {
					t.Errorf("%s %v %v: the crop alone differs from the crop of the whole", mode, size, f)
				}
			}
		}
	}
}

// TestConstant: a picture of one colour keeps it, whatever the filter and the order of the passes.
func TestConstant(t *testing.T) {
	for _, v := range []uint8{0, 1, 127, 254, 255} {
		m := testImage(t, L, 41, 133, bytes.Repeat([]byte{v}, 41*133))
		for f := Nearest; f <= Lanczos; f++ {
			for _, s := range [][2]int{{13, 17}, {100, 20}, {20, 300}, {60, 200}} {
				out, err := m.Resize(s[0], s[1], f, image.Rect(0, 0, s[0], s[1]))
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(raw(out), bytes.Repeat([]byte{v}, s[0]*s[1])) {
					t.Errorf("%v to %v: level %d is not kept", f, s, v)
				}
			}
		}
	}
}

// TestNew: types of the standard library that hold the same colours become the same picture.
func TestNew(t *testing.T) {
	want := testImage(t, RGBA, 9, 6, noise(9*6*4, false))
	src := image.NewNRGBA(image.Rect(0, 0, 9, 6))
	copy(src.Pix, noise(9*6*4, false))
	wide := image.NewNRGBA64(image.Rect(-3, 2, 6, 8))
	inner := image.NewNRGBA(image.Rect(-5, -5, 20, 20))
	for y := range 6 {
		for x := range 9 {
			c := src.NRGBAAt(x, y)
			wide.SetNRGBA64(x-3, y+2, color.NRGBA64{uint16(c.R)<<8 | 9, uint16(c.G)<<8 | 200, uint16(c.B) << 8, uint16(c.A)<<8 | 3})
			inner.SetNRGBA(x+1, y+2, c)
		}
	}
	for name, im := range map[string]image.Image{"NRGBA64": wide, "sub-image": inner.SubImage(image.Rect(1, 2, 10, 8))} {
		m, err := New(im)
		if err != nil {
			t.Fatal(err)
		}
		if m.Mode() != RGBA || !bytes.Equal(raw(m), raw(want)) {
			t.Errorf("%s: mode %s or other bytes", name, m.Mode())
		}
	}
	m, err := New(&cropped{image.NewUniform(color.RGBA{1, 2, 3, 255})})
	if err != nil || m.Mode() != RGB || !bytes.Equal(raw(m)[:3], []byte{1, 2, 3}) {
		t.Errorf("any image: %v %v", m, err)
	}
	out := make([]byte, 3*9*6)
	want.RGB(HighByte).HWC(out)
	for i := range 9 * 6 {
		if [3]byte(out[3*i:]) != [3]byte(src.Pix[4*i:]) {
			t.Fatal("HWC does not give the colours")
		}
	}
}

type cropped struct{ *image.Uniform }

func (cropped) Bounds() image.Rectangle { return image.Rect(0, 0, 2, 2) }

func TestErrors(t *testing.T) {
	m := testImage(t, L, 4, 4, make([]byte, 16))
	for _, c := range []struct {
		w, h int
		f    Filter
		crop image.Rectangle
	}{
		{0, 5, Box, image.Rect(0, 0, 1, 1)}, {5, -1, Box, image.Rect(0, 0, 1, 1)}, {1 << 40, 5, Box, image.Rect(0, 0, 1, 1)},
		{5, 5, Box, image.Rect(0, 0, 6, 5)}, {5, 5, Box, image.Rect(2, 2, 2, 4)}, {5, 5, Box, image.Rect(-1, 0, 4, 5)}, {5, 5, 77, image.Rect(0, 0, 5, 5)},
	} {
		if out, err := m.Resize(c.w, c.h, c.f, c.crop); err == nil {
			t.Errorf("%+v gives %v", c, out)
		}
	}
	if _, err := New(image.NewGray(image.Rectangle{})); err == nil {
		t.Error("an empty picture is accepted")
	}
	if _, err := ParseFilter("cubic"); err == nil {
		t.Error("there is no filter cubic")
	}
}

func ExampleImage_Resize() {
	g := image.NewGray(image.Rect(0, 0, 8, 1))
	copy(g.Pix, []uint8{0, 0, 0, 0, 255, 255, 255, 255})
	m, _ := New(g)
	small, _ := m.Resize(4, 1, Bicubic, image.Rect(0, 0, 4, 1))
	out := make([]uint8, 12)
	small.RGB(HighByte).HWC(out)
	fmt.Println(out[0], out[3], out[6], out[9])
	// Output: 0 17 238 255
}

func BenchmarkResize(b *testing.B) {
	for _, c := range []struct {
		mode Mode
		w, h int
	}{{RGB, 500, 375}, {L, 500, 375}, {RGBA, 500, 375}, {RGB, 4000, 3000}} {
		b.Run(fmt.Sprintf("%s_%dx%d_to_298x224", c.mode, c.w, c.h), func(b *testing.B) {
			m := testImage(b, c.mode, c.w, c.h, noise(c.w*c.h*channels[c.mode], false))
			for b.Loop() {
				if _, err := m.Resize(298, 224, Bicubic, image.Rect(37, 0, 261, 224)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
