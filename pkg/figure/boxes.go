package figure

import (
	"fmt"
	"image/color"
	"slices"

	"github.com/ventral-lab/ventral/internal/rng"
)

// BoxesOptions are the parts of a box plot.
type BoxesOptions struct {
	Meta
	X, Y       Axis
	Samples    []Sample
	Summaries  []Summary // boxes known by their numbers alone
	Published  []Summary // boxes someone else published, drawn open beside ours
	Source     string    // who published them (required with Published)
	References []Reference
	Points     bool              // draws every observation too
	Colors     map[string]string // hue -> colour
	Legend     Legend
}

// Boxes draws box plots by group and hue: box from quartile to quartile, line at the median, whiskers to the farthest
// values within 1.5 box heights (Tukey 1977). Values beyond are dots unless Points shows all.
func Boxes(o BoxesOptions) (*Figure, error) {
	fail := func(err error) (*Figure, error) { return nil, fmt.Errorf("figure %s: %w", o.Name, err) }
	var g groups
	type drawn struct {
		Summary
		rest      []float64 // values drawn as dots
		all       []float64
		published bool
	}
	var boxes []drawn
	var ys [][]float64
	for _, s := range o.Samples {
		g.see(s.Group, s.Hue)
		b, far := summarise(s)
		all := finite(s.Values)
		if len(all) == 0 {
			continue
		}
		boxes = append(boxes, drawn{Summary: b, rest: far, all: all})
		ys = append(ys, all)
	}
	for _, b := range o.Summaries {
		g.see(b.Group, b.Hue)
		boxes = append(boxes, drawn{Summary: b})
		ys = append(ys, []float64{b.Low, b.High})
	}
	if len(o.Published) > 0 && o.Source == "" {
		return fail(fmt.Errorf("Published without Source: say who published these numbers"))
	}
	for _, b := range o.Published {
		g.see(b.Group, b.Hue)
		boxes = append(boxes, drawn{Summary: b, published: true})
		ys = append(ys, []float64{b.Low, b.High})
	}
	if len(g.names) == 0 {
		return fail(fmt.Errorf("Samples and Summaries are empty: there is nothing to draw"))
	}
	if err := g.paint(o.Colors); err != nil {
		return fail(err)
	}
	_, refs, err := checkRefs(o.References)
	if err != nil {
		return fail(err)
	}
	sy, err := scaleOf(o.Y, 0.35, append(ys, refs)...)
	if err != nil {
		return fail(err)
	}
	p := &plot{ax: axes{x: newNames(o.X, g.names), y: sy, refs: slices.Clone(o.References), keys: g.legend(o.Legend, 0.62, true)},
		wide: wideFor(len(g.names) * len(g.hues)), high: 62}
	if len(o.Published) > 0 {
		p.ax.keys.keys = append(p.ax.keys.keys, key{label: "published: " + o.Source, color: soft, marker: MarkerSquare, open: true})
		o.Sources = append(slices.Clone(o.Sources), o.Source)
	}
	p.over = func(k *ink, a *axes, d box) {
		for _, b := range boxes {
			c, half := g.slot(b.Group, b.Hue)
			color := g.colors[g.hue(b.Hue)]
			if len(o.Published) > 0 {
				// Ours on the left half of the slot, theirs on the right.
				shift := half * 0.5
				if !b.published {
					shift = -shift
				}
				c, half = c+shift, half*0.46
			}
			rest := b.rest
			if o.Points {
				rest = nil
				jitter(k, a, b.Group+"/"+b.Hue, c, half, b.all, color)
			}
			drawBox(k, a, c, half, b.Summary, rest, color, b.published, o.Points)
		}
	}
	p.busy = func(a *axes, d box) []point {
		var out []point
		for _, b := range boxes {
			c, half := g.slot(b.Group, b.Hue)
			for _, x := range []float64{c - half, c, c + half} {
				out = append(out, along([]point{a.at(x, b.Low), a.at(x, b.High)})...)
			}
		}
		return out
	}
	t := Table{Header: []string{"group", "hue", "source", "n", "low", "q1", "median", "q3", "high"}}
	for _, b := range boxes {
		n, src := "", ""
		if b.all != nil {
			n = fmt.Sprint(len(b.all))
		}
		if b.published {
			src = o.Source
		}
		t.Rows = append(t.Rows, []string{b.Group, b.Hue, src, n, cell(b.Low), cell(b.Q1), cell(b.Median), cell(b.Q3), cell(b.High)})
	}
	p.tabs = []Table{t}
	if len(o.Samples) > 0 {
		t.Part = "boxes"
		p.tabs = []Table{t, sampleTable("values", o.Samples)}
	}
	return newFigure("boxes", o.Meta, p)
}

// drawBox draws one box centred at c with half width half, both in groups.
func drawBox(k *ink, a *axes, c, half float64, b Summary, rest []float64, col color.NRGBA, open, bare bool) {
	line := pen{color: shade(col, 0.15), width: 0.8}
	q1, q3 := a.at(c-half, b.Q1), a.at(c+half, b.Q3)
	x := a.x.at(c)
	k.line(line, point{x, q3.y}, a.at(c, b.High))
	k.line(line, point{x, q1.y}, a.at(c, b.Low))
	bb := box{q1.x, q1.y, q3.x, q3.y}
	switch {
	case open:
		k.fillBox(white, bb)
	case !bare:
		k.fillBox(tint(col, 0.62), bb)
	}
	k.outlineBox(line, bb)
	k.line(pen{color: shade(col, 0.25), width: 1.5}, a.at(c-half, b.Median), a.at(c+half, b.Median))
	for _, v := range rest {
		k.marker(MarkerCircle, a.at(c, v), 0.8, alpha(col, 0.55), false)
	}
}

// jitter draws observations at places that depend on the slot's name and the observation's rank alone.
func jitter(k *ink, a *axes, name string, c, half float64, vs []float64, col color.NRGBA) {
	r := rng.Fast(0, "figure/jitter/"+name)
	for _, v := range vs {
		k.marker(MarkerCircle, a.at(c+(r.Float64()-0.5)*1.5*half, v), 0.9, alpha(col, 0.4), false)
	}
}

// sampleTable is the observations, one a row.
func sampleTable(part string, samples []Sample) Table {
	t := Table{Part: part, Header: []string{"group", "hue", "value"}}
	for _, s := range samples {
		for _, v := range s.Values {
			t.Rows = append(t.Rows, []string{s.Group, s.Hue, cell(v)})
		}
	}
	return t
}
