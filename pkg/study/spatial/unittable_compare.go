package spatial

import (
	"context"
	"fmt"
	"math"

	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// UnitComparison is a table of the trained model beside those of untrained ones.
type UnitComparison struct {
	Trained   *UnitTable   `json:"trained"`
	Untrained []*UnitTable `json:"untrained"`
	Seeds     []uint64     `json:"seeds"`
	Alpha     float64      `json:"alpha"`
	Sites     []UnitShare  `json:"sites"`
}

// UnitShare says how many units of a site a test finds, in the trained model, in untrained ones, and by chance.
type UnitShare struct {
	Site    string         `json:"site"`
	Test    string         `json:"test"`
	Trained stats.Interval `json:"trained"` // share with q <= alpha; Wilson's interval over units
	// Untrained is the same of each untrained model, and UntrainedMean their mean with the range over seeds.
	Untrained     []stats.Interval `json:"untrained"`
	UntrainedMean stats.Interval   `json:"untrained_mean"`
	// TrainedP is the share with p <= alpha, to be held against Chance, the largest share that units without tuning,
	// independent of one another, reach in 95 % of cases.
	TrainedP stats.Interval `json:"trained_p"`
	Chance   float64        `json:"chance"`
	// Score is the mean of the test's score over units (NaN left out), trained and untrained by seed.
	Score          Float   `json:"score"`
	UntrainedScore []Float `json:"untrained_score"`
}

// UnitsAgainstUntrained scores the units of the model and of the same architecture with the weights its authors' code
// starts from, once for each of seeds numbers from the study's seed + 1 on (0 = UntrainedSeeds, negative = none). Receptive
// fields are fitted in the trained model only. alpha 0 is .05.
func (s *Study) UnitsAgainstUntrained(ctx context.Context, o UnitOptions, seeds int, alpha float64) (*UnitComparison, error) {
	if seeds == 0 {
		seeds = UntrainedSeeds
	}
	if alpha == 0 {
		alpha = .05
	}
	if !(alpha > 0 && alpha < 1) {
		return nil, fmt.Errorf("spatial: units: alpha %g: want a number between 0 and 1", alpha)
	}
	c := &UnitComparison{Alpha: alpha}
	var err error
	if c.Trained, err = s.Units(ctx, o); err != nil {
		return nil, err
	}
	o.NoFields = true
	c.Seeds, c.Untrained, err = eachUntrained(s, seeds, func(u *Study) (*UnitTable, error) { return u.Units(ctx, o) })
	if err != nil {
		return nil, err
	}
	c.compare()
	return c, nil
}

// UntrainedSeeds is how many untrained models a trained one is compared with where nothing is said.
const UntrainedSeeds = 3

// compare fills Sites.
func (c *UnitComparison) compare() {
	trained := c.Trained.Significant(c.Alpha)
	var others [][]Significant
	for _, t := range c.Untrained {
		others = append(others, t.Significant(c.Alpha))
	}
	for k, a := range trained {
		row := UnitShare{Site: a.Site, Test: a.Test, Trained: a.Share, TrainedP: a.Uncorrected, Chance: chanceShare(a.Units, c.Alpha), Score: Float(c.Trained.mean(a))}
		sum, low, high := 0.0, math.Inf(1), math.Inf(-1)
		for i, o := range others {
			v := o[k].Share.Estimate
			row.Untrained = append(row.Untrained, o[k].Share)
			row.UntrainedScore = append(row.UntrainedScore, Float(c.Untrained[i].mean(o[k])))
			sum, low, high = sum+v, min(low, v), max(high, v)
		}
		if n := len(others); n > 0 {
			row.UntrainedMean = stats.Interval{Estimate: sum / float64(n), Low: low, High: high, Level: 1, Method: "range over seeds"}
		}
		c.Sites = append(c.Sites, row)
	}
}

// mean is the mean of a test's score over the units of a site.
func (t *UnitTable) mean(a Significant) float64 {
	for _, test := range unitTests {
		if test.name != a.Test {
			continue
		}
		for _, s := range t.Sites {
			if s.Site == a.Site {
				return stats.Mean(stats.Finite(t.score[test.score][s.First : s.First+s.Units]))
			}
		}
	}
	return math.NaN()
}

// chanceShare is the 95th percentile of the share of n independent units that a test of level alpha finds where there is
// nothing: that of the binomial distribution.
func chanceShare(n int, alpha float64) float64 {
	if n == 0 {
		return math.NaN()
	}
	logTerm := float64(n) * math.Log1p(-alpha) // of k = 0
	sum := 0.0
	for k := 0; k < n; k++ {
		if sum += math.Exp(logTerm); sum >= .95 {
			return float64(k) / float64(n)
		}
		logTerm += math.Log(float64(n-k)/float64(k+1)) + math.Log(alpha) - math.Log1p(-alpha)
	}
	return 1
}
