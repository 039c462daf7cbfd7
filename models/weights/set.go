package weights

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"

	"github.com/ventral-lab/ventral/internal/safetensors"
)

// Set is a checked collection of named tensors. It may be read by many goroutines; Close must not run beside them.
type Set struct {
	ref     string
	sources map[string]source
	names   []string
	files   []*safetensors.File
	dir     string            // of the files, "" without
	meta    map[string]string // what the files say of themselves
	inspect func() inspection
}

func newSet(ref string, sources map[string]source, files []*safetensors.File) *Set {
	s := &Set{ref: ref, sources: sources, files: files}
	for name := range sources {
		s.names = append(s.names, name)
	}
	slices.Sort(s.names)
	s.inspect = sync.OnceValue(s.read)
	return s
}

// FromTensors makes a set of tensors in memory, for example of weights that were just trained. Names must be unique and
// shapes agree with the bytes. where is named in errors.
func FromTensors(where string, tensors []safetensors.Tensor) (*Set, error) {
	sources := make(map[string]source, len(tensors))
	for _, t := range tensors {
		if _, dup := sources[t.Name]; dup {
			return nil, fmt.Errorf("weights: %s: tensor %q is given twice", where, t.Name)
		}
		if size := safetensors.ItemSize(t.DType); size == 0 || slices.Min(append([]int{0}, t.Shape...)) < 0 || t.Len()*size != len(t.Data) {
			return nil, fmt.Errorf("weights: %s: %w: tensor %q: %s %v with %d bytes", where, ErrShape, t.Name, t.DType, t.Shape, len(t.Data))
		}
		sources[t.Name] = view(where, t, nil)
	}
	return newSet(where, sources, nil), nil
}

// Ref returns what was opened: a path, or hf:owner/name@commit.
func (s *Set) Ref() string { return s.ref }

// Names returns the tensor names in ascending order.
func (s *Set) Names() []string { return slices.Clone(s.names) }

// Shape returns the shape of a tensor without reading it.
func (s *Set) Shape(name string) ([]int, bool) {
	src, ok := s.sources[name]
	return slices.Clone(src.shape), ok
}

// Tensor returns a tensor. Its bytes are a view of the file where the set is one, or made for this call where a mapping
// joins or transposes; treat them as read-only and do not use them after Close.
func (s *Set) Tensor(name string) (safetensors.Tensor, bool) {
	src, ok := s.sources[name]
	if !ok {
		return safetensors.Tensor{}, false
	}
	return safetensors.Tensor{Name: name, DType: src.dtype, Shape: slices.Clone(src.shape), Data: src.bytes()}, true
}

// Tensors returns all tensors in ascending order of names, for writing them to a file.
func (s *Set) Tensors() []safetensors.Tensor {
	out := make([]safetensors.Tensor, len(s.names))
	for i, name := range s.names {
		out[i], _ = s.Tensor(name)
	}
	return out
}

// Check returns an error if there is no tensor called name or if it has not exactly the given shape. No shape means a
// single number, stored as a scalar or with one element.
func (s *Set) Check(name string, shape ...int) error {
	src, ok := s.sources[name]
	if !ok {
		return missing(s.ref, name, s.names)
	}
	scalar := len(shape) == 0 && len(src.shape) == 1 && src.shape[0] == 1
	if !scalar && !slices.Equal(shape, src.shape) {
		return fmt.Errorf("weights: %s: %s: %w: want %v, found %v%s", src.file, src.title(name), ErrShape, shape, src.shape, mishap(shape, src.shape))
	}
	return nil
}

// mishap says what may have led to a wrong shape.
func mishap(want, have []int) string {
	if len(want) > 1 && len(want) == len(have) {
		a, b := slices.Clone(want), slices.Clone(have)
		slices.Sort(a)
		slices.Sort(b)
		if slices.Equal(a, b) {
			return "; the axes are in another order: the tensor was transposed when the checkpoint was written, so write it again as its library saves it"
		}
	}
	return "; the checkpoint belongs to a model of another size, or to another one"
}

// Float32 returns the elements of a floating-point tensor in row-major order, converted to float32. The tensor must
// have exactly the given shape; no shape means a single number, stored as a scalar or with one element.
func (s *Set) Float32(name string, shape ...int) ([]float32, error) {
	if err := s.Check(name, shape...); err != nil {
		return nil, err
	}
	out := make([]float32, product(shape))
	if err := s.Fill(name, out); err != nil {
		return nil, err
	}
	return out, nil
}

// Fill is Float32 into memory of the caller, which has room for exactly the tensor's elements. The shape is not checked.
func (s *Set) Fill(name string, into []float32) error {
	src, ok := s.sources[name]
	switch {
	case !ok:
		return missing(s.ref, name, s.names)
	case product(src.shape) != len(into):
		return fmt.Errorf("weights: %s: %s: %w: room for %d elements, found %v", src.file, src.title(name), ErrShape, len(into), src.shape)
	}
	size := safetensors.ItemSize(src.dtype)
	for piece := range src.pieces() {
		n := len(piece) / size
		if err := safetensors.DecodeFloat32(into[:n], src.dtype, piece); err != nil {
			return fmt.Errorf("weights: %s: %s: %w", src.file, src.title(name), err)
		}
		into = into[n:]
	}
	return nil
}

// title is how errors call a tensor: its name, and in brackets what it is called in the file where that is another.
func (s source) title(name string) string {
	text := "tensor " + strconv.Quote(name)
	if s.from != "" && s.from != name {
		text += " (in the file: " + s.from + ")"
	}
	return text
}

// inspection is what one reading of all tensors finds.
type inspection struct {
	hash   string
	finite error
}

// CheckFinite returns an error that names every tensor with NaN, infinite, or for float32 too large values, at most ten
// of them, and nil if there is none. It shares one reading of the tensors with Hash.
func (s *Set) CheckFinite() error { return s.inspect().finite }

// Hash returns the SHA-256 of the content in hexadecimal: of names in ascending order with dtypes, shapes and bytes,
// each preceded by its length. Two sets with equal hashes hold equal tensors, however their files are laid out. All
// tensors are read, once; at 600 MB that takes about a second.
func (s *Set) Hash() string { return s.inspect().hash }

// read hashes all tensors and looks for numbers that are none, each on its own goroutine.
func (s *Set) read() inspection {
	h := sha256.New()
	number := func(n int) {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], uint64(n))
		h.Write(b[:])
	}
	text := func(b string) {
		number(len(b))
		io.WriteString(h, b)
	}
	var errs []error
	text("ventral weights 1")
	number(len(s.names))
	for _, name := range s.names {
		src := s.sources[name]
		text(name)
		text(src.dtype)
		number(len(src.shape))
		for _, d := range src.shape {
			number(d)
		}
		number(src.size())
		check := safetensors.FiniteCheck{DType: src.dtype}
		for piece := range src.pieces() {
			checked := make(chan struct{})
			go func() {
				defer close(checked)
				check.Add(piece)
			}()
			h.Write(piece)
			<-checked
		}
		if err := check.Err(); err != nil && len(errs) <= 10 {
			if errs = append(errs, fmt.Errorf("weights: %s: %s: %w", src.file, src.title(name), err)); len(errs) > 10 {
				errs[10] = errors.New("weights: and more tensors")
			}
		}
	}
	return inspection{hex.EncodeToString(h.Sum(nil)), errors.Join(errs...)}
}

// Close releases the files. A set that a mapping made of this one must not be used afterwards.
func (s *Set) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	s.files, s.sources, s.names = nil, nil, nil
	return errors.Join(errs...)
}
