// Package subject simulates what fMRI and electrodes would record from a brain that sees the second world of package scenes, so that every encoding
// analysis can be checked against a known truth.
//
//	s, err := subject.New(subject.Config{Seed: 1})
//	y := s.Responses(algonauts.Left, algonauts.Training)   // pictures x vertices, as a scanner and its preprocessing give them
//	x, names := s.Features(algonauts.Training)             // the truth: what drives them, pictures x features ...
//	w := s.Weights(algonauts.Left)                         // ... and how much, for each vertex
//	err = s.Write("algonauts", nil)                        // the same as files, in the layout of the Algonauts 2023 challenge
//
// # How a vertex answers
//
// Vertices lie in patches on two spheres of 163,842 points, one patch a region. Their features are standardised over the training pictures.
//
//	V1v V1d V2v V2d V3v V3d   Gabor energy sqrt(even^2 + odd^2) of the pixels' luma (Adelson and Bergen, JOSA A 2, 1985), two scales and four orientations on
//	                          grids over the frame, weighted by a Gaussian receptive field and an orientation preference. Fields follow
//	                          retinotopy: the left hemisphere sees right, dorsal parts see down, and fields grow from V1 to V3.
//	hV4                       opponent colours and curvature (neighbouring energies at 45 degrees to each other) over 3 x 3 parts of the frame
//	EBA FBA-1 FBA-2           bodies, characters and animals in the latents
//	OFA FFA-1 FFA-2           faces, their places and expressions
//	OPA PPA RSC               places behind things, buildings
//	OWFA VWFA-1 VWFA-2        written words, their length and case
//
// and outside the early areas a little of image statistics. With z the features and w the weights, the signal of a vertex is s = z w, scaled to
// variance 1 over the training pictures; one presentation gives s + e / ncsnr with e standard normal, and Responses are the mean of Repeats
// presentations scaled to variance 1. Their noise ceiling, the share of variance that z predicts, is
//
//	NC = ncsnr^2 / (ncsnr^2 + 1/Repeats)
//
// (Allen et al., Nature Neuroscience 25, 2022), so the true features predict them with a correlation of sqrt(NC) and nothing can do better. Over the
// test pictures the signal's variance is another one, and Ceiling accounts for it; the files hold the ceilings of the test split, as the challenge's do.
// Null vertices have noise alone, dead ones are 0 throughout; both have the ceiling 0.
//
// NewAssembly simulates electrodes instead: neurons that each follow one unit of a given network, a mixture of units, or nothing.
//
// # Invariants
//
//   - The same Config gives the same bytes, in memory and in files, for any number of threads; random numbers come from streams named by subject,
//     hemisphere, split, picture and repeat.
//   - Responses to a picture do not depend on how many test pictures there are, and pictures not on the subject's number.
//   - What Write writes, package algonauts opens, and holds the same numbers.
//
// # Limits
//
//   - No haemodynamics, no noise that is correlated between vertices, sessions or voxels, no attention: noise is independent and Gaussian.
//   - Coordinates are of a Fibonacci lattice, not of fsaverage's icosahedron; neighbours are near, but the numbering is another.
//   - The regions mTL-bodies, mTL-faces, aTL-faces, mfs-words and mTL-words are in the mappings and empty.
//   - Where a compiler fuses multiplications and additions (arm64) features may differ in the last bits.
package subject
