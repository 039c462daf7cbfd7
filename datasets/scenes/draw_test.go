package scenes

import (
	"image"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ventral-lab/ventral/internal/rng"
)

func rngFor(name string) *rand.Rand { return rng.New(1, "scenes test "+name) }

// Exact coverage means that a picture averaged over 2 x 2 pixels is the picture at half the size.
func TestHalfSizeIsTheMean(t *testing.T) {
	small := mustNew(t, Config{N: 1 << 20, Seed: 12, Size: 48})
	large := mustNew(t, Config{N: 1 << 20, Seed: 12, Size: 96})
	tested := [nKinds]int{}
	for i := range 600 {
		a := at(t, small, i)
		l := a.Labels
		// Noise has no finer version; textures are not exact.
		if l["noise"].(float64) > 0 || l["background"] == "noisy" || l["texture"] != "solid" && l["texture"] != "outline" && l["texture"] != "" || l["relation"] != "" {
			continue
		}
		b := at(t, large, i)
		if b.Caption != a.Caption || b.Labels["visible"] != l["visible"] && l["count"].(int64) > 0 {
			t.Fatalf("picture %d: another scene at another size", i)
		}
		tested[index(kindNames[:], l["kind"].(string))]++
		p, q := a.Image.(*image.RGBA).Pix, b.Image.(*image.RGBA).Pix
		limit, over := 3, 0
		for y := range 48 {
			for x := range 48 {
				for c := range 3 {
					at := func(dx, dy int) int { return int(q[4*((2*y+dy)*96+2*x+dx)+c]) }
					m := (at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1) + 2) / 4
					if d := m - int(p[4*(y*48+x)+c]); max(d, -d) > limit {
						over++
					}
				}
			}
		}
		// Where two paints share a pixel with the background, mixing them in turn is not linear; overlapping parts of letters
		// add up. Both touch a few pixels.
		allowed := 0
		if l["count"].(int64) > 1 || l["word"] != "" {
			allowed = 48 * 48 * 3 / 100
		}
		if over > allowed {
			t.Errorf("picture %d (%q): %d values differ by more than %d from the mean of the finer picture", i, a.Caption, over, limit)
		}
	}
	for k, n := range tested {
		if n < 10 {
			t.Errorf("only %d %s pictures were compared", n, kindNames[k])
		}
	}
}

// Masks hold the figure's area, everything outside them is background, everything wholly inside is paint.
func TestMasks(t *testing.T) {
	s := mustNew(t, Config{N: 1 << 20, Seed: 13, Size: 64, Masks: true})
	checked := 0
	for i := range 500 {
		st := at(t, s, i)
		l := st.Labels
		if len(st.Masks) != 5 {
			t.Fatalf("picture %d has %d masks", i, len(st.Masks))
		}
		sum := func(name string) (v float64) {
			for _, p := range st.Masks[name].Pix {
				v += float64(p) / 255
			}
			return v
		}
		if l["kind"] == "empty" && sum("figure") != 0 {
			t.Errorf("picture %d is empty and has a figure", i)
		}
		for k, name := range objectMasks {
			if (sum(name) > 0) != (int64(k) < l["count"].(int64)) {
				t.Errorf("picture %d has %v objects, mask %s sums to %v", i, l["count"], name, sum(name))
			}
		}
		if (sum("word") > 0) != (l["word"] != "") {
			t.Errorf("picture %d: word %q, mask sums to %v", i, l["word"], sum("word"))
		}
		if l["count"].(int64) > 0 && l["texture"] != "outline" {
			r := l["size"].(float64) * 64
			want := l["visible"].(float64) * math.Pi * r * r
			if tol := (12*r + 8) * 0.5 / 255; math.Abs(sum("object0")-want) > tol {
				t.Errorf("picture %d (%s): mask covers %.3f pixels, the label says %.3f (tolerance %.3f)", i, st.Caption, sum("object0"), want, tol)
			}
		}
		if l["noise"].(float64) > 0 {
			continue
		}
		checked++
		var sc scene
		s.sample(&sc, i)
		ground := make([]uint8, 64*64*3)
		drawGround(ground, 64, &sc.bg)
		picture := rgb(st.Image)
		for p, m := range st.Masks["figure"].Pix {
			for c := range 3 {
				if m == 0 && picture[3*p+c] != ground[3*p+c] {
					t.Fatalf("picture %d: pixel %d lies outside the figure and is not background", i, p)
				}
				if st.Masks["object0"].Pix[p] == 255 && sc.n == 1 && !sc.hasWord && sc.objects[0].texture == solid && picture[3*p+c] != sc.objects[0].rgb[c] {
					t.Fatalf("picture %d: pixel %d lies inside the figure and is not its paint", i, p)
				}
			}
		}
	}
	if checked < 300 {
		t.Errorf("only %d pictures without noise", checked)
	}
}

func TestTextureFilters(t *testing.T) {
	const steps = 20000
	r := rngFor("filters")
	for range 50 {
		u, foot := r.Float64()*6-3, 0.05+r.Float64()*1.5
		n := 0
		for k := range steps {
			x := u + foot*((float64(k)+0.5)/steps-0.5)
			if x-math.Floor(x) < 0.5 {
				n++
			}
		}
		if got, want := wave(u, foot), float64(n)/steps; math.Abs(got-want) > 5e-4 {
			t.Errorf("wave(%v, %v) = %v, samples give %v", u, foot, got, want)
		}
	}
	if dots(3.02, -1, 0.1) != 1 || dots(0.5, 0.5, 0.1) != 0 {
		t.Error("dots are not on the lattice")
	}
}

func TestNoise(t *testing.T) {
	const n = 128
	for _, coloured := range []bool{false, true} {
		dst := make([]uint8, n*n*3)
		for i := range dst {
			dst[i] = 128
		}
		addNoise(dst, n, 99, 20, coloured, n)
		var mean, sq, cross float64
		for p := 0; p < len(dst); p += 3 {
			a, b := float64(dst[p])-128, float64(dst[p+1])-128
			mean += a
			sq += a * a
			cross += a * b
		}
		m := float64(n * n)
		sd := math.Sqrt(sq / m)
		// Standard errors: 0.16 for the mean, 0.11 for the deviation, 0.008 for the correlation.
		if math.Abs(mean/m) > 0.7 || math.Abs(sd-20) > 0.6 {
			t.Errorf("noise of 20 levels has mean %.2f, deviation %.2f", mean/m, sd)
		}
		if rho := cross / sq; coloured && math.Abs(rho) > 0.04 || !coloured && rho != 1 {
			t.Errorf("coloured %v: red and green correlate by %.3f", coloured, rho)
		}
	}
	// The noise of a picture twice as large is the same noise.
	a, b := make([]uint8, 32*32*3), make([]uint8, 64*64*3)
	addNoise(a, 32, 5, 30, true, 32)
	addNoise(b, 64, 5, 30, true, 32)
	for y := range 32 {
		for x := range 32 {
			if a[3*(y*32+x)] != b[3*(2*y*64+2*x+1)] {
				t.Fatalf("cell (%d, %d) has other noise at twice the size", x, y)
			}
		}
	}
}
