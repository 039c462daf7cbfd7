//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/ventral-lab/ventral/internal/zarr"
)

// FuzzDescription: no zarr.json makes Open panic, and what opens is described again by the same bytes.
func FuzzDescription(f *testing.F) {
	for _, fx := range []fixture{small(), tiny(), every()} {
		dir := filepath.Join(tempDir(f), "r")
		if err := fx.finish(dir); err != nil {
			f.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, zarr.MetadataName))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := zarr.ParseGroup(b)
		if err != nil {
			return
		}
		if g, err = rehashed(g); err != nil {
			return
		}
		d, err := parseGroup(g)
		if err != nil {
			return
		}
		l, err := newLayout("dir", d)
		if err != nil {
			return
		}
		first, err := l.groupBytes()
		if err != nil {
			t.Fatal(err)
		}
		if g, err = zarr.ParseGroup(first); err != nil {
			t.Fatal(err)
		}
		if d, err = parseGroup(g); err != nil {
			t.Fatal(err)
		}
		if l, err = newLayout("dir", d); err != nil {
			t.Fatal(err)
		}
		second, err := l.groupBytes()
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("differs: %v\n%s\n%s", err, first, second)
		}
		for _, a := range l.all() {
			rel, err := filepath.Rel("dir", a.Dir)
			if err != nil || !filepath.IsLocal(rel) {
				t.Fatalf("array outside the folder: %s", a.Dir)
			}
			if n := a.Meta.ChunkLen() * a.Meta.DType.Size(); n < 0 || n > zarr.MaxChunkBytes {
				t.Fatalf("chunk of %d bytes", n)
			}
		}
	})
}

// rehashed gives the manifest, whatever it is, the hash that fits it, so that the fuzzer gets past that check.
func rehashed(g zarr.Group) (zarr.Group, error) {
	var a attributes
	if err := json.Unmarshal(g.Attributes, &a); err != nil || a.Ventral == nil {
		return g, errors.New("no description")
	}
	var m Manifest
	if err := json.Unmarshal(a.Ventral.Manifest, &m); err != nil {
		return g, err
	}
	a.Ventral.ManifestHash = m.Hash()
	b, err := compact(a)
	return zarr.Group{Attributes: b}, err
}
