// Package ratemap turns responses to stimuli at known places into rate maps, scores how spatial they are, and says
// which scores are more than chance. It takes plain arrays, so that it serves the units of a network and the neurons
// of an animal alike.
//
// # From responses to scores
//
//	bins, _ := grid.Bins(x, y)                         // where every stimulus was
//	tuned, _ := Null(r, bins, grid, EtaSquared(), opt) // is position in the response at all? (no conversion)
//	rates, _ := Convert(r, ReLU, nil)                  // signed activations to rates, before binning
//	maps, _ := Maps(rates, bins, grid)
//	info := maps.Scores(func(m Map) float64 { return Skaggs(m).BitsPerSample })
//	best := Top(info, 5)
//
// Spatial information, sparsity and selectivity are defined for rates, and a network's activations are signed: divided
// by a mean that may be nearly zero, they rank units by how close to zero their mean is. So every conversion has a name
// that travels with the responses and the results, and the scores that need rates are NaN for maps with negative bins.
// The variants that take signed maps as they are (OpexeboInformation, RawInformation) say so in Information.Flagged.
// Convert before binning: a rectified mean is not a mean of rectified values, and bits/event of maps rectified after
// averaging misses clearly tuned units in the permutation test.
//
// Where tools disagree about a score, both definitions are here under their names, the default is the one that is
// statistically or numerically sound, and the documentation of each says how they differ:
//
//   - information: Skaggs (default), OpexeboInformation (ratios below 1 count as 1), RawInformation (signed maps).
//   - coherence: Coherence (mean over the neighbours there are), OpexeboCoherence (always over eight, zeros beyond the border).
//   - grid score: GridScore (opexebo's rings on exact sums, gaps left out, lattice geometry by sub-bin peaks),
//     OpexeboGridScore (its arithmetic and its peak search), DeepMindGridScore.
//   - fields and border: FindFields (share of the peak), MaskFields, OpexeboFields; BorderScore takes any of them.
//
// # Chance
//
// Stimuli are independent draws, so the null hypothesis is that any assignment of the positions to the responses is as
// likely as the one seen. Null compares a score with its values under permutations. For the scores that are sums over
// bins (information, eta squared, sparsity, selectivity) a thousand permutations of 768 units and 3000 stimuli take
// seconds; for any other function of the map (OfMap) they cost what the function costs, times units, times shuffles.
// Give NullResult.P of all units and layers to stats.QValues together. PMax corrects for the number of units by the
// distribution of the largest score instead. Grid scores of smooth maps need a null of equally smooth maps as well:
// permuted positions make rough ones. GridNull and SurrogateNull make them, of three kinds that ask different questions
// (see Surrogate).
//
// # Bias
//
// With few stimuli a bin, information of any kind is too large, and the more so the fewer there are. Unbias gives what is
// left after shuffle subtraction, scaled shuffle reduction and two extrapolations, with intervals; EtaSquared and
// MutualInformation need no rates and can be corrected in the same way. SplitHalf says how well a map would be found again.
//
// # Confounds
//
// Stimuli near the border of a screen are cut off by it, so a unit that answers to area, and knows no place, has a map like a
// border cell's. VisibleDiscs and VisibleMaps give the area; PartialResponses takes it out of responses, before any test,
// and PartialMap, TuneWalls and ControlledBorder out of maps. BySize asks whether small and large stimuli give one map.
//
// # Receptive fields
//
// FitGaussian and FitDoG describe a map by a turned Gaussian or by centre and surround, with intervals and R2 on held-out
// bins; FitGaussianFields and FitDoGFields hold out stimuli instead.
//
// # What is not a number
//
//	                    constant   no rate   one bin   mean <= 0    infinite rate   below 7 on a side
//	Skaggs              0          NaN       0         NaN (1)      NaN             as any
//	Sparsity            1          NaN       1         a number     NaN             as any
//	Selectivity         1          NaN       1         NaN          NaN             as any
//	Coherence           NaN        NaN       NaN       as any       NaN             NaN below 3 bins
//	grid scores         NaN        NaN       NaN       as any       NaN             NaN
//	BorderScore         as any     -1        as any    NaN (2)      NaN             as any
//	Tunings, EtaSquared NaN, p 1   NaN, p 1  NaN, p 1  as any       NaN, p 1        as any
//	Nearness, TuneWalls NaN        NaN       NaN       as any       NaN             as any (3)
//	SurrogateNull       p 1        p 1       p 1       as any       p 1             as the score
//	SplitHalf, BySize   NaN, p 1   NaN, p 1  NaN, p 1  as any       NaN, p 1        as any
//	FitGaussian, FitDoG (4)        NaN       NaN       as any       NaN             NaN to 7 bins
//
// (1) A map of zeros has 0 bits/sample and NaN bits/event; any negative bin makes both NaN. (2) where the rates inside
// fields sum to no more than 0; FindFields finds no field in a map without a positive peak, which scores -1. (3) the four
// walls of TuneWalls need 3 rows and columns. (4) Base at the constant, Amplitude 0, NaN for the rest.
//
// A NaN in a map means that the bin was not visited. A NaN or infinite response makes the unit's map NaN throughout.
// Top ranks NaN after every number.
//
// # Invariants
//
//   - Results depend on the input, the seed and the stream's name only: same bits on any number of threads.
//   - Responses are float32, every sum over them is float64.
//   - No function changes its arguments; Set.Map shares memory with its set, Smooth and FillNearest copy.
//   - No score is infinite, except Tuning.F where a unit varies between bins only.
//   - Surrogates, subsamples, splits and folds are drawn from named streams: the k-th does not depend on how many there are.
//   - Grid scores do not change when a map is scaled, shifted or turned upside down in value.
//
// # Limits
//
// Built with GOEXPERIMENT=simd on a processor with AVX-512, permutation tests add eight units at a time, with the same bits
// as without; elsewhere information takes two to three times as long.
//
// Two dimensions, rectangular arenas. Stimuli are weighted equally. At most 2^24 bins, 2^31-1 stimuli and 2^24
// shuffles. The DeepMind scorer takes square maps only. Null holds one block of 64 units x stimuli as float64 per thread,
// and permutations of at most 64 MiB.
package ratemap
