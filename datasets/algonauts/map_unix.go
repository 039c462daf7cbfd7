//go:build unix

package algonauts

import (
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// load maps a file read-only: what is never looked at is never read.
func load(f *os.File, size int64) ([]byte, func() error, error) {
	if size <= 0 || size > math.MaxInt {
		return nil, nil, fmt.Errorf("%d bytes cannot be mapped", size)
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, fmt.Errorf("map: %w", err)
	}
	return data, func() error { return unix.Munmap(data) }, nil
}
