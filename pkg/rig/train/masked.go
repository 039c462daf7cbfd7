package train

import (
	"slices"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/mae"
)

// Masked is the task of a masked autoencoder (He et al. 2022): to paint the patches of a picture that it was not shown.
type Masked struct {
	Config mae.Config
	Data   string
	Crops  Crops // Global crops of GlobalSize, the configuration's size; Local is not used

	Train Pictures `json:"-"`
}

// Start draws the reference's initial weights.
func (m Masked) Start(seed uint64) (*program.Params, error) { return models.Random(m.Config, seed) }

// Moved is true of every weight but the fixed position tables.
func (m Masked) Moved(name string) bool { return !slices.Contains(m.Config.Fixed(), name) }

// After does nothing.
func (m Masked) After(*program.Params) error { return nil }

// Batch draws pictures k·n to (k+1)·n, a crop of each, and the noise that decides which patches are hidden.
func (m Masked) Batch(seed uint64, k, n int) ([]program.Value, error) {
	s, patches := m.Config.ImageSize, m.Config.Grid()*m.Config.Grid()
	images := make([]float32, n*3*s*s)
	noise := make([]float32, n*patches)
	err := drawEach(k, n, 3*s*s, func(j, i int, rgb []uint8) error {
		if _, err := m.Train.Draw(i, rgb); err != nil {
			return err
		}
		m.Crops.apply(images[j*3*s*s:(j+1)*3*s*s], rgb, s, s, m.Crops.GlobalScale, seed, uint64(i), 0)
		r := rng.Fast(seed, "train/mask", uint64(i))
		for p := range patches {
			noise[j*patches+p] = float32(r.Float64())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return []program.Value{program.F32(images, n, 3, s, s), program.F32(noise, n, patches)}, nil
}

// Loss is the mean squared error of the hidden patches.
func (m Masked) Loss(p *program.Params, in []*Node) *Node {
	return m.Config.Loss(in[0], m.Config.Reconstruct(p, in[0], in[1]))
}
