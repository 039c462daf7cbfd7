package circles

import (
	"fmt"
	"image"
	"sync"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/internal/parallel"
)

// Mean is the mean picture of a set (any set whose pictures have one size): the luma of every pixel averaged
// over all stimuli, 0 black to 1 white, row by row. For clipped circles it shows how evenly the field is covered: darker in
// the middle, paler towards the rim.
//
// Sums are kept in integers (Rec. 601 weights in thousandths), so the result has the same bits for any number of
// threads. It fails on an empty set, on a stimulus that cannot be made and on pictures of different size.
func Mean(s datasets.Set) (mean []float64, w, h int, err error) {
	if s.Len() == 0 {
		return nil, 0, 0, fmt.Errorf("circles: mean picture of %s: the set is empty", s.Spec())
	}
	first, err := s.At(0)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("circles: mean picture of %s: stimulus 0: %w", s.Spec(), err)
	}
	b := first.Image.Bounds()
	w, h = b.Dx(), b.Dy()
	var mu sync.Mutex
	sum := make([]uint64, w*h)
	worst := s.Len() // index of the first stimulus that failed
	const chunk = 32
	parallel.Chunks(s.Len(), chunk, func(lo, hi int) {
		part := make([]uint64, w*h)
		for i := lo; i < hi; i++ {
			if e := addLuma(s, i, w, h, part); e != nil {
				mu.Lock()
				defer mu.Unlock()
				if i < worst {
					worst, err = i, e
				}
				return
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for p, v := range part {
			sum[p] += v
		}
	})
	if err != nil {
		return nil, 0, 0, fmt.Errorf("circles: mean picture of %s: stimulus %d: %w", s.Spec(), worst, err)
	}
	mean = make([]float64, w*h)
	for p, v := range sum {
		mean[p] = float64(v) / (255000 * float64(s.Len()))
	}
	return mean, w, h, nil
}

func addLuma(s datasets.Set, i, w, h int, sum []uint64) error {
	st, err := s.At(i)
	if err != nil {
		return err
	}
	b := st.Image.Bounds()
	if b.Dx() != w || b.Dy() != h {
		return fmt.Errorf("its picture has %d x %d pixels, the first one %d x %d", b.Dx(), b.Dy(), w, h)
	}
	if m, ok := st.Image.(*image.RGBA); ok {
		for y := range h {
			row := m.Pix[y*m.Stride:]
			for x := range w {
				p := row[4*x : 4*x+3 : 4*x+3]
				sum[y*w+x] += 299*uint64(p[0]) + 587*uint64(p[1]) + 114*uint64(p[2])
			}
		}
		return nil
	}
	for y := range h {
		for x := range w {
			r, g, bl, _ := st.Image.At(b.Min.X+x, b.Min.Y+y).RGBA()
			sum[y*w+x] += 299*uint64(r>>8) + 587*uint64(g>>8) + 114*uint64(bl>>8)
		}
	}
	return nil
}
