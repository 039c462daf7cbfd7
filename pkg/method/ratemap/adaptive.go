package ratemap

import (
	"math"
	"slices"
)

// adaptive is opexebo 0.7's adaptive place-field search on one image: from a peak, the threshold is lowered in steps
// until the region around the peak stops growing steadily, grows a hole, or reaches another peak. The central radius of
// the grid score and OpexeboFields both stand on it. Its steps and constants are kept as they are, odd ones included,
// because the scores depend on them to the last digit.
type adaptive struct {
	rows, cols int
	img        []float64 // opened by reconstruction; found fields are overwritten
	unvisited  []bool    // nil = none
	mark       []int32   // pixel belongs to the region of this number
	stamp      int32
	region     []int32 // pixels of the region last grown
	stack      []int32
	hole       []bool // scratch: background of the bounding box reached from outside
}

func newAdaptive(rows, cols int, img []float64, unvisited []bool) *adaptive {
	s := &adaptive{rows: rows, cols: cols, unvisited: unvisited, mark: make([]int32, len(img))}
	s.img = openByReconstruction(img, rows, cols)
	return s
}

// grow finds the region of peak at threshold times the peak's value: the bins at or above it, connected by edges. ok is
// false where the region has a hole (ignoring bins nobody visited) or holds another peak.
func (s *adaptive) grow(peak int, threshold float64, others []int) (ok bool) {
	level := s.img[peak] * threshold
	s.stamp++
	s.region = s.region[:0]
	if s.img[peak] < level { // a negative peak: the tool then takes the whole map
		for b := range s.img {
			s.region = append(s.region, int32(b))
			s.mark[b] = s.stamp
		}
		return !slices.ContainsFunc(others, func(o int) bool { return s.mark[o] == s.stamp })
	}
	s.mark[peak] = s.stamp
	s.region = append(s.region, int32(peak))
	for k := 0; k < len(s.region); k++ {
		p := int(s.region[k])
		i, j := p/s.cols, p%s.cols
		visit := func(q int) {
			if s.mark[q] != s.stamp && s.img[q] >= level {
				s.mark[q] = s.stamp
				s.region = append(s.region, int32(q))
			}
		}
		if i > 0 {
			visit(p - s.cols)
		}
		if i < s.rows-1 {
			visit(p + s.cols)
		}
		if j > 0 {
			visit(p - 1)
		}
		if j < s.cols-1 {
			visit(p + 1)
		}
	}
	for _, o := range others {
		if s.mark[o] == s.stamp {
			return false
		}
	}
	return !s.hasHole()
}

// hasHole looks for bins that the region encloses: not in it, and not connected by edges to the outside. It is enough
// to look inside the region's bounding box with one bin more on every side, beyond the border of the map if need be.
func (s *adaptive) hasHole() bool {
	i0, i1, j0, j1 := s.rows, -1, s.cols, -1
	for _, p := range s.region {
		i, j := int(p)/s.cols, int(p)%s.cols
		i0, i1, j0, j1 = min(i0, i), max(i1, i), min(j0, j), max(j1, j)
	}
	i0, i1, j0, j1 = i0-1, i1+1, j0-1, j1+1
	h, w := i1-i0+1, j1-j0+1
	if cap(s.hole) < h*w {
		s.hole = make([]bool, h*w)
	}
	out := s.hole[:h*w]
	clear(out)
	inRegion := func(y, x int) bool {
		i, j := y+i0, x+j0
		return i >= 0 && i < s.rows && j >= 0 && j < s.cols && s.mark[i*s.cols+j] == s.stamp
	}
	s.stack = append(s.stack[:0], 0) // the corner of the widened box is outside
	out[0] = true
	reached := 1
	for len(s.stack) > 0 {
		p := int(s.stack[len(s.stack)-1])
		s.stack = s.stack[:len(s.stack)-1]
		y, x := p/w, p%w
		for _, d := range [4][2]int{{-1, 0}, {1, 0}, {0, -1}, {0, 1}} {
			v, u := y+d[0], x+d[1]
			if v < 0 || v >= h || u < 0 || u >= w || out[v*w+u] || inRegion(v, u) {
				continue
			}
			out[v*w+u] = true
			reached++
			s.stack = append(s.stack, int32(v*w+u))
		}
	}
	if reached+len(s.region) == h*w {
		return false
	}
	for p, r := range out {
		y, x := p/w, p%w
		if !r && !inRegion(y, x) && (s.unvisited == nil || !s.unvisited[(y+i0)*s.cols+x+j0]) {
			return true
		}
	}
	return false
}

// change is the growth of the region between two thresholds, and the size at the second; NaN where either is not ok.
func (s *adaptive) change(peak int, first, second float64, others []int) (ratio float64, area int) {
	if !s.grow(peak, first, others) {
		return math.NaN(), 0
	}
	a := len(s.region)
	if !s.grow(peak, second, others) {
		return math.NaN(), 0
	}
	return float64(len(s.region)) / float64(a), len(s.region)
}

// field expands the field of one peak, starting at init times the peak's value. nil: no field.
func (s *adaptive) field(peak int, init float64, others []int) []int32 {
	start := init
	growth, area := s.change(peak, start, start-.02, others)
	if math.IsNaN(growth) {
		for k := range 4 {
			from := linspace(init+.01, 1, 4, k)
			if growth, area = s.change(peak, from, from-.01, others); growth > 0 {
				start = from - .01
				break
			}
		}
	}
	if math.IsNaN(growth) {
		return nil
	}
	var last []int32
	same, shrunk := 0, 0
	steps := int((start-.2)/.02) + 1
	for k := range steps {
		threshold := math.RoundToEven(linspace(start, .2, steps, k)*100) / 100
		if !s.grow(peak, threshold, others) {
			return last
		}
		now := float64(len(s.region)) / float64(area)
		if now < 1 {
			shrunk++
		} else {
			shrunk = 0
		}
		if math.Floor(now/growth) > 2 || shrunk >= 3 {
			return last
		}
		if now == 1 {
			same++
		} else {
			same = 0
		}
		if same >= 10 {
			return last
		}
		area = len(s.region)
		last = append(last[:0], s.region...)
	}
	return last
}

// linspace is the k-th of n evenly spaced numbers from a to b.
func linspace(a, b float64, n, k int) float64 {
	if k == n-1 && n > 1 {
		return b
	}
	if n == 1 {
		return a
	}
	return a + float64(k)*((b-a)/float64(n-1))
}

// openByReconstruction erodes the image by a cross of five bins and then dilates the result, by squares of nine,
// without ever exceeding the image: peaks narrower than the cross lose their tips and nothing else changes.
func openByReconstruction(img []float64, rows, cols int) []float64 {
	out := make([]float64, len(img))
	for i := range rows {
		for j := range cols {
			p := i*cols + j
			v := img[p]
			if i > 0 {
				v = min(v, img[p-cols])
			}
			if i < rows-1 {
				v = min(v, img[p+cols])
			}
			if j > 0 {
				v = min(v, img[p-1])
			}
			if j < cols-1 {
				v = min(v, img[p+1])
			}
			out[p] = v
		}
	}
	// A forward and a backward sweep, each carrying values along as it goes, then a queue of the bins that could still
	// pass something on (the hybrid algorithm of Vincent 1993). The order of steps has no part in the result.
	up := func(p, i, j int) float64 {
		v := out[p]
		if j > 0 {
			v = max(v, out[p-1])
		}
		if i > 0 {
			v = max(v, out[p-cols])
			if j > 0 {
				v = max(v, out[p-cols-1])
			}
			if j < cols-1 {
				v = max(v, out[p-cols+1])
			}
		}
		return v
	}
	for i := range rows {
		for j := range cols {
			if p := i*cols + j; out[p] != img[p] {
				out[p] = min(up(p, i, j), img[p])
			}
		}
	}
	var queue []int32
	for i := rows - 1; i >= 0; i-- {
		for j := cols - 1; j >= 0; j-- {
			p := i*cols + j
			v := out[p]
			// The neighbours behind this bin; those that are lower and have room may take its value later.
			behind, n := [4]int{}, 0
			if j < cols-1 {
				behind[n] = p + 1
				n++
			}
			if i < rows-1 {
				behind[n] = p + cols
				n++
				if j > 0 {
					behind[n] = p + cols - 1
					n++
				}
				if j < cols-1 {
					behind[n] = p + cols + 1
					n++
				}
			}
			for _, q := range behind[:n] {
				v = max(v, out[q])
			}
			v = min(v, img[p])
			out[p] = v
			for _, q := range behind[:n] {
				if out[q] < v && out[q] < img[q] {
					queue = append(queue, int32(p))
					break
				}
			}
		}
	}
	for k := 0; k < len(queue); k++ {
		p := int(queue[k])
		i, j, v := p/cols, p%cols, out[p]
		for y := max(i-1, 0); y <= min(i+1, rows-1); y++ {
			for x := max(j-1, 0); x <= min(j+1, cols-1); x++ {
				if q := y*cols + x; out[q] < v && out[q] != img[q] {
					out[q] = min(v, img[q])
					queue = append(queue, int32(q))
				}
			}
		}
	}
	return out
}
