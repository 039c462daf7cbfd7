package scenes

import (
	"cmp"
	"fmt"
	"strings"
)

// probe makes plain pictures, balanced over the classes of one factor.
type probe struct {
	classes []string
	prompts []string // one natural caption a class
	draw    func(d draws, sc *scene, class int, held bool)
	heldout bool // the factor has held-out pairs
}

// Factors are the names that Probe knows.
//
//	shape4    circle, square, triangle, empty: the classes of the spatial-cells document
//	circle    circle, empty, prompts "a black circle" and "an empty image"; the circles are black
//	shape     the shapes
//	colour    the colours, on white (white figures on gray or black)
//	size      small, large (a few large stars and triangles reach 0.3 % over the border)
//	count     one, two, three circles, some of them clipped
//	position  left, right, top, bottom: small figures near the middle of a border
//	texture   the textures
//	word      the words, in any ink
//	ink       the colours, as ink of any word
var Factors = []string{"shape4", "circle", "shape", "colour", "size", "count", "position", "texture", "word", "ink"}

// ProbeConfig says which pictures a probe holds.
type ProbeConfig struct {
	Factor string // one of Factors
	N      int    // number of pictures; 0 = 300
	Seed   uint64
	Size   int    // pixels; 0 = 64
	Split  string // "test" (the default): pairs that training has seen; "heldout": pairs that it has not (shape, colour, word and ink)
	Masks  bool
}

// Probe returns n evaluation pictures for one factor: plain pictures (a solid figure, or dark letters, on white or light
// ground, without noise, wholly inside the frame), balanced over the factor's classes (picture i has class i mod the number of
// classes), everything else drawn as in training. The label "class" is the right answer; Classes and Prompts
// say what to choose from. No picture of a probe is a picture of another split, because its stream is its own.
func Probe(factor string, n int, seed uint64, size int) (*Set, error) {
	return NewProbe(ProbeConfig{Factor: factor, N: n, Seed: seed, Size: size})
}

// NewProbe is Probe with every choice.
func NewProbe(cfg ProbeConfig) (*Set, error) {
	cfg.Split = cmp.Or(cfg.Split, "test")
	if err := settle(&cfg.N, &cfg.Size, 300); err != nil {
		return nil, err
	}
	p := newProbe(cfg.Factor)
	if p == nil {
		return nil, fmt.Errorf("scenes: no probe for factor %q: it is one of %s", cfg.Factor, strings.Join(Factors, ", "))
	}
	switch {
	case cfg.Split != "test" && cfg.Split != "heldout":
		return nil, fmt.Errorf("scenes: a probe's split is test or heldout, not %q", cfg.Split)
	case cfg.Split == "heldout" && !p.heldout:
		return nil, fmt.Errorf("scenes: the probe for %s has no held-out pairs; only shape, colour, word and ink have", cfg.Factor)
	}
	return &Set{
		cfg:    Config{N: cfg.N, Seed: cfg.Seed, Size: cfg.Size, Split: cfg.Split, Masks: cfg.Masks},
		stream: "scenes/probe/" + cfg.Factor + "/" + cfg.Split,
		probe:  p,
		factor: cfg.Factor,
	}, nil
}

// Classes are the classes of a probe in the order of Prompts; nil for other sets.
func (s *Set) Classes() []string {
	if s.probe == nil {
		return nil
	}
	return append([]string(nil), s.probe.classes...)
}

// Prompts are a caption for each class of a probe; nil for other sets.
func (s *Set) Prompts() []string {
	if s.probe == nil {
		return nil
	}
	return append([]string(nil), s.probe.prompts...)
}

func (p *probe) sample(d draws, sc *scene, i int, held bool) {
	sc.class = i % len(p.classes)
	p.draw(d, sc, sc.class, held)
	sc.caption = caption(d, sc)
}

// Radii of a probe's figures: those of the document's circles at the small end, and no larger than fits the frame.
const (
	probeMin = 0.06
	probeMax = 0.28
)

// single draws one plain figure of radius lo to hi wholly inside the frame.
func single(d draws, sc *scene, shape, colour int, lo, hi float64) *object {
	sc.kind, sc.n, sc.plain = kindSingle, 1, true
	o := &sc.objects[0]
	*o = sampleObject(d, shape, colour, false, lo, hi)
	if colour == black && d.yes(0.5) {
		o.rgb = [3]uint8{}
	}
	o.place(d, 0)
	sampleLight(d, &sc.bg)
	if colour == white {
		sc.plain = false
		sc.bg.kind, sc.bg.colour = bgPlain, gray
		if d.yes(0.5) {
			sc.bg.colour = black
		}
		sc.bg.rgb = tint(d, sc.bg.colour)
	}
	return o
}

func empty(d draws, sc *scene) {
	sc.kind, sc.plain = kindEmpty, true
	sampleLight(d, &sc.bg)
}

// seenColour draws a colour of a plain picture that the shape goes with in training.
func seenColour(d draws, shape int) int {
	for {
		if c := d.pick(plainColours); !heldOutPair(shape, c) {
			return c
		}
	}
}

func prompts(classes []string, f func(string) string) []string {
	out := make([]string, len(classes))
	for i, c := range classes {
		out[i] = f(c)
	}
	return out
}

func newProbe(factor string) *probe {
	anA := func(c string) string { return article(c) + " " + c }
	circleOf := func(c string) string { return article(c) + " " + c + " circle" }
	switch factor {
	case "shape4":
		c := []string{"circle", "square", "triangle", "empty"}
		return &probe{classes: c, prompts: []string{"a circle", "a square", "a triangle", "an empty image"},
			draw: func(d draws, sc *scene, class int, _ bool) {
				if class == 3 {
					empty(d, sc)
					return
				}
				single(d, sc, class, seenColour(d, class), probeMin, probeMax)
			}}
	case "circle":
		return &probe{classes: []string{"circle", "empty"}, prompts: []string{"a black circle", "an empty image"},
			draw: func(d draws, sc *scene, class int, _ bool) {
				if class == 1 {
					empty(d, sc)
					return
				}
				single(d, sc, circle, black, probeMin, probeMax)
			}}
	case "shape":
		c := Shapes()
		return &probe{classes: c, prompts: prompts(c, anA), heldout: true,
			draw: func(d draws, sc *scene, class int, held bool) {
				col := seenColour(d, class)
				for held && !heldOutPair(class, col) {
					col = d.IntN(nColours)
				}
				single(d, sc, class, col, probeMin, probeMax)
			}}
	case "colour":
		c := Colours()
		return &probe{classes: c, prompts: prompts(c, circleOf), heldout: true,
			draw: func(d draws, sc *scene, class int, held bool) {
				shape := heldOutShape[class]
				for !held && heldOutPair(shape, class) {
					shape = d.pick(shapeWeights)
				}
				single(d, sc, shape, class, probeMin, probeMax)
			}}
	case "size":
		return &probe{classes: []string{"small", "large"}, prompts: []string{"a small circle", "a large circle"},
			draw: func(d draws, sc *scene, class int, _ bool) {
				lo, hi := minRadius, mediumFrom-0.005
				if class == 1 {
					lo, hi = largeFrom+0.01, 0.34
				}
				s := d.pick(shapeWeights)
				single(d, sc, s, seenColour(d, s), lo, hi)
			}}
	case "count":
		return &probe{classes: []string{"one", "two", "three"}, prompts: []string{"a circle", "two circles", "three circles"},
			draw: func(d draws, sc *scene, class int, _ bool) {
				single(d, sc, circle, seenColour(d, circle), 0.06, 0.15)
				if class == 0 {
					return
				}
				sc.kind, sc.n = kindSeveral, class+1
				for k := range sc.n {
					sc.objects[k] = sc.objects[0]
				}
				scatter(d, sc)
			}}
	case "position":
		c := []string{"left", "right", "top", "bottom"}
		return &probe{classes: c, prompts: []string{"a circle on the left", "a circle on the right", "a circle at the top", "a circle at the bottom"},
			draw: func(d draws, sc *scene, class int, _ bool) {
				s := d.pick(shapeWeights)
				o := single(d, sc, s, seenColour(d, s), 0.06, 0.14)
				b := float64(o.r * reach(o.shape, o.aspect))
				o.x, o.y = d.in(min(b, 0.28), 0.3), d.in(0.36, 0.64)
				if class%2 == 1 {
					o.x = 1 - o.x
				}
				if class >= 2 {
					o.x, o.y = o.y, o.x
				}
			}}
	case "texture":
		c := Textures()
		return &probe{classes: c,
			prompts: []string{"a circle", "a striped circle", "a dotted circle", "a checkered circle", "an outlined circle"},
			draw: func(d draws, sc *scene, class int, _ bool) {
				for {
					s := d.pick(shapeWeights)
					if s == ring {
						continue
					}
					o := single(d, sc, s, seenColour(d, s), 0.16, probeMax)
					o.texturise(d, class)
					sc.plain = class == solid
					return
				}
			}}
	case "word":
		c := Words()
		return &probe{classes: c, prompts: prompts(c, func(w string) string { return "the word " + w }), heldout: true,
			draw: func(d draws, sc *scene, class int, held bool) { written(d, sc, class, -1, held) }}
	case "ink":
		c := Colours()
		return &probe{classes: c, prompts: prompts(c, func(w string) string { return "a word in " + w }), heldout: true,
			draw: func(d draws, sc *scene, class int, held bool) { written(d, sc, -1, class, held) }}
	}
	return nil
}

// written draws one word on white or light ground (light inks on black or gray); word or ink is given, the other is drawn.
func written(d draws, sc *scene, word, ink int, held bool) {
	if word >= 0 {
		held = held && (3*word)%11 != 1 // these words have no held-out ink: any ink will do
	}
	for {
		w := word
		if w < 0 {
			w = d.IntN(len(words))
		}
		c := ink
		if c < 0 {
			c = d.IntN(nColours)
		}
		if heldOutInk(w, c) != held {
			continue
		}
		sc.kind, sc.hasWord = kindWord, true
		sc.word = writing{index: w, ink: c, rgb: tint(d, c), font: d.IntN(len(fontFiles)), letter: d.pick([]float64{6, 2, 2})}
		break
	}
	sc.word.write(d, 0.6, 0.94)
	sc.word.settle(d, 0, 1)
	sampleLight(d, &sc.bg)
	if !visible(sc) {
		sc.bg.kind, sc.bg.colour = bgPlain, gray
		if sc.bg.rgb = tint(d, gray); !visible(sc) {
			sc.bg.colour, sc.bg.rgb = black, tint(d, black)
		}
	}
}
