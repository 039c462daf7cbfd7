package subject

import "math"

// gaborScale is one scale of the bank.
type gaborScale struct {
	name       string
	wavelength float64 // frames
	grid       int     // positions along a side
}

// The bank: about twelve and six cycles a frame.
var gaborScales = []gaborScale{{"fine", 1.0 / 12, 8}, {"coarse", 1.0 / 6, 6}}

// orientations of the bank, multiples of 45 degrees: of the stripes' normal, from the x axis.
const orientations = 4

// cells is the side of the grid of colour and curvature.
const cells = 3

// kernel is a pair of Gabor filters in quadrature on a square of pixels.
type kernel struct {
	radius    int
	even, odd []float64
}

// newKernels makes the filters of a scale for pictures of a size: Gaussian of standard deviation half a wavelength, cut off at two of them; the even one is
// corrected so that an even picture gives 0, and both have unit norm.
func newKernels(wavelength float64, size int) [orientations]kernel {
	var out [orientations]kernel
	lambda := max(wavelength*float64(size), 2) // finer than two pixels nothing is
	sigma := lambda / 2
	r := int(math.Ceil(2 * sigma))
	for o := range out {
		k := kernel{radius: r}
		sin, cos := math.Sincos(float64(o) * math.Pi / orientations)
		sum, weight := 0.0, 0.0
		var envelope []float64
		for y := -r; y <= r; y++ {
			for x := -r; x <= r; x++ {
				g := math.Exp(-float64(x*x+y*y) / (2 * sigma * sigma))
				phase := 2 * math.Pi * (float64(x)*cos + float64(y)*sin) / lambda
				k.even = append(k.even, g*math.Cos(phase))
				k.odd = append(k.odd, g*math.Sin(phase))
				envelope = append(envelope, g)
				sum += g * math.Cos(phase)
				weight += g
			}
		}
		for i, g := range envelope {
			k.even[i] -= g * sum / weight
		}
		unit(k.even)
		unit(k.odd)
		out[o] = k
	}
	return out
}

func unit(v []float64) {
	s := 0.0
	for _, x := range v {
		s += x * x
	}
	for i := range v {
		v[i] /= math.Sqrt(s)
	}
}

// bank computes everything that is seen in pixels.
type bank struct {
	size    int
	kernels [][orientations]kernel
}

func newBank(size int) *bank {
	b := &bank{size: size}
	for _, s := range gaborScales {
		b.kernels = append(b.kernels, newKernels(s.wavelength, size))
	}
	return b
}

// energies appends the Gabor energies of a scale: grid x grid positions row by row, orientations fastest.
func (b *bank) energies(dst, luma []float64, scale int) []float64 {
	n := gaborScales[scale].grid
	for gy := range n {
		for gx := range n {
			cx, cy := (2*gx+1)*b.size/(2*n), (2*gy+1)*b.size/(2*n)
			for o := range orientations {
				k := &b.kernels[scale][o]
				dst = append(dst, b.energy(luma, k, cx, cy))
			}
		}
	}
	return dst
}

// energy is sqrt(even^2 + odd^2) at a pixel; beyond the border the picture goes on as at its edge.
func (b *bank) energy(luma []float64, k *kernel, cx, cy int) float64 {
	even, odd, i := 0.0, 0.0, 0
	for dy := -k.radius; dy <= k.radius; dy++ {
		row := luma[min(max(cy+dy, 0), b.size-1)*b.size:]
		for dx := -k.radius; dx <= k.radius; dx++ {
			v := row[min(max(cx+dx, 0), b.size-1)]
			even += v * k.even[i]
			odd += v * k.odd[i]
			i++
		}
	}
	return math.Sqrt(even*even + odd*odd)
}

// pixels appends all features of a picture's pixels, in the order of pixelFeatures. rgb is size x size x 3.
func (b *bank) pixels(dst []float64, rgb []uint8) []float64 {
	n := b.size
	luma := make([]float64, n*n)
	// Opponent colours, half-wave rectified: red, green, blue, yellow.
	colour := make([]float64, cells*cells*4)
	mean, square, saturation := 0.0, 0.0, 0.0
	for y := range n {
		for x := range n {
			p := rgb[3*(y*n+x):]
			r, g, bl := float64(p[0])/255, float64(p[1])/255, float64(p[2])/255
			l := 0.299*r + 0.587*g + 0.114*bl // ITU-R BT.601
			luma[y*n+x] = l
			mean += l
			square += l * l
			saturation += max(r, g, bl) - min(r, g, bl)
			c := colour[4*(y*cells/n*cells+x*cells/n):]
			c[0] += max(0, r-g)
			c[1] += max(0, g-r)
			c[2] += max(0, bl-(r+g)/2)
			c[3] += max(0, (r+g)/2-bl)
		}
	}
	start := len(dst)
	for s := range gaborScales {
		dst = b.energies(dst, luma, s)
	}
	fine := dst[start : start+gaborScales[0].grid*gaborScales[0].grid*orientations]
	per := float64(n*n) / (cells * cells)
	for _, c := range colour {
		dst = append(dst, c/per)
	}
	dst = append(dst, curvature(fine)...)
	pixels := float64(n * n)
	mean /= pixels
	edges := 0.0
	for _, e := range fine {
		edges += e
	}
	return append(dst, mean, math.Sqrt(max(0, square/pixels-mean*mean)), saturation/pixels, edges/float64(len(fine)))
}

// curvature is, for each cell and orientation, the mean of sqrt(E(p, o) E(q, o+45 degrees)) over the positions p of the cell and their right and
// lower neighbours q: contours that turn (the angles of Pasupathy and Connor, J Neurophysiol 82, 1999, in their simplest form).
func curvature(fine []float64) []float64 {
	n := gaborScales[0].grid
	out := make([]float64, cells*cells*orientations)
	count := make([]float64, cells*cells)
	for y := range n {
		for x := range n {
			cell := (2*y+1)*cells/(2*n)*cells + (2*x+1)*cells/(2*n)
			for _, q := range [2][2]int{{x + 1, y}, {x, y + 1}} {
				if q[0] >= n || q[1] >= n {
					continue
				}
				for o := range orientations {
					here, there := fine[(y*n+x)*orientations+o], fine[(q[1]*n+q[0])*orientations+(o+1)%orientations]
					out[cell*orientations+o] += math.Sqrt(here * there)
				}
				count[cell]++
			}
		}
	}
	for i := range out {
		out[i] /= count[i/orientations]
	}
	return out
}
