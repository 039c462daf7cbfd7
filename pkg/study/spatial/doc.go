// Package spatial is the study of spatial cells: which units of a vision network know where a stimulus is, and what
// happens when they are lesioned (M. Frey, "Exploring spatial representations in visual foundation models").
//
// The protocol has the document's four steps. Design: filled circles anywhere in the frame (datasets/circles). Record:
// the attention output of every block. Analyse: a rate map for every unit, scored. Perturb: lesions of every module of
// both towers, and of chosen units for each stimulus.
//
//	ZeroShot        does the model see the circle at all: class probabilities and accuracy for three sets of prompts
//	Ratemaps        maps and scores of every unit of a layer, with a position-permutation null and q values over all
//	                units of all layers, on the trained and on the untrained model
//	LayerLesions    every module of both towers set to zero (or its mean, or another stimulus's value)
//	TargetedLesions growing numbers of units, chosen for each stimulus by their map at its place
//
// Where the document's own procedure is wrong it is still there under a name, and the default is what is right: its
// spatial information divides by a signed mean that is nearly zero ("raw"); its targeted lesions have no matched
// control. Results say which was used.
//
// # Invariants
//
//   - A Result holds numbers only; figures are made from it and carry their data.
//   - Every share or mean of the result has an interval; every score a null and a q value.
//   - The same options on the same backend give the same numbers for any number of threads.
//
// # Limits
//
// The network must be a CLIP: the lesions are judged by zero-shot probabilities.
package spatial
