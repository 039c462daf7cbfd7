// Package nifti reads the volumes and surfaces that neuroimaging programs write: FreeSurfer's MGH (.mgh, .mgz) and NIfTI-1 (.nii, .nii.gz).
//
//	v, err := nifti.Open("lh.betas_session01.mgh")
//	defer v.Close()
//	x, err := v.Frame(12) // one volume or one value a vertex, first index fastest
//
// Sources: FreeSurfer's description of the MGH format (FsTutorial/MghFormat) and the header nifti1.h of the NIfTI Data Format Working Group.
//
// # Invariants
//
//   - Frames come as float32 in the order of the file, x fastest, then y, then z.
//   - Open checks that the file, where it is not compressed, holds all that the header claims; of a compressed file a frame that is not
//     there is an error of Frame.
//   - No more is allocated than one frame, in steps that follow what was really read.
//   - NIfTI's scl_slope and scl_inter are applied, where the slope is not 0, as every reader does: the results are what nibabel's get_fdata gives, rounded to
//     float32.
//
// # Limits
//
//   - Element types: MGH uchar, short, int, float; NIfTI uint8, int8, int16, uint16, int32, uint32, float32, float64. No complex, no RGB.
//   - NIfTI-1 in one file (n+1); not NIfTI-2, not header and image apart, not FreeSurfer's encoding of surfaces with
//     more than 32,767 vertices in a negative dimension (convert to .mgh).
//   - int32 beyond 2^24 and float64 are rounded to float32.
//   - A compressed file is read forwards; going back starts at its beginning.
//   - Quaternion (qform) transforms are not decoded: Affine is NIfTI's sform, or MGH's direction cosines.
package nifti
