package ops

import (
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

func init() {
	rules := map[NodeType]VJP{
		NodeTypeIdentity: func(_ *Node, v []*Node, _ shapes.Shape) []*Node { return v[:1] },
		// d/dx x^(-1/2) = -1/2 x^(-3/2)
		NodeTypeRsqrt: func(n *Node, v []*Node, _ shapes.Shape) []*Node {
			return []*Node{Mul(v[0], MulScalar(Mul(n, Mul(n, n)), -0.5))}
		},
		// d/dx (e^x - 1) = e^x
		NodeTypeExpm1: func(n *Node, v []*Node, _ shapes.Shape) []*Node {
			return []*Node{Mul(v[0], OnePlus(n))}
		},
		// clamp(min, x, max): the gradient goes to x strictly between the bounds, and is dropped at them. The bounds are
		// constants wherever we clamp.
		NodeTypeClamp: func(n *Node, v []*Node, _ shapes.Shape) []*Node {
			in := n.Inputs()
			lo, x, hi := in[0], in[1], in[2]
			inside := LogicalAnd(GreaterThan(x, lo), LessThan(x, hi))
			return []*Node{ZerosLike(lo), Where(inside, v[0], ZerosLike(v[0])), ZerosLike(hi)}
		},
	}
	scatter := VJPRegistration[NodeTypeGather]
	VJPRegistration[NodeTypeGather] = func(n *Node, v []*Node, shape shapes.Shape) []*Node {
		in := n.Inputs()
		if g, ok := rowsGradient(in[0], in[1], v[0]); ok {
			return []*Node{g, nil}
		}
		return scatter(n, v, shape)
	}
	for t, rule := range rules {
		if _, has := VJPRegistration[t]; !has {
			VJPRegistration[t] = rule
		}
	}
}

// rowsGradient is the gradient of a look-up of rows, Gather(table [n, c], ids [..., 1]) -> [..., c], as one product with
// the one-hot ids. GoMLX scatters instead, which is slow in XLA on the CPU: a training step of the shipped CLIP took more
// than four times as much of it.
func rowsGradient(table, ids, v *Node) (*Node, bool) {
	td, id, vd := table.Shape().Dimensions, ids.Shape().Dimensions, v.Shape().Dimensions
	if len(td) != 2 || len(id) == 0 || id[len(id)-1] != 1 || len(vd) != len(id) || vd[len(vd)-1] != td[1] {
		return nil, false
	}
	rows := ids.Shape().Size()
	hot := OneHot(Reshape(ids, rows), td[0], v.DType())
	return Einsum("rn,rc->nc", hot, Reshape(v, rows, td[1])), true
}
