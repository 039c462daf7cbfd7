package recording

import (
	"errors"
	"fmt"
)

// Errors to test for with errors.Is.
var (
	// ErrLocked: another writer is at work on the recording. errors.As with *LockedError gives its process.
	ErrLocked = errors.New("recording is being written by another process")
	// ErrIncomplete: not every chunk is there. errors.As with *IncompleteError gives the numbers.
	ErrIncomplete = errors.New("recording is incomplete")
	// ErrMismatch: the folder holds a recording of something else.
	ErrMismatch = errors.New("recording of something else")
)

// LockedError says who holds a recording.
type LockedError struct {
	Path string // the lock file
	PID  int    // 0 where it is not known
	Host string
}

func (e *LockedError) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = fmt.Sprintf("process %d on %s", e.PID, e.Host)
	}
	return fmt.Sprintf("recording is being written by %s (lock %s): wait for it to end, or record into another folder", who, e.Path)
}

// Is makes errors.Is(err, ErrLocked) true.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// IncompleteError says which chunks are not there.
type IncompleteError struct {
	Dir    string
	Chunks []int // missing, ascending
	Total  int
}

func (e *IncompleteError) Error() string {
	return fmt.Sprintf("recording %s is incomplete: %d of %d chunks are missing, the first is %d; record again with the same settings to finish it",
		e.Dir, len(e.Chunks), e.Total, e.Chunks[0])
}

// Is makes errors.Is(err, ErrIncomplete) true.
func (e *IncompleteError) Is(target error) bool { return target == ErrIncomplete }
