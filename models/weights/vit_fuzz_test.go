package weights

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/internal/safetensors"
)

// FuzzVisionTransformer: names and shapes decide the mapping of DINOv2 and MAE. Whatever they are there is no panic, a
// mapping that takes a set makes tensors as large as their shapes say, and what goes to Hugging Face's layout and comes
// back has the same names, shapes and bytes. A line is a tensor: "blocks.0.ls1.gamma 8".
func FuzzVisionTransformer(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		var tensors []safetensors.Tensor
		seen := map[string]bool{}
		total := 0
		for line := range strings.Lines(text) {
			words := strings.Fields(line)
			if len(words) == 0 || seen[words[0]] || len(words) > 6 {
				continue
			}
			seen[words[0]] = true
			size, dims := 1, []int{}
			for _, w := range words[1:] {
				n, err := strconv.Atoi(w)
				if err != nil || n < 0 || n > 1000 || size*n > 1<<12 {
					return
				}
				dims, size = append(dims, n), size*n
			}
			if total += size; total > 1<<16 {
				return
			}
			data := make([]byte, size)
			for i := range data {
				data[i] = byte(len(tensors)*31 + i)
			}
			tensors = append(tensors, safetensors.Tensor{Name: words[0], DType: safetensors.U8, Shape: dims, Data: data})
		}
		s, err := FromTensors("fuzz", tensors)
		if err != nil {
			return
		}
		m, found, err := Canonical(s)
		if err != nil || found.Architecture != "dinov2" && found.Architecture != "mae" {
			return
		}
		same(t, m, m)
		hf, err := Export(m, found.Architecture, HuggingFace)
		if errors.Is(err, ErrShape) {
			return // a tensor that no network has: three parts of a scalar
		}
		if err != nil {
			t.Fatalf("%s cannot be written: %v", found, err)
		}
		back, again, err := Canonical(hf)
		if err != nil || again.Architecture != found.Architecture || again.Layout != HuggingFace {
			t.Fatalf("%s became %s: %v", found, again, err)
		}
		same(t, m, back)
	})
}

// same compares names, shapes and bytes, and checks that there are as many of them as the shapes say.
func same(t *testing.T, a, b *Set) {
	t.Helper()
	if !slices.Equal(a.Names(), b.Names()) {
		t.Fatalf("%v became %v", a.Names(), b.Names())
	}
	for _, name := range a.Names() {
		x, y := a.sources[name], b.sources[name]
		if !slices.Equal(x.shape, y.shape) || !slices.Equal(x.bytes(), y.bytes()) || len(x.bytes()) != x.size() {
			t.Fatalf("%s %v, %d bytes, became %v, %d bytes", name, x.shape, len(x.bytes()), y.shape, len(y.bytes()))
		}
	}
}
