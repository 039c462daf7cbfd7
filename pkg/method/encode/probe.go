package encode

import (
	"fmt"
	"math"
)

// Probe is a linear classifier: ridge regression from standardised features to one column a class, 1 for the class and 0
// elsewhere, the largest prediction winning (regularised least-squares classification, Rifkin et al. 2003). One penalty
// serves all classes.
type Probe struct {
	Model       *Model
	Mean, Scale []float64 // of the features
}

// ProbeAlphas are the penalties that a probe chooses from, times the number of training rows.
var ProbeAlphas = []float64{1e-4, 1e-3, 1e-2, 1e-1, 1, 10}

// FitProbe learns classes 0..k-1 from n rows of features x [n, p], with the penalty whose held-out R², summed over
// classes, is largest over five folds; rows go to the folds in turns.
func FitProbe(x []float64, class []int, n, p, k int) (*Probe, error) {
	if n < 10 || len(class) != n || len(x) != n*p {
		return nil, fmt.Errorf("probe: %d values and %d classes for %d rows of %d features: want as many, and at least 10 rows", len(x), len(class), n, p)
	}
	y := make([]float64, n*k)
	for i, c := range class {
		if c < 0 || c >= k {
			return nil, fmt.Errorf("probe: row %d has class %d of %d", i, c, k)
		}
		y[i*k+c] = 1
	}
	pr := &Probe{Mean: make([]float64, p), Scale: make([]float64, p)}
	for j := range p {
		for i := range n {
			pr.Mean[j] += x[i*p+j] / float64(n)
		}
		for i := range n {
			d := x[i*p+j] - pr.Mean[j]
			pr.Scale[j] += d * d / float64(n)
		}
		if pr.Scale[j] = math.Sqrt(pr.Scale[j]); pr.Scale[j] == 0 {
			pr.Scale[j] = 1
		}
	}
	z := pr.standardised(x)
	folds := make([]int, n)
	for i := range folds {
		folds[i] = i % 5
	}
	alphas := make([]float64, len(ProbeAlphas))
	best, bestScore := 0, math.Inf(-1)
	for i, a := range ProbeAlphas {
		alphas[i] = a * float64(n)
	}
	m, err := Ridge(z, y, n, p, k, alphas, folds)
	if err != nil {
		return nil, err
	}
	for a := range alphas {
		sum := 0.0
		for j := range k {
			sum += m.Scores[a*k+j]
		}
		if sum > bestScore {
			best, bestScore = a, sum
		}
	}
	pr.Model, err = Ridge(z, y, n, p, k, alphas[best:best+1], nil)
	return pr, err
}

func (pr *Probe) standardised(x []float64) []float64 {
	p := len(pr.Mean)
	z := make([]float64, len(x))
	for i, v := range x {
		z[i] = (v - pr.Mean[i%p]) / pr.Scale[i%p]
	}
	return z
}

// Classify gives the class of n rows of features.
func (pr *Probe) Classify(x []float64, n int) ([]int, error) {
	y, err := pr.Model.Predict(pr.standardised(x), n)
	if err != nil {
		return nil, err
	}
	k := pr.Model.Targets
	out := make([]int, n)
	for i := range out {
		for c := range k {
			if y[i*k+c] > y[i*k+out[i]] {
				out[i] = c
			}
		}
	}
	return out, nil
}
