package recording

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sort"
	"sync"

	"github.com/ventral-lab/ventral/internal/atomicfile"
	"github.com/ventral-lab/ventral/internal/zarr"
)

// Writer writes the chunks of a recording. Its methods are safe for concurrent use; chunks may come in any order.
type Writer struct {
	dir          string
	layout       *layout
	lock         *lock
	tag          string // of this writer's temporary files
	shard, count int

	mu     sync.Mutex
	closed bool
	busy   map[int]bool // chunks being written
	seen   map[int]bool // chunks known to be there and sound
}

// Dir is the folder of the recording.
func (w *Writer) Dir() string { return w.dir }

// Chunks is the number of chunks of the whole recording.
func (w *Writer) Chunks() int { return w.layout.chunks() }

// Rows is the range lo <= row < hi of the stimuli of a chunk.
func (w *Writer) Rows(chunk int) (lo, hi int) { return w.layout.rows(chunk) }

// Missing lists the chunks that this writer has to write, ascending: those of its shard that are not there, or in
// which a file is missing, has the wrong size or fails its checksum. The first call reads everything recorded so
// far, also of a complete recording (to trust that one as it is, use Open or Cached); what was found sound or written
// since is not read again.
func (w *Writer) Missing() []int {
	missing := w.scan()
	return slices.DeleteFunc(missing, func(k int) bool { return k%w.count != w.shard })
}

// scan lists the missing chunks of all shards.
func (w *Writer) scan() []int {
	var unknown []int
	w.mu.Lock()
	for k := range w.layout.chunks() {
		if !w.seen[k] {
			unknown = append(unknown, k)
		}
	}
	w.mu.Unlock()
	sound := make([]bool, len(unknown))
	parallel(len(unknown), func(i int) error {
		sound[i] = w.layout.sound(unknown[i])
		return nil
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	var missing []int
	for i, k := range unknown {
		if sound[i] {
			w.seen[k] = true
		} else if !w.seen[k] {
			missing = append(missing, k)
		}
	}
	return missing
}

// sound says whether every file of a chunk is there and undamaged. The status file is looked at first: as long
// as it is not there, nothing else of the chunk counts.
func (l *layout) sound(k int) bool {
	if _, err := l.statusChunk(k); err != nil {
		return false
	}
	for _, a := range l.all() {
		if checkChunk(a, k) != nil {
			return false
		}
	}
	return true
}

// WriteChunk writes the rows of a chunk and, for every array, their values: data[name] is a slice of
// len(rows)*ArraySpec.Size values, row after row, of the array's type ([]float32, []float64, []int32, []int64; for
// float16 []float32, rounded to nearest even, or []uint16 bits). Values of rows whose status is not OK are not
// kept: they become NaN, or 0 in integer arrays. Nothing of rows or data is kept after the call.
//
// The chunk counts as there when its last file is in place, and survives a crash from then on. After an error the
// chunk is missing, what is on the disk is whole, and it can be written again; writing a chunk that is there
// replaces it.
func (w *Writer) WriteChunk(k int, rows []Row, data map[string]any) error {
	if err := w.begin(k); err != nil {
		return err
	}
	err := w.writeChunk(k, rows, data)
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.busy, k)
	if err != nil {
		return fmt.Errorf("recording %s: chunk %d: %w", w.dir, k, err)
	}
	w.seen[k] = true
	return nil
}

func (w *Writer) begin(k int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return fmt.Errorf("recording %s: chunk %d: the writer is closed", w.dir, k)
	case k < 0 || k >= w.layout.chunks():
		return fmt.Errorf("recording %s: chunk %d: there are %d chunks", w.dir, k, w.layout.chunks())
	case k%w.count != w.shard:
		return fmt.Errorf("recording %s: chunk %d belongs to shard %d of %d, this is %d", w.dir, k, k%w.count, w.count, w.shard)
	case w.busy[k]:
		return fmt.Errorf("recording %s: chunk %d is being written already", w.dir, k)
	}
	w.busy[k] = true
	delete(w.seen, k)
	if w.layout.Complete {
		// A chunk of a finished recording is replaced because it was found damaged. Should the writer be
		// killed halfway, the recording must not pass for complete.
		w.layout.Complete, w.layout.Fingerprint = false, ""
		if err := w.writeGroup(); err != nil {
			w.layout.Complete = true
			delete(w.busy, k)
			return fmt.Errorf("recording %s: %w", w.dir, err)
		}
	}
	return nil
}

func (w *Writer) writeGroup() error {
	b, err := w.layout.groupBytes()
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(w.dir, zarr.MetadataName), b, w.tag)
}

func (w *Writer) writeChunk(k int, rows []Row, data map[string]any) error {
	l := w.layout
	lo, hi := l.rows(k)
	if len(rows) != hi-lo {
		return fmt.Errorf("%d rows, want %d (stimuli %d to %d)", len(rows), hi-lo, lo, hi-1)
	}
	if err := l.checkData(data, rows); err != nil {
		return err
	}
	table, err := l.encodeRows(rows, lo)
	if err != nil {
		return err
	}
	if err := atomicfile.Remove(chunkPath(l.status, k)); err != nil {
		return err
	}
	rest := append(append([]*zarr.Array{}, l.labels...), l.id, l.hash, l.note)
	err = parallel(len(l.arrays)+len(rest), func(i int) error {
		if i >= len(l.arrays) {
			return w.put(rest[i-len(l.arrays)], k, table[i-len(l.arrays)])
		}
		b, err := l.arrays[i].Meta.EncodeChunk(encodeValues(l.Arrays[i], l.Chunk, rows, data[l.Arrays[i].Name]))
		if err != nil {
			return err
		}
		return w.put(l.arrays[i], k, b)
	})
	if err != nil {
		return err
	}
	return w.put(l.status, k, table[len(rest)])
}

// put places the file of one array's chunk.
func (w *Writer) put(a *zarr.Array, k int, b []byte) error {
	path := chunkPath(a, k)
	if err := atomicfile.MkdirAll(filepath.Dir(path)); err != nil {
		return err
	}
	return atomicfile.WriteFile(path, b, w.tag)
}

// checkData makes sure that there is a value slice for every array and none that nobody asked for.
func (l *layout) checkData(data map[string]any, rows []Row) error {
	for _, a := range l.Arrays {
		v, ok := data[a.Name]
		if !ok {
			return fmt.Errorf("array %q: no values", a.Name)
		}
		n, ok := valueCount(a.DType, v)
		if !ok {
			return fmt.Errorf("array %q is %s: values of type %T do not fit", a.Name, a.DType, v)
		}
		if want := len(rows) * a.Size(); n != want {
			return fmt.Errorf("array %q: %d values, want %d (%d rows of %v)", a.Name, n, want, len(rows), a.Shape)
		}
		if err := fitsHalf(a, rows, v); err != nil {
			return err
		}
	}
	if len(data) == len(l.Arrays) {
		return nil
	}
	known := map[string]bool{}
	for _, a := range l.Arrays {
		known[a.Name] = true
	}
	var extra []string
	for name := range data {
		if !known[name] {
			extra = append(extra, name)
		}
	}
	sort.Strings(extra)
	return fmt.Errorf("values for %q, which the recording does not have", extra)
}

// Finish checks that all chunks are there, of every shard, and that no two stimuli share an ID, marks the
// recording complete and releases the lock. Where chunks are missing the error is ErrIncomplete and the writer
// stays open; of several shards the last to finish succeeds. Finishing a complete recording is no error.
func (w *Writer) Finish() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return fmt.Errorf("finish recording %s: the writer is closed", w.dir)
	}
	w.mu.Unlock()
	if missing := w.scan(); len(missing) > 0 {
		return &IncompleteError{Dir: w.dir, Chunks: missing, Total: w.layout.chunks()}
	}
	if err := w.layout.uniqueIDs(); err != nil {
		return fmt.Errorf("finish recording %s: %w", w.dir, err)
	}
	print, err := w.layout.fingerprint()
	if err != nil {
		return fmt.Errorf("finish recording %s: %w", w.dir, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.busy) > 0 {
		return fmt.Errorf("finish recording %s: %d chunks are still being written", w.dir, len(w.busy))
	}
	if !w.layout.Complete || w.layout.Fingerprint != print {
		w.layout.Complete, w.layout.Fingerprint = true, print
		if err := w.writeGroup(); err != nil {
			w.layout.Complete, w.layout.Fingerprint = false, ""
			return fmt.Errorf("finish recording %s: %w", w.dir, err)
		}
	}
	return w.close()
}

// Close releases the lock without finishing. What was written stays. After Finish it does nothing.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.close()
}

func (w *Writer) close() error {
	if w.closed {
		return nil
	}
	if len(w.busy) > 0 {
		return fmt.Errorf("close recording %s: %d chunks are still being written", w.dir, len(w.busy))
	}
	w.closed = true
	var err error
	if w.lock.alone() {
		w.lock.clean()
		if w.count > 1 {
			_, err = atomicfile.RemoveTemp(w.dir, "*")
		}
	}
	w.lock.release()
	return err
}

// uniqueIDs reads all IDs and fails on the first that comes twice.
func (l *layout) uniqueIDs() error {
	rows := make(map[string]int, l.Length)
	for k := range l.chunks() {
		ids, err := l.id.ReadStrings(k)
		if err != nil {
			return err
		}
		lo, hi := l.rows(k)
		for i, id := range ids[:hi-lo] {
			if first, ok := rows[id]; ok {
				return fmt.Errorf("stimuli %d and %d have the same ID %q", first, lo+i, id)
			}
			rows[id] = lo + i
		}
	}
	return nil
}

// missingChunk says whether an error only means that a chunk is not there.
func missingChunk(err error) bool { return errors.Is(err, fs.ErrNotExist) }
