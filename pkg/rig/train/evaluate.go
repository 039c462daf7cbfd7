package train

import (
	"fmt"

	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/mini"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/method/stats"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// CardFactors are the zero-shot tests of a card: what is asked, of which pictures.
var CardFactors = []struct{ Factor, Split string }{
	{"shape4", "test"}, {"circle", "test"}, {"colour", "test"}, {"colour", "heldout"}, {"shape", "test"}, {"shape", "heldout"},
	{"size", "test"}, {"count", "test"}, {"position", "test"}, {"texture", "test"}, {"word", "test"}, {"word", "heldout"},
}

// Evaluate measures the zero-shot accuracy of m for every factor of CardFactors on n held-out pictures each, with Wilson
// intervals, beside the same architecture untrained.
func Evaluate(be *backend.Backend, m *zoo.Model, n int, seed uint64) ([]mini.Factor, error) {
	blank, err := m.Untrained(seed)
	if err != nil {
		return nil, err
	}
	defer blank.Close()
	var encoders []*clip.Encoder
	for _, z := range []*zoo.Model{m, blank} {
		e, err := z.Encoder(be, 50)
		if err != nil {
			return nil, err
		}
		defer e.Close()
		encoders = append(encoders, e)
	}
	var out []mini.Factor
	for _, f := range CardFactors {
		p, err := NewProbe(f.Factor, f.Split, n, seed, m.Preprocess)
		if err != nil {
			return nil, err
		}
		hits := [2]int{}
		for k, e := range encoders {
			ok, err := p.Correct(e)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.Factor, err)
			}
			for _, o := range ok {
				if o {
					hits[k]++
				}
			}
		}
		w := stats.Wilson(hits[0], n, 0.95)
		out = append(out, mini.Factor{Name: f.Factor, Split: f.Split, Classes: len(p.Classes), Pictures: n,
			Accuracy: w.Estimate, Interval: [2]float64{w.Low, w.High}, Untrained: float64(hits[1]) / float64(n)})
	}
	return out, nil
}
