package train

import (
	"math"
	"testing"
)

// TestCropOfTheWhole checks that a crop of the whole picture without jitter is the picture, or its mirror image.
func TestCropOfTheWhole(t *testing.T) {
	const size = 8
	rgb := make([]uint8, 3*size*size)
	for i := range rgb {
		rgb[i] = uint8(i * 37)
	}
	a := Crops{Std: [3]float64{1, 1, 1}}
	dst := make([]float32, 3*size*size)
	mirrored := 0
	for i := range 40 {
		// A ratio other than 1 makes the box narrower than the picture in one direction: only the other is compared.
		a.apply(dst, rgb, size, size, [2]float64{4, 4}, 1, uint64(i), 0)
		plain, flipped := 0.0, 0.0
		for y := range size {
			for x := range size {
				for c := range 3 {
					got := float64(dst[c*size*size+y*size+x])
					plain = max(plain, math.Abs(got-float64(rgb[3*(y*size+x)+c])/255))
					flipped = max(flipped, math.Abs(got-float64(rgb[3*(y*size+size-1-x)+c])/255))
				}
			}
		}
		if min(plain, flipped) > 1e-6 {
			t.Fatalf("crop %d is neither the picture (off by %g) nor its mirror image (off by %g)", i, plain, flipped)
		}
		if flipped < plain {
			mirrored++
		}
	}
	if mirrored < 8 || mirrored > 32 {
		t.Errorf("%d of 40 crops are mirrored", mirrored)
	}
}

// TestCropScale checks that a linear ramp keeps its slope times the box's width, whatever the box.
func TestCropScale(t *testing.T) {
	const size, out = 32, 16
	rgb := make([]uint8, 3*size*size)
	for y := range size {
		for x := range size {
			for c := range 3 {
				rgb[3*(y*size+x)+c] = uint8(8 * x)
			}
		}
	}
	a := Crops{Std: [3]float64{1, 1, 1}}
	dst := make([]float32, 3*out*out)
	for i := range 20 {
		a.apply(dst, rgb, size, out, [2]float64{0.1, 0.1}, 1, uint64(i), 3)
		row := dst[:out]
		step := float64(row[out/2]-row[out/2-1]) * 255 / 8
		width := math.Abs(step) * out / size // share of the side
		if ratio := width * width / 0.1; ratio < 0.74 || ratio > 1.34 {
			t.Errorf("crop %d is %.3f of the side wide: an aspect ratio of %.3f", i, width, ratio)
		}
	}
}

// TestTurned: a turn leaves brightness and greys alone, comes back by the opposite turn, and a third of a turn makes of red
// something that is mostly green or mostly blue.
func TestTurned(t *testing.T) {
	for _, v := range [][3]float64{{1, 0, 0}, {.2, .7, .4}, {.5, .5, .5}} {
		for _, turn := range []float64{.1, 1. / 3, -.25} {
			sin, cos := math.Sincos(2 * math.Pi * turn)
			got := turned(v, lumaOf(v), sin, cos)
			if d := lumaOf(got) - lumaOf(v); math.Abs(d) > 1e-12 {
				t.Errorf("%v by %g: brightness changes by %g", v, turn, d)
			}
			back := turned(got, lumaOf(got), -sin, cos)
			for c := range 3 {
				if math.Abs(back[c]-v[c]) > 1e-12 {
					t.Errorf("%v by %g and back is %v", v, turn, back)
				}
			}
			if v[0] == v[1] && v[1] == v[2] && math.Abs(got[0]-v[0]) > 1e-12 {
				t.Errorf("grey %v becomes %v", v, got)
			}
		}
	}
	sin, cos := math.Sincos(2 * math.Pi / 3)
	if got := turned([3]float64{1, 0, 0}, lumaOf([3]float64{1, 0, 0}), sin, cos); got[0] > max(got[1], got[2]) {
		t.Errorf("red by a third of a turn is %v", got)
	}
}
