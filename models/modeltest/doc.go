// Package modeltest is the conformance test of networks: what the rest of the rig relies on, checked on any
// models.Network, a user's own or one of ours.
//
//	func TestConformance(t *testing.T) {
//		modeltest.Run(t, modeltest.Case{Config: mynet.Config{Width: 16}})
//	}
//
// Run does it as a test, Check returns a Report, for notebooks and programs. Every check has a name:
//
//	trace      the network builds without weights; its sites have names that selectors can spell, each tapped once
//	sites      the list of sites is the same with weights and without, for any batch, and while training
//	weights    Forward asks for the weights of Config.Shapes, with those shapes
//	random     Config.Law gives finite weights, the same for a seed, others for another
//	aliases    other libraries' names point to sites that exist, one each
//	size       the network for pictures of another size keeps its sites; channels and heads keep their number, rows follow
//	           the height and columns the width; sizes that the network refuses are errors
//	around     nothing reads the value of a site around its tap, so that an edit reaches all that reads it
//	axes       a value has the stimulus first and then the axes that its site states
//	finite     every value is a finite number and depends on the picture
//	image      (for pictures) at sites with rows and columns, what changes at the top of the picture changes the first rows, and what
//	           changes at its left the first columns
//	captures   captured values are those of the graph without a plan
//	taps       capturing all sites changes nothing
//	batch      a stimulus's values depend neither on its place in the batch nor on the other stimuli, nor on the padding
//	edits      times 1 plus 0 changes nothing; times 0 gives 0 at the site, changes something after it and nothing before
//	           it or beside it
//	masks      a mask along one axis, or for one stimulus, hits that part only
//	start      starting from a site's recorded value gives the plain run, and so it does without the picture where the
//	           whole network passes through the site
//	gradients  the gradient of a random projection of the output reaches every site and weight, is finite, and agrees with
//	           finite differences along a random direction
//	backends   the Go backend and XLA agree
//
// # What may be stated
//
// A network may have sites that its output does not depend on (a value that only a probe reads), weights that another
// network of the same configuration reads, or values that do not depend on the picture. A Case lists them, and a
// statement that is not true fails as well: Dead sites must have no gradient, Constant ones must be constant.
//
// Sites of which a part is dead need no statement: behind a readout of the class token, the patch tokens of the last
// block have a gradient of zero, but the site as a whole has one. Report.Live tells which share of each site is reached.
//
// # Invariants
//
//   - Networks that break a rule fail the check of that name; the tests of this package show it for each.
//   - Within one compiled graph values are compared bit by bit; between two, with Case.Rounding; between backends and
//     batch sizes, with Case.Tolerance. Both are relative to the largest value of the site.
//   - The same case gives the same verdict: all numbers are drawn from streams of Case.Seed.
//
// # Limits
//
// It is for small configurations: every value is read, and the swept sites are edited in full. What follows from the graph
// alone (masks, what an edit does not reach, whether rows are rows) is checked on the first backend only, and on further
// ones, where compiling costs, fewer sites are swept.
//
// What a value means cannot be checked without a reference: that is what package models/golden is for. Finite differences
// of deep rectified networks are spoilt by kinks: a gradient that is off by less than a sixth of the change may pass there,
// if the difference falls with the size of the step; in smooth networks a fiftieth is found.
package modeltest
