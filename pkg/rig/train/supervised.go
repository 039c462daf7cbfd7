package train

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/mini"
)

// Labelled are pictures made by index, each with one class or none of every head.
type Labelled interface {
	// Label fills dst with picture i, RGB by rows, and labels with its class of every head, -1 where a head does not
	// apply: the colour of a photograph, the expression of a car. It is called on several goroutines at once.
	Label(i int, dst []uint8, labels []int32) error
}

// Head is one question that a classifier answers: its outputs follow those of the heads before it.
type Head = mini.Head

// Supervised is the training of a multi-task classifier: the network's outputs are the classes of all heads, one head
// after the other, and the loss of a picture is the sum of the cross-entropies of those heads that it has a label for.
type Supervised struct {
	Config  models.Config
	Size    int // of the pictures, pixels a side
	Heads   []Head
	Data    string
	Augment Augment
	Smooth  float64 // label smoothing (Szegedy et al. 2016)

	Train   Labelled `json:"-"`
	network models.Network
}

// NewSupervised checks that the network has an output for every class.
func NewSupervised(s Supervised) (*Supervised, error) {
	var err error
	if s.network, err = s.Config.Network(s.Size, s.Size); err != nil {
		return nil, err
	}
	sites, _, err := models.Trace(s.network)
	if err != nil {
		return nil, err
	}
	if out := sites[len(sites)-1]; len(out.Shape) != 1 || out.Shape[0] != s.Classes() {
		return nil, fmt.Errorf("the network gives %s %v, the heads have %d classes", out.Name, out.Shape, s.Classes())
	}
	return &s, nil
}

// Classes is the number of outputs.
func (s *Supervised) Classes() int {
	n := 0
	for _, h := range s.Heads {
		n += len(h.Classes)
	}
	return n
}

// Start draws the reference's initial weights.
func (s *Supervised) Start(seed uint64) (*program.Params, error) {
	return models.Random(s.Config, seed)
}

// Moved is true of every weight.
func (s *Supervised) Moved(string) bool { return true }

// After does nothing.
func (s *Supervised) After(*program.Params) error { return nil }

// Batch draws pictures k·n to (k+1)·n: images and target distributions [n, classes of all heads], 0 everywhere in a head
// that does not apply.
func (s *Supervised) Batch(seed uint64, k, n int) ([]program.Value, error) {
	in := s.network.Input()
	px := in[1] * in[2]
	images := make([]float32, n*3*px)
	targets := make([]float32, n*s.Classes())
	err := drawEach(k, n, 3*px, func(j, i int, rgb []uint8) error {
		labels := make([]int32, len(s.Heads))
		if err := s.Train.Label(i, rgb, labels); err != nil {
			return err
		}
		s.Augment.apply(images[j*3*px:(j+1)*3*px], rgb, seed, uint64(i))
		row := targets[j*s.Classes() : (j+1)*s.Classes()]
		for h, head := range s.Heads {
			c := len(head.Classes)
			if l := int(labels[h]); l >= c {
				return fmt.Errorf("class %d of %s, which has %d", l, head.Name, c)
			} else if l >= 0 {
				for m := range c {
					row[m] = float32(s.Smooth / float64(c))
				}
				row[l] += float32(1 - s.Smooth)
			}
			row = row[c:]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return []program.Value{program.F32(images, n, 3, in[1], in[2]), program.F32(targets, n, s.Classes())}, nil
}

// Loss is the mean over pictures of the sum of their heads' cross-entropies. A head that few pictures have counts as those
// few: averaged over them alone it would drown the others in its noise.
func (s *Supervised) Loss(p *program.Params, in []*Node) *Node {
	images, targets := in[0], in[1]
	logits := s.network.Forward(p, images)
	if d := logits.Shape().Dimensions; len(d) != 2 || d[1] != s.Classes() {
		panic(fmt.Errorf("the network gives %v, the heads have %d classes", d, s.Classes()))
	}
	total := ScalarZero(images.Graph(), logits.DType())
	at := 0
	for _, h := range s.Heads {
		part := func(x *Node) *Node { return Slice(x, AxisRange(), AxisRange(at, at+len(h.Classes))) }
		total = Sub(total, ops.SumAll(Mul(part(targets), LogSoftmax(part(logits), -1))))
		at += len(h.Classes)
	}
	return DivScalar(total, float64(images.Shape().Dimensions[0]))
}
