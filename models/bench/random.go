package bench

import (
	"iter"
	"math/rand/v2"
	"strings"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/internal/safetensors"
)

// WriteRandom writes a checkpoint of these tensors, float32, at path. Weights are uniform in ±0.02, variances in
// [0.5, 1.5), so that a network made of them stays finite; counters, such as position ids and the batches seen, are
// integers, and the bias that timm adds to a CLIP's projection, head.bias, is zero as in its files.
func WriteRandom(path string, keys map[string][]int, seed uint64) error {
	var entries []safetensors.Entry
	for name, shape := range keys {
		e := safetensors.Entry{Name: name, DType: safetensors.F32, Shape: shape}
		if strings.HasSuffix(name, "num_batches_tracked") || strings.HasSuffix(name, "position_ids") {
			e.DType = safetensors.I64
		}
		n := safetensors.ItemSize(e.DType)
		for _, d := range shape {
			n *= d
		}
		e.Pieces = numbers(name, e.DType, n, seed)
		entries = append(entries, e)
	}
	return safetensors.WriteStreamFile(path, entries, map[string]string{"format": "pt"})
}

// numbers yields n bytes of one tensor.
func numbers(name, dtype string, n int, seed uint64) iter.Seq2[[]byte, error] {
	const most = 1 << 18 // elements at a time
	return func(yield func([]byte, error) bool) {
		if dtype == safetensors.I64 || name == "head.bias" {
			yield(make([]byte, n), nil)
			return
		}
		r := rng.New(seed, "bench/"+name)
		low, width := float32(-0.02), float32(0.04)
		if strings.HasSuffix(name, "running_var") {
			low, width = 0.5, 1
		}
		x := make([]float32, most)
		for n > 0 {
			x := x[:min(most, n/4)]
			draw(r, x, low, width)
			n -= 4 * len(x)
			if !yield(safetensors.Float32Bytes(x), nil) {
				return
			}
		}
	}
}

func draw(r *rand.Rand, x []float32, low, width float32) {
	for i := range x {
		x[i] = low + width*float32(r.Uint32()>>8)/(1<<24)
	}
}
