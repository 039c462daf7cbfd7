package hdf5

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/bits"
	"strings"
)

// chunk is where a chunk's bytes lie, and which filters were left out for it.
type chunk struct {
	addr uint64
	size uint32
	mask uint32
	at   []int // first index in every dimension
}

// Bytes reads all elements as they are stored, in row-major order.
func (o *Object) Bytes() ([]byte, error) {
	if o.null || len(o.shape) == 0 {
		return o.read(0, 1)
	}
	return o.Rows(0, o.shape[0])
}

// Rows reads n slices along the first dimension, from the given one on, as Bytes does. Of a chunked data set it reads the
// chunks that hold them.
func (o *Object) Rows(from, n int) ([]byte, error) {
	if len(o.shape) == 0 || from < 0 || n < 0 || from > o.shape[0] || n > o.shape[0]-from {
		return nil, fmt.Errorf("data set %.120s: rows %d to %d of shape %v", o.path, from, from+n, o.shape)
	}
	return o.read(from, n)
}

func (o *Object) read(from, n int) ([]byte, error) {
	b, err := o.elementsOf(from, n)
	if err != nil {
		return nil, fmt.Errorf("data set %.120s: %w", o.path, err)
	}
	return b, nil
}

func (o *Object) elementsOf(from, n int) ([]byte, error) {
	if !o.hasType || o.layout == nil {
		return nil, bad("it has no type or no layout: it is a group or damaged")
	}
	count, err := o.elements()
	if err != nil {
		return nil, err
	}
	hi, total := bits.Mul64(count, uint64(o.dtype.Size))
	if hi != 0 || total > math.MaxInt64 {
		return nil, bad("shape %v of %v is too large", o.shape, o.dtype)
	}
	if total > maxFill && total/maxInflation > o.f.size {
		return nil, bad("%d bytes of data in a file of %d: more than any compression gains", total, o.f.size)
	}
	row := total
	if len(o.shape) > 0 && !o.null && o.shape[0] > 0 {
		row = total / uint64(o.shape[0])
	}
	start, want := uint64(from)*row, uint64(n)*row
	if total == 0 {
		return nil, nil
	}
	l := o.layout
	if l.class != 2 && len(o.filters) > 0 {
		return nil, bad("filters on data that is not chunked")
	}
	switch l.class {
	case 0:
		if uint64(len(l.data)) < total {
			return nil, bad("%d bytes of compact data for shape %v of %v", len(l.data), o.shape, o.dtype)
		}
		return append([]byte(nil), l.data[start:start+want]...), nil
	case 1:
		if l.addr == undefined {
			return o.filled(want)
		}
		if l.size < total {
			return nil, bad("%d bytes of data for shape %v of %v", l.size, o.shape, o.dtype)
		}
		if l.addr > o.f.size || start > o.f.size {
			return nil, bad("data at address %d + %d of a file of %d bytes", l.addr, start, o.f.size)
		}
		return o.f.block(l.addr+start, want)
	}
	return o.chunked(from, n, row)
}

// filled is n bytes of the fill value.
func (o *Object) filled(n uint64) ([]byte, error) {
	if n/maxInflation > o.f.size && n > maxFill {
		return nil, bad("%d bytes of nothing but fill value", n)
	}
	out := make([]byte, n)
	if len(o.fill) == o.dtype.Size {
		for i := 0; i < len(out); i += len(o.fill) {
			copy(out[i:], o.fill)
		}
	}
	return out, nil
}

// chunked gathers rows from the chunks that hold them.
func (o *Object) chunked(from, n int, row uint64) ([]byte, error) {
	l := o.layout
	if len(l.chunk) != len(o.shape) || l.item != o.dtype.Size {
		return nil, bad("chunks of %v x %d bytes for shape %v of %v", l.chunk, l.item, o.shape, o.dtype)
	}
	whole := uint64(l.item)
	for _, c := range l.chunk {
		whole *= uint64(c) // readLayout has seen that this fits 32 bits
	}
	if whole > maxFill && whole/maxInflation > o.f.size {
		return nil, bad("a chunk of %d bytes in a file of %d: more than any compression gains", whole, o.f.size)
	}
	out, err := o.filled(uint64(n) * row)
	if err != nil || l.addr == undefined {
		return out, err
	}
	each := func(c chunk) error {
		if c.at[0] >= from+n || c.at[0]+l.chunk[0] <= from {
			return nil
		}
		raw, err := o.f.block(c.addr, uint64(c.size))
		if err != nil {
			return err
		}
		if raw, err = unfilter(raw, o.filters, c.mask, int(whole)); err != nil {
			return fmt.Errorf("chunk at %v: %w", c.at, err)
		}
		o.place(out, raw, c.at, from, n)
		return nil
	}
	if l.single {
		size := whole
		if l.size > 0 {
			size = l.size
		}
		if size > maxChunkBytes {
			return nil, bad("a chunk of %d bytes", size)
		}
		return out, each(chunk{addr: l.addr, size: uint32(size), mask: l.mask, at: make([]int, len(o.shape))})
	}
	o.indexed.Do(func() { o.chunks, o.damage = o.index() })
	if o.damage != nil {
		return nil, o.damage
	}
	for _, c := range o.chunks {
		if err := each(c); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// index lists the chunks.
func (o *Object) index() ([]chunk, error) {
	l := o.layout
	var out []chunk
	seen := map[uint64]bool{}
	err := o.f.tree(l.addr, 1, 8+8*(len(o.shape)+1), func(key []byte, addr uint64) error {
		c := chunk{addr: addr, size: binary.LittleEndian.Uint32(key), mask: binary.LittleEndian.Uint32(key[4:])}
		for d := range o.shape {
			v := binary.LittleEndian.Uint64(key[8+8*d:])
			if v >= uint64(o.shape[d]) || v%uint64(l.chunk[d]) != 0 {
				return bad("a chunk at index %d of dimension %d, which has %d in chunks of %d", v, d, o.shape[d], l.chunk[d])
			}
			c.at = append(c.at, int(v))
		}
		// No two chunks share bytes: each adds at most what it really holds.
		if seen[addr] {
			return bad("two chunks lie at %d", addr)
		}
		seen[addr] = true
		out = append(out, c)
		return nil
	})
	return out, err
}

// place copies the part of a chunk that lies in rows from to from+n of the data set.
func (o *Object) place(out, raw []byte, at []int, from, n int) {
	l := o.layout
	rank := len(o.shape)
	idx := make([]int, rank)
	// Runs along the last dimension are copied whole.
	run := min(l.chunk[rank-1], o.shape[rank-1]-at[rank-1])
	skip := 0
	if rank == 1 {
		skip = max(0, from-at[0])
		run = min(run, from+n-at[0])
	}
	for {
		inside := true
		src, dst := 0, 0
		for d := range rank {
			i := at[d] + idx[d]
			if i >= o.shape[d] {
				inside = false
				break
			}
			src = src*l.chunk[d] + idx[d]
			if d == 0 {
				i -= from
				if rank > 1 && (i < 0 || i >= n) {
					inside = false
					break
				}
			}
			dst = dst*o.shape[d] + i
		}
		if inside {
			copy(out[(dst+skip)*l.item:(dst+run)*l.item], raw[(src+skip)*l.item:(src+run)*l.item])
		}
		d := rank - 2
		for ; d >= 0; d-- {
			if idx[d]++; idx[d] < l.chunk[d] {
				break
			}
			idx[d] = 0
		}
		if d < 0 {
			return
		}
	}
}

// unfilter undoes the filters of a chunk, last one first. size is what must come out.
func unfilter(raw []byte, filters []filter, mask uint32, size int) ([]byte, error) {
	for i := len(filters) - 1; i >= 0; i-- {
		if mask>>i&1 != 0 {
			continue
		}
		switch f := filters[i]; f.id {
		case filterFletcher:
			if len(raw) < 4 {
				return nil, bad("no checksum")
			}
			data, sum := raw[:len(raw)-4], binary.LittleEndian.Uint32(raw[len(raw)-4:])
			if got := fletcher32(data); got != sum {
				return nil, bad("checksum %08x, want %08x: the data is damaged", got, sum)
			}
			raw = data
		case filterDeflate:
			z, err := zlib.NewReader(bytes.NewReader(raw))
			if err != nil {
				return nil, bad("deflate: %v", err)
			}
			// A checksum may follow inside: deflate is not always the first filter.
			out, err := io.ReadAll(io.LimitReader(z, int64(size)+5))
			if err != nil {
				return nil, bad("deflate: %v", err)
			}
			if len(out) > size+4 {
				return nil, bad("deflate gives more than the %d bytes of a chunk", size)
			}
			raw = out
		case filterShuffle:
			if len(f.values) != 1 || f.values[0] == 0 || f.values[0] > uint32(size) {
				return nil, bad("shuffle of elements of %v bytes", f.values)
			}
			raw = unshuffle(raw, int(f.values[0]))
		}
	}
	if len(raw) != size {
		return nil, bad("%d bytes, want %d", len(raw), size)
	}
	return raw, nil
}

// unshuffle puts the bytes of elements together again; what does not fill an element stays at the end.
func unshuffle(raw []byte, item int) []byte {
	n := len(raw) / item
	out := make([]byte, len(raw))
	for j := range item {
		for i := range n {
			out[i*item+j] = raw[j*n+i]
		}
	}
	copy(out[n*item:], raw[n*item:])
	return out
}

// fletcher32 is the library's variant: words of 16 bits, high byte first, sums modulo 65535.
func fletcher32(b []byte) uint32 {
	var s1, s2 uint32
	for ; len(b) >= 2; b = b[2:] {
		s1 = (s1 + uint32(b[0])<<8 + uint32(b[1])) % 65535
		s2 = (s2 + s1) % 65535
	}
	if len(b) == 1 {
		s1 = (s1 + uint32(b[0])<<8) % 65535
		s2 = (s2 + s1) % 65535
	}
	return s2<<16 | s1
}

// References reads a data set of object references.
func (o *Object) References() ([]Ref, error) {
	if o.dtype.Class != Reference {
		return nil, fmt.Errorf("data set %.120s: %w: %v, want references", o.path, ErrType, o.dtype)
	}
	b, err := o.Bytes()
	if err != nil {
		return nil, err
	}
	out := make([]Ref, len(b)/o.dtype.Size)
	for i := range out {
		c := &cursor{b: b[i*o.dtype.Size : (i+1)*o.dtype.Size], f: o.f}
		out[i] = Ref(c.offset())
	}
	return out, nil
}

// Uint8s reads a data set of unsigned bytes.
func (o *Object) Uint8s() ([]uint8, error) {
	if o.dtype != (Type{Class: Integer, Size: 1}) && o.dtype != (Type{Class: Integer, Size: 1, BigEndian: true}) {
		return nil, fmt.Errorf("data set %.120s: %w: %v, want unsigned bytes", o.path, ErrType, o.dtype)
	}
	return o.Bytes()
}

// Float64s reads a data set of integers or floats as float64; an integer that float64 cannot hold is an error.
func (o *Object) Float64s() ([]float64, error) {
	switch o.dtype.Class {
	case Integer, Enum, Float:
	default:
		return nil, fmt.Errorf("data set %.120s: %w: %v, want numbers", o.path, ErrType, o.dtype)
	}
	b, err := o.Bytes()
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(b)/o.dtype.Size)
	for i := range out {
		v, ok := o.dtype.number(b[i*o.dtype.Size : (i+1)*o.dtype.Size])
		if !ok {
			return nil, fmt.Errorf("data set %.120s: element %d is an integer that float64 cannot hold exactly", o.path, i)
		}
		out[i] = v
	}
	return out, nil
}

// number decodes one element.
func (t Type) number(b []byte) (float64, bool) {
	var u uint64
	for i := range b {
		at := len(b) - 1 - i
		if t.BigEndian {
			at = i
		}
		u = u<<8 | uint64(b[at])
	}
	if t.Class == Float {
		switch t.Size {
		case 2:
			return half(uint16(u)), true
		case 4:
			return float64(math.Float32frombits(uint32(u))), true
		}
		return math.Float64frombits(u), true
	}
	if !t.Signed {
		v := float64(u)
		return v, v < 1<<64 && uint64(v) == u
	}
	shift := 64 - 8*t.Size
	s := int64(u<<shift) >> shift
	v := float64(s)
	return v, v < 1<<63 && int64(v) == s
}

// half is the value of an IEEE 754 binary16 number.
func half(h uint16) float64 {
	sign := 1.0
	if h>>15 != 0 {
		sign = -1
	}
	exponent, mantissa := int(h>>10&31), float64(h&1023)
	switch {
	case exponent == 31 && mantissa != 0:
		return math.NaN()
	case exponent == 31:
		return math.Inf(int(sign))
	case exponent == 0:
		return sign * math.Ldexp(mantissa, -24)
	}
	return sign * math.Ldexp(1024+mantissa, exponent-25)
}

// Text reads a data set of characters: fixed-length strings, or the 16-bit characters of MATLAB, joined.
func (o *Object) Text() (string, error) {
	t := o.dtype
	switch {
	case t.Class == Text:
		b, err := o.Bytes()
		return strings.TrimRight(string(b), "\x00 "), err
	case t.Class == Integer && t.Size == 2 && !t.Signed:
		b, err := o.Bytes()
		var s strings.Builder
		for ; len(b) >= 2; b = b[2:] {
			u := binary.LittleEndian.Uint16(b)
			if t.BigEndian {
				u = binary.BigEndian.Uint16(b)
			}
			s.WriteRune(rune(u))
		}
		return s.String(), err
	}
	return "", fmt.Errorf("data set %.120s: %w: %v, want text", o.path, ErrType, t)
}
