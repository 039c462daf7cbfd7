// Package decode reads where a stimulus was, and how large, from the responses of a population of units, and asks whether
// units that answer alike mean places that lie alike.
//
// Position predicts single units in package ratemap; here units predict position. A population can hold a place exactly
// although none of its units has a field, and the other way round, so both are needed.
//
//	res, err := decode.Decode(responses, n, units, decode.Targets{X: x, Y: y, Diameter: d}, decode.Options{Method: decode.Ridge})
//	res.MedianError           // pixels, on held-out stimuli, with an interval and a chance level
//	geo, err := decode.Geometry(responses, n, units, x, y, decode.GeometryOptions{Metric: decode.Correlation})
//	geo.Spearman, geo.P       // does representational distance grow with distance on the screen?
//
// # Protocol
//
// Stimuli are dealt to folds at random. Each fold is predicted by a decoder that saw the others only: units are
// standardised by the mean and deviation of the training stimuli, and the ridge penalty, or the number of neighbours,
// is chosen within them. Errors are pooled over folds. R2 is 1 - sum (y - prediction)^2 / sum (y - mean)^2 with the mean
// of the training stimuli, so that a decoder that knows nothing has about 0 or less.
//
// Chance is the same protocol with the targets permuted over the stimuli (Ojala & Garriga 2010), the penalty chosen anew
// each time: ridge regression takes the permuted targets as further columns of one problem, and neighbours stay the same,
// so a hundred permutations cost little.
//
// # Invariants
//
//   - Results depend on the data, the seed and the stream's name only: same bits on any number of threads.
//   - Held-out stimuli enter neither the standardisation nor a choice.
//   - No argument is changed.
//   - p values are (1 + #as good)/(1 + shuffles), never 0.
//
// # Limits
//
// Ridge regression decomposes a units x units matrix (or stimuli x stimuli, if smaller) for every fold and inner fold: a CPU
// minute for 768 units and 3000 stimuli, a quarter of that with one penalty in Alphas, which needs no inner folds. Responses
// are held as float64 [stimulus, unit], once more for each fold while it is fitted. Neighbours are found by
// comparing all pairs: n^2 x units. Stimuli are taken to be independent draws: pictures that are nearly the same in
// training and test (frames of a film) make every number too good. Units with a NaN or infinite response are left out and
// listed; units that never vary carry nothing and are counted with the rest.
package decode
