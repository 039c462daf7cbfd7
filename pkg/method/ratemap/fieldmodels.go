package ratemap

import "math"

// Gaussian is a receptive field: Base + Amplitude exp(-(u^2/Sigma1^2 + v^2/Sigma2^2)/2), with (u, v) the position from
// the centre in axes turned by Theta. Positions and widths are in bins, (0, 0) the middle of the first bin.
type Gaussian struct {
	Base, Amplitude float64 // the amplitude is negative for a field that is less response
	Row, Col        float64
	Sigma1, Sigma2  float64 // Sigma1 >= Sigma2
	Theta           float64 // of the axis of Sigma1, from growing columns towards growing rows, in [0, pi); free where the widths are equal
}

// At is the value at a position.
func (g Gaussian) At(row, col float64) float64 {
	m := gaussianModel{}
	m.set(&vector7{g.Base, g.Amplitude, g.Row, g.Col, math.Log(g.Sigma1), math.Log(g.Sigma2), g.Theta})
	var grad vector7
	return m.at(row, col, &grad)
}

// Ellipse is n points of the contour one standard deviation from the centre, in order.
func (g Gaussian) Ellipse(n int) (rows, cols []float64) {
	sin, cos := math.Sincos(g.Theta)
	for k := range n {
		s, c := math.Sincos(2 * math.Pi * float64(k) / float64(n))
		u, v := g.Sigma1*c, g.Sigma2*s
		rows, cols = append(rows, g.Row+u*sin+v*cos), append(cols, g.Col+u*cos-v*sin)
	}
	return rows, cols
}

// Place is a position in bins, as fits give it, in the coordinates of the grid.
func (g Grid) Place(row, col float64) (x, y float64) {
	return g.X0 + (col+.5)*(g.X1-g.X0)/float64(g.Cols), g.Y0 + (row+.5)*(g.Y1-g.Y0)/float64(g.Rows)
}

// gaussianModel has the parameters base, amplitude, row, column, log sigma1, log sigma2, theta.
type gaussianModel struct {
	q        vector7
	sin, cos float64
	w1, w2   float64 // 1/sigma^2
}

func (m *gaussianModel) set(q *vector7) {
	m.q = *q
	m.sin, m.cos = math.Sincos(q[6])
	m.w1, m.w2 = math.Exp(-2*q[4]), math.Exp(-2*q[5])
}

func (m *gaussianModel) at(row, col float64, grad *vector7) float64 {
	dy, dx := row-m.q[2], col-m.q[3]
	u, v := dx*m.cos+dy*m.sin, dy*m.cos-dx*m.sin
	uw, vw := u*m.w1, v*m.w2
	e := math.Exp(-(u*uw + v*vw) / 2)
	a := m.q[1] * e
	grad[0], grad[1] = 1, e
	grad[2], grad[3] = a*(uw*m.sin+vw*m.cos), a*(uw*m.cos-vw*m.sin)
	grad[4], grad[5] = a*u*uw, a*v*vw
	grad[6] = a * (u*vw - v*uw) // du/dtheta = v, dv/dtheta = -u
	return m.q[0] + a
}

// narrowest is the smallest width of a field in bins: below it all of a Gaussian lies in one bin, and its width is not in
// the data.
const narrowest = .3

func (m *gaussianModel) bounds(rows, cols int) (low, high vector7) {
	inf := math.Inf(1)
	widest := math.Log(float64(max(rows, cols)))
	return vector7{-inf, -inf, -.5, -.5, math.Log(narrowest), math.Log(narrowest), -inf},
		vector7{inf, inf, float64(rows) - .5, float64(cols) - .5, widest, widest, inf}
}

// gaussian names the parameters, the wider axis first.
func gaussian(q vector7) Gaussian {
	g := Gaussian{q[0], q[1], q[2], q[3], math.Exp(q[4]), math.Exp(q[5]), q[6]}
	if q[5] > q[4] {
		g.Sigma1, g.Sigma2, g.Theta = g.Sigma2, g.Sigma1, g.Theta+math.Pi/2
	}
	g.Theta = math.Mod(g.Theta, math.Pi)
	if g.Theta < 0 {
		g.Theta += math.Pi
	}
	if g.Theta >= math.Pi { // -1e-17 + pi
		g.Theta = 0
	}
	return g
}

// DoG is a receptive field with a surround: Base + Amplitude (exp(-d^2/(2 Center^2)) - Surround exp(-d^2/(2 Width^2))), d the
// distance from the centre (Rodieck 1965), round, in bins.
type DoG struct {
	Base, Amplitude float64 // the amplitude is negative for an off-centre field
	Row, Col        float64
	Center, Width   float64 // standard deviations of centre and surround, Width > Center
	Surround        float64 // strength of the surround at its peak as a share of the centre's, 0 for none
}

// At is the value at a position.
func (g DoG) At(row, col float64) float64 {
	m := dogModel{}
	m.set(&vector7{g.Base, g.Amplitude, g.Row, g.Col, math.Log(g.Center), g.Surround, math.Log(g.Width / g.Center)})
	var grad vector7
	return m.at(row, col, &grad)
}

// dogModel has the parameters base, amplitude, row, column, log of the centre's width, strength of the surround, log of
// the ratio of the widths.
type dogModel struct {
	q      vector7
	w1, w2 float64
}

func (m *dogModel) set(q *vector7) {
	m.q = *q
	m.w1, m.w2 = math.Exp(-2*q[4]), math.Exp(-2*(q[4]+q[6]))
}

func (m *dogModel) at(row, col float64, grad *vector7) float64 {
	dy, dx := row-m.q[2], col-m.q[3]
	d2 := dy*dy + dx*dx
	e1, e2 := math.Exp(-d2*m.w1/2), math.Exp(-d2*m.w2/2)
	a, k := m.q[1], m.q[5]
	p1, p2 := a*e1*m.w1, a*k*e2*m.w2
	grad[0], grad[1] = 1, e1-k*e2
	grad[2], grad[3] = dy*(p1-p2), dx*(p1-p2)
	grad[4] = d2 * (p1 - p2)
	grad[5] = -a * e2
	grad[6] = -d2 * p2
	return m.q[0] + a*(e1-k*e2)
}

func (m *dogModel) bounds(rows, cols int) (low, high vector7) {
	inf := math.Inf(1)
	return vector7{-inf, -inf, -.5, -.5, math.Log(narrowest), 0, math.Log(1.2)},
		vector7{inf, inf, float64(rows) - .5, float64(cols) - .5, math.Log(float64(max(rows, cols))), 3, math.Log(8)}
}

func dog(q vector7) DoG {
	c := math.Exp(q[4])
	return DoG{q[0], q[1], q[2], q[3], c, c * math.Exp(q[6]), q[5]}
}
