package spatial

import (
	"context"
	"fmt"
	"math"

	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/mini"
	"github.com/ventral-lab/ventral/pkg/method/stats"
	"github.com/ventral-lab/ventral/pkg/rig/record"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// Judge turns a network's output into the log-odds of a circle, so that lesions of any network are measured by one
// number. Study.Judge picks one.
type Judge interface {
	// LogOdds judges the first n rows of the output.
	LogOdds(out []float32, n int) []float64
	// Info says what the log-odds are of.
	Info() JudgeInfo
}

// The kinds of judges.
const (
	ByText    = "zero-shot" // a CLIP's two towers: log-odds of LesionPrompts[0] against LesionPrompts[1]
	ByHead    = "head"      // a classifier's own head: log-odds of the class circle against all other classes of its head
	ByReadOut = "read-out"  // any other network: a linear read-out of its output that was fitted to the intact network
)

// JudgeInfo says by what a network was judged.
type JudgeInfo struct {
	Kind     string `json:"kind"`
	Positive string `json:"positive"`
	Negative string `json:"negative"`
	Doc      string `json:"doc"`
	// Accuracy is the share of a read-out's held-out pictures that it judges rightly (cross-validated). The other judges
	// are not fitted; their Accuracy is NaN.
	Accuracy Estimate `json:"accuracy"`
	Fitted   int      `json:"fitted"` // pictures that a read-out was fitted to; none of them is judged
}

// Judge is the judge of the study's network: its text tower where it has one, else its own head with a class "circle",
// else a linear read-out. A read-out is fitted once, to other pictures than those of the study.
func (s *Study) Judge(ctx context.Context) (Judge, error) {
	if s.judge != nil {
		return s.judge, nil
	}
	var err error
	switch {
	case s.Model.Text != nil && s.Model.CLIP != nil:
		s.judge, err = s.textJudge()
	default:
		if h := s.headJudge(); h != nil {
			s.judge = h
		} else {
			s.judge, err = s.readOut(ctx)
		}
	}
	if err != nil {
		s.judge = nil
		return nil, fmt.Errorf("spatial: judge of %s: %w", s.Model.Name, err)
	}
	return s.judge, nil
}

// textJudge is zero-shot classification with two prompts.
type textJudge struct{ head *clip.Head }

func (s *Study) textJudge() (Judge, error) {
	enc, err := s.Model.Encoder(s.Backend, 1)
	if err != nil {
		return nil, err
	}
	defer enc.Close()
	var single [][]string
	for _, t := range LesionPrompts {
		single = append(single, []string{t})
	}
	head, err := enc.Head(LesionPrompts, single)
	if err != nil {
		return nil, err
	}
	return textJudge{head}, nil
}

func (j textJudge) LogOdds(out []float32, n int) []float64 {
	d := len(j.head.Vectors) / len(j.head.Classes)
	return j.head.LogOdds(clip.Unit(out[:n*d], d))
}

func (j textJudge) Info() JudgeInfo {
	return JudgeInfo{Kind: ByText, Positive: LesionPrompts[0], Negative: LesionPrompts[1], Accuracy: missing(),
		Doc: "log-odds of two texts, from the picture's and the texts' embeddings"}
}

// headJudge reads one class of one head of a classifier.
type headJudge struct {
	name      string
	width     int // of the whole output
	lo, n, at int // the head's outputs, and the class among them
}

// circleClass is the class that a head must have to be the judge.
const circleClass = "circle"

// headJudge finds the shipped network's head with a class "circle"; nil where there is none.
func (s *Study) headJudge() Judge {
	if !s.Model.Card.Shipped {
		return nil
	}
	card, err := mini.Describe(s.Model.Card.Name)
	if err != nil {
		return nil
	}
	return findHead(card.Heads, s.anatomy.info(s.anatomy.output))
}

const shapeHead = "shape"

// findHead is the judge by the head of shapes, or else the first, with a class "circle", where heads fill the output.
func findHead(heads []mini.Head, output site.Info) Judge {
	found := headJudge{width: output.Size()}
	lo := 0
	for _, h := range heads {
		for k, c := range h.Classes {
			// "circle" is a written word too, so a head of shapes is taken before another.
			if c == circleClass && (found.name == "" || h.Name == shapeHead && found.name != shapeHead) {
				found.name, found.lo, found.n, found.at = h.Name, lo, len(h.Classes), k
			}
		}
		lo += len(h.Classes)
	}
	if found.name == "" || found.n < 2 || lo != found.width {
		return nil
	}
	return found
}

func (j headJudge) LogOdds(out []float32, n int) []float64 {
	odds := make([]float64, n)
	for i := range odds {
		row := out[i*j.width+j.lo : i*j.width+j.lo+j.n]
		top := math.Inf(-1)
		for k, v := range row {
			if k != j.at {
				top = max(top, float64(v))
			}
		}
		sum := 0.0
		for k, v := range row {
			if k != j.at {
				sum += math.Exp(float64(v) - top)
			}
		}
		// log p/(1-p) of a softmax is the class's logit less the log of the others' summed exponentials.
		odds[i] = float64(row[j.at]) - top - math.Log(sum)
	}
	return odds
}

func (j headJudge) Info() JudgeInfo {
	return JudgeInfo{Kind: ByHead, Positive: circleClass, Negative: "every other " + j.name, Accuracy: missing(),
		Doc: fmt.Sprintf("log-odds of the class %q among the %d of the head %q", circleClass, j.n, j.name)}
}

// outputs runs the intact network on n preprocessed pictures, a batch at a time, and gives see the output of each batch.
func (s *Study) outputs(ctx context.Context, n int, picture func(i int, dst []float32) error, see func(out []float32, lo, k int)) error {
	staged, err := record.NewStaged(s.Backend, s.Model.Model, nil, s.anatomy.output, nil, s.Options.Batch)
	if err != nil {
		return err
	}
	defer staged.Close()
	px := s.pixels()
	for lo := 0; lo < n; lo += s.Options.Batch {
		if err := ctx.Err(); err != nil {
			return err
		}
		k := min(s.Options.Batch, n-lo)
		x := make([]float32, s.Options.Batch*px)
		if err := each(k, func(i int) error { return picture(lo+i, x[i*px:(i+1)*px]) }); err != nil {
			return err
		}
		out, err := staged.Run(0, x, nil)
		if err != nil {
			return err
		}
		see(out, lo, k)
	}
	return nil
}

// pixels is the number of values of one preprocessed picture.
func (s *Study) pixels() int {
	px := 1
	for _, d := range s.Model.Network.Input() {
		px *= d
	}
	return px
}

// Estimate is a mean with its 95 % bootstrap interval; NaN, which JSON writes as null, where there were too few values.
type Estimate struct {
	Mean Float `json:"mean"`
	Low  Float `json:"low"`
	High Float `json:"high"`
}

// String prints the estimate as an interval of package stats does.
func (e Estimate) String() string { return fmt.Sprintf("%.3g [%.3g, %.3g]", e.Mean, e.Low, e.High) }

func missing() Estimate {
	nan := Float(math.NaN())
	return Estimate{nan, nan, nan}
}

func estimate(i stats.Interval) Estimate {
	return Estimate{Float(i.Estimate), Float(i.Low), Float(i.High)}
}

// meanOf is the mean of x with its interval. One value has no interval, none no mean.
func meanOf(x []float64, seed uint64, stream string) Estimate {
	if len(x) == 0 {
		return missing()
	}
	return estimate(interval(x, seed, stream))
}

// pairedOf is the mean of a - b with its interval.
func pairedOf(a, b []float64, seed uint64, stream string) Estimate {
	d := make([]float64, len(a))
	for i := range d {
		d[i] = a[i] - b[i]
	}
	return meanOf(d, seed, stream)
}
