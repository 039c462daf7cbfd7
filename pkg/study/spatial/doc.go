// Package spatial is the study of spatial cells: which units of a vision network know where a stimulus is, and what
// happens when they are lesioned (M. Frey, "Exploring spatial representations in visual foundation models").
//
// The protocol has the document's four steps. Design: filled circles anywhere in the frame (datasets/circles). Record:
// the attention output of every block. Analyse: a rate map for every unit, scored. Perturb: lesions of every module of
// both towers, and of chosen units for each stimulus. It runs on any network (see "Any network"), and goes on where the
// document stops: its location-specific deficit becomes a matrix with a test, and heads, patches and biases are lesioned too.
//
//	ZeroShot        does the model see the circle at all: class probabilities and accuracy for three sets of prompts
//	Ratemaps        maps and scores of every unit of a layer, with a position-permutation null and q values over all
//	                units of all layers, on the trained and on the untrained model
//	LayerLesions    every module of both towers set to zero (or its mean, or another stimulus's value)
//	TargetedLesions growing numbers of units, chosen for each stimulus by their map at its place
//	DeficitMatrices units that prefer one location lesioned, the deficit measured at every location
//	HeadLesions     every attention head of every block, overall and by the stimulus's place
//	PatchLesions    one token or one position of a map removed, by its distance from the stimulus
//	Bias            the units of a quadrant scaled or driven: is a circle seen where none is
//	BorderAccount   why untrained maps look border-like: before and after the visible area is taken out, and without a network
//	Development     the same survey of networks on the way through training
//	Verdicts        every claim of the document held against a Result, by stated rules
//
// Where the document's own procedure is wrong it is still there under a name, and the default is what is right: its
// spatial information divides by a signed mean that is nearly zero ("raw"); its targeted lesions have no matched
// control. Results say which was used.
//
// # Any network
//
// Sites of known names are understood: the blocks of transformers, ResNets and VGGs and the cells of NASNets. Of any other
// network the last feature map of each size is recorded, or every layer where there are none. A unit is a channel: at the
// class token, at one token, as its mean or maximum over positions, or at one position (Options.Token). The mean of a
// convolution's channel hardly depends on the stimulus's place except at the frame's border; units that do are found with
// Token "all".
//
// Every lesion is measured by the log-odds of a circle, and the result says whose (Judge): a CLIP's two towers answer for
// themselves, a classifier by its head with a class "circle", and any other network by a linear read-out of its output
// that was fitted to the intact network on other pictures.
//
// Deficit means intact less lesioned log-odds: positive is harm.
//
// # Invariants
//
//   - A Result holds numbers only; figures are made from it and carry their data.
//   - Every share or mean of the result has an interval; every score a null and a q value.
//   - The same options on the same backend give the same numbers for any number of threads.
//
// # Limits
//
// Intervals over units take them for independent, which those of one network are not. The curved control of BorderAccount takes
// sharp border cells with it, see its planted ones.
//
// A read-out was fitted to intact activations: a lesion may leave what the network knows where the read-out does not look.
// Its log-odds, and those of a head, are of a circle against other figures as well as nothing; a text tower's are against
// nothing only.
//
// Zeros are values that a network may never see. Where they and the mean or another stimulus's value disagree, believe the
// latter.
//
// Lesions of heads want attention blocks, those of patches sites that everything passes through: of a NASNet only the
// picture, the first convolution and the last cell are lesioned. Token "all" holds all values of a site for all stimuli
// in memory, [stimulus, position x channel].
package spatial
