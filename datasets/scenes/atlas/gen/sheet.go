package main

import (
	"image"
	"image/draw"
	"math"

	"github.com/ventral-lab/ventral/datasets/scenes/atlas"
)

// sheet collects cells; they stand in rows of atlas.Columns.
type sheet struct{ cells []image.Image }

func (s *sheet) add(img image.Image) int {
	s.cells = append(s.cells, img)
	return len(s.cells) - 1
}

func (s *sheet) draw() image.Image {
	rows := (len(s.cells) + atlas.Columns - 1) / atlas.Columns
	r := image.Rect(0, 0, atlas.Columns*atlas.Cell, rows*atlas.Cell)
	var dst draw.Image = image.NewGray(r)
	if _, ok := s.cells[0].(*image.NRGBA); ok {
		dst = image.NewNRGBA(r)
	}
	for i, c := range s.cells {
		at := image.Pt(i%atlas.Columns*atlas.Cell, i/atlas.Columns*atlas.Cell)
		draw.Draw(dst, image.Rectangle{at, at.Add(image.Pt(atlas.Cell, atlas.Cell))}, c, image.Point{}, draw.Src)
	}
	return dst
}

// centre puts what is visible of a picture into the middle of a cell.
func centre(src *image.NRGBA) *image.NRGBA {
	box := image.Rectangle{}
	for y := range src.Rect.Dy() {
		for x := range src.Rect.Dx() {
			if src.NRGBAAt(x, y).A > 8 {
				box = box.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	const n = atlas.Cell
	dst := image.NewNRGBA(image.Rect(0, 0, n, n))
	at := image.Pt((n-box.Dx())/2, (n-box.Dy())/2)
	draw.Draw(dst, image.Rectangle{at, at.Add(box.Size())}, src, box.Min, draw.Src)
	for i := 0; i < len(dst.Pix); i += 4 { // no colours under nothing
		if dst.Pix[i+3] <= 8 {
			clear(dst.Pix[i : i+4])
		}
	}
	return dst
}

// plane is a picture of numbers, Cell x Cell.
type plane []float64

func newPlane() plane { return make(plane, atlas.Cell*atlas.Cell) }

func (p plane) at(x, y int) float64 {
	const n = atlas.Cell
	return p[min(max(y, 0), n-1)*n+min(max(x, 0), n-1)]
}

func (p plane) each(f func(x, y int) float64) plane {
	out := newPlane()
	for i := range out {
		out[i] = f(i%atlas.Cell, i/atlas.Cell)
	}
	return out
}

// blur is a Gaussian.
func (p plane) blur(sigma float64) plane {
	r := int(math.Ceil(3 * sigma))
	w := make([]float64, 2*r+1)
	sum := 0.0
	for i := range w {
		w[i] = math.Exp(-float64((i-r)*(i-r)) / (2 * sigma * sigma))
		sum += w[i]
	}
	pass := func(p plane, dx, dy int) plane {
		return p.each(func(x, y int) float64 {
			v := 0.0
			for i, g := range w {
				v += float64(g * p.at(x+dx*(i-r), y+dy*(i-r)))
			}
			return v / sum
		})
	}
	return pass(pass(p, 1, 0), 0, 1)
}

// extreme is the largest (sign 1) or least (sign -1) value within radius r.
func (p plane) extreme(r, sign float64) plane {
	k := int(math.Ceil(r))
	return p.each(func(x, y int) float64 {
		m := math.Inf(-1)
		for dy := -k; dy <= k; dy++ {
			for dx := -k; dx <= k; dx++ {
				if float64(dx*dx+dy*dy) <= float64(r*r) {
					m = max(m, sign*p.at(x+dx, y+dy))
				}
			}
		}
		return sign * m
	})
}

func (p plane) gray() *image.Gray {
	g := image.NewGray(image.Rect(0, 0, atlas.Cell, atlas.Cell))
	for i, v := range p {
		g.Pix[i] = uint8(math.Round(255 * min(max(v, 0), 1)))
	}
	return g
}

// trace makes a silhouette with its inner edges cut out, and a drawing of outline and inner edges, from a picture.
func trace(src *image.NRGBA) (stencil, line *image.Gray) {
	alpha := newPlane()
	var colour [3]plane
	for c := range colour {
		colour[c] = newPlane()
	}
	for i := range alpha {
		alpha[i] = float64(src.Pix[4*i+3]) / 255
		for c := range colour {
			colour[c][i] = alpha[i] * float64(src.Pix[4*i+c]) / 255
		}
	}
	// Colours are smoothed among themselves (normalised convolution), so that the outline is no edge of theirs.
	const sigma = 1.3
	soft := alpha.blur(sigma)
	for c := range colour {
		b := colour[c].blur(sigma)
		for i := range b {
			b[i] /= max(soft[i], 1e-3)
		}
		colour[c] = b
	}
	magnitude := alpha.each(func(x, y int) float64 {
		m := 0.0
		for _, p := range colour {
			gx, gy := (p.at(x+1, y)-p.at(x-1, y))/2, (p.at(x, y+1)-p.at(x, y-1))/2
			m = max(m, math.Hypot(gx, gy))
		}
		return m
	})
	inner := alpha.extreme(4, -1)
	edge := magnitude.extreme(1, 1).each(func(x, y int) float64 { return 0 })
	wide := magnitude.extreme(1.2, 1)
	for i := range edge {
		edge[i] = smooth((wide[i]-0.045)/0.05) * smooth(inner[i])
	}
	cut := edge
	stencil = alpha.each(func(x, y int) float64 { return alpha.at(x, y) * (1 - cut.at(x, y)) }).gray()
	grown, shrunk := alpha.extreme(1.5, 1), alpha.extreme(2.5, -1)
	line = alpha.each(func(x, y int) float64 {
		return max(grown.at(x, y)-shrunk.at(x, y), edge.at(x, y))
	}).gray()
	return stencil, line
}

func smooth(t float64) float64 {
	t = min(max(t, 0), 1)
	return t * t * (3 - 2*t)
}
