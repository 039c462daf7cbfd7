package scenes

import (
	"crypto/sha256"
	"fmt"
	"testing"
)

// The bytes of a seed are frozen: the shipped models were trained on them.
func TestGolden(t *testing.T) {
	for _, c := range golden {
		s := mustOpen(t, c.spec)
		dst := make([]uint8, s.Size()*s.Size()*3)
		caption, err := s.Draw(c.i, dst)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(dst)
		if got := fmt.Sprintf("%x", sum[:6]); got != c.hash || caption != c.caption {
			t.Errorf("%+v picture %d: %s %q, want %s %q", c.spec, c.i, got, caption, c.hash, c.caption)
		}
	}
}

// spec names a set in the tests, which have no parser.
type spec struct {
	split, factor string
	seed          uint64
	size          int
}

func mustOpen(t testing.TB, c spec) *Set {
	t.Helper()
	var s *Set
	var err error
	if c.factor != "" {
		s, err = NewProbe(ProbeConfig{Factor: c.factor, N: 1000, Seed: c.seed, Size: c.size, Split: c.split})
	} else {
		s, err = New(Config{N: 1 << 30, Seed: c.seed, Size: c.size, Split: c.split})
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var golden = []struct {
	spec    spec
	i       int
	hash    string
	caption string
}{
	{spec{"train", "", 1, 64}, 0, "575132cfd08c", "the word bear"},
	{spec{"train", "", 1, 64}, 1, "eaea74a78154", "a purple ring and the word goat"},
	{spec{"train", "", 1, 64}, 2, "ad8064d7d371", "the word knife"},
	{spec{"train", "", 1, 64}, 3, "c31beb7f3396", "a star"},
	{spec{"train", "", 1, 64}, 4, "7caddfe78a1f", "the word coffee"},
	{spec{"train", "", 1, 64}, 5, "ef8e3f4e95e2", "an orange circle at the bottom"},
	{spec{"train", "", 1, 64}, 38, "4d9875377876", "a heart with the word spoon"},
	{spec{"train", "", 1, 64}, 42, "adec93b40ff2", "a drawing of three gray squares on a purple background"},
	{spec{"train", "", 1, 64}, 57, "f87fb928eb2b", "a large outlined black heart on a noisy background"},
	{spec{"train", "", 1, 64}, 1234567, "d82ad7728d7e", "a drawing of a heart"},
	{spec{"val", "", 1, 64}, 3, "401df3ab8c41", "circle"},
	{spec{"test", "", 1, 64}, 3, "be93092e35b0", "a green cross with the word bell"},
	{spec{"heldout", "", 1, 64}, 3, "6a825259300e", "the word dog above a white ring"},
	{spec{"train", "", 1, 96}, 7, "deb6d23b78d2", "a photo of a blue circle"},
	{spec{"train", "", 1, 224}, 1, "d932a3ba97c0", "a purple ring and the word goat"},
	{spec{"train", "", 2, 128}, 99, "dfa2e040ed96", "rectangle"},
	{spec{"test", "shape4", 1, 64}, 0, "6f39ed12edcb", "a picture of a circle"},
	{spec{"test", "shape", 1, 64}, 5, "4151a5fc393f", "a black cross"},
	{spec{"heldout", "colour", 1, 64}, 6, "48e264b0083b", "a large yellow cross on a light background"},
	{spec{"test", "texture", 1, 64}, 12, "079ce9458fd7", "a black triangle on a white background"},
	{spec{"test", "word", 1, 64}, 77, "c0fe92894c04", "the word drum in white"},
	{spec{"heldout", "ink", 1, 64}, 3, "12ff02ef0b3b", "the word baby"},
	{spec{"test", "count", 1, 64}, 2, "805736f293df", "three black circles"},
	{spec{"test", "position", 1, 64}, 3, "b37cc037eb7a", "a drawing of a black ring on a white background"},
	{spec{"test", "size", 1, 64}, 9, "7485520b8ee3", "a red circle"},
	{spec{"test", "circle", 1, 64}, 0, "7ddccca87e7f", "a large black circle on the right"},
}
