package figure

import (
	"fmt"
	"image/color"
	"math"
	"slices"
)

// Module is one lesioned part of a network and what was left of the score.
type Module struct {
	Name  string // the full path, "visual.transformer.resblocks.9.mlp.c_proj"; unique
	Tower string // "visual", "text"
	Block string // "9"; "" for a module outside the blocks, which is then named on the axis by its Kind
	Kind  string // "c_proj": modules of a kind share a shade
	// Value is the score without the module; NaN is drawn as a cross at the foot of the plot. Lo and Hi both 0 mean
	// that there is no interval.
	Value, Lo, Hi float64
}

// ModuleNote is a remark with an arrow to a module.
type ModuleNote struct{ Module, Text string }

// PublishedModules are scores that someone else published, by Module.Name.
type PublishedModules struct {
	Source string
	Values map[string]float64
}

// LesionBarsOptions are the parts of a strip of lesioned modules.
type LesionBarsOptions struct {
	Meta
	Y                      Axis
	Modules                []Module // in the order of the x axis: tower after tower, block after block
	Baseline               float64  // the score of the whole network, a dashed line from which stems hang
	BaselineLo, BaselineHi float64  // its interval; both 0 = none
	BaselineLabel          string   // "" = "unlesioned"
	Chance                 *float64
	Notes                  []ModuleNote
	Published              *PublishedModules
	TowerNames             map[string]string // "visual" -> "vision tower"
}

// span is a run of neighbouring modules with the same tower and block.
type span struct {
	tower, label string
	from, to     float64 // x of the first and the last module; of a tower, in its blocks
	outside      bool    // a module outside the blocks
}

// strip is the geometry of a lesion figure: where each module stands.
type strip struct {
	at     []float64
	spans  []span
	towers []span
	kinds  []string // of modules inside blocks, in the order of first appearance
	hues   []string // towers
}

// LesionBars draws one stem for every module of a network, from the unlesioned score to the score without it: blocks
// in bands, the towers side by side, the first in shades of orange and red, the second in shades of blue, a shade for
// each kind of module.
func LesionBars(o LesionBarsOptions) (*Figure, error) {
	fail := func(err error) (*Figure, error) { return nil, fmt.Errorf("figure %s: %w", o.Name, err) }
	if len(o.Modules) == 0 {
		return fail(fmt.Errorf("Modules is empty: there is nothing to draw"))
	}
	mods := slices.Clone(o.Modules)
	index := map[string]int{}
	ys := []float64{o.Baseline}
	if o.BaselineLo != 0 || o.BaselineHi != 0 {
		ys = append(ys, o.BaselineLo, o.BaselineHi)
	}
	if o.Chance != nil {
		ys = append(ys, *o.Chance)
	}
	for i, m := range mods {
		if j, twice := index[m.Name]; twice {
			return fail(fmt.Errorf("Modules[%d] and [%d] are both named %q", j, i, m.Name))
		}
		index[m.Name] = i
		ys = append(ys, m.Value)
		if m.Lo != 0 || m.Hi != 0 {
			ys = append(ys, m.Lo, m.Hi)
		}
	}
	for i, n := range o.Notes {
		if _, ok := index[n.Module]; !ok {
			return fail(fmt.Errorf("Notes[%d]: there is no module %q", i, n.Module))
		}
	}
	if o.Published != nil {
		if o.Published.Source == "" {
			return fail(fmt.Errorf("Published without Source: say who published these numbers"))
		}
		for n, v := range o.Published.Values {
			if _, ok := index[n]; !ok {
				return fail(fmt.Errorf("Published.Values: there is no module %q among Modules", n))
			}
			ys = append(ys, v)
		}
		o.Sources = append(slices.Clone(o.Sources), o.Published.Source)
	}
	s, err := layStrip(mods)
	if err != nil {
		return fail(err)
	}
	sy, err := scaleOf(o.Y, 0.5, ys)
	if err != nil {
		return fail(err)
	}
	label := o.BaselineLabel
	if label == "" {
		label = "unlesioned"
	}
	refs := []Reference{{Value: o.Baseline, Label: label, Color: "black"}}
	if o.Chance != nil {
		refs = append(refs, Reference{Value: *o.Chance, Label: "chance"})
	}
	sx := &scale{Axis: Axis{Ticks: []Tick{}}, lo: -1.2, hi: s.at[len(s.at)-1] + 1.2}
	p := &plot{ax: axes{x: sx, y: sy, refs: refs}, wide: DoubleColumn, high: 66}
	if len(mods) < 40 {
		p.wide = MiddleColumn
	}
	p.ax.extra.bottom = s.bottom()
	for i, kind := range s.kinds {
		e := key{label: kind}
		for j := range s.hues {
			e.dots = append(e.dots, towerColor(j, float64(i)/math.Max(1, float64(len(s.kinds)-1))))
		}
		p.ax.keys.keys = append(p.ax.keys.keys, e)
	}
	if o.Published != nil {
		p.ax.keys.keys = append(p.ax.keys.keys, key{label: "published: " + o.Published.Source, color: dark, marker: MarkerDiamond, open: true})
	}
	p.busy = func(a *axes, d box) []point {
		var out []point
		for i, m := range mods {
			out = append(out, along([]point{a.at(s.at[i], o.Baseline), a.at(s.at[i], m.Value)})...)
			out = append(out, a.at(s.at[i], o.Baseline), a.at(s.at[i], m.Value))
		}
		return out
	}
	p.under = func(k *ink, a *axes, d box) {
		s.drawBlocks(k, a, d, o.TowerNames)
		if o.BaselineLo != 0 || o.BaselineHi != 0 {
			k.fillBox(alpha(dark, 0.12), box{d.x0, clamp(d, a.at(0, o.BaselineLo)).y, d.x1, clamp(d, a.at(0, o.BaselineHi)).y})
		}
	}
	p.over = func(k *ink, a *axes, d box) {
		s.drawModules(k, a, d, mods, o.Baseline)
		if o.Published != nil {
			for i, m := range mods {
				if v, ok := o.Published.Values[m.Name]; ok {
					k.marker(MarkerDiamond, a.at(s.at[i], v), 1.3, dark, true)
				}
			}
		}
		busy := p.busy(a, d)
		for _, n := range o.Notes {
			i := index[n.Module]
			if to := a.at(s.at[i], mods[i].Value); !math.IsNaN(to.y) {
				b := drawNote(k, d, to, n.Text, 0, 0, busy)
				busy = append(busy, along(append(corners(b), corners(b)[0]))...)
			}
		}
	}
	t := Table{Header: []string{"position", "module", "tower", "block", "kind", "value", "lo", "hi", "baseline", "published"}}
	for i, m := range mods {
		lo, hi, pub := math.NaN(), math.NaN(), ""
		if m.Lo != 0 || m.Hi != 0 {
			lo, hi = m.Lo, m.Hi
		}
		if o.Published != nil {
			if v, ok := o.Published.Values[m.Name]; ok {
				pub = cell(v)
			}
		}
		t.Rows = append(t.Rows, []string{fmt.Sprint(i), m.Name, m.Tower, m.Block, m.Kind, cell(m.Value), cell(lo), cell(hi), cell(o.Baseline), pub})
	}
	p.tabs = []Table{t}
	return newFigure("lesionbars", o.Meta, p)
}

// layStrip places the modules: a step for each, a gap between blocks, a wider one between towers.
func layStrip(mods []Module) (*strip, error) {
	s := &strip{}
	x := 0.0
	for i, m := range mods {
		newTower := i == 0 || m.Tower != mods[i-1].Tower
		newBlock := newTower || m.Block != mods[i-1].Block || m.Block == ""
		if newTower && slices.Contains(s.hues, m.Tower) {
			return nil, fmt.Errorf("Modules[%d] (%s): tower %q comes twice: put the modules of a tower together", i, m.Name, m.Tower)
		}
		if newTower {
			s.hues = append(s.hues, m.Tower)
		}
		if i > 0 {
			x++
			switch {
			case newTower:
				x += 2.5
			case m.Block == "" && mods[i-1].Block == "":
				x += 1.7 // upright names side by side
			case newBlock:
				x += 0.6
			}
		}
		s.at = append(s.at, x)
		label, outside := m.Block, false
		if m.Block == "" {
			label, outside = m.Kind, true
		} else if !slices.Contains(s.kinds, m.Kind) {
			s.kinds = append(s.kinds, m.Kind)
		}
		if newBlock {
			s.spans = append(s.spans, span{m.Tower, label, x, x, outside})
		}
		if newTower {
			s.towers = append(s.towers, span{m.Tower, m.Tower, math.NaN(), math.NaN(), false})
		}
		s.spans[len(s.spans)-1].to = x
		if t := &s.towers[len(s.towers)-1]; !outside {
			if math.IsNaN(t.from) {
				t.from = x
			}
			t.to = x
		}
	}
	return s, nil
}

// bottom is the room for the names below the axis.
func (s *strip) bottom() float64 {
	h := towerLine + 1.3*sizeLabel
	for _, b := range s.spans {
		if b.outside {
			n, _ := textSize(b.label, textStyle{size: sizeSmall})
			h = math.Max(h, n-2)
		}
	}
	return h
}

// towerLine is how far below the block numbers' top a tower's line lies, points.
const towerLine = sizeTick + 6

func (s *strip) drawBlocks(k *ink, a *axes, d box, names map[string]string) {
	base := d.y0 - 3
	n := 0
	for _, b := range s.spans {
		x0, x1 := a.x.at(b.from-0.8), a.x.at(b.to+0.8)
		if b.outside {
			c := legible(towerColor(slices.Index(s.hues, b.tower), 0.55))
			k.text(point{(x0 + x1) / 2, base}, b.label, textStyle{size: sizeSmall, color: c, rot: 90, h: end, v: middle})
			continue
		}
		if n++; n%2 == 1 {
			k.fillBox(faint, box{x0, d.y0, x1, d.y1})
		}
		st := tickStyle(middle, end)
		if w, _ := textSize(b.label, st); w > x1-x0 {
			st.size *= math.Max(0.6, (x1-x0)/w)
		}
		k.text(point{(x0 + x1) / 2, base}, b.label, st)
	}
	for i, t := range s.towers {
		if math.IsNaN(t.from) {
			continue // all its modules are named one by one
		}
		x0, x1 := a.x.at(t.from-0.7), a.x.at(t.to+0.7)
		c := towerColor(i, 0.55)
		k.line(pen{color: c, width: 1}, point{x0, base - towerLine}, point{x1, base - towerLine})
		label := t.label
		if names[label] != "" {
			label = names[label]
		}
		k.text(point{(x0 + x1) / 2, base - towerLine - 4}, label, textStyle{size: sizeLabel, color: legible(c), h: middle, v: end})
	}
}

// towerColor is shade t, 0 to 1, of a tower's ramp.
func towerColor(tower int, t float64) color.NRGBA {
	t = 0.38 + 0.62*t
	switch tower % 3 {
	case 0:
		return Oranges.At(t)
	case 1:
		return Blues.At(t)
	}
	return Grays.At(0.8 - 0.7*t)
}

// color is the shade of a module.
func (s *strip) color(m Module) color.NRGBA {
	tower := slices.Index(s.hues, m.Tower)
	i := slices.Index(s.kinds, m.Kind)
	if i < 0 || m.Block == "" {
		return towerColor(tower, 1)
	}
	return towerColor(tower, float64(i)/math.Max(1, float64(len(s.kinds)-1)))
}

func (s *strip) drawModules(k *ink, a *axes, d box, mods []Module, baseline float64) {
	pitch := a.x.at(1) - a.x.at(0)
	r := math.Min(2.2, math.Max(0.9, pitch*0.42))
	for i, m := range mods {
		c := s.color(m)
		x := s.at[i]
		if math.IsNaN(m.Value) {
			q := point{a.x.at(x), d.y0 + 3}
			p := pen{color: soft, width: 0.6}
			k.line(p, point{q.x - 1.3, q.y - 1.3}, point{q.x + 1.3, q.y + 1.3})
			k.line(p, point{q.x - 1.3, q.y + 1.3}, point{q.x + 1.3, q.y - 1.3})
			continue
		}
		k.lineIn(d, pen{color: c, width: math.Min(1.1, pitch*0.3)}, []point{a.at(x, baseline), a.at(x, m.Value)})
	}
	for i, m := range mods {
		c, x := s.color(m), s.at[i]
		if m.Lo != 0 || m.Hi != 0 {
			k.lineIn(d, pen{color: shade(c, 0.35), width: 0.5}, []point{a.at(x, m.Lo), a.at(x, m.Hi)})
		}
		k.marker(MarkerCircle, clamp(d, a.at(x, m.Value)), r, c, false)
	}
}
