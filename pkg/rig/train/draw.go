package train

import (
	"fmt"

	"github.com/ventral-lab/ventral/internal/parallel"
)

// drawEach calls fn for every picture of step k of n pictures, on all processors: j is its place in the batch, i its number
// in the training set, rgb a scratch of that many bytes. fn writes only what belongs to j. The first picture's error counts.
func drawEach(k, n, bytes int, fn func(j, i int, rgb []uint8) error) error {
	errs := make([]error, n)
	parallel.ForScratch(n, func() []uint8 { return make([]uint8, bytes) }, func(j int, rgb []uint8) {
		errs[j] = fn(j, k*n+j, rgb)
	})
	for j, err := range errs {
		if err != nil {
			return fmt.Errorf("picture %d: %w", k*n+j, err)
		}
	}
	return nil
}
