package zarr

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Array is an array in a folder, opened for reading. It is safe for concurrent use.
type Array struct {
	Dir  string
	Meta *ArrayMeta
}

// OpenArray reads the metadata of the array in dir.
func OpenArray(dir string) (*Array, error) {
	b, err := readMetadata(dir)
	if err != nil {
		return nil, err
	}
	m, err := ParseArray(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, MetadataName), err)
	}
	return &Array{Dir: dir, Meta: m}, nil
}

// OpenGroup reads the metadata of the group in dir.
func OpenGroup(dir string) (Group, error) {
	b, err := readMetadata(dir)
	if err != nil {
		return Group{}, err
	}
	g, err := ParseGroup(b)
	if err != nil {
		return Group{}, fmt.Errorf("%s: %w", filepath.Join(dir, MetadataName), err)
	}
	return g, nil
}

func readMetadata(dir string) ([]byte, error) {
	return ReadFile(filepath.Join(dir, MetadataName), MaxMetadataBytes)
}

// ReadFile reads a regular file of at most limit bytes.
func ReadFile(path string, limit int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: not a regular file", path)
	}
	if st.Size() > int64(limit) {
		return nil, fmt.Errorf("read %s: %d bytes, at most %d are read", path, st.Size(), limit)
	}
	b := make([]byte, st.Size())
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return b, nil
}

// ChunkPath is the path of the file of a chunk.
func (a *Array) ChunkPath(idx ...int) string {
	return filepath.Join(a.Dir, filepath.FromSlash(a.Meta.ChunkKey(idx...)))
}

// ReadChunk gives the elements of a chunk, little-endian in C order. A chunk that has no file is an error for
// which errors.Is(err, fs.ErrNotExist); a damaged one is ErrCorrupt. Both name the file.
func (a *Array) ReadChunk(idx ...int) ([]byte, error) {
	b, err := a.encoded(idx)
	if err != nil {
		return nil, err
	}
	raw, err := a.Meta.DecodeChunk(b)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", a.ChunkPath(idx...), err)
	}
	return raw, nil
}

// ReadStrings gives the strings of a chunk, with the errors of ReadChunk.
func (a *Array) ReadStrings(idx ...int) ([]string, error) {
	b, err := a.encoded(idx)
	if err != nil {
		return nil, err
	}
	s, err := a.Meta.DecodeStrings(b)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", a.ChunkPath(idx...), err)
	}
	return s, nil
}

func (a *Array) encoded(idx []int) ([]byte, error) {
	grid := a.Meta.Grid()
	if len(idx) != len(grid) {
		return nil, fmt.Errorf("read %s: %d chunk indices for %d dimensions", a.Dir, len(idx), len(grid))
	}
	for i, k := range idx {
		if k < 0 || k >= grid[i] {
			return nil, fmt.Errorf("read %s: no chunk %v in a grid of %v", a.Dir, idx, grid)
		}
	}
	path := a.ChunkPath(idx...)
	size, fixed := a.Meta.FixedSize()
	limit := size
	if !fixed {
		limit = MaxChunkBytes
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if fixed && st.Size() != int64(size) {
		return nil, fmt.Errorf("read %s: %w", path, corrupt("%d bytes, want %d", st.Size(), size))
	}
	return ReadFile(path, limit)
}

// FillChunk is a fresh chunk of nothing but the fill value. Not for strings.
func (m *ArrayMeta) FillChunk() []byte {
	b := make([]byte, m.ChunkLen()*m.DType.Size())
	for i := 0; i < len(b); i += len(m.fill) {
		copy(b[i:], m.fill)
	}
	return b
}

// ReadAll gives the whole array, little-endian in C order; chunks without a file are the fill value. It reads
// every chunk that has a file before it makes room for the array, so that a file cannot ask for memory it does
// not back: the array may have at most MaxChunkBytes more than the chunks that are there.
func (a *Array) ReadAll() ([]byte, error) {
	m := a.Meta
	if m.DType == String {
		return nil, fmt.Errorf("read %s: data type string; use ReadAllStrings", a.Dir)
	}
	size := m.DType.Size()
	chunks := map[int][]byte{}
	have := 0
	grid := m.Grid()
	for k := range product(grid) {
		raw, err := a.ReadChunk(unravel(k, grid)...)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		chunks[k] = raw
		have += len(raw)
	}
	total := m.Len() * size
	if total > have+MaxChunkBytes {
		return nil, fmt.Errorf("read %s: %d bytes, but only %d are in its chunks", a.Dir, total, have)
	}
	out := make([]byte, total)
	fill := m.FillChunk()
	for k := range product(grid) {
		raw, ok := chunks[k]
		if !ok {
			raw = fill
		}
		scatter(m, unravel(k, grid), func(at, from, n int) { copy(out[at*size:(at+n)*size], raw[from*size:]) })
	}
	return out, nil
}

// ReadAllStrings is ReadAll for strings.
func (a *Array) ReadAllStrings() ([]string, error) {
	m := a.Meta
	if m.DType != String {
		return nil, fmt.Errorf("read %s: data type %s; use ReadAll", a.Dir, m.DType)
	}
	chunks := map[int][]string{}
	have := 0
	grid := m.Grid()
	for k := range product(grid) {
		s, err := a.ReadStrings(unravel(k, grid)...)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		chunks[k] = s
		have += len(s)
	}
	if m.Len() > have+MaxChunkBytes/16 {
		return nil, fmt.Errorf("read %s: %d strings, but only %d are in its chunks", a.Dir, m.Len(), have)
	}
	out := make([]string, m.Len())
	for i := range out {
		out[i] = string(m.fill)
	}
	for k, s := range chunks {
		scatter(m, unravel(k, grid), func(at, from, n int) { copy(out[at:at+n], s[from:from+n]) })
	}
	return out, nil
}

// scatter calls put for each run of elements that a chunk and the array share along the last dimension: n
// elements at position at of the array are those from position from of the chunk.
func scatter(m *ArrayMeta, idx []int, put func(at, from, n int)) {
	rank := len(m.Shape)
	if rank == 0 {
		put(0, 0, 1)
		return
	}
	lo, n := make([]int, rank), make([]int, rank)
	for d := range rank {
		lo[d] = idx[d] * m.Chunk[d]
		n[d] = min(m.Chunk[d], m.Shape[d]-lo[d])
	}
	last := rank - 1
	for r := range product(n[:last]) {
		pos := unravel(r, n[:last])
		at, from := 0, 0
		for d := range last {
			at = at*m.Shape[d] + lo[d] + pos[d]
			from = from*m.Chunk[d] + pos[d]
		}
		put(at*m.Shape[last]+lo[last], from*m.Chunk[last], n[last])
	}
}

// unravel turns a flat index into one per dimension, the last running fastest.
func unravel(k int, dims []int) []int {
	idx := make([]int, len(dims))
	for d := len(dims) - 1; d >= 0; d-- {
		idx[d] = k % dims[d]
		k /= dims[d]
	}
	return idx
}
