package onnx

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// order checks that the names of a graph make sense and puts its nodes into an order in which each comes after those it
// reads. Nodes are kept in the order of the file where that is one.
func (g *graphProto) order() error {
	made := map[string]string{} // value: what makes it
	claim := func(name, by string) error {
		if old, ok := made[name]; ok {
			return fmt.Errorf("%q is made twice, by %s and by %s", name, old, by)
		}
		made[name] = by
		return nil
	}
	stored := map[string]bool{}
	for _, t := range g.initializers {
		if t.name == "" {
			return fmt.Errorf("an initializer has no name")
		}
		stored[t.name] = true
		if err := claim(t.name, "an initializer"); err != nil {
			return err
		}
	}
	// Before version 4 of the format, initializers were listed as inputs, too.
	g.inputs = slices.DeleteFunc(g.inputs, func(v valueInfo) bool { return stored[v.name] })
	for _, v := range g.inputs {
		if err := claim(v.name, "the graph's input"); err != nil {
			return err
		}
	}
	for i, n := range g.nodes {
		for _, out := range n.outputs {
			if out == "" {
				continue
			}
			if err := claim(out, n.describe(i)); err != nil {
				return err
			}
		}
	}
	for i, n := range g.nodes {
		for _, in := range n.inputs {
			if _, ok := made[in]; !ok && in != "" {
				return fmt.Errorf("%s reads %q, which nothing makes: an initializer is missing from the file", n.describe(i), in)
			}
		}
	}
	for _, out := range g.outputs {
		if _, ok := made[out.name]; !ok {
			return fmt.Errorf("nothing makes the output %q", out.name)
		}
	}
	return g.sort()
}

// sort puts the nodes into order (Kahn 1962), the first that can be computed first.
func (g *graphProto) sort() error {
	maker := map[string]int{}
	for i, n := range g.nodes {
		for _, out := range n.outputs {
			if out != "" {
				maker[out] = i
			}
		}
	}
	waits := make([]int, len(g.nodes))     // inputs that a node still waits for
	readers := make([][]int, len(g.nodes)) // who waits for a node
	var ready []int
	for i, n := range g.nodes {
		for _, in := range n.inputs {
			if m, ok := maker[in]; ok {
				waits[i]++
				readers[m] = append(readers[m], i)
			}
		}
		if waits[i] == 0 {
			ready = append(ready, i)
		}
	}
	var order []*nodeProto
	heap := newIntHeap(ready)
	for heap.len() > 0 {
		i := heap.pop()
		order = append(order, g.nodes[i])
		for _, r := range readers[i] {
			if waits[r]--; waits[r] == 0 {
				heap.push(r)
			}
		}
	}
	if len(order) < len(g.nodes) {
		for i, n := range g.nodes {
			if waits[i] > 0 {
				return fmt.Errorf("%s depends on its own output: the graph has a cycle", n.describe(i))
			}
		}
	}
	g.nodes = order
	return nil
}

// describe names a node for messages.
func (n *nodeProto) describe(i int) string {
	op := n.op
	if n.domain != "" {
		op = n.domain + "." + op
	}
	switch {
	case n.name != "":
		return fmt.Sprintf("node %s (%s)", n.name, op)
	case len(n.outputs) > 0:
		return fmt.Sprintf("the %s that makes %q", op, n.outputs[0])
	}
	return fmt.Sprintf("node %d (%s)", i, op)
}

// unsupported lists the operations that no function here converts, with their counts.
func (g *graphProto) unsupported() error {
	count := map[string]int{}
	for i, n := range g.nodes {
		name := n.op
		if n.domain != "" {
			name = n.domain + "." + n.op
		}
		if _, ok := operations[name]; !ok {
			count[name]++
		}
		for _, a := range n.attrs {
			if a.graph {
				return fmt.Errorf("%s holds a graph of its own: loops and branches are not supported; export with constant folding, or for a fixed input size", n.describe(i))
			}
		}
	}
	if len(count) == 0 {
		return nil
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(count)) {
		names = append(names, fmt.Sprintf("%s (%d)", name, count[name]))
	}
	return fmt.Errorf("operations that are not supported: %s; there are %s", strings.Join(names, ", "), strings.Join(slices.Sorted(maps.Keys(operations)), ", "))
}

// intHeap gives back the smallest number first.
type intHeap struct{ v []int }

func newIntHeap(v []int) *intHeap {
	h := &intHeap{}
	for _, x := range v {
		h.push(x)
	}
	return h
}

func (h *intHeap) len() int { return len(h.v) }

func (h *intHeap) push(x int) {
	h.v = append(h.v, x)
	for i := len(h.v) - 1; i > 0 && h.v[i] < h.v[(i-1)/2]; i = (i - 1) / 2 {
		h.v[i], h.v[(i-1)/2] = h.v[(i-1)/2], h.v[i]
	}
}

func (h *intHeap) pop() int {
	top, last := h.v[0], len(h.v)-1
	h.v[0] = h.v[last]
	h.v = h.v[:last]
	for i := 0; ; {
		c := 2*i + 1
		if c >= last {
			return top
		}
		if c+1 < last && h.v[c+1] < h.v[c] {
			c++
		}
		if h.v[i] <= h.v[c] {
			return top
		}
		h.v[i], h.v[c] = h.v[c], h.v[i]
		i = c
	}
}
