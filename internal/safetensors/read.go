package safetensors

import (
	"fmt"
	"io"
	"math"
	"os"
)

// read is load without a memory map. The buffer has the size the file system reports, that is, bytes that exist.
func read(f *os.File, size int64) ([]byte, func() error, error) {
	if size < 0 || size > math.MaxInt {
		return nil, nil, fmt.Errorf("%d bytes do not fit this machine's address space", size)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, size), data); err != nil {
		return nil, nil, fmt.Errorf("reading %d bytes: %w", size, err)
	}
	return data, func() error { return nil }, nil
}
