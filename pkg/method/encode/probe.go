package encode

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/ventral-lab/ventral/internal/parallel"
)

// Probe is a linear classifier of standardised features: the discriminant of classes that are normal clouds of one shape
// (Fisher 1936; Rao 1948). The covariance within classes is shrunk towards a multiple of the identity (Friedman 1989, eq. 18).
type Probe struct {
	Features, Classes int
	Mean, Scale       []float64 // of the features
	Coef              []float64 // [features, classes], of standardised features
	Intercept         []float64 // [classes]; -Inf for a class without rows
	Shrinkage         float64   // the chosen one of Shrinkages
	Accuracy          float64   // share of rows classified rightly when held out, under that shrinkage
}

// Shrinkages are what a probe chooses from: the share of the identity in the covariance.
var Shrinkages = []float64{1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 0.5}

// probeFolds is the number of folds that choose the shrinkage.
const probeFolds = 5

// FitProbe learns classes 0..k-1 from n rows of features x [n, p], with the shrinkage under which most held-out rows are
// classified rightly over five folds, the largest of equals; the rows of every class go to the folds in turns.
//
// All that the discriminant needs are sums over rows of features by class and of their products. They are made once for
// every fold, and what a fold trains on is all less its own.
func FitProbe(x []float64, class []int, n, p, k int) (*Probe, error) {
	if n < 10 || p < 1 || k < 1 || len(class) != n || len(x) != n*p {
		return nil, fmt.Errorf("probe: %d values and %d classes for %d rows of %d features: want as many, and at least 10 rows", len(x), len(class), n, p)
	}
	for i, c := range class {
		if c < 0 || c >= k {
			return nil, fmt.Errorf("probe: row %d has class %d of %d", i, c, k)
		}
	}
	for i, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("probe: feature %d of row %d is %g: remove or impute it first", i%p, i/p, v)
		}
	}
	pr := &Probe{Features: p, Classes: k, Mean: make([]float64, p), Scale: make([]float64, p)}
	for i, v := range x {
		pr.Mean[i%p] += v / float64(n)
	}
	for i, v := range x {
		d := v - pr.Mean[i%p]
		pr.Scale[i%p] += d * d / float64(n)
	}
	for j, v := range pr.Scale {
		if pr.Scale[j] = math.Sqrt(v); v == 0 {
			pr.Scale[j] = 1
		}
	}
	z := pr.standardised(x)
	folds, in := make([]*fold, probeFolds), foldNumbers(class, k)
	parallel.For(probeFolds, func(f int) { folds[f] = foldOf(z, class, in, f, p, k) })
	all := newMoments(p, k)
	for _, f := range folds {
		all.add(f.moments, 1)
	}
	right := make([][]int, probeFolds)
	parallel.For(probeFolds, func(f int) {
		train := newMoments(p, k)
		train.add(all, 1)
		train.add(folds[f].moments, -1)
		right[f] = train.clouds().heldOut(folds[f])
	})
	best, bestRight := len(Shrinkages)-1, -1
	for s := range Shrinkages {
		sum := 0
		for _, r := range right {
			sum += r[s]
		}
		if sum >= bestRight {
			best, bestRight = s, sum
		}
	}
	pr.Shrinkage, pr.Accuracy = Shrinkages[best], float64(bestRight)/float64(n)
	w, b, ok := all.clouds().discriminant(pr.Shrinkage)
	if !ok {
		return nil, fmt.Errorf("probe: the covariance of %d features within classes is not positive, shrunk by %g: remove repeated features", p, pr.Shrinkage)
	}
	pr.Coef, pr.Intercept = w.RawMatrix().Data, b
	return pr, nil
}

// moments are sums over rows of features x.
type moments struct {
	count []float64     // rows of every class [k]
	sum   *mat.Dense    // Σx of every class [k, p]
	gram  *mat.SymDense // Σxxᵀ [p, p]
}

func newMoments(p, k int) *moments {
	return &moments{count: make([]float64, k), sum: mat.NewDense(k, p, nil), gram: mat.NewSymDense(p, nil)}
}

// fold are the rows that are held out together.
type fold struct {
	*moments
	x     *mat.Dense // nil without rows
	class []int
}

// foldNumbers deals the rows of every class to the folds in turns, the first of class c to fold c: rows whose classes come in
// turns themselves would otherwise leave classes to single folds.
func foldNumbers(class []int, k int) []int {
	next, out := make([]int, k), make([]int, len(class))
	for i, c := range class {
		out[i] = (next[c] + c) % probeFolds
		next[c]++
	}
	return out
}

// foldOf takes the rows of x [rows, p] that are in a fold.
func foldOf(x []float64, class, in []int, number, p, k int) *fold {
	f := &fold{moments: newMoments(p, k)}
	var of []float64
	for i := range in {
		if in[i] != number {
			continue
		}
		row := x[i*p : (i+1)*p]
		of, f.class = append(of, row...), append(f.class, class[i])
		f.count[class[i]]++
		sum := f.sum.RawRowView(class[i])
		for j, v := range row {
			sum[j] += v
		}
	}
	if len(f.class) > 0 {
		f.x = mat.NewDense(len(f.class), p, of)
		f.gram.SymOuterK(1, f.x.T())
	}
	return f
}

// add adds sign times the sums of other rows.
func (m *moments) add(o *moments, sign float64) {
	for c, v := range o.count {
		m.count[c] += sign * v
	}
	var s mat.Dense
	s.Scale(sign, o.sum)
	m.sum.Add(m.sum, &s)
	var g mat.SymDense
	g.ScaleSym(sign, o.gram)
	m.gram.AddSym(m.gram, &g)
}

// clouds are the classes as normal densities of one covariance.
type clouds struct {
	within  *mat.SymDense // the covariance [p, p]
	mean    *mat.Dense    // of every class [k, p]; 0 without rows
	prior   []float64     // ln of the share of rows; -Inf without rows
	average float64       // variance of a feature, or 1 where there is none
}

func (m *moments) clouds() *clouds {
	k, p := m.sum.Dims()
	c := &clouds{within: mat.NewSymDense(p, nil), mean: mat.NewDense(k, p, nil), prior: make([]float64, k)}
	between := mat.NewDense(k, p, nil)
	rows, there := 0.0, 0.0
	for _, v := range m.count {
		rows += v
		if v > 0 {
			there++
		}
	}
	for i, v := range m.count {
		c.prior[i] = math.Log(v / rows)
		if v == 0 {
			continue
		}
		for j, s := range m.sum.RawRowView(i) {
			c.mean.Set(i, j, s/v)
			between.Set(i, j, s/math.Sqrt(v))
		}
	}
	c.within.SymOuterK(-1, between.T())
	c.within.AddSym(m.gram, c.within)
	c.within.ScaleSym(1/max(rows-there, 1), c.within)
	for j := range p {
		v := max(c.within.At(j, j), 0) // rounding below zero
		c.within.SetSym(j, j, v)
		c.average += v / float64(p)
	}
	if c.average == 0 {
		c.average = 1
	}
	return c
}

// discriminant is W [p, k] and b of the scores xᵀW + b of rows x: the logarithm of the probability of a class, up to a summand
// of the row. It fails only where rounding leaves the shrunken covariance with a negative eigenvalue.
func (c *clouds) discriminant(shrinkage float64) (w *mat.Dense, b []float64, ok bool) {
	k, p := c.mean.Dims()
	cov := mat.NewSymDense(p, nil)
	cov.ScaleSym(1-shrinkage, c.within)
	for j := range p {
		cov.SetSym(j, j, cov.At(j, j)+shrinkage*c.average)
	}
	var root mat.Cholesky
	if !root.Factorize(cov) {
		return nil, nil, false
	}
	w, b = &mat.Dense{}, make([]float64, k)
	if err := root.SolveTo(w, c.mean.T()); err != nil {
		if _, ill := err.(mat.Condition); !ill { // an ill-conditioned one is solved all the same
			return nil, nil, false
		}
	}
	for i := range k {
		square := 0.0
		for j, m := range c.mean.RawRowView(i) {
			square += m * w.At(j, i)
		}
		b[i] = c.prior[i] - square/2
	}
	return w, b, true
}

// heldOut counts the rows of f that are classified rightly under every shrinkage.
func (c *clouds) heldOut(f *fold) []int {
	out := make([]int, len(Shrinkages))
	if f.x == nil {
		return out
	}
	var scores mat.Dense
	for s, shrinkage := range Shrinkages {
		w, b, ok := c.discriminant(shrinkage)
		if !ok {
			out[s] = -len(f.class) // never chosen
			continue
		}
		scores.Mul(f.x, w)
		for i, want := range f.class {
			if most(scores.RawRowView(i), b) == want {
				out[s]++
			}
		}
	}
	return out
}

// most is where v + b is largest, the first of equals.
func most(v, b []float64) int {
	best := 0
	for c := range v {
		if v[c]+b[c] > v[best]+b[best] {
			best = c
		}
	}
	return best
}

func (pr *Probe) standardised(x []float64) []float64 {
	p := pr.Features
	z := make([]float64, len(x))
	for i, v := range x {
		z[i] = (v - pr.Mean[i%p]) / pr.Scale[i%p]
	}
	return z
}

// Scores are the logarithms of the probabilities of classes [n, Classes] for n rows of features, up to a summand of the row: the
// larger, the more probable.
func (pr *Probe) Scores(x []float64, n int) ([]float64, error) {
	if n < 1 || len(x) != n*pr.Features {
		return nil, fmt.Errorf("probe: %d values for %d rows of %d features", len(x), n, pr.Features)
	}
	out := mat.NewDense(n, pr.Classes, nil)
	out.Mul(mat.NewDense(n, pr.Features, pr.standardised(x)), mat.NewDense(pr.Features, pr.Classes, pr.Coef))
	raw := out.RawMatrix().Data
	for i := range raw {
		raw[i] += pr.Intercept[i%pr.Classes]
	}
	return raw, nil
}

// Classify gives the class of n rows of features.
func (pr *Probe) Classify(x []float64, n int) ([]int, error) {
	y, err := pr.Scores(x, n)
	if err != nil {
		return nil, err
	}
	out, none := make([]int, n), make([]float64, pr.Classes)
	for i := range out {
		out[i] = most(y[i*pr.Classes:(i+1)*pr.Classes], none)
	}
	return out, nil
}
