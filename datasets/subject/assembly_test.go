package subject

import (
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/internal/npy"
	"github.com/ventral-lab/ventral/internal/rng"
)

// simulated activations: unit u of stimulus i, some units alike, one constant.
func activations(n, units int, name string) []float64 {
	r := rng.New(1, name)
	out := make([]float64, n*units)
	for i := range n {
		shared := r.NormFloat64()
		for u := range units {
			out[i*units+u] = math.Max(0, r.NormFloat64()+0.5*shared)
		}
		out[i*units+7] = 2
	}
	return out
}

func TestAssembly(t *testing.T) {
	const n, units = 400, 60
	ids, objects := make([]string, n), make([]string, n)
	for i := range ids {
		ids[i], objects[i] = fmt.Sprintf("im%03d", i), fmt.Sprintf("object%d", i%8)
	}
	v4, it := activations(n, units, "v4"), activations(n, units, "it")
	a, err := NewAssembly(AssemblyConfig{Seed: 2, Stimuli: ids, Objects: objects, Repeats: 10, Layers: []Layer{
		{Region: "V4", Units: units, Values: v4, Matched: 20, Mixed: 5, Null: 8},
		{Region: "IT", Units: units, Values: it, Matched: 10, Mixed: 10, Null: 8}}})
	if err != nil {
		t.Fatal(err)
	}
	mean, m := a.Mean(), len(a.Neuroids)
	used := map[string]bool{}
	for j, neuron := range a.Neuroids {
		x := v4
		if neuron.Region == "IT" {
			x = it
		}
		best, unit := -1.0, -1
		for u := range units {
			if r := correlation(x, units, u, mean, m, j); r > best {
				best, unit = r, u
			}
		}
		switch neuron.Kind {
		case "matched":
			key := fmt.Sprint(neuron.Region, neuron.Terms[0].Feature)
			if used[key] {
				t.Errorf("%s is matched twice", key)
			}
			used[key] = true
			if unit != neuron.Terms[0].Feature || math.Abs(best-math.Sqrt(neuron.Ceiling)) > 5*(1-neuron.Ceiling)/math.Sqrt(n) {
				t.Errorf("%s follows unit %d; nearest is %d with %.3f, ceiling %.3f", neuron.ID, neuron.Terms[0].Feature, unit, best, math.Sqrt(neuron.Ceiling))
			}
		case "null":
			if best > 4.5/math.Sqrt(n) || neuron.Ceiling != 0 {
				t.Errorf("%s follows nothing, but unit %d with %.3f", neuron.ID, unit, best)
			}
		}
	}
	path := filepath.Join(t.TempDir(), "a.npz")
	if err := a.Write(path); err != nil {
		t.Fatal(err)
	}
	b, err := ReadAssembly(path)
	if err != nil {
		t.Fatal(err)
	}
	for j := range a.Neuroids { // files keep the units of matched neurons alone
		if a.Neuroids[j].Kind != "matched" {
			a.Neuroids[j].Terms = nil
		}
	}
	if !reflect.DeepEqual(a, b) {
		t.Error("read back, it is another")
	}
}

func TestAssemblyErrors(t *testing.T) {
	ids := []string{"a", "b", "c"}
	ok := Layer{Region: "V4", Units: 2, Values: []float64{1, 2, 3, 4, 5, 7}, Matched: 1}
	good, err := NewAssembly(AssemblyConfig{Stimuli: ids, Objects: []string{"x", "y", "x"}, Repeats: 2, Layers: []Layer{ok}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		change     func(m map[string]any)
	}{
		{"values of other length", "values have shape", func(m map[string]any) { m["values"] = []float32{1, 2, 3} }},
		{"NaN", "presentation 1 of stimulus \"a\", neuroid 0 is NaN", func(m map[string]any) { m["values"].([]float32)[1] = float32(math.NaN()) }},
		{"a presentation less", `"b" has 3 presentations, "a" has 2`, func(m map[string]any) {
			m["stimulus_id"].([]string)[5] = "b"
			m["repetition"].([]int32)[5] = 7
			m["object_name"].([]string)[5] = "y"
		}},
		{"a repetition twice", "repetition 0 twice", func(m map[string]any) { m["repetition"].([]int32)[1] = 0 }},
		{"two objects", `of object "x" and of "z"`, func(m map[string]any) { m["object_name"].([]string)[1] = "z" }},
		{"too few ids", "stimulus_id has shape", func(m map[string]any) { m["stimulus_id"] = ids }},
		{"too many neuroids", "neuroid_id has shape", func(m map[string]any) { m["neuroid_id"] = ids }},
		{"no neuroids", "neuroid_id", func(m map[string]any) { delete(m, "neuroid_id") }},
		{"numbers for text", "region has shape", func(m map[string]any) { m["region"] = []float64{1} }},
		{"text for numbers", "ceiling has shape", func(m map[string]any) { m["ceiling"] = []string{"1"} }},
	} {
		path := filepath.Join(t.TempDir(), "a.npz")
		if err := good.Write(path); err != nil {
			t.Fatal(err)
		}
		arrays, err := npy.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		m := map[string]any{}
		for _, a := range arrays {
			m[a.Name] = a.Data
		}
		c.change(m)
		var out []npy.Named
		for name, data := range m {
			var shape []int
			if v, ok := data.([]float32); ok && len(v) == 6 {
				shape = []int{6, 1}
			}
			a, err := npy.New(data, shape...)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, npy.Named{Name: name, Array: a})
		}
		if err := npy.WriteNPZ(path, out...); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadAssembly(path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not say %q", c.name, err, c.want)
		}
	}
	for _, c := range []struct {
		c    AssemblyConfig
		want string
	}{
		{AssemblyConfig{Stimuli: ids[:1], Layers: []Layer{ok}}, "1 stimuli"},
		{AssemblyConfig{Stimuli: []string{"a", "b", "a"}, Layers: []Layer{ok}}, "twice"},
		{AssemblyConfig{Stimuli: ids}, "no neurons"},
		{AssemblyConfig{Stimuli: ids, Low: 0.5, High: 0.2, Layers: []Layer{ok}}, "ceilings"},
		{AssemblyConfig{Stimuli: ids, Layers: []Layer{{Region: "V4", Units: 3, Values: ok.Values, Null: 1}}}, "6 values"},
		{AssemblyConfig{Stimuli: ids, Layers: []Layer{{Region: "V4", Units: 2, Values: ok.Values, Matched: 3}}}, "too few"},
		{AssemblyConfig{Stimuli: ids, Layers: []Layer{{Region: "V4", Units: 2, Values: []float64{1, 2, 3, math.NaN(), 5, 7}, Null: 1}}}, "not finite"},
	} {
		if _, err := NewAssembly(c.c); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v does not say %q", err, c.want)
		}
	}
}

func ExampleNewAssembly() {
	a, err := NewAssembly(AssemblyConfig{Stimuli: []string{"cat", "dog", "car"}, Repeats: 4, Layers: []Layer{{Region: "V4", Units: 2, Values: []float64{0, 1, 1, 3, 2, 2}, Matched: 2, Null: 1}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, n := range a.Neuroids {
		fmt.Println(n.ID, n.Kind, len(n.Terms))
	}
	fmt.Println(len(a.Values), "values")
	// Output:
	// V4-000 matched 1
	// V4-001 matched 1
	// V4-002 null 0
	// 36 values
}
