// Package checksum reads, writes and checks lists of SHA-256 sums, as the program sha256sum makes them.
//
// A data set whose folder holds a file SHA256SUMS is checked against it when it is opened: the list pins what is there, so a file that
// was cut off, mixed up or changed is found before it is analysed. `sha256sum $(find . -type f) > SHA256SUMS` makes one.
//
// # Invariants
//
//   - A line is 64 hexadecimal digits, a space, a space or *, and a path from the list's folder; anything else is an error, and so is a path
//     that comes twice or leaves the folder.
//   - Write then Read gives the same list, sorted by path.
//
// # Limits
//
// Paths with line breaks or backslashes, which sha256sum escapes, are refused. A list has at most MaxBytes.
package checksum

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"github.com/ventral-lab/ventral/internal/atomicfile"
)

// Name is the file's name.
const Name = "SHA256SUMS"

// MaxBytes bounds a list: NSD has 73,000 pictures of about 100 bytes a line; this is room for half a million.
const MaxBytes = 64 << 20

// List has the sums of files by their paths from a folder, with slashes.
type List map[string][sha256.Size]byte

// ErrMismatch means that a file is not the one that the list names.
var ErrMismatch = errors.New("the file is not the one that " + Name + " names")

// Read reads dir/SHA256SUMS; a folder without one gives nil and no error.
func Read(dir string) (List, error) {
	f, err := os.Open(filepath.Join(dir, Name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	l, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Join(dir, Name), err)
	}
	return l, nil
}

// Parse reads a list.
func Parse(b []byte) (List, error) {
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("a list of more than %d bytes", MaxBytes)
	}
	l := List{}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if line == "" {
			continue
		}
		if len(line) < 67 || line[64] != ' ' || line[65] != ' ' && line[65] != '*' {
			return nil, fmt.Errorf("line %d is not SUM, two spaces, path", n)
		}
		var sum [sha256.Size]byte
		if _, err := hex.Decode(sum[:], []byte(line[:64])); err != nil {
			return nil, fmt.Errorf("line %d: %v", n, err)
		}
		name := path.Clean(line[66:])
		if !filepath.IsLocal(filepath.FromSlash(name)) || strings.Contains(name, `\`) {
			return nil, fmt.Errorf("line %d: path %.80q leaves the folder or is escaped", n, line[66:])
		}
		if _, twice := l[name]; twice {
			return nil, fmt.Errorf("line %d: path %.80q comes twice", n, name)
		}
		l[name] = sum
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return l, nil
}

// Check reads the file of that path in dir and compares it. A path that the list does not have, and a nil list, are no error.
func (l List) Check(dir, name string) error {
	want, ok := l[path.Clean(name)]
	if !ok {
		return nil
	}
	full := filepath.Join(dir, filepath.FromSlash(name))
	got, err := File(full)
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%s: %w: it has %x, want %x: get it again", full, ErrMismatch, got[:6], want[:6])
	}
	return nil
}

// CheckBytes compares a file that has been read.
func (l List) CheckBytes(name string, b []byte) error {
	if want, ok := l[path.Clean(name)]; ok {
		if got := sha256.Sum256(b); got != want {
			return fmt.Errorf("%s: %w: it has %x, want %x: get it again", name, ErrMismatch, got[:6], want[:6])
		}
	}
	return nil
}

// File is the sum of a file.
func File(name string) ([sha256.Size]byte, error) {
	var sum [sha256.Size]byte
	f, err := os.Open(name)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, err
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// Write writes dir/SHA256SUMS, whole or not at all.
func (l List) Write(dir string) error {
	names := make([]string, 0, len(l))
	for name := range l {
		if !filepath.IsLocal(filepath.FromSlash(name)) || strings.ContainsAny(name, "\\\n\r") {
			return fmt.Errorf("checksum: path %.80q leaves the folder or would be escaped", name)
		}
		names = append(names, name)
	}
	sort.Strings(names)
	var b bytes.Buffer
	for _, name := range names {
		fmt.Fprintf(&b, "%x  %s\n", l[name], name)
	}
	return atomicfile.WriteFile(filepath.Join(dir, Name), b.Bytes(), "sums")
}
