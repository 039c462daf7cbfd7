// Package record runs a model over stimuli under a plan.
//
// Run writes a recording: every capture of the plan for every stimulus, in bounded memory, a chunk at a time. It means
// "finish what is missing": killed at any moment and started again it goes on, and the files are the same bytes. A
// recording that is there already is opened, not made again. Decoding and preprocessing run ahead of the network on
// their own goroutines; the progress line says which of decoding, transfer and compute binds.
//
// Staged runs a network in stages cut at sites, for lesion sweeps: the stages before a lesion are computed once for
// all lesions, and a lesion is a runtime input, so that nothing is compiled again.
//
// # Invariants
//
//   - Rows equal stimuli: a picture that cannot be read is a row with a status, and its neighbours are not touched.
//   - Every batch has the same shape; the last one is padded. A value depends on the batch size (in the last bits of a
//     float32; a test bounds it), so the batch size is part of the recording's identity, and so is the backend.
//   - Memory is at most Config.Budget beside the weights and what the backend itself needs.
//
// # Limits
//
// One device a process. Several processes can share a recording through Config.Index and Config.Of.
package record
