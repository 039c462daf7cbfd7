// Package onnx opens ONNX files as networks: every tensor of the file that depends on the picture is a site, to be
// recorded, edited, started from and differentiated as in any other network.
//
//	m, err := onnx.Open("model.onnx", onnx.Options{})
//	sites, weights, err := models.Trace(m.Network)
//
// The graph of the file is built node by node as a GoMLX graph, with a tap behind each value. zoo.Open opens files by
// name, file:MODEL.onnx?preprocess=imagenet224, and says what they do not: how pictures are prepared.
//
// Names of sites are the tensors' names, with _ for what selectors cannot spell (blanks, commas, colons, stars, braces,
// question marks). Names of nodes, and the paths of PyTorch's modules where the file has them, are aliases.
//
// Which dimension is what follows from where it came from. A convolution makes channel, y and x; flattened, y and x are
// tokens; a product with weights makes channels; channels split in two are heads and channels; a product of tokens with
// tokens has queries and keys. What cannot be told is axis2 or the like. The stimuli are followed in the same way through
// every reshaping and transposition, and a site shows them first, taken out of dimensions that hold them together with
// heads or windows. A value in which they cannot be found is no site, and Model.Warnings names it.
//
// A file exported for a fixed number of stimuli, one as a rule, has that number written into its reshapings. It is built
// for any number all the same: the dimension is found that has to grow for the stimuli to stay whole.
//
// Whole numbers and truth values that follow from shapes and constants, such as sizes, indices and masks, are computed
// while the graph is built, so that exports which compute their own shapes become plain graphs.
//
// # Invariants
//
//   - Every operation's values are those of ONNX's reference implementation, on both backends, and its gradient those of
//     finite differences; the tests compare each.
//   - Nothing in a file is trusted: lengths, dimensions, names, cycles and references are checked before they are used,
//     and a wrong file is an error that names the node or tensor.
//   - Opening a file allocates no more than the bytes that are there, what limits.go allows for known tables, and the graph.
//   - Weights are read when a graph first wants them. They are checked to be finite when the file is opened.
//   - The same file has the same sites whatever the plan and the batch.
//
// # Limits
//
// Floating-point numbers of all widths are computed in float32. Not supported are quantised and string tensors, sequences,
// loops and branches, functions, sparse initializers, recurrent layers, transposed convolutions, three-dimensional maps,
// and fused attention operators, which hide what this is for. Networks have one input, pictures of one or three channels.
//
// Steps (Floor, Round, Sign, ArgMax) have a gradient of zero. Where the reference implementation and the definition of an
// operator differ, the definition counts: pooling with the number of windows rounded up is as PyTorch does it and as ONNX
// says since version 22.
//
// Reading a dimension for the stimuli out of a file for one stimulus is a guess where several fit. What was read wrong shows
// in the check "batch" of package modeltest, which compares one stimulus alone, for which nothing is guessed, with several.
package onnx
