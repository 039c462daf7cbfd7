package hdf5

import (
	"fmt"
	"math/bits"
	"sort"
	"sync"
)

// Object is a group or a data set.
type Object struct {
	f    *File
	path string // for messages
	addr uint64

	shape   []int
	null    bool // a dataspace without elements
	hasType bool
	dtype   Type
	layout  *layout
	filters []filter
	fill    []byte
	group   *symbolTable
	links   map[string]uint64
	// denseLinks tells that the group keeps its links in a fractal heap.
	denseLinks bool

	indexed sync.Once // chunks are listed when the first of them is wanted
	chunks  []chunk
	damage  error
}

type symbolTable struct{ tree, heap uint64 }

// The messages of object headers in use.
const (
	msgDataspace    = 0x01
	msgLinkInfo     = 0x02
	msgDatatype     = 0x03
	msgFill         = 0x05
	msgLink         = 0x06
	msgExternal     = 0x07
	msgLayout       = 0x08
	msgFilters      = 0x0b
	msgContinuation = 0x10
	msgSymbolTable  = 0x11
)

// object reads the header at an address.
func (f *File) object(addr uint64, path string) (*Object, error) {
	o := &Object{f: f, path: path, addr: addr}
	if err := o.header(); err != nil {
		return nil, fmt.Errorf("object %.120s: %w", path, err)
	}
	return o, nil
}

type span struct{ addr, size uint64 }

func (o *Object) header() error {
	first, err := o.f.block(o.addr, 4)
	if err != nil {
		return err
	}
	if string(first) == "OHDR" {
		return o.header2()
	}
	b, err := o.f.block(o.addr, 16)
	if err != nil {
		return err
	}
	c := &cursor{b: b, f: o.f}
	if v := c.u8(); v != 1 {
		return bad("object header version %d at %d", v, o.addr)
	}
	c.skip(1)
	count := int(c.u16())
	c.skip(4)
	size := uint64(c.u32())
	todo := []span{{o.addr + 16, size}}
	seen := map[uint64]bool{}
	for len(todo) > 0 {
		s := todo[0]
		todo = todo[1:]
		if seen[s.addr] {
			return bad("the header at %d continues in itself", o.addr)
		}
		seen[s.addr] = true
		if s.size > maxHeaderBytes {
			return bad("a header block of %d bytes, at most %d", s.size, maxHeaderBytes)
		}
		b, err := o.f.block(s.addr, s.size)
		if err != nil {
			return err
		}
		c := &cursor{b: b, f: o.f}
		for count > 0 && c.left() >= 8 {
			kind, n := c.u16(), int(c.u16())
			flags := c.u8()
			c.skip(3)
			data := c.take(n)
			if c.err != nil {
				return c.err
			}
			count--
			next, err := o.message(int(kind), flags, data)
			if err != nil {
				return err
			}
			todo = append(todo, next...)
		}
	}
	if count > 0 {
		return bad("%d messages of the header at %d are missing", count, o.addr)
	}
	return nil
}

// header2 reads a version 2 header: blocks with a checksum each.
func (o *Object) header2() error {
	b, err := o.f.block(o.addr, min(64, o.f.size-min(o.f.size, o.f.base+o.addr)))
	if err != nil {
		return err
	}
	c := &cursor{b: b, at: 4, f: o.f}
	version, flags := c.u8(), c.u8()
	if c.err == nil && version != 2 {
		return bad("object header version %d", version)
	}
	if flags&0x20 != 0 {
		c.skip(16) // times
	}
	if flags&0x10 != 0 {
		c.skip(4) // bounds between compact and dense attributes
	}
	size := c.uint(1 << (flags & 3))
	if c.err != nil {
		return c.err
	}
	todo := []span{{o.addr, size + uint64(c.at) + 4}}
	start := c.at
	seen := map[uint64]bool{}
	count := 0
	for len(todo) > 0 {
		s := todo[0]
		todo = todo[1:]
		if seen[s.addr] {
			return bad("the header at %d continues in itself", o.addr)
		}
		seen[s.addr] = true
		if s.size > maxHeaderBytes || s.size < 8 {
			return bad("a header block of %d bytes, want 8 to %d", s.size, maxHeaderBytes)
		}
		b, err := o.f.block(s.addr, s.size)
		if err != nil {
			return err
		}
		end := len(b) - 4
		sum := &cursor{b: b, at: end, f: o.f}
		if sum.u32() != lookup3(b[:end]) {
			return bad("the checksum of the header at %d does not fit", s.addr)
		}
		c := &cursor{b: b[:end], at: start, f: o.f}
		if s.addr != o.addr {
			c.at = 0
			if string(c.take(4)) != "OCHK" {
				return bad("no continuation block at %d", s.addr)
			}
		}
		entry := 4
		if flags&4 != 0 {
			entry = 6
		}
		for c.err == nil && c.left() >= entry {
			kind, n, mf := int(c.u8()), int(c.u16()), c.u8()
			c.skip(entry - 4)
			data := c.take(n)
			if c.err != nil {
				return c.err
			}
			if count++; count > maxMessages {
				return bad("more than %d messages in a header", maxMessages)
			}
			next, err := o.message(kind, mf, data)
			if err != nil {
				return err
			}
			todo = append(todo, next...)
		}
		if c.err != nil {
			return c.err
		}
	}
	return nil
}

func (o *Object) message(kind int, flags uint8, data []byte) ([]span, error) {
	c := &cursor{b: data, f: o.f}
	var err error
	switch kind {
	case msgDataspace, msgDatatype, msgFill, msgLayout, msgFilters:
		if flags&2 != 0 {
			return nil, unsupported("a message of type %#x that is shared with another object", kind)
		}
	}
	switch kind {
	case msgDataspace:
		err = o.dataspace(c)
	case msgDatatype:
		o.dtype, err = readType(c)
		o.hasType = true
	case msgFill:
		err = o.fillValue(c)
	case msgLayout:
		o.layout, err = readLayout(c)
	case msgFilters:
		o.filters, err = readFilters(c)
	case msgExternal:
		err = unsupported("data in external files")
	case msgSymbolTable:
		o.group = &symbolTable{c.offset(), c.offset()}
	case msgLinkInfo:
		version, lf := c.u8(), c.u8()
		if lf&1 != 0 {
			c.skip(8)
		}
		if heap := c.offset(); c.err == nil && version == 0 && heap != undefined {
			o.denseLinks = true
		}
		if o.links == nil {
			o.links = map[string]uint64{}
		}
	case msgLink:
		err = o.link(c)
	case msgContinuation:
		s := span{c.offset(), c.length()}
		if c.err == nil {
			return []span{s}, nil
		}
	}
	if err == nil {
		err = c.err
	}
	return nil, err
}

func (o *Object) dataspace(c *cursor) error {
	version, rank, flags := c.u8(), int(c.u8()), c.u8()
	switch version {
	case 1:
		c.skip(5)
	case 2:
		o.null = c.u8() == 2
	default:
		return unsupported("dataspace version %d", version)
	}
	_ = flags // whether it may grow does not matter to a reader
	if rank > maxRank {
		return bad("%d dimensions, at most %d", rank, maxRank)
	}
	o.shape = make([]int, rank)
	for i := range o.shape {
		n := c.length()
		if n > 1<<62 {
			return bad("a dimension of %d", n)
		}
		o.shape[i] = int(n)
	}
	return c.err
}

func (o *Object) link(c *cursor) error {
	version, flags := c.u8(), c.u8()
	if c.err == nil && version != 1 {
		return unsupported("link version %d", version)
	}
	kind := uint8(0)
	if flags&8 != 0 {
		kind = c.u8()
	}
	if flags&4 != 0 {
		c.skip(8)
	}
	if flags&16 != 0 {
		c.skip(1)
	}
	n := c.uint(1 << (flags & 3))
	if n == 0 || n > maxNameBytes {
		return bad("a name of %d bytes", n)
	}
	name := string(c.take(int(n)))
	if kind != 0 {
		return c.err // soft and external links are not followed: Child says that there is no such member
	}
	at := c.offset()
	if o.links == nil {
		o.links = map[string]uint64{}
	}
	if _, twice := o.links[name]; twice && c.err == nil {
		return bad("two members are called %.80q", name)
	}
	o.links[name] = at
	return c.err
}

// Path is how the object was reached, for messages.
func (o *Object) Path() string { return o.path }

// IsGroup tells groups from data sets.
func (o *Object) IsGroup() bool { return o.group != nil || o.links != nil }

// Shape is the extents of a data set, the last varying fastest; MATLAB's arrays therefore come with their dimensions reversed.
func (o *Object) Shape() []int { return append([]int(nil), o.shape...) }

// Type is the type of a data set's elements.
func (o *Object) Type() Type { return o.dtype }

// Members are the names of a group's members, sorted.
func (o *Object) Members() ([]string, error) {
	m, err := o.members()
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	sort.Strings(out)
	return out, nil
}

// Child finds a member of a group.
func (o *Object) Child(name string) (*Object, error) {
	m, err := o.members()
	if err != nil {
		return nil, err
	}
	addr, ok := m[name]
	if !ok {
		names, _ := o.Members()
		return nil, fmt.Errorf("%w: %.120s has no member %.80q; it has %.400q", ErrNotFound, o.path, name, names)
	}
	path := o.path + "/" + name
	if o.path == "/" {
		path = "/" + name
	}
	return o.f.object(addr, path)
}

func (o *Object) members() (map[string]uint64, error) {
	switch {
	case o.denseLinks:
		return nil, fmt.Errorf("group %.120s: %w", o.path, unsupported("links in a fractal heap; write the file with h5py's default libver, or copy it with h5repack --high=v18"))
	case o.group != nil:
		m, err := o.f.symbols(o.group)
		if err != nil {
			return nil, fmt.Errorf("group %.120s: %w", o.path, err)
		}
		return m, nil
	case o.links != nil:
		return o.links, nil
	}
	return nil, fmt.Errorf("%w: %.120s is a data set, not a group", ErrNotFound, o.path)
}

// symbols reads a group's members: a version 1 B-tree of symbol nodes, names in a local heap.
func (f *File) symbols(t *symbolTable) (map[string]uint64, error) {
	head, err := f.block(t.heap, uint64(8+2*f.lengths+f.offsets))
	if err != nil {
		return nil, err
	}
	c := &cursor{b: head, f: f}
	if string(c.take(4)) != "HEAP" {
		return nil, bad("no heap of names at %d", t.heap)
	}
	c.skip(4)
	size := c.length()
	c.skip(f.lengths)
	names, err := f.block(c.offset(), size)
	if err != nil {
		return nil, err
	}
	out := map[string]uint64{}
	err = f.tree(t.tree, 0, f.lengths, func(_ []byte, addr uint64) error {
		head, err := f.block(addr, 8)
		if err != nil {
			return err
		}
		if string(head[:4]) != "SNOD" {
			return bad("no symbol node at %d", addr)
		}
		n := uint64(head[6]) | uint64(head[7])<<8
		entry := 2*f.offsets + 24
		b, err := f.block(addr+8, n*uint64(entry))
		if err != nil {
			return err
		}
		for i := range int(n) {
			c := &cursor{b: b[i*entry : (i+1)*entry], f: f}
			nameAt, at := c.offset(), c.offset()
			cache := c.u32()
			if nameAt >= uint64(len(names)) {
				return bad("a name at %d of a heap of %d bytes", nameAt, len(names))
			}
			end := nameAt
			for end < uint64(len(names)) && names[end] != 0 {
				end++
			}
			if end == uint64(len(names)) || end-nameAt > maxNameBytes || end == nameAt {
				return bad("a name at %d of the heap is empty, without end or longer than %d bytes", nameAt, maxNameBytes)
			}
			if cache == 2 {
				continue // a soft link
			}
			name := string(names[nameAt:end])
			if _, twice := out[name]; twice {
				return bad("two members are called %.80q", name)
			}
			if len(out) >= maxMembers {
				return bad("more than %d members", maxMembers)
			}
			out[name] = at
		}
		return nil
	})
	return out, err
}

// tree walks a version 1 B-tree and calls leaf for every child of its lowest level, with the key before it.
func (f *File) tree(root uint64, kind uint8, keySize int, leaf func(key []byte, addr uint64) error) error {
	seen := map[uint64]bool{}
	var walk func(addr uint64, level int) error
	walk = func(addr uint64, level int) error {
		if seen[addr] {
			return bad("the tree at %d comes back to its node at %d", root, addr)
		}
		if len(seen) >= maxNodes {
			return bad("the tree at %d has more than %d nodes", root, maxNodes)
		}
		seen[addr] = true
		head, err := f.block(addr, uint64(8+2*f.offsets))
		if err != nil {
			return err
		}
		c := &cursor{b: head, f: f}
		if string(c.take(4)) != "TREE" {
			return bad("no tree node at %d", addr)
		}
		if k := c.u8(); k != kind {
			return bad("a tree node of kind %d at %d, want %d", k, addr, kind)
		}
		here, n := int(c.u8()), int(c.u16())
		if level >= 0 && here != level || here > maxDepth {
			return bad("a tree node of level %d at %d, want %d", here, addr, level)
		}
		b, err := f.block(addr+uint64(len(head)), uint64(n*(keySize+f.offsets)))
		if err != nil {
			return err
		}
		c = &cursor{b: b, f: f}
		for range n {
			key, child := c.take(keySize), c.offset()
			if c.err != nil {
				return c.err
			}
			if here > 0 {
				err = walk(child, here-1)
			} else {
				err = leaf(key, child)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return walk(root, -1)
}

// elements multiplies the extents out.
func (o *Object) elements() (uint64, error) {
	if o.null {
		return 0, nil
	}
	n := uint64(1)
	for _, s := range o.shape {
		hi, lo := bits.Mul64(n, uint64(s))
		if hi != 0 {
			return 0, bad("shape %v is too large", o.shape)
		}
		n = lo
	}
	return n, nil
}
