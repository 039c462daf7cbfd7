// Package catalog opens stimulus sets by name, as they are written on command lines, in notebooks and in the manifests
// of recordings:
//
//	circles?n=3000&seed=1
//	scenes?world=2&n=500&split=test
//	probe?world=2&factor=object&n=300
//	subject?seed=1&training=1000
//	folder:pictures/val
//	voc:VOCdevkit/VOC2012?split=val
//	gtseg:gtsegs_ijcv.mat
//	algonauts:challenge?subject=1&split=training
//	nsd:nsd
//
// A name is followed by ? and parameters name=value joined by &, all of them optional and in any order; a colon is
// followed by a path, that of folder: taken literally, that of the others up to the last question mark.
//
// # Invariants
//
//   - Open(s.Spec()) gives the set s: same Spec, same length, same stimuli. Spec is canonical: parameters in a fixed
//     order, so two sets are the same if their Specs are.
//   - What is not understood is an error that lists what there is and the nearest name; nothing is ignored. A parameter given twice or
//     without a value is an error, and so is 0 for a number of things: leave a parameter out to get its default.
//
// # Limits
//
// A path with a question mark can be given to voc: and the like only with parameters behind it. Sets that lie in a file keep it open while the process
// lives.
//
// Values are plain text: no percent escapes. A relative folder means what it means to the process that opens it.
package catalog
