package train

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/method/encode"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// BenchmarkProbePeer compares the probe of objects of a shipped network (VENTRAL_PROBE_MODEL, or mini/clip-vit) with
// scikit-learn's classifiers on the same rows, for the Python in VENTRAL_PYTHON_SKLEARN: scripts/peer_probe.py.
func BenchmarkProbePeer(b *testing.B) {
	python := os.Getenv("VENTRAL_PYTHON_SKLEARN")
	if python == "" {
		b.Skip("set VENTRAL_PYTHON_SKLEARN to a Python with scikit-learn")
	}
	be := backend.MustOpen("")
	defer be.Finalize()
	m, err := zoo.Open(cmp.Or(os.Getenv("VENTRAL_PROBE_MODEL"), "mini/clip-vit"))
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	a, err := newAsker(be, m.Config, m.Params, "", nil, m.Preprocess, CardSeed)
	if err != nil {
		b.Fatal(err)
	}
	defer a.close()
	q := Question{Measure: LinearProbe, Factor: "object", Split: "test"}
	k, err := q.classes()
	if err != nil {
		b.Fatal(err)
	}
	folder := b.TempDir()
	write := func(name string, v any) {
		f, err := os.Create(filepath.Join(folder, name))
		if err == nil {
			err = binary.Write(f, binary.LittleEndian, v)
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	draw := func(part string, n int, seed uint64) (x []float64, class []int) {
		e, err := q.draw(n, seed, m.Preprocess, nil)
		if err != nil {
			b.Fatal(err)
		}
		if x, _, err = a.features(q, e, n); err != nil {
			b.Fatal(err)
		}
		labels := make([]int32, n)
		for i, c := range e.answer {
			labels[i] = int32(c)
		}
		write(part+".x", x)
		write(part+".y", labels)
		return x, e.answer
	}
	x, class := draw("train", probeRows(k), CardSeed+probeOffset)
	test, want := draw("test", 2000, CardSeed)
	out, err := exec.Command(python, "../../../scripts/peer_probe.py", folder).Output()
	if err != nil {
		b.Fatal(err)
	}
	var peers map[string]struct{ Right, Seconds float64 }
	if err := json.Unmarshal(out, &peers); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	b.ResetTimer()
	for b.Loop() {
		pr, err := encode.FitProbe(x, class, len(class), len(x)/len(class), k)
		if err != nil {
			b.Fatal(err)
		}
		got, err := pr.Classify(test, len(want))
		if err != nil {
			b.Fatal(err)
		}
		right := 0
		for i, c := range got {
			if c == want[i] {
				right++
			}
		}
		b.ReportMetric(100*float64(right)/float64(len(want)), "%-right")
	}
	for name, p := range peers {
		b.ReportMetric(100*p.Right, "%-right/"+name)
		b.ReportMetric(p.Seconds, "cpu-s/"+name)
	}
}
