package train

import (
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
)

// Pictures are captioned pictures made by index.
type Pictures interface {
	// Draw fills dst with picture i, RGB by rows, and returns its caption. It is called on several goroutines at once.
	Draw(i int, dst []uint8) (caption string, err error)
}

// Contrastive is CLIP's task (Radford et al. 2021, figure 3): pictures and their captions find each other within a batch.
// Captions that are equal share the positive weight: with few captions equal texts would otherwise be pushed apart.
type Contrastive struct {
	Config  clip.Config
	Tokens  int    // of a caption, start and end included
	Data    string // the set's name, for the record
	Augment Augment

	Train  Pictures                              `json:"-"`
	Encode func(caption string) ([]int32, error) `json:"-"` // Tokens ids
}

// Start draws OpenAI's initial weights, with a temperature of 14.
func (c Contrastive) Start(seed uint64) (*program.Params, error) {
	p, err := models.Random(c.Config, seed)
	if err != nil {
		return nil, err
	}
	return p, p.Set("logit_scale", []float32{float32(math.Log(14))})
}

// Loss is the symmetric cross-entropy of the batch's logits against targets [batch, batch], rows summing to 1.
func (c Contrastive) Loss(p *program.Params, in []*Node) *Node {
	images, ids, targets := in[0], in[1], in[2]
	logits := c.Config.Logits(p, c.Config.Image(p, images), c.Config.Text(p, ids))
	n := float64(targets.Shape().Dimensions[0])
	one := func(l *Node) *Node { return DivScalar(Neg(ops.SumAll(Mul(targets, LogSoftmax(l, -1)))), n) }
	return MulScalar(Add(one(logits), one(Transpose(logits, 0, 1))), 0.5)
}

// Moved is true of every weight.
func (c Contrastive) Moved(string) bool { return true }

// After keeps the temperature at or below 100, as CLIP's authors did, to keep the training stable.
func (c Contrastive) After(p *program.Params) error {
	v, _, err := p.Get("logit_scale")
	if err != nil || v[0] <= float32(math.Log(100)) {
		return err
	}
	return p.Set("logit_scale", []float32{float32(math.Log(100))})
}

// Batch draws pictures k·n to (k+1)·n, augments them, and encodes their captions.
func (c Contrastive) Batch(seed uint64, k, n int) ([]program.Value, error) {
	s := c.Config.ImageSize
	images := make([]float32, n*3*s*s)
	ids := make([]int32, 0, n*c.Tokens)
	captions := make([]string, n)
	err := drawEach(k, n, 3*s*s, func(j, i int, rgb []uint8) (err error) {
		captions[j], err = c.Train.Draw(i, rgb)
		c.Augment.apply(images[j*3*s*s:(j+1)*3*s*s], rgb, seed, uint64(i))
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, caption := range captions {
		id, err := c.Encode(caption)
		if err != nil {
			return nil, fmt.Errorf("caption %q: %w", caption, err)
		}
		ids = append(ids, id...)
	}
	return []program.Value{program.F32(images, n, 3, s, s), program.I32(ids, n, c.Tokens),
		program.F32(sharedTargets(captions), n, n)}, nil
}

// sharedTargets is [n, n]: row i spreads weight 1 over the columns whose caption equals caption i.
func sharedTargets(captions []string) []float32 {
	n := len(captions)
	count := map[string]int{}
	for _, c := range captions {
		count[c]++
	}
	t := make([]float32, n*n)
	for i, a := range captions {
		for j, b := range captions {
			if a == b {
				t[i*n+j] = 1 / float32(count[a])
			}
		}
	}
	return t
}
