package recording

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/ventral-lab/ventral/internal/zarr"
)

// formatVersion is the version of the layout below. A reader refuses a higher one.
const formatVersion = 1

// description is what the attributes of the top group say under the key "ventral".
type description struct {
	Kind         string          `json:"kind"` // "recording"
	Format       int             `json:"format"`
	Manifest     json.RawMessage `json:"manifest"`
	ManifestHash string          `json:"manifest_hash"`
	Length       int             `json:"length"` // number of stimuli
	Chunk        int             `json:"chunk"`  // stimuli in a chunk
	Zstd         int             `json:"zstd"`   // compression level, 0 for none
	Arrays       []ArraySpec     `json:"arrays"`
	Columns      []Column        `json:"columns"`
	Complete     bool            `json:"complete"`
	// Fingerprint is the SHA-256 over the checksums of all chunks, set with Complete.
	Fingerprint string `json:"fingerprint,omitempty"`
}

type attributes struct {
	Ventral *description `json:"ventral"`
}

// layout is the description with everything that follows from it: every array's metadata and place.
type layout struct {
	description
	dir      string
	manifest Manifest

	arrays []*zarr.Array // of description.Arrays
	labels []*zarr.Array // of description.Columns
	id     *zarr.Array
	hash   *zarr.Array
	note   *zarr.Array
	status *zarr.Array // its chunks are written last
}

// metaFile is a zarr.json below the top one, which follows from the description.
type metaFile struct {
	dir   string
	bytes []byte
}

// metadata lists the zarr.json of all groups and arrays below the top group.
func (l *layout) metadata() ([]metaFile, error) {
	var out []metaFile
	for _, a := range l.all() {
		b, err := a.Meta.Encode()
		if err != nil {
			return nil, err
		}
		out = append(out, metaFile{a.Dir, b})
	}
	b, err := zarr.Group{}.Encode()
	if err != nil {
		return nil, err
	}
	return append(out, metaFile{filepath.Join(l.dir, stimuliGroup), b}, metaFile{filepath.Join(l.dir, labelsGroup), b}), nil
}

// newLayout checks a description and places it in dir. Nothing is read or written.
func newLayout(dir string, d description) (*layout, error) {
	l := &layout{description: d, dir: dir}
	var err error
	if err := json.Unmarshal(d.Manifest, &l.manifest); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if l.Arrays, l.Columns, err = checkSpecs(d.Arrays, d.Columns); err != nil {
		return nil, err
	}
	if d.Length < 1 || d.Chunk < 1 || d.Chunk > d.Length {
		return nil, fmt.Errorf("%d stimuli in chunks of %d: want at least 1 of each and no chunk above the whole", d.Length, d.Chunk)
	}
	if d.Zstd < 0 || d.Zstd > 22 {
		return nil, fmt.Errorf("zstd level %d, want 0 (none) to 22", d.Zstd)
	}
	place := func(dtype zarr.DType, shape []int, axes []string, attrs any, path ...string) *zarr.Array {
		if err != nil {
			return nil
		}
		m := &zarr.ArrayMeta{
			Shape:      append([]int{d.Length}, shape...),
			Chunk:      append([]int{d.Chunk}, shape...),
			DType:      dtype,
			Dimensions: append([]string{"stimulus"}, axes...),
			Codecs:     zarr.Chain(dtype, d.Zstd, true),
		}
		for len(m.Dimensions) < len(m.Shape) {
			m.Dimensions = append(m.Dimensions, "")
		}
		if m.Attributes, err = compact(attrs); err != nil {
			return nil
		}
		if err = m.Init(); err != nil {
			err = fmt.Errorf("array %q: %w", filepath.Join(path...), err)
			return nil
		}
		return &zarr.Array{Dir: filepath.Join(append([]string{dir}, path...)...), Meta: m}
	}
	for _, a := range l.Arrays {
		l.arrays = append(l.arrays, place(arrayTypes[a.DType], a.Shape, a.Axes,
			map[string]string{"site": a.Site, "reduction": a.Reduction}, a.Name))
	}
	for _, c := range l.Columns {
		l.labels = append(l.labels, place(columnTypes[c.Kind], nil, nil,
			map[string]string{"kind": c.Kind, "unit": c.Unit, "doc": c.Doc}, labelsGroup, c.Name))
	}
	none := struct{}{}
	l.id = place(zarr.String, nil, nil, none, stimuliGroup, "id")
	l.hash = place(zarr.String, nil, nil, none, stimuliGroup, "content_hash")
	l.note = place(zarr.String, nil, nil, none, stimuliGroup, "message")
	// Codes and their meanings as the CF conventions write them (section 3.5, flags).
	l.status = place(zarr.Uint8, nil, nil, map[string]any{
		"flag_values": []int{0, 1, 2, 3}, "flag_meanings": "missing ok corrupt skipped",
	}, stimuliGroup, "status")
	if err == nil {
		l.status.Meta.Codecs = zarr.Chain(zarr.Uint8, 0, true) // a byte a row: never worth packing
		err = l.status.Meta.Init()
	}
	return l, err
}

// all lists every array of the recording, in the order of their files: recorded, labels, table; status last.
func (l *layout) all() []*zarr.Array {
	out := make([]*zarr.Array, 0, len(l.arrays)+len(l.labels)+4)
	out = append(out, l.arrays...)
	out = append(out, l.labels...)
	return append(out, l.id, l.hash, l.note, l.status)
}

// chunks is the number of chunks.
func (l *layout) chunks() int { return (l.Length + l.Chunk - 1) / l.Chunk }

// rows is the range of rows of chunk k.
func (l *layout) rows(k int) (lo, hi int) { return k * l.Chunk, min((k+1)*l.Chunk, l.Length) }

// chunkPath is the file of chunk k of an array: chunked along the first axis only.
func chunkPath(a *zarr.Array, k int) string { return a.ChunkPath(chunkIndex(a, k)...) }

func chunkIndex(a *zarr.Array, k int) []int {
	idx := make([]int, len(a.Meta.Shape))
	idx[0] = k
	return idx
}

// checkChunk reads chunk k of one array from the disk and checks size, checksum and structure.
func checkChunk(a *zarr.Array, k int) error {
	var err error
	if a.Meta.DType == zarr.String {
		_, err = a.ReadStrings(chunkIndex(a, k)...)
	} else {
		_, err = a.ReadChunk(chunkIndex(a, k)...)
	}
	return err
}

// statusChunk reads the codes of chunk k, without the padding of the last chunk.
func (l *layout) statusChunk(k int) ([]byte, error) {
	raw, err := l.status.ReadChunk(k)
	if err != nil {
		return nil, err
	}
	lo, hi := l.rows(k)
	for i, c := range raw {
		if inside := i < hi-lo; inside != (c != 0) || int(c) >= len(statuses) {
			return nil, fmt.Errorf("read %s: %w: row %d has status code %d", chunkPath(l.status, k), zarr.ErrCorrupt, lo+i, c)
		}
	}
	return raw[:hi-lo], nil
}

// groupBytes gives the zarr.json of the top group.
func (l *layout) groupBytes() ([]byte, error) {
	a, err := compact(attributes{&l.description})
	if err != nil {
		return nil, err
	}
	return zarr.Group{Attributes: a}.Encode()
}

// parseGroup reads the description back from the zarr.json of the top group.
func parseGroup(g zarr.Group) (description, error) {
	var a attributes
	if err := json.Unmarshal(g.Attributes, &a); err != nil {
		return description{}, fmt.Errorf("attributes: %w", err)
	}
	if a.Ventral == nil || a.Ventral.Kind != "recording" {
		return description{}, fmt.Errorf("a Zarr group, but not a recording: no attribute \"ventral\" of kind \"recording\"")
	}
	d := *a.Ventral
	if d.Format < 1 || d.Format > formatVersion {
		return description{}, fmt.Errorf("recording format %d; this version reads up to %d", d.Format, formatVersion)
	}
	var m Manifest
	if err := json.Unmarshal(d.Manifest, &m); err != nil {
		return description{}, fmt.Errorf("manifest: %w", err)
	}
	c, err := m.canonical()
	if err != nil {
		return description{}, err
	}
	d.Manifest = c
	if h := m.Hash(); h != d.ManifestHash {
		return description{}, fmt.Errorf("manifest was changed: its hash is %s, the recording says %s", h, d.ManifestHash)
	}
	return d, nil
}
