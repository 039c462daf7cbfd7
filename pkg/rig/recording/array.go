package recording

import (
	"fmt"
	"math"
	"os"
	"slices"
	"sync"

	"github.com/ventral-lab/ventral/internal/zarr"
)

// Array reads one recorded array. It is safe for concurrent use. It keeps the chunk it read last, so walking
// through the rows in small steps reads every chunk once.
type Array struct {
	rec  *Recording
	spec ArraySpec
	data *zarr.Array

	mu     sync.Mutex
	cached int // chunk in raw, -1 for none
	raw    []byte
}

// Spec describes the array.
func (a *Array) Spec() ArraySpec { return a.spec }

// Read gives the values of rows lo <= row < hi, row after row, Size values each. They are put into dst, from its
// start, if its capacity is enough, else into a new slice. Values of other types are
// converted to float32 (int32 and float64 are rounded; use ReadFloat64 where that matters). Rows whose status is
// not OK, also those not recorded yet, are NaN.
func (a *Array) Read(lo, hi int, dst []float32) ([]float32, error) {
	n, err := a.reserve(lo, hi, 4, cap(dst))
	if err != nil {
		return nil, err
	}
	dst = slices.Grow(dst[:0], n)[:n]
	return dst, a.read(lo, hi, true, func(at int, raw []byte) { toFloat(dst[at:], a.spec.DType, raw) },
		func(at, n int) { fill(dst[at:at+n], float32(math.NaN())) })
}

// ReadFloat64 is Read in float64, exact for every type but int64 beyond 2^53.
func (a *Array) ReadFloat64(lo, hi int, dst []float64) ([]float64, error) {
	n, err := a.reserve(lo, hi, 8, cap(dst))
	if err != nil {
		return nil, err
	}
	dst = slices.Grow(dst[:0], n)[:n]
	return dst, a.read(lo, hi, true, func(at int, raw []byte) { toFloat(dst[at:], a.spec.DType, raw) },
		func(at, n int) { fill(dst[at:at+n], math.NaN()) })
}

// ReadAll gives all rows as float32, with the rules of Read. Chunks are read in parallel.
func (a *Array) ReadAll() ([]float32, error) {
	n, err := a.reserve(0, a.rec.Len(), 4, 0)
	if err != nil {
		return nil, err
	}
	dst := make([]float32, n)
	return dst, parallel(a.rec.layout.chunks(), func(k int) error {
		lo, hi := a.rec.layout.rows(k)
		base := lo * a.spec.Size()
		return a.read(lo, hi, false, func(at int, raw []byte) { toFloat(dst[base+at:], a.spec.DType, raw) },
			func(at, n int) { fill(dst[base+at:base+at+n], float32(math.NaN())) })
	})
}

// reserve gives the number of values of a range and checks that the files are there to back their memory.
func (a *Array) reserve(lo, hi, width, have int) (int, error) {
	if err := a.rec.checkRange(lo, hi); err != nil {
		return 0, err
	}
	size := a.spec.Size()
	if hi-lo > math.MaxInt/8/size {
		return 0, fmt.Errorf("recording %s: array %q: %d rows of %v do not fit memory", a.rec.dir, a.spec.Name, hi-lo, a.spec.Shape)
	}
	n := (hi - lo) * size
	if n <= have {
		return n, nil
	}
	packed, fixed := a.data.Meta.FixedSize()
	unpacked := a.data.Meta.ChunkLen() * a.data.Meta.DType.Size()
	backed := 0
	err := a.rec.span(lo, hi, func(k, from, to int, codes []byte) error {
		if codes == nil {
			return nil
		}
		st, err := os.Stat(chunkPath(a.data, k))
		if err != nil {
			return a.rec.damaged(k, err)
		}
		switch {
		case fixed && st.Size() != int64(packed):
			return fmt.Errorf("read %s: %w: %d bytes, want %d", chunkPath(a.data, k), zarr.ErrCorrupt, st.Size(), packed)
		case !fixed && st.Size() < int64(unpacked/zstdExpansion):
			return fmt.Errorf("read %s: %w: %d bytes cannot unpack to %d", chunkPath(a.data, k), zarr.ErrCorrupt, st.Size(), unpacked)
		}
		backed += to - from
		return nil
	})
	if err != nil {
		return 0, err
	}
	if missing := hi - lo - backed; missing > maxMissingBytes/width/size {
		return 0, fmt.Errorf("recording %s: array %q: %d of the rows asked for were not recorded; read the recorded part", a.rec.dir, a.spec.Name, missing)
	}
	return n, nil
}

// read hands out the elements of rows lo <= row < hi: take gets the bytes of runs of rows that are OK, none the
// runs that are not. at is the position in the result.
func (a *Array) read(lo, hi int, cache bool, take func(at int, raw []byte), none func(at, n int)) error {
	size := a.spec.Size()
	width := a.data.Meta.DType.Size()
	return a.rec.span(lo, hi, func(k, from, to int, codes []byte) error {
		first, _ := a.rec.layout.rows(k)
		at := (first + from - lo) * size
		if codes == nil {
			none(at, (to-from)*size)
			return nil
		}
		raw, err := a.chunk(k, cache)
		if err != nil {
			return err
		}
		for i := from; i < to; {
			j := i + 1
			for j < to && (codes[j] == codes[i]) {
				j++
			}
			if statuses[codes[i]] == OK {
				take(at+(i-from)*size, raw[i*size*width:j*size*width])
			} else {
				none(at+(i-from)*size, (j-i)*size)
			}
			i = j
		}
		return nil
	})
}

func (a *Array) chunk(k int, cache bool) ([]byte, error) {
	if cache {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.cached == k {
			return a.raw, nil
		}
	}
	raw, err := a.data.ReadChunk(chunkIndex(a.data, k)...)
	if err != nil {
		return nil, a.rec.damaged(k, err)
	}
	if cache {
		a.cached, a.raw = k, raw
	}
	return raw, nil
}

func fill[T any](dst []T, v T) {
	for i := range dst {
		dst[i] = v
	}
}
