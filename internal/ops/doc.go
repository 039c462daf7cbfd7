// Package ops holds the graph operations that models are built from: those that GoMLX lacks, computes slowly on one of
// its backends, or differentiates wrongly.
//
//   - Gradients: GoMLX 0.28.8 has no rule for Identity, Rsqrt, Expm1 and Clamp; importing this package registers them.
//   - Conv is native convolution on XLA and matrix products over shifted slices on the Go backend, where the native one
//     runs at 1 GFLOP/s. PatchConv (stride = kernel) is a reshape and one product on both.
//   - Depthwise is a sum of shifted products on both: XLA's own is five to forty times slower on the CPU. On XLA its
//     gradients, and those of PoolMean, follow rules of their own (withGradient): what follows from the shifted views takes
//     twice as long, to compile and to run.
//   - Resize multiplies with two small matrices made on the host. GoMLX's Interpolate has a wrong gradient over two axes
//     on the Go backend, and neither bicubic nor antialiasing.
//   - PoolMax and PoolMean avoid the Go backend's padded pooling, whose gradient panics.
//   - SumAll and MeanAll add the last axis first: the Go backend adds float32 in one running sum, which was off by 1e-3
//     for a million addends.
//
// # Invariants
//
// Every function here is proved against central differences in float64 on the Go backend and, where a plugin is found,
// on XLA (gradient_test.go). Images are [batch, height, width, channel].
//
// # Limits
//
// No operation here has a second derivative that is tested; the gradient of a depthwise kernel has none on XLA. Not used
// because they are wrong or missing somewhere: Interpolate, GatherSlices over two axes, If and While with captured nodes,
// FFTs over two axes, negative padding, Sort and TopK on the Go backend.
package ops
