//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package recording

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lock is what a writer holds. flock(2) locks vanish with the process, however it ends, so a killed writer never
// blocks the next one. The files lie in the folder of the status array, where Zarr readers do not look.
//
// A writer of the whole recording holds lockName exclusively. A writer of shard i of n holds lockName shared and
// its own file exclusively, so shards exclude the whole and themselves, not each other.
type lock struct {
	main   *os.File
	shared bool // main is held shared
	shard  *os.File
}

const lockName = ".lock"

func shardLockName(i, n int) string { return fmt.Sprintf("%s.%d-of-%d", lockName, i, n) }

// acquireLock takes the lock in folder dir for shard i of n; n = 1 is the whole recording.
func acquireLock(dir string, i, n int) (*lock, error) {
	path := filepath.Join(dir, lockName)
	if n == 1 {
		f, err := flock(path, unix.LOCK_EX)
		if err != nil {
			var locked *LockedError
			if errors.As(err, &locked) && locked.PID == 0 {
				if held := heldShard(dir, 0); held != nil {
					return nil, held
				}
			}
			return nil, err
		}
		return &lock{main: f}, sign(f)
	}
	main, err := flock(path, unix.LOCK_SH)
	if err != nil {
		return nil, err
	}
	l := &lock{main: main, shared: true}
	// Whatever an earlier holder of the whole wrote here is stale now.
	if err := main.Truncate(0); err != nil {
		l.release()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if l.shard, err = flock(filepath.Join(dir, shardLockName(i, n)), unix.LOCK_EX); err != nil {
		l.release()
		return nil, err
	}
	if err := sign(l.shard); err != nil {
		l.release()
		return nil, err
	}
	if held := heldShard(dir, n); held != nil {
		l.release()
		return nil, held
	}
	return l, nil
}

// flock opens and locks a file. A file that was deleted by its last holder between the two is tried again.
func flock(path string, how int) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, fmt.Errorf("lock: %w", err)
		}
		// A few tries: another process may be holding it for the instant it takes to look whether it is held.
		for try := 0; ; try++ {
			err = unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if !errors.Is(err, unix.EWOULDBLOCK) || try == 5 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if errors.Is(err, unix.EWOULDBLOCK) {
			e := &LockedError{Path: path}
			e.PID, e.Host = signature(f)
			f.Close()
			return nil, e
		}
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		held, err1 := f.Stat()
		named, err2 := os.Stat(path)
		if err1 == nil && err2 == nil && os.SameFile(held, named) {
			return f, nil
		}
		f.Close()
	}
}

// sign writes who holds the lock into its file.
func sign(f *os.File) error {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	if _, err := f.WriteAt(fmt.Appendf(nil, "%d %s\n", os.Getpid(), host), 0); err != nil {
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return nil
}

// signature reads who holds a lock. The holder signs a moment after it locks, so an empty file is given time.
func signature(f *os.File) (pid int, host string) {
	buf := make([]byte, 300)
	for range 20 {
		n, _ := f.ReadAt(buf, 0)
		if bytes.IndexByte(buf[:n], '\n') >= 0 {
			if _, err := fmt.Sscanf(string(buf[:n]), "%d %s", &pid, &host); err == nil {
				return pid, host
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	return 0, ""
}

// heldShard finds a shard lock that somebody holds, leaving out those of a division into n; nil if there is none.
func heldShard(dir string, n int) *LockedError {
	for _, path := range shardLocks(dir) {
		if n > 0 && strings.HasSuffix(path, fmt.Sprintf("-of-%d", n)) {
			continue
		}
		f, err := flock(path, unix.LOCK_SH)
		if err == nil {
			f.Close()
			continue
		}
		var locked *LockedError
		if errors.As(err, &locked) {
			return locked
		}
	}
	return nil
}

// shardLocks lists the lock files of shards in a folder.
func shardLocks(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), lockName+".") && strings.Contains(e.Name(), "-of-") {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out
}

// alone says whether no other writer holds the recording. After it returns false the lock may be lost, so it is
// called on the way out only (flock(2): conversion is not atomic).
func (l *lock) alone() bool {
	return !l.shared || unix.Flock(int(l.main.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}

// release gives the lock back and deletes the files that nobody else holds.
func (l *lock) release() {
	if l.shard != nil {
		os.Remove(l.shard.Name())
	}
	if l.alone() {
		os.Remove(l.main.Name())
	}
	if l.shard != nil {
		l.shard.Close()
	}
	l.main.Close()
}

// clean deletes the lock files that killed writers left, for the one who is alone.
func (l *lock) clean() {
	for _, path := range shardLocks(filepath.Dir(l.main.Name())) {
		if l.shard == nil || path != l.shard.Name() {
			os.Remove(path)
		}
	}
}
