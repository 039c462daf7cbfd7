package figure

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// ComposeOptions are the panels of a larger figure.
type ComposeOptions struct {
	Meta
	Rows      [][]*Figure
	Weights   [][]float64 // relative widths of the panels of each row; nil = from the panels' own widths
	NoLetters bool
}

// Compose lays figures out as panels a, b, c, ... in rows. Panels are drawn anew at their place, so type sizes and
// line widths stay those of the page; the axes of panels that stand above each other line up, as do those beside each
// other. A panel's title becomes its heading. The data of panel a is in the parts a, a_..., and so on.
func Compose(o ComposeOptions) (*Figure, error) {
	c := &stack{gap: 10}
	params := map[string]any{}
	n := 0
	for i, row := range o.Rows {
		if len(row) == 0 {
			return nil, fmt.Errorf("figure %s: Rows[%d] is empty", o.Name, i)
		}
		var ps []panel
		var ws []float64
		for j, f := range row {
			if f == nil {
				return nil, fmt.Errorf("figure %s: Rows[%d][%d] is nil", o.Name, i, j)
			}
			letter := panelLetter(n)
			n++
			p := panel{content: f.content, title: f.Title, part: letter}
			if !o.NoLetters {
				p.letter = letter
			}
			ps, ws = append(ps, p), append(ws, f.width)
			if f.params != nil || f.Caption != "" {
				params["panel_"+letter] = map[string]any{"name": f.Name, "kind": f.kind, "caption": f.Caption, "parameters": f.params}
			}
			for _, s := range f.sources {
				if !slices.Contains(o.Sources, s) {
					o.Sources = append(slices.Clone(o.Sources), s)
				}
			}
		}
		if i < len(o.Weights) && o.Weights[i] != nil {
			if len(o.Weights[i]) != len(row) {
				return nil, fmt.Errorf("figure %s: Weights[%d] has %d numbers for %d panels", o.Name, i, len(o.Weights[i]), len(row))
			}
			ws = slices.Clone(o.Weights[i])
		}
		for j, w := range ws {
			if !(w > 0) || math.IsInf(w, 0) {
				return nil, fmt.Errorf("figure %s: Weights[%d][%d] is %g: it must be above 0", o.Name, i, j, w)
			}
		}
		c.rows, c.weights = append(c.rows, ps), append(c.weights, ws)
	}
	if n == 0 {
		return nil, fmt.Errorf("figure %s: Rows is empty: there is nothing to draw", o.Name)
	}
	m := o.Meta
	if len(params) > 0 {
		own := m.Params
		m.Params = map[string]any{}
		for k, v := range own {
			m.Params[k] = v
		}
		m.Params["panels"] = params
	}
	return newFigure("compose", m, c)
}

// panelLetter is a, b, ..., z, aa, ab, ...
func panelLetter(n int) string {
	s := ""
	for n++; n > 0; n = (n - 1) / 26 {
		s = string(rune('a'+(n-1)%26)) + s
	}
	return s
}

// panel is one content of a stack.
type panel struct {
	content content
	title   string
	letter  string // drawn; "" = none
	part    string // of the tables' names
}

func (p panel) heading() float64 {
	if p.title == "" && p.letter == "" {
		return 0
	}
	return titleHeight
}

// stack is the content of Compose: rows of panels.
type stack struct {
	rows    [][]panel
	weights [][]float64
	gap     float64
}

func (s *stack) width() float64 {
	for _, r := range s.rows {
		if len(r) > 1 {
			return DoubleColumn
		}
	}
	w := 0.0
	for _, r := range s.rows {
		w = math.Max(w, r[0].content.width())
	}
	return w
}

const columnGap = 14.0

// widths are the widths of the panels of row i.
func (s *stack) widths(i int, w float64) []float64 {
	sum := 0.0
	for _, v := range s.weights[i] {
		sum += v
	}
	free := w - columnGap*float64(len(s.rows[i])-1)
	out := make([]float64, len(s.rows[i]))
	for j, v := range s.weights[i] {
		out[j] = free * v / sum
	}
	return out
}

// heights are the natural heights of the rows, headings included.
func (s *stack) heights(w float64) []float64 {
	out := make([]float64, len(s.rows))
	for i, row := range s.rows {
		ws := s.widths(i, w)
		for j, p := range row {
			out[i] = math.Max(out[i], p.content.height(ws[j])+s.heading(i))
		}
	}
	return out
}

// heading is the same for the panels of a row, so that their contents begin at one height.
func (s *stack) heading(i int) float64 {
	h := 0.0
	for _, p := range s.rows[i] {
		h = math.Max(h, p.heading())
	}
	return h
}

func (s *stack) height(w float64) float64 {
	h := s.gap * float64(len(s.rows)-1)
	for _, v := range s.heights(w) {
		h += v
	}
	return h
}

func (s *stack) measure(w, h float64) (margins, bool) { return margins{}, false }

// place is the rectangle and the margins of every panel within r.
func (s *stack) place(r box) ([][]box, [][]margins) {
	hs := s.heights(r.w())
	// A given height is shared in proportion to what the rows would like.
	total := 0.0
	for _, h := range hs {
		total += h
	}
	stretch := (r.h() - s.gap*float64(len(s.rows)-1)) / total
	boxes := make([][]box, len(s.rows))
	ms := make([][]margins, len(s.rows))
	lines := make([][]bool, len(s.rows)) // whether a panel's axes line up with others'
	y := r.y1
	for i, row := range s.rows {
		x := r.x0
		h := hs[i] * stretch
		for j, w := range s.widths(i, r.w()) {
			b := box{x, y - h, x + w, y - s.heading(i)}
			m, ok := row[j].content.measure(b.w(), b.h())
			boxes[i], ms[i], lines[i] = append(boxes[i], b), append(ms[i], m), append(lines[i], ok)
			x += w + columnGap
		}
		y -= h + s.gap
	}
	s.lineUp(boxes, ms, lines)
	return boxes, ms
}

// room is the shorter side of the smallest panel's data area.
func (s *stack) room(w, h float64) float64 {
	least := math.Inf(1)
	boxes, ms := s.place(box{0, 0, w, h})
	for i, row := range s.rows {
		for j, p := range row {
			b, m := boxes[i][j], ms[i][j]
			least = math.Min(least, math.Min(b.w()-m.left-m.right, b.h()-m.top-m.bottom))
			if r, ok := p.content.(interface{ room(w, h float64) float64 }); ok {
				least = math.Min(least, r.room(b.w(), b.h()))
			}
		}
	}
	return least
}

func (s *stack) draw(k *ink, r box, _ margins) {
	boxes, ms := s.place(r)
	for i, row := range s.rows {
		for j, p := range row {
			b := boxes[i][j]
			x := b.x0
			top := b.y1 + s.heading(i)
			if p.letter != "" {
				st := textStyle{size: sizeLetter, bold: true, color: dark, v: end}
				k.text(point{x, top}, p.letter, st)
				n, _ := textSize(p.letter, st)
				x += n + 5
			}
			st := textStyle{size: sizeLabel, color: dark, v: end, bold: p.letter == ""}
			k.text(point{x, top - 1}, shorten(p.title, b.x1-x, st), st)
			p.content.draw(k, b, ms[i][j])
		}
	}
}

// lineUp widens margins so that data areas share their edges: left and right edges of panels whose rectangles share
// theirs, tops and bottoms of panels in a row.
func (s *stack) lineUp(boxes [][]box, ms [][]margins, lines [][]bool) {
	same := func(a, b float64) bool { return math.Abs(a-b) < 1 }
	old := make([][]margins, len(ms))
	for i := range ms {
		old[i] = slices.Clone(ms[i])
	}
	for i := range ms {
		for j := range ms[i] {
			if !lines[i][j] {
				continue
			}
			for a := range old {
				for b := range old[a] {
					if !lines[a][b] {
						continue
					}
					var m margins
					if same(boxes[i][j].x0, boxes[a][b].x0) {
						m.left = old[a][b].left
					}
					if same(boxes[i][j].x1, boxes[a][b].x1) {
						m.right = old[a][b].right
					}
					if a == i {
						m.top, m.bottom = old[a][b].top, old[a][b].bottom
					}
					ms[i][j] = ms[i][j].max(m)
				}
			}
		}
	}
}

func (s *stack) tables() []Table {
	var out []Table
	for _, row := range s.rows {
		for _, p := range row {
			for _, t := range p.content.tables() {
				t.Part = strings.Trim(p.part+"_"+t.Part, "_")
				out = append(out, t)
			}
		}
	}
	return out
}
