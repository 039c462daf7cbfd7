package spatial

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/ratemap"
)

// badUnits are activations that no score is made for, beside one that has a place.
func badUnits(l Layout) ([]string, *ratemap.Responses) {
	nan, inf := math.NaN(), math.Inf(1)
	kinds := []struct {
		name string
		f    func(i int) float64
	}{
		{"place", func(i int) float64 { return math.Exp(-math.Hypot(l.X[i]-100, l.Y[i]-100) / 30) }},
		{"constant", func(int) float64 { return 2.5 }},
		{"silent", func(int) float64 { return 0 }},
		{"all NaN", func(int) float64 { return nan }},
		{"one NaN", func(i int) float64 { return map[bool]float64{true: nan, false: float64(i % 7)}[i == 3] }},
		{"one +Inf", func(i int) float64 { return map[bool]float64{true: inf, false: float64(i % 7)}[i == 3] }},
		{"one -Inf", func(i int) float64 { return map[bool]float64{true: -inf, false: float64(i % 7)}[i == 3] }},
		{"huge", func(i int) float64 { return 3e38 * float64(i%2) }},
		{"tiny", func(i int) float64 { return 1e-44 * float64(i%3) }},
		{"one spike", func(i int) float64 { return map[bool]float64{true: 1, false: 0}[i == 5] }},
		{"two values", func(i int) float64 { return float64(i % 2) }},
	}
	v := make([]float32, len(l.X)*len(kinds))
	names := make([]string, len(kinds))
	for k, kind := range kinds {
		names[k] = kind.name
		for i := range l.X {
			v[i*len(kinds)+k] = float32(kind.f(i))
		}
	}
	r, err := ratemap.FromStimuli(v, len(l.X), len(kinds))
	if err != nil {
		panic(err)
	}
	return names, r
}

// TestUnitsBadInput goes over stimuli that leave bins empty or fill one only, maps down to one bin, and units that never
// vary or have no numbers: documented values, no infinity, no NaN among p values, NaN last in rankings, files that read.
func TestUnitsBadInput(t *testing.T) {
	full := plantedStimuli(300, 4)
	one := plantedStimuli(40, 5)
	for i := range one.X {
		one.X[i], one.Y[i] = 100.5, 100.5
	}
	line := plantedStimuli(60, 6)
	for i := range line.Y {
		line.Y[i] = 3
	}
	same := plantedStimuli(50, 7)
	for i := range same.Diameter {
		same.Diameter[i] = 30
	}
	left := plantedStimuli(80, 8)
	left.Left = make([]bool, 80)
	for i := range 70 {
		left.Left[10+i] = true
	}
	outside := plantedStimuli(60, 9)
	for i := range 30 {
		outside.X[30+i] = -5
	}
	layouts := map[string]Layout{"300 stimuli": full, "one place": one, "one row": line, "one size": same, "most left out": left, "half outside": outside,
		"four stimuli": plantedStimuli(4, 10), "one stimulus": plantedStimuli(1, 11)}
	for name, l := range layouts {
		for _, bins := range []int{1, 2, 9, 28} {
			names, r := badUnits(l)
			for _, conversion := range []string{"baseline", "raw", "softplus"} {
				tab := tableOf(t, l, r, UnitOptions{Bins: bins, Conversion: conversion, Shuffles: 9, Surrogates: 9, Least: 3, Stop: 2, Splits: 2, SizeShuffles: 3, SizeBins: 3, FieldBins: 4, Seed: 1})
				checkTable(t, fmt.Sprintf("%s, %d bins, %s", name, bins, conversion), tab, names)
			}
		}
	}
}

func checkTable(t *testing.T, where string, tab *UnitTable, names []string) {
	t.Helper()
	for c, v := range tab.score {
		for u, x := range v {
			if math.IsInf(x, 0) {
				t.Errorf("%s: %s of the unit %q is %g", where, unitColumns[c], names[u], x)
			}
		}
	}
	for _, test := range unitTests {
		for u := range tab.Len() {
			p, q := tab.score[test.p][u], tab.score[test.q][u]
			if !(p > 0 && p <= 1) || !(q >= p-1e-12 && q <= 1) {
				t.Errorf("%s: %s of the unit %q has p %g, q %g", where, test.name, names[u], p, q)
			}
			if p < 1 && math.IsNaN(tab.score[test.score][u]) {
				t.Errorf("%s: %s of the unit %q is not a number and has p %g", where, test.name, names[u], p)
			}
			if strings.Contains(names[u], "NaN") || strings.Contains(names[u], "Inf") || names[u] == "constant" || names[u] == "silent" {
				if name := names[u]; test.name != "border" && test.name != "border_area" && test.name != "info" && !math.IsNaN(tab.score[test.score][u]) {
					t.Errorf("%s: %s of the unit %q is %g, want none", where, test.name, name, tab.score[test.score][u])
				}
				if p < 1 && where[:3] == "300" {
					t.Errorf("%s: %s of the unit %q has p %g", where, test.name, names[u], p)
				}
			}
		}
	}
	for _, name := range UnitColumns() {
		top, err := tab.Top(name, tab.Len())
		if err != nil {
			t.Fatal(err)
		}
		v := column(t, tab, name)
		for k := 1; k < len(top); k++ {
			if math.IsNaN(v[top[k-1]]) && !math.IsNaN(v[top[k]]) {
				t.Errorf("%s: ranking by %s has NaN before a number", where, name)
			}
		}
	}
	for _, s := range tab.Significant(.05) {
		if s.Found < 0 || s.Found > s.Units || math.IsNaN(s.Share.Low) {
			t.Errorf("%s: %+v", where, s)
		}
	}
	var b bytes.Buffer
	if err := tab.WriteCSV(&b); err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != tab.Len()+1 || len(rows[0]) != 7+unitScores {
		t.Fatalf("%s: %d rows of %d columns: %v", where, len(rows), len(rows[0]), err)
	}
	if _, err := json.Marshal(tab); err != nil {
		t.Errorf("%s: %v", where, err)
	}
	var j bytes.Buffer
	if err := tab.writeJSON(&j); err != nil {
		t.Errorf("%s: %v", where, err)
	}
}

// TestUnitsErrors wants an error, and no table, where options or sizes contradict one another.
func TestUnitsErrors(t *testing.T) {
	l := plantedStimuli(20, 1)
	_, r := badUnits(l)
	noSize := plantedStimuli(20, 1)
	noSize.Diameter[3] = 0
	for name, f := range map[string]func() error{
		"layout of other stimuli": func() error { _, err := ScoreUnits(r, nil, plantedStimuli(19, 1), UnitOptions{}); return err },
		"no activations":          func() error { _, err := ScoreUnits(nil, nil, l, UnitOptions{}); return err },
		"short blank":             func() error { _, err := ScoreUnits(r, make([]float32, 2), l, UnitOptions{}); return err },
		"no frame":                func() error { x := l; x.Frame = 0; _, err := ScoreUnits(r, nil, x, UnitOptions{}); return err },
		"a disc of no size":       func() error { _, err := ScoreUnits(r, nil, noSize, UnitOptions{}); return err },
		"conversion":              func() error { _, err := ScoreUnits(r, nil, l, UnitOptions{Conversion: "rates"}); return err },
		"shuffles":                func() error { _, err := ScoreUnits(r, nil, l, UnitOptions{Shuffles: -1}); return err },
		"bins":                    func() error { _, err := ScoreUnits(r, nil, l, UnitOptions{Bins: 100000}); return err },
		"one fold":                func() error { _, err := ScoreUnits(r, nil, l, UnitOptions{FieldFolds: 1}); return err },
		"alpha":                   func() error { _, err := ScoreUnits(r, nil, l, UnitOptions{FieldAlpha: 2}); return err },
		"decoding of nothing":     func() error { _, err := DecodeResponses(nil, 0, l, DecodingOptions{}); return err },
		"decoding of half a row":  func() error { _, err := DecodeResponses(make([]float64, 7), 1, l, DecodingOptions{}); return err },
	} {
		if f() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestDecodeResponses decodes a population with fields, and one of noise.
func TestDecodeResponses(t *testing.T) {
	l := plantedStimuli(400, 3)
	const units = 30
	r := rng.New(1, "spatial/decoding/test")
	at := make([][2]float64, units)
	for u := range at {
		at[u] = [2]float64{224 * r.Float64(), 224 * r.Float64()}
	}
	tuned, noise := make([]float64, 400*units), make([]float64, 400*units)
	for i := range l.X {
		for u := range units {
			k := i*units + u
			noise[k] = r.NormFloat64()
			tuned[k] = math.Exp(-((l.X[i]-at[u][0])*(l.X[i]-at[u][0])+(l.Y[i]-at[u][1])*(l.Y[i]-at[u][1]))/(2*50*50))*(.7+l.Diameter[i]/160) + .1*noise[k]
		}
	}
	o := DecodingOptions{Shuffles: 19, Counts: []int{4, 16, 64}, Subsets: 2, Pairs: 100}
	d, err := DecodeResponses(tuned, units, l, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range d.Methods {
		if float64(m.X.R2.Estimate) < .8 || float64(m.Y.R2.Estimate) < .8 || m.P > .06 || m.Error.Estimate > 35 || m.ChanceError < 60 {
			t.Errorf("tuned, %s: %+v", m.Method, m)
		}
	}
	if len(d.Curve) != 2 || d.Curve[0].Error <= d.Curve[1].Error || d.Distance.Spearman < .2 || d.Distance.P > .01 {
		t.Errorf("tuned: curve %+v, distance %+v", d.Curve, d.Distance)
	}
	if d, err = DecodeResponses(noise, units, l, o); err != nil {
		t.Fatal(err)
	}
	for _, m := range d.Methods {
		if float64(m.X.R2.Estimate) > .1 || m.P < .01 {
			t.Errorf("noise, %s: %+v", m.Method, m)
		}
	}
	// A unit without numbers is left out; a population of such is a result without numbers, not a panic.
	for i := range l.X {
		tuned[i*units] = math.NaN()
	}
	if d, err = DecodeResponses(tuned, units, l, o); err != nil || d.Used != units-1 {
		t.Errorf("%d units used of %d with one NaN: %v", d.Used, units, err)
	}
	if _, err := json.Marshal(d); err != nil {
		t.Error(err)
	}
}
