package subject

import (
	"fmt"
	"math"
	"slices"

	"github.com/ventral-lab/ventral/internal/npy"
	"github.com/ventral-lab/ventral/internal/rng"
)

// Layer is the activations of a network that neurons of a region are made from.
type Layer struct {
	Region  string    // "V4", "IT"
	Units   int       // columns of Values
	Values  []float64 // stimuli x units, row by row
	Matched int       // neurons that follow one unit each, every one another
	Mixed   int       // neurons that follow a mixture of Mixture units
	Null    int       // neurons that follow nothing
}

// AssemblyConfig says which neurons are simulated.
type AssemblyConfig struct {
	Seed    uint64
	Stimuli []string // ids, each once
	Objects []string // object_name of each stimulus, by which cross-validation is stratified; nil = none
	Repeats int      // presentations of each stimulus; 0 = 8
	Mixture int      // units of a mixed neuron; 0 = 5
	// Low and High bound the noise ceilings of the mean responses, drawn uniformly; 0 and 0 = 0.4 and 0.9.
	Low, High float64
	Layers    []Layer
}

// Neuroid is a recorded site, with the truth about it where it is simulated.
type Neuroid struct {
	ID, Region, Animal string
	Kind               string  // matched, mixed, null; empty where it was not simulated
	Terms              []Term  // the units it follows (Feature is the unit) and their weights in z-scores
	Ceiling            float64 // share of the variance of mean responses that the units predict
}

// Assembly is recordings in the form of Brain-Score's: presentations x neuroids, the presentations of a stimulus one after another.
type Assembly struct {
	Stimuli  []string
	Objects  []string // nil where none are known
	Repeats  int
	Neuroids []Neuroid
	Values   []float32 // (len(Stimuli) * Repeats) x len(Neuroids), row by row
}

// NewAssembly simulates neurons. Units that never change are followed by none. A response is the neuron's signal, of variance 1 over the stimuli, and
// independent Gaussian noise; the mean over the repeats has the noise ceiling 1 / (1 + noise variance / repeats).
func NewAssembly(c AssemblyConfig) (*Assembly, error) {
	if c.Repeats == 0 {
		c.Repeats = 8
	}
	if c.Mixture == 0 {
		c.Mixture = 5
	}
	if c.Low == 0 && c.High == 0 {
		c.Low, c.High = 0.4, 0.9
	}
	n := len(c.Stimuli)
	switch {
	case n < 2 || c.Objects != nil && len(c.Objects) != n:
		return nil, fmt.Errorf("subject: %d stimuli with %d objects", n, len(c.Objects))
	case c.Repeats < 1 || c.Repeats > maxRepeats || c.Mixture < 1:
		return nil, fmt.Errorf("subject: %d repeats, mixtures of %d units: repeats are 1 to %d, mixtures at least 1", c.Repeats, c.Mixture, maxRepeats)
	case !(c.Low > 0 && c.Low <= c.High && c.High <= 1):
		return nil, fmt.Errorf("subject: noise ceilings from %g to %g: they lie above 0 and up to 1", c.Low, c.High)
	}
	if err := unique("stimulus", c.Stimuli); err != nil {
		return nil, err
	}
	a := &Assembly{Stimuli: slices.Clone(c.Stimuli), Objects: slices.Clone(c.Objects), Repeats: c.Repeats}
	var signals [][]float64 // of every neuron, a value a stimulus
	for _, l := range c.Layers {
		s, err := a.layer(&c, &l)
		if err != nil {
			return nil, fmt.Errorf("subject: layer %q: %w", l.Region, err)
		}
		signals = append(signals, s...)
	}
	m := len(a.Neuroids)
	if m == 0 {
		return nil, fmt.Errorf("subject: no neurons asked for")
	}
	a.Values = make([]float32, n*c.Repeats*m)
	for j := range m {
		noise := 1.0
		if nc := a.Neuroids[j].Ceiling; nc > 0 {
			noise = math.Sqrt(float64(c.Repeats) * (1/nc - 1))
		}
		r := rng.New(c.Seed, "subject/assembly/noise", uint64(j))
		for i := range n {
			for k := range c.Repeats {
				a.Values[(i*c.Repeats+k)*m+j] = float32(signals[j][i] + noise*r.NormFloat64())
			}
		}
	}
	return a, nil
}

func unique(what string, names []string) error {
	seen := make(map[string]bool, len(names))
	for i, s := range names {
		if s == "" || seen[s] {
			return fmt.Errorf("subject: %s %d, %q, is empty or comes twice", what, i, s)
		}
		seen[s] = true
	}
	return nil
}

// layer adds the neurons of a layer and returns their signals.
func (a *Assembly) layer(c *AssemblyConfig, l *Layer) ([][]float64, error) {
	n := len(c.Stimuli)
	if l.Units < 1 || len(l.Values) != n*l.Units || l.Matched < 0 || l.Mixed < 0 || l.Null < 0 {
		return nil, fmt.Errorf("%d values for %d stimuli x %d units (%d, %d and %d neurons)", len(l.Values), n, l.Units, l.Matched, l.Mixed, l.Null)
	}
	// z-scores of the units that change.
	var alive []int
	z := map[int][]float64{}
	for u := range l.Units {
		column := make([]float64, n)
		mean, square := 0.0, 0.0
		for i := range column {
			column[i] = l.Values[i*l.Units+u]
			mean += column[i]
		}
		mean /= float64(n)
		for i := range column {
			column[i] -= mean
			square += column[i] * column[i]
		}
		if math.IsNaN(square) || math.IsInf(square, 0) {
			return nil, fmt.Errorf("unit %d has values that are not finite", u)
		}
		if deviation := math.Sqrt(square / float64(n)); deviation > 1e-12 {
			for i := range column {
				column[i] /= deviation
			}
			alive = append(alive, u)
			z[u] = column
		}
	}
	if l.Matched > len(alive) || l.Mixed > 0 && c.Mixture > len(alive) {
		return nil, fmt.Errorf("%d of %d units change: too few for %d matched neurons and mixtures of %d", len(alive), l.Units, l.Matched, c.Mixture)
	}
	r := rng.New(c.Seed, "subject/assembly/"+l.Region)
	order := r.Perm(len(alive))
	var out [][]float64
	add := func(kind string, terms []Term) {
		signal := make([]float64, n)
		for _, t := range terms {
			for i, x := range z[t.Feature] {
				signal[i] += t.Weight * x
			}
		}
		square := 0.0
		for _, x := range signal {
			square += x * x
		}
		neuron := Neuroid{ID: fmt.Sprintf("%s-%03d", l.Region, len(out)), Region: l.Region, Animal: "simulated", Kind: kind}
		if deviation := math.Sqrt(square / float64(n)); deviation > 1e-9 {
			if len(terms) > 1 { // a single unit has variance 1 already
				for i := range signal {
					signal[i] /= deviation
				}
				for t := range terms {
					terms[t].Weight /= deviation
				}
			}
			neuron.Terms = terms
			neuron.Ceiling = c.Low + (c.High-c.Low)*r.Float64()
		} else {
			clear(signal)
		}
		a.Neuroids = append(a.Neuroids, neuron)
		out = append(out, signal)
	}
	for k := range l.Matched {
		add("matched", []Term{{alive[order[k]], 1}})
	}
	for range l.Mixed {
		var terms []Term
		for _, p := range r.Perm(len(alive))[:c.Mixture] {
			terms = append(terms, Term{alive[p], 0.5 + r.Float64()})
		}
		slices.SortFunc(terms, func(x, y Term) int { return x.Feature - y.Feature })
		add("mixed", terms)
	}
	for range l.Null {
		add("null", nil)
	}
	return out, nil
}

// Mean is the responses averaged over repeats: stimuli x neuroids, row by row.
func (a *Assembly) Mean() []float64 {
	m := len(a.Neuroids)
	out := make([]float64, len(a.Stimuli)*m)
	for i := range a.Stimuli {
		for k := range a.Repeats {
			for j := range m {
				out[i*m+j] += float64(a.Values[(i*a.Repeats+k)*m+j])
			}
		}
		for j := range m {
			out[i*m+j] /= float64(a.Repeats)
		}
	}
	return out
}

// Write writes the assembly as an .npz file: values (presentations x neuroids), for each presentation stimulus_id, repetition and, where known, object_name, for
// each neuroid neuroid_id, region, animal, and the truth as kind, match (the unit of a matched neuron, else -1) and ceiling.
func (a *Assembly) Write(path string) error {
	p, m := len(a.Stimuli)*a.Repeats, len(a.Neuroids)
	var stimulus, object []string
	var repetition []int32
	for i, id := range a.Stimuli {
		for k := range a.Repeats {
			stimulus, repetition = append(stimulus, id), append(repetition, int32(k))
			if a.Objects != nil {
				object = append(object, a.Objects[i])
			}
		}
	}
	ids, region, animal, kind := make([]string, m), make([]string, m), make([]string, m), make([]string, m)
	match, ceiling := make([]int32, m), make([]float64, m)
	for j, n := range a.Neuroids {
		ids[j], region[j], animal[j], kind[j], match[j], ceiling[j] = n.ID, n.Region, n.Animal, n.Kind, -1, n.Ceiling
		if n.Kind == "matched" {
			match[j] = int32(n.Terms[0].Feature)
		}
	}
	var out []npy.Named
	add := func(name string, data any, shape ...int) error {
		x, err := npy.New(data, shape...)
		out = append(out, npy.Named{Name: name, Array: x})
		return err
	}
	err := add("values", a.Values, p, m)
	for _, c := range []struct {
		name string
		data any
	}{{"stimulus_id", stimulus}, {"repetition", repetition}, {"object_name", object}, {"neuroid_id", ids}, {"region", region}, {"animal", animal}, {"kind", kind}, {"match", match}, {"ceiling", ceiling}} {
		if c.name == "object_name" && a.Objects == nil {
			continue
		}
		if err == nil {
			err = add(c.name, c.data)
		}
	}
	if err != nil {
		return fmt.Errorf("subject: %w", err)
	}
	return npy.WriteNPZ(path, out...)
}

// ReadAssembly reads what Write wrote, or an assembly that was exported from xarray under these names. kind, match, ceiling, animal, region and
// object_name may be missing. Every stimulus must have the same number of presentations, in any order; they are sorted by repetition.
func ReadAssembly(path string) (*Assembly, error) {
	z, err := npy.OpenNPZ(path)
	if err != nil {
		return nil, fmt.Errorf("subject: %w", err)
	}
	defer z.Close()
	a, err := readAssembly(z)
	if err != nil {
		return nil, fmt.Errorf("subject: read %s: %w", path, err)
	}
	return a, nil
}

func readAssembly(z *npy.NPZ) (*Assembly, error) {
	values, err := z.Read("values")
	if err != nil {
		return nil, err
	}
	if len(values.Shape) != 2 || values.Shape[0] < 1 || values.Shape[1] < 1 {
		return nil, fmt.Errorf("values have shape %v, want presentations x neuroids", values.Shape)
	}
	p, m := values.Shape[0], values.Shape[1]
	data, err := values.Float32s()
	if err != nil {
		return nil, err
	}
	has := z.Names()
	text := func(name string, n int, needed bool) ([]string, error) {
		if !slices.Contains(has, name) && !needed {
			return nil, nil
		}
		x, err := z.Read(name)
		if err != nil {
			return nil, err
		}
		s, err := x.Strings()
		if err != nil || len(x.Shape) != 1 || len(s) != n {
			return nil, fmt.Errorf("%s has shape %v of %s, want (%d) of text", name, x.Shape, x.DType(), n)
		}
		return s, nil
	}
	number := func(name string, n int) ([]float64, error) {
		if !slices.Contains(has, name) {
			return nil, nil
		}
		x, err := z.Read(name)
		if err != nil {
			return nil, err
		}
		v, err := x.Float64s()
		if err != nil || len(x.Shape) != 1 || len(v) != n {
			return nil, fmt.Errorf("%s has shape %v of %s, want (%d) of numbers", name, x.Shape, x.DType(), n)
		}
		return v, nil
	}
	stimulus, err := text("stimulus_id", p, true)
	if err != nil {
		return nil, err
	}
	object, err := text("object_name", p, false)
	if err != nil {
		return nil, err
	}
	repetition, err := number("repetition", p)
	if err != nil {
		return nil, err
	}
	a := &Assembly{}
	rows := map[string][]int{}
	for i, id := range stimulus {
		if rows[id] == nil {
			a.Stimuli = append(a.Stimuli, id)
			if object != nil {
				a.Objects = append(a.Objects, object[i])
			}
		} else if object != nil && object[i] != object[rows[id][0]] {
			return nil, fmt.Errorf("stimulus %q is of object %q and of %q", id, object[rows[id][0]], object[i])
		}
		rows[id] = append(rows[id], i)
	}
	if err := unique("stimulus", a.Stimuli); err != nil {
		return nil, err
	}
	a.Repeats = len(rows[a.Stimuli[0]])
	for _, id := range a.Stimuli {
		r := rows[id]
		if len(r) != a.Repeats {
			return nil, fmt.Errorf("stimulus %q has %d presentations, %q has %d", id, len(r), a.Stimuli[0], a.Repeats)
		}
		if repetition != nil {
			slices.SortStableFunc(r, func(x, y int) int {
				switch {
				case repetition[x] < repetition[y]:
					return -1
				case repetition[x] > repetition[y]:
					return 1
				}
				return 0
			})
			for k := 1; k < len(r); k++ {
				if repetition[r[k]] == repetition[r[k-1]] {
					return nil, fmt.Errorf("stimulus %q has repetition %g twice", id, repetition[r[k]])
				}
			}
		}
		for _, i := range r {
			a.Values = append(a.Values, data[i*m:(i+1)*m]...)
		}
	}
	for i, v := range a.Values {
		if x := float64(v); math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("presentation %d of stimulus %q, neuroid %d is %g", i/m%a.Repeats, a.Stimuli[i/m/a.Repeats], i%m, v)
		}
	}
	return a, a.neuroids(m, text, number)
}

// neuroids reads what is known of the columns.
func (a *Assembly) neuroids(m int, text func(string, int, bool) ([]string, error), number func(string, int) ([]float64, error)) error {
	ids, err := text("neuroid_id", m, true)
	if err != nil {
		return err
	}
	if err := unique("neuroid", ids); err != nil {
		return err
	}
	a.Neuroids = make([]Neuroid, m)
	for j, id := range ids {
		a.Neuroids[j].ID = id
	}
	for _, c := range []struct {
		name string
		to   func(n *Neuroid) *string
	}{{"region", func(n *Neuroid) *string { return &n.Region }}, {"animal", func(n *Neuroid) *string { return &n.Animal }}, {"kind", func(n *Neuroid) *string { return &n.Kind }}} {
		v, err := text(c.name, m, false)
		if err != nil {
			return err
		}
		for j := range v {
			*c.to(&a.Neuroids[j]) = v[j]
		}
	}
	ceiling, err := number("ceiling", m)
	if err != nil {
		return err
	}
	match, err := number("match", m)
	if err != nil {
		return err
	}
	for j := range a.Neuroids {
		if ceiling != nil {
			a.Neuroids[j].Ceiling = ceiling[j]
		}
		if match != nil && match[j] >= 0 {
			a.Neuroids[j].Terms = []Term{{int(match[j]), 1}}
		}
	}
	return nil
}
