package scenes

import (
	"math"

	"github.com/ventral-lab/ventral/datasets/scenes/atlas"
	"github.com/ventral-lab/ventral/internal/raster"
)

// worldCanvas draws pictures of the second world, of one size. Its buffers are reused from picture to picture.
type worldCanvas struct {
	canvas
	pic   picture
	alpha []uint8 // coverage of the item being drawn, all of it
	ink   []uint8 // of its letters alone
	layer []uint8 // premultiplied colours of a sprite
	copy  []uint8 // of the picture, for blurring
}

func newWorldCanvas(size int) *worldCanvas {
	n := size * size
	return &worldCanvas{canvas: *newCanvas(size), alpha: make([]uint8, n), ink: make([]uint8, n), layer: make([]uint8, 4*n), copy: make([]uint8, 3*n)}
}

// render draws the picture. kept, if not nil, is called after each item, with its coverage in c.alpha and that of its letters in c.ink.
func (c *worldCanvas) render(dst []uint8, kept func(k int)) {
	p := &c.pic
	if p.fig != nil {
		c.scene = *p.fig
		c.draw(dst)
		if kept != nil {
			c.keepFigures(kept)
		}
	} else {
		if p.ground.place == nowhere {
			drawGround(dst, c.size, &p.ground.bg)
		} else {
			c.drawPlace(dst, &p.ground)
		}
		for k := range p.n {
			c.drawItem(dst, &p.items[k])
			if kept != nil {
				kept(k)
			}
		}
	}
	c.spoil(dst, &p.nuisance, p.noiseKey)
}

// keepFigures gives the coverage of the figures and the word of a scene of the first world.
func (c *worldCanvas) keepFigures(kept func(k int)) {
	sc := &c.scene
	each := func(k, y0, y1 int) {
		clear(c.alpha)
		clear(c.ink)
		c.add(c.mask, y0, y1)
		if k == sc.n {
			copy(c.ink, c.alpha)
		}
		kept(k)
	}
	for k := range sc.n {
		y0, y1 := c.cover(&sc.objects[k])
		each(k, y0, y1)
	}
	if sc.hasWord {
		y0, y1 := c.coverWord(&sc.word)
		each(sc.n, y0, y1)
	}
}

// add joins a mask to the coverage of the item.
func (c *worldCanvas) add(mask []uint8, y0, y1 int) {
	for i := y0 * c.size; i < y1*c.size; i++ {
		if m := uint32(mask[i]); m != 0 {
			a := uint32(c.alpha[i])
			c.alpha[i] = uint8(a + (m*(255-a)+127)/255)
		}
	}
}

func (c *worldCanvas) drawItem(dst []uint8, it *item) {
	n := c.size
	clear(c.alpha)
	clear(c.ink)
	if it.plate {
		c.drawPlate(dst, it)
	}
	s := it.sprite()
	switch {
	case s != nil && s.Coloured():
		y0, y1 := s.Draw(c.layer, n, c.pose(it, s))
		if it.saturation != 1 || it.gain != 1 {
			c.toneLayer(y0, y1, it.saturation, it.gain)
		}
		c.blendLayer(dst, y0, y1)
	case s != nil:
		y0, y1 := s.Draw(c.mask, n, c.pose(it, s))
		c.paint(dst, &it.paint, y0, y1)
		c.add(c.mask, y0, y1)
	case it.category == catWord:
		y0, y1 := c.coverText(worldFontFaces()[it.word.font], &it.word)
		blend(dst, c.mask, n, y0, y1, it.paint.rgb)
		c.add(c.mask, y0, y1)
		copy(c.ink[y0*n:y1*n], c.mask[y0*n:y1*n])
	case it.category == catFace:
		c.drawFace(dst, it)
	case it.category == catCharacter:
		c.drawCharacter(dst, it)
	case it.category == catMap:
		c.drawMap(dst, it)
	}
}

func (c *worldCanvas) pose(it *item, s *atlas.Sprite) atlas.Pose {
	n := float64(c.size)
	sin, cos := sincos(it.angle)
	long := float64(max(s.Box.Dx(), s.Box.Dy()))
	return atlas.Pose{X: float64(it.x * n), Y: float64(it.y * n), Scale: float64(it.scale*n) / long, Sin: sin, Cos: cos, Flip: it.flip}
}

// toneLayer changes saturation and light of the sprite in the layer, in 8-bit fixed point.
func (c *worldCanvas) toneLayer(y0, y1 int, saturation, gain float64) {
	sat, g := int32(float64(saturation*256)+0.5), int32(float64(gain*256)+0.5)
	for i := 4 * y0 * c.size; i < 4*y1*c.size; i += 4 {
		p := c.layer[i : i+4 : i+4]
		a := int32(p[3])
		if a == 0 {
			continue
		}
		l := (77*int32(p[0]) + 150*int32(p[1]) + 29*int32(p[2])) >> 8
		for ch := range 3 {
			v := (l + ((int32(p[ch])-l)*sat)>>8) * g >> 8
			p[ch] = uint8(min(max(v, 0), a))
		}
	}
}

// blendLayer lays the sprite in the layer on the picture.
func (c *worldCanvas) blendLayer(dst []uint8, y0, y1 int) {
	for i := y0 * c.size; i < y1*c.size; i++ {
		q := c.layer[4*i : 4*i+4 : 4*i+4]
		a := uint32(q[3])
		if a == 0 {
			continue
		}
		p := dst[3*i : 3*i+3 : 3*i+3]
		for ch := range p {
			p[ch] = uint8(min((uint32(p[ch])*(255-a)+127)/255+uint32(q[ch]), 255))
		}
		b := uint32(c.alpha[i])
		c.alpha[i] = uint8(b + (a*(255-b)+127)/255)
	}
}

// drawPlate paints the plate behind a word or a line drawing, turned with it.
func (c *worldCanvas) drawPlate(dst []uint8, it *item) {
	n := float64(c.size)
	hw, hh := it.w/2+float64(platePad*it.h), it.h/2+float64(platePad*it.h)
	if it.category != catWord {
		hw, hh = float64(it.w*0.56), float64(it.h*0.56)
	}
	s, co := sincos(it.angle)
	pts := c.pts[:0]
	for _, q := range [4][2]float64{{-hw, -hh}, {hw, -hh}, {hw, hh}, {-hw, hh}} {
		x, y := it.x+(float64(co*q[0])-float64(s*q[1])), it.y+(float64(s*q[0])+float64(co*q[1]))
		pts = append(pts, raster.Point{X: float64(x * n), Y: float64(y * n)})
	}
	c.pts = pts
	c.z.Polygon(pts)
	y0, y1 := c.z.Mask(c.mask)
	blend(dst, c.mask, c.size, y0, y1, it.plateRGB)
	c.add(c.mask, y0, y1)
}

// boxMask puts the coverage of an upright rectangle, in pixels, into all of mask.
func (c *worldCanvas) boxMask(x0, y0, x1, y1 float64) {
	clear(c.mask)
	n := float64(c.size)
	x0, x1, y0, y1 = max(x0, 0), min(x1, n), max(y0, 0), min(y1, n)
	if x1 <= x0 || y1 <= y0 {
		return
	}
	for y := int(y0); y < int(math.Ceil(y1)); y++ {
		cy := min(y1, float64(y+1)) - max(y0, float64(y))
		for x := int(x0); x < int(math.Ceil(x1)); x++ {
			c.mask[y*c.size+x] = raster.Byte(float64(cy * (min(x1, float64(x+1)) - max(x0, float64(x)))))
		}
	}
}

// spoil does to the picture what camera and light do: shadow, contrast and brightness, blur, noise, in this order.
func (c *worldCanvas) spoil(dst []uint8, u *Nuisance, key uint64) {
	n := c.size
	if u.Shadow > 0 {
		const soft = 0.12 // half the width of the shadow's border, in frames
		for y := range n {
			fy := (float64(y)+0.5)/float64(n) - 0.5
			for x := range n {
				fx := (float64(x)+0.5)/float64(n) - 0.5
				t := (float64(u.ShadowX*fx) + float64(u.ShadowY*fy) - u.ShadowAt) / soft
				t = min(max(float64(t*0.5)+0.5, 0), 1)
				k := int32(float64((1-float64(u.Shadow*float64(t*t*(3-2*t))))*256) + 0.5)
				p := dst[3*(y*n+x):][:3:3]
				for ch := range p {
					p[ch] = uint8((int32(p[ch])*k + 128) >> 8)
				}
			}
		}
	}
	if u.Contrast != 0 || u.Brightness != 0 {
		var table [256]uint8
		for v := range table {
			table[v] = uint8(min(max(float64((float64(v)-128)*(1+u.Contrast))+128+u.Brightness+0.5, 0), 255))
		}
		for i, v := range dst {
			dst[i] = table[v]
		}
	}
	if u.Blur > 0 {
		c.blur(dst, float64(u.Blur*float64(n)))
	}
	if u.Noise > 0 {
		addNoise(dst, n, key, u.Noise, true, 64)
	}
}

// blur is a Gaussian of sigma pixels, cut off at 2.5 sigma, in 12-bit fixed point; beyond the border the picture goes on as it ends.
func (c *worldCanvas) blur(dst []uint8, sigma float64) {
	r := int(math.Ceil(2.5 * sigma))
	w := make([]uint32, 2*r+1)
	sum := 0.0
	for i := range w {
		sum += math.Exp(-float64((i-r)*(i-r)) / (2 * sigma * sigma))
	}
	total := uint32(0)
	for i := range w {
		w[i] = uint32(math.Exp(-float64((i-r)*(i-r))/(2*sigma*sigma))/sum*4096 + 0.5)
		total += w[i]
	}
	w[r] += 4096 - total
	n := c.size
	pass := func(to, from []uint8, along, across int) {
		for line := range n {
			for i := range n {
				var s [3]uint32
				for k, g := range w {
					q := from[line*across+min(max(i+k-r, 0), n-1)*along:][:3:3]
					s[0] += g * uint32(q[0])
					s[1] += g * uint32(q[1])
					s[2] += g * uint32(q[2])
				}
				p := to[line*across+i*along:][:3:3]
				for ch := range p {
					p[ch] = uint8((s[ch] + 2048) >> 12)
				}
			}
		}
	}
	pass(c.copy, dst, 3, 3*n)
	pass(dst, c.copy, 3*n, 3)
}
