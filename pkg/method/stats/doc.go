// Package stats is the small statistics that every study needs: descriptions, intervals, permutation tests and the
// control of false discoveries. Arrays are plain []float64, everything is float64, and randomness comes from named
// streams (internal/rng), so that an interval has the same bits on every machine and any number of threads.
//
// # Which function
//
//   - How large is it: Mean, SD, SEM, Quantile, Box, ECDF.
//   - How sure: MeanInterval, Bootstrap with Percentile or BCa, PairedDifference for two conditions on the same stimuli,
//     Wilson for a proportion.
//   - Is it more than chance: PairedPermutation for two conditions, FUpper for an analysis of variance.
//   - Of how many tests: QValues (Benjamini-Hochberg) over all units and layers at once.
//   - How alike: Pearson, Spearman.
//   - One number for a curve: AUC.
//
// # NaN
//
// NaN is a value that is not there, and each function says what it makes of one. The rule: functions of one sample
// (Mean, Quantile, ...) return NaN if any value is NaN, as nothing is silently dropped; call Finite first to drop
// knowingly. QValues leaves NaN p values out of the number of tests and returns NaN for them. Sorting puts NaN last.
//
// # Invariants
//
//   - No function changes its arguments.
//   - No function panics on empty or NaN input; samples too small for a statistic give NaN. Slices that must be of
//     equal length and are not, are a programmer's error and panic, as in gonum/stat.
//   - A resampling result depends on the data, the seed, the stream's name and the number of resamples only.
//
// # Limits
//
// Samples are held and sorted in memory. BCa needs one pass over the sample for every jackknife value: n^2 work for
// n values, so for more than 20,000 values use Percentile, which then hardly differs.
package stats
