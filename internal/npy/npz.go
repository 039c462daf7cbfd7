package npy

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/ventral-lab/ventral/internal/atomicfile"
)

// Named is an array of an .npz file.
type Named struct {
	Name string // without ".npy"
	*Array
}

// NPZ gives access to the arrays of an .npz file, each read when asked for.
type NPZ struct {
	names []string
	files map[string]*zip.File
	close func() error
}

// OpenNPZ opens an .npz file.
func OpenNPZ(path string) (*NPZ, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	z, err := NewNPZ(f, st.Size())
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	z.close = f.Close
	return z, nil
}

// NewNPZ reads the table of contents of an .npz file. A member that is no .npy file, and a name that comes twice,
// are errors.
func NewNPZ(r io.ReaderAt, size int64) (*NPZ, error) {
	zr, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%w: as .npz: %v", ErrFormat, err)
	}
	if len(zr.File) > MaxMembers {
		return nil, fmt.Errorf("%w: %d members, at most %d", ErrFormat, len(zr.File), MaxMembers)
	}
	z := &NPZ{files: map[string]*zip.File{}, close: func() error { return nil }}
	for _, f := range zr.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			return nil, fmt.Errorf("%w: member %.80q is no .npy file", ErrFormat, f.Name)
		}
		if z.files[name] != nil {
			return nil, fmt.Errorf("%w: member %.80q comes twice", ErrFormat, f.Name)
		}
		z.files[name] = f
		z.names = append(z.names, name)
	}
	return z, nil
}

// Names lists the arrays in the order of the file.
func (z *NPZ) Names() []string { return append([]string{}, z.names...) }

// Read reads one array, checksum included.
func (z *NPZ) Read(name string) (*Array, error) {
	f := z.files[name]
	if f == nil {
		return nil, fmt.Errorf("npz has no array %q; it has %.400q", name, z.names)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: member %q: %v", ErrFormat, name, err)
	}
	defer r.Close()
	a, err := Read(r)
	if err != nil {
		return nil, fmt.Errorf("member %q: %w", name, err)
	}
	// The zip reader checks length and CRC-32 when it reaches the end.
	n, err := io.CopyN(io.Discard, r, 1)
	if n > 0 || err != io.EOF {
		return nil, fmt.Errorf("%w: member %q: it does not end with the array (%v)", ErrFormat, name, err)
	}
	return a, nil
}

// Close closes the file.
func (z *NPZ) Close() error { return z.close() }

// Load reads all arrays of a file, by what it is: a .npy file is one array, named after the file.
func Load(path string) ([]Named, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	var head [6]byte
	_, err = io.ReadFull(f, head[:])
	f.Close()
	if err == nil && string(head[:2]) == "PK" {
		z, err := OpenNPZ(path)
		if err != nil {
			return nil, err
		}
		defer z.Close()
		var out []Named
		for _, name := range z.names {
			a, err := z.Read(name)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", path, err)
			}
			out = append(out, Named{name, a})
		}
		return out, nil
	}
	a, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	return []Named{{strings.TrimSuffix(filepath.Base(path), ".npy"), a}}, nil
}

// NPZWriter writes an .npz file array by array, not compressed, as numpy.savez does. The bytes depend on the
// arrays only: no time is stored.
type NPZWriter struct {
	zw   *zip.Writer
	seen map[string]bool
}

// NewNPZWriter begins an .npz file.
func NewNPZWriter(w io.Writer) *NPZWriter {
	return &NPZWriter{zip.NewWriter(w), map[string]bool{}}
}

// Create begins an array whose elements the caller writes as bytes, little-endian in C order, all of them before the
// next call. descr is the element type as headers spell it ("<f4").
func (z *NPZWriter) Create(name, descr string, shape []int) (io.Writer, error) {
	if name == "" || z.seen[name] {
		return nil, fmt.Errorf("npz: array name %q is empty or comes twice", name)
	}
	z.seen[name] = true
	if _, err := parseDescr(descr); err != nil {
		return nil, err
	}
	w, err := z.zw.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
	if err != nil {
		return nil, err
	}
	return w, Header{Descr: descr, Shape: shape}.Write(w)
}

// Add writes an array.
func (z *NPZWriter) Add(name string, a *Array) error {
	d, err := a.check()
	if err != nil {
		return err
	}
	w, err := z.Create(name, d.descr(), a.Shape)
	if err != nil {
		return err
	}
	return encode(w, a.Data, d)
}

// Close ends the file; it does not close the writer below.
func (z *NPZWriter) Close() error { return z.zw.Close() }

// WriteNPZ writes an .npz file with the given arrays, whole or not at all.
func WriteNPZ(path string, arrays ...Named) error {
	f, err := atomicfile.Create(path, "")
	if err != nil {
		return err
	}
	defer f.Abort()
	buf := bufio.NewWriterSize(f, 1<<20)
	z := NewNPZWriter(buf)
	for _, a := range arrays {
		if err := z.Add(a.Name, a.Array); err != nil {
			return fmt.Errorf("write %s: array %q: %w", path, a.Name, err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := buf.Flush(); err != nil {
		return err
	}
	return f.Commit()
}
