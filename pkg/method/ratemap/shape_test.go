package ratemap

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// autocorrelationByLoops is the definition: Pearson's r of the overlapping bins that both have a rate.
func autocorrelationByLoops(m Map, dy, dx int) float64 {
	var a, b []float64
	for i := range m.Rows {
		for j := range m.Cols {
			y, x := i-dy, j-dx
			if y >= 0 && y < m.Rows && x >= 0 && x < m.Cols && !math.IsNaN(m.At(i, j)) && !math.IsNaN(m.At(y, x)) {
				a, b = append(a, m.At(i, j)), append(b, m.At(y, x))
			}
		}
	}
	if r := stats.Pearson(a, b); !math.IsNaN(r) {
		return r
	}
	return 0
}

func TestAutocorrelationAgainstLoops(t *testing.T) {
	r := rng.New(1, "ratemap/test/autocorrelation")
	for _, c := range []struct {
		rows, cols int
		empty      float64
	}{{9, 9, 0}, {7, 12, 0}, {16, 10, .15}, {11, 11, .4}, {1, 9, 0}, {2, 3, 0}} {
		m := withGaps(r, c.rows, c.cols, c.empty)
		a := Autocorrelation(m)
		for dy := -a.Rows / 2; dy <= a.Rows/2; dy++ {
			for dx := -a.Cols / 2; dx <= a.Cols/2; dx++ {
				near(t, fmt.Sprintf("%d x %d, shift (%d, %d)", c.rows, c.cols, dy, dx), a.At(dy, dx), autocorrelationByLoops(m, dy, dx), 1e-11)
			}
		}
	}
}

// Scale, offset and sign of a map do not matter to a grid score, nor do quarter turns and mirrors of the map.
func TestGridScoreInvariances(t *testing.T) {
	r := rng.New(2, "ratemap/test/invariance")
	turn := func(m Map) Map {
		return analytic(m.Cols, m.Rows, func(i, j float64) float64 { return m.At(m.Rows-1-int(j), int(i)) })
	}
	flip := func(m Map) Map {
		return analytic(m.Rows, m.Cols, func(i, j float64) float64 { return m.At(int(i), m.Cols-1-int(j)) })
	}
	for k := range 12 {
		m := withGaps(r, 24, 24, 0).Smooth(.8 + float64(k)/6)
		if k%3 == 0 { // a lattice in noise
			h := hexagons(24, 8+float64(k)/3, float64(5*k))
			for b := range m.Rate {
				m.Rate[b] = h.Rate[b] + .5*m.Rate[b]
			}
		}
		if k%4 == 1 {
			for b := range 20 {
				m.Rate[b*29] = math.NaN()
			}
		}
		g, d := GridScore(m), deepMind(t, m)
		for name, v := range map[string]Map{"3r+100": m.affine(3, 100), "-r": m.affine(-1, 0), "-.01r+5": m.affine(-.01, 5), "turned": turn(m), "mirrored": flip(m)} {
			got := GridScore(v)
			near(t, fmt.Sprintf("map %d, grid score of %s", k, name), got.Score, g.Score, 1e-9)
			near(t, fmt.Sprintf("map %d, spacing of %s", k, name), got.Spacing, g.Spacing, 1e-6)
			if k%4 != 1 { // gaps are 0 in the DeepMind scorer, so an offset matters
				near(t, fmt.Sprintf("map %d, DM60 of %s", k, name), deepMind(t, v).Score60, d.Score60, 1e-8)
			}
		}
		if g.Score < -2 || g.Score > 2 {
			t.Errorf("map %d: score %g is outside [-2, 2]", k, g.Score)
		}
	}
}

func deepMind(t *testing.T, m Map) DeepMindGridness {
	t.Helper()
	g, err := DeepMindGridScore(m, DefaultDeepMindRings())
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// On clean lattices of any spacing and turn the spacing is right to .4 % and the orientation to half a degree.
func TestLatticeGeometry(t *testing.T) {
	worst, worstTurn := 0.0, 0.0
	for _, n := range []int{28, 40} {
		for spacing := 6.5; spacing <= float64(n)/2.8; spacing += .5 {
			for turn := 0.0; turn < 60; turn += 7 {
				g := GridScore(hexagons(n, spacing, turn))
				if !(g.Score > .9) {
					t.Errorf("%d bins, spacing %g, turn %g: score %g", n, spacing, turn, g.Score)
				}
				off := math.Abs(g.Spacing/spacing - 1)
				if !(off < .02) {
					t.Errorf("%d bins, spacing %g, turn %g: measured %g", n, spacing, turn, g.Spacing)
				}
				if spacing <= float64(n)/3 {
					worst = max(worst, off)
				}
				// Fields lie between wave vectors: the lattice is turned by 30 degrees more.
				d := math.Abs(math.Remainder(g.Orientation-turn-30, 60))
				worstTurn = max(worstTurn, d)
				if g.Orientation < 0 || g.Orientation >= 60 {
					t.Errorf("orientation %g is not in [0, 60)", g.Orientation)
				}
			}
		}
	}
	if worst > .004 || worstTurn > .5 {
		t.Errorf("spacing off by up to %.3g %%, orientation by %.3g degrees", 100*worst, worstTurn)
	}
	// What opexebo 0.7.2 says of clean lattices: peaks near its mask are moved to the corner of the correlogram.
	for _, c := range []struct {
		n                      int
		spacing, turn, opexebo float64
	}{{40, 8, 5, 49.49747468305833}, {40, 10.5, 5, 23.43922663948274}, {28, 8, 0, 33.94112549695428}, {28, 7.5, 0, 15.980375165651425}} {
		m := hexagons(c.n, c.spacing, c.turn)
		near(t, "spacing", GridScore(m).Spacing, c.spacing, .004*c.spacing)
		near(t, "opexebo's spacing", OpexeboGridScore(m).Spacing, c.opexebo, 1e-9)
	}
}

// Ten per cent of unvisited bins hardly change the score of a lattice when they are left out.
func TestGridScoreWithGaps(t *testing.T) {
	r := rng.New(3, "ratemap/test/gaps")
	m := hexagons(28, 9, 12)
	full := GridScore(m)
	gappy := analytic(28, 28, func(i, j float64) float64 {
		if r.Float64() < .1 {
			return math.NaN()
		}
		return m.At(int(i), int(j))
	})
	got := GridScore(gappy)
	near(t, "score with gaps", got.Score, full.Score, .03)
	near(t, "spacing with gaps", got.Spacing, full.Spacing, .1)
	if zeroed := OpexeboGridScore(gappy).Score; math.Abs(zeroed-full.Score) < math.Abs(got.Score-full.Score) {
		t.Errorf("zeros in gaps (%g) come closer to %g than leaving gaps out (%g)", zeroed, full.Score, got.Score)
	}
}

// On smooth noise the score is biased upwards by its maximum over rings, but stays far from a lattice's.
func TestGridScoreOfNoise(t *testing.T) {
	r := rng.New(4, "ratemap/test/gridnoise")
	var s []float64
	for range 60 {
		s = append(s, GridScore(withGaps(r, 28, 28, 0).Smooth(1.5)).Score)
	}
	s = stats.Finite(s)
	if len(s) < 50 || stats.Mean(s) > .3 || stats.Quantile(s, .95) > 1.2 {
		t.Errorf("%d scores of noise, mean %g, 95 %% %g", len(s), stats.Mean(s), stats.Quantile(s, .95))
	}
}

// A planted lattice among noise units has a significant grid score under permuted positions.
func TestGridNull(t *testing.T) {
	s := rng.New(5, "ratemap/test/gridnull")
	g := Screen(16, 16, 1, 1)
	const stimuli = 1500
	lattice := hexagons(16, 6, 20)
	bins, act := make([]int, stimuli), make([][]float64, 4)
	for u := range act {
		act[u] = make([]float64, stimuli)
	}
	for i := range bins {
		bins[i] = s.IntN(g.Len())
		for u := range act {
			act[u][i] = .5 * s.NormFloat64()
		}
		act[0][i] += lattice.Rate[bins[i]]
	}
	r, _ := FromUnits(act)
	n, err := Null(r, bins, g, OfMap("grid score", func(m Map) float64 { return GridScore(m.FillNearest().Smooth(.8)).Score }), NullOptions{Shuffles: 99})
	if err != nil {
		t.Fatal(err)
	}
	if n.P[0] != .01 || n.PMax[0] != .01 {
		t.Errorf("planted lattice: score %g, p %g, corrected %g", n.Observed[0], n.P[0], n.PMax[0])
	}
	if q := stats.QValues(n.P); stats.Discoveries(q[1:], .05) > 1 {
		t.Errorf("noise units pass: q = %v", q)
	}
}

func TestSplineReproducesItsBins(t *testing.T) {
	r := rng.New(6, "ratemap/test/spline")
	for _, c := range [][2]int{{1, 1}, {1, 6}, {2, 2}, {3, 5}, {9, 14}} {
		m := withGaps(r, c[0], c[1], 0)
		coef := slices.Clone(m.Rate)
		splineCoefficients(coef, m.Rows, m.Cols)
		for i := range m.Rows {
			for j := range m.Cols {
				tap := newSplineTap(float64(i), float64(j), m.Rows, m.Cols)
				if m.Rows == 1 || m.Cols == 1 {
					continue // a line of one bin has no mirror period; the scorer never makes one
				}
				near(t, fmt.Sprintf("%v at (%d, %d)", c, i, j), tap.read(coef, m.Cols), m.At(i, j), 1e-12)
			}
		}
		out := newSplineTap(-.001, 0, m.Rows, m.Cols)
		near(t, "outside", out.read(coef, m.Cols), 0, 0)
	}
}

func TestDeepMindRings(t *testing.T) {
	for _, r := range []DeepMindRings{{}, {Inner: .2}, {Inner: .5, Outer: []float64{.4}}, {Inner: .2, Outer: []float64{.6, .5}}, {Inner: math.NaN(), Outer: []float64{1}}, {Outer: []float64{2}}} {
		if _, err := DeepMindGridScore(squares(), r); err == nil {
			t.Errorf("rings %v passed", r)
		}
	}
}

func TestFindFields(t *testing.T) {
	m, _ := NewMap(4, 5, []float64{
		9, 9, 0, 0, 6,
		9, 0, 0, 6, 0,
		0, 0, 2, 2, 0,
		5, 0, 0, math.NaN(), 10,
	}, nil)
	f := FindFields(m, .5, 1)
	want := []int{
		1, 1, 0, 0, 2,
		1, 0, 0, 3, 0,
		0, 0, 0, 0, 0,
		4, 0, 0, 0, 5,
	}
	if !slices.Equal(f.Label, want) {
		t.Errorf("labels %v, want %v", f.Label, want)
	}
	if d := f.Field[0]; d.Bins != 3 || d.Peak != 9 || d.PeakRow != 0 || d.PeakCol != 0 || d.Mean != 9 || d.FirstRow != 0 || d.LastRow != 1 || d.FirstCol != 0 || d.LastCol != 1 {
		t.Errorf("first field %+v", d)
	}
	near(t, "centre row", f.Field[0].CenterRow, 1./3, 1e-15)
	if n := len(FindFields(m, .5, 2).Field); n != 1 {
		t.Errorf("%d fields of two bins or more, want 1", n)
	}
	for name, none := range map[string]Fields{"negative": FindFields(m.affine(-1, 0), .5, 1), "share 0": FindFields(m, 0, 1), "NaN": FindFields(m.affine(math.NaN(), 0), .5, 1)} {
		if len(none.Field) != 0 {
			t.Errorf("%s: %d fields, want none", name, len(none.Field))
		}
	}
	if _, err := MaskFields(m, []int{1}); err == nil {
		t.Error("a mask of one bin passed")
	}
	if g, err := MaskFields(m, slices.Repeat([]int{7, -1, 0, 1_000_000}, 5)); err != nil || len(g.Field) != 2 || g.Label[0] != 1 || g.Label[3] != 2 {
		t.Errorf("mask with labels 7 and 1,000,000: %+v, %v", g, err)
	}
}

func TestBorderScoreProperties(t *testing.T) {
	r := rng.New(7, "ratemap/test/border")
	turn := func(m Map) Map {
		return analytic(m.Cols, m.Rows, func(i, j float64) float64 { return m.At(m.Rows-1-int(j), int(i)) })
	}
	for k := range 30 {
		m := analytic(12, 15, func(_, _ float64) float64 { return r.ExpFloat64() }).Smooth(1)
		score := func(m Map) Border { return BorderScore(m, FindFields(m, .4, 4), AllWalls) }
		want := score(m)
		for name, v := range map[string]Map{"turned": turn(m), "doubled": m.affine(2, 0)} {
			near(t, fmt.Sprintf("map %d %s", k, name), score(v).Score, want.Score, 1e-12)
		}
		if want.Score < -1 || want.Score > 1 {
			t.Errorf("score %g is outside [-1, 1]", want.Score)
		}
	}
	// Walls by name, and a wall nobody visited at the very edge.
	top := analytic(10, 10, func(i, _ float64) float64 { return max(1-i, 0) })
	for _, c := range []struct {
		w     Walls
		cover float64
	}{{FirstRow, 1}, {LastRow, 0}, {FirstCol, .1}, {LastCol, .1}, {FirstCol | LastRow, .1}, {AllWalls, 1}, {0, 0}} {
		near(t, fmt.Sprintf("coverage of walls %04b", c.w), BorderScore(top, FindFields(top, .5, 1), c.w).Coverage, c.cover, 0)
	}
	hidden := analytic(10, 10, func(i, j float64) float64 {
		switch {
		case i < 2 && j < 5:
			return math.NaN()
		case i < 3:
			return 1
		}
		return 0
	})
	near(t, "coverage behind unvisited bins", BorderScore(hidden, FindFields(hidden, .5, 1), FirstRow).Coverage, 1, 0)
	signed := top.affine(1, -.6)
	f, _ := MaskFields(signed, slices.Repeat([]int{1}, 100))
	near(t, "score of rates that sum to less than nothing", BorderScore(signed, f, AllWalls).Score, math.NaN(), 0)
	inf := top.affine(1, 0)
	inf.Rate[3] = math.Inf(1)
	near(t, "score with an infinite rate", BorderScore(inf, FindFields(top, .5, 1), AllWalls).Score, math.NaN(), 0)
}

// Whatever the map, every score is a number in its range or NaN: no panic, no infinity.
func TestNoMapPanics(t *testing.T) {
	r := rng.New(8, "ratemap/test/any")
	special := []float64{0, 1, -1, math.NaN(), math.Inf(1), math.Inf(-1), 1e300, -1e300, 5e-324, 1e-9}
	for k := range 1500 {
		rows, cols := 1+r.IntN(14), 1+r.IntN(14)
		if k%5 == 0 {
			rows = cols
		}
		odd := r.Float64() * r.Float64()
		base := special[r.IntN(len(special))]
		m := analytic(rows, cols, func(_, _ float64) float64 {
			switch {
			case k%4 == 0 && r.Float64() > odd:
				return base
			case r.Float64() < odd*odd:
				return special[r.IntN(len(special))]
			}
			return r.NormFloat64()
		})
		if k%3 == 0 {
			m.Occupancy = make([]float64, rows*cols)
			for b := range m.Occupancy {
				m.Occupancy[b] = float64(r.IntN(3))
			}
		}
		if k%7 == 0 {
			m = m.FillNearest().Smooth(1)
		}
		for c, v := range Describe(m).Values() {
			if math.IsInf(v, 0) {
				t.Errorf("map %d (%d x %d): %s is %g", k, rows, cols, DescriptionColumns()[c], v)
			}
		}
		if c := Describe(m).Coherence; c < -1 || c > 1 {
			t.Errorf("coherence %g", c)
		}
	}
}

func TestGridScoreEdgeCases(t *testing.T) {
	for name, m := range map[string]Map{
		"constant":     analytic(28, 28, func(_, _ float64) float64 { return 4 }),
		"unvisited":    analytic(28, 28, func(_, _ float64) float64 { return math.NaN() }),
		"one bin":      analytic(28, 28, func(i, j float64) float64 { return map[bool]float64{true: 1, false: math.NaN()}[i == 3 && j == 4] }),
		"infinite":     analytic(28, 28, func(i, j float64) float64 { return 1 / (i * j) }),
		"6 x 6":        hexagons(6, 4, 0),
		"1 x 28":       analytic(1, 28, func(_, j float64) float64 { return math.Sin(j) }),
		"28 x 1":       analytic(28, 1, func(i, _ float64) float64 { return math.Sin(i) }),
		"one row seen": analytic(28, 28, func(i, j float64) float64 { return map[bool]float64{true: j, false: math.NaN()}[i == 3] }),
	} {
		for _, g := range []Gridness{GridScore(m), OpexeboGridScore(m)} {
			if name == "one bin" && g.Variant == "opexebo" || name == "one row seen" { // gaps count as 0 there
				if math.IsInf(g.Score, 0) {
					t.Errorf("%s (%s): %+v", name, g.Variant, g)
				}
				continue
			}
			if !math.IsNaN(g.Score) || !math.IsNaN(g.Spacing) || !math.IsNaN(g.Orientation) {
				t.Errorf("%s (%s): %+v, want NaN", name, g.Variant, g)
			}
		}
	}
	if d := deepMind(t, hexagons(32, 9, 0).affine(0, 1)); !math.IsNaN(d.Score60) {
		t.Errorf("DeepMind score of a constant map: %+v", d)
	}
	if d := deepMind(t, analytic(20, 24, func(i, j float64) float64 { return i * j })); !math.IsNaN(d.Score60) {
		t.Errorf("DeepMind score of a map that is not square: %+v", d)
	}
}
