package train

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/safetensors"
)

// State is what a checkpoint says beside its tensors.
type State struct {
	Step    int             `json:"step"`   // steps done
	Recipe  json.RawMessage `json:"recipe"` // the options that decide the bits
	Curve   []Point         `json:"curve"`  // what was measured on the way
	Seconds float64         `json:"seconds"`
}

// Point is one entry of a training curve.
type Point struct {
	Step     int                `json:"step"`
	Pictures int                `json:"pictures"`
	Loss     float64            `json:"loss"`
	Metrics  map[string]float64 `json:"metrics,omitempty"`
}

const stateKey = "ventral.train"

// save writes weights in float32 and moments in bfloat16, and rounds the moments of p to what was written.
func save(path string, p *program.Params, st State) error {
	var ts []safetensors.Tensor
	for _, name := range p.Names() {
		data, dims, err := p.Get(name)
		if err != nil {
			return err
		}
		t := safetensors.Tensor{Name: name, DType: "F32", Shape: dims}
		if strings.HasPrefix(name, momentPrefix) {
			t.DType = "BF16"
			t.Data = make([]byte, 0, 2*len(data))
			for i, v := range data {
				h := bfloat16(v)
				t.Data = binary.LittleEndian.AppendUint16(t.Data, h)
				data[i] = math.Float32frombits(uint32(h) << 16)
			}
			if err := p.Set(name, data, dims...); err != nil {
				return err
			}
		} else {
			t.Data = safetensors.Float32Bytes(data)
		}
		ts = append(ts, t)
	}
	j, err := json.Marshal(st)
	if err != nil {
		return err
	}
	return safetensors.WriteFile(path, ts, map[string]string{stateKey: string(j)})
}

// bfloat16 rounds to nearest even.
func bfloat16(v float32) uint16 {
	b := math.Float32bits(v)
	return uint16((b + 0x7fff + (b >> 16 & 1)) >> 16)
}

// load reads a checkpoint that save wrote.
func load(path string) (*program.Params, State, error) {
	var st State
	f, err := safetensors.Open(path)
	if err != nil {
		return nil, st, err
	}
	defer f.Close()
	j, ok := f.Metadata()[stateKey]
	if !ok {
		return nil, st, fmt.Errorf("%s is not a training checkpoint: it has no %q entry", path, stateKey)
	}
	if err := json.Unmarshal([]byte(j), &st); err != nil {
		return nil, st, fmt.Errorf("%s: state: %w", path, err)
	}
	p := program.NewParams()
	for _, name := range f.Names() {
		t, _ := f.Lookup(name)
		data, err := t.Float32()
		if err != nil {
			return nil, st, fmt.Errorf("%s: %w", path, err)
		}
		if err := p.Set(name, data, t.Shape...); err != nil {
			return nil, st, fmt.Errorf("%s: %w", path, err)
		}
	}
	return p, st, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
