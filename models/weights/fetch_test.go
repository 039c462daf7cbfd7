package weights

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestDownload(t *testing.T) {
	h := newFakeHub(t)
	weights := model(t, sample...)
	if len(weights) <= small {
		t.Fatal("the checkpoint is delivered by the hub itself")
	}
	h.files["model.safetensors"], h.files["config.json"], h.files["README.md"] = weights, []byte("{}"), []byte("text")
	if _, ok := Cached("lab/tiny"); ok {
		t.Error("cached before it was fetched")
	}
	for _, offline := range []bool{false, true} {
		d, err := Download(t.Context(), "lab/tiny", Options{Offline: offline})
		if err != nil {
			t.Fatal(err)
		}
		main, side := d.Files[0], d.Files[1]
		if d.Repo != "lab/tiny" || d.Commit != commit1 || len(d.Files) != 2 || main.Name != "model.safetensors" || main.Bytes != int64(len(weights)) ||
			main.SHA256 != fmt.Sprintf("%x", sha256.Sum256(weights)) || main.Against != "the hub's SHA-256" || side.Name != "config.json" || side.Against != "the hub's Git object id" {
			t.Errorf("offline %v: %+v", offline, d)
		}
		if path, ok := Cached("lab/tiny"); !ok || path != main.Path {
			t.Errorf("cached: %s, %v", path, ok)
		}
	}
	if _, ok := Cached("lab/tiny:other.safetensors"); ok {
		t.Error("a file that is not there is cached")
	}
	if _, ok := Cached("no/../name"); ok {
		t.Error("a name that is none is cached")
	}

	// What was changed on this machine afterwards is found.
	d, err := Download(t.Context(), "lab/tiny", Options{})
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(weights)
	changed[len(changed)-1] ^= 1
	if err := os.WriteFile(d.Files[0].Path, changed, 0o666); err != nil { // through the link
		t.Fatal(err)
	}
	if _, err := Download(t.Context(), "lab/tiny", Options{}); !errors.Is(err, ErrDownload) || !strings.Contains(err.Error(), "changed on this machine") || !strings.Contains(err.Error(), "delete") {
		t.Errorf("changed: %v", err)
	}
}

func TestDownloadInParts(t *testing.T) {
	h := newFakeHub(t)
	parts := []string{"model-1.safetensors", "model-2.safetensors"}
	h.files[parts[0]], h.files[parts[1]] = model(t, sample[:1]...), model(t, sample[1:]...)
	var rows []string
	for i, x := range sample {
		rows = append(rows, fmt.Sprintf("%q: %q", x.Name, parts[min(i, 1)]))
	}
	h.files["model.safetensors.index.json"] = []byte(`{"weight_map": {` + strings.Join(rows, ",") + `}}`)
	h.files["config.json"] = []byte("{}")
	d, err := Download(t.Context(), "lab/tiny@"+commit1, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range d.Files {
		names = append(names, f.Name)
	}
	if !slices.Equal(names, []string{"model.safetensors.index.json", "config.json", parts[0], parts[1]}) {
		t.Errorf("files %v", names)
	}
	dir := filepath.Join(t.TempDir(), "a", "b")
	main, err := d.CopyTo(dir)
	if err != nil || main != filepath.Join(dir, "model.safetensors.index.json") {
		t.Fatalf("%s, %v", main, err)
	}
	if path, err := InFolder(dir); err != nil || path != main {
		t.Errorf("in the folder: %s, %v", path, err)
	}
	s, err := Open(dir, Options{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(s.Names()) != len(sample) {
		t.Errorf("tensors %v", s.Names())
	}
}

func TestDownloadErrors(t *testing.T) {
	h := newFakeHub(t)
	h.files["README.md"] = []byte("text")
	if _, err := Download(t.Context(), "lab/tiny", Options{Offline: true}); !errors.Is(err, ErrOffline) {
		t.Errorf("offline: %v", err)
	}
	if _, err := Download(t.Context(), "lab/tiny", Options{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("no weights: %v", err)
	}
	if _, err := Download(t.Context(), "lab/other", Options{}); !errors.Is(err, ErrDownload) {
		t.Errorf("no repository: %v", err)
	}
	if _, err := Download(t.Context(), "..", Options{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("no name: %v", err)
	}
	if _, err := InFolder(t.TempDir()); !errors.Is(err, ErrNotFound) {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestAddress(t *testing.T) {
	t.Setenv("HF_ENDPOINT", "")
	if got := Address("timm/vgg19.tv_in1k", "model.safetensors"); got != "https://huggingface.co/timm/vgg19.tv_in1k/resolve/main/model.safetensors" {
		t.Error(got)
	}
	t.Setenv("HF_ENDPOINT", "https://mirror.example/")
	if got := Address("a/b", ""); got != "https://mirror.example/a/b" {
		t.Error(got)
	}
}
