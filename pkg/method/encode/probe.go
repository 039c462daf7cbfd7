package encode

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/ventral-lab/ventral/internal/parallel"
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

// probeFolds is the number of folds that choose the penalty.
const probeFolds = 5

// FitProbe learns classes 0..k-1 from n rows of features x [n, p], with the penalty whose held-out R², summed over
// classes, is largest over five folds; rows go to the folds in turns.
//
// With responses that are 0 or 1 all that ridge regression needs are sums over rows of features, of their products and of
// those of every class. They are made once for every fold, and what a fold trains on is all less its own.
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
	pr := &Probe{Mean: make([]float64, p), Scale: make([]float64, p)}
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
	alphas := make([]float64, len(ProbeAlphas))
	for i, a := range ProbeAlphas {
		alphas[i] = a * float64(n)
	}

	folds := make([]*moments, probeFolds)
	parallel.For(probeFolds, func(f int) { folds[f] = momentsOf(z, class, n, p, k, f) })
	all := newMoments(p, k)
	for _, m := range folds {
		all.add(m, 1)
	}
	scores := make([][]float64, probeFolds)
	parallel.For(probeFolds, func(f int) {
		train := newMoments(p, k)
		train.add(all, 1)
		train.add(folds[f], -1)
		scores[f] = train.solve().heldOut(folds[f], alphas)
	})
	best, bestScore := 0, math.Inf(-1)
	for a := range alphas {
		sum := 0.0
		for _, s := range scores {
			sum += s[a]
		}
		if sum > bestScore {
			best, bestScore = a, sum
		}
	}
	s := all.solve()
	w := s.coef(alphas[best])
	pr.Model = &Model{Features: p, Targets: k, Alphas: alphas[best : best+1], AlphaIndex: make([]int, k), Coef: w.RawMatrix().Data, Intercept: s.intercept(w)}
	return pr, nil
}

// moments are sums over rows of features x and of responses y that are 1 for the row's class and 0 elsewhere.
type moments struct {
	rows  float64
	sum   []float64     // Σx [p]
	count []float64     // Σy [k]
	gram  *mat.SymDense // Σxxᵀ
	cross *mat.Dense    // Σxyᵀ [p, k]
}

func newMoments(p, k int) *moments {
	return &moments{sum: make([]float64, p), count: make([]float64, k), gram: mat.NewSymDense(p, nil), cross: mat.NewDense(p, k, nil)}
}

// momentsOf sums rows fold, fold+5, fold+10, ... of x [n, p].
func momentsOf(x []float64, class []int, n, p, k, fold int) *moments {
	m := newMoments(p, k)
	var of []float64
	byClass := make([]float64, k*p)
	for i := fold; i < n; i += probeFolds {
		row := x[i*p : (i+1)*p]
		of = append(of, row...)
		m.rows++
		m.count[class[i]]++
		c := byClass[class[i]*p : (class[i]+1)*p]
		for j, v := range row {
			m.sum[j] += v
			c[j] += v
		}
	}
	if m.rows > 0 {
		m.gram.SymOuterK(1, mat.NewDense(len(of)/p, p, of).T())
	}
	m.cross.Copy(mat.NewDense(k, p, byClass).T())
	return m
}

// add adds sign times the sums of other rows.
func (m *moments) add(o *moments, sign float64) {
	m.rows += sign * o.rows
	for j, v := range o.sum {
		m.sum[j] += sign * v
	}
	for c, v := range o.count {
		m.count[c] += sign * v
	}
	var g mat.SymDense
	g.ScaleSym(sign, o.gram)
	m.gram.AddSym(m.gram, &g)
	var c mat.Dense
	c.Scale(sign, o.cross)
	m.cross.Add(m.cross, &c)
}

// solved holds what the regressions of all penalties on the same rows share: W(α) = V diag(1/(λ+α)) C, V and λ of the centred
// XᵀX, C = VᵀXᵀY.
type solved struct {
	x, y   []float64 // means
	lambda []float64
	v, c   *mat.Dense
}

func (m *moments) solve() *solved {
	p, k := m.cross.Dims()
	s := &solved{x: make([]float64, p), y: make([]float64, k), v: &mat.Dense{}, c: &mat.Dense{}}
	for j, v := range m.sum {
		s.x[j] = v / m.rows
	}
	for c, v := range m.count {
		s.y[c] = v / m.rows
	}
	var g mat.SymDense
	g.SymRankOne(m.gram, -m.rows, mat.NewVecDense(p, s.x))
	var xy mat.Dense
	xy.RankOne(m.cross, -m.rows, mat.NewVecDense(p, s.x), mat.NewVecDense(k, s.y))
	var eig mat.EigenSym
	eig.Factorize(&g, true)
	eig.VectorsTo(s.v)
	s.c.Mul(s.v.T(), &xy)
	s.lambda = eig.Values(nil)
	for i := range s.lambda {
		s.lambda[i] = max(s.lambda[i], 0) // rounding below zero
	}
	return s
}

// shrunk is diag(1/(λ+α)) C.
func (s *solved) shrunk(alpha float64) *mat.Dense {
	var c mat.Dense
	c.CloneFrom(s.c)
	for i, l := range s.lambda {
		row := c.RawRowView(i)
		for j := range row {
			row[j] /= l + alpha
		}
	}
	return &c
}

// coef is W(α), [p, k].
func (s *solved) coef(alpha float64) *mat.Dense {
	var w mat.Dense
	w.Mul(s.v, s.shrunk(alpha))
	return &w
}

// intercept is what W leaves of the means.
func (s *solved) intercept(w *mat.Dense) []float64 {
	b := append([]float64(nil), s.y...)
	for i, m := range s.x {
		for j, v := range w.RawRowView(i) {
			b[j] -= m * v
		}
	}
	return b
}

// heldOut is, for every penalty, the sum over classes of R² = 1 - Σ(y-ŷ)²/Σ(y-ȳ)² on other rows, ȳ their mean; 0 for a class
// that all or none of them have. With d = x-x̄ of the training rows and w = V c, ŷ = ȳ' + cᵀVᵀd, so that Σŷ² and Σyŷ follow
// from the sums of d, of ddᵀ and of dyᵀ.
func (s *solved) heldOut(o *moments, alphas []float64) []float64 {
	p, k := o.cross.Dims()
	mean := mat.NewVecDense(p, s.x)
	sum := mat.NewVecDense(p, append([]float64(nil), o.sum...))
	g := mat.NewSymDense(p, nil)
	g.CopySym(o.gram)
	g.RankTwo(g, -1, sum, mean)
	g.SymRankOne(g, o.rows, mean)
	var dy mat.Dense
	dy.RankOne(o.cross, -1, mean, mat.NewVecDense(k, o.count))
	sum.AddScaledVec(sum, -o.rows, mean)

	var half, h, b mat.Dense
	half.Mul(s.v.T(), g)
	h.Mul(&half, s.v)
	b.Mul(s.v.T(), &dy)
	var t mat.VecDense
	t.MulVec(s.v.T(), sum)

	out := make([]float64, len(alphas))
	linear, quadratic, both := make([]float64, k), make([]float64, k), make([]float64, k)
	for a, alpha := range alphas {
		c := s.shrunk(alpha)
		var hc mat.Dense
		hc.Mul(&h, c)
		clear(linear)
		clear(quadratic)
		clear(both)
		for i := range p {
			ti, hi, bi := t.AtVec(i), hc.RawRowView(i), b.RawRowView(i)
			for j, v := range c.RawRowView(i) {
				linear[j] += ti * v
				quadratic[j] += v * hi[j]
				both[j] += v * bi[j]
			}
		}
		for j, n := range o.count {
			sst := n - n*n/o.rows
			if n == 0 || n == o.rows {
				continue
			}
			m := s.y[j]
			sse := n - 2*(m*n+both[j]) + o.rows*m*m + 2*m*linear[j] + quadratic[j]
			out[a] += 1 - sse/sst
		}
	}
	return out
}

func (pr *Probe) standardised(x []float64) []float64 {
	p := len(pr.Mean)
	z := make([]float64, len(x))
	for i, v := range x {
		z[i] = (v - pr.Mean[i%p]) / pr.Scale[i%p]
	}
	return z
}

// Scores are the predictions [n, class] for n rows of features: the larger, the more probable.
func (pr *Probe) Scores(x []float64, n int) ([]float64, error) {
	return pr.Model.Predict(pr.standardised(x), n)
}

// Classify gives the class of n rows of features.
func (pr *Probe) Classify(x []float64, n int) ([]int, error) {
	y, err := pr.Scores(x, n)
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
