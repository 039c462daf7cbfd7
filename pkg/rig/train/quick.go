package train

import (
	"errors"
	"fmt"

	"github.com/ventral-lab/ventral/models/mini"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/method/stats"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// Verdict says whether a short training has learned anything.
type Verdict struct {
	First, Last float64 // loss, at both ends of the curve
	LossCounts  bool    // whether the loss says how much was learned
	Factor      mini.Factor
	// Gain is the share of right answers less that of the untrained twin, with the bootstrap interval over the pictures, which
	// are the same for both.
	Gain stats.Interval
}

// quickLevel is that of the interval that must lie above 0.
const quickLevel = 0.99

// quickPictures is how many pictures a short training is judged by.
const quickPictures = 400

// quickQuestion is what a network learns first: a CLIP to see a thing, a classifier to name its colour, which features made from
// pixels alone carry better than random ones, too.
func quickQuestion(architecture string) Question {
	switch architecture {
	case "clip-vit", "clip-resnet":
		return ask(ZeroShot, "circle")[0]
	case "dinov2", "mae":
		return ask(LinearProbe, "colour")[0]
	}
	return ask(Classify, "colour")[0]
}

// Check judges a short training by its curve and by one question to the network, which its untrained twin answers as well.
func (r *Recipe) Check(be *backend.Backend, m *zoo.Model, curve []mini.Point, seed uint64) (Verdict, error) {
	_, distilled := r.Task.(Distilled)
	v := Verdict{LossCounts: !distilled}
	if len(curve) < 2 {
		return v, fmt.Errorf("a curve of %d points does not show whether the loss falls: want at least 2", len(curve))
	}
	v.First, v.Last = curve[0].Loss, curve[len(curve)-1].Loss
	q := &asked{Question: quickQuestion(r.Architecture)}
	askers, done, err := withTwin(be, m, r.Heads, seed)
	if err != nil {
		return v, err
	}
	defer done()
	if err := answerAll(askers, []*asked{q}, quickPictures, quickPictures, seed); err != nil {
		return v, err
	}
	v.Factor = q.factor()
	v.Gain = stats.PairedDifference(numbers(q.right[0]), numbers(q.right[1]), stats.Options{Level: quickLevel, Seed: seed})
	return v, nil
}

// Err says what is missing from a training that has learned something: a loss that falls, where it counts, and an interval of
// the gain above 0.
func (v Verdict) Err() error {
	var errs []error
	if v.LossCounts && !(v.Last < v.First) {
		errs = append(errs, fmt.Errorf("the loss goes from %.4f to %.4f and does not fall", v.First, v.Last))
	}
	if !(v.Gain.Low > 0) {
		errs = append(errs, fmt.Errorf("%s by %s: %.1f %% right, the untrained network %.1f %%: a gain of %.1f points, %g %% interval %.1f to %.1f, is not clearly above 0",
			v.Factor.Name, v.Factor.Measure, 100*v.Factor.Accuracy, 100*v.Factor.Untrained, 100*v.Gain.Estimate, 100*v.Gain.Level, 100*v.Gain.Low, 100*v.Gain.High))
	}
	return errors.Join(errs...)
}
