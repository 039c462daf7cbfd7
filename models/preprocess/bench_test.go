package preprocess

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"testing"

	"github.com/ventral-lab/ventral/internal/imageio"
)

// photoLike is 500x375 pixels with the smoothness and the edges of a photograph.
func photoLike() *image.RGBA {
	im := image.NewRGBA(image.Rect(0, 0, 500, 375))
	for y := range 375 {
		for x := range 500 {
			fx, fy := float64(x), float64(y)
			v := 128 + 60*math.Sin(fx/37+fy/91) + 40*math.Sin(fy/13) + 20*math.Sin(fx*fy/900)
			if (x/60+y/45)%3 == 0 {
				v = 255 - v
			}
			im.SetRGBA(x, y, color.RGBA{uint8(min(max(v, 0), 255)), uint8(min(max(v*0.8+20, 0), 255)), uint8(min(max(220-v/2, 0), 255)), 255})
		}
	}
	return im
}

// BenchmarkApply is resize, crop and normalisation of a decoded 500x375 picture to 3x224x224.
func BenchmarkApply(b *testing.B) {
	im := photoLike()
	dst := make([]float32, 3*224*224)
	for b.Loop() {
		if err := CLIP224.Apply(dst, im); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "img/s")
}

// BenchmarkDecode is a 500x375 JPEG (4:2:0, quality 75) to RGB; BenchmarkDecodeApply the whole way to the tensor.
func BenchmarkDecode(b *testing.B)      { decodeBench(b, false) }
func BenchmarkDecodeApply(b *testing.B) { decodeBench(b, true) }

func decodeBench(b *testing.B, apply bool) {
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, photoLike(), &jpeg.Options{Quality: 75}); err != nil {
		b.Fatal(err)
	}
	dst := make([]float32, 3*224*224)
	for b.Loop() {
		im, _, err := imageio.Decode(bytes.NewReader(buf.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		if apply {
			if err := CLIP224.Apply(dst, im); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "img/s")
}
