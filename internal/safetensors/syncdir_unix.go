//go:build unix

package safetensors

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// syncDir makes a rename in dir last through a power cut. File systems that cannot sync a folder say EINVAL.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return fmt.Errorf("safetensors: %w", err)
	}
	return nil
}
