package train

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/mini"
)

// Keep says after which steps the weights are written beside the checkpoint, for the study of how a network becomes what
// it is. It has no part in the bits of the training, nor in the recipe that a checkpoint states.
type Keep struct {
	Steps   []int         // counted from 1: the weights after so many steps
	Network models.Config // whose tensors are written, under its own names; it may be a part of what is trained
}

// logSteps are steps that are evenly spaced on a logarithmic axis: most of what a network learns, it learns early.
var logSteps = []int{10, 30, 100, 300, 1000, 3000}

// keepTower keeps the image tower of c at those of logSteps that come before the end.
func keepTower(c clip.Config, end int) Keep {
	k := Keep{Network: c.VisualOnly()}
	for _, s := range logSteps {
		if s < end {
			k.Steps = append(k.Steps, s)
		}
	}
	return k
}

// Snapshot is the path of the weights that a run in folder out kept after that many steps.
func Snapshot(out string, step int) string {
	return filepath.Join(out, fmt.Sprintf("step-%06d.safetensors", step))
}

// keep writes the weights after a step that is to be kept: float16, the layout in which networks ship, and what they are
// as metadata. The same training writes the same bytes.
func (o Options) keep(p *program.Params, step int, recipe json.RawMessage) error {
	if !slices.Contains(o.Keep.Steps, step) {
		return nil
	}
	ts, err := halves(p, o.Keep.Network)
	if err != nil {
		return fmt.Errorf("keeping step %d: %w", step, err)
	}
	sum := sha256.Sum256(recipe)
	return safetensors.WriteFile(Snapshot(o.Out, step), ts, map[string]string{"format": "pt",
		mini.StepKey: strconv.Itoa(step), mini.PicturesKey: strconv.Itoa(step * o.Batch), mini.SeedKey: strconv.FormatUint(o.Seed, 10),
		mini.RecipeKey: hex.EncodeToString(sum[:])})
}

// halves are the tensors of network c in float16, in the order of their names.
func halves(p *program.Params, c models.Config) ([]safetensors.Tensor, error) {
	var ts []safetensors.Tensor
	shapes := c.Shapes()
	names := make([]string, 0, len(shapes))
	for name := range shapes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		data, dims, err := p.Get(teacherOf(p, name))
		if err != nil {
			return nil, err
		}
		half, err := safetensors.Float16Bytes(data)
		if err != nil {
			return nil, fmt.Errorf("%s %v: %w", name, dims, err)
		}
		ts = append(ts, safetensors.Tensor{Name: name, DType: "F16", Shape: dims, Data: half})
	}
	return ts, nil
}
