package spatial

import (
	"context"
	"errors"
	"fmt"

	"github.com/ventral-lab/ventral/datasets/circles"
	"github.com/ventral-lab/ventral/internal/progress"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/method/ratemap"
	"github.com/ventral-lab/ventral/pkg/method/stats"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// Options of the study. The zero value of every field is the default that is named.
type Options struct {
	Stimuli circles.Config // 3000 circles of the document

	Token      string             // which token's units: "class" (default), "mean", "token=I", or "all" (a unit is a token and channel)
	Bins       int                // bins on a side of a map; 28
	Conversion ratemap.Conversion // signed activations to rates before binning; ratemap.BaselineOn
	Shuffles   int                // position permutations of the null; 1000

	LesionStimuli   int    // stimuli of the layer lesions; 1000
	Ablation        string // "zero" (default), "mean" or "resample"
	TargetedStimuli int    // stimuli of the targeted lesions; 300
	Levels          int    // lesion sizes from none to all units; 41
	RandomSeeds     int    // random lesions to average; 3
	TargetSite      string // site of the targeted lesions; the c_proj whose lesion hurts most

	Seed     uint64
	Batch    int                                              // 50
	Progress func(title string, total int) *progress.Progress // nil: silent
}

func (o Options) filled() Options {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	if o.Token == "" {
		o.Token = "class"
	}
	if o.Conversion == "" {
		o.Conversion = ratemap.BaselineOn
	}
	if o.Ablation == "" {
		o.Ablation = "zero"
	}
	def(&o.Bins, 28)
	def(&o.Shuffles, 1000)
	def(&o.LesionStimuli, 1000)
	def(&o.TargetedStimuli, 300)
	def(&o.Levels, 41)
	def(&o.RandomSeeds, 3)
	def(&o.Batch, 50)
	return o
}

// Quick returns o with sizes for a first look: a minute on two cores for the shipped model.
func (o Options) Quick() Options {
	o.LesionStimuli, o.TargetedStimuli, o.Levels, o.RandomSeeds = 300, 150, 21, 2
	return o
}

// Study is one model set up for the protocol.
type Study struct {
	Model   *zoo.Model
	Backend *backend.Backend
	Options Options

	identity string // of the model, for the keys of results that are kept

	set *circles.Set
	x   []float64 // centre of every stimulus, in fractions of the frame
	y   []float64
}

// New prepares the study of m.
func New(be *backend.Backend, m *zoo.Model, o Options) (*Study, error) {
	if m == nil || be == nil {
		return nil, errors.New("spatial: want a model and a backend")
	}
	if m.CLIP == nil || m.Text == nil {
		return nil, fmt.Errorf("spatial: %s has no text tower to judge lesions by; the study wants a CLIP", m.Name)
	}
	if m.CLIP.ResNet() {
		return nil, fmt.Errorf("spatial: the image tower of %s is a ResNet; the study records the attention of a vision transformer's blocks", m.Name)
	}
	o = o.filled()
	set, err := circles.New(o.Stimuli)
	if err != nil {
		return nil, err
	}
	s := &Study{Model: m, Backend: be, Options: o, set: set}
	if s.identity, err = m.Identity(); err != nil {
		return nil, fmt.Errorf("spatial: %w", err)
	}
	frame := float64(set.Config().Frame)
	for i := range set.Len() {
		f, err := set.Figure(i)
		if err != nil {
			return nil, fmt.Errorf("spatial: %w", err)
		}
		s.x, s.y = append(s.x, f.X/frame), append(s.y, f.Y/frame)
	}
	return s, nil
}

// Result is everything the study found.
type Result struct {
	Model    string           `json:"model"`
	Backend  string           `json:"backend"`
	Options  Options          `json:"-"`
	ZeroShot []PromptSet      `json:"zero_shot"`
	Layers   []Layer          `json:"layers"`
	Control  []Layer          `json:"control"` // the untrained model
	Modules  *LayerLesions    `json:"modules"`
	Targeted *TargetedLesions `json:"targeted"`
}

// Run does the whole protocol.
func (s *Study) Run(ctx context.Context) (*Result, error) {
	r := &Result{Model: s.Model.Name, Backend: s.Backend.String(), Options: s.Options}
	var err error
	if r.ZeroShot, err = s.ZeroShot(ctx); err != nil {
		return nil, err
	}
	if r.Layers, err = s.Ratemaps(ctx); err != nil {
		return nil, err
	}
	control, err := s.Untrained(s.Options.Seed + 1)
	if err != nil {
		return nil, err
	}
	if r.Control, err = control.Ratemaps(ctx); err != nil {
		return nil, err
	}
	if r.Modules, err = s.LayerLesions(ctx); err != nil {
		return nil, err
	}
	r.Targeted, err = s.TargetedLesions(ctx, r.Modules)
	return r, err
}

// Untrained is the same study on the same architecture with the weights its authors' code starts from.
func (s *Study) Untrained(seed uint64) (*Study, error) {
	m, err := s.Model.Untrained(seed)
	if err != nil {
		return nil, err
	}
	return New(s.Backend, m, s.Options)
}

func (s *Study) meter(title string, total int) *progress.Progress {
	if s.Options.Progress == nil {
		return nil
	}
	return s.Options.Progress(title, total)
}

// interval is a 95 % bootstrap interval of a mean.
func interval(x []float64, seed uint64, stream string) stats.Interval {
	return stats.MeanInterval(x, stats.Options{Resamples: 2000, Level: 0.95, Seed: seed, Stream: stream})
}
