package ratemap

import "math"

// FillNearest gives every bin without a rate the rate of the nearest bin that has one: smallest Euclidean distance
// between bin centres, and among equally near ones their mean, so that the fill has no preferred direction.
// Occupancy is kept: filled bins still weigh nothing in occupancy-weighted scores. A map without any rate stays so.
func (m Map) FillNearest() Map {
	out := m
	out.Rate = append([]float64(nil), m.Rate...)
	for b, v := range m.Rate {
		if math.IsNaN(v) {
			out.Rate[b] = m.nearest(b/m.Cols, b%m.Cols)
		}
	}
	return out
}

// nearest looks outwards in squares of growing half-width d; once something was found at squared distance best,
// squares with d*d > best cannot hold anything nearer.
func (m Map) nearest(row, col int) float64 {
	best, sum, n := math.Inf(1), 0.0, 0.0
	for d := 1; d < max(m.Rows, m.Cols) && float64(d*d) <= best; d++ {
		for i := max(row-d, 0); i <= min(row+d, m.Rows-1); i++ {
			step := 1
			if i != row-d && i != row+d {
				step = 2 * d // inner rows of the square: only its two sides
			}
			for j := col - d; j <= col+d; j += step {
				if j < 0 || j >= m.Cols || math.IsNaN(m.At(i, j)) {
					continue
				}
				d2 := float64((i-row)*(i-row) + (j-col)*(j-col))
				if d2 < best {
					best, sum, n = d2, 0, 0
				}
				if d2 == best {
					sum += m.At(i, j)
					n++
				}
			}
		}
	}
	return sum / n // 0/0 = NaN where the whole map is empty
}

// Smooth convolves the map with a Gaussian of sigma bins. The kernel is the one opexebo takes from astropy: the
// density exp(-(dx2+dy2)/(2 sigma2))/(2 pi sigma2) sampled at bin centres on a square of side 8 sigma rounded up
// to an odd number, and divided by its own sum. Beyond the border the map is mirrored, edge bin first. Bins
// without a rate are left out and the weights of the others renormalised, so that such a bin is interpolated where
// the kernel reaches any rate. Occupancy is kept. sigma <= 0 or NaN returns a copy; above four sides of the map the
// result is the mean everywhere and sigma counts as that.
func (m Map) Smooth(sigma float64) Map {
	out := m
	out.Rate = append([]float64(nil), m.Rate...)
	if !(sigma > 0) {
		return out
	}
	sigma = min(sigma, float64(4*max(m.Rows, m.Cols)))
	half := int(math.Ceil(8*sigma)) / 2 // side = 2*half+1: 8 sigma rounded up to odd
	k := make([]float64, 2*half+1)
	for i := range k {
		d := float64(i - half)
		k[i] = math.Exp(-d * d / (2 * sigma * sigma))
	}
	// The kernel is a product, so rows and columns are convolved in turn: once the rates (NaN as 0), once the
	// indicator of a rate, which is the weight that the neighbours actually had; without gaps it is the same everywhere.
	num, seen, gaps := make([]float64, len(m.Rate)), make([]float64, len(m.Rate)), false
	for b, v := range m.Rate {
		if !math.IsNaN(v) {
			num[b], seen[b] = v, 1
		} else {
			gaps = true
		}
	}
	num = m.convolve(num, k)
	if !gaps {
		along, whole := 0.0, 0.0
		for _, w := range k {
			along += w
		}
		for _, w := range k {
			whole += w * along
		}
		for b, v := range num {
			out.Rate[b] = v / whole
		}
		return out
	}
	den := m.convolve(seen, k)
	for b := range out.Rate {
		if den[b] > 0 {
			out.Rate[b] = num[b] / den[b]
		} else {
			out.Rate[b] = math.NaN()
		}
	}
	return out
}

// convolve sums, at every bin, first along rows and then along columns, in the order of the kernel.
func (m Map) convolve(a, k []float64) []float64 {
	half := len(k) / 2
	tmp, out := make([]float64, len(a)), make([]float64, len(a))
	line := make([]float64, m.Cols+2*half)
	for i := range m.Rows {
		row := a[i*m.Cols : (i+1)*m.Cols]
		copy(line[half:], row)
		for d := range half {
			line[d], line[half+m.Cols+d] = row[mirror(d-half, m.Cols)], row[mirror(m.Cols+d, m.Cols)]
		}
		addProducts(tmp[i*m.Cols:(i+1)*m.Cols], line, k)
	}
	for i := range m.Rows {
		to := out[i*m.Cols : (i+1)*m.Cols]
		for d, w := range k {
			from := mirror(i+d-half, m.Rows) * m.Cols
			for j, v := range tmp[from : from+len(to)] {
				to[j] += w * v
			}
		}
	}
	return out
}

// addProducts adds to to[j] the sum over d of k[d] line[j+d].
func addProducts(to, line, k []float64) {
	for d, w := range k {
		for j, v := range line[d : d+len(to)] {
			to[j] += w * v
		}
	}
}

// mirror folds an index into [0, n) with the edge repeated: -1 is 0, n is n-1.
func mirror(i, n int) int {
	i %= 2 * n
	if i < 0 {
		i += 2 * n
	}
	if i >= n {
		i = 2*n - 1 - i
	}
	return i
}
