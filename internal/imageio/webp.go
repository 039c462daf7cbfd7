package imageio

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"

	"golang.org/x/image/webp"
)

// riffChunk returns the first chunk of that name in a RIFF file, or nil.
func riffChunk(data []byte, name string) []byte {
	for at := 12; at+8 <= len(data); {
		n := int64(binary.LittleEndian.Uint32(data[at+4:]))
		body := data[at+8:]
		if string(data[at:at+4]) == name {
			return body[:min(n, int64(len(body)))]
		}
		if n += n & 1; n > int64(len(body)) {
			return nil
		}
		at += 8 + int(n)
	}
	return nil
}

// decodeWebP decodes a still WebP. The size in the extended header and in the picture itself are two statements; a file
// in which they differ is refused before the second is believed.
func decodeWebP(data []byte, c image.Config) (image.Image, error) {
	if b := riffChunk(data, "VP8 "); len(b) >= 10 { // RFC 6386, 9.1: 3 bytes of tag, 3 of start code, two 14-bit sides
		w, h := int(binary.LittleEndian.Uint16(b[6:])&0x3fff), int(binary.LittleEndian.Uint16(b[8:])&0x3fff)
		if w != c.Width || h != c.Height {
			return nil, fmt.Errorf("the header says %dx%d pixels and the frame %dx%d", c.Width, c.Height, w, h)
		}
	}
	if b := riffChunk(data, "VP8L"); len(b) >= 5 { // RFC 9649, 3.4: a signature byte, two 14-bit sides less one
		v := binary.LittleEndian.Uint32(b[1:])
		w, h := int(v&0x3fff)+1, int(v>>14&0x3fff)+1
		if w != c.Width || h != c.Height {
			return nil, fmt.Errorf("the header says %dx%d pixels and the frame %dx%d", c.Width, c.Height, w, h)
		}
	}
	im, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	switch v := im.(type) {
	case *image.YCbCr:
		return vp8RGB(v), nil
	case *image.NYCbCrA:
		rgb := vp8RGB(&v.YCbCr)
		out := &image.NRGBA{Pix: rgb.Pix, Stride: rgb.Stride, Rect: rgb.Rect}
		b := v.Bounds()
		for y := range b.Dy() {
			a := v.A[v.AOffset(b.Min.X, b.Min.Y+y):][:b.Dx()]
			for x, t := range a {
				out.Pix[y*out.Stride+4*x+3] = t
			}
		}
		return out, nil
	}
	return im, nil
}

// vp8RGB converts a lossy frame as libwebp does. VP8 has BT.601 colours in the studio range (16 to 235), where the
// standard library takes all YCbCr for JPEG's full range; chroma is enlarged by 9/16, 3/16, 3/16, 1/16 of its four
// neighbours, in libwebp's order of rounding (described in its src/dsp/upsampling.c), and the conversion has 14
// bits, 8 of which are dropped after each product (src/dsp/yuv.h).
func vp8RGB(m *image.YCbCr) *image.RGBA {
	b := m.Bounds()
	w, h := b.Dx(), b.Dy()
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	cw, ch := (w+1)/2, (h+1)/2
	cu, cv := make([]uint8, w+1), make([]uint8, w+1)
	for y := range h {
		near := y / 2
		far := max(0, min(near-1+2*(y%2), ch-1))
		vp8Row(cu, m.Cb[near*m.CStride:][:cw], m.Cb[far*m.CStride:][:cw])
		vp8Row(cv, m.Cr[near*m.CStride:][:cw], m.Cr[far*m.CStride:][:cw])
		pix := out.Pix[y*out.Stride:][:4*w]
		for x, t := range m.Y[y*m.YStride:][:w] {
			l, u, v := 19077*int32(t)>>8, int32(cu[x]), int32(cv[x])
			p := pix[4*x:][:4]
			p[0] = clip6(l + 26149*v>>8 - 14234)
			p[1] = clip6(l - 6419*u>>8 - 13320*v>>8 + 8708)
			p[2] = clip6(l + 33050*u>>8 - 17685)
			p[3] = 255
		}
	}
	return out
}

func clip6(v int32) uint8 { return clip(v >> 6) }

// vp8Row enlarges one chroma row: a is the nearer of the two source rows, f the farther.
func vp8Row(to, a, f []uint8) {
	w := len(to) - 1
	edge := func(i int) uint8 { return uint8((3*int(a[i]) + int(f[i]) + 2) >> 2) }
	to[0] = edge(0)
	for i := 1; 2*i-1 < w; i++ {
		if i == len(a) {
			to[2*i-1] = edge(i - 1)
			break
		}
		al, ar, fl, fr := int(a[i-1]), int(a[i]), int(f[i-1]), int(f[i])
		to[2*i-1] = uint8(((al+3*ar+3*fl+fr+8)>>3 + al) >> 1)
		to[2*i] = uint8(((ar+3*al+3*fr+fl+8)>>3 + ar) >> 1)
	}
}
