//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package recording

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
)

// benchRows is a chunk of 64 stimuli with the output of one layer of ViT-B/32, [50, 768]: 9.8 MB. Values are normal,
// or rectified normal with half of them zero, which is what compression is for.
func benchRows(rectified bool) (fixture, []Row, map[string]any) {
	f := fixture{arrays: []ArraySpec{{Name: "layer", Axes: []string{"token", "channel"}, Shape: []int{50, 768}}}, n: 64, chunk: 64}
	var rows []Row
	for i := range 64 {
		rows = append(rows, Row{ID: fmt.Sprint(i), Status: OK})
	}
	r := rand.New(rand.NewPCG(1, 1))
	v := make([]float32, 64*50*768)
	for i := range v {
		v[i] = float32(r.NormFloat64())
		if rectified {
			v[i] = max(0, v[i])
		}
	}
	return f, rows, map[string]any{"layer": v}
}

// BenchmarkWriteChunk measures writing to the folder for temporary files, fsync included.
func BenchmarkWriteChunk(b *testing.B) {
	for _, c := range []struct {
		name      string
		level     int
		rectified bool
		half      bool
	}{{"plain", 0, false, false}, {"float16", 0, false, true}, {"zstd1", 1, false, false}, {"zstd3", 3, false, false},
		{"zstd1-rectified", 1, true, false}, {"zstd3-rectified", 3, true, false}} {
		b.Run(c.name, func(b *testing.B) {
			f, rows, data := benchRows(c.rectified)
			f.opts = []Option{Zstd(c.level)}
			if c.half {
				f.arrays[0].DType = "float16"
			}
			w, err := f.create(filepath.Join(b.TempDir(), "r"))
			if err != nil {
				b.Fatal(err)
			}
			defer w.Close()
			b.SetBytes(int64(4 * len(data["layer"].([]float32))))
			for b.Loop() {
				if err := w.WriteChunk(0, rows, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkReadAll measures reading, checksums included, from the page cache.
func BenchmarkReadAll(b *testing.B) {
	for _, level := range []int{0, 3} {
		b.Run(fmt.Sprint("zstd", level), func(b *testing.B) {
			f, rows, data := benchRows(true)
			f.opts = []Option{Zstd(level)}
			dir := filepath.Join(b.TempDir(), "r")
			w, err := f.create(dir)
			if err != nil {
				b.Fatal(err)
			}
			if err := w.WriteChunk(0, rows, data); err != nil {
				b.Fatal(err)
			}
			if err := w.Finish(); err != nil {
				b.Fatal(err)
			}
			r, err := Open(dir)
			if err != nil {
				b.Fatal(err)
			}
			a, err := r.Array("layer")
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(4 * len(data["layer"].([]float32))))
			for b.Loop() {
				if _, err := a.ReadAll(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOpenCached is what a notebook cell pays to find a recording of 100,000 stimuli again.
func BenchmarkOpenCached(b *testing.B) {
	f := small()
	f.n, f.chunk = 100_000, 1000
	dir := filepath.Join(b.TempDir(), "r")
	w, err := f.create(dir)
	if err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Open(dir); err != nil {
			b.Fatal(err)
		}
	}
}
