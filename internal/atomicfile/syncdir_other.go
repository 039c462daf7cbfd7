//go:build !unix

package atomicfile

// syncDir does nothing: folders cannot be opened for fsync here.
func syncDir(string) error { return nil }
