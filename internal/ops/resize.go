package ops

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// Kernel is how Resize weighs source pixels.
type Kernel struct {
	Name string
	// support is the half width in source pixels at scale 1, weight the function.
	support float64
	weight  func(float64) float64
	// antialias widens the kernel by the factor an image is made smaller, and renormalises at the edges; without it
	// indices beyond the edge are clamped.
	antialias bool
	// offset is added to the size of the result where the scale is computed, so that coordinates are not those of the
	// size: torch takes a scale factor, where one is given, as it is.
	offset float64
}

// The kernels of the reference libraries. torch's bicubic has a = -0.75 without antialiasing and a = -0.5 with it, as
// Pillow's has.
var (
	Bilinear          = Kernel{"bilinear", 1, triangle, false, 0}
	BilinearAntialias = Kernel{"bilinear-antialias", 1, triangle, true, 0}
	Bicubic           = Kernel{"bicubic", 2, keys(-0.75), false, 0}
	BicubicAntialias  = Kernel{"bicubic-antialias", 2, keys(-0.5), true, 0}
	// BicubicOffset is Bicubic by the scale factor (to+0.1)/from, as DINO and DINOv2 resample their positions.
	BicubicOffset = Kernel{"bicubic-offset", 2, keys(-0.75), false, 0.1}
)

func triangle(x float64) float64 { return max(0, 1-math.Abs(x)) }

// keys is the cubic convolution kernel of Keys (1981) with parameter a.
func keys(a float64) func(float64) float64 {
	return func(x float64) float64 {
		x = math.Abs(x)
		switch {
		case x < 1:
			return ((a+2)*x-(a+3))*x*x + 1
		case x < 2:
			return (((x-5)*x+8)*x - 4) * a
		}
		return 0
	}
}

// Matrix is the [to, from] matrix that resizes one axis, pixel centres at half-integers (align_corners=False). scale is
// source pixels per destination pixel; 0 means from/to, or from/(to+offset) for a kernel with an offset.
func (k Kernel) Matrix(from, to int, scale float64) [][]float64 {
	if scale == 0 {
		scale = float64(from) / (float64(to) + k.offset)
	}
	width := 1.0
	if k.antialias {
		width = max(1, scale)
	}
	m := make([][]float64, to)
	for i := range m {
		m[i] = make([]float64, from)
		centre := (float64(i) + 0.5) * scale
		if !k.antialias {
			// Interpolation: the taps around the centre, clamped to the image.
			centre -= 0.5
			first := int(math.Floor(centre)) - int(k.support) + 1
			for j := first; j < first+2*int(k.support); j++ {
				m[i][min(max(j, 0), from-1)] += k.weight(centre - float64(j))
			}
			continue
		}
		lo := max(int(centre-k.support*width+0.5), 0)
		hi := min(int(centre+k.support*width+0.5), from)
		sum := 0.0
		for j := lo; j < hi; j++ {
			w := k.weight((float64(j) + 0.5 - centre) / width)
			m[i][j] = w
			sum += w
		}
		for j := lo; j < hi; j++ {
			m[i][j] /= sum
		}
	}
	return m
}

// Resize scales x [batch, h, w, channels] to toH x toW. A kernel with an offset moves the pixels of an axis that keeps its
// size, too.
func Resize(x *Node, toH, toW int, k Kernel) *Node {
	d := x.Shape().Dimensions
	g := x.Graph()
	if d[1] != toH || k.offset != 0 {
		x = Einsum("ah,bhwc->bawc", ConstAsDType(g, x.DType(), k.Matrix(d[1], toH, 0)), x)
	}
	if d[2] != toW || k.offset != 0 {
		x = Einsum("dw,bawc->badc", ConstAsDType(g, x.DType(), k.Matrix(d[2], toW, 0)), x)
	}
	return x
}
