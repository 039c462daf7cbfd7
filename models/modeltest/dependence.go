package modeltest

import (
	"fmt"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// dependence is what a network's graph says about its sites, found by following its edges with an edit at every site.
type dependence struct {
	// reads[i][j] tells whether site j is computed from site i; j == number of sites is the output.
	reads [][]bool
	// cut tells whether every path from the picture to the output passes through the site.
	cut []bool
	// around describes for each site what reads its value other than through the tap.
	around [][]string
}

// editAll edits sites with a factor and a summand of their full size.
func editAll(sites []site.Info) site.Plan {
	var p site.Plan
	for _, s := range sites {
		all := append(site.Vary{site.Stimulus}, s.Axes...)
		p = p.Edit(site.Edit{Name: "test", Site: s.Name, Mul: all, Add: all})
	}
	return p
}

// follow builds the network with an edit at every site and finds out what depends on what.
func (k *checker) follow() (*dependence, error) {
	if k.graph != nil {
		return k.graph, nil
	}
	bound, err := editAll(k.sites).Check(k.sites)
	if err != nil {
		return nil, err
	}
	d := &dependence{}
	err = building(func(g *graph.Graph) {
		x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, append([]int{1}, k.c.Network.Input()...)...))
		var in []*graph.Node
		for _, spec := range bound.Inputs {
			in = append(in, graph.Parameter(g, spec.Key, shapes.Make(dtypes.Float32, spec.Dims(1)...)))
		}
		t := bound.Attach(g, in)
		out := k.c.Network.Forward(program.Declare(), x)
		t.Outputs()
		var edited []*graph.Node
		for _, s := range k.sites {
			edited = append(edited, t.Node(s.Name))
		}
		d.follow(g, x, edited, out)
	})
	if err != nil {
		return nil, err
	}
	k.graph = d
	return d, nil
}

func (d *dependence) follow(g *graph.Graph, x *graph.Node, edited []*graph.Node, out *graph.Node) {
	n := len(edited)
	at := map[*graph.Node]int{}
	for i, e := range edited {
		at[e] = i
	}
	// A node's inputs have smaller numbers, so one pass in order is enough.
	nodes := g.Nodes()
	from := make([][]bool, len(nodes)) // sites that a node is computed from
	for id, node := range nodes {
		from[id] = make([]bool, n)
		for _, in := range node.Inputs() {
			for i, v := range from[in.Id()] {
				from[id][i] = from[id][i] || v
			}
		}
		if i, ok := at[node]; ok {
			from[id][i] = true
		}
	}
	d.reads = make([][]bool, n)
	for i := range edited {
		d.reads[i] = make([]bool, n+1)
		for j, e := range append(edited[:n:n], out) {
			d.reads[i][j] = j != i && from[e.Id()][i]
		}
	}
	d.cut = make([]bool, n)
	for i := range edited {
		d.cut[i] = !reaches(out, x, edited[i], map[*graph.Node]bool{})
	}
	d.findAround(edited, out)
}

// reaches tells whether x is computed from source other than through wall.
func reaches(x, source, wall *graph.Node, seen map[*graph.Node]bool) bool {
	if x == wall || seen[x] {
		return false
	}
	seen[x] = true
	if x == source {
		return true
	}
	for _, in := range x.Inputs() {
		if reaches(in, source, wall, seen) {
			return true
		}
	}
	return false
}

// findAround looks for readers of a site's value that do not read what its tap returned. The value is followed back
// through nodes that only order it anew, because a feature map may be transposed before it is tapped.
func (d *dependence) findAround(edited []*graph.Node, out *graph.Node) {
	used := map[*graph.Node]bool{}
	readers := map[*graph.Node][]*graph.Node{}
	var visit func(x *graph.Node)
	visit = func(x *graph.Node) {
		if used[x] {
			return
		}
		used[x] = true
		for _, in := range x.Inputs() {
			readers[in] = append(readers[in], x)
			visit(in)
		}
	}
	visit(out)
	isEdited := map[*graph.Node]bool{}
	for _, e := range edited {
		visit(e)
		isEdited[e] = true
	}
	d.around = make([][]string, len(edited))
	for i, e := range edited {
		reader := e.Inputs()[0] // value·mul, of value·mul + add
		var around []string
		for {
			value := reader.Inputs()[0]
			if isEdited[value] || value.Type() == graph.NodeTypeParameter {
				around = nil // it is the value of another site, perhaps in another order, or the picture, and has readers as such
				break
			}
			for _, r := range readers[value] {
				if r != reader {
					around = append(around, r.Type().String())
				}
			}
			if value == out {
				around = append(around, "the network's output")
			}
			if !rearranges(value) {
				break
			}
			reader = value
		}
		d.around[i] = around
	}
}

// rearranges tells whether a node holds the values of its input in another order or shape.
func rearranges(x *graph.Node) bool {
	switch x.Type() {
	case graph.NodeTypeTranspose, graph.NodeTypeReshape, graph.NodeTypeIdentity:
		return true
	}
	return false
}

func (k *checker) around(fail problems) {
	d, err := k.follow()
	if err != nil {
		fail("%v", err)
		return
	}
	for i, s := range k.sites {
		k.report.Sites[i].Cut = d.cut[i]
		if len(d.around[i]) > 0 {
			fail("the value of site %s is also read by %s around its tap: go on with what site.Tap returns", s.Name, list3(d.around[i]))
		}
	}
}

// list3 joins the first three.
func list3(names []string) string {
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + fmt.Sprintf(" and %d more", len(names)-3)
	}
	return strings.Join(names, ", ")
}
