package train

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/cpu"

	"github.com/ventral-lab/ventral/datasets/scenes"
	"github.com/ventral-lab/ventral/internal/atomicfile"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

var update = flag.Bool("update", false, "record testdata/resume/continuation.json on this arithmetic, from the checkpoint there or a new one; look at the change before committing")

const (
	recordedStep = 8  // of the committed checkpoint
	recordedEnd  = 16 // of the recorded training
)

// continuation is what a training did after the committed checkpoint.
type continuation struct {
	Losses []float64 `json:"losses"`  // of the steps after it
	Hash   string    `json:"weights"` // SHA-256 of names and float32 bits at the end, moments included
}

// recorded is a tiny CLIP on real scenes.
func recorded(t *testing.T, out string) (Options, Task) {
	t.Helper()
	c := clip.Config{EmbedDim: 16, ImageSize: 32, Patch: 8, Width: 32, Layers: 1, Heads: 2, Context: 48, Vocab: 1024, TextWidth: 16, TextLayers: 1, TextHeads: 2}
	w, err := scenes.NewWorld(scenes.WorldConfig{N: 8 * recordedEnd, Seed: 1, Size: c.ImageSize, Split: "train"})
	if err != nil {
		t.Fatal(err)
	}
	task, err := contrast(c, w)
	if err != nil {
		t.Fatal(err)
	}
	o := testOptions(out, 8, recordedEnd)
	o.Every = recordedStep
	return o, task
}

// arithmetic names what decides the last bits of a product on the Go backend: with GOEXPERIMENT=simd the order of its sums
// follows the width of the processor's vectors.
func arithmetic() string {
	off := func(name string) bool { return slices.Contains([]string{"0", "false", "off"}, os.Getenv(name)) }
	x := cpu.X86
	switch {
	case !backend.SIMD():
		return runtime.GOARCH + " plain"
	case x.HasAVX512F && x.HasAVX512BW && x.HasAVX512CD && x.HasAVX512DQ && x.HasAVX512VL && !off("GOMLX_SIMD_AVX512"):
		return runtime.GOARCH + " avx512"
	case x.HasAVX2 && !off("GOMLX_SIMD_AVX2"):
		return runtime.GOARCH + " avx2"
	}
	return runtime.GOARCH + " simd"
}

// TestRecordedContinuation goes on from a committed checkpoint: loss by loss and bit by bit as recorded where the same
// arithmetic was recorded, and elsewhere within what another order of float32 sums makes of eight steps.
//
// To make testdata/resume again, after a change that is meant to change bits: delete the folder, and on a processor with
// AVX-512 run
//
//	go test ./pkg/rig/train -run TestRecordedContinuation -update
//	GOEXPERIMENT=simd go test ./pkg/rig/train -run TestRecordedContinuation -update
//	GOEXPERIMENT=simd GOMLX_SIMD_AVX512=0 go test ./pkg/rig/train -run TestRecordedContinuation -update
//
// The first also makes the checkpoint; all record their own arithmetic from there.
func TestRecordedContinuation(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	dir := filepath.Join("testdata", "resume")
	list := filepath.Join(dir, "continuation.json")
	have := map[string]continuation{}
	if b, err := os.ReadFile(list); err == nil {
		if err := json.Unmarshal(b, &have); err != nil {
			t.Fatal(err)
		}
	}
	if *update && !exists(Checkpoint(dir)) {
		o, task := recorded(t, dir)
		o.StopAfter = recordedStep
		p, _, err := Run(context.Background(), be, o, task)
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
	}
	b, err := os.ReadFile(Checkpoint(dir))
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	if err := os.WriteFile(Checkpoint(out), b, 0o600); err != nil {
		t.Fatal(err)
	}
	o, task := recorded(t, out)
	var got continuation
	o.Progress = func(step int, loss float64) {
		if step != recordedStep+len(got.Losses)+1 {
			t.Errorf("step %d follows the checkpoint of %d and %d more", step, recordedStep, len(got.Losses))
		}
		got.Losses = append(got.Losses, loss)
	}
	p, _, err := Run(context.Background(), be, o, task)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	got.Hash = weightsHash(t, p)
	if *update {
		have[arithmetic()] = got
		b, err := json.MarshalIndent(have, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := atomicfile.WriteFile(list, append(b, '\n'), "continuation"); err != nil {
			t.Fatal(err)
		}
	}
	if len(have) == 0 {
		t.Fatal("nothing is recorded")
	}
	if want, ok := have[arithmetic()]; ok {
		if !slices.Equal(got.Losses, want.Losses) || got.Hash != want.Hash {
			t.Errorf("on %s the training goes on with %v to %s,\nrecorded is %v to %s", arithmetic(), got.Losses, got.Hash, want.Losses, want.Hash)
		}
		return
	}
	for _, unit := range slices.Sorted(maps.Keys(have)) {
		want := have[unit].Losses
		if len(got.Losses) != len(want) {
			t.Fatalf("%d steps, recorded are %d", len(got.Losses), len(want))
		}
		for i := range want {
			// The recorded ones differ among themselves by up to 3e-7, the last of a float32's bits.
			if math.Abs(got.Losses[i]-want[i]) > 1e-5*want[i] {
				t.Errorf("step %d: loss %g on %s, %g on %s", recordedStep+i+1, got.Losses[i], arithmetic(), want[i], unit)
			}
		}
	}
}

func weightsHash(t *testing.T, p *program.Params) string {
	t.Helper()
	h := sha256.New()
	names := p.Names()
	slices.Sort(names)
	for _, n := range names {
		data, _, err := p.Get(n)
		if err != nil {
			t.Fatal(err)
		}
		h.Write([]byte(n))
		for _, v := range data {
			h.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
