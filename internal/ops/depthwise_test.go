package ops_test

import (
	"fmt"
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// windowCase is a depthwise convolution or average pool with TensorFlow's SAME padding.
type windowCase struct{ h, w, k, stride int }

func (c windowCase) String() string {
	return fmt.Sprintf("%dx%d kernel %d stride %d", c.h, c.w, c.k, c.stride)
}

// windowCases are the kernels and strides of NASNet, on pictures of odd and even sides and smaller than the kernel.
var windowCases = []windowCase{{5, 6, 3, 1}, {6, 5, 5, 1}, {4, 4, 7, 1}, {5, 6, 3, 2}, {6, 7, 5, 2}, {7, 8, 7, 2}, {8, 3, 7, 2}, {1, 1, 3, 1},
	{1, 1, 5, 2}, {2, 1, 7, 2}, {3, 4, 1, 1}}

// TestWindowsAgainstLoops checks depthwise convolution and both rules of average pools, forward, against plain loops.
func TestWindowsAgainstLoops(t *testing.T) {
	const b, ch = 2, 3
	for _, c := range windowCases {
		x, kd := random("image", b, c.h, c.w, ch), random("kernel", ch, 1, c.k, c.k)
		pad := ops.Same(c.h, c.w, c.k, c.stride)
		oh, ow := (c.h+c.stride-1)/c.stride, (c.w+c.stride-1)/c.stride
		var deep, inside, counted []float64
		for n := range b {
			for i := range oh {
				for j := range ow {
					for k := range ch {
						sum, total, places := 0.0, 0.0, 0.0
						for u := range c.k {
							for v := range c.k {
								y, z := i*c.stride+u-pad.Top, j*c.stride+v-pad.Left
								if y < 0 || z < 0 || y >= c.h || z >= c.w {
									continue
								}
								p := x.F64[((n*c.h+y)*c.w+z)*ch+k]
								sum += p * kd.F64[(k*c.k+u)*c.k+v]
								total, places = total+p, places+1
							}
						}
						deep, inside, counted = append(deep, sum), append(inside, total/places), append(counted, total/float64(c.k*c.k))
					}
				}
			}
		}
		backends(t, func(t *testing.T, be *backend.Backend) {
			p, err := program.New(be, "windows", nil, func(_ *Graph, _ *program.Params, in []*Node) []*Node {
				return []*Node{ops.Depthwise(in[0], in[1], c.stride, pad), ops.PoolMean(in[0], c.k, c.stride, pad, false), ops.PoolMean(in[0], c.k, c.stride, pad, true)}
			})
			if err != nil {
				t.Fatal(err)
			}
			out, err := p.Run(x, kd)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range [][]float64{deep, inside, counted} {
				if got := fmt.Sprint(out[i].Dims); got != fmt.Sprint([]int{b, oh, ow, ch}) {
					t.Fatalf("%s, output %d: shape %s", c, i, got)
				}
				for j := range want {
					if math.Abs(out[i].F64[j]-want[j]) > 1e-12 {
						t.Fatalf("%s, output %d, element %d: %g, want %g", c, i, j, out[i].F64[j], want[j])
					}
				}
			}
		})
	}
}

// TestWindowGradients compares the gradients with central differences: on XLA they follow rules of their own.
func TestWindowGradients(t *testing.T) {
	backends(t, func(t *testing.T, be *backend.Backend) {
		for _, c := range windowCases {
			pad := ops.Same(c.h, c.w, c.k, c.stride)
			x, kd := random("image", 1, c.h, c.w, 2), random("kernel", 2, 1, c.k, c.k)
			t.Run("depthwise "+c.String(), func(t *testing.T) {
				checkGradient(t, be, []program.Value{x, kd}, func(in []*Node) *Node { return ops.Depthwise(in[0], in[1], c.stride, pad) })
			})
			t.Run("mean "+c.String(), func(t *testing.T) {
				checkGradient(t, be, []program.Value{x}, func(in []*Node) *Node { return ops.PoolMean(in[0], c.k, c.stride, pad, false) })
			})
		}
		// A window that leaves rows and columns over, without padding.
		t.Run("depthwise, not padded", func(t *testing.T) {
			checkGradient(t, be, []program.Value{random("image", 1, 6, 7, 2), random("kernel", 2, 1, 3, 3)},
				func(in []*Node) *Node { return ops.Depthwise(in[0], in[1], 2, ops.Padding{}) })
		})
	})
}

// TestGradientOfOnePath: an image that is also read beside the convolution gets the gradients of both paths.
func TestGradientOfOnePath(t *testing.T) {
	backends(t, func(t *testing.T, be *backend.Backend) {
		checkGradient(t, be, []program.Value{random("image", 1, 4, 5, 2), random("kernel", 2, 1, 3, 3)}, func(in []*Node) *Node {
			return Mul(in[0], ops.Depthwise(in[0], in[1], 1, ops.Even(1)))
		})
	})
}
