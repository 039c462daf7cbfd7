package weights

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/ventral-lab/ventral/internal/safetensors"
)

// Set is a checked collection of named tensors. It may be read by many goroutines; Close must not run beside them.
type Set struct {
	ref     string
	sources map[string]source
	names   []string
	files   []*safetensors.File
	hash    func() string
}

// source is one tensor: what it is, and how to get its bytes.
type source struct {
	file  string
	dtype string
	shape []int
	data  func() []byte
}

func newSet(ref string, sources map[string]source, files []*safetensors.File) *Set {
	s := &Set{ref: ref, sources: sources, files: files}
	for name := range sources {
		s.names = append(s.names, name)
	}
	slices.Sort(s.names)
	s.hash = sync.OnceValue(s.computeHash)
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
		sources[t.Name] = view(where, t)
	}
	return newSet(where, sources, nil), nil
}

func view(file string, t safetensors.Tensor) source {
	return source{file: file, dtype: t.DType, shape: t.Shape, data: func() []byte { return t.Data }}
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
	return safetensors.Tensor{Name: name, DType: src.dtype, Shape: slices.Clone(src.shape), Data: src.data()}, true
}

// Tensors returns all tensors in ascending order of names, for writing them to a file.
func (s *Set) Tensors() []safetensors.Tensor {
	out := make([]safetensors.Tensor, len(s.names))
	for i, name := range s.names {
		out[i], _ = s.Tensor(name)
	}
	return out
}

// Float32 returns the elements of a floating-point tensor in row-major order, converted to float32. The tensor must
// have exactly the given shape; no shape means a single number, stored as a scalar or with one element.
func (s *Set) Float32(name string, shape ...int) ([]float32, error) {
	src, ok := s.sources[name]
	if !ok {
		return nil, missing(s.ref, name, s.names)
	}
	scalar := len(shape) == 0 && len(src.shape) == 1 && src.shape[0] == 1
	if !scalar && !slices.Equal(shape, src.shape) {
		return nil, fmt.Errorf("weights: %s: tensor %q: %w: want %v, found %v; the checkpoint belongs to a model of another size, or to another one", src.file, name, ErrShape, shape, src.shape)
	}
	t, _ := s.Tensor(name)
	x, err := t.Float32()
	if err != nil {
		return nil, fmt.Errorf("weights: %s: %w", src.file, err)
	}
	return x, nil
}

// CheckFinite returns an error that names every tensor with NaN, infinite, or for float32 too large values, at most ten
// of them, and nil if there is none.
func (s *Set) CheckFinite() error {
	var errs []error
	for _, name := range s.names {
		t, _ := s.Tensor(name)
		if err := t.CheckFinite(); err != nil {
			if len(errs) == 10 {
				return errors.Join(append(errs, errors.New("weights: and more tensors"))...)
			}
			errs = append(errs, fmt.Errorf("weights: %s: %w", s.sources[name].file, err))
		}
	}
	return errors.Join(errs...)
}

// Hash returns the SHA-256 of the content in hexadecimal: of names in ascending order with dtypes, shapes and bytes,
// each preceded by its length. Two sets with equal hashes hold equal tensors, however their files are laid out.
func (s *Set) Hash() string { return s.hash() }

func (s *Set) computeHash() string {
	h := sha256.New()
	number := func(n int) {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], uint64(n))
		h.Write(b[:])
	}
	text := func(b []byte) {
		number(len(b))
		h.Write(b)
	}
	text([]byte("ventral weights 1"))
	number(len(s.names))
	for _, name := range s.names {
		src := s.sources[name]
		text([]byte(name))
		text([]byte(src.dtype))
		number(len(src.shape))
		for _, d := range src.shape {
			number(d)
		}
		text(src.data())
	}
	return hex.EncodeToString(h.Sum(nil))
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
