package golden_test

import (
	"testing"

	"github.com/ventral-lab/ventral/models/golden"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// TestVerify runs the reference cases on every backend there is.
func TestVerify(t *testing.T) {
	for _, config := range []string{"go", "xla"} {
		t.Run(config, func(t *testing.T) {
			be, err := backend.Open(config)
			if err != nil {
				t.Skipf("no XLA on this machine: %v", err)
			}
			defer be.Finalize()
			reports, err := golden.Verify("testdata", be, golden.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(reports) != 2 {
				t.Fatalf("%d reports, want 2", len(reports))
			}
			for _, r := range reports {
				t.Logf("%s: %d tensors, worst %s at %.2g of its peak", r.Case, len(r.Rows), r.Worst().Tensor, r.Worst().Error)
				for _, row := range r.Rows {
					if !row.OK {
						t.Errorf("%s %s %v: error %.3g of the peak %s", r.Case, row.Tensor, row.Shape, row.Error, row.Reason)
					}
				}
				for _, row := range r.NotComparable {
					t.Errorf("%s %s: not compared: %s", r.Case, row.Tensor, row.Reason)
				}
			}
		})
	}
}

// TestVerifyCanFail checks that a tolerance below float32 rounding fails: the comparison looks at the numbers.
func TestVerifyCanFail(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	reports, err := golden.Verify("testdata/clip_vit_openai_tiny", be, golden.Options{Tolerance: 1e-9})
	if err != nil {
		t.Fatal(err)
	}
	if reports[0].Failed() == 0 {
		t.Error("no tensor fails at a tolerance of 1e-9")
	}
}
