package train

import "github.com/ventral-lab/ventral/internal/rng"

// Augment is a photometric augmentation: a random gain and offset for every picture and, for half of them, pixel noise.
// It ends in preprocessed planes.
type Augment struct {
	Mean, Std [3]float64 // of the preprocessing
}

// apply turns picture i, RGB by rows, into planes dst.
func (a Augment) apply(dst []float32, rgb []uint8, seed, i uint64) {
	r := rng.Fast(seed, "train/augment", i)
	gain := 0.85 + 0.3*r.Float64()
	offset := 0.1 * (r.Float64() - 0.5)
	noise := 0.0
	if r.IntN(2) == 0 {
		noise = 0.04 * r.Float64()
	}
	n := len(rgb) / 3
	for c := range 3 {
		mean, std := a.Mean[c], a.Std[c]
		for px := range n {
			v := (float64(rgb[3*px+c])/255-0.5)*gain + 0.5 + offset
			if noise > 0 {
				// A sum of two uniforms: a triangular distribution, cheap and bounded.
				v += noise * 2.45 * (r.Float64() + r.Float64() - 1)
			}
			dst[c*n+px] = float32((min(max(v, 0), 1) - mean) / std)
		}
	}
}
