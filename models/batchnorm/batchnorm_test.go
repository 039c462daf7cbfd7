package batchnorm_test

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/models/batchnorm"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

const eps = 1e-3

// layer is a layer "bn" of three channels with statistics of the usual sizes.
func layer(t *testing.T) (*program.Params, [4][]float32) {
	t.Helper()
	parts := [4][]float32{{1.5, -0.2, 0.9}, {0.1, 2, -1}, {0.3, -4, 0}, {0.5, 2, 1e-4}}
	p := program.NewParams()
	for i, part := range batchnorm.Parts {
		if err := p.Set("bn."+part, parts[i], 3); err != nil {
			t.Fatal(err)
		}
	}
	return p, parts
}

func run(t *testing.T, p *program.Params, x []float32, n int) []float32 {
	t.Helper()
	be := backend.MustOpen("go")
	t.Cleanup(be.Finalize) // after the caller read the weights, which are held on it
	prog, err := program.New(be, "bn", p, func(_ *Graph, p *program.Params, in []*Node) []*Node {
		return []*Node{batchnorm.Apply(p, "bn", in[0], eps)}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Close()
	out, err := prog.Run(program.F32(x, n, 3))
	if err != nil {
		t.Fatal(err)
	}
	return out[0].F32
}

func noise(n int) []float32 {
	r := rng.New(1, "batchnorm")
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64()*2 + 1)
	}
	return x
}

// TestFoldedEqualsDefinition compares both forms with γ(x-μ)/√(σ²+ε)+β in float64.
func TestFoldedEqualsDefinition(t *testing.T) {
	p, parts := layer(t)
	scale, shift, err := batchnorm.Fold(parts[0], parts[1], parts[2], parts[3], eps)
	if err != nil {
		t.Fatal(err)
	}
	folded := program.NewParams()
	for name, v := range map[string][]float32{"bn.scale": scale, "bn.shift": shift} {
		if err := folded.Set(name, v, 3); err != nil {
			t.Fatal(err)
		}
	}
	x := noise(30)
	for what, got := range map[string][]float32{"unfolded": run(t, p, x, 10), "folded": run(t, folded, x, 10)} {
		for i, v := range x {
			c := i % 3
			want := float64(parts[0][c])*(float64(v)-float64(parts[2][c]))/math.Sqrt(float64(parts[3][c])+eps) + float64(parts[1][c])
			if d := math.Abs(float64(got[i]) - want); d > 1e-5*(1+math.Abs(want)) {
				t.Errorf("%s: element %d is %g, want %g", what, i, got[i], want)
			}
		}
	}
}

// TestTraining checks that a batch is normalised by itself and that the running statistics follow it.
func TestTraining(t *testing.T) {
	p, parts := layer(t)
	p.SetTraining(true)
	const n = 50
	x := noise(3 * n)
	got := run(t, p, x, n)
	for c := range 3 {
		var mean, square, outMean float64
		for i := range n {
			mean += float64(x[3*i+c]) / n
			outMean += float64(got[3*i+c]) / n
		}
		for i := range n {
			square += (float64(x[3*i+c]) - mean) * (float64(x[3*i+c]) - mean)
		}
		if math.Abs(outMean-float64(parts[1][c])) > 1e-4 {
			t.Errorf("channel %d: mean %g after normalisation, want the bias %g", c, outMean, parts[1][c])
		}
		for part, want := range map[string]float64{
			"bn.running_mean": 0.9*float64(parts[2][c]) + 0.1*mean,
			"bn.running_var":  0.9*float64(parts[3][c]) + 0.1*square/(n-1),
		} {
			v, _, err := p.Get(part)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(float64(v[c])-want) > 1e-5*(1+math.Abs(want)) {
				t.Errorf("%s[%d] = %g, want %g", part, c, v[c], want)
			}
		}
	}
}

func TestFoldRefusesDamage(t *testing.T) {
	for _, v := range []float32{-1, float32(math.NaN())} {
		if _, _, err := batchnorm.Fold([]float32{1}, []float32{0}, []float32{0}, []float32{v}, eps); err == nil {
			t.Errorf("a variance of %v is no error", v)
		}
	}
}
