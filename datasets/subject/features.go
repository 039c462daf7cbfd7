package subject

import (
	"fmt"
	"math"
	"slices"

	"github.com/ventral-lab/ventral/datasets/scenes"
)

// Feature is one column of the truth.
type Feature struct {
	Name  string // "gabor fine 3,4 90", "face area", ...
	Group string // gabor, colour, curvature, statistics, face, body, object, place, word
	// X, Y is its place in the frame, 0 to 1, and Orientation in degrees, Scale the index of the scale, for those of the pixels.
	X, Y        float64
	Orientation float64
	Scale       int
}

// pixelFeatures lists what bank.pixels computes, in its order.
func pixelFeatures() []Feature {
	var out []Feature
	for s, scale := range gaborScales {
		for y := range scale.grid {
			for x := range scale.grid {
				for o := range orientations {
					f := Feature{Group: "gabor", Scale: s, Orientation: float64(o) * 180 / orientations}
					f.X, f.Y = (float64(x)+0.5)/float64(scale.grid), (float64(y)+0.5)/float64(scale.grid)
					f.Name = fmt.Sprintf("gabor %s %d,%d %g", scale.name, x, y, f.Orientation)
					out = append(out, f)
				}
			}
		}
	}
	cell := func(group, kind string, i int, orientation float64) {
		x, y := i%cells, i/cells
		out = append(out, Feature{Name: fmt.Sprintf("%s %s %d,%d", group, kind, x, y), Group: group, X: (float64(x) + 0.5) / cells, Y: (float64(y) + 0.5) / cells, Orientation: orientation})
	}
	for i := range cells * cells {
		for _, c := range []string{"red", "green", "blue", "yellow"} {
			cell("colour", c, i, 0)
		}
	}
	for i := range cells * cells {
		for o := range orientations {
			cell("curvature", fmt.Sprint(o*180/orientations), i, float64(o)*180/orientations)
		}
	}
	for _, s := range []string{"luminance", "contrast", "saturation", "edges"} {
		out = append(out, Feature{Name: s, Group: "statistics", X: 0.5, Y: 0.5})
	}
	return out
}

// objectGroups are the groups of objects that have a feature each.
var objectGroups = []string{"food", "plant", "sky", "vehicle", "thing"}

// latentFeatures lists what latents computes, in its order.
func latentFeatures() []Feature {
	var out []Feature
	add := func(group string, names ...string) {
		for _, n := range names {
			out = append(out, Feature{Name: group + " " + n, Group: group, X: 0.5, Y: 0.5})
		}
	}
	add("face", "area", "left", "right")
	add("face", scenes.Expressions()...)
	add("body", "area", "left", "right", "animal", "character")
	add("object", objectGroups...)
	add("place", "any", "building")
	add("place", scenes.Places()...)
	add("word", "area", "left", "right", "letters", "capitals", "object")
	return out
}

// latents appends the features of what is in a picture, in the order of latentFeatures. An area is the square root of the share of the frame that a
// thing's box covers; left and right count it by the side of the frame that its middle is on.
func latents(dst []float64, l *scenes.Latents, objects map[string]bool) []float64 {
	var face, body, word [3]float64
	expressions := make([]float64, len(scenes.Expressions()))
	groups := make([]float64, len(objectGroups))
	var animal, character, building, letters, capitals, named float64
	for i := range l.Items {
		it := &l.Items[i]
		area := math.Sqrt(min(1, max(0, it.Width*it.Height)))
		sided := func(f *[3]float64) {
			f[0] += area
			if it.X < 0.5 {
				f[1] += area
			} else {
				f[2] += area
			}
		}
		switch it.Category {
		case "face":
			sided(&face)
		case "character":
			sided(&body)
			character += area
		case "word":
			sided(&word)
			letters += float64(len(it.Name)) / 10
			if it.Case == "upper" {
				capitals += area
			}
			if objects[it.Name] {
				named += area
			}
		case "object":
			switch it.Group {
			case "body":
				sided(&body)
			case "animal":
				animal += area
			case "building":
				building += area
			}
			if g := slices.Index(objectGroups, it.Group); g >= 0 {
				groups[g] += area
			}
		}
		if e := slices.Index(scenes.Expressions(), it.Expression); e >= 0 && it.Category == "face" {
			expressions[e] += area
		}
	}
	dst = append(append(dst, face[:]...), expressions...)
	dst = append(append(dst, body[:]...), animal, character)
	dst = append(dst, groups...)
	places := make([]float64, len(scenes.Places()))
	somewhere := 0.0
	if p := slices.Index(scenes.Places(), l.Background); p >= 0 {
		places[p], somewhere = 1, 1
	}
	dst = append(append(dst, somewhere, building), places...)
	return append(append(dst, word[:]...), letters, capitals, named)
}
