package train

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/ventral-lab/ventral/internal/atomicfile"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/models/mini"
)

// WriteWeights writes the tensors of the recipe's network to path, in float16 and the canonical key layout. What a training
// needs besides, moments, a teacher or a projection head, is left out.
func (r *Recipe) WriteWeights(p *program.Params, path string) error {
	ts, err := halves(p, r.Config)
	if err != nil {
		return err
	}
	return safetensors.WriteFile(path, ts, map[string]string{"format": "pt"})
}

// teacherOf is the name of a weight in the network that ships: the teacher's where there is one, as in DINO.
func teacherOf(p *program.Params, name string) string {
	if p.Has(teacherPrefix + name) {
		return teacherPrefix + name
	}
	return name
}

// Export writes the weights of a run to its folder as NAME.safetensors and NAME.json, the card without its evaluation.
func (r *Recipe) Export(out, backendName string) (mini.Card, error) {
	p, st, err := load(Checkpoint(out))
	if err != nil {
		return mini.Card{}, err
	}
	defer p.Close()
	if err := r.WriteWeights(p, filepath.Join(out, r.Name+".safetensors")); err != nil {
		return mini.Card{}, err
	}
	config, err := json.Marshal(r.Config)
	if err != nil {
		return mini.Card{}, err
	}
	o := r.Options
	earlier, pictures := o.From.earlier(), st.Step*o.Batch
	for _, t := range earlier {
		pictures += t.Pictures
	}
	card := mini.Card{Name: "mini/" + r.Name, Architecture: r.Architecture, Config: config, Preprocess: r.Preprocess, Heads: r.Heads,
		Summary: fmt.Sprintf("%s at %d px, trained on %d procedural scenes", r.Summary, r.Preprocess.Size, pictures),
		Training: mini.Training{Data: r.Data, Steps: st.Step, Pictures: st.Step * o.Batch, Seed: o.Seed, Seconds: st.Seconds, Backend: backendName, Earlier: earlier,
			Recipe: fmt.Sprintf("%s; %s, %d steps of warm-up and a cosine over %d, batch %d, gradient clip %g",
				describe(r.Task), o.optimiser(), o.Schedule.Warmup, o.Schedule.Steps, o.Batch, o.AdamW.Clip)},
	}
	for _, pt := range st.Curve {
		card.Training.Curve = append(card.Training.Curve, mini.Point{Step: pt.Step, Loss: pt.Loss, Metrics: pt.Metrics})
	}
	return card, WriteCard(card, out)
}

// optimiser says in a few words what moves the weights.
func (o Options) optimiser() string {
	a := fmt.Sprintf("AdamW %g (betas %g %g, decay %g)", o.Schedule.Peak, o.AdamW.Beta1, o.AdamW.Beta2, o.AdamW.Decay)
	if o.Muon == nil {
		return a
	}
	return fmt.Sprintf("Muon for matrices (momentum %g, %d rounds, size %g) beside %s", o.Muon.Momentum, o.Muon.Rounds, o.Muon.Size, a)
}

// describe says in a few words what a task is.
func describe(t Task) string {
	switch t := t.(type) {
	case Contrastive:
		return "contrastive, equal captions share the positive weight"
	case Masked:
		return fmt.Sprintf("masked autoencoder, %g %% of the patches hidden", 100*t.Config.MaskRatio)
	case Distilled:
		return fmt.Sprintf("self-distillation, %d global and %d local crops, %d prototypes, teacher momentum %g to 1", t.Crops.Global, t.Crops.Local, t.Prototypes, t.Momentum)
	case *Supervised:
		return fmt.Sprintf("supervised, %d heads, label smoothing %g", len(t.Heads), t.Smooth)
	}
	return ""
}

// WriteCard writes dir/NAME.json.
func WriteCard(card mini.Card, dir string) error {
	b, err := json.MarshalIndent(card, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(dir, strings.TrimPrefix(card.Name, "mini/")+".json"), append(b, '\n'), "card")
}
