package zarr

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// ErrCorrupt marks a chunk whose bytes are not what was written.
var ErrCorrupt = errors.New("zarr chunk is damaged")

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// Codec is one step of the chain that turns a chunk into the bytes of its file.
type Codec named

// Chain is the codec chain that recordings use: the serialiser of the type, zstd at the given level where it is
// above 0, and a CRC-32C over the result where crc is set. The checksum comes last so that damage is seen before
// a decompressor reads it.
func Chain(d DType, zstdLevel int, crc bool) []Codec {
	var c []Codec
	switch {
	case d == String:
		c = append(c, Codec{Name: "vlen-utf8", Configuration: json.RawMessage("{}")})
	default:
		c = append(c, Codec{Name: "bytes", Configuration: json.RawMessage(`{"endian":"little"}`)})
	}
	if zstdLevel > 0 {
		c = append(c, Codec{Name: "zstd", Configuration: mustJSON(map[string]any{"level": zstdLevel, "checksum": false})})
	}
	if crc {
		c = append(c, Codec{Name: "crc32c"})
	}
	return c
}

type pipeline struct {
	bigEndian bool
	steps     []stepCodec // bytes to bytes, in encoding order
	fixed     bool        // no compressor: the encoded size is known
	overhead  int         // bytes the fixed steps add
}

type stepCodec struct {
	name  string
	level int
}

func newPipeline(d DType, codecs []Codec) (pipeline, error) {
	p := pipeline{fixed: d != String}
	if len(codecs) == 0 {
		return p, metaErr("codecs: the list is empty")
	}
	for i, c := range codecs {
		var cfg struct {
			Endian string `json:"endian"`
			Level  int    `json:"level"`
		}
		if err := json.Unmarshal(orEmpty(c.Configuration), &cfg); err != nil {
			return p, metaErr("codec %q: configuration %.60s: %v", c.Name, c.Configuration, err)
		}
		serialiser := c.Name == "bytes" || c.Name == "vlen-utf8"
		if serialiser != (i == 0) {
			return p, metaErr("codec %d is %.40q: want one of bytes and vlen-utf8 first, then bytes-to-bytes codecs", i, c.Name)
		}
		switch c.Name {
		case "bytes":
			if d == String {
				return p, metaErr("codec bytes cannot store data type string")
			}
			switch cfg.Endian {
			case "little":
			case "big":
				p.bigEndian = true
			case "":
				if d.Size() > 1 {
					return p, metaErr("codec bytes of a %s array has no endian", d)
				}
			default:
				return p, metaErr("codec bytes: endian %.20q", cfg.Endian)
			}
		case "vlen-utf8":
			if d != String {
				return p, metaErr("codec vlen-utf8 cannot store data type %s", d)
			}
		case "crc32c":
			p.overhead += 4
			p.steps = append(p.steps, stepCodec{name: c.Name})
		case "gzip", "zstd":
			p.fixed = false
			p.steps = append(p.steps, stepCodec{c.Name, cfg.Level})
		default:
			return p, metaErr("codec %.40q is not supported (read are bytes, vlen-utf8, gzip, zstd, crc32c)", c.Name)
		}
	}
	return p, nil
}

// FixedSize is the size of an encoded chunk where the chain has no compressor, and whether that is so.
func (m *ArrayMeta) FixedSize() (int, bool) {
	return m.ChunkLen()*m.DType.Size() + m.pipe.overhead, m.pipe.fixed
}

// EncodeChunk encodes a chunk given as little-endian elements in C order, ChunkLen*DType.Size bytes. raw is left
// as it is, but the result may share its memory and use its spare capacity.
func (m *ArrayMeta) EncodeChunk(raw []byte) ([]byte, error) {
	size := m.DType.Size()
	if m.DType == String || len(raw) != m.ChunkLen()*size {
		return nil, fmt.Errorf("encode chunk: %d bytes of %s for a chunk of %v", len(raw), m.DType, m.Chunk)
	}
	if m.pipe.bigEndian {
		raw = swapped(raw, size)
	}
	return m.pipe.encode(raw)
}

// EncodeStrings encodes a chunk of strings, ChunkLen of them.
func (m *ArrayMeta) EncodeStrings(s []string) ([]byte, error) {
	if m.DType != String || len(s) != m.ChunkLen() {
		return nil, fmt.Errorf("encode chunk: %d strings for a chunk of %v %s", len(s), m.Chunk, m.DType)
	}
	raw, err := encodeVlen(s)
	if err != nil {
		return nil, err
	}
	return m.pipe.encode(raw)
}

// DecodeChunk decodes the bytes of a chunk's file into little-endian elements in C order. The result may share
// memory with b. Damage is ErrCorrupt.
func (m *ArrayMeta) DecodeChunk(b []byte) ([]byte, error) {
	if m.DType == String {
		return nil, fmt.Errorf("decode chunk: data type string has no fixed size; use DecodeStrings")
	}
	want := m.ChunkLen() * m.DType.Size()
	raw, err := m.pipe.decode(b, want)
	if err != nil {
		return nil, err
	}
	if len(raw) != want {
		return nil, corrupt("%d bytes of elements, a chunk of %v %s has %d", len(raw), m.Chunk, m.DType, want)
	}
	if m.DType == Bool {
		for i, v := range raw {
			if v > 1 {
				return nil, corrupt("element %d of a bool chunk is %d", i, v)
			}
		}
	}
	if m.pipe.bigEndian {
		raw = swapped(raw, m.DType.Size())
	}
	return raw, nil
}

// DecodeStrings decodes the bytes of a chunk's file into its strings.
func (m *ArrayMeta) DecodeStrings(b []byte) ([]string, error) {
	if m.DType != String {
		return nil, fmt.Errorf("decode strings: data type is %s; use DecodeChunk", m.DType)
	}
	raw, err := m.pipe.decode(b, MaxChunkBytes)
	if err != nil {
		return nil, err
	}
	return decodeVlen(raw, m.ChunkLen())
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (p *pipeline) encode(b []byte) ([]byte, error) {
	for _, s := range p.steps {
		switch s.name {
		case "crc32c":
			// RFC 3720 CRC-32C, appended little-endian (codec page crc32c).
			b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
		case "zstd":
			e, err := zstdEncoder(s.level)
			if err != nil {
				return nil, err
			}
			b = e.EncodeAll(b, make([]byte, 0, len(b)/2+64))
		case "gzip":
			var buf bytes.Buffer
			w, err := gzip.NewWriterLevel(&buf, s.level)
			if err != nil {
				return nil, metaErr("codec gzip: %v", err)
			}
			if _, err := w.Write(b); err != nil {
				return nil, err
			}
			if err := w.Close(); err != nil {
				return nil, err
			}
			b = buf.Bytes()
		}
	}
	return b, nil
}

// decode undoes the chain. Nothing it makes on the way may be larger than the elements themselves by more than
// what checksums and incompressible data add.
func (p *pipeline) decode(b []byte, want int) ([]byte, error) {
	bound := want + want/8 + 1<<10
	for i := len(p.steps) - 1; i >= 0; i-- {
		switch p.steps[i].name {
		case "crc32c":
			n := len(b) - 4
			if n < 0 {
				return nil, corrupt("%d bytes, too short for its checksum", len(b))
			}
			if got, said := crc32.Checksum(b[:n], castagnoli), binary.LittleEndian.Uint32(b[n:]); got != said {
				return nil, corrupt("checksum is %08x, the file says %08x", got, said)
			}
			b = b[:n:n]
		case "zstd":
			d, err := zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1),
				zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(128<<20))
			if err != nil {
				return nil, corrupt("zstd: %v", err)
			}
			out, err := inflate(d, len(b), bound)
			d.Close()
			if err != nil {
				return nil, corrupt("zstd: %v", err)
			}
			b = out
		case "gzip":
			r, err := gzip.NewReader(bytes.NewReader(b))
			if err != nil {
				return nil, corrupt("gzip: %v", err)
			}
			out, err := inflate(r, len(b), bound)
			if err != nil {
				return nil, corrupt("gzip: %v", err)
			}
			b = out
		}
	}
	return b, nil
}

// inflate reads a decompressor to its end. The buffer grows with what has really come out, so a small file that
// promises much costs no more than it delivers.
func inflate(r io.Reader, packed, bound int) ([]byte, error) {
	buf := bytes.NewBuffer(make([]byte, 0, min(4*packed+512, bound+1)))
	n, err := buf.ReadFrom(io.LimitReader(r, int64(bound)+1))
	if err != nil {
		return nil, err
	}
	if n > int64(bound) {
		return nil, fmt.Errorf("more than the %d bytes that the chunk can have", bound)
	}
	return buf.Bytes(), nil
}

var encoders sync.Map // level -> *zstd.Encoder; EncodeAll may be called concurrently

// zstdEncoder gives an encoder for a level of the C library's scale. One goroutine a frame: the bytes do not
// depend on the number of cores.
func zstdEncoder(level int) (*zstd.Encoder, error) {
	if e, ok := encoders.Load(level); ok {
		return e.(*zstd.Encoder), nil
	}
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, fmt.Errorf("codec zstd: %w", err)
	}
	got, _ := encoders.LoadOrStore(level, e)
	return got.(*zstd.Encoder), nil
}

// swapped is a copy of b with the bytes of each element reversed.
func swapped(b []byte, size int) []byte {
	out := make([]byte, len(b))
	for i := 0; i+size <= len(b); i += size {
		for j := range size {
			out[i+j] = b[i+size-1-j]
		}
	}
	return out
}
