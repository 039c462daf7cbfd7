package spatial

import (
	"context"
	"strings"

	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// outlook fills what Run finds beyond the document.
func (s *Study) outlook(ctx context.Context, r *Result) error {
	var err error
	if r.Border, err = s.BorderAccount(ctx); err != nil {
		return err
	}
	if r.Units, err = s.ShapeTests(ctx); err != nil {
		return err
	}
	r.Tests = r.Units.Pooled()
	if r.Development, err = s.Development(ctx); err != nil {
		return err
	}
	r.Verdicts = Verdicts(r)
	return nil
}

// ShapeTests scores the units of the sites that the study records, beside one untrained network, with as few draws as
// Options.Outlook says: enough for the shares of units with p <= .05 of each site, too few for the q of single units, for
// which there is UnitsAgainstUntrained.
func (s *Study) ShapeTests(ctx context.Context) (*UnitComparison, error) {
	o := s.Options
	u := UnitOptions{Sites: s.Sites(), Tokens: o.Token, Places: o.Token, Shuffles: o.Outlook.Shuffles, Surrogates: o.Outlook.Surrogates,
		Splits: 2, SizeShuffles: 19, NoFields: true}
	// What a unit is, in the words of either side: those of the table know no maximum over tokens.
	switch t := o.Token; {
	case t == "max":
		u.Tokens = "mean"
	case t == "class", strings.HasPrefix(t, "token="):
		u.Places = "mean"
	}
	return s.UnitsAgainstUntrained(ctx, u, 1, .05)
}

// TestShare is what one test finds over the units of all sites of a table.
type TestShare struct {
	Test  string `json:"test"`
	Units int    `json:"units"`
	// Trained and Untrained are the shares of units with p at or below Alpha, which is what chance finds; Wilson's intervals,
	// over the units of all untrained networks.
	Trained   stats.Interval `json:"trained"`
	Untrained stats.Interval `json:"untrained"`
	Alpha     float64        `json:"alpha"`
	// Beyond counts units of the trained network whose score no permuted map or surrogate of any unit reached; -1 where
	// the largest were not followed.
	Beyond int `json:"beyond"`
}

// Pooled counts over all sites what each test finds, trained and untrained.
func (c *UnitComparison) Pooled() []TestShare {
	count := func(t *UnitTable, test string) (hits, units, beyond int) {
		for _, s := range t.Significant(c.Alpha) {
			if s.Test == test {
				hits += int(s.Uncorrected.Estimate*float64(s.Units) + .5)
				units += s.Units
				beyond += s.Beyond
			}
		}
		return hits, units, beyond
	}
	var out []TestShare
	for _, test := range unitTests {
		hits, units, beyond := count(c.Trained, test.name)
		row := TestShare{Test: test.name, Units: units, Trained: stats.Wilson(hits, units, .95), Alpha: c.Alpha, Beyond: beyond}
		if !test.max {
			row.Beyond = -1
		}
		all, of := 0, 0
		for _, t := range c.Untrained {
			h, n, _ := count(t, test.name)
			all, of = all+h, of+n
		}
		if of > 0 {
			row.Untrained = stats.Wilson(all, of, .95)
		}
		out = append(out, row)
	}
	return out
}
