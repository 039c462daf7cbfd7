package scenes

import (
	"image"
	"math"

	"github.com/ventral-lab/ventral/internal/raster"
	"github.com/ventral-lab/ventral/internal/rng"
)

// canvas draws scenes of one size. Its buffers are reused from picture to picture.
type canvas struct {
	size  int
	scene scene
	z     *raster.Raster
	mask  []uint8 // coverage of the figure being drawn
	hole  []uint8 // coverage of what is cut out of it
	pts   []raster.Point
}

func newCanvas(size int) *canvas {
	return &canvas{size: size, z: raster.New(size, size), mask: make([]uint8, size*size), hole: make([]uint8, size*size)}
}

func (c *canvas) draw(dst []uint8) {
	sc := &c.scene
	drawGround(dst, c.size, &sc.bg)
	for k := range sc.n {
		o := &sc.objects[k]
		y0, y1 := c.cover(o)
		c.paint(dst, o, y0, y1)
	}
	if sc.hasWord {
		y0, y1 := c.coverWord(&sc.word)
		blend(dst, c.mask, c.size, y0, y1, sc.word.rgb)
	}
	if sc.noise > 0 {
		addNoise(dst, c.size, sc.noiseKey, sc.noise, true, 64)
	}
}

// cover puts the coverage of an object's paint into mask, valid in rows y0 <= y < y1.
func (c *canvas) cover(o *object) (y0, y1 int) {
	n, s := c.size, float64(c.size)
	x, y, r := float64(o.x*s), float64(o.y*s), float64(o.r*s)
	switch {
	case o.shape == circle && o.texture != outline:
		return raster.DiscMask(c.mask, n, n, x, y, r)
	case o.shape == circle:
		return c.annulus(x, y, r, r-float64(o.period*s))
	case o.shape == ring:
		outer := float64(r * ringOuter(o.aspect))
		return c.annulus(x, y, outer, float64(outer*o.aspect))
	}
	pts := o.points(c.pts[:0], s)
	c.pts = pts
	c.z.Polygon(pts)
	if o.texture == outline {
		inner := inside(o, pts, s)
		for i, j := 0, len(inner)-1; i < j; i, j = i+1, j-1 {
			inner[i], inner[j] = inner[j], inner[i]
		}
		c.z.Polygon(inner)
	}
	return c.z.Mask(c.mask)
}

// inside is the inner border of an outlined polygon: every edge moved inwards by the width of the stroke. The notch and
// the tip of a heart are too sharp for that; it is scaled instead.
func inside(o *object, pts []raster.Point, size float64) []raster.Point {
	if o.shape != heart {
		return raster.Inset(pts, float64(o.period*size))
	}
	k := 1 - o.period/o.r
	cx, cy := float64(o.x*size), float64(o.y*size)
	inner := make([]raster.Point, len(pts))
	for i, p := range pts {
		inner[i] = raster.Point{X: cx + float64(k*(p.X-cx)), Y: cy + float64(k*(p.Y-cy))}
	}
	return inner
}

func (c *canvas) annulus(x, y, outer, inner float64) (y0, y1 int) {
	n := c.size
	y0, y1 = raster.DiscMask(c.mask, n, n, x, y, outer)
	h0, h1 := raster.DiscMask(c.hole, n, n, x, y, inner)
	for i := h0 * n; i < h1*n; i++ {
		c.mask[i] -= min(c.mask[i], c.hole[i])
	}
	return y0, y1
}

// points appends the outline of a polygon in a frame of the given size.
func (o *object) points(dst []raster.Point, size float64) []raster.Point {
	sin, cos := sincos(o.angle)
	r := float64(o.r * size)
	sx, sy := r, r
	unit := unitOutline[o.shape]
	if o.shape == rectangle {
		unit = unitOutline[square]
		a := math.Sqrt(o.aspect)
		sx, sy = float64(r*a), r/a
	}
	m := raster.Affine{A: float64(sx * cos), B: -float64(sy * sin), C: float64(o.x * size),
		D: float64(sx * sin), E: float64(sy * cos), F: float64(o.y * size)}
	for _, p := range unit {
		x, y := m.Apply(p.X, p.Y)
		dst = append(dst, raster.Point{X: x, Y: y})
	}
	return dst
}

func (c *canvas) coverWord(w *writing) (y0, y1 int) { return c.coverText(fonts()[w.font], w) }

func (c *canvas) coverText(f *raster.Font, w *writing) (y0, y1 int) {
	s := float64(c.size)
	top, bottom := f.Extent(w.text)
	sin, cos := sincos(w.angle)
	em := float64(w.em * s)
	// The middle of the ink goes to (x, y); px, py is that middle in em, seen from the pen.
	px, py := w.width/w.em/2, (top+bottom)/2
	a, b := float64(em*cos), float64(em*sin)
	m := raster.Affine{A: a, B: -b, D: b, E: a}
	m.C = float64(w.x*s) - (float64(a*px) - float64(b*py))
	m.F = float64(w.y*s) - (float64(b*px) + float64(a*py))
	c.z.Text(f, w.text, m)
	return c.z.Mask(c.mask)
}

// blend lays one paint on the picture.
func blend(dst, mask []uint8, n, y0, y1 int, rgb [3]uint8) {
	r, g, b := uint32(rgb[0]), uint32(rgb[1]), uint32(rgb[2])
	for i := y0 * n; i < y1*n; i++ {
		a := uint32(mask[i])
		if a == 0 {
			continue
		}
		p := dst[3*i : 3*i+3 : 3*i+3]
		q := 255 - a
		p[0] = uint8((uint32(p[0])*q + r*a + 127) / 255)
		p[1] = uint8((uint32(p[1])*q + g*a + 127) / 255)
		p[2] = uint8((uint32(p[2])*q + b*a + 127) / 255)
	}
}

// paint lays an object's paints on the picture.
func (c *canvas) paint(dst []uint8, o *object, y0, y1 int) {
	if o.texture == solid || o.texture == outline {
		blend(dst, c.mask, c.size, y0, y1, o.rgb)
		return
	}
	n := c.size
	sin, cos := sincos(o.textureAngle)
	// Texture coordinates are in periods, with the object's centre at a fixed phase; foot is a pixel's width in them.
	scale := 1 / float64(o.period*float64(n))
	foot := float64(scale * (math.Abs(sin) + math.Abs(cos)))
	cx, cy := float64(o.x*float64(n)), float64(o.y*float64(n))
	for y := y0; y < y1; y++ {
		dy := float64((float64(y) + 0.5 - cy) * scale)
		for x := range n {
			i := y*n + x
			a := uint32(c.mask[i])
			if a == 0 {
				continue
			}
			dx := float64((float64(x) + 0.5 - cx) * scale)
			u, v := float64(cos*dx)+float64(sin*dy), float64(cos*dy)-float64(sin*dx)
			var t float64 // share of the second paint
			switch o.texture {
			case striped:
				t = wave(u+0.25, foot)
			case checkered:
				p, q := wave(u, foot), wave(v, foot)
				t = float64(p*(1-q)) + float64(q*(1-p))
			case dotted:
				t = dots(u, v, foot)
			}
			k := uint32(raster.Byte(t))
			p := dst[3*i : 3*i+3 : 3*i+3]
			for ch := range p {
				paint := (uint32(o.rgb[ch])*(255-k) + uint32(o.rgb2[ch])*k + 127) / 255
				p[ch] = uint8((uint32(p[ch])*(255-a) + paint*a + 127) / 255)
			}
		}
	}
}

// wave is the square wave that is 1 on [0, 1/2) and 0 on [1/2, 1), averaged over a window of width foot about u.
func wave(u, foot float64) float64 {
	return (rampSum(u+foot/2) - rampSum(u-foot/2)) / foot
}

// rampSum is the integral of the square wave from 0 to u.
func rampSum(u float64) float64 {
	f := math.Floor(u)
	return f/2 + min(u-f, 0.5)
}

// dots is the coverage of discs of radius 0.3 on the unit lattice, with an edge one pixel wide.
func dots(u, v, foot float64) float64 {
	u -= math.Floor(u + 0.5)
	v -= math.Floor(v + 0.5)
	r := math.Sqrt(float64(u*u) + float64(v*v))
	return min(max((0.3-r)/foot+0.5, 0), 1)
}

func drawGround(dst []uint8, n int, bg *background) {
	switch bg.kind {
	case bgGradient:
		gradient(dst, n, bg)
	case bgBlobs:
		blobs(dst, n, bg)
	default:
		for x := 0; x < 3*n; x += 3 {
			copy(dst[x:x+3], bg.rgb[:])
		}
		for y := 1; y < n; y++ {
			copy(dst[y*3*n:(y+1)*3*n], dst[:3*n])
		}
	}
	if bg.noise > 0 {
		addNoise(dst, n, bg.key, bg.noise, bg.coloured, bg.lattice)
	}
}

// gradient runs from rgb to to along (dx, dy), over the frame's extent in that direction.
func gradient(dst []uint8, n int, bg *background) {
	span := math.Abs(bg.dx) + math.Abs(bg.dy)
	gx, gy := bg.dx/span, bg.dy/span
	for y := range n {
		fy := (float64(y)+0.5)/float64(n) - 0.5
		for x := range n {
			fx := (float64(x)+0.5)/float64(n) - 0.5
			t := int32(float64((0.5+(float64(gx*fx)+float64(gy*fy)))*256) + 0.5)
			p := dst[3*(y*n+x):]
			for ch := range 3 {
				a, b := int32(bg.rgb[ch]), int32(bg.to[ch])
				p[ch] = uint8((a*(256-t) + b*t + 128) >> 8)
			}
		}
	}
}

// blobs lays soft discs, falling off as (1 - d^2/r^2)^2, over a plain colour.
func blobs(dst []uint8, n int, bg *background) {
	inv := 1 / float64(n)
	for y := range n {
		fy := float64((float64(y) + 0.5) * inv)
		row := dst[3*y*n : 3*(y+1)*n]
		for x := range n {
			copy(row[3*x:3*x+3], bg.rgb[:])
		}
		for k := range bg.nBlobs {
			b := &bg.blobs[k]
			dy := fy - b.y
			ir := 1 / float64(b.r*b.r)
			left := 1 - float64(dy*dy*ir)
			if left <= 0 {
				continue
			}
			for x := range n {
				dx := float64((float64(x)+0.5)*inv) - b.x
				w := left - float64(float64(dx*dx)*ir)
				if w <= 0 {
					continue
				}
				t := int32(float64(float64(w*w)*256) + 0.5)
				p := row[3*x : 3*x+3 : 3*x+3]
				for ch := range p {
					p[ch] = uint8((int32(p[ch])*(256-t) + int32(b.rgb[ch])*t + 128) >> 8)
				}
			}
		}
	}
}

// addNoise adds noise of standard deviation amplitude (8-bit levels), nearly Gaussian: the sum of four uniform bytes.
// The noise lives on a lattice x lattice grid over the frame, so that a scene has the same noise at every size; at
// 64 pixels a lattice of 64 is noise from pixel to pixel.
func addNoise(dst []uint8, n int, key uint64, amplitude float64, coloured bool, lattice int) {
	d := rng.Fast(key, "scenes/noise")
	// The sum of four bytes has mean 510 and standard deviation sqrt(4 (256^2-1)/12) = 147.8.
	gain := int32(math.Round(amplitude / 147.8 * 65536))
	type cell [3]int16
	row := make([]cell, lattice)
	last := -1
	for y := range n {
		ly := (2*y + 1) * lattice / (2 * n)
		for last < ly {
			last++
			var w uint64
			for x := range row {
				switch {
				case coloured: // three of the four halves of two words
					w = d.Uint64()
					row[x] = cell{scaled(sum4(uint32(w)), gain), scaled(sum4(uint32(w>>32)), gain), scaled(sum4(uint32(d.Uint64())), gain)}
					continue
				case x%2 == 0: // one half a cell
					w = d.Uint64()
				default:
					w >>= 32
				}
				v := scaled(sum4(uint32(w)), gain)
				row[x] = cell{v, v, v}
			}
		}
		p := dst[3*y*n : 3*(y+1)*n]
		for x := range n {
			c := &row[(2*x+1)*lattice/(2*n)]
			for ch := range 3 {
				p[3*x+ch] = uint8(min(max(int32(p[3*x+ch])+int32(c[ch]), 0), 255))
			}
		}
	}
}

func sum4(v uint32) int32 {
	return int32(v&255) + int32(v>>8&255) + int32(v>>16&255) + int32(v>>24) - 510
}

func scaled(v, gain int32) int16 { return int16((v*gain + 1<<15) >> 16) }

// masks draws the pixel masks of the scene: each object's paint, the word's ink, and all of them together.
func (c *canvas) masks() map[string]*image.Gray {
	n := c.size
	figure := image.NewGray(image.Rect(0, 0, n, n))
	out := map[string]*image.Gray{"figure": figure}
	keep := func(name string, y0, y1 int) {
		m := image.NewGray(image.Rect(0, 0, n, n))
		copy(m.Pix[y0*n:y1*n], c.mask[y0*n:y1*n])
		for i := y0 * n; i < y1*n; i++ {
			a, b := uint32(figure.Pix[i]), uint32(m.Pix[i])
			figure.Pix[i] = uint8(a + (b*(255-a)+127)/255)
		}
		out[name] = m
	}
	sc := &c.scene
	for k := range 3 {
		y0, y1 := 0, 0
		if k < sc.n {
			y0, y1 = c.cover(&sc.objects[k])
		}
		keep(objectMasks[k], y0, y1)
	}
	y0, y1 := 0, 0
	if sc.hasWord {
		y0, y1 = c.coverWord(&sc.word)
	}
	keep("word", y0, y1)
	return out
}

var objectMasks = [3]string{"object0", "object1", "object2"}
