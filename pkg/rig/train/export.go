package train

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/ventral-lab/ventral/internal/atomicfile"
	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/models/mini"
	"github.com/ventral-lab/ventral/models/preprocess"
)

// ExportCLIP writes the weights of a checkpoint to dir as NAME.safetensors, in float16 and OpenAI's key layout, and
// NAME.json, the card without its evaluation.
func ExportCLIP(checkpoint, dir, name, backendName string) (mini.Card, error) {
	p, st, err := load(checkpoint)
	if err != nil {
		return mini.Card{}, err
	}
	defer p.Close()
	var recipe struct {
		Options
		Task Contrastive
	}
	if err := json.Unmarshal(st.Recipe, &recipe); err != nil {
		return mini.Card{}, fmt.Errorf("%s: recipe: %w", checkpoint, err)
	}
	var ts []safetensors.Tensor
	for _, n := range p.Names() {
		if strings.HasPrefix(n, momentPrefix) {
			continue
		}
		data, dims, err := p.Get(n)
		if err != nil {
			return mini.Card{}, err
		}
		half, err := safetensors.Float16Bytes(data)
		if err != nil {
			return mini.Card{}, fmt.Errorf("%s: %w", n, err)
		}
		ts = append(ts, safetensors.Tensor{Name: n, DType: "F16", Shape: dims, Data: half})
	}
	if err := safetensors.WriteFile(filepath.Join(dir, name+".safetensors"), ts, map[string]string{"format": "pt"}); err != nil {
		return mini.Card{}, err
	}
	pre := preprocess.Plain(recipe.Task.Config.ImageSize, recipe.Task.Augment.Mean, recipe.Task.Augment.Std)
	config, err := json.Marshal(recipe.Task.Config)
	if err != nil {
		return mini.Card{}, err
	}
	card := mini.Card{Name: "mini/" + name, Architecture: "clip-vit", Config: config, Preprocess: pre,
		Summary: fmt.Sprintf("ViT of width %d and %d blocks at %d px, trained on %d procedural scenes",
			recipe.Task.Config.Width, recipe.Task.Config.Layers, recipe.Task.Config.ImageSize, st.Step*recipe.Batch),
		Training: mini.Training{Data: recipe.Task.Data, Steps: st.Step, Pictures: st.Step * recipe.Batch, Seed: recipe.Seed, Seconds: st.Seconds, Backend: backendName,
			Recipe: fmt.Sprintf("AdamW %g (betas %g %g, decay %g), %d steps of warm-up and a cosine over %d, batch %d, gradient clip %g, equal captions share the positive weight",
				recipe.Schedule.Peak, recipe.AdamW.Beta1, recipe.AdamW.Beta2, recipe.AdamW.Decay, recipe.Schedule.Warmup, recipe.Schedule.Steps, recipe.Batch, recipe.AdamW.Clip)},
	}
	for _, pt := range st.Curve {
		card.Training.Curve = append(card.Training.Curve, mini.Point{Step: pt.Step, Loss: pt.Loss, Metrics: pt.Metrics})
	}
	return card, WriteCard(card, dir)
}

// WriteCard writes dir/NAME.json.
func WriteCard(card mini.Card, dir string) error {
	b, err := json.MarshalIndent(card, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(dir, strings.TrimPrefix(card.Name, "mini/")+".json"), append(b, '\n'), "card")
}
