package preprocess

import (
	"fmt"
	"image"
	"math"
	"sync"

	"github.com/ventral-lab/ventral/internal/imageio"
	"github.com/ventral-lab/ventral/internal/pillow"
)

var bytePool = sync.Pool{New: func() any { return new([]uint8) }}

// Apply writes the network's input for im into dst: 3*Size*Size float32 values in the order channel, row, column,
// each (v/255 - mean)/std, or (v - mean)/std where White is 255. Channels are R, G, B, or B, G, R where BGR says so. The error names a bad spec, an empty picture or a wrong length of dst.
func (s Spec) Apply(dst []float32, im image.Image) error {
	if err := s.Validate(); err != nil {
		return err
	}
	n := s.Size * s.Size
	if len(dst) != 3*n {
		return fmt.Errorf("preprocess: the destination holds %d values: spec %q needs 3*%d*%d = %d", len(dst), s.Name, s.Size, s.Size, 3*n)
	}
	buf := bytePool.Get().(*[]uint8)
	defer bytePool.Put(buf)
	if cap(*buf) < 3*n {
		*buf = make([]uint8, 3*n)
	}
	pix := (*buf)[:3*n]
	if err := s.HWC(pix, im); err != nil {
		return err
	}
	lut := s.levels()
	r, g, b := dst[s.channel(0)*n:][:n], dst[n:][:n], dst[s.channel(2)*n:][:n]
	for i := range r {
		p := pix[3*i:][:3]
		r[i], g[i], b[i] = lut[0][p[0]], lut[1][p[1]], lut[2][p[2]]
	}
	return nil
}

// levels are the normalised values of the 256 levels of R, G and B, in torch's order of float32 operations.
func (s Spec) levels() (lut [3][256]float32) {
	unit := float32(255 / s.white()) // 255 or 1, exactly
	for c := range lut {
		mean, std := float32(s.Mean[c]), float32(s.Std[c])
		for v := range lut[c] {
			x := float32(v) / unit
			x -= mean
			lut[c][v] = x / std
		}
	}
	return lut
}

// HWC writes the 8-bit picture that the network sees into dst: 3*Size*Size bytes in the order row, column, channel.
func (s Spec) HWC(dst []uint8, im image.Image) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if len(dst) != 3*s.Size*s.Size {
		return fmt.Errorf("preprocess: the destination holds %d bytes: spec %q needs 3*%d*%d = %d", len(dst), s.Name, s.Size, s.Size, 3*s.Size*s.Size)
	}
	if im == nil {
		return fmt.Errorf("preprocess: no picture was given")
	}
	filter, err := pillow.ParseFilter(s.Interpolation)
	if err != nil {
		return err
	}
	p, err := pillow.New(imageio.Packed(im))
	if err != nil {
		return fmt.Errorf("preprocess: %w", err)
	}
	grey := pillow.HighByte
	if s.Grey16 == Clip {
		grey = pillow.Clip
	} else {
		p = p.HighByte()
	}
	switch s.Order {
	case RGBFirst:
		p = p.RGB(grey)
	case RGBFirstWhite:
		p = p.OnWhite(grey)
	}
	w, h := p.Size()
	rw, rh, crop := s.Geometry(w, h)
	if p, err = p.Resize(rw, rh, filter, crop); err != nil {
		return fmt.Errorf("preprocess: spec %q on a picture of %dx%d: %w", s.Name, w, h, err)
	}
	p.RGB(grey).HWC(dst)
	return nil
}

// RGB returns the 8-bit picture that the network sees, Size x Size and opaque.
func (s Spec) RGB(im image.Image) (*image.RGBA, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	pix := make([]uint8, 3*s.Size*s.Size)
	if err := s.HWC(pix, im); err != nil {
		return nil, err
	}
	out := image.NewRGBA(image.Rect(0, 0, s.Size, s.Size))
	for i := range s.Size * s.Size {
		copy(out.Pix[4*i:], pix[3*i:][:3])
		out.Pix[4*i+3] = 255
	}
	return out, nil
}

// Denormalise undoes the normalisation in place: x of channel c becomes x*std + mean, nominally in [0, 1], and the channels
// come into the order R, G, B. x is in the order channel, row, column; its length must be a multiple of 3.
func (s Spec) Denormalise(x []float32) error {
	if len(x)%3 != 0 {
		return fmt.Errorf("preprocess: %d values are not three channels of one size", len(x))
	}
	n := len(x) / 3
	if s.BGR {
		b, r := x[:n], x[2*n:]
		for i := range b {
			b[i], r[i] = r[i], b[i]
		}
	}
	white := s.white()
	for c := range 3 {
		mean, std := s.Mean[c], s.Std[c]
		for i, v := range x[c*n:][:n] {
			x[c*n+i] = float32((float64(float64(v)*std) + mean) / white)
		}
	}
	return nil
}

// Picture turns a network input (channel, row, column; Size x Size) back into a picture to look at, rounding to the
// nearest level and clipping what lies outside. Of Apply's output it gives exactly what RGB gives. NaN becomes 0.
func (s Spec) Picture(x []float32) (*image.RGBA, error) {
	n := s.Size * s.Size
	if len(x) != 3*n || n == 0 {
		return nil, fmt.Errorf("preprocess: %d values: a picture of spec %q has 3*%d*%d = %d", len(x), s.Name, s.Size, s.Size, 3*n)
	}
	out := image.NewRGBA(image.Rect(0, 0, s.Size, s.Size))
	scale := 255 / s.white()
	for i := range n {
		for c := range 3 {
			v := (float64(float64(x[s.channel(c)*n+i])*s.Std[c]) + s.Mean[c]) * scale
			if v > 0 { // false for NaN
				out.Pix[4*i+c] = uint8(math.Min(math.Floor(v+0.5), 255))
			}
		}
		out.Pix[4*i+3] = 255
	}
	return out, nil
}

// Range returns the least and the greatest normalised value of each channel of the tensor, which black and white have: the
// box that an image optimised by gradient must stay in.
func (s Spec) Range() (lo, hi [3]float32) {
	lut := s.levels()
	for c := range 3 {
		lo[s.channel(c)], hi[s.channel(c)] = lut[c][0], lut[c][255]
	}
	return lo, hi
}
