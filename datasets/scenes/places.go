package scenes

import (
	"math"

	"github.com/ventral-lab/ventral/internal/raster"
	"github.com/ventral-lab/ventral/internal/rng"
)

// ground is a background of the second world: one of the first, or a place.
type ground struct {
	bg      background
	place   int // or nowhere
	key     uint64
	horizon float64  // height of the ground's border from the top, in frames
	far     [3]uint8 // sky or wall, at the top
	far2    [3]uint8 // at the horizon
	near    [3]uint8 // the ground
	near2   [3]uint8 // at the bottom
}

func (g *ground) name() string {
	if g.place == nowhere {
		return backgroundNames[g.bg.kind]
	}
	return placeNames[g.place]
}

// colours calls f for the main colours of the background, until one fails.
func (g *ground) colours(f func(c [3]uint8, colour int) bool) bool {
	if g.place != nowhere {
		return f(g.far, unnamed) && f(g.far2, unnamed) && f(g.near, unnamed) && f(g.near2, unnamed)
	}
	bg := &g.bg
	if !f(bg.rgb, bg.colour) || bg.kind == bgGradient && !(f(bg.to, unnamed) && f(between(bg.rgb, bg.to), unnamed)) {
		return false
	}
	for k := range bg.nBlobs {
		if !f(bg.blobs[k].rgb, unnamed) {
			return false
		}
	}
	return true
}

// visible tells whether every item stands out from the background.
func (p *picture) visible() bool {
	g := &p.ground
	for k := range p.n {
		it := &p.items[k]
		if !g.colours(func(c [3]uint8, colour int) bool { return it.stands(c, colour, g.place != nowhere) }) {
			return false
		}
	}
	return true
}

// wild is the share of pictures at a place, plain the share on a white, light or plain ground; the rest is graded, noisy or blurred.
func (p *picture) sampleGround(d draws, held bool, wild, plain float64) {
	key := d.Uint64()
	u := d.Float64()
	for try := range 40 {
		g := ground{place: nowhere, key: key}
		g.bg.key = key
		switch {
		case u < wild && try < 14:
			g.samplePlace(d, d.IntN(nPlaces))
			if !held && p.heldPlace(g.place) {
				continue
			}
		case u < wild+plain:
			sampleQuiet(d, &g.bg)
		default:
			drawBackground(d, &g.bg)
		}
		p.ground = g
		if p.visible() {
			return
		}
	}
	for _, c := range [4]int{white, black, gray, blue} {
		p.ground = ground{place: nowhere, key: key, bg: background{kind: bgPlain, colour: c, rgb: [3]uint8{128, 128, 128}, key: key}}
		switch c {
		case white:
			p.ground.bg.kind, p.ground.bg.rgb = bgWhite, [3]uint8{255, 255, 255}
		case black:
			p.ground.bg.rgb = [3]uint8{}
		case blue:
			p.ground.bg.rgb = [3]uint8{40, 80, 200}
		}
		if p.visible() {
			return
		}
	}
}

func (p *picture) heldPlace(place int) bool {
	for k := range p.n {
		if it := &p.items[k]; it.category == catObject && heldOutPlace(it.index) == place {
			return true
		}
	}
	return false
}

// sampleQuiet draws a white, light or one-coloured ground.
func sampleQuiet(d draws, bg *background) {
	key := bg.key
	*bg = background{key: key}
	if d.yes(0.5) {
		sampleLight(d, bg)
		return
	}
	bg.kind = bgPlain
	bg.colour, bg.rgb = paint(d)
}

func (g *ground) samplePlace(d draws, place int) {
	g.place, g.bg.colour = place, unnamed
	g.horizon = d.in(0.45, 0.62)
	dusk := d.yes(0.2)
	day := func() {
		g.far, g.far2 = hsv(d.in(203, 222), d.in(0.4, 0.75), d.in(0.75, 1)), hsv(d.in(195, 215), d.in(0.12, 0.35), d.in(0.9, 1))
		if dusk {
			g.far, g.far2 = hsv(d.in(225, 275), d.in(0.3, 0.6), d.in(0.45, 0.75)), hsv(d.in(12, 40), d.in(0.4, 0.75), d.in(0.9, 1))
		}
	}
	switch place {
	case indoor:
		g.horizon = d.in(0.62, 0.76)
		g.far = hsv(d.in(0, 360), d.in(0.05, 0.35), d.in(0.7, 0.95))
		g.far2 = g.far
		g.near = hsv(d.in(18, 36), d.in(0.4, 0.7), d.in(0.4, 0.7))
		g.near2 = g.near
	case street:
		g.horizon = d.in(0.6, 0.72)
		day()
		g.near = hsv(0, 0, d.in(0.3, 0.5))
		g.near2 = g.near
	case nature:
		day()
		g.near, g.near2 = hsv(d.in(85, 120), d.in(0.45, 0.7), d.in(0.55, 0.8)), hsv(d.in(95, 130), d.in(0.5, 0.8), d.in(0.35, 0.6))
	case sea:
		g.horizon = d.in(0.35, 0.55)
		day()
		g.near, g.near2 = hsv(d.in(195, 215), d.in(0.5, 0.75), d.in(0.6, 0.85)), hsv(d.in(205, 225), d.in(0.65, 0.95), d.in(0.35, 0.6))
	case sky:
		g.horizon = 1
		day()
		g.near, g.near2 = g.far2, g.far2
	}
}

// drawPlace draws a place. Its details come from the key of the ground, in an order that does not depend on the size.
func (c *worldCanvas) drawPlace(dst []uint8, g *ground) {
	d := draws{rng.Fast(g.key, "scenes/place")}
	n := c.size
	edge := int(float64(g.horizon*float64(n)) + 0.5)
	ramp(dst, n, 0, edge, g.far, g.far2)
	ramp(dst, n, edge, n, g.near, g.near2)
	h := g.horizon
	switch g.place {
	case indoor:
		c.drawRoom(dst, d, g)
	case street:
		c.drawStreet(dst, d, g)
	case nature:
		if d.yes(0.5) {
			c.cloud(dst, d, d.in(0.1, 0.9), d.in(0.05, 0.3))
		}
		c.hill(dst, d, h, shade(between(g.near, g.far2), 0.95))
		for range 3 + d.IntN(4) {
			c.tree(dst, d, d.in(0, 1), h+d.in(-0.02, 0.16))
		}
		for range d.IntN(9) {
			x, y, r := d.in(0, 1), d.in(h+0.15, 1), d.in(0.008, 0.018)
			c.disc(dst, x, y, r, tint(d, d.pick([]float64{white: 1, red: 1, yellow: 1, pink: 1})))
		}
	case sea:
		if d.yes(0.4) {
			c.disc(dst, d.in(0.1, 0.9), d.in(0.08, h), d.in(0.05, 0.09), [3]uint8{255, 240, 170})
		}
		light := shade(g.near, 1.35)
		for range 9 {
			y := h + float64(d.Float64()*d.Float64()*(1-h))
			x, w := d.in(-0.1, 0.9), d.in(0.1, 0.4)
			t := 0.006 + float64(0.02*(y-h))
			c.rect(dst, x, y, x+w, y+t, light)
		}
		if d.yes(0.3) { // a beach
			c.poly(dst, []raster.Point{{X: 0, Y: 1}, {X: 0, Y: d.in(0.88, 0.95)}, {X: 1, Y: d.in(0.82, 0.95)}, {X: 1, Y: 1}}, [3]uint8{235, 210, 150})
		}
	case sky:
		for range 3 + d.IntN(4) {
			c.cloud(dst, d, d.in(0, 1), d.in(0.05, 0.95))
		}
	}
}

func (c *worldCanvas) drawRoom(dst []uint8, d draws, g *ground) {
	h := g.horizon
	if d.yes(0.4) { // wallpaper
		stripe := shade(g.far, 0.93)
		w := d.in(0.05, 0.1)
		for x := d.in(0, w); x < 1; x += 2 * w {
			c.rect(dst, x, 0, x+w, h, stripe)
		}
	}
	plank := shade(g.near, 0.86)
	for k := range 4 { // planks, closer towards the wall
		y := h + float64((1-h)*float64(k*k+1)/14)
		c.rect(dst, 0, y, 1, y+0.01, plank)
	}
	c.rect(dst, 0, h-0.025, 1, h, shade(g.far, 1.12)) // skirting board
	at := d.in(0.05, 0.6)
	switch d.IntN(3) {
	case 0: // a window
		w, top := d.in(0.24, 0.36), d.in(0.08, 0.16)
		b := top + d.in(0.26, 0.36)
		frame := [3]uint8{245, 245, 240}
		c.rect(dst, at, top, at+w, b, frame)
		c.rect(dst, at+0.02, top+0.02, at+w/2-0.01, b-0.02, [3]uint8{160, 205, 240})
		c.rect(dst, at+w/2+0.01, top+0.02, at+w-0.02, b-0.02, [3]uint8{160, 205, 240})
	case 1: // a picture
		w, top := d.in(0.2, 0.3), d.in(0.1, 0.2)
		c.rect(dst, at, top, at+w, top+float64(w*0.8), [3]uint8{110, 75, 45})
		c.rect(dst, at+0.025, top+0.025, at+w-0.025, top+float64(w*0.8)-0.025, hsv(d.in(0, 360), 0.3, 0.9))
	case 2: // a lamp
		x := at + 0.15
		c.rect(dst, x-0.006, 0, x+0.006, 0.12, [3]uint8{60, 60, 60})
		c.poly(dst, []raster.Point{{X: x - 0.04, Y: 0.12}, {X: x + 0.04, Y: 0.12}, {X: x + 0.1, Y: 0.22}, {X: x - 0.1, Y: 0.22}}, hsv(d.in(35, 50), 0.5, 1))
	}
	sofa := hsv(d.in(0, 360), d.in(0.3, 0.6), d.in(0.45, 0.75))
	switch x := d.in(0, 0.6); d.IntN(3) {
	case 0: // a sofa
		c.rect(dst, x, h-0.16, x+0.4, h+0.06, shade(sofa, 0.9))
		c.rect(dst, x, h-0.04, x+0.4, h+0.08, sofa)
		c.rect(dst, x, h-0.08, x+0.05, h+0.09, shade(sofa, 0.75))
		c.rect(dst, x+0.35, h-0.08, x+0.4, h+0.09, shade(sofa, 0.75))
	case 1: // a cupboard
		c.rect(dst, x, h-0.4, x+0.22, h+0.04, [3]uint8{125, 85, 50})
		c.rect(dst, x+0.02, h-0.38, x+0.2, h-0.19, [3]uint8{150, 105, 65})
		c.rect(dst, x+0.02, h-0.17, x+0.2, h+0.02, [3]uint8{150, 105, 65})
	}
}

func (c *worldCanvas) drawStreet(dst []uint8, d draws, g *ground) {
	h := g.horizon
	for x := -d.in(0, 0.1); x < 1; {
		w, top := d.in(0.14, 0.26), d.in(0.08, 0.4)
		wall := hsv(d.in(0, 50), d.in(0.05, 0.5), d.in(0.45, 0.85))
		c.rect(dst, x, top, x+w, h, wall)
		pane := [3]uint8{90, 110, 135}
		if d.yes(0.4) {
			pane = [3]uint8{250, 230, 150}
		}
		cols := 2 + d.IntN(2)
		step := w / float64(cols)
		for y := top + 0.04; y < h-0.1; y += 0.095 {
			for k := range cols {
				a := x + float64(step*(float64(k)+0.28))
				c.rect(dst, a, y, a+float64(step*0.45), y+0.05, pane)
			}
		}
		x += w + d.in(0, 0.02)
	}
	c.rect(dst, 0, h-0.015, 1, h+0.05, [3]uint8{190, 188, 182}) // pavement
	y := h + float64((1-h)*0.55)
	for x := d.in(-0.2, 0); x < 1; x += 0.28 { // the line in the middle of the road
		c.rect(dst, x, y, x+0.16, y+0.022, [3]uint8{235, 235, 225})
	}
}

func (c *worldCanvas) cloud(dst []uint8, d draws, x, y float64) {
	r := d.in(0.05, 0.1)
	white := [3]uint8{250, 250, 252}
	c.disc(dst, x, y, r, white)
	c.disc(dst, x-float64(r*1.1), y+float64(r*0.35), float64(r*0.7), white)
	c.disc(dst, x+float64(r*1.15), y+float64(r*0.3), float64(r*0.75), white)
}

func (c *worldCanvas) hill(dst []uint8, d draws, h float64, rgb [3]uint8) {
	pts := c.pts[:0]
	pts = append(pts, raster.Point{X: 0, Y: h + 0.01})
	a, f, ph := d.in(0.04, 0.12), d.in(3, 8), d.in(0, 6)
	for k := range 17 {
		x := float64(k) / 16
		s, _ := sincos(float64(f*x) + ph)
		pts = append(pts, raster.Point{X: x, Y: h - 0.02 - float64(a*(1+s))})
	}
	pts = append(pts, raster.Point{X: 1, Y: h + 0.01})
	c.pts = pts
	c.poly(dst, pts, rgb)
}

func (c *worldCanvas) tree(dst []uint8, d draws, x, y float64) {
	k := 0.5 + float64(2.2*max(y-0.45, 0))
	green := hsv(d.in(90, 140), d.in(0.5, 0.8), d.in(0.3, 0.6))
	w := float64(0.012 * k)
	c.rect(dst, x-w, y-float64(0.1*k), x+w, y, [3]uint8{100, 70, 40})
	if d.yes(0.5) {
		c.disc(dst, x, y-float64(0.15*k), float64(0.075*k), green)
		return
	}
	c.poly(dst, []raster.Point{{X: x - float64(0.07*k), Y: y - float64(0.06*k)}, {X: x, Y: y - float64(0.28*k)}, {X: x + float64(0.07*k), Y: y - float64(0.06*k)}}, green)
}

// shade multiplies a colour.
func shade(c [3]uint8, k float64) [3]uint8 {
	for i, v := range c {
		c[i] = uint8(min(float64(float64(v)*k)+0.5, 255))
	}
	return c
}

// ramp fills rows y0 to y1 with a gradient from a to b.
func ramp(dst []uint8, n, y0, y1 int, a, b [3]uint8) {
	for y := y0; y < y1; y++ {
		t := (2*(y-y0) + 1) * 128 / (y1 - y0)
		var p [3]uint8
		for ch := range p {
			p[ch] = uint8((int(a[ch])*(256-t) + int(b[ch])*t + 128) >> 8)
		}
		row := dst[3*y*n : 3*(y+1)*n]
		for x := 0; x < len(row); x += 3 {
			copy(row[x:x+3], p[:])
		}
	}
}

// rect fills a rectangle, in frames, with exact coverage at its borders.
func (c *worldCanvas) rect(dst []uint8, x0, y0, x1, y1 float64, rgb [3]uint8) {
	n := float64(c.size)
	x0, x1 = max(float64(x0*n), 0), min(float64(x1*n), n)
	y0, y1 = max(float64(y0*n), 0), min(float64(y1*n), n)
	if x1 <= x0 || y1 <= y0 {
		return
	}
	r, g, b := uint32(rgb[0]), uint32(rgb[1]), uint32(rgb[2])
	ix0, ix1 := int(x0), int(math.Ceil(x1))
	for y := int(y0); y < int(math.Ceil(y1)); y++ {
		cy := min(y1, float64(y+1)) - max(y0, float64(y))
		for x := ix0; x < ix1; x++ {
			a := uint32(raster.Byte(float64(cy * (min(x1, float64(x+1)) - max(x0, float64(x))))))
			p := dst[3*(y*c.size+x):][:3:3]
			q := 255 - a
			p[0] = uint8((uint32(p[0])*q + r*a + 127) / 255)
			p[1] = uint8((uint32(p[1])*q + g*a + 127) / 255)
			p[2] = uint8((uint32(p[2])*q + b*a + 127) / 255)
		}
	}
}

// disc fills a disc, in frames.
func (c *worldCanvas) disc(dst []uint8, x, y, r float64, rgb [3]uint8) {
	n := float64(c.size)
	y0, y1 := raster.DiscMask(c.mask, c.size, c.size, float64(x*n), float64(y*n), float64(r*n))
	blend(dst, c.mask, c.size, y0, y1, rgb)
}

// poly fills a polygon, in frames. It changes pts.
func (c *worldCanvas) poly(dst []uint8, pts []raster.Point, rgb [3]uint8) {
	n := float64(c.size)
	for i := range pts {
		pts[i] = raster.Point{X: float64(pts[i].X * n), Y: float64(pts[i].Y * n)}
	}
	c.z.Polygon(pts)
	y0, y1 := c.z.Mask(c.mask)
	blend(dst, c.mask, c.size, y0, y1, rgb)
}
