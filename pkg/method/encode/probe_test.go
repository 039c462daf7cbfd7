package encode_test

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/method/encode"
)

// clouds are n rows of p correlated features, whose means depend on the class; the last feature is constant.
func clouds(seed uint64, n, p, k int, apart float64) (x []float64, class []int) {
	r := rng.New(seed, "encode/clouds")
	means := make([]float64, k*p)
	for i := range means {
		means[i] = apart * r.NormFloat64()
	}
	for i := range n {
		c := (i / 3) % k
		common := r.NormFloat64()
		for j := range p {
			v := 100 + means[c*p+j] + r.NormFloat64() + 2*common
			if j == p-1 {
				v = 4
			}
			x = append(x, v)
		}
		class = append(class, c)
	}
	return x, class
}

// TestProbeIsRidge compares a probe, made of sums, to the ridge regression of the rows themselves, whose folds are cut out of
// them: the same penalty and the same weights.
func TestProbeIsRidge(t *testing.T) {
	for _, c := range []struct {
		n, p, k int
		apart   float64
	}{{200, 12, 5, 1}, {203, 12, 5, 0.2}, {60, 40, 3, 0.5}, {30, 50, 2, 0.5}, {90, 4, 30, 2}, {120, 9, 2, 0}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			x, class := clouds(3, c.n, c.p, c.k, c.apart)
			pr, err := encode.FitProbe(x, class, c.n, c.p, c.k)
			if err != nil {
				t.Fatal(err)
			}
			z := make([]float64, len(x))
			for j := range c.p {
				m, s := 0.0, 0.0
				for i := range c.n {
					m += x[i*c.p+j] / float64(c.n)
				}
				for i := range c.n {
					s += (x[i*c.p+j] - m) * (x[i*c.p+j] - m) / float64(c.n)
				}
				if s == 0 {
					s = 1
				}
				for i := range c.n {
					z[i*c.p+j] = (x[i*c.p+j] - m) / math.Sqrt(s)
				}
			}
			y := make([]float64, c.n*c.k)
			folds := make([]int, c.n)
			for i := range c.n {
				y[i*c.k+class[i]] = 1
				folds[i] = i % 5
			}
			var alphas []float64
			for _, a := range encode.ProbeAlphas {
				alphas = append(alphas, a*float64(c.n))
			}
			m, err := encode.Ridge(z, y, c.n, c.p, c.k, alphas, folds)
			if err != nil {
				t.Fatal(err)
			}
			best, bestScore := 0, math.Inf(-1)
			for a := range alphas {
				sum := 0.0
				for j := range c.k {
					sum += m.Scores[a*c.k+j]
				}
				if sum > bestScore {
					best, bestScore = a, sum
				}
			}
			if pr.Model.Alphas[0] != alphas[best] {
				t.Fatalf("penalty %g, want %g", pr.Model.Alphas[0], alphas[best])
			}
			want, err := encode.Ridge(z, y, c.n, c.p, c.k, alphas[best:best+1], nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range want.Coef {
				if math.Abs(v-pr.Model.Coef[i]) > 1e-9 {
					t.Fatalf("weight %d is %g, want %g", i, pr.Model.Coef[i], v)
				}
			}
			for i, v := range want.Intercept {
				if math.Abs(v-pr.Model.Intercept[i]) > 1e-9 {
					t.Fatalf("intercept %d is %g, want %g", i, pr.Model.Intercept[i], v)
				}
			}
		})
	}
}

// TestProbeSameBits: a probe does not depend on the number of threads.
func TestProbeSameBits(t *testing.T) {
	x, class := clouds(5, 600, 96, 20, 0.3)
	fit := func(threads int) *encode.Probe {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
		pr, err := encode.FitProbe(x, class, 600, 96, 20)
		if err != nil {
			t.Fatal(err)
		}
		return pr
	}
	one, five := fit(1), fit(5)
	for i, v := range one.Model.Coef {
		if v != five.Model.Coef[i] {
			t.Fatalf("weight %d: %g on one thread, %g on five", i, v, five.Model.Coef[i])
		}
	}
}

func TestProbeRefuses(t *testing.T) {
	x, class := clouds(5, 20, 3, 2, 1)
	for name, f := range map[string]func() error{
		"not a number": func() error {
			y := append([]float64(nil), x...)
			y[7] = math.NaN()
			_, err := encode.FitProbe(y, class, 20, 3, 2)
			return err
		},
		"class":    func() error { _, err := encode.FitProbe(x, class, 20, 3, 1); return err },
		"features": func() error { _, err := encode.FitProbe(nil, class, 20, 0, 2); return err },
	} {
		if f() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func BenchmarkFitProbe(b *testing.B) {
	x, class := clouds(5, 2000, 128, 134, 0.3)
	for b.Loop() {
		if _, err := encode.FitProbe(x, class, 2000, 128, 134); err != nil {
			b.Fatal(err)
		}
	}
}
