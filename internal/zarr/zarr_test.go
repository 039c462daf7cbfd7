package zarr

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var allTypes = []DType{Bool, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64, Float16, Float32, Float64}

// counting gives 0, 1, 2, ... n-1 as elements of a type; for bool whether the number is odd.
func counting(d DType, n int) []byte {
	var b []byte
	for i := range n {
		switch d {
		case Bool:
			b = append(b, byte(i%2))
		case Float16:
			h := []uint16{0, 0x3c00, 0x4000, 0x4200, 0x4400}[i] // 0 ... 4
			b = binary.LittleEndian.AppendUint16(b, h)
		case Float32:
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(i)))
		case Float64:
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(i)))
		default:
			b = append(b, binary.LittleEndian.AppendUint64(nil, uint64(i))[:d.Size()]...)
		}
	}
	return b
}

func TestReadWhatPythonWrote(t *testing.T) {
	type ref struct {
		name  string
		dtype DType
		shape []int
	}
	var refs []ref
	for _, d := range allTypes {
		refs = append(refs, ref{string(d), d, []int{5}})
	}
	flat := []int{5, 7}
	refs = append(refs, ref{"gzip", Int16, flat}, ref{"zstd", Float64, flat}, ref{"zstd_checksum", Float64, []int{9}},
		ref{"crc", Float32, flat}, ref{"zstd_crc", Float32, flat}, ref{"crc_zstd", Float32, flat}, ref{"big", Int32, flat},
		ref{"dots", Int32, flat}, ref{"v2keys", Int32, flat}, ref{"scalar", Float64, []int{}}, ref{"rank4", Int32, []int{3, 2, 5, 4}})
	for _, r := range refs {
		a, err := OpenArray("testdata/python.zarr/" + r.name)
		if err != nil {
			t.Errorf("%s: %v", r.name, err)
			continue
		}
		if a.Meta.DType != r.dtype || !reflect.DeepEqual(a.Meta.Shape, r.shape) {
			t.Errorf("%s: %s %v, want %s %v", r.name, a.Meta.DType, a.Meta.Shape, r.dtype, r.shape)
		}
		got, err := a.ReadAll()
		if err != nil {
			t.Errorf("%s: %v", r.name, err)
			continue
		}
		if want := counting(r.dtype, product(r.shape)); !bytes.Equal(got, want) {
			t.Errorf("%s: elements %x, want %x", r.name, got, want)
		}
	}
}

func TestReadHolesAndText(t *testing.T) {
	open := func(name string) *Array {
		a, err := OpenArray("testdata/python.zarr/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	raw, err := open("holes").ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var vals []string
	for i := 0; i < len(raw); i += 4 {
		vals = append(vals, fmt.Sprint(math.Float32frombits(binary.LittleEndian.Uint32(raw[i:]))))
	}
	if got := strings.Join(vals, " "); got != "NaN NaN 2 3 NaN NaN" {
		t.Errorf("holes: %s", got)
	}
	raw, err = open("filled").ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var ints []int64
	for i := 0; i < len(raw); i += 8 {
		ints = append(ints, int64(binary.LittleEndian.Uint64(raw[i:])))
	}
	if want := []int64{-7, -7, -7, -7, -7, -7, -7, -7, 8, 9}; !reflect.DeepEqual(ints, want) {
		t.Errorf("filled: %v", ints)
	}
	text, err := open("text").ReadAllStrings()
	if want := []string{"a", "bé\n", "none", "none", "日本 🙂"}; err != nil || !reflect.DeepEqual(text, want) {
		t.Errorf("text: %q, %v", text, err)
	}
	if got := open("rank4").Meta; !reflect.DeepEqual(got.Dimensions, []string{"stimulus", "", "y", "x"}) || !strings.Contains(string(got.Attributes), "a.b") {
		t.Errorf("rank4: %+v", got)
	}
	g, err := OpenGroup("testdata/python.zarr")
	if err != nil {
		t.Fatal(err)
	}
	var attrs map[string]any
	if err := json.Unmarshal(g.Attributes, &attrs); err != nil || attrs["who"] != "zarr-python" {
		t.Errorf("attributes %s", g.Attributes)
	}
	if _, err := OpenGroup("testdata/consolidated.zarr"); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"blosc": `codec "blosc" is not supported`, "shards": "sharding_indexed"} {
		if _, err := OpenArray("testdata/python.zarr/" + name); !errors.Is(err, ErrMetadata) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := open("holes").ReadChunk(0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a chunk that is not there: %v", err)
	}
	if _, err := open("holes").ReadChunk(3); err == nil {
		t.Error("read a chunk outside the grid")
	}
}

// TestRoundTrip: what is encoded decodes to the same bytes, for every type and chain, any bit pattern.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	chain := func(codecs ...string) []Codec {
		var c []Codec
		for _, s := range codecs {
			name, cfg, _ := strings.Cut(s, " ")
			c = append(c, Codec{Name: name, Configuration: json.RawMessage(cfg)})
		}
		return c
	}
	little, big := `bytes {"endian":"little"}`, `bytes {"endian":"big"}`
	chains := [][]Codec{nil, chain(little), chain(big), chain(little, "crc32c {}"), chain(big, `zstd {"level":3}`, "crc32c {}"),
		chain(little, "crc32c {}", `gzip {"level":1}`), chain(little, `zstd {"level":19}`, `gzip {"level":9}`, "crc32c {}")}
	for _, d := range allTypes {
		for i, c := range chains {
			m := &ArrayMeta{Shape: []int{10, 3}, Chunk: []int{4, 3}, DType: d, Codecs: c}
			b, err := m.Encode()
			if err != nil {
				t.Fatal(err)
			}
			m, err = ParseArray(b)
			if err != nil {
				t.Fatalf("%s, chain %d: %v\n%s", d, i, err, b)
			}
			raw := make([]byte, m.ChunkLen()*d.Size())
			for j := range raw {
				raw[j] = byte(r.UintN(256))
				if d == Bool {
					raw[j] &= 1
				}
			}
			enc, err := m.EncodeChunk(bytes.Clone(raw))
			if err != nil {
				t.Fatal(err)
			}
			got, err := m.DecodeChunk(bytes.Clone(enc))
			if err != nil || !bytes.Equal(got, raw) {
				t.Errorf("%s, chain %d: %x (%v), want %x", d, i, got, err, raw)
			}
			if size, fixed := m.FixedSize(); fixed && size != len(enc) {
				t.Errorf("%s, chain %d: %d bytes, FixedSize says %d", d, i, len(enc), size)
			}
		}
	}
}

// TestEveryFlippedBitIsSeen: with the chain of recordings no single flipped bit and no truncation goes unnoticed.
func TestEveryFlippedBitIsSeen(t *testing.T) {
	for _, level := range []int{0, 3} {
		m := &ArrayMeta{Shape: []int{8}, Chunk: []int{8}, DType: Float32, Codecs: Chain(Float32, level, true)}
		if err := m.Init(); err != nil {
			t.Fatal(err)
		}
		enc, err := m.EncodeChunk(counting(Float32, 8))
		if err != nil {
			t.Fatal(err)
		}
		for bit := range 8 * len(enc) {
			bad := bytes.Clone(enc)
			bad[bit/8] ^= 1 << (bit % 8)
			if _, err := m.DecodeChunk(bad); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("zstd %d, bit %d: %v", level, bit, err)
			}
		}
		for n := range enc {
			if _, err := m.DecodeChunk(bytes.Clone(enc[:n])); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("zstd %d, cut to %d: %v", level, n, err)
			}
		}
	}
}

// TestCRC32C checks the codec against the vector of RFC 3720, appendix B.4: 32 bytes of zeros.
func TestCRC32C(t *testing.T) {
	m := &ArrayMeta{Shape: []int{32}, Chunk: []int{32}, DType: Uint8, Codecs: Chain(Uint8, 0, true)}
	if err := m.Init(); err != nil {
		t.Fatal(err)
	}
	b, err := m.EncodeChunk(make([]byte, 32))
	if err != nil || !bytes.Equal(b[32:], []byte{0xaa, 0x36, 0x91, 0x8a}) {
		t.Errorf("%x, %v", b[32:], err)
	}
}

func TestStrings(t *testing.T) {
	m := &ArrayMeta{Shape: []int{3}, Chunk: []int{3}, DType: String, Codecs: Chain(String, 0, false)}
	if err := m.Init(); err != nil {
		t.Fatal(err)
	}
	in := []string{"", "é", "a\x00b"}
	b, err := m.EncodeStrings(in)
	if err != nil {
		t.Fatal(err)
	}
	want := "\x03\x00\x00\x00" + "\x00\x00\x00\x00" + "\x02\x00\x00\x00é" + "\x03\x00\x00\x00a\x00b"
	if string(b) != want {
		t.Errorf("%q, want %q", b, want)
	}
	if got, err := m.DecodeStrings(b); err != nil || !reflect.DeepEqual(got, in) {
		t.Errorf("%q, %v", got, err)
	}
	for name, bad := range map[string]string{
		"empty": "", "count": "\x02\x00\x00\x00\x00\x00\x00\x00", "more": want + "x", "cut": want[:len(want)-1],
		"count only": "\x03\x00\x00\x00", "long": "\x03\x00\x00\x00\xff\xff\xff\xff" + strings.Repeat("\x00", 20),
		"utf8": "\x03\x00\x00\x00\x01\x00\x00\x00\xff" + strings.Repeat("\x00", 8), "no length": want[:13],
	} {
		if _, err := m.DecodeStrings([]byte(bad)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := m.EncodeStrings([]string{"\xff", "", ""}); err == nil {
		t.Error("a string that is not UTF-8 was written")
	}
	if _, err := m.EncodeStrings([]string{"a"}); err == nil {
		t.Error("a short chunk was written")
	}
}

func TestFillValues(t *testing.T) {
	for _, c := range []struct {
		d    DType
		raw  string
		want string // hexadecimal, little-endian; "" for an error
	}{
		{Bool, "true", "01"}, {Bool, "false", "00"}, {Bool, "1", ""},
		{Int8, "-128", "80"}, {Int8, "128", ""}, {Int8, "1.0", ""}, {Int8, `"1"`, ""}, {Uint8, "255", "ff"}, {Uint8, "-1", ""},
		{Int64, "-9223372036854775808", "0000000000000080"}, {Uint64, "18446744073709551615", "ffffffffffffffff"},
		{Float32, "1.5", "0000c03f"}, {Float32, `"NaN"`, "0000c07f"}, {Float32, `"0x7fc00001"`, "0100c07f"}, {Float32, `"0x7fc0"`, ""},
		{Float64, `"-Infinity"`, "000000000000f0ff"}, {Float64, `"Infinity"`, "000000000000f07f"}, {Float64, `"nan"`, ""}, {Float64, "null", ""},
		{Float16, `"NaN"`, "007e"}, {Float16, "0.0", "0000"}, {Float16, "-0.0", "0080"}, {Float16, `"-Infinity"`, "00fc"}, {Float16, `"0x3c00"`, "003c"}, {Float16, "0.1", ""},
		{String, `"x"`, "78"}, {String, "0", ""},
	} {
		b, err := fillBytes(c.d, json.RawMessage(c.raw))
		if got := fmt.Sprintf("%x", b); (c.want == "") != (err != nil) || got != c.want {
			t.Errorf("%s %s: %s, %v; want %s", c.d, c.raw, got, err, c.want)
		}
	}
}

const goodMeta = `{"zarr_format":3,"node_type":"array","shape":[5,7],"data_type":"int16",
"chunk_grid":{"name":"regular","configuration":{"chunk_shape":[2,3]}},
"chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},
"fill_value":0,"codecs":[{"name":"bytes","configuration":{"endian":"little"}}],"attributes":{}}`

func TestBadMetadata(t *testing.T) {
	if _, err := ParseArray([]byte(goodMeta)); err != nil {
		t.Fatal(err)
	}
	if _, err := ParseArray([]byte(strings.Replace(goodMeta, `"attributes"`, `"extra":{"must_understand":false},"attributes"`, 1))); err != nil {
		t.Errorf("a field that may be ignored: %v", err)
	}
	for _, c := range []struct{ old, new, want string }{
		{`"zarr_format":3`, `"zarr_format":2`, "zarr_format"},
		{`"node_type":"array"`, `"node_type":"group"`, "node_type"},
		{`[5,7]`, `[5]`, "rank"},
		{`[5,7]`, `[5,-7]`, "-7"},
		{`[5,7]`, `[5,7.5]`, "integers"},
		{`[5,7]`, `null`, "integers"},
		{`[5,7]`, `[4611686018427387904,7]`, "limits"},
		{`[5,7]`, `[4503599627370495,1]`, "limits"},
		{`[2,3]`, `[2,0]`, "chunks >= 1"},
		{`[2,3]`, `[65536,65536]`, "limits"},
		{`int16`, `complex64`, "complex64"},
		{`"int16"`, `{"name":"numpy.datetime64","configuration":{}}`, "datetime64"},
		{`"regular"`, `"rectangular"`, "rectangular"},
		{`"default"`, `"morton"`, "morton"},
		{`"separator":"/"`, `"separator":"../"`, "separator"},
		{`"fill_value":0,`, ``, "fill_value"},
		{`"fill_value":0`, `"fill_value":70000`, "70000"},
		{`{"name":"bytes","configuration":{"endian":"little"}}`, ``, "empty"},
		{`{"endian":"little"}`, `{}`, "endian"},
		{`{"endian":"little"}`, `{"endian":"middle"}`, "middle"},
		{`{"endian":"little"}`, `7`, "bytes"},
		{`{"name":"bytes"`, `{"name":"crc32c"},{"name":"bytes"`, "first"},
		{`"bytes"`, `"vlen-utf8"`, "vlen-utf8"},
		{`"attributes":{}`, `"attributes":[]`, "attributes"},
		{`"attributes":{}`, `"attributes":{},"dimension_names":["a"]`, "dimension_names"},
		{`"attributes":{}`, `"attributes":{},"storage_transformers":[{"name":"x"}]`, "storage_transformers"},
		{`"attributes":{}`, `"attributes":{},"extra":{"must_understand":true}`, "extra"},
		{`"attributes":{}`, `"attributes":{},"extra":1`, "extra"},
		{`"attributes":{}}`, `"attributes":{}`, "JSON"},
	} {
		b := strings.Replace(goodMeta, c.old, c.new, 1)
		if b == goodMeta {
			t.Fatalf("%s is not in the metadata", c.old)
		}
		if _, err := ParseArray([]byte(b)); !errors.Is(err, ErrMetadata) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s -> %s: %v, want an error with %q", c.old, c.new, err, c.want)
		}
	}
}

// TestBombs: sizes that a file only claims are not allocated.
func TestBombs(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// 2 TB of float64 with one tiny chunk: more than there is anything for.
	m := &ArrayMeta{Shape: []int{1 << 38}, Chunk: []int{1 << 20}, DType: Float64, Codecs: Chain(Float64, 3, true)}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	write("big/zarr.json", b)
	// 64 MiB of zeros in a few KB where 80 bytes are asked for. The decoder's window is 8 MiB at this level.
	z, err := zstdEncoder(3)
	if err != nil {
		t.Fatal(err)
	}
	small := &ArrayMeta{Shape: []int{10}, Chunk: []int{10}, DType: Float64, Codecs: Chain(Float64, 3, false)}
	if b, err = small.Encode(); err != nil {
		t.Fatal(err)
	}
	bomb := z.EncodeAll(make([]byte, 64<<20), nil)
	write("bomb/zarr.json", b)
	write("bomb/c/0", bomb)
	a, err := OpenArray(filepath.Join(dir, "bomb"))
	if err != nil {
		t.Fatal(err)
	}
	r := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := a.ReadAll(); !errors.Is(err, ErrCorrupt) {
				b.Fatal(err)
			}
		}
	})
	if r.AllocedBytesPerOp() > 16<<20 {
		t.Errorf("%d bytes allocated for a chunk of 80", r.AllocedBytesPerOp())
	}
	// A fixed-size chunk file that is too long is refused before it is read.
	plain := &ArrayMeta{Shape: []int{10}, Chunk: []int{10}, DType: Float64}
	if b, err = plain.Encode(); err != nil {
		t.Fatal(err)
	}
	write("long/zarr.json", b)
	write("long/c/0", make([]byte, 81))
	if a, err = OpenArray(filepath.Join(dir, "long")); err != nil {
		t.Fatal(err)
	}
	if _, err := a.ReadAll(); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "81 bytes") {
		t.Error(err)
	}
}

func TestReadAllNeedsBacking(t *testing.T) {
	dir := t.TempDir()
	m := &ArrayMeta{Shape: []int{1 << 33}, Chunk: []int{1 << 27}, DType: Float64}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, MetadataName), b, 0o644); err != nil {
		t.Fatal(err)
	}
	a, err := OpenArray(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.ReadAll(); err == nil || !strings.Contains(err.Error(), "only 0 are in its chunks") {
		t.Error(err)
	}
}
