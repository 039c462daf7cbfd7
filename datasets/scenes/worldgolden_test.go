package scenes

import (
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/ventral-lab/ventral/internal/parallel"
)

func mustWorld(t testing.TB, cfg WorldConfig) *World {
	t.Helper()
	w, err := NewWorld(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func mustWorldProbe(t testing.TB, cfg WorldProbeConfig) *World {
	t.Helper()
	w, err := NewWorldProbe(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// digest is the hash of pictures and captions from to to-1.
func digest(t testing.TB, w *World, from, to int) string {
	t.Helper()
	h := sha256.New()
	dst := make([]uint8, 3*w.Size()*w.Size())
	for i := from; i < to; i++ {
		caption, err := w.Draw(i, dst)
		if err != nil {
			t.Fatal(err)
		}
		h.Write(dst)
		h.Write([]byte(caption))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// The bytes of a seed are frozen: the shipped models were trained on them.
func TestWorldGolden(t *testing.T) {
	for _, c := range worldGolden {
		w := mustWorld(t, WorldConfig{N: 1 << 30, Seed: c.seed, Size: c.size, Split: c.split})
		if got := digest(t, w, c.from, c.from+64); got != c.want {
			t.Errorf("%s, pictures %d to %d: digest %s, want %s", w.Spec(), c.from, c.from+63, got, c.want)
		}
	}
}

var worldGolden = []struct {
	split      string
	seed       uint64
	size, from int
	want       string
}{
	{"train", 1, 64, 0, "40a273d5c8418c21"},
	{"train", 1, 64, 500000, "dd55b3b293c97e09"},
	{"train", 1, 64, 3000000, "e14c034425db5501"},
	{"train", 2, 96, 64, "f5d8d487d1002c58"},
	{"train", 1, 224, 0, "77dd1fb4f598c89d"},
	{"val", 1, 64, 0, "459052f173afa811"},
	{"test", 1, 64, 0, "6f1a1a1b3a36ef88"},
	{"heldout", 1, 64, 0, "4d366e83a5136355"},
}

// A picture does not depend on what was drawn before it, on the number of pictures, or on how many goroutines draw.
func TestWorldOrderAndThreads(t *testing.T) {
	const n = 400
	a := mustWorld(t, WorldConfig{N: n, Seed: 3})
	size := 3 * a.Size() * a.Size()
	want := make([][]uint8, n)
	captions := make([]string, n)
	for i := range n {
		want[i] = make([]uint8, size)
		captions[i], _ = a.Draw(i, want[i])
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(5))
	b := mustWorld(t, WorldConfig{N: 1 << 20, Seed: 3})
	order := rand.New(rand.NewPCG(1, 2)).Perm(n)
	got := make([][]uint8, n)
	parallel.For(n, func(k int) {
		i := order[k]
		got[i] = make([]uint8, size)
		caption, err := b.Draw(i, got[i])
		if err != nil || caption != captions[i] {
			t.Errorf("picture %d: caption %q, %v, want %q", i, caption, err, captions[i])
		}
	})
	for i := range n {
		for p := range want[i] {
			if got[i][p] != want[i][p] {
				t.Fatalf("picture %d differs at byte %d: %d, alone and in order %d", i, p, got[i][p], want[i][p])
			}
		}
	}
}

// The latents of a scene do not depend on how finely it is drawn.
func TestWorldLatentsDoNotDependOnSize(t *testing.T) {
	small, large := mustWorld(t, WorldConfig{N: 500, Seed: 4, Size: 32}), mustWorld(t, WorldConfig{N: 500, Seed: 4, Size: 512})
	for i := range 500 {
		a, err := small.Latents(i)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := large.Latents(i)
		if a.Caption != b.Caption || len(a.Items) != len(b.Items) || a.Nuisance != b.Nuisance {
			t.Fatalf("picture %d: %+v at 32 pixels, %+v at 512", i, a, b)
		}
		for k := range a.Items {
			if a.Items[k] != b.Items[k] {
				t.Fatalf("picture %d item %d: %+v at 32 pixels, %+v at 512", i, k, a.Items[k], b.Items[k])
			}
		}
	}
}
