package onnx

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/initial"
)

var _ models.Config = Config{}

// Config is the architecture in an ONNX file as a models.Config. The zero Config is none.
type Config struct {
	file   *file
	name   string // of the file
	size   [3]int // channels, height, width of the network that was opened
	hash   string
	shapes map[string][]int
	places map[string]place
}

// Family is "onnx".
func (c Config) Family() string { return "onnx" }

// Validate says that the zero Config is no architecture.
func (c Config) Validate() error {
	if c.file == nil {
		return errors.New("onnx: no file was opened")
	}
	return nil
}

// Shapes maps the stored tensors that the network asks for to their dimensions. Their names are those of the file with |
// for every /.
func (c Config) Shapes() map[string][]int { return maps.Clone(c.shapes) }

// Law is for an untrained network of the same architecture. What its authors start from is not in the file: matrices and
// kernels are drawn from a normal distribution with the standard deviation that they have in the file, and vectors, such
// as biases and scales, are taken as they are.
func (c Config) Law(name string, dims []int) initial.Law {
	for _, w := range c.file.weights {
		if w.param != name {
			continue
		}
		if len(dims) > 1 && w.spread > 0 {
			return initial.Law{Normal: w.spread}
		}
		if w.known != nil {
			v := make([]float32, len(w.known.v))
			for i, x := range w.known.v {
				v[i] = float32(x)
			}
			return initial.Law{Values: v}
		}
		return initial.Law{Normal: w.spread}
	}
	return initial.Law{}
}

// Network is the network for pictures of another size, which files that leave the size open have.
func (c Config) Network(height, width int) (models.Network, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if height == 0 && width == 0 {
		height, width = c.size[1], c.size[2]
	}
	if height < 1 || width < 1 {
		return nil, fmt.Errorf("onnx: pictures of %d x %d", height, width)
	}
	n, err := c.file.network(height, width)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	return n, nil
}

// Aliases are the names of the file's nodes, those of its tensors where they had to be changed for selectors, and, where
// the file is PyTorch's, the paths of its modules, each for the last value that the module computes.
func (c Config) Aliases() []models.Alias {
	if c.file == nil {
		return nil
	}
	taken := map[string]bool{}
	for _, name := range c.file.names {
		taken[name] = true
	}
	var out []models.Alias
	add := func(tensor, library, name string) {
		if _, ok := c.places[tensor]; ok && name != "" && !taken[name] {
			taken[name] = true
			out = append(out, models.Alias{Site: c.file.names[tensor], Library: library, Name: name})
		}
	}
	modules, last := []string{}, map[string]string{}
	for _, node := range c.file.nodes {
		if len(node.outputs) == 0 {
			continue
		}
		for _, m := range node.modules() {
			if _, ok := last[m]; !ok {
				modules = append(modules, m)
			}
			last[m] = node.outputs[0]
		}
	}
	for _, m := range modules {
		add(last[m], "pytorch", m)
	}
	for _, node := range c.file.nodes {
		if len(node.outputs) > 0 {
			add(node.outputs[0], "onnx", node.name)
		}
	}
	for _, tensor := range slices.Sorted(maps.Keys(c.places)) {
		add(tensor, "onnx", tensor)
	}
	return out
}

// quoted finds the strings in the list that PyTorch's exporter writes, [”, 'blocks', 'blocks.0', 'linear'].
var quoted = regexp.MustCompile(`'([^']*)'`)

// modules are the paths of PyTorch's modules in which a node is computed. Its exporter of today writes them into the file;
// the older one makes them the node's name, "/blocks/blocks.0/attn/MatMul", in which a module of a list carries the name
// of the list.
func (n *nodeProto) modules() []string {
	var out []string
	if found := quoted.FindAllStringSubmatch(n.scopes, -1); len(found) > 0 {
		for _, m := range found[:len(found)-1] {
			if m[1] != "" && !strings.HasPrefix(m[1], "_") {
				out = append(out, m[1])
			}
		}
		return out
	}
	parts := strings.Split(n.name, "/")
	if len(parts) < 3 || parts[0] != "" {
		return nil
	}
	var path []string
	for i, part := range parts[1 : len(parts)-1] {
		if i > 0 && strings.HasPrefix(part, parts[i]+".") {
			path = path[:len(path)-1]
		}
		path = append(path, part)
		out = append(out, strings.Join(path, "."))
	}
	return out
}

// MarshalJSON tells which file it is.
func (c Config) MarshalJSON() ([]byte, error) {
	if c.file == nil {
		return []byte("null"), nil
	}
	return json.Marshal(struct {
		File   string `json:"file,omitempty"`
		Hash   string `json:"weights_hash"`
		Output string `json:"output"`
		Nodes  int    `json:"nodes"`
		Opset  int64  `json:"opset"`
		Size   [3]int `json:"size"`
	}{c.name, c.hash, c.file.output, len(c.file.nodes), c.file.opset, c.size})
}
