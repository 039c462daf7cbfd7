package bench

import (
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// Forward is what one network cost.
type Forward struct {
	Model        string  `json:"model"`
	Architecture string  `json:"architecture"`
	Backend      string  `json:"backend"`
	Processors   int     `json:"processors"`
	Parameters   int     `json:"parameters"` // those that training changes
	Scalars      int     `json:"scalars"`    // all numbers of the checkpoint
	OpenSeconds  float64 `json:"open_seconds"`
	Batches      []Batch `json:"batches"`
	Memory       Memory  `json:"memory"`
	Loaded       Memory  `json:"loaded"` // after opening and the first forward of the first batch size
}

// Batch is one batch size.
type Batch struct {
	Size            int     `json:"size"`
	Input           []int   `json:"input"` // of one picture
	CompileSeconds  float64 `json:"compile_seconds"`
	Repeats         int     `json:"repeats"`
	BestSeconds     float64 `json:"best_seconds"`   // wall, of one forward
	MedianSeconds   float64 `json:"median_seconds"` // likewise
	CPUSeconds      float64 `json:"cpu_seconds"`    // of one forward, mean of the repeats
	OutputDims      []int   `json:"output_dims"`
	OutputMagnitude float64 `json:"output_magnitude"` // mean absolute value: that it computed something finite
}

// Run opens a model by name and runs its image network on random pictures, for each batch size once to compile and warm
// up and then repeats times. Float32 is the bytes of all weights.
func Run(name string, be *backend.Backend, sizes []int, repeats int) (f Forward, err error) {
	watch := Watch()
	defer func() { f.Memory = watch.Stop() }()
	start := time.Now()
	m, err := zoo.Open(name)
	if err != nil {
		return f, err
	}
	defer m.Close()
	f = Forward{Model: name, Architecture: m.Architecture, Backend: string(be.Kind), Processors: runtime.GOMAXPROCS(0), Parameters: m.Card.Parameters,
		OpenSeconds: time.Since(start).Seconds()}
	for _, dims := range m.Config.Shapes() {
		n := 1
		for _, d := range dims {
			n *= d
		}
		f.Scalars += n
	}
	for _, size := range sizes {
		b, err := batch(m.Model, be, size, repeats, func() {
			if f.Loaded == (Memory{}) {
				f.Loaded = watch.Now()
			}
		})
		if err != nil {
			return f, fmt.Errorf("%s, batch of %d: %w", name, size, err)
		}
		f.Batches = append(f.Batches, b)
	}
	return f, nil
}

func batch(m *models.Model, be *backend.Backend, size, repeats int, first func()) (Batch, error) {
	b := Batch{Size: size, Input: m.Network.Input(), Repeats: repeats}
	p, err := program.New(be, "bench", m.Params, func(_ *graph.Graph, p *program.Params, in []*graph.Node) []*graph.Node {
		return []*graph.Node{m.Network.Forward(p, in[0])}
	})
	if err != nil {
		return b, err
	}
	defer p.Close()
	dims := append([]int{size}, b.Input...)
	n := 1
	for _, d := range dims {
		n *= d
	}
	x := make([]float32, n)
	r := rng.New(1, "bench/pictures")
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	in := program.F32(x, dims...)
	compile, err := p.Compile(in)
	if err != nil {
		return b, err
	}
	b.CompileSeconds = compile.Seconds()
	see := func(_ int, dims []int, data []float32) error {
		b.OutputDims, b.OutputMagnitude = slices.Clone(dims), 0
		for _, v := range data {
			b.OutputMagnitude += max(float64(v), -float64(v)) / float64(len(data))
		}
		return nil
	}
	if err := p.RunInto(see, in); err != nil {
		return b, err
	}
	first()
	var wall []float64
	before := cpuSeconds()
	for range repeats {
		start := time.Now()
		if err := p.RunInto(see, in); err != nil {
			return b, err
		}
		wall = append(wall, time.Since(start).Seconds())
	}
	if repeats > 0 {
		b.CPUSeconds = (cpuSeconds() - before) / float64(repeats)
		slices.Sort(wall)
		b.BestSeconds, b.MedianSeconds = wall[0], (wall[(len(wall)-1)/2]+wall[len(wall)/2])/2
	}
	if b.OutputMagnitude != b.OutputMagnitude {
		return b, fmt.Errorf("the output is NaN")
	}
	return b, nil
}
