// Package site names the inner values of networks and says what is to be recorded or changed there.
//
// A site is one inner value: its name (the module path of the reference implementation, so that what a PyTorch user
// types works), its axes and its shape for one stimulus. Model code declares a site by calling Tap while it builds its
// graph:
//
//	x = site.Tap("visual.transformer.resblocks.9.mlp.c_proj", x, site.Token, site.Channel)
//
// Without a plan Tap returns x itself and costs nothing. With one, it may hand x to the plan's captures and put an
// edited value in its place.
//
// A Plan is a value: captures (where, and how reduced inside the compiled graph), edits, and an optional start. It
// prints, it is JSON, and Check resolves it against a list of sites without running anything: a selector that matches
// nothing is an error with the nearest names. There are no hooks that live outside a graph, so none can leak, vanish or
// silently not fire.
//
// Selectors are globs over site names: * matches within one dotted part, ** matches any number of parts, {a,b} and
// {0..11} list alternatives. "visual.transformer.resblocks.{0..11}.attn", "**.mlp.c_proj".
//
// Reductions run in the graph, before anything leaves the device. They are steps joined by commas, done in order:
//
//	class              token 0
//	token=3            one token
//	tokens=1:          a range of tokens (here all but the class token)
//	mean, max          over all positions (tokens, rows and columns, queries and keys)
//	argmax             the flat index of the first largest position, as a float
//	moments            mean and variance over positions: a new first axis [2]
//	top=16             the 16 largest values over positions, in order: a new first axis [16]
//	channels=0:64      a range of channels
//	project=NAME:K     product of the channel axis with a runtime matrix [channel, K] called NAME
//
// Edits are one mechanism, x' = x·mul + add, where mul and add are runtime inputs that vary along the axes an edit names
// and are broadcast along the others. Lesions (mul 0), mean and resample ablation (mul 0, add a value), patches, gains
// and steering are all of this form, for one unit, one token, one head or one stimulus of a batch, and a sweep of a
// thousand of them compiles once.
//
// A start cuts the graph: the named site's value comes from a runtime input, and whatever only led to it is not
// computed.
//
// # Invariants
//
//   - The first axis of every value is the stimulus; it is not listed in Axes.
//   - A plan is immutable: its methods return a changed copy.
//   - An edit acts before a capture at the same site.
//   - Every capture and edit of a checked plan fires, or running it is an error.
//
// # Limits
//
// top costs one pass over the positions for each value it keeps; it is meant for tens, not thousands. On XLA, edits
// that are broadcast along tokens on both halves of every residual block make compilation several times slower.
package site
