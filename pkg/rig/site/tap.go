package site

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
)

// Axis says what a dimension of a site's value is.
type Axis string

// The axes. Stimulus is the batch; it is the implied first axis of every value and appears only in edits.
const (
	Stimulus Axis = "stimulus"
	Token    Axis = "token"
	Channel  Axis = "channel"
	Y        Axis = "y"
	X        Axis = "x"
	Head     Axis = "head"
	Query    Axis = "query"
	Key      Axis = "key"
)

// position tells whether an axis says where in the input a value is, as opposed to which unit it is.
func (a Axis) position() bool { return a != Channel && a != Head && a != Stimulus }

// Info describes a site of one network at one input size.
type Info struct {
	Name  string `json:"name"`
	Axes  []Axis `json:"axes"`
	Shape []int  `json:"shape"` // for one stimulus, as long as Axes
	// Aliases are the names the site has in other libraries. A selector that matches no name is tried on them.
	Aliases []string `json:"aliases,omitempty"`
}

// Size is the number of values for one stimulus.
func (i Info) Size() int { return product(i.Shape) }

// Bytes is the size of one stimulus's value in float32.
func (i Info) Bytes() int { return 4 * i.Size() }

// Units is the number of units: the product of the axes that are not positions.
func (i Info) Units() int {
	n := 1
	for k, a := range i.Axes {
		if !a.position() {
			n *= i.Shape[k]
		}
	}
	return n
}

func (i Info) axis(a Axis) int {
	for k, b := range i.Axes {
		if a == b {
			return k
		}
	}
	return -1
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// tapper is what a graph carries for its taps.
type tapper interface {
	tap(name string, x *graph.Node, axes []Axis) *graph.Node
	// uses tells whether the value of the site called name is read or replaced.
	uses(name string) bool
}

type stateKey struct{}

// Tap declares that x is the value of the site called name and returns the value to go on with. x has the stimulus as
// its first axis, and one more for each of axes. Like all graph building it panics on misuse.
func Tap(name string, x *graph.Node, axes ...Axis) *graph.Node {
	if x.Rank() != 1+len(axes) {
		panic(fmt.Errorf("site %s: a value of shape %s with axes %v: want one axis fewer than dimensions, the first being the stimulus", name, x.Shape(), axes))
	}
	t, ok := x.Graph().State(stateKey{}).(tapper)
	if !ok {
		return x
	}
	return t.tap(name, x, axes)
}

// TapImage is Tap for feature maps that the graph holds as [stimulus, y, x, channel], the order convolutions are fastest
// in. The site has the axes channel, y, x, the order of the reference implementations.
func TapImage(name string, x *graph.Node) *graph.Node {
	t, ok := x.Graph().State(stateKey{}).(tapper)
	if !ok {
		return x
	}
	y := Tap(name, graph.TransposeAllAxes(x, 0, 3, 1, 2), Channel, Y, X)
	if !t.uses(name) {
		return x
	}
	return graph.TransposeAllAxes(y, 0, 2, 3, 1)
}

// lister notes every site of a graph.
type lister struct {
	seen  map[string]bool
	sites []Info
	nodes map[string]*graph.Node
}

func (l *lister) tap(name string, x *graph.Node, axes []Axis) *graph.Node {
	if l.seen[name] {
		panic(fmt.Errorf("site %s is tapped twice", name))
	}
	l.seen[name] = true
	l.sites = append(l.sites, Info{Name: name, Axes: append([]Axis(nil), axes...), Shape: append([]int(nil), x.Shape().Dimensions[1:]...)})
	l.nodes[name] = x
	return x
}

func (l *lister) uses(string) bool { return true }

// List calls build on g and returns the sites it taps, in the order they are computed. The value of each is available
// through the returned function, for gradients with respect to it.
func List(g *graph.Graph, build func()) ([]Info, func(name string) *graph.Node) {
	l := &lister{seen: map[string]bool{}, nodes: map[string]*graph.Node{}}
	g.AttachState(stateKey{}, l)
	build()
	return l.sites, func(name string) *graph.Node { return l.nodes[name] }
}
