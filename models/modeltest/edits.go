package modeltest

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// edits removes one site after the other, in one compiled graph, and compares all others with those of the neutral edit.
func (r *rig) edits(fail problems) {
	neutral, err := r.edited()
	if err != nil {
		fail("%v", err)
		return
	}
	for i := range neutral {
		if neutral[i] == nil {
			continue
		}
		if d, ok := near(neutral[i], r.base[i], r.eps); !ok {
			fail("times 1 plus 0 everywhere changes %s: %s", r.name(i), d)
		}
	}
	d, err := r.follow()
	if err != nil {
		fail("%v", err)
		return
	}
	dead, _ := r.matches(r.c.Dead)
	out := len(r.sites)
	for _, i := range r.swept {
		v, err := r.edited(edit{site: i, mul: constant(0, len(neutral[i]))})
		if err != nil {
			fail("%s: %v", r.name(i), err)
			return
		}
		if !isZero(v[i]) {
			fail("%s times 0 is not 0", r.name(i))
		}
		for j := range v {
			if v[j] != nil && j != i && !d.reads[i][j] && firstDifference(v[j], neutral[j]) >= 0 {
				fail("an edit at %s changes %s, which does not come after it", r.name(i), r.name(j))
			}
		}
		changed := r.changed(d.reads[i], v, neutral)
		if !changed {
			// It may have been 0 before, or what follows may not mind a 0: another value must show.
			if v, err = r.edited(edit{site: i, mul: constant(0, len(neutral[i])), add: r.noise(i, 0, 1+rms(neutral[i]))}); err != nil {
				fail("%s: %v", r.name(i), err)
				return
			}
			changed = r.changed(d.reads[i], v, neutral)
		}
		switch reaches := d.reads[i][out]; {
		case dead[i] && firstDifference(v[out], neutral[out]) >= 0:
			fail("an edit at %s changes the output, but the site is stated to be dead", r.name(i))
		case !dead[i] && (!reaches || r.first && !changed):
			fail("an edit at %s does not change what comes after it up to the output: go on with what site.Tap returns, or state it in Case.Dead", r.name(i))
		}
	}
}

// changed tells whether an edit changed any value that is computed from its site. Not only the output counts: behind a
// layer scale of 1e-6 a change may be too small for it to show in float32.
func (r *rig) changed(reads []bool, v, neutral [][]float32) bool {
	for j := range v {
		if reads[j] && v[j] != nil && firstDifference(v[j], neutral[j]) >= 0 {
			return true
		}
	}
	return false
}

// noise is normal noise of a site's size, another one for each number.
func (r *rig) noise(i, number int, scale float64) []float32 {
	v := make([]float32, r.c.Batch*r.sites[i].Size())
	s := rng.New(r.c.Seed, stream("noise/", number, r.sites[i].Name))
	for j := range v {
		v[j] = float32(s.NormFloat64() * scale)
	}
	return v
}

// masks tests edits that vary along one axis, for one site of every kind, all in one compiled graph.
func (r *rig) masks(fail problems) {
	type mask struct {
		site, input, output int
		axis                site.Axis
	}
	var masks []mask
	var plan site.Plan
	kinds := map[string]bool{}
	for i, s := range r.sites {
		if kind := fmt.Sprint(s.Axes); !kinds[kind] {
			kinds[kind] = true
			plan = plan.Capture(s.Name)
			for _, a := range append([]site.Axis{site.Stimulus}, s.Axes...) {
				plan = plan.Lesion(string(a), s.Name, a)
				masks = append(masks, mask{site: i, input: len(masks), output: len(kinds) - 1, axis: a})
			}
		}
	}
	b, err := plan.Check(r.sites)
	if err != nil {
		fail("%v", err)
		return
	}
	p, err := r.planned(b)
	if err != nil {
		fail("%v", err)
		return
	}
	defer p.Close()
	n := r.c.Batch
	with := func(input int) ([][]float32, error) {
		in := []program.Value{program.F32(r.x, r.dims(n)...)}
		for i, spec := range b.Inputs {
			mul, _ := spec.Default(n)
			if i == input {
				mul[len(mul)-1] = 0
			}
			in = append(in, program.F32(mul, spec.Dims(n)...))
		}
		return run(p, in...)
	}
	whole, err := with(-1)
	if err != nil {
		fail("%v", err)
		return
	}
	out := len(b.Outputs)
	for _, m := range masks {
		v, err := with(m.input)
		if err != nil {
			fail("%s, mask along %s: %v", r.name(m.site), m.axis, err)
			return
		}
		r.masked(fail, m.site, m.axis, v[m.output], whole[m.output])
		if rest := (n - 1) * len(v[out]) / n; m.axis == site.Stimulus && firstDifference(v[out][:rest], whole[out][:rest]) >= 0 {
			fail("an edit of the last stimulus at %s changes the output for the others", r.name(m.site))
		}
	}
}

// masked compares a site's value under a mask of the last index along an axis with the unmasked one.
func (r *rig) masked(fail problems, i int, axis site.Axis, v, whole []float32) {
	s := r.sites[i]
	dims := append([]int{r.c.Batch}, s.Shape...)
	at := 0 // of axis in dims
	if axis != site.Stimulus {
		at = 1 + slices.Index(s.Axes, axis)
	}
	stride := 1
	for _, d := range dims[at+1:] {
		stride *= d
	}
	for j := range v {
		want := whole[j]
		if j/stride%dims[at] == dims[at]-1 {
			want = 0
		}
		if v[j] != want {
			fail("%s: a mask of the last %s gives %v at %d, want %v", r.name(i), axis, v[j], j, want)
			return
		}
	}
}

// start begins at sites with their recorded values.
func (r *rig) start(fail problems) {
	d, err := r.follow()
	if err != nil {
		fail("%v", err)
		return
	}
	starts := r.swept
	if !r.first {
		starts = r.swept[len(r.swept)/2:][:1] // each start is a graph to compile
	}
	for _, i := range starts {
		r.startAt(fail, i, d)
	}
}

func (r *rig) startAt(fail problems, i int, d *dependence) {
	plan := site.Plan{}.StartAt(r.sites[i].Name)
	var after []int
	for j := i + 1; j < len(r.sites); j++ {
		if d.reads[i][j] {
			plan = plan.Capture(r.sites[j].Name)
			after = append(after, j)
		}
	}
	b, err := plan.Check(r.sites)
	if err != nil {
		fail("%v", err)
		return
	}
	// Where the whole network passes through the site, the picture is not needed: here it is zeros, as in record.
	cut := d.cut[i]
	p, err := r.build(func(g *graph.Graph, p *program.Params, x *graph.Node, in []*graph.Node) []*graph.Node {
		if cut {
			x = graph.ZerosLike(x)
		}
		t := b.Attach(g, in)
		out := r.c.Network.Forward(p, x)
		return append(slices.Clone(t.Outputs()), out)
	})
	if err != nil {
		fail("%v", err)
		return
	}
	defer p.Close()
	v, err := run(p, program.F32(r.x, r.dims(r.c.Batch)...), program.F32(r.base[i], append([]int{r.c.Batch}, r.sites[i].Shape...)...))
	if err != nil {
		fail("starting at %s: %v", r.name(i), err)
		return
	}
	if diff, ok := near(v[len(after)], r.base[len(r.sites)], r.eps); !ok {
		fail("starting at %s gives another output: %s", r.name(i), diff)
	}
	for k, j := range after {
		if cut && !d.reads[j][len(r.sites)] {
			continue // off the way to the output, it may see the picture by a way of its own
		}
		if diff, ok := near(v[k], r.base[j], r.eps); !ok {
			fail("starting at %s gives another value at %s: %s", r.name(i), r.name(j), diff)
		}
	}
}
