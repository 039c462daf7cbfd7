package scenes

import (
	"math"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/internal/raster"
)

var columns = []datasets.Column{
	{Name: "kind", Kind: datasets.String, Doc: "single, several, word, word+shape or empty"},
	{Name: "shape", Kind: datasets.String, Doc: "shape of the first object; empty where there is none"},
	{Name: "colour", Kind: datasets.String, Doc: "colour of the first object"},
	{Name: "texture", Kind: datasets.String, Doc: "solid, striped, dotted, checkered or outline"},
	{Name: "size", Kind: datasets.Float, Unit: "1", Doc: "radius of the disc of the same area as the first object (outlines: as the filled figure), in frames; NaN where there is none"},
	{Name: "size_name", Kind: datasets.String, Doc: "small (size < 0.1), medium or large (size >= 0.2)"},
	{Name: "x", Kind: datasets.Float, Unit: "1", Doc: "centroid of the first object from the left border, in frames; without an object, middle of the word; NaN without either"},
	{Name: "y", Kind: datasets.Float, Unit: "1", Doc: "the same from the top"},
	{Name: "rotation", Kind: datasets.Float, Unit: "deg", Doc: "turn of the first object, clockwise, 0..360; NaN where there is none"},
	{Name: "aspect", Kind: datasets.Float, Unit: "1", Doc: "width to height of a rectangle, hole to outside of a ring; else 1; NaN where there is no object"},
	{Name: "count", Kind: datasets.Int, Doc: "number of objects, 0..3"},
	{Name: "visible", Kind: datasets.Float, Unit: "1", Doc: "share of the first object's area (outlines: of the filled figure) inside the frame; NaN where there is none"},
	{Name: "background", Kind: datasets.String, Doc: "white, light, plain, gradient, noisy or blobs"},
	{Name: "background_colour", Kind: datasets.String, Doc: "its colour, where it has one with a name"},
	{Name: "noise", Kind: datasets.Float, Unit: "level", Doc: "standard deviation of the noise over the whole picture, in 8-bit levels"},
	{Name: "plain", Kind: datasets.Bool, Doc: "a solid object, or nothing, on a white or light background, without noise"},
	{Name: "word", Kind: datasets.String, Doc: "the written word in lower case; empty where there is none"},
	{Name: "word_case", Kind: datasets.String, Doc: "lower, upper or title"},
	{Name: "ink", Kind: datasets.String, Doc: "colour of the word"},
	{Name: "font", Kind: datasets.String, Doc: "font of the word"},
	{Name: "word_x", Kind: datasets.Float, Unit: "1", Doc: "middle of the word from the left border, in frames; NaN where there is none"},
	{Name: "word_y", Kind: datasets.Float, Unit: "1", Doc: "the same from the top"},
	{Name: "word_width", Kind: datasets.Float, Unit: "1", Doc: "length of the word along its line, in frames; NaN where there is none"},
	{Name: "shape2", Kind: datasets.String, Doc: "shape of the second object; empty where there is none"},
	{Name: "colour2", Kind: datasets.String, Doc: "colour of the second object"},
	{Name: "x2", Kind: datasets.Float, Unit: "1", Doc: "centroid of the second object from the left border, in frames; NaN where there is none"},
	{Name: "y2", Kind: datasets.Float, Unit: "1", Doc: "the same from the top"},
	{Name: "relation", Kind: datasets.String, Doc: "where the first of two different objects lies from the second: left of, right of, above, below"},
	{Name: "heldout", Kind: datasets.Bool, Doc: "some pair of shape and colour or word and ink in it is held out of training"},
}

// Columns lists the labels; a set of Probe has "class", the right answer, besides.
func (s *Set) Columns() []datasets.Column {
	out := append([]datasets.Column(nil), columns...)
	if s.probe != nil {
		out = append(out, datasets.Column{Name: "class", Kind: datasets.String, Doc: "the right one of the probe's classes"})
	}
	return out
}

var caseNames = [3]string{"lower", "upper", "title"}

func (s *Set) labels(sc *scene) map[string]any {
	nan := math.NaN()
	l := map[string]any{
		"kind": kindNames[sc.kind], "shape": "", "colour": "", "texture": "", "size": nan, "size_name": "", "x": nan, "y": nan,
		"rotation": nan, "aspect": nan, "count": int64(sc.n), "visible": nan,
		"background": backgroundNames[sc.bg.kind], "background_colour": "", "noise": sc.noise, "plain": sc.plain,
		"word": "", "word_case": "", "ink": "", "font": "", "word_x": nan, "word_y": nan, "word_width": nan,
		"shape2": "", "colour2": "", "x2": nan, "y2": nan, "relation": "",
	}
	if sc.bg.colour != unnamed {
		l["background_colour"] = colourNames[sc.bg.colour]
	}
	heldOut := false
	for k := range sc.n {
		heldOut = heldOut || heldOutPair(sc.objects[k].shape, sc.objects[k].colour)
	}
	if sc.hasWord {
		w := &sc.word
		l["word"], l["ink"], l["font"], l["word_case"] = words[w.index], colourNames[w.ink], fontFiles[w.font].name, caseNames[w.letter]
		l["word_x"], l["word_y"], l["word_width"] = w.x, w.y, w.width
		l["x"], l["y"] = w.x, w.y
		heldOut = heldOut || heldOutInk(w.index, w.ink)
	}
	if sc.n > 0 {
		o := &sc.objects[0]
		l["shape"], l["colour"], l["texture"] = shapeNames[o.shape], colourNames[o.colour], textureNames[o.texture]
		l["size"], l["size_name"], l["x"], l["y"] = o.r, sizeNames[sizeOf(o.r)], o.x, o.y
		turn := o.angle * 180 / math.Pi
		l["rotation"] = turn - 360*math.Floor(turn/360)
		l["aspect"], l["visible"] = o.aspect, o.visible()
	}
	if sc.n > 1 {
		o := &sc.objects[1]
		l["shape2"], l["colour2"], l["x2"], l["y2"] = shapeNames[o.shape], colourNames[o.colour], o.x, o.y
	}
	if sc.relation >= 0 {
		l["relation"] = relationNames[sc.relation]
	}
	l["heldout"] = heldOut
	if s.probe != nil {
		l["class"] = s.probe.classes[sc.class]
	}
	return l
}

// visible is the exact share of the figure's area that lies in the frame.
func (o *object) visible() float64 {
	full := math.Pi * o.r * o.r
	a := 0.0
	switch o.shape {
	case circle:
		a = raster.DiscArea(o.x, o.y, o.r, 0, 0, 1, 1)
	case ring:
		outer := o.r * ringOuter(o.aspect)
		a = raster.DiscArea(o.x, o.y, outer, 0, 0, 1, 1) - raster.DiscArea(o.x, o.y, outer*o.aspect, 0, 0, 1, 1)
	default:
		a = raster.ClipArea(o.points(nil, 1), 0, 0, 1, 1)
	}
	return min(max(a/full, 0), 1)
}
