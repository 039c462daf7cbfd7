package scenes

import "math"

var (
	thingStyles  = []float64{styleArt: 50, styleSilhouette: 28, styleLine: 22}
	inkColours   = []float64{black: 3, white: 1, gray: 1, red: 1.2, green: 1.2, blue: 1.2, yellow: 0.8, purple: 1, orange: 1, pink: 0.8}
	lineColours  = []float64{black: 6, white: 1, gray: 0.6, red: 1, green: 1, blue: 1.2, yellow: 0.4, purple: 1, orange: 0.6, pink: 0.4}
	stencilCloth = []float64{solid: 88, striped: 4, dotted: 4, checkered: 4}
)

func newItem(category, index int) item {
	return item{category: category, index: index, colour: unnamed, expression: -1, saturation: 1, gain: 1}
}

// thingItem draws what an object looks like, but not where it is. style is one of the styles or -1 for any.
func thingItem(d draws, index, style int, held bool) item {
	it := newItem(catObject, index)
	t := &things[index]
	it.style = style
	for style < 0 {
		if it.style = d.pick(thingStyles); held || it.style != heldOutStyle(index) {
			break
		}
	}
	it.variant = d.IntN(len(t.cells.Art))
	switch it.style {
	case styleArt:
		it.lighten(d)
	case styleSilhouette:
		if len(t.cells.Icon) > 0 && d.yes(0.35) {
			it.variant = -1
		}
		it.inkOf(d, inkColours, held)
	case styleLine:
		it.inkOf(d, lineColours, held)
		if d.yes(0.2) {
			it.plated(d)
		}
	}
	it.turn(d)
	it.flip = d.yes(0.5)
	return it
}

// lighten varies saturation and light of art: none, some, or no colours at all.
func (it *item) lighten(d draws) {
	switch u := d.Float64(); {
	case u < 0.06:
		it.saturation = 0
	case u < 0.36:
		it.saturation, it.gain = d.in(0.5, 1.3), d.in(0.8, 1.12)
	}
}

func (it *item) inkOf(d draws, weights []float64, held bool) {
	for {
		it.colour = d.pick(weights)
		if held || it.category != catObject || it.colour != heldOutThingInk(it.index) {
			break
		}
	}
	it.paint.rgb = tint(d, it.colour)
}

// plated puts the item on a plate on which its ink can be read.
func (it *item) plated(d draws) {
	it.plate = true
	for range 30 {
		it.plateInk = white
		if d.yes(0.4) {
			it.plateInk = d.pick(inkColours)
		}
		it.plateRGB = tint(d, it.plateInk)
		if lumaContrast(it.plateRGB, it.paint.rgb) >= 80 && it.plateInk != it.colour {
			return
		}
	}
	it.plateInk, it.plateRGB = white, [3]uint8{255, 255, 255}
	if luma(it.paint.rgb) > 128 {
		it.plateInk, it.plateRGB = black, [3]uint8{}
	}
}

// turn draws an angle: nearly upright, tilted, or any.
func (it *item) turn(d draws) {
	switch u := d.Float64(); {
	case u < 0.60:
		it.angle = d.in(-0.14, 0.14)
	case u < 0.92:
		it.angle = d.in(-0.55, 0.55)
	default:
		it.angle = d.in(0, 2*math.Pi)
	}
}

// clothe gives a silhouette a texture, once its scale is known.
func (it *item) clothe(d draws) {
	if it.style != styleSilhouette || it.scale < 0.5 {
		return
	}
	it.paint.x, it.paint.y, it.paint.r = it.x, it.y, it.scale/2
	it.paint.texturise(d, d.pick(stencilCloth))
}

// place draws where an item lies: inside the frame, or (loose of the time) cut by its border by up to a fifth of its box.
func (it *item) place(d draws, loose float64) {
	it.measure()
	hx, hy := it.reach()
	if d.yes(loose) {
		hx, hy = float64(0.6*hx), float64(0.6*hy)
	}
	hx, hy = min(hx, 0.5), min(hy, 0.5)
	it.x, it.y = d.in(hx, 1-hx), d.in(hy, 1-hy)
	it.settleWord()
}

// moveTo puts the middle of an item at (x, y).
func (it *item) moveTo(x, y float64) {
	it.x, it.y = x, y
	it.settleWord()
}

func (it *item) settleWord() {
	if it.category == catWord {
		it.word.x, it.word.y, it.word.angle = it.x, it.y, it.angle
	}
}

func (p *picture) sampleObject(d draws, held bool) {
	index := d.IntN(len(things))
	how := -1
	if held {
		if how = d.IntN(3); how == 2 {
			for heldOutStyle(index) < 0 {
				index = d.IntN(len(things))
			}
		}
	}
	style := -1
	switch how {
	case 1:
		for style = d.pick(thingStyles); style == styleArt; {
			style = d.pick(thingStyles)
		}
	case 2:
		style = heldOutStyle(index)
	}
	it := thingItem(d, index, style, held)
	if how == 1 {
		it.colour = heldOutThingInk(index)
		it.paint.rgb = tint(d, it.colour)
		if it.plate {
			it.plated(d)
		}
	}
	it.scale = singleScale(d)
	it.place(d, 0.2)
	it.clothe(d)
	p.items[0], p.n = it, 1
	if how == 0 {
		p.ground = ground{key: d.Uint64()}
		for range 20 {
			p.ground.samplePlace(d, heldOutPlace(index))
			if p.visible() {
				return
			}
		}
		p.items[0].style, p.items[0].variant, p.items[0].colour, p.items[0].plate, p.items[0].paint = styleArt, 0, unnamed, false, object{}
		p.items[0].measure()
		return
	}
	p.sampleGround(d, held, 0.38, 0.38)
}

// singleScale is the scale of a thing that is alone: mostly large.
func singleScale(d draws) float64 {
	if d.yes(0.3) {
		return d.scaleIn(0.25, 0.55)
	}
	return d.in(0.55, 1)
}

// sampleObjects puts two or three different objects into a layout, or several of a kind.
func (p *picture) sampleObjects(d draws) {
	u := d.Float64()
	switch {
	case u < 0.24:
		p.sampleCopies(d)
	case u < 0.40:
		p.n = 3
		at := [3][2]float64{{0.25, 0.3}, {0.75, 0.3}, {0.5, 0.74}}
		turn := d.IntN(3)
		for k := range 3 {
			it := thingItem(d, d.IntN(len(things)), -1, false)
			for again := true; again; {
				again = false
				for j := range k {
					if p.items[j].index == it.index {
						it, again = thingItem(d, d.IntN(len(things)), -1, false), true
					}
				}
			}
			it.angle = d.in(-0.2, 0.2)
			it.scale = d.in(0.34, 0.46)
			it.measure()
			q := at[(k+turn)%3]
			it.moveTo(q[0]+d.in(-0.04, 0.04), q[1]+d.in(-0.05, 0.05))
			p.items[k] = it
		}
	default:
		p.samplePair(d)
	}
	p.sampleGround(d, false, 0.35, 0.4)
}

func (p *picture) sampleCopies(d draws) {
	p.copies, p.n = true, 2+d.pick([]float64{5, 3, 2})
	index := d.IntN(len(things))
	for things[index].noun.grammar != counted {
		index = d.IntN(len(things))
	}
	one := thingItem(d, index, -1, false)
	one.plate = false
	var at [][2]float64
	switch p.n {
	case 2:
		at = [][2]float64{{0.27, 0.5}, {0.73, 0.5}}
		if d.yes(0.3) {
			at = [][2]float64{{0.5, 0.27}, {0.5, 0.73}}
		}
	case 3:
		at = [][2]float64{{0.25, 0.3}, {0.75, 0.32}, {0.5, 0.75}}
	default:
		at = [][2]float64{{0.26, 0.27}, {0.74, 0.26}, {0.27, 0.75}, {0.75, 0.74}}
	}
	one.scale = d.in(0.32, 0.46)
	for k := range p.n {
		it := one
		it.angle = d.in(-0.3, 0.3)
		it.flip = d.yes(0.5)
		it.scale = float64(one.scale * d.in(0.88, 1.04))
		it.measure()
		it.moveTo(at[k][0]+d.in(-0.04, 0.04), at[k][1]+d.in(-0.04, 0.04))
		p.items[k] = it
	}
}

// samplePair puts two different objects beside, above or in front of one another.
func (p *picture) samplePair(d draws) {
	p.n = 2
	a := d.IntN(len(things))
	b := d.IntN(len(things) - 1)
	if b >= a {
		b++
	}
	first, second := thingItem(d, a, -1, false), thingItem(d, b, -1, false)
	first.angle, second.angle = d.in(-0.25, 0.25), d.in(-0.25, 0.25)
	p.relation = d.pick([]float64{2, 2, 1.5, 1.5, 3})
	if p.relation == relBehind {
		first.plate, second.plate = false, false
		first.scale, second.scale = d.in(0.62, 0.85), d.in(0.36, 0.5)
		side := d.in(0.14, 0.26)
		if d.yes(0.5) {
			side = -side
		}
		first.measure()
		second.measure()
		first.moveTo(0.5-side/2, d.in(0.42, 0.5))
		second.moveTo(0.5+side, d.in(0.62, 0.74))
	} else {
		first.scale, second.scale = d.in(0.38, 0.5), d.in(0.38, 0.5)
		near, far := d.in(0.24, 0.3), d.in(0.7, 0.76)
		if p.relation%2 == 1 {
			near, far = far, near
		}
		u, v := d.in(0.38, 0.62), d.in(0.38, 0.62)
		first.measure()
		second.measure()
		if p.relation < 2 {
			first.moveTo(near, u)
			second.moveTo(far, v)
		} else {
			first.moveTo(u, near)
			second.moveTo(v, far)
		}
	}
	p.items[0], p.items[1] = first, second
}

// textItem draws a written word: its ink, letters and font; lo and hi bound its width.
func textItem(d draws, index int, held bool, lo, hi float64) item {
	it := newItem(catWord, index)
	it.style = styleWord
	for {
		if it.colour = d.pick(inkColours); heldOutWordInk(it.index, it.colour) == held {
			break
		}
		if held {
			it.index = someWord(d)
		}
	}
	it.paint.rgb = tint(d, it.colour)
	it.write(d, lo, hi)
	return it
}

// write draws letters, font and size for the word of the item: letters at least 0.09 frames apart as far as the frame allows, and
// not higher than 0.36 frames.
func (it *item) write(d draws, lo, hi float64) {
	w := writing{index: it.index, ink: it.colour, rgb: it.paint.rgb, font: d.IntN(len(worldFonts)), letter: d.pick([]float64{5, 3, 2})}
	w.text = letters(allWords[it.index], w.letter)
	f := worldFontFaces()[w.font]
	em, err := f.Width(w.text)
	if err != nil {
		panic(err) // the words are ASCII and the fonts have it: a test covers every pair
	}
	lo = max(lo, min(float64(0.09*float64(len(w.text))), hi-0.04))
	top, bottom := f.Extent(w.text)
	w.em = min(d.in(lo, hi)/em, 0.36/(bottom-top))
	w.width, w.height = float64(w.em*em), float64(w.em*(bottom-top))
	it.word = w
	it.scale = w.width
	it.measure()
}

// someWord draws a word: mostly the name of an object.
func someWord(d draws) int {
	switch d.pick([]float64{62, 13, 4, 7, 9, 5}) {
	case 0:
		return d.IntN(len(things))
	case 1:
		return colourWord0 + d.IntN(nColours)
	case 2:
		return shapeWord0 + d.IntN(nShapes)
	case 3:
		return faceWord0 + d.IntN(len(faces))
	case 4:
		return regionWord0 + d.IntN(len(flags))
	}
	return figureWord0 + d.IntN(nCharacters)
}

func (p *picture) sampleWord(d draws, held bool) {
	it := textItem(d, someWord(d), held, 0.5, 0.96)
	if d.yes(0.2) {
		it.angle = d.in(-0.15, 0.15)
	}
	if d.yes(0.25) {
		it.plated(d)
	}
	it.place(d, 0)
	p.items[0], p.n = it, 1
	p.sampleGround(d, held, 0.15, 0.55)
}

// label adds a word below, above or on the things of the picture, on a plate of its own or on the ground.
func (p *picture) label(d draws, word int) {
	it := textItem(d, word, false, 0.4, 0.9)
	o := &p.items[0]
	switch d.pick([]float64{4, 2.5, 3.5}) {
	case 0: // below
		o.shrink(d, 0.5, 0.68)
		o.moveTo(d.in(0.42, 0.58), o.h/2+0.03)
		it.fitHeight(0.26)
		it.moveTo(it.roomX(d), 1-d.in(0.04, 0.06)-it.h/2)
	case 1: // above
		o.shrink(d, 0.5, 0.68)
		o.moveTo(d.in(0.42, 0.58), 1-o.h/2-0.03)
		it.fitHeight(0.26)
		it.moveTo(it.roomX(d), d.in(0.04, 0.06)+it.h/2)
	default: // on it
		it.fitHeight(0.22)
		it.plated(d)
		_, hy := it.reach()
		it.moveTo(it.roomX(d), d.in(max(0.3, hy), min(0.85, 1-hy)))
	}
	if !it.plate && d.yes(0.3) {
		it.plated(d)
	}
	p.items[p.n] = it
	p.n++
}

// shrink gives the item a scale between lo and hi, upright.
func (it *item) shrink(d draws, lo, hi float64) {
	it.scale = d.in(lo, hi)
	it.angle = d.in(-0.1, 0.1)
	it.measure()
}

// fitHeight makes a word no higher than h.
func (it *item) fitHeight(h float64) {
	if k := h / it.word.height; k < 1 {
		it.word.em, it.word.width, it.word.height = float64(it.word.em*k), float64(it.word.width*k), float64(it.word.height*k)
		it.scale = it.word.width
		it.measure()
	}
}

func (it *item) roomX(d draws) float64 {
	hx, _ := it.reach()
	hx = min(hx+0.01, 0.5)
	return d.in(hx, 1-hx)
}

func (p *picture) sampleObjectWord(d draws) {
	index := d.IntN(len(things))
	it := thingItem(d, index, -1, false)
	it.plate = false
	it.scale = d.in(0.55, 0.95)
	it.place(d, 0)
	p.items[0], p.n = it, 1
	word := index
	if !d.yes(0.7) {
		for word == index {
			word = someWord(d)
		}
	}
	p.label(d, word)
	p.items[0].clothe(d)
	p.sampleGround(d, false, 0.3, 0.45)
}

// faceItem draws a face with an expression: from the font, or of strokes.
func faceItem(d draws, expr, style int, strokes bool) item {
	it := newItem(catFace, expr)
	it.expression, it.style = expr, style
	for k := range it.jitter {
		it.jitter[k] = d.in(-1, 1)
	}
	if strokes && style != styleSilhouette {
		it.variant = -1
	} else {
		it.variant = d.IntN(len(faces[expr].cells.Art))
	}
	switch {
	case style == styleLine:
		it.inkOf(d, []float64{black: 8, red: 1, blue: 1, purple: 1, nColours - 1: 0}, false)
	case style == styleSilhouette:
		it.inkOf(d, inkColours, false)
	case it.variant < 0:
		it.inkOf(d, []float64{yellow: 5, white: 0.7, gray: 0.5, red: 0.7, green: 1, blue: 0.7, purple: 0.7, orange: 1.5, pink: 1.5, black: 0}, false)
	default:
		it.lighten(d)
	}
	it.angle = d.in(-0.15, 0.15)
	it.flip = d.yes(0.5)
	return it
}

func (p *picture) sampleFace(d draws) {
	expr := d.IntN(len(faces))
	it := faceItem(d, expr, d.pick([]float64{styleArt: 60, styleSilhouette: 15, styleLine: 25}), d.yes(0.45))
	it.scale = singleScale(d)
	it.place(d, 0.12)
	p.items[0], p.n = it, 1
	if d.yes(0.12) {
		p.label(d, faceWord0+expr)
	}
	p.sampleGround(d, false, 0.3, 0.45)
}

// flagItem and mapItem draw a region.
func flagItem(d draws, index int) item {
	it := newItem(catFlag, index)
	it.angle = d.in(-0.12, 0.12)
	if d.yes(0.3) {
		it.saturation, it.gain = d.in(0.7, 1.25), d.in(0.85, 1.1)
	}
	return it
}

func mapItem(d draws, index int) item {
	it := newItem(catMap, index)
	it.zoom = 1
	if d.yes(0.6) {
		it.zoom = d.in(1.4, 4)
	}
	it.jitter[0], it.jitter[1] = d.in(-1, 1), d.in(-1, 1)
	switch d.IntN(3) {
	case 0:
		it.paint.rgb, it.paint.rgb2 = hsv(d.in(200, 220), d.in(0.25, 0.5), d.in(0.85, 1)), hsv(d.in(80, 120), d.in(0.3, 0.6), d.in(0.5, 0.75))
	case 1:
		it.paint.rgb, it.paint.rgb2 = hsv(d.in(200, 220), d.in(0.1, 0.25), d.in(0.9, 1)), hsv(d.in(30, 50), d.in(0.3, 0.5), d.in(0.7, 0.85))
	default:
		it.paint.rgb, it.paint.rgb2 = hsv(0, 0, d.in(0.9, 1)), hsv(0, 0, d.in(0.4, 0.6))
	}
	return it
}

func (p *picture) sampleRegion(d draws) {
	index := d.IntN(len(flags))
	var it item
	if d.yes(0.58) {
		it = flagItem(d, index)
		it.scale = d.in(0.5, 1)
	} else {
		it = mapItem(d, index)
		it.scale = d.in(0.8, 1)
	}
	it.place(d, 0)
	p.items[0], p.n = it, 1
	if d.yes(0.22) {
		p.label(d, regionWord0+index)
		p.items[0].scale = min(p.items[0].scale/0.68, 0.95)
		p.items[0].measure()
		o := &p.items[0]
		hx, hy := o.reach()
		o.x, o.y = min(max(o.x, min(hx, 0.5)), 1-min(hx, 0.5)), min(max(o.y, hy+0.02), 0.98-hy)
	}
	p.sampleGround(d, false, 0.25, 0.5)
}

// characterItem draws a character with an expression.
func characterItem(d draws, index, expr, style int) item {
	it := newItem(catCharacter, index)
	it.expression, it.style = expr, style
	it.paint.rgb, it.paint.rgb2 = tint(d, characters[index].head), tint(d, characters[index].body)
	if style == styleLine {
		it.inkOf(d, []float64{black: 8, blue: 1, purple: 1, nColours - 1: 0}, false)
	}
	it.jitter[0] = d.in(-1, 1)
	it.angle = d.in(-0.14, 0.14)
	it.flip = d.yes(0.5)
	return it
}

func (p *picture) sampleCharacter(d draws) {
	index := d.IntN(nCharacters)
	it := characterItem(d, index, characterMoods[d.IntN(len(characterMoods))], d.pick([]float64{styleArt: 4, styleSilhouette: 0, styleLine: 1}))
	it.scale = singleScale(d)
	it.place(d, 0.1)
	p.items[0], p.n = it, 1
	if d.yes(0.22) {
		p.label(d, figureWord0+index)
	}
	p.sampleGround(d, false, 0.45, 0.35)
}

// sampleFigure fills in a picture of the first world.
func (p *picture) sampleFigure(d draws, kind int, plain float64, held bool) {
	sc := &scene{relation: -1, noiseKey: d.Uint64(), kind: kind}
	sc.bg.key = d.Uint64()
	switch kind {
	case kindSingle:
		sampleSingle(d, sc, plain, held)
	case kindSeveral:
		sampleSeveral(d, sc, held)
	case kindEmpty:
		sampleEmpty(d, sc)
	}
	p.fig = sc
}

func (p *picture) sampleEmpty(d draws, held bool) {
	if d.yes(0.3) {
		p.sampleFigure(d, kindEmpty, 0, held)
		return
	}
	p.ground = ground{key: d.Uint64()}
	p.ground.samplePlace(d, d.IntN(nPlaces))
}

// sampleNuisance spoils a picture in one or two ways; strength scales all of them.
func (p *picture) sampleNuisance(d draws) {
	u := &p.nuisance
	for range 1 + d.pick([]float64{3, 1}) {
		switch d.pick([]float64{30, 24, 18, 10, 22}) {
		case 0:
			u.Noise = d.in(4, 18)
		case 1:
			u.Blur = d.in(0.004, 0.015)
			if p.n > 0 && p.items[p.n-1].category == catWord {
				u.Blur /= 2
			}
		case 2:
			u.Contrast = d.in(-0.55, 0.35)
		case 3:
			u.Brightness = d.in(-45, 45)
		case 4:
			u.Shadow, u.ShadowAt = d.in(0.25, 0.6), d.in(-0.25, 0.3)
			u.ShadowY, u.ShadowX = sincos(d.in(0, 2*math.Pi))
		}
	}
	if p.fig != nil {
		u.Noise = 0 // the first world has its own
	}
}
