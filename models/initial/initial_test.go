package initial_test

import (
	"math"
	"testing"

	"github.com/ventral-lab/ventral/models/initial"
)

// TestLaws checks mean and standard deviation of each law against its definition.
func TestLaws(t *testing.T) {
	dims := []int{100, 300}
	const n = 30000
	for _, c := range []struct {
		name string
		law  initial.Law
		sd   float64
		mean float64
	}{
		{"normal", initial.Law{Normal: 0.02}, 0.02, 0},
		{"uniform", initial.Law{Uniform: 0.3}, 0.3 / math.Sqrt(3), 0},
		{"fan-in", initial.FanIn(dims), 1 / math.Sqrt(300.0) / math.Sqrt(3), 0},
		{"xavier", initial.Xavier(dims), math.Sqrt(2.0 / 400), 0},
		{"constant", initial.Law{Constant: 1.5}, 0, 1.5},
	} {
		p, err := initial.Draw("test", 1, map[string][]int{"w": dims}, func(string, []int) initial.Law { return c.law })
		if err != nil {
			t.Fatal(err)
		}
		x, _, err := p.Get("w")
		if err != nil {
			t.Fatal(err)
		}
		var sum, square float64
		for _, v := range x {
			sum += float64(v)
		}
		for _, v := range x {
			square += (float64(v) - sum/n) * (float64(v) - sum/n)
		}
		// Five standard errors of a mean and of a standard deviation.
		if got := sum / n; math.Abs(got-c.mean) > 5*c.sd/math.Sqrt(n) {
			t.Errorf("%s: mean %g, want %g", c.name, got, c.mean)
		}
		if got := math.Sqrt(square / n); math.Abs(got-c.sd) > 5*c.sd/math.Sqrt(2*n) {
			t.Errorf("%s: standard deviation %g, want %g", c.name, got, c.sd)
		}
		p.Close()
	}
}

// TestStreamsAreNamed checks that a tensor's values depend on its name and the seed, not on the other tensors.
func TestStreamsAreNamed(t *testing.T) {
	law := func(string, []int) initial.Law { return initial.Law{Normal: 1} }
	draw := func(seed uint64, shapes map[string][]int) []float32 {
		p, err := initial.Draw("test", seed, shapes, law)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		x, _, err := p.Get("a")
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	alone, beside := draw(1, map[string][]int{"a": {4}}), draw(1, map[string][]int{"a": {4}, "b": {9}})
	other := draw(2, map[string][]int{"a": {4}})
	for i := range alone {
		if alone[i] != beside[i] {
			t.Errorf("element %d: %g alone, %g beside another tensor", i, alone[i], beside[i])
		}
		if alone[i] == other[i] {
			t.Errorf("element %d is the same for two seeds", i)
		}
	}
}

func TestValues(t *testing.T) {
	shapes := map[string][]int{"w": {2}}
	if _, err := initial.Draw("test", 1, shapes, func(string, []int) initial.Law { return initial.Law{Values: []float32{1}} }); err == nil {
		t.Error("one value for two elements is no error")
	}
}
