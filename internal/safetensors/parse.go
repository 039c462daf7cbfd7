package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"unicode/utf8"
)

const (
	metadataKey = "__metadata__"
	notValid    = "the file is not a valid safetensors file: fetch or export it again"
)

// File is a checked safetensors file. It may be read from many goroutines; Close must not run beside them.
type File struct {
	path    string
	tensors map[string]Tensor
	names   []string
	meta    map[string]string
	mapped  []byte       // the whole file where it is a map
	release func() error // unmaps; nil when the bytes belong to the caller
}

// Open maps the file at path and checks it. On systems without memory maps, or where mapping fails, the file is read
// into memory. Close releases it.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{Path: path, Kind: ErrHeader, Detail: "not a regular file (" + info.Mode().Type().String() + ")", Remedy: "give the path of a .safetensors file"}
	}
	// A header that is out of bounds is found before anything is mapped or read.
	var head [8]byte
	n, err := f.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("safetensors: %s: %w", path, err)
	}
	if _, err := headerLen(head[:n], info.Size()); err != nil {
		err.Path = path
		return nil, err
	}
	data, mapped, release, err := load(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("safetensors: %s: %w", path, err)
	}
	file, err := parse(path, data)
	if err != nil {
		return nil, errors.Join(err, release())
	}
	file.release = release
	if mapped {
		file.mapped = data
	}
	return file, nil
}

// Parse checks a whole file that is in memory. The tensors are views of data, which must not change while they are used.
func Parse(data []byte) (*File, error) { return parse("", data) }

// Names returns the tensor names in ascending order.
func (f *File) Names() []string { return slices.Clone(f.names) }

// Lookup returns the tensor called name. Its Data is a view of the file and ends with Close.
func (f *File) Lookup(name string) (Tensor, bool) {
	t, ok := f.tensors[name]
	t.Shape = slices.Clone(t.Shape)
	return t, ok
}

// Metadata returns a copy of the header's "__metadata__" strings; it is empty where there are none.
func (f *File) Metadata() map[string]string {
	if f.meta == nil {
		return map[string]string{}
	}
	return maps.Clone(f.meta)
}

// Release tells the system that the bytes b of a tensor of f are not needed for now, so that a checkpoint that is read
// tensor by tensor is not in this process's memory as a whole. They can be read again at any time. Where the file is not
// mapped it does nothing.
func (f *File) Release(b []byte) { forget(f.mapped, b) }

// Path returns the path given to Open, "" after Parse.
func (f *File) Path() string { return f.path }

// Close releases the map. Tensors of the file must not be used afterwards. Closing twice is harmless.
func (f *File) Close() error {
	release := f.release
	f.release, f.tensors, f.names, f.mapped = nil, nil, nil, nil
	if release == nil {
		return nil
	}
	return release()
}

// headerLen reads the length field from the file's first bytes and compares it with the file's size.
func headerLen(head []byte, size int64) (int64, *Error) {
	if len(head) < 8 {
		return 0, &Error{Kind: ErrTruncated, Detail: strconv.Itoa(len(head)) + " bytes, a header length needs 8", Remedy: "fetch the file again"}
	}
	n := binary.LittleEndian.Uint64(head)
	if n > MaxHeader {
		return 0, &Error{Kind: ErrHeader, Detail: fmt.Sprintf("header of %d bytes, at most %d are read", n, MaxHeader), Remedy: notValid}
	}
	if int64(n) > size-8 {
		return 0, &Error{Kind: ErrTruncated, Detail: fmt.Sprintf("header of %d bytes in a file of %d", n, size), Remedy: "fetch the file again"}
	}
	if n < 2 {
		return 0, &Error{Kind: ErrHeader, Detail: fmt.Sprintf("header of %d bytes, the shortest one is {}", n), Remedy: notValid}
	}
	return int64(n), nil
}

type entry struct {
	name       string
	dtype      string
	shape      []int
	begin, end int64
}

func parse(path string, data []byte) (*File, error) {
	fail := func(e *Error) (*File, error) { e.Path = path; return nil, e }
	n, err := headerLen(data[:min(8, len(data))], int64(len(data)))
	if err != nil {
		return fail(err)
	}
	entries, meta, err := parseHeader(data[8 : 8+n])
	if err != nil {
		return fail(err)
	}
	body := data[8+n:]
	if err := checkLayout(entries, int64(len(body))); err != nil {
		return fail(err)
	}
	f := &File{path: path, meta: meta, tensors: make(map[string]Tensor, len(entries)), names: make([]string, 0, len(entries))}
	for _, e := range entries {
		f.tensors[e.name] = Tensor{Name: e.name, DType: e.dtype, Shape: e.shape, Data: body[e.begin:e.end:e.end]}
		f.names = append(f.names, e.name)
	}
	slices.Sort(f.names)
	return f, nil
}

// checkLayout checks each entry against the buffer's size, then sorts them by offset and checks that they follow one
// another from the first byte to the last.
func checkLayout(entries []entry, size int64) *Error {
	for _, e := range entries {
		want, err := byteLen(e.dtype, e.shape)
		switch {
		case err != nil:
			err.Tensor = e.name
			return err
		case e.begin > e.end:
			return &Error{Tensor: e.name, Kind: ErrOffsets, Detail: fmt.Sprintf("begin %d is after end %d", e.begin, e.end), Remedy: notValid}
		case e.end-e.begin != want:
			return &Error{Tensor: e.name, Kind: ErrShape, Remedy: notValid,
				Detail: fmt.Sprintf("%s %v is %d bytes, offsets [%d, %d] give %d", e.dtype, e.shape, want, e.begin, e.end, e.end-e.begin)}
		}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		switch {
		case a.begin != b.begin:
			return cmp64(a.begin, b.begin)
		case a.end != b.end:
			return cmp64(a.end, b.end)
		}
		return bytes.Compare([]byte(a.name), []byte(b.name))
	})
	at := int64(0)
	for i, e := range entries {
		if e.begin != at {
			what, other := "leaves a hole after", "the start"
			if e.begin < at {
				what = "overlaps"
			}
			if i > 0 {
				other = quoted(entries[i-1].name)
			}
			return &Error{Tensor: e.name, Kind: ErrOffsets, Detail: fmt.Sprintf("begins at %d and %s %s, which ends at %d", e.begin, what, other, at), Remedy: notValid}
		}
		if e.end > size {
			return &Error{Tensor: e.name, Kind: ErrTruncated, Detail: fmt.Sprintf("ends at byte %d of a buffer of %d", e.end, size), Remedy: "fetch the file again"}
		}
		at = e.end
	}
	if at != size {
		return &Error{Kind: ErrTrailing, Detail: fmt.Sprintf("%d of %d data bytes belong to no tensor", size-at, size), Remedy: notValid}
	}
	return nil
}

func cmp64(a, b int64) int {
	if a < b {
		return -1
	}
	return 1
}

// parseHeader walks the JSON token by token. Decoding into a map would keep the last of two equal keys silently.
func parseHeader(raw []byte) ([]entry, map[string]string, *Error) {
	if raw[0] != '{' {
		return nil, nil, &Error{Kind: ErrHeader, Detail: fmt.Sprintf("begins with byte 0x%02x instead of {", raw[0]), Remedy: notValid}
	}
	if !utf8.Valid(raw) {
		return nil, nil, &Error{Kind: ErrHeader, Detail: "not UTF-8", Remedy: notValid}
	}
	h := &header{dec: json.NewDecoder(bytes.NewReader(raw)), seen: map[string]bool{}}
	h.dec.UseNumber()
	if err := h.object("the header", h.top); err != nil {
		return nil, nil, err
	}
	for _, c := range raw[h.dec.InputOffset():] {
		if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return nil, nil, &Error{Kind: ErrHeader, Detail: "text after the closing brace", Remedy: notValid}
		}
	}
	return h.entries, h.meta, nil
}

type header struct {
	dec     *json.Decoder
	seen    map[string]bool
	entries []entry
	meta    map[string]string
}

func bad(format string, args ...any) *Error {
	return &Error{Kind: ErrHeader, Detail: fmt.Sprintf(format, args...), Remedy: notValid}
}

func (h *header) token() (json.Token, *Error) {
	t, err := h.dec.Token()
	if err != nil {
		return nil, bad("JSON at byte %d: %v", h.dec.InputOffset(), err)
	}
	return t, nil
}

// delim reads one token and fails unless it is d.
func (h *header) delim(d json.Delim, what string) *Error {
	t, err := h.token()
	if err == nil && t != d {
		err = bad("%s is %s, not %s", what, shown(t), map[json.Delim]string{'{': "an object", '[': "a list"}[d])
	}
	return err
}

// object reads an object and calls field for each key, which must consume the value.
func (h *header) object(what string, field func(key string) *Error) *Error {
	if err := h.delim('{', what); err != nil {
		return err
	}
	for h.dec.More() {
		t, err := h.token()
		if err != nil {
			return err
		}
		key, ok := t.(string)
		if !ok {
			return bad("%s has the key %s", what, shown(t))
		}
		if err := field(key); err != nil {
			return err
		}
	}
	_, err := h.token()
	return err
}

func (h *header) top(key string) *Error {
	if h.seen[key] {
		return &Error{Tensor: key, Kind: ErrDuplicate, Detail: "two header entries", Remedy: notValid}
	}
	h.seen[key] = true
	if key == metadataKey {
		h.meta = map[string]string{}
		return h.object(metadataKey, func(k string) *Error {
			if _, dup := h.meta[k]; dup {
				return &Error{Tensor: metadataKey, Kind: ErrDuplicate, Detail: "key " + quoted(k), Remedy: notValid}
			}
			v, err := h.str(metadataKey)
			h.meta[k] = v
			return err
		})
	}
	e := entry{name: key}
	fields := map[string]bool{}
	err := h.object("the entry", func(k string) (err *Error) {
		if fields[k] {
			return &Error{Kind: ErrDuplicate, Detail: "field " + quoted(k), Remedy: notValid}
		}
		fields[k] = true
		switch k {
		case "dtype":
			e.dtype, err = h.str(k)
		case "shape":
			e.shape = []int{}
			err = h.list(k, MaxRank, math.MaxInt, func(v int64) { e.shape = append(e.shape, int(v)) })
		case "data_offsets":
			var at []int64
			err = h.list(k, 2, math.MaxInt64, func(v int64) { at = append(at, v) })
			if err == nil && len(at) != 2 {
				err = &Error{Kind: ErrOffsets, Detail: fmt.Sprintf("%d numbers instead of 2", len(at)), Remedy: notValid}
			}
			if err == nil {
				e.begin, e.end = at[0], at[1]
			}
		default:
			err = bad("unknown field %s", quoted(k))
		}
		return err
	})
	if err == nil && len(fields) != 3 {
		err = bad("the entry lacks dtype, shape or data_offsets")
	}
	if err != nil {
		err.Tensor = key
		return err
	}
	h.entries = append(h.entries, e)
	return nil
}

func (h *header) str(what string) (string, *Error) {
	t, err := h.token()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", bad("%s holds %s, not a string", what, shown(t))
	}
	return s, nil
}

// list reads a list of at most most integers between 0 and limit.
func (h *header) list(what string, most int, limit int64, add func(int64)) *Error {
	if err := h.delim('[', what); err != nil {
		return err
	}
	kind := ErrShape
	if what == "data_offsets" {
		kind = ErrOffsets
	}
	for n := 0; h.dec.More(); n++ {
		t, err := h.token()
		if err != nil {
			return err
		}
		num, ok := t.(json.Number)
		if !ok {
			return bad("%s holds %s, not a number", what, shown(t))
		}
		v, perr := strconv.ParseInt(num.String(), 10, 64)
		if perr != nil || v < 0 || v > limit {
			return &Error{Kind: kind, Detail: fmt.Sprintf("%s holds %s, not an integer from 0 to %d", what, clip(num.String()), limit), Remedy: notValid}
		}
		if n == most {
			return &Error{Kind: kind, Detail: fmt.Sprintf("%s has more than %d numbers", what, most), Remedy: notValid}
		}
		add(v)
	}
	_, err := h.token()
	return err
}

func shown(t json.Token) string {
	switch v := t.(type) {
	case string:
		return quoted(v)
	case nil:
		return "null"
	}
	return clip(fmt.Sprint(t))
}

func quoted(s string) string { return strconv.Quote(clip(s)) }
func itoa(n int) string      { return strconv.Itoa(n) }
