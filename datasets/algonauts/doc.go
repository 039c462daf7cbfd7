// Package algonauts reads the data of the Algonauts Project 2023 challenge (Gifford et al., arXiv 2301.03198): pictures of the Natural Scenes
// Dataset, the responses of one subject's cortical vertices to them, and the regions those vertices belong to.
//
//	s, err := algonauts.Open("algonauts", 1)
//	y, err := s.Responses(algonauts.Left, algonauts.Training) // images x vertices, mapped into memory
//	v1, err := s.Region(algonauts.Left, "V1v")                // columns of y
//	pictures := s.Images(algonauts.Training)                  // a datasets.Set, row for row
//
// The folder holds subj01 to subj08 (or is one of them), each laid out as
//
//	training_split/training_images/train-0001_nsd-00013.png     running number from 1, NSD's number from 0
//	training_split/training_fmri/{lh,rh}_training_fmri.npy      float32, images x vertices
//	test_split/test_images/test-0001_nsd-00845.png
//	test_split/test_fmri/{lh,rh}_test_fmri.npy                  the organisers' own; may be missing
//	test_split/noise_ceiling/{lh,rh}_noise_ceiling.npy          likewise
//	roi_masks/{lh,rh}.all-vertices_fsaverage_space.npy          1 where a vertex of fsaverage is in the data
//	roi_masks/{lh,rh}.CLASS_{fsaverage,challenge}_space.npy     labels of the vertices, 0 outside
//	roi_masks/mapping_CLASS.npy                                 pickled {label: name}, read by internal/pickle
//
// Simulated subjects (package subject) are written in exactly this layout.
//
// # Invariants
//
//   - Open checks all of it before anything is handed out: pictures are numbered from 1 without gaps and no NSD number comes twice; responses have
//     a row a picture and, in both splits, a column a vertex; masks have 163,842 entries in fsaverage's space and a column each in the challenge's, agree in
//     both, and hold only labels that their mapping names.
//   - Where a subject's folder holds a file SHA256SUMS, everything but the pictures is checked against it by Open, and a picture when it is read.
//   - Responses of version 1 to 3 files, float16 to float64, either byte order, C and Fortran order, are read as float32.
//
// # Limits
//
//   - A mapped file that another program shortens while it is open ends this process on access, as with every memory map.
//   - Values of responses are not looked at by Open (there may be gigabytes): NaN, which the challenge's own data has for no vertex, shows in what is
//     computed from them.
//   - The challenge's noise ceilings are fractions of variance; other non-negative numbers pass.
package algonauts
