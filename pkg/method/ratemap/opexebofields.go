package ratemap

import "math"

// opexeboPeaks is the tool's peak search: the local maxima (plateaus over eight neighbours count once, at their centre)
// of the image, masked bins set to the smallest value. Distances to the nearest bin that is masked or exactly zero are
// counted in king's moves; a peak at distance 4 or less, or any peak where there is no such bin, comes out as bin 0.
func opexeboPeaks(img []float64, rows, cols int, mask []bool) []int {
	low := math.Inf(1)
	for _, v := range img {
		low = min(low, v)
	}
	z := make([]float64, len(img))
	for b, v := range img {
		if z[b] = v; mask != nil && mask[b] {
			z[b] = low
		}
	}
	dist := kingDistance(rows, cols, func(b int) bool { return z[b] == 0 || mask != nil && mask[b] })
	var peaks []int
	seen := make([]bool, len(z))
	for b := range z {
		if seen[b] || z[b] == low {
			continue
		}
		plateau, top := []int{b}, true
		seen[b] = true
		for k := 0; k < len(plateau); k++ {
			eachNeighbour(plateau[k], rows, cols, func(q int) {
				switch {
				case z[q] > z[b]:
					top = false
				case z[q] == z[b] && !seen[q]:
					seen[q] = true
					plateau = append(plateau, q)
				}
			})
		}
		if !top {
			continue
		}
		y, x := 0.0, 0.0
		for _, p := range plateau {
			y += float64(p / cols)
			x += float64(p % cols)
		}
		y, x = y/float64(len(plateau)), x/float64(len(plateau))
		at := 0
		if dist[int(math.RoundToEven(y))*cols+int(math.RoundToEven(x))] > 4 {
			at = int(y)*cols + int(x)
		}
		peaks = append(peaks, at)
	}
	return peaks
}

func eachNeighbour(b, rows, cols int, fn func(q int)) {
	i, j := b/cols, b%cols
	for y := max(i-1, 0); y <= min(i+1, rows-1); y++ {
		for x := max(j-1, 0); x <= min(j+1, cols-1); x++ {
			if q := y*cols + x; q != b {
				fn(q)
			}
		}
	}
}

// kingDistance is the number of king's moves to the nearest bin for which zero holds, -1 where there is none.
func kingDistance(rows, cols int, zero func(b int) bool) []int {
	d := make([]int, rows*cols)
	var queue []int
	for b := range d {
		if d[b] = -1; zero(b) {
			d[b] = 0
			queue = append(queue, b)
		}
	}
	for k := 0; k < len(queue); k++ {
		eachNeighbour(queue[k], rows, cols, func(q int) {
			if d[q] < 0 {
				d[q] = d[queue[k]] + 1
				queue = append(queue, q)
			}
		})
	}
	return d
}

// OpexeboFieldOptions are the thresholds of OpexeboFields.
type OpexeboFieldOptions struct {
	InitThresh float64 // first threshold, as a share of the peak
	MinBins    int
	MinPeak    float64 // rate below which a peak is none
	MinMean    float64 // mean rate below which a field is none
}

// OpexeboFieldDefaults are the tool's own: .96, 9 bins, peak 1, mean .1 (in Hz, for neurons).
func OpexeboFieldDefaults() OpexeboFieldOptions { return OpexeboFieldOptions{.96, 9, 1, .1} }

// OpexeboFields is opexebo 0.7's place_field, for parity. It is fragile: without exactly zero bins all peaks move to the
// corner, rates between .01 and MinPeak are overwritten, and maps whose peak is below 1 are scaled to a peak of 4
// (with MinPeak and MinMean). Use Fields for work, or give explicit masks to BorderScore.
func OpexeboFields(m Map, opt OpexeboFieldOptions) Fields {
	out := Fields{Rows: m.Rows, Cols: m.Cols, Label: make([]int, len(m.Rate)), Method: "opexebo"}
	rate, unvisited := make([]float64, len(m.Rate)), make([]bool, len(m.Rate))
	top := math.Inf(-1)
	for b, r := range m.Rate {
		if unvisited[b] = math.IsNaN(r); !unvisited[b] {
			rate[b] = r
			top = max(top, r)
		}
	}
	if top == 0 || math.IsInf(top, 0) || m.broken() {
		return out
	}
	if top < 1 {
		scale := 4 / top
		for b := range rate {
			rate[b] *= scale
		}
		opt.MinPeak *= scale
		opt.MinMean *= scale
	}
	s := newAdaptive(m.Rows, m.Cols, rate, unvisited)
	var peaks []int
	for _, p := range opexeboPeaks(s.img, m.Rows, m.Cols, nil) {
		if rate[p] >= opt.MinPeak {
			peaks = append(peaks, p)
		}
	}
	mark := math.Inf(-1)
	for _, v := range s.img {
		mark = max(mark, v)
	}
	mark *= 1.5
	for b, v := range s.img {
		if v < opt.MinPeak && v > .01 {
			s.img[b] = mark
		}
	}
	label := make([]int, len(rate))
	for k, p := range peaks {
		others := make([]int, 0, len(peaks))
		others = append(append(others, peaks[:k]...), peaks[k+1:]...)
		for _, b := range s.field(p, opt.InitThresh, others) {
			s.img[b] = mark
			label[b] = k + 1
		}
	}
	bins := make([][]int, len(peaks)+1)
	for b, l := range label {
		bins[l] = append(bins[l], b)
	}
	for _, field := range bins[1:] {
		sum := 0.0
		for _, b := range field {
			sum += rate[b]
		}
		if len(field) >= max(opt.MinBins, 1) && sum/float64(len(field)) >= opt.MinMean {
			out.add(m, field)
		}
	}
	return out
}
