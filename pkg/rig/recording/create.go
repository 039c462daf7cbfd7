package recording

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ventral-lab/ventral/internal/atomicfile"
	"github.com/ventral-lab/ventral/internal/zarr"
)

// Option changes how Create writes.
type Option func(*options)

type options struct {
	zstd         int
	shard, count int
}

// Zstd packs chunks with zstd at a level of 1 to 22. Activations in float32 or float16 shrink by less than a tenth,
// rectified ones to about half, argmax positions to a quarter, at several times the cost of writing; the default is
// not to pack.
func Zstd(level int) Option { return func(o *options) { o.zstd = level } }

// Shard makes the writer responsible for the chunks k with k mod count = index only, so that count processes,
// also on different machines that share a file system with flock, can write one recording at once.
func Shard(index, count int) Option {
	return func(o *options) { o.shard, o.count = index, count }
}

// Create starts a recording of n stimuli in dir, or opens one that was begun with the same arguments to finish it.
// Arrays may be of any number of sites; columns are the labels of the set; chunk is the number of stimuli in a
// unit of work (at most n are used).
//
// A folder that holds a recording with another manifest, arrays, columns, n, chunk or compression is ErrMismatch,
// and the message says what differs. A folder that holds anything else is refused. If another writer is at work
// the error is ErrLocked and names its process. Temporary files of killed writers are removed.
func Create(dir string, m Manifest, arrays []ArraySpec, columns []Column, n, chunk int, opts ...Option) (*Writer, error) {
	o := options{count: 1}
	for _, f := range opts {
		f(&o)
	}
	fail := func(err error) (*Writer, error) { return nil, fmt.Errorf("create recording %s: %w", dir, err) }
	if o.count < 1 || o.shard < 0 || o.shard >= o.count {
		return fail(fmt.Errorf("shard %d of %d: want 0 <= index < count", o.shard, o.count))
	}
	canonical, err := m.canonical()
	if err != nil {
		return fail(err)
	}
	l, err := newLayout(dir, description{
		Kind: "recording", Format: formatVersion, Manifest: canonical, ManifestHash: m.Hash(),
		Length: n, Chunk: min(chunk, n), Zstd: o.zstd, Arrays: arrays, Columns: columns,
	})
	if err != nil {
		return fail(err)
	}
	if _, err := l.existing(dir); err != nil {
		return fail(err)
	}
	if err := atomicfile.MkdirAll(l.status.Dir); err != nil {
		return fail(err)
	}
	lk, err := acquireLock(l.status.Dir, o.shard, o.count)
	if err != nil {
		return fail(err)
	}
	w := &Writer{dir: dir, layout: l, lock: lk, shard: o.shard, count: o.count, busy: map[int]bool{}, seen: map[int]bool{}}
	if o.count > 1 {
		w.tag = fmt.Sprintf("%dof%d", o.shard, o.count)
	}
	if err := w.prepare(); err != nil {
		lk.release()
		return fail(err)
	}
	return w, nil
}

// existing reads what the folder says it holds: nil for a folder that is new, empty or was left by a Create that
// did not get far, an error for one that holds anything but this recording.
func (l *layout) existing(dir string) (*description, error) {
	g, err := zarr.OpenGroup(dir)
	if err == nil {
		d, err := parseGroup(g)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, zarr.MetadataName), err)
		}
		return &d, compare(d, l.description)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		// Before the top zarr.json only the folder of the lock is made.
		if e.Name() != stimuliGroup && !atomicfile.IsTemp(e.Name(), "*") {
			return nil, fmt.Errorf("the folder is not empty and holds no recording (there is %q); choose another", e.Name())
		}
	}
	return nil, nil
}

// prepare brings the folder into the state of a begun recording. The top zarr.json comes first and fixes what the
// recording is; everything else follows from it, so whatever a killed Create left out is written now.
func (w *Writer) prepare() error {
	tag := "*"
	if w.count > 1 {
		tag = w.tag
	}
	if _, err := atomicfile.RemoveTemp(w.dir, tag); err != nil {
		return err
	}
	path := filepath.Join(w.dir, zarr.MetadataName)
	d, err := w.layout.existing(w.dir)
	if err != nil {
		return err
	}
	if d != nil {
		w.layout.Complete, w.layout.Fingerprint = d.Complete, d.Fingerprint
	} else {
		b, err := w.layout.groupBytes()
		if err != nil {
			return err
		}
		if err := atomicfile.WriteFile(path, b, w.tag); err != nil {
			return err
		}
	}
	metas, err := w.layout.metadata()
	if err != nil {
		return err
	}
	for _, m := range metas {
		if err := w.ensure(m.dir, m.bytes); err != nil {
			return err
		}
	}
	return nil
}

// ensure makes a folder whose zarr.json has exactly the given bytes.
func (w *Writer) ensure(dir string, meta []byte) error {
	path := filepath.Join(dir, zarr.MetadataName)
	if b, err := zarr.ReadFile(path, zarr.MaxMetadataBytes); err == nil && bytes.Equal(b, meta) {
		return nil
	}
	if err := atomicfile.MkdirAll(dir); err != nil {
		return err
	}
	return atomicfile.WriteFile(path, meta, w.tag)
}

// compare says in what a recording that is there differs from the one asked for.
func compare(have, want description) error {
	if have.ManifestHash != want.ManifestHash {
		return fmt.Errorf("%w: the manifests differ: %s", ErrMismatch, differences(have.Manifest, want.Manifest))
	}
	strip := func(d description) []byte {
		d.Manifest, d.ManifestHash, d.Complete, d.Fingerprint = nil, "", false, ""
		b, err := compact(d)
		if err != nil {
			return nil
		}
		return b
	}
	h, t := strip(have), strip(want)
	if !bytes.Equal(h, t) {
		return fmt.Errorf("%w: same manifest, but the contents differ: %s", ErrMismatch, differences(h, t))
	}
	return nil
}
