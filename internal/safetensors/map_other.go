//go:build !unix

package safetensors

import "os"

func load(f *os.File, size int64) ([]byte, func() error, error) { return read(f, size) }
