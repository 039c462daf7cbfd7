package figure

import (
	"fmt"
	"math"
)

// plot is the content of every figure with one pair of axes.
type plot struct {
	ax   axes
	wide float64 // usual width, mm
	high float64 // usual height, mm, for any width
	// under draws what lies behind the reference lines, over what lies between them and their names. Either may be
	// nil.
	under, over func(k *ink, a *axes, d box)
	// busy lists places that labels should keep clear of.
	busy func(a *axes, d box) []point
	tabs []Table
}

func (p *plot) width() float64  { return p.wide }
func (p *plot) tables() []Table { return p.tabs }

func (p *plot) height(w float64) float64 {
	h := points(p.high)
	if p.ax.equal {
		m := p.ax.measure(w, h)
		h = (w-m.left-m.right)*(p.ax.y.hi-p.ax.y.lo)/(p.ax.x.hi-p.ax.x.lo) + m.top + m.bottom
	}
	return h
}

func (p *plot) measure(w, h float64) (margins, bool) { return p.ax.measure(w, h), true }

func (p *plot) draw(k *ink, r box, m margins) {
	a, d := p.ax.place(r.inset(m))
	a.least = r.x0
	if p.under != nil {
		p.under(k, a, d)
	}
	var busy []point
	if p.busy != nil && len(a.refs)+len(a.notes) > 0 {
		busy = p.busy(a, d)
	}
	a.drawRefs(k, d)
	if p.over != nil {
		p.over(k, a, d)
	}
	a.drawRefLabels(k, d, busy)
	a.drawFrame(k, d)
	a.drawNotes(k, d, busy)
	a.keys.draw(k, r, d, a.y.at)
}

// room is the shorter side of the data area.
func (p *plot) room(w, h float64) float64 {
	m := p.ax.measure(w, h)
	return math.Min(w-m.left-m.right, h-m.top-m.bottom)
}

// checkRefs checks colours and splits the reference values by axis.
func checkRefs(refs []Reference) (xs, ys []float64, err error) {
	for i, r := range refs {
		if _, err := parseColor(r.Color, 0); err != nil {
			return nil, nil, fmt.Errorf("References[%d]: %w", i, err)
		}
		if r.Vertical {
			xs = append(xs, r.Value)
		} else {
			ys = append(ys, r.Value)
		}
	}
	return xs, ys, nil
}

// along adds points on the way from each point to the next, so that labels keep clear of the line as well as of its
// corners.
func along(ps []point) []point {
	var out []point
	for i := 1; i < len(ps); i++ {
		p, q := ps[i-1], ps[i]
		n := math.Hypot(q.x-p.x, q.y-p.y) / 4
		if !(n < 1000) {
			continue
		}
		for t := 0.0; t < n; t++ {
			out = append(out, point{p.x + (q.x-p.x)*t/n, p.y + (q.y-p.y)*t/n})
		}
	}
	return out
}
