package spatial

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ventral-lab/ventral/internal/cache"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/pkg/method/stats"
	"github.com/ventral-lab/ventral/pkg/rig/record"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// LesionPrompts are the two descriptions that lesions are judged by; the first is right.
var LesionPrompts = []string{"a black circle", "an empty image"}

// LayerLesions is the effect of lesioning every module of both towers.
type LayerLesions struct {
	Ablation string         `json:"ablation"`
	Judge    JudgeInfo      `json:"judge"`
	Stimuli  int            `json:"stimuli"`
	Baseline stats.Interval `json:"baseline"` // mean probability of a circle, unlesioned: the logistic of the log-odds
	LogOdds  stats.Interval `json:"log_odds"` // mean log-odds of a circle by Judge, unlesioned
	Modules  []Module       `json:"modules"`  // in module order, image tower first
	Compiled int            `json:"compiled"` // graphs compiled for the sweep
}

// Module is the effect of one lesion.
type Module struct {
	Site  string         `json:"site"`
	Tower string         `json:"tower"` // "visual", also of a network that is no CLIP, or "text"
	Block string         `json:"block"` // number, or "" outside blocks
	Kind  string         `json:"kind"`  // "attn", "mlp.c_proj", "conv1", ...
	Mean  stats.Interval `json:"mean"`  // mean probability of "a black circle"
	Delta stats.Interval `json:"delta"` // lesioned minus intact, paired by stimulus
	// LogOdds and its paired Delta do not saturate: a network that is sure of the circle has a probability of 1 with and
	// without most of its modules.
	LogOdds      stats.Interval `json:"log_odds"`
	LogOddsDelta stats.Interval `json:"log_odds_delta"`
}

// modules lists the modules of the image network and, for a CLIP, of the text tower.
func (s *Study) modules() []Module {
	m := append([]Module(nil), s.anatomy.modules...)
	if s.Model.Text == nil {
		return m
	}
	for l := range s.Model.CLIP.TextLayers {
		for _, k := range blockModules {
			m = append(m, Module{Site: fmt.Sprintf("transformer.resblocks.%d.%s", l, k), Tower: "text", Block: strconv.Itoa(l), Kind: k})
		}
	}
	return append(m, Module{Site: "token_embedding", Tower: "text", Kind: "token_embedding"}, Module{Site: "ln_final", Tower: "text", Kind: "ln_final"})
}

// LayerLesions lesions every module and measures the probability of "a black circle" against "an empty image".
//
// Setting a module's weights and biases to zero makes its output zero, so a lesion is an edit of that output. The module
// "attn" and its output projection have the same output, as the document found. A lesion of the text tower leaves the
// picture's embedding as it is; one of the image tower changes nothing before its block. The sweep uses both: it runs
// the network once, and each lesion only from its block on.
//
// Ablation "zero" is the document's; "mean" puts the module's mean value over stimuli in its place, "resample" its value
// for another stimulus. Zeros are values the network never sees, and can help as well as harm.
func (s *Study) LayerLesions(ctx context.Context) (*LayerLesions, error) {
	o := s.Options
	judge, err := s.Judge(ctx)
	if err != nil {
		return nil, err
	}
	key := []any{version, s.identity, s.Backend.Kind, s.set.Spec(), judge.Info(), o.LesionStimuli, o.Ablation, o.Batch, o.Seed, LesionPrompts}
	out, _, err := cache.Do("spatial/lesions", key, func() (*LayerLesions, error) { return s.layerLesions(ctx) })
	return out, err
}

func (s *Study) layerLesions(ctx context.Context) (*LayerLesions, error) {
	n := min(s.Options.LesionStimuli, s.set.Len())
	if s.Options.Ablation != "zero" && n < 2 {
		return nil, fmt.Errorf("spatial: %s ablation needs at least two stimuli", s.Options.Ablation)
	}
	mods := s.modules()
	judge, err := s.Judge(ctx)
	if err != nil {
		return nil, err
	}
	lesion, err := s.newLesioner(mods)
	if err != nil {
		return nil, err
	}
	defer lesion.close()
	var intact, base []float64 // embeddings [n, d] of a CLIP, log-odds [n]
	odds := make([][]float64, len(mods))
	meter := s.meter("layer lesions ("+s.Options.Ablation+")", n)
	for lo := 0; lo < n; lo += s.Options.Batch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		k := min(s.Options.Batch, n-lo)
		px, err := pictures(s.Model, s.set, lo, k, s.Options.Batch)
		if err != nil {
			return nil, err
		}
		trail, out, err := lesion.image.Trail(px)
		if err != nil {
			return nil, err
		}
		base = append(base, judge.LogOdds(out, k)...)
		if s.Model.Text != nil {
			d := s.Model.CLIP.EmbedDim
			intact = append(intact, clip.Unit(out[:k*d], d)...)
		}
		if err := lesion.batch(trail, k, lo, func(m int, out []float32) {
			odds[m] = append(odds[m], judge.LogOdds(out, k)...)
		}); err != nil {
			return nil, err
		}
		meter.Add(k)
	}
	if err := lesion.texts(intact, odds); err != nil {
		return nil, err
	}
	meter.Done()
	r := &LayerLesions{Ablation: s.Options.Ablation, Stimuli: n, Judge: judge.Info(), Compiled: lesion.compiles(),
		Baseline: interval(logistic(base), s.Options.Seed, "spatial/baseline"), LogOdds: interval(base, s.Options.Seed, "spatial/baseline")}
	for m, mod := range mods {
		paired := func(a, b []float64) stats.Interval {
			return stats.PairedDifference(a, b, stats.Options{Resamples: 2000, Level: 0.95, Seed: s.Options.Seed, Stream: "spatial/delta/" + mod.Site})
		}
		mod.Mean, mod.LogOdds = interval(logistic(odds[m]), s.Options.Seed, "spatial/module/"+mod.Site), interval(odds[m], s.Options.Seed, "spatial/module/"+mod.Site)
		mod.Delta, mod.LogOddsDelta = paired(logistic(odds[m]), logistic(base)), paired(odds[m], base)
		r.Modules = append(r.Modules, mod)
	}
	return r, nil
}

// logistic turns log-odds into probabilities.
func logistic(odds []float64) []float64 {
	out := make([]float64, len(odds))
	for i, v := range odds {
		out[i] = stats.Logistic(v)
	}
	return out
}

// lesioner holds the compiled stages of both towers with an edit at every module.
type lesioner struct {
	s     *Study
	mods  []Module
	image *record.Staged
	text  *record.Staged
	ids   []float32 // the prompts' tokens
	means map[string][]float32
}

func (s *Study) newLesioner(mods []Module) (*lesioner, error) {
	l := &lesioner{s: s, mods: mods}
	tower := func(name string) ([]site.Edit, error) {
		model := s.Model.Model
		if name == "text" {
			model = s.Model.Text
		}
		infos, err := model.Sites()
		if err != nil {
			return nil, err
		}
		var edits []site.Edit
		for _, m := range mods {
			if m.Tower != name {
				continue
			}
			e := site.Edit{Name: "lesion", Site: m.Site, Mul: site.Vary{}}
			for _, i := range infos {
				if i.Name == m.Site && s.Options.Ablation != "zero" {
					e.Add = append(site.Vary{}, i.Axes...)
					if s.Options.Ablation == "resample" {
						e.Add = append(site.Vary{site.Stimulus}, i.Axes...)
					}
				}
			}
			edits = append(edits, e)
		}
		return edits, nil
	}
	edits, err := tower("visual")
	if err != nil {
		return nil, err
	}
	if l.image, err = record.NewStaged(s.Backend, s.Model.Model, s.anatomy.cuts, s.anatomy.output, edits, s.Options.Batch); err != nil {
		return nil, err
	}
	if s.Model.Text != nil {
		if err := l.prompts(); err != nil {
			l.close()
			return nil, err
		}
		if edits, err = tower("text"); err != nil {
			l.close()
			return nil, err
		}
		text := &models.Model{Name: s.Model.Text.Name, Params: s.Model.Params, Network: clip.TextTower{Config: *s.Model.CLIP, Tokens: len(l.ids) / len(LesionPrompts)}}
		if l.text, err = record.NewStaged(s.Backend, text, nil, "text_projection", edits, len(LesionPrompts)); err != nil {
			l.close()
			return nil, err
		}
	}
	if s.Options.Ablation == "mean" {
		if err := l.average(); err != nil {
			l.close()
			return nil, err
		}
	}
	return l, nil
}

// prompts encodes the two prompts, cut after the end token of the longer one.
func (l *lesioner) prompts() error {
	m := l.s.Model
	var rows [][]int32
	length := 0
	for _, t := range LesionPrompts {
		ids, err := m.Tok.EncodePadded(t, m.CLIP.Context)
		if err != nil {
			return err
		}
		rows = append(rows, ids)
		for i, id := range ids {
			if int(id) == m.CLIP.Vocab-1 {
				length = max(length, i+1)
			}
		}
	}
	for _, ids := range rows {
		for _, id := range ids[:length] {
			l.ids = append(l.ids, float32(id))
		}
	}
	return nil
}

func (l *lesioner) close() {
	if l.image != nil {
		l.image.Close()
	}
	if l.text != nil {
		l.text.Close()
	}
}

// compiles is the number of graphs compiled for both towers.
func (l *lesioner) compiles() int {
	n := l.image.Compiles()
	if l.text != nil {
		n += l.text.Compiles()
	}
	return n
}

// texts fills the log-odds of the pictures with embeddings intact under the lesion of every module of the text tower.
func (l *lesioner) texts(intact []float64, odds [][]float64) error {
	if l.text == nil {
		return nil
	}
	enc, err := l.s.Model.Encoder(l.s.Backend, 1)
	if err != nil {
		return err
	}
	defer enc.Close()
	for m, mod := range l.mods {
		if mod.Tower != "text" {
			continue
		}
		h, err := l.head(enc, &mod)
		if err != nil {
			return err
		}
		odds[m] = h.LogOdds(intact)
	}
	return nil
}

// average takes the mean of every image module over the lesion stimuli, in whole batches.
func (l *lesioner) average() error {
	l.means = map[string][]float32{}
	o := l.s.Options
	n := min(o.LesionStimuli, l.s.set.Len())
	batches := max(n/o.Batch, 1)
	sums := map[string][]float64{}
	for b := range batches {
		k := min(o.Batch, n-b*o.Batch)
		px, err := pictures(l.s.Model, l.s.set, b*o.Batch, k, o.Batch)
		if err != nil {
			return err
		}
		trail, _, err := l.image.Trail(px)
		if err != nil {
			return err
		}
		for stage, x := range trail {
			values, err := l.image.Values(stage, x)
			if err != nil {
				return err
			}
			for name, v := range values {
				size := len(v) / o.Batch
				if sums[name] == nil {
					sums[name] = make([]float64, size)
				}
				for i := range k {
					for j := range size {
						sums[name][j] += float64(v[i*size+j])
					}
				}
			}
		}
	}
	for name, sum := range sums {
		m := make([]float32, len(sum))
		for j, v := range sum {
			m[j] = float32(v / float64(min(batches*o.Batch, n)))
		}
		l.means[name] = m
	}
	return nil
}

// batch runs every image lesion on one batch of k stimuli, the first of which is number lo, and gives each embedding to
// see.
func (l *lesioner) batch(trail [][]float32, k, lo int, see func(m int, emb []float32)) error {
	values := make([]map[string][]float32, l.image.Stages())
	for m, mod := range l.mods {
		if mod.Tower != "visual" {
			continue
		}
		stage, err := l.image.StageOf(mod.Site)
		if err != nil {
			return err
		}
		in := map[string][]float32{"lesion.mul@" + mod.Site: {0}}
		switch l.s.Options.Ablation {
		case "mean":
			in["lesion.add@"+mod.Site] = l.means[mod.Site]
		case "resample":
			if values[stage] == nil {
				if values[stage], err = l.image.Values(stage, trail[stage]); err != nil {
					return err
				}
			}
			in["lesion.add@"+mod.Site] = shift(values[stage][mod.Site], l.s.Options.Batch, k, l.s.Options.Seed, lo)
		}
		emb, err := l.image.From(stage, trail[stage], in)
		if err != nil {
			return fmt.Errorf("lesion of %s: %w", mod.Site, err)
		}
		see(m, emb)
	}
	return nil
}

// shift gives every one of the first k stimuli of a batch the value of another of them: a rotation by a random amount.
func shift(v []float32, batch, k int, seed uint64, lo int) []float32 {
	out := append([]float32(nil), v...)
	if k < 2 {
		return out
	}
	size := len(v) / batch
	by := 1 + rng.New(seed, "spatial/resample", uint64(lo)).IntN(k-1)
	for i := range k {
		copy(out[i*size:(i+1)*size], v[(i+by)%k*size:])
	}
	return out
}

// head embeds the two prompts, with the text module lesioned where there is one. The mean and the resampled value of a
// text module come from the other prompt and itself.
func (l *lesioner) head(enc *clip.Encoder, lesioned *Module) (*clip.Head, error) {
	in := map[string][]float32{}
	if lesioned != nil {
		in["lesion.mul@"+lesioned.Site] = []float32{0}
		if a := l.s.Options.Ablation; a != "zero" {
			values, err := l.text.Values(0, l.ids)
			if err != nil {
				return nil, err
			}
			v := values[lesioned.Site]
			half := len(v) / 2
			if a == "mean" {
				mean := make([]float32, half)
				for i := range mean {
					mean[i] = (v[i] + v[half+i]) / 2
				}
				in["lesion.add@"+lesioned.Site] = mean
			} else {
				in["lesion.add@"+lesioned.Site] = append(append([]float32{}, v[half:]...), v[:half]...)
			}
		}
	}
	emb, err := l.text.From(0, l.ids, in)
	if err != nil {
		return nil, err
	}
	scale, err := enc.LogitScale()
	if err != nil {
		return nil, err
	}
	return &clip.Head{Classes: LesionPrompts, Scale: scale, Vectors: clip.Unit(emb, l.s.Model.CLIP.EmbedDim)}, nil
}

// Worst is the module of one tower and kind whose lesion lowers the log-odds most.
func (l *LayerLesions) Worst(tower, kind string) (Module, bool) {
	var worst Module
	found := false
	for _, m := range l.Modules {
		if m.Tower == tower && (m.Kind == kind || strings.HasSuffix(m.Kind, "."+kind)) && (!found || m.LogOdds.Estimate < worst.LogOdds.Estimate) {
			worst, found = m, true
		}
	}
	return worst, found
}

// target is the site of the targeted lesions: Options.TargetSite, or the image module of the first of targetKinds that the
// network has whose lesion lowers the log-odds most.
func (s *Study) target(l *LayerLesions) (string, error) {
	if at := s.Options.TargetSite; at != "" {
		if !s.anatomy.has(at) {
			_, err := site.Match(at, s.anatomy.infos)
			return "", fmt.Errorf("spatial: TargetSite: %w", err)
		}
		return at, nil
	}
	if l == nil {
		return "", fmt.Errorf("spatial: targeted lesions want a TargetSite or the result of LayerLesions to choose one by")
	}
	for _, k := range targetKinds {
		if m, ok := l.Worst("visual", k); ok {
			return m.Site, nil
		}
	}
	// Of a network of no known kind: the recorded site whose lesion hurts most.
	worst, low := "", math.Inf(1)
	for _, m := range l.Modules {
		if slices.Contains(s.anatomy.record, m.Site) && m.LogOdds.Estimate < low {
			worst, low = m.Site, m.LogOdds.Estimate
		}
	}
	if worst == "" {
		return "", fmt.Errorf("spatial: no module of %s to lesion units of: give a TargetSite", s.Model.Name)
	}
	return worst, nil
}
