package scenes

import (
	"math"
	"math/rand/v2"

	"github.com/ventral-lab/ventral/internal/rng"
)

// scene is every latent of one picture. Lengths are in units of the frame, angles in radians.
type scene struct {
	kind     int
	bg       background
	objects  [3]object
	n        int // objects in use; their number is the count
	relation int // of object 0 to object 1, an index of relationNames; -1 = none
	word     writing
	hasWord  bool
	plain    bool
	noise    float64 // amplitude, in 8-bit levels, of noise over the whole picture
	noiseKey uint64
	caption  string
	class    int // of a probe
}

type object struct {
	shape, colour, texture int
	rgb, rgb2              [3]uint8 // paint, and the second paint of a texture
	x, y, r, angle         float64
	aspect                 float64 // width to height of a rectangle, hole to outside of a ring
	period                 float64 // of the texture
	textureAngle           float64
}

type background struct {
	kind     int
	colour   int // index of a colour, or unnamed
	rgb, to  [3]uint8
	dx, dy   float64 // direction of a gradient
	noise    float64 // amplitude in 8-bit levels
	coloured bool    // noise in colour
	lattice  int     // noise cells along a side
	blobs    [6]blob
	nBlobs   int
	key      uint64 // of the noise
}

type blob struct {
	x, y, r float64
	rgb     [3]uint8
}

type writing struct {
	index  int    // in words
	text   string // as written: lower case, capitals or Capitalised
	letter int    // 0 lower, 1 capitals, 2 Capitalised
	ink    int
	rgb    [3]uint8
	font   int
	em     float64 // font size
	x, y   float64 // middle of the word
	angle  float64
	width  float64
	height float64 // of the ink
}

// draws is the stream of one picture. Products are kept from being fused with sums, so that the latents are the same
// bits on every platform.
type draws struct{ *rand.Rand }

func (d draws) in(lo, hi float64) float64 { return lo + float64(d.Float64()*(hi-lo)) }

func (d draws) yes(p float64) bool { return d.Float64() < p }

// pick draws an index in proportion to the weights.
func (d draws) pick(w []float64) int {
	sum := 0.0
	for _, v := range w {
		sum += v
	}
	x := float64(d.Float64() * sum)
	for i, v := range w {
		if x < v {
			return i
		}
		x -= v
	}
	return len(w) - 1
}

// scaleIn draws from lo to hi with density falling as 1/x: as many figures from 4 to 8 hundredths as from 20 to 40.
func (d draws) scaleIn(lo, hi float64) float64 {
	// 2^u by squaring: exp2 of a uniform number with 20 bits, from square roots of 2, which are correctly rounded.
	octaves := math.Log2(hi / lo)
	octaves = math.Round(octaves*(1<<20)) / (1 << 20)
	e := float64(d.Float64() * octaves)
	v := lo
	for e >= 1 {
		v, e = v*2, e-1
	}
	root := 2.0
	for range 24 {
		root, e = math.Sqrt(root), e*2
		if e >= 1 {
			v, e = v*root, e-1
		}
	}
	return min(v, hi)
}

// sample fills sc with the latents of picture i.
func (s *Set) sample(sc *scene, i int) {
	d := draws{rng.Fast(s.cfg.Seed, s.stream, uint64(i))}
	*sc = scene{relation: -1, noiseKey: d.Uint64()}
	sc.bg.key = d.Uint64()
	if s.probe != nil {
		s.probe.sample(d, sc, i, s.cfg.Split == "heldout")
		return
	}
	held := s.cfg.Split == "heldout"
	u := d.Float64()
	for sc.kind < nKinds-1 && u >= s.cum[sc.kind] {
		sc.kind++
	}
	switch sc.kind {
	case kindSingle:
		sampleSingle(d, sc, s.cfg.Mix.Plain, held)
	case kindSeveral:
		sampleSeveral(d, sc, held)
	case kindWord:
		sampleWord(d, sc, held)
	case kindWordShape:
		sampleWordShape(d, sc, held)
	case kindEmpty:
		sampleEmpty(d, sc)
	}
	if !sc.plain && d.yes(0.12) {
		sc.noise = d.in(3, 14)
	}
	sc.caption = caption(d, sc)
}

// shapeAndColour draws a pair that is held out, or one that is not.
func shapeAndColour(d draws, held bool, colours []float64) (shape, colour int) {
	if held {
		for {
			c := d.IntN(nColours)
			if colours[c] > 0 {
				return heldOutShape[c], c
			}
		}
	}
	shape = d.pick(shapeWeights)
	for {
		if colour = d.pick(colours); !heldOutPair(shape, colour) {
			return shape, colour
		}
	}
}

var (
	plainColours = []float64{black: 10, white: 0, gray: 1.2, red: 1.4, green: 1.2, blue: 1.2, yellow: 0.9, purple: 1.2, orange: 1, pink: 0.9}
	anyColours   = []float64{1.5, 1.3, 1, 1, 1, 1, 1, 1, 1, 1}
	textureShare = []float64{solid: 62, striped: 11, dotted: 8, checkered: 9, outline: 10}
)

// tint draws an instance of a colour.
func tint(d draws, colour int) [3]uint8 {
	p := palette[colour]
	h, s, v := d.in(p.h0, p.h1), d.in(p.s0, p.s1), d.in(p.v0, p.v1)
	return hsv(h, s, v)
}

// hsv converts hue (degrees), saturation and value (0..1) to bytes (Smith, SIGGRAPH 1978).
func hsv(h, s, v float64) [3]uint8 {
	if h >= 360 {
		h -= 360
	}
	h /= 60
	i := math.Floor(h)
	f := h - i
	p, q, t := v*(1-s), v*(1-float64(s*f)), v*(1-float64(s*(1-f)))
	var r, g, b float64
	switch int(i) {
	case 0:
		r, g, b = v, t, p
	case 1:
		r, g, b = q, v, p
	case 2:
		r, g, b = p, v, t
	case 3:
		r, g, b = p, q, v
	case 4:
		r, g, b = t, p, v
	default:
		r, g, b = v, p, q
	}
	return [3]uint8{byte8(r), byte8(g), byte8(b)}
}

func byte8(v float64) uint8 { return uint8(float64(min(max(v, 0), 1)*255) + 0.5) }

// contrast is the largest difference of two colours in a channel.
func contrast(a, b [3]uint8) int {
	m := 0
	for i := range a {
		d := int(a[i]) - int(b[i])
		m = max(m, d, -d)
	}
	return m
}

// luma is the Rec. 601 luma, 0..255.
func luma(c [3]uint8) int { return (299*int(c[0]) + 587*int(c[1]) + 114*int(c[2])) / 1000 }

func lumaContrast(a, b [3]uint8) int {
	d := luma(a) - luma(b)
	return max(d, -d)
}

// sampleObject draws what one figure looks like, but not where it is.
func sampleObject(d draws, shape, colour int, texture bool, lo, hi float64) object {
	o := object{shape: shape, colour: colour, aspect: 1}
	o.rgb = tint(d, colour)
	switch shape {
	case rectangle:
		o.aspect = d.in(1.7, 3)
		if d.yes(0.35) {
			o.aspect = 1 / o.aspect
		}
	case ring:
		o.aspect = d.in(0.45, 0.62)
	}
	o.r = d.scaleIn(lo, hi)
	if most := 0.52 / reach(shape, o.aspect); o.r > most && shape != circle {
		o.r = d.in(0.7*most, most) // a star as large as the largest disc would leave the frame on all sides
	}
	if d.yes(0.5) {
		o.angle = d.in(0, 2*math.Pi)
	} else {
		o.angle = d.in(-0.06, 0.06)
	}
	if texture && o.r >= minTextured {
		o.texture = d.pick(textureShare)
		if shape == ring && o.texture == outline {
			o.texture = solid // the outline of a ring is two rings
		}
	}
	o.texturise(d, o.texture)
	return o
}

// texturise gives a figure a texture, with a second paint that stands out from the first.
func (o *object) texturise(d draws, texture int) {
	o.texture = texture
	if texture == solid {
		return
	}
	switch o.texture {
	case striped:
		o.period = d.in(0.075, 0.1) + float64(0.15*(o.r-minTextured))
	case dotted:
		o.period = d.in(0.085, 0.11) + float64(0.15*(o.r-minTextured))
	case checkered:
		o.period = d.in(0.11, 0.14) + float64(0.2*(o.r-minTextured))
	case outline:
		o.period = max(0.022, float64(0.15*o.r)) // width of the stroke
	}
	o.textureAngle = d.in(0, math.Pi)
	if d.yes(0.5) {
		o.textureAngle = float64(d.IntN(4)) * (math.Pi / 4)
	}
	o.rgb2 = tint(d, white)
	if lumaContrast(o.rgb, o.rgb2) < 80 {
		o.rgb2 = tint(d, black)
	}
	if d.yes(0.5) { // a paler or darker shade, so that the figure keeps its border on a white or black ground
		for i, v := range o.rgb {
			o.rgb2[i] = uint8((9*int(v) + 11*int(o.rgb2[i])) / 20)
		}
	}
}

// place draws the centre of a figure: anywhere in the frame, so that the border may cut it, or wholly inside.
func (o *object) place(d draws, anywhere float64) {
	b := float64(o.r * reach(o.shape, o.aspect))
	lo := 0.0
	switch {
	case !d.yes(anywhere):
		lo = min(b, 0.45)
	case o.r > 0.2:
		lo = 0.15
	}
	o.x, o.y = d.in(lo, 1-lo), d.in(lo, 1-lo)
}

func sampleSingle(d draws, sc *scene, plainShare float64, held bool) {
	sc.n = 1
	sc.plain = d.yes(plainShare)
	if sc.plain {
		s, c := shapeAndColour(d, held, plainColours)
		samplePlain(d, sc, s, c)
		return
	}
	s, c := shapeAndColour(d, held, anyColours)
	sc.objects[0] = sampleObject(d, s, c, true, minRadius, maxRadius)
	sc.objects[0].place(d, 0.4)
	sampleBackground(d, sc)
}

// samplePlain fills in a solid figure on a plain white or light background; half of the black ones are exactly black
// and six in ten of the backgrounds exactly white.
func samplePlain(d draws, sc *scene, shape, colour int) {
	o := sampleObject(d, shape, colour, false, minRadius, maxRadius)
	if colour == black && d.yes(0.5) {
		o.rgb = [3]uint8{}
	}
	o.place(d, 0.45)
	sc.n, sc.plain, sc.objects[0] = 1, true, o
	sampleLight(d, &sc.bg)
}

func sampleLight(d draws, bg *background) {
	bg.kind, bg.colour, bg.rgb = bgWhite, white, [3]uint8{255, 255, 255}
	if !d.yes(0.6) {
		bg.kind, bg.rgb = bgLight, hsv(d.in(0, 360), d.in(0, 0.06), d.in(0.9, 1))
	}
}

func sampleSeveral(d draws, sc *scene, held bool) {
	if d.yes(0.6) { // two or three of a kind
		sc.n = 2 + d.IntN(2)
		s, c := shapeAndColour(d, held, anyColours)
		hi := 0.2
		if sc.n == 3 {
			hi = 0.16
		}
		sc.objects[0] = sampleObject(d, s, c, true, 0.05, hi)
		for k := 1; k < sc.n; k++ {
			sc.objects[k] = sc.objects[0]
			sc.objects[k].r = float64(sc.objects[0].r * d.in(0.85, 1.15))
			sc.objects[k].angle = sc.objects[0].angle + d.in(-0.3, 0.3)
		}
		scatter(d, sc)
		sampleBackground(d, sc)
		return
	}
	sc.n = 2
	for k := range 2 {
		for {
			s, c := shapeAndColour(d, held, anyColours)
			if k == 1 && (s == sc.objects[0].shape || c == sc.objects[0].colour && d.yes(0.7)) {
				continue
			}
			sc.objects[k] = sampleObject(d, s, c, true, 0.06, 0.19)
			break
		}
	}
	sc.relation = d.IntN(len(relationNames))
	for k := range 2 {
		// The first one sits before the middle of the axis of the relation, the second behind it.
		o := &sc.objects[k]
		b := min(float64(o.r*reach(o.shape, o.aspect)), 0.3)
		near := float64(b * 0.8)
		along, across := d.in(near, max(0.5-b, near+0.01)), d.in(min(b, 0.4), 1-min(b, 0.4))
		if (k == 1) != (sc.relation%2 == 1) {
			along = 1 - along
		}
		o.x, o.y = along, across
		if sc.relation >= 2 {
			o.x, o.y = across, along
		}
	}
	sampleBackground(d, sc)
}

// scatter places the figures of a picture so that their circles do not meet; the best of 40 tries where there is no room.
func scatter(d draws, sc *scene) {
	var best [3]object
	bestGap := math.Inf(-1)
	for range 40 {
		for k := range sc.n {
			sc.objects[k].place(d, 0.1)
		}
		gap := math.Inf(1)
		for a := range sc.n {
			for b := range a {
				p, q := &sc.objects[a], &sc.objects[b]
				dx, dy := p.x-q.x, p.y-q.y
				dist := math.Sqrt(float64(dx*dx) + float64(dy*dy))
				gap = min(gap, dist-float64(p.r*reach(p.shape, p.aspect))-float64(q.r*reach(q.shape, q.aspect)))
			}
		}
		if gap > bestGap {
			bestGap, best = gap, sc.objects
		}
		if gap > 0.015 {
			break
		}
	}
	sc.objects = best
}

func sampleWord(d draws, sc *scene, held bool) {
	sc.hasWord = true
	sc.word = sampleWriting(d, held, 0.45, 0.94)
	sc.word.settle(d, 0, 1)
	sampleBackground(d, sc)
}

// sampleWordShape puts the word over or under the figure, or on it.
func sampleWordShape(d draws, sc *scene, held bool) {
	sc.n, sc.hasWord = 1, true
	s, c := shapeAndColour(d, held, anyColours)
	layout := d.IntN(3)
	lo, hi := 0.08, 0.24
	if layout == 2 {
		lo, hi = 0.2, 0.36
	}
	o := sampleObject(d, s, c, layout != 2, lo, hi)
	for {
		sc.word = sampleWriting(d, held, 0.4, 0.9)
		// Three figures in ten carry their own name, as things in the world do; the other words fall as they fall.
		if !held && d.yes(0.3) {
			sc.word.index = len(words) - nShapes + s
			if heldOutInk(sc.word.index, sc.word.ink) {
				continue
			}
			sc.word.write(d, 0.4, 0.9)
		}
		if layout != 2 || lumaContrast(o.rgb, sc.word.rgb) >= 70 {
			break
		}
	}
	b := float64(o.r * reach(o.shape, o.aspect))
	switch layout {
	case 0, 1:
		o.y = d.in(min(b, 0.32), 0.36)
		o.x = d.in(min(b, 0.4), 1-min(b, 0.4))
		from, to := 0.62, 1.0
		if layout == 1 {
			o.y, from, to = 1-o.y, 0, 0.38
		}
		sc.word.settle(d, from, to)
	case 2:
		o.x, o.y = d.in(0.4, 0.6), d.in(0.4, 0.6)
		sc.word.settle(d, 0.4, 0.6)
	}
	sc.objects[0] = o
	sampleBackground(d, sc)
}

func sampleEmpty(d draws, sc *scene) {
	if d.yes(0.45) {
		sampleLight(d, &sc.bg)
		sc.plain = d.yes(0.8) // the rest may get noise over the picture
		return
	}
	sampleBackground(d, sc)
}

// sampleWriting draws a word, its ink and its letters; lo and hi bound its width.
func sampleWriting(d draws, held bool, lo, hi float64) writing {
	var w writing
	if d.yes(0.75) {
		w.index = d.IntN(len(nouns))
	} else {
		w.index = len(nouns) + d.IntN(nColours+nShapes)
	}
	for {
		w.ink = d.pick(anyColours)
		if heldOutInk(w.index, w.ink) == held {
			break
		}
		if held {
			w.index = d.IntN(len(words))
		}
	}
	w.rgb = tint(d, w.ink)
	w.font = d.IntN(len(fontFiles))
	w.letter = d.pick([]float64{6, 2, 2})
	if d.yes(0.25) {
		w.angle = d.in(-0.2, 0.2)
	}
	w.write(d, lo, hi)
	return w
}

// write sets the text and the font size, which gives the word a width between lo and hi, long words at least 0.09 a
// letter (below that nobody reads them at 64 pixels), as far as its letters do not become higher than a third of the frame.
func (w *writing) write(d draws, lo, hi float64) {
	w.text = letters(words[w.index], w.letter)
	f := fonts()[w.font]
	em, err := f.Width(w.text)
	if err != nil {
		panic(err) // the words are ASCII and the fonts have it: a test covers every pair
	}
	lo = max(lo, min(0.09*float64(len(w.text)), hi-0.04))
	top, bottom := f.Extent(w.text)
	w.em = min(d.in(lo, hi)/em, 0.33/(bottom-top))
	w.width, w.height = float64(w.em*em), float64(w.em*(bottom-top))
}

// letters writes a word in lower case (0), capitals (1) or with a capital first (2).
func letters(word string, style int) string {
	b := []byte(word)
	for i := range b {
		if style == 1 || style == 2 && i == 0 {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}

// settle draws the middle of the word, with its ink inside the frame and, as far as it fits, between the heights from and to.
func (w *writing) settle(d draws, from, to float64) {
	s, c := sincos(w.angle)
	s = math.Abs(s)
	hx := min((float64(w.width*c)+float64(w.height*s))/2+0.01, 0.5)
	hy := min((float64(w.width*s)+float64(w.height*c))/2+0.01, 0.5)
	w.x = d.in(hx, 1-hx)
	lo, hi := max(hy, from), min(1-hy, to)
	if to-from < 1 { // beside a figure: inside the band
		lo, hi = max(hy, from+hy), min(1-hy, to-hy)
		if hi < lo {
			lo = min(max((from+to)/2, hy), 1-hy)
			hi = lo
		}
	}
	w.y = d.in(lo, hi)
}
