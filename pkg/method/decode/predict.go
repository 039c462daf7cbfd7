package decode

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/ventral-lab/ventral/internal/parallel"
	"github.com/ventral-lab/ventral/pkg/method/encode"
)

// A problem is one population and its targets, with every permutation of these.
type problem struct {
	x       []float64 // [stimulus, unit]
	y       []float64 // [stimulus, target]
	n, p, t int
	opt     Options
	orders  [][]int // stimulus i has the targets of orders[k][i]
	fold    []int   // [stimulus]
}

// predict gives, for every order, the prediction of each stimulus while it was held out, and the mean of the training
// targets beside it, both [order][stimulus*targets+target].
func (d *problem) predict() (pred, base [][]float64, err error) {
	for range d.orders {
		pred, base = append(pred, make([]float64, d.n*d.t)), append(base, make([]float64, d.n*d.t))
	}
	for f := range d.opt.Folds {
		var train, test []int
		for i, v := range d.fold {
			if v == f {
				test = append(test, i)
			} else {
				train = append(train, i)
			}
		}
		scaled := d.standardised(train)
		a, b := scaled(train), scaled(test)
		var guess [][]float64
		if d.opt.Method == KNN {
			guess = d.nearest(a, b, train, test)
		} else if guess, err = d.ridge(a, b, train, test, f); err != nil {
			return nil, nil, err
		}
		for k := range d.orders {
			mean := make([]float64, d.t)
			for _, i := range train {
				for j := range mean {
					mean[j] += d.target(k, i, j) / float64(len(train))
				}
			}
			for r, i := range test {
				copy(pred[k][i*d.t:(i+1)*d.t], guess[k][r*d.t:(r+1)*d.t])
				copy(base[k][i*d.t:(i+1)*d.t], mean)
			}
		}
	}
	return pred, base, nil
}

func (d *problem) target(order, stimulus, j int) float64 {
	return d.y[d.orders[order][stimulus]*d.t+j]
}

// standardised gives the function that takes rows with each unit's mean over train taken off and divided by its deviation;
// a unit that does not vary over train is 0.
func (d *problem) standardised(train []int) func(rows []int) *mat.Dense {
	mean, sd := make([]float64, d.p), make([]float64, d.p)
	first := d.x[train[0]*d.p : (train[0]+1)*d.p]
	varies := make([]bool, d.p)
	for _, i := range train {
		for u, v := range d.x[i*d.p : (i+1)*d.p] {
			mean[u] += v
			varies[u] = varies[u] || v != first[u]
		}
	}
	for u := range mean {
		mean[u] /= float64(len(train))
	}
	for _, i := range train {
		for u, v := range d.x[i*d.p : (i+1)*d.p] {
			sd[u] += (v - mean[u]) * (v - mean[u])
		}
	}
	return func(rows []int) *mat.Dense {
		out := mat.NewDense(len(rows), d.p, nil)
		for r, i := range rows {
			z := out.RawRowView(r)
			for u, v := range d.x[i*d.p : (i+1)*d.p] {
				if varies[u] && sd[u] > 0 && !math.IsInf(sd[u], 0) {
					z[u] = (v - mean[u]) / math.Sqrt(sd[u]/float64(len(train)))
				}
			}
		}
		return out
	}
}

// ridge fits all targets of all orders at once: one decomposition serves them all.
func (d *problem) ridge(a, b *mat.Dense, train, test []int, f int) ([][]float64, error) {
	cols := d.t * len(d.orders)
	y := make([]float64, len(train)*cols)
	for r, i := range train {
		for k := range d.orders {
			for j := range d.t {
				y[r*cols+k*d.t+j] = d.target(k, i, j)
			}
		}
	}
	alphas := make([]float64, len(d.opt.Alphas))
	for k, v := range d.opt.Alphas {
		alphas[k] = v * float64(len(train))
	}
	var inner []int
	if len(alphas) > 1 {
		inner = deal(len(train), d.opt.Inner, d.opt.Seed, d.opt.Stream+"/inner", uint64(f))
	}
	m, err := encode.Ridge(a.RawMatrix().Data, y, len(train), d.p, cols, alphas, inner)
	if err != nil {
		return nil, err
	}
	all, err := m.Predict(b.RawMatrix().Data, len(test))
	if err != nil {
		return nil, err
	}
	out := make([][]float64, len(d.orders))
	for k := range out {
		for r := range test {
			out[k] = append(out[k], all[r*cols+k*d.t:r*cols+(k+1)*d.t]...)
		}
	}
	return out, nil
}

// nearest predicts by the mean of the nearest training stimuli. The number of neighbours is the one that predicts every
// training stimulus best from the other training stimuli, all targets together.
func (d *problem) nearest(a, b *mat.Dense, train, test []int) [][]float64 {
	most := slices.Max(d.opt.Neighbors)
	near := neighbours(b, a, most, false)
	var within [][]int32
	if len(d.opt.Neighbors) > 1 {
		within = neighbours(a, a, most, true)
	}
	out := make([][]float64, len(d.orders))
	parallel.For(len(d.orders), func(k int) {
		best, least := d.opt.Neighbors[0], math.Inf(1)
		if within != nil {
			for _, c := range d.opt.Neighbors {
				if e := d.lossWithin(within, train, k, c); e < least {
					best, least = c, e
				}
			}
		}
		out[k] = make([]float64, len(test)*d.t)
		for r := range test {
			for _, q := range near[r][:best] {
				for j := range d.t {
					out[k][r*d.t+j] += d.target(k, train[q], j) / float64(best)
				}
			}
		}
	})
	return out
}

// lossWithin is the squared error over the training stimuli, each target in units of its variance.
func (d *problem) lossWithin(within [][]int32, train []int, order, count int) float64 {
	loss := 0.0
	for j := range d.t {
		mean, sse, sst := 0.0, 0.0, 0.0
		for _, i := range train {
			mean += d.target(order, i, j) / float64(len(train))
		}
		for r, i := range train {
			guess := 0.0
			for _, q := range within[r][:count] {
				guess += d.target(order, train[q], j) / float64(count)
			}
			y := d.target(order, i, j)
			sse += (y - guess) * (y - guess)
			sst += (y - mean) * (y - mean)
		}
		if sst > 0 {
			loss += sse / sst
		}
	}
	return loss
}

// neighbours lists for every row of a the count nearest rows of b, nearest first, equally near ones in the order of b;
// same says that a is b and a row is not its own neighbour. Rows of a are taken a block at a time, so that distances need
// little memory.
func neighbours(a, b *mat.Dense, count int, same bool) [][]int32 {
	n, p := a.Dims()
	m, _ := b.Dims()
	size := make([]float64, m)
	for k := range size {
		for _, v := range b.RawRowView(k) {
			size[k] += v * v
		}
	}
	out := make([][]int32, n)
	const block = 128
	parallel.Chunks(n, block, func(lo, hi int) {
		var dot mat.Dense
		dot.Mul(a.Slice(lo, hi, 0, p), b.T())
		order, dist := make([]int32, m), make([]float64, m)
		for r := lo; r < hi; r++ {
			// Of |a|^2 + |b|^2 - 2ab the first term is the same for all.
			order = order[:0]
			for k := range m {
				dist[k] = size[k] - 2*dot.At(r-lo, k)
				if !same || k != r {
					order = append(order, int32(k))
				}
			}
			nearer := func(x, y int32) int {
				if c := cmp.Compare(dist[x], dist[y]); c != 0 {
					return c
				}
				return cmp.Compare(x, y)
			}
			out[r] = smallest(order, count, nearer)
		}
	})
	return out
}

// smallest is the first count of v in order, by a heap of the smallest so far with the largest of them on top.
func smallest(v []int32, count int, compare func(a, b int32) int) []int32 {
	heap := append([]int32(nil), v[:count]...)
	sink := func(i int) {
		for {
			c := 2*i + 1
			if c >= len(heap) {
				return
			}
			if c+1 < len(heap) && compare(heap[c+1], heap[c]) > 0 {
				c++
			}
			if compare(heap[c], heap[i]) <= 0 {
				return
			}
			heap[c], heap[i] = heap[i], heap[c]
			i = c
		}
	}
	for i := count/2 - 1; i >= 0; i-- {
		sink(i)
	}
	for _, x := range v[count:] {
		if compare(x, heap[0]) < 0 {
			heap[0] = x
			sink(0)
		}
	}
	slices.SortFunc(heap, compare)
	return heap
}
