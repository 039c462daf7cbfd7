package train

import (
	"math"

	"github.com/ventral-lab/ventral/internal/rng"
)

// Crops is the multi-crop augmentation of self-distillation (Caron et al. 2020, 2021): random boxes of a picture, each
// resampled to a fixed size, mirrored, with its own change of brightness, contrast and colour.
type Crops struct {
	Global, Local           int        // crops a picture
	GlobalSize, LocalSize   int        // pixels a side
	GlobalScale, LocalScale [2]float64 // share of the picture's area, from and to
	Jitter                  float64    // strength of the change of brightness, contrast and colour
	Hue                     float64    // largest turn of all hues, in turns, either way
	Grey                    float64    // share of crops that lose their colour
	Mean, Std               [3]float64 // of the preprocessing
}

// apply writes crop c of picture i (size x size, RGB by rows) as preprocessed planes of out x out pixels.
func (a Crops) apply(dst []float32, rgb []uint8, size, out int, scale [2]float64, seed, i, c uint64) {
	r := rng.Fast(seed, "train/crops", i*64+c)
	area := scale[0] + (scale[1]-scale[0])*r.Float64()
	ratio := math.Exp((2*r.Float64() - 1) * math.Log(4.0/3)) // 3/4 to 4/3, as torchvision's RandomResizedCrop
	w := min(math.Sqrt(area*ratio)*float64(size), float64(size))
	h := min(math.Sqrt(area/ratio)*float64(size), float64(size))
	x, y := (float64(size)-w)*r.Float64(), (float64(size)-h)*r.Float64()
	flip := r.IntN(2) == 0
	grey := r.Float64() < a.Grey
	gain := 1 + a.Jitter*(2*r.Float64()-1)
	offset := 0.5 * a.Jitter * (2*r.Float64() - 1)
	saturation := 1 + a.Jitter*(2*r.Float64()-1)
	if grey {
		saturation = 0
	}
	sin, cos := math.Sincos(2 * math.Pi * a.Hue * (2*r.Float64() - 1))
	n := out * out
	for oy := range out {
		for ox := range out {
			sx := x + (float64(ox)+0.5)*w/float64(out) - 0.5
			if flip {
				sx = x + w - (float64(ox)+0.5)*w/float64(out) - 0.5
			}
			sy := y + (float64(oy)+0.5)*h/float64(out) - 0.5
			v := bilinear(rgb, size, sx, sy)
			luma := lumaOf(v)
			if a.Hue > 0 {
				v = turned(v, luma, sin, cos)
			}
			for ch := range 3 {
				u := (luma+(v[ch]-luma)*saturation-0.5)*gain + 0.5 + offset
				dst[ch*n+oy*out+ox] = float32((min(max(u, 0), 1) - a.Mean[ch]) / a.Std[ch])
			}
		}
	}
}

// The shares of red, green and blue in the brightness of a colour (ITU-R BT.601).
const redLuma, greenLuma, blueLuma = 0.299, 0.587, 0.114

func lumaOf(v [3]float64) float64 { return redLuma*v[0] + greenLuma*v[1] + blueLuma*v[2] }

// turned turns a colour about the greys, in the plane of PAL's U and V; its brightness stays.
func turned(v [3]float64, luma, sin, cos float64) [3]float64 {
	const toU, toV = 0.492, 0.877 // of B-Y and R-Y
	b, r := toU*(v[2]-luma), toV*(v[0]-luma)
	v[2], v[0] = luma+(cos*b-sin*r)/toU, luma+(sin*b+cos*r)/toV
	v[1] = (luma - redLuma*v[0] - blueLuma*v[2]) / greenLuma
	return v
}

// bilinear is the colour at pixel centre (x, y) of a square picture, in 0..1; the border is repeated beyond it.
func bilinear(rgb []uint8, size int, x, y float64) (v [3]float64) {
	x0, y0 := math.Floor(x), math.Floor(y)
	fx, fy := x-x0, y-y0
	at := func(i, j float64, ch int) float64 {
		c := int(min(max(i, 0), float64(size-1)))
		r := int(min(max(j, 0), float64(size-1)))
		return float64(rgb[3*(r*size+c)+ch]) / 255
	}
	for ch := range v {
		top := at(x0, y0, ch)*(1-fx) + at(x0+1, y0, ch)*fx
		bottom := at(x0, y0+1, ch)*(1-fx) + at(x0+1, y0+1, ch)*fx
		v[ch] = top*(1-fy) + bottom*fy
	}
	return v
}
