package ratemap

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
)

// A plane is the discrete Fourier transform of real maps of one size. Of the transform of a real map half is enough,
// F(-ky, -kx) being the conjugate of F(ky, kx): the columns kx = 0 to cols/2, stored column by column. It holds work
// space, so every thread needs its own.
type plane struct {
	rows, cols, half int
	row              *fourier.FFT
	col              *fourier.CmplxFFT
	line             []complex128
}

func newPlane(rows, cols int) *plane {
	return &plane{rows: rows, cols: cols, half: cols/2 + 1, row: fourier.NewFFT(cols), col: fourier.NewCmplxFFT(rows), line: make([]complex128, cols/2+1)}
}

// forward is the transform of a [row, col].
func (p *plane) forward(a []float64) []complex128 {
	f := make([]complex128, p.half*p.rows)
	for i := range p.rows {
		p.row.Coefficients(p.line, a[i*p.cols:(i+1)*p.cols])
		for k, z := range p.line {
			f[k*p.rows+i] = z
		}
	}
	for k := range p.half {
		s := f[k*p.rows : (k+1)*p.rows]
		p.col.Coefficients(s, s)
	}
	return f
}

// inverse writes the map of the transform f into out; it overwrites f.
func (p *plane) inverse(f []complex128, out []float64) {
	for k := range p.half {
		s := f[k*p.rows : (k+1)*p.rows]
		p.col.Sequence(s, s)
	}
	scale := 1 / float64(p.rows*p.cols)
	for i := range p.rows {
		for k := range p.line {
			p.line[k] = f[k*p.rows+i]
		}
		row := out[i*p.cols : (i+1)*p.cols]
		p.row.Sequence(row, p.line)
		for j := range row {
			row[j] *= scale
		}
	}
}

// frequency is the k-th of n frequencies in cycles a bin, -1/2 to 1/2.
func frequency(k, n int) float64 {
	if 2*k > n {
		k -= n
	}
	return float64(k) / float64(n)
}

// A radial is a power spectrum that depends on the length of the wave vector alone: power[k] at k*step cycles a bin,
// straight lines between.
type radial struct {
	step  float64
	power []float64
}

func (r radial) at(f float64) float64 {
	x := f / r.step
	k := int(x)
	if k+1 >= len(r.power) {
		return r.power[len(r.power)-1]
	}
	return r.power[k] + (x-float64(k))*(r.power[k+1]-r.power[k])
}

// radialSpectrum averages the power of a map without gaps over rings of wave vectors, each giving to the two rings beside
// it. The map is centred and tapered by a Hann window first: without it, the step between opposite borders would spread
// power over all frequencies and the fields made from it would be rougher than the map.
func radialSpectrum(rate []float64, rows, cols int) radial {
	hann := func(i, n int) float64 {
		s := math.Sin(math.Pi * (float64(i) + .5) / float64(n))
		return s * s
	}
	w, sum, weight := make([]float64, len(rate)), 0.0, 0.0
	for b, r := range rate {
		w[b] = hann(b/cols, rows) * hann(b%cols, cols)
		sum += w[b] * r
		weight += w[b]
	}
	for b, r := range rate {
		w[b] *= r - sum/weight
	}
	f := newPlane(rows, cols).forward(w)
	out := radial{step: 1 / float64(max(rows, cols))}
	n := int(math.Sqrt2/2/out.step) + 2
	out.power = make([]float64, n)
	share := make([]float64, n)
	for k, z := range f {
		ky, kx := frequency(k%rows, rows), frequency(k/rows, cols)
		x := math.Hypot(ky, kx) / out.step
		both := 2.0 // a column kx stands for -kx as well
		if kx == 0 || 2*(k/rows) == cols {
			both = 1
		}
		low := int(x)
		for d, part := range [2]float64{1 - (x - float64(low)), x - float64(low)} {
			if low+d < n {
				out.power[low+d] += both * part * (real(z)*real(z) + imag(z)*imag(z))
				share[low+d] += both * part
			}
		}
	}
	for k := range out.power {
		if share[k] > 0 {
			out.power[k] /= share[k]
		}
	}
	return out
}

// gaussianSpectrum is the spectrum of white noise smoothed with a Gaussian of sigma bins, whose autocorrelation at a
// distance of d bins is exp(-d^2/(4 sigma^2)).
func gaussianSpectrum(sigma float64) radial {
	r := radial{step: 1. / 256}
	for k := range 256 {
		f := float64(k) * r.step
		r.power = append(r.power, math.Exp(-4*math.Pi*math.Pi*sigma*sigma*f*f))
	}
	return r
}

// AutocorrelationLength is the distance, in bins, at which the autocorrelogram of a map averaged over directions falls
// to 1/e, between the rings of whole distances by a straight line; a map of white noise smoothed with a Gaussian of sigma
// bins has 2 sigma. It is at least .5 (neighbours that do not correlate), and half the smaller side at most. NaN for
// maps without an autocorrelogram (see Autocorrelation).
func AutocorrelationLength(m Map) float64 {
	a := Autocorrelation(m)
	if math.IsNaN(a.R[0]) {
		return math.NaN()
	}
	reach := max(min(m.Rows, m.Cols)/2, 1)
	sum, n := make([]float64, reach+1), make([]float64, reach+1)
	for k, r := range a.R {
		d := int(math.Round(math.Hypot(float64(k/a.Cols-a.Rows/2), float64(k%a.Cols-a.Cols/2))))
		if d <= reach {
			sum[d] += r
			n[d]++
		}
	}
	before := 1.0
	for d := 1; d <= reach; d++ {
		if n[d] == 0 {
			break
		}
		now := sum[d] / n[d]
		if now < 1/math.E {
			return max(float64(d-1)+(before-1/math.E)/(before-now), .5)
		}
		before = now
	}
	return float64(reach)
}
