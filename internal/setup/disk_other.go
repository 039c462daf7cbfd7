//go:build !linux && !darwin

package setup

import "errors"

func freeDisk(string) (int64, error) {
	return 0, errors.New("free disk space is not asked for on this system")
}
