package scenes

import "testing"

// One picture of the training mixture at 64 pixels, on one goroutine: CPU time, to be divided by the number of processors. The goal is 2,000
// pictures a second on two of them, one millisecond of CPU a picture.
func BenchmarkWorld64(b *testing.B) { benchmarkWorld(b, 64) }

func BenchmarkWorld224(b *testing.B) { benchmarkWorld(b, 224) }

func benchmarkWorld(b *testing.B, size int) {
	w, err := NewWorld(WorldConfig{N: 1 << 30, Seed: 1, Size: size})
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]uint8, 3*size*size)
	for i := range 2000 { // decodes the sprites
		if _, err := w.Draw(i, dst); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := w.Draw(i, dst); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
