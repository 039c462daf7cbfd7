package golden

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/models/verified"
)

// TestRecordIsInStep reads every case in testdata and wants it in the record of what was verified, with as many tensors as
// it has. The errors are those of another machine and are not compared.
func TestRecordIsInStep(t *testing.T) {
	r, err := verified.Load()
	if err != nil {
		t.Fatal(err)
	}
	type key struct{ name, weights string }
	have := map[key]verified.Case{}
	for _, c := range r.Cases {
		have[key{c.Case, c.Weights}] = c
	}
	dirs, err := find("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		b, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		var m manifest
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		ref, err := safetensors.Open(filepath.Join(dir, "io.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		names := ref.Names()
		if err := ref.Close(); err != nil {
			t.Fatal(err)
		}
		for weights, layout := range m.Architecture {
			k := key{m.Case, weights}
			c, ok := have[k]
			delete(have, k)
			tensors := 0
			for _, n := range names {
				if only, some := m.Only[n]; !strings.HasPrefix(n, "in.") && (!some || slices.Contains(only, weights)) {
					tensors++
				}
			}
			if !ok || !strings.HasSuffix(layout, c.Layout) || c.Compared+len(c.NotComparable) != tensors {
				t.Errorf("%s, %s (%s, %d tensors) is on record as %+v: run `go run ./cmd/ventral models verify --write`", m.Case, weights, layout, tensors, c)
			}
			for be, e := range c.Worst {
				if !(e >= 0 && e <= GradTolerance) {
					t.Errorf("%s, %s: error %v on %s", m.Case, weights, e, be)
				}
			}
			if len(c.Worst) != 2 {
				t.Errorf("%s, %s: errors of %d backends", m.Case, weights, len(c.Worst))
			}
		}
	}
	for k := range have {
		t.Errorf("%v is on record and not in testdata: run `go run ./cmd/ventral models verify --write`", k)
	}
}

func TestRecord(t *testing.T) {
	row := func(e float64, ok bool) Row { return Row{Tensor: "out", Error: e, OK: ok} }
	report := func(name, be string, rows ...Row) Report {
		return Report{Case: name, Weights: "w.safetensors", Layout: "dinov2-reg/timm", Backend: be, Rows: rows, About: "about",
			Versions: map[string]any{"timm": "1.0", "torch": "2.0+cpu", "transformers": []any{"4.57", "5.23"}, "numpy": "2"}}
	}
	cases, err := Record([]Report{report("b", "go", row(1e-6, true), row(3e-6, true)), report("a", "go", row(1e-6, true)),
		report("b", "xla-cpu", row(5e-6, true), row(2e-6, true)), report("a", "xla-cpu", row(2e-6, true))})
	if err != nil {
		t.Fatal(err)
	}
	b := cases[1]
	if len(cases) != 2 || cases[0].Case != "a" || b.Case != "b" || b.Architecture != "dinov2" || b.Layout != "timm" || b.Compared != 2 || b.Worst["go"] != 3e-6 || b.Worst["xla-cpu"] != 5e-6 ||
		b.Libraries != "transformers 4.57 and 5.23, timm 1.0, torch 2.0" || b.About != "about" {
		t.Errorf("%+v", cases)
	}
	for name, reports := range map[string][]Report{
		"failed":             {report("a", "go", row(1, false))},
		"nothing compared":   {report("a", "go")},
		"other tensors":      {report("a", "go", row(0, true)), report("a", "xla-cpu", row(0, true), row(0, true))},
		"failed on a second": {report("a", "go", row(0, true)), report("a", "xla-cpu", row(1, false))},
	} {
		if _, err := Record(reports); err == nil {
			t.Errorf("%s: on record", name)
		}
	}
}
