package site

import "github.com/gomlx/gomlx/core/graph"

// TapView is Tap for a value that the graph holds in another form than its site has: show brings it into the form of the
// site, with the stimulus first and then axes, and back undoes that. Both must only order the values anew. Where no plan
// reads the site neither costs anything.
func TapView(name string, x *graph.Node, show, back func(*graph.Node) *graph.Node, axes ...Axis) *graph.Node {
	t, ok := x.Graph().State(stateKey{}).(tapper)
	if !ok {
		return x
	}
	y := Tap(name, show(x), axes...)
	if !t.uses(name) {
		return x
	}
	return back(y)
}
