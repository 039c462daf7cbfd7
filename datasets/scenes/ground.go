package scenes

import "math"

// sampleBackground draws a background on which every figure and word can be seen.
func sampleBackground(d draws, sc *scene) {
	for range 30 {
		drawBackground(d, &sc.bg)
		if visible(sc) {
			return
		}
	}
	// Nothing drawn was good enough: plain white, black or gray.
	for _, c := range [3]int{white, black, gray} {
		sc.bg = background{kind: bgPlain, colour: c, rgb: [3]uint8{128, 128, 128}, key: sc.bg.key}
		switch c {
		case white:
			sc.bg.kind, sc.bg.rgb = bgWhite, [3]uint8{255, 255, 255}
		case black:
			sc.bg.rgb = [3]uint8{}
		}
		if visible(sc) {
			return
		}
	}
}

func drawBackground(d draws, bg *background) {
	key := bg.key
	*bg = background{kind: d.pick([]float64{bgWhite: 20, bgLight: 8, bgPlain: 30, bgGradient: 14, bgNoisy: 15, bgBlobs: 13}), key: key}
	switch bg.kind {
	case bgWhite:
		bg.colour, bg.rgb = white, [3]uint8{255, 255, 255}
		return
	case bgLight:
		bg.colour, bg.rgb = white, hsv(d.in(0, 360), d.in(0, 0.06), d.in(0.9, 1))
		return
	}
	bg.colour, bg.rgb = paint(d)
	switch bg.kind {
	case bgGradient:
		bg.colour, bg.to = unnamed, anyPaint(d)
		a := d.in(0, 2*math.Pi)
		bg.dy, bg.dx = sincos(a)
	case bgNoisy:
		bg.noise, bg.coloured = d.in(10, 42), d.yes(0.5)
		bg.lattice = 64
		if d.yes(0.3) {
			bg.lattice = 32
		}
	case bgBlobs:
		bg.colour = unnamed
		bg.nBlobs = 3 + d.IntN(4)
		for k := range bg.nBlobs {
			bg.blobs[k] = blob{d.in(0, 1), d.in(0, 1), d.in(0.2, 0.55), anyPaint(d)}
		}
	}
}

// paint draws a colour with a name (gray, white and black twice as often) or any colour at all.
func paint(d draws) (colour int, rgb [3]uint8) {
	if d.yes(0.65) {
		colour = d.pick([]float64{2, 2, 3, 1, 1, 1, 1, 1, 1, 1})
		return colour, tint(d, colour)
	}
	return unnamed, anyPaint(d)
}

// anyPaint draws a colour of any brightness, mostly of low saturation.
func anyPaint(d draws) [3]uint8 {
	s := d.Float64()
	return hsv(d.in(0, 360), float64(s*float64(s*0.9)), d.in(0.05, 1))
}

// visible tells whether every paint stands out from every colour of the background: figures by any channel, ink by
// luma, because letters are read from luminance.
func visible(sc *scene) bool {
	bg := &sc.bg
	ok := func(c [3]uint8) bool {
		for k := range sc.n {
			o := &sc.objects[k]
			if contrast(o.rgb, c) < 90 || o.colour == bg.colour {
				return false
			}
		}
		return !sc.hasWord || lumaContrast(sc.word.rgb, c) >= 65 && sc.word.ink != bg.colour
	}
	if !ok(bg.rgb) || bg.kind == bgGradient && !(ok(bg.to) && ok(between(bg.rgb, bg.to))) {
		return false
	}
	for k := range bg.nBlobs {
		if !ok(bg.blobs[k].rgb) {
			return false
		}
	}
	return true
}

func between(a, b [3]uint8) (m [3]uint8) {
	for i := range a {
		m[i] = uint8((int(a[i]) + int(b[i])) / 2)
	}
	return m
}
