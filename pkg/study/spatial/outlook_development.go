package spatial

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ventral-lab/ventral/models/mini"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// Stage is a network on its way through training.
type Stage struct {
	Step int    // training steps made; 0 = untrained
	Name string // for labels; the model's name
	Open func() (*zoo.Model, error)
}

// StagesOf lists the networks that are known on the way to a model: its shipped snapshots (mini.Steps), or where it has none
// an untrained network of the same architecture; the model itself comes last. note says, where there are no snapshots between
// the first and the last, how such are made.
func StagesOf(m *zoo.Model, seed uint64) (stages []Stage, note string) {
	for _, step := range mini.Steps(m.Name) {
		name := fmt.Sprintf("%s@%d", m.Name, step)
		stages = append(stages, Stage{Step: step, Name: name, Open: func() (*zoo.Model, error) { return zoo.Open(name) }})
	}
	last := Stage{Step: 1, Name: m.Name}
	if card, err := mini.Describe(m.Name); err == nil && card.Training.Steps > 0 {
		last.Step = card.Training.Steps
	}
	if len(stages) == 0 {
		stages = []Stage{{Name: fmt.Sprintf("%s, untrained (seed %d)", m.Name, seed), Open: func() (*zoo.Model, error) { return m.Untrained(seed) }}}
	}
	if len(stages) == 1 {
		note = "No network between the first step and the last: a training that keeps them writes them (ventral train, folder steps of models/mini), and Options.Outlook.Stages takes any list of models of one architecture."
	}
	return append(stages, last), note
}

// Development is how place selectivity arises in training.
type Development struct {
	Stimuli string             `json:"stimuli"`
	Stages  []DevelopmentStage `json:"stages"` // by step
	Note    string             `json:"note,omitempty"`
}

// DevelopmentStage is one network on the way.
type DevelopmentStage struct {
	Step  int            `json:"step"`
	Model string         `json:"model"`
	Units int            `json:"units"`
	Tuned stats.Interval `json:"tuned"` // share of the units of all sites with q <= .05 of eta squared
	Place Estimate       `json:"place"` // median over sites of the median place score; the range over sites as limits
	// Decoded is the largest R2 of place that any site has, see SiteSurvey.Decoded, and DecodedAt that site.
	Decoded   Bounds       `json:"decoded"`
	DecodedAt string       `json:"decoded_at"`
	Border    BorderGroup  `json:"border"`
	Sites     []SiteSurvey `json:"sites"`
}

// Development surveys the stages of Options.Outlook, or those that are known of the study's model, with the study's stimuli.
func (s *Study) Development(ctx context.Context) (*Development, error) {
	stages, note := s.Options.Outlook.Stages, ""
	if stages == nil {
		stages, note = StagesOf(s.Model, s.Options.Seed+1)
		stages[len(stages)-1].Open = nil // the study's own model
	}
	if len(stages) < 2 {
		return nil, fmt.Errorf("spatial: development: %d stages: want at least two networks, such as an untrained and a trained one", len(stages))
	}
	stages = slices.Clone(stages)
	slices.SortStableFunc(stages, func(a, b Stage) int { return a.Step - b.Step })
	d := &Development{Stimuli: s.set.Spec(), Note: note}
	for k, st := range stages {
		if k > 0 && st.Step == stages[k-1].Step {
			return nil, fmt.Errorf("spatial: development: %s and %s both claim step %d", stages[k-1].Name, st.Name, st.Step)
		}
		one, err := s.stage(ctx, st)
		if err != nil {
			return nil, fmt.Errorf("spatial: development: %s: %w", st.Name, err)
		}
		if len(d.Stages) > 0 && len(one.Sites) != len(d.Stages[0].Sites) {
			return nil, fmt.Errorf("spatial: development: %s has %d sites and %s %d: they are not of one architecture", d.Stages[0].Model, len(d.Stages[0].Sites), st.Name, len(one.Sites))
		}
		d.Stages = append(d.Stages, *one)
	}
	return d, nil
}

// stage surveys one network.
func (s *Study) stage(ctx context.Context, st Stage) (*DevelopmentStage, error) {
	at := s
	if st.Open != nil {
		m, err := st.Open()
		if err != nil {
			return nil, err
		}
		defer m.Close()
		if at, err = New(s.Backend, m, s.Options); err != nil {
			return nil, err
		}
	}
	v := survey{Shuffles: s.Options.Outlook.Shuffles, Decode: true, Seed: s.Options.Seed}
	sites, err := at.survey(ctx, v)
	if err != nil {
		return nil, err
	}
	return summariseStage(st, sites, v.Seed), nil
}

func summariseStage(st Stage, sites []SiteSurvey, seed uint64) *DevelopmentStage {
	d := &DevelopmentStage{Step: st.Step, Model: st.Name, Sites: sites, Border: pool(fmt.Sprint(st.Step), sites, seed)}
	tuned := 0
	var place []float64
	nan := Float(math.NaN())
	d.Decoded = Bounds{nan, nan, nan}
	for _, x := range sites {
		d.Units += x.Units
		tuned += int(math.Round(x.Tuned.Estimate * float64(x.Units)))
		place = append(place, float64(x.Place.Mean))
		if r := x.Decoded(); d.DecodedAt == "" || r.Estimate > d.Decoded.Estimate {
			d.Decoded, d.DecodedAt = r, x.Site
		}
	}
	d.Tuned = stats.Wilson(tuned, d.Units, .95)
	if place = stats.Finite(place); len(place) > 0 {
		d.Place = Estimate{Float(stats.Quantile(place, .5)), Float(slices.Min(place)), Float(slices.Max(place))}
	} else {
		d.Place = missing()
	}
	return d
}

// placeRise is by how much the median place score of a site is above that of the same site of an earlier stage, with an
// interval over sites.
func (d DevelopmentStage) placeRise(from DevelopmentStage) Estimate {
	var rise []float64
	for k := range min(len(d.Sites), len(from.Sites)) {
		rise = append(rise, float64(d.Sites[k].Place.Mean-from.Sites[k].Place.Mean))
	}
	return meanOf(stats.Finite(rise), 1, "spatial/development/rise")
}
