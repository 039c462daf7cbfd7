// Package atomicfile writes files that are either whole or not there.
//
// A file is written under a temporary name in the folder it belongs to, fsynced, renamed over its final name, and
// the folder is fsynced. The rename is what POSIX calls atomic: a reader, or a process that starts after a crash,
// sees the old file or the new one and never a part. The two fsyncs are what makes that hold over a power failure
// as well: without the first the name can reach the disk before the bytes, without the second the name may not
// reach it at all (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014, sections 2 and 4).
//
// # Invariants
//
//   - The final name never holds a partial file.
//   - On an error nothing is left behind: the temporary file is removed and the final name is as it was.
//   - After a nil error the bytes and the name survive a crash of the process and of the machine.
//   - A killed process leaves at most temporary files, whose names IsTemp knows and RemoveTemp deletes.
//
// # Limits
//
// The folder must be on a file system with an atomic rename; NFS has one for other clients only within its
// attribute cache time. On systems other than Unix folders cannot be fsynced, and that step is left out.
package atomicfile

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Op is one step of writing a file, as Hook sees it.
type Op string

// The steps, in the order they are taken.
const (
	OpCreate Op = "create" // the temporary file is made
	OpWrite  Op = "write"  // bytes go into it
	OpSync   Op = "fsync"  // they go to the disk
	OpRename Op = "rename" // it gets its final name
	OpDir    Op = "fsync folder"
	OpMkdir  Op = "make folder"
	OpRemove Op = "remove"
)

// Hook, if set, is called before each step with the path the step acts on (the final path for OpRename). An error
// from it is taken for a failure of that step. It is for tests of writers: to fail, trace or kill at any step. Set
// it before the first write and never while one is going on.
var Hook func(op Op, path string) error

func step(op Op, path string) error {
	if Hook == nil {
		return nil
	}
	return Hook(op, path)
}

// marker stands in the names of temporary files: ".NAME.tmp-TAG-RANDOM".
const marker = ".tmp-"

// File is a file being written. It becomes visible under its name with Commit; Abort takes it back.
type File struct {
	f    *os.File
	path string
	temp string
	done bool
}

// Create starts to write path, whose folder must exist. The tag goes into the temporary name, so that writers who
// share a folder can each clean up only their own; it may be empty and must not hold a separator.
func Create(path, tag string) (*File, error) {
	var r [6]byte
	if _, err := rand.Read(r[:]); err != nil {
		return nil, fmt.Errorf("write %s: random name: %w", path, err)
	}
	dir, base := filepath.Split(path)
	temp := filepath.Join(dir, "."+base+marker+tag+"-"+hex.EncodeToString(r[:]))
	if err := step(OpCreate, temp); err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return &File{f: f, path: path, temp: temp}, nil
}

// Write adds bytes. After an error only Abort makes sense.
func (w *File) Write(p []byte) (int, error) {
	if err := step(OpWrite, w.temp); err != nil {
		return 0, fmt.Errorf("write %s: %w", w.path, err)
	}
	n, err := w.f.Write(p)
	if err != nil {
		return n, fmt.Errorf("write %s: %w", w.path, err)
	}
	return n, nil
}

// Commit puts the file in place: fsync, close, rename, fsync of the folder. On an error the temporary file is
// gone; if the error came from the last step the new file is in place but may not survive a power failure.
func (w *File) Commit() error {
	if w.done {
		return fmt.Errorf("write %s: already finished", w.path)
	}
	if err := w.seal(); err != nil {
		w.Abort()
		return fmt.Errorf("write %s: %w", w.path, err)
	}
	w.done = true
	return SyncDir(filepath.Dir(w.path))
}

func (w *File) seal() error {
	if err := step(OpSync, w.temp); err != nil {
		return err
	}
	if err := w.f.Sync(); err != nil {
		return err
	}
	if err := w.f.Close(); err != nil {
		return err
	}
	if err := step(OpRename, w.path); err != nil {
		return err
	}
	return os.Rename(w.temp, w.path)
}

// Abort throws the file away. It does nothing after Commit or a first Abort, so it can be deferred.
func (w *File) Abort() {
	if w.done {
		return
	}
	w.done = true
	w.f.Close()
	os.Remove(w.temp)
}

// WriteFile writes data to path in one go. tag is as in Create.
func WriteFile(path string, data []byte, tag string) error {
	f, err := Create(path, tag)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}

// SyncDir makes the names in a folder durable.
func SyncDir(dir string) error {
	if err := step(OpDir, dir); err != nil {
		return fmt.Errorf("fsync folder %s: %w", dir, err)
	}
	if err := syncDir(dir); err != nil {
		return fmt.Errorf("fsync folder %s: %w", dir, err)
	}
	return nil
}

// MkdirAll makes a folder and its missing parents, and fsyncs the parent of each one it made.
func MkdirAll(dir string) error {
	dir = filepath.Clean(dir)
	if st, err := os.Stat(dir); err == nil {
		if !st.IsDir() {
			return fmt.Errorf("make folder %s: there is a file of that name", dir)
		}
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := MkdirAll(parent); err != nil {
			return err
		}
	}
	if err := step(OpMkdir, dir); err != nil {
		return fmt.Errorf("make folder %s: %w", dir, err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make folder: %w", err)
	}
	return SyncDir(parent)
}

// Remove deletes a file durably; a file that is not there is no error.
func Remove(path string) error {
	if err := step(OpRemove, path); err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("remove: %w", err)
	}
	return SyncDir(filepath.Dir(path))
}

// IsTemp says whether a file name (no folder) is that of a temporary file of this package with the given tag.
// With tag "*" any tag will do.
func IsTemp(name, tag string) bool {
	if !strings.HasPrefix(name, ".") {
		return false
	}
	i := strings.LastIndex(name, marker)
	if i < 0 {
		return false
	}
	rest := name[i+len(marker):]
	j := strings.LastIndexByte(rest, '-')
	if j < 0 || len(rest)-j-1 != 12 {
		return false
	}
	if _, err := hex.DecodeString(rest[j+1:]); err != nil {
		return false
	}
	return tag == "*" || rest[:j] == tag
}

// RemoveTemp deletes the temporary files with the given tag ("*" for all) that a killed writer left in root and
// the folders below it, and returns how many there were. It must not run beside a live writer of that tag.
func RemoveTemp(root, tag string) (int, error) {
	n := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		if d.Type().IsRegular() && IsTemp(d.Name(), tag) {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		return n, fmt.Errorf("clean %s: %w", root, err)
	}
	return n, nil
}
