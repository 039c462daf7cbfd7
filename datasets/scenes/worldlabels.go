package scenes

import (
	"image"
	"math"

	"github.com/ventral-lab/ventral/datasets"
)

var worldColumns = []datasets.Column{
	{Name: "kind", Kind: datasets.String, Doc: "object, objects, word, object+word, face, region, character, figure, figures or empty"},
	{Name: "category", Kind: datasets.String, Doc: "of the first item: object, face, flag, map, character, word or shape; empty where there is none"},
	{Name: "name", Kind: datasets.String, Doc: "class of the first item within its category"},
	{Name: "group", Kind: datasets.String, Doc: "kind of the first object: animal, food, plant, sky, vehicle, thing, building, body"},
	{Name: "object", Kind: datasets.String, Doc: "first object; empty where there is none"},
	{Name: "object2", Kind: datasets.String, Doc: "second object"},
	{Name: "style", Kind: datasets.String, Doc: "how the first item is shown: art, silhouette, line or word"},
	{Name: "variant", Kind: datasets.Int, Doc: "which drawing of its class the first item is; -1 for icons and faces of strokes"},
	{Name: "colour", Kind: datasets.String, Doc: "the one colour of the first item; empty for art in colours of its own"},
	{Name: "texture", Kind: datasets.String, Doc: "of the first item, if it is a shape or a silhouette: solid, striped, dotted, checkered, outline"},
	{Name: "shape", Kind: datasets.String, Doc: "first shape; empty where there is none"},
	{Name: "expression", Kind: datasets.String, Doc: "expression of the first face or character"},
	{Name: "region", Kind: datasets.String, Doc: "region of the first flag or map"},
	{Name: "continent", Kind: datasets.String, Doc: "continent of that region"},
	{Name: "character", Kind: datasets.String, Doc: "the cartoon character"},
	{Name: "word", Kind: datasets.String, Doc: "the written word in lower case; empty where there is none"},
	{Name: "ink", Kind: datasets.String, Doc: "colour of the word"},
	{Name: "font", Kind: datasets.String, Doc: "font of the word"},
	{Name: "word_case", Kind: datasets.String, Doc: "lower, upper or title"},
	{Name: "word_x", Kind: datasets.Float, Unit: "1", Doc: "middle of the word from the left border, in frames; NaN where there is none"},
	{Name: "word_y", Kind: datasets.Float, Unit: "1", Doc: "the same from the top"},
	{Name: "word_width", Kind: datasets.Float, Unit: "1", Doc: "length of the word along its line, in frames; NaN where there is none"},
	{Name: "count", Kind: datasets.Int, Doc: "number of items besides words"},
	{Name: "relation", Kind: datasets.String, Doc: "where the first of two items lies from the second: left of, right of, above, below, behind"},
	{Name: "x", Kind: datasets.Float, Unit: "1", Doc: "middle of the first item from the left border, in frames; NaN where there is none"},
	{Name: "y", Kind: datasets.Float, Unit: "1", Doc: "the same from the top"},
	{Name: "scale", Kind: datasets.Float, Unit: "1", Doc: "longer side of the first item's box before turning, in frames; of a shape, the diameter of the disc of its area"},
	{Name: "rotation", Kind: datasets.Float, Unit: "deg", Doc: "turn of the first item, clockwise, 0..360"},
	{Name: "flip", Kind: datasets.Bool, Doc: "the first item's left and right are exchanged"},
	{Name: "visible", Kind: datasets.Float, Unit: "1", Doc: "share of the first item's covered pixels inside the frame that nothing in front hides; NaN where there is none"},
	{Name: "background", Kind: datasets.String, Doc: "white, light, plain, gradient, noisy, blobs, indoor, street, nature, sea or sky"},
	{Name: "background_colour", Kind: datasets.String, Doc: "its colour, where it is one with a name"},
	{Name: "noise", Kind: datasets.Float, Unit: "level", Doc: "standard deviation of the noise, in 8-bit levels"},
	{Name: "blur", Kind: datasets.Float, Unit: "1", Doc: "standard deviation of the blur, in frames"},
	{Name: "contrast", Kind: datasets.Float, Unit: "1", Doc: "factor of the contrast, less 1"},
	{Name: "brightness", Kind: datasets.Float, Unit: "level", Doc: "added to every level"},
	{Name: "shadow", Kind: datasets.Float, Unit: "1", Doc: "share of the light that the shadow takes"},
	{Name: "heldout", Kind: datasets.Bool, Doc: "a combination in it is held out of training"},
}

// Columns lists the labels; a set of NewWorldProbe has "class", the right answer, besides.
func (s *World) Columns() []datasets.Column {
	out := append([]datasets.Column(nil), worldColumns...)
	if s.probe != nil {
		out = append(out, datasets.Column{Name: "class", Kind: datasets.String, Doc: "the right one of the probe's classes"})
	}
	return out
}

func (s *World) labels(p *Picture, i int) map[string]any {
	nan := math.NaN()
	l := make(map[string]any, len(worldColumns)+1)
	for _, c := range worldColumns {
		switch c.Kind {
		case datasets.String:
			l[c.Name] = ""
		case datasets.Float:
			l[c.Name] = nan
		case datasets.Int:
			l[c.Name] = int64(0)
		case datasets.Bool:
			l[c.Name] = false
		}
	}
	l["kind"], l["relation"], l["background"], l["background_colour"], l["heldout"] = p.Kind, p.Relation, p.Background, p.BackgroundColour, p.HeldOut
	u := &p.Nuisance
	l["noise"], l["blur"], l["contrast"], l["brightness"], l["shadow"] = u.Noise, u.Blur, u.Contrast, u.Brightness, u.Shadow
	first := func(name string, v string) {
		if l[name] == "" {
			l[name] = v
		}
	}
	count := int64(0)
	for k := range p.Items {
		it := &p.Items[k]
		if it.Category == categoryNames[catWord] {
			l["word"], l["ink"], l["font"], l["word_case"] = it.Name, it.Colour, it.Font, it.Case
			l["word_x"], l["word_y"], l["word_width"] = it.X, it.Y, it.Width
		} else {
			count++
		}
		switch it.Category {
		case categoryNames[catObject]:
			if l["object"] != "" {
				first("object2", it.Name)
			}
			first("object", it.Name)
		case categoryNames[catShape]:
			first("shape", it.Name)
		case categoryNames[catFlag], categoryNames[catMap]:
			l["region"], l["continent"] = it.Name, regions[index(names(flags), it.Name)].continent
		case categoryNames[catCharacter]:
			l["character"] = it.Name
		}
		first("expression", it.Expression)
	}
	l["count"] = count
	if len(p.Items) > 0 {
		it := &p.Items[0]
		l["category"], l["name"], l["group"], l["style"], l["variant"] = it.Category, it.Name, it.Group, it.Style, int64(it.Variant)
		l["colour"], l["texture"], l["x"], l["y"], l["scale"], l["rotation"], l["flip"] = it.Colour, it.Texture, it.X, it.Y, it.Scale, it.Rotation, it.Flip
		l["visible"] = p.Visible(0)
	}
	if s.probe != nil {
		l["class"] = s.probe.classes[s.class(i)]
	}
	return l
}

// Visible is the share of an item's covered pixels that nothing in front hides; NaN if it covers none.
func (p *Picture) Visible(item int) float64 {
	seen, all := 0, 0
	for i, a := range p.Coverage[item] {
		if a >= 128 {
			all++
			if int(p.Instance[i]) == item+1 {
				seen++
			}
		}
	}
	if all == 0 {
		return math.NaN()
	}
	return float64(seen) / float64(all)
}

// masks are the pixel masks of At.
func (p *Picture) masks() map[string]*image.Gray {
	n := p.Size
	out := map[string]*image.Gray{}
	mask := func(name string) *image.Gray {
		m := image.NewGray(image.Rect(0, 0, n, n))
		out[name] = m
		return m
	}
	figure := mask("figure")
	copy(mask("word").Pix, p.Ink)
	for k := range maxItems {
		m := mask(worldMasks[k])
		if k >= len(p.Coverage) {
			continue
		}
		for i, a := range p.Coverage[k] {
			rest := uint32(a) // what the items in front leave of it
			for _, front := range p.Coverage[k+1:] {
				rest = (rest*uint32(255-front[i]) + 127) / 255
			}
			m.Pix[i] = uint8(rest)
			f := uint32(figure.Pix[i])
			figure.Pix[i] = uint8(f + (uint32(a)*(255-f)+127)/255)
		}
	}
	return out
}

var worldMasks = [maxItems]string{"object0", "object1", "object2", "object3", "object4"}
