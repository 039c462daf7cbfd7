package mae_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/mae"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// TestReconstructor: five pictures in batches of two give what each gives alone, noise decides the mask, and Blend keeps
// the true patches.
func TestReconstructor(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	for _, normalised := range []bool{false, true} {
		c := tiny()
		c.NormPixels = normalised
		p := params(t, c)
		r, err := mae.NewReconstructor(be, c, p, 0, 0, 2)
		if err != nil {
			t.Fatal(err)
		}
		x := random("pictures", 5, 3, 20, 20).F32
		noise := r.Noise(9, 5)
		all, err := r.Run(x, noise, 5)
		if err != nil {
			t.Fatal(err)
		}
		const pixels = 3 * 20 * 20
		for i := range 5 {
			one, err := r.Run(x[i*pixels:(i+1)*pixels], noise[i*25:(i+1)*25], 1)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(one.Pictures, all.Pictures[i*pixels:(i+1)*pixels]) || !slices.Equal(one.Mask, all.Mask[i*25:(i+1)*25]) || one.Loss[0] != all.Loss[i] {
				t.Errorf("picture %d is another alone", i)
			}
		}
		blend := r.Blend(x, all)
		for i := range blend {
			patch := i/pixels*25 + i/20%20/4*5 + i%20/4
			want := x[i]
			if all.Mask[patch] == 1 {
				want = all.Pictures[i]
			}
			if blend[i] != want {
				t.Fatalf("normalised %v: blended value %d is %g, want %g", normalised, i, blend[i], want)
			}
		}
		if normalised { // the painted patches have the statistics that the loss took away: undo it and find the loss again
			loss := normalisedLoss(x[:pixels], all.Pictures[:pixels], all.Mask[:25])
			if math.Abs(loss-all.Loss[0]) > 1e-4*loss {
				t.Errorf("loss %g, from the pictures %g", all.Loss[0], loss)
			}
		}
		r.Close()
	}
}

// normalisedLoss is the loss over pictures of 5x5 patches that both are normalised by the true one's statistics.
func normalisedLoss(x, painted, mask []float32) float64 {
	sum, removed := 0.0, 0.0
	for patch := range 25 {
		var a, b []float64
		for i := range x {
			if i/20%20/4*5+i%20/4 == patch {
				a, b = append(a, float64(x[i])), append(b, float64(painted[i]))
			}
		}
		mean, variance, square := 0.0, 0.0, 0.0
		for _, v := range a {
			mean += v / float64(len(a))
		}
		for i, v := range a {
			variance += (v - mean) * (v - mean) / float64(len(a)-1)
			square += (v - b[i]) * (v - b[i]) / float64(len(a))
		}
		sum += square / (variance + 1e-6) * float64(mask[patch])
		removed += float64(mask[patch])
	}
	return sum / removed
}

func TestReconstructorRefuses(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	c := tiny()
	p := params(t, c)
	whole := c
	whole.MaskRatio = 0
	for name, f := range map[string]func() error{
		"no decoder":      func() error { _, err := mae.NewReconstructor(be, c.Encoder(), p, 0, 0, 1); return err },
		"nothing removed": func() error { _, err := mae.NewReconstructor(be, whole, p, 0, 0, 1); return err },
		"no batch":        func() error { _, err := mae.NewReconstructor(be, c, p, 0, 0, 0); return err },
		"an odd size":     func() error { _, err := mae.NewReconstructor(be, c, p, 22, 20, 1); return err },
		"too few pixels": func() error {
			r, err := mae.NewReconstructor(be, c, p, 0, 0, 1)
			if err != nil {
				return nil
			}
			defer r.Close()
			_, err = r.Run(make([]float32, 7), make([]float32, 25), 1)
			return err
		},
	} {
		if f() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// An untrained autoencoder paints the fifteen hidden patches of a grey picture.
func ExampleReconstructor() {
	be := backend.MustOpen("go")
	defer be.Finalize()
	c := tiny()
	params, err := models.Random(c, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer params.Close()
	r, err := mae.NewReconstructor(be, c, params, 0, 0, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	painted, err := r.Run(make([]float32, 3*20*20), r.Noise(1, 1), 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	hidden := 0
	for _, m := range painted.Mask {
		hidden += int(m)
	}
	fmt.Println(len(painted.Pictures), "values,", hidden, "of", len(painted.Mask), "patches hidden, loss above zero:", painted.Loss[0] > 0)
	// Output: 1200 values, 15 of 25 patches hidden, loss above zero: true
}
