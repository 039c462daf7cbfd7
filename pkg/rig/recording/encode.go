package recording

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"sync"

	"github.com/ventral-lab/ventral/internal/npy"
)

// encodeRows encodes the table of a chunk: a file each for the labels, then id, content hash, message and status.
func (l *layout) encodeRows(rows []Row, lo int) ([][]byte, error) {
	n := l.Chunk
	ids, hashes, notes, codes := make([]string, n), make([]string, n), make([]string, n), make([]byte, n)
	seen := make(map[string]int, len(rows))
	for i, r := range rows {
		if r.ID == "" {
			return nil, fmt.Errorf("stimulus %d has no ID", lo+i)
		}
		if first, ok := seen[r.ID]; ok {
			return nil, fmt.Errorf("stimuli %d and %d have the same ID %q", lo+first, lo+i, r.ID)
		}
		seen[r.ID] = i
		c, ok := r.Status.code()
		if !ok {
			return nil, fmt.Errorf("stimulus %d (%s): status %q, want ok, corrupt or skipped", lo+i, r.ID, r.Status)
		}
		ids[i], hashes[i], notes[i], codes[i] = r.ID, r.ContentHash, r.Message, c
	}
	out := make([][]byte, 0, len(l.Columns)+4)
	for j, c := range l.Columns {
		b, err := l.encodeColumn(j, c, rows, lo)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	for _, s := range []struct {
		what string
		vals []string
		enc  func([]string) ([]byte, error)
	}{{"id", ids, l.id.Meta.EncodeStrings}, {"content hash", hashes, l.hash.Meta.EncodeStrings}, {"message", notes, l.note.Meta.EncodeStrings}} {
		b, err := s.enc(s.vals)
		if err != nil {
			return nil, fmt.Errorf("%s of the stimuli from %d: %w", s.what, lo, err)
		}
		out = append(out, b)
	}
	b, err := l.status.Meta.EncodeChunk(codes)
	return append(out, b), err
}

// encodeColumn encodes one label. A row that is not OK may lack it.
func (l *layout) encodeColumn(j int, c Column, rows []Row, lo int) ([]byte, error) {
	m := l.labels[j].Meta
	if c.Kind == KindString {
		s := make([]string, l.Chunk)
		for i, r := range rows {
			v, ok := r.Labels[c.Name].(string)
			if err := labelError(c, r, lo+i, ok); err != nil {
				return nil, err
			}
			s[i] = v
		}
		b, err := m.EncodeStrings(s)
		if err != nil {
			return nil, fmt.Errorf("label %q of the stimuli from %d: %w", c.Name, lo, err)
		}
		return b, nil
	}
	raw := m.FillChunk()
	for i, r := range rows {
		v, given := r.Labels[c.Name]
		ok := true
		switch c.Kind {
		case KindFloat:
			var f float64
			if f, ok = v.(float64); ok {
				binary.LittleEndian.PutUint64(raw[8*i:], math.Float64bits(f))
			}
		case KindInt:
			var n int64
			if n, ok = v.(int64); !ok {
				var small int
				small, ok = v.(int)
				n = int64(small)
			}
			if ok {
				binary.LittleEndian.PutUint64(raw[8*i:], uint64(n))
			}
		case KindBool:
			var t bool
			if t, ok = v.(bool); ok && t {
				raw[i] = 1
			}
		}
		if err := labelError(c, r, lo+i, ok && given); err != nil {
			return nil, err
		}
	}
	return m.EncodeChunk(raw)
}

func labelError(c Column, r Row, row int, ok bool) error {
	v, given := r.Labels[c.Name]
	switch {
	case ok || (!given && r.Status != OK):
		return nil
	case !given:
		return fmt.Errorf("stimulus %d (%s): label %q is missing", row, r.ID, c.Name)
	}
	return fmt.Errorf("stimulus %d (%s): label %q is %T, its column is of kind %s", row, r.ID, c.Name, v, c.Kind)
}

// valueCount is the length of a slice that fits an array's type.
func valueCount(dtype string, v any) (int, bool) {
	switch v := v.(type) {
	case []float32:
		return len(v), dtype == "float32" || dtype == "float16"
	case []uint16:
		return len(v), dtype == "float16"
	case []float64:
		return len(v), dtype == "float64"
	case []int32:
		return len(v), dtype == "int32"
	case []int64:
		return len(v), dtype == "int64"
	}
	return 0, false
}

// encodeValues lays out the values of a chunk, little-endian, with NaN (0 for integers) in rows that are not OK
// and in the padding of the last chunk.
func encodeValues(a ArraySpec, chunk int, rows []Row, v any) []byte {
	size := a.Size()
	width := arrayTypes[a.DType].Size()
	raw := make([]byte, chunk*size*width, chunk*size*width+4) // room for the checksum
	for i := range chunk {
		out := raw[i*size*width : (i+1)*size*width]
		if i >= len(rows) || rows[i].Status != OK {
			fillNaN(out, a.DType)
			continue
		}
		lo, hi := i*size, (i+1)*size
		switch v := v.(type) {
		case []float32:
			if a.DType == "float16" {
				for j, x := range v[lo:hi] {
					binary.LittleEndian.PutUint16(out[2*j:], uint16(npy.NewFloat16(x)))
				}
				continue
			}
			for j, x := range v[lo:hi] {
				binary.LittleEndian.PutUint32(out[4*j:], math.Float32bits(x))
			}
		case []uint16:
			for j, x := range v[lo:hi] {
				binary.LittleEndian.PutUint16(out[2*j:], x)
			}
		case []float64:
			for j, x := range v[lo:hi] {
				binary.LittleEndian.PutUint64(out[8*j:], math.Float64bits(x))
			}
		case []int32:
			for j, x := range v[lo:hi] {
				binary.LittleEndian.PutUint32(out[4*j:], uint32(x))
			}
		case []int64:
			for j, x := range v[lo:hi] {
				binary.LittleEndian.PutUint64(out[8*j:], uint64(x))
			}
		}
	}
	return raw
}

// fitsHalf fails for a finite value that float16 would turn into an infinity.
func fitsHalf(a ArraySpec, rows []Row, v any) error {
	vals, ok := v.([]float32)
	if a.DType != "float16" || !ok {
		return nil
	}
	size := a.Size()
	for i, r := range rows {
		if r.Status != OK {
			continue
		}
		for _, x := range vals[i*size : (i+1)*size] {
			if npy.NewFloat16(x).IsInf() && !math.IsInf(float64(x), 0) {
				return fmt.Errorf("array %q, stimulus %s: %g does not fit float16 (largest 65504); record it as float32", a.Name, r.ID, x)
			}
		}
	}
	return nil
}

// fillNaN fills elements with the NaN that the Zarr specification names; integers keep their zeros.
func fillNaN(out []byte, dtype string) {
	switch dtype {
	case "float32":
		for j := 0; j < len(out); j += 4 {
			binary.LittleEndian.PutUint32(out[j:], 0x7fc00000)
		}
	case "float64":
		for j := 0; j < len(out); j += 8 {
			binary.LittleEndian.PutUint64(out[j:], 0x7ff8000000000000)
		}
	case "float16":
		for j := 0; j < len(out); j += 2 {
			binary.LittleEndian.PutUint16(out[j:], 0x7e00)
		}
	}
}

// parallel calls f(0) ... f(n-1) on a few goroutines and returns the error of the lowest index that failed. After
// a failure no further calls begin.
func parallel(n int, f func(i int) error) error {
	workers := min(n, max(4, runtime.GOMAXPROCS(0)), 16)
	var (
		mu    sync.Mutex
		next  int
		at    = n
		first error
		wg    sync.WaitGroup
	)
	for range workers {
		wg.Go(func() {
			for {
				mu.Lock()
				i := next
				if i >= n || first != nil {
					mu.Unlock()
					return
				}
				next++
				mu.Unlock()
				if err := f(i); err != nil {
					mu.Lock()
					if i < at {
						at, first = i, err
					}
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return first
}
