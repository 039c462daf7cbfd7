package zarr

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
)

// The codec vlen-utf8: the number of strings as a 32-bit little-endian integer, then for each string its length
// in bytes as such an integer and its UTF-8 bytes (zarr-extensions, codecs/vlen-utf8; numcodecs' VLenUTF8).

func encodeVlen(s []string) ([]byte, error) {
	size := 4
	for i, x := range s {
		if !utf8.ValidString(x) {
			return nil, fmt.Errorf("string %d (%.40q) is not valid UTF-8", i, x)
		}
		size += 4 + len(x)
		if size > MaxChunkBytes {
			return nil, fmt.Errorf("a chunk of strings has more than %d bytes; use smaller chunks", MaxChunkBytes)
		}
	}
	if len(s) > math.MaxInt32 {
		return nil, fmt.Errorf("%d strings in one chunk, at most %d", len(s), math.MaxInt32)
	}
	b := make([]byte, 0, size)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
	for _, x := range s {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(x)))
		b = append(b, x...)
	}
	return b, nil
}

func decodeVlen(b []byte, want int) ([]string, error) {
	if len(b) < 4 {
		return nil, corrupt("%d bytes of strings, too short for their count", len(b))
	}
	n := binary.LittleEndian.Uint32(b)
	b = b[4:]
	if uint64(n) != uint64(want) {
		return nil, corrupt("%d strings, the chunk has %d", n, want)
	}
	if uint64(n)*4 > uint64(len(b)) {
		return nil, corrupt("%d strings do not fit %d bytes", n, len(b))
	}
	out := make([]string, n)
	for i := range out {
		if len(b) < 4 {
			return nil, corrupt("string %d: its length is cut off", i)
		}
		l := binary.LittleEndian.Uint32(b)
		b = b[4:]
		if uint64(l) > uint64(len(b)) {
			return nil, corrupt("string %d has %d bytes, %d are left", i, l, len(b))
		}
		if !utf8.Valid(b[:l]) {
			return nil, corrupt("string %d is not UTF-8", i)
		}
		out[i] = string(b[:l])
		b = b[l:]
	}
	if len(b) > 0 {
		return nil, corrupt("%d bytes after the last string", len(b))
	}
	return out, nil
}
