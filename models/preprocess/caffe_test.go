package preprocess

import (
	"image"
	"image/color"
	"testing"
)

// TestHashesOfOldSpecs: recordings are found by these; fields that were added later do not move them.
func TestHashesOfOldSpecs(t *testing.T) {
	for want, s := range map[string]Spec{
		"f3179c80fdc66c494634ad4cecba1b0c78af2c635cdb55ec8ae5f4b244eee2dc": CLIP224,
		"e65c7a0d31e548482a548d94bfb93c83d0145db9d4b0a5d9b513ba401fa5dd4a": HFCLIP224,
		"b6e3e90ae122c2a2232c6964396cd27ed4cdeb6857f14f85f4a6b79a703e3a8e": ImageNet224,
		"ef9dde71da34bd026e8f9ac4a21d43aae52c4f96df0348c9ca5b1884f80a7346": ImageNet224Bicubic,
		"0418723a30062384811427b860ca196e93f31ba541a98b8fad9dfe84093d2239": NASNet331,
		"23b3a3d28e8999f51aa86ce0bc2f4e03b22ad5fd7426761d9824c4b28ff7f5ec": Plain(64),
		"3da36ad27e3696c13e7e4dcdec5f74c6e35f2c43b1249fc0424a549199c1795b": CLIP224.WithSize(288),
	} {
		if got := s.Hash(); got != want {
			t.Errorf("%s: hash %s, want %s", s.Name, got, want)
		}
		s.White = 1
		if got := s.Hash(); got != want {
			t.Errorf("%s: the default white, written out, changes the hash", s.Name)
		}
	}
	for name, change := range map[string]func(*Spec){"white": func(s *Spec) { s.White = 255 }, "BGR": func(s *Spec) { s.BGR = true }} {
		s := CLIP224
		change(&s)
		if s.Hash() == CLIP224.Hash() {
			t.Errorf("%s does not change the hash", name)
		}
	}
}

// TestCaffe: planes B, G, R of levels less Caffe's means, as keras.applications.vgg19.preprocess_input gives them.
func TestCaffe(t *testing.T) {
	im := image.NewRGBA(image.Rect(0, 0, 224, 224))
	for i := range 224 * 224 {
		im.SetRGBA(i%224, i/224, color.RGBA{uint8(i), uint8(i / 224), uint8(7 * i), 255})
	}
	x := make([]float32, 3*224*224)
	if err := Caffe224.Apply(x, im); err != nil {
		t.Fatal(err)
	}
	for i := range 224 * 224 {
		want := [3]float32{float32(uint8(7*i)) - 103.939, float32(uint8(i/224)) - 116.779, float32(uint8(i)) - 123.68}
		for c, w := range want {
			if got := x[c*224*224+i]; got != w {
				t.Fatalf("channel %d of pixel %d is %v, want %v", c, i, got, w)
			}
		}
	}
	lo, hi := Caffe224.Range()
	for c, mean := range []float32{103.939, 116.779, 123.68} {
		if lo[c] != -mean || hi[c] != 255-mean {
			t.Errorf("channel %d ranges from %v to %v", c, lo[c], hi[c])
		}
	}
	s := Caffe224
	s.White = 2
	if s.Validate() == nil {
		t.Error("white 2 is taken")
	}
}
