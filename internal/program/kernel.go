package program

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// turned names the copy of a convolution's weight in the order [height, width, in, out].
const turned = "#turned"

// kernelKey is where a graph keeps the node of a weight whose turned copy it reads.
type kernelKey struct {
	p    *Params
	name string
}

// Kernel is Node for the weight [out, in, height, width] of a convolution that ops.Conv computes. Weights that are made
// when they are wanted (see Defer) are then made as [height, width, in, out], the order in which XLA's convolution on a CPU
// reads them, and the graph turns them back; ops.Conv turns them again, and XLA leaves both turns out. Otherwise it would
// turn the weights in every call, which for VGG-19 and one picture is a fifth of the time.
//
// Graphs that are trained, weights that a graph already holds in their own order, and the Go backend, which would compute
// both turns, get Node.
func (p *Params) Kernel(g *graph.Graph, name string, dims ...int) *graph.Node {
	if p.root != nil {
		return p.root.Kernel(g, p.prefix+name, dims...)
	}
	if len(dims) != 4 || dims[2]*dims[3] == 1 || p.train || g.Backend().String() == "go" || !p.turn(g, name, dims) {
		return p.Node(g, name, dims...)
	}
	key := kernelKey{p, name}
	if n, ok := g.State(key).(*graph.Node); ok {
		return n
	}
	n := graph.TransposeAllAxes(p.Node(g, name+turned, dims[2], dims[3], dims[1], dims[0]), 3, 2, 0, 1)
	g.AttachState(key, n)
	return n
}

// turn makes name+turned a weight that a graph can ask for, and tells whether it is one. It is none of Names and Shapes.
func (p *Params) turn(g *graph.Graph, name string, dims []int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	fill := p.late[name]
	if fill == nil || p.store.GetVariable("/"+name) != nil || !equalDims(p.dims[name], dims) {
		return false
	}
	if p.late[name+turned] == nil {
		p.late[name+turned] = func(into []float32) error {
			plain := make([]float32, len(into))
			if err := fill(plain); err != nil {
				return err
			}
			turnKernel(into, plain, dims)
			return nil
		}
	}
	return true
}

// turnKernel writes the weight from, of dims [out, in, height, width], as [height, width, in, out] into to. It goes by 16
// outputs at a time, a line of memory.
func turnKernel(to, from []float32, dims []int) {
	out, in, area := dims[0], dims[1], dims[2]*dims[3]
	for o := 0; o < out; o += 16 {
		n := min(16, out-o)
		for i := range in {
			for k := range area {
				line := to[(k*in+i)*out+o:][:n]
				at := (o*in+i)*area + k
				for j := range line {
					line[j] = from[at]
					at += in * area
				}
			}
		}
	}
}

// setTurned keeps the turned copy of a weight, if there is one, equal to its new values.
func (p *Params) setTurned(name string, data []float32, dims []int) error {
	delete(p.late, name+turned)
	v := p.store.GetVariable("/" + name + turned)
	if v == nil {
		return nil
	}
	if len(dims) != 4 || size(dims) != v.Shape().Size() {
		return fmt.Errorf("weight %q: shape %v where programs read %v, height and width first", name, dims, v.Shape().Dimensions)
	}
	to := make([]float32, len(data))
	turnKernel(to, data, dims)
	return v.SetValue(tensors.FromFlatDataAndDimensions(to, dims[2], dims[3], dims[1], dims[0]))
}

// updateTurned is setTurned in a graph that gives the weight the value of a node.
func (p *Params) updateTurned(name string, value *graph.Node) error {
	v := p.store.GetVariable("/" + name + turned)
	if v == nil {
		delete(p.late, name+turned)
		return nil
	}
	if err := p.change(name+turned, v); err != nil {
		return err
	}
	v.SetNodeValue(graph.TransposeAllAxes(value, 2, 3, 1, 0))
	return nil
}
