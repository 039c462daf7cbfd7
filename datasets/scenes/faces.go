package scenes

// The expressions, by their place in atlas.Faces.
const (
	happy = iota
	sad
	angry
	surprised
	scared
	crying
	laughing
	sleeping
	winking
	kissing
	loving
	sick
)

var (
	dark  = [3]uint8{40, 30, 30}
	snowy = [3]uint8{252, 252, 252}
	tears = [3]uint8{70, 150, 235}
	rosy  = [3]uint8{220, 50, 60}
)

// drawFace draws a face of strokes: a round head in the item's paint with the features of an expression.
func (c *worldCanvas) drawFace(dst []uint8, it *item) {
	p := c.pen(dst, it)
	skin := it.paint.rgb
	if it.index == sick && !p.line {
		skin = between(skin, [3]uint8{120, 190, 80})
	}
	p.ellipse(skin, 0, 0, 0.95+float64(0.05*it.jitter[0]), 0.95-float64(0.05*it.jitter[0]))
	p.features(it.index, 0, 0, 1, it.jitter, 2)
}

// features draws eyes, brows, mouth and what goes with an expression, about (x, y) in a head of radius r.
func (p *pen) features(expr int, x, y, r float64, j [4]float64, eyes int) {
	ey := y - float64((0.2+float64(0.05*j[1]))*r)
	ex := float64((0.34 + float64(0.05*j[2])) * r)
	if eyes == 1 {
		ex = 0
	}
	my := y + float64((0.42+float64(0.04*j[3]))*r)
	w := float64(0.1 * r) // of strokes
	p.eyes(expr, x, ey, ex, r, eyes)
	// Brows: the outer end lower when sad, the inner one when angry.
	tilt := 0.0
	switch expr {
	case sad, scared, crying, sick:
		tilt = 0.14
	case angry:
		tilt = -0.2
	}
	if tilt != 0 {
		by := ey - float64(0.28*r)
		t, in, out := float64(tilt*r), float64(0.16*r), float64(0.5*r)
		p.stroke(dark, w, x-out, by+t/2, x-in, by-t/2)
		p.stroke(dark, w, x+out, by+t/2, x+in, by-t/2)
	}
	switch expr {
	case happy, winking:
		p.arc(dark, w, x, my-float64(0.08*r), float64(0.42*r), float64(0.24*r))
	case loving:
		p.arc(dark, w, x, my-float64(0.04*r), float64(0.4*r), float64(0.26*r))
	case laughing:
		m, b := float64(0.46*r), float64(0.42*r)
		p.fill(dark, x-m, my-float64(0.14*r), x+m, my-float64(0.14*r), x+float64(0.36*r), my+float64(0.2*r), x, my+b-float64(0.08*r), x-float64(0.36*r), my+float64(0.2*r))
	case sad, angry, crying:
		p.arc(dark, w, x, my+float64(0.16*r), float64(0.34*r), -float64(0.2*r))
	case surprised:
		p.ellipse(dark, x, my+float64(0.06*r), float64(0.17*r), float64(0.23*r))
	case scared:
		p.fill(dark, x-float64(0.36*r), my+float64(0.2*r), x-float64(0.28*r), my-float64(0.06*r), x+float64(0.28*r), my-float64(0.06*r), x+float64(0.36*r), my+float64(0.2*r))
	case sleeping:
		p.ellipse(dark, x+float64(0.04*r), my+float64(0.06*r), float64(0.13*r), float64(0.1*r))
	case kissing:
		p.ellipse(rosy, x, my, float64(0.12*r), float64(0.13*r))
		p.heart(rosy, x+float64(0.52*r), my-float64(0.02*r), float64(0.16*r))
	case sick:
		a := float64(0.1 * r)
		p.stroke(dark, w, x-float64(0.38*r), my+a, x-float64(0.2*r), my-a, x, my+a, x+float64(0.2*r), my-a, x+float64(0.38*r), my+a)
	}
	switch expr {
	case crying:
		for _, s := range [2]float64{-1, 1} {
			cx := x + float64(s*float64(0.42*r))
			p.fill(tears, cx-float64(0.1*r), ey+float64(0.12*r), cx+float64(0.1*r), ey+float64(0.12*r), cx+float64(0.12*r), y+float64(0.8*r), cx-float64(0.12*r), y+float64(0.8*r))
		}
	case laughing:
		for _, s := range [2]float64{-1, 1} {
			p.ellipse(tears, x+float64(s*float64(0.72*r)), ey+float64(0.26*r), float64(0.13*r), float64(0.17*r))
		}
	case sleeping:
		z := func(cx, cy, s float64) {
			p.stroke(tears, float64(0.09*r), cx-s, cy-s, cx+s, cy-s, cx-s, cy+s, cx+s, cy+s)
		}
		z(x+float64(0.56*r), y-float64(0.66*r), float64(0.15*r))
		z(x+float64(0.88*r), y-float64(0.86*r), float64(0.1*r))
	}
}

// eyes draws the eyes of an expression, ex to either side of (x, y), or one eye in the middle.
func (p *pen) eyes(expr int, x, y, ex, r float64, n int) {
	w := float64(0.1 * r)
	for k := range n {
		cx := x - ex
		if k == 1 {
			cx = x + ex
		}
		kind := expr
		if expr == winking && k == 0 {
			kind = happy
		}
		switch kind {
		case laughing:
			p.stroke(dark, w, cx-float64(0.16*r), y+float64(0.09*r), cx, y-float64(0.09*r), cx+float64(0.16*r), y+float64(0.09*r))
		case winking:
			p.stroke(dark, w, cx-float64(0.18*r), y+float64(0.02*r), cx+float64(0.18*r), y+float64(0.02*r))
		case sleeping:
			p.arc(dark, w, cx, y, float64(0.18*r), float64(0.12*r))
		case loving:
			p.heart(rosy, cx, y, float64(0.2*r))
		case surprised, scared:
			p.ellipse(snowy, cx, y, float64(0.2*r), float64(0.24*r))
			p.ellipse(dark, cx, y, float64(0.08*r), float64(0.1*r))
		default:
			p.ellipse(dark, cx, y, float64(0.12*r), float64(0.15*r))
		}
	}
}
