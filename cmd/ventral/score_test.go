package main

import (
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/internal/npy"
)

// scoreMap makes one analytic map on n x n bins.
func scoreMap(n int, f func(i, j float64) float64) []float64 {
	out := make([]float64, n*n)
	for b := range out {
		out[b] = f(float64(b/n), float64(b%n))
	}
	return out
}

// scoreLattice is three plane waves 60 degrees apart with fields lambda bins apart, turned by turn degrees.
func scoreLattice(n int, lambda, turn float64) []float64 {
	c := float64(n-1) / 2
	return scoreMap(n, func(i, j float64) float64 {
		s := 1.5
		for k := range 3 {
			sin, cos := math.Sincos((60*float64(k) + turn) * math.Pi / 180)
			s += math.Cos(4 * math.Pi / (math.Sqrt(3) * lambda) * ((j-c)*cos + (i-c)*sin))
		}
		return s / 4.5
	})
}

// scoreFixtures are maps of which opexebo 0.7 and the published DeepMind scorer were asked.
func scoreFixtures() []npy.Named {
	place := func(i, j float64) float64 { return math.Exp(-((i-10)*(i-10) + (j-27)*(j-27)) / 32) }
	var out []npy.Named
	add := func(name string, n int, v []float64) {
		out = append(out, npy.Named{Name: name, Array: &npy.Array{Shape: []int{n, n}, Data: v}})
	}
	add("hex12", 40, scoreLattice(40, 12, 0))
	add("hex12turned", 40, scoreLattice(40, 12, 15))
	add("square12", 40, scoreMap(40, func(i, j float64) float64 {
		return (math.Cos(2*math.Pi*(j-19.5)/12) + math.Cos(2*math.Pi*(i-19.5)/12) + 2) / 4
	}))
	add("place", 40, scoreMap(40, place))
	add("wall", 40, scoreMap(40, func(_, j float64) float64 { return math.Exp(-j / 2.5) }))
	add("ramp", 40, scoreMap(40, func(_, j float64) float64 { return j / 39 }))
	add("hex10", 28, scoreLattice(28, 10, 0))
	add("signed", 40, scoreMap(40, func(i, j float64) float64 { return place(i, j) - .05 }))
	return out
}

// writeScoreFixtures puts the maps into the folder of the script about scores, and of no other.
func writeScoreFixtures(dir string) error {
	if !strings.HasSuffix(dir, "script-score") {
		return nil
	}
	maps := scoreFixtures()
	if err := npy.WriteNPZ(filepath.Join(dir, "maps.npz"), maps...); err != nil {
		return err
	}
	stack := append(append([]float64{}, maps[0].Data.([]float64)...), maps[3].Data.([]float64)...)
	hostile := scoreMap(8, func(i, j float64) float64 { return math.NaN() })
	for _, f := range []struct {
		name  string
		shape []int
		v     []float64
	}{
		{"stack.npy", []int{2, 40, 40}, stack},
		{"one.npy", []int{40, 40}, stack[:1600]},
		{"line.npy", []int{1600}, stack[:1600]},
		{"even.npy", []int{40, 40}, scoreMap(40, func(i, j float64) float64 { return 3 })},
		{"negative.npy", []int{40, 40}, scoreMap(40, func(i, j float64) float64 { return i - 1 })},
		{"small.npy", []int{2, 2}, []float64{1, 1, 1, 1}},
		{"empty.npy", []int{0, 40, 40}, []float64{}},
		{"hostile.npy", []int{5, 8, 8}, append(append(append(append(hostile,
			scoreMap(8, func(i, j float64) float64 { return 2 })...),
			scoreMap(8, func(i, j float64) float64 { return math.Inf(int(i) - 4) })...),
			scoreMap(8, func(i, j float64) float64 {
				if i+j == 0 {
					return 3
				}
				return math.NaN()
			})...),
			scoreMap(8, func(i, j float64) float64 { return 0 })...)},
		{"row.npy", []int{1, 1, 9}, []float64{1, 2, 3, 4, 5, 4, 3, 2, 1}},
	} {
		a := &npy.Array{Shape: f.shape, Data: f.v}
		if err := a.WriteFile(filepath.Join(dir, f.name)); err != nil {
			return err
		}
	}
	return nil
}

// TestScoreRatemapsDigits: the command's table holds the digits that opexebo 0.7 and the DeepMind scorer printed, each to
// half of its last digit.
func TestScoreRatemapsDigits(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "script-score")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writeScoreFixtures(dir); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	if status := run([]string{"score", "ratemaps", filepath.Join(dir, "maps.npz"), "--out", filepath.Join(dir, "t.csv")}, &out, &errs); status != 0 {
		t.Fatal(errs.String())
	}
	raw, err := os.ReadFile(filepath.Join(dir, "t.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(raw))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]map[string]string{}
	for _, row := range rows[1:] {
		at[row[0]] = map[string]string{}
		for k, v := range row {
			at[row[0]][rows[0][k]] = v
		}
	}
	columns := []string{"opexebo_info_bits_per_sample", "opexebo_info_bits_per_event", "info_bits_per_event", "sparsity", "selectivity", "opexebo_grid_score", "opexebo_grid_spacing", "grid_score_deepmind"}
	for name, digits := range map[string][]string{
		"hex12":       {".240986", ".738631", ".493092", ".590120", "3.016483", "1.4037624", "11.7746", "1.651850"},
		"hex12turned": {".238955", ".713224", ".470426", ".602728", "2.984679", "1.404938", "12.0174", "1.660536"},
		"square12":    {".191539", ".418049", ".251713", ".765432", "2.145391", "-.698919", "NaN", "-.320044"},
		"place":       {".166326", "2.660741", "2.587702", ".124396", "15.997194", "-.028256", "32.5161", "-.015740"},
		"wall":        {".200076", "2.638443", "2.547728", ".126662", "13.187200", "NaN", "NaN", ""},
		"ramp":        {".236426", ".472853", ".297711", ".740506", "2", "NaN", "NaN", ".003344"},
		"hex10":       {".229912", ".735022", ".479776", ".590116", "3.120353", "1.260165", "10.1971", "1.493093"},
		"signed":      {".254880", "20.372511", "NaN", ".005659", "75.933", "-.028256", "32.5161", ""},
	} {
		for k, want := range digits {
			got := at[name][columns[k]]
			if want == "NaN" && got != "NaN" || got == "" {
				t.Errorf("%s %s is %q, want %s", name, columns[k], got, want)
			}
			if want == "NaN" || want == "" {
				continue
			}
			w, _ := strconv.ParseFloat(want, 64)
			v, err := strconv.ParseFloat(got, 64)
			decimals := 0
			if _, after, ok := strings.Cut(want, "."); ok {
				decimals = len(after)
			}
			if err != nil || !(math.Abs(v-w) <= .5001*math.Pow(10, -float64(decimals))) {
				t.Errorf("%s %s is %s, want %s", name, columns[k], got, want)
			}
		}
	}
}
