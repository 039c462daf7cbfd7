package zoo

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/vgg"
	"github.com/ventral-lab/ventral/models/weights"
)

const testCommit = "0123456789abcdef0123456789abcdef01234567"

// cachedRepo lays a repository with one file of weights out as the Python libraries do, and forbids the network.
func cachedRepo(t *testing.T, owner, name, file string, content []byte) {
	t.Helper()
	for _, v := range []string{"HF_HOME", "VENTRAL_CACHE"} {
		t.Setenv(v, t.TempDir())
	}
	for _, v := range []string{"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "VENTRAL_MODELS", "HF_ENDPOINT"} {
		t.Setenv(v, "")
	}
	t.Setenv("HF_HUB_OFFLINE", "1")
	root := filepath.Join(os.Getenv("HF_HOME"), "hub", "models--"+owner+"--"+name)
	blob := fmt.Sprintf("%x", sha256.Sum256(content))
	snapshot := filepath.Join(root, "snapshots", testCommit)
	for _, dir := range []string{filepath.Join(root, "blobs"), filepath.Join(root, "refs"), snapshot} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.WriteFile(filepath.Join(root, "blobs", blob), content, 0o666), os.WriteFile(filepath.Join(root, "refs", "main"), []byte(testCommit), 0o666),
		os.Symlink(filepath.Join("..", "..", "blobs", blob), filepath.Join(snapshot, file))); err != nil {
		t.Fatal(err)
	}
}

// withCard adds a card for the time of a test.
func withCard(t *testing.T, c Card) {
	t.Helper()
	for i, f := range families {
		if f.architecture == c.Architecture {
			old := f.cards
			families[i].cards = append(slices.Clone(old), c)
			t.Cleanup(func() { families[i].cards = old })
			return
		}
	}
	t.Fatalf("no family %s", c.Architecture)
}

func TestFetchChecksTheCard(t *testing.T) {
	content, err := os.ReadFile("../golden/testdata/vgg_tiny/weights.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	cachedRepo(t, "lab", "tiny", "model.safetensors", content)
	card := Card{Name: "lab/tiny-vgg", Architecture: "vgg", Source: "lab/tiny", File: "model.safetensors", Licence: "none", Preprocess: preprocess.ImageNet224,
		Config: vgg.VGG19(false), SHA256: fmt.Sprintf("%x", sha256.Sum256(content))}
	withCard(t, card)
	f, err := Fetch(t.Context(), "lab/tiny-vgg", "", "", weights.Options{})
	if err != nil || !slices.Equal(f.Against, []string{"the hub's SHA-256", "the card's SHA-256"}) || f.Commit != testCommit || f.Files[0].SHA256 != card.SHA256 {
		t.Errorf("%+v, %v", f, err)
	}
	if where, path := Locate(card); where != Cached || path != f.Path {
		t.Errorf("%s %s", where, path)
	}

	// The same file under a card that promises another: nothing is copied, unless another revision is asked for by name.
	card.Name, card.SHA256 = "lab/other-vgg", strings.Repeat("0", 64)
	withCard(t, card)
	dir := t.TempDir()
	if _, err := Fetch(t.Context(), "lab/other-vgg", "", dir, weights.Options{}); !errors.Is(err, weights.ErrDownload) || !strings.Contains(err.Error(), "hf:lab/tiny@"+testCommit) {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("copied %v, %v", left, err)
	}
	f, err = Fetch(t.Context(), "lab/other-vgg", testCommit, dir, weights.Options{})
	if err != nil || !slices.Equal(f.Against, []string{"the hub's SHA-256"}) || f.Path != filepath.Join(dir, "lab", "other-vgg", "model.safetensors") {
		t.Errorf("%+v, %v", f, err)
	}
	// By repository, with everything in the name.
	f, err = Fetch(t.Context(), "hf:lab/tiny@main:model.safetensors", "", dir, weights.Options{})
	if err != nil || f.Path != filepath.Join(dir, "lab", "tiny", "model.safetensors") {
		t.Errorf("%+v, %v", f, err)
	}
}

// TestModelsThatAreNotOnTheHub: such a card says where the file made of the publisher's belongs, and nothing is asked of
// the network.
func TestModelsThatAreNotOnTheHub(t *testing.T) {
	cachedRepo(t, "lab", "tiny", "model.safetensors", []byte("x"))
	card, err := Find("keras/vgg19")
	if err != nil {
		t.Fatal(err)
	}
	if where, _ := Locate(card); where != NotHere {
		t.Errorf("it is %s", where)
	}
	folder, err := Folder()
	if err != nil {
		t.Fatal(err)
	}
	_, opened := Open("keras/vgg19")
	_, fetched := Fetch(t.Context(), "keras/vgg19", "", "", weights.Options{})
	for _, err := range []error{opened, fetched} {
		if !errors.Is(err, weights.ErrNotFound) || !strings.Contains(err.Error(), filepath.Join(folder, "keras", "vgg19")) {
			t.Error(err)
		}
	}
	for _, name := range []string{"random:mini/clip-vit", "file:x", "nothing"} {
		if _, err := Fetch(t.Context(), name, "", "", weights.Options{}); err == nil {
			t.Errorf("%s was fetched", name)
		}
	}
	t.Setenv(EnvModels, "carried")
	if d, err := Folder(); err != nil || !filepath.IsAbs(d) || filepath.Base(d) != "carried" {
		t.Errorf("%s, %v", d, err)
	}
}
