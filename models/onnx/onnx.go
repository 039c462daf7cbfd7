package onnx

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// Options are what a file may leave open.
type Options struct {
	// Height and Width are the size of the pictures, for files that take any; 0 where the file says it.
	Height, Width int
	// Output is the tensor that is the network's output, one of the file's or any other; "" for the first output.
	Output string
}

// Model is an ONNX file as a network, with its weights.
type Model struct {
	Network *Network
	Params  *models.Params
	// Hash is of the names, shapes and values of the weights.
	Hash string
	// Producer is the program that wrote the file, as it says itself.
	Producer string
	// Warnings are what was assumed.
	Warnings []string
}

// Close frees the weights.
func (m *Model) Close() { m.Params.Close() }

// Network is the graph of an ONNX file as a models.Network.
type Network struct {
	// Output is the name of the tensor that Forward returns.
	Output string

	file   *file
	size   [3]int // channels, height, width
	names  map[string]string
	places map[string]place
	hidden []string
	out    place
	// stretchedAt is, for a file of a fixed number of stimuli, the dimension that holds them by the number of the node
	// that reshapes.
	stretchedAt map[int]int
}

// file is what is kept of a file: its nodes in order and its weights, of which the large ones are in Params.
type file struct {
	opset     int64
	batch     int // the number of stimuli the file is written for, 0 for any
	input     string
	inputAxes []site.Axis
	nodes     []*nodeProto
	weights   []*weight
}

// weight is a stored tensor.
type weight struct {
	name  string
	param string // its name in Params, "" for whole numbers and single ones, which are not among them
	dims  []int
	known *array // nil for large weights
}

// maxKnownWeight is the largest weight that is also followed while the graph is built: operations take small
// floating-point tensors, such as scales, as parameters.
const maxKnownWeight = 4096

// probe is the number of stimuli with which a network is first built, to find which dimension of every value holds them.
// It is a prime number that no network has as a size of its own, so that it cannot be mistaken.
const probe = 1009

// Open reads an ONNX file.
func Open(path string, o Options) (*Model, error) {
	b, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	m, err := Parse(b, filepath.Dir(path), o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	if st.Size() > MaxFile {
		return nil, fmt.Errorf("%s has %d bytes, at most %d are read: store its weights in a file beside it (save_as_external_data)", path, st.Size(), int64(MaxFile))
	}
	b := make([]byte, st.Size())
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// Parse reads an ONNX model from memory. dir is the folder in which it may keep weights in other files, "" for none.
func Parse(b []byte, dir string, o Options) (m *Model, err error) {
	proto, err := parseModel(b)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	m = &Model{Producer: proto.producer}
	if err := m.read(proto, dir, o); err != nil {
		if m.Params != nil {
			m.Params.Close()
		}
		return nil, fmt.Errorf("onnx: %w", err)
	}
	return m, nil
}

func (m *Model) read(proto *modelProto, dir string, o Options) error {
	g := proto.graph
	if err := g.order(); err != nil {
		return err
	}
	if err := g.unsupported(); err != nil {
		return err
	}
	f := &file{opset: proto.opsets[""], nodes: g.nodes}
	if f.opset == 0 {
		return errors.New("the file does not say which version of the operators it uses")
	}
	n := &Network{Output: o.Output, file: f, names: map[string]string{}, places: map[string]place{}, stretchedAt: map[int]int{}}
	m.Network = n
	if err := m.input(g, o); err != nil {
		return err
	}
	if n.Output == "" {
		if len(g.outputs) == 0 {
			return errors.New("the graph has no output")
		}
		n.Output = g.outputs[0].name
		if len(g.outputs) > 1 {
			m.Warnings = append(m.Warnings, fmt.Sprintf("the first of %d outputs, %q, is the network's output; all are sites", len(g.outputs), n.Output))
		}
	}
	n.nameSites(g)
	if err := m.weigh(g, dir); err != nil {
		return err
	}
	if err := n.learn(); err != nil {
		return err
	}
	if len(n.hidden) > 0 {
		m.Warnings = append(m.Warnings, fmt.Sprintf("%d values are no sites, because it is not known which of their dimensions holds the stimuli: %s", len(n.hidden), some(n.hidden)))
	}
	if f.batch > 0 {
		m.Warnings = append(m.Warnings, fmt.Sprintf("the file is written for %d stimuli at a time; it is taken to compute each by itself", f.batch))
	}
	return nil
}

func some(names []string) string {
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + ", ..."
	}
	return strings.Join(names, ", ")
}

// input finds the picture among the graph's inputs and its size.
func (m *Model) input(g *graphProto, o Options) error {
	f, n := m.Network.file, m.Network
	if len(g.inputs) != 1 {
		var names []string
		for _, v := range g.inputs {
			names = append(names, v.name)
		}
		return fmt.Errorf("the graph has %d inputs (%s): a network for pictures has one; store the others as initializers", len(g.inputs), some(names))
	}
	v := g.inputs[0]
	f.input = v.name
	if t, err := typeOf(v.dtype); err != nil || t.kind != floating {
		return fmt.Errorf("the input %q holds no floating-point numbers: export the network so that it takes preprocessed pictures", v.name)
	}
	if len(v.dims) != 4 {
		return fmt.Errorf("the input %q has dimensions %v: want pictures, [stimuli, channels, height, width]", v.name, v.dims)
	}
	f.batch = max(v.dims[0], 0)
	colours := func(d int) bool { return d == 1 || d == 3 }
	f.inputAxes = []site.Axis{site.Stimulus, site.Channel, site.Y, site.X}
	n.size = [3]int{v.dims[1], v.dims[2], v.dims[3]}
	switch {
	case colours(v.dims[1]):
	case colours(v.dims[3]):
		f.inputAxes = []site.Axis{site.Stimulus, site.Y, site.X, site.Channel}
		n.size = [3]int{v.dims[3], v.dims[1], v.dims[2]}
		m.Warnings = append(m.Warnings, "the input has its channels last")
	case v.dims[1] < 0:
		n.size[0] = 3
		m.Warnings = append(m.Warnings, "the file leaves the number of channels open; 3 were assumed")
	default:
		return fmt.Errorf("the input %q has dimensions %v: want 1 or 3 channels", v.name, v.dims)
	}
	for i, want := range []int{o.Height, o.Width} {
		have := n.size[i+1]
		switch {
		case want < 0 || want > maxSide:
			return fmt.Errorf("pictures of %d x %d", o.Height, o.Width)
		case have < 0 && want == 0:
			return fmt.Errorf("the file takes pictures of any size: say which, with ?size=PIXELS")
		case have > 0 && want > 0 && want != have:
			return fmt.Errorf("the file is for pictures of %d x %d, not %d x %d", n.size[1], n.size[2], o.Height, o.Width)
		case have > maxSide:
			return fmt.Errorf("pictures of %d x %d", n.size[1], n.size[2])
		case have < 0:
			n.size[i+1] = want
		}
	}
	return nil
}

// nameSites gives every value a name that selectors can spell.
func (n *Network) nameSites(g *graphProto) {
	taken := map[string]bool{}
	for _, node := range g.nodes {
		for _, out := range node.outputs {
			if out == "" {
				continue
			}
			name := strings.Map(func(r rune) rune {
				if r <= ' ' || r == 0x7f || r == 0xfffd || strings.ContainsRune("*{}:,?", r) {
					return '_'
				}
				return r
			}, out)
			for base, i := name, 2; taken[name]; i++ {
				name = fmt.Sprintf("%s_%d", base, i)
			}
			taken[name] = true
			n.names[out] = name
		}
	}
}

// weigh reads the stored tensors.
func (m *Model) weigh(g *graphProto, dir string) error {
	m.Params = program.NewParams()
	f := m.Network.file
	for _, t := range g.initializers {
		w := &weight{name: t.name, dims: t.dims}
		dt, err := typeOf(t.dtype)
		if err != nil {
			return fmt.Errorf("initializer %q: %w", t.name, err)
		}
		size := product(t.dims)
		if dt.kind != floating || size <= maxKnownWeight {
			if w.known, err = t.known(dir); err != nil {
				return fmt.Errorf("initializer %q: %w", t.name, err)
			}
		}
		if dt.kind == floating && len(t.dims) > 0 && size > 0 {
			data, err := t.float32s(dir)
			if err != nil {
				return fmt.Errorf("initializer %q: %w", t.name, err)
			}
			w.param = paramName(len(f.weights), t.name)
			if err := m.Params.Set(w.param, data, t.dims...); err != nil {
				return err
			}
		}
		f.weights = append(f.weights, w)
	}
	m.Hash = hash(m.Params)
	return nil
}

// paramName is the name of a weight among the parameters, where a slash and a name used twice would be trouble.
func paramName(_ int, name string) string { return strings.ReplaceAll(name, "/", "|") }

// hash is over the names, shapes and values of all weights, in the order of their names.
func hash(p *models.Params) string {
	h := sha256.New()
	number := func(v int) { _ = binary.Write(h, binary.LittleEndian, int64(v)) }
	for _, name := range slices.Sorted(slices.Values(p.Names())) {
		data, dims, err := p.Get(name)
		if err != nil {
			continue
		}
		number(len(name))
		io.WriteString(h, name)
		number(len(dims))
		for _, d := range dims {
			number(d)
		}
		var buf []byte
		for _, v := range data {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
			if len(buf) >= 1<<16 {
				h.Write(buf)
				buf = buf[:0]
			}
		}
		h.Write(buf)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// learn builds the network once, without weights or running it, and works out what every value's dimensions are.
func (n *Network) learn() (err error) {
	be, err := backend.Open("go")
	if err != nil {
		return err
	}
	defer be.Finalize()
	g := NewGraph(be.Backend, "onnx")
	defer g.Finalize()
	defer func() {
		if r := recover(); r != nil {
			if f, ok := r.(failure); ok {
				r = f.err
			}
			if e, ok := r.(error); ok {
				err = e
				return
			}
			err = fmt.Errorf("%v", r)
		}
	}()
	x := Parameter(g, "x", shapes.Make(dtypes.Float32, append([]int{probe}, n.Input()...)...))
	w := &walk{n: n, g: g, p: program.Declare(), batch: probe, learn: true}
	w.run(n.arranged(x))
	return nil
}

// arranged brings pictures into the order that the file wants.
func (n *Network) arranged(x *Node) *Node {
	if n.file.inputAxes[3] == site.Channel {
		return TransposeAllAxes(x, 0, 2, 3, 1)
	}
	return x
}

// Input is channels, height, width.
func (n *Network) Input() []int { return n.size[:] }

// Forward builds the graph for x [stimulus, channel, height, width] and taps every value that depends on it.
func (n *Network) Forward(p *models.Params, x *Node) *Node {
	w := &walk{n: n, g: x.Graph(), p: p, batch: x.Shape().Dimensions[0]}
	defer func() {
		if r := recover(); r != nil {
			if f, ok := r.(failure); ok {
				panic(fmt.Errorf("onnx: %w", f.err))
			}
			panic(r)
		}
	}()
	return w.run(n.arranged(x))
}
