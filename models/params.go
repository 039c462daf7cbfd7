package models

import "github.com/ventral-lab/ventral/internal/program"

// Params are the weights of a network, under the names they have in its checkpoint. Forward asks for each by name and
// expected shape, p.Node(g, "conv1.weight", 64, 3, 7, 7); a weight that is missing or of another shape stops the
// building of the graph with an error that says so.
type Params = program.Params

// NewParams returns an empty set of weights, for networks whose weights do not come from a checkpoint; Set adds one.
func NewParams() *Params { return program.NewParams() }
