package train

import (
	"errors"
	"strings"
	"testing"
)

// failing are pictures of which some cannot be drawn.
type failing struct{ stripes }

func (failing) Draw(i int, dst []uint8) (string, error) {
	if i%5 == 3 {
		return "", errors.New("cannot be drawn")
	}
	return stripes{}.Draw(i, dst)
}

// TestFirstErrorCounts: whichever thread fails first, the error is that of the first picture in order.
func TestFirstErrorCounts(t *testing.T) {
	c := contrastive(tinyConfig())
	c.Train = failing{}
	for range 20 {
		if _, err := c.Batch(1, 2, 16); err == nil || !strings.Contains(err.Error(), "picture 33: cannot") {
			t.Fatalf("error %v, want that of picture 33", err)
		}
	}
}

// TestBatchesDoNotDependOnTheirSize: picture 7 is the same in a batch of 8 and in the second of 4.
func TestBatchesDoNotDependOnTheirSize(t *testing.T) {
	c := contrastive(tinyConfig())
	one, err := c.Batch(1, 0, 8)
	if err != nil {
		t.Fatal(err)
	}
	two, err := c.Batch(1, 1, 4)
	if err != nil {
		t.Fatal(err)
	}
	px := 3 * c.Config.ImageSize * c.Config.ImageSize
	for i := range 4 * px {
		if one[0].F32[4*px+i] != two[0].F32[i] {
			t.Fatalf("value %d: %g in the large batch, %g in the small", i, one[0].F32[4*px+i], two[0].F32[i])
		}
	}
}
