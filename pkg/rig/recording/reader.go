package recording

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"sync"

	"github.com/ventral-lab/ventral/internal/zarr"
)

// Recording is a recording opened for reading, complete or not. It is safe for concurrent use, also beside a
// writer: chunks that arrive later are seen by later reads.
type Recording struct {
	dir    string
	layout *layout

	mu     sync.Mutex
	status map[int][]byte // codes by chunk, for chunks that are there
}

// Open opens the recording in dir. An incomplete one opens too; Complete tells.
func Open(dir string) (*Recording, error) {
	g, err := zarr.OpenGroup(dir)
	if err != nil {
		return nil, fmt.Errorf("open recording %s: %w", dir, err)
	}
	d, err := parseGroup(g)
	if err != nil {
		return nil, fmt.Errorf("open recording %s: %w", dir, err)
	}
	l, err := newLayout(dir, d)
	if err != nil {
		return nil, fmt.Errorf("open recording %s: %w", dir, err)
	}
	return &Recording{dir: dir, layout: l, status: map[int][]byte{}}, nil
}

// Dir is the folder of the recording.
func (r *Recording) Dir() string { return r.dir }

// Manifest says what the recording is of.
func (r *Recording) Manifest() Manifest { return r.layout.manifest }

// Complete says whether all rows were there when the recording was last finished.
func (r *Recording) Complete() bool { return r.layout.Complete }

// Fingerprint is the SHA-256 over the checksums of all chunks of a complete recording: two recordings with the
// same fingerprint and manifest have the same contents. It is "" for an incomplete one.
func (r *Recording) Fingerprint() string { return r.layout.Fingerprint }

// Len is the number of stimuli, recorded or not.
func (r *Recording) Len() int { return r.layout.Length }

// Chunk is the number of stimuli in a chunk.
func (r *Recording) Chunk() int { return r.layout.Chunk }

// Arrays lists the recorded arrays in the order they were asked for.
func (r *Recording) Arrays() []ArraySpec { return slices.Clone(r.layout.Arrays) }

// Columns lists the labels.
func (r *Recording) Columns() []Column { return slices.Clone(r.layout.Columns) }

// statusChunk gives the status codes of chunk k, nil if the chunk is not there.
func (r *Recording) statusChunk(k int) ([]byte, error) {
	r.mu.Lock()
	s, ok := r.status[k]
	r.mu.Unlock()
	if ok {
		return s, nil
	}
	s, err := r.layout.statusChunk(k)
	if missingChunk(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.status[k] = s
	r.mu.Unlock()
	return s, nil
}

func (r *Recording) checkRange(lo, hi int) error {
	if lo < 0 || hi < lo || hi > r.layout.Length {
		return fmt.Errorf("recording %s: rows %d to %d, there are %d", r.dir, lo, hi, r.layout.Length)
	}
	return nil
}

// span calls f for each chunk that rows lo <= row < hi touch, with the part [a, b) of the chunk and its codes
// (nil for a chunk that is not there).
func (r *Recording) span(lo, hi int, f func(k, a, b int, codes []byte) error) error {
	if err := r.checkRange(lo, hi); err != nil {
		return err
	}
	for row := lo; row < hi; {
		k := row / r.layout.Chunk
		first, last := r.layout.rows(k)
		end := min(hi, last)
		codes, err := r.statusChunk(k)
		if err != nil {
			return err
		}
		if err := f(k, row-first, end-first, codes); err != nil {
			return err
		}
		row = end
	}
	return nil
}

// Statuses gives the status of rows lo <= row < hi; Missing for rows not recorded yet.
func (r *Recording) Statuses(lo, hi int) ([]Status, error) {
	var out []Status
	err := r.span(lo, hi, func(k, a, b int, codes []byte) error {
		if err := r.backed(b-a, 16, codes != nil, len(out)); err != nil {
			return err
		}
		for i := a; i < b; i++ {
			c := byte(0)
			if codes != nil {
				c = codes[i]
			}
			out = append(out, statuses[c])
		}
		return nil
	})
	return out, err
}

// backed refuses to make up more rows for chunks that are not there than limits.go allows.
func (r *Recording) backed(rows, width int, there bool, sofar int) error {
	if !there && (rows+sofar) > maxMissingBytes/width {
		return fmt.Errorf("recording %s: more than %d rows that were not recorded; read the recorded part", r.dir, maxMissingBytes/width)
	}
	return nil
}

// Rows gives the table rows lo <= row < hi. A row that was not recorded yet has status Missing and nothing else.
func (r *Recording) Rows(lo, hi int) ([]Row, error) {
	var out []Row
	l := r.layout
	err := r.span(lo, hi, func(k, a, b int, codes []byte) error {
		if err := r.backed(b-a, 128, codes != nil, len(out)); err != nil {
			return err
		}
		if codes == nil {
			for range b - a {
				out = append(out, Row{Status: Missing})
			}
			return nil
		}
		var text [3][]string
		for i, arr := range []*zarr.Array{l.id, l.hash, l.note} {
			s, err := arr.ReadStrings(k)
			if err != nil {
				return r.damaged(k, err)
			}
			text[i] = s
		}
		columns := make([]any, len(l.Columns))
		for j := range l.Columns {
			c, err := r.columnChunk(j, k)
			if err != nil {
				return err
			}
			columns[j] = c
		}
		for i := a; i < b; i++ {
			row := Row{ID: text[0][i], ContentHash: text[1][i], Message: text[2][i], Status: statuses[codes[i]],
				Labels: make(map[string]any, len(columns))}
			for j, c := range columns {
				row.Labels[l.Columns[j].Name] = element(c, i)
			}
			out = append(out, row)
		}
		return nil
	})
	return out, err
}

// damaged explains a file that is not there although its chunk counts as recorded.
func (r *Recording) damaged(k int, err error) error {
	if missingChunk(err) {
		return fmt.Errorf("recording %s: chunk %d counts as recorded, but %w; run verify, then record again", r.dir, k, err)
	}
	return err
}

// columnChunk reads chunk k of label j as a slice of its kind, padding included.
func (r *Recording) columnChunk(j, k int) (any, error) {
	a := r.layout.labels[j]
	if a.Meta.DType == zarr.String {
		s, err := a.ReadStrings(k)
		if err != nil {
			return nil, r.damaged(k, err)
		}
		return s, nil
	}
	raw, err := a.ReadChunk(k)
	if err != nil {
		return nil, r.damaged(k, err)
	}
	switch a.Meta.DType {
	case zarr.Bool:
		out := make([]bool, len(raw))
		for i, b := range raw {
			out[i] = b == 1
		}
		return out, nil
	case zarr.Int64:
		out := make([]int64, len(raw)/8)
		for i := range out {
			out[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
		}
		return out, nil
	}
	out := make([]float64, len(raw)/8)
	for i := range out {
		out[i] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))
	}
	return out, nil
}

func element(slice any, i int) any {
	switch s := slice.(type) {
	case []float64:
		return s[i]
	case []int64:
		return s[i]
	case []bool:
		return s[i]
	case []string:
		return s[i]
	}
	return nil
}

// Column gives a label of all rows: []float64, []int64, []string or []bool by its kind, with the kind's empty value
// for rows that lack it. The names "id", "content_hash", "message" and "status" give those as []string, unless a
// label has the name.
func (r *Recording) Column(name string) (any, error) {
	return r.ColumnRange(name, 0, r.Len())
}

// ColumnRange is Column for rows lo <= row < hi.
func (r *Recording) ColumnRange(name string, lo, hi int) (any, error) {
	j := slices.IndexFunc(r.layout.Columns, func(c Column) bool { return c.Name == name })
	if j >= 0 {
		switch r.layout.Columns[j].Kind {
		case KindFloat:
			return gather(r, lo, hi, math.NaN(), func(k int) (any, error) { return r.columnChunk(j, k) })
		case KindInt:
			return gather(r, lo, hi, int64(0), func(k int) (any, error) { return r.columnChunk(j, k) })
		case KindBool:
			return gather(r, lo, hi, false, func(k int) (any, error) { return r.columnChunk(j, k) })
		}
		return gather(r, lo, hi, "", func(k int) (any, error) { return r.columnChunk(j, k) })
	}
	table := map[string]*zarr.Array{"id": r.layout.id, "content_hash": r.layout.hash, "message": r.layout.note}
	if a := table[name]; a != nil {
		return gather(r, lo, hi, "", func(k int) (any, error) {
			s, err := a.ReadStrings(k)
			return s, r.damaged(k, err)
		})
	}
	if name == "status" {
		s, err := r.Statuses(lo, hi)
		out := make([]string, len(s))
		for i := range s {
			out[i] = string(s[i])
		}
		return out, err
	}
	names := []string{"id", "content_hash", "status", "message"}
	for _, c := range r.layout.Columns {
		names = append(names, c.Name)
	}
	return nil, fmt.Errorf("recording %s has no column %q; nearest: %q", r.dir, name, nearest(name, names))
}

func gather[T any](r *Recording, lo, hi int, none T, read func(k int) (any, error)) ([]T, error) {
	out := []T{}
	err := r.span(lo, hi, func(k, a, b int, codes []byte) error {
		if err := r.backed(b-a, 16, codes != nil, len(out)); err != nil {
			return err
		}
		if codes == nil {
			for range b - a {
				out = append(out, none)
			}
			return nil
		}
		v, err := read(k)
		if err != nil {
			return err
		}
		s, ok := v.([]T)
		if !ok {
			return errors.New("recording: a column has another type than its kind says")
		}
		out = append(out, s[a:b]...)
		return nil
	})
	return out, err
}

// Array gives access to a recorded array. The error for an unknown name lists the nearest ones.
func (r *Recording) Array(name string) (*Array, error) {
	names := make([]string, len(r.layout.Arrays))
	for i, a := range r.layout.Arrays {
		if a.Name == name {
			return &Array{rec: r, spec: a, data: r.layout.arrays[i], cached: -1}, nil
		}
		names[i] = a.Name
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("recording %s has no array %q; it has none at all", r.dir, name)
	}
	return nil, fmt.Errorf("recording %s has no array %q; nearest: %q", r.dir, name, nearest(name, names))
}

// nearest picks the up to five names with the smallest edit distance (Levenshtein, 1966) to name.
func nearest(name string, names []string) []string {
	out := slices.Clone(names)
	slices.SortStableFunc(out, func(a, b string) int { return distance(name, a) - distance(name, b) })
	return out[:min(5, len(out))]
}

func distance(a, b string) int {
	prev := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(prev[j+1]+1, row[j]+1, prev[j]+cost)
		}
		prev = row
	}
	return prev[len(b)]
}

// path of the top metadata file, for messages.
func (r *Recording) metadataPath() string { return filepath.Join(r.dir, zarr.MetadataName) }
