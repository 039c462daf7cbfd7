package raster

import (
	"math"
	"testing"

	"github.com/ventral-lab/ventral/internal/rng"
)

func TestDiscAreaKnown(t *testing.T) {
	const r = 3.0
	half := 1.2 // distance of a chord
	segment := r*r*math.Acos(half/r) - half*math.Sqrt(r*r-half*half)
	for _, c := range []struct {
		name           string
		x0, y0, x1, y1 float64
		want           float64
	}{
		{"all of it", -5, -5, 5, 5, math.Pi * 9},
		{"just all of it", -3, -3, 3, 3, math.Pi * 9},
		{"right half", 0, -5, 5, 5, math.Pi * 4.5},
		{"quadrant", -5, -5, 0, 0, math.Pi * 9 / 4},
		{"beyond a chord", half, -5, 5, 5, segment},
		{"below a chord", -5, half, 5, 5, segment},
		{"left of a chord", -5, -5, -half, 5, segment},
		{"a box inside", -1, -1, 2, 1.5, 7.5},
		{"beside it", 3, -5, 5, 5, 0},
		{"a corner it does not reach", 2.2, 2.2, 4, 4, 0},
		{"nothing", 1, 1, 1, 2, 0},
	} {
		if got := DiscArea(7, -4, r, 7+c.x0, -4+c.y0, 7+c.x1, -4+c.y1); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: %.15f, want %.15f", c.name, got, c.want)
		}
	}
	if DiscArea(0, 0, 0, -1, -1, 1, 1) != 0 || DiscArea(0, 0, -1, -1, -1, 1, 1) != 0 || DiscArea(0, 0, math.NaN(), -1, -1, 1, 1) != 0 {
		t.Error("a disc without a radius has an area")
	}
}

func TestDiscCoverage(t *testing.T) {
	r := rng.New(4, "raster test")
	const w, h, k = 16, 12, 64
	got, mask := make([]float64, w*h), make([]uint8, w*h)
	for n := range 40 {
		cx, cy, rad := -3+r.Float64()*(w+6), -3+r.Float64()*(h+6), 0.2+r.Float64()*7
		DiscCoverage(got, w, h, cx, cy, rad)
		want := sampled(w, h, k, func(x, y float64) bool { return (x-cx)*(x-cx)+(y-cy)*(y-cy) < rad*rad })
		for i := range got {
			if d := math.Abs(got[i] - want[i]); d > 4.0/k {
				t.Fatalf("disc %d, pixel (%d, %d): %.4f, samples give %.4f", n, i%w, i/w, got[i], want[i])
			}
		}
		// The sum over pixels against one closed form for the frame, and against numerical integration of the chord.
		a, b := sum(got), DiscArea(cx, cy, rad, 0, 0, w, h)
		if math.Abs(a-b) > 1e-10 {
			t.Errorf("disc %d: coverage sums to %.13f, the frame holds %.13f", n, a, b)
		}
		const steps = 200000
		c := 0.0
		for i := range steps {
			x := (float64(i) + 0.5) / steps * w
			if s := rad*rad - (x-cx)*(x-cx); s > 0 {
				c += max(min(cy+math.Sqrt(s), h)-max(cy-math.Sqrt(s), 0), 0) * w / steps
			}
		}
		if math.Abs(b-c) > 1e-4 {
			t.Errorf("disc %d: closed form %.8f, integral %.8f", n, b, c)
		}
		for i := range mask {
			mask[i] = 77
		}
		y0, y1 := DiscMask(mask, w, h, cx, cy, rad)
		for i := range mask {
			if y := i / w; y < y0 || y >= y1 {
				if got[i] != 0 {
					t.Fatalf("disc %d: row %d is outside [%d, %d) and covered %v", n, y, y0, y1, got[i])
				}
			} else if mask[i] != Byte(got[i]) {
				t.Fatalf("disc %d: pixel %d is %d, coverage %v", n, i, mask[i], got[i])
			}
		}
	}
}

// A polygon of many sides tends to its circle; the rasteriser of polygons is an oracle for the discs and the other way.
func TestDiscIsLimitOfPolygons(t *testing.T) {
	const n = 40
	z := New(n, n)
	disc, poly := make([]float64, n*n), make([]float64, n*n)
	p := make([]Point, 4096)
	for i := range p {
		s, c := math.Sincos(2 * math.Pi * float64(i) / float64(len(p)))
		p[i] = Point{18.3 + 11.7*c, 21.9 + 11.7*s}
	}
	z.Polygon(p)
	z.Coverage(poly)
	DiscCoverage(disc, n, n, 18.3, 21.9, 11.7)
	for i := range disc {
		// The sagitta of a side is r (pi/4096)^2 / 2 = 3.4e-6 pixels.
		if math.Abs(disc[i]-poly[i]) > 1e-5 {
			t.Fatalf("pixel %d: disc %.8f, polygon %.8f", i, disc[i], poly[i])
		}
	}
}

func BenchmarkDisc64(b *testing.B) {
	mask := make([]uint8, 64*64)
	for b.Loop() {
		DiscMask(mask, 64, 64, 31.3, 30.2, 15)
	}
}
