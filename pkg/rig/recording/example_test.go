//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package recording_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/ventral-lab/ventral/pkg/rig/recording"
)

// Five stimuli in chunks of two. The third cannot be read; its row is there all the same.
func Example() {
	tmp, err := os.MkdirTemp("", "recording")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)

	w, err := recording.Create(filepath.Join(tmp, "demo"),
		recording.Manifest{Model: "demo", Stimuli: "numbers?n=5"},
		[]recording.ArraySpec{{Name: "visual.ln_post", Axes: []string{"channel"}, Shape: []int{2}}},
		[]recording.Column{{Name: "x", Kind: recording.KindFloat, Unit: "px"}}, 5, 2)
	if err != nil {
		log.Fatal(err)
	}
	for _, k := range w.Missing() {
		lo, hi := w.Rows(k)
		var rows []recording.Row
		var values []float32
		for i := lo; i < hi; i++ {
			row := recording.Row{ID: fmt.Sprintf("n%d", i), Status: recording.OK, Labels: map[string]any{"x": float64(10 * i)}}
			if i == 2 {
				row.Status, row.Message = recording.Corrupt, "unexpected EOF"
			}
			rows = append(rows, row)
			values = append(values, float32(i), float32(i*i))
		}
		if err := w.WriteChunk(k, rows, map[string]any{"visual.ln_post": values}); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Finish(); err != nil {
		log.Fatal(err)
	}

	r, err := recording.Open(w.Dir())
	if err != nil {
		log.Fatal(err)
	}
	a, err := r.Array("visual.ln_post")
	if err != nil {
		log.Fatal(err)
	}
	v, err := a.Read(1, 4, nil)
	if err != nil {
		log.Fatal(err)
	}
	x, err := r.Column("x")
	if err != nil {
		log.Fatal(err)
	}
	report, err := r.Verify(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(v)
	fmt.Println(x)
	fmt.Println(report.OK(), report.Statuses)
	// Output:
	// [1 1 NaN NaN 3 9]
	// [0 10 20 30 40]
	// true map[corrupt:1 ok:4]
}

// Whoever asks again for a recording that is there has nothing left to do.
func ExampleCreate() {
	tmp, err := os.MkdirTemp("", "recording")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	dir := filepath.Join(tmp, "demo")
	m := recording.Manifest{Model: "demo", Seed: 1}
	arrays := []recording.ArraySpec{{Name: "mean"}}
	record := func(chunks int) {
		w, err := recording.Create(dir, m, arrays, nil, 4, 1)
		if err != nil {
			log.Fatal(err)
		}
		defer w.Close()
		missing := w.Missing()
		fmt.Println("missing", missing)
		for _, k := range missing[:min(chunks, len(missing))] {
			row := recording.Row{ID: fmt.Sprint(k), Status: recording.OK}
			if err := w.WriteChunk(k, []recording.Row{row}, map[string]any{"mean": []float32{0.5}}); err != nil {
				log.Fatal(err)
			}
		}
	}
	record(3)
	record(4)
	record(4)
	m.Seed = 2
	_, err = recording.Create(dir, m, arrays, nil, 4, 1)
	fmt.Println(err != nil)
	// Output:
	// missing [0 1 2 3]
	// missing [3]
	// missing []
	// true
}

// The exported file holds the arrays and the table of stimuli.
func ExampleExport() {
	tmp, err := os.MkdirTemp("", "recording")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	w, err := recording.Create(filepath.Join(tmp, "demo"), recording.Manifest{Model: "demo"},
		[]recording.ArraySpec{{Name: "unit", Shape: []int{2}}}, nil, 1, 1)
	if err != nil {
		log.Fatal(err)
	}
	if err := w.WriteChunk(0, []recording.Row{{ID: "a", Status: recording.OK}}, map[string]any{"unit": []float32{0.25, 4}}); err != nil {
		log.Fatal(err)
	}
	if err := w.Finish(); err != nil {
		log.Fatal(err)
	}
	r, err := recording.Open(w.Dir())
	if err != nil {
		log.Fatal(err)
	}
	path := filepath.Join(tmp, "demo.csv")
	if err := recording.Export(r, path); err != nil {
		log.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(b))
	// Output:
	// id,content_hash,status,message,unit[0],unit[1]
	// a,,ok,,0.25,4
}
