package encode_test

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"gonum.org/v1/gonum/mat"

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

// fitted is a discriminant made of rows themselves: means, the covariance within classes, its inverse.
type fitted struct {
	mean  [][]float64
	inv   *mat.Dense
	prior []float64
}

func fit(x []float64, class []int, use func(i int) bool, p, k int, shrinkage float64) fitted {
	f := fitted{prior: make([]float64, k)}
	n, classes := 0.0, 0.0
	for c := range k {
		m, rows := make([]float64, p), 0.0
		for i, of := range class {
			if use(i) && of == c {
				rows++
				for j := range p {
					m[j] += x[i*p+j]
				}
			}
		}
		for j := range m {
			if rows > 0 {
				m[j] /= rows
			}
		}
		if rows > 0 {
			classes++
		}
		f.mean, f.prior[c], n = append(f.mean, m), rows, n+rows
	}
	cov := mat.NewDense(p, p, nil)
	for i, c := range class {
		for a := 0; use(i) && a < p; a++ {
			for b := range p {
				cov.Set(a, b, cov.At(a, b)+(x[i*p+a]-f.mean[c][a])*(x[i*p+b]-f.mean[c][b])/math.Max(n-classes, 1))
			}
		}
	}
	average := mat.Trace(cov) / float64(p)
	for a := range p {
		for b := range p {
			v := (1 - shrinkage) * cov.At(a, b)
			if a == b {
				v += shrinkage * average
			}
			cov.Set(a, b, v)
		}
	}
	f.inv = &mat.Dense{}
	if err := f.inv.Inverse(cov); err != nil {
		panic(err)
	}
	for c := range f.prior {
		f.prior[c] = math.Log(f.prior[c] / n)
	}
	return f
}

// score is ln(prior) - (x-m)ᵀS⁻¹(x-m)/2 less what it is for class 0.
func (f fitted) score(x []float64, c int) float64 {
	of := func(c int) float64 {
		d := mat.NewVecDense(len(x), nil)
		d.SubVec(mat.NewVecDense(len(x), x), mat.NewVecDense(len(x), f.mean[c]))
		return f.prior[c] - mat.Inner(d, f.inv, d)/2
	}
	return of(c) - of(0)
}

// TestProbeIsDiscriminant compares a probe, made of sums, with normal densities of the rows themselves, whose folds are cut
// out of them: the same shrinkage and the same scores.
func TestProbeIsDiscriminant(t *testing.T) {
	for _, c := range []struct {
		n, p, k int
		apart   float64
	}{{200, 12, 5, 1}, {203, 12, 5, 0.2}, {60, 40, 3, 0.5}, {30, 50, 2, 0.5}, {90, 4, 30, 2}, {120, 9, 2, 0}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			x, class := clouds(3, c.n, c.p, c.k, c.apart)
			for i := range c.n {
				x[i*c.p+c.p-1] = 4 + 1e-3*x[i*c.p] // no constant feature: its covariance has no inverse
			}
			pr, err := encode.FitProbe(x, class, c.n, c.p, c.k)
			if err != nil {
				t.Fatal(err)
			}
			z := standardised(x, c.n, c.p)
			in := make([]int, c.n)
			for i, of := range class {
				before := 0
				for _, o := range class[:i] {
					if o == of {
						before++
					}
				}
				in[i] = (before + of) % 5
			}
			best, bestRight := 0.0, -1
			for _, s := range encode.Shrinkages {
				right := 0
				for f := range 5 {
					m := fit(z, class, func(i int) bool { return in[i] != f }, c.p, c.k, s)
					for i := range c.n {
						if in[i] != f {
							continue
						}
						most := 0
						for q := 1; q < c.k; q++ {
							if m.score(z[i*c.p:(i+1)*c.p], q) > m.score(z[i*c.p:(i+1)*c.p], most) {
								most = q
							}
						}
						if most == class[i] {
							right++
						}
					}
				}
				if right >= bestRight {
					best, bestRight = s, right
				}
			}
			if pr.Shrinkage != best || math.Abs(pr.Accuracy-float64(bestRight)/float64(c.n)) > 1e-12 {
				t.Fatalf("shrinkage %g, %g right, want %g, %d of %d", pr.Shrinkage, pr.Accuracy, best, bestRight, c.n)
			}
			m := fit(z, class, func(int) bool { return true }, c.p, c.k, best)
			got, err := pr.Scores(x, c.n)
			if err != nil {
				t.Fatal(err)
			}
			for i := range c.n {
				for q := 1; q < c.k; q++ {
					want := m.score(z[i*c.p:(i+1)*c.p], q)
					if d := got[i*c.k+q] - got[i*c.k] - want; math.Abs(d) > 1e-6*(1+math.Abs(want)) {
						t.Fatalf("row %d, class %d: %g, want %g", i, q, want+d, want)
					}
				}
			}
		})
	}
}

func standardised(x []float64, n, p int) []float64 {
	z := make([]float64, len(x))
	for j := range p {
		m, s := 0.0, 0.0
		for i := range n {
			m += x[i*p+j] / float64(n)
		}
		for i := range n {
			s += (x[i*p+j] - m) * (x[i*p+j] - m) / float64(n)
		}
		if s == 0 {
			s = 1
		}
		for i := range n {
			z[i*p+j] = (x[i*p+j] - m) / math.Sqrt(s)
		}
	}
	return z
}

// heldOut is the share that a probe of the first n rows of x names right of the n others.
func heldOut(t *testing.T, x []float64, class []int, n, p, k int) float64 {
	t.Helper()
	pr, err := encode.FitProbe(x[:n*p], class[:n], n, p, k)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pr.Classify(x[n*p:], n)
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for i, g := range got {
		if g == class[n+i] {
			right++
		}
	}
	return float64(right) / float64(n)
}

// TestProbe separates three clouds, and is at chance where there is nothing to find.
func TestProbe(t *testing.T) {
	const n, p, k = 300, 5, 3
	for _, c := range []struct {
		gap      float64
		low, top float64
	}{{4, 0.97, 1}, {0, 0.2, 0.47}} {
		x := normal("clouds", 2*n*p)
		class := make([]int, 2*n)
		for i := range class {
			class[i] = (i * 7) % k
			x[i*p+class[i]] += c.gap
		}
		if acc := heldOut(t, x, class, n, p, k); acc < c.low || acc > c.top {
			t.Errorf("clouds %g apart: accuracy %.3f on new rows, want %g to %g", c.gap, acc, c.low, c.top)
		}
	}
}

// TestProbeIsBest: where the classes are what the discriminant takes them for, no classifier does better, and with many rows
// the probe nearly reaches the rate that is known: two normal clouds d deviations apart are told apart in Φ(d/2).
func TestProbeIsBest(t *testing.T) {
	const n, p, d = 6000, 6, 2.0
	r := rng.New(8, "encode/two clouds")
	x, class := make([]float64, 2*n*p), make([]int, 2*n)
	for i := range 2 * n {
		class[i] = i / 7 % 2
		for j := range p {
			x[i*p+j] = r.NormFloat64()
		}
		x[i*p] += d * float64(class[i])
		for j := 1; j < p; j++ { // mix: distances in the covariance stay
			x[i*p+j] = 3*x[i*p+j] + 5*x[i*p+j-1]
		}
	}
	got := heldOut(t, x, class, n, p, 2)
	want := math.Erfc(-d/2/math.Sqrt2) / 2
	if se := math.Sqrt(want * (1 - want) / n); math.Abs(got-want) > 4*se {
		t.Errorf("%.4f right, want %.4f within %.4f", got, want, 4*se)
	}
}

// TestProbeOfClassesInTurns: five classes that come in turns are each in every fold.
func TestProbeOfClassesInTurns(t *testing.T) {
	r := rng.New(9, "encode/turns")
	const n, p, k = 200, 4, 5
	x, class := make([]float64, n*p), make([]int, n)
	for i := range n {
		class[i] = i % k
		for j := range p {
			x[i*p+j] = float64(class[i]*(j+1)%k) + 0.1*r.NormFloat64()
		}
	}
	pr, err := encode.FitProbe(x, class, n, p, k)
	if err != nil || pr.Accuracy < 0.99 {
		t.Errorf("accuracy %g held out, %v", pr.Accuracy, err)
	}
}

// TestProbeOfAMissingClass: a class without rows is never answered, and rows that are alike within classes do no harm.
func TestProbeOfAMissingClass(t *testing.T) {
	x, class := []float64{}, []int{}
	for i := range 20 {
		x, class = append(x, float64(i%2), 7), append(class, 2*(i%2))
	}
	pr, err := encode.FitProbe(x, class, 20, 2, 4)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pr.Classify([]float64{0, 7, 1, 7}, 2)
	if err != nil || got[0] != 0 || got[1] != 2 || pr.Accuracy != 1 {
		t.Errorf("%v, %v, accuracy %g", got, err, pr.Accuracy)
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
	for i, v := range one.Coef {
		if v != five.Coef[i] {
			t.Fatalf("weight %d: %g on one thread, %g on five", i, v, five.Coef[i])
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
