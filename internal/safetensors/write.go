package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ventral-lab/ventral/internal/atomicfile"
)

// Write writes tensors and, where meta is not empty, its strings as "__metadata__".
//
// Header entries are in name order. Data is in order of falling element size, then name, so that every tensor starts
// at a multiple of its element size; the header is padded with spaces to a multiple of eight for the same reason.
// An error names the tensor: a name twice, empty, reserved or not UTF-8, an unknown dtype, a shape that disagrees
// with the bytes. Nothing is written in that case.
func Write(w io.Writer, tensors []Tensor, meta map[string]string) error {
	byName := slices.Clone(tensors)
	slices.SortStableFunc(byName, func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) })
	for i, t := range byName {
		if err := writable(t); err != nil {
			return err
		}
		if i > 0 && byName[i-1].Name == t.Name {
			return &Error{Tensor: t.Name, Kind: ErrDuplicate, Detail: "two tensors of this name were given", Remedy: "rename or drop one"}
		}
	}
	data := slices.Clone(byName)
	slices.SortStableFunc(data, func(a, b Tensor) int { return ItemSize(b.DType) - ItemSize(a.DType) })
	begin := make(map[string]int64, len(data))
	at := int64(0)
	for _, t := range data {
		begin[t.Name] = at
		at += int64(len(t.Data))
	}
	header, err := encodeHeader(byName, begin, meta)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return fmt.Errorf("safetensors: writing the header: %w", err)
	}
	for _, t := range data {
		if _, err := w.Write(t.Data); err != nil {
			return fmt.Errorf("safetensors: writing tensor %q: %w", t.Name, err)
		}
	}
	return nil
}

func writable(t Tensor) error {
	switch {
	case t.Name == "" || t.Name == metadataKey:
		return &Error{Tensor: t.Name, Kind: ErrHeader, Detail: "the name " + quoted(t.Name) + " is reserved", Remedy: "rename the tensor"}
	case !utf8.ValidString(t.Name):
		return &Error{Tensor: t.Name, Kind: ErrHeader, Detail: "the name is not UTF-8", Remedy: "rename the tensor"}
	}
	want, err := byteLen(t.DType, t.Shape)
	if err == nil && want != int64(len(t.Data)) {
		err = &Error{Kind: ErrShape, Detail: fmt.Sprintf("%s %v is %d bytes, Data has %d", t.DType, t.Shape, want, len(t.Data)), Remedy: "give the shape and dtype of the data"}
	}
	if err != nil {
		err.Tensor = t.Name
		return err
	}
	return nil
}

// encodeHeader returns the length field and the padded JSON.
func encodeHeader(byName []Tensor, begin map[string]int64, meta map[string]string) ([]byte, error) {
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
		fmt.Fprintf(b, `],"data_offsets":[%d,%d]}`, begin[t.Name], begin[t.Name]+int64(len(t.Data)))
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
	f, err := atomicfile.Create(path, "safetensors")
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	defer f.Abort()
	if err := Write(f, tensors, meta); err != nil {
		return fmt.Errorf("safetensors: %s: %w", path, err)
	}
	return f.Commit()
}
