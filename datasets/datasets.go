// Package datasets defines what a set of stimuli is. The sets themselves live in the packages below it;
// datasets/catalog opens them by name.
//
// A Set is random access: any stimulus is made or read alone, from its index, with the same bytes whatever was
// asked before and on however many goroutines. That is what lets a recording be cut into shards, killed and
// finished later, and still be the same file.
//
// # Invariants
//
//   - Len rows are always there: a picture that cannot be read is an error from At for that index, never a
//     missing row.
//   - ID is unique within a set and does not depend on the machine.
//   - Spec is the canonical name: catalog.Open(s.Spec()) gives the same set.
package datasets

import "image"

// Kind is the type of a label column.
type Kind string

// The kinds of label columns, with the Go type of their values in Stimulus.Labels.
const (
	Float  Kind = "float"  // float64
	Int    Kind = "int"    // int64
	String Kind = "string" // string
	Bool   Kind = "bool"   // bool
)

// Column describes one label that every stimulus of a set carries.
type Column struct {
	Name string
	Kind Kind
	Unit string // "px", "1" (a fraction), "" where it has none
	Doc  string // one line: what it says
}

// Stimulus is one picture and everything known about it.
type Stimulus struct {
	ID      string
	Image   image.Image            // as drawn or decoded, before any preprocessing
	Caption string                 // one natural caption; empty where the set has none
	Labels  map[string]any         // a value for every Column, of its Kind
	Masks   map[string]*image.Gray // pixel masks, 0..255 coverage, same bounds as Image; nil where the set has none
}

// Set is a random-access set of stimuli, safe for concurrent use.
type Set interface {
	// Spec is the canonical name of the set with all its parameters, such as "circles?n=3000&seed=1".
	Spec() string
	// Len is the number of stimuli.
	Len() int
	// Columns lists the labels, in the order tables print them.
	Columns() []Column
	// At makes or reads stimulus i, 0 <= i < Len. The error says what is wrong with that one picture.
	At(i int) (Stimulus, error)
}
