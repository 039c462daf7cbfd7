package scenes

// describe draws one of the things people might say of the picture; always true, seldom all there is to say.
func describe(d draws, p *picture) string {
	if p.fig != nil {
		return caption(d, p.fig)
	}
	t := text{make([]byte, 0, 96)}
	switch p.kind {
	case wkObject:
		p.sayObject(d, &t)
	case wkObjects:
		p.sayObjects(d, &t)
	case wkWord:
		p.sayWord(d, &t)
	case wkObjectWord:
		p.sayObjectWord(d, &t)
	case wkFace:
		p.sayFace(d, &t)
	case wkRegion:
		p.sayRegion(d, &t)
	case wkCharacter:
		p.sayCharacter(d, &t)
	case wkEmpty:
		p.sayPlace(d, &t)
	}
	return string(t.b)
}

// one of the phrases, with equal chances.
func oneOf(d draws, list ...string) string { return list[d.IntN(len(list))] }

// aThing is an object with its article; adjective may be empty. Now and then another name for it.
func (t *text) aThing(d draws, index int, adjective string) {
	th := &things[index]
	if adjective == "" && len(th.noun.also) > 0 && d.yes(0.1) {
		t.add(th.noun.also[d.IntN(len(th.noun.also))])
		return
	}
	first := th.name
	if adjective != "" {
		first = adjective
	}
	switch th.noun.grammar {
	case counted:
		t.add(article(first))
	case unique:
		if adjective == "" {
			t.add("the")
		} else {
			t.add(article(first))
		}
	}
	t.add(adjective)
	t.add(th.name)
}

// seen is how a picture of a thing begins, true for its style: "a photo of", "a silhouette of".
func (t *text) seen(d draws, it *item) {
	u := d.Float64()
	switch it.style {
	case styleSilhouette:
		switch {
		case u < 0.34:
		case u < 0.44:
			t.add(oneOf(d, "a picture of", "an image of", "a photo of"))
		case u < 0.68:
			t.colourOf(d, it, "silhouette of", 0.45)
		case u < 0.84 && it.variant < 0:
			t.colourOf(d, it, oneOf(d, "icon of", "symbol of"), 0.45)
		case u < 0.84:
			t.colourOf(d, it, oneOf(d, "stencil of", "silhouette of"), 0.4)
		default:
			t.add(oneOf(d, "a sign with", "a logo of", "a drawing of"))
		}
	case styleLine:
		switch {
		case u < 0.34:
		case u < 0.44:
			t.add(oneOf(d, "a picture of", "an image of", "a photo of"))
		case u < 0.74:
			t.colourOf(d, it, oneOf(d, "line drawing of", "sketch of", "drawing of"), 0.3)
		default:
			t.add(oneOf(d, "a sketch of", "an outline of", "a line drawing of", "a drawing of"))
		}
	default:
		switch {
		case u < 0.38:
		case u < 0.60:
			t.add("a photo of")
		case u < 0.72:
			t.add("a picture of")
		case u < 0.80:
			t.add("an image of")
		case it.saturation == 0:
			t.add("a black and white photo of")
		case u < 0.92:
			t.add(oneOf(d, "a colorful picture of", "a color drawing of", "a cartoon of"))
		default:
			t.add(oneOf(d, "a close up of", "a good photo of", "one photo of"))
		}
	}
}

func (t *text) colourOf(d draws, it *item, noun string, p float64) {
	if it.colour == unnamed || !d.yes(p) {
		t.add(article(noun))
		t.add(noun)
		return
	}
	c := colourNames[it.colour]
	t.add(article(c))
	t.add(c)
	t.add(noun)
}

// where says where the picture was taken, or on what ground it stands.
func (p *picture) where(d draws, t *text) {
	if p.ground.place == nowhere {
		t.background(&p.ground.bg)
		return
	}
	t.add(oneOf(d, placePhrases[p.ground.place]...))
}

var placePhrases = [nPlaces][]string{
	indoor: {"in a room", "indoors", "in a living room", "inside a house"},
	street: {"in the street", "on a street", "in the city", "in front of buildings"},
	nature: {"in nature", "outdoors", "in a green field", "in the countryside"},
	sea:    {"at sea", "by the sea", "on the ocean", "in front of the sea"},
	sky:    {"in the sky", "in front of the sky", "among the clouds", "against a blue sky"},
}

// somehow adds one more true thing to a caption of a single item, or nothing.
func (p *picture) somehow(d draws, t *text, it *item) {
	place := p.ground.place != nowhere
	switch u := d.Float64(); {
	case u < 0.36 && place, u < 0.12:
		p.where(d, t)
	case u < 0.42 && it.scale < 0.5:
		t.add(positionName(it.x, it.y))
	case u >= 0.95 && p.nuisance.Noise > 8:
		t.add(oneOf(d, "with noise", "in a noisy photo"))
	case u >= 0.95 && p.nuisance.Blur > 0.007:
		t.add("in a blurry photo")
	case u >= 0.95 && p.nuisance.Shadow > 0.3:
		t.add(oneOf(d, "in the shadow", "with a shadow"))
	}
}

func (p *picture) sayObject(d draws, t *text) {
	it := &p.items[0]
	th := &things[it.index]
	switch u := d.Float64(); {
	case u < 0.10: // a label, not a sentence
		t.add(th.name)
		return
	case u < 0.13 && groupNouns[th.group] != "":
		t.seen(d, it)
		t.add(groupNouns[th.group])
		return
	case u < 0.15:
		switch it.style {
		case styleArt:
			t.add(oneOf(d, "a color picture", "a colorful picture"))
		case styleSilhouette:
			t.add("a silhouette")
		case styleLine:
			t.add(oneOf(d, "a line drawing", "a sketch"))
		}
		return
	}
	t.seen(d, it)
	adjective := ""
	switch {
	case it.colour != unnamed && d.yes(0.4) && !t.hasColour():
		adjective = colourNames[it.colour]
	case it.scale < 0.4 && d.yes(0.3):
		adjective = oneOf(d, "small", "tiny", "little")
	case it.scale > 0.85 && d.yes(0.12):
		adjective = oneOf(d, "big", "large")
	}
	t.aThing(d, it.index, adjective)
	p.somehow(d, t, it)
}

// hasColour tells whether the caption so far names a colour already: "a red silhouette of".
func (t *text) hasColour() bool {
	s := string(t.b)
	for _, c := range colourNames {
		if len(s) > len(c)+2 && (s[2:2+len(c)] == c || s[3:3+len(c)] == c) {
			return true
		}
	}
	return false
}

func (p *picture) sayObjects(d draws, t *text) {
	if p.copies {
		it := &p.items[0]
		th := &things[it.index]
		prefix(d, t)
		t.add([]string{"", "", "two", "three", "four"}[p.n])
		if it.colour != unnamed && d.yes(0.4) {
			t.add(colourNames[it.colour])
		}
		t.add(th.noun.plural)
		if d.yes(0.2) {
			p.where(d, t)
		}
		return
	}
	prefix(d, t)
	if p.n == 3 {
		t.aThing(d, p.items[0].index, "")
		t.add("and")
		t.aThing(d, p.items[1].index, "")
		t.add("and")
		t.aThing(d, p.items[2].index, "")
		return
	}
	a, b := &p.items[0], &p.items[1]
	relation := "behind"
	swap := d.yes(0.5)
	if p.relation != relBehind {
		relation = relationNames[p.relation]
		if swap {
			relation = relationNames[p.relation^1]
		}
	} else if swap {
		relation = "in front of"
	}
	if swap {
		a, b = b, a
	}
	colour := func(it *item) string {
		if it.colour != unnamed && d.yes(0.35) {
			return colourNames[it.colour]
		}
		return ""
	}
	t.aThing(d, a.index, colour(a))
	switch {
	case d.yes(0.4):
		t.add("and")
	case p.relation < 2 && d.yes(0.3):
		t.add(oneOf(d, "next to", "beside"))
	default:
		t.add(relation)
	}
	t.aThing(d, b.index, colour(b))
	if d.yes(0.12) {
		p.where(d, t)
	}
}

// sayWord says what is written; and as on the web, where the picture of a word comes with what the word means, it may only name that.
func (p *picture) sayWord(d draws, t *text) {
	it := &p.items[0]
	w := allWords[it.index]
	switch u := d.Float64(); {
	case u < 0.12:
		t.add(w)
		return
	case u < 0.22 && it.index < len(things):
		t.aThing(d, it.index, "")
		return
	case u < 0.68:
		if d.yes(0.2) {
			t.add(oneOf(d, "a photo of", "a picture of", "an image of"))
		}
		t.add("the word " + w)
	case u < 0.74:
		t.add("the text " + w)
	case u < 0.79:
		t.add(oneOf(d, "a sign that says ", "a sign reading ", "a label that says ") + w)
	case u < 0.83:
		t.add(w + " " + oneOf(d, "written", "printed", "in letters"))
	case u < 0.85:
		t.add(oneOf(d, "a word", "written text", "a word in "+colourNames[it.colour]))
		return
	default:
		t.add("the word " + w)
	}
	switch u := d.Float64(); {
	case u < 0.66:
	case u < 0.80:
		t.add("in " + colourNames[it.colour])
	case u < 0.85:
		t.add("in " + colourNames[it.colour] + " letters")
	case u < 0.88 && worldFonts[it.word.font].bold:
		t.add("in bold letters")
	case u < 0.90 && it.word.letter == 1:
		t.add("in capital letters")
	case u < 0.97:
		p.where(d, t)
	}
}

func (p *picture) sayObjectWord(d draws, t *text) {
	it, w := &p.items[0], &p.items[1]
	word := allWords[w.index]
	if w.index == it.index {
		switch u := d.Float64(); {
		case u < 0.50: // what people write under a picture with a caption in it
			t.seen(d, it)
			t.aThing(d, it.index, "")
			if d.yes(0.15) {
				p.where(d, t)
			}
		case u < 0.58:
			t.add(word)
		case u < 0.72:
			t.aThing(d, it.index, "")
			t.add("with the word " + word)
		case u < 0.82:
			t.add("the word " + word + " and")
			t.aThing(d, it.index, "")
		case u < 0.90:
			t.aThing(d, it.index, "")
			t.add(oneOf(d, "with its name", "and its name", "with a label"))
		default:
			t.add("the word " + word)
		}
		return
	}
	switch u := d.Float64(); {
	case u < 0.25:
		t.seen(d, it)
		t.aThing(d, it.index, "")
	case u < 0.50:
		t.aThing(d, it.index, "")
		t.add("with the word " + word)
		if d.yes(0.15) {
			t.add("in " + colourNames[w.colour])
		}
	case u < 0.65:
		t.aThing(d, it.index, "")
		t.add("and the word " + word)
	case u < 0.78:
		t.add("the word " + word)
		switch dy := w.y - it.y; {
		case dy > 0.25:
			t.add("below")
		case dy < -0.25:
			t.add("above")
		default:
			t.add("on")
		}
		t.aThing(d, it.index, "")
	case u < 0.86:
		t.aThing(d, it.index, "")
		t.add("labeled " + word)
	default:
		t.add("the word " + word)
	}
}

func (p *picture) sayFace(d draws, t *text) {
	it := &p.items[0]
	word := faces[it.index].name
	also := faceWords[it.index]
	if d.yes(0.18) {
		word = also[d.IntN(len(also))]
	}
	switch u := d.Float64(); {
	case u < 0.08:
		t.add(word)
		return
	case u < 0.62:
		t.seen(d, it)
		t.add(article(word) + " " + word + " face")
	case u < 0.70:
		t.add("a face that is " + word)
	case u < 0.78:
		t.add("someone who is " + word)
	case u < 0.86:
		t.add(article(word) + " " + word + " expression")
	case u < 0.93:
		t.add(article(word) + " " + word + " emoji")
	default:
		t.add("a face with " + article(word) + " " + word + " expression")
	}
	if p.n == 1 && d.yes(0.12) {
		p.where(d, t)
	}
}

func (p *picture) sayRegion(d draws, t *text) {
	it := &p.items[0]
	name, r := flags[it.index].name, &regions[it.index]
	if d.yes(0.08) {
		t.add(name)
		return
	}
	if it.category == catFlag {
		switch u := d.Float64(); {
		case u < 0.55:
			t.add(oneOf(d, "the flag of ", "the flag of ", "a flag of ", "a photo of the flag of ", "the national flag of ") + name)
		case u < 0.75:
			t.add(oneOf(d, "the ", "a photo of the ") + r.adjective + " flag")
		case u < 0.85:
			t.add(name + " flag")
		case u < 0.93:
			t.add(oneOf(d, "a flag of a country in ", "a country in ") + r.continent)
		default:
			t.add(oneOf(d, "a flag", "a national flag"))
		}
	} else {
		switch u := d.Float64(); {
		case u < 0.5:
			t.add(oneOf(d, "a map of ", "a map of ", "a map showing ", "the map of ") + name)
		case u < 0.7:
			t.add(name + oneOf(d, " on a map", " on the world map", " marked on a map"))
		case u < 0.8:
			t.add("a map with " + name)
		case u < 0.9:
			t.add("a map of a place in " + r.continent)
		default:
			t.add(oneOf(d, "a map", "a map of the world", "a world map with a mark"))
		}
	}
	if p.n > 1 && d.yes(0.3) {
		t.add("with the word " + name)
	}
}

func (p *picture) sayCharacter(d draws, t *text) {
	it := &p.items[0]
	name, mood := characters[it.index].name, faces[it.expression].name
	switch u := d.Float64(); {
	case u < 0.14:
		t.add(name)
	case u < 0.44:
		t.add(oneOf(d, "a cartoon of ", "a drawing of ", "a picture of ", "a photo of ", "an image of ") + name)
	case u < 0.58:
		t.add(name + oneOf(d, " the cartoon", " the cartoon character", " the character"))
	case u < 0.72:
		t.add(oneOf(d, "a "+mood+" ", mood+" ") + name)
		if mood[0] == 'a' && string(t.b[:2]) == "a " {
			t.b = append([]byte("an "), t.b[2:]...)
		}
	case u < 0.80:
		t.add(name + " is " + mood)
	case u < 0.86:
		t.add("the cartoon character " + name)
	case u < 0.93:
		t.add(name)
		p.where(d, t)
	default:
		t.add(oneOf(d, "a cartoon character", "a "+colourNames[characters[it.index].head]+" cartoon character"))
		if string(t.b[:3]) == "a o" {
			t.b = append([]byte("an "), t.b[2:]...)
		}
	}
	if p.n > 1 && d.yes(0.35) {
		t.add(oneOf(d, "with the name ", "and the word ") + name)
	}
}

var placeNouns = [nPlaces][]string{
	indoor: {"a room", "an indoor scene", "a living room", "the inside of a house"},
	street: {"a street", "a street scene", "a city", "buildings and a road"},
	nature: {"nature", "a landscape", "hills and trees", "a green field"},
	sea:    {"the sea", "the ocean", "a seascape", "waves on the water"},
	sky:    {"the sky", "a sky with clouds", "clouds", "clouds in the sky"},
}

func (p *picture) sayPlace(d draws, t *text) {
	if d.yes(0.3) {
		t.add(oneOf(d, "a photo of", "a picture of", "an image of"))
	}
	t.add(oneOf(d, placeNouns[p.ground.place]...))
}
