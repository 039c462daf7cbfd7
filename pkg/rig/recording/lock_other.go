//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package recording

import "errors"

const lockName = ".lock"

type lock struct{}

func acquireLock(dir string, i, n int) (*lock, error) {
	return nil, errors.New("recordings can be written only where there is flock(2) (Linux, macOS, BSD); reading works everywhere")
}

func (l *lock) alone() bool { return false }
func (l *lock) release()    {}
func (l *lock) clean()      {}
