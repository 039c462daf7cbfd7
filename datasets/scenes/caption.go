package scenes

// text builds a caption word by word.
type text struct{ b []byte }

func (t *text) add(w string) {
	if w == "" {
		return
	}
	if len(t.b) > 0 {
		t.b = append(t.b, ' ')
	}
	t.b = append(t.b, w...)
}

// article is "an" before a vowel. No word of the vocabulary is an exception ("an hour", "a unit").
func article(next string) string {
	switch next[0] {
	case 'a', 'e', 'i', 'o', 'u':
		return "an"
	}
	return "a"
}

// phrase names a figure, or n alike: article or count, then those of size, texture and colour that are asked for.
func (t *text) phrase(o *object, n int, size, texture, colour bool) {
	var adj [3]string
	if size && sizeOf(o.r) != 1 {
		adj[0] = sizeNames[sizeOf(o.r)]
	}
	if texture {
		adj[1] = textureAdjectives[o.texture]
	}
	if colour {
		adj[2] = colourNames[o.colour]
	}
	noun := shapeNames[o.shape]
	if n > 1 {
		noun = shapePlurals[o.shape]
		t.add(countWords[n])
	} else {
		first := noun
		for k := len(adj) - 1; k >= 0; k-- {
			if adj[k] != "" {
				first = adj[k]
			}
		}
		t.add(article(first))
	}
	for _, a := range adj {
		t.add(a)
	}
	t.add(noun)
}

// caption draws one of the things people might say of the picture; always true, seldom all there is to say.
func caption(d draws, sc *scene) string {
	t := text{make([]byte, 0, 96)}
	switch sc.kind {
	case kindSingle:
		captionSingle(d, sc, &t)
	case kindSeveral:
		captionSeveral(d, sc, &t)
	case kindWord:
		captionWord(d, sc, &t)
	case kindWordShape:
		captionWordShape(d, sc, &t)
	case kindEmpty:
		captionEmpty(d, sc, &t)
	}
	return string(t.b)
}

func prefix(d draws, t *text) {
	switch u := d.Float64(); {
	case u < 0.72:
	case u < 0.82:
		t.add("a picture of")
	case u < 0.90:
		t.add("an image of")
	case u < 0.96:
		t.add("a drawing of")
	default:
		t.add("a photo of")
	}
}

func (t *text) background(bg *background) {
	switch bg.kind {
	case bgWhite:
		t.add("on a white background")
	case bgLight:
		t.add("on a light background")
	case bgPlain:
		if bg.colour == unnamed {
			t.add("on a plain background")
			return
		}
		t.add("on")
		t.add(article(colourNames[bg.colour]))
		t.add(colourNames[bg.colour])
		t.add("background")
	case bgGradient:
		t.add("on a gradient background")
	case bgNoisy:
		t.add("on a noisy background")
	case bgBlobs:
		t.add("on a blurry background")
	}
}

func captionSingle(d draws, sc *scene, t *text) {
	o := &sc.objects[0]
	style := d.Float64()
	if style < 0.07 { // a label, not a sentence
		if d.yes(0.5) {
			t.add(colourNames[o.colour])
		}
		t.add(shapeNames[o.shape])
		return
	}
	prefix(d, t)
	switch {
	case style < 0.34:
		t.phrase(o, 1, false, o.texture != solid && d.yes(0.5), false)
	case style < 0.64:
		t.phrase(o, 1, false, d.yes(0.6), true)
	default:
		t.phrase(o, 1, d.yes(0.55), d.yes(0.85), d.yes(0.8))
		switch u := d.Float64(); {
		case u < 0.3:
		case u < 0.65 && o.r < 0.26:
			t.add(positionName(o.x, o.y))
		default:
			t.background(&sc.bg)
		}
	}
}

func captionSeveral(d draws, sc *scene, t *text) {
	prefix(d, t)
	o := &sc.objects[0]
	if sc.relation < 0 {
		t.phrase(o, sc.n, false, d.yes(0.6), d.yes(0.75))
		if d.yes(0.2) {
			t.background(&sc.bg)
		}
		return
	}
	colours := d.yes(0.8)
	texture := d.yes(0.4)
	a, b, rel := &sc.objects[0], &sc.objects[1], relationNames[sc.relation]
	if d.yes(0.5) { // said the other way round
		a, b, rel = b, a, relationNames[sc.relation^1]
	}
	t.phrase(a, 1, false, texture, colours)
	if d.yes(0.3) {
		t.add("and")
	} else {
		t.add(rel)
	}
	t.phrase(b, 1, false, texture, colours)
}

func captionWord(d draws, sc *scene, t *text) {
	w := &sc.word
	word := words[w.index]
	ink := colourNames[w.ink]
	switch u := d.Float64(); {
	case u < 0.14:
		t.add(word)
		return
	case u < 0.19:
		t.add("the text " + word)
	case u < 0.24:
		t.add("a sign that says " + word)
	case u < 0.27:
		t.add("a word")
	default:
		prefix(d, t)
		t.add("the word " + word)
	}
	switch u := d.Float64(); {
	case u < 0.60:
	case u < 0.76:
		t.add("in " + ink)
	case u < 0.82:
		t.add("written in " + ink)
	case u < 0.87:
		t.add("in " + ink + " letters")
	case u < 0.90 && fontFiles[w.font].bold:
		t.add("in bold letters")
	case u < 0.93 && w.em > 0.28:
		t.add("in big letters")
	default:
		t.background(&sc.bg)
	}
}

func captionWordShape(d draws, sc *scene, t *text) {
	o := &sc.objects[0]
	word := words[sc.word.index]
	colour, texture := d.yes(0.65), d.yes(0.3)
	switch u := d.Float64(); {
	case u < 0.35:
		t.phrase(o, 1, false, texture, colour)
		t.add("and the word " + word)
	case u < 0.6:
		t.phrase(o, 1, false, texture, colour)
		t.add("with the word " + word)
		if d.yes(0.25) {
			t.add("in " + colourNames[sc.word.ink])
		}
	case u < 0.8:
		t.add("the word " + word + " and")
		t.phrase(o, 1, false, texture, colour)
	default:
		dy := sc.word.y - o.y
		t.add("the word " + word)
		switch {
		case dy > 0.15:
			t.add("below")
		case dy < -0.15:
			t.add("above")
		default:
			t.add("on")
		}
		t.phrase(o, 1, false, texture, colour)
	}
}

func captionEmpty(d draws, sc *scene, t *text) {
	bg := &sc.bg
	name := ""
	switch {
	case bg.kind == bgWhite:
		name = "white"
	case bg.kind == bgPlain && bg.colour != unnamed:
		name = colourNames[bg.colour]
	case bg.kind == bgNoisy:
		name = "noisy"
	}
	u := d.Float64()
	switch {
	case u < 0.46:
		t.add("an empty image")
	case u < 0.56:
		t.add("a blank image")
	case u < 0.63:
		t.add("an empty picture")
	case u < 0.67:
		t.add("nothing")
	case u < 0.70:
		t.add("an image with nothing in it")
	case name == "" || u < 0.74:
		t.add("an empty background")
	case u < 0.82:
		t.add("an empty " + name + " image")
	case u < 0.90:
		t.add("a blank " + name + " image")
	case u < 0.95 && bg.kind != bgNoisy:
		t.add("a plain " + name + " background")
	default:
		t.add("nothing")
		t.background(bg)
	}
}
