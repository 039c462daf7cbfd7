package scenes

import (
	"math"

	"github.com/ventral-lab/ventral/datasets/scenes/atlas"
)

// maxItems bounds the items of a picture: four objects and a word.
const maxItems = 5

// picture is every latent of one picture of the second world. Lengths are in units of the frame, angles in radians.
type picture struct {
	kind     int
	fig      *scene // figures: the scene of the first world; else nil
	ground   ground
	items    [maxItems]item
	n        int
	relation int // of item 0 to item 1; -1 = none, relBehind = behind
	copies   bool
	nuisance Nuisance
	noiseKey uint64
	class    int // of a probe
	caption  string
}

const relBehind = 4

// item is one thing in a picture.
type item struct {
	category   int
	index      int // class within the category; of a word, its number in allWords
	style      int
	variant    int // of the art; -1 = icon, or drawn from strokes
	colour     int // ink, or unnamed
	paint      object
	expression int // -1 = none
	zoom       float64
	x, y       float64
	scale      float64
	w, h       float64
	angle      float64
	flip       bool
	saturation float64
	gain       float64 // of the art's light
	word       writing
	plate      bool
	plateRGB   [3]uint8
	plateInk   int        // colour of the plate
	jitter     [4]float64 // of characters and drawn faces: -1..1
}

// sprite is what an item is drawn from; nil for what is drawn from strokes and letters.
func (it *item) sprite() *atlas.Sprite {
	var cells atlas.Sprites
	switch it.category {
	case catObject:
		cells = things[it.index].cells
	case catFace:
		cells = faces[it.index].cells
	case catFlag:
		return atlas.Get(atlas.Art, flags[it.index].cells.Art[0])
	default:
		return nil
	}
	switch {
	case it.variant < 0 && it.category == catFace:
		return nil
	case it.variant < 0:
		return atlas.Get(atlas.Icon, cells.Icon[0])
	case it.style == styleSilhouette:
		return atlas.Get(atlas.Stencil, cells.Stencil[it.variant])
	case it.style == styleLine:
		return atlas.Get(atlas.Line, cells.Line[it.variant])
	}
	return atlas.Get(atlas.Art, cells.Art[it.variant])
}

// measure sets the sides of the item's box from its scale.
func (it *item) measure() {
	it.w, it.h = it.scale, it.scale
	switch it.category {
	case catMap:
		it.h = it.scale * mapHeight
	case catCharacter:
		it.w = it.scale * characterWidth
	case catWord:
		it.w, it.h = it.word.width, it.word.height
	default:
		if s := it.sprite(); s != nil {
			w, h := float64(s.Box.Dx()), float64(s.Box.Dy())
			m := max(w, h)
			it.w, it.h = it.scale*w/m, it.scale*h/m
		}
	}
}

// reach is half the width and height of the turned box.
func (it *item) reach() (hx, hy float64) {
	s, c := sincos(it.angle)
	s, c = math.Abs(s), math.Abs(c)
	w, h := it.w, it.h
	if it.plate {
		w, h = w+float64(2*platePad*it.h), h+float64(2*platePad*it.h)
		if it.category != catWord {
			w, h = it.w*1.12, it.h*1.12
		}
	}
	return (float64(w*c) + float64(h*s)) / 2, (float64(w*s) + float64(h*c)) / 2
}

// platePad is the border of a plate around a word, in heights of the word.
const platePad = 0.3

// stands tells whether an item can be seen on a colour: art by the mean of its paints, silhouettes by any channel, words
// and line drawings by luma, because letters and lines are read from luminance.
func (it *item) stands(c [3]uint8, colour int, place bool) bool {
	if it.plate {
		return it.category == catWord || contrast(it.plateRGB, c) >= 0
	}
	switch {
	case it.style == styleWord || it.style == styleLine:
		return lumaContrast(it.paint.rgb, c) >= 70 && it.colour != colour
	case it.style == styleSilhouette:
		return contrast(it.paint.rgb, c) >= 80 && it.colour != colour
	case place:
		return true
	}
	return contrast(it.mean(), c) >= 45
}

// mean is the mean colour of an item in colours of its own.
func (it *item) mean() [3]uint8 {
	switch it.category {
	case catMap:
		return [3]uint8{110, 150, 170}
	case catCharacter:
		return it.paint.rgb
	}
	if s := it.sprite(); s != nil && s.Coloured() {
		return tone(s.Mean, it.saturation, it.gain)
	}
	return it.paint.rgb
}

// tone changes saturation and light of a colour.
func tone(c [3]uint8, saturation, gain float64) [3]uint8 {
	l := float64(luma(c))
	for i, v := range c {
		c[i] = uint8(min(max(float64((l+float64((float64(v)-l)*saturation))*gain)+0.5, 0), 255))
	}
	return c
}

// heldOut tells whether the picture has a combination that training never shows.
func (p *picture) heldOut() bool {
	if p.fig != nil {
		for k := range p.fig.n {
			if heldOutPair(p.fig.objects[k].shape, p.fig.objects[k].colour) {
				return true
			}
		}
		return false
	}
	for k := range p.n {
		if p.items[k].heldOut(p.ground.place) {
			return true
		}
	}
	return false
}

func (it *item) heldOut(place int) bool {
	switch it.category {
	case catObject:
		return place == heldOutPlace(it.index) || it.style == heldOutStyle(it.index) || it.style != styleArt && it.colour == heldOutThingInk(it.index)
	case catWord:
		return heldOutWordInk(it.index, it.colour)
	}
	return false
}

func degrees(a float64) float64 {
	a = a * 180 / math.Pi
	return a - 360*math.Floor(a/360)
}

// latents writes a picture's latents in the units of Latents.
func (p *picture) latents() Latents {
	l := Latents{Kind: worldKindNames[p.kind], Background: p.ground.name(), Nuisance: p.nuisance, HeldOut: p.heldOut(), Caption: p.caption}
	if p.fig != nil {
		return p.fig.latents(l)
	}
	if p.ground.place == nowhere && p.ground.bg.colour != unnamed {
		l.BackgroundColour = colourNames[p.ground.bg.colour]
	}
	switch {
	case p.relation == relBehind:
		l.Relation = "behind"
	case p.relation >= 0:
		l.Relation = relationNames[p.relation]
	}
	l.Items = make([]Item, p.n)
	for k := range p.n {
		l.Items[k] = p.items[k].latents()
	}
	return l
}

func (it *item) latents() Item {
	out := Item{
		Category: categoryNames[it.category], Style: styleNames[it.style], Variant: it.variant, RGB: it.paint.rgb,
		X: it.x, Y: it.y, Scale: it.scale, Width: it.w, Height: it.h, Rotation: degrees(it.angle), Flip: it.flip, Saturation: it.saturation,
		Zoom: it.zoom, Plate: it.plate,
	}
	if it.plate {
		out.PlateRGB = it.plateRGB
	}
	switch it.category {
	case catObject:
		out.Name, out.Group = things[it.index].name, things[it.index].group
	case catFace:
		out.Name = faces[it.index].name
	case catFlag, catMap:
		out.Name = flags[it.index].name
	case catCharacter:
		out.Name = characters[it.index].name
	case catWord:
		out.Name = allWords[it.index]
		out.Font, out.Case = worldFonts[it.word.font].name, caseNames[it.word.letter]
	}
	if it.expression >= 0 {
		out.Expression = faces[it.expression].name
	}
	if it.colour != unnamed {
		out.Colour = colourNames[it.colour]
	} else {
		out.RGB = it.mean()
	}
	if it.style == styleSilhouette {
		out.Texture = textureNames[it.paint.texture]
	}
	return out
}

// latents adds what is in a scene of the first world.
func (sc *scene) latents(l Latents) Latents {
	l.Background = backgroundNames[sc.bg.kind]
	if sc.bg.colour != unnamed {
		l.BackgroundColour = colourNames[sc.bg.colour]
	}
	if sc.noise > 0 {
		l.Nuisance.Noise = sc.noise
	}
	if sc.relation >= 0 {
		l.Relation = relationNames[sc.relation]
	}
	for k := range sc.n {
		o := &sc.objects[k]
		l.Items = append(l.Items, Item{
			Category: categoryNames[catShape], Name: shapeNames[o.shape], Style: styleNames[styleArt], Colour: colourNames[o.colour], RGB: o.rgb,
			Texture: textureNames[o.texture], X: o.x, Y: o.y, Scale: 2 * o.r, Width: 2 * o.r, Height: 2 * o.r, Rotation: degrees(o.angle), Saturation: 1,
		})
	}
	if sc.hasWord {
		w := &sc.word
		l.Items = append(l.Items, Item{
			Category: categoryNames[catWord], Name: words[w.index], Style: styleNames[styleWord], Colour: colourNames[w.ink], RGB: w.rgb,
			X: w.x, Y: w.y, Scale: w.width, Width: w.width, Height: w.height, Rotation: degrees(w.angle), Saturation: 1,
			Font: fontFiles[w.font].name, Case: caseNames[w.letter],
		})
	}
	return l
}
