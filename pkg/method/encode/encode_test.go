package encode_test

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/encode"
)

func normal(stream string, n int) []float64 {
	r := rng.New(3, stream)
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return x
}

// planted are responses of known weights and intercepts to random features, with noise.
func planted(n, p, t int, noise float64) (x, y, w []float64) {
	x, w = normal("x", n*p), normal("w", p*t)
	e := normal("noise", n*t)
	y = make([]float64, n*t)
	for i := range n {
		for j := range t {
			y[i*t+j] = float64(j) + noise*e[i*t+j]
			for k := range p {
				y[i*t+j] += x[i*p+k] * w[k*t+j]
			}
		}
	}
	return x, y, w
}

// TestRidgeSolvesNormalEquations compares with (XᵀX+αI)W = XᵀY on centred data, solved directly, for both shapes of X.
func TestRidgeSolvesNormalEquations(t *testing.T) {
	for _, c := range []struct{ n, p int }{{40, 7}, {9, 30}} {
		const targets, alpha = 3, 2.5
		x, y, _ := planted(c.n, c.p, targets, 0.3)
		m, err := encode.Ridge(x, y, c.n, c.p, targets, []float64{alpha}, nil)
		if err != nil {
			t.Fatal(err)
		}
		xc, yc := centre(x, c.n, c.p), centre(y, c.n, targets)
		var g, b, want mat.Dense
		g.Mul(xc.T(), xc)
		for i := range c.p {
			g.Set(i, i, g.At(i, i)+alpha)
		}
		b.Mul(xc.T(), yc)
		if err := want.Solve(&g, &b); err != nil {
			t.Fatal(err)
		}
		for i := range c.p {
			for j := range targets {
				if d := math.Abs(m.Coef[i*targets+j] - want.At(i, j)); d > 1e-9 {
					t.Errorf("%dx%d: coefficient %d,%d is off by %g", c.n, c.p, i, j, d)
				}
			}
		}
		// The intercept makes the mean response right.
		pred, err := m.Predict(x, c.n)
		if err != nil {
			t.Fatal(err)
		}
		for j := range targets {
			sum := 0.0
			for i := range c.n {
				sum += pred[i*targets+j] - y[i*targets+j]
			}
			if math.Abs(sum) > 1e-8 {
				t.Errorf("%dx%d: the residuals of target %d sum to %g", c.n, c.p, j, sum)
			}
		}
	}
}

func centre(x []float64, n, p int) *mat.Dense {
	out := mat.NewDense(n, p, append([]float64(nil), x...))
	for j := range p {
		mean := 0.0
		for i := range n {
			mean += x[i*p+j] / float64(n)
		}
		for i := range n {
			out.Set(i, j, out.At(i, j)-mean)
		}
	}
	return out
}

// TestCrossValidation: little noise asks for a small penalty, a target of noise alone for a large one, and a held-out
// score equals the one computed by fitting that fold's rows.
func TestCrossValidation(t *testing.T) {
	const n, p = 60, 20
	x, y1, _ := planted(n, p, 1, 0.01)
	pure := normal("pure", n)
	y := make([]float64, 2*n)
	for i := range n {
		y[2*i], y[2*i+1] = y1[i], pure[i]
	}
	folds := make([]int, n)
	for i := range folds {
		folds[i] = i * 3 / n
	}
	alphas := []float64{1e-3, 1, 1e4}
	m, err := encode.Ridge(x, y, n, p, 2, alphas, folds)
	if err != nil {
		t.Fatal(err)
	}
	if m.AlphaIndex[0] != 0 || m.AlphaIndex[1] != 2 {
		t.Errorf("penalties %v chosen, want the smallest for the tuned target and the largest for noise", m.AlphaIndex)
	}
	if s := m.Scores[0]; s < 0.99 {
		t.Errorf("the tuned target scores %g", s)
	}
	want := 0.0
	for f := range 3 {
		var xt, yt, xh []float64
		var yh []float64
		for i := range n {
			if folds[i] == f {
				xh, yh = append(xh, x[i*p:(i+1)*p]...), append(yh, pure[i])
			} else {
				xt, yt = append(xt, x[i*p:(i+1)*p]...), append(yt, pure[i])
			}
		}
		one, err := encode.Ridge(xt, yt, len(yt), p, 1, []float64{1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		pred, err := one.Predict(xh, len(yh))
		if err != nil {
			t.Fatal(err)
		}
		var mean, sse, sst float64
		for _, v := range yh {
			mean += v / float64(len(yh))
		}
		for i, v := range yh {
			sse, sst = sse+(v-pred[i])*(v-pred[i]), sst+(v-mean)*(v-mean)
		}
		want += (1 - sse/sst) / 3
	}
	if got := m.Scores[1*2+1]; math.Abs(got-want) > 1e-9 {
		t.Errorf("score %g, want %g", got, want)
	}
}

func TestRidgeErrors(t *testing.T) {
	x, y := []float64{1, 2, 3, 4}, []float64{1, 2, 3, 4}
	for name, f := range map[string]func() error{
		"NaN": func() error {
			_, e := encode.Ridge([]float64{1, math.NaN(), 3, 4}, y, 4, 1, 1, []float64{1}, nil)
			return e
		},
		"length":     func() error { _, e := encode.Ridge(x[:3], y, 4, 1, 1, []float64{1}, nil); return e },
		"alpha":      func() error { _, e := encode.Ridge(x, y, 4, 1, 1, []float64{0}, nil); return e },
		"no folds":   func() error { _, e := encode.Ridge(x, y, 4, 1, 1, []float64{1, 2}, nil); return e },
		"one fold":   func() error { _, e := encode.Ridge(x, y, 4, 1, 1, []float64{1}, []int{0, 0, 0, 0}); return e },
		"probe rows": func() error { _, e := encode.FitProbe(x, []int{0, 1, 0, 1}, 4, 1, 2); return e },
	} {
		if f() == nil {
			t.Errorf("%s is no error", name)
		}
	}
}

// TestConstantTarget scores 0 and is predicted exactly.
func TestConstantTarget(t *testing.T) {
	x := normal("x", 12)
	y := make([]float64, 12)
	for i := range y {
		y[i] = 5
	}
	m, err := encode.Ridge(x, y, 12, 1, 1, []float64{1}, []int{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2})
	if err != nil {
		t.Fatal(err)
	}
	pred, err := m.Predict([]float64{100}, 1)
	if err != nil || m.Scores[0] != 0 || math.Abs(pred[0]-5) > 1e-9 {
		t.Errorf("score %v, prediction %v, %v", m.Scores, pred, err)
	}
}

func ExampleRidge() {
	x := []float64{0, 1, 2, 3}
	y := []float64{1, 3, 5, 7}
	m, err := encode.Ridge(x, y, 4, 1, 1, []float64{1e-9}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.3f x + %.3f\n", m.Coef[0], m.Intercept[0])
	// Output: 2.000 x + 1.000
}
