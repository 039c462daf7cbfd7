package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ventral-lab/ventral/internal/atomicfile"
)

// Entry is a tensor that is made while it is written.
type Entry struct {
	Name  string
	DType string
	Shape []int
	// Pieces yields the bytes in order, and as its last an error where they cannot be made. A piece is valid until the next.
	Pieces iter.Seq2[[]byte, error]
}

// Write writes tensors and, where meta is not empty, its strings as "__metadata__".
//
// Header entries are in name order. Data is in order of falling element size, then name, so that every tensor starts
// at a multiple of its element size; the header is padded with spaces to a multiple of eight for the same reason.
// An error names the tensor: a name twice, empty, reserved or not UTF-8, an unknown dtype, a shape that disagrees
// with the bytes. Nothing is written in that case.
func Write(w io.Writer, tensors []Tensor, meta map[string]string) error {
	entries := make([]Entry, len(tensors))
	for i, t := range tensors {
		if err := writable(t.Name, t.DType, t.Shape, int64(len(t.Data))); err != nil {
			return err
		}
		entries[i] = Entry{t.Name, t.DType, t.Shape, func(yield func([]byte, error) bool) { yield(t.Data, nil) }}
	}
	return WriteStream(w, entries, meta)
}

// WriteStream is Write for tensors that are made while they are written, so that none is in memory as a whole. An error of
// an entry, or an entry that yields more or fewer bytes than its shape says, ends it with the tensor's name; what was
// written until then is not a file.
func WriteStream(w io.Writer, entries []Entry, meta map[string]string) error {
	byName := slices.Clone(entries)
	slices.SortStableFunc(byName, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	for i, t := range byName {
		if err := writable(t.Name, t.DType, t.Shape, -1); err != nil {
			return err
		}
		if i > 0 && byName[i-1].Name == t.Name {
			return &Error{Tensor: t.Name, Kind: ErrDuplicate, Detail: "two tensors of this name were given", Remedy: "rename or drop one"}
		}
	}
	data := slices.Clone(byName)
	slices.SortStableFunc(data, func(a, b Entry) int { return ItemSize(b.DType) - ItemSize(a.DType) })
	begin := make(map[string]int64, len(data))
	at := int64(0)
	for _, t := range data {
		begin[t.Name] = at
		if at += t.size(); at < 0 {
			return &Error{Tensor: t.Name, Kind: ErrShape, Detail: "all tensors together have more than 2^63 bytes", Remedy: "write fewer tensors to one file"}
		}
	}
	header, err := encodeHeader(byName, begin, meta)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return fmt.Errorf("safetensors: writing the header: %w", err)
	}
	for _, t := range data {
		left := t.size()
		for piece, err := range t.Pieces {
			if err != nil {
				return fmt.Errorf("safetensors: tensor %q: %w", t.Name, err)
			}
			if left -= int64(len(piece)); left < 0 {
				break
			}
			if _, err := w.Write(piece); err != nil {
				return fmt.Errorf("safetensors: writing tensor %q: %w", t.Name, err)
			}
		}
		if left != 0 {
			return &Error{Tensor: t.Name, Kind: ErrShape, Detail: fmt.Sprintf("%s %v is %d bytes, %d came", t.DType, t.Shape, t.size(), t.size()-left), Remedy: "give the shape and dtype of the data"}
		}
	}
	return nil
}

// size is the number of bytes of an entry that is writable.
func (t Entry) size() int64 {
	n, err := byteLen(t.DType, t.Shape)
	if err != nil {
		return 0
	}
	return n
}

// writable says why a tensor cannot be written. n is the number of its bytes, where it is known, else -1.
func writable(name, dtype string, shape []int, n int64) error {
	switch {
	case name == "" || name == metadataKey:
		return &Error{Tensor: name, Kind: ErrHeader, Detail: "the name " + quoted(name) + " is reserved", Remedy: "rename the tensor"}
	case !utf8.ValidString(name):
		return &Error{Tensor: name, Kind: ErrHeader, Detail: "the name is not UTF-8", Remedy: "rename the tensor"}
	}
	want, err := byteLen(dtype, shape)
	if err == nil && n >= 0 && want != n {
		err = &Error{Kind: ErrShape, Detail: fmt.Sprintf("%s %v is %d bytes, Data has %d", dtype, shape, want, n), Remedy: "give the shape and dtype of the data"}
	}
	if err != nil {
		err.Tensor = name
		return err
	}
	return nil
}

// encodeHeader returns the length field and the padded JSON.
func encodeHeader(byName []Entry, begin map[string]int64, meta map[string]string) ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 8, 64+128*len(byName)))
	b.WriteByte('{')
	if len(meta) > 0 {
		b.WriteString(`"` + metadataKey + `":{`)
		for i, k := range slices.Sorted(maps.Keys(meta)) {
			if !utf8.ValidString(k) || !utf8.ValidString(meta[k]) {
				return nil, &Error{Kind: ErrHeader, Detail: "metadata " + quoted(k) + " is not UTF-8", Remedy: "encode it, for example as base64"}
			}
			comma(b, i)
			b.Write(jsonString(k))
			b.WriteByte(':')
			b.Write(jsonString(meta[k]))
		}
		b.WriteByte('}')
		if len(byName) > 0 {
			b.WriteByte(',')
		}
	}
	for i, t := range byName {
		comma(b, i)
		b.Write(jsonString(t.Name))
		b.WriteString(`:{"dtype":"` + t.DType + `","shape":[`)
		for j, d := range t.Shape {
			comma(b, j)
			b.WriteString(itoa(d))
		}
		fmt.Fprintf(b, `],"data_offsets":[%d,%d]}`, begin[t.Name], begin[t.Name]+t.size())
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	n := b.Len() - 8
	if n > MaxHeader {
		return nil, &Error{Kind: ErrHeader, Detail: fmt.Sprintf("the header would have %d bytes, at most %d can be read back", n, MaxHeader), Remedy: "write fewer tensors or less metadata to one file"}
	}
	binary.LittleEndian.PutUint64(b.Bytes(), uint64(n))
	return b.Bytes(), nil
}

func comma(b *bytes.Buffer, i int) {
	if i > 0 {
		b.WriteByte(',')
	}
}

// jsonString quotes valid UTF-8 without the HTML escapes of json.Marshal.
func jsonString(s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err) // a string always encodes, a bytes.Buffer always accepts
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// WriteFile writes a file at path as Write does: to a temporary name in the same folder, synced, then renamed, so that
// path is at every moment absent, the old file or the whole new one.
func WriteFile(path string, tensors []Tensor, meta map[string]string) error {
	return whole(path, func(w io.Writer) error { return Write(w, tensors, meta) })
}

// WriteStreamFile is WriteFile for tensors that are made while they are written.
func WriteStreamFile(path string, entries []Entry, meta map[string]string) error {
	return whole(path, func(w io.Writer) error { return WriteStream(w, entries, meta) })
}

func whole(path string, write func(io.Writer) error) error {
	f, err := atomicfile.Create(path, "safetensors")
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	defer f.Abort()
	if err := write(f); err != nil {
		return fmt.Errorf("safetensors: %s: %w", path, err)
	}
	return f.Commit()
}
