package imageio

import "image"

// Packed returns the picture with its colours in RGB where the standard library would keep luma and chroma apart:
// *image.YCbCr is converted as libjpeg converts a JPEG. Every other picture comes back as it is.
func Packed(im image.Image) image.Image {
	if v, ok := im.(*image.YCbCr); ok {
		return FromYCbCr(v)
	}
	return im
}

// FromYCbCr converts a JPEG's planes to an opaque RGBA picture as libjpeg does: chroma is enlarged with its
// triangle filters ("fancy upsampling", jdsample.c describes them) and the colours are converted in its 16-bit
// fixed point (ITU-R BT.601 in full range, as in JFIF 1.02). What is left between the two decoders is the rounding
// of the inverse cosine transform. The standard library repeats chroma instead, which moves colours at edges by up
// to 35 levels.
func FromYCbCr(m *image.YCbCr) *image.RGBA {
	b := m.Bounds()
	w, h := b.Dx(), b.Dy()
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	up := newUpsampler(m)
	for y := range h {
		cb, cr := up.row(y)
		luma := m.Y[m.YOffset(b.Min.X, b.Min.Y+y):][:w]
		pix := out.Pix[y*out.Stride:][:4*w]
		cb, cr = cb[:w], cr[:w]
		for x, v := range luma {
			t := int32(v)
			p := pix[4*x:][:4]
			u, q := cb[x], cr[x]
			p[0] = clip(t + crToR[q])
			p[1] = clip(t + (cbToG[u]+crToG[q])>>16)
			p[2] = clip(t + cbToB[u])
			p[3] = 255
		}
	}
	return out
}

func clip(v int32) uint8 {
	if uint32(v) > 255 {
		if v < 0 {
			return 0
		}
		return 255
	}
	return uint8(v)
}

// The chroma tables: 1.402, 1.772, 0.714136286 and 0.344136286 with 16 fractional bits.
var crToR, cbToB, crToG, cbToG = func() (rr, bb, rg, bg [256]int32) {
	const half = 1 << 15
	for i := range rr {
		x := int32(i) - 128
		rr[i] = (91881*x + half) >> 16
		bb[i] = (116130*x + half) >> 16
		rg[i] = -46802 * x
		bg[i] = -22554*x + half
	}
	return
}()

// upsampler gives chroma rows at the resolution of luma.
type upsampler struct {
	m          *image.YCbCr
	w, cw, ch  int
	hx, vx     int  // luma pixels for one chroma pixel
	x0, y0     int  // where the picture starts within its first chroma pixel
	fancy      bool // triangle filter; otherwise repetition
	bufB, bufR []uint8
}

func newUpsampler(m *image.YCbCr) *upsampler {
	b := m.Bounds()
	u := &upsampler{m: m, w: b.Dx(), hx: 1, vx: 1}
	switch m.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		u.hx = 2
	case image.YCbCrSubsampleRatio420:
		u.hx, u.vx = 2, 2
	case image.YCbCrSubsampleRatio440:
		u.vx = 2
	case image.YCbCrSubsampleRatio411:
		u.hx = 4
	case image.YCbCrSubsampleRatio410:
		u.hx, u.vx = 4, 2
	}
	u.x0, u.y0 = b.Min.X%u.hx, b.Min.Y%u.vx
	u.cw, u.ch = (u.x0+b.Dx()+u.hx-1)/u.hx, (u.y0+b.Dy()+u.vx-1)/u.vx
	// libjpeg filters these three ratios; across, only if there are at least three chroma pixels.
	u.fancy = u.hx == 2 && u.cw > 2 || u.hx == 1 && u.vx == 2
	n := u.cw * u.hx
	u.bufB, u.bufR = make([]uint8, n), make([]uint8, n)
	return u
}

// row returns both chroma rows for luma row y of the picture; they are overwritten by the next call.
func (u *upsampler) row(y int) (cb, cr []uint8) {
	y += u.y0
	b := u.m.Bounds()
	at := u.m.COffset(b.Min.X, b.Min.Y-u.y0)
	near := y / u.vx
	far := near
	if u.vx == 2 {
		far = near - 1 + 2*(y%2) // the other row that luma row y lies next to
		far = max(0, min(far, u.ch-1))
	}
	plane := func(p, to []uint8) []uint8 {
		a := p[at+near*u.m.CStride:][:u.cw]
		if !u.fancy {
			if u.hx == 1 {
				return a
			}
			for x := range to {
				to[x] = a[x/u.hx]
			}
			return to[u.x0:]
		}
		f := p[at+far*u.m.CStride:][:u.cw]
		switch {
		case u.hx == 1:
			bias := 1 + y%2
			for x := range to {
				to[x] = uint8((3*int(a[x]) + int(f[x]) + bias) >> 2)
			}
		case u.vx == 1:
			h2v1(to, a)
		default:
			h2v2(to, a, f)
		}
		return to[u.x0:]
	}
	return plane(u.m.Cb, u.bufB), plane(u.m.Cr, u.bufR)
}

// h2v1 doubles a row with weights 3/4 and 1/4, rounding down and up in turn.
func h2v1(to, a []uint8) {
	n := len(a)
	to = to[:2*n]
	to[0] = a[0]
	for i := 0; i < n-1; i++ {
		l, r := int(a[i]), int(a[i+1])
		to[2*i+1] = uint8((3*l + r + 2) >> 2)
		to[2*i+2] = uint8((3*r + l + 1) >> 2)
	}
	to[2*n-1] = a[n-1]
}

// h2v2 is h2v1 of the row 3/4 a + 1/4 f, with one rounding for both directions.
func h2v2(to, a, f []uint8) {
	n := len(a)
	to, f = to[:2*n], f[:n]
	l := 3*int(a[0]) + int(f[0])
	to[0] = uint8((4*l + 8) >> 4)
	for i := 1; i < n; i++ {
		r := 3*int(a[i]) + int(f[i])
		to[2*i-1] = uint8((3*l + r + 7) >> 4)
		to[2*i] = uint8((3*r + l + 8) >> 4)
		l = r
	}
	to[2*n-1] = uint8((4*l + 7) >> 4)
}
