package record_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/record"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

const benchBatch = 8

// cpu is the processor time this process has used, in seconds.
func cpu() float64 {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	sec := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return sec(r.Utime) + sec(r.Stime)
}

// rss is the memory this process holds, in MiB.
func rss() float64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	pages, _ := strconv.Atoi(f[1])
	return float64(pages*os.Getpagesize()) / (1 << 20)
}

func vitB32(b *testing.B) (*models.Model, *models.Model, *backend.Backend) {
	b.Helper()
	be, err := backend.Open("xla")
	if err != nil {
		b.Skip("no XLA on this machine")
	}
	c := clip.ViTB32()
	p, err := models.Random(c, 1)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.Close(); be.Finalize() })
	return &models.Model{Name: "vit-b-32", WeightsHash: "random", Network: clip.ImageTower{Config: c}, Preprocess: preprocess.CLIP224, Params: p},
		&models.Model{Name: "vit-b-32 text", WeightsHash: "random", Network: clip.TextTower{Config: c}, Params: p}, be
}

func forward(b *testing.B, be *backend.Backend, m *models.Model, plan site.Plan) func() {
	b.Helper()
	sites, err := m.Sites()
	if err != nil {
		b.Fatal(err)
	}
	bound, err := plan.Check(sites)
	if err != nil {
		b.Fatal(err)
	}
	prog, err := program.New(be, "bench", m.Params, func(g *Graph, p *program.Params, in []*Node) []*Node {
		t := bound.Attach(g, nil)
		y := m.Network.Forward(p, in[0])
		return append([]*Node{y}, t.Outputs()...)
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(prog.Close)
	x := make([]float32, benchBatch*3*224*224)
	for i := range x {
		x[i] = float32(i%255)/127 - 1
	}
	run := func() {
		if err := prog.RunInto(func(int, []int, []float32) error { return nil }, program.F32(x, benchBatch, 3, 224, 224)); err != nil {
			b.Fatal(err)
		}
	}
	run()
	return run
}

// BenchmarkCapture compares a forward pass of the full-size ViT-B/32 with one that also records the class token at all
// twelve attention outputs, in turns.
func BenchmarkCapture(b *testing.B) {
	m, _, be := vitB32(b)
	plain := forward(b, be, m, site.Plan{})
	taps := forward(b, be, m, site.Plan{}.Capture("**.attn:class"))
	var t [2]float64
	b.ResetTimer()
	for range b.N {
		for k, run := range []func(){plain, taps} {
			c := cpu()
			run()
			t[k] += cpu() - c
		}
	}
	b.ReportMetric(t[0]/float64(b.N*benchBatch)*1000, "cpu-ms/picture")
	b.ReportMetric(t[1]/t[0], "ratio-capture/plain")
}

// BenchmarkLesionSweep compares the sweep over all modules of both towers of the full-size ViT-B/32 with one forward pass
// of both towers a lesion.
func BenchmarkLesionSweep(b *testing.B) {
	m, text, be := vitB32(b)
	var image, words []site.Edit
	add := func(edits []site.Edit, prefix string) []site.Edit {
		for l := range 12 {
			for _, k := range []string{"attn", "attn.out_proj", "ln_1", "mlp.c_fc", "mlp.c_proj", "ln_2"} {
				edits = append(edits, site.Edit{Name: "lesion", Site: fmt.Sprintf("%stransformer.resblocks.%d.%s", prefix, l, k), Mul: site.Vary{}})
			}
		}
		return edits
	}
	for _, s := range []string{"visual.conv1", "visual.ln_pre", "visual.ln_post"} {
		image = append(image, site.Edit{Name: "lesion", Site: s, Mul: site.Vary{}})
	}
	image = add(image, "visual.")
	words = add(append(words, site.Edit{Name: "lesion", Site: "token_embedding", Mul: site.Vary{}}, site.Edit{Name: "lesion", Site: "ln_final", Mul: site.Vary{}}), "")
	cuts := []string{"visual.ln_pre"}
	for l := range 11 {
		cuts = append(cuts, fmt.Sprintf("visual.transformer.resblocks.%d", l))
	}
	s, err := record.NewStaged(be, m, cuts, "visual", image, benchBatch)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	// The sweep cuts the prompts after the end token of the longer one; the forward passes it is compared with run the
	// text tower over its whole context.
	const tokens = 8
	short := &models.Model{Name: "text", Params: m.Params, Network: clip.TextTower{Config: clip.ViTB32(), Tokens: tokens}}
	st, err := record.NewStaged(be, short, nil, "text_projection", words, 2)
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	full, err := record.NewStaged(be, text, nil, "text_projection", nil, 2)
	if err != nil {
		b.Fatal(err)
	}
	defer full.Close()
	x := make([]float32, benchBatch*3*224*224)
	ids := make([]float32, 2*77)
	ids[0], ids[1], ids[77], ids[78] = 49406, 49407, 49406, 49407
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	sweep := func() {
		trail, _, err := s.Trail(x)
		must(err)
		for _, e := range image {
			k, err := s.StageOf(e.Site)
			must(err)
			_, err = s.From(k, trail[k], map[string][]float32{"lesion.mul@" + e.Site: {0}})
			must(err)
		}
		for _, e := range words {
			_, err := st.From(0, append(append([]float32{}, ids[:tokens]...), ids[77:77+tokens]...), map[string][]float32{"lesion.mul@" + e.Site: {0}})
			must(err)
		}
	}
	plain := forward(b, be, m, site.Plan{})
	once := func() {
		plain()
		_, err := full.From(0, ids, nil)
		must(err)
	}
	once()
	_, _, err = s.Trail(x)
	must(err)
	b.ResetTimer()
	var tSweep, tOnce float64
	for range b.N {
		c := cpu()
		sweep()
		tSweep += cpu() - c
		const rounds = 5
		c = cpu()
		for range rounds {
			once()
		}
		tOnce += (cpu() - c) / rounds
	}
	n := len(image) + len(words)
	b.ReportMetric(tSweep/(tOnce*float64(n)), "ratio-sweep/forwards")
	b.ReportMetric(float64(n), "lesions")
	b.ReportMetric(float64(s.Compiles()+st.Compiles()), "graphs")
}

// BenchmarkMemory records 100,000 stimuli with a tiny model and reports the memory at a tenth of the way and at the end.
func BenchmarkMemory(b *testing.B) {
	be := backend.MustOpen("")
	defer be.Finalize()
	m := tiny(b)
	for range b.N {
		var early float64
		set := watch{pictures{n: 100_000}, 10_000, func() { runtime.GC(); early = rss() }}
		start := time.Now()
		if _, err := record.Run(context.Background(), record.Config{Model: m, Stimuli: set, Plan: plan, Backend: be, Dir: filepath.Join(b.TempDir(), "r"), Batch: 64}); err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		b.ReportMetric(early, "MiB-at-10k")
		b.ReportMetric(rss(), "MiB-at-100k")
		b.ReportMetric(100_000/time.Since(start).Seconds(), "stimuli/s")
	}
}

// watch calls see when stimulus at is asked for.
type watch struct {
	pictures
	at  int
	see func()
}

func (w watch) At(i int) (datasets.Stimulus, error) {
	if i == w.at {
		w.see()
	}
	return w.pictures.At(i)
}

// BenchmarkPeer runs scripts/peer_vit.py, the same network in JAX, beside ours, for the Python in VENTRAL_PYTHON_JAX.
func BenchmarkPeer(b *testing.B) {
	python := os.Getenv("VENTRAL_PYTHON_JAX")
	if python == "" {
		b.Skip("set VENTRAL_PYTHON_JAX to a Python with jax")
	}
	m, _, be := vitB32(b)
	run := forward(b, be, m, site.Plan{})
	b.ResetTimer()
	for range b.N {
		out, err := exec.Command(python, "../../../scripts/peer_vit.py", fmt.Sprint(benchBatch), "5").CombinedOutput()
		if err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		var wall, busy float64
		lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
		if _, err := fmt.Sscanf(string(lines[len(lines)-1]), "%f %f", &wall, &busy); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		best, used := 1e9, 1e9
		for range 5 {
			c, t := cpu(), time.Now()
			run()
			best, used = min(best, time.Since(t).Seconds()), min(used, cpu()-c)
		}
		b.ReportMetric(best/wall, "ratio-wall/jax")
		b.ReportMetric(used/busy, "ratio-cpu/jax")
		b.ReportMetric(used/benchBatch*1000, "cpu-ms/picture")
	}
}
