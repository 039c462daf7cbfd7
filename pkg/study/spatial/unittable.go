package spatial

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ventral-lab/ventral/pkg/method/ratemap"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// UnitTable is every score of every unit: a row a unit, in the order of the network's sites and, within a site, of its
// values ([token, channel] or [channel, y, x], the last index fastest).
type UnitTable struct {
	Model   string      `json:"model"`
	Backend string      `json:"backend"`
	Stimuli string      `json:"stimuli"`
	Options UnitOptions `json:"options"` // filled
	Sites   []UnitSite  `json:"sites"`
	Tests   []UnitTest  `json:"tests"`
	// Provenance is what the numbers depend on beside the options: the hash that finished blocks are kept under, the
	// identity of the weights, the version of the code.
	Provenance map[string]string `json:"provenance"`

	// Where every unit is; -1 for what its site, or what was recorded of it, has not. Unit counts within the site.
	Site                       []int32 `json:"-"` // index into Sites
	Unit, Token, Y, X, Channel []int32 `json:"-"`

	score [unitScores][]float64
}

// UnitSite is the rows of one site.
type UnitSite struct {
	Site      string `json:"site"`
	Reduction string `json:"reduction,omitempty"`
	First     int    `json:"first"` // row
	Units     int    `json:"units"`
}

// UnitTest is one test that every unit was put to.
type UnitTest struct {
	Name    string `json:"name"`
	Draws   int    `json:"draws"`          // permutations, or surrogates at most
	Largest bool   `json:"largest"`        // whether Most is there
	Most    Floats `json:"most,omitempty"` // [draw] largest score that any unit's permuted map or surrogate had
}

// Floats are numbers that may be NaN, which JSON writes as null.
type Floats []Float

// newUnitTable puts finished blocks together and corrects for the number of units.
func newUnitTable(captures []capture, blocks []*blockScores, o UnitOptions) *UnitTable {
	t := &UnitTable{Options: o}
	rows := 0
	for _, c := range captures {
		rows += c.units()
	}
	for _, at := range []*[]int32{&t.Site, &t.Unit, &t.Token, &t.Y, &t.X, &t.Channel} {
		*at = make([]int32, 0, rows)
	}
	for k, c := range captures {
		t.Sites = append(t.Sites, UnitSite{Site: c.site, Reduction: c.reduction, First: len(t.Unit), Units: c.units()})
		for u := range c.units() {
			token, y, x, channel := c.place(u)
			t.Site, t.Unit, t.Token = append(t.Site, int32(k)), append(t.Unit, int32(u)), append(t.Token, int32(token))
			t.Y, t.X, t.Channel = append(t.Y, int32(y)), append(t.X, int32(x)), append(t.Channel, int32(channel))
		}
	}
	for c := range t.score {
		t.score[c] = make([]float64, 0, rows)
	}
	for _, b := range blocks {
		for u := range len(b.score) / unitScores {
			for c := range t.score {
				t.score[c] = append(t.score[c], b.score[u*unitScores+c])
			}
		}
	}
	k := 0
	for _, test := range unitTests {
		at := UnitTest{Name: test.name, Draws: o.draws(test.name), Largest: test.max}
		if test.max {
			var most []float64
			for _, b := range blocks {
				most = larger(most, b.most[k])
			}
			for _, v := range most {
				at.Most = append(at.Most, Float(v))
			}
			k++
		}
		t.Tests = append(t.Tests, at)
		t.score[test.q] = stats.QValues(t.score[test.p])
	}
	return t
}

// draws is how many permutations or surrogates a test makes at most.
func (o UnitOptions) draws(test string) int {
	switch test {
	case "eta2", "info":
		return o.Shuffles
	case "size":
		return o.SizeShuffles
	}
	return o.Surrogates
}

// larger keeps the larger of two numbers, draw by draw; NaN is none.
func larger(a, b []float64) []float64 {
	if a == nil {
		return slices.Clone(b)
	}
	for i, v := range b {
		if math.IsNaN(a[i]) || v > a[i] {
			a[i] = v
		}
	}
	return a
}

// Len is the number of units.
func (t *UnitTable) Len() int { return len(t.Unit) }

// UnitColumns names the scores of a UnitTable in the order in which files have them.
//
//	mean sd min max                  of the activations as recorded
//	sign                             1 for an on-cell, -1 for an off-cell (UnitOptions.Conversion)
//	eta2 place p_ q_                 share of variance between places, less its mean under permuted places; no conversion
//	info info_per_event info_excess p_ q_   Skaggs information of the rates, bits per stimulus and per unit of response
//	info_raw                         the document's: of signed activations; large where the mean is nearly 0
//	sparsity selectivity coherence   of the rates, coherence of the signed map
//	split_half reliability           correlation of the maps of half the stimuli each, and stepped up (Spearman-Brown)
//	grid grid_spacing grid_orientation p_ q_ grid_draws   of the smoothed map; spacing in bins, orientation in degrees
//	border p_ q_ border_draws        of the smoothed map of the rates
//	area_r2                          share of the map's variance that visible share and visible area of the stimulus explain
//	border_area p_ q_ _draws         border score of what they leave
//	nearness nearness_area           correlation of the map with nearness to a wall, before and after that
//	fields field_share               number of place fields, share of bins in them
//	size_r size_expected p_size q_   correlation of the maps for small, middle and large stimuli, what it would be if size had
//	                                 no part, and the chance of so small a one then
//	rf_x rf_y rf_sigma1 rf_sigma2 rf_theta rf_amplitude rf_r2 rf_cv   turned Gaussian, in pixels; R2 on held-out stimuli
//
// p values are never 0: (1 + #reached)/(1 + draws), or by the rule of Besag and Clifford where a unit stopped early. q is
// Benjamini and Hochberg's, over all units of all sites of the table.
func UnitColumns() []string { return slices.Clone(unitColumns[:]) }

// Column is one score of every unit, by the name that UnitColumns gives it. It is the table's own memory.
func (t *UnitTable) Column(name string) ([]float64, error) {
	k := slices.Index(unitColumns[:], name)
	if k < 0 {
		return nil, fmt.Errorf("spatial: no unit score %q: there are %s", name, strings.Join(unitColumns[:], ", "))
	}
	return t.score[k], nil
}

// Conversion is how the activations of a unit became rates.
func (t *UnitTable) Conversion(row int) ratemap.Conversion {
	on, off, split := halves(t.Options.Conversion)
	switch {
	case !split:
		return ratemap.Conversion(t.Options.Conversion)
	case t.score[cSign][row] < 0:
		return off
	}
	return on
}

// Sign is "on", "off", or "" for a unit whose conversion has no halves or that has no activations.
func (t *UnitTable) Sign(row int) string {
	switch s := t.score[cSign][row]; {
	case s > 0:
		return "on"
	case s < 0:
		return "off"
	}
	return ""
}

// Name is a unit's site with its place in it, such as visual.conv1[channel=3,y=0,x=7].
func (t *UnitTable) Name(row int) string {
	s := t.Sites[t.Site[row]]
	var at []string
	for _, p := range []struct {
		name string
		v    int32
	}{{"token", t.Token[row]}, {"channel", t.Channel[row]}, {"y", t.Y[row]}, {"x", t.X[row]}} {
		if p.v >= 0 {
			at = append(at, fmt.Sprintf("%s=%d", p.name, p.v))
		}
	}
	return s.Site + "[" + strings.Join(at, ",") + "]"
}

// Top is the rows of the k units with the largest values of a score, best first; NaN comes last.
func (t *UnitTable) Top(score string, k int) ([]int, error) {
	v, err := t.Column(score)
	if err != nil {
		return nil, err
	}
	return ratemap.Top(v, k), nil
}

// Significant is, for one site, how many units a test finds.
type Significant struct {
	Site  string         `json:"site"`
	Test  string         `json:"test"`
	Units int            `json:"units"`
	Found int            `json:"found"`
	Share stats.Interval `json:"share"` // Wilson's interval
	// Uncorrected is the share with p at or below alpha: alpha where chance alone is at work, whatever the other units do.
	Uncorrected stats.Interval `json:"uncorrected"`
	// Beyond counts units whose score no permuted map or surrogate of any unit of the table reached; -1 where the
	// largest were not followed.
	Beyond int `json:"beyond"`
}

// Significant counts the units of every site with q at or below alpha, test by test (eta2, info, grid, border,
// border_area, size). Under chance alone q finds nothing in 1 - alpha of all tables, and p a share of alpha.
func (t *UnitTable) Significant(alpha float64) []Significant {
	var out []Significant
	for k, test := range unitTests {
		most := math.Inf(1)
		if test.max {
			most = math.Inf(-1)
			for _, v := range t.Tests[k].Most {
				most = math.Max(most, float64(v))
			}
		}
		for _, s := range t.Sites {
			c := Significant{Site: s.Site, Test: test.name, Units: s.Units}
			raw := 0
			for u := s.First; u < s.First+s.Units; u++ {
				if t.score[test.q][u] <= alpha {
					c.Found++
				}
				if t.score[test.p][u] <= alpha {
					raw++
				}
				if t.score[test.score][u] > most {
					c.Beyond++
				}
			}
			if !test.max {
				c.Beyond = -1
			}
			c.Share, c.Uncorrected = stats.Wilson(c.Found, s.Units, .95), stats.Wilson(raw, s.Units, .95)
			out = append(out, c)
		}
	}
	return out
}
