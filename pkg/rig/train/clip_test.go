package train

import (
	"context"
	"fmt"
	"testing"

	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// stripes are pictures whose caption says how bright they are.
type stripes struct{}

func (stripes) Draw(i int, dst []uint8) (string, error) {
	k := i % 4
	for j := range dst {
		dst[j] = uint8(k*60 + (j/3)%7)
	}
	return fmt.Sprint(k), nil
}

func testOptions(out string, c clip.Config, batch, steps int) CLIPOptions {
	return CLIPOptions{Config: c, Seed: 1, Batch: batch, Tokens: c.Context,
		AdamW:    AdamW{Beta1: 0.9, Beta2: 0.98, Eps: 1e-6, Decay: 0.05, Clip: 1},
		Schedule: Schedule{Peak: 1e-3, Warmup: 5, Steps: steps, Floor: 0.05},
		Data:     "stripes", Mean: [3]float64{.5, .5, .5}, Std: [3]float64{.5, .5, .5}, Out: out, Every: max(steps/2, 1),
		Train: stripes{},
		Encode: func(s string) ([]int32, error) {
			ids := make([]int32, c.Context)
			ids[0], ids[1], ids[2] = int32(c.Vocab-2), int32(s[0]), int32(c.Vocab-1)
			return ids, nil
		},
	}
}

func BenchmarkCLIPStep(b *testing.B) {
	for _, c := range []clip.Config{
		MiniCLIPConfig(),
	} {
		b.Run(fmt.Sprintf("%dpx-w%dx%d", c.ImageSize, c.Width, c.Layers), func(b *testing.B) {
			be := backend.MustOpen("")
			defer be.Finalize()
			o := testOptions(b.TempDir(), c, 128, b.N)
			o.Every = b.N + 1
			o.Log = b.Logf
			if _, _, err := CLIP(context.Background(), be, o); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(128*b.N)/b.Elapsed().Seconds(), "pictures/s")
		})
	}
}
