package atlas

import (
	"image"
	"math"
)

// Sprite is one picture of the atlas in several sizes, each half as large as the one before.
type Sprite struct {
	// Box is what is visible of it, in pixels of its cell.
	Box image.Rectangle
	// Mean is the mean colour of its paint; white for sprites that are coverage alone.
	Mean [3]uint8
	// Area is its paint in pixels of its cell: the sum of its coverage.
	Area float64

	channel int
	levels  []level
}

// level is the sprite at one size, with a border of one empty pixel all round.
type level struct {
	side int
	pix  []uint8
}

// Coloured tells whether a sprite has colours of its own; else it is coverage.
func (s *Sprite) Coloured() bool { return s.channel == 4 }

func (s *Sheet) cut(cell int) *Sprite {
	k := s.channel
	out := &Sprite{channel: k, Mean: [3]uint8{255, 255, 255}}
	first := level{side: Cell, pix: make([]uint8, (Cell+2)*(Cell+2)*k)}
	x0, y0 := cell%Columns*Cell, cell/Columns*Cell
	var sum [4]uint64
	for y := range Cell {
		row := s.pix[(y0+y)*s.stride+x0*k : (y0+y)*s.stride+(x0+Cell)*k]
		copy(first.pix[((y+1)*(Cell+2)+1)*k:], row)
		for x := range Cell {
			a := row[x*k+k-1]
			sum[3] += uint64(a)
			if a > 24 {
				out.Box = out.Box.Union(image.Rect(x, y, x+1, y+1))
			}
			if k == 4 {
				for c := range 3 {
					sum[c] += uint64(row[x*4+c])
				}
			}
		}
	}
	out.Area = float64(sum[3]) / 255
	if k == 4 && sum[3] > 0 {
		for c := range 3 {
			out.Mean[c] = uint8((sum[c]*255 + sum[3]/2) / sum[3])
		}
	}
	out.levels = append(out.levels, first)
	for l := first; l.side%2 == 0; {
		l = l.half(k)
		out.levels = append(out.levels, l)
	}
	return out
}

func (l level) half(k int) level {
	h := level{side: l.side / 2}
	h.pix = make([]uint8, (h.side+2)*(h.side+2)*k)
	for y := range h.side {
		for x := range h.side {
			for c := range k {
				a := ((2*y+1)*(l.side+2) + 2*x + 1) * k
				b := a + (l.side+2)*k
				v := uint32(l.pix[a+c]) + uint32(l.pix[a+k+c]) + uint32(l.pix[b+c]) + uint32(l.pix[b+k+c])
				h.pix[((y+1)*(h.side+2)+x+1)*k+c] = uint8((v + 2) / 4)
			}
		}
	}
	return h
}

// Pose says how a sprite lies in a picture.
type Pose struct {
	X, Y     float64 // where the middle of Box goes, in pixels of the picture
	Scale    float64 // pixels of the picture for one of the cell
	Sin, Cos float64 // of the turn, clockwise
	Flip     bool    // left and right exchanged, before the turn
}

// Draw samples the sprite into a picture of n x n pixels: layer (n*n*4 bytes, premultiplied red, green, blue, alpha) for
// a sprite with colours, n*n bytes of coverage else. Only rows y0 <= y < y1 are written, each of them wholly; the sprite is
// nowhere else. Colours are interpolated linearly in the size that is from 0.7 to 1.4 times as fine as the picture, in fixed
// point, so that the bytes are the same on every platform.
func (s *Sprite) Draw(layer []uint8, n int, p Pose) (y0, y1 int) {
	if !(p.Scale > 0) {
		return 0, 0
	}
	lv, ratio := 0, 1/p.Scale
	for lv < len(s.levels)-1 && ratio > 1.4 {
		lv, ratio = lv+1, ratio/2
	}
	l := &s.levels[lv]
	shrink := float64(int(1) << lv)
	// The rows that the turned box can touch, with a pixel to spare.
	hx, hy := float64(s.Box.Dx())/2+2*shrink, float64(s.Box.Dy())/2+2*shrink
	ry := float64((float64(hx*math.Abs(p.Sin)) + float64(hy*math.Abs(p.Cos))) * p.Scale)
	rx := float64((float64(hx*math.Abs(p.Cos)) + float64(hy*math.Abs(p.Sin))) * p.Scale)
	clamp := func(v float64) int { return int(min(max(v, 0), float64(n))) }
	y0, y1 = clamp(math.Floor(p.Y-ry)), clamp(math.Ceil(p.Y+ry))
	x0, x1 := clamp(math.Floor(p.X-rx)), clamp(math.Ceil(p.X+rx))
	if y1 <= y0 || x1 <= x0 {
		return 0, 0
	}
	// u = mu + (dx cos + dy sin) / scale, v = mv + (dy cos - dx sin) / scale, in pixels of the level.
	fix := func(v float64) int64 { return int64(math.Floor(float64(v*65536) + 0.5)) }
	inv := 1 / float64(p.Scale*shrink)
	ux, uy := float64(p.Cos*inv), float64(p.Sin*inv)
	vx, vy := -float64(p.Sin*inv), float64(p.Cos*inv)
	if p.Flip {
		ux, uy = -ux, -uy
	}
	mu := float64(s.Box.Min.X+s.Box.Max.X) / 2 / shrink
	mv := float64(s.Box.Min.Y+s.Box.Max.Y) / 2 / shrink
	dux, dvx := fix(ux), fix(vx)
	k := s.channel
	side := int64(l.side)
	stride := (l.side + 2) * k
	for y := y0; y < y1; y++ {
		row := layer[y*n*k : (y+1)*n*k]
		clear(row)
		dx, dy := float64(x0)+0.5-p.X, float64(y)+0.5-p.Y
		u := fix(mu + float64(ux*dx) + float64(uy*dy) - 0.5)
		v := fix(mv + float64(vx*dx) + float64(vy*dy) - 0.5)
		for x := x0; x < x1; x, u, v = x+1, u+dux, v+dvx {
			iu, iv := u>>16, v>>16
			if iu < -1 || iv < -1 || iu >= side || iv >= side {
				continue
			}
			fu, fv := uint32(u>>8)&255, uint32(v>>8)&255
			w11 := fu * fv
			w10 := fv<<8 - w11 // lower left
			w01 := fu<<8 - w11 // upper right
			w00 := 65536 - w11 - w10 - w01
			a := (int(iv)+1)*stride + (int(iu)+1)*k
			b := a + stride
			if k == 1 {
				row[x] = uint8((uint32(l.pix[a])*w00 + uint32(l.pix[a+1])*w01 + uint32(l.pix[b])*w10 + uint32(l.pix[b+1])*w11 + 32768) >> 16)
				continue
			}
			pa, pb, q := l.pix[a:a+8:a+8], l.pix[b:b+8:b+8], row[4*x:4*x+4:4*x+4]
			for c := range q {
				q[c] = uint8((uint32(pa[c])*w00 + uint32(pa[c+4])*w01 + uint32(pb[c])*w10 + uint32(pb[c+4])*w11 + 32768) >> 16)
			}
		}
	}
	return y0, y1
}
