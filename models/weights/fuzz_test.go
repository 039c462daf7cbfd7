package weights

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/internal/safetensors"
)

// An index that is accepted names files of its own folder only.
func FuzzParseIndex(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := parseIndex(data)
		if err != nil {
			return
		}
		if len(x.shards()) == 0 || x.total < -1 || x.total > 1<<53 {
			t.Fatalf("%+v", x)
		}
		for _, file := range x.shards() {
			if p := filepath.Join("root", file); filepath.Dir(p) != "root" || filepath.Base(p) != file {
				t.Fatalf("%q leaves its folder", file)
			}
		}
	})
}

// A reference that is accepted stays in the cache folder.
func FuzzParseSpec(f *testing.F) {
	f.Fuzz(func(t *testing.T, spec string) {
		repo, revision, file, err := parseSpec(spec)
		if err != nil {
			return
		}
		c := repoCache{"root", repo}
		for _, p := range []string{c.path("refs", filepath.FromSlash(revision)), c.path("snapshots", strings.Repeat("0", 40), filepath.FromSlash(file))} {
			if !strings.HasPrefix(p, filepath.Join("root", "models--")) || !filepath.IsLocal(p) || filepath.Clean(p) != p {
				t.Fatalf("%q becomes %q", spec, p)
			}
		}
		if strings.Count(c.name(), "--") != 1+strings.Count(repo, "/") {
			t.Fatalf("%q and another repository share the folder %q", repo, c.name())
		}
	})
}

// Names decide the mapping. Whatever they are there is no panic, and a mapping that takes a set's shapes gives, mapped
// back, the same shapes.
func FuzzMapping(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		list := strings.Split(text, "\n")
		in := map[string][]int{}
		var tensors []safetensors.Tensor
		for _, name := range list {
			if _, dup := in[name]; !dup {
				in[name] = []int{6, 2}
				tensors = append(tensors, safetensors.Tensor{Name: name, DType: safetensors.U8, Shape: []int{6, 2}, Data: bytes.Repeat([]byte{byte(len(tensors))}, 12)})
			}
		}
		s, err := FromTensors("fuzz", tensors)
		if err != nil {
			t.Fatal(err)
		}
		if m, layout, err := Canonical(s); err == nil {
			m.Hash()
			if layout.Layout == HuggingFace && layout.Architecture == "clip-vit" {
				back, err := OpenAIToHuggingFace(m.Names())
				if err != nil {
					t.Fatal(err)
				}
				again, err := back.Apply(m)
				if err != nil {
					t.Fatal(err)
				}
				want := slices.DeleteFunc(s.Names(), func(n string) bool { return notWeights[n] })
				if !slices.Equal(again.Names(), want) {
					t.Fatalf("%v became %v", want, again.Names())
				}
			}
		}
		nearest(text, list, 3)
	})
}
