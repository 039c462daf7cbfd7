package train

import (
	"math"
	"slices"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
)

// Muon moves every matrix along the orthogonal matrix nearest to its momentum (Jordan et al. 2024): all directions of a
// weight are learned at one pace, also those whose gradients are small. Kernels of convolutions count as matrices [out,
// in·height·width]. Its steps are scaled to the usual size of AdamW's, so that both share a learning rate and a decay
// (Liu et al. 2025, Muon is scalable for LLM training, eq. 4).
type Muon struct {
	Momentum float64 // of the gradient, with Nesterov's look-ahead
	Rounds   int     // of the Newton-Schulz iteration
	Size     float64 // root mean square of a step at learning rate 1
}

// usualMuon is what the recipes use: momentum and rounds as published, and AdamW's usual size of a step.
func usualMuon() *Muon { return &Muon{Momentum: 0.95, Rounds: 5, Size: 0.2} }

// tables are parts of the names of weights whose rows are no directions of one space: one row is one token, one place or
// one prototype.
var tables = []string{"embedding", "pos_embed", "token", "last_layer"}

// moves tells whether a weight is Muon's: matrices of at least 8 rows and columns that map features to features. Tables,
// vectors and depthwise kernels stay AdamW's.
func (m *Muon) moves(name string, dims []int) bool {
	if m == nil || len(dims) < 2 || len(dims) == 4 && dims[1] == 1 {
		return false
	}
	_, rows, columns := matrices(name, dims)
	return min(rows, columns) >= 8 && !slices.ContainsFunc(tables, func(t string) bool { return strings.Contains(name, t) })
}

// matrices is how many matrices of how many rows and columns a weight holds: queries, keys and values stand on one
// another.
func matrices(name string, dims []int) (count, rows, columns int) {
	rows, columns = dims[0], 1
	for _, d := range dims[1:] {
		columns *= d
	}
	if rows == 3*columns && (strings.HasSuffix(name, "in_proj_weight") || strings.HasSuffix(name, "qkv.weight")) {
		return 3, columns, columns
	}
	return 1, rows, columns
}

// step is the direction of one weight for its gradient d, and moves its momentum.
func (m *Muon) step(p *program.Params, name string, d *Node) *Node {
	dims := p.Shapes()[name]
	v := p.Node(d.Graph(), momentPrefix+"m/"+name, dims...)
	v = Add(MulScalar(v, m.Momentum), d)
	p.Update(momentPrefix+"m/"+name, v)
	count, rows, columns := matrices(name, dims)
	x := Reshape(Add(d, MulScalar(v, m.Momentum)), count, rows, columns)
	x = MulScalar(m.orthogonal(x), m.Size*math.Sqrt(float64(max(rows, columns))))
	return Reshape(x, dims...)
}

// orthogonal is nearly U·Vᵀ for x = U·S·Vᵀ [count, rows, columns]: a polynomial in x·xᵀ, of the coefficients of Jordan et
// al., brings singular values from a hundredth of the norm up to between 0.6 and 1.25 in five rounds.
func (m *Muon) orthogonal(x *Node) *Node {
	dims := x.Shape().Dimensions
	tall := dims[1] > dims[2]
	if tall {
		x = TransposeAllAxes(x, 0, 2, 1)
	}
	norm := Sqrt(ReduceSum(ReduceSum(Square(x), 2), 1))
	x = Div(x, AddScalar(Reshape(norm, dims[0], 1, 1), 1e-7))
	for range m.Rounds {
		a := Einsum("nij,nkj->nik", x, x)
		b := Add(MulScalar(a, -4.7750), MulScalar(Einsum("nij,njk->nik", a, a), 2.0315))
		x = Add(MulScalar(x, 3.4445), Einsum("nij,njk->nik", b, x))
	}
	if tall {
		x = TransposeAllAxes(x, 0, 2, 1)
	}
	return x
}
