package circles

import (
	"fmt"
	"image"
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/internal/raster"
	"github.com/ventral-lab/ventral/internal/rng"
)

// Shapes are the figures that can be drawn, besides "mixed".
var Shapes = []string{"circle", "square", "triangle", "rectangle"}

// Designs say where the figures go: "random" draws place and diameter evenly, "grid" visits the centre of every bin
// with every diameter.
var Designs = []string{"random", "grid"}

// Config says which stimuli a Set holds. The zero value is the document's set.
type Config struct {
	N           int     // number of stimuli of the random design; 0 = 3000. The grid design makes its own: leave it 0
	Seed        uint64  // of the random design
	Frame       int     // side of the square picture in pixels, 8..4096; 0 = 224
	MinDiameter float64 // pixels; 0 = 20/224 of the frame
	MaxDiameter float64 // pixels; 0 = 80/224 of the frame
	Shape       string  // one of Shapes, or "mixed" for all of them; "" = "circle"
	Colour      string  // a name of Colours, or RRGGBB in hexadecimal; "" = "black"
	Background  string  // the same; "" = "white"
	Design      string  // one of Designs; "" = "random"
	Bin         int     // pixels from grid point to grid point, a divisor of Frame; 0 = 8. Grid design only
	Diameters   int     // number of diameters at each grid point, evenly spaced, ends included; 0 = 4. Grid design only
	Masks       bool    // At also gives the mask "figure"
}

const (
	minFrame     = 8
	maxFrame     = 4096 // a picture of 64 MB
	maxDiameters = 1000
	maxLen       = 1 << 40 // far beyond any recording; keeps products of a grid from overflowing
)

// Set is a set of filled figures. It is safe for concurrent use.
type Set struct {
	cfg     Config
	shapes  []string
	fg, bg  [3]uint8
	side    int // grid points along a side
	n       int
	scratch sync.Pool
}

// Figure is what is drawn in one stimulus.
type Figure struct {
	Shape    string
	X, Y     float64 // centroid, pixels from the left and from the top
	Diameter float64 // of the disc of the same area, pixels
}

// New returns the stimuli that cfg describes. It fails on parameters that contradict each other or lie outside what
// the fields say.
func New(cfg Config) (*Set, error) {
	s := &Set{}
	if cfg.Frame == 0 {
		cfg.Frame = 224
	}
	if cfg.Frame < minFrame || cfg.Frame > maxFrame {
		return nil, fmt.Errorf("circles: frame = %d pixels: it lies between %d and %d", cfg.Frame, minFrame, maxFrame)
	}
	if cfg.MinDiameter == 0 {
		cfg.MinDiameter = float64(cfg.Frame) * 20 / 224
	}
	if cfg.MaxDiameter == 0 {
		cfg.MaxDiameter = float64(cfg.Frame) * 80 / 224
	}
	if !(cfg.MinDiameter > 0) || !(cfg.MaxDiameter >= cfg.MinDiameter) || cfg.MaxDiameter > 4*maxFrame {
		return nil, fmt.Errorf("circles: diameters from %g to %g pixels: give 0 < min <= max <= %d", cfg.MinDiameter, cfg.MaxDiameter, 4*maxFrame)
	}
	switch {
	case cfg.Shape == "" || cfg.Shape == "circle":
		cfg.Shape, s.shapes = "circle", Shapes[:1]
	case cfg.Shape == "mixed":
		s.shapes = Shapes
	default:
		for i, v := range Shapes {
			if v == cfg.Shape {
				s.shapes = Shapes[i : i+1]
			}
		}
		if s.shapes == nil {
			return nil, fmt.Errorf("circles: shape %q: it is one of %s, mixed", cfg.Shape, strings.Join(Shapes, ", "))
		}
	}
	var err error
	if cfg.Colour, s.fg, err = colour(cfg.Colour, "black"); err != nil {
		return nil, err
	}
	if cfg.Background, s.bg, err = colour(cfg.Background, "white"); err != nil {
		return nil, err
	}
	switch cfg.Design {
	case "", "random":
		cfg.Design = "random"
		if cfg.Bin != 0 || cfg.Diameters != 0 {
			return nil, fmt.Errorf("circles: bin and diameters belong to design=grid, this is design=random")
		}
		if cfg.N == 0 {
			cfg.N = 3000
		}
		if cfg.N < 1 || cfg.N > maxLen {
			return nil, fmt.Errorf("circles: n = %d: it lies between 1 and %d", cfg.N, maxLen)
		}
		s.n = cfg.N
	case "grid":
		if cfg.N != 0 || cfg.Seed != 0 {
			return nil, fmt.Errorf("circles: a grid design draws nothing: its number follows from frame, bin, diameters and shape; leave out n and seed")
		}
		if cfg.Bin == 0 {
			cfg.Bin = 8
		}
		if cfg.Diameters == 0 {
			cfg.Diameters = 4
		}
		if cfg.Bin < 1 || cfg.Frame%cfg.Bin != 0 {
			return nil, fmt.Errorf("circles: bin = %d pixels does not divide a frame of %d", cfg.Bin, cfg.Frame)
		}
		if cfg.Diameters < 1 || cfg.Diameters > maxDiameters {
			return nil, fmt.Errorf("circles: diameters = %d: it lies between 1 and %d", cfg.Diameters, maxDiameters)
		}
		s.side = cfg.Frame / cfg.Bin
		s.n = s.side * s.side * cfg.Diameters * len(s.shapes)
	default:
		return nil, fmt.Errorf("circles: design %q: it is one of %s", cfg.Design, strings.Join(Designs, ", "))
	}
	s.cfg = cfg
	return s, nil
}

// Config is what the set was made from, defaults filled in.
func (s *Set) Config() Config { return s.cfg }

// Len is the number of stimuli.
func (s *Set) Len() int { return s.n }

// Spec is the canonical name of the set, such as "circles?n=3000&seed=1" or "circles?design=grid". Parameters at
// their default are left out, except n and seed.
func (s *Set) Spec() string {
	c := s.cfg
	var b strings.Builder
	sep := byte('?')
	add := func(name, value string) {
		b.WriteByte(sep)
		b.WriteString(name + "=" + value)
		sep = '&'
	}
	b.WriteString("circles")
	if c.Design == "random" {
		add("n", strconv.Itoa(c.N))
		add("seed", strconv.FormatUint(c.Seed, 10))
	} else {
		add("design", c.Design)
		if c.Bin != 8 {
			add("bin", strconv.Itoa(c.Bin))
		}
		if c.Diameters != 4 {
			add("diameters", strconv.Itoa(c.Diameters))
		}
	}
	if c.Frame != 224 {
		add("frame", strconv.Itoa(c.Frame))
	}
	if c.MinDiameter != float64(c.Frame)*20/224 {
		add("min", strconv.FormatFloat(c.MinDiameter, 'g', -1, 64))
	}
	if c.MaxDiameter != float64(c.Frame)*80/224 {
		add("max", strconv.FormatFloat(c.MaxDiameter, 'g', -1, 64))
	}
	if c.Shape != "circle" {
		add("shape", c.Shape)
	}
	if c.Colour != "black" {
		add("colour", c.Colour)
	}
	if c.Background != "white" {
		add("background", c.Background)
	}
	if c.Masks {
		add("masks", "true")
	}
	return b.String()
}

// Columns lists the labels of every stimulus.
func (s *Set) Columns() []datasets.Column {
	return []datasets.Column{
		{Name: "x", Kind: datasets.Float, Unit: "px", Doc: "centre from the left border; the centroid of figures that are no circles"},
		{Name: "y", Kind: datasets.Float, Unit: "px", Doc: "centre from the top border"},
		{Name: "diameter", Kind: datasets.Float, Unit: "px", Doc: "diameter of the disc of the same area"},
		{Name: "shape", Kind: datasets.String, Doc: "circle, square, triangle or rectangle"},
		{Name: "colour", Kind: datasets.String, Doc: "of the figure: a name or RRGGBB"},
		{Name: "background", Kind: datasets.String, Doc: "a name or RRGGBB"},
		{Name: "visible_area", Kind: datasets.Float, Unit: "1", Doc: "share of the figure's area inside the frame, exact"},
		{Name: "area", Kind: datasets.Float, Unit: "px^2", Doc: "the figure's area inside the frame, exact"},
		{Name: "luminance", Kind: datasets.Float, Unit: "1", Doc: "mean Rec. 601 luma of the picture before rounding, 0 black to 1 white"},
	}
}

// Figure is what stimulus i shows, without drawing it. It fails on an index outside the set.
func (s *Set) Figure(i int) (Figure, error) {
	if i < 0 || i >= s.n {
		return Figure{}, fmt.Errorf("circles: stimulus %d of %d: indices run from 0 to %d", i, s.n, s.n-1)
	}
	c := s.cfg
	span := c.MaxDiameter - c.MinDiameter
	if c.Design == "grid" {
		// Fastest first: shape, diameter, column, row.
		f := Figure{Shape: s.shapes[i%len(s.shapes)]}
		i /= len(s.shapes)
		f.Diameter = (c.MinDiameter + c.MaxDiameter) / 2
		if c.Diameters > 1 {
			f.Diameter = c.MinDiameter + float64(span*float64(i%c.Diameters))/float64(c.Diameters-1)
		}
		i /= c.Diameters
		bin := float64(c.Bin)
		f.X, f.Y = (float64(i%s.side)+0.5)*bin, (float64(i/s.side)+0.5)*bin
		return f, nil
	}
	r := rng.Fast(c.Seed, "circles", uint64(i))
	var f Figure
	f.X = r.Float64() * float64(c.Frame)
	f.Y = r.Float64() * float64(c.Frame)
	f.Diameter = c.MinDiameter + float64(r.Float64()*span)
	f.Shape = s.shapes[r.IntN(len(s.shapes))]
	return f, nil
}

// outline is the figure as a polygon, in pixels; nil for a circle.
func (f Figure) outline() []raster.Point {
	r := f.Diameter / 2
	side := float64(r * math.Sqrt(math.Pi)) // of the square of area pi r^2
	box := func(w, h float64) []raster.Point {
		return []raster.Point{{X: f.X - w/2, Y: f.Y - h/2}, {X: f.X + w/2, Y: f.Y - h/2}, {X: f.X + w/2, Y: f.Y + h/2}, {X: f.X - w/2, Y: f.Y + h/2}}
	}
	switch f.Shape {
	case "square":
		return box(side, side)
	case "rectangle":
		return box(float64(side*math.Sqrt2), side/math.Sqrt2)
	case "triangle":
		// Equilateral: area = 3 sqrt(3)/4 R^2, the corners at distance R from the centroid.
		R := float64(side * math.Sqrt(4/(3*math.Sqrt(3))))
		h := float64(R * math.Sqrt(3) / 2)
		return []raster.Point{{X: f.X, Y: f.Y - R}, {X: f.X + h, Y: f.Y + R/2}, {X: f.X - h, Y: f.Y + R/2}}
	}
	return nil
}

// VisibleArea is the figure's area, in square pixels, inside a frame of w x h pixels, in closed form.
func (f Figure) VisibleArea(w, h float64) float64 {
	if p := f.outline(); p != nil {
		return raster.ClipArea(p, 0, 0, w, h)
	}
	return raster.DiscArea(f.X, f.Y, f.Diameter/2, 0, 0, w, h)
}

// Area is the figure's whole area in square pixels.
func (f Figure) Area() float64 { return math.Pi * f.Diameter * f.Diameter / 4 }

type scratch struct {
	z   *raster.Raster
	cov []float64
}

// At draws stimulus i and computes its labels.
func (s *Set) At(i int) (datasets.Stimulus, error) {
	f, err := s.Figure(i)
	if err != nil {
		return datasets.Stimulus{}, err
	}
	n := s.cfg.Frame
	w, ok := s.scratch.Get().(*scratch)
	if !ok {
		w = &scratch{raster.New(n, n), make([]float64, n*n)}
	}
	defer s.scratch.Put(w)
	if p := f.outline(); p != nil {
		w.z.Polygon(p)
		w.z.Coverage(w.cov)
	} else {
		raster.DiscCoverage(w.cov, n, n, f.X, f.Y, f.Diameter/2)
	}
	img := image.NewRGBA(image.Rect(0, 0, n, n))
	for p, a := range w.cov {
		px := img.Pix[4*p : 4*p+4 : 4*p+4]
		for c := range 3 {
			px[c] = uint8(float64(s.bg[c]) + float64(a*(float64(s.fg[c])-float64(s.bg[c]))) + 0.5)
		}
		px[3] = 255
	}
	frame := float64(n)
	visible := f.VisibleArea(frame, frame)
	share := visible / (frame * frame)
	st := datasets.Stimulus{
		ID:    s.id(i, f),
		Image: img,
		Labels: map[string]any{
			"x": f.X, "y": f.Y, "diameter": f.Diameter, "shape": f.Shape, "colour": s.cfg.Colour, "background": s.cfg.Background,
			"visible_area": min(visible/f.Area(), 1), "area": visible,
			"luminance": luma(s.bg) + float64(share*(luma(s.fg)-luma(s.bg))),
		},
		Caption: s.caption(f),
	}
	if s.cfg.Masks {
		m := image.NewGray(img.Rect)
		for p, a := range w.cov {
			m.Pix[p] = raster.Byte(a)
		}
		st.Masks = map[string]*image.Gray{"figure": m}
	}
	return st, nil
}

func (s *Set) id(i int, f Figure) string {
	if s.cfg.Design == "grid" {
		return fmt.Sprintf("%s-x%g-y%g-d%.6g", f.Shape, f.X, f.Y, f.Diameter)
	}
	return fmt.Sprintf("circles-%d-%d", s.cfg.Seed, i)
}

// caption is "a black circle", or "a circle" where the colour has no name.
func (s *Set) caption(f Figure) string {
	name := s.cfg.Colour
	if _, ok := palette[name]; !ok {
		return "a " + f.Shape
	}
	if strings.ContainsRune("aeiou", rune(name[0])) {
		return "an " + name + " " + f.Shape
	}
	return "a " + name + " " + f.Shape
}
