package onnx

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/ventral-lab/ventral/models"
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
	Config  Config
	Network *Network
	Params  *models.Params
	// Hash is of the names, shapes and values of the weights.
	Hash string
	// Producer is the program that wrote the file, as it says itself.
	Producer string
	// Warnings are what was assumed.
	Warnings []string
}

// Close frees the weights and closes the file.
func (m *Model) Close() { m.Params.Close() }

// Open reads an ONNX file. The file stays open, and must not be changed, until the model is closed: its weights are read
// when a graph first wants them.
func Open(path string, o Options) (*Model, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	m, err := open(f, filepath.Dir(path), o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: onnx: %w", path, err), f.Close())
	}
	m.Params.Own(f)
	m.Config.name = filepath.Base(path)
	return m, nil
}

func open(f *os.File, dir string, o Options) (*Model, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, errors.New("not a file")
	}
	if st.Size() > MaxFile {
		return nil, fmt.Errorf("%d bytes, at most %d are read: store the weights in a file beside it (save_as_external_data)", st.Size(), int64(MaxFile))
	}
	b := make([]byte, st.Size())
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, err
	}
	return parse(&source{b: b, file: f, dir: dir}, o)
}

// Parse reads an ONNX model from memory, which is kept until the model is closed.
func Parse(b []byte, o Options) (*Model, error) {
	m, err := parse(&source{b: b}, o)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	return m, nil
}

func parse(s *source, o Options) (*Model, error) {
	proto, err := parseModel(s.b)
	if err != nil {
		return nil, err
	}
	m := &Model{Producer: proto.producer}
	if err := m.read(proto, s, o); err != nil {
		if m.Params != nil {
			m.Params.Close()
		}
		return nil, err
	}
	if s.file != nil {
		s.b = nil // from here on the weights are read from the file
	}
	return m, nil
}

func (m *Model) read(proto *modelProto, s *source, o Options) error {
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
	if len(g.outputs) == 0 {
		return errors.New("the graph has no output")
	}
	if f.output = o.Output; f.output == "" {
		f.output = g.outputs[0].name
		if len(g.outputs) > 1 {
			m.Warnings = append(m.Warnings, fmt.Sprintf("the first of %d outputs, %q, is the network's output; all are sites", len(g.outputs), f.output))
		}
	}
	if err := f.weigh(m, g, s); err != nil {
		return err
	}
	warnings, err := f.picture(g)
	if err != nil {
		return err
	}
	m.Warnings = append(m.Warnings, warnings...)
	f.nameSites(g)
	n, err := f.network(o.Height, o.Width)
	if err != nil {
		return err
	}
	m.Network = n
	m.Config = Config{file: f, size: n.size, hash: m.Hash, shapes: n.shapes, places: n.places}
	if len(n.hidden) > 0 {
		m.Warnings = append(m.Warnings, fmt.Sprintf("%d values are no sites, because it is not known which of their dimensions holds the stimuli: %s", len(n.hidden), some(n.hidden)))
	}
	if f.batch > 0 {
		m.Warnings = append(m.Warnings, fmt.Sprintf("the file is written for a batch of %d; it is taken to compute each stimulus by itself", f.batch))
	}
	return nil
}

func some(names []string) string {
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + ", ..."
	}
	return strings.Join(names, ", ")
}
