package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/internal/safetensors"
)

// beside writes a checkpoint with metadata and files beside it, and opens it.
func beside(t *testing.T, meta map[string]string, files map[string]string) *Set {
	t.Helper()
	dir := t.TempDir()
	if err := safetensors.WriteFile(filepath.Join(dir, "model.safetensors"), sample, meta); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSide(t *testing.T) {
	if side, err := beside(t, nil, nil).Side(); side != nil || err != nil {
		t.Errorf("nothing beside: %s, %v", side, err)
	}
	s := beside(t, map[string]string{"format": "pt"}, map[string]string{"config.json": `{"a": 1}`, "open_clip_config.json": `{"b": {"c": true}}`,
		"preprocessor_config.json": ` {"d": null} `, "tokenizer.json": "not read", "README.md": "nor this"})
	for name, set := range map[string]*Set{"as opened": s, "mapped": mustMap(t, s)} {
		raw, err := set.Side()
		if err != nil {
			t.Fatal(err)
		}
		var got, want any
		text := fmt.Sprintf(`{"config": {"a": 1}, "open_clip_config": {"b": {"c": true}}, "preprocessor_config": {"d": null}, "metadata": {"format": "pt"}, "ref": %q}`, s.Ref())
		if err := errors.Join(json.Unmarshal(raw, &got), json.Unmarshal([]byte(text), &want)); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %s", name, raw)
		}
	}
}

func mustMap(t *testing.T, s *Set) *Set {
	t.Helper()
	out, err := identity(OpenAI, s.shapes(), nil).Apply(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSideErrors(t *testing.T) {
	for name, content := range map[string]string{"cut short": `{"a": `, "a list": `[1]`, "null": `null`, "empty": ``, "a page": `<html>`,
		"too large": `{"a": "` + strings.Repeat("x", maxSide) + `"}`} {
		_, err := beside(t, nil, map[string]string{"config.json": content}).Side()
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "config.json") || !strings.Contains(err.Error(), "move it away") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHubFetchesWhatLiesBeside opens a repository: of its files those that say something of the weights come along.
func TestHubFetchesWhatLiesBeside(t *testing.T) {
	h := newFakeHub(t)
	h.files["model.safetensors"], h.files["config.json"], h.files["vocab.json"] = model(t, sample...), []byte(`{"a": 1}`), []byte("{}")
	for range 2 { // from the hub, then from the cache
		s, err := Open("hf:lab/tiny", Options{})
		if err != nil {
			t.Fatal(err)
		}
		side, err := s.Side()
		if err != nil || !strings.Contains(string(side), `{"a":1}`) {
			t.Errorf("%s, %v", side, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, line := range tree(t) {
		if strings.Contains(line, "vocab") {
			t.Errorf("fetched %s", line)
		}
	}
}
