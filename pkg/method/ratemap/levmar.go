package ratemap

import "math"

// fieldParams is the number of parameters of both receptive-field models.
const fieldParams = 7

// A vector7 holds the parameters of a model, or a gradient by them.
type vector7 [fieldParams]float64

// A fieldModel is a function of position with seven parameters.
type fieldModel interface {
	set(q *vector7)                             // takes parameters
	at(row, col float64, grad *vector7) float64 // the value, and its gradient by the parameters
	bounds(rows, cols int) (low, high vector7)  // of the parameters
}

// A sample is the bins that a model is fitted to.
type sample struct {
	row, col, rate, weight []float64
}

// A search is the state of one descent.
type search struct {
	q         vector7
	sse       float64
	normal    [fieldParams][fieldParams]float64 // J'WJ
	slope     vector7                           // J'W(rate - model)
	damping   float64
	converged bool
}

// evaluate fills sse, normal and slope at s.q.
func (s *search) evaluate(m fieldModel, d *sample) {
	m.set(&s.q)
	var grad vector7
	s.sse, s.normal, s.slope = 0, [fieldParams][fieldParams]float64{}, vector7{}
	for k, y := range d.rate {
		e := y - m.at(d.row[k], d.col[k], &grad)
		w := d.weight[k]
		s.sse += w * e * e
		for i, g := range grad {
			g *= w
			s.slope[i] += g * e
			row := &s.normal[i]
			for j := 0; j <= i; j++ {
				row[j] += g * grad[j]
			}
		}
	}
}

// descend is the method of Levenberg (1944) and Marquardt (1963), the damping scaled by the diagonal of J'WJ, within
// bounds: a parameter that lies on one and would leave it is held for the step, and steps are cut at the bounds. It ends
// after so many accepted steps, or three times as many tried ones and some, or when two in a row lessen the sum of squares
// by less than 1e-9 of it.
func (s *search) descend(m fieldModel, d *sample, low, high *vector7, steps int) {
	small := 0
	for taken, tried := 0, 0; taken < steps && tried < 3*steps+20 && s.damping < 1e12; tried++ {
		free := s.free(low, high)
		step, ok := s.solve(free, s.damping)
		if !ok {
			s.damping = max(s.damping*10, 1e-6)
			continue
		}
		trial := search{q: s.q}
		moved := false
		for i := range step {
			trial.q[i] = min(max(s.q[i]+step[i], low[i]), high[i])
			moved = moved || trial.q[i] != s.q[i]
		}
		if !moved {
			s.converged = true
			return
		}
		trial.evaluate(m, d)
		if !(trial.sse <= s.sse) {
			s.damping *= 8
			continue
		}
		gain := s.sse - trial.sse
		trial.damping = max(s.damping/6, 1e-8)
		if gain <= 1e-9*s.sse {
			small++
		} else {
			small = 0
		}
		*s = trial
		taken++
		if small == 2 || s.sse == 0 {
			s.converged = true
			return
		}
	}
	s.converged = s.converged || s.damping >= 1e12 // no step lessens the sum: a minimum to rounding
}

// free says which parameters may move: all but those on a bound that downhill leads out of.
func (s *search) free(low, high *vector7) (f [fieldParams]bool) {
	for i := range f {
		f[i] = s.normal[i][i] > 0 && !(s.q[i] <= low[i] && s.slope[i] <= 0) && !(s.q[i] >= high[i] && s.slope[i] >= 0)
	}
	return f
}

// solve gives the step (J'WJ + damping diag) step = slope over the free parameters, by Cholesky's decomposition.
func (s *search) solve(free [fieldParams]bool, damping float64) (step vector7, ok bool) {
	l, at, ok := s.factor(free, damping)
	if !ok {
		return step, false
	}
	var y vector7
	for i := range at {
		v := s.slope[at[i]]
		for k := range i {
			v -= l[i][k] * y[k]
		}
		y[i] = v / l[i][i]
	}
	for i := len(at) - 1; i >= 0; i-- {
		v := y[i]
		for k := i + 1; k < len(at); k++ {
			v -= l[k][i] * step[at[k]]
		}
		step[at[i]] = v / l[i][i]
	}
	for _, v := range step {
		if v-v != 0 {
			return step, false
		}
	}
	return step, true
}

func (s *search) factor(free [fieldParams]bool, damping float64) (l [fieldParams][fieldParams]float64, at []int, ok bool) {
	at = make([]int, 0, fieldParams)
	for i, f := range free {
		if f {
			at = append(at, i)
		}
	}
	for i := range at {
		for j := 0; j <= i; j++ {
			v := s.normal[at[i]][at[j]]
			scale := v
			if i == j {
				v *= 1 + damping
			}
			for k := range j {
				v -= l[i][k] * l[j][k]
			}
			if i > j {
				l[i][j] = v / l[j][j]
			} else if v > 1e-13*scale {
				l[i][i] = math.Sqrt(v)
			} else {
				return l, at, false
			}
		}
	}
	return l, at, len(at) > 0
}

// covariance is that of the parameters: (J'WJ)^-1 times the residual variance sse/(n - free). Parameters that are held at
// a bound have NaN, as has all where the matrix is singular or no bin is left over (then dof is 0).
func (s *search) covariance(n int, low, high *vector7) (cov [fieldParams][fieldParams]float64, dof int) {
	for i := range cov {
		for j := range cov {
			cov[i][j] = math.NaN()
		}
	}
	free := s.free(low, high)
	for i := range free {
		free[i] = free[i] && s.q[i] > low[i] && s.q[i] < high[i]
	}
	l, at, ok := s.factor(free, 0)
	if dof = n - len(at); !ok || dof < 1 {
		return cov, 0
	}
	var inv [fieldParams][fieldParams]float64 // of l, [column][row]
	for k := range at {
		for i := k; i < len(at); i++ {
			v := 0.0
			if i == k {
				v = 1
			}
			for j := k; j < i; j++ {
				v -= l[i][j] * inv[k][j]
			}
			inv[k][i] = v / l[i][i]
		}
	}
	for a := range at {
		for b := range at {
			sum := 0.0
			for k := max(a, b); k < len(at); k++ {
				sum += inv[a][k] * inv[b][k]
			}
			cov[at[a]][at[b]] = sum * s.sse / float64(dof)
		}
	}
	return cov, dof
}
