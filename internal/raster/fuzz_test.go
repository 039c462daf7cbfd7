package raster

import (
	"testing"

	"golang.org/x/image/font/gofont/gomono"
)

// A damaged font is an error or draws something; it never panics. The input is laid over a good font at an offset, cut
// to a length.
func FuzzParseFont(f *testing.F) {
	f.Add(uint32(0), uint32(1<<20), []byte{})
	f.Add(uint32(4), uint32(1<<20), []byte{0xff, 0xff})
	f.Add(uint32(12), uint32(5000), []byte("glyf\x00\x00\x00\x00\x7f\xff\xff\xff"))
	cov := make([]float64, 32*32)
	f.Fuzz(func(t *testing.T, offset, length uint32, patch []byte) {
		ttf := append([]byte(nil), gomono.TTF...)
		if int(offset) < len(ttf) {
			copy(ttf[offset:], patch)
		}
		ttf = ttf[:min(int(length), len(ttf))]
		font, err := ParseFont(ttf)
		if err != nil {
			return
		}
		if font.CapHeight() <= 0 || font.XHeight() <= 0 {
			t.Errorf("heights %v, %v", font.CapHeight(), font.XHeight())
		}
		z := New(32, 32)
		z.Text(font, "The quick brown fox", Affine{A: 8, E: 8, C: 2, F: 20})
		z.Coverage(cov)
		for i, v := range cov {
			if !(v >= 0 && v <= 1) {
				t.Fatalf("pixel %d is covered %v", i, v)
			}
		}
	})
}
