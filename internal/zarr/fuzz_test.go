package zarr

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// FuzzMetadata: nothing panics, and what is read can be written and read again to the same thing.
func FuzzMetadata(f *testing.F) {
	files, err := filepath.Glob("testdata/python.zarr/*/zarr.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no reference files", err)
	}
	for _, name := range append(files, "testdata/python.zarr/zarr.json", "testdata/consolidated.zarr/zarr.json") {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if g, err := ParseGroup(b); err == nil {
			first, err := g.Encode()
			if err != nil {
				t.Fatal(err)
			}
			again, err := ParseGroup(first)
			if err != nil {
				t.Fatal(err)
			}
			if second, err := again.Encode(); err != nil || !bytes.Equal(first, second) {
				t.Fatalf("group differs: %s %s %v", first, second, err)
			}
		}
		m, err := ParseArray(b)
		if err != nil {
			return
		}
		first, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseArray(first)
		if err != nil {
			t.Fatalf("%v\n%s", err, first)
		}
		second, err := again.Encode()
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("array differs: %s %s %v", first, second, err)
		}
		if m.Len() < 0 || m.ChunkLen() < 1 || m.ChunkLen()*max(1, m.DType.Size()) > MaxChunkBytes {
			t.Fatalf("sizes %d, %d", m.Len(), m.ChunkLen())
		}
	})
}

// FuzzChunk: nothing panics, and what decodes has the right length and encodes to what decodes to it again.
func FuzzChunk(f *testing.F) {
	metas := []*ArrayMeta{
		{Shape: []int{6}, Chunk: []int{6}, DType: Float32, Codecs: Chain(Float32, 0, true)},
		{Shape: []int{6}, Chunk: []int{6}, DType: Float64, Codecs: Chain(Float64, 3, false)},
		{Shape: []int{6}, Chunk: []int{6}, DType: Bool, Codecs: []Codec{{Name: "bytes"}, {Name: "gzip", Configuration: []byte(`{"level":5}`)}}},
		{Shape: []int{3}, Chunk: []int{3}, DType: String, Codecs: Chain(String, 0, false)},
		{Shape: []int{3}, Chunk: []int{3}, DType: String, Codecs: Chain(String, 3, false)},
		{Shape: []int{6}, Chunk: []int{6}, DType: Int16, Codecs: []Codec{{Name: "bytes", Configuration: []byte(`{"endian":"big"}`)}, {Name: "crc32c"}, {Name: "zstd", Configuration: []byte(`{"level":1}`)}}},
	}
	for i, m := range metas {
		if err := m.Init(); err != nil {
			f.Fatal(err)
		}
		var b []byte
		var err error
		if m.DType == String {
			b, err = m.EncodeStrings([]string{"a", "", "bé"})
		} else {
			b, err = m.EncodeChunk(counting(m.DType, 6))
		}
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(i), b)
		f.Add(byte(i), b[:len(b)/2])
	}
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		m := metas[int(which)%len(metas)]
		if m.DType == String {
			s, err := m.DecodeStrings(b)
			if err != nil {
				return
			}
			if len(s) != m.ChunkLen() {
				t.Fatalf("%d strings", len(s))
			}
			enc, err := m.EncodeStrings(s)
			if err != nil {
				t.Fatal(err)
			}
			again, err := m.DecodeStrings(enc)
			if err != nil || len(again) != len(s) || again[0] != s[0] || again[2] != s[2] {
				t.Fatal("strings differ", err)
			}
			return
		}
		raw, err := m.DecodeChunk(b)
		if err != nil {
			return
		}
		if len(raw) != m.ChunkLen()*m.DType.Size() {
			t.Fatalf("%d bytes", len(raw))
		}
		enc, err := m.EncodeChunk(raw)
		if err != nil {
			t.Fatal(err)
		}
		again, err := m.DecodeChunk(enc)
		if err != nil || !bytes.Equal(again, raw) {
			t.Fatal("elements differ", err)
		}
	})
}
