package onnx

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/ventral-lab/ventral/internal/program"
)

// weight is a stored tensor.
type weight struct {
	name  string
	param string // its name in Params, "" for whole numbers and single ones, which are not among them
	dims  []int
	known *array // nil for large weights
	// spread is the standard deviation of its values.
	spread float64
}

// maxKnownWeight is the largest weight that is also followed while the graph is built: operations take small
// floating-point tensors, such as scales, as parameters.
const maxKnownWeight = 4096

// weigh reads the stored tensors: small ones to be known while graphs are built, and those of floating-point numbers as
// weights, which are hashed and checked now and read again when a graph wants them.
func (f *file) weigh(m *Model, g *graphProto, s *source) error {
	m.Params = program.NewParams()
	taken := map[string]bool{}
	sums := map[string][]byte{}
	for _, t := range g.initializers {
		w := &weight{name: t.name, dims: t.dims}
		f.weights = append(f.weights, w)
		if err := m.weigh(w, t, s, taken, sums); err != nil {
			return fmt.Errorf("initializer %q: %w", t.name, err)
		}
		s.forget(t)
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		fmt.Fprintf(h, "%q %x\n", name, sums[name])
	}
	m.Hash = hex.EncodeToString(h.Sum(nil))
	return nil
}

func (m *Model) weigh(w *weight, t *tensorProto, s *source, taken map[string]bool, sums map[string][]byte) error {
	dt, err := typeOf(t.dtype)
	if err != nil {
		return err
	}
	size := product(t.dims)
	if dt.kind != floating || size <= maxKnownWeight {
		if w.known, err = t.known(s); err != nil {
			return err
		}
	}
	if dt.kind != floating || len(t.dims) == 0 || size == 0 {
		return nil
	}
	// In the store of weights a slash would be a folder.
	name := strings.ReplaceAll(t.name, "/", "|")
	for base, i := name, 2; taken[name]; i++ {
		name = fmt.Sprintf("%s_%d", base, i)
	}
	taken[name] = true
	w.param = name
	h := sha256.New()
	fmt.Fprintln(h, t.dims)
	sum, squares := 0.0, 0.0
	buf := make([]byte, 0, 1<<16)
	if err := t.each(s, func(_ int, v float32) error {
		sum, squares = sum+float64(v), squares+float64(v)*float64(v)
		if buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v)); len(buf) == cap(buf) {
			h.Write(buf)
			buf = buf[:0]
		}
		return nil
	}); err != nil {
		return err
	}
	h.Write(buf)
	sums[name] = h.Sum(nil)
	mean := sum / float64(size)
	w.spread = math.Sqrt(max(squares/float64(size)-mean*mean, 0))
	return m.Params.Defer(name, func(into []float32) error {
		return t.each(s, func(i int, v float32) error { into[i] = v; return nil })
	}, t.dims...)
}
