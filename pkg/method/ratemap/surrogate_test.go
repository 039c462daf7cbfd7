package ratemap

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// setOf makes a set of maps one by one.
func setOf(n, units int, make func(u int) Map) *Set {
	var rate []float64
	for u := range units {
		rate = append(rate, make(u).Rate...)
	}
	s, err := NewSet(Screen(n, n, 1, 1), rate, nil, Raw)
	if err != nil {
		panic(err)
	}
	return s
}

func noiseMap(seed uint64, n, u int) Map {
	r := rng.New(seed, "ratemap/test/noise map", uint64(u))
	return analytic(n, n, func(i, j float64) float64 { return r.NormFloat64() })
}

// The transform of small maps against its definition, and back.
func TestPlane(t *testing.T) {
	for _, size := range [][2]int{{4, 6}, {5, 7}, {1, 5}, {6, 1}} {
		rows, cols := size[0], size[1]
		r := rng.New(1, "ratemap/test/plane")
		a := make([]float64, rows*cols)
		for b := range a {
			a[b] = r.NormFloat64()
		}
		p := newPlane(rows, cols)
		f := p.forward(a)
		for k, z := range f {
			ky, kx := k%rows, k/rows
			re, im := 0.0, 0.0
			for b, v := range a {
				s, c := math.Sincos(-2 * math.Pi * (float64(ky*(b/cols))/float64(rows) + float64(kx*(b%cols))/float64(cols)))
				re += v * c
				im += v * s
			}
			near(t, "real part", real(z), re, 1e-12)
			near(t, "imaginary part", imag(z), im, 1e-12)
		}
		back := make([]float64, rows*cols)
		p.inverse(f, back)
		for b := range a {
			near(t, "there and back", back[b], a[b], 1e-13)
		}
	}
}

// Surrogates have the mean of the visited bins, leave the others unvisited, and keep what their kind promises: the power of
// every wave vector, or the deviation and the smoothness.
func TestSurrogatesKeepWhatTheyPromise(t *testing.T) {
	for _, gaps := range []int{0, 30} {
		m := noiseMap(2, 24, 0).Smooth(1.5).affine(1, 3)
		for b := range gaps {
			m.Rate[b*17] = math.NaN()
		}
		mean, sd := meanAndSD(stats.Finite(m.Rate))
		length := AutocorrelationLength(m)
		for _, kind := range Surrogates() {
			var lengths, like []float64
			for seed := range uint64(40) {
				s, err := SurrogateOf(m, kind, seed, "test")
				if err != nil {
					t.Fatal(err)
				}
				for b := range s.Rate {
					if math.IsNaN(s.Rate[b]) != math.IsNaN(m.Rate[b]) {
						t.Fatalf("%s: bin %d is %g, was %g", kind, b, s.Rate[b], m.Rate[b])
					}
				}
				gotMean, gotSD := meanAndSD(stats.Finite(s.Rate))
				near(t, fmt.Sprint(kind, ": mean"), gotMean, mean, 1e-12)
				if kind != PhaseRandomised || gaps == 0 {
					near(t, fmt.Sprint(kind, ": deviation"), gotSD, sd, 1e-12)
				}
				if kind == PhaseRandomised && gaps == 0 {
					a, b := newPlane(24, 24).forward(m.Rate), newPlane(24, 24).forward(s.Rate)
					for k := range a {
						near(t, "amplitude", math.Hypot(real(b[k]), imag(b[k])), math.Hypot(real(a[k]), imag(a[k])), 1e-9)
					}
				}
				like = append(like, stats.Pearson(stats.Finite(m.Rate), stats.Finite(s.Rate)))
				lengths = append(lengths, AutocorrelationLength(s))
			}
			near(t, fmt.Sprint(kind, ": correlation with the map"), stats.Mean(like), 0, .1)
			near(t, fmt.Sprint(kind, ": length"), stats.Mean(lengths), length, .22*length)
		}
	}
	white := noiseMap(3, 24, 0)
	near(t, "length of white noise", AutocorrelationLength(white), .65, .1)
	near(t, "length of smooth noise", AutocorrelationLength(noiseMap(3, 60, 0).Smooth(2)), 4, .6)
	near(t, "length of a constant", AutocorrelationLength(white.affine(0, 1)), math.NaN(), 0)
}

// Null fields reject at the level they say, and lattices in noise are found. A lattice keeps its score where phases alone
// are random, as documented: that kind has less power.
func TestGridNullOfFieldsAndLattices(t *testing.T) {
	const n, units, maps = 18, 60, 39
	null := setOf(n, units, func(u int) Map {
		r := rng.New(4, "ratemap/test/field", uint64(u))
		big := analytic(n+12, n+12, func(i, j float64) float64 { return r.NormFloat64() }).Smooth(1.3)
		return analytic(n, n, func(i, j float64) float64 { return big.At(int(i)+6, int(j)+6) })
	})
	lattice := setOf(n, units/3, func(u int) Map {
		h, w := hexagons(n, 6+float64(u%4)/2, float64(3*u)), noiseMap(5, n, u)
		return analytic(n, n, func(i, j float64) float64 { return h.At(int(i), int(j)) + .3*w.At(int(i), int(j)) }).Smooth(1)
	})
	for _, kind := range Surrogates() {
		opt := SurrogateOptions{Kind: kind, Maps: maps, Seed: 1}
		r, err := null.GridNull(opt)
		if err != nil {
			t.Fatal(err)
		}
		// 60 tests at .05: 3 with a binomial deviation of 1.7; more than 9 has a chance of 1 in 1000.
		if hits := countBelow(r.P, .05); hits > 9 {
			t.Errorf("%s: %d of %d null fields are grids", kind, hits, units)
		}
		if q := stats.Discoveries(stats.QValues(r.P), .05); q > 2 {
			t.Errorf("%s: %d discoveries among null fields", kind, q)
		}
		if best := slices.Min(r.PMax); best < 1./(1+maps)+1e-9 {
			t.Errorf("%s: the best of the null fields has p = %.3f against the best of their surrogates", kind, best)
		}
		found, err := lattice.GridNull(opt)
		if err != nil {
			t.Fatal(err)
		}
		hits, most := countBelow(found.P, .05), countBelow(found.PMax, .05)
		want := units/3 - 1
		if kind == PhaseRandomised {
			want = units / 6
			if stats.Mean(found.Mean) < .3 {
				t.Errorf("lattices of random phases score %.2f", stats.Mean(found.Mean))
			}
		}
		if hits < want || kind != PhaseRandomised && most < want-3 {
			t.Errorf("%s: %d of %d lattices found, %d as the best of all", kind, hits, units/3, most)
		}
	}
}

func countBelow(p []float64, alpha float64) (n int) {
	for _, v := range p {
		if v <= alpha {
			n++
		}
	}
	return n
}

// Units that look alike share their phases, so that the largest of them is not counted as the largest of independent ones.
func TestSharedPhasesKeepCorrelations(t *testing.T) {
	base := noiseMap(6, 16, 0).Smooth(1)
	s := setOf(16, 3, func(u int) Map { return base.affine(1+float64(u), float64(u)) })
	r, err := s.SurrogateNull("corner", func(m Map) float64 { return m.Rate[0] }, SurrogateOptions{Kind: PhaseRandomised, Maps: 30, Seed: 2, Keep: true})
	if err != nil {
		t.Fatal(err)
	}
	for k := range 30 {
		z := r.Values[3*k : 3*k+3]
		near(t, "the same turn", z[1]-1, 2*z[0], 1e-9)
		near(t, "the largest", r.Max[k], max(z[0], z[1], z[2]), 0)
	}
	f, _ := s.SurrogateNull("corner", func(m Map) float64 { return m.Rate[0] }, SurrogateOptions{Maps: 30, Seed: 2, Keep: true})
	var a, b []float64
	for k := range 30 {
		a, b = append(a, f.Values[3*k]), append(b, f.Values[3*k+1])
	}
	if c := stats.Pearson(a, b); math.Abs(c) > .55 {
		t.Errorf("fields of two units correlate by %.2f", c)
	}
}

func TestSurrogateNullIsRepeatable(t *testing.T) {
	s := setOf(12, 7, func(u int) Map { return noiseMap(7, 12, u).Smooth(1) })
	s.Rate[5] = math.NaN()
	for _, kind := range Surrogates() {
		opt := SurrogateOptions{Kind: kind, Maps: 9, Seed: 3, Keep: true}
		old := runtime.GOMAXPROCS(1)
		one, _ := s.GridNull(opt)
		runtime.GOMAXPROCS(6)
		six, _ := s.GridNull(opt)
		runtime.GOMAXPROCS(old)
		if !slices.Equal(bitsOf(one.Values), bitsOf(six.Values)) || !slices.Equal(one.P, six.P) || !slices.Equal(bitsOf(one.Max), bitsOf(six.Max)) {
			t.Errorf("%s depends on the number of threads", kind)
		}
		opt.Maps = 4
		few, _ := s.GridNull(opt)
		if !slices.Equal(bitsOf(few.Values), bitsOf(one.Values[:4*7])) {
			t.Errorf("%s: the first surrogates depend on how many there are", kind)
		}
		opt.Seed++
		if other, _ := s.GridNull(opt); slices.Equal(other.Values, few.Values) {
			t.Errorf("%s: another seed gives the same surrogates", kind)
		}
	}
}

func TestSurrogateNullOfBadMaps(t *testing.T) {
	nan := math.NaN()
	bad := []Map{
		analytic(12, 12, func(i, j float64) float64 { return 2 }), analytic(12, 12, func(i, j float64) float64 { return nan }),
		analytic(12, 12, func(i, j float64) float64 { return 1 / (i * j) }), analytic(12, 12, func(i, j float64) float64 { return math.Sqrt(-i-j) + 1 }),
		noiseMap(8, 12, 0).Smooth(1),
	}
	s := setOf(12, len(bad), func(u int) Map { return bad[u] })
	for _, kind := range Surrogates() {
		r, err := s.GridNull(SurrogateOptions{Kind: kind, Maps: 9})
		if err != nil {
			t.Fatal(err)
		}
		for u := range 4 {
			near(t, fmt.Sprintf("%s: p of bad map %d", kind, u), r.P[u], 1, 0)
			near(t, fmt.Sprintf("%s: p of bad map %d among all", kind, u), r.PMax[u], 1, 0)
			near(t, fmt.Sprintf("%s: score of bad map %d", kind, u), r.Observed[u], nan, 0)
		}
		if math.IsNaN(r.Observed[4]) || math.IsNaN(r.P[4]) {
			t.Errorf("%s: the good map has score %g, p %g", kind, r.Observed[4], r.P[4])
		}
	}
	row, err := NewSet(Screen(1, 9, 1, 1), []float64{1, 2, 3, 4, 5, 4, 3, 2, 1}, nil, Raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range Surrogates() {
		r, err := row.SurrogateNull("first", func(m Map) float64 { return m.Rate[0] }, SurrogateOptions{Kind: kind, Maps: 5})
		if err != nil || math.IsNaN(r.P[0]) || math.IsNaN(r.Max[0]) {
			t.Errorf("%s: one row: %+v, %v", kind, r, err)
		}
	}
	if _, err := s.GridNull(SurrogateOptions{Kind: "white"}); err == nil {
		t.Error("an unknown kind is no error")
	}
	if _, err := s.GridNull(SurrogateOptions{Maps: -1}); err == nil {
		t.Error("-1 surrogates are no error")
	}
	if _, err := NewSet(Screen(2, 2, 1, 1), make([]float64, 7), nil, Raw); err == nil {
		t.Error("7 rates of 2 x 2 maps are no error")
	}
	if _, err := NewSet(Screen(2, 2, 1, 1), make([]float64, 8), []float64{1, 2, -1, 0}, Raw); err == nil {
		t.Error("a negative occupancy is no error")
	}
	if _, err := (&Set{}).GridNull(SurrogateOptions{}); err == nil {
		t.Error("a set without maps is no error")
	}
}

func FuzzSurrogates(f *testing.F) {
	f.Add([]byte{4, 5, 0, 10, 200, 3, 9, 255, 17, 40, 40, 40, 41, 7, 99, 1, 0, 0, 5, 6, 80, 12})
	f.Add([]byte{6, 0, 9, 9, 1, 255})
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, ok := fuzzMap(raw)
		if !ok {
			return
		}
		for _, kind := range Surrogates() {
			s, err := SurrogateOf(m, kind, 1, "fuzz")
			if err != nil {
				t.Fatal(err)
			}
			for b, v := range s.Rate {
				if math.IsNaN(v) != math.IsNaN(m.Rate[b]) || math.IsInf(v, 0) != math.IsInf(m.Rate[b], 0) {
					t.Fatalf("%s: bin %d is %g, was %g", kind, b, v, m.Rate[b])
				}
			}
		}
	})
}

func BenchmarkGridNull(b *testing.B) {
	set := smoothMaps(b)
	for _, kind := range Surrogates() {
		b.Run(string(kind), func(b *testing.B) {
			for b.Loop() {
				if _, err := set.GridNull(SurrogateOptions{Kind: kind, Maps: 10}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
