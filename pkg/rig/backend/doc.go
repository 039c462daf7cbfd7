// Package backend opens what a network runs on and says which it is, and why.
//
// There are three: XLA on an NVIDIA GPU (a CUDA PJRT plugin), XLA on the CPU (a CPU PJRT plugin) and the Go backend of
// GoMLX, which needs nothing but this program. Open picks, in this order:
//
//  1. the configuration it is given (a flag of the command line);
//  2. $VENTRAL_BACKEND, then $GOMLX_BACKEND;
//  3. XLA with a CUDA plugin, where a GPU is there and a plugin is found;
//  4. XLA with a CPU plugin, where one is found;
//  5. the Go backend.
//
// Configurations are "xla" (CUDA or CPU, an error if neither is found), "xla:cpu", "xla:cuda", "xla:/path/plugin.so",
// "go", and whatever GoMLX itself accepts ("xla:cuda,tf32=true").
//
// Plugins are looked for at $VENTRAL_PJRT (a file), below .ventral/pjrt of the project found upwards from the working
// directory, below ventral/pjrt of the user's data folder, and, for CUDA, in the site-packages of the Python on PATH, where
// the jax wheels put one.
//
// # Invariants
//
//   - An explicit choice is never replaced by another backend: it works or it is an error.
//   - The Go backend always runs operations one after the other ("ops_sequential"): its default parallel executor can
//     deadlock when several large products are ready at once. Products still use all cores.
//   - TF32 is off on CUDA unless asked for: a float32 model is computed in float32.
//
// # Limits
//
// XLA needs cgo at build time and a plugin at run time. Without either the Go backend runs everything except FFTs,
// two to seven times slower, and thirteen times slower still when it was built without GOEXPERIMENT=simd.
package backend
