package site

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Capture asks for the values of all sites that Site matches, reduced by Reduce ("" is the whole value).
type Capture struct {
	Site   string `json:"site"`
	Reduce string `json:"reduce,omitempty"`
}

// String is the form ParseCapture reads: "SITE" or "SITE:REDUCTION".
func (c Capture) String() string {
	if c.Reduce == "" {
		return c.Site
	}
	return c.Site + ":" + c.Reduce
}

// ParseCapture reads "SITE" or "SITE:REDUCTION".
func ParseCapture(s string) (Capture, error) {
	name, red, _ := strings.Cut(s, ":")
	if name == "" {
		return Capture{}, fmt.Errorf("capture %q: want SITE or SITE:REDUCTION, such as visual.transformer.resblocks.9.attn:class", s)
	}
	if _, err := parseReduction(red); err != nil {
		return Capture{}, fmt.Errorf("capture %q: %w", s, err)
	}
	return Capture{Site: name, Reduce: red}, nil
}

// Vary lists the axes along which an edit's runtime values differ; they are broadcast along all others. An empty, not
// nil, Vary is one number. Nil means that part of the edit is not there.
type Vary []Axis

// Edit replaces the value x of every site that Site matches by x·mul + add. Name tells several edits apart.
type Edit struct {
	Name string `json:"name"`
	Site string `json:"site"`
	Mul  Vary   `json:"mul"`
	Add  Vary   `json:"add"`
}

// Plan says what to record and what to change. The zero Plan does neither. Plans are values: methods return a copy.
type Plan struct {
	captures []Capture
	edits    []Edit
	start    string
}

// Capture returns p with one more capture for each spec, "SITE" or "SITE:REDUCTION". Errors show up in Check.
func (p Plan) Capture(specs ...string) Plan {
	q := p.clone()
	for _, s := range specs {
		name, red, _ := strings.Cut(s, ":")
		q.captures = append(q.captures, Capture{Site: name, Reduce: red})
	}
	return q
}

// Edit returns p with one more edit.
func (p Plan) Edit(e Edit) Plan {
	q := p.clone()
	q.edits = append(q.edits, e)
	return q
}

// Lesion returns p with an edit called name that multiplies the sites by runtime numbers varying along axes: 1 leaves a
// unit as it is, 0 removes it.
func (p Plan) Lesion(name, selector string, axes ...Axis) Plan {
	return p.Edit(Edit{Name: name, Site: selector, Mul: append(Vary{}, axes...)})
}

// StartAt returns p with the value of the site called name coming from a runtime input.
func (p Plan) StartAt(name string) Plan {
	q := p.clone()
	q.start = name
	return q
}

// Captures, Edits and Start are the parts of a plan, in the order they were added.
func (p Plan) Captures() []Capture { return append([]Capture(nil), p.captures...) }

// Edits lists the plan's edits.
func (p Plan) Edits() []Edit { return append([]Edit(nil), p.edits...) }

// Start is the site the plan starts from, or "".
func (p Plan) Start() string { return p.start }

func (p Plan) clone() Plan {
	return Plan{captures: p.Captures(), edits: p.Edits(), start: p.start}
}

type planJSON struct {
	Captures []Capture `json:"captures"`
	Edits    []Edit    `json:"edits,omitempty"`
	Start    string    `json:"start,omitempty"`
}

// MarshalJSON writes the plan; equal plans have equal bytes.
func (p Plan) MarshalJSON() ([]byte, error) {
	return json.Marshal(planJSON{Captures: append([]Capture{}, p.captures...), Edits: p.edits, Start: p.start})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (p *Plan) UnmarshalJSON(b []byte) error {
	var j planJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	*p = Plan{captures: j.Captures, edits: j.Edits, start: j.Start}
	return nil
}

// String lists the plan, a line each part.
func (p Plan) String() string {
	var b strings.Builder
	if p.start != "" {
		fmt.Fprintf(&b, "start   %s\n", p.start)
	}
	for _, e := range p.edits {
		fmt.Fprintf(&b, "edit    %s at %s:", e.Name, e.Site)
		if e.Mul != nil {
			fmt.Fprintf(&b, " x%v", []Axis(e.Mul))
		}
		if e.Add != nil {
			fmt.Fprintf(&b, " +%v", []Axis(e.Add))
		}
		b.WriteByte('\n')
	}
	for _, c := range p.captures {
		fmt.Fprintf(&b, "capture %s\n", c)
	}
	return b.String()
}

// Output is one array that a checked plan gives.
type Output struct {
	Name      string // "SITE" or "SITE:REDUCTION"
	Site      string
	Reduction string
	Axes      []Axis
	Shape     []int // for one stimulus
}

// Bytes is the size of one stimulus's value in float32.
func (o Output) Bytes() int { return 4 * product(o.Shape) }

// InputKind says what a runtime input is for.
type InputKind string

// The kinds of runtime inputs.
const (
	MulInput     InputKind = "mul"
	AddInput     InputKind = "add"
	StartInput   InputKind = "start"
	ProjectInput InputKind = "project"
)

// Input is one array that a checked plan takes at run time.
type Input struct {
	Key   string // "EDIT.mul@SITE", "EDIT.add@SITE", "start" or "project.NAME"
	Kind  InputKind
	Site  string
	Axes  []Axis // may begin with Stimulus
	Shape []int  // for one stimulus: without that axis
}

// PerStimulus tells whether the input has a value for every stimulus of a batch.
func (in Input) PerStimulus() bool { return len(in.Axes) > 0 && in.Axes[0] == Stimulus }

// Dims are the dimensions of the input for a batch.
func (in Input) Dims(batch int) []int {
	if in.PerStimulus() {
		return append([]int{batch}, in.Shape...)
	}
	return append([]int{}, in.Shape...)
}

// Default is the value that leaves the network as it is: ones for mul, zeros for add. There is none for the others.
func (in Input) Default(batch int) ([]float32, bool) {
	v := make([]float32, product(in.Dims(batch)))
	switch in.Kind {
	case MulInput:
		for i := range v {
			v[i] = 1
		}
		return v, true
	case AddInput:
		return v, true
	}
	return nil, false
}

// Bound is a plan checked against the sites of one network: everything it gives and takes, with shapes.
type Bound struct {
	Plan    Plan
	Outputs []Output
	Inputs  []Input

	captures map[string][]boundCapture // by site
	edits    map[string][]Edit
	start    *Info
	sites    map[string]Info
}

type boundCapture struct {
	output int
	steps  []step
}

// Bytes is the size of all outputs for one stimulus.
func (b *Bound) Bytes() int {
	n := 0
	for _, o := range b.Outputs {
		n += o.Bytes()
	}
	return n
}

// Check resolves p against the sites of a network without running anything. Selectors that match nothing, reductions
// and edits over axes a site does not have, and names used twice are errors that say which and what there is instead.
func (p Plan) Check(infos []Info) (*Bound, error) {
	b := &Bound{Plan: p, captures: map[string][]boundCapture{}, edits: map[string][]Edit{}, sites: map[string]Info{}}
	for _, i := range infos {
		b.sites[i.Name] = i
	}
	if p.start != "" {
		info, ok := b.sites[p.start]
		if i := slices.IndexFunc(infos, func(i Info) bool { return slices.Contains(i.Aliases, p.start) }); !ok && i >= 0 {
			info, ok = infos[i], true
		}
		if !ok {
			return nil, fmt.Errorf("start: %w", &NoMatchError{Selector: p.start, Nearest: nearest(p.start, infos, 3)})
		}
		b.start = &info
		b.Inputs = append(b.Inputs, Input{Key: "start", Kind: StartInput, Site: info.Name,
			Axes: append([]Axis{Stimulus}, info.Axes...), Shape: info.Shape})
	}
	if err := b.checkEdits(infos); err != nil {
		return nil, err
	}
	if err := b.checkCaptures(infos); err != nil {
		return nil, err
	}
	return b, b.checkUpstream(infos)
}

// checkUpstream refuses edits and captures that a start cuts off: sites computed before it. They would act on nothing.
func (b *Bound) checkUpstream(infos []Info) error {
	if b.start == nil {
		return nil
	}
	for _, i := range infos {
		if i.Name == b.start.Name {
			return nil
		}
		if len(b.edits[i.Name]) > 0 || len(b.captures[i.Name]) > 0 {
			return fmt.Errorf("the plan starts at %s, but also edits or captures %s, which comes before it", b.start.Name, i.Name)
		}
	}
	return nil
}

func (b *Bound) checkEdits(infos []Info) error {
	seen := map[string]bool{}
	for _, e := range b.Plan.edits {
		if e.Mul == nil && e.Add == nil {
			return fmt.Errorf("edit %q at %s changes nothing: give it a mul or an add", e.Name, e.Site)
		}
		sites, err := Match(e.Site, infos)
		if err != nil {
			return fmt.Errorf("edit %q: %w", e.Name, err)
		}
		for _, info := range sites {
			for _, part := range []struct {
				kind InputKind
				vary Vary
			}{{MulInput, e.Mul}, {AddInput, e.Add}} {
				if part.vary == nil {
					continue
				}
				in := Input{Key: e.Name + "." + string(part.kind) + "@" + info.Name, Kind: part.kind, Site: info.Name}
				if in.Axes, in.Shape, err = varying(info, part.vary); err != nil {
					return fmt.Errorf("edit %q at %s: %w", e.Name, info.Name, err)
				}
				if seen[in.Key] {
					return fmt.Errorf("two edits called %q at %s: give them different names", e.Name, info.Name)
				}
				seen[in.Key] = true
				b.Inputs = append(b.Inputs, in)
			}
			b.edits[info.Name] = append(b.edits[info.Name], e)
		}
	}
	return nil
}

// varying orders the axes as the site has them, the stimulus first.
func varying(info Info, vary Vary) (axes []Axis, shape []int, err error) {
	want := map[Axis]bool{}
	for _, a := range vary {
		if a != Stimulus && info.axis(a) < 0 {
			return nil, nil, fmt.Errorf("no %s axis; the site has %v", a, info.Axes)
		}
		want[a] = true
	}
	shape = []int{}
	if want[Stimulus] {
		axes = append(axes, Stimulus)
	}
	for k, a := range info.Axes {
		if want[a] {
			axes, shape = append(axes, a), append(shape, info.Shape[k])
		}
	}
	return axes, shape, nil
}

func (b *Bound) checkCaptures(infos []Info) error {
	seen := map[string]bool{}
	projections := map[string]Input{}
	for _, c := range b.Plan.captures {
		sites, err := Match(c.Site, infos)
		if err != nil {
			return fmt.Errorf("capture %s: %w", c, err)
		}
		steps, err := parseReduction(c.Reduce)
		if err != nil {
			return fmt.Errorf("capture %s: %w", c, err)
		}
		for _, info := range sites {
			v := view{axes: info.Axes, shape: info.Shape}
			for _, st := range steps {
				if st.project != "" {
					in := Input{Key: "project." + st.project, Kind: ProjectInput, Site: info.Name, Axes: []Axis{Channel, Rank}, Shape: []int{v.shape[len(v.shape)-1], st.columns}}
					if old, ok := projections[in.Key]; ok && fmt.Sprint(old.Shape) != fmt.Sprint(in.Shape) {
						return fmt.Errorf("capture %s at %s: projection %s has shape %v here and %v at %s", c, info.Name, st.project, in.Shape, old.Shape, old.Site)
					} else if !ok {
						projections[in.Key] = in
						b.Inputs = append(b.Inputs, in)
					}
				}
				if v, err = st.apply(v, nil); err != nil {
					return fmt.Errorf("capture %s at %s: %s: %w", c, info.Name, st.text, err)
				}
			}
			o := Output{Name: Capture{Site: info.Name, Reduce: c.Reduce}.String(), Site: info.Name, Reduction: c.Reduce, Axes: v.axes, Shape: v.shape}
			if seen[o.Name] {
				continue // two selectors may overlap; one array is enough
			}
			seen[o.Name] = true
			b.captures[info.Name] = append(b.captures[info.Name], boundCapture{output: len(b.Outputs), steps: steps})
			b.Outputs = append(b.Outputs, o)
		}
	}
	return nil
}
