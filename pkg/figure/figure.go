package figure

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// The widths of a printed page in millimetres: one column, one and a half, two.
const (
	SingleColumn = 89.0
	MiddleColumn = 120.0
	DoubleColumn = 183.0
)

// Meta is what every figure has beside its data; every options struct embeds it.
type Meta struct {
	Name    string         // the stem of the files' names: letters, digits and -_. (required)
	Title   string         // drawn above the figure; "" draws none
	Caption string         // not drawn: notebooks print it under the figure, Save writes it to the JSON
	Width   float64        // mm; 0 = by kind of figure
	Height  float64        // mm; 0 = by kind of figure and contents
	Params  map[string]any // parameters of the result, for the JSON; values must marshal
	Sources []string       // where published numbers in the figure come from, for the JSON
}

// Figure is a picture of a result with the data in it. It is made by one of the constructors and does not change;
// its methods may be called from many goroutines.
type Figure struct {
	Name    string
	Title   string
	Caption string

	kind          string
	width, height float64 // points
	params        map[string]any
	sources       []string
	content       content
}

// content is what a kind of figure must say to be laid out, drawn and written.
type content interface {
	// width is the usual width in mm.
	width() float64
	// height is the height in points that suits a width in points.
	height(w float64) float64
	// measure is the room the content needs around its data area in a rectangle of w by h points; aligned says that
	// panels of a column or row may be given more, so that their data areas line up.
	measure(w, h float64) (m margins, aligned bool)
	// draw draws into r with the margins m, at least those of measure.
	draw(k *ink, r box, m margins)
	// tables is the data drawn.
	tables() []Table
}

const (
	pageMargin  = 3.0 // points around every figure
	titleHeight = 14.0
)

// newFigure checks m and wraps c.
func newFigure(kind string, m Meta, c content) (*Figure, error) {
	if err := checkName(m.Name); err != nil {
		return nil, fmt.Errorf("figure %s: %w", kind, err)
	}
	for _, l := range []float64{m.Width, m.Height} {
		if l < 0 || math.IsNaN(l) || l > maxSide {
			return nil, fmt.Errorf("figure %s: a side of %g mm is not between 0 and %d: see Meta.Width and Meta.Height", m.Name, l, maxSide)
		}
	}
	f := &Figure{Name: m.Name, Title: m.Title, Caption: m.Caption, kind: kind, params: maps.Clone(m.Params),
		sources: slices.Clone(m.Sources), content: c}
	w := m.Width
	if w == 0 {
		w = c.width()
	}
	f.width = points(w)
	f.height = points(m.Height)
	if m.Height == 0 {
		f.height = f.naturalHeight(f.width)
	}
	if r, ok := c.(interface{ room(w, h float64) float64 }); ok {
		if left := r.room(f.width-2*pageMargin, f.height-2*pageMargin-f.titleHeight()); left < leastRoom {
			return nil, fmt.Errorf("figure %s: in %.0f x %.0f mm the labels leave %.1f mm for the data: make it larger (Meta.Width, Meta.Height) or its labels shorter",
				m.Name, millimetres(f.width), millimetres(f.height), math.Max(0, millimetres(left)))
		}
	}
	if millimetres(f.height) > maxSide {
		return nil, fmt.Errorf("figure %s: it would be %.0f mm high; the limit is %d: show fewer rows, or set Meta.Height", m.Name, millimetres(f.height), maxSide)
	}
	return f, nil
}

// leastRoom is the least side of a data area in points, about 4 mm: less shows nothing.
const leastRoom = 12.0

// maxSide is the longest side of a figure in mm: a poster (A0 is 1189 mm). Beyond it a 300 dpi PNG takes gigabytes.
const maxSide = 1200

func checkName(s string) error {
	if s == "" {
		return errors.New("Meta.Name is empty: it becomes the name of the files")
	}
	for _, r := range s {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", r) {
			return fmt.Errorf("Meta.Name %q: %q cannot stand in a file name; use letters, digits, - _ .", s, r)
		}
	}
	if s[0] == '.' {
		return fmt.Errorf("Meta.Name %q begins with a dot and would be a hidden file", s)
	}
	return nil
}

func (f *Figure) titleHeight() float64 {
	if f.Title == "" {
		return 0
	}
	return titleHeight
}

func (f *Figure) naturalHeight(w float64) float64 {
	return f.content.height(w-2*pageMargin) + f.titleHeight() + 2*pageMargin
}

// Size is the width and height of the figure on paper in millimetres.
func (f *Figure) Size() (width, height float64) {
	return millimetres(f.width), millimetres(f.height)
}

// With is a copy of f with one more parameter for the JSON that Save writes. The value must marshal to JSON.
func (f *Figure) With(key string, value any) *Figure {
	g := *f
	g.params = maps.Clone(f.params)
	if g.params == nil {
		g.params = map[string]any{}
	}
	g.params[key] = value
	return &g
}

// Data is what is drawn, as tables of text: one for most figures, one a panel for composed ones.
func (f *Figure) Data() []Table { return f.content.tables() }

// render draws the whole page.
func (f *Figure) render(k *ink) {
	page := box{pageMargin, pageMargin, f.width - pageMargin, f.height - pageMargin}
	if f.Title != "" {
		k.text(point{page.x0, page.y1 - 1}, shorten(f.Title, page.w(), titleStyle()), titleStyle())
		page.y1 -= titleHeight
	}
	m, _ := f.content.measure(page.w(), page.h())
	f.content.draw(k, page, m)
}

func titleStyle() textStyle {
	return textStyle{size: sizeTitle, bold: true, color: dark, v: end}
}

// Ptr is a pointer to v, for the options that tell "zero" from "not given".
func Ptr[T any](v T) *T { return &v }
