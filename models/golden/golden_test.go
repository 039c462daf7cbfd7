package golden_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ventral-lab/ventral/models/golden"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// notComparable are the reference tensors that are no value of a model, with the reason. Every other one is compared.
var notComparable = map[string]string{
	"pos.grid37":             "an input of the other pos tensors, not a result",
	"pos.grid5":              "an input of the other pos tensors, not a result",
	"pos.interpolated_56":    "timm's position table has no row for the class token",
	"pos.interpolated_84x56": "timm's position table has no row for the class token",
}

// TestVerify runs every reference case on the Go backend, and one or two of every family but NASNet, whose gradients take
// XLA a minute to compile, on XLA. `ventral models verify --backend xla`, which .ci/run calls, runs all of them there.
func TestVerify(t *testing.T) {
	dirs, err := filepath.Glob("testdata/*/manifest.json")
	if err != nil || len(dirs) < 20 {
		t.Fatalf("%d cases, %v: want at least 20", len(dirs), err)
	}
	onXLA := []string{"clip_rn_tiny", "clip_vit_openai_tiny", "hf_clip_tiny", "dinov2reg_tiny", "vitmae_tiny", "mae_timm_tiny", "vgg_tiny"}
	for _, config := range []string{"go", "xla"} {
		t.Run(config, func(t *testing.T) {
			be, err := backend.Open(config)
			if err != nil {
				t.Skipf("no XLA on this machine: %v", err)
			}
			defer be.Finalize()
			cases := onXLA
			if config == "go" {
				cases = nil
				for _, d := range dirs {
					cases = append(cases, filepath.Base(filepath.Dir(d)))
				}
			}
			for _, name := range cases {
				t.Run(name, func(t *testing.T) { verify(t, be, name) })
			}
		})
	}
}

func verify(t *testing.T, be *backend.Backend, name string) {
	t.Helper()
	reports, err := golden.Verify(filepath.Join("testdata", name), be, golden.Options{})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join("testdata", name, "weights*.safetensors"))
	if err != nil || len(files) != len(reports) {
		t.Errorf("%d weights files, %d reports, %v", len(files), len(reports), err)
	}
	for _, r := range reports {
		if r.Error != "" || len(r.Rows) == 0 {
			t.Errorf("%s: %d tensors compared: %s", r.Layout, len(r.Rows), r.Error)
			continue
		}
		t.Logf("%s: %d tensors, worst %s at %.2g of its peak", r.Layout, len(r.Rows), r.Worst().Tensor, r.Worst().Error)
		for _, row := range r.Rows {
			if !row.OK {
				t.Errorf("%s %s %v: error %.3g of the peak %s", r.Layout, row.Tensor, row.Shape, row.Error, row.Reason)
			}
		}
		for _, row := range r.NotComparable {
			if _, ok := notComparable[row.Tensor]; !ok {
				t.Errorf("%s %s: not compared: %s", r.Layout, row.Tensor, row.Reason)
			}
		}
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

// TestUnreadableWeightsFail: a case whose weights cannot be opened is a failure of that case, not the end of all.
func TestUnreadableWeightsFail(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "case")
	if err := os.CopyFS(dir, os.DirFS("testdata/mae_timm_tiny")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "weights.safetensors"), []byte("no weights"), 0o644); err != nil {
		t.Fatal(err)
	}
	be := backend.MustOpen("go")
	defer be.Finalize()
	reports, err := golden.Verify(dir, be, golden.Options{})
	if err != nil || len(reports) != 1 || reports[0].Error == "" || reports[0].Failed() != 1 {
		t.Errorf("reports %+v, %v: want one that failed", reports, err)
	}
}
