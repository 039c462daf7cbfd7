package hdf5

import (
	"fmt"
	"math/bits"
)

// Class is the kind of a data set's elements.
type Class string

// The classes that are read.
const (
	Integer   Class = "integer"
	Float     Class = "float"
	Text      Class = "text"      // of fixed length
	Reference Class = "reference" // to objects
	Enum      Class = "enum"      // read as its integers; h5py stores booleans so
)

// Type describes an element.
type Type struct {
	Class     Class
	Size      int // bytes
	Signed    bool
	BigEndian bool
}

func (t Type) String() string {
	if t.Class == Integer && !t.Signed {
		return fmt.Sprintf("unsigned integer of %d bytes", t.Size)
	}
	return fmt.Sprintf("%s of %d bytes", t.Class, t.Size)
}

// classNames name the classes of the format that are not read.
var classNames = map[uint8]string{2: "time", 4: "bitfield", 5: "opaque", 6: "compound", 9: "variable-length", 10: "array"}

func readType(c *cursor) (Type, error) {
	first := c.u8()
	class := first & 15
	flags := c.u8()
	c.skip(2)
	size := c.u32()
	if c.err != nil {
		return Type{}, c.err
	}
	t := Type{Size: int(size), BigEndian: flags&1 != 0}
	if size == 0 || size > maxHeaderBytes {
		return t, bad("elements of %d bytes", size)
	}
	whole := func() error {
		from, precision := c.u16(), c.u16()
		if c.err == nil && (from != 0 || int(precision) != 8*t.Size) {
			return unsupported("integers of %d bits at bit %d of %d bytes", precision, from, t.Size)
		}
		return c.err
	}
	switch class {
	case 0:
		t.Class, t.Signed = Integer, flags&8 != 0
		if size > 8 || size&(size-1) != 0 {
			return t, unsupported("integers of %d bytes", size)
		}
		return t, whole()
	case 1:
		t.Class = Float
		if flags&0x40 != 0 {
			return t, unsupported("VAX byte order")
		}
		from, precision := c.u16(), c.u16()
		exponentAt, exponent, mantissaAt, mantissa := c.u8(), c.u8(), c.u8(), c.u8()
		bias := c.u32()
		if c.err != nil {
			return t, c.err
		}
		// IEEE 754 binary16, binary32 and binary64 are told by the place and width of their fields.
		got := [7]uint32{uint32(from), uint32(precision), uint32(exponentAt), uint32(exponent), uint32(mantissaAt), uint32(mantissa), bias}
		want := map[int][7]uint32{2: {0, 16, 10, 5, 0, 10, 15}, 4: {0, 32, 23, 8, 0, 23, 127}, 8: {0, 64, 52, 11, 0, 52, 1023}}[t.Size]
		if got != want {
			return t, unsupported("floats of %d bytes that are not IEEE 754", size)
		}
		return t, nil
	case 3:
		t.Class, t.BigEndian = Text, false
		return t, nil
	case 7:
		t.Class, t.BigEndian = Reference, false
		if flags&15 != 0 {
			return t, unsupported("region references")
		}
		if t.Size != c.f.offsets {
			return t, bad("references of %d bytes in a file with addresses of %d", t.Size, c.f.offsets)
		}
		return t, nil
	case 8:
		base, err := readType(c)
		if err != nil {
			return t, err
		}
		if base.Class != Integer || base.Size != t.Size {
			return t, bad("an enumeration of %v in %d bytes", base, t.Size)
		}
		base.Class = Enum
		return base, nil
	}
	if name := classNames[class]; name != "" {
		return t, unsupported("%s elements", name)
	}
	return t, bad("elements of class %d", class)
}

func (o *Object) fillValue(c *cursor) error {
	version := c.u8()
	defined := true
	switch version {
	case 1, 2:
		c.skip(2)
		defined = c.u8() != 0
		if version == 1 {
			defined = true
		}
	case 3:
		defined = c.u8()&0x20 != 0
	default:
		return unsupported("fill value version %d", version)
	}
	if !defined {
		return c.err
	}
	n := c.u32()
	if int32(n) <= 0 || c.err != nil {
		return c.err
	}
	if n > maxHeaderBytes {
		return bad("a fill value of %d bytes", n)
	}
	o.fill = c.take(int(n))
	return c.err
}

// layout says where the elements lie.
type layout struct {
	class  uint8 // 0 compact, 1 contiguous, 2 chunked by a version 1 B-tree, 3 one chunk
	data   []byte
	addr   uint64
	size   uint64
	chunk  []int // extents of a chunk
	item   int   // bytes of an element, chunked
	mask   uint32
	single bool
}

func readLayout(c *cursor) (*layout, error) {
	version, class := c.u8(), c.u8()
	l := &layout{class: class}
	if c.err == nil && (version < 3 || version > 5) {
		return nil, unsupported("data layout version %d", version)
	}
	switch class {
	case 0:
		n := c.u16()
		l.data = c.take(int(n))
		return l, c.err
	case 1:
		l.addr, l.size = c.offset(), c.length()
		return l, c.err
	case 2:
	default:
		return nil, unsupported("data layout class %d (virtual data sets are class 3)", class)
	}
	var rank, width int
	if version == 3 {
		rank, width = int(c.u8()), 4
		l.addr = c.offset()
	} else {
		flags := c.u8()
		rank, width = int(c.u8()), int(c.u8())
		l.single = true
		if c.err == nil && (width < 1 || width > 8) {
			return nil, bad("chunk extents of %d bytes", width)
		}
		if rank < 2 || rank > maxRank+1 {
			return nil, bad("chunks of %d dimensions", rank-1)
		}
		if err := l.extents(c, rank, width); err != nil {
			return nil, err
		}
		if index := c.u8(); c.err == nil && index != 1 {
			return nil, unsupported("chunk index %d of libver=\"latest\"; write the file with h5py's default libver, or copy it with h5repack --high=v18", index)
		}
		if flags&2 != 0 {
			l.size = c.length()
			l.mask = c.u32()
		}
		l.addr = c.offset()
		return l, c.err
	}
	if c.err == nil && (rank < 2 || rank > maxRank+1) {
		return nil, bad("chunks of %d dimensions", rank-1)
	}
	return l, l.extents(c, rank, width)
}

// extents reads those of a chunk, the last of which is the bytes of an element.
func (l *layout) extents(c *cursor, rank, width int) error {
	n := uint64(1)
	for i := range rank {
		v := c.uint(width)
		if c.err != nil {
			return c.err
		}
		hi, lo := bits.Mul64(n, v)
		if hi != 0 || lo > maxChunkBytes || v == 0 {
			return bad("a chunk of %v x %d elements: it has 1 to 2^32-1 bytes", l.chunk, v)
		}
		n = lo
		if i < rank-1 {
			l.chunk = append(l.chunk, int(v))
		} else {
			l.item = int(v)
		}
	}
	return nil
}

// The filters that are read.
const (
	filterDeflate  = 1
	filterShuffle  = 2
	filterFletcher = 3
)

type filter struct {
	id     int
	values []uint32
}

func readFilters(c *cursor) ([]filter, error) {
	version, n := c.u8(), int(c.u8())
	switch version {
	case 1:
		c.skip(6)
	case 2:
	default:
		return nil, unsupported("filter pipeline version %d", version)
	}
	if n > 32 {
		return nil, bad("%d filters, at most 32", n)
	}
	var out []filter
	for range n {
		f := filter{id: int(c.u16())}
		name := 0
		if version == 1 || f.id >= 256 {
			name = int(c.u16())
		}
		c.skip(2)
		values := int(c.u16())
		label := c.text(name)
		if version == 1 && name%8 != 0 {
			c.skip(8 - name%8)
		}
		for range values {
			f.values = append(f.values, c.u32())
			if c.err != nil {
				return nil, c.err
			}
		}
		if version == 1 && values%2 != 0 {
			c.skip(4)
		}
		if c.err != nil {
			return nil, c.err
		}
		switch f.id {
		case filterDeflate, filterShuffle, filterFletcher:
		default:
			return nil, unsupported("filter %d %.40q; copy the file with h5repack --filter=GZIP=4", f.id, label)
		}
		out = append(out, f)
	}
	return out, nil
}
