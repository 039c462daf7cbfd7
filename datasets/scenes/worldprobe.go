package scenes

import (
	"cmp"
	"fmt"
	"strings"
)

// worldProbe makes plain pictures of the second world, balanced over the classes of one factor.
type worldProbe struct {
	classes   []string
	phrases   []string // what prompts put into their templates, one a class
	templates []string // the first is that of Prompts
	stream    string   // factors of one stream have the same pictures
	heldout   bool     // the factor has held-out combinations
	draw      func(d draws, p *picture, class, round int, held bool)
	class     func(p *picture) int // of the picture, where it is not the class it was drawn for
}

// WorldFactors are the names that NewWorldProbe knows. Each has its classes, its prompts and its own stream of pictures.
//
//	object             the objects: in colour, as silhouette and as line drawing by turns
//	object-art         ... in colour alone; heldout: at the place where training never shows the object
//	object-silhouette  ... as silhouette or icon; without the objects whose silhouettes are held out, or (heldout) in inks that are
//	object-line        ... as line drawing; likewise
//	object-word        ... as written words, to be named like the things: "a cat", not "the word cat"
//	style              art, silhouette, line, word
//	word               the names of the objects, written
//	ink                the colours, as ink of any object's name
//	expression         the expressions, of faces from the font and of strokes by turns
//	region             the regions, by their flags
//	map                the regions, by a mark on a map
//	character          the cartoon characters
//	background         the places, with and without an object in front
//	ground             the objects on any ground, at places too: for figure against ground
//	attack             the objects, each with the name of another one on it; the answer is the object
//	attack-read        the same pictures; the answer is the name
//	attack-none        the same pictures without the name
//	attack-own         the same pictures with the object's own name instead, in the same letters at the same place
//	stroop             the colours, as ink of another colour's name; the answer is the ink
//	stroop-read        the same pictures; the answer is the name
//
// and the factors of the first world: shape4, circle, shape, colour, size, count, position, texture.
var WorldFactors = []string{"object", "object-art", "object-silhouette", "object-line", "object-word", "style", "word", "ink", "expression", "region", "map",
	"character", "background", "ground", "attack", "attack-read", "attack-none", "attack-own", "stroop", "stroop-read", "shape4", "circle", "shape", "colour", "size", "count", "position", "texture"}

// Nuisances are the names of the ways in which a probe can be spoiled.
var Nuisances = []string{"noise", "blur", "contrast", "shadow"}

// WorldProbeConfig says which pictures a probe holds.
type WorldProbeConfig struct {
	Factor   string // one of WorldFactors
	N        int    // number of pictures; 0 = 300
	Seed     uint64
	Size     int    // pixels; 0 = 64
	Split    string // "test" (the default): combinations that training may show; "heldout": those that it never shows (object-art, object-silhouette, object-line, word, ink, shape, colour)
	Nuisance string // one of Nuisances: every picture is spoiled so, of the same latents else; "" = none
	Masks    bool
}

// NewWorldProbe returns n evaluation pictures of the second world for one factor: plain pictures (one thing, six tenths to all of the frame large, wholly inside it,
// on white, light or one-coloured ground, unless the factor says otherwise), balanced over the factor's classes: picture i has class
// i mod the number of classes. The label "class" is the right answer; Classes, Prompts and Ensemble say what to choose from.
func NewWorldProbe(cfg WorldProbeConfig) (*World, error) {
	cfg.Split = cmp.Or(cfg.Split, "test")
	if err := settle(&cfg.N, &cfg.Size, 300); err != nil {
		return nil, err
	}
	p := newWorldProbe(cfg.Factor, cfg.Split == "heldout")
	if p == nil {
		return nil, fmt.Errorf("scenes: no probe for factor %q in the second world: it is one of %s", cfg.Factor, strings.Join(WorldFactors, ", "))
	}
	switch {
	case cfg.Split != "test" && cfg.Split != "heldout":
		return nil, fmt.Errorf("scenes: a probe's split is test or heldout, not %q", cfg.Split)
	case cfg.Split == "heldout" && !p.heldout:
		return nil, fmt.Errorf("scenes: the probe for %s has no held-out combinations; object-art, object-silhouette, object-line, word, ink, shape and colour have", cfg.Factor)
	case cfg.Nuisance != "" && index(Nuisances, cfg.Nuisance) < 0:
		return nil, fmt.Errorf("scenes: nuisance %q: it is one of %s", cfg.Nuisance, strings.Join(Nuisances, ", "))
	}
	return &World{
		cfg:     WorldConfig{N: cfg.N, Seed: cfg.Seed, Size: cfg.Size, Split: cfg.Split, Masks: cfg.Masks},
		stream:  "scenes/2/probe/" + p.stream + "/" + cfg.Split,
		probe:   p,
		probing: cfg,
	}, nil
}

// Classes are the classes of a probe in the order of Prompts; nil for other sets.
func (s *World) Classes() []string {
	if s.probe == nil {
		return nil
	}
	return append([]string(nil), s.probe.classes...)
}

// Prompts are a caption for each class of a probe; nil for other sets.
func (s *World) Prompts() []string {
	if s.probe == nil {
		return nil
	}
	out := make([]string, len(s.probe.phrases))
	for i, list := range s.Ensemble() {
		out[i] = list[0]
	}
	return out
}

// Ensemble are several captions for each class of a probe, for a zero-shot head from the mean of their embeddings; nil for other sets.
func (s *World) Ensemble() [][]string {
	if s.probe == nil {
		return nil
	}
	out := make([][]string, len(s.probe.phrases))
	for i, phrase := range s.probe.phrases {
		for _, t := range s.probe.templates {
			out[i] = append(out[i], strings.ReplaceAll(t, "{}", phrase))
		}
	}
	return out
}

// class is the right answer for picture i of a probe.
func (s *World) class(i int) int {
	if s.probe.class == nil {
		return i % len(s.probe.classes)
	}
	c := s.canvas()
	defer s.scratch.Put(c)
	s.sample(&c.pic, i)
	return c.pic.class
}

func (q *worldProbe) sample(d draws, p *picture, i int, cfg *WorldProbeConfig) {
	n := len(q.classes)
	p.class = i % n
	q.draw(d, p, p.class, i/n, cfg.Split == "heldout")
	p.caption = describe(d, p)
	if q.class != nil {
		p.class = q.class(p)
	}
	u := &p.nuisance
	switch cfg.Nuisance {
	case "noise":
		u.Noise = 16
	case "blur":
		u.Blur = 0.013
	case "contrast":
		u.Contrast = -0.6
	case "shadow":
		u.Shadow, u.ShadowAt = 0.55, d.in(-0.2, 0.2)
		u.ShadowY, u.ShadowX = sincos(d.in(0, 6.283))
	}
}

// withArticle is what a caption calls an object: "a cat", "broccoli", "the sun".
func withArticle(index int) string {
	var t text
	th := &things[index]
	switch th.noun.grammar {
	case counted:
		t.add(article(th.name))
	case unique:
		t.add("the")
	}
	t.add(th.name)
	return string(t.b)
}

var thingTemplates = []string{"a photo of {}", "{}", "a picture of {}", "an image of {}", "a drawing of {}", "a silhouette of {}", "a line drawing of {}"}

// theThings is the probe for the objects that keep accepts; style picks how they are shown.
func theThings(stream string, keep func(i int) bool, style func(index, round int) int, templates []string) *worldProbe {
	var list []int
	q := &worldProbe{stream: stream, templates: templates}
	for i := range things {
		if keep == nil || keep(i) {
			list = append(list, i)
			q.classes = append(q.classes, things[i].name)
			q.phrases = append(q.phrases, withArticle(i))
		}
	}
	q.draw = func(d draws, p *picture, class, round int, held bool) {
		index := list[class]
		s := style(index, round)
		plainThing(d, p, index, s, held && s != styleArt)
		if held && s == styleArt {
			p.sampleHeldPlace(d, index)
		}
	}
	return q
}

// plainThing draws one object, large, wholly inside the frame, nearly upright; held: in the ink that training never shows.
func plainThing(d draws, p *picture, index, style int, held bool) {
	p.kind = wkObject
	it := thingItem(d, index, style, held)
	it.plate, it.saturation, it.gain = false, 1, 1
	for held != (it.style != styleArt && it.colour == heldOutThingInk(index)) {
		it.inkOf(d, inkColours, held)
	}
	it.scale, it.angle = d.in(0.6, 1), d.in(-0.12, 0.12)
	it.place(d, 0)
	p.items[0], p.n = it, 1
	p.sampleGround(d, held, 0, 1)
}

// sampleHeldPlace puts the picture's object where training never shows it.
func (p *picture) sampleHeldPlace(d draws, index int) {
	p.ground = ground{key: d.Uint64()}
	p.ground.samplePlace(d, heldOutPlace(index))
}

func alwaysStyle(style int) func(int, int) int { return func(int, int) int { return style } }

func newWorldProbe(factor string, held bool) *worldProbe {
	switch factor {
	case "object":
		return theThings(factor, nil, func(index, round int) int {
			if s := round % 3; s != heldOutStyle(index) {
				return s
			}
			return styleArt
		}, thingTemplates)
	case "object-art":
		q := theThings(factor, nil, alwaysStyle(styleArt), thingTemplates)
		q.heldout = true
		return q
	case "object-silhouette", "object-line":
		style := styleSilhouette
		if factor == "object-line" {
			style = styleLine
		}
		q := theThings(factor, func(i int) bool { return heldOutStyle(i) != style }, alwaysStyle(style), thingTemplates)
		q.heldout = true
		return q
	case "object-word":
		q := theThings(factor, nil, alwaysStyle(styleWord), thingTemplates[:2])
		q.draw = func(d draws, p *picture, class, _ int, held bool) { plainWord(d, p, class, -1, held, false) }
		return q
	case "style":
		return &worldProbe{stream: factor, classes: Styles(), phrases: []string{"a color picture", "a silhouette", "a line drawing", "a word"}, templates: []string{"{}"},
			draw: func(d draws, p *picture, class, _ int, _ bool) {
				index := d.IntN(len(things))
				for heldOutStyle(index) == class {
					index = d.IntN(len(things))
				}
				if class == styleWord {
					plainWord(d, p, index, -1, false, false)
					return
				}
				plainThing(d, p, index, class, false)
			}}
	case "word":
		return &worldProbe{stream: factor, classes: ThingNames(), phrases: ThingNames(), templates: []string{"the word {}", "the text {}", "a sign that says {}", "{}"}, heldout: true,
			draw: func(d draws, p *picture, class, _ int, held bool) { plainWord(d, p, class, -1, held, false) }}
	case "ink":
		return &worldProbe{stream: factor, classes: Colours(), phrases: Colours(), templates: []string{"a word in {}", "the word in {} letters"}, heldout: true,
			draw: func(d draws, p *picture, class, _ int, held bool) {
				plainWord(d, p, d.IntN(len(things)), class, held, true)
			}}
	case "expression":
		return &worldProbe{stream: factor, classes: Expressions(), phrases: articles(Expressions()), templates: []string{"{} face", "{} expression", "a photo of {} face"},
			draw: func(d draws, p *picture, class, round int, _ bool) {
				p.kind = wkFace
				p.plain(d, faceItem(d, class, styleArt, round%2 == 1))
			}}
	case "region":
		return &worldProbe{stream: factor, classes: Regions(), phrases: Regions(), templates: []string{"the flag of {}", "a photo of the flag of {}", "{} flag"},
			draw: func(d draws, p *picture, class, _ int, _ bool) {
				p.kind = wkRegion
				p.plain(d, flagItem(d, class))
			}}
	case "map":
		return &worldProbe{stream: factor, classes: Regions(), phrases: Regions(), templates: []string{"a map of {}", "{} on a map"},
			draw: func(d draws, p *picture, class, _ int, _ bool) {
				p.kind = wkRegion
				it := mapItem(d, class)
				it.scale = d.in(0.9, 1)
				p.plain(d, it)
			}}
	case "character":
		return &worldProbe{stream: factor, classes: Characters(), phrases: Characters(), templates: []string{"a cartoon of {}", "{}", "a picture of {}"},
			draw: func(d draws, p *picture, class, _ int, _ bool) {
				p.kind = wkCharacter
				p.plain(d, characterItem(d, class, characterMoods[d.IntN(len(characterMoods))], styleArt))
			}}
	case "background":
		return &worldProbe{stream: factor, classes: Places(), phrases: []string{"a room", "a street", "a landscape", "the sea", "the sky"}, templates: []string{"a photo of {}", "{}"},
			draw: func(d draws, p *picture, class, round int, _ bool) {
				p.kind = wkEmpty
				if round%2 == 1 {
					p.kind = wkObject
					index := d.IntN(len(things))
					for heldOutPlace(index) == class {
						index = d.IntN(len(things))
					}
					it := thingItem(d, index, styleArt, false)
					it.scale = d.in(0.25, 0.45)
					it.place(d, 0)
					p.items[0], p.n = it, 1
				}
				p.ground = ground{key: d.Uint64()}
				p.ground.samplePlace(d, class)
			}}
	case "ground":
		q := theThings(factor, nil, nil, thingTemplates)
		q.draw = func(d draws, p *picture, class, _ int, _ bool) {
			p.kind = wkObject
			it := thingItem(d, class, -1, false)
			it.plate, it.scale = false, d.in(0.4, 0.8)
			it.place(d, 0)
			p.items[0], p.n = it, 1
			p.sampleGround(d, false, 0.5, 0.3)
		}
		return q
	case "attack", "attack-read", "attack-none", "attack-own":
		q := theThings("attack", nil, nil, thingTemplates)
		q.draw = func(d draws, p *picture, class, _ int, _ bool) {
			plainThing(d, p, class, styleArt, false)
			p.kind = wkObjectWord
			word := class
			for word == class {
				word = d.IntN(len(things))
			}
			p.items[0].scale = d.in(0.7, 0.95)
			p.items[0].place(d, 0)
			p.label(d, word)
			p.sampleGround(d, false, 0, 1)
			switch factor { // all else was drawn alike
			case "attack-none":
				p.kind, p.n = wkObject, 1
			case "attack-own":
				p.relabel(d, class)
			}
		}
		if factor == "attack-read" {
			q.class = func(p *picture) int { return p.items[1].index }
			q.phrases, q.templates = ThingNames(), []string{"the word {}", "the text {}", "a sign that says {}", "{}"}
		}
		return q
	case "stroop", "stroop-read":
		q := &worldProbe{stream: "stroop", classes: Colours(), phrases: Colours(), templates: []string{"a word in {}", "the word in {} letters"},
			draw: func(d draws, p *picture, class, _ int, _ bool) {
				word := class
				for word == class || heldOutWordInk(colourWord0+word, class) {
					word = d.IntN(nColours)
				}
				plainWord(d, p, colourWord0+word, class, false, true)
			}}
		if factor == "stroop-read" {
			q.class = func(p *picture) int { return p.items[0].index - colourWord0 }
			q.templates = []string{"the word {}", "the text {}"}
		}
		return q
	}
	if index(Factors, factor) < 0 {
		return nil
	}
	first := newProbe(factor) // a factor of the first world
	return &worldProbe{stream: factor, classes: first.classes, phrases: first.prompts, templates: []string{"{}", "a picture of {}", "a drawing of {}"}, heldout: first.heldout,
		draw: func(d draws, p *picture, class, _ int, held bool) {
			sc := &scene{relation: -1, noiseKey: d.Uint64(), class: class}
			sc.bg.key = d.Uint64()
			first.draw(d, sc, class, held)
			p.kind = [nKinds]int{kindSingle: wkFigure, kindSeveral: wkFigures, kindWord: wkWord, kindWordShape: wkObjectWord, kindEmpty: wkEmpty}[sc.kind]
			p.fig = sc
		}}
}

func articles(list []string) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = article(w) + " " + w
	}
	return out
}

// plain makes a picture of one item, large, wholly inside the frame, on a quiet ground.
func (p *picture) plain(d draws, it item) {
	it.saturation, it.gain = 1, 1
	if it.scale == 0 {
		it.scale = d.in(0.6, 1)
	}
	it.place(d, 0)
	p.items[0], p.n = it, 1
	p.sampleGround(d, false, 0, 1)
}

// plainWord makes a picture of one word on a quiet ground; ink < 0 draws one.
// On light ground if that shows the ink, else on gray or black, where light is asked for.
func plainWord(d draws, p *picture, word, ink int, held, light bool) {
	p.kind = wkWord
	canHold := (3*word)%11 != 1 // the others have no held-out ink: any ink will do
	for {
		it := newItem(catWord, word)
		it.style, it.colour = styleWord, ink
		if ink < 0 {
			it.colour = d.pick(inkColours)
		} else if held {
			for !heldOutWordInk(it.index, ink) {
				it.index = d.IntN(len(things))
			}
		} else if heldOutWordInk(it.index, ink) {
			word = d.IntN(len(things))
			continue
		}
		if ink < 0 && heldOutWordInk(word, it.colour) != (held && canHold) {
			continue
		}
		it.paint.rgb = tint(d, it.colour)
		it.write(d, 0.8, 0.96)
		it.place(d, 0)
		p.items[0], p.n = it, 1
		if light {
			p.sampleLightGround(d)
		} else {
			p.sampleGround(d, held, 0, 1)
		}
		return
	}
}

// sampleLightGround puts the picture on white or nearly white, or where that hides something, on gray or black.
func (p *picture) sampleLightGround(d draws) {
	p.ground = ground{place: nowhere, key: d.Uint64()}
	bg := &p.ground.bg
	sampleLight(d, bg)
	for _, c := range [2]int{gray, black} {
		if p.visible() {
			return
		}
		bg.kind, bg.colour, bg.rgb = bgPlain, c, tint(d, c)
	}
}
