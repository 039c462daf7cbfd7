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

	// Token says what a unit is: a channel at the class token ("class", the default where there are tokens), at "token=I", as
	// the "mean" (the default for feature maps) or "max" over positions; or "all", a channel at one position.
	Token      string
	Bins       int                // bins on a side of a map; 28
	Conversion ratemap.Conversion // signed activations to rates before binning; ratemap.BaselineOn
	Shuffles   int                // position permutations of the null; 1000

	LesionStimuli   int    // stimuli of the layer lesions; 1000
	Ablation        string // "zero" (default), "mean" or "resample"
	TargetedStimuli int    // stimuli of the targeted lesions; 300
	Levels          int    // lesion sizes from none to all units; 41
	RandomSeeds     int    // random orders of units that the random lesions use in turn; 20
	RandomEach      int    // of them for each stimulus, which bounds the cost; 4, or RandomSeeds if fewer
	TargetSite      string // site of the targeted lesions; the one that adds to a block's output whose lesion hurts most

	JudgeStimuli int // pictures that a read-out is fitted to, where the network needs one (see Judge); 600

	Places        int      // the deficit matrix tells Places x Places locations apart; 4
	PlaceShare    float64  // share of units that a lesion of one location removes; 0.1
	MatrixStimuli int      // stimuli that the matrix is measured with; twice TargetedStimuli
	MatrixNulls   int      // matrices of lesions of other units of the same number and overlap; 5
	Ablations     []string // of the matrix; zero, mean and resample
	HeadStimuli   int      // stimuli of the lesions of attention heads; TargetedStimuli
	PatchStimuli  int      // stimuli of the lesions of single patches; TargetedStimuli
	PatchDraws    int      // patches lesioned for each stimulus, from the nearest to the farthest; 12
	BiasStimuli   int      // stimuli of the bias experiment; TargetedStimuli

	Outlook OutlookOptions // the questions that the document leaves open

	inGraph bool // lesions as edits inside the graph also where they need not be; for tests

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
	def(&o.RandomSeeds, 20)
	def(&o.RandomEach, 4)
	o.RandomEach = min(o.RandomEach, o.RandomSeeds)
	def(&o.JudgeStimuli, 600)
	def(&o.Places, 4)
	def(&o.MatrixStimuli, 2*o.TargetedStimuli)
	def(&o.MatrixNulls, 5)
	def(&o.HeadStimuli, o.TargetedStimuli)
	def(&o.PatchStimuli, o.TargetedStimuli)
	def(&o.PatchDraws, 12)
	def(&o.BiasStimuli, o.TargetedStimuli)
	def(&o.Batch, 50)
	o.Outlook = o.Outlook.filled()
	if o.PlaceShare == 0 {
		o.PlaceShare = 0.1
	}
	if o.Ablations == nil {
		o.Ablations = []string{"zero", "mean", "resample"}
	}
	return o
}

// Quick returns o with sizes for a first look: a minute on two cores for the shipped model.
func (o Options) Quick() Options {
	o.LesionStimuli, o.TargetedStimuli, o.Levels, o.RandomEach = 300, 100, 21, 2
	o.JudgeStimuli, o.MatrixStimuli, o.MatrixNulls, o.Ablations = 300, 96, 1, []string{"zero", "mean"}
	o.HeadStimuli, o.PatchStimuli, o.PatchDraws, o.BiasStimuli = 96, 48, 6, 32
	o.Outlook.Seeds, o.Outlook.Shuffles, o.Outlook.Surrogates = 2, 49, 19
	return o
}

// Study is one model set up for the protocol.
type Study struct {
	Model   *zoo.Model
	Backend *backend.Backend
	Options Options

	identity string // of the model, for the keys of results that are kept
	anatomy  *anatomy
	judge    Judge // nil until it is wanted

	set *circles.Set
	x   []float64 // centre of every stimulus, in fractions of the frame
	y   []float64
}

// New prepares the study of m: any network with sites that have channels. What it can do follows from what the network
// has: prompts want a text tower, lesions of heads want attention.
func New(be *backend.Backend, m *zoo.Model, o Options) (*Study, error) {
	if m == nil || be == nil {
		return nil, errors.New("spatial: want a model and a backend")
	}
	o = o.filled()
	set, err := circles.New(o.Stimuli)
	if err != nil {
		return nil, err
	}
	if o.Places < 2 || !(o.PlaceShare > 0 && o.PlaceShare <= 1) {
		return nil, fmt.Errorf("spatial: Places = %d and PlaceShare = %g: want at least 2 and a share in (0, 1]", o.Places, o.PlaceShare)
	}
	for _, a := range append([]string{o.Ablation}, o.Ablations...) {
		if a != "zero" && a != "mean" && a != "resample" {
			return nil, fmt.Errorf("spatial: ablation %q: want zero, mean or resample", a)
		}
	}
	infos, err := m.Sites()
	if err != nil {
		return nil, fmt.Errorf("spatial: %s: %w", m.Name, err)
	}
	body, err := anatomise(infos, m.Config)
	if err != nil {
		return nil, fmt.Errorf("%w (%s)", err, m.Name)
	}
	if o.Token == "" {
		o.Token = body.usual()
	}
	s := &Study{Model: m, Backend: be, Options: o, set: set, anatomy: body}
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
	Judge    JudgeInfo        `json:"judge"`     // what the log-odds of all lesions are of
	ZeroShot []PromptSet      `json:"zero_shot"` // none without a text tower
	Layers   []Layer          `json:"layers"`
	Control  []Layer          `json:"control"` // the untrained model
	Modules  *LayerLesions    `json:"modules"`
	Targeted *TargetedLesions `json:"targeted"`
	Deficits []DeficitMatrix  `json:"deficits"` // one an ablation
	Heads    *HeadLesions     `json:"heads"`    // nil where there is no attention
	Patches  *PatchLesions    `json:"patches"`
	Bias     *BiasExperiment  `json:"bias"`

	Border      *BorderAccount  `json:"border"`      // why untrained networks look border-like
	Units       *UnitComparison `json:"units"`       // of the recorded sites, beside one untrained network
	Tests       []TestShare     `json:"tests"`       // what its tests find over all sites
	Development *Development    `json:"development"` // how selectivity arises in training
	Verdicts    []Verdict       `json:"verdicts"`    // on the document's claims
}

// Run does the whole protocol.
func (s *Study) Run(ctx context.Context) (*Result, error) {
	r := &Result{Model: s.Model.Name, Backend: s.Backend.String(), Options: s.Options}
	judge, err := s.Judge(ctx)
	if err != nil {
		return nil, err
	}
	r.Judge = judge.Info()
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
	defer control.Model.Close()
	if r.Control, err = control.Ratemaps(ctx); err != nil {
		return nil, err
	}
	if r.Modules, err = s.LayerLesions(ctx); err != nil {
		return nil, err
	}
	if r.Targeted, err = s.TargetedLesions(ctx, r.Modules); err != nil {
		return nil, err
	}
	if r.Deficits, err = s.DeficitMatrices(ctx, r.Modules); err != nil {
		return nil, err
	}
	if r.Heads, err = s.HeadLesions(ctx); err != nil {
		return nil, err
	}
	if r.Patches, err = s.PatchLesions(ctx); err != nil {
		return nil, err
	}
	if r.Bias, err = s.Bias(ctx, r.Modules); err != nil {
		return nil, err
	}
	return r, s.outlook(ctx, r)
}

// Untrained is the same study on the same architecture with the weights its authors' code starts from.
func (s *Study) Untrained(seed uint64) (*Study, error) {
	m, err := s.Model.Untrained(seed)
	if err != nil {
		return nil, err
	}
	return New(s.Backend, m, s.Options)
}

// eachUntrained runs the study on n untrained networks, one after the other; their seeds follow the study's.
func eachUntrained[T any](s *Study, n int, run func(*Study) (T, error)) (seeds []uint64, results []T, err error) {
	for k := range n {
		seed := s.Options.Seed + 1 + uint64(k)
		u, err := s.Untrained(seed)
		if err != nil {
			return nil, nil, err
		}
		r, err := run(u)
		u.Model.Close()
		if err != nil {
			return nil, nil, fmt.Errorf("spatial: untrained network of seed %d: %w", seed, err)
		}
		seeds, results = append(seeds, seed), append(results, r)
	}
	return seeds, results, nil
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
