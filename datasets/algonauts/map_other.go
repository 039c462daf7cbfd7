//go:build !unix

package algonauts

import (
	"fmt"
	"io"
	"os"
)

// load reads the file where there are no maps.
func load(f *os.File, size int64) ([]byte, func() error, error) {
	if size > maxResponseBytes {
		return nil, nil, fmt.Errorf("%d bytes, at most %d without memory maps", size, int64(maxResponseBytes))
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, size), data); err != nil {
		return nil, nil, err
	}
	return data, func() error { return nil }, nil
}
