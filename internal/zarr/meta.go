package zarr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// MetadataName is the name of the metadata file in the folder of a group or an array.
const MetadataName = "zarr.json"

// ErrMetadata marks metadata that is damaged, or that asks for something this reader does not do.
var ErrMetadata = errors.New("zarr metadata")

func metaErr(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMetadata, fmt.Sprintf(format, args...))
}

// ArrayMeta describes an array.
type ArrayMeta struct {
	Shape      []int
	Chunk      []int // extent of a chunk along each dimension, positive
	DType      DType
	Fill       json.RawMessage // fill value; nil when encoding stands for ZeroFill
	Codecs     []Codec         // nil when encoding stands for the plain serialiser of the type
	Separator  string          // between the numbers of a chunk key, "/" or "."; "" when encoding stands for "/"
	V2Keys     bool            // chunk keys as Zarr version 2 had them: no leading "c"
	Dimensions []string        // dimension names, "" for one without; nil for none at all
	Attributes json.RawMessage // a JSON object; nil stands for {}

	fill []byte
	pipe pipeline
}

// named is the {"name": ..., "configuration": ...} object that the specification uses for every extension point.
type named struct {
	Name          string          `json:"name"`
	Configuration json.RawMessage `json:"configuration,omitempty"`
}

type arrayJSON struct {
	Format     int             `json:"zarr_format"`
	NodeType   string          `json:"node_type"`
	Shape      []int           `json:"shape"`
	DType      DType           `json:"data_type"`
	Grid       named           `json:"chunk_grid"`
	Keys       named           `json:"chunk_key_encoding"`
	Fill       json.RawMessage `json:"fill_value"`
	Codecs     []named         `json:"codecs"`
	Dimensions []*string       `json:"dimension_names,omitempty"`
	Attributes json.RawMessage `json:"attributes"`
}

// Encode gives the bytes of the array's zarr.json.
func (m *ArrayMeta) Encode() ([]byte, error) {
	if err := m.Init(); err != nil {
		return nil, err
	}
	j := arrayJSON{
		Format: 3, NodeType: "array", Shape: m.Shape, DType: m.DType, Fill: m.Fill,
		Grid:       named{"regular", mustJSON(map[string]any{"chunk_shape": m.Chunk})},
		Keys:       named{"default", mustJSON(map[string]any{"separator": m.Separator})},
		Attributes: m.Attributes,
	}
	if m.V2Keys {
		j.Keys.Name = "v2"
	}
	if j.Shape == nil {
		j.Shape = []int{}
	}
	for _, c := range m.Codecs {
		j.Codecs = append(j.Codecs, named(c))
	}
	for i := range m.Dimensions {
		if m.Dimensions[i] == "" {
			j.Dimensions = append(j.Dimensions, nil)
		} else {
			j.Dimensions = append(j.Dimensions, &m.Dimensions[i])
		}
	}
	return indented(j)
}

// ParseArray reads the bytes of an array's zarr.json.
func ParseArray(b []byte) (*ArrayMeta, error) {
	fields, err := objectOf(b, "array", []string{
		"shape", "data_type", "chunk_grid", "chunk_key_encoding", "fill_value", "codecs",
		"dimension_names", "storage_transformers",
	})
	if err != nil {
		return nil, err
	}
	m := &ArrayMeta{Fill: fields["fill_value"], Attributes: fields["attributes"]}
	if m.Shape, err = intsOf(fields["shape"], "shape"); err != nil {
		return nil, err
	}
	if m.DType, err = dtypeOf(fields["data_type"]); err != nil {
		return nil, err
	}
	if err := m.parseGrid(fields["chunk_grid"]); err != nil {
		return nil, err
	}
	if err := m.parseKeys(fields["chunk_key_encoding"]); err != nil {
		return nil, err
	}
	if m.Fill == nil {
		return nil, metaErr("fill_value is missing")
	}
	if err := m.parseCodecs(fields["codecs"]); err != nil {
		return nil, err
	}
	if err := m.parseDimensions(fields["dimension_names"]); err != nil {
		return nil, err
	}
	if t := fields["storage_transformers"]; t != nil {
		var list []json.RawMessage
		if err := json.Unmarshal(t, &list); err != nil || len(list) > 0 {
			return nil, metaErr("storage_transformers %.60s are not supported", t)
		}
	}
	return m, m.Init()
}

func (m *ArrayMeta) parseGrid(raw json.RawMessage) error {
	g, err := namedOf(raw, "chunk_grid")
	if err != nil {
		return err
	}
	if g.Name != "regular" {
		return metaErr("chunk_grid %q is not supported, only \"regular\"", g.Name)
	}
	var c struct {
		ChunkShape json.RawMessage `json:"chunk_shape"`
	}
	if err := json.Unmarshal(orEmpty(g.Configuration), &c); err != nil {
		return metaErr("chunk_grid configuration: %v", err)
	}
	m.Chunk, err = intsOf(c.ChunkShape, "chunk_shape")
	return err
}

func (m *ArrayMeta) parseKeys(raw json.RawMessage) error {
	k, err := namedOf(raw, "chunk_key_encoding")
	if err != nil {
		return err
	}
	switch k.Name {
	case "default":
		m.Separator = "/"
	case "v2":
		m.Separator, m.V2Keys = ".", true
	default:
		return metaErr("chunk_key_encoding %q is not supported", k.Name)
	}
	var c struct {
		Separator *string `json:"separator"`
	}
	if err := json.Unmarshal(orEmpty(k.Configuration), &c); err != nil {
		return metaErr("chunk_key_encoding configuration: %v", err)
	}
	if c.Separator != nil {
		m.Separator = *c.Separator
	}
	return nil
}

func (m *ArrayMeta) parseCodecs(raw json.RawMessage) error {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return metaErr("codecs: want a list, got %.60s", raw)
	}
	if len(list) > MaxCodecs {
		return metaErr("%d codecs, at most %d are read", len(list), MaxCodecs)
	}
	m.Codecs = make([]Codec, 0, len(list))
	for _, r := range list {
		c, err := namedOf(r, "codec")
		if err != nil {
			return err
		}
		m.Codecs = append(m.Codecs, Codec(c))
	}
	return nil
}

func (m *ArrayMeta) parseDimensions(raw json.RawMessage) error {
	if raw == nil || string(raw) == "null" {
		return nil
	}
	var names []*string
	if err := json.Unmarshal(raw, &names); err != nil {
		return metaErr("dimension_names: want strings or null, got %.60s", raw)
	}
	m.Dimensions = make([]string, len(names))
	for i, n := range names {
		if n != nil {
			m.Dimensions[i] = *n
		}
	}
	return nil
}

// Init checks the description and fills in defaults. Encode and ParseArray call it; call it on an ArrayMeta made
// by hand before its chunks are touched.
func (m *ArrayMeta) Init() error {
	if !m.DType.Known() {
		return metaErr("data type %.40q is not supported", m.DType)
	}
	if len(m.Shape) > MaxRank {
		return metaErr("%d dimensions, at most %d are read", len(m.Shape), MaxRank)
	}
	if len(m.Shape) != len(m.Chunk) {
		return metaErr("shape %v and chunk_shape %v differ in rank", m.Shape, m.Chunk)
	}
	if m.Dimensions != nil && len(m.Dimensions) != len(m.Shape) {
		return metaErr("%d dimension_names for %d dimensions", len(m.Dimensions), len(m.Shape))
	}
	size := max(m.DType.Size(), 1)
	elems, inChunk, chunks := 1, 1, 1
	for i, s := range m.Shape {
		c := m.Chunk[i]
		if s < 0 || c < 1 {
			return metaErr("shape %v with chunk_shape %v: extents must be >= 0 and chunks >= 1", m.Shape, m.Chunk)
		}
		var ok1, ok2, ok3 bool
		elems, ok1 = mulMax(elems, max(s, 1), MaxElements)
		inChunk, ok2 = mulMax(inChunk, c, MaxChunkBytes/size)
		chunks, ok3 = mulMax(chunks, max(1, ceilDiv(s, c)), MaxChunks)
		if !ok1 || !ok2 || !ok3 {
			return metaErr("shape %v with chunk_shape %v of %s is above the limits (%d elements, %d bytes a chunk, %d chunks)",
				m.Shape, m.Chunk, m.DType, MaxElements, MaxChunkBytes, MaxChunks)
		}
	}
	if m.Separator == "" {
		m.Separator = "/"
	}
	if m.Separator != "/" && m.Separator != "." {
		return metaErr("chunk key separator %.20q, want \"/\" or \".\"", m.Separator)
	}
	if m.Fill == nil {
		m.Fill = ZeroFill(m.DType)
	}
	var err error
	if m.fill, err = fillBytes(m.DType, m.Fill); err != nil {
		return metaErr("%v", err)
	}
	if m.Attributes == nil {
		m.Attributes = json.RawMessage("{}")
	}
	if !isObject(m.Attributes) {
		return metaErr("attributes must be an object")
	}
	if m.Codecs == nil {
		m.Codecs = Chain(m.DType, 0, false)
	}
	m.pipe, err = newPipeline(m.DType, m.Codecs)
	return err
}

// ChunkLen is the number of elements of a chunk.
func (m *ArrayMeta) ChunkLen() int { return product(m.Chunk) }

// Len is the number of elements of the array.
func (m *ArrayMeta) Len() int { return product(m.Shape) }

// Grid is the number of chunks along each dimension.
func (m *ArrayMeta) Grid() []int {
	g := make([]int, len(m.Shape))
	for i := range g {
		g[i] = ceilDiv(m.Shape[i], m.Chunk[i])
	}
	return g
}

// ChunkKey is the path of a chunk below the array's folder, with "/" between folders ("c/3/0"). idx is the
// position of the chunk in Grid.
func (m *ArrayMeta) ChunkKey(idx ...int) string {
	parts := make([]string, 0, len(idx)+1)
	if !m.V2Keys {
		parts = append(parts, "c")
	}
	for _, i := range idx {
		parts = append(parts, strconv.Itoa(i))
	}
	if len(parts) == 0 {
		return "0"
	}
	return strings.Join(parts, m.Separator)
}

// Group describes a group.
type Group struct {
	Attributes json.RawMessage // a JSON object; nil stands for {}
}

// Encode gives the bytes of the group's zarr.json.
func (g Group) Encode() ([]byte, error) {
	if g.Attributes == nil {
		g.Attributes = json.RawMessage("{}")
	}
	if !isObject(g.Attributes) {
		return nil, metaErr("attributes must be an object")
	}
	return indented(struct {
		Format     int             `json:"zarr_format"`
		NodeType   string          `json:"node_type"`
		Attributes json.RawMessage `json:"attributes"`
	}{3, "group", g.Attributes})
}

// ParseGroup reads the bytes of a group's zarr.json.
func ParseGroup(b []byte) (Group, error) {
	fields, err := objectOf(b, "group", []string{"consolidated_metadata"})
	if err != nil {
		return Group{}, err
	}
	g := Group{Attributes: fields["attributes"]}
	if g.Attributes == nil {
		g.Attributes = json.RawMessage("{}")
	}
	return g, nil
}

// objectOf splits a zarr.json into its fields and checks what groups and arrays share. A field that is neither
// known nor marked "must_understand": false makes the file unreadable, as the specification demands.
func objectOf(b []byte, nodeType string, known []string) (map[string]json.RawMessage, error) {
	if len(b) > MaxMetadataBytes {
		return nil, metaErr("%d bytes, at most %d are read", len(b), MaxMetadataBytes)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		return nil, metaErr("not a JSON object: %v", err)
	}
	if v := string(fields["zarr_format"]); v != "3" {
		return nil, metaErr("zarr_format is %.20q, only 3 is read", v)
	}
	var node string
	if err := json.Unmarshal(orEmpty(fields["node_type"]), &node); err != nil || node != nodeType {
		return nil, metaErr("node_type is %.20s, want %q", fields["node_type"], nodeType)
	}
	for name, raw := range fields {
		if name == "zarr_format" || name == "node_type" || name == "attributes" || slices.Contains(known, name) {
			continue
		}
		var ext struct {
			MustUnderstand *bool `json:"must_understand"`
		}
		if json.Unmarshal(raw, &ext) != nil || ext.MustUnderstand == nil || *ext.MustUnderstand {
			return nil, metaErr("field %.40q is not known and not marked as one that may be ignored", name)
		}
	}
	if a := fields["attributes"]; a != nil && !isObject(a) {
		return nil, metaErr("attributes must be an object")
	}
	return fields, nil
}

func namedOf(raw json.RawMessage, what string) (named, error) {
	var n named
	// The specification allows a bare name for an extension without configuration.
	if json.Unmarshal(orEmpty(raw), &n.Name) == nil {
		return n, nil
	}
	if err := json.Unmarshal(orEmpty(raw), &n); err != nil {
		return n, metaErr("%s: want an object with a name, got %.60s", what, raw)
	}
	if n.Name == "" {
		return n, metaErr("%s has no name", what)
	}
	return n, nil
}

func dtypeOf(raw json.RawMessage) (DType, error) {
	n, err := namedOf(raw, "data_type")
	if err != nil {
		return "", err
	}
	d := DType(n.Name)
	if !d.Known() {
		return "", metaErr("data type %.60s is not supported", raw)
	}
	return d, nil
}

func intsOf(raw json.RawMessage, what string) ([]int, error) {
	var v []int64
	if err := json.Unmarshal(orEmpty(raw), &v); err != nil || v == nil {
		return nil, metaErr("%s: want a list of integers, got %.60s", what, raw)
	}
	out := make([]int, len(v))
	for i, x := range v {
		if x < 0 || x > math.MaxInt {
			return nil, metaErr("%s holds %d", what, x)
		}
		out[i] = int(x)
	}
	return out, nil
}

func orEmpty(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("{}")
	}
	return raw
}

func isObject(raw json.RawMessage) bool {
	var m map[string]json.RawMessage
	return json.Unmarshal(raw, &m) == nil && m != nil
}

func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only maps of ints and strings come here
	}
	return b
}

func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil, metaErr("%v", err)
	}
	return b.Bytes(), nil
}

func product(v []int) int {
	p := 1
	for _, x := range v {
		p *= x
	}
	return p
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// mulMax multiplies two numbers >= 0 and says whether the product is at most limit.
func mulMax(a, b, limit int) (int, bool) {
	if a != 0 && b > limit/a {
		return 0, false
	}
	return a * b, true
}
