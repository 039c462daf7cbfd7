package figure

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"sort"
)

// Sample is a set of observations of one group (a place on the axis) and one hue (a colour). NaN values are ignored.
type Sample struct {
	Group, Hue string
	Values     []float64
}

// Summary is a box that is known by its numbers alone: the ends of the whiskers, the quartiles, the median.
type Summary struct {
	Group, Hue                string
	Low, Q1, Median, Q3, High float64
}

// groups is the order of groups and hues and the colours of the hues.
type groups struct {
	names, hues []string
	colors      []color.NRGBA
}

// see notes a group and a hue in the order of first appearance.
func (g *groups) see(group, hue string) {
	if !slices.Contains(g.names, group) {
		g.names = append(g.names, group)
	}
	if !slices.Contains(g.hues, hue) {
		g.hues = append(g.hues, hue)
	}
}

// paint gives every hue its colour.
func (g *groups) paint(fixed map[string]string) error {
	for i, h := range g.hues {
		c, err := parseColor(fixed[h], i)
		if err != nil {
			return fmt.Errorf("Colors[%q]: %w", h, err)
		}
		g.colors = append(g.colors, c)
	}
	for h := range fixed {
		if !slices.Contains(g.hues, h) {
			return fmt.Errorf("Colors[%q]: no such hue; there are %q", h, g.hues)
		}
	}
	return nil
}

func (g *groups) group(s string) int { return slices.Index(g.names, s) }
func (g *groups) hue(s string) int   { return slices.Index(g.hues, s) }

// slot is the centre and the half width of a hue's place within a group, in units of groups.
func (g *groups) slot(group, hue string) (center, half float64) {
	n := float64(len(g.hues))
	w := 0.8 / n
	return float64(g.group(group)) - 0.4 + w*(float64(g.hue(hue))+0.5), w / 2 * 0.86
}

// legend is one patch for every hue, where there is more than one.
// faded is how much white a kind of figure mixes into its fills; outlined says that they have an edge.
func (g *groups) legend(place Legend, faded float64, outlined bool) legend {
	l := legend{place: place}
	if len(g.hues) < 2 && place == LegendAuto {
		return l
	}
	for i, h := range g.hues {
		if h != "" {
			e := key{label: h, color: tint(g.colors[i], faded), patch: true}
			if outlined {
				c := shade(g.colors[i], 0.15)
				e.edge = &c
			}
			l.keys = append(l.keys, e)
		}
	}
	if place == LegendNone {
		l.keys = nil
	}
	return l
}

// wideFor is the usual width of a plot with n slots on its x axis.
func wideFor(n int) float64 {
	switch {
	case n <= 14:
		return SingleColumn
	case n <= 26:
		return MiddleColumn
	}
	return DoubleColumn
}

// finite is the sorted finite values.
func finite(v []float64) []float64 {
	out := make([]float64, 0, len(v))
	for _, x := range v {
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			out = append(out, x)
		}
	}
	sort.Float64s(out)
	return out
}

// quantile is the q-quantile of sorted values by linear interpolation (type 7 of Hyndman and Fan 1996, the default of
// NumPy and R).
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	h := q * float64(len(sorted)-1)
	i := min(int(h), len(sorted)-1)
	if i == len(sorted)-1 {
		return sorted[i]
	}
	return sorted[i] + (h-float64(i))*(sorted[i+1]-sorted[i])
}

// summarise is Tukey's box (1977): quartiles, and whiskers to the farthest values within 1.5 interquartile ranges of
// the box.
func summarise(s Sample) (Summary, []float64) {
	v := finite(s.Values)
	b := Summary{Group: s.Group, Hue: s.Hue, Q1: quantile(v, 0.25), Median: quantile(v, 0.5), Q3: quantile(v, 0.75)}
	lo, hi := b.Q1-1.5*(b.Q3-b.Q1), b.Q3+1.5*(b.Q3-b.Q1)
	b.Low, b.High = math.NaN(), math.NaN()
	var out []float64
	for _, x := range v {
		if x < lo || x > hi {
			out = append(out, x)
			continue
		}
		if math.IsNaN(b.Low) {
			b.Low = x
		}
		b.High = x
	}
	return b, out
}

// density is a Gaussian kernel estimate at the points of grid. The width is Silverman's rule of thumb (1986, eq. 3.31):
// 0.9 min(SD, IQR/1.34) n^(-1/5); where the quartiles coincide, the SD alone.
func density(sorted, grid []float64) []float64 {
	n := float64(len(sorted))
	mean, m2 := 0.0, 0.0
	for i, v := range sorted {
		d := v - mean
		mean += d / float64(i+1)
		m2 += d * (v - mean)
	}
	s := math.Sqrt(m2 / math.Max(1, n-1))
	if iqr := (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 1.34; iqr > 0 {
		s = math.Min(s, iqr)
	}
	h := 0.9 * s * math.Pow(n, -0.2)
	out := make([]float64, len(grid))
	if !(h > 0) {
		return out
	}
	for i, x := range grid {
		// Beyond five widths a kernel adds less than 4e-6 of its peak.
		a := sort.SearchFloat64s(sorted, x-5*h)
		b := sort.SearchFloat64s(sorted, x+5*h)
		for _, v := range sorted[a:b] {
			z := (x - v) / h
			out[i] += math.Exp(-z * z / 2)
		}
		out[i] /= n * h * math.Sqrt(2*math.Pi)
	}
	return out
}
