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
	for t, rule := range rules {
		if _, has := VJPRegistration[t]; !has {
			VJPRegistration[t] = rule
		}
	}
}
