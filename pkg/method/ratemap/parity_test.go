package ratemap

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// The digits below were measured with opexebo 0.7 and the published DeepMind scorer on the analytic maps of
// fixtures_test.go; each is checked to half of its last digit.
func TestPrintedDigits(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name                                               string
		m                                                  Map
		rate, content, skaggs, sparsity, selectivity, mean float64
		grid, gridTol, spacing                             float64
		dm60, dm90, dm60min                                float64
		signed                                             bool    // only the raw variants have a value
		dmPublishedNaN                                     bool    // the published scorer gives NaN, this one a number
		selectTol                                          float64 // where fewer digits were printed
	}{
		{name: "hexagons 12", m: hexagons(40, 12, 0), rate: .240986, content: .738631, skaggs: .493092, sparsity: .590120, selectivity: 3.016483, mean: .326260,
			grid: 1.4037624, gridTol: 5e-8, spacing: 11.7746, dm60: 1.651850, dm90: .224736, dm60min: 1.648321},
		{name: "hexagons 12 turned 15", m: hexagons(40, 12, 15), rate: .238955, content: .713224, skaggs: .470426, sparsity: .602728, selectivity: 2.984679, mean: .335036,
			grid: 1.404938, gridTol: 5e-7, spacing: 12.0174, dm60: 1.660536, dm90: .241763, dm60min: 1.660434},
		{name: "squares 12", m: squares(), rate: .191539, content: .418049, skaggs: .251713, sparsity: .765432, selectivity: 2.145391, mean: .458174,
			grid: -.698919, gridTol: 5e-7, spacing: nan, dm60: -.320044, dm90: 1.325729, dm60min: -.960133},
		{name: "place field", m: placeField(), rate: .166326, content: 2.660741, skaggs: 2.587702, sparsity: .124396, selectivity: 15.997194, mean: .062511,
			grid: -.028256, gridTol: 5e-7, spacing: 32.5161, dm60: -.015740, dm90: .767258, dm60min: -.015882},
		{name: "wall field", m: wallField(), rate: .200076, content: 2.638443, skaggs: 2.547728, sparsity: .126662, selectivity: 13.187200, mean: .075831,
			grid: nan, spacing: nan, dmPublishedNaN: true},
		{name: "ramp", m: ramp(), rate: .236426, content: .472853, skaggs: .297711, sparsity: .740506, selectivity: 2, mean: .5,
			grid: nan, spacing: nan, dm60: .003344, dm90: .006709, dm60min: 0},
		{name: "hexagons 10 on 28", m: hexagons(28, 10, 0), rate: .229912, content: .735022, skaggs: .479776, sparsity: .590116, selectivity: 3.120353, mean: .312796,
			grid: 1.260165, gridTol: 5e-7, spacing: 10.1971, dm60: 1.493093, dm90: .220643, dm60min: 1.485542},
		{name: "signed place field", m: placeField().affine(1, -.05), rate: .254880, content: 20.372511, skaggs: 20.370934, sparsity: .005659, selectivity: 75.933, mean: .012511,
			grid: -.028256, gridTol: 5e-7, spacing: 32.5161, signed: true, dmPublishedNaN: true, selectTol: 5e-4},
	} {
		ox, raw := OpexeboInformation(c.m), RawInformation(c.m)
		near(t, c.name+": information rate", ox.BitsPerSample, c.rate, 5e-7)
		near(t, c.name+": information content", ox.BitsPerEvent, c.content, 5e-7)
		near(t, c.name+": mean", ox.Mean, c.mean, 5e-7)
		near(t, c.name+": raw information", raw.BitsPerEvent, c.skaggs, 5e-7)
		if c.signed {
			near(t, c.name+": Skaggs", Skaggs(c.m).BitsPerEvent, nan, 0)
			if !ox.Flagged || !raw.Flagged {
				t.Errorf("%s: a signed map must be flagged", c.name)
			}
		} else {
			near(t, c.name+": Skaggs", Skaggs(c.m).BitsPerEvent, c.skaggs, 5e-7)
		}
		near(t, c.name+": sparsity", Sparsity(c.m), c.sparsity, 5e-7)
		near(t, c.name+": selectivity", Selectivity(c.m), c.selectivity, max(5e-7, c.selectTol))
		g := OpexeboGridScore(c.m)
		near(t, c.name+": grid score", g.Score, c.grid, c.gridTol)
		near(t, c.name+": opexebo spacing", g.Spacing, c.spacing, 5e-5)
		dm, err := DeepMindGridScore(c.m, DefaultDeepMindRings())
		if err != nil {
			t.Fatal(err)
		}
		if c.dmPublishedNaN {
			if !finite(dm.Score60) || !finite(dm.Score90) {
				t.Errorf("%s: DeepMind scores %v must be numbers", c.name, dm)
			}
			continue
		}
		near(t, c.name+": DM60", dm.Score60, c.dm60, 5e-7)
		near(t, c.name+": DM90", dm.Score90, c.dm90, 5e-7)
		near(t, c.name+": DM60 min/max", dm.Score60MinMax, c.dm60min, 5e-7)
	}
}

func TestPrintedDetails(t *testing.T) {
	hex := hexagons(40, 12, 0)
	near(t, "coherence of hexagons", OpexeboCoherence(hex), .970906, 5e-7)
	near(t, "coherence of a place field", OpexeboCoherence(placeField()), .999729, 5e-7)
	if c := GridScore(hex).Center; c != 3 {
		t.Errorf("central radius of hexagons = %d, want 3", c)
	}
	a := Autocorrelation(hex)
	if a.Rows != 71 || a.Cols != 71 {
		t.Errorf("autocorrelogram of 40 x 40 is %d x %d, want 71 x 71", a.Rows, a.Cols)
	}
	if b := Autocorrelation(hexagons(28, 10, 0)); b.Rows != 49 || b.Cols != 49 {
		t.Errorf("autocorrelogram of 28 x 28 is %d x %d, want 49 x 49", b.Rows, b.Cols)
	}
	for dx, want := range []float64{1, .90348285, .63928966, .28653851, -.06418603, -.34062763, -.49742418, -.53194159, -.4850396} {
		near(t, "autocorrelogram, centre row", a.At(0, dx), want, 5e-9)
		near(t, "autocorrelogram, centre row", a.At(0, -dx), want, 5e-9)
	}
	s := hex.Smooth(2)
	near(t, "smooth [0,0]", s.At(0, 0), .11344028, 5e-9)
	near(t, "smooth [20,20]", s.At(20, 20), .63977143, 5e-9)
	sum := 0.0
	for _, r := range s.Rate {
		sum += r
	}
	near(t, "sum of smooth", sum, 522.0158910, 5e-8)
	impulse := analytic(21, 21, func(i, j float64) float64 {
		if i == 10 && j == 10 {
			return 1
		}
		return 0
	}).Smooth(1)
	for d, want := range []float64{.15915589, .09653293, .02153941} {
		near(t, "smoothed impulse", impulse.At(10, 10+d), want, 5e-9)
	}
	for _, f := range []func(Map) Gridness{GridScore, OpexeboGridScore} {
		want := f(hex).Score
		near(t, "grid score of -3r+7", f(hex.affine(-3, 7)).Score, want, 1e-11)
		near(t, "grid score of 5r-2", f(hex.affine(5, -2)).Score, want, 1e-11)
	}
	// The default differs from the tool only where its sums are rounding: on everything else in the table it agrees.
	for _, m := range []Map{hex, hexagons(40, 12, 15), squares(), wallField(), ramp(), hexagons(28, 10, 0)} {
		near(t, "default grid score against opexebo's", GridScore(m).Score, OpexeboGridScore(m).Score, 1e-10)
	}
	// In extended precision (80-bit sums, each overlap about its own mean) the place field scores -.028367323.
	near(t, "default grid score of a place field", GridScore(placeField()).Score, -.028367323091567902, 1e-8)
	near(t, "and of one less a constant", GridScore(placeField().affine(1, -.05)).Score, -.028367323091567902, 1e-6)
}

func TestPrintedBorderScores(t *testing.T) {
	box := func(n, i0, i1, j0, j1 int) Map {
		return analytic(n, n, func(i, j float64) float64 {
			if int(i) >= i0 && int(i) < i1 && int(j) >= j0 && int(j) < j1 {
				return 1
			}
			return 0
		})
	}
	mask := func(m Map) Fields {
		label := make([]int, len(m.Rate))
		for b, r := range m.Rate {
			if r > 0 {
				label[b] = 1
			}
		}
		f, err := MaskFields(m, label)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for _, c := range []struct {
		name            string
		m               Map
		score, coverage float64
	}{
		{"one column", box(40, 0, 40, 0, 1), .904762, 1},
		{"three columns", box(40, 0, 40, 0, 3), .823708, 1},
		{"half a wall", box(40, 0, 20, 0, 2), .742919, .5},
		{"uniform 40", box(40, 0, 40, 0, 40), .471941, 1},
		{"uniform 28", box(28, 0, 28, 0, 28), .459963, 1},
		{"centre", box(40, 15, 25, 15, 25), -1, 0},
	} {
		b := BorderScore(c.m, mask(c.m), AllWalls)
		near(t, c.name, b.Score, c.score, 5e-7)
		near(t, c.name+": coverage", b.Coverage, c.coverage, 0)
	}

	open := OpexeboFieldDefaults()
	open.MinPeak, open.MinMean = 0, 0
	threshold := func(m Map, cut float64) Map {
		return analytic(m.Rows, m.Cols, func(i, j float64) float64 {
			if r := m.At(int(i), int(j)); r >= cut {
				return r
			}
			return 0
		})
	}
	transposed := func(m Map) Map {
		return analytic(m.Cols, m.Rows, func(i, j float64) float64 { return m.At(int(j), int(i)) })
	}
	place := placeField().affine(20, 0)
	two := analytic(40, 40, func(i, j float64) float64 { return place.At(int(i), int(j)) + 12*placeAt(i, j, 30, 6, 18) })
	wall := wallField()
	for _, c := range []struct {
		name  string
		m     Map
		opt   OpexeboFieldOptions
		bins  []int
		mean  []float64
		score float64
		cover float64
	}{
		{"20 P above .2", threshold(place, .2), OpexeboFieldDefaults(), []int{169}, []float64{9.677}, -1, 0},
		{"two fields", threshold(two, .2), OpexeboFieldDefaults(), []int{169, 97}, []float64{9.677, 5.744}, -1, 0},
		{"20 P with no thresholds", place, open, []int{1453}, nil, .348598, 1},
		{"wall field", wall, open, []int{80}, nil, .870798, 1},
		{"20 x wall field", wall.affine(20, 0), open, []int{80}, nil, .870798, 1},
		{"20 x wall field transposed", transposed(wall.affine(20, 0)), open, []int{80}, nil, .870798, 1},
		{"10 x ramp", ramp().affine(10, 0), open, []int{1280}, nil, .467919, 1},
	} {
		f := OpexeboFields(c.m, c.opt)
		var bins []int
		for k, d := range f.Field {
			bins = append(bins, d.Bins)
			if k < len(c.mean) {
				near(t, c.name+": mean of field", d.Mean, c.mean[k], 5e-4)
			}
		}
		if !slices.Equal(bins, c.bins) {
			t.Errorf("%s: fields of %v bins, want %v", c.name, bins, c.bins)
		}
		b := BorderScore(c.m, f, AllWalls)
		near(t, c.name, b.Score, c.score, 5e-7)
		near(t, c.name+": coverage", b.Coverage, c.cover, 0)
	}
	if f := OpexeboFields(threshold(place, .2), OpexeboFieldDefaults()); f.Field[0].PeakRow != 10 || f.Field[0].PeakCol != 27 {
		t.Errorf("peak of 20 P at (%d, %d), want (10, 27)", f.Field[0].PeakRow, f.Field[0].PeakCol)
	}
}

// reference.json holds maps without a formula, with what opexebo 0.7.2 says of them (testdata/generate.py).
func TestAgainstOpexebo(t *testing.T) {
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	type fieldsOf struct {
		Error  string
		Area   []int
		Label  []int
		Border *float64
		Cover  *float64 `json:"coverage"`
	}
	var maps []struct {
		Name                       string
		Rows, Cols                 int
		Rate                       []*float64
		Occupancy                  []float64
		InfoRate                   *float64 `json:"info_rate"`
		InfoContent                *float64 `json:"info_content"`
		Sparsity, Selectivity      *float64
		Coherence                  *float64
		Shape                      []int      `json:"autocorrelogram_shape"`
		Diagonal                   []*float64 `json:"autocorrelogram_diagonal"`
		GridOnly                   bool       `json:"grid_only"`
		Grid, Spacing, Orientation *float64
		DeepMind                   []*float64
		Smooth                     []*float64
		Fields                     fieldsOf
		Open                       fieldsOf `json:"fields_open"`
	}
	if err := json.Unmarshal(raw, &maps); err != nil {
		t.Fatal(err)
	}
	num := func(p *float64) float64 {
		if p == nil {
			return math.NaN()
		}
		return *p
	}
	if len(maps) < 10 {
		t.Fatalf("only %d reference maps", len(maps))
	}
	for _, c := range maps {
		rate, gaps := make([]float64, len(c.Rate)), false
		for b, r := range c.Rate {
			rate[b] = num(r)
			gaps = gaps || r == nil
		}
		m, err := NewMap(c.Rows, c.Cols, rate, c.Occupancy)
		if err != nil {
			t.Fatal(err)
		}
		if !c.GridOnly {
			in := OpexeboInformation(m)
			scale := max(1, math.Abs(num(c.InfoContent)))
			near(t, c.Name+": information rate", in.BitsPerSample, num(c.InfoRate), 1e-11)
			near(t, c.Name+": information content", in.BitsPerEvent, num(c.InfoContent), 1e-10*scale*scale)
			near(t, c.Name+": sparsity", Sparsity(m), num(c.Sparsity), 1e-11)
			if in.Mean > 0 {
				near(t, c.Name+": selectivity", Selectivity(m), num(c.Selectivity), 1e-10*num(c.Selectivity)*num(c.Selectivity))
			}
			near(t, c.Name+": coherence", OpexeboCoherence(m), num(c.Coherence), 1e-12)
			a := opexeboAutocorrelation(m)
			if a.Rows != c.Shape[0] || a.Cols != c.Shape[1] {
				t.Errorf("%s: autocorrelogram is %d x %d, want %v", c.Name, a.Rows, a.Cols, c.Shape)
			}
			for i, want := range c.Diagonal {
				near(t, c.Name+": autocorrelogram", a.R[i*a.Cols+i%a.Cols], num(want), 1e-11)
			}
		}
		g := OpexeboGridScore(m)
		near(t, c.Name+": grid score", g.Score, num(c.Grid), 1e-10)
		near(t, c.Name+": opexebo spacing", g.Spacing, num(c.Spacing), 1e-10)
		near(t, c.Name+": opexebo orientation", g.Orientation, num(c.Orientation), 1e-9)
		if !gaps {
			near(t, c.Name+": default grid score", GridScore(m).Score, num(c.Grid), 1e-10)
		}
		if c.DeepMind != nil {
			dm, err := DeepMindGridScore(m, DefaultDeepMindRings())
			if err != nil {
				t.Fatal(err)
			}
			near(t, c.Name+": DM60", dm.Score60, num(c.DeepMind[0]), 1e-9)
			near(t, c.Name+": DM60 min/max", dm.Score60MinMax, num(c.DeepMind[1]), 1e-9)
			near(t, c.Name+": DM90", dm.Score90, num(c.DeepMind[2]), 1e-9)
		}
		s := m.Smooth(1.5)
		for k, want := range c.Smooth {
			near(t, c.Name+": smooth", s.Rate[k*37], num(want), 1e-12)
		}
		open := OpexeboFieldDefaults()
		open.MinPeak, open.MinMean = 0, 0
		for _, f := range []struct {
			name string
			opt  OpexeboFieldOptions
			want fieldsOf
		}{{"fields", OpexeboFieldDefaults(), c.Fields}, {"open fields", open, c.Open}} {
			if f.want.Error != "" {
				continue
			}
			got := OpexeboFields(m, f.opt)
			var bins []int
			for _, d := range got.Field {
				bins = append(bins, d.Bins)
			}
			if !slices.Equal(bins, f.want.Area) || len(f.want.Label) > 0 && !slices.Equal(got.Label, f.want.Label) {
				t.Errorf("%s: %s of %v bins, want %v (or other bins)", c.Name, f.name, bins, f.want.Area)
			}
			b := BorderScore(m, got, AllWalls)
			near(t, c.Name+": border score of "+f.name, b.Score, num(f.want.Border), 1e-10)
			near(t, c.Name+": coverage of "+f.name, b.Coverage, num(f.want.Cover), 1e-12)
		}
	}
}
