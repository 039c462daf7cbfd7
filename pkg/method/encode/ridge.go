package encode

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Model is a fitted ridge regression from Features to Targets numbers.
type Model struct {
	Features, Targets int
	Coef              []float64 // [feature, target]
	Intercept         []float64 // [target]
	Alphas            []float64 // as given
	AlphaIndex        []int     // [target], the chosen one
	Scores            []float64 // [alpha, target], R² on held-out rows, averaged over folds
}

// Ridge fits n rows of features x [n, p] to responses y [n, t]. folds gives every row the number of the fold that holds it
// out, from 0 up; alphas are the penalties to choose from, positive. With one alpha folds may be nil, and there are no
// Scores.
func Ridge(x, y []float64, n, p, t int, alphas []float64, folds []int) (*Model, error) {
	if err := check(x, y, n, p, t, alphas, folds); err != nil {
		return nil, err
	}
	m := &Model{Features: p, Targets: t, Alphas: append([]float64(nil), alphas...), AlphaIndex: make([]int, t)}
	xm, ym := mat.NewDense(n, p, x), mat.NewDense(n, t, y)
	if folds != nil {
		m.crossValidate(xm, ym, folds)
	}
	s := decompose(xm, ym)
	m.Coef = make([]float64, p*t)
	for a, alpha := range alphas {
		var w *mat.Dense
		for j, chosen := range m.AlphaIndex {
			if chosen != a {
				continue
			}
			if w == nil {
				w = s.coef(alpha)
			}
			for i := range p {
				m.Coef[i*t+j] = w.At(i, j)
			}
		}
	}
	m.Intercept = make([]float64, t)
	for j := range t {
		m.Intercept[j] = s.yMean[j]
		for i := range p {
			m.Intercept[j] -= s.xMean[i] * m.Coef[i*t+j]
		}
	}
	return m, nil
}

func check(x, y []float64, n, p, t int, alphas []float64, folds []int) error {
	if n < 2 || p < 1 || t < 1 || len(x) != n*p || len(y) != n*t {
		return fmt.Errorf("ridge: %d values for %d rows of %d features and %d for as many rows of %d targets: want at least two rows, and all of them", len(x), n, p, len(y), t)
	}
	for _, v := range [][]float64{x, y} {
		for i, u := range v {
			if math.IsNaN(u) || math.IsInf(u, 0) {
				return fmt.Errorf("ridge: value %d of %d is %g: remove or impute it first", i, len(v), u)
			}
		}
	}
	if len(alphas) == 0 {
		return fmt.Errorf("ridge: no alpha")
	}
	for _, a := range alphas {
		if !(a > 0) || math.IsInf(a, 0) {
			return fmt.Errorf("ridge: alpha %g: want a positive number", a)
		}
	}
	if folds == nil {
		if len(alphas) > 1 {
			return fmt.Errorf("ridge: %d alphas to choose from and no folds", len(alphas))
		}
		return nil
	}
	if len(folds) != n {
		return fmt.Errorf("ridge: folds for %d rows of %d", len(folds), n)
	}
	count := map[int]int{}
	for i, f := range folds {
		if f < 0 {
			return fmt.Errorf("ridge: row %d is in fold %d: folds count from 0", i, f)
		}
		count[f]++
	}
	for f, c := range count {
		if n-c < 2 {
			return fmt.Errorf("ridge: fold %d holds out %d of %d rows: at least two must stay to train on", f, c, n)
		}
	}
	return nil
}

// crossValidate fills Scores and AlphaIndex.
func (m *Model) crossValidate(x, y *mat.Dense, folds []int) {
	n, _ := x.Dims()
	t := m.Targets
	m.Scores = make([]float64, len(m.Alphas)*t)
	used := 0
	for f := 0; f <= maximum(folds); f++ {
		var train, test []int
		for i := range n {
			if folds[i] == f {
				test = append(test, i)
			} else {
				train = append(train, i)
			}
		}
		if len(test) == 0 {
			continue
		}
		used++
		s := decompose(rows(x, train), rows(y, train))
		xt, yt := rows(x, test), rows(y, test)
		project := s.project(xt)
		for a, alpha := range m.Alphas {
			for j, r := range s.determination(project, yt, alpha) {
				m.Scores[a*t+j] += r
			}
		}
	}
	for i := range m.Scores {
		m.Scores[i] /= float64(used)
	}
	for j := range t {
		for a := range m.Alphas {
			if m.Scores[a*t+j] > m.Scores[m.AlphaIndex[j]*t+j] {
				m.AlphaIndex[j] = a
			}
		}
	}
}

// solver holds what all alphas of one training set share: W(α) = B diag(1/(λ+α)) C, with B [p, r], C [r, t].
type solver struct {
	xMean, yMean []float64
	lambda       []float64
	b, c         *mat.Dense
}

// decompose centres x and y and takes the eigenvectors V of XᵀX (then B = V, C = VᵀXᵀY) or U of XXᵀ (B = XᵀU, C = UᵀY),
// whichever matrix is smaller.
func decompose(x, y *mat.Dense) *solver {
	n, p := x.Dims()
	s := &solver{xMean: means(x), yMean: means(y)}
	xc, yc := centred(x, s.xMean), centred(y, s.yMean)
	var eig mat.EigenSym
	var vectors mat.Dense
	if n >= p {
		g := mat.NewSymDense(p, nil)
		g.SymOuterK(1, xc.T())
		eig.Factorize(g, true)
		eig.VectorsTo(&vectors)
		var xy, c mat.Dense
		xy.Mul(xc.T(), yc)
		c.Mul(vectors.T(), &xy)
		s.b, s.c = &vectors, &c
	} else {
		g := mat.NewSymDense(n, nil)
		g.SymOuterK(1, xc)
		eig.Factorize(g, true)
		eig.VectorsTo(&vectors)
		var b, c mat.Dense
		b.Mul(xc.T(), &vectors)
		c.Mul(vectors.T(), yc)
		s.b, s.c = &b, &c
	}
	s.lambda = eig.Values(nil)
	for i := range s.lambda {
		s.lambda[i] = max(s.lambda[i], 0) // rounding below zero
	}
	return s
}

// coef is W(alpha), [p, t].
func (s *solver) coef(alpha float64) *mat.Dense {
	var w mat.Dense
	w.Mul(s.b, s.shrunk(alpha))
	return &w
}

func (s *solver) shrunk(alpha float64) *mat.Dense {
	var c mat.Dense
	c.Apply(func(i, _ int, v float64) float64 { return v / (s.lambda[i] + alpha) }, s.c)
	return &c
}

// project is (X-mean)·B for held-out rows.
func (s *solver) project(x *mat.Dense) *mat.Dense {
	var z mat.Dense
	z.Mul(centred(x, s.xMean), s.b)
	return &z
}

// determination is 1 - Σ(y-ŷ)²/Σ(y-ȳ)² for each target, ȳ the mean of the held-out rows; 0 for a constant target.
func (s *solver) determination(projected, y *mat.Dense, alpha float64) []float64 {
	var pred mat.Dense
	pred.Mul(projected, s.shrunk(alpha))
	n, t := y.Dims()
	mean := means(y)
	out := make([]float64, t)
	for j := range t {
		var sse, sst float64
		for i := range n {
			e, d := y.At(i, j)-pred.At(i, j)-s.yMean[j], y.At(i, j)-mean[j]
			sse, sst = sse+e*e, sst+d*d
		}
		if sst > 0 {
			out[j] = 1 - sse/sst
		}
	}
	return out
}

// Predict gives the responses [n, t] to n rows of features x [n, p].
func (m *Model) Predict(x []float64, n int) ([]float64, error) {
	if len(x) != n*m.Features || n < 1 {
		return nil, fmt.Errorf("ridge: %d values for %d rows of %d features", len(x), n, m.Features)
	}
	out := mat.NewDense(n, m.Targets, nil)
	out.Mul(mat.NewDense(n, m.Features, x), mat.NewDense(m.Features, m.Targets, m.Coef))
	raw := out.RawMatrix().Data
	for i := range raw {
		raw[i] += m.Intercept[i%m.Targets]
	}
	return raw, nil
}

func maximum(v []int) int {
	m := 0
	for _, x := range v {
		m = max(m, x)
	}
	return m
}

func means(x *mat.Dense) []float64 {
	n, p := x.Dims()
	out := make([]float64, p)
	for i := range n {
		for j, v := range x.RawRowView(i) {
			out[j] += v
		}
	}
	for j := range out {
		out[j] /= float64(n)
	}
	return out
}

func centred(x *mat.Dense, mean []float64) *mat.Dense {
	var c mat.Dense
	c.Apply(func(_, j int, v float64) float64 { return v - mean[j] }, x)
	return &c
}

func rows(x *mat.Dense, index []int) *mat.Dense {
	_, p := x.Dims()
	out := mat.NewDense(len(index), p, nil)
	for k, i := range index {
		out.SetRow(k, x.RawRowView(i))
	}
	return out
}
