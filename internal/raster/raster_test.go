package raster

import (
	"math"
	"math/rand/v2"
	"testing"

	"golang.org/x/image/font/gofont/goregular"

	"github.com/ventral-lab/ventral/internal/rng"
)

func sum(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x
	}
	return s
}

// sampled is the oracle: the share of k x k points of a pixel for which in holds.
func sampled(w, h, k int, in func(x, y float64) bool) []float64 {
	out := make([]float64, w*h)
	for y := range h * k {
		for x := range w * k {
			if in((float64(x)+0.5)/float64(k), (float64(y)+0.5)/float64(k)) {
				out[y/k*w+x/k] += 1 / float64(k*k)
			}
		}
	}
	return out
}

// inside is the even-odd rule, written without reference to edges' direction.
func inside(p []Point, x, y float64) bool {
	in := false
	for i, a := range p {
		b := p[(i+1)%len(p)]
		if (a.Y > y) != (b.Y > y) && x < a.X+(y-a.Y)/(b.Y-a.Y)*(b.X-a.X) {
			in = !in
		}
	}
	return in
}

// starPolygon is a simple polygon: angles ascend, radii are random. It often sticks out of the frame.
func starPolygon(r *rand.Rand, n int, cx, cy, most float64) []Point {
	p := make([]Point, n)
	for i := range p {
		a := 2 * math.Pi * (float64(i) + r.Float64()*0.9) / float64(n)
		l := most * (0.2 + 0.8*r.Float64())
		p[i] = Point{cx + l*math.Cos(a), cy + l*math.Sin(a)}
	}
	return p
}

func TestPolygonAgainstSupersampling(t *testing.T) {
	r := rng.New(1, "raster test")
	const w, h, k = 17, 13, 32
	z := New(w, h)
	got := make([]float64, w*h)
	for n := range 60 {
		p := starPolygon(r, 3+r.IntN(9), r.Float64()*w, r.Float64()*h, 1+r.Float64()*14)
		z.Polygon(p)
		z.Coverage(got)
		want := sampled(w, h, k, func(x, y float64) bool { return inside(p, x, y) })
		for i := range got {
			// A k x k grid misjudges at most about the cells along each edge: 2/k an edge through the pixel.
			if d := math.Abs(got[i] - want[i]); d > 6.0/k {
				t.Fatalf("polygon %d, pixel (%d, %d): coverage %.4f, %d x %d samples give %.4f", n, i%w, i/w, got[i], k, k, want[i])
			}
		}
		if a, b := sum(got), ClipArea(p, 0, 0, w, h); math.Abs(a-b) > 1e-9 {
			t.Errorf("polygon %d: coverage sums to %.12f, its clipped area is %.12f", n, a, b)
		}
	}
}

// Moving a figure by whole pixels moves its coverage; turning its direction round changes nothing; cutting it at a line
// gives two figures that add up to it.
func TestPolygonMetamorphic(t *testing.T) {
	r := rng.New(2, "raster test")
	const n = 24
	z := New(n, n)
	a, b, c := make([]float64, n*n), make([]float64, n*n), make([]float64, n*n)
	for range 100 {
		p := starPolygon(r, 7, 10+4*r.Float64(), 10+4*r.Float64(), 9)
		z.Polygon(p)
		z.Coverage(a)

		moved, back := make([]Point, len(p)), make([]Point, len(p))
		for i, q := range p {
			moved[i] = Point{q.X + 3, q.Y - 2}
			back[len(p)-1-i] = q
		}
		z.Polygon(back)
		z.Coverage(b)
		for i := range a {
			if math.Abs(a[i]-b[i]) > 1e-12 {
				t.Fatalf("pixel %d: %v one way round, %v the other", i, a[i], b[i])
			}
		}
		z.Polygon(moved)
		z.Coverage(b)
		for y := range n - 3 {
			for x := range n - 3 {
				if y+2 < n && math.Abs(a[(y+2)*n+x]-b[y*n+x+3]) > 1e-9 {
					t.Fatalf("moved by (3, -2): pixel (%d, %d) %v against %v", x, y+2, a[(y+2)*n+x], b[y*n+x+3])
				}
			}
		}
		cut := 6 + 8*r.Float64()
		z.Polygon(clipHalf(p, cut, 1))
		z.Coverage(b)
		z.Polygon(clipHalf(p, cut, -1))
		z.Coverage(c)
		for i := range a {
			if math.Abs(a[i]-b[i]-c[i]) > 1e-9 {
				t.Fatalf("cut at y = %v: pixel %d: %v + %v is not %v", cut, i, b[i], c[i], a[i])
			}
		}
	}
}

// clipHalf keeps the part of p with side*(y-cut) >= 0.
func clipHalf(p []Point, cut, side float64) []Point {
	var out []Point
	for i, b := range p {
		a := p[(i+len(p)-1)%len(p)]
		da, db := side*(a.Y-cut), side*(b.Y-cut)
		if (da < 0) != (db < 0) {
			t := da / (da - db)
			out = append(out, Point{a.X + t*(b.X-a.X), cut})
		}
		if db >= 0 {
			out = append(out, b)
		}
	}
	return out
}

func TestMaskIsRoundedCoverage(t *testing.T) {
	r := rng.New(3, "raster test")
	const w, h = 21, 15
	z := New(w, h)
	cov, mask := make([]float64, w*h), make([]uint8, w*h)
	for range 50 {
		p := starPolygon(r, 5, r.Float64()*w, r.Float64()*h, 12)
		z.Polygon(p)
		z.Coverage(cov)
		for i := range mask {
			mask[i] = 77 // rows that Mask does not write keep this
		}
		z.Polygon(p)
		y0, y1 := z.Mask(mask)
		for i := range mask {
			switch row := i / w; {
			case row < y0 || row >= y1:
				if cov[i] != 0 || mask[i] != 77 {
					t.Fatalf("row %d outside [%d, %d): coverage %v, mask %d", row, y0, y1, cov[i], mask[i])
				}
			case mask[i] != uint8(math.Round(cov[i]*255)):
				t.Fatalf("pixel %d: coverage %v, mask %d", i, cov[i], mask[i])
			}
		}
	}
}

func TestHole(t *testing.T) {
	z := New(20, 20)
	cov := make([]float64, 400)
	z.Polygon([]Point{{2, 2}, {18, 2}, {18, 18}, {2, 18}})
	z.Polygon([]Point{{5, 5}, {5, 15.5}, {15.5, 15.5}, {15.5, 5}}) // the other way round
	z.Coverage(cov)
	if got, want := sum(cov), 256-10.5*10.5; math.Abs(got-want) > 1e-12 {
		t.Errorf("a square with a hole covers %v, want %v", got, want)
	}
	if cov[10*20+10] != 0 || cov[3*20+3] != 1 {
		t.Errorf("hole %v, rim %v", cov[10*20+10], cov[3*20+3])
	}
}

// A quadratic curve from (0,0) over (1,2) to (2,0) encloses 4/3 with its chord: 2/3 of the triangle (Archimedes).
func TestQuadArea(t *testing.T) {
	z := New(40, 40)
	z.MoveTo(0, 0)
	z.QuadTo(20, 40, 40, 0)
	cov := make([]float64, 1600)
	z.Coverage(cov)
	want := 2.0 / 3 * 800
	// n chords of a parabola lose 1/n^2 of the segment; 1/100 pixel over a 40-pixel chord allows 0.4.
	if got := sum(cov); got > want || got < want-0.4 {
		t.Errorf("area under a parabola is %v, want %v", got, want)
	}
}

func TestInset(t *testing.T) {
	for _, p := range [][]Point{
		{{0, 0}, {10, 0}, {10, 6}, {0, 6}},
		{{0, 6}, {10, 6}, {10, 0}, {0, 0}},
	} {
		if got := Area(Inset(p, 1)); math.Abs(got-8*4) > 1e-12 {
			t.Errorf("a 10 x 6 rectangle inset by 1 has area %v, want 32", got)
		}
	}
	l := []Point{{0, 0}, {4, 0}, {4, 6}, {10, 6}, {10, 10}, {0, 10}} // an L, 4 wide
	if got := Area(Inset(l, 1)); math.Abs(got-(2*8+2*6)) > 1e-12 {
		t.Errorf("the L inset by 1 has area %v, want 28", got)
	}
}

func TestTextAreaScalesAndFits(t *testing.T) {
	f, err := ParseFont(goregular.TTF)
	if err != nil {
		t.Fatal(err)
	}
	width, err := f.Width("circle")
	if err != nil {
		t.Fatal(err)
	}
	top, bottom := f.Extent("circle")
	if top >= 0 || bottom < 0 || -top < f.XHeight() || f.XHeight() >= f.CapHeight() {
		t.Errorf("extent %v..%v, x height %v, capital height %v", top, bottom, f.XHeight(), f.CapHeight())
	}
	area := func(em float64) float64 {
		n := int(em*width) + 20
		z := New(n, n)
		z.Text(f, "circle", Affine{A: em, E: em, C: 5, F: em + 5})
		cov := make([]float64, n*n)
		z.Coverage(cov)
		return sum(cov)
	}
	a, b := area(20), area(80)
	if a <= 0 || math.Abs(b/a-16) > 0.1 {
		t.Errorf("ink at 20 pixels %v, at 80 pixels %v: the ratio is %v, want 16", a, b, b/a)
	}
	if _, err := f.Width("na\u00efve"); err == nil {
		t.Error("a letter the font was not asked to hold gave no error")
	}
	if _, err := ParseFont(goregular.TTF[:1000]); err == nil {
		t.Error("a truncated font parsed")
	}
}

func BenchmarkPolygon64(b *testing.B) {
	z := New(64, 64)
	mask := make([]uint8, 64*64)
	p := []Point{{10, 12}, {50, 20}, {55, 48}, {20, 60}}
	for b.Loop() {
		z.Polygon(p)
		z.Mask(mask)
	}
}
