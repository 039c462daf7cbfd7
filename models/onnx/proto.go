package onnx

import "fmt"

// The messages of onnx.proto (ONNX IR specification, github.com/onnx/onnx) with the fields that a network needs. Field
// numbers are those of that file.

// modelProto is ModelProto.
type modelProto struct {
	ir       int64
	producer string
	opsets   map[string]int64 // by domain; "" is ai.onnx
	graph    *graphProto
}

// graphProto is GraphProto.
type graphProto struct {
	name            string
	nodes           []*nodeProto
	initializers    []*tensorProto
	inputs, outputs []valueInfo
}

// nodeProto is NodeProto.
type nodeProto struct {
	inputs, outputs  []string
	name, op, domain string
	attrs            map[string]*attribute
	scopes           string // PyTorch's modules around the node, as its exporter since 2.6 writes them
}

// attribute is AttributeProto.
type attribute struct {
	name   string
	f      float32
	i      int64
	s      string
	t      *tensorProto
	floats []float32
	ints   []int64
	texts  []string
	graph  bool // it holds a graph, which loops and branches do
}

// tensorProto is TensorProto. Its data are parts of the file, or elsewhere.
type tensorProto struct {
	name     string
	dims     []int
	dtype    int64
	raw      []byte
	hasRaw   bool
	floats   []float32
	ints     []int64 // int32_data, int64_data and uint64_data
	doubles  []float64
	external map[string]string // location, offset, length; nil where the data are in the file
	rawAt    int64             // where raw was in the file, once it is forgotten
	rawSize  int
}

// valueInfo is ValueInfoProto: a name and a shape, -1 for a dimension that is open.
type valueInfo struct {
	name  string
	dtype int64
	dims  []int
	ranks bool // the shape is given
}

func parseModel(b []byte) (*modelProto, error) {
	m := &modelProto{opsets: map[string]int64{}}
	err := each(b, func(f field) (err error) {
		var sub []byte
		switch f.number {
		case 1:
			m.ir, err = f.int()
		case 2:
			m.producer, err = f.text()
		case 7:
			if m.graph != nil {
				return fmt.Errorf("the file holds two graphs")
			}
			if sub, err = f.sub(); err == nil {
				m.graph, err = parseGraph(sub)
			}
		case 8:
			if sub, err = f.sub(); err == nil {
				err = m.opset(sub)
			}
		case 25:
			return fmt.Errorf("the file defines functions of its own: export it with them inlined (onnx.inliner.inline_local_functions)")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if m.graph == nil {
		return nil, fmt.Errorf("there is no graph in the file: it is not an ONNX model")
	}
	return m, nil
}

func (m *modelProto) opset(b []byte) error {
	var domain string
	var version int64
	err := each(b, func(f field) (err error) {
		switch f.number {
		case 1:
			domain, err = f.text()
		case 2:
			version, err = f.int()
		}
		return err
	})
	if domain == "ai.onnx" {
		domain = ""
	}
	m.opsets[domain] = version
	return err
}

func parseGraph(b []byte) (*graphProto, error) {
	g := &graphProto{}
	err := each(b, func(f field) error {
		switch f.number {
		case 1, 5, 2, 11, 12, 15:
		default:
			return nil
		}
		sub, err := f.sub()
		if err != nil {
			return err
		}
		switch f.number {
		case 1:
			if len(g.nodes) == MaxNodes {
				return fmt.Errorf("more than %d nodes", MaxNodes)
			}
			n, err := parseNode(sub)
			if err != nil {
				return fmt.Errorf("node %d: %w", len(g.nodes), err)
			}
			g.nodes = append(g.nodes, n)
		case 2:
			g.name = string(sub)
		case 5:
			t, err := parseTensor(sub)
			if err != nil {
				return fmt.Errorf("initializer %d: %w", len(g.initializers), err)
			}
			g.initializers = append(g.initializers, t)
		case 11, 12:
			v, err := parseValueInfo(sub)
			if err != nil {
				return fmt.Errorf("an input or output of the graph: %w", err)
			}
			if f.number == 11 {
				g.inputs = append(g.inputs, v)
			} else {
				g.outputs = append(g.outputs, v)
			}
		case 15:
			return fmt.Errorf("sparse initializers are not supported: store them dense")
		}
		return nil
	})
	return g, err
}

func parseNode(b []byte) (*nodeProto, error) {
	n := &nodeProto{attrs: map[string]*attribute{}}
	err := each(b, func(f field) error {
		switch f.number {
		case 1, 2, 3, 4, 5, 7, 9:
		default:
			return nil
		}
		sub, err := f.sub()
		if err != nil {
			return err
		}
		switch f.number {
		case 9:
			key, value, err := parseEntry(sub)
			if err != nil {
				return err
			}
			if key == "pkg.torch.onnx.name_scopes" {
				n.scopes = value
			}
		case 1:
			n.inputs = append(n.inputs, string(sub))
		case 2:
			n.outputs = append(n.outputs, string(sub))
		case 3:
			n.name = string(sub)
		case 4:
			n.op = string(sub)
		case 5:
			a, err := parseAttribute(sub)
			if err != nil {
				return fmt.Errorf("attribute %q: %w", a.name, err)
			}
			n.attrs[a.name] = a
		case 7:
			n.domain = string(sub)
		}
		return nil
	})
	if n.domain == "ai.onnx" {
		n.domain = ""
	}
	return n, err
}

func parseAttribute(b []byte) (*attribute, error) {
	a := &attribute{}
	err := each(b, func(f field) (err error) {
		var sub []byte
		switch f.number {
		case 1:
			a.name, err = f.text()
		case 2:
			var v []float32
			if v, err = f.floats(nil); err == nil && len(v) == 1 {
				a.f = v[0]
			}
		case 3:
			a.i, err = f.int()
		case 4:
			a.s, err = f.text()
		case 5:
			if sub, err = f.sub(); err == nil {
				a.t, err = parseTensor(sub)
			}
		case 6, 11:
			a.graph = true
		case 7:
			a.floats, err = f.floats(a.floats)
		case 8:
			a.ints, err = f.ints(a.ints)
		case 9:
			if sub, err = f.sub(); err == nil {
				a.texts = append(a.texts, string(sub))
			}
		}
		return err
	})
	return a, err
}

func parseTensor(b []byte) (*tensorProto, error) {
	t := &tensorProto{}
	var dims []int64
	err := each(b, func(f field) (err error) {
		var sub []byte
		switch f.number {
		case 1:
			if dims, err = f.ints(dims); len(dims) > MaxRank {
				return fmt.Errorf("more than %d axes", MaxRank)
			}
		case 2:
			t.dtype, err = f.int()
		case 3:
			return fmt.Errorf("the tensor is a segment of another, which is not supported")
		case 4:
			t.floats, err = f.floats(t.floats)
		case 5, 7, 11:
			t.ints, err = f.ints(t.ints)
		case 8:
			t.name, err = f.text()
		case 9:
			t.raw, err = f.sub()
			t.hasRaw = true
		case 10:
			t.doubles, err = f.doubles(t.doubles)
		case 13:
			if sub, err = f.sub(); err == nil {
				err = t.externalEntry(sub)
			}
		case 14:
			var where int64
			if where, err = f.int(); where == 1 && t.external == nil {
				t.external = map[string]string{}
			}
		}
		return err
	})
	if err != nil {
		return t, fmt.Errorf("tensor %q: %w", t.name, err)
	}
	if t.dims, err = sizes(dims); err != nil {
		return t, fmt.Errorf("tensor %q: %w", t.name, err)
	}
	return t, nil
}

func (t *tensorProto) externalEntry(b []byte) error {
	key, value, err := parseEntry(b)
	if t.external == nil {
		t.external = map[string]string{}
	}
	t.external[key] = value
	return err
}

// parseEntry reads a StringStringEntryProto.
func parseEntry(b []byte) (key, value string, err error) {
	err = each(b, func(f field) (err error) {
		switch f.number {
		case 1:
			key, err = f.text()
		case 2:
			value, err = f.text()
		}
		return err
	})
	return key, value, err
}

func parseValueInfo(b []byte) (valueInfo, error) {
	var v valueInfo
	err := each(b, func(f field) (err error) {
		switch f.number {
		case 1:
			v.name, err = f.text()
		case 2: // TypeProto, of which field 1 is a tensor type
			var sub []byte
			if sub, err = f.sub(); err != nil {
				return err
			}
			return each(sub, func(f field) error {
				if f.number != 1 {
					return nil
				}
				sub, err := f.sub()
				if err != nil {
					return err
				}
				return v.tensorType(sub)
			})
		}
		return err
	})
	return v, err
}

func (v *valueInfo) tensorType(b []byte) error {
	return each(b, func(f field) (err error) {
		switch f.number {
		case 1:
			v.dtype, err = f.int()
		case 2:
			var sub []byte
			if sub, err = f.sub(); err != nil {
				return err
			}
			v.ranks = true
			return each(sub, func(f field) error {
				if f.number != 1 {
					return nil
				}
				sub, err := f.sub()
				if err != nil {
					return err
				}
				d, err := dimension(sub)
				if v.dims = append(v.dims, d); len(v.dims) > MaxRank {
					return fmt.Errorf("%q has more than %d axes", v.name, MaxRank)
				}
				return err
			})
		}
		return err
	})
}

// dimension is -1 where it is a name or not given.
func dimension(b []byte) (int, error) {
	d := -1
	err := each(b, func(f field) error {
		if f.number != 1 {
			return nil
		}
		v, err := f.int()
		if err == nil && v > 0 {
			if v > MaxSize {
				return fmt.Errorf("a dimension of %d", v)
			}
			d = int(v)
		}
		return err
	})
	return d, err
}

// sizes checks the dimensions of a tensor, and that their product can be held.
func sizes(dims []int64) ([]int, error) {
	out := make([]int, len(dims))
	n := int64(1)
	for i, d := range dims {
		if d < 0 || d > MaxSize {
			return nil, fmt.Errorf("dimensions %v: each must lie between 0 and %d", dims, int64(MaxSize))
		}
		if d > 0 && n > MaxSize/d {
			return nil, fmt.Errorf("dimensions %v hold more than %d values", dims, int64(MaxSize))
		}
		n *= max(d, 1)
		out[i] = int(d)
	}
	return out, nil
}
