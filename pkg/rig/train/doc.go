// Package train trains the small networks that ship with the project.
//
// Run is the loop: Muon for matrices and AdamW for the rest, with linear warm-up and a cosine, gradient clipping,
// checkpoints. What is learned is a Task:
//
//   - Contrastive (CLIP): pictures and captions, captions that are equal within a batch sharing the positive weight (with few
//     captions equal texts would otherwise be pushed apart).
//   - Distilled (DINO): a student follows the running mean of itself across crops. Its loss does not tell whether it learns,
//     so it notes on the curve whether it collapses (see Distilled.Measures).
//   - Masked (MAE): to paint hidden patches.
//   - Supervised: a classifier with several heads, of which a picture may have labels for some.
//
// New makes the Recipe of a shipped network: architecture, task and options, in three presets. Small is what ships; Large is
// the same task for one GPU; Quick is Small on pictures of 32 pixels for two minutes, and no more than a test of the way from
// pictures to a card.
//
// Evaluate asks a network the questions of its card (Examine, Ask), beside the same network untrained: by prompts, by heads and by
// linear probes, and what a misleading word does to the answers. Check judges a short training by one of them.
//
// # Invariants
//
//   - A step depends only on the seed and its number: batch k holds the pictures k·B to (k+1)·B of the training set, and
//     its augmentation is drawn from streams named after those pictures. Nothing depends on time or threads.
//   - Resume is exact: a run that was stopped at a checkpoint and goes on gives the same bits, on the same backend, as
//     one that was not. To keep checkpoints small the optimiser's moments are rounded to bfloat16 in them, and the
//     running training takes over the rounded moments too. testdata/resume holds a checkpoint and what followed it.
//   - A checkpoint states its recipe and goes on under no other. What does not decide the bits, such as Keep, is no part of it.
//   - A checkpoint is one safetensors file, and so is each step that is kept on the way; both are written to a temporary name,
//     synced and renamed. A step that is written again, after a stop, has the same bytes.
//   - An evaluation depends on the weights, the questions and the seed: the numbers of a card are those that Evaluate gives again
//     on the same backend. Linear probes learn from pictures of another seed than the questions'.
//
// # Limits
//
// Backends differ in the last bits, so a training that changes its backend at a checkpoint goes on, but not with the bits
// it would have had; neither do the Go backend's bits survive a change of the processor's vector width, in whose order it sums.
// One device.
//
// The large preset was traced and drawn, and its CLIP stepped with a few pictures on a CPU; it was not trained. Where its
// steps do not fit a GPU, Settings.Batch makes them smaller.
//
// The memory that XLA's CPU plugin frees at the end of a step goes back to the kernel and costs a sixth to a quarter of the
// time. `ventral train` avoids it by starting itself again with GLIBC_TUNABLES set, which a library cannot do for its
// callers: a program that calls Run should be started with it (see `ventral help train`).
package train
