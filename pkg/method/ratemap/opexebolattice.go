package ratemap

import (
	"math"
	"slices"
)

// opexeboAutocorrelation is opexebo 0.7's autocorrelogram with its arithmetic: gaps are 0, a negative map is shifted
// to 0, and the sums over overlaps are differences of running totals. Where an overlap is nearly flat, as beside a
// lone place field, these differences are mostly rounding, and the tool's score is off in the third digit (a field of
// 4 bins' deviation scores -.028256 where exact sums give -.028367); the same sums in the same order give the same
// digits.
func opexeboAutocorrelation(m Map) Autocorrelogram {
	a := Autocorrelogram{Rows: 2*croppedLags(m.Rows) + 1, Cols: 2*croppedLags(m.Cols) + 1}
	a.R = make([]float64, a.Rows*a.Cols)
	rate := slices.Clone(m.Rate)
	for b, r := range rate {
		if math.IsNaN(r) {
			rate[b] = 0
		}
	}
	low, high := slices.Min(rate), slices.Max(rate)
	if math.IsInf(low, 0) || math.IsInf(high, 0) || low == high {
		fillWith(a.R, math.NaN())
		return a
	}
	sq, turned, turnedSq := make([]float64, len(rate)), make([]float64, len(rate)), make([]float64, len(rate))
	for b := range rate {
		rate[b] -= min(low, 0)
		sq[b] = rate[b] * rate[b]
		turned[len(rate)-1-b], turnedSq[len(rate)-1-b] = rate[b], sq[b]
	}
	h, w := 2*m.Rows-1, 2*m.Cols-1
	xy := newCorrelator(m.Rows, m.Cols, m.Rows-1, m.Cols-1).correlate(rate, nil)
	s1, q1 := runningTotals(rate, m.Rows, m.Cols), runningTotals(sq, m.Rows, m.Cols)
	s2, q2 := runningTotals(turned, m.Rows, m.Cols), runningTotals(turnedSq, m.Rows, m.Cols)
	num, den, largest := make([]float64, h*w), make([]float64, h*w), 0.0
	for k := range den {
		dy, dx := k/w-(m.Rows-1), k%w-(m.Cols-1)
		n := float64((m.Rows - abs(dy)) * (m.Cols - abs(dx)))
		v1, v2 := max(q1[k]-s1[k]*s1[k]/n, 0), max(q2[k]-s2[k]*s2[k]/n, 0)
		den[k] = math.Sqrt(v1 * v2)
		num[k] = xy.at(dy, dx) - s1[k]*s2[k]/n
		largest = max(largest, den[k])
	}
	tol := 1000 * (math.Nextafter(largest, math.Inf(1)) - largest)
	for k := range a.R {
		from := (k/a.Cols+(h-a.Rows)/2)*w + k%a.Cols + (w-a.Cols)/2
		if den[from] > tol {
			a.R[k] = num[from] / den[from]
		}
	}
	return a
}

// runningTotals are the sums over the overlap with a window of the map's own size, for the 2N-1 positions of each
// axis: cumulated down the columns, continued by subtracting from the last, then the same along the rows.
func runningTotals(a []float64, rows, cols int) []float64 {
	h, w := 2*rows-1, 2*cols-1
	down := make([]float64, h*cols)
	for j := range cols {
		t := 0.0
		for i := range rows {
			t += a[i*cols+j]
			down[i*cols+j] = t
		}
		for i := range rows - 1 {
			down[(rows+i)*cols+j] = t - down[i*cols+j]
		}
	}
	out := make([]float64, h*w)
	for i := range h {
		t := 0.0
		for j := range cols {
			t += down[i*cols+j]
			out[i*w+j] = t
		}
		for j := range cols - 1 {
			out[i*w+cols+j] = t - out[i*w+j]
		}
	}
	return out
}

// opexeboLattice is the tool's spacing and orientation from the peaks between 1.5 central radii and 1.25 times the
// best ring. Peaks closer than five bins to the masked part are moved to the corner (0, 0) of the correlogram, which
// is why the spacing of a clean lattice can come out as half the diagonal.
func opexeboLattice(a Autocorrelogram, center, best int) (spacing, orientation float64) {
	cy, cx := float64(a.Rows)/2-.5, float64(a.Cols)/2-.5
	mask := make([]bool, len(a.R))
	for b := range mask {
		dy, dx := float64(b/a.Cols)-cy, float64(b%a.Cols)-cx
		d := math.Sqrt(dx*dx + dy*dy)
		mask[b] = d >= float64(best)*1.25 || d <= float64(center)*1.5
	}
	peaks := opexeboPeaks(a.R, a.Rows, a.Cols, mask)
	if len(peaks) < 6 {
		return math.NaN(), math.NaN()
	}
	type field struct{ d, angle float64 }
	fields := make([]field, len(peaks))
	for k, p := range peaks {
		dy, dx := float64(p/a.Cols)-cy, float64(p%a.Cols)-cx
		fields[k] = field{math.Sqrt(dy*dy + dx*dx), math.Atan2(dy, dx)}
	}
	drop := make([]bool, len(fields))
	for i := range fields {
		for j := i + 1; j < len(fields); j++ {
			if math.Abs(math.Remainder(fields[i].angle-fields[j].angle, 2*math.Pi)) >= axisSeparation {
				continue
			}
			if fields[i].d > fields[j].d {
				drop[i] = true
			} else {
				drop[j] = true
			}
		}
	}
	kept := fields[:0]
	for i, f := range fields {
		if !drop[i] {
			kept = append(kept, f)
		}
	}
	slices.SortStableFunc(kept, func(p, q field) int { return compare(p.d, q.d) })
	kept = kept[:min(len(kept), 6)]
	slices.SortStableFunc(kept, func(p, q field) int { return compare(p.angle, q.angle) })
	kept = kept[:min(len(kept), 3)]
	var angles []float64
	for _, f := range kept {
		spacing += f.d / float64(len(kept))
		angles = append(angles, f.angle*180/math.Pi)
	}
	return spacing, opexeboOrientation(angles)
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// opexeboOrientation brings each angle (degrees) to the nearest of the axes 60 degrees apart, gives all one sign where
// they lie nearer to the middle between two axes, averages, and takes off 60 where that is smaller.
func opexeboOrientation(angles []float64) float64 {
	mod := func(x, m float64) float64 { return x - m*math.Floor(x/m) }
	toAxis, toMiddle := 0.0, 0.0
	var off []float64
	for _, a := range angles {
		o := mod(mod(a, 180), 60)
		if math.Abs(o-60) < math.Abs(o) {
			o -= 60
		}
		off = append(off, o)
		toAxis += math.Abs(o)
		toMiddle += math.Abs(math.Abs(o) - 30)
	}
	if toMiddle < toAxis {
		sorted := slices.Clone(off)
		slices.Sort(sorted)
		n := len(sorted)
		median := (sorted[(n-1)/2] + sorted[n/2]) / 2
		for i, o := range off {
			if off[i] = math.Abs(o); median < 0 {
				off[i] = -off[i]
			}
		}
	}
	mean := 0.0
	for _, o := range off {
		mean += o / float64(len(off))
	}
	if math.Abs(mean-60) <= math.Abs(mean) {
		mean -= 60
	}
	return mean
}
