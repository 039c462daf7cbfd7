package spatial

import (
	"context"
	"fmt"
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
	Stimuli  int            `json:"stimuli"`
	Baseline stats.Interval `json:"baseline"` // mean probability of "a black circle", unlesioned
	LogOdds  stats.Interval `json:"log_odds"` // mean log-odds of "a black circle", unlesioned
	Modules  []Module       `json:"modules"`  // in module order, image tower first
	Compiled int            `json:"compiled"` // graphs compiled for the sweep
}

// Module is the effect of one lesion.
type Module struct {
	Site  string         `json:"site"`
	Tower string         `json:"tower"` // "visual" or "text"
	Block string         `json:"block"` // number, or "" outside blocks
	Kind  string         `json:"kind"`  // "attn", "mlp.c_proj", "conv1", ...
	Mean  stats.Interval `json:"mean"`  // mean probability of "a black circle"
	Delta stats.Interval `json:"delta"` // lesioned minus intact, paired by stimulus
	// LogOdds and its paired Delta do not saturate: a network that is sure of the circle has a probability of 1 with and
	// without most of its modules.
	LogOdds      stats.Interval `json:"log_odds"`
	LogOddsDelta stats.Interval `json:"log_odds_delta"`
}

// blockModules are the modules of a residual block in the order of the document's figure.
var blockModules = []string{"attn", "attn.out_proj", "ln_1", "mlp.c_fc", "mlp.c_proj", "ln_2"}

// modules lists the modules of both towers in module order.
func (s *Study) modules() []Module {
	m := []Module{{Site: "visual.conv1", Tower: "visual", Kind: "conv1"}, {Site: "visual.ln_pre", Tower: "visual", Kind: "ln_pre"}}
	blocks := func(tower, prefix string, n int) {
		for l := range n {
			for _, k := range blockModules {
				m = append(m, Module{Site: fmt.Sprintf("%stransformer.resblocks.%d.%s", prefix, l, k), Tower: tower, Block: strconv.Itoa(l), Kind: k})
			}
		}
	}
	blocks("visual", "visual.", s.Model.CLIP.Layers)
	m = append(m, Module{Site: "visual.ln_post", Tower: "visual", Kind: "ln_post"})
	blocks("text", "", s.Model.CLIP.TextLayers)
	return append(m, Module{Site: "token_embedding", Tower: "text", Kind: "token_embedding"}, Module{Site: "ln_final", Tower: "text", Kind: "ln_final"})
}

// cuts are where the image tower is cut into stages: before the first block and after every block but the last.
func (s *Study) cuts() []string {
	cuts := []string{"visual.ln_pre"}
	for l := range s.Model.CLIP.Layers - 1 {
		cuts = append(cuts, fmt.Sprintf("visual.transformer.resblocks.%d", l))
	}
	return cuts
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
	key := []any{version, s.identity, s.Backend.Kind, s.set.Spec(), o.LesionStimuli, o.Ablation, o.Batch, o.Seed, LesionPrompts}
	out, _, err := cache.Do("spatial/lesions", key, func() (*LayerLesions, error) { return s.layerLesions(ctx) })
	return out, err
}

func (s *Study) layerLesions(ctx context.Context) (*LayerLesions, error) {
	n := min(s.Options.LesionStimuli, s.set.Len())
	if s.Options.Ablation != "zero" && n < 2 {
		return nil, fmt.Errorf("spatial: %s ablation needs at least two stimuli", s.Options.Ablation)
	}
	mods := s.modules()
	lesion, err := s.newLesioner(mods)
	if err != nil {
		return nil, err
	}
	defer lesion.close()
	enc, err := s.Model.Encoder(s.Backend, s.Options.Batch)
	if err != nil {
		return nil, err
	}
	defer enc.Close()
	head, err := lesion.head(enc, nil)
	if err != nil {
		return nil, err
	}
	d := s.Model.CLIP.EmbedDim
	var intact []float64 // [n, d]
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
		intact = append(intact, clip.Unit(out[:k*d], d)...)
		if err := lesion.batch(trail, k, lo, func(m int, emb []float32) {
			odds[m] = append(odds[m], head.LogOdds(clip.Unit(emb[:k*d], d))...)
		}); err != nil {
			return nil, err
		}
		meter.Add(k)
	}
	base := head.LogOdds(intact)
	for m, mod := range mods {
		if mod.Tower != "text" {
			continue
		}
		h, err := lesion.head(enc, &mod)
		if err != nil {
			return nil, err
		}
		odds[m] = h.LogOdds(intact)
	}
	meter.Done()
	r := &LayerLesions{Ablation: s.Options.Ablation, Stimuli: n, Compiled: lesion.image.Compiles() + lesion.text.Compiles(),
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
	if l.image, err = record.NewStaged(s.Backend, s.Model.Model, s.cuts(), "visual", edits, s.Options.Batch); err != nil {
		return nil, err
	}
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
