package figure

import (
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"
)

// The neutral colours of axes and text.
var (
	white   = color.NRGBA{255, 255, 255, 255}
	dark    = color.NRGBA{38, 38, 38, 255}    // text and axis lines
	soft    = color.NRGBA{110, 110, 110, 255} // reference lines and second-rank text
	light   = color.NRGBA{214, 214, 214, 255} // null bands, frames
	faint   = color.NRGBA{244, 244, 245, 255} // alternating block backgrounds
	missing = color.NRGBA{190, 190, 190, 255} // NaN in a map: a gray that no colour map contains
)

// palette is the eight-colour set of Okabe and Ito (2008, "Color universal design"), reordered so that the first three
// differ most in lightness and the black comes as dark gray last. It survives the three common kinds of colour
// blindness.
var palette = []color.NRGBA{
	{0x00, 0x72, 0xb2, 255}, // blue
	{0xd5, 0x5e, 0x00, 255}, // vermilion
	{0x00, 0x9e, 0x73, 255}, // green
	{0xcc, 0x79, 0xa7, 255}, // purple
	{0xe6, 0x9f, 0x00, 255}, // orange
	{0x56, 0xb4, 0xe9, 255}, // sky
	{0x77, 0x77, 0x77, 255}, // gray
	{0x33, 0x33, 0x33, 255}, // near black
}

// parseColor reads a colour of the options: "" is the palette's colour auto.
func parseColor(s string, auto int) (color.NRGBA, error) {
	switch strings.ToLower(s) {
	case "":
		return palette[auto%len(palette)], nil
	case "black":
		return dark, nil
	case "gray", "grey":
		return palette[6], nil
	case "white":
		return white, nil
	}
	if len(s) == 2 && (s[0] == 'C' || s[0] == 'c') && s[1] >= '0' && s[1] <= '7' {
		return palette[s[1]-'0'], nil
	}
	if len(s) == 7 && s[0] == '#' {
		if v, err := strconv.ParseUint(s[1:], 16, 32); err == nil {
			return color.NRGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255}, nil
		}
	}
	return color.NRGBA{}, fmt.Errorf("colour %q is none of \"\", \"#rrggbb\", \"black\", \"gray\", \"white\", \"C0\"..\"C7\"", s)
}

// tint mixes c with white: 0 is c, 1 is white.
func tint(c color.NRGBA, t float64) color.NRGBA {
	mix := func(v uint8) uint8 { return uint8(math.Round(float64(v)*(1-t) + 255*t)) }
	return color.NRGBA{mix(c.R), mix(c.G), mix(c.B), c.A}
}

// shade mixes c with black: 0 is c, 1 is black.
func shade(c color.NRGBA, t float64) color.NRGBA {
	mix := func(v uint8) uint8 { return uint8(math.Round(float64(v) * (1 - t))) }
	return color.NRGBA{mix(c.R), mix(c.G), mix(c.B), c.A}
}

// alpha is c with opacity a in 0..1.
func alpha(c color.NRGBA, a float64) color.NRGBA {
	c.A = uint8(math.Round(255 * math.Min(math.Max(a, 0), 1)))
	return c
}

// luminance is the relative luminance of c (WCAG 2.1 definition), 0 black to 1 white.
func luminance(c color.NRGBA) float64 {
	lin := func(v uint8) float64 { return toLinear(float64(v) / 255) }
	return 0.2126*lin(c.R) + 0.7152*lin(c.G) + 0.0722*lin(c.B)
}

// ColorMap turns numbers into colours.
type ColorMap int

// The colour maps. All are computed here by straight lines in the Oklab space (B. Ottosson 2020), so equal steps of a
// value are about equal steps to the eye.
const (
	// Diverging runs from dark blue through white (the centre) to dark red, the reversed Blues and OrRd of the first document.
	Diverging ColorMap = iota
	// Sequential runs from dark violet through green to yellow with lightness rising evenly; it prints well in gray.
	Sequential
	// Grays runs from black to white.
	Grays
	// Blues runs from near white to dark blue.
	Blues
	// Oranges runs from near white through orange to dark red.
	Oranges
)

// String is the name of the map, as the provenance prints it.
func (m ColorMap) String() string {
	switch m {
	case Diverging:
		return "diverging"
	case Sequential:
		return "sequential"
	case Grays:
		return "grays"
	case Blues:
		return "blues"
	case Oranges:
		return "oranges"
	}
	return fmt.Sprintf("ColorMap(%d)", int(m))
}

// lab is a colour in Oklab.
type lab struct{ l, a, b float64 }

// lch is a colour in Oklab's polar form: lightness, chroma and hue in degrees.
func lch(l, c, h float64) lab {
	s, co := math.Sincos(h * math.Pi / 180)
	return lab{l, c * co, c * s}
}

// stops are the corner points of a map at even distances.
var stops = map[ColorMap][]lab{
	Diverging: {lch(0.34, 0.115, 258), lch(0.52, 0.125, 254), lch(0.72, 0.09, 250), lch(0.88, 0.04, 250), lch(1, 0, 0),
		lch(0.91, 0.055, 75), lch(0.80, 0.115, 60), lch(0.64, 0.185, 38), lch(0.42, 0.17, 28)},
	Sequential: {lch(0.25, 0.11, 305), lch(0.37, 0.115, 282), lch(0.49, 0.09, 245), lch(0.61, 0.095, 190), lch(0.73, 0.14, 155),
		lch(0.83, 0.165, 128), lch(0.93, 0.17, 106)},
	Grays:   {lch(0, 0, 0), lch(1, 0, 0)},
	Blues:   {lch(0.97, 0.01, 250), lch(0.80, 0.07, 250), lch(0.58, 0.125, 253), lch(0.34, 0.115, 258)},
	Oranges: {lch(0.97, 0.015, 80), lch(0.82, 0.11, 65), lch(0.64, 0.185, 40), lch(0.40, 0.16, 28)},
}

// At is the colour of t in 0..1; outside it is the nearest end, and NaN is gray.
func (m ColorMap) At(t float64) color.NRGBA {
	if math.IsNaN(t) {
		return missing
	}
	s := stops[m]
	if s == nil {
		s = stops[Diverging]
	}
	t = math.Min(math.Max(t, 0), 1) * float64(len(s)-1)
	i := min(int(t), len(s)-2)
	f := t - float64(i)
	return fromOklab(lab{
		s[i].l + f*(s[i+1].l-s[i].l),
		s[i].a + f*(s[i+1].a-s[i].a),
		s[i].b + f*(s[i+1].b-s[i].b),
	})
}

// fromOklab is Ottosson's conversion to linear sRGB followed by the sRGB transfer curve (IEC 61966-2-1), clipped to
// the cube.
func fromOklab(c lab) color.NRGBA {
	l := c.l + 0.3963377774*c.a + 0.2158037573*c.b
	m := c.l - 0.1055613458*c.a - 0.0638541728*c.b
	s := c.l - 0.0894841775*c.a - 1.2914855480*c.b
	l, m, s = l*l*l, m*m*m, s*s*s
	return color.NRGBA{
		toByte(4.0767416621*l - 3.3077115913*m + 0.2309699292*s),
		toByte(-1.2684380046*l + 2.6097574011*m - 0.3413193965*s),
		toByte(-0.0041960863*l - 0.7034186147*m + 1.7076147010*s),
		255,
	}
}

func toByte(v float64) uint8 {
	switch {
	case v <= 0:
		return 0
	case v >= 1:
		return 255
	case v <= 0.0031308:
		v *= 12.92
	default:
		v = 1.055*math.Pow(v, 1/2.4) - 0.055
	}
	return uint8(math.Round(v * 255))
}

func toLinear(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

// norm places values in 0..1 of a colour map.
type norm struct {
	lo, hi float64
}

// newNorm is the range of a colour map over values: fixed if min and max say so, symmetric about center if that is
// given, else the values' own range. A constant or empty map gets a range of width one around it, so that it is drawn
// in the middle colour rather than not at all.
func newNorm(values []float64, lo, hi float64, center *float64) norm {
	if lo == 0 && hi == 0 {
		lo, hi = extent(values)
	}
	if center != nil && !math.IsNaN(lo) {
		d := math.Max(math.Abs(lo-*center), math.Abs(hi-*center))
		lo, hi = *center-d, *center+d
	}
	if math.IsNaN(lo) {
		return norm{0, 1}
	}
	if lo == hi {
		return norm{lo - 0.5, hi + 0.5}
	}
	return norm{lo, hi}
}

func (n norm) at(v float64) float64 { return (v - n.lo) / (n.hi - n.lo) }

// extent is the least and the greatest finite value; NaN, NaN where there is none.
func extent(values ...[]float64) (lo, hi float64) {
	lo, hi = math.NaN(), math.NaN()
	for _, vs := range values {
		for _, v := range vs {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				continue
			}
			if !(v >= lo) {
				lo = v
			}
			if !(v <= hi) {
				hi = v
			}
		}
	}
	return lo, hi
}
