// Package train trains the small networks that ship with the project.
//
// CLIP trains a contrastive image and text pair on a captioned set of pictures: AdamW with linear warm-up and a cosine,
// gradient clipping, photometric augmentation, and captions that are equal within a batch sharing the positive weight
// (with few captions equal texts would otherwise be pushed apart).
//
// # Invariants
//
//   - A step depends only on the seed and its number: batch k holds the pictures k·B to (k+1)·B of the training set, and
//     its augmentation is drawn from streams named after those pictures. Nothing depends on time or threads.
//   - Resume is exact: a run that was stopped at a checkpoint and goes on gives the same bits, on the same backend, as
//     one that was not. To keep checkpoints small the optimiser's moments are rounded to bfloat16 in them, and the
//     running training takes over the rounded moments too.
//   - A checkpoint is one safetensors file, written to a temporary name, synced and renamed.
//
// # Limits
//
// Backends differ in the last bits, so a training that changes its backend at a checkpoint goes on, but not with the bits
// it would have had. One device.
package train
