package record

import (
	"fmt"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// Staged is a network compiled in stages that are cut at sites. Stage 0 leads from the picture to the first cut, stage k
// from cut k-1 to cut k, the last one to the output. Each stage is compiled once; edits are runtime inputs, ones and
// zeros unless a call gives other values.
type Staged struct {
	Cuts  []string
	batch int

	stages []*executor
	order  map[string]int // position of every site
	at     []int          // position of every cut
}

// NewStaged compiles model in stages for one batch size. cuts are names of sites in the order in which they are
// computed; the values of a cut must determine everything after it (a residual stream, not one branch). output is the
// site that the last stage gives. Every edit is put into the stages that have sites it matches.
func NewStaged(be *backend.Backend, m *models.Model, cuts []string, output string, edits []site.Edit, batch int) (*Staged, error) {
	sites, err := m.Sites()
	if err != nil {
		return nil, err
	}
	s := &Staged{Cuts: cuts, batch: batch, order: map[string]int{}}
	for i, info := range sites {
		s.order[info.Name] = i
	}
	ends := append(append([]string{}, cuts...), output)
	last := -1
	for _, c := range ends {
		i, ok := s.order[c]
		if !ok {
			_, err := site.Match(c, sites)
			return nil, fmt.Errorf("stages of %s: %w", m.Name, err)
		}
		if i <= last {
			return nil, fmt.Errorf("stages of %s: %s is computed before the cut in front of it", m.Name, c)
		}
		s.at = append(s.at, i)
		last = i
	}
	for k, end := range ends {
		plan := site.Plan{}.Capture(end)
		lo := 0
		if k > 0 {
			plan = plan.StartAt(ends[k-1])
			lo = s.at[k-1] + 1
		}
		for _, e := range edits {
			matched, err := site.Match(e.Site, sites)
			if err != nil {
				s.Close()
				return nil, fmt.Errorf("stages of %s: edit %q: %w", m.Name, e.Name, err)
			}
			for _, info := range matched {
				if i := s.order[info.Name]; i >= lo && i <= s.at[k] {
					plan = plan.Edit(site.Edit{Name: e.Name, Site: info.Name, Mul: e.Mul, Add: e.Add})
					if info.Name != end {
						plan = plan.Capture(info.Name)
					}
				}
			}
		}
		b, err := plan.Check(sites)
		if err == nil {
			var ex *executor
			if ex, err = newExecutor(be, m, b, batch); err == nil {
				s.stages = append(s.stages, ex)
			}
		}
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("stage %d of %s: %w", k, m.Name, err)
		}
	}
	return s, nil
}

// Stages is the number of stages: one more than there are cuts.
func (s *Staged) Stages() int { return len(s.stages) }

// StageOf is the stage that computes a site.
func (s *Staged) StageOf(name string) (int, error) {
	i, ok := s.order[name]
	if !ok {
		return 0, fmt.Errorf("no site %s", name)
	}
	for k, end := range s.at {
		if i <= end {
			return k, nil
		}
	}
	return 0, fmt.Errorf("site %s is computed after the output", name)
}

// Run computes stage k from x (pictures for stage 0, else the value of the cut before it) for a whole batch and returns
// the value of its end.
func (s *Staged) Run(k int, x []float32, inputs map[string][]float32) ([]float32, error) {
	ex := s.stages[k]
	if k > 0 {
		with := map[string][]float32{"start": x}
		for key, v := range inputs {
			with[key] = v
		}
		inputs = with
	}
	var out []float32
	err := ex.run(x, inputs, func(i int, data []float32) {
		if i == 0 {
			out = append(out, data...)
		}
	})
	return out, err
}

// Values computes stage k from x without edits and returns the value of every site of the stage that has an edit.
// Capturing them costs nothing in Run, which does not copy them.
func (s *Staged) Values(k int, x []float32) (map[string][]float32, error) {
	ex := s.stages[k]
	in := map[string][]float32{}
	if k > 0 {
		in["start"] = x
	}
	out := map[string][]float32{}
	err := ex.run(x, in, func(i int, data []float32) {
		if len(ex.bound.Plan.Edits()) > 0 {
			out[ex.bound.Outputs[i].Name] = append([]float32(nil), data...)
		}
	})
	return out, err
}

// From runs stages k to the last and returns the output. inputs apply to all of them.
func (s *Staged) From(k int, x []float32, inputs map[string][]float32) ([]float32, error) {
	var err error
	for ; k < len(s.stages); k++ {
		if x, err = s.Run(k, x, inputs); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// Trail runs the whole network without edits and returns the input of every stage and the output.
func (s *Staged) Trail(pictures []float32) (inputs [][]float32, output []float32, err error) {
	x := pictures
	for k := range s.stages {
		inputs = append(inputs, x)
		if x, err = s.Run(k, x, nil); err != nil {
			return nil, nil, err
		}
	}
	return inputs, x, nil
}

// Compiles is the number of graphs compiled so far over all stages.
func (s *Staged) Compiles() int {
	n := 0
	for _, e := range s.stages {
		n += e.prog.Compiles()
	}
	return n
}

// Close frees the compiled stages.
func (s *Staged) Close() {
	for _, e := range s.stages {
		e.Close()
	}
}
