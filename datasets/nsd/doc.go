// Package nsd reads the Natural Scenes Dataset (Allen et al., Nature Neuroscience 25, 2022) in the folders in which it is published: the design of the
// experiment, responses (betas) on the surface or in the volume, noise ceilings, and the pictures.
//
//	d, err := nsd.ReadDesign(root)                        // which picture was shown when
//	b, err := nsd.OpenBetas(root, 1, "fsaverage", "lh")   // responses of subject 1, left hemisphere
//	y, err := b.Trial(3, 17)                              // session 3, trial 17, both from 1
//	id, err := d.Image(1, 3, 17)                          // the picture, from 0
//	s, err := nsd.Open(root)                              // the pictures, a datasets.Set
//
// Files, below root:
//
//	nsddata/experiments/nsd/nsd_expdesign.mat
//	nsddata_betas/ppdata/subjNN/SPACE/betas_fithrf_GLMdenoise_RR/{lh,rh}.betas_sessionSS.mgh, betas_sessionSS.nii.gz or .hdf5, {lh,rh}.ncsnr.mgh, ncsnr.nii.gz
//	nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5          data set imgBrick, uint8, pictures x 425 x 425 x 3
//
// # Invariants
//
//   - A session has 750 trials; another number is an error when the betas are opened, and so are sessions that differ in size or
//     leave a gap, and a noise ceiling of another size.
//   - The design is a permutation: every picture of a subject occurs, three times each, and pictures are named from 1 to 73,000 in the file and from
//     0 here.
//   - Where root holds a file SHA256SUMS, the design is checked against it when it is read; betas and pictures, hundreds of gigabytes, are not:
//     `sha256sum -c` does that.
//   - Betas that were stored as 16-bit integers (volumes) are divided by 300, which makes them percent signal change.
//
// # Limits
//
//   - The reference describes these files from scripts and the manual; none was at hand. Simulated ones in the same layout are what the tests read.
//   - limits.go bounds sizes.
//   - Betas are not z-scored; the Algonauts challenge did so for each session (package algonauts).
package nsd
