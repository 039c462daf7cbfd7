//go:build !cgo || !linux

package program

// trim does nothing where there is no C library to ask, or none that can be asked.
func trim() {}
