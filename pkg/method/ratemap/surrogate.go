package ratemap

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/ventral-lab/ventral/internal/parallel"
	"github.com/ventral-lab/ventral/internal/rng"
)

// Surrogate names how maps are made that are as smooth as a given one and carry no pattern. Permuted positions make rough
// maps, and grid and border scores of rough maps are not those of smooth ones.
type Surrogate string

const (
	// IsotropicField is a Gaussian random field whose power spectrum is that of the map averaged over directions: the
	// same roughness at every scale, the same preferred distance if there is one, and no preferred direction. It is
	// the null hypothesis of a grid score: waves of this length, but not three of them 60 degrees apart.
	IsotropicField Surrogate = "isotropic-field"
	// GaussianField is white noise smoothed to the autocorrelation length of the map (AutocorrelationLength): the null
	// hypothesis that nothing but smoothness is in it. It rejects more, also maps of stripes and rings.
	GaussianField Surrogate = "gaussian-field"
	// PhaseRandomised keeps the amplitude of every Fourier coefficient of the map and draws its phase (Theiler et al.
	// 1992), the same turn of phases for all units, which keeps the correlations between units (Prichard & Theiler
	// 1994). An autocorrelogram hardly depends on phases (on a torus not at all), so a lattice keeps its grid score in
	// every surrogate: use it for scores that look at places, as border scores, not for grid scores.
	PhaseRandomised Surrogate = "phase-randomised"
)

// Surrogates lists all kinds.
func Surrogates() []Surrogate { return []Surrogate{IsotropicField, GaussianField, PhaseRandomised} }

// SurrogateOptions says how many surrogates of each map to make, of which kind, and from which random stream.
type SurrogateOptions struct {
	Kind   Surrogate // "" = IsotropicField
	Maps   int       // of each unit; 0 = 200
	Seed   uint64
	Stream string // "" = "ratemap/surrogate"
	Keep   bool   // keep every value in NullResult.Values

	// Stop ends the surrogates of a unit when this many of them have reached its score (Besag & Clifford, Biometrika 1991):
	// p is then Stop over the number drawn until then, and else (1 + #reached)/(1 + Maps). Either is a valid p value,
	// and units that are nothing special take about Stop/p surrogates instead of Maps. 0 = never.
	Stop int
	// Least is how many surrogates every unit gets although it has stopped; the distribution of the largest score over
	// units, NullResult.Max, is of these. 0 = Maps; without Stop it is always Maps.
	Least int
	// First is the number of the first unit in the random streams of Gaussian fields, so that the surrogates of a unit
	// stay the same when many units are worked through in several sets.
	First int
}

// SurrogateNull compares a score of every map with its values on surrogates of that map: per unit (P), and against the
// largest score that any unit's surrogates reach (PMax), which is the chance of one such score among all units.
//
// Give it the maps as they are scored: filled and smoothed. Bins that nobody visited are filled from the nearest ones
// (FillNearest) to make the surrogates, and are unvisited again in them. Surrogates have the mean of the map's visited
// bins and, but for PhaseRandomised, which keeps it as it comes, the standard deviation. The fields are independent
// between units; where maps of units are alike, PMax is then on the safe side.
//
// The score must be safe for concurrent use and must not keep or change the map. Maps that do not vary, have no rate or
// an infinite one have P = PMax = 1, as have those whose score is NaN. NullResult.Shuffles counts surrogates, and
// Statistic names the score and the kind.
func (s *Set) SurrogateNull(name string, score func(Map) float64, opt SurrogateOptions) (*NullResult, error) {
	if opt.Kind == "" {
		opt.Kind = IsotropicField
	}
	if !slices.Contains(Surrogates(), opt.Kind) {
		return nil, fmt.Errorf("ratemap: no surrogate is called %q: use one of %v", opt.Kind, Surrogates())
	}
	if opt.Maps == 0 {
		opt.Maps = 200
	}
	if opt.Maps < 0 || opt.Maps > maxShuffles {
		return nil, fmt.Errorf("ratemap: %d surrogates: give 1 to %d, or 0 for 200", opt.Maps, maxShuffles)
	}
	if opt.Stream == "" {
		opt.Stream = "ratemap/surrogate"
	}
	if opt.Stop < 0 || opt.Least < 0 || opt.First < 0 {
		return nil, fmt.Errorf("ratemap: stop after %d, at least %d surrogates, first unit %d: want none of them negative", opt.Stop, opt.Least, opt.First)
	}
	if opt.Stop == 0 || opt.Least == 0 || opt.Least > opt.Maps {
		opt.Least = opt.Maps
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	t := newTally(s.Units, opt.Maps, opt.Keep, NullResult{Statistic: name + " against " + string(opt.Kind), Conversion: s.Conversion, Seed: opt.Seed, Stream: opt.Stream})
	t.stopAfter(opt.Stop, opt.Least)
	batch := opt.Maps // of surrogates, so that the phases that all units share take no more than some 64 MiB
	if opt.Kind == PhaseRandomised {
		batch = min(opt.Maps, max(1, 1<<22/s.Grid.Len()))
	}
	for from := 0; from < opt.Maps; from += batch {
		s.surrogateBatch(score, opt, from, min(from+batch, opt.Maps), t)
	}
	t.finish()
	return t.res, nil
}

// surrogateBatch does the surrogates [from, to) of every unit.
func (s *Set) surrogateBatch(score func(Map) float64, opt SurrogateOptions, from, to int, t *tally) {
	phases := s.phases(opt, from, to)
	maxima := make([][]float64, s.Units)
	parallel.ForScratch(s.Units, func() *surrogateMaker { return newSurrogateMaker(s.Grid.Rows, s.Grid.Cols) }, func(u int, w *surrogateMaker) {
		m := s.Map(u)
		top := make([]float64, max(min(to, opt.Least)-from, 0))
		fillWith(top, math.Inf(-1))
		maxima[u] = top
		ok := w.load(m, opt.Kind)
		if from == 0 {
			t.observe(u, score(m), 0, !ok)
		}
		if !ok {
			return
		}
		null := Map{m.Rows, m.Cols, w.rate, m.Occupancy}
		for k := range to - from {
			if t.stopped(u) && from+k >= opt.Least {
				break
			}
			if opt.Kind == PhaseRandomised {
				w.turn(phases[k])
			} else {
				w.field(k, func(pair int) *rand.Rand { return rng.Fast(opt.Seed, opt.Stream, uint64(opt.First+u), uint64(pair)) })
			}
			v := score(null)
			t.add(u, from+k, v)
			if k < len(top) && !math.IsNaN(v) {
				top[k] = v
			}
		}
	})
	t.maxima(from, maxima)
}

// GridNull is SurrogateNull of GridScore.
func (s *Set) GridNull(opt SurrogateOptions) (*NullResult, error) {
	return s.SurrogateNull("grid score", func(m Map) float64 { return gridScoreOnly(m) }, opt)
}

func (s *Set) check() error {
	if s == nil || s.Units < 1 {
		return fmt.Errorf("ratemap: no maps: make them with Maps or NewSet")
	}
	if err := s.Grid.Check(); err != nil {
		return err
	}
	if n := s.Grid.Len(); len(s.Rate) != s.Units*n || s.Occupancy != nil && len(s.Occupancy) != n {
		return fmt.Errorf("ratemap: %d rates and %d occupancies are not %d maps of %d x %d: make them with Maps or NewSet", len(s.Rate), len(s.Occupancy), s.Units, s.Grid.Rows, s.Grid.Cols)
	}
	return nil
}

// NewSet wraps maps that were made elsewhere: rate [unit, row, col], NaN = unvisited, and the occupancy of all (nil =
// the same everywhere). conversion says how activations became rates, Raw if they were not converted.
func NewSet(g Grid, rate, occupancy []float64, conversion Conversion) (*Set, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	s := &Set{Grid: g, Units: len(rate) / g.Len(), Rate: rate, Occupancy: occupancy, Conversion: conversion, Fill: "none"}
	if err := s.check(); err != nil {
		return nil, err
	}
	_, err := NewMap(g.Rows, g.Cols, s.Map(0).Rate, occupancy)
	return s, err
}

// phases are the turns of phase that all units share in each of the surrogates [from, to): the phases of white noise, which are uniform and
// have the symmetry of a real map by themselves. nil for the other kinds.
func (s *Set) phases(opt SurrogateOptions, from, to int) [][]complex128 {
	if opt.Kind != PhaseRandomised {
		return nil
	}
	out := make([][]complex128, to-from)
	rows, cols := s.Grid.Rows, s.Grid.Cols
	parallel.ForScratch(to-from, func() *plane { return newPlane(rows, cols) }, func(k int, p *plane) {
		r := rng.Fast(opt.Seed, opt.Stream, uint64(from+k))
		noise := make([]float64, rows*cols)
		for b := range noise {
			noise[b] = r.NormFloat64()
		}
		f := p.forward(noise)
		for b, z := range f {
			if a := math.Hypot(real(z), imag(z)); a > 0 {
				f[b] = complex(real(z)/a, imag(z)/a)
			} else {
				f[b] = 1
			}
		}
		f[0] = 1 // the mean stays
		out[k] = f
	})
	return out
}

// A surrogateMaker makes the surrogates of one map after another; every thread has one.
type surrogateMaker struct {
	rows, cols int
	plane      *plane
	torus      [2]int // rows, cols of the torus that fields are made on, twice the map so that opposite borders do not meet
	line       [2]*fourier.CmplxFFT
	amplitude  []float64 // [torus] of the field's coefficients
	pair       []complex128
	pairAt     int
	column     []complex128
	spectrum   []complex128 // of the map
	work       []complex128
	rate       []float64 // the surrogate
	seen       []bool
	mean, sd   float64
}

func newSurrogateMaker(rows, cols int) *surrogateMaker {
	w := &surrogateMaker{rows: rows, cols: cols, plane: newPlane(rows, cols), torus: [2]int{smooth235(2 * rows), smooth235(2 * cols)},
		rate: make([]float64, rows*cols), seen: make([]bool, rows*cols)}
	n := w.torus[0] * w.torus[1]
	w.line[0], w.line[1] = fourier.NewCmplxFFT(w.torus[0]), fourier.NewCmplxFFT(w.torus[1])
	w.amplitude, w.pair, w.column = make([]float64, n), make([]complex128, n), make([]complex128, w.torus[0])
	w.work = make([]complex128, w.plane.half*rows)
	return w
}

// load prepares for one map; false where the map does not vary.
func (w *surrogateMaker) load(m Map, kind Surrogate) bool {
	var visited []float64
	for b, r := range m.Rate {
		if w.seen[b] = !math.IsNaN(r); w.seen[b] {
			visited = append(visited, r)
		}
	}
	if m.broken() || len(visited) == 0 || slices.Min(visited) == slices.Max(visited) {
		return false
	}
	w.mean, w.sd = meanAndSD(visited)
	full := m
	if len(visited) < len(m.Rate) {
		full = m.FillNearest()
	}
	var power radial
	switch kind {
	case PhaseRandomised:
		w.spectrum = w.plane.forward(full.Rate)
		return true
	case GaussianField:
		power = gaussianSpectrum(AutocorrelationLength(m) / 2)
	default:
		power = radialSpectrum(full.Rate, w.rows, w.cols)
	}
	for b := range w.amplitude {
		w.amplitude[b] = math.Sqrt(power.at(math.Hypot(frequency(b/w.torus[1], w.torus[0]), frequency(b%w.torus[1], w.torus[1]))))
	}
	w.pairAt = -1
	return true
}

func meanAndSD(x []float64) (mean, sd float64) {
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	for _, v := range x {
		sd += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(sd / float64(len(x)))
}

// turn writes the surrogate with the given turns of phase.
func (w *surrogateMaker) turn(phase []complex128) {
	for k, z := range w.spectrum {
		w.work[k] = z * phase[k]
	}
	w.plane.inverse(w.work, w.rate)
	w.finish(false)
}

// field writes the k-th Gaussian field. Independent complex coefficients give two independent real fields, so k and k+1
// for even k come from one transform.
func (w *surrogateMaker) field(k int, stream func(pair int) *rand.Rand) {
	h, c := w.torus[0], w.torus[1]
	if k/2 != w.pairAt {
		w.pairAt = k / 2
		r := stream(k / 2)
		for b, a := range w.amplitude {
			w.pair[b] = complex(a*r.NormFloat64(), a*r.NormFloat64())
		}
		for j := range c { // down the columns; then only the rows of the map are needed
			for i := range h {
				w.column[i] = w.pair[i*c+j]
			}
			w.line[0].Sequence(w.column, w.column)
			for i := range w.rows {
				w.pair[i*c+j] = w.column[i]
			}
		}
		for i := range w.rows {
			row := w.pair[i*c : (i+1)*c]
			w.line[1].Sequence(row, row)
		}
	}
	for b := range w.rate {
		z := w.pair[b/w.cols*c+b%w.cols]
		if w.rate[b] = real(z); k%2 == 1 {
			w.rate[b] = imag(z)
		}
	}
	w.finish(true)
}

// finish empties the bins that the map has not visited and gives the others the mean of the map, and with scale its
// standard deviation.
func (w *surrogateMaker) finish(scale bool) {
	var visited []float64
	for b, v := range w.rate {
		if w.seen[b] {
			visited = append(visited, v)
		}
	}
	mean, sd := meanAndSD(visited)
	factor := 1.0
	if scale && sd > 0 {
		factor = w.sd / sd
	}
	for b, v := range w.rate {
		if w.rate[b] = w.mean + factor*(v-mean); !w.seen[b] {
			w.rate[b] = math.NaN()
		}
	}
}

// SurrogateOf makes one surrogate of a map, for looking at: kind and seed as in SurrogateNull. A map that does not vary
// is returned as it is.
func SurrogateOf(m Map, kind Surrogate, seed uint64, stream string) (Map, error) {
	if !slices.Contains(Surrogates(), kind) {
		return m, fmt.Errorf("ratemap: no surrogate is called %q: use one of %v", kind, Surrogates())
	}
	w := newSurrogateMaker(m.Rows, m.Cols)
	if !w.load(m, kind) {
		return m, nil
	}
	if kind == PhaseRandomised {
		s := &Set{Grid: Grid{Rows: m.Rows, Cols: m.Cols}}
		w.turn(s.phases(SurrogateOptions{Kind: kind, Seed: seed, Stream: stream}, 0, 1)[0])
	} else {
		w.field(0, func(int) *rand.Rand { return rng.Fast(seed, stream) })
	}
	return Map{m.Rows, m.Cols, w.rate, m.Occupancy}, nil
}
