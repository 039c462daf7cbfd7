package ratemap

import "math"

// Information is the spatial information of one map, with the name of the definition that gave it.
type Information struct {
	Variant       string  // "skaggs", "opexebo" or "raw"
	BitsPerEvent  float64 // information per unit of response; for spikes, bits/spike
	BitsPerSample float64 // information per stimulus; for spikes over time, bits/s
	Mean          float64 // occupancy-weighted mean rate
	Flagged       bool    // the map is signed or its mean not positive: the number is not an information
}

// Skaggs is the spatial information of Skaggs, McNaughton, Gothard & Markus (NIPS 1993):
//
//	bits/sample = sum_b p_b r_b log2(r_b / mean),  bits/event = (bits/sample) / mean,  mean = sum_b p_b r_b
//
// with p_b the share of the occupancy in bin b and 0 log 0 = 0. Bins without a rate or without occupancy do not
// count. Bits/sample is the one to rank and test by: bits/event divides by the mean and so prefers units that
// hardly respond.
//
// Both are 0 for a constant positive map and for one occupied bin. A map of zeros (a silent unit) has 0 bits/sample
// and NaN bits/event. Both are NaN where a visited bin has a negative rate (convert the activations first), an
// infinite one, or where no bin was visited.
func Skaggs(m Map) Information {
	in := Information{Variant: "skaggs", BitsPerEvent: math.NaN(), BitsPerSample: math.NaN()}
	w, mean, neg, ok := m.mean()
	in.Mean = mean
	switch {
	case !ok:
		in.Mean = math.NaN()
	case neg:
		in.Flagged = true
	case mean == 0:
		in.BitsPerSample = 0
	default:
		// Jensen: not negative; rounding can leave -1e-17 on a constant map.
		in.BitsPerEvent = max(m.ratioInformation(w, mean, 0), 0)
		in.BitsPerSample = in.BitsPerEvent * mean
	}
	return in
}

// OpexeboInformation is what opexebo 0.7 calls spatial information: the ratio r/mean is raised to at least 1 before
// the logarithm, so that bins below the mean add nothing instead of a negative amount. It is larger than the
// information of Skaggs. As there, signed maps are not refused; here they are Flagged. NaN where the mean is 0, where
// no bin was visited or a rate is infinite.
func OpexeboInformation(m Map) Information {
	in := Information{Variant: "opexebo", BitsPerEvent: math.NaN(), BitsPerSample: math.NaN()}
	w, mean, neg, ok := m.mean()
	in.Mean, in.Flagged = mean, neg || mean <= 0
	if !ok {
		in.Mean = math.NaN()
	} else if mean != 0 {
		in.BitsPerEvent = m.ratioInformation(w, mean, 1)
		in.BitsPerSample = in.BitsPerEvent * mean
	}
	return in
}

// RawInformation applies the sum of Skaggs to a signed map as it is, leaving out the bins whose ratio to the mean is
// not positive. It exists to show what published rankings of raw activations rank: where the signed mean is nearly
// zero it grows without bound, on noise as on signal. Always Flagged on signed maps; NaN as OpexeboInformation.
func RawInformation(m Map) Information {
	in := OpexeboInformation(m)
	in.Variant = "raw"
	if finite(in.BitsPerEvent) {
		w, mean, _, _ := m.mean()
		in.BitsPerEvent = m.ratioInformation(w, mean, 0)
		in.BitsPerSample = in.BitsPerEvent * mean
	}
	return in
}

// mean is the total weight, the weighted mean rate, and whether a visited bin is negative. ok is false where no bin has
// weight or any rate is infinite.
func (m Map) mean() (weight, mean float64, negative, ok bool) {
	sum, lowest := 0.0, 0.0
	inf := false
	for b, r := range m.Rate {
		if r != r { // NaN: unvisited
			continue
		}
		w := 1.0
		if m.Occupancy != nil {
			if w = m.Occupancy[b]; w == 0 {
				inf = inf || r-r != 0
				continue
			}
		}
		weight += w
		sum += w * r
		lowest = min(lowest, r)
	}
	inf = inf || sum-sum != 0
	return weight, sum / weight, lowest < 0, weight > 0 && !inf
}

// ratioInformation is sum_b p_b (r_b/mean) log2(r_b/mean) over the bins with r_b/mean > floor.
func (m Map) ratioInformation(weight, mean, floor float64) float64 {
	sum := 0.0
	for b, r := range m.Rate {
		if x := r / mean; x > floor && x != 1 { // not NaN; at 1 fastLog2 is 0 to rounding only
			w := 1.0
			if m.Occupancy != nil {
				w = m.Occupancy[b]
			}
			sum += w * x * fastLog2(x)
		}
	}
	return sum / weight
}

// Sparsity is mean^2 / sum_b p_b r_b^2 (Treves & Rolls 1991; Skaggs et al. 1996): the share of the environment in
// which the unit responds, small for a sparse unit, 1 for a constant map. NaN for a map of zeros, without a visited
// bin, or with an infinite rate. On signed maps it is a number without that meaning (0 where the mean is 0).
func Sparsity(m Map) float64 {
	w, mean, _, ok := m.mean()
	if !ok {
		return math.NaN()
	}
	sq := 0.0
	for b, r := range m.Rate {
		if v := m.weight(b); v > 0 {
			sq += v * r * r
		}
	}
	return mean * mean / (sq / w)
}

// Selectivity is the largest rate over the mean (Skaggs et al. 1996), 1 for a constant map. NaN where the mean is not
// positive, no bin was visited, or a rate is infinite.
func Selectivity(m Map) float64 {
	_, mean, _, ok := m.mean()
	if !ok || !(mean > 0) {
		return math.NaN()
	}
	peak := math.Inf(-1)
	for b, r := range m.Rate {
		if m.weight(b) > 0 {
			peak = max(peak, r)
		}
	}
	return peak / mean
}
